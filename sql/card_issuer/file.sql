-- Sealed files to and from providers (R10, E30)

-- Registers a certificate for sealed files: a provider's, or, with the name of
-- its private key in screissue.key_directory, our own.  Several of one company
-- may be in use; what we send goes by the newest.  Returns its SHA-256.
-- Repeatable.
-- Errors: SR001; SR002 unknown provider; 22P02 no certificate; 22023 not fit, or
-- a key file for another company; SR011 the key file cannot be used; SR009 it is
-- registered otherwise, or revoked.
CREATE FUNCTION card_issuer.register_certificate(
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
    own CONSTANT screissue.company_id := card_issuer.own_company();
BEGIN
    PERFORM screissue.require('company',
                              register_certificate.company IS NOT NULL);
    IF register_certificate.key_file IS NULL THEN
        PERFORM card_issuer.require_provider(register_certificate.company);
    ELSIF register_certificate.company <> own THEN
        RAISE EXCEPTION 'a key file is for certificates of company "%" only', own
            USING ERRCODE = '22023';
    END IF;
    RETURN screissue.store_certificate(
        'card_issuer', register_certificate.company,
        register_certificate.certificate, register_certificate.key_file);
END
$$;
COMMENT ON FUNCTION card_issuer.register_certificate(
    screissue.company_id, text, text) IS
    'register a certificate for sealed files, our own or a provider''s';

-- For good.  Repeatable.  Errors: SR001; 22023 the company has no such one.
CREATE FUNCTION card_issuer.revoke_certificate(
    company screissue.company_id,
    sha256 bytea)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.end_certificate(
        'card_issuer', revoke_certificate.company, revoke_certificate.sha256);
END
$$;
COMMENT ON FUNCTION
    card_issuer.revoke_certificate(screissue.company_id, bytea) IS
    'take a certificate for sealed files out of use';

-- The provider's notices with numbers above after_no, as fetch_notices has them,
-- in a file for import_notices; how many, and the number of the last: the next
-- file follows it.
-- Errors: as fetch_notices; SR011 a certificate or a key is missing; 54000 too
-- long a file.
CREATE FUNCTION card_issuer.export_notices(
    provider screissue.company_id,
    after_no bigint,
    max_rows integer DEFAULT 10000,
    OUT file text,
    OUT notices bigint,
    OUT last_no bigint)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    own CONSTANT screissue.company_id := card_issuer.own_company();
    items jsonb;
BEGIN
    SELECT count(*), coalesce(max(n.notice_no), export_notices.after_no),
           coalesce(jsonb_agg(to_jsonb(n) ORDER BY n.notice_no), '[]')
      INTO export_notices.notices, export_notices.last_no, items
      FROM card_issuer.fetch_notices(
               export_notices.provider, export_notices.after_no,
               export_notices.max_rows) n;
    export_notices.file := screissue.seal(
        'card_issuer', own, export_notices.provider, 'notices', items);
END
$$;
COMMENT ON FUNCTION card_issuer.export_notices(
    screissue.company_id, bigint, integer) IS
    'notices of a provider in a sealed file (R10)';

-- What a provider is told that asks in a file: as answer, and only about its own
-- applications.  An inquiry by attribute is on record, and counts, whatever the
-- answer.
-- Errors: 22023 both or neither of attribute and card; 53400; as inquire.
CREATE FUNCTION card_issuer.answer_provider(
    provider screissue.company_id,
    app screissue.app_id,
    attribute screissue.card_attribute,
    card screissue.card_id,
    printed_number text,
    OUT platform_type integer,
    OUT reissued boolean,
    OUT message_id screissue.message_id,
    OUT old_card_id screissue.card_id)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    owner screissue.company_id;
    answered record;
BEGIN
    IF num_nonnulls(answer_provider.attribute, answer_provider.card) <> 1 THEN
        RAISE EXCEPTION 'either "attribute" or "card_id" must be given'
            USING ERRCODE = '22023';
    END IF;
    IF answer_provider.attribute IS NOT NULL THEN
        PERFORM card_issuer.check_inquiry_limit(answer_provider.provider);
    END IF;
    SELECT a.provider INTO owner
      FROM card_issuer.application a
     WHERE a.app_id = answer_provider.app;
    IF owner = answer_provider.provider THEN
        answered := card_issuer.answer(
            answer_provider.app, answer_provider.attribute,
            answer_provider.card, answer_provider.printed_number);
        answer_provider.platform_type := answered.platform_type;
        answer_provider.reissued := answered.reissued;
        answer_provider.message_id := answered.message_id;
        answer_provider.old_card_id := answered.old_card_id;
        RETURN;
    END IF;
    IF answer_provider.attribute IS NOT NULL THEN
        PERFORM card_issuer.record_inquiry(
            card_issuer.begin_inquiry(answer_provider.provider),
            answer_provider.provider, answer_provider.app,
            answer_provider.attribute, NULL, NULL,
            CASE WHEN owner IS NULL THEN 'unknown_application'
                 ELSE 'foreign_app' END, NULL);
    END IF;
    answer_provider.platform_type := 200;
    answer_provider.reissued := false;
END
$$;
COMMENT ON FUNCTION card_issuer.answer_provider(
    screissue.company_id, screissue.app_id, screissue.card_attribute,
    screissue.card_id, text) IS
    'what a provider is told that asks in a file';

-- Answers the inquiries in a file of a provider, which export_inquiry made;
-- returns a file for import_replies.  A reply repeats the number of the request
-- that it answers, its application, and the SHA-256 of what it asked with.
-- Errors: SR001; 22P02 no sealed file, not whole, or not as agreed; 42501 not
-- from a provider for us; 22023 other content; SR002 the contract is not in
-- force; SR011; as inquire.
CREATE FUNCTION card_issuer.answer_inquiries(file text)
    RETURNS text
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    own CONSTANT screissue.company_id := card_issuer.own_company();
    kind CONSTANT text := 'inquiries';
    opened CONSTANT record := screissue.unseal(
        'card_issuer', own, kind, answer_inquiries.file);
    inquiry record;
    item_no bigint := 0;
    label text;
    request_id bigint;
    app screissue.app_id;
    attribute screissue.card_attribute;
    card screissue.card_id;
    reply record;
    replies jsonb[] := ARRAY[]::jsonb[];
    state text;
    message text;
    detail text;
    hint text;
BEGIN
    PERFORM card_issuer.require_contract(opened.partner);
    BEGIN
        FOR inquiry IN SELECT i.item FROM json_array_elements(opened.items) i (item)
        LOOP
            item_no := item_no + 1;
            label := 'request_id';
            request_id := (inquiry.item ->> 'request_id')::bigint;
            label := 'app_id';
            app := (inquiry.item ->> 'app_id')::screissue.app_id;
            label := 'attribute';
            attribute := (inquiry.item ->> 'attribute')::screissue.card_attribute;
            label := 'card_id';
            card := (inquiry.item ->> 'card_id')::screissue.card_id;
            label := NULL;
            reply := card_issuer.answer_provider(
                opened.partner, app, attribute, card,
                inquiry.item ->> 'printed_number');
            replies := replies || jsonb_build_object(
                'request_id', request_id,
                'app_id', app::text,
                'asked_sha256', encode(sha256(convert_to(
                    coalesce(attribute::text, card::text), 'UTF8')), 'hex'),
                'platform_type', reply.platform_type,
                'reissued', reply.reissued,
                'message_id', reply.message_id::text,
                'old_card_id', reply.old_card_id::text);
        END LOOP;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE,
            message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
            hint = PG_EXCEPTION_HINT;
        PERFORM screissue.raise_item(kind, item_no, label, state, message,
                                     detail, hint);
    END;
    RETURN screissue.seal('card_issuer', own, opened.partner, 'replies',
                          to_jsonb(replies));
END
$$;
COMMENT ON FUNCTION card_issuer.answer_inquiries(text) IS
    'answer to the inquiries in a sealed file, as a sealed file (Fig. 10, Fig. 15)';

-- Loading permissions in a file for import_permissions of the provider.
-- Errors: SR001; SR002 unknown provider; SR008 unknown message id; SR009 it is
-- used up; 22023 it is for another provider's application; SR011; 54000.
CREATE FUNCTION card_issuer.export_permissions(
    provider screissue.company_id,
    messages screissue.message_id[])
    RETURNS text
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    own CONSTANT screissue.company_id := card_issuer.own_company();
    message screissue.message_id;
    permission record;
    items jsonb[] := ARRAY[]::jsonb[];
BEGIN
    PERFORM card_issuer.require_provider(export_permissions.provider);
    PERFORM screissue.require('messages',
                              export_permissions.messages IS NOT NULL);
    FOREACH message IN ARRAY export_permissions.messages LOOP
        permission := card_issuer.outstanding_permission(message);
        IF NOT EXISTS (SELECT FROM card_issuer.application a
                        WHERE a.app_id = permission.app_id
                          AND a.provider = export_permissions.provider) THEN
            RAISE EXCEPTION 'permission "%" is not for an application of provider "%"',
                message, export_permissions.provider
                USING ERRCODE = '22023';
        END IF;
        items := items || jsonb_build_object(
            'message_id', message::text,
            'app_id', permission.app_id::text,
            'platform_type', permission.platform_type,
            'card_id', permission.card_id::text,
            'inherits', permission.inherits::text,
            'fee', permission.fee,
            'currency', permission.currency);
    END LOOP;
    RETURN screissue.seal('card_issuer', own, export_permissions.provider,
                          'permissions', to_jsonb(items));
END
$$;
COMMENT ON FUNCTION card_issuer.export_permissions(
    screissue.company_id, screissue.message_id[]) IS
    'loading permissions in a sealed file (R7, R10)';
