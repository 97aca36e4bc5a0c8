-- claim:  CREATE INDEX on card_id, 5,000,000 random ids of 16 digits, sorted in memory
-- peer:   the same ids as bigint
-- target: <= 1.25
-- unit:   ms
-- data:   ids builds
SELECT c.our_time, c.peer_time, '-', c.ratio, c.quartile_1, c.quartile_3, c.n
  FROM bench.compare_builds('bigint') c;
