-- Notices in quarantine: seen with masked ids, judged again, dismissed (E19, E23,
-- E24, E37, E60); test/t/019_intake.pl has those that a worker put there.
BEGIN;
CREATE EXTENSION screissue;
SET search_path = screissue, public;
SET TimeZone = 'UTC';

SELECT plan(67);

CREATE ROLE clerk;
CREATE ROLE auditor;

SELECT throws_ok($$ SELECT service_provider.retry_notice(1, 'why not') $$, 'SR001', NULL,
    'retry_notice before setup is SR001');
SELECT throws_ok($$ SELECT service_provider.dismiss_notice(1, 'why not') $$, 'SR001', NULL,
    'dismiss_notice, too');
SELECT service_provider.setup('METRO', 'Metro Transit');
SELECT service_provider.grant_operator('clerk');
SELECT service_provider.grant_auditor('auditor');
GRANT USAGE ON SCHEMA public TO clerk, auditor;

-- A notice, changed as each test wants it; the number of its row in quarantine.
CREATE FUNCTION pg_temp.receive(change jsonb DEFAULT '{}')
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT service_provider.receive_notice(
               n ->> 'issuer', n ->> 'provider', (n ->> 'notice_no')::bigint,
               n ->> 'kind', (n ->> 'platform_type')::integer,
               n ->> 'new_card_id', n ->> 'old_card_id', n ->> 'app_id',
               n ->> 'message_id', n ->> 'reason',
               (n ->> 'noted_at')::timestamptz, n ->> 'carrier')
      FROM (SELECT '{"issuer": "BANKJP", "provider": "METRO", "notice_no": 1,
                     "kind": "reissue", "platform_type": 100,
                     "new_card_id": "4111111111111111",
                     "old_card_id": "5555555555554444",
                     "app_id": "A0000000031010", "message_id": "BANKJP/METRO/42",
                     "reason": "lost", "noted_at": "2026-03-01T12:00:00.123456+09:00",
                     "carrier": "file"}'::jsonb || change) w (n)
$$;
CREATE FUNCTION pg_temp.hold(change jsonb DEFAULT '{}')
    RETURNS bigint
    LANGUAGE plpgsql
AS $$
BEGIN
    IF pg_temp.receive(change) <> 'quarantined' THEN
        RAISE EXCEPTION 'it is not in quarantine';
    END IF;
    RETURN (SELECT max(q.quarantine_id) FROM service_provider.quarantined_notice q);
END
$$;
-- What became of it.
CREATE FUNCTION pg_temp.fate(id bigint)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT concat_ws(' ', q.cause, coalesce(q.resolution, 'open'), q.decided_by,
                     CASE WHEN (q.resolved_at IS NULL) = (q.resolution IS NULL) AND q.decided_at = now() THEN 'now' END,
                     q.decision_reason)
      FROM service_provider.quarantined_notice q
     WHERE q.quarantine_id = id
$$;

-- Arguments

SELECT pg_temp.hold() AS first \gset
SELECT throws_ok(format('SELECT service_provider.%s(%s)', f, t.arguments), t.state, t.message, f || ': ' || t.what)
  FROM unnest('{retry_notice,dismiss_notice}'::text[]) f,
       (VALUES ('no id', $$NULL, 'x'$$, '22023', 'argument "quarantine_id" must not be null'),
               ('no reason', '1, NULL', '22023', 'argument "reason" must not be null'),
               ('an empty reason', $$1, '  '$$, '22023', 'reason must not be empty'),
               ('an id that is not there', $$-1, 'x'$$, '22023', 'no notice -1 is in quarantine'))
       t (what, arguments, state, message);
SELECT is(pg_temp.fate(:first), 'unknown_issuer open', 'nothing is decided by that');

-- A contract that was not on record when the notice came

SET LOCAL ROLE clerk;
SELECT is(service_provider.retry_notice(:first, 'they called'), 'quarantined', 'E23: a retry with nothing changed');
RESET ROLE;
SELECT is(pg_temp.fate(:first), 'unknown_issuer open clerk now they called', 'E23: leaves it open, with who tried, when and why');
SELECT is((SELECT count(*) FROM service_provider.quarantined_notice), 1::bigint, 'E23: and makes no second row');
SELECT results_eq(
    $$ SELECT q.decided_by, q.decision_reason FROM service_provider.quarantine q $$,
    $$ VALUES ('clerk', 'they called') $$, 'E23: that is seen in the view');
SELECT pg_temp.hold('{"carrier": "paper"}') AS second,
       pg_temp.hold('{"kind": "withdrawal"}') AS contradiction,
       pg_temp.hold('{"notice_no": 2, "app_id": "4111111111111111"}') AS wrong_app,
       pg_temp.hold('{"notice_no": 3, "message_id": "BANKJP/OLDTOWN/1"}') AS transferred,
       pg_temp.hold('{"notice_no": 4, "noted_at": "infinity", "platform_type": null, "old_card_id": null, "reason": null}') AS endless,
       pg_temp.hold('{"notice_no": 5, "noted_at": "0044-03-15 12:00:00.5+00 BC", "kind": "x|\n", "new_card_id": "4111-1111-1111-1111"}') AS ancient \gset
SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point');
SET LOCAL ROLE clerk;
SELECT is(service_provider.retry_notice(quarantine_id => :first, reason => 'now there is a contract', decided_by => 'Aiko at desk 2'),
          'stored', 'E23: once there is a contract the notice is stored');
RESET ROLE;
SELECT results_eq(
    $$ SELECT n.issuer::text, n.notice_no, n.kind, n.platform_type, n.new_card_id::text,
              n.old_card_id::text, n.app_id::text, n.message_id::text, n.reason,
              n.noted_at, n.received_at, n.carrier
         FROM service_provider.reissue_notice n $$,
    $$ VALUES ('BANKJP', 1::bigint, 'reissue', 100, '4111111111111111',
               '5555555555554444', 'A0000000031010', 'BANKJP/METRO/42', 'lost',
               '2026-03-01 03:00:00.123456+00'::timestamptz, now(), 'file') $$,
    'R22: as it came, by the carrier that brought it');
SELECT is(pg_temp.fate(:first), 'unknown_issuer stored Aiko at desk 2 now now there is a contract',
    'E37: who, when and why are kept beside the cause');
SELECT is_empty(format('SELECT FROM service_provider.quarantine q WHERE q.quarantine_id = %s', :first), 'it is no longer to be seen');
SELECT throws_ok(format($$ SELECT service_provider.retry_notice(%s, 'x') $$, :first), 'SR009',
    format('notice %s in quarantine is resolved already', :first), 'a second retry is SR009');
SELECT throws_ok(format($$ SELECT service_provider.dismiss_notice(%s, 'x') $$, :first), 'SR009', NULL, 'so is dismissing it');
SELECT is(pg_temp.fate(:first), 'unknown_issuer stored Aiko at desk 2 now now there is a contract', 'which changes nothing');
SELECT is(service_provider.retry_notice(:second, 'the same on paper'), 'duplicate', 'E20: the same notice by another carrier');
SELECT is(pg_temp.fate(:second), 'unknown_issuer duplicate ' || current_user || ' now the same on paper', 'E20: is resolved');
SELECT results_eq(
    $$ SELECT a.carrier, a.arrivals FROM service_provider.arrival a WHERE a.notice_no = 1 ORDER BY a.carrier $$,
    $$ VALUES ('file', 1::bigint), ('paper', 1) $$, 'E20: and counted');

-- Another cause by now

SELECT is(service_provider.retry_notice(:wrong_app, 'x'), 'stored', 'an application is what can be read as one');
DELETE FROM service_provider.reissue_notice n WHERE n.notice_no = 2;
SELECT is(service_provider.retry_notice(:transferred, 'there is a contract now'), 'quarantined', 'E14: another provider''s permission');
SELECT is(pg_temp.fate(:transferred), 'wrong_message_id open ' || current_user || ' now there is a contract now', 'E14: has another cause by now');
SELECT service_provider.register_application('A0000000031010', 'fare');
SELECT service_provider.accept_transfer('A0000000031010', 'OLDTOWN');
SELECT is(service_provider.retry_notice(:transferred, 'we took it over'), 'stored', 'E14: once the application was taken over it lands');
SELECT is(service_provider.retry_notice(v.id, 'x'), 'stored', v.what || ' lands')
  FROM (VALUES (:endless::bigint, 'a notice of nothing but what it needs'), (:ancient, 'one of odd content')) v (id, what);
SELECT results_eq(
    $$ SELECT n.noted_at, n.platform_type, n.kind, n.new_card_id::text, n.old_card_id IS NULL FROM service_provider.reissue_notice n
        WHERE n.notice_no IN (4, 5) ORDER BY n.notice_no $$,
    $$ VALUES ('infinity'::timestamptz, NULL::integer, 'reissue', '4111111111111111', true),
              ('0044-03-15 12:00:00.5+00 BC', 100, E'x|\n', '4111111111111111', false) $$,
    'R22: as it came');

-- Contradictions

SELECT is(service_provider.retry_notice(:contradiction, 'x'), 'quarantined', 'E19: what has the number of another notice stays');
SELECT results_eq(
    format('SELECT q.cause, q.differs_in FROM service_provider.quarantine q WHERE q.quarantine_id = %s', :contradiction),
    $$ VALUES ('contradiction', 'kind') $$, 'E19: the view says in what they differ');
