/*-------------------------------------------------------------------------
 *
 * cms.c
 *	  Sealed files: signed by the sender, encrypted for the recipient
 *
 * A sealed file is CMS (RFC 5652) in PEM armour, as the command "openssl cms"
 * makes and opens it: EnvelopedData with AES-256 in CBC mode, in it SignedData
 * of one signer with SHA-2, in that the payload.  The key of the envelope is
 * encrypted
 *
 *	RSA		by RSAES-OAEP with SHA-256 for hash and MGF1
 *	P-256	by AES-256 key wrap, under a key agreed on by ephemeral-static
 *			Diffie-Hellman with the KDF of X9.63 and SHA-256
 *
 * and by nothing else: where PKCS #1 v1.5 is not taken, nobody can learn from
 * our answers what its padding hides (Bleichenbacher).  CBC has a padding, too;
 * what is wrong with it cannot be told from anything else that keeps a
 * well-formed SignedData from coming out, and what is in that is signed.
 *
 * There is one text for one file: Unix line ends, full lines, DER, nothing
 * before or after.  A sender is who has the private key of exactly the
 * certificate that is expected.  Chains, names and times of certificates do not
 * matter here: who registers one has looked at them.
 *
 * As in crypto.c nothing here raises, the caller has the buffers, and the error
 * queue is left empty.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "cms.h"
#include "library.h"

#define FIRST_LINE "-----BEGIN CMS-----\n"
#define LAST_LINE "-----END CMS-----\n"
#define LINE_WIDTH 64 /* characters of base64, without the line end */
#define LINE_BYTES (LINE_WIDTH / 4 * 3)

/* Whatever is in a sealed file beside the payload: certificate and names */
#define MAX_OVERHEAD (3 * CMS_MAX_CERTIFICATE + 4096)

/* End an operation; what went wrong in detail is nobody's business. */
static CmsStatus
end(CmsStatus status)
{
	ERR_clear_error();
	return status;
}

/*
 * The armour
 */

/* Lines of base64 between the first and the last line; NULL: only the length */
static size_t
write_armour(const uint8_t *der, size_t der_len, char *file)
{
	size_t lines = (der_len + LINE_BYTES - 1) / LINE_BYTES;
	size_t len = strlen(FIRST_LINE) + (der_len + 2) / 3 * 4 + lines + strlen(LAST_LINE);
	unsigned char line[LINE_WIDTH + 1];
	char *to = file;

	if (file == NULL)
		return len;
	memcpy(to, FIRST_LINE, strlen(FIRST_LINE));
	to += strlen(FIRST_LINE);
	for (size_t i = 0; i < der_len; i += LINE_BYTES)
	{
		size_t part = der_len - i < LINE_BYTES ? der_len - i : LINE_BYTES;
		int width = EVP_EncodeBlock(line, der + i, (int) part);

		memcpy(to, line, (size_t) width);
		to += width;
		*to++ = '\n';
	}
	memcpy(to, LAST_LINE, strlen(LAST_LINE));
	return len;
}

static const char *
find(const char *text, size_t len, const char *word)
{
	size_t word_len = strlen(word);

	for (const char *at = text; len - (size_t) (at - text) >= word_len; at++)
	{
		at = memchr(at, word[0], len - (size_t) (at - text) - word_len + 1);
		if (at == NULL)
			return NULL;
		if (memcmp(at, word, word_len) == 0)
			return at;
	}
	return NULL;
}

static bool
begins_with(const char *text, size_t len, const char *word)
{
	return len >= strlen(word) && memcmp(text, word, strlen(word)) == 0;
}

/* Where the lines of base64 are, and what is wrong with what is around them. */
static CmsStatus
find_body(const char *file, size_t len, const char **body, size_t *body_len)
{
	const char *last;
	size_t rest;

	if (len > CMS_MAX_FILE)
		return CMS_FILE_TOO_LONG;
	if (begins_with(file, len, "\xEF\xBB\xBF"))
		return CMS_FILE_BOM;
	if (len > 0 && memchr(file, '\r', len) != NULL)
		return CMS_FILE_CR;
	if (!begins_with(file, len, FIRST_LINE))
		return len < strlen(FIRST_LINE) && memcmp(file, FIRST_LINE, len) == 0 ? CMS_FILE_CUT : CMS_FILE_BEFORE;
	*body = file + strlen(FIRST_LINE);
	rest = len - strlen(FIRST_LINE);
	if (find(*body, rest, FIRST_LINE) != NULL)
		return CMS_FILE_DOUBLED;
	last = find(*body, rest, LAST_LINE);
	if (last == NULL)
		return CMS_FILE_CUT;
	*body_len = (size_t) (last - *body);
	return rest == *body_len + strlen(LAST_LINE) ? CMS_FILE_OK : CMS_FILE_AFTER;
}

