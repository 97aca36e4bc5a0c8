/*-------------------------------------------------------------------------
 *
 * library.h
 *	  What crypto.c and cms.c, which alone know OpenSSL, share
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_CORE_LIBRARY_H
#define SCREISSUE_CORE_LIBRARY_H

#include <stdbool.h>

#include <openssl/evp.h>

#include "card_attribute.h"

extern bool crypto_begin(void);
extern OSSL_LIB_CTX *crypto_library(void);
extern bool crypto_fits_scheme(const EVP_PKEY *key, CardAttributeScheme scheme);
extern EVP_PKEY *crypto_read_private_key(const char *uri);

#endif /* SCREISSUE_CORE_LIBRARY_H */
