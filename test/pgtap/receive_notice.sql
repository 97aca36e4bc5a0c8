-- Landing of notices that another carrier than replication brought
-- (R20-R22, R28, R29; E19-E21, E23, E24, E26, E28, E60).
BEGIN;
CREATE EXTENSION screissue;
SET search_path = screissue, public;
SET TimeZone = 'UTC';

SELECT plan(114);

-- A notice that is right, to be changed by each test.
CREATE FUNCTION pg_temp.wire(change jsonb DEFAULT '{}')
    RETURNS jsonb
    LANGUAGE sql
AS $$
    SELECT '{"issuer": "BANKJP", "provider": "METRO", "notice_no": 1,
             "kind": "reissue", "platform_type": 100,
             "new_card_id": "4111111111111111",
             "old_card_id": "5555555555554444",
             "app_id": "A0000000031010", "message_id": "BANKJP/METRO/42",
             "reason": "lost", "noted_at": "2026-03-01T12:00:00.123456+09:00",
             "carrier": "file"}'::jsonb || change
$$;

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
      FROM pg_temp.wire(change) n
$$;

-- Not set up

SELECT throws_ok('SELECT pg_temp.receive()', 'SR001',
    'no service provider is set up in this database',
    'receive_notice before setup is SR001');

SELECT service_provider.setup('METRO', 'Metro Transit');
SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point');
SELECT service_provider.register_issuer('CREDIT1', 'First Credit', 'credit1');

-- Stored

SELECT is(pg_temp.receive(), 'stored', 'R22: a notice is stored');
SELECT results_eq(
    $$ SELECT issuer::text, notice_no, kind, platform_type, new_card_id::text,
              old_card_id::text, app_id::text, message_id::text, reason,
              noted_at, received_at, carrier
         FROM service_provider.reissue_notice $$,
    $$ VALUES ('BANKJP', 1::bigint, 'reissue', 100, '4111111111111111',
               '5555555555554444', 'A0000000031010', 'BANKJP/METRO/42', 'lost',
               '2026-03-01 03:00:00.123456+00'::timestamptz, now(), 'file') $$,
    'R20, R22: every field of the notice is kept, and when and how it came');
SELECT is_empty('SELECT FROM service_provider.quarantined_notice',
    'a notice that is stored is not in quarantine');

-- Content that is stored and not judged

CREATE TEMP TABLE fine (what text, change jsonb);
INSERT INTO fine VALUES
    ('E28: an unknown kind', '{"kind": "merger"}'),
    ('E28: an empty kind', '{"kind": ""}'),
    ('a kind of 100,000 characters',
     jsonb_build_object('kind', repeat(U&'\+01F600', 100000))),
    ('E28: an unknown platform code', '{"platform_type": 300}'),
    ('E28: platform 999', '{"platform_type": 999}'),
    ('E28: a negative platform code', '{"platform_type": -2147483648}'),
    ('E28: no platform', '{"platform_type": null}'),
    ('a notice without old card', '{"old_card_id": null}'),
    ('a notice without reason', '{"reason": null}'),
    ('an unknown reason', '{"reason": "vanity; DROP TABLE card"}'),
    ('a notice without time', '{"noted_at": null}'),
    ('a notice from the end of time', '{"noted_at": "infinity"}'),
    ('E55: a notice from the future', '{"noted_at": "294276-12-31T23:59:59Z"}'),
    ('a withdrawal', '{"kind": "withdrawal"}'),
    ('lower case ids', '{"issuer": "bankjp", "provider": "metro",
        "app_id": "a0000000031010", "message_id": "bankjp/metro/42"}'),
    ('a card id in groups', '{"new_card_id": "4111 1111 1111 1111"}'),
    ('a card id in bytes', '{"new_card_id": "0x04a1b2c3d4e5f6"}'),
    ('a card id that is a symbol', '{"new_card_id": "JE80.12-x"}'),
    ('the largest number', '{"notice_no": 9223372036854775807}'),
    ('E26: the largest message id', '{"message_id": "BANKJP/METRO/9223372036854775807"}'),
    ('by pull', '{"carrier": "pull"}'),
    ('on paper', '{"carrier": "paper"}'),
    ('an answer to an inquiry', '{"carrier": "inquiry", "notice_no": -7}');

