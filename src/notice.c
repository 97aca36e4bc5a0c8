/*-------------------------------------------------------------------------
 *
 * notice.c
 *	  Landing of notices at the service provider (Fig. 6 steps 601, 602)
 *
 * One road for every carrier: a notice, in the columns of screissue.notice,
 * is judged and then kept either in the inbox, service_provider.reissue_notice,
 * or in service_provider.quarantined_notice.  Subscriptions deliver into
 * screissue.notice, where the trigger below takes the row in the worker and
 * lets nothing through; other carriers call service_provider.receive_notice().
 *
 * Nothing in the content of a notice raises: an error would stop the
 * subscription for good (E37).  A fault of the server (no disk space, a
 * deadlock, a cancel, a table that is missing) does raise: the worker tries
 * again, and no notice is lost.
 *
 * Causes of quarantine, in the order in which they are looked for:
 *
 *	unparsable: COLUMN	a value is missing or is not of its type
 *	wrong_provider		for somebody else; content not kept (E24)
 *	unknown_issuer		there is no contract with the issuer
 *	wrong_subscription	not the one that may speak for the issuer (E23)
 *	wrong_message_id	loading permission of other parties; not of a former
 *						provider of the application that is on record (E14)
 *	contradiction		its number is that of another notice (E19)
 *
 * The functions here are called in memory contexts that are reset for each
 * row, so they leave what they allocate.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_subscription.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "replication/worker_internal.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "app_id.h"
#include "card_id.h"
#include "company_id.h"
#include "message_id.h"
#include "notice.h"
#include "screissue.h"
#include "table.h"
#include "type_support.h"

PG_FUNCTION_INFO_V1(screissue_land_notice);
PG_FUNCTION_INFO_V1(screissue_guard_notice);
PG_FUNCTION_INFO_V1(screissue_receive_notice);
PG_FUNCTION_INFO_V1(screissue_land_again);

const ColumnShape screissue_wire_shape[WIRE_COLUMNS] = {
	[WIRE_ISSUER] = {"issuer", -1},
	[WIRE_PROVIDER] = {"provider", -1},
	[WIRE_NOTICE_NO] = {"notice_no", 8},
	[WIRE_KIND] = {"kind", -1},
	[WIRE_PLATFORM_TYPE] = {"platform_type", 4},
	[WIRE_NEW_CARD_ID] = {"new_card_id", -1},
	[WIRE_OLD_CARD_ID] = {"old_card_id", -1},
	[WIRE_APP_ID] = {"app_id", -1},
	[WIRE_MESSAGE_ID] = {"message_id", -1},
	[WIRE_REASON] = {"reason", -1},
	[WIRE_NOTED_AT] = {"noted_at", 8},
};

/* The columns that are read of service_provider.self and .issuer */
enum
{
	SELF_COMPANY_ID = 1,
	SELF_COLUMNS
};
static const ColumnShape self_shape[SELF_COLUMNS] = {
	{"one_row", 1},
	{"company_id", 8},
};
enum
{
	ISSUER_SUBSCRIPTION = 3,
	ISSUER_COLUMNS
};
static const ColumnShape issuer_shape[ISSUER_COLUMNS] = {
	{"issuer", 8},
	{"name", -1},
	{"lei", -1},
	{"subscription", NAMEDATALEN},
};

/* service_provider.former_provider, which both columns are the key of */
enum
{
	FORMER_APP_ID,
	FORMER_PROVIDER,
	FORMER_COLUMNS
};
static const ColumnShape former_shape[FORMER_COLUMNS] = {
	{"app_id", -1},
	{"provider", 8},
};

typedef enum Cause
{
	CAUSE_NONE,
	CAUSE_UNPARSABLE,
	CAUSE_WRONG_PROVIDER,
	CAUSE_UNKNOWN_ISSUER,
	CAUSE_WRONG_SUBSCRIPTION,
	CAUSE_WRONG_MESSAGE_ID,
	CAUSE_CONTRADICTION
} Cause;

static const char *const cause_word[] = {
	[CAUSE_UNPARSABLE] = "unparsable",
	[CAUSE_WRONG_PROVIDER] = "wrong_provider",
	[CAUSE_UNKNOWN_ISSUER] = "unknown_issuer",
	[CAUSE_WRONG_SUBSCRIPTION] = "wrong_subscription",
	[CAUSE_WRONG_MESSAGE_ID] = "wrong_message_id",
	[CAUSE_CONTRADICTION] = "contradiction",
};

