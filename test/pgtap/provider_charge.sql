-- What users owe at the provider: prices, charges, refunds, statements
-- (R48, R52, E9, E10, E34, E51, E52, E53, E60)
BEGIN;
CREATE EXTENSION screissue;
SET search_path = screissue, public;
SET TimeZone = 'Asia/Tokyo';
SELECT plan(42);

SELECT service_provider.setup('METRO', 'Metro Transit') \g /dev/null
SELECT service_provider.register_issuer('BANKJP', 'Bank'),
       service_provider.register_issuer('CREDIT1', 'First Credit'),
       service_provider.register_application('A000000001', 'fare'),
       service_provider.register_application('A000000002', 'locker'),
       service_provider.register_application('A000000003', 'lounge') \g /dev/null
SELECT service_provider.set_tariff(t.app::app_id, t.kind::tariff_kind, t.amount,
                                   t.currency, t.reason::reissue_reason)
  FROM (VALUES ('A000000001', 'load', 500, 'JPY', NULL),
               ('A000000001', 'reload', 100, 'JPY', NULL),
               ('A000000001', 'reload', 0, 'JPY', 'stolen'),
               ('A000000001', 'reload', 250.50, 'JPY', 'damaged'),
               ('A000000002', 'load', 4, 'EUR', NULL),
               ('A000000002', 'reload', 0, 'EUR', NULL))
    AS t (app, kind, amount, currency, reason) \g /dev/null

-- Load n of BANKJP is on card 1000n and may be reloaded on card 2000n: notice n.
CREATE FUNCTION pg_temp.id(n integer)
    RETURNS message_id
    LANGUAGE sql
AS $$ SELECT message_id('BANKJP', 'METRO', n) $$;
CREATE FUNCTION pg_temp.notice(
    no bigint, new_card text, old_card text, n integer,
    kind text DEFAULT 'reissue', reason text DEFAULT 'lost',
    app text DEFAULT 'A000000001')
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT service_provider.receive_notice('BANKJP', 'METRO', no, kind, 100,
               new_card, old_card, app, pg_temp.id(n)::text, reason, now(), 'file')
$$;
CREATE FUNCTION pg_temp.reissued(
    n integer, reason text DEFAULT 'lost', app app_id DEFAULT 'A000000001',
    user_ref text DEFAULT NULL)
    RETURNS void
    LANGUAGE sql
AS $$
    SELECT service_provider.record_load(pg_temp.id(n), app,
               (10000 + n)::text::card_id, coalesce(user_ref, 'u' || n));
    SELECT pg_temp.notice(n, (20000 + n)::text, (10000 + n)::text, n,
                          reason => reason, app => app::text);
$$;
CREATE FUNCTION pg_temp.request(card text, app app_id DEFAULT 'A000000001')
    RETURNS bigint
    LANGUAGE sql
AS $$
    SELECT r.request_id
      FROM service_provider.request_reload(app, 'BANKJP', 100, card::card_id) r
$$;
-- A reload of load n under permission n + 1000.
CREATE FUNCTION pg_temp.reload(n integer, app app_id DEFAULT 'A000000001')
    RETURNS void
    LANGUAGE sql
AS $$
    SELECT service_provider.complete_reload(
               pg_temp.request((20000 + n)::text, app), pg_temp.id(n + 1000))
$$;
-- The charges and refunds of some loads, in one line each.
CREATE FUNCTION pg_temp.charges(VARIADIC n integer[])
    RETURNS text[]
    LANGUAGE sql
AS $$
    SELECT array_agg(concat_ws(' ', c.user_ref, sequence(c.message_id), c.kind,
                               coalesce(c.reason::text, '-'),
                               c.amount || c.currency,
                               'refunded by ' || c.refund_notice_no)
                     ORDER BY c.message_id, c.refund_notice_no NULLS FIRST)
      FROM service_provider.charge c
     WHERE sequence(c.message_id) = ANY (n)
