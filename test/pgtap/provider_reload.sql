-- Requests for a reload, one at a time: every outcome, every method
-- (R23-R27, R38, R41-R45, R48, R50, R52, E13, E14, E16, E22, E34, E49, E52, E53)
BEGIN;
CREATE EXTENSION screissue;
SET search_path = screissue, public;
SELECT plan(117);

SELECT service_provider.setup('METRO', 'Metro Transit');
SELECT service_provider.register_issuer('BANKJP', 'Bank');
SELECT service_provider.register_application('A000000001', 'fare');
SELECT service_provider.register_application('A000000002', 'locker');
SELECT service_provider.set_tariff('A000000001', 'load', 500, 'JPY');
SELECT service_provider.set_tariff('A000000001', 'reload', 100, 'JPY');
SELECT service_provider.set_tariff('A000000001', 'reload', 0, 'JPY', 'stolen');

-- A notice of BANKJP about the application fare, as a carrier brings it.
CREATE FUNCTION pg_temp.notice(
    no bigint, new_card text, old_card text, message text,
    kind text DEFAULT 'reissue', reason text DEFAULT 'lost',
    app text DEFAULT 'A000000001')
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT service_provider.receive_notice('BANKJP', 'METRO', no, kind, 100,
               new_card, old_card, app, message, reason, now(), 'file')
$$;

-- A verdict in one line.
CREATE FUNCTION pg_temp.line(outcome text, refusal text, inherits text,
                             price text, substituted boolean)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT concat_ws(' ', outcome, coalesce('(' || refusal || ')', '-'),
                     coalesce(inherits, '-'), coalesce(price, '-'),
                     CASE WHEN substituted THEN 'substituted' ELSE '-' END)
$$;
CREATE FUNCTION pg_temp.request(
    card card_id, platform_type integer DEFAULT 100,
    user_ref text DEFAULT NULL, app app_id DEFAULT 'A000000001',
    attribute card_attribute DEFAULT NULL, printed_number text DEFAULT NULL)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT pg_temp.line(r.outcome::text, r.refusal, r.inherits::text,
                        r.fee || r.currency, r.examination_substituted)
      FROM service_provider.request_reload(
               app => app, issuer => 'BANKJP', platform_type => platform_type,
               card => card, attribute => attribute, user_ref => user_ref,
               printed_number => printed_number) r
$$;
CREATE FUNCTION pg_temp.last_request()
    RETURNS bigint
    LANGUAGE sql
AS $$
    SELECT max(r.request_id) FROM service_provider.reload_request r
$$;
CREATE FUNCTION pg_temp.reply(
    platform_type integer, reissued boolean, message message_id,
    old_card card_id DEFAULT NULL, request bigint DEFAULT pg_temp.last_request())
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT pg_temp.line(r.outcome::text, r.refusal, r.inherits::text,
                        r.fee || r.currency, r.examination_substituted)
      FROM service_provider.record_reply(request, platform_type, reissued,
                                         message, old_card) r
$$;
CREATE FUNCTION pg_temp.examine(
    approved boolean, reason text DEFAULT NULL,
    request bigint DEFAULT pg_temp.last_request())
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT pg_temp.line(r.outcome::text, r.refusal, r.inherits::text,
                        r.fee || r.currency, r.examination_substituted)
      FROM service_provider.examine_reload(
               request, ROW(approved, reason, NULL)::verdict) r
$$;

-- Method 1, Fig. 7: the card's own notice

SELECT service_provider.record_load('BANKJP/METRO/1', 'A000000001', '1000-0001', 'u1',
    ROW(true, 'score 7', '1 year')::verdict, '{"due": "monthly"}', 100);
SELECT is(pg_temp.request('10000002'),
    'not_reissued (no notice about this card and application) - - -',
    'R24: no notice');
SELECT is((SELECT l.status FROM service_provider.find_load('BANKJP/METRO/1') l),
          'loaded', 'R24: nothing else changes');
SELECT pg_temp.notice(1, '10000002', '10000001', 'BANKJP/METRO/1');
SELECT is(pg_temp.request('10000001'),
    'not_reissued (no notice about this card and application) - - -',
    'R24: a notice that names the card as the old one does not make it reissued');
SELECT is(pg_temp.request('10000002', app => 'A000000002'),
    'not_loaded_before (the application was not on the old card) - - -',
    'R25: reissued, but the notice is about another application');
