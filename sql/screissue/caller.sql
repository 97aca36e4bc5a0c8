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

-- Raises 22023 unless every argument is given.  For required arguments of
-- functions that cannot be STRICT: a NULL command must not pass in silence.
CREATE FUNCTION screissue.require(argument text, is_given boolean)
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    IF is_given THEN
        RETURN;
    END IF;
    RAISE EXCEPTION 'argument "%" must not be null', argument
        USING ERRCODE = '22023';
END
$$;
COMMENT ON FUNCTION screissue.require(text, boolean) IS
    'check that a required argument is given';

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

-- Raises 22023 unless this can be a line of a tariff.
CREATE FUNCTION screissue.require_tariff(
    kind screissue.tariff_kind,
    amount numeric,
    currency text,
    reason screissue.reissue_reason)
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('kind', kind IS NOT NULL);
    PERFORM screissue.require('amount', amount IS NOT NULL);
    PERFORM screissue.require('currency', currency IS NOT NULL);
    IF NOT (amount >= 0 AND amount < 'Infinity') THEN
        RAISE EXCEPTION 'amount % is not a price', amount
            USING ERRCODE = '22023',
                  HINT = 'Give a finite number that is not negative.';
    END IF;
    IF currency !~ '^[A-Z]{3}$' THEN
        RAISE EXCEPTION 'currency "%" is not an ISO 4217 code', currency
            USING ERRCODE = '22023',
                  HINT = 'Give three capital letters.';
    END IF;
    IF kind = 'load' AND reason IS NOT NULL THEN
        RAISE EXCEPTION 'only a reload has a reason'
            USING ERRCODE = '22023',
                  HINT = 'Leave "reason" out, or set the price of a reload.';
    END IF;
END
$$;
COMMENT ON FUNCTION screissue.require_tariff(
    screissue.tariff_kind, numeric, text, screissue.reissue_reason) IS
    'check a line of a tariff';

-- The day by which contracts and cards are valid: UTC, whatever time zone the
-- client sets (E54).
CREATE FUNCTION screissue.today()
    RETURNS date
    LANGUAGE sql
    STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT (now() AT TIME ZONE 'UTC')::date
$$;
COMMENT ON FUNCTION screissue.today() IS
    'day by which validity is judged, in UTC';
