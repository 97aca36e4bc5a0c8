/*-------------------------------------------------------------------------
 *
 * inquiry.c
 *	  Inquiries by card attribute (method 2: Fig. 10, Fig. 15, Fig. 16)
 *
 * A provider passes on what a card gave it; the issuer decrypts it, once,
 * reads what this card inherits for the application and replies.  A positive
 * reply has the message id of the old load, the same every time.  Every
 * negative reply is the same row, whatever the cause (R36): that is for
 * card_issuer.inquiry and for the server log.  Causes, in the order in which
 * they are looked for:
 *
 *	unknown_application, foreign_app, application_withdrawn, contract_ended
 *						the attribute is not even looked at
 *	unknown_key, revoked_key, wrong_scheme, undecryptable, no_card_id
 *						the attribute
 *	unknown_card, secret, other_key, printed_number, card_status
 *						the card
 *	not_reissued, app_not_on_old_card, withdrawn, opted_out
 *						what it inherits
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/sortsupport.h"

#include "compat.h"
#include "app_id.h"
#include "caller.h"
#include "card_attribute.h"
#include "card_id.h"
#include "company_id.h"
#include "inquiry_record.h"
#include "key.h"
#include "message_id.h"
#include "registry.h"
#include "screissue.h"
#include "table.h"
#include "type_support.h"

PG_FUNCTION_INFO_V1(screissue_inquire);
PG_FUNCTION_INFO_V1(screissue_begin_inquiry);
PG_FUNCTION_INFO_V1(screissue_open_attribute);
PG_FUNCTION_INFO_V1(screissue_record_inquiry);
PG_FUNCTION_INFO_V1(screissue_decrypt_attribute);

/* Platform type of a negative reply (R38) */
#define NEGATIVE_PLATFORM_TYPE 200

typedef enum Cause
{
	CAUSE_NONE,
	CAUSE_UNKNOWN_APPLICATION,
	CAUSE_FOREIGN_APP,
	CAUSE_APPLICATION_WITHDRAWN,
	CAUSE_CONTRACT_ENDED,
	CAUSE_UNKNOWN_KEY,
	CAUSE_REVOKED_KEY,
	CAUSE_WRONG_SCHEME,
	CAUSE_UNDECRYPTABLE,
	CAUSE_NO_CARD_ID,
	CAUSE_UNKNOWN_CARD,
	CAUSE_SECRET,
	CAUSE_OTHER_KEY,
	CAUSE_PRINTED_NUMBER,
	CAUSE_CARD_STATUS,
	CAUSE_NOT_REISSUED,
	CAUSE_APP_NOT_ON_OLD_CARD,
	CAUSE_WITHDRAWN,
	CAUSE_OPTED_OUT
} Cause;

static const char *const cause_word[] = {
	[CAUSE_UNKNOWN_APPLICATION] = "unknown_application",
	[CAUSE_FOREIGN_APP] = "foreign_app",
	[CAUSE_APPLICATION_WITHDRAWN] = "application_withdrawn",
	[CAUSE_CONTRACT_ENDED] = "contract_ended",
	[CAUSE_UNKNOWN_KEY] = "unknown_key",
	[CAUSE_REVOKED_KEY] = "revoked_key",
	[CAUSE_WRONG_SCHEME] = "wrong_scheme",
	[CAUSE_UNDECRYPTABLE] = "undecryptable",
	[CAUSE_NO_CARD_ID] = "no_card_id",
	[CAUSE_UNKNOWN_CARD] = "unknown_card",
	[CAUSE_SECRET] = "secret",
	[CAUSE_OTHER_KEY] = "other_key",
	[CAUSE_PRINTED_NUMBER] = "printed_number",
	[CAUSE_CARD_STATUS] = "card_status",
	[CAUSE_NOT_REISSUED] = "not_reissued",
	[CAUSE_APP_NOT_ON_OLD_CARD] = "app_not_on_old_card",
	[CAUSE_WITHDRAWN] = "withdrawn",
	[CAUSE_OPTED_OUT] = "opted_out",
};

/* An attribute that was decrypted */
typedef struct OpenedAttribute
{
	int key_id;
	Datum card; /* 0 = it did not come to that */
	bool has_secret;
	uint8_t secret_sha256[CRYPTO_SHA256_SIZE];
} OpenedAttribute;

/* The attribute: its key, and what it says once it is decrypted */

static void
digest_secret(const CardAttributeContent *content, uint8_t *digest)
{
	if (!crypto_sha256(content->secret, content->secret_len, digest))
		elog(ERROR, "could not compute a digest");
}

