-- Renewal that keeps the card id (E17) and erasure of a holder's data (E57)
BEGIN;
\ir include/issuer.sql
SELECT plan(58);

-- The end of validity of a card, in days from now.
CREATE FUNCTION t.days_left(card card_id)
    RETURNS integer
    LANGUAGE sql
AS $$
    SELECT c.valid_until - today() FROM card_issuer.card c WHERE c.card_id = card
$$;

-- Renews a card; returns what was written to METRO and SHOP for it.
CREATE FUNCTION t.renew(card card_id, days integer, role_name name DEFAULT NULL)
    RETURNS text[]
    LANGUAGE plpgsql
AS $$
DECLARE
    metro bigint;
    shop bigint;
BEGIN
    SELECT k.last_notice_no INTO metro FROM card_issuer.notice_counter k WHERE k.provider = 'METRO';
    SELECT k.last_notice_no INTO shop FROM card_issuer.notice_counter k WHERE k.provider = 'SHOP';
    PERFORM t.run(format('SELECT card_issuer.renew_card(%L, %L)', card, today() + days), role_name);
    RETURN ARRAY(SELECT n.provider || '+' || n.notice_no - CASE n.provider WHEN 'METRO' THEN metro ELSE shop END
                        || ' ' || n.app_id || ' ' || n.message_id
                   FROM screissue.notice n
                  WHERE n.kind = 'renewal' AND n.new_card_id = card::text AND n.old_card_id IS NULL
                    AND n.issuer = 'BANKJP' AND n.reason IS NULL AND n.noted_at = now()
                    AND n.notice_no > CASE n.provider WHEN 'METRO' THEN metro ELSE shop END
                  ORDER BY n.provider, n.notice_no);
END
$$;

-- E17: each provider with a live load is told, under the rules of notices.
SELECT card_issuer.issue_card('CARD-A', 100, 'H1', today() + 30), t.load('CARD-A', :RAIL1),
       t.permit('CARD-A', :METRO2) AS permitted \gset
SELECT t.load('CARD-A', :METRO1) AS metro, t.load('CARD-A', :SHOP1) AS shop \gset
SELECT is(t.renew('CARD-A', 400, 'clerk'),
          ARRAY['METRO+1 ' || :METRO1 || ' ' || :'metro', 'SHOP+1 ' || :SHOP1 || ' ' || :'shop'],
          'E17: one notice for each live load, none on request, none for a permission');
SELECT is(t.days_left('CARD-A'), 400, 'E17: the card has its new end of validity');
SELECT is(t.card_status('CARD-A'), 'active', 'E17: and its status');
SELECT is_empty($$SELECT FROM card_issuer.reissue_pair$$, 'E17: there is no pair');
SELECT is_empty($$SELECT FROM card_issuer.entitlement$$, 'E17: and nothing to inherit');
SELECT is(t.load_status(:'metro'), 'loaded', 'E17: the load lives on');
SELECT t.on_record() AS before \gset
SELECT is(t.renew('CARD-A', 400), '{}', 'E17: the same date again: no notice');
SELECT is(t.on_record(), :'before', 'E17: the same date again changes nothing');
SELECT t.load('CARD-A', :METRO2) AS parking \gset
SELECT is(t.renew('CARD-A', 401),
          ARRAY['METRO+1 ' || :METRO1 || ' ' || :'metro', 'METRO+2 ' || :METRO2 || ' ' || :'parking',
                'SHOP+1 ' || :SHOP1 || ' ' || :'shop'],
          'E17: another date is another renewal, numbered densely');
SELECT is(cardinality(t.renew('CARD-A', 200)), 3, 'E17: the end may come nearer');
SELECT card_issuer.confirm_unload(:'parking') \g /dev/null
SELECT is(t.renew('CARD-A', 0),
          ARRAY['METRO+1 ' || :METRO1 || ' ' || :'metro', 'SHOP+1 ' || :SHOP1 || ' ' || :'shop'],
          'E17: up to today; none for a load that was removed');
