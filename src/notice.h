/*-------------------------------------------------------------------------
 *
 * notice.h
 *	  Notices of reissue: as they are sent, as they come, as they are kept
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_NOTICE_H
#define SCREISSUE_NOTICE_H

#include "table.h"

/* Columns of screissue.notice, and first arguments of receive_notice() */
typedef enum WireColumn
{
	WIRE_ISSUER,
	WIRE_PROVIDER,
	WIRE_NOTICE_NO,
	WIRE_KIND,
	WIRE_PLATFORM_TYPE,
	WIRE_NEW_CARD_ID,
	WIRE_OLD_CARD_ID,
	WIRE_APP_ID,
	WIRE_MESSAGE_ID,
	WIRE_REASON,
	WIRE_NOTED_AT,
	WIRE_COLUMNS /* keep last */
} WireColumn;
extern const ColumnShape screissue_wire_shape[WIRE_COLUMNS];

/* A notice as it came (Fig. 12), not yet believed */
typedef struct WireNotice
{
	Datum values[WIRE_COLUMNS];
	bool isnull[WIRE_COLUMNS];
	const char *carrier;
	Oid subscription; /* that delivers it; InvalidOid on other roads */
	const char *delivered_by; /* name of the one that did, when it is judged again; else NULL */
} WireNotice;

/* Columns of service_provider.reissue_notice */
typedef enum InboxColumn
{
	INBOX_ISSUER,
	INBOX_NOTICE_NO,
	INBOX_KIND,
	INBOX_PLATFORM_TYPE,
	INBOX_NEW_CARD_ID,
	INBOX_OLD_CARD_ID,
	INBOX_APP_ID,
	INBOX_MESSAGE_ID,
	INBOX_REASON,
	INBOX_NOTED_AT,
	INBOX_RECEIVED_AT,
	INBOX_CARRIER,
	INBOX_COLUMNS /* keep last */
} InboxColumn;

/* A notice as it is kept (Fig. 13) */
typedef struct InboxRow
{
	Datum values[INBOX_COLUMNS];
	bool isnull[INBOX_COLUMNS];
} InboxRow;

typedef enum InboxResult
{
	INBOX_STORED,
	INBOX_DUPLICATE, /* the same notice was there: counted */
	INBOX_CONTRADICTION /* its number was taken by another: nothing done */
} InboxResult;

/* inbox.c */
typedef struct InboxWriter InboxWriter;
extern InboxWriter *screissue_open_inbox(void);
extern InboxResult screissue_store_notice(InboxWriter *writer, const InboxRow *row);
extern void screissue_close_inbox(InboxWriter *writer);

/* quarantine.c */
extern void screissue_quarantine_notice(const WireNotice *wire, const char *cause);
extern void screissue_quarantine_digest(const WireNotice *wire, const char *cause);

#endif /* SCREISSUE_NOTICE_H */
