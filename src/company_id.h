/*-------------------------------------------------------------------------
 *
 * company_id.h
 *	  company_id on the server side: an eight-byte Datum
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_COMPANY_ID_H
#define SCREISSUE_COMPANY_ID_H

#include "core/company_id.h"

#define DatumGetCompanyId(X) ((uint64_t) DatumGetInt64(X))
#define CompanyIdGetDatum(X) Int64GetDatum((int64) (X))
#define PG_GETARG_COMPANY_ID(n) DatumGetCompanyId(PG_GETARG_DATUM(n))
#define PG_RETURN_COMPANY_ID(x) return CompanyIdGetDatum(x)

#endif /* SCREISSUE_COMPANY_ID_H */
