-- Bad input to every function of the provider: the error, a message that tells
-- what to do, and nothing changed
BEGIN;
CREATE EXTENSION screissue;
SET search_path = screissue, public;
SELECT plan(113);

SELECT service_provider.setup('METRO', 'Metro Transit');
SELECT service_provider.register_issuer('BANKJP', 'Bank');
SELECT service_provider.register_application('A000000001', 'fare');
SELECT service_provider.record_load('BANKJP/METRO/1', 'A000000001',
    '4111111111111111', 'u1', ROW(true, NULL, NULL)::verdict);
SELECT service_provider.receive_notice('BANKJP', 'METRO', 1, 'reissue', 100,
    '4111111111111129', '4111111111111111', 'A000000001', 'BANKJP/METRO/1',
    'lost', now(), 'file');
CREATE TEMP TABLE request AS
SELECT r.request_id AS approved
  FROM service_provider.request_reload('A000000001', 'BANKJP', 100,
           '4111111111111129') r;

-- Everything that is stored, to see that nothing changes.
CREATE FUNCTION pg_temp.everything()
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT md5(concat(
        (SELECT string_agg(t::text, '' ORDER BY t::text) FROM service_provider.issuer t),
        (SELECT string_agg(t::text, '' ORDER BY t::text) FROM service_provider.application t),
        (SELECT string_agg(t::text, '' ORDER BY t::text) FROM service_provider.tariff t),
        (SELECT string_agg(t::text, '' ORDER BY t::text) FROM service_provider.app_load t),
        (SELECT string_agg(t::text, '' ORDER BY t::text) FROM service_provider.examination t),
        (SELECT string_agg(t::text, '' ORDER BY t::text) FROM service_provider.reload_request t),
        (SELECT string_agg(t::text, '' ORDER BY t::text) FROM service_provider.inquiry_reply t),
        (SELECT string_agg(t::text, '' ORDER BY t::text) FROM service_provider.reissue_notice t)))
$$;
CREATE TEMP TABLE before AS SELECT pg_temp.everything() AS digest;

-- Required arguments

