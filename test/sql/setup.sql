-- setup() of both roles
SET client_min_messages = warning;
\set SHOW_CONTEXT never

-- Before setup every call says so (SR001), whatever its arguments.
CREATE FUNCTION pg_temp.answers(query text) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
    hint text;
BEGIN
    EXECUTE query;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN SQLSTATE || CASE WHEN SQLSTATE = 'SR001' AND hint = '' THEN ' without a hint' ELSE '' END;
END
$$;
CREATE VIEW pg_temp.call AS
SELECT p.oid::regprocedure AS call,
       format('SELECT * FROM %s(%s)', p.oid::regproc,
              (SELECT string_agg('NULL::' || format_type(a.type, NULL), ', ' ORDER BY a.n)
                 FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY a (type, n))) AS query
  FROM pg_proc p
 WHERE p.pronamespace IN ('card_issuer'::regnamespace, 'service_provider'::regnamespace)
   AND p.prosecdef
   AND p.proname <> 'setup';
SELECT count(*) > 45 AS many_calls FROM pg_temp.call;
SELECT c.call AS does_not_say_so, pg_temp.answers(c.query)
  FROM pg_temp.call c
 WHERE pg_temp.answers(c.query) <> 'SR001';

-- Refused arguments make nothing.
\set VERBOSITY sqlstate
SELECT card_issuer.setup(NULL, 'x');
SELECT card_issuer.setup('BANKJP', NULL);
SELECT card_issuer.setup('BANKJP', 'x', NULL);
SELECT card_issuer.setup('BANKJP', 'x', -1);
SELECT card_issuer.setup('no company', 'x');
SELECT service_provider.setup(NULL, 'x');
SELECT service_provider.setup('METRO', NULL);
\set VERBOSITY default
SELECT count(*) AS relations FROM pg_class
 WHERE relnamespace IN ('screissue'::regnamespace, 'card_issuer'::regnamespace, 'service_provider'::regnamespace)
   AND relkind <> 'c';

-- A relation of a lesser role would run its triggers with our rights.
CREATE ROLE regress_screissue_lesser;
CREATE TABLE screissue.platform (platform_type integer PRIMARY KEY);
ALTER TABLE screissue.platform OWNER TO regress_screissue_lesser;
SELECT card_issuer.setup('BANKJP', 'Bank of Japan Point');
SELECT service_provider.setup('METRO', 'Metro Transit');
DROP TABLE screissue.platform;

-- An ordinary role may not set up.
SET ROLE regress_screissue_lesser;
SELECT card_issuer.setup('BANKJP', 'Bank of Japan Point');
SELECT service_provider.setup('METRO', 'Metro Transit');
RESET ROLE;

-- A setup that is rolled back leaves nothing.
BEGIN;
SELECT card_issuer.setup('BANKJP', 'Bank of Japan Point');
ROLLBACK;
SELECT to_regclass('card_issuer.self'), to_regclass('screissue.platform');

-- Both roles in one database.
SELECT card_issuer.setup('bankjp', 'Bank of Japan Point');
SELECT service_provider.setup('METRO', 'Metro Transit');
SELECT company_id, name, epoch, layout, distributed FROM card_issuer.self;
SELECT company_id, name, layout FROM service_provider.self;
SELECT * FROM screissue.platform ORDER BY platform_type;
SELECT c.oid::regclass AS relation, replace(c.relkind::text, 'p', 'r') AS relkind, r.rolsuper AS owned_by_superuser, c.relacl
  FROM pg_class c
  JOIN pg_roles r ON r.oid = c.relowner
 WHERE c.relnamespace IN ('screissue'::regnamespace, 'card_issuer'::regnamespace, 'service_provider'::regnamespace)
   AND c.relkind NOT IN ('i', 'I', 'c') AND NOT c.relispartition
 ORDER BY c.relnamespace::regnamespace::text, 2, c.relname;

-- Pages of cards keep room for updates.
SELECT DISTINCT c.reloptions FROM pg_class c
 WHERE c.relnamespace = 'card_issuer'::regnamespace AND c.relkind = 'r' AND c.relname ~ '^card(_[0-9])?$';

-- Each query returns what should not be: members, tables without comment or
-- key, columns that pg_upgrade refuses.
SELECT d.objid::regclass AS member
  FROM pg_depend d
  JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'screissue'
 WHERE d.deptype = 'e' AND d.classid = 'pg_class'::regclass
   AND d.objid IN (SELECT oid FROM pg_class WHERE relkind <> 'c');
SELECT c.oid::regclass AS without_comment
  FROM pg_class c
 WHERE c.relnamespace IN ('screissue'::regnamespace, 'card_issuer'::regnamespace, 'service_provider'::regnamespace)
   AND c.relkind IN ('r', 'p', 'v', 'S') AND NOT c.relispartition AND obj_description(c.oid, 'pg_class') IS NULL
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'i');
SELECT c.oid::regclass AS without_key
  FROM pg_class c
 WHERE c.relnamespace IN ('screissue'::regnamespace, 'card_issuer'::regnamespace, 'service_provider'::regnamespace)
   AND c.relkind IN ('r', 'p')
   AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype IN ('p', 'u'));
