-- The provider's side under attack: operators and auditors who may also create what
-- they like, in schema public, in schemas of their own and as temporary objects, own
-- servers and make temporary tables by our names (doc/design.md, Shape; E60)
BEGIN;
CREATE EXTENSION screissue;
CREATE EXTENSION dblink SCHEMA public;
SET LOCAL client_min_messages = warning;
SET LOCAL search_path = screissue, public;
SELECT plan(79);

SELECT service_provider.setup('METRO', 'Metro Transit') \g /dev/null
SELECT service_provider.register_issuer('BANKJP', 'Bank'), service_provider.register_application('D276AB0085CD01', 'fare') \g /dev/null
SELECT service_provider.record_load('BANKJP/METRO/1', 'D276AB0085CD01', '4111111111111111', 'u1', ROW(true, NULL, NULL)::verdict),
       service_provider.record_load('BANKJP/METRO/3', 'D276AB0085CD01', 'CARD-A', 'u3', ROW(true, NULL, NULL)::verdict) \g /dev/null
SELECT service_provider.receive_notice('BANKJP', 'METRO', 1, 'reissue', 100, '4111111111111129', '4111111111111111', 'D276AB0085CD01',
                                       'BANKJP/METRO/1', 'lost', now(), 'file'),
       service_provider.receive_notice('BANKJP', 'METRO', 2, 'reissue', 100, '5555555555554444', NULL, 'D276AB0085CD01',
                                       'BANKJP/RAIL/1', 'lost', now(), 'file'),
       service_provider.receive_notice('BANKJP', 'METRO', 3, 'reissue', 100, 'CARD-B', 'CARD-A', 'D276AB0085CD01',
                                       'BANKJP/METRO/3', 'lost', now(), 'file') \g /dev/null
CREATE ROLE mallory;
CREATE ROLE clerk;
CREATE ROLE auditor;
CREATE ROLE eve IN ROLE auditor;
SELECT service_provider.grant_operator('mallory'), service_provider.grant_operator('clerk'), service_provider.grant_auditor('auditor') \g /dev/null
CREATE SCHEMA t;
GRANT CREATE ON SCHEMA public TO mallory, eve;
GRANT CREATE ON DATABASE :DBNAME TO mallory;
\ir include/attack.sql

-- Runs a command as a role; done, or the SQLSTATE.
CREATE FUNCTION t.tried(command text, role_name name DEFAULT 'mallory') RETURNS text LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM set_config('role', role_name, true);
    EXECUTE command;
    PERFORM set_config('role', 'none', true);
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;

