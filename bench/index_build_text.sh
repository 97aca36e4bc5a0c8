# claim:  CREATE INDEX on card_id, 5,000,000 random ids of 16 digits, sorted in memory
# peer:   the same ids as text COLLATE "C"
# target: <= 0.90
# unit:   ms
# data:   ids builds

# Type, megabytes, seconds.
sql -F ' ' -c "
	SELECT CASE b.type WHEN 'card' THEN 'card_id' ELSE b.type END,
	       round(max(b.bytes) / 1e6, 1),
	       round((percentile_cont(0.5) WITHIN GROUP (ORDER BY b.seconds))::numeric, 2)
	  FROM bench.build b GROUP BY b.type ORDER BY 2, 3" | series index
sql -c "
	SELECT c.our_time, c.peer_time, '-', c.ratio, c.quartile_1, c.quartile_3, c.n
	  FROM bench.compare_builds('text') c"
