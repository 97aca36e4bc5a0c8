/*-------------------------------------------------------------------------
 *
 * draft_notice.h
 *	  Type card_issuer.draft_notice: notices that are not yet numbered
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_DRAFT_NOTICE_H
#define SCREISSUE_DRAFT_NOTICE_H

#include "access/tupdesc.h"
#include "fmgr.h"
#include "utils/array.h"

enum
{
	DRAFT_PROVIDER,
	DRAFT_KIND,
	DRAFT_PLATFORM_TYPE,
	DRAFT_NEW_CARD_ID,
	DRAFT_OLD_CARD_ID,
	DRAFT_OLD_PLATFORM_TYPE,
	DRAFT_APP_ID,
	DRAFT_MESSAGE_ID,
	DRAFT_REASON,
	DRAFT_COLUMNS
};

typedef struct DraftNotice
{
	Datum values[DRAFT_COLUMNS];
	bool isnull[DRAFT_COLUMNS];
} DraftNotice;

/* An array of them in the making */
typedef struct DraftArray
{
	TupleDesc descriptor;
	ArrayBuildState *drafts;
} DraftArray;

extern void screissue_begin_drafts(DraftArray *array, Oid row_type);
extern void screissue_append_draft(DraftArray *array, DraftNotice *draft);
extern Datum screissue_end_drafts(DraftArray *array);

#endif /* SCREISSUE_DRAFT_NOTICE_H */
