/*-------------------------------------------------------------------------
 *
 * crypto.c
 *	  Tests of src/core/crypto.c: published vectors and hostile input
 *
 * Takes the directory of the vectors, and one of key files that test/vectors/
 * run makes.  Prints TAP.  It includes the file that it tests, because only a
 * test may choose an ephemeral key or a shared secret.
 *
 *-------------------------------------------------------------------------
 */
#include <stdarg.h>
#include <stdio.h>

#include "../../src/core/crypto.c"

#define MAX_FIELDS 8
#define UNTOUCHED 0xA5

/* A paragraph of a vector file: lines NAME = VALUE */
typedef struct Record
{
	int count;
	const char *name[MAX_FIELDS];
	const char *value[MAX_FIELDS];
} Record;

typedef struct Bytes
{
	size_t len;
	uint8_t data[CARD_ATTRIBUTE_MAX_CIPHERTEXT];
} Bytes;

static const char *vectors;
static const char *keys;
static int tests;
static int failures;

static void __attribute__((format(printf, 2, 3)))
ok(bool passed, const char *format, ...)
{
	va_list arguments;

	printf("%sok %d - ", passed ? "" : "not ", ++tests);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
	failures += !passed;
}

static void __attribute__((noreturn))
bail_out(const char *what, const char *which)
{
	printf("Bail out!  %s: %s\n", which, what);
	exit(2);
}

/* A copy that ends where the allocation ends, so that reading on is seen. */
static uint8_t *
exact_copy(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	if (copy == NULL)
		bail_out("no memory", "exact_copy");
	if (len > 0)
		memcpy(copy, data, len);
	return copy;
}

/*
 * Vector files
 */

static char *
read_text(const char *path)
{
	static char text[1 << 16];
	FILE *file = fopen(path, "r");
	size_t len;

	if (file == NULL)
		bail_out("cannot be read", path);
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	return text;
}

static void
add_field(Record *record, char *line)
{
	char *equals = strstr(line, " = ");

	if (equals == NULL || record->count == MAX_FIELDS)
		bail_out("is no field", line);
	*equals = '\0';
	record->name[record->count] = line;
	record->value[record->count++] = equals + 3;
}

/* Call a test with each record of a file. */
static void
for_each_record(const char *name, void (*test)(const Record *))
{
	char path[512];
	char *rest;
	char *line;
	Record record = {0};

	snprintf(path, sizeof(path), "%s/%s", vectors, name);
	rest = read_text(path);
	while ((line = strsep(&rest, "\n")) != NULL)
	{
		if (line[0] == '#')
			continue;
		if (line[0] != '\0')
			add_field(&record, line);
		else if (record.count > 0)
		{
			test(&record);
			record.count = 0;
		}
	}
}

/* A field of a record, NULL if it has none of that name. */
static const char *
get(const Record *record, const char *name)
{
	for (int i = 0; i < record->count; i++)
	{
		if (strcmp(record->name[i], name) == 0)
			return record->value[i];
	}
	return NULL;
}

static Bytes
get_bytes(const Record *record, const char *name)
{
	const char *hex = get(record, name);
	Bytes bytes = {0};

	if (hex == NULL || strlen(hex) > 2 * sizeof(bytes.data) || !parse_hex(hex, strlen(hex) / 2, bytes.data))
		bail_out("is missing or no hexadecimal number", name);
	bytes.len = strlen(hex) / 2;
	return bytes;
}

static CardAttributeScheme
get_scheme(const Record *record)
{
	const char *name = get(record, "scheme");

	return card_attribute_scheme_find(name, strlen(name));
}

/*
 * What is tested
 */

static CryptoStatus
load(const char *directory, const char *file, CardAttributeScheme scheme, CryptoKey **key)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", directory, file);
	return crypto_load_key(path, scheme, key);
}

static CryptoKey *
must_load(const char *directory, const char *file, CardAttributeScheme scheme)
{
	CryptoKey *key;

	if (load(directory, file, scheme, &key) != CRYPTO_OK)
		bail_out("cannot be loaded", file);
	return key;
}

