/*-------------------------------------------------------------------------
 *
 * screissue.c
 *	  Module magic and settings; the work is in the files beside it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/guc.h"

#include "compat.h"
#include "inquiry_record.h"
#include "key.h"
#include "suspicion.h"

/* The version is that of screissue.control (Makefile). */
PG_MODULE_MAGIC_EXT(.name = "screissue", .version = SCREISSUE_VERSION);

/* Longest chain of reissues that is walked before 54000 is raised. */
static int max_lineage = 64;

void _PG_init(void);

void
_PG_init(void)
{
	DefineCustomIntVariable("screissue.max_lineage",
							"Sets the longest chain of reissued cards that is followed.",
							"A longer chain raises an error instead of being walked.",
							&max_lineage,
							64,
							1,
							100000,
							PGC_SUSET,
							0,
							NULL,
							NULL,
							NULL);

	screissue_define_key_directory();
	screissue_define_inquiry_settings();
	screissue_define_inquiry_alarm();

	MarkGUCPrefixReserved("screissue");
}
