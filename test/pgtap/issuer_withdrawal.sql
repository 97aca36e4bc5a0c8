-- What is withdrawn: entitlements, reissues, permissions outstanding and open
-- requests, and what the provider is told of it.  Issuer and provider METRO live
-- in one database, and METRO takes in its notices (E3, E9, E14, E32, R16, R30)
BEGIN;
\ir include/issuer.sql
SELECT service_provider.setup('METRO', 'Metro Transit'), service_provider.register_issuer('BANKJP', 'Bank'),
       service_provider.register_application(:METRO1, 'season ticket') \g /dev/null
SELECT plan(136);

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
-- What METRO answers to the holder of a card: the outcome and what it inherits.
CREATE FUNCTION t.reload(card card_id)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT concat_ws(' ', r.outcome, r.inherits) FROM service_provider.request_reload('D276AB0085CD01', 'BANKJP', 100, card) r
$$;
-- The notices of METRO about the cards NAME-x since a number, without their own
-- numbers.
CREATE FUNCTION t.told(name text, after_no bigint)
    RETURNS text[]
    LANGUAGE sql
AS $$
    SELECT ARRAY(SELECT regexp_replace(x.notice, '^\d+ ', '')
                   FROM unnest(t.notices('METRO', after_no)) WITH ORDINALITY x (notice, n)
                  WHERE x.notice LIKE '% ' || name || '-%'
                  ORDER BY x.n)
$$;
CREATE FUNCTION t.last_no()
    RETURNS bigint
    LANGUAGE sql
AS $$
    SELECT coalesce(max(n.notice_no), 0) FROM screissue.notice n WHERE n.provider = 'METRO'
$$;
-- A first card with a load, and two that replaced it in turn.
CREATE FUNCTION t.chain(name text, cards text[] DEFAULT '{A,B,C}')
    RETURNS message_id
    LANGUAGE plpgsql
AS $$
DECLARE
    load message_id;
BEGIN
    PERFORM card_issuer.issue_card((name || '-' || cards[1])::card_id, 100);
    load := t.load_and_record((name || '-' || cards[1])::card_id);
    FOR n IN 2 .. cardinality(cards) LOOP
        PERFORM t.reissue((name || '-' || cards[n - 1])::card_id, (name || '-' || cards[n])::card_id);
    END LOOP;
    RETURN load;
END
$$;
CREATE FUNCTION t.permission(card card_id, reload_of message_id DEFAULT NULL)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT format('%s %s inherits %s fee %s', CASE WHEN p.permitted THEN 'permitted' ELSE p.refusal END, coalesce(p.message_id::text, '-'),
                  coalesce(p.inherits::text, '-'), coalesce(p.fee::text, '-'))
      FROM card_issuer.permit_load(app => 'D276AB0085CD01', card => card, reload_of => reload_of) p
$$;
SELECT card_issuer.set_tariff(:METRO1, 'load', 500, 'JPY'), card_issuer.set_tariff(:METRO1, 'reload', 100, 'JPY') \g /dev/null

-- E3: reloaded on C and removed there; then C is withdrawn.  B does not get
-- back what it had passed on.
SELECT t.chain('GONE') AS m1 \gset
SELECT * FROM card_issuer.permit_load(app => :METRO1, card => 'GONE-C', reload_of => :'m1') \gset m2_
SELECT is(:'m2_inherits'::text, :'m1', 'E1: C inherits the load on A');
SELECT card_issuer.confirm_load(:'m2_message_id'), t.relay() \g /dev/null
SELECT service_provider.record_load(:'m2_message_id', :METRO1, 'GONE-C', platform_type => 100), service_provider.record_unload(:'m2_message_id'),
       card_issuer.confirm_unload(:'m2_message_id') \g /dev/null
SELECT t.last_no() AS last \gset
SELECT lives_ok($$SELECT card_issuer.withdraw_reissue('GONE-C')$$, 'E9: C is withdrawn');
SELECT is((SELECT f::text FROM card_issuer.find_reissue('GONE-B', :METRO1) f), '(200,f,,)', 'E3: B inherits nothing: the application was removed from C');
SELECT is(t.permission('GONE-B', :'m1'), 'not_inherited - inherits - fee -', 'E3: no permission to load it on B in place of that on A');
SELECT is(regexp_replace(t.told('GONE', :last)::text, ' BANKJP/METRO/\d+', '', 'g'), '{"withdrawal GONE-C<-?","withdrawal GONE-B<-?"}',
          'E3: withdrawals of C and B, of which none says that an older card has it back');
SELECT is(t.relay(), 'stored', 'R20: METRO is told');
SELECT is(t.reload('GONE-B'), 'entitlement_withdrawn', 'E3: and reloads nothing on B');
SELECT is(t.reload('GONE-C'), 'entitlement_withdrawn', 'E3: nor on C');
SELECT is(t.card_status('GONE-B') || ' ' || t.card_status('GONE-C'), 'active revoked', 'E9: though B is in use again');
SELECT is(t.load_status(:'m1') || ' ' || t.load_status(:'m2_message_id'), 'superseded unloaded', 'E3: no load lives');
SELECT t.last_no() AS last \gset
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro'), card_issuer.suspend_provider('METRO'), card_issuer.resume_provider('METRO') \g /dev/null
SELECT is(t.told('GONE', :last), '{}'::text[], 'R30: registered and resumed, METRO has been told all');

-- E3: the same, and loaded on C anew: that is handed back.
SELECT t.chain('ANEW') AS m1 \gset
SELECT t.load('ANEW-C', :METRO1) AS m2 \gset
SELECT card_issuer.confirm_unload(:'m2') \g /dev/null
SELECT t.load('ANEW-C', :METRO1) AS m3 \gset
SELECT card_issuer.withdraw_reissue('ANEW-C') \g /dev/null
SELECT is(t.inherited('ANEW-B', :METRO1)::text, :'m3', 'E9: loaded anew on C after it was removed: handed back to B');

