/*-------------------------------------------------------------------------
 *
 * card_id.c
 *	  Type card_id: ids of cards, as digits, bytes or a symbol
 *
 * A varlena of 3 to 33 bytes, which core/card_id.c describes, with a 1-byte
 * header in tables.  The binary form is the same bytes.  Order is kind,
 * payload, number of digits; the hash is taken over all bytes.  None of this
 * may change (test/sql/card_id.sql).
 *
 * A card id is confidential: no error shows more of one than its mask.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/sortsupport.h"

#include "compat.h"
#include "card_id.h"
#include "type_support.h"

PG_FUNCTION_INFO_V1(card_id_in);
PG_FUNCTION_INFO_V1(card_id_out);
PG_FUNCTION_INFO_V1(card_id_recv);
PG_FUNCTION_INFO_V1(card_id_send);
PG_FUNCTION_INFO_V1(card_id_sortsupport);
PG_FUNCTION_INFO_V1(screissue_mask);

static const ImageOrder card_id_order = {card_id_compare, card_id_abbreviate};

Datum
card_id_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	uint8_t image[CARD_ID_MAX_IMAGE];
	size_t image_len;
	ParseStatus status = card_id_parse(text, strlen(text), image, &image_len);

	if (status != PARSE_OK)
	{
		char masked[CARD_ID_MAX_MASK];
		size_t len = card_id_mask_text(text, strlen(text), masked);

		return screissue_invalid_text(fcinfo->context, "card_id", screissue_cstring(masked, len), status);
	}
	PG_RETURN_BYTEA_P(screissue_varlena(image, image_len));
}

Datum
card_id_out(PG_FUNCTION_ARGS)
{
	struct varlena *card = PG_GETARG_CARD_ID_PP(0);
	char text[CARD_ID_MAX_TEXT];
	size_t len = card_id_format(VARLENA_IMAGE(card), VARLENA_IMAGE_LEN(card), text);

	PG_RETURN_CSTRING(screissue_cstring(text, len));
}

Datum
card_id_recv(PG_FUNCTION_ARGS)
{
	size_t len;
	const uint8_t *image = screissue_message_rest((StringInfo) PG_GETARG_POINTER(0), &len);

	screissue_check_binary("card_id", card_id_check(image, len));
	PG_RETURN_BYTEA_P(screissue_varlena(image, len));
}

Datum
card_id_send(PG_FUNCTION_ARGS)
{
	struct varlena *card = PG_GETARG_CARD_ID_PP(0);

	PG_RETURN_BYTEA_P(screissue_varlena(VARLENA_IMAGE(card), VARLENA_IMAGE_LEN(card)));
}

static int
card_id_compare_arguments(FunctionCallInfo fcinfo)
{
	struct varlena *a = PG_GETARG_CARD_ID_PP(0);
	struct varlena *b = PG_GETARG_CARD_ID_PP(1);
	int result = card_id_compare(VARLENA_IMAGE(a), VARLENA_IMAGE_LEN(a), VARLENA_IMAGE(b), VARLENA_IMAGE_LEN(b));

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

ORDER_FUNCTIONS(card_id)
IMAGE_HASH_FUNCTIONS(card_id)

Datum
card_id_sortsupport(PG_FUNCTION_ARGS)
{
	screissue_image_sortsupport((SortSupport) PG_GETARG_POINTER(0), &card_id_order);
	PG_RETURN_VOID();
}

/*
 * mask(card_id): the canonical text with at most the first six and the last
 * four characters readable, never more than half of them.
 */
Datum
screissue_mask(PG_FUNCTION_ARGS)
{
	struct varlena *card = PG_GETARG_CARD_ID_PP(0);
	char masked[CARD_ID_MAX_MASK];
	size_t len = card_id_mask(VARLENA_IMAGE(card), VARLENA_IMAGE_LEN(card), masked);

	PG_RETURN_TEXT_P(cstring_to_text_with_len(masked, (int) len));
}
