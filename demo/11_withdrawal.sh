chapter "A reissue is taken back"

step "Fig. 5, steps 501-505" "Sora asks for a newer card, the notice goes out ..."
tell bank teller <<SQL
SELECT card_issuer.request_reissue('$sora_2', 'upgraded');
SELECT card_issuer.reissue_card(old_card => '$sora_2',
                                new_card => '$sora_3', activate => false);
SQL
await "METRO has the notice" metro \
	"SELECT kind FROM service_provider.reissue_notice WHERE new_card_id = '$sora_3'" reissue

step "E9" "... and she changes her mind before she fetches it"
tell bank teller <<SQL
SELECT card_issuer.withdraw_reissue('$sora_3');
SQL
ask bank postgres <<SQL
SELECT mask(card_id) AS card, status, mask(replaces) AS replaces,
       mask(replaced_by) AS replaced_by
  FROM card_issuer.card
 WHERE holder_id = 'sora'
 ORDER BY issued_at;
SQL
expect "the second card is in use again, the third revoked" bank \
	"SELECT status FROM card_issuer.card WHERE holder_id = 'sora' ORDER BY issued_at" \
	$'replaced\nactive\nrevoked'

step "Fig. 6, steps 601, 602" "METRO and LIBRARY learn of it the same way"
ask library librarian <<SQL
SELECT service_provider.pull_notices('BANKJP') AS fetched;
SQL
expect "LIBRARY has both" library \
	"SELECT kind FROM service_provider.reissue_notice
	  WHERE new_card_id = '$sora_3' ORDER BY notice_no" $'reissue\nwithdrawal'
await "METRO has both" metro \
	"SELECT kind FROM service_provider.reissue_notice
	  WHERE new_card_id = '$sora_3' ORDER BY notice_no" $'reissue\nwithdrawal'
ask_reload entitlement_withdrawn "$pass" "$sora_3" member-1003
ask_reload approved "$pass" "$sora_2" member-1003 "$sora_pass"