SELECT is(cardinality(t.renew('CARD-A', 500)), 2, 'E17: one more for the two that are left');

SELECT card_issuer.issue_card('CARD-2', 200), card_issuer.issue_card('CARD-9', 999), t.load('CARD-2', :METRO1),
       t.load('CARD-9', :METRO1) \g /dev/null
SELECT is(t.renew(c, 100), '{}', 'E17: a platform without method 1: no notice about ' || c)
  FROM unnest(ARRAY['CARD-2', 'CARD-9']::card_id[]) c;
SELECT is(t.days_left(c), 100, 'E17: but renewed: ' || c)
  FROM unnest(ARRAY['CARD-2', 'CARD-9']::card_id[]) c;

-- E17: which cards.
SELECT card_issuer.issue_card('CARD-P', 100, activate => false), card_issuer.issue_card('CARD-S', 100),
       t.load('CARD-P', :METRO1), t.load('CARD-S', :METRO1), card_issuer.block_card('CARD-S', 'suspended') \g /dev/null
SELECT is(cardinality(t.renew(c, 100)), 1, 'E17: renewed: ' || c)
  FROM unnest(ARRAY['CARD-P', 'CARD-S']::card_id[]) c;
SELECT is(t.card_status(c), s, 'E17: it stays ' || s)
  FROM (VALUES ('CARD-P'::card_id, 'produced'::card_status), ('CARD-S', 'suspended')) v (c, s);
SELECT card_issuer.issue_card(('BLOCK-' || s)::card_id, 100), card_issuer.block_card(('BLOCK-' || s)::card_id, s)
  FROM unnest('{lost,stolen,damaged}'::card_status[]) s \g /dev/null
SELECT card_issuer.issue_card('OLD-A', 100), t.reissue('OLD-A', 'OLD-B'), card_issuer.issue_card('GONE-A', 100),
       t.reissue('GONE-A', 'GONE-B'), card_issuer.withdraw_reissue('GONE-B') \g /dev/null
SELECT t.refused(format('SELECT card_issuer.renew_card(%L, today() + 100)', c), 'SR005', 'E17: not renewed: ' || c)
  FROM unnest(ARRAY['BLOCK-lost', 'BLOCK-stolen', 'BLOCK-damaged', 'OLD-A', 'GONE-B']) c;
SELECT throws_like($$SELECT card_issuer.renew_card('BLOCK-lost', today() + 100)$$, '% is lost, it cannot be renewed',
                   'E17: the error names both states');
SELECT t.refused($$SELECT card_issuer.renew_card('4222222222222', today() + 100)$$, 'SR004', 'E17: unknown card');
SELECT t.refused(format('SELECT card_issuer.renew_card(%s)', a), '22023', 'E17: refused: ' || a)
  FROM unnest(ARRAY[$$'CARD-A', NULL$$, $$NULL, today() + 1$$, $$'CARD-A', today() - 1$$]) a;
SELECT t.refused($$SELECT card_issuer.renew_card('CARD-A', today() + 1)$$, '42501', 'E17: not a call of a provider', 'metro');

-- E17: a renewal held back is not written later, and says nothing about what
-- the card inherits.
SELECT card_issuer.issue_card('HELD-A', 100), t.load('HELD-A', :METRO1), t.reissue('HELD-A', 'HELD-B') \g /dev/null
SELECT t.load('HELD-B', :METRO1) AS held \gset
SELECT is(t.renew('HELD-B', 100), ARRAY['METRO+1 ' || :METRO1 || ' ' || :'held'], 'E17: a reissued card is renewed');
SELECT t.notices('METRO') AS before \gset
SELECT card_issuer.suspend_provider('METRO') \g /dev/null
SELECT is(t.renew('HELD-B', 200), '{}', 'E17: no notice while the contract rests');
SELECT is(t.days_left('HELD-B'), 200, 'E17: renewed all the same');
SELECT card_issuer.resume_provider('METRO') \g /dev/null
SELECT is(t.notices('METRO'), :'before', 'E17: resumed, nothing is told again');
SELECT is(cardinality(t.renew('HELD-B', 300)), 1, 'E17: the next renewal is told');
SELECT card_issuer.suspend_provider('METRO'), card_issuer.confirm_unload(:'held'), card_issuer.withdraw_reissue('HELD-B'),
       card_issuer.resume_provider('METRO') \g /dev/null
