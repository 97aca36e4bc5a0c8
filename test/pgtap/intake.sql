-- What comes in from each issuer (E25, E59, E60); test/t/019_intake.pl has it with a
-- worker.
BEGIN;
CREATE EXTENSION screissue;
SET search_path = screissue, public;
SET LOCAL client_min_messages = error;

SELECT plan(30);

CREATE ROLE clerk;
CREATE ROLE auditor;
CREATE ROLE stranger;
SELECT service_provider.setup('METRO', 'Metro Transit');
SELECT service_provider.grant_operator('clerk');
SELECT service_provider.grant_auditor('auditor');
GRANT USAGE ON SCHEMA public TO clerk, auditor, stranger;

CREATE FUNCTION pg_temp.have(company text, VARIADIC numbers bigint[])
    RETURNS void
    LANGUAGE sql
AS $$
    DELETE FROM service_provider.reissue_notice n WHERE n.issuer = company::company_id;
    INSERT INTO service_provider.reissue_notice (issuer, notice_no, noted_at, received_at, carrier)
    SELECT company::company_id, no, now() - interval '2 h', now() - interval '1 h', 'file' FROM unnest(numbers) no
$$;

-- No issuer, an issuer of whom there is nothing

SELECT is_empty('SELECT * FROM service_provider.intake', 'no issuer, no line');
SELECT is_empty('SELECT * FROM service_provider.notice_gap', 'nor a gap');
SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point');
SELECT results_eq(
    $$ SELECT i.issuer::text, i.name, i.in_force, i.subscription, i.worker, i.worker_errors, i.server, i.pulled_to,
              i.last_notice_no, i.last_noted_at, i.age, i.gaps, i.quarantined FROM service_provider.intake i $$,
    $$ VALUES ('BANKJP', 'Bank of Japan Point', true, NULL::name, 'none', NULL::bigint, NULL::name, 0::bigint,
               NULL::bigint, NULL::timestamptz, NULL::interval, 0::bigint, 0::bigint) $$,
    'an issuer who has sent nothing has a line');

-- The contract

CREATE FUNCTION pg_temp.in_force(until date)
    RETURNS boolean
    LANGUAGE sql
AS $$
    SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point', contract_until => until);
    SELECT i.in_force FROM service_provider.intake i
$$;
SELECT is(pg_temp.in_force(c.until), c.in_force, 'a contract ' || c.what)
  FROM (VALUES ('until today', screissue.today(), true), ('until yesterday', screissue.today() - 1, false),
               ('without end', NULL, true)) c (what, until, in_force);

-- The subscription, without its worker

CREATE FUNCTION pg_temp.worker()
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT concat_ws(' ', i.subscription, i.worker, i.worker_errors) FROM service_provider.intake i WHERE i.issuer = 'BANKJP'
$$;
SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point', subscription => 'bankjp');
SELECT is(pg_temp.worker(), 'bankjp none', 'a subscription that was not made');
CREATE SUBSCRIPTION bankjp CONNECTION 'host=/nowhere' PUBLICATION screissue_metro WITH (connect = false);
SELECT is(pg_temp.worker(), 'bankjp disabled 0', 'one that is not enabled');
ALTER SUBSCRIPTION bankjp ENABLE;
SELECT is(pg_temp.worker(), 'bankjp down 0', 'one that has no worker');
SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point', subscription => 'other');
SELECT is(pg_temp.worker(), 'other none', 'E23: it counts which one the contract names');
ALTER SUBSCRIPTION bankjp DISABLE;
ALTER SUBSCRIPTION bankjp SET (slot_name = NONE);
DROP SUBSCRIPTION bankjp;

-- The newest notice

SELECT pg_temp.have('BANKJP', -5, 1, 2, 1099511627777, 1099511627778);
UPDATE service_provider.reissue_notice n SET received_at = now() - interval '5 min', noted_at = now() - interval '6 min'
 WHERE n.notice_no = 1099511627778;
UPDATE service_provider.reissue_notice n SET received_at = now() WHERE n.notice_no = 2;
UPDATE service_provider.issuer SET last_notice_no = 77;
SELECT results_eq(
    $$ SELECT i.last_notice_no, now() - i.last_noted_at, i.age, i.pulled_to, i.gaps FROM service_provider.intake i $$,
    $$ VALUES (1099511627778, interval '6 min', interval '5 min', 77::bigint, 0::bigint) $$,
    'E25: the newest notice is that of the newest epoch');
SELECT pg_temp.have('BANKJP', -5, -3);
SELECT is((SELECT i.last_notice_no FROM service_provider.intake i), NULL, 'answers to inquiries have no number of the issuer''s');

-- Gaps, as missing_notices has them

SELECT service_provider.register_issuer('CREDIT1', 'First Credit');
SELECT pg_temp.have('CREDIT1', 2, 4);
CREATE FUNCTION pg_temp.gaps(numbers bigint[])
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT pg_temp.have('BANKJP', VARIADIC numbers);
    SELECT i.gaps || ' ' || (SELECT count(*) FROM service_provider.missing_notices('BANKJP'))
      FROM service_provider.intake i WHERE i.issuer = 'BANKJP'
