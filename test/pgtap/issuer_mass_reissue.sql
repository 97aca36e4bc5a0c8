-- Reissue of many cards in one call: what it writes is what a call of
-- reissue_card for each card would write (R17-R21, E1-E3, E13c, E56)
BEGIN;
\ir include/issuer.sql
SELECT plan(32);

-- Two sets of cards with the same histories, A1... and B1...
CREATE PROCEDURE t.prepare(x text)
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM card_issuer.register_holder('holder ' || x, '{"born": "1980-01-01"}'),
            card_issuer.issue_card((x || n)::card_id, CASE n WHEN 2 THEN 200 WHEN 3 THEN 999 ELSE 100 END, 'holder ' || x)
       FROM generate_series(1, 12) n;
    PERFORM t.load((x || n)::card_id, a)
       FROM generate_series(1, 9) n, unnest('{D276AB0085CD01,D276AC0001EF01,D276AD0001EF01}'::app_id[]) a
      WHERE n <> 4;                                                         -- 4: nothing on it
    PERFORM card_issuer.confirm_unload(l.message_id)                        -- 5: one application removed
       FROM card_issuer.app_load l WHERE l.card_id = (x || '5')::card_id AND l.app_id = 'D276AC0001EF01';
    PERFORM t.permit((x || '5')::card_id, 'D276AB0085CD02');                -- and one permitted, not confirmed
    PERFORM t.reissue((x || '6')::card_id, (x || '16')::card_id);           -- 16: inherits what 6 had, uses one of it
    PERFORM t.load((x || '16')::card_id, 'D276AB0085CD01');
    PERFORM card_issuer.block_card((x || '7')::card_id, 'stolen');          -- 7: blocked, its request approved before
    PERFORM card_issuer.request_reissue((x || '7')::card_id, 'stolen', 'the holder');
    PERFORM card_issuer.set_opt_out((x || '8')::card_id, NULL, true);       -- 8, 9: opted out
    PERFORM card_issuer.set_opt_out((x || '9')::card_id, 'D276AB0085CD01', true);
    PERFORM card_issuer.request_reissue((x || '10')::card_id, 'damaged'),   -- 10: an earlier request was withdrawn
            card_issuer.decide_reissue((x || '10')::card_id, false);
    UPDATE card_issuer.card c SET valid_until = current_date + 100, printed_number = '17'
     WHERE c.card_id = (x || '11')::card_id;
END
$$;
CALL t.prepare('A');
CALL t.prepare('B');
CREATE FUNCTION t.olds(x text) RETURNS card_id[] LANGUAGE sql
AS $$ SELECT array_agg((x || n)::card_id ORDER BY (x || n)::card_id) FROM unnest('{1,2,3,4,5,7,8,9,10,11,12,16}'::integer[]) n $$;
CREATE FUNCTION t.news(x text) RETURNS card_id[] LANGUAGE sql
AS $$ SELECT array_agg((o || 'N')::card_id ORDER BY o) FROM unnest(t.olds(x)) o $$;

SELECT coalesce(max(n.notice_no) FILTER (WHERE n.provider = 'METRO'), 0) AS metro,
       coalesce(max(n.notice_no) FILTER (WHERE n.provider = 'SHOP'), 0) AS shop FROM screissue.notice n \gset
DO $$
DECLARE
    o card_id;
BEGIN
    FOREACH o IN ARRAY t.olds('A') LOOP
        IF o <> 'A7' THEN
            PERFORM card_issuer.request_reissue(o, 'compromised');
        END IF;
        PERFORM card_issuer.reissue_card(o, (o || 'N')::card_id);
    END LOOP;
END
$$;
SELECT max(n.notice_no) FILTER (WHERE n.provider = 'METRO') AS metro_a,
       max(n.notice_no) FILTER (WHERE n.provider = 'SHOP') AS shop_a FROM screissue.notice n \gset
SELECT r.reissued, r.entitlements, r.notices
  FROM card_issuer.reissue_cards(t.olds('B'), t.news('B'), 'compromised') r \gset