SELECT is(pg_temp.request('10000002'),
    'approved - BANKJP/METRO/1 100JPY substituted',
    'R27: reissued, loaded before, examined before');
SELECT results_eq(
    $$SELECT r.issuer::text, r.app_id::text, r.platform_type, r.method,
             r.card_id::text, r.requested_by = current_user,
             r.notice_no, r.inherits::text, r.fee, r.currency,
             r.decided_at IS NOT NULL, r.completed_at
        FROM service_provider.reload_request r
       WHERE r.request_id = pg_temp.last_request()$$,
    $$VALUES ('BANKJP', 'A000000001', 100, 1, '10000002', true, 1::bigint,
              'BANKJP/METRO/1', 100::numeric, 'JPY', true, NULL::timestamptz)$$,
    'R13, R23, R26: the request keeps who asked and what the verdict rests on');
SELECT results_eq(
    $$SELECT x.event, x.approved, x.reason, x.message_id::text,
             o.message_id::text, x.valid_until = o.valid_until
        FROM service_provider.reload_request r
        JOIN service_provider.examination x
          ON x.examination_id = r.examination_id
        JOIN service_provider.examination o
          ON o.examination_id = x.substitutes
       WHERE r.request_id = pg_temp.last_request()$$,
    $$VALUES ('reload', true, 'score 7', 'BANKJP/METRO/1', 'BANKJP/METRO/1', true)$$,
    'R50: the substituted examination names the one that was made');
SELECT is(pg_temp.request('10000002', user_ref => 'u1'),
    'approved - BANKJP/METRO/1 100JPY substituted', 'E16: the same user');
SELECT is(pg_temp.request('10000002', user_ref => 'u2'),
    'refused (the old load is another user''s) BANKJP/METRO/1 - -',
    'E16: another user');

-- Completed, repeated, contradicted

SELECT pg_temp.request('10000002');
CREATE TEMP TABLE first AS SELECT pg_temp.last_request() AS id;
SELECT pg_temp.request('10000002');
CREATE TEMP TABLE second AS SELECT pg_temp.last_request() AS id;

SELECT lives_ok(
    $$SELECT service_provider.complete_reload(id, 'BANKJP/METRO/2', false) FROM first$$,
    'R27: the terminal fails');
SELECT results_eq(
    $$SELECT l.status::text, l.loaded_at, l.inherits::text
        FROM service_provider.find_load('BANKJP/METRO/2') l$$,
    $$VALUES ('failed', NULL::timestamptz, 'BANKJP/METRO/1')$$,
    'R27: the failed load is recorded');
SELECT results_eq(
    $$SELECT l.status::text, r.outcome::text, r.message_id::text, r.completed_at
        FROM service_provider.find_load('BANKJP/METRO/1') l
       CROSS JOIN service_provider.reload_request r
        JOIN first f ON f.id = r.request_id$$,
    $$VALUES ('loaded', 'approved', NULL::text, NULL::timestamptz)$$,
    'R27: the old load lives on and the request may be tried again');
SELECT lives_ok(
    $$SELECT service_provider.complete_reload(id, 'BANKJP/METRO/2', false) FROM first$$,
    'R27: the failure reported again');
SELECT throws_ok(
    $$SELECT service_provider.complete_reload(id, 'BANKJP/METRO/2') FROM first$$,
    'SR009', 'load "BANKJP/METRO/2" is recorded with another status',
    'R27: a permission that failed is used up');
SELECT service_provider.record_load('BANKJP/METRO/3', 'A000000001',
                                    status => 'permitted');
SELECT service_provider.set_tariff('A000000001', 'reload', 900, 'JPY');
SELECT lives_ok(
    $$SELECT service_provider.complete_reload(id, 'BANKJP/METRO/3') FROM first$$,
    'R27: the next attempt succeeds');
SELECT results_eq(
    $$SELECT l.status::text, l.inherits::text, l.card_id::text, l.user_ref,
             l.account ->> 'due', l.platform_type, l.fee, l.currency,
             l.examination_approved
        FROM service_provider.find_load('BANKJP/METRO/3') l$$,
    $$VALUES ('loaded', 'BANKJP/METRO/1', '10000002', 'u1', 'monthly', 100,
              100::numeric, 'JPY', true)$$,
    'R27, R52: the permitted record becomes the reload, at the verdict''s price');
