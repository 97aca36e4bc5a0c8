# claim:  request_reload of a readable card that a notice is about, 10,000,000 cards
# peer:   the same, 10,000 cards
# target: <= 1.35
# unit:   us
# data:   sessions
. bench/data/scale.sh
scale reload
measure request_reload_scale postgres 101 'CALL bench.request_reloads(%s, NULL)'
