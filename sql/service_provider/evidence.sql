-- Evidence: what the verdict on a request for a reload rests on (R26)
--
-- A function for each part, as jsonb with every key, null where there is
-- nothing.  Rows of the request, its notice or reply and its examinations stay
-- as the verdict found them, whatever is recorded later; of a load the status
-- is that of today, and its times tell what it was when the verdict was given.

-- What was asked, by whom, and what it came to.
CREATE FUNCTION service_provider.evidence_of_request(request_id bigint)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT jsonb_build_object(
               'request_id', r.request_id,
               'issuer', r.issuer::text,
               'app_id', r.app_id::text,
               'platform_type', r.platform_type,
               'method', r.method,
               'card_id', r.card_id::text,
               'attribute_sha256', encode(r.attribute_sha256, 'hex'),
               'user_ref', r.user_ref,
               'requested_by', r.requested_by,
               'requested_at', r.requested_at,
               'outcome', r.outcome,
               'refusal', r.refusal,
               'decided_at', r.decided_at)
      FROM service_provider.reload_request r
     WHERE r.request_id = evidence_of_request.request_id
$$;
COMMENT ON FUNCTION service_provider.evidence_of_request(bigint) IS
    'evidence of a verdict: the request';

-- The pair that made the card a reissued one, as far as its ids can be read
-- (R42): by the notice, else by the reply.
CREATE FUNCTION service_provider.evidence_of_pair(request_id bigint)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT jsonb_build_object(
               'old_card_id', coalesce(n.old_card_id, p.old_card_id)::text,
               'new_card_id', coalesce(n.new_card_id, r.card_id)::text)
      FROM service_provider.reload_request r
      LEFT JOIN service_provider.reissue_notice n
        ON n.issuer = r.issuer
       AND n.notice_no = r.notice_no
      LEFT JOIN service_provider.inquiry_reply p
        ON p.request_id = r.request_id
     WHERE r.request_id = evidence_of_pair.request_id
       AND coalesce(n.new_card_id, p.old_card_id) IS NOT NULL
       AND screissue.method_of(coalesce(n.platform_type, p.platform_type))
           IS DISTINCT FROM 2
$$;
COMMENT ON FUNCTION service_provider.evidence_of_pair(bigint) IS
    'evidence of a verdict: old and reissued card';

-- The notice that was judged (Fig. 12).
CREATE FUNCTION service_provider.evidence_of_notice(request_id bigint)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT jsonb_build_object(
               'notice_no', n.notice_no,
               'kind', n.kind,
               'platform_type', n.platform_type,
               'message_id', n.message_id::text,
               'reason', n.reason,
               'carrier', n.carrier,
               'noted_at', n.noted_at,
               'received_at', n.received_at)
      FROM service_provider.reload_request r
      JOIN service_provider.reissue_notice n
        ON n.issuer = r.issuer
       AND n.notice_no = r.notice_no
     WHERE r.request_id = evidence_of_notice.request_id
$$;
COMMENT ON FUNCTION service_provider.evidence_of_notice(bigint) IS
    'evidence of a verdict: the notice';

-- The reply to the inquiry (Fig. 16).
CREATE FUNCTION service_provider.evidence_of_reply(request_id bigint)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT jsonb_build_object(
               'platform_type', p.platform_type,
               'reissued', p.reissued,
               'message_id', p.message_id::text,
               'carrier', p.carrier,
               'replied_at', p.replied_at)
      FROM service_provider.inquiry_reply p
     WHERE p.request_id = evidence_of_reply.request_id
$$;
COMMENT ON FUNCTION service_provider.evidence_of_reply(bigint) IS
    'evidence of a verdict: the reply';

-- A load as it is now.
CREATE FUNCTION service_provider.evidence_of_load(
    message screissue.message_id)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT jsonb_build_object(
               'message_id', l.message_id::text,
               'app_id', l.app_id::text,
               'status', l.status,
               'user_ref', l.user_ref,
               'inherits', l.inherits::text,
               'permitted_at', l.permitted_at,
               'loaded_at', l.loaded_at,
               'ended_at', l.ended_at,
               'confirmed_at', l.confirmed_at)
      FROM service_provider.app_load l
     WHERE l.message_id = message
$$;
COMMENT ON FUNCTION
    service_provider.evidence_of_load(screissue.message_id) IS
    'evidence of a verdict: a load';

-- The load that the verdict is about: the one to inherit, else the one that
-- the issuer named.
CREATE FUNCTION service_provider.evidence_of_old_load(request_id bigint)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT service_provider.evidence_of_load(
               coalesce(r.inherits,
                        service_provider.answered_id(r.request_id)))
      FROM service_provider.reload_request r
     WHERE r.request_id = evidence_of_old_load.request_id
