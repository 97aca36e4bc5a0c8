/*-------------------------------------------------------------------------
 *
 * inheritance.c
 *	  What a card leaves to the card that replaces it, which is entitled to it
 *
 * A reissue asks all of it at once, while it has the card locked: the row of the
 * card, its open request, what is loaded or may be reloaded, and who is not to
 * be told.  The loads are those of the view card_issuer.inheritable_load.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "fmgr.h"
#include "funcapi.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/sortsupport.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "app_id.h"
#include "card_id.h"
#include "company_id.h"
#include "draft_notice.h"
#include "issuer_row.h"
#include "lookup.h"
#include "message_id.h"
#include "registry.h"
#include "table.h"
#include "type_support.h"

PG_FUNCTION_INFO_V1(screissue_lock_inheritance);
PG_FUNCTION_INFO_V1(screissue_store_entitlements);
PG_FUNCTION_INFO_V1(screissue_draft_reissue);

/* Columns of type card_issuer.inheritance */
enum
{
	INHERITANCE_OLD_CARD_ID,
	INHERITANCE_PLATFORM_TYPE,
	INHERITANCE_HOLDER_ID,
	INHERITANCE_STATUS,
	INHERITANCE_REPLACEABLE,
	INHERITANCE_REPLACED_BY,
	INHERITANCE_REQUEST_ID,
	INHERITANCE_REQUEST_STATUS,
	INHERITANCE_REASON,
	INHERITANCE_COMPLETABLE,
	INHERITANCE_APP_IDS,
	INHERITANCE_MESSAGE_IDS,
	INHERITANCE_HOPS,
	INHERITANCE_OPTED_OUT_AT,
	INHERITANCE_OPT_OUTS,
	INHERITANCE_COLUMNS
};

/* A load that is inherited */
typedef struct Heirloom
{
	struct varlena *app;
	MessageId message;
	int hops;
} Heirloom;

/* What is found, in memory that outlives the reading of a row */
typedef struct Findings
{
	MemoryContext memory;
	Datum values[INHERITANCE_COLUMNS];
	bool isnull[INHERITANCE_COLUMNS];
	bool examined; /* the open request was, by the examination: */
	Datum examination;
	Oid loaded; /* the status; InvalidOid = not looked up yet */
	List *heirlooms;
	List *opt_outs; /* applications */
} Findings;

static void *
keep(const Findings *findings, const void *bytes, size_t size)
{
	return memcpy(MemoryContextAlloc(findings->memory, size), bytes, size);
}

static void
append(const Findings *findings, List **list, void *element)
{
	MemoryContext former = MemoryContextSwitchTo(findings->memory);

	*list = lappend(*list, element);
	MemoryContextSwitchTo(former);
}

/* Take over a value of a row. */
static void
set_value(Findings *findings, int column, Datum value)
{
	findings->values[column] = value;
	findings->isnull[column] = false;
}

static void
set_varlena(Findings *findings, int column, Datum value, bool isnull)
{
	struct varlena *found;

	if (isnull)
		return;
	found = PG_DETOAST_DATUM_PACKED(value);
	set_value(findings, column, PointerGetDatum(keep(findings, found, VARSIZE_ANY(found))));
}

/* card_issuer.card */

static void
read_card(TupleDesc descriptor, const Datum *values, const bool *isnull, void *result)
{
	Findings *findings = result;

	set_value(findings, INHERITANCE_PLATFORM_TYPE, values[CARD_PLATFORM_TYPE]);
	set_varlena(findings, INHERITANCE_HOLDER_ID, values[CARD_HOLDER_ID], isnull[CARD_HOLDER_ID]);
	set_value(findings, INHERITANCE_STATUS, values[CARD_STATUS]);
	set_varlena(findings, INHERITANCE_REPLACED_BY, values[CARD_REPLACED_BY], isnull[CARD_REPLACED_BY]);
	if (!isnull[CARD_OPTED_OUT_AT])
		set_value(findings, INHERITANCE_OPTED_OUT_AT, values[CARD_OPTED_OUT_AT]);
}

