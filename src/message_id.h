/*-------------------------------------------------------------------------
 *
 * message_id.h
 *	  message_id on the server side: 24 bytes by reference, no header
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_MESSAGE_ID_H
#define SCREISSUE_MESSAGE_ID_H

#include "core/message_id.h"

#define DatumGetMessageId(X) ((MessageId *) DatumGetPointer(X))
#define MessageIdGetDatum(X) PointerGetDatum(X)
#define PG_GETARG_MESSAGE_ID(n) DatumGetMessageId(PG_GETARG_DATUM(n))
#define PG_RETURN_MESSAGE_ID(x) return MessageIdGetDatum(x)

#endif /* SCREISSUE_MESSAGE_ID_H */
