/*-------------------------------------------------------------------------
 *
 * issuer_row.h
 *	  Rows of the card issuer that an inquiry reads, and what others share
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_ISSUER_ROW_H
#define SCREISSUE_ISSUER_ROW_H

#include "utils/date.h"

#include "core/crypto.h"
#include "core/message_id.h"
#include "table.h"

/* Columns that are read of card_issuer.card, and those of .entitlement */
enum
{
	CARD_PLATFORM_TYPE = 1,
	CARD_HOLDER_ID = 2,
	CARD_STATUS = 3,
	CARD_VALID_UNTIL = 5,
	CARD_PRINTED_NUMBER = 7,
	CARD_ATTRIBUTE_KEY_ID = 8,
	CARD_SECRET_SHA256 = 9,
	CARD_OPTED_OUT_AT = 10,
	CARD_REPLACES = 11,
	CARD_REPLACED_BY = 12,
	CARD_OVERLAP_UNTIL = 14,
	CARD_COLUMNS
};
enum
{
	ENTITLEMENT_CARD_ID,
	ENTITLEMENT_APP_ID,
	ENTITLEMENT_MESSAGE_ID,
	ENTITLEMENT_OLD_CARD_ID,
	ENTITLEMENT_HOPS,
	ENTITLEMENT_GRANTED_AT,
	ENTITLEMENT_USED_AT,
	ENTITLEMENT_WITHDRAWN_AT,
	ENTITLEMENT_OPTED_OUT_AT,
	ENTITLEMENT_COLUMNS
};
extern const ColumnShape screissue_card_shape[CARD_COLUMNS];
extern const ColumnShape screissue_entitlement_shape[ENTITLEMENT_COLUMNS];

/* card_issuer.self */
typedef struct IssuerRow
{
	uint64_t company;
	bool distributed; /* its tables are on several machines */
} IssuerRow;

typedef struct ApplicationRow
{
	uint64_t provider;
	bool withdrawn;
} ApplicationRow;

typedef struct ProviderRow
{
	NameData role_name;
	DateADT contract_from; /* the contract is in force from this day */
	DateADT contract_until; /* to this day, */
	bool suspended; /* unless it is suspended */
	bool limited; /* in the number of inquiries */
	bool gets_notices; /* if a contract is in force */
} ProviderRow;

typedef struct PlatformRow
{
	int method; /* 0 = unknown */
	bool luhn; /* ids of such cards pass this check */
	bool mod97;
} PlatformRow;

typedef struct KeyRow
{
	CardAttributeScheme scheme;
	uint8_t public_key[CRYPTO_MAX_PUBLIC_KEY];
	size_t public_key_len;
	bool revoked;
} KeyRow;

typedef struct CardRow
{
	int platform_type;
	bool works; /* active, or an old card in its overlap, and valid today */
	bool reissued; /* it replaced another one */
	bool other_number; /* another one is printed on it than was asked for */
	int key_id; /* of its attributes, -1 = none on record */
	bool has_secret;
	uint8_t secret_sha256[CRYPTO_SHA256_SIZE];
} CardRow;

typedef struct EntitlementRow
{
	MessageId message;
	bool withdrawn;
	bool opted_out; /* nobody is to be told */
} EntitlementRow;

/* Rows that hardly ever change: registry.c remembers them */
extern bool screissue_find_issuer(const IssuerRow *issuer, Datum one_row, void *row);
extern bool screissue_find_application(const IssuerRow *issuer, Datum app, void *row);
extern bool screissue_find_provider(const IssuerRow *issuer, Datum provider, void *row);
extern bool screissue_find_key(const IssuerRow *issuer, Datum key_id, void *row);

/* Rows of a card */
extern bool screissue_find_card(const IssuerRow *issuer, Datum card, text *printed_number, CardRow *row);
extern bool screissue_find_entitlement(const IssuerRow *issuer, Datum card, Datum app, EntitlementRow *row);

extern bool screissue_is_in_force(const ProviderRow *provider);
extern bool screissue_may_move(const IssuerRow *issuer, const char *subject, const char *from, const char *to);
extern bool screissue_find_platform(const IssuerRow *issuer, int platform_type, PlatformRow *row);
extern Oid screissue_enum_value(Oid type, const char *label);

#endif /* SCREISSUE_ISSUER_ROW_H */
