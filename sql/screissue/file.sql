-- Sealed files (R10): the carrier between companies that have no line
--
-- seal        what is to be sent, signed by us, encrypted for a partner
-- unseal      a file that came: only from a partner, only for us, only whole
--
-- The form is CMS (src/core/cms.c); in it is a JSON document, which
-- doc/reference.md describes.  side: in which role we act, card_issuer or
-- service_provider.

-- The one certificate in a PEM text.
-- Errors: 22P02 there is none, or more than one; 22023 its key or usage is not
-- fit.
CREATE FUNCTION screissue.read_certificate(
    certificate text,
    OUT der bytea,
    OUT valid_from timestamp with time zone,
    OUT valid_until timestamp with time zone)
    LANGUAGE c
    VOLATILE STRICT
    AS 'MODULE_PATHNAME', 'screissue_read_certificate';
COMMENT ON FUNCTION screissue.read_certificate(text) IS
    'certificate in a PEM text';

-- Errors: SR011 the file is not there, not the owner's alone, or has not the
-- private key of the certificate.
CREATE FUNCTION screissue.check_certificate_key(
    certificate bytea,
    key_file text)
    RETURNS void
    LANGUAGE c
    VOLATILE STRICT
    AS 'MODULE_PATHNAME', 'screissue_check_certificate_key';
COMMENT ON FUNCTION screissue.check_certificate_key(bytea, text) IS
    'check that a key file has the private key of a certificate';

-- Errors: SR011; 54000 too long.
CREATE FUNCTION screissue.seal_file(
    payload text,
    own bytea,
    key_file text,
    recipient bytea)
    RETURNS text
    LANGUAGE c
    VOLATILE STRICT
    AS 'MODULE_PATHNAME', 'screissue_seal_file';
COMMENT ON FUNCTION screissue.seal_file(text, bytea, text, bytea) IS
    'sealed file for a certificate, in the name of another';

-- Which of these certificates a file is for, from 1.
-- Errors: 22P02 no sealed file, or not whole; 42501 for none of them.
CREATE FUNCTION screissue.file_recipient(file text, own bytea[])
    RETURNS integer
    LANGUAGE c
    VOLATILE STRICT
    AS 'MODULE_PATHNAME', 'screissue_file_recipient';
COMMENT ON FUNCTION screissue.file_recipient(text, bytea[]) IS
    'certificate that a sealed file is for';

-- What is in a file, and which of the senders signed it, from 1.
-- Errors: 22P02; 42501 signed by none of them; SR011.
CREATE FUNCTION screissue.unseal_file(
    file text,
    own bytea,
    key_file text,
    senders bytea[],
    OUT payload bytea,
    OUT sender integer)
    LANGUAGE c
    VOLATILE STRICT
    AS 'MODULE_PATHNAME', 'screissue_unseal_file';
COMMENT ON FUNCTION screissue.unseal_file(text, bytea, text, bytea[]) IS
    'content and signer of a sealed file';

-- Registers a certificate, our own if its private key is in key_file; returns
-- its SHA-256.  Repeatable.
-- Errors: 22P02, 22023, SR011; SR009 it is registered otherwise, or revoked.
CREATE FUNCTION screissue.store_certificate(
    side text,
    company screissue.company_id,
    certificate text,
    key_file text)
    RETURNS bytea
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    parsed record;
    fingerprint bytea;
BEGIN
    PERFORM screissue.require('certificate',
                              store_certificate.certificate IS NOT NULL);
    IF store_certificate.key_file !~ '^[A-Za-z][A-Za-z0-9_-]*[.]pem$' THEN
        RAISE EXCEPTION 'key file "%" has no name of a key for files',
            store_certificate.key_file
            USING ERRCODE = '22023',
                  HINT = 'Its name begins with a letter, goes on with letters, digits, "_" and "-", and ends with ".pem".';
    END IF;
    parsed := screissue.read_certificate(store_certificate.certificate);
    PERFORM screissue.check_certificate_key(parsed.der,
                                            store_certificate.key_file);
    fingerprint := sha256(parsed.der);
    INSERT INTO screissue.certificate
           (side, sha256, company_id, der, key_file, valid_from, valid_until,
            registered_at)
    VALUES (store_certificate.side, fingerprint, store_certificate.company,
            parsed.der, store_certificate.key_file, parsed.valid_from,
            parsed.valid_until, clock_timestamp())
        ON CONFLICT ON CONSTRAINT certificate_pkey DO NOTHING;
    IF NOT FOUND AND NOT EXISTS
           (SELECT FROM screissue.certificate c
             WHERE c.side = store_certificate.side
               AND c.sha256 = fingerprint
               AND c.company_id = store_certificate.company
               AND c.key_file IS NOT DISTINCT FROM store_certificate.key_file
               AND c.revoked_at IS NULL) THEN
        RAISE EXCEPTION 'certificate is on record already'
            USING ERRCODE = 'SR009',
                  DETAIL = 'It is revoked, another company''s, or has another key file.',
                  HINT = 'Use another certificate, with a key of its own.';
    END IF;
    RETURN fingerprint;
