-- Who may act for whom at the card issuer

-- Operators and superusers act for every provider.  An operator is who may
-- execute issue_card, which no provider ever may: no table of operators is
-- needed, and pg_dump keeps the grants.
CREATE FUNCTION card_issuer.is_operator(role_name name)
    RETURNS boolean
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT has_function_privilege(role_name,
        'card_issuer.issue_card(screissue.card_id, integer, text, date, text, boolean)',
        'EXECUTE')
$$;
COMMENT ON FUNCTION card_issuer.is_operator(name) IS
    'true for operators and superusers';

-- A role acts for a provider when it has the privileges of that provider's
-- role.
CREATE FUNCTION card_issuer.acts_for(
    role_name name,
    provider screissue.company_id)
    RETURNS boolean
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT card_issuer.is_operator(acts_for.role_name)
        OR EXISTS (SELECT
                     FROM card_issuer.provider p
                     JOIN pg_roles r ON r.rolname = p.role_name
                    WHERE p.provider = acts_for.provider
                      AND pg_has_role(acts_for.role_name, r.oid, 'USAGE'))
$$;
COMMENT ON FUNCTION card_issuer.acts_for(name, screissue.company_id) IS
    'true if the role may act for the provider';

-- Raises 42501 unless the caller may act for this provider.
CREATE FUNCTION card_issuer.require_acts_for(
    provider screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF NOT card_issuer.acts_for(calling_role(), require_acts_for.provider) THEN
        RAISE EXCEPTION 'permission denied for provider "%"',
            require_acts_for.provider
            USING ERRCODE = '42501';
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.require_acts_for(screissue.company_id) IS
    'check that the caller may act for the provider';

-- Raises 42501 unless the caller acts for some provider or for all.
CREATE FUNCTION card_issuer.require_party(caller name)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF card_issuer.is_operator(require_party.caller)
       OR EXISTS (SELECT
                    FROM card_issuer.provider p
                    JOIN pg_roles r ON r.rolname = p.role_name
                   WHERE pg_has_role(require_party.caller, r.oid, 'USAGE'))
    THEN
        RETURN;
    END IF;
    RAISE EXCEPTION 'role "%" is no provider''s role and no operator',
        require_party.caller
        USING ERRCODE = '42501';
END
$$;
COMMENT ON FUNCTION card_issuer.require_party(name) IS
    'check that the caller is an operator or some provider''s role';

-- Rights of an operator: every call but setup.  Errors: 42704 unknown role.
CREATE FUNCTION card_issuer.grant_operator(role_name name)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    api CONSTANT text[] := ARRAY[
        'register_provider', 'suspend_provider', 'resume_provider',
        'register_application', 'withdraw_application',
        'transfer_application', 'set_tariff', 'register_holder',
        'erase_holder', 'set_opt_out', 'issue_card', 'activate_card',
        'block_card', 'unblock_card', 'register_key', 'retire_key',
        'revoke_key', 'personalize_card', 'permit_load', 'confirm_load',
        'confirm_unload', 'find_load', 'record_examination', 'request_reissue',
        'decide_reissue', 'preview_reissue', 'renew_card', 'expire_cards',
        'reissue_card', 'reissue_cards', 'begin_reissue_batch',
        'run_reissue_chunk', 'run_reissue_batch', 'cancel_reissue_batch',
        'withdraw_reissue', 'explain_decision', 'recipients', 'inquire',
        'decrypt_attribute', 'inquiries_made', 'suspicion',
        'set_inquiry_limit', 'find_reissue', 'fetch_notices', 'digest', 'digests', 'print_notice',
        'print_reply', 'print_permission', 'export_notices',
        'answer_inquiries', 'export_permissions', 'register_certificate',
        'revoke_certificate', 'find_old_card', 'find_new_card', 'lineage',
        'create_publication', 'drop_publication', 'publication_check',
        'provider_slots', 'grant_operator', 'grant_auditor'];
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('role_name', grant_operator.role_name IS NOT NULL);
    PERFORM screissue.require_role(grant_operator.role_name);
    PERFORM screissue.grant_calls('card_issuer', grant_operator.role_name, api);
    EXECUTE format('GRANT SELECT ON card_issuer.reissue_pair,'
                   ' card_issuer.masked_reissue_pair,'
                   ' card_issuer.key_usage, card_issuer.masked_inquiry,'
                   ' card_issuer.inquiry_report,'
                   ' card_issuer.suspicious_inquiry, card_issuer.charge,'
                   ' card_issuer.statement, card_issuer.batch_progress,'
                   ' card_issuer.batch_failure, card_issuer.delivery,'
                   ' screissue.status_move, screissue.certificate TO %I',
                   grant_operator.role_name);
    EXECUTE format('GRANT SELECT, INSERT (reason, name)'
                   ' ON card_issuer.reissue_batch TO %I',
                   grant_operator.role_name);
    EXECUTE format('GRANT SELECT, INSERT (batch_id, old_card_id, new_card_id)'
                   ' ON card_issuer.reissue_batch_item TO %I',
                   grant_operator.role_name);
END
$$;
COMMENT ON FUNCTION card_issuer.grant_operator(name) IS
    'give a role the rights of an operator of the card issuer';

-- Rights of an auditor: the views that show masked ids only (E60).
-- Errors: 42704 unknown role.
CREATE FUNCTION card_issuer.grant_auditor(role_name name)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('role_name', grant_auditor.role_name IS NOT NULL);
    PERFORM screissue.require_role(grant_auditor.role_name);
    PERFORM screissue.grant_calls('card_issuer', grant_auditor.role_name,
                                  ARRAY['inquiries_made', 'suspicion',
                                        'provider_slots']);
    EXECUTE format('GRANT SELECT ON card_issuer.masked_reissue_pair,'
                   ' card_issuer.key_usage, card_issuer.masked_inquiry,'
                   ' card_issuer.inquiry_report,'
                   ' card_issuer.suspicious_inquiry, card_issuer.charge,'
                   ' card_issuer.statement, card_issuer.batch_progress,'
                   ' card_issuer.batch_failure, card_issuer.delivery,'
                   ' screissue.status_move TO %I',
                   grant_auditor.role_name);
END
$$;
COMMENT ON FUNCTION card_issuer.grant_auditor(name) IS
    'give a role the rights of an auditor of the card issuer';
