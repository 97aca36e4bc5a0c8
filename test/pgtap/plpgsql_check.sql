-- Every PL/pgSQL function of ours, checked by plpgsql_check with the tables
-- in place: no error, no warning
BEGIN;
SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'plpgsql_check') AS available \gset
\if :available
CREATE EXTENSION plpgsql_check;
CREATE EXTENSION screissue;
SET LOCAL search_path = screissue, public;
SELECT card_issuer.setup('BANKJP', 'Bank of Japan Point'), service_provider.setup('METRO', 'Metro Transit') \g /dev/null
CREATE TEMPORARY TABLE checked AS
SELECT p.oid, p.prorettype = 'trigger'::regtype AS is_trigger
  FROM pg_proc p
  JOIN pg_language l ON l.oid = p.prolang
 WHERE l.lanname = 'plpgsql'
   AND p.pronamespace IN ('screissue'::regnamespace, 'card_issuer'::regnamespace, 'service_provider'::regnamespace)
   AND p.proname !~ '^layout_';
SELECT plan(count(*)::integer + 1) FROM checked;
SELECT cmp_ok((SELECT count(*) FROM checked), '>', 60::bigint, 'there are functions to check');
SELECT is(ARRAY(SELECT format('%s line %s: %s', c.level, c.lineno, c.message)
                  FROM plpgsql_check_function_tb(x.oid) c
                 WHERE c.level IN ('error', 'warning') OR c.level LIKE 'warning%'),
          '{}'::text[], x.oid::regprocedure::text)
  FROM checked x
 ORDER BY x.oid::regprocedure::text;
\else
SELECT plan(1);
SELECT skip('plpgsql_check is not installed', 1);
\endif
SELECT * FROM finish();
ROLLBACK;
