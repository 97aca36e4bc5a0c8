-- Sealed files to and from card issuers (R10, E30)

-- Registers a certificate for sealed files: an issuer's, or, with the name of
-- its private key in screissue.key_directory, our own.  Several of one company
-- may be in use; what we send goes by the newest.  Returns its SHA-256.
-- Repeatable.
-- Errors: SR001; SR002 unknown issuer; 22P02 no certificate; 22023 not fit, or a
-- key file for another company; SR011 the key file cannot be used; SR009 it is
-- registered otherwise, or revoked.
CREATE FUNCTION service_provider.register_certificate(
    company screissue.company_id,
    certificate text,
    key_file text DEFAULT NULL)
    RETURNS bytea
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    own CONSTANT screissue.company_id := service_provider.own_company();
BEGIN
    PERFORM screissue.require('company',
                              register_certificate.company IS NOT NULL);
    IF register_certificate.key_file IS NULL THEN
        PERFORM service_provider.require_issuer(register_certificate.company);
    ELSIF register_certificate.company <> own THEN
        RAISE EXCEPTION 'a key file is for certificates of company "%" only', own
            USING ERRCODE = '22023';
    END IF;
    RETURN screissue.store_certificate(
        'service_provider', register_certificate.company,
        register_certificate.certificate, register_certificate.key_file);
END
$$;
COMMENT ON FUNCTION service_provider.register_certificate(
    screissue.company_id, text, text) IS
    'register a certificate for sealed files, our own or an issuer''s';

-- For good.  Repeatable.  Errors: SR001; 22023 the company has no such one.
CREATE FUNCTION service_provider.revoke_certificate(
    company screissue.company_id,
    sha256 bytea)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.end_certificate(
        'service_provider', revoke_certificate.company,
        revoke_certificate.sha256);
END
$$;
COMMENT ON FUNCTION
    service_provider.revoke_certificate(screissue.company_id, bytea) IS
    'take a certificate for sealed files out of use';

-- Lands the notices in a file of an issuer, which export_notices made, as
-- receive_notice does: how many were stored, were there already, or went to
-- quarantine for their content.
-- Errors: SR001; 22P02 no sealed file, not whole, or not as agreed; 42501 not
-- from an issuer for us; 22023 other content; SR011; 25006.
CREATE FUNCTION service_provider.import_notices(
    file text,
    OUT issuer screissue.company_id,
    OUT stored bigint,
    OUT duplicates bigint,
    OUT quarantined bigint)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    own CONSTANT screissue.company_id := service_provider.own_company();
    kind CONSTANT text := 'notices';
    opened CONSTANT record := screissue.unseal(
        'service_provider', own, kind, import_notices.file);
    notice record;
    item_no bigint := 0;
    label text;
    number bigint;
    platform integer;
    noted timestamp with time zone;
    landed text;
    state text;
    message text;
    detail text;
    hint text;
BEGIN
    import_notices.issuer := opened.partner;
    import_notices.stored := 0;
    import_notices.duplicates := 0;
    import_notices.quarantined := 0;
    FOR notice IN SELECT i.item FROM json_array_elements(opened.items) i (item)
    LOOP
        item_no := item_no + 1;
        IF notice.item ->> 'issuer' <> opened.partner::text
           OR notice.item ->> 'provider' <> own::text THEN
            RAISE EXCEPTION 'file has a notice of other parties than those of the file'
                USING ERRCODE = '42501';
        END IF;
        label := 'notice_no';
        number := (notice.item ->> 'notice_no')::bigint;
        label := 'platform_type';
        platform := (notice.item ->> 'platform_type')::integer;
        label := 'noted_at';
        noted := (notice.item ->> 'noted_at')::timestamptz;
        label := NULL;
        landed := service_provider.receive_notice(
            issuer => notice.item ->> 'issuer',
            provider => notice.item ->> 'provider',
            notice_no => number,
            kind => notice.item ->> 'kind',
            platform_type => platform,
            new_card_id => notice.item ->> 'new_card_id',
            old_card_id => notice.item ->> 'old_card_id',
            app_id => notice.item ->> 'app_id',
            message_id => notice.item ->> 'message_id',
            reason => notice.item ->> 'reason',
            noted_at => noted,
            carrier => 'file');
        CASE landed
            WHEN 'stored' THEN
                import_notices.stored := import_notices.stored + 1;
            WHEN 'duplicate' THEN
                import_notices.duplicates := import_notices.duplicates + 1;
            ELSE
                import_notices.quarantined := import_notices.quarantined + 1;
        END CASE;
    END LOOP;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE,
        message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
        hint = PG_EXCEPTION_HINT;
    PERFORM screissue.raise_item(kind, item_no, label, state, message,
                                 detail, hint);
