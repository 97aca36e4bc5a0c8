/*-------------------------------------------------------------------------
 *
 * paper.c
 *	  Forms on paper: printing, and reading what somebody typed from one
 *
 * A form is a title and a line for each field, in a fixed order:
 *
 *		SCREISSUE NOTICE 1
 *		ISSUER    BANK3 JPXX2 7A
 *		...
 *		SHEET     1J4KF Z0Q8* 3M
 *
 * After the label come groups of five characters, four of data and their
 * check character (ISO/IEC 7064 MOD 37-2), and at the end of the line a group
 * of two: check characters (MOD 1271-36) of the form, its version, the label
 * and the data.  The data of the last line are a digest of all lines before.
 * So one character replaced, or two exchanged, is found in its group; a group
 * out of place, or a line of another form, in its line; a line of another
 * sheet, at the end.
 *
 * Data are 0-9A-Z.  A value writes its digits and letters as they are, or in
 * upper case if the field is one of small letters; X and two hexadecimal
 * digits is any other character, X itself included; X without hexadecimal
 * digits fills the last group up.  No group at all is no value, a group of
 * nothing but X an empty one.  Every value has one such form.
 *
 * Typed text may be in lower case.  Groups stand apart by spaces, tabs or
 * hyphens, lines end as on any system, empty lines do not count.
 *
 * The form must never change under its version: paper lasts.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "checkdigit.h"
#include "crypto.h"
#include "paper.h"
#include "parse.h"

#define ESCAPE 'X'
#define GROUP_LEN (PAPER_GROUP_DATA + 1)
#define LINE_CHECK_LEN 2
#define SHEET_CODE_LEN 8
#define MAX_PREFIX 30

typedef enum LetterCase
{
	UPPER,
	LOWER
} LetterCase;

typedef struct Field
{
	const char *label;
	LetterCase letters;
} Field;

typedef struct Form
{
	const char *name;
	const char *title[3];
	unsigned fields;
	Field field[PAPER_MAX_FIELDS];
} Form;

static const char sheet_label[] = "SHEET";

static const Form forms[PAPER_FORMS] = {
	[PAPER_NOTICE] = {
		.name = "notice",
		.title = {"SCREISSUE", "NOTICE", "1"},
		.fields = 11,
		.field = {
			{"ISSUER", UPPER},
			{"PROVIDER", UPPER},
			{"NUMBER", UPPER},
			{"KIND", LOWER},
			{"PLATFORM", UPPER},
			{"NEWCARD", UPPER},
			{"OLDCARD", UPPER},
			{"APP", UPPER},
			{"MESSAGE", UPPER},
			{"REASON", LOWER},
			{"NOTED", UPPER},
		},
	},
	[PAPER_REPLY] = {
		.name = "reply",
		.title = {"SCREISSUE", "REPLY", "1"},
		.fields = 7,
		.field = {
			{"ISSUER", UPPER},
			{"APP", UPPER},
			{"ASKED", UPPER},
			{"PLATFORM", UPPER},
			{"REISSUED", UPPER},
			{"MESSAGE", UPPER},
			{"OLDCARD", UPPER},
		},
	},
	[PAPER_PERMISSION] = {
		.name = "permission",
		.title = {"SCREISSUE", "PERMISSION", "1"},
		.fields = 7,
		.field = {
			{"MESSAGE", UPPER},
			{"APP", UPPER},
			{"PLATFORM", UPPER},
			{"CARD", UPPER},
			{"INHERITS", UPPER},
			{"FEE", UPPER},
			{"CURRENCY", UPPER},
		},
	},
};

/*
 * What the check characters of a line, and of the sheet, are computed of:
 * form, version, label and data.  Of the sheet: all of them, line by line.
 */
typedef struct Contents
{
	size_t len;
	size_t line_start;
	char text[(PAPER_MAX_FIELDS + 1) * (MAX_PREFIX + PAPER_MAX_DATA)];
} Contents;

