-- claim:  request_reload of a readable card that a notice is about, and its commit
-- peer:   one PL/pgSQL function for just that, by the same tables, as a competent user would write it
-- target: >= 1.5
-- unit:   us
-- data:   issuer reload reload_peer
TRUNCATE bench.round;
DO $$
DECLARE
    ours double precision;
    peer double precision;
BEGIN
    FOR round IN 0 .. 101 LOOP
        IF round % 2 = 0 THEN
            CALL bench.request_reloads(2 * round, ours);
        END IF;
        CALL bench.request_peer_reloads(2 * round + 1, peer);
        IF round % 2 = 1 THEN
            CALL bench.request_reloads(2 * round, ours);
        END IF;
        INSERT INTO bench.round (ours, peer) SELECT ours, peer WHERE round > 0;
    END LOOP;
END
$$;
SELECT c.our_time, c.peer_time, c.loop_time,
       1 / c.ratio, 1 / c.quartile_3, 1 / c.quartile_1, c.n
  FROM bench.compare_rounds() c;
ANALYZE;
SELECT bench.require(bench.approved_requests() = 2 * 102 * 25,
                     'rows of the requests') \g /dev/null
