-- Chains of reissues, withdrawals, notices out of order, platform changes and
-- later findings at the provider
-- (E1-E4, E7, E9, E10, E20, E21, E49, E58; R27, R41)
BEGIN;
CREATE EXTENSION screissue;
SET search_path = screissue, public;
SELECT plan(65);

SELECT service_provider.setup('METRO', 'Metro Transit');
SELECT service_provider.register_issuer('BANKJP', 'Bank');
SELECT service_provider.register_application('A000000001', 'fare');
SELECT service_provider.register_application('A000000002', 'locker');

CREATE FUNCTION pg_temp.notice(
    no bigint, new_card text, old_card text, sequence bigint,
    kind text DEFAULT 'reissue', app text DEFAULT 'A000000001')
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT service_provider.receive_notice('BANKJP', 'METRO', no, kind, 100,
               new_card, old_card, app, 'BANKJP/METRO/' || sequence, 'lost',
               now(), 'file')
$$;
-- The outcome, and the load that would be inherited.
CREATE FUNCTION pg_temp.request(card card_id, app app_id DEFAULT 'A000000001')
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT concat_ws(' ', r.outcome, sequence(r.inherits),
                     CASE WHEN r.examination_substituted THEN 'substituted' END)
      FROM service_provider.request_reload(app, 'BANKJP', 100, card) r
$$;
CREATE FUNCTION pg_temp.inquire(message message_id)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT concat_ws(' ', v.outcome, sequence(v.inherits))
      FROM service_provider.request_reload('A000000001', 'BANKJP', 200,
               attribute => 'ecies-x25519:27:b2e90badcafe') r,
           service_provider.record_reply(r.request_id, 200, true, message) v
$$;
CREATE FUNCTION pg_temp.complete(sequence bigint)
    RETURNS void
    LANGUAGE sql
AS $$
    SELECT service_provider.complete_reload(
               (SELECT max(r.request_id) FROM service_provider.reload_request r),
               message_id('BANKJP', 'METRO', sequence))
$$;
CREATE FUNCTION pg_temp.status(sequence bigint)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT l.status::text
      FROM service_provider.find_load(message_id('BANKJP', 'METRO', sequence)) l
$$;

-- E1: A -> B -> C, nothing reloaded on B: the issuer names A's load for C

SELECT service_provider.record_load('BANKJP/METRO/1', 'A000000001', '1000', 'u1',
                                    ROW(true, 'score 7', NULL)::verdict);
SELECT pg_temp.notice(1, '1001', '1000', 1);
SELECT pg_temp.notice(2, '1002', '1001', 1);
SELECT is(pg_temp.request('1001'), 'card_replaced', 'E7: B was replaced itself');
SELECT is(pg_temp.request('1002'), 'approved 1 substituted',
          'E1: C inherits what A carried');
SELECT pg_temp.complete(2);

-- E2: C -> D after a reload on C, and D -> E before the issuer heard of it

SELECT pg_temp.notice(3, '1003', '1002', 2);
SELECT is(pg_temp.request('1003'), 'approved 2 substituted',
          'E2: D inherits what was reloaded on C');
SELECT pg_temp.complete(3);
SELECT pg_temp.notice(4, '1004', '1003', 2);
SELECT is(pg_temp.request('1004'), 'approved 3 substituted',
          'E2: E inherits the newest reload, though the notice names the one before');
SELECT pg_temp.complete(4);
SELECT is(pg_temp.request('1004'), 'already_reloaded 4', 'R27: E asks again');
SELECT is(pg_temp.request('1003'), 'card_replaced', 'E7: D comes back');
SELECT results_eq(
    $$SELECT sequence(l.message_id), sequence(l.inherits), l.status::text, l.user_ref
        FROM service_provider.app_load l ORDER BY l.message_id$$,
    $$VALUES (1::bigint, NULL::bigint, 'superseded', 'u1'), (2, 1, 'superseded', 'u1'),
             (3, 2, 'superseded', 'u1'), (4, 3, 'loaded', 'u1')$$,
    'R27: each reload cites the load before it');
SELECT results_eq(
    $$SELECT count(DISTINCT x.substitutes), min(x.substitutes)
        FROM service_provider.examination x
       WHERE x.event = 'reload' AND x.substitutes IS NOT NULL$$,
    $$SELECT 1::bigint, x.examination_id
        FROM service_provider.examination x WHERE x.event = 'load'$$,
    'R50: however long the chain, substitutions name the examination really made');