$$;

-- Which load costs what

SELECT pg_temp.reissued(1) \g /dev/null
SELECT is(pg_temp.charges(1), '{u1 1 load - 500JPY}', 'R52: a load');
SELECT pg_temp.reload(1) \g /dev/null
SELECT is(pg_temp.charges(1, 1001),
          '{u1 1 load - 500JPY,u1 1001 reload - 100JPY}',
          'R52: and its reload, which costs less');
SELECT results_eq(
    $$SELECT c.issuer::text, c.user_ref, c.app_id::text, c.due_at, c.refund_notice_no
        FROM service_provider.charge c
       WHERE c.message_id = pg_temp.id(1001)$$,
    $$SELECT 'BANKJP', 'u1', 'A000000001', l.loaded_at, NULL::bigint
        FROM service_provider.find_load(pg_temp.id(1001)) l$$,
    'R52: due when it was loaded');
SELECT pg_temp.reissued(2, 'stolen'), pg_temp.reissued(3, 'damaged'),
       pg_temp.reissued(4, 'expired'), pg_temp.reissued(5, 'vanity') \g /dev/null
SELECT pg_temp.reload(n) FROM generate_series(2, 5) n \g /dev/null
SELECT is(pg_temp.charges(1002, 1003, 1004, 1005),
          '{u2 1002 reload stolen 0JPY,u3 1003 reload damaged 250.50JPY,u4 1004 reload - 100JPY,u5 1005 reload - 100JPY}',
          'E51, E53: the reason decides, the charge names the line of the tariff; price 0 is a charge');
SELECT results_eq(
    $$SELECT r.fee, r.currency, r.tariff_reason
        FROM service_provider.reload_request r
       WHERE r.message_id IN (pg_temp.id(1003), pg_temp.id(1004))
       ORDER BY r.message_id$$,
    $$VALUES (250.50, 'JPY', 'damaged'::reissue_reason), (100, 'JPY', NULL)$$,
    'E53: so does the verdict');
SELECT pg_temp.reissued(6, 'stolen', 'A000000003'), pg_temp.reload(6, 'A000000003') \g /dev/null
SELECT is(pg_temp.charges(6, 1006), NULL, 'R48: without a tariff nothing is due');

-- What did not come about costs nothing.

SELECT service_provider.record_load(pg_temp.id(10), 'A000000001', '10010', 'u10', status => 'permitted'),
       service_provider.record_load(pg_temp.id(11), 'A000000001', '10011', 'u11', status => 'failed') \g /dev/null
SELECT is(pg_temp.charges(10, 11), NULL, 'R52: permitted and failed loads cost nothing');
SELECT pg_temp.reissued(12) \g /dev/null
SELECT pg_temp.request('20012') AS request \gset
SELECT is(pg_temp.charges(1012), NULL, 'R52: a verdict alone costs nothing');
SELECT service_provider.complete_reload(:request, pg_temp.id(1112), false) \g /dev/null
SELECT is(pg_temp.charges(1112), NULL, 'R52: neither does a reload that failed');
SELECT service_provider.complete_reload(:request, pg_temp.id(1012)) \g /dev/null
SELECT is(pg_temp.charges(1112, 1012), '{u12 1012 reload - 100JPY}', 'R52: but the next attempt');

-- Retried, reported by two terminals

SELECT pg_temp.reissued(13) \g /dev/null
SELECT pg_temp.request('20013') AS one, pg_temp.request('20013') AS two \gset
SELECT service_provider.complete_reload(n, pg_temp.id(1013))
  FROM unnest(ARRAY[:one, :one, :two, :two]) n \g /dev/null
SELECT service_provider.record_load(pg_temp.id(1013), 'A000000001') \g /dev/null
SELECT is(pg_temp.charges(13, 1013), '{u13 13 load - 500JPY,u13 1013 reload - 100JPY}',
          'E34, E52: however often it is reported, a reload is charged once');

