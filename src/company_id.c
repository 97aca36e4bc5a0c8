/*-------------------------------------------------------------------------
 *
 * company_id.c
 *	  Type company_id: codes of card issuers and service providers
 *
 * Stored like int8; core/company_id.c says which number stands for a code.
 * The binary form is that number, 8 bytes big-endian, and the hash is taken
 * over it.  Integer order is the order of the codes in COLLATE "C".  None of
 * this may change (test/sql/company_id.sql).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/sortsupport.h"

#include "compat.h"
#include "company_id.h"
#include "type_support.h"

PG_FUNCTION_INFO_V1(company_id_in);
PG_FUNCTION_INFO_V1(company_id_out);
PG_FUNCTION_INFO_V1(company_id_recv);
PG_FUNCTION_INFO_V1(company_id_send);
PG_FUNCTION_INFO_V1(company_id_sortsupport);
PG_FUNCTION_INFO_V1(company_id_hash);
PG_FUNCTION_INFO_V1(company_id_hash_extended);

Datum
company_id_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	uint64_t value;
	ParseStatus status = company_id_parse(text, strlen(text), &value);

	if (status != PARSE_OK)
		return screissue_invalid_text(fcinfo->context, "company_id", screissue_echo(text), status);
	PG_RETURN_COMPANY_ID(value);
}

Datum
company_id_out(PG_FUNCTION_ARGS)
{
	char text[COMPANY_ID_MAX_TEXT];
	size_t len = company_id_format(PG_GETARG_COMPANY_ID(0), text);

	PG_RETURN_CSTRING(screissue_cstring(text, len));
}

Datum
company_id_recv(PG_FUNCTION_ARGS)
{
	size_t len;
	const uint8_t *bytes = screissue_message_rest((StringInfo) PG_GETARG_POINTER(0), &len);

	screissue_check_binary("company_id", company_id_check(bytes, len));
	PG_RETURN_COMPANY_ID(parse_load_be64(bytes, len));
}

Datum
company_id_send(PG_FUNCTION_ARGS)
{
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendint64(&message, PG_GETARG_COMPANY_ID(0));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

static int
compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int
company_id_compare_arguments(FunctionCallInfo fcinfo)
{
	return compare(PG_GETARG_COMPANY_ID(0), PG_GETARG_COMPANY_ID(1));
}

ORDER_FUNCTIONS(company_id)

/* Stored and ordered like int8, so sorted like it. */
Datum
company_id_sortsupport(PG_FUNCTION_ARGS)
{
	return btint8sortsupport(fcinfo);
}

/* Hashes are taken over the bytes most significant first, on any machine. */
static void
big_endian_argument(FunctionCallInfo fcinfo, uint8_t *bytes)
{
	parse_store_be64(PG_GETARG_COMPANY_ID(0), bytes);
}

Datum
company_id_hash(PG_FUNCTION_ARGS)
{
	uint8_t bytes[sizeof(uint64_t)];

	big_endian_argument(fcinfo, bytes);
	return hash_any(bytes, sizeof(bytes));
}

Datum
company_id_hash_extended(PG_FUNCTION_ARGS)
{
	uint8_t bytes[sizeof(uint64_t)];

	big_endian_argument(fcinfo, bytes);
	return hash_any_extended(bytes, sizeof(bytes), (uint64) PG_GETARG_INT64(1));
}
