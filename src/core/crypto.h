/*-------------------------------------------------------------------------
 *
 * crypto.h
 *	  Keys, encryption and decryption of card attributes
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_CORE_CRYPTO_H
#define SCREISSUE_CORE_CRYPTO_H

#include "card_attribute.h"

#define CRYPTO_SHA256_SIZE 32
#define CRYPTO_MAX_PUBLIC_KEY 600 /* DER of RSA-4096: 550 bytes */

/*
 * Why an operation failed.  Whatever is wrong with a ciphertext is the one
 * CRYPTO_UNDECRYPTABLE.
 */
typedef enum CryptoStatus
{
	CRYPTO_OK = 0,
	CRYPTO_UNDECRYPTABLE,
	CRYPTO_NO_KEY, /* no private key that can be read is there */
	CRYPTO_UNFIT_KEY, /* the key is not one for the scheme */
	CRYPTO_TOO_LONG, /* a plaintext to encrypt */
	CRYPTO_FAULT /* the library failed: no memory, no randomness */
} CryptoStatus;

/* A private key, ready to decrypt; it is the holder's to free. */
typedef struct CryptoKey CryptoKey;

extern CryptoStatus crypto_load_key(const char *uri,
									CardAttributeScheme scheme,
									CryptoKey **key);
extern void crypto_free_key(CryptoKey *key);
extern CryptoStatus crypto_public_key(const CryptoKey *key,
									  uint8_t *der, size_t *der_len);
extern bool crypto_key_is(const CryptoKey *key, const uint8_t *public_der,
						  size_t public_der_len);

extern CryptoStatus crypto_decrypt(CryptoKey *key, const uint8_t *ciphertext,
								   size_t ciphertext_len, uint8_t *plaintext,
								   size_t *plaintext_len);
extern CryptoStatus crypto_encrypt(CardAttributeScheme scheme,
								   const uint8_t *public_der,
								   size_t public_der_len,
								   const uint8_t *plaintext,
								   size_t plaintext_len, uint8_t *ciphertext,
								   size_t *ciphertext_len);

extern bool crypto_random(uint8_t *bytes, size_t len);
extern bool crypto_sha256(const void *data, size_t len, uint8_t *digest);
extern bool crypto_equal(const void *a, const void *b, size_t len);
extern void crypto_wipe(void *data, size_t len);

#endif /* SCREISSUE_CORE_CRYPTO_H */
