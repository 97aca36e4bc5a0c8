/*-------------------------------------------------------------------------
 *
 * parse.h
 *	  What the parsers of src/core share: reasons, character classes, integers
 *
 * Everything under src/core is plain C99.  It knows neither the server nor
 * an allocator: text and images come as pointer and length, results go to
 * buffers of the caller, failure is a ParseStatus.  So it can be fuzzed and
 * sanitized alone, and nothing in it ever raises.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_CORE_PARSE_H
#define SCREISSUE_CORE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Why a text or a binary form was refused.  Each reason is one sentence in
 * screissue_parse_detail() (src/type_support.c).
 */
typedef enum ParseStatus
{
	PARSE_OK = 0,

	PARSE_COMPANY_LENGTH,
	PARSE_COMPANY_CHARACTER,
	PARSE_COMPANY_VALUE,
	PARSE_COMPANY_SIZE,

	PARSE_APP_LENGTH,
	PARSE_APP_CHARACTER,
	PARSE_APP_ODD,

	PARSE_CARD_EMPTY,
	PARSE_CARD_KIND,
	PARSE_CARD_DIGIT_COUNT,
	PARSE_CARD_SEPARATOR,
	PARSE_CARD_NIBBLE,
	PARSE_CARD_UNUSED_NIBBLE,
	PARSE_CARD_BYTE_COUNT,
	PARSE_CARD_HEX,
	PARSE_CARD_SYMBOL_LENGTH,
	PARSE_CARD_SYMBOL_CHARACTER,
	PARSE_CARD_SYMBOL_LETTER,
	PARSE_CARD_SYMBOL_PREFIX,

	PARSE_MESSAGE_PARTS,
	PARSE_MESSAGE_ISSUER,
	PARSE_MESSAGE_PROVIDER,
	PARSE_MESSAGE_SEQUENCE,
	PARSE_MESSAGE_SIZE,

	PARSE_ATTRIBUTE_PARTS,
	PARSE_ATTRIBUTE_VERSION,
	PARSE_ATTRIBUTE_SCHEME,
	PARSE_ATTRIBUTE_KEY_ID,
	PARSE_ATTRIBUTE_HEX,
	PARSE_ATTRIBUTE_LENGTH,

	PARSE_STATUS_COUNT /* keep last */
} ParseStatus;

/*
 * Character classes.  ASCII only, whatever the locale: a full-width digit is
 * three bytes that belong to no class.
 */
static inline bool
parse_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline char
parse_to_upper(char c)
{
	return (c >= 'a' && c <= 'z') ? (char) (c - 'a' + 'A') : c;
}

static inline bool
parse_is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static inline bool
parse_is_letter(char c)
{
	return parse_is_upper(parse_to_upper(c));
}

/* Value of a hexadecimal digit, -1 if it is none. */
static inline int
parse_hex_digit(char c)
{
	if (parse_is_digit(c))
		return c - '0';
	c = parse_to_upper(c);
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decode 2 * count hexadecimal digits; false if one is none. */
static inline bool
parse_hex(const char *text, size_t count, uint8_t *bytes)
{
	for (size_t i = 0; i < count; i++)
	{
		int high = parse_hex_digit(text[2 * i]);
		int low = parse_hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		bytes[i] = (uint8_t) (high << 4 | low);
	}
	return true;
}

/* Encode count bytes with the sixteen digits given; returns 2 * count. */
static inline size_t
parse_put_hex(const uint8_t *bytes, size_t count, const char *digits, char *text)
{
	for (size_t i = 0; i < count; i++)
	{
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 0x0F];
	}
	return 2 * count;
}

/* Big-endian integer of the first eight bytes; missing ones count as zero. */
static inline uint64_t
parse_load_be64(const uint8_t *bytes, size_t len)
{
	uint64_t value = 0;

	for (size_t i = 0; i < 8; i++)
		value = value << 8 | (i < len ? bytes[i] : 0);
	return value;
}

static inline void
parse_store_be64(uint64_t value, uint8_t *bytes)
{
	for (int i = 7; i >= 0; i--)
	{
		bytes[i] = (uint8_t) value;
		value >>= 8;
	}
}

#endif /* SCREISSUE_CORE_PARSE_H */