SELECT is((SELECT x.examination_id
             FROM service_provider.app_load l
             JOIN service_provider.examination x
               ON x.examination_id = l.examination_id
            WHERE l.message_id = 'BANKJP/METRO/1'), 1::bigint,
          'R50: which is that of the first load');

-- E4: the chain is bounded

SET screissue.max_lineage = 2;
SELECT pg_temp.notice(5, '1005', '1004', 1);
SELECT throws_ok($$SELECT pg_temp.request('1005')$$, '54000',
                 'chain of reloads from "BANKJP/METRO/1" is too long',
                 'E4: longer than screissue.max_lineage');
SET screissue.max_lineage = 3;
SELECT is(pg_temp.request('1005'), 'approved 4 substituted',
          'E4: as long as screissue.max_lineage');
RESET screissue.max_lineage;
SELECT pg_temp.complete(100);
DO $$
BEGIN
    FOR hop IN 1 .. 50 LOOP
        PERFORM pg_temp.notice(100 + hop, (1100 + hop)::text, NULL, 1);
        PERFORM pg_temp.request((1100 + hop)::text::card_id);
        PERFORM pg_temp.complete(100 + hop);
    END LOOP;
END
$$;
SELECT is(pg_temp.request('1150'), 'already_reloaded 150',
          'E4: fifty reloads on, from a notice that names the first load');

-- E3: unloaded by the user

SELECT service_provider.record_load('BANKJP/METRO/10', 'A000000001', '2000');
SELECT pg_temp.notice(201, '2001', '2000', 10);
SELECT is(pg_temp.request('2001'), 'approved 10', 'E3: before');
SELECT pg_temp.complete(11);
SELECT service_provider.record_unload('BANKJP/METRO/11');
SELECT pg_temp.notice(202, '2002', '2001', 10);
SELECT is(pg_temp.request('2002'), 'not_loaded_before',
          'E3: removed from B: C inherits nothing, not even A''s');
SELECT lives_ok($$SELECT service_provider.record_unload('BANKJP/METRO/10')$$,
                'E3: a superseded load');
SELECT is(pg_temp.status(10), 'superseded', 'E3: stays superseded');

-- E9, E10: withdrawal of a reissue

SELECT service_provider.record_load('BANKJP/METRO/20', 'A000000001', '3000', 'u3');
SELECT pg_temp.notice(301, '3001', '3000', 20);
SELECT pg_temp.notice(302, '3001', '3000', 20, 'withdrawal');
SELECT is(pg_temp.request('3001'), 'entitlement_withdrawn',
          'E9: the reissue was withdrawn before the reload');
SELECT is(pg_temp.request('3000'), 'already_reloaded 20',
          'E9: the old card has never lost its load');
SELECT pg_temp.notice(303, '3002', '3000', 20);
SELECT is(pg_temp.request('3000'), 'card_replaced',
          'E10: then the old card is reissued again');
SELECT is(pg_temp.request('3002'), 'approved 20', 'E10: to another card');
SELECT pg_temp.complete(21);
SELECT pg_temp.notice(304, '3002', '3000', 21, 'withdrawal');
SELECT is(pg_temp.request('3002'), 'entitlement_withdrawn',
          'E9: withdrawn after the reload');
SELECT is(pg_temp.status(21), 'loaded', 'E9: the reload is not erased in silence');
SELECT is(pg_temp.request('3000'), 'approved 21',
          'E9: the application is handed back to the old card');
SELECT pg_temp.complete(22);
SELECT results_eq(
    $$SELECT sequence(l.message_id), l.status::text, l.card_id::text
        FROM service_provider.app_load l
       WHERE l.message_id >= 'BANKJP/METRO/20'
         AND l.message_id <= 'BANKJP/METRO/22'
       ORDER BY l.message_id$$,
    $$VALUES (20::bigint, 'superseded', '3000'), (21, 'superseded', '3002'),
             (22, 'loaded', '3000')$$,
    'E9: and is live there again, once');
SELECT pg_temp.notice(305, '3001', '3000', 22, app => 'A000000002');
SELECT is(pg_temp.request('3000'), 'card_replaced',
          'E7: a notice about another application tells of the replacement, too');
SELECT pg_temp.notice(306, '3001', '3000', 22, 'withdrawal', 'A000000002');
SELECT is(pg_temp.request('3000'), 'already_reloaded 22',
          'E9: unless that was withdrawn');
