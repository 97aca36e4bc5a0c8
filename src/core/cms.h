/*-------------------------------------------------------------------------
 *
 * cms.h
 *	  Sealed files: signed by the sender, encrypted for the recipient
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_CORE_CMS_H
#define SCREISSUE_CORE_CMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CMS_MAX_FILE (64 * 1024 * 1024)
#define CMS_MAX_CERTIFICATE 8192 /* in DER */

/* Why an operation failed */
typedef enum CmsStatus
{
	CMS_FILE_OK = 0,
	/* What is wrong with the form of a file */
	CMS_FILE_TOO_LONG,
	CMS_FILE_BOM,
	CMS_FILE_CR,
	CMS_FILE_BEFORE, /* it does not begin with the first line */
	CMS_FILE_CUT, /* there is no last line */
	CMS_FILE_DOUBLED,
	CMS_FILE_AFTER, /* something follows the last line */
	CMS_FILE_ARMOUR, /* the lines between are not as they are written */
	CMS_FILE_ENCODING, /* nor are the bytes in them */
	CMS_FILE_KIND, /* it is no EnvelopedData, or its cipher is another one */
	CMS_FILE_WRAPPING, /* its key is not encrypted as we want it */
	/* Who sealed it, and for whom */
	CMS_FILE_RECIPIENT, /* not for us, or for others, too */
	CMS_FILE_UNDECRYPTABLE, /* or there is no SignedData in it */
	CMS_FILE_UNSIGNED, /* or not with one signature over what is in it */
	CMS_FILE_WEAK, /* signed with a digest that is not believed any more */
	CMS_FILE_SIGNER, /* a certificate that is none of the senders' */
	CMS_FILE_SIGNATURE,
	/* What is wrong with a certificate, or its private key */
	CMS_NO_CERTIFICATE, /* there is not one, and one only */
	CMS_UNFIT_CERTIFICATE, /* for its kind of key, or its usage */
	CMS_NO_KEY, /* no private key that can be read is there */
	CMS_OTHER_KEY, /* the private key is another certificate's */
	CMS_FAULT, /* the library failed */
	CMS_STATUS_COUNT /* keep last */
} CmsStatus;

typedef struct CmsBytes
{
	const uint8_t *data;
	size_t len;
} CmsBytes;

/* A certificate of our own, and where its private key is: a URI of OSSL_STORE */
typedef struct CmsOwn
{
	CmsBytes certificate;
	const char *key_uri;
} CmsOwn;

extern CmsStatus cms_read_certificate(const char *pem, size_t pem_len,
									  uint8_t *der, size_t *der_len,
									  int64_t *valid_from,
									  int64_t *valid_until);
extern CmsStatus cms_check_key(const CmsOwn *own);

extern size_t cms_sealed_size(size_t payload_len);
extern CmsStatus cms_seal(CmsBytes payload, const CmsOwn *sender,
						  CmsBytes recipient, char *file, size_t *file_len);
extern CmsStatus cms_find_recipient(const char *file, size_t file_len,
									const CmsBytes *certificates,
									size_t count, size_t *found);
extern CmsStatus cms_open(const char *file, size_t file_len,
						  const CmsOwn *recipient, const CmsBytes *senders,
						  size_t sender_count, uint8_t *payload,
						  size_t *payload_len, size_t *sender);

#endif /* SCREISSUE_CORE_CMS_H */