SELECT is(service_provider.retry_notice(:contradiction, 'x'), 'quarantined', 'E19: however often');
CREATE FUNCTION pg_temp.differs(change jsonb)
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    id CONSTANT bigint := pg_temp.hold(change);
BEGIN
    RETURN (SELECT q.differs_in FROM service_provider.quarantine q WHERE q.quarantine_id = id);
END
$$;
SELECT is(pg_temp.differs(c.change), c.differs_in, 'E19: in ' || c.differs_in)
  FROM (VALUES ('{"platform_type": null}'::jsonb, 'platform_type'),
               ('{"new_card_id": "4000", "old_card_id": null, "noted_at": null}', 'new_card_id, old_card_id, noted_at'),
               ('{"app_id": "A000000002", "issuer": "bankjp", "reason": "stolen"}', 'app_id, reason'),
               ('{"message_id": "bankjp/metro/7", "new_card_id": "4111 1111 1111 1111"}', 'message_id')) c (change, differs_in);
DELETE FROM service_provider.reissue_notice n WHERE n.notice_no = 1;
SELECT is((SELECT q.differs_in FROM service_provider.quarantine q WHERE q.quarantine_id = :contradiction), NULL,
          'E19: from a notice that is gone it differs in nothing');
SELECT is(service_provider.retry_notice(:contradiction, 'the bank confirms the withdrawal'), 'stored',
          'E19: once the owner has removed the other notice it lands');
SELECT is((SELECT n.kind FROM service_provider.reissue_notice n WHERE n.notice_no = 1), 'withdrawal', 'E19: it has the number now');
SELECT is(pg_temp.fate(:contradiction), 'contradiction stored ' || current_user || ' now the bank confirms the withdrawal', 'E19: on record');

-- Delivered by a subscription: it counts whose the name is

CREATE FUNCTION pg_temp.delivered(by_subscription text, no text)
    RETURNS bigint
    LANGUAGE sql
AS $$
    INSERT INTO service_provider.quarantined_notice AS q
           (issuer, provider, notice_no, kind, platform_type, new_card_id, app_id, message_id, noted_at,
            subscription, carrier, cause, received_at)
    VALUES ('BANKJP', 'METRO', no, 'reissue', '100', '4111111111111111', 'A0000000031010', 'BANKJP/METRO/42', '2026-03-01T03:00:00+00:00',
            by_subscription, 'replication', 'wrong_subscription', now())
    RETURNING q.quarantine_id
$$;
SELECT pg_temp.delivered('bankjp', '10') AS bound, pg_temp.delivered('other', '11') AS other, pg_temp.delivered(NULL, '12') AS nameless,
       pg_temp.delivered('', '13') AS empty \gset
SELECT is(service_provider.retry_notice(v.id, 'x') || ' ' || pg_temp.fate(v.id),
          'quarantined wrong_subscription open ' || current_user || ' now x',
          'E23: where the contract names no subscription, none may speak for the issuer: ' || v.what)
  FROM (VALUES (:bound::bigint, 'bankjp'), (:nameless, 'one without a name'), (:empty, 'one with an empty name')) v (id, what);
SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point', subscription => 'bankjp');
SELECT is(service_provider.retry_notice(:bound, 'the right one'), 'stored', 'E23: the one that the contract names may');
SELECT is(service_provider.retry_notice(v.id, 'x'), 'quarantined', 'E23: not another one')
  FROM (VALUES (:other::bigint), (:nameless), (:empty)) v (id);
SELECT is((SELECT n.carrier FROM service_provider.reissue_notice n WHERE n.notice_no = 10), 'replication', 'R22: it came by replication');

-- Values that are not of their types, as a pull may bring them

SELECT service_provider.land_pulled('{"issuer": "BANKJP", "provider": "METRO", "notice_no": "20", "kind": "reissue", "platform_type": "plastic",
    "new_card_id": "4111111111111111", "app_id": "A0000000031010", "message_id": "BANKJP/METRO/42"}');
SELECT max(q.quarantine_id) AS plastic FROM service_provider.quarantined_notice q \gset
SELECT is(service_provider.retry_notice(:plastic, 'x') || ' ' || pg_temp.fate(:plastic),
          'quarantined unparsable: platform_type open ' || current_user || ' now x', 'E37: what is no number stays none');
SELECT results_eq(
    $$ SELECT u.after_no, u.up_to FROM service_provider.unknown_notices('BANKJP') u WHERE u.up_to IS NULL $$,
    'VALUES (20::bigint, NULL::bigint)', 'E37: a backfill does not ask for it');
SELECT is(service_provider.dismiss_notice(:plastic, 'the bank will send another')::text, '', 'E37: it is dismissed');
SELECT is(pg_temp.fate(:plastic), 'unparsable: platform_type dismissed ' || current_user || ' now the bank will send another', 'E37: and kept');
SELECT results_eq(
    $$ SELECT u.after_no, u.up_to FROM service_provider.unknown_notices('BANKJP') u WHERE u.up_to IS NULL $$,
    'VALUES (10::bigint, NULL::bigint)', 'E37: then a backfill asks for it');