/* What was encrypted: a card id, and of a secret the digest is kept. */
static Cause
read_plaintext(const uint8_t *plaintext, size_t len, OpenedAttribute *opened)
{
	CardAttributeContent content;
	Cause cause = CAUSE_NO_CARD_ID;

	if (card_attribute_read_plaintext(plaintext, len, &content))
	{
		cause = CAUSE_NONE;
		opened->card = PointerGetDatum(screissue_varlena(content.card_id, content.card_id_len));
		opened->has_secret = content.secret_len > 0;
		if (opened->has_secret)
			digest_secret(&content, opened->secret_sha256);
	}
	crypto_wipe(&content, sizeof(content));
	return cause;
}

/* Decrypt with the key that is registered for it; raises SR011. */
static Cause
decrypt(struct varlena *attribute, const KeyRow *registered, OpenedAttribute *opened)
{
	const uint8_t *image = VARLENA_IMAGE(attribute);
	int key_id = card_attribute_key_id(image);
	CryptoKey *key = screissue_get_key(key_id, registered);
	size_t ciphertext_len;
	const uint8_t *ciphertext = card_attribute_ciphertext(image, VARLENA_IMAGE_LEN(attribute), &ciphertext_len);
	uint8_t plaintext[CARD_ATTRIBUTE_MAX_PLAINTEXT];
	size_t plaintext_len;
	Cause cause = CAUSE_UNDECRYPTABLE;
	CryptoStatus status;

	/* Not for a provider, whom a negative reply tells nothing. */
	if (message_level_is_interesting(DEBUG2) && superuser_arg(screissue_caller()))
		elog(DEBUG2, "decrypted a card attribute with key %d", key_id);
	status = crypto_decrypt(key, ciphertext, ciphertext_len, plaintext, &plaintext_len);
	if (status == CRYPTO_OK)
		cause = read_plaintext(plaintext, plaintext_len, opened);
	else if (status != CRYPTO_UNDECRYPTABLE)
		ereport(ERROR,
				errcode(ERRCODE_OUT_OF_MEMORY),
				errmsg("could not decrypt with key %d", key_id),
				errdetail("The cryptographic library failed."));
	crypto_wipe(plaintext, sizeof(plaintext));
	return cause;
}

/* Leave no card id behind in memory. */
static void
wipe_attribute(OpenedAttribute *opened)
{
	if (opened->card != (Datum) 0)
		crypto_wipe(DatumGetPointer(opened->card), VARSIZE_ANY(DatumGetPointer(opened->card)));
	crypto_wipe(opened, sizeof(*opened));
}

/* May the key serve that the attribute names?  By its id alone, never by trial. */
static Cause
judge_key(bool found, const KeyRow *key, struct varlena *attribute)
{
	if (!found)
		return CAUSE_UNKNOWN_KEY;
	if (key->revoked)
		return CAUSE_REVOKED_KEY;
	if (key->scheme != card_attribute_scheme(VARLENA_IMAGE(attribute)))
		return CAUSE_WRONG_SCHEME;
	return CAUSE_NONE;
}

static Cause
open_attribute(const IssuerRow *issuer, struct varlena *attribute, OpenedAttribute *opened)
{
	KeyRow key;
	Cause cause;

	memset(opened, 0, sizeof(*opened));
	opened->key_id = card_attribute_key_id(VARLENA_IMAGE(attribute));
	cause = judge_key(screissue_get_registered_key(issuer, opened->key_id, &key), &key, attribute);
	if (cause == CAUSE_NONE)
		cause = decrypt(attribute, &key, opened);
	return cause;
}

/*
 * Is this a card of ours, and what the card itself says?  A card that has a
 * secret on record answers to nothing else, since whoever has the public key
 * can encrypt a card id; and under the key that it was personalized for, since
 * who has another key of ours, one that was revoked, may have read the secret.
 */
static Cause
judge_secret(bool found, const CardRow *card, const OpenedAttribute *opened)
{
	if (!found)
		return CAUSE_UNKNOWN_CARD;
	if (card->has_secret != opened->has_secret ||
		(card->has_secret && !crypto_equal(card->secret_sha256, opened->secret_sha256, CRYPTO_SHA256_SIZE)))
		return CAUSE_SECRET;
	if (card->has_secret && card->key_id != opened->key_id)
		return CAUSE_OTHER_KEY;
	return CAUSE_NONE;
}

/* What the card inherits for the application */
static Cause
judge_entitlement(const CardRow *card, bool found, const EntitlementRow *entitlement)
{
	if (card->other_number)
		return CAUSE_PRINTED_NUMBER;
	if (!card->works)
		return CAUSE_CARD_STATUS;
	if (!found)
		return card->reissued ? CAUSE_APP_NOT_ON_OLD_CARD : CAUSE_NOT_REISSUED;
	if (entitlement->withdrawn)
		return CAUSE_WITHDRAWN;
	if (entitlement->opted_out)
		return CAUSE_OPTED_OUT;
	return CAUSE_NONE;
}

