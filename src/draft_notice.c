/*-------------------------------------------------------------------------
 *
 * draft_notice.c
 *	  Notices are written: whom to tell, and by which number
 *
 * The counters of those who are concerned are locked first, in the order of the
 * providers, so that two calls cannot deadlock, and are updated even where nothing
 * is due, as take_turn() does.  Only then, and once, it is asked what is due: a
 * contract may have been suspended or resumed while we waited, and an application
 * transferred.  So these rows are read from the tables, and not remembered.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/qunique.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"
#include "utils/sortsupport.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "compat.h"
#include "app_id.h"
#include "card_id.h"
#include "company_id.h"
#include "draft_notice.h"
#include "issuer_row.h"
#include "lookup.h"
#include "message_id.h"
#include "notice.h"
#include "registry.h"
#include "table.h"
#include "type_support.h"

PG_FUNCTION_INFO_V1(screissue_write_notices);
PG_FUNCTION_INFO_V1(screissue_raise_transferred);

/* An array of drafts in the making */

void
screissue_begin_drafts(DraftArray *array, Oid row_type)
{
	array->descriptor = lookup_rowtype_tupdesc(row_type, -1);
	array->drafts = initArrayResult(row_type, CurrentMemoryContext, false);
}

void
screissue_append_draft(DraftArray *array, DraftNotice *draft)
{
	HeapTuple tuple = heap_form_tuple(array->descriptor, draft->values, draft->isnull);

	accumArrayResult(array->drafts, HeapTupleGetDatum(tuple), false, array->drafts->element_type, CurrentMemoryContext);
}

Datum
screissue_end_drafts(DraftArray *array)
{
	ReleaseTupleDesc(array->descriptor);
	return makeArrayResult(array->drafts, CurrentMemoryContext);
}

/* Drafts that are an argument */

/* What a draft may lack */
static const uint32 nullable_columns = 1U << DRAFT_PLATFORM_TYPE | 1U << DRAFT_OLD_CARD_ID | 1U << DRAFT_OLD_PLATFORM_TYPE | 1U << DRAFT_REASON;

static DraftNotice *
read_drafts(ArrayType *array, int *count)
{
	int elements;
	Datum *element;
	bool *isnull;
	DraftNotice *drafts;

	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_DOUBLE, &element, &isnull, &elements);
	drafts = palloc(elements * sizeof(DraftNotice));
	*count = 0;
	for (int i = 0; i < elements; i++)
	{
		DraftNotice *draft = &drafts[*count];

		if (isnull[i])
			continue;
		screissue_read_record(DatumGetHeapTupleHeader(element[i]), DRAFT_COLUMNS, nullable_columns, draft->values, draft->isnull);
		(*count)++;
	}
	return drafts;
}

/* The method of a platform type, when drafts of many are about few */
typedef struct KnownMethod
{
	int platform_type;
	int method; /* 0 = unknown */
} KnownMethod;

/* Can anybody read the ids of such cards (method 1)? */
static bool
is_readable(const IssuerRow *issuer, const DraftNotice *draft, int column, KnownMethod *known)
{
	int platform_type = DatumGetInt32(draft->values[column]);

	if (draft->isnull[column])
		return false;
	if (known->method == 0 || known->platform_type != platform_type)
	{
		PlatformRow platform;

		known->platform_type = platform_type;
		known->method = screissue_find_platform(issuer, platform_type, &platform) ? platform.method : 0;
	}
	return known->method == 1;
}

pg_noreturn static void raise_transferred(void);

static void
raise_transferred(void)
{
	ereport(ERROR,
			errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			errmsg("application was transferred to another provider meanwhile"),
			errhint("The transaction might succeed if retried."));
}

/* raise_transferred(): the same for a mass reissue, which asks by itself */
Datum
screissue_raise_transferred(PG_FUNCTION_ARGS)
{
	raise_transferred();
}

/*
 * Is the draft for the provider of its application?  If that was transferred
 * while we waited, the notice would go to one who has no right to it, and the
 * other would not get it.
 */
static bool
is_addressed(const IssuerRow *issuer, const DraftNotice *draft)
{
	ApplicationRow application;

	return !screissue_find_application(issuer, draft->values[DRAFT_APP_ID], &application) ||
		application.provider == DatumGetCompanyId(draft->values[DRAFT_PROVIDER]);
}

/* Do notices go to this provider now? */
static bool
gets_notices(const IssuerRow *issuer, Datum provider)
{
	ProviderRow row;

	return screissue_find_provider(issuer, provider, &row) && row.gets_notices && screissue_is_in_force(&row);
}

/* card_issuer.notice_counter */

enum
{
	COUNTER_PROVIDER,
	COUNTER_LAST_NOTICE_NO,
	COUNTER_COLUMNS
};
static const ColumnShape counter_shape[COUNTER_COLUMNS] = {
	{"provider", 8},
	{"last_notice_no", 8},
};

/* A provider who is concerned, and the counter, which is locked */
typedef struct Addressee
{
	uint64_t provider;
	bool gets_notices;
	bool has_counter;
	TupleTableSlot *counter; /* as it was found, for a writer that needs that */
	int64 last_notice_no;
} Addressee;

