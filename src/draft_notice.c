/*-------------------------------------------------------------------------
 *
 * draft_notice.c
 *	  Notices before they are written: whom to tell, and by which number
 *
 * write_notices() locks the counters of those who are concerned, which is their
 * turn, and asks then what is due: a contract may have been suspended or resumed
 * meanwhile, and an application transferred.  So what is asked here is asked of
 * the tables, by the snapshot of the call, and not remembered.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/qunique.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/sortsupport.h"
#include "utils/typcache.h"

#include "compat.h"
#include "company_id.h"
#include "draft_notice.h"
#include "issuer_row.h"
#include "registry.h"
#include "type_support.h"

PG_FUNCTION_INFO_V1(screissue_concerned_providers);
PG_FUNCTION_INFO_V1(screissue_number_notices);
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

static DraftNotice *
read_drafts(ArrayType *array, int *count)
{
	Datum *elements;
	DraftNotice *drafts;

	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_DOUBLE, &elements, NULL, count);
	drafts = palloc(*count * sizeof(DraftNotice));
	for (int i = 0; i < *count; i++)
		screissue_read_record(DatumGetHeapTupleHeader(elements[i]), DRAFT_COLUMNS, drafts[i].values, drafts[i].isnull);
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
		known->platform_type = platform_type;
		known->method = screissue_method_of(issuer, platform_type);
	}
	return known->method == 1;
}

static int
compare_companies(const void *a, const void *b)
{
	uint64_t company_a = DatumGetCompanyId(*(const Datum *) a);
	uint64_t company_b = DatumGetCompanyId(*(const Datum *) b);

	return (company_a > company_b) - (company_a < company_b);
}

static Datum
make_array(Datum *elements, int count, Oid type)
{
	return PointerGetDatum(construct_array(elements, count, type, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/*
 * concerned_providers(drafts): to whom notices about cards of these platforms may
 * go, each once, in their order.
 */
Datum
screissue_concerned_providers(PG_FUNCTION_ARGS)
{
	Oid type = get_element_type(get_func_rettype(fcinfo->flinfo->fn_oid));
	int count;
	DraftNotice *drafts = read_drafts(PG_GETARG_ARRAYTYPE_P(0), &count);
	Datum *providers = palloc(count * sizeof(Datum));
	int concerned = 0;
	KnownMethod known = {0};
	IssuerRow issuer;

	screissue_get_issuer(&issuer);
	for (int i = 0; i < count; i++)
	{
		if (is_readable(&issuer, &drafts[i], DRAFT_PLATFORM_TYPE, &known))
			providers[concerned++] = drafts[i].values[DRAFT_PROVIDER];
	}
	qsort(providers, concerned, sizeof(Datum), compare_companies);
	concerned = (int) qunique(providers, concerned, sizeof(Datum), compare_companies);
	PG_RETURN_DATUM(make_array(providers, concerned, type));
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

/* A provider whose counter is locked */
typedef struct Addressee
{
	uint64_t provider;
	bool gets_notices;
	int64 last_notice_no;
} Addressee;

static Addressee *
read_addressees(const IssuerRow *issuer, ArrayType *providers, ArrayType *last_nos, int *count)
{
	Datum *provider;
	Datum *last_no;
	int numbers;
	Addressee *addressees;

	deconstruct_array(providers, ARR_ELEMTYPE(providers), sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &provider, NULL, count);
	deconstruct_array(last_nos, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &last_no, NULL, &numbers);
	if (numbers != *count)
		elog(ERROR, "there are %d numbers for %d providers", numbers, *count);
	addressees = palloc(numbers * sizeof(Addressee));
	for (int i = 0; i < numbers; i++)
	{
		addressees[i].provider = DatumGetCompanyId(provider[i]);
		addressees[i].gets_notices = gets_notices(issuer, provider[i]);
		addressees[i].last_notice_no = DatumGetInt64(last_no[i]);
	}
	return addressees;
}

/* The addressee of a draft; NULL if it is not due. */
static Addressee *
find_addressee(Addressee *addressees, int count, const DraftNotice *draft)
{
	for (int i = 0; i < count; i++)
	{
		if (addressees[i].provider == DatumGetCompanyId(draft->values[DRAFT_PROVIDER]))
			return addressees[i].gets_notices ? &addressees[i] : NULL;
	}
	return NULL;
}

static Datum
make_last_nos(const Addressee *addressees, int count)
{
	Datum *numbers = palloc(count * sizeof(Datum));

	for (int i = 0; i < count; i++)
		numbers[i] = Int64GetDatum(addressees[i].last_notice_no);
	return make_array(numbers, count, INT8OID);
}

/*
 * number_notices(drafts, providers, last_nos): the drafts that are due, their
 * numbers, and the last number that each of the providers has then.  An old card
 * is named if anybody can read its id.  Raises 40001.
 */
Datum
screissue_number_notices(PG_FUNCTION_ARGS)
{
	static RowType row_type;
	TupleDesc descriptor = screissue_row_type(fcinfo, &row_type);
	ArrayType *argument = PG_GETARG_ARRAYTYPE_P(0);
	int count;
	int addressed;
	DraftNotice *drafts = read_drafts(argument, &count);
	Datum *numbers = palloc(count * sizeof(Datum));
	int numbered = 0;
	DraftArray due;
	Addressee *addressees;
	KnownMethod new = {0};
	KnownMethod old = {0};
	IssuerRow issuer;
	Datum values[3];
	bool isnull[3] = {0};

	screissue_get_issuer(&issuer);
	addressees = read_addressees(&issuer, PG_GETARG_ARRAYTYPE_P(1), PG_GETARG_ARRAYTYPE_P(2), &addressed);
	screissue_begin_drafts(&due, ARR_ELEMTYPE(argument));
	for (int i = 0; i < count; i++)
	{
		Addressee *addressee = find_addressee(addressees, addressed, &drafts[i]);

		if (!is_addressed(&issuer, &drafts[i]))
			raise_transferred();
		if (addressee == NULL || !is_readable(&issuer, &drafts[i], DRAFT_PLATFORM_TYPE, &new))
			continue;
		if (!is_readable(&issuer, &drafts[i], DRAFT_OLD_PLATFORM_TYPE, &old))
			drafts[i].isnull[DRAFT_OLD_CARD_ID] = true;
		screissue_append_draft(&due, &drafts[i]);
		numbers[numbered++] = Int64GetDatum(++addressee->last_notice_no);
	}
	values[0] = screissue_end_drafts(&due);
	values[1] = make_array(numbers, numbered, INT8OID);
	values[2] = make_last_nos(addressees, addressed);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(descriptor, values, isnull)));
}
