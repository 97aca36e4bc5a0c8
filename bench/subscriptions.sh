# claim:  reissues per second at the issuer with 50 subscriptions, four clients with a commit for each reissue
# peer:   with 1 subscription
# target: >= 0
# unit:   1/s

# Each subscription is of another provider, in a database of its own, with its
# publication; a reissue sends one notice, to a provider drawn at random.  With
# N subscriptions the N first are on.  Both clusters are on this machine, with the
# server's defaults (fsync, synchronous_commit on), so the subscribers' workers
# take their share of it, too.  Only to be measured: the figures are for advice,
# series subscriptions has 0, 1, 10 and 50.

. bench/data/replication.sh
steps='0 1 10 50'
providers=50
rounds=4
seconds=4
cards=400000

start_parties 'max_wal_senders = 60' 'max_replication_slots = 60' 'max_worker_processes = 70' \
	'max_logical_replication_workers = 60' 'max_connections = 200' || exit
for ((i = 1; i <= providers; i++)); do
	add_provider "P$i" && set_up_provider "P$i" && subscribe "p$i" "screissue_p$i" false || exit
done

# Cards of which each has one application of some provider, written straight into
# the tables, and all that a clerk does for one of them.
issuer -v cards=$cards -v providers=$providers >/dev/null <<-'SQL' || exit
	CREATE FUNCTION bench.app(i integer) RETURNS screissue.app_id
	    LANGUAGE sql IMMUTABLE
	    RETURN ('D3920000' || lpad(to_hex(i), 4, '0'))::screissue.app_id;
	CREATE FUNCTION bench.provider(i integer) RETURNS screissue.company_id
	    LANGUAGE sql IMMUTABLE
	    RETURN ('P' || i)::screissue.company_id;
	SELECT card_issuer.register_application(bench.app(i), bench.provider(i), 'pass ' || i)
	  FROM generate_series(1, :providers) i;
	SET session_replication_role = replica;         -- foreign keys hold as it is
	INSERT INTO card_issuer.card (card_id, platform_type, status, issued_at)
	SELECT (3566002000000000 + i)::text::screissue.card_id, 100, 'active', now()
	  FROM generate_series(1, :cards) i;
	INSERT INTO card_issuer.app_load
	    (card_id, message_id, app_id, provider, status, tariff_kind, at_issue,
	     permitted_at, loaded_at)
	SELECT (3566002000000000 + l.i)::text::screissue.card_id,
	       screissue.message_id('BANKJP', bench.provider(l.p), l.i), bench.app(l.p),
	       bench.provider(l.p), 'loaded', 'load', false, now(), now()
	  FROM (SELECT i, 1 + floor(random() * :providers)::integer AS p
	          FROM generate_series(1, :cards) i) l;
	SET session_replication_role = origin;
	CREATE SEQUENCE bench.card;
	CREATE FUNCTION bench.reissue() RETURNS void
	    LANGUAGE plpgsql
	AS $$
	DECLARE
	    i CONSTANT bigint := nextval('bench.card');
	    old_card CONSTANT screissue.card_id := (3566002000000000 + i)::text;
	BEGIN
	    PERFORM card_issuer.request_reissue(old_card, 'lost');
	    PERFORM card_issuer.reissue_card(old_card, (3566003000000000 + i)::text::screissue.card_id);
	END
	$$;
	VACUUM (FREEZE, ANALYZE);
SQL

# switch_to N: so many subscriptions are on, and up to date
on=0
switch_to() {
	while [ $on -lt "$1" ]; do
		on=$((on + 1))
		switch_on p$on || return
	done
	while [ $on -gt "$1" ]; do
		provider -d p$on -c "ALTER SUBSCRIPTION p$on DISABLE" || return
		on=$((on - 1))
	done
	catch_up "$1"
}

echo 'SELECT bench.reissue()' >"$STAGE/logs/reissue.sql"
# work: reissues per second, and CPU us of all senders for each of them
work() {
	local senders before after
	senders=$(issuer -c 'SELECT r.pid FROM pg_stat_replication r')
	# shellcheck disable=SC2086
	before=$(cpu_of $senders)
	PGHOST=$parties/issuer pgbench -n -M prepared -f "$STAGE/logs/reissue.sql" -c 4 -j 1 -T "$seconds" bankjp >"$STAGE/logs/pgbench.log" &&
		catch_up $on || return
	# shellcheck disable=SC2086
	after=$(cpu_of $senders)
	awk -v cpu="$after" -v before="$before" '
		/^number of transactions actually processed/ { n = $NF + 0 }
		/^tps = / { tps = $3 }
		END { if (n == 0) exit 1; print tps, (cpu - before) / n * 1e6 }' "$STAGE/logs/pgbench.log"
}

measured=$STAGE/logs/subscriptions.log
for ((n = 0; n <= rounds; n++)); do
	order=$steps
	# shellcheck disable=SC2086
	[ $((n % 2)) = 0 ] || order=$(printf '%s\n' $steps | tac)
	for step in $order; do
		switch_to "$step" && done=$(work) || exit
		[ $n = 0 ] || echo "$n $step $done" # round 0 fills caches
	done
done >"$measured"
switch_to $providers || exit
written=$(issuer -c 'SELECT count(*) FROM screissue.notice')
reissued=$(issuer -c "SELECT count(*) FROM card_issuer.reissue_request r WHERE r.status = 'completed'")
landed=0
for ((i = 1; i <= providers; i++)); do
	landed=$((landed + $(provider -d p$i -c 'SELECT count(*) FROM service_provider.reissue_notice')))
done
if [ "$written" = 0 ] || [ "$written" != "$landed" ] || [ "$written" != "$reissued" ]; then
	echo "$reissued reissues, $written notices, $landed landed" >&2
	exit 1
fi

# commits_with N, cpu_with N: of the rounds with so many subscriptions
commits_with() {
	awk -v step="$1" '$2 == step { print $3 }' "$measured"
}
cpu_with() {
	awk -v step="$1" '$2 == step { print $4 }' "$measured"
}
{
	echo '# subscriptions, reissues (commits) per second at the issuer: median, quartiles; CPU us of all senders for each'
	for step in $steps; do
		echo "$step $(commits_with "$step" | quartile 2) $(commits_with "$step" | quartile 1) $(commits_with "$step" | quartile 3) $(cpu_with "$step" | quartile 2)"
	done
} | series subscriptions
ratios() {
	paste <(commits_with 50) <(commits_with 1) | awk '{ print $1 / $2 }'
}
printf '%s\t%s\t-\t%s\t%s\t%s\t%s\n' "$(commits_with 50 | quartile 2)" "$(commits_with 1 | quartile 2)" \
	"$(ratios | quartile 2)" "$(ratios | quartile 1)" "$(ratios | quartile 3)" "$rounds"
