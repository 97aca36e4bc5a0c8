-- Requests for a reload (Fig. 7, Fig. 11, Fig. 18)
--
-- judge_request     the gates, then the platform type picks the method
-- find_relation     method 1: what makes this card a reissued one (704, 705)
-- inquire           method 2: the issuer is asked with the attribute (806, 807)
-- judge_load        the old load, its examination, the price (706-708, 1106-1108)
--
-- All that a verdict rests on is kept in the request's row.  The attribute and
-- the printed number are kept only while a reply is awaited.

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
    method integer;
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('app', request_reload.app IS NOT NULL);
    PERFORM screissue.require('issuer', request_reload.issuer IS NOT NULL);
    PERFORM service_provider.require_issuer(request_reload.issuer);
    PERFORM service_provider.require_application(request_reload.app);
    method := screissue.method_of(request_reload.platform_type);
    PERFORM service_provider.refuse_secret_card_id(
        request_reload.platform_type, request_reload.card);
    IF method = 1 THEN
        PERFORM screissue.require('card', request_reload.card IS NOT NULL);
    ELSIF method = 2 THEN
        PERFORM screissue.require('attribute',
                                  request_reload.attribute IS NOT NULL);
    END IF;

    INSERT INTO service_provider.reload_request AS r
        (issuer, app_id, platform_type, method, card_id, attribute_sha256,
         user_ref, requested_by, requested_at)
    VALUES (request_reload.issuer, request_reload.app,
            coalesce(request_reload.platform_type, 999), method,
            request_reload.card,
            sha256(convert_to(request_reload.attribute::text, 'UTF8')),
            request_reload.user_ref,
            coalesce(request_reload.requested_by, calling_role()), now())
    RETURNING r.request_id INTO request_reload.request_id;

    PERFORM service_provider.judge_request(
        request_reload.request_id, request_reload.attribute,
        request_reload.printed_number);
    SELECT v.outcome, v.refusal, v.inherits, v.fee, v.currency,
           v.examination_substituted
      INTO request_reload.outcome, request_reload.refusal,
           request_reload.inherits, request_reload.fee,
           request_reload.currency, request_reload.examination_substituted
      FROM service_provider.get_verdict(request_reload.request_id) v;
END
$$;
COMMENT ON FUNCTION service_provider.request_reload(
    screissue.app_id, screissue.company_id, integer, screissue.card_id,
    screissue.card_attribute, text, text, text) IS
    'request to reload an application on a reissued card (Fig. 18)';

-- What was decided about a request.
CREATE FUNCTION service_provider.get_verdict(
    request_id bigint,
    OUT outcome screissue.reload_outcome,
    OUT refusal text,
    OUT inherits screissue.message_id,
    OUT fee numeric,
    OUT currency text,
    OUT examination_substituted boolean)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    SELECT r.outcome, r.refusal, r.inherits, r.fee, r.currency,
           r.outcome = 'approved' AND x.substitutes IS NOT NULL
      INTO get_verdict.outcome, get_verdict.refusal, get_verdict.inherits,
           get_verdict.fee, get_verdict.currency,
           get_verdict.examination_substituted
      FROM service_provider.reload_request r
      LEFT JOIN service_provider.examination x
        ON x.examination_id = r.examination_id
     WHERE r.request_id = get_verdict.request_id;
END
$$;
COMMENT ON FUNCTION service_provider.get_verdict(bigint) IS
    'verdict on a request for a reload';

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

-- Writes the outcome down.  Once it is known the attribute and the printed
-- number, which may be the card's, are erased; the attribute's digest stays.
CREATE FUNCTION service_provider.decide(
    request_id bigint,
    outcome screissue.reload_outcome,
    refusal text DEFAULT NULL)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    UPDATE service_provider.reload_request r
       SET outcome = decide.outcome,
           refusal = decide.refusal,
           decided_at = now(),
           attribute = NULL,
           printed_number = NULL
     WHERE r.request_id = decide.request_id;
END
$$;
COMMENT ON FUNCTION service_provider.decide(
    bigint, screissue.reload_outcome, text) IS
    'outcome of a request for a reload';

-- Lets a request wait for record_reply, with what the application server needs
-- for the inquiry.
CREATE FUNCTION service_provider.await_reply(
    request_id bigint,
    attribute screissue.card_attribute,
    printed_number text)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    UPDATE service_provider.reload_request r
       SET outcome = 'awaiting_reply',
           decided_at = now(),
           attribute = await_reply.attribute,
           printed_number = await_reply.printed_number
     WHERE r.request_id = await_reply.request_id;