-- E3: removed from the last of four cards; then that one and the one before it
-- are withdrawn.
SELECT t.chain('CUT', '{A,B,C,D}') AS m1 \gset
SELECT t.load_and_record('CUT-D') AS m2 \gset
SELECT card_issuer.confirm_unload(:'m2'), service_provider.record_unload(:'m2'), t.relay(), t.last_no() AS last \gset
SELECT card_issuer.withdraw_reissue('CUT-D'), card_issuer.withdraw_reissue('CUT-C') \g /dev/null
SELECT is(t.inherited('CUT-B', :METRO1), NULL, 'E3: the card that is in use again inherits nothing');
SELECT is(ARRAY(SELECT regexp_replace(n, ' BANKJP.*', '') FROM unnest(t.told('CUT', :last)) n),
          ARRAY['withdrawal CUT-D<-?', 'withdrawal CUT-C<-?', 'withdrawal CUT-B<-?'], 'E3: of each card METRO is told once');

-- E9: reloaded on C; then C is withdrawn, and B.
SELECT t.relay(), t.chain('TWO') AS m1 \gset
SELECT t.load_and_record('TWO-C') AS m2 \gset
SELECT card_issuer.withdraw_reissue('TWO-C'), card_issuer.withdraw_reissue('TWO-B') \g /dev/null
SELECT is(t.inherited('TWO-A', :METRO1)::text, :'m2', 'E9: what was handed back to B is handed back to A');
SELECT is((SELECT e.hops FROM card_issuer.entitlement e WHERE e.card_id = 'TWO-A'), 2, 'E9: over two reissues');
SELECT is(t.relay() || ', ' || t.reload('TWO-A'), 'stored, approved ' || :'m2', 'E9: which is what METRO was told');
SELECT matches(t.permission('TWO-A', :'m2'), '^permitted ', 'E9: and what the issuer permits');

-- E9: two withdrawn cards on which the application was loaded; the one confirmed
-- last is handed back in place of the other.
SELECT t.chain('PAIR', '{A,B}'), t.permit('PAIR-B', :METRO2) AS m1, card_issuer.withdraw_reissue('PAIR-B') \gset
SELECT t.reissue('PAIR-A', 'PAIR-C'), t.load('PAIR-C', :METRO2) AS m2, card_issuer.withdraw_reissue('PAIR-C') \gset
SELECT card_issuer.confirm_load(:'m1') \g /dev/null
SELECT is(t.inherited('PAIR-A', :METRO2)::text, :'m1', 'E9: a load confirmed late takes the place of one handed back before');
SELECT is(t.load_status(:'m1') || ' ' || t.load_status(:'m2'), 'loaded superseded', 'E9: which is superseded: no card could reload it');
SELECT t.relay() \g /dev/null

-- E3: removed from A, nothing reloaded: no card of the chain inherits it.
SELECT t.relay() \g /dev/null
SELECT t.last_no() AS last \gset
SELECT t.chain('FREE') AS m1 \gset
SELECT t.relay() \g /dev/null
SELECT is(t.reload('FREE-B') || ', ' || t.reload('FREE-C'), 'card_replaced, approved ' || :'m1', 'R24: before');
SELECT card_issuer.confirm_unload(:'m1') \g /dev/null
SELECT is(t.told('FREE', :last), ARRAY['reissue FREE-B<-FREE-A ' || :'m1', 'reissue FREE-C<-FREE-B ' || :'m1',
                               'withdrawal FREE-C<-? ' || :'m1', 'withdrawal FREE-B<-? ' || :'m1'],
          'E3: withdrawals, the newest heir first');
SELECT t.last_no() AS last \gset
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro') \g /dev/null
SELECT is(t.told('FREE', :last), '{}'::text[], 'R30: registered again unchanged, METRO gets no more');
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro', 'on_request'), card_issuer.register_provider('METRO', 'Metro Transit', 'metro') \g /dev/null
SELECT is(t.told('FREE', :last), '{}'::text[], 'R30: nor when delivery was on request for a while');
SELECT is(t.relay(), 'stored', 'R20: METRO is told');
SELECT is(t.reload(('FREE-' || c)::card_id), 'entitlement_withdrawn', 'E3: METRO reloads nothing on ' || c) FROM unnest('{B,C}'::text[]) c;
SELECT is(t.inherited(('FREE-' || c)::card_id, :METRO1), NULL, 'E3: the issuer says the same of ' || c) FROM unnest('{B,C}'::text[]) c;

-- R30: a longer chain, the removal held back by a suspension.
SELECT t.chain('HELD', '{A,B,C,D}') AS m1 \gset
SELECT t.last_no() AS last \gset
SELECT card_issuer.suspend_provider('METRO'), card_issuer.confirm_unload(:'m1') \g /dev/null
SELECT is(t.told('HELD', :last), '{}'::text[], 'R30: suspended, METRO is told nothing');
SELECT card_issuer.resume_provider('METRO') \g /dev/null
SELECT is(t.told('HELD', :last), ARRAY['withdrawal HELD-D<-? ' || :'m1', 'withdrawal HELD-C<-? ' || :'m1', 'withdrawal HELD-B<-? ' || :'m1'],
          'R30: resumed, it gets the withdrawals in that order');
SELECT t.relay() \g /dev/null
SELECT is(t.reload(('HELD-' || c)::card_id), 'entitlement_withdrawn', 'E3: and reloads nothing on ' || c) FROM unnest('{B,C,D}'::text[]) c;

-- E14, R30: a reissue withdrawn while the contract rests, with a reload on the
-- new card and without.
CREATE FUNCTION t.withdrawn_in_suspension(name text, reloaded boolean, OUT handed_back text, OUT notices text[], OUT told_again text[], OUT outcome text)
    LANGUAGE plpgsql
AS $$
DECLARE
    load message_id := t.chain(name, '{A,B}');
    last bigint;
