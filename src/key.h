/*-------------------------------------------------------------------------
 *
 * key.h
 *	  Private keys of the card issuer
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_KEY_H
#define SCREISSUE_KEY_H

#include "issuer_row.h"

extern void screissue_define_key_directory(void);
extern char *screissue_find_key_file(const char *name, const char **fault);
extern CryptoKey *screissue_get_key(int key_id, const KeyRow *registered);

#endif /* SCREISSUE_KEY_H */
