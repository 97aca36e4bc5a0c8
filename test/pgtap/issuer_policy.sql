-- Policies and examinations at the card issuer (R15, R49, R50; E13, E49; design 9)
BEGIN;
\ir include/issuer.sql
SELECT plan(45);

CREATE FUNCTION t.examined(card card_id, event text)
    RETURNS card_issuer.examination
    LANGUAGE sql
AS $$
    SELECT x FROM card_issuer.examination x WHERE x.card_id = card AND x.event = examined.event ORDER BY x.examination_id DESC LIMIT 1
$$;

-- The worked example of doc/policies.md: of age, with an income, and no more
-- than two reissues in twelve months.
CREATE SCHEMA bank;
CREATE FUNCTION bank.reissue_policy(request jsonb)
    RETURNS screissue.verdict
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF (request #>> '{profile,born}') IS NULL THEN
        RETURN ROW(NULL, 'date of birth is not known', NULL)::screissue.verdict;
    ELSIF (request #>> '{profile,born}')::date > current_date - interval '18 years' THEN
        RETURN ROW(false, 'not of age', NULL)::screissue.verdict;
    ELSIF coalesce((request #>> '{profile,income}')::numeric, 0) < 1000 THEN
        RETURN ROW(false, 'income', NULL)::screissue.verdict;
    ELSIF (request ->> 'reissues_in_12_months')::integer >= 2 THEN
        RETURN ROW(false, 'two reissues in twelve months', NULL)::screissue.verdict;
    END IF;
    RETURN ROW(true, NULL, interval '90 days')::screissue.verdict;
END
$$;
SELECT lives_ok($$SELECT card_issuer.set_policy('reissue', 'bank.reissue_policy(jsonb)')$$, 'R15: a policy for reissues');
SELECT is((SELECT p.function FROM card_issuer.policy p), 'bank.reissue_policy(jsonb)', 'design 9: stored by its qualified signature');

SELECT card_issuer.register_holder(h, p::jsonb)
  FROM (VALUES ('child', '{"born": "2020-02-02", "income": 9999}'), ('poor', '{"born": "1980-02-02"}'),
               ('aiko', '{"born": "1980-02-02", "income": 2000}'), ('new', NULL)) v (h, p) \g /dev/null
SELECT card_issuer.issue_card((h || '-1')::card_id, 100, h, valid_until => current_date + 100)
  FROM unnest('{child,poor,aiko,new}'::text[]) h \g /dev/null
SELECT is((SELECT format('%s|%s', r.status, r.refusal) FROM card_issuer.request_reissue((h || '-1')::card_id, 'lost', 'teller 7') r), expected, 'R15: request for ' || h)
  FROM (VALUES ('child', 'refused|not of age'), ('poor', 'refused|income'), ('aiko', 'approved|'), ('new', 'pending|')) v (h, expected);
SELECT is(format('%s %s', (t.examined('aiko-1', 'reissue')).approved, (t.examined('aiko-1', 'reissue')).valid_until::date), 't ' || (current_date + 90), 'R15: the verdict is on record with its end');
SELECT is((t.examined('aiko-1', 'reissue')).examiner, 'bank.reissue_policy(jsonb)', 'design 9: and the policy');
SELECT is((t.examined('aiko-1', 'reissue')).details ->> 'policy_sha256',
          encode(sha256(convert_to(pg_get_functiondef('bank.reissue_policy'::regproc), 'UTF8')), 'hex'), 'design 9: as it was then');
SELECT is((t.examined('aiko-1', 'reissue')).details ->> k, v, 'design 9: it was told the ' || k)
  FROM (VALUES ('card', 'AIKO-1'), ('status', 'active'), ('platform_type', '100'), ('days_valid', '100'), ('holder', 'aiko'), ('reason', 'lost'),
               ('requested_by', 'teller 7'), ('reissues_in_12_months', '0'), ('opted_out', 'false'), ('event', 'reissue')) v (k, v);
SELECT is((t.examined('aiko-1', 'reissue')).details #>> '{profile,income}', '2000', 'design 9: it was told the profile');

-- E13: a cap of two reissues in twelve months, over the whole chain; older ones
-- and those that were taken back do not count.
SELECT card_issuer.reissue_card('AIKO-1', 'AIKO-2'), t.reissue('AIKO-2', 'AIKO-3') \g /dev/null
SELECT is((SELECT r.refusal FROM card_issuer.request_reissue('AIKO-3', 'lost') r), 'two reissues in twelve months', 'E13: a third reissue is refused');
SAVEPOINT past;
UPDATE card_issuer.card c SET replaced_at = c.replaced_at - interval '13 months' WHERE c.card_id = 'AIKO-1';
SELECT is((SELECT r.status::text FROM card_issuer.request_reissue('AIKO-3', 'lost') r), 'approved', 'E13: one of them was more than a year ago');
ROLLBACK TO past;
SELECT card_issuer.withdraw_reissue('AIKO-3') \g /dev/null
SELECT is((SELECT r.status::text FROM card_issuer.request_reissue('AIKO-2', 'lost') r), 'approved', 'E13: one of them was taken back');
SELECT t.refused($$SELECT card_issuer.reissue_card('POOR-1', 'POOR-2')$$, 'SR007', 'E13: a refused request reissues nothing');
SELECT card_issuer.decide_reissue('NEW-1', true, 'papers seen', 'clerk 4') \g /dev/null
SELECT lives_ok($$SELECT card_issuer.reissue_card('NEW-1', 'NEW-2')$$, 'R15: a person decides what the policy leaves open');

-- A policy that fails fails the request, and nothing is half done.
CREATE FUNCTION bank.raising(jsonb) RETURNS screissue.verdict LANGUAGE plpgsql AS $$ BEGIN RAISE 'no connection to the bureau' USING ERRCODE = '58000'; END $$;
CREATE FUNCTION bank.silent(jsonb) RETURNS screissue.verdict LANGUAGE sql AS 'SELECT NULL::screissue.verdict';
CREATE FUNCTION bank.endless(jsonb) RETURNS screissue.verdict LANGUAGE plpgsql AS $$ BEGIN LOOP PERFORM pg_sleep(0.01); END LOOP; END $$;
SELECT card_issuer.issue_card('CARD-A', 100, 'aiko'), card_issuer.issue_card('CARD-B', 100, 'aiko') \g /dev/null
SELECT t.on_record() AS before \gset
CREATE FUNCTION t.with_policy(function regprocedure, event text, query text, state text)
    RETURNS SETOF text
    LANGUAGE plpgsql
AS $$
DECLARE
    got text := 'none';
BEGIN
    BEGIN
        PERFORM card_issuer.set_policy(event, function);
        EXECUTE query;
    EXCEPTION WHEN query_canceled OR OTHERS THEN
        got := SQLSTATE;
    END;
    RETURN NEXT is(got, state, format('design 9: %s at a %s', function, event));
END
$$;
SET LOCAL statement_timeout = '400ms';
SELECT t.with_policy(f::regprocedure, 'reissue', $$SELECT card_issuer.request_reissue('CARD-A', 'lost')$$, s)
  FROM (VALUES ('bank.raising(jsonb)', '58000'), ('bank.silent(jsonb)', '22004'), ('bank.endless(jsonb)', '57014')) v (f, s);
SELECT t.with_policy(f::regprocedure, 'load', format('SELECT card_issuer.permit_load(%L, ''CARD-A'')', :METRO1), s)
  FROM (VALUES ('bank.raising(jsonb)', '58000'), ('bank.silent(jsonb)', '22004')) v (f, s);
RESET statement_timeout;
SELECT is(t.on_record(), :'before', 'design 9: nothing is half done');

-- Only a superuser sets one, and only a superuser's is called, at each call.
SELECT t.refused($$SELECT card_issuer.set_policy('load', 'bank.silent(jsonb)')$$, '42501', 'design 6: an operator sets no policy', 'clerk');
CREATE FUNCTION bank.of_clerk(jsonb) RETURNS screissue.verdict LANGUAGE sql AS 'SELECT ROW(true, NULL, NULL)::screissue.verdict';
GRANT CREATE, USAGE ON SCHEMA bank TO clerk;
ALTER FUNCTION bank.of_clerk(jsonb) OWNER TO clerk;
SELECT t.refused($$SELECT card_issuer.set_policy('load', 'bank.of_clerk(jsonb)')$$, '42501', 'design 9: a policy of somebody else');
ALTER FUNCTION bank.of_clerk(jsonb) OWNER TO CURRENT_USER;
SELECT card_issuer.set_policy('load', 'bank.of_clerk(jsonb)') \g /dev/null
SELECT is((SELECT p.permitted FROM card_issuer.permit_load(:METRO1, 'CARD-A') p), true, 'R15: a policy for loads');
ALTER FUNCTION bank.of_clerk(jsonb) OWNER TO clerk;
SELECT t.refused(format('SELECT card_issuer.permit_load(%L, ''CARD-B'')', :METRO1), '42501', 'design 9: that changed hands');
DROP FUNCTION bank.of_clerk(jsonb);
SELECT t.refused(format('SELECT card_issuer.permit_load(%L, ''CARD-B'')', :METRO1), '42883', 'design 9: that is gone');
SELECT card_issuer.set_policy('load', NULL), card_issuer.set_policy('reissue', NULL) \g /dev/null
SELECT is((SELECT count(*) FROM card_issuer.policy), 0::bigint, 'design 9: the default policies again');
SELECT is((SELECT p.permitted FROM card_issuer.permit_load(:METRO1, 'CARD-B') p), true, 'R15: which approve what the state allows');
SELECT is((t.examined('CARD-B', 'load')).examiner, 'card_issuer.default_policy(jsonb)', 'design 9: and say who judged');

-- E49: a later finding is never reused; the policy is asked anew, and told.
SELECT t.load('CARD-C', :METRO1) AS old_load FROM card_issuer.issue_card('CARD-C', 100) \gset
SELECT t.reissue('CARD-C', 'CARD-D') \g /dev/null
SELECT is(t.run(format($$SELECT card_issuer.record_examination(%L, ROW(false, 'fraud', NULL)::screissue.verdict)$$, :'old_load'), 'clerk'), '', 'E49: an operator records a finding');
SELECT is((SELECT format('%s %s %s', x.approved, x.reason, x.examiner) FROM t.examined('CARD-C', 'load') x), 'f fraud clerk', 'E49: on record');
SELECT is((SELECT p.examination_substituted FROM card_issuer.permit_load(:METRO1, 'CARD-D') p), false, 'E49: it is not substituted');
SELECT is((t.examined('CARD-D', 'load')).details #>> '{old_examination,reason}', 'fraud', 'E49: and the policy is told');
SELECT t.refused($$SELECT card_issuer.record_examination('BANKJP/METRO/424242', ROW(true, NULL, NULL)::screissue.verdict)$$, 'SR008', 'E49: unknown load');
SELECT t.refused(format('SELECT card_issuer.record_examination(%L, ROW(true, NULL, NULL)::screissue.verdict)', :'old_load'), '42501', 'E49: no call of a provider''s', 'metro');

SELECT * FROM finish();
ROLLBACK;
