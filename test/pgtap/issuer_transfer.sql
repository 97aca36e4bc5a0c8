-- Transfer of an application to another provider, as after a merger (E14): rights,
-- notices and answers follow it, and what was charged stays charged
BEGIN;
\ir include/issuer.sql
SELECT plan(87);

SELECT card_issuer.set_tariff(:METRO1, 'load', 500, 'JPY'), card_issuer.set_tariff(:METRO1, 'reload', 100, 'JPY'), card_issuer.register_key(1, 'ecies-x25519')
    \g /dev/null
-- What was written to a provider about the cards NAME-x since this was last asked.
CREATE TABLE t.seen (name text, provider company_id, notice_no bigint, CONSTRAINT seen_pkey PRIMARY KEY (name, provider));
CREATE FUNCTION t.told(name text, provider company_id)
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    after_no CONSTANT bigint := coalesce((SELECT s.notice_no FROM t.seen s WHERE s.name = told.name AND s.provider = told.provider), 0);
    answer text;
BEGIN
    SELECT string_agg(format('%s %s<-%s %s', n.kind, n.new_card_id, coalesce(n.old_card_id, '?'), n.message_id), ', ' ORDER BY n.notice_no) INTO answer
      FROM card_issuer.fetch_notices(told.provider, after_no) n WHERE n.new_card_id LIKE told.name || '-%';
    INSERT INTO t.seen SELECT told.name, told.provider, k.last_notice_no FROM card_issuer.notice_counter k WHERE k.provider = told.provider
        ON CONFLICT ON CONSTRAINT seen_pkey DO UPDATE SET notice_no = excluded.notice_no;
    RETURN coalesce(answer, 'nothing');
END
$$;
CREATE FUNCTION t.told_both(name text)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT format('METRO: %s; SHOP: %s', t.told(name, 'METRO'), t.told(name, 'SHOP'))
$$;
-- Cards NAME-A, NAME-B with a season ticket on the first.
CREATE FUNCTION t.pair(name text, platform_type integer DEFAULT 100)
    RETURNS message_id
    LANGUAGE plpgsql
AS $$
DECLARE
    load message_id;
BEGIN
    PERFORM card_issuer.issue_card((name || '-A')::card_id, platform_type);
    load := t.load((name || '-A')::card_id, 'D276AB0085CD01');
    PERFORM t.reissue((name || '-A')::card_id, (name || '-B')::card_id);
    RETURN load;
END
$$;
CREATE FUNCTION t.transfer(provider company_id)
    RETURNS void
    LANGUAGE sql
AS $$
    SELECT card_issuer.transfer_application('D276AB0085CD01', provider)
$$;
CREATE FUNCTION t.asked(role_name name, card card_id)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT t.run(format('SELECT f FROM card_issuer.find_reissue(%L, %L) f', card, 'D276AB0085CD01'), role_name)
$$;

-- What there is before: a load, a permission, a reload, entitlements of two
-- platforms, and parking, which stays with METRO.
SELECT card_issuer.issue_card('FREE-A', 100), card_issuer.issue_card('WANT-A', 100) \g /dev/null
SELECT t.load('FREE-A', :METRO1) AS loaded, t.permit('WANT-A', :METRO1) AS permitted, t.pair('USED') AS old_load, t.load('USED-B', :METRO1) AS reloaded,
       t.pair('NEXT') AS next, t.pair('SEAL', 200) AS seal \gset
SELECT p.attribute FROM card_issuer.personalize_card('SEAL-B', 1) p \gset
SELECT card_issuer.issue_card('PARK-A', 100), t.load('PARK-A', :METRO2), t.load('PARK-A', :METRO1), t.reissue('PARK-A', 'PARK-B') \g /dev/null
SELECT is(t.asked('metro', 'NEXT-B') || t.asked('shop', 'NEXT-B'), format('(100,t,%s,NEXT-A)(200,f,,)', :'next'), 'E14: before: METRO is answered, SHOP is not');
SELECT is(t.run(format('SELECT i FROM card_issuer.inquire(%L, %L) i', :'attribute', :METRO1), r), answer, 'E14: before: an inquiry of ' || r)
  FROM (VALUES ('metro'::name, format('(200,t,%s)', :'seal')), ('shop', '(200,f,)')) v (r, answer);
SELECT t.told_both(n) FROM unnest('{FREE,WANT,USED,NEXT,SEAL,PARK}'::text[]) n \g /dev/null
SELECT array_agg(c::text ORDER BY c::text)::text AS charges FROM card_issuer.charge c \gset

