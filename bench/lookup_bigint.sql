-- claim:  one row by card_id, 5,000,000 random ids of 16 digits, index and rows in shared buffers
-- peer:   the same by bigint, in the same backend and loop
-- target: >= 0.85
-- unit:   us
-- data:   ids
SELECT bench.require(sum(bench.find_card_id(i)) = sum(bench.find_bigint(i)), 'ids found')
  FROM generate_series(0, 99) i \g /dev/null
SELECT pg_stat_force_next_flush() \g /dev/null
SELECT sum(s.heap_blks_read + s.idx_blks_read) AS before
  FROM pg_statio_user_tables s WHERE s.relname IN ('card_ids', 'bigint_ids') \gset
SELECT *
  FROM bench.compare(
      ours => 'SELECT bench.find_card_id($1)',
      peer => 'SELECT bench.find_bigint($1)',
      idle => 'SELECT bench.find_nothing($1)',
      rounds => 151);
SELECT pg_stat_force_next_flush() \g /dev/null
SELECT bench.require(sum(s.heap_blks_read + s.idx_blks_read) = :before,
                     'blocks outside shared buffers')
  FROM pg_statio_user_tables s WHERE s.relname IN ('card_ids', 'bigint_ids') \g /dev/null
