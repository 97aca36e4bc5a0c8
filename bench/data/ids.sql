-- 5,000,000 random ids of 16 digits, or as many as BENCH_IDS says, all
-- different, in random order: the same in four tables, as card_id, bigint,
-- uuid and text COLLATE "C", each with an index.  note makes the rows of all
-- four equally long.  And 500,000 of the ids, drawn at random from the first
-- million, in slices of 5,000.

\set ids 5000000
\getenv ids BENCH_IDS

SELECT setseed(0.3);
CREATE TABLE bench.id AS
    SELECT (10000000 + floor(random() * 90000000))::bigint * 100000000
               + floor(random() * 100000000)::bigint AS id
      FROM generate_series(1, :ids);

CREATE TABLE bench.card_ids (id screissue.card_id, note text);
CREATE TABLE bench.bigint_ids (id bigint, note text);
CREATE TABLE bench.uuid_ids (id uuid, note text);
CREATE TABLE bench.text_ids (id text COLLATE "C", note text);

-- With their headers of one byte id and note take 24 bytes together.
INSERT INTO bench.card_ids SELECT i.id::text::screissue.card_id, repeat('x', 13) FROM bench.id i;
INSERT INTO bench.bigint_ids SELECT i.id, repeat('x', 15) FROM bench.id i;
INSERT INTO bench.uuid_ids SELECT md5(i.id::text)::uuid, repeat('x', 7) FROM bench.id i;
INSERT INTO bench.text_ids SELECT i.id::text, repeat('x', 6) FROM bench.id i;
VACUUM (FREEZE, ANALYZE) bench.card_ids, bench.bigint_ids, bench.uuid_ids, bench.text_ids;
DROP TABLE bench.id;

SET maintenance_work_mem = '1GB';
SET max_parallel_maintenance_workers = 0;
CREATE UNIQUE INDEX card_ids_idx ON bench.card_ids (id);
CREATE UNIQUE INDEX bigint_ids_idx ON bench.bigint_ids (id);
CREATE UNIQUE INDEX uuid_ids_idx ON bench.uuid_ids (id);
CREATE UNIQUE INDEX text_ids_idx ON bench.text_ids (id);

SELECT bench.require(count(DISTINCT pg_relation_size(t.name)) = 1,
                     'tables of one width')
  FROM unnest('{bench.card_ids, bench.bigint_ids, bench.uuid_ids,
                bench.text_ids}'::regclass[]) AS t (name);

CREATE TABLE bench.id_sample AS
    SELECT (row_number() OVER () % 100)::integer AS slice, s.id AS number,
           s.id::text::screissue.card_id AS card_id
      FROM (SELECT f.id FROM (SELECT b.id FROM bench.bigint_ids b LIMIT 1000000) f
             ORDER BY random() LIMIT 500000) s;
CREATE INDEX id_sample_slice_idx ON bench.id_sample (slice);
CLUSTER bench.id_sample USING id_sample_slice_idx;
VACUUM (FREEZE, ANALYZE) bench.id_sample;

-- The three loops are the same but for the statement, which PL/pgSQL keeps
-- prepared: one execution for each id of a slice.  Only what was found counts.
CREATE FUNCTION bench.find_card_id(slice integer) RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
AS $$
DECLARE
    sample record;
    reply record;
    calls bigint := 0;
BEGIN
    FOR sample IN
        SELECT s.card_id FROM bench.id_sample s
         WHERE s.slice = find_card_id.slice % 100
    LOOP
        SELECT c.note INTO reply FROM bench.card_ids c
         WHERE c.id OPERATOR(screissue.=) sample.card_id;
        IF reply.note IS NOT NULL THEN
            calls := calls + 1;
        END IF;
    END LOOP;
    RETURN calls;
END
$$;
COMMENT ON FUNCTION bench.find_card_id(integer) IS
    'one look-up for each card id of a slice; how many were found';

CREATE FUNCTION bench.find_bigint(slice integer) RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
AS $$
DECLARE
    sample record;
    reply record;
    calls bigint := 0;
BEGIN
    FOR sample IN
        SELECT s.number FROM bench.id_sample s
         WHERE s.slice = find_bigint.slice % 100
    LOOP
        SELECT b.note INTO reply FROM bench.bigint_ids b
         WHERE b.id = sample.number;
        IF reply.note IS NOT NULL THEN
            calls := calls + 1;
        END IF;
    END LOOP;
    RETURN calls;
END
$$;
COMMENT ON FUNCTION bench.find_bigint(integer) IS
    'the same by number';

CREATE FUNCTION bench.find_nothing(slice integer) RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
AS $$
DECLARE
    sample record;
    reply record;
    calls bigint := 0;
BEGIN
    FOR sample IN
        SELECT s.number FROM bench.id_sample s
         WHERE s.slice = find_nothing.slice % 100
    LOOP
        SELECT bench.nothing('') AS note INTO reply;
        IF reply.note IS NOT NULL THEN
            calls := calls + 1;
        END IF;
    END LOOP;
    RETURN calls;
END
$$;
COMMENT ON FUNCTION bench.find_nothing(integer) IS 'the loop alone';
