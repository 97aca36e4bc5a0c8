-- The rules that keep the card tables ready for more than one machine (doc/design.md,
-- Scale): as queries over the catalogs, each of which is first shown that it finds
-- what breaks the rule
BEGIN;
\ir include/issuer.sql
SELECT relkind = 'p' AS partitioned FROM pg_class WHERE oid = 'card_issuer.card'::regclass \gset
SELECT plan(19 - CASE WHEN :'partitioned' THEN 1 ELSE 0 END);

-- Tables that are spread by the card that their rows are about, and that column;
-- tables that every machine has whole.
CREATE TABLE t.card_table (name regclass, card_column name);
INSERT INTO t.card_table VALUES
    ('card_issuer.card', 'card_id'), ('card_issuer.app_load', 'card_id'), ('card_issuer.entitlement', 'card_id'),
    ('card_issuer.reissue_request', 'old_card_id'), ('card_issuer.examination', 'card_id'), ('card_issuer.opt_out', 'card_id');
CREATE TABLE t.reference_table (name regclass);
INSERT INTO t.reference_table
SELECT format('card_issuer.%I', n)::regclass FROM unnest('{self,provider,application,tariff,policy,encryption_key}'::text[]) n
 UNION ALL VALUES ('screissue.platform'::regclass);

CREATE VIEW t.spread_column AS
SELECT c.name, a.attnum, a.atttypid
  FROM t.card_table c JOIN pg_attribute a ON a.attrelid = c.name AND a.attname = c.card_column;
CREATE VIEW t.function_text AS
SELECT p.oid::regprocedure AS name, regexp_replace(p.prosrc, '--[^\n]*', '', 'g') AS body
  FROM pg_proc p WHERE p.pronamespace = 'card_issuer'::regnamespace AND p.proname !~ '^layout_';
CREATE VIEW t.view_tree AS
SELECT r.ev_class::regclass AS name, r.ev_action::text AS tree
  FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
 WHERE c.relnamespace = 'card_issuer'::regnamespace AND c.relkind = 'v';
CREATE VIEW t.our_operator AS
SELECT o.oid FROM pg_operator o WHERE o.oprnamespace = 'screissue'::regnamespace;

CREATE VIEW t.breach AS
SELECT 'spread by a card_id' AS rule, s.name::text AS breach FROM t.spread_column s WHERE s.atttypid <> 'card_id'::regtype
 UNION ALL
SELECT 'first in the primary key', s.name::text FROM t.spread_column s
 WHERE NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = s.name AND i.indisprimary AND i.indkey[0] = s.attnum)
 UNION ALL
SELECT 'in every unique index', i.indexrelid::regclass::text FROM t.spread_column s JOIN pg_index i ON i.indrelid = s.name
 WHERE i.indisunique AND NOT s.attnum = ANY (i.indkey::int2[])
 UNION ALL
SELECT 'foreign keys', f.conrelid::regclass || ' ' || f.conname FROM t.spread_column s JOIN pg_constraint f ON f.conrelid = s.name
  LEFT JOIN t.spread_column o ON o.name = f.confrelid
 WHERE f.contype = 'f' AND f.conparentid = 0
   AND NOT EXISTS (SELECT FROM t.reference_table r WHERE r.name = f.confrelid)
   AND NOT coalesce(array_position(f.conkey, s.attnum) = array_position(f.confkey, o.attnum), false)
 UNION ALL
SELECT 'no sequence but second in a key', i.indexrelid::regclass::text
  FROM t.card_table c JOIN pg_index i ON i.indrelid = c.name AND i.indisunique
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE a.attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%'
 UNION ALL
SELECT 'no triggers', g.tgrelid::regclass || ' ' || g.tgname FROM t.card_table c JOIN pg_trigger g ON g.tgrelid = c.name
 WHERE NOT g.tgisinternal
 UNION ALL
SELECT 'never updated', f.name::text FROM t.card_table c CROSS JOIN t.function_text f
 WHERE EXISTS (SELECT FROM regexp_matches(f.body, format('UPDATE\s+%s\s[^;]*?\mSET\M([^;]*?)\mWHERE\M', c.name), 'gi') m (part)
                WHERE m.part[1] ~ format('(^|,)\s*%s\s*=', c.card_column))
 UNION ALL
SELECT 'no JOIN USING, NATURAL JOIN or NULLIF', f.name::text FROM t.function_text f
 WHERE f.body ~* '\mNATURAL\s+(INNER\s+|LEFT\s+|RIGHT\s+|FULL\s+)?(OUTER\s+)?JOIN\M|\mJOIN\s+[^\s;]+(\s+(AS\s+)?\w+)?\s+USING\s*\(|\mNULLIF\s*\('
 UNION ALL
SELECT 'no JOIN USING or NATURAL JOIN in a view', v.name::text FROM t.view_tree v WHERE v.tree ~ ':usingClause \('
 UNION ALL
SELECT 'no IS DISTINCT FROM or NULLIF on our types in a view', v.name::text FROM t.view_tree v
 WHERE EXISTS (SELECT FROM regexp_matches(v.tree, '\{(?:DISTINCTEXPR|NULLIFEXPR) :opno (\d+)', 'g') m (opno)
                 JOIN t.our_operator o ON o.oid = m.opno[1]::oid)
 UNION ALL