SELECT is(pg_temp.receive(
              CASE WHEN f.change ? 'notice_no' THEN '{}'
                   ELSE jsonb_build_object('notice_no', 1000 + row_number() OVER ()) END
              || f.change),
          'stored', f.what || ' is stored')
  FROM fine f;
SELECT is((SELECT count(*) FROM service_provider.reissue_notice),
          (SELECT count(*) + 1 FROM fine), 'each of them is a row');
SELECT results_eq(
    $$ SELECT length(n.kind), n.kind = repeat(U&'\+01F600', 100000)
         FROM service_provider.reissue_notice n WHERE length(n.kind) > 1000 $$,
    'VALUES (100000, true)', 'a long kind is kept whole');

-- The same notice again

CREATE TEMP TABLE first_row AS
SELECT n.ctid AS place, n.xmin AS maker FROM service_provider.reissue_notice n WHERE n.notice_no = 1;
SELECT is(pg_temp.receive(), 'duplicate', 'E19: the same notice again is a duplicate');
SELECT is(pg_temp.receive('{"carrier": "paper"}'), 'duplicate',
    'E20: whatever carries it');
SELECT is(pg_temp.receive('{"issuer": "bankjp", "new_card_id": "4111-1111-1111-1111"}'),
    'duplicate', 'E19: equal is what it says, not how it is written');
SELECT results_eq(
    $$ SELECT a.carrier, a.arrivals, a.first_at = now(), a.last_at = now()
         FROM service_provider.arrival a WHERE a.notice_no = 1 ORDER BY a.carrier $$,
    $$ VALUES ('file', 3::bigint, true, true), ('paper', 1, true, true) $$,
    'E19, E20: every arrival is in the ledger, by carrier');
SELECT results_eq(
    $$ SELECT a.carrier, a.arrivals FROM service_provider.notice_arrival a ORDER BY a.carrier $$,
    $$ VALUES ('file', 2::bigint), ('paper', 1) $$, 'E19: the first one is in the inbox');
SELECT results_eq(
    $$ SELECT n.xmin = i.maker AND n.ctid = i.place
         FROM service_provider.reissue_notice n, first_row i WHERE n.notice_no = 1 $$,
    'VALUES (true)', 'E19: whose row has not changed');
UPDATE service_provider.notice_arrival a SET first_at = '2001-01-01', last_at = '2002-02-02' WHERE a.carrier = 'file';
SELECT is(pg_temp.receive(), 'duplicate', 'E19: later once more');
SELECT results_eq(
    $$ SELECT a.arrivals, a.first_at, a.last_at = now() FROM service_provider.arrival a
        WHERE a.issuer = 'BANKJP' AND a.notice_no = 1 AND a.carrier = 'file' $$,
    $$ VALUES (4::bigint, '2001-01-01'::timestamptz, true) $$, 'E20: when it came first and last');
SELECT is(pg_temp.receive('{"carrier": "inquiry", "notice_no": -7}'), 'duplicate',
    'an answer to the same inquiry again is a duplicate');
SELECT is(pg_temp.receive('{"issuer": "CREDIT1", "message_id": "CREDIT1/METRO/1"}'),
    'stored', 'the same number of another issuer is another notice');

-- One row for each column that may differ under the same number

CREATE TEMP TABLE contradiction (change jsonb);
INSERT INTO contradiction VALUES
    ('{"kind": "withdrawal"}'), ('{"kind": "Reissue"}'),
    ('{"platform_type": 200}'), ('{"platform_type": null}'),
    ('{"new_card_id": "4111111111111112"}'),
    ('{"new_card_id": "0x4111111111111111"}'),
    ('{"old_card_id": "4000"}'), ('{"old_card_id": null}'),
    ('{"app_id": "A000000003101000"}'),
    ('{"message_id": "BANKJP/METRO/43"}'),
    ('{"reason": "lost "}'), ('{"reason": null}'),
    ('{"noted_at": "2026-03-01T12:00:00.123457+09:00"}'),
    ('{"noted_at": null}');
SELECT is(pg_temp.receive(c.change), 'quarantined',
          'E19: the same number with ' || c.change::text || ' is quarantined')
  FROM contradiction c;
SELECT results_eq(
    $$ SELECT q.cause, count(*) FROM service_provider.quarantined_notice q
        GROUP BY q.cause $$,
    $$ VALUES ('contradiction', 14::bigint) $$, 'E19: as a contradiction');