static bool
lock_card(const IssuerRow *issuer, Datum card, Findings *findings)
{
	static Lookup lookup = {
		.schema = "card_issuer",
		.table = "card",
		.shape = screissue_card_shape,
		.columns = CARD_COLUMNS,
		.keys = 1,
		.given = 1,
		.equal = {card_id_eq},
		.locks = true,
		.read = read_card,
		.statement = {"SELECT c.* FROM card_issuer.card c WHERE c.card_id OPERATOR(screissue.=) $1 FOR NO KEY UPDATE"},
	};

	return screissue_look_up(&lookup, issuer->distributed, &card, findings);
}

/* card_issuer.reissue_request */

enum
{
	REQUEST_ID = 1,
	REQUEST_REASON = 2,
	REQUEST_STATUS = 3,
	REQUEST_EXAMINATION_ID = 6,
	REQUEST_COLUMNS
};
static const ColumnShape request_shape[REQUEST_COLUMNS] = {
	{"old_card_id", -1},
	{"request_id", 8},
	{"reason", 4},
	{"status", 4},
	{"requested_by", -1},
	{"requested_at", 8},
	{"examination_id", 8},
};

/* Of the requests for the card's reissue one at most is open. */
static void
read_request(TupleDesc descriptor, const Datum *values, const bool *isnull, void *result)
{
	Findings *findings = result;
	Oid type = TupleDescAttr(descriptor, REQUEST_STATUS)->atttypid;
	Oid status = DatumGetObjectId(values[REQUEST_STATUS]);

	if (status != screissue_enum_value(type, "approved") && status != screissue_enum_value(type, "pending"))
		return;
	set_value(findings, INHERITANCE_REQUEST_ID, values[REQUEST_ID]);
	set_value(findings, INHERITANCE_REQUEST_STATUS, values[REQUEST_STATUS]);
	set_value(findings, INHERITANCE_REASON, values[REQUEST_REASON]);
	findings->examined = !isnull[REQUEST_EXAMINATION_ID];
	findings->examination = values[REQUEST_EXAMINATION_ID];
}

static void
find_request(const IssuerRow *issuer, Datum card, Findings *findings)
{
	static Lookup lookup = {
		.schema = "card_issuer",
		.table = "reissue_request",
		.shape = request_shape,
		.columns = REQUEST_COLUMNS,
		.keys = 2,
		.given = 1,
		.equal = {card_id_eq},
		.read = read_request,
		.statement = {"SELECT r.* FROM card_issuer.reissue_request r WHERE r.old_card_id OPERATOR(screissue.=) $1"},
	};

	screissue_look_up(&lookup, issuer->distributed, &card, findings);
}

/* card_issuer.examination */

enum
{
	EXAMINATION_VALID_UNTIL = 6,
	EXAMINATION_COLUMNS
};
static const ColumnShape examination_shape[EXAMINATION_COLUMNS] = {
	{"card_id", -1},
	{"examination_id", 8},
	{"event", -1},
	{"approved", 1},
	{"reason", -1},
	{"examined_at", 8},
	{"valid_until", 8},
};

static void
read_examination(TupleDesc descriptor, const Datum *values, const bool *isnull, void *result)
{
	bool *expired = result;

	*expired = !isnull[EXAMINATION_VALID_UNTIL] &&
		DatumGetTimestampTz(values[EXAMINATION_VALID_UNTIL]) <= GetCurrentTransactionStartTimestamp();
}

/* Is the examination by which the open request was approved no longer valid (E55)? */
static bool
has_expired(const IssuerRow *issuer, Datum card, const Findings *findings)
{
	static Lookup lookup = {
		.schema = "card_issuer",
		.table = "examination",
		.shape = examination_shape,
		.columns = EXAMINATION_COLUMNS,
		.keys = 2,
		.given = 2,
		.equal = {card_id_eq, int8eq},
		.read = read_examination,
		.statement = {"SELECT x.* FROM card_issuer.examination x"
					  " WHERE x.card_id OPERATOR(screissue.=) $1 AND x.examination_id OPERATOR(pg_catalog.=) $2"},
	};
	Datum key[2] = {card, findings->examination};
	bool expired = false;

	if (findings->examined)
		screissue_look_up(&lookup, issuer->distributed, key, &expired);
	return expired;
}

/* card_issuer.app_load and .entitlement: what is loaded, else what may be reloaded (E1-E3) */

static bool
same_app(struct varlena *a, struct varlena *b)
{
	return app_id_compare(VARLENA_IMAGE(a), VARLENA_IMAGE_LEN(a), VARLENA_IMAGE(b), VARLENA_IMAGE_LEN(b)) == 0;
}

