/*
 * Fuzz driver of company_id: any bytes as text, and the first eight bytes as
 * binary form.
 */
#include "fuzz.h"

#include "company_id.h"

static size_t
format(uint64_t value, char *text)
{
	char *exact = malloc(COMPANY_ID_MAX_TEXT);
	size_t len = company_id_format(value, exact);

	CHECK(len >= 1 && len <= COMPANY_ID_MAX_TEXT);
	memcpy(text, exact, len);
	free(exact);
	return len;
}

/* A valid value goes through its text and comes back. */
static void
check_value(uint64_t value)
{
	char text[COMPANY_ID_MAX_TEXT];
	size_t len = format(value, text);
	uint64_t again;

	CHECK(value <= INT64_MAX);
	CHECK(company_id_parse(text, len, &again) == PARSE_OK);
	CHECK(again == value);
}

/* Integer order is text order. */
static void
check_order(uint64_t a, uint64_t b)
{
	char a_text[COMPANY_ID_MAX_TEXT + 1] = "";
	char b_text[COMPANY_ID_MAX_TEXT + 1] = "";

	format(a, a_text);
	format(b, b_text);
	CHECK(sign(strcmp(a_text, b_text)) == (a > b) - (a < b));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t value;
	uint64_t other;

	if (company_id_parse((const char *) data, size, &value) == PARSE_OK)
	{
		CHECK(company_id_valid(value));
		check_value(value);
		for (size_t cut = 1; cut < size; cut++)
		{
			CHECK(company_id_parse((const char *) data + cut, size - cut, &other) == PARSE_OK);
			check_order(value, other);
			CHECK(company_id_parse((const char *) data, cut, &other) == PARSE_OK);
			CHECK(other < value);
		}
	}
	if (company_id_check(data, size) == PARSE_OK)
		check_value(parse_load_be64(data, size));
	return 0;
}
