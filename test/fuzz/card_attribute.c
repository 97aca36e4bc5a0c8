/*
 * Fuzz driver of card_attribute: any bytes as text, as image and as what was
 * decrypted.
 */
#include "fuzz.h"

#include "card_attribute.h"

/*
 * A valid image goes through its text, and through its parts, and comes
 * back; so much of the text as an error shows has none of the ciphertext.
 */
static void
check_image(const uint8_t *image, size_t image_len)
{
	char *text = malloc(CARD_ATTRIBUTE_MAX_TEXT);
	uint8_t *again = malloc(CARD_ATTRIBUTE_MAX_IMAGE);
	size_t len = card_attribute_format(image, image_len, text);
	size_t again_len;
	size_t ciphertext_len;
	const uint8_t *ciphertext;

	CHECK(len <= CARD_ATTRIBUTE_MAX_TEXT);
	CHECK(card_attribute_parse(text, len, again, &again_len) == PARSE_OK);
	CHECK(again_len == image_len && memcmp(again, image, image_len) == 0);

	ciphertext = card_attribute_ciphertext(image, image_len, &ciphertext_len);
	CHECK(card_attribute_prefix(text, len) == len - 2 * ciphertext_len);
	CHECK(card_attribute_prefix(text, len) <= CARD_ATTRIBUTE_MAX_PREFIX);
	CHECK(card_attribute_make(card_attribute_scheme(image), card_attribute_key_id(image),
							  ciphertext, ciphertext_len, again, &again_len) == PARSE_OK);
	CHECK(again_len == image_len && memcmp(again, image, image_len) == 0);
	free(text);
	free(again);
}

/* What is read of a plaintext is the whole of it. */
static void
check_plaintext(const uint8_t *plaintext, size_t len)
{
	CardAttributeContent *content = malloc(sizeof(CardAttributeContent));
	char *again = malloc(CARD_ATTRIBUTE_MAX_PLAINTEXT);
	size_t again_len;

	if (card_attribute_read_plaintext(plaintext, len, content))
	{
		CHECK(card_id_check(content->card_id, content->card_id_len) == PARSE_OK);
		again_len = card_id_format(content->card_id, content->card_id_len, again);
		if (content->secret_len > 0)
		{
			CHECK(content->secret_len >= CARD_ATTRIBUTE_MIN_SECRET && content->secret_len <= CARD_ATTRIBUTE_MAX_SECRET);
			again[again_len++] = '/';
			memcpy(again + again_len, content->secret, content->secret_len);
			again_len += content->secret_len;
		}
		CHECK(again_len == len && memcmp(again, plaintext, len) == 0);
	}
	free(content);
	free(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *image = malloc(CARD_ATTRIBUTE_MAX_IMAGE);
	size_t image_len;

	if (card_attribute_parse((const char *) data, size, image, &image_len) == PARSE_OK)
	{
		CHECK(card_attribute_check(image, image_len) == PARSE_OK);
		check_image(image, image_len);
	}
	CHECK(card_attribute_prefix((const char *) data, size) <= CARD_ATTRIBUTE_MAX_PREFIX);
	if (card_attribute_check(data, size) == PARSE_OK)
		check_image(data, size);
	check_plaintext(data, size);
	free(image);
	return 0;
}
