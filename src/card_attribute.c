/*-------------------------------------------------------------------------
 *
 * card_attribute.c
 *	  Type card_attribute: encrypted card ids
 *
 * A varlena of 4 to 1539 bytes, which core/card_attribute.c describes.  The
 * binary form is the same bytes.  There is equality and a hash, over all
 * bytes, and no order.  None of this may change
 * (test/sql/card_attribute.sql).
 *
 * No error shows a ciphertext, not even a part of one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/sortsupport.h"

#include "compat.h"
#include "card_attribute.h"
#include "type_support.h"

PG_FUNCTION_INFO_V1(card_attribute_in);
PG_FUNCTION_INFO_V1(card_attribute_out);
PG_FUNCTION_INFO_V1(card_attribute_recv);
PG_FUNCTION_INFO_V1(card_attribute_send);
PG_FUNCTION_INFO_V1(screissue_card_attribute);
PG_FUNCTION_INFO_V1(screissue_scheme);
PG_FUNCTION_INFO_V1(screissue_key_id);
PG_FUNCTION_INFO_V1(screissue_ciphertext);

Datum
card_attribute_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	uint8_t image[CARD_ATTRIBUTE_MAX_IMAGE];
	size_t image_len;
	ParseStatus status = card_attribute_parse(text, strlen(text), image, &image_len);

	if (status != PARSE_OK)
	{
		int prefix_len = (int) card_attribute_prefix(text, strlen(text));

		return screissue_invalid_text(fcinfo->context, "card_attribute", psprintf("%.*s...", prefix_len, text), status);
	}
	PG_RETURN_BYTEA_P(screissue_varlena(image, image_len));
}

Datum
card_attribute_out(PG_FUNCTION_ARGS)
{
	struct varlena *attribute = PG_GETARG_CARD_ATTRIBUTE_PP(0);
	char text[CARD_ATTRIBUTE_MAX_TEXT];
	size_t len = card_attribute_format(VARLENA_IMAGE(attribute), VARLENA_IMAGE_LEN(attribute), text);

	PG_RETURN_CSTRING(screissue_cstring(text, len));
}

Datum
card_attribute_recv(PG_FUNCTION_ARGS)
{
	size_t len;
	const uint8_t *image = screissue_message_rest((StringInfo) PG_GETARG_POINTER(0), &len);

	screissue_check_binary("card_attribute", card_attribute_check(image, len));
	PG_RETURN_BYTEA_P(screissue_varlena(image, len));
}

Datum
card_attribute_send(PG_FUNCTION_ARGS)
{
	struct varlena *attribute = PG_GETARG_CARD_ATTRIBUTE_PP(0);

	PG_RETURN_BYTEA_P(screissue_varlena(VARLENA_IMAGE(attribute), VARLENA_IMAGE_LEN(attribute)));
}

/* Zero if equal; the sign means nothing. */
static int
card_attribute_compare_arguments(FunctionCallInfo fcinfo)
{
	struct varlena *a = PG_GETARG_CARD_ATTRIBUTE_PP(0);
	struct varlena *b = PG_GETARG_CARD_ATTRIBUTE_PP(1);
	int result = 1;

	if (VARLENA_IMAGE_LEN(a) == VARLENA_IMAGE_LEN(b))
		result = memcmp(VARLENA_IMAGE(a), VARLENA_IMAGE(b), VARLENA_IMAGE_LEN(a));
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

EQUALITY_FUNCTIONS(card_attribute)
IMAGE_HASH_FUNCTIONS(card_attribute)

/*
 * card_attribute(text, int, bytea): from scheme, key id and ciphertext;
 * raises 22023 if one of them is not valid.
 */
Datum
screissue_card_attribute(PG_FUNCTION_ARGS)
{
	text *scheme = PG_GETARG_TEXT_PP(0);
	bytea *ciphertext = PG_GETARG_BYTEA_PP(2);
	uint8_t image[CARD_ATTRIBUTE_MAX_IMAGE];
	size_t image_len;
	ParseStatus status;

	status = card_attribute_make(card_attribute_scheme_find(VARDATA_ANY(scheme), VARSIZE_ANY_EXHDR(scheme)),
								 PG_GETARG_INT32(1),
								 VARLENA_IMAGE(ciphertext), VARLENA_IMAGE_LEN(ciphertext),
								 image, &image_len);
	if (status != PARSE_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid part of a card attribute"),
				 errdetail("%s", screissue_parse_detail(status))));
	PG_RETURN_BYTEA_P(screissue_varlena(image, image_len));
}

Datum
screissue_scheme(PG_FUNCTION_ARGS)
{
	struct varlena *attribute = PG_GETARG_CARD_ATTRIBUTE_PP(0);
	const char *name = card_attribute_scheme_name(card_attribute_scheme(VARLENA_IMAGE(attribute)));

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("stored card attribute has an unknown scheme")));
	PG_RETURN_TEXT_P(cstring_to_text(name));
}

Datum
screissue_key_id(PG_FUNCTION_ARGS)
{
	struct varlena *attribute = PG_GETARG_CARD_ATTRIBUTE_PP(0);

	PG_RETURN_INT32(card_attribute_key_id(VARLENA_IMAGE(attribute)));
}

Datum
screissue_ciphertext(PG_FUNCTION_ARGS)
{
	struct varlena *attribute = PG_GETARG_CARD_ATTRIBUTE_PP(0);
	size_t len;
	const uint8_t *ciphertext = card_attribute_ciphertext(VARLENA_IMAGE(attribute), VARLENA_IMAGE_LEN(attribute), &len);

	PG_RETURN_BYTEA_P(screissue_varlena(ciphertext, len));
}
