/*-------------------------------------------------------------------------
 *
 * crypto.c
 *	  Keys, encryption and decryption of card attributes
 *
 * With cms.c, the only file that knows OpenSSL.  Three schemes:
 *
 *	ecies-x25519	ECIES Profile A of 3GPP TS 33.501 Annex C.3.4.1
 *	ecies-p256		ECIES Profile B, Annex C.3.4.2
 *	rsa-oaep-sha256	RSAES-OAEP of RFC 8017, SHA-256 for hash and MGF1,
 *					2048 to 4096 bits
 *
 * A message of ECIES is the sender's ephemeral public key (32 bytes, or 33
 * in compressed form), the ciphertext, and the first 8 bytes of its MAC.
 * Test vectors of Annex C.4 are in test/vectors.
 *
 * Everything that does not depend on the message is made once: a context
 * for each key, and one of each primitive for the process.  Half of what
 * ordinary use of the library costs beside the curve itself is saved by
 * that, most of it by keeping one peer key and replacing its bytes in place.
 * (That is right for keys of OpenSSL's own provider only, which are all there
 * can be in a library context of our own; another provider would go on with a
 * stale copy of the peer.)
 *
 * Nothing here raises or allocates for the server.  The error queue, which
 * the server's TLS shares, is left empty.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <openssl/x509.h>

#include "crypto.h"
#include "library.h"

#define X25519_POINT_SIZE 32
#define P256_POINT_SIZE 33 /* compressed */
#define SHARED_SECRET_SIZE 32
#define TAG_SIZE 8
#define RSA_MIN_BITS 2048
#define RSA_MAX_BITS 4096

/* What the KDF makes of the shared secret, in this order */
typedef struct EciesKeys
{
	uint8_t cipher_key[16];
	uint8_t initial_counter[16];
	uint8_t mac_key[32];
} EciesKeys;

struct CryptoKey
{
	CardAttributeScheme scheme;
	EVP_PKEY *private_key;
	EVP_PKEY_CTX *operation; /* derivation, or decryption */
	EVP_PKEY *peer; /* ECIES: takes the sender's key of each message */
};

/* Made on first use, kept for the life of the process */
typedef struct Toolkit
{
	OSSL_LIB_CTX *libctx; /* ours: openssl.cnf of the system does not matter */
	EVP_MD *sha256;
	EVP_MD_CTX *digest;
	EVP_CIPHER *aes_128_ctr;
	EVP_CIPHER_CTX *cipher;
	EVP_MAC_CTX *hmac;
} Toolkit;

static Toolkit toolkit;

static EVP_MAC_CTX *
new_hmac(OSSL_LIB_CTX *library)
{
	EVP_MAC *hmac = EVP_MAC_fetch(library, "HMAC", NULL);
	EVP_MAC_CTX *context = EVP_MAC_CTX_new(hmac);
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 0),
		OSSL_PARAM_END};

	EVP_MAC_free(hmac);
	if (context != NULL && !EVP_MAC_CTX_set_params(context, parameters))
	{
		EVP_MAC_CTX_free(context);
		context = NULL;
	}
	return context;
}

/* What is missing is tried again: memory may have been short. */
static bool
prepare_toolkit(void)
{
	if (toolkit.hmac != NULL)
		return true;
	if (toolkit.libctx == NULL)
		toolkit.libctx = OSSL_LIB_CTX_new();
	if (toolkit.libctx == NULL)
		return false;
	if (toolkit.sha256 == NULL)
		toolkit.sha256 = EVP_MD_fetch(toolkit.libctx, "SHA256", NULL);
	if (toolkit.digest == NULL)
		toolkit.digest = EVP_MD_CTX_new();
	if (toolkit.aes_128_ctr == NULL)
		toolkit.aes_128_ctr = EVP_CIPHER_fetch(toolkit.libctx, "AES-128-CTR", NULL);
	if (toolkit.cipher == NULL)
		toolkit.cipher = EVP_CIPHER_CTX_new();
	if (toolkit.sha256 == NULL || toolkit.digest == NULL ||
		toolkit.aes_128_ctr == NULL || toolkit.cipher == NULL)
		return false;
	toolkit.hmac = new_hmac(toolkit.libctx);
	return toolkit.hmac != NULL;
}

/* Begin an operation: none of the errors in the queue is of interest. */
bool
crypto_begin(void)
{
	ERR_clear_error();
	return prepare_toolkit();
}

/* End an operation; what went wrong in detail is nobody's business. */
static CryptoStatus
end(CryptoStatus status)
{
	if (status != CRYPTO_OK)
		ERR_clear_error();
	return status;
}

