-- Contracts with service providers (R4, R5)

-- Registers a provider or changes its contract, and gives its role the calls
-- that a provider may make, no more.  A change that puts the contract in
-- force again, or delivery from on_request to push or pull, writes the
-- notices held back (R30).
-- Errors: 42704 unknown role; 23505 the role is another provider's; 22023.
CREATE FUNCTION card_issuer.register_provider(
    provider screissue.company_id,
    name text,
    role_name name,
    delivery text DEFAULT 'push',
    contract_from date DEFAULT NULL,
    contract_until date DEFAULT NULL)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    former record;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('provider', register_provider.provider IS NOT NULL);
    PERFORM screissue.require('name', register_provider.name IS NOT NULL);
    PERFORM screissue.require('role_name', register_provider.role_name IS NOT NULL);
    IF (register_provider.delivery IN ('push', 'pull', 'on_request')) IS NOT TRUE THEN
        RAISE EXCEPTION 'unknown delivery "%"', register_provider.delivery
            USING ERRCODE = '22023',
                  HINT = 'Delivery is push, pull or on_request.';
    END IF;
    IF register_provider.contract_from > register_provider.contract_until THEN
        RAISE EXCEPTION 'contract ends before it begins'
            USING ERRCODE = '22023';
    END IF;
    PERFORM screissue.require_role(register_provider.role_name);
    IF EXISTS (SELECT FROM card_issuer.provider p
                WHERE p.role_name = register_provider.role_name
                  AND p.provider <> register_provider.provider) THEN
        RAISE EXCEPTION 'role "%" belongs to another provider',
            register_provider.role_name
            USING ERRCODE = '23505';
    END IF;

    -- The turn first, as suspend_provider and resume_provider take it.
    PERFORM card_issuer.take_turn(register_provider.provider);
    SELECT p.role_name INTO former
      FROM card_issuer.provider p
     WHERE p.provider = register_provider.provider
       FOR NO KEY UPDATE;
    INSERT INTO card_issuer.provider AS p
           (provider, name, role_name, delivery, contract_from, contract_until)
    VALUES (register_provider.provider, register_provider.name,
            register_provider.role_name, register_provider.delivery,
            register_provider.contract_from, register_provider.contract_until)
        ON CONFLICT ON CONSTRAINT provider_pkey DO UPDATE
       SET name = excluded.name,
           role_name = excluded.role_name,
           delivery = excluded.delivery,
           contract_from = excluded.contract_from,
           contract_until = excluded.contract_until;
    -- FOR SHARE: a snapshot that is older than the present epoch gets 40001.
    INSERT INTO card_issuer.notice_counter (provider, last_notice_no)
    SELECT register_provider.provider, card_issuer.epoch_base(s.epoch)
      FROM card_issuer.self s
       FOR SHARE
        ON CONFLICT ON CONSTRAINT notice_counter_pkey DO NOTHING;
    INSERT INTO card_issuer.notice_cursor (provider)
    VALUES (register_provider.provider)
        ON CONFLICT ON CONSTRAINT notice_cursor_pkey DO NOTHING;
    PERFORM card_issuer.create_inquiry_sequence(register_provider.provider);

    IF former.role_name <> register_provider.role_name THEN
        PERFORM card_issuer.revoke_provider_calls(former.role_name);
    END IF;
    PERFORM screissue.grant_calls('card_issuer', register_provider.role_name,
                                  card_issuer.provider_calls());
    IF former.role_name IS NOT NULL THEN
        PERFORM card_issuer.write_missed_notices(register_provider.provider);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.register_provider(
    screissue.company_id, text, name, text, date, date) IS
    'register a service provider or change its contract';

-- All that a provider's role may call.
CREATE FUNCTION card_issuer.provider_calls()
    RETURNS text[]
    LANGUAGE sql
    IMMUTABLE
AS $$
    SELECT ARRAY['permit_load', 'confirm_load', 'confirm_unload',
                 'inquire', 'find_reissue', 'fetch_notices', 'digest', 'digests',
                 'print_notice']
$$;
COMMENT ON FUNCTION card_issuer.provider_calls() IS
    'names of the calls of a provider';

-- Takes the calls of a provider from a role, unless the role is gone or is an
-- operator's, who needs them too.
CREATE FUNCTION card_issuer.revoke_provider_calls(role_name name)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    call text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles r
                    WHERE r.rolname = revoke_provider_calls.role_name)
       OR card_issuer.is_operator(revoke_provider_calls.role_name) THEN
        RETURN;
    END IF;
    FOREACH call IN ARRAY card_issuer.provider_calls() LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION card_issuer.%I FROM %I',
                       call, revoke_provider_calls.role_name);
    END LOOP;
    -- An auditor reads in the schema, too.
    IF NOT has_table_privilege(revoke_provider_calls.role_name,
               'card_issuer.masked_reissue_pair', 'SELECT') THEN
        EXECUTE format('REVOKE USAGE ON SCHEMA card_issuer FROM %I',
                       revoke_provider_calls.role_name);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.revoke_provider_calls(name) IS
    'take the calls of a provider from a role';

-- The contract rests: no permissions, no replies, no notices.
-- Errors: SR002 unknown.
CREATE FUNCTION card_issuer.suspend_provider(provider screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.require_provider(suspend_provider.provider);
    PERFORM card_issuer.take_turn(suspend_provider.provider);
    UPDATE card_issuer.provider p SET suspended_at = now()
     WHERE p.provider = suspend_provider.provider
       AND p.suspended_at IS NULL;
END
$$;
COMMENT ON FUNCTION card_issuer.suspend_provider(screissue.company_id) IS
    'suspend the contract with a service provider';

-- The contract goes on; the notices held back are written.
-- Errors: SR002 unknown.
CREATE FUNCTION card_issuer.resume_provider(provider screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.require_provider(resume_provider.provider);
    PERFORM card_issuer.take_turn(resume_provider.provider);
    UPDATE card_issuer.provider p SET suspended_at = NULL
     WHERE p.provider = resume_provider.provider
       AND p.suspended_at IS NOT NULL;
    IF FOUND THEN
        PERFORM card_issuer.write_missed_notices(resume_provider.provider);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.resume_provider(screissue.company_id) IS
    'resume the contract with a service provider';
