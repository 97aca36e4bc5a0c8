/*-------------------------------------------------------------------------
 *
 * type_support.c
 *	  What the types of screissue share on the server side
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/hyperloglog.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"
#include "utils/sortsupport.h"
#include "utils/typcache.h"

#include "compat.h"
#include "type_support.h"

/* An error shows so much of an input, at most. */
#define ECHO_BYTES 64

/* State of sorting by abbreviated keys, see image_abbrev_abort() */
typedef struct AbbreviationState
{
	const ImageOrder *order;
	int64 input_count; /* values seen */
	bool estimating; /* still counting distinct keys? */
	hyperLogLogState distinct; /* their number */
} AbbreviationState;

/*
 * The reason of a refused input as a sentence, for errdetail.
 */
const char *
screissue_parse_detail(ParseStatus status)
{
	static const char *const details[PARSE_STATUS_COUNT] = {
		[PARSE_OK] = "The value is valid.",

		[PARSE_COMPANY_LENGTH] = "A company id has 1 to 12 characters.",
		[PARSE_COMPANY_CHARACTER] = "A company id consists of digits and of letters A to Z.",
		[PARSE_COMPANY_VALUE] = "The number does not stand for 1 to 12 characters.",
		[PARSE_COMPANY_SIZE] = "A company id has 8 bytes.",

		[PARSE_APP_LENGTH] = "An application id has 5 to 16 bytes, that is 10 to 32 hexadecimal digits.",
		[PARSE_APP_CHARACTER] = "An application id consists of hexadecimal digits.",
		[PARSE_APP_ODD] = "An application id has an even number of hexadecimal digits.",

		[PARSE_CARD_EMPTY] = "A card id cannot be empty.",
		[PARSE_CARD_KIND] = "The first byte is not a kind of card id.",
		[PARSE_CARD_DIGIT_COUNT] = "A card id of digits has 4 to 40 of them.",
		[PARSE_CARD_SEPARATOR] = "A single space or hyphen may stand between two digits, not elsewhere.",
		[PARSE_CARD_NIBBLE] = "The digits are not in binary coded decimal.",
		[PARSE_CARD_UNUSED_NIBBLE] = "The unused half of the last byte is not zero.",
		[PARSE_CARD_BYTE_COUNT] = "A card id of bytes has 4 to 20 of them.",
		[PARSE_CARD_HEX] = "A card id of bytes consists of 0x and an even number of hexadecimal digits.",
		[PARSE_CARD_SYMBOL_LENGTH] = "A card id with letters has 1 to 32 characters.",
		[PARSE_CARD_SYMBOL_CHARACTER] = "A card id consists of digits, letters A to Z, and the characters \".\", \"_\" and \"-\".",
		[PARSE_CARD_SYMBOL_LETTER] = "A card id with other characters than digits, spaces and hyphens has at least one letter.",
		[PARSE_CARD_SYMBOL_PREFIX] = "A card id that starts with 0X is one of bytes.",

		[PARSE_MESSAGE_PARTS] = "A message id has the form ISSUER/PROVIDER/SEQUENCE.",
		[PARSE_MESSAGE_ISSUER] = "The issuer in a message id must be a valid company id.",
		[PARSE_MESSAGE_PROVIDER] = "The provider in a message id must be a valid company id.",
		[PARSE_MESSAGE_SEQUENCE] = "The sequence in a message id is a number from 1 to 9223372036854775807 without leading zeros.",
		[PARSE_MESSAGE_SIZE] = "A message id has 24 bytes.",

		[PARSE_ATTRIBUTE_PARTS] = "A card attribute has the form scheme:key_id:hex.",
		[PARSE_ATTRIBUTE_VERSION] = "The version of the format is not known.",
		[PARSE_ATTRIBUTE_SCHEME] = "The scheme of a card attribute is ecies-x25519, ecies-p256 or rsa-oaep-sha256.",
		[PARSE_ATTRIBUTE_KEY_ID] = "The key id of a card attribute is a number from 0 to 255 without leading zeros.",
		[PARSE_ATTRIBUTE_HEX] = "The ciphertext consists of an even number of hexadecimal digits.",
		[PARSE_ATTRIBUTE_LENGTH] = "The ciphertext of a card attribute has 1 to 1536 bytes.",
	};

	return details[status];
}

/*
 * Report malformed text, softly if the caller asks for that: then the result
 * is a dummy.  The echo must be fit for a log.
 */
Datum
screissue_invalid_text(Node *escontext, const char *type, const char *echo, ParseStatus status)
{
	ereturn(escontext, (Datum) 0,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type %s: \"%s\"", type, echo),
			 errdetail("%s", screissue_parse_detail(status))));
}

/*
 * Raise unless a binary form was found valid.  Shows nothing of it.
 */
void
screissue_check_binary(const char *type, ParseStatus status)
{
	if (status != PARSE_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("incorrect binary data format for type %s", type),
				 errdetail("%s", screissue_parse_detail(status))));
}

/*
 * An input as an error may show it: cut at a character boundary.  For inputs
 * that are not confidential.
 */
const char *
screissue_echo(const char *text)
{
	int len = (int) strlen(text);

	if (len <= ECHO_BYTES)
		return text;
	return psprintf("%.*s...", pg_mbcliplen(text, len, ECHO_BYTES), text);
}

/*
 * Take all that is left of a message.
 */
