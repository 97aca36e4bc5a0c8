-- Gaps in the numbers of notices (E25, E59).
BEGIN;
CREATE EXTENSION screissue;
SET search_path = screissue, public;

SELECT plan(21);

SELECT throws_ok($$ SELECT service_provider.missing_notices('BANKJP') $$, 'SR001', NULL,
    'missing_notices before setup is SR001');
SELECT service_provider.setup('METRO', 'Metro Transit');
SELECT throws_ok($$ SELECT service_provider.missing_notices('BANKJP') $$, 'SR002', NULL,
    'an unknown issuer is SR002');
SELECT throws_ok($$ SELECT service_provider.missing_notices(NULL) $$, '22023', NULL,
    'no issuer is 22023');
SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point');
SELECT service_provider.register_issuer('CREDIT1', 'First Credit');

CREATE FUNCTION pg_temp.have(company text, VARIADIC numbers bigint[])
    RETURNS void
    LANGUAGE sql
AS $$
    DELETE FROM service_provider.reissue_notice n
     WHERE n.issuer = company::screissue.company_id;
    INSERT INTO service_provider.reissue_notice (issuer, notice_no)
    SELECT company::screissue.company_id, no FROM unnest(numbers) no
$$;

CREATE FUNCTION pg_temp.missing(company text)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT coalesce(string_agg(m.from_no || '-' || m.to_no, ' ' ORDER BY m.from_no), '')
      FROM service_provider.missing_notices(company::screissue.company_id) m
$$;

CREATE TEMP TABLE gap (what text, numbers bigint[], missing text);
INSERT INTO gap VALUES
    ('nothing received, nothing known to be missing', '{}', ''),
    ('the first notice', '{1}', ''),
    ('notices without gap', '{3,1,2,4}', ''),
    ('E25: the first notices missing', '{4}', '1-3'),
    ('E25: one missing', '{1,2,4}', '3-3'),
    ('E25: several gaps', '{1,4,5,9}', '2-3 6-8'),
    ('answers to inquiries have no place in the row', '{-5,-4,-1,1,2}', ''),
    ('E25: a new epoch begins', '{1,2,1099511627777,1099511627778}', ''),
    ('E25: the first of a new epoch missing', '{1,2,1099511627779}',
     '1099511627777-1099511627778'),
    ('E25: epochs may be left out', '{1,5497558138881}', ''),
    ('E25: a gap within a later epoch', '{1,1099511627777,1099511627780}',
     '1099511627778-1099511627779'),
    ('E26: number 2^31', '{1,2147483648,2147483649}', '2-2147483647'),
    ('E26: number 2^63 - 1', '{9223372036854775807}',
     '9223370937343148033-9223372036854775806');
SELECT is(pg_temp.missing('BANKJP'), g.missing, g.what)
  FROM gap g, pg_temp.have('BANKJP', VARIADIC g.numbers);

SELECT pg_temp.have('BANKJP', 1, 3);
SELECT pg_temp.have('CREDIT1', 1, 2, 3);
SELECT is(pg_temp.missing('CREDIT1'), '', 'each issuer numbers for itself');
SELECT is(pg_temp.missing('BANKJP'), '2-2', 'and has its own gaps');

-- One pass in order of the key, however many notices there are.
SELECT pg_temp.have('CREDIT1', VARIADIC
           (SELECT array_agg(no::bigint ORDER BY no)
              FROM generate_series(1, 100000) no WHERE no % 25000 <> 0));
ANALYZE service_provider.reissue_notice;
SELECT is(pg_temp.missing('CREDIT1'), '25000-25000 50000-50000 75000-75000',
    'E59: gaps among 100,000 notices');

CREATE ROLE clerk;
CREATE ROLE stranger;
SELECT service_provider.grant_operator('clerk');
GRANT USAGE ON SCHEMA screissue TO clerk, stranger;
GRANT USAGE ON SCHEMA service_provider TO stranger;
SET LOCAL ROLE clerk;
SELECT is(pg_temp.missing('BANKJP'), '2-2', 'E60: an operator sees the gaps');
SET LOCAL ROLE stranger;
SELECT throws_ok($$ SELECT pg_temp.missing('BANKJP') $$, '42501', NULL,
    'E60: another role does not');

SELECT * FROM finish();
ROLLBACK;
