/*-------------------------------------------------------------------------
 *
 * inbox.c
 *	  The inbox of notices, service_provider.reissue_notice
 *
 * Every carrier brings its notices here, the apply worker of a subscription
 * millions of them, so a row goes in as INSERT ... ON CONFLICT DO NOTHING
 * would put it in, but without a planner and an executor around it:
 * speculative insertion through the table access method, the primary key
 * (issuer, notice_no) being the arbiter.  Two carriers that bring the same
 * notice at once end with one row.  That row never changes: what arrives again
 * is counted beside it, in service_provider.notice_arrival.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/datum.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "notice.h"
#include "table.h"

static const ColumnShape inbox_shape[INBOX_COLUMNS] = {
	[INBOX_ISSUER] = {"issuer", 8},
	[INBOX_NOTICE_NO] = {"notice_no", 8},
	[INBOX_KIND] = {"kind", -1},
	[INBOX_PLATFORM_TYPE] = {"platform_type", 4},
	[INBOX_NEW_CARD_ID] = {"new_card_id", -1},
	[INBOX_OLD_CARD_ID] = {"old_card_id", -1},
	[INBOX_APP_ID] = {"app_id", -1},
	[INBOX_MESSAGE_ID] = {"message_id", 24},
	[INBOX_REASON] = {"reason", -1},
	[INBOX_NOTED_AT] = {"noted_at", 8},
	[INBOX_RECEIVED_AT] = {"received_at", 8},
	[INBOX_CARRIER] = {"carrier", -1},
};

/* What insertions need; made by screissue_open_inbox() */
struct InboxWriter
{
	TableWriter inbox;
	List *arbiter; /* the primary key's index */
	TupleTableSlot *existing; /* the row that is in the way of the one to add */
};

/*
 * Insert the row unless its number is taken; then false, and the place of the
 * row that has it.  Waits for another transaction that is about to take or to
 * give up the number.  The steps are those of ExecInsert().
 */
static bool
insert_speculatively(InboxWriter *writer, ItemPointer taken_by)
{
	for (;;)
	{
		bool conflict = false;
		ItemPointerData none_yet;
		uint32 token;
		List *recheck;

		CHECK_FOR_INTERRUPTS();

		/* Saves a dead row when the conflict is there to be seen. */
		ItemPointerSetInvalid(&none_yet);
		if (!ExecCheckIndexConstraints(writer->inbox.target, writer->inbox.row, writer->inbox.estate, taken_by, &none_yet, writer->arbiter))
			return false;

		token = SpeculativeInsertionLockAcquire(GetCurrentTransactionId());
		table_tuple_insert_speculative(writer->inbox.table, writer->inbox.row, writer->inbox.estate->es_output_cid, 0, NULL, token);
		recheck = ExecInsertIndexTuples(writer->inbox.target, writer->inbox.row, writer->inbox.estate, false, true, &conflict, writer->arbiter, false);
		table_tuple_complete_speculative(writer->inbox.table, writer->inbox.row, token, !conflict);
		SpeculativeInsertionLockRelease(GetCurrentTransactionId());
		list_free(recheck);

		if (!conflict)
			return true;
	}
}

/* Do both rows agree in a column?  Equal values have equal images. */
static bool
column_equals(TupleTableSlot *a, TupleTableSlot *b, InboxColumn column)
{
	Form_pg_attribute attribute = TupleDescAttr(a->tts_tupleDescriptor, column);

	if (a->tts_isnull[column] || b->tts_isnull[column])
		return a->tts_isnull[column] && b->tts_isnull[column];
	return datum_image_eq(a->tts_values[column], b->tts_values[column], attribute->attbyval, attribute->attlen);
}

/* Are the rows the same notice, whatever brought them and when? */
static bool
same_notice(TupleTableSlot *a, TupleTableSlot *b)
{
	slot_getsomeattrs(a, INBOX_COLUMNS);
	slot_getsomeattrs(b, INBOX_COLUMNS);
	for (InboxColumn column = INBOX_ISSUER; column <= INBOX_NOTED_AT; column++)
	{
		if (!column_equals(a, b, column))
			return false;
	}
	return true;
}

static bool
same_number(TupleTableSlot *a, TupleTableSlot *b)
{
	slot_getsomeattrs(a, INBOX_NOTICE_NO + 1);
	slot_getsomeattrs(b, INBOX_NOTICE_NO + 1);
	return column_equals(a, b, INBOX_ISSUER) && column_equals(a, b, INBOX_NOTICE_NO);
}

