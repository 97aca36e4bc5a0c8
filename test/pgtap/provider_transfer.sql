-- An application that was another provider's before (E14): its loading
-- permissions are believed only by an explicit record (R5, R27, R38, R52, E60)
BEGIN;
CREATE EXTENSION screissue;
SET search_path = screissue, public;
SELECT plan(45);

SELECT service_provider.setup('METRO', 'Metro Transit') \g /dev/null
SELECT service_provider.register_issuer('BANKJP', 'Bank'),
       service_provider.register_issuer('CREDIT1', 'First Credit'),
       service_provider.register_application('A000000001', 'fare'),
       service_provider.register_application('A000000002', 'locker'),
       service_provider.set_tariff('A000000001', 'load', 500, 'JPY'),
       service_provider.set_tariff('A000000001', 'reload', 100, 'JPY') \g /dev/null

CREATE FUNCTION pg_temp.notice(
    no bigint, message text, app text DEFAULT 'A000000001', provider text DEFAULT 'METRO',
    kind text DEFAULT 'reissue', issuer text DEFAULT 'BANKJP')
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT service_provider.receive_notice(issuer, provider, no, kind, 100, (20000 + no)::text, (10000 + no)::text,
               app, message, 'lost', NULL, 'file')
$$;
CREATE FUNCTION pg_temp.cause()
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT q.cause FROM service_provider.quarantined_notice q ORDER BY q.quarantine_id DESC LIMIT 1
$$;
CREATE FUNCTION pg_temp.state(query text)
    RETURNS text
    LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE query;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
CREATE FUNCTION pg_temp.request(card card_id)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT concat_ws(' ', r.outcome, r.inherits, r.fee || r.currency)
      FROM service_provider.request_reload('A000000001', 'BANKJP', 100, card) r
$$;
CREATE FUNCTION pg_temp.last_request()
    RETURNS bigint
    LANGUAGE sql
AS $$ SELECT max(r.request_id) FROM service_provider.reload_request r $$;
-- An answer of the issuer's server to a request, or the error.
CREATE FUNCTION pg_temp.answer(request bigint, message text)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT pg_temp.state(format('SELECT service_provider.read_answer(%s, ARRAY[%L]::jsonb[])', request,
               jsonb_build_object('platform_type', 200, 'reissued', true, 'message_id', message)))
$$;
SELECT service_provider.request_reload('A000000001', 'BANKJP', 200, attribute => 'ecies-x25519:27:b2e90badcafe') \g /dev/null
SELECT pg_temp.last_request() AS secret \gset
SELECT service_provider.request_reload('A000000002', 'BANKJP', 200, attribute => 'ecies-x25519:27:b2e90badcaff') \g /dev/null
SELECT pg_temp.last_request() AS locker \gset

-- Without a record nothing of another provider is believed.

SELECT is(pg_temp.state($$SELECT service_provider.record_load('BANKJP/OLDTOWN/1', 'A000000001')$$),
          '22023 message id "BANKJP/OLDTOWN/1" is none of issuer "BANKJP" for this provider', 'E14: no load is recorded');
SELECT is(pg_temp.notice(1, 'BANKJP/OLDTOWN/1'), 'quarantined', 'E14: no notice lands');
SELECT is(pg_temp.cause(), 'wrong_message_id', 'E14: which is the cause');
SELECT is(pg_temp.answer(:secret, 'BANKJP/OLDTOWN/1'), '08P01 answer of issuer "BANKJP" makes no sense', 'E14: no answer is read');
SELECT is(pg_temp.state(format($$SELECT service_provider.record_reply(%s, 200, true, 'BANKJP/OLDTOWN/1')$$, :secret)),
          '22023 message id "BANKJP/OLDTOWN/1" is none of issuer "BANKJP" for this provider', 'E14: no reply is recorded');

-- The record

