-- Reissue: request, examination, pair, inheritance, withdrawal (R14-R18, R25-R27, E1-E10)
BEGIN;
\ir include/issuer.sql
SELECT plan(123);

-- Policies that decide by the reason: damaged is refused, other waits.
CREATE OR REPLACE FUNCTION card_issuer.default_policy(request jsonb)
    RETURNS verdict LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT ROW(CASE request ->> 'reason' WHEN 'damaged' THEN false WHEN 'other' THEN NULL ELSE true END,
               CASE request ->> 'reason' WHEN 'damaged' THEN 'worn by neglect' END,
               NULL)::screissue.verdict
$$;
SELECT card_issuer.issue_card(('CARD-' || c)::card_id, 100, 'H1') FROM unnest('{A,B,C,D,E}'::text[]) c \g /dev/null
SELECT t.load('CARD-A', :METRO1) AS first \gset
SELECT t.load('CARD-A', :SHOP1) AS shop \gset

-- R14, R15: the request and its examination.
SELECT r.* FROM card_issuer.request_reissue('CARD-A', 'lost', 'counter 7') r \gset q_
SELECT is(:'q_status'::text, 'approved', 'R15: examined by the policy: approved');
SELECT results_eq(format($$SELECT r.reason::text, r.status::text, r.requested_by, r.requested_at IS NOT NULL, x.event, x.approved,
                                  x.details ->> 'reason', x.examiner IS NOT NULL
                             FROM card_issuer.reissue_request r
                             JOIN card_issuer.examination x ON x.card_id = r.old_card_id AND x.examination_id = r.examination_id
                            WHERE r.old_card_id = 'CARD-A' AND r.request_id = %s$$, :q_request_id),
                  $$VALUES ('lost'::text, 'approved', 'counter 7'::text, true, 'reissue'::text, true, 'lost', true)$$,
                  'R13-R15: reason, requester, time, the policy''s input and its verdict are on record');
SELECT t.refused($$SELECT card_issuer.request_reissue('CARD-A', 'lost')$$, 'SR006', 'R14: one open request for a card');
SELECT t.refused($$SELECT card_issuer.reissue_card('CARD-B', 'CARD-B2')$$, 'SR007', 'R14: no reissue without a request');

-- R16: refused.
SELECT t.notices('METRO') AS told \gset
SELECT is((SELECT r.status || ' ' || r.refusal FROM card_issuer.request_reissue('CARD-B', 'damaged') r),
          'refused worn by neglect', 'R16: refused, with the text of the policy');
SELECT t.refused($$SELECT card_issuer.reissue_card('CARD-B', 'CARD-B2')$$, 'SR007', 'R16: a refused request gives no card');
SELECT t.refused($$SELECT card_issuer.decide_reissue('CARD-B', true)$$, 'SR007', 'R16: a refused request is decided');
SELECT ok(t.card_status('CARD-B') = 'active' AND NOT EXISTS (SELECT FROM card_issuer.card c WHERE c.card_id = 'CARD-B2'),
          'R16: no new card, the old one as it was');
SELECT is((SELECT r.status FROM card_issuer.request_reissue('CARD-B', 'lost') r), 'approved', 'R14: a new request may be made');

-- Pending, and decided by a person.
SELECT is((SELECT r.status FROM card_issuer.request_reissue(c.card, 'other') r), 'pending', 'R15: pending: ' || c.card::text)
  FROM (VALUES ('CARD-C'::card_id), ('CARD-D')) c (card);
SELECT t.refused($$SELECT card_issuer.reissue_card('CARD-C', 'CARD-C2')$$, 'SR007', 'R15: no reissue while pending');
SELECT t.refused($$SELECT card_issuer.request_reissue('CARD-C', 'lost')$$, 'SR006', 'R14: a pending request is open');
SELECT card_issuer.decide_reissue('CARD-C', true, 'known customer', 'Sato'),
       card_issuer.decide_reissue('CARD-D', false, 'no such customer', 'Sato') \g /dev/null
