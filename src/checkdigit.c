/*-------------------------------------------------------------------------
 *
 * checkdigit.c
 *	  Check digits of card ids
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/sortsupport.h"

#include "compat.h"
#include "card_id.h"
#include "core/checkdigit.h"
#include "type_support.h"

PG_FUNCTION_INFO_V1(screissue_luhn_valid);
PG_FUNCTION_INFO_V1(screissue_mod97_valid);

/*
 * Does a card id pass a check?  One that is not of digits does not.
 */
static bool
passes(struct varlena *card, bool (*check)(const char *digits, size_t len))
{
	char digits[CARD_ID_MAX_TEXT];
	size_t len;

	if (card_id_kind(VARLENA_IMAGE(card)) != CARD_ID_DIGITS)
		return false;
	len = card_id_format(VARLENA_IMAGE(card), VARLENA_IMAGE_LEN(card), digits);
	return check(digits, len);
}

Datum
screissue_luhn_valid(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(passes(PG_GETARG_CARD_ID_PP(0), checkdigit_luhn));
}

Datum
screissue_mod97_valid(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(passes(PG_GETARG_CARD_ID_PP(0), checkdigit_mod97));
}