static bool
decrypts(CryptoKey *key, const Bytes *message, const void *plaintext, size_t plaintext_len)
{
	uint8_t *exact = exact_copy(message->data, message->len);
	uint8_t *opened = malloc(CARD_ATTRIBUTE_MAX_PLAINTEXT);
	size_t opened_len;
	bool equal;

	equal = crypto_decrypt(key, exact, message->len, opened, &opened_len) == CRYPTO_OK &&
		opened_len == plaintext_len && memcmp(opened, plaintext, plaintext_len) == 0 &&
		ERR_peek_error() == 0;
	free(exact);
	free(opened);
	return equal;
}

/* Undecryptable; not a byte of plaintext is given away, no error is left. */
static bool
refused(CryptoKey *key, const uint8_t *message, size_t len)
{
	uint8_t *exact = exact_copy(message, len);
	uint8_t plaintext[CARD_ATTRIBUTE_MAX_PLAINTEXT];
	uint8_t untouched[CARD_ATTRIBUTE_MAX_PLAINTEXT];
	size_t plaintext_len;
	bool undecryptable;

	memset(plaintext, UNTOUCHED, sizeof(plaintext));
	memset(untouched, UNTOUCHED, sizeof(untouched));
	undecryptable = crypto_decrypt(key, exact, len, plaintext, &plaintext_len) == CRYPTO_UNDECRYPTABLE &&
		memcmp(plaintext, untouched, sizeof(plaintext)) == 0 && ERR_peek_error() == 0;
	free(exact);
	return undecryptable;
}

static CryptoStatus
encrypt(const CryptoKey *key, const void *plaintext, size_t len, Bytes *message)
{
	uint8_t der[CRYPTO_MAX_PUBLIC_KEY];
	size_t der_len;

	if (crypto_public_key(key, der, &der_len) != CRYPTO_OK)
		bail_out("has no public part", "a key");
	return crypto_encrypt(key->scheme, der, der_len, plaintext, len, message->data, &message->len);
}

/*
 * Published vectors
 */

/* A key pair of which the private part alone is given */
static EVP_PKEY *
ephemeral_key(CardAttributeScheme scheme, const Bytes *private_part)
{
	/* PrivateKeyInfo (RFC 8410) and ECPrivateKey (RFC 5915) up to the number */
	static const uint8_t x25519_head[] = {
		0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20};
	static const uint8_t p256_head[] = {0x30, 0x31, 2, 1, 1, 4, 0x20};
	static const uint8_t p256_tail[] = {
		0xa0, 0x0a, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7};
	bool x25519 = scheme == CARD_ATTRIBUTE_ECIES_X25519;
	size_t head_len = x25519 ? sizeof(x25519_head) : sizeof(p256_head);
	uint8_t der[64];
	const unsigned char *start = der;
	EVP_PKEY *key;

	memcpy(der, x25519 ? x25519_head : p256_head, head_len);
	memcpy(der + head_len, private_part->data, 32);
	memcpy(der + head_len + 32, p256_tail, sizeof(p256_tail));
	key = d2i_AutoPrivateKey_ex(NULL, &start, (long) (head_len + 32 + sizeof(p256_tail)), toolkit.libctx, NULL);
	if (key == NULL)
		bail_out("is no private key", "ephemeral");
	if (!x25519)
		EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
									   OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_COMPRESSED);
	return key;
}

/* Make the message of somebody who knows the shared secret, by whatever means. */
static void
seal_with_secret(const Bytes *secret, const Bytes *point, const Bytes *plaintext, Bytes *message)
{
	uint8_t *ciphertext = message->data + point->len;
	uint8_t mac[CRYPTO_SHA256_SIZE];
	EciesKeys derived;

	memcpy(message->data, point->data, point->len);
	if (!derive_keys(secret->data, point->data, point->len, &derived) ||
		!apply_cipher(&derived, plaintext->data, plaintext->len, ciphertext) ||
		!make_mac(&derived, ciphertext, plaintext->len, mac))
		bail_out("failed", "seal_with_secret");
	memcpy(ciphertext + plaintext->len, mac, TAG_SIZE);
	message->len = point->len + plaintext->len + TAG_SIZE;
}

