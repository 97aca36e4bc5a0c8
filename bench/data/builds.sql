-- CREATE INDEX on each of the tables of ids.sql, or CREATE what BENCH_INDEX says
-- (UNIQUE INDEX), one type after the other, the order reversed every round;
-- round 0 does not count.  CPU time of the one backend, which sorts in memory.

\set kind INDEX
\getenv kind BENCH_INDEX

CREATE TABLE bench.build (
    round integer,
    type text,
    seconds double precision,
    bytes bigint,
    PRIMARY KEY (round, type));
COMMENT ON TABLE bench.build IS 'each CREATE INDEX that was timed';

SELECT set_config('bench.kind', :'kind', false);
SET maintenance_work_mem = '1GB';
SET max_parallel_maintenance_workers = 0;
DO $$
DECLARE
    types text[];
    type text;
    started double precision;
    seconds double precision;
BEGIN
    FOR round IN 0 .. 8 LOOP
        types := CASE round % 2 WHEN 0 THEN '{bigint,card,text,uuid}'
                                ELSE '{uuid,text,card,bigint}' END;
        FOREACH type IN ARRAY types LOOP
            started := bench.cpu();
            EXECUTE format('CREATE %s built_idx ON bench.%I (id)',
                           current_setting('bench.kind'), type || '_ids');
            seconds := bench.cpu() - started;
            PERFORM bench.require(
                (SELECT i.reltuples = t.reltuples FROM pg_class i, pg_class t
                  WHERE i.oid = 'bench.built_idx'::regclass
                    AND t.oid = format('bench.%I', type || '_ids')::regclass),
                'rows in the index of ' || type);
            INSERT INTO bench.build
            VALUES (round, type, seconds, pg_relation_size('bench.built_idx'));
            DROP INDEX bench.built_idx;
            COMMIT;
        END LOOP;
    END LOOP;
END
$$;
DELETE FROM bench.build b WHERE b.round = 0;

-- Both in milliseconds for an index; ratio = our time / time of the peer.
CREATE FUNCTION bench.compare_builds(
    peer text,
    OUT our_time numeric,
    OUT peer_time numeric,
    OUT ratio numeric,
    OUT quartile_1 numeric,
    OUT quartile_3 numeric,
    OUT n integer)
    LANGUAGE sql
    STABLE
AS $$
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY o.seconds) * 1000,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY p.seconds) * 1000,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY o.seconds / p.seconds),
           percentile_cont(0.25) WITHIN GROUP (ORDER BY o.seconds / p.seconds),
           percentile_cont(0.75) WITHIN GROUP (ORDER BY o.seconds / p.seconds),
           count(*)
      FROM bench.build o, bench.build p
     WHERE o.type = 'card' AND p.type = compare_builds.peer AND p.round = o.round
$$;
COMMENT ON FUNCTION bench.compare_builds(text) IS
    'the builds of card_id against those of another type, round by round';
