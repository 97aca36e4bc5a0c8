/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  One server API for PostgreSQL 15 to 18: the newest one.
 *
 * The only file that looks at PG_VERSION_NUM.  Include it after the server's
 * headers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_COMPAT_H
#define SCREISSUE_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "screissue needs PostgreSQL 15 or later"
#endif

#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#include "varatt.h"
#else
/* Soft errors: before 16 every error is a hard one. */
#define errsave(context, ...) \
	do \
	{ \
		(void) (context); \
		ereport(ERROR, __VA_ARGS__); \
	} while (0)
#define ereturn(context, dummy_value, ...) \
	do \
	{ \
		errsave(context, __VA_ARGS__); \
		return dummy_value; \
	} while (0)
#endif

/*
 * 16: whether only summarizing indexes are to be written; which tables a recheck
 * is about.
 */
#if PG_VERSION_NUM < 160000
#define EvalPlanQualInit(recheck, estate, plan, row_marks, param, targets) \
	(EvalPlanQualInit)(recheck, estate, plan, row_marks, param)
#define ExecInsertIndexTuples(target, slot, estate, update, no_error, conflict, arbiters, only_summarizing) \
	(ExecInsertIndexTuples)(target, slot, estate, update, no_error, conflict, arbiters)
#endif

/* 17: whether a lock that excludes more will do. */
#if PG_VERSION_NUM < 170000
#define LockHeldByMe(tag, mode, or_stronger) (LockHeldByMe)(tag, mode)
#endif

/*
 * 18: where an index scan counts what it does; how a function that does not
 * return is marked; the tuple that is no conflict of its own; whether a
 * deferrable key will do; name and version of a library.
 */
#if PG_VERSION_NUM < 180000
#include "access/genam.h"
#define index_beginscan(table, index, snapshot, instrument, keys, order_bys) \
	(index_beginscan)(table, index, snapshot, keys, order_bys)
#define pg_noreturn __attribute__((noreturn))
#define ExecCheckIndexConstraints(target, slot, estate, conflict, own, arbiters) \
	(ExecCheckIndexConstraints)(target, slot, estate, conflict, arbiters)
#define RelationGetPrimaryKeyIndex(relation, deferrable_ok) \
	(RelationGetPrimaryKeyIndex)(relation)
#define PG_MODULE_MAGIC_EXT(...) PG_MODULE_MAGIC
#endif

#endif /* SCREISSUE_COMPAT_H */
