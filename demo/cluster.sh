# The demo's clusters: bank, metro and library, each with one database of the
# same name.  They listen on a Unix socket in a directory of their own and on
# nothing else, so the port is only a part of the socket's name.

data=$STAGE/demo
mkdir -p "$data"

# start_clusters NAME ...
start_clusters() {
	local name pids=() pid status=0
	for name; do
		start_cluster "$name" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid" || status=1; done
	return $status
}

start_cluster() {
	local dir=$data/$1
	mkdir "$dir" &&
		initdb -D "$dir/data" -U postgres -A trust -E UTF8 --no-locale --no-sync >"$dir/log" 2>&1 &&
		cat >>"$dir/data/postgresql.conf" <<-CONF &&
			listen_addresses = ''
			unix_socket_directories = '$dir'
			port = 5432
			wal_level = logical
			wal_retrieve_retry_interval = '200ms'
			fsync = off
			shared_buffers = '16MB'
		CONF
		pg_ctl -s -w -D "$dir/data" -l "$dir/log" start >/dev/null 2>&1 &&
		PGHOST=$dir PGUSER=postgres createdb -p 5432 "$1" || {
		echo "the cluster $1 does not start:" >&2
		tail -20 "$dir/log" >&2
		return 1
	}
}

# Fast, and not in vain when a start was interrupted half-way.
stop_clusters() {
	local dir
	for dir in "$data"/*/data; do
		[ ! -e "$dir/postmaster.pid" ] || pg_ctl -s -m immediate -D "$dir" stop >/dev/null 2>&1
	done
}

# sql DATABASE ROLE [psql option ...]: runs the SQL on standard input.  What a
# card answered last is its variable :attribute.
sql() (
	cd "$data" || return
	PGOPTIONS='-c client_min_messages=warning' \
		psql -X -q -v ON_ERROR_STOP=1 -v attribute="$attribute" \
		-h "$data/$1" -p 5432 -U "$2" -d "$1" "${@:3}"
)

say_how_to_connect() {
	local name psql
	psql=$(command -v psql)
	echo
	echo "The clusters are running.  To look around, for instance:"
	echo
	for name in bank metro library; do
		echo "  $psql -h $data/$name -p 5432 -U postgres $name"
	done
	cat <<-TEXT

		Each database has schema screissue, with the types and their operators, in
		its search_path.  The tables are in card_issuer (bank) and service_provider
		(metro, library).  The logs are

		  $data/*/log

		the bank's private keys are in

		  $data/bank/keys

		and Kenji's second card still answers, anew each time, to

		  $STAGE/src/demo/card $data/cards/kenji_2

		To stop and remove everything:

		  $STAGE/src/demo/stop
	TEXT
}
