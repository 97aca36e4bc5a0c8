-- Setting up a card issuer

-- Makes the tables of a card issuer, or migrates them after an upgrade; once
-- that is done it changes nothing but the name.  The tables belong to the
-- owner of the extension.  partitions: of each card table, by the hash of the
-- card id; 0 = not partitioned, or as they are.
-- Errors: SR009 set up as another company, or with other partitions; 42501
-- something of ours belongs to a role that is not superuser, or others may write to it;
-- 22023 not UTF8, or partitions not within 0 and 1024; 55000 inside an extension
-- script.
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
    newest integer;
BEGIN
    PERFORM screissue.require('company', setup.company IS NOT NULL);
    PERFORM screissue.require('name', setup.name IS NOT NULL);
    PERFORM screissue.require('partitions', setup.partitions IS NOT NULL);
    IF setup.partitions NOT BETWEEN 0 AND 1024 THEN
        RAISE EXCEPTION 'partitions must be within 0 and 1024, not %',
            setup.partitions
            USING ERRCODE = '22023';
    END IF;
    PERFORM screissue.begin_setup();

    IF to_regclass('card_issuer.self') IS NULL THEN
        PERFORM screissue.run_layout(card_issuer.layout_1(),
                                     setup.partitions > 0);
        PERFORM card_issuer.create_partitions(setup.partitions);
        PERFORM screissue.revoke_tables('card_issuer');
        PERFORM card_issuer.create_registry_triggers();
        PERFORM screissue.enable_triggers();
        INSERT INTO card_issuer.self (company_id, name, partitions, layout)
        VALUES (setup.company, setup.name, setup.partitions,
                screissue.migrate('card_issuer', 1));
        PERFORM card_issuer.create_inquiry_sequence(setup.company);
        RETURN;
    END IF;

    SELECT s.company_id, s.name, s.partitions, s.layout INTO STRICT self
      FROM card_issuer.self s;
    IF self.company_id <> setup.company THEN
        RAISE EXCEPTION 'card issuer is already set up as company "%"',
            self.company_id
            USING ERRCODE = 'SR009',
                  HINT = 'The company cannot change later.';
    ELSIF setup.partitions NOT IN (0, self.partitions) THEN
        RAISE EXCEPTION 'card issuer is already set up with % partitions',
            self.partitions
            USING ERRCODE = 'SR009',
                  HINT = 'Their number cannot change later.';
    END IF;
    newest := screissue.migrate('card_issuer', self.layout);
    PERFORM screissue.enable_triggers();
    UPDATE card_issuer.self s SET name = setup.name, layout = newest
     WHERE s.name <> setup.name OR s.layout <> newest;
END
$$;
COMMENT ON FUNCTION
    card_issuer.setup(screissue.company_id, text, integer) IS
    'make or migrate the tables of a card issuer';

-- Makes the partitions of the card tables, if they are to have any.  Rows of
-- cards are updated once or twice: a page keeps room for that.
CREATE FUNCTION card_issuer.create_partitions(partitions integer)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    card_table text;
    leaf regclass;
BEGIN
    FOREACH card_table IN ARRAY ARRAY['card', 'app_load', 'entitlement',
        'reissue_request', 'examination', 'opt_out']
    LOOP
        FOR remainder IN 0 .. create_partitions.partitions - 1 LOOP
            EXECUTE format('CREATE TABLE card_issuer.%I'
                           ' PARTITION OF card_issuer.%I'
                           ' FOR VALUES WITH (MODULUS %s, REMAINDER %s)',
                           card_table || '_' || remainder, card_table,
                           create_partitions.partitions, remainder);
        END LOOP;
    END LOOP;
    FOR leaf IN
        SELECT c.oid
          FROM pg_class c
         WHERE c.relnamespace = 'card_issuer'::regnamespace
           AND c.relkind = 'r'
           AND c.relname ~ '^card(_[0-9]+)?$'
    LOOP
        EXECUTE format('ALTER TABLE %s SET (fillfactor = 90)', leaf);
    END LOOP;
END
$$;
COMMENT ON FUNCTION card_issuer.create_partitions(integer) IS
    'make the partitions of the card tables, for setup()';

-- The company id of this issuer; raises SR001 before setup.
CREATE FUNCTION card_issuer.own_company()
    RETURNS screissue.company_id
    LANGUAGE c
    STABLE
    AS 'MODULE_PATHNAME', 'screissue_own_company';
COMMENT ON FUNCTION card_issuer.own_company() IS
    'company id of this card issuer';
