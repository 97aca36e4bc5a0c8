/*
 * Fuzz driver of crypto: hostile ciphertexts, hostile plaintexts, valid messages
 * that somebody changed, and hostile public keys, against a fixed key of each scheme.
 *
 * The keys are those of test/vectors: run it from the top directory.
 * Randomness is a function of the input, so that a finding can be repeated.
 * It includes the file that it tests, which for the server would not encrypt
 * too long a plaintext, nor use an ephemeral key again.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_set_rand_method() */

#include "fuzz.h"

#include "../../src/core/crypto.c"

typedef struct Recipient
{
	CardAttributeScheme scheme;
	const char *file;
	CryptoKey *key;
	EVP_PKEY *ephemeral;
	uint8_t message[CARD_ATTRIBUTE_MAX_CIPHERTEXT]; /* a valid one */
	size_t message_len;
} Recipient;

static Recipient recipients[] = {
	{.scheme = CARD_ATTRIBUTE_ECIES_X25519, .file = "test/vectors/profile-a.pem"},
	{.scheme = CARD_ATTRIBUTE_ECIES_P256, .file = "test/vectors/profile-b.pem"},
	{.scheme = CARD_ATTRIBUTE_RSA_OAEP_SHA256, .file = "test/vectors/rsa-2048.pem"},
};

#define MAX_BODY 190 /* as much as OAEP puts into 2048 bits */

static const char card[] = "4929123412341234/Secret-of_card-0001";

static uint64_t random_state;

