-- doc/reference.md and doc/design.md against what they describe: calls and
-- their signatures, types, tables, views, settings, SQLSTATEs, causes of
-- quarantine; and the files, objects and numbers that the tables of
-- doc/design.md name (since 1.1)
\set reference `cat doc/reference.md`
\set design `cat doc/design.md`
\set errors `cat src/screissue.h`
\set causes `cat src/notice.c`
\set sources `cat sql/*.sql sql/*/*.sql`
\set files `find demo doc sql src test -type f`
\set numbers `grep -roE '\b[RE][0-9]+[bc]?(-[RE]?[0-9]+)?\b' demo test`

BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION screissue;
SET LOCAL search_path = screissue, public;
SELECT plan(20);

CREATE ROLE issuer_operator;
CREATE ROLE partner;
CREATE ROLE provider_operator;
SELECT card_issuer.setup('BANKJP', 'Bank of Japan Point'),
       card_issuer.grant_operator('issuer_operator'),
       card_issuer.register_provider('METRO', 'Metro Transit', 'partner'),
       service_provider.setup('METRO', 'Metro Transit'),
       service_provider.grant_operator('provider_operator') \g /dev/null

CREATE TEMP TABLE document AS
SELECT :'reference' AS reference, :'design' AS design;

-- The rows of all tables of a document: their first cell and the whole line.
CREATE FUNCTION pg_temp.table_rows(content text, OUT first_cell text, OUT line text)
    RETURNS SETOF record
    LANGUAGE sql
AS $$
    SELECT m[2], m[1]
      FROM regexp_matches(content, '^(\| ([^|]*?) \| .*)$', 'gn') m
$$;

-- Calls.  A signature stands in a block without a language; a line that is
-- indented goes on with the one before.

CREATE TEMP VIEW documented_call AS
SELECT signature, split_part(signature, '.', 1) AS schema
  FROM document d,
       regexp_replace(d.reference, '\n```sql\n.*?\n```', '', 'g') text,
       regexp_matches(text, '\n```\n(.*?)\n```', 'g') block,
       regexp_split_to_table(regexp_replace(block[1], '\n +', ' ', 'g'), '\n') signature;

-- What somebody else than the owner may call, begin_epoch, restore_notice, setup and set_policy.  What serves
-- the types, operators and operator classes is covered by their names.
CREATE TEMP VIEW public_call AS
SELECT p.pronamespace::regnamespace::text AS schema,
       format('%s.%s(%s)%s', p.pronamespace::regnamespace, p.proname,
              t.arguments, ' RETURNS ' || t.result) AS signature
  FROM pg_proc p,
       LATERAL (SELECT
           replace(regexp_replace(pg_get_function_arguments(p.oid), '::[a-z_.]+|\mIN ', '', 'g'),
                   'timestamp with time zone', 'timestamptz'),
           CASE WHEN p.prokind = 'f' AND (p.proretset OR p.proargmodes IS NULL)
                THEN replace(pg_get_function_result(p.oid),
                             'timestamp with time zone', 'timestamptz')
           END) t (arguments, result)
 WHERE p.pronamespace IN ('screissue'::regnamespace, 'card_issuer'::regnamespace,
                          'service_provider'::regnamespace)
   AND p.prokind IN ('f', 'p')
   AND (p.proname IN ('begin_epoch', 'restore_notice', 'setup', 'set_policy')
        OR EXISTS (SELECT FROM unnest('{issuer_operator, partner, provider_operator}'::name[]) r
                    WHERE has_function_privilege(r, p.oid, 'EXECUTE')))
   AND p.oid NOT IN (SELECT unnest(ARRAY[t.typinput, t.typoutput, t.typreceive, t.typsend]::oid[])
                       FROM pg_type t)
   AND p.oid NOT IN (SELECT o.oprcode FROM pg_operator o)
   AND p.oid NOT IN (SELECT a.amproc FROM pg_amproc a)
   AND p.oid NOT IN (SELECT a.aggtransfn FROM pg_aggregate a);

SELECT set_eq(
    format('SELECT signature FROM documented_call WHERE schema = %L', schema),
    format('SELECT signature FROM public_call WHERE schema = %L', schema),
    format('the calls of schema %s are documented with their signatures, and no others', schema))
  FROM unnest('{screissue, card_issuer, service_provider}'::text[]) schema;

-- Types, relations, settings, triggers