SELECT a.attrelid::regclass, a.attname AS reg_type
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
 WHERE c.relnamespace IN ('screissue'::regnamespace, 'card_issuer'::regnamespace, 'service_provider'::regnamespace)
   AND a.atttypid::regtype::text ~ '^reg' AND a.attnum > 0;

-- A second setup changes nothing: catalogs and contents are the same.
CREATE FUNCTION pg_temp.snapshot() RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
    relation regclass;
    part text;
    everything text := '';
BEGIN
    FOR relation IN
        SELECT c.oid FROM pg_class c
         WHERE c.relnamespace IN ('screissue'::regnamespace, 'card_issuer'::regnamespace, 'service_provider'::regnamespace)
         ORDER BY c.oid
    LOOP
        SELECT (SELECT concat(c.xmin, c.ctid, c) FROM pg_class c WHERE c.oid = relation)
               || (SELECT coalesce(string_agg(concat(a.xmin, a), ',' ORDER BY a.attnum), '') FROM pg_attribute a WHERE a.attrelid = relation)
               || (SELECT coalesce(string_agg(concat(k.xmin, k.oid), ',' ORDER BY k.oid), '') FROM pg_constraint k WHERE k.conrelid = relation)
               || (SELECT coalesce(string_agg(concat(t.xmin, t.oid), ',' ORDER BY t.oid), '') FROM pg_trigger t WHERE t.tgrelid = relation)
               || (SELECT coalesce(string_agg(concat(d.xmin, d.description), ',' ORDER BY d.objsubid), '') FROM pg_description d WHERE d.objoid = relation)
          INTO part;
        everything := everything || part;
        CASE (SELECT relkind FROM pg_class WHERE oid = relation)
            WHEN 'r' THEN
                EXECUTE format('SELECT coalesce(string_agg(concat(x.ctid, x.xmin, x), '','' ORDER BY x.ctid), '''') FROM %s x', relation) INTO part;
            WHEN 'S' THEN
                EXECUTE format('SELECT concat(last_value, is_called) FROM %s', relation) INTO part;
            ELSE
                part := '';
        END CASE;
        everything := everything || part;
    END LOOP;
    RETURN md5(everything || (SELECT string_agg(concat(p.xmin, p.oid, p.proacl), ',' ORDER BY p.oid) FROM pg_proc p));
END
$$;
CREATE ROLE regress_screissue_metro;
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'regress_screissue_metro');
INSERT INTO screissue.platform (platform_type, card_os, method) VALUES (300, 'our own', 1);
UPDATE screissue.platform SET card_os = 'renamed' WHERE platform_type = 100;
SELECT pg_temp.snapshot() AS before \gset
SELECT card_issuer.setup('BANKJP', 'Bank of Japan Point');
SELECT service_provider.setup('metro', 'Metro Transit');
SELECT pg_temp.snapshot() = :'before' AS unchanged;

-- The name may change, the company may not.
SELECT card_issuer.setup('BANKJP', 'Bank of Japan Points');
SELECT service_provider.setup('METRO', 'Metropolitan Transit');
SELECT i.name, p.name FROM card_issuer.self i, service_provider.self p;
SELECT pg_temp.snapshot() AS before \gset
SELECT card_issuer.setup('BANKUS', 'Bank of Japan Points');
SELECT service_provider.setup('SHOP', 'Shop');
SELECT pg_temp.snapshot() = :'before' AS unchanged;

-- A table given away later stops the next setup.
ALTER TABLE card_issuer.card OWNER TO regress_screissue_lesser;
SELECT card_issuer.setup('BANKJP', 'Bank of Japan Points');
SELECT service_provider.setup('METRO', 'Metropolitan Transit');
ALTER TABLE card_issuer.card OWNER TO CURRENT_USER;
ALTER SEQUENCE card_issuer.message_sequence OWNER TO regress_screissue_lesser;
SELECT card_issuer.setup('BANKJP', 'Bank of Japan Points');
ALTER SEQUENCE card_issuer.message_sequence OWNER TO CURRENT_USER;
SELECT card_issuer.setup('BANKJP', 'Bank of Japan Points');

-- Only in UTF8.
SELECT current_database() AS database \gset
CREATE DATABASE regress_screissue_latin1 TEMPLATE template0 ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C';
\c regress_screissue_latin1
SET client_min_messages = warning;
CREATE EXTENSION screissue;
SELECT card_issuer.setup('BANKJP', 'Bank of Japan Point');
SELECT service_provider.setup('METRO', 'Metro Transit');
SELECT to_regclass('card_issuer.self') AS issuer, to_regclass('service_provider.self') AS provider, to_regclass('screissue.platform') AS platform;
\c :database
DROP DATABASE regress_screissue_latin1;
