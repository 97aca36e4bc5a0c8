/*-------------------------------------------------------------------------
 *
 * checkdigit.h
 *	  Check digits of card numbers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_CORE_CHECKDIGIT_H
#define SCREISSUE_CORE_CHECKDIGIT_H

#include <stdbool.h>
#include <stddef.h>

extern bool checkdigit_luhn(const char *digits, size_t len);
extern bool checkdigit_mod97(const char *digits, size_t len);

#endif /* SCREISSUE_CORE_CHECKDIGIT_H */