BEGIN
    IF reloaded THEN
        load := t.load_and_record((name || '-B')::card_id);
    END IF;
    PERFORM t.relay();
    last := t.last_no();
    PERFORM card_issuer.suspend_provider('METRO');
    PERFORM card_issuer.withdraw_reissue((name || '-B')::card_id);
    IF t.last_no() <> last THEN
        RAISE 'told while suspended';
    END IF;
    PERFORM card_issuer.resume_provider('METRO');
    handed_back := load;
    notices := t.told(name, last);
    PERFORM t.relay();
    outcome := t.reload((name || '-A')::card_id) || ', ' || t.reload((name || '-B')::card_id);
    last := t.last_no();
    PERFORM card_issuer.register_provider('METRO', 'Metro Transit', 'metro');
    told_again := t.told(name, last);
END
$$;
SELECT x.handed_back AS moved, x.notices::text AS moved_notices, x.told_again::text AS moved_again, x.outcome AS moved_outcome FROM t.withdrawn_in_suspension('MOVED', true) x \gset
SELECT is(:'moved_notices'::text, ARRAY['withdrawal MOVED-B<-MOVED-A ' || :'moved']::text, 'R30: withdrawn while suspended: one withdrawal, which hands back the reload');
SELECT is(:'moved_again'::text, '{}', 'R30: and no call writes it again');
SELECT is(t.inherited('MOVED-A', :METRO1)::text, :'moved', 'E9: to which the old card is entitled');
SELECT is(:'moved_outcome'::text, format('approved %s, entitlement_withdrawn', :'moved'), 'E9: and METRO reloads it on the old card only');
SELECT x.handed_back AS unmoved, x.notices::text AS unmoved_notices, x.told_again::text AS unmoved_again, x.outcome AS unmoved_outcome FROM t.withdrawn_in_suspension('UNMOVED', false) x \gset
SELECT is(:'unmoved_notices'::text, ARRAY['withdrawal UNMOVED-B<-UNMOVED-A ' || :'unmoved']::text, 'R30: without a reload: one withdrawal, which names the old card''s load');
SELECT is(:'unmoved_again'::text, '{}', 'R30: and no call writes it again');
SELECT is(t.load_status(:'unmoved') || coalesce(t.inherited('UNMOVED-A', :METRO1)::text, ''), 'loaded', 'E9: which is on the old card still');
SELECT matches(:'unmoved_outcome'::text, ', entitlement_withdrawn$', 'E9: METRO reloads nothing on the withdrawn card');

-- E9: the confirmation comes after the withdrawal: the load is handed back, and
-- METRO is told so: a withdrawal, for there is no reissue of the old card.
SELECT t.chain('SLOW', '{A,B}') AS m1 \gset
SELECT t.permit('SLOW-B', :METRO1) AS m2 \gset
SELECT card_issuer.withdraw_reissue('SLOW-B') \g /dev/null
SELECT t.relay() \g /dev/null
SELECT t.last_no() AS last \gset
SELECT service_provider.record_load(:'m2', :METRO1, 'SLOW-B', platform_type => 100), card_issuer.confirm_load(:'m2') \g /dev/null
SELECT is(t.inherited('SLOW-A', :METRO1)::text, :'m2', 'E9: a load on a withdrawn card, confirmed late: the old card is entitled to it');
SELECT is(t.told('SLOW', :last), ARRAY['withdrawal SLOW-B<-SLOW-A ' || :'m2'], 'E9: and METRO is told that it is handed back');
SELECT is(t.relay(), 'stored', 'R20: METRO is told');
SELECT is(t.reload('SLOW-A') || ', ' || t.reload('SLOW-B'), format('approved %s, entitlement_withdrawn', :'m2'), 'E9: and reloads it on the old card only');
SELECT t.last_no() AS last \gset
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro'), card_issuer.suspend_provider('METRO'), card_issuer.resume_provider('METRO') \g /dev/null
SELECT is(t.told('SLOW', :last), '{}'::text[], 'R30: of which no call tells it again');
-- The same in a chain, and while the contract rests.
SELECT t.chain('SLOWER') AS m1 \gset
SELECT t.permit('SLOWER-C', :METRO1) AS m2 \gset
SELECT card_issuer.withdraw_reissue('SLOWER-C'), card_issuer.suspend_provider('METRO') \g /dev/null
SELECT t.last_no() AS last \gset
SELECT card_issuer.confirm_load(:'m2'), card_issuer.resume_provider('METRO') \g /dev/null
SELECT is(t.inherited('SLOWER-B', :METRO1)::text, :'m2', 'E9: in a chain it is handed back to the card before');
SELECT is(t.told('SLOWER', :last), ARRAY['withdrawal SLOWER-C<-SLOWER-B ' || :'m2'], 'R30: of which METRO is told when the contract goes on');