SELECT results_eq($$SELECT r.old_card_id, r.status::text, r.refusal, x.approved, x.reason, x.examiner
                      FROM card_issuer.reissue_request r
                      JOIN card_issuer.examination x ON x.card_id = r.old_card_id AND x.examination_id = r.examination_id
                     WHERE r.old_card_id IN ('CARD-C', 'CARD-D') ORDER BY r.old_card_id$$,
                  $$VALUES ('CARD-C'::card_id, 'approved', NULL::text, true, 'known customer'::text, 'Sato'::text),
                           ('CARD-D', 'refused', 'no such customer', false, 'no such customer', 'Sato')$$,
                  'R15: a person''s decision is an examination');
SELECT t.on_record() AS before \gset
SELECT card_issuer.decide_reissue('CARD-C', true, 'known customer', 'Sato') \g /dev/null
SELECT is(t.on_record(), :'before', 'R15: approving again changes nothing');
SELECT card_issuer.decide_reissue('CARD-C', false, 'found it') \g /dev/null
SELECT is((SELECT r.status FROM card_issuer.reissue_request r WHERE r.old_card_id = 'CARD-C'), 'withdrawn',
          'R16: an approved request is withdrawn');
SELECT t.refused($$SELECT card_issuer.reissue_card('CARD-C', 'CARD-C2')$$, 'SR007', 'R16: a withdrawn request gives no card');
SELECT t.refused($$SELECT card_issuer.decide_reissue('CARD-E', true)$$, 'SR007', 'R15: nothing to decide without a request');
SELECT is(t.notices('METRO')::text, :'told', 'R16: none of this told any provider');

-- R17, R18: the reissue.
SELECT card_issuer.block_card('CARD-A', 'lost') \g /dev/null
SELECT results_eq($$SELECT r.entitlements, r.notices FROM card_issuer.reissue_card('CARD-A', 'CARD-A2') r$$, 'VALUES (2, 2)',
                  'R17: reissued, with entitlements and notices');
SELECT results_eq($$SELECT c.card_id, c.status::text, c.holder_id, c.platform_type, c.replaces, c.replaced_by
                      FROM card_issuer.card c WHERE c.card_id IN ('CARD-A', 'CARD-A2') ORDER BY c.card_id$$,
                  $$VALUES ('CARD-A'::card_id, 'replaced', 'H1'::text, 100, NULL::card_id, 'CARD-A2'::card_id),
                           ('CARD-A2', 'active', 'H1', 100, 'CARD-A', NULL)$$,
                  'R17: the old card is replaced, the new one active, same holder, same platform');
SELECT is((SELECT r.status || ' ' || r.new_card_id::text FROM card_issuer.reissue_request r WHERE r.old_card_id = 'CARD-A'),
          'completed CARD-A2', 'R17: the request is completed');
SELECT is(card_issuer.find_old_card('CARD-A2'), 'CARD-A', 'R18: old card by reissued card');
SELECT is(card_issuer.find_new_card('CARD-A'), 'CARD-A2', 'R18: reissued card by old card');
SELECT is(card_issuer.find_old_card('CARD-A'), NULL, 'R18: a first card replaces none');
SELECT is(card_issuer.find_new_card('CARD-A2'), NULL, 'R18: a card in use is replaced by none');
SELECT results_eq(format('SELECT p.* FROM card_issuer.reissue_pair p WHERE p.%s', v.w),
                  $$VALUES ('BANKJP'::company_id, 'CARD-A'::card_id, 'CARD-A2'::card_id)$$, 'R18: the pair, WHERE ' || v.w)
  FROM (VALUES ($$old_card_id = 'CARD-A'$$), ($$new_card_id = 'CARD-A2'$$)) v (w);
SELECT is(t.inherited('CARD-A2', :METRO1) || ' ' || t.inherited('CARD-A2', :SHOP1), :'first' || ' ' || :'shop',
          'R25: each application inherits its own loading permission');
SELECT is(t.inherited('CARD-A2', :METRO2), NULL, 'R25: an application that was not on the old card is not inherited');

