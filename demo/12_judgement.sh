chapter "Judgement: policies, examinations that expire, prices"

step "R15, E13c" "the bank's own policy: no third reissue within twelve months"
tell bank postgres <<SQL
CREATE SCHEMA bank;
CREATE FUNCTION bank.reissue_policy(request jsonb) RETURNS screissue.verdict
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN CASE WHEN (request ->> 'reissues_in_12_months')::integer >= 2
            THEN ROW(false, 'two reissues in twelve months', NULL)::screissue.verdict
            ELSE ROW(true, NULL, interval '90 days')::screissue.verdict END;
SELECT card_issuer.set_policy('reissue', 'bank.reissue_policy(jsonb)');
SQL

step "Fig. 5, steps 501, 502, 504" "Aiko has lost her third card, and asks again"
ask bank teller <<SQL
SELECT request_id, status, refusal
  FROM card_issuer.request_reissue('$aiko_3', 'lost');
SQL
request=$(value request_id)
expect "refused by the policy" bank \
	"SELECT status, refusal FROM card_issuer.reissue_request WHERE request_id = $request" \
	"refused two reissues in twelve months"

step "R15" "the proof, for years to come: which policy it was, and what it was told"
ask bank teller <<SQL
SELECT e.proof #>> '{request,status}' AS status, e.proof #>> '{examination,examiner}' AS policy,
       left(e.proof #>> '{examination,policy_sha256}', 16) AS sha256,
       e.proof #>> '{examination,told,reissues_in_12_months}' AS reissues
  FROM card_issuer.explain_decision('$aiko_3', $request) e (proof);
SQL
expect "the policy was told of both reissues" bank \
	"SELECT card_issuer.explain_decision('$aiko_3', $request)
	        #>> '{examination,told,reissues_in_12_months}'" 2

step "R48, R49" "Mika's pass: METRO's examination holds until the end of term, which is now"
ask bank metro <<SQL
SELECT message_id, permitted, fee, currency
  FROM card_issuer.permit_load(app => '$pass', card => '$mika_1');
SQL
mika_pass=$(value message_id)
tell metro clerk <<SQL
SELECT service_provider.record_load('$mika_pass', '$pass',
    card => '$mika_1', platform_type => 100, user_ref => 'member-1004',
    examination => ROW(true, 'enrolled at university', '0.1 seconds'));
SELECT service_provider.send_confirmations('BANKJP');
SQL

step "E7; Fig. 5, steps 501-505" "her card is worn: a new one comes by post, the old one works until then"
tell bank teller <<SQL
SELECT card_issuer.request_reissue('$mika_1', 'damaged');
SQL
ask bank teller <<SQL
SELECT * FROM card_issuer.reissue_card(old_card => '$mika_1',
                                       new_card => '$mika_2', overlap => '14 days');
SQL
ask bank postgres <<SQL
SELECT mask(card_id) AS card, status, overlap_until - replaced_at AS overlap
  FROM card_issuer.card
 WHERE holder_id = 'mika'
 ORDER BY issued_at;
SQL
await "METRO has the notice" metro \
	"SELECT kind FROM service_provider.reissue_notice WHERE new_card_id = '$mika_2'" reissue

await "the term is over" metro \
	"SELECT x.valid_until <= now() FROM service_provider.find_load('$mika_pass') l
	   JOIN service_provider.examination x USING (examination_id)" t

step "E49; Fig. 7, step 706" "at METRO the old examination has expired: a new one is required"
ask metro clerk <<SQL
SELECT request_id, outcome, refusal
  FROM service_provider.request_reload('$pass', 'BANKJP',
           platform_type => 100, card => '$mika_2', user_ref => 'member-1004');
SQL
request=$(value request_id)
expect "examination_required" metro \
	"SELECT outcome, refusal FROM service_provider.reload_request
	  WHERE request_id = $request" "examination_required the old examination has expired"
ask metro clerk <<SQL
SELECT outcome, fee, currency, examination_substituted
  FROM service_provider.examine_reload($request,
           ROW(true, 'enrolled for another year', '1 year'));
SQL

step "E50; claim 11" "the bank judges for itself, and substitutes its own old examination"
ask bank metro <<SQL
SELECT message_id, permitted, inherits, fee, examination_substituted
  FROM card_issuer.permit_load(app => '$pass', card => '$mika_2',
                               reload_of => '$mika_pass');
SQL
mika_pass_2=$(value message_id)
tell metro clerk <<SQL
SELECT service_provider.complete_reload($request, '$mika_pass_2');
SQL
expect "examined anew at METRO, substituted at the bank" metro \
	"SELECT x.reason, x.substitutes IS NULL FROM service_provider.app_load l
	   JOIN service_provider.examination x USING (examination_id)
	  WHERE l.message_id = '$mika_pass_2'" "enrolled for another year t"
expect "and the bank's row names the examination that was really made" bank \
	"SELECT x.substitutes_card_id FROM card_issuer.app_load l
	   JOIN card_issuer.examination x USING (card_id, examination_id)
	  WHERE l.message_id = '$mika_pass_2'" "$mika_1"

step "R51, R52, E53; claims 13, 14" "two prices at each side: a load, a reload"
ask bank teller <<SQL
SELECT message_id, kind, reason, amount, currency, refund
  FROM card_issuer.charge
 WHERE message_id IN ('$mika_pass', '$mika_pass_2')
 ORDER BY message_id;
SQL
ask metro clerk <<SQL
SELECT message_id, user_ref, kind, reason, amount, currency
  FROM service_provider.charge
 WHERE message_id IN ('$mika_pass', '$mika_pass_2')
 ORDER BY message_id;
SQL
expect "METRO owes the bank 120 and 30" bank \
	"SELECT kind, amount FROM card_issuer.charge
	  WHERE message_id IN ('$mika_pass', '$mika_pass_2') ORDER BY 1" \
	$'load 120\nreload 30'
expect "Mika owes METRO 500 and 100" metro \
	"SELECT kind, amount FROM service_provider.charge
	  WHERE message_id IN ('$mika_pass', '$mika_pass_2') ORDER BY 1" \
	$'load 500\nreload 100'

step "N8" "who was told that her card was reissued"
ask bank teller <<SQL
SELECT r.provider, a.name, r.notice_no AS no, r.carrier
  FROM card_issuer.recipients('$mika_1') r
  JOIN (VALUES ('$pass'::app_id, 'travel pass')) a (app_id, name)
    ON a.app_id = r.app_id;
SQL
expect "METRO, by replication" bank \
	"SELECT provider, carrier FROM card_issuer.recipients('$mika_1')" "METRO replication"