static int
compare_addressees(const void *a, const void *b)
{
	uint64_t provider_a = ((const Addressee *) a)->provider;
	uint64_t provider_b = ((const Addressee *) b)->provider;

	return (provider_a > provider_b) - (provider_a < provider_b);
}

/* To whom notices about cards of these platforms may go, each once, in order */
static Addressee *
find_addressees(const IssuerRow *issuer, const DraftNotice *drafts, int count, int *concerned)
{
	Addressee *addressees = palloc0(count * sizeof(Addressee));
	KnownMethod known = {0};

	*concerned = 0;
	for (int i = 0; i < count; i++)
	{
		if (is_readable(issuer, &drafts[i], DRAFT_PLATFORM_TYPE, &known))
			addressees[(*concerned)++].provider = DatumGetCompanyId(drafts[i].values[DRAFT_PROVIDER]);
	}
	qsort(addressees, *concerned, sizeof(Addressee), compare_addressees);
	*concerned = (int) qunique(addressees, *concerned, sizeof(Addressee), compare_addressees);
	return addressees;
}

static void
read_counter(TupleDesc descriptor, const Datum *values, const bool *isnull, void *result)
{
	Addressee *addressee = result;

	addressee->last_notice_no = DatumGetInt64(values[COUNTER_LAST_NOTICE_NO]);
}

/* Take the turn of an addressee. */
static void
lock_counter(const IssuerRow *issuer, TableWriter *writer, Addressee *addressee)
{
	static Lookup lookup = {
		.schema = "card_issuer",
		.table = "notice_counter",
		.shape = counter_shape,
		.columns = COUNTER_COLUMNS,
		.keys = 1,
		.given = 1,
		.equal = {int8eq},
		.locks = true,
		.read = read_counter,
		.statement = {"SELECT k.* FROM card_issuer.notice_counter k WHERE k.provider OPERATOR(screissue.=) $1 FOR NO KEY UPDATE"},
	};
	Datum key = CompanyIdGetDatum(addressee->provider);

	if (writer->statement != NULL)
	{
		addressee->has_counter = screissue_look_up(&lookup, issuer->distributed, &key, addressee);
		return;
	}
	addressee->counter = table_slot_create(writer->table, &writer->estate->es_tupleTable);
	addressee->has_counter = screissue_lock_by_key(&lookup, writer->table, &key, addressee->counter);
	if (addressee->has_counter)
	{
		slot_getallattrs(addressee->counter);
		read_counter(NULL, addressee->counter->tts_values, addressee->counter->tts_isnull, addressee);
	}
}

/* End the turn. */
static void
update_counter(TableWriter *writer, const Addressee *addressee)
{
	Datum values[COUNTER_COLUMNS] = {CompanyIdGetDatum(addressee->provider), Int64GetDatum(addressee->last_notice_no)};
	bool isnull[COUNTER_COLUMNS] = {0};

	if (addressee->has_counter)
		screissue_write_row(writer, values, isnull, COUNTER_COLUMNS, addressee->counter);
}

/* The addressee of a draft; NULL if it is not due. */
static Addressee *
find_addressee(Addressee *addressees, int count, const DraftNotice *draft)
{
	for (int i = 0; i < count; i++)
	{
		if (addressees[i].provider == DatumGetCompanyId(draft->values[DRAFT_PROVIDER]))
			return addressees[i].has_counter && addressees[i].gets_notices ? &addressees[i] : NULL;
	}
	return NULL;
}

/* The texts of a notice on the wire */

static Datum
company_text(uint64_t company)
{
	char text[COMPANY_ID_MAX_TEXT];

	return PointerGetDatum(cstring_to_text_with_len(text, (int) company_id_format(company, text)));
}

static Datum
card_text(Datum card)
{
	struct varlena *image = DatumGetCardIdPP(card);
	char text[CARD_ID_MAX_TEXT];

	return PointerGetDatum(cstring_to_text_with_len(text, (int) card_id_format(VARLENA_IMAGE(image), VARLENA_IMAGE_LEN(image), text)));
}

static Datum
app_text(Datum app)
{
	struct varlena *image = DatumGetAppIdPP(app);
	char text[APP_ID_MAX_TEXT];

	return PointerGetDatum(cstring_to_text_with_len(text, (int) app_id_format(VARLENA_IMAGE(image), VARLENA_IMAGE_LEN(image), text)));
}

static Datum
message_text(Datum message)
{
	char text[MESSAGE_ID_MAX_TEXT];

	return PointerGetDatum(cstring_to_text_with_len(text, (int) message_id_format(DatumGetMessageId(message), text)));
}