/*
 * The bytes of lines of base64 as write_armour writes them, all full but the
 * last; false if they are not.
 */
static bool
read_lines(const char *body, size_t body_len, uint8_t *der, size_t *der_len)
{
	*der_len = 0;
	while (body_len > 0)
	{
		const char *line_end = memchr(body, '\n', body_len);
		size_t width = line_end == NULL ? 0 : (size_t) (line_end - body);
		bool is_last = width + 1 == body_len;
		size_t count = width / 4 * 3;
		uint8_t bytes[LINE_BYTES];
		unsigned char again[LINE_WIDTH + 1];

		if (width == 0 || width % 4 != 0 || width > LINE_WIDTH ||
			EVP_DecodeBlock(bytes, (const unsigned char *) body, (int) width) != (int) count)
			return false;
		for (size_t i = 1; i <= 2 && body[width - i] == '='; i++)
			count--;
		if ((count < LINE_BYTES && !is_last) ||
			EVP_EncodeBlock(again, bytes, (int) count) != (int) width || memcmp(again, body, width) != 0)
			return false;
		memcpy(der + *der_len, bytes, count);
		*der_len += count;
		body += width + 1;
		body_len -= width + 1;
	}
	return true;
}

/*
 * The DER in a file, which is then exactly the text that write_armour would
 * make of it.  The caller frees it.
 */
static CmsStatus
read_armour(const char *file, size_t len, uint8_t **der, size_t *der_len)
{
	const char *body;
	size_t body_len;
	CmsStatus status = find_body(file, len, &body, &body_len);

	*der = NULL;
	if (status != CMS_FILE_OK)
		return status;
	*der = OPENSSL_malloc(body_len + 1);
	if (*der == NULL)
		return CMS_FAULT;
	if (read_lines(body, body_len, *der, der_len))
		return CMS_FILE_OK;
	OPENSSL_free(*der);
	*der = NULL;
	return CMS_FILE_ARMOUR;
}

/*
 * Certificates and keys
 */

static X509 *
parse_certificate(CmsBytes der)
{
	const unsigned char *at = der.data;
	X509 *certificate = X509_new_ex(crypto_library(), NULL);

	if (certificate == NULL || der.len > CMS_MAX_CERTIFICATE)
	{
		X509_free(certificate);
		return NULL;
	}
	if (d2i_X509(&certificate, &at, (long) der.len) == NULL)
		return NULL; /* it is free */
	if (at != der.data + der.len)
	{
		X509_free(certificate);
		return NULL;
	}
	return certificate;
}

/* Can it sign, and can be encrypted for it? */
static bool
is_fit(X509 *certificate)
{
	EVP_PKEY *key = X509_get0_pubkey(certificate);
	uint32_t needed = KU_DIGITAL_SIGNATURE;

	if (key == NULL)
		return false;
	if (crypto_fits_scheme(key, CARD_ATTRIBUTE_RSA_OAEP_SHA256))
		needed |= KU_KEY_ENCIPHERMENT;
	else if (crypto_fits_scheme(key, CARD_ATTRIBUTE_ECIES_P256))
		needed |= KU_KEY_AGREEMENT;
	else
		return false;
	/* A certificate that does not state its usage is for all. */
	return (X509_get_key_usage(certificate) & needed) == needed;
}

/* A certificate of the registry, which was fit when it was registered. */
static CmsStatus
load_certificate(CmsBytes der, X509 **certificate)
{
	*certificate = parse_certificate(der);
	if (*certificate == NULL)
		return CMS_NO_CERTIFICATE;
	return is_fit(*certificate) ? CMS_FILE_OK : CMS_UNFIT_CERTIFICATE;
}