-- E15: a card of another issuer, whose portfolio this one took over, is unknown.
SELECT t.refused($$SELECT card_issuer.request_reissue('OTHERBANK-1', 'other')$$, 'SR004', 'E15: another issuer''s card is not reissued here');
SELECT t.refused($$SELECT card_issuer.reissue_card('OTHERBANK-1', 'CARD-E15')$$, 'SR004', 'E15: nor paired with a new one');

-- SR006 before SR005, and E5: cycles, self, merges, splits.
SELECT t.refused($$SELECT card_issuer.request_reissue('CARD-A', 'lost')$$, 'SR006', 'E5: no second reissue of a replaced card');
SELECT t.refused($$SELECT card_issuer.reissue_card('CARD-A', 'CARD-A3')$$, 'SR006', 'E5: into a second new card');
SELECT t.refused($$SELECT card_issuer.reissue_card('CARD-A', 'CARD-A2')$$, 'SR006', 'E5: into the same new card again');
SELECT t.refused($$SELECT card_issuer.decide_reissue('CARD-A', false)$$, 'SR007', 'E5: a completed request is not decided');
SELECT t.refused($$SELECT card_issuer.reissue_card('CARD-B', 'CARD-B')$$, '22023', 'E5: a card does not replace itself');
SELECT t.refused($$SELECT card_issuer.reissue_card('CARD-B', 'CARD-A2')$$, '23505', 'E5: a new card has one old card');
SELECT t.refused($$SELECT card_issuer.reissue_card('CARD-B', 'CARD-E')$$, '23505', 'E6: a card in use is no new card');
SELECT card_issuer.request_reissue('CARD-A2', 'lost') \g /dev/null
SELECT t.refused($$SELECT card_issuer.reissue_card('CARD-A2', 'CARD-A')$$, '23505', 'E5: no cycle');
SELECT is(t.card_status('CARD-A2') || ' ' || t.card_status('CARD-B'), 'active active', 'E5: none of it left a trace');
SELECT is((SELECT count(*) FROM card_issuer.reissue_pair), 1::bigint, 'E5: one pair still');

-- E1: A -> B -> C with nothing loaded on B.
SELECT is((SELECT r.entitlements FROM card_issuer.reissue_card('CARD-A2', 'CARD-A3') r), 2, 'E1: what was not used is inherited onward');
SELECT is(t.inherited('CARD-A3', :METRO1)::text, :'first', 'E1: C inherits the load on A');
SELECT results_eq($$SELECT e.old_card_id, e.hops FROM card_issuer.entitlement e WHERE e.card_id = 'CARD-A3'$$,
                  $$VALUES ('CARD-A2'::card_id, 2), ('CARD-A2', 2)$$, 'E1: the evidence: two reissues, the last from B');
SELECT t.load('CARD-A3', :METRO1) AS on_c \gset
SELECT is(t.load_status(:'first'), 'superseded', 'E1: reloaded on C, the load on A is superseded');
-- E2: with a load on B (here C).
SELECT is(t.reissue('CARD-A3', 'CARD-A4'), '2/2', 'E2: reissued again');
SELECT is(t.inherited('CARD-A4', :METRO1)::text, :'on_c', 'E2: the nearest load is inherited');
SELECT is(t.inherited('CARD-A4', :SHOP1)::text, :'shop', 'E1: the other application still from A');
SELECT results_eq($$SELECT e.message_id::text, e.hops FROM card_issuer.entitlement e WHERE e.card_id = 'CARD-A4' ORDER BY e.hops$$,
                  format('VALUES (%L, 1), (%L, 3)', :'on_c', :'shop'), 'E2: one hop and three');
-- E3: removed from D, so not on E.
SELECT t.load('CARD-A4', :METRO1) AS on_d \gset
SELECT card_issuer.confirm_unload(:'on_d') \g /dev/null
SELECT is(t.reissue('CARD-A4', 'CARD-A5'), '1/1', 'E3: an application removed by the user is not inherited');
SELECT is(t.inherited('CARD-A5', :METRO1), NULL, 'E3: nor found from an older card');

