/*-------------------------------------------------------------------------
 *
 * paper.h
 *	  Forms on paper: printing, and reading what somebody typed from one
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_CORE_PAPER_H
#define SCREISSUE_CORE_PAPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAPER_MAX_FIELDS 11
#define PAPER_MAX_VALUE 64

#define PAPER_GROUP_DATA 4 /* and the group's check character */
#define PAPER_MAX_DATA (3 * PAPER_MAX_VALUE)
#define PAPER_LABEL_WIDTH 10
#define PAPER_MAX_LINE (PAPER_LABEL_WIDTH + PAPER_MAX_DATA / PAPER_GROUP_DATA * (PAPER_GROUP_DATA + 2) + 4)
#define PAPER_MAX_TEXT (40 + (PAPER_MAX_FIELDS + 1) * PAPER_MAX_LINE)

typedef enum PaperForm
{
	PAPER_NOTICE,
	PAPER_REPLY,
	PAPER_PERMISSION,
	PAPER_FORMS /* keep last */
} PaperForm;

/* A value: printable ASCII, not terminated; NULL if it is not given */
typedef struct PaperValue
{
	bool given;
	size_t len;
	char text[PAPER_MAX_VALUE];
} PaperValue;

/* Why a form was refused */
typedef enum PaperStatus
{
	PAPER_OK = 0,
	PAPER_TITLE, /* it is none, or another form */
	PAPER_LABEL, /* a line begins with the wrong word */
	PAPER_MISSING, /* it ends before a line */
	PAPER_GROUP_LENGTH,
	PAPER_CHARACTER,
	PAPER_GROUP_CHECK,
	PAPER_LINE_LENGTH,
	PAPER_LINE_CHECK,
	PAPER_VALUE, /* the groups are right but make no value */
	PAPER_SHEET, /* the lines are right but do not belong together */
	PAPER_SURPLUS, /* something follows the last line */
	PAPER_FAULT, /* the cryptographic library failed */
	PAPER_STATUS_COUNT /* keep last */
} PaperStatus;

/*
 * Where.  Lines count from 1, the title, without empty ones; groups from 1, 0
 * if the fault is the line's.
 */
typedef struct PaperPlace
{
	unsigned line;
	unsigned group;
} PaperPlace;

extern bool paper_find_form(const char *name, size_t len, PaperForm *form);
extern const char *paper_title(PaperForm form);
extern unsigned paper_field_count(PaperForm form);
extern const char *paper_label(PaperForm form, unsigned line);

extern PaperStatus paper_print(PaperForm form, const PaperValue *values,
							   char *text, size_t *text_len,
							   PaperPlace *place);
extern PaperStatus paper_read(PaperForm form, const char *text, size_t len,
							  PaperValue *values, PaperPlace *place);

#endif /* SCREISSUE_CORE_PAPER_H */
