-- Opt-out (E56): the holder does not want a provider to be told of a reissue.
-- While that is set a provider gets of the reissued card what it would get of a
-- card that replaced none; what it was told before is withdrawn.  Issuer and
-- provider METRO live in one database, and METRO takes in its notices
BEGIN;
\ir include/issuer.sql
SELECT service_provider.setup('METRO', 'Metro Transit'), service_provider.register_issuer('BANKJP', 'Bank'),
       service_provider.register_application(:METRO1, 'season ticket') \g /dev/null
SELECT plan(176);

SELECT card_issuer.register_key(1, 'ecies-x25519'), card_issuer.set_tariff(:METRO1, 'load', 500, 'JPY'), card_issuer.set_tariff(:METRO1, 'reload', 100, 'JPY')
    \g /dev/null
-- METRO takes in what was written since it last did.
CREATE FUNCTION t.relay()
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT string_agg(DISTINCT service_provider.receive_notice(n.issuer, n.provider, n.notice_no, n.kind, n.platform_type, n.new_card_id,
                                   n.old_card_id, n.app_id, n.message_id, n.reason, n.noted_at, 'file'), ' ')
      FROM screissue.notice n
     WHERE n.provider = 'METRO'
       AND n.notice_no > (SELECT coalesce(max(i.notice_no), 0) FROM service_provider.reissue_notice i)
$$;
-- What METRO believes of the cards NAME-A, NAME-B, ...: the outcome of a request for
-- a reload on each, with what would be inherited.
CREATE FUNCTION t.belief(name text, cards text[])
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT t.relay();
    SELECT string_agg(x.card || ' ' || r.outcome || CASE WHEN r.outcome = 'approved' THEN ' ' || r.inherits ELSE '' END, ', ' ORDER BY x.card)
      FROM unnest(cards) x (card), LATERAL service_provider.request_reload('D276AB0085CD01', 'BANKJP', 100, (name || '-' || x.card)::card_id) r
$$;
-- A first card NAME-A with a season ticket.
CREATE FUNCTION t.first(name text)
    RETURNS message_id
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM card_issuer.issue_card((name || '-A')::card_id, 100);
    RETURN t.load_and_record((name || '-A')::card_id);
END
$$;
-- What was written to METRO about the cards NAME-x since this was last asked.
CREATE TABLE t.seen (name text PRIMARY KEY, notice_no bigint);
CREATE FUNCTION t.told(name text)
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    after_no CONSTANT bigint := coalesce((SELECT s.notice_no FROM t.seen s WHERE s.name = told.name), 0);
    answer text;
BEGIN
    SELECT string_agg(format('%s %s<-%s %s', n.kind, n.new_card_id, coalesce(n.old_card_id, '?'), n.message_id), ', ' ORDER BY n.notice_no) INTO answer
      FROM card_issuer.fetch_notices('METRO', after_no) n WHERE n.new_card_id LIKE told.name || '-%';
    INSERT INTO t.seen SELECT told.name, k.last_notice_no FROM card_issuer.notice_counter k WHERE k.provider = 'METRO'
        ON CONFLICT ON CONSTRAINT seen_pkey DO UPDATE SET notice_no = excluded.notice_no;
    RETURN coalesce(answer, 'nothing');
END
$$;
-- All that a provider gets when it asks about a card and an application of its
-- own; the calls leave no trace.  Message ids, of the permission and of the old
-- load, show as such.
CREATE FUNCTION t.gets(card card_id, app app_id, old_load message_id, role_name name, attribute card_attribute, by_attribute boolean)
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    answer text;
    named CONSTANT text := CASE WHEN by_attribute THEN format('attribute => %L', attribute) ELSE format('card => %L', card) END;
BEGIN
    BEGIN
        answer := concat_ws(E'\n',
            t.run(format('SELECT f FROM card_issuer.find_reissue(%L, %L) f', card, app), role_name),
            t.run(format('SELECT i FROM card_issuer.inquire(%L, %L) i', attribute, app), role_name),
            t.run(format('SELECT p FROM card_issuer.permit_load(app => %L, %s, reload_of => %L) p', app, named, old_load), role_name),
            t.run(format('SELECT p FROM card_issuer.permit_load(app => %L, %s) p', app, named), role_name),
            t.run(format('SELECT p FROM card_issuer.permit_load(app => %L, %s, reload_of => %L) p', app, named, old_load), role_name),
            t.run(format('SELECT string_agg(n::text, E''\n'') FROM card_issuer.fetch_notices(%L, 0) n WHERE %L IN (n.new_card_id, n.old_card_id)',
                         upper(role_name), card), role_name));
        RAISE SQLSTATE 'GETS0' USING MESSAGE = regexp_replace(regexp_replace(answer, old_load::text || '\M', 'OLD LOAD', 'g'), 'BANKJP/\w+/\d+', 'PERMISSION', 'g');
    EXCEPTION WHEN SQLSTATE 'GETS0' THEN
        RETURN SQLERRM;
    END;
END
$$;

-- Set before the reissue, for the whole card: each provider gets of the new card
-- what it gets of any card.
CREATE TABLE t.app (app app_id, provider text, platform_type integer);
INSERT INTO t.app SELECT a, p, t FROM (VALUES (:METRO1::app_id, 'metro'), (:METRO2, 'metro'), (:SHOP1, 'shop'), (:RAIL1, 'rail')) v (a, p), unnest('{100,200,999}'::integer[]) t;
SELECT card_issuer.issue_card(('ANY-' || p.platform_type)::card_id, p.platform_type), card_issuer.issue_card(('WHOLE' || p.platform_type || '-A')::card_id, p.platform_type),
       card_issuer.issue_card(('TOLD' || p.platform_type || '-A')::card_id, p.platform_type)
  FROM (SELECT DISTINCT a.platform_type FROM t.app a) p \g /dev/null