-- E9: two reissues of a chain are withdrawn: what was handed back is handed back
-- again, with or without a reload in between.
SELECT t.chain('BACK', '{A,B}') AS m1 \gset
SELECT t.load_and_record('BACK-B') AS m2, t.reissue('BACK-B', 'BACK-C') \gset
SELECT t.load_and_record('BACK-C') AS m3 \gset
SELECT card_issuer.withdraw_reissue('BACK-C') \g /dev/null
SELECT is(t.inherited('BACK-B', :METRO1)::text, :'m3', 'E9: the reload on C is handed back to B');
SELECT t.relay(), t.last_no() AS last \gset
SELECT card_issuer.withdraw_reissue('BACK-B') \g /dev/null
SELECT is(t.inherited('BACK-A', :METRO1)::text, :'m3', 'E9: B withdrawn, too: to A');
SELECT is(t.told('BACK', :last), ARRAY['withdrawal BACK-B<-BACK-A ' || :'m3'], 'E9: of which METRO is told');
SELECT is((SELECT e.hops FROM card_issuer.entitlement e WHERE e.card_id = 'BACK-A'), 2, 'E9: two reissues away');
SELECT is(t.relay(), 'stored', 'R20: METRO is told');
SELECT is(t.reload('BACK-A') || ', ' || t.reload('BACK-B'), format('approved %s, entitlement_withdrawn', :'m3'), 'E9: both sides say the same');
SELECT is((SELECT p.inherits::text FROM card_issuer.permit_load(:METRO1, 'BACK-A', reload_of => :'m3') p), :'m3', 'E9: the issuer permits it');
-- Handed back to B and removed from the revoked card since: A gets nothing.
SELECT t.chain('SEND', '{A,B}') AS m1 \gset
SELECT t.load_and_record('SEND-B') AS m2, t.reissue('SEND-B', 'SEND-C') \gset
SELECT t.load_and_record('SEND-C') AS m3 \gset
SELECT card_issuer.withdraw_reissue('SEND-C'), card_issuer.confirm_unload(:'m3'), card_issuer.withdraw_reissue('SEND-B') \g /dev/null
SELECT is(t.inherited('SEND-A', :METRO1), NULL, 'E3: what was removed meanwhile is handed back to nobody');
-- R30: what is told again and again, and what no call changes the third time.
CREATE FUNCTION t.told_again(name text)
    RETURNS text[]
    LANGUAGE plpgsql
AS $$
DECLARE
    last CONSTANT bigint := t.last_no();
BEGIN
    FOR n IN 1 .. 3 LOOP
        PERFORM card_issuer.register_provider('METRO', 'Metro Transit', 'metro');
        PERFORM card_issuer.suspend_provider('METRO');
        PERFORM card_issuer.resume_provider('METRO');
    END LOOP;
    RETURN t.told(name, last);
END
$$;
-- Handed back to A and removed from B: neither has it, and no notice says that B
-- has it back.
SELECT t.chain('GIVEN', '{A,B}') AS m1, t.last_no() AS last \gset
SELECT t.load_and_record('GIVEN-B') AS m2 \gset
SELECT card_issuer.withdraw_reissue('GIVEN-B'), card_issuer.confirm_unload(:'m2'), service_provider.record_unload(:'m2') \g /dev/null
SELECT is(t.told('GIVEN', :last), ARRAY['withdrawal GIVEN-B<-GIVEN-A ' || :'m2', 'withdrawal GIVEN-A<-? ' || :'m2'],
          'E3: handed back and removed: a withdrawal for each card');
SELECT is(t.told_again('GIVEN'), '{}'::text[], 'R30: of which no call tells METRO again');
SELECT is(t.relay() || ', ' || t.reload('GIVEN-A') || ', ' || t.reload('GIVEN-B'), 'stored, entitlement_withdrawn, entitlement_withdrawn',
          'E3: METRO reloads nothing on either card');
-- All of it while the contract rests.
SELECT t.chain('BOTH', '{A,B}') AS m1 \gset
SELECT t.load_and_record('BOTH-B') AS m2, t.relay(), t.last_no() AS last \gset
SELECT card_issuer.suspend_provider('METRO'), card_issuer.withdraw_reissue('BOTH-B'), card_issuer.confirm_unload(:'m2'),
       card_issuer.resume_provider('METRO') \g /dev/null
SELECT is(t.told('BOTH', :last), ARRAY['withdrawal BOTH-B<-? ' || :'m1'],
          'R30: both while suspended: METRO never knew what was handed back');
SELECT is(t.told_again('BOTH'), '{}'::text[], 'R30: at once');
SELECT is(t.relay() || ', ' || t.reload('BOTH-A') || ', ' || t.reload('BOTH-B'), 'stored, not_reissued, entitlement_withdrawn',
          'E3: METRO reloads nothing on either card');

-- R30: handed back to a card whose id METRO cannot read: that B lost it is all
-- that there is to tell.
SELECT card_issuer.issue_card('DARK-A', 200), t.last_no() AS last \gset
SELECT t.reissue('DARK-A', 'DARK-B', 100) \g /dev/null
SELECT t.load_and_record('DARK-B') AS m1 \gset
SELECT card_issuer.withdraw_reissue('DARK-B') \g /dev/null
SELECT is(t.told('DARK', :last), ARRAY['withdrawal DARK-B<-? ' || :'m1'], 'E9: handed back to a card of platform 200');
SELECT is(t.inherited('DARK-A', :METRO1)::text, :'m1', 'E9: which is entitled to it');
SELECT is(t.told_again('DARK'), '{}'::text[], 'R30: of which no call tells METRO again');
SELECT matches(t.relay() || ', ' || t.reload('DARK-B'), '^stored, entitlement_withdrawn$', 'E9: METRO reloads nothing on the withdrawn card');

-- R20, E22: confirmed late, when a card of which there are no notices stood for B
-- by now: once that is withdrawn, B is the one, and METRO knows.
SELECT card_issuer.issue_card('DUSK-A', 100), t.last_no() AS last \gset
SELECT t.permit('DUSK-A', :METRO1) AS m1 \gset
SELECT t.reissue('DUSK-A', 'DUSK-B'), t.reissue('DUSK-B', 'DUSK-C', 200), service_provider.record_load(:'m1', :METRO1, 'DUSK-A', platform_type => 100),
       card_issuer.confirm_load(:'m1') \g /dev/null
