-- CREATE EXTENSION and setup where others were first: a role that may create what it
-- likes in schema public, where the superuser's path leads, in this database, and as
-- temporary objects, and default privileges, which the script looks at (E60; doc/design.md,
-- Shape)
BEGIN;
SELECT plan(14);

CREATE ROLE mallory;
CREATE SCHEMA t;
CREATE TABLE t.mark (what text, as_role name);
GRANT USAGE ON SCHEMA t TO PUBLIC;
GRANT INSERT ON t.mark TO PUBLIC;
GRANT CREATE ON SCHEMA public TO mallory;
GRANT CREATE ON DATABASE :DBNAME TO mallory;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO mallory;
ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO mallory;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TYPES TO mallory;

-- Functions and operators that fit better than those of the server, for types that
-- these take in another form or not at all
SET LOCAL ROLE mallory;
CREATE SCHEMA evil;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
CREATE FUNCTION evil.mark(what text) RETURNS void LANGUAGE sql SET search_path = pg_catalog
AS $$ INSERT INTO t.mark SELECT what, current_user WHERE current_user <> 'mallory' $$;
DO $do$
DECLARE
    types CONSTANT text[] := '{text,name,oid,integer,bigint,smallint,"\"char\"",boolean,regclass,regprocedure,regnamespace,regtype,"text[]","name[]","oid[]"}';
    l text;
    r text;
    o text;
BEGIN
    FOREACH l IN ARRAY types LOOP
        EXECUTE format('CREATE FUNCTION public.format(text, %s) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.mark(''format''); RETURN pg_catalog.format($1, VARIADIC ARRAY[$2::text]); END $$', l);
        FOREACH r IN ARRAY types LOOP
            EXECUTE format('CREATE FUNCTION public.format(text, %s, %s) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.mark(''format''); RETURN pg_catalog.format($1, VARIADIC ARRAY[$2::text, $3::text]); END $$', l, r);
            CONTINUE WHEN l = r;
            EXECUTE format('CREATE FUNCTION public.compare(%s, %s) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.mark(''%1$s and %2$s''); RETURN $1::text OPERATOR(pg_catalog.=) $2::text; END $$', l, r);
            FOREACH o IN ARRAY '{=,<>}'::text[] LOOP
                CONTINUE WHEN to_regoperator(format('pg_catalog.%s(%s,%s)', o, l, r)) IS NOT NULL;
                EXECUTE format('CREATE OPERATOR public.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = public.compare)', o, l, r);
            END LOOP;
        END LOOP;
    END LOOP;
END
$do$;
CREATE TYPE public.company_id AS (x text);
CREATE TYPE public.verdict AS (x text);
CREATE TABLE public.notice (x integer);
CREATE TEMPORARY TABLE pg_namespace (oid oid, nspname name, nspowner oid, nspacl aclitem[]);
CREATE TEMPORARY TABLE pg_class (oid oid, relname name, relnamespace oid, relowner oid, relkind "char", relacl aclitem[]);
CREATE TEMPORARY TABLE notice (x integer);
CREATE TEMPORARY TABLE self (x integer);
RESET ROLE;

-- What falls for it: the same as it stood in a script, with the superuser's path.
CREATE TABLE t.given (grantee oid DEFAULT 7, place name DEFAULT 'here');
INSERT INTO t.given DEFAULT VALUES;
SET LOCAL search_path = public;
DO $$
DECLARE
    stray record;
BEGIN
    FOR stray IN SELECT format('SCHEMA %I', g.place) AS object FROM t.given g WHERE g.grantee NOT IN (0, 1) LOOP
        PERFORM format('REVOKE ALL ON %s FROM %s', stray.object, 'PUBLIC'::text);
    END LOOP;
END
$$;
SELECT set_eq('SELECT m.what, m.as_role FROM t.mark m', $$VALUES ('format', 'postgres'::name)$$,
              'E60: a script that names functions of the server without their schema runs the attacker''s');
DELETE FROM t.mark;

-- A schema by our name that is there already, with or without what we would put into it
CREATE FUNCTION t.created_after(command text) RETURNS text LANGUAGE plpgsql
AS $$
BEGIN
    SET LOCAL ROLE mallory;
    EXECUTE command;
    RESET ROLE;
    CREATE EXTENSION screissue;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
SELECT is(t.created_after('CREATE SCHEMA ' || n), '42P06', 'design 3: the extension is not created in a schema of the attacker''s: ' || n)
  FROM unnest('{screissue,card_issuer,service_provider}'::text[]) n;
RESET ROLE;
SET LOCAL search_path = public;
SELECT lives_ok('CREATE EXTENSION screissue', 'the extension is created');
SELECT is_empty('SELECT m.what, m.as_role FROM t.mark m', 'E60: its script runs nothing of the attacker''s');
SELECT is(current_setting('search_path'), 'public', 'and leaves the path as it was');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
                   WHERE n.nspname IN ('screissue', 'card_issuer', 'service_provider')
                     AND (p.prorettype OPERATOR(pg_catalog.=) ANY (ARRAY['public.company_id', 'public.verdict']::regtype[]) OR 'public.verdict'::regtype::oid OPERATOR(pg_catalog.=) ANY (p.proargtypes::oid[]))$$,
                'design 3: no function of ours has a type of the attacker''s');
SELECT ok(NOT has_schema_privilege('mallory', 'screissue', 'CREATE') AND NOT has_schema_privilege('mallory', 'card_issuer', 'USAGE')
          AND NOT has_function_privilege('mallory', 'card_issuer.setup(screissue.company_id, text, integer)', 'EXECUTE'),
          'design 3: and what the default privileges gave is taken back');
SELECT lives_ok($$SELECT card_issuer.setup('BANKJP', 'Bank'), service_provider.setup('METRO', 'Metro')$$, 'both roles are set up');
SELECT lives_ok($$SELECT card_issuer.setup('BANKJP', 'Bank'), service_provider.setup('METRO', 'Metro')$$, 'and once more');
SELECT is_empty('SELECT m.what, m.as_role FROM t.mark m', 'E60: setup runs nothing of the attacker''s');
SELECT is((SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relname = 'notice' AND n.nspname = 'screissue'), 1::bigint, 'design 3: the wire table is where it belongs');
SELECT is_empty($$SELECT c.oid::regclass FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                   WHERE n.nspname IN ('screissue', 'card_issuer', 'service_provider') AND c.relowner <> (SELECT e.extowner FROM pg_catalog.pg_extension e WHERE e.extname = 'screissue')$$,
                'design 3: all tables belong to the owner of the extension');

SELECT * FROM finish();
ROLLBACK;