CREATE TABLE t.loaded AS
SELECT a.*, t.load(('WHOLE' || a.platform_type || '-A')::card_id, a.app) AS message, t.load(('TOLD' || a.platform_type || '-A')::card_id, a.app) AS told FROM t.app a;
SELECT card_issuer.set_opt_out(('WHOLE' || p.platform_type || '-A')::card_id, NULL, true) FROM (SELECT DISTINCT a.platform_type FROM t.app a) p \g /dev/null
SELECT is((SELECT array_agg(p.carrier) FROM card_issuer.preview_reissue('WHOLE100-A') p), ARRAY[NULL, NULL, NULL, NULL]::text[], 'E56: the preview: nobody would be told');
SELECT is(t.reissue(('WHOLE' || p || '-A')::card_id, ('WHOLE' || p || '-B')::card_id) || ', ' || t.reissue(('TOLD' || p || '-A')::card_id, ('TOLD' || p || '-B')::card_id),
          CASE p WHEN 100 THEN '4/0, 4/3' ELSE '4/0, 4/0' END, 'E56: platform ' || p || ': all is inherited, and nobody told')
  FROM unnest('{100,200,999}'::integer[]) p;
CREATE TABLE t.attribute AS
SELECT c.card_id, (card_issuer.personalize_card(c.card_id, 1)).attribute FROM card_issuer.card c WHERE c.status = 'active';
CREATE FUNCTION t.gets_of(name text, app app_id, provider text, platform_type integer, message message_id, by_attribute boolean)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT replace(t.gets(a.card_id, app, message, provider, a.attribute, by_attribute), a.card_id::text, 'CARD')
      FROM t.attribute a WHERE a.card_id = replace(name, '#', platform_type::text)::card_id
$$;
SELECT is(t.gets_of('WHOLE#-B', l.app, l.provider, l.platform_type, l.message, by_attribute), t.gets_of('ANY-#', l.app, l.provider, l.platform_type, l.message, by_attribute),
          format('E56: opted out, %s gets what it gets of any card: platform %s, %s%s', l.provider, l.platform_type, l.app, CASE WHEN by_attribute THEN ', by attribute' ELSE '' END))
  FROM t.loaded l, unnest('{false,true}'::boolean[]) by_attribute ORDER BY l.platform_type, l.app, by_attribute;
SELECT is((SELECT bool_and(t.gets_of('TOLD#-B', l.app, l.provider, l.platform_type, l.told, by_attribute)
                           <> t.gets_of('ANY-#', l.app, l.provider, l.platform_type, l.told, by_attribute))
             FROM t.loaded l, unnest('{false,true}'::boolean[]) by_attribute), true,
          'E56: which is another than of a card where nobody opted out');
SELECT t.run(format('SELECT i FROM card_issuer.inquire(%L, %L) i', a.attribute, :METRO1), 'metro') FROM t.attribute a WHERE a.card_id = 'WHOLE200-B' \g /dev/null
SELECT is((SELECT i.cause || ' ' || i.card_id FROM card_issuer.inquiry i WHERE i.provider = 'METRO' ORDER BY i.inquiry_no DESC LIMIT 1), 'opted_out WHOLE200-B',
          'E56, R36: the cause is on record at the issuer');
SELECT is(t.inherited('WHOLE100-B', :METRO1), NULL, 'E56: an operator who asks in the place of a provider is told no more');
SELECT is((SELECT count(*) FROM card_issuer.entitlement e WHERE e.card_id::text LIKE 'WHOLE%' AND e.opted_out_at IS NOT NULL AND e.withdrawn_at IS NULL), 12::bigint,
          'E56: the entitlements are there');
-- Lifted: it is as if it had never been.
SELECT lives_ok(format($$SELECT t.run($q$SELECT card_issuer.set_opt_out('WHOLE%s-B', NULL, false)$q$, 'clerk')$$, p), 'E56: lifted by an operator: platform ' || p)
  FROM unnest('{100,200,999}'::integer[]) p;
CREATE FUNCTION t.normal(answer text, name text, platform_type integer)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT regexp_replace(replace(answer, name || platform_type, 'NAME'), '\((BANKJP,\w+),\d+,', '(\1,N,', 'g')
$$;
SELECT is(t.normal(t.gets_of('WHOLE#-B', l.app, l.provider, l.platform_type, l.message, by_attribute), 'WHOLE', l.platform_type),
          t.normal(t.gets_of('TOLD#-B', l.app, l.provider, l.platform_type, l.told, by_attribute), 'TOLD', l.platform_type),
          format('E56: lifted, %s gets what it gets of any reissued card: platform %s, %s%s', l.provider, l.platform_type, l.app,
                 CASE WHEN by_attribute THEN ', by attribute' ELSE '' END))
  FROM t.loaded l, unnest('{false,true}'::boolean[]) by_attribute ORDER BY l.platform_type, l.app, by_attribute;

-- Some and not others.
CREATE FUNCTION t.recipients_told(card text)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT coalesce(string_agg(format('%s %s %s', n.provider, right(n.app_id, 2), n.kind), ', ' ORDER BY n.provider, n.notice_no), 'nobody')
      FROM screissue.notice n WHERE n.new_card_id = card
$$;
SELECT card_issuer.issue_card('SOME-A', 100), t.load('SOME-A', :METRO1), t.load('SOME-A', :METRO2), t.load('SOME-A', :SHOP1), t.load('SOME-A', :RAIL1),
       card_issuer.set_opt_out('SOME-A', :METRO1, true), card_issuer.set_opt_out('SOME-A', :RAIL1, true) \g /dev/null
SELECT is(t.reissue('SOME-A', 'SOME-B'), '4/2', 'E56: one of two applications of METRO, and that of RAIL');
SELECT is(t.recipients_told('SOME-B'), 'METRO 02 reissue, SHOP 01 reissue', 'E56: told of the other ones');
SELECT is(t.inherited('SOME-B', a) IS NOT NULL, told, format('E56: %s: asked, the provider %s', a, CASE WHEN told THEN 'is answered' ELSE 'is not' END))
  FROM (VALUES (:METRO1::app_id, false), (:METRO2, true), (:SHOP1, true), (:RAIL1, false)) v (a, told);