-- Who may, and what is refused.
SELECT t.on_record() AS before \gset
SELECT t.refused(q, state, 'E14: refused: ' || q)
  FROM (VALUES ($$SELECT card_issuer.transfer_application('D276AB0085CD01', 'NOBODY')$$, 'SR002'), ($$SELECT card_issuer.transfer_application('D276AB0085CDFF', 'SHOP')$$, 'SR003'),
               ($$SELECT card_issuer.transfer_application('D276AB0085CDFF', 'NOBODY')$$, 'SR003'), ($$SELECT card_issuer.transfer_application(NULL, 'SHOP')$$, '22023'),
               ($$SELECT card_issuer.transfer_application('D276AB0085CD01', NULL)$$, '22023')) v (q, state);
SELECT t.refused($$SELECT card_issuer.transfer_application('D276AB0085CD01', 'SHOP')$$, '42501', 'E14: not a call for ' || r, r) FROM unnest('{metro,shop,auditor,nobody}'::name[]) r;
SELECT t.transfer('METRO') \g /dev/null
SELECT is(t.on_record(), :'before', 'E14: to the provider that has it: nothing changes');
SELECT t.refused(format('SELECT card_issuer.register_application(%L, %L, %L)', :METRO1, 'SHOP', 'season ticket'), '23505', 'E14: registering it for another provider is no transfer');

SELECT lives_ok($$SELECT t.run($q$SELECT card_issuer.transfer_application('D276AB0085CD01', 'SHOP')$q$, 'clerk')$$, 'E14: an operator transfers it to SHOP');
SELECT is((SELECT format('%s %s', a.provider, a.name) FROM card_issuer.application a WHERE a.app_id = :METRO1), 'SHOP season ticket', 'E14: it is that of SHOP');

-- Notices: of what is not used yet, once.
SELECT is(t.told_both('NEXT'), format('METRO: nothing; SHOP: reissue NEXT-B<-NEXT-A %s', :'next'), 'E14: SHOP is told of an entitlement not yet used, under its old id');
SELECT is(t.told_both('PARK') LIKE 'METRO: nothing; SHOP: reissue PARK-B<-PARK-A %', true, 'E14: of one of two applications, it is told of the one');
SELECT is(t.told_both(n), 'METRO: nothing; SHOP: nothing', 'E14: of others neither is told: ' || n) FROM unnest('{FREE,WANT,USED,SEAL}'::text[]) n;
SELECT t.transfer('SHOP'), card_issuer.register_provider('SHOP', 'Shop Points', 'shop', delivery => 'pull'), card_issuer.suspend_provider('SHOP'), card_issuer.resume_provider('SHOP')
    \g /dev/null
SELECT is(t.told_both('NEXT'), 'METRO: nothing; SHOP: nothing', 'E14: transferred again, registered again, resumed: once is enough');
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro'), card_issuer.suspend_provider('METRO'), card_issuer.resume_provider('METRO') \g /dev/null
SELECT is(t.told_both('NEXT'), 'METRO: nothing; SHOP: nothing', 'E14: nor is METRO told of what is not its own any more');
SELECT is((SELECT array_agg(n.notice_no ORDER BY n.notice_no) FROM card_issuer.fetch_notices('SHOP', 0) n),
          ARRAY(SELECT generate_series(1, (SELECT count(*) FROM card_issuer.fetch_notices('SHOP', 0)))), 'R20: the numbers of SHOP are dense');

-- Answers.
SELECT is(t.asked('metro', 'NEXT-B') || t.asked('shop', 'NEXT-B'), format('(200,f,,)(100,t,%s,NEXT-A)', :'next'), 'E14: Fig. 19: SHOP is answered, METRO is not');
SELECT is(t.asked('metro', 'USED-B') || t.asked('shop', 'USED-B'), format('(200,f,,)(100,t,%s,USED-A)', :'old_load'), 'E14: about one that is used, too');
SELECT is(t.run(format('SELECT i FROM card_issuer.inquire(%L, %L) i', :'attribute', :METRO1), r), answer, 'E14: Fig. 10: an inquiry of ' || r)
  FROM (VALUES ('metro'::name, '(200,f,)'), ('shop', format('(200,t,%s)', :'seal')), ('clerk', format('(200,t,%s)', :'seal'))) v (r, answer);
SELECT is((SELECT array_agg(format('%s %s', i.role, i.cause) ORDER BY i.role) FROM card_issuer.inquiry i
            WHERE i.app_id = :METRO1 AND (i.provider, i.inquiry_no) IN (SELECT x.provider, max(x.inquiry_no) FROM card_issuer.inquiry x GROUP BY x.provider)),
          '{"clerk ","metro foreign_app"}', 'E14: the cause is on record; an operator asks in the name of the new provider');