SELECT is(t.told('DUSK', :last), ARRAY['reissue DUSK-B<-DUSK-A ' || :'m1'], 'E22: METRO is told of the newest card that it can read');
SELECT card_issuer.withdraw_reissue('DUSK-C') \g /dev/null
SELECT is(t.inherited('DUSK-B', :METRO1)::text, :'m1', 'E9: C withdrawn, B inherits it');
SELECT is(t.relay() || ', ' || t.reload('DUSK-B'), 'stored, approved ' || :'m1', 'R20: METRO knows');
SELECT is(t.told_again('DUSK'), '{}'::text[], 'R30: and is not told again');
-- The same with a card on top that it can read.
SELECT card_issuer.issue_card('DAWN-A', 100), t.last_no() AS last \gset
SELECT t.permit('DAWN-A', :METRO1) AS m1 \gset
SELECT t.reissue('DAWN-A', 'DAWN-B'), t.reissue('DAWN-B', 'DAWN-C', 200), t.reissue('DAWN-C', 'DAWN-D', 100), card_issuer.confirm_load(:'m1') \g /dev/null
SELECT is(t.told('DAWN', :last), ARRAY['reissue DAWN-B<-DAWN-A ' || :'m1', 'reissue DAWN-D<-? ' || :'m1'], 'E22: and of the newest of all');
SELECT card_issuer.confirm_unload(:'m1') \g /dev/null
SELECT is((t.told('DAWN', :last))[3:], ARRAY['withdrawal DAWN-D<-? ' || :'m1', 'withdrawal DAWN-B<-? ' || :'m1'], 'E3: removed: of both again');
SELECT t.relay() \g /dev/null
-- E9, R30: nobody was told of B before such a card took its place; notices that were
-- missed are about the newest card.  Once that is withdrawn METRO is told.
SELECT t.chain('MIST', '{A}') AS m1, t.relay(), t.last_no() AS last, card_issuer.suspend_provider('METRO') \gset
SELECT t.reissue('MIST-A', 'MIST-B'), t.reissue('MIST-B', 'MIST-C', 200), card_issuer.resume_provider('METRO') \g /dev/null
SELECT is(t.told('MIST', :last), '{}'::text[], 'R30: both reissued while the contract rests, the newest card to platform 200: nothing to tell');
SELECT card_issuer.withdraw_reissue('MIST-C') \g /dev/null
SELECT is(t.told('MIST', :last), ARRAY['reissue MIST-B<-MIST-A ' || :'m1'], 'E9: C withdrawn, B is in use again: METRO is told of it');
SELECT is(t.relay() || ', ' || t.reload('MIST-B'), 'stored, approved ' || :'m1', 'R20: METRO reloads it on B');
SELECT is(t.told_again('MIST'), '{}'::text[], 'R30: and is not told again');
SELECT t.reissue('MIST-B', 'MIST-D', 999), card_issuer.withdraw_reissue('MIST-D') \g /dev/null
SELECT is((t.told('MIST', :last))[2:], '{}'::text[], 'E9: nor when a further such card comes and goes: it knows');
-- Delivery on request for a while.
SELECT t.chain('RAIN', '{A}') AS m1, card_issuer.register_provider('METRO', 'Metro Transit', 'metro', 'on_request') \gset
SELECT t.reissue('RAIN-A', 'RAIN-B'), t.reissue('RAIN-B', 'RAIN-C', 200), card_issuer.register_provider('METRO', 'Metro Transit', 'metro'),
       card_issuer.withdraw_reissue('RAIN-C') \g /dev/null
SELECT is(t.told('RAIN', 0), ARRAY['reissue RAIN-B<-RAIN-A ' || :'m1'], 'R30, E9: the same when delivery was on request');
-- METRO knows B for the load on A, which one on a withdrawn card displaced since.
SELECT t.chain('HAZE', '{Z,A,X}') AS m1, t.permit('HAZE-X', :METRO1) AS m2, card_issuer.withdraw_reissue('HAZE-X'), t.reissue('HAZE-A', 'HAZE-B'),
       t.last_no() AS last, card_issuer.suspend_provider('METRO') \gset
SELECT t.reissue('HAZE-B', 'HAZE-C', 200), service_provider.record_load(:'m2', :METRO1, 'HAZE-X', platform_type => 100), card_issuer.confirm_load(:'m2'),
       card_issuer.resume_provider('METRO'), card_issuer.withdraw_reissue('HAZE-C') \g /dev/null
SELECT is(t.inherited('HAZE-B', :METRO1)::text, :'m2', 'E9: confirmed late: B inherits the load on the withdrawn card');
SELECT is(t.told('HAZE', :last), ARRAY['reissue HAZE-B<-HAZE-A ' || :'m2'], 'E9, R30: which METRO is told, since it knows another');
SELECT is(t.relay() || ', ' || t.reload('HAZE-B'), 'stored, approved ' || :'m2', 'R20: METRO reloads that on B');
-- Handed back to B from a card of which there are notices, after an application
-- was transferred: so says the notice.
SELECT t.chain('FOG', '{A,B}'), t.load_and_record('FOG-B') AS m2, t.reissue('FOG-B', 'FOG-C', 200) \gset
SELECT card_issuer.withdraw_reissue('FOG-C'), card_issuer.withdraw_reissue('FOG-B'), t.reissue('FOG-A', 'FOG-D', 200),
       card_issuer.transfer_application(:METRO1, 'SHOP'), card_issuer.withdraw_reissue('FOG-D') \g /dev/null
SELECT is(ARRAY(SELECT format('%s %s<-%s %s', n.kind, n.new_card_id, n.old_card_id, n.message_id) FROM card_issuer.fetch_notices('SHOP', 0) n WHERE n.new_card_id LIKE 'FOG-%'),
          ARRAY['withdrawal FOG-B<-FOG-A ' || :'m2'], 'E14, E9: a new provider is told what was handed back to the card in use again');
SELECT card_issuer.transfer_application(:METRO1, 'METRO') \g /dev/null
-- Reloaded on C: that is what B gets back, and no notice can say so.
SELECT t.chain('SMOG', '{A}') AS m1, t.last_no() AS last, card_issuer.suspend_provider('METRO') \gset
SELECT t.reissue('SMOG-A', 'SMOG-B'), t.reissue('SMOG-B', 'SMOG-C', 200), card_issuer.resume_provider('METRO') \g /dev/null
SELECT t.load('SMOG-C', :METRO1) AS m2, card_issuer.withdraw_reissue('SMOG-C') \gset
SELECT is(t.inherited('SMOG-B', :METRO1)::text || t.told('SMOG', :last)::text, :'m2' || '{}', 'E9: reloaded on C: B is not said to inherit the load on A');
-- A load removed while C stood for B: nothing to tell.
SELECT t.chain('GLOOM', '{A}') AS m1, t.last_no() AS last, card_issuer.suspend_provider('METRO') \gset
SELECT t.reissue('GLOOM-A', 'GLOOM-B'), t.reissue('GLOOM-B', 'GLOOM-C', 200), card_issuer.confirm_unload(:'m1'), card_issuer.resume_provider('METRO'),
       card_issuer.withdraw_reissue('GLOOM-C') \g /dev/null