END
$$;
COMMENT ON FUNCTION service_provider.await_reply(
    bigint, screissue.card_attribute, text) IS
    'let a request for a reload wait for the issuer''s reply';

-- The gates: the contract with the issuer (E14), the application (E13).
-- Decides and returns true if one is closed.
CREATE FUNCTION service_provider.decide_if_closed(request_id bigint)
    RETURNS boolean
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    gate record;
BEGIN
    SELECT i.contract_until, a.withdrawn_at INTO STRICT gate
      FROM service_provider.reload_request r
      JOIN service_provider.issuer i ON i.issuer = r.issuer
      JOIN service_provider.application a ON a.app_id = r.app_id
     WHERE r.request_id = decide_if_closed.request_id;
    IF gate.contract_until < today() THEN
        PERFORM service_provider.decide(
            decide_if_closed.request_id, 'contract_ended',
            format('the contract with the issuer ended on %s',
                   gate.contract_until));
        RETURN true;
    ELSIF gate.withdrawn_at IS NOT NULL THEN
        PERFORM service_provider.decide(
            decide_if_closed.request_id, 'application_withdrawn',
            'the application is withdrawn');
        RETURN true;
    END IF;
    RETURN false;
END
$$;
COMMENT ON FUNCTION service_provider.decide_if_closed(bigint) IS
    'check of contract and application before a request is judged';

-- Fig. 18, steps 1801-1804.  A card id that is there is tried first; an
-- unknown platform type whose card is not known goes on to the inquiry.
CREATE FUNCTION service_provider.judge_request(
    request_id bigint,
    attribute screissue.card_attribute,
    printed_number text)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    has_server boolean;
BEGIN
    IF service_provider.decide_if_closed(judge_request.request_id)
       OR service_provider.decide_by_card(judge_request.request_id) THEN
        RETURN;
    END IF;

    -- Step 806.
    UPDATE service_provider.reload_request r
       SET method = 2
     WHERE r.request_id = judge_request.request_id
       AND judge_request.attribute IS NOT NULL;
    SELECT i.server IS NOT NULL INTO STRICT has_server
      FROM service_provider.reload_request r
      JOIN service_provider.issuer i ON i.issuer = r.issuer
     WHERE r.request_id = judge_request.request_id;
    IF has_server AND judge_request.attribute IS NOT NULL THEN
        PERFORM service_provider.inquire(
            judge_request.request_id, judge_request.attribute,
            judge_request.printed_number);
        PERFORM service_provider.judge_reply(judge_request.request_id);
    ELSE
        PERFORM service_provider.await_reply(
            judge_request.request_id, judge_request.attribute,
            judge_request.printed_number);
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.judge_request(
    bigint, screissue.card_attribute, text) IS
    'dispatch of a request by platform type (Fig. 18)';

-- Method 1, step 1803.  Decides and returns true, unless there is no card id,
-- or the platform type is unknown and so is the card.
CREATE FUNCTION service_provider.decide_by_card(request_id bigint)
    RETURNS boolean
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    request record;
    relation record;
BEGIN
    SELECT r.method, r.card_id INTO STRICT request
      FROM service_provider.reload_request r
     WHERE r.request_id = decide_by_card.request_id;
    IF request.card_id IS NULL THEN
        RETURN false;
    END IF;
    relation := service_provider.find_relation(decide_by_card.request_id);
    IF request.method IS NULL AND relation.outcome = 'not_reissued' THEN
        RETURN false;
    END IF;

    UPDATE service_provider.reload_request r
       SET method = 1,
           notice_no = relation.notice_no
     WHERE r.request_id = decide_by_card.request_id;
    IF relation.outcome IS NULL THEN
        PERFORM service_provider.judge_load(decide_by_card.request_id);
    ELSE
        PERFORM service_provider.decide(
            decide_by_card.request_id, relation.outcome, relation.refusal);
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION service_provider.decide_by_card(bigint) IS
    'judgement of a request by the card''s id (Fig. 7)';

