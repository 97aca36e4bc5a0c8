-- Records of loads and of their examinations at the provider
-- (R7, R8, R12, R40, R42, R46-R48, R52, E49)
BEGIN;
CREATE EXTENSION screissue;
SET search_path = screissue, public;
SELECT plan(69);

SELECT service_provider.setup('METRO', 'Metro Transit');
SELECT service_provider.register_issuer('BANKJP', 'Bank');
SELECT service_provider.register_application('A000000001', 'fare');
SELECT service_provider.register_application('A000000002', 'locker');
SELECT service_provider.set_tariff('A000000001', 'load', 500, 'JPY');

-- One line about a load, to compare with.
CREATE FUNCTION pg_temp.load(message message_id)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT concat_ws(' ', l.status, l.app_id, coalesce(mask(l.card_id), '-'),
                     coalesce(l.user_ref, '-'), coalesce(l.account::text, '-'),
                     coalesce(l.platform_type::text, '-'),
                     coalesce(l.fee || l.currency, '-'),
                     CASE WHEN l.loaded_at IS NULL THEN 'never' ELSE 'at' END,
                     CASE WHEN l.ended_at IS NULL THEN 'open' ELSE 'ended' END)
      FROM service_provider.find_load(message) l
$$;

-- Fig. 14 and Fig. 17

SELECT lives_ok(
    $$SELECT service_provider.record_load('BANKJP/METRO/1', 'A000000001',
          card => '4111111111111111', user_ref => 'u1',
          examination => ROW(true, 'score 7', interval '1 year')::verdict,
          account => '{"due": "monthly"}', platform_type => 100)$$,
    'R7: a load is recorded under its permission');
SELECT is(pg_temp.load('BANKJP/METRO/1'),
    'loaded A000000001 4111********1111 u1 {"due": "monthly"} 100 500JPY at open',
    'R47: user, application, accounting by message id');
SELECT results_eq(
    $$SELECT l.issuer::text, l.examination_approved,
             l.examination_valid_until = now() + interval '1 year',
             l.confirmed_at, l.inherits::text
        FROM service_provider.find_load('BANKJP/METRO/1') l$$,
    $$VALUES ('BANKJP', true, true, NULL::timestamptz, NULL::text)$$,
    'R47: and the examination; it is no reload and not confirmed');
SELECT results_eq(
    $$SELECT l.app_id::text, l.user_ref, x.reason, l.account ->> 'due'
        FROM service_provider.app_load l
        JOIN service_provider.examination x
          ON x.examination_id = l.examination_id
       WHERE l.issuer = 'BANKJP' AND l.card_id = '4111-1111-1111-1111'$$,
    $$VALUES ('A000000001', 'u1', 'score 7', 'monthly')$$,
    'R46: the same by card id');
SELECT results_eq(
    $$SELECT x.event, x.approved, x.message_id::text, x.examiner = current_user, x.substitutes
        FROM service_provider.examination x$$,
    $$VALUES ('load', true, 'BANKJP/METRO/1', true, NULL::bigint)$$,
    'R48: one examination, which names the load');

-- Repeated, filled in, contradicted

SELECT lives_ok(t.call, 'repeated: ' || t.name)
  FROM (VALUES
    ('word for word',
     $$SELECT service_provider.record_load('BANKJP/METRO/1', 'A000000001',
           '4111111111111111', 'u1',
           ROW(true, 'score 7', interval '1 year')::verdict,
           '{"due": "monthly"}', 100)$$),
    ('nulls do not contradict',
     $$SELECT service_provider.record_load('BANKJP/METRO/1', 'A000000001')$$),
    ('a permission that has become a load is no news',
     $$SELECT service_provider.record_load('BANKJP/METRO/1', 'A000000001',
           status => 'permitted')$$)
  ) AS t (name, call);
SELECT is(pg_temp.load('BANKJP/METRO/1'),
    'loaded A000000001 4111********1111 u1 {"due": "monthly"} 100 500JPY at open',
    'repeated calls neither change nor erase');
SELECT is((SELECT count(*) FROM service_provider.examination), 1::bigint,
          'and make no further examination');
