# What claims about replication share: an issuer, BANKJP, and a provider, each a
# cluster of its own beside that of bench/run, and what is asked of them.  A
# claim sources this file; both are stopped when the claim ends, however it ends.

parties="$cluster/parties"

# issuer ARGUMENT..., provider ARGUMENT...: psql there; a provider, of which there
# may be several, has a database of its own
issuer() {
	PGHOST=$parties/issuer PGDATABASE=bankjp sql "$@"
}
provider() {
	PGHOST=$parties/provider sql "$@"
}

stop_parties() {
	local party
	for party in provider issuer; do
		[ ! -e "$parties/$party/postmaster.pid" ] || pg_ctl -s -m immediate -D "$parties/$party" stop
	done
	rm -rf "$parties"
}

# start_party NAME SETTING...: every new database of it has the harness
start_party() {
	local data=$parties/$1
	mkdir -p "$parties"
	initdb -D "$data" -U postgres -A trust -E UTF8 --no-locale --no-sync >"$STAGE/logs/initdb.log" || return
	{
		printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$data'" 'port = 5432' \
			'wal_level = logical' "wal_retrieve_retry_interval = '10ms'" "shared_buffers = '256MB'" "max_wal_size = '8GB'" 'autovacuum = off' 'jit = off'
		shift
		printf '%s\n' "$@"
	} >>"$data/postgresql.conf"
	pg_ctl -s -w -D "$data" -l "$STAGE/logs/${data##*/}.log" start || return
	PGHOST=$data sql -d template1 -v limit="$PWD/bench/limit/limit" -f bench/harness.sql
}

# start_parties SETTING...: both, with the same settings
start_parties() {
	trap stop_parties EXIT
	trap 'exit 130' INT TERM HUP
	start_party issuer "$@" && start_party provider "$@" && issuer -d postgres -c 'CREATE DATABASE bankjp' &&
		issuer -c "SELECT card_issuer.setup('BANKJP', 'Bank of Japan Point')" >/dev/null
}

# add_provider NAME: a contract with it and its publication, screissue_name
add_provider() {
	issuer >/dev/null -c "CREATE ROLE \"${1,,}\"" \
		-c "SELECT card_issuer.register_provider('$1', 'Provider $1', '${1,,}')" \
		-c "SELECT card_issuer.create_publication('$1')"
}

# set_up_provider NAME: the provider in the database of its name in lower case
set_up_provider() {
	provider -c "CREATE DATABASE ${1,,}" && provider >/dev/null -d "${1,,}" \
		-c "SELECT service_provider.setup('$1', 'Provider $1')" \
		-c "SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point', subscription => '${1,,}')"
}

# subscribe DATABASE PUBLICATION ENABLED: subscription and slot are called as the
# database; what is at the issuer already is not copied.
subscribe() {
	provider -d "$1" -c "CREATE SUBSCRIPTION $1 CONNECTION 'host=$parties/issuer port=5432 user=postgres dbname=bankjp'
		PUBLICATION $2 WITH (enabled = $3, copy_data = false)"
}

# An equal table without any of our code: the columns of a notice that the inbox
# keeps, of its types and with its indexes, in database peer; a publication of
# the same rows sends it just these columns.
set_up_peer() {
	local columns='issuer, notice_no, kind, platform_type, new_card_id, old_card_id, app_id, message_id, reason, noted_at'
	issuer -c "CREATE PUBLICATION peer FOR TABLE screissue.notice ($columns)
		WHERE (issuer = 'BANKJP' AND provider = 'METRO') WITH (publish = 'insert')" || return
	provider -c 'CREATE DATABASE peer' || return
	provider -d peer <<-'SQL'
		CREATE TABLE screissue.notice (
		    issuer screissue.company_id NOT NULL,
		    notice_no bigint NOT NULL,
		    kind text,
		    platform_type integer,
		    new_card_id screissue.card_id,
		    old_card_id screissue.card_id,
		    app_id screissue.app_id,
		    message_id screissue.message_id,
		    reason text,
		    noted_at timestamp with time zone,
		    PRIMARY KEY (issuer, notice_no));
		CREATE INDEX ON screissue.notice (issuer, new_card_id, app_id);
		CREATE INDEX ON screissue.notice (issuer, old_card_id);
	SQL
}

# wait_for SECONDS PARTY ARGUMENT...: until the query says t
wait_for() {
	local until=$((SECONDS + $1)) party=$2
	shift 2
	until [ "$($party "$@")" = t ]; do
		[ $SECONDS -lt $until ] || { echo "waited in vain: ${*: -1}" >&2; return 1; }
		sleep 0.05
	done
}

# catch_up N: until all that the issuer has committed is applied by the N
# subscriptions that are on
catch_up() {
	local lsn
	lsn=$(issuer -c 'SELECT pg_current_wal_lsn()')
	wait_for 120 issuer -c "SELECT count(*) = $1 AND count(*) FILTER (WHERE r.replay_lsn >= '$lsn') = $1
		FROM pg_stat_replication r"
}

# switch_on DATABASE, switch_off DATABASE: its subscription; no worker and no
# sender is left behind.
switch_on() {
	provider -d "$1" -c "ALTER SUBSCRIPTION $1 ENABLE"
}
switch_off() {
	provider -d "$1" -c "ALTER SUBSCRIPTION $1 DISABLE" &&
		wait_for 60 issuer -c "SELECT NOT s.active FROM pg_replication_slots s WHERE s.slot_name = '$1'"
}

worker_pid() {
	provider -d "$1" -c "SELECT s.pid FROM pg_stat_subscription s WHERE s.subname = '$1' AND s.relid IS NULL"
}

# cpu_of PID...: seconds of CPU that these processes have used, user and system
cpu_of() {
	[ $# -gt 0 ] || { echo 0; return; }
	# shellcheck disable=SC2046
	awk -v tick="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); used += $12 + $13 } END { print used / tick }' \
		$(printf '/proc/%s/stat ' "$@")
}

# quartile N: that of the numbers in the input, one on a line; 2 is the median
quartile() {
	sort -g | awk -v q="$1" '{ x[NR] = $1 }
		END { at = 1 + (NR - 1) * q / 4; low = int(at); print x[low] + (at - low) * (x[low < NR ? low + 1 : low] - x[low]) }'
}