static bool
is_found(const List *heirlooms, struct varlena *app)
{
	ListCell *cell;

	foreach (cell, heirlooms)
	{
		if (same_app(((Heirloom *) lfirst(cell))->app, app))
			return true;
	}
	return false;
}

static void
add_heirloom(Findings *findings, struct varlena *app, const MessageId *message, int hops)
{
	Heirloom heirloom = {keep(findings, app, VARSIZE_ANY(app)), *message, hops};

	append(findings, &findings->heirlooms, keep(findings, &heirloom, sizeof(heirloom)));
}

enum
{
	LOAD_MESSAGE_ID = 1,
	LOAD_APP_ID = 2,
	LOAD_STATUS = 4,
	LOAD_COLUMNS
};
static const ColumnShape load_shape[LOAD_COLUMNS] = {
	{"card_id", -1},
	{"message_id", 24},
	{"app_id", -1},
	{"provider", 8},
	{"status", 4},
};

static void
read_load(TupleDesc descriptor, const Datum *values, const bool *isnull, void *result)
{
	Findings *findings = result;

	if (!OidIsValid(findings->loaded))
		findings->loaded = screissue_enum_value(TupleDescAttr(descriptor, LOAD_STATUS)->atttypid, "loaded");
	if (DatumGetObjectId(values[LOAD_STATUS]) == findings->loaded)
		add_heirloom(findings, DatumGetAppIdPP(values[LOAD_APP_ID]), DatumGetMessageId(values[LOAD_MESSAGE_ID]), 1);
}

static void
read_entitlement(TupleDesc descriptor, const Datum *values, const bool *isnull, void *result)
{
	Findings *findings = result;
	struct varlena *app = DatumGetAppIdPP(values[ENTITLEMENT_APP_ID]);

	if (isnull[ENTITLEMENT_USED_AT] && isnull[ENTITLEMENT_WITHDRAWN_AT] && !is_found(findings->heirlooms, app))
		add_heirloom(findings, app, DatumGetMessageId(values[ENTITLEMENT_MESSAGE_ID]), DatumGetInt32(values[ENTITLEMENT_HOPS]) + 1);
}

static int
compare_heirlooms(const ListCell *a, const ListCell *b)
{
	struct varlena *app_a = ((Heirloom *) lfirst(a))->app;
	struct varlena *app_b = ((Heirloom *) lfirst(b))->app;

	return app_id_compare(VARLENA_IMAGE(app_a), VARLENA_IMAGE_LEN(app_a), VARLENA_IMAGE(app_b), VARLENA_IMAGE_LEN(app_b));
}

/* In the order of the applications */
static void
find_heirlooms(const IssuerRow *issuer, Datum card, Findings *findings)
{
	static Lookup loads = {
		.schema = "card_issuer",
		.table = "app_load",
		.shape = load_shape,
		.columns = LOAD_COLUMNS,
		.keys = 2,
		.given = 1,
		.equal = {card_id_eq},
		.read = read_load,
		.statement = {"SELECT l.* FROM card_issuer.app_load l WHERE l.card_id OPERATOR(screissue.=) $1"},
	};
	static Lookup entitlements = {
		.schema = "card_issuer",
		.table = "entitlement",
		.shape = screissue_entitlement_shape,
		.columns = ENTITLEMENT_COLUMNS,
		.keys = 2,
		.given = 1,
		.equal = {card_id_eq},
		.read = read_entitlement,
		.statement = {"SELECT e.* FROM card_issuer.entitlement e WHERE e.card_id OPERATOR(screissue.=) $1"},
	};

	screissue_look_up(&loads, issuer->distributed, &card, findings);
	screissue_look_up(&entitlements, issuer->distributed, &card, findings);
	list_sort(findings->heirlooms, compare_heirlooms);
}

/* card_issuer.opt_out */

enum
{
	OPT_OUT_APP_ID = 1,
	OPT_OUT_COLUMNS
};
static const ColumnShape opt_out_shape[OPT_OUT_COLUMNS] = {
	{"card_id", -1},
	{"app_id", -1},
};

