-- Applications of this provider

-- An application and how its examinations may be reused at a reload (claim
-- 12): substitute (reuse the old one), refer (look at it, judge anew) or new.
-- max_examination_age bounds substitution (E49).  Called again it replaces
-- all that it takes and ends a withdrawal.
-- Errors: 22023 for another mode or an age below zero.
CREATE FUNCTION service_provider.register_application(
    app screissue.app_id,
    name text,
    examination text DEFAULT 'substitute',
    max_examination_age interval DEFAULT NULL)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('app', register_application.app IS NOT NULL);
    PERFORM screissue.require('name', register_application.name IS NOT NULL);
    PERFORM screissue.require_examination_mode(
        register_application.examination,
        register_application.max_examination_age);

    INSERT INTO service_provider.application AS a
        (app_id, name, examination_mode, max_examination_age)
    VALUES (register_application.app, register_application.name,
            register_application.examination,
            register_application.max_examination_age)
    ON CONFLICT ON CONSTRAINT application_pkey DO UPDATE
       SET name = EXCLUDED.name,
           examination_mode = EXCLUDED.examination_mode,
           max_examination_age = EXCLUDED.max_examination_age,
           withdrawn_at = NULL;
END
$$;
COMMENT ON FUNCTION service_provider.register_application(
    screissue.app_id, text, text, interval) IS
    'application of this provider and its examination mode';

-- E13: the application is reloaded no more.  Repeated: nothing happens.
-- Errors: SR003 if there is no such application.
CREATE FUNCTION service_provider.withdraw_application(app screissue.app_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('app', withdraw_application.app IS NOT NULL);
    PERFORM service_provider.require_application(withdraw_application.app);

    UPDATE service_provider.application a
       SET withdrawn_at = now()
     WHERE a.app_id = withdraw_application.app
       AND a.withdrawn_at IS NULL;
END
$$;
COMMENT ON FUNCTION
    service_provider.withdraw_application(screissue.app_id) IS
    'end of an application';

-- E14: the application was another provider's, and the issuer has transferred
-- it to us, or is about to: loading permissions for it that carry that
-- provider's company id are ours now.  Without this record none is believed.
-- Repeated: nothing happens.
-- Errors: SR003 if there is no such application; 22023 if the provider is
-- ourselves.
CREATE FUNCTION service_provider.accept_transfer(
    app screissue.app_id,
    provider screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    self CONSTANT screissue.company_id := service_provider.own_company();
BEGIN
    PERFORM screissue.require('app', accept_transfer.app IS NOT NULL);
    PERFORM screissue.require('provider', accept_transfer.provider IS NOT NULL);
    PERFORM service_provider.require_application(accept_transfer.app);
    IF accept_transfer.provider = self THEN
        RAISE EXCEPTION 'provider "%" is this one', self
            USING ERRCODE = '22023',
                  HINT = 'Give the provider that had the application before.';
    END IF;

    INSERT INTO service_provider.former_provider
        (app_id, provider, accepted_at, accepted_by)
    VALUES (accept_transfer.app, accept_transfer.provider, now(),
            calling_role())
    ON CONFLICT ON CONSTRAINT former_provider_pkey DO NOTHING;
END
$$;
COMMENT ON FUNCTION service_provider.accept_transfer(
    screissue.app_id, screissue.company_id) IS
    'application that was another provider''s before';

-- Raises SR003 unless the application is registered, withdrawn or not.
CREATE FUNCTION service_provider.require_application(app screissue.app_id)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM service_provider.application a
                   WHERE a.app_id = require_application.app) THEN
        RAISE EXCEPTION 'unknown application "%"', app
            USING ERRCODE = 'SR003',
                  HINT = 'Call service_provider.register_application() first.';
    END IF;
END
$$;
COMMENT ON FUNCTION
    service_provider.require_application(screissue.app_id) IS
    'check that an application is registered';