-- Rights: METRO may do nothing with it any more, before card or message is looked at.
SELECT t.refused(q, '42501', 'E14: METRO: ' || q, 'metro')
  FROM unnest(ARRAY[$$SELECT card_issuer.permit_load(app => 'D276AB0085CD01', card => 'FREE-A')$$, $$SELECT card_issuer.permit_load(app => 'D276AB0085CD01', card => 'NOWHERE-A')$$,
                    format($$SELECT card_issuer.permit_load(app => 'D276AB0085CD01', card => 'NEXT-B', reload_of => %L)$$, :'next'),
                    format($$SELECT card_issuer.permit_load(app => 'D276AB0085CD01', attribute => %L)$$, :'attribute'),
                    format('SELECT card_issuer.confirm_load(%L)', :'permitted'), format('SELECT card_issuer.confirm_load(%L, false)', :'permitted'),
                    format('SELECT card_issuer.confirm_load(%L)', :'loaded'), format('SELECT card_issuer.confirm_unload(%L)', :'loaded'),
                    format('SELECT card_issuer.confirm_unload(%L)', :'reloaded'), $$SELECT card_issuer.fetch_notices('SHOP', 0)$$]) q;
SELECT is(t.run($$SELECT p.permitted FROM card_issuer.permit_load(app => 'D276AB0085CD02', card => 'PARK-B') p$$, 'metro'), 'true', 'E14: parking is METRO''s as before');
SELECT is(t.run($$SELECT count(*) > 0 FROM card_issuer.fetch_notices('METRO', 0)$$, 'metro'), 'true', 'E14: and so are the notices that it had');
SELECT t.refused($$SELECT card_issuer.fetch_notices('METRO', 0)$$, '42501', 'E14: which are not SHOP''s', 'shop');

-- SHOP may.
SELECT is((SELECT t.run(format($$SELECT concat_ws(' ', p.permitted, p.inherits, p.fee, provider(p.message_id)) FROM card_issuer.permit_load(app => 'D276AB0085CD01', card => 'NEXT-B', reload_of => %L) p$$,
                               :'next'), 'shop')), format('t %s 100 SHOP', :'next'), 'E14: SHOP may reload what was loaded for METRO, at the price of a reload, under an id of its own');
SELECT is(t.run($$SELECT concat_ws(' ', p.permitted, p.refusal, p.message_id) FROM card_issuer.permit_load(app => 'D276AB0085CD01', card => 'FREE-A') p$$, 'shop'),
          'f already_loaded ' || :'loaded', 'E14: is told what is loaded');
SELECT is(t.run($$SELECT concat_ws(' ', p.permitted, p.message_id) FROM card_issuer.permit_load(app => 'D276AB0085CD01', card => 'WANT-A') p$$, 'shop'),
          't ' || :'permitted', 'E14: gets a permission that is outstanding');
SELECT lives_ok(format('SELECT t.run(%L, %L)', format('SELECT card_issuer.%s', q), 'shop'), 'E14: SHOP: ' || q)
  FROM unnest(ARRAY[format('confirm_load(%L)', :'permitted'), format('confirm_unload(%L)', :'loaded'), format('confirm_unload(%L)', :'reloaded')]) q;
SELECT is((SELECT string_agg(t.load_status(m)::text, ' ') FROM unnest(ARRAY[:'permitted', :'loaded', :'reloaded']::message_id[]) m), 'loaded unloaded unloaded', 'E14: which counts');
SELECT t.run(format('SELECT card_issuer.confirm_load(p.message_id) FROM card_issuer.permit_load(app => %L, card => %L) p', :METRO1, 'NEXT-B'), 'shop') \g /dev/null
SELECT is(t.load_status(:'next'), 'superseded', 'E14: and SHOP''s reload takes the place of METRO''s load');
SELECT is((SELECT array_agg(p.provider || ' ' || p.app_id) FROM card_issuer.preview_reissue('NEXT-B') p), ARRAY['SHOP ' || :METRO1], 'E14: the preview names SHOP');

-- What was charged stays charged to whom the permission was given.
SELECT is((SELECT array_agg(c::text ORDER BY c::text)::text FROM card_issuer.charge c WHERE c.provider = 'METRO' AND c.message_id <> :'permitted'), :'charges', 'R51: charges stay');
SELECT is((SELECT array_agg(format('%s %s %s', c.provider, c.kind, c.amount) ORDER BY c.provider) FROM card_issuer.charge c
            WHERE c.message_id = :'permitted' OR provider(c.message_id) = 'SHOP'), '{"METRO load 500","SHOP reload 100"}',
          'R51: a permission of METRO is charged to METRO, whoever confirms it; what SHOP asked for to SHOP');