CREATE ROLE clerk;
CREATE ROLE stranger;
GRANT USAGE ON SCHEMA service_provider TO stranger;
SELECT service_provider.grant_operator('clerk') \g /dev/null
SET LOCAL ROLE clerk;
SELECT lives_ok($$SELECT service_provider.accept_transfer('A000000001', 'oldtown')$$, 'E14: the transfer is accepted');
SELECT lives_ok($$SELECT service_provider.accept_transfer('A000000001', 'OLDTOWN')$$, 'E14: again');
SET LOCAL ROLE stranger;
SELECT throws_ok($$SELECT service_provider.accept_transfer('A000000002', 'OLDTOWN')$$, '42501', NULL, 'E60: not by anybody');
RESET ROLE;
SELECT results_eq($$SELECT f.app_id::text, f.provider::text, f.accepted_at, f.accepted_by FROM service_provider.former_provider f$$,
                  $$VALUES ('A000000001', 'OLDTOWN', now(), 'clerk')$$, 'E14: it is on record, once, with who and when');
SELECT is(pg_temp.state('SELECT service_provider.accept_transfer(' || t.args || ')'), t.error, 'E14: refused: ' || t.args)
  FROM (VALUES
    ($$'A0000000FF', 'OLDTOWN'$$, 'SR003 unknown application "A0000000FF"'),
    ($$'A000000001', 'METRO'$$, '22023 provider "METRO" is this one'),
    ($$NULL, 'OLDTOWN'$$, '22023 argument "app" must not be null'),
    ($$'A000000001', NULL$$, '22023 argument "provider" must not be null')
  ) AS t (args, error);
SELECT service_provider.withdraw_application('A000000002') \g /dev/null
SELECT lives_ok($$SELECT service_provider.accept_transfer('A000000002', 'BUS')$$, 'E14: a withdrawn application, too');
SELECT service_provider.register_application('A000000002', 'locker') \g /dev/null

-- What is believed now, and what still is not

SELECT is(pg_temp.notice(t.no, t.message, t.app, t.provider, issuer => t.issuer), t.fate, 'E14: a notice ' || t.what)
  FROM (VALUES
    ('that names a permission of the former provider', 2, 'BANKJP/OLDTOWN/1', 'A000000001', 'METRO', 'BANKJP', 'stored'),
    ('in lower case', 3, 'bankjp/oldtown/3', 'a000000001', 'metro', 'bankjp', 'stored'),
    ('about another application', 4, 'BANKJP/OLDTOWN/1', 'A000000002', 'METRO', 'BANKJP', 'quarantined'),
    ('about an application whose id begins alike', 5, 'BANKJP/OLDTOWN/1', 'A00000000100', 'METRO', 'BANKJP', 'quarantined'),
    ('that names another provider', 6, 'BANKJP/BUS/1', 'A000000001', 'METRO', 'BANKJP', 'quarantined'),
    ('that names another issuer', 7, 'CREDIT1/OLDTOWN/1', 'A000000001', 'METRO', 'BANKJP', 'quarantined'),
    ('of another issuer with whom there is a contract', 8, 'CREDIT1/OLDTOWN/1', 'A000000001', 'METRO', 'CREDIT1', 'stored'),
    ('that is addressed to the former provider', 9, 'BANKJP/OLDTOWN/1', 'A000000001', 'OLDTOWN', 'BANKJP', 'quarantined')
  ) AS t (what, no, message, app, provider, issuer, fate);
SELECT results_eq(
    'SELECT q.cause FROM service_provider.quarantined_notice q ORDER BY q.quarantine_id',
    $$VALUES ('wrong_message_id'), ('wrong_message_id'), ('wrong_message_id'), ('wrong_message_id'), ('wrong_message_id'),
             ('wrong_provider')$$, 'E14: with its cause each');
SELECT is(pg_temp.notice(1, 'BANKJP/OLDTOWN/1'), 'stored', 'E14: what was in quarantine lands when it comes again');
SELECT is((SELECT count(*) FROM service_provider.missing_notices('BANKJP') m WHERE m.from_no < 4), 0::bigint,
          'E25: and its gap is closed');
SELECT is(pg_temp.answer(:secret, 'BANKJP/OLDTOWN/1'), 'done', 'E14: an answer is read');
SELECT is(pg_temp.answer(:secret, m), '08P01 answer of issuer "BANKJP" makes no sense', 'E14: but not ' || m)
  FROM unnest('{BANKJP/BUS/1, CREDIT1/OLDTOWN/1}'::text[]) m;
