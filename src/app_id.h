/*-------------------------------------------------------------------------
 *
 * app_id.h
 *	  app_id on the server side: a varlena whose payload is the image
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_APP_ID_H
#define SCREISSUE_APP_ID_H

#include "fmgr.h"

#include "core/app_id.h"

/* Read with VARDATA_ANY and VARSIZE_ANY_EXHDR: it may be packed. */
#define DatumGetAppIdPP(X) ((struct varlena *) PG_DETOAST_DATUM_PACKED(X))
#define PG_GETARG_APP_ID_PP(n) DatumGetAppIdPP(PG_GETARG_DATUM(n))

extern Datum app_id_eq(PG_FUNCTION_ARGS);

#endif /* SCREISSUE_APP_ID_H */
