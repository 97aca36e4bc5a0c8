-- operators, operator classes, sorting, hashing, planning
SET search_path = screissue, public;

CREATE TEMP VIEW our_type AS
SELECT oid, typname AS type FROM pg_type
WHERE oid IN ('company_id'::regtype, 'app_id'::regtype, 'card_id'::regtype, 'message_id'::regtype, 'card_attribute'::regtype);

CREATE TEMP VIEW our_function AS
SELECT p.*, type FROM pg_proc p JOIN our_type t ON t.oid = p.prorettype OR t.oid = ANY (p.proargtypes::oid[]) OR proname = type || '_sortsupport'
WHERE p.pronamespace = 'screissue'::regnamespace
  AND (proname = type OR starts_with(proname, type || '_')
       OR proname = ANY ('{min,max,rid,pix,mask,issuer,provider,sequence,scheme,key_id,ciphertext,luhn_valid,mod97_valid}'));

-- every operator class is valid
SELECT type, amname, opcname, opcdefault, amvalidate(c.oid)
FROM our_type t JOIN pg_opclass c ON c.opcintype = t.oid JOIN pg_am a ON a.oid = c.opcmethod
ORDER BY type, amname;
SELECT type, amname, amprocnum, p.amproc
FROM our_type t JOIN pg_amproc p ON p.amproclefttype = t.oid
     JOIN pg_opfamily f ON f.oid = p.amprocfamily JOIN pg_am a ON a.oid = f.opfmethod
ORDER BY type, amname, amprocnum;

-- commutator, negator and estimators of every operator
SELECT type, o.oprname, c.oprname AS commutator, n.oprname AS negator, o.oprrest, o.oprjoin, o.oprcanhash, o.oprcanmerge, o.oprcode
FROM our_type t JOIN pg_operator o ON o.oprleft = t.oid
     LEFT JOIN pg_operator c ON c.oid = o.oprcom LEFT JOIN pg_operator n ON n.oid = o.oprnegate
ORDER BY type, o.oprcode::text;

-- attributes of every function of the types
SELECT type, count(*) AS functions FROM our_function GROUP BY type ORDER BY type;
SELECT type, string_agg(proname, ' ' ORDER BY proname COLLATE "C") AS not_pure
FROM our_function WHERE (provolatile, proparallel, proisstrict) <> ('i', 's', true) AND prokind = 'f' GROUP BY type;
SELECT type, string_agg(DISTINCT p.proname, ' ' ORDER BY p.proname) AS not_leakproof
FROM our_type t JOIN pg_operator o ON o.oprleft = t.oid JOIN pg_proc p ON p.oid = o.oprcode
WHERE NOT p.proleakproof GROUP BY type;
SELECT type, a.aggfnoid, a.aggcombinefn, s.oprname AS sort_operator, p.proparallel
FROM our_type t JOIN pg_proc p ON p.proargtypes[0] = t.oid AND p.prokind = 'a'
     JOIN pg_aggregate a ON a.aggfnoid = p.oid JOIN pg_operator s ON s.oid = a.aggsortop
ORDER BY type, p.proname;

-- a comment on everything, a noun phrase without a full stop
WITH object(classid, objid) AS (
    SELECT 'pg_type'::regclass, oid FROM our_type
    UNION SELECT 'pg_proc'::regclass, oid FROM our_function
    UNION SELECT 'pg_operator'::regclass, o.oid FROM pg_operator o, our_type t WHERE o.oprleft = t.oid
    UNION SELECT 'pg_cast'::regclass, c.oid FROM pg_cast c, our_type t WHERE t.oid IN (c.castsource, c.casttarget)
    UNION SELECT 'pg_opclass'::regclass, c.oid FROM pg_opclass c, our_type t WHERE c.opcintype = t.oid
    UNION SELECT 'pg_opfamily'::regclass, c.opcfamily FROM pg_opclass c, our_type t WHERE c.opcintype = t.oid)
SELECT pg_describe_object(classid, objid, 0) AS object, obj_description(objid, classid::text) AS comment
FROM object WHERE coalesce(obj_description(objid, classid::text), '') !~ '[^.]$'
   OR length(obj_description(objid, classid::text)) < 3;