static CmsStatus
load_own(const CmsOwn *own, X509 **certificate, EVP_PKEY **key)
{
	CmsStatus status = load_certificate(own->certificate, certificate);

	*key = NULL;
	if (status != CMS_FILE_OK)
		return status;
	*key = crypto_read_private_key(own->key_uri);
	if (*key == NULL)
		return CMS_NO_KEY;
	return X509_check_private_key(*certificate, *key) == 1 ? CMS_FILE_OK : CMS_OTHER_KEY;
}

/* Is this the private key of the certificate, and can both be used? */
CmsStatus
cms_check_key(const CmsOwn *own)
{
	X509 *certificate = NULL;
	EVP_PKEY *key = NULL;
	CmsStatus status = crypto_begin() ? load_own(own, &certificate, &key) : CMS_FAULT;

	EVP_PKEY_free(key);
	X509_free(certificate);
	return end(status);
}

/* Seconds from the epoch of Unix */
static bool
read_time(const ASN1_TIME *time, int64_t *seconds)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days;
	int rest;
	bool read = epoch != NULL && ASN1_TIME_diff(&days, &rest, epoch, time) == 1;

	ASN1_TIME_free(epoch);
	if (read)
		*seconds = (int64_t) days * 86400 + rest;
	return read;
}

/* PEM may be under a passphrase: nobody is there to be asked for it. */
static int
refuse_passphrase(char *passphrase, int size, int for_writing, void *data)
{
	return -1;
}

/*
 * The one certificate in a PEM text, as DER in a buffer of CMS_MAX_CERTIFICATE
 * bytes, and its times.
 */
CmsStatus
cms_read_certificate(const char *pem, size_t pem_len, uint8_t *der, size_t *der_len, int64_t *valid_from, int64_t *valid_until)
{
	BIO *text = NULL;
	X509 *certificate = NULL;
	X509 *second = NULL;
	CmsStatus status = CMS_NO_CERTIFICATE;
	int len;

	if (!crypto_begin())
		return end(CMS_FAULT);
	if (pem_len > 0 && pem_len <= 4 * CMS_MAX_CERTIFICATE && (text = BIO_new_mem_buf(pem, (int) pem_len)) != NULL &&
		(certificate = X509_new_ex(crypto_library(), NULL)) != NULL &&
		PEM_read_bio_X509(text, &certificate, refuse_passphrase, NULL) != NULL &&
		(second = PEM_read_bio_X509(text, NULL, refuse_passphrase, NULL)) == NULL &&
		ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE && /* nor half a one */
		(len = i2d_X509(certificate, NULL)) > 0 && len <= CMS_MAX_CERTIFICATE)
	{
		uint8_t *to = der;

		status = is_fit(certificate) && read_time(X509_get0_notBefore(certificate), valid_from) &&
				read_time(X509_get0_notAfter(certificate), valid_until)
			? CMS_FILE_OK
			: CMS_UNFIT_CERTIFICATE;
		*der_len = (size_t) i2d_X509(certificate, &to);
	}
	X509_free(second);
	X509_free(certificate);
	BIO_free(text);
	return end(status);
}

/*
 * Sealing
 */

/* A buffer in memory that is wiped when it is freed */
static BIO *
new_secret_buffer(void)
{
	return BIO_new(BIO_s_secmem());
}

static size_t
buffer_contents(BIO *buffer, const uint8_t **data)
{
	char *start = NULL;
	long len = BIO_get_mem_data(buffer, &start);

	*data = (const uint8_t *) start;
	return len > 0 ? (size_t) len : 0;
}

/* SignedData with the payload in it, as DER */
static bool
sign_payload(CmsBytes payload, X509 *certificate, EVP_PKEY *key, BIO *signed_data)
{
	const unsigned int flags = CMS_BINARY | CMS_PARTIAL | CMS_NOSMIMECAP;
	BIO *from = BIO_new_mem_buf(payload.data, (int) payload.len);
	CMS_ContentInfo *cms = CMS_sign_ex(NULL, NULL, NULL, NULL, flags, crypto_library(), NULL);
	bool done = from != NULL && cms != NULL &&
		CMS_add1_signer(cms, certificate, key, EVP_sha256(), flags) != NULL &&
		CMS_final(cms, from, NULL, flags) == 1 &&
		i2d_CMS_bio(signed_data, cms) == 1;

	CMS_ContentInfo_free(cms);
	BIO_free(from);
	return done;
}

