/*-------------------------------------------------------------------------
 *
 * key.c
 *	  Private keys of the card issuer
 *
 * They are PEM files, <key_id>.pem in screissue.key_directory, and nowhere
 * else.  A session loads a key when it first needs it, with the checks of
 * owner and mode that the server makes of its own TLS key, and keeps it until
 * the configuration is loaded again: so a file that was exchanged is seen
 * after pg_reload_conf().
 *
 * A key that cannot be had is SR011.  What is wrong with its file goes to the
 * server log only: the caller may be a service provider.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/sortsupport.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "card_attribute.h"
#include "key.h"
#include "screissue.h"
#include "type_support.h"

PG_FUNCTION_INFO_V1(screissue_read_public_key);
PG_FUNCTION_INFO_V1(screissue_encrypt_attribute);
PG_FUNCTION_INFO_V1(screissue_draw_secret);

#define KEY_COUNT 256
#define KEY_FILE_MAX (64 * 1024) /* bytes; RSA-4096 takes 3,300 */
#define SECRET_LENGTH 22 /* of 64 characters: 132 bits */

static char *key_directory;

/* A key that this session has loaded, and the public part on record then */
typedef struct LoadedKey
{
	CryptoKey *key; /* NULL = not loaded */
	size_t public_key_len;
	uint8_t public_key[CRYPTO_MAX_PUBLIC_KEY];
} LoadedKey;

static LoadedKey *loaded[KEY_COUNT]; /* by key id; made when first needed */
static TimestampTz loaded_since; /* as PgReloadTime was */

static void
drop_keys(void)
{
	for (int i = 0; i < KEY_COUNT; i++)
	{
		if (loaded[i] == NULL)
			continue;
		crypto_free_key(loaded[i]->key);
		loaded[i]->key = NULL;
	}
}

/* When the configuration is loaded again, the setting is assigned anew. */
static void
assign_key_directory(const char *directory, void *extra)
{
	drop_keys();
}

void
screissue_define_key_directory(void)
{
	DefineCustomStringVariable("screissue.key_directory",
							   "Sets the directory of private keys.",
							   "Key 27 of the card issuer is the file 27.pem in it. A relative path starts at the data directory.",
							   &key_directory,
							   "",
							   PGC_SIGHUP,
							   GUC_SUPERUSER_ONLY,
							   NULL,
							   assign_key_directory,
							   NULL);
}

pg_noreturn static void raise_no_key(int key_id, const char *cause);

static void
raise_no_key(int key_id, const char *cause)
{
	ereport(ERROR,
			errcode(ERRCODE_SR_KEY_NOT_AVAILABLE),
			errmsg("key %d is not available", key_id),
			errdetail_log("%s", cause),
			errhint("The server log of the card issuer tells why."));
}

/*
 * What forbids to use a key file, NULL if nothing: the rules are those of the
 * server for its own TLS key.
 */
static const char *
find_file_fault(const char *path)
{
	struct stat file;

	if (stat(path, &file) != 0)
		return psprintf("Could not access \"%s\": %m.", path);
	if (!S_ISREG(file.st_mode))
		return psprintf("\"%s\" is not a regular file.", path);
	if (file.st_size > KEY_FILE_MAX)
		return psprintf("\"%s\" is longer than a private key.", path);
	if (file.st_uid != geteuid() && file.st_uid != 0)
		return psprintf("\"%s\" must be owned by the database user or root.", path);
	if (file.st_mode & (file.st_uid == 0 ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO))
		return psprintf("\"%s\" must have permissions u=rw (0600) or less if owned by the database user, or u=rw,g=r (0640) or less if owned by root.", path);
	return NULL;
}

/*
 * The path of a file in the directory; what forbids to use it as a private key
 * goes to fault, NULL if nothing.
 */
char *
screissue_find_key_file(const char *name, const char **fault)
{
	char *path;

	*fault = "screissue.key_directory is not set.";
	if (key_directory[0] == '\0')
		return NULL;
	path = psprintf("%s/%s", key_directory, name);
	*fault = find_file_fault(path);
	return path;
}

/* Load a key from its file; raises SR011. */
static CryptoKey *
load_key(int key_id, CardAttributeScheme scheme)
{
	char *path;
	const char *fault;
	CryptoKey *key;

	if (key_id < 0 || key_id >= KEY_COUNT)
		raise_no_key(key_id, "Key ids are 0 to 255.");
	path = screissue_find_key_file(psprintf("%d.pem", key_id), &fault);
	if (fault != NULL)
		raise_no_key(key_id, fault);

	switch (crypto_load_key(path, scheme, &key))
	{
		case CRYPTO_OK:
			pfree(path);
			return key;
		case CRYPTO_UNFIT_KEY:
			raise_no_key(key_id, psprintf("The key in \"%s\" is not one for %s.", path, card_attribute_scheme_name(scheme)));
		case CRYPTO_NO_KEY:
			raise_no_key(key_id, psprintf("There is no private key in \"%s\" that can be read without a passphrase.", path));
		default:
			raise_no_key(key_id, "The cryptographic library failed.");
	}
}

