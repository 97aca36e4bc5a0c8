chapter "No notice: LIBRARY asks when the holder comes"

step "R30" "LIBRARY would rather ask than be told: its contract is changed"
tell bank teller <<SQL
SELECT card_issuer.register_provider('LIBRARY', 'City Library',
    role_name => 'library', delivery => 'on_request');
SQL

step "Fig. 5, steps 501-505" "Sora's card is worn out and reissued: only METRO is told"
tell bank teller <<SQL
SELECT card_issuer.request_reissue('$sora_1', 'damaged');
SQL
ask bank teller <<SQL
SELECT * FROM card_issuer.reissue_card(old_card => '$sora_1',
                                       new_card => '$sora_2');
SQL
expect "two applications are inherited, one notice goes out, to METRO" bank \
	"SELECT (SELECT count(*) FROM card_issuer.entitlement WHERE card_id = '$sora_2'),
	        (SELECT string_agg(provider, ',') FROM screissue.notice WHERE new_card_id = '$sora_2')" \
	"2 METRO"
expect "LIBRARY finds nothing to fetch" library \
	"SELECT service_provider.pull_notices('BANKJP')" 0

step "Fig. 18, steps 1801-1803; Fig. 19, steps 404, 408, 409" "Sora presents the new card; LIBRARY asks the bank"
ask library librarian <<SQL
SELECT request_id, outcome, inherits, fee, examination_substituted
  FROM service_provider.request_reload('$books', 'BANKJP',
           platform_type => 310, card => '$sora_2', user_ref => 'reader-80');
SQL
request=$(value request_id)
expect "the answer is kept like a notice" library \
	"SELECT r.outcome, n.carrier, n.message_id, n.old_card_id
	   FROM service_provider.reload_request r
	   JOIN service_provider.reissue_notice n USING (issuer, notice_no)
	  WHERE r.request_id = $request" "approved inquiry $sora_books $sora_1"

step "Fig. 4, step 407" "permission, load, confirmation"
ask bank library <<SQL
SELECT message_id, permitted, inherits, fee
  FROM card_issuer.permit_load(app => '$books', card => '$sora_2',
                               reload_of => '$sora_books');
SQL
sora_books_2=$(value message_id)
tell library librarian <<SQL
SELECT service_provider.complete_reload($request, '$sora_books_2');
SQL
expect "the bank knows" bank \
	"SELECT status, inherits FROM card_issuer.app_load WHERE message_id = '$sora_books_2'" \
	"loaded $sora_books"

step "R30" "the contract is changed back; nothing is lost, nothing is told twice"
tell bank teller <<SQL
SELECT card_issuer.register_provider('LIBRARY', 'City Library',
    role_name => 'library', delivery => 'pull');
SQL
expect "what LIBRARY has used already needs no notice" library \
	"SELECT service_provider.pull_notices('BANKJP')" 0
