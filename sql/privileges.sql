-- Who may do what.  All else is given by grant_operator, grant_auditor and
-- register_provider, which name what they give.

-- The types are for everybody.
GRANT USAGE ON SCHEMA screissue TO PUBLIC;

-- The calls of the two roles are for nobody yet.
REVOKE ALL ON ALL ROUTINES IN SCHEMA card_issuer, service_provider FROM PUBLIC;

-- Of schema screissue, what is no part of a type is internal.
REVOKE ALL ON FUNCTION
    screissue.calling_role(),
    screissue.in_extension_script(),
    screissue.require(text, boolean),
    screissue.require_role(name),
    screissue.require_tariff(screissue.tariff_kind, numeric, text,
                             screissue.reissue_reason),
    screissue.today(),
    screissue.begin_setup(),
    screissue.layout_1(),
    screissue.dblink_schema(),
    screissue.connection_name(name),
    screissue.open_connection(name),
    screissue.close_connection(name),
    screissue.is_connection_failure(text, text),
    screissue.remote_rows(name, text)
    FROM PUBLIC;
