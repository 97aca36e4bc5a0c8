-- The pair at the provider, both ways, by index (R18): 100,000 notices
BEGIN;
CREATE EXTENSION screissue;
SET search_path = screissue, public;
SELECT plan(5);

SELECT service_provider.setup(company => 'METRO', name => 'Metro Transit') \g /dev/null
SELECT service_provider.register_issuer(issuer => 'BANKJP', name => 'Bank of Japan Point') \g /dev/null
SELECT service_provider.register_application(app => 'A000000001', name => 'Commuter pass') \g /dev/null

CREATE FUNCTION pg_temp.card(series integer, n integer)
    RETURNS card_id
    LANGUAGE sql
    IMMUTABLE
AS $$ SELECT (series || lpad(n::text, 15, '0'))::screissue.card_id $$;

INSERT INTO service_provider.app_load (message_id, issuer, app_id, card_id, platform_type, status, permitted_at, loaded_at)
SELECT message_id('BANKJP', 'METRO', n), 'BANKJP', 'A000000001', pg_temp.card(4, n), 100, 'loaded', now(), now()
  FROM generate_series(1, 100000) n;
INSERT INTO service_provider.reissue_notice (issuer, notice_no, kind, platform_type, new_card_id, old_card_id,
                                             app_id, message_id, reason, noted_at, received_at, carrier)
SELECT 'BANKJP', n, 'reissue', 100, pg_temp.card(5, n), pg_temp.card(4, n),
       'A000000001', message_id('BANKJP', 'METRO', n), 'lost', now(), now(), 'pull'
  FROM generate_series(1, 100000) n;
ANALYZE service_provider.reissue_notice, service_provider.app_load;

-- The index conditions on a card id in the plan of a query, and the scans
-- that read a whole table.
CREATE FUNCTION pg_temp.plan(query text, OUT on_card bigint, OUT whole bigint)
    LANGUAGE plpgsql
AS $$
DECLARE
    explained jsonb;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO explained;
    SELECT count(*) FILTER (WHERE n ->> 'Index Cond' ~ '(new|old)_card_id = '),
           count(*) FILTER (WHERE n ->> 'Node Type' LIKE '%Seq Scan')
      INTO on_card, whole
      FROM jsonb_path_query(explained, 'strict $.**') n
     WHERE jsonb_typeof(n) = 'object' AND n ? 'Node Type';
END
$$;
SELECT is((SELECT (p.on_card > 0, p.whole = 0) FROM pg_temp.plan(q.query) p), (true, true), q.label)
  FROM (VALUES
    ($$SELECT * FROM service_provider.reissue_pair WHERE issuer = 'BANKJP' AND old_card_id = '4000000000012345'$$,
     'R18: the reissued card of an old card by index'),
    ($$SELECT * FROM service_provider.reissue_pair WHERE issuer = 'BANKJP' AND new_card_id = '5000000000012345'$$,
     'R18: the old card of a reissued card by index')) q (query, label);
SELECT results_eq(
    $$SELECT new_card_id::text FROM service_provider.reissue_pair WHERE issuer = 'BANKJP' AND old_card_id = '4000000000012345'$$,
    $$VALUES ('5000000000012345')$$, 'R18: old to new');
SELECT results_eq(
    $$SELECT old_card_id::text FROM service_provider.reissue_pair WHERE issuer = 'BANKJP' AND new_card_id = '5000000000012345'$$,
    $$VALUES ('4000000000012345')$$, 'R18: new to old');
SELECT is(r.outcome, 'approved', 'R24: request_reload among 100,000 notices')
  FROM service_provider.request_reload(app => 'A000000001', issuer => 'BANKJP', platform_type => 100,
                                       card => '5000000000012345') r;

SELECT * FROM finish();
ROLLBACK;