SELECT throws_ok(
    format('SELECT service_provider.%s', t.call), '22023',
    format('argument "%s" must not be null', t.argument),
    format('%s must not be null: %s', t.argument, t.call))
  FROM (VALUES
    ('issuer', $$register_issuer(NULL, 'Bank')$$),
    ('name', $$register_issuer('BANKJP', NULL)$$),
    ('app', $$register_application(NULL, 'fare')$$),
    ('name', $$register_application('A000000001', NULL)$$),
    ('examination', $$register_application('A000000001', 'fare', NULL)$$),
    ('app', $$withdraw_application(NULL)$$),
    ('app', $$set_tariff(NULL, 'load', 1, 'JPY')$$),
    ('kind', $$set_tariff('A000000001', NULL, 1, 'JPY')$$),
    ('amount', $$set_tariff('A000000001', 'load', NULL, 'JPY')$$),
    ('currency', $$set_tariff('A000000001', 'load', 1, NULL)$$),
    ('message', $$record_load(NULL, 'A000000001')$$),
    ('app', $$record_load('BANKJP/METRO/1', NULL)$$),
    ('status', $$record_load('BANKJP/METRO/1', 'A000000001', status => NULL)$$),
    ('message', $$record_unload(NULL)$$),
    ('form', $$type_notice(NULL)$$),
    ('form', $$type_reply(1, NULL)$$),
    ('form', $$type_permission(NULL)$$),
    ('file', $$import_notices(NULL)$$),
    ('file', $$import_replies(NULL)$$),
    ('file', $$import_permissions(NULL)$$),
    ('issuer', $$export_inquiry(NULL)$$),
    ('company', $$register_certificate(NULL, '')$$),
    ('certificate', $$register_certificate('BANKJP', NULL)$$),
    ('certificate', $$register_certificate('METRO', NULL, 'metro.pem')$$),
    ('company', $$revoke_certificate(NULL, '')$$),
    ('sha256', $$revoke_certificate('BANKJP', NULL)$$),
    ('message', $$record_examination(NULL, ROW(true, NULL, NULL)::screissue.verdict)$$),
    ('examination.approved', $$record_examination('BANKJP/METRO/1', NULL)$$),
    ('examination.approved', $$record_examination('BANKJP/METRO/1', ROW(NULL, 'pending', NULL)::screissue.verdict)$$),
    ('message', $$find_load(NULL)$$),
    ('app', $$request_reload(NULL, 'BANKJP')$$),
    ('issuer', $$request_reload('A000000001', NULL)$$),
    ('card', $$request_reload('A000000001', 'BANKJP', 100)$$),
    ('attribute', $$request_reload('A000000001', 'BANKJP', 200)$$),
    ('request_id', $$record_reply(NULL, 200, false, NULL)$$),
    ('reissued', $$record_reply((SELECT approved FROM request), 200, NULL, NULL)$$),
    ('request_id', $$examine_reload(NULL, ROW(true, NULL, NULL)::screissue.verdict)$$),
    ('examination.approved', $$examine_reload((SELECT approved FROM request), NULL)$$),
    ('examination.approved', $$examine_reload((SELECT approved FROM request), ROW(NULL, NULL, NULL)::screissue.verdict)$$),
    ('request_id', $$complete_reload(NULL, 'BANKJP/METRO/2')$$),
    ('message', $$complete_reload((SELECT approved FROM request), NULL)$$),
    ('succeeded', $$complete_reload((SELECT approved FROM request), 'BANKJP/METRO/2', NULL)$$),
    ('issuer', $$send_confirmations(NULL)$$),
    ('issuer', $$backfill(NULL)$$),
    ('issuer', $$digest(NULL, 1, 2)$$),
    ('from_no', $$digest('BANKJP', NULL, 2)$$),
    ('to_no', $$digest('BANKJP', 1, NULL)$$),
    ('issuer', $$digests(NULL, 1, 2, 1)$$),
    ('from_no', $$digests('BANKJP', NULL, 2, 1)$$),
    ('to_no', $$digests('BANKJP', 1, NULL, 1)$$),
    ('step', $$digests('BANKJP', 1, 2, NULL)$$),
    ('request_id', $$explain_decision(NULL)$$),
    ('role_name', $$grant_operator(NULL)$$),
    ('role_name', $$grant_auditor(NULL)$$)
  ) AS t (argument, call);

-- Values

