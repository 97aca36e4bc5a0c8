/*-------------------------------------------------------------------------
 *
 * card_attribute.h
 *	  Card attributes: encrypted card ids, text form and image
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_CORE_CARD_ATTRIBUTE_H
#define SCREISSUE_CORE_CARD_ATTRIBUTE_H

#include "card_id.h"

#define CARD_ATTRIBUTE_VERSION 1
#define CARD_ATTRIBUTE_HEADER 3
#define CARD_ATTRIBUTE_MAX_CIPHERTEXT 1536
#define CARD_ATTRIBUTE_MAX_IMAGE \
	(CARD_ATTRIBUTE_HEADER + CARD_ATTRIBUTE_MAX_CIPHERTEXT)
#define CARD_ATTRIBUTE_MAX_PREFIX 20 /* rsa-oaep-sha256:255: */
#define CARD_ATTRIBUTE_MAX_TEXT \
	(CARD_ATTRIBUTE_MAX_PREFIX + 2 * CARD_ATTRIBUTE_MAX_CIPHERTEXT)

/* What is encrypted: a card id, or a card id, a slash and a secret */
#define CARD_ATTRIBUTE_MIN_SECRET 8
#define CARD_ATTRIBUTE_MAX_SECRET 32
#define CARD_ATTRIBUTE_MAX_PLAINTEXT \
	(CARD_ID_MAX_TEXT + 1 + CARD_ATTRIBUTE_MAX_SECRET)

/* Values of the scheme byte, on disk: never renumber. */
typedef enum CardAttributeScheme
{
	CARD_ATTRIBUTE_NO_SCHEME = 0, /* never stored */
	CARD_ATTRIBUTE_ECIES_X25519 = 1,
	CARD_ATTRIBUTE_ECIES_P256 = 2,
	CARD_ATTRIBUTE_RSA_OAEP_SHA256 = 3
} CardAttributeScheme;

/* What a decrypted card attribute says */
typedef struct CardAttributeContent
{
	uint8_t card_id[CARD_ID_MAX_IMAGE];
	size_t card_id_len;
	uint8_t secret[CARD_ATTRIBUTE_MAX_SECRET];
	size_t secret_len; /* 0 = there is none */
} CardAttributeContent;

extern ParseStatus card_attribute_parse(const char *text, size_t len,
										uint8_t *image, size_t *image_len);
extern size_t card_attribute_format(const uint8_t *image, size_t image_len,
									char *text);
extern ParseStatus card_attribute_check(const uint8_t *image,
										size_t image_len);
extern ParseStatus card_attribute_make(CardAttributeScheme scheme, int key_id,
									   const uint8_t *ciphertext,
									   size_t ciphertext_len,
									   uint8_t *image, size_t *image_len);
extern size_t card_attribute_prefix(const char *text, size_t len);

extern CardAttributeScheme card_attribute_scheme(const uint8_t *image);
extern int card_attribute_key_id(const uint8_t *image);
extern const uint8_t *card_attribute_ciphertext(const uint8_t *image,
												size_t image_len,
												size_t *ciphertext_len);

extern bool card_attribute_read_plaintext(const uint8_t *plaintext,
										  size_t len,
										  CardAttributeContent *content);

extern const char *card_attribute_scheme_name(CardAttributeScheme scheme);
extern CardAttributeScheme card_attribute_scheme_find(const char *name,
													  size_t len);

#endif /* SCREISSUE_CORE_CARD_ATTRIBUTE_H */