-- What the attacker may not do to what is ours
SELECT is(t.tried(c), '42501', 'design 3: denied: ' || c)
  FROM unnest(ARRAY[
    'CREATE FUNCTION house.trap() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN RETURN NEW; END'';
     CREATE TRIGGER trap BEFORE INSERT ON service_provider.app_load FOR EACH ROW EXECUTE FUNCTION house.trap()',
    'CREATE TRIGGER trap BEFORE INSERT ON screissue.notice FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
    'CREATE RULE trap AS ON INSERT TO service_provider.reissue_notice DO ALSO SELECT house.spring(''rule'')',
    'CREATE POLICY trap ON service_provider.app_load USING (true)',
    'ALTER TABLE service_provider.app_load ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE service_provider.app_load ADD CHECK (house.spring(''check'') IS NULL)',
    'ALTER TABLE service_provider.app_load ALTER status SET DEFAULT ''loaded''',
    'CREATE TABLE house.child () INHERITS (service_provider.app_load)',
    'CREATE TABLE house.reference (m screissue.message_id REFERENCES service_provider.app_load)',
    'CREATE INDEX trap ON service_provider.app_load ((house.spring(''index'') IS NULL))',
    'CREATE STATISTICS house.trap ON status, issuer FROM service_provider.app_load',
    'CREATE TABLE service_provider.trap (x integer)', 'CREATE TABLE screissue.trap (x integer)',
    'CREATE FUNCTION service_provider.trap() RETURNS integer LANGUAGE sql AS ''SELECT 1''',
    'CREATE OPERATOR screissue.= (LEFTARG = screissue.card_id, RIGHTARG = text, FUNCTION = texteq)',
    'CREATE OR REPLACE FUNCTION service_provider.own_company() RETURNS screissue.company_id LANGUAGE sql AS ''SELECT NULL::screissue.company_id''',
    'ALTER FUNCTION service_provider.request_reload RESET search_path', 'ALTER FUNCTION screissue.mask(screissue.card_id) OWNER TO mallory',
    'ALTER SCHEMA screissue RENAME TO other', 'ALTER TYPE screissue.verdict ADD ATTRIBUTE x integer',
    'ALTER TYPE screissue.load_status ADD VALUE ''x''',
    'ALTER EXTENSION screissue DROP FUNCTION screissue.mask(screissue.card_id)', 'DROP EXTENSION screissue CASCADE',
    'CREATE PUBLICATION trap FOR TABLE service_provider.reissue_notice', 'CREATE PUBLICATION trap FOR TABLES IN SCHEMA service_provider',
    'CREATE PUBLICATION trap FOR ALL TABLES', 'CREATE EVENT TRIGGER trap ON ddl_command_end EXECUTE FUNCTION service_provider.land_notice()',
    'CREATE FUNCTION house.tight(text) RETURNS boolean LANGUAGE plpgsql LEAKPROOF AS ''BEGIN RETURN true; END''',
    'ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT ALL ON TABLES TO mallory',
    'CREATE TABLE house.copy AS SELECT * FROM service_provider.reissue_notice',
    'INSERT INTO screissue.notice (issuer, provider, notice_no) VALUES (''BANKJP'', ''METRO'', 9)',
    'INSERT INTO service_provider.reissue_notice DEFAULT VALUES',
    'LOCK TABLE service_provider.app_load', 'TRUNCATE screissue.notice',
    'SELECT setval(''service_provider.reload_request_request_id_seq'', 1)',
    'SET screissue.max_lineage = 100000', 'SET session_replication_role = replica',
    'SELECT service_provider.set_policy(''reload'', NULL)',
    'SELECT service_provider.layout_1()', 'SELECT screissue.remote_rows(''x'', ''SELECT 1'')']) c;
CREATE TABLE house.mine (x integer);
ALTER TABLE house.mine OWNER TO mallory;
SELECT is(t.tried('CREATE TRIGGER land BEFORE INSERT ON house.mine FOR EACH ROW EXECUTE FUNCTION service_provider.land_notice()'), '42501',
          'design 3: nor is our trigger function put on another table');
SELECT is(t.tried('CREATE TRIGGER mine BEFORE INSERT ON house.mine FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()'), 'done',
          'while the attacker has a free hand at home');
RESET ROLE;