END
$$;
COMMENT ON FUNCTION screissue.store_certificate(
    text, screissue.company_id, text, text) IS
    'registration of a certificate';

-- Believes nothing more that a certificate signed, and opens nothing more that
-- was sealed for it.  For good.  Repeatable.  Errors: 22023 unknown.
CREATE FUNCTION screissue.end_certificate(
    side text,
    company screissue.company_id,
    fingerprint bytea)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('company', end_certificate.company IS NOT NULL);
    PERFORM screissue.require('sha256',
                              end_certificate.fingerprint IS NOT NULL);
    UPDATE screissue.certificate c
       SET revoked_at = coalesce(c.revoked_at, now())
     WHERE c.side = end_certificate.side
       AND c.sha256 = end_certificate.fingerprint
       AND c.company_id = end_certificate.company;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'company "%" has no such certificate',
            end_certificate.company
            USING ERRCODE = '22023',
                  HINT = 'Give the SHA-256 that its registration returned.';
    END IF;
END
$$;
COMMENT ON FUNCTION
    screissue.end_certificate(text, screissue.company_id, bytea) IS
    'revocation of a certificate';

-- May a certificate be used now?
CREATE FUNCTION screissue.is_in_use(
    valid_from timestamp with time zone,
    valid_until timestamp with time zone,
    revoked_at timestamp with time zone)
    RETURNS boolean
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT revoked_at IS NULL AND now() BETWEEN valid_from AND valid_until
$$;
COMMENT ON FUNCTION screissue.is_in_use(
    timestamp with time zone, timestamp with time zone,
    timestamp with time zone) IS
    'whether a certificate may be used now';

-- The newest certificate of a company that is in use, our own or a partner's.
-- Errors: SR011 there is none.
CREATE FUNCTION screissue.newest_certificate(
    side text,
    company screissue.company_id,
    is_own boolean,
    OUT der bytea,
    OUT key_file text)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    SELECT c.der, c.key_file
      INTO newest_certificate.der, newest_certificate.key_file
      FROM screissue.certificate c
     WHERE c.side = newest_certificate.side
       AND c.company_id = newest_certificate.company
       AND (c.key_file IS NOT NULL) = newest_certificate.is_own
       AND screissue.is_in_use(c.valid_from, c.valid_until, c.revoked_at)
     ORDER BY c.registered_at DESC, c.sha256
     LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no certificate of company "%" is in use',
            newest_certificate.company
            USING ERRCODE = 'SR011',
                  HINT = format('Register one with %s.register_certificate.',
                                newest_certificate.side);
    END IF;
END
$$;
COMMENT ON FUNCTION screissue.newest_certificate(
    text, screissue.company_id, boolean) IS
    'newest certificate of a company that is in use';

-- The parties of a file that a company sends to another in this role.
CREATE FUNCTION screissue.parties(
    side text,
    own screissue.company_id,
    partner screissue.company_id)
    RETURNS jsonb
    LANGUAGE sql
    IMMUTABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT jsonb_build_object(
        'issuer', CASE side WHEN 'card_issuer' THEN own ELSE partner END::text,
        'provider', CASE side WHEN 'card_issuer' THEN partner ELSE own END::text)
$$;
COMMENT ON FUNCTION screissue.parties(
    text, screissue.company_id, screissue.company_id) IS
    'issuer and provider, as a sealed file names them';

-- A file of this kind for a partner.
-- Errors: SR011 a certificate is missing, or our private key; 54000 too long.
CREATE FUNCTION screissue.seal(
    side text,
    own screissue.company_id,
    partner screissue.company_id,
    kind text,
    items jsonb)
    RETURNS text
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    sender CONSTANT record :=
        screissue.newest_certificate(seal.side, seal.own, true);
    recipient CONSTANT record :=
        screissue.newest_certificate(seal.side, seal.partner, false);
