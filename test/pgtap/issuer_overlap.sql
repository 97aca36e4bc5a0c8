-- Overlap: an old card that goes on working beside its replacement (E7, E8, E9),
-- and cards that are only for a time (E10)
BEGIN;
\ir include/issuer.sql
SELECT service_provider.setup('METRO', 'Metro Transit'), service_provider.register_issuer('BANKJP', 'Bank'),
       service_provider.register_application(:METRO1, 'season ticket') \g /dev/null
SELECT plan(114);

SELECT card_issuer.register_key(1, 'ecies-x25519') \g /dev/null
-- A card NAME-A with season ticket and points, reissued as NAME-B with an overlap.
CREATE FUNCTION t.overlap(name text, overlap interval DEFAULT '30 days', reason reissue_reason DEFAULT 'upgraded', platform_type integer DEFAULT 100)
    RETURNS message_id
    LANGUAGE plpgsql
AS $$
DECLARE
    load message_id;
BEGIN
    PERFORM card_issuer.issue_card((name || '-A')::card_id, platform_type), t.load((name || '-A')::card_id, 'D276AC0001EF01');
    load := t.load((name || '-A')::card_id, 'D276AB0085CD01');
    PERFORM t.replace(name || '-A', name || '-B', overlap, reason);
    RETURN load;
END
$$;
CREATE FUNCTION t.replace(old_card text, new_card text, overlap interval DEFAULT NULL, reason reissue_reason DEFAULT 'upgraded')
    RETURNS text
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM card_issuer.request_reissue(old_card::card_id, reason);
    RETURN (SELECT r.entitlements || '/' || r.notices
              FROM card_issuer.reissue_card(old_card => old_card::card_id, new_card => new_card::card_id, overlap => overlap) r);
END
$$;
-- The day on which the overlap ends comes.
CREATE FUNCTION t.end_overlap(card card_id)
    RETURNS void
    LANGUAGE sql
AS $$
    UPDATE card_issuer.card c SET overlap_until = now() - interval '1 second' WHERE c.card_id = card AND c.overlap_until > now()
$$;
-- What METRO is told of a card: whether it may load, and what is inherited; what
-- an operator is told, where that is more.
CREATE FUNCTION t.answer(card card_id, app app_id DEFAULT 'D276AB0085CD02', role_name name DEFAULT 'metro')
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT t.run(format($q$SELECT CASE WHEN p.permitted THEN 'permitted' ELSE p.refusal END || coalesce(' inherits ' || p.inherits, '')
                             FROM card_issuer.permit_load(app => %L, card => %L) p$q$, app, card), role_name)
$$;

-- E7: both work.
SELECT card_issuer.issue_card('ZERO-A', 100) \g /dev/null
SELECT t.load('ZERO-A', :METRO1) AS z1 \gset
SELECT t.reissue('ZERO-A', 'BOTH-A') \g /dev/null
SELECT is(t.replace('BOTH-A', 'BOTH-B', '30 days'), '1/1', 'E7: reissued with an overlap: the same entitlements and notices');
SELECT is(t.card_status('BOTH-A') || ', ' || t.card_status('BOTH-B'), 'replaced, active', 'E7: replaced at once');
SELECT is((SELECT c.overlap_until - now() FROM card_issuer.card c WHERE c.card_id = 'BOTH-A'), '30 days', 'E7: with the time until which it works on');
SELECT is(card_issuer.find_new_card('BOTH-A') || ' ' || card_issuer.find_old_card('BOTH-B'), 'BOTH-B BOTH-A', 'E7, R18: the pair is the same, overlap or not');
SELECT is((SELECT string_agg(l.card_id || ' ' || l.status, ', ' ORDER BY l.hop) FROM card_issuer.lineage('BOTH-A') l),
          'ZERO-A replaced, BOTH-A replaced, BOTH-B active', 'E7: and so is the chain');
SELECT is((SELECT string_agg(p.old_card_id || ' ' || p.new_card_id, ', ' ORDER BY p.old_card_id) FROM card_issuer.reissue_pair p), 'BOTH-A BOTH-B, ZERO-A BOTH-A',
          'E7: Fig. 13 shows it');