bool
paper_find_form(const char *name, size_t len, PaperForm *form)
{
	for (int i = 0; i < PAPER_FORMS; i++)
	{
		if (strlen(forms[i].name) == len && memcmp(forms[i].name, name, len) == 0)
		{
			*form = (PaperForm) i;
			return true;
		}
	}
	return false;
}

/* The second word of the title, which tells forms apart. */
const char *
paper_title(PaperForm form)
{
	return forms[form].title[1];
}

unsigned
paper_field_count(PaperForm form)
{
	return forms[form].fields;
}

/* Label of a line, NULL for the title and behind the last line. */
const char *
paper_label(PaperForm form, unsigned line)
{
	if (line < 2 || line > forms[form].fields + 2)
		return NULL;
	return line == forms[form].fields + 2 ? sheet_label : forms[form].field[line - 2].label;
}

static void
put(Contents *contents, const char *text, size_t len)
{
	memcpy(contents->text + contents->len, text, len);
	contents->len += len;
}

/* Begin a line: all but its data. */
static void
begin_line(Contents *contents, const Form *form, const char *label)
{
	contents->line_start = contents->len;
	put(contents, form->title[1], strlen(form->title[1]));
	put(contents, form->title[2], strlen(form->title[2]));
	put(contents, label, strlen(label));
}

static void
line_check(const Contents *contents, char *check)
{
	checkdigit_mod1271_36(contents->text + contents->line_start, contents->len - contents->line_start, check);
}

/* The code of a sheet: its SHA-256 digest, cut to eight characters. */
static bool
sheet_code(const Contents *contents, char *code)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	uint8_t digest[CRYPTO_SHA256_SIZE];
	uint64_t value;

	if (!crypto_sha256(contents->text, contents->len, digest))
		return false;
	value = parse_load_be64(digest, sizeof(digest));
	for (int i = SHEET_CODE_LEN - 1; i >= 0; i--)
	{
		code[i] = digits[value % 36];
		value /= 36;
	}
	return true;
}

/* The character that stands for this one on paper, 0 if it needs an escape. */
static char
native_form(char c, LetterCase letters)
{
	char upper = parse_to_upper(c);

	if (parse_is_digit(c))
		return c;
	if (parse_is_upper(upper) && upper != ESCAPE && (letters == UPPER) == parse_is_upper(c))
		return upper;
	return 0;
}

static bool
is_printable(char c)
{
	return c >= 0x20 && c <= 0x7E;
}

/*
 * Write a value as data, in whole groups, into a buffer of PAPER_MAX_DATA
 * bytes; false if it is too long or not of printable ASCII.
 */
static bool
encode(const PaperValue *value, LetterCase letters, char *data, size_t *data_len)
{
	size_t len = 0;

	*data_len = 0;
	if (!value->given)
		return true;
	if (value->len > PAPER_MAX_VALUE)
		return false;
	for (size_t i = 0; i < value->len; i++)
	{
		char native = native_form(value->text[i], letters);
		uint8_t byte = (uint8_t) value->text[i];

		if (!is_printable(value->text[i]))
			return false;
		if (native != 0)
			data[len++] = native;
		else
		{
			data[len++] = ESCAPE;
			len += parse_put_hex(&byte, 1, "0123456789ABCDEF", data + len);
		}
	}
	while (len == 0 || len % PAPER_GROUP_DATA != 0)
		data[len++] = ESCAPE;
	*data_len = len;
	return true;
}

/* The value that is written so; false if there is none. */
static bool
decode(const char *data, size_t data_len, LetterCase letters, PaperValue *value)
{
	char again[PAPER_MAX_DATA];
	size_t again_len;
	size_t i = 0;

	value->given = data_len > 0;
	value->len = 0;
	while (i < data_len)
	{
		uint8_t byte = (uint8_t) data[i];

		if (data[i] != ESCAPE)
		{
			if (letters == LOWER && parse_is_upper(data[i]))
				byte = (uint8_t) (data[i] - 'A' + 'a');
			i++;
		}
		else if (data_len - i >= 3 && parse_hex(data + i + 1, 1, &byte))
			i += 3;
		else
			break;
		if (value->len == PAPER_MAX_VALUE)
			return false;
		value->text[value->len++] = (char) byte;
	}
	/* What is left fills up.  No other data write this value. */
	return encode(value, letters, again, &again_len) &&
		again_len == data_len && memcmp(again, data, data_len) == 0;
}

