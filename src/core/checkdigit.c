/*-------------------------------------------------------------------------
 *
 * checkdigit.c
 *	  Check digits of card numbers
 *
 * Both functions take ASCII digits, check digits included.
 *
 *-------------------------------------------------------------------------
 */
#include "checkdigit.h"

/*
 * The Luhn formula (ISO/IEC 7812-1 Annex B: payment cards, ITU-T E.118:
 * ICCID): counted from the right, every second digit is doubled.
 */
bool
checkdigit_luhn(const char *digits, size_t len)
{
	unsigned sum = 0;

	for (size_t i = 0; i < len; i++)
	{
		unsigned digit = (unsigned) (digits[len - 1 - i] - '0');

		if (i % 2 == 1)
			digit = digit < 5 ? 2 * digit : 2 * digit - 9;
		sum += digit;
	}
	return len > 0 && sum % 10 == 0;
}

/*
 * Modulo 97 as the EID of an eSIM has it (GSMA SGP.29; ISO/IEC 7064
 * MOD 97-10): the whole number leaves 1.
 */
bool
checkdigit_mod97(const char *digits, size_t len)
{
	unsigned rest = 0;

	for (size_t i = 0; i < len; i++)
		rest = (rest * 10 + (unsigned) (digits[i] - '0')) % 97;
	return rest == 1;
}