/* Load the key that is registered; raises SR011 if the file has another one. */
static void
load_registered_key(int key_id, const KeyRow *registered, LoadedKey *into)
{
	CryptoKey *key = load_key(key_id, registered->scheme);

	if (!crypto_key_is(key, registered->public_key, registered->public_key_len))
	{
		crypto_free_key(key);
		raise_no_key(key_id, "The key in its file is not the one that is registered.");
	}
	crypto_free_key(into->key);
	into->key = key;
	into->public_key_len = registered->public_key_len;
	memcpy(into->public_key, registered->public_key, registered->public_key_len);
}

/*
 * The private key that is registered under the id; raises SR011.  It is good
 * until the end of the function that calls: no setting is assigned meanwhile.
 */
CryptoKey *
screissue_get_key(int key_id, const KeyRow *registered)
{
	LoadedKey *known;

	/* A setting from the command line is not assigned again. */
	if (loaded_since != PgReloadTime)
		drop_keys();
	loaded_since = PgReloadTime;

	if (loaded[key_id] == NULL)
		loaded[key_id] = MemoryContextAllocZero(TopMemoryContext, sizeof(LoadedKey));
	known = loaded[key_id];
	if (known->key == NULL || known->public_key_len != registered->public_key_len ||
		memcmp(known->public_key, registered->public_key, known->public_key_len) != 0)
		load_registered_key(key_id, registered, known);
	return known->key;
}

static CardAttributeScheme
get_scheme(text *name)
{
	CardAttributeScheme scheme = card_attribute_scheme_find(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));

	if (scheme == CARD_ATTRIBUTE_NO_SCHEME)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("unknown scheme \"%s\"", text_to_cstring(name)),
				errhint("The schemes are ecies-x25519, ecies-p256 and rsa-oaep-sha256."));
	return scheme;
}

/*
 * read_public_key(key_id, scheme): public part of the key in the file, as
 * SubjectPublicKeyInfo in DER.  The file is read anew.
 */
Datum
screissue_read_public_key(PG_FUNCTION_ARGS)
{
	int key_id = PG_GETARG_INT32(0);
	CryptoKey *key = load_key(key_id, get_scheme(PG_GETARG_TEXT_PP(1)));
	uint8_t der[CRYPTO_MAX_PUBLIC_KEY];
	size_t der_len;
	CryptoStatus status = crypto_public_key(key, der, &der_len);

	crypto_free_key(key);
	if (status != CRYPTO_OK)
		raise_no_key(key_id, "The cryptographic library failed.");
	PG_RETURN_BYTEA_P(screissue_varlena(der, der_len));
}

/*
 * encrypt_attribute(key_id, scheme, public_key, plaintext): an attribute as a
 * card makes it.  Raises SR011 if the public key is not one for the scheme,
 * 22023 for a plaintext that no attribute has room for.
 */
Datum
screissue_encrypt_attribute(PG_FUNCTION_ARGS)
{
	int key_id = PG_GETARG_INT32(0);
	CardAttributeScheme scheme = get_scheme(PG_GETARG_TEXT_PP(1));
	bytea *public_key = PG_GETARG_BYTEA_PP(2);
	bytea *plaintext = PG_GETARG_BYTEA_PP(3);
	uint8_t ciphertext[CARD_ATTRIBUTE_MAX_CIPHERTEXT];
	uint8_t image[CARD_ATTRIBUTE_MAX_IMAGE];
	size_t ciphertext_len;
	size_t image_len;
	CryptoStatus status;

	status = crypto_encrypt(scheme, VARLENA_IMAGE(public_key), VARLENA_IMAGE_LEN(public_key),
							VARLENA_IMAGE(plaintext), VARLENA_IMAGE_LEN(plaintext), ciphertext, &ciphertext_len);
	if (status == CRYPTO_TOO_LONG)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("a card attribute has room for 1 to %d bytes", CARD_ATTRIBUTE_MAX_PLAINTEXT));
	if (status != CRYPTO_OK ||
		card_attribute_make(scheme, key_id, ciphertext, ciphertext_len, image, &image_len) != PARSE_OK)
		raise_no_key(key_id, "Its public part cannot be encrypted for.");
	PG_RETURN_BYTEA_P(screissue_varlena(image, image_len));
}

/* draw_secret(): a new secret for a card */
Datum
screissue_draw_secret(PG_FUNCTION_ARGS)
{
	static const char characters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-";
	uint8_t random[SECRET_LENGTH];
	char secret[SECRET_LENGTH];

	if (!crypto_random(random, sizeof(random)))
		ereport(ERROR,
				errcode(ERRCODE_INTERNAL_ERROR),
				errmsg("could not generate random values"));
	for (int i = 0; i < SECRET_LENGTH; i++)
		secret[i] = characters[random[i] % (sizeof(characters) - 1)];
	crypto_wipe(random, sizeof(random));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(secret, SECRET_LENGTH));
}
