-- screissue 1.1, from 1.0 (sql/assemble-upgrade has what lines with \ stand for)

\echo Use "ALTER EXTENSION screissue UPDATE TO '1.1'" to load this file. \quit

-- Nothing that others create is called here.
SET LOCAL search_path = pg_catalog, pg_temp;

-- Layouts of tables, which setup() runs when it is called again
\replace screissue.migrate sql/screissue/setup.sql
\replace screissue.revoke_rights sql/screissue/setup.sql
\replace screissue.revoke_relation sql/screissue/setup.sql
\replace screissue.revoke_routine sql/screissue/setup.sql
\replace card_issuer.setup sql/card_issuer/setup.sql
\replace service_provider.setup sql/service_provider/setup.sql
\part sql/card_issuer/layout-2.sql

-- The alarm
\part sql/card_issuer/suspicion.sql
\replace card_issuer.grant_operator sql/card_issuer/caller.sql
\replace card_issuer.grant_auditor sql/card_issuer/caller.sql

-- What is new is for nobody yet.  What was there keeps the rights that were given.
SELECT screissue.revoke_routine(r.routine)
  FROM unnest(ARRAY[
        'screissue.migrate(name, integer)',
        'screissue.revoke_rights(text, aclitem[], oid)',
        'screissue.revoke_routine(regprocedure)',
        'card_issuer.layout_2()',
        'card_issuer.suspicion(text)']::regprocedure[]) r (routine);
