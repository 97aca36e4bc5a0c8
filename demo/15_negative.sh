chapter "Refusals by method 2: one answer for every cause"

# ask_in_vain CAUSE [PRINTED_NUMBER]: METRO asks with the attribute, learns
# nothing, and the bank knows why.
ask_in_vain() {
	local number=${2:+"printed_number => '$2', "}
	ask metro clerk <<SQL
SELECT outcome, refusal
  FROM service_provider.request_reload('$pass', 'BANKJP', platform_type => 200,
           attribute => :'attribute', ${number}user_ref => 'member-1002');
SQL
	expect "METRO is told nothing else" metro \
		"SELECT r.outcome, p.platform_type, p.reissued, p.message_id
		   FROM service_provider.reload_request r
		   JOIN service_provider.inquiry_reply p USING (request_id)
		  ORDER BY r.request_id DESC LIMIT 1" "not_reissued 200 f "
	expect "the bank knows the cause: $1" bank \
		"SELECT cause FROM card_issuer.inquiry WHERE provider = 'METRO'
		  ORDER BY inquiry_no DESC LIMIT 1" "$1"
}
loads_before=$(fetch bank "TABLE card_issuer.app_load")

step "R33" "another number is printed on the card in the terminal than on Kenji's"
ask_in_vain printed_number '0417 9999'

step "R36; Fig. 10, step 1005; Fig. 11, step 1107" "with Kenji's card id and the bank's public key, but not the secret, somebody forges an attribute"
read_card <<SH
mkdir cards/forged
cp cards/issuer_1.pem cards/forged/issuer.pem
printf ecies-x25519:1 >cards/forged/key
printf $kenji_2 >cards/forged/content
card cards/forged
SH
ask_in_vain secret

step "E40, E44" "the finder of Kenji's lost card presents it: what it stores can be read, but the card is replaced"
read_card <<SH
cat cards/kenji_1/attribute
SH
ask_in_vain card_status

step "E39" "the first cards leak: the bank revokes their key"
tell bank teller <<SQL
SELECT card_issuer.revoke_key(1);
SQL
ask_in_vain revoked_key

step "E42" "noise that looks like an attribute"
read_card <<SH
echo ecies-p256:2:02\$(openssl rand -hex 80)
SH
ask_in_vain undecryptable

step "E45" "LIBRARY asks about METRO's application, with what Kenji's card gave it"
read_card <<SH
card cards/kenji_2
SH
ask bank library <<SQL
SELECT * FROM card_issuer.inquire(attribute => :'attribute', app => '$pass');
SQL
expect "the bank knows the cause: foreign_app" bank \
	"SELECT cause, card_id FROM card_issuer.inquiry WHERE provider = 'LIBRARY'" "foreign_app "

step "R36" "a permission is refused in the same word"
read_card <<SH
card cards/forged
SH
ask bank metro <<SQL
SELECT message_id, permitted, refusal
  FROM card_issuer.permit_load(app => '$pass', attribute => :'attribute');
SQL
expect "none of this has changed a load" bank "TABLE card_issuer.app_load" "$loads_before"

step "E41, E48" "a key file is gone: the bank's own fault is an error, not a silent no"
run <<SH
mv bank/keys/2.pem bank/keys/2.away
SH
read_card <<SH
card cards/kenji_2
SH
refused SR011 metro clerk <<SQL
SELECT outcome
  FROM service_provider.request_reload('$pass', 'BANKJP', platform_type => 200,
           attribute => :'attribute');
SQL
run <<SH
mv bank/keys/2.away bank/keys/2.pem
SH

step "E45" "METRO's role asks in secret, and rolls back: the number is gone all the same"
tell bank metro <<SQL
BEGIN;
SELECT * FROM card_issuer.inquire(attribute => :'attribute', app => '$pass');
ROLLBACK;
SQL
ask bank teller <<SQL
SELECT provider, inquiries, positive, negative, hidden
  FROM card_issuer.inquiry_report
 ORDER BY provider;
SQL
expect "two inquiries of METRO are hidden: this one, and the one that failed" bank \
	"SELECT hidden FROM card_issuer.inquiry_report WHERE provider = 'METRO'" 2

step "R35, R36" "the causes, in the bank's server log; card ids are masked"
run <<SH
sed -n '/inquiry of/,/DETAIL/s/.*\] //p' bank/log
SH
