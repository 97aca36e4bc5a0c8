/*-------------------------------------------------------------------------
 *
 * table.c
 *	  How C code reaches the tables of screissue
 *
 * They are no members of the extension, and code may run with any search_path
 * and as any role: an apply worker has an empty one and is the owner of its
 * subscription.  So tables are opened by their full name, their shape is
 * looked at before values are read by position, and statements run with the
 * rights of the owner of the table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "compat.h"
#include "table.h"

/*
 * Open a table that has, first, the columns of the shape.  Raises 42P01 if it
 * is not there, 55000 if it is something else.  No right is asked for, neither
 * to the table nor to its schema.  The caller closes it.
 */
Relation
screissue_open_table(const char *schema, const char *name, LOCKMODE lockmode, const ColumnShape *shape, int columns)
{
	Oid namespace = get_namespace_oid(schema, true);
	Oid oid = OidIsValid(namespace) ? get_relname_relid(name, namespace) : InvalidOid;
	Relation table;

	if (!OidIsValid(oid))
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("relation \"%s.%s\" does not exist", schema, name));
	table = table_open(oid, lockmode);
	screissue_check_table(table, shape, columns);
	return table;
}

/* Is column number i of the table the one that the shape says? */
static bool
column_fits(TupleDesc descriptor, int i, const ColumnShape *shape)
{
	Form_pg_attribute column;

	if (i >= descriptor->natts)
		return false;
	column = TupleDescAttr(descriptor, i);
	return strcmp(NameStr(column->attname), shape->name) == 0 && column->attlen == shape->length;
}

/* Raise 55000 unless this is a plain table with the columns of the shape. */
void
screissue_check_table(Relation table, const ColumnShape *shape, int columns)
{
	bool fits = table->rd_rel->relkind == RELKIND_RELATION;

	for (int i = 0; i < columns && fits; i++)
		fits = column_fits(RelationGetDescr(table), i, &shape[i]);
	if (!fits)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("table \"%s\" does not have the columns that setup gave it", RelationGetRelationName(table)));
}

/* Index of the primary key; raises 55000 if there is none. */
Oid
screissue_primary_key(Relation table)
{
	Oid index = RelationGetPrimaryKeyIndex(table, false);

	if (!OidIsValid(index))
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("table \"%s\" has no primary key", RelationGetRelationName(table)));
	return index;
}

/*
 * Plan the statement for the session, again if the types of its arguments are
 * no longer those that it was planned for (the extension was made anew).
 */
static void
prepare(SavedStatement *statement)
{
	if (statement->plan != NULL)
	{
		bool same = true;

		for (int i = 0; i < statement->arguments && same; i++)
			same = SPI_getargtypeid(statement->plan, i) == statement->argument_types[i];
		if (same)
			return;
		SPI_freeplan(statement->plan);
		statement->plan = NULL;
	}

	statement->plan = SPI_prepare(statement->text, statement->arguments, unconstify(Oid *, statement->argument_types));
	if (statement->plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", statement->text, SPI_result_code_string(SPI_result));
	SPI_keepplan(statement->plan);
}

/*
 * Run an INSERT or UPDATE of this table with the rights of its owner; nulls
 * as for SPI.  Returns the number of rows.  An error leaves the role to the
 * end of the transaction, which gives it back.
 */
uint64
screissue_execute(Relation table, SavedStatement *statement, Datum *values, const char *nulls)
{
	Oid role;
	int security_context;
	int result;
	uint64 rows;

	GetUserIdAndSecContext(&role, &security_context);
	SetUserIdAndSecContext(table->rd_rel->relowner, security_context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	SPI_connect();

	prepare(statement);
	result = SPI_execute_plan(statement->plan, values, nulls, false, 0);
	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", statement->text, SPI_result_code_string(result));
	rows = SPI_processed;

	SPI_finish();
	SetUserIdAndSecContext(role, security_context);
	return rows;
}
