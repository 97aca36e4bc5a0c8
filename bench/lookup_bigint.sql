-- claim:  one row by card_id, 5,000,000 random ids of 16 digits, index and rows in shared buffers
-- peer:   the same by bigint, in the same backend and loop
-- target: >= 0.85
-- unit:   us
-- data:   ids
SELECT *
  FROM bench.compare(
      ours => 'SELECT bench.find_card_id($1)',
      peer => 'SELECT bench.find_bigint($1)',
      idle => 'SELECT bench.find_nothing($1)',
      rounds => 151);
