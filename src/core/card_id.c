/*-------------------------------------------------------------------------
 *
 * card_id.c
 *	  Card ids: text form, image, order, mask
 *
 * A card id is one of three kinds.  Its image, which is also the payload of
 * the varlena and the binary form:
 *
 *		byte 0		high nibble: kind (1 digits, 2 bytes, 3 symbol);
 *					low nibble: number of unused nibbles at the end (0 or 1,
 *					1 only for an odd number of digits)
 *		byte 1..	digits: BCD, two digits a byte, high nibble first, an
 *							unused last nibble is 0	(2 to 20 bytes)
 *					bytes:	as they are				(4 to 20 bytes)
 *					symbol: ASCII, upper case		(1 to 32 bytes)
 *
 * A 16-digit number takes 9 bytes and the 1-byte varlena header.  Leading
 * zeros matter.  Equal values have equal images, and card_id_check() refuses
 * every other image.
 *
 * Order: kind, then the payload bytewise with a prefix first, then the
 * number of digits.  Within a kind that is the order of the canonical texts
 * in COLLATE "C".
 *
 * Image and order must never change (test/sql/card_id.sql).
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "card_id.h"

#define HEADER(kind, unused) ((uint8_t) ((kind) << 4 | (unused)))
#define UNUSED_NIBBLES(image) ((image)[0] & 0x0F)

/* Abbreviated keys of digits are below 10^19, those of bytes and symbols not. */
#define ABBREVIATED_BYTES UINT64_C(10000000000000000000)
#define ABBREVIATED_SYMBOL (ABBREVIATED_BYTES + (UINT64_C(1) << 62))

/* The mask shows so many characters at the start and at the end, at most. */
#define MASK_HEAD 6
#define MASK_TAIL 4

static bool
starts_bytes_form(const char *text, size_t len)
{
	return len >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
}

static bool
is_separator(char c)
{
	return c == ' ' || c == '-';
}

/* Letters count in upper case only: this is about stored symbols. */
static bool
is_symbol_character(char c)
{
	return parse_is_digit(c) || parse_is_upper(c) ||
		c == '.' || c == '_' || c == '-';
}

/* A text of digits and separators only is the digits form. */
static bool
is_digits_form(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
	{
		if (!parse_is_digit(text[i]) && !is_separator(text[i]))
			return false;
	}
	return true;
}

/*
 * Digits in groups: one space or hyphen may stand between two digits, none
 * at the start, at the end or beside another.
 */
static ParseStatus
parse_digits(const char *text, size_t len, uint8_t *image, size_t *image_len)
{
	size_t count = 0;

	for (size_t i = 0; i < len; i++)
	{
		if (is_separator(text[i]))
		{
			if (i == 0 || i + 1 == len || is_separator(text[i + 1]))
				return PARSE_CARD_SEPARATOR;
			continue;
		}
		if (count == CARD_ID_MAX_DIGITS)
			return PARSE_CARD_DIGIT_COUNT;
		if (count % 2 == 0)
			image[1 + count / 2] = (uint8_t) ((text[i] - '0') << 4);
		else
			image[1 + count / 2] |= (uint8_t) (text[i] - '0');
		count++;
	}
	if (count < CARD_ID_MIN_DIGITS)
		return PARSE_CARD_DIGIT_COUNT;

	image[0] = HEADER(CARD_ID_DIGITS, count % 2);
	*image_len = 1 + (count + 1) / 2;
	return PARSE_OK;
}

/* Hexadecimal digits behind the 0x. */
static ParseStatus
parse_bytes(const char *text, size_t len, uint8_t *image, size_t *image_len)
{
	if (len < 2 * CARD_ID_MIN_BYTES || len > 2 * CARD_ID_MAX_BYTES)
		return PARSE_CARD_BYTE_COUNT;
	if (len % 2 != 0 || !parse_hex(text, len / 2, image + 1))
		return PARSE_CARD_HEX;

	image[0] = HEADER(CARD_ID_BYTES, 0);
	*image_len = 1 + len / 2;
	return PARSE_OK;
}

static ParseStatus
parse_symbol(const char *text, size_t len, uint8_t *image, size_t *image_len)
{
	bool has_letter = false;

	for (size_t i = 0; i < len; i++)
	{
		char c = parse_to_upper(text[i]);

		if (!is_symbol_character(c))
			return PARSE_CARD_SYMBOL_CHARACTER;
		if (i >= CARD_ID_MAX_SYMBOL)
			return PARSE_CARD_SYMBOL_LENGTH;
		if (parse_is_upper(c))
			has_letter = true;
		image[1 + i] = (uint8_t) c;
	}
	if (!has_letter)
		return PARSE_CARD_SYMBOL_LETTER;

	image[0] = HEADER(CARD_ID_SYMBOL, 0);
	*image_len = 1 + len;
	return PARSE_OK;
}

