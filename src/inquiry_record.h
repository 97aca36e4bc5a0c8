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
extern int64 screissue_begin_inquiry_no(uint64_t provider);
extern void screissue_keep_inquiry(const InquiryRecord *record);

#endif /* SCREISSUE_INQUIRY_RECORD_H */
