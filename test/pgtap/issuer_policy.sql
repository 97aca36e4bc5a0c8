-- Policies at the card issuer (R13, R15, R16, R48, R49, R50; E13c, E49, E55, E56;
-- design 9)
\set document `cat doc/policies.md`
BEGIN;
\ir include/issuer.sql
SELECT plan(98);

CREATE FUNCTION t.examined(card card_id, event text)
    RETURNS card_issuer.examination
    LANGUAGE sql
AS $$
    SELECT x FROM card_issuer.examination x WHERE x.card_id = card AND x.event = examined.event ORDER BY x.examination_id DESC LIMIT 1
$$;

-- What an auditor computes, whatever path the policy was called with.
CREATE FUNCTION t.definition_sha256(function text)
    RETURNS text
    LANGUAGE sql
    SET search_path = pg_catalog
AS $$
    SELECT encode(sha256(convert_to(pg_get_functiondef(function::regprocedure), 'UTF8')), 'hex')
$$;

-- The worked example, as doc/policies.md has it: of age, with an income, and no
-- more than two reissues in twelve months.
CREATE SCHEMA bank;
CREATE FUNCTION t.example(document text)
    RETURNS void
    LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE (regexp_match(document, '\n```sql\n(.*?)\n```\n'))[1];
END
$$;
SELECT lives_ok(format('SELECT t.example(%L)', :'document'), 'R15: the worked example sets a policy for reissues');
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
          t.definition_sha256('bank.reissue_policy(jsonb)'), 'design 9: as it was then');
SELECT is((t.examined('aiko-1', 'reissue')).details ->> k, v, 'design 9: it was told the ' || k)
  FROM (VALUES ('card', 'AIKO-1'), ('status', 'active'), ('platform_type', '100'), ('days_valid', '100'), ('holder', 'aiko'), ('reason', 'lost'),
               ('requested_by', 'teller 7'), ('reissues_in_12_months', '0'), ('opted_out', 'false'), ('event', 'reissue')) v (k, v);
