-- Forms on paper (R10, E29)
--
-- A form has check characters in every group, in every line and for the whole
-- sheet (src/core/paper.c).

-- A form with these values, one for each of its fields, NULL = none.
-- Errors: 22023 a value that is no printable ASCII, or is too long.
CREATE FUNCTION screissue.print_paper(form text, field_values text[])
    RETURNS text
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'screissue_print_paper';
COMMENT ON FUNCTION screissue.print_paper(text, text[]) IS
    'form on paper';

-- The values of a form that somebody typed.
-- Errors: 22P02 it is not what was printed; says in which line and group.
CREATE FUNCTION screissue.read_paper(form text, typed text)
    RETURNS text[]
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'screissue_read_paper';
COMMENT ON FUNCTION screissue.read_paper(text, text) IS
    'values of a form that was typed';

-- A time on paper: its digits, down to the microsecond, in UTC.
CREATE FUNCTION screissue.paper_time(moment timestamp with time zone)
    RETURNS text
    LANGUAGE sql
    STABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(to_char(moment AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSUS'),
                    moment::text)
$$;
COMMENT ON FUNCTION screissue.paper_time(timestamp with time zone) IS
    'time as it stands on paper';

-- Errors: class 22 if it is none.
CREATE FUNCTION screissue.read_paper_time(digits text)
    RETURNS timestamp with time zone
    LANGUAGE sql
    STABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT regexp_replace(
               digits, E'^(\\d{4,6})(\\d\\d)(\\d\\d)(\\d\\d)(\\d\\d)(\\d\\d)(\\d{6})$',
               E'\\1-\\2-\\3 \\4:\\5:\\6.\\7+00')::timestamp with time zone
$$;
COMMENT ON FUNCTION screissue.read_paper_time(text) IS
    'time that stands on paper';

-- What a reply answers, as it stands on paper: the first digits of the SHA-256
-- digest of the text of the card attribute, or of the card id, that was asked
-- about.
CREATE FUNCTION screissue.paper_digest(digest bytea)
    RETURNS text
    LANGUAGE sql
    IMMUTABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT upper(left(encode(digest, 'hex'), 16))
$$;
COMMENT ON FUNCTION screissue.paper_digest(bytea) IS
    'digest as it stands on paper';

-- Raises 22P02: the check characters are right, and yet the field is not what
-- the issuer prints there.
CREATE FUNCTION screissue.raise_unreadable(label text)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'form has no valid value in line %', label
        USING ERRCODE = '22P02',
              DETAIL = 'The check characters fit, so it is not mistyped.';
END
$$;
COMMENT ON FUNCTION screissue.raise_unreadable(text) IS
    'error 22P02 for a field of a form';
