/*
 * What sealed files promise, for keys of both kinds on both sides: opened as
 * sealed; no bit of one changed, no place cut, and nothing added, without that
 * being seen.  core/cms.c is included, so that what is inside can be changed, too.
 *
 * Takes a directory with keys and certificates, as test/vectors/keys makes it, in
 * which it also finds what the command openssl sealed.  Prints TAP.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../src/core/cms.c"

#define MAX_PAYLOAD 100000

static const char *directory;
static int number;
static int failures;

typedef struct Party
{
	CmsOwn own;
	char key_uri[512];
	uint8_t der[CMS_MAX_CERTIFICATE];
} Party;

/* A sealed file, and what came of opening one */
static char file[2 * MAX_PAYLOAD + 100000];
static size_t file_len;
static uint8_t opened[sizeof(file)];
static size_t opened_len;
static size_t opened_sender;

static void __attribute__((format(printf, 2, 3)))
ok(bool good, const char *format, ...)
{
	va_list arguments;

	printf("%sok %d - ", good ? "" : "not ", ++number);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
	failures += !good;
}

static size_t
read_file(const char *name, const char *suffix, char *text, size_t size)
{
	char path[512];
	FILE *stream;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s%s", directory, name, suffix);
	stream = fopen(path, "rb");
	if (stream == NULL)
	{
		printf("Bail out!  %s cannot be read\n", path);
		exit(2);
	}
	len = fread(text, 1, size, stream);
	fclose(stream);
	return len;
}

static CmsStatus
read_certificate_as(const char *name, Party *party)
{
	char pem[4 * CMS_MAX_CERTIFICATE];
	size_t len = read_file(name, ".crt", pem, sizeof(pem));
	int64_t from;
	int64_t until;

	party->own.certificate.data = party->der;
	snprintf(party->key_uri, sizeof(party->key_uri), "%s/%s.pem", directory, name);
	party->own.key_uri = party->key_uri;
	return cms_read_certificate(pem, len, party->der, &party->own.certificate.len, &from, &until);
}

static Party *
new_party(const char *name)
{
	Party *party = calloc(1, sizeof(Party));

	if (read_certificate_as(name, party) != CMS_FILE_OK || cms_check_key(&party->own) != CMS_FILE_OK)
	{
		printf("Bail out!  %s is no certificate with its key\n", name);
		exit(2);
	}
	return party;
}

/* Open exactly so much memory, so that reading on is seen. */
static CmsStatus
open_as(const char *text, size_t len, const Party *recipient, const Party *sender)
{
	char *copy = malloc(len > 0 ? len : 1);
	uint8_t *payload = malloc(len > 0 ? len : 1);
	CmsStatus status;
	size_t found;

	memcpy(copy, text, len);
	status = cms_find_recipient(copy, len, &recipient->own.certificate, 1, &found);
	if (status == CMS_FILE_OK)
		status = cms_open(copy, len, &recipient->own, &sender->own.certificate, 1, payload, &opened_len, &opened_sender);
	if (status == CMS_FILE_OK)
		memcpy(opened, payload, opened_len);
	free(payload);
	free(copy);
	if (ERR_peek_error() != 0)
		ok(false, "the error queue is empty");
	return status;
}

static void
seal(const uint8_t *payload, size_t len, const Party *sender, const Party *recipient)
{
	char *buffer = malloc(cms_sealed_size(len));
	CmsStatus status = cms_seal((CmsBytes){payload, len}, &sender->own, recipient->own.certificate, buffer, &file_len);

	if (status != CMS_FILE_OK)
	{
		printf("Bail out!  cannot seal: %d\n", (int) status);
		exit(2);
	}
	memcpy(file, buffer, file_len);
	free(buffer);
}

static bool
is_opened(const uint8_t *payload, size_t len)
{
	return opened_len == len && memcmp(opened, payload, len) == 0 && opened_sender == 0;
}