SELECT is(t.answer(c), 'permitted', 'E7: an application is loaded on ' || c) FROM unnest('{BOTH-A,BOTH-B}'::card_id[]) c;
SELECT is(t.run(format($$SELECT f FROM card_issuer.find_reissue(%L, 'D276AB0085CD01') f$$, c), 'metro'), format('(100,t,%s,%s)', :'z1', o),
          'E7: Fig. 19 answers about ' || c)
  FROM (VALUES ('BOTH-A', 'ZERO-A'), ('BOTH-B', 'BOTH-A')) v (c, o);
SELECT is(t.answer(c, :METRO1), 'permitted inherits ' || :'z1', 'E7: the inherited application is reloaded on ' || c) FROM unnest('{BOTH-A,BOTH-B}'::card_id[]) c;
SELECT is(t.run($$SELECT f FROM card_issuer.find_reissue('ZERO-A', 'D276AB0085CD01') f$$, 'metro') || t.answer('ZERO-A'), '(200,f,,)refused',
          'E7: without an overlap an old card works no more');
SELECT throws_ok($$SELECT t.replace('BOTH-A', 'BOTH-C')$$, 'SR006', NULL, 'E7: an old card that still works is not reissued twice');
SELECT throws_ok(format('SELECT card_issuer.%s', q), 'SR005', NULL, 'E7: nor ' || q)
  FROM unnest(ARRAY[$$renew_card('BOTH-A', today() + 1)$$, $$activate_card('BOTH-A')$$, $$unblock_card('BOTH-A')$$, $$personalize_card('BOTH-A', 1)$$,
                    $$set_opt_out('BOTH-A', NULL, true)$$, $$withdraw_reissue('BOTH-A')$$]) q;
SELECT t.end_overlap('BOTH-A') \g /dev/null
SELECT is(t.run($$SELECT f FROM card_issuer.find_reissue('BOTH-A', 'D276AB0085CD01') f$$, 'metro') || t.answer('BOTH-A'), '(200,f,,)refused', 'E7: the overlap over, it works no more');
SELECT is(t.answer('BOTH-A', role_name => 'clerk'), 'card_status', 'E7: card_status is the cause');
SELECT is(t.answer('BOTH-B'), 'permitted', 'E7: the new card works on');
UPDATE card_issuer.card c SET overlap_until = now() WHERE c.card_id = 'BOTH-A';
SELECT is(t.answer('BOTH-A'), 'refused', 'E7: nor at the very end');
SELECT lives_ok($$SELECT card_issuer.withdraw_reissue('BOTH-B')$$, 'E9: withdrawn after the overlap');
SELECT is((SELECT format('%s %s %s', c.status, c.former_status, c.overlap_until) FROM card_issuer.card c WHERE c.card_id = 'BOTH-A'), 'active  ', 'E9: the old card is active as before');
SELECT is(t.answer('BOTH-A') || ', ' || t.answer('BOTH-B'), 'permitted, refused', 'E9: and alone');

-- Method 2: an inquiry of a card in its overlap is answered, and its key counts.
SELECT t.overlap('SEAL', platform_type => 200) AS seal \gset
SELECT card_issuer.withdraw_reissue('SEAL-B') \g /dev/null
SELECT p.attribute AS attribute_a FROM card_issuer.personalize_card('SEAL-A', 1) p \gset
SELECT t.replace('SEAL-A', 'SEAL-C', '30 days') \g /dev/null
SELECT p.attribute AS attribute_c FROM card_issuer.personalize_card('SEAL-C', 1) p \gset
CREATE FUNCTION t.inquire(attribute card_attribute)
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    reply CONSTANT text := t.run(format('SELECT i FROM card_issuer.inquire(%L, %L) i', attribute, 'D276AB0085CD01'), 'metro');
BEGIN
    RETURN reply || coalesce((SELECT ' ' || i.cause FROM card_issuer.inquiry i WHERE i.provider = 'METRO' ORDER BY i.inquiry_no DESC LIMIT 1), '');
