-- Evidence of a verdict, then and years later
-- (R13, R24, R26-R28, R41, R42, R48, R50, R52, E3, E14, E16, E49, E53, E58)
BEGIN;
CREATE EXTENSION screissue;
SET search_path = screissue, public;
SET TimeZone = 'Asia/Tokyo';
SELECT plan(46);

SELECT service_provider.setup('METRO', 'Metro Transit') \g /dev/null
SELECT service_provider.register_issuer('BANKJP', 'Bank'),
       service_provider.register_application('A000000001', 'fare'),
       service_provider.register_application('A000000002', 'locker'),
       service_provider.set_tariff('A000000001', 'reload', 100, 'JPY'),
       service_provider.set_tariff('A000000001', 'reload', 250.50, 'JPY', 'damaged') \g /dev/null
SELECT service_provider.record_load(format('BANKJP/METRO/%s', n)::message_id, 'A000000001',
           (10000 + n)::text::card_id, 'u' || n, ROW(true, 'score ' || n, '1 year')::verdict, platform_type => 100),
       service_provider.receive_notice('BANKJP', 'METRO', n, 'reissue', 100, (20000 + n)::text, (10000 + n)::text,
           'A000000001', 'BANKJP/METRO/' || n, CASE WHEN n = 2 THEN 'lost' ELSE 'damaged' END, now(), 'paper')
  FROM generate_series(1, 9) n \g /dev/null

CREATE FUNCTION pg_temp.request(
    card card_id, user_ref text DEFAULT NULL, app app_id DEFAULT 'A000000001')
    RETURNS bigint
    LANGUAGE sql
AS $$
    SELECT r.request_id
      FROM service_provider.request_reload(app, 'BANKJP', 100, card,
               user_ref => user_ref, requested_by => 'terminal 9') r
$$;
CREATE FUNCTION pg_temp.id(n integer)
    RETURNS message_id
    LANGUAGE sql
AS $$ SELECT message_id('BANKJP', 'METRO', n) $$;
-- A part of the evidence, or all of it, with T for each time.
CREATE FUNCTION pg_temp.explain(request bigint, VARIADIC path text[] DEFAULT '{}')
    RETURNS jsonb
    LANGUAGE sql
AS $$
    SELECT regexp_replace((service_provider.explain_decision(request) #> path)::text,
                          '"\d{4}-\d\d-\d\dT[^"]*"', '"T"', 'g')::jsonb
$$;

-- Method 1: approved, by a substituted examination

SELECT pg_temp.request('20001', 'u1') AS one \gset
SELECT is(pg_temp.explain(:one, 'request'),
    jsonb_build_object('request_id', :one, 'issuer', 'BANKJP', 'app_id', 'A000000001', 'platform_type', 100,
        'method', 1, 'card_id', '20001', 'attribute_sha256', NULL, 'user_ref', 'u1', 'requested_by', 'terminal 9',
        'requested_at', 'T', 'outcome', 'approved', 'refusal', NULL, 'decided_at', 'T'),
    'R13, R26: who asked for what, and what it came to');
SELECT is(pg_temp.explain(:one, 'pair'), '{"old_card_id": "10001", "new_card_id": "20001"}', 'R26: the pair');
SELECT is(pg_temp.explain(:one, 'notice'),
    '{"notice_no": 1, "kind": "reissue", "platform_type": 100, "message_id": "BANKJP/METRO/1", "reason": "damaged",
      "carrier": "paper", "noted_at": "T", "received_at": "T"}', 'R26: the notice');
SELECT is(pg_temp.explain(:one, 'reply'), 'null', 'R26: no reply: method 1');
SELECT is(pg_temp.explain(:one, 'old_load'),
    '{"message_id": "BANKJP/METRO/1", "app_id": "A000000001", "status": "loaded", "user_ref": "u1", "inherits": null,
      "permitted_at": "T", "loaded_at": "T", "ended_at": null, "confirmed_at": null}', 'R26: the old load');
SELECT is(pg_temp.explain(:one, 'examination') - '{examination_id, substitutes}'::text[],
    '{"event": "reload", "message_id": "BANKJP/METRO/1", "approved": true, "reason": "score 1", "examined_at": "T",
      "valid_until": "T", "examiner": "substitution", "policy_sha256": null, "told": null, "referred_to": null}',
    'R50: the examination that counted');
SELECT is(pg_temp.explain(:one, 'examination', 'substitutes') - 'examination_id',
    jsonb_build_object('event', 'load', 'message_id', 'BANKJP/METRO/1', 'approved', true, 'reason', 'score 1',
        'examined_at', 'T', 'valid_until', 'T', 'examiner', current_user, 'policy_sha256', NULL, 'told', NULL),
    'R50: and the one really made');
