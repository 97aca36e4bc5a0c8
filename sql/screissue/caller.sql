-- Who is calling

CREATE FUNCTION screissue.calling_role()
    RETURNS name
    LANGUAGE c
    STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'screissue_calling_role';
COMMENT ON FUNCTION screissue.calling_role() IS
    'role on whose behalf a call is made: SET ROLE changes it, SECURITY DEFINER does not';

CREATE FUNCTION screissue.in_extension_script()
    RETURNS boolean
    LANGUAGE c
    STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'screissue_in_extension_script';
COMMENT ON FUNCTION screissue.in_extension_script() IS
    'true while CREATE or ALTER EXTENSION runs a script';

-- The role must exist (42704): asked before any GRANT is put together.
CREATE FUNCTION screissue.require_role(role_name name)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles r
                   WHERE r.rolname = require_role.role_name) THEN
        RAISE EXCEPTION 'role "%" does not exist', role_name
            USING ERRCODE = '42704',
                  HINT = 'Create it first; screissue makes no roles.';
    END IF;
END
$$;
COMMENT ON FUNCTION screissue.require_role(name) IS
    'check that a role exists';

-- GRANT USAGE on a schema, and EXECUTE on the named functions in it.
CREATE FUNCTION screissue.grant_calls(
    schema_name name,
    role_name name,
    calls text[])
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    call text;
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', schema_name, role_name);
    FOREACH call IN ARRAY calls LOOP
        EXECUTE format('GRANT EXECUTE ON ROUTINE %I.%I TO %I',
                       schema_name, call, role_name);
    END LOOP;
END
$$;
COMMENT ON FUNCTION screissue.grant_calls(name, name, text[]) IS
    'grant the named calls of a schema to a role';
