-- An attacker's house, to be included where role mallory is there, may create schemas
-- in this database, and has USAGE on schema t: schema house, in which every operator
-- and every function of the server that our functions name is another one, with the
-- same arguments.  Who has house before pg_catalog in his path, and looks there, runs
-- code of the attacker's, which leaves a mark: not in a table alone, from which an
-- error would take it.

CREATE SEQUENCE t.sprung;
CREATE TABLE t.trap (what text, as_role name);
GRANT USAGE ON SCHEMA t TO PUBLIC;
GRANT USAGE, SELECT ON t.sprung TO PUBLIC;
GRANT INSERT ON t.trap TO PUBLIC;
CREATE VIEW t.our_function AS
SELECT p.* FROM pg_proc p
 WHERE p.pronamespace IN ('screissue'::regnamespace, 'card_issuer'::regnamespace, 'service_provider'::regnamespace);
-- What they name: everything before a parenthesis.
CREATE TABLE t.named AS
SELECT DISTINCT m[1]::name AS name FROM t.our_function p, regexp_matches(p.prosrc, '([a-z_0-9]+)\(', 'g') m;
GRANT SELECT ON t.our_function, t.named TO mallory;

SET LOCAL ROLE mallory;
CREATE SCHEMA house;
GRANT USAGE ON SCHEMA house TO PUBLIC;
CREATE FUNCTION house.spring(what text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF current_user <> 'mallory' THEN
        PERFORM nextval('t.sprung');
        INSERT INTO t.trap VALUES (what, current_user);
    END IF;
END
$$;
DO $do$
DECLARE
    p record;
    types CONSTANT text[] := '{text,name,bigint,integer,timestamptz,screissue.card_id,screissue.app_id,screissue.company_id,screissue.message_id}';
BEGIN
    FOR p IN
        SELECT f.proname, oidvectortypes(f.proargtypes) AS arguments, f.prorettype::regtype AS result
          FROM pg_proc f
          JOIN pg_type y ON y.oid = f.prorettype
         WHERE f.pronamespace = 'pg_catalog'::regnamespace
           AND f.proname IN (SELECT n.name FROM t.named n)
           AND f.prokind = 'f' AND NOT f.proretset AND f.provariadic = 0 AND f.proargmodes IS NULL
           AND (y.typtype <> 'p' OR y.typname = 'void')
           AND NOT EXISTS (SELECT FROM unnest(f.proargtypes) a JOIN pg_type t ON t.oid = a WHERE t.typtype = 'p')
         UNION ALL
        SELECT 'format', concat_ws(', ', 'text', a, b), 'text'
          FROM unnest(types) a, unnest(types || ARRAY[NULL]) b
         UNION ALL
        SELECT n, a, r::regtype FROM (VALUES ('to_jsonb', 'jsonb'), ('concat', 'text')) f (n, r), unnest(types) a
    LOOP
        EXECUTE format('CREATE FUNCTION house.%I(%s) RETURNS %s LANGUAGE plpgsql AS $$ BEGIN PERFORM house.spring(%L); RETURN%s; END $$',
                       p.proname, p.arguments, p.result, format('%s(%s)', p.proname, p.arguments),
                       CASE WHEN p.result = 'void'::regtype THEN '' ELSE ' NULL' END);
    END LOOP;
    FOR p IN
        SELECT DISTINCT o.oprname, o.oprleft::regtype AS l, o.oprright::regtype AS r, o.oprresult::regtype AS result
          FROM pg_operator o
          JOIN pg_type x ON x.oid = o.oprleft
          JOIN pg_type y ON y.oid = o.oprright
          JOIN pg_type z ON z.oid = o.oprresult
         WHERE o.oprnamespace IN ('pg_catalog'::regnamespace, 'screissue'::regnamespace)
           AND 'p' NOT IN (x.typtype, y.typtype, z.typtype)
           AND o.oprname IN ('=', '<>', '<', '>', '<=', '>=', '+', '-', '*', '/', '||', '->', '->>', '#>', '#>>', '~', '!~', '~~', '!~~', '@>', '?', '&', '%')
    LOOP
        EXECUTE format('CREATE FUNCTION house.operate(%s, %s, OUT %s) LANGUAGE plpgsql AS $$ BEGIN PERFORM house.spring(%L); END $$',
                       p.l, p.r, p.result, format('%s %s %s', p.l, p.oprname, p.r));
        EXECUTE format('CREATE OPERATOR house.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = house.operate)', p.oprname, p.l, p.r);
        EXECUTE format('ALTER FUNCTION house.operate(%s, %s) RENAME TO %I', p.l, p.r, 'operate_' || p.oprname);
    END LOOP;
END
$do$;
RESET ROLE;

-- A call of one of our functions, with an argument of each type.
CREATE FUNCTION t.call_of(function oid)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT format('%s(%s)', f.oid::regproc,
                  (SELECT string_agg(CASE
                              WHEN y.typtype = 'e' THEN format('%L::%s', (SELECT e.enumlabel FROM pg_catalog.pg_enum e WHERE e.enumtypid = y.oid ORDER BY e.enumsortorder LIMIT 1), a::regtype)
                              WHEN y.typname = 'verdict' THEN 'ROW(true, NULL, NULL)::screissue.verdict'
                              WHEN y.typname = 'card_id' THEN format('%L::screissue.card_id', CASE WHEN f.proargnames[n] ~ 'new' THEN 'CARD-Z' ELSE 'CARD-B' END)
                              WHEN y.typname = 'app_id' THEN '''D276AB0085CD01''::screissue.app_id'
                              WHEN y.typname = 'message_id' THEN '''BANKJP/METRO/1''::screissue.message_id'
                              WHEN y.typname = 'company_id' THEN format('%L::screissue.company_id', CASE WHEN f.proargnames[n] = 'issuer' THEN 'BANKJP' ELSE 'METRO' END)
                              WHEN y.typname = 'card_attribute' THEN '''ecies-x25519:1:00''::screissue.card_attribute'
                              WHEN f.proargnames[n] = 'role_name' THEN '''clerk'''
                              WHEN f.proargnames[n] = 'delivery' THEN '''push'''
                              WHEN f.proargnames[n] = 'scheme' THEN '''ecies-x25519'''
                              WHEN f.proargnames[n] = 'event' THEN '''load'''
                              WHEN f.proargnames[n] = 'examination' THEN '''new'''
                              WHEN f.proargnames[n] = 'currency' THEN '''JPY'''
                              WHEN f.proargnames[n] IN ('server', 'subscription') THEN 'NULL'
                              WHEN f.proargnames[n] = 'kind' THEN '''reissue'''
                              WHEN f.proargnames[n] = 'platform_type' THEN format('100::%s', a::regtype)
                              WHEN f.proargnames[n] = 'carrier' THEN '''file'''
                              WHEN y.typcategory = 'A' THEN format('%L::%s', '{}', a::regtype)
                              WHEN y.typname IN ('int8', 'int4', 'numeric') THEN format('1::%s', a::regtype)
                              WHEN y.typname = 'bool' THEN 'true'
                              WHEN y.typname IN ('date', 'timestamptz') THEN format('%L::%s', 'tomorrow', a::regtype)
                              WHEN y.typname = 'interval' THEN '''1 day''::pg_catalog.interval'
                              WHEN y.typname IN ('json', 'jsonb') THEN format('%L::%s', '{}', a::regtype)
                              WHEN y.typname = 'regprocedure' THEN '''card_issuer.default_policy(jsonb)''::pg_catalog.regprocedure'
                              ELSE '''BANKJP''' END, ', ' ORDER BY n)
                     FROM unnest(f.proargtypes) WITH ORDINALITY u (a, n) JOIN pg_catalog.pg_type y ON y.oid = u.a))
      FROM pg_catalog.pg_proc f
     WHERE f.oid = function
$$;

-- What is sprung by a call or a look at a view, made by a role (NULL: by a superuser)
-- who has the attacker's house in its path, before all others.
CREATE FUNCTION t.sprung_by(call text, role_name name)
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    before CONSTANT bigint := nextval('t.sprung');
    state text := 'no error';
    message text := '';
    traps text;
BEGIN
    BEGIN
        PERFORM set_config('role', coalesce(role_name, 'none'), true);
        PERFORM set_config('search_path', 'house, public, pg_catalog, screissue, pg_temp', true);
        EXECUTE pg_catalog.format('SELECT pg_catalog.count(*) FROM %s', call);
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
    END;
    PERFORM pg_catalog.set_config('search_path', 'screissue, public', true);
    PERFORM pg_catalog.set_config('role', 'none', true);
    -- What is wrong with the call itself would be no attack.
    IF state IN ('42601', '42703', '42883', '42P01') THEN
        RETURN state || ' ' || message;
    END IF;
    IF nextval('t.sprung') = before + 1 THEN
        RETURN NULL;
    END IF;
    traps := (SELECT string_agg(DISTINCT r.what || ' as ' || r.as_role, ', ') FROM t.trap r);
    DELETE FROM t.trap;
    RETURN coalesce(traps, 'something') || ' (' || state || ')';
END
$$;

-- What is sprung by the calls that a role has in these schemas, or by a look at a view.
CREATE FUNCTION t.sprung_in(schemas regnamespace[], role_name name)
    RETURNS TABLE (call text, sprung text)
    LANGUAGE sql
AS $$
    SELECT c.call, s.sprung
      FROM (SELECT t.call_of(p.oid) AS call
              FROM t.our_function p
             WHERE p.prokind = 'f' AND p.prorettype <> 'trigger'::regtype
               AND NOT (p.prorettype = 'record'::regtype AND p.proallargtypes IS NULL)
               AND p.pronamespace = ANY (schemas)
               AND has_function_privilege(coalesce(role_name, 'postgres'), p.oid, 'EXECUTE')
             UNION ALL
            SELECT c.oid::regclass::text
              FROM pg_class c
             WHERE c.relkind = 'v' AND c.relnamespace = ANY (schemas)) c
     CROSS JOIN LATERAL t.sprung_by(c.call, role_name) s (sprung)
     WHERE s.sprung IS NOT NULL
$$;