static bool
same_bytes(const Bytes *a, const Bytes *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static void
test_encryption(const Record *record, CryptoKey *key)
{
	CardAttributeScheme scheme = get_scheme(record);
	Bytes private_part = get_bytes(record, "ephemeral");
	Bytes secret = get_bytes(record, "secret");
	Bytes plaintext = get_bytes(record, "plaintext");
	Bytes message = get_bytes(record, "message");
	Bytes point = {.len = point_size(scheme)};
	EVP_PKEY *ephemeral = ephemeral_key(scheme, &private_part);
	Bytes sealed = {0};

	ok(ecies_seal(key->private_key, ephemeral, plaintext.data, plaintext.len, sealed.data, &sealed.len) &&
		   same_bytes(&sealed, &message),
	   "%s encrypts to the published message", get(record, "scheme"));
	memcpy(point.data, message.data, point.len);
	seal_with_secret(&secret, &point, &plaintext, &sealed);
	ok(same_bytes(&sealed, &message), "%s has the published shared secret", get(record, "scheme"));
	EVP_PKEY_free(ephemeral);
}

static void
test_ecies(const Record *record)
{
	CryptoKey *key = must_load(vectors, get(record, "key"), get_scheme(record));
	Bytes plaintext = get_bytes(record, "plaintext");
	Bytes message = get_bytes(record, "message");

	ok(decrypts(key, &message, plaintext.data, plaintext.len),
	   "%s decrypts the published message %.10s...", get(record, "scheme"), get(record, "message"));
	if (get(record, "ephemeral") != NULL)
		test_encryption(record, key);
	crypto_free_key(key);
}

static void
test_oaep(const Record *record)
{
	CryptoKey *key = must_load(vectors, get(record, "key"), get_scheme(record));
	Bytes message = get_bytes(record, "message");

	if (get(record, "plaintext") != NULL)
	{
		Bytes plaintext = get_bytes(record, "plaintext");

		ok(decrypts(key, &message, plaintext.data, plaintext.len), "rsa-oaep-sha256 decrypts: %s", get(record, "name"));
	}
	else
		ok(refused(key, message.data, message.len), "rsa-oaep-sha256 refuses: %s", get(record, "name"));
	crypto_free_key(key);
}

/*
 * Points that nobody may send, under a MAC that is right if they are taken for
 * what they look like, or for the point of the message before.
 */
static void
test_point(const Record *record)
{
	static const Bytes plaintext = {.len = 16, .data = "4929123412341234"};
	static Bytes taken_message; /* the latest that decrypted, and its secret */
	static Bytes taken_secret;
	CardAttributeScheme scheme = get_scheme(record);
	bool x25519 = scheme == CARD_ATTRIBUTE_ECIES_X25519;
	CryptoKey *key = must_load(vectors, x25519 ? "profile-a.pem" : "profile-b.pem", scheme);
	Bytes point = get_bytes(record, "point");
	Bytes secret = {.len = SHARED_SECRET_SIZE};
	Bytes message;
	Bytes stale;

	if (get(record, "secret") != NULL)
		secret = get_bytes(record, "secret");
	seal_with_secret(&secret, &point, &plaintext, &message);
	if (get(record, "fault") == NULL)
	{
		ok(decrypts(key, &message, plaintext.data, plaintext.len), "%s takes the point %.12s...%s",
		   get(record, "scheme"), get(record, "point"), get(record, "point") + 2 * point.len - 2);
		taken_message = message;
		taken_secret = secret;
	}
	else
	{
		seal_with_secret(&taken_secret, &point, &plaintext, &stale);
		ok(refused(key, message.data, message.len) &&
			   decrypts(key, &taken_message, plaintext.data, plaintext.len) &&
			   refused(key, stale.data, stale.len),
		   "%s refuses a point: %s", get(record, "scheme"), get(record, "fault"));
	}
	crypto_free_key(key);
}

/*
 * Hostile messages
 */

static const char card[] = "4929123412341234/Secret-of_card-0001";

static bool
every_truncation_refused(CryptoKey *key, const Bytes *message)
{
	for (size_t len = 0; len < message->len; len++)
	{
		if (!refused(key, message->data, len) ||
			!refused(key, message->data + message->len - len, len))
			return false;
	}
	return true;
}

/* Every bit; of the longer keys, which are slow, one in 61 */
static bool
every_bit_flip_refused(CryptoKey *key, const Bytes *message)
{
	size_t step = message->len > RSA_MIN_BITS / 8 ? 61 : 1;
	Bytes flipped = *message;

	for (size_t bit = 0; bit < 8 * message->len; bit += step)
	{
		flipped.data[bit / 8] ^= (uint8_t) (1 << bit % 8);
		if (!refused(key, flipped.data, flipped.len))
			return false;
		flipped.data[bit / 8] ^= (uint8_t) (1 << bit % 8);
	}
	return true;
}

/* The MAC, or for RSA the low end, of another message */
static bool
foreign_mac_refused(CryptoKey *key, const Bytes *message)
{
	Bytes other;

	if (encrypt(key, card, strlen(card), &other) != CRYPTO_OK)
		return false;
	memcpy(other.data + other.len - TAG_SIZE, message->data + message->len - TAG_SIZE, TAG_SIZE);
	return refused(key, other.data, other.len);
}

/* Longer than it says, as long as may be, and a million bytes */
static bool
excess_refused(CryptoKey *key, const Bytes *message)
{
	size_t million = 1000000;
	uint8_t *data = calloc(1, million);
	bool all = true;

	if (data == NULL)
		return false;
	memcpy(data, message->data, message->len);
	for (size_t len = message->len + 1; len <= CARD_ATTRIBUTE_MAX_CIPHERTEXT; len++)
		all = all && refused(key, data, len);
	all = all && refused(key, data, million);
	free(data);
	return all;
}

static bool
noise_refused(CryptoKey *key, const Bytes *message)
{
	uint8_t noise[CARD_ATTRIBUTE_MAX_CIPHERTEXT];
	bool all = true;

	for (int i = 0; i < 100; i++)
		all = all && crypto_random(noise, message->len) && refused(key, noise, message->len);
	memset(noise, 0, sizeof(noise));
	all = all && refused(key, noise, message->len);
	memset(noise, 0xFF, sizeof(noise));
	return all && refused(key, noise, message->len);
}

static bool
every_length_returns(CryptoKey *key)
{
	uint8_t plaintext[CARD_ATTRIBUTE_MAX_PLAINTEXT + 1];
	Bytes message;

	memset(plaintext, 0, sizeof(plaintext));
	for (size_t len = 1; len <= CARD_ATTRIBUTE_MAX_PLAINTEXT; len++)
	{
		plaintext[len - 1] = (uint8_t) len;
		if (encrypt(key, plaintext, len, &message) != CRYPTO_OK || !decrypts(key, &message, plaintext, len))
			return false;
	}
	return encrypt(key, plaintext, 0, &message) == CRYPTO_TOO_LONG &&
		encrypt(key, plaintext, sizeof(plaintext), &message) == CRYPTO_TOO_LONG;
}

/* A sender may put less or more into a message than a card attribute ever has. */
static bool
odd_plaintext_refused(CryptoKey *key, size_t len)
{
	static const uint8_t plaintext[CARD_ATTRIBUTE_MAX_PLAINTEXT + 1];
	EVP_PKEY *ephemeral;
	Bytes message;
	bool sealed;

	if (key->scheme == CARD_ATTRIBUTE_RSA_OAEP_SHA256)
		return rsa_seal(key->private_key, plaintext, len, message.data, &message.len) &&
			refused(key, message.data, message.len);
	ephemeral = new_ephemeral_key(key->scheme);
	sealed = ecies_seal(key->private_key, ephemeral, plaintext, len, message.data, &message.len);
	EVP_PKEY_free(ephemeral);
	return sealed && refused(key, message.data, message.len);
}

/* A message of RSA that starts with a zero is no number of its own without it. */
static bool
leading_zero_needed(CryptoKey *key)
{
	Bytes message;

	for (int i = 0; i < 10000; i++)
	{
		if (encrypt(key, card, strlen(card), &message) != CRYPTO_OK)
			return false;
		if (message.data[0] == 0)
			return decrypts(key, &message, card, strlen(card)) &&
				refused(key, message.data + 1, message.len - 1);
	}
	return false;
}

static void
test_messages(const char *directory, const char *file, CardAttributeScheme scheme)
{
	CryptoKey *key = must_load(directory, file, scheme);
	const char *name = card_attribute_scheme_name(scheme);
	Bytes message;
	Bytes again;

	ok(encrypt(key, card, strlen(card), &message) == CRYPTO_OK && decrypts(key, &message, card, strlen(card)),
	   "%s with %s: what was encrypted comes back", name, file);
	ok(encrypt(key, card, strlen(card), &again) == CRYPTO_OK && !same_bytes(&message, &again) &&
		   memcmp(message.data, again.data, 8) != 0,
	   "%s with %s: never the same message twice", name, file);
	ok(every_length_returns(key), "%s with %s: every length of plaintext", name, file);
	ok(odd_plaintext_refused(key, CARD_ATTRIBUTE_MAX_PLAINTEXT + 1), "%s with %s: too long a plaintext is refused", name, file);
	if (scheme != CARD_ATTRIBUTE_RSA_OAEP_SHA256)
		ok(odd_plaintext_refused(key, 0), "%s with %s: an empty plaintext is refused", name, file);
	ok(every_truncation_refused(key, &message), "%s with %s: cut at any byte, from either end", name, file);
	ok(every_bit_flip_refused(key, &message), "%s with %s: any one bit flipped", name, file);
	ok(foreign_mac_refused(key, &message), "%s with %s: the MAC of another message", name, file);
	ok(excess_refused(key, &message), "%s with %s: bytes in excess, to a million", name, file);
	if (scheme == CARD_ATTRIBUTE_RSA_OAEP_SHA256)
		ok(leading_zero_needed(key), "%s with %s: no leading zero may be left out", name, file);
	ok(noise_refused(key, &message), "%s with %s: noise, zeros and ones", name, file);
	ok(decrypts(key, &message, card, strlen(card)), "%s with %s: the key is none the worse for it", name, file);
	crypto_free_key(key);
}

/* The keys of a process share contexts. */
static void
test_together(void)
{
	CryptoKey *key[] = {
		must_load(keys, "x25519.pem", CARD_ATTRIBUTE_ECIES_X25519),
		must_load(keys, "x25519-der.pem", CARD_ATTRIBUTE_ECIES_X25519),
		must_load(vectors, "profile-a.pem", CARD_ATTRIBUTE_ECIES_X25519),
		must_load(vectors, "profile-b.pem", CARD_ATTRIBUTE_ECIES_P256),
		must_load(vectors, "rsa-2048.pem", CARD_ATTRIBUTE_RSA_OAEP_SHA256)};
	Bytes message[5];
	bool own = true;
	bool foreign = true;

	for (int i = 0; i < 5; i++)
		own = own && encrypt(key[i], card, strlen(card), &message[i]) == CRYPTO_OK;
	for (int i = 0; i < 5; i++)
	{
		for (int j = 0; j < 5; j++)
		{
			bool same_key = i == j || i + j == 1; /* the first two are one */

			if (same_key)
				own = own && decrypts(key[j], &message[i], card, strlen(card));
			else
				foreign = foreign && refused(key[j], message[i].data, message[i].len);
		}
	}
	ok(own, "each key decrypts its messages between those of the others");
	ok(foreign, "no key decrypts a message to another");
	for (int i = 0; i < 5; i++)
		crypto_free_key(key[i]);
}

/* The server's TLS and this share one queue of errors. */
static void
test_error_queue(void)
{
	CryptoKey *key = must_load(vectors, "profile-a.pem", CARD_ATTRIBUTE_ECIES_X25519);
	Bytes message;

	ok(ERR_peek_error() == 0, "loading a key leaves no error in the queue");
	ERR_raise(ERR_LIB_USER, 1);
	ok(encrypt(key, card, strlen(card), &message) == CRYPTO_OK && ERR_peek_error() == 0,
	   "encrypting leaves no error in the queue, not even an old one");
	ERR_raise(ERR_LIB_USER, 1);
	ok(decrypts(key, &message, card, strlen(card)), "nor does decrypting");
	ERR_raise(ERR_LIB_USER, 1);
	ok(refused(key, message.data, message.len - 1), "nor does a failure");
	crypto_free_key(key);
}

/*
 * What is left in memory
 */

/* The heap of this process; empty where there is no /proc, or no such heap. */
static void
find_heap(const uint8_t **start, const uint8_t **end)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	unsigned long from;
	unsigned long to;

	*start = *end = NULL;
	while (maps != NULL && fgets(line, sizeof(line), maps) != NULL)
	{
		if (strstr(line, "[heap]") != NULL && sscanf(line, "%lx-%lx", &from, &to) == 2)
		{
			*start = (const uint8_t *) from;
			*end = (const uint8_t *) to;
		}
	}
	if (maps != NULL)
		fclose(maps);
}

