/*-------------------------------------------------------------------------
 *
 * lookup.c
 *	  Rows of the card issuer, found by the primary key
 *
 * Where the table is an ordinary one, or partitioned by the hash of its first
 * column as setup() does it, the index is scanned directly, which takes a
 * fraction of the time of a statement; where it is distributed, or was
 * partitioned in another way, a saved statement finds the rows.  Either way they
 * are those that the active snapshot sees, and are read by the same code: a
 * statement selects all columns, in their order.  Rows can be locked, as they are
 * for a reissue, and are read as they are then.
 *
 * Who inquires must not learn from the server which rows were read: not by
 * pg_stat_xact_all_tables or EXPLAIN (BUFFERS), which would tell of its own
 * session how far a look-up came, nor by pg_locks, which shows to everybody
 * the rows that a serializable transaction has read, and the partitions that
 * any has.  So a look-up without trace is not counted, locks the whole table for
 * reading in a serializable transaction, and keeps no lock on a single
 * partition.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_inherits.h"
#include "executor/instrument.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "pgstat.h"
#include "storage/predicate.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "lookup.h"

PG_FUNCTION_INFO_V1(screissue_cover_reads);

pg_noreturn static void raise_changed(void);

static void
raise_changed(void)
{
	ereport(ERROR,
			errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			errmsg("could not serialize access due to concurrent update"));
}

/*
 * Lock a row that a scan found, as SELECT FOR NO KEY UPDATE does: after a wait
 * it is the newest version, or, where all of a transaction has one snapshot,
 * 40001.  false: it was deleted.
 */
static bool
lock_row(Relation table, Snapshot snapshot, TupleTableSlot *row)
{
	ItemPointerData tid = row->tts_tid;
	uint8 flags = TUPLE_LOCK_FLAG_LOCK_UPDATE_IN_PROGRESS;
	TM_FailureData failure;
	TM_Result result;

	if (!IsolationUsesXactSnapshot())
		flags |= TUPLE_LOCK_FLAG_FIND_LAST_VERSION;
	result = table_tuple_lock(table, &tid, snapshot, row, GetCurrentCommandId(false),
							  LockTupleNoKeyExclusive, LockWaitBlock, flags, &failure);
	if (result == TM_Ok)
		return true;
	if ((result == TM_Updated || result == TM_Deleted) && IsolationUsesXactSnapshot())
		raise_changed();
	if (result != TM_Deleted)
		elog(ERROR, "could not lock a row of table \"%s\": %d", RelationGetRelationName(table), result);
	return false;
}

/* Read the rows that a scan finds; false if there is none. */
static bool
read_rows(IndexScanDesc scan, const Lookup *lookup, void *result)
{
	TupleTableSlot *slot = table_slot_create(scan->heapRelation, NULL);
	bool more = lookup->given < lookup->keys;
	bool found = false;

	while ((more || !found) && index_getnext_slot(scan, ForwardScanDirection, slot))
	{
		if (lookup->locks && !lock_row(scan->heapRelation, scan->xs_snapshot, slot))
			continue;
		found = true;
		slot_getsomeattrs(slot, lookup->columns);
		lookup->read(slot->tts_tupleDescriptor, slot->tts_values, slot->tts_isnull, result);
	}
	ExecDropSingleTupleTableSlot(slot);
	return found;
}

static IndexScanDesc
begin_scan(const Lookup *lookup, Relation table, Relation index, Snapshot snapshot, const Datum *key)
{
	IndexScanDesc scan = index_beginscan(table, index, snapshot, NULL, lookup->given, 0);
	ScanKeyData scan_key[LOOKUP_MAX_KEYS];

	for (int i = 0; i < lookup->given; i++)
	{
		FmgrInfo equal = {.fn_addr = lookup->equal[i], .fn_nargs = 2, .fn_strict = true};

		ScanKeyEntryInitializeWithInfo(&scan_key[i], 0, i + 1, BTEqualStrategyNumber, InvalidOid, index->rd_indcollation[i], &equal, key[i]);
	}
	index_rescan(scan, scan_key, lookup->given, NULL, 0);
	return scan;
}