$$;
COMMENT ON FUNCTION service_provider.evidence_of_old_load(bigint) IS
    'evidence of a verdict: the old load';

-- One examination.  By a policy: examiner is its signature, policy_sha256 the
-- digest of its definition, told what it was told.
CREATE FUNCTION service_provider.evidence_of_examination(
    examination_id bigint)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT jsonb_build_object(
               'examination_id', x.examination_id,
               'event', x.event,
               'message_id', x.message_id::text,
               'approved', x.approved,
               'reason', x.reason,
               'examined_at', x.examined_at,
               'valid_until', x.valid_until,
               'examiner', x.examiner,
               'policy_sha256', x.details -> 'policy_sha256',
               'told', CASE WHEN x.details ? 'policy_sha256'
                            THEN x.details - 'policy_sha256' END)
      FROM service_provider.examination x
     WHERE x.examination_id = evidence_of_examination.examination_id
$$;
COMMENT ON FUNCTION service_provider.evidence_of_examination(bigint) IS
    'evidence of a verdict: an examination';

-- The examination that counted; the one really made, if that one was reused
-- (claim 12); the one that a person looked at who judged anew.
CREATE FUNCTION service_provider.evidence_of_judgement(request_id bigint)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT service_provider.evidence_of_examination(x.examination_id)
           || jsonb_build_object(
                  'substitutes',
                  service_provider.evidence_of_examination(x.substitutes),
                  'referred_to',
                  service_provider.evidence_of_examination(
                      coalesce(o.substitutes, o.examination_id)))
      FROM service_provider.reload_request r
      JOIN service_provider.examination x
        ON x.examination_id = r.examination_id
      LEFT JOIN service_provider.examination o
        ON o.examination_id = (x.details ->> 'referred_to')::bigint
     WHERE r.request_id = evidence_of_judgement.request_id
$$;
COMMENT ON FUNCTION service_provider.evidence_of_judgement(bigint) IS
    'evidence of a verdict: the examination that counted';

-- The line of the tariff that set the price, as it was then (R52).
CREATE FUNCTION service_provider.evidence_of_tariff(request_id bigint)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT jsonb_build_object(
               'kind', 'reload',
               'reason', r.tariff_reason,
               'amount', r.fee,
               'currency', r.currency)
      FROM service_provider.reload_request r
     WHERE r.request_id = evidence_of_tariff.request_id
       AND r.fee IS NOT NULL
$$;
COMMENT ON FUNCTION service_provider.evidence_of_tariff(bigint) IS
    'evidence of a verdict: the price';

-- What came of an approved request: permission and new load (R27).
CREATE FUNCTION service_provider.evidence_of_completion(request_id bigint)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT jsonb_build_object(
               'message_id', r.message_id::text,
               'completed_at', r.completed_at,
               'load', service_provider.evidence_of_load(r.message_id))
      FROM service_provider.reload_request r
     WHERE r.request_id = evidence_of_completion.request_id
       AND r.completed_at IS NOT NULL
$$;
COMMENT ON FUNCTION service_provider.evidence_of_completion(bigint) IS
    'evidence of a verdict: what came of it';

-- R26, R50: all that the verdict on a request rests on, and what came of it;
-- readable years later.  A part that there is none of is null.  Times are in
-- UTC.
-- Errors: 22023 unknown request.
CREATE FUNCTION service_provider.explain_decision(request_id bigint)
    RETURNS jsonb
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
    SET timezone = 'UTC'
AS $$
DECLARE
    id CONSTANT bigint := explain_decision.request_id;
    policy_examination_id bigint;
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('request_id', id IS NOT NULL);
    SELECT r.policy_examination_id INTO policy_examination_id
      FROM service_provider.reload_request r
     WHERE r.request_id = id;
    IF NOT FOUND THEN
        PERFORM service_provider.raise_unknown_request(id);
    END IF;

    RETURN jsonb_build_object(
        'request', service_provider.evidence_of_request(id),
        'pair', service_provider.evidence_of_pair(id),
        'notice', service_provider.evidence_of_notice(id),
        'reply', service_provider.evidence_of_reply(id),
        'old_load', service_provider.evidence_of_old_load(id),
        'examination', service_provider.evidence_of_judgement(id),
        'policy', service_provider.evidence_of_examination(
                      policy_examination_id),
        'tariff', service_provider.evidence_of_tariff(id),
        'completion', service_provider.evidence_of_completion(id));
END
$$;
COMMENT ON FUNCTION service_provider.explain_decision(bigint) IS
    'evidence of the verdict on a request for a reload';
