/*-------------------------------------------------------------------------
 *
 * suspicion.c
 *	  Inquiries that no terminal in order makes: the alarm (E43-E45)
 *
 * Terminals ask about the provider's own applications and pass on what cards
 * gave them.  Who asks about those of others, passes on what no key of ours has
 * encrypted, or names cards that do not exist, tries something; so does who rolls
 * inquiries back.  Of each hundred of a provider's inquiry numbers they are
 * counted, and from screissue.inquiry_alarm on the server log has an alarm.
 *
 * The count is made with each hundredth number, before anything is read for that
 * inquiry: the provider learns nothing from the time that it takes, and no
 * rollback prevents it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "company_id.h"
#include "inquiry_record.h"
#include "suspicion.h"
#include "table.h"

PG_FUNCTION_INFO_V1(screissue_suspicion);

#define HUNDRED 100

/* What is wrong with a suspicious inquiry */
typedef enum Suspicion
{
	SUSPICION_NONE,
	SUSPICION_APPLICATION,
	SUSPICION_ATTRIBUTE,
	SUSPICION_CARD,
	SUSPICIONS
} Suspicion;

static const char *const suspicion_word[SUSPICIONS] = {
	[SUSPICION_APPLICATION] = "application",
	[SUSPICION_ATTRIBUTE] = "attribute",
	[SUSPICION_CARD] = "card",
};

/*
 * Causes of a negative reply that are suspicious.  Any other meets honest
 * holders: the contract has ended, the key was revoked, the card was not reissued.
 */
static const struct
{
	const char *cause;
	Suspicion suspicion;
} suspicious_cause[] = {
	{"unknown_application", SUSPICION_APPLICATION},
	{"foreign_app", SUSPICION_APPLICATION},
	{"unknown_key", SUSPICION_ATTRIBUTE},
	{"wrong_scheme", SUSPICION_ATTRIBUTE},
	{"undecryptable", SUSPICION_ATTRIBUTE},
	{"no_card_id", SUSPICION_ATTRIBUTE},
	{"unknown_card", SUSPICION_CARD},
	{"secret", SUSPICION_CARD},
	{"other_key", SUSPICION_CARD},
	{"printed_number", SUSPICION_CARD},
};

/* From how many suspicious ones of a hundred on; 0 = no alarm */
static int inquiry_alarm = 40;

void
screissue_define_inquiry_alarm(void)
{
	DefineCustomIntVariable("screissue.inquiry_alarm",
							"Sets from how many suspicious inquiries of a hundred on the server log has an alarm.",
							"0 means none.  A crash of the server leaves up to 32 numbers that look rolled back.",
							&inquiry_alarm,
							40,
							0,
							HUNDRED,
							PGC_SUSET,
							0,
							NULL,
							NULL,
							NULL);
}

static Suspicion
suspicion_of(const text *cause)
{
	for (int i = 0; i < (int) lengthof(suspicious_cause); i++)
	{
		size_t len = strlen(suspicious_cause[i].cause);

		if (VARSIZE_ANY_EXHDR(cause) == len && memcmp(VARDATA_ANY(cause), suspicious_cause[i].cause, len) == 0)
			return suspicious_cause[i].suspicion;
	}
	return SUSPICION_NONE;
}

/*
 * suspicion(cause): what is wrong with an inquiry of this cause; NULL if nothing
 * is.
 */
Datum
screissue_suspicion(PG_FUNCTION_ARGS)
{
	Suspicion suspicion = suspicion_of(PG_GETARG_TEXT_PP(0));

	if (suspicion == SUSPICION_NONE)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(suspicion_word[suspicion]));
}

/*
 * Count a provider's inquiries from one number to another: counts[] by suspicion.
 * Those of transactions that are under way count, those that are newer than the
 * caller's snapshot too; what is missing was rolled back.  Returns how many there
 * are.
 */
static int
count_inquiries(uint64_t provider, int64 from, int64 to, int *counts)
{
	Relation table = screissue_open_inquiries(AccessShareLock);
	SnapshotData dirty;
	ScanKeyData key[3];
	SysScanDesc scan;
	HeapTuple row;
	int found = 0;

	InitDirtySnapshot(dirty);
	ScanKeyInit(&key[0], INQUIRY_PROVIDER + 1, BTEqualStrategyNumber, F_INT8EQ, CompanyIdGetDatum(provider));
	ScanKeyInit(&key[1], INQUIRY_NO + 1, BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum(from));
	ScanKeyInit(&key[2], INQUIRY_NO + 1, BTLessEqualStrategyNumber, F_INT8LE, Int64GetDatum(to));
	scan = systable_beginscan(table, screissue_primary_key(table), true, &dirty, lengthof(key), key);
	while (HeapTupleIsValid(row = systable_getnext(scan)))
	{
		bool positive;
		Datum cause = heap_getattr(row, INQUIRY_CAUSE + 1, RelationGetDescr(table), &positive);

		found++;
		counts[positive ? SUSPICION_NONE : suspicion_of(DatumGetTextPP(cause))]++;
	}
	systable_endscan(scan);
	table_close(table, NoLock);
	return found;
}

/*
 * An inquiry has got its number: if that is a multiple of a hundred, judge those
 * since the last multiple.
 */
void
screissue_watch_inquiries(uint64_t provider, int64 inquiry_no)
{
	int64 from = Max(inquiry_no - HUNDRED, 1);
	int64 to = inquiry_no - 1;
	int counts[SUSPICIONS] = {0};
	char company[COMPANY_ID_MAX_TEXT + 1];
	int hidden;
	int suspicious;

	if (inquiry_alarm == 0 || inquiry_no % HUNDRED != 0)
		return;
	hidden = (int) (to - from + 1) - count_inquiries(provider, from, to, counts);
	suspicious = counts[SUSPICION_APPLICATION] + counts[SUSPICION_ATTRIBUTE] + counts[SUSPICION_CARD] + hidden;
	if (suspicious < inquiry_alarm)
		return;
	company[company_id_format(provider, company)] = '\0';
	ereport(LOG_SERVER_ONLY,
			errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			errmsg("%d of the last %d inquiries of \"%s\" are suspicious", suspicious, (int) (to - from + 1), company),
			errdetail("Of inquiries " INT64_FORMAT " to " INT64_FORMAT ", %d are about an application that is not its own, %d have an attribute and %d a card that is not in order, and %d were rolled back or failed.",
					  from, to, counts[SUSPICION_APPLICATION], counts[SUSPICION_ATTRIBUTE], counts[SUSPICION_CARD], hidden),
			errhint("See card_issuer.suspicious_inquiry and card_issuer.masked_inquiry; card_issuer.set_inquiry_limit and card_issuer.suspend_provider stop it."),
			errhidestmt(true),
			errhidecontext(true));
}