END
$$;
COMMENT ON FUNCTION service_provider.import_notices(text) IS
    'landing of the notices in a sealed file (Fig. 6 steps 601, 602)';

-- Requests for a reload that wait for the issuer's reply, in a file for
-- answer_inquiries: this one, which may have been negative by what was known
-- here, or all that have something to ask with.
-- Errors: SR001; SR002 unknown issuer; 22023 unknown request, or of another
-- issuer; SR007 it waits for no reply, or has nothing to ask with; SR009 it has
-- its reply; SR011; 54000.
CREATE FUNCTION service_provider.export_inquiry(
    issuer screissue.company_id,
    request_id bigint DEFAULT NULL,
    OUT file text,
    OUT inquiries bigint)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    own CONSTANT screissue.company_id := service_provider.own_company();
    items jsonb;
BEGIN
    PERFORM screissue.require('issuer', export_inquiry.issuer IS NOT NULL);
    PERFORM service_provider.require_issuer(export_inquiry.issuer);
    IF export_inquiry.request_id IS NOT NULL THEN
        PERFORM service_provider.check_askable(
            export_inquiry.issuer, export_inquiry.request_id);
    END IF;
    SELECT count(*), coalesce(jsonb_agg(jsonb_build_object(
               'request_id', r.request_id,
               'app_id', r.app_id::text,
               'attribute', r.attribute::text,
               'card_id', CASE WHEN r.attribute IS NULL
                               THEN r.card_id::text END,
               'printed_number', r.printed_number) ORDER BY r.request_id), '[]')
      INTO export_inquiry.inquiries, items
      FROM service_provider.reload_request r
     WHERE r.issuer = export_inquiry.issuer
       AND CASE WHEN export_inquiry.request_id IS NULL
                THEN r.outcome = 'awaiting_reply'
                     AND num_nonnulls(r.attribute, r.card_id) > 0
                ELSE r.request_id = export_inquiry.request_id END;
    export_inquiry.file := screissue.seal(
        'service_provider', own, export_inquiry.issuer, 'inquiries', items);
END
$$;
COMMENT ON FUNCTION
    service_provider.export_inquiry(screissue.company_id, bigint) IS
    'inquiries that wait for their reply in a sealed file (Fig. 11 step 1104)';

-- Raises unless the issuer can be asked about a request: see export_inquiry.
CREATE FUNCTION service_provider.check_askable(
    issuer screissue.company_id,
    request_id bigint)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    request record;
BEGIN
    SELECT r.issuer, r.outcome, num_nonnulls(r.attribute, r.card_id) AS given
      INTO request
      FROM service_provider.reload_request r
     WHERE r.request_id = check_askable.request_id;
    IF NOT FOUND THEN
        PERFORM service_provider.raise_unknown_request(check_askable.request_id);
    ELSIF request.issuer <> check_askable.issuer THEN
        RAISE EXCEPTION 'request % is one for issuer "%"',
            check_askable.request_id, request.issuer
            USING ERRCODE = '22023';
    END IF;
    PERFORM service_provider.refuse_second_reply(check_askable.request_id);
    IF request.outcome NOT IN ('awaiting_reply', 'not_reissued') THEN
        RAISE EXCEPTION 'request % is %, it waits for no reply',
            check_askable.request_id, request.outcome
            USING ERRCODE = 'SR007';
    ELSIF request.given = 0 THEN
        RAISE EXCEPTION 'request % has neither attribute nor card id to ask with',
            check_askable.request_id
            USING ERRCODE = 'SR007',
                  HINT = 'Make a new request with one of them.';
    END IF;
END
$$;
COMMENT ON FUNCTION
    service_provider.check_askable(screissue.company_id, bigint) IS
    'check that an issuer can be asked about a request';

-- Raises SR009 if a request has its reply: one in a file is used once.
CREATE FUNCTION service_provider.refuse_second_reply(request_id bigint)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM service_provider.inquiry_reply p
                WHERE p.request_id = refuse_second_reply.request_id) THEN
        RAISE EXCEPTION 'request % has its reply already',
            refuse_second_reply.request_id
            USING ERRCODE = 'SR009',
                  HINT = 'Make a new request for a new inquiry.';
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.refuse_second_reply(bigint) IS
    'check that a request has no reply yet';

