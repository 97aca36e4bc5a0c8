/*-------------------------------------------------------------------------
 *
 * company_id.c
 *	  Codes of card issuers and service providers: text and integer form
 *
 * A company id has 1 to 12 characters of 0-9 and A-Z.  It is kept as a
 * number of twelve base-37 digits, left aligned:
 *
 *		position	1    2    3   ...   12
 *		weight		37^11 37^10 37^9 ... 1
 *		digit		0 = end of the code, 1..10 = '0'..'9', 11..36 = 'A'..'Z'
 *
 * Every position behind the end is 0, so a code has exactly one number.
 * 37^12 < 2^63, so signed and unsigned order agree, and both are the order
 * of the text in COLLATE "C".  Digit values, width and alignment must never
 * change: they are on disk (pinned by test/sql/company_id.sql).
 *
 *-------------------------------------------------------------------------
 */
#include "company_id.h"

/* Base-37 digit of a character, 0 if a company id cannot have it. */
static unsigned
digit_of(char c)
{
	if (parse_is_digit(c))
		return (unsigned) (c - '0') + 1;
	c = parse_to_upper(c);
	if (parse_is_upper(c))
		return (unsigned) (c - 'A') + 11;
	return 0;
}

static char
character_of(unsigned digit)
{
	return (char) (digit <= 10 ? '0' + (digit - 1) : 'A' + (digit - 11));
}

/*
 * Split a number into its twelve digits, first position first.  The rest
 * that does not fit is returned: 0 unless value >= 37^12.
 */
static uint64_t
split(uint64_t value, unsigned digits[COMPANY_ID_MAX_TEXT])
{
	for (int i = COMPANY_ID_MAX_TEXT - 1; i >= 0; i--)
	{
		digits[i] = (unsigned) (value % COMPANY_ID_BASE);
		value /= COMPANY_ID_BASE;
	}
	return value;
}

/*
 * Parse a text; lower case is accepted.  *value is set on PARSE_OK only.
 */
ParseStatus
company_id_parse(const char *text, size_t len, uint64_t *value)
{
	uint64_t result = 0;

	if (len == 0)
		return PARSE_COMPANY_LENGTH;
	for (size_t i = 0; i < len; i++)
	{
		unsigned digit = digit_of(text[i]);

		if (digit == 0)
			return PARSE_COMPANY_CHARACTER;
		if (i >= COMPANY_ID_MAX_TEXT)
			return PARSE_COMPANY_LENGTH;
		result = result * COMPANY_ID_BASE + digit;
	}
	for (size_t i = len; i < COMPANY_ID_MAX_TEXT; i++)
		result *= COMPANY_ID_BASE;

	*value = result;
	return PARSE_OK;
}

/*
 * Write the canonical text (upper case, no NUL) of a valid value into a
 * buffer of COMPANY_ID_MAX_TEXT bytes; returns its length.
 */
size_t
company_id_format(uint64_t value, char *text)
{
	unsigned digits[COMPANY_ID_MAX_TEXT];
	size_t len = 0;

	(void) split(value, digits);
	while (len < COMPANY_ID_MAX_TEXT && digits[len] != 0)
	{
		text[len] = character_of(digits[len]);
		len++;
	}
	return len;
}

/*
 * Is this number the image of a text?  No empty code, nothing behind the
 * end, nothing beyond twelve positions.
 */
bool
company_id_valid(uint64_t value)
{
	unsigned digits[COMPANY_ID_MAX_TEXT];

	if (split(value, digits) != 0 || digits[0] == 0)
		return false;
	for (int i = 1; i < COMPANY_ID_MAX_TEXT; i++)
	{
		if (digits[i] != 0 && digits[i - 1] == 0)
			return false;
	}
	return true;
}

/*
 * Is this the binary form of a company id?  For bytes from outside.
 */
ParseStatus
company_id_check(const uint8_t *bytes, size_t len)
{
	if (len != COMPANY_ID_BYTES)
		return PARSE_COMPANY_SIZE;
	if (!company_id_valid(parse_load_be64(bytes, len)))
		return PARSE_COMPANY_VALUE;
	return PARSE_OK;
}