SELECT card_issuer.set_opt_out('SOME-B', :SHOP1, true), card_issuer.set_opt_out('SOME-B', :METRO1, false), card_issuer.set_opt_out('SOME-B', :RAIL1, false) \g /dev/null
SELECT is(t.recipients_told('SOME-B'), 'METRO 02 reissue, METRO 01 reissue, SHOP 01 reissue, SHOP 01 withdrawal', 'E56: one provider more, another one less');
SELECT card_issuer.set_opt_out('SOME-B', NULL, true) \g /dev/null
SELECT is(t.recipients_told('SOME-B'), 'METRO 02 reissue, METRO 01 reissue, METRO 01 withdrawal, METRO 02 withdrawal, SHOP 01 reissue, SHOP 01 withdrawal', 'E56: then the whole card: SHOP is told once');
SELECT card_issuer.set_opt_out('SOME-B', :METRO1, true), card_issuer.set_opt_out('SOME-B', :METRO1, false), card_issuer.set_opt_out('SOME-B', NULL, true) \g /dev/null
SELECT is(t.inherited('SOME-B', :METRO1), NULL, 'E56: lifted for an application, the choice for the whole card stays');
SELECT t.on_record() AS before \gset
SELECT card_issuer.set_opt_out('SOME-B', NULL, true), card_issuer.set_opt_out('SOME-B', :SHOP1, true) \g /dev/null
SELECT is(t.on_record(), :'before', 'E56: set again, nothing changes');
SELECT card_issuer.set_opt_out('SOME-B', NULL, false) \g /dev/null
SELECT is(t.recipients_told('SOME-B'), 'METRO 02 reissue, METRO 01 reissue, METRO 01 withdrawal, METRO 02 withdrawal, METRO 01 reissue, METRO 02 reissue, SHOP 01 reissue, SHOP 01 withdrawal',
          'E56: lifted for the whole card, that for SHOP stays');
SELECT t.on_record() AS before \gset
SELECT card_issuer.set_opt_out('SOME-B', NULL, false), card_issuer.set_opt_out('SOME-B', :METRO2, false) \g /dev/null
SELECT is(t.on_record(), :'before', 'E56: lifted again, nothing changes');

-- Between notice and reload.
SELECT t.first('MIDST') AS m1 \gset
SELECT t.reissue('MIDST-A', 'MIDST-B'), t.told('MIDST') \g /dev/null
SELECT is(t.belief('MIDST', '{A,B}'), 'A not_reissued, B approved ' || :'m1', 'E56: told, METRO reloads');
SELECT card_issuer.set_opt_out('MIDST-B', :METRO1, true) \g /dev/null
SELECT is(t.told('MIDST'), 'withdrawal MIDST-B<-? ' || :'m1', 'E56: set after the notice: a withdrawal');
SELECT is(t.belief('MIDST', '{A,B}'), 'A not_reissued, B entitlement_withdrawn', 'E56: METRO reloads no more');
SELECT card_issuer.set_opt_out('MIDST-B', :METRO1, false) \g /dev/null
SELECT is(t.told('MIDST'), 'reissue MIDST-B<-MIDST-A ' || :'m1', 'E56: lifted: told again');
SELECT is(t.belief('MIDST', '{A,B}'), 'A not_reissued, B approved ' || :'m1', 'E56: and METRO reloads');

-- After the reload.
SELECT t.first('AFTER') AS m1 \gset
SELECT t.reissue('AFTER-A', 'AFTER-B'), t.load_and_record('AFTER-B') AS m2, t.told('AFTER') \gset
SELECT card_issuer.set_opt_out('AFTER-B', NULL, true) \g /dev/null
SELECT is(t.told('AFTER'), 'nothing', 'E56: set after the reload: nothing is to be withdrawn');
SELECT is(t.inherited('AFTER-B', :METRO1), NULL, 'E56: but nobody is told any more, if it asks');
SELECT is(t.reissue('AFTER-B', 'AFTER-C') || ' ' || t.told('AFTER'), '1/0 nothing', 'E56: nor of the next reissue');
SELECT is(t.belief('AFTER', '{C}'), 'C not_reissued', 'E56: to METRO it is no reissued card');
SELECT t.refused($$SELECT card_issuer.set_opt_out('AFTER-B', NULL, false)$$, 'SR005', 'E56: the choice is that of the newest card');
SELECT card_issuer.set_opt_out('AFTER-C', NULL, false) \g /dev/null
SELECT is(t.told('AFTER'), 'reissue AFTER-C<-AFTER-B ' || :'m2', 'E56: lifted there: told of the newest card only');
SELECT is(t.belief('AFTER', '{C}'), 'C approved ' || :'m2', 'E56: METRO reloads');
SELECT t.first('DONE') AS m1 \gset
SELECT t.reissue('DONE-A', 'DONE-B'), t.load('DONE-B', :METRO1), card_issuer.set_opt_out('DONE-B', NULL, true), t.told('DONE'), card_issuer.set_opt_out('DONE-B', NULL, false) \g /dev/null
SELECT is(t.told('DONE') || ' ' || t.inherited('DONE-B', :METRO1), 'nothing ' || :'m1', 'E56: lifted after the reload: nothing to tell, but an answer again');

