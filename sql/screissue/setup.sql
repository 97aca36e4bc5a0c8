-- What both setup() functions share

-- Raises unless tables may be made here and now: not inside an extension
-- script (they would become members), only in UTF8, and only if nobody else
-- has rights on what is there.  Makes the tables of schema screissue.
CREATE FUNCTION screissue.begin_setup()
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF screissue.in_extension_script() THEN
        RAISE EXCEPTION 'setup cannot run inside an extension script'
            USING ERRCODE = '55000',
                  HINT = 'Call it after CREATE EXTENSION has finished.';
    END IF;
    IF getdatabaseencoding() <> 'UTF8' THEN
        RAISE EXCEPTION 'database encoding "%" is not supported',
            getdatabaseencoding()
            USING ERRCODE = '22023',
                  HINT = 'Create the database with ENCODING UTF8.';
    END IF;

    -- Two sessions that set up at once take turns.
    PERFORM pg_advisory_xact_lock(hashtextextended('screissue.setup', 0));

    PERFORM screissue.check_owners();
    PERFORM screissue.check_privileges();
    IF to_regclass('screissue.platform') IS NULL THEN
        PERFORM screissue.run_layout(screissue.layout_1());
        PERFORM screissue.revoke_tables('screissue');
    END IF;
END
$$;
COMMENT ON FUNCTION screissue.begin_setup() IS
    'checks before setup, and the tables of schema screissue';

-- Runs the statements of a layout; /* PARTITION BY ... */ comes into force where
-- the tables are to be partitioned.
CREATE FUNCTION screissue.run_layout(
    ddl text,
    partitioned boolean DEFAULT false)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF partitioned THEN
        ddl := regexp_replace(ddl, '/[*] (PARTITION BY .*?) [*]/', E'\\1', 'g');
    END IF;
    EXECUTE ddl;
END
$$;
COMMENT ON FUNCTION screissue.run_layout(text, boolean) IS
    'make the tables of a layout, for setup()';

-- Runs the layouts of a schema that have not run yet, layout being the last one
-- that has, and returns the number of the last one.  What default privileges
-- gave to others on what they make is taken back.
CREATE FUNCTION screissue.migrate(schema_name name, layout integer)
    RETURNS integer
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    known CONSTANT oid[] := ARRAY(
        SELECT c.oid
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = migrate.schema_name);
    next_layout text;
    ddl text;
BEGIN
    LOOP
        next_layout := format('%I.layout_%s()', migrate.schema_name,
                              migrate.layout + 1);
        EXIT WHEN to_regprocedure(next_layout) IS NULL;
        EXECUTE 'SELECT ' || next_layout INTO ddl;
        PERFORM screissue.run_layout(ddl);
        migrate.layout := migrate.layout + 1;
    END LOOP;
    PERFORM screissue.revoke_relation(c.oid)
       FROM pg_class c
       JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = migrate.schema_name
        AND c.relacl IS NOT NULL
        AND c.oid <> ALL (known);
    RETURN migrate.layout;
END
$$;
COMMENT ON FUNCTION screissue.migrate(name, integer) IS
    'run the layouts that have not run yet, for setup()';

-- Raises 42501 if something of ours belongs to a lesser role: the triggers of a
-- relation, what is in a schema, the body of a function and the casts of a type
-- would run with our rights.
CREATE FUNCTION screissue.check_owners()
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    stray record;
BEGIN
    SELECT o.object, r.rolname
      INTO stray
      FROM pg_namespace n
     CROSS JOIN LATERAL
           (SELECT format('schema "%s"', n.nspname) AS object, n.nspowner AS owner
             UNION ALL
            SELECT format('relation "%s.%s"', n.nspname, c.relname), c.relowner
              FROM pg_class c
             WHERE c.relnamespace = n.oid
               AND c.relkind NOT IN ('c', 'i', 'I')
             UNION ALL
            SELECT format('function "%s.%s"', n.nspname, p.proname), p.proowner
              FROM pg_proc p
             WHERE p.pronamespace = n.oid
             UNION ALL
            SELECT format('type "%s.%s"', n.nspname, t.typname), t.typowner
              FROM pg_type t
              LEFT JOIN pg_class c ON c.oid = t.typrelid
             WHERE t.typnamespace = n.oid
               AND t.typelem = 0
               AND coalesce(c.relkind = 'c', true)) o
      JOIN pg_roles r ON r.oid = o.owner
     WHERE n.nspname IN ('screissue', 'card_issuer', 'service_provider')
       AND NOT r.rolsuper
     ORDER BY o.object
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% belongs to role "%", which is not superuser',
            stray.object, stray.rolname
            USING ERRCODE = '42501',
                  HINT = 'Give it back to the owner of the extension.';
    END IF;
END
$$;
COMMENT ON FUNCTION screissue.check_owners() IS
    'check that what is ours belongs to superusers';

