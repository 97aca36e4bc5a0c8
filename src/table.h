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

extern Relation screissue_open_table(const char *schema, const char *name, LOCKMODE lockmode, const ColumnShape *shape, int columns);
extern void screissue_check_table(Relation table, const ColumnShape *shape, int columns);
extern Oid screissue_primary_key(Relation table);

/* A statement that is planned once per session, on first use */
typedef struct SavedStatement
{
	const char *text; /* every name in it qualified, operators too */
	int arguments;
	const Oid *argument_types;
	SPIPlanPtr plan;
} SavedStatement;

extern uint64 screissue_execute(Relation table, SavedStatement *statement, Datum *values, const char *nulls);

#endif /* SCREISSUE_TABLE_H */