SELECT throws_ok(format('SELECT service_provider.%s', t.call), t.code, t.message,
                 format('%s: %s', t.code, t.call))
  FROM (VALUES
    ('22023', 'unknown examination mode "sometimes"',
     $$register_application('A000000001', 'fare', 'sometimes')$$),
    ('22023', 'unknown examination mode ""',
     $$register_application('A000000001', 'fare', '')$$),
    ('22023', 'maximum age of an examination cannot be negative',
     $$register_application('A000000001', 'fare', 'new', '-1 day')$$),
    ('22023', NULL, $$set_tariff('A000000001', 'load', -0.01, 'JPY')$$),
    ('22023', NULL, $$set_tariff('A000000001', 'load', 'NaN', 'JPY')$$),
    ('22023', NULL, $$set_tariff('A000000001', 'load', 'Infinity', 'JPY')$$),
    ('22023', NULL, $$set_tariff('A000000001', 'load', '-Infinity', 'JPY')$$),
    ('22023', NULL, $$set_tariff('A000000001', 'load', 1, 'jpy')$$),
    ('22023', NULL, $$set_tariff('A000000001', 'load', 1, 'YEN ')$$),
    ('22023', NULL, $$set_tariff('A000000001', 'load', 1, E'JPY\n')$$),
    ('22023', NULL, $$set_tariff('A000000001', 'load', 1, '')$$),
    ('22023', 'from 0 to 1 is no range of notice numbers', $$digest('BANKJP', 0, 1)$$),
    ('22023', 'from 2 to 1 is no range of notice numbers', $$digest('BANKJP', 2, 1)$$),
    ('22023', 'from -1 to 1 is no range of notice numbers', $$digests('BANKJP', -1, 1, 1)$$),
    ('22023', 'from 2 to 1 is no range of notice numbers', $$digests('BANKJP', 2, 1, 1)$$),
    ('22023', 'step must be positive, not 0', $$digests('BANKJP', 1, 2, 0)$$),
    ('22P02', NULL, $$set_tariff('A000000001', 'sale', 1, 'JPY')$$),
    ('22P02', NULL, $$set_tariff('A000000001', 'reload', 1, 'JPY', 'bored')$$),
    ('22P02', NULL, $$register_issuer('BANK-JP', 'Bank')$$),
    ('22P02', NULL, $$register_application('A00', 'fare')$$),
    ('22P02', NULL, $$record_load('BANKJP/METRO/01', 'A000000001')$$),
    ('22P02', NULL, $$record_load('BANKJP/METRO/0', 'A000000001')$$),
    ('22P02', NULL, $$record_load('BANKJP/METRO/9223372036854775808', 'A000000001')$$),
    ('22P02', NULL, $$request_reload('A000000001', 'BANKJP', 100, '12')$$),
    ('22023', 'validity of an examination must be positive, not "-1 days"',
     $$record_load('BANKJP/METRO/2', 'A000000001', examination => ROW(true, NULL, '-1 day')::screissue.verdict)$$),
    ('22023', 'validity of an examination must be positive, not "00:00:00"',
     $$record_examination('BANKJP/METRO/1', ROW(true, NULL, '0')::screissue.verdict)$$),
    ('22023', NULL,
     $$examine_reload((SELECT approved FROM request), ROW(true, NULL, '-1 day')::screissue.verdict)$$),
    ('22008', NULL,
     $$record_examination('BANKJP/METRO/1', ROW(true, NULL, '9999999 years')::screissue.verdict)$$)
  ) AS t (code, message, call);

-- Ids that are not known, states that do not allow it

SELECT throws_ok(format('SELECT service_provider.%s', t.call), t.code, t.message,
                 format('%s: %s', t.code, t.call))
  FROM (VALUES
    ('SR002', 'unknown issuer "OTHER"', $$request_reload('A000000001', 'OTHER', 100, '1234')$$),
    ('SR002', 'unknown issuer "OTHER"', $$send_confirmations('OTHER')$$),
    ('55000', 'issuer "BANKJP" has no server', $$send_confirmations('BANKJP')$$),
    ('SR002', 'unknown issuer "OTHER"', $$backfill('OTHER')$$),
    ('55000', 'issuer "BANKJP" has no server', $$backfill('BANKJP')$$),
    ('SR002', 'unknown issuer "OTHER"', $$digest('OTHER', 1, 2)$$),
    ('SR002', 'unknown issuer "OTHER"', $$digests('OTHER', 1, 2, 1)$$),
    ('SR003', 'unknown application "A0000000FF"', $$request_reload('A0000000FF', 'BANKJP', 100, '1234')$$),
    ('22023', 'unknown request 99999', $$record_reply(99999, 200, false, NULL)$$),
    ('22023', 'unknown request 99999', $$examine_reload(99999, ROW(true, NULL, NULL)::screissue.verdict)$$),
    ('22023', 'unknown request 99999', $$complete_reload(99999, 'BANKJP/METRO/2')$$),
    ('22023', 'unknown request 99999', $$explain_decision(99999)$$),
    ('SR007', NULL, $$record_reply((SELECT approved FROM request), 200, false, NULL)$$),
    ('SR007', NULL, $$examine_reload((SELECT approved FROM request), ROW(true, NULL, NULL)::screissue.verdict)$$),
    ('22023', NULL, $$complete_reload((SELECT approved FROM request), 'OTHER/METRO/2')$$),
    ('22023', NULL, $$complete_reload((SELECT approved FROM request), 'BANKJP/BUS/2')$$),
    ('22023', 'message id "BANKJP/METRO/1" is the old load''s',
     $$complete_reload((SELECT approved FROM request), 'BANKJP/METRO/1')$$),
    ('42704', 'role "nobody at all" does not exist', $$grant_operator('nobody at all')$$),
    ('42704', 'role "public" does not exist', $$grant_operator('public')$$),
    ('42704', 'role "nobody at all" does not exist', $$grant_auditor('nobody at all')$$)
  ) AS t (code, message, call);