/* Scan the index for the rows. */
static bool
scan_index(const Lookup *lookup, Relation table, Relation index, Snapshot snapshot, const Datum *key, void *result)
{
	IndexScanDesc scan = begin_scan(lookup, table, index, snapshot, key);
	bool found = read_rows(scan, lookup, result);

	index_endscan(scan);
	return found;
}

/* Statistics of a relation, while they rest */
typedef struct RestingStatistics
{
	bool enabled;
	struct PgStat_TableStatus *counts;
} RestingStatistics;

static RestingStatistics
rest_statistics(Relation relation)
{
	RestingStatistics resting = {relation->pgstat_enabled, relation->pgstat_info};

	relation->pgstat_enabled = false;
	relation->pgstat_info = NULL;
	return resting;
}

static void
resume_statistics(Relation relation, RestingStatistics resting)
{
	relation->pgstat_enabled = resting.enabled;
	relation->pgstat_info = resting.counts;
}

/*
 * Lock the table for reading, with all its partitions and indexes, against
 * what other serializable transactions write.
 */
static void
cover_table(Relation table)
{
	Snapshot snapshot = GetActiveSnapshot();
	ListCell *of_table;

	foreach (of_table, find_all_inheritors(RelationGetRelid(table), AccessShareLock, NULL))
	{
		Relation leaf = table_open(lfirst_oid(of_table), NoLock);
		ListCell *of_leaf;

		PredicateLockRelation(leaf, snapshot);
		foreach (of_leaf, RelationGetIndexList(leaf))
		{
			Relation index = index_open(lfirst_oid(of_leaf), AccessShareLock);

			PredicateLockRelation(index, snapshot);
			index_close(index, NoLock);
		}
		table_close(leaf, NoLock);
	}
}

/*
 * Scan the index without a trace of what was found.  (With PG_FINALLY, newer
 * compilers warn of what longjmp might do to its variable.)
 */
static bool
scan_index_tracelessly(const Lookup *lookup, Relation table, Relation index, Snapshot snapshot, const Datum *key, void *result)
{
	RestingStatistics of_table = rest_statistics(table);
	RestingStatistics of_index = rest_statistics(index);
	BufferUsage buffers = pgBufferUsage;
	volatile bool found = false;

	PG_TRY();
	{
		found = scan_index(lookup, table, index, snapshot, key, result);
	}
	PG_CATCH();
	{
		pgBufferUsage = buffers;
		resume_statistics(index, of_index);
		resume_statistics(table, of_table);
		PG_RE_THROW();
	}
	PG_END_TRY();
	pgBufferUsage = buffers;
	resume_statistics(index, of_index);
	resume_statistics(table, of_table);
	return found;
}

/*
 * Find the rows by a scan of the primary key's index.  The lock on the index is
 * released if release says so.
 */
static bool
find_by_index(const Lookup *lookup, Relation table, LOCKMODE release, const Datum *key, void *result)
{
	Relation index = screissue_open_primary_key(table, AccessShareLock, lookup->keys);
	bool found = (lookup->traceless ? scan_index_tracelessly : scan_index)(lookup, table, index, GetActiveSnapshot(), key, result);

	index_close(index, release);
	return found;
}