static void
read_opt_out(TupleDesc descriptor, const Datum *values, const bool *isnull, void *result)
{
	Findings *findings = result;
	struct varlena *app = DatumGetAppIdPP(values[OPT_OUT_APP_ID]);

	append(findings, &findings->opt_outs, keep(findings, app, VARSIZE_ANY(app)));
}

static void
find_opt_outs(const IssuerRow *issuer, Datum card, Findings *findings)
{
	static Lookup lookup = {
		.schema = "card_issuer",
		.table = "opt_out",
		.shape = opt_out_shape,
		.columns = OPT_OUT_COLUMNS,
		.keys = 2,
		.given = 1,
		.equal = {card_id_eq},
		.read = read_opt_out,
		.statement = {"SELECT o.* FROM card_issuer.opt_out o WHERE o.card_id OPERATOR(screissue.=) $1 ORDER BY o.app_id"},
	};

	screissue_look_up(&lookup, issuer->distributed, &card, findings);
}

/* What is found becomes the columns of the result */

static void
set_array(Findings *findings, TupleDesc descriptor, int column, Datum *elements, int count)
{
	Oid type = get_element_type(TupleDescAttr(descriptor, column)->atttypid);
	int16 length;
	bool by_value;
	char alignment;

	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	set_value(findings, column, PointerGetDatum(construct_array(elements, count, type, length, by_value, alignment)));
}

static void
set_heirlooms(Findings *findings, TupleDesc descriptor)
{
	int count = list_length(findings->heirlooms);
	Datum *apps = palloc(count * sizeof(Datum));
	Datum *messages = palloc(count * sizeof(Datum));
	Datum *hops = palloc(count * sizeof(Datum));

	for (int i = 0; i < count; i++)
	{
		Heirloom *heirloom = list_nth(findings->heirlooms, i);

		apps[i] = PointerGetDatum(heirloom->app);
		messages[i] = MessageIdGetDatum(&heirloom->message);
		hops[i] = Int32GetDatum(heirloom->hops);
	}
	set_array(findings, descriptor, INHERITANCE_APP_IDS, apps, count);
	set_array(findings, descriptor, INHERITANCE_MESSAGE_IDS, messages, count);
	set_array(findings, descriptor, INHERITANCE_HOPS, hops, count);
}

static void
set_opt_outs(Findings *findings, TupleDesc descriptor)
{
	int count = list_length(findings->opt_outs);
	Datum *apps = palloc(count * sizeof(Datum));

	for (int i = 0; i < count; i++)
		apps[i] = PointerGetDatum(list_nth(findings->opt_outs, i));
	set_array(findings, descriptor, INHERITANCE_OPT_OUTS, apps, count);
}

/* May the card be replaced, and its open request be completed? */
static void
set_moves(Findings *findings, const IssuerRow *issuer, Datum card)
{
	char *status = DatumGetCString(DirectFunctionCall1(enum_out, findings->values[INHERITANCE_STATUS]));
	bool replaceable = screissue_may_move(issuer, "card", status, "replaced");
	bool completable = replaceable && !has_expired(issuer, card, findings) &&
		screissue_may_move(issuer, "request", "approved", "completed");

	set_value(findings, INHERITANCE_REPLACEABLE, BoolGetDatum(replaceable));
	set_value(findings, INHERITANCE_COMPLETABLE, BoolGetDatum(completable));
}

/*
 * lock_inheritance(card): what the card leaves, and what a reissue has to know of
 * it, while it is locked; NULL if there is no such card.
 */
Datum
screissue_lock_inheritance(PG_FUNCTION_ARGS)
{
	static RowType row_type;
	TupleDesc descriptor = screissue_row_type(fcinfo, &row_type);
	Datum card = PG_GETARG_DATUM(0);
	Findings findings = {.memory = CurrentMemoryContext};
	IssuerRow issuer;

	screissue_get_issuer(&issuer);
	memset(findings.isnull, true, sizeof(findings.isnull));
	if (!lock_card(&issuer, card, &findings))
		PG_RETURN_NULL();
	/* What others did while we waited for the card is to be seen. */
	PushActiveSnapshot(GetTransactionSnapshot());
	find_request(&issuer, card, &findings);
	find_heirlooms(&issuer, card, &findings);
	find_opt_outs(&issuer, card, &findings);
	set_moves(&findings, &issuer, card);
	PopActiveSnapshot();

	set_value(&findings, INHERITANCE_OLD_CARD_ID, card);
	set_heirlooms(&findings, descriptor);
	set_opt_outs(&findings, descriptor);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(descriptor, findings.values, findings.isnull)));
}

