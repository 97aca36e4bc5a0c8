/*-------------------------------------------------------------------------
 *
 * issuer_row.c
 *	  Rows of the card issuer that an inquiry reads, and what others share
 *
 * The look-ups of an inquiry leave no trace, see lookup.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_enum.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/sortsupport.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "app_id.h"
#include "card_id.h"
#include "company_id.h"
#include "issuer_row.h"
#include "lookup.h"
#include "message_id.h"
#include "type_support.h"

/* The day by which validity is judged, as screissue.today() has it */
static DateADT
today(void)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();

	return (DateADT) (now / USECS_PER_DAY) - (now % USECS_PER_DAY < 0 ? 1 : 0);
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
		.schema = "card_issuer",
		.table = "self",
		.shape = self_shape,
		.columns = SELF_COLUMNS,
		.keys = 1,
		.given = 1,
		.equal = {booleq},
		.traceless = true,
		.read = read_issuer,
		.statement = {"SELECT s.* FROM card_issuer.self s WHERE s.one_row OPERATOR(pg_catalog.=) $1"},
	};

	return screissue_look_up(&lookup, false, &one_row, row);
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
		.schema = "card_issuer",
		.table = "application",
		.shape = application_shape,
		.columns = APPLICATION_COLUMNS,
		.keys = 1,
		.given = 1,
		.equal = {app_id_eq},
		.traceless = true,
		.read = read_application,
		.statement = {"SELECT a.* FROM card_issuer.application a WHERE a.app_id OPERATOR(screissue.=) $1"},
	};

	return screissue_look_up(&lookup, issuer->distributed, &app, row);
}

/* card_issuer.provider */

enum
{
	PROVIDER_ROLE_NAME = 3,
	PROVIDER_DELIVERY = 4,
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

static bool
has_text(Datum value, const char *expected)
{
	text *found = DatumGetTextPP(value);

	return VARSIZE_ANY_EXHDR(found) == strlen(expected) && memcmp(VARDATA_ANY(found), expected, strlen(expected)) == 0;
}

static void
read_provider(TupleDesc descriptor, const Datum *values, const bool *isnull, void *result)
{
	ProviderRow *row = result;

	row->gets_notices = !has_text(values[PROVIDER_DELIVERY], "on_request");
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
		.schema = "card_issuer",
		.table = "provider",
		.shape = provider_shape,
		.columns = PROVIDER_COLUMNS,
		.keys = 1,
		.given = 1,
		.equal = {int8eq}, /* company_id is stored like int8 and is equal where that is */
		.traceless = true,
		.read = read_provider,
		.statement = {"SELECT p.* FROM card_issuer.provider p WHERE p.provider OPERATOR(screissue.=) $1"},
	};

	return screissue_look_up(&lookup, issuer->distributed, &provider, row);
}

/* screissue.platform */

enum
{
	PLATFORM_METHOD = 2,
	PLATFORM_ID_CHECK = 3,
	PLATFORM_COLUMNS
};
static const ColumnShape platform_shape[PLATFORM_COLUMNS] = {
	{"platform_type", 4},
	{"card_os", -1},
	{"method", 4},
	{"id_check", -1},
};

static void
read_platform(TupleDesc descriptor, const Datum *values, const bool *isnull, void *result)
{
	PlatformRow *row = result;

	row->method = isnull[PLATFORM_METHOD] ? 0 : DatumGetInt32(values[PLATFORM_METHOD]);
	row->luhn = has_text(values[PLATFORM_ID_CHECK], "luhn");
	row->mod97 = has_text(values[PLATFORM_ID_CHECK], "mod97");
}

bool
screissue_find_platform(const IssuerRow *issuer, int platform_type, PlatformRow *row)
{
	static Lookup lookup = {
		.schema = "screissue",
		.table = "platform",
		.shape = platform_shape,
		.columns = PLATFORM_COLUMNS,
		.keys = 1,
		.given = 1,
		.equal = {int4eq},
		.traceless = true,
		.read = read_platform,
		.statement = {"SELECT f.* FROM screissue.platform f WHERE f.platform_type OPERATOR(pg_catalog.=) $1"},
	};
	Datum key = Int32GetDatum(platform_type);

	return screissue_look_up(&lookup, issuer->distributed, &key, row);
}

