-- Notices that an issuer lost and takes back from a provider (E25); this database is
-- both.  test/t/023_restore.pl has two, and a backup.
BEGIN;
\ir include/issuer.sql
SELECT plan(66);

-- A notice with some values changed, as an argument list.
CREATE FUNCTION t.call(changes jsonb DEFAULT '{}')
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT format('SELECT card_issuer.restore_notice(%L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L)',
                  n.v ->> 'issuer', n.v ->> 'provider', n.v ->> 'notice_no', n.v ->> 'kind', n.v ->> 'platform_type', n.v ->> 'new_card_id',
                  n.v ->> 'old_card_id', n.v ->> 'app_id', n.v ->> 'message_id', n.v ->> 'reason', n.v ->> 'noted_at')
      FROM (SELECT '{"issuer": "BANKJP", "provider": "METRO", "notice_no": 21, "kind": "reissue", "platform_type": 100, "new_card_id": "4111111111111129",
                     "old_card_id": "4111111111111111", "app_id": "D276AB0085CD01", "message_id": "BANKJP/METRO/1", "reason": "lost",
                     "noted_at": "2026-03-01 12:00:00.123456+00"}'::jsonb || changes AS v) n
$$;

SELECT service_provider.setup('METRO', 'Metro Transit'), service_provider.register_issuer('BANKJP', 'Bank'),
       service_provider.register_issuer('RAILBANK', 'Rail Bank'), service_provider.grant_operator('clerk') \g /dev/null

-- Notices of every kind go to the provider.
INSERT INTO screissue.platform (platform_type, method) VALUES (300, 1);
SELECT card_issuer.issue_card(('OLD-' || n)::card_id, CASE WHEN n % 3 = 0 THEN 200 ELSE 100 END), t.load(('OLD-' || n)::card_id, :METRO1),
       t.reissue(('OLD-' || n)::card_id, ('0x00FF' || lpad(n::text, 4, '0'))::card_id, CASE WHEN n % 4 = 0 THEN 300 ELSE 100 END)
  FROM generate_series(1, 16) n \g /dev/null
SELECT card_issuer.withdraw_reissue('0x00FF0004'), card_issuer.renew_card('0x00FF0005', '2099-12-31') \g /dev/null
SELECT service_provider.receive_notice(n.issuer, n.provider, n.notice_no, n.kind, n.platform_type, n.new_card_id, n.old_card_id, n.app_id,
                                       n.message_id, n.reason, n.noted_at, 'file')
  FROM screissue.notice n WHERE n.provider = 'METRO' \g /dev/null
SELECT service_provider.receive_notice('BANKJP', 'METRO', -1, 'reissue', 100, 'NEW-1', 'OLD-1', 'D276AB0085CD01', 'BANKJP/METRO/1', NULL, now(), 'inquiry') \g /dev/null
CREATE TEMP TABLE told AS SELECT n.* FROM screissue.notice n WHERE n.provider = 'METRO';
SELECT cmp_ok(count(DISTINCT (n.kind, n.old_card_id IS NULL, n.platform_type)), '>=', 5::bigint, 'notices of many kinds') FROM told n;

-- The provider returns them to the letter.
SELECT results_eq($$SELECT n::text FROM service_provider.received_notices('BANKJP', 1, 9223372036854775807) n$$,
                  'SELECT n::text FROM told n ORDER BY n.notice_no', 'E25: the provider returns what the issuer wrote, in order');
SELECT results_eq($$SELECT n.notice_no FROM service_provider.received_notices('BANKJP', 3, 5) n$$, ARRAY[3, 4, 5]::bigint[], 'E25: a range of it');
SELECT is(t.run($$SELECT count(*) FROM service_provider.received_notices('BANKJP', 1, 100)$$, 'clerk'), (SELECT count(*)::text FROM told), 'design 6: for operators');
SELECT t.refused($$SELECT service_provider.received_notices('BANKJP', 1, 100)$$, '42501', 'E60: not for ' || r, r) FROM unnest('{metro,nobody}'::name[]) r;
SELECT t.refused($$SELECT service_provider.received_notices('NOBANK', 1, 100)$$, 'SR002', 'unknown issuer');
SELECT is_empty($$SELECT service_provider.received_notices('RAILBANK', 1, 100)$$, 'nothing from another issuer');
SELECT t.refused(format('SELECT service_provider.received_notices(%s)', a), '22023', 'received_notices: ' || a)
  FROM unnest(ARRAY[$$NULL, 1, 2$$, $$'BANKJP', NULL, 2$$, $$'BANKJP', 1, NULL$$, $$'BANKJP', 0, 2$$, $$'BANKJP', 2, 1$$]) a;

-- The issuer loses the last ones.
DELETE FROM screissue.notice n WHERE n.provider = 'METRO' AND n.notice_no > 9;
SELECT t.refused(t.call(), '42501', 'E60: not for ' || r, r) FROM unnest('{clerk,auditor,metro,nobody}'::name[]) r;
SELECT t.refused(t.call(), '22023', 'E25: not before an epoch has begun');
SELECT card_issuer.begin_epoch() \g /dev/null
CREATE FUNCTION t.take_back()
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT count(*) FILTER (WHERE card_issuer.restore_notice(n.issuer, n.provider, n.notice_no, n.kind, n.platform_type, n.new_card_id, n.old_card_id,
                                                             n.app_id, n.message_id, n.reason, n.noted_at)) || ' of ' || count(*)
      FROM service_provider.received_notices('BANKJP', 1, 9223372036854775807) n
