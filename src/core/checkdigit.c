/*-------------------------------------------------------------------------
 *
 * checkdigit.c
 *	  Check digits of card numbers, check characters of texts
 *
 * Card numbers are ASCII digits, check digits included.  Texts are of 0-9 and
 * A-Z, without their check characters: those are computed, to be compared.
 *
 *-------------------------------------------------------------------------
 */
#include "checkdigit.h"

/* The character set of ISO/IEC 7064 for alphanumeric strings */
static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*";

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

/* Value of one of 0-9A-Z, -1 if it is none. */
int
checkdigit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 10;
	return -1;
}

/*
 * What a check has to add to a text so that the whole leaves 1 (ISO/IEC 7064
 * clause 7, pure systems, recursive method).  Characters count at least as 0.
 */
static unsigned
pure_remainder(const char *text, size_t len, unsigned modulus, unsigned radix)
{
	unsigned rest = 0;

	for (size_t i = 0; i < len; i++)
	{
		int value = checkdigit_value(text[i]);

		rest = (rest + (value < 0 ? 0 : (unsigned) value)) * radix % modulus;
	}
	return rest;
}

/*
 * ISO/IEC 7064 MOD 37-2: one check character, which may be '*'.  37 is a
 * prime that 2 generates, so any one character replaced and any two within 36
 * places exchanged are found; and in a text of up to five, check character
 * included, one letter taken for another wherever it stands, such as O for 0.
 */
char
checkdigit_mod37_2(const char *text, size_t len)
{
	return alphabet[(37 + 1 - pure_remainder(text, len, 37, 2)) % 37];
}

/*
 * ISO/IEC 7064 MOD 1271-36: two check characters of 0-9A-Z, which find any
 * one character replaced and any two neighbours exchanged.
 */
void
checkdigit_mod1271_36(const char *text, size_t len, char *check)
{
	unsigned rest = pure_remainder(text, len, 1271, 36) * 36 % 1271;
	unsigned value = (1271 + 1 - rest) % 1271;

	check[0] = alphabet[value / 36];
	check[1] = alphabet[value % 36];
}
