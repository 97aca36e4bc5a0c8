-- What came of a reload, and telling the issuer

-- Steps 708 and 1108, R27: what came of the reload at the terminal, under the
-- loading permission that the issuer gave for it.  Succeeded: the new load
-- takes the place of the old one, with its user_ref and account, at the price
-- of the verdict.  Failed: the request stays approved, for another permission.
-- With a server the issuer is told at once, if it can be; else the load stays
-- in unconfirmed_load.  Repeatable; never charged twice (E34, E52).
-- Errors: 22023 unknown request, or a message id of another issuer or
-- provider, or the old load's; SR007 the request is not approved; SR009
-- contradicts what is recorded, or another reload took the old load's place.
CREATE FUNCTION service_provider.complete_reload(
    request_id bigint,
    message screissue.message_id,
    succeeded boolean DEFAULT true)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    request record;
BEGIN
    PERFORM service_provider.own_company();
    PERFORM service_provider.lock_request(complete_reload.request_id);
    PERFORM screissue.require('message', complete_reload.message IS NOT NULL);
    PERFORM screissue.require('succeeded',
                              complete_reload.succeeded IS NOT NULL);
    SELECT r.issuer, r.app_id, r.outcome, r.message_id, r.completed_at,
           i.server
      INTO STRICT request
      FROM service_provider.reload_request r
      JOIN service_provider.issuer i ON i.issuer = r.issuer
     WHERE r.request_id = complete_reload.request_id;
    PERFORM service_provider.require_message(
        complete_reload.message, request.app_id, request.issuer);
    IF request.outcome <> 'approved' THEN
        RAISE EXCEPTION 'request % is not approved',
            complete_reload.request_id
            USING ERRCODE = 'SR007',
                  DETAIL = format('Its outcome is %s.', request.outcome);
    END IF;

    IF request.completed_at IS NULL THEN
        PERFORM service_provider.record_reload(
            complete_reload.request_id, complete_reload.message,
            complete_reload.succeeded);
    ELSE
        PERFORM service_provider.check_completion(
            complete_reload.request_id, complete_reload.message,
            complete_reload.succeeded);
    END IF;
    IF request.server IS NOT NULL THEN
        PERFORM service_provider.confirm(l.message_id)
           FROM service_provider.unconfirmed_load l
          WHERE l.message_id = complete_reload.message;
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.complete_reload(
    bigint, screissue.message_id, boolean) IS
    'result of a reload at the terminal (Fig. 7 step 708, Fig. 11 step 1108)';

-- Raises SR009 unless what is reported of a completed request is on record.
CREATE FUNCTION service_provider.check_completion(
    request_id bigint,
    message screissue.message_id,
    succeeded boolean)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    completed_with screissue.message_id;
BEGIN
    SELECT r.message_id INTO STRICT completed_with
      FROM service_provider.reload_request r
     WHERE r.request_id = check_completion.request_id;
    IF check_completion.succeeded
       AND check_completion.message = completed_with
       OR NOT check_completion.succeeded
       AND EXISTS (SELECT FROM service_provider.app_load l
                   WHERE l.message_id = check_completion.message
                     AND l.status = 'failed') THEN
        RETURN;
    END IF;
    RAISE EXCEPTION 'request % is completed under message id "%"',
        check_completion.request_id, completed_with
        USING ERRCODE = 'SR009';
END
$$;
COMMENT ON FUNCTION service_provider.check_completion(
    bigint, screissue.message_id, boolean) IS
    'check of a repeated report on a reload';

-- Records the reload under its permission: one load, however often and for
-- however many requests it is reported (E34).
CREATE FUNCTION service_provider.record_reload(
    request_id bigint,
    message screissue.message_id,
    succeeded boolean)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    status CONSTANT screissue.load_status := CASE
        WHEN record_reload.succeeded THEN 'loaded'
        ELSE 'failed' END::screissue.load_status;
    request record;
    load record;