-- Steps 704 and 705: the notice that makes the request's card a reissued one.
-- Notices decide first; where the issuer sends none, its server is asked
-- (Fig. 19), each time anew, since no withdrawal would reach us either; an
-- answer on record counts only while there is no server.  A card that is known
-- as a reissued one through another application is told apart from one that is
-- not (R25).  outcome NULL: found.
CREATE FUNCTION service_provider.find_relation(
    request_id bigint,
    OUT notice_no bigint,
    OUT outcome screissue.reload_outcome,
    OUT refusal text)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    request record;
    deciding record;
BEGIN
    SELECT r.issuer, r.card_id, r.app_id, i.server INTO STRICT request
      FROM service_provider.reload_request r
      JOIN service_provider.issuer i ON i.issuer = r.issuer
     WHERE r.request_id = find_relation.request_id;
    deciding := service_provider.deciding_notice(
        request.issuer, request.card_id, request.app_id);
    find_relation.notice_no := deciding.notice_no;

    IF request.server IS NOT NULL
       AND (deciding.notice_no > 0) IS NOT TRUE THEN
        find_relation.notice_no := service_provider.ask_issuer(
            find_relation.request_id);
        IF find_relation.notice_no IS NULL THEN
            find_relation.outcome := 'not_reissued';
            find_relation.refusal := 'the issuer names no old card for it';
        END IF;
    ELSIF deciding.notice_no IS NULL THEN
        find_relation.outcome := 'not_reissued';
        find_relation.refusal := 'no notice about this card and application';
    ELSIF deciding.is_withdrawn THEN
        find_relation.outcome := 'entitlement_withdrawn';
        find_relation.refusal := 'the issuer withdrew the reissue';
    ELSIF service_provider.is_replaced(
              request.issuer, request.card_id, deciding.notice_no) THEN
        find_relation.outcome := 'card_replaced';
        find_relation.refusal := 'the card itself was replaced since';
    END IF;
    IF find_relation.outcome = 'not_reissued' THEN
        IF service_provider.is_reissued(request.issuer, request.card_id) THEN
            find_relation.outcome := 'not_loaded_before';
            find_relation.refusal := 'the application was not on the old card';
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.find_relation(bigint) IS
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
    OUT is_withdrawn boolean)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    SELECT n.notice_no,
           n.kind = 'withdrawal' AND n.new_card_id = deciding_notice.card
      INTO deciding_notice.notice_no, deciding_notice.is_withdrawn
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
-- the answer as a notice.  Its number, or NULL after a negative answer.
CREATE FUNCTION service_provider.ask_issuer(request_id bigint)
    RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    query text;
    answer record;
BEGIN
    SELECT format('SELECT pg_catalog.to_jsonb(r) FROM '
                  'card_issuer.find_reissue(card => %L, app => %L) r',
                  r.card_id, r.app_id)
      INTO STRICT query
      FROM service_provider.reload_request r
     WHERE r.request_id = ask_issuer.request_id;
    answer := service_provider.ask_server(ask_issuer.request_id, query);
    IF NOT answer.reissued THEN
        RETURN NULL;
    END IF;
    RETURN service_provider.land_answer(
        ask_issuer.request_id, answer.platform_type,
        answer.old_card_id::text, answer.message_id::text);
END
$$;
COMMENT ON FUNCTION service_provider.ask_issuer(bigint) IS
    'inquiry about a readable card (Fig. 19)';

-- Steps 806 and 807, R34, R39: asks the issuer's server with the attribute and
-- stores the reply (Fig. 16).
CREATE FUNCTION service_provider.inquire(
    request_id bigint,
    attribute screissue.card_attribute,
    printed_number text)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    query text;
    answer record;
BEGIN
    SELECT format('SELECT pg_catalog.to_jsonb(r) FROM card_issuer.inquire('
                  'attribute => %L, app => %L, printed_number => %L) r',
                  inquire.attribute, r.app_id, inquire.printed_number)
      INTO STRICT query
      FROM service_provider.reload_request r
     WHERE r.request_id = inquire.request_id;
    answer := service_provider.ask_server(inquire.request_id, query);
    PERFORM service_provider.store_reply(
        inquire.request_id, answer.platform_type, answer.reissued,
        answer.message_id, NULL, 'server');
END
$$;
COMMENT ON FUNCTION service_provider.inquire(
    bigint, screissue.card_attribute, text) IS
    'inquiry about a card that only the issuer can read (Fig. 11 step 1104)';