/* Is it anywhere on the heap?  What is looked for is inverted, lest it find itself. */
static bool __attribute__((no_sanitize_address))
on_heap(const uint8_t *inverted, size_t len)
{
	const uint8_t *start;
	const uint8_t *end;

	find_heap(&start, &end);
	for (; end - start >= (ptrdiff_t) len; start++)
	{
		size_t same = 0;

		while (same < len && (start[same] ^ inverted[same]) == 0xFF)
			same++;
		if (same == len)
			return true;
	}
	return false;
}

static void
invert(const uint8_t *from, size_t len, uint8_t *to)
{
	for (size_t i = 0; i < len; i++)
		to[i] = from[i] ^ 0xFF;
}

/* The words of a SHA-256 state have the other byte order. */
static void
swap_words(uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i += 4)
	{
		uint8_t word[4] = {bytes[i + 3], bytes[i + 2], bytes[i + 1], bytes[i]};

		memcpy(bytes + i, word, 4);
	}
}

/* After a decryption neither the shared secret nor a derived key is to be found. */
static void
test_traces(const Record *record)
{
	CryptoKey *key = must_load(vectors, get(record, "key"), get_scheme(record));
	Bytes message = get_bytes(record, "message");
	Bytes plaintext = get_bytes(record, "plaintext");
	Bytes secret;
	EciesKeys derived;
	uint8_t inverted_secret[SHARED_SECRET_SIZE];
	uint8_t inverted_cipher_key[16];
	uint8_t inverted_mac_key[32];

	if (get(record, "secret") != NULL)
	{
		secret = get_bytes(record, "secret");
		derive_keys(secret.data, message.data, point_size(key->scheme), &derived);
		invert(secret.data, sizeof(inverted_secret), inverted_secret);
		invert(derived.cipher_key, sizeof(inverted_cipher_key), inverted_cipher_key);
		invert(derived.mac_key, sizeof(inverted_mac_key), inverted_mac_key);
		ok(decrypts(key, &message, plaintext.data, plaintext.len) &&
			   !on_heap(inverted_secret, sizeof(inverted_secret)) &&
			   !on_heap(inverted_cipher_key, sizeof(inverted_cipher_key)) &&
			   !on_heap(inverted_mac_key, sizeof(inverted_mac_key)) &&
			   (swap_words(inverted_mac_key, sizeof(inverted_mac_key)), !on_heap(inverted_mac_key, sizeof(inverted_mac_key))),
		   "%s leaves no secret and no derived key on the heap", get(record, "scheme"));
	}
	crypto_free_key(key);
}

