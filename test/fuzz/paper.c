/*
 * Fuzz driver of paper: any bytes as typed text, and any values printed and
 * read again.
 */
#include "fuzz.h"

#include "paper.h"

static bool
same_value(const PaperValue *a, const PaperValue *b)
{
	return a->given == b->given &&
		(!a->given || (a->len == b->len && memcmp(a->text, b->text, a->len) == 0));
}

static void
check_values(PaperForm form, const PaperValue *values)
{
	char *text = malloc(PAPER_MAX_TEXT);
	PaperValue again[PAPER_MAX_FIELDS];
	PaperPlace place;
	size_t len;

	CHECK(paper_print(form, values, text, &len, &place) == PAPER_OK);
	CHECK(len <= PAPER_MAX_TEXT);
	text = realloc(text, len);
	CHECK(paper_read(form, text, len, again, &place) == PAPER_OK);
	for (unsigned i = 0; i < paper_field_count(form); i++)
		CHECK(same_value(&values[i], &again[i]));
	free(text);
}

/* What was typed is taken, or refused at a place that there is. */
static void
check_typed(PaperForm form, const char *text, size_t len)
{
	PaperValue values[PAPER_MAX_FIELDS];
	PaperPlace place;
	PaperStatus status = paper_read(form, text, len, values, &place);

	CHECK(status < PAPER_STATUS_COUNT && status != PAPER_FAULT);
	CHECK(place.line >= 1 && place.line <= paper_field_count(form) + 3);
	if (status == PAPER_OK)
		check_values(form, values);
	else if (place.group > 0)
		CHECK(paper_label(form, place.line) != NULL);
}

/*
 * Values from the input: a byte is the length of each, or that there is none;
 * what is not printable becomes so.
 */
static bool
make_values(PaperForm form, const uint8_t *data, size_t size, PaperValue *values)
{
	for (unsigned i = 0; i < paper_field_count(form); i++)
	{
		size_t len;

		if (size == 0)
			return false;
		len = data[0] % (PAPER_MAX_VALUE + 2);
		data++;
		size--;
		values[i].given = len <= PAPER_MAX_VALUE;
		values[i].len = values[i].given ? len : 0;
		if (size < values[i].len)
			return false;
		for (size_t j = 0; j < values[i].len; j++)
			values[i].text[j] = (char) (0x20 + data[j] % 0x5F);
		data += values[i].len;
		size -= values[i].len;
	}
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	PaperForm form;
	PaperValue values[PAPER_MAX_FIELDS];

	if (size == 0)
		return 0;
	form = (PaperForm) (data[0] % PAPER_FORMS);
	check_typed(form, (const char *) data + 1, size - 1);
	if (make_values(form, data + 1, size - 1, values))
		check_values(form, values);
	return 0;
}