SELECT results_eq(
    $$SELECT l.status::text, l.ended_at IS NOT NULL
        FROM service_provider.find_load('BANKJP/METRO/1') l$$,
    $$VALUES ('superseded', true)$$, 'R27: the old load is superseded');
SELECT results_eq(
    $$SELECT r.message_id::text, r.completed_at IS NOT NULL
        FROM service_provider.reload_request r JOIN first f ON f.id = r.request_id$$,
    $$VALUES ('BANKJP/METRO/3', true)$$, 'R27: and the request completed');
SELECT lives_ok(
    format('SELECT service_provider.complete_reload(id, %L, %L) FROM %I',
           t.message, t.succeeded, t.request), 'E52, E34: ' || t.name)
  FROM (VALUES
    ('completed again', 'first', 'BANKJP/METRO/3', true),
    ('the earlier failure reported again', 'first', 'BANKJP/METRO/2', false),
    ('another terminal''s request, the same permission', 'second', 'BANKJP/METRO/3', true),
    ('and again', 'second', 'BANKJP/METRO/3', true)
  ) AS t (name, request, message, succeeded);
SELECT results_eq(
    $$SELECT count(*), sum(l.fee)
        FROM service_provider.app_load l
       WHERE l.inherits = 'BANKJP/METRO/1' AND l.status = 'loaded'$$,
    $$VALUES (1::bigint, 100::numeric)$$, 'E34: one load, one charge');
SELECT throws_ok(
    format('SELECT service_provider.complete_reload(id, %L, %L) FROM %I',
           t.message, t.succeeded, t.request),
    'SR009', NULL, 'E34: contradicted by ' || t.name)
  FROM (VALUES
    ('a failure of what was loaded', 'first', 'BANKJP/METRO/3', false),
    ('another permission', 'first', 'BANKJP/METRO/4', true),
    ('a failure under another permission', 'first', 'BANKJP/METRO/4', false)
  ) AS t (name, request, message, succeeded);
SELECT throws_ok(
    $$SELECT service_provider.complete_reload(r.request_id, 'BANKJP/METRO/4')
        FROM service_provider.reload_request r
       WHERE r.outcome = 'approved' AND r.completed_at IS NULL$$,
    'SR009', 'load "BANKJP/METRO/1" is superseded already',
    'E34: an older approval cannot take the same place under another permission');
SELECT is((SELECT count(*) FROM service_provider.app_load
            WHERE message_id = 'BANKJP/METRO/4'), 0::bigint,
          'E34: and leaves nothing behind');
SELECT is(pg_temp.request('10000002'),
    'already_reloaded (the application is on this card) BANKJP/METRO/3 - -',
    'R27: the card asks again');
SELECT service_provider.record_unload('BANKJP/METRO/3');
SELECT is(pg_temp.request('10000002'),
    'not_loaded_before (the application was unloaded) - - -',
    'E3: the user had it removed: not inherited any more');

-- Which record the notice leads to

SELECT is(pg_temp.notice(2, '20000002', '20000001', 'BANKJP/METRO/20'), 'stored',
          'E22: the notice comes before the record of the load');
SELECT is(pg_temp.request('20000002'),
    'not_loaded_before (there is no record of the old load) - - -',
    'R25: no record of the load');
SELECT service_provider.record_load('BANKJP/METRO/20', 'A000000001',
                                    status => 'permitted');
SELECT is(pg_temp.request('20000002'),
    'not_loaded_before (the old load did not succeed) - - -',
    'R25: permitted only');
SELECT service_provider.record_load('BANKJP/METRO/20', 'A000000001');
SELECT is(pg_temp.request('20000002', user_ref => 'u9'),
    'approved - BANKJP/METRO/20 900JPY -',
    'E22: later the record is there; R48: no examination was ever made, none needed; no user on record, none to differ');
SELECT lives_ok(
    $$SELECT service_provider.complete_reload(pg_temp.last_request(), 'BANKJP/METRO/21')$$,
    'R27: record_load is optional');
SELECT results_eq(
    $$SELECT l.status::text, l.user_ref, l.examination_id, l.account, l.card_id::text
        FROM service_provider.find_load('BANKJP/METRO/21') l$$,
    $$VALUES ('loaded', 'u9', NULL::bigint, NULL::jsonb, '20000002')$$,
    'R48: what was never made is not made up');
SELECT service_provider.record_load('BANKJP/METRO/22', 'A000000002');
SELECT pg_temp.notice(3, '20000003', NULL, 'BANKJP/METRO/22');
SELECT is(pg_temp.request('20000003'),
    'not_loaded_before (the old load is one of another application) - - -',
    'R25: a load of another application');