END
$$;
SELECT is(t.inquire(:'attribute_c'), format('(200,t,%s)', :'seal'), 'E7: an inquiry of the new card');
SELECT is(t.inquire(:'attribute_a'), '(200,f,) not_reissued', 'E7: one of the old card: it replaced none');
SELECT is((SELECT p.permitted::text FROM card_issuer.permit_load(app => :METRO2, attribute => :'attribute_a') p), 'true', 'E7: which is loaded by attribute');
SELECT is((SELECT u.cards_in_use FROM card_issuer.key_usage u WHERE u.key_id = 1), 2::bigint, 'E40: the key of a card in its overlap is in use');
SELECT t.end_overlap('SEAL-A') \g /dev/null
SELECT is(t.inquire(:'attribute_a'), '(200,f,) card_status', 'E7: the overlap over, the cause is its status');
SELECT is((SELECT p.refusal FROM card_issuer.permit_load(app => :METRO2, attribute => :'attribute_a') p), 'refused', 'E7: and it is loaded no more');
SELECT is((SELECT u.cards_in_use FROM card_issuer.key_usage u WHERE u.key_id = 1), 1::bigint, 'E40: nor is its key in use');
-- A chain, so that the old card inherits itself.
SELECT t.replace('SEAL-C', 'SEAL-D', '30 days') \g /dev/null
SELECT is(t.inquire(:'attribute_c'), format('(200,t,%s)', :'seal'), 'E7: an inquiry of an old card that is a reissued one: as before');
SELECT card_issuer.block_card('SEAL-C', 'stolen') \g /dev/null
SELECT is(t.inquire(:'attribute_c'), '(200,f,) card_status', 'E7: until it is blocked');

-- Loads on the old card in the overlap.
SELECT t.overlap('LOAD') AS m1 \gset
SELECT t.load('LOAD-A', :METRO2) AS m2 \gset
SELECT is(t.inherited('LOAD-B', :METRO2)::text, :'m2', 'E7: loaded on the old card in the overlap: the new card inherits it');
SELECT is((t.notices('METRO'))[cardinality(t.notices('METRO'))] LIKE '% reissue LOAD-B<-LOAD-A ' || :'m2', true, 'E7: of which METRO is told');
SELECT is((SELECT p.inherits::text FROM card_issuer.permit_load(app => :METRO2, card => 'LOAD-B', reload_of => :'m2') p), :'m2', 'E7: and may reload it');
SELECT t.load('LOAD-B', :METRO1) AS m3 \gset
SELECT is(t.load_status(:'m1'), 'superseded', 'E7: reloaded on the new card in the overlap: the load on the old one has ended');
SELECT t.notices('METRO') AS before \gset
SELECT t.load('LOAD-A', :METRO1) AS m4 \gset
SELECT is(t.load_status(:'m4') || ' ' || t.load_status(:'m3'), 'superseded loaded', 'E2: loaded on the old card again: the new card has it, and keeps its own');
SELECT is(t.notices('METRO'), :'before', 'E2: of which nobody is told');
SELECT t.permit('LOAD-A', :RAIL1) AS m5 \gset
SELECT t.end_overlap('LOAD-A') \g /dev/null
SELECT is(t.answer('LOAD-A', :RAIL1, 'rail'), 'refused', 'E7: permitted in the overlap, and asked for again after it: refused');
SELECT lives_ok(format('SELECT t.run(%L, %L)', format('SELECT card_issuer.confirm_load(%L)', :'m5'), 'rail'), 'E7: but confirmed after it');
SELECT is(t.inherited('LOAD-B', :RAIL1)::text, :'m5', 'E7: and inherited');
SELECT card_issuer.confirm_unload(:'m2') \g /dev/null
SELECT is(t.inherited('LOAD-B', :METRO2), NULL, 'E3: removed from the old card, the new one inherits it no more');
SELECT is((SELECT count(*) FROM unnest(t.notices('METRO')) n WHERE n LIKE '% withdrawal LOAD-B<-? ' || :'m2'), 1::bigint, 'E3: of which METRO is told');