-- Takes the replies in a file of an issuer, which answer_inquiries made, each as
-- record_reply does, and once.
-- Errors: SR001; 22P02 no sealed file, not whole, or not as agreed; 42501 not
-- from an issuer for us; 22023 other content, or the reply to another request;
-- SR009 the request has its reply; SR011; as record_reply.
CREATE FUNCTION service_provider.import_replies(
    file text,
    OUT request_id bigint,
    OUT outcome screissue.reload_outcome,
    OUT refusal text,
    OUT inherits screissue.message_id,
    OUT fee numeric,
    OUT currency text,
    OUT examination_substituted boolean)
    RETURNS SETOF record
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    kind CONSTANT text := 'replies';
    opened CONSTANT record := screissue.unseal(
        'service_provider', service_provider.own_company(), kind,
        import_replies.file);
    reply record;
    item_no bigint := 0;
    label text;
    number bigint;
    platform integer;
    named screissue.message_id;
    old_card screissue.card_id;
    request service_provider.judged_request;
    state text;
    message text;
    detail text;
    hint text;
BEGIN
    FOR reply IN SELECT i.item FROM json_array_elements(opened.items) i (item)
    LOOP
        item_no := item_no + 1;
        label := 'request_id';
        number := (reply.item ->> 'request_id')::bigint;
        label := 'platform_type';
        platform := (reply.item ->> 'platform_type')::integer;
        label := 'message_id';
        named := (reply.item ->> 'message_id')::screissue.message_id;
        label := 'old_card_id';
        old_card := (reply.item ->> 'old_card_id')::screissue.card_id;
        label := NULL;

        PERFORM service_provider.lock_request(number);
        PERFORM service_provider.check_answered(
            number, opened.partner::text, reply.item ->> 'app_id',
            upper(reply.item ->> 'asked_sha256'));
        PERFORM service_provider.refuse_second_reply(number);
        request := service_provider.take_reply(
            number, platform, (reply.item ->> 'reissued')::boolean, named,
            old_card, 'file');
        import_replies.request_id := request.request_id;
        import_replies.outcome := request.outcome;
        import_replies.refusal := request.refusal;
        import_replies.inherits := request.inherits;
        import_replies.fee := request.fee;
        import_replies.currency := request.currency;
        import_replies.examination_substituted :=
            request.examination_substituted;
        RETURN NEXT;
    END LOOP;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE,
        message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
        hint = PG_EXCEPTION_HINT;
    PERFORM screissue.raise_item(kind, item_no, label, state, message,
                                 detail, hint);
END
$$;
COMMENT ON FUNCTION service_provider.import_replies(text) IS
    'replies of an issuer in a sealed file (Fig. 11 step 1105)';

-- Keeps the loading permissions in a file of an issuer, which export_permissions
-- made, as record_load keeps one with status permitted, and gives them back as
-- permit_load does.  Repeatable.
-- Errors: SR001; 22P02 no sealed file, not whole, or not as agreed; 42501 not
-- from an issuer for us; 22023 other content; SR011; as record_load.
CREATE FUNCTION service_provider.import_permissions(
    file text,
    OUT message_id screissue.message_id,
    OUT app_id screissue.app_id,
    OUT platform_type integer,
    OUT card_id screissue.card_id,
    OUT inherits screissue.message_id,
    OUT fee numeric,
    OUT currency text)
    RETURNS SETOF record
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    kind CONSTANT text := 'permissions';
    opened CONSTANT record := screissue.unseal(
        'service_provider', service_provider.own_company(), kind,
        import_permissions.file);
    permission record;
    item_no bigint := 0;
    label text;
    state text;
    message text;
    detail text;
    hint text;
BEGIN
    FOR permission IN
        SELECT i.item FROM json_array_elements(opened.items) i (item)
    LOOP
        item_no := item_no + 1;
        label := 'message_id';
        import_permissions.message_id :=
            (permission.item ->> 'message_id')::screissue.message_id;
        label := 'app_id';
        import_permissions.app_id :=
            (permission.item ->> 'app_id')::screissue.app_id;
        label := 'platform_type';
        import_permissions.platform_type :=
            (permission.item ->> 'platform_type')::integer;
        label := 'card_id';
        import_permissions.card_id :=
            (permission.item ->> 'card_id')::screissue.card_id;
        label := 'inherits';
        import_permissions.inherits :=
            (permission.item ->> 'inherits')::screissue.message_id;
        label := 'fee';
        import_permissions.fee := (permission.item ->> 'fee')::numeric;
        label := NULL;
        import_permissions.currency := permission.item ->> 'currency';

        PERFORM service_provider.require_message(
            import_permissions.message_id, import_permissions.app_id,
            opened.partner);
        PERFORM service_provider.record_load(
            message => import_permissions.message_id,
            app => import_permissions.app_id,
            card => import_permissions.card_id,
            platform_type => import_permissions.platform_type,
            status => 'permitted');
        RETURN NEXT;
    END LOOP;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE,
        message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
        hint = PG_EXCEPTION_HINT;
    PERFORM screissue.raise_item(kind, item_no, label, state, message,
                                 detail, hint);
END
$$;
COMMENT ON FUNCTION service_provider.import_permissions(text) IS
    'loading permissions in a sealed file (R7, R10)';