/*
 * Keys
 */

#define X25519 CARD_ATTRIBUTE_ECIES_X25519
#define P256 CARD_ATTRIBUTE_ECIES_P256
#define RSA_OAEP CARD_ATTRIBUTE_RSA_OAEP_SHA256

static const struct
{
	const char *file;
	CardAttributeScheme scheme;
	CryptoStatus status;
} key_files[] = {
	{"x25519.pem", X25519, CRYPTO_OK},
	{"x25519-der.pem", X25519, CRYPTO_OK},
	{"p256.pem", P256, CRYPTO_OK},
	{"p256-with-parameters.pem", P256, CRYPTO_OK},
	{"p256-compressed.pem", P256, CRYPTO_OK},
	{"rsa-2048-traditional.pem", RSA_OAEP, CRYPTO_OK},
	{"rsa-3072.pem", RSA_OAEP, CRYPTO_OK},
	{"rsa-4096.pem", RSA_OAEP, CRYPTO_OK},
	{"certificate-and-key.pem", P256, CRYPTO_OK},

	{"x25519.pem", P256, CRYPTO_UNFIT_KEY},
	{"x25519.pem", RSA_OAEP, CRYPTO_UNFIT_KEY},
	{"x25519.pem", CARD_ATTRIBUTE_NO_SCHEME, CRYPTO_UNFIT_KEY},
	{"p256.pem", X25519, CRYPTO_UNFIT_KEY},
	{"p256.pem", RSA_OAEP, CRYPTO_UNFIT_KEY},
	{"rsa-3072.pem", X25519, CRYPTO_UNFIT_KEY},
	{"rsa-3072.pem", P256, CRYPTO_UNFIT_KEY},
	{"rsa-1024.pem", RSA_OAEP, CRYPTO_UNFIT_KEY},
	{"rsa-2047.pem", RSA_OAEP, CRYPTO_UNFIT_KEY},
	{"rsa-8192.pem", RSA_OAEP, CRYPTO_UNFIT_KEY},
	{"rsa-pss.pem", RSA_OAEP, CRYPTO_UNFIT_KEY},
	{"p384.pem", P256, CRYPTO_UNFIT_KEY},
	{"secp256k1.pem", P256, CRYPTO_UNFIT_KEY},
	{"x448.pem", X25519, CRYPTO_UNFIT_KEY},
	{"ed25519.pem", X25519, CRYPTO_UNFIT_KEY},

	{"encrypted-x25519.pem", X25519, CRYPTO_NO_KEY},
	{"encrypted-p256.pem", P256, CRYPTO_NO_KEY},
	{"encrypted-rsa.pem", RSA_OAEP, CRYPTO_NO_KEY},
	{"encrypted-rsa-traditional.pem", RSA_OAEP, CRYPTO_NO_KEY},
	{"public-x25519.pem", X25519, CRYPTO_NO_KEY},
	{"public-p256.pem", P256, CRYPTO_NO_KEY},
	{"public-rsa.pem", RSA_OAEP, CRYPTO_NO_KEY},
	{"certificate.pem", P256, CRYPTO_NO_KEY},
	{"empty.pem", X25519, CRYPTO_NO_KEY},
	{"garbage.pem", X25519, CRYPTO_NO_KEY},
	{"garbage-in-armour.pem", X25519, CRYPTO_NO_KEY},
	{"half.pem", RSA_OAEP, CRYPTO_NO_KEY},
	{"missing.pem", X25519, CRYPTO_NO_KEY},
	{".", X25519, CRYPTO_NO_KEY},
};

