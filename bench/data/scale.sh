# Sourced by claims about more and more cards: $sizes, the numbers of cards, up to
# BENCH_CARDS, and what is needed to measure a call in a database of each size.

sizes=
for cards in 10000 100000 1000000 10000000; do
	[ "$cards" -gt "${BENCH_CARDS:-10000000}" ] || sizes+=" $cards"
done
sizes=${sizes# }

# scale FILE ...: makes the databases scale_SIZE by these files of bench/data, which
# get :pairs, half as many as cards, and :samples.
scale() {
	local cards file
	for cards in $sizes; do
		sql -c "CREATE DATABASE scale_$cards" || return
		sql -d "scale_$cards" -v limit="$PWD/bench/limit/limit" -f bench/harness.sql || return
		for file; do
			sql -d "scale_$cards" -v pairs="$((cards / 2))" -v samples=5000 -f "bench/data/$file.sql" >/dev/null || return
		done
	done
	sql -c CHECKPOINT
}

# measure NAME ROLE ROUNDS STATEMENT: in a session in each of the databases in turn, a
# statement that returns the time of a call, with %s for the number of the round.
# Keeps the times as series NAME, prints the figures, of the largest database against
# the smallest, and drops them all.
measure() {
	local cards
	sql -v sizes="$sizes" -v role="$2" -v rounds="$3" -v statement="$4" -f - >/dev/null <<-'SQL' || return
		SELECT bench.open_session('scale_' || s.cards, 'scale_' || s.cards, :'role')
		  FROM unnest(string_to_array(:'sizes', ' ')) s (cards);
		CREATE TABLE bench.scale_round AS
		    SELECT t.times
		      FROM bench.take_turns(
		               ARRAY(SELECT format('SELECT bench.time_there(%L, format(%L, $1))',
		                                   'scale_' || s.cards, :'statement')
		                       FROM unnest(string_to_array(:'sizes', ' ')) s (cards)),
		               :rounds) t (times);
	SQL
	sql -v sizes="$sizes" -f - <<-'SQL' | series "$1"
		\echo # cards us quartile_1 quartile_3
		SELECT max(s.cards),
		       percentile_cont(0.5) WITHIN GROUP (ORDER BY r.times[s.n]),
		       percentile_cont(0.25) WITHIN GROUP (ORDER BY r.times[s.n]),
		       percentile_cont(0.75) WITHIN GROUP (ORDER BY r.times[s.n])
		  FROM bench.scale_round r,
		       unnest(string_to_array(:'sizes', ' ')) WITH ORDINALITY s (cards, n)
		 GROUP BY s.n
		 ORDER BY s.n;
	SQL
	sql -f - <<-'SQL'
		TRUNCATE bench.round;
		INSERT INTO bench.round (ours, peer)
		SELECT t.times[cardinality(t.times)], t.times[1] FROM bench.scale_round t;
		DROP TABLE bench.scale_round;
		SELECT * FROM bench.compare_rounds();
	SQL
	for cards in $sizes; do
		sql -c "DROP DATABASE scale_$cards WITH (FORCE)"
	done
}
