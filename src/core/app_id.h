/*-------------------------------------------------------------------------
 *
 * app_id.h
 *	  Application identifiers (ISO/IEC 7816-5 AID): text and byte form
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_CORE_APP_ID_H
#define SCREISSUE_CORE_APP_ID_H

#include "parse.h"

#define APP_ID_MIN_BYTES 5
#define APP_ID_MAX_BYTES 16
#define APP_ID_MAX_TEXT (2 * APP_ID_MAX_BYTES)
#define APP_ID_RID_BYTES 5

extern ParseStatus app_id_parse(const char *text, size_t len,
								uint8_t *aid, size_t *aid_len);
extern size_t app_id_format(const uint8_t *aid, size_t aid_len, char *text);
extern ParseStatus app_id_check(const uint8_t *aid, size_t aid_len);
extern int app_id_compare(const uint8_t *a, size_t a_len,
						  const uint8_t *b, size_t b_len);
extern uint64_t app_id_abbreviate(const uint8_t *aid, size_t aid_len);
extern size_t app_id_rid_length(const uint8_t *aid, size_t aid_len);

#endif /* SCREISSUE_CORE_APP_ID_H */