-- A chain.
SELECT t.first('CHAIN') AS m1 \gset
SELECT card_issuer.set_opt_out('CHAIN-A', :METRO1, true), t.reissue('CHAIN-A', 'CHAIN-B'), t.reissue('CHAIN-B', 'CHAIN-C') \g /dev/null
SELECT is(t.told('CHAIN') || ', ' || t.belief('CHAIN', '{B,C}'), 'nothing, B not_reissued, C not_reissued', 'E56: set on the first card, it holds for the third');
SELECT card_issuer.set_opt_out('CHAIN-C', :METRO1, false) \g /dev/null
SELECT is(t.told('CHAIN'), 'reissue CHAIN-C<-CHAIN-B ' || :'m1', 'E56: lifted there');
SELECT is(t.belief('CHAIN', '{B,C}'), 'B not_reissued, C approved ' || :'m1', 'E1: METRO reloads what is on the first');
SELECT t.first('LINK') AS m1 \gset
SELECT t.reissue('LINK-A', 'LINK-B'), card_issuer.set_opt_out('LINK-B', NULL, true), t.reissue('LINK-B', 'LINK-C') \g /dev/null
SELECT is(t.told('LINK'), format('reissue LINK-B<-LINK-A %s, withdrawal LINK-B<-? %1$s', :'m1'), 'E56: set on the second: withdrawn, and the third not told');
SELECT is(t.belief('LINK', '{A,B,C}'), 'A not_reissued, B entitlement_withdrawn, C not_reissued', 'E56: METRO knows of none');
SELECT card_issuer.set_opt_out('LINK-C', NULL, false) \g /dev/null
SELECT is(t.told('LINK') || ', ' || t.belief('LINK', '{B,C}'), format('reissue LINK-C<-LINK-B %s, B entitlement_withdrawn, C approved %1$s', :'m1'), 'E56: lifted on the third');
SELECT t.first('TAIL') AS m1 \gset
SELECT t.reissue('TAIL-A', 'TAIL-B'), t.reissue('TAIL-B', 'TAIL-C'), t.told('TAIL'), card_issuer.set_opt_out('TAIL-C', NULL, true) \g /dev/null
SELECT is(t.told('TAIL'), 'withdrawal TAIL-C<-? ' || :'m1', 'E56: set on the third: that is withdrawn');
SELECT is((SELECT string_agg(p.refusal, ' ') FROM unnest('{TAIL-A,TAIL-B}'::card_id[]) c,
                  LATERAL (SELECT t.run(format($$SELECT p.refusal FROM card_issuer.permit_load(app => 'D276AB0085CD01', card => %L, reload_of => %L) p$$, c, :'m1'), 'metro')) p (refusal)),
          'refused refused', 'E56: whatever METRO makes of the old cards, they are loaded no more');
SELECT card_issuer.confirm_unload(:'m1') \g /dev/null
SELECT is(t.told('TAIL'), 'withdrawal TAIL-B<-? ' || :'m1', 'E56, E3: removed from the first: of the second METRO had been told');
SELECT is(t.belief('TAIL', '{B,C}'), 'B entitlement_withdrawn, C entitlement_withdrawn', 'E3: it reloads on neither');
SELECT card_issuer.set_opt_out('TAIL-C', NULL, false) \g /dev/null
SELECT is(t.told('TAIL') || coalesce(t.inherited('TAIL-C', :METRO1)::text, ''), 'nothing', 'E56, E3: lifted, there is nothing to tell');

-- withdraw_reissue.
SELECT t.first('BACK') AS m1 \gset
SELECT card_issuer.set_opt_out('BACK-A', NULL, true), t.reissue('BACK-A', 'BACK-B') \g /dev/null
SELECT p.fee AS fee, coalesce(p.inherits::text, 'nothing') AS inherits, p.message_id AS m2 FROM card_issuer.permit_load(app => :METRO1, card => 'BACK-B') p \gset
SELECT is(:'fee' || ' ' || :'inherits', '500 nothing', 'E56: to METRO a load on it is a first one, and so is its price');
SELECT card_issuer.confirm_load(:'m2'), service_provider.record_load(:'m2', :METRO1, 'BACK-B', platform_type => 100) \g /dev/null
SELECT is(t.load_status(:'m1') || ' ' || t.load_status(:'m2'), 'superseded loaded', 'E56: loaded, it takes the place of the old one');
SELECT card_issuer.withdraw_reissue('BACK-B') \g /dev/null
SELECT is(t.told('BACK'), 'nothing', 'E56, E9: the reissue withdrawn, nobody is told');
SELECT is((SELECT format('%s %s %s', e.message_id, e.opted_out_at IS NOT NULL, c.opted_out_at IS NOT NULL) FROM card_issuer.entitlement e
             JOIN card_issuer.card c ON c.card_id = e.card_id WHERE e.card_id = 'BACK-A'), :'m2' || ' t t', 'E9: the load is handed back, and the choice with it');
