-- The pair, both ways, by index (R18, R40): 100,000 cards, half of them pairs
BEGIN;
\ir include/issuer.sql
SELECT plan(19);

-- Card number n of a series of ids.
CREATE FUNCTION t.card(series integer, n integer)
    RETURNS card_id
    LANGUAGE sql
    IMMUTABLE
AS $$ SELECT (series || lpad(n::text, 15, '0'))::card_id $$;

-- 50,000 pairs, each with a load, an entitlement and a notice.
INSERT INTO card_issuer.card (card_id, platform_type, status, issued_at, replaces, replaced_by, replaced_at)
SELECT t.card(4, n), 100, 'replaced'::card_status, now(), NULL::card_id, t.card(5, n), now()
  FROM generate_series(1, 50000) n
UNION ALL
SELECT t.card(5, n), 100, 'active', now(), t.card(4, n), NULL, NULL
  FROM generate_series(1, 50000) n;
INSERT INTO card_issuer.app_load (card_id, message_id, app_id, provider, status, tariff_kind, at_issue, permitted_at, loaded_at)
SELECT t.card(4, n), message_id('BANKJP', 'METRO', n), :METRO1, 'METRO', 'loaded', 'load', false, now(), now()
  FROM generate_series(1, 50000) n;
INSERT INTO card_issuer.entitlement (card_id, app_id, message_id, old_card_id, hops, granted_at)
SELECT t.card(5, n), :METRO1, message_id('BANKJP', 'METRO', n), t.card(4, n), 1, now()
  FROM generate_series(1, 50000) n;
INSERT INTO screissue.notice (issuer, provider, notice_no, kind, platform_type, new_card_id, old_card_id, app_id, message_id, reason, noted_at)
SELECT 'BANKJP', 'METRO', n, 'reissue', 100, t.card(5, n)::text, t.card(4, n)::text, :METRO1, 'BANKJP/METRO/' || n, 'lost', now()
  FROM generate_series(1, 50000) n;
INSERT INTO card_issuer.reissue_request (old_card_id, request_id, reason, status, requested_at, new_card_id, former_status, completed_at)
SELECT t.card(4, n), nextval('card_issuer.request_sequence'), 'lost', 'completed', now(), t.card(5, n), 'active', now()
  FROM generate_series(1, 50000) n;
INSERT INTO card_issuer.examination (card_id, examination_id, event, approved, examined_at)
SELECT t.card(4, n), nextval('card_issuer.examination_sequence'), 'reissue', true, now()
  FROM generate_series(1, 50000) n;
SELECT setval('card_issuer.message_sequence', 50000), setval('card_issuer.request_sequence', 50000) \g /dev/null
UPDATE card_issuer.notice_counter k SET last_notice_no = 50000 WHERE k.provider = 'METRO';
ANALYZE card_issuer.card, card_issuer.app_load, card_issuer.entitlement, card_issuer.reissue_request, card_issuer.examination, screissue.notice;

-- Relations that a plan scans whole, and indexes that it probes, those of
-- partitions by the names that they would have without.
CREATE FUNCTION t.plan(query text, OUT seq_scans text[], OUT indexes text[])
    LANGUAGE plpgsql
AS $$
DECLARE
    explained jsonb;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) ' || query INTO explained;
    SELECT array_agg(DISTINCT n ->> 'Relation Name') FILTER (WHERE n ->> 'Node Type' LIKE '%Seq Scan'
                                                                OR n ->> 'Node Type' LIKE '%Bitmap Heap Scan'),
           array_agg(regexp_replace(n ->> 'Index Name', '_\d+_', '_') ORDER BY n ->> 'Index Name') FILTER (WHERE n ->> 'Node Type' LIKE 'Index%Scan')
      INTO seq_scans, indexes
      FROM jsonb_path_query(explained, 'strict $.**') n
     WHERE jsonb_typeof(n) = 'object' AND (n ->> 'Actual Loops')::numeric > 0;
END
$$;
SELECT is((SELECT p.indexes FROM t.plan(q.query) p), q.indexes, 'R18: index scans: ' || q.query)
  FROM (VALUES
    ($$SELECT * FROM card_issuer.reissue_pair WHERE old_card_id = '4000000000012345'$$, '{card_pkey,card_pkey}'::text[]),
    ($$SELECT * FROM card_issuer.reissue_pair WHERE new_card_id = '5000000000012345'$$, '{card_pkey,card_pkey}'),
    ($$SELECT * FROM card_issuer.reissue_pair WHERE issuer = 'BANKJP' AND new_card_id = '5000000000012345'$$, '{card_pkey,card_pkey}')) q (query, indexes);