/* A contract, as service_provider.issuer has it */
typedef struct Contract
{
	uint64_t issuer;
	NameData subscription; /* that may speak for the issuer; empty if none */
} Contract;

/*
 * What landing has open, and has read, for the notices of one transaction.
 * What was read holds for those that follow while nobody can have changed it.
 */
typedef struct Landing
{
	MemoryContext memory; /* these two live as long as it does */
	ResourceOwner owner;
	InboxWriter *inbox; /* NULL before the first notice that is stored */

	TransactionId read_xmax; /* of the snapshot that was read under */
	uint32 read_xcnt;
	Oid self; /* table; InvalidOid: own_company was not read */
	uint64_t own_company;
	Oid issuer; /* table; InvalidOid: contract was not read */
	Contract contract;
} Landing;

/* A notice under judgement */
typedef struct Trial
{
	const WireNotice *wire;
	Landing *landing;
	InboxRow row; /* what it parses to */
	uint64_t issuer; /* who it claims to be from */
	WireColumn unparsable; /* the column to blame */
} Trial;

/* A column of the wire and what it parses to */
typedef struct ContentColumn
{
	WireColumn from;
	InboxColumn to;
	bool required;
	bool (*parse)(const char *text, size_t len, Datum *value); /* NULL = as it is */
} ContentColumn;

static bool
parse_card_id(const char *text, size_t len, Datum *value)
{
	uint8_t image[CARD_ID_MAX_IMAGE];
	size_t image_len;

	if (card_id_parse(text, len, image, &image_len) != PARSE_OK)
		return false;
	*value = PointerGetDatum(screissue_varlena(image, image_len));
	return true;
}

static bool
parse_app_id(const char *text, size_t len, Datum *value)
{
	uint8_t aid[APP_ID_MAX_BYTES];
	size_t aid_len;

	if (app_id_parse(text, len, aid, &aid_len) != PARSE_OK)
		return false;
	*value = PointerGetDatum(screissue_varlena(aid, aid_len));
	return true;
}

static bool
parse_message_id(const char *text, size_t len, Datum *value)
{
	MessageId *id = palloc(sizeof(MessageId));

	*value = MessageIdGetDatum(id);
	return message_id_parse(text, len, id) == PARSE_OK;
}

static bool
parse_company_id(const char *text, size_t len, Datum *value)
{
	uint64_t company;

	if (company_id_parse(text, len, &company) != PARSE_OK)
		return false;
	*value = CompanyIdGetDatum(company);
	return true;
}

static const ContentColumn content[] = {
	{WIRE_NOTICE_NO, INBOX_NOTICE_NO, true, NULL},
	{WIRE_KIND, INBOX_KIND, true, NULL},
	{WIRE_PLATFORM_TYPE, INBOX_PLATFORM_TYPE, false, NULL},
	{WIRE_NEW_CARD_ID, INBOX_NEW_CARD_ID, true, parse_card_id},
	{WIRE_OLD_CARD_ID, INBOX_OLD_CARD_ID, false, parse_card_id},
	{WIRE_APP_ID, INBOX_APP_ID, true, parse_app_id},
	{WIRE_MESSAGE_ID, INBOX_MESSAGE_ID, true, parse_message_id},
	{WIRE_REASON, INBOX_REASON, false, NULL},
	{WIRE_NOTED_AT, INBOX_NOTED_AT, false, NULL},
};

/* Parse a text that is not NULL. */
static bool
parse_text(const WireNotice *wire, WireColumn column, bool (*parse)(const char *text, size_t len, Datum *value), Datum *value)
{
	text *t = DatumGetTextPP(wire->values[column]);

	return parse(VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t), value);
}

static Cause
unparsable(Trial *trial, WireColumn column)
{
	trial->unparsable = column;
	return CAUSE_UNPARSABLE;
}

/* Has this transaction written to the table? */
static bool
wrote_to(Oid table)
{
	LOCKTAG tag;

	SET_LOCKTAG_RELATION(tag, MyDatabaseId, table);
	return LockHeldByMe(&tag, RowExclusiveLock, false);
}

/*
 * Forget what was read unless it still holds.  Under another snapshot it does
 * if no transaction has ended between the two: one that had begun by the first
 * has left the list of those that run, any other has raised xmax.  Nor may our
 * own transaction have written to the tables: it would hold that lock.  Their
 * definitions cannot change, since we keep the lock that we read them under.
 */