SELECT is(pg_temp.explain(:one, 'policy'), 'null', 'R50: no policy was asked');
SELECT is(pg_temp.explain(:one, 'tariff'),
    '{"kind": "reload", "reason": "damaged", "amount": 250.50, "currency": "JPY"}', 'R52, E53: the line of the tariff');
SELECT is(pg_temp.explain(:one, 'completion'), 'null', 'R27: nothing came of it yet');
SELECT bag_eq(
    format('SELECT jsonb_object_keys(service_provider.explain_decision(%s))', :one),
    $$SELECT unnest('{request, pair, notice, reply, old_load, examination, policy, tariff, completion}'::text[])$$,
    'R26: there is no other part');
SELECT is((t.received_at ~ '\+00:00$', t.received_at::timestamptz), (true, now()),
          'R26: times are in UTC, whatever the session''s time zone')
  FROM (SELECT service_provider.explain_decision(:one) #>> '{notice,received_at}') t (received_at);

-- What comes later changes nothing of it.

CREATE TEMP TABLE proof AS SELECT service_provider.explain_decision(:one) AS then;
SELECT service_provider.complete_reload(:one, pg_temp.id(101)) \g /dev/null
SELECT is(pg_temp.explain(:one, 'completion'),
    '{"message_id": "BANKJP/METRO/101", "completed_at": "T",
      "load": {"message_id": "BANKJP/METRO/101", "app_id": "A000000001", "status": "loaded", "user_ref": "u1",
               "inherits": "BANKJP/METRO/1", "permitted_at": "T", "loaded_at": "T", "ended_at": null, "confirmed_at": null}}',
    'R27: what came of it');
SELECT is(pg_temp.explain(:one, 'old_load', 'status'), '"superseded"', 'R27: the status of a load is that of today');
SELECT is(pg_temp.explain(:one, 'old_load', 'ended_at'), '"T"', 'R27: with its end');
SELECT service_provider.record_examination(pg_temp.id(1), ROW(false, 'fraud', NULL)::verdict),
       service_provider.record_examination(pg_temp.id(101), ROW(false, 'fraud again', NULL)::verdict),
       service_provider.set_tariff('A000000001', 'reload', 7, 'USD', 'damaged'),
       service_provider.register_application('A000000001', 'fare', 'new', '1 second'),
       service_provider.withdraw_application('A000000001'),
       service_provider.register_issuer('BANKJP', 'Bank', contract_until => '2001-01-01'),
       service_provider.receive_notice('BANKJP', 'METRO', 201, 'withdrawal', 100, '20001', '10001', 'A000000001',
                                       'BANKJP/METRO/101', 'damaged', now(), 'file'),
       service_provider.record_unload(pg_temp.id(101)) \g /dev/null
SELECT is(service_provider.explain_decision(:one) - '{old_load, completion}'::text[], p.then - '{old_load, completion}'::text[],
          'R26, E49: later findings, prices, modes and notices change nothing of the proof')
  FROM proof p;
SELECT is(pg_temp.explain(:one, 'completion', 'load', 'status'), '"unloaded"', 'R27: what came of it is as it is now');
SELECT pg_temp.request('20003') AS closed \gset
SELECT is(pg_temp.explain(:closed, 'request', 'outcome'), '"contract_ended"', 'E14: a refusal before anything was looked up');
SELECT is(pg_temp.explain(:closed) - 'request',
          '{"pair": null, "notice": null, "reply": null, "old_load": null, "examination": null, "policy": null, "tariff": null, "completion": null}',
          'R26: has no other part');
SELECT service_provider.register_application('A000000001', 'fare'),
       service_provider.register_issuer('BANKJP', 'Bank'),
       service_provider.set_tariff('A000000001', 'reload', 250.50, 'JPY', 'damaged') \g /dev/null

-- Refusals

SELECT pg_temp.request('20002', 'mallory') AS refused \gset
SELECT is(pg_temp.explain(:refused, 'request', 'refusal'), '"the old load is another user''s"', 'E16: refused, and why');
SELECT is(pg_temp.explain(:refused, 'old_load', 'user_ref'), '"u2"', 'E16: whose the load is');
SELECT is(pg_temp.explain(:refused) #>> '{examination}' IS NULL AND pg_temp.explain(:refused) #>> '{tariff}' IS NULL, true,
          'R52: what was not examined has no price');
