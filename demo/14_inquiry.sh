chapter "Kenji presents his new card at METRO"

step "Fig. 8, steps 803-805; Fig. 11, steps 1101-1103" "the terminal asks the card; its answer, :'attribute', tells METRO nothing"
read_card <<SH
card cards/kenji_2
SH

step "Fig. 18, steps 1801, 1802, 1804" "the platform type picks method 2"
step "Fig. 8, steps 806, 807; Fig. 11, steps 1104-1106" "METRO asks the bank over its server, and judges by the old load"
ask metro clerk <<SQL
SELECT request_id, outcome, inherits, fee, currency, examination_substituted
  FROM service_provider.request_reload('$pass', 'BANKJP', platform_type => 200,
           attribute => :'attribute', user_ref => 'member-1002');
SQL
request=$(value request_id)
expect "R41: approved as by method 1: by the old load, its examination, at the price of a reload" metro \
	"SELECT r.method, r.outcome, r.inherits, r.fee, x.substitutes IS NOT NULL
	   FROM service_provider.reload_request r
	   JOIN service_provider.examination x USING (examination_id)
	  WHERE r.request_id = $request" "2 approved $kenji_pass 100 t"
expect "the attribute is erased, its digest stays" metro \
	"SELECT attribute, attribute_sha256 = sha256(:'attribute')
	   FROM service_provider.reload_request WHERE request_id = $request" " t"

step "Fig. 10, steps 1001-1004; Fig. 15" "what the bank replied: asked by hand, it is the same"
ask bank metro <<SQL
SELECT * FROM card_issuer.inquire(attribute => :'attribute', app => '$pass');
SQL

step "R35" "only the bank's operators may open an attribute"
ask bank teller <<SQL
SELECT mask(card_issuer.decrypt_attribute(:'attribute')) AS card;
SQL
refused 42501 bank metro <<SQL
SELECT card_issuer.decrypt_attribute(:'attribute');
SQL

step "Fig. 8, step 808; Fig. 11, step 1108; claims 11-14" "permission by attribute, load, confirmation"
ask bank metro <<SQL
SELECT message_id, permitted, inherits, fee, currency, examination_substituted
  FROM card_issuer.permit_load(app => '$pass', attribute => :'attribute',
                               reload_of => '$kenji_pass');
SQL
kenji_pass_2=$(value message_id)
tell metro clerk <<SQL
SELECT service_provider.complete_reload($request, '$kenji_pass_2');
SQL
loads="SELECT message_id, status, inherits FROM %s.app_load
	WHERE message_id IN ('$kenji_pass', '$kenji_pass_2') ORDER BY message_id"
expect "the old load is superseded, the new one cites it" metro "${loads/\%s/service_provider}" \
	"$kenji_pass superseded "$'\n'"$kenji_pass_2 loaded $kenji_pass"
expect "in both databases" bank "${loads/\%s/card_issuer}" \
	"$(fetch metro "${loads/\%s/service_provider}")"

step "R32, R37" "the card is asked again and gives another answer; the bank gives the same id"
former=$attribute
read_card <<SH
card cards/kenji_2
SH
ask metro clerk <<SQL
SELECT outcome, inherits
  FROM service_provider.request_reload('$pass', 'BANKJP', platform_type => 200,
           attribute => :'attribute', user_ref => 'member-1002');
SQL
expect "the pass is on the card already" metro \
	"SELECT outcome, inherits FROM service_provider.reload_request
	  ORDER BY request_id DESC LIMIT 1" "already_reloaded $kenji_pass_2"
expect "another attribute, the same message id" bank \
	"SELECT :'attribute' <> '$former', reissued, message_id
	   FROM card_issuer.inquiry ORDER BY inquiry_no DESC LIMIT 1" "t t $kenji_pass"

step "Fig. 16; claims 3, 4" "inquiry and reply, in both databases"
ask bank teller <<SQL
SELECT inquiry_no AS no, provider, role, app_id, card_id, reissued, message_id, permission
  FROM card_issuer.masked_inquiry
 ORDER BY provider, inquiry_no;
SQL
ask metro postgres <<SQL
SELECT request_id, platform_type, reissued, message_id, carrier
  FROM service_provider.inquiry_reply
 ORDER BY request_id;
SQL