-- For somebody else

SELECT pg_temp.hold('{"provider": "BUS", "notice_no": 30}') AS for_bus \gset
SELECT results_eq(
    format('SELECT q.content_kept, q.issuer, q.notice_no, q.kind, q.new_card_id FROM service_provider.quarantine q WHERE q.quarantine_id = %s', :for_bus),
    $$ VALUES (false, 'BANKJP', 30::bigint, NULL, NULL) $$, 'E24: of what is for somebody else nothing is to be seen');
SELECT throws_ok(format($$ SELECT service_provider.retry_notice(%s, 'x') $$, :for_bus), 'SR009',
    format('of notice %s in quarantine only a digest was kept', :for_bus), 'E24: nor judged again');
SELECT is(pg_temp.fate(:for_bus), 'wrong_provider open', 'E24: which leaves it as it was');
SET LOCAL ROLE clerk;
SELECT is(service_provider.dismiss_notice(quarantine_id => :for_bus, reason => 'the bank was told', decided_by => 'Aiko')::text, '', 'E24: it is dismissed');
RESET ROLE;
SELECT is(pg_temp.fate(:for_bus), 'wrong_provider dismissed Aiko now the bank was told', 'E24: on record');

-- What operators and auditors see: nothing whole, whatever is where

DELETE FROM service_provider.quarantined_notice;
INSERT INTO service_provider.quarantined_notice
       (issuer, notice_no, kind, platform_type, new_card_id, old_card_id, app_id, message_id, reason, noted_at, carrier, cause)
VALUES ('bankjp', '9223372036854775807', 'withdrawal', 'x', '4111 1111 1111 1111', '0x04a1b2c3d4e5f6', 'a0000000031010', 'bankjp/metro/1', NULL, NULL, 'file', 'x'),
       ('4111111111111111', '9223372036854775808', '4111111111111111', NULL, '411', '4111--1111', '4111111111111111', '4111111111111111',
        '4111111111111111', '4111111111111111', 'file', 'x'),
       (U&'\0131', '-7', U&'\0131', NULL, 'je80.12-x', '0xzz', '0', 'a/b/', NULL, NULL, 'file', 'x'),
       ('', '', '', '', '', '', '', '', '', '', '', ''),
       (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
       (E'BANKJP\n', E'1\n', NULL, NULL, E'4111111111111111\n', U&'\FF14\FF11\FF11\FF11', NULL, NULL, NULL, NULL, 'file', 'x'),
       (repeat('9', 100000), repeat('9', 100000), NULL, NULL, repeat('9', 100000), repeat('1-', 100000), repeat('A', 100000), NULL, NULL, NULL, 'file', 'x');
SET LOCAL ROLE auditor;
SELECT results_eq(
    $$ SELECT q.issuer, q.notice_no, q.kind, q.new_card_id, q.old_card_id, q.app_id::text, q.message_id
         FROM service_provider.quarantine q ORDER BY q.quarantine_id $$,
    $$ VALUES ('BANKJP', 9223372036854775807, 'withdrawal', '4111********1111', mask('0x04A1B2C3D4E5F6'::card_id), 'A0000000031010', 'BANKJP/METRO/1'),
              (NULL, NULL, NULL, NULL, NULL, NULL, NULL),
              (NULL, -7, NULL, mask('JE80.12-X'::card_id), NULL, NULL, NULL),
              (NULL, NULL, NULL, NULL, NULL, NULL, NULL),
              (NULL, NULL, NULL, NULL, NULL, NULL, NULL),
              (NULL, NULL, NULL, NULL, NULL, NULL, NULL),
              (NULL, NULL, NULL, NULL, NULL, NULL, NULL) $$,
    'E60: an auditor sees what is what it should be, with masked card ids');
SELECT is_empty($$ SELECT FROM service_provider.quarantine q WHERE q::text ~ '4111-?1111' $$, 'E60: and no whole card id anywhere');
SELECT throws_ok(format($$ SELECT service_provider.%s(1, 'x') $$, f), '42501', NULL, 'E60: an auditor decides nothing: ' || f)
  FROM unnest('{retry_notice,dismiss_notice}'::text[]) f;
RESET ROLE;

-- Comes last: the transaction cannot be made writable again.
SELECT min(q.quarantine_id) AS held FROM service_provider.quarantined_notice q \gset
SET TRANSACTION READ ONLY;
SELECT throws_ok(format($$ SELECT service_provider.%s(%s, 'x') $$, f, :held), '25006', NULL, 'a read-only transaction decides nothing: ' || f)
  FROM unnest('{retry_notice,dismiss_notice}'::text[]) f;

SELECT * FROM finish();
ROLLBACK;
