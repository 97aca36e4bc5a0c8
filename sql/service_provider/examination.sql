-- Examinations at the provider (claim 12; R48, R50)
--
-- examination.message_id is the load that was examined: for event load that
-- very load, for event reload the old load that the reload is judged by.
-- app_load.examination_id is the examination that counts for a load.  How long one
-- is valid, and how old it may get, does not depend on the client's time zone (E54).

-- Puts an examination on record.  message: the load that was examined.
CREATE FUNCTION service_provider.store_examination(
    event text,
    message screissue.message_id,
    examination screissue.verdict,
    details jsonb DEFAULT NULL)
    RETURNS bigint
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
    SET timezone = 'UTC'
AS $$
    INSERT INTO service_provider.examination AS x
        (event, message_id, approved, reason, examined_at, valid_until,
         examiner, details)
    VALUES (event, message, (examination).approved, (examination).reason,
            now(), now() + (examination).valid_for,
            screissue.calling_role(), details)
    RETURNING x.examination_id
$$;
COMMENT ON FUNCTION service_provider.store_examination(
    text, screissue.message_id, screissue.verdict, jsonb) IS
    'record an examination';

-- True if the row says what the verdict says.
CREATE FUNCTION service_provider.same_verdict(
    examination_id bigint,
    examination screissue.verdict)
    RETURNS boolean
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
    SET timezone = 'UTC'
AS $$
    SELECT EXISTS
        (SELECT FROM service_provider.examination x
          WHERE x.examination_id = same_verdict.examination_id
            AND x.approved IS NOT DISTINCT FROM (examination).approved
            AND x.reason IS NOT DISTINCT FROM (examination).reason
            AND x.valid_until IS NOT DISTINCT FROM
                x.examined_at + (examination).valid_for)
$$;
COMMENT ON FUNCTION
    service_provider.same_verdict(bigint, screissue.verdict) IS
    'whether an examination on record equals a verdict';

-- E49: a later finding about a load, such as a fraud flag.  It takes the
-- place of the load's examination, so a negative one is never reused; about a
-- load that a reload superseded it is a finding about that reload, too.  Each
-- call is one more examination.
-- Errors: SR008 unknown load; 22023 for a verdict that is neither yes nor no.
CREATE FUNCTION service_provider.record_examination(
    message screissue.message_id,
    examination screissue.verdict)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    finding bigint;
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('message', record_examination.message IS NOT NULL);
    PERFORM screissue.require_verdict(record_examination.examination);
    PERFORM service_provider.lock_load(record_examination.message);

    finding := service_provider.store_examination(
        'load', record_examination.message, record_examination.examination);
    UPDATE service_provider.app_load l
       SET examination_id = finding
     WHERE l.message_id IN
           (record_examination.message,
            service_provider.live_load(record_examination.message));
END
$$;
COMMENT ON FUNCTION service_provider.record_examination(
    screissue.message_id, screissue.verdict) IS
    'later finding about a load';