BEGIN
    SELECT r.app_id, r.card_id, r.inherits,
           coalesce(o.user_ref, r.user_ref) AS user_ref
      INTO STRICT request
      FROM service_provider.reload_request r
      JOIN service_provider.app_load o ON o.message_id = r.inherits
     WHERE r.request_id = record_reload.request_id;
    IF record_reload.message = request.inherits THEN
        RAISE EXCEPTION 'message id "%" is the old load''s', message
            USING ERRCODE = '22023',
                  HINT = 'Ask the issuer for a permission with reload_of.';
    END IF;
    PERFORM service_provider.create_load(record_reload.message, request.app_id);
    PERFORM service_provider.check_agreement(
        record_reload.message, request.app_id, request.card_id,
        request.user_ref, NULL, NULL, status);

    SELECT l.status, l.inherits INTO STRICT load
      FROM service_provider.app_load l
     WHERE l.message_id = record_reload.message;
    IF load.inherits IS NULL AND load.status IN ('permitted', 'loaded') THEN
        PERFORM service_provider.take_over(
            record_reload.request_id, record_reload.message, status);
    ELSIF (load.inherits = request.inherits) IS NOT TRUE THEN
        RAISE EXCEPTION 'load "%" did not take the place of "%"',
            message, request.inherits
            USING ERRCODE = 'SR009';
    END IF;
    IF record_reload.succeeded THEN
        UPDATE service_provider.reload_request r
           SET message_id = record_reload.message,
               completed_at = now()
         WHERE r.request_id = record_reload.request_id;
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.record_reload(
    bigint, screissue.message_id, boolean) IS
    'record of a reload under its permission';

-- Makes a load the reload that the request was approved for; loaded, it takes
-- the place of the old one.  Of the examinations made for the request, for
-- the permission and, meanwhile, about the old load the newest counts (E49).
CREATE FUNCTION service_provider.take_over(
    request_id bigint,
    message screissue.message_id,
    status screissue.load_status)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    old_id screissue.message_id;
    old_status screissue.load_status;
BEGIN
    SELECT r.inherits INTO STRICT old_id
      FROM service_provider.reload_request r
     WHERE r.request_id = take_over.request_id;
    old_status := service_provider.lock_load(old_id);
    IF take_over.status = 'loaded' AND old_status <> 'loaded' THEN
        RAISE EXCEPTION 'load "%" is % already', old_id, old_status
            USING ERRCODE = 'SR009',
                  HINT = 'Make a new request: the state of things has changed.';
    END IF;
    IF take_over.status = 'loaded' THEN
        PERFORM service_provider.require_load_move(
            old_id, old_status, 'superseded');
    END IF;
    PERFORM service_provider.require_load_move(
        take_over.message, l.status, take_over.status)
       FROM service_provider.app_load l
      WHERE l.message_id = take_over.message
        AND l.status <> take_over.status;

    UPDATE service_provider.app_load l
       SET status = take_over.status,
           loaded_at = CASE WHEN take_over.status = 'loaded'
                            THEN coalesce(l.loaded_at, now()) END,
           card_id = coalesce(l.card_id, r.card_id),
           platform_type = coalesce(l.platform_type, p.platform_type,
                                    n.platform_type, r.platform_type),
           user_ref = coalesce(l.user_ref, o.user_ref, r.user_ref),
           account = coalesce(l.account, o.account),
           examination_id = greatest(l.examination_id, r.examination_id,
                                     o.examination_id),
           fee = r.fee,
           currency = r.currency,
           tariff_reason = r.tariff_reason,
           inherits = o.message_id
      FROM service_provider.reload_request r
      JOIN service_provider.app_load o ON o.message_id = r.inherits
      LEFT JOIN service_provider.inquiry_reply p
        ON p.request_id = r.request_id
      LEFT JOIN service_provider.reissue_notice n
        ON n.issuer = r.issuer
       AND n.notice_no = r.notice_no
     WHERE l.message_id = take_over.message
       AND r.request_id = take_over.request_id;
    UPDATE service_provider.app_load o
       SET status = 'superseded',
           ended_at = now()
     WHERE o.message_id = old_id
       AND take_over.status = 'loaded';
