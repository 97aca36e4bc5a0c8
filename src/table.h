/*-------------------------------------------------------------------------
 *
 * table.h
 *	  How C code reaches the tables of screissue
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_TABLE_H
#define SCREISSUE_TABLE_H

#include "access/tupdesc.h"
#include "executor/spi.h"
#include "nodes/execnodes.h"
#include "storage/lockdefs.h"
#include "utils/relcache.h"

/*
 * A column as the code was written for it.  Tables may have further columns
 * behind those that are listed.
 */
typedef struct ColumnShape
{
	const char *name;
	int16 length; /* as pg_type.typlen */
} ColumnShape;

extern Oid screissue_find_relation(const char *schema, const char *name);
extern Oid screissue_require_relation(const char *schema, const char *name);
extern Relation screissue_open_relation(const char *schema, const char *name, LOCKMODE lockmode, const ColumnShape *shape, int columns);
extern Relation screissue_open_table(const char *schema, const char *name, LOCKMODE lockmode, const ColumnShape *shape, int columns);
extern void screissue_check_table(Relation table, const ColumnShape *shape, int columns);
extern Oid screissue_primary_key(Relation table);
extern Relation screissue_open_primary_key(Relation table, LOCKMODE lockmode, int columns);

/* A statement that is planned once per session, on first use */
typedef struct SavedStatement
{
	const char *text; /* every name in it qualified, operators too */
	int arguments;
	const Oid *argument_types;
	bool locks; /* rows that it reads */
	SPIPlanPtr plan;
} SavedStatement;

/* Takes what is of use of a row's columns; what it keeps it copies. */
typedef void (*RowReader)(TupleDesc descriptor, const Datum *values, const bool *isnull, void *result);

extern uint64 screissue_execute(Relation table, SavedStatement *statement, Datum *values, const char *nulls);
extern bool screissue_select(Relation table, SavedStatement *statement, Datum *values, const char *nulls, RowReader read, void *result);

/* What adding rows to a table needs */
typedef struct TableWriter
{
	Relation table;
	SavedStatement *statement; /* that writes the rows; else NULL, and what follows */
	EState *estate;
	ResultRelInfo *target;
	TupleTableSlot *row; /* the row to add */
} TableWriter;

extern bool screissue_is_unaltered(Relation table, int columns);
extern void screissue_begin_writing(TableWriter *writer, const char *schema, const char *name, const ColumnShape *shape, int columns);
extern void screissue_begin_writing_to(TableWriter *writer, Relation table, SavedStatement *statement);
extern void screissue_fill_row(TableWriter *writer, const Datum *values, const bool *isnull, int columns);
extern void screissue_write_row(TableWriter *writer, Datum *values, const bool *isnull, int columns, TupleTableSlot *found);
extern void screissue_end_writing(TableWriter *writer);

#endif /* SCREISSUE_TABLE_H */
