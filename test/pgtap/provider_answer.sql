-- Inquiries over the issuer's server, as far as they go without one: what the
-- server may answer, and when it is asked; test/t/012_method2.pl has it at work
-- (R34, R38, R42, R45, E13, E14)
BEGIN;
CREATE EXTENSION screissue;
SET search_path = screissue, public;
SELECT plan(37);

SELECT service_provider.setup('METRO', 'Metro Transit');
SELECT service_provider.register_issuer('BANKJP', 'Bank');
SELECT service_provider.register_application('A000000001', 'fare');
SELECT service_provider.register_application('A000000002', 'locker');

-- Two requests to read answers for: about a card that can be read, and not.
SELECT service_provider.request_reload('A000000001', 'BANKJP', 999,
    card => '4111-1111-1111-1111');
CREATE TEMP TABLE readable AS
    SELECT max(r.request_id) AS id FROM service_provider.reload_request r;
SELECT service_provider.request_reload('A000000001', 'BANKJP', 200,
    attribute => 'ecies-x25519:27:b2e90badcafe');
CREATE TEMP TABLE secret AS
    SELECT max(r.request_id) AS id FROM service_provider.reload_request r;

-- What an answer says, or the detail of the error.
CREATE FUNCTION pg_temp.read(request text, VARIADIC rows_sent jsonb[])
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    request_id bigint;
    answer record;
    state text;
    message text;
    detail text;
BEGIN
    EXECUTE format('SELECT id FROM %I', request) INTO request_id;
    SELECT * INTO STRICT answer
      FROM service_provider.read_answer(request_id, rows_sent);
    RETURN answer;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE,
                            message = MESSAGE_TEXT,
                            detail = PG_EXCEPTION_DETAIL;
    RETURN format('%s %s: %s', state, message, detail);
END
$$;

SELECT is(pg_temp.read(t.request, t.sent::jsonb), t.answer, 'R38: ' || t.name)
  FROM (VALUES
    ('a positive reply', 'secret',
     '{"platform_type": 200, "reissued": true, "message_id": "BANKJP/METRO/1"}',
     '(200,t,BANKJP/METRO/1,)'),
    ('a negative reply', 'secret',
     '{"platform_type": 200, "reissued": false, "message_id": null}',
     '(200,f,,)'),
    ('a positive answer with the old card', 'readable',
     '{"platform_type": 100, "reissued": true, "message_id": "BANKJP/METRO/1",
       "old_card_id": "5555555555554444"}',
     '(100,t,BANKJP/METRO/1,5555555555554444)'),
    ('E58: a positive answer without the old card', 'readable',
     '{"platform_type": 100, "reissued": true, "message_id": "BANKJP/METRO/1",
       "old_card_id": null}', '(100,t,BANKJP/METRO/1,)'),
    ('what a later version may add', 'secret',
     '{"platform_type": 200, "reissued": false, "granted_at": "2026-01-01"}',
     '(200,f,,)')
  ) AS t (name, request, sent, answer);
SELECT is(pg_temp.read(t.request, t.sent::jsonb),
          '08P01 answer of issuer "BANKJP" makes no sense: ' || t.fault,
          'R38: ' || t.name)
  FROM (VALUES
    ('no object', 'secret', '7', 'A value is not of its type.'),
    ('no object but an array', 'secret', '[200, false]',
     'A value is not of its type.'),
    ('null', 'secret', 'null', 'A value is not of its type.'),
    ('an empty object', 'secret', '{}', 'A value is missing.'),
    ('no platform type', 'secret', '{"reissued": false}', 'A value is missing.'),
    ('no verdict', 'secret',
     '{"platform_type": 200, "message_id": "BANKJP/METRO/1"}',
     'A value is missing.'),
    ('a platform type that is no number', 'secret',
     '{"platform_type": "two hundred", "reissued": false}',
     'A value is not of its type.'),
    ('a platform type out of range', 'secret',
     '{"platform_type": 2000000000000, "reissued": false}',
     'A value is not of its type.'),
    ('a fraction', 'secret', '{"platform_type": 1.5, "reissued": false}',
     'A value is not of its type.'),
    ('a verdict that is neither yes nor no', 'secret',
     '{"platform_type": 200, "reissued": "perhaps"}',
     'A value is not of its type.'),
    ('a message id that is none', 'secret',
     '{"platform_type": 200, "reissued": true, "message_id": "4111111111111111"}',
     'A value is not of its type.'),
    ('a message id that is an object', 'secret',
     '{"platform_type": 200, "reissued": true, "message_id": {"sequence": 1}}',
     'A value is not of its type.'),
    ('reissued without a message id', 'secret',
     '{"platform_type": 200, "reissued": true}',
     'A message id is there if and only if the card is reissued.'),
    ('a message id though not reissued', 'secret',
     '{"platform_type": 200, "reissued": false, "message_id": "BANKJP/METRO/1"}',
     'A message id is there if and only if the card is reissued.'),
    ('E46: a message id of another provider', 'secret',
     '{"platform_type": 200, "reissued": true, "message_id": "BANKJP/BUS/1"}',
     'The message id is one of other parties.'),
    ('E23: a message id of another issuer', 'readable',
     '{"platform_type": 200, "reissued": true, "message_id": "OTHER/METRO/1"}',
     'The message id is one of other parties.'),
    ('an old card id that is none', 'readable',
     '{"platform_type": 100, "reissued": true, "message_id": "BANKJP/METRO/1",
       "old_card_id": "5555/5555"}', 'A value is not of its type.'),
    ('E5: a card that replaces itself', 'readable',
     '{"platform_type": 100, "reissued": true, "message_id": "BANKJP/METRO/1",
       "old_card_id": "4111111111111111"}', 'A card cannot replace itself.')
  ) AS t (name, request, sent, fault);