SELECT results_eq($$SELECT l.hop, l.card_id::text, l.status::text, l.issued_at IS NOT NULL FROM card_issuer.lineage('CARD-A3') l$$,
                  $$VALUES (0, 'CARD-A', 'replaced', true), (1, 'CARD-A2', 'replaced', true), (2, 'CARD-A3', 'replaced', true),
                           (3, 'CARD-A4', 'replaced', true), (4, 'CARD-A5', 'active', true)$$,
                  'E4: the lineage, from the first card to the last, from a card in the middle');
SELECT is((SELECT array_agg(l.card_id) FROM card_issuer.lineage(c.card) l), (SELECT array_agg(l.card_id) FROM card_issuer.lineage('CARD-A3') l),
          'E4: the same lineage from ' || c.card::text)
  FROM (VALUES ('CARD-A'::card_id), ('CARD-A5')) c (card);
SELECT is((SELECT count(*) FROM card_issuer.lineage('CARD-E')), 1::bigint, 'E4: a card alone is its own lineage');

-- What a reissue takes over and what it is told.
SELECT card_issuer.issue_card('CARD-V', 100, 'H1', current_date + 10, '0001'), card_issuer.request_reissue('CARD-V', 'expired') \g /dev/null
SELECT card_issuer.reissue_card('CARD-V', 'CARD-V2', 200, current_date + 900, '0002', false) \g /dev/null
SELECT results_eq($$SELECT c.status::text, c.platform_type, c.holder_id, c.valid_until - current_date, c.printed_number
                      FROM card_issuer.card c WHERE c.card_id = 'CARD-V2'$$,
                  $$VALUES ('produced', 200, 'H1'::text, 900, '0002'::text)$$, 'R17: the new card is what was asked for');
SELECT lives_ok(format('SELECT t.reissue(%L, %L)', c.o, c.n), 'R17: reissued: ' || c.what)
  FROM (VALUES ('CARD-V2'::card_id, 'CARD-V3'::card_id, 'a produced card')) c (o, n, what);
SELECT card_issuer.issue_card(('BLOCK-' || s)::card_id, 100), card_issuer.block_card(('BLOCK-' || s)::card_id, s)
  FROM unnest('{suspended,lost,stolen,damaged}'::card_status[]) s \g /dev/null
SELECT lives_ok(format('SELECT t.reissue(%L, %L)', 'BLOCK-' || s, 'BLOCK2-' || s), 'R17: reissued: a card that is ' || s)
  FROM unnest('{suspended,lost,stolen,damaged}'::text[]) s;

-- R31, E58: the platform changes at reissue.
CREATE TABLE t.platform (old_type integer, new_type integer, notice text);
INSERT INTO t.platform VALUES (100, 100, 'NEW<-OLD'), (100, 200, NULL), (200, 100, 'NEW<-?'), (200, 200, NULL),
    (100, 999, NULL), (999, 100, 'NEW<-?'), (300, 100, 'NEW<-OLD'), (100, 300, 'NEW<-OLD'), (301, 301, NULL);
INSERT INTO screissue.platform (platform_type, card_os, method) VALUES (300, 'a builder''s own', 1), (301, 'another', 2);
CREATE FUNCTION t.notice_of_change(old_type integer, new_type integer)
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    n text := old_type || 'TO' || new_type;
    load message_id;
BEGIN
    PERFORM card_issuer.issue_card(('OLD-' || n)::card_id, old_type);
    load := t.load(('OLD-' || n)::card_id, 'D276AB0085CD01');
    PERFORM t.reissue(('OLD-' || n)::card_id, ('NEW-' || n)::card_id, new_type);
    RETURN (SELECT format('%s<-%s%s', substr(w.new_card_id, 1, 3), coalesce(substr(w.old_card_id, 1, 3), '?'),
                          CASE WHEN w.message_id <> load::text OR w.platform_type <> new_type THEN ' wrong' END)
              FROM screissue.notice w WHERE w.new_card_id = 'NEW-' || n);