const uint8_t *
screissue_message_rest(StringInfo message, size_t *len)
{
	*len = (size_t) (message->len - message->cursor);
	return (const uint8_t *) pq_getmsgbytes(message, (int) *len);
}

/*
 * Copy text of a core formatter into a palloc'd C string.
 */
char *
screissue_cstring(const char *text, size_t len)
{
	return pnstrdup(text, len);
}

/*
 * Copy an image into a palloc'd varlena.
 */
bytea *
screissue_varlena(const uint8_t *image, size_t len)
{
	bytea *result = palloc(VARHDRSZ + len);

	SET_VARSIZE(result, VARHDRSZ + len);
	memcpy(VARDATA(result), image, len);
	return result;
}

TupleDesc
screissue_row_type(FunctionCallInfo fcinfo, RowType *known)
{
	if (known->function != fcinfo->flinfo->fn_oid)
	{
		MemoryContext former = MemoryContextSwitchTo(TopMemoryContext);
		TupleDesc descriptor;

		if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "return type must be a row type");
		known->descriptor = BlessTupleDesc(descriptor);
		known->function = fcinfo->flinfo->fn_oid;
		MemoryContextSwitchTo(former);
	}
	return known->descriptor;
}

/* Raises 22004 where a column is null that may not be. */
void
screissue_read_record(HeapTupleHeader record, int columns, uint32 nullable, Datum *values, bool *isnull)
{
	TupleDesc descriptor = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(record), HeapTupleHeaderGetTypMod(record));
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(record), .t_data = record};

	if (descriptor->natts != columns)
		elog(ERROR, "row has %d columns, not %d", descriptor->natts, columns);
	heap_deform_tuple(&tuple, descriptor, values, isnull);
	for (int i = 0; i < columns; i++)
	{
		if (isnull[i] && (nullable & (1U << i)) == 0)
			ereport(ERROR,
					errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					errmsg("column \"%s\" must not be null", NameStr(TupleDescAttr(descriptor, i)->attname)));
	}
	ReleaseTupleDesc(descriptor);
}

/*
 * Compare two values while sorting.  Memory is not freed before the end of
 * the sort, hence the pfree of what was detoasted.
 */
static int
image_fast_cmp(Datum x, Datum y, SortSupport ssup)
{
	const AbbreviationState *state = ssup->ssup_extra;
	struct varlena *a = PG_DETOAST_DATUM_PACKED(x);
	struct varlena *b = PG_DETOAST_DATUM_PACKED(y);
	int result;

	result = state->order->compare(VARLENA_IMAGE(a), VARLENA_IMAGE_LEN(a), VARLENA_IMAGE(b), VARLENA_IMAGE_LEN(b));

	if ((Pointer) a != DatumGetPointer(x))
		pfree(a);
	if ((Pointer) b != DatumGetPointer(y))
		pfree(b);
	return result;
}

/*
 * Abbreviated key of a value.  It is computed as a number, most significant
 * byte first, so it compares alike on machines of either byte order; where a
 * Datum has four bytes its upper half is enough.
 */
static Datum
image_abbrev_convert(Datum original, SortSupport ssup)
{
	AbbreviationState *state = ssup->ssup_extra;
	struct varlena *image = PG_DETOAST_DATUM_PACKED(original);
	uint64 key = state->order->abbreviate(VARLENA_IMAGE(image), VARLENA_IMAGE_LEN(image));

	if ((Pointer) image != DatumGetPointer(original))
		pfree(image);

	state->input_count++;
	if (state->estimating)
	{
		uint32 folded = (uint32) key ^ (uint32) (key >> 32);

		addHyperLogLog(&state->distinct, DatumGetUInt32(hash_uint32(folded)));
	}
	return (Datum) (key >> (64 - 8 * sizeof(Datum)));
}

/*
 * Give abbreviation up if there are too few distinct keys.  The numbers are
 * those of uuid_abbrev_abort().
 */
static bool
image_abbrev_abort(int memtupcount, SortSupport ssup)
{
	AbbreviationState *state = ssup->ssup_extra;
	double distinct;

	if (memtupcount < 10000 || state->input_count < 10000 || !state->estimating)
		return false;

	distinct = estimateHyperLogLog(&state->distinct);

	/* Enough of them: worth it, and not worth counting on. */
	if (distinct > 100000.0)
	{
		state->estimating = false;
		return false;
	}
	/* Less than one distinct key for 2,000 values will not pay. */
	return distinct < state->input_count / 2000.0 + 0.5;
}

/*
 * Fill in a SortSupport for a type kept as varlena image.
 */
void
screissue_image_sortsupport(SortSupport ssup, const ImageOrder *order)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(ssup->ssup_cxt);
	AbbreviationState *state = palloc0(sizeof(AbbreviationState));

	state->order = order;
	ssup->ssup_extra = state;
	ssup->comparator = image_fast_cmp;
	if (ssup->abbreviate)
	{
		state->estimating = true;
		initHyperLogLog(&state->distinct, 10);
		ssup->comparator = ssup_datum_unsigned_cmp;
		ssup->abbrev_converter = image_abbrev_convert;
		ssup->abbrev_abort = image_abbrev_abort;
		ssup->abbrev_full_comparator = image_fast_cmp;
	}
	MemoryContextSwitchTo(oldcontext);
}

/* Raise 22023 if the argument is null, as screissue.require() does. */
void
screissue_require_argument(FunctionCallInfo fcinfo, int number, const char *name)
{
	if (PG_ARGISNULL(number))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("argument \"%s\" must not be null", name));
}
