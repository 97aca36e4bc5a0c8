-- Digests of notices: both sides compute them of what they have (E59)

-- SHA-256 of one notice, in the columns of the wire: the binary form of a row
-- in PostgreSQL's protocol, texts as their bytes in UTF-8.  Each value has its
-- length before it, NULL a length of -1, a time is a count of microseconds: no
-- setting changes it and no two notices share it.  No SET, so that it is inlined.
CREATE FUNCTION screissue.notice_sha256(
    issuer text,
    provider text,
    notice_no bigint,
    kind text,
    platform_type integer,
    new_card_id text,
    old_card_id text,
    app_id text,
    message_id text,
    reason text,
    noted_at timestamp with time zone)
    RETURNS bytea
    LANGUAGE sql
    STABLE PARALLEL SAFE
    RETURN pg_catalog.sha256(pg_catalog.record_send(ROW(
        pg_catalog.convert_to(issuer, 'UTF8'),
        pg_catalog.convert_to(provider, 'UTF8'),
        notice_no,
        pg_catalog.convert_to(kind, 'UTF8'),
        platform_type,
        pg_catalog.convert_to(new_card_id, 'UTF8'),
        pg_catalog.convert_to(old_card_id, 'UTF8'),
        pg_catalog.convert_to(app_id, 'UTF8'),
        pg_catalog.convert_to(message_id, 'UTF8'),
        pg_catalog.convert_to(reason, 'UTF8'),
        noted_at)));
COMMENT ON FUNCTION screissue.notice_sha256(
    text, text, bigint, text, integer, text, text, text, text, text,
    timestamp with time zone) IS
    'SHA-256 of a notice, the same at both sides';

-- Digest of a range: SHA-256 of the digests of its notices in the order of
-- their numbers, one after the other.
CREATE FUNCTION screissue.digest_of(digests bytea)
    RETURNS bytea
    LANGUAGE sql
    IMMUTABLE PARALLEL SAFE
    RETURN pg_catalog.sha256(coalesce(digests, ''));
COMMENT ON FUNCTION screissue.digest_of(bytea) IS
    'SHA-256 of a range of notices';

-- Raises 22023 unless these are the ends of a range of notice numbers.
CREATE FUNCTION screissue.require_range(from_no bigint, to_no bigint)
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('from_no', from_no IS NOT NULL);
    PERFORM screissue.require('to_no', to_no IS NOT NULL);
    IF from_no < 1 OR from_no > to_no THEN
        RAISE EXCEPTION 'from % to % is no range of notice numbers',
            from_no, to_no
            USING ERRCODE = '22023',
                  HINT = 'Numbers begin with 1, and the lower one comes first.';
    END IF;
END
$$;
COMMENT ON FUNCTION screissue.require_range(bigint, bigint) IS
    'check a range of notice numbers';

-- Raises 22023 unless a range can be divided into parts of so many numbers.
CREATE FUNCTION screissue.require_step(step bigint)
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('step', step IS NOT NULL);
    IF step < 1 THEN
        RAISE EXCEPTION 'step must be positive, not %', step
            USING ERRCODE = '22023';
    END IF;
END
$$;
COMMENT ON FUNCTION screissue.require_step(bigint) IS
    'check how a range is to be divided';