SELECT pg_temp.request('29999') AS unknown \gset
SELECT is(pg_temp.explain(:unknown) - 'request',
          '{"pair": null, "notice": null, "reply": null, "old_load": null, "examination": null, "policy": null, "tariff": null, "completion": null}',
          'R24: a card that no notice names');
SELECT service_provider.record_unload(pg_temp.id(3)) \g /dev/null
SELECT pg_temp.request('20003') AS unloaded \gset
SELECT is(pg_temp.explain(:unloaded, 'old_load', 'status'), '"unloaded"', 'E3: the load that the notice names');
SELECT service_provider.record_examination(pg_temp.id(4), ROW(false, 'debts', NULL)::verdict) \g /dev/null
SELECT pg_temp.request('20004') AS required \gset
SELECT service_provider.record_examination(pg_temp.id(4), ROW(true, 'paid', NULL)::verdict) \g /dev/null
SELECT is(pg_temp.explain(:required, 'examination', 'reason'), '"debts"',
          'E49: an examination that was not good enough, though a better one came later');

-- Judged anew, with a look at the old examination

SELECT service_provider.register_application('A000000001', 'fare', 'refer') \g /dev/null
SELECT pg_temp.request('20005') AS referred \gset
SELECT service_provider.examine_reload(:referred, ROW(true, 'still good', '30 days')::verdict) \g /dev/null
SELECT is(pg_temp.explain(:referred, 'examination', 'reason'), '"still good"', 'R50: a person judged');
SELECT is(pg_temp.explain(:referred, 'examination', 'referred_to', 'reason'), '"score 5"', 'R50: looking at the old examination');
SELECT is(pg_temp.explain(:referred, 'examination', 'substitutes'), 'null', 'R50: nothing was reused');
SELECT service_provider.register_application('A000000001', 'fare') \g /dev/null
SELECT service_provider.complete_reload(pg_temp.request('20006'), pg_temp.id(106)) \g /dev/null
SELECT service_provider.receive_notice('BANKJP', 'METRO', 206, 'reissue', 100, '30006', '20006', 'A000000001',
                                       'BANKJP/METRO/106', 'lost', now(), 'file') \g /dev/null
SELECT service_provider.register_application('A000000001', 'fare', 'refer') \g /dev/null
SELECT pg_temp.request('30006') AS again \gset
SELECT service_provider.examine_reload(:again, ROW(true, 'fine', NULL)::verdict) \g /dev/null
SELECT is(pg_temp.explain(:again, 'examination', 'referred_to', 'reason'), '"score 6"', 'R50: the one really made, too');
SELECT is(pg_temp.explain(:again, 'examination', 'referred_to', 'event'), '"load"', 'R50: not its substitution');
SELECT service_provider.register_application('A000000001', 'fare') \g /dev/null

-- Policies

CREATE SCHEMA metro;
CREATE TABLE metro.verdict AS SELECT ROW(true, 'no debts', '30 days')::screissue.verdict AS v;
CREATE FUNCTION metro.reload_policy(request jsonb)
    RETURNS screissue.verdict
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
AS $$ SELECT d.v FROM metro.verdict d $$;
SELECT service_provider.set_policy('reload', 'metro.reload_policy(jsonb)') \g /dev/null
SELECT pg_temp.request('20007') AS approved \gset
SELECT is(pg_temp.explain(:approved, 'policy') - '{examination_id, policy_sha256, told}'::text[],
    '{"event": "reload", "message_id": "BANKJP/METRO/7", "approved": true, "reason": "no debts", "examined_at": "T",
      "valid_until": "T", "examiner": "metro.reload_policy(jsonb)"}', 'R50: what the policy said');
CREATE FUNCTION pg_temp.digest(function regprocedure) RETURNS text LANGUAGE sql SET search_path = pg_catalog
AS $$ SELECT encode(sha256(convert_to(pg_get_functiondef(function), 'UTF8')), 'hex') $$;
SELECT is(pg_temp.explain(:approved, 'policy', 'policy_sha256') #>> '{}',
          pg_temp.digest('metro.reload_policy(jsonb)'),
          'R26: the policy used, by its digest');
SELECT is(pg_temp.explain(:approved, 'policy', 'told', 'old_examination', 'reason'), '"score 7"', 'R26: and what it was told');
SELECT is(pg_temp.explain(:approved, 'examination', 'substitutes', 'reason'), '"score 7"',
          'R50: the record allowed it as well');
UPDATE metro.verdict SET v = ROW(NULL, 'ask the desk', NULL)::screissue.verdict;
SELECT pg_temp.request('20008') AS open \gset
SELECT service_provider.examine_reload(:open, ROW(false, 'the desk says no', NULL)::verdict) \g /dev/null
SELECT is(format('%s; %s; %s', pg_temp.explain(:open, 'examination', 'reason'), pg_temp.explain(:open, 'policy', 'reason'),
                 pg_temp.explain(:open, 'examination', 'referred_to', 'reason')),
          '"the desk says no"; "ask the desk"; "ask the desk"', 'R50: a policy that left it to a person');
