/*-------------------------------------------------------------------------
 *
 * lookup.c
 *	  Rows of the card issuer that an inquiry reads
 *
 * Each is one row, found by the primary key.  Where the table is an ordinary
 * one, or partitioned by the hash of its first column as setup() does it, the
 * index is scanned directly, which takes a fraction of the time of a
 * statement; where it is distributed, or was partitioned in another way, a
 * saved statement finds the row.  Either way the row is the one that the active
 * snapshot sees, and is read by the same code: a statement selects all columns,
 * in their order.
 *
 * Who asks must not learn from the server which rows were read: not by
 * pg_stat_xact_all_tables or EXPLAIN (BUFFERS), which would tell of its own
 * session how far a look-up came, nor by pg_locks, which shows to everybody
 * the rows that a serializable transaction has read, and the partitions that
 * any has.  So scans are not counted, a serializable transaction locks the whole
 * table for reading, and no lock on a single partition is kept.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_inherits.h"
#include "executor/instrument.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "pgstat.h"
#include "storage/predicate.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/sortsupport.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "app_id.h"
#include "card_id.h"
#include "company_id.h"
#include "lookup.h"
#include "message_id.h"
#include "screissue.h"
#include "table.h"
#include "type_support.h"

PG_FUNCTION_INFO_V1(screissue_cover_reads);

#define MAX_KEYS 2

/* One row by the primary key, which is the first columns of the table */
typedef struct Lookup
{
	const char *table;
	const ColumnShape *shape; /* down to the last column that is read */
	int columns;
	int keys;
	PGFunction equal[MAX_KEYS];
	RowReader read;
	SavedStatement statement;
	Oid argument_types[MAX_KEYS];
} Lookup;

/* The day by which validity is judged, as screissue.today() has it */
static DateADT
today(void)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();

	return (DateADT) (now / USECS_PER_DAY) - (now % USECS_PER_DAY < 0 ? 1 : 0);
}

/* Read the row that a scan finds; false if there is none. */
static bool
read_next(IndexScanDesc scan, const Lookup *lookup, void *row)
{
	TupleTableSlot *slot = table_slot_create(scan->heapRelation, NULL);
	bool found = index_getnext_slot(scan, ForwardScanDirection, slot);

	if (found)
	{
		slot_getsomeattrs(slot, lookup->columns);
		lookup->read(slot->tts_tupleDescriptor, slot->tts_values, slot->tts_isnull, row);
	}
	ExecDropSingleTupleTableSlot(slot);
	return found;
}

