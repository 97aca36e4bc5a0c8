/*
 * control.c
 *	  What valgrind has to find, in a library of the server
 *
 * test/valgrind/run calls each of these in a session of its own.
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(read_uninitialised);
PG_FUNCTION_INFO_V1(read_behind_malloc);
PG_FUNCTION_INFO_V1(read_behind_palloc);

Datum
read_uninitialised(PG_FUNCTION_ARGS)
{
	volatile char bytes[8];

	bytes[0] = 1;
	if (bytes[4] == 1)
		PG_RETURN_NULL();
	PG_RETURN_BOOL(true);
}

Datum
read_behind_malloc(PG_FUNCTION_ARGS)
{
	volatile char *bytes = malloc(24);
	char behind = bytes[24];

	free((void *) bytes);
	PG_RETURN_BOOL(behind == 1);
}

/* Seen if the server was built with -DUSE_VALGRIND: others do not say what is palloc's. */
Datum
read_behind_palloc(PG_FUNCTION_ARGS)
{
	volatile char *bytes = palloc(20);

	PG_RETURN_BOOL(bytes[20] == 1);
}