static void
test_key_files(void)
{
	static const char *const names[] = {
		[CRYPTO_OK] = "is loaded", [CRYPTO_UNFIT_KEY] = "is unfit", [CRYPTO_NO_KEY] = "has no key"};

	for (size_t i = 0; i < sizeof(key_files) / sizeof(key_files[0]); i++)
	{
		const char *scheme = card_attribute_scheme_name(key_files[i].scheme);
		CryptoKey *key;
		CryptoStatus status = load(keys, key_files[i].file, key_files[i].scheme, &key);

		ok(status == key_files[i].status && (key != NULL) == (status == CRYPTO_OK) && ERR_peek_error() == 0,
		   "%s %s for %s", key_files[i].file, names[key_files[i].status], scheme == NULL ? "no scheme" : scheme);
		crypto_free_key(key);
	}
}

static void
read_der(const char *file, uint8_t *der, size_t *len)
{
	char path[512];
	FILE *stream;

	snprintf(path, sizeof(path), "%s/%s", keys, file);
	stream = fopen(path, "rb");
	if (stream == NULL)
		bail_out("cannot be read", path);
	*len = fread(der, 1, CRYPTO_MAX_PUBLIC_KEY, stream);
	fclose(stream);
}

static CryptoStatus
encrypt_to(CardAttributeScheme scheme, const uint8_t *der, size_t der_len)
{
	Bytes message;

	return crypto_encrypt(scheme, der, der_len, (const uint8_t *) card, strlen(card), message.data, &message.len);
}