END
$$;
COMMENT ON FUNCTION service_provider.take_over(
    bigint, screissue.message_id, screissue.load_status) IS
    'put a reload in the place of the old load';

-- R8, R12: tells the issuer, over its server, of all that it has not been told
-- of, in the order of the loads.  Returns how many loads it took; what it
-- refuses is a WARNING and stays in unconfirmed_load, and so does the rest
-- when the connection fails.
-- Errors: SR002 unknown issuer; 55000 the issuer has no server.
CREATE FUNCTION service_provider.send_confirmations(
    issuer screissue.company_id)
    RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    unconfirmed screissue.message_id;
    answer text;
    confirmed bigint := 0;
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('issuer', send_confirmations.issuer IS NOT NULL);
    PERFORM service_provider.require_issuer(send_confirmations.issuer);
    IF EXISTS (SELECT FROM service_provider.issuer i
               WHERE i.issuer = send_confirmations.issuer
                 AND i.server IS NULL) THEN
        RAISE EXCEPTION 'issuer "%" has no server', issuer
            USING ERRCODE = '55000',
                  HINT = 'Name its foreign server with service_provider.register_issuer().';
    END IF;

    FOR unconfirmed IN
        SELECT l.message_id
          FROM service_provider.unconfirmed_load l
         WHERE l.issuer = send_confirmations.issuer
         ORDER BY l.loaded_at NULLS LAST, l.message_id
    LOOP
        answer := service_provider.confirm(unconfirmed);
        IF answer = 'confirmed' THEN
            confirmed := confirmed + 1;
        END IF;
        EXIT WHEN answer = 'unreachable';
    END LOOP;
    RETURN confirmed;
END
$$;
COMMENT ON FUNCTION
    service_provider.send_confirmations(screissue.company_id) IS
    'proof of loads and unloads that the issuer has not had';

-- Tells the issuer, over its server, what became of a load.  Returns
-- confirmed, or with a WARNING what went wrong: refused or unreachable.
CREATE FUNCTION service_provider.confirm(message screissue.message_id)
    RETURNS text
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    load_status CONSTANT screissue.load_status :=
        service_provider.lock_load(confirm.message);
    server name;
    state text;
    reason text;
BEGIN
    SELECT i.server INTO STRICT server
      FROM service_provider.app_load l
      JOIN service_provider.issuer i ON i.issuer = l.issuer
     WHERE l.message_id = confirm.message;
    BEGIN
        PERFORM screissue.remote_rows(server, format(
            'SELECT pg_catalog.to_jsonb(true) FROM '
            'card_issuer.confirm_load(message => %L, succeeded => %L)',
            confirm.message, load_status <> 'failed'));
        IF load_status = 'unloaded' THEN
            PERFORM screissue.remote_rows(server, format(
                'SELECT pg_catalog.to_jsonb(true) FROM '
                'card_issuer.confirm_unload(message => %L)',
                confirm.message));
        END IF;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE,
                                reason = MESSAGE_TEXT;
        RAISE WARNING 'load "%" is not confirmed to its issuer: %',
            message, reason
            USING ERRCODE = state;
        RETURN CASE WHEN screissue.is_connection_failure(state, reason)
                    THEN 'unreachable' ELSE 'refused' END;
    END;
    UPDATE service_provider.app_load l
       SET confirmed_at = now()
     WHERE l.message_id = confirm.message;
    RETURN 'confirmed';
END
$$;
COMMENT ON FUNCTION service_provider.confirm(screissue.message_id) IS
    'proof of a load or unload, sent to the issuer';