-- The price list changes between verdict and reload.

SELECT pg_temp.reissued(14), pg_temp.reissued(15, 'damaged'), pg_temp.reissued(16, 'stolen') \g /dev/null
SELECT service_provider.record_load(pg_temp.id(17), 'A000000001', '10017', 'u17', status => 'permitted') \g /dev/null
SELECT pg_temp.request('20014') AS lost, pg_temp.request('20015') AS damaged, pg_temp.request('20016') AS stolen \gset
SELECT service_provider.set_tariff('A000000001', 'load', 7, 'USD'),
       service_provider.set_tariff('A000000001', 'reload', 9, 'USD'),
       service_provider.set_tariff('A000000001', 'reload', 1, 'USD', 'stolen'),
       service_provider.set_tariff('A000000001', 'reload', 2, 'USD', 'damaged'),
       service_provider.set_tariff('A000000001', 'reload', 3, 'USD', 'lost') \g /dev/null
SELECT service_provider.complete_reload(:lost, pg_temp.id(1014)),
       service_provider.complete_reload(:damaged, pg_temp.id(1015)),
       service_provider.complete_reload(:stolen, pg_temp.id(1016)),
       service_provider.record_load(pg_temp.id(17), 'A000000001') \g /dev/null
SELECT is(pg_temp.charges(1014, 1015, 1016, 17),
          '{u17 17 load - 500JPY,u14 1014 reload - 100JPY,u15 1015 reload damaged 250.50JPY,u16 1016 reload stolen 0JPY}',
          'E51, R52: the price, its line and its currency are those of the verdict');
SELECT is(pg_temp.charges(1, 1001), '{u1 1 load - 500JPY,u1 1001 reload - 100JPY}',
          'R52: a new price changes no charge of the past');
SELECT pg_temp.reissued(18), pg_temp.reload(18) \g /dev/null
SELECT is(pg_temp.charges(18, 1018), '{u18 18 load - 7USD,u18 1018 reload lost 3USD}',
          'E51: the next ones cost what the new list says');

-- What was recorded as a load and turns out to be a reload costs what one costs.

SELECT pg_temp.reissued(19) \g /dev/null
SELECT service_provider.record_load(pg_temp.id(1019), 'A000000001', '20019') \g /dev/null
SELECT is(pg_temp.charges(1019), '{1019 load - 7USD}', 'R52: recorded as a load');
SELECT service_provider.complete_reload(pg_temp.request('20019'), pg_temp.id(1019)) \g /dev/null
SELECT is(pg_temp.charges(1019), '{u19 1019 reload lost 3USD}', 'R52: completed as a reload');

-- Unloaded, superseded: the charge stays.

SELECT service_provider.record_unload(pg_temp.id(1018)) \g /dev/null
SELECT is(pg_temp.charges(18, 1018), '{u18 18 load - 7USD,u18 1018 reload lost 3USD}',
          'R52: what is removed later was loaded all the same');

-- Refunds: the issuer takes the reissue back.

SELECT pg_temp.reissued(n) FROM generate_series(30, 36) n \g /dev/null
SELECT pg_temp.notice(130, '20030', '10030', 30, 'withdrawal') \g /dev/null
SELECT is(pg_temp.charges(30), '{u30 30 load - 7USD}',
          'E52: withdrawn before the reload: the load on the old card is not refunded');
SELECT pg_temp.reload(31) \g /dev/null
SELECT pg_temp.notice(131, '20031', '10031', 1031, 'withdrawal') \g /dev/null
SELECT is(pg_temp.charges(31, 1031),
          '{u31 31 load - 7USD,u31 1031 reload lost 3USD,u31 1031 reload lost -3USD refunded by 131}',
          'E9, E52: withdrawn after it: the reload is refunded, by reference to charge and notice');