BEGIN
    RETURN screissue.seal_file(
        (jsonb_build_object('screissue', 1, 'kind', seal.kind, 'made_at', now(),
                            seal.kind, seal.items)
         || screissue.parties(seal.side, seal.own, seal.partner))::text,
        sender.der, sender.key_file, recipient.der);
END
$$;
COMMENT ON FUNCTION screissue.seal(
    text, screissue.company_id, screissue.company_id, text, jsonb) IS
    'sealed file for a partner';

-- What a sealed file may hold: the members of its items, and their types in JSON.
CREATE FUNCTION screissue.item_shape(kind text)
    RETURNS jsonb
    LANGUAGE sql
    IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE kind
        WHEN 'notices' THEN
            '{"issuer": "string", "provider": "string", "notice_no": "number",
              "kind": "string or null", "platform_type": "number or null",
              "new_card_id": "string or null", "old_card_id": "string or null",
              "app_id": "string or null", "message_id": "string or null",
              "reason": "string or null", "noted_at": "string or null"}'
        WHEN 'inquiries' THEN
            '{"request_id": "number", "app_id": "string",
              "attribute": "string or null", "card_id": "string or null",
              "printed_number": "string or null"}'
        WHEN 'replies' THEN
            '{"request_id": "number", "app_id": "string",
              "asked_sha256": "string", "platform_type": "number",
              "reissued": "boolean", "message_id": "string or null",
              "old_card_id": "string or null"}'
        WHEN 'permissions' THEN
            '{"message_id": "string", "app_id": "string",
              "platform_type": "number", "card_id": "string or null",
              "inherits": "string or null", "fee": "number or null",
              "currency": "string or null"}'
        END::jsonb
$$;
COMMENT ON FUNCTION screissue.item_shape(text) IS
    'members of the items in a sealed file; NULL = there is no such kind';

-- Has an object exactly these members, each once, of these types?
CREATE FUNCTION screissue.has_shape(item json, shape jsonb)
    RETURNS boolean
    LANGUAGE sql
    IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT json_typeof(item) = 'object'
       AND (SELECT count(*) = count(DISTINCT m.key)
                   AND count(*) = (SELECT count(*) FROM jsonb_object_keys(shape))
                   AND bool_and(coalesce(
                           json_typeof(m.value) = ANY (string_to_array(
                               shape ->> m.key, ' or ')), false))
              FROM json_each(CASE json_typeof(item)
                             WHEN 'object' THEN item END) m) IS TRUE
$$;
COMMENT ON FUNCTION screissue.has_shape(json, jsonb) IS
    'check of the members of a JSON object';

-- Raises 22P02: what is in a file is not what doc/reference.md says.
CREATE FUNCTION screissue.raise_bad_content(fault text)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'content of the file is not as agreed'
        USING ERRCODE = '22P02',
              DETAIL = fault,
              HINT = 'Nothing was stored; its sender may use another version.';
END
$$;
COMMENT ON FUNCTION screissue.raise_bad_content(text) IS
    'error 22P02 for the content of a sealed file';

-- The document in a file, and the company that signed it.
-- Errors: 22P02 no sealed file, not whole, or not JSON inside; 42501 not for us,
-- or not signed by a partner whose certificate is in use; SR011.
CREATE FUNCTION screissue.open_document(
    side text,
    file text,
    OUT partner screissue.company_id,
    OUT document json)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    own CONSTANT bytea[] := ARRAY(
        SELECT c.der FROM screissue.certificate c
         WHERE c.side = open_document.side
           AND c.key_file IS NOT NULL
           AND screissue.is_in_use(c.valid_from, c.valid_until, c.revoked_at));
    senders CONSTANT bytea[] := ARRAY(
        SELECT c.der FROM screissue.certificate c
         WHERE c.side = open_document.side
           AND c.key_file IS NULL);
    ours bytea;
    key_file text;
    sender record;
    opened record;
