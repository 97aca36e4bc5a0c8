/*-------------------------------------------------------------------------
 *
 * limit.c
 *	  What the benches measure against: bare operations of OpenSSL
 *
 * Each limit is the least that a decryption needs, done the fastest way there
 * is: the private key, the context and the peer's key are made on the first
 * call, and a call is the one operation with the private key and the palloc
 * of a result, nothing else.  The keys are those of screissue.key_directory.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <stdio.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "compat.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(bench_cpu);
PG_FUNCTION_INFO_V1(bench_nap);
PG_FUNCTION_INFO_V1(bench_openssl);
PG_FUNCTION_INFO_V1(bench_nothing);
PG_FUNCTION_INFO_V1(bench_derive_x25519);
PG_FUNCTION_INFO_V1(bench_derive_p256);
PG_FUNCTION_INFO_V1(bench_private_rsa);

#define SHARED_SECRET_SIZE 32 /* of X25519 and of P-256 */
#define MAX_RSA_SIZE 512

/* A private key with all that can be prepared for it; one per scheme. */
typedef struct Limit
{
	const char *file; /* in the key directory */
	bool derives; /* else it decrypts */
	EVP_PKEY_CTX *ctx; /* NULL before the first call */
} Limit;

static Limit x25519 = {"1.pem", true, NULL};
static Limit p256 = {"2.pem", true, NULL};
static Limit rsa = {"3.pem", false, NULL};

/* What OpenSSL answers to a call that has to work. */
static void
require(bool worked, const char *what)
{
	if (!worked)
		elog(ERROR, "OpenSSL failed: %s", what);
}

static EVP_PKEY *
read_key(const char *file)
{
	const char *directory = GetConfigOption("screissue.key_directory", false, false);
	FILE *stream = fopen(psprintf("%s/%s", directory, file), "r");
	EVP_PKEY *key;

	if (stream == NULL)
		elog(ERROR, "could not open key file \"%s\" in \"%s\": %m", file, directory);
	key = PEM_read_PrivateKey(stream, NULL, NULL, NULL);
	fclose(stream);
	require(key != NULL, "read key");
	return key;
}

/*
 * The operation takes the same time whoever the peer is, so one peer key, of
 * the right form and decoded once, stands for all of them.
 */
static void
prepare_derive(EVP_PKEY_CTX *ctx, EVP_PKEY *key, const uint8_t *encoded, size_t len)
{
	EVP_PKEY *peer = EVP_PKEY_new();

	require(EVP_PKEY_copy_parameters(peer, key) == 1, "copy parameters");
	require(EVP_PKEY_set1_encoded_public_key(peer, encoded, len) == 1, "decode peer key");
	require(EVP_PKEY_derive_init(ctx) == 1, "derive init");
	require(EVP_PKEY_derive_set_peer_ex(ctx, peer, 0) == 1, "set peer");
}

static void
prepare_decrypt(EVP_PKEY_CTX *ctx)
{
	require(EVP_PKEY_decrypt_init(ctx) == 1, "decrypt init");
	require(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1, "set padding");
}

static EVP_PKEY_CTX *
prepare(Limit *limit, const bytea *argument)
{
	EVP_PKEY *key = read_key(limit->file);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);

	require(ctx != NULL, "new context");
	if (limit->derives)
		prepare_derive(ctx, key, (const uint8_t *) VARDATA_ANY(argument), VARSIZE_ANY_EXHDR(argument));
	else
		prepare_decrypt(ctx);
	return ctx;
}

static Datum
derive(Limit *limit, const bytea *peer)
{
	bytea *secret = palloc(VARHDRSZ + SHARED_SECRET_SIZE);
	size_t len = SHARED_SECRET_SIZE;

	if (limit->ctx == NULL)
		limit->ctx = prepare(limit, peer);
	require(EVP_PKEY_derive(limit->ctx, (uint8_t *) VARDATA(secret), &len) == 1, "derive");
	SET_VARSIZE(secret, VARHDRSZ + len);
	PG_RETURN_BYTEA_P(secret);
}

/* bench.derive_x25519(peer bytea): the shared secret with a decoded peer. */
Datum
bench_derive_x25519(PG_FUNCTION_ARGS)
{
	return derive(&x25519, PG_GETARG_BYTEA_PP(0));
}

/* bench.derive_p256(peer bytea): the same; the peer as on the card, compressed. */
Datum
bench_derive_p256(PG_FUNCTION_ARGS)
{
	return derive(&p256, PG_GETARG_BYTEA_PP(0));
}

/* bench.private_rsa(ciphertext bytea): the private operation, padding kept. */
Datum
bench_private_rsa(PG_FUNCTION_ARGS)
{
	bytea *ciphertext = PG_GETARG_BYTEA_PP(0);
	bytea *padded = palloc(VARHDRSZ + MAX_RSA_SIZE);
	size_t len = MAX_RSA_SIZE;

	if (rsa.ctx == NULL)
		rsa.ctx = prepare(&rsa, ciphertext);
	require(EVP_PKEY_decrypt(rsa.ctx, (uint8_t *) VARDATA(padded), &len,
							 (const uint8_t *) VARDATA_ANY(ciphertext), VARSIZE_ANY_EXHDR(ciphertext)) == 1,
			"decrypt");
	SET_VARSIZE(padded, VARHDRSZ + len);
	PG_RETURN_BYTEA_P(padded);
}

/* bench.nothing(bytea): a result without work, what the loop itself costs. */
Datum
bench_nothing(PG_FUNCTION_ARGS)
{
	bytea *argument = PG_GETARG_BYTEA_PP(0);
	bytea *result = palloc(VARHDRSZ + SHARED_SECRET_SIZE);

	(void) argument;
	memset(VARDATA(result), 0, SHARED_SECRET_SIZE);
	SET_VARSIZE(result, VARHDRSZ + SHARED_SECRET_SIZE);
	PG_RETURN_BYTEA_P(result);
}

/* bench.cpu(): seconds of CPU that this backend has used. */
Datum
bench_cpu(PG_FUNCTION_ARGS)
{
	struct timespec used;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0)
		elog(ERROR, "could not read the clock: %m");
	PG_RETURN_FLOAT8(used.tv_sec + used.tv_nsec / 1e9);
}

/* bench.nap(microseconds integer): pg_sleep() cannot wait for less than 1 ms. */
Datum
bench_nap(PG_FUNCTION_ARGS)
{
	pg_usleep(PG_GETARG_INT32(0));
	CHECK_FOR_INTERRUPTS();
	PG_RETURN_VOID();
}

/* bench.openssl(): the version that the server has loaded. */
Datum
bench_openssl(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(OpenSSL_version(OPENSSL_VERSION)));
}