static void
check_sizes(const Party *sender, const Party *recipient, const char *what)
{
	static const size_t sizes[] = {0, 1, 15, 16, 17, 47, 48, 49, 1000, 65535, MAX_PAYLOAD};
	static uint8_t payload[MAX_PAYLOAD];
	bool all = true;

	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t) (i * 7 + i / 256);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		seal(payload, sizes[i], sender, recipient);
		all = all && open_as(file, file_len, recipient, sender) == CMS_FILE_OK && is_opened(payload, sizes[i]);
	}
	ok(all, "%s: opened as sealed, of any length", what);
}

/* Change each byte of the envelope in one bit, by turns; and each of the text. */
static void
check_changes(const Party *sender, const Party *recipient, const char *what)
{
	static const uint8_t payload[] = "a sealed document";
	static char changed[sizeof(file)];
	uint8_t *der;
	size_t der_len;
	unsigned taken = 0;
	unsigned seen[CMS_STATUS_COUNT] = {0};

	seal(payload, sizeof(payload), sender, recipient);
	read_armour(file, file_len, &der, &der_len);
	for (size_t i = 0; i < der_len; i++)
	{
		CmsStatus status;

		der[i] ^= (uint8_t) (1 << (i + file_len) % 8);
		status = open_as(changed, write_armour(der, der_len, changed), recipient, sender);
		der[i] ^= (uint8_t) (1 << (i + file_len) % 8);
		seen[status]++;
		taken += status == CMS_FILE_OK;
		if (status == CMS_FILE_OK)
			printf("# byte %zu of %zu\n", i, der_len);
	}
	ok(taken == 0, "%s: a bit changed in any byte of %zu is seen", what, der_len);
	ok(seen[CMS_FAULT] + seen[CMS_NO_CERTIFICATE] + seen[CMS_NO_KEY] == 0, "%s: as what it is, a fault of the file", what);

	taken = 0;
	for (size_t i = 0; i < file_len; i++)
	{
		memcpy(changed, file, file_len);
		changed[i] = changed[i] == 'A' ? 'B' : 'A';
		if (i % 31 == 0)
			taken += open_as(changed, file_len, recipient, sender) == CMS_FILE_OK;
		memmove(changed + i, file + i + 1, file_len - i - 1);
		taken += open_as(changed, file_len - 1, recipient, sender) == CMS_FILE_OK;
		taken += open_as(file, i, recipient, sender) == CMS_FILE_OK;
	}
	ok(taken == 0, "%s: characters changed, and any left out, or cut off with what follows", what);
	taken = 0;
	for (unsigned c = 0; c < 256; c++)
	{
		memcpy(changed, file, file_len);
		changed[file_len] = (char) c;
		taken += open_as(changed, file_len + 1, recipient, sender) == CMS_FILE_OK;
		changed[0] = (char) c;
		memcpy(changed + 1, file, file_len);
		taken += open_as(changed, file_len + 1, recipient, sender) == CMS_FILE_OK;
	}
	ok(taken == 0, "%s: any byte before or after", what);
	OPENSSL_free(der);
}

/* What is inside, changed: only who has the recipient's certificate could. */
static void
check_inside(const Party *sender, const Party *recipient, const char *what)
{
	static const uint8_t payload[] = "a sealed document";
	EVP_PKEY *key;
	X509 *certificate;
	BIO *signed_data = new_secret_buffer();
	const uint8_t *at;
	uint8_t *der;
	size_t der_len;
	unsigned other = 0;

	crypto_begin();
	load_own(&sender->own, &certificate, &key);
	sign_payload((CmsBytes){payload, sizeof(payload)}, certificate, key, signed_data);
	der_len = buffer_contents(signed_data, &at);
	der = malloc(der_len);
	memcpy(der, at, der_len);
	for (size_t i = 0; i < 8 * der_len; i += 37)
	{
		CmsStatus status;

		der[i / 8] ^= (uint8_t) (1 << i % 8);
		status = open_signed_data(der, der_len, &sender->own.certificate, 1, opened, &opened_len, &opened_sender);
		der[i / 8] ^= (uint8_t) (1 << i % 8);
		other += status == CMS_FAULT || (status == CMS_FILE_OK && !is_opened(payload, sizeof(payload)));
	}
	ok(other == 0, "%s: no other payload comes of a change inside", what);
	ERR_clear_error();
	free(der);
	BIO_free(signed_data);
	EVP_PKEY_free(key);
	X509_free(certificate);
}

