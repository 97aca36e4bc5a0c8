-- Setting up a card issuer

-- Makes the tables of a card issuer, or migrates them after an upgrade; once
-- that is done it changes nothing but the name.  The tables belong to the
-- owner of the extension.
-- Errors: SR009 set up as another company; 42501 a table belongs to a role
-- that is not superuser, or others may write to it; 22023 not UTF8; 55000
-- inside an extension script; 0A000 partitions.
CREATE FUNCTION card_issuer.setup(
    company screissue.company_id,
    name text,
    partitions integer DEFAULT 0)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    self record;
BEGIN
    PERFORM screissue.require('company', setup.company IS NOT NULL);
    PERFORM screissue.require('name', setup.name IS NOT NULL);
    PERFORM screissue.require('partitions', setup.partitions IS NOT NULL);
    IF setup.partitions <> 0 THEN
        RAISE EXCEPTION 'partitioned card tables are not supported'
            USING ERRCODE = '0A000',
                  HINT = 'Leave "partitions" at 0.';
    END IF;
    PERFORM screissue.begin_setup();

    IF to_regclass('card_issuer.self') IS NULL THEN
        PERFORM card_issuer.layout_1();
        PERFORM screissue.revoke_tables('card_issuer');
        PERFORM card_issuer.create_registry_triggers();
        PERFORM screissue.enable_triggers();
        INSERT INTO card_issuer.self (company_id, name, partitions, layout)
        VALUES (setup.company, setup.name, setup.partitions, 1);
        PERFORM card_issuer.create_inquiry_sequence(setup.company);
        RETURN;
    END IF;

    SELECT s.company_id, s.name, s.partitions INTO STRICT self
      FROM card_issuer.self s;
    IF self.company_id <> setup.company
       OR self.partitions <> setup.partitions THEN
        RAISE EXCEPTION 'card issuer is already set up as company "%"',
            self.company_id
            USING ERRCODE = 'SR009',
                  HINT = 'Company and partitions cannot change later.';
    END IF;
    PERFORM screissue.enable_triggers();
    UPDATE card_issuer.self s SET name = setup.name
     WHERE s.name <> setup.name;
END
$$;
COMMENT ON FUNCTION
    card_issuer.setup(screissue.company_id, text, integer) IS
    'make or migrate the tables of a card issuer';

-- The company id of this issuer; raises SR001 before setup.
CREATE FUNCTION card_issuer.own_company()
    RETURNS screissue.company_id
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF to_regclass('card_issuer.self') IS NULL THEN
        RAISE EXCEPTION 'no card issuer is set up in this database'
            USING ERRCODE = 'SR001',
                  HINT = 'Call card_issuer.setup(company, name) first.';
    END IF;
    RETURN (SELECT s.company_id FROM card_issuer.self s);
END
$$;
COMMENT ON FUNCTION card_issuer.own_company() IS
    'company id of this card issuer';