SELECT is(t.told('GLOOM', :last), '{}'::text[], 'E3: removed from A meanwhile: METRO is told nothing');
SELECT t.relay() \g /dev/null
-- E3, E9: handed back to the old card, and removed then: METRO reloads on neither,
-- the revoked card least of all.
SELECT t.chain('HAND', '{A,B}') AS m1 \gset
SELECT t.load_and_record('HAND-B') AS m2, t.last_no() AS last \gset
SELECT card_issuer.withdraw_reissue('HAND-B'), card_issuer.confirm_unload(:'m2') \g /dev/null
SELECT is(t.told('HAND', :last), ARRAY['withdrawal HAND-B<-HAND-A ' || :'m2', 'withdrawal HAND-A<-? ' || :'m2'],
          'E3: handed back and then removed: a withdrawal of the old card, which hands it to no other');
SELECT is(t.relay(), 'stored', 'R20: METRO is told');
SELECT is(t.reload('HAND-A') || ', ' || t.reload('HAND-B'), 'entitlement_withdrawn, entitlement_withdrawn', 'E3: and reloads on neither');
SELECT t.last_no() AS last \gset
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro') \g /dev/null
SELECT is(t.told('HAND', :last), '{}'::text[], 'R30: registered again, it gets no more');

-- R30: two reissues are withdrawn while the contract rests.  What the one hands
-- back the other takes, whichever of the two METRO is told first.
SELECT t.chain('TWICE', '{Z,A}') AS m1 \gset
SELECT t.load_and_record('TWICE-A') AS m2, t.reissue('TWICE-A', 'TWICE-B'), t.relay(), t.last_no() AS last \gset
SELECT card_issuer.suspend_provider('METRO'), card_issuer.withdraw_reissue('TWICE-B'), card_issuer.withdraw_reissue('TWICE-A'),
       card_issuer.resume_provider('METRO') \g /dev/null
SELECT is(t.told('TWICE', :last), ARRAY['withdrawal TWICE-A<-TWICE-Z ' || :'m2', 'withdrawal TWICE-B<-? ' || :'m2'], 'R30: METRO is told of each once');
SELECT is(t.told_again('TWICE'), '{}'::text[], 'R30: and not again');
SELECT is(t.relay() || ', ' || t.reload('TWICE-B') || ', ' || t.reload('TWICE-A') || ', ' || t.reload('TWICE-Z'),
          'stored, entitlement_withdrawn, entitlement_withdrawn, approved ' || :'m2', 'E9: it reloads it on the card in use again');

-- R30: B had it handed back by C, and hands it back to A.
SELECT t.chain('PASS') AS m1 \gset
SELECT t.load_and_record('PASS-C') AS m2, card_issuer.withdraw_reissue('PASS-C'), t.relay(), t.last_no() AS last \gset
SELECT card_issuer.suspend_provider('METRO'), card_issuer.withdraw_reissue('PASS-B'), card_issuer.resume_provider('METRO') \g /dev/null
SELECT is(t.told('PASS', :last), ARRAY['withdrawal PASS-B<-PASS-A ' || :'m2'], 'R30: one notice says both');
SELECT is(t.told_again('PASS'), '{}'::text[], 'R30: and none says it again');

-- R30, E9: what A inherited is removed; then it is loaded on A, and handed back to A:
-- METRO is not told that A has lost that, nor again what A had lost before.
SELECT t.chain('KEEP', '{Z,A}') AS m1 \gset
SELECT card_issuer.confirm_unload(:'m1'), service_provider.record_unload(:'m1'), t.load_and_record('KEEP-A') AS m2, t.reissue('KEEP-A', 'KEEP-B'),
       card_issuer.withdraw_reissue('KEEP-B'), t.relay(), t.last_no() AS last \gset
SELECT is(t.told_again('KEEP'), '{}'::text[], 'R30: nothing is missed: what lives on A is A''s');
SELECT card_issuer.confirm_unload(:'m2'), service_provider.record_unload(:'m2') \g /dev/null
SELECT is(t.told_again('KEEP'), '{}'::text[], 'R30: nor when it is removed from there');
SELECT card_issuer.suspend_provider('METRO'), card_issuer.withdraw_reissue('KEEP-A'), card_issuer.resume_provider('METRO') \g /dev/null
SELECT is(t.told('KEEP', :last), ARRAY['withdrawal KEEP-A<-? ' || :'m2'], 'R30: A withdrawn: of what it was known for last');
SELECT is(t.told_again('KEEP'), '{}'::text[], 'R30: and not again');

-- E9, E3: confirmed late on C, which is revoked, and so is B by now: A gets it, and B
-- nothing.  Removed then: METRO is told that A has lost it, and nothing more of B.
SELECT t.chain('DOWN') AS m1, t.permit('DOWN-C', :METRO1) AS m2, card_issuer.withdraw_reissue('DOWN-C'), card_issuer.withdraw_reissue('DOWN-B'),
       t.relay(), t.last_no() AS last \gset
SELECT service_provider.record_load(:'m2', :METRO1, 'DOWN-C', platform_type => 100), card_issuer.confirm_load(:'m2') \g /dev/null
SELECT is(t.inherited('DOWN-A', :METRO1)::text, :'m2', 'E9: confirmed late on a withdrawn card: the card in use again inherits it');
SELECT is_empty($$SELECT FROM card_issuer.entitlement e JOIN card_issuer.card c ON c.card_id = e.card_id WHERE c.status = 'revoked' AND e.withdrawn_at IS NULL$$,
                'E9: a revoked card is entitled to nothing');