/*
 * Fig. 10: what does the card that gave this attribute inherit?  Both rows are
 * read whatever the first one says, so that the time does not tell.
 */
static Cause
answer(const IssuerRow *issuer, struct varlena *attribute, Datum app, text *printed_number,
	   OpenedAttribute *opened, CardRow *card, EntitlementRow *entitlement)
{
	Cause cause = open_attribute(issuer, attribute, opened);
	bool known;
	bool entitled;

	if (cause != CAUSE_NONE)
		return cause;
	known = screissue_find_card(issuer, opened->card, printed_number, card);
	entitled = screissue_find_entitlement(issuer, opened->card, app, entitlement);
	cause = judge_secret(known, card, opened);
	if (cause == CAUSE_NONE)
		cause = judge_entitlement(card, entitled, entitlement);
	return cause;
}

/* Who asks */

static void
read_company(TupleDesc descriptor, const Datum *values, const bool *isnull, void *result)
{
	*(uint64_t *) result = DatumGetCompanyId(values[0]);
}

/*
 * The party for which somebody asks about an application of this provider,
 * NULL = about an unknown application.  Raises 42501 if there is none, 53400 if
 * it has asked too often.
 */
static uint64_t
get_asking_party(const uint64_t *provider)
{
	static Oid argument_types[1];
	static SavedStatement statement = {
		.text = "SELECT card_issuer.asking_party($1)",
		.arguments = 1,
		.argument_types = argument_types,
	};
	Relation table = screissue_open_relation("card_issuer", "provider", AccessShareLock, NULL, 0);
	Datum value = provider == NULL ? (Datum) 0 : CompanyIdGetDatum(*provider);
	uint64_t party;

	argument_types[0] = TupleDescAttr(RelationGetDescr(table), 0)->atttypid;
	screissue_select(table, &statement, &value, provider == NULL ? "n" : " ", read_company, &party);
	table_close(table, NoLock);
	return party;
}

/* Has the caller the privileges of the provider's role? */
static bool
acts_for(const ProviderRow *provider)
{
	Oid role = get_role_oid(NameStr(provider->role_name), true);

	return OidIsValid(role) && has_privs_of_role(screissue_caller(), role);
}

/*
 * In whose name is it asked, and may it be asked about this application?
 * Raises 42501 if the caller is neither a provider's role nor an operator.
 */
static Cause
judge_party(const IssuerRow *issuer, Datum app, uint64_t *party)
{
	ApplicationRow application;
	ProviderRow provider;

	if (!screissue_get_application(issuer, app, &application))
	{
		*party = get_asking_party(NULL);
		return CAUSE_UNKNOWN_APPLICATION;
	}
	*party = application.provider;
	if (!screissue_get_provider(issuer, application.provider, &provider))
		return CAUSE_CONTRACT_ENDED;
	if (!acts_for(&provider) || provider.limited)
		*party = get_asking_party(&application.provider);
	if (*party != application.provider)
		return CAUSE_FOREIGN_APP;
	if (application.withdrawn)
		return CAUSE_APPLICATION_WITHDRAWN;
	if (!screissue_is_in_force(&provider))
		return CAUSE_CONTRACT_ENDED;
	return CAUSE_NONE;
}

/*
 * card_issuer.inquire(attribute, app, printed_number)
 */
Datum
screissue_inquire(PG_FUNCTION_ARGS)
{
	static RowType row_type;
	IssuerRow issuer;
	OpenedAttribute opened = {0};
	CardRow card;
	EntitlementRow entitlement;
	InquiryRecord record = {0};
	Cause cause;
	Datum values[3];
	bool isnull[3] = {0};

	screissue_get_issuer(&issuer);
	screissue_require_argument(fcinfo, 0, "attribute");
	screissue_require_argument(fcinfo, 1, "app");

	record.attribute = PG_GETARG_CARD_ATTRIBUTE_PP(0);
	record.app = PG_GETARG_DATUM(1);
	cause = judge_party(&issuer, record.app, &record.provider);
	record.inquiry_no = screissue_begin_inquiry_no(record.provider);
	if (cause == CAUSE_NONE)
		cause = answer(&issuer, record.attribute, record.app, PG_ARGISNULL(2) ? NULL : PG_GETARG_TEXT_PP(2),
					   &opened, &card, &entitlement);
	record.card = opened.card;
	record.reissued = cause == CAUSE_NONE;
	record.message = record.reissued ? &entitlement.message : NULL;
	record.cause = record.reissued ? NULL : cause_word[cause];
	screissue_keep_inquiry(&record);
	wipe_attribute(&opened);

	values[0] = Int32GetDatum(record.reissued ? card.platform_type : NEGATIVE_PLATFORM_TYPE);
	values[1] = BoolGetDatum(record.reissued);
	values[2] = MessageIdGetDatum(record.message);
	isnull[2] = !record.reissued;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(screissue_row_type(fcinfo, &row_type), values, isnull)));
}