SELECT is(pg_temp.read('secret', VARIADIC t.sent::jsonb[]),
          '08P01 answer of issuer "BANKJP" makes no sense: It is not one row.',
          'R38: ' || t.name)
  FROM (VALUES
    ('nothing', NULL),
    ('no row', '{}'),
    ('two rows', ARRAY['{"platform_type": 200, "reissued": false}',
                       '{"platform_type": 200, "reissued": false}']::text),
    ('two rows that are nothing', '{NULL,NULL}')
  ) AS t (name, sent);
SELECT is(pg_temp.read('secret', NULL::jsonb),
          '08P01 answer of issuer "BANKJP" makes no sense: A value is missing.',
          'R38: one row that is nothing');

-- With a server: without dblink an inquiry shows as the error 0A000.

SELECT service_provider.register_issuer('BANKJP', 'Bank', server => 'bankjp');
SELECT service_provider.record_load('BANKJP/METRO/1', 'A000000001', '60000001');
SELECT service_provider.receive_notice('BANKJP', 'METRO', 1, 'reissue', 100,
    '60000002', '60000001', 'A000000001', 'BANKJP/METRO/1', 'lost', now(), 'file');
CREATE TEMP TABLE before AS SELECT count(*) FROM service_provider.reload_request;

CREATE FUNCTION pg_temp.request(
    platform_type integer, card text, attribute text,
    app app_id DEFAULT 'A000000001')
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT r.outcome::text
      FROM service_provider.request_reload(
               app, 'BANKJP', platform_type, card => card::card_id,
               attribute => attribute::card_attribute) r
$$;
SELECT throws_ok(
    format('SELECT pg_temp.request(%s, %L, %L)', t.platform_type, t.card,
           'ecies-x25519:27:b2e90badcafe'),
    '0A000', 'extension "dblink" is not installed', 'R45: ' || t.name)
  FROM (VALUES
    ('method 2 asks the server', 200, NULL),
    ('so does an unknown type with an attribute alone', 999, NULL),
    ('and one whose card is not known', 999, '60000009')
  ) AS t (name, platform_type, card);
SELECT is((SELECT count(*) FROM service_provider.reload_request),
          (SELECT b.count FROM before b),
          'R45: of a request whose inquiry failed nothing is stored');
SELECT is(pg_temp.request(999, '60000002', 'ecies-x25519:27:b2e90badcafe'),
          'approved', 'R45: an unknown type whose card is known needs no server');
SELECT is((SELECT (r.attribute IS NULL, r.attribute_sha256 IS NULL)::text
             FROM service_provider.reload_request r
            ORDER BY r.request_id DESC LIMIT 1), '(t,f)',
          'R42: its attribute is not kept');
SELECT is(pg_temp.request(999, NULL, NULL), 'awaiting_reply',
          'R45: nothing given, nothing to ask');
SELECT service_provider.withdraw_application('A000000002');
SELECT is(pg_temp.request(200, NULL, 'ecies-x25519:27:b2e90badcafe', 'A000000002'),
          'application_withdrawn', 'E13: a withdrawn application is not asked for');
SELECT service_provider.register_issuer('BANKJP', 'Bank', server => 'bankjp',
                                        contract_until => current_date - 1);
SELECT is(pg_temp.request(200, NULL, 'ecies-x25519:27:b2e90badcafe'),
          'contract_ended', 'E14: nor is an issuer without a contract asked');

SELECT * FROM finish();
ROLLBACK;
