/*-------------------------------------------------------------------------
 *
 * registry.h
 *	  What the card issuer has registered, remembered between inquiries
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_REGISTRY_H
#define SCREISSUE_REGISTRY_H

#include "issuer_row.h"

extern void screissue_get_issuer(IssuerRow *row);
extern bool screissue_get_application(const IssuerRow *issuer, Datum app, ApplicationRow *row);
extern bool screissue_get_provider(const IssuerRow *issuer, uint64_t provider, ProviderRow *row);
extern bool screissue_get_registered_key(const IssuerRow *issuer, int key_id, KeyRow *row);

#endif /* SCREISSUE_REGISTRY_H */