/* How the key of the envelope is to be encrypted for this recipient */
static bool
choose_wrapping(CMS_ContentInfo *cms, X509 *recipient)
{
	CMS_RecipientInfo *info = CMS_add1_recipient_cert(cms, recipient, CMS_KEY_PARAM);
	EVP_PKEY_CTX *context = info == NULL ? NULL : CMS_RecipientInfo_get0_pkey_ctx(info);

	if (context == NULL)
		return false;
	if (EVP_PKEY_is_a(X509_get0_pubkey(recipient), "EC"))
		return EVP_PKEY_CTX_set_ecdh_kdf_md(context, EVP_sha256()) > 0;
	return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) > 0 &&
		EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) > 0 &&
		EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) > 0;
}

/* EnvelopedData with the SignedData in it, as DER */
static bool
envelop(BIO *signed_data, X509 *recipient, BIO *enveloped)
{
	const unsigned int flags = CMS_BINARY | CMS_PARTIAL;
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(crypto_library(), "AES-256-CBC", NULL);
	CMS_ContentInfo *cms = cipher == NULL ? NULL : CMS_encrypt_ex(NULL, NULL, cipher, flags, crypto_library(), NULL);
	bool done = cms != NULL && choose_wrapping(cms, recipient) &&
		CMS_final(cms, signed_data, NULL, flags) == 1 &&
		i2d_CMS_bio(enveloped, cms) == 1;

	CMS_ContentInfo_free(cms);
	EVP_CIPHER_free(cipher);
	return done;
}

/* So long a file at most comes of a payload. */
size_t
cms_sealed_size(size_t payload_len)
{
	return write_armour(NULL, payload_len + MAX_OVERHEAD, NULL);
}

/*
 * Seal a payload into a buffer of cms_sealed_size bytes, in the name of a sender
 * for a recipient.
 */
CmsStatus
cms_seal(CmsBytes payload, const CmsOwn *sender, CmsBytes recipient, char *file, size_t *file_len)
{
	X509 *from = NULL;
	X509 *to = NULL;
	EVP_PKEY *key = NULL;
	BIO *signed_data = NULL;
	BIO *enveloped = NULL;
	const uint8_t *der;
	size_t der_len;
	CmsStatus status;

	if (cms_sealed_size(payload.len) > CMS_MAX_FILE)
		return CMS_FILE_TOO_LONG;
	if (!crypto_begin())
		return end(CMS_FAULT);
	status = load_own(sender, &from, &key);
	if (status == CMS_FILE_OK)
		status = load_certificate(recipient, &to);
	if (status == CMS_FILE_OK)
	{
		status = CMS_FAULT;
		if ((signed_data = new_secret_buffer()) != NULL && (enveloped = BIO_new(BIO_s_mem())) != NULL &&
			sign_payload(payload, from, key, signed_data) && envelop(signed_data, to, enveloped) &&
			(der_len = buffer_contents(enveloped, &der)) <= payload.len + MAX_OVERHEAD)
		{
			*file_len = write_armour(der, der_len, file);
			status = CMS_FILE_OK;
		}
	}
	BIO_free(enveloped);
	BIO_free(signed_data);
	EVP_PKEY_free(key);
	X509_free(to);
	X509_free(from);
	return end(status);
}

/*
 * Opening
 */

/*
 * Go over the next element of DER, or into it, which must begin with these bytes;
 * false if it does not, is cut, or of no definite length.
 */
static bool
step(const uint8_t **at, const uint8_t *limit, const char *bytes, size_t count, bool into)
{
	const unsigned char *content = *at;
	long len;
	int tag;
	int class;

	if ((size_t) (limit - *at) < count || memcmp(*at, bytes, count) != 0 ||
		(ASN1_get_object(&content, &len, &tag, &class, limit - *at) & 0x81))
		return false;
	*at = into ? content : content + len;
	return true;
}

#define INTO(bytes) step(&der, limit, bytes, sizeof(bytes) - 1, true)
#define OVER(bytes) step(&der, limit, bytes, sizeof(bytes) - 1, false)

/*
 * Is a ContentInfo no longer than it must be around what it carries?  The
 * library makes an object of every other element, and does what nobody can
 * interrupt for each: a file full of certificates would take it a minute.  What
 * is carried is in the one SEQUENCE that EnvelopedData and SignedData have.
 */