SELECT results_eq(
    $$ SELECT n.kind, n.platform_type, sum(a.arrivals)
         FROM service_provider.reissue_notice n
         JOIN service_provider.arrival a ON a.issuer = n.issuer AND a.notice_no = n.notice_no
        WHERE n.issuer = 'BANKJP' AND n.notice_no = 1 GROUP BY n.kind, n.platform_type $$,
    $$ VALUES ('reissue', 100, 5::numeric) $$, 'E19: a contradiction is never applied');
SELECT is(pg_temp.receive('{"kind": "withdrawal"}'), 'quarantined',
    'a contradiction that comes again is kept again');
DELETE FROM service_provider.quarantined_notice;

-- What is not believed

CREATE TEMP TABLE bad (cause text, what text, change jsonb);
INSERT INTO bad VALUES
    ('unparsable: issuer', 'no issuer', '{"issuer": null}'),
    ('unparsable: issuer', 'an issuer with a space', '{"issuer": "BANK JP"}'),
    ('unparsable: issuer', 'an issuer of 1 MB',
     jsonb_build_object('issuer', repeat('X', 1024 * 1024))),
    ('unparsable: provider', 'no provider', '{"provider": null}'),
    ('unparsable: provider', 'an empty provider', '{"provider": ""}'),
    ('unparsable: notice_no', 'no number', '{"notice_no": null}'),
    ('unparsable: notice_no', 'number 0', '{"notice_no": 0}'),
    ('unparsable: notice_no', 'a negative number', '{"notice_no": -1}'),
    ('unparsable: notice_no', 'an answer to an inquiry with a number',
     '{"notice_no": 5, "carrier": "inquiry"}'),
    ('unparsable: kind', 'E28: no kind', '{"kind": null}'),
    ('unparsable: new_card_id', 'E28: no new card', '{"new_card_id": null}'),
    ('unparsable: new_card_id', 'E26: full-width digits',
     jsonb_build_object('new_card_id', U&'\FF14\FF11\FF11\FF11')),
    ('unparsable: new_card_id', 'a card id of three digits', '{"new_card_id": "411"}'),
    ('unparsable: old_card_id', 'an empty old card', '{"old_card_id": ""}'),
    ('unparsable: app_id', 'no application', '{"app_id": null}'),
    ('unparsable: app_id', 'an odd number of hex digits', '{"app_id": "A000000003101"}'),
    ('unparsable: message_id', 'no message id', '{"message_id": null}'),
    ('unparsable: message_id', 'E26: a message id with a leading zero',
     '{"message_id": "BANKJP/METRO/042"}'),
    ('unparsable: message_id', 'E26: a message id beyond 2^63 - 1',
     '{"message_id": "BANKJP/METRO/9223372036854775808"}'),
    ('unknown_issuer', 'E23: an issuer without contract',
     '{"issuer": "NOBODY", "message_id": "NOBODY/METRO/1"}'),
    ('wrong_message_id', 'a message id of another issuer',
     '{"message_id": "CREDIT1/METRO/42"}'),
    ('wrong_message_id', 'a message id of another provider',
     '{"message_id": "BANKJP/BUS/42"}');

SELECT is(pg_temp.receive('{"notice_no": 50}' || b.change), 'quarantined',
          b.what || ' is quarantined')
  FROM bad b;
SELECT results_eq(
    'SELECT q.cause FROM service_provider.quarantined_notice q ORDER BY q.quarantine_id',
    'SELECT b.cause FROM bad b', 'each of them with its cause');
SELECT is_empty('SELECT FROM service_provider.reissue_notice n WHERE n.notice_no = 50',
    'none of them is in the inbox');
SELECT results_eq(
    $$ SELECT q.issuer, q.provider, q.notice_no, q.kind, q.platform_type,
              q.new_card_id, q.old_card_id, q.app_id, q.message_id, q.reason,
              q.noted_at, q.digest, q.subscription, q.carrier, q.received_at,
              q.resolved_at
         FROM service_provider.quarantined_notice q
        WHERE q.cause = 'unparsable: app_id' AND q.app_id IS NOT NULL $$,
    $$ VALUES ('BANKJP', 'METRO', '50', 'reissue', '100', '4111111111111111',
               '5555555555554444', 'A000000003101', 'BANKJP/METRO/42', 'lost',
               '2026-03-01T03:00:00.123456+00:00', NULL::bytea, NULL, 'file',
               now(), NULL::timestamptz) $$,
    'what is quarantined is kept as it came');
