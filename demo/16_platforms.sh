chapter "From one platform to another"

step "E58; Fig. 9, steps 901-903, 905" "Sora takes a card that only the bank can read; nobody is told"
tell bank teller <<SQL
SELECT card_issuer.request_reissue('$sora_2', 'upgraded');
SQL
ask bank teller <<SQL
SELECT * FROM card_issuer.reissue_card(old_card => '$sora_2',
                                       new_card => '$sora_4', platform_type => 200, printed_number => '0533 1847');
SQL
personalize "$sora_4" 3 sora_4

step "R30" "LIBRARY's database has lost its line to the bank: its application server will ask"
tell library librarian <<SQL
SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point');
SQL

step "R32; Fig. 11, steps 1101-1103" "at LIBRARY; this card uses RSA, and nothing but the openssl command"
read_card <<SH
printf rsa-oaep-sha256:3:
openssl pkeyutl -encrypt -pubin -inkey cards/issuer_3.pem -in cards/sora_4/content \\
    -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256 |
    od -An -v -tx1 | tr -d ' \n'
SH

step "Fig. 11, step 1104" "the request waits for the bank's reply"
ask library librarian <<SQL
SELECT request_id, outcome
  FROM service_provider.request_reload('$books', 'BANKJP', platform_type => 200,
           attribute => :'attribute', printed_number => '0533 1847', user_ref => 'reader-80');
SQL
request=$(value request_id)
expect "it waits" library \
	"SELECT outcome FROM service_provider.reload_request WHERE request_id = $request" awaiting_reply

step "Fig. 8, steps 806, 807; Fig. 10, steps 1001-1004" "the application server carries the inquiry to the bank ..."
ask bank library <<SQL
SELECT *
  FROM card_issuer.inquire(attribute => :'attribute', app => '$books',
                           printed_number => '0533 1847');
SQL
reply="$(value platform_type), '$(value reissued)', '$(value message_id)'"

step "Fig. 11, steps 1105, 1106" "... and the reply to its database"
ask library librarian <<SQL
SELECT outcome, inherits, fee, examination_substituted
  FROM service_provider.record_reply($request, $reply);
SQL
expect "approved by the load on a card that anybody could read" library \
	"SELECT r.outcome, r.inherits, l.card_id, p.carrier
	   FROM service_provider.reload_request r
	   JOIN service_provider.inquiry_reply p USING (request_id)
	   JOIN service_provider.app_load l ON l.message_id = r.inherits
	  WHERE r.request_id = $request" "approved $sora_books_2 $sora_2 application"

step "Fig. 8, step 808; Fig. 11, step 1108" "permission, load; the line is back, LIBRARY confirms"
ask bank library <<SQL
SELECT message_id, permitted, inherits, fee
  FROM card_issuer.permit_load(app => '$books', attribute => :'attribute',
                               reload_of => '$sora_books_2');
SQL
sora_books_3=$(value message_id)
tell library librarian <<SQL
SELECT service_provider.complete_reload($request, '$sora_books_3');
SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point',
    server => 'bankjp');
SELECT service_provider.send_confirmations('BANKJP');
SQL
expect "the bank knows" bank \
	"SELECT status, inherits FROM card_issuer.app_load WHERE message_id = '$sora_books_3'" \
	"loaded $sora_books_2"

step "E58" "Kenji takes a card that anybody can read: the notice names the old load, not the old card"
tell bank teller <<SQL
SELECT card_issuer.request_reissue('$kenji_2', 'upgraded');
SELECT * FROM card_issuer.reissue_card(old_card => '$kenji_2', new_card => '$kenji_3',
                                       platform_type => 100);
SQL
await "METRO has the notice" metro \
	"SELECT old_card_id, message_id FROM service_provider.reissue_notice
	  WHERE new_card_id = '$kenji_3'" " $kenji_pass_2"
ask_reload approved "$pass" "$kenji_3" member-1002 "$kenji_pass_2"

step "R42" "what METRO and LIBRARY know of the cards that only the bank can read"
for who in metro library; do
	expect "no table of $who has the id of one" $who \
		"SELECT tablename FROM pg_tables
		  WHERE schemaname IN ('screissue', 'service_provider')
		    AND query_to_xml(format('TABLE %I.%I', schemaname, tablename), true, false, '')::text
		        ~* '04A22B6C3D5E'" ""
done
