-- Publications of notices, one for each partner that subscribes

-- Name of a provider's publication.
CREATE FUNCTION card_issuer.publication_name(provider screissue.company_id)
    RETURNS name
    LANGUAGE sql
    IMMUTABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT 'screissue_' || lower(publication_name.provider::text COLLATE "C")
$$;
COMMENT ON FUNCTION card_issuer.publication_name(screissue.company_id) IS
    'name of the publication of a provider';

-- Is there the provider's publication?  Errors: 42710 there is another by its
-- name.
CREATE FUNCTION card_issuer.has_publication(provider screissue.company_id)
    RETURNS boolean
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    publication CONSTANT name :=
        card_issuer.publication_name(has_publication.provider);
BEGIN
    IF NOT EXISTS (SELECT FROM pg_publication p
                    WHERE p.pubname = publication) THEN
        RETURN false;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_publication_tables t
                    WHERE t.pubname = publication
                      AND t.schemaname = 'screissue'
                      AND t.tablename = 'notice'
                      AND t.rowfilter LIKE
                          '%' || quote_literal(has_publication.provider) || '%')
    THEN
        RAISE EXCEPTION 'publication "%" exists and is not for the notices of provider "%"',
            publication, has_publication.provider
            USING ERRCODE = '42710';
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION card_issuer.has_publication(screissue.company_id) IS
    'true if the publication of a provider exists';

-- Makes the publication of a provider's notices, inserts only, and returns
-- its name.  Repeatable.  Errors: SR002 unknown provider; 42710 there is
-- something else by that name.
CREATE FUNCTION card_issuer.create_publication(
    provider screissue.company_id)
    RETURNS name
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    issuer CONSTANT text := card_issuer.own_company()::text;
    publication CONSTANT name :=
        card_issuer.publication_name(create_publication.provider);
BEGIN
    PERFORM card_issuer.require_provider(create_publication.provider);
    IF NOT card_issuer.has_publication(create_publication.provider) THEN
        EXECUTE format(
            'CREATE PUBLICATION %I FOR TABLE screissue.notice'
            ' WHERE (issuer = %L AND provider = %L)'
            ' WITH (publish = ''insert'')',
            publication, issuer, create_publication.provider::text);
        EXECUTE format('COMMENT ON PUBLICATION %I IS %L', publication,
            format('notices of %s to %s', issuer, create_publication.provider));
    END IF;
    RETURN publication;
END
$$;
COMMENT ON FUNCTION card_issuer.create_publication(screissue.company_id) IS
    'create the publication of a provider''s notices';

-- Drops the publication of a provider's notices, if there is one.
-- Errors: SR002 unknown provider; 42710 there is something else by that name.
CREATE FUNCTION card_issuer.drop_publication(provider screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.require_provider(drop_publication.provider);
    IF card_issuer.has_publication(drop_publication.provider) THEN
        EXECUTE format('DROP PUBLICATION %I',
                       card_issuer.publication_name(drop_publication.provider));
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.drop_publication(screissue.company_id) IS
    'drop the publication of a provider''s notices';