/*
 * Parse a text into an image, in a buffer of CARD_ID_MAX_IMAGE bytes.  The
 * text tells its kind: 0x is bytes, digits and separators are digits, all
 * else is a symbol.
 */
ParseStatus
card_id_parse(const char *text, size_t len, uint8_t *image, size_t *image_len)
{
	if (len == 0)
		return PARSE_CARD_EMPTY;
	if (starts_bytes_form(text, len))
		return parse_bytes(text + 2, len - 2, image, image_len);
	if (is_digits_form(text, len))
		return parse_digits(text, len, image, image_len);
	return parse_symbol(text, len, image, image_len);
}

/*
 * Write the canonical text of a valid image into a buffer of
 * CARD_ID_MAX_TEXT bytes; returns its length.
 */
size_t
card_id_format(const uint8_t *image, size_t image_len, char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	const uint8_t *payload = image + 1;
	size_t payload_len = image_len - 1;

	switch (card_id_kind(image))
	{
		case CARD_ID_DIGITS:
			return parse_put_hex(payload, payload_len, digits, text) -
				UNUSED_NIBBLES(image);
		case CARD_ID_BYTES:
			memcpy(text, "0x", 2);
			return 2 + parse_put_hex(payload, payload_len, digits, text + 2);
		case CARD_ID_SYMBOL:
			memcpy(text, payload, payload_len);
			return payload_len;
	}
	return 0; /* not reached with a valid image */
}

static ParseStatus
check_digits(const uint8_t *image, size_t image_len)
{
	size_t payload_len = image_len - 1;
	size_t unused = UNUSED_NIBBLES(image);

	if (unused > 1)
		return PARSE_CARD_KIND;
	if (2 * payload_len < CARD_ID_MIN_DIGITS + unused ||
		2 * payload_len > CARD_ID_MAX_DIGITS + unused)
		return PARSE_CARD_DIGIT_COUNT;
	for (size_t i = 1; i < image_len; i++)
	{
		if (image[i] >> 4 > 9 || (image[i] & 0x0F) > 9)
			return PARSE_CARD_NIBBLE;
	}
	if (unused == 1 && (image[image_len - 1] & 0x0F) != 0)
		return PARSE_CARD_UNUSED_NIBBLE;
	return PARSE_OK;
}

/* No lower case, and nothing that its own text would make another kind. */
static ParseStatus
check_symbol(const uint8_t *payload, size_t payload_len)
{
	bool has_letter = false;

	if (payload_len < 1 || payload_len > CARD_ID_MAX_SYMBOL)
		return PARSE_CARD_SYMBOL_LENGTH;
	for (size_t i = 0; i < payload_len; i++)
	{
		if (!is_symbol_character((char) payload[i]))
			return PARSE_CARD_SYMBOL_CHARACTER;
		if (parse_is_upper((char) payload[i]))
			has_letter = true;
	}
	if (!has_letter)
		return PARSE_CARD_SYMBOL_LETTER;
	if (starts_bytes_form((const char *) payload, payload_len))
		return PARSE_CARD_SYMBOL_PREFIX;
	return PARSE_OK;
}

/*
 * Is this the image of a text?  For bytes from outside: every image that
 * card_id_parse() cannot make is refused.
 */
ParseStatus
card_id_check(const uint8_t *image, size_t image_len)
{
	if (image_len == 0)
		return PARSE_CARD_EMPTY;
	if (image[0] >> 4 == CARD_ID_DIGITS)
		return check_digits(image, image_len);
	if (image[0] == HEADER(CARD_ID_BYTES, 0))
	{
		if (image_len < 1 + CARD_ID_MIN_BYTES ||
			image_len > 1 + CARD_ID_MAX_BYTES)
			return PARSE_CARD_BYTE_COUNT;
		return PARSE_OK;
	}
	if (image[0] == HEADER(CARD_ID_SYMBOL, 0))
		return check_symbol(image + 1, image_len - 1);
	return PARSE_CARD_KIND;
}

/*
 * The order of the type: negative, zero, positive.  With the same kind and
 * the same payload the id with an unused nibble has one digit less.
 */