END
$$;
SELECT is(t.notice_of_change(p.old_type, p.new_type), p.notice,
          format('E58: from platform %s to %s: notice %s', p.old_type, p.new_type, coalesce(p.notice, 'none')))
  FROM t.platform p;
SELECT is((SELECT count(*) FROM card_issuer.entitlement e WHERE e.card_id::text ~ '^NEW-'), 9::bigint,
          'R31: entitlements whatever the platform');

-- Entitlements whatever the state of contract or application; the gates are elsewhere.
SELECT card_issuer.issue_card('GATE-1', 100), t.load('GATE-1', :METRO2), card_issuer.withdraw_application(:METRO2) \g /dev/null
SELECT is(split_part(t.reissue('GATE-1', 'GATE-2'), '/', 1), '1', 'E13: an entitlement even for a withdrawn application');
SELECT is(t.inherited('GATE-2', :METRO2), NULL, 'E13: which is not answered while it is withdrawn');
SELECT card_issuer.register_application(:METRO2, 'METRO', 'parking') \g /dev/null
SELECT isnt(t.inherited('GATE-2', :METRO2), NULL, 'E13: and is when it is registered again');

-- E9: withdrawn before anything was reloaded.
SELECT card_issuer.issue_card('BACK-A', 100) \g /dev/null
SELECT t.load('BACK-A', :METRO1) AS back \gset
SELECT card_issuer.block_card('BACK-A', 'stolen'), t.reissue('BACK-A', 'BACK-B') \g /dev/null
SELECT max(n.notice_no) AS told FROM card_issuer.fetch_notices('METRO', 0) n \gset
SELECT lives_ok($$SELECT card_issuer.withdraw_reissue('BACK-B')$$, 'E9: a reissue is withdrawn');
SELECT is(t.card_status('BACK-A') || ' ' || t.card_status('BACK-B'), 'stolen revoked',
          'E9: the old card has its former status, the new one is revoked');
SELECT is(t.load_status(:'back'), 'loaded', 'E9: the load on the old card lives on');
SELECT is(t.inherited('BACK-B', :METRO1), NULL, 'E9: the revoked card inherits nothing');
SELECT is(t.notices('METRO', :told), ARRAY[format('%s withdrawal BACK-B<-BACK-A %s', :told + 1, :'back')],
          'E9: the provider gets a withdrawal');
SELECT is((SELECT r.status FROM card_issuer.reissue_request r WHERE r.old_card_id = 'BACK-A'), 'withdrawn', 'E9: the request is withdrawn');
SELECT is(card_issuer.find_new_card('BACK-A'), NULL, 'E9: no reissued card by old card any more');
SELECT is(card_issuer.find_old_card('BACK-B'), NULL, 'E9: no old card by revoked card');
SELECT is_empty($$SELECT FROM card_issuer.reissue_pair p WHERE p.old_card_id = 'BACK-A' OR p.new_card_id = 'BACK-B'$$, 'E9: no pair');
SELECT t.refused($$SELECT card_issuer.withdraw_reissue('BACK-B')$$, 'SR005', 'E9: a revoked card is not withdrawn again');
SELECT t.refused($$SELECT card_issuer.reissue_card('BACK-A', 'BACK-C')$$, 'SR007', 'E9: a new reissue needs a new request');
SELECT card_issuer.request_reissue('BACK-A', 'stolen') \g /dev/null
SELECT t.refused($$SELECT card_issuer.reissue_card('BACK-A', 'BACK-B')$$, '23505', 'E6: the id of the withdrawn card is used up');
SELECT is(t.card_status('BACK-A'), 'stolen', 'E6: the refused call left the old card as it was');
-- E10: the permanent card comes from the original.
SELECT is((SELECT r.entitlements || '/' || r.notices FROM card_issuer.reissue_card('BACK-A', 'BACK-C') r), '1/1',
          'E10: the original is reissued again');
