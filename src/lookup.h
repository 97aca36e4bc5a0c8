/*-------------------------------------------------------------------------
 *
 * lookup.h
 *	  Rows of the card issuer, found by the primary key
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_LOOKUP_H
#define SCREISSUE_LOOKUP_H

#include "executor/tuptable.h"
#include "fmgr.h"

#include "table.h"

#define LOOKUP_MAX_KEYS 3

/* Rows by the primary key, which is the first columns of the table */
typedef struct Lookup
{
	const char *schema;
	const char *table;
	const ColumnShape *shape; /* down to the last column that is read */
	int columns;
	int keys; /* columns of the primary key */
	int given; /* of which the first ones are given: all, or rows can be many */
	PGFunction equal[LOOKUP_MAX_KEYS];
	bool traceless; /* who asks must not learn which rows were read */
	bool locks; /* rows are locked for an update, and read as they are then */
	RowReader read; /* called for each row */
	SavedStatement statement;
	Oid argument_types[LOOKUP_MAX_KEYS];
} Lookup;

extern bool screissue_lock_by_key(const Lookup *lookup, Relation table, const Datum *key, TupleTableSlot *row);
extern Relation screissue_open_leaf(Relation table, bool distributed, Datum card, LOCKMODE lockmode);
extern bool screissue_look_up(Lookup *lookup, bool distributed, Datum *key, void *result);

#endif /* SCREISSUE_LOOKUP_H */
