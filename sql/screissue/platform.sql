-- Platform types

-- Which method a platform type stands for; NULL for an unknown one.
CREATE FUNCTION screissue.method_of(platform_type integer)
    RETURNS integer
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RETURN (SELECT p.method
              FROM screissue.platform p
             WHERE p.platform_type = method_of.platform_type);
END
$$;
COMMENT ON FUNCTION screissue.method_of(integer) IS
    'method of a platform type (Fig. 18, step 1802)';
