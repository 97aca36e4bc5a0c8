/*-------------------------------------------------------------------------
 *
 * quarantine.c
 *	  Notices that are not believed: service_provider.quarantined_notice
 *
 * They are kept as they came, in columns of text, so that any content fits,
 * with the cause; a person looks at them.  Of a notice for somebody else only
 * issuer, number and a digest are kept (E24): the SHA-256 of the columns in
 * their order, each as a byte 0 if it is NULL, else a byte 1, its text and a
 * byte 0.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_subscription.h"
#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "compat.h"
#include "notice.h"
#include "table.h"

/* Parameters of the INSERT: the columns of the wire, then these */
enum
{
	QUARANTINE_DIGEST = WIRE_COLUMNS,
	QUARANTINE_SUBSCRIPTION,
	QUARANTINE_CARRIER,
	QUARANTINE_CAUSE,
	QUARANTINE_ARGUMENTS
};

static const Oid quarantine_types[QUARANTINE_ARGUMENTS] = {
	TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
	TEXTOID, TEXTOID, TEXTOID, BYTEAOID, TEXTOID, TEXTOID, TEXTOID};

static SavedStatement quarantine_insert = {
	.text = "INSERT INTO service_provider.quarantined_notice"
			" (issuer, provider, notice_no, kind, platform_type, new_card_id, old_card_id,"
			" app_id, message_id, reason, noted_at, digest, subscription, carrier, cause, received_at)"
			" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, pg_catalog.now())",
	.arguments = QUARANTINE_ARGUMENTS,
	.argument_types = quarantine_types,
};

typedef struct QuarantineRow
{
	Datum values[QUARANTINE_ARGUMENTS];
	char nulls[QUARANTINE_ARGUMENTS];
} QuarantineRow;

static void
set_text(QuarantineRow *row, int column, const char *text)
{
	row->nulls[column] = text == NULL ? 'n' : ' ';
	row->values[column] = text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

/* A column that is not NULL, as text; a time in ISO 8601 and UTC. */
static Datum
wire_text(const WireNotice *wire, WireColumn column)
{
	Datum value = wire->values[column];
	char time[MAXDATELEN + 1];
	int utc = 0;

	switch (column)
	{
		case WIRE_NOTICE_NO:
			return CStringGetTextDatum(psprintf(INT64_FORMAT, DatumGetInt64(value)));
		case WIRE_PLATFORM_TYPE:
			return CStringGetTextDatum(psprintf("%d", DatumGetInt32(value)));
		case WIRE_NOTED_AT:
			return CStringGetTextDatum(JsonEncodeDateTime(time, value, TIMESTAMPTZOID, &utc));
		default:
			return value;
	}
}

static void
set_from_wire(QuarantineRow *row, const WireNotice *wire, WireColumn column)
{
	row->nulls[column] = wire->isnull[column] ? 'n' : ' ';
	row->values[column] = wire->isnull[column] ? (Datum) 0 : wire_text(wire, column);
}

static void
hash_bytes(pg_cryptohash_ctx *hash, const void *bytes, size_t len)
{
	if (pg_cryptohash_update(hash, bytes, len) < 0)
		elog(ERROR, "could not compute a digest: %s", pg_cryptohash_error(hash));
}

/* SHA-256 of all columns, as said above. */
static bytea *
digest_of(const WireNotice *wire)
{
	bytea *digest = palloc0(VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA256);

	SET_VARSIZE(digest, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	if (hash == NULL || pg_cryptohash_init(hash) < 0)
		elog(ERROR, "could not begin a digest: %s", pg_cryptohash_error(hash));
	for (WireColumn column = 0; column < WIRE_COLUMNS; column++)
	{
		if (!wire->isnull[column])
		{
			text *value = DatumGetTextPP(wire_text(wire, column));

			hash_bytes(hash, "\1", 1);
			hash_bytes(hash, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
		}
		hash_bytes(hash, "\0", 1);
	}
	if (pg_cryptohash_final(hash, (uint8 *) VARDATA(digest), PG_SHA256_DIGEST_LENGTH) < 0)
		elog(ERROR, "could not finish a digest: %s", pg_cryptohash_error(hash));
	pg_cryptohash_free(hash);
	return digest;
}

/*
 * Write the row.  Replication has nobody whom the result could be told, so it
 * goes to the server log, without any content.
 */
static void
write_row(QuarantineRow *row, const WireNotice *wire, const char *cause)
{
	Relation table = screissue_open_table("service_provider", "quarantined_notice", RowExclusiveLock, NULL, 0);
	char *subscription = NULL;

	if (OidIsValid(wire->subscription))
		subscription = get_subscription_name(wire->subscription, true);
	set_text(row, QUARANTINE_SUBSCRIPTION, subscription);
	set_text(row, QUARANTINE_CARRIER, wire->carrier);
	set_text(row, QUARANTINE_CAUSE, cause);
	screissue_execute(table, &quarantine_insert, row->values, row->nulls);
	table_close(table, NoLock);

	if (subscription != NULL)
		ereport(LOG,
				errmsg("notice from subscription \"%s\" is in quarantine: %s", subscription, cause));
}

/* Keep a notice as it came. */
void
screissue_quarantine_notice(const WireNotice *wire, const char *cause)
{
	QuarantineRow row;

	for (WireColumn column = 0; column < WIRE_COLUMNS; column++)
		set_from_wire(&row, wire, column);
	row.values[QUARANTINE_DIGEST] = (Datum) 0;
	row.nulls[QUARANTINE_DIGEST] = 'n';
	write_row(&row, wire, cause);
}

/* Keep no more of a notice than issuer, number and digest. */
void
screissue_quarantine_digest(const WireNotice *wire, const char *cause)
{
	QuarantineRow row;

	for (WireColumn column = 0; column < WIRE_COLUMNS; column++)
		set_text(&row, column, NULL);
	set_from_wire(&row, wire, WIRE_ISSUER);
	set_from_wire(&row, wire, WIRE_NOTICE_NO);
	row.values[QUARANTINE_DIGEST] = PointerGetDatum(digest_of(wire));
	row.nulls[QUARANTINE_DIGEST] = ' ';
	write_row(&row, wire, cause);
}
