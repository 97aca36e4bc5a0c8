/*
 * Fuzz driver of message_id: any bytes as text and as image.
 */
#include "fuzz.h"

#include "message_id.h"

/* A valid id goes through its text, and through its parts, and comes back. */
static void
check_id(const MessageId *id)
{
	char *text = malloc(MESSAGE_ID_MAX_TEXT);
	size_t len = message_id_format(id, text);
	MessageId again;

	CHECK(len >= 5 && len <= MESSAGE_ID_MAX_TEXT);
	CHECK(message_id_parse(text, len, &again) == PARSE_OK);
	CHECK(message_id_compare(id, &again) == 0);

	memset(&again, 0, sizeof(again));
	CHECK(message_id_make(message_id_issuer(id), message_id_provider(id), message_id_sequence(id), &again));
	CHECK(message_id_compare(id, &again) == 0);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	MessageId id;
	MessageId other;

	if (message_id_parse((const char *) data, size, &id) == PARSE_OK)
	{
		CHECK(message_id_check(id.bytes, sizeof(id.bytes)) == PARSE_OK);
		check_id(&id);
		if (message_id_make(message_id_issuer(&id), message_id_provider(&id), INT64_MAX, &other))
			CHECK(message_id_compare(&id, &other) <= 0);
	}
	if (message_id_check(data, size) == PARSE_OK)
	{
		memcpy(id.bytes, data, sizeof(id.bytes));
		check_id(&id);
	}
	return 0;
}
