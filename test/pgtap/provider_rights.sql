-- Who may do what at the provider, and what an attacker gets
-- (E60; design: ownership, pinned search_path)
BEGIN;
CREATE EXTENSION screissue;
SET search_path = screissue, public;
SELECT plan(93);

SELECT service_provider.setup('METRO', 'Metro Transit');
SELECT service_provider.register_issuer('BANKJP', 'Bank');
SELECT service_provider.register_application('A000000001', 'fare');
SELECT service_provider.record_load('BANKJP/METRO/1', 'A000000001',
    '4111111111111111', 'u1', ROW(true, NULL, NULL)::verdict);
SELECT service_provider.receive_notice('BANKJP', 'METRO', 1, 'reissue', 100,
    '4111111111111129', '4111111111111111', 'A000000001', 'BANKJP/METRO/1',
    'lost', now(), 'file');

CREATE ROLE "Clerk""s role";
CREATE ROLE stranger;
CREATE ROLE auditor;
GRANT USAGE ON SCHEMA public TO "Clerk""s role", stranger, auditor;

CREATE FUNCTION pg_temp.functions()
    RETURNS SETOF pg_proc
    LANGUAGE sql
AS $$
    SELECT p.* FROM pg_proc p
     WHERE p.pronamespace = 'service_provider'::regnamespace
$$;
CREATE TEMP TABLE api AS
SELECT unnest(ARRAY[
    'accept_transfer', 'backfill', 'complete_reload', 'digest', 'digests',
    'dismiss_notice', 'examine_reload', 'explain_decision', 'export_inquiry', 'find_load',
    'grant_auditor', 'grant_operator', 'import_notices', 'import_permissions',
    'import_replies', 'missing_notices', 'pull_notices', 'receive_notice',
    'received_notices', 'record_examination', 'record_load', 'record_reply',
    'record_unload', 'register_application', 'register_certificate', 'register_issuer',
    'request_reload', 'retry_notice', 'revoke_certificate', 'send_confirmations',
    'set_tariff', 'type_notice', 'type_permission',
    'type_reply', 'withdraw_application']) AS name;

-- Definer functions, helpers, comments

SELECT is_empty(
    $$SELECT a.name FROM api a EXCEPT SELECT p.proname FROM pg_temp.functions() p$$,
    'the API is complete');
SELECT is_empty(
    $$SELECT p.oid::regprocedure FROM pg_temp.functions() p
       WHERE p.prosecdef <> (p.proname IN ('setup', 'set_policy')
                             OR p.proname IN (SELECT a.name FROM api a))$$,
    'E60: the API and setup run with the owner''s rights, helpers do not');
SELECT is_empty(
    $$SELECT p.oid::regprocedure FROM pg_temp.functions() p
       WHERE p.prosecdef
         AND NOT 'search_path=pg_catalog, screissue, pg_temp' = ANY (p.proconfig)$$,
    'E60: definer functions pin their search_path');
SELECT is_empty(
    $$SELECT p.oid::regprocedure FROM pg_temp.functions() p
       WHERE p.prolang <> (SELECT l.oid FROM pg_language l WHERE l.lanname = 'c')
         AND p.proconfig IS NULL$$,
    'E60: so do helpers');
SELECT is_empty(
    $$SELECT p.oid::regprocedure FROM pg_temp.functions() p
       WHERE obj_description(p.oid, 'pg_proc') IS NULL$$,
    'every function has a comment');
SELECT is_empty(
    $$SELECT p.proname FROM pg_temp.functions() p
       GROUP BY p.proname HAVING count(*) > 1$$,
    'no function name is there twice');

-- Nobody has anything yet

SELECT is_empty(
    $$SELECT p.oid::regprocedure FROM pg_temp.functions() p
       WHERE has_function_privilege('stranger', p.oid, 'EXECUTE')$$,
    'E60: a stranger may call nothing');
SELECT is_empty(
    $$SELECT c.relname FROM pg_class c
       WHERE c.relnamespace = 'service_provider'::regnamespace
         AND c.relkind IN ('r', 'v', 'S')
         AND (has_table_privilege('stranger', c.oid,
                  'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'))$$,
    'E60: nor touch a table or view');
SELECT ok(NOT has_schema_privilege('stranger', 'service_provider', 'USAGE'),
          'E60: nor look into the schema');