-- Asks the server of a request's issuer; the answer, checked.
-- Errors: 08P01; what the server raises.
CREATE FUNCTION service_provider.ask_server(
    request_id bigint,
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
    server name;
    rows_sent jsonb[];
BEGIN
    SELECT i.server INTO STRICT server
      FROM service_provider.reload_request r
      JOIN service_provider.issuer i ON i.issuer = r.issuer
     WHERE r.request_id = ask_server.request_id;
    SELECT array_agg(a.sent) INTO rows_sent
      FROM screissue.remote_rows(server, query) a (sent);
    SELECT a.platform_type, a.reissued, a.message_id, a.old_card_id
      INTO STRICT ask_server.platform_type, ask_server.reissued,
           ask_server.message_id, ask_server.old_card_id
      FROM service_provider.read_answer(ask_server.request_id, rows_sent) a;
END
$$;
COMMENT ON FUNCTION service_provider.ask_server(bigint, text) IS
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
    request_id bigint,
    platform_type integer,
    old_card_id text,
    message_id text)
    RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    landed text;
BEGIN
    SELECT service_provider.receive_notice(
               issuer => r.issuer::text,
               provider => service_provider.own_company()::text,
               notice_no => - r.request_id,
               kind => 'reissue',
               platform_type => land_answer.platform_type,
               new_card_id => r.card_id::text,
               old_card_id => land_answer.old_card_id,
               app_id => r.app_id::text,
               message_id => land_answer.message_id,
               reason => NULL,
               noted_at => now(),
               carrier => 'inquiry')
      INTO STRICT landed
      FROM service_provider.reload_request r
     WHERE r.request_id = land_answer.request_id;
    RETURN CASE WHEN landed <> 'quarantined' THEN - land_answer.request_id END;
END
$$;
COMMENT ON FUNCTION
    service_provider.land_answer(bigint, integer, text, text) IS
    'landing of the answer to an inquiry about a readable card';

-- Steps 706-708 and 1106-1108, the same for both methods (R41): the old load
-- that the issuer named, its examination or the one given, the price.
CREATE FUNCTION service_provider.judge_load(
    request_id bigint,
    examination screissue.verdict DEFAULT NULL)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    old_load record;
    examined record;
    by_policy record;
BEGIN
    old_load := service_provider.find_old_load(judge_load.request_id);
    IF old_load.outcome IS NOT NULL THEN
        UPDATE service_provider.reload_request r
           SET inherits = old_load.message_id
         WHERE r.request_id = judge_load.request_id;
        PERFORM service_provider.decide(
            judge_load.request_id, old_load.outcome, old_load.refusal);
        RETURN;
    END IF;

    IF judge_load.examination IS DISTINCT FROM NULL THEN
        examined := service_provider.examine_anew(
            judge_load.request_id, old_load.message_id, judge_load.examination);
    ELSE
        examined := service_provider.examine_by_record(
            judge_load.request_id, old_load.message_id);
        IF examined.outcome = 'approved' THEN
            by_policy := service_provider.examine_by_policy(
                judge_load.request_id, old_load.message_id);
            IF by_policy.outcome <> 'approved' THEN
                examined := by_policy;
            END IF;
        END IF;
    END IF;
    PERFORM service_provider.decide_by_examination(
        judge_load.request_id, old_load.message_id, examined.examination_id,
        examined.outcome, examined.refusal);
END
$$;
COMMENT ON FUNCTION
    service_provider.judge_load(bigint, screissue.verdict) IS
    'judgement by the old load (Fig. 7 steps 706-708, Fig. 11 steps 1106-1108)';

-- Steps 706 and 1106, R25: our record of the load that the notice or reply
-- names, or of the reload that has taken its place since (E2).  outcome NULL:
-- message_id is the load to inherit.
CREATE FUNCTION service_provider.find_old_load(
    request_id bigint,
    OUT message_id screissue.message_id,
    OUT outcome screissue.reload_outcome,
    OUT refusal text)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    request record;
    named record;
    live record;