SELECT card_issuer.confirm_unload(:'m2'), service_provider.record_unload(:'m2') \g /dev/null
SELECT is(t.told('DOWN', :last), ARRAY['withdrawal DOWN-B<-DOWN-A ' || :'m2', 'withdrawal DOWN-A<-? ' || :'m2'], 'E3: handed back, and removed: each is told once');
SELECT is(t.relay() || ', ' || t.reload('DOWN-A') || ', ' || t.reload('DOWN-B'), 'stored, entitlement_withdrawn, entitlement_withdrawn', 'E3: METRO reloads it on neither');

-- R30: A is not known for what is on it now, but for what it had inherited.
SELECT t.chain('ELSE', '{Z,A}') AS m1, t.relay(), t.last_no() AS last, card_issuer.register_provider('METRO', 'Metro Transit', 'metro', 'on_request') \gset
SELECT card_issuer.confirm_unload(:'m1'), t.load_and_record('ELSE-A') AS m2, card_issuer.register_provider('METRO', 'Metro Transit', 'metro') \gset
SELECT is(t.told('ELSE', :last), ARRAY['withdrawal ELSE-A<-? ' || :'m1'], 'R30: what was removed is withdrawn, not what lives there');

-- E3, E9: reloaded on B and removed there: no notice says that A has it back.
SELECT t.chain('NONE', '{A,B}') AS m1 \gset
SELECT t.load_and_record('NONE-B') AS m2, t.relay(), t.last_no() AS last \gset
SELECT card_issuer.confirm_unload(:'m2'), service_provider.record_unload(:'m2'), card_issuer.withdraw_reissue('NONE-B') \g /dev/null
SELECT is(t.told('NONE', :last), ARRAY['withdrawal NONE-B<-? ' || :'m1'], 'E3: B withdrawn: of A nothing is said');
SELECT is(t.relay() || ', ' || t.reload('NONE-A') || ', ' || t.reload('NONE-B'), 'stored, not_reissued, entitlement_withdrawn', 'E3: METRO reloads it on neither');
-- The same while the contract rests.
SELECT t.chain('IDLE', '{A,B}') AS m1 \gset
SELECT t.load_and_record('IDLE-B') AS m2, t.relay(), t.last_no() AS last, card_issuer.suspend_provider('METRO') \gset
SELECT card_issuer.confirm_unload(:'m2'), service_provider.record_unload(:'m2'), card_issuer.withdraw_reissue('IDLE-B'), card_issuer.resume_provider('METRO') \g /dev/null
SELECT is(t.told('IDLE', :last), ARRAY['withdrawal IDLE-B<-? ' || :'m1'], 'E3, R30: told later the same');
SELECT is(t.told_again('IDLE'), '{}'::text[], 'R30: and not again');

-- E3, E32: permissions outstanding follow the entitlement.
SELECT t.chain('WAIT', '{A,B}') AS m1 \gset
SELECT t.permission('WAIT-B', :'m1') AS first_answer \gset
SELECT t.permit('WAIT-B', :METRO1) AS m2 \gset
SELECT is(:'first_answer'::text, format('permitted %s inherits %s fee 100', :'m2', :'m1'), 'R7: a reload is permitted');
SELECT is(t.permission('WAIT-B', :'m1'), :'first_answer', 'R7: and permitted again the same');
SELECT card_issuer.confirm_unload(:'m1') \g /dev/null
SELECT is(t.permission('WAIT-B', :'m1'), 'not_inherited - inherits - fee -', 'E3: the old load is removed: it cannot be reloaded any more');
SELECT is(t.run(format($$SELECT p.permitted || ' ' || p.refusal FROM card_issuer.permit_load(app => %L, card => 'WAIT-B', reload_of => %L) p$$, :METRO1, :'m1'), 'metro'),
          'false refused', 'E3: nor by METRO, which is not told why');
SELECT matches(t.permission('WAIT-B'), format('^permitted %s inherits - ', :'m2'), 'E3: the permission stands, for a load that inherits nothing');
SELECT is((SELECT f.reissued FROM card_issuer.find_reissue('WAIT-B', :METRO1) f), false, 'E3: as the card does');
SELECT card_issuer.confirm_load(:'m2') \g /dev/null
SELECT is(t.load_status(:'m1') || ' ' || t.load_status(:'m2'), 'unloaded loaded', 'E3: confirmed, it supersedes nothing');
SELECT is((SELECT l.inherits FROM card_issuer.find_load(:'m2') l), NULL, 'E3: and is on record as a load that inherits nothing');

SELECT t.chain('LATE', '{A,B}') AS m1 \gset
SELECT t.permit('LATE-B', :METRO1) AS m2 \gset
SELECT t.reissue('LATE-B', 'LATE-C') \g /dev/null
SELECT t.permission('LATE-C', :'m1') AS first_answer \gset
SELECT t.permit('LATE-C', :METRO1) AS m3 \gset
SELECT is(:'first_answer'::text, format('permitted %s inherits %s fee 100', :'m3', :'m1'), 'E1: C inherits the load on A');
SELECT card_issuer.confirm_load(:'m2') \g /dev/null
SELECT is(t.inherited('LATE-C', :METRO1)::text, :'m2', 'E2: the load on B is confirmed late: C inherits that');
SELECT is(t.permission('LATE-C', :'m2'), format('permitted %s inherits %s fee 100', :'m3', :'m2'),
          'E2: and so does the permission outstanding, at the same price');
SELECT is(t.permission('LATE-C', :'m1'), 'not_inherited - inherits - fee -', 'E2: not the load on A any more');
SELECT is(t.permission('LATE-C'), format('permitted %s inherits %s fee 100', :'m3', :'m2'), 'E2: asked without: the same');
SELECT card_issuer.confirm_load(:'m3') \g /dev/null
SELECT is(t.load_status(:'m1') || ' ' || t.load_status(:'m2') || ' ' || t.load_status(:'m3'), 'superseded superseded loaded',
          'R27: confirmed, it supersedes the one before');