SELECT service_provider.record_load('BANKJP/METRO/23', 'A000000001', status => 'failed');
SELECT pg_temp.notice(4, '20000004', NULL, 'BANKJP/METRO/23');
SELECT is(pg_temp.request('20000004'),
    'not_loaded_before (the old load did not succeed) - - -', 'R25: failed');
SELECT service_provider.record_load('BANKJP/METRO/24', 'A000000001', '20000005');
SELECT pg_temp.notice(5, '20000006', '20000005', 'BANKJP/METRO/24');
SELECT service_provider.record_unload('BANKJP/METRO/24');
SELECT is(pg_temp.request('20000006'),
    'not_loaded_before (the application was unloaded) - - -',
    'E12: unloaded from the old card');
SELECT service_provider.record_load('BANKJP/METRO/25', 'A000000001', '20000007');
SELECT pg_temp.notice(6, '20000008', '20000007', 'BANKJP/METRO/25');
SELECT service_provider.record_load('BANKJP/METRO/26', 'A000000001', '20000008', 'u5');
SELECT pg_temp.request('20000008');
SELECT lives_ok(
    $$SELECT service_provider.complete_reload(pg_temp.last_request(), 'BANKJP/METRO/26')$$,
    'R27: a reload that was recorded as an ordinary load');
SELECT results_eq(
    $$SELECT l.inherits::text, l.fee, o.status::text
        FROM service_provider.find_load('BANKJP/METRO/26') l
       CROSS JOIN service_provider.find_load('BANKJP/METRO/25') o$$,
    $$VALUES ('BANKJP/METRO/25', 900::numeric, 'superseded')$$,
    'R52: becomes the reload, at its price');

-- Gates

SELECT service_provider.record_load('BANKJP/METRO/30', 'A000000001', '30000001');
SELECT pg_temp.notice(7, '30000002', '30000001', 'BANKJP/METRO/30', reason => 'stolen');
SELECT pg_temp.request('30000002');
CREATE TEMP TABLE approved AS SELECT pg_temp.last_request() AS id;
SELECT service_provider.withdraw_application('A000000001');
SELECT is(pg_temp.request('30000002'),
    'application_withdrawn (the application is withdrawn) - - -', 'E13: withdrawn');
SELECT service_provider.register_issuer('BANKJP', 'Bank',
                                        contract_until => current_date - 1);
SELECT is(pg_temp.request('30000002'),
    format('contract_ended (the contract with the issuer ended on %s) - - -',
           current_date - 1), 'E14: the contract has ended');
SELECT lives_ok(
    $$SELECT service_provider.complete_reload(id, 'BANKJP/METRO/31') FROM approved$$,
    'E14: what was approved before and is done is recorded all the same');
SELECT is((SELECT l.fee FROM service_provider.find_load('BANKJP/METRO/31') l),
          0::numeric, 'E53: free after theft');
SELECT service_provider.register_application('A000000001', 'fare');
SELECT service_provider.register_issuer('BANKJP', 'Bank',
                                        contract_until => current_date);
SELECT is(pg_temp.request('30000002'),
    'already_reloaded (the application is on this card) BANKJP/METRO/31 - -',
    'E55: the contract holds on its last day');

-- Examination modes (R50, E49)

SELECT service_provider.record_load('BANKJP/METRO/40', 'A000000001', '40000001', 'u4',
    ROW(true, 'score 9', '1 year')::verdict);
SELECT pg_temp.notice(8, '40000002', '40000001', 'BANKJP/METRO/40');
CREATE FUNCTION pg_temp.made_at(examined timestamptz, expires timestamptz)
    RETURNS void
    LANGUAGE sql
AS $$
    UPDATE service_provider.examination x
       SET examined_at = examined, valid_until = expires
     WHERE x.message_id = 'BANKJP/METRO/40' AND x.event = 'load'
$$;
SELECT is(pg_temp.request('40000002'),
    'approved - BANKJP/METRO/40 900JPY substituted', 'R50: substitute');
SELECT pg_temp.made_at(now() - interval '2 days', now());
SELECT is(pg_temp.request('40000002'),
    'examination_required (the old examination has expired) BANKJP/METRO/40 - -',
    'E55: an examination that expires just now has expired');
