/*-------------------------------------------------------------------------
 *
 * card_attribute.c
 *	  Card attributes: encrypted card ids, text form and image
 *
 * What a card gives away instead of its id: a ciphertext that only the card
 * issuer can read, with the scheme and the key it was made for.  Text
 * scheme:key_id:hex, image:
 *
 *		byte 0		version of this layout, 1
 *		byte 1		scheme (CardAttributeScheme)
 *		byte 2		key id, 0 to 255
 *		byte 3..	ciphertext, 1 to 1536 bytes
 *
 * There is no order.  Equality is equality of the image.  Whether the
 * ciphertext makes sense for its scheme is for decryption to say, which
 * treats all faults alike.  The image must never change
 * (test/sql/card_attribute.sql); another layout gets another version.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "card_attribute.h"

static const char *const scheme_names[] = {
	[CARD_ATTRIBUTE_ECIES_X25519] = "ecies-x25519",
	[CARD_ATTRIBUTE_ECIES_P256] = "ecies-p256",
	[CARD_ATTRIBUTE_RSA_OAEP_SHA256] = "rsa-oaep-sha256",
};

#define SCHEME_COUNT ((int) (sizeof(scheme_names) / sizeof(scheme_names[0])))

/* Name of a scheme, NULL if there is none of that number. */
const char *
card_attribute_scheme_name(CardAttributeScheme scheme)
{
	if ((int) scheme < 1 || (int) scheme >= SCHEME_COUNT)
		return NULL;
	return scheme_names[scheme];
}

/* Scheme of a name, exactly as written; CARD_ATTRIBUTE_NO_SCHEME if none. */
CardAttributeScheme
card_attribute_scheme_find(const char *name, size_t len)
{
	for (int scheme = 1; scheme < SCHEME_COUNT; scheme++)
	{
		if (len == strlen(scheme_names[scheme]) &&
			memcmp(name, scheme_names[scheme], len) == 0)
			return (CardAttributeScheme) scheme;
	}
	return CARD_ATTRIBUTE_NO_SCHEME;
}

/* A decimal number 0 to 255 without leading zeros; -1 if it is none. */
static int
parse_key_id(const char *text, size_t len)
{
	int value = 0;

	if (len < 1 || len > 3 || (len > 1 && text[0] == '0'))
		return -1;
	for (size_t i = 0; i < len; i++)
	{
		if (!parse_is_digit(text[i]))
			return -1;
		value = value * 10 + (text[i] - '0');
	}
	return value <= 255 ? value : -1;
}

/*
 * Parse scheme and key id up to and with the second colon, whose position
 * + 1 goes to *prefix_len.
 */
static ParseStatus
parse_prefix(const char *text, size_t len, CardAttributeScheme *scheme,
			 int *key_id, size_t *prefix_len)
{
	const char *colon1 = len == 0 ? NULL : memchr(text, ':', len);
	const char *colon2;

	if (colon1 == NULL)
		return PARSE_ATTRIBUTE_PARTS;
	colon2 = memchr(colon1 + 1, ':', len - (size_t) (colon1 + 1 - text));
	if (colon2 == NULL)
		return PARSE_ATTRIBUTE_PARTS;

	*scheme = card_attribute_scheme_find(text, (size_t) (colon1 - text));
	if (*scheme == CARD_ATTRIBUTE_NO_SCHEME)
		return PARSE_ATTRIBUTE_SCHEME;
	*key_id = parse_key_id(colon1 + 1, (size_t) (colon2 - colon1 - 1));
	if (*key_id < 0)
		return PARSE_ATTRIBUTE_KEY_ID;
	*prefix_len = (size_t) (colon2 + 1 - text);
	return PARSE_OK;
}

/*
 * Parse a text into an image, in a buffer of CARD_ATTRIBUTE_MAX_IMAGE bytes.
 * Hexadecimal digits may be of either case, the rest is taken as written.
 */
ParseStatus
card_attribute_parse(const char *text, size_t len,
					 uint8_t *image, size_t *image_len)
{
	CardAttributeScheme scheme;
	int key_id;
	size_t prefix_len;
	size_t hex_len;
	ParseStatus status;

	status = parse_prefix(text, len, &scheme, &key_id, &prefix_len);
	if (status != PARSE_OK)
		return status;

	hex_len = len - prefix_len;
	if (hex_len < 2 || hex_len > 2 * CARD_ATTRIBUTE_MAX_CIPHERTEXT)
		return PARSE_ATTRIBUTE_LENGTH;
	if (hex_len % 2 != 0 ||
		!parse_hex(text + prefix_len, hex_len / 2,
				   image + CARD_ATTRIBUTE_HEADER))
		return PARSE_ATTRIBUTE_HEX;

	image[0] = CARD_ATTRIBUTE_VERSION;
	image[1] = (uint8_t) scheme;
	image[2] = (uint8_t) key_id;
	*image_len = CARD_ATTRIBUTE_HEADER + hex_len / 2;
	return PARSE_OK;
}

/*
 * Length of a valid "scheme:key_id:" at the start of a text, 0 if there is
 * none.  That much of a malformed attribute may be shown.
 */
