chapter "Refusals, one of each kind"

# ask_reload OUTCOME APPLICATION CARD USER [INHERITS]: METRO is asked for a
# reload and must come to that outcome.
ask_reload() {
	ask metro clerk <<SQL
SELECT outcome, refusal
  FROM service_provider.request_reload('$2', 'BANKJP',
           platform_type => 100, card => '$3', user_ref => '$4');
SQL
	expect "the outcome is $1" metro \
		"SELECT outcome, inherits FROM service_provider.reload_request
		  ORDER BY request_id DESC LIMIT 1" "$1 ${5:-}"
}
loads_before=$(fetch metro "TABLE service_provider.app_load")

step "Fig. 7, steps 704, 705, 707" "Mika's card is her first"
ask_reload not_reissued "$pass" "$mika_1" member-1004

step "E16" "another user comes with Sora's new card"
ask_reload refused "$pass" "$sora_2" member-6666 "$sora_pass"

step "E34" "the pass is on Aiko's new card already"
ask_reload already_reloaded "$pass" "$aiko_2" member-1001 "$aiko_pass_2"

expect "none of this has changed a load" metro "TABLE service_provider.app_load" "$loads_before"

step "R25; Fig. 7, steps 706, 707" "Aiko had park and ride removed; METRO knows, the bank does not yet"
tell metro clerk <<SQL
SELECT service_provider.record_unload('$aiko_park');
SQL
ask_reload not_loaded_before "$park" "$aiko_2" member-1001

step "E3" "the bank is told, and takes its notice back"
ask metro clerk <<SQL
SELECT service_provider.send_confirmations('BANKJP') AS confirmed;
SQL
await "the withdrawal has arrived" metro \
	"SELECT count(*) FROM service_provider.reissue_notice
	  WHERE kind = 'withdrawal' AND new_card_id = '$aiko_2' AND app_id = '$park'" 1
ask_reload entitlement_withdrawn "$park" "$aiko_2" member-1001

step "E13" "an application is withdrawn: by METRO, and by the bank"
tell metro clerk <<SQL
SELECT service_provider.withdraw_application('$park');
SQL
ask_reload application_withdrawn "$park" "$aiko_2" member-1001
tell bank teller <<SQL
SELECT card_issuer.withdraw_application('$park');
SQL
refused SR003 bank metro <<SQL
SELECT *
  FROM card_issuer.permit_load(app => '$park', card => '$aiko_2');
SQL

step "R6" "LIBRARY asks for METRO's application, and learns nothing"
refused 42501 bank library <<SQL
SELECT *
  FROM card_issuer.permit_load(app => '$pass', card => '$sora_2');
SQL
ask bank library <<SQL
SELECT *
  FROM card_issuer.find_reissue(card => '$sora_2', app => '$pass');
SQL
expect "the answer is that for a card that does not exist" bank \
	"SET ROLE library; SELECT r = s
	   FROM card_issuer.find_reissue('$sora_2', '$pass') r,
	        card_issuer.find_reissue('123456', '$pass') s" t

step "E60" "LIBRARY looks into the bank's tables"
refused 42501 bank library <<SQL
SELECT * FROM card_issuer.card;
SQL

step "E31" "Aiko's first card is to be reissued a second time"
refused SR006 bank teller <<SQL
SELECT * FROM card_issuer.request_reissue('$aiko_1', 'stolen');
SQL

step "E6" "a card id is given to somebody else"
refused 23505 bank teller <<SQL
SELECT card_issuer.issue_card('$aiko_1', 100, 'mika');
SQL

step "E37" "two spoilt notices come down the stream"
tell bank postgres <<SQL
INSERT INTO screissue.notice (issuer, provider, notice_no, kind, platform_type,
                              new_card_id, app_id, message_id)
VALUES ('BANKJP', 'METRO', 9001, 'reissue', 100,
        'no such card', '$pass', '$aiko_pass'),
       ('BANKJP', 'METRO', 9002, 'reissue', 100,
        '3566002020370009', '$pass', '$aiko_books');
SQL
await "both are kept aside, and the stream goes on" metro \
	"SELECT count(*) FROM service_provider.quarantined_notice" 2

step "E23" "a file claims to come from an issuer whom METRO does not know"
ask metro clerk <<SQL
SELECT service_provider.receive_notice('OTHER', 'METRO', 1, 'reissue', 100,
           '$mika_1', '$aiko_1', '$pass', 'OTHER/METRO/1',
           'lost', now(), carrier => 'file');
SQL
ask metro clerk <<SQL
SELECT issuer, notice_no AS no, message_id, new_card_id, carrier, cause
  FROM service_provider.quarantine
 ORDER BY quarantine_id;
SQL
expect "three are in quarantine, none is believed" metro \
	"SELECT (SELECT count(*) FROM service_provider.quarantined_notice),
	        (SELECT count(*) FROM service_provider.reissue_notice
	          WHERE new_card_id IN ('$mika_1', '3566002020370009'))" \
	"3 0"

step "E23" "the clerk has it judged again, to no avail, and dismisses it"
ask metro clerk <<SQL
SELECT service_provider.retry_notice(quarantine_id, reason => 'is there a contract by now?')
  FROM service_provider.quarantine
 WHERE cause = 'unknown_issuer';
SQL
tell metro clerk <<SQL
SELECT service_provider.dismiss_notice(quarantine_id, reason => 'nobody knows OTHER')
  FROM service_provider.quarantine
 WHERE cause = 'unknown_issuer';
SQL
expect "two are left, and it is on record who dismissed the third" metro \
	"SELECT (SELECT count(*) FROM service_provider.quarantine), decided_by, decision_reason
	   FROM service_provider.quarantined_notice WHERE resolution = 'dismissed'" \
	"2 clerk nobody knows OTHER"
