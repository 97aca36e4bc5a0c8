/*
 * Fuzz driver of app_id: any bytes as text and as image.
 */
#include "fuzz.h"

#include "app_id.h"

/* A valid image goes through its text and comes back. */
static void
check_image(const uint8_t *aid, size_t aid_len)
{
	char *text = malloc(2 * aid_len);
	uint8_t *again = malloc(APP_ID_MAX_BYTES);
	size_t again_len;
	size_t len = app_id_format(aid, aid_len, text);
	size_t rid_len = app_id_rid_length(aid, aid_len);

	CHECK(len == 2 * aid_len);
	CHECK(app_id_parse(text, len, again, &again_len) == PARSE_OK);
	CHECK(again_len == aid_len && memcmp(again, aid, aid_len) == 0);
	CHECK(rid_len == 0 || rid_len == APP_ID_RID_BYTES);
	CHECK(app_id_compare(aid, aid_len, again, again_len) == 0);
	free(text);
	free(again);
}

/* The order is one, and the abbreviated key does not contradict it. */
static void
check_order(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	int order = sign(app_id_compare(a, a_len, b, b_len));
	uint64_t a_key = app_id_abbreviate(a, a_len);
	uint64_t b_key = app_id_abbreviate(b, b_len);

	CHECK(order == -sign(app_id_compare(b, b_len, a, a_len)));
	CHECK((order == 0) == (a_len == b_len && memcmp(a, b, a_len) == 0));
	CHECK(a_key == b_key || (a_key > b_key ? 1 : -1) == order);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *aid = malloc(APP_ID_MAX_BYTES);
	size_t aid_len;

	if (app_id_parse((const char *) data, size, aid, &aid_len) == PARSE_OK)
	{
		CHECK(app_id_check(aid, aid_len) == PARSE_OK);
		check_image(aid, aid_len);
	}
	if (app_id_check(data, size) == PARSE_OK)
		check_image(data, size);
	for (size_t cut = APP_ID_MIN_BYTES; cut + APP_ID_MIN_BYTES <= size; cut++)
	{
		if (app_id_check(data, cut) == PARSE_OK && app_id_check(data + cut, size - cut) == PARSE_OK)
			check_order(data, cut, data + cut, size - cut);
	}
	free(aid);
	return 0;
}
