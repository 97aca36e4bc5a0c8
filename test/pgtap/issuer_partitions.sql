-- Card tables partitioned by the hash of the card id (design 10): what setup
-- makes, and that a call reads and writes the partitions of the cards that it is
-- about, and no others.  The other tests pass with partitions, too: make check
-- PARTITIONS=4.
BEGIN;
\set more_setup ', partitions => 8'
\ir include/issuer.sql
SELECT plan(34);

-- The tables.
CREATE VIEW t.card_table AS
    SELECT c.oid, c.relname::text AS name
      FROM pg_class c
     WHERE c.relnamespace = 'card_issuer'::regnamespace AND c.relkind = 'p';
SELECT is(ARRAY(SELECT c.name FROM t.card_table c ORDER BY 1),
          '{app_load,card,entitlement,examination,opt_out,reissue_request}', 'the card tables are partitioned');
SELECT is(ARRAY(SELECT DISTINCT pg_get_partkeydef(c.oid) FROM t.card_table c WHERE c.name <> 'reissue_request'),
          '{HASH (card_id)}', 'by the hash of the card id');
SELECT is(pg_get_partkeydef('card_issuer.reissue_request'::regclass), 'HASH (old_card_id)', 'and requests by that of the old card');
SELECT is(ARRAY(SELECT count(*)::integer FROM t.card_table c JOIN pg_inherits i ON i.inhparent = c.oid GROUP BY c.oid),
          '{8,8,8,8,8,8}', 'each has as many partitions as were asked for');
SELECT is(ARRAY(SELECT DISTINCT array_to_string(c.reloptions, ',') FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid
                 WHERE i.inhparent = 'card_issuer.card'::regclass), '{fillfactor=90}', 'pages of cards keep room for updates');