SELECT pg_temp.made_at(now() - interval '2 days', NULL);
SELECT is(pg_temp.request('40000002'),
    'approved - BANKJP/METRO/40 900JPY substituted', 'R50: valid without an end');
SELECT service_provider.register_application('A000000001', 'fare',
    'substitute', '2 days 1 second');
SELECT is(pg_temp.request('40000002'),
    'approved - BANKJP/METRO/40 900JPY substituted', 'E49: not too old');
SELECT service_provider.register_application('A000000001', 'fare',
    'substitute', '2 days');
SELECT is(pg_temp.request('40000002'),
    'examination_required (the old examination is too old) BANKJP/METRO/40 - -',
    'E49: too old');
SELECT is((SELECT x.message_id::text FROM service_provider.reload_request r
             JOIN service_provider.examination x
               ON x.examination_id = r.examination_id
            WHERE r.request_id = pg_temp.last_request()), 'BANKJP/METRO/40',
          'E49: the request names the examination that was not good enough');
SELECT throws_ok(
    $$SELECT service_provider.complete_reload(pg_temp.last_request(), 'BANKJP/METRO/41')$$,
    'SR007', format('request %s is not approved', pg_temp.last_request()),
    'R50: no reload before the examination');
SELECT is(pg_temp.examine(false, 'fraud'), 'refused (fraud) BANKJP/METRO/40 - -',
          'R50: a negative examination');
SELECT is(pg_temp.examine(false, 'fraud'), 'refused (fraud) BANKJP/METRO/40 - -',
          'R50: repeated');
SELECT throws_ok($$SELECT pg_temp.examine(true)$$, 'SR009',
    format('request %s is recorded with another examination', pg_temp.last_request()),
    'R50: contradicted');
SELECT is((SELECT count(*) FROM service_provider.examination x
            WHERE x.details @> jsonb_build_object('request_id', pg_temp.last_request())),
          1::bigint, 'R50: one examination is on record');
SELECT service_provider.register_application('A000000001', 'fare', 'refer');
SELECT is(pg_temp.request('40000002'),
    'examination_required (the old examination is to be looked at) BANKJP/METRO/40 - -',
    'R50: refer');
SELECT is((SELECT x.reason FROM service_provider.reload_request r
             JOIN service_provider.examination x
               ON x.examination_id = r.examination_id
            WHERE r.request_id = pg_temp.last_request()), 'score 9',
          'R50: the request names the examination to look at');
SELECT is(pg_temp.examine(true, 'still good'),
    'approved - BANKJP/METRO/40 900JPY -', 'R50: judged anew');
SELECT results_eq(
    $$SELECT x.event, x.reason, x.message_id::text, o.reason
        FROM service_provider.reload_request r
        JOIN service_provider.examination x
          ON x.examination_id = r.examination_id
        JOIN service_provider.examination o
          ON o.examination_id = (x.details ->> 'referred_to')::bigint
       WHERE r.request_id = pg_temp.last_request()$$,
    $$VALUES ('reload', 'still good', 'BANKJP/METRO/40', 'score 9')$$,
    'R50: with the old one in its evidence');
SELECT service_provider.register_application('A000000001', 'fare', 'new');
SELECT is(pg_temp.request('40000002'),
    'examination_required (a new examination is called for) BANKJP/METRO/40 - -',
    'R50: new');
SELECT service_provider.withdraw_application('A000000001');
SELECT is(pg_temp.examine(true),
    'application_withdrawn (the application is withdrawn) BANKJP/METRO/40 - -',
    'E13: withdrawn before the examination');
SELECT service_provider.register_application('A000000001', 'fare', 'new');
SELECT pg_temp.request('40000002');
SELECT service_provider.record_unload('BANKJP/METRO/40');
SELECT is(pg_temp.examine(true),
    'not_loaded_before (the application was unloaded) - - -',
    'E3: unloaded before the examination');
SELECT service_provider.record_load('BANKJP/METRO/42', 'A000000001', '40000003');
SELECT pg_temp.notice(9, '40000004', '40000003', 'BANKJP/METRO/42');
SELECT is(pg_temp.request('40000004'),
    'examination_required (a new examination is called for) BANKJP/METRO/42 - -',
    'R48, R50: new, though none was made before');
SELECT is(pg_temp.examine(true, 'first look'),
    'approved - BANKJP/METRO/42 900JPY -', 'R50: approved by it');