SET LOCAL ROLE stranger;
SELECT throws_ok(format('SELECT service_provider.%s', t.call), '42501', NULL,
                 'E60: refused to a stranger: ' || t.call)
  FROM (VALUES
    ($$setup('METRO', 'Mine')$$),
    ($$register_issuer('BANKJP', 'Bank')$$),
    ($$register_application('A000000001', 'fare')$$),
    ($$withdraw_application('A000000001')$$),
    ($$accept_transfer('A000000001', 'OLDTOWN')$$),
    ($$set_tariff('A000000001', 'load', 1, 'JPY')$$),
    ($$record_load('BANKJP/METRO/1', 'A000000001')$$),
    ($$record_unload('BANKJP/METRO/1')$$),
    ($$record_examination('BANKJP/METRO/1', ROW(true, NULL, NULL)::screissue.verdict)$$),
    ($$find_load('BANKJP/METRO/1')$$),
    ($$request_reload('A000000001', 'BANKJP')$$),
    ($$record_reply(1, 200, false, NULL)$$),
    ($$examine_reload(1, ROW(true, NULL, NULL)::screissue.verdict)$$),
    ($$complete_reload(1, 'BANKJP/METRO/1')$$),
    ($$send_confirmations('BANKJP')$$),
    ($$type_notice('')$$),
    ($$type_reply(1, '')$$),
    ($$type_permission('')$$),
    ($$import_notices('')$$),
    ($$import_replies('')$$),
    ($$import_permissions('')$$),
    ($$export_inquiry('BANKJP')$$),
    ($$register_certificate('BANKJP', '')$$),
    ($$revoke_certificate('BANKJP', '')$$),
    ($$explain_decision(1)$$),
    ($$retry_notice(1, 'why not')$$),
    ($$dismiss_notice(1, 'why not')$$),
    ($$grant_operator('stranger')$$),
    ($$grant_auditor('stranger')$$)
  ) AS t (call);
RESET ROLE;

-- Internal helpers of schema screissue, which everybody may look into

SELECT ok(NOT has_function_privilege('stranger', t.signature, 'EXECUTE'),
          'E60: internal: ' || t.signature)
  FROM (VALUES
    ('screissue.dblink_schema()'), ('screissue.connection_name(name)'),
    ('screissue.open_connection(name)'), ('screissue.close_connection(name)'),
    ('screissue.is_connection_failure(text, text)'),
    ('screissue.remote_rows(name, text)')) AS t (signature);

-- Operators

SELECT lives_ok(
    $$SELECT service_provider.grant_operator('Clerk"s role')$$,
    'E60: an operator, whatever the name');
SELECT lives_ok(
    $$SELECT service_provider.grant_operator('Clerk"s role')$$, 'E60: repeated');
SELECT is_empty(
    $$SELECT p.oid::regprocedure FROM pg_temp.functions() p
       WHERE has_function_privilege('Clerk"s role', p.oid, 'EXECUTE')
          <> (p.proname IN (SELECT a.name FROM api a))$$,
    'E60: an operator may call the API, all of it, and nothing else');
SELECT ok(NOT has_schema_privilege('Clerk"s role', 'service_provider', 'CREATE'),
          'E60: an operator makes nothing in the schema');
