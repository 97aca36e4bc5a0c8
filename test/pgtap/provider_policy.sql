-- The service provider's policy for reloads (R50, E50; design 9)
BEGIN;
CREATE EXTENSION screissue;
SET search_path = screissue, public;
SELECT plan(27);

SELECT service_provider.setup('METRO', 'Metro Transit') \g /dev/null
SELECT service_provider.register_issuer('BANKJP', 'Bank'), service_provider.register_application('A000000001', 'fare') \g /dev/null
SELECT service_provider.record_load(format('BANKJP/METRO/%s', n)::message_id, 'A000000001', format('OLD-%s', n)::card_id, 'user ' || n,
                                    ROW(true, 'salary seen', NULL)::verdict, '{"plan": "monthly"}'),
       service_provider.receive_notice('BANKJP', 'METRO', n, 'reissue', 100, 'NEW-' || n, 'OLD-' || n, 'A000000001',
                                       'BANKJP/METRO/' || n, 'stolen', now(), 'file')
  FROM generate_series(1, 6) n \g /dev/null
CREATE FUNCTION pg_temp.request(n integer)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT concat_ws('|', r.outcome, r.refusal, r.inherits, r.examination_substituted)
      FROM service_provider.request_reload('A000000001', 'BANKJP', 100, card => format('NEW-%s', n)::card_id, requested_by => 'terminal 9') r
$$;
CREATE FUNCTION pg_temp.state(query text)
    RETURNS text
    LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE query;
    RETURN 'none';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;

SELECT is(pg_temp.request(1), 'approved|BANKJP/METRO/1|t', 'R50: without a policy the record decides');
SELECT is((SELECT count(*) FROM service_provider.examination x WHERE x.event = 'reload'), 1::bigint, 'R50: by the substituted examination alone');

CREATE SCHEMA metro;
CREATE TABLE metro.verdict AS SELECT ROW(true, 'no debts', '30 days')::screissue.verdict AS v, NULL::jsonb AS told;
CREATE FUNCTION metro.reload_policy(request jsonb)
    RETURNS screissue.verdict
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE metro.verdict SET told = request;
    RETURN (SELECT d.v FROM metro.verdict d);
END
$$;
SELECT lives_ok($$SELECT service_provider.set_policy('reload', 'metro.reload_policy(jsonb)')$$, 'R50: a policy for reloads');
SELECT is(pg_temp.request(2), 'approved|BANKJP/METRO/2|t', 'R50: the policy approves what the record allows');
SELECT is(d.told #>> ARRAY[k], w.value, 'design 9: it was told: ' || k)
  FROM metro.verdict d,
       (VALUES ('event', 'reload'), ('application', 'A000000001'), ('issuer', 'BANKJP'), ('platform_type', '100'), ('method', '1'),
               ('requested_by', 'terminal 9'), ('reason', 'stolen'), ('inherits', 'BANKJP/METRO/2'), ('user_ref', 'user 2'),
               ('reloads_in_12_months', '0')) w (k, value);
SELECT is((SELECT format('%s %s', d.told #>> '{account,plan}', d.told #>> '{old_examination,reason}') FROM metro.verdict d), 'monthly salary seen',
          'design 9: account and old examination');
SELECT is((SELECT format('%s %s %s', x.approved, x.reason, x.examiner) FROM service_provider.examination x ORDER BY x.examination_id DESC LIMIT 1),
          't no debts metro.reload_policy(jsonb)', 'design 9: its verdict is on record');

UPDATE metro.verdict SET v = ROW(false, 'debts', NULL)::screissue.verdict;
SELECT is(pg_temp.request(3), 'refused|debts|BANKJP/METRO/3|f', 'E50: the provider refuses, whatever the issuer has said');
SELECT is(pg_temp.state(format('SELECT service_provider.examine_reload((SELECT max(r.request_id) FROM service_provider.reload_request r), ROW(%s, NULL)::screissue.verdict)', v)),
          'SR007', 'R50: which no examination changes: ' || v)
  FROM unnest(ARRAY[$$true, 'good'$$, $$false, 'debts'$$]) v;
UPDATE metro.verdict SET v = ROW(NULL, 'ask the desk', NULL)::screissue.verdict;
SELECT is(pg_temp.request(4), 'examination_required|ask the desk|BANKJP/METRO/4|f', 'E50: or leaves it open');
SELECT is((SELECT e.outcome::text FROM service_provider.examine_reload((SELECT max(r.request_id) FROM service_provider.reload_request r),
                                                                      ROW(true, NULL, NULL)::verdict) e), 'approved', 'R50: to a person');
UPDATE metro.verdict SET v = NULL;
SELECT is(pg_temp.state('SELECT pg_temp.request(5)'), '22004', 'design 9: a policy that returns NULL');
SELECT is((SELECT count(*) FROM service_provider.reload_request r WHERE r.card_id = 'NEW-5'), 0::bigint, 'design 9: nothing is half done');
UPDATE metro.verdict SET v = ROW(false, 'debts', NULL)::screissue.verdict;
SELECT service_provider.set_policy('reload', NULL) \g /dev/null
SELECT is(pg_temp.request(6), 'approved|BANKJP/METRO/6|t', 'R50: without a policy again');

SELECT is(pg_temp.state('SELECT service_provider.set_policy(' || a || ')'), s, 'set_policy(' || a || ')')
  FROM (VALUES ('''load'', NULL', '22023'), ('NULL, NULL', '22023'), ('''reload'', ''now()''', '42804')) v (a, s);

SELECT * FROM finish();
ROLLBACK;