/* Write a line that contents ends with; returns its length. */
static size_t
print_line(const Contents *contents, const char *label, const char *data, size_t data_len, char *text)
{
	size_t len = strlen(label);

	memcpy(text, label, len);
	while (len < PAPER_LABEL_WIDTH)
		text[len++] = ' ';
	for (size_t i = 0; i < data_len; i += PAPER_GROUP_DATA)
	{
		memcpy(text + len, data + i, PAPER_GROUP_DATA);
		len += PAPER_GROUP_DATA;
		text[len++] = checkdigit_mod37_2(data + i, PAPER_GROUP_DATA);
		text[len++] = ' ';
	}
	line_check(contents, text + len);
	len += LINE_CHECK_LEN;
	text[len++] = '\n';
	return len;
}

/*
 * Print a form into a buffer of PAPER_MAX_TEXT bytes.  PAPER_VALUE, and the
 * line: a value that does not go on paper.
 */
PaperStatus
paper_print(PaperForm form_id, const PaperValue *values, char *text, size_t *text_len, PaperPlace *place)
{
	const Form *form = &forms[form_id];
	Contents contents = {0};
	char code[SHEET_CODE_LEN];
	size_t len = 0;

	place->group = 0;
	for (int i = 0; i < 3; i++)
	{
		memcpy(text + len, form->title[i], strlen(form->title[i]));
		len += strlen(form->title[i]);
		text[len++] = i < 2 ? ' ' : '\n';
	}
	for (unsigned i = 0; i < form->fields; i++)
	{
		char data[PAPER_MAX_DATA];
		size_t data_len;

		place->line = i + 2;
		if (!encode(&values[i], form->field[i].letters, data, &data_len))
			return PAPER_VALUE;
		begin_line(&contents, form, form->field[i].label);
		put(&contents, data, data_len);
		len += print_line(&contents, form->field[i].label, data, data_len, text + len);
	}
	if (!sheet_code(&contents, code))
		return PAPER_FAULT;
	begin_line(&contents, form, sheet_label);
	put(&contents, code, SHEET_CODE_LEN);
	*text_len = len + print_line(&contents, sheet_label, code, SHEET_CODE_LEN, text + len);
	return PAPER_OK;
}

/* Text of which a part was read */
typedef struct Rest
{
	const char *next;
	const char *end;
} Rest;

static bool
is_separator(char c)
{
	return c == ' ' || c == '\t' || c == '-';
}

static bool
is_line_end(char c)
{
	return c == '\n' || c == '\r';
}

/* Take the next group of a line; false if there is none. */
static bool
take_group(Rest *line, Rest *group)
{
	while (line->next < line->end && is_separator(*line->next))
		line->next++;
	group->next = line->next;
	while (line->next < line->end && !is_separator(*line->next))
		line->next++;
	group->end = line->next;
	return group->next < group->end;
}

static bool
at_end(Rest line)
{
	Rest group;

	return !take_group(&line, &group);
}

/* Take the next line that is not empty; false if there is none. */
static bool
take_line(Rest *text, Rest *line)
{
	while (text->next < text->end)
	{
		line->next = text->next;
		while (text->next < text->end && !is_line_end(*text->next))
			text->next++;
		line->end = text->next;
		if (text->next < text->end)
			text->next++;
		if (!at_end(*line))
			return true;
	}
	return false;
}

/* Is this the next group of a line? */
static bool
take_word(Rest *line, const char *word)
{
	Rest group;
	size_t len = strlen(word);

	if (!take_group(line, &group) || (size_t) (group.end - group.next) != len)
		return false;
	for (size_t i = 0; i < len; i++)
	{
		if (parse_to_upper(group.next[i]) != word[i])
			return false;
	}
	return true;
}

static bool
is_title(Rest line, const Form *form)
{
	return take_word(&line, form->title[0]) && take_word(&line, form->title[1]) &&
		take_word(&line, form->title[2]) && at_end(line);
}

