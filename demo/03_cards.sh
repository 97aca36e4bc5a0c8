chapter "Cards on three platforms"

step "R43" "a builder's own platform is a row: method 1, ids with a check digit"
for who in bank metro library; do
	tell $who postgres <<SQL
INSERT INTO screissue.platform VALUES (310, 'own COS', 1, 'luhn');
SQL
done
ask bank postgres <<SQL
SELECT * FROM screissue.platform ORDER BY platform_type;
SQL

step "R3" "the bank issues the cards; Kenji's is produced, not yet handed over"
tell bank teller <<SQL
SELECT card_issuer.register_holder('aiko', '{"occupation": "teacher"}');
SELECT card_issuer.issue_card('$aiko_1', 100, 'aiko');
SELECT card_issuer.issue_card('$kenji_1', 200, 'kenji', activate => false);
SELECT card_issuer.issue_card('$sora_1', 310, 'sora');
SELECT card_issuer.issue_card('$mika_1', 100, 'mika');
SQL
ask bank postgres <<SQL
SELECT c.holder_id, mask(c.card_id) AS card, p.platform_type, p.card_os, c.status
  FROM card_issuer.card c
  JOIN screissue.platform p ON p.platform_type = c.platform_type
 ORDER BY c.holder_id;
SQL
expect "four cards, three in use" bank \
	"SELECT count(*), count(*) FILTER (WHERE status = 'active') FROM card_issuer.card" "4 3"

step "R43" "a mistyped id does not pass the check digit of platform 310"
refused SR010 bank teller <<SQL
SELECT card_issuer.issue_card('${sora_1%?}8', 310, 'sora');
SQL

# personalize CARD KEY_ID NAME: the bank's answer goes into cards/NAME, from
# where the machine that makes cards would write it on the chip.
personalize() {
	local query="SELECT * FROM card_issuer.personalize_card('$1', key_id => $2);"
	local directory=$data/cards/$3 fixed secret
	print_sql bank teller <<<"$query"
	read -r fixed secret < <(sql bank teller -At -F ' ' <<<"$query")
	(
		umask 077
		mkdir "$directory"
		cp "$data/cards/issuer_$2.pem" "$directory/issuer.pem"
		printf '%s' "${fixed%:*}" >"$directory/key"
		printf '%s/%s' "$1" "$secret" >"$directory/content"
		printf '%s\n' "$fixed" >"$directory/attribute"
	)
	expect "the bank keeps a digest of the secret, not the secret" bank \
		"SELECT c.secret_sha256 = sha256('$secret') FROM card_issuer.card c
		  WHERE c.card_id = '$1'" t
}

step "R32" "Kenji's card gets a secret, and its id encrypted: what it answers for life"
personalize "$kenji_1" 1 kenji_1
