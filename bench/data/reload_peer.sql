-- What a competent user would write for the same: the judgement of a request by card
-- id and notice, on the same tables, in one function with one statement for each thing
-- it has to know, and the rows of the request and of its examination written once.  It
-- has no other method, policy, server or mode of examination.

CREATE FUNCTION bench.request_reload(
    app screissue.app_id,
    issuer screissue.company_id,
    card screissue.card_id,
    user_ref text,
    OUT request_id bigint,
    OUT outcome screissue.reload_outcome,
    OUT refusal text,
    OUT inherits screissue.message_id,
    OUT fee numeric,
    OUT currency text,
    OUT examination_substituted boolean)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    gate record;
    notice record;
    old_load record;
    new_examination bigint;
BEGIN
    IF app IS NULL OR issuer IS NULL OR card IS NULL THEN
        RAISE EXCEPTION 'an argument is missing' USING ERRCODE = '22023';
    END IF;
    SELECT i.contract_until, a.withdrawn_at, a.max_examination_age INTO gate
      FROM service_provider.issuer i, service_provider.application a
     WHERE i.issuer = request_reload.issuer
       AND a.app_id = app;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'unknown issuer or application'
            USING ERRCODE = 'SR002';
    END IF;
    SELECT n.notice_no, n.message_id, n.reason,
           n.kind = 'withdrawal' AND n.new_card_id = card AS is_withdrawn,
           EXISTS (SELECT
                     FROM service_provider.reissue_notice s
                    WHERE s.issuer = n.issuer
                      AND s.old_card_id = card
                      AND s.kind = 'reissue'
                      AND s.notice_no > n.notice_no
                      AND NOT EXISTS
                          (SELECT
                             FROM service_provider.reissue_notice w
                            WHERE w.issuer = s.issuer
                              AND w.new_card_id = s.new_card_id
                              AND w.app_id = s.app_id
                              AND w.kind = 'withdrawal'
                              AND w.notice_no > s.notice_no)) AS is_replaced
      INTO notice
      FROM service_provider.reissue_notice n
     WHERE n.issuer = request_reload.issuer
       AND n.app_id = app
       AND (n.new_card_id = card AND n.kind IN ('reissue', 'withdrawal')
            OR n.old_card_id = card AND n.kind = 'withdrawal')
     ORDER BY n.notice_no DESC
     LIMIT 1;
    SELECT l.message_id, l.app_id, l.card_id, l.user_ref, l.status,
           m.examination_id, m.approved, m.examined_at, m.valid_until
      INTO old_load
      FROM service_provider.app_load l
      LEFT JOIN service_provider.examination x
        ON x.examination_id = l.examination_id
      LEFT JOIN service_provider.examination m
        ON m.examination_id = coalesce(x.substitutes, x.examination_id)
     WHERE l.message_id = notice.message_id;
    WHILE old_load.status = 'superseded' LOOP
        SELECT l.message_id, l.app_id, l.card_id, l.user_ref, l.status,
               m.examination_id, m.approved, m.examined_at, m.valid_until
          INTO old_load
          FROM service_provider.app_load l
          LEFT JOIN service_provider.examination x
            ON x.examination_id = l.examination_id
          LEFT JOIN service_provider.examination m
            ON m.examination_id = coalesce(x.substitutes, x.examination_id)
         WHERE l.inherits = old_load.message_id
           AND l.status IN ('loaded', 'superseded', 'unloaded')
         ORDER BY l.loaded_at DESC
         LIMIT 1;
    END LOOP;

    outcome := 'approved';
    IF gate.contract_until < (now() AT TIME ZONE 'UTC')::date THEN
        outcome := 'contract_ended';
    ELSIF gate.withdrawn_at IS NOT NULL THEN
        outcome := 'application_withdrawn';
    ELSIF notice.notice_no IS NULL THEN
        IF EXISTS (SELECT FROM service_provider.reissue_notice n
                    WHERE n.issuer = request_reload.issuer
                      AND n.new_card_id = card
                      AND n.kind = 'reissue') THEN
            outcome := 'not_loaded_before';
        ELSE
            outcome := 'not_reissued';
        END IF;
    ELSIF notice.is_withdrawn THEN
        outcome := 'entitlement_withdrawn';
    ELSIF notice.is_replaced THEN
        outcome := 'card_replaced';
    ELSIF old_load.status IS DISTINCT FROM 'loaded'
          OR old_load.app_id <> app THEN
        outcome := 'not_loaded_before';
    ELSIF old_load.card_id = card THEN
        outcome := 'already_reloaded';
    ELSIF old_load.user_ref <> request_reload.user_ref THEN
        outcome := 'refused';
    ELSIF old_load.approved IS NOT TRUE
          OR old_load.valid_until <= now()
          OR old_load.examined_at + gate.max_examination_age <= now() THEN
        outcome := 'examination_required';
    END IF;

    IF outcome = 'approved' THEN
        inherits := old_load.message_id;
        INSERT INTO service_provider.examination AS x
               (event, message_id, approved, examined_at, valid_until, examiner,
                substitutes)
        VALUES ('reload', inherits, true, now(), old_load.valid_until,
                'substitution', old_load.examination_id)
        RETURNING x.examination_id INTO new_examination;
        SELECT t.amount, t.currency INTO fee, currency
          FROM service_provider.tariff t
         WHERE t.app_id = app
           AND t.kind = 'reload'
           AND (t.reason IS NULL OR t.reason::text = notice.reason)
         ORDER BY t.reason NULLS LAST
         LIMIT 1;
        examination_substituted := true;
    ELSE
        refusal := outcome::text;
        examination_substituted := false;
    END IF;
    INSERT INTO service_provider.reload_request AS r
           (issuer, app_id, platform_type, card_id, user_ref, requested_by,
            requested_at, method, outcome, refusal, decided_at, notice_no,
            inherits, examination_id, fee, currency)
    VALUES (request_reload.issuer, app, 100, card, request_reload.user_ref,
            session_user, now(), 1, request_reload.outcome,
            request_reload.refusal, now(), notice.notice_no,
            request_reload.inherits, new_examination, request_reload.fee,
            request_reload.currency)
    RETURNING r.request_id INTO request_reload.request_id;
END
$$;
COMMENT ON FUNCTION bench.request_reload(
    screissue.app_id, screissue.company_id, screissue.card_id, text) IS
    'request_reload by card id, as a competent user would write it';

CREATE PROCEDURE bench.request_peer_reloads(
    slice integer,
    INOUT took double precision)
    LANGUAGE plpgsql
AS $$
DECLARE
    cards CONSTANT bench.presented[] := ARRAY(
        SELECT p FROM bench.presented p
         WHERE p.slice = request_peer_reloads.slice % 100);
    presented bench.presented;
    started double precision;
    verdict record;
BEGIN
    started := bench.cpu();
    FOREACH presented IN ARRAY cards LOOP
        SELECT r.request_id, r.outcome, r.inherits, r.fee INTO verdict
          FROM bench.request_reload(
                   app => 'D3920000A101', issuer => 'BANKJP',
                   card => presented.card,
                   user_ref => presented.user_ref) r;
        COMMIT;
    END LOOP;
    took := (bench.cpu() - started) * 1e6 / cardinality(cards);
END
$$;
COMMENT ON PROCEDURE bench.request_peer_reloads(integer, double precision) IS
    'the same by the peer''s function';