/* What became of it, as an argument */

typedef struct Inheritance
{
	Datum values[INHERITANCE_COLUMNS];
	bool isnull[INHERITANCE_COLUMNS];
	int count;
	Datum *apps;
	Datum *messages;
	Datum *hops;
	int opted_out;
	Datum *opt_outs;
} Inheritance;

/* Elements of one of the arrays */
static int
get_array(const Inheritance *inheritance, int column, Datum **elements)
{
	ArrayType *array = DatumGetArrayTypeP(inheritance->values[column]);
	int16 length;
	bool by_value;
	char alignment;
	int count;

	get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &alignment);
	deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, alignment, elements, NULL, &count);
	return count;
}

/* A reissue needs these; raises 22004 or 2202E where it cannot have come from lock_inheritance(). */
static void
read_inheritance(HeapTupleHeader record, Inheritance *inheritance)
{
	const uint32 needed = 1U << INHERITANCE_OLD_CARD_ID | 1U << INHERITANCE_PLATFORM_TYPE | 1U << INHERITANCE_APP_IDS |
		1U << INHERITANCE_MESSAGE_IDS | 1U << INHERITANCE_HOPS | 1U << INHERITANCE_OPT_OUTS;

	screissue_read_record(record, INHERITANCE_COLUMNS, ~needed, inheritance->values, inheritance->isnull);
	inheritance->count = get_array(inheritance, INHERITANCE_APP_IDS, &inheritance->apps);
	if (get_array(inheritance, INHERITANCE_MESSAGE_IDS, &inheritance->messages) != inheritance->count ||
		get_array(inheritance, INHERITANCE_HOPS, &inheritance->hops) != inheritance->count)
		ereport(ERROR,
				errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				errmsg("arrays of an inheritance differ in length"));
	inheritance->opted_out = get_array(inheritance, INHERITANCE_OPT_OUTS, &inheritance->opt_outs);
}

/* Is the provider of the application not to be told (E56)? */
static bool
is_opted_out(const Inheritance *inheritance, Datum app)
{
	bool found = !inheritance->isnull[INHERITANCE_OPTED_OUT_AT];

	for (int i = 0; i < inheritance->opted_out && !found; i++)
		found = same_app(DatumGetAppIdPP(app), DatumGetAppIdPP(inheritance->opt_outs[i]));
	return found;
}

/* The entitlements of the new card */

static void
make_entitlement(const Inheritance *inheritance, int i, Datum new_card, Datum *values, bool *isnull)
{
	Datum now = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());

	memset(values, 0, ENTITLEMENT_COLUMNS * sizeof(Datum));
	memset(isnull, false, ENTITLEMENT_COLUMNS * sizeof(bool));
	values[ENTITLEMENT_CARD_ID] = new_card;
	values[ENTITLEMENT_APP_ID] = inheritance->apps[i];
	values[ENTITLEMENT_MESSAGE_ID] = inheritance->messages[i];
	values[ENTITLEMENT_OLD_CARD_ID] = inheritance->values[INHERITANCE_OLD_CARD_ID];
	values[ENTITLEMENT_HOPS] = inheritance->hops[i];
	values[ENTITLEMENT_GRANTED_AT] = now;
	isnull[ENTITLEMENT_USED_AT] = true;
	isnull[ENTITLEMENT_WITHDRAWN_AT] = true;
	values[ENTITLEMENT_OPTED_OUT_AT] = now;
	isnull[ENTITLEMENT_OPTED_OUT_AT] = !is_opted_out(inheritance, inheritance->apps[i]);
}

/*
 * Begin to write them, by a statement where it has to find the partition, or where
 * the tables are not as setup made them.
 */