-- Blocked in the overlap.
CREATE FUNCTION t.blocked(card card_id)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT format('%s, %s', t.card_status(card), t.answer(card, role_name => 'clerk'))
$$;
SELECT t.overlap('BLOCK') AS m1 \gset
SELECT card_issuer.block_card('BLOCK-A', 'suspended') \g /dev/null
SELECT is(t.blocked('BLOCK-A'), 'replaced, card_status', 'E7: suspended, an old card works no more');
SELECT is(t.answer('BLOCK-B'), 'permitted', 'E7: the new card does');
SELECT t.on_record() AS before \gset
SELECT lives_ok($$SELECT card_issuer.block_card('BLOCK-A', 'suspended')$$, 'E7: blocked again the same: nothing is wrong with that');
SELECT is(t.on_record(), :'before', 'E7: and nothing changes');
SELECT t.refused($$SELECT card_issuer.unblock_card('BLOCK-A')$$, 'SR005', 'E8: found after the reissue it does not come back');
SELECT t.refused($$SELECT card_issuer.block_card('BLOCK-A', 'stolen')$$, 'SR005', 'E8: nor is it blocked as something else: it is replaced', 'clerk');
SELECT card_issuer.withdraw_reissue('BLOCK-B') \g /dev/null
SELECT is(t.blocked('BLOCK-A'), 'suspended, card_status', 'E9: its reissue withdrawn, it is suspended');
SELECT card_issuer.unblock_card('BLOCK-A') \g /dev/null
SELECT is(t.blocked('BLOCK-A'), 'active, permitted', 'E8: and found, what it was before all that');
SELECT is((SELECT format('%s %s', c.former_status, c.overlap_until) FROM card_issuer.card c WHERE c.card_id = 'BLOCK-A'), ' ', 'E8: without a trace');
SELECT t.overlap('PAST') AS m1 \gset
SELECT t.end_overlap('PAST-A') \g /dev/null
SELECT t.refused($$SELECT card_issuer.block_card('PAST-A', 'lost')$$, 'SR005', 'E7: the overlap over, it is not blocked any more');
SELECT card_issuer.issue_card('LOST-A', 100), card_issuer.block_card('LOST-A', 'lost'), t.reissue('LOST-A', 'LOST-B') \g /dev/null
SELECT lives_ok($$SELECT card_issuer.block_card('LOST-A', 'lost')$$, 'E8: blocked, reissued, and the block repeated: nothing is wrong with that');
SELECT t.refused($$SELECT card_issuer.block_card('LOST-A', 'stolen')$$, 'SR005', 'E8: but it is not blocked as something else');

-- Withdrawn in the overlap.
SELECT t.overlap('BACK') AS m1 \gset
SELECT t.load('BACK-B', :METRO1) AS m2, t.load('BACK-A', :METRO2) AS m3 \gset
SELECT card_issuer.withdraw_reissue('BACK-B') \g /dev/null
SELECT is(t.blocked('BACK-A') || ', ' || t.blocked('BACK-B'), 'active, already_loaded, revoked, card_status', 'E9: withdrawn in the overlap');
SELECT is(t.inherited('BACK-A', :METRO1)::text || ' ' || t.load_status(:'m3'), :'m2' || ' loaded', 'E9: the old card gets the reload back, and has what was loaded on it');
SELECT is((SELECT array_agg(substring(n FROM ' (.*)') ORDER BY n COLLATE "C") FROM unnest(t.notices('METRO')) n WHERE n LIKE '% withdrawal BACK-%'),
          ARRAY['withdrawal BACK-B<-BACK-A ' || :'m2', 'withdrawal BACK-B<-BACK-A ' || :'m3'], 'E9: of both METRO is told');
SELECT is(t.replace('BACK-A', 'BACK-C', '1 day'), '3/3', 'E9: reissued again, with an overlap');
SELECT is(t.inherited('BACK-C', :METRO1)::text || ' ' || t.inherited('BACK-C', :METRO2)::text, :'m2' || ' ' || :'m3', 'E9: all is inherited');