static bool
is_lean(const uint8_t *der, size_t der_len)
{
	const uint8_t *limit = der + der_len;
	size_t carried = 0;

	if (!INTO("\x30") || !OVER("\x06") || !INTO("\xA0") || !INTO("\x30"))
		return false;
	while (der < limit)
	{
		const uint8_t *element = der;

		if (!OVER(""))
			return false;
		if (*element == 0x30 && (size_t) (der - element) > carried)
			carried = (size_t) (der - element);
	}
	return der_len - carried <= MAX_OVERHEAD;
}

/* CMS that is exactly these bytes, in DER; NULL if it is none */
static CMS_ContentInfo *
parse_cms(const uint8_t *der, size_t der_len)
{
	const unsigned char *at = der;
	CMS_ContentInfo *cms = is_lean(der, der_len) ? CMS_ContentInfo_new_ex(crypto_library(), NULL) : NULL;
	uint8_t *again = NULL;
	int len;
	bool same = false;

	if (cms == NULL || d2i_CMS_ContentInfo(&cms, &at, (long) der_len) == NULL)
		return NULL; /* it is free */
	len = i2d_CMS_ContentInfo(cms, &again);
	if (len > 0)
	{
		same = at == der + der_len && (size_t) len == der_len && memcmp(again, der, der_len) == 0;
		OPENSSL_clear_free(again, (size_t) len);
	}
	if (same)
		return cms;
	CMS_ContentInfo_free(cms);
	return NULL;
}

static bool
is_of_type(const CMS_ContentInfo *cms, int type)
{
	return cms != NULL && OBJ_obj2nid(CMS_get0_type(cms)) == type;
}

#define AES_256_CBC "\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2A"

/*
 * Is the DER of an EnvelopedData what we want, as far as nothing else looks at
 * it?  Versions as RFC 5652 has them, one recipient, called by issuer and serial
 * number, AES-256-CBC, and nothing after the content.
 */
static bool
has_our_form(const uint8_t *der, size_t der_len)
{
	const uint8_t *limit = der + der_len;
	const uint8_t *recipients;
	bool agreed;

	/* ContentInfo, EnvelopedData, its version, recipientInfos */
	if (!INTO("\x30") || !OVER("\x06") || !INTO("\xA0") || !INTO("\x30"))
		return false;
	agreed = OVER("\x02\x01\x02");
	if (!agreed && !OVER("\x02\x01\x00"))
		return false;
	recipients = der;
	if (!INTO("\x31") || !(agreed ? INTO("\xA1") && OVER("\x02\x01\x03") : INTO("\x30") && OVER("\x02\x01\x00")))
		return false;
	der = recipients;
	/* EncryptedContentInfo: contentType, contentEncryptionAlgorithm, the content */
	if (!OVER("\x31") || !INTO("\x30") || !OVER("\x06"))
		return false;
	recipients = der;
	if (!INTO("\x30") || !OVER(AES_256_CBC))
		return false;
	der = recipients;
	return OVER("\x30") && OVER("\x80") && der == limit;
}

static bool
algorithm_is(const X509_ALGOR *algorithm, int nid)
{
	const ASN1_OBJECT *object = NULL;

	if (algorithm != NULL)
		X509_ALGOR_get0(&object, NULL, NULL, algorithm);
	return object != NULL && OBJ_obj2nid(object) == nid;
}

/* The same, without a parameter, which may be left out or be a NULL */
static bool
algorithm_is_just(const X509_ALGOR *algorithm, int nid)
{
	int type = V_ASN1_UNDEF;

	if (algorithm != NULL)
		X509_ALGOR_get0(NULL, &type, NULL, algorithm);
	return algorithm_is(algorithm, nid) && (type == V_ASN1_UNDEF || type == V_ASN1_NULL);
}

/* The parameter of an algorithm, which is of this type, NULL if it is not. */
static void *
parameter_of(const X509_ALGOR *algorithm, const ASN1_ITEM *item)
{
	const void *value = NULL;
	int type = V_ASN1_UNDEF;

	if (algorithm != NULL)
		X509_ALGOR_get0(NULL, &type, &value, algorithm);
	return type == V_ASN1_SEQUENCE ? ASN1_item_unpack(value, item) : NULL;
}

