/*-------------------------------------------------------------------------
 *
 * checkdigit.h
 *	  Check digits of card numbers, check characters of texts
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_CORE_CHECKDIGIT_H
#define SCREISSUE_CORE_CHECKDIGIT_H

#include <stdbool.h>
#include <stddef.h>

extern bool checkdigit_luhn(const char *digits, size_t len);
extern bool checkdigit_mod97(const char *digits, size_t len);

extern int checkdigit_value(char c);
extern char checkdigit_mod37_2(const char *text, size_t len);
extern void checkdigit_mod1271_36(const char *text, size_t len, char *check);

#endif /* SCREISSUE_CORE_CHECKDIGIT_H */
