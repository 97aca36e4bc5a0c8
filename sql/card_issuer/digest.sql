-- What a provider was told, as a digest to compare with what it has (E59)

-- Digests of the notices written to a provider, each for itself.
CREATE FUNCTION card_issuer.notice_digests(
    of_provider screissue.company_id,
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
               n.issuer, n.provider, n.notice_no, n.kind, n.platform_type,
               n.new_card_id, n.old_card_id, n.app_id, n.message_id,
               n.reason, n.noted_at)
      FROM screissue.notice n
     WHERE n.issuer = card_issuer.own_company()::text
       AND n.provider = of_provider::text
       AND n.notice_no BETWEEN from_no AND to_no
     ORDER BY n.notice_no
$$;
COMMENT ON FUNCTION card_issuer.notice_digests(
    screissue.company_id, bigint, bigint) IS
    'digests of the notices written to a provider';

-- How many notices with numbers from from_no to to_no were written to a
-- provider, and a digest of them: service_provider.digest there returns the same
-- if it has the same.
-- Errors: 42501 not the caller's provider; SR002 unknown, or its contract is
-- not in force (operators may read on); 22023.
CREATE FUNCTION card_issuer.digest(
    provider screissue.company_id,
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
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('provider', digest.provider IS NOT NULL);
    PERFORM screissue.require_range(digest.from_no, digest.to_no);
    PERFORM card_issuer.require_reader(digest.provider);
    SELECT count(*),
           screissue.digest_of(string_agg(n.sha256, '' ORDER BY n.notice_no))
      INTO digest.notices, digest.sha256
      FROM card_issuer.notice_digests(digest.provider, digest.from_no,
                                      digest.to_no) n;
END
$$;
COMMENT ON FUNCTION card_issuer.digest(
    screissue.company_id, bigint, bigint) IS
    'number and digest of a provider''s notices in a range';

-- The same for each part of the range of so many numbers that has notices: where
-- both sides differ, a row differs or is at one side only.
-- Errors: as digest.
CREATE FUNCTION card_issuer.digests(
    provider screissue.company_id,
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
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('provider', digests.provider IS NOT NULL);
    PERFORM screissue.require_range(digests.from_no, digests.to_no);
    PERFORM screissue.require_step(digests.step);
    PERFORM card_issuer.require_reader(digests.provider);
    RETURN QUERY
        SELECT p.starts_at,
               p.starts_at + least(digests.step - 1, digests.to_no - p.starts_at),
               count(*),
               screissue.digest_of(
                   string_agg(n.sha256, '' ORDER BY n.notice_no))
          FROM card_issuer.notice_digests(digests.provider, digests.from_no,
                                          digests.to_no) n
         CROSS JOIN LATERAL
               (SELECT n.notice_no - (n.notice_no - digests.from_no) % digests.step
                           AS starts_at) p
         GROUP BY p.starts_at
         ORDER BY p.starts_at;
END
$$;
COMMENT ON FUNCTION card_issuer.digests(
    screissue.company_id, bigint, bigint, bigint) IS
    'number and digest of a provider''s notices in each part of a range';
