-- Epochs: numbers after a restore are new ones (E25, E26); test/specs/begin_epoch.spec
-- has it beside other calls, test/t/017_completeness.pl after a restore
BEGIN;
\ir include/issuer.sql
SELECT plan(47);

-- What the numbers are now: epoch and n of each, or nothing.
CREATE FUNCTION t.split(number bigint)
    RETURNS text
    LANGUAGE sql
AS $$ SELECT (number >> 40) || '+' || (number & 1099511627775) $$;
CREATE FUNCTION t.epoch()
    RETURNS integer
    LANGUAGE sql
AS $$ SELECT s.epoch FROM card_issuer.self s $$;
CREATE FUNCTION t.counter(provider company_id)
    RETURNS text
    LANGUAGE sql
AS $$ SELECT t.split(k.last_notice_no) FROM card_issuer.notice_counter k WHERE k.provider = counter.provider $$;
-- A card with METRO1 and SHOP1 is reissued; returns the numbers that this took.
CREATE FUNCTION t.story(name text)
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    old CONSTANT card_id := name || '-OLD';
    new CONSTANT card_id := name || '-NEW';
BEGIN
    PERFORM card_issuer.issue_card(old, 100);
    PERFORM t.load(old, 'D276AB0085CD01');
    PERFORM t.load(old, 'D276AC0001EF01');
    PERFORM t.reissue(old, new);
    RETURN (SELECT format('messages %s request %s examinations %s',
                          (SELECT string_agg(t.split(sequence(l.message_id)), ' ' ORDER BY l.message_id) FROM card_issuer.app_load l WHERE l.card_id = old),
                          (SELECT t.split(r.request_id) FROM card_issuer.reissue_request r WHERE r.old_card_id = old),
                          (SELECT string_agg(t.split(x.examination_id), ' ' ORDER BY x.examination_id) FROM card_issuer.examination x WHERE x.card_id = old)))
        || (SELECT ' notices ' || string_agg(n.provider || ' ' || t.split(n.notice_no), ' ' ORDER BY n.provider)
              FROM screissue.notice n WHERE n.new_card_id = new::text);
END
$$;

-- Epoch 0
SELECT is(t.epoch(), 0, 'E25: an issuer starts with epoch 0');
SELECT is(t.story('A'), 'messages 0+1 0+2 request 0+1 examinations 0+1 0+2 0+3 notices METRO 0+1 SHOP 0+1', 'E25: the first numbers of epoch 0');
INSERT INTO card_issuer.reissue_batch (reason) VALUES ('lost');
SELECT card_issuer.issue_card('OPEN', 100) \g /dev/null
SELECT t.permit('OPEN', :METRO1) AS open \gset
SELECT card_issuer.register_key(2, 'ecies-p256') \g /dev/null
SELECT p.attribute FROM card_issuer.personalize_card('A-NEW', 2) p \gset
SELECT i.reissued FROM card_issuer.inquire(:'attribute', :METRO1) i \g /dev/null

-- Who may
SELECT t.refused('SELECT card_issuer.begin_epoch()', '42501', 'E60: ' || r || ' begins no epoch', r)
  FROM unnest('{clerk,auditor,metro,nobody}'::name[]) r;
SELECT is(t.epoch(), 0, 'E25: and none has begun');

-- A call that is taken back begins none.
CREATE FUNCTION t.begin_in_vain()
    RETURNS text
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM card_issuer.begin_epoch();
    RAISE division_by_zero;
EXCEPTION WHEN division_by_zero THEN
    RETURN format('%s %s %s', t.epoch(), t.counter('METRO'), t.split(nextval('card_issuer.message_sequence')));
END
$$;
SELECT is(t.begin_in_vain(), '0 0+1 0+4', 'E25: a rollback leaves epoch, counters and sequences as they are');

-- Epoch 1
SELECT lives_ok('SELECT card_issuer.begin_epoch()', 'E25: begin_epoch');
SELECT is(t.epoch(), 1, 'E25: it is one more');
SELECT is(t.counter(p), '1+0', 'E25: the counter of ' || p || ' is before the first number')
  FROM unnest('{METRO,SHOP,RAIL}'::company_id[]) p;
SELECT is(t.story('B'), 'messages 1+1 1+2 request 1+1 examinations 1+1 1+2 1+3 notices METRO 1+1 SHOP 1+1', 'E25: the first number of epoch 1 is 2^40 + 1');
SELECT is((SELECT min(n.notice_no) FROM screissue.notice n WHERE n.notice_no > 1000), 1099511627777, 'E25: which is 1099511627777');
INSERT INTO card_issuer.reissue_batch (reason) VALUES ('stolen');
SELECT is((SELECT string_agg(t.split(b.batch_id), ' ' ORDER BY b.batch_id) FROM card_issuer.reissue_batch b), '0+1 1+1', 'E25: batches, too');
SELECT is(card_issuer.inquiries_made('BANKJP') + card_issuer.inquiries_made('METRO'), 1::bigint, 'E25: inquiry numbers count inquiries: they go on');

-- What was begun in the old epoch goes on.
SELECT is(t.permit('OPEN', :METRO1), :'open', 'E25: a permission that is outstanding is given again under its id');
SELECT lives_ok(format('SELECT card_issuer.confirm_load(%L)', :'open'), 'E25: and confirmed');
SELECT is(t.reissue('OPEN', 'OPEN-2'), '1/1', 'E25: its card is reissued');
SELECT is((SELECT format('%s %s', t.split(n.notice_no), n.message_id) FROM screissue.notice n WHERE n.new_card_id = 'OPEN-2'),
          '1+2 ' || :'open', 'E25: a notice of epoch 1 names a permission of epoch 0');