$$;
SELECT is(t.take_back(), (SELECT count(*) FILTER (WHERE n.notice_no > 9) || ' of ' || count(*) FROM told n), 'E25: the issuer takes back what it lost');
SELECT set_eq($$SELECT n::text FROM screissue.notice n WHERE n.provider = 'METRO'$$, 'SELECT n::text FROM told n', 'E25: and has what it had');
SELECT is(t.take_back(), (SELECT '0 of ' || count(*) FROM told n), 'E25: a second time it has lost nothing');
SELECT is((SELECT d::text FROM card_issuer.digest('METRO', 1, 9223372036854775807) d),
          (SELECT d::text FROM service_provider.digest('BANKJP', 1, 9223372036854775807) d), 'E59: both digests agree');
SELECT is((SELECT k.last_notice_no FROM card_issuer.notice_counter k WHERE k.provider = 'METRO'), 1099511627776, 'E25: numbers go on in the new epoch');

-- What contradicts, and what is none of the issuer's.
SELECT t.on_record() AS on_record \gset
SELECT t.refused(t.call(to_jsonb(n) || c::jsonb), 'SR009', 'E25: what is on record is not overwritten: ' || c)
  FROM told n, unnest(ARRAY['{"kind": "withdrawal"}', '{"platform_type": 101}', '{"new_card_id": "OTHER"}', '{"old_card_id": null}', '{"app_id": "D276AB0085CD02"}',
                            '{"message_id": "BANKJP/METRO/9"}', '{"reason": null}', '{"noted_at": "2026-03-01 12:00:00.123456+00"}']) c
 WHERE n.notice_no = 10;
SELECT t.refused(t.call(c::jsonb), '22023', 'E25: refused: ' || c)
  FROM unnest(ARRAY['{"issuer": "RAILBANK"}', '{"issuer": "bankjp"}', '{"provider": "metro"}', '{"notice_no": 0}', '{"notice_no": -1}',
                    '{"notice_no": 1099511627777}', '{"kind": "other"}', '{"new_card_id": "4111 1111 1111 1129"}', '{"old_card_id": "0x00ff00ff"}',
                    '{"app_id": "d276ab0085cd01"}', '{"message_id": "bankjp/METRO/1"}', '{"message_id": "RAILBANK/METRO/1"}',
                    '{"message_id": "BANKJP/METRO/1099511627777"}', '{"issuer": null}', '{"provider": null}', '{"notice_no": null}', '{"kind": null}',
                    '{"platform_type": null}', '{"new_card_id": null}', '{"app_id": null}', '{"message_id": null}', '{"noted_at": null}']) c;
SELECT t.refused(t.call(c::jsonb), '22P02', 'E25: refused: ' || c)
  FROM unnest(ARRAY['{"new_card_id": "4111111111111129!"}', '{"old_card_id": ""}', '{"app_id": "none"}', '{"message_id": "BANKJP/METRO"}']) c;
SELECT t.refused(t.call('{"provider": "NOBODY"}'), 'SR002', 'E25: a provider that the issuer does not know');
SELECT is(t.on_record(), :'on_record', 'E25: and nothing has changed');

-- What was taken back counts as told: nothing of it is said again.
SELECT card_issuer.suspend_provider('METRO'), card_issuer.resume_provider('METRO') \g /dev/null
SELECT is_empty('SELECT n.* FROM screissue.notice n WHERE n.notice_no > 1099511627776', 'E25: the issuer knows what it has told');
SELECT is(t.run(t.call()), 'true', 'E25: a notice of a load and cards that nobody knows any more is put on record');
SELECT is((SELECT n::text FROM screissue.notice n WHERE n.notice_no = 21),
          '(BANKJP,METRO,21,reissue,100,4111111111111129,4111111111111111,D276AB0085CD01,BANKJP/METRO/1,lost,"2026-03-01 12:00:00.123456+00")', 'E25: as it is');


-- A notice that a provider made up gives nobody anything: its own load is not
-- inherited by the card that it names, and no other provider hears of it.
SELECT card_issuer.issue_card('MADE-UP', 100) \g /dev/null
SELECT is(t.run(t.call('{"notice_no": 22, "new_card_id": "MADE-UP", "old_card_id": "OLD-7"}')), 'true', 'E25: a notice that was made up');
SELECT is((SELECT f.reissued FROM card_issuer.find_reissue('MADE-UP', :METRO1) f), false, 'E25: gives its card nothing');
SELECT is((SELECT p.inherits FROM card_issuer.permit_load(:METRO1, card => 'MADE-UP') p), NULL, 'E25: no reload, either');
SELECT is_empty($$SELECT n.* FROM card_issuer.fetch_notices('SHOP', 0) n WHERE n.new_card_id = 'MADE-UP'$$, 'E25: and tells nobody else');

SELECT finish();
ROLLBACK;