SELECT is((SELECT count(*) FROM unnest(t.notices('METRO')) n WHERE n LIKE '% withdrawal HELD-B<-? %'), 1::bigint,
          'E17: a renewal does not hide that the reissue was told and is to be withdrawn');

-- E17: at the provider it judges nothing.
SELECT card_issuer.issue_card('JUDGE-A', 100), t.load('JUDGE-A', :METRO1) AS judged \gset
SELECT service_provider.setup('METRO', 'Metro Transit'), service_provider.register_issuer('BANKJP', 'Bank'),
       service_provider.register_application(:METRO1, 'season ticket'),
       service_provider.record_load(:'judged', :METRO1, 'JUDGE-A') \g /dev/null
CREATE FUNCTION t.ask(card card_id)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT string_agg(service_provider.receive_notice(n.issuer, n.provider, n.notice_no, n.kind, n.platform_type, n.new_card_id,
                          n.old_card_id, n.app_id, n.message_id, n.reason, n.noted_at, 'file'), ' ')
      FROM screissue.notice n WHERE n.provider = 'METRO' AND card::text IN (n.new_card_id, n.old_card_id);
    SELECT concat_ws(' ', r.outcome, r.inherits)
      FROM service_provider.request_reload('D276AB0085CD01', 'BANKJP', 100, card) r
$$;
SELECT t.renew('JUDGE-A', 100) \g /dev/null
SELECT is(t.ask('JUDGE-A'), 'not_reissued', 'E17: a renewed card is no reissued one');
SELECT t.reissue('JUDGE-A', 'JUDGE-B') \g /dev/null
SELECT is(t.ask('JUDGE-B'), 'approved ' || :'judged', 'E17: renewed and then reissued: the load is found');
SELECT is_empty($$SELECT FROM service_provider.quarantined_notice$$, 'E17: the provider keeps a renewal as a notice');

-- E57: erasure.
SELECT card_issuer.register_holder('Taro Sato', '{"born": "1970-01-01"}'),
       card_issuer.issue_card('ERASE-A', 100, 'Taro Sato', printed_number => '7777'),
       card_issuer.issue_card('ERASE-Z', 100, 'Taro Sato'), card_issuer.issue_card('OTHER-A', 100, 'H2', printed_number => '8888')
    \g /dev/null
SELECT t.load('ERASE-A', :METRO1) AS erased \gset
SELECT card_issuer.request_reissue('ERASE-A', 'lost', 'Taro Sato'), card_issuer.reissue_card('ERASE-A', 'ERASE-B'),
       card_issuer.request_reissue('ERASE-Z', 'lost', 'Taro Sato'),
       card_issuer.decide_reissue('ERASE-Z', false, 'Taro Sato is in debt'),
       card_issuer.request_reissue('OTHER-A', 'lost', 'H2') \g /dev/null

-- Tables of the card issuer that know a word.
CREATE FUNCTION t.knows(word text)
    RETURNS text[]
    LANGUAGE sql
AS $$
    SELECT ARRAY(SELECT c.relname::text
                   FROM pg_class c
                  WHERE c.relnamespace = 'card_issuer'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
                    AND strpos(query_to_xml('SELECT * FROM ' || c.oid::regclass, true, true, '')::text, word) > 0
                  ORDER BY 1)
