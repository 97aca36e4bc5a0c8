/*-------------------------------------------------------------------------
 *
 * registry.c
 *	  What the card issuer has registered, remembered between inquiries
 *
 * The issuer itself, applications, providers and keys are few, every inquiry
 * needs one of each, and they hardly ever change.  So a session remembers the
 * rows it has read, until one of these tables is written: a trigger on each
 * sends what the server sends when a table was altered, at commit to every
 * session and at once to its own.
 *
 * Rows are read as the server reads its catalogs, by the newest snapshot: a
 * key that was revoked is revoked for transactions that are older, too.  What
 * was not found is not remembered, since who asks could fill the memory with
 * names.  Where tables are distributed nothing is remembered but the issuer.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/sortsupport.h"

#include "compat.h"
#include "app_id.h"
#include "company_id.h"
#include "registry.h"
#include "screissue.h"
#include "table.h"
#include "type_support.h"

PG_FUNCTION_INFO_V1(screissue_own_company);
PG_FUNCTION_INFO_V1(screissue_registry_changed);

typedef enum RegistryTable
{
	REGISTRY_SELF,
	REGISTRY_APPLICATION,
	REGISTRY_PROVIDER,
	REGISTRY_KEY,
	REGISTRY_TABLES
} RegistryTable;

static const char *const table_name[REGISTRY_TABLES] = {
	[REGISTRY_SELF] = "self",
	[REGISTRY_APPLICATION] = "application",
	[REGISTRY_PROVIDER] = "provider",
	[REGISTRY_KEY] = "encryption_key",
};

/* Which row: the table, and the bytes of its key */
typedef struct RegistryKey
{
	uint8_t table;
	uint8_t len;
	uint8_t bytes[APP_ID_MAX_BYTES];
} RegistryKey;

typedef struct RegistryEntry
{
	RegistryKey key; /* first, for the hash table */
	void *row;
} RegistryEntry;

static struct
{
	MemoryContext memory; /* of all of it; NULL = nothing is remembered */
	HTAB *rows;
	Oid tables[REGISTRY_TABLES];
	uint64 changes; /* counts what made us forget */
} registry;

static RegistryKey
make_key(RegistryTable table, const void *bytes, size_t len)
{
	RegistryKey key = {.table = (uint8_t) table, .len = (uint8_t) len};

	memcpy(key.bytes, bytes, Min(len, sizeof(key.bytes)));
	return key;
}

/* Called when a table was altered, or one of ours written, by anybody. */
static void
forget(Datum argument, Oid relation)
{
	bool ours = !OidIsValid(relation);

	for (int i = 0; i < REGISTRY_TABLES && !ours; i++)
		ours = registry.tables[i] == relation;
	if (!ours)
		return;
	registry.changes++;
	if (registry.memory != NULL)
		MemoryContextDelete(registry.memory);
	registry.memory = NULL;
	registry.rows = NULL;
	memset(registry.tables, 0, sizeof(registry.tables));
}