/* Is the table partitioned by the hash of its first column? */
static bool
is_partitioned_by_hash(Relation table)
{
	PartitionKey key;

	if (table->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		return false;
	key = RelationGetPartitionKey(table);
	return key->strategy == PARTITION_STRATEGY_HASH && key->partnatts == 1 && key->partattrs[0] == 1;
}

/*
 * Open the partition of a row by the first column of its key; NULL if there is
 * none.
 */
static Relation
open_partition(Relation table, Datum key, LOCKMODE lockmode)
{
	PartitionKey partition_key = RelationGetPartitionKey(table);
	PartitionDesc partitions = RelationGetPartitionDesc(table, true);
	PartitionBoundInfo bounds = partitions->boundinfo;
	bool isnull = false;
	uint64 hash;
	int i;

	if (partitions->nparts == 0)
		return NULL;
	hash = compute_partition_hash_value(1, partition_key->partsupfunc, partition_key->partcollation, &key, &isnull);
	i = bounds->indexes[hash % bounds->nindexes];
	return i < 0 ? NULL : table_open(partitions->oids[i], lockmode);
}

/*
 * Open the plain table that is to have a row of this card: the card table itself,
 * or its partition.  NULL if only a statement gets at it.
 */
Relation
screissue_open_leaf(Relation table, bool distributed, Datum card, LOCKMODE lockmode)
{
	if (distributed)
		return NULL;
	if (table->rd_rel->relkind == RELKIND_RELATION)
		return table_open(RelationGetRelid(table), lockmode);
	return is_partitioned_by_hash(table) ? open_partition(table, card, lockmode) : NULL;
}

/* Find the rows in their partition. */
static bool
find_in_partition(const Lookup *lookup, Relation table, const Datum *key, void *result)
{
	LOCKMODE release = lookup->traceless ? AccessShareLock : NoLock;
	Relation partition = open_partition(table, key[0], lookup->locks ? RowShareLock : AccessShareLock);
	bool found;

	if (partition == NULL)
		return false;
	screissue_check_table(partition, lookup->shape, lookup->columns);
	found = find_by_index(lookup, partition, release, key, result);
	table_close(partition, release);
	return found;
}

/* Find the rows by a statement. */
static bool
find_by_statement(Lookup *lookup, Relation table, Datum *key, void *result)
{
	for (int i = 0; i < lookup->given; i++)
		lookup->argument_types[i] = TupleDescAttr(RelationGetDescr(table), i)->atttypid;
	lookup->statement.arguments = lookup->given;
	lookup->statement.argument_types = lookup->argument_types;
	lookup->statement.locks = lookup->locks;
	return screissue_select(table, &lookup->statement, key, NULL, lookup->read, result);
}

/*
 * cover_reads(): in a serializable transaction, lock the card tables as a
 * whole for reading, before a call of a provider's reads rows of them that it
 * must not know of.
 */
Datum
screissue_cover_reads(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"card", "entitlement", "app_load"};

	if (!IsolationIsSerializable())
		PG_RETURN_VOID();
	for (int i = 0; i < (int) lengthof(names); i++)
	{
		Relation table = screissue_open_relation("card_issuer", names[i], AccessShareLock, NULL, 0);

		cover_table(table);
		table_close(table, NoLock);
	}
	PG_RETURN_VOID();
}

/*
 * Lock the row of a plain table that has these values as its primary key, as
 * SELECT FOR NO KEY UPDATE does, for a writer that puts another in its place;
 * false if there is none.
 */
bool
screissue_lock_by_key(const Lookup *lookup, Relation table, const Datum *key, TupleTableSlot *row)
{
	Relation index = screissue_open_primary_key(table, AccessShareLock, lookup->keys);
	IndexScanDesc scan = begin_scan(lookup, table, index, GetActiveSnapshot(), key);
	bool found = index_getnext_slot(scan, ForwardScanDirection, row) && lock_row(table, scan->xs_snapshot, row);

	index_endscan(scan);
	index_close(index, NoLock);
	return found;
}

/*
 * Read the rows that have these values in the first columns of the key; false
 * if there is none.  distributed: the table is on several machines.
 */
bool
screissue_look_up(Lookup *lookup, bool distributed, Datum *key, void *result)
{
	LOCKMODE lockmode = lookup->locks ? RowShareLock : AccessShareLock;
	Relation table = screissue_open_relation(lookup->schema, lookup->table, lockmode, lookup->shape, lookup->columns);
	bool found;

	if (lookup->locks)
		PreventCommandIfReadOnly("SELECT FOR NO KEY UPDATE");
	if (lookup->traceless && IsolationIsSerializable())
		cover_table(table);
	if (!distributed && table->rd_rel->relkind == RELKIND_RELATION)
		found = find_by_index(lookup, table, NoLock, key, result);
	else if (!distributed && is_partitioned_by_hash(table))
		found = find_in_partition(lookup, table, key, result);
	else
		found = find_by_statement(lookup, table, key, result);
	table_close(table, NoLock);
	return found;
}