static void
recall(Landing *landing)
{
	Snapshot snapshot = GetActiveSnapshot();

	if (snapshot->xmax != landing->read_xmax || snapshot->xcnt != landing->read_xcnt ||
		(OidIsValid(landing->self) && wrote_to(landing->self)) ||
		(OidIsValid(landing->issuer) && wrote_to(landing->issuer)))
	{
		landing->self = InvalidOid;
		landing->issuer = InvalidOid;
	}
	landing->read_xmax = snapshot->xmax;
	landing->read_xcnt = snapshot->xcnt;
}

/*
 * This service provider.  The table has one row, so it is read as it stands;
 * no row at all is a fault of the server.
 */
static void
read_own_company(Landing *landing)
{
	Relation self = screissue_open_table("service_provider", "self", AccessShareLock, self_shape, SELF_COLUMNS);
	SysScanDesc scan = systable_beginscan(self, InvalidOid, false, GetActiveSnapshot(), 0, NULL);
	HeapTuple tuple = systable_getnext(scan);
	bool isnull;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("table \"%s\" is empty", RelationGetRelationName(self)));
	landing->own_company = DatumGetCompanyId(heap_getattr(tuple, SELF_COMPANY_ID + 1, RelationGetDescr(self), &isnull));
	landing->self = RelationGetRelid(self);
	systable_endscan(scan);
	table_close(self, NoLock);
}

static void
read_contract(HeapTuple tuple, TupleDesc descriptor, uint64_t issuer, Contract *contract)
{
	bool isnull;
	Datum name = heap_getattr(tuple, ISSUER_SUBSCRIPTION + 1, descriptor, &isnull);

	contract->issuer = issuer;
	if (isnull)
		NameStr(contract->subscription)[0] = '\0';
	else
		contract->subscription = *DatumGetName(name);
}

/* Look up the contract with an issuer; false if there is none. */
static bool
find_contract(Landing *landing, uint64_t company)
{
	Relation issuer = screissue_open_table("service_provider", "issuer", AccessShareLock, issuer_shape, ISSUER_COLUMNS);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	bool found;

	/* company_id is stored like int8 and is equal where that is. */
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, CompanyIdGetDatum(company));
	scan = systable_beginscan(issuer, screissue_primary_key(issuer), true, GetActiveSnapshot(), 1, &key);
	tuple = systable_getnext(scan);
	found = HeapTupleIsValid(tuple);
	landing->issuer = found ? RelationGetRelid(issuer) : InvalidOid;
	if (found)
		read_contract(tuple, RelationGetDescr(issuer), company, &landing->contract);
	systable_endscan(scan);
	table_close(issuer, NoLock);
	return found;
}

static bool
has_contract(Landing *landing, uint64_t company)
{
	if (OidIsValid(landing->issuer) && landing->contract.issuer == company)
		return true;
	return find_contract(landing, company);
}

/*
 * May what brings the notice speak for the issuer?  Of subscriptions only the
 * one that the contract names.  The name is what is on record: dump and
 * restore change oids.
 */
static bool
speaks_for_issuer(const Contract *contract, const WireNotice *wire)
{
	const char *name = NameStr(contract->subscription);

	if (wire->delivered_by != NULL)
		return name[0] != '\0' && strcmp(name, wire->delivered_by) == 0;
	if (OidIsValid(wire->subscription))
		return name[0] != '\0' && get_subscription_oid(name, true) == wire->subscription;
	return true;
}

/*
 * Is the notice for us, and from an issuer that may say so here?  Whether it
 * is for us comes first: nothing of what is for somebody else may be kept.
 */
static Cause
judge_parties(Trial *trial)
{
	const WireNotice *wire = trial->wire;
	Datum provider;
	Datum issuer;

	if (wire->isnull[WIRE_PROVIDER] || !parse_text(wire, WIRE_PROVIDER, parse_company_id, &provider))
		return unparsable(trial, WIRE_PROVIDER);
	if (DatumGetCompanyId(provider) != trial->landing->own_company)
		return CAUSE_WRONG_PROVIDER;

	if (wire->isnull[WIRE_ISSUER] || !parse_text(wire, WIRE_ISSUER, parse_company_id, &issuer))
		return unparsable(trial, WIRE_ISSUER);
	trial->issuer = DatumGetCompanyId(issuer);
	trial->row.values[INBOX_ISSUER] = issuer;
	trial->row.isnull[INBOX_ISSUER] = false;
	if (!has_contract(trial->landing, trial->issuer))
		return CAUSE_UNKNOWN_ISSUER;
	if (!speaks_for_issuer(&trial->landing->contract, wire))
		return CAUSE_WRONG_SUBSCRIPTION;
	return CAUSE_NONE;
}

