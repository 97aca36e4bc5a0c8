/*-------------------------------------------------------------------------
 *
 * inquiry_record.c
 *	  What is kept of inquiries (Fig. 16): card_issuer.inquiry, server log
 *
 * A provider could roll an inquiry back, and its row with it.  So inquiries
 * are numbered from a sequence, one for each provider, which does not go back,
 * before anything is read for them; and what is negative is written to the
 * server log, too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "access/xlog.h"
#include "commands/sequence.h"
#include "executor/executor.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/guc.h"
#include "utils/sortsupport.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "app_id.h"
#include "caller.h"
#include "card_attribute.h"
#include "card_id.h"
#include "company_id.h"
#include "core/crypto.h"
#include "inquiry_record.h"
#include "message_id.h"
#include "suspicion.h"
#include "table.h"
#include "type_support.h"

typedef enum LogInquiries
{
	LOG_INQUIRIES_NONE,
	LOG_INQUIRIES_NEGATIVE,
	LOG_INQUIRIES_ALL
} LogInquiries;

static const struct config_enum_entry log_inquiries_options[] = {
	{"none", LOG_INQUIRIES_NONE, false},
	{"negative", LOG_INQUIRIES_NEGATIVE, false},
	{"all", LOG_INQUIRIES_ALL, false},
	{NULL, 0, false}};

static bool audit_inquiries = true;
static int log_inquiries = LOG_INQUIRIES_NEGATIVE;

void
screissue_define_inquiry_settings(void)
{
	DefineCustomBoolVariable("screissue.audit_inquiries",
							 "Writes every inquiry to card_issuer.inquiry.",
							 NULL,
							 &audit_inquiries,
							 true,
							 PGC_SUSET,
							 0,
							 NULL,
							 NULL,
							 NULL);
	DefineCustomEnumVariable("screissue.log_inquiries",
							 "Sets which inquiries are written to the server log.",
							 "Card ids are masked in it.",
							 &log_inquiries,
							 LOG_INQUIRIES_NEGATIVE,
							 log_inquiries_options,
							 PGC_SUSET,
							 0,
							 NULL,
							 NULL,
							 NULL);
}

static const ColumnShape inquiry_shape[INQUIRY_COLUMNS] = {
	[INQUIRY_PROVIDER] = {"provider", 8},
	[INQUIRY_NO] = {"inquiry_no", 8},
	[INQUIRY_ASKED_AT] = {"asked_at", 8},
	[INQUIRY_ROLE] = {"role", NAMEDATALEN},
	[INQUIRY_APP_ID] = {"app_id", -1},
	[INQUIRY_ATTRIBUTE_SHA256] = {"attribute_sha256", -1},
	[INQUIRY_CARD_ID] = {"card_id", -1},
	[INQUIRY_REISSUED] = {"reissued", 1},
	[INQUIRY_MESSAGE_ID] = {"message_id", 24},
	[INQUIRY_CAUSE] = {"cause", -1},
	[INQUIRY_PERMISSION] = {"permission", 24},
};

/* Open card_issuer.inquiry: a plain table, with these columns. */
Relation
screissue_open_inquiries(LOCKMODE lockmode)
{
	return screissue_open_table("card_issuer", "inquiry", lockmode, inquiry_shape, INQUIRY_COLUMNS);
}

/* Next number of the provider's sequence, which no rollback gives back */
static int64
next_inquiry_no(uint64_t provider)
{
	char company[COMPANY_ID_MAX_TEXT + 1];
	char *name;

	company[company_id_format(provider, company)] = '\0';
	name = psprintf("inquiry_sequence_%s", asc_tolower(company, strlen(company)));
	return nextval_internal(screissue_require_relation("card_issuer", name), false);
}

/*
 * Number an inquiry that is to be written, before anything is read for it: one
 * that fails on its way, or is rolled back, leaves its number.  0 = it is not
 * to be written.  Raises 25006 where it should be and cannot.
 */
int64
screissue_begin_inquiry_no(uint64_t provider)
{
	int64 inquiry_no;

	if (!audit_inquiries || RecoveryInProgress())
		return 0;
	PreventCommandIfReadOnly("inquire()");
	inquiry_no = next_inquiry_no(provider);
	screissue_watch_inquiries(provider, inquiry_no);
	return inquiry_no;
}

/* SHA-256 of the text of an attribute, as the provider has it on record */
static bytea *
digest_attribute(struct varlena *attribute)
{
	char text[CARD_ATTRIBUTE_MAX_TEXT];
	size_t len = card_attribute_format(VARLENA_IMAGE(attribute), VARLENA_IMAGE_LEN(attribute), text);
	uint8_t digest[CRYPTO_SHA256_SIZE];

	if (!crypto_sha256(text, len, digest))
		elog(ERROR, "could not compute a digest");
	return screissue_varlena(digest, sizeof(digest));
}