SELECT throws_ok(
    format('SELECT service_provider.record_load(%L, %s)', 'BANKJP/METRO/1', t.args),
    'SR009', format('load "BANKJP/METRO/1" is recorded with another %s', t.what),
    'contradicted: ' || t.what)
  FROM (VALUES
    ('application', $$'A000000002'$$),
    ('card', $$'A000000001', card => '4111111111111112'$$),
    ('user_ref', $$'A000000001', user_ref => 'u2'$$),
    ('account', $$'A000000001', account => '{}'$$),
    ('platform_type', $$'A000000001', platform_type => 300$$),
    ('status', $$'A000000001', status => 'failed'$$),
    ('examination', $$'A000000001', examination => ROW(false, NULL, NULL)::verdict$$),
    ('examination', $$'A000000001', examination => ROW(true, 'score 7', NULL)::verdict$$)
  ) AS t (what, args);
SELECT is(pg_temp.load('BANKJP/METRO/1'),
    'loaded A000000001 4111********1111 u1 {"due": "monthly"} 100 500JPY at open',
    'contradictions change nothing');

SELECT lives_ok(
    $$SELECT service_provider.record_load('BANKJP/METRO/2', 'A000000001',
          status => 'permitted')$$,
    'R7: a permission is recorded before the card is touched');
SELECT is(pg_temp.load('BANKJP/METRO/2'),
    'permitted A000000001 - - - - 500JPY never open',
    'R48: nothing made up; R52: the price is fixed');
SELECT is((SELECT count(*) FROM service_provider.unconfirmed_load
            WHERE message_id = 'BANKJP/METRO/2'), 0::bigint,
          'R8: a permission is nothing to confirm');
SELECT service_provider.set_tariff('A000000001', 'load', 900, 'JPY');
SELECT lives_ok(
    $$SELECT service_provider.record_load('BANKJP/METRO/2', 'A000000001',
          '4111111111111129', 'u2', NULL, '{"due": "now"}', 100)$$,
    'R8: then the load');
SELECT is(pg_temp.load('BANKJP/METRO/2'),
    'loaded A000000001 4111********1129 u2 {"due": "now"} 100 500JPY at open',
    'R8: what was unknown is filled in; R52: a later price changes nothing');
SELECT is((SELECT count(*) FROM service_provider.unconfirmed_load
            WHERE message_id = 'BANKJP/METRO/2'), 1::bigint,
          'R8: it is to be confirmed to the issuer');
SELECT is((SELECT l.examination_id FROM service_provider.app_load l
            WHERE l.message_id = 'BANKJP/METRO/2'), NULL,
          'R48: no examination was made');
SELECT lives_ok(
    $$SELECT service_provider.record_load('BANKJP/METRO/2', 'A000000001',
          examination => ROW(NULL, 'to come', NULL)::verdict)$$,
    'R48: one may follow, pending');
SELECT results_eq(
    $$SELECT l.examination_id IS NOT NULL, l.examination_approved
        FROM service_provider.find_load('BANKJP/METRO/2') l$$,
    $$VALUES (true, NULL::boolean)$$,
    'R48: pending is not the same as none made');
SELECT lives_ok(
    $$SELECT service_provider.record_load('BANKJP/METRO/4', 'A000000001',
          examination => ROW(NULL, NULL, NULL)::verdict)$$,
    'R48: pending, without a word');
SELECT isnt((SELECT l.examination_id FROM service_provider.app_load l
              WHERE l.message_id = 'BANKJP/METRO/4'), NULL,
            'R48: is an examination, too');

-- Failed loads

SELECT service_provider.record_load('BANKJP/METRO/3', 'A000000002',
                                    status => 'permitted');
SELECT lives_ok(
    format($$SELECT service_provider.record_load('BANKJP/METRO/3',
                 'A000000002', status => %L)$$, t.status),
    'R8: reported of a load that fails: ' || t.status)
  FROM (VALUES ('failed'), ('failed'), ('permitted')) AS t (status);
SELECT is(pg_temp.load('BANKJP/METRO/3'),
    'failed A000000002 - - - - - never open',
    'R8: it never was loaded; R48: an application without a price is free');
