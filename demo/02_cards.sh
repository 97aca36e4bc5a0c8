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
