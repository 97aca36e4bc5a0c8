-- Applications that are known to be legitimate (R6)

-- Registers an application of a provider or updates its row; a withdrawn one
-- is in force again.  load_file_sha256, when given, is what a permission for
-- another load file is refused by.
-- Errors: SR002 unknown provider; 23505 another provider's; 22023.
CREATE FUNCTION card_issuer.register_application(
    app screissue.app_id,
    provider screissue.company_id,
    name text,
    load_file_sha256 bytea DEFAULT NULL,
    examination text DEFAULT 'substitute',
    max_examination_age interval DEFAULT NULL)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('app', register_application.app IS NOT NULL);
    PERFORM screissue.require('name', register_application.name IS NOT NULL);
    PERFORM card_issuer.require_provider(register_application.provider);
    IF octet_length(register_application.load_file_sha256) <> 32 THEN
        RAISE EXCEPTION 'load_file_sha256 must have 32 bytes, not %',
            octet_length(register_application.load_file_sha256)
            USING ERRCODE = '22023';
    END IF;
    PERFORM screissue.require_examination_mode(
        register_application.examination,
        register_application.max_examination_age);

    INSERT INTO card_issuer.application AS a
           (app_id, provider, name, load_file_sha256, examination_mode,
            max_examination_age)
    VALUES (register_application.app, register_application.provider,
            register_application.name, register_application.load_file_sha256,
            register_application.examination,
            register_application.max_examination_age)
        ON CONFLICT ON CONSTRAINT application_pkey DO UPDATE
       SET name = excluded.name,
           load_file_sha256 = excluded.load_file_sha256,
           examination_mode = excluded.examination_mode,
           max_examination_age = excluded.max_examination_age,
           withdrawn_at = NULL
     WHERE a.provider = excluded.provider;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'application "%" belongs to another provider',
            register_application.app
            USING ERRCODE = '23505';
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.register_application(
    screissue.app_id, screissue.company_id, text, bytea, text, interval) IS
    'register an application of a service provider';

-- Moves an application to another provider (E14: a merger, a sale).  Rights and
-- notices follow it: from now on that provider is told of, may ask for and may
-- reload what was loaded under permissions of the former one, who may not any
-- more.  Entitlements not yet used are notified to the new provider, who must
-- have accepted the transfer on its side (service_provider.accept_transfer).
-- What was charged stays charged to whom the permission was given.  Repeatable.
-- Errors: SR002 unknown provider; SR003 unknown application; 22023.
CREATE FUNCTION card_issuer.transfer_application(
    app screissue.app_id,
    provider screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    former screissue.company_id;
BEGIN
    PERFORM card_issuer.own_company();
    -- First, so that the former provider is the one whose turn we take.
    PERFORM
       FROM card_issuer.application a
      WHERE a.app_id = transfer_application.app
        FOR NO KEY UPDATE;
    former := (card_issuer.get_application(transfer_application.app)).provider;
    PERFORM card_issuer.require_provider(transfer_application.provider);
    PERFORM card_issuer.take_turn(p.provider)
       FROM (SELECT unnest(ARRAY[former, transfer_application.provider])
              ORDER BY 1) p (provider);
    UPDATE card_issuer.application a
       SET provider = transfer_application.provider
     WHERE a.app_id = transfer_application.app
       AND a.provider <> transfer_application.provider;
    IF FOUND THEN
        PERFORM card_issuer.write_missed_notices(transfer_application.provider);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.transfer_application(
    screissue.app_id, screissue.company_id) IS
    'move an application to another provider (E14)';

-- Takes an application from registration: no permissions and no replies any
-- more (E13).  Repeatable.  Errors: SR003 unknown.
CREATE FUNCTION card_issuer.withdraw_application(app screissue.app_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.get_application(withdraw_application.app);
    UPDATE card_issuer.application a SET withdrawn_at = now()
     WHERE a.app_id = withdraw_application.app
       AND a.withdrawn_at IS NULL;
END
$$;
COMMENT ON FUNCTION card_issuer.withdraw_application(screissue.app_id) IS
    'withdraw an application from registration';
