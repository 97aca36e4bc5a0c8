# claim:  decryptions, by the DEBUG2 messages that a superuser sees, in each form of an inquiry
# peer:   inquiries: as a query, prepared with a custom and a generic plan, in PL/pgSQL; audit off, on
# target: = 1
# unit:   count
# data:   issuer cards

said=$STAGE/logs/decrypts_per_inquire.log
inquire_in_every_form() {
	sql -v audit="$1" <<-'SQL'
		SELECT s.attribute FROM bench.sample s LIMIT 1 \gset
		SET screissue.audit_inquiries = :audit;
		SET client_min_messages = debug2;
		\warn inquiries 1
		SELECT * FROM card_issuer.inquire(:'attribute', 'D3920000A101');
		\warn inquiries 1
		SELECT (card_issuer.inquire(:'attribute', 'D3920000A101')).reissued;
		PREPARE inquiry AS SELECT * FROM card_issuer.inquire($1, 'D3920000A101');
		SET plan_cache_mode = force_custom_plan;
		\warn inquiries 1
		EXECUTE inquiry (:'attribute');
		SET plan_cache_mode = force_generic_plan;
		\warn inquiries 1
		EXECUTE inquiry (:'attribute');
		\warn inquiries 500
		SELECT bench.inquire(1);
	SQL
}
{ inquire_in_every_form off && inquire_in_every_form on; } >"$said" 2>&1 || exit

# The ratio is that of the form farthest from 1; the quartiles are the least
# and the most.
awk -v OFS='\t' '
	function close_form(each) {
		if (!asked) return
		each = seen / asked
		if (!forms++) least = most = each
		if (each < least) least = each
		if (each > most) most = each
		decryptions += seen; inquiries += asked
		seen = 0
	}
	/^inquiries/ { close_form(); asked = $2 }
	/decrypted a card attribute/ { seen++ }
	END {
		close_form()
		print decryptions, inquiries, "-", (1 - least > most - 1 ? least : most), least, most, inquiries
	}' "$said"