/* Write the row of an inquiry (Fig. 16). */
static void
write_inquiry(const InquiryRecord *record)
{
	NameData role;
	Datum values[INQUIRY_COLUMNS];
	bool isnull[INQUIRY_COLUMNS] = {0};
	TableWriter writer;

	namestrcpy(&role, GetUserNameFromId(screissue_caller(), false));
	values[INQUIRY_PROVIDER] = CompanyIdGetDatum(record->provider);
	values[INQUIRY_NO] = Int64GetDatum(record->inquiry_no);
	values[INQUIRY_ASKED_AT] = TimestampTzGetDatum(GetCurrentStatementStartTimestamp());
	values[INQUIRY_ROLE] = NameGetDatum(&role);
	values[INQUIRY_APP_ID] = record->app;
	values[INQUIRY_ATTRIBUTE_SHA256] = PointerGetDatum(digest_attribute(record->attribute));
	values[INQUIRY_CARD_ID] = record->card;
	isnull[INQUIRY_CARD_ID] = record->card == (Datum) 0;
	values[INQUIRY_REISSUED] = BoolGetDatum(record->reissued);
	values[INQUIRY_MESSAGE_ID] = MessageIdGetDatum(record->message);
	isnull[INQUIRY_MESSAGE_ID] = record->message == NULL;
	isnull[INQUIRY_CAUSE] = record->cause == NULL;
	values[INQUIRY_CAUSE] = isnull[INQUIRY_CAUSE] ? (Datum) 0 : CStringGetTextDatum(record->cause);
	values[INQUIRY_PERMISSION] = MessageIdGetDatum(record->permission);
	isnull[INQUIRY_PERMISSION] = record->permission == NULL;

	screissue_begin_writing_to(&writer, screissue_open_inquiries(RowExclusiveLock), NULL);
	screissue_fill_row(&writer, values, isnull, INQUIRY_COLUMNS);
	table_tuple_insert(writer.table, writer.row, writer.estate->es_output_cid, 0, NULL);
	list_free(ExecInsertIndexTuples(writer.target, writer.row, writer.estate, false, false, NULL, NIL, false));
	screissue_end_writing(&writer);
}

/* Number and card of an inquiry, as far as there are any; NULL if none */
static char *
inquiry_detail(const InquiryRecord *record)
{
	StringInfoData detail;

	initStringInfo(&detail);
	if (record->inquiry_no > 0)
		appendStringInfo(&detail, "Inquiry " INT64_FORMAT ".", record->inquiry_no);
	if (record->card != (Datum) 0)
	{
		struct varlena *card = DatumGetCardIdPP(record->card);
		char masked[CARD_ID_MAX_MASK];
		int masked_len = (int) card_id_mask(VARLENA_IMAGE(card), VARLENA_IMAGE_LEN(card), masked);

		appendStringInfo(&detail, "%sCard \"%.*s\".", detail.len > 0 ? " " : "", masked_len, masked);
	}
	return detail.len > 0 ? detail.data : NULL;
}

static const char *
inquiry_result(const InquiryRecord *record)
{
	if (record->cause != NULL)
		return record->cause;
	return record->permission != NULL ? "permitted" : "reissued";
}

/* To the server log alone: the cause of a negative reply is not the client's. */
static void
log_inquiry(const InquiryRecord *record)
{
	struct varlena *app = DatumGetAppIdPP(record->app);
	char company[COMPANY_ID_MAX_TEXT + 1];
	char aid[APP_ID_MAX_TEXT + 1];
	char *detail = inquiry_detail(record);

	company[company_id_format(record->provider, company)] = '\0';
	aid[app_id_format(VARLENA_IMAGE(app), VARLENA_IMAGE_LEN(app), aid)] = '\0';
	ereport(LOG_SERVER_ONLY,
			errmsg("inquiry of \"%s\" about application \"%s\": %s", company, aid, inquiry_result(record)),
			detail != NULL ? errdetail("%s", detail) : 0,
			errhidestmt(true),
			errhidecontext(true));
}

/*
 * Keep an inquiry, in the table and in the server log, as the settings have
 * it.  A standby has only the log.
 */
void
screissue_keep_inquiry(const InquiryRecord *record)
{
	if (record->inquiry_no > 0)
		write_inquiry(record);
	if (log_inquiries == LOG_INQUIRIES_ALL ||
		(log_inquiries == LOG_INQUIRIES_NEGATIVE && record->cause != NULL))
		log_inquiry(record);
}
