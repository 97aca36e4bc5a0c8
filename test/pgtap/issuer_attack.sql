-- The issuer's side under attack: a role with a provider's rights, which may
-- also create what it likes in schema public, in a schema of its own and as
-- temporary objects, and owns tables (doc/design.md, Shape)
BEGIN;
\ir include/issuer.sql
SELECT plan(113);

CREATE ROLE mallory IN ROLE metro;
GRANT CREATE ON SCHEMA public TO mallory;
GRANT CREATE ON DATABASE :DBNAME TO mallory;
GRANT USAGE ON SCHEMA t TO mallory;
SELECT card_issuer.issue_card('CARD-A', 100), t.load('CARD-A', :METRO1), t.load('CARD-A', :SHOP1) \g /dev/null
SELECT t.reissue('CARD-A', 'CARD-B') \g /dev/null

-- Where a function of the attacker leaves its mark when it runs, with the
-- rights it runs with.
CREATE TABLE t.mark (what text, as_role name, is_superuser text);
GRANT INSERT ON t.mark TO PUBLIC;
GRANT USAGE ON SCHEMA t TO PUBLIC;

SET LOCAL ROLE mallory;
CREATE SCHEMA evil;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
CREATE FUNCTION evil.mark(what text) RETURNS void LANGUAGE sql
AS $$ INSERT INTO t.mark VALUES (what, current_user, current_setting('is_superuser')) $$;
GRANT EXECUTE ON FUNCTION evil.mark TO PUBLIC;

-- Operators on our types and on built-in ones, in evil and in public.
DO $do$
DECLARE
    s text;
    y text;
    o text;