SELECT is((SELECT s.partitions FROM card_issuer.self s), 8, 'their number is on record');
SELECT lives_ok($$SELECT card_issuer.setup('BANKJP', 'Bank', 8)$$, 'setup may be called again');
SELECT lives_ok($$SELECT card_issuer.setup('BANKJP', 'Bank', 0)$$, 'and with 0 it leaves the partitions as they are');
SELECT t.refused($$SELECT card_issuer.setup('BANKJP', 'Bank', 4)$$, 'SR009', 'their number cannot change');
SELECT is_empty($$SELECT FROM t.card_table p JOIN pg_inherits i ON i.inhparent = p.oid
                  CROSS JOIN unnest('{clerk,auditor,metro,nobody}'::name[]) who
                  WHERE has_table_privilege(who, i.inhrelid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')$$,
                'E60: nobody has rights on a partition');

-- Cards whose old and new ids are at home in different partitions.
CREATE FUNCTION t.home(card card_id)
    RETURNS integer
    LANGUAGE sql
AS $$
    SELECT n FROM generate_series(0, 7) n WHERE satisfies_hash_partition('card_issuer.card'::regclass, 8, n, card)
$$;
CREATE TABLE t.pair AS
    SELECT row_number() OVER (ORDER BY n) AS n, ('OLD-' || n)::card_id AS old_card, ('NEW-' || n)::card_id AS new_card
      FROM generate_series(1, 100) n
     WHERE t.home(('OLD-' || n)::card_id) <> t.home(('NEW-' || n)::card_id)
     LIMIT 60;
SELECT card_issuer.issue_card(p.old_card, 100, 'holder') FROM t.pair p \g /dev/null
SELECT t.load(p.old_card, :METRO1), t.load(p.old_card, :SHOP1) FROM t.pair p \g /dev/null
SELECT is(ARRAY(SELECT DISTINCT t.home(p.old_card) FROM t.pair p ORDER BY 1), '{0,1,2,3,4,5,6,7}', 'the cards are in all partitions');

-- How often partitions and their indexes were scanned, and rows of them written.
-- The index on message ids is left out: a message id names no card, so it is
-- looked for in all partitions.
CREATE TABLE t.partition AS
    SELECT i.inhrelid AS oid, substring(i.inhrelid::regclass::text, '_(\d+)$')::integer AS n
      FROM t.card_table c JOIN pg_inherits i ON i.inhparent = c.oid;
INSERT INTO t.partition
    SELECT x.indexrelid, p.n
      FROM t.partition p JOIN pg_index x ON x.indrelid = p.oid
     WHERE pg_get_indexdef(x.indexrelid) !~ '\(message_id\)';
SELECT is((SELECT count(*) FROM t.partition), (6 * 8 + (6 + 2) * 8)::bigint, 'the test sees all partitions and indexes');
CREATE FUNCTION t.uses(relation oid)
    RETURNS bigint
    LANGUAGE sql
    VOLATILE
AS $$
    SELECT pg_stat_get_xact_numscans(relation) + pg_stat_get_xact_tuples_inserted(relation)
         + pg_stat_get_xact_tuples_updated(relation) + pg_stat_get_xact_tuples_deleted(relation)
$$;
CREATE FUNCTION t.used_by(call text)
    RETURNS integer[]
    LANGUAGE plpgsql
AS $$
DECLARE
    before CONSTANT bigint[] := ARRAY(SELECT t.uses(p.oid) FROM t.partition p ORDER BY p.oid);
    after bigint[];
BEGIN
    EXECUTE call;
    after := ARRAY(SELECT t.uses(p.oid) FROM t.partition p ORDER BY p.oid);
    RETURN ARRAY(SELECT DISTINCT u.n
                   FROM (SELECT p.n, row_number() OVER (ORDER BY p.oid) AS i FROM t.partition p) u
                  WHERE after[u.i] > before[u.i]
                  ORDER BY 1);
END
$$;
SELECT is(t.used_by($$SELECT count(*) FROM card_issuer.card c WHERE c.printed_number = 'none'$$), '{0,1,2,3,4,5,6,7}',
          'a call that read all partitions would be seen');

-- Each call for many pairs, so that plans for one card and for any are seen: such
-- plans as large tables have.
SET LOCAL enable_seqscan = off;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
SET LOCAL jit = off;
CREATE FUNCTION t.uses_only(about text, call text, pairs integer DEFAULT 7)
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    pair record;
    homes integer[];
    used integer[];
    strays text := '';
BEGIN
    FOR pair IN SELECT p.old_card, p.new_card FROM t.pair p WHERE p.n <= pairs ORDER BY p.n LOOP
        homes := ARRAY(SELECT t.home(h.card)
                         FROM (VALUES ('old card', pair.old_card), ('new card', pair.new_card)) h (which, card)
                        WHERE about IN (h.which, 'both cards')
                        ORDER BY 1);
        used := t.used_by(format(call, pair.old_card, pair.new_card));
        IF used <> homes THEN
            strays := strays || format('%s instead of %s; ', used, homes);
        END IF;
    END LOOP;
    RETURN strays;
END
$$;
SELECT is(t.uses_only(c.about, c.call), '', format('only partitions of the %s: %s', replace(c.about, 'both', 'two'), substring(c.call, 'card_issuer\.(\w+)')))
  FROM (VALUES
    (1, 'old card', $$SELECT card_issuer.permit_load('D276AB0085CD02', '%1$s')$$),
    (2, 'old card', $$SELECT card_issuer.permit_load('D276AB0085CD02', '%1$s')$$),
    (3, 'old card', $$SELECT card_issuer.set_opt_out('%1$s', 'D276AD0001EF01', true)$$),
    (4, 'old card', $$SELECT card_issuer.block_card('%1$s', 'lost')$$),
    (5, 'old card', $$SELECT card_issuer.request_reissue('%1$s', 'lost')$$),
    (6, 'old card', $$SELECT * FROM card_issuer.preview_reissue('%1$s')$$),
    (7, 'both cards', $$SELECT card_issuer.reissue_card('%1$s', '%2$s')$$),
    (8, 'both cards', $$SELECT card_issuer.find_reissue('%2$s', 'D276AB0085CD01')$$),
    (9, 'both cards', $$SELECT card_issuer.find_old_card('%2$s')$$),
    (10, 'old card', $$SELECT card_issuer.find_new_card('%1$s')$$),
    (11, 'both cards', $$SELECT card_issuer.lineage('%1$s')$$),
    (12, 'both cards', $$SELECT card_issuer.permit_load('D276AB0085CD01', '%2$s')$$),
    (13, 'both cards', $$SELECT card_issuer.confirm_load(l.message_id)
                         FROM card_issuer.app_load l WHERE l.card_id = '%2$s' AND l.status = 'permitted'$$),
    (14, 'new card', $$SELECT card_issuer.confirm_unload(l.message_id)
                         FROM card_issuer.app_load l WHERE l.card_id = '%2$s' AND l.status = 'loaded'$$),
    (15, 'new card', $$SELECT card_issuer.block_card('%2$s', 'stolen')$$),
    (16, 'new card', $$SELECT card_issuer.unblock_card('%2$s')$$),
    (17, 'both cards', $$SELECT card_issuer.withdraw_reissue('%2$s')$$)) c (n, about, call)
 ORDER BY c.n;
SELECT is(t.used_by(format($$SELECT card_issuer.reissue_cards('{OLD-%s}', '{ANOTHER-1}', 'damaged')$$, substring(p.old_card::text, '\d+'))),
          ARRAY(SELECT t.home(c) FROM unnest(ARRAY[p.old_card, 'ANOTHER-1']) c GROUP BY 1 ORDER BY 1),
          'only partitions of the cards named: reissue_cards')
  FROM t.pair p WHERE p.n = 13;

-- A partition that somebody partitioned again is not one that setup made.
SAVEPOINT as_made;
SET CONSTRAINTS ALL IMMEDIATE;
TRUNCATE card_issuer.card CASCADE;
ALTER TABLE card_issuer.card DETACH PARTITION card_issuer.card_0;
CREATE TABLE card_issuer.again PARTITION OF card_issuer.card FOR VALUES WITH (MODULUS 8, REMAINDER 0) PARTITION BY HASH (card_id);
SELECT t.refused(format('SELECT card_issuer.reissue_card(%L, %L)', p.old_card, p.new_card), '55000', 'a partition that is partitioned')
  FROM t.pair p WHERE t.home(p.old_card) = 0 LIMIT 1;
ROLLBACK TO as_made;

-- An inquiry reads one partition by itself: it is counted nowhere, and no lock
-- says which one it was.
SELECT card_issuer.register_key(1, 'ecies-x25519') \g /dev/null
SELECT t.reissue(p.old_card, p.new_card) FROM t.pair p WHERE p.n > 14 \g /dev/null
CREATE TABLE t.attribute AS
    SELECT p.n, (card_issuer.personalize_card(p.new_card, 1)).attribute FROM t.pair p WHERE p.n > 14;
SAVEPOINT before_inquiries;
SELECT is((SELECT count(*) FROM t.attribute a, LATERAL card_issuer.inquire(a.attribute, :METRO1) i WHERE i.reissued),
          (SELECT count(*) FROM t.attribute), 'R35: inquiries are answered');
ROLLBACK TO before_inquiries;
SELECT is(t.used_by($$SELECT card_issuer.inquire(a.attribute, 'D276AB0085CD01') FROM t.attribute a$$), '{}',
          'nothing tells which partition an inquiry has read');

SELECT * FROM finish();
ROLLBACK;
