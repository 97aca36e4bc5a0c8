-- What an issuer sent on paper (R10, E29)

-- Takes in a notice as somebody typed it from the form that the issuer
-- printed, and says what receive_notice says of it.
-- Errors: SR001; 22P02 mistyped, and where; 22023; 25006.
CREATE FUNCTION service_provider.type_notice(form text)
    RETURNS text
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    field text[];
    label text := 'NUMBER';
    number bigint;
    platform integer;
    noted timestamp with time zone;
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('form', type_notice.form IS NOT NULL);
    field := screissue.read_paper('notice', type_notice.form);
    BEGIN
        number := field[3]::bigint;
        label := 'PLATFORM';
        platform := field[5]::integer;
        label := 'NOTED';
        noted := screissue.read_paper_time(field[11]);
    EXCEPTION WHEN data_exception THEN
        PERFORM screissue.raise_unreadable(label);
    END;
    RETURN service_provider.receive_notice(
        issuer => field[1],
        provider => field[2],
        notice_no => number,
        kind => field[4],
        platform_type => platform,
        new_card_id => field[6],
        old_card_id => field[7],
        app_id => field[8],
        message_id => field[9],
        reason => field[10],
        noted_at => noted,
        carrier => 'paper');
END
$$;
COMMENT ON FUNCTION service_provider.type_notice(text) IS
    'landing of a notice that was typed from paper (Fig. 6 steps 601, 602)';

-- Raises 22023 unless the reply on a form or in a file is of this request's
-- issuer, about its application, and about the card attribute or the card id that
-- it asked with: asked is the digest of that, as it stands on paper, or whole.
CREATE FUNCTION service_provider.check_answered(
    request_id bigint,
    issuer text,
    app text,
    asked text)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    wrong text;
BEGIN
    SELECT CASE
           WHEN r.issuer::text IS DISTINCT FROM check_answered.issuer
               THEN 'ISSUER'
           WHEN r.app_id::text IS DISTINCT FROM check_answered.app THEN 'APP'
           WHEN NOT EXISTS
                (SELECT
                   FROM unnest(ARRAY[r.attribute_sha256,
                                     sha256(convert_to(r.card_id::text,
                                                       'UTF8'))]) a (digest)
                  WHERE check_answered.asked IN
                        (screissue.paper_digest(a.digest),
                         upper(encode(a.digest, 'hex'))))
               THEN 'ASKED'
           END
      INTO wrong
      FROM service_provider.reload_request r
     WHERE r.request_id = check_answered.request_id;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'reply is one to another request than %',
            check_answered.request_id
            USING ERRCODE = '22023',
                  DETAIL = format('%s is not what the request asked about.',
                                  wrong);
    END IF;
END
$$;
COMMENT ON FUNCTION
    service_provider.check_answered(bigint, text, text, text) IS
    'check that a reply on paper or in a file answers a request';

-- The issuer's reply to an inquiry as somebody typed it from the form that the
-- issuer printed; then as record_reply.
-- Errors: 22P02 mistyped, and where; 22023 the reply to another request; as
-- record_reply.
CREATE FUNCTION service_provider.type_reply(
    request_id bigint,
    form text,
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
    field text[];
    label text := 'PLATFORM';
    platform integer;
    message screissue.message_id;
    old_card screissue.card_id;
    request service_provider.judged_request;
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('form', type_reply.form IS NOT NULL);
    field := screissue.read_paper('reply', type_reply.form);
    BEGIN
        platform := field[4]::integer;
        label := 'MESSAGE';
        message := field[6]::screissue.message_id;
        label := 'OLDCARD';
        old_card := field[7]::screissue.card_id;
    EXCEPTION WHEN data_exception THEN
        PERFORM screissue.raise_unreadable(label);
    END;
    IF (field[5] IN ('YES', 'NO')) IS NOT TRUE THEN
        PERFORM screissue.raise_unreadable('REISSUED');
    END IF;

    PERFORM service_provider.lock_request(type_reply.request_id);
    PERFORM service_provider.check_answered(
        type_reply.request_id, field[1], field[2], field[3]);
    request := service_provider.take_reply(
        type_reply.request_id, platform, field[5] = 'YES', message, old_card,
        'paper');
    type_reply.outcome := request.outcome;
    type_reply.refusal := request.refusal;
    type_reply.inherits := request.inherits;
    type_reply.fee := request.fee;
    type_reply.currency := request.currency;
    type_reply.examination_substituted := request.examination_substituted;
END
$$;
COMMENT ON FUNCTION service_provider.type_reply(bigint, text) IS
    'reply of the issuer that was typed from paper (Fig. 11 step 1105)';

-- A loading permission as somebody typed it from the form that the issuer
-- printed: kept as record_load keeps one with status permitted, and given back
-- as permit_load gives it.  Repeatable.
-- Errors: 22P02 mistyped, and where; as record_load.
CREATE FUNCTION service_provider.type_permission(
    form text,
    OUT message_id screissue.message_id,
    OUT app_id screissue.app_id,
    OUT platform_type integer,
    OUT card_id screissue.card_id,
    OUT inherits screissue.message_id,
    OUT fee numeric,
    OUT currency text)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    field text[];
    label text := 'MESSAGE';
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('form', type_permission.form IS NOT NULL);
    field := screissue.read_paper('permission', type_permission.form);
    BEGIN
        type_permission.message_id := field[1]::screissue.message_id;
        label := 'APP';
        type_permission.app_id := field[2]::screissue.app_id;
        label := 'PLATFORM';
        type_permission.platform_type := field[3]::integer;
        label := 'CARD';
        type_permission.card_id := field[4]::screissue.card_id;
        label := 'INHERITS';
        type_permission.inherits := field[5]::screissue.message_id;
        label := 'FEE';
        type_permission.fee := field[6]::numeric;
        type_permission.currency := field[7];
    EXCEPTION WHEN data_exception THEN
        PERFORM screissue.raise_unreadable(label);
    END;
    PERFORM service_provider.record_load(
        message => type_permission.message_id,
        app => type_permission.app_id,
        card => type_permission.card_id,
        platform_type => type_permission.platform_type,
        status => 'permitted');
END
$$;
COMMENT ON FUNCTION service_provider.type_permission(text) IS
    'loading permission that was typed from paper';
