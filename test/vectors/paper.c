/*
 * Check characters of ISO/IEC 7064 by published vectors, and what forms on
 * paper promise: of a thousand random forms each character replaced by any
 * other, and each two neighbours exchanged, is found where it is.
 *
 * Prints TAP.  An argument is the seed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/core/paper.c"

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
static int number;
static int failures;

static void
ok(bool good, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++number, what);
	failures += !good;
}

static unsigned
random_below(unsigned bound)
{
	static unsigned long long state;

	if (state == 0)
		state = (unsigned long long) rand() << 1 | 1;
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned) (state >> 33) % bound;
}

static bool
mod37_2_is(const char *text, char check)
{
	return checkdigit_mod37_2(text, strlen(text)) == check;
}

static bool
mod1271_36_is(const char *text, const char *check)
{
	char computed[2];

	checkdigit_mod1271_36(text, strlen(text), computed);
	return memcmp(computed, check, 2) == 0;
}

/* Every character replaced, and every two exchanged, in a thousand texts. */
static void
check_characters(void)
{
	unsigned missed37 = 0;
	unsigned missed1271 = 0;

	for (int round = 0; round < 1000; round++)
	{
		char text[24];
		size_t len = 1 + random_below(sizeof(text));
		char one;
		char two[2];
		char other[2];

		for (size_t i = 0; i < len; i++)
			text[i] = alphabet[random_below(36)];
		one = checkdigit_mod37_2(text, len);
		checkdigit_mod1271_36(text, len, two);
		for (size_t i = 0; i < len; i++)
		{
			char right = text[i];

			for (int c = 0; c < 36; c++)
			{
				if (alphabet[c] == right)
					continue;
				text[i] = alphabet[c];
				missed37 += checkdigit_mod37_2(text, len) == one;
				checkdigit_mod1271_36(text, len, other);
				missed1271 += memcmp(two, other, 2) == 0;
			}
			text[i] = right;
			for (size_t j = i + 1; j < len; j++)
			{
				if (text[j] == right)
					continue;
				text[i] = text[j];
				text[j] = right;
				missed37 += checkdigit_mod37_2(text, len) == one;
				checkdigit_mod1271_36(text, len, other);
				missed1271 += j == i + 1 && memcmp(two, other, 2) == 0;
				text[j] = text[i];
				text[i] = right;
			}
		}
	}
	ok(missed37 == 0, "E29: MOD 37-2 misses no character replaced and no two exchanged");
	ok(missed1271 == 0, "E29: MOD 1271-36 misses no character replaced and no two neighbours exchanged");
}

/* In a group, 0 typed as O, or 1 as I, wherever they stand. */
static void
check_lookalikes(void)
{
	static const char *const pairs[] = {"0O", "1I", "2Z", "5S", "8B"};
	unsigned missed = 0;

	for (int pair = 0; pair < 5; pair++)
	{
		for (int round = 0; round < 2000; round++)
		{
			char text[4];
			char check;
			unsigned places = 1 + random_below(15);

			for (int i = 0; i < 4; i++)
				text[i] = places >> i & 1 ? pairs[pair][0] : alphabet[random_below(36)];
			check = checkdigit_mod37_2(text, 4);
			for (int i = 0; i < 4; i++)
			{
				if (places >> i & 1)
					text[i] = pairs[pair][1];
			}
			missed += checkdigit_mod37_2(text, 4) == check;
		}
	}
	ok(missed == 0, "E29: a letter typed for a digit, once or throughout a group, is found");
}

/* Line and group of a character of a printed form; group 0: title or label */
typedef struct Spot
{
	unsigned line;
	unsigned group;
} Spot;

static Spot
spot_of(const char *text, size_t at)
{
	Spot spot = {1, 0};
	bool between = false;

	for (size_t i = 0; i < at; i++)
	{
		if (text[i] == '\n')
		{
			spot.line++;
			spot.group = 0;
			between = false;
		}
		else if (text[i] == ' ')
			between = true;
		else if (between)
		{
			spot.group++;
			between = false;
		}
	}
	if (between && text[at] != ' ' && text[at] != '\n')
		spot.group++;
	if (spot.line == 1)
		spot.group = 0;
	return spot;
}