/* screissue.status_move */

enum
{
	MOVE_KEYS = 3,
	MOVE_ALLOWED = 3,
	MOVE_COLUMNS
};
static const ColumnShape move_shape[MOVE_COLUMNS] = {
	{"subject", -1},
	{"from_status", -1},
	{"to_status", -1},
	{"allowed", 1},
};

static void
read_move(TupleDesc descriptor, const Datum *values, const bool *isnull, void *result)
{
	bool *allowed = result;

	*allowed = DatumGetBool(values[MOVE_ALLOWED]);
}

/* May a card, load or request move so?  As screissue.may_move has it. */
bool
screissue_may_move(const IssuerRow *issuer, const char *subject, const char *from, const char *to)
{
	static Lookup lookup = {
		.schema = "screissue",
		.table = "status_move",
		.shape = move_shape,
		.columns = MOVE_COLUMNS,
		.keys = MOVE_KEYS,
		.given = MOVE_KEYS,
		.equal = {texteq, texteq, texteq},
		.read = read_move,
		.statement = {"SELECT m.* FROM screissue.status_move m WHERE m.subject OPERATOR(pg_catalog.=) $1"
					  " AND m.from_status OPERATOR(pg_catalog.=) $2 AND m.to_status OPERATOR(pg_catalog.=) $3"},
	};
	Datum key[MOVE_KEYS] = {CStringGetTextDatum(subject), CStringGetTextDatum(from), CStringGetTextDatum(to)};
	bool allowed = false;

	screissue_look_up(&lookup, issuer->distributed, key, &allowed);
	return allowed;
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
		.schema = "card_issuer",
		.table = "encryption_key",
		.shape = key_shape,
		.columns = KEY_COLUMNS,
		.keys = 1,
		.given = 1,
		.equal = {int4eq},
		.traceless = true,
		.read = read_key,
		.statement = {"SELECT k.* FROM card_issuer.encryption_key k WHERE k.key_id OPERATOR(pg_catalog.=) $1"},
	};

	return screissue_look_up(&lookup, issuer->distributed, &key_id, row);
}

/* card_issuer.card */

const ColumnShape screissue_card_shape[CARD_COLUMNS] = {
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
Oid
screissue_enum_value(Oid type, const char *label)
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
	Oid active = screissue_enum_value(TupleDescAttr(descriptor, CARD_STATUS)->atttypid, "active");

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
		.schema = "card_issuer",
		.table = "card",
		.shape = screissue_card_shape,
		.columns = CARD_COLUMNS,
		.keys = 1,
		.given = 1,
		.equal = {card_id_eq},
		.traceless = true,
		.read = read_card,
		.statement = {"SELECT c.* FROM card_issuer.card c WHERE c.card_id OPERATOR(screissue.=) $1"},
	};

	return screissue_look_up(&lookup, issuer->distributed, &card, &asked);
}

/* card_issuer.entitlement */

const ColumnShape screissue_entitlement_shape[ENTITLEMENT_COLUMNS] = {
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
		.schema = "card_issuer",
		.table = "entitlement",
		.shape = screissue_entitlement_shape,
		.columns = ENTITLEMENT_COLUMNS,
		.keys = 2,
		.given = 2,
		.equal = {card_id_eq, app_id_eq},
		.traceless = true,
		.read = read_entitlement,
		.statement = {"SELECT e.* FROM card_issuer.entitlement e"
					  " WHERE e.card_id OPERATOR(screissue.=) $1 AND e.app_id OPERATOR(screissue.=) $2"},
	};
	Datum key[2] = {card, app};

	return screissue_look_up(&lookup, issuer->distributed, key, row);
}