/* DER that is written from its end on, which begins at start */
typedef struct Writer
{
	uint8_t *start;
	uint8_t *limit;
} Writer;

static void
put(Writer *writer, const void *bytes, size_t count)
{
	writer->start -= count;
	memcpy(writer->start, bytes, count);
}

#define PUT(bytes) put(&writer, bytes, sizeof(bytes) - 1)

/* What was written since then becomes an element with this identifier. */
static void
wrap(Writer *writer, uint8_t identifier, const uint8_t *since)
{
	size_t len = (size_t) (since - writer->start);
	size_t octets = len < 0x80 ? 0 : len < 0x100 ? 1
		: len < 0x10000							 ? 2
												 : 3;
	uint8_t head[5] = {identifier, (uint8_t) (octets == 0 ? len : 0x80 + octets)};

	for (size_t i = 0; i < octets; i++)
		head[2 + i] = (uint8_t) (len >> 8 * (octets - 1 - i));
	put(writer, head, 2 + octets);
}

#define OID_DATA "\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x01"
#define OID_SIGNED "\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x02"
#define OID_ENVELOPED "\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x03"
#define SHA256 "\x30\x0B\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01"
#define RSA "\x30\x0D\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01\x05\x00"

static void
put_name_of(Writer *writer, X509 *certificate)
{
	const uint8_t *since = writer->start;
	unsigned char *serial = NULL;
	int serial_len = i2d_ASN1_INTEGER(X509_get0_serialNumber(certificate), &serial);
	const unsigned char *name;
	size_t name_len;

	X509_NAME_get0_der(X509_get_issuer_name(certificate), &name, &name_len);
	put(writer, serial, (size_t) serial_len);
	put(writer, name, name_len);
	wrap(writer, 0x30, since);
	OPENSSL_free(serial);
}

/* The ContentInfo of what was written */
static void
finish_content(Writer *writer, const char *type, size_t type_len)
{
	wrap(writer, 0x30, writer->limit);
	wrap(writer, 0xA0, writer->limit);
	put(writer, type, type_len);
	wrap(writer, 0x30, writer->limit);
}

/*
 * A SignedData with so many digest algorithms, of which one would be: it needs no
 * key, who knows the two certificates can make it.
 */
static CmsStatus
open_many_digests(const Party *sender, size_t count)
{
	size_t size = 14 * count + 10000;
	uint8_t *memory = malloc(size);
	Writer writer = {memory + size, memory + size};
	X509 *certificate = parse_certificate(sender->own.certificate);
	static const uint8_t signature[256];
	const uint8_t *since;
	CmsStatus status;

	put(&writer, signature, sizeof(signature));
	wrap(&writer, 0x04, writer.limit);
	PUT(RSA);
	PUT(SHA256);
	put_name_of(&writer, certificate);
	PUT("\x02\x01\x01");
	wrap(&writer, 0x30, writer.limit);
	wrap(&writer, 0x31, writer.limit);
	since = writer.start;
	PUT(OID_DATA "\xA0\x03\x04\x01{");
	wrap(&writer, 0x30, since);
	since = writer.start;
	for (size_t i = 0; i < count; i++)
		PUT(SHA256);
	wrap(&writer, 0x31, since);
	PUT("\x02\x01\x01");
	finish_content(&writer, OID_SIGNED, sizeof(OID_SIGNED) - 1);

	status = end(open_signed_data(writer.start, (size_t) (writer.limit - writer.start), &sender->own.certificate, 1,
								  opened, &opened_len, &opened_sender));
	X509_free(certificate);
	free(memory);
	return status;
}