static void
random_values(PaperForm form, PaperValue *values)
{
	for (unsigned i = 0; i < paper_field_count(form); i++)
	{
		values[i].given = random_below(8) > 0;
		values[i].len = random_below(24);
		for (size_t j = 0; j < values[i].len; j++)
			values[i].text[j] = random_below(6) > 0 ? alphabet[random_below(36)] : (char) (0x20 + random_below(0x5F));
	}
}

/*
 * Is a form with a mistake between these two characters refused, there?  A
 * fault between two groups, or in front of the first, may be found in either.
 */
static bool
is_located(PaperForm form, const char *text, size_t len, const char *typed, size_t from, size_t to)
{
	PaperValue values[PAPER_MAX_FIELDS];
	PaperPlace place;
	PaperStatus status = paper_read(form, typed, len, values, &place);
	Spot first = spot_of(text, from);
	Spot last = spot_of(text, to);

	if (status == PAPER_OK)
		return false;
	if (place.line < first.line || place.line > last.line)
		return false;
	if (first.line != last.line)
		return true;
	return place.group >= first.group && place.group <= last.group + (text[to] == ' ' || text[from] == ' ');
}

static char
upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char) (c - 'a' + 'A') : c;
}

/* Do both stand for the same to who reads a form? */
static bool
same_ink(char a, char b)
{
	static const char separators[] = " -\t";
	static const char line_ends[] = "\n\r";

	return upper(a) == upper(b) || (strchr(separators, a) != NULL && strchr(separators, b) != NULL) ||
		(strchr(line_ends, a) != NULL && strchr(line_ends, b) != NULL);
}

static void
check_forms(void)
{
	unsigned tried = 0;
	unsigned missed = 0;

	for (int round = 0; round < 1000; round++)
	{
		PaperForm form = (PaperForm) random_below(PAPER_FORMS);
		PaperValue values[PAPER_MAX_FIELDS];
		PaperPlace place;
		char text[PAPER_MAX_TEXT];
		char typed[PAPER_MAX_TEXT];
		size_t len;

		random_values(form, values);
		if (paper_print(form, values, text, &len, &place) != PAPER_OK)
			missed++;
		memcpy(typed, text, len);
		/* The last character is the end of the last line. */
		for (size_t i = 0; i + 2 < len; i++)
		{
			/* Not by a line end: the two characters before it may happen to fit. */
			typed[i] = (char) (1 + random_below(255));
			if (typed[i] != '\n' && typed[i] != '\r' && !same_ink(typed[i], text[i]))
			{
				tried++;
				missed += !is_located(form, text, len, typed, i, i);
			}
			typed[i] = text[i + 1];
			typed[i + 1] = text[i];
			if (!same_ink(typed[i], text[i]))
			{
				tried++;
				missed += !is_located(form, text, len, typed, i, i + 1);
			}
			memcpy(typed + i, text + i, 2);
		}
	}
	printf("# %u forms with a mistake\n", tried);
	ok(tried > 300000 && missed == 0, "E29: forms with one character replaced, or two neighbours exchanged, are refused, and where it is");
}

int
main(int argc, char **argv)
{
	unsigned seed = argc > 1 ? (unsigned) atoi(argv[1]) : 7064;

	srand(seed);
	printf("# seed %u\n", seed);
	ok(mod37_2_is("G123489654321", 'Y'), "MOD 37-2: a donation of ISBT 128");
	ok(mod37_2_is("A999914123456", 'N'), "MOD 37-2: another");
	ok(mod1271_36_is("ISO79", "3W"), "MOD 1271-36: the example of ISO/IEC 7064");
	check_characters();
	check_lookalikes();
	check_forms();
	printf("1..%d\n", number);
	return failures > 0;
}
