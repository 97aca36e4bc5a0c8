-- The provider's contracts, applications and prices (R2, R4-R6, R50, R52, E13)
BEGIN;
CREATE EXTENSION screissue;
SET search_path = screissue, public;
SELECT plan(49);

-- Before setup every function says what to do first.

SELECT throws_ok(t.call, 'SR001',
                 'no service provider is set up in this database',
                 'R2: before setup: ' || t.call)
  FROM (VALUES
    ($$SELECT service_provider.register_issuer('BANKJP', 'Bank')$$),
    ($$SELECT service_provider.register_application('A000000001', 'fare')$$),
    ($$SELECT service_provider.withdraw_application('A000000001')$$),
    ($$SELECT service_provider.accept_transfer('A000000001', 'OLDTOWN')$$),
    ($$SELECT service_provider.explain_decision(1)$$),
    ($$SELECT service_provider.set_tariff('A000000001', 'load', 1, 'JPY')$$),
    ($$SELECT service_provider.record_load('BANKJP/METRO/1', 'A000000001')$$),
    ($$SELECT service_provider.record_unload('BANKJP/METRO/1')$$),
    ($$SELECT service_provider.record_examination('BANKJP/METRO/1', ROW(true, NULL, NULL)::verdict)$$),
    ($$SELECT service_provider.find_load('BANKJP/METRO/1')$$),
    ($$SELECT service_provider.request_reload('A000000001', 'BANKJP')$$),
    ($$SELECT service_provider.record_reply(1, 200, false, NULL)$$),
    ($$SELECT service_provider.examine_reload(1, ROW(true, NULL, NULL)::verdict)$$),
    ($$SELECT service_provider.complete_reload(1, 'BANKJP/METRO/1')$$),
    ($$SELECT service_provider.send_confirmations('BANKJP')$$),
    ($$SELECT service_provider.grant_operator('postgres')$$),
    ($$SELECT service_provider.grant_auditor('postgres')$$)
  ) AS t (call);

SELECT service_provider.setup('METRO', 'Metro Transit');

-- R4: contracts with issuers

SELECT lives_ok(
    $$SELECT service_provider.register_issuer('bankjp', 'Bank of Japan Point',
          subscription => 'from_bankjp', server => 'bankjp',
          contract_until => '2040-03-31')$$,
    'R4: an issuer is registered');
SELECT results_eq(
    $$SELECT i.issuer::text, i.name, i.subscription, i.server,
             i.contract_until, i.last_notice_no
        FROM service_provider.issuer i$$,
    $$VALUES ('BANKJP', 'Bank of Japan Point', name 'from_bankjp', name 'bankjp',
              date '2040-03-31', 0::bigint)$$,
    'R4: with its subscription, server and end of contract');
SELECT lives_ok(
    $$SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan')$$,
    'R4: registering again changes the contract');
SELECT results_eq(
    $$SELECT i.name, i.subscription IS NULL, i.server IS NULL,
             i.contract_until IS NULL
        FROM service_provider.issuer i$$,
    $$VALUES ('Bank of Japan', true, true, true)$$,
    'R4: and replaces all that the call takes');
SELECT service_provider.register_issuer('BANKJP', 'Bank', 'from_bankjp');
SELECT throws_ok(
    $$SELECT service_provider.register_issuer('OTHER', 'Other', 'from_bankjp')$$,
    '23505', 'subscription "from_bankjp" is bound to issuer "BANKJP"',
    'E23: one subscription cannot speak for two issuers');
SELECT is((SELECT count(*) FROM service_provider.issuer), 1::bigint,
          'E23: and nothing was stored');
SELECT lives_ok(
    $$SELECT service_provider.register_issuer('BANKJP', 'Bank', 'from_bankjp')$$,
    'R4: the same subscription again for the same issuer is no conflict');
SELECT lives_ok(
    $$SELECT service_provider.register_issuer('METRO', 'Metro Cards')$$,
    'R2: a company may be both issuer and provider');

-- R6: applications