-- Temporary tables, functions, types and views by our names
SET LOCAL ROLE mallory;
CREATE TEMPORARY TABLE app_load (message_id screissue.message_id, status screissue.load_status);
CREATE TEMPORARY TABLE issuer (issuer screissue.company_id, server name);
CREATE TEMPORARY TABLE self (company_id screissue.company_id);
CREATE TEMPORARY TABLE pg_proc (oid oid, proowner oid);
CREATE TEMPORARY TABLE pg_foreign_server (oid oid, srvname name, srvowner oid);
CREATE TEMPORARY VIEW pg_roles AS SELECT 'mallory'::name AS rolname, true AS rolsuper, 10::oid AS oid;
CREATE TEMPORARY TABLE pg_extension (oid oid, extname name, extnamespace oid);
INSERT INTO pg_temp.pg_extension SELECT 1, 'dblink', n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = 'house';
CREATE FUNCTION house.dblink(text, text) RETURNS SETOF record LANGUAGE plpgsql AS $$ BEGIN PERFORM house.spring('dblink'); END $$;
CREATE FUNCTION house.dblink_connect(text, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM house.spring('dblink_connect'); RETURN 'OK'; END $$;
CREATE FUNCTION house.dblink_get_connections() RETURNS text[] LANGUAGE plpgsql AS $$ BEGIN PERFORM house.spring('dblink_get_connections'); END $$;
CREATE FUNCTION pg_temp.calling_role() RETURNS name LANGUAGE sql AS $$ SELECT 'postgres'::name $$;
CREATE FUNCTION pg_temp.mask(text) RETURNS text LANGUAGE sql AS $$ SELECT $1 $$;
CREATE DOMAIN pg_temp.card_id AS screissue.card_id;
RESET ROLE;
CREATE FUNCTION t.unpinned(card card_id) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
AS $$ BEGIN RETURN format('%s of %s', now(), upper(card::text)); END $$;
SELECT is(t.sprung_by($$t.unpinned('CARD-A')$$, 'mallory'),
          'format(text, timestamptz, text) as postgres, now() as postgres, upper(text) as postgres (no error)',
          'E60: a definer function that pins no path runs all of that with the owner''s rights');

-- Servers: who owns one says where it leads, and as whom.
GRANT USAGE ON FOREIGN DATA WRAPPER dblink_fdw TO mallory;
SELECT is(t.tried('CREATE SERVER loop FOREIGN DATA WRAPPER dblink_fdw OPTIONS (dbname ''postgres'')'), 'done', 'the attacker makes a server');
SELECT is(t.tried('CREATE USER MAPPING FOR postgres SERVER loop OPTIONS (user ''postgres'')'), 'done', 'and says as whom the owner of the extension comes there');
RESET ROLE;
SELECT is(t.tried($$SELECT service_provider.register_issuer('LOOP', 'Loop', server => 'loop')$$), '42501', 'E60: no issuer is asked over a server of the attacker');
SELECT is(t.tried($$SELECT service_provider.register_issuer('LOOP', 'Loop', server => 'loop')$$, 'postgres'), '42501', 'E60: not even if a superuser says so');
ALTER SERVER loop OWNER TO CURRENT_USER;
SELECT lives_ok($$SELECT service_provider.register_issuer('LOOP', 'Loop', server => 'loop')$$, 'R4: it is, over the same server of a superuser');
ALTER SERVER loop OWNER TO mallory;
SELECT throws_ok($$SELECT service_provider.pull_notices('LOOP')$$, '42501', 'foreign server "loop" belongs to role "mallory", which is not superuser',
                 'E60: but not when it was given away since');
ALTER SERVER loop RENAME TO other;
SELECT throws_ok($$SELECT service_provider.pull_notices('LOOP')$$, '42704', NULL, 'R4: nor when it is gone');
SELECT is(t.tried('ALTER SERVER other RENAME TO loop'), 'done', 'and the attacker makes one by its name');
RESET ROLE;
SELECT throws_ok($$SELECT service_provider.pull_notices('LOOP')$$, '42501', NULL, 'E60: which is not believed');
SELECT lives_ok($$SELECT service_provider.register_issuer('LOOP', 'Loop', server => 'later')$$, 'R4: a superuser may name a server that is made later');

-- Whoever may look at masked views only, and lets a function look first
SET LOCAL ROLE eve;
CREATE TEMPORARY TABLE seen (x text);
CREATE FUNCTION public.leak(anyelement) RETURNS boolean LANGUAGE plpgsql COST 0.000001
AS $$ BEGIN INSERT INTO pg_temp.seen VALUES ($1::text); RETURN true; END $$;
SELECT m.new_card_id FROM service_provider.masked_reissue_pair m WHERE public.leak(m) AND public.leak(m.new_card_id) AND public.leak(m.old_card_id) \g /dev/null
SELECT q.cause FROM service_provider.quarantine q WHERE public.leak(q) \g /dev/null
SELECT a.* FROM service_provider.arrival a WHERE public.leak(a) \g /dev/null
SELECT a.* FROM service_provider.intake a WHERE public.leak(a) \g /dev/null
RESET ROLE;
SELECT is((SELECT string_agg(s.x, ' ') FROM pg_temp.seen s WHERE s.x LIKE '4111*%'), '4111********1129 4111********1111', 'E60: a function of an auditor sees rows of the masked views');
SELECT is_empty($$SELECT s.x FROM pg_temp.seen s WHERE s.x ~ '[0-9]{13}'$$, 'E60: with masked card ids only');
SELECT is(t.tried(c, 'eve'), '42501', 'E60: denied to an auditor: ' || c)
  FROM unnest(ARRAY['SELECT * FROM service_provider.reissue_pair', 'SELECT service_provider.find_load(''BANKJP/METRO/1'')',
                    'CREATE OR REPLACE VIEW service_provider.masked_reissue_pair AS SELECT 1', 'ALTER VIEW service_provider.masked_reissue_pair OWNER TO eve',
                    'LOCK TABLE service_provider.masked_reissue_pair IN SHARE MODE']) c;

-- Maintenance of what the attacker owns, by a superuser (see issuer_attack.sql)
SET LOCAL ROLE mallory;
CREATE TABLE house.loot (got text);
CREATE FUNCTION house.rob() RETURNS void LANGUAGE plpgsql SET search_path = screissue
AS $$
BEGIN
    PERFORM service_provider.request_reload('D276AB0085CD01', 'BANKJP', 100, '4111111111111129');
    INSERT INTO house.loot VALUES ('done');
EXCEPTION WHEN OTHERS THEN
    INSERT INTO house.loot VALUES (SQLSTATE);
END
$$;
CREATE FUNCTION house.bait(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE
AS $$ BEGIN PERFORM house.rob(); RETURN $1; END $$;
CREATE TABLE house.bait AS SELECT 1 AS x;
CREATE INDEX bait_index ON house.bait (house.bait(x));
CREATE MATERIALIZED VIEW house.bait_view AS SELECT house.bait(b.x) FROM house.bait b;
RESET ROLE;
CREATE FUNCTION t.got(command text) RETURNS text LANGUAGE plpgsql
AS $$
BEGIN
    DELETE FROM house.loot;
    EXECUTE command;
    RETURN (SELECT string_agg(DISTINCT l.got, ' ') FROM house.loot l);
END
$$;
SELECT is(t.got(c), '42501', 'E60: no reload is requested in the name of a superuser who does: ' || c)
  FROM unnest(ARRAY['ANALYZE house.bait', 'REINDEX TABLE house.bait', 'REFRESH MATERIALIZED VIEW house.bait_view']) c;
SELECT is(t.got('SELECT house.rob()'), 'done', 'E60: but of one who makes the same call himself');

-- A policy that is careless about the path, or not a superuser's any more
CREATE SCHEMA metro;
CREATE FUNCTION metro.policy(jsonb) RETURNS screissue.verdict LANGUAGE plpgsql
AS $$ BEGIN PERFORM set_config('search_path', 'house, pg_catalog, screissue', true); RETURN ROW(true, NULL, NULL)::screissue.verdict; END $$;
SELECT service_provider.set_policy('reload', 'metro.policy(jsonb)') \g /dev/null
\set reload '$$SELECT r.outcome::text FROM service_provider.request_reload(\'D276AB0085CD01\', \'BANKJP\', 100, \'4111111111111129\') r$$'
SELECT throws_ok(:reload, '55000', 'policy "metro.policy(jsonb)" changed the search_path', 'E60: a policy of the provider''s leaves no path behind either');
ALTER FUNCTION metro.policy(jsonb) OWNER TO mallory;
SELECT throws_ok(:reload, '42501', NULL, 'design 9: one that was given away is not called');
SELECT service_provider.set_policy('reload', NULL) \g /dev/null
SELECT results_eq(:reload, $$VALUES ('approved'::text)$$, 'R50: without it the record decides');

-- What was given away of the extension itself stops the next setup.
CREATE FUNCTION t.setup_after(command text) RETURNS text LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE command;
    PERFORM service_provider.setup('METRO', 'Metro');
    RAISE EXCEPTION USING ERRCODE = '00TRY', MESSAGE = 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
SELECT is(t.setup_after(format('ALTER %s OWNER TO mallory', o)), '42501', 'design 3: setup looks who owns ' || o)
  FROM unnest('{SCHEMA service_provider,FUNCTION service_provider.receive_notice,TYPE screissue.card_id,TABLE screissue.notice,TABLE service_provider.reissue_notice,VIEW service_provider.intake}'::text[]) o;
SELECT is(t.setup_after('SELECT 1'), '00TRY', 'and goes on when nothing was');

-- Every call and every view, where the path begins in the attacker's house.
SELECT is_empty(format('SELECT * FROM t.sprung_in(%L, %L)', '{service_provider}', r),
                'E60: nothing of it runs in any call or view for ' || coalesce(r, 'a superuser'))
  FROM unnest('{mallory,clerk,auditor,NULL}'::name[]) r;
ALTER FUNCTION service_provider.find_load RESET search_path;
SELECT isnt(t.sprung_by(x.call, 'mallory'), NULL, 'E60: but in a call that pins no path, it would: ' || x.call)
  FROM t.call_of('service_provider.find_load'::regproc) x (call);

SELECT * FROM finish();
ROLLBACK;
