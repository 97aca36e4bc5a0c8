/*
 * Fuzz driver of cms: any bytes as a sealed file, as the DER in its armour, as what
 * is inside of an envelope, and as a certificate.
 *
 * The certificates and the key are those of test/vectors: run it from the top
 * directory.  It includes the file that it tests.
 */
#include "fuzz.h"

#include "../../src/core/cms.c"

#define DIRECTORY "test/vectors/"

static uint8_t certificate_der[CMS_MAX_CERTIFICATE];
static CmsOwn own = {.certificate = {certificate_der, 0}, .key_uri = DIRECTORY "sealed.pem"};

static void
load(void)
{
	char pem[4 * CMS_MAX_CERTIFICATE];
	FILE *file = fopen(DIRECTORY "sealed.crt", "rb");
	size_t len;
	int64_t from;
	int64_t until;

	CHECK(file != NULL);
	len = fread(pem, 1, sizeof(pem), file);
	fclose(file);
	CHECK(cms_read_certificate(pem, len, certificate_der, &own.certificate.len, &from, &until) == CMS_FILE_OK);
	CHECK(cms_check_key(&own) == CMS_FILE_OK);
}

/* What was in a file is so again when it is sealed and opened once more. */
static void
check_payload(const uint8_t *payload, size_t len)
{
	char *file = malloc(cms_sealed_size(len));
	uint8_t *again = malloc(cms_sealed_size(len));
	size_t file_len;
	size_t again_len;
	size_t sender;

	CHECK(cms_seal((CmsBytes){payload, len}, &own, own.certificate, file, &file_len) == CMS_FILE_OK);
	CHECK(cms_open(file, file_len, &own, &own.certificate, 1, again, &again_len, &sender) == CMS_FILE_OK);
	CHECK(again_len == len && (len == 0 || memcmp(again, payload, len) == 0));
	free(again);
	free(file);
}

/* Opened, or refused for a reason that there is. */
static void
check_file(const char *file, size_t len)
{
	uint8_t *payload = malloc(len > 0 ? len : 1);
	size_t payload_len = 0;
	size_t found;
	CmsStatus status = cms_find_recipient(file, len, &own.certificate, 1, &found);

	CHECK(status < CMS_NO_CERTIFICATE);
	if (status == CMS_FILE_OK)
	{
		CHECK(found == 0);
		status = cms_open(file, len, &own, &own.certificate, 1, payload, &payload_len, &found);
		CHECK(status < CMS_NO_CERTIFICATE);
		CHECK(status != CMS_FILE_OK || (found == 0 && payload_len < len));
		if (status == CMS_FILE_OK)
			check_payload(payload, payload_len);
	}
	CHECK(ERR_peek_error() == 0);
	free(payload);
}

static void
check_der(const uint8_t *der, size_t len)
{
	size_t file_len = write_armour(der, len, NULL);
	char *file = malloc(file_len);
	uint8_t *again;
	size_t again_len;

	CHECK(write_armour(der, len, file) == file_len);
	CHECK(read_armour(file, file_len, &again, &again_len) == CMS_FILE_OK);
	CHECK(again_len == len && (len == 0 || memcmp(again, der, len) == 0));
	OPENSSL_free(again);
	check_file(file, file_len);
	free(file);
}

static void
check_inside(const uint8_t *der, size_t len)
{
	uint8_t *payload = malloc(len > 0 ? len : 1);
	size_t payload_len;
	size_t sender;
	CmsStatus status;

	crypto_begin();
	status = end(open_signed_data(der, len, &own.certificate, 1, payload, &payload_len, &sender));
	CHECK(status == CMS_FILE_OK || (status >= CMS_FILE_UNDECRYPTABLE && status <= CMS_FILE_SIGNATURE));
	CHECK(status != CMS_FILE_OK || (sender == 0 && payload_len <= len));
	free(payload);
}

static void
check_certificate(const char *pem, size_t len)
{
	uint8_t *der = malloc(CMS_MAX_CERTIFICATE);
	size_t der_len;
	int64_t from;
	int64_t until;
	CmsStatus status = cms_read_certificate(pem, len, der, &der_len, &from, &until);

	CHECK(status == CMS_FILE_OK || status == CMS_NO_CERTIFICATE || status == CMS_UNFIT_CERTIFICATE);
	CHECK(status != CMS_FILE_OK || der_len <= CMS_MAX_CERTIFICATE);
	CHECK(ERR_peek_error() == 0);
	free(der);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (own.certificate.len == 0)
		load();
	if (size == 0)
		return 0;
	switch (data[0])
	{
		case 'D':
			check_der(data + 1, size - 1);
			break;
		case 'S':
			check_inside(data + 1, size - 1);
			break;
		case 'C':
			check_certificate((const char *) data + 1, size - 1);
			break;
		default:
			check_file((const char *) data, size);
	}
	return 0;
}