SELECT is(pg_temp.answer(:locker, 'BANKJP/OLDTOWN/1'), '08P01 answer of issuer "BANKJP" makes no sense',
          'E14: nor one about another application');
SELECT is(pg_temp.answer(:locker, 'BANKJP/BUS/1'), 'done', 'E14: which was a third provider''s');
SELECT is(pg_temp.state(format('SELECT service_provider.record_load(%L, %L)', t.message, t.app)), t.result, 'E14: a load of ' || t.message || ', ' || t.app)
  FROM (VALUES
    ('BANKJP/OLDTOWN/9', 'A000000001', 'done'),
    ('BANKJP/OLDTOWN/8', 'A000000002', '22023 message id "BANKJP/OLDTOWN/8" is none of issuer "BANKJP" for this provider'),
    ('BANKJP/BUS/8', 'A000000001', '22023 message id "BANKJP/BUS/8" is none of issuer "BANKJP" for this provider')
  ) AS t (message, app, result);

-- A load of the former provider is reloaded here.

SELECT service_provider.record_load('BANKJP/OLDTOWN/1', 'A000000001', '10002', 'u1', ROW(true, 'seen by oldtown', NULL)::verdict) \g /dev/null
SELECT is((SELECT count(*) FROM service_provider.charge), 0::bigint, 'R52, E14: what was paid there is not charged here');
SELECT is(pg_temp.request('20002'), 'approved BANKJP/OLDTOWN/1 100JPY', 'E14: by notice');
SELECT is((SELECT x.substitutes IS NOT NULL
             FROM service_provider.reload_request r
             JOIN service_provider.examination x ON x.examination_id = r.examination_id
            WHERE r.request_id = pg_temp.last_request()), true, 'E14: with its examination');
SELECT is(pg_temp.state(format($$SELECT service_provider.complete_reload(%s, 'BANKJP/BUS/2')$$, pg_temp.last_request())),
          '22023 message id "BANKJP/BUS/2" is none of issuer "BANKJP" for this provider', 'R5: not under anybody''s permission');
SELECT lives_ok(format($$SELECT service_provider.complete_reload(%s, 'BANKJP/METRO/2')$$, pg_temp.last_request()),
                'R27: under a permission of ours');
SELECT service_provider.record_load('BANKJP/OLDTOWN/3', 'A000000001', '10003', 'u3') \g /dev/null
SELECT is(pg_temp.request('20003'), 'approved BANKJP/OLDTOWN/3 100JPY', 'E14: another');
SELECT lives_ok(format($$SELECT service_provider.complete_reload(%s, 'BANKJP/OLDTOWN/4')$$, pg_temp.last_request()),
                'R27: or one that was given before the transfer');
SELECT results_eq(
    $$SELECT c.message_id::text, c.kind::text, c.amount FROM service_provider.charge c ORDER BY c.message_id$$,
    $$VALUES ('BANKJP/METRO/2', 'reload', 100::numeric), ('BANKJP/OLDTOWN/4', 'reload', 100)$$, 'R52: reloads are charged');
SELECT is((SELECT concat_ws(' ', r.outcome, r.inherits)
             FROM service_provider.record_reply(:secret, 200, true, 'BANKJP/OLDTOWN/9') r),
          'approved BANKJP/OLDTOWN/9', 'E14, R38: by reply');
SELECT is(pg_temp.notice(10, 'BANKJP/OLDTOWN/4', kind => 'withdrawal'), 'stored', 'E9, E14: a withdrawal that hands it back');
SELECT service_provider.request_reload('A000000001', 'BANKJP', 100, '30001') \g /dev/null
SELECT is((SELECT r.outcome::text
             FROM service_provider.record_reply(pg_temp.last_request(), 100, true, 'BANKJP/OLDTOWN/9', '10009') r),
          'approved', 'E14: a reply with a pair');
SELECT is((SELECT n.carrier FROM service_provider.reissue_notice n WHERE n.notice_no = - pg_temp.last_request()), 'inquiry',
          'R29: which lands like a notice');

SELECT * FROM finish();
ROLLBACK;