SELECT throws_ok(
    $$SELECT service_provider.record_load('BANKJP/METRO/3', 'A000000002')$$,
    'SR009', 'load "BANKJP/METRO/3" is recorded with another status',
    'R8: a failed load does not become loaded, it needs a new permission');
SELECT is((SELECT count(*) FROM service_provider.unconfirmed_load
            WHERE message_id = 'BANKJP/METRO/3'), 1::bigint,
          'R8: the failure is to be confirmed, too');

-- R12: unloading

UPDATE service_provider.app_load SET confirmed_at = now();
SELECT lives_ok($$SELECT service_provider.record_unload('BANKJP/METRO/2')$$,
                'R12: a load is removed');
SELECT is(pg_temp.load('BANKJP/METRO/2'),
    'unloaded A000000001 4111********1129 u2 {"due": "now"} 100 500JPY at ended',
    'R12: its record stays');
SELECT results_eq(
    $$SELECT u.message_id::text, u.status::text
        FROM service_provider.unconfirmed_load u$$,
    $$VALUES ('BANKJP/METRO/2', 'unloaded')$$,
    'R12: the removal is to be confirmed');
UPDATE service_provider.app_load SET confirmed_at = now(), ended_at = '2001-01-01'
 WHERE message_id = 'BANKJP/METRO/2';
SELECT lives_ok($$SELECT service_provider.record_unload('BANKJP/METRO/2')$$,
                'R12: removed again');
SELECT results_eq(
    $$SELECT l.ended_at, l.confirmed_at IS NOT NULL
        FROM service_provider.find_load('BANKJP/METRO/2') l$$,
    $$VALUES (timestamptz '2001-01-01', true)$$,
    'R12: changes nothing');
SELECT lives_ok(
    $$SELECT service_provider.record_load('BANKJP/METRO/2', 'A000000001')$$,
    'R12: a late report of the load');
SELECT is((SELECT l.status FROM service_provider.find_load('BANKJP/METRO/2') l),
          'unloaded', 'R12: does not bring it back');
SELECT throws_ok(
    format('SELECT service_provider.record_unload(%L)', t.message), 'SR009',
    format('load "%s" is %s, it cannot be unloaded', t.message, t.status),
    'R12: what was never loaded cannot be removed: ' || t.status)
  FROM (VALUES ('BANKJP/METRO/3', 'failed'), ('BANKJP/METRO/5', 'permitted'))
    AS t (message, status),
       LATERAL (SELECT service_provider.record_load('BANKJP/METRO/5',
                    'A000000001', status => 'permitted')) AS five;

-- E49: later findings

SELECT lives_ok(
    $$SELECT service_provider.record_examination('BANKJP/METRO/1',
          ROW(false, 'fraud', NULL)::verdict)$$,
    'E49: a later finding about a load');
SELECT results_eq(
    $$SELECT l.examination_approved, l.examination_valid_until
        FROM service_provider.find_load('BANKJP/METRO/1') l$$,
    $$VALUES (false, NULL::timestamptz)$$,
    'E49: takes the place of the first examination');
SELECT results_eq(
    $$SELECT x.approved, x.reason
        FROM service_provider.examination x
       WHERE x.message_id = 'BANKJP/METRO/1'
       ORDER BY x.examination_id$$,
    $$VALUES (true, 'score 7'), (false, 'fraud')$$,
    'E49: both stay on record');
SELECT lives_ok(
    $$SELECT service_provider.record_load('BANKJP/METRO/1', 'A000000001',
          examination => ROW(true, 'score 7', interval '1 year')::verdict)$$,
    'E49: a repeated record of the load still agrees');
SELECT is((SELECT l.examination_approved
             FROM service_provider.find_load('BANKJP/METRO/1') l), false,
          'E49: and does not wash the finding away');
SELECT throws_ok(
    $$SELECT service_provider.record_load('BANKJP/METRO/1', 'A000000001',
          examination => ROW(false, 'fraud', NULL)::verdict)$$,
    'SR009', 'load "BANKJP/METRO/1" is recorded with another examination',
    'E49: a finding is not what the load was examined by');
