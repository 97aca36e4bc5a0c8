/*-------------------------------------------------------------------------
 *
 * paper.c
 *	  Forms on paper: printing, and reading what somebody typed from one
 *
 * core/paper.c has the forms.  An error tells line and group, and nothing of
 * what was typed: that may be most of a card id.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "compat.h"
#include "core/paper.h"

PG_FUNCTION_INFO_V1(screissue_print_paper);
PG_FUNCTION_INFO_V1(screissue_read_paper);

static PaperForm
find_form(text *name)
{
	PaperForm form;

	if (!paper_find_form(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name), &form))
		elog(ERROR, "unknown form \"%s\"", text_to_cstring(name));
	return form;
}

/* Why a form was refused, as a sentence. */
static const char *
fault_detail(PaperForm form, PaperStatus status, const PaperPlace *place)
{
	switch (status)
	{
		case PAPER_TITLE:
			return psprintf("The form must begin with the line \"SCREISSUE %s 1\".", paper_title(form));
		case PAPER_LABEL:
			return psprintf("The line must begin with \"%s\": the word is mistyped, or a line is left out, doubled or out of order.", paper_label(form, place->line));
		case PAPER_MISSING:
			return "The form ends before this line.";
		case PAPER_GROUP_LENGTH:
			return "A group has five characters, and the last one of a line has two.";
		case PAPER_CHARACTER:
			return "A group consists of digits and letters A to Z; its fifth character may be \"*\", too.";
		case PAPER_GROUP_CHECK:
			return "The check character of the group does not fit.";
		case PAPER_LINE_LENGTH:
			return "The line has too many groups.";
		case PAPER_LINE_CHECK:
			return "The check characters of the line do not fit: they are mistyped, a group is left out, doubled or out of order, or the line is from another form.";
		case PAPER_VALUE:
			return "The groups do not make a value.";
		case PAPER_SHEET:
			return "The lines do not belong together: at least one is from another sheet.";
		case PAPER_SURPLUS:
			return "Nothing may follow the last line.";
		default:
			elog(ERROR, "unexpected fault %d of a form", (int) status);
	}
}

static char *
place_name(PaperForm form, const PaperPlace *place)
{
	const char *label = paper_label(form, place->line);
	char *line = label == NULL ? psprintf("line %u", place->line)
							   : psprintf("line %u (%s)", place->line, label);

	return place->group == 0 ? line : psprintf("%s, group %u", line, place->group);
}

static void
check_fault(PaperStatus status)
{
	if (status == PAPER_FAULT)
		ereport(ERROR,
				errcode(ERRCODE_OUT_OF_MEMORY),
				errmsg("form cannot be checked"),
				errdetail("The cryptographic library failed."));
}

/*
 * screissue.print_paper(form, values): a form with these values, one for each
 * of its fields.
 */
Datum
screissue_print_paper(PG_FUNCTION_ARGS)
{
	PaperForm form = find_form(PG_GETARG_TEXT_PP(0));
	PaperValue values[PAPER_MAX_FIELDS] = {0};
	char *printed = palloc(PAPER_MAX_TEXT);
	size_t len;
	PaperPlace place;
	PaperStatus status;
	Datum *elements;
	bool *nulls;
	int count;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	if ((unsigned) count != paper_field_count(form))
		elog(ERROR, "a form was given %d values", count);
	for (int i = 0; i < count; i++)
	{
		text *value = nulls[i] ? NULL : DatumGetTextPP(elements[i]);

		if (value == NULL)
			continue;
		values[i].given = true;
		values[i].len = VARSIZE_ANY_EXHDR(value);
		memcpy(values[i].text, VARDATA_ANY(value), Min(values[i].len, PAPER_MAX_VALUE));
	}

	status = paper_print(form, values, printed, &len, &place);
	check_fault(status);
	if (status != PAPER_OK)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("value of %s does not go on paper", place_name(form, &place)),
				errdetail("A value on paper is of printable ASCII, at most %d characters.", PAPER_MAX_VALUE));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(printed, (int) len));
}

/*
 * screissue.read_paper(form, typed): the values of a form that somebody typed.
 */
Datum
screissue_read_paper(PG_FUNCTION_ARGS)
{
	PaperForm form = find_form(PG_GETARG_TEXT_PP(0));
	text *typed = PG_GETARG_TEXT_PP(1);
	PaperValue values[PAPER_MAX_FIELDS];
	PaperPlace place;
	PaperStatus status;
	Datum elements[PAPER_MAX_FIELDS];
	bool nulls[PAPER_MAX_FIELDS];
	int count = (int) paper_field_count(form);
	int lower_bound = 1;

	status = paper_read(form, VARDATA_ANY(typed), VARSIZE_ANY_EXHDR(typed), values, &place);
	check_fault(status);
	if (status != PAPER_OK)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				errmsg("form is mistyped in %s", place_name(form, &place)),
				errdetail("%s", fault_detail(form, status, &place)),
				errhint("Compare it with the sheet; nothing was stored."));

	for (int i = 0; i < count; i++)
	{
		nulls[i] = !values[i].given;
		elements[i] = nulls[i] ? (Datum) 0 : PointerGetDatum(cstring_to_text_with_len(values[i].text, (int) values[i].len));
	}
	PG_RETURN_ARRAYTYPE_P(construct_md_array(elements, nulls, 1, &count, &lower_bound, TEXTOID, -1, false, TYPALIGN_INT));
}