/* Scan the index for the row. */
static bool
scan_index(const Lookup *lookup, Relation table, Relation index, Snapshot snapshot, const Datum *key, void *row)
{
	IndexScanDesc scan = index_beginscan(table, index, snapshot, NULL, lookup->keys, 0);
	ScanKeyData scan_key[MAX_KEYS];
	bool found;

	for (int i = 0; i < lookup->keys; i++)
	{
		FmgrInfo equal = {.fn_addr = lookup->equal[i], .fn_nargs = 2, .fn_strict = true};

		ScanKeyEntryInitializeWithInfo(&scan_key[i], 0, i + 1, BTEqualStrategyNumber, InvalidOid, InvalidOid, &equal, key[i]);
	}
	index_rescan(scan, scan_key, lookup->keys, NULL, 0);
	found = read_next(scan, lookup, row);
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
 * Find the row by a scan of the primary key's index, which leaves no trace of
 * what it found.  The lock on the index is released if release says so.
 */
static bool
find_by_index(const Lookup *lookup, Relation table, LOCKMODE release, const Datum *key, void *row)
{
	Snapshot snapshot = GetActiveSnapshot();
	Relation index = screissue_open_primary_key(table, AccessShareLock, lookup->keys);
	RestingStatistics of_table = rest_statistics(table);
	RestingStatistics of_index = rest_statistics(index);
	BufferUsage buffers = pgBufferUsage;
	bool found = false;

	PG_TRY();
	{
		found = scan_index(lookup, table, index, snapshot, key, row);
	}
	PG_FINALLY();
	{
		pgBufferUsage = buffers;
		resume_statistics(index, of_index);
		resume_statistics(table, of_table);
	}
	PG_END_TRY();
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
open_partition(Relation table, Datum key)
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
	return i < 0 ? NULL : table_open(partitions->oids[i], AccessShareLock);
}

/* Find the row in its partition. */
static bool
find_in_partition(const Lookup *lookup, Relation table, const Datum *key, void *row)
{
	Relation partition = open_partition(table, key[0]);
	bool found;

	if (partition == NULL)
		return false;
	screissue_check_table(partition, lookup->shape, lookup->columns);
	found = find_by_index(lookup, partition, AccessShareLock, key, row);
	table_close(partition, AccessShareLock);
	return found;
}

/* Find the row by a statement. */
static bool
find_by_statement(Lookup *lookup, Relation table, Datum *key, void *row)
{
	for (int i = 0; i < lookup->keys; i++)
		lookup->argument_types[i] = TupleDescAttr(RelationGetDescr(table), i)->atttypid;
	lookup->statement.arguments = lookup->keys;
	lookup->statement.argument_types = lookup->argument_types;
	return screissue_select(table, &lookup->statement, key, NULL, lookup->read, row);
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

static bool
find_row(Lookup *lookup, const IssuerRow *issuer, Datum *key, void *row)
{
	Relation table = screissue_open_relation("card_issuer", lookup->table, AccessShareLock, lookup->shape, lookup->columns);
	bool local = issuer == NULL || !issuer->distributed;
	bool found;

	if (IsolationIsSerializable())
		cover_table(table);
	if (local && table->rd_rel->relkind == RELKIND_RELATION)
		found = find_by_index(lookup, table, NoLock, key, row);
	else if (local && is_partitioned_by_hash(table))
		found = find_in_partition(lookup, table, key, row);
	else
		found = find_by_statement(lookup, table, key, row);
	table_close(table, NoLock);
	return found;
}

/* card_issuer.self */

enum
{
	SELF_COMPANY_ID = 1,
	SELF_DISTRIBUTED = 6,
	SELF_COLUMNS
};
static const ColumnShape self_shape[SELF_COLUMNS] = {
	{"one_row", 1},
	{"company_id", 8},
	{"name", -1},
	{"epoch", 4},
	{"partitions", 4},
	{"layout", 4},
	{"distributed", 1},
};

static void
read_issuer(TupleDesc descriptor, const Datum *values, const bool *isnull, void *result)
{
	IssuerRow *row = result;

	row->company = DatumGetCompanyId(values[SELF_COMPANY_ID]);
	row->distributed = DatumGetBool(values[SELF_DISTRIBUTED]);
}

/* This card issuer, one row; false if there is none. */
bool
screissue_find_issuer(const IssuerRow *issuer, Datum one_row, void *row)
{
	static Lookup lookup = {
		.table = "self",
		.shape = self_shape,
		.columns = SELF_COLUMNS,
		.keys = 1,
		.equal = {booleq},
		.read = read_issuer,
		.statement = {"SELECT s.* FROM card_issuer.self s WHERE s.one_row OPERATOR(pg_catalog.=) $1"},
	};

	return find_row(&lookup, issuer, &one_row, row);
}

/* card_issuer.application */

enum
{
	APPLICATION_PROVIDER = 1,
	APPLICATION_WITHDRAWN_AT = 6,
	APPLICATION_COLUMNS
};
static const ColumnShape application_shape[APPLICATION_COLUMNS] = {
	{"app_id", -1},
	{"provider", 8},
	{"name", -1},
	{"load_file_sha256", -1},
	{"examination_mode", -1},
	{"max_examination_age", 16},
	{"withdrawn_at", 8},
};

static void
read_application(TupleDesc descriptor, const Datum *values, const bool *isnull, void *result)
{
	ApplicationRow *row = result;

	row->provider = DatumGetCompanyId(values[APPLICATION_PROVIDER]);
	row->withdrawn = !isnull[APPLICATION_WITHDRAWN_AT];
}

bool
screissue_find_application(const IssuerRow *issuer, Datum app, void *row)
{
	static Lookup lookup = {
		.table = "application",
		.shape = application_shape,
		.columns = APPLICATION_COLUMNS,
		.keys = 1,
		.equal = {app_id_eq},
		.read = read_application,
		.statement = {"SELECT a.* FROM card_issuer.application a WHERE a.app_id OPERATOR(screissue.=) $1"},
	};

	return find_row(&lookup, issuer, &app, row);
}

/* card_issuer.provider */

enum
{
	PROVIDER_ROLE_NAME = 3,
	PROVIDER_CONTRACT_FROM = 5,
	PROVIDER_CONTRACT_UNTIL = 6,
	PROVIDER_SUSPENDED_AT = 7,
	PROVIDER_INQUIRY_LIMIT = 8,
	PROVIDER_COLUMNS
};
static const ColumnShape provider_shape[PROVIDER_COLUMNS] = {
	{"provider", 8},
	{"name", -1},
	{"lei", -1},
	{"role_name", NAMEDATALEN},
	{"delivery", -1},
	{"contract_from", 4},
	{"contract_until", 4},
	{"suspended_at", 8},
	{"inquiry_limit", 4},
};

static void
read_provider(TupleDesc descriptor, const Datum *values, const bool *isnull, void *result)
{
	ProviderRow *row = result;

	row->role_name = *DatumGetName(values[PROVIDER_ROLE_NAME]);
	row->contract_from = isnull[PROVIDER_CONTRACT_FROM] ? DATEVAL_NOBEGIN : DatumGetDateADT(values[PROVIDER_CONTRACT_FROM]);
	row->contract_until = isnull[PROVIDER_CONTRACT_UNTIL] ? DATEVAL_NOEND : DatumGetDateADT(values[PROVIDER_CONTRACT_UNTIL]);
	row->suspended = !isnull[PROVIDER_SUSPENDED_AT];
	row->limited = !isnull[PROVIDER_INQUIRY_LIMIT];
}

/* Is the contract in force today (R4, R5)? */
bool
screissue_is_in_force(const ProviderRow *provider)
{
	DateADT day = today();

	return !provider->suspended && provider->contract_from <= day && day <= provider->contract_until;
}

bool
screissue_find_provider(const IssuerRow *issuer, Datum provider, void *row)
{
	static Lookup lookup = {
		.table = "provider",
		.shape = provider_shape,
		.columns = PROVIDER_COLUMNS,
		.keys = 1,
		.equal = {int8eq}, /* company_id is stored like int8 and is equal where that is */
		.read = read_provider,
		.statement = {"SELECT p.* FROM card_issuer.provider p WHERE p.provider OPERATOR(screissue.=) $1"},
	};

	return find_row(&lookup, issuer, &provider, row);
}

/* card_issuer.encryption_key */

enum
{
	KEY_SCHEME = 1,
	KEY_PUBLIC_KEY = 2,
	KEY_REVOKED_AT = 5,
	KEY_COLUMNS
};
static const ColumnShape key_shape[KEY_COLUMNS] = {
	{"key_id", 4},
	{"scheme", -1},
	{"public_key", -1},
	{"registered_at", 8},
	{"retired_at", 8},
	{"revoked_at", 8},
};

static void
read_key(TupleDesc descriptor, const Datum *values, const bool *isnull, void *result)
{
	KeyRow *row = result;
	text *scheme = DatumGetTextPP(values[KEY_SCHEME]);
	bytea *public_key = DatumGetByteaPP(values[KEY_PUBLIC_KEY]);

	row->scheme = card_attribute_scheme_find(VARDATA_ANY(scheme), VARSIZE_ANY_EXHDR(scheme));
	row->public_key_len = Min(VARSIZE_ANY_EXHDR(public_key), sizeof(row->public_key));
	memcpy(row->public_key, VARDATA_ANY(public_key), row->public_key_len);
	row->revoked = !isnull[KEY_REVOKED_AT];
}

bool
screissue_find_key(const IssuerRow *issuer, Datum key_id, void *row)
{
	static Lookup lookup = {
		.table = "encryption_key",
		.shape = key_shape,
		.columns = KEY_COLUMNS,
		.keys = 1,
		.equal = {int4eq},
		.read = read_key,
		.statement = {"SELECT k.* FROM card_issuer.encryption_key k WHERE k.key_id OPERATOR(pg_catalog.=) $1"},
	};

	return find_row(&lookup, issuer, &key_id, row);
}

/* card_issuer.card */

enum
{
	CARD_PLATFORM_TYPE = 1,
	CARD_STATUS = 3,
	CARD_VALID_UNTIL = 5,
	CARD_PRINTED_NUMBER = 7,
	CARD_ATTRIBUTE_KEY_ID = 8,
	CARD_SECRET_SHA256 = 9,
	CARD_REPLACES = 11,
	CARD_OVERLAP_UNTIL = 14,
	CARD_COLUMNS
};
static const ColumnShape card_shape[CARD_COLUMNS] = {
	{"card_id", -1},
	{"platform_type", 4},
	{"holder_id", -1},
	{"status", 4},
	{"former_status", 4},
	{"valid_until", 4},
	{"issued_at", 8},
	{"printed_number", -1},
	{"attribute_key_id", 4},
	{"secret_sha256", -1},
	{"opted_out_at", 8},
	{"replaces", -1},
	{"replaced_by", -1},
	{"replaced_at", 8},
	{"overlap_until", 8},
};

/* The value of an enum, by its label; an enum that is not ours has none. */
static Oid
enum_value(Oid type, const char *label)
{
	return GetSysCacheOid2(ENUMTYPOIDNAME, Anum_pg_enum_oid, ObjectIdGetDatum(type), CStringGetDatum(label));
}

static bool
same_text(text *a, text *b)
{
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

typedef struct CardQuestion
{
	text *printed_number; /* NULL = not asked for */
	CardRow *row;
} CardQuestion;

static void
read_card(TupleDesc descriptor, const Datum *values, const bool *isnull, void *result)
{
	CardQuestion *asked = result;
	CardRow *row = asked->row;
	Oid active = enum_value(TupleDescAttr(descriptor, CARD_STATUS)->atttypid, "active");

	row->platform_type = DatumGetInt32(values[CARD_PLATFORM_TYPE]);
	row->works = DatumGetObjectId(values[CARD_STATUS]) == active ||
		(!isnull[CARD_OVERLAP_UNTIL] &&
		 DatumGetTimestampTz(values[CARD_OVERLAP_UNTIL]) > GetCurrentTransactionStartTimestamp());
	if (!isnull[CARD_VALID_UNTIL] && DatumGetDateADT(values[CARD_VALID_UNTIL]) < today())
		row->works = false;
	row->reissued = !isnull[CARD_REPLACES];
	row->other_number = asked->printed_number != NULL && !isnull[CARD_PRINTED_NUMBER] &&
		!same_text(asked->printed_number, DatumGetTextPP(values[CARD_PRINTED_NUMBER]));
	row->key_id = isnull[CARD_ATTRIBUTE_KEY_ID] ? -1 : DatumGetInt32(values[CARD_ATTRIBUTE_KEY_ID]);
	row->has_secret = !isnull[CARD_SECRET_SHA256];
	if (row->has_secret)
	{
		bytea *digest = DatumGetByteaPP(values[CARD_SECRET_SHA256]);

		memset(row->secret_sha256, 0, sizeof(row->secret_sha256));
		memcpy(row->secret_sha256, VARDATA_ANY(digest), Min(VARSIZE_ANY_EXHDR(digest), sizeof(row->secret_sha256)));
	}
}

bool
screissue_find_card(const IssuerRow *issuer, Datum card, text *printed_number, CardRow *row)
{
	CardQuestion asked = {printed_number, row};
	static Lookup lookup = {
		.table = "card",
		.shape = card_shape,
		.columns = CARD_COLUMNS,
		.keys = 1,
		.equal = {card_id_eq},
		.read = read_card,
		.statement = {"SELECT c.* FROM card_issuer.card c WHERE c.card_id OPERATOR(screissue.=) $1"},
	};

	return find_row(&lookup, issuer, &card, &asked);
}

/* card_issuer.entitlement */

enum
{
	ENTITLEMENT_MESSAGE_ID = 2,
	ENTITLEMENT_WITHDRAWN_AT = 7,
	ENTITLEMENT_OPTED_OUT_AT = 8,
	ENTITLEMENT_COLUMNS
};
static const ColumnShape entitlement_shape[ENTITLEMENT_COLUMNS] = {
	{"card_id", -1},
	{"app_id", -1},
	{"message_id", 24},
	{"old_card_id", -1},
	{"hops", 4},
	{"granted_at", 8},
	{"used_at", 8},
	{"withdrawn_at", 8},
	{"opted_out_at", 8},
};

static void
read_entitlement(TupleDesc descriptor, const Datum *values, const bool *isnull, void *result)
{
	EntitlementRow *row = result;

	memcpy(&row->message, DatumGetMessageId(values[ENTITLEMENT_MESSAGE_ID]), sizeof(MessageId));
	row->withdrawn = !isnull[ENTITLEMENT_WITHDRAWN_AT];
	row->opted_out = !isnull[ENTITLEMENT_OPTED_OUT_AT];
}

bool
screissue_find_entitlement(const IssuerRow *issuer, Datum card, Datum app, EntitlementRow *row)
{
	static Lookup lookup = {
		.table = "entitlement",
		.shape = entitlement_shape,
		.columns = ENTITLEMENT_COLUMNS,
		.keys = 2,
		.equal = {card_id_eq, app_id_eq},
		.read = read_entitlement,
		.statement = {"SELECT e.* FROM card_issuer.entitlement e"
					  " WHERE e.card_id OPERATOR(screissue.=) $1 AND e.app_id OPERATOR(screissue.=) $2"},
	};
	Datum key[2] = {card, app};

	return find_row(&lookup, issuer, key, row);
}
