-- Evidence: why a reissue was decided as it was, and who was told of it

-- What an examination came to, by what, and on which data.  NULL: there was none.
CREATE FUNCTION card_issuer.explain_verdict(
    card screissue.card_id,
    examination_id bigint)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT card_issuer.describe_examination(x.card_id, x.examination_id)
           || jsonb_build_object(
                  'examination_id', x.examination_id,
                  'policy_sha256', x.details -> 'policy_sha256',
                  'told', x.details - 'policy_sha256')
      FROM card_issuer.examination x
     WHERE x.card_id = card
       AND x.examination_id = explain_verdict.examination_id
$$;
COMMENT ON FUNCTION card_issuer.explain_verdict(screissue.card_id, bigint) IS
    'verdict of an examination as evidence';

-- An examination as evidence: what was judged, the verdict, and, if it was reused,
-- that of the examination that was really made.  NULL: there was none.
CREATE FUNCTION card_issuer.explain_examination(
    card screissue.card_id,
    examination_id bigint)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT card_issuer.explain_verdict(x.card_id, x.examination_id)
           || jsonb_build_object(
                  'event', x.event,
                  'substitutes',
                  card_issuer.explain_verdict(x.substitutes_card_id,
                                              x.substitutes)
                  || jsonb_build_object('card_id', x.substitutes_card_id::text))
      FROM card_issuer.examination x
     WHERE x.card_id = card
       AND x.examination_id = explain_examination.examination_id
$$;
COMMENT ON FUNCTION
    card_issuer.explain_examination(screissue.card_id, bigint) IS
    'an examination as evidence';

-- A load as evidence: the examination by which it was permitted, its price and
-- the line of the tariff that gave it, the examination of its receipt, and the
-- last finding about it.  NULL: there is none.
CREATE FUNCTION card_issuer.explain_load(
    card screissue.card_id,
    message screissue.message_id)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT jsonb_build_object(
               'message_id', l.message_id::text,
               'card_id', l.card_id::text,
               'status', l.status,
               'inherits', l.inherits::text,
               'permitted_at', l.permitted_at,
               'loaded_at', l.loaded_at,
               'ended_at', l.ended_at,
               'receipt', encode(l.receipt, 'hex'),
               'fee', l.fee,
               'currency', l.currency,
               'tariff', CASE WHEN l.fee IS NOT NULL
                              THEN jsonb_build_object(
                                       'kind', l.tariff_kind,
                                       'reason', l.tariff_reason) END,
               'refunded_at', l.refunded_at,
               'examination', card_issuer.explain_examination(
                                  l.card_id, l.examination_id),
               'proof',
               (SELECT card_issuer.explain_examination(
                           x.card_id, x.examination_id)
                  FROM card_issuer.examination x
                 WHERE x.card_id = l.card_id
                   AND x.event = 'confirm'
                   AND x.details ->> 'load' = l.message_id::text),
               'finding', card_issuer.explain_examination(
                              l.card_id, l.finding_id))
      FROM card_issuer.app_load l
     WHERE l.card_id = card
       AND l.message_id = message
$$;
COMMENT ON FUNCTION
    card_issuer.explain_load(screissue.card_id, screissue.message_id) IS
    'a load as evidence';

-- What a reissued card inherited when it replaced its old card.  Its entitlement
-- tells, unless that was overwritten when a card that replaced it was withdrawn:
-- then the first reload on it, or what it passed on to that card.
CREATE FUNCTION card_issuer.first_inherited(
    card screissue.card_id,
    app screissue.app_id)
    RETURNS screissue.message_id
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    entitled record;
BEGIN
    SELECT e.message_id, e.old_card_id, c.replaces INTO entitled
      FROM card_issuer.entitlement e
      JOIN card_issuer.card c ON c.card_id = e.card_id
     WHERE e.card_id = card
       AND e.app_id = app;
    IF NOT FOUND OR entitled.old_card_id = entitled.replaces THEN
        RETURN entitled.message_id;
    END IF;
    RETURN coalesce(
        (SELECT l.inherits
           FROM card_issuer.app_load l
          WHERE l.card_id = card
            AND l.app_id = app
            AND l.tariff_kind = 'reload'
            AND l.loaded_at IS NOT NULL
          ORDER BY l.message_id
          LIMIT 1),
        card_issuer.first_inherited(entitled.old_card_id, app));