SELECT is(pg_temp.request('3002'), 'entitlement_withdrawn', 'E9: still');
SELECT pg_temp.notice(307, '3002', '3000', 22, 'renewal');
SELECT is(pg_temp.request('3002'), 'entitlement_withdrawn',
          'E17: a renewal judges nothing');

-- E21: out of order, and twice

SELECT service_provider.record_load('BANKJP/METRO/30', 'A000000001', '4000');
SELECT pg_temp.notice(402, '4001', '4000', 30, 'withdrawal');
SELECT is(pg_temp.request('4001'), 'entitlement_withdrawn',
          'E21: the withdrawal comes first');
SELECT pg_temp.notice(401, '4001', '4000', 30);
SELECT is(pg_temp.request('4001'), 'entitlement_withdrawn',
          'E21: then the notice: the higher number decides');
SELECT pg_temp.notice(404, '4003', '4002', 30);
SELECT is(pg_temp.request('4002'), 'not_reissued', 'E21: B->C before A->B: B');
SELECT is(pg_temp.request('4003'), 'approved 30', 'E21: B->C before A->B: C');
SELECT pg_temp.notice(403, '4002', '4000', 30);
SELECT is(pg_temp.request('4002'), 'card_replaced', 'E21: then A->B: B');
SELECT is(pg_temp.request('4003'), 'approved 30', 'E21: then A->B: C');
SELECT is(pg_temp.notice(403, '4002', '4000', 30), 'duplicate', 'E19: once more');
SELECT is(pg_temp.request('4003'), 'approved 30', 'E19: changes nothing');

SELECT pg_temp.notice(405, '4006', '4005', 30);
SELECT pg_temp.notice(406, '4005', '4004', 30);
SELECT is(pg_temp.request('4005'), 'approved 30',
          'E21: a replacement that an earlier notice tells of is past');

-- An answer to an inquiry gives way to every notice

SELECT service_provider.record_load('BANKJP/METRO/40', 'A000000001', '5000');
SELECT is((SELECT v.outcome::text
             FROM service_provider.request_reload('A000000001', 'BANKJP', 100, '5001') r,
                  service_provider.record_reply(r.request_id, 100, true,
                      'BANKJP/METRO/40', '5000') v), 'approved',
          'R28: the pair comes with a reply');
SELECT is(pg_temp.request('5001'), 'approved 40', 'R28: and is on record');
SELECT pg_temp.notice(501, '5002', '5001', 40);
SELECT is(pg_temp.request('5001'), 'card_replaced', 'E7: B was replaced since');
SELECT pg_temp.notice(502, '5002', '5001', 40, 'withdrawal');
SELECT is(pg_temp.request('5001'), 'approved 40',
          'E9: B has the application handed back');
SELECT pg_temp.notice(503, '5001', '5000', 40, 'withdrawal');
SELECT is(pg_temp.request('5001'), 'entitlement_withdrawn',
          'E9: a notice overrules the answer');

-- E58: the platform changes

SELECT service_provider.record_load('BANKJP/METRO/50', 'A000000001', '6000', 'u6');
SELECT is(pg_temp.inquire('BANKJP/METRO/50'), 'approved 50',
          'E58: 100 -> 200: the reply names the load on the readable card');
SELECT pg_temp.complete(51);
SELECT is((SELECT l.card_id FROM service_provider.find_load('BANKJP/METRO/51') l),
          NULL, 'E58: the new card is not known');
SELECT pg_temp.notice(601, '6002', NULL, 51);
SELECT is(pg_temp.request('6002'), 'approved 51',
          'E58: 200 -> 100: the notice names the load on the secret card');
SELECT pg_temp.complete(52);
SELECT results_eq(
    $$SELECT l.card_id::text, l.user_ref
        FROM service_provider.find_load('BANKJP/METRO/52') l$$,
    $$VALUES ('6002', 'u6')$$, 'E58: the user stays the same all the way');
SELECT is(pg_temp.request('6002'), 'already_reloaded 52', 'E58: the card asks again');
SELECT is(pg_temp.inquire('BANKJP/METRO/50'), 'already_reloaded 52',
          'R27: so does the secret card');

SELECT is((SELECT v.outcome || ' ' || sequence(v.inherits)
             FROM service_provider.request_reload('A000000001', 'BANKJP', 999, '6003') r,
                  service_provider.record_reply(r.request_id, 100, true,
                      'BANKJP/METRO/50') v), 'approved 52',
          'E58: a reply about a card that can be read is not the same card again');
