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

-- What is wrong with a publication, as that of the rows which row_filter, as the
-- server shows it, lets through; no rows, if nothing is.  Whoever owns one can
-- change what it publishes.
CREATE FUNCTION card_issuer.publication_problems(
    publication name,
    row_filter text)
    RETURNS SETOF text
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
    SET quote_all_identifiers = off
AS $$
    SELECT f.problem
      FROM pg_publication p
     CROSS JOIN LATERAL
           (SELECT array_agg(t.prrelid::regclass::text ORDER BY t.prrelid)
                       AS others
              FROM pg_publication_rel t
             WHERE t.prpubid = p.oid
               AND t.prrelid <> coalesce(to_regclass('screissue.notice'), 0)) r
      LEFT JOIN pg_publication_rel w
        ON w.prpubid = p.oid
       AND w.prrelid = to_regclass('screissue.notice')
     CROSS JOIN LATERAL (VALUES
           (1, p.puballtables, 'publishes all tables'),
           (2, EXISTS (SELECT FROM pg_publication_namespace n
                        WHERE n.pnpubid = p.oid),
            'publishes all tables of a schema'),
           (3, r.others IS NOT NULL,
            'publishes other tables: ' || array_to_string(r.others, ', ')),
           (4, w.oid IS NULL AND NOT p.puballtables,
            'does not publish screissue.notice'),
           (5, w.oid IS NOT NULL AND w.prqual IS NULL, 'has no row filter'),
           (6, pg_get_expr(w.prqual, w.prrelid) <> publication_problems.row_filter,
            'has another row filter'),
           (7, w.prattrs IS NOT NULL, 'publishes some columns only'),
           (8, NOT p.pubinsert, 'does not publish inserts'),
           (9, p.pubupdate OR p.pubdelete OR p.pubtruncate,
            'publishes more than inserts'),
           (10, NOT (SELECT o.rolsuper FROM pg_roles o WHERE o.oid = p.pubowner),
            format('belongs to role "%s", which is not superuser',
                   pg_get_userbyid(p.pubowner)))) f (line, found, problem)
     WHERE p.pubname = publication_problems.publication
       AND f.found
     ORDER BY f.line
$$;
COMMENT ON FUNCTION card_issuer.publication_problems(name, text) IS
    'what is wrong with the publication of a provider';

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
    problem text;
BEGIN
    SELECT string_agg(f.problem, ', ') INTO problem
      FROM card_issuer.publication_problems(
               publication,
               card_issuer.row_filter(has_publication.provider)) f (problem);
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION 'publication "%" exists and is not for the notices of provider "%"',
            publication, has_publication.provider
            USING ERRCODE = '42710',
                  DETAIL = format('It %s.', problem);
    END IF;
    RETURN EXISTS (SELECT
                     FROM pg_publication p
                    WHERE p.pubname = publication);
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

-- What is wrong with the publications: one row for each problem, none if all is as
-- create_publication makes it.  A provider whose delivery is push needs one until
-- its contract has ended; others may have one.  provider is NULL for a publication
-- that has a name like ours and is nobody's.
CREATE FUNCTION card_issuer.publication_check(
    OUT provider screissue.company_id,
    OUT publication name,
    OUT problem text)
    RETURNS SETOF record
    LANGUAGE plpgsql
    STABLE
    ROWS 10
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    RETURN QUERY
        WITH expected AS MATERIALIZED (
            SELECT p.provider, n.publication, b.oid IS NOT NULL AS is_there,
                   p.delivery = 'push'
                   AND coalesce(p.contract_until >= today(), true) AS is_needed
              FROM card_issuer.provider p
             CROSS JOIN LATERAL card_issuer.publication_name(p.provider)
                   n (publication)
              LEFT JOIN pg_publication b ON b.pubname = n.publication),
        found AS (
            SELECT e.provider, e.publication, 'is missing' AS problem
              FROM expected e
             WHERE e.is_needed AND NOT e.is_there
             UNION ALL
            SELECT e.provider, e.publication, f.problem
              FROM expected e
             CROSS JOIN LATERAL card_issuer.publication_problems(
                       e.publication, card_issuer.row_filter(e.provider))
                   f (problem)
             WHERE e.is_there
             UNION ALL
            SELECT NULL, b.pubname, 'is not of any provider'
              FROM pg_publication b
             WHERE starts_with(b.pubname::text, 'screissue_')
               AND b.pubname NOT IN (SELECT e.publication FROM expected e))
        SELECT f.provider, f.publication, f.problem
          FROM found f
         ORDER BY f.publication, f.problem;
END
$$;
COMMENT ON FUNCTION card_issuer.publication_check() IS
    'what is wrong with the publications of providers';
