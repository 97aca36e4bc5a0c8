chapter "Applications are loaded"

step "R7" "METRO asks for permission to load its travel pass on Aiko's card"
ask bank metro <<SQL
SELECT message_id, permitted, inherits, fee, currency
  FROM card_issuer.permit_load(app => '$pass', card => '$aiko_1');
SQL
aiko_pass=$(value message_id)

step "R7, R8" "it keeps the message id, its own examination, the account to charge"
tell metro clerk <<SQL
SELECT service_provider.record_load('$aiko_pass', '$pass',
    card => '$aiko_1', platform_type => 100, user_ref => 'member-1001',
    account => '{"bank": "0001", "number": "7654321"}',
    examination => ROW(true, 'income verified', '2 years'));
SQL

step "R8" "and tells the bank, over its server, that the load succeeded"
ask metro clerk <<SQL
SELECT service_provider.send_confirmations('BANKJP') AS confirmed;
SQL
loads="SELECT message_id, card_id, app_id, status FROM %s.app_load"
expect "both databases have the load under one message id" bank \
	"${loads/\%s/card_issuer}" "$(fetch metro "${loads/\%s/service_provider}")"
expect "the fee is due" bank \
	"SELECT message_id, status, fee FROM card_issuer.app_load" "$aiko_pass loaded 120"

step "R7, R8" "LIBRARY does the same; here the application server confirms"
ask bank library <<SQL
SELECT message_id, permitted, inherits, fee, currency
  FROM card_issuer.permit_load(app => '$books', card => '$aiko_1');
SQL
aiko_books=$(value message_id)
tell library librarian <<SQL
SELECT service_provider.record_load('$aiko_books', '$books',
    card => '$aiko_1', platform_type => 100, user_ref => 'reader-77',
    examination => ROW(true, 'lives in town', NULL));
SQL
tell bank library <<SQL
SELECT card_issuer.confirm_load('$aiko_books', receipt => '\x9000');
SQL
tell library librarian <<SQL
SELECT service_provider.send_confirmations('BANKJP');
SQL

step "R12" "a card has several applications, and there are other cards"
ask bank metro <<SQL
SELECT message_id, permitted
  FROM card_issuer.permit_load(app => '$park', card => '$aiko_1');
SQL
aiko_park=$(value message_id)
ask bank metro <<SQL
SELECT message_id, permitted
  FROM card_issuer.permit_load(app => '$pass', card => '$sora_1');
SQL
sora_pass=$(value message_id)
tell metro clerk <<SQL
SELECT service_provider.record_load('$aiko_park', '$park',
    card => '$aiko_1', platform_type => 100, user_ref => 'member-1001');
SELECT service_provider.record_load('$sora_pass', '$pass',
    card => '$sora_1', platform_type => 310, user_ref => 'member-1003',
    examination => ROW(true, 'income verified', '2 years'));
SELECT service_provider.send_confirmations('BANKJP');
SQL
ask bank library <<SQL
SELECT message_id, permitted
  FROM card_issuer.permit_load(app => '$books', card => '$sora_1');
SQL
sora_books=$(value message_id)
tell library librarian <<SQL
SELECT service_provider.record_load('$sora_books', '$books',
    card => '$sora_1', platform_type => 310, user_ref => 'reader-80',
    examination => ROW(true, 'lives in town', NULL));
SELECT service_provider.send_confirmations('BANKJP');
SQL

step "R11, R32, R42" "Kenji's pass is loaded at issue; METRO knows the card's answer, :'attribute', and nothing else"
read_card <<SH
cat cards/kenji_1/attribute
SH
ask bank metro <<SQL
SELECT message_id, permitted, fee, currency
  FROM card_issuer.permit_load(app => '$pass', attribute => :'attribute');
SQL
kenji_pass=$(value message_id)
tell metro clerk <<SQL
SELECT service_provider.record_load('$kenji_pass', '$pass',
    platform_type => 200, user_ref => 'member-1002',
    examination => ROW(true, 'income verified', '2 years'));
SELECT service_provider.send_confirmations('BANKJP');
SQL
tell bank teller <<SQL
SELECT card_issuer.activate_card('$kenji_1');
SQL

step "Fig. 14" "on record at the bank, by card id"
ask bank postgres <<SQL
SELECT mask(l.card_id) AS card, l.message_id, a.name, l.status, l.at_issue, l.fee
  FROM card_issuer.app_load l
  JOIN card_issuer.application a ON a.app_id = l.app_id
 ORDER BY l.card_id, l.message_id;
SQL
step "Fig. 17" "on record at METRO, by message id; with the card id where it can be read"
ask metro postgres <<SQL
SELECT l.message_id, mask(l.card_id) AS card, l.user_ref, l.status, l.fee,
       x.reason AS examination, l.account ->> 'number' AS account
  FROM service_provider.app_load l
  LEFT JOIN service_provider.examination x
    ON x.examination_id = l.examination_id
 ORDER BY l.message_id;
SQL
expect "six loads, one of them at issue" bank \
	"SELECT count(*), count(*) FILTER (WHERE at_issue)
	   FROM card_issuer.app_load WHERE status = 'loaded'" "6 1"
for who in metro library; do
	expect "$who has told the bank of all its loads" $who \
		"SELECT count(*) FROM service_provider.unconfirmed_load" 0
done