SELECT is(coalesce(t.inherited('BACK-A', :METRO1)::text, 'nothing') || ', ' || t.belief('BACK', '{A,B}'), 'nothing, A not_reissued, B not_reissued', 'E56: of which METRO does not know');
SELECT card_issuer.set_opt_out('BACK-A', NULL, false) \g /dev/null
SELECT is(t.told('BACK'), 'withdrawal BACK-B<-BACK-A ' || :'m2', 'E56: lifted on the old card: told that the load is handed back');
SELECT is(t.belief('BACK', '{A,B}'), format('A approved %s, B entitlement_withdrawn', :'m2'), 'E9: and METRO reloads there');
SELECT t.first('IDLE') AS m1 \gset
SELECT t.reissue('IDLE-A', 'IDLE-B'), card_issuer.set_opt_out('IDLE-B', NULL, true), t.told('IDLE'), card_issuer.withdraw_reissue('IDLE-B') \g /dev/null
SELECT is(t.told('IDLE'), 'nothing', 'E56, E9: told, opted out, withdrawn: one withdrawal is enough');
SELECT is((SELECT c.opted_out_at IS NOT NULL FROM card_issuer.card c WHERE c.card_id = 'IDLE-A'), true, 'E56: the choice made on the new card goes back to the old one');
SELECT card_issuer.set_opt_out('IDLE-A', NULL, false) \g /dev/null
SELECT is(t.told('IDLE') || ' ' || t.load_status(:'m1'), 'nothing loaded', 'E56: lifted: the old card has its load, and there is nothing to tell');
-- Reloaded, opted out, withdrawn: METRO was told of the pair, and is told no more of
-- it, whatever else is called.
SELECT t.first('QUIET') AS m1 \gset
SELECT t.reissue('QUIET-A', 'QUIET-B'), t.load_and_record('QUIET-B') AS m2, t.told('QUIET') \gset
SELECT card_issuer.set_opt_out('QUIET-B', NULL, true), card_issuer.withdraw_reissue('QUIET-B') \g /dev/null
SELECT is(t.told('QUIET'), 'nothing', 'E56: reloaded, opted out and withdrawn: nothing is told');
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro'), card_issuer.suspend_provider('METRO'), card_issuer.resume_provider('METRO') \g /dev/null
SELECT is(t.told('QUIET'), 'nothing', 'E56: nor by registering METRO again, or resuming its contract');
SELECT card_issuer.set_opt_out('QUIET-A', NULL, false) \g /dev/null
SELECT is(t.told('QUIET'), 'withdrawal QUIET-B<-QUIET-A ' || :'m2', 'E56: lifted: it is');
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro') \g /dev/null
SELECT is(t.told('QUIET') || ', ' || t.belief('QUIET', '{A,B}'), format('nothing, A approved %s, B entitlement_withdrawn', :'m2'), 'E56: once');
-- Handed back, and opted out then: the withdrawal hands it back to no card.
SELECT t.first('HAND') AS m1, t.reissue('HAND-A', 'HAND-B'), t.load_and_record('HAND-B') AS m2, card_issuer.withdraw_reissue('HAND-B'), t.told('HAND') \gset
SELECT is(t.belief('HAND', '{A,B}'), format('A approved %s, B entitlement_withdrawn', :'m2'), 'E9: handed back');
SELECT card_issuer.set_opt_out('HAND-A', :METRO1, true) \g /dev/null
SELECT is(t.told('HAND'), 'withdrawal HAND-A<-? ' || :'m2', 'E56: opted out then: withdrawn, and the revoked card not named');
SELECT is(t.belief('HAND', '{A,B}'), 'A entitlement_withdrawn, B entitlement_withdrawn', 'E56: METRO reloads on neither');
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro') \g /dev/null
SELECT is(t.told('HAND'), 'nothing', 'E56: registered again, it is told no more');
SELECT card_issuer.set_opt_out('HAND-A', :METRO1, false) \g /dev/null
SELECT is(t.told('HAND') || ', ' || t.belief('HAND', '{A,B}'), format('withdrawal HAND-B<-HAND-A %s, A approved %1$s, B entitlement_withdrawn', :'m2'), 'E56: lifted: handed back again');
-- Told, opted out, then loaded on the new card, and the reissue withdrawn: what METRO
-- believes of the old card is what it always knew.
SELECT t.first('OWN') AS m1, t.reissue('OWN-A', 'OWN-B') \gset
SELECT t.permit('OWN-B', :METRO1) AS m2, card_issuer.set_opt_out('OWN-B', NULL, true), t.told('OWN') \gset
SELECT card_issuer.confirm_load(:'m2'), card_issuer.withdraw_reissue('OWN-B'), card_issuer.register_provider('METRO', 'Metro Transit', 'metro') \g /dev/null
SELECT is(t.told('OWN'), 'nothing', 'E56: handed back while set, and registered again: nothing is told');
SELECT card_issuer.set_opt_out('OWN-A', NULL, false), card_issuer.register_provider('METRO', 'Metro Transit', 'metro') \g /dev/null
SELECT is(t.told('OWN'), 'withdrawal OWN-B<-OWN-A ' || :'m2', 'E56: lifted: told once');
-- Lifted on the new card and then withdrawn, in a chain.
SELECT t.first('LIFT') AS m1 \gset
SELECT t.reissue('LIFT-A', 'LIFT-B'), card_issuer.set_opt_out('LIFT-B', NULL, true), t.reissue('LIFT-B', 'LIFT-C'), card_issuer.set_opt_out('LIFT-C', NULL, false),
       t.told('LIFT'), card_issuer.withdraw_reissue('LIFT-C') \g /dev/null
SELECT is(t.told('LIFT'), format('reissue LIFT-B<-LIFT-A %s, withdrawal LIFT-C<-LIFT-B %1$s', :'m1'), 'E56: the old card, told nothing of before, is as open as the new one was');
SELECT is(t.belief('LIFT', '{A,B,C}') || ' ' || t.inherited('LIFT-B', :METRO1), format('A not_reissued, B approved %s, C entitlement_withdrawn %1$s', :'m1'), 'E9: METRO reloads there');

-- A load confirmed late, and one removed.
SELECT card_issuer.issue_card('LATE-A', 100), t.permit('LATE-A', :METRO1) AS m1 \gset
SELECT card_issuer.set_opt_out('LATE-A', :METRO1, true), t.reissue('LATE-A', 'LATE-B'), t.reissue('LATE-B', 'LATE-C') \g /dev/null
SELECT t.run(format('SELECT card_issuer.confirm_load(%L)', :'m1'), 'metro') \g /dev/null
SELECT is(t.told('LATE') || coalesce(t.inherited('LATE-C', :METRO1)::text, ''), 'nothing', 'E56: confirmed when its card was replaced: METRO does not learn that it was');
SELECT card_issuer.set_opt_out('LATE-C', :METRO1, false) \g /dev/null
SELECT is(t.told('LATE'), 'reissue LATE-C<-LATE-B ' || :'m1', 'E56: before this is lifted');
SELECT t.first('GONE') AS m1 \gset
SELECT t.reissue('GONE-A', 'GONE-B'), card_issuer.set_opt_out('GONE-B', NULL, true), t.told('GONE'),
       t.run(format('SELECT card_issuer.confirm_unload(%L)', :'m1'), 'metro') \g /dev/null