-- realistic ids
CREATE TEMP TABLE company_id_ids AS SELECT ('SP' || lpad(i::text, 6, '0'))::company_id AS id FROM generate_series(1, 100000) AS i;
CREATE TEMP TABLE app_id_ids AS SELECT ('A000000651' || lpad(to_hex(i), 8, '0'))::app_id AS id FROM generate_series(1, 100000) AS i;
CREATE TEMP TABLE card_id_ids AS SELECT ('411111' || lpad(i::text, 9, '0') || (i * 7 % 10))::card_id AS id FROM generate_series(1, 100000) AS i;
CREATE TEMP TABLE message_id_ids AS SELECT message_id('BANKJP', 'METRO', i) AS id FROM generate_series(1, 100000) AS i;
CREATE TEMP TABLE card_attribute_ids AS
SELECT card_attribute('ecies-x25519', 1, decode(md5(i::text) || md5((-i)::text) || md5(i::text), 'hex')) AS id FROM generate_series(1, 100000) AS i;

-- the six operators, cmp, smaller and larger agree over all pairs of mixed values
CREATE FUNCTION pg_temp.disagreements(type text, samples text[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    result bigint;
BEGIN
    EXECUTE format($q$
        SELECT count(*)
        FROM unnest($1::%1$s[]) AS a, unnest($1::%1$s[]) AS b, LATERAL (SELECT sign(%1$s_cmp(a, b))) AS c(c)
        WHERE (a = b, a <> b, a < b, a <= b, a > b, a >= b) <> (c = 0, c <> 0, c < 0, c <= 0, c > 0, c >= 0)
           OR c <> -sign(%1$s_cmp(b, a)) OR (c = 0) <> (a::text = b::text) OR (c = 0) <> (%1$s_send(a) = %1$s_send(b))
           OR %1$s_smaller(a, b) <> CASE WHEN c < 0 THEN a ELSE b END
           OR %1$s_larger(a, b) <> CASE WHEN c > 0 THEN a ELSE b END
           OR c = 0 AND (%1$s_hash(a) <> %1$s_hash(b) OR %1$s_hash_extended(a, 5) <> %1$s_hash_extended(b, 5))$q$, type)
    USING samples INTO result;
    RETURN result;
END
$$;
SELECT 'company_id' AS type, pg_temp.disagreements('company_id', '{0,00,9,A,a,Z,BANK,BANKS,BANKJP,ZZZZZZZZZZZZ}')
UNION ALL SELECT 'app_id', pg_temp.disagreements('app_id', '{A000000003,a000000003,A00000000300,A0000000030000,A000000004,0000000000,FFFFFFFFFF}')
UNION ALL SELECT 'card_id', pg_temp.disagreements('card_id', '{1234,12-34,12340,123400,0123,00123,0x12345678,12345678,0x1234567800,AB,ab,A,ABC,411111111111111,4111111111111110,4111111111111111,41111111111111110}')
UNION ALL SELECT 'message_id', pg_temp.disagreements('message_id', '{A/B/1,a/b/1,A/B/2,A/B/10,A/B0/1,A0/B/1,B/A/1,A/B/9223372036854775807}');

-- extended hash: seed 0 agrees with the plain hash, another seed does not; and the spread over 1,024 buckets
CREATE FUNCTION pg_temp.spread(type text, OUT ids bigint, OUT seed_0_wrong bigint, OUT seed_1_same bigint, OUT buckets bigint, OUT is_even boolean, OUT high_is_even boolean)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format($q$
        WITH h AS (SELECT %1$s_hash(id) AS h, %1$s_hash_extended(id, 0) AS e, %1$s_hash_extended(id, 1) AS s FROM %1$s_ids),
        low AS (SELECT h & 1023 AS bucket, count(*) AS n FROM h GROUP BY 1),
        high AS (SELECT (s >> 40) & 1023 AS bucket, count(*) AS n FROM h GROUP BY 1)
        SELECT (SELECT count(*) FROM h),
               (SELECT count(*) FROM h WHERE e & 4294967295 <> h & 4294967295::bigint),
               (SELECT count(*) FROM h WHERE e = s),
               (SELECT count(*) FROM low),
               (SELECT min(n) > 45 AND max(n) < 165 FROM low),
               (SELECT count(*) = 1024 AND min(n) > 45 AND max(n) < 165 FROM high)$q$, type)
    INTO ids, seed_0_wrong, seed_1_same, buckets, is_even, high_is_even;
END
$$;
SELECT type, s.* FROM our_type, pg_temp.spread(type) AS s ORDER BY type;

-- sorting with abbreviated keys: many distinct ones, few (abbreviation given up), and long common prefixes
CREATE TEMP TABLE sorting AS
SELECT id FROM card_id_ids WHERE id >= '4111110000500000'
UNION ALL SELECT ('0x00000000' || lpad(to_hex(i % 7), 30, '0'))::card_id FROM generate_series(1, 30000) AS i
UNION ALL SELECT ('411111111111111' || repeat('0', i % 20))::card_id FROM generate_series(1, 5000) AS i
UNION ALL SELECT ('PREFIX.PREFIX.' || i % 1000)::card_id FROM generate_series(1, 15000) AS i;
CREATE FUNCTION pg_temp.misplaced(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    result bigint;
BEGIN
    EXECUTE 'SELECT count(*) FROM (SELECT id, lag(id) OVER () AS before FROM (' || query || ') AS q) AS s WHERE before > id' INTO result;
    RETURN result;
END
$$;
SELECT 'mixed' AS sorted, pg_temp.misplaced('SELECT id FROM sorting ORDER BY md5(id::text), id') > 0 AS is_sensitive,
       pg_temp.misplaced('SELECT id FROM sorting ORDER BY id') AS misplaced
UNION ALL SELECT 'few', NULL, pg_temp.misplaced($$SELECT id FROM (SELECT id FROM sorting WHERE id >= '0x00000000' AND id < 'A' ORDER BY md5(id::text)) AS s ORDER BY id$$)
UNION ALL SELECT 'cards', NULL, pg_temp.misplaced('SELECT id FROM (SELECT id FROM card_id_ids ORDER BY md5(id::text)) AS s ORDER BY id')
UNION ALL SELECT 'applications', NULL, pg_temp.misplaced('SELECT id FROM (SELECT id FROM app_id_ids ORDER BY md5(id::text)) AS s ORDER BY id')
UNION ALL SELECT 'messages', NULL, pg_temp.misplaced('SELECT id FROM (SELECT id FROM message_id_ids ORDER BY md5(id::text)) AS s ORDER BY id')
UNION ALL SELECT 'companies', NULL, pg_temp.misplaced('SELECT id FROM (SELECT id FROM company_id_ids ORDER BY md5(id::text)) AS s ORDER BY id');
SELECT count(*) AS wrong
FROM (SELECT rank() OVER (ORDER BY id) AS a,
             rank() OVER (ORDER BY get_byte(card_id_send(id), 0) >> 4, substr(card_id_send(id), 2), length(id::text)) AS b FROM sorting) AS s
WHERE a <> b;

-- indexes are used, by literals and by parameters, and give what a scan gives
CREATE UNIQUE INDEX company_ids_id_idx ON company_id_ids (id);
CREATE UNIQUE INDEX app_ids_id_idx ON app_id_ids (id);
CREATE UNIQUE INDEX card_ids_id_idx ON card_id_ids (id);
CREATE UNIQUE INDEX message_ids_id_idx ON message_id_ids (id);
CREATE INDEX sorting_id_idx ON sorting (id);
VACUUM ANALYZE company_id_ids, app_id_ids, card_id_ids, message_id_ids, sorting;
EXPLAIN (COSTS OFF) SELECT id FROM company_id_ids WHERE id = 'sp000042';
EXPLAIN (COSTS OFF) SELECT id FROM app_id_ids WHERE id = 'a00000065100000042';
EXPLAIN (COSTS OFF) SELECT id FROM message_id_ids WHERE id > 'BANKJP/METRO/41' AND id <= 'BANKJP/METRO/43';
CREATE FUNCTION pg_temp.scan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        IF line ~ 'Scan' THEN
            RETURN NEXT regexp_replace(line, '^[ >-]*', '');
        END IF;
    END LOOP;
END
$$;
SELECT * FROM pg_temp.scan('SELECT max(id) FROM card_id_ids');
SELECT * FROM pg_temp.scan('SELECT min(id) FROM message_id_ids');
SET plan_cache_mode = force_generic_plan;
PREPARE find(card_id) AS SELECT id FROM card_id_ids WHERE id = $1;
EXPLAIN (COSTS OFF) EXECUTE find('4111110000000428');
EXECUTE find('4111 1100 0000 0424');
RESET plan_cache_mode;
SELECT min(id), max(id) FROM card_id_ids;
SELECT count(*) FROM message_id_ids WHERE id > 'BANKJP/METRO/41' AND id <= 'BANKJP/METRO/43';
SET enable_indexscan = off;
SET enable_indexonlyscan = off;
SET enable_bitmapscan = off;
SELECT min(id), max(id) FROM card_id_ids;
SELECT count(*) AS scanned FROM sorting WHERE id > '4111111111111110' AND id <= '0x0000000000000000000000000000000000000003' \gset
RESET enable_indexscan;
RESET enable_indexonlyscan;
RESET enable_bitmapscan;
SET enable_seqscan = off;
SELECT count(*) = :scanned AS same FROM sorting WHERE id > '4111111111111110' AND id <= '0x0000000000000000000000000000000000000003';
RESET enable_seqscan;
DROP INDEX card_ids_id_idx;
CREATE INDEX card_ids_hash_idx ON card_id_ids USING hash (id);
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM card_id_ids WHERE id = '4111110000000424';
SELECT id FROM card_id_ids WHERE id = '4111110000000424';
RESET enable_seqscan;

-- estimates know that an inequality keeps nearly everything and an equality nearly nothing
CREATE FUNCTION pg_temp.estimate(query text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
    RETURN (plan -> 0 -> 'Plan' ->> 'Plan Rows')::numeric;
END
$$;
SELECT pg_temp.estimate($$SELECT FROM card_id_ids WHERE id <> '4111110000000424'$$) > 99000 AS ne,
       pg_temp.estimate($$SELECT FROM card_id_ids WHERE id = '4111110000000424'$$) < 10 AS eq,
       pg_temp.estimate($$SELECT FROM card_id_ids WHERE id < '4111110000110000'$$) BETWEEN 5000 AND 20000 AS lt,
       pg_temp.estimate($$SELECT FROM message_id_ids WHERE id >= 'BANKJP/METRO/90000'$$) BETWEEN 5000 AND 20000 AS ge;

-- hash, merge and nested joins and both kinds of grouping agree
CREATE TEMP TABLE joined AS SELECT id FROM sorting WHERE id < '0x00000000' OR id > 'A';
ANALYZE joined;
SET enable_mergejoin = off; SET enable_nestloop = off;
SELECT count(*) AS hashed FROM joined a JOIN card_id_ids b USING (id) \gset
SET enable_mergejoin = on; SET enable_hashjoin = off;
SELECT count(*) AS merged FROM joined a JOIN card_id_ids b USING (id) \gset
RESET enable_mergejoin; RESET enable_hashjoin; RESET enable_nestloop;
SELECT :hashed AS hashed, :hashed = :merged AS same;
SET enable_hashagg = off;
SELECT count(*) AS by_sort FROM (SELECT id FROM sorting GROUP BY id) AS s \gset
SET enable_hashagg = on; SET enable_sort = off;
SELECT count(*) = :by_sort AS same FROM (SELECT id FROM sorting GROUP BY id) AS s;
RESET enable_hashagg; RESET enable_sort;

-- partitions by hash (extended hash) and by range
CREATE TABLE types_by_hash (id card_id PRIMARY KEY) PARTITION BY HASH (id);
CREATE TABLE types_by_hash_0 PARTITION OF types_by_hash FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE types_by_hash_1 PARTITION OF types_by_hash FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO types_by_hash SELECT id FROM card_id_ids LIMIT 10000;
SELECT count(*) BETWEEN 4700 AND 5300 AS half FROM types_by_hash_0;
SELECT count(*) FROM types_by_hash WHERE id = '4111110000000424';
DROP TABLE types_by_hash;
CREATE TABLE types_by_range (id message_id) PARTITION BY RANGE (id);
CREATE TABLE types_by_range_1 PARTITION OF types_by_range FOR VALUES FROM ('BANKJP/METRO/1') TO ('BANKJP/METRO/500');
CREATE TABLE types_by_range_2 PARTITION OF types_by_range FOR VALUES FROM ('BANKJP/METRO/500') TO ('BANKJP/METRO/1000');
INSERT INTO types_by_range SELECT id FROM message_id_ids WHERE id < 'BANKJP/METRO/1000';
SELECT tableoid::regclass, count(*) FROM types_by_range GROUP BY 1 ORDER BY 1;
DROP TABLE types_by_range;

-- parallel aggregates
CREATE TABLE types_in_parallel AS SELECT id FROM card_id_ids;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT min(id), max(id) FROM types_in_parallel WHERE luhn_valid(id);
SELECT min(id), max(id) FROM types_in_parallel;
DROP TABLE types_in_parallel;

-- an index is used under row security, and by a role that owns nothing: the comparisons are leakproof
CREATE TABLE types_secured (id card_id PRIMARY KEY, reader name DEFAULT 'regress_types_reader');
INSERT INTO types_secured SELECT id FROM card_id_ids;
ANALYZE types_secured;
ALTER TABLE types_secured ENABLE ROW LEVEL SECURITY;
CREATE ROLE regress_types_reader;
CREATE POLICY own ON types_secured USING (reader = current_user);
GRANT SELECT ON types_secured TO regress_types_reader;
GRANT USAGE ON SCHEMA screissue TO regress_types_reader;
SET ROLE regress_types_reader;
EXPLAIN (COSTS OFF) SELECT mask(id) FROM types_secured WHERE id = '4111110000000424';
SELECT mask(id) FROM types_secured WHERE id = '4111110000000424';
RESET ROLE;
DROP TABLE types_secured;
REVOKE USAGE ON SCHEMA screissue FROM regress_types_reader;
DROP ROLE regress_types_reader;