/* A public key that was cut is no key at all. */
static bool
every_cut_unfit(const CryptoKey *key, const uint8_t *der, size_t der_len)
{
	bool unfit = true;

	for (size_t len = 0; len < der_len; len++)
	{
		uint8_t *exact = exact_copy(der, len);

		unfit = unfit && encrypt_to(key->scheme, exact, len) == CRYPTO_UNFIT_KEY &&
			!crypto_key_is(key, exact, len);
		free(exact);
	}
	return unfit;
}

/* The public key is, to the byte, what the openssl command makes of the file. */
static void
test_public_key(const char *file, const char *der_file, CardAttributeScheme scheme)
{
	CryptoKey *key = must_load(keys, file, scheme);
	uint8_t *der = malloc(CRYPTO_MAX_PUBLIC_KEY);
	uint8_t expected[CRYPTO_MAX_PUBLIC_KEY];
	size_t der_len;
	size_t expected_len;
	bool unfit;

	read_der(der_file, expected, &expected_len);
	ok(crypto_public_key(key, der, &der_len) == CRYPTO_OK && der_len == expected_len &&
		   memcmp(der, expected, der_len) == 0 && crypto_key_is(key, der, der_len) && ERR_peek_error() == 0,
	   "the public key of %s", file);
	unfit = every_cut_unfit(key, der, der_len);
	for (int other = 0; other <= 3; other++)
		unfit = unfit && (other == (int) scheme || encrypt_to((CardAttributeScheme) other, der, der_len) == CRYPTO_UNFIT_KEY);
	ok(unfit && ERR_peek_error() == 0, "the public key of %s, cut or for another scheme, is unfit", file);

	read_der("other.der", expected, &expected_len);
	ok(!crypto_key_is(key, expected, expected_len) && ERR_peek_error() == 0, "%s is not the key of another public one", file);
	free(der);
	crypto_free_key(key);
}

