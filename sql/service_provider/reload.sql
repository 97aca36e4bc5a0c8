-- Requests for a reload (Fig. 7, Fig. 11, Fig. 18)
--
-- judge_gates       the contract with the issuer, the application
-- judge_request     the platform type picks the method
-- find_relation     method 1: what makes this card a reissued one (704, 705)
-- inquire           method 2: the issuer is asked with the attribute (806, 807)
-- judge_load        the old load, its examination, the price (706-708, 1106-1108)
-- keep_request      writes the request down, with all that the verdict rests on
--
-- The judgement is made on a judged_request, which each step takes and gives on
-- with what it found.  Its row is written once, at the end; before that only
-- where a reply, an answer or a policy is about to refer to it by its number.

-- A request for a reload: what was asked, what was found, what was decided.
-- request_id NULL: not on record.  server: of the issuer; named and reason: the
-- message id that the issuer named, and why it reissued the card.
CREATE TYPE service_provider.judged_request AS (
    request_id bigint,
    issuer screissue.company_id,
    app_id screissue.app_id,
    platform_type integer,
    method integer,
    card_id screissue.card_id,
    attribute screissue.card_attribute,
    printed_number text,
    user_ref text,
    requested_by text,
    server name,
    notice_no bigint,
    named screissue.message_id,
    reason text,
    inherits screissue.message_id,
    examination_id bigint,
    examination_substituted boolean,
    policy_examination_id bigint,
    fee numeric,
    currency text,
    tariff_reason screissue.reissue_reason,
    outcome screissue.reload_outcome,
    refusal text
);
COMMENT ON TYPE service_provider.judged_request IS
    'request for a reload, with what was found and decided';

