-- What an issuer told us, as a digest to compare with what it has (E59)

-- Digests of the notices received from an issuer, each for itself, in the
-- columns of the wire as the issuer writes them.
CREATE FUNCTION service_provider.notice_digests(
    of_issuer screissue.company_id,
    from_no bigint,
    to_no bigint,
    OUT notice_no bigint,
    OUT sha256 bytea)
    RETURNS SETOF record
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT n.notice_no,
           screissue.notice_sha256(
               n.issuer::text,
               (SELECT service_provider.own_company()::text),
               n.notice_no, n.kind, n.platform_type, n.new_card_id::text,
               n.old_card_id::text, n.app_id::text, n.message_id::text,
               n.reason, n.noted_at)
      FROM service_provider.reissue_notice n
     WHERE n.issuer = of_issuer
       AND n.notice_no BETWEEN from_no AND to_no
     ORDER BY n.notice_no
$$;
COMMENT ON FUNCTION service_provider.notice_digests(
    screissue.company_id, bigint, bigint) IS
    'digests of the notices received from an issuer';

-- How many notices of an issuer with numbers from from_no to to_no there are,
-- and a digest of them: card_issuer.digest there returns the same if it has the
-- same.
-- Errors: SR001; SR002 unknown issuer; 22023.
CREATE FUNCTION service_provider.digest(
    issuer screissue.company_id,
    from_no bigint,
    to_no bigint,
    OUT notices bigint,
    OUT sha256 bytea)
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('issuer', digest.issuer IS NOT NULL);
    PERFORM screissue.require_range(digest.from_no, digest.to_no);
    PERFORM service_provider.require_issuer(digest.issuer);
    SELECT count(*),
           screissue.digest_of(string_agg(n.sha256, '' ORDER BY n.notice_no))
      INTO digest.notices, digest.sha256
      FROM service_provider.notice_digests(digest.issuer, digest.from_no,
                                           digest.to_no) n;
END
$$;
COMMENT ON FUNCTION service_provider.digest(
    screissue.company_id, bigint, bigint) IS
    'number and digest of an issuer''s notices in a range';

-- The same for each part of the range of so many numbers that has notices.
-- Errors: as digest.
CREATE FUNCTION service_provider.digests(
    issuer screissue.company_id,
    INOUT from_no bigint,
    INOUT to_no bigint,
    step bigint,
    OUT notices bigint,
    OUT sha256 bytea)
    RETURNS SETOF record
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('issuer', digests.issuer IS NOT NULL);
    PERFORM screissue.require_range(digests.from_no, digests.to_no);
    PERFORM screissue.require_step(digests.step);
    PERFORM service_provider.require_issuer(digests.issuer);
    RETURN QUERY
        SELECT p.starts_at,
               p.starts_at + least(digests.step - 1, digests.to_no - p.starts_at),
               count(*),
               screissue.digest_of(
                   string_agg(n.sha256, '' ORDER BY n.notice_no))
          FROM service_provider.notice_digests(digests.issuer, digests.from_no,
                                               digests.to_no) n
         CROSS JOIN LATERAL
               (SELECT n.notice_no - (n.notice_no - digests.from_no) % digests.step
                           AS starts_at) p
         GROUP BY p.starts_at
         ORDER BY p.starts_at;
END
$$;
COMMENT ON FUNCTION service_provider.digests(
    screissue.company_id, bigint, bigint, bigint) IS
    'number and digest of an issuer''s notices in each part of a range';

-- Rows for received_notices, which explains them.
CREATE FUNCTION service_provider.read_received(
    of_issuer screissue.company_id,
    from_no bigint,
    to_no bigint)
    RETURNS SETOF record
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    own CONSTANT text := service_provider.own_company()::text;
BEGIN
    PERFORM screissue.require('issuer', of_issuer IS NOT NULL);
    PERFORM screissue.require_range(from_no, to_no);
    PERFORM service_provider.require_issuer(of_issuer);
    RETURN QUERY
        SELECT n.issuer::text, own, n.notice_no, n.kind, n.platform_type,
               n.new_card_id::text, n.old_card_id::text, n.app_id::text,
               n.message_id::text, n.reason, n.noted_at
          FROM service_provider.reissue_notice n
         WHERE n.issuer = of_issuer
           AND n.notice_no BETWEEN from_no AND to_no
         ORDER BY n.notice_no;
END
$$;
COMMENT ON FUNCTION
    service_provider.read_received(screissue.company_id, bigint, bigint) IS
    'rows of received_notices';

-- The notices of an issuer with numbers from from_no to to_no, in order, in the
-- columns of the wire and as the issuer wrote them: for an issuer that has lost
-- them (E25), whose card_issuer.restore_notice takes them back.
-- Errors: SR001; SR002 unknown issuer; 22023.
CREATE FUNCTION service_provider.received_notices(
    issuer screissue.company_id,
    from_no bigint,
    to_no bigint)
    RETURNS TABLE (
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
    LANGUAGE sql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT n.*
      FROM service_provider.read_received($1, $2, $3) n (
               issuer text, provider text, notice_no bigint, kind text,
               platform_type integer, new_card_id text, old_card_id text,
               app_id text, message_id text, reason text,
               noted_at timestamp with time zone)
$$;
COMMENT ON FUNCTION
    service_provider.received_notices(screissue.company_id, bigint, bigint) IS
    'notices received from an issuer, as it wrote them';
