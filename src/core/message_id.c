/*-------------------------------------------------------------------------
 *
 * message_id.c
 *	  Ids of loading permissions: text and byte form
 *
 * A message id names one loading permission for all times: the card issuer
 * that gave it, the service provider that got it, and a number that the
 * issuer never gives twice.  Text ISSUER/PROVIDER/SEQUENCE, image:
 *
 *		byte  0.. 7		issuer, a company id (company_id.c), big-endian
 *		byte  8..15		provider, likewise
 *		byte 16..23		sequence, 1 to 2^63 - 1, big-endian
 *
 * Order is memcmp, which is issuer, provider, sequence.  Image and order
 * must never change (test/sql/message_id.sql).
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "message_id.h"

/* A decimal number 1 to 2^63 - 1 without leading zeros. */
static bool
parse_sequence(const char *text, size_t len, int64_t *sequence)
{
	int64_t value = 0;

	if (len == 0 || text[0] == '0')
		return false;
	for (size_t i = 0; i < len; i++)
	{
		int digit;

		if (!parse_is_digit(text[i]))
			return false;
		digit = text[i] - '0';
		if (value > (INT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*sequence = value;
	return true;
}

/* Parse a text; the company ids may be in lower case. */
ParseStatus
message_id_parse(const char *text, size_t len, MessageId *id)
{
	const char *end = text + len;
	const char *slash1 = len == 0 ? NULL : memchr(text, '/', len);
	const char *slash2;
	uint64_t issuer;
	uint64_t provider;
	int64_t sequence;

	if (slash1 == NULL)
		return PARSE_MESSAGE_PARTS;
	slash2 = memchr(slash1 + 1, '/', (size_t) (end - slash1 - 1));
	if (slash2 == NULL ||
		memchr(slash2 + 1, '/', (size_t) (end - slash2 - 1)) != NULL)
		return PARSE_MESSAGE_PARTS;

	if (company_id_parse(text, (size_t) (slash1 - text), &issuer) != PARSE_OK)
		return PARSE_MESSAGE_ISSUER;
	if (company_id_parse(slash1 + 1, (size_t) (slash2 - slash1 - 1),
						 &provider) != PARSE_OK)
		return PARSE_MESSAGE_PROVIDER;
	if (!parse_sequence(slash2 + 1, (size_t) (end - slash2 - 1), &sequence))
		return PARSE_MESSAGE_SEQUENCE;

	(void) message_id_make(issuer, provider, sequence, id);
	return PARSE_OK;
}

/* Write a positive number in decimal; returns the length. */
static size_t
put_decimal(uint64_t value, char *text)
{
	char reversed[20];
	size_t len = 0;

	do
	{
		reversed[len++] = (char) ('0' + value % 10);
		value /= 10;
	} while (value > 0);
	for (size_t i = 0; i < len; i++)
		text[i] = reversed[len - 1 - i];
	return len;
}

/*
 * Write the canonical text into a buffer of MESSAGE_ID_MAX_TEXT bytes;
 * returns its length.
 */
size_t
message_id_format(const MessageId *id, char *text)
{
	size_t len = company_id_format(message_id_issuer(id), text);

	text[len++] = '/';
	len += company_id_format(message_id_provider(id), text + len);
	text[len++] = '/';
	len += put_decimal((uint64_t) message_id_sequence(id), text + len);
	return len;
}

/* Is this the image of a text?  For bytes from outside. */
ParseStatus
message_id_check(const uint8_t *bytes, size_t len)
{
	uint64_t sequence;

	if (len != MESSAGE_ID_BYTES)
		return PARSE_MESSAGE_SIZE;
	if (!company_id_valid(parse_load_be64(bytes, 8)))
		return PARSE_MESSAGE_ISSUER;
	if (!company_id_valid(parse_load_be64(bytes + 8, 8)))
		return PARSE_MESSAGE_PROVIDER;
	sequence = parse_load_be64(bytes + 16, 8);
	if (sequence < 1 || sequence > (uint64_t) INT64_MAX)
		return PARSE_MESSAGE_SEQUENCE;
	return PARSE_OK;
}

/* Put a message id together; false, and *id untouched, if it is none. */
bool
message_id_make(uint64_t issuer, uint64_t provider, int64_t sequence,
				MessageId *id)
{
	if (!company_id_valid(issuer) || !company_id_valid(provider) ||
		sequence < 1)
		return false;
	parse_store_be64(issuer, id->bytes);
	parse_store_be64(provider, id->bytes + 8);
	parse_store_be64((uint64_t) sequence, id->bytes + 16);
	return true;
}

int
message_id_compare(const MessageId *a, const MessageId *b)
{
	return memcmp(a->bytes, b->bytes, MESSAGE_ID_BYTES);
}

uint64_t
message_id_issuer(const MessageId *id)
{
	return parse_load_be64(id->bytes, 8);
}

uint64_t
message_id_provider(const MessageId *id)
{
	return parse_load_be64(id->bytes + 8, 8);
}

int64_t
message_id_sequence(const MessageId *id)
{
	return (int64_t) parse_load_be64(id->bytes + 16, 8);
}