/*
 * Read the row that has the number.  False if it is gone since: the place may
 * even have been given to another row.
 */
static bool
read_existing(InboxWriter *writer, ItemPointer tid)
{
	return table_tuple_fetch_row_version(writer->inbox.table, tid, SnapshotAny, writer->existing) &&
		same_number(writer->inbox.row, writer->existing);
}

/*
 * Raise 40001 where the snapshot of the transaction cannot see the row that is
 * in the way, as INSERT ... ON CONFLICT DO NOTHING would.
 */
static void
check_visible(InboxWriter *writer)
{
	bool isnull;
	TransactionId xmin;

	if (!IsolationUsesXactSnapshot() ||
		table_tuple_satisfies_snapshot(writer->inbox.table, writer->existing, GetActiveSnapshot()))
		return;
	xmin = DatumGetTransactionId(slot_getsysattr(writer->existing, MinTransactionIdAttributeNumber, &isnull));
	if (!TransactionIdIsCurrentTransactionId(xmin))
		ereport(ERROR,
				errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				errmsg("could not serialize access due to concurrent update"));
}

/*
 * Count one more arrival of a notice that is there.  One row for each carrier:
 * a publisher that repeats itself fills no disk.
 */
static void
count_arrival(InboxWriter *writer)
{
	static Oid argument_types[4] = {InvalidOid, INT8OID, TEXTOID, TIMESTAMPTZOID};
	static SavedStatement statement = {
		.text = "INSERT INTO service_provider.notice_arrival AS a"
				" (issuer, notice_no, carrier, arrivals, first_at, last_at)"
				" VALUES ($1, $2, $3, 1, $4, $4)"
				" ON CONFLICT ON CONSTRAINT notice_arrival_pkey DO UPDATE"
				" SET arrivals = a.arrivals OPERATOR(pg_catalog.+) 1,"
				" last_at = greatest(a.last_at, EXCLUDED.last_at)",
		.arguments = 4,
		.argument_types = argument_types,
	};
	const Datum *row = writer->inbox.row->tts_values;
	Datum values[4] = {row[INBOX_ISSUER], row[INBOX_NOTICE_NO], row[INBOX_CARRIER], row[INBOX_RECEIVED_AT]};
	Relation table = screissue_open_table("service_provider", "notice_arrival", RowExclusiveLock, NULL, 0);

	argument_types[0] = TupleDescAttr(RelationGetDescr(writer->inbox.table), INBOX_ISSUER)->atttypid;
	screissue_execute(table, &statement, values, NULL);
	table_close(table, NoLock);
}

static InboxResult
write_row(InboxWriter *writer)
{
	ItemPointerData taken_by;

	while (!insert_speculatively(writer, &taken_by))
	{
		if (!read_existing(writer, &taken_by))
			continue;
		if (!same_notice(writer->inbox.row, writer->existing))
			return INBOX_CONTRADICTION;
		check_visible(writer);
		count_arrival(writer);
		return INBOX_DUPLICATE;
	}
	return INBOX_STORED;
}

/*
 * Open the inbox for any number of notices.  What that takes belongs to the
 * current memory context and resource owner, and it is closed under the same
 * owner, unless the transaction fails.
 */
InboxWriter *
screissue_open_inbox(void)
{
	InboxWriter *writer = palloc(sizeof(InboxWriter));

	screissue_begin_writing(&writer->inbox, "service_provider", "reissue_notice", inbox_shape, INBOX_COLUMNS);
	writer->arbiter = list_make1_oid(screissue_primary_key(writer->inbox.table));
	writer->existing = table_slot_create(writer->inbox.table, &writer->inbox.estate->es_tupleTable);
	return writer;
}

/*
 * Store a notice in the inbox, once: the same notice again is counted, another
 * one with its number leaves everything as it is (E19).  Content never raises;
 * what the server cannot do does.  Memory is the caller's short-lived context.
 */
InboxResult
screissue_store_notice(InboxWriter *writer, const InboxRow *row)
{
	InboxResult result;

	screissue_fill_row(&writer->inbox, row->values, row->isnull, INBOX_COLUMNS);
	result = write_row(writer);
	ExecClearTuple(writer->inbox.row);
	ExecClearTuple(writer->existing);
	ResetPerTupleExprContext(writer->inbox.estate);
	return result;
}

void
screissue_close_inbox(InboxWriter *writer)
{
	screissue_end_writing(&writer->inbox);
	list_free(writer->arbiter);
	pfree(writer);
}
