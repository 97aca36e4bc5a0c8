-- What ALTER DEFAULT PRIVILEGES gave before CREATE EXTENSION and setup is not
-- given on anything of ours, and what others were granted later, setup finds
-- (doc/design.md, Shape: nobody else ever gets more than SELECT on our tables,
-- nor CREATE on our schemas; E60)
BEGIN;
CREATE ROLE nosy;
CREATE ROLE "No""sy 2";
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO nosy, "No""sy 2" WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO nosy, "No""sy 2", PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO nosy, "No""sy 2", PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT USAGE, CREATE ON SCHEMAS TO nosy, "No""sy 2", PUBLIC;
CREATE EXTENSION screissue;
CREATE SCHEMA other;
CREATE TABLE other.bait (x serial PRIMARY KEY);
SET LOCAL search_path = screissue, public;
SET LOCAL client_min_messages = warning;
SELECT plan(62);

CREATE VIEW pg_temp.our_schema AS
SELECT n.oid, n.nspname, n.nspowner, n.nspacl FROM pg_namespace n
 WHERE n.nspname IN ('screissue', 'card_issuer', 'service_provider');
-- Every right on anything of ours that somebody but the owner was given.
CREATE VIEW pg_temp.given AS
SELECT g.object, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(x.grantee) END AS grantee, x.privilege_type
  FROM (SELECT n.nspname::text, n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner)) FROM pg_temp.our_schema n
         UNION ALL
        SELECT p.oid::regprocedure::text, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
          FROM pg_proc p JOIN pg_temp.our_schema n ON n.oid = p.pronamespace
         UNION ALL
        SELECT c.oid::regclass::text, c.relowner, c.relacl
          FROM pg_class c JOIN pg_temp.our_schema n ON n.oid = c.relnamespace
         UNION ALL
        SELECT a.attrelid::regclass || '.' || a.attname, c.relowner, a.attacl
          FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_temp.our_schema n ON n.oid = c.relnamespace
       ) g (object, owner, acl), aclexplode(g.acl) x
 WHERE x.grantee <> g.owner;
CREATE VIEW pg_temp.relation AS
SELECT c.oid::regclass::text AS name, c.relkind FROM pg_class c
  JOIN pg_temp.our_schema n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S');

SELECT ok(has_schema_privilege('nosy', 'other', 'CREATE') AND has_table_privilege('nosy', 'other.bait', 'TRIGGER')
          AND has_sequence_privilege('nosy', 'other.bait_x_seq', 'UPDATE'), 'the default privileges are in force elsewhere');
SELECT is_empty($$SELECT g.* FROM pg_temp.given g WHERE g.grantee <> 'PUBLIC'$$, 'design 3: CREATE EXTENSION gives the role nothing');
SELECT is_empty($$SELECT g.* FROM pg_temp.given g WHERE g.grantee = 'PUBLIC'
                     AND g.privilege_type <> 'EXECUTE' AND (g.object, g.privilege_type) <> ('screissue', 'USAGE')$$,
                'design 3: nor PUBLIC more than USAGE on schema screissue');

-- Both roles, the second with the tables of the first there.
SELECT lives_ok($$SELECT card_issuer.setup('BANKJP', 'Bank of Japan Point')$$, 'design 3: a card issuer is set up');
SELECT is_empty($$SELECT g.* FROM pg_temp.given g WHERE g.grantee <> 'PUBLIC'$$, 'design 3: which gives the role nothing');
SELECT lives_ok($$SELECT service_provider.setup('METRO', 'Metro Transit')$$, 'design 3: a service provider is set up beside it');
SELECT is_empty($$SELECT g.* FROM pg_temp.given g WHERE g.grantee <> 'PUBLIC'$$, 'design 3: which gives the role nothing');
SELECT lives_ok($$SELECT card_issuer.setup('BANKJP', 'Bank'), service_provider.setup('METRO', 'Metro')$$,
                'design 3: both once more, which finds nothing to complain of');
SELECT cmp_ok((SELECT count(*) FROM pg_temp.relation), '>', 25::bigint, 'there are relations to look at');
SELECT is_empty(format($$SELECT r.name FROM pg_temp.relation r
                          WHERE CASE WHEN r.relkind = 'S' THEN has_sequence_privilege(%1$L, r.name, 'USAGE, SELECT, UPDATE')
                                     ELSE has_table_privilege(%1$L, r.name, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
                                          OR has_any_column_privilege(%1$L, r.name, 'SELECT, INSERT, UPDATE, REFERENCES') END$$, w),
                'E60: no relation for ' || w)
  FROM unnest('{nosy,"No\"sy 2"}'::text[]) w;
SELECT is_empty(format($$SELECT p.oid::regprocedure FROM pg_proc p
                          WHERE p.pronamespace IN ('card_issuer'::regnamespace, 'service_provider'::regnamespace)
                            AND has_function_privilege(%L, p.oid, 'EXECUTE')$$, w), 'design 3: no call for ' || w)
  FROM unnest('{nosy,"No\"sy 2"}'::text[]) w;
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p
                   WHERE p.pronamespace = 'screissue'::regnamespace AND p.prorettype <> 'trigger'::regtype
                     AND p.proname ~ '^(calling_role|in_extension_script|require|today|begin_setup|layout_|dblink_|open_|close_|remote_|revoke_|check_)'
                     AND has_function_privilege('nosy', p.oid, 'EXECUTE')$$, 'design 3: nor an internal function of schema screissue');
