chapter "Aiko presents her new card at METRO"

step "Fig. 4, steps 404-406; Fig. 7, steps 701-706" "is it a reissued card, and was the pass on the old one?"
ask metro clerk <<SQL
SELECT request_id, outcome, inherits, fee, currency, examination_substituted
  FROM service_provider.request_reload('$pass', 'BANKJP',
           platform_type => 100, card => '$aiko_2', user_ref => 'member-1001',
           requested_by => 'terminal 14, Shibuya');
SQL
request=$(value request_id)
expect "approved by the old load, at the price of a reload, without a new examination" metro \
	"SELECT r.outcome, r.inherits, r.fee, x.substitutes IS NOT NULL
	   FROM service_provider.reload_request r
	   JOIN service_provider.examination x USING (examination_id)
	  WHERE r.request_id = $request" "approved $aiko_pass 100 t"

step "R7; claims 11, 13" "the bank permits it: it knows the old load, too"
ask bank metro <<SQL
SELECT message_id, permitted, inherits, fee, currency, examination_substituted
  FROM card_issuer.permit_load(app => '$pass', card => '$aiko_2',
                               reload_of => '$aiko_pass');
SQL
aiko_pass_2=$(value message_id)
expect "a reload for the bank as well: old load, old examination, low fee" bank \
	"SELECT l.inherits, l.fee, x.substitutes IS NOT NULL
	   FROM card_issuer.app_load l
	   JOIN card_issuer.examination x
	     ON x.card_id = l.card_id AND x.examination_id = l.examination_id
	  WHERE l.message_id = '$aiko_pass_2'" "$aiko_pass 30 t"

step "Fig. 4, step 407; Fig. 7, step 708" "METRO writes it down, the terminal loads the pass, METRO confirms"
tell metro clerk <<SQL
SELECT service_provider.record_load('$aiko_pass_2', '$pass',
    card => '$aiko_2', platform_type => 100, status => 'permitted');
SELECT service_provider.complete_reload($request, '$aiko_pass_2');
SQL

step "R27; claims 11-14" "both databases tell the same story"
ask bank postgres <<SQL
SELECT l.message_id, mask(l.card_id) AS card, l.status, l.inherits, l.fee,
       x.substitutes IS NOT NULL AS substituted
  FROM card_issuer.app_load l
  JOIN card_issuer.examination x
    ON x.card_id = l.card_id AND x.examination_id = l.examination_id
 WHERE l.app_id = '$pass' AND l.card_id IN ('$aiko_1', '$aiko_2')
 ORDER BY l.message_id;
SQL
ask metro postgres <<SQL
SELECT l.message_id, mask(l.card_id) AS card, l.status, l.inherits, l.fee,
       x.substitutes IS NOT NULL AS substituted, l.user_ref
  FROM service_provider.app_load l
  JOIN service_provider.examination x ON x.examination_id = l.examination_id
 WHERE l.app_id = '$pass' AND l.card_id IN ('$aiko_1', '$aiko_2')
 ORDER BY l.message_id;
SQL
loads="SELECT message_id, card_id, status, inherits FROM %s.app_load
	WHERE message_id IN ('$aiko_pass', '$aiko_pass_2') ORDER BY message_id"
expect "the old load is superseded, the new one cites it" metro "${loads/\%s/service_provider}" \
	"$aiko_pass $aiko_1 superseded "$'\n'"$aiko_pass_2 $aiko_2 loaded $aiko_pass"
expect "in both databases" bank "${loads/\%s/card_issuer}" \
	"$(fetch metro "${loads/\%s/service_provider}")"
expect "user and account came along" metro \
	"SELECT user_ref, account ->> 'number' FROM service_provider.app_load
	  WHERE message_id = '$aiko_pass_2'" "member-1001 7654321"