$$;
SELECT is(pg_temp.gaps(g.numbers), g.gaps || ' ' || g.gaps, 'E59: ' || g.what)
  FROM (VALUES ('nothing received', '{}'::bigint[], 0), ('no gap', '{1,2,3}', 0), ('the first ones', '{3}', 1), ('several', '{1,4,5,9}', 2),
               ('a new epoch', '{1,2,1099511627777}', 0), ('the first of a new epoch', '{1,1099511627779,1099511627780}', 1),
               ('number 2^63 - 1', '{9223372036854775807}', 1)) g (what, numbers, gaps);
SELECT results_eq(
    $$ SELECT g.issuer::text, g.from_no, g.to_no FROM service_provider.notice_gap g WHERE g.issuer = 'CREDIT1' ORDER BY g.from_no $$,
    $$ VALUES ('CREDIT1', 1::bigint, 1::bigint), ('CREDIT1', 3, 3) $$, 'E59: each issuer has its own gaps');

-- Quarantine

INSERT INTO service_provider.quarantined_notice (issuer, cause, carrier, resolved_at)
VALUES ('BANKJP', 'contradiction', 'file', now()), ('bankjp', 'unparsable: app_id', 'file', NULL), ('BANKJP', 'unparsable: kind', 'file', NULL),
       ('NOBODY', 'unknown_issuer', 'file', NULL), (NULL, 'unparsable: issuer', 'file', NULL), (E'BANKJP ', 'unparsable: issuer', 'file', NULL);
SELECT results_eq(
    $$ SELECT i.issuer::text, i.quarantined FROM service_provider.intake i ORDER BY i.issuer $$,
    $$ VALUES ('BANKJP', 2::bigint), ('CREDIT1', 0) $$, 'E37: what is open and claims to be of the issuer is counted');

-- Rights

SET LOCAL ROLE clerk;
SELECT is((SELECT count(*) FROM service_provider.intake), 2::bigint, 'E60: an operator sees it');
SET LOCAL ROLE auditor;
SELECT is((SELECT count(*) FROM service_provider.intake), 2::bigint, 'E60: so does an auditor');
SELECT is((SELECT count(*) FROM service_provider.notice_gap), 3::bigint, 'E60: and the gaps');
SET LOCAL ROLE stranger;
SELECT throws_ok('SELECT FROM service_provider.intake', '42501', NULL, 'E60: another role does not');
RESET ROLE;

-- Two thousand issuers

INSERT INTO service_provider.issuer (issuer, name)
SELECT ('I' || no)::company_id, 'Issuer ' || no FROM generate_series(1, 2000) no;
INSERT INTO service_provider.reissue_notice (issuer, notice_no, received_at, carrier)
SELECT ('I' || no)::company_id, n, now(), 'file' FROM generate_series(1, 2000) no, generate_series(1, 50) n WHERE n <> no % 50;
INSERT INTO service_provider.notice_arrival (issuer, notice_no, carrier, arrivals, first_at, last_at)
SELECT n.issuer, n.notice_no, 'paper', 3, now(), now() FROM service_provider.reissue_notice n WHERE n.carrier = 'file';
INSERT INTO service_provider.quarantined_notice (issuer, cause, carrier)
SELECT 'I' || no % 2000 + 1, 'unparsable: kind', 'file' FROM generate_series(1, 4000) no;
ANALYZE service_provider.issuer;
ANALYZE service_provider.reissue_notice;
ANALYZE service_provider.notice_arrival;
ANALYZE service_provider.quarantined_notice;
SELECT results_eq(
    $$ SELECT count(*), sum(i.gaps), sum(i.quarantined), count(*) FILTER (WHERE i.last_notice_no = 50 AND i.age = '0') FROM service_provider.intake i
        WHERE i.name LIKE 'Issuer %' $$,
    $$ VALUES (2000::bigint, 1960::numeric, 4000::numeric, 2000::bigint) $$, 'two thousand issuers, each with its own');

CREATE FUNCTION pg_temp.plan_of(query text)
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    line text;
    plan text := '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
        plan := plan || line || E'\n';
    END LOOP;
    RETURN plan;
END
$$;
SELECT unalike(pg_temp.plan_of('SELECT i.issuer, i.worker, i.last_notice_no, i.age, i.quarantined FROM service_provider.intake i'), '%WindowAgg%',
    'gaps are not counted unless they are asked for');
SELECT unalike(pg_temp.plan_of('SELECT i.gaps FROM service_provider.intake i'), '%Seq Scan on reissue_notice%',
    'and then by an index, an issuer at a time');
SELECT unalike(pg_temp.plan_of($$SELECT g.from_no, g.to_no FROM service_provider.notice_gap g WHERE g.issuer = 'I7'$$), '%Seq Scan%',
    'so are those of one issuer');
SELECT unalike(pg_temp.plan_of($$SELECT * FROM service_provider.arrival a WHERE a.issuer = 'I7' AND a.notice_no = 3$$), '%Seq Scan%',
    'E20: the arrivals of one notice are found by index');

SELECT * FROM finish();
ROLLBACK;