SELECT is((SELECT p.seq_scans FROM t.plan(q) p), '{self}'::text[], 'R18: no scan of a whole table but of the one row of self: ' || q)
  FROM unnest(ARRAY[
    $$SELECT * FROM card_issuer.reissue_pair WHERE old_card_id = '4000000000012345'$$,
    $$SELECT * FROM card_issuer.reissue_pair WHERE new_card_id = '5000000000012345'$$]) q;
PREPARE by_old(card_id) AS SELECT * FROM card_issuer.reissue_pair WHERE old_card_id = $1;
PREPARE by_new(card_id) AS SELECT * FROM card_issuer.reissue_pair WHERE new_card_id = $1;
SET LOCAL plan_cache_mode = force_generic_plan;
SELECT is((SELECT p.indexes FROM t.plan(q) p), '{card_pkey,card_pkey}'::text[], 'R18: index scans with a generic plan: ' || q)
  FROM unnest(ARRAY[$$EXECUTE by_old('4000000000012345')$$, $$EXECUTE by_new('5000000000012345')$$]) q;
RESET plan_cache_mode;

-- What the calls themselves read: no scan of a large table, and few rows.
CREATE FUNCTION t.work(query text, times integer DEFAULT 10)
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    large CONSTANT oid[] := ARRAY(SELECT c.oid FROM pg_class c WHERE c.reltuples >= 10000 AND c.relkind = 'r'
                                     AND c.relnamespace IN ('card_issuer'::regnamespace, 'screissue'::regnamespace));
    tables CONSTANT bigint := (SELECT count(DISTINCT coalesce(pg_partition_root(l), l)) FROM unnest(large) l);
    before bigint[] := t.reads(large);
    used bigint[];
BEGIN
    FOR n IN 1 .. times LOOP
        EXECUTE query USING n;
    END LOOP;
    used := t.reads(large);
    RETURN format('%s large tables, %s scans, %s', tables, used[1] - before[1],
                  CASE WHEN (used[2] - before[2]) / times <= 100 THEN 'few rows'
                       ELSE ((used[2] - before[2]) / times) || ' rows a call' END);
END
$$;
CREATE FUNCTION t.reads(tables oid[])
    RETURNS bigint[]
    LANGUAGE sql
    VOLATILE
AS $$
    SELECT ARRAY[sum(pg_stat_get_xact_numscans(r)), sum(pg_stat_get_xact_tuples_returned(r)) + sum(
               (SELECT sum(pg_stat_get_xact_tuples_returned(i.indexrelid)) FROM pg_index i WHERE i.indrelid = r))]::bigint[]
      FROM unnest(tables) r
$$;
SELECT isnt(t.work('SELECT count(*) FROM card_issuer.card c WHERE c.printed_number = ''1''', 1), '6 large tables, 0 scans, few rows',
            'a scan of a large table would be seen');
SELECT is(t.work(q.query, 10), '6 large tables, 0 scans, few rows', q.label)
  FROM (VALUES
    ($$SELECT card_issuer.find_old_card(t.card(5, $1 + 100))$$, 'R18: find_old_card'),
    ($$SELECT card_issuer.find_new_card(t.card(4, $1 + 100))$$, 'R18: find_new_card'),
    ($$SELECT card_issuer.lineage(t.card(4, $1 + 100))$$, 'E4: lineage'),
    ($$SELECT card_issuer.find_load(message_id('BANKJP', 'METRO', $1 + 100))$$, 'R40: find_load, by message id'),
    ($$SELECT card_issuer.find_reissue(t.card(5, $1 + 100), 'D276AB0085CD01')$$, 'R28: find_reissue'),
    ($$SELECT card_issuer.fetch_notices('METRO', 49000 + $1, 20)$$, 'R28: a page of notices'),
    ($$SELECT t.load(t.card(5, $1 + 100), 'D276AB0085CD02')$$, 'R7: permission and proof of a load'),
    ($$SELECT t.load(t.card(5, $1 + 100), 'D276AB0085CD01')$$, 'R27: permission and proof of a reload'),
    ($$SELECT t.reissue(t.card(5, $1 + 200), t.card(6, $1 + 200))$$, 'R17: request and reissue'),
    ($$SELECT card_issuer.withdraw_reissue(t.card(6, $1 + 200))$$, 'E9: a reissue withdrawn'),
    ($$SELECT card_issuer.confirm_unload(message_id('BANKJP', 'METRO', $1 + 300))$$, 'E3: an unload after the reissue')) q (query, label);

SELECT * FROM finish();
ROLLBACK;