SELECT service_provider.complete_reload(pg_temp.last_request(), 'BANKJP/METRO/43');
SELECT is((SELECT x.reason FROM service_provider.app_load l
             JOIN service_provider.examination x
               ON x.examination_id = l.examination_id
            WHERE l.message_id = 'BANKJP/METRO/43'), 'first look',
          'R50: the reload carries the new examination');
SELECT service_provider.register_application('A000000001', 'fare');

SELECT is(pg_temp.request('10000002'),
    'not_loaded_before (the application was unloaded) - - -', 'R24: final');
SELECT throws_ok($$SELECT pg_temp.examine(true)$$, 'SR007',
    format('request %s requires no examination', pg_temp.last_request()),
    'R50: no examination where none is required');

-- Method 2, Fig. 11: the application server carries the inquiry

SELECT service_provider.record_load('BANKJP/METRO/50', 'A000000001',
    user_ref => 'u7', examination => ROW(true, NULL, NULL)::verdict,
    platform_type => 200);
SELECT is(pg_temp.request(NULL, 200, attribute => 'ecies-x25519:27:b2e90badcafe',
                          printed_number => '0042'),
    'awaiting_reply - - - -', 'R32, Fig. 11: the reply is awaited');
CREATE TEMP TABLE inquiry AS SELECT pg_temp.last_request() AS id;
SELECT results_eq(
    $$SELECT r.method, r.card_id::text, r.attribute::text, r.printed_number,
             r.attribute_sha256 = sha256('ecies-x25519:27:b2e90badcafe')
        FROM service_provider.reload_request r
       WHERE r.request_id = pg_temp.last_request()$$,
    $$VALUES (2, NULL::text, 'ecies-x25519:27:b2e90badcafe', '0042', true)$$,
    'R33, R34: attribute and printed number are kept until then');
SELECT throws_ok(
    $$SELECT service_provider.complete_reload(id, 'BANKJP/METRO/51') FROM inquiry$$,
    'SR007', NULL, 'E44: an inquiry alone never leads to a load');
SELECT throws_ok(t.call, '22023', NULL, 'R38: ' || t.name)
  FROM (VALUES
    ('reissued without a message id', $$SELECT pg_temp.reply(200, true, NULL)$$),
    ('a message id though not reissued',
     $$SELECT pg_temp.reply(200, false, 'BANKJP/METRO/50')$$),
    ('a message id of another provider',
     $$SELECT pg_temp.reply(200, true, 'BANKJP/BUS/50')$$),
    ('a message id of another issuer',
     $$SELECT pg_temp.reply(200, true, 'OTHER/METRO/50')$$)
  ) AS t (name, call);
SELECT is(pg_temp.reply(200, true, 'BANKJP/METRO/50'),
    'approved - BANKJP/METRO/50 900JPY substituted',
    'R41: the same verdict as by method 1');
SELECT is(pg_temp.reply(200, true, 'BANKJP/METRO/50'),
    'approved - BANKJP/METRO/50 900JPY substituted', 'E33: the reply again');
SELECT throws_ok(t.call, 'SR009',
    format('request %s is recorded with another reply', pg_temp.last_request()),
    'E33: contradicted by ' || t.name)
  FROM (VALUES
    ('a negative reply', $$SELECT pg_temp.reply(200, false, NULL)$$),
    ('another message id', $$SELECT pg_temp.reply(200, true, 'BANKJP/METRO/20')$$),
    ('another platform type', $$SELECT pg_temp.reply(100, true, 'BANKJP/METRO/50')$$)
  ) AS t (name, call);
SELECT results_eq(
    $$SELECT p.platform_type, p.reissued, p.message_id::text, p.old_card_id::text,
             p.carrier
        FROM service_provider.inquiry_reply p JOIN inquiry i ON i.id = p.request_id$$,
    $$VALUES (200, true, 'BANKJP/METRO/50', NULL::text, 'application')$$,
    'R39: the reply is stored');
SELECT results_eq(
    $$SELECT r.attribute::text, r.printed_number,
             r.attribute_sha256 = sha256('ecies-x25519:27:b2e90badcafe')
        FROM service_provider.reload_request r JOIN inquiry i ON i.id = r.request_id$$,
    $$VALUES (NULL::text, NULL::text, true)$$,
    'R35: attribute and printed number are erased, the attribute''s digest stays');