-- What happens later is told to SHOP.
SELECT t.pair('LATER') AS later \gset
SELECT is(t.told_both('LATER'), format('METRO: nothing; SHOP: reissue LATER-B<-LATER-A %s', :'later'), 'E14: a reissue');
SELECT card_issuer.confirm_unload(:'later') \g /dev/null
SELECT is(t.told_both('LATER'), format('METRO: nothing; SHOP: withdrawal LATER-B<-? %s', :'later'), 'E14: a removal');
SELECT card_issuer.renew_card('WANT-A', today() + 30) \g /dev/null
SELECT is(t.told_both('WANT'), format('METRO: nothing; SHOP: renewal WANT-A<-? %s', :'permitted'), 'E14: a renewal');
SELECT card_issuer.withdraw_reissue('USED-B') \g /dev/null
SELECT is(t.told_both('USED'), format('METRO: nothing; SHOP: withdrawal USED-B<-? %s', :'old_load'), 'E14: a reissue of which METRO knew is withdrawn: SHOP, whose application it is, is told');

-- Forth and back: METRO is told what changed meanwhile, and that only.
SELECT t.transfer('METRO') \g /dev/null
SELECT is(t.told_both('SEAL') || ' ' || t.told_both('LATER'), 'METRO: nothing; SHOP: nothing METRO: nothing; SHOP: nothing', 'E14: back at METRO: nothing about what never was to be told, or is over');
SELECT is(t.told_both('USED'), format('METRO: withdrawal USED-B<-? %s; SHOP: nothing', :'old_load'), 'E14: what METRO had been told is withdrawn');
SELECT is(t.told_both('PARK') LIKE 'METRO: nothing; SHOP: nothing', true, 'E14: and not told again');
SELECT is(t.told_both('NEXT'), 'METRO: nothing; SHOP: nothing', 'E14: nor what SHOP has used');
SELECT is(t.asked('shop', 'PARK-B') || t.asked('metro', 'PARK-B') LIKE '(200,f,,)(100,t,BANKJP/METRO/%,PARK-A)', true, 'E14: answers are METRO''s again');
SELECT t.refused($$SELECT card_issuer.permit_load(app => 'D276AB0085CD01', card => 'PARK-B')$$, '42501', 'E14: rights are', 'shop');
SELECT t.pair('SWING') AS swing, t.told_both('SWING'), t.transfer('SHOP'), t.reissue('SWING-B', 'SWING-C'), t.transfer('METRO') \gset
SELECT is(t.told_both('SWING'), format('METRO: reissue SWING-C<-SWING-B %s; SHOP: reissue SWING-B<-SWING-A %1$s, reissue SWING-C<-SWING-B %1$s', :'swing'),
          'E14: reissued at SHOP: METRO is told of the newest card');
SELECT t.transfer('SHOP'), t.transfer('METRO'), t.transfer('SHOP') \g /dev/null
SELECT is(t.told_both('SWING'), 'METRO: nothing; SHOP: nothing', 'E14: there and back again, nothing new is told');
SELECT t.transfer('METRO') \g /dev/null

-- A load permitted to METRO, confirmed by SHOP when its card was replaced.
SELECT card_issuer.issue_card('LATE-A', 100), t.permit('LATE-A', :METRO1) AS late, t.reissue('LATE-A', 'LATE-B'), t.transfer('SHOP') \gset
SELECT t.run(format('SELECT card_issuer.confirm_load(%L)', :'late'), 'shop') \g /dev/null
SELECT is(t.told_both('LATE'), format('METRO: nothing; SHOP: reissue LATE-B<-LATE-A %s', :'late'), 'E14: confirmed late by SHOP: SHOP is told what became of it');
SELECT t.transfer('METRO') \g /dev/null
SELECT is(t.told_both('LATE'), format('METRO: reissue LATE-B<-LATE-A %s; SHOP: nothing', :'late'), 'E14: and METRO when it has it back');

