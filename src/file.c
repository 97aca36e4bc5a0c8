/*-------------------------------------------------------------------------
 *
 * file.c
 *	  Sealed files: what SQL calls to make and to open them
 *
 * core/cms.c has the form; whose certificates count is for SQL to say.  What
 * is wrong with a file goes to the caller, who is an operator; what is wrong
 * with a key file, to the server log, as in key.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "core/cms.h"
#include "key.h"
#include "screissue.h"
#include "type_support.h"

PG_FUNCTION_INFO_V1(screissue_read_certificate);
PG_FUNCTION_INFO_V1(screissue_check_certificate_key);
PG_FUNCTION_INFO_V1(screissue_seal_file);
PG_FUNCTION_INFO_V1(screissue_file_recipient);
PG_FUNCTION_INFO_V1(screissue_unseal_file);

static CmsBytes
get_bytes(bytea *value)
{
	return (CmsBytes){.data = VARLENA_IMAGE(value), .len = VARLENA_IMAGE_LEN(value)};
}

/* An array of certificates without NULLs */
static CmsBytes *
get_certificates(ArrayType *array, size_t *count)
{
	Datum *elements;
	int length;
	CmsBytes *certificates;

	deconstruct_array(array, BYTEAOID, -1, false, TYPALIGN_INT, &elements, NULL, &length);
	certificates = palloc0(sizeof(CmsBytes) * (length + 1));
	for (int i = 0; i < length; i++)
		certificates[i] = get_bytes(DatumGetByteaPP(elements[i]));
	*count = (size_t) length;
	return certificates;
}

pg_noreturn static void raise_no_key_file(const char *name, const char *cause);

static void
raise_no_key_file(const char *name, const char *cause)
{
	ereport(ERROR,
			errcode(ERRCODE_SR_KEY_NOT_AVAILABLE),
			errmsg("key file \"%s\" is not available", name),
			errdetail_log("%s", cause),
			errhint("The server log tells why."));
}

/* A certificate of our own and its key file; raises SR011. */
static CmsOwn
get_own(bytea *certificate, const char *key_file)
{
	const char *fault;
	char *path = screissue_find_key_file(key_file, &fault);

	if (fault != NULL)
		raise_no_key_file(key_file, fault);
	return (CmsOwn){.certificate = get_bytes(certificate), .key_uri = path};
}

/* What makes it no sealed file that can be opened: a sentence, or NULL */
static const char *
form_fault(CmsStatus status)
{
	switch (status)
	{
		case CMS_FILE_TOO_LONG:
			return "It is longer than 64 MB.";
		case CMS_FILE_BOM:
			return "A byte order mark stands before the first line.";
		case CMS_FILE_CR:
			return "It has carriage returns: its line ends were changed on the way.";
		case CMS_FILE_BEFORE:
			return "It does not begin with the line \"-----BEGIN CMS-----\".";
		case CMS_FILE_CUT:
			return "It is cut short: there is no last line \"-----END CMS-----\" with a line end.";
		case CMS_FILE_DOUBLED:
			return "There is more than one file in it.";
		case CMS_FILE_AFTER:
			return "Something follows the line \"-----END CMS-----\".";
		case CMS_FILE_ARMOUR:
			return "The lines are not base64 of 64 characters each, as they were written: the file is cut, damaged or encoded anew.";
		case CMS_FILE_ENCODING:
			return "What the lines encode is not CMS in DER: the file is cut or damaged, or was made as a stream.";
		case CMS_FILE_KIND:
			return "It is not EnvelopedData (RFC 5652) that has data in it, encrypted by AES-256 in CBC mode, and nothing else.";
		case CMS_FILE_WRAPPING:
			return "Its key must be encrypted by RSAES-OAEP with SHA-256, or by AES-256 key wrap and ECDH with SHA-256.";
		case CMS_FILE_UNDECRYPTABLE:
			return "It cannot be decrypted, or is not SignedData (RFC 5652) inside.";
		default:
			return NULL;
	}
}

/* What makes it a file that we do not believe: a sentence, or NULL */
static const char *
trust_fault(CmsStatus status)
{
	switch (status)
	{
		case CMS_FILE_RECIPIENT:
			return "It is not for a certificate of ours that is in use, or for others, too.";
		case CMS_FILE_UNSIGNED:
			return "It must have exactly one signature with one digest, over data that is in it, and neither unsigned attributes nor revocation lists.";
		case CMS_FILE_WEAK:
			return "It must be signed with SHA-256, SHA-384 or SHA-512.";
		case CMS_FILE_SIGNER:
			return "The certificate of its signer is not registered.";
		case CMS_FILE_SIGNATURE:
			return "Its signature is not one of the registered certificate over this content, or another certificate is in it.";
		default:
			return NULL;
	}
}

