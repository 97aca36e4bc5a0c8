-- Replies to inquiries (Fig. 11, Fig. 16)

-- Step 807, R38, R39: the issuer's reply to an inquiry that the application
-- server carried; then the request is judged on.  old_card: only where cards
-- can be read, the pair is stored like a notice then (Fig. 13).  Repeatable.
-- Errors: 22023 unknown request, a message id without reissued or the other
-- way round or of another issuer or provider, or a pair of one card; SR007
-- the request waits for no reply; SR009 another reply is on record.
CREATE FUNCTION service_provider.record_reply(
    request_id bigint,
    platform_type integer,
    reissued boolean,
    message screissue.message_id,
    old_card screissue.card_id DEFAULT NULL,
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
    request service_provider.judged_request;
BEGIN
    PERFORM service_provider.own_company();
    request := service_provider.take_reply(
        record_reply.request_id, record_reply.platform_type,
        record_reply.reissued, record_reply.message, record_reply.old_card,
        'application');
    record_reply.outcome := request.outcome;
    record_reply.refusal := request.refusal;
    record_reply.inherits := request.inherits;
    record_reply.fee := request.fee;
    record_reply.currency := request.currency;
    record_reply.examination_substituted := request.examination_substituted;
END
$$;
COMMENT ON FUNCTION service_provider.record_reply(
    bigint, integer, boolean, screissue.message_id, screissue.card_id) IS
    'reply of the issuer to an inquiry (Fig. 11 step 1105, Fig. 16)';

-- Stores a reply unless it is on record, and judges the request by it.
-- Errors: as record_reply.
CREATE FUNCTION service_provider.take_reply(
    request_id bigint,
    platform_type integer,
    reissued boolean,
    message screissue.message_id,
    old_card screissue.card_id,
    carrier text,
    OUT request service_provider.judged_request)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.lock_request(take_reply.request_id);
    request := service_provider.recorded_request(take_reply.request_id);
    PERFORM service_provider.check_reply(
        request, take_reply.reissued, take_reply.message, take_reply.old_card);
    IF NOT service_provider.is_replied(
               request, take_reply.platform_type, take_reply.reissued,
               take_reply.message, take_reply.old_card) THEN
        PERFORM service_provider.store_reply(
            request.request_id, take_reply.platform_type, take_reply.reissued,
            take_reply.message, take_reply.old_card, take_reply.carrier);
        request := service_provider.judge_reply(request);
        request := service_provider.keep_request(request);
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.take_reply(
    bigint, integer, boolean, screissue.message_id, screissue.card_id, text) IS
    'storing of a reply and judgement by it';

-- Raises 22023 unless the reply is whole and meant for this request.
CREATE FUNCTION service_provider.check_reply(
    request service_provider.judged_request,
    reissued boolean,
    message screissue.message_id,
    old_card screissue.card_id)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('reissued', check_reply.reissued IS NOT NULL);
    IF check_reply.reissued <> (check_reply.message IS NOT NULL) THEN
        RAISE EXCEPTION 'a reply has a message id if and only if the card is reissued'
            USING ERRCODE = '22023';
    END IF;
    IF check_reply.reissued THEN
        PERFORM service_provider.require_message(
            check_reply.message, request.app_id, request.issuer);
    END IF;
    IF check_reply.old_card = request.card_id THEN
        RAISE EXCEPTION 'card "%" cannot replace itself', mask(request.card_id)
            USING ERRCODE = '22023';
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.check_reply(
    service_provider.judged_request, boolean, screissue.message_id,
    screissue.card_id) IS
    'check of a reply against its request';

-- What a reply may tell of the old card: its id, only where cards can be read
-- (R42).
CREATE FUNCTION service_provider.readable_card(
    platform_type integer,
    card screissue.card_id)
    RETURNS screissue.card_id
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT card WHERE screissue.method_of(platform_type) = 1
$$;
COMMENT ON FUNCTION
    service_provider.readable_card(integer, screissue.card_id) IS
    'card id if it may be stored at the provider';

-- False if the request waits for a reply, true if it has had this one.
-- Errors: SR007, SR009.
CREATE FUNCTION service_provider.is_replied(
    request service_provider.judged_request,
    platform_type integer,
    reissued boolean,
    message screissue.message_id,
    old_card screissue.card_id)
    RETURNS boolean
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    recorded record;
BEGIN
    SELECT p.platform_type, p.reissued, p.message_id, p.old_card_id
      INTO recorded
      FROM service_provider.inquiry_reply p
     WHERE p.request_id = request.request_id;
    IF FOUND THEN
        IF recorded.platform_type IS DISTINCT FROM is_replied.platform_type
           OR recorded.reissued <> is_replied.reissued
           OR recorded.message_id IS DISTINCT FROM is_replied.message
           OR recorded.old_card_id IS DISTINCT FROM
              service_provider.readable_card(is_replied.platform_type,
                                             is_replied.old_card) THEN
            RAISE EXCEPTION 'request % is recorded with another reply',
                request.request_id
                USING ERRCODE = 'SR009',
                      HINT = 'Make a new request for a new inquiry.';
        END IF;
        RETURN true;
    END IF;

    IF request.outcome NOT IN ('awaiting_reply', 'not_reissued') THEN
        RAISE EXCEPTION 'request % is %, it waits for no reply',
            request.request_id, request.outcome
            USING ERRCODE = 'SR007';
    END IF;
    RETURN false;
END
$$;
COMMENT ON FUNCTION service_provider.is_replied(
    service_provider.judged_request, integer, boolean, screissue.message_id,
    screissue.card_id) IS
    'whether a request has had its reply';

-- Stores the reply.  carrier: server, application, file or paper.
CREATE FUNCTION service_provider.store_reply(
    request_id bigint,
    platform_type integer,
    reissued boolean,
    message screissue.message_id,
    old_card screissue.card_id,
    carrier text)
    RETURNS void
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    INSERT INTO service_provider.inquiry_reply
        (request_id, platform_type, reissued, message_id, old_card_id,
         replied_at, carrier)
    VALUES (store_reply.request_id, store_reply.platform_type,
            store_reply.reissued, store_reply.message,
            service_provider.readable_card(store_reply.platform_type,
                                           store_reply.old_card),
            now(), store_reply.carrier)
$$;
COMMENT ON FUNCTION service_provider.store_reply(
    bigint, integer, boolean, screissue.message_id, screissue.card_id, text) IS
    'storing of a reply (Fig. 16)';

-- Judges a request by the reply that was stored for it.
CREATE FUNCTION service_provider.judge_reply(
    INOUT request service_provider.judged_request)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    reply record;
BEGIN
    SELECT p.platform_type, p.reissued, p.message_id, p.old_card_id,
           screissue.method_of(p.platform_type) AS method
      INTO STRICT reply
      FROM service_provider.inquiry_reply p
     WHERE p.request_id = request.request_id;
    IF NOT reply.reissued THEN
        request.outcome := 'not_reissued';
        request.refusal := 'the issuer''s reply is negative';
        RETURN;
    END IF;

    request.named := reply.message_id;
    request.method := coalesce(request.method, reply.method);
    -- R42: now we know that the card's id is not ours to keep.
    IF reply.method = 2 THEN
        request.card_id := NULL;
    END IF;
    IF request.card_id IS NOT NULL AND reply.old_card_id IS NOT NULL THEN
        request.notice_no := service_provider.land_answer(
            request, reply.platform_type, reply.old_card_id);
    END IF;
    request := service_provider.judge_gates(request);
    IF request.outcome IS NULL THEN
        request := service_provider.judge_load(request);
    END IF;
END
$$;
COMMENT ON FUNCTION
    service_provider.judge_reply(service_provider.judged_request) IS
    'judgement of a request by its reply (Fig. 11 steps 1105-1108)';