-- Fig. 18, 404 and 701-703: a card was presented on which the application is
-- to be loaded; is it a reissued card that inherits it, and on which terms?
-- The platform type picks the method: 1 needs the card id and goes by notice,
-- or asks the issuer's server (Fig. 19); 2 needs the attribute and asks the
-- issuer's server, or, where there is none, waits for record_reply; an unknown
-- type tries one, then the other.  requested_by: who asks, the calling role if
-- nobody is named.  Verdicts are data: see outcome.
-- Errors: SR002 unknown issuer; SR003 unknown application; 22023 no card id
-- for method 1, no attribute for method 2, or a card id that is not ours to
-- know; 08P01 the issuer's answer makes no sense; what its server raises, SR011
-- among it.
CREATE FUNCTION service_provider.request_reload(
    app screissue.app_id,
    issuer screissue.company_id,
    platform_type integer DEFAULT 999,
    card screissue.card_id DEFAULT NULL,
    attribute screissue.card_attribute DEFAULT NULL,
    user_ref text DEFAULT NULL,
    requested_by text DEFAULT NULL,
    printed_number text DEFAULT NULL,
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
    request service_provider.judged_request;
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('app', request_reload.app IS NOT NULL);
    PERFORM screissue.require('issuer', request_reload.issuer IS NOT NULL);
    request.issuer := request_reload.issuer;
    request.app_id := request_reload.app;
    request := service_provider.judge_gates(request);
    request.method := screissue.method_of(request_reload.platform_type);
    IF request.method = 1 THEN
        PERFORM screissue.require('card', request_reload.card IS NOT NULL);
    ELSIF request.method = 2 THEN
        PERFORM service_provider.refuse_secret_card_id(
            request_reload.platform_type, request_reload.card);
        PERFORM screissue.require('attribute',
                                  request_reload.attribute IS NOT NULL);
    END IF;

    request.platform_type := coalesce(request_reload.platform_type, 999);
    request.card_id := request_reload.card;
    request.attribute := request_reload.attribute;
    request.printed_number := request_reload.printed_number;
    request.user_ref := request_reload.user_ref;
    request.requested_by := coalesce(request_reload.requested_by,
                                     calling_role());
    IF request.outcome IS NULL THEN
        request := service_provider.judge_request(request);
    END IF;
    request := service_provider.keep_request(request);

    request_reload.request_id := request.request_id;
    request_reload.outcome := request.outcome;
    request_reload.refusal := request.refusal;
    request_reload.inherits := request.inherits;
    request_reload.fee := request.fee;
    request_reload.currency := request.currency;
    request_reload.examination_substituted := request.examination_substituted;
END
$$;
COMMENT ON FUNCTION service_provider.request_reload(
    screissue.app_id, screissue.company_id, integer, screissue.card_id,
    screissue.card_attribute, text, text, text) IS
    'request to reload an application on a reissued card (Fig. 18)';

CREATE FUNCTION service_provider.raise_unknown_request(request_id bigint)
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'unknown request %', raise_unknown_request.request_id
        USING ERRCODE = '22023',
              HINT = 'Give the request_id that request_reload returned.';
END
$$;
COMMENT ON FUNCTION service_provider.raise_unknown_request(bigint) IS
    'error 22023';

-- Locks a request.  Errors: 22023 unknown.
CREATE FUNCTION service_provider.lock_request(request_id bigint)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('request_id',
                              lock_request.request_id IS NOT NULL);
    PERFORM r.request_id
       FROM service_provider.reload_request r
      WHERE r.request_id = lock_request.request_id
        FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM service_provider.raise_unknown_request(
            lock_request.request_id);
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.lock_request(bigint) IS
    'lock a request for a reload';

-- A request as it is on record, to be judged on.
CREATE FUNCTION service_provider.recorded_request(request_id bigint)
    RETURNS service_provider.judged_request
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    request service_provider.judged_request;
BEGIN
    SELECT r.request_id, r.issuer, r.app_id, r.platform_type, r.method,
           r.card_id, r.attribute, r.printed_number, r.user_ref,
           r.requested_by, i.server, r.notice_no,
           service_provider.answered_id(r.request_id), n.reason, r.inherits,
           r.examination_id,
           r.outcome = 'approved' AND x.substitutes IS NOT NULL,
           r.policy_examination_id, r.fee, r.currency, r.tariff_reason,
           r.outcome, r.refusal
      INTO STRICT request
      FROM service_provider.reload_request r
      JOIN service_provider.issuer i ON i.issuer = r.issuer
      LEFT JOIN service_provider.reissue_notice n
        ON n.issuer = r.issuer
       AND n.notice_no = r.notice_no
      LEFT JOIN service_provider.examination x
        ON x.examination_id = r.examination_id
     WHERE r.request_id = recorded_request.request_id;
    RETURN request;
END
$$;
COMMENT ON FUNCTION service_provider.recorded_request(bigint) IS
    'request for a reload that is on record';

-- Writes a request down, with its number if it had none.  The attribute and the
-- printed number, which may be the card's, are kept only while a reply is
-- awaited, for the application server's inquiry; the attribute's digest stays.
CREATE FUNCTION service_provider.keep_request(
    INOUT request service_provider.judged_request)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    waits CONSTANT boolean := request.outcome = 'awaiting_reply';
BEGIN
    IF request.request_id IS NULL THEN
        INSERT INTO service_provider.reload_request AS r
            (issuer, app_id, platform_type, method, card_id, attribute,
             attribute_sha256, user_ref, requested_by, printed_number,
             requested_at, outcome, refusal, decided_at, notice_no, inherits,
             examination_id, policy_examination_id, fee, currency,
             tariff_reason)
        VALUES (request.issuer, request.app_id, request.platform_type,
                request.method, request.card_id,
                CASE WHEN waits THEN request.attribute END,
                sha256(convert_to(request.attribute::text, 'UTF8')),
                request.user_ref, request.requested_by,
                CASE WHEN waits THEN request.printed_number END, now(),
                request.outcome, request.refusal, now(), request.notice_no,
                request.inherits, request.examination_id,
                request.policy_examination_id, request.fee, request.currency,
                request.tariff_reason)
        RETURNING r.request_id INTO request.request_id;
        RETURN;
    END IF;
    UPDATE service_provider.reload_request r
       SET method = request.method,
           card_id = request.card_id,
           attribute = CASE WHEN waits THEN request.attribute END,
           printed_number = CASE WHEN waits THEN request.printed_number END,
           outcome = request.outcome,
           refusal = request.refusal,
           decided_at = now(),
           notice_no = request.notice_no,
           inherits = request.inherits,
           examination_id = request.examination_id,
           policy_examination_id = request.policy_examination_id,
           fee = request.fee,
           currency = request.currency,
           tariff_reason = request.tariff_reason
     WHERE r.request_id = request.request_id;
END
$$;
COMMENT ON FUNCTION
    service_provider.keep_request(service_provider.judged_request) IS
    'record of a request for a reload';

-- The gates: the contract with the issuer (E14), the application (E13).  With
-- them a judgement begins: outcome NULL if both are open.
-- Errors: SR002 unknown issuer; SR003 unknown application.
CREATE FUNCTION service_provider.judge_gates(
    INOUT request service_provider.judged_request)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    gate record;
BEGIN
    SELECT i.server, i.contract_until, a.withdrawn_at INTO gate
      FROM service_provider.issuer i
     CROSS JOIN service_provider.application a
     WHERE i.issuer = request.issuer
       AND a.app_id = request.app_id;
    IF NOT FOUND THEN
        PERFORM service_provider.require_issuer(request.issuer);
        PERFORM service_provider.require_application(request.app_id);
    END IF;

    request.server := gate.server;
    request.examination_substituted := false;
    request.outcome := NULL;
    request.refusal := NULL;
    IF gate.contract_until < today() THEN
        request.outcome := 'contract_ended';
        request.refusal := format('the contract with the issuer ended on %s',
                                  gate.contract_until);
    ELSIF gate.withdrawn_at IS NOT NULL THEN
        request.outcome := 'application_withdrawn';
        request.refusal := 'the application is withdrawn';
    END IF;
END
$$;
COMMENT ON FUNCTION
    service_provider.judge_gates(service_provider.judged_request) IS
    'check of contract and application before a request is judged';

-- Fig. 18, steps 1801-1804.  A card id that is there is tried first; an
-- unknown platform type whose card is not known goes on to the inquiry.
CREATE FUNCTION service_provider.judge_request(
    INOUT request service_provider.judged_request)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    -- Step 1803, method 1.
    IF request.card_id IS NOT NULL THEN
        request := service_provider.find_relation(request);
        IF request.method = 1
           OR (request.outcome = 'not_reissued') IS NOT TRUE THEN
            request.method := 1;
            IF request.outcome IS NULL THEN
                request := service_provider.judge_load(request);
            END IF;
            RETURN;
        END IF;
        request.outcome := NULL;
        request.refusal := NULL;
    END IF;

    -- Step 1804, method 2; without a server the application server inquires.
    IF request.attribute IS NOT NULL THEN
        request.method := 2;
    END IF;
    IF request.server IS NULL OR request.attribute IS NULL THEN
        request.outcome := 'awaiting_reply';
    ELSE
        request := service_provider.inquire(request);
        request := service_provider.judge_reply(request);
    END IF;
END
$$;
COMMENT ON FUNCTION
    service_provider.judge_request(service_provider.judged_request) IS
    'dispatch of a request by platform type (Fig. 18)';

-- Steps 704 and 705: the notice that makes the request's card a reissued one.
-- Notices decide first; where the issuer sends none, its server is asked
-- (Fig. 19), each time anew, since no withdrawal would reach us either; an
-- answer on record counts only while there is no server.  A card that is known
-- as a reissued one through another application is told apart from one that is
-- not (R25).  outcome NULL: found.
CREATE FUNCTION service_provider.find_relation(
    INOUT request service_provider.judged_request)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    deciding record;
BEGIN
    deciding := service_provider.deciding_notice(
        request.issuer, request.card_id, request.app_id);
    IF request.server IS NOT NULL
       AND (deciding.notice_no > 0) IS NOT TRUE THEN
        request := service_provider.ask_issuer(request);
        IF request.notice_no IS NULL THEN
            request.outcome := 'not_reissued';
            request.refusal := 'the issuer names no old card for it';
        END IF;
    ELSE
        request.notice_no := deciding.notice_no;
        request.named := deciding.message_id;
        request.reason := deciding.reason;
        IF deciding.notice_no IS NULL THEN
            request.outcome := 'not_reissued';
            request.refusal := 'no notice about this card and application';
        ELSIF deciding.is_withdrawn THEN
            request.outcome := 'entitlement_withdrawn';
            request.refusal := 'the issuer withdrew the reissue';
        ELSIF service_provider.is_replaced(
                  request.issuer, request.card_id, deciding.notice_no) THEN
            request.outcome := 'card_replaced';
            request.refusal := 'the card itself was replaced since';
        END IF;
    END IF;
    IF request.outcome = 'not_reissued' THEN
        IF service_provider.is_reissued(request.issuer, request.card_id) THEN
            request.outcome := 'not_loaded_before';
            request.refusal := 'the application was not on the old card';
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION
    service_provider.find_relation(service_provider.judged_request) IS
    'notice that makes a card a reissued one (Fig. 7 steps 704, 705)';

-- E21: of all that notices say about this card and application the highest
-- number decides.  A withdrawal speaks of two cards: the reissued one, which
-- loses the application, and the old one, which has it handed back (E9).
-- Answers to inquiries have negative numbers, the newest the lowest, and give
-- way to every notice.
CREATE FUNCTION service_provider.deciding_notice(
    issuer screissue.company_id,
    card screissue.card_id,
    app screissue.app_id,
    OUT notice_no bigint,
    OUT message_id screissue.message_id,
    OUT reason text,
    OUT is_withdrawn boolean)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    SELECT n.notice_no, n.message_id, n.reason,
           n.kind = 'withdrawal' AND n.new_card_id = deciding_notice.card
      INTO deciding_notice.notice_no, deciding_notice.message_id,
           deciding_notice.reason, deciding_notice.is_withdrawn
      FROM service_provider.reissue_notice n
     WHERE n.issuer = deciding_notice.issuer
       AND n.app_id = deciding_notice.app
       AND (n.new_card_id = deciding_notice.card
            AND n.kind IN ('reissue', 'withdrawal')
         OR n.old_card_id = deciding_notice.card
            AND n.kind = 'withdrawal')
     ORDER BY greatest(n.notice_no, 0) DESC, n.notice_no
     LIMIT 1;
END
$$;
COMMENT ON FUNCTION service_provider.deciding_notice(
    screissue.company_id, screissue.card_id, screissue.app_id) IS
    'newest word of the issuer on a card and an application';

-- Does a notice about any application say that this card is a reissued one?
-- Not an answer to an inquiry: no withdrawal follows that.
CREATE FUNCTION service_provider.is_reissued(
    issuer screissue.company_id,
    card screissue.card_id)
    RETURNS boolean
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RETURN EXISTS
        (SELECT FROM service_provider.reissue_notice n
          WHERE n.issuer = is_reissued.issuer
            AND n.new_card_id = is_reissued.card
            AND n.notice_no > 0
            AND n.kind = 'reissue'
            AND NOT EXISTS
                (SELECT FROM service_provider.reissue_notice w
                  WHERE w.issuer = n.issuer
                    AND w.new_card_id = n.new_card_id
                    AND w.app_id = n.app_id
                    AND w.kind = 'withdrawal'
                    AND w.notice_no > n.notice_no));
END
$$;
COMMENT ON FUNCTION service_provider.is_reissued(
    screissue.company_id, screissue.card_id) IS
    'whether a card is known as a reissued one';

-- Did the issuer replace this card after the notice, and not take it back?
-- A notice about any application tells.
CREATE FUNCTION service_provider.is_replaced(
    issuer screissue.company_id,
    card screissue.card_id,
    after_no bigint)
    RETURNS boolean
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RETURN EXISTS
        (SELECT FROM service_provider.reissue_notice n
          WHERE n.issuer = is_replaced.issuer
            AND n.old_card_id = is_replaced.card
            AND n.kind = 'reissue'
            AND n.notice_no > is_replaced.after_no
            AND NOT EXISTS
                (SELECT FROM service_provider.reissue_notice w
                  WHERE w.issuer = n.issuer
                    AND w.new_card_id = n.new_card_id
                    AND w.app_id = n.app_id
                    AND w.kind = 'withdrawal'
                    AND w.notice_no > n.notice_no));
END
$$;
COMMENT ON FUNCTION service_provider.is_replaced(
    screissue.company_id, screissue.card_id, bigint) IS
    'whether a card was replaced after a notice';

-- Fig. 19, steps 408 and 409: asks the issuer's server for the pair and lands
-- the answer as a notice under the request's number.  notice_no NULL after a
-- negative answer.
CREATE FUNCTION service_provider.ask_issuer(
    INOUT request service_provider.judged_request)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    answer record;
BEGIN
    request := service_provider.keep_request(request);
    answer := service_provider.ask_server(request, format(
        'SELECT pg_catalog.to_jsonb(r) FROM '
        'card_issuer.find_reissue(card => %L, app => %L) r',
        request.card_id, request.app_id));
    IF answer.reissued THEN
        request.named := answer.message_id;
        request.notice_no := service_provider.land_answer(
            request, answer.platform_type, answer.old_card_id);
    END IF;
END
$$;
COMMENT ON FUNCTION
    service_provider.ask_issuer(service_provider.judged_request) IS
    'inquiry about a readable card (Fig. 19)';

-- Steps 806 and 807, R34, R39: asks the issuer's server with the attribute and
-- stores the reply under the request's number (Fig. 16).
CREATE FUNCTION service_provider.inquire(
    INOUT request service_provider.judged_request)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    answer record;
BEGIN
    request := service_provider.keep_request(request);
    answer := service_provider.ask_server(request, format(
        'SELECT pg_catalog.to_jsonb(r) FROM card_issuer.inquire('
        'attribute => %L, app => %L, printed_number => %L) r',
        request.attribute, request.app_id, request.printed_number));
    PERFORM service_provider.store_reply(
        request.request_id, answer.platform_type, answer.reissued,
        answer.message_id, NULL, 'server');
END
$$;
COMMENT ON FUNCTION
    service_provider.inquire(service_provider.judged_request) IS
    'inquiry about a card that only the issuer can read (Fig. 11 step 1104)';

-- Asks the server of a request's issuer; the answer, checked.
-- Errors: 08P01; what the server raises.
CREATE FUNCTION service_provider.ask_server(
    request service_provider.judged_request,
    query text,
    OUT platform_type integer,
    OUT reissued boolean,
    OUT message_id screissue.message_id,
    OUT old_card_id screissue.card_id)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    rows_sent jsonb[];
BEGIN
    SELECT array_agg(a.sent) INTO rows_sent
      FROM screissue.remote_rows(request.server, query) a (sent);
    SELECT a.platform_type, a.reissued, a.message_id, a.old_card_id
      INTO STRICT ask_server.platform_type, ask_server.reissued,
           ask_server.message_id, ask_server.old_card_id
      FROM service_provider.read_answer(request.request_id, rows_sent) a;
END
$$;
COMMENT ON FUNCTION
    service_provider.ask_server(service_provider.judged_request, text) IS
    'question about a request to the issuer''s server';

-- The answer to an inquiry as the issuer's server sent it.  The issuer is
-- another party: what it says is believed only if it makes sense.
-- Errors: 08P01, which tells none of the values.
CREATE FUNCTION service_provider.read_answer(
    request_id bigint,
    rows_sent jsonb[],
    OUT platform_type integer,
    OUT reissued boolean,
    OUT message_id screissue.message_id,
    OUT old_card_id screissue.card_id)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    request record;
    fault text;
BEGIN
    SELECT r.issuer, r.app_id, r.card_id INTO STRICT request
      FROM service_provider.reload_request r
     WHERE r.request_id = read_answer.request_id;
    BEGIN
        SELECT a.platform_type, a.reissued, a.message_id, a.old_card_id
          INTO STRICT read_answer.platform_type, read_answer.reissued,
               read_answer.message_id, read_answer.old_card_id
          FROM jsonb_to_record(read_answer.rows_sent[1])
               a (platform_type integer, reissued boolean,
                  message_id screissue.message_id,
                  old_card_id screissue.card_id);
    EXCEPTION WHEN data_exception THEN
        fault := 'A value is not of its type.';
    END;

    fault := CASE
        WHEN cardinality(read_answer.rows_sent) IS DISTINCT FROM 1
            THEN 'It is not one row.'
        WHEN fault IS NOT NULL THEN fault
        WHEN num_nulls(read_answer.platform_type, read_answer.reissued) > 0
            THEN 'A value is missing.'
        WHEN read_answer.reissued <> (read_answer.message_id IS NOT NULL)
            THEN 'A message id is there if and only if the card is reissued.'
        WHEN NOT service_provider.is_ours(
                     read_answer.message_id, request.app_id, request.issuer)
            THEN 'The message id is one of other parties.'
        WHEN read_answer.old_card_id = request.card_id
            THEN 'A card cannot replace itself.'
        END;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'answer of issuer "%" makes no sense', request.issuer
            USING ERRCODE = '08P01',
                  DETAIL = fault;
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.read_answer(bigint, jsonb[]) IS
    'check of an answer that an issuer''s server sent';

-- Lands an answer about the request's card in the place of the notice that
-- the issuer did not send (R29).  The issuer gives it no number, so it gets
-- the negative of the request's.  Its number; NULL if it was quarantined.
CREATE FUNCTION service_provider.land_answer(
    request service_provider.judged_request,
    platform_type integer,
    old_card screissue.card_id)
    RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    landed CONSTANT text := service_provider.receive_notice(
        issuer => request.issuer::text,
        provider => service_provider.own_company()::text,
        notice_no => - request.request_id,
        kind => 'reissue',
        platform_type => land_answer.platform_type,
        new_card_id => request.card_id::text,
        old_card_id => land_answer.old_card::text,
        app_id => request.app_id::text,
        message_id => request.named::text,
        reason => NULL,
        noted_at => now(),
        carrier => 'inquiry');
BEGIN
    RETURN CASE WHEN landed <> 'quarantined' THEN - request.request_id END;
END
$$;
COMMENT ON FUNCTION service_provider.land_answer(
    service_provider.judged_request, integer, screissue.card_id) IS
    'landing of the answer to an inquiry about a readable card';

-- Steps 706-708 and 1106-1108, the same for both methods (R41): the old load
-- that the issuer named; its examination, and if that allows it the policy, or
-- the examination given; the price for the reason that the notice gives (R52).
CREATE FUNCTION service_provider.judge_load(
    INOUT request service_provider.judged_request,
    examination screissue.verdict DEFAULT NULL)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    price record;
BEGIN
    request := service_provider.find_old_load(request);
    IF request.outcome IS NOT NULL THEN
        RETURN;
    END IF;

    IF judge_load.examination IS DISTINCT FROM NULL THEN
        request := service_provider.examine_anew(
            request, judge_load.examination);
    ELSIF EXISTS (SELECT FROM service_provider.policy p
                  WHERE p.event = 'reload') THEN
        request := service_provider.keep_request(request);
        request := service_provider.examine_by_record(request);
        IF request.outcome = 'approved' THEN
            request := service_provider.examine_by_policy(request);
        END IF;
    ELSE
        request := service_provider.examine_by_record(request);
    END IF;

    IF request.outcome = 'approved' THEN
        price := service_provider.find_price(
            request.app_id, 'reload', request.reason);
        request.fee := price.fee;
        request.currency := price.currency;
        request.tariff_reason := price.tariff_reason;
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.judge_load(
    service_provider.judged_request, screissue.verdict) IS
    'judgement by the old load (Fig. 7 steps 706-708, Fig. 11 steps 1106-1108)';

-- Steps 706 and 1106, R25: our record of the load that the notice or reply
-- names, or of the reload that has taken its place since (E2).  outcome NULL:
-- inherits is the load to inherit.
CREATE FUNCTION service_provider.find_old_load(
    INOUT request service_provider.judged_request)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    named record;
    live record;
BEGIN
    SELECT l.message_id, l.app_id, l.card_id, l.user_ref, l.status INTO named
      FROM service_provider.app_load l
     WHERE l.message_id = request.named;
    live := named;
    IF named.status = 'superseded' THEN
        SELECT l.message_id, l.card_id, l.user_ref, l.status INTO live
          FROM service_provider.app_load l
         WHERE l.message_id = service_provider.live_load(named.message_id);
    END IF;

    request.inherits := NULL;
    request.refusal := CASE
        WHEN named.status IS NULL
            THEN 'there is no record of the old load'
        WHEN named.app_id <> request.app_id
            THEN 'the old load is one of another application'
        WHEN named.status IN ('permitted', 'failed')
            THEN 'the old load did not succeed'
        WHEN live.status IS DISTINCT FROM 'loaded'
            THEN 'the application was unloaded'
        END;
    IF request.refusal IS NOT NULL THEN
        request.outcome := 'not_loaded_before';
        RETURN;
    END IF;
    request.inherits := live.message_id;
    IF live.card_id = request.card_id
       OR request.card_id IS NULL
          AND service_provider.is_answered_twice(request.request_id) THEN
        request.outcome := 'already_reloaded';
        request.refusal := 'the application is on this card';
    ELSIF live.user_ref <> request.user_ref THEN
        request.outcome := 'refused';
        request.refusal := 'the old load is another user''s';
    END IF;
END
$$;
COMMENT ON FUNCTION
    service_provider.find_old_load(service_provider.judged_request) IS
    'load that a reload would inherit (Fig. 7 step 706, Fig. 11 step 1106)';

-- The message id that the issuer named: in its reply, else in its notice.
CREATE FUNCTION service_provider.answered_id(request_id bigint)
    RETURNS screissue.message_id
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RETURN (SELECT coalesce(p.message_id, n.message_id)
              FROM service_provider.reload_request r
              LEFT JOIN service_provider.inquiry_reply p
                ON p.request_id = r.request_id
              LEFT JOIN service_provider.reissue_notice n
                ON n.issuer = r.issuer
               AND n.notice_no = r.notice_no
             WHERE r.request_id = answered_id.request_id);
END
$$;
COMMENT ON FUNCTION service_provider.answered_id(bigint) IS
    'message id that the issuer named for a request';

-- A card whose id we cannot read always gets the same answer.  If a request
-- that got it was completed, the application is on that card already.
CREATE FUNCTION service_provider.is_answered_twice(request_id bigint)
    RETURNS boolean
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RETURN EXISTS
        (SELECT FROM service_provider.inquiry_reply p
           JOIN service_provider.inquiry_reply q
             ON q.message_id = p.message_id
            AND q.request_id <> p.request_id
           JOIN service_provider.reload_request earlier
             ON earlier.request_id = q.request_id
          WHERE p.request_id = is_answered_twice.request_id
            AND earlier.card_id IS NULL
            AND earlier.completed_at IS NOT NULL);
END
$$;
COMMENT ON FUNCTION service_provider.is_answered_twice(bigint) IS
    'whether a completed request got the same answer';

-- The examination for a reload, as the application's mode has it (R50): reuse
-- the old load's (claim 12), or leave it to a person to look at it or to judge
-- anew.  No examination was ever made: none is needed (R48).  Reused ones always
-- name the one that was really made, and that one's age and validity count
-- (E49), whatever the client's time zone is (E54).
CREATE FUNCTION service_provider.examine_by_record(
    INOUT request service_provider.judged_request)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    made record;
BEGIN
    SELECT a.examination_mode AS mode, l.examination_id AS old_id,
           m.examination_id, m.approved, m.reason, m.valid_until,
           (m.examined_at AT TIME ZONE 'UTC' + a.max_examination_age)
           AT TIME ZONE 'UTC' AS too_old_at
      INTO STRICT made
      FROM service_provider.application a
     CROSS JOIN service_provider.app_load l
      LEFT JOIN service_provider.examination x
        ON x.examination_id = l.examination_id
      LEFT JOIN service_provider.examination m
        ON m.examination_id = coalesce(x.substitutes, x.examination_id)
     WHERE a.app_id = request.app_id
       AND l.message_id = request.inherits;

    request.refusal := CASE
        WHEN made.mode = 'new' THEN 'a new examination is called for'
        WHEN made.mode = 'refer' THEN 'the old examination is to be looked at'
        WHEN made.examination_id IS NULL THEN NULL
        WHEN made.approved IS NULL THEN 'the old examination is pending'
        WHEN NOT made.approved THEN 'the old examination is negative'
        WHEN made.valid_until <= now() THEN 'the old examination has expired'
        WHEN made.too_old_at <= now() THEN 'the old examination is too old'
        END;
    IF request.refusal IS NOT NULL THEN
        request.outcome := 'examination_required';
        request.examination_id := CASE WHEN made.mode <> 'new'
                                       THEN made.old_id END;
        RETURN;
    END IF;
    request.outcome := 'approved';
    IF made.examination_id IS NOT NULL THEN
        INSERT INTO service_provider.examination AS x
            (event, message_id, approved, reason, examined_at, valid_until,
             examiner, substitutes)
        VALUES ('reload', request.inherits, made.approved, made.reason, now(),
                made.valid_until, 'substitution', made.examination_id)
        RETURNING x.examination_id INTO request.examination_id;
        request.examination_substituted := true;
    END IF;
END
$$;
COMMENT ON FUNCTION
    service_provider.examine_by_record(service_provider.judged_request) IS
    'examination of a reload by what is on record (claim 12)';

-- The examination for a reload that a person or a system made just now.
CREATE FUNCTION service_provider.examine_anew(
    INOUT request service_provider.judged_request,
    examination screissue.verdict)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    request.examination_id := service_provider.store_examination(
        'reload', request.inherits, examine_anew.examination,
        jsonb_build_object('request_id', request.request_id,
                           'referred_to', request.examination_id));
    IF (examine_anew.examination).approved THEN
        request.outcome := 'approved';
    ELSE
        request.outcome := 'refused';
        request.refusal := coalesce((examine_anew.examination).reason,
                                    'the examination is negative');
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.examine_anew(
    service_provider.judged_request, screissue.verdict) IS
    'new examination of a reload';

-- Asks the policy about a request that is on record, and that the record of the
-- old load allows.  What it says is on record, too; it counts unless it
-- approves: then the examination of the old load does.
CREATE FUNCTION service_provider.examine_by_policy(
    INOUT request service_provider.judged_request)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    judged record;
BEGIN
    judged := service_provider.ask_policy(request.request_id, request.inherits);
    request.policy_examination_id := judged.examination_id;
    IF judged.approved IS NOT TRUE THEN
        request.examination_id := judged.examination_id;
        request.examination_substituted := false;
        request.outcome := CASE
            WHEN judged.approved IS NULL THEN 'examination_required'
            ELSE 'refused' END::screissue.reload_outcome;
        request.refusal := coalesce(judged.reason, 'the policy');
    END IF;
END
$$;
COMMENT ON FUNCTION
    service_provider.examine_by_policy(service_provider.judged_request) IS
    'judgement of a request for a reload by the policy';

-- R50: the examination that a request was found to require; the request is
-- judged on with it, by the state of things now.  Repeatable.
-- Errors: 22023 unknown request, or a verdict that is neither yes nor no;
-- SR007 no examination is required; SR009 another one is on record.
CREATE FUNCTION service_provider.examine_reload(
    request_id bigint,
    examination screissue.verdict,
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
    PERFORM service_provider.lock_request(examine_reload.request_id);
    PERFORM screissue.require_verdict(examine_reload.examination);
    request := service_provider.recorded_request(examine_reload.request_id);
    IF NOT service_provider.is_examined(
               request, examine_reload.examination) THEN
        request := service_provider.judge_gates(request);
        IF request.outcome IS NULL THEN
            request := service_provider.judge_load(
                request, examine_reload.examination);
        END IF;
        request := service_provider.keep_request(request);
    END IF;

    examine_reload.outcome := request.outcome;
    examine_reload.refusal := request.refusal;
    examine_reload.inherits := request.inherits;
    examine_reload.fee := request.fee;
    examine_reload.currency := request.currency;
    examine_reload.examination_substituted := request.examination_substituted;
END
$$;
COMMENT ON FUNCTION
    service_provider.examine_reload(bigint, screissue.verdict) IS
    'examination that a request for a reload required';

-- False if the request requires an examination, true if it has had this one;
-- a policy's verdict is none that was required.
-- Errors: SR007, SR009.
CREATE FUNCTION service_provider.is_examined(
    request service_provider.judged_request,
    examination screissue.verdict)
    RETURNS boolean
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF request.outcome = 'examination_required' THEN
        RETURN false;
    ELSIF request.examination_id = request.policy_examination_id
          OR NOT EXISTS
             (SELECT FROM service_provider.examination x
               WHERE x.examination_id = request.examination_id
                 AND x.details @> jsonb_build_object('request_id',
                                                     request.request_id)) THEN
        RAISE EXCEPTION 'request % requires no examination', request.request_id
            USING ERRCODE = 'SR007',
                  DETAIL = format('Its outcome is %s.', request.outcome);
    ELSIF NOT service_provider.same_verdict(
                  request.examination_id, is_examined.examination) THEN
        RAISE EXCEPTION 'request % is recorded with another examination',
            request.request_id
            USING ERRCODE = 'SR009',
                  HINT = 'Make a new request for a new examination.';
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION service_provider.is_examined(
    service_provider.judged_request, screissue.verdict) IS
    'whether a request has had the examination it required';