SELECT is((SELECT string_agg(concat_ws(' ', n.nspname, p), ', ' ORDER BY n.nspname, p)
             FROM pg_temp.our_schema n, unnest('{USAGE,CREATE}'::text[]) p WHERE has_schema_privilege('nosy', n.oid, p)),
          'screissue USAGE', 'design 3: of our schemas USAGE on screissue, as for everybody');
SET LOCAL ROLE nosy;
SELECT is('4111-1111-1111-1111'::card_id = '4111111111111111' AND luhn_valid('4111111111111111'), true,
          'design 3: the types are for everybody, this role too');
RESET ROLE;

-- The rights that our own calls give are given all the same.
CREATE ROLE metro;
CREATE ROLE clerk;
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro'), card_issuer.grant_operator('clerk'),
       service_provider.grant_operator('clerk') \g /dev/null
SELECT ok(has_function_privilege('metro', 'card_issuer.fetch_notices(company_id, bigint, integer)', 'EXECUTE')
          AND has_table_privilege('clerk', 'card_issuer.reissue_pair', 'SELECT'), 'R34: a contract gives its calls');
SELECT is_empty($$SELECT g.* FROM pg_temp.given g WHERE g.grantee NOT IN ('PUBLIC', 'metro', 'clerk')$$, 'R34: and nobody else''s');
SELECT lives_ok($$SELECT card_issuer.setup('BANKJP', 'Bank'), service_provider.setup('METRO', 'Metro')$$,
                'design 3: setup has nothing against them');

-- Rights granted later: setup says what it finds, and does nothing.
CREATE FUNCTION pg_temp.setup_after(command text)
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    setup text;
    answer text := '';
    message text;
    hint text;
BEGIN
    EXECUTE 'GRANT ' || command;
    FOREACH setup IN ARRAY ARRAY['card_issuer.setup(''BANKJP'', ''New name'')', 'service_provider.setup(''METRO'', ''New name'')'] LOOP
        BEGIN
            EXECUTE 'SELECT ' || setup;
            answer := answer || 'done ';
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
            answer := answer || SQLSTATE || ' '
                || CASE WHEN message ~ '\.$' OR hint !~ '^[A-Z].*\.$' THEN '(form of the error) ' ELSE '' END;
        END;
    END LOOP;
    RAISE EXCEPTION USING ERRCODE = '00TRY', MESSAGE = answer;
EXCEPTION WHEN SQLSTATE '00TRY' THEN
    RETURN trim(SQLERRM);
END
$$;

SELECT is(pg_temp.setup_after(format('%s ON %s TO %s', p, r, w)), '42501 42501', format('design 3: setup refuses: %s on %s for %s', p, r, w))
  FROM unnest('{INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER,ALL}'::text[]) p,
       (VALUES ('card_issuer.card', 'nosy'), ('screissue.notice', 'PUBLIC'), ('service_provider.app_load', '"No""sy 2"')) v (r, w);
SELECT is(pg_temp.setup_after(format('%s (card_id) ON card_issuer.card TO nosy', p)), '42501 42501',
          format('design 3: setup refuses: %s on a column', p))
  FROM unnest('{INSERT,UPDATE,REFERENCES}'::text[]) p;
SELECT is(pg_temp.setup_after(format('%s ON SCHEMA %I TO %s', p, n, w)), '42501 42501', format('design 3: setup refuses: %s on schema %s for %s', p, n, w))
  FROM unnest('{CREATE,ALL}'::text[]) p, unnest('{screissue,card_issuer,service_provider}'::name[]) n, unnest('{nosy,PUBLIC}'::text[]) w;
SELECT is(pg_temp.setup_after(c), 'done done', 'design 3: setup takes: ' || c)
  FROM unnest(ARRAY['SELECT ON card_issuer.card TO nosy', 'SELECT ON ALL TABLES IN SCHEMA service_provider TO PUBLIC',
                    'SELECT (card_id) ON card_issuer.card TO nosy', 'USAGE ON SCHEMA card_issuer TO nosy',
                    'USAGE ON SCHEMA service_provider TO PUBLIC', 'ALL ON other.bait TO nosy', 'CREATE ON SCHEMA other TO nosy']) c;

SELECT * FROM finish();
ROLLBACK;