SELECT is(t.told('GONE'), 'nothing', 'E56: removed from the old card: METRO does not learn that this mattered');
SELECT card_issuer.set_opt_out('GONE-B', NULL, false) \g /dev/null
SELECT is(t.told('GONE') || coalesce(t.inherited('GONE-B', :METRO1)::text, ''), 'nothing', 'E3: lifted, there is nothing to tell');

-- Renewal.
SELECT t.first('RENEW') AS m1, card_issuer.set_opt_out('RENEW-A', :METRO1, true), card_issuer.renew_card('RENEW-A', today() + 30) \gset
SELECT is(t.told('RENEW'), 'nothing', 'E56, E17: no notice of a renewal');
SELECT card_issuer.set_opt_out('RENEW-A', :METRO1, false), card_issuer.renew_card('RENEW-A', today() + 60) \g /dev/null
SELECT is(t.told('RENEW'), 'renewal RENEW-A<-? ' || :'m1', 'E56, E17: lifted: of the next one');

-- While the contract rests, and by request (R30).
SELECT t.first('REST') AS m1 \gset
SELECT t.reissue('REST-A', 'REST-B'), t.told('REST'), card_issuer.suspend_provider('METRO'), card_issuer.set_opt_out('REST-B', NULL, true) \g /dev/null
SELECT is(t.told('REST'), 'nothing', 'R30: set while the contract rests: not told');
SELECT card_issuer.resume_provider('METRO') \g /dev/null
SELECT is(t.told('REST'), 'withdrawal REST-B<-? ' || :'m1', 'R30: withdrawn when it goes on');
SELECT card_issuer.suspend_provider('METRO'), card_issuer.resume_provider('METRO') \g /dev/null
SELECT is(t.told('REST'), 'nothing', 'R30: once');
SELECT card_issuer.suspend_provider('METRO'), card_issuer.set_opt_out('REST-B', NULL, false), card_issuer.resume_provider('METRO') \g /dev/null
SELECT is(t.told('REST'), 'reissue REST-B<-REST-A ' || :'m1', 'R30: lifted while it rests: told when it goes on');
SELECT card_issuer.suspend_provider('METRO'), card_issuer.set_opt_out('REST-B', NULL, true), card_issuer.set_opt_out('REST-B', NULL, false),
       card_issuer.resume_provider('METRO') \g /dev/null
SELECT is(t.told('REST') || ', ' || t.belief('REST', '{B}'), 'nothing, B approved ' || :'m1', 'R30: set and lifted while it rests: nothing to tell');
SELECT card_issuer.suspend_provider('METRO'), card_issuer.set_opt_out('REST-B', NULL, true), t.reissue('REST-B', 'REST-C'), card_issuer.resume_provider('METRO') \g /dev/null
SELECT is(t.told('REST') || ', ' || t.belief('REST', '{B,C}'), format('withdrawal REST-B<-? %s, B entitlement_withdrawn, C not_reissued', :'m1'),
          'R30: set and reissued while it rests: what METRO knew is withdrawn');
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro', 'on_request'), card_issuer.set_opt_out('REST-C', NULL, false) \g /dev/null
SELECT is(t.told('REST') || ', ' || t.inherited('REST-C', :METRO1), 'nothing, ' || :'m1', 'R30: by request: lifted, METRO may ask');
SELECT card_issuer.set_opt_out('REST-C', NULL, true), card_issuer.register_provider('METRO', 'Metro Transit', 'metro', 'push') \g /dev/null
SELECT is(t.told('REST') || coalesce(t.inherited('REST-C', :METRO1)::text, ''), 'nothing', 'R30: set, and notices again: none about this');
SELECT card_issuer.set_opt_out('REST-C', NULL, false) \g /dev/null
SELECT is(t.told('REST'), 'reissue REST-C<-REST-B ' || :'m1', 'R30: lifted: one');
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro', 'on_request'), card_issuer.set_opt_out('REST-C', NULL, true),
       card_issuer.register_provider('METRO', 'Metro Transit', 'metro', 'push') \g /dev/null
SELECT is(t.told('REST'), 'withdrawal REST-C<-? ' || :'m1',
          'R30: set while by request: withdrawn with the next notices, and B does not have it back');
SELECT card_issuer.suspend_provider('METRO'), card_issuer.resume_provider('METRO') \g /dev/null
SELECT is(t.told('REST'), 'nothing', 'R30: once');

-- What METRO was not told is not withdrawn: that would tell it.  Handed back by a
-- card whose id it cannot read:
SELECT card_issuer.issue_card('SHADE-A', 100), t.reissue('SHADE-A', 'SHADE-B', 200) \g /dev/null
SELECT t.load('SHADE-B', :METRO1) AS m1 \gset
SELECT card_issuer.withdraw_reissue('SHADE-B') \g /dev/null
SELECT is(t.told('SHADE') || ', ' || t.inherited('SHADE-A', :METRO1), 'nothing, ' || :'m1', 'E9: handed back by a card of platform 200: not told');
SELECT card_issuer.set_opt_out('SHADE-A', NULL, true) \g /dev/null
SELECT is(t.told('SHADE'), 'nothing', 'E56: set: nothing to withdraw');
-- Confirmed late, when the newest card was opted out:
SELECT card_issuer.issue_card('TARDY-A', 100) \g /dev/null
SELECT t.permit('TARDY-A', :METRO1) AS m1, t.reissue('TARDY-A', 'TARDY-B'), t.reissue('TARDY-B', 'TARDY-C') \gset
SELECT card_issuer.set_opt_out('TARDY-C', :METRO1, true), card_issuer.confirm_load(:'m1') \g /dev/null
SELECT is(t.told('TARDY'), 'nothing', 'E56, E22: set and confirmed: not told');
SELECT card_issuer.withdraw_reissue('TARDY-C') \g /dev/null
SELECT is(t.told('TARDY'), 'nothing', 'E56: withdrawn: nor of the card before, which is opted out now');
SELECT card_issuer.set_opt_out('TARDY-B', :METRO1, false) \g /dev/null
SELECT is(t.told('TARDY'), 'reissue TARDY-B<-TARDY-A ' || :'m1', 'E56: lifted: told');
-- Of another load than METRO knows of, after a suspension:
SELECT t.first('STALE') AS m1 \gset
SELECT t.reissue('STALE-A', 'STALE-B') \g /dev/null
SELECT t.permit('STALE-B', :METRO1) AS m2 \gset
SELECT card_issuer.withdraw_reissue('STALE-B'), card_issuer.set_opt_out('STALE-A', :METRO1, true) \g /dev/null
SELECT is(t.told('STALE'), format('reissue STALE-B<-STALE-A %1$s, withdrawal STALE-B<-STALE-A %1$s', :'m1'), 'E9: reissued and withdrawn');
SELECT card_issuer.confirm_load(:'m2'), card_issuer.suspend_provider('METRO'), card_issuer.resume_provider('METRO') \g /dev/null
SELECT is(t.told('STALE'), 'nothing', 'E56, R30: confirmed late while set: not told, nor withdrawn when the contract goes on');