/* Write the notice.  An old card is named if anybody can read its id. */
static void
store_notice(TableWriter *writer, const IssuerRow *issuer, const DraftNotice *draft, int64 number, bool old_is_readable)
{
	Datum values[WIRE_COLUMNS] = {0};
	bool isnull[WIRE_COLUMNS] = {0};
	MemoryContext former = MemoryContextSwitchTo(GetPerTupleMemoryContext(writer->estate));

	values[WIRE_ISSUER] = company_text(issuer->company);
	values[WIRE_PROVIDER] = company_text(DatumGetCompanyId(draft->values[DRAFT_PROVIDER]));
	values[WIRE_NOTICE_NO] = Int64GetDatum(number);
	values[WIRE_KIND] = draft->values[DRAFT_KIND];
	values[WIRE_PLATFORM_TYPE] = draft->values[DRAFT_PLATFORM_TYPE];
	values[WIRE_NEW_CARD_ID] = card_text(draft->values[DRAFT_NEW_CARD_ID]);
	isnull[WIRE_OLD_CARD_ID] = draft->isnull[DRAFT_OLD_CARD_ID] || !old_is_readable;
	if (!isnull[WIRE_OLD_CARD_ID])
		values[WIRE_OLD_CARD_ID] = card_text(draft->values[DRAFT_OLD_CARD_ID]);
	values[WIRE_APP_ID] = app_text(draft->values[DRAFT_APP_ID]);
	values[WIRE_MESSAGE_ID] = message_text(draft->values[DRAFT_MESSAGE_ID]);
	isnull[WIRE_REASON] = draft->isnull[DRAFT_REASON];
	values[WIRE_REASON] = draft->values[DRAFT_REASON];
	values[WIRE_NOTED_AT] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());

	screissue_write_row(writer, values, isnull, WIRE_COLUMNS, NULL);
	MemoryContextSwitchTo(former);
	ResetPerTupleExprContext(writer->estate);
}

/* Begin to write to a table of notices, by the statement where that is needed. */
static void
begin_writing(const IssuerRow *issuer, TableWriter *writer, Relation table, int columns, SavedStatement *statement)
{
	bool directly = !issuer->distributed && screissue_is_unaltered(table, columns);

	screissue_begin_writing_to(writer, table, directly ? NULL : statement);
}

static void
begin_notices(const IssuerRow *issuer, TableWriter *writer)
{
	static SavedStatement statement = {
		.text = "INSERT INTO screissue.notice (issuer, provider, notice_no, kind, platform_type, new_card_id, old_card_id, app_id,"
				" message_id, reason, noted_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
	};
	Relation table = screissue_open_table("screissue", "notice", RowExclusiveLock, screissue_wire_shape, WIRE_COLUMNS);

	begin_writing(issuer, writer, table, WIRE_COLUMNS, &statement);
}

static void
begin_counters(const IssuerRow *issuer, TableWriter *writer)
{
	static SavedStatement statement = {
		.text = "UPDATE card_issuer.notice_counter SET last_notice_no = $2 WHERE provider OPERATOR(screissue.=) $1",
	};
	Relation table = screissue_open_table("card_issuer", "notice_counter", RowExclusiveLock, counter_shape, COUNTER_COLUMNS);

	begin_writing(issuer, writer, table, COUNTER_COLUMNS, &statement);
}

/* Write the notices that are due, under a snapshot taken when the counters were locked. */
static int
store_due(const IssuerRow *issuer, const DraftNotice *drafts, int count, Addressee *addressees, int addressed)
{
	int stored = 0;
	KnownMethod known = {0};
	TableWriter writer;

	for (int i = 0; i < addressed; i++)
		addressees[i].gets_notices = gets_notices(issuer, CompanyIdGetDatum(addressees[i].provider));
	begin_notices(issuer, &writer);
	for (int i = 0; i < count; i++)
	{
		Addressee *addressee = find_addressee(addressees, addressed, &drafts[i]);

		if (!is_addressed(issuer, &drafts[i]))
			raise_transferred();
		if (addressee == NULL || !is_readable(issuer, &drafts[i], DRAFT_PLATFORM_TYPE, &known))
			continue;
		store_notice(&writer, issuer, &drafts[i], ++addressee->last_notice_no,
					 is_readable(issuer, &drafts[i], DRAFT_OLD_PLATFORM_TYPE, &known));
		stored++;
	}
	screissue_end_writing(&writer);
	return stored;
}

/*
 * write_notices(drafts): numbers and writes the notices that are due; how many.
 * Raises 40001.
 */
Datum
screissue_write_notices(PG_FUNCTION_ARGS)
{
	int count = 0;
	int addressed;
	int stored;
	DraftNotice *drafts = PG_ARGISNULL(0) ? NULL : read_drafts(PG_GETARG_ARRAYTYPE_P(0), &count);
	Addressee *addressees;
	IssuerRow issuer;
	TableWriter counters;

	if (count == 0)
		PG_RETURN_INT32(0);
	screissue_get_issuer(&issuer);
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	addressees = find_addressees(&issuer, drafts, count, &addressed);
	begin_counters(&issuer, &counters);
	for (int i = 0; i < addressed; i++)
		lock_counter(&issuer, &counters, &addressees[i]);
	PopActiveSnapshot();

	PushActiveSnapshot(GetTransactionSnapshot());
	stored = store_due(&issuer, drafts, count, addressees, addressed);
	for (int i = 0; i < addressed; i++)
		update_counter(&counters, &addressees[i]);
	screissue_end_writing(&counters);
	PopActiveSnapshot();
	CommandCounterIncrement();
	PG_RETURN_INT32(stored);
}