-- Mass reissue and a provider that comes new
SELECT card_issuer.issue_card('M-1', 100), card_issuer.issue_card('M-2', 100), t.load('M-1', :METRO1), t.load('M-2', :METRO1) \g /dev/null
SELECT is((SELECT r::text FROM card_issuer.reissue_cards('{M-1,M-2}', '{N-1,N-2}', 'compromised') r), '(2,2,2)', 'E25: a mass reissue');
SELECT is(t.counter('METRO'), '1+4', 'E25: numbers densely in the epoch');
CREATE ROLE tram;
SELECT card_issuer.register_provider('TRAM', 'Tram', 'tram') \g /dev/null
SELECT is(t.counter('TRAM'), '1+0', 'E25: a provider that comes new starts in the epoch');
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro') \g /dev/null
SELECT is(t.counter('METRO'), '1+4', 'E25: one that is there goes on');

-- At the provider: both epochs side by side.
SELECT service_provider.setup('METRO', 'Metro Transit'), service_provider.register_issuer('BANKJP', 'Bank') \g /dev/null
CREATE FUNCTION t.send()
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT string_agg(DISTINCT service_provider.receive_notice(n.issuer, n.provider, n.notice_no, n.kind, n.platform_type, n.new_card_id,
               n.old_card_id, n.app_id, n.message_id, n.reason, n.noted_at, 'file'), ' ')
      FROM screissue.notice n WHERE n.provider = 'METRO'
$$;
SELECT is(t.send(), 'stored', 'E25: the provider takes in notices of both epochs');
SELECT is((SELECT count(*) FROM service_provider.missing_notices('BANKJP')), 0::bigint, 'E25: and misses none');
SELECT is((SELECT count(*) FROM service_provider.reissue_notice n), 5::bigint, 'E25: all of them');
-- The restored issuer has lost what the provider has.
DELETE FROM screissue.notice n WHERE n.notice_no = 1;
SELECT is(t.send(), 'duplicate', 'E25: what the issuer has lost contradicts nothing');
SELECT is((SELECT count(*) FROM service_provider.missing_notices('BANKJP')), 0::bigint, 'E25: nor is it missing');
SELECT is((SELECT d.notices FROM service_provider.digest('BANKJP', 1, 1099511627776) d) - (SELECT d.notices FROM card_issuer.digest('METRO', 1, 1099511627776) d),
          1::bigint, 'E59: the digests of the old epoch show it');
SELECT is((SELECT d FROM service_provider.digest('BANKJP', 1099511627777, 2199023255552) d), (SELECT d FROM card_issuer.digest('METRO', 1099511627777, 2199023255552) d),
          'E59: those of the new one agree');

-- Later epochs: one more, or more than one that others have seen.
SELECT card_issuer.begin_epoch() \g /dev/null
SELECT is(t.story('C'), 'messages 2+1 2+2 request 2+1 examinations 2+1 2+2 2+3 notices METRO 2+1 SHOP 2+1', 'E25: epoch 2');
SELECT card_issuer.begin_epoch(after_epoch => 6) \g /dev/null
SELECT is(t.epoch(), 7, 'E25: an older backup that is restored again: after the last epoch that others know');
SELECT card_issuer.begin_epoch(after_epoch => 3) \g /dev/null
SELECT is(t.epoch(), 8, 'E25: never back');
SELECT is(t.story('D'), 'messages 8+1 8+2 request 8+1 examinations 8+1 8+2 8+3 notices METRO 8+1 SHOP 8+1', 'E25: epochs may be left out');
SELECT is(t.send(), 'duplicate stored', 'E25: the provider takes them in');
SELECT is((SELECT count(*) FROM service_provider.missing_notices('BANKJP')), 0::bigint, 'E25: no jump is a gap');

-- The ends
SELECT card_issuer.issue_card('E-1', 100), setval('card_issuer.message_sequence', (9::bigint << 40) - 2) \g /dev/null
SELECT is(t.split(sequence(t.permit('E-1', :METRO1))), '8+1099511627775', 'E26: the last number of an epoch');
SELECT throws_ok(format('SELECT t.permit(%L, %L)', 'E-1', :METRO2), '2200H', NULL, 'E26: none follows: it does not run into the next epoch');
SELECT card_issuer.begin_epoch(4194302) \g /dev/null
SELECT is(t.story('F'), 'messages 4194303+1 4194303+2 request 4194303+1 examinations 4194303+1 4194303+2 4194303+3 notices METRO 4194303+1 SHOP 4194303+1',
          'E26: the last epoch of all');
SELECT t.refused('SELECT card_issuer.begin_epoch()', '54000', 'E26: none follows');
SELECT is(t.epoch(), 4194303, 'E26: it stays');
SELECT is((SELECT count(*) FROM screissue.notice n WHERE n.notice_no <= 0), 0::bigint, 'E26: no number is negative');

-- Every number once, in all epochs: never reused.
SELECT is((SELECT count(*) FROM card_issuer.app_load), (SELECT count(DISTINCT l.message_id) FROM card_issuer.app_load l), 'E25: no message id is there twice');
SELECT is((SELECT count(*) FROM card_issuer.examination), (SELECT count(DISTINCT x.examination_id) FROM card_issuer.examination x), 'E25: nor an examination id');
SELECT is((SELECT count(*) FROM card_issuer.reissue_request), (SELECT count(DISTINCT r.request_id) FROM card_issuer.reissue_request r), 'E25: nor a request id');

SELECT * FROM finish();
ROLLBACK;