UPDATE metro.verdict SET v = ROW(false, 'debts', NULL)::screissue.verdict;
SELECT pg_temp.request('20009') AS denied \gset
CREATE TEMP TABLE denied AS SELECT service_provider.explain_decision(:denied) AS then;
SELECT is(pg_temp.explain(:denied, 'examination') - '{substitutes, referred_to}'::text[], pg_temp.explain(:denied, 'policy'),
          'R50: a refusal by the policy is the examination that counted');
SELECT is(pg_temp.explain(:denied, 'request', 'refusal'), '"debts"', 'R50: with its words');
CREATE OR REPLACE FUNCTION metro.reload_policy(request jsonb)
    RETURNS screissue.verdict
    LANGUAGE sql
    SET search_path = pg_catalog, pg_temp
AS $$ SELECT NULL::screissue.verdict $$;
SELECT service_provider.set_policy('reload', NULL) \g /dev/null
DROP SCHEMA metro CASCADE;
SELECT is(service_provider.explain_decision(:denied), d.then, 'R26: of which nothing changes when the policy is gone')
  FROM denied d;

-- No examination was ever made, no price.

SELECT service_provider.record_load('BANKJP/METRO/20', 'A000000002', '10020'),
       service_provider.receive_notice('BANKJP', 'METRO', 20, 'reissue', 100, '20020', NULL, 'A000000002',
                                       'BANKJP/METRO/20', 'lost', NULL, 'file') \g /dev/null
SELECT pg_temp.request('20020', app => 'A000000002') AS plain \gset
SELECT is(pg_temp.explain(:plain) #>> '{request,outcome}' = 'approved'
          AND pg_temp.explain(:plain, 'examination') = 'null' AND pg_temp.explain(:plain, 'tariff') = 'null', true,
          'R48: none made, nothing charged');
SELECT is(pg_temp.explain(:plain, 'pair'), '{"old_card_id": null, "new_card_id": "20020"}',
          'E58: an old card that the issuer did not name');

-- Method 2

SELECT service_provider.record_load('BANKJP/METRO/30', 'A000000001', user_ref => 'u30', platform_type => 200,
                                    examination => ROW(true, 'seen', NULL)::verdict) \g /dev/null
SELECT r.request_id AS secret
  FROM service_provider.request_reload('A000000001', 'BANKJP', 200, attribute => 'ecies-x25519:27:b2e90badcafe') r \gset
SELECT is(format('%s %s', pg_temp.explain(:secret, 'request', 'outcome'), pg_temp.explain(:secret, 'reply')),
          '"awaiting_reply" null', 'R26: the reply is awaited');
SELECT service_provider.record_reply(:secret, 200, true, 'BANKJP/METRO/30') \g /dev/null
SELECT is(pg_temp.explain(:secret, 'reply'),
    '{"platform_type": 200, "reissued": true, "message_id": "BANKJP/METRO/30", "carrier": "application", "replied_at": "T"}',
    'R26, Fig. 16: the reply');
SELECT is(format('%s %s %s', pg_temp.explain(:secret, 'pair'), pg_temp.explain(:secret, 'notice'),
                 pg_temp.explain(:secret, 'request', 'card_id')),
          'null null null', 'R42: no card is known');
SELECT is(pg_temp.explain(:secret, 'request', 'attribute_sha256') #>> '{}',
          encode(sha256('ecies-x25519:27:b2e90badcafe'), 'hex'), 'R26: but the digest of what it gave away');
SELECT is(format('%s %s %s', pg_temp.explain(:secret, 'old_load', 'message_id'),
                 pg_temp.explain(:secret, 'examination', 'substitutes', 'reason'), pg_temp.explain(:secret, 'tariff', 'amount')),
          '"BANKJP/METRO/30" "seen" 100', 'R26, R41: old load, examination and price as by method 1');
SELECT r.request_id AS readable
  FROM service_provider.request_reload('A000000001', 'BANKJP', 100, '40001') r \gset
SELECT service_provider.record_reply(:readable, 100, true, 'BANKJP/METRO/2', '10002') \g /dev/null
SELECT is(pg_temp.explain(:readable, 'pair'), '{"old_card_id": "10002", "new_card_id": "40001"}',
          'R28: the pair that came with a reply');

SELECT * FROM finish();
ROLLBACK;
