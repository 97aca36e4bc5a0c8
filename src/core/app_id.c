/*-------------------------------------------------------------------------
 *
 * app_id.c
 *	  Application identifiers (ISO/IEC 7816-5 AID): text and byte form
 *
 * The image is the AID itself, 5 to 16 bytes:
 *
 *		byte 0..4	RID, the registered provider (first nibble A or D)
 *		byte 5..15	PIX, what the provider adds, may be empty
 *
 * The text is the same in hexadecimal, upper case.  Order is bytewise, a
 * prefix before what it is a prefix of, which is the order of the texts in
 * COLLATE "C".  Image and order must never change (test/sql/app_id.sql).
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "app_id.h"

/*
 * Parse 10 to 32 hexadecimal digits, an even number, of either case, into a
 * buffer of APP_ID_MAX_BYTES.
 */
ParseStatus
app_id_parse(const char *text, size_t len, uint8_t *aid, size_t *aid_len)
{
	for (size_t i = 0; i < len; i++)
	{
		if (parse_hex_digit(text[i]) < 0)
			return PARSE_APP_CHARACTER;
		if (i >= APP_ID_MAX_TEXT)
			return PARSE_APP_LENGTH;
	}
	if (len < 2 * APP_ID_MIN_BYTES)
		return PARSE_APP_LENGTH;
	if (len % 2 != 0)
		return PARSE_APP_ODD;

	*aid_len = len / 2;
	(void) parse_hex(text, *aid_len, aid);
	return PARSE_OK;
}

/* Write the canonical text into a buffer of APP_ID_MAX_TEXT bytes. */
size_t
app_id_format(const uint8_t *aid, size_t aid_len, char *text)
{
	return parse_put_hex(aid, aid_len, "0123456789ABCDEF", text);
}

/* Is this the image of a text?  For bytes from outside. */
ParseStatus
app_id_check(const uint8_t *aid, size_t aid_len)
{
	(void) aid;
	if (aid_len < APP_ID_MIN_BYTES || aid_len > APP_ID_MAX_BYTES)
		return PARSE_APP_LENGTH;
	return PARSE_OK;
}

/* The order of the type: negative, zero, positive. */
int
app_id_compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	int result = memcmp(a, b, a_len < b_len ? a_len : b_len);

	if (result != 0)
		return result;
	return (a_len > b_len) - (a_len < b_len);
}

/* A number that never contradicts the order: the first eight bytes. */
uint64_t
app_id_abbreviate(const uint8_t *aid, size_t aid_len)
{
	return parse_load_be64(aid, aid_len);
}

/*
 * Length of the registered application provider identifier: 5 in the
 * international (A) and the national (D) category, else 0.  Category F is
 * proprietary and registered nowhere, the others have no RID either.
 */
size_t
app_id_rid_length(const uint8_t *aid, size_t aid_len)
{
	int category = aid[0] >> 4;

	(void) aid_len;
	return category == 0xA || category == 0xD ? APP_ID_RID_BYTES : 0;
}
