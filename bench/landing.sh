# claim:  notices through a subscription and the landing trigger into the inbox, CPU of the apply worker per notice
# peer:   the same notices by plain logical replication into an equal table with the same indexes
# target: >= 0.65
# unit:   us

# Both read the same 200,000 notices of a round from the issuer's log, one after
# the other, each with its subscription switched on for that time only.  A worker
# is a new process then: all of its CPU time counts, its start (some ms) too.
# What is judged is peer / ours.

. bench/data/replication.sh
notices=${BENCH_NOTICES:-200000}
per_transaction=10000
rounds=7

start_parties 'fsync = off' && add_provider METRO && set_up_provider METRO && set_up_peer &&
	subscribe metro screissue_metro false && subscribe peer peer false || exit

# Random cards, as in a mass reissue.
issuer <<-'SQL' || exit
	SELECT setseed(0.3);
	CREATE PROCEDURE bench.write_notices(notices integer, per_transaction integer)
	    LANGUAGE plpgsql
	AS $$
	BEGIN
	    FOR from_no IN 1 .. notices BY per_transaction LOOP
	        INSERT INTO screissue.notice
	        SELECT 'BANKJP', 'METRO', i, 'reissue', 100,
	               (3566003000000000 + floor(random() * 1e9))::bigint::text,
	               (3566002000000000 + floor(random() * 1e9))::bigint::text,
	               'D3920000A101', 'BANKJP/METRO/' || i, 'compromised', now()
	          FROM generate_series(from_no, from_no + per_transaction - 1) i;
	        COMMIT;
	    END LOOP;
	END
	$$;
SQL

# take DATABASE: lands what the issuer has written; prints CPU us per notice
take() {
	local pid cpu table=service_provider.reissue_notice
	[ "$1" = metro ] || table=screissue.notice
	provider -d "$1" -c "TRUNCATE $table" && switch_on "$1" && catch_up 1 || return
	pid=$(worker_pid "$1") && cpu=$(cpu_of "$pid") && switch_off "$1" || return
	provider -d "$1" -c "SELECT bench.require(count(*) = $notices, 'every notice is there') FROM $table" >/dev/null || return
	awk -v cpu="$cpu" -v n="$notices" 'BEGIN { print cpu / n * 1e6 }'
}

# round N: the notices are written, then landed on either side, ours first where N is even
round() {
	issuer -c 'TRUNCATE screissue.notice' -c "CALL bench.write_notices($notices, $per_transaction)" || return
	if [ $(($1 % 2)) = 0 ]; then
		ours=$(take metro) && peer=$(take peer)
	else
		peer=$(take peer) && ours=$(take metro)
	fi
}

measured=$STAGE/logs/landing.log
for ((n = 0; n <= rounds; n++)); do
	round $n || exit
	[ $n = 0 ] || echo "$ours $peer" # round 0 fills caches
done >"$measured"
ratios() {
	awk '{ print $2 / $1 }' "$measured"
}
printf '%s\t%s\t-\t%s\t%s\t%s\t%s\n' "$(cut -d ' ' -f 1 "$measured" | quartile 2)" \
	"$(cut -d ' ' -f 2 "$measured" | quartile 2)" "$(ratios | quartile 2)" "$(ratios | quartile 1)" "$(ratios | quartile 3)" "$rounds"