SELECT is_empty(
    $$SELECT c.relname FROM pg_class c
       WHERE c.relnamespace = 'service_provider'::regnamespace
         AND c.relkind IN ('r', 'v', 'S')
         AND (has_table_privilege('Clerk"s role', c.oid,
                  'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
              OR has_table_privilege('Clerk"s role', c.oid, 'SELECT')
                 <> (c.relkind = 'v'))$$,
    'E60: reads the views, but no table, and writes nothing');

SET LOCAL ROLE "Clerk""s role";
SELECT lives_ok(format('SELECT service_provider.%s', t.call),
                'an operator''s day: ' || t.call)
  FROM (VALUES
    ($$register_issuer('OTHER', 'Other', contract_until => 'tomorrow')$$),
    ($$register_application('A000000002', 'locker')$$),
    ($$set_tariff('A000000002', 'load', 1, 'JPY')$$),
    ($$withdraw_application('A000000002')$$),
    ($$accept_transfer('A000000002', 'OLDTOWN')$$),
    ($$record_load('BANKJP/METRO/2', 'A000000001', status => 'permitted')$$),
    ($$record_examination('BANKJP/METRO/1', ROW(true, 'seen', NULL)::screissue.verdict)$$),
    ($$find_load('BANKJP/METRO/1')$$),
    ($$request_reload('A000000001', 'BANKJP', 100, '4111111111111129')$$),
    ($$complete_reload(1, 'BANKJP/METRO/2')$$),
    ($$explain_decision(1)$$),
    ($$record_unload('BANKJP/METRO/2')$$),
    ($$missing_notices('BANKJP')$$),
    ($$digest('BANKJP', 1, 9)$$),
    ($$digests('BANKJP', 1, 9, 1)$$),
    ($$grant_auditor('auditor')$$)
  ) AS t (call);
RESET ROLE;
SELECT results_eq(
    $$SELECT r.requested_by, x.examiner
        FROM service_provider.reload_request r, service_provider.examination x
       WHERE x.reason = 'seen' AND x.event = 'load'$$,
    $$VALUES ('Clerk"s role', 'Clerk"s role')$$,
    'R13: requests and examinations say who');

-- Auditors

SET LOCAL ROLE auditor;
SELECT results_eq(
    $$SELECT m.issuer::text, m.old_card_id, m.new_card_id
        FROM service_provider.masked_reissue_pair m$$,
    $$VALUES ('BANKJP', '4111********1111', '4111********1129')$$,
    'E60: an auditor sees masked pairs');
SELECT lives_ok(format('SELECT * FROM service_provider.%I', t.name), 'E60: an auditor sees ' || t.name)
  FROM (VALUES ('arrival'), ('notice_gap'), ('quarantine'), ('intake')) AS t (name);
SELECT throws_ok(format('SELECT * FROM service_provider.%I', t.name), '42501',
                 NULL, 'E60: an auditor does not see ' || t.name)
  FROM (VALUES ('reissue_pair'), ('reissue_notice'), ('app_load'),
               ('reload_request'), ('unconfirmed_load'), ('quarantined_notice'), ('notice_arrival')) AS t (name);
SELECT throws_ok('SELECT service_provider.' || call, '42501', NULL,
                 'E60: an auditor calls nothing: ' || call)
  FROM (VALUES ($$find_load('BANKJP/METRO/1')$$), ('explain_decision(1)')) AS t (call);
RESET ROLE;

-- What an operator might try on the functions that run with the owner's rights

GRANT CREATE ON SCHEMA public TO "Clerk""s role";
SET LOCAL ROLE "Clerk""s role";
CREATE FUNCTION public.trap(screissue.message_id, screissue.message_id)
    RETURNS boolean
    LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'the trap was sprung as %', current_user;
END
$$;
CREATE OPERATOR public.= (
    LEFTARG = screissue.message_id, RIGHTARG = screissue.message_id,
    FUNCTION = public.trap);
CREATE TEMP TABLE app_load (message_id text, status text, issuer text);
CREATE TEMP TABLE pg_proc (oid oid, proname name, pronamespace oid);
CREATE FUNCTION pg_temp.now() RETURNS timestamptz LANGUAGE sql
    AS $$SELECT timestamptz '2001-01-01'$$;
SET LOCAL search_path = pg_temp, public, screissue, pg_catalog;
SELECT lives_ok(
    $$SELECT service_provider.record_load('BANKJP/METRO/3', 'A000000001');
      SELECT service_provider.find_load('BANKJP/METRO/3');
      SELECT service_provider.record_unload('BANKJP/METRO/3');
      SELECT service_provider.grant_operator('Clerk"s role')$$,
    'E60: operators, tables and functions in the caller''s path are not used');
RESET ROLE;
SET LOCAL search_path = screissue, public;
SELECT is((SELECT l.permitted_at FROM service_provider.app_load l
            WHERE l.message_id = 'BANKJP/METRO/3'), now(),
          'E60: nor is a temporary function');
SET LOCAL ROLE "Clerk""s role";
SELECT throws_ok(t.call, '42501', NULL, 'E60: refused to an operator: ' || t.call)
  FROM (VALUES
    ('CREATE TRIGGER t BEFORE INSERT ON service_provider.app_load FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()'),
    ('CREATE FUNCTION service_provider.f() RETURNS int LANGUAGE sql AS ''SELECT 1'''),
    ('CREATE FUNCTION screissue.f() RETURNS int LANGUAGE sql AS ''SELECT 1'''),
    ('CREATE INDEX ON service_provider.app_load (status)'),
    ('DROP TABLE service_provider.app_load CASCADE'),
    ('ALTER TABLE service_provider.app_load DISABLE TRIGGER ALL'),
    ($$SELECT service_provider.setup('METRO', 'Mine')$$),
    ('SELECT service_provider.layout_1()'),
    ($$SELECT service_provider.judge_gates(NULL)$$),
    ('SELECT service_provider.evidence_of_request(1)'),
    ($$SELECT screissue.remote_rows('x', 'SELECT 1')$$)
  ) AS t (call);
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
