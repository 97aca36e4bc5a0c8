-- screissue: reissued smart cards, for card issuers and service providers
--
-- screissue          types, shared functions, the wire table of notices
-- card_issuer        the issuer's side     (its tables: card_issuer.setup)
-- service_provider   the provider's side   (its tables: service_provider.setup)

\echo Use "CREATE EXTENSION screissue" to load this file. \quit

-- The path of whoever runs this may lead to schemas in which others create what
-- they like: none of that is called here.
SET LOCAL search_path = pg_catalog, pg_temp;

CREATE SCHEMA screissue;
COMMENT ON SCHEMA screissue IS 'types and shared functions of screissue';

CREATE SCHEMA card_issuer;
COMMENT ON SCHEMA card_issuer IS 'screissue at the card issuer';

CREATE SCHEMA service_provider;
COMMENT ON SCHEMA service_provider IS 'screissue at the service provider';