SELECT is(t.inherited('BACK-C', :METRO1)::text, :'back', 'E10: and its load is inherited');
SELECT is((SELECT array_agg(l.card_id::text) FROM card_issuer.lineage('BACK-A') l), '{BACK-A,BACK-C}', 'E10: the withdrawn card is no part of the chain');
SELECT is((SELECT array_agg(l.card_id::text || ' ' || l.status) FROM card_issuer.lineage('BACK-B') l), '{"BACK-B revoked"}',
          'E10: it is a chain of its own');

-- E9: withdrawn after one application was reloaded, one loaded anew, one reloaded and removed.
SELECT card_issuer.issue_card('HAND-A', 100) \g /dev/null
SELECT t.load('HAND-A', :METRO1) AS h1 \gset
SELECT t.load('HAND-A', :SHOP1) AS h2 \gset
SELECT t.load('HAND-A', :RAIL1) AS h3 \gset
SELECT t.reissue('HAND-A', 'HAND-B') \g /dev/null
SELECT t.load('HAND-B', :METRO1) AS b1 \gset
SELECT t.load('HAND-B', :METRO2) AS b2 \gset
SELECT t.load('HAND-B', :RAIL1) AS b3 \gset
SELECT card_issuer.confirm_unload(:'b3') \g /dev/null
SELECT max(n.notice_no) AS told FROM card_issuer.fetch_notices('METRO', 0) n \gset
SELECT max(n.notice_no) AS shop_told FROM card_issuer.fetch_notices('SHOP', 0) n \gset
SELECT card_issuer.withdraw_reissue('HAND-B') \g /dev/null
SELECT is(t.inherited('HAND-A', :METRO1)::text, :'b1', 'E9: a load live on the new card is handed back as an entitlement');
SELECT is(t.inherited('HAND-A', :METRO2)::text, :'b2', 'E9: one loaded anew on the new card, too');
SELECT is(t.inherited('HAND-A', :SHOP1), NULL, 'E9: one not yet reloaded needs none');
SELECT is(t.load_status(:'h2'), 'loaded', 'E9: it is still loaded on the old card');
SELECT is(t.inherited('HAND-A', :RAIL1), NULL, 'E3: one removed from the new card is not handed back');
SELECT is(t.notices('METRO', :told), ARRAY[format('%s withdrawal HAND-B<-HAND-A %s', :told + 1, :'b1'),
                                           format('%s withdrawal HAND-B<-HAND-A %s', :told + 2, :'b2')],
          'E9: withdrawal notices carry the ids handed back');
SELECT is(t.notices('SHOP', :shop_told), ARRAY[format('%s withdrawal HAND-B<-HAND-A %s', :shop_told + 1, :'h2')],
          'E9: and to each provider that was told');
SELECT * FROM card_issuer.permit_load(app => :METRO1, card => 'HAND-A', reload_of => :'b1') \gset p_
SELECT ok(:'p_permitted', 'E9: the application is reloaded on the old card');
SELECT card_issuer.confirm_load(:'p_message_id') \g /dev/null
SELECT is(t.load_status(:'b1') || ' ' || t.load_status(:'h1'), 'superseded superseded', 'E9: which supersedes the load on the withdrawn card');
SELECT is(t.reissue('HAND-A', 'HAND-C'), '3/3', 'E10: reissued again: reloaded, handed back and never moved');
SELECT is(ARRAY(SELECT e.message_id::text FROM card_issuer.entitlement e WHERE e.card_id = 'HAND-C' ORDER BY e.app_id),
          ARRAY[:'p_message_id', :'b2', :'h2'], 'E10: each with the id of its own load');
SELECT card_issuer.confirm_unload(:'b2') \g /dev/null
SELECT is(t.inherited('HAND-C', :METRO2), NULL, 'E3: an unload on the withdrawn card, told late, ends it for the newest card');