SELECT is(pg_temp.notice(131, '20031', '10031', 1031, 'withdrawal'), 'duplicate', 'E19: the same notice again');
SELECT is(pg_temp.notice(231, '20031', '10031', 1031, 'withdrawal'), 'stored', 'the same under another number');
SELECT is(pg_temp.notice(120, '20031', '10031', 1031, 'withdrawal'), 'stored', 'E21: or a lower one, later');
UPDATE service_provider.reissue_notice n SET received_at = now() + interval '1 hour'
 WHERE n.notice_no IN (231, 120);
SELECT is(pg_temp.charges(1031),
          '{u31 1031 reload lost 3USD,u31 1031 reload lost -3USD refunded by 131}',
          'E52: refunds once, by the notice that came first');
SELECT results_eq(
    $$SELECT c.due_at, c.month
        FROM service_provider.charge c
       WHERE c.refund_notice_no = 131$$,
    $$SELECT n.received_at, date_trunc('month', now() AT TIME ZONE 'UTC')::date
        FROM service_provider.reissue_notice n WHERE n.notice_no = 131$$,
    'E52: due when that notice came');
SELECT pg_temp.reload(n) FROM generate_series(32, 36) n \g /dev/null
SELECT is(pg_temp.notice(t.no, t.new_card, t.old_card, t.n, t.kind, app => t.app), 'stored', 'E52: ' || t.name)
  FROM (VALUES
    ('a withdrawal that names the load inherited', 132, '20032', '10032', 32, 'withdrawal', 'A000000001'),
    ('the withdrawal of the next reissue', 133, '30033', '20033', 1033, 'withdrawal', 'A000000001'),
    ('a reissue', 134, '20034', '10034', 1034, 'reissue', 'A000000001'),
    ('a renewal', 135, '20035', '10035', 1035, 'renewal', 'A000000001'),
    ('a withdrawal of another application', 136, '20036', '10036', 1036, 'withdrawal', 'A000000002')
  ) AS t (name, no, new_card, old_card, n, kind, app);
SELECT service_provider.receive_notice('CREDIT1', 'METRO', 1, 'withdrawal', 100,
           '20036', '10036', 'A000000001', 'CREDIT1/METRO/1036', NULL, now(), 'file') \g /dev/null
SELECT is(pg_temp.charges(1032, 1033, 1034, 1035, 1036),
          '{u32 1032 reload lost 3USD,u33 1033 reload lost 3USD,u34 1034 reload lost 3USD,u35 1035 reload lost 3USD,u36 1036 reload lost 3USD}',
          'E52: none of these refunds a reload');
SELECT pg_temp.reissued(37, app => 'A000000002') \g /dev/null
SELECT pg_temp.reload(37, 'A000000002') \g /dev/null
SELECT pg_temp.notice(137, '20037', '10037', 1037, 'withdrawal', app => 'A000000002') \g /dev/null
SELECT is(pg_temp.charges(1037), '{u37 1037 reload - 0EUR,u37 1037 reload - 0EUR refunded by 137}',
          'E51, E52: what cost nothing is refunded, too');
SELECT pg_temp.notice(138, '10037', '20037', 37, 'withdrawal', app => 'A000000002') \g /dev/null
SELECT is(pg_temp.charges(37), '{u37 37 load - 4EUR}', 'E52: a first load never is');

-- Statements

SELECT pg_temp.reissued(41, 'damaged', user_ref => 'carol'),
       pg_temp.reissued(42, app => 'A000000002', user_ref => 'carol'),
       pg_temp.reissued(43, 'stolen', user_ref => 'carol') \g /dev/null
SELECT pg_temp.reload(41), pg_temp.reload(42, 'A000000002'), pg_temp.reload(43) \g /dev/null
SELECT pg_temp.notice(143, '20043', '10043', 1043, 'withdrawal') \g /dev/null
SELECT results_eq(
    $$SELECT s.issuer::text, s.currency, s.loads, s.reloads, s.refunds, s.amount
        FROM service_provider.statement s
       WHERE s.user_ref = 'carol'
       ORDER BY s.currency$$,
    $$VALUES ('BANKJP', 'EUR', 1::bigint, 1::bigint, 0::bigint, 4::numeric),
             ('BANKJP', 'USD', 2, 2, 1, 16)$$,
    'R52, E51: a user''s month, two currencies apart: 7 + 2 + 7 + 1 - 1 dollars');
