chapter "The new card is stolen: a chain of three cards"

step "Fig. 5, steps 501-505" "the pass is on Aiko's second card, the library card still on her first"
tell bank teller <<SQL
SELECT card_issuer.block_card('$aiko_2', 'stolen');
SELECT card_issuer.request_reissue('$aiko_2', 'stolen');
SQL
ask bank teller <<SQL
SELECT * FROM card_issuer.reissue_card(old_card => '$aiko_2',
                                       new_card => '$aiko_3');
SQL
ask bank teller <<SQL
SELECT hop, mask(card_id) AS card, status FROM card_issuer.lineage('$aiko_2');
SQL
ask bank postgres <<SQL
SELECT a.name, e.message_id AS inherits, e.hops
  FROM card_issuer.entitlement e
  JOIN card_issuer.application a ON a.app_id = e.app_id
 WHERE e.card_id = '$aiko_3'
 ORDER BY e.hops;
SQL
expect "E2: the pass comes from the second card; E1: the library card from the first" bank \
	"SELECT message_id, hops FROM card_issuer.entitlement
	  WHERE card_id = '$aiko_3' ORDER BY hops" \
	"$aiko_pass_2 1"$'\n'"$aiko_books 2"

step "E1; Fig. 7, steps 701-708" "at LIBRARY, which never saw the second card"
tell library librarian <<SQL
SELECT service_provider.pull_notices('BANKJP');
SQL
ask library librarian <<SQL
SELECT request_id, outcome, inherits, fee, examination_substituted
  FROM service_provider.request_reload('$books', 'BANKJP',
           platform_type => 100, card => '$aiko_3', user_ref => 'reader-77');
SQL
request=$(value request_id)
expect "approved by the load on the first card" library \
	"SELECT outcome, inherits FROM service_provider.reload_request
	  WHERE request_id = $request" "approved $aiko_books"
ask bank library <<SQL
SELECT message_id, permitted, inherits, fee
  FROM card_issuer.permit_load(app => '$books', card => '$aiko_3',
                               reload_of => '$aiko_books');
SQL
aiko_books_3=$(value message_id)
tell library librarian <<SQL
SELECT service_provider.complete_reload($request, '$aiko_books_3');
SQL

step "E2, E53; Fig. 7, steps 701-708" "at METRO, by the load on the second card; theft costs nothing"
await "METRO has the notice" metro \
	"SELECT count(*) FROM service_provider.reissue_notice WHERE new_card_id = '$aiko_3'" 1
ask metro clerk <<SQL
SELECT request_id, outcome, inherits, fee, examination_substituted
  FROM service_provider.request_reload('$pass', 'BANKJP',
           platform_type => 100, card => '$aiko_3', user_ref => 'member-1001');
SQL
request=$(value request_id)
expect "approved by the load on the second card, free of charge" metro \
	"SELECT outcome, inherits, fee FROM service_provider.reload_request
	  WHERE request_id = $request" "approved $aiko_pass_2 0"
ask bank metro <<SQL
SELECT message_id, permitted, inherits, fee
  FROM card_issuer.permit_load(app => '$pass', card => '$aiko_3',
                               reload_of => '$aiko_pass_2');
SQL
aiko_pass_3=$(value message_id)
tell metro clerk <<SQL
SELECT service_provider.complete_reload($request, '$aiko_pass_3');
SQL

step "E7" "the thief presents the second card"
ask_reload card_replaced "$pass" "$aiko_2" member-1001