BEGIN
    SELECT r.app_id, r.card_id, r.user_ref,
           service_provider.answered_id(r.request_id) AS answered_id
      INTO STRICT request
      FROM service_provider.reload_request r
     WHERE r.request_id = find_old_load.request_id;
    SELECT l.app_id, l.status INTO named
      FROM service_provider.app_load l
     WHERE l.message_id = request.answered_id;
    SELECT l.message_id, l.card_id, l.user_ref INTO live
      FROM service_provider.app_load l
     WHERE l.message_id = service_provider.live_load(request.answered_id);
    find_old_load.message_id := live.message_id;

    find_old_load.refusal := CASE
        WHEN named.status IS NULL
            THEN 'there is no record of the old load'
        WHEN named.app_id <> request.app_id
            THEN 'the old load is one of another application'
        WHEN named.status IN ('permitted', 'failed')
            THEN 'the old load did not succeed'
        WHEN live.message_id IS NULL
            THEN 'the application was unloaded'
        END;
    IF find_old_load.refusal IS NOT NULL THEN
        find_old_load.message_id := NULL;
        find_old_load.outcome := 'not_loaded_before';
    ELSIF live.card_id = request.card_id
          OR request.card_id IS NULL
             AND service_provider.is_answered_twice(find_old_load.request_id)
    THEN
        find_old_load.outcome := 'already_reloaded';
        find_old_load.refusal := 'the application is on this card';
    ELSIF live.user_ref <> request.user_ref THEN
        find_old_load.outcome := 'refused';
        find_old_load.refusal := 'the old load is another user''s';
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.find_old_load(bigint) IS
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
        (SELECT FROM service_provider.reload_request r
           JOIN service_provider.inquiry_reply p
             ON p.request_id = r.request_id
           JOIN service_provider.inquiry_reply q
             ON q.message_id = p.message_id
            AND q.request_id <> p.request_id
           JOIN service_provider.reload_request earlier
             ON earlier.request_id = q.request_id
          WHERE r.request_id = is_answered_twice.request_id
            AND r.card_id IS NULL
            AND earlier.card_id IS NULL
            AND earlier.completed_at IS NOT NULL);
END
$$;
COMMENT ON FUNCTION service_provider.is_answered_twice(bigint) IS
    'whether a completed request got the same answer';

-- The examination for a reload, as the application's mode has it (R50): reuse
-- the old load's, or leave it to a person to look at it or to judge anew.  No
-- examination was ever made: none is needed (R48).
CREATE FUNCTION service_provider.examine_by_record(
    request_id bigint,
    inherits screissue.message_id,
    OUT examination_id bigint,
    OUT outcome screissue.reload_outcome,
    OUT refusal text)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    old_load record;
    substitution record;
BEGIN
    SELECT a.examination_mode, a.max_examination_age, l.message_id,
           l.examination_id
      INTO STRICT old_load
      FROM service_provider.reload_request r
      JOIN service_provider.application a ON a.app_id = r.app_id
     CROSS JOIN service_provider.app_load l
     WHERE r.request_id = examine_by_record.request_id
       AND l.message_id = examine_by_record.inherits;

    IF old_load.examination_mode = 'new' THEN
        examine_by_record.refusal := 'a new examination is called for';
    ELSIF old_load.examination_mode = 'refer' THEN
        examine_by_record.examination_id := old_load.examination_id;
        examine_by_record.refusal := 'the old examination is to be looked at';
    ELSIF old_load.examination_id IS NOT NULL THEN
        substitution := service_provider.obstacle_to_substitution(
            old_load.examination_id, old_load.max_examination_age);
        examine_by_record.refusal := substitution.obstacle;
        examine_by_record.examination_id := CASE
            WHEN substitution.obstacle IS NULL
                THEN service_provider.substitute_examination(
                         substitution.made_id, old_load.message_id)
            ELSE old_load.examination_id
            END;
    END IF;
    examine_by_record.outcome := CASE
        WHEN examine_by_record.refusal IS NULL THEN 'approved'
        ELSE 'examination_required' END::screissue.reload_outcome;
END
$$;
COMMENT ON FUNCTION
    service_provider.examine_by_record(bigint, screissue.message_id) IS
    'examination of a reload by what is on record (claim 12)';

-- The examination for a reload that a person or a system made just now.
CREATE FUNCTION service_provider.examine_anew(
    request_id bigint,
    inherits screissue.message_id,
    examination screissue.verdict,
    OUT examination_id bigint,
    OUT outcome screissue.reload_outcome,
    OUT refusal text)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    SELECT service_provider.store_examination(
               'reload', examine_anew.inherits, examine_anew.examination,
               jsonb_build_object('request_id', r.request_id,
                                  'referred_to', r.examination_id))
      INTO STRICT examine_anew.examination_id
      FROM service_provider.reload_request r
     WHERE r.request_id = examine_anew.request_id;
    IF (examine_anew.examination).approved THEN
        examine_anew.outcome := 'approved';
    ELSE
        examine_anew.outcome := 'refused';
        examine_anew.refusal := coalesce((examine_anew.examination).reason,
                                         'the examination is negative');
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.examine_anew(
    bigint, screissue.message_id, screissue.verdict) IS
    'new examination of a reload';