-- Raises 42501 if anybody but the owner has more than SELECT on a relation of
-- ours, or CREATE on a schema.  Columns of batches are for operators to fill.
CREATE FUNCTION screissue.check_privileges()
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    stray record;
BEGIN
    SELECT g.object, g.privilege_type, g.grantee
      INTO stray
      FROM (SELECT format('relation "%s.%s"', n.nspname, c.relname) AS object,
                   x.privilege_type, x.grantee
              FROM pg_class c
              JOIN pg_namespace n ON n.oid = c.relnamespace
             CROSS JOIN LATERAL
                   (SELECT r.* FROM aclexplode(c.relacl) r
                     UNION ALL
                    SELECT r.*
                      FROM pg_attribute a
                     CROSS JOIN aclexplode(a.attacl) r
                     WHERE a.attrelid = c.oid
                       AND (n.nspname <> 'card_issuer'
                            OR c.relname NOT IN ('reissue_batch',
                                                 'reissue_batch_item')
                            OR r.privilege_type <> 'INSERT')) x
             WHERE n.nspname IN ('screissue', 'card_issuer', 'service_provider')
               AND x.grantee <> c.relowner
               AND x.privilege_type <> 'SELECT'
             UNION ALL
            SELECT format('schema "%s"', n.nspname), x.privilege_type, x.grantee
              FROM pg_namespace n
             CROSS JOIN aclexplode(n.nspacl) x
             WHERE n.nspname IN ('screissue', 'card_issuer', 'service_provider')
               AND x.grantee <> n.nspowner
               AND x.privilege_type <> 'USAGE') g
     ORDER BY g.object, g.privilege_type, g.grantee
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% has % on %', screissue.grantee_name(stray.grantee),
            stray.privilege_type, stray.object
            USING ERRCODE = '42501',
                  HINT = 'Revoke it: with it others could act with the rights of the extension.';
    END IF;
END
$$;
COMMENT ON FUNCTION screissue.check_privileges() IS
    'check that nobody else may write to our relations';

-- Lets our triggers fire whatever session_replication_role is: in the workers of
-- subscriptions, and while a restore is under way.  A restore that disabled and
-- enabled triggers has left them otherwise.
CREATE FUNCTION screissue.enable_triggers()
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    command text;
BEGIN
    FOR command IN
        SELECT format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I',
                      t.tgrelid::regclass, t.tgname)
          FROM pg_trigger t
          JOIN pg_proc p ON p.oid = t.tgfoid
          JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE n.nspname IN ('card_issuer', 'service_provider')
           AND t.tgenabled <> 'A'
         ORDER BY 1
    LOOP
        EXECUTE command;
    END LOOP;
END
$$;
COMMENT ON FUNCTION screissue.enable_triggers() IS
    'let our triggers fire always, for setup()';

-- Takes the rights of an access list from all but the owner of what it is of; object
-- is that as REVOKE wants it.
CREATE FUNCTION screissue.revoke_rights(object text, acl aclitem[], owner oid)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    grantee oid;
BEGIN
    FOR grantee IN
        SELECT DISTINCT x.grantee
          FROM aclexplode(acl) x
         WHERE x.grantee <> owner
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM %s',
                       object, screissue.grantee_name(grantee));
    END LOOP;
END
$$;
COMMENT ON FUNCTION screissue.revoke_rights(text, aclitem[], oid) IS
    'take all rights on an object from others';

-- Takes all rights on a relation from all but its owner: what ALTER DEFAULT
-- PRIVILEGES may have given when it was made.
CREATE FUNCTION screissue.revoke_relation(relation regclass)
    RETURNS void
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT screissue.revoke_rights(c.oid::regclass::text, c.relacl, c.relowner)
      FROM pg_class c
     WHERE c.oid = relation
$$;
COMMENT ON FUNCTION screissue.revoke_relation(regclass) IS
    'take all rights on a relation from others';

-- The same for all relations of a schema.
CREATE FUNCTION screissue.revoke_tables(schema_name name)
    RETURNS void
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT screissue.revoke_relation(c.oid)
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = schema_name
       AND c.relacl IS NOT NULL
$$;
COMMENT ON FUNCTION screissue.revoke_tables(name) IS
    'take all rights on the relations of a schema from others';

-- The same on a routine, PUBLIC's among them; for one that an upgrade adds.
CREATE FUNCTION screissue.revoke_routine(routine regprocedure)
    RETURNS void
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT screissue.revoke_rights(
               format('ROUTINE %s', p.oid::regprocedure),
               coalesce(p.proacl, acldefault('f', p.proowner)), p.proowner)
      FROM pg_proc p
     WHERE p.oid = routine
$$;
COMMENT ON FUNCTION screissue.revoke_routine(regprocedure) IS
    'take all rights on a routine from others, for an upgrade';

-- A grantee as GRANT and REVOKE want it.
CREATE FUNCTION screissue.grantee_name(grantee oid)
    RETURNS text
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN grantee = 0 THEN 'PUBLIC'
                ELSE quote_ident(pg_get_userbyid(grantee)) END
$$;
COMMENT ON FUNCTION screissue.grantee_name(oid) IS
    'name of a grantee, quoted';
