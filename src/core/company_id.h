/*-------------------------------------------------------------------------
 *
 * company_id.h
 *	  Codes of card issuers and service providers: text and integer form
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_CORE_COMPANY_ID_H
#define SCREISSUE_CORE_COMPANY_ID_H

#include "parse.h"

#define COMPANY_ID_MAX_TEXT 12
#define COMPANY_ID_BASE 37
#define COMPANY_ID_BYTES 8

extern ParseStatus company_id_parse(const char *text, size_t len,
									uint64_t *value);
extern size_t company_id_format(uint64_t value, char *text);
extern bool company_id_valid(uint64_t value);
extern ParseStatus company_id_check(const uint8_t *bytes, size_t len);

#endif /* SCREISSUE_CORE_COMPANY_ID_H */
