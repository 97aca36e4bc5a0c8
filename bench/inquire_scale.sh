# claim:  inquire by the provider's role, 10,000,000 cards
# peer:   the same, 10,000 cards
# target: <= 1.35
# unit:   us
# data:   sessions
. bench/data/scale.sh
scale issuer cards
measure inquire_scale metro 151 'SELECT bench.time_calls($$SELECT bench.inquire($1)$$, %s)'