SELECT is(:reissued, 12, 'R17: all are reissued');

-- What is on record about a set, with neither numbers nor the name of the set.
CREATE FUNCTION t.load_name(message message_id) RETURNS text LANGUAGE sql
AS $$ SELECT substr(l.card_id::text, 2) || ' ' || l.app_id FROM card_issuer.app_load l WHERE l.message_id = message $$;
CREATE FUNCTION t.facts(x text, table_name name) RETURNS SETOF text LANGUAGE plpgsql
AS $$
DECLARE
    fact text;
BEGIN
    FOR fact IN EXECUTE CASE table_name
        WHEN 'card' THEN 'SELECT to_jsonb(c)::text FROM card_issuer.card c WHERE c.card_id::text LIKE $1'
        WHEN 'app_load' THEN 'SELECT (to_jsonb(c) - ''message_id'' - ''examination_id'' - ''inherits'')::text || t.load_name(c.inherits) FROM card_issuer.app_load c WHERE c.card_id::text LIKE $1'
        WHEN 'entitlement' THEN 'SELECT (to_jsonb(c) - ''message_id'')::text || t.load_name(c.message_id) FROM card_issuer.entitlement c WHERE c.card_id::text LIKE $1'
        WHEN 'reissue_request' THEN 'SELECT (to_jsonb(c) - ''request_id'' - ''examination_id'')::text FROM card_issuer.reissue_request c WHERE c.old_card_id::text LIKE $1'
        WHEN 'examination' THEN 'SELECT (to_jsonb(c) - ''examination_id'' - ''substitutes'' || jsonb_build_object(''details'', c.details - ''old_load'' - ''request_id'' - ''inherits''))::text FROM card_issuer.examination c WHERE c.card_id::text LIKE $1'
        WHEN 'opt_out' THEN 'SELECT to_jsonb(c)::text FROM card_issuer.opt_out c WHERE c.card_id::text LIKE $1'
        WHEN 'notice' THEN 'SELECT (to_jsonb(c) - ''notice_no'' - ''message_id'')::text || t.load_name(c.message_id::screissue.message_id)
                              FROM screissue.notice c WHERE c.new_card_id LIKE $1' END
        USING x || '%'
    LOOP
        RETURN NEXT regexp_replace(fact, '"' || x || '(\d)|holder ' || x, '"?\1', 'g');
    END LOOP;
END
$$;
SELECT cmp_ok((SELECT count(*) FROM t.facts('A', n)), '>', 1::bigint, 'there is something to compare: ' || n)
  FROM unnest('{card,app_load,entitlement,reissue_request,examination,opt_out,notice}'::name[]) n;
SELECT bag_eq(format('SELECT t.facts(%L, %L)', 'B', n), format('SELECT t.facts(%L, %L)', 'A', n), 'R17: as by single calls: ' || n)
  FROM unnest('{card,app_load,entitlement,reissue_request,examination,opt_out,notice}'::name[]) n;
SELECT is(:entitlements, (SELECT count(*)::integer FROM card_issuer.entitlement e WHERE e.card_id = ANY (t.news('B'))), 'E1: it says how many entitlements');
SELECT is(:notices, (SELECT count(*)::integer FROM screissue.notice n WHERE n.new_card_id = ANY (t.news('B')::text[])), 'R19: and how many notices');

-- Order and numbers, too: those of the single calls go on without a gap.
SELECT results_eq(
    format($$SELECT n.notice_no - %s, substr(n.new_card_id, 2), n.app_id FROM screissue.notice n WHERE n.provider = %L AND n.notice_no > %s ORDER BY 1$$, after_b, p, after_b),
    format($$SELECT n.notice_no - %s, substr(n.new_card_id, 2), n.app_id FROM screissue.notice n WHERE n.provider = %L AND n.notice_no > %s AND n.notice_no <= %s ORDER BY 1$$, after_a, p, after_a, after_b),
    'R20: the same notices under the same numbers further on: ' || p)
  FROM (VALUES ('METRO', :metro::bigint, :metro_a::bigint), ('SHOP', :shop, :shop_a)) w (p, after_a, after_b);
