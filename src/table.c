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

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "compat.h"
#include "table.h"

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

pg_noreturn static void raise_shape(Relation relation);

static void
raise_shape(Relation relation)
{
	ereport(ERROR,
			errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("table \"%s\" does not have the columns that setup gave it", RelationGetRelationName(relation)));
}

static void
check_columns(Relation relation, const ColumnShape *shape, int columns)
{
	for (int i = 0; i < columns; i++)
	{
		if (!column_fits(RelationGetDescr(relation), i, &shape[i]))
			raise_shape(relation);
	}
}

/* A relation by its full name; InvalidOid if there is none. */
Oid
screissue_find_relation(const char *schema, const char *name)
{
	Oid namespace = get_namespace_oid(schema, true);

	return OidIsValid(namespace) ? get_relname_relid(name, namespace) : InvalidOid;
}

/* The same; raises 42P01 if there is none. */
Oid
screissue_require_relation(const char *schema, const char *name)
{
	Oid oid = screissue_find_relation(schema, name);

	if (!OidIsValid(oid))
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("relation \"%s.%s\" does not exist", schema, name));
	return oid;
}

/*
 * Open a relation that has, first, the columns of the shape.  Raises 42P01 if
 * it is not there, 55000 if it is something else.  No right is asked for,
 * neither to the relation nor to its schema.  The caller closes it.
 */
Relation
screissue_open_relation(const char *schema, const char *name, LOCKMODE lockmode, const ColumnShape *shape, int columns)
{
	Relation relation = table_open(screissue_require_relation(schema, name), lockmode);

	check_columns(relation, shape, columns);
	return relation;
}

/* The same, for a plain table. */
Relation
screissue_open_table(const char *schema, const char *name, LOCKMODE lockmode, const ColumnShape *shape, int columns)
{
	Relation table = screissue_open_relation(schema, name, lockmode, shape, columns);

	if (table->rd_rel->relkind != RELKIND_RELATION)
		raise_shape(table);
	return table;
}

/* Raise 55000 unless this is a plain table with the columns of the shape. */
void
screissue_check_table(Relation table, const ColumnShape *shape, int columns)
{
	check_columns(table, shape, columns);
	if (table->rd_rel->relkind != RELKIND_RELATION)
		raise_shape(table);
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
 * Open the index of the primary key, which is to be made of so many columns,
 * the first ones; raises 55000 if it is not.
 */
Relation
screissue_open_primary_key(Relation table, LOCKMODE lockmode, int columns)
{
	Relation index = index_open(screissue_primary_key(table), lockmode);
	bool fits = index->rd_index->indnkeyatts == columns;

	for (int i = 0; i < columns && fits; i++)
		fits = index->rd_index->indkey.values[i] == i + 1;
	if (!fits)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("table \"%s\" does not have the primary key that setup gave it", RelationGetRelationName(table)));
	return index;
}

/*
 * Plan the statement for the session, again if the types of its arguments are
 * no longer those that it was planned for (the extension was made anew).  No
 * values go into the plan, which any caller can read with debug_print_plan.
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

	statement->plan = SPI_prepare_cursor(statement->text, statement->arguments, unconstify(Oid *, statement->argument_types), CURSOR_OPT_GENERIC_PLAN);
	if (statement->plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", statement->text, SPI_result_code_string(SPI_result));
	SPI_keepplan(statement->plan);
}

static void
read_rows(SPITupleTable *rows, RowReader read, void *result)
{
	Datum *values = palloc(rows->tupdesc->natts * sizeof(Datum));
	bool *isnull = palloc(rows->tupdesc->natts * sizeof(bool));

	for (uint64 i = 0; i < rows->numvals; i++)
	{
		heap_deform_tuple(rows->vals[i], rows->tupdesc, values, isnull);
		read(rows->tupdesc, values, isnull, result);
	}
}

/*
 * Run a statement with the rights of the owner of the table; nulls as for SPI.
 * A reader gets each row, while it is there.  Returns the number of rows.
 * An error leaves the role to the end of the transaction, which gives it back.
 */