$$;
-- What an erasure leaves as it is.
CREATE VIEW t.skeleton AS
    SELECT md5(concat((SELECT jsonb_agg(to_jsonb(c) - '{holder_id,printed_number}'::text[] ORDER BY c.card_id) FROM card_issuer.card c),
                      (SELECT jsonb_agg(l ORDER BY l.message_id) FROM card_issuer.app_load l),
                      (SELECT jsonb_agg(e ORDER BY e.card_id, e.app_id) FROM card_issuer.entitlement e),
                      (SELECT jsonb_agg(n ORDER BY n.provider, n.notice_no) FROM screissue.notice n),
                      (SELECT jsonb_agg(to_jsonb(r) - '{requested_by,refusal}'::text[] ORDER BY r.request_id)
                         FROM card_issuer.reissue_request r),
                      (SELECT jsonb_agg(to_jsonb(x) - '{reason,details}'::text[] ORDER BY x.examination_id)
                         FROM card_issuer.examination x))) AS digest;
SELECT s.digest FROM t.skeleton s \gset
SELECT is(t.knows('Taro Sato'), '{card,examination,holder,reissue_request}', 'E57: before, four tables know the holder');
SELECT lives_ok($$SELECT t.run($q$SELECT card_issuer.erase_holder('Taro Sato')$q$, 'clerk')$$, 'E57: an operator erases a holder');
SELECT is(t.knows(w), '{}', 'E57: no table knows any more: ' || w) FROM unnest(ARRAY['Taro Sato', '1970-01-01', '7777', 'in debt']) w;
SELECT is((SELECT s.digest FROM t.skeleton s), :'digest',
          'E57: cards, pairs, loads, entitlements, notices, verdicts and dates stay');
SELECT is((SELECT x.details -> 'reason' || jsonb_build_array(x.approved, x.examiner IS NOT NULL)
             FROM card_issuer.examination x WHERE x.card_id = 'ERASE-A' AND x.event = 'reissue'), '["lost", true, true]',
          'E57: and what was judged, and by whom');
SELECT results_eq($$SELECT l.hop, l.card_id::text FROM card_issuer.lineage('ERASE-B') l$$,
                  $$VALUES (0, 'ERASE-A'), (1, 'ERASE-B')$$, 'E57: the chain still walks');
SELECT is(t.inherited('ERASE-B', :METRO1), :'erased', 'E57: the reissued card still inherits');
SELECT results_eq($$SELECT c.holder_id, c.printed_number, r.requested_by, x.details IS NOT NULL
                      FROM card_issuer.card c JOIN card_issuer.reissue_request r ON r.old_card_id = c.card_id
                      JOIN card_issuer.examination x ON x.examination_id = r.examination_id AND x.card_id = c.card_id
                     WHERE c.card_id = 'OTHER-A'$$,
                  $$VALUES ('H2'::text, '8888'::text, 'H2'::text, true)$$, 'E57: another holder''s data stay');
SELECT is(t.reissue('ERASE-B', 'ERASE-C'), '1/1', 'E57: an erased holder''s card is reissued');
SELECT is((SELECT c.holder_id FROM card_issuer.card c WHERE c.card_id = 'ERASE-C'), NULL, 'E57: for no holder');
SELECT t.on_record() AS before \gset
SELECT card_issuer.erase_holder('Taro Sato') \g /dev/null
SELECT is(t.on_record(), :'before', 'E57: erasing again changes nothing');
SELECT card_issuer.issue_card('ERASE-N', 100, 'Taro Sato'), card_issuer.erase_holder('Taro Sato') \g /dev/null
SELECT is(t.knows('Taro Sato'), '{}', 'E57: a holder who came back is erased again');
SELECT t.refused(format('SELECT card_issuer.erase_holder(%L)', h), '22023', 'E57: refused: ' || coalesce(h, 'NULL'))
  FROM unnest(ARRAY['nobody known', NULL]) h;
SELECT t.refused($$SELECT card_issuer.erase_holder('H2')$$, '42501', 'E57: not a call of a provider', 'metro');
SELECT * FROM finish();
ROLLBACK;
