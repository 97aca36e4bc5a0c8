chapter "Aiko loses her card"

step "R14" "the bank blocks it"
tell bank teller <<SQL
SELECT card_issuer.block_card('$aiko_1', 'lost');
SQL

step "Fig. 4, step 401; Fig. 5, steps 501, 502" "Aiko asks for a reissue; the bank examines the request"
ask bank teller <<SQL
SELECT * FROM card_issuer.request_reissue('$aiko_1', 'lost',
    requested_by => 'the holder, branch Ginza');
SQL
ask bank postgres <<SQL
SELECT r.reason, r.requested_by, r.status, x.approved, x.examiner
  FROM card_issuer.reissue_request r
  JOIN card_issuer.examination x
    ON x.card_id = r.old_card_id AND x.examination_id = r.examination_id;
SQL
expect "the request is approved" bank \
	"SELECT status FROM card_issuer.reissue_request WHERE old_card_id = '$aiko_1'" approved

step "Fig. 5, step 504" "Mika asks, too; a person looks at it and declines"
tell bank teller <<SQL
SELECT card_issuer.request_reissue('$mika_1', 'other');
SELECT card_issuer.decide_reissue('$mika_1', approved => false,
    reason => 'the card is as good as new');
SQL
refused SR007 bank teller <<SQL
SELECT card_issuer.reissue_card('$mika_1', '3566002020370009');
SQL

step "Fig. 4, steps 402, 403; Fig. 5, steps 503, 505" "new card, pair, what it inherits, notices: in one transaction"
ask bank teller <<SQL
SELECT * FROM card_issuer.reissue_card(old_card => '$aiko_1',
                                       new_card => '$aiko_2');
SQL
ask bank postgres <<SQL
SELECT a.name, e.message_id AS inherits, mask(e.card_id) AS new_card,
       mask(e.old_card_id) AS old_card, e.hops
  FROM card_issuer.entitlement e
  JOIN card_issuer.application a ON a.app_id = e.app_id
 ORDER BY e.message_id;
SQL

step "Fig. 12" "the notices, as they go out"
ask bank postgres <<SQL
SELECT provider, notice_no AS no, platform_type AS pf,
       mask(new_card_id::card_id) AS new_card,
       mask(old_card_id::card_id) AS old_card, message_id, reason
  FROM screissue.notice
 ORDER BY provider, notice_no;
SQL
expect "each provider with an application on the card is told, and only those" bank \
	"SELECT provider, count(*) FROM screissue.notice GROUP BY 1 ORDER BY 1" \
	$'LIBRARY 1\nMETRO 2'

step "Fig. 13; claims 1, 2" "the pair is found from either side"
ask bank teller <<SQL
SELECT mask(card_issuer.find_new_card('$aiko_1')) AS new_card,
       mask(card_issuer.find_old_card('$aiko_2')) AS old_card;
SQL
expect "new card from old, old card from new" bank \
	"SELECT card_issuer.find_new_card('$aiko_1'), card_issuer.find_old_card('$aiko_2')" \
	"$aiko_2 $aiko_1"
