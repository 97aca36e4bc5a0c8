/*-------------------------------------------------------------------------
 *
 * app_id.c
 *	  Type app_id: application identifiers of ISO/IEC 7816-5
 *
 * A varlena of 5 to 16 bytes, which core/app_id.c describes, with a 1-byte
 * header in tables.  The binary form is the same bytes.  Order is bytewise, a
 * prefix first; the hash is taken over all bytes.  None of this may change
 * (test/sql/app_id.sql).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/sortsupport.h"

#include "compat.h"
#include "app_id.h"
#include "type_support.h"

PG_FUNCTION_INFO_V1(app_id_in);
PG_FUNCTION_INFO_V1(app_id_out);
PG_FUNCTION_INFO_V1(app_id_recv);
PG_FUNCTION_INFO_V1(app_id_send);
PG_FUNCTION_INFO_V1(app_id_sortsupport);
PG_FUNCTION_INFO_V1(screissue_rid);
PG_FUNCTION_INFO_V1(screissue_pix);

static const ImageOrder app_id_order = {app_id_compare, app_id_abbreviate};

Datum
app_id_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	uint8_t aid[APP_ID_MAX_BYTES];
	size_t aid_len;
	ParseStatus status = app_id_parse(text, strlen(text), aid, &aid_len);

	if (status != PARSE_OK)
		return screissue_invalid_text(fcinfo->context, "app_id", screissue_echo(text), status);
	PG_RETURN_BYTEA_P(screissue_varlena(aid, aid_len));
}

Datum
app_id_out(PG_FUNCTION_ARGS)
{
	struct varlena *app = PG_GETARG_APP_ID_PP(0);
	char text[APP_ID_MAX_TEXT];
	size_t len = app_id_format(VARLENA_IMAGE(app), VARLENA_IMAGE_LEN(app), text);

	PG_RETURN_CSTRING(screissue_cstring(text, len));
}

Datum
app_id_recv(PG_FUNCTION_ARGS)
{
	size_t len;
	const uint8_t *aid = screissue_message_rest((StringInfo) PG_GETARG_POINTER(0), &len);

	screissue_check_binary("app_id", app_id_check(aid, len));
	PG_RETURN_BYTEA_P(screissue_varlena(aid, len));
}

Datum
app_id_send(PG_FUNCTION_ARGS)
{
	struct varlena *app = PG_GETARG_APP_ID_PP(0);

	PG_RETURN_BYTEA_P(screissue_varlena(VARLENA_IMAGE(app), VARLENA_IMAGE_LEN(app)));
}

static int
app_id_compare_arguments(FunctionCallInfo fcinfo)
{
	struct varlena *a = PG_GETARG_APP_ID_PP(0);
	struct varlena *b = PG_GETARG_APP_ID_PP(1);
	int result = app_id_compare(VARLENA_IMAGE(a), VARLENA_IMAGE_LEN(a), VARLENA_IMAGE(b), VARLENA_IMAGE_LEN(b));

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

ORDER_FUNCTIONS(app_id)
IMAGE_HASH_FUNCTIONS(app_id)

Datum
app_id_sortsupport(PG_FUNCTION_ARGS)
{
	screissue_image_sortsupport((SortSupport) PG_GETARG_POINTER(0), &app_id_order);
	PG_RETURN_VOID();
}

/*
 * rid(app_id): the registered application provider identifier, 5 bytes; NULL
 * for an id outside the two registered categories.
 */
Datum
screissue_rid(PG_FUNCTION_ARGS)
{
	struct varlena *app = PG_GETARG_APP_ID_PP(0);
	size_t rid_len = app_id_rid_length(VARLENA_IMAGE(app), VARLENA_IMAGE_LEN(app));

	if (rid_len == 0)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(screissue_varlena(VARLENA_IMAGE(app), rid_len));
}

/*
 * pix(app_id): what follows the rid, may be empty; the whole id if it has no
 * rid.
 */
Datum
screissue_pix(PG_FUNCTION_ARGS)
{
	struct varlena *app = PG_GETARG_APP_ID_PP(0);
	size_t rid_len = app_id_rid_length(VARLENA_IMAGE(app), VARLENA_IMAGE_LEN(app));

	PG_RETURN_BYTEA_P(screissue_varlena(VARLENA_IMAGE(app) + rid_len, VARLENA_IMAGE_LEN(app) - rid_len));
}
