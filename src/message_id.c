/*-------------------------------------------------------------------------
 *
 * message_id.c
 *	  Type message_id: ids of loading permissions
 *
 * 24 bytes by reference, which core/message_id.c describes.  The binary form
 * is the same bytes.  Order is memcmp; the hash is taken over all bytes.
 * There is no abbreviated key: the first eight bytes are the issuer, mostly
 * one.  None of this may change (test/sql/message_id.sql).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/sortsupport.h"

#include "compat.h"
#include "company_id.h"
#include "message_id.h"
#include "type_support.h"

PG_FUNCTION_INFO_V1(message_id_in);
PG_FUNCTION_INFO_V1(message_id_out);
PG_FUNCTION_INFO_V1(message_id_recv);
PG_FUNCTION_INFO_V1(message_id_send);
PG_FUNCTION_INFO_V1(message_id_sortsupport);
PG_FUNCTION_INFO_V1(message_id_hash);
PG_FUNCTION_INFO_V1(message_id_hash_extended);
PG_FUNCTION_INFO_V1(screissue_message_id);
PG_FUNCTION_INFO_V1(screissue_issuer);
PG_FUNCTION_INFO_V1(screissue_provider);
PG_FUNCTION_INFO_V1(screissue_sequence);

Datum
message_id_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	MessageId *id = palloc(sizeof(MessageId));
	ParseStatus status = message_id_parse(text, strlen(text), id);

	if (status != PARSE_OK)
		return screissue_invalid_text(fcinfo->context, "message_id", screissue_echo(text), status);
	PG_RETURN_MESSAGE_ID(id);
}

Datum
message_id_out(PG_FUNCTION_ARGS)
{
	char text[MESSAGE_ID_MAX_TEXT];
	size_t len = message_id_format(PG_GETARG_MESSAGE_ID(0), text);

	PG_RETURN_CSTRING(screissue_cstring(text, len));
}

Datum
message_id_recv(PG_FUNCTION_ARGS)
{
	MessageId *id = palloc(sizeof(MessageId));
	size_t len;
	const uint8_t *bytes = screissue_message_rest((StringInfo) PG_GETARG_POINTER(0), &len);

	screissue_check_binary("message_id", message_id_check(bytes, len));
	memcpy(id->bytes, bytes, MESSAGE_ID_BYTES);
	PG_RETURN_MESSAGE_ID(id);
}

Datum
message_id_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(screissue_varlena(PG_GETARG_MESSAGE_ID(0)->bytes, MESSAGE_ID_BYTES));
}

static int
message_id_compare_arguments(FunctionCallInfo fcinfo)
{
	return message_id_compare(PG_GETARG_MESSAGE_ID(0), PG_GETARG_MESSAGE_ID(1));
}

ORDER_FUNCTIONS(message_id)

static int
message_id_fast_cmp(Datum x, Datum y, SortSupport ssup)
{
	return message_id_compare(DatumGetMessageId(x), DatumGetMessageId(y));
}

Datum
message_id_sortsupport(PG_FUNCTION_ARGS)
{
	SortSupport ssup = (SortSupport) PG_GETARG_POINTER(0);

	ssup->comparator = message_id_fast_cmp;
	PG_RETURN_VOID();
}

Datum
message_id_hash(PG_FUNCTION_ARGS)
{
	return hash_any(PG_GETARG_MESSAGE_ID(0)->bytes, MESSAGE_ID_BYTES);
}

Datum
message_id_hash_extended(PG_FUNCTION_ARGS)
{
	return hash_any_extended(PG_GETARG_MESSAGE_ID(0)->bytes, MESSAGE_ID_BYTES, (uint64) PG_GETARG_INT64(1));
}

/*
 * message_id(company_id, company_id, bigint): raises 22023 if the sequence is
 * less than 1.
 */
Datum
screissue_message_id(PG_FUNCTION_ARGS)
{
	int64 sequence = PG_GETARG_INT64(2);
	MessageId *id = palloc(sizeof(MessageId));

	if (!message_id_make(PG_GETARG_COMPANY_ID(0), PG_GETARG_COMPANY_ID(1), sequence, id))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("sequence of a message id out of range: " INT64_FORMAT, sequence),
				 errdetail("%s", screissue_parse_detail(PARSE_MESSAGE_SEQUENCE))));
	PG_RETURN_MESSAGE_ID(id);
}

Datum
screissue_issuer(PG_FUNCTION_ARGS)
{
	PG_RETURN_COMPANY_ID(message_id_issuer(PG_GETARG_MESSAGE_ID(0)));
}

Datum
screissue_provider(PG_FUNCTION_ARGS)
{
	PG_RETURN_COMPANY_ID(message_id_provider(PG_GETARG_MESSAGE_ID(0)));
}

Datum
screissue_sequence(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(message_id_sequence(PG_GETARG_MESSAGE_ID(0)));
}