/* Raise what is wrong with a file, or with a certificate of the registry. */
static void
check_file(CmsStatus status, const char *key_file)
{
	if (status == CMS_FILE_OK)
		return;
	if (form_fault(status) != NULL)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				errmsg("file is no sealed file, or not whole"),
				errdetail("%s", form_fault(status)),
				errhint("Nothing was stored; get the file again."));
	if (trust_fault(status) != NULL)
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("file is not from a partner for us"),
				errdetail("%s", trust_fault(status)),
				errhint("Nothing was stored; compare the certificates that both sides have registered."));
	switch (status)
	{
		case CMS_NO_KEY:
			raise_no_key_file(key_file, "There is no private key in it that can be read without a passphrase.");
		case CMS_OTHER_KEY:
			raise_no_key_file(key_file, "The key in it is not that of the certificate.");
		case CMS_NO_CERTIFICATE:
			ereport(ERROR,
					errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					errmsg("text is not one certificate"),
					errhint("Give one X.509 certificate in PEM, of at most 8 kB."));
			break;
		case CMS_UNFIT_CERTIFICATE:
			ereport(ERROR,
					errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("certificate is not fit for sealed files"),
					errdetail("Its key must be RSA of 2048 to 4096 bits or on the curve P-256; if it states a usage, then digital signature and key encipherment (RSA) or key agreement (P-256)."));
			break;
		default:
			ereport(ERROR,
					errcode(ERRCODE_OUT_OF_MEMORY),
					errmsg("sealed file cannot be processed"),
					errdetail("The cryptographic library failed."));
	}
}

/* A time of Unix as one of the server */
static TimestampTz
get_time(int64 seconds)
{
	return (seconds - (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY) * USECS_PER_SEC;
}

/*
 * screissue.read_certificate(certificate, OUT der, OUT valid_from, OUT
 * valid_until)
 */
Datum
screissue_read_certificate(PG_FUNCTION_ARGS)
{
	text *pem = PG_GETARG_TEXT_PP(0);
	TupleDesc descriptor;
	uint8_t der[CMS_MAX_CERTIFICATE];
	size_t der_len;
	int64_t valid_from;
	int64_t valid_until;
	Datum values[3];
	bool nulls[3] = {false, false, false};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	check_file(cms_read_certificate(VARDATA_ANY(pem), VARSIZE_ANY_EXHDR(pem), der, &der_len, &valid_from, &valid_until), NULL);
	values[0] = PointerGetDatum(screissue_varlena(der, der_len));
	values[1] = TimestampTzGetDatum(get_time(valid_from));
	values[2] = TimestampTzGetDatum(get_time(valid_until));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

/* screissue.check_certificate_key(certificate, key_file): raises SR011. */
Datum
screissue_check_certificate_key(PG_FUNCTION_ARGS)
{
	char *key_file = text_to_cstring(PG_GETARG_TEXT_PP(1));
	CmsOwn own = get_own(PG_GETARG_BYTEA_PP(0), key_file);

	check_file(cms_check_key(&own), key_file);
	PG_RETURN_VOID();
}

/* screissue.seal_file(payload, own, key_file, recipient): the sealed file */
Datum
screissue_seal_file(PG_FUNCTION_ARGS)
{
	text *payload = PG_GETARG_TEXT_PP(0);
	char *key_file = text_to_cstring(PG_GETARG_TEXT_PP(2));
	CmsOwn own = get_own(PG_GETARG_BYTEA_PP(1), key_file);
	CmsBytes recipient = get_bytes(PG_GETARG_BYTEA_PP(3));
	size_t size = cms_sealed_size(VARSIZE_ANY_EXHDR(payload));
	text *file;
	size_t file_len;

	if (size > CMS_MAX_FILE)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("sealed file would be longer than 64 MB"),
				errhint("Export less at a time."));
	file = palloc(VARHDRSZ + size);
	check_file(cms_seal(get_bytes((bytea *) payload), &own, recipient, VARDATA(file), &file_len), key_file);
	SET_VARSIZE(file, VARHDRSZ + file_len);
	PG_RETURN_TEXT_P(file);
}

/*
 * screissue.file_recipient(file, own): which of these certificates the file is
 * for, from 1
 */
Datum
screissue_file_recipient(PG_FUNCTION_ARGS)
{
	text *file = PG_GETARG_TEXT_PP(0);
	size_t count;
	CmsBytes *certificates = get_certificates(PG_GETARG_ARRAYTYPE_P(1), &count);
	size_t found;

	check_file(cms_find_recipient(VARDATA_ANY(file), VARSIZE_ANY_EXHDR(file), certificates, count, &found), NULL);
	PG_RETURN_INT32((int32) found + 1);
}

/*
 * screissue.unseal_file(file, own, key_file, senders, OUT payload, OUT sender):
 * what is in the file, and which of the senders signed it, from 1
 */
Datum
screissue_unseal_file(PG_FUNCTION_ARGS)
{
	text *file = PG_GETARG_TEXT_PP(0);
	char *key_file = text_to_cstring(PG_GETARG_TEXT_PP(2));
	CmsOwn own = get_own(PG_GETARG_BYTEA_PP(1), key_file);
	size_t count;
	CmsBytes *senders = get_certificates(PG_GETARG_ARRAYTYPE_P(3), &count);
	TupleDesc descriptor;
	bytea *payload = palloc(VARHDRSZ + VARSIZE_ANY_EXHDR(file));
	size_t payload_len;
	size_t sender;
	Datum values[2];
	bool nulls[2] = {false, false};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	descriptor = BlessTupleDesc(descriptor);
	check_file(cms_open(VARDATA_ANY(file), VARSIZE_ANY_EXHDR(file), &own, senders, count,
						(uint8_t *) VARDATA(payload), &payload_len, &sender),
			   key_file);
	SET_VARSIZE(payload, VARHDRSZ + payload_len);
	values[0] = PointerGetDatum(payload);
	values[1] = Int32GetDatum((int32) sender + 1);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls)));
}
