-- Who may do what at the card issuer (doc/design.md, Shape; R34, E24, E45, E46,
-- E60) (since 1.1)
BEGIN;
\ir include/issuer.sql
SELECT plan(114);
SELECT service_provider.setup('BANKJP', 'Bank of Japan Point') \g /dev/null

CREATE TABLE t.role_call (role_name name, call name);
INSERT INTO t.role_call VALUES ('auditor', 'inquiries_made'), ('auditor', 'suspicion'), ('auditor', 'provider_slots');
INSERT INTO t.role_call
SELECT r, c FROM unnest('{metro,shop,rail}'::name[]) r,
    unnest('{permit_load,confirm_load,confirm_unload,inquire,find_reissue,fetch_notices,digest,digests,print_notice}'::name[]) c;

-- What each role may execute: its list, no more.
CREATE VIEW t.executable AS
SELECT r.rolname, p.oid, p.proname, p.prosecdef
  FROM pg_proc p, pg_roles r
 WHERE p.pronamespace = 'card_issuer'::regnamespace
   AND r.rolname IN ('metro', 'shop', 'rail', 'clerk', 'auditor', 'nobody')
   AND has_function_privilege(r.oid, p.oid, 'EXECUTE');
SELECT is_empty(format('SELECT e.proname FROM t.executable e WHERE e.rolname = %L
                          AND e.proname NOT IN (SELECT c.call FROM t.role_call c WHERE c.role_name = %1$L)', r),
                'R34: ' || r || ' may execute nothing but what its contract allows')
  FROM unnest('{metro,shop,rail,auditor,nobody}'::text[]) r;
SELECT bag_has(format('SELECT e.proname FROM t.executable e WHERE e.rolname = %L', r),
               $$SELECT unnest('{permit_load,confirm_load,confirm_unload,inquire,find_reissue,fetch_notices,digest,digests,print_notice}'::name[])$$,
               'R34: ' || r || ' may execute all that its contract allows')
  FROM unnest('{metro,shop,rail}'::text[]) r;
SELECT is_empty($$SELECT e.proname FROM t.executable e WHERE e.rolname = 'clerk' AND NOT e.prosecdef
                      AND e.proname NOT IN ('inquire', 'suspicion', 'decrypt_attribute', 'run_reissue_batch')$$,
                'design 3: an operator executes no internal function');
SELECT results_eq($$SELECT p.proname FROM pg_proc p
                     WHERE p.pronamespace = 'card_issuer'::regnamespace AND p.prosecdef
                       AND NOT has_function_privilege('clerk', p.oid, 'EXECUTE') ORDER BY 1$$,
                  $$VALUES ('begin_epoch'::name), ('restore_notice'), ('set_policy'), ('setup')$$, 'design 6: an operator may call everything but begin_epoch, restore_notice, set_policy and setup');
SELECT is_empty($$SELECT p.proname FROM pg_proc p, pg_roles r
                   WHERE p.pronamespace IN ('service_provider'::regnamespace) AND NOT r.rolsuper
                     AND has_function_privilege(r.oid, p.oid, 'EXECUTE')$$,
                'design 3: no role of the issuer''s gets a call of the provider''s schema');

-- Nobody reads a table: no privilege on any relation, column or sequence.
CREATE VIEW t.relation AS
SELECT c.oid, c.oid::regclass::text AS name, c.relkind
  FROM pg_class c
 WHERE c.relnamespace IN ('screissue'::regnamespace, 'card_issuer'::regnamespace, 'service_provider'::regnamespace)
   AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S');
SELECT cmp_ok((SELECT count(*) FROM t.relation), '>', 25::bigint, 'E60: there are relations to try');
SELECT is(ARRAY(SELECT r.name FROM t.relation r
                 WHERE CASE WHEN r.relkind = 'S' THEN has_sequence_privilege(w.who, r.oid, 'USAGE, SELECT, UPDATE')
                            ELSE has_table_privilege(w.who, r.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
                                 OR has_any_column_privilege(w.who, r.oid, 'SELECT, INSERT, UPDATE, REFERENCES') END
                 ORDER BY r.name),
          w.may_read, 'E60: relations that ' || w.who || ' may touch at all')
  FROM (VALUES ('metro'::name, '{}'::text[]), ('shop', '{}'), ('rail', '{}'), ('nobody', '{}'),
               ('auditor', '{card_issuer.batch_failure,card_issuer.batch_progress,card_issuer.charge,card_issuer.delivery,card_issuer.inquiry_report,card_issuer.key_usage,card_issuer.masked_inquiry,card_issuer.masked_reissue_pair,card_issuer.statement,card_issuer.suspicious_inquiry,status_move}'),
               ('clerk', '{card_issuer.batch_failure,card_issuer.batch_progress,card_issuer.charge,card_issuer.delivery,card_issuer.inquiry_report,card_issuer.key_usage,card_issuer.masked_inquiry,card_issuer.masked_reissue_pair,card_issuer.reissue_batch,card_issuer.reissue_batch_item,card_issuer.reissue_pair,card_issuer.statement,card_issuer.suspicious_inquiry,certificate,status_move}')) w (who, may_read);
SELECT is(ARRAY(SELECT r.name FROM t.relation r
                 WHERE r.relkind <> 'S' AND has_table_privilege(w, r.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')),
          '{}', 'design 3: nothing more than SELECT for ' || w)
  FROM unnest('{auditor,clerk}'::name[]) w;
SELECT is(ARRAY(SELECT n FROM unnest('{screissue,card_issuer,service_provider}'::name[]) n WHERE has_schema_privilege(r.rolname, n, 'CREATE')),
          '{}', 'design 3: no CREATE on our schemas for ' || r.rolname)
  FROM pg_roles r WHERE r.rolname IN ('metro', 'clerk', 'auditor', 'nobody');
SELECT is(has_schema_privilege(r.rolname, 'card_issuer', 'USAGE'), r.rolname <> 'nobody', 'design 3: USAGE on card_issuer for ' || r.rolname)
  FROM pg_roles r WHERE r.rolname IN ('metro', 'shop', 'rail', 'clerk', 'auditor', 'nobody');
SELECT is(t.run($$SELECT '4111-1111-1111-1111'::screissue.card_id = '4111111111111111'::screissue.card_id
                     AND screissue.luhn_valid('4111111111111111')$$, 'nobody'), 'true', 'design 3: the types are for everybody');

-- An auditor sees masked ids.
SELECT card_issuer.issue_card('4111111111111111', 100), t.load('4111111111111111', :METRO1),
       t.reissue('4111111111111111', '378282246310005') \g /dev/null
SELECT is(t.run('SELECT p FROM card_issuer.masked_reissue_pair p', r),
          format('(BANKJP,%s,%s)', mask('4111111111111111'), mask('378282246310005')), 'E60: the pair as ' || r || ' sees it masked')
  FROM unnest('{auditor,clerk}'::name[]) r;
SELECT t.refused('SELECT count(*) FROM card_issuer.reissue_pair', '42501', 'E60: an auditor does not see the ids', 'auditor');
CREATE FUNCTION t.leak(x anyelement) RETURNS boolean LANGUAGE plpgsql COST 0.0001
AS $$ BEGIN IF x::text ~ '[0-9]{12}' THEN RAISE 'leaked'; END IF; RETURN true; END $$;
GRANT USAGE ON SCHEMA t TO auditor;
SELECT is(t.run('SELECT count(*) FROM card_issuer.masked_reissue_pair p
                  WHERE t.leak(p.old_card_id) AND t.leak(p.new_card_id) AND t.leak(p)', 'auditor'), '1',
          'E60: nor through a function in the condition');

-- Another provider's application, message and notices: 42501, before the card is looked at.
SELECT card_issuer.issue_card('CARD-A', 100), card_issuer.issue_card('CARD-R', 200) \g /dev/null
SELECT t.load('CARD-A', :SHOP1) AS shop_load \gset
SELECT t.permit('CARD-R', :SHOP1) AS shop_permit \gset
CREATE TABLE t.foreign_call (call text);
INSERT INTO t.foreign_call
SELECT format('card_issuer.permit_load(app => %L, card => %L)', :SHOP1, c)
  FROM unnest('{CARD-A,CARD-R,NOSUCH,378282246310005,4111111111111111}'::text[]) c
UNION ALL VALUES (format('card_issuer.permit_load(app => %L)', :SHOP1)),
    (format('card_issuer.permit_load(app => %L, card => %L, reload_of => %L)', :SHOP1, 'CARD-A', :'shop_load')),
    (format('card_issuer.confirm_load(%L)', :'shop_permit')), (format('card_issuer.confirm_load(%L, false)', :'shop_load')),
    (format('card_issuer.confirm_unload(%L)', :'shop_load')), (format('card_issuer.confirm_unload(%L)', :'shop_permit')),
    ('card_issuer.fetch_notices(''SHOP'', 0)'), ('card_issuer.fetch_notices(''NOSUCH'', 0)'),
    ('card_issuer.digest(''SHOP'', 1, 9)'), ('card_issuer.digest(''NOSUCH'', 1, 9)'),
    ('card_issuer.digests(''SHOP'', 1, 9, 1)'), ('card_issuer.digests(''NOSUCH'', 1, 9, 1)'),
    ('card_issuer.print_notice(''SHOP'', 1)'), ('card_issuer.print_notice(''NOSUCH'', 1)');

-- Message ids that were never given, too, or their numbers could be counted.
INSERT INTO t.foreign_call
SELECT format('card_issuer.%s(%L)', c, m)
  FROM unnest('{confirm_load,confirm_unload}'::text[]) c, unnest('{BANKJP/SHOP/424242,BANKJP/NOSUCH/424242}'::text[]) m;
SELECT t.on_record() AS before \gset
SELECT t.refused('SELECT ' || f.call, '42501', 'E24: metro: ' || f.call, 'metro') FROM t.foreign_call f;
SELECT card_issuer.suspend_provider('SHOP') \g /dev/null
SELECT t.refused(format('SELECT card_issuer.permit_load(app => %L, card => %L)', :SHOP1, 'CARD-A'), '42501',
                 'E24: nor is it told that the other''s contract is suspended', 'metro');
SELECT card_issuer.resume_provider('SHOP'), card_issuer.withdraw_application(:SHOP1) \g /dev/null
SELECT t.refused(format('SELECT card_issuer.permit_load(app => %L, card => %L)', :SHOP1, 'CARD-A'), '42501',
                 'E24: nor that the other''s application is withdrawn', 'metro');
SELECT card_issuer.register_application(:SHOP1, 'SHOP', 'points') \g /dev/null
SELECT is(t.on_record(), :'before', 'E24: none of it changed anything');
SELECT t.refused(format('SELECT card_issuer.%s(%L)', c, 'BANKJP/METRO/424242'), 'SR008', 'E24: metro''s own message id, never given: ' || c, 'metro')
  FROM unnest('{confirm_load,confirm_unload}'::text[]) c;
-- Operator calls.
SELECT t.refused('SELECT ' || c, '42501', 'R34: metro: ' || c, 'metro')
  FROM unnest(ARRAY['card_issuer.setup(''METRO'', ''x'')', 'card_issuer.grant_operator(''metro'')', 'card_issuer.grant_auditor(''metro'')',
                    'card_issuer.register_provider(''METRO'', ''x'', ''metro'')', 'card_issuer.issue_card(''X1'')',
                    'card_issuer.find_load(''BANKJP/METRO/1'')', 'card_issuer.lineage(''CARD-A'')', 'card_issuer.find_new_card(''CARD-A'')',
                    'card_issuer.request_reissue(''CARD-A'', ''lost'')', 'card_issuer.own_company()', 'screissue.calling_role()',
                    'card_issuer.is_operator(''metro'')', 'card_issuer.supersede_load(''BANKJP/METRO/1'')',
                    'card_issuer.next_message_id(''METRO'')', 'card_issuer.read_notices(''SHOP'', 0, 9)']) c;
SELECT t.refused($$SELECT card_issuer.setup('BANKJP', 'x')$$, '42501', 'design 6: an operator does not set up', 'clerk');

-- Own application, whoever the message id names; own calls work.
SELECT is(t.run(format('SELECT p.permitted FROM card_issuer.permit_load(app => %L, card => %L) p', :METRO1, 'CARD-A'), 'metro'),
          'true', 'R34: metro acts for itself');
SELECT is(t.run(format('SELECT card_issuer.confirm_load(p.message_id) FROM card_issuer.permit_load(app => %L, card => %L) p', :METRO1, 'CARD-A'), 'metro'),
          '', 'R8: and confirms its load');

-- Who is calling: SET ROLE, membership with and without INHERIT.
CREATE ROLE day IN ROLE metro;
CREATE ROLE night NOINHERIT IN ROLE metro;
CREATE ROLE twin IN ROLE metro, shop;
CREATE ROLE desk IN ROLE clerk;
CREATE ROLE boss SUPERUSER;
CREATE TABLE t.caller (who name, app text, state text);
INSERT INTO t.caller VALUES ('metro', :METRO1, NULL), ('metro', :SHOP1, '42501'), ('day', :METRO1, NULL), ('day', :SHOP1, '42501'),
    ('night', :METRO1, '42501'), ('twin', :METRO1, NULL), ('twin', :SHOP1, NULL), ('twin', :RAIL1, '42501'),
    ('desk', :RAIL1, NULL), ('clerk', :METRO1, NULL), ('boss', :SHOP1, NULL), ('nobody', :METRO1, '42501'), ('auditor', :METRO1, '42501');
SELECT CASE WHEN c.state IS NULL
            THEN lives_ok(format('SELECT t.run(%L, %L)', q.query, c.who), format('design 3: %s acts for the provider of %s', c.who, c.app))
            ELSE t.refused(q.query, c.state, format('design 3: %s does not act for the provider of %s', c.who, c.app), c.who) END
  FROM t.caller c, LATERAL (SELECT format('SELECT card_issuer.permit_load(app => %L, card => %L)', c.app, 'CARD-A')) q (query);
SET SESSION AUTHORIZATION night;
SET ROLE metro;
SELECT p.refusal AS refusal FROM card_issuer.permit_load(app => :METRO1, card => 'CARD-A') p \gset night_
RESET ROLE;
RESET SESSION AUTHORIZATION;
SELECT is(:'night_refusal'::text, 'already_loaded', 'design 3: with SET ROLE the member without INHERIT acts for the provider');

-- A definer function of an operator does not lend the operator's rights.
CREATE FUNCTION t.helpful(card card_id, app app_id) RETURNS text LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$ SELECT f::text FROM card_issuer.find_reissue(card, app) f $$;
ALTER FUNCTION t.helpful OWNER TO clerk;
GRANT USAGE ON SCHEMA t TO metro, shop;
SELECT is(t.run($$SELECT t.helpful('378282246310005', 'D276AB0085CD01')$$, 'shop'), '(200,f,,)',
          'design 3: who calls through a definer function of another is still who is asked about');
SELECT isnt(t.run($$SELECT t.helpful('378282246310005', 'D276AB0085CD01')$$, 'metro'), '(200,f,,)', 'design 3: and answered as such');

-- A changed role_name moves the grants.
CREATE ROLE metro2;
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro2') \g /dev/null
SELECT is((SELECT count(*) FROM pg_proc p WHERE p.pronamespace = 'card_issuer'::regnamespace AND has_function_privilege('metro', p.oid, 'EXECUTE')),
          0::bigint, 'design 6: the former role has no calls any more');
SELECT is(has_schema_privilege('metro', 'card_issuer', 'USAGE'), false, 'design 6: nor the schema');
SELECT bag_has($$SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'card_issuer'::regnamespace AND has_function_privilege('metro2', p.oid, 'EXECUTE')$$,
               $$SELECT unnest('{permit_load,confirm_load,confirm_unload,find_reissue,fetch_notices,digest,digests,print_notice}'::name[])$$, 'design 6: the new role has them');
SELECT lives_ok(format('SELECT t.run(%L, %L)', 'SELECT count(*) FROM card_issuer.fetch_notices(''METRO'', 0)', 'metro2'), 'design 6: and acts for the provider');
SELECT t.refused('SELECT card_issuer.permit_load(app => ''D276AB0085CD01'', card => ''CARD-A'')', '42501', 'design 6: its former role does not', 'metro');
-- A role with a second part keeps that part.
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'auditor'),
       card_issuer.register_provider('METRO', 'Metro Transit', 'metro2') \g /dev/null
SELECT lives_ok($$SELECT t.run('SELECT count(*) FROM card_issuer.masked_reissue_pair', 'auditor')$$, 'E60: an auditor who was a provider''s role is an auditor still');
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'clerk'),
       card_issuer.register_provider('METRO', 'Metro Transit', 'metro2') \g /dev/null
SELECT lives_ok(format('SELECT t.run(%L, %L)', 'SELECT count(*) FROM card_issuer.fetch_notices(''METRO'', 0)', 'clerk'),
                'design 6: an operator who was a provider''s role is an operator still');
SELECT t.refused($$SELECT card_issuer.register_provider('SHOP', 'Shop', 'metro2')$$, '23505', 'design 3: a role is one provider''s');
SELECT t.refused(format('SELECT card_issuer.%s', c), '42704', 'design 3: unknown role: ' || c)
  FROM unnest(ARRAY[$$register_provider('SHOP', 'Shop', 'no such role')$$, $$grant_operator('no such role')$$, $$grant_auditor('no such role')$$,
                    $$grant_operator('public')$$, $$register_provider('SHOP', 'Shop', 'public')$$, $$grant_auditor('current_user')$$]) c;
-- Names with every kind of quote.
CREATE ROLE "metro""; DROP TABLE x; --'";
SELECT lives_ok($$SELECT card_issuer.register_provider('METRO', 'Metro''s "Transit"; --', 'metro"; DROP TABLE x; --'''),
                         card_issuer.grant_operator('metro"; DROP TABLE x; --'''), card_issuer.grant_auditor('metro"; DROP TABLE x; --''')$$,
                'E60: names are quoted');
-- The role is gone.
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro2') \g /dev/null
ALTER ROLE metro2 RENAME TO metro3;
SELECT t.refused('SELECT card_issuer.permit_load(app => ''D276AB0085CD01'', card => ''CARD-A'')', '42501', 'design 3: a renamed role is not the provider''s', 'metro3');
SELECT lives_ok($$SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro')$$, 'design 6: a provider whose role is gone gets another');

SELECT * FROM finish();
ROLLBACK;