-- A permission outstanding.
CREATE FUNCTION t.permission(card card_id, reload_of message_id DEFAULT NULL)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT t.run(format($q$SELECT format('%%s %%s inherits %%s fee %%s', CASE WHEN p.permitted THEN 'permitted' ELSE p.refusal END, coalesce(p.message_id::text, '-'),
                                         coalesce(p.inherits::text, '-'), coalesce(p.fee::text, '-'))
                             FROM card_issuer.permit_load(app => 'D276AB0085CD01', card => %L, reload_of => %L) p$q$, card, reload_of), 'metro')
$$;
SELECT t.first('WAIT') AS m1, t.reissue('WAIT-A', 'WAIT-B') \gset
SELECT t.permit('WAIT-B', :METRO1) AS m2, t.told('WAIT') \gset
SELECT card_issuer.set_opt_out('WAIT-B', NULL, true) \g /dev/null
SELECT is(t.permission('WAIT-B'), format('permitted %s inherits - fee 100', :'m2'), 'E56: a permission given before stands, at its price, and inherits nothing');
SELECT is(t.permission('WAIT-B', :'m1'), 'refused - inherits - fee -', 'E56: not one for a reload');
SELECT card_issuer.set_opt_out('WAIT-B', NULL, false) \g /dev/null
SELECT is(t.permission('WAIT-B', :'m1'), format('permitted %s inherits %s fee 100', :'m2', :'m1'), 'E56: lifted, it is one again');
SELECT card_issuer.set_opt_out('WAIT-B', NULL, true), card_issuer.confirm_load(:'m2'), t.told('WAIT') \g /dev/null
SELECT is(t.load_status(:'m1') || ' ' || t.load_status(:'m2') || coalesce((SELECT l.inherits::text FROM card_issuer.find_load(:'m2') l), ''), 'superseded loaded',
          'E56: confirmed while set: loaded, and no reload');
SELECT card_issuer.set_opt_out('WAIT-B', NULL, false) \g /dev/null
SELECT is(t.told('WAIT'), 'nothing', 'E56: lifted after that: nothing to tell');
SELECT t.first('DEAR') AS m1, card_issuer.set_opt_out('DEAR-A', NULL, true), t.reissue('DEAR-A', 'DEAR-B') \gset
SELECT t.permit('DEAR-B', :METRO1) AS m2, card_issuer.set_opt_out('DEAR-B', NULL, false) \gset
SELECT is(t.permission('DEAR-B', :'m1'), format('permitted %s inherits %s fee 500', :'m2', :'m1'), 'E56: one given while set becomes a reload when it is lifted, at its price');

-- Old cards that overlap with the new one (E7): the choice is one for both.
SELECT t.first('LAP') AS m1, t.reissue('LAP-A', 'LAP-B'), card_issuer.request_reissue('LAP-B', 'upgraded'),
       card_issuer.reissue_card(old_card => 'LAP-B', new_card => 'LAP-C', overlap => '9 days'), t.reissue('LAP-C', 'LAP-D'), t.told('LAP') \gset
SELECT is(t.inherited('LAP-B', :METRO1)::text || ' ' || t.inherited('LAP-D', :METRO1)::text, :'m1' || ' ' || :'m1', 'E7: an old card overlaps; its replacement was lost in the post');
SELECT card_issuer.set_opt_out('LAP-D', NULL, true) \g /dev/null
SELECT is(coalesce(t.inherited('LAP-B', :METRO1), t.inherited('LAP-D', :METRO1)), NULL, 'E56: opted out: no answer about the one nor about the other');
SELECT is(t.permission('LAP-B', :'m1'), 'refused - inherits - fee -', 'E56: and no reload on the old one');
SELECT is(t.told('LAP'), format('withdrawal LAP-D<-? %s, withdrawal LAP-B<-? %1$s', :'m1'), 'E56: what was told of both is withdrawn');
SELECT is(split_part(t.belief('LAP', '{B,C,D}'), ', ', 1), 'B entitlement_withdrawn', 'E56: the word on the old card is the last');
SELECT card_issuer.set_opt_out('LAP-D', NULL, false) \g /dev/null
SELECT is(t.told('LAP'), format('reissue LAP-B<-LAP-A %s, reissue LAP-D<-LAP-C %1$s', :'m1'), 'E56: lifted: told again');
SELECT is(t.inherited('LAP-B', :METRO1)::text || ' ' || t.belief('LAP', '{D}'), format('%s D approved %1$s', :'m1'), 'E56: as before');
SELECT card_issuer.block_card('LAP-B', 'lost'), card_issuer.set_opt_out('LAP-D', NULL, true) \g /dev/null
SELECT is(t.told('LAP'), 'withdrawal LAP-D<-? ' || :'m1', 'E56: an old card that works no more is left as it is');