size_t
card_attribute_prefix(const char *text, size_t len)
{
	CardAttributeScheme scheme;
	int key_id;
	size_t prefix_len;

	if (parse_prefix(text, len, &scheme, &key_id, &prefix_len) != PARSE_OK)
		return 0;
	return prefix_len;
}

/* Write a number 0 to 255 in decimal; returns the length. */
static size_t
put_key_id(int key_id, char *text)
{
	size_t len = 0;

	if (key_id >= 100)
		text[len++] = (char) ('0' + key_id / 100);
	if (key_id >= 10)
		text[len++] = (char) ('0' + key_id / 10 % 10);
	text[len++] = (char) ('0' + key_id % 10);
	return len;
}

/*
 * Write the canonical text of a valid image into a buffer of
 * CARD_ATTRIBUTE_MAX_TEXT bytes; returns its length.
 */
size_t
card_attribute_format(const uint8_t *image, size_t image_len, char *text)
{
	const char *name = card_attribute_scheme_name(card_attribute_scheme(image));
	size_t len;

	if (name == NULL)
		return 0; /* not reached with a valid image */
	len = strlen(name);
	memcpy(text, name, len);
	text[len++] = ':';
	len += put_key_id(card_attribute_key_id(image), text + len);
	text[len++] = ':';
	len += parse_put_hex(image + CARD_ATTRIBUTE_HEADER,
						 image_len - CARD_ATTRIBUTE_HEADER,
						 "0123456789abcdef", text + len);
	return len;
}

/* Is this the image of a text?  For bytes from outside. */
ParseStatus
card_attribute_check(const uint8_t *image, size_t image_len)
{
	if (image_len <= CARD_ATTRIBUTE_HEADER ||
		image_len > CARD_ATTRIBUTE_MAX_IMAGE)
		return PARSE_ATTRIBUTE_LENGTH;
	if (image[0] != CARD_ATTRIBUTE_VERSION)
		return PARSE_ATTRIBUTE_VERSION;
	if (card_attribute_scheme_name(card_attribute_scheme(image)) == NULL)
		return PARSE_ATTRIBUTE_SCHEME;
	return PARSE_OK;
}

/*
 * Put an image together, in a buffer of CARD_ATTRIBUTE_MAX_IMAGE bytes.
 */
ParseStatus
card_attribute_make(CardAttributeScheme scheme, int key_id,
					const uint8_t *ciphertext, size_t ciphertext_len,
					uint8_t *image, size_t *image_len)
{
	if (card_attribute_scheme_name(scheme) == NULL)
		return PARSE_ATTRIBUTE_SCHEME;
	if (key_id < 0 || key_id > 255)
		return PARSE_ATTRIBUTE_KEY_ID;
	if (ciphertext_len < 1 || ciphertext_len > CARD_ATTRIBUTE_MAX_CIPHERTEXT)
		return PARSE_ATTRIBUTE_LENGTH;

	image[0] = CARD_ATTRIBUTE_VERSION;
	image[1] = (uint8_t) scheme;
	image[2] = (uint8_t) key_id;
	memcpy(image + CARD_ATTRIBUTE_HEADER, ciphertext, ciphertext_len);
	*image_len = CARD_ATTRIBUTE_HEADER + ciphertext_len;
	return PARSE_OK;
}

CardAttributeScheme
card_attribute_scheme(const uint8_t *image)
{
	return (CardAttributeScheme) image[1];
}

int
card_attribute_key_id(const uint8_t *image)
{
	return image[2];
}

const uint8_t *
card_attribute_ciphertext(const uint8_t *image, size_t image_len,
						  size_t *ciphertext_len)
{
	*ciphertext_len = image_len - CARD_ATTRIBUTE_HEADER;
	return image + CARD_ATTRIBUTE_HEADER;
}

/* 8 to 32 characters of 0-9, A-Z, a-z, _ and - */
static bool
is_secret(const char *text, size_t len)
{
	if (len < CARD_ATTRIBUTE_MIN_SECRET || len > CARD_ATTRIBUTE_MAX_SECRET)
		return false;
	for (size_t i = 0; i < len; i++)
	{
		if (!parse_is_digit(text[i]) && !parse_is_letter(text[i]) && text[i] != '_' && text[i] != '-')
			return false;
	}
	return true;
}

/*
 * Read what was encrypted: the canonical text of a card id, which may be
 * followed by a slash and the card's secret.  False if it is anything else.
 */
bool
card_attribute_read_plaintext(const uint8_t *plaintext, size_t len,
							  CardAttributeContent *content)
{
	const char *text = (const char *) plaintext;
	const char *slash = len == 0 ? NULL : memchr(text, '/', len);
	size_t id_len = slash == NULL ? len : (size_t) (slash - text);
	char canonical[CARD_ID_MAX_TEXT];

	content->secret_len = 0;
	if (card_id_parse(text, id_len, content->card_id, &content->card_id_len) != PARSE_OK ||
		card_id_format(content->card_id, content->card_id_len, canonical) != id_len ||
		memcmp(canonical, text, id_len) != 0)
		return false;
	if (slash == NULL)
		return true;
	if (!is_secret(slash + 1, len - id_len - 1))
		return false;
	content->secret_len = len - id_len - 1;
	memcpy(content->secret, slash + 1, content->secret_len);
	return true;
}