-- A confirmation for the withdrawn card comes after the withdrawal.
SELECT card_issuer.issue_card('SLOW-A', 100), t.load('SLOW-A', :METRO1), t.reissue('SLOW-A', 'SLOW-B') \g /dev/null
SELECT t.permit('SLOW-B', :METRO1) AS slow \gset
SELECT card_issuer.withdraw_reissue('SLOW-B') \g /dev/null
SELECT lives_ok(format('SELECT card_issuer.confirm_load(%L)', :'slow'), 'E9: a load on the withdrawn card is confirmed late');
SELECT is(t.inherited('SLOW-A', :METRO1)::text, :'slow', 'E9: and handed back to the old card');

-- What cannot be withdrawn.
SELECT t.refused($$SELECT card_issuer.withdraw_reissue('CARD-E')$$, 'SR005', 'E9: a first card');
SELECT t.refused($$SELECT card_issuer.withdraw_reissue('CARD-A3')$$, 'SR005', 'E9: a card that was replaced itself');
SELECT t.refused($$SELECT card_issuer.withdraw_reissue('NOSUCH')$$, 'SR004', 'E9: an unknown card');
SELECT t.reissue('CARD-E', 'CARD-E2'), card_issuer.block_card('CARD-E2', 'lost') \g /dev/null
SELECT lives_ok($$SELECT card_issuer.withdraw_reissue('CARD-E2')$$, 'E9: a new card that was lost at once');
SELECT is(t.card_status('CARD-E') || ' ' || t.card_status('CARD-E2'), 'active revoked', 'E9: is revoked, the old one in use again');
-- In a chain: the last one, and then the one before it.
SELECT t.reissue('CARD-E', 'CARD-E3'), t.reissue('CARD-E3', 'CARD-E4'),
       card_issuer.withdraw_reissue('CARD-E4'), card_issuer.withdraw_reissue('CARD-E3') \g /dev/null
SELECT is(t.card_status('CARD-E') || ' ' || t.card_status('CARD-E3') || ' ' || t.card_status('CARD-E4'), 'active revoked revoked',
          'E9: a chain is withdrawn from its end');

-- E4: long chains.
CREATE FUNCTION t.chain(name text, cards integer)
    RETURNS void
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM card_issuer.issue_card((name || 1)::card_id, 100);
    PERFORM t.load((name || 1)::card_id, 'D276AB0085CD01');
    FOR n IN 2 .. cards LOOP
        PERFORM t.reissue((name || n - 1)::card_id, (name || n)::card_id);
    END LOOP;
END
$$;
SELECT lives_ok($$SELECT t.chain('FIFTY-', 50)$$, 'E4: a chain of 50 reissues');
SELECT is((SELECT count(*) || ' ' || max(l.hop) FROM card_issuer.lineage('FIFTY-25') l), '50 49', 'E4: its lineage has 50 cards');
SELECT is((SELECT e.hops FROM card_issuer.entitlement e WHERE e.card_id = 'FIFTY-50'), 49, 'E4: the load is inherited over 49 reissues');
SELECT lives_ok($$SELECT t.chain('LONG-', 1000)$$, 'E4: a chain of 1,000');
SELECT is((SELECT e.hops FROM card_issuer.entitlement e WHERE e.card_id = 'LONG-1000'), 999, 'E4: is inherited in one step each');
SELECT t.refused(format('SELECT count(*) FROM card_issuer.lineage(%L)', 'LONG-' || n), '54000',
                 'E4: its lineage is longer than screissue.max_lineage, from card ' || n)
  FROM unnest(ARRAY[1, 500, 1000]) n;
SELECT lives_ok($$SELECT card_issuer.find_old_card('LONG-500'), card_issuer.find_new_card('LONG-500')$$, 'E4: its pairs are read all the same');
SET LOCAL screissue.max_lineage = 1000;
SELECT is((SELECT count(*) FROM card_issuer.lineage('LONG-500')), 1000::bigint, 'E4: up to screissue.max_lineage it is read');
SET LOCAL screissue.max_lineage = 999;
SELECT t.refused($$SELECT count(*) FROM card_issuer.lineage('LONG-500')$$, '54000', 'E4: and not beyond');

SELECT * FROM finish();
ROLLBACK;
