/*-------------------------------------------------------------------------
 *
 * message_id.h
 *	  Ids of loading permissions: text and byte form
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_CORE_MESSAGE_ID_H
#define SCREISSUE_CORE_MESSAGE_ID_H

#include "company_id.h"
#include "parse.h"

#define MESSAGE_ID_BYTES 24
#define MESSAGE_ID_MAX_TEXT (2 * (COMPANY_ID_MAX_TEXT + 1) + 19)

typedef struct MessageId
{
	uint8_t bytes[MESSAGE_ID_BYTES];
} MessageId;

extern ParseStatus message_id_parse(const char *text, size_t len,
									MessageId *id);
extern size_t message_id_format(const MessageId *id, char *text);
extern ParseStatus message_id_check(const uint8_t *bytes, size_t len);
extern bool message_id_make(uint64_t issuer, uint64_t provider,
							int64_t sequence, MessageId *id);
extern int message_id_compare(const MessageId *a, const MessageId *b);
extern uint64_t message_id_issuer(const MessageId *id);
extern uint64_t message_id_provider(const MessageId *id);
extern int64_t message_id_sequence(const MessageId *id);

#endif /* SCREISSUE_CORE_MESSAGE_ID_H */
