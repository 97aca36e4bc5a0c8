/*-------------------------------------------------------------------------
 *
 * card_attribute.h
 *	  card_attribute on the server side: a varlena whose payload is the image
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_CARD_ATTRIBUTE_H
#define SCREISSUE_CARD_ATTRIBUTE_H

#include "core/card_attribute.h"

/* Read with VARDATA_ANY and VARSIZE_ANY_EXHDR: it may be packed. */
#define DatumGetCardAttributePP(X) ((struct varlena *) PG_DETOAST_DATUM_PACKED(X))
#define PG_GETARG_CARD_ATTRIBUTE_PP(n) DatumGetCardAttributePP(PG_GETARG_DATUM(n))

#endif /* SCREISSUE_CARD_ATTRIBUTE_H */