/* begin_inquiry(provider): the number of what permit_load is asked */
Datum
screissue_begin_inquiry(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(screissue_begin_inquiry_no(PG_GETARG_COMPANY_ID(0)));
}

/*
 * open_attribute(attribute): the card that gave an attribute, or why there is
 * none, and what it said of itself; for permit_load.
 */
Datum
screissue_open_attribute(PG_FUNCTION_ARGS)
{
	static RowType row_type;
	struct varlena *attribute = PG_GETARG_CARD_ATTRIBUTE_PP(0);
	IssuerRow issuer;
	OpenedAttribute opened;
	CardRow card;
	Cause cause;
	Datum values[4] = {0};
	bool isnull[4] = {0};
	Datum row;

	screissue_get_issuer(&issuer);
	cause = open_attribute(&issuer, attribute, &opened);
	if (cause == CAUSE_NONE)
		cause = judge_secret(screissue_find_card(&issuer, opened.card, NULL, &card), &card, &opened);

	values[0] = opened.card;
	isnull[0] = opened.card == (Datum) 0;
	isnull[1] = cause == CAUSE_NONE;
	if (!isnull[1])
		values[1] = CStringGetTextDatum(cause_word[cause]);
	values[2] = Int32GetDatum(opened.key_id);
	isnull[3] = !opened.has_secret;
	if (opened.has_secret)
		values[3] = PointerGetDatum(screissue_varlena(opened.secret_sha256, CRYPTO_SHA256_SIZE));
	row = HeapTupleGetDatum(heap_form_tuple(screissue_row_type(fcinfo, &row_type), values, isnull));
	wipe_attribute(&opened);
	PG_RETURN_DATUM(row);
}

/*
 * record_inquiry(inquiry_no, provider, app, attribute, card, message, cause,
 * permission): keeps what permit_load was asked by attribute.
 */
Datum
screissue_record_inquiry(PG_FUNCTION_ARGS)
{
	InquiryRecord record = {
		.inquiry_no = PG_GETARG_INT64(0),
		.provider = PG_GETARG_COMPANY_ID(1),
		.app = PG_GETARG_DATUM(2),
		.attribute = PG_GETARG_CARD_ATTRIBUTE_PP(3),
		.card = PG_ARGISNULL(4) ? (Datum) 0 : PG_GETARG_DATUM(4),
		.reissued = !PG_ARGISNULL(5),
		.message = PG_ARGISNULL(5) ? NULL : PG_GETARG_MESSAGE_ID(5),
		.cause = PG_ARGISNULL(6) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(6)),
		.permission = PG_ARGISNULL(7) ? NULL : PG_GETARG_MESSAGE_ID(7),
	};

	screissue_keep_inquiry(&record);
	PG_RETURN_VOID();
}

pg_noreturn static void raise_unopened(Cause cause, int key_id);

static void
raise_unopened(Cause cause, int key_id)
{
	if (cause == CAUSE_UNKNOWN_KEY)
		ereport(ERROR,
				errcode(ERRCODE_SR_KEY_NOT_AVAILABLE),
				errmsg("key %d is not registered", key_id),
				errhint("Register it with card_issuer.register_key."));
	if (cause == CAUSE_REVOKED_KEY)
		ereport(ERROR,
				errcode(ERRCODE_SR_KEY_NOT_AVAILABLE),
				errmsg("key %d is revoked", key_id));
	ereport(ERROR,
			errcode(ERRCODE_SR_UNDECRYPTABLE),
			errmsg("card attribute cannot be decrypted"));
}

/*
 * card_issuer.decrypt_attribute(attribute): for operators, who are told what
 * is wrong.
 */
Datum
screissue_decrypt_attribute(PG_FUNCTION_ARGS)
{
	IssuerRow issuer;
	struct varlena *attribute;
	OpenedAttribute opened;
	Cause cause;

	screissue_get_issuer(&issuer);
	screissue_require_argument(fcinfo, 0, "attribute");
	attribute = PG_GETARG_CARD_ATTRIBUTE_PP(0);
	cause = open_attribute(&issuer, attribute, &opened);
	if (cause != CAUSE_NONE)
		raise_unopened(cause, card_attribute_key_id(VARLENA_IMAGE(attribute)));
	PG_RETURN_DATUM(opened.card);
}
