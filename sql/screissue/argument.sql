-- Arguments: checks that calls of both roles make

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

-- Raises 22023 unless an application's examinations can be reused so.
CREATE FUNCTION screissue.require_examination_mode(
    examination text,
    max_examination_age interval)
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('examination', examination IS NOT NULL);
    IF examination NOT IN ('substitute', 'refer', 'new') THEN
        RAISE EXCEPTION 'unknown examination mode "%"', examination
            USING ERRCODE = '22023',
                  HINT = 'Modes are substitute, refer and new.';
    END IF;
    IF max_examination_age < interval '0' THEN
        RAISE EXCEPTION 'maximum age of an examination cannot be negative'
            USING ERRCODE = '22023';
    END IF;
END
$$;
COMMENT ON FUNCTION screissue.require_examination_mode(text, interval) IS
    'check an examination mode and its limit';

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
    IF amount >= 1e15 OR scale(trim_scale(amount)) > 4 THEN
        RAISE EXCEPTION 'amount has too many digits'
            USING ERRCODE = '22023',
                  HINT = 'A price is below 10^15 and has at most four decimals (ISO 4217).';
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

-- Raises unless the verdict says yes or no, for a time to come.
CREATE FUNCTION screissue.require_verdict(examination screissue.verdict)
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('examination.approved',
                              (examination).approved IS NOT NULL);
    PERFORM screissue.check_valid_for((examination).valid_for);
END
$$;
COMMENT ON FUNCTION screissue.require_verdict(screissue.verdict) IS
    'check that an examination came to a verdict';

CREATE FUNCTION screissue.check_valid_for(valid_for interval)
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF valid_for <= interval '0' THEN
        RAISE EXCEPTION 'validity of an examination must be positive, not "%"',
            valid_for
            USING ERRCODE = '22023',
                  HINT = 'Leave it null for an examination without an end.';
    END IF;
END
$$;
COMMENT ON FUNCTION screissue.check_valid_for(interval) IS
    'check the time for which an examination is valid';

-- The day by which contracts and cards are valid: UTC, whatever time zone the
-- client sets (E54).
CREATE FUNCTION screissue.today()
    RETURNS date
    LANGUAGE sql
    STABLE PARALLEL SAFE
    RETURN (pg_catalog.now() AT TIME ZONE 'UTC')::pg_catalog.date;
COMMENT ON FUNCTION screissue.today() IS
    'day by which validity is judged, in UTC';