int
card_id_compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	int result = (int) card_id_kind(a) - (int) card_id_kind(b);

	if (result == 0)
		result = memcmp(a + 1, b + 1, (a_len < b_len ? a_len : b_len) - 1);
	if (result == 0)
		result = (a_len > b_len) - (a_len < b_len);
	if (result == 0)
		result = (int) UNUSED_NIBBLES(b) - (int) UNUSED_NIBBLES(a);
	return result;
}

/* The number of 16 digits that BCD in eight bytes stands for. */
static uint64_t
decimal_value(uint64_t bcd)
{
	bcd -= 6 * (bcd >> 4 & UINT64_C(0x0F0F0F0F0F0F0F0F)); /* two digits in a byte */
	bcd -= 156 * (bcd >> 8 & UINT64_C(0x00FF00FF00FF00FF)); /* four in 16 bits */
	bcd -= 55536 * (bcd >> 16 & UINT64_C(0x0000FFFF0000FFFF)); /* eight in 32 bits */
	return bcd - UINT64_C(4194967296) * (bcd >> 32);
}

/*
 * A number that never contradicts the order.  Of digits the value of the
 * first 19, so that numbers given one after the other differ in it (of BCD
 * as it is 15 digits would fit).  Of bytes and symbols the first 62 bits,
 * behind all digits; the first bit of a symbol is 0.
 */
uint64_t
card_id_abbreviate(const uint8_t *image, size_t image_len)
{
	uint64_t start = parse_load_be64(image + 1, image_len - 1);
	unsigned byte_9 = image_len > 9 ? image[9] : 0;
	unsigned byte_10 = image_len > 10 ? image[10] : 0;

	switch (card_id_kind(image))
	{
		case CARD_ID_DIGITS:
			return decimal_value(start) * 1000 + (byte_9 >> 4) * 100 + (byte_9 & 0x0F) * 10 + (byte_10 >> 4);
		case CARD_ID_BYTES:
			return ABBREVIATED_BYTES + (start >> 2);
		case CARD_ID_SYMBOL:
			return ABBREVIATED_SYMBOL + (start >> 2);
	}
	return 0; /* not reached with a valid image */
}

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool
is_alphanumeric(char c)
{
	return parse_is_digit(c) || parse_is_letter(c);
}

/*
 * Hide a text but for its first six and its last four characters, and a
 * quarter of it at either end at most: never more than half is shown.
 */
static void
mask_middle(char *text, size_t len)
{
	size_t head = smaller(MASK_HEAD, len / 4);
	size_t tail = smaller(MASK_TAIL, len / 4);

	memset(text + head, '*', len - head - tail);
}

/*
 * Hide the middle of each run of letters and digits: the whole of a short
 * id must not show because there is something around it.
 */
static void
mask_runs(char *text, size_t len)
{
	size_t start = 0;

	while (start < len)
	{
		size_t end = start;

		while (end < len && is_alphanumeric(text[end]))
			end++;
		mask_middle(text + start, end - start);
		start = end + 1;
	}
}

/*
 * Mask a card id for people, into a buffer of CARD_ID_MAX_MASK bytes;
 * returns the length, which is that of the canonical text.
 */
size_t
card_id_mask(const uint8_t *image, size_t image_len, char *masked)
{
	size_t len = card_id_format(image, image_len, masked);
	size_t start = starts_bytes_form(masked, len) ? 2 : 0;

	mask_middle(masked + start, len - start);
	return len;
}

/*
 * Mask a text that is no card id but may contain one, into a buffer of
 * CARD_ID_MAX_MASK bytes; returns the length.  A long text loses its middle.
 * Bytes outside printable ASCII that would be shown become '?' one by one,
 * hence the result is valid in every encoding.
 */
size_t
card_id_mask_text(const char *text, size_t len, char *masked)
{
	const size_t half = CARD_ID_MAX_MASK / 2;
	size_t start = starts_bytes_form(text, len) ? 2 : 0;
	bool is_long = len > CARD_ID_MAX_MASK;

	if (is_long)
	{
		memcpy(masked, text, half);
		memcpy(masked + half, text + len - half, half);
		len = CARD_ID_MAX_MASK;
	}
	else if (len > 0)
		memcpy(masked, text, len);

	mask_runs(masked + start, len - start);
	mask_middle(masked + start, len - start);
	for (size_t i = 0; i < len; i++)
	{
		if (masked[i] < 0x20 || masked[i] > 0x7E)
			masked[i] = '?';
	}
	if (is_long)
		memcpy(masked + half - 1, "...", 3);
	return len;
}