SELECT is(k.last_notice_no, (SELECT max(n.notice_no) FROM screissue.notice n WHERE n.provider = k.provider::text), 'R20: the counter goes on from there: ' || k.provider)
  FROM card_issuer.notice_counter k WHERE k.provider IN ('METRO', 'SHOP');

-- All or nothing; an empty call.
SELECT card_issuer.issue_card('C1', 100), card_issuer.issue_card('C2', 100) \g /dev/null
SELECT t.on_record() AS before \gset
SELECT t.refused($$SELECT card_issuer.reissue_cards('{C1,C2}', '{C1N,A1N}', 'lost')$$, '23505', 'R17: an id that was issued before');
SELECT is(t.on_record(), :'before', 'R17: then none is reissued');
SELECT is((SELECT r::text FROM card_issuer.reissue_cards('{}', '{}', 'lost') r), '(0,0,0)', 'R17: no cards, nothing to do');
-- The id of a card that replaced this very one, and was withdrawn.
SELECT card_issuer.issue_card('D1', 100), t.reissue('D1', 'D1N'), card_issuer.withdraw_reissue('D1N') \g /dev/null
SELECT t.refused($$SELECT card_issuer.reissue_cards('{C1,D1}', '{C1N,D1N}', 'lost')$$, '23505', 'E6: an id that was issued for this card before');
SELECT card_issuer.request_reissue('D1', 'lost') \g /dev/null
SELECT t.refused($$SELECT card_issuer.reissue_cards('{C1,D1}', '{C1N,D1N}', 'lost')$$, '23505', 'E6: nor with a request that is approved');

-- An approval that has expired.
SELECT card_issuer.issue_card('E1', 100), card_issuer.issue_card('E2', 100), card_issuer.request_reissue('E2', 'lost') \g /dev/null
UPDATE card_issuer.examination x SET valid_until = now() - interval '1 day' WHERE x.card_id = 'E2';
SELECT t.refused($$SELECT card_issuer.reissue_cards('{E1,E2}', '{E1N,E2N}', 'lost')$$, 'SR007', 'E55: the approval of one of two has expired');
UPDATE card_issuer.examination x SET valid_until = NULL WHERE x.card_id = 'E2';
SELECT is((SELECT r.reissued FROM card_issuer.reissue_cards('{E1,E2}', '{E1N,E2N}', 'lost') r), 2, 'R17: with and without a request at once');

-- The policy is asked for each card.
CREATE FUNCTION t.policy(request jsonb) RETURNS screissue.verdict LANGUAGE sql
AS $$ SELECT ROW(request ->> 'card' <> 'C2', 'not this one', NULL)::screissue.verdict $$;
SELECT card_issuer.set_policy('reissue', 't.policy(jsonb)') \g /dev/null
SELECT t.refused($$SELECT card_issuer.reissue_cards('{C1,C2}', '{C1N,C2N}', 'lost')$$, 'SR007', 'E13c: the policy refuses one of two');
SELECT is((SELECT r.reissued FROM card_issuer.reissue_cards('{C1}', '{C1N}', 'lost') r), 1, 'E13c: and approves the other');
SELECT is((SELECT x.examiner FROM card_issuer.examination x WHERE x.card_id = 'C1'), 't.policy(jsonb)', 'R15: on record');
SELECT card_issuer.set_policy('reissue', NULL) \g /dev/null
SELECT t.reissue('C2', 'C2N'), card_issuer.withdraw_reissue('C2N'), card_issuer.set_policy('reissue', 't.policy(jsonb)') \g /dev/null
SELECT t.refused($$SELECT card_issuer.reissue_cards('{C2}', '{C2N}', 'lost')$$, 'SR007', 'E13c: refused, with the id of a card that replaced this one and was withdrawn');
SELECT * FROM finish();
ROLLBACK;