SELECT results_eq(
    $$ SELECT q.issuer = repeat('X', 1024 * 1024)
         FROM service_provider.quarantined_notice q WHERE length(q.issuer) > 100 $$,
    'VALUES (true)', 'a quarantined value of 1 MB is kept whole');
DELETE FROM service_provider.quarantined_notice;

-- A notice for somebody else

SELECT is(pg_temp.receive('{"provider": "BUS", "reason": null, "notice_no": 77}'),
    'quarantined', 'E24: a notice for another provider is quarantined');
SELECT is(pg_temp.receive('{"issuer": "*?*", "provider": "BUS", "app_id": "no hex"}'),
    'quarantined', 'E24: whatever else is wrong with it');
SELECT results_eq(
    $$ SELECT q.cause, q.issuer, q.notice_no, q.carrier,
              num_nulls(q.provider, q.kind, q.platform_type, q.new_card_id,
                        q.old_card_id, q.app_id, q.message_id, q.reason, q.noted_at)
         FROM service_provider.quarantined_notice q ORDER BY q.quarantine_id $$,
    $$ VALUES ('wrong_provider', 'BANKJP', '77', 'file', 9),
              ('wrong_provider', '*?*', '1', 'file', 9) $$,
    'E24: of it only issuer and number are kept');
SELECT is(
    (SELECT q.digest FROM service_provider.quarantined_notice q
      WHERE q.notice_no = '77'),
    (SELECT sha256(string_agg(
                CASE WHEN column_text IS NULL THEN '\x00'
                     ELSE '\x01'::bytea || column_text::bytea || '\x00' END, ''
                ORDER BY ordinality))
       FROM unnest(ARRAY['BANKJP', 'BUS', '77', 'reissue', '100',
                '4111111111111111', '5555555555554444', 'A0000000031010',
                'BANKJP/METRO/42', NULL, '2026-03-01T03:00:00.123456+00:00'])
            WITH ORDINALITY u (column_text, ordinality)),
    'E24: and a SHA-256 digest of all columns');

-- Arguments

SELECT throws_ok($$ SELECT pg_temp.receive('{"carrier": "replication"}') $$, '22023',
    'unknown carrier "replication"', 'carrier replication is refused: it is the worker''s');
SELECT throws_ok($$ SELECT pg_temp.receive('{"carrier": "Pull"}') $$, '22023', NULL,
    'an unknown carrier is refused');
SELECT throws_ok($$ SELECT pg_temp.receive('{"carrier": null}') $$, '22023',
    'argument "carrier" must not be null', 'no carrier is refused');
SELECT is(service_provider.receive_notice(NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                                          NULL, NULL, NULL, NULL, 'pull'),
    'quarantined', 'E28: a notice of nothing but NULL is quarantined');

-- The wire table, in a session that is no worker

SELECT lives_ok(
    $$ INSERT INTO screissue.notice (issuer, provider, notice_no)
       VALUES ('METRO', 'BUS', 1);
       UPDATE screissue.notice SET kind = 'renewal';
       SET LOCAL session_replication_role = replica;
       INSERT INTO screissue.notice (issuer, provider, notice_no)
       VALUES ('METRO', 'BUS', 2);
       SET LOCAL session_replication_role = origin $$,
    'a session that is no worker writes notices of its own');
SELECT results_eq($$ SELECT n.notice_no, n.kind COLLATE "default" FROM screissue.notice n
       ORDER BY n.notice_no $$,
    $$ VALUES (1::bigint, 'renewal'), (2, NULL) $$, 'which stay where they are');
SELECT lives_ok(
    'DELETE FROM screissue.notice n WHERE n.notice_no = 1; TRUNCATE screissue.notice',
    'and may be removed there');
SELECT is_empty('SELECT FROM screissue.notice', 'the wire table is empty again');
SELECT results_eq(
    $$ SELECT t.tgname::text COLLATE "default", t.tgenabled::text
         FROM pg_trigger t
        WHERE t.tgrelid = 'screissue.notice'::regclass ORDER BY t.tgname $$,
    $$ VALUES ('guard_notice', 'A'), ('guard_notices', 'A'), ('land_notice', 'A') $$,
    'the triggers on the wire table are always enabled');