/* Numbers that issuers give begin at 1; the answer to an inquiry has none. */
static bool
number_is_valid(const WireNotice *wire)
{
	int64 notice_no = DatumGetInt64(wire->values[WIRE_NOTICE_NO]);

	if (strcmp(wire->carrier, "inquiry") == 0)
		return notice_no < 0;
	return notice_no > 0;
}

/* Does the notice say, in readable form, what a notice must say? */
static Cause
judge_content(Trial *trial)
{
	const WireNotice *wire = trial->wire;
	InboxRow *row = &trial->row;

	for (int i = 0; i < (int) lengthof(content); i++)
	{
		const ContentColumn *column = &content[i];

		row->isnull[column->to] = wire->isnull[column->from];
		if (wire->isnull[column->from])
		{
			if (column->required)
				return unparsable(trial, column->from);
		}
		else if (column->parse == NULL)
			row->values[column->to] = wire->values[column->from];
		else if (!parse_text(wire, column->from, column->parse, &row->values[column->to]))
			return unparsable(trial, column->from);
	}
	if (!number_is_valid(wire))
		return unparsable(trial, WIRE_NOTICE_NO);
	return CAUSE_NONE;
}

/* Is it on record that this provider had the application before us? */
static bool
is_former_provider(Datum app, uint64_t provider)
{
	Relation former = screissue_open_table("service_provider", "former_provider", AccessShareLock, former_shape, FORMER_COLUMNS);
	FmgrInfo same_app = {.fn_addr = app_id_eq, .fn_nargs = 2, .fn_strict = true};
	ScanKeyData key[FORMER_COLUMNS];
	SysScanDesc scan;
	bool found;

	/* company_id is stored like int8 and is equal where that is. */
	ScanKeyEntryInitializeWithInfo(&key[0], 0, FORMER_APP_ID + 1, BTEqualStrategyNumber, InvalidOid, InvalidOid, &same_app, app);
	ScanKeyInit(&key[1], FORMER_PROVIDER + 1, BTEqualStrategyNumber, F_INT8EQ, CompanyIdGetDatum(provider));
	scan = systable_beginscan(former, screissue_primary_key(former), true, GetActiveSnapshot(), FORMER_COLUMNS, key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(former, NoLock);
	return found;
}

/*
 * Is the loading permission one that this issuer gave to us, or to a provider
 * whose application we took over?  Who that was is looked up for no other.
 */
static Cause
judge_message_id(const Trial *trial)
{
	const MessageId *id = DatumGetMessageId(trial->row.values[INBOX_MESSAGE_ID]);
	uint64_t provider = message_id_provider(id);

	if (message_id_issuer(id) != trial->issuer)
		return CAUSE_WRONG_MESSAGE_ID;
	if (provider != trial->landing->own_company && !is_former_provider(trial->row.values[INBOX_APP_ID], provider))
		return CAUSE_WRONG_MESSAGE_ID;
	return CAUSE_NONE;
}

static Cause
judge(Trial *trial)
{
	Cause cause = judge_parties(trial);

	if (cause == CAUSE_NONE)
		cause = judge_content(trial);
	if (cause == CAUSE_NONE)
		cause = judge_message_id(trial);
	return cause;
}

/* What is recorded of the receipt itself (R22) */
static void
fill_receipt(Trial *trial)
{
	InboxRow *row = &trial->row;

	row->values[INBOX_RECEIVED_AT] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	row->isnull[INBOX_RECEIVED_AT] = false;
	row->values[INBOX_CARRIER] = CStringGetTextDatum(trial->wire->carrier);
	row->isnull[INBOX_CARRIER] = false;
}

/* A cause as it is kept. */
static const char *
cause_text(const Trial *trial, Cause cause)
{
	if (cause == CAUSE_UNPARSABLE)
		return psprintf("%s: %s", cause_word[cause], screissue_wire_shape[trial->unparsable].name);
	return cause_word[cause];
}

static void
put_in_quarantine(const Trial *trial, Cause cause)
{
	if (cause == CAUSE_WRONG_PROVIDER)
		screissue_quarantine_digest(trial->wire, cause_text(trial, cause));
	else
		screissue_quarantine_notice(trial->wire, cause_text(trial, cause));
}

/* The inbox, open for as long as the landing lasts. */
static InboxWriter *
open_inbox(Landing *landing)
{
	if (landing->inbox == NULL)
	{
		MemoryContext memory = MemoryContextSwitchTo(landing->memory);
		ResourceOwner owner = CurrentResourceOwner;

		CurrentResourceOwner = landing->owner;
		landing->inbox = screissue_open_inbox();
		CurrentResourceOwner = owner;
		MemoryContextSwitchTo(memory);
	}
	return landing->inbox;
}

static void
end_landing(Landing *landing)
{
	ResourceOwner owner = CurrentResourceOwner;

	if (landing->inbox == NULL)
		return;
	CurrentResourceOwner = landing->owner;
	screissue_close_inbox(landing->inbox);
	CurrentResourceOwner = owner;
	landing->inbox = NULL;
}

/*
 * Judge a notice and store it, or say why not.  The word for what became of a
 * notice without a cause is that of receive_notice().
 */
static Cause
judge_and_store(Trial *trial, const char **stored)
{
	Landing *landing = trial->landing;
	Cause cause;

	recall(landing);
	if (!OidIsValid(landing->self))
		read_own_company(landing);
	cause = judge(trial);
	if (cause != CAUSE_NONE)
		return cause;

	fill_receipt(trial);
	switch (screissue_store_notice(open_inbox(landing), &trial->row))
	{
		case INBOX_STORED:
			*stored = "stored";
			return CAUSE_NONE;
		case INBOX_DUPLICATE:
			*stored = "duplicate";
			return CAUSE_NONE;
		case INBOX_CONTRADICTION:
			break;
	}
	return CAUSE_CONTRADICTION;
}

/* Judge a notice and keep it; returns what receive_notice() does. */
static const char *
land(const WireNotice *wire, Landing *landing)
{
	Trial trial = {.wire = wire, .landing = landing};
	const char *stored = NULL;
	Cause cause = judge_and_store(&trial, &stored);

	if (cause == CAUSE_NONE)
		return stored;
	put_in_quarantine(&trial, cause);
	return "quarantined";
}

/* Land one notice, whatever else the transaction does. */
static const char *
land_alone(const WireNotice *wire)
{
	Landing landing = {.memory = CurrentMemoryContext, .owner = CurrentResourceOwner};
	const char *result = land(wire, &landing);

	end_landing(&landing);
	return result;
}

/*
 * The landing of a worker, which lasts for a transaction: like one INSERT of
 * all of its notices, whose locks it holds to its end anyhow.
 */
static Landing lasting;
static bool lasting_is_in_use;

static void
end_lasting(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE)
		end_landing(&lasting);
	lasting = (Landing){0};
	lasting_is_in_use = false;
}