/* Begin to remember: from now on we are told of changes. */
static void
prepare_registry(void)
{
	static bool called_back = false;
	Oid tables[REGISTRY_TABLES];
	HASHCTL settings = {.keysize = sizeof(RegistryKey), .entrysize = sizeof(RegistryEntry)};
	MemoryContext memory;

	if (!called_back)
	{
		CacheRegisterRelcacheCallback(forget, (Datum) 0);
		called_back = true;
	}
	/* Each of these may hear of changes; which tables are ours comes last. */
	for (int i = 0; i < REGISTRY_TABLES; i++)
		tables[i] = screissue_find_relation("card_issuer", table_name[i]);
	memcpy(registry.tables, tables, sizeof(tables));
	memory = AllocSetContextCreate(CacheMemoryContext, "screissue registry", ALLOCSET_SMALL_SIZES);
	settings.hcxt = memory;
	registry.rows = hash_create("screissue registry", 32, &settings, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	registry.memory = memory;
}

/* Copy the row if it is remembered. */
static bool
recall(const RegistryKey *key, void *row, size_t size)
{
	RegistryEntry *entry;

	if (registry.rows == NULL)
		return false;
	entry = hash_search(registry.rows, key, HASH_FIND, NULL);
	if (entry == NULL)
		return false;
	memcpy(row, entry->row, size);
	return true;
}

/* Remember a row, unless something changed since it was looked for. */
static void
remember(const RegistryKey *key, const void *row, size_t size, uint64 changes)
{
	void *copy;
	RegistryEntry *entry;

	if (changes != registry.changes)
		return;
	copy = MemoryContextAlloc(registry.memory, size);
	memcpy(copy, row, size);
	entry = hash_search(registry.rows, key, HASH_ENTER, NULL);
	entry->row = copy;
}

typedef bool (*RowFinder)(const IssuerRow *issuer, Datum id, void *row);

/* Find a row by its id, in memory or by the newest snapshot in its table. */
static bool
get_row(const IssuerRow *issuer, const RegistryKey *key, RowFinder find, Datum id, void *row, size_t size)
{
	uint64 changes;
	bool found;

	if (recall(key, row, size))
		return true;
	if (registry.memory == NULL)
		prepare_registry();
	changes = registry.changes;
	PushActiveSnapshot(GetLatestSnapshot());
	found = find(issuer, id, row);
	PopActiveSnapshot();
	if (found && (issuer == NULL || !issuer->distributed))
		remember(key, row, size, changes);
	return found;
}

/* This card issuer; raises SR001 if there is none. */
void
screissue_get_issuer(IssuerRow *row)
{
	RegistryKey key = make_key(REGISTRY_SELF, "", 0);
	bool is_set_up = OidIsValid(registry.tables[REGISTRY_SELF]) ||
		OidIsValid(screissue_find_relation("card_issuer", table_name[REGISTRY_SELF]));

	AcceptInvalidationMessages();
	if (!is_set_up || !get_row(NULL, &key, screissue_find_issuer, BoolGetDatum(true), row, sizeof(*row)))
		ereport(ERROR,
				errcode(ERRCODE_SR_NOT_SET_UP),
				errmsg("no card issuer is set up in this database"),
				errhint("Call card_issuer.setup(company, name) first."));
}

/* own_company(): its company id */
Datum
screissue_own_company(PG_FUNCTION_ARGS)
{
	IssuerRow issuer;

	screissue_get_issuer(&issuer);
	PG_RETURN_COMPANY_ID(issuer.company);
}

bool
screissue_get_application(const IssuerRow *issuer, Datum app, ApplicationRow *row)
{
	struct varlena *aid = DatumGetAppIdPP(app);
	RegistryKey key = make_key(REGISTRY_APPLICATION, VARLENA_IMAGE(aid), VARLENA_IMAGE_LEN(aid));

	return get_row(issuer, &key, screissue_find_application, app, row, sizeof(*row));
}

bool
screissue_get_provider(const IssuerRow *issuer, uint64_t provider, ProviderRow *row)
{
	RegistryKey key = make_key(REGISTRY_PROVIDER, &provider, sizeof(provider));

	return get_row(issuer, &key, screissue_find_provider, CompanyIdGetDatum(provider), row, sizeof(*row));
}

bool
screissue_get_registered_key(const IssuerRow *issuer, int key_id, KeyRow *row)
{
	RegistryKey key = make_key(REGISTRY_KEY, &key_id, sizeof(key_id));

	return get_row(issuer, &key, screissue_find_key, Int32GetDatum(key_id), row, sizeof(*row));
}

/*
 * Trigger AFTER INSERT, UPDATE or DELETE FOR EACH ROW, and AFTER TRUNCATE, on
 * each of the tables: everybody is to forget what is remembered of them.  (For
 * each row, since the worker of a subscription fires no others.)
 */
Datum
screissue_registry_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("function \"%s\" was not called by a trigger", "registry_changed"));
	CacheInvalidateRelcache(trigger->tg_relation);
	return PointerGetDatum(NULL);
}