END
$$;
COMMENT ON FUNCTION
    card_issuer.first_inherited(screissue.card_id, screissue.app_id) IS
    'what a card inherited at its reissue';

-- What a reissued card inherited: for each application the old load, the
-- notices and replies that told of it, and the reloads made on it.  handed_back:
-- a load that came back later, from a card whose reissue was withdrawn.
CREATE FUNCTION card_issuer.explain_inheritance(card screissue.card_id)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    WITH told AS MATERIALIZED (
        SELECT t.*
          FROM card_issuer.told(card) t
         WHERE t.kind <> 'renewal')
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'app_id', e.app_id::text,
               'inherits', e.inherits::text,
               'handed_back', CASE WHEN (e.message_id = e.inherits) IS NOT TRUE
                                   THEN e.message_id::text END,
               'hops', e.hops,
               'granted_at', e.granted_at,
               'used_at', e.used_at,
               'withdrawn_at', e.withdrawn_at,
               'opted_out_at', e.opted_out_at,
               'old_load',
               (SELECT card_issuer.explain_load(o.card_id, o.message_id)
                  FROM card_issuer.app_load o
                 WHERE o.message_id = e.inherits),
               'recipients',
               (SELECT coalesce(jsonb_agg(to_jsonb(t) - 'app_id'), '[]')
                  FROM told t
                 WHERE t.app_id = e.app_id),
               'reloads',
               (SELECT coalesce(
                           jsonb_agg(card_issuer.explain_load(
                                         card, l.message_id)
                                     ORDER BY l.message_id), '[]')
                  FROM card_issuer.app_load l
                 WHERE l.card_id = card
                   AND l.app_id = e.app_id
                   AND l.tariff_kind = 'reload'))
               ORDER BY e.app_id), '[]')
      FROM (SELECT x.*, card_issuer.first_inherited(card, x.app_id) AS inherits
              FROM card_issuer.entitlement x
             WHERE x.card_id = card) e
$$;
COMMENT ON FUNCTION card_issuer.explain_inheritance(screissue.card_id) IS
    'what a reissued card inherited, as evidence';

-- The whole proof of a verdict on a request for a reissue, years later: the
-- request, its examination with the policy and all that it was told, the ones
-- before it (what the policy left open and a person decided, what was approved and
-- then withdrawn), the pair, and for each application what was inherited, who was
-- told, and by which examination and price it was reloaded.  What there is not is
-- null; times are in UTC.
-- Errors: SR004 unknown card; 22023 unknown request.
CREATE FUNCTION card_issuer.explain_decision(
    card screissue.card_id,
    request_id bigint)
    RETURNS jsonb
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
    SET timezone = 'UTC'
AS $$
DECLARE
    evidence jsonb;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.require_card(explain_decision.card);
    SELECT jsonb_build_object(
               'request', jsonb_build_object(
                   'request_id', r.request_id,
                   'card_id', r.old_card_id::text,
                   'reason', r.reason,
                   'requested_by', r.requested_by,
                   'requested_at', r.requested_at,
                   'status', r.status,
                   'refusal', r.refusal,
                   'completed_at', r.completed_at),
               'examination', card_issuer.explain_examination(
                                  r.old_card_id, r.examination_id),
               'earlier_examinations',
               (SELECT coalesce(
                           jsonb_agg(card_issuer.explain_examination(
                                         x.card_id, x.examination_id)
                                     ORDER BY x.examination_id), '[]')
                  FROM card_issuer.examination x
                 WHERE x.card_id = r.old_card_id
                   AND x.event = 'reissue'
                   AND x.details ->> 'request_id' = r.request_id::text
                   AND x.examination_id <> r.examination_id),
               'pair', CASE WHEN r.new_card_id IS NOT NULL
                            THEN jsonb_build_object(
                                     'old_card_id', o.card_id::text,
                                     'old_platform_type', o.platform_type,
                                     'new_card_id', n.card_id::text,
                                     'new_platform_type', n.platform_type,
                                     'issued_at', n.issued_at) END,
               'applications', card_issuer.explain_inheritance(r.new_card_id))
      INTO evidence
      FROM card_issuer.reissue_request r
      JOIN card_issuer.card o ON o.card_id = r.old_card_id
      LEFT JOIN card_issuer.card n ON n.card_id = r.new_card_id
     WHERE r.old_card_id = explain_decision.card
       AND r.request_id = explain_decision.request_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'card "%" has no request %',
            mask(explain_decision.card), explain_decision.request_id
            USING ERRCODE = '22023',
                  HINT = 'Give the request_id that request_reissue returned.';
    END IF;
    RETURN evidence;
