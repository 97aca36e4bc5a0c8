/*-------------------------------------------------------------------------
 *
 * card_id.h
 *	  card_id on the server side: a varlena whose payload is the image
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_CARD_ID_H
#define SCREISSUE_CARD_ID_H

#include "fmgr.h"

#include "core/card_id.h"

/* Read with VARDATA_ANY and VARSIZE_ANY_EXHDR: it may be packed. */
#define DatumGetCardIdPP(X) ((struct varlena *) PG_DETOAST_DATUM_PACKED(X))
#define PG_GETARG_CARD_ID_PP(n) DatumGetCardIdPP(PG_GETARG_DATUM(n))

extern Datum card_id_eq(PG_FUNCTION_ARGS);

#endif /* SCREISSUE_CARD_ID_H */