BEGIN
    FOREACH s IN ARRAY '{evil,public}'::text[] LOOP
        FOREACH y IN ARRAY '{screissue.card_id,screissue.app_id,screissue.company_id,screissue.message_id,screissue.card_status,text,name,bigint}'::text[] LOOP
            EXECUTE format('CREATE FUNCTION %I.compare(%s, %s) RETURNS boolean LANGUAGE plpgsql
                            AS $$ BEGIN PERFORM evil.mark(''operator of %2$s''); RETURN true; END $$', s, y, y);
            FOREACH o IN ARRAY '{=,<>,<,>}'::text[] LOOP
                EXECUTE format('CREATE OPERATOR %I.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = %1$I.compare)', s, o, y, y);
            END LOOP;
        END LOOP;
        -- Functions by the names of ours and of the server's.
        EXECUTE format($$CREATE FUNCTION %I.mask(screissue.card_id) RETURNS text LANGUAGE plpgsql
                         AS 'BEGIN PERFORM evil.mark(''mask''); RETURN $1::text; END'$$, s);
        EXECUTE format($$CREATE FUNCTION %I.calling_role() RETURNS name LANGUAGE plpgsql
                         AS 'BEGIN PERFORM evil.mark(''calling_role''); RETURN ''postgres''::name; END'$$, s);
        EXECUTE format($$CREATE FUNCTION %I.now() RETURNS timestamptz LANGUAGE plpgsql
                         AS 'BEGIN PERFORM evil.mark(''now''); RETURN pg_catalog.now(); END'$$, s);
        EXECUTE format($$CREATE FUNCTION %I.has_function_privilege(name, text, text) RETURNS boolean LANGUAGE plpgsql
                         AS 'BEGIN PERFORM evil.mark(''has_function_privilege''); RETURN true; END'$$, s);
        EXECUTE format($$CREATE FUNCTION %I.message_id(screissue.company_id, screissue.company_id, bigint)
                         RETURNS screissue.message_id LANGUAGE plpgsql
                         AS 'BEGIN PERFORM evil.mark(''message_id''); RETURN ''X/Y/1''; END'$$, s);
        -- Types and tables by our names.
        EXECUTE format('CREATE TYPE %I.verdict AS (x integer)', s);
        EXECUTE format('CREATE TYPE %I.request_status AS ENUM (''x'')', s);
        EXECUTE format('CREATE TABLE %I.card (card_id text, status text, platform_type integer)', s);
        EXECUTE format('CREATE TABLE %I.pg_roles (rolname name, oid oid)', s);
        EXECUTE format('CREATE TABLE %I.provider (provider text, role_name name)', s);
    END LOOP;
END
$do$;
CREATE TEMPORARY TABLE pg_roles (rolname name, oid oid);
INSERT INTO pg_temp.pg_roles SELECT 'shop', r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = 'mallory';
CREATE TEMPORARY TABLE provider (provider screissue.company_id, role_name name);
CREATE TEMPORARY TABLE card (card_id screissue.card_id, status screissue.card_status);
CREATE TEMPORARY TABLE pg_publication (pubname name);
CREATE TEMPORARY TABLE self (company_id screissue.company_id);
CREATE FUNCTION pg_temp.calling_role() RETURNS name LANGUAGE sql AS $$ SELECT 'postgres'::name $$;
CREATE DOMAIN pg_temp.card_id AS screissue.card_id;
-- Functions that answer every call by the names of ours with a better match.
-- (not in public, where pgTAP itself would fall for it)
CREATE FUNCTION evil.nextval(text) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.mark('nextval'); RETURN 1; END $$;
CREATE FUNCTION evil.require(text, boolean) RETURNS void LANGUAGE sql AS $$ SELECT evil.mark('require') $$;
RESET ROLE;

-- The calls of a provider and of an operator, in paths that lead to all that.
CREATE TABLE t.victim (call text);
INSERT INTO t.victim VALUES
    ($$card_issuer.permit_load(app => 'D276AB0085CD01', card => 'CARD-B')$$),
    ($$card_issuer.permit_load(app => 'D276AB0085CD02', card => 'NOSUCH')$$),
    ($$card_issuer.confirm_load('BANKJP/METRO/1')$$), ($$card_issuer.confirm_unload('BANKJP/METRO/1')$$),
    ($$card_issuer.find_reissue('CARD-B', 'D276AB0085CD01')$$), ($$card_issuer.fetch_notices('METRO', 0)$$);
CREATE TABLE t.operation (call text);
INSERT INTO t.operation VALUES
    ($$card_issuer.issue_card('CARD-N', 100)$$), ($$card_issuer.block_card('CARD-N', 'lost')$$),
    ($$card_issuer.request_reissue('CARD-N', 'lost')$$), ($$card_issuer.decide_reissue('CARD-N', true)$$),
    ($$card_issuer.reissue_card('CARD-N', 'CARD-M')$$), ($$card_issuer.lineage('CARD-M')$$), ($$card_issuer.withdraw_reissue('CARD-M')$$),
    ($$card_issuer.register_provider('METRO', 'Metro', 'metro', 'pull')$$), ($$card_issuer.register_application('D276AB0085CD01', 'METRO', 'x')$$),
    ($$card_issuer.set_tariff('D276AB0085CD01', 'load', 1, 'JPY')$$), ($$card_issuer.suspend_provider('RAIL')$$),
    ($$card_issuer.resume_provider('RAIL')$$), ($$card_issuer.create_publication('METRO')$$), ($$card_issuer.drop_publication('METRO')$$),
    ($$card_issuer.publication_check()$$), ($$card_issuer.delivery WHERE true$$),
    ($$card_issuer.grant_operator('clerk')$$), ($$card_issuer.reissue_pair$$), ($$card_issuer.masked_reissue_pair WHERE true$$),
    ($$card_issuer.setup('BANKJP', 'Bank of Japan Point')$$), ($$service_provider.setup('BANKJP', 'Bank of Japan Point')$$);
CREATE FUNCTION t.attacked(call text, path text, role_name name)
    RETURNS text
    LANGUAGE plpgsql
AS $$
BEGIN
    DELETE FROM t.mark;
    PERFORM set_config('role', coalesce(role_name, 'none'), true);
    PERFORM set_config('search_path', path, true);
    EXECUTE pg_catalog.format('SELECT pg_catalog.count(*) FROM %s', call);
    PERFORM pg_catalog.set_config('search_path', 'screissue, public', true);
    PERFORM pg_catalog.set_config('role', 'none', true);
    RETURN (SELECT string_agg(DISTINCT m.what || ' as ' || m.as_role, ', ') FROM t.mark m
             WHERE m.as_role <> 'mallory');
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
-- A definer function that pins no path does fall for it: the traps work.
CREATE FUNCTION t.careless(card_id) RETURNS text LANGUAGE sql SECURITY DEFINER
AS $$ SELECT mask(c.card_id) FROM card_issuer.card c WHERE c.card_id = $1 $$;
SELECT is(t.attacked($$t.careless('CARD-A')$$, 'pg_temp, evil, public, screissue', 'mallory'),
          'mask as postgres, operator of screissue.card_id as postgres', 'E60: a function that is not careful runs the attacker''s code');
SELECT is(t.attacked(v.call, 'pg_temp, evil, public, pg_catalog, screissue', 'mallory'), NULL,
          'E60: nothing of the attacker runs with other rights: ' || v.call)
  FROM t.victim v;
SELECT is(t.attacked(o.call, 'evil, public, pg_catalog, screissue, pg_temp', NULL), NULL,
          'E60: nor when a superuser calls with that path: ' || o.call)
  FROM t.operation o;
-- The false pg_roles and calling_role lend nothing.
SELECT matches(t.attacked($$card_issuer.fetch_notices('SHOP', 0)$$, 'pg_temp, evil, public, screissue', 'mallory'), '^42501 ',
               'E60: temporary objects do not make the attacker another provider');
SELECT matches(t.attacked($$card_issuer.permit_load(app => 'D276AC0001EF01', card => 'CARD-B')$$, 'pg_temp, evil, public, screissue', 'mallory'),
               '^42501 ', 'E60: nor for a permission');

-- A type of the attacker with a cast to ours: the cast runs as the attacker.
SET LOCAL ROLE mallory;
CREATE TYPE evil.wolf AS (x text);
CREATE FUNCTION evil.sheep(evil.wolf) RETURNS screissue.card_id LANGUAGE plpgsql
AS $$ BEGIN PERFORM evil.mark('cast'); RETURN ($1).x::screissue.card_id; END $$;
CREATE CAST (evil.wolf AS screissue.card_id) WITH FUNCTION evil.sheep AS IMPLICIT;
RESET ROLE;
SELECT is(t.attacked($$card_issuer.find_reissue(ROW('CARD-B')::evil.wolf, 'D276AB0085CD01')$$, 'screissue, public', 'mallory'), NULL,
          'E60: an implicit cast of the attacker has no other rights');

-- What the attacker may not do to our tables.
CREATE FUNCTION t.denied(command text)
    RETURNS text
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM set_config('role', 'mallory', true);
    EXECUTE command;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
SELECT is(t.denied(c), '42501', 'design 3: denied: ' || c)
  FROM unnest(ARRAY[
    'CREATE FUNCTION evil.trap() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN RETURN NEW; END'';
     CREATE TRIGGER trap BEFORE INSERT ON card_issuer.card FOR EACH ROW EXECUTE FUNCTION evil.trap()',
    'CREATE TRIGGER trap BEFORE INSERT ON screissue.notice FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
    'CREATE RULE trap AS ON INSERT TO card_issuer.app_load DO ALSO SELECT evil.mark(''rule'')',
    'CREATE POLICY trap ON card_issuer.card USING (true)',
    'CREATE TABLE evil.child () INHERITS (card_issuer.holder)',
    'CREATE TABLE evil.reference (c screissue.card_id REFERENCES card_issuer.card)',
    'CREATE INDEX trap ON card_issuer.card ((evil.mark(''index'') IS NULL))',
    'CREATE TABLE card_issuer.trap (x integer)', 'CREATE TABLE screissue.trap (x integer)',
    'CREATE FUNCTION screissue.trap() RETURNS integer LANGUAGE sql AS ''SELECT 1''',
    'CREATE FUNCTION card_issuer.trap() RETURNS integer LANGUAGE sql AS ''SELECT 1''',
    'CREATE PUBLICATION trap FOR TABLE screissue.notice',
    'SET screissue.max_lineage = 100000',
    'CREATE CAST (screissue.card_id AS jsonb) WITH INOUT AS IMPLICIT',
    'CREATE TABLE evil.copy AS SELECT * FROM screissue.notice']) c;

-- Maintenance runs the functions in an index or a materialized view with the
-- rights of its owner, but whoever maintains it is the outer user: those
-- functions are nobody's calls.
SELECT l.message_id AS shop FROM card_issuer.app_load l WHERE l.provider = 'SHOP' \gset
CREATE TABLE t.wish (place integer, call text);
INSERT INTO t.wish VALUES (1, $$SELECT count(*) FROM card_issuer.fetch_notices('SHOP', 0)$$),
    (2, format('SELECT card_issuer.confirm_load(%L)', :'shop')),
    (3, $$SELECT card_issuer.find_reissue('CARD-B', 'D276AC0001EF01')$$),
    (4, $$SELECT card_issuer.permit_load(app => 'D276AC0001EF01', card => 'CARD-B')$$),
    (5, format('SELECT card_issuer.confirm_unload(%L)', :'shop'));
GRANT SELECT ON t.wish TO mallory;
SET LOCAL ROLE mallory;
CREATE TABLE evil.loot (got text);
CREATE FUNCTION evil.rob() RETURNS void LANGUAGE plpgsql SET search_path = screissue
AS $$
DECLARE
    w record;
BEGIN
    FOR w IN SELECT * FROM t.wish ORDER BY place LOOP
        BEGIN
            EXECUTE w.call;
            INSERT INTO evil.loot VALUES ('done');
        EXCEPTION WHEN OTHERS THEN
            INSERT INTO evil.loot VALUES (SQLSTATE);
        END;
    END LOOP;
END
$$;
CREATE FUNCTION evil.bait(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE
AS $$ BEGIN PERFORM evil.rob(); RETURN $1; END $$;
CREATE TABLE evil.bait AS SELECT 1 AS x;
CREATE INDEX bait_index ON evil.bait (evil.bait(x));
CREATE MATERIALIZED VIEW evil.bait_view AS SELECT evil.bait(b.x) FROM evil.bait b;
RESET ROLE;
-- What the attacker got, each thing once.
CREATE FUNCTION t.robbed(command text)
    RETURNS text
    LANGUAGE plpgsql
AS $$
BEGIN
    DELETE FROM evil.loot;
    EXECUTE command;
    RETURN (SELECT string_agg(DISTINCT l.got, ' ') || CASE WHEN count(*) < 5 THEN ' (not tried)' ELSE '' END FROM evil.loot l);
END
$$;
SELECT t.on_record() AS before \gset
SELECT is(t.robbed(c), '42501', 'E60: no call of ours works in what a superuser maintains: ' || c)
  FROM unnest(ARRAY['ANALYZE evil.bait', 'ANALYZE', 'REINDEX TABLE evil.bait', 'REINDEX INDEX evil.bait_index',
                    'REFRESH MATERIALIZED VIEW evil.bait_view',
                    'CREATE INDEX other_index ON evil.bait (evil.bait(x + 1))']) c;
SELECT is(t.on_record(), :'before', 'E60: and nothing is changed by it');
SELECT is(t.robbed('SELECT evil.rob()'), 'done', 'E60: a superuser who makes the same calls himself does get all that');

-- A schema that has all that the server has, made by the attacker.
\ir include/attack.sql
CREATE FUNCTION t.unpinned(card card_id) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
AS $$ BEGIN RETURN format('%s of %s', now(), upper(card::text)); END $$;
SELECT is(t.sprung_by($$t.unpinned('CARD-A')$$, 'mallory'),
          'format(text, timestamptz, text) as postgres, now() as postgres, upper(text) as postgres (no error)',
          'E60: a definer function that pins no path runs all of that with the owner''s rights');

-- A policy of a superuser's that is careless about the path: the caller's, which begins
-- in the attacker's house, would be that of what we do afterwards.  (doc/policies.md)
CREATE SCHEMA bank;
CREATE FUNCTION t.policy(body text, clause text DEFAULT '') RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('CREATE OR REPLACE FUNCTION bank.policy(jsonb) RETURNS screissue.verdict LANGUAGE plpgsql %s AS %L', clause,
                   'BEGIN ' || body || '; RETURN ROW(true, NULL, NULL)::screissue.verdict; END');
END
$$;
-- What the call of a provider comes to under such a policy.
CREATE FUNCTION t.permitted(body text, clause text DEFAULT '') RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
    before CONSTANT bigint := nextval('t.sprung');
    answer text;
BEGIN
    PERFORM t.policy(body, clause);
    BEGIN
        PERFORM set_config('role', 'mallory', true);
        EXECUTE $q$SELECT p.permitted || ' in ' || current_setting('search_path') FROM card_issuer.permit_load(app => 'D276AB0085CD02', card => 'CARD-B') p$q$ INTO answer;
        PERFORM card_issuer.confirm_load(p.message_id, false) FROM card_issuer.permit_load(app => 'D276AB0085CD02', card => 'CARD-B') p;
    EXCEPTION WHEN OTHERS THEN
        answer := SQLSTATE;
    END;
    PERFORM pg_catalog.set_config('search_path', 'screissue, public', true);
    PERFORM pg_catalog.set_config('role', 'none', true);
    RETURN answer || CASE WHEN nextval('t.sprung') OPERATOR(pg_catalog.<>) before + 1 THEN ' and a trap sprung' ELSE '' END;
END
$$;
SELECT t.policy('NULL') \g /dev/null
SELECT card_issuer.set_policy('load', 'bank.policy(jsonb)') \g /dev/null
CREATE FUNCTION t.trusting() RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, screissue, pg_temp
AS $$ BEGIN PERFORM bank.policy('{}'); RETURN upper('x'); END $$;
SELECT t.policy('SET LOCAL search_path = house, pg_catalog, screissue') \g /dev/null
SELECT is(t.sprung_by('t.trusting()', 'mallory'), 'upper(text) as postgres (no error)', 'E60: a function that trusts its policy goes on in the path that it left');
SELECT is(t.permitted(b, c), e, 'E60: a policy' || coalesce(' with ' || nullif(c, ''), '') || ' that does: ' || b)
  FROM (VALUES ('NULL', '', 'true in screissue, public'),
    ('RESET search_path', '', '55000'), ('SET search_path = bank, screissue', '', '55000'),
    ('SET LOCAL search_path = house, pg_catalog, screissue', '', '55000'),
    ('PERFORM set_config(''search_path'', ''house, pg_catalog, screissue'', true)', '', '55000'),
    ('SET LOCAL search_path = bank, screissue', 'SET search_path = pg_catalog', 'true in screissue, public'),
    ('SET ROLE shop', '', '42501'), ('SET SESSION AUTHORIZATION shop', '', '42501'), ('SET LOCAL ROLE NONE', '', '42501'),
    ('COMMIT', '', '2D000'), ('ROLLBACK', '', '2D000')) v (b, c, e);
-- Whose function it is counts when it is called, whatever was so when it was set.
SELECT t.policy('NULL') \g /dev/null
GRANT CREATE ON SCHEMA bank TO mallory;
ALTER FUNCTION bank.policy(jsonb) OWNER TO mallory;
SELECT throws_ok($$SELECT card_issuer.permit_load(app => 'D276AB0085CD02', card => 'CARD-B')$$, '42501', 'policy function "bank.policy(jsonb)" does not belong to a superuser',
                 'design 9: a policy that was given away is not called');
ALTER FUNCTION bank.policy(jsonb) OWNER TO CURRENT_USER;
ALTER SCHEMA bank OWNER TO mallory;
SET LOCAL ROLE mallory;
SET LOCAL search_path = pg_catalog;
DROP FUNCTION bank.policy(jsonb);
CREATE FUNCTION bank.policy(jsonb) RETURNS screissue.verdict LANGUAGE plpgsql AS $$ BEGIN PERFORM house.spring('policy'); RETURN ROW(true, NULL, NULL)::screissue.verdict; END $$;
RESET ROLE;
SET LOCAL search_path = screissue, public;
SELECT throws_ok($$SELECT card_issuer.permit_load(app => 'D276AB0085CD02', card => 'CARD-B')$$, '42501', 'policy function "bank.policy(jsonb)" does not belong to a superuser',
                 'design 9: nor one that the owner of its schema has put in its place');
SELECT is(t.sprung_by('bank.policy(''{}'')', NULL), 'policy as postgres (no error)', 'though whoever calls it runs it with his rights');
SELECT card_issuer.set_policy('load', NULL) \g /dev/null

-- How a caller has set up the session changes no answer and no check.
CREATE FUNCTION t.answers() RETURNS text LANGUAGE plpgsql
AS $$
BEGIN
    RETURN concat_ws(' ',
        (SELECT string_agg(c.problem, ',') FROM card_issuer.publication_check() c),
        card_issuer.create_publication('METRO'),
        screissue.definition_sha256('card_issuer.default_policy(jsonb)'::regprocedure),
        screissue.read_paper_time('20260301120000123456') = '2026-03-01 12:00:00.123456+00',
        md5(query_to_xml('SELECT * FROM card_issuer.digest(''METRO'', 1, 9) d', true, true, '')::text));
END
$$;
SELECT card_issuer.create_publication('METRO') \g /dev/null
SELECT t.answers() AS answers \gset
CREATE FUNCTION t.answers_under(setting text, value text) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
    before CONSTANT text := current_setting(setting);
    answers text;
BEGIN
    PERFORM set_config(setting, value, true);
    answers := t.answers();
    PERFORM set_config(setting, before, true);
    RETURN answers;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT is(t.answers_under(s, v), :'answers', format('design 3: the same answers under %s = %s', s, v))
  FROM (VALUES ('standard_conforming_strings', 'off'), ('quote_all_identifiers', 'on'), ('transform_null_equals', 'on'),
    ('array_nulls', 'off'), ('DateStyle', 'German, DMY'), ('IntervalStyle', 'sql_standard'), ('bytea_output', 'escape'),
    ('TimeZone', 'Pacific/Apia'), ('extra_float_digits', '-15'), ('row_security', 'off'), ('backslash_quote', 'off'),
    ('plan_cache_mode', 'force_generic_plan'), ('default_transaction_isolation', 'serializable'), ('check_function_bodies', 'off')) x (s, v);

-- A publication that the attacker owns, one that was given to it, and the attacker's
-- own by the name that ours would have.
SELECT card_issuer.drop_publication('METRO') \g /dev/null
SELECT is(t.denied(c), e, 'R19: ' || d)
  FROM (VALUES (1, 'CREATE PUBLICATION screissue_shop', 'done', 'anybody with CREATE on the database makes one'),
    (2, 'CREATE PUBLICATION trap FOR ALL TABLES', '42501', 'but not of all tables'),
    (3, 'CREATE PUBLICATION trap FOR TABLES IN SCHEMA screissue', '42501', 'nor of our schema'),
    (4, 'ALTER PUBLICATION screissue_shop ADD TABLE screissue.notice', '42501', 'nor does our table go into it'),
    (5, 'ALTER PUBLICATION screissue_shop ADD TABLES IN SCHEMA screissue', '42501', 'nor our schema')) v (n, c, e, d) ORDER BY n;
RESET ROLE;
SELECT throws_ok($$SELECT card_issuer.create_publication('SHOP')$$, '42710', NULL, 'R19: it is not taken for ours');
SELECT throws_ok($$SELECT card_issuer.drop_publication('SHOP')$$, '42710', NULL, 'R19: nor dropped as ours');
SELECT card_issuer.create_publication('METRO') \g /dev/null
SELECT is(t.denied(c), '42501', 'R19: denied: ' || c)
  FROM unnest(ARRAY['ALTER PUBLICATION screissue_metro SET (publish = ''insert, update'')', 'DROP PUBLICATION screissue_metro',
                    'ALTER PUBLICATION screissue_metro OWNER TO mallory', 'ALTER PUBLICATION screissue_metro DROP TABLE screissue.notice']) c;
ALTER PUBLICATION screissue_metro OWNER TO mallory;
SELECT is(t.denied('ALTER PUBLICATION screissue_metro SET TABLE screissue.notice'), '42501', 'R19: who was given it cannot take the row filter off');
SELECT results_eq($$SELECT c.problem FROM card_issuer.publication_check() c WHERE c.publication = 'screissue_metro'$$,
                  $$VALUES ('belongs to role "mallory", which is not superuser'::text)$$, 'R19: and the check tells of it');

-- What was given away of the extension itself stops the next setup.
CREATE FUNCTION t.setup_after(command text) RETURNS text LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE command;
    PERFORM card_issuer.setup('BANKJP', 'Bank');
    RAISE EXCEPTION USING ERRCODE = '00TRY', MESSAGE = 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END
$$;
SELECT is(t.setup_after(format('ALTER %s %s OWNER TO mallory', k, o)), CASE WHEN k = 'PUBLICATION' THEN 'done'
              ELSE format('%s "%s" belongs to role "mallory", which is not superuser', lower(replace(replace(k, 'VIEW', 'relation'), 'SEQUENCE', 'relation')), split_part(o, '(', 1)) END,
          'design 3: setup looks who owns ' || o)
  FROM (VALUES ('SCHEMA', 'screissue'), ('SCHEMA', 'card_issuer'), ('SCHEMA', 'service_provider'), ('FUNCTION', 'screissue.require(text, boolean)'),
    ('FUNCTION', 'card_issuer.permit_load'), ('TYPE', 'screissue.card_id'), ('TYPE', 'screissue.verdict'), ('TYPE', 'screissue.card_status'),
    ('VIEW', 'card_issuer.reissue_pair'), ('SEQUENCE', 'card_issuer.message_sequence'), ('PUBLICATION', 'screissue_metro')) v (k, o);

-- Every call and every view, where the path begins in the attacker's house.
SELECT is_empty(format('SELECT * FROM t.sprung_in(%L, %L)', '{card_issuer,service_provider}', r),
                'E60: nothing of it runs in any call or view for ' || coalesce(r, 'a superuser'))
  FROM unnest('{mallory,clerk,auditor,NULL}'::name[]) r;
ALTER FUNCTION card_issuer.lineage RESET search_path;
SELECT isnt(t.sprung_by(x.call, NULL), NULL, 'E60: but in a call that pins no path, it would: ' || x.call)
  FROM t.call_of('card_issuer.lineage'::regproc) x (call);

SELECT * FROM finish();
ROLLBACK;