/* An envelope with so many small certificates of its originator */
static CmsStatus
find_many_certificates(const Party *recipient, size_t count)
{
	/* no names, algorithm 1.2, key and signature empty */
	static const char small[] = "\x30\x40\x30\x36\x02\x01\x01\x30\x03\x06\x01\x2A\x30\x00"
								"\x30\x1E\x17\x0D"
								"000101000000Z"
								"\x17\x0D"
								"000101000000Z"
								"\x30\x00\x30\x08\x30\x03\x06\x01\x2A\x03\x01\x00"
								"\x30\x03\x06\x01\x2A\x03\x01\x00";
	size_t size = sizeof(small) * count + 10000;
	uint8_t *memory = malloc(size);
	char *text = malloc(2 * size);
	Writer writer = {memory + size, memory + size};
	X509 *certificate = parse_certificate(recipient->own.certificate);
	const uint8_t *since;
	CmsStatus status;
	size_t found;

	PUT("\x80\x01\x00");
	since = writer.start;
	PUT(AES_256_CBC "\x04\x10"
					"0123456789ABCDEF");
	wrap(&writer, 0x30, since);
	PUT(OID_DATA);
	wrap(&writer, 0x30, writer.limit);
	since = writer.start;
	PUT("\x04\x01\x00");
	PUT(RSA);
	put_name_of(&writer, certificate);
	PUT("\x02\x01\x00");
	wrap(&writer, 0x30, since);
	wrap(&writer, 0x31, since);
	since = writer.start;
	for (size_t i = 0; i < count; i++)
		PUT(small);
	wrap(&writer, 0xA0, since);
	wrap(&writer, 0xA0, since);
	PUT("\x02\x01\x00");
	finish_content(&writer, OID_ENVELOPED, sizeof(OID_ENVELOPED) - 1);

	status = cms_find_recipient(text, write_armour(writer.start, (size_t) (writer.limit - writer.start), text),
								&recipient->own.certificate, 1, &found);
	X509_free(certificate);
	free(text);
	free(memory);
	return status;
}

/*
 * What would take the library minutes, or more stack than there is.  The same
 * with less in it shows that nothing else is wrong with these.
 */
static void
check_many(const Party *party)
{
	crypto_begin();
	ok(open_many_digests(party, 1) == CMS_FILE_SIGNATURE, "one digest: no good signature");
	ok(open_many_digests(party, 0) == CMS_FILE_UNSIGNED, "no digest");
	ok(open_many_digests(party, 2) == CMS_FILE_UNSIGNED, "two digests");
	ok(open_many_digests(party, 1000) == CMS_FILE_UNSIGNED, "a thousand digests");
	ok(open_many_digests(party, 1000000) == CMS_FILE_UNDECRYPTABLE, "a million digests");
	ok(find_many_certificates(party, 1) == CMS_FILE_WRAPPING, "a certificate in the envelope: other faults count");
	ok(find_many_certificates(party, 200000) == CMS_FILE_ENCODING, "many: are not read");
}

/* Lines as no armour has them, and what a partner may add to his signature */
static void
check_additions(const Party *party)
{
	static const uint8_t payload[] = "a sealed document";
	EVP_PKEY *key;
	X509 *certificate;
	BIO *signed_data = new_secret_buffer();
	const uint8_t *at;
	size_t len;
	CMS_ContentInfo *cms;
	uint8_t *der = NULL;
	char *second;

	seal(payload, sizeof(payload), party, party);
	second = strchr(file, '\n') + 1;
	memmove(second, second + 4, file_len - (size_t) (second + 4 - file));
	ok(open_as(file, file_len - 4, party, party) == CMS_FILE_ARMOUR, "a line that is short");
	seal(payload, sizeof(payload), party, party);
	ok(cms_open(file, file_len, &party->own, NULL, 0, opened, &opened_len, &opened_sender) == CMS_FILE_SIGNER, "no sender is known");

	crypto_begin();
	load_own(&party->own, &certificate, &key);
	sign_payload((CmsBytes){payload, sizeof(payload)}, certificate, key, signed_data);
	len = buffer_contents(signed_data, &at);
	cms = parse_cms(at, len);
	CMS_unsigned_add1_attr_by_txt(sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms), 0), "1.2.3.4", V_ASN1_OCTET_STRING, "x", 1);
	len = (size_t) i2d_CMS_ContentInfo(cms, &der);
	ok(end(open_signed_data(der, len, &party->own.certificate, 1, opened, &opened_len, &opened_sender)) == CMS_FILE_UNSIGNED, "an unsigned attribute");
	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);
	BIO_free(signed_data);
	EVP_PKEY_free(key);
	X509_free(certificate);
}