static size_t
point_size(CardAttributeScheme scheme)
{
	return scheme == CARD_ATTRIBUTE_ECIES_X25519 ? X25519_POINT_SIZE : P256_POINT_SIZE;
}

/* Where all algorithms and keys come from, once an operation was begun. */
OSSL_LIB_CTX *
crypto_library(void)
{
	return toolkit.libctx;
}

/* Is this a key for the scheme? */
bool
crypto_fits_scheme(const EVP_PKEY *key, CardAttributeScheme scheme)
{
	char group[32];

	switch (scheme)
	{
		case CARD_ATTRIBUTE_ECIES_X25519:
			return EVP_PKEY_is_a(key, "X25519");
		case CARD_ATTRIBUTE_ECIES_P256:
			return EVP_PKEY_is_a(key, "EC") &&
				EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) &&
				strcmp(group, SN_X9_62_prime256v1) == 0;
		case CARD_ATTRIBUTE_RSA_OAEP_SHA256:
			return EVP_PKEY_is_a(key, "RSA") &&
				EVP_PKEY_get_bits(key) >= RSA_MIN_BITS &&
				EVP_PKEY_get_bits(key) <= RSA_MAX_BITS;
		case CARD_ATTRIBUTE_NO_SCHEME:
			break;
	}
	return false;
}

/*
 * The first private key at a URI, NULL if there is none.  Other things may come
 * before it, as parameters or certificates do in some PEM files.  A key under a
 * passphrase is none: nobody is there to be asked for it.
 */
EVP_PKEY *
crypto_read_private_key(const char *uri)
{
	OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uri, toolkit.libctx, NULL, UI_null(), NULL, NULL, NULL, NULL);
	EVP_PKEY *key = NULL;

	if (store == NULL)
		return NULL;
	OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY);
	while (key == NULL && !OSSL_STORE_eof(store))
	{
		OSSL_STORE_INFO *object = OSSL_STORE_load(store);

		if (object != NULL)
			key = OSSL_STORE_INFO_get1_PKEY(object);
		OSSL_STORE_INFO_free(object);
	}
	OSSL_STORE_close(store);
	return key;
}

/* A key pair for one message */
static EVP_PKEY *
new_ephemeral_key(CardAttributeScheme scheme)
{
	EVP_PKEY *key;

	if (scheme == CARD_ATTRIBUTE_ECIES_X25519)
		return EVP_PKEY_Q_keygen(toolkit.libctx, NULL, "X25519");
	key = EVP_PKEY_Q_keygen(toolkit.libctx, NULL, "EC", "P-256");
	if (key != NULL &&
		!EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
										OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_COMPRESSED))
	{
		EVP_PKEY_free(key);
		return NULL;
	}
	return key;
}

static bool
use_oaep_sha256(EVP_PKEY_CTX *operation)
{
	return EVP_PKEY_CTX_set_rsa_padding(operation, RSA_PKCS1_OAEP_PADDING) > 0 &&
		EVP_PKEY_CTX_set_rsa_oaep_md_name(operation, "SHA256", NULL) > 0 &&
		EVP_PKEY_CTX_set_rsa_mgf1_md_name(operation, "SHA256", NULL) > 0;
}

/* Make ready to decrypt with the key. */
static bool
prepare_key(CryptoKey *key)
{
	key->operation = EVP_PKEY_CTX_new_from_pkey(toolkit.libctx, key->private_key, NULL);
	if (key->operation == NULL)
		return false;
	if (key->scheme == CARD_ATTRIBUTE_RSA_OAEP_SHA256)
		return EVP_PKEY_decrypt_init(key->operation) > 0 && use_oaep_sha256(key->operation);
	key->peer = new_ephemeral_key(key->scheme);
	return key->peer != NULL && EVP_PKEY_derive_init(key->operation) > 0 &&
		EVP_PKEY_derive_set_peer_ex(key->operation, key->peer, 0) > 0;
}

/*
 * Load the private key at a URI of OSSL_STORE, such as the path of a PEM
 * file, to decrypt what was encrypted under the scheme.
 */
CryptoStatus
crypto_load_key(const char *uri, CardAttributeScheme scheme, CryptoKey **key)
{
	CryptoKey *loaded;

	*key = NULL;
	if (!crypto_begin() || (loaded = calloc(1, sizeof(CryptoKey))) == NULL)
		return end(CRYPTO_FAULT);
	loaded->scheme = scheme;
	loaded->private_key = crypto_read_private_key(uri);
	if (loaded->private_key == NULL || !crypto_fits_scheme(loaded->private_key, scheme))
	{
		bool found = loaded->private_key != NULL;

		crypto_free_key(loaded);
		return end(found ? CRYPTO_UNFIT_KEY : CRYPTO_NO_KEY);
	}
	if (!prepare_key(loaded))
	{
		crypto_free_key(loaded);
		return end(CRYPTO_FAULT);
	}
	*key = loaded;
	ERR_clear_error(); /* of what came before the key in its file */
	return CRYPTO_OK;
}