static void
begin_entitlements(const IssuerRow *issuer, Datum new_card, TableWriter *writer)
{
	static SavedStatement statement = {
		.text = "INSERT INTO card_issuer.entitlement (card_id, app_id, message_id, old_card_id, hops, granted_at,"
				" used_at, withdrawn_at, opted_out_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
	};
	Relation table = screissue_open_relation("card_issuer", "entitlement", RowExclusiveLock, screissue_entitlement_shape, ENTITLEMENT_COLUMNS);
	Relation leaf = NULL;

	if (screissue_is_unaltered(table, ENTITLEMENT_COLUMNS))
		leaf = screissue_open_leaf(table, issuer->distributed, new_card, RowExclusiveLock);
	if (leaf != NULL && screissue_is_unaltered(leaf, ENTITLEMENT_COLUMNS))
	{
		screissue_check_table(leaf, screissue_entitlement_shape, ENTITLEMENT_COLUMNS);
		table_close(table, NoLock);
		screissue_begin_writing_to(writer, leaf, NULL);
		return;
	}
	if (leaf != NULL)
		table_close(leaf, NoLock);
	screissue_begin_writing_to(writer, table, &statement);
}

/*
 * store_entitlements(new_card, inheritance): writes what the new card is entitled
 * to; how much that is.
 */
Datum
screissue_store_entitlements(PG_FUNCTION_ARGS)
{
	Datum new_card = PG_GETARG_DATUM(0);
	Inheritance inheritance;
	IssuerRow issuer;
	TableWriter writer;
	Datum values[ENTITLEMENT_COLUMNS];
	bool isnull[ENTITLEMENT_COLUMNS];

	screissue_get_issuer(&issuer);
	read_inheritance(PG_GETARG_HEAPTUPLEHEADER(1), &inheritance);
	begin_entitlements(&issuer, new_card, &writer);
	for (int i = 0; i < inheritance.count; i++)
	{
		make_entitlement(&inheritance, i, new_card, values, isnull);
		screissue_write_row(&writer, values, isnull, ENTITLEMENT_COLUMNS, NULL);
	}
	screissue_end_writing(&writer);
	PG_RETURN_INT32(inheritance.count);
}

/* The drafts of the notices about them */

/* The columns that all drafts of a reissue have alike */
static void
begin_draft(DraftNotice *draft, const Inheritance *inheritance, Datum new_card, Datum platform_type)
{
	memset(draft, 0, sizeof(*draft));
	draft->values[DRAFT_KIND] = CStringGetTextDatum("reissue");
	draft->values[DRAFT_PLATFORM_TYPE] = platform_type;
	draft->values[DRAFT_NEW_CARD_ID] = new_card;
	draft->values[DRAFT_OLD_CARD_ID] = inheritance->values[INHERITANCE_OLD_CARD_ID];
	draft->values[DRAFT_OLD_PLATFORM_TYPE] = inheritance->values[INHERITANCE_PLATFORM_TYPE];
	draft->isnull[DRAFT_REASON] = inheritance->isnull[INHERITANCE_REASON];
	if (!draft->isnull[DRAFT_REASON])
		draft->values[DRAFT_REASON] =
			CStringGetTextDatum(DatumGetCString(DirectFunctionCall1(enum_out, inheritance->values[INHERITANCE_REASON])));
}

/*
 * draft_reissue(new_card, platform_type, inheritance): a notice about each load
 * that is inherited, to the provider of its application, unless the holder has
 * opted out (E56).
 */
Datum
screissue_draft_reissue(PG_FUNCTION_ARGS)
{
	Inheritance inheritance;
	IssuerRow issuer;
	DraftNotice draft;
	DraftArray drafts;

	screissue_get_issuer(&issuer);
	read_inheritance(PG_GETARG_HEAPTUPLEHEADER(2), &inheritance);
	begin_draft(&draft, &inheritance, PG_GETARG_DATUM(0), PG_GETARG_DATUM(1));
	screissue_begin_drafts(&drafts, get_element_type(get_func_rettype(fcinfo->flinfo->fn_oid)));
	for (int i = 0; i < inheritance.count; i++)
	{
		ApplicationRow application;

		if (is_opted_out(&inheritance, inheritance.apps[i]) || !screissue_get_application(&issuer, inheritance.apps[i], &application))
			continue;
		draft.values[DRAFT_PROVIDER] = CompanyIdGetDatum(application.provider);
		draft.values[DRAFT_APP_ID] = inheritance.apps[i];
		draft.values[DRAFT_MESSAGE_ID] = inheritance.messages[i];
		screissue_append_draft(&drafts, &draft);
	}
	PG_RETURN_DATUM(screissue_end_drafts(&drafts));
}
