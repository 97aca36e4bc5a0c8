-- DROP EXTENSION.  Last test of the suite: takes away what the others used.
SET client_min_messages = warning;
SELECT current_database() AS database \gset

-- While there are tables it refuses, and nothing happens to them.
SELECT count(*) AS cards FROM card_issuer.card;
\set VERBOSITY sqlstate
DROP EXTENSION screissue;
DROP EXTENSION screissue RESTRICT;
DROP SCHEMA card_issuer;
DROP TYPE screissue.card_id;
DROP FUNCTION card_issuer.reissue_card;
\set VERBOSITY default
SELECT count(*) AS cards FROM card_issuer.card;

-- The same for a database that is only a provider.
CREATE DATABASE regress_screissue_provider TEMPLATE template0 ENCODING UTF8 LC_COLLATE 'C' LC_CTYPE 'C';
\c regress_screissue_provider
SET client_min_messages = warning;
CREATE EXTENSION screissue;
SELECT service_provider.setup('METRO', 'Metro Transit');
\set VERBOSITY sqlstate
DROP EXTENSION screissue;
\set VERBOSITY default
SELECT name FROM service_provider.self;
\c :database
DROP DATABASE regress_screissue_provider;

-- Before setup it goes and leaves nothing behind.
CREATE DATABASE regress_screissue_drop TEMPLATE template0 ENCODING UTF8 LC_COLLATE 'C' LC_CTYPE 'C';
\c regress_screissue_drop
SET client_min_messages = warning;
CREATE TEMPORARY TABLE before AS
SELECT (SELECT count(*) FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp') AS namespaces, (SELECT count(*) FROM pg_proc) AS functions,
       (SELECT count(*) FROM pg_type WHERE typnamespace <> pg_my_temp_schema()) AS types, (SELECT count(*) FROM pg_operator) AS operators,
       (SELECT count(*) FROM pg_opclass) AS opclasses, (SELECT count(*) FROM pg_opfamily) AS opfamilies, (SELECT count(*) FROM pg_cast) AS casts,
       (SELECT count(*) FROM pg_class WHERE relnamespace <> pg_my_temp_schema()) AS relations, (SELECT count(*) FROM pg_description) AS comments,
       (SELECT count(*) FROM pg_amop) AS amops, (SELECT count(*) FROM pg_amproc) AS amprocs, (SELECT count(*) FROM pg_init_privs) AS init_privs;
CREATE EXTENSION screissue;
SELECT count(*) > 100 AS many_functions FROM pg_proc WHERE pronamespace IN ('screissue'::regnamespace, 'card_issuer'::regnamespace, 'service_provider'::regnamespace);
DROP EXTENSION screissue;
SELECT * FROM before
EXCEPT
SELECT (SELECT count(*) FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp'), (SELECT count(*) FROM pg_proc),
       (SELECT count(*) FROM pg_type WHERE typnamespace <> pg_my_temp_schema()), (SELECT count(*) FROM pg_operator),
       (SELECT count(*) FROM pg_opclass), (SELECT count(*) FROM pg_opfamily), (SELECT count(*) FROM pg_cast),
       (SELECT count(*) FROM pg_class WHERE relnamespace <> pg_my_temp_schema()), (SELECT count(*) FROM pg_description),
       (SELECT count(*) FROM pg_amop), (SELECT count(*) FROM pg_amproc), (SELECT count(*) FROM pg_init_privs);

-- And it can be made again, used, emptied by hand and dropped.
CREATE EXTENSION screissue;
SELECT card_issuer.setup('BANKJP', 'Bank of Japan Point'), service_provider.setup('METRO', 'Metro Transit');
SELECT format('DROP VIEW IF EXISTS %s CASCADE', string_agg(c.oid::regclass::text, ', ')) AS drop_views
  FROM pg_class c WHERE c.relkind = 'v' AND c.relnamespace IN ('card_issuer'::regnamespace, 'service_provider'::regnamespace) \gset
:drop_views;
SELECT format('DROP TABLE %s CASCADE', string_agg(c.oid::regclass::text, ', ')) AS drop_tables
  FROM pg_class c WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace IN ('screissue'::regnamespace, 'card_issuer'::regnamespace, 'service_provider'::regnamespace) \gset
:drop_tables;
SELECT format('DROP SEQUENCE %s', string_agg(c.oid::regclass::text, ', ')) AS drop_sequences
  FROM pg_class c WHERE c.relkind = 'S' AND c.relnamespace IN ('card_issuer'::regnamespace, 'service_provider'::regnamespace) \gset
:drop_sequences;
DROP EXTENSION screissue;
SELECT count(*) AS left_over FROM pg_namespace WHERE nspname IN ('screissue', 'card_issuer', 'service_provider');
\c :database
DROP DATABASE regress_screissue_drop;

-- The database of this suite.
SET client_min_messages = warning;
DROP EXTENSION screissue CASCADE;
SELECT count(*) AS left_over FROM pg_namespace WHERE nspname IN ('screissue', 'card_issuer', 'service_provider');
DROP ROLE regress_screissue_metro, regress_screissue_lesser;