END
$$;
COMMENT ON FUNCTION card_issuer.explain_decision(screissue.card_id, bigint) IS
    'proof of a verdict on a request for a reissue';

-- Who was told what this card, a reissued one, inherits: by notice, or by the
-- positive reply to an inquiry.
CREATE FUNCTION card_issuer.told(
    card screissue.card_id,
    OUT provider screissue.company_id,
    OUT app_id screissue.app_id,
    OUT kind text,
    OUT notice_no bigint,
    OUT carrier text,
    OUT noted_at timestamp with time zone,
    OUT delivered_at timestamp with time zone)
    RETURNS SETOF record
    LANGUAGE sql
    STABLE
    ROWS 4
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT p.provider, n.app_id::screissue.app_id, n.kind, n.notice_no,
           CASE p.delivery WHEN 'push' THEN 'replication' ELSE 'pull' END,
           n.noted_at, NULL::timestamptz
      FROM screissue.notice n
      JOIN card_issuer.provider p ON p.provider = n.provider::company_id
     WHERE n.new_card_id = card::text
       AND n.issuer = card_issuer.own_company()::text
     UNION ALL
    SELECT i.provider, i.app_id, 'reissue', NULL, 'inquiry',
           i.asked_at, i.asked_at
      FROM card_issuer.inquiry i
     WHERE i.card_id = card
       AND i.reissued
     ORDER BY 6, 1, 2, 4
$$;
COMMENT ON FUNCTION card_issuer.told(screissue.card_id) IS
    'who was told what a card inherits';

-- Issuer reporting: who was told of the reissue of this card, as the old or as
-- the new one, or of its renewal, when and by which carrier, as the contract has
-- it now.  A notice by replication or pull is
-- noted here when it is written; delivered_at is known of replies only, see
-- pg_replication_slots and the provider for the others.  A reply by find_reissue
-- leaves no record.
-- Errors: SR004 unknown card.
CREATE FUNCTION card_issuer.recipients(
    card screissue.card_id,
    OUT provider screissue.company_id,
    OUT app_id screissue.app_id,
    OUT notice_no bigint,
    OUT carrier text,
    OUT noted_at timestamp with time zone,
    OUT delivered_at timestamp with time zone)
    RETURNS SETOF record
    LANGUAGE plpgsql
    STABLE
    ROWS 4
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.require_card(recipients.card);
    RETURN QUERY
        SELECT t.provider, t.app_id, t.notice_no, t.carrier, t.noted_at,
               t.delivered_at
          FROM (SELECT recipients.card AS card_id, true AS is_new
                 UNION ALL
                SELECT r.new_card_id, false
                  FROM card_issuer.reissue_request r
                 WHERE r.old_card_id = recipients.card
                   AND r.new_card_id IS NOT NULL) c
         CROSS JOIN LATERAL card_issuer.told(c.card_id) t
         WHERE c.is_new OR t.kind <> 'renewal'
         ORDER BY t.noted_at, t.provider, t.app_id, t.notice_no;
END
$$;
COMMENT ON FUNCTION card_issuer.recipients(screissue.card_id) IS
    'who was told of the reissue of a card';
