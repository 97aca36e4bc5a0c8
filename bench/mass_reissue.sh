# claim:  run_reissue_batch for 1,000,000 cards with three applications each, in chunks of 5,000
# peer:   INSERT ... SELECT of exactly the rows that it wrote, into the same tables and indexes of a copy
# target: <= 2.0
# unit:   s

cards=${BENCH_CARDS:-1000000}
tables='card entitlement examination reissue_request'

# seconds DATABASE SQL: how long it takes.  Leaves the time at which it began in
# STAGE/progress.DATABASE, and each notice with the time at which that came.
seconds() {
	local progress=$STAGE/progress.$1 started=$EPOCHREALTIME
	{
		echo "$started"
		PGOPTIONS='-c client_min_messages=notice' sql -d "$1" -c "$2" 2>&1 >/dev/null |
			while read -r notice; do echo "$EPOCHREALTIME $notice"; done
	} >"$progress" || { cat "$progress" >&2; return 1; }
	awk -v from="$started" -v to="$EPOCHREALTIME" 'BEGIN { print to - from }'
}

sql -c 'CREATE DATABASE mass'
sql -d mass -v cards="$cards" -f bench/data/mass.sql >/dev/null
sql -c 'CREATE DATABASE mass_peer TEMPLATE mass' -c CHECKPOINT
ours=$(seconds mass 'CALL card_issuer.run_reissue_batch(1)')

# The rows that were written, in unlogged tables of the copy.
rows=$(sql -d mass -c 'SELECT done FROM card_issuer.batch_progress')
[ "$rows" = "$cards" ] || { echo "$rows of $cards cards were reissued" >&2; exit 1; }
{
	for table in $tables; do
		case $table in
			card) condition='x.replaces IS NOT NULL' ;;
			*) condition=true ;;
		esac
		echo "SELECT x.* FROM card_issuer.$table x WHERE $condition|card_issuer.$table"
	done
	echo 'SELECT n.* FROM screissue.notice n|screissue.notice'
} | while IFS='|' read -r query table; do
	copy=written_${table#*.}
	sql -d mass_peer -c "CREATE UNLOGGED TABLE $copy (LIKE $table)"
	sql -d mass -c "COPY ($query) TO STDOUT (FORMAT binary)" |
		sql -d mass_peer -c "COPY $copy FROM STDIN (FORMAT binary)"
	sql -d mass_peer -c "ANALYZE $copy"
done
sql -c CHECKPOINT
inserts=
for table in card examination reissue_request entitlement; do
	inserts+="INSERT INTO card_issuer.$table SELECT * FROM written_$table;"
done
peer=$(seconds mass_peer "BEGIN; $inserts INSERT INTO screissue.notice SELECT * FROM written_notice; COMMIT")
sql -c 'DROP DATABASE mass' -c 'DROP DATABASE mass_peer'

# How fast each twentieth of the batch was: 1606262626.5 NOTICE:  batch 1: 5000 cards ...
awk -v OFS='\t' -v cards="$cards" -v peer="$peer" '
	BEGIN { print "# cards", "cards/s", "the peer: cards/s" }
	NR == 1 { from = $1; next }
	$5 - done >= cards / 20 {
		print $5, ($5 - done) / ($1 - from), cards / peer
		done = $5
		from = $1
	}' "$STAGE/progress.mass" | series mass_reissue
awk -v OFS='\t' -v ours="$ours" -v peer="$peer" 'BEGIN {
	print ours, peer, "-", ours / peer, ours / peer, ours / peer, 1
}'
