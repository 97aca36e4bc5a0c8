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

-- Which of the issuer's notices go to a provider, as the server shows it.
CREATE FUNCTION card_issuer.row_filter(provider screissue.company_id)
    RETURNS text
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT format('((issuer = %L::text) AND (provider = %L::text))',
                  card_issuer.own_company(), row_filter.provider)
$$;
COMMENT ON FUNCTION card_issuer.row_filter(screissue.company_id) IS
    'row filter of the publication of a provider';

-- Is there the provider's publication: its notices, inserts only, and nothing
-- else?  Errors: 42710 there is another by its name.
CREATE FUNCTION card_issuer.has_publication(provider screissue.company_id)
    RETURNS boolean
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    publication CONSTANT name :=
        card_issuer.publication_name(has_publication.provider);
    is_ours boolean;
BEGIN
    SELECT p.pubinsert
           AND NOT (p.pubupdate OR p.pubdelete OR p.pubtruncate)
           AND ARRAY(SELECT format('%I.%I %s', t.schemaname, t.tablename,
                                   t.rowfilter)
                       FROM pg_publication_tables t
                      WHERE t.pubname = p.pubname)
             = ARRAY['screissue.notice '
                     || card_issuer.row_filter(has_publication.provider)]
      INTO is_ours
      FROM pg_publication p
     WHERE p.pubname = publication;
    IF NOT is_ours THEN
        RAISE EXCEPTION 'publication "%" exists and is not for the notices of provider "%"',
            publication, has_publication.provider
            USING ERRCODE = '42710';
    END IF;
    RETURN is_ours IS NOT NULL;
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
    publication CONSTANT name :=
        card_issuer.publication_name(create_publication.provider);
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.require_provider(create_publication.provider);
    IF NOT card_issuer.has_publication(create_publication.provider) THEN
        EXECUTE format('CREATE PUBLICATION %I FOR TABLE screissue.notice'
                       ' WHERE %s WITH (publish = ''insert'')',
                       publication,
                       card_issuer.row_filter(create_publication.provider));
        EXECUTE format('COMMENT ON PUBLICATION %I IS %L', publication,
                       'notices to ' || create_publication.provider::text);
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
