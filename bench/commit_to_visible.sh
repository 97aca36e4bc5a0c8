# claim:  from the issuer's COMMIT of one notice until a query in the provider's inbox sees it, p50
# peer:   5 ms
# target: <= 1
# unit:   ms

# Two clusters on one machine, joined by a unix socket, with the server's
# defaults: fsync and synchronous_commit are on, so the time begins with the flush
# of the issuer's log.  Both clocks are the same.  The provider looks every 0.1 ms,
# with a query, so up to that, and the query, is in each time.  In each round the
# same is done over plain logical replication into an equal table; series
# commit_to_visible has the distribution of both.

. bench/data/replication.sh
notices=200
warm=10 # at the beginning of a round, a new worker fills its caches
rounds=10

start_parties && add_provider METRO && set_up_provider METRO && set_up_peer &&
	subscribe metro screissue_metro false && subscribe peer peer false || exit

# A notice every 5 to 10 ms; the time just before each COMMIT.
issuer <<-'SQL' || exit
	CREATE TABLE bench.sent (notice_no bigint, at timestamp with time zone);
	CREATE PROCEDURE bench.send(from_no bigint, to_no bigint)
	    LANGUAGE plpgsql
	AS $$
	DECLARE
	    times timestamp with time zone[];
	BEGIN
	    FOR i IN from_no .. to_no LOOP
	        PERFORM bench.nap((5000 + random() * 5000)::integer);
	        INSERT INTO screissue.notice
	        VALUES ('BANKJP', 'METRO', i, 'reissue', 100, (3566003000000000 + i)::text,
	                (3566002000000000 + i)::text, 'D3920000A101', 'BANKJP/METRO/' || i,
	                'lost', now());
	        times := times || clock_timestamp();
	        COMMIT;
	    END LOOP;
	    INSERT INTO bench.sent
	    SELECT from_no + t.i - 1, t.at FROM unnest(times) WITH ORDINALITY t (at, i);
	END
	$$;
SQL
for side in metro:service_provider.reissue_notice peer:screissue.notice; do
	provider -d "${side%:*}" -v inbox="${side#*:}" <<-'SQL' || exit
		CREATE VIEW bench.inbox AS
		    SELECT n.notice_no FROM :inbox n WHERE n.issuer OPERATOR(screissue.=) 'BANKJP';
		CREATE FUNCTION bench.watch(from_no bigint, to_no bigint)
		    RETURNS TABLE (notice_no bigint, at timestamp with time zone)
		    LANGUAGE plpgsql
		AS $$
		BEGIN
		    FOR i IN from_no .. to_no LOOP
		        WHILE NOT EXISTS (SELECT FROM bench.inbox n WHERE n.notice_no = i) LOOP
		            PERFORM bench.nap(100);
		        END LOOP;
		        RETURN QUERY SELECT i::bigint, clock_timestamp();
		    END LOOP;
		END
		$$;
	SQL
done

# take DATABASE FIRST: sends notices from that number on and watches there; prints
# how long each took, in ms.
take() {
	local seen=$STAGE/logs/seen last=$(($2 + warm + notices - 1)) watcher
	switch_on "$1" && catch_up 1 || return
	provider -d "$1" -c "SET statement_timeout = '60s'" -c "SELECT * FROM bench.watch($2, $last)" >"$seen" &
	watcher=$!
	sleep 0.2
	issuer -c "CALL bench.send($2, $last)" && wait $watcher && switch_off "$1" || return
	issuer -c 'CREATE TEMP TABLE seen (LIKE bench.sent)' -c '\copy seen FROM '"'$seen'" \
		-c "SELECT 1000 * extract(epoch FROM s.at - b.at) FROM seen s JOIN bench.sent b ON b.notice_no = s.notice_no
			WHERE b.notice_no >= $2 + $warm"
}

first=1
for side in metro peer; do
	: >"$STAGE/logs/$side.times"
done
for ((n = 1; n <= rounds; n++)); do
	sides='metro peer'
	[ $((n % 2)) = 0 ] || sides='peer metro'
	for side in $sides; do
		take "$side" $first >"$STAGE/logs/$side.round" || exit
		[ "$(wc -l <"$STAGE/logs/$side.round")" = $notices ] || exit
		cat "$STAGE/logs/$side.round" >>"$STAGE/logs/$side.times"
		first=$((first + warm + notices))
	done
	quartile 2 <"$STAGE/logs/metro.round" >>"$STAGE/logs/medians"
done

# percentiles SIDE: 0.5, 1, 1.5 ... 99.5, 99.9, each on a line
percentiles() {
	sort -g "$STAGE/logs/$1.times" | awk '{ x[NR] = $1 }
		END { for (p = 5; p < 1000; p += 5) print p / 10, at(p / 1000); print 99.9, at(0.999) }
		function at(q) { return x[int(1 + (NR - 1) * q)] }'
}
{
	echo '# ms from COMMIT at the issuer until visible: percentile, landing, plain replication into an equal table'
	join <(percentiles metro | sort) <(percentiles peer | sort) | sort -g
} | series commit_to_visible
p50=$(quartile 2 <"$STAGE/logs/metro.times")
relative() {
	awk -v x="$1" 'BEGIN { print x / 5 }'
}
printf '%s\t5\t-\t%s\t%s\t%s\t%s\n' "$p50" "$(relative "$p50")" "$(relative "$(quartile 1 <"$STAGE/logs/medians")")" \
	"$(relative "$(quartile 3 <"$STAGE/logs/medians")")" "$rounds"
