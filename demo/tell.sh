# How the demo tells its story.
#
#   chapter TITLE
#   step PLACE TEXT                   PLACE: figure and step in the patent, or
#                                     the number of a requirement
#   tell DATABASE ROLE <<SQL          commands; their rows are of no interest
#   ask DATABASE ROLE <<SQL           a query; its rows are shown
#   value COLUMN                      a value of the one row that ask showed
#   run <<SH                          shell commands; what they print is shown
#   read_card <<SH                    the same; it is an attribute, which the SQL
#                                     that follows has as :'attribute'
#   refused SQLSTATE DATABASE ROLE <<SQL    a command that must fail so
#   expect TEXT DATABASE QUERY VALUE        checks what a query returns
#   await TEXT DATABASE QUERY VALUE         the same, within 30 seconds

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
else
	bold='' dim='' green='' red='' plain=''
fi

held=0
broken=0
chapters=0
after=                  # what was printed last: block, or tick
rows=$data/rows         # of the last query that was asked
error=$data/error       # of the last command that failed
attribute=              # that a card gave last

# paragraph KIND: an empty line, except between two ticks.
paragraph() {
	[ "$1$after" = ticktick ] || echo
	after=$1
}

title() {
	printf '%s\n' "$bold$1$plain"
}

chapter() {
	local heading
	chapters=$((chapters + 1))
	heading="$chapters. $1"
	printf '\n\n%s\n%s\n' "$bold$heading" "${heading//?/=}$plain"
}

step() {
	paragraph block
	printf '%s%s%s  %s\n' "$bold" "$1" "$plain" "$2"
}

# print_commands PROMPT: the lines on standard input, as they are typed.
print_commands() {
	local prompt="  $1" line
	paragraph block
	while IFS= read -r line; do
		printf '%s%s%s %s\n' "$dim" "$prompt" "$plain" "$line"
		prompt=${prompt//?/ }
	done
}

# print_sql DATABASE ROLE: the SQL on standard input, as at psql's prompt.
print_sql() {
	if [ "$2" = postgres ]; then print_commands "$1=#"; else print_commands "$2@$1=>"; fi
}

good() {
	held=$((held + 1))
	paragraph tick
	printf '  %sok%s  %s\n' "$green" "$plain" "$1"
}

# bad TEXT: what was found instead is on standard input.
bad() {
	broken=$((broken + 1))
	paragraph tick
	printf '  %sNOT OK  %s%s\n' "$red" "$1" "$plain"
	sed 's/^/          /'
}

# indent FILE: without the empty line that psql puts at the end of a table.
indent() {
	echo
	sed '/^$/d; s/^/  /' "$1"
}

tell() {
	local commands
	commands=$(cat)
	print_sql "$1" "$2" <<<"$commands"
	sql "$1" "$2" >/dev/null 2>"$error" <<<"$commands" ||
		bad "this should have worked" <"$error"
}

ask() {
	local query
	query=$(cat)
	print_sql "$1" "$2" <<<"$query"
	if sql "$1" "$2" -P footer=off -P null=- >"$rows" 2>"$error" <<<"$query"; then
		indent "$rows"
	else
		bad "this should have worked" <"$error"
	fi
}

# The commands run in the directory of the clusters and know the program card.
run() {
	local commands
	commands=$(cat)
	print_commands '$' <<<"$commands"
	if (cd "$data" && PATH=$PATH:$OLDPWD bash -euo pipefail -c "$commands") >"$rows" 2>"$error"; then
		[ ! -s "$rows" ] || { fold -w 98 "$rows" && echo; } | indent /dev/stdin
	else
		bad "this should have worked" <"$error"
	fi
}

read_card() {
	run
	attribute=$(<"$rows")
}

value() {
	awk -F ' *[|] *' -v column="$1" '
		{ gsub(/^ +| +$/, "") }
		NR == 1 { for (i = 1; i <= NF; i++) if ($i == column) found = i }
		NR == 3 { print $found }' "$rows"
}

refused() {
	local state=$1 command
	command=$(cat)
	print_sql "$2" "$3" <<<"$command"
	sql "$2" "$3" -v VERBOSITY=verbose -v SHOW_CONTEXT=never >/dev/null 2>"$error" <<<"$command"
	sed -i -E '/^(LOCATION|LINE| *\^)/d' "$error"
	indent "$error"
	if grep -q "^ERROR:  $state:" "$error"; then
		good "refused with SQLSTATE $state"
	else
		bad "expected to be refused with SQLSTATE $state" </dev/null
	fi
}

# fetch DATABASE QUERY: what it returns, unaligned; or the error.
fetch() {
	sql "$1" postgres -At -F ' ' <<<"$2" 2>&1
}

expect() {
	local got
	got=$(fetch "$2" "$3")
	if [ "$got" = "$4" ]; then
		good "$1"
	else
		bad "$1" <<<"expected: $4"$'\n'"got:      $got"
	fi
}

await() {
	local got since=$SECONDS
	while got=$(fetch "$2" "$3"); [ "$got" != "$4" ]; do
		if [ $((SECONDS - since)) -ge 30 ]; then
			bad "$1" <<<"waited 30 s for: $4"$'\n'"got: $got"$'\n'"$(tail -5 "$data/$2/log")"
			return
		fi
		sleep 0.05
	done
	good "$1"
}

verdict() {
	echo
	if [ $broken = 0 ]; then
		printf '%sAll %d expectations held (%d s).%s\n' "$green" $held $SECONDS "$plain"
	else
		printf '%s%d of %d expectations did not hold (%d s).%s\n' \
			"$red" $broken $((held + broken)) $SECONDS "$plain"
	fi
	[ $broken = 0 ]
}