static void
land_with_others(const WireNotice *wire)
{
	static bool registered = false;

	if (!registered)
		RegisterXactCallback(end_lasting, NULL);
	registered = true;

	lasting.memory = TopTransactionContext;
	lasting.owner = TopTransactionResourceOwner;
	lasting_is_in_use = true;
	land(wire, &lasting);
	lasting_is_in_use = false;
}

/* The trigger that was meant to call, not something else. */
static TriggerData *
trigger_data(FunctionCallInfo fcinfo, const char *function)
{
	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(((TriggerData *) fcinfo->context)->tg_event))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("function \"%s\" was not called by a trigger that fires before the event", function));
	return (TriggerData *) fcinfo->context;
}

/*
 * Land what a worker received.  A subtransaction may give back what is opened
 * in it before the transaction ends.  The initial copy is a COPY, whose context
 * would put the whole row, card ids and all, into the log with every message.
 */
static void
land_in_worker(const WireNotice *wire)
{
	ErrorContextCallback *context = error_context_stack;

	if (am_tablesync_worker())
		error_context_stack = NULL;
	if (GetCurrentTransactionNestLevel() == 1 && !lasting_is_in_use)
		land_with_others(wire);
	else
		land_alone(wire);
	error_context_stack = context;
}

/*
 * Trigger BEFORE INSERT FOR EACH ROW on screissue.notice.  In a worker of a
 * subscription (apply, parallel apply, initial copy) the row lands and goes no
 * further; elsewhere it is a notice that an issuer writes in this database.
 */
