/*
 * Fuzz driver of card_id and of check digits: any bytes as text, as image and
 * as two images in a row.
 */
#include "fuzz.h"

#include "card_id.h"
#include "checkdigit.h"

/* What is shown: so many characters at most, and half of them at most. */
static void
check_mask(const char *masked, size_t len)
{
	size_t start = len >= 2 && masked[0] == '0' && (masked[1] == 'x' || masked[1] == 'X') ? 2 : 0;
	size_t shown = 0;

	CHECK(len <= CARD_ID_MAX_MASK);
	for (size_t i = start; i < len; i++)
	{
		CHECK(masked[i] >= 0x20 && masked[i] <= 0x7E);
		if (masked[i] != '*' && !(len == CARD_ID_MAX_MASK && masked[i] == '.'))
			shown++;
	}
	CHECK(shown <= 10 && 2 * shown <= len - start);
}

/* A valid image goes through its text and comes back. */
static void
check_image(const uint8_t *image, size_t image_len)
{
	char *text = malloc(CARD_ID_MAX_TEXT);
	uint8_t *again = malloc(CARD_ID_MAX_IMAGE);
	char *masked = malloc(CARD_ID_MAX_MASK);
	size_t len = card_id_format(image, image_len, text);
	size_t again_len;
	size_t masked_len;

	CHECK(image_len <= CARD_ID_MAX_IMAGE && len >= 1 && len <= CARD_ID_MAX_TEXT);
	CHECK(card_id_parse(text, len, again, &again_len) == PARSE_OK);
	CHECK(again_len == image_len && memcmp(again, image, image_len) == 0);
	CHECK(card_id_compare(image, image_len, again, again_len) == 0);

	masked_len = card_id_mask(image, image_len, masked);
	CHECK(masked_len == len);
	check_mask(masked, masked_len);

	if (card_id_kind(image) == CARD_ID_DIGITS)
	{
		bool luhn = checkdigit_luhn(text, len);

		(void) checkdigit_mod97(text, len);
		text[len - 1] = text[len - 1] == '9' ? '0' : (char) (text[len - 1] + 1);
		CHECK(!luhn || !checkdigit_luhn(text, len));
	}
	free(text);
	free(again);
	free(masked);
}

/* Order, its documented rule, and the abbreviated key agree. */
static void
check_order(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	char a_text[CARD_ID_MAX_TEXT + 1] = "";
	char b_text[CARD_ID_MAX_TEXT + 1] = "";
	int order = sign(card_id_compare(a, a_len, b, b_len));
	uint64_t a_key = card_id_abbreviate(a, a_len);
	uint64_t b_key = card_id_abbreviate(b, b_len);

	CHECK(order == -sign(card_id_compare(b, b_len, a, a_len)));
	CHECK((order == 0) == (a_len == b_len && memcmp(a, b, a_len) == 0));
	CHECK(a_key == b_key || (a_key > b_key ? 1 : -1) == order);
	if (a[0] == CARD_ID_DIGITS << 4 && a[0] == b[0] && a_len == b_len && a_len <= 10)
		CHECK((a_key == b_key) == (order == 0)); /* 18 digits are in it */

	a_text[card_id_format(a, a_len, a_text)] = '\0';
	b_text[card_id_format(b, b_len, b_text)] = '\0';
	if (card_id_kind(a) == card_id_kind(b))
		CHECK(order == sign(strcmp(a_text, b_text)));
	else
		CHECK(order == (card_id_kind(a) > card_id_kind(b) ? 1 : -1));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *image = malloc(CARD_ID_MAX_IMAGE);
	char *masked = malloc(CARD_ID_MAX_MASK);
	size_t image_len;

	if (card_id_parse((const char *) data, size, image, &image_len) == PARSE_OK)
	{
		CHECK(card_id_check(image, image_len) == PARSE_OK);
		check_image(image, image_len);
	}
	check_mask(masked, card_id_mask_text((const char *) data, size, masked));

	if (card_id_check(data, size) == PARSE_OK)
		check_image(data, size);
	for (size_t cut = 1; cut < size && size <= 2 * CARD_ID_MAX_IMAGE; cut++)
	{
		if (card_id_check(data, cut) == PARSE_OK && card_id_check(data + cut, size - cut) == PARSE_OK)
			check_order(data, cut, data + cut, size - cut);
	}
	free(image);
	free(masked);
	return 0;
}
