chapter "The notice arrives"

step "Fig. 6, steps 601, 602" "at METRO by logical replication: nobody calls anything"
await "METRO has both notices" metro \
	"SELECT count(*) FROM service_provider.reissue_notice WHERE carrier = 'replication'" 2
ask metro postgres <<SQL
SELECT issuer, notice_no AS no, kind, mask(new_card_id) AS new_card,
       mask(old_card_id) AS old_card, message_id, reason, carrier
  FROM service_provider.reissue_notice
 ORDER BY notice_no;
SQL

step "Fig. 6, steps 601, 602" "at LIBRARY when it fetches them; asking twice is harmless"
ask library librarian <<SQL
SELECT service_provider.pull_notices('BANKJP') AS fetched;
SQL
ask library librarian <<SQL
SELECT service_provider.pull_notices('BANKJP') AS fetched;
SQL
expect "nothing came twice" library \
	"SELECT n.notice_no, n.message_id, a.carrier, a.arrivals
	   FROM service_provider.reissue_notice n, service_provider.arrival a" \
	"1 $aiko_books pull 1"

step "R19" "LIBRARY can fetch its own notices only"
refused 42501 bank library <<SQL
SELECT * FROM card_issuer.fetch_notices('METRO', after_no => 0);
SQL

step "Fig. 13" "the pair stands in all three databases; auditors see it masked"
for who in metro library; do
	ask $who postgres <<SQL
SELECT * FROM service_provider.masked_reissue_pair;
SQL
	expect "$who has the bank's pair" $who \
		"SELECT old_card_id, new_card_id FROM service_provider.reissue_pair" \
		"$(fetch bank "SELECT old_card_id, new_card_id FROM card_issuer.reissue_pair")"
done
