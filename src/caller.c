/*-------------------------------------------------------------------------
 *
 * caller.c
 *	  Who is calling, as SQL functions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/extension.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(screissue_calling_role);
PG_FUNCTION_INFO_V1(screissue_in_extension_script);

/*
 * Name of the role on whose behalf the call is made.  That is the outer user:
 * SET ROLE changes it, the SECURITY DEFINER functions on the way here do not.
 */
Datum
screissue_calling_role(PG_FUNCTION_ARGS)
{
	Name name = palloc0(NAMEDATALEN);

	/*
	 * Maintenance of an index or a materialized view runs functions of the
	 * table's owner with that owner's rights, but the outer user is whoever
	 * maintains it, be it autovacuum.
	 */
	if (InSecurityRestrictedOperation())
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("permission denied within a security-restricted operation"));
	namestrcpy(name, GetUserNameFromId(GetOuterUserId(), false));
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