SELECT t.first('HELD') AS m1, t.told('HELD'), card_issuer.suspend_provider('METRO'), t.reissue('HELD-A', 'HELD-B'), card_issuer.request_reissue('HELD-B', 'upgraded'),
       card_issuer.reissue_card(old_card => 'HELD-B', new_card => 'HELD-C', overlap => '9 days'), card_issuer.resume_provider('METRO') \gset
SELECT is(t.told('HELD'), format('reissue HELD-C<-HELD-B %s', :'m1'), 'R30: both reissued while the contract rests: METRO is told of the newest');
SELECT card_issuer.set_opt_out('HELD-C', NULL, true) \g /dev/null
SELECT is(t.told('HELD'), format('withdrawal HELD-C<-? %s', :'m1'), 'E56: so that is withdrawn, and the one of which it does not know not named');
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro') \g /dev/null
SELECT is(t.told('HELD'), 'nothing', 'R30: nor later');
SELECT card_issuer.set_opt_out('HELD-C', NULL, false) \g /dev/null
SELECT is(t.told('HELD') || ' ' || t.inherited('HELD-B', :METRO1), format('reissue HELD-C<-HELD-B %s %1$s', :'m1'), 'E56: nor when it is lifted; asked, the issuer says so of both');
-- The same without an overlap: the second card opted out, the third not, and then.
SELECT t.first('STEP') AS m1, card_issuer.set_opt_out('STEP-A', NULL, true), t.reissue('STEP-A', 'STEP-B'), t.reissue('STEP-B', 'STEP-C'),
       card_issuer.set_opt_out('STEP-C', NULL, false), card_issuer.set_opt_out('STEP-C', NULL, true), card_issuer.register_provider('METRO', 'Metro Transit', 'metro') \gset
SELECT is(t.told('STEP'), format('reissue STEP-C<-STEP-B %s, withdrawal STEP-C<-? %1$s', :'m1'), 'E56: no notice ever tells of the second card');

-- The third card has an id that METRO cannot read: lifted, that is told of none, and
-- of the second once that is in use again, if METRO may know then.
CREATE FUNCTION t.dark(name text)
    RETURNS message_id
    LANGUAGE plpgsql
AS $$
DECLARE
    load CONSTANT message_id := t.first(name);
BEGIN
    PERFORM card_issuer.set_opt_out((name || '-A')::card_id, NULL, true);
    PERFORM t.reissue((name || '-A')::card_id, (name || '-B')::card_id), card_issuer.request_reissue((name || '-B')::card_id, 'upgraded');
    PERFORM card_issuer.reissue_card((name || '-B')::card_id, (name || '-C')::card_id, 200, overlap => '9 days');
    PERFORM card_issuer.set_opt_out((name || '-C')::card_id, NULL, false);
    RETURN load;
END
$$;
SELECT t.dark('MOON') AS m1 \gset
SELECT is(t.told('MOON'), 'nothing', 'E56: lifted, when the newest card is of platform 200: nothing to tell');
SELECT card_issuer.withdraw_reissue('MOON-C') \g /dev/null
SELECT is(t.told('MOON'), 'reissue MOON-B<-MOON-A ' || :'m1', 'E56, E9: that is withdrawn: told of the card in use again');
SELECT is(t.belief('MOON', '{B}'), 'B approved ' || :'m1', 'E56: which METRO believes');
SELECT t.dark('STAR') AS m1, card_issuer.set_opt_out('STAR-C', :METRO1, true), card_issuer.withdraw_reissue('STAR-C') \gset
SELECT is(t.told('STAR'), 'nothing', 'E56: set again before: not told');
SELECT card_issuer.set_opt_out('STAR-B', :METRO1, false) \g /dev/null
SELECT is(t.told('STAR'), 'reissue STAR-B<-STAR-A ' || :'m1', 'E56: until it is lifted');
-- Without the overlap the choice comes back with the card, and is told of once.
SELECT t.first('COMET') AS m1, card_issuer.set_opt_out('COMET-A', NULL, true), t.reissue('COMET-A', 'COMET-B'), t.reissue('COMET-B', 'COMET-C', 200),
       card_issuer.set_opt_out('COMET-C', NULL, false), card_issuer.withdraw_reissue('COMET-C') \gset
SELECT is(t.told('COMET'), 'reissue COMET-B<-COMET-A ' || :'m1', 'E56: lifted and withdrawn: told once');

-- Who, and what.
SELECT t.refused(q, state, 'E56: refused: ' || q)
  FROM (VALUES ($$SELECT card_issuer.set_opt_out('NOWHERE-A', NULL, true)$$, 'SR004'), ($$SELECT card_issuer.set_opt_out(NULL, NULL, true)$$, '22023'),
               ($$SELECT card_issuer.set_opt_out('SOME-B', 'D276AB0085CDFF', true)$$, 'SR003'), ($$SELECT card_issuer.set_opt_out('SOME-B', NULL, NULL)$$, '22023'),
               ($$SELECT card_issuer.set_opt_out('SOME-A', NULL, true)$$, 'SR005'), ($$SELECT card_issuer.set_opt_out('BACK-B', NULL, true)$$, 'SR005')) v (q, state);
SELECT throws_like($$SELECT card_issuer.set_opt_out('SOME-A', NULL, true)$$, '% is replaced, it cannot be opted out', 'E56: the error names both');
SELECT t.refused($$SELECT card_issuer.set_opt_out('SOME-B', NULL, true)$$, '42501', 'E56: no provider chooses', 'metro');
SELECT is_empty($$SELECT FROM service_provider.quarantined_notice$$, 'E56: METRO understood all that it was told');

SELECT * FROM finish();
ROLLBACK;
