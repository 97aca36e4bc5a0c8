/*-------------------------------------------------------------------------
 *
 * inquiry_record.h
 *	  What is kept of inquiries
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_INQUIRY_RECORD_H
#define SCREISSUE_INQUIRY_RECORD_H

#include "core/message_id.h"
#include "storage/lockdefs.h"
#include "utils/relcache.h"

/* Columns of card_issuer.inquiry */
enum
{
	INQUIRY_PROVIDER,
	INQUIRY_NO,
	INQUIRY_ASKED_AT,
	INQUIRY_ROLE,
	INQUIRY_APP_ID,
	INQUIRY_ATTRIBUTE_SHA256,
	INQUIRY_CARD_ID,
	INQUIRY_REISSUED,
	INQUIRY_MESSAGE_ID,
	INQUIRY_CAUSE,
	INQUIRY_PERMISSION,
	INQUIRY_COLUMNS
};

typedef struct InquiryRecord
{
	int64 inquiry_no; /* 0 = it is not to be written */
	uint64_t provider; /* in whose name it was made */
	Datum app;
	struct varlena *attribute;
	Datum card; /* 0 = not known */
	bool reissued;
	const MessageId *message; /* what the card inherits; NULL = nothing */
	const char *cause; /* NULL = the reply is positive */
	const MessageId *permission; /* loading permission; NULL = none asked for */
} InquiryRecord;

extern void screissue_define_inquiry_settings(void);
extern Relation screissue_open_inquiries(LOCKMODE lockmode);
extern int64 screissue_begin_inquiry_no(uint64_t provider);
extern void screissue_keep_inquiry(const InquiryRecord *record);

#endif /* SCREISSUE_INQUIRY_RECORD_H */