/*
 * The rest
 */

static void
test_helpers(void)
{
	static const uint8_t abc[CRYPTO_SHA256_SIZE] = {
		0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
		0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
	uint8_t one[32] = {0};
	uint8_t two[32] = {0};

	ok(crypto_sha256("abc", 3, one) && memcmp(one, abc, sizeof(abc)) == 0, "SHA-256, FIPS 180-2, appendix B.1");
	ok(crypto_random(one, 32) && crypto_random(two, 32) && !crypto_equal(one, two, 32), "random bytes differ");
	memcpy(two, one, 32);
	ok(crypto_equal(one, two, 32) && (two[31] ^= 1, !crypto_equal(one, two, 32)), "bytes are compared");
	crypto_wipe(one, 32);
	memset(two, 0, 32);
	ok(memcmp(one, two, 32) == 0, "bytes are wiped");
	crypto_free_key(NULL);
}

int
main(int argc, char **argv)
{
	if (argc != 3)
		bail_out("takes the directories of the vectors and of the keys", argv[0]);
	vectors = argv[1];
	keys = argv[2];
	setvbuf(stdout, NULL, _IOLBF, 0);

	for_each_record("ecies.txt", test_ecies);
	for_each_record("rsa-oaep.txt", test_oaep);
	for_each_record("points.txt", test_point);
	test_messages(vectors, "profile-a.pem", X25519);
	test_messages(vectors, "profile-b.pem", P256);
	test_messages(vectors, "rsa-2048.pem", RSA_OAEP);
	test_messages(keys, "rsa-3072.pem", RSA_OAEP);
	test_messages(keys, "rsa-4096.pem", RSA_OAEP);
	test_together();
	test_error_queue();
	for_each_record("ecies.txt", test_traces);
	test_key_files();
	test_public_key("x25519.pem", "x25519.der", X25519);
	test_public_key("p256.pem", "p256.der", P256);
	test_public_key("rsa-4096.pem", "rsa-4096.der", RSA_OAEP);
	test_helpers();
	printf("1..%d\n", tests);
	return failures > 0;
}