-- A second reissue in the overlap of the first.
SELECT t.overlap('TWICE') AS m1 \gset
SELECT is(t.replace('TWICE-B', 'TWICE-C', '10 days'), '2/2', 'E7: the new card is reissued in the overlap');
SELECT is(t.answer('TWICE-A') || ' ' || t.answer('TWICE-B') || ' ' || t.answer('TWICE-C'), 'permitted permitted permitted', 'E7: all three work');
SELECT t.load('TWICE-A', :METRO2) AS m2 \gset
SELECT is(t.inherited('TWICE-B', :METRO2)::text || ' ' || t.inherited('TWICE-C', :METRO2)::text, :'m2' || ' ' || :'m2', 'E7: loaded on the first, the others inherit it');
SELECT is((SELECT array_agg(substring(n FROM ' (.*)')) FROM unnest(t.notices('METRO')) n WHERE n LIKE '% TWICE-%' AND n LIKE '% ' || :'m2'),
          ARRAY['reissue TWICE-C<-TWICE-B ' || :'m2'], 'E7: METRO is told of the newest');
SELECT card_issuer.block_card('TWICE-B', 'lost') \g /dev/null
SELECT is(t.answer('TWICE-A') || ' ' || t.answer('TWICE-B') || ' ' || t.answer('TWICE-C'), 'already_loaded refused permitted inherits ' || :'m2', 'E7: one of them blocked, the others work on');
SELECT card_issuer.withdraw_reissue('TWICE-C') \g /dev/null
SELECT is(t.card_status('TWICE-B') || ', ' || t.answer('TWICE-A'), 'lost, already_loaded', 'E9: the second withdrawn: the second card is lost, the first works on');
SELECT card_issuer.withdraw_reissue('TWICE-B') \g /dev/null
SELECT is(t.card_status('TWICE-A') || ' ' || t.load_status(:'m2'), 'active loaded', 'E9: the first withdrawn, too');

-- The validity of the old card ends in the overlap.
SELECT t.overlap('VALID', '30 days') AS m1 \gset
UPDATE card_issuer.card c SET valid_until = today() WHERE c.card_id = 'VALID-A';
SELECT is(t.answer('VALID-A'), 'permitted', 'E7, E54: an old card works to the end of its last day');
UPDATE card_issuer.card c SET valid_until = today() - 1 WHERE c.card_id = 'VALID-A';
SELECT is(t.answer('VALID-A') || ', ' || t.answer('VALID-B'), 'refused, permitted', 'E7: and not longer, whatever the overlap');
SELECT is(card_issuer.expire_cards(), 0::bigint, 'E7: it does not expire, it is replaced');
SELECT card_issuer.withdraw_reissue('VALID-B') \g /dev/null
SELECT is(t.card_status('VALID-A') || ', ' || t.answer('VALID-A') || ', ' || card_issuer.expire_cards(), 'active, refused, 1', 'E9: withdrawn after that, it expires');

-- What overlap may be.
SELECT card_issuer.issue_card('ARG-A', 100), card_issuer.request_reissue('ARG-A', 'damaged') \g /dev/null
SELECT t.on_record() AS before \gset
SELECT t.refused(format($$SELECT card_issuer.reissue_card(old_card => 'ARG-A', new_card => 'ARG-B', overlap => %L)$$, o), '22023', 'E7: no overlap of ' || o)
  FROM unnest('{0,-1 day,1 day -24:00:01,00:00:00}'::text[]) o;
DO $$
BEGIN
    IF current_setting('server_version_num')::integer >= 170000 THEN
        PERFORM t.run($q$SELECT card_issuer.reissue_card(old_card => 'ARG-A', new_card => 'ARG-B', overlap => 'infinity')$q$);
        RAISE 'an overlap without an end';
    END IF;
EXCEPTION WHEN invalid_parameter_value THEN
END
$$;
SELECT is(t.on_record(), :'before', 'E7: refused, nothing has changed');
SELECT lives_ok($$SELECT card_issuer.reissue_card(old_card => 'ARG-A', new_card => 'ARG-B', overlap => NULL)$$, 'E7: NULL is no overlap');
SELECT is(t.blocked('ARG-A'), 'replaced, card_status', 'E7: the old card ends at once');
CREATE FUNCTION t.unfit(card card_id, reason reissue_reason, status card_status)
    RETURNS void
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM card_issuer.issue_card(card, 100, activate => status <> 'produced'), card_issuer.request_reissue(card, reason);
    IF status NOT IN ('produced', 'active') THEN
        PERFORM card_issuer.block_card(card, status);
    END IF;