SELECT is_empty(
    $$SELECT t.typname
        FROM pg_type t, document d
       WHERE t.typnamespace = 'screissue'::regnamespace
         AND t.typtype = 'b' AND t.typcategory <> 'A'
         AND position(E'\n### ' || t.typname || E'\n' IN d.reference) = 0$$,
    'every type has a section');
SELECT is_empty(
    $$SELECT e.row_of_type
        FROM document d,
             (SELECT format('| `screissue.%s` | %s |', t.typname,
                            string_agg('`' || v.enumlabel || '`', ', ' ORDER BY v.enumsortorder))
                FROM pg_type t
                JOIN pg_enum v ON v.enumtypid = t.oid
               WHERE t.typnamespace = 'screissue'::regnamespace
               GROUP BY t.typname) e (row_of_type)
       WHERE position(e.row_of_type IN d.reference) = 0$$,
    'every enum is documented with its values');
SELECT is_empty(
    $$SELECT c.oid::regclass
        FROM pg_class c
       WHERE c.relnamespace IN ('screissue'::regnamespace, 'card_issuer'::regnamespace,
                                'service_provider'::regnamespace)
         AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
         AND NOT EXISTS (SELECT FROM document d, pg_temp.table_rows(d.reference) r
                          WHERE r.first_cell = format('`%s.%s`', c.relnamespace::regnamespace, c.relname))$$,
    'every table and view is documented');
SELECT is_empty(
    $$SELECT v.row_of_view
        FROM document d,
             (SELECT format('| `%s.%s` | %s |', c.relnamespace::regnamespace, c.relname,
                            string_agg('`' || a.attname || '`', ', ' ORDER BY a.attnum))
                FROM pg_class c
                JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
               WHERE c.relnamespace IN ('card_issuer'::regnamespace, 'service_provider'::regnamespace)
                 AND c.relkind = 'v'
               GROUP BY c.relnamespace, c.relname) v (row_of_view)
       WHERE position(v.row_of_view IN d.reference) = 0$$,
    'every view is documented with its columns');
SELECT is_empty(
    $$SELECT a.attname
        FROM pg_attribute a, document d
       WHERE a.attrelid = 'screissue.notice'::regclass
         AND a.attnum > 0
         AND position('`' || a.attname || '`' IN d.reference) = 0$$,
    'every column of the wire is documented');
SELECT is_empty(
    $$SELECT g.tgname
        FROM pg_trigger g, document d
       WHERE NOT g.tgisinternal
         AND position('`' || g.tgname || '`' IN d.reference) = 0$$,
    'every trigger is documented');
LOAD 'screissue';
SELECT is_empty(
    $$SELECT s.name
        FROM pg_settings s, document d
       WHERE s.name LIKE 'screissue.%'
         AND position(format('| `%s` | %s | %s |', s.name, s.boot_val, s.context) IN d.reference) = 0$$,
    'every setting is documented with its default');

-- SQLSTATEs and other lists

CREATE TEMP VIEW documented_state AS
SELECT state, split_part(r.line, ' | ', 2) AS name
  FROM document d, pg_temp.table_rows(d.reference) r,
       regexp_split_to_table(r.first_cell, ', ') state
 WHERE state ~ '^[0-9A-Z]{5}$';

SELECT set_eq(
    format($$SELECT array_to_string(m[2:6], ''), lower(m[1])
               FROM regexp_matches(%L, 'ERRCODE_SR_(\w+) MAKE_SQLSTATE\(''(.)'', ''(.)'', ''(.)'', ''(.)'', ''(.)''\)', 'g') m$$,
           :'errors'),
    $$SELECT state, name FROM documented_state WHERE state LIKE 'SR%'$$,
    'the own SQLSTATEs are those of src/screissue.h');
SELECT is_empty(
    format($$SELECT DISTINCT m[1]
               FROM regexp_matches(%L, 'ERRCODE = ''(\w{5})''', 'g') m
             EXCEPT SELECT state FROM documented_state$$, :'sources'),
    'every SQLSTATE that a function raises is documented');
SELECT set_eq(
    format($$SELECT m[1] FROM regexp_matches(%L, '\[CAUSE_\w+\] = "(\w+)"', 'g') m$$, :'causes'),
    $$SELECT (regexp_match(r.first_cell, '\w+'))[1]
        FROM document d,
             pg_temp.table_rows(substring(d.reference FROM '\| cause of quarantine .*?\n\n')) r
       WHERE r.first_cell LIKE '`%'$$,
    'the causes of quarantine are those of src/notice.c');
