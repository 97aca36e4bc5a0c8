-- Fig. 19, steps 408/409: find_reissue (R25, R28, R36, E33, E45, E46)
BEGIN;
\ir include/issuer.sql
SELECT plan(47);

INSERT INTO screissue.platform (platform_type, card_os, method) VALUES (300, 'a builder''s own', 1);
CREATE FUNCTION t.pair(name text, old_type integer, new_type integer)
    RETURNS message_id
    LANGUAGE plpgsql
AS $$
DECLARE
    load message_id;
BEGIN
    PERFORM card_issuer.issue_card((name || '-A')::card_id, old_type);
    load := t.load((name || '-A')::card_id, 'D276AB0085CD01');
    PERFORM t.load((name || '-A')::card_id, 'D276AC0001EF01');
    PERFORM t.reissue((name || '-A')::card_id, (name || '-B')::card_id, new_type);
    RETURN load;
END
$$;
SELECT t.pair('ONE', 100, 100) AS one, t.pair('TWO', 200, 200) AS two, t.pair('UP', 100, 200) AS up,
       t.pair('DOWN', 200, 100) AS down, t.pair('OWN', 300, 300) AS own, t.pair('UNK', 999, 999) AS unk \gset

-- The positive row.
CREATE TABLE t.answer (card card_id, message text, to_provider text, to_operator text);
INSERT INTO t.answer VALUES
    ('ONE-B', :'one', '(100,t,%s,ONE-A)', '(100,t,%s,ONE-A)'),
    ('OWN-B', :'own', '(300,t,%s,OWN-A)', '(300,t,%s,OWN-A)'),
    ('DOWN-B', :'down', '(100,t,%s,)', '(100,t,%s,)'),
    ('TWO-B', :'two', '(200,f,,)', '(200,t,%s,)'),
    ('UP-B', :'up', '(200,f,,)', '(200,t,%s,UP-A)'),
    ('UNK-B', :'unk', '(200,f,,)', '(999,t,%s,)');
SELECT is(t.run(format('SELECT f FROM card_issuer.find_reissue(%L, %L) f', a.card, :METRO1), 'metro'),
          replace(a.to_provider, '%s', a.message), 'R28: the provider asks about ' || a.card::text)
  FROM t.answer a;
SELECT is(t.run(format('SELECT f FROM card_issuer.find_reissue(%L, %L) f', a.card, :METRO1), 'clerk'),
          replace(a.to_operator, '%s', a.message), 'R28: an operator asks about ' || a.card::text)
  FROM t.answer a;

-- The same answer whatever was done with it.
SELECT t.on_record() AS before \gset
SELECT is(t.run(format('SELECT f FROM card_issuer.find_reissue(%L, %L) f', 'ONE-B', :METRO1), 'metro'),
          format('(100,t,%s,ONE-A)', :'one'), 'E33: asked again, the same id');
SELECT is(t.on_record(), :'before', 'R28: asking changes nothing');
SELECT t.load('ONE-B', :METRO1) \g /dev/null
SELECT is(t.run(format('SELECT f FROM card_issuer.find_reissue(%L, %L) f', 'ONE-B', :METRO1), 'metro'),
          format('(100,t,%s,ONE-A)', :'one'), 'E33: asked after the reload, the same id');

-- Every negative answer is the same row, to operators, too.
SELECT card_issuer.issue_card('FIRST', 100), t.load('FIRST', :METRO1),
       t.pair('LOST', 100, 100), card_issuer.block_card('LOST-B', 'lost'),
       t.pair('REV', 100, 100), card_issuer.withdraw_reissue('REV-B'),
       t.pair('OLD', 100, 100), t.pair('OFF', 100, 100), t.pair('EXP', 100, 100),
       card_issuer.issue_card('PROD-A', 100), t.load('PROD-A', :METRO1), card_issuer.request_reissue('PROD-A', 'lost'),
       card_issuer.register_application('D276AB0085CD09', 'METRO', 'withdrawn'),
       t.pair('WDR', 100, 100) \g /dev/null
SELECT card_issuer.reissue_card('PROD-A', 'PROD-B', activate => false) \g /dev/null
UPDATE card_issuer.card c SET valid_until = current_date - 9 WHERE c.card_id = 'EXP-B';
SELECT card_issuer.confirm_unload(t.inherited('OFF-B', :METRO1)) \g /dev/null
SELECT card_issuer.issue_card('APP-A', 100), t.load('APP-A', 'D276AB0085CD09'), t.reissue('APP-A', 'APP-B'),
       card_issuer.withdraw_application('D276AB0085CD09') \g /dev/null
CREATE TABLE t.negative (cause text, card text, app text);
INSERT INTO t.negative VALUES
    ('unknown card', 'NOSUCH', :METRO1), ('first issue', 'FIRST', :METRO1), ('application not on the old card', 'ONE-B', :METRO2),
    ('unknown application', 'ONE-B', 'D276FFFFFFFF'), ('withdrawn application', 'APP-B', 'D276AB0085CD09'),
    ('old card', 'OLD-A', :METRO1), ('blocked card', 'LOST-B', :METRO1), ('revoked card', 'REV-B', :METRO1),
    ('produced card', 'PROD-B', :METRO1), ('expired card', 'EXP-B', :METRO1), ('removed after the reissue', 'OFF-B', :METRO1);
SELECT is(t.run(format('SELECT f FROM card_issuer.find_reissue(%L, %L) f', n.card, n.app), r.role_name), '(200,f,,)',
          format('R36: to %s: %s', r.role_name, n.cause))
  FROM t.negative n, (VALUES ('metro'::name), ('clerk')) r (role_name);
SELECT is(t.run(format('SELECT f FROM card_issuer.find_reissue(%L, %L) f', 'ONE-B', :SHOP1), 'metro'), '(200,f,,)',
          'E46: to metro: another provider''s application');
SELECT isnt(t.run(format('SELECT f FROM card_issuer.find_reissue(%L, %L) f', 'ONE-B', :SHOP1), 'shop'), '(200,f,,)',
          'E46: which its own provider is answered');
SELECT card_issuer.suspend_provider('METRO') \g /dev/null
SELECT is(t.run(format('SELECT f FROM card_issuer.find_reissue(%L, %L) f', 'ONE-B', :METRO1), r), '(200,f,,)',
          'E14: contract not in force, to ' || r)
  FROM unnest('{metro,clerk}'::name[]) r;
SELECT card_issuer.resume_provider('METRO'), card_issuer.unblock_card('LOST-B'), card_issuer.activate_card('PROD-B') \g /dev/null
SELECT isnt(t.inherited(c, :METRO1), NULL, 'E8: in use again, ' || c::text || ' is answered')
  FROM unnest('{LOST-B,PROD-B}'::card_id[]) c;

-- Errors.
SELECT t.refused($$SELECT card_issuer.find_reissue('ONE-B', 'D276AB0085CD01')$$, '42501', 'R34: nobody', 'nobody');
GRANT USAGE ON SCHEMA card_issuer TO nobody;
GRANT EXECUTE ON FUNCTION card_issuer.find_reissue TO nobody;
SELECT t.refused($$SELECT card_issuer.find_reissue('ONE-B', 'D276AB0085CD01')$$, '42501',
                 'R34: not even with EXECUTE, who is no provider and no operator', 'nobody');
SELECT t.refused(format('SELECT card_issuer.find_reissue(%s)', a), '22023', 'R28: find_reissue(' || a || ')', 'metro')
  FROM unnest(ARRAY[$$NULL, 'D276AB0085CD01'$$, $$'ONE-B', NULL$$]) a;

SELECT * FROM finish();
ROLLBACK;