Datum
screissue_land_notice(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_data(fcinfo, "land_notice");
	TupleTableSlot *slot = trigger->tg_trigslot;
	WireNotice wire = {.carrier = "replication"};

	if (!TRIGGER_FIRED_BY_INSERT(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("function \"%s\" must be fired for each row that is inserted", "land_notice"));
	if (MyLogicalRepWorker == NULL)
		return PointerGetDatum(trigger->tg_trigtuple);

	screissue_check_table(trigger->tg_relation, screissue_wire_shape, WIRE_COLUMNS);
	slot_getsomeattrs(slot, WIRE_COLUMNS);
	memcpy(wire.values, slot->tts_values, sizeof(wire.values));
	memcpy(wire.isnull, slot->tts_isnull, sizeof(wire.isnull));
	wire.subscription = MyLogicalRepWorker->subid;
	land_in_worker(&wire);
	return PointerGetDatum(NULL);
}

/*
 * Trigger BEFORE UPDATE or DELETE FOR EACH ROW, or TRUNCATE, on
 * screissue.notice.  Notices are only ever added: what else a subscription
 * brings is passed over, and where that is not possible it is refused.
 */
Datum
screissue_guard_notice(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_data(fcinfo, "guard_notice");

	if (MyLogicalRepWorker == NULL)
		return PointerGetDatum(TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple);
	if (TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("an issuer may not truncate the notices of a service provider"),
				errhint("Let the issuer publish nothing but inserts, then skip this transaction with ALTER SUBSCRIPTION ... SKIP."));
	return PointerGetDatum(NULL);
}

/* Raise unless the carrier is one that this road has (22023). */
static const char *
check_carrier(const char *carrier)
{
	static const char *const known[] = {"pull", "file", "paper", "inquiry"};

	for (int i = 0; i < (int) lengthof(known); i++)
	{
		if (strcmp(carrier, known[i]) == 0)
			return known[i];
	}
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("unknown carrier \"%s\"", carrier),
			errhint("The carriers are pull, file, paper and inquiry."));
}

/* Raise unless service_provider.setup() has run (SR001). */
static void
check_set_up(void)
{
	if (!OidIsValid(screissue_find_relation("service_provider", "self")))
		ereport(ERROR,
				errcode(ERRCODE_SR_NOT_SET_UP),
				errmsg("no service provider is set up in this database"),
				errhint("Call service_provider.setup(company, name) first."));
}

/* The columns of the wire, which are the first arguments. */
static void
read_arguments(FunctionCallInfo fcinfo, WireNotice *wire)
{
	for (int i = 0; i < WIRE_COLUMNS; i++)
	{
		wire->values[i] = PG_GETARG_DATUM(i);
		wire->isnull[i] = PG_ARGISNULL(i);
	}
}

/*
 * service_provider.receive_notice(columns of the wire ..., carrier): landing
 * for every carrier but replication.
 */
Datum
screissue_receive_notice(PG_FUNCTION_ARGS)
{
	WireNotice wire = {.subscription = InvalidOid};

	check_set_up();
	screissue_require_argument(fcinfo, WIRE_COLUMNS, "carrier");
	wire.carrier = check_carrier(text_to_cstring(PG_GETARG_TEXT_PP(WIRE_COLUMNS)));
	read_arguments(fcinfo, &wire);
	PG_RETURN_TEXT_P(cstring_to_text(land_alone(&wire)));
}

/*
 * service_provider.land_again(columns of the wire ..., carrier, subscription):
 * judges what is in quarantine once more, by what is on record now.  Returns
 * stored, duplicate, or the cause why it is neither; then it keeps nothing.
 */
Datum
screissue_land_again(PG_FUNCTION_ARGS)
{
	WireNotice wire = {.subscription = InvalidOid};
	Landing landing = {.memory = CurrentMemoryContext, .owner = CurrentResourceOwner};
	Trial trial = {.wire = &wire, .landing = &landing};
	const char *result = NULL;
	Cause cause;

	screissue_require_argument(fcinfo, WIRE_COLUMNS, "carrier");
	wire.carrier = text_to_cstring(PG_GETARG_TEXT_PP(WIRE_COLUMNS));
	if (strcmp(wire.carrier, "replication") == 0)
		wire.delivered_by = PG_ARGISNULL(WIRE_COLUMNS + 1) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(WIRE_COLUMNS + 1));
	read_arguments(fcinfo, &wire);

	cause = judge_and_store(&trial, &result);
	end_landing(&landing);
	if (cause != CAUSE_NONE)
		result = cause_text(&trial, cause);
	PG_RETURN_TEXT_P(cstring_to_text(result));
}