END
$$;
SELECT t.unfit(('REASON-' || r)::card_id, r, 'active') FROM unnest(enum_range(NULL::reissue_reason)) r \g /dev/null
SELECT CASE WHEN r IN ('lost', 'stolen', 'compromised')
            THEN t.refused(format($$SELECT card_issuer.reissue_card(old_card => %L, new_card => %L, overlap => '1 day')$$, 'REASON-' || r, 'FOR-' || r), '22023',
                           'E7: no overlap for a card that is ' || r)
            ELSE lives_ok(format($$SELECT card_issuer.reissue_card(old_card => %L, new_card => %L, overlap => '1 day')$$, 'REASON-' || r, 'FOR-' || r),
                          'E7: an overlap for a card that is ' || r) END
  FROM unnest(enum_range(NULL::reissue_reason)) r;
SELECT t.unfit(('STATE-' || s)::card_id, 'damaged', s) FROM unnest('{produced,suspended,lost,stolen,damaged}'::card_status[]) s \g /dev/null
SELECT t.refused(format($$SELECT card_issuer.reissue_card(old_card => %L, new_card => %L, overlap => '1 day')$$, 'STATE-' || s, 'FIT-' || s), 'SR005',
                 'E7: no overlap for a card that does not work: ' || s)
  FROM unnest('{produced,suspended,lost,stolen,damaged}'::card_status[]) s;
SELECT throws_like($$SELECT card_issuer.reissue_card(old_card => 'STATE-suspended', new_card => 'FIT-suspended', overlap => '1 day')$$,
                   '% is suspended, it cannot be used beside its replacement', 'E7: the error names both');
SELECT lives_ok(format($$SELECT card_issuer.reissue_card(old_card => %L, new_card => %L)$$, 'STATE-' || s, 'FIT-' || s), 'E7: but reissued without: ' || s)
  FROM unnest('{produced,suspended,lost,stolen,damaged}'::card_status[]) s;

-- E10: a temporary card, and a permanent one from the original.  METRO reloads on
-- the temporary card, SHOP does not, and RAIL is never told.
SELECT card_issuer.issue_card('TEMP-A', 100, 'H1'), card_issuer.set_tariff(:METRO1, 'reload', 100, 'JPY') \g /dev/null
SELECT t.load('TEMP-A', :METRO1) AS metro, t.load('TEMP-A', :SHOP1) AS shop, t.load('TEMP-A', :RAIL1) AS rail \gset
SELECT service_provider.record_load(:'metro', :METRO1, 'TEMP-A', platform_type => 100) \g /dev/null
SELECT card_issuer.block_card('TEMP-A', 'lost'), card_issuer.request_reissue('TEMP-A', 'lost'),
       card_issuer.reissue_card(old_card => 'TEMP-A', new_card => 'TEMP-B', valid_until => today() + 14) \g /dev/null
CREATE FUNCTION t.relay()
    RETURNS void
    LANGUAGE sql
AS $$
    SELECT service_provider.receive_notice(n.issuer, n.provider, n.notice_no, n.kind, n.platform_type, n.new_card_id,
               n.old_card_id, n.app_id, n.message_id, n.reason, n.noted_at, 'file')
      FROM screissue.notice n
     WHERE n.provider = 'METRO' AND n.notice_no > (SELECT coalesce(max(i.notice_no), 0) FROM service_provider.reissue_notice i)
$$;
CREATE FUNCTION t.reload(card card_id)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT t.relay();
    SELECT concat_ws(' ', r.outcome, r.inherits) FROM service_provider.request_reload('D276AB0085CD01', 'BANKJP', 100, card) r
