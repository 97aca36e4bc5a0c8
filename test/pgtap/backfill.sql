-- What backfill refuses, and which numbers it asks for; test/t/017_completeness.pl has
-- it at work (E59).
BEGIN;
CREATE EXTENSION screissue;
SET search_path = screissue, public;

SELECT plan(20);

SELECT throws_ok($$ SELECT service_provider.backfill('BANKJP') $$, 'SR001', NULL,
    'backfill before setup is SR001');
SELECT service_provider.setup('METRO', 'Metro Transit');
SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point', server => 'bankjp');
SELECT throws_ok($$ SELECT service_provider.backfill('BANKJP') $$, '0A000',
    'extension "dblink" is not installed', 'without dblink it is 0A000');
CREATE EXTENSION dblink;
SELECT throws_ok($$ SELECT service_provider.backfill('BANKJP') $$, '42704', NULL,
    'a foreign server that does not exist is 42704');

-- The ranges: after which number, up to which one.
CREATE FUNCTION pg_temp.unknown(VARIADIC numbers bigint[])
    RETURNS text
    LANGUAGE sql
AS $$
    DELETE FROM service_provider.reissue_notice;
    INSERT INTO service_provider.reissue_notice (issuer, notice_no)
    SELECT 'BANKJP', no FROM unnest(numbers) no;
    SELECT string_agg(u.after_no || '-' || coalesce(u.up_to::text, ''), ' ' ORDER BY u.after_no)
      FROM service_provider.unknown_notices('BANKJP') u
$$;
SELECT is(pg_temp.unknown(VARIADIC g.numbers), g.ranges, g.what)
  FROM (VALUES
    ('E59: nothing received: all', '{}'::bigint[], '0-'),
    ('E59: no gap: what follows', '{1,2,3}', '3-'),
    ('E59: the first ones', '{3}', '0-2 3-'),
    ('E59: gaps', '{1,4,5,9}', '1-3 5-8 9-'),
    ('answers to inquiries are no notices', '{-3,-1,1}', '1-'),
    ('E25: the last ones of an epoch, which missing_notices cannot know', '{1,1099511627777}',
     '1-1099511627776 1099511627777-'),
    ('E26: up to the last number', '{1,9223372036854775807}',
     '1-9223372036854775806 9223372036854775807-')
  ) AS g (what, numbers, ranges);

-- What a pull put into quarantine would come out the same.
CREATE TEMP TABLE quarantine (what text, issuer text, notice_no text, carrier text, resolved_at timestamptz, ranges text);
INSERT INTO quarantine VALUES
    ('E37: what was pulled into quarantine is not asked for', 'BANKJP', '3', 'pull', NULL, '4-'),
    ('E37: a number too high is taken for one', 'BANKJP', '999999999999999999', 'pull', NULL,
     '2-3 4-999999999999999998 999999999999999999-'),
    ('E37: it is again when that is resolved', 'BANKJP', '3', 'pull', now(), '2-3 4-'),
    ('E23: what another carrier put there is asked for', 'BANKJP', '3', 'replication', NULL, '2-3 4-'),
    ('E23: what another issuer sent, too', 'OTHER', '3', 'pull', NULL, '2-3 4-'),
    ('E37: no number', 'BANKJP', 'three', 'pull', NULL, '2-3 4-'),
    ('E37: no number of ours', 'BANKJP', '99999999999999999999', 'pull', NULL, '2-3 4-'),
    ('E37: none at all', 'BANKJP', NULL, 'pull', NULL, '2-3 4-');
CREATE FUNCTION pg_temp.with_quarantine(q quarantine)
    RETURNS text
    LANGUAGE sql
AS $$
    DELETE FROM service_provider.quarantined_notice;
    INSERT INTO service_provider.quarantined_notice (issuer, notice_no, carrier, resolved_at)
    VALUES (q.issuer, q.notice_no, q.carrier, q.resolved_at);
    SELECT pg_temp.unknown(1, 2, 4)
$$;
SELECT is(pg_temp.with_quarantine(q), q.ranges, q.what) FROM quarantine q;

CREATE ROLE clerk;
CREATE ROLE stranger;
SELECT service_provider.grant_operator('clerk');
GRANT USAGE ON SCHEMA screissue TO clerk, stranger;
GRANT USAGE ON SCHEMA service_provider TO stranger;
SET LOCAL ROLE clerk;
SELECT throws_ok($$ SELECT service_provider.backfill('BANKJP') $$, '42704', NULL,
    'E60: an operator gets as far');
SET LOCAL ROLE stranger;
SELECT throws_ok($$ SELECT service_provider.backfill('BANKJP') $$, '42501', NULL,
    'E60: another role does not');

SELECT * FROM finish();
ROLLBACK;
