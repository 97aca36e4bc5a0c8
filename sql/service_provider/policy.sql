-- Policy of the service provider (R50; design 9)

-- Sets the function that judges an event: reload, the request for a reload that
-- the record of the old load allows.  NULL: what the record allows is approved.
-- For superusers.  It is stored by its qualified signature.
-- Errors: 42883 no such function; 42804 no policy; 42501 not a superuser's;
-- 22023 unknown event.
CREATE FUNCTION service_provider.set_policy(event text, function regprocedure)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require_event(set_policy.event, '{reload}');
    IF set_policy.function IS NULL THEN
        DELETE FROM service_provider.policy p WHERE p.event = set_policy.event;
        RETURN;
    END IF;
    INSERT INTO service_provider.policy (event, function)
    VALUES (set_policy.event, screissue.policy_signature(set_policy.function))
        ON CONFLICT ON CONSTRAINT policy_pkey DO UPDATE
       SET function = excluded.function;
END
$$;
COMMENT ON FUNCTION service_provider.set_policy(text, regprocedure) IS
    'set the function that judges an event';

-- What the policy is told: the request, the old load that it would inherit, its
-- examination, and how often the user reloaded in the last twelve months.
CREATE FUNCTION service_provider.describe_request(
    request_id bigint,
    inherits screissue.message_id)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT jsonb_build_object(
               'event', 'reload',
               'request_id', r.request_id,
               'application', r.app_id::text,
               'issuer', r.issuer::text,
               'platform_type', r.platform_type,
               'method', r.method,
               'requested_by', r.requested_by,
               'reason', n.reason,
               'inherits', l.message_id::text,
               'user_ref', l.user_ref,
               'account', l.account,
               'loaded_at', l.loaded_at,
               'reloads_in_12_months',
               (SELECT count(*)
                  FROM service_provider.app_load o
                 WHERE o.user_ref = l.user_ref
                   AND o.inherits IS NOT NULL
                   AND o.loaded_at > now() - interval '12 months'),
               'old_examination',
               (SELECT jsonb_build_object(
                           'approved', x.approved,
                           'reason', x.reason,
                           'examined_at', x.examined_at,
                           'valid_until', x.valid_until,
                           'examiner', x.examiner)
                  FROM service_provider.examination x
                 WHERE x.examination_id = l.examination_id))
      FROM service_provider.reload_request r
      JOIN service_provider.app_load l
        ON l.message_id = describe_request.inherits
      LEFT JOIN service_provider.reissue_notice n
        ON n.issuer = r.issuer AND n.notice_no = r.notice_no
     WHERE r.request_id = describe_request.request_id
$$;
COMMENT ON FUNCTION
    service_provider.describe_request(bigint, screissue.message_id) IS
    'what the policy is told of a request for a reload';

-- Asks the policy about a request that is on record.  What it says is on
-- record, too, as the examination.
CREATE FUNCTION service_provider.ask_policy(
    request_id bigint,
    inherits screissue.message_id,
    OUT examination_id bigint,
    OUT approved boolean,
    OUT reason text)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    signature text;
    told jsonb;
    judged record;
BEGIN
    SELECT p.function INTO STRICT signature
      FROM service_provider.policy p
     WHERE p.event = 'reload';
    told := service_provider.describe_request(
        ask_policy.request_id, ask_policy.inherits);
    judged := screissue.call_policy(signature, told);
    INSERT INTO service_provider.examination AS x
        (event, message_id, approved, reason, examined_at, valid_until,
         examiner, details)
    VALUES ('reload', ask_policy.inherits, judged.approved, judged.reason,
            now(),
            (now() AT TIME ZONE 'UTC' + judged.valid_for) AT TIME ZONE 'UTC',
            signature,
            told || jsonb_build_object('policy_sha256', judged.policy_sha256))
    RETURNING x.examination_id, x.approved, x.reason
         INTO ask_policy.examination_id, ask_policy.approved,
              ask_policy.reason;
END
$$;
COMMENT ON FUNCTION
    service_provider.ask_policy(bigint, screissue.message_id) IS
    'verdict of the policy on a request for a reload';