/* splitmix64 */
static uint64_t
next_random(void)
{
	uint64_t z = (random_state += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static int
foreseeable_bytes(unsigned char *bytes, int len)
{
	for (int i = 0; i < len; i++)
		bytes[i] = (unsigned char) next_random();
	return 1;
}

static const RAND_METHOD foreseeable = {.bytes = foreseeable_bytes, .pseudorand = foreseeable_bytes};

/* Decrypt into exactly so much memory as is promised to be enough. */
static CryptoStatus
decrypt(const Recipient *to, const uint8_t *message, size_t message_len, uint8_t *plaintext, size_t *plaintext_len)
{
	uint8_t *buffer = malloc(CARD_ATTRIBUTE_MAX_PLAINTEXT);
	CryptoStatus status = crypto_decrypt(to->key, message, message_len, buffer, plaintext_len);

	CHECK(status == CRYPTO_OK || status == CRYPTO_UNDECRYPTABLE);
	if (status == CRYPTO_OK)
	{
		CHECK(*plaintext_len <= CARD_ATTRIBUTE_MAX_PLAINTEXT);
		memcpy(plaintext, buffer, *plaintext_len);
	}
	free(buffer);
	return status;
}

/* The message decrypts, and to this. */
static void
check_message(const Recipient *to, const uint8_t *message, size_t message_len, const void *plaintext, size_t len)
{
	uint8_t again[CARD_ATTRIBUTE_MAX_PLAINTEXT];
	size_t again_len;

	CHECK(decrypt(to, message, message_len, again, &again_len) == CRYPTO_OK);
	CHECK(again_len == len && memcmp(again, plaintext, len) == 0);
}

static void
read_plaintext(const uint8_t *plaintext, size_t len)
{
	uint8_t *exact = exact_copy(plaintext, len);
	CardAttributeContent content;

	(void) card_attribute_read_plaintext(exact, len, &content);
	free(exact);
}

/* Anything at all as a ciphertext; the key is none the worse for it. */
static void
open_anything(const Recipient *to, const uint8_t *data, size_t size)
{
	uint8_t plaintext[CARD_ATTRIBUTE_MAX_PLAINTEXT];
	size_t len;

	if (decrypt(to, data, size, plaintext, &len) == CRYPTO_OK)
		read_plaintext(plaintext, len);
	if (to->scheme != CARD_ATTRIBUTE_RSA_OAEP_SHA256)
		check_message(to, to->message, to->message_len, card, strlen(card));
}

/* What was encrypted comes back, whatever it is, unless it is too long. */
static void
seal_anything(const Recipient *to, const uint8_t *data, size_t size)
{
	uint8_t *message = malloc(CARD_ATTRIBUTE_MAX_CIPHERTEXT);
	size_t message_len;
	uint8_t plaintext[CARD_ATTRIBUTE_MAX_PLAINTEXT];
	size_t len;

	size = size < MAX_BODY ? size : MAX_BODY;
	if (to->scheme == CARD_ATTRIBUTE_RSA_OAEP_SHA256)
		CHECK(rsa_seal(to->key->private_key, data, size, message, &message_len));
	else
		CHECK(ecies_seal(to->key->private_key, to->ephemeral, data, size, message, &message_len));
	message = realloc(message, message_len); /* so that reading on is seen */
	if (size > CARD_ATTRIBUTE_MAX_PLAINTEXT)
		CHECK(decrypt(to, message, message_len, plaintext, &len) == CRYPTO_UNDECRYPTABLE);
	else if (size > 0)
		check_message(to, message, message_len, data, size);
	read_plaintext(data, size);
	free(message);
}

/*
 * A valid message is none any more when it is changed: by pairs of position
 * and bits, one to four as the first byte says, and in half of the cases cut
 * or drawn out by some bytes.
 */
static void
change_message(const Recipient *to, const uint8_t *data, size_t size)
{
	int how = size > 0 ? data[0] : 0;
	size_t pairs = 1 + (how & 3);
	size_t len = to->message_len + (how & 0x80 ? (how >> 2 & 31) - 16 : 0);
	uint8_t *message = malloc(len);
	uint8_t plaintext[CARD_ATTRIBUTE_MAX_PLAINTEXT];
	size_t plaintext_len;

	memset(message, 0, len);
	memcpy(message, to->message, len < to->message_len ? len : to->message_len);
	for (size_t i = 1; i + 1 < size && i < 1 + 2 * pairs; i += 2)
		message[data[i] % len] ^= data[i + 1];
	if (len == to->message_len && memcmp(message, to->message, len) == 0)
		check_message(to, message, len, card, strlen(card));
	else
		CHECK(decrypt(to, message, len, plaintext, &plaintext_len) == CRYPTO_UNDECRYPTABLE);
	free(message);
}

/* Anything at all as a public key: it is one for the scheme, or is refused. */
static void
encrypt_for_anything(const Recipient *to, const uint8_t *data, size_t size)
{
	uint8_t *der = exact_copy(data, size);
	uint8_t *message = malloc(CARD_ATTRIBUTE_MAX_CIPHERTEXT);
	size_t message_len;
	CryptoStatus status = crypto_encrypt(to->scheme, der, size, (const uint8_t *) card, strlen(card), message, &message_len);

	CHECK(status == CRYPTO_OK || status == CRYPTO_UNFIT_KEY || status == CRYPTO_FAULT);
	CHECK(status != CRYPTO_OK || message_len <= CARD_ATTRIBUTE_MAX_CIPHERTEXT);
	if (crypto_key_is(to->key, der, size))
		check_message(to, message, message_len, card, strlen(card));
	CHECK(ERR_peek_error() == 0);
	free(message);
	free(der);
}

static void
load_keys(void)
{
	uint8_t public_key[CRYPTO_MAX_PUBLIC_KEY];
	size_t len;

	CHECK(RAND_set_rand_method(&foreseeable));
	for (int i = 0; i < 3; i++)
	{
		Recipient *to = &recipients[i];

		CHECK(crypto_load_key(to->file, to->scheme, &to->key) == CRYPTO_OK);
		CHECK(crypto_public_key(to->key, public_key, &len) == CRYPTO_OK);
		CHECK(crypto_encrypt(to->scheme, public_key, len, (const uint8_t *) card, strlen(card),
							 to->message, &to->message_len) == CRYPTO_OK);
		if (to->scheme != CARD_ATTRIBUTE_RSA_OAEP_SHA256)
			CHECK((to->ephemeral = new_ephemeral_key(to->scheme)) != NULL);
	}
}

/* The first byte says what is done, and to whom: seldom to RSA, which is slow. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const Recipient *to;

	if (recipients[0].key == NULL)
		load_keys();
	if (size == 0)
		return 0;
	random_state = parse_load_be64(data, size);
	to = &recipients[data[0] < 0xF8 ? data[0] & 1 : 2];
	switch (data[0] >> 1 & 3)
	{
		case 0:
			open_anything(to, data + 1, size - 1);
			break;
		case 1:
			seal_anything(to, data + 1, size - 1);
			break;
		case 3:
			encrypt_for_anything(to, data + 1, size - 1);
			break;
		default:
			change_message(to, data + 1, size - 1);
	}
	return 0;
}