-- The permission on the old card when a reload is handed back to it.
SELECT card_issuer.issue_card('TURN-A', 100) \g /dev/null
SELECT t.permit('TURN-A', :METRO1) AS m1 \gset
SELECT t.reissue('TURN-A', 'TURN-B') \g /dev/null
SELECT t.load('TURN-B', :METRO1) AS m2 \gset
SELECT card_issuer.withdraw_reissue('TURN-B') \g /dev/null
SELECT is(t.permission('TURN-A', :'m2'), format('permitted %s inherits %s fee 500', :'m1', :'m2'),
          'E9: a permission outstanding on the old card inherits what is handed back');
-- And the permission on a card whose reissue is withdrawn is one for nothing.
SELECT t.chain('STOP', '{A,B}') AS m1 \gset
SELECT t.permission('STOP-B', :'m1') AS first_answer \gset
SELECT card_issuer.withdraw_reissue('STOP-B') \g /dev/null
SELECT is(t.permission('STOP-B', :'m1'), 'card_status - inherits - fee -', 'E9: no permission on a revoked card');

-- E9: a reload that is proved after its reissue was withdrawn ends as one proved
-- before: so a permission keeps what it inherits when its card is revoked.
SELECT t.chain('SOON', '{A,B}') AS m1, t.permit('SOON-B', :METRO1) AS m2 \gset
SELECT card_issuer.confirm_load(:'m2'), card_issuer.withdraw_reissue('SOON-B') \g /dev/null
SELECT is(concat_ws(' ', t.load_status(:'m1'), t.load_status(:'m2'), t.inherited('SOON-A', :METRO1)), 'superseded loaded ' || :'m2', 'E9: proved before: handed back');
SELECT t.chain('LAST', '{A,B}') AS m1, t.permit('LAST-B', :METRO1) AS m2 \gset
SELECT card_issuer.withdraw_reissue('LAST-B'), card_issuer.confirm_load(:'m2') \g /dev/null
SELECT is(concat_ws(' ', t.load_status(:'m1'), t.load_status(:'m2'), t.inherited('LAST-A', :METRO1)), 'superseded loaded ' || :'m2', 'E9: proved after: the same');

-- E2: reloaded on C, and before that on B, which is proved last: both took the place of
-- the load on A, each by the entitlement of its own card, and the one on C lives.
SELECT t.chain('BOTH2', '{A,B}') AS m1, t.permit('BOTH2-B', :METRO1) AS m2, t.reissue('BOTH2-B', 'BOTH2-C'), t.permit('BOTH2-C', :METRO1) AS m3 \gset
SELECT card_issuer.confirm_load(:'m3'), card_issuer.confirm_load(:'m2') \g /dev/null
SELECT is(concat_ws(' ', t.load_status(:'m1'), t.load_status(:'m2'), t.load_status(:'m3')), 'superseded superseded loaded', 'E2: one load lives');
SELECT is((SELECT string_agg(format('%s %s', e.card_id, (SELECT count(*) FROM card_issuer.app_load l WHERE l.card_id = e.card_id AND l.inherits = e.message_id)), ', ' ORDER BY e.card_id)
             FROM card_issuer.entitlement e WHERE e.card_id IN ('BOTH2-B', 'BOTH2-C') AND e.used_at IS NOT NULL), 'BOTH2-B 1, BOTH2-C 1',
          'E2: each entitlement is used once');

-- R16: open requests for the card that is withdrawn are withdrawn with it.
CREATE OR REPLACE FUNCTION card_issuer.default_policy(request jsonb)
    RETURNS verdict LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT ROW(CASE request ->> 'reason' WHEN 'damaged' THEN false WHEN 'other' THEN NULL ELSE true END, NULL, NULL)::screissue.verdict
$$;
CREATE TABLE t.request (reason reissue_reason, before text, after text);
INSERT INTO t.request VALUES ('lost', 'approved', 'withdrawn'), ('other', 'pending', 'withdrawn'), ('damaged', 'refused', 'refused');
SELECT card_issuer.issue_card(('ASK-' || r.reason || '-A')::card_id, 100), t.reissue(('ASK-' || r.reason || '-A')::card_id, ('ASK-' || r.reason || '-B')::card_id)
  FROM t.request r \g /dev/null
SELECT is((SELECT q.status::text FROM card_issuer.request_reissue(('ASK-' || r.reason || '-B')::card_id, r.reason) q), r.before,
          format('R14: a request that is %s', r.before))
  FROM t.request r;
SELECT card_issuer.withdraw_reissue(('ASK-' || r.reason || '-B')::card_id) FROM t.request r \g /dev/null
SELECT is((SELECT string_agg(q.status::text || CASE WHEN q.completed_at IS NULL AND q.status <> 'refused' THEN ' but not closed' ELSE '' END, ', ')
             FROM card_issuer.reissue_request q WHERE q.old_card_id = ('ASK-' || r.reason || '-B')::card_id), r.after,
          format('R16: its card withdrawn, a request that was %s is %s', r.before, r.after))
  FROM t.request r;
SELECT is_empty($$SELECT FROM card_issuer.reissue_request q JOIN card_issuer.card c ON c.card_id = q.old_card_id
                   WHERE c.status IN ('revoked', 'replaced') AND q.status IN ('pending', 'approved')$$, 'R16: no request is open for a card that cannot be reissued');
SELECT t.refused($$SELECT card_issuer.decide_reissue('ASK-other-B', true)$$, 'SR007', 'R16: nothing is left to decide');
SELECT lives_ok($$SELECT t.reissue('ASK-lost-A', 'ASK-lost-D')$$, 'E10: the old card is reissued again');

SELECT * FROM finish();
ROLLBACK;