SELECT service_provider.complete_reload(id, 'BANKJP/METRO/51') FROM inquiry;
SELECT results_eq(
    $$SELECT l.status::text, l.card_id::text, l.user_ref, l.platform_type, l.inherits::text
        FROM service_provider.find_load('BANKJP/METRO/51') l$$,
    $$VALUES ('loaded', NULL::text, 'u7', 200, 'BANKJP/METRO/50')$$,
    'R42, R47: reloaded without knowing the card');
SELECT pg_temp.request(NULL, 200, attribute => 'ecies-x25519:27:b2e90badcaff');
SELECT is(pg_temp.reply(200, true, 'BANKJP/METRO/50'),
    'already_reloaded (the application is on this card) BANKJP/METRO/51 - -',
    'R27: the same answer again means the same card');
SELECT pg_temp.request(NULL, 200, attribute => 'ecies-x25519:27:b2e90badcaf0');
SELECT is(pg_temp.reply(200, true, 'BANKJP/METRO/51'),
    'approved - BANKJP/METRO/51 900JPY substituted',
    'E2: the next card inherits from the reload');
SELECT pg_temp.request(NULL, 200, attribute => 'ecies-x25519:27:b2e90badcafe');
SELECT is(pg_temp.reply(200, false, NULL),
    'not_reissued (the issuer''s reply is negative) - - -', 'R36: NG');
SELECT is(pg_temp.reply(200, false, NULL),
    'not_reissued (the issuer''s reply is negative) - - -', 'R36: NG again');
SELECT throws_ok($$SELECT pg_temp.reply(200, true, 'BANKJP/METRO/51')$$, 'SR009',
    NULL, 'R36: OK after NG contradicts');
SELECT is(pg_temp.request(NULL, 200, attribute => 'ecies-x25519:27:b2e90badcafe'),
    'awaiting_reply - - - -', 'R36: a later request asks anew');
SELECT is(pg_temp.reply(200, true, 'BANKJP/METRO/9999'),
    'not_loaded_before (there is no record of the old load) - - -',
    'R41: OK, but the load is not on record');
SELECT throws_ok(
    $$SELECT pg_temp.reply(200, true, 'BANKJP/METRO/50', request => r.request_id)
        FROM service_provider.reload_request r
       WHERE r.outcome = 'contract_ended'$$,
    'SR007', NULL, 'R38: a reply that no request waits for');
SELECT service_provider.set_tariff('A000000001', 'reload', 50, 'JPY', 'lost');
SELECT pg_temp.request(NULL, 200, attribute => 'ecies-x25519:27:b2e90badcafe');
SELECT service_provider.withdraw_application('A000000001');
SELECT is(pg_temp.reply(200, true, 'BANKJP/METRO/51'),
    'application_withdrawn (the application is withdrawn) - - -',
    'E13: withdrawn before the reply');
SELECT service_provider.register_application('A000000001', 'fare');

-- Method 3, Fig. 18: the platform type decides (R43, R45)

INSERT INTO screissue.platform (platform_type, card_os, method) VALUES
    (110, 'own code, readable', 1), (210, 'own code, not readable', 2);
SELECT service_provider.record_load('BANKJP/METRO/60', 'A000000001', '60000001');
SELECT pg_temp.notice(10, '60000002', '60000001', 'BANKJP/METRO/60');
SELECT is(pg_temp.request(t.card::card_id, t.platform_type,
                          attribute => t.attribute::card_attribute),
          t.verdict, 'R45: ' || t.name)
  FROM (VALUES
    ('own code, method 1', '60000002', 110, NULL,
     'approved - BANKJP/METRO/60 50JPY -'),
    ('own code, method 2', NULL, 210, 'ecies-x25519:27:b2e90badcafe',
     'awaiting_reply - - - -'),
    ('unknown, the card is known', '60000002', 999, NULL,
     'approved - BANKJP/METRO/60 50JPY -'),
    ('unregistered code, the card is known', '60000002', 300, NULL,
     'approved - BANKJP/METRO/60 50JPY -'),
    ('no platform type, the card is known', '60000002', NULL, NULL,
     'approved - BANKJP/METRO/60 50JPY -'),
    ('unknown, the card is known, with attribute', '60000002', 999,
     'ecies-x25519:27:b2e90badcafe', 'approved - BANKJP/METRO/60 50JPY -'),
    ('unknown, the card is not known', '60000003', 999, NULL,
     'awaiting_reply - - - -'),
    ('unknown, no card id, an attribute', NULL, 999,
     'ecies-x25519:27:b2e90badcafe', 'awaiting_reply - - - -'),
    ('unknown, nothing given', NULL, 999, NULL, 'awaiting_reply - - - -'),
    ('unknown, the card is not known, with attribute', '60000003', 999,
     'ecies-x25519:27:b2e90badcafe', 'awaiting_reply - - - -')
  ) AS t (name, card, platform_type, attribute, verdict);