static bool
is_oaep_sha256(const X509_ALGOR *algorithm)
{
	RSA_OAEP_PARAMS *parameters = NULL;
	X509_ALGOR *mask_hash = NULL;
	bool is;

	if (algorithm_is(algorithm, NID_rsaesOaep))
		parameters = parameter_of(algorithm, ASN1_ITEM_rptr(RSA_OAEP_PARAMS));
	if (parameters != NULL && algorithm_is(parameters->maskGenFunc, NID_mgf1))
		mask_hash = parameter_of(parameters->maskGenFunc, ASN1_ITEM_rptr(X509_ALGOR));
	is = parameters != NULL && algorithm_is_just(parameters->hashFunc, NID_sha256) &&
		algorithm_is_just(mask_hash, NID_sha256) && parameters->pSourceFunc == NULL;
	X509_ALGOR_free(mask_hash);
	RSA_OAEP_PARAMS_free(parameters);
	return is;
}

static bool
is_ecdh_sha256(const X509_ALGOR *algorithm)
{
	X509_ALGOR *wrap = NULL;
	bool is;

	if (algorithm_is(algorithm, NID_dhSinglePass_stdDH_sha256kdf_scheme))
		wrap = parameter_of(algorithm, ASN1_ITEM_rptr(X509_ALGOR));
	is = algorithm_is_just(wrap, NID_id_aes256_wrap);
	X509_ALGOR_free(wrap);
	return is;
}

/* Is the key of the envelope encrypted as it should? */
static bool
has_our_wrapping(CMS_RecipientInfo *info)
{
	X509_ALGOR *algorithm = NULL;
	ASN1_OCTET_STRING *extra = NULL; /* user keying material */

	switch (CMS_RecipientInfo_type(info))
	{
		case CMS_RECIPINFO_TRANS:
			return CMS_RecipientInfo_ktri_get0_algs(info, NULL, NULL, &algorithm) == 1 && is_oaep_sha256(algorithm);
		case CMS_RECIPINFO_AGREE:
			return CMS_RecipientInfo_kari_get0_alg(info, &algorithm, &extra) == 1 && is_ecdh_sha256(algorithm) &&
				extra == NULL;
		default:
			return false;
	}
}

/* Are issuer and serial number those of the certificate, byte for byte? */
static bool
is_name_of(X509_NAME *issuer, const ASN1_INTEGER *serial, X509 *certificate)
{
	const unsigned char *name;
	const unsigned char *same;
	size_t name_len;
	size_t same_len;

	return issuer != NULL && serial != NULL &&
		ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(certificate)) == 0 &&
		X509_NAME_get0_der(issuer, &name, &name_len) == 1 &&
		X509_NAME_get0_der(X509_get_issuer_name(certificate), &same, &same_len) == 1 &&
		name_len == same_len && memcmp(name, same, name_len) == 0;
}

/* Is the certificate what the one recipient is called by? */
static bool
is_recipient(CMS_RecipientInfo *info, X509 *certificate)
{
	STACK_OF(CMS_RecipientEncryptedKey) * keys;
	X509_NAME *issuer = NULL;
	ASN1_INTEGER *serial = NULL;

	if (CMS_RecipientInfo_type(info) == CMS_RECIPINFO_TRANS)
		return CMS_RecipientInfo_ktri_get0_signer_id(info, NULL, &issuer, &serial) == 1 &&
			is_name_of(issuer, serial, certificate);
	keys = CMS_RecipientInfo_kari_get0_reks(info);
	return sk_CMS_RecipientEncryptedKey_num(keys) == 1 &&
		CMS_RecipientEncryptedKey_get0_id(sk_CMS_RecipientEncryptedKey_value(keys, 0), NULL, NULL, NULL, &issuer, &serial) == 1 &&
		is_name_of(issuer, serial, certificate);
}

/*
 * The envelope in a file, if it is whole and for one recipient, and encrypted as
 * it should; the caller frees it.
 */
static CmsStatus
read_envelope(const char *file, size_t file_len, CMS_ContentInfo **envelope)
{
	STACK_OF(CMS_RecipientInfo) * infos;
	uint8_t *der;
	size_t der_len;
	CmsStatus status = read_armour(file, file_len, &der, &der_len);

	*envelope = NULL;
	if (status != CMS_FILE_OK)
		return status;
	*envelope = parse_cms(der, der_len);
	if (*envelope == NULL)
		status = CMS_FILE_ENCODING;
	else if (!is_of_type(*envelope, NID_pkcs7_enveloped) ||
			 OBJ_obj2nid(CMS_get0_eContentType(*envelope)) != NID_pkcs7_data)
		status = CMS_FILE_KIND;
	else
	{
		infos = CMS_get0_RecipientInfos(*envelope);
		if (sk_CMS_RecipientInfo_num(infos) != 1)
			status = CMS_FILE_RECIPIENT;
		else if (!has_our_wrapping(sk_CMS_RecipientInfo_value(infos, 0)))
			status = CMS_FILE_WRAPPING;
		else if (!has_our_form(der, der_len))
			status = CMS_FILE_KIND;
	}
	OPENSSL_free(der);
	return status;
}

