-- What servers newer than 15 can do with the library: soft errors (16), COPY that goes
-- on after a bad row (17), to tell its name and version (18)
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION screissue;
SET LOCAL search_path = screissue, public;
CREATE SCHEMA t;
\ir include/bad_text.sql
SELECT current_setting('server_version_num')::integer >= 160000 AS has_soft_errors,
       current_setting('server_version_num')::integer >= 170000 AS has_on_error,
       current_setting('server_version_num')::integer >= 180000 AS has_loaded_modules,
       'PostgreSQL ' || current_setting('server_version') AS server \gset
SELECT plan(1 + CASE WHEN :'has_soft_errors' THEN 12 ELSE 1 END + CASE WHEN :'has_on_error' THEN 4 ELSE 1 END + 1);

SELECT set_eq('SELECT DISTINCT b.type FROM bad b',
              $$SELECT y.typname::text
                  FROM pg_type y
                  JOIN pg_proc p ON p.oid = y.typinput
                  JOIN pg_language l ON l.oid = p.prolang
                 WHERE y.typnamespace = 'screissue'::regnamespace AND l.lanname = 'c'$$,
              'there is bad text of every type');

-- Soft errors

-- What a cast says of a text
CREATE FUNCTION t.hard(input text, type text)
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    detail text;
BEGIN
    EXECUTE format('SELECT %L::%s', input, type);
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(E'\n', SQLSTATE || ' ' || SQLERRM, detail);
END
$$;

-- The same, softly; raised, if that raises
CREATE FUNCTION t.soft(input text, type text)
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    answer text := 'accepted';
BEGIN
    IF NOT pg_input_is_valid(input, type) THEN
        SELECT concat_ws(E'\n', i.sql_error_code || ' ' || i.message, i.detail)
          INTO STRICT answer
          FROM pg_input_error_info(input, type) i;
    END IF;
    RETURN answer;
EXCEPTION WHEN OTHERS THEN
    RETURN 'raised ' || SQLSTATE;
END
$$;

CREATE FUNCTION t.raises(anything text)
    RETURNS boolean
    LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION '% is raised', anything USING ERRCODE = '22P02';
END
$$;
CREATE DOMAIN t.raising AS text CHECK (t.raises(VALUE));

\if :has_soft_errors
SELECT is(t.soft('BANKJP', 't.raising'), 'raised 22P02', 'an input that raises is noticed');
SELECT is(t.soft('4111111111111111', 'card_id'), 'accepted', 'and one that is accepted');
SELECT is(ARRAY(SELECT format('%s: %s', left(b.input, 40), a.soft)
                  FROM bad b
                 CROSS JOIN LATERAL (SELECT CASE WHEN x.suffix = '' THEN t.soft(b.input, b.type)
                                                 ELSE t.soft(ARRAY[b.input]::text, b.type || x.suffix) END AS soft) a
                 WHERE b.type = y.type AND (a.soft NOT LIKE '22P02 %' OR a.soft <> t.hard(b.input, b.type))),
          '{}', y.type || x.suffix || ': a soft error, in the words of a hard one, for every bad text')
  FROM (SELECT DISTINCT b.type FROM bad b) y
 CROSS JOIN (VALUES (''), ('[]')) x (suffix)
 ORDER BY y.type, x.suffix;
\else
SELECT skip(:'server' || ' has no soft errors', 1);
\endif

-- COPY: a row for each bad text, and good ones between them
CREATE TEMPORARY TABLE incoming (
    n              integer,
    company_id     company_id,
    app_id         app_id,
    message_id     message_id,
    card_id        card_id,
    card_attribute card_attribute
);
\if :has_on_error
SELECT current_setting('data_directory') || '/incoming' AS incoming \gset
COPY (SELECT b.n * 2,
             CASE WHEN b.type = 'company_id' THEN b.input END,
             CASE WHEN b.type = 'app_id' THEN b.input END,
             CASE WHEN b.type = 'message_id' THEN b.input END,
             CASE WHEN b.type = 'card_id' THEN b.input END,
             CASE WHEN b.type = 'card_attribute' THEN b.input END
        FROM bad b
       UNION ALL
      SELECT b.n * 2 + 1, 'BANKJP', 'D276AB0085CD01', 'BANKJP/METRO/42', '4111111111111111', 'ecies-x25519:27:b2e9'
        FROM bad b
       ORDER BY 1) TO :'incoming';
SELECT throws_ok(format('COPY incoming FROM %L', :'incoming'), '22P02', NULL, 'COPY stops at bad text');
SELECT lives_ok(format('COPY incoming FROM %L (ON_ERROR ignore)', :'incoming'), 'or goes on, if it is told to');
SELECT is((SELECT count(*) FROM incoming i), (SELECT count(*) FROM bad b), 'which brings the good rows');
SELECT is((SELECT count(*) FROM incoming i WHERE i.n % 2 = 0), 0::bigint, 'and no other');
\else
SELECT skip(:'server' || ' has no COPY that goes on after a bad row', 1);
\endif

-- The library
\set control `cat screissue.control`
\if :has_loaded_modules
SELECT is(ARRAY(SELECT format('%s %s', m.module_name, m.version) FROM pg_get_loaded_modules() m WHERE m.file_name LIKE 'screissue.%'),
          ARRAY['screissue ' || substring(:'control' FROM 'default_version = ''(.*?)''')],
          'the library tells its name, and the version of the control file');
\else
SELECT skip(:'server' || ' does not tell what a library is', 1);
\endif

SELECT * FROM finish();
ROLLBACK;