SELECT is(pg_temp.everything(), (SELECT digest FROM before),
          'after all these errors nothing has changed');

-- A record that cannot become the reload that a request is approved for

SELECT service_provider.register_application('A000000002', 'locker');
SELECT service_provider.record_load('BANKJP/METRO/11', 'A000000002', status => 'permitted');
SELECT service_provider.record_load('BANKJP/METRO/12', 'A000000001', '4111111111111137', status => 'permitted');
SELECT service_provider.record_load('BANKJP/METRO/13', 'A000000001', user_ref => 'u2', status => 'permitted');
SELECT service_provider.record_load('BANKJP/METRO/14', 'A000000001', status => 'failed');
SELECT service_provider.record_load('BANKJP/METRO/15', 'A000000001');
SELECT service_provider.record_unload('BANKJP/METRO/15');
SELECT throws_ok(
    format($$SELECT service_provider.complete_reload(
                 (SELECT approved FROM request), %L)$$, t.message),
    'SR009', t.text, 'not the reload: ' || t.name)
  FROM (VALUES
    ('another application', 'BANKJP/METRO/11',
     'load "BANKJP/METRO/11" is recorded with another application'),
    ('another card', 'BANKJP/METRO/12',
     'load "BANKJP/METRO/12" is recorded with another card'),
    ('another user', 'BANKJP/METRO/13',
     'load "BANKJP/METRO/13" is recorded with another user_ref'),
    ('failed', 'BANKJP/METRO/14',
     'load "BANKJP/METRO/14" is recorded with another status'),
    ('removed since', 'BANKJP/METRO/15',
     'load "BANKJP/METRO/15" did not take the place of "BANKJP/METRO/1"')
  ) AS t (name, message, text);
SELECT service_provider.record_unload('BANKJP/METRO/1');
SELECT throws_ok(
    $$SELECT service_provider.complete_reload((SELECT approved FROM request),
                                              'BANKJP/METRO/16')$$,
    'SR009', 'load "BANKJP/METRO/1" is unloaded already',
    'E3: the old load was removed after the verdict');
SELECT lives_ok(
    $$SELECT service_provider.complete_reload((SELECT approved FROM request),
                                              'BANKJP/METRO/16', false)$$,
    'R27: a failure may be reported all the same');

-- E60: no whole card id in an error, in any of its fields

CREATE FUNCTION pg_temp.error_of(call text)
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    message text;
    detail text;
    hint text;
    context text;
BEGIN
    EXECUTE call;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
                            hint = PG_EXCEPTION_HINT,
                            context = PG_EXCEPTION_CONTEXT;
    RETURN concat_ws(E'\n', message, detail, hint,
                     -- The first lines; the last is this very statement.
                     regexp_replace(context, 'SQL statement "SELECT service_provider.*', ''));
END
$$;
SELECT unalike(pg_temp.error_of(t.call), '%4111111111111137%',
              'E60: no card id in the error: ' || t.name)
  FROM (VALUES
    ('contradiction',
     $$SELECT service_provider.record_load('BANKJP/METRO/1', 'A000000001', '4111111111111137')$$),
    ('secret id',
     $$SELECT service_provider.record_load('BANKJP/METRO/17', 'A000000001', '4111111111111137', platform_type => 200)$$),
    ('no record',
     $$SELECT service_provider.request_reload('A000000001', 'OTHER', 100, '4111111111111137')$$)
  ) AS t (name, call);

SELECT * FROM finish();
ROLLBACK;
