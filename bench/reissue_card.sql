-- claim:  reissue_card of a card with three applications, and its commit
-- peer:   the same row writes, a prepared statement for each row, in one transaction
-- target: <= 1.5
-- unit:   us
-- data:   issuer reissue
TRUNCATE bench.round;
DO $$
DECLARE
    ours double precision;
    peer double precision;
BEGIN
    FOR round IN 0 .. 51 LOOP
        IF round % 2 = 0 THEN
            CALL bench.reissue(2 * round, ours);
        END IF;
        CALL bench.write_reissue(2 * round + 1, peer);
        IF round % 2 = 1 THEN
            CALL bench.reissue(2 * round, ours);
        END IF;
        INSERT INTO bench.round (ours, peer) SELECT ours, peer WHERE round > 0;
    END LOOP;
END
$$;
SELECT * FROM bench.compare_rounds();
ANALYZE;
SELECT bench.require(bench.reissued() = 5200, 'rows of the reissues') \g /dev/null
