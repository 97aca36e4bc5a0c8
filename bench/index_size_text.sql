-- claim:  size of the index on card_id, 5,000,000 random ids of 16 digits
-- peer:   the same ids as text COLLATE "C"
-- target: <= 0.80
-- unit:   MB
-- data:   ids
SELECT s.ours / 1e6, s.peer / 1e6, '-', s.ours / s.peer, s.ours / s.peer, s.ours / s.peer, 1
  FROM (SELECT pg_relation_size('bench.card_ids_idx')::numeric AS ours,
               pg_relation_size('bench.text_ids_idx')::numeric AS peer) s;
