-- Card issuers, and who may act at this provider

-- R4: the contract with a card issuer.  Binds the one subscription that may
-- speak for this issuer and the foreign server over which it is asked; both
-- may be created later, but the server is used with the rights of the
-- extension's owner, so who is no superuser must have the right to use it.
-- Called again it replaces all that it takes.
-- Errors: 23505 the subscription is bound to another issuer; 42704 no such
-- server; 42501 no right to use it.
CREATE FUNCTION service_provider.register_issuer(
    issuer screissue.company_id,
    name text,
    subscription name DEFAULT NULL,
    server name DEFAULT NULL,
    contract_until date DEFAULT NULL)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    bound_to screissue.company_id;
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('issuer', register_issuer.issuer IS NOT NULL);
    PERFORM screissue.require('name', register_issuer.name IS NOT NULL);

    SELECT i.issuer INTO bound_to
      FROM service_provider.issuer i
     WHERE i.subscription = register_issuer.subscription
       AND i.issuer <> register_issuer.issuer;
    IF FOUND THEN
        RAISE EXCEPTION 'subscription "%" is bound to issuer "%"',
            subscription, bound_to
            USING ERRCODE = '23505',
                  HINT = 'Each issuer needs a subscription of its own.';
    END IF;

    PERFORM service_provider.require_server_right(register_issuer.server);

    INSERT INTO service_provider.issuer AS i
        (issuer, name, subscription, server, contract_until)
    VALUES (register_issuer.issuer, register_issuer.name,
            register_issuer.subscription, register_issuer.server,
            register_issuer.contract_until)
    ON CONFLICT ON CONSTRAINT issuer_pkey DO UPDATE
       SET name = EXCLUDED.name,
           subscription = EXCLUDED.subscription,
           server = EXCLUDED.server,
           contract_until = EXCLUDED.contract_until;
END
$$;
COMMENT ON FUNCTION service_provider.register_issuer(
    screissue.company_id, text, name, name, date) IS
    'contract with a card issuer, its subscription and its server';

-- Raises 42501, or 42704 if there is no such server, unless the caller is a
-- superuser or may use the server; 42501, too, if a lesser role owns it.
CREATE FUNCTION service_provider.require_server_right(server name)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF server IS NOT NULL
       AND NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = calling_role())
       AND NOT has_server_privilege(calling_role(), server, 'USAGE') THEN
        RAISE EXCEPTION 'permission denied for foreign server "%"', server
            USING ERRCODE = '42501';
    END IF;
    IF EXISTS (SELECT FROM pg_foreign_server s
                WHERE s.srvname = require_server_right.server) THEN
        PERFORM screissue.connection_name(server);
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.require_server_right(name) IS
    'check that the caller may use a foreign server';

-- Raises SR002 unless there is, or was, a contract with the issuer.
CREATE FUNCTION service_provider.require_issuer(issuer screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM service_provider.issuer i
                   WHERE i.issuer = require_issuer.issuer) THEN
        RAISE EXCEPTION 'unknown issuer "%"', issuer
            USING ERRCODE = 'SR002',
                  HINT = 'Call service_provider.register_issuer() first.';
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.require_issuer(screissue.company_id) IS
    'check that an issuer is registered';

-- Lets a role call everything but setup, and read the views.
-- Errors: 42704 if there is no such role.
CREATE FUNCTION service_provider.grant_operator(role_name name)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    api CONSTANT text[] := ARRAY[
        'accept_transfer', 'backfill', 'complete_reload', 'digest', 'digests',
        'dismiss_notice', 'examine_reload', 'explain_decision',
        'export_inquiry', 'find_load', 'grant_auditor', 'grant_operator',
        'import_notices', 'import_permissions', 'import_replies',
        'missing_notices', 'pull_notices', 'receive_notice',
        'received_notices', 'record_examination', 'record_load',
        'record_reply', 'record_unload', 'register_application',
        'register_certificate', 'register_issuer', 'request_reload',
        'retry_notice', 'revoke_certificate', 'send_confirmations',
        'set_tariff', 'type_notice', 'type_permission', 'type_reply',
        'withdraw_application'];
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('role_name', grant_operator.role_name IS NOT NULL);
    PERFORM screissue.require_role(grant_operator.role_name);

    PERFORM screissue.grant_calls('service_provider',
                                  grant_operator.role_name, api);
    EXECUTE format('GRANT SELECT ON service_provider.reissue_pair,'
                   ' service_provider.masked_reissue_pair,'
                   ' service_provider.unconfirmed_load,'
                   ' service_provider.arrival, service_provider.notice_gap,'
                   ' service_provider.quarantine, service_provider.intake,'
                   ' service_provider.charge,'
                   ' service_provider.statement,'
                   ' screissue.certificate TO %I',
                   grant_operator.role_name);
END
$$;
COMMENT ON FUNCTION service_provider.grant_operator(name) IS
    'rights of an operator: every function but setup, and the views';

-- E60: lets a role see which cards were reissued and what is in quarantine, with
-- masked ids, and what is charged and what comes in, which show none.
-- Errors: 42704 if there is no such role.
CREATE FUNCTION service_provider.grant_auditor(role_name name)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('role_name', grant_auditor.role_name IS NOT NULL);
    PERFORM screissue.require_role(grant_auditor.role_name);

    EXECUTE format('GRANT USAGE ON SCHEMA service_provider TO %I',
                   grant_auditor.role_name);
    EXECUTE format('GRANT SELECT ON service_provider.masked_reissue_pair,'
                   ' service_provider.arrival, service_provider.notice_gap,'
                   ' service_provider.quarantine, service_provider.intake,'
                   ' service_provider.charge,'
                   ' service_provider.statement TO %I',
                   grant_auditor.role_name);
END
$$;
COMMENT ON FUNCTION service_provider.grant_auditor(name) IS
    'rights of an auditor: the views that show no whole card id';