SELECT lives_ok(
    $$SELECT service_provider.register_application('a000000001', 'fare',
          examination => 'refer', max_examination_age => '1 year')$$,
    'R6: an application is registered');
SELECT results_eq(
    $$SELECT a.app_id::text, a.name, a.examination_mode,
             a.max_examination_age, a.withdrawn_at
        FROM service_provider.application a$$,
    $$VALUES ('A000000001', 'fare', 'refer', interval '1 year',
              NULL::timestamptz)$$,
    'R50: with its examination mode');
SELECT lives_ok(
    $$SELECT service_provider.withdraw_application('A000000001')$$,
    'E13: an application is withdrawn');
SELECT isnt((SELECT a.withdrawn_at FROM service_provider.application a), NULL,
            'E13: and marked so');
UPDATE service_provider.application SET withdrawn_at = '2001-01-01';
SELECT lives_ok(
    $$SELECT service_provider.withdraw_application('A000000001')$$,
    'E13: withdrawing again');
SELECT is((SELECT a.withdrawn_at FROM service_provider.application a),
          timestamptz '2001-01-01', 'E13: changes nothing');
SELECT lives_ok(
    $$SELECT service_provider.register_application('A000000001', 'fare 2')$$,
    'E13: registering again');
SELECT results_eq(
    $$SELECT a.name, a.examination_mode, a.max_examination_age, a.withdrawn_at
        FROM service_provider.application a$$,
    $$VALUES ('fare 2', 'substitute', NULL::interval, NULL::timestamptz)$$,
    'E13: brings it back, with the terms of the call');

-- R52: prices

SELECT lives_ok(
    format('SELECT service_provider.set_tariff(%L, %L, %L, %L, %L)',
           'A000000001', t.kind, t.amount, t.currency, t.reason),
    format('R52: price of a %s for %s', t.kind, coalesce(t.reason, 'any reason')))
  FROM (VALUES ('load', 500, 'JPY', NULL), ('reload', 100, 'JPY', NULL),
               ('reload', 0, 'JPY', 'stolen'), ('reload', 200, 'JPY', 'damaged'),
               ('reload', 250, 'JPY', 'damaged'))
    AS t (kind, amount, currency, reason);
SELECT results_eq(
    $$SELECT t.kind::text, t.reason::text, t.amount
        FROM service_provider.tariff t ORDER BY t.kind, t.reason$$,
    $$VALUES ('load', NULL, 500::numeric), ('reload', 'stolen', 0),
             ('reload', 'damaged', 250), ('reload', NULL, 100)$$,
    'R52: a price set again is replaced');
SELECT results_eq(
    format('SELECT p.fee, p.currency FROM service_provider.find_price(%L, %L, %L) p',
           'A000000001', t.kind, t.reason),
    format('VALUES (%L::numeric, %L::text)', t.fee, 'JPY'),
    format('E53: price of a %s with reason %L', t.kind, t.reason))
  FROM (VALUES ('load', NULL, 500), ('reload', NULL, 100),
               ('reload', 'lost', 100), ('reload', 'stolen', 0),
               ('reload', 'damaged', 250), ('reload', 'no such reason', 100))
    AS t (kind, reason, fee);
SELECT results_eq(
    $$SELECT p.fee, p.currency
        FROM service_provider.find_price('A000000002', 'load', NULL) p$$,
    $$VALUES (NULL::numeric, NULL::text)$$,
    'R48: no price: not charged');
SELECT throws_ok(
    $$SELECT service_provider.set_tariff('A0000000FF', 'load', 1, 'JPY')$$,
    'SR003', 'unknown application "A0000000FF"',
    'R52: no price for an application that is not registered');
SELECT throws_ok(
    $$SELECT service_provider.withdraw_application('A0000000FF')$$,
    'SR003', 'unknown application "A0000000FF"',
    'E13: an application that is not registered cannot be withdrawn');
SELECT throws_ok(
    $$SELECT service_provider.set_tariff('A000000001', 'load', 1, 'JPY', 'lost')$$,
    '22023', 'only a reload has a reason', 'E53: a load has no reason');

SELECT * FROM finish();
ROLLBACK;