SELECT is((SELECT r.method FROM service_provider.reload_request r
            ORDER BY r.request_id DESC LIMIT 1), 1,
          'R45: which settles the method of a card of unknown platform');
SELECT pg_temp.complete(53);
SELECT is((SELECT l.platform_type FROM service_provider.find_load('BANKJP/METRO/53') l),
          100, 'R44: and the platform type of the load');
SELECT service_provider.record_load('BANKJP/METRO/55', 'A000000001', '6100');
SELECT is((SELECT v.outcome || ' ' || sequence(v.inherits)
             FROM service_provider.request_reload('A000000001', 'BANKJP', 100, '6101') r,
                  service_provider.record_reply(r.request_id, 100, true,
                      'BANKJP/METRO/55') v), 'approved 55',
          'R28: a readable card by reply');
SELECT pg_temp.complete(56);
SELECT is(pg_temp.inquire('BANKJP/METRO/55'), 'approved 56',
          'E58: then the same reply for a secret card, which must be the next one');

-- E49: findings after the load

SELECT service_provider.record_load('BANKJP/METRO/60', 'A000000001', '7000',
    examination => ROW(true, 'score 8', NULL)::verdict);
SELECT pg_temp.notice(701, '7001', '7000', 60);
SELECT service_provider.record_examination('BANKJP/METRO/60',
    ROW(false, 'fraud', NULL)::verdict);
SELECT is(pg_temp.request('7001'), 'examination_required 60',
          'E49: a later negative finding is never substituted');
SELECT service_provider.record_examination('BANKJP/METRO/60',
    ROW(true, 'cleared', NULL)::verdict);
SELECT is(pg_temp.request('7001'), 'approved 60 substituted',
          'E49: a newer positive one is');
SELECT is((SELECT o.reason FROM service_provider.examination x
             JOIN service_provider.examination o
               ON o.examination_id = x.substitutes
            ORDER BY x.examination_id DESC LIMIT 1), 'cleared',
          'E49: and it is the one that is named');
SELECT service_provider.record_examination('BANKJP/METRO/60',
    ROW(false, 'fraud again', NULL)::verdict);
SELECT pg_temp.complete(61);
SELECT is((SELECT l.examination_approved
             FROM service_provider.find_load('BANKJP/METRO/61') l), false,
          'E49: a finding between verdict and reload goes with the reload');
SELECT pg_temp.notice(702, '7002', '7001', 61);
SELECT is(pg_temp.request('7002'), 'examination_required 61',
          'E49: and stops the next one');
SELECT service_provider.record_examination('BANKJP/METRO/61',
    ROW(true, 'cleared again', NULL)::verdict);
SELECT is(pg_temp.request('7002'), 'approved 61 substituted', 'E49: until cleared');
SELECT service_provider.record_examination('BANKJP/METRO/60',
    ROW(false, 'old sins', NULL)::verdict);
SELECT is(pg_temp.request('7002'), 'examination_required 61',
          'E49: a finding about the superseded load is one about its reload');
SELECT service_provider.record_load('BANKJP/METRO/65', 'A000000002', '7000',
    examination => ROW(true, 'for the locker', NULL)::verdict);
SELECT is(pg_temp.request('7002'), 'examination_required 61',
          'E49: the examination of another application does not help');

-- R48: none made is not the same as lost

SELECT service_provider.record_load('BANKJP/METRO/70', 'A000000001', '8000');
SELECT pg_temp.notice(801, '8001', '8000', 70);
SELECT is(pg_temp.request('8001'), 'approved 70', 'R48: none was made');
SELECT service_provider.record_load('BANKJP/METRO/70', 'A000000001',
    examination => ROW(NULL, 'to come', NULL)::verdict);
SELECT is(pg_temp.request('8001'), 'examination_required 70',
          'R48: one is pending');

-- The pair, both ways (R18, R21)

SELECT results_eq(
    $$SELECT p.old_card_id::text, p.new_card_id::text
        FROM service_provider.reissue_pair p
       WHERE p.issuer = 'BANKJP' AND p.old_card_id = '4000'$$,
    $$VALUES ('4000', '4002')$$, 'R18: old to new');
SELECT results_eq(
    $$SELECT p.old_card_id::text, p.new_card_id::text
        FROM service_provider.reissue_pair p
       WHERE p.issuer = 'BANKJP' AND p.new_card_id = '1002'$$,
    $$VALUES ('1001', '1002')$$, 'R18: new to old');

SELECT * FROM finish();
ROLLBACK;
