chapter "A card that only the issuer can read"

step "Fig. 9, steps 901-903, 905" "Kenji's is reissued; the pair is stored, and nobody is told"
tell bank teller <<SQL
SELECT card_issuer.request_reissue('$kenji_1', 'expired');
SQL
ask bank teller <<SQL
SELECT * FROM card_issuer.reissue_card(old_card => '$kenji_1',
                                       new_card => '$kenji_2');
SQL
expect "R31: the pass is inherited, no notice is written" bank \
	"SELECT (SELECT message_id FROM card_issuer.entitlement WHERE card_id = '$kenji_2'),
	        (SELECT count(*) FROM screissue.notice WHERE platform_type = 200)" "$kenji_pass 0"

step "Fig. 18, steps 1801, 1802, 1804" "at METRO the platform type picks method 2; the card answers something opaque"
answer=$(od -An -v -tx1 -w28 -N56 /dev/urandom | sed "s/ //g; s/.*/               '&'/")
ask metro clerk <<SQL
SELECT request_id, outcome
  FROM service_provider.request_reload('$pass', 'BANKJP',
           platform_type => 200, attribute => 'ecies-x25519:27:'
$answer);
SQL
expect "the request waits for the bank's reply (the inquiry joins in a later version)" metro \
	"SELECT outcome FROM service_provider.reload_request
	  ORDER BY request_id DESC LIMIT 1" awaiting_reply

for who in metro library; do
	expect "R42: no table of $who has the id of Kenji's cards" $who \
		"SELECT tablename FROM pg_tables
		  WHERE schemaname IN ('screissue', 'service_provider')
		    AND query_to_xml(format('TABLE %I.%I', schemaname, tablename), true, false, '')::text
		        ~* '04A22B6C3D5E'" ""
done
