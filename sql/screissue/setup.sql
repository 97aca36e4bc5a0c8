-- What both setup() functions share

-- Raises unless tables may be made here and now: not inside an extension
-- script (they would become members), only in UTF8, and only if no relation
-- of ours belongs to a lesser role (its triggers would run with our rights).
-- Makes the tables of schema screissue.
CREATE FUNCTION screissue.begin_setup()
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    stray record;
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

    SELECT n.nspname, c.relname, r.rolname
      INTO stray
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_roles r ON r.oid = c.relowner
     WHERE n.nspname IN ('screissue', 'card_issuer', 'service_provider')
       AND c.relkind NOT IN ('c', 'i', 'I')
       AND NOT r.rolsuper
     ORDER BY n.nspname, c.relname
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'relation "%.%" belongs to role "%", which is not superuser',
            stray.nspname, stray.relname, stray.rolname
            USING ERRCODE = '42501',
                  HINT = 'Give it back to the owner of the extension.';
    END IF;

    IF to_regclass('screissue.platform') IS NULL THEN
        PERFORM screissue.layout_1();
    END IF;
END
$$;
COMMENT ON FUNCTION screissue.begin_setup() IS
    'checks before setup, and the tables of schema screissue';