SELECT 'no CASE x WHEN on our types in a view', v.name::text FROM t.view_tree v
 WHERE EXISTS (SELECT FROM regexp_matches(v.tree, '\{OPEXPR :opno (\d+)[^{]*\{CASETESTEXPR', 'g') m (opno)
                 JOIN t.our_operator o ON o.oid = m.opno[1]::oid);

SELECT cmp_ok((SELECT count(*) FROM t.function_text), '>', 150::bigint, 'there are functions to look at');
SELECT cmp_ok((SELECT count(*) FROM t.view_tree), '>', 8::bigint, 'and views');
SELECT is_empty('SELECT b.rule, b.breach FROM t.breach b', 'design 10: no rule is broken');
SELECT set_eq($$SELECT c.name FROM t.card_table c$$,
              $$SELECT a.attrelid::regclass FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
                 WHERE c.relnamespace = 'card_issuer'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
                   AND a.atttypid = 'card_id'::regtype AND c.relname NOT IN ('inquiry', 'reissue_batch_item')$$,
              'design 10: all tables with card ids, but the log of inquiries and the list of work, are spread by them');

-- breaks(rule, statement): does the rule find what the statement does?
CREATE FUNCTION t.breaks(rule text, statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    found text[];
BEGIN
    BEGIN
        EXECUTE statement;
        found := ARRAY(SELECT DISTINCT b.rule FROM t.breach b);
        RAISE EXCEPTION USING ERRCODE = 'UT001';
    EXCEPTION WHEN SQLSTATE 'UT001' THEN
        RETURN NEXT is(found, ARRAY[rule], 'control: ' || rule || ': ' || left(split_part(statement, E'\n', 1), 60));
    END;
END $$;
SELECT t.breaks('spread by a card_id', $$CREATE TABLE card_issuer.bad (card_id text PRIMARY KEY);
                 INSERT INTO t.card_table VALUES ('card_issuer.bad', 'card_id')$$);
SELECT t.breaks('first in the primary key', 'ALTER TABLE card_issuer.entitlement DROP CONSTRAINT entitlement_pkey;
                 ALTER TABLE card_issuer.entitlement ADD PRIMARY KEY (app_id, card_id)');
-- The server refuses this one for partitioned tables.
SELECT t.breaks('in every unique index', 'CREATE UNIQUE INDEX ON card_issuer.app_load (message_id)') WHERE NOT :'partitioned';
SELECT t.breaks('foreign keys', 'ALTER TABLE card_issuer.card ADD FOREIGN KEY (holder_id) REFERENCES card_issuer.holder');
SELECT t.breaks('foreign keys', 'ALTER TABLE card_issuer.card ADD FOREIGN KEY (replaces) REFERENCES card_issuer.card');
SELECT t.breaks('no sequence but second in a key', $$ALTER TABLE card_issuer.opt_out ADD n bigint NOT NULL DEFAULT nextval('card_issuer.request_sequence');
                 ALTER TABLE card_issuer.opt_out ADD UNIQUE (n, card_id)$$);
SELECT t.breaks('no triggers', 'CREATE TRIGGER watch AFTER INSERT ON card_issuer.card FOR EACH ROW EXECUTE FUNCTION card_issuer.registry_changed()');
SELECT t.breaks('never updated', format('CREATE FUNCTION card_issuer.bad() RETURNS void LANGUAGE plpgsql AS %L',
                 'BEGIN UPDATE card_issuer.card c SET status = $$lost$$, card_id = $$AB$$ WHERE c.card_id = $$AC$$; END'));
SELECT t.breaks('no JOIN USING, NATURAL JOIN or NULLIF', format('CREATE FUNCTION card_issuer.bad() RETURNS void LANGUAGE plpgsql AS %L', body))
  FROM (VALUES ('BEGIN PERFORM FROM card_issuer.card c NATURAL LEFT JOIN card_issuer.holder h; END'),
               ('BEGIN PERFORM FROM card_issuer.card c JOIN card_issuer.app_load AS l USING (card_id); END'),
               ('BEGIN PERFORM nullif(c.card_id, $$AB$$) FROM card_issuer.card c; END')) b (body);
SELECT t.breaks('no JOIN USING or NATURAL JOIN in a view', 'CREATE VIEW card_issuer.bad AS SELECT h.profile FROM card_issuer.card c JOIN card_issuer.holder h USING (holder_id)');
SELECT t.breaks('no IS DISTINCT FROM or NULLIF on our types in a view', format('CREATE VIEW card_issuer.bad AS SELECT %s AS x FROM card_issuer.card c', x))
  FROM unnest('{c.replaces IS DISTINCT FROM c.replaced_by,"nullif(c.replaces, c.replaced_by)"}'::text[]) x;
SELECT t.breaks('no CASE x WHEN on our types in a view',
                'CREATE VIEW card_issuer.bad AS SELECT CASE c.replaces WHEN c.replaced_by THEN 1 END AS x FROM card_issuer.card c');
SELECT * FROM finish();
ROLLBACK;
