-- What is withdrawn: entitlements, reissues, permissions outstanding and open
-- requests, and what the provider is told of it.  Issuer and provider METRO live
-- in one database, and METRO takes in its notices (E3, E9, E14, E32, R16, R30)
BEGIN;
\ir include/issuer.sql
SELECT service_provider.setup('METRO', 'Metro Transit'), service_provider.register_issuer('BANKJP', 'Bank'),
       service_provider.register_application(:METRO1, 'season ticket') \g /dev/null
SELECT plan(70);

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
-- A load on record on both sides.
CREATE FUNCTION t.load_and_record(card card_id)
    RETURNS message_id
    LANGUAGE plpgsql
AS $$
DECLARE
    message CONSTANT message_id := t.load(card, 'D276AB0085CD01');
BEGIN
    PERFORM service_provider.record_load(message, 'D276AB0085CD01', card, platform_type => 100);
    RETURN message;
END
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
SELECT is(regexp_replace(t.told('GONE', :last)::text, ' BANKJP/METRO/\d+', '', 'g'), '{"withdrawal GONE-C<-GONE-B","withdrawal GONE-B<-GONE-A"}',
          'E3: withdrawals, of C and then of B, whose word is to be the last');
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

-- E3: removed from A, nothing reloaded: no card of the chain inherits it.
SELECT t.relay() \g /dev/null
SELECT t.last_no() AS last \gset
SELECT t.chain('FREE') AS m1 \gset
SELECT t.relay() \g /dev/null
SELECT is(t.reload('FREE-B') || ', ' || t.reload('FREE-C'), 'card_replaced, approved ' || :'m1', 'R24: before');
SELECT card_issuer.confirm_unload(:'m1') \g /dev/null
SELECT is(t.told('FREE', :last), ARRAY['reissue FREE-B<-FREE-A ' || :'m1', 'reissue FREE-C<-FREE-B ' || :'m1',
                               'withdrawal FREE-C<-FREE-B ' || :'m1', 'withdrawal FREE-B<-FREE-A ' || :'m1'],
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
SELECT is(t.told('HELD', :last), ARRAY['withdrawal HELD-D<-HELD-C ' || :'m1', 'withdrawal HELD-C<-HELD-B ' || :'m1', 'withdrawal HELD-B<-HELD-A ' || :'m1'],
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