/* The characters of a group of this length, in upper case */
static PaperStatus
read_group(const Rest *group, size_t len, bool star_at_end, char *characters)
{
	if ((size_t) (group->end - group->next) != len)
		return PAPER_GROUP_LENGTH;
	for (size_t i = 0; i < len; i++)
	{
		char c = parse_to_upper(group->next[i]);

		if (checkdigit_value(c) < 0 && !(c == '*' && star_at_end && i == len - 1))
			return PAPER_CHARACTER;
		characters[i] = c;
	}
	return PAPER_OK;
}

/*
 * Read the groups of a line behind its label into a buffer of PAPER_MAX_DATA
 * bytes.  contents has the beginning of the line, and gets the data.
 */
static PaperStatus
read_groups(Rest line, Contents *contents, char *data, size_t *data_len, unsigned *group_no)
{
	char characters[GROUP_LEN];
	char check[LINE_CHECK_LEN];
	PaperStatus status;
	Rest group;

	*data_len = 0;
	*group_no = 0;
	for (;;)
	{
		(*group_no)++;
		if (!take_group(&line, &group))
			return PAPER_GROUP_LENGTH;
		if (at_end(line) && group.end - group.next != GROUP_LEN)
			break;
		status = read_group(&group, GROUP_LEN, true, characters);
		if (status != PAPER_OK)
			return status;
		if (checkdigit_mod37_2(characters, PAPER_GROUP_DATA) != characters[PAPER_GROUP_DATA])
			return PAPER_GROUP_CHECK;
		if (*data_len == PAPER_MAX_DATA)
			return PAPER_LINE_LENGTH;
		memcpy(data + *data_len, characters, PAPER_GROUP_DATA);
		*data_len += PAPER_GROUP_DATA;
	}
	status = read_group(&group, LINE_CHECK_LEN, false, characters);
	if (status != PAPER_OK)
		return status;
	put(contents, data, *data_len);
	line_check(contents, check);
	return memcmp(check, characters, LINE_CHECK_LEN) == 0 ? PAPER_OK : PAPER_LINE_CHECK;
}

/* Read the next line of the form: its label and its data. */
static PaperStatus
read_line(Rest *text, const Form *form, const char *label, Contents *contents, char *data, size_t *data_len, PaperPlace *place)
{
	Rest line;

	place->line++;
	place->group = 0;
	if (!take_line(text, &line))
		return PAPER_MISSING;
	if (!take_word(&line, label))
		return PAPER_LABEL;
	begin_line(contents, form, label);
	return read_groups(line, contents, data, data_len, &place->group);
}

/*
 * Read what somebody typed from a form, or tell the first place where it
 * cannot be what was printed.
 */
PaperStatus
paper_read(PaperForm form_id, const char *text, size_t len, PaperValue *values, PaperPlace *place)
{
	const Form *form = &forms[form_id];
	Rest rest = {text, text + len};
	Rest line;
	Contents contents = {0};
	char data[PAPER_MAX_DATA];
	char code[SHEET_CODE_LEN];
	size_t data_len;
	PaperStatus status;

	place->line = 1;
	place->group = 0;
	if (!take_line(&rest, &line) || !is_title(line, form))
		return PAPER_TITLE;
	for (unsigned i = 0; i < form->fields; i++)
	{
		status = read_line(&rest, form, form->field[i].label, &contents, data, &data_len, place);
		if (status != PAPER_OK)
			return status;
		if (!decode(data, data_len, form->field[i].letters, &values[i]))
		{
			place->group = 0;
			return PAPER_VALUE;
		}
	}
	if (!sheet_code(&contents, code))
		return PAPER_FAULT;
	status = read_line(&rest, form, sheet_label, &contents, data, &data_len, place);
	if (status != PAPER_OK)
		return status;
	place->group = 0;
	if (data_len != SHEET_CODE_LEN || memcmp(data, code, SHEET_CODE_LEN) != 0)
		return PAPER_SHEET;
	place->line++;
	return take_line(&rest, &line) ? PAPER_SURPLUS : PAPER_OK;
}
