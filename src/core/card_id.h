/*-------------------------------------------------------------------------
 *
 * card_id.h
 *	  Card ids: text form, image, order, mask
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_CORE_CARD_ID_H
#define SCREISSUE_CORE_CARD_ID_H

#include "parse.h"

#define CARD_ID_MIN_DIGITS 4
#define CARD_ID_MAX_DIGITS 40
#define CARD_ID_MIN_BYTES 4
#define CARD_ID_MAX_BYTES 20
#define CARD_ID_MAX_SYMBOL 32

#define CARD_ID_MAX_IMAGE (1 + CARD_ID_MAX_SYMBOL)
#define CARD_ID_MAX_TEXT (2 + 2 * CARD_ID_MAX_BYTES)
#define CARD_ID_MAX_MASK 64

typedef enum CardIdKind
{
	CARD_ID_DIGITS = 1,
	CARD_ID_BYTES = 2,
	CARD_ID_SYMBOL = 3
} CardIdKind;

/* Kind of a valid image */
static inline CardIdKind
card_id_kind(const uint8_t *image)
{
	return (CardIdKind) (image[0] >> 4);
}

extern ParseStatus card_id_parse(const char *text, size_t len,
								 uint8_t *image, size_t *image_len);
extern size_t card_id_format(const uint8_t *image, size_t image_len,
							 char *text);
extern ParseStatus card_id_check(const uint8_t *image, size_t image_len);
extern int card_id_compare(const uint8_t *a, size_t a_len,
						   const uint8_t *b, size_t b_len);
extern uint64_t card_id_abbreviate(const uint8_t *image, size_t image_len);
extern size_t card_id_mask(const uint8_t *image, size_t image_len,
						   char *masked);
extern size_t card_id_mask_text(const char *text, size_t len, char *masked);

#endif /* SCREISSUE_CORE_CARD_ID_H */
