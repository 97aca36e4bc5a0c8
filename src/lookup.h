/*-------------------------------------------------------------------------
 *
 * lookup.h
 *	  Rows of the card issuer that an inquiry reads
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_LOOKUP_H
#define SCREISSUE_LOOKUP_H

#include "utils/date.h"

#include "core/crypto.h"
#include "core/message_id.h"

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
} ProviderRow;

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

#endif /* SCREISSUE_LOOKUP_H */
