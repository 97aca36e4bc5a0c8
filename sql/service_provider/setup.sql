-- Setting up a service provider

-- Makes the tables of a service provider, or migrates them after an upgrade;
-- once that is done it changes nothing but the name.  The tables belong to the
-- owner of the extension.
-- Errors: SR009 set up as another company; 42501 something of ours belongs to a role
-- that is not superuser, or others may write to it; 22023 not UTF8; 55000
-- inside an extension script.
CREATE FUNCTION service_provider.setup(
    company screissue.company_id,
    name text)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    self record;
    newest integer;
BEGIN
    PERFORM screissue.require('company', setup.company IS NOT NULL);
    PERFORM screissue.require('name', setup.name IS NOT NULL);
    PERFORM screissue.begin_setup();

    IF to_regclass('service_provider.self') IS NULL THEN
        PERFORM screissue.run_layout(service_provider.layout_1());
        PERFORM screissue.revoke_tables('service_provider');
        PERFORM service_provider.create_landing_triggers();
        PERFORM screissue.enable_triggers();
        INSERT INTO service_provider.self (company_id, name, layout)
        VALUES (setup.company, setup.name,
                screissue.migrate('service_provider', 1));
        RETURN;
    END IF;

    SELECT s.company_id, s.name, s.layout INTO STRICT self
      FROM service_provider.self s;
    IF self.company_id <> setup.company THEN
        RAISE EXCEPTION 'service provider is already set up as company "%"',
            self.company_id
            USING ERRCODE = 'SR009',
                  HINT = 'The company cannot change later.';
    END IF;
    newest := screissue.migrate('service_provider', self.layout);
    PERFORM screissue.enable_triggers();
    UPDATE service_provider.self s SET name = setup.name, layout = newest
     WHERE s.name <> setup.name OR s.layout <> newest;
END
$$;
COMMENT ON FUNCTION
    service_provider.setup(screissue.company_id, text) IS
    'make or migrate the tables of a service provider';

-- The company id of this provider; raises SR001 before setup.
CREATE FUNCTION service_provider.own_company()
    RETURNS screissue.company_id
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF to_regclass('service_provider.self') IS NULL THEN
        RAISE EXCEPTION 'no service provider is set up in this database'
            USING ERRCODE = 'SR001',
                  HINT = 'Call service_provider.setup(company, name) first.';
    END IF;
    RETURN (SELECT s.company_id FROM service_provider.self s);
END
$$;
COMMENT ON FUNCTION service_provider.own_company() IS
    'company id of this service provider';
