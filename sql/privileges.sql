-- Who may do what.  All else is given by grant_operator, grant_auditor and
-- register_provider, which name what they give.

-- What ALTER DEFAULT PRIVILEGES may have given to others is taken back.
DO $$
DECLARE
    stray record;
BEGIN
    FOR stray IN
        SELECT format('SCHEMA %I', n.nspname) AS object, x.grantee
          FROM pg_catalog.pg_namespace n
         CROSS JOIN pg_catalog.aclexplode(n.nspacl) x
         WHERE n.nspname IN ('screissue', 'card_issuer', 'service_provider')
           AND x.grantee <> n.nspowner
         UNION
        SELECT format('ROUTINE %s', p.oid::pg_catalog.regprocedure), x.grantee
          FROM pg_catalog.pg_proc p
          JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
         CROSS JOIN pg_catalog.aclexplode(p.proacl) x
         WHERE n.nspname IN ('screissue', 'card_issuer', 'service_provider')
           AND x.grantee NOT IN (0, p.proowner)
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM %s', stray.object,
                       screissue.grantee_name(stray.grantee));
    END LOOP;
END
$$;

-- The types are for everybody.
GRANT USAGE ON SCHEMA screissue TO PUBLIC;

-- The calls of the two roles are for nobody yet.
REVOKE ALL ON ALL ROUTINES IN SCHEMA card_issuer, service_provider FROM PUBLIC;

-- Of schema screissue, what is no part of a type is internal.
REVOKE ALL ON FUNCTION
    screissue.print_paper(text, text[]),
    screissue.read_paper(text, text),
    screissue.paper_time(timestamp with time zone),
    screissue.read_paper_time(text),
    screissue.paper_digest(bytea),
    screissue.raise_unreadable(text),
    screissue.calling_role(),
    screissue.in_extension_script(),
    screissue.require(text, boolean),
    screissue.require_role(name),
    screissue.grant_calls(name, name, text[]),
    screissue.require_examination_mode(text, interval),
    screissue.require_tariff(screissue.tariff_kind, numeric, text,
                             screissue.reissue_reason),
    screissue.require_policy(text),
    screissue.require_event(text, text[]),
    screissue.policy_signature(regprocedure),
    screissue.definition_sha256(oid),
    screissue.call_policy(text, jsonb),
    screissue.require_verdict(screissue.verdict),
    screissue.check_valid_for(interval),
    screissue.today(),
    screissue.require_range(bigint, bigint),
    screissue.require_step(bigint),
    screissue.notice_sha256(text, text, bigint, text, integer, text, text,
                            text, text, text, timestamptz),
    screissue.digest_of(bytea),
    screissue.method_of(integer),
    screissue.status_moves(),
    screissue.is_status_move(text, text, text),
    screissue.may_move(text, text, text),
    screissue.require_move(text, text, text, text),
    screissue.grantee_name(oid),
    screissue.begin_setup(),
    screissue.check_owners(),
    screissue.check_privileges(),
    screissue.enable_triggers(),
    screissue.revoke_rights(text, aclitem[], oid),
    screissue.revoke_relation(regclass),
    screissue.revoke_tables(name),
    screissue.revoke_routine(regprocedure),
    screissue.layout_1(),
    screissue.run_layout(text, boolean),
    screissue.migrate(name, integer),
    screissue.dblink_schema(),
    screissue.connection_name(name),
    screissue.caller_has_dblink(),
    screissue.is_open(text),
    screissue.open_connection(name),
    screissue.close_connection(name),
    screissue.is_connection_failure(text, text),
    screissue.remote_rows(name, text),
    screissue.read_certificate(text),
    screissue.check_certificate_key(bytea, text),
    screissue.seal_file(text, bytea, text, bytea),
    screissue.file_recipient(text, bytea[]),
    screissue.unseal_file(text, bytea, text, bytea[]),
    screissue.store_certificate(text, screissue.company_id, text, text),
    screissue.end_certificate(text, screissue.company_id, bytea),
    screissue.is_in_use(timestamptz, timestamptz, timestamptz),
    screissue.newest_certificate(text, screissue.company_id, boolean),
    screissue.parties(text, screissue.company_id, screissue.company_id),
    screissue.seal(text, screissue.company_id, screissue.company_id, text,
                   jsonb),
    screissue.item_shape(text),
    screissue.has_shape(json, jsonb),
    screissue.raise_bad_content(text),
    screissue.open_document(text, text),
    screissue.unseal(text, screissue.company_id, text, text),
    screissue.raise_item(text, bigint, text, text, text, text, text)
    FROM PUBLIC;
