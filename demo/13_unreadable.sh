chapter "Method 2: Kenji loses his card, which only the bank can read"

step "Fig. 8, step 801; Fig. 9, steps 901, 902" "the bank blocks it; Kenji asks for a reissue, the bank examines the request"
tell bank teller <<SQL
SELECT card_issuer.block_card('$kenji_1', 'lost');
SQL
ask bank teller <<SQL
SELECT * FROM card_issuer.request_reissue('$kenji_1', 'lost');
SQL

step "Fig. 8, step 802; Fig. 9, steps 903, 905" "new card, pair, what it inherits; and nobody is told"
ask bank teller <<SQL
SELECT * FROM card_issuer.reissue_card(old_card => '$kenji_1',
                                       new_card => '$kenji_2', printed_number => '0417 2260');
SQL
expect "R31: the pass is inherited, no notice is written" bank \
	"SELECT (SELECT message_id FROM card_issuer.entitlement WHERE card_id = '$kenji_2'),
	        (SELECT count(*) FROM screissue.notice WHERE platform_type = 200)" "$kenji_pass 0"

step "E40" "key 1 has served its time: no new card for it, the old ones can still be read"
tell bank teller <<SQL
SELECT card_issuer.retire_key(1);
SQL
refused SR011 bank teller <<SQL
SELECT * FROM card_issuer.personalize_card('$kenji_2', key_id => 1);
SQL

step "R32" "the new card takes key 2; it stores no attribute, but encrypts afresh each time"
personalize "$kenji_2" 2 kenji_2