/* Forget a key; OpenSSL wipes its private part. */
void
crypto_free_key(CryptoKey *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_CTX_free(key->operation);
	EVP_PKEY_free(key->peer);
	EVP_PKEY_free(key->private_key);
	free(key);
}

/*
 * The public part as SubjectPublicKeyInfo (RFC 5280) in DER, into a buffer of
 * CRYPTO_MAX_PUBLIC_KEY bytes.
 */
CryptoStatus
crypto_public_key(const CryptoKey *key, uint8_t *der, size_t *der_len)
{
	unsigned char *encoded = NULL;
	int len;

	if (!crypto_begin())
		return end(CRYPTO_FAULT);
	len = i2d_PUBKEY(key->private_key, &encoded);
	if (len <= 0 || len > CRYPTO_MAX_PUBLIC_KEY)
	{
		OPENSSL_free(encoded);
		return end(CRYPTO_FAULT);
	}
	memcpy(der, encoded, (size_t) len);
	*der_len = (size_t) len;
	OPENSSL_free(encoded);
	return CRYPTO_OK;
}

/* Is this the private key of a public one? */
bool
crypto_key_is(const CryptoKey *key, const uint8_t *public_der, size_t public_der_len)
{
	const unsigned char *der = public_der;
	EVP_PKEY *public_key = crypto_begin() ? d2i_PUBKEY_ex(NULL, &der, (long) public_der_len, toolkit.libctx, NULL) : NULL;
	bool same = public_key != NULL && EVP_PKEY_eq(key->private_key, public_key) == 1;

	EVP_PKEY_free(public_key);
	end(same ? CRYPTO_OK : CRYPTO_UNFIT_KEY);
	return same;
}

/* SHA-256 of up to three pieces */
static bool
sha256(const void *a, size_t a_len, const void *b, size_t b_len, const void *c, size_t c_len, uint8_t *digest)
{
	return EVP_DigestInit_ex2(toolkit.digest, toolkit.sha256, NULL) &&
		EVP_DigestUpdate(toolkit.digest, a, a_len) &&
		EVP_DigestUpdate(toolkit.digest, b, b_len) &&
		EVP_DigestUpdate(toolkit.digest, c, c_len) &&
		EVP_DigestFinal_ex(toolkit.digest, digest, NULL);
}

/*
 * ANSI-X9.63-KDF (SEC 1 section 3.6.1) with SHA-256; SharedInfo1 is the
 * sender's public key as it was sent.
 */
static bool
derive_keys(const uint8_t *shared_secret, const uint8_t *point, size_t point_len, EciesKeys *keys)
{
	static const uint8_t counter[2][4] = {{0, 0, 0, 1}, {0, 0, 0, 2}};
	uint8_t *block = (uint8_t *) keys;

	return sha256(shared_secret, SHARED_SECRET_SIZE, counter[0], 4, point, point_len, block) &&
		sha256(shared_secret, SHARED_SECRET_SIZE, counter[1], 4, point, point_len, block + CRYPTO_SHA256_SIZE);
}

/*
 * The keys that both sides agree on; the other side's key was set.  False if
 * it is one of the few that lead to the same secret for everybody.  The group of either curve needs no further check: P-256 has
 * cofactor 1, X25519 is made for any input.
 */
static bool
agree(EVP_PKEY_CTX *own, const uint8_t *point, size_t point_len, EciesKeys *keys)
{
	uint8_t shared_secret[SHARED_SECRET_SIZE];
	size_t len = sizeof(shared_secret);
	bool agreed = EVP_PKEY_derive(own, shared_secret, &len) > 0 &&
		len == sizeof(shared_secret) &&
		derive_keys(shared_secret, point, point_len, keys);

	crypto_wipe(shared_secret, sizeof(shared_secret));
	return agreed;
}

/* AES-128 in counter mode: encrypts, and decrypts by the same. */
static bool
apply_cipher(const EciesKeys *keys, const uint8_t *from, size_t len, uint8_t *to)
{
	int written;
	bool done = EVP_EncryptInit_ex2(toolkit.cipher, toolkit.aes_128_ctr, keys->cipher_key, keys->initial_counter, NULL) &&
		EVP_EncryptUpdate(toolkit.cipher, to, &written, from, (int) len) &&
		written == (int) len;

	EVP_CIPHER_CTX_reset(toolkit.cipher);
	return done;
}