SELECT lives_ok('SELECT service_provider.create_landing_triggers()',
    'they may be put there again');
CREATE TABLE pg_temp.other (a integer);
SELECT throws_ok(
    $$ CREATE TRIGGER t AFTER INSERT ON pg_temp.other
           FOR EACH ROW EXECUTE FUNCTION service_provider.land_notice();
       INSERT INTO pg_temp.other VALUES (1) $$, '39P01', NULL,
    'a trigger of another kind is refused');
CREATE TABLE pg_temp.wire (LIKE screissue.notice);
SELECT throws_ok(
    $$ CREATE TRIGGER t BEFORE INSERT ON pg_temp.wire
           FOR EACH STATEMENT EXECUTE FUNCTION service_provider.land_notice();
       INSERT INTO pg_temp.wire DEFAULT VALUES $$, '39P01', NULL,
    'so is one for a statement');

-- Faults of the server

SELECT throws_ok(
    $$ TRUNCATE service_provider.self;
       SELECT pg_temp.receive('{"notice_no": 60}') $$, '55000',
    'table "self" is empty', 'nobody whom a notice could be for is a fault');
SELECT throws_ok(
    format($$ ALTER TABLE service_provider.self RENAME TO old_self;
       CREATE VIEW service_provider.self AS SELECT %s FROM service_provider.old_self;
       SELECT pg_temp.receive('{"notice_no": 60}') $$, columns), '55000',
    'table "self" does not have the columns that setup gave it', 'so is a view in its place, of ' || columns)
  FROM unnest('{*,one_row}'::text[]) columns;
SELECT throws_ok(
    $$ ALTER TABLE service_provider.reissue_notice RENAME COLUMN kind TO sort;
       SELECT pg_temp.receive('{"notice_no": 60}') $$, '55000', NULL,
    'an inbox of another shape is a fault, not a cause');
SELECT throws_ok(
    $$ ALTER TABLE service_provider.reissue_notice RENAME TO old_inbox;
       SELECT pg_temp.receive('{"notice_no": 60}') $$, '42P01', NULL,
    'so is an inbox that is missing');
SELECT throws_ok(
    $$ ALTER TABLE service_provider.reissue_notice DROP CONSTRAINT reissue_notice_pkey;
       SELECT pg_temp.receive('{"notice_no": 60}') $$, '55000', NULL,
    'so is an inbox without its key');
SELECT is(pg_temp.receive('{"notice_no": 60}'), 'stored', 'afterwards it lands');
SELECT throws_ok(
    $$ ALTER TABLE service_provider.notice_arrival RENAME TO old_ledger;
       SELECT pg_temp.receive('{"notice_no": 60}') $$, '42P01', NULL,
    'so is a ledger that is missing, when it comes again');
SELECT lives_ok(
    $$ ALTER TABLE service_provider.reissue_notice ADD COLUMN note text DEFAULT 'x' $$,
    'a column behind the others');
SELECT is(pg_temp.receive('{"notice_no": 61}'), 'stored', 'does not disturb');

-- Who may

CREATE ROLE clerk;
CREATE ROLE stranger;
SELECT service_provider.grant_operator('clerk');
GRANT USAGE ON SCHEMA screissue TO clerk, stranger;
GRANT USAGE ON SCHEMA service_provider TO stranger;

SET LOCAL ROLE clerk;
SELECT is(pg_temp.receive('{"notice_no": 70}'), 'stored', 'E60: an operator lands notices');
SELECT is(pg_temp.receive('{"notice_no": 70}'), 'duplicate', 'E60: duplicates');
SELECT is(pg_temp.receive('{"notice_no": 70, "kind": "x"}'), 'quarantined', 'E60: and others');
SELECT throws_ok('SELECT FROM service_provider.quarantined_notice', '42501', NULL,
    'E60: but reads no table');
SET LOCAL ROLE stranger;
SELECT throws_ok('SELECT pg_temp.receive()', '42501', NULL,
    'E60: another role lands nothing');
RESET ROLE;

-- Comes last: the transaction cannot be made writable again.
SET TRANSACTION READ ONLY;
SELECT throws_ok($$ SELECT pg_temp.receive('{"notice_no": 80}') $$, '25006', NULL,
    'a read-only transaction lands nothing');

SELECT * FROM finish();
ROLLBACK;