/* A registry that somebody wrote to, and key files that are none */
static void
check_registry(const Party *const *parties)
{
	static uint8_t der[CMS_MAX_CERTIFICATE + 1];
	static const char rsa[] = "\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01";
	CmsOwn own = {.certificate = {der, 0}, .key_uri = parties[0]->own.key_uri};
	size_t len = parties[0]->own.certificate.len;
	size_t lengths[] = {0, len - 1, len + 1, sizeof(der)};
	uint8_t *algorithm = der;
	size_t found;

	memcpy(der, parties[0]->own.certificate.data, len);
	seal((const uint8_t *) "x", 1, parties[0], parties[1]);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
	{
		own.certificate.len = lengths[i];
		ok(cms_check_key(&own) == CMS_NO_CERTIFICATE && cms_find_recipient(file, file_len, &own.certificate, 1, &found) == CMS_FILE_RECIPIENT,
		   "%zu bytes of a certificate of %zu", lengths[i], len);
	}
	own.certificate.len = len;
	ok(cms_check_key(&own) == CMS_FILE_OK, "all of it");
	while (memcmp(algorithm, rsa, sizeof(rsa) - 1) != 0)
		algorithm++;
	algorithm[sizeof(rsa) - 2] = 0x7F;
	ok(cms_check_key(&own) == CMS_UNFIT_CERTIFICATE, "a key of an unknown algorithm");

	own = parties[0]->own;
	own.key_uri = "/nowhere";
	ok(cms_check_key(&own) == CMS_NO_KEY, "a key file that is not there");
	ok(cms_open(file, file_len, &parties[0]->own, NULL, 0, opened, &opened_len, &opened_sender) == CMS_FILE_RECIPIENT, "opened with another's key");
	ok(cms_seal((CmsBytes){der, CMS_MAX_FILE}, &parties[0]->own, parties[1]->own.certificate, file, &file_len) == CMS_FILE_TOO_LONG, "too much to seal");
}