SELECT is((t.examined('aiko-1', 'reissue')).details #>> '{profile,income}', '2000', 'design 9: it was told the profile');

-- E13c: a cap of two reissues in twelve months, over the whole chain; older ones
-- and those that were taken back do not count.
SELECT card_issuer.reissue_card('AIKO-1', 'AIKO-2'), t.reissue('AIKO-2', 'AIKO-3') \g /dev/null
SELECT is((SELECT r.refusal FROM card_issuer.request_reissue('AIKO-3', 'lost') r), 'two reissues in twelve months', 'E13c: a third reissue is refused');
SAVEPOINT past;
UPDATE card_issuer.card c SET replaced_at = c.replaced_at - interval '13 months' WHERE c.card_id = 'AIKO-1';
SELECT is((SELECT r.status::text FROM card_issuer.request_reissue('AIKO-3', 'lost') r), 'approved', 'E13c: one of them was more than a year ago');
ROLLBACK TO past;
SELECT card_issuer.withdraw_reissue('AIKO-3') \g /dev/null
SELECT is((SELECT r.status::text FROM card_issuer.request_reissue('AIKO-2', 'lost') r), 'approved', 'E13c: one of them was taken back');
SELECT t.refused($$SELECT card_issuer.reissue_card('POOR-1', 'POOR-2')$$, 'SR007', 'R16: a refused request reissues nothing');
SELECT card_issuer.decide_reissue('NEW-1', true, 'papers seen', 'clerk 4') \g /dev/null
SELECT lives_ok($$SELECT card_issuer.reissue_card('NEW-1', 'NEW-2')$$, 'R15: a person decides what the policy leaves open');

-- A policy that fails fails the request, and nothing is half done.
CREATE FUNCTION bank.raising(jsonb) RETURNS screissue.verdict LANGUAGE plpgsql AS $$ BEGIN RAISE 'no connection to the bureau' USING ERRCODE = '58000'; END $$;
CREATE FUNCTION bank.silent(jsonb) RETURNS screissue.verdict LANGUAGE sql AS 'SELECT NULL::screissue.verdict';
CREATE FUNCTION bank.endless(jsonb) RETURNS screissue.verdict LANGUAGE plpgsql AS $$ BEGIN LOOP PERFORM pg_sleep(0.01); END LOOP; END $$;
CREATE FUNCTION bank.past(jsonb) RETURNS screissue.verdict LANGUAGE sql AS $$ SELECT ROW(true, NULL, '-1 day')::screissue.verdict $$;
SELECT card_issuer.issue_card('CARD-A', 100, 'aiko'), card_issuer.issue_card('CARD-B', 100, 'aiko') \g /dev/null
SELECT t.permit('CARD-B', :METRO2) AS outstanding \gset
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
SELECT t.with_policy(f::regprocedure, c.event, c.query, s)
  FROM (VALUES ('bank.raising(jsonb)', '58000'), ('bank.silent(jsonb)', '22004'), ('bank.past(jsonb)', '22023')) v (f, s),
       (VALUES ('reissue', $$SELECT card_issuer.request_reissue('CARD-A', 'lost')$$),
               ('load', format('SELECT card_issuer.permit_load(%L, ''CARD-A'')', :METRO1)),
               ('confirm', format('SELECT card_issuer.confirm_load(%L, receipt => ''\x01'')', :'outstanding'))) c (event, query);
-- A statement each, which is what the timeout is for.
SELECT t.with_policy('bank.endless(jsonb)', 'reissue', $$SELECT card_issuer.request_reissue('CARD-A', 'lost')$$, '57014');
SELECT t.with_policy('bank.endless(jsonb)', 'load', format('SELECT card_issuer.permit_load(%L, ''CARD-A'')', :METRO1), '57014');
SELECT t.with_policy('bank.endless(jsonb)', 'confirm', format('SELECT card_issuer.confirm_load(%L)', :'outstanding'), '57014');
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
CREATE ROLE chief SUPERUSER;
ALTER FUNCTION bank.of_clerk(jsonb) OWNER TO chief;
SELECT is((SELECT p.permitted FROM card_issuer.permit_load(:METRO1, 'CARD-B') p), true, 'design 9: another superuser''s will do');
ALTER ROLE chief NOSUPERUSER;
SELECT card_issuer.issue_card('CARD-E', 100) \g /dev/null
SELECT t.refused(format('SELECT card_issuer.permit_load(%L, ''CARD-E'')', :METRO1), '42501', 'design 9: no more when he is none any longer');
DROP FUNCTION bank.of_clerk(jsonb);
SELECT t.refused(format('SELECT card_issuer.permit_load(%L, ''CARD-E'')', :METRO1), '42883', 'design 9: that is gone');
SELECT card_issuer.set_policy('load', NULL), card_issuer.set_policy('reissue', NULL) \g /dev/null
SELECT is((SELECT count(*) FROM card_issuer.policy), 0::bigint, 'design 9: the default policies again');
SELECT is((SELECT p.permitted FROM card_issuer.permit_load(:METRO1, 'CARD-E') p), true, 'R15: which approve what the state allows');
SELECT is((t.examined('CARD-E', 'load')).examiner, 'card_issuer.default_policy(jsonb)', 'design 9: and say who judged');

-- E49: a later finding is never reused; the policy is asked anew, and told.
SELECT t.load('CARD-C', :METRO1) AS old_load FROM card_issuer.issue_card('CARD-C', 100) \gset
SELECT t.reissue('CARD-C', 'CARD-D') \g /dev/null
SELECT is(t.run(format($$SELECT card_issuer.record_examination(%L, ROW(false, 'fraud', NULL)::screissue.verdict)$$, :'old_load'), 'clerk'), '', 'E49: an operator records a finding');
SELECT is((SELECT format('%s %s %s', x.approved, x.reason, x.examiner) FROM t.examined('CARD-C', 'load') x), 'f fraud clerk', 'E49: on record');
SELECT is((SELECT p.examination_substituted FROM card_issuer.permit_load(:METRO1, 'CARD-D') p), false, 'E49: it is not substituted');
SELECT is((t.examined('CARD-D', 'load')).details #>> '{old_examination,reason}', 'fraud', 'E49: and the policy is told');
SELECT t.refused($$SELECT card_issuer.record_examination('BANKJP/METRO/424242', ROW(true, NULL, NULL)::screissue.verdict)$$, 'SR008', 'E49: unknown load');
SELECT t.refused(format('SELECT card_issuer.record_examination(%L, ROW(true, NULL, NULL)::screissue.verdict)', :'old_load'), '42501', 'E49: no call of a provider''s', 'metro');

-- A row of nulls leaves a decision open: that is a verdict.
CREATE TABLE bank.says (v screissue.verdict, asked integer DEFAULT 0, told jsonb);
INSERT INTO bank.says VALUES (ROW(NULL, NULL, NULL));
CREATE FUNCTION bank.dictated(request jsonb)
    RETURNS screissue.verdict
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE bank.says SET told = request, asked = asked + 1;
    RETURN (SELECT s.v FROM bank.says s);
END
$$;
SELECT card_issuer.set_policy(e, 'bank.dictated(jsonb)') FROM unnest('{reissue,load,confirm}'::text[]) e \g /dev/null
SELECT card_issuer.issue_card('OPEN-A', 100, 'aiko') \g /dev/null
SELECT is((SELECT format('%s|%s', r.status, r.refusal) FROM card_issuer.request_reissue('OPEN-A', 'lost') r), 'pending|', 'design 9: open: a request is pending');
SELECT is((SELECT format('%s|%s', p.permitted, p.refusal) FROM card_issuer.permit_load(:METRO1, 'OPEN-A') p), 'f|examination', 'design 9: open: a load is refused');
UPDATE bank.says SET v = ROW(false, 'no income', NULL);
SELECT is((SELECT format('%s|%s', p.permitted, p.refusal) FROM card_issuer.permit_load(:METRO1, 'OPEN-A') p), 'f|no income', 'R15: an operator sees the reason');
SELECT is(t.run(format('SELECT p.refusal FROM card_issuer.permit_load(%L, ''OPEN-A'') p', :METRO1), 'metro'), 'refused', 'R36: a provider does not');
SELECT is((SELECT count(*) FROM card_issuer.examination x WHERE x.card_id = 'OPEN-A' AND x.event = 'load'), 3::bigint, 'R48: each refusal is on record');

-- confirm: the proof of a load.
UPDATE bank.says SET v = ROW(true, NULL, NULL);
SELECT card_issuer.issue_card('PROOF-A', 100, 'aiko') \g /dev/null
SELECT t.permit('PROOF-A', :METRO1) AS proved, t.permit('PROOF-A', :METRO2) AS failing, t.permit('PROOF-A', :SHOP1) AS bare \gset
UPDATE bank.says SET v = ROW(false, 'the receipt is forged', NULL), asked = 0;
SELECT t.on_record() AS before \gset
CREATE FUNCTION t.detail(query text, role_name name)
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    detail text;
BEGIN
    PERFORM t.run(query, role_name);
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || detail;
END
$$;
SELECT is(t.detail(format($$SELECT card_issuer.confirm_load(%L, receipt => '\x0666')$$, :'proved'), 'clerk'), 'SR007 The policy says: the receipt is forged.',
          'R8: a proof is refused, and an operator told why');
SELECT is(t.detail(format($$SELECT card_issuer.confirm_load(%L, receipt => '\x0666')$$, :'proved'), 'metro'), 'SR007 The policy of the card issuer refuses it.',
          'R8: the provider is not');
SELECT t.refused(format($$SELECT card_issuer.confirm_load(%L, receipt => '\x0666')$$, :'proved'), 'SR007', 'R8: the form of that error', r) FROM unnest('{clerk,metro}'::name[]) r;
UPDATE bank.says SET v = ROW(NULL, NULL, NULL);
SELECT is(t.detail(format($$SELECT card_issuer.confirm_load(%L, receipt => '\x0666')$$, :'proved'), 'clerk'), 'SR007 The policy of the card issuer refuses it.',
          'R8: undecided is no proof either, and has no reason to tell');
SELECT is(t.on_record(), :'before', 'R8: nothing is on record');
SELECT is(t.load_status(:'proved'), 'permitted', 'R8: the load is still permitted');
UPDATE bank.says SET v = ROW(true, NULL, '1 day'), asked = 0;
SELECT is(t.run(format($$SELECT card_issuer.confirm_load(%L, receipt => '\xC0FFEE')$$, :'proved'), 'metro'), '', 'R8: another receipt will do');
SELECT is((SELECT format('%s %s', f.status, f.receipt) FROM card_issuer.find_load(:'proved') f), 'loaded \xc0ffee', 'R8: it is loaded, with that receipt');
SELECT is((t.examined('PROOF-A', 'confirm')).details - '{profile,policy_sha256}'::text[],
          jsonb_build_object('event', 'confirm', 'application', :METRO1, 'load', :'proved', 'receipt', 'c0ffee', 'card', 'PROOF-A', 'status', 'active', 'platform_type', 100,
                             'valid_until', NULL, 'days_valid', NULL, 'issued_at', now(), 'holder', 'aiko', 'reissues_in_12_months', 0, 'opted_out', false, 'opt_outs', '{}'::text[]),
          'R8: on record: all that the policy was told');
SELECT is((SELECT s.asked FROM bank.says s), 1, 'R8: asked once');
SELECT card_issuer.confirm_load(:'proved'), card_issuer.confirm_load(:'proved', receipt => '\xC0FFEE') \g /dev/null
SELECT is((SELECT s.asked FROM bank.says s), 1, 'R8: repeated, nobody is asked again');
SELECT card_issuer.confirm_load(:'failing', false) \g /dev/null
SELECT is((SELECT s.asked FROM bank.says s), 1, 'R8: nobody is asked about a load that failed');
SELECT card_issuer.confirm_load(:'bare') \g /dev/null
SELECT is((SELECT s.told -> 'receipt' FROM bank.says s), 'null'::jsonb, 'R8: the policy is told that there is no receipt');
SELECT is((SELECT count(*) FROM card_issuer.examination x WHERE x.event = 'confirm'), 2::bigint, 'R8: one examination for each proof');

-- What each event is told: the keys of doc/policies.md and no others.
CREATE FUNCTION t.documented(document text, event text)
    RETURNS text[]
    LANGUAGE sql
AS $$
    SELECT array_agg(DISTINCT k[1] ORDER BY k[1])
      FROM regexp_matches(document, '\n\| (`[^|]*`) \| (all|reissue|load|confirm) \|', 'g') m,
           regexp_matches(m[1], '`(\w+)`', 'g') k
     WHERE m[2] IN ('all', documented.event)
$$;
SELECT card_issuer.issue_card('TOLD-A', 100, 'aiko', today() + 50) \g /dev/null
SELECT t.load('TOLD-A', :METRO1) AS old_load \gset
SELECT card_issuer.set_opt_out('TOLD-A', :SHOP1, true) \g /dev/null
SELECT r.request_id AS told_request FROM card_issuer.request_reissue('TOLD-A', 'damaged', 'teller 3') r \gset
SELECT is(ARRAY(SELECT jsonb_object_keys(s.told) k ORDER BY k), t.documented(:'document', 'reissue'), 'design 9: a policy for reissues is told what doc/policies.md says') FROM bank.says s;
SELECT is(s.told ->> 'opt_outs', format('["%s"]', :SHOP1), 'E56: whose provider is not to be told') FROM bank.says s;
SELECT is(s.told -> 'opted_out', 'false'::jsonb, 'E56: and that others may be') FROM bank.says s;
SELECT is(s.told ->> 'request_id', :'told_request', 'R14: the request that it judges') FROM bank.says s;
SELECT is(s.told ->> 'requested_by', 'teller 3', 'R13: who asked') FROM bank.says s;
SELECT is(s.told -> 'previous_examination', 'null'::jsonb, 'R48: the first examination for a reissue') FROM bank.says s;
SELECT card_issuer.reissue_card('TOLD-A', 'TOLD-B', valid_until => today() + 60), card_issuer.set_opt_out('TOLD-B', NULL, true), card_issuer.request_reissue('TOLD-B', 'lost') \g /dev/null
SELECT is(s.told -> 'opted_out', 'true'::jsonb, 'E56: nobody may be told') FROM bank.says s;
SELECT is(s.told -> 'reissues_in_12_months', '1'::jsonb, 'E13c: reissued once') FROM bank.says s;
SELECT is((s.told -> 'previous_examination') - '{examined_at,valid_until}'::text[], '{"approved": true, "reason": null, "examiner": "bank.dictated(jsonb)"}',
          'R15: the examination of the card that it replaced') FROM bank.says s;
SELECT card_issuer.decide_reissue('TOLD-B', false, 'found again', 'clerk 4'), card_issuer.request_reissue('TOLD-B', 'lost') \g /dev/null
SELECT is(s.told #>> '{previous_examination,reason}', 'found again', 'R15: then its own') FROM bank.says s;
SELECT card_issuer.set_opt_out('TOLD-B', NULL, false), t.permit('TOLD-B', :METRO1) \g /dev/null
SELECT is(ARRAY(SELECT jsonb_object_keys(s.told) k ORDER BY k), t.documented(:'document', 'load'), 'design 9: a policy for loads is told what doc/policies.md says') FROM bank.says s;
SELECT is(s.told ->> w.k, w.v, 'design 9: it was told the ' || w.k)
  FROM bank.says s, (VALUES ('application', :METRO1), ('provider', 'METRO'), ('inherits', :'old_load'), ('examination_mode', 'substitute')) w (k, v);
SELECT is((s.told -> 'old_examination') ->> 'examiner', 'bank.dictated(jsonb)', 'R49: and of the old examination, which is not substituted: the card is valid for longer (E18)') FROM bank.says s;
SELECT card_issuer.confirm_load(l.message_id) FROM card_issuer.app_load l WHERE l.card_id = 'TOLD-B' \g /dev/null
SELECT is(ARRAY(SELECT jsonb_object_keys(s.told) k ORDER BY k), t.documented(:'document', 'confirm'), 'design 9: a policy for proofs is told what doc/policies.md says') FROM bank.says s;

-- A policy that is replaced is another one: the digest says so.
SELECT (t.examined('TOLD-B', 'reissue')).details ->> 'policy_sha256' AS digest \gset
CREATE OR REPLACE FUNCTION bank.dictated(request jsonb) RETURNS screissue.verdict LANGUAGE sql AS $$ SELECT ROW(true, 'another', NULL)::screissue.verdict $$;
SELECT card_issuer.issue_card('AGAIN-A', 100), card_issuer.request_reissue('AGAIN-A', 'lost') \g /dev/null
SELECT isnt((t.examined('AGAIN-A', 'reissue')).details ->> 'policy_sha256', :'digest', 'design 9: replaced under the same name: another SHA-256');
SELECT is((t.examined('AGAIN-A', 'reissue')).details ->> 'policy_sha256', t.definition_sha256('bank.dictated(jsonb)'), 'design 9: the one that it has now');
SELECT is((t.examined('AGAIN-A', 'reissue')).examiner, (t.examined('TOLD-B', 'reissue')).examiner, 'design 9: though the name is the same');

-- E55: an approval that has an end is worth nothing afterwards.
CREATE OR REPLACE FUNCTION bank.dictated(request jsonb) RETURNS screissue.verdict LANGUAGE sql AS $$ SELECT ROW(true, NULL, '90 days')::screissue.verdict $$;
SELECT card_issuer.issue_card('LAPSE-A', 100), card_issuer.request_reissue('LAPSE-A', 'lost') \g /dev/null
UPDATE card_issuer.examination SET valid_until = now() WHERE card_id = 'LAPSE-A';
SELECT t.refused($$SELECT card_issuer.reissue_card('LAPSE-A', 'LAPSE-B')$$, 'SR007', 'E55: exactly at its end an approval has expired');
SELECT is(t.card_status('LAPSE-A'), 'active', 'E55: the card is as it was');
UPDATE card_issuer.examination SET valid_until = now() + interval '1 microsecond' WHERE card_id = 'LAPSE-A';
SAVEPOINT valid;
SELECT lives_ok($$SELECT card_issuer.reissue_card('LAPSE-A', 'LAPSE-B')$$, 'E55: a moment before it has not');
ROLLBACK TO valid;
UPDATE card_issuer.examination SET valid_until = now() WHERE card_id = 'LAPSE-A';
SELECT card_issuer.decide_reissue('LAPSE-A', false), card_issuer.request_reissue('LAPSE-A', 'lost') \g /dev/null
SELECT lives_ok($$SELECT card_issuer.reissue_card('LAPSE-A', 'LAPSE-B')$$, 'E55: withdrawn and requested again it is reissued');

SELECT * FROM finish();
ROLLBACK;