-- Writes down the outcome of an examination, as decide does, the old load that it
-- is about, and, if it is approved, the price of the reload for the reason that the
-- notice gives (R52).
CREATE FUNCTION service_provider.decide_by_examination(
    request_id bigint,
    inherits screissue.message_id,
    examination_id bigint,
    outcome screissue.reload_outcome,
    refusal text)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    price record;
BEGIN
    SELECT p.fee, p.currency, p.tariff_reason INTO STRICT price
      FROM service_provider.reload_request r
      LEFT JOIN service_provider.reissue_notice n
        ON n.issuer = r.issuer
       AND n.notice_no = r.notice_no
      LEFT JOIN LATERAL
           service_provider.find_price(r.app_id, 'reload', n.reason) p
        ON decide_by_examination.outcome = 'approved'
     WHERE r.request_id = decide_by_examination.request_id;
    UPDATE service_provider.reload_request r
       SET outcome = decide_by_examination.outcome,
           refusal = decide_by_examination.refusal,
           decided_at = now(),
           attribute = NULL,
           printed_number = NULL,
           inherits = decide_by_examination.inherits,
           examination_id = decide_by_examination.examination_id,
           fee = price.fee,
           currency = price.currency,
           tariff_reason = price.tariff_reason
     WHERE r.request_id = decide_by_examination.request_id;
END
$$;
COMMENT ON FUNCTION service_provider.decide_by_examination(
    bigint, screissue.message_id, bigint, screissue.reload_outcome, text) IS
    'outcome of an examination, and the price of a reload at the verdict';

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
BEGIN
    PERFORM service_provider.own_company();
    PERFORM service_provider.lock_request(examine_reload.request_id);
    PERFORM screissue.require_verdict(examine_reload.examination);
    IF NOT service_provider.is_examined(
               examine_reload.request_id, examine_reload.examination)
       AND NOT service_provider.decide_if_closed(examine_reload.request_id)
    THEN
        PERFORM service_provider.judge_load(
            examine_reload.request_id, examine_reload.examination);
    END IF;

    SELECT v.outcome, v.refusal, v.inherits, v.fee, v.currency,
           v.examination_substituted
      INTO examine_reload.outcome, examine_reload.refusal,
           examine_reload.inherits, examine_reload.fee,
           examine_reload.currency, examine_reload.examination_substituted
      FROM service_provider.get_verdict(examine_reload.request_id) v;
END
$$;
COMMENT ON FUNCTION
    service_provider.examine_reload(bigint, screissue.verdict) IS
    'examination that a request for a reload required';

-- False if the request requires an examination, true if it has had this one;
-- a policy's verdict is none that was required.
-- Errors: SR007, SR009.
CREATE FUNCTION service_provider.is_examined(
    request_id bigint,
    examination screissue.verdict)
    RETURNS boolean
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    request record;
BEGIN
    SELECT r.outcome, r.examination_id,
           coalesce(x.details @> jsonb_build_object('request_id', r.request_id)
                    AND (x.examination_id = r.policy_examination_id) IS NOT TRUE,
                    false) AS is_examined
      INTO STRICT request
      FROM service_provider.reload_request r
      LEFT JOIN service_provider.examination x
        ON x.examination_id = r.examination_id
     WHERE r.request_id = is_examined.request_id;
    IF request.outcome = 'examination_required' THEN
        RETURN false;
    ELSIF NOT request.is_examined THEN
        RAISE EXCEPTION 'request % requires no examination',
            is_examined.request_id
            USING ERRCODE = 'SR007',
                  DETAIL = format('Its outcome is %s.', request.outcome);
    ELSIF NOT service_provider.same_verdict(
                  request.examination_id, is_examined.examination) THEN
        RAISE EXCEPTION 'request % is recorded with another examination',
            is_examined.request_id
            USING ERRCODE = 'SR009',
                  HINT = 'Make a new request for a new examination.';
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION
    service_provider.is_examined(bigint, screissue.verdict) IS
    'whether a request has had the examination it required';