/* Files that the command openssl sealed, and what comes of them */
static void
check_openssl(const Party *const *parties)
{
	static const struct
	{
		const char *name;
		CmsStatus status;
		unsigned sender;
		unsigned recipient;
	} files[] = {
		{"good-0-0", CMS_FILE_OK, 0, 0},
		{"good-0-1", CMS_FILE_OK, 0, 1},
		{"good-1-0", CMS_FILE_OK, 1, 0},
		{"good-1-1", CMS_FILE_OK, 1, 1},
		{"pss", CMS_FILE_OK, 0, 1},
		{"sha512", CMS_FILE_OK, 0, 1},
		{"without-certificate", CMS_FILE_OK, 0, 1},
		{"without-attributes", CMS_FILE_OK, 0, 1},
		{"pkcs1", CMS_FILE_WRAPPING, 0, 0},
		{"oaep-sha1", CMS_FILE_WRAPPING, 0, 0},
		{"kdf-sha1", CMS_FILE_WRAPPING, 0, 1},
		{"aes128", CMS_FILE_WRAPPING, 0, 1},
		{"aes128-rsa", CMS_FILE_KIND, 0, 0},
		{"triple-des", CMS_FILE_KIND, 0, 0},
		{"gcm", CMS_FILE_KIND, 0, 0},
		{"stream", CMS_FILE_ENCODING, 0, 0},
		{"key-id", CMS_FILE_KIND, 0, 0},
		{"two-recipients", CMS_FILE_RECIPIENT, 0, 0},
		{"secret-key", CMS_FILE_WRAPPING, 0, 0},
		{"password", CMS_FILE_WRAPPING, 0, 0},
		{"only-signed", CMS_FILE_KIND, 0, 0},
		{"only-encrypted", CMS_FILE_UNDECRYPTABLE, 0, 0},
		{"encrypted-twice", CMS_FILE_UNDECRYPTABLE, 0, 0},
		{"detached", CMS_FILE_UNSIGNED, 0, 0},
		{"two-signers", CMS_FILE_UNSIGNED, 0, 0},
		{"other-type", CMS_FILE_UNSIGNED, 0, 0},
		{"sha1", CMS_FILE_WEAK, 0, 0},
		{"signer-key-id", CMS_FILE_SIGNER, 0, 0},
		{"other-signer", CMS_FILE_SIGNER, 0, 0},
		{"same-name", CMS_FILE_SIGNATURE, 0, 0},
		{"other-certificate", CMS_FILE_SIGNATURE, 0, 0},
	};
	static const char document[] = "a document\r\n";

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
	{
		size_t len = read_file(files[i].name, ".cms", file, sizeof(file));
		CmsStatus status = open_as(file, len, parties[files[i].recipient], parties[files[i].sender]);

		ok(status == files[i].status && (status != CMS_FILE_OK || is_opened((const uint8_t *) document, strlen(document))),
		   "by the command openssl: %s (%d)", files[i].name, (int) status);
	}
}

static void
check_certificates(void)
{
	static const struct
	{
		const char *name;
		CmsStatus status;
	} certificates[] = {
		{"usage-all", CMS_FILE_OK},
		{"usage-sign", CMS_UNFIT_CERTIFICATE},
		{"usage-encrypt", CMS_UNFIT_CERTIFICATE},
		{"rsa-1024", CMS_UNFIT_CERTIFICATE},
		{"p384", CMS_UNFIT_CERTIFICATE},
		{"ed25519", CMS_UNFIT_CERTIFICATE},
		{"long", CMS_NO_CERTIFICATE},
		{"passphrase", CMS_NO_CERTIFICATE},
		{"and-half", CMS_NO_CERTIFICATE},
		{"and-text", CMS_FILE_OK},
	};

	for (size_t i = 0; i < sizeof(certificates) / sizeof(certificates[0]); i++)
	{
		Party party;
		CmsStatus status = read_certificate_as(certificates[i].name, &party);

		ok(status == certificates[i].status, "certificate: %s (%d)", certificates[i].name, (int) status);
	}
}

int
main(int argc, char **argv)
{
	static const char *const kinds[] = {"RSA", "P-256"};
	const Party *parties[2];

	if (argc != 2)
		return 2;
	directory = argv[1];
	parties[0] = new_party("party-0");
	parties[1] = new_party("party-1");
	for (unsigned from = 0; from < 2; from++)
	{
		for (unsigned to = 0; to < 2; to++)
		{
			char what[40];

			snprintf(what, sizeof(what), "%s to %s", kinds[from], kinds[to]);
			check_sizes(parties[from], parties[to], what);
			check_changes(parties[from], parties[to], what);
			check_inside(parties[from], parties[to], what);
			ok(open_as(file, file_len, parties[1 - to], parties[from]) == CMS_FILE_RECIPIENT, "%s: not for us", what);
			ok(open_as(file, file_len, parties[to], parties[1 - from]) == CMS_FILE_SIGNER, "%s: another sender", what);
		}
	}
	check_many(parties[0]);
	check_additions(parties[0]);
	check_registry(parties);
	check_openssl(parties);
	check_certificates();
	free((void *) parties[0]);
	free((void *) parties[1]);
	printf("1..%d\n", number);
	return failures > 0;
}