$$;
SELECT is(t.reload('TEMP-B'), 'approved ' || :'metro', 'E10: METRO reloads on the temporary card');
SELECT t.load('TEMP-B', :METRO1) AS reload \gset
SELECT service_provider.complete_reload((SELECT max(r.request_id) FROM service_provider.reload_request r), :'reload') \g /dev/null
UPDATE card_issuer.card c SET valid_until = today() - 1 WHERE c.card_id = 'TEMP-B';
SELECT card_issuer.expire_cards() \g /dev/null
SELECT is(t.card_status('TEMP-B') || ', ' || t.answer('TEMP-B'), 'expired, refused', 'E10: the temporary card expires');
SELECT is(t.inherited('TEMP-B', :SHOP1), NULL, 'E10: and gets no answer');
SELECT card_issuer.withdraw_reissue('TEMP-B') \g /dev/null
SELECT is(t.card_status('TEMP-A') || ', ' || t.card_status('TEMP-B'), 'lost, revoked', 'E10: expired, it is withdrawn; the original is lost still');
SELECT is((SELECT sum(c.amount) FROM card_issuer.charge c WHERE c.message_id = :'reload'), 0::numeric, 'E52: the reload on it is refunded');
SELECT is((SELECT r.entitlements || '/' || r.notices FROM (SELECT card_issuer.request_reissue('TEMP-A', 'lost')) q,
                  LATERAL card_issuer.reissue_card(old_card => 'TEMP-A', new_card => 'TEMP-C', valid_until => today() + 900) r), '3/2',
          'E10: the permanent card comes from the original, not from the temporary one');
SELECT is((SELECT string_agg(l.card_id::text, ' ' ORDER BY l.hop) FROM card_issuer.lineage('TEMP-C') l), 'TEMP-A TEMP-C', 'E10: with which it is paired');
SELECT is((SELECT array_agg(format('%s %s', e.message_id, e.hops) ORDER BY e.app_id) FROM card_issuer.entitlement e WHERE e.card_id = 'TEMP-C'),
          ARRAY[:'reload' || ' 2', :'shop' || ' 1', :'rail' || ' 1'], 'E10: it inherits the reload of the one, and the old load of the others');
SELECT is(t.reload('TEMP-C'), 'approved ' || :'reload', 'E10: METRO reloads by its load on the temporary card');
SELECT is(t.reload('TEMP-B'), 'entitlement_withdrawn', 'E10: on which nothing is reloaded');
SELECT t.load('TEMP-C', :METRO1) AS metro2, t.load('TEMP-C', :SHOP1) AS shop2, t.load('TEMP-C', :RAIL1) AS rail2 \gset
SELECT service_provider.complete_reload((SELECT max(r.request_id) FROM service_provider.reload_request r WHERE r.card_id = 'TEMP-C'), :'metro2') \g /dev/null
SELECT is((SELECT string_agg(t.load_status(m)::text, ' ') FROM unnest(ARRAY[:'metro', :'reload', :'metro2', :'shop', :'shop2', :'rail', :'rail2']::message_id[]) m),
          'superseded superseded loaded superseded loaded superseded loaded', 'E10: in the end each application lives once');
SELECT is((SELECT sum(c.amount) FROM card_issuer.charge c WHERE c.app_id = :METRO1 AND c.message_id = :'metro2'), 100::numeric, 'E10: and METRO pays for one reload');
SELECT is(t.reload('TEMP-C'), 'already_reloaded ' || :'metro2', 'E10: METRO knows that it is done');


-- E54: how long an overlap is does not depend on the client's time zone: a year has
-- two changes of the clocks there, and half a year has one.
SELECT card_issuer.issue_card('ZONE-A', 100), card_issuer.request_reissue('ZONE-A', 'upgraded'), set_config('timezone', 'America/New_York', true) \g /dev/null
SELECT card_issuer.reissue_card('ZONE-A', 'ZONE-B', overlap => '180 days') \g /dev/null
SELECT is((SELECT c.overlap_until - now() FROM card_issuer.card c WHERE c.card_id = 'ZONE-A'), interval '180 days', 'E54: 180 days, whatever the clocks do');
SELECT * FROM finish();
ROLLBACK;
