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
#include "registry.h"
#include "screissue.h"
#include "type_support.h"

PG_FUNCTION_INFO_V1(screissue_luhn_valid);
PG_FUNCTION_INFO_V1(screissue_mod97_valid);
PG_FUNCTION_INFO_V1(screissue_check_card_id);

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

pg_noreturn static void raise_check(struct varlena *card, const char *check);

static void
raise_check(struct varlena *card, const char *check)
{
	char masked[CARD_ID_MAX_MASK];
	int len = (int) card_id_mask(VARLENA_IMAGE(card), VARLENA_IMAGE_LEN(card), masked);

	ereport(ERROR,
			errcode(ERRCODE_SR_CARD_CHECK),
			errmsg("card \"%.*s\" fails the %s check of its platform", len, masked, check));
}

/*
 * check_card_id(card, platform_type): raises SR010 unless the id passes the check
 * of its platform, 22023 if there is no such platform.
 */
Datum
screissue_check_card_id(PG_FUNCTION_ARGS)
{
	struct varlena *card = PG_GETARG_CARD_ID_PP(0);
	int platform_type = PG_GETARG_INT32(1);
	IssuerRow issuer;
	PlatformRow platform;

	screissue_get_issuer(&issuer);
	if (!screissue_find_platform(&issuer, platform_type, &platform))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("unknown platform type %d", platform_type),
				errhint("Platform types are rows of screissue.platform."));
	if (platform.luhn && !passes(card, checkdigit_luhn))
		raise_check(card, "luhn");
	if (platform.mod97 && !passes(card, checkdigit_mod97))
		raise_check(card, "mod97");
	PG_RETURN_VOID();
}
