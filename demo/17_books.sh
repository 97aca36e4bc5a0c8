chapter "The books, at the end"

step "Fig. 14" "loads at the bank"
ask bank postgres <<SQL
SELECT mask(l.card_id) AS card, l.message_id, a.name, l.status, l.inherits, l.fee
  FROM card_issuer.app_load l
  JOIN card_issuer.application a ON a.app_id = l.app_id
 ORDER BY l.message_id;
SQL

step "Fig. 17" "loads at METRO and LIBRARY"
for who in metro library; do
	ask $who postgres <<SQL
SELECT message_id, mask(card_id) AS card, user_ref, status, inherits, fee
  FROM service_provider.app_load
 ORDER BY message_id;
SQL
done

step "claims 13, 14" "what METRO owes the bank for this month, and what its users owe METRO"
ask bank teller <<SQL
SELECT provider, currency, loads, reloads, refunds, amount
  FROM card_issuer.statement
 ORDER BY provider DESC;
SQL
ask metro clerk <<SQL
SELECT user_ref, currency, loads, reloads, refunds, amount
  FROM service_provider.statement
 ORDER BY user_ref;
SQL
expect "statement and loads add up" bank \
	"SELECT sum(amount) = (SELECT sum(fee) FROM card_issuer.app_load
	                        WHERE loaded_at IS NOT NULL AND refunded_at IS NULL)
	   FROM card_issuer.statement" t

step "Fig. 13" "pairs of old and reissued card"
ask bank postgres <<SQL
SELECT * FROM card_issuer.masked_reissue_pair ORDER BY old_card_id, new_card_id;
SQL
for who in metro library; do
	ask $who postgres <<SQL
SELECT * FROM service_provider.masked_reissue_pair ORDER BY old_card_id, new_card_id;
SQL
done

step "Fig. 12" "notices received by METRO and LIBRARY"
for who in metro library; do
	ask $who postgres <<SQL
SELECT notice_no AS no, kind, mask(new_card_id) AS new_card,
       mask(old_card_id) AS old_card, message_id, carrier
  FROM service_provider.reissue_notice
 ORDER BY notice_no;
SQL
done

step "Fig. 16" "inquiries answered by the bank, and the keys that its cards need"
ask bank teller <<SQL
SELECT provider, role, coalesce(cause, 'positive') AS answer, count(*)
  FROM card_issuer.masked_inquiry
 GROUP BY provider, role, cause
 ORDER BY provider, cause NULLS FIRST;
SQL
ask bank teller <<SQL
SELECT key_id, scheme, retired_at IS NOT NULL AS retired, revoked_at IS NOT NULL AS revoked,
       cards_personalized, cards_in_use
  FROM card_issuer.key_usage
 ORDER BY key_id;
SQL
expect "only one key is needed by a card in use" bank \
	"SELECT key_id, cards_in_use FROM card_issuer.key_usage WHERE cards_in_use > 0" "3 1"

step "R7, R21" "they agree"
loads="SELECT message_id, app_id, status, inherits FROM %s.app_load
	WHERE provider(message_id) = '%s' ORDER BY message_id"
pairs="SELECT DISTINCT old_card_id, new_card_id FROM %s.reissue_pair
	WHERE new_card_id IN ('$aiko_2', '$aiko_3', '$sora_2') ORDER BY 1, 2"
notices="SELECT notice_no, kind, platform_type, new_card_id, old_card_id, app_id, message_id, reason FROM"
for who in metro library; do
	# shellcheck disable=SC2059
	expect "the bank and $who have the same loads" bank \
		"$(printf "$loads" card_issuer ${who^^})" \
		"$(fetch $who "$(printf "$loads" service_provider ${who^^})")"
	expect "and the same pairs" $who "${pairs/\%s/service_provider}" \
		"$(fetch bank "${pairs/\%s/card_issuer}")"
	expect "and the same notices" $who \
		"$notices service_provider.reissue_notice WHERE notice_no > 0 ORDER BY 1" \
		"$(fetch bank "$notices card_issuer.fetch_notices('${who^^}', 0) WHERE notice_no < 9000 ORDER BY 1")"
	expect "no notice is missing" $who \
		"SELECT * FROM service_provider.missing_notices('BANKJP')" ""
	expect "nothing is left to confirm" $who \
		"SELECT * FROM service_provider.unconfirmed_load" ""
done