/* Which of these certificates is a file for? */
CmsStatus
cms_find_recipient(const char *file, size_t file_len, const CmsBytes *certificates, size_t count, size_t *found)
{
	CMS_ContentInfo *envelope = NULL;
	CmsStatus status = crypto_begin() ? read_envelope(file, file_len, &envelope) : CMS_FAULT;

	if (status == CMS_FILE_OK)
	{
		CMS_RecipientInfo *info = sk_CMS_RecipientInfo_value(CMS_get0_RecipientInfos(envelope), 0);

		status = CMS_FILE_RECIPIENT;
		for (size_t i = 0; i < count && status != CMS_FILE_OK; i++)
		{
			X509 *certificate = parse_certificate(certificates[i]);

			if (certificate != NULL && is_recipient(info, certificate))
			{
				*found = i;
				status = CMS_FILE_OK;
			}
			X509_free(certificate);
		}
	}
	CMS_ContentInfo_free(envelope);
	return end(status);
}

static bool
is_sha2(const X509_ALGOR *digest)
{
	return algorithm_is_just(digest, NID_sha256) || algorithm_is_just(digest, NID_sha384) || algorithm_is_just(digest, NID_sha512);
}

/*
 * Is there one digest algorithm in the DER of a SignedData?  The library makes a
 * digest of the whole content by each that is listed, each a call inside that of
 * the one before: the stack ends before the file does, and with it the server.
 */
static bool
has_one_digest(const uint8_t *der, size_t der_len)
{
	const uint8_t *limit = der + der_len;
	const uint8_t *digests;

	if (!INTO("\x30") || !OVER("\x06") || !INTO("\xA0") || !INTO("\x30") || !OVER("\x02"))
		return false;
	digests = der;
	if (!OVER("\x31"))
		return false;
	limit = der;
	der = digests;
	return INTO("\x31") && OVER("\x30") && der == limit;
}

/* What forbids to believe a SignedData whoever signed it */
static CmsStatus
check_signed_data(CMS_ContentInfo *cms, CMS_SignerInfo **signer)
{
	STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(cms);
	STACK_OF(X509_CRL) *lists = CMS_get1_crls(cms);
	ASN1_OCTET_STRING **content = CMS_get0_content(cms);
	X509_ALGOR *digest = NULL;
	bool is_plain = lists == NULL && sk_CMS_SignerInfo_num(signers) == 1 && content != NULL && *content != NULL &&
		OBJ_obj2nid(CMS_get0_eContentType(cms)) == NID_pkcs7_data;

	sk_X509_CRL_pop_free(lists, X509_CRL_free);
	if (!is_plain)
		return CMS_FILE_UNSIGNED;
	*signer = sk_CMS_SignerInfo_value(signers, 0);
	if (CMS_unsigned_get_attr_count(*signer) > 0)
		return CMS_FILE_UNSIGNED;
	CMS_SignerInfo_get0_algs(*signer, NULL, NULL, &digest, NULL);
	return is_sha2(digest) ? CMS_FILE_OK : CMS_FILE_WEAK;
}

static bool
is_signer(CMS_SignerInfo *signer, X509 *certificate)
{
	X509_NAME *issuer = NULL;
	ASN1_INTEGER *serial = NULL;

	return CMS_SignerInfo_get0_signer_id(signer, NULL, &issuer, &serial) == 1 &&
		is_name_of(issuer, serial, certificate);
}

/*
 * Is there no certificate in a SignedData but this?  Nothing else vouches for
 * these bytes, and a file is to be whole.
 */
static bool
has_no_other_certificate(CMS_ContentInfo *cms, X509 *certificate)
{
	STACK_OF(X509) *certificates = CMS_get1_certs(cms);
	int count = sk_X509_num(certificates);
	bool has = count <= 0 || (count == 1 && X509_cmp(sk_X509_value(certificates, 0), certificate) == 0);

	sk_X509_pop_free(certificates, X509_free);
	return has;
}

