/*-------------------------------------------------------------------------
 *
 * type_support.h
 *	  What the types of screissue share on the server side
 *
 * A type file has a parser under src/core, one static function that compares
 * two arguments, and the macros below make the rest of the operators from it,
 * so that they cannot disagree.  The server headers named here must come
 * before compat.h, as all of them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_TYPE_SUPPORT_H
#define SCREISSUE_TYPE_SUPPORT_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "nodes/nodes.h"
#include "utils/sortsupport.h"

#include "core/parse.h"

/* Errors of I/O functions (type_support.c) */
extern const char *screissue_parse_detail(ParseStatus status);
extern Datum screissue_invalid_text(Node *escontext, const char *type, const char *echo, ParseStatus status);
extern void screissue_check_binary(const char *type, ParseStatus status);
extern const char *screissue_echo(const char *text);

/* Arguments that must not be null */
extern void screissue_require_argument(FunctionCallInfo fcinfo, int number, const char *name);

/* Binary input: all that is left of the message */
extern const uint8_t *screissue_message_rest(StringInfo message, size_t *len);

/* Results */
extern char *screissue_cstring(const char *text, size_t len);
extern bytea *screissue_varlena(const uint8_t *image, size_t len);

/* The row type of a function, looked up once in a session */
typedef struct RowType
{
	Oid function;
	TupleDesc descriptor;
} RowType;

extern TupleDesc screissue_row_type(FunctionCallInfo fcinfo, RowType *known);

/* Columns of a row that is an argument; nullable: a bit for each that may be null */
extern void screissue_read_record(HeapTupleHeader record, int columns, uint32 nullable, Datum *values, bool *isnull);

/*
 * A varlena argument as image: never with an own 4-byte header in mind, it
 * may be packed.  The pointer is not aligned.
 */
#define VARLENA_IMAGE(v) ((const uint8_t *) VARDATA_ANY(v))
#define VARLENA_IMAGE_LEN(v) ((size_t) VARSIZE_ANY_EXHDR(v))

/* What sorting needs to know about a type kept as varlena image */
typedef struct ImageOrder
{
	int (*compare)(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);
	uint64_t (*abbreviate)(const uint8_t *image, size_t len);
} ImageOrder;

extern void screissue_image_sortsupport(SortSupport ssup, const ImageOrder *order);

/*
 * The functions behind operators and support functions of a type, made from
 *
 *		static int TYPE_compare_arguments(FunctionCallInfo fcinfo)
 *
 * which compares arguments 0 and 1 and frees what it had to detoast.
 */
#define BOOLEAN_OPERATOR(type, name, comparison) \
	PG_FUNCTION_INFO_V1(type##_##name); \
	Datum \
		type##_##name(PG_FUNCTION_ARGS) \
	{ \
		PG_RETURN_BOOL(type##_compare_arguments(fcinfo) comparison 0); \
	}

#define CHOICE_OF_ARGUMENTS(type, name, comparison) \
	PG_FUNCTION_INFO_V1(type##_##name); \
	Datum \
		type##_##name(PG_FUNCTION_ARGS) \
	{ \
		if (type##_compare_arguments(fcinfo) comparison 0) \
			PG_RETURN_DATUM(PG_GETARG_DATUM(0)); \
		PG_RETURN_DATUM(PG_GETARG_DATUM(1)); \
	}

#define EQUALITY_FUNCTIONS(type) \
	BOOLEAN_OPERATOR(type, eq, ==) \
	BOOLEAN_OPERATOR(type, ne, !=)

#define ORDER_FUNCTIONS(type) \
	EQUALITY_FUNCTIONS(type) \
	BOOLEAN_OPERATOR(type, lt, <) \
	BOOLEAN_OPERATOR(type, le, <=) \
	BOOLEAN_OPERATOR(type, gt, >) \
	BOOLEAN_OPERATOR(type, ge, >=) \
	CHOICE_OF_ARGUMENTS(type, smaller, <=) \
	CHOICE_OF_ARGUMENTS(type, larger, >=) \
	PG_FUNCTION_INFO_V1(type##_cmp); \
	Datum \
		type##_cmp(PG_FUNCTION_ARGS) \
	{ \
		PG_RETURN_INT32(type##_compare_arguments(fcinfo)); \
	}

/*
 * Both hash functions of a type kept as varlena image: over all of it, which
 * is what equality sees.
 */
#define IMAGE_HASH_FUNCTIONS(type) \
	PG_FUNCTION_INFO_V1(type##_hash); \
	Datum \
		type##_hash(PG_FUNCTION_ARGS) \
	{ \
		struct varlena *image = PG_GETARG_VARLENA_PP(0); \
		Datum result = hash_any(VARLENA_IMAGE(image), (int) VARLENA_IMAGE_LEN(image)); \
\
		PG_FREE_IF_COPY(image, 0); \
		PG_RETURN_DATUM(result); \
	} \
	PG_FUNCTION_INFO_V1(type##_hash_extended); \
	Datum \
		type##_hash_extended(PG_FUNCTION_ARGS) \
	{ \
		struct varlena *image = PG_GETARG_VARLENA_PP(0); \
		Datum result = hash_any_extended(VARLENA_IMAGE(image), (int) VARLENA_IMAGE_LEN(image), (uint64) PG_GETARG_INT64(1)); \
\
		PG_FREE_IF_COPY(image, 0); \
		PG_RETURN_DATUM(result); \
	}

#endif /* SCREISSUE_TYPE_SUPPORT_H */