/* HMAC-SHA-256 of the ciphertext; the first TAG_SIZE bytes are the tag. */
static bool
make_mac(const EciesKeys *keys, const uint8_t *ciphertext, size_t len, uint8_t *mac)
{
	size_t mac_len;

	return EVP_MAC_init(toolkit.hmac, keys->mac_key, sizeof(keys->mac_key), NULL) &&
		EVP_MAC_update(toolkit.hmac, ciphertext, len) &&
		EVP_MAC_final(toolkit.hmac, mac, &mac_len, CRYPTO_SHA256_SIZE) &&
		mac_len == CRYPTO_SHA256_SIZE;
}

/*
 * Leave nothing of a message's keys in the contexts that are kept: the cipher
 * was reset, the others get over it with something else.
 */
static void
wipe_contexts(void)
{
	static const uint8_t nothing[32];
	uint8_t digest[CRYPTO_SHA256_SIZE];

	EVP_MAC_init(toolkit.hmac, nothing, sizeof(nothing), NULL);
	sha256(nothing, sizeof(nothing), NULL, 0, NULL, 0, digest);
}

static bool
is_authentic(const EciesKeys *keys, const uint8_t *ciphertext, size_t len, const uint8_t *tag)
{
	uint8_t mac[CRYPTO_SHA256_SIZE];

	return make_mac(keys, ciphertext, len, mac) && crypto_equal(mac, tag, TAG_SIZE);
}

/* Decrypt a message of ECIES. */
static CryptoStatus
ecies_open(CryptoKey *key, const uint8_t *message, size_t message_len, uint8_t *plaintext, size_t *plaintext_len)
{
	size_t point_len = point_size(key->scheme);
	const uint8_t *ciphertext = message + point_len;
	size_t len;
	EciesKeys keys;
	bool opened;

	if (message_len <= point_len + TAG_SIZE ||
		message_len > point_len + CARD_ATTRIBUTE_MAX_PLAINTEXT + TAG_SIZE)
		return CRYPTO_UNDECRYPTABLE;
	len = message_len - point_len - TAG_SIZE;

	opened = EVP_PKEY_set1_encoded_public_key(key->peer, message, point_len) > 0 &&
		agree(key->operation, message, point_len, &keys) &&
		is_authentic(&keys, ciphertext, len, ciphertext + len) &&
		apply_cipher(&keys, ciphertext, len, plaintext);
	crypto_wipe(&keys, sizeof(keys));
	wipe_contexts();
	*plaintext_len = len;
	return opened ? CRYPTO_OK : CRYPTO_UNDECRYPTABLE;
}

/*
 * Encrypt with an ephemeral key, which must not serve again: the tests of the
 * published vectors alone may choose it.
 */
static bool
ecies_seal(EVP_PKEY *recipient, EVP_PKEY *ephemeral, const uint8_t *plaintext, size_t len, uint8_t *message, size_t *message_len)
{
	EVP_PKEY_CTX *derivation = EVP_PKEY_CTX_new_from_pkey(toolkit.libctx, ephemeral, NULL);
	size_t point_len = 0;
	uint8_t *ciphertext;
	uint8_t mac[CRYPTO_SHA256_SIZE];
	EciesKeys keys;
	bool sealed;

	sealed = derivation != NULL && EVP_PKEY_derive_init(derivation) > 0 &&
		EVP_PKEY_derive_set_peer_ex(derivation, recipient, 0) > 0 &&
		EVP_PKEY_get_octet_string_param(ephemeral, OSSL_PKEY_PARAM_PUB_KEY, message, P256_POINT_SIZE, &point_len) &&
		agree(derivation, message, point_len, &keys);
	ciphertext = message + point_len;
	sealed = sealed && apply_cipher(&keys, plaintext, len, ciphertext) && make_mac(&keys, ciphertext, len, mac);
	if (sealed)
	{
		memcpy(ciphertext + len, mac, TAG_SIZE);
		*message_len = point_len + len + TAG_SIZE;
	}
	crypto_wipe(&keys, sizeof(keys));
	wipe_contexts();
	EVP_PKEY_CTX_free(derivation);
	return sealed;
}