/* Is a SignedData signed by exactly this certificate?  Then what is in it. */
static bool
verify(const uint8_t *der, size_t der_len, X509 *certificate, BIO *payload)
{
	CMS_ContentInfo *cms = parse_cms(der, der_len);
	STACK_OF(X509) *certificates = sk_X509_new_null();
	bool verified = cms != NULL && has_no_other_certificate(cms, certificate) &&
		certificates != NULL && sk_X509_push(certificates, certificate) > 0 &&
		CMS_verify(cms, certificates, NULL, NULL, payload, CMS_BINARY | CMS_NOINTERN | CMS_NO_SIGNER_CERT_VERIFY) == 1;

	sk_X509_free(certificates);
	CMS_ContentInfo_free(cms);
	return verified;
}

/* The payload of a SignedData, and which of the senders signed it. */
static CmsStatus
open_signed_data(const uint8_t *der, size_t der_len, const CmsBytes *senders, size_t sender_count,
				 uint8_t *payload, size_t *payload_len, size_t *sender)
{
	CMS_ContentInfo *cms = parse_cms(der, der_len);
	CMS_SignerInfo *signer;
	CmsStatus status = is_of_type(cms, NID_pkcs7_signed) ? check_signed_data(cms, &signer) : CMS_FILE_UNDECRYPTABLE;
	CmsStatus found = CMS_FILE_SIGNER;

	if (status == CMS_FILE_OK && !has_one_digest(der, der_len))
		status = CMS_FILE_UNSIGNED;
	for (size_t i = 0; i < sender_count && status == CMS_FILE_OK && found != CMS_FILE_OK; i++)
	{
		X509 *certificate = parse_certificate(senders[i]);
		BIO *content = new_secret_buffer();

		if (certificate != NULL && is_signer(signer, certificate))
		{
			found = CMS_FILE_SIGNATURE;
			if (content == NULL || !is_fit(certificate))
				found = content == NULL ? CMS_FAULT : CMS_FILE_SIGNER;
			else if (verify(der, der_len, certificate, content))
			{
				const uint8_t *data;

				*payload_len = buffer_contents(content, &data);
				if (*payload_len > 0)
					memcpy(payload, data, *payload_len);
				*sender = i;
				found = CMS_FILE_OK;
			}
		}
		BIO_free(content);
		X509_free(certificate);
	}
	CMS_ContentInfo_free(cms);
	return status == CMS_FILE_OK ? found : status;
}

/*
 * The payload of a file that is for this recipient, into a buffer as long as the
 * file, which the caller wipes if he wants to; and which of the senders signed
 * it.
 */
CmsStatus
cms_open(const char *file, size_t file_len, const CmsOwn *recipient, const CmsBytes *senders, size_t sender_count,
		 uint8_t *payload, size_t *payload_len, size_t *sender)
{
	X509 *certificate = NULL;
	EVP_PKEY *key = NULL;
	CMS_ContentInfo *envelope = NULL;
	BIO *signed_data = NULL;
	CmsStatus status = crypto_begin() ? read_envelope(file, file_len, &envelope) : CMS_FAULT;

	if (status == CMS_FILE_OK)
		status = load_own(recipient, &certificate, &key);
	if (status == CMS_FILE_OK &&
		!is_recipient(sk_CMS_RecipientInfo_value(CMS_get0_RecipientInfos(envelope), 0), certificate))
		status = CMS_FILE_RECIPIENT;
	if (status == CMS_FILE_OK && (signed_data = new_secret_buffer()) == NULL)
		status = CMS_FAULT;
	if (status == CMS_FILE_OK)
	{
		status = CMS_FILE_UNDECRYPTABLE;
		if (CMS_decrypt(envelope, key, certificate, NULL, signed_data, CMS_BINARY) == 1)
		{
			const uint8_t *der;
			size_t der_len = buffer_contents(signed_data, &der);

			status = open_signed_data(der, der_len, senders, sender_count, payload, payload_len, sender);
		}
	}
	BIO_free(signed_data);
	CMS_ContentInfo_free(envelope);
	EVP_PKEY_free(key);
	X509_free(certificate);
	return end(status);
}