SELECT service_provider.record_load('BANKJP/METRO/6', 'A000000001');
SELECT lives_ok(
    $$SELECT service_provider.record_examination('BANKJP/METRO/6',
          ROW(true, NULL, interval '1 day')::verdict)$$,
    'E49: a finding about a load that was not examined');
SELECT is((SELECT l.examination_valid_until
             FROM service_provider.find_load('BANKJP/METRO/6') l),
          now() + interval '1 day', 'E49: is its examination then');

-- R42: no card id of a card that only the issuer may read

SELECT lives_ok(
    $$SELECT service_provider.record_load('BANKJP/METRO/20', 'A000000001',
          user_ref => 'u3', platform_type => 200)$$,
    'R47: a load on such a card is recorded without card id');
SELECT throws_ok(t.call, '22023',
    'card id given for platform type 200, whose ids only the issuer may read',
    'R42: ' || t.name)
  FROM (VALUES
    ('in one call',
     $$SELECT service_provider.record_load('BANKJP/METRO/21', 'A000000001',
           card => '4111111111111111', platform_type => 200)$$),
    ('the card in a second call',
     $$SELECT service_provider.record_load('BANKJP/METRO/20', 'A000000001',
           card => '4111111111111111')$$),
    ('the platform type in a second call',
     $$SELECT service_provider.record_load('BANKJP/METRO/22', 'A000000001',
           card => '4111111111111111', status => 'permitted');
       SELECT service_provider.record_load('BANKJP/METRO/22', 'A000000001',
           platform_type => 200)$$)
  ) AS t (name, call);
SELECT is((SELECT count(*) FROM service_provider.app_load l
            WHERE l.platform_type = 200 AND l.card_id IS NOT NULL), 0::bigint,
          'R42: nothing of the kind was stored');
INSERT INTO screissue.platform (platform_type, card_os, method)
VALUES (450, 'a builder''s own, not readable', 2);
SELECT throws_ok(
    $$SELECT service_provider.record_load('BANKJP/METRO/23', 'A000000001',
          card => '4111111111111111', platform_type => 450)$$,
    '22023', NULL, 'R43: the same for a code that a builder added');
SELECT lives_ok(
    format($$SELECT service_provider.record_load(%L, 'A000000001',
                 card => '4111111111111137', platform_type => %L)$$,
           t.message, t.platform_type),
    'R44: platform type ' || t.platform_type || ' is stored as it came')
  FROM (VALUES ('BANKJP/METRO/24', 999), ('BANKJP/METRO/25', 301))
    AS t (message, platform_type);

-- Who gave the permission, and for what

SELECT throws_ok(
    format('SELECT service_provider.record_load(%L, %L)', t.message, t.app),
    t.code, t.text, t.name)
  FROM (VALUES
    ('R4: unknown issuer', 'OTHER/METRO/1', 'A000000001', 'SR002',
     'unknown issuer "OTHER"'),
    ('R5: permission of another provider', 'BANKJP/BUS/1', 'A000000001',
     '22023', 'message id "BANKJP/BUS/1" is none of issuer "BANKJP" for this provider'),
    ('R6: unknown application', 'BANKJP/METRO/99', 'A0000000FF', 'SR003',
     'unknown application "A0000000FF"')
  ) AS t (name, message, app, code, text);
SELECT throws_ok(
    format($$SELECT service_provider.record_load('BANKJP/METRO/99',
                 'A000000001', status => %L)$$, t.status),
    '22023', format('a load cannot be recorded as %s', t.status),
    'R8: not a way to record ' || t.status)
  FROM (VALUES ('unloaded'), ('superseded')) AS t (status);
SELECT throws_ok(
    format('SELECT %s', t.call), 'SR008',
    'no load is recorded under message id "BANKJP/METRO/99"',
    'R40: unknown message id: ' || t.call)
  FROM (VALUES
    ($$service_provider.find_load('BANKJP/METRO/99')$$),
    ($$service_provider.record_unload('BANKJP/METRO/99')$$),
    ($$service_provider.record_examination('BANKJP/METRO/99', ROW(true, NULL, NULL)::verdict)$$)
  ) AS t (call);

SELECT * FROM finish();
ROLLBACK;
