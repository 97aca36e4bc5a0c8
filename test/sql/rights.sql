-- Who may do what (E60): every function, table, view and sequence of ours that any of these
-- roles may use, and how.  Nobody is any role of the cluster; what everybody may call in
-- schema screissue belongs to the types.
\set VERBOSITY terse
SET client_min_messages = warning;
BEGIN;
CREATE ROLE regress_metro;
CREATE ROLE regress_shop;
CREATE ROLE regress_operator;
CREATE ROLE regress_auditor;
CREATE ROLE regress_clerk;
CREATE ROLE regress_nobody;
CREATE EXTENSION IF NOT EXISTS screissue;
SELECT card_issuer.setup('BANKJP', 'Bank of Japan Point'), service_provider.setup('METRO', 'Metro Transit');
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'regress_metro'),
       card_issuer.register_provider('SHOP', 'Shop Points', 'regress_shop', delivery => 'pull'),
       card_issuer.grant_operator('regress_operator'), card_issuer.grant_auditor('regress_auditor'),
       service_provider.grant_operator('regress_clerk'), service_provider.grant_auditor('regress_auditor');

CREATE TEMP TABLE role_of (title text, role_name name);
INSERT INTO role_of VALUES ('provider', 'regress_metro'), ('another', 'regress_shop'), ('operator', 'regress_operator'),
    ('auditor', 'regress_auditor'), ('clerk', 'regress_clerk'), ('nobody', 'regress_nobody');

-- What each of them may do with each object; + is yes.
CREATE TEMP VIEW permitted AS
SELECT 'function' AS kind, n.nspname || '.' || p.proname AS object, r.title, '+' AS may
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace, role_of r
 WHERE n.nspname IN ('screissue', 'card_issuer', 'service_provider')
   AND has_function_privilege(r.role_name, p.oid, 'EXECUTE')
 UNION ALL
SELECT 'relation', n.nspname || '.' || c.relname, r.title,
       CASE WHEN c.relkind = 'S' THEN CASE WHEN has_sequence_privilege(r.role_name, c.oid, 'USAGE, SELECT, UPDATE') THEN 'any' END
            ELSE concat_ws('', CASE WHEN has_table_privilege(r.role_name, c.oid, 'SELECT') THEN 'r'
                                    WHEN has_any_column_privilege(r.role_name, c.oid, 'SELECT') THEN 'r-' END,
                           CASE WHEN has_table_privilege(r.role_name, c.oid, 'INSERT') THEN 'a'
                                WHEN has_any_column_privilege(r.role_name, c.oid, 'INSERT') THEN 'a-' END,
                           CASE WHEN has_any_column_privilege(r.role_name, c.oid, 'UPDATE, REFERENCES') THEN 'w' END,
                           CASE WHEN has_table_privilege(r.role_name, c.oid, 'DELETE, TRUNCATE, TRIGGER') THEN 'D' END) END
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, role_of r
 WHERE n.nspname IN ('screissue', 'card_issuer', 'service_provider')
   AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND NOT c.relispartition
 UNION ALL
SELECT 'schema', n.nspname, r.title, concat_ws('', CASE WHEN has_schema_privilege(r.role_name, n.oid, 'USAGE') THEN 'U' END,
                                                   CASE WHEN has_schema_privilege(r.role_name, n.oid, 'CREATE') THEN 'C' END)
  FROM pg_namespace n, role_of r
 WHERE n.nspname IN ('screissue', 'card_issuer', 'service_provider');
CREATE TEMP VIEW matrix AS
SELECT p.kind, p.object COLLATE "C" AS object,
       max(p.may) FILTER (WHERE p.title = 'provider') AS provider, max(p.may) FILTER (WHERE p.title = 'another') AS another,
       max(p.may) FILTER (WHERE p.title = 'operator') AS operator, max(p.may) FILTER (WHERE p.title = 'auditor') AS auditor,
       max(p.may) FILTER (WHERE p.title = 'clerk') AS clerk, max(p.may) FILTER (WHERE p.title = 'nobody') AS nobody
  FROM permitted p
 WHERE p.may <> ''
 GROUP BY 1, 2;

\pset null ''
-- Schemas: U usage, C create.
SELECT m.object, m.provider, m.another, m.operator, m.auditor, m.clerk, m.nobody FROM matrix m WHERE m.kind = 'schema' ORDER BY 1;
-- Tables, views and sequences: r read, a insert, - some columns only, w update, D delete and more.
SELECT m.object, m.provider, m.another, m.operator, m.auditor, m.clerk, m.nobody FROM matrix m WHERE m.kind = 'relation' ORDER BY 1;
-- Calls, but what everybody has.
SELECT m.object, m.provider, m.another, m.operator, m.auditor, m.clerk, m.nobody FROM matrix m
 WHERE m.kind = 'function' AND m.nobody IS NULL ORDER BY 1;
-- What everybody has: types alone.
SELECT m.object FROM matrix m WHERE m.kind = 'function' AND m.nobody IS NOT NULL
   AND m.object !~ '^screissue\.(app_id|card_attribute|card_id|company_id|message_id)' ORDER BY 1;

ROLLBACK;