UPDATE service_provider.app_load l SET loaded_at = v.at::timestamptz
  FROM (VALUES (41, '2026-03-31 23:59:59.999999+00'), (1041, '2026-04-01 00:00:00+00'),
               (43, '2026-02-28 20:00:00-04')) v (n, at)
 WHERE l.message_id = pg_temp.id(v.n);
UPDATE service_provider.reissue_notice n SET received_at = '2026-04-30 23:00:00+00'
 WHERE n.notice_no = 143;
UPDATE service_provider.app_load l SET loaded_at = '2026-04-30 22:00:00+00'
 WHERE l.message_id = pg_temp.id(1043);
SELECT results_eq(
    $$SELECT s.month, s.loads, s.reloads, s.refunds, s.amount
        FROM service_provider.statement s
       WHERE s.user_ref = 'carol' AND s.currency = 'USD'
       ORDER BY s.month$$,
    $$VALUES (date '2026-03-01', 2::bigint, 0::bigint, 0::bigint, 14::numeric),
             (date '2026-04-01', 0, 2, 1, 2)$$,
    'E54: months are those of UTC, whatever the session''s time zone');
SELECT service_provider.record_load('CREDIT1/METRO/41', 'A000000001', '40041', 'carol') \g /dev/null
SELECT is((SELECT count(*) FROM service_provider.statement s
            WHERE s.user_ref = 'carol' AND s.currency = 'USD' AND s.issuer = 'CREDIT1'), 1::bigint,
          'R52: what is due under another issuer stands apart');
SELECT service_provider.record_load(pg_temp.id(50), 'A000000001') \g /dev/null
SELECT is((SELECT s.amount FROM service_provider.statement s WHERE s.user_ref IS NULL), 7::numeric,
          'R52: a load whose user is not known is charged to nobody by name');

-- Who may look

CREATE ROLE clerk;
CREATE ROLE auditor;
CREATE ROLE stranger;
SELECT service_provider.grant_operator('clerk'), service_provider.grant_auditor('auditor') \g /dev/null
GRANT USAGE ON SCHEMA service_provider TO stranger;
SET LOCAL ROLE clerk;
SELECT lives_ok('SELECT FROM service_provider.charge, service_provider.statement', 'E60: an operator');
SET LOCAL ROLE auditor;
SELECT lives_ok('SELECT FROM service_provider.charge, service_provider.statement', 'E60: an auditor');
SET LOCAL ROLE stranger;
SELECT throws_ok('SELECT FROM service_provider.' || v, '42501', NULL, 'E60: nobody else: ' || v)
  FROM unnest('{charge, statement}'::text[]) v;
RESET ROLE;
SELECT is_empty(
    $$SELECT a.attrelid::regclass, a.attname
        FROM pg_attribute a
       WHERE a.attrelid IN ('service_provider.charge'::regclass, 'service_provider.statement'::regclass)
         AND (a.atttypid = 'card_id'::regtype OR a.attname ~ 'card')$$,
    'E60: neither view shows a card');
SET LOCAL enable_seqscan = off;
CREATE FUNCTION pg_temp.plan(query text)
    RETURNS SETOF text
    LANGUAGE plpgsql
AS $$
BEGIN
    RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query;
END
$$;
SELECT is((SELECT count(*)
             FROM pg_temp.plan($$SELECT * FROM service_provider.statement WHERE user_ref = 'carol'$$) p (line)
            WHERE p.line ~ 'Index Scan (using|on) app_load_user_ref_idx'), 2::bigint,
          'R52: a user''s statement is read by index');

SELECT * FROM finish();
ROLLBACK;