BEGIN
    PERFORM screissue.require('file', open_document.file IS NOT NULL);
    ours := own[screissue.file_recipient(open_document.file, own)];
    SELECT c.key_file INTO STRICT key_file
      FROM screissue.certificate c
     WHERE c.side = open_document.side
       AND c.sha256 = sha256(ours);
    opened := screissue.unseal_file(
        open_document.file, ours, key_file, senders);
    SELECT c.company_id, c.valid_from, c.valid_until, c.revoked_at
      INTO STRICT sender
      FROM screissue.certificate c
     WHERE c.side = open_document.side
       AND c.sha256 = sha256(senders[opened.sender]);
    IF NOT screissue.is_in_use(sender.valid_from, sender.valid_until,
                               sender.revoked_at) THEN
        RAISE EXCEPTION 'file is signed by a certificate of company "%" that is not in use',
            sender.company_id
            USING ERRCODE = '42501',
                  DETAIL = CASE WHEN sender.revoked_at IS NOT NULL
                                THEN 'It is revoked.'
                                ELSE 'It is expired, or not valid yet.' END;
    END IF;
    open_document.partner := sender.company_id;
    BEGIN
        open_document.document := convert_from(opened.payload, 'UTF8')::json;
        PERFORM open_document.document::jsonb;
    EXCEPTION WHEN data_exception THEN
        PERFORM screissue.raise_bad_content('It is not JSON in UTF-8.');
    END;
END
$$;
COMMENT ON FUNCTION screissue.open_document(text, text) IS
    'document in a sealed file, and who signed it';

-- The items in a file of this kind that a partner sent to us, and the partner.
-- Whoever sealed it names both in it: what was sealed for another, and sealed
-- again for us, is none.
-- Errors: as open_document; 22P02 not as agreed; 22023 another kind; 42501 of
-- other parties.
CREATE FUNCTION screissue.unseal(
    side text,
    own screissue.company_id,
    kind text,
    file text,
    OUT partner screissue.company_id,
    OUT items json)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    opened CONSTANT record :=
        screissue.open_document(unseal.side, unseal.file);
    document CONSTANT json := opened.document;
    found_kind text;
    bad bigint;
BEGIN
    IF json_typeof(document) <> 'object' THEN
        PERFORM screissue.raise_bad_content('It is not a JSON object.');
    ELSIF (document ->> 'screissue' = '1') IS NOT TRUE THEN
        PERFORM screissue.raise_bad_content(
            'It is not of version 1, the only one that is known here.');
    END IF;
    found_kind := document ->> 'kind';
    IF screissue.item_shape(found_kind) IS NULL THEN
        PERFORM screissue.raise_bad_content('It is of no kind that is known here.');
    ELSIF NOT screissue.has_shape(
              document,
              '{"screissue": "number", "kind": "string", "issuer": "string",
                "provider": "string", "made_at": "string"}'::jsonb
              || jsonb_build_object(found_kind, 'array')) THEN
        PERFORM screissue.raise_bad_content(format(
            'Its members must be screissue, kind, issuer, provider, made_at and %s.',
            found_kind));
    ELSIF document::jsonb @> screissue.parties(
              unseal.side, unseal.own, opened.partner) IS NOT TRUE THEN
        RAISE EXCEPTION 'file of company "%" names other parties than it and us',
            opened.partner
            USING ERRCODE = '42501',
                  HINT = 'It was made for another company, or in the name of another.';
    ELSIF found_kind <> unseal.kind THEN
        RAISE EXCEPTION 'file holds %, not %', found_kind, unseal.kind
            USING ERRCODE = '22023';
    END IF;

    SELECT i.item_no INTO bad
      FROM json_array_elements(document -> unseal.kind)
           WITH ORDINALITY i (item, item_no)
     WHERE NOT screissue.has_shape(i.item, screissue.item_shape(unseal.kind))
     ORDER BY i.item_no
     LIMIT 1;
    IF FOUND THEN
        PERFORM screissue.raise_bad_content(format(
            'Item %s of "%s" has not exactly the members that it should, or one of them has another type.',
            bad, unseal.kind));
    END IF;
    unseal.partner := opened.partner;
    unseal.items := document -> unseal.kind;
END
$$;
COMMENT ON FUNCTION screissue.unseal(
    text, screissue.company_id, text, text) IS
    'items of a sealed file from a partner for us';

-- Raises an error again, and says at which item of a file it arose; fault_in: the
-- member that was being read, whose value is not told.
CREATE FUNCTION screissue.raise_item(
    kind text,
    item_no bigint,
    fault_in text,
    state text,
    message text,
    detail text,
    hint text)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF fault_in IS NOT NULL AND state LIKE '22%' THEN
        PERFORM screissue.raise_bad_content(format(
            'Item %s of "%s" has no valid "%s".', item_no, kind, fault_in));
    END IF;
    RAISE EXCEPTION '%', message
        USING ERRCODE = state,
              DETAIL = rtrim(format('It is item %s of "%s" in the file. ',
                                    item_no, kind) || detail),
              HINT = hint;
END
$$;
COMMENT ON FUNCTION
    screissue.raise_item(text, bigint, text, text, text, text, text) IS
    'error for an item of a sealed file';