SELECT set_eq(
    $$SELECT unnest(enum_range(NULL::reload_outcome))::text$$,
    $$SELECT trim(r.first_cell, '`')
        FROM document d,
             pg_temp.table_rows(substring(d.reference FROM '\| outcome \|.*?\n\n')) r
       WHERE r.first_cell LIKE '`%'$$,
    'every outcome of a request for a reload is explained');

-- The tables of doc/design.md

CREATE TEMP TABLE file AS
SELECT path FROM regexp_split_to_table(:'files', '\n') path;

-- What tests and demo say that they show; ranges of numbers are taken apart.
CREATE TEMP TABLE shown AS
SELECT DISTINCT m[1] AS path, m[2] || n || m[4] AS number
  FROM regexp_split_to_table(:'numbers', '\n') hit,
       regexp_match(hit, '^([^:]+):([RE])(\d+)([bc]?)(?:-[RE]?(\d+))?$') m,
       generate_series(m[3]::integer, coalesce(m[5], m[3])::integer) n;

CREATE TEMP VIEW traced AS
SELECT r.first_cell AS number, r.line, m[1] AS path
  FROM document d, pg_temp.table_rows(d.design) r
  LEFT JOIN LATERAL regexp_matches(r.line, '`((?:test|demo)/[^`]+)`', 'g') m ON true
 WHERE r.first_cell ~ '^[RE]\d+[bc]?$|^claim \d+$';

SELECT is_empty(
    $$SELECT m[1]
        FROM document d,
             regexp_matches(d.design, '`((?:demo|doc|sql|src|test)/[^`]*)`', 'g') m
       WHERE NOT EXISTS (SELECT FROM file f
                          WHERE f.path = m[1] OR starts_with(f.path, rtrim(m[1], '/') || '/'))$$,
    'every file that doc/design.md names exists');
SELECT is_empty(
    $$SELECT m[1]
        FROM document d,
             regexp_matches(d.design, '`((?:screissue|card_issuer|service_provider)\.\w+)', 'g') m
       WHERE to_regclass(m[1]) IS NULL
         AND to_regtype(m[1]) IS NULL
         AND NOT EXISTS (SELECT FROM pg_proc p
                          WHERE m[1] = format('%s.%s', p.pronamespace::regnamespace, p.proname))
         AND NOT EXISTS (SELECT FROM pg_settings s WHERE s.name = m[1])$$,
    'every object that doc/design.md names exists');
SELECT bag_eq(
    $$SELECT DISTINCT number, line FROM traced WHERE number !~ '[bc]$'$$,
    $$SELECT t.number, t.line
        FROM (SELECT 'R' || n FROM generate_series(1, 54) n
              UNION ALL SELECT 'E' || n FROM generate_series(1, 60) n
              UNION ALL SELECT 'claim ' || n FROM generate_series(1, 14) n) wanted (number)
        LEFT JOIN (SELECT number, min(line) AS line FROM traced GROUP BY number) t USING (number)$$,
    'every requirement, edge case and claim has one row');
SELECT set_eq(
    $$SELECT generate_series(m[1]::integer, coalesce(m[2], m[1])::integer)
        FROM document d, pg_temp.table_rows(d.design) r,
             regexp_split_to_table(r.first_cell, ', ') step,
             regexp_match(step, '^(\d{3,4})(?:-(\d{3,4}))?$') m
       WHERE m IS NOT NULL$$,
    $$SELECT figure * 100 + n
        FROM unnest('{4, 5, 6, 7, 8, 9, 10, 11, 18}'::integer[],
                    '{9, 5, 2, 8, 8, 5, 5, 8, 4}'::integer[]) f (figure, steps),
             generate_series(1, steps) n$$,
    'every step of the patent has a row');
SELECT is_empty(
    $$SELECT number FROM traced
       WHERE path IS NULL AND line !~ 'not yet|by design|as R\d'$$,
    'every row names a test or says why there is none');
SELECT is_empty(
    $$SELECT number, path FROM traced t
       WHERE number ~ '^[RE]' AND path IS NOT NULL
         AND NOT EXISTS (SELECT FROM shown s
                          WHERE s.number = t.number AND s.path = t.path)$$,
    'every test named for a number names that number');
SELECT * FROM finish();
ROLLBACK;
