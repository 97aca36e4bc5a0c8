/*-------------------------------------------------------------------------
 *
 * caller.c
 *	  Who is calling
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/extension.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "compat.h"
#include "caller.h"

PG_FUNCTION_INFO_V1(screissue_calling_role);
PG_FUNCTION_INFO_V1(screissue_in_extension_script);

/*
 * The role on whose behalf the call is made.  That is the outer user: SET ROLE
 * changes it, the SECURITY DEFINER functions on the way here do not.
 */
Oid
screissue_caller(void)
{
	/*
	 * Maintenance of an index or a materialized view runs functions of the
	 * table's owner with that owner's rights, but the outer user is whoever
	 * maintains it, be it autovacuum.
	 */
	if (InSecurityRestrictedOperation())
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("permission denied within a security-restricted operation"));
	return GetOuterUserId();
}

/* Its name */
Datum
screissue_calling_role(PG_FUNCTION_ARGS)
{
	Name name = palloc0(NAMEDATALEN);

	namestrcpy(name, GetUserNameFromId(screissue_caller(), false));
	PG_RETURN_NAME(name);
}

/*
 * True while an extension script runs.  What setup() makes then would become
 * a member of that extension.
 */
Datum
screissue_in_extension_script(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(creating_extension);
}