/* Padding is checked in constant time by OpenSSL, and its faults not told apart. */
static CryptoStatus
rsa_open(CryptoKey *key, const uint8_t *message, size_t message_len, uint8_t *plaintext, size_t *plaintext_len)
{
	uint8_t opened[RSA_MAX_BITS / 8];
	size_t len = sizeof(opened);
	CryptoStatus status = CRYPTO_UNDECRYPTABLE;

	if (message_len == (size_t) EVP_PKEY_get_size(key->private_key) &&
		EVP_PKEY_decrypt(key->operation, opened, &len, message, message_len) > 0 &&
		len <= CARD_ATTRIBUTE_MAX_PLAINTEXT)
	{
		memcpy(plaintext, opened, len);
		*plaintext_len = len;
		status = CRYPTO_OK;
	}
	crypto_wipe(opened, sizeof(opened));
	return status;
}

static bool
rsa_seal(EVP_PKEY *recipient, const uint8_t *plaintext, size_t len, uint8_t *message, size_t *message_len)
{
	EVP_PKEY_CTX *encryption = EVP_PKEY_CTX_new_from_pkey(toolkit.libctx, recipient, NULL);
	bool sealed;

	*message_len = CARD_ATTRIBUTE_MAX_CIPHERTEXT;
	sealed = encryption != NULL && EVP_PKEY_encrypt_init(encryption) > 0 && use_oaep_sha256(encryption) &&
		EVP_PKEY_encrypt(encryption, message, message_len, plaintext, len) > 0;
	EVP_PKEY_CTX_free(encryption);
	return sealed;
}

/*
 * Decrypt what a card attribute carries, into a buffer of
 * CARD_ATTRIBUTE_MAX_PLAINTEXT bytes, which the caller wipes.  Any fault of
 * the ciphertext, be it length, point, MAC or padding, is
 * CRYPTO_UNDECRYPTABLE.
 */
CryptoStatus
crypto_decrypt(CryptoKey *key, const uint8_t *ciphertext, size_t ciphertext_len, uint8_t *plaintext, size_t *plaintext_len)
{
	if (!crypto_begin())
		return end(CRYPTO_FAULT);
	if (key->scheme == CARD_ATTRIBUTE_RSA_OAEP_SHA256)
		return end(rsa_open(key, ciphertext, ciphertext_len, plaintext, plaintext_len));
	return end(ecies_open(key, ciphertext, ciphertext_len, plaintext, plaintext_len));
}

/*
 * Encrypt as a card does, for who has the private key of this public one (DER
 * as crypto_public_key gives it), into a buffer of
 * CARD_ATTRIBUTE_MAX_CIPHERTEXT bytes.
 */
CryptoStatus
crypto_encrypt(CardAttributeScheme scheme, const uint8_t *public_der, size_t public_der_len,
			   const uint8_t *plaintext, size_t plaintext_len, uint8_t *ciphertext, size_t *ciphertext_len)
{
	const unsigned char *der = public_der;
	EVP_PKEY *recipient;
	EVP_PKEY *ephemeral = NULL;
	CryptoStatus status = CRYPTO_UNFIT_KEY;
	bool sealed;

	if (plaintext_len < 1 || plaintext_len > CARD_ATTRIBUTE_MAX_PLAINTEXT)
		return CRYPTO_TOO_LONG;
	if (!crypto_begin())
		return end(CRYPTO_FAULT);
	recipient = d2i_PUBKEY_ex(NULL, &der, (long) public_der_len, toolkit.libctx, NULL);
	if (recipient != NULL && crypto_fits_scheme(recipient, scheme))
	{
		if (scheme == CARD_ATTRIBUTE_RSA_OAEP_SHA256)
			sealed = rsa_seal(recipient, plaintext, plaintext_len, ciphertext, ciphertext_len);
		else
			sealed = (ephemeral = new_ephemeral_key(scheme)) != NULL &&
				ecies_seal(recipient, ephemeral, plaintext, plaintext_len, ciphertext, ciphertext_len);
		status = sealed ? CRYPTO_OK : CRYPTO_FAULT;
	}
	EVP_PKEY_free(ephemeral);
	EVP_PKEY_free(recipient);
	return end(status);
}

/* Random bytes that nobody can foresee */
bool
crypto_random(uint8_t *bytes, size_t len)
{
	return crypto_begin() && RAND_priv_bytes_ex(toolkit.libctx, bytes, len, 0) > 0;
}

/* SHA-256 into CRYPTO_SHA256_SIZE bytes */
bool
crypto_sha256(const void *data, size_t len, uint8_t *digest)
{
	return prepare_toolkit() && sha256(data, len, NULL, 0, NULL, 0, digest);
}

/* Are the bytes the same?  Takes the same time wherever they differ. */
bool
crypto_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

/* Overwrite what nobody may find later, whatever the compiler thinks of it. */
void
crypto_wipe(void *data, size_t len)
{
	OPENSSL_cleanse(data, len);
}