SELECT results_eq(
    $$SELECT r.platform_type, r.method, r.card_id::text, r.attribute IS NOT NULL
        FROM service_provider.reload_request r
       ORDER BY r.request_id DESC LIMIT 5$$,
    $$VALUES (999, 2, '60000003', true), (999, NULL, NULL, false),
             (999, 2, NULL, true), (999, NULL, '60000003', false),
             (999, 1, '60000002', false)$$,
    'R45: the method that was taken is on record');
SELECT is(pg_temp.reply(200, true, 'BANKJP/METRO/60'),
    'approved - BANKJP/METRO/60 900JPY -',
    'R45: the reply says that only the issuer may read this card''s id');
SELECT is((SELECT r.card_id FROM service_provider.reload_request r
            WHERE r.request_id = pg_temp.last_request()), NULL,
          'R42: so it is erased here');
SELECT pg_temp.request('60000004');
SELECT is(pg_temp.reply(100, true, 'BANKJP/METRO/60', '60000001'),
    'approved - BANKJP/METRO/60 900JPY -',
    'R28: a reply with a pair after not_reissued');
SELECT results_eq(
    $$SELECT n.notice_no = - r.request_id, n.kind, n.platform_type,
             n.old_card_id::text, n.new_card_id::text, n.app_id::text,
             n.message_id::text, n.carrier, r.notice_no = n.notice_no,
             p.old_card_id::text
        FROM service_provider.reissue_notice n
        JOIN service_provider.reload_request r
          ON r.request_id = pg_temp.last_request()
        JOIN service_provider.inquiry_reply p ON p.request_id = r.request_id
       WHERE n.notice_no < 0$$,
    $$VALUES (true, 'reissue', 100, '60000001', '60000004', 'A000000001',
              'BANKJP/METRO/60', 'inquiry', true, '60000001')$$,
    'R21, R29: is stored like a notice (Fig. 13)');
SELECT is(pg_temp.reply(100, true, 'BANKJP/METRO/60', '60000001'),
    'approved - BANKJP/METRO/60 900JPY -', 'R28: repeated');
SELECT is(pg_temp.request('60000004'),
    'approved - BANKJP/METRO/60 900JPY -',
    'R28: the answer on record counts from then on');
SELECT throws_ok(
    $$SELECT pg_temp.reply(100, true, 'BANKJP/METRO/60', '60000005',
                           request => r.request_id)
        FROM service_provider.reload_request r
        JOIN service_provider.inquiry_reply p ON p.request_id = r.request_id
       WHERE p.old_card_id IS NOT NULL$$,
    'SR009', NULL, 'R28: another old card contradicts');
SELECT pg_temp.request('60000006');
SELECT throws_ok(
    $$SELECT pg_temp.reply(100, true, 'BANKJP/METRO/60', '60000006')$$,
    '22023', 'card "60****06" cannot replace itself', 'E5: no pair of one card');
SELECT pg_temp.request(NULL, 210, attribute => 'ecies-x25519:27:b2e90badcafe');
SELECT is(pg_temp.reply(210, true, 'BANKJP/METRO/60', '60000001'),
    'approved - BANKJP/METRO/60 900JPY -', 'R42: an old card in a method 2 reply');
SELECT is((SELECT p.old_card_id FROM service_provider.inquiry_reply p
            WHERE p.request_id = pg_temp.last_request()), NULL,
          'R42: is not kept');

SELECT throws_ok(t.call, '22023', t.text, 'R45: ' || t.name)
  FROM (VALUES
    ('method 1 without a card id', $$SELECT pg_temp.request(NULL, 100)$$,
     'argument "card" must not be null'),
    ('method 2 without an attribute', $$SELECT pg_temp.request(NULL, 200)$$,
     'argument "attribute" must not be null'),
    ('R42: method 2 with a card id',
     $$SELECT pg_temp.request('60000002', 200, attribute => 'ecies-x25519:27:b2e90badcafe')$$,
     'card id given for platform type 200, whose ids only the issuer may read')
  ) AS t (name, call, text);

SELECT * FROM finish();
ROLLBACK;