static uint64
run(Relation table, SavedStatement *statement, Datum *values, const char *nulls, RowReader read, void *result)
{
	Oid role;
	int security_context;
	int status;
	uint64 rows;

	GetUserIdAndSecContext(&role, &security_context);
	SetUserIdAndSecContext(table->rd_rel->relowner, security_context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	SPI_connect();

	prepare(statement);
	status = SPI_execute_plan(statement->plan, values, nulls, read != NULL && !statement->locks, 0);
	if (status < 0)
		elog(ERROR, "could not execute \"%s\": %s", statement->text, SPI_result_code_string(status));
	rows = SPI_processed;
	if (read != NULL && rows > 0)
		read_rows(SPI_tuptable, read, result);

	SPI_finish();
	SetUserIdAndSecContext(role, security_context);
	return rows;
}

/* Run an INSERT or UPDATE of this table; returns the number of rows. */
uint64
screissue_execute(Relation table, SavedStatement *statement, Datum *values, const char *nulls)
{
	return run(table, statement, values, nulls, NULL, NULL);
}

/*
 * Read the rows of a query, under the snapshot that is active, or, to lock them,
 * a new one; false if there is none.
 */
bool
screissue_select(Relation table, SavedStatement *statement, Datum *values, const char *nulls, RowReader read, void *result)
{
	return run(table, statement, values, nulls, read, result) > 0;
}

/*
 * Has the table what setup gave it, and no more?  Further columns may have defaults
 * or be generated, and some triggers are about a statement, or about the columns
 * that it names: then a statement is to write the rows.
 */
bool
screissue_is_unaltered(Relation table, int columns)
{
	const TriggerDesc *triggers = table->trigdesc;

	if (RelationGetNumberOfAttributes(table) != columns || table->rd_rules != NULL)
		return false;
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (!TRIGGER_FOR_ROW(trigger->tgtype) || trigger->tgnattr > 0 || trigger->tgoldtable != NULL || trigger->tgnewtable != NULL)
			return false;
	}
	return true;
}

/*
 * Begin to add rows to a plain table without planner and executor.  Who does not
 * add them by screissue_write_row() fires no triggers, looks at no constraints but
 * unique indexes, and knows no defaults: setup gives such tables none.
 */
void
screissue_begin_writing(TableWriter *writer, const char *schema, const char *name, const ColumnShape *shape, int columns)
{
	screissue_begin_writing_to(writer, screissue_open_table(schema, name, RowExclusiveLock, shape, columns), NULL);
}

/*
 * The same, to a table that is open already, and is closed at the end; by a
 * statement if one is given, whose arguments are the first columns of the table.
 */
void
screissue_begin_writing_to(TableWriter *writer, Relation table, SavedStatement *statement)
{
	PreventCommandIfReadOnly("INSERT");
	writer->table = table;
	writer->statement = statement;
	writer->estate = CreateExecutorState();
	if (statement != NULL)
		return;
	writer->target = makeNode(ResultRelInfo);
	InitResultRelInfo(writer->target, writer->table, 0, NULL, 0);
	ExecOpenIndices(writer->target, true);
	writer->estate->es_opened_result_relations = list_make1(writer->target);
	writer->row = table_slot_create(writer->table, &writer->estate->es_tupleTable);
}

/* The row to add, by the command that runs now; columns behind those that are given are null. */
void
screissue_fill_row(TableWriter *writer, const Datum *values, const bool *isnull, int columns)
{
	TupleTableSlot *row = writer->row;

	writer->estate->es_output_cid = GetCurrentCommandId(true);
	ExecClearTuple(row);
	memcpy(row->tts_values, values, columns * sizeof(Datum));
	memcpy(row->tts_isnull, isnull, columns * sizeof(bool));
	for (int i = columns; i < row->tts_tupleDescriptor->natts; i++)
		row->tts_isnull[i] = true;
	ExecStoreVirtualTuple(row);
}

/* Add the row, or put it in place of one that was found, and is locked. */
static void
write_directly(TableWriter *writer, TupleTableSlot *found)
{
	EPQState recheck;

	AfterTriggerBeginQuery();
	if (found == NULL)
		ExecSimpleRelationInsert(writer->target, writer->estate, writer->row);
	else
	{
		EvalPlanQualInit(&recheck, writer->estate, NULL, NIL, -1, NIL);
		ExecSimpleRelationUpdate(writer->target, writer->estate, &recheck, found, writer->row);
		EvalPlanQualEnd(&recheck);
	}
	AfterTriggerEndQuery(writer->estate);
}

static void
write_by_statement(TableWriter *writer, Datum *values, const bool *isnull, int columns)
{
	SavedStatement *statement = writer->statement;
	Oid *types = palloc(columns * sizeof(Oid));
	char *nulls = palloc(columns);

	for (int i = 0; i < columns; i++)
	{
		types[i] = TupleDescAttr(RelationGetDescr(writer->table), i)->atttypid;
		nulls[i] = isnull[i] ? 'n' : ' ';
	}
	statement->arguments = columns;
	statement->argument_types = types;
	screissue_execute(writer->table, statement, values, nulls);
	statement->argument_types = NULL;
}

/*
 * Write a row as INSERT does, or, in place of one that was found, and is locked,
 * as UPDATE does: triggers fire, and all constraints are looked at.
 */
void
screissue_write_row(TableWriter *writer, Datum *values, const bool *isnull, int columns, TupleTableSlot *found)
{
	if (writer->statement != NULL)
		write_by_statement(writer, values, isnull, columns);
	else
	{
		screissue_fill_row(writer, values, isnull, columns);
		write_directly(writer, found);
	}
}

/* The lock on the table stays until the end of the transaction, as ever. */
void
screissue_end_writing(TableWriter *writer)
{
	ExecCloseResultRelations(writer->estate);
	ExecResetTupleTable(writer->estate->es_tupleTable, false);
	FreeExecutorState(writer->estate);
	table_close(writer->table, NoLock);
}