-- The new provider's contract, and its delivery.
SELECT t.pair('REST') AS rest, t.told_both('REST'), card_issuer.suspend_provider('SHOP'), t.transfer('SHOP') \gset
SELECT is(t.told_both('REST') || t.asked('shop', 'REST-B') || t.asked('metro', 'REST-B'), 'METRO: nothing; SHOP: nothing(200,f,,)(200,f,,)', 'E14: to a provider whose contract rests: nobody is told');
SELECT t.refused($$SELECT card_issuer.permit_load(app => 'D276AB0085CD01', card => 'REST-B')$$, 'SR002', 'E14: no permission', 'shop');
SELECT t.refused($$SELECT card_issuer.permit_load(app => 'D276AB0085CD01', card => 'REST-B')$$, '42501', 'E14: for METRO neither', 'metro');
SELECT card_issuer.resume_provider('SHOP') \g /dev/null
SELECT is(t.told_both('REST'), format('METRO: nothing; SHOP: reissue REST-B<-REST-A %s', :'rest'), 'E14: resumed, it is told');
SELECT t.transfer('RAIL') \g /dev/null
SELECT is(t.told('REST', 'RAIL') || t.asked('rail', 'REST-B'), format('nothing(100,t,%s,REST-A)', :'rest'), 'E14: to a provider by request: it asks');
SELECT card_issuer.register_provider('RAIL', 'Rail', 'rail', 'push') \g /dev/null
SELECT is(t.told('REST', 'RAIL'), 'reissue REST-B<-REST-A ' || :'rest', 'E14: until it wants notices');
SELECT card_issuer.suspend_provider('RAIL'), card_issuer.withdraw_reissue('REST-B'), t.transfer('SHOP') \g /dev/null
SELECT is(t.told_both('REST') || ' ' || t.told('REST', 'RAIL'), format('METRO: nothing; SHOP: withdrawal REST-B<-REST-A %s nothing', :'rest'),
          'E14: withdrawn while the contract of the former provider rests: the new one, which knew of it, is told');
SELECT card_issuer.resume_provider('RAIL') \g /dev/null
SELECT is(t.told('REST', 'RAIL'), 'nothing', 'E14: the former one is not, its contract resumed');

-- An opted-out entitlement (E56), and a withdrawn application (E13).
SELECT t.pair('CHOICE') AS choice, card_issuer.set_opt_out('CHOICE-B', NULL, true), t.told_both('CHOICE'), t.transfer('METRO') \gset
SELECT is(t.told_both('CHOICE') || t.asked('metro', 'CHOICE-B'), 'METRO: nothing; SHOP: nothing(200,f,,)', 'E56: the holder has opted out: the new provider is not told either');
SELECT card_issuer.set_opt_out('CHOICE-B', NULL, false) \g /dev/null
SELECT is(t.told_both('CHOICE'), format('METRO: reissue CHOICE-B<-CHOICE-A %s; SHOP: nothing', :'choice'), 'E56: lifted: the new provider is, and the former one is not');
SELECT card_issuer.withdraw_application(:METRO1), t.transfer('SHOP') \g /dev/null
SELECT t.refused($$SELECT card_issuer.permit_load(app => 'D276AB0085CD01', card => 'CHOICE-B')$$, 'SR003', 'E13: a withdrawn application stays withdrawn', 'shop');
SELECT t.refused($$SELECT card_issuer.permit_load(app => 'D276AB0085CD01', card => 'CHOICE-B')$$, '42501', 'E13: and is another provider''s to METRO', 'metro');
SELECT is(t.asked('shop', 'CHOICE-B') || t.asked('metro', 'CHOICE-B'), '(200,f,,)(200,f,,)', 'E13: no answer to either');
SELECT t.refused(format('SELECT card_issuer.register_application(%L, %L, %L)', :METRO1, 'METRO', 'season ticket'), '23505', 'E13: METRO cannot bring it back');
SELECT card_issuer.register_application(:METRO1, 'SHOP', 'season ticket') \g /dev/null
SELECT is(t.asked('shop', 'CHOICE-B'), format('(100,t,%s,CHOICE-A)', :'choice'), 'E13: SHOP can');

-- E13b: a transit card that also was a library card: the library's service ends,
-- the transit company is merged, and 20 years later the card is reissued.
SELECT card_issuer.issue_card('OYSTER-A', 100), t.load('OYSTER-A', :METRO1) AS transit, t.load('OYSTER-A', :METRO2) AS library,
       card_issuer.withdraw_application(:METRO2), t.transfer('RAIL'), t.reissue('OYSTER-A', 'OYSTER-B') \gset
SELECT is(t.asked('rail', 'OYSTER-B'), format('(100,t,%s,OYSTER-A)', :'transit'), 'E13b, E14: the transit application moves');
SELECT is(t.run(format('SELECT f FROM card_issuer.find_reissue(%L, %L) f', 'OYSTER-B', :METRO2), 'metro'), '(200,f,,)', 'E13b: the library''s does not');
SELECT t.refused(format('SELECT card_issuer.permit_load(app => %L, card => %L)', :METRO2, 'OYSTER-B'), 'SR003', 'E13b: which is why', 'metro');

SELECT * FROM finish();
ROLLBACK;
