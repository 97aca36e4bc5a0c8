-- Inquiries by card attribute (method 2: Fig. 10, Fig. 15, Fig. 16)

-- Fig. 10, steps 1001-1005: is the card that gave this attribute a reissued
-- one, and which loading permission did it inherit for this application?  The
-- same id every time.  printed_number: what stands on the card, if it was
-- looked at (R33).  Every negative answer is the same row: 200, false, NULL;
-- its cause is in card_issuer.inquiry and in the server log.  Decrypts once.
-- VOLATILE, so that no plan ever has a value of it.
-- Errors: SR001; 22023; 42501 if the caller is neither a provider's role nor
-- an operator; SR011 the file of a registered key cannot be used; 53400 too
-- many inquiries; 25006.
CREATE FUNCTION card_issuer.inquire(
    attribute screissue.card_attribute,
    app screissue.app_id,
    printed_number text DEFAULT NULL,
    OUT platform_type integer,
    OUT reissued boolean,
    OUT message_id screissue.message_id)
    LANGUAGE c
    VOLATILE
    COST 100
    AS 'MODULE_PATHNAME', 'screissue_inquire';
COMMENT ON FUNCTION
    card_issuer.inquire(screissue.card_attribute, screissue.app_id, text) IS
    'reply to an inquiry by card attribute (Fig. 10, Fig. 15)';

-- Inquiries remember rows of self, application, provider and encryption_key
-- from one to the next: a change of these tables makes every session forget
-- them.
CREATE FUNCTION card_issuer.registry_changed()
    RETURNS trigger
    LANGUAGE c
    VOLATILE
    AS 'MODULE_PATHNAME', 'screissue_registry_changed';
COMMENT ON FUNCTION card_issuer.registry_changed() IS
    'trigger that makes sessions forget what they remember of a table';

-- Puts the triggers on these tables; for setup().  FOR EACH ROW, since the
-- worker of a subscription fires no others.
CREATE FUNCTION card_issuer.create_registry_triggers()
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    registry_table text;
BEGIN
    FOREACH registry_table IN ARRAY
        '{self, provider, application, encryption_key}'::text[]
    LOOP
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER registry_changed'
            ' AFTER INSERT OR UPDATE OR DELETE ON card_issuer.%I'
            ' FOR EACH ROW EXECUTE FUNCTION card_issuer.registry_changed()',
            registry_table);
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER registry_truncated'
            ' AFTER TRUNCATE ON card_issuer.%I'
            ' FOR EACH STATEMENT'
            ' EXECUTE FUNCTION card_issuer.registry_changed()',
            registry_table);
    END LOOP;
END
$$;
COMMENT ON FUNCTION card_issuer.create_registry_triggers() IS
    'triggers on the tables that inquiries remember, for setup()';

-- In a serializable transaction pg_locks shows to everybody which rows were
-- read.  Called before a provider's call reads rows that it must not know of;
-- there, the card tables are locked as a whole for reading.
CREATE FUNCTION card_issuer.cover_reads()
    RETURNS void
    LANGUAGE c
    STABLE
    AS 'MODULE_PATHNAME', 'screissue_cover_reads';
COMMENT ON FUNCTION card_issuer.cover_reads() IS
    'keep pg_locks from showing which rows a provider''s call reads';

-- The card id in an attribute, for operators, who are told what is wrong.
-- Errors: SR011 unknown or revoked key, or its file cannot be used; SR012 not
-- decryptable.
CREATE FUNCTION card_issuer.decrypt_attribute(
    attribute screissue.card_attribute)
    RETURNS screissue.card_id
    LANGUAGE c
    VOLATILE
    COST 100
    AS 'MODULE_PATHNAME', 'screissue_decrypt_attribute';
COMMENT ON FUNCTION
    card_issuer.decrypt_attribute(screissue.card_attribute) IS
    'card id in a card attribute';

-- What a card attribute says, and why it is not to be believed: cause, in the
-- words of card_issuer.inquiry, NULL = it is.
CREATE TYPE card_issuer.opened_attribute AS (
    card screissue.card_id,
    cause text,
    key_id integer,
    secret_sha256 bytea);
COMMENT ON TYPE card_issuer.opened_attribute IS
    'card attribute that was decrypted';

CREATE FUNCTION card_issuer.open_attribute(
    attribute screissue.card_attribute)
    RETURNS card_issuer.opened_attribute
    LANGUAGE c
    VOLATILE STRICT
    COST 100
    AS 'MODULE_PATHNAME', 'screissue_open_attribute';
COMMENT ON FUNCTION
    card_issuer.open_attribute(screissue.card_attribute) IS
    'card that gave an attribute';

-- The number of an inquiry, which no rollback gives back; 0 = it is not to be
-- written (screissue.audit_inquiries, or a standby).  Errors: 25006.
CREATE FUNCTION card_issuer.begin_inquiry(provider screissue.company_id)
    RETURNS bigint
    LANGUAGE c
    VOLATILE STRICT
    AS 'MODULE_PATHNAME', 'screissue_begin_inquiry';
COMMENT ON FUNCTION card_issuer.begin_inquiry(screissue.company_id) IS
    'number of an inquiry that begins';

-- Keeps what was asked by attribute: in card_issuer.inquiry, if it has a
-- number, and in the server log, as screissue.log_inquiries has it.
CREATE FUNCTION card_issuer.record_inquiry(
    inquiry_no bigint,
    provider screissue.company_id,
    app screissue.app_id,
    attribute screissue.card_attribute,
    card screissue.card_id,
    message screissue.message_id,
    cause text,
    permission screissue.message_id)
    RETURNS void
    LANGUAGE c
    VOLATILE
    AS 'MODULE_PATHNAME', 'screissue_record_inquiry';
COMMENT ON FUNCTION card_issuer.record_inquiry(
    bigint, screissue.company_id, screissue.app_id, screissue.card_attribute,
    screissue.card_id, screissue.message_id, text, screissue.message_id) IS
    'record of an inquiry (Fig. 16)';

-- In whose name does somebody ask about an application of this provider, NULL =
-- an unknown application?  An operator asks for that provider, or for the
-- issuer if there is none; a provider for itself.
-- Errors: 42501 neither of them; 53400 the provider has reached its limit.
CREATE FUNCTION card_issuer.asking_party(provider screissue.company_id)
    RETURNS screissue.company_id
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    caller CONSTANT name := calling_role();
    party screissue.company_id;
BEGIN
    IF card_issuer.is_operator(caller) THEN
        RETURN coalesce(asking_party.provider, card_issuer.own_company());
    END IF;
    SELECT p.provider INTO party
      FROM card_issuer.provider p
      JOIN pg_roles r ON r.rolname = p.role_name
     WHERE pg_has_role(caller, r.oid, 'USAGE')
     ORDER BY (p.provider = asking_party.provider) IS NOT TRUE, p.provider
     LIMIT 1;
    IF NOT FOUND THEN
        PERFORM card_issuer.require_party(caller);
    END IF;
    PERFORM card_issuer.check_inquiry_limit(party);
    RETURN party;
END
$$;
COMMENT ON FUNCTION card_issuer.asking_party(screissue.company_id) IS
    'company for which an inquiry is made';

-- Raises 53400 if the provider has made as many inquiries within an hour as it
-- may.  Those count that it rolled back, too: the time of such an inquiry is
-- that of the next one on record, or, if there is none, now.
CREATE FUNCTION card_issuer.check_inquiry_limit(
    provider screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    made CONSTANT bigint :=
        card_issuer.inquiries_made(check_inquiry_limit.provider);
    allowed record;
    oldest timestamp with time zone;
BEGIN
    SELECT p.inquiry_limit, p.inquiry_limit_from INTO STRICT allowed
      FROM card_issuer.provider p
     WHERE p.provider = check_inquiry_limit.provider;
    IF (made - allowed.inquiry_limit_from >= allowed.inquiry_limit) IS NOT TRUE
    THEN
        RETURN;
    END IF;
    SELECT i.asked_at INTO oldest
      FROM card_issuer.inquiry i
     WHERE i.provider = check_inquiry_limit.provider
       AND i.inquiry_no > made - allowed.inquiry_limit
     ORDER BY i.inquiry_no
     LIMIT 1;
    IF (oldest <= now() - interval '1 hour') IS NOT TRUE THEN
        RAISE EXCEPTION 'provider "%" has made % inquiries within an hour',
            check_inquiry_limit.provider, allowed.inquiry_limit
            USING ERRCODE = '53400',
                  HINT = 'Wait, or ask the card issuer for a higher limit.';
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.check_inquiry_limit(screissue.company_id) IS
    'check that a provider may make an inquiry';

-- How many inquiries a provider may make within an hour, by its own role and
-- permit_load by attribute included (E44, E45); NULL = any number.  Inquiries
-- count from this call on.
-- Errors: SR002 unknown; 22023.
CREATE FUNCTION card_issuer.set_inquiry_limit(
    provider screissue.company_id,
    per_hour integer)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.require_provider(set_inquiry_limit.provider);
    IF set_inquiry_limit.per_hour < 1 THEN
        RAISE EXCEPTION 'inquiry limit % is not positive',
            set_inquiry_limit.per_hour
            USING ERRCODE = '22023',
                  HINT = 'To stop all inquiries use card_issuer.suspend_provider.';
    END IF;
    UPDATE card_issuer.provider p
       SET inquiry_limit = set_inquiry_limit.per_hour,
           inquiry_limit_from = card_issuer.inquiries_made(p.provider)
     WHERE p.provider = set_inquiry_limit.provider;
END
$$;
COMMENT ON FUNCTION
    card_issuer.set_inquiry_limit(screissue.company_id, integer) IS
    'limit the inquiries of a provider';

-- The sequence that numbers the inquiries of a company, unless it is there.
CREATE FUNCTION card_issuer.create_inquiry_sequence(
    company screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    sequence CONSTANT text := format(
        'card_issuer.%I', 'inquiry_sequence_' || lower(company::text));
BEGIN
    IF to_regclass(sequence) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE SEQUENCE %s', sequence);
    EXECUTE format('COMMENT ON SEQUENCE %s IS %L', sequence,
                   'inquiry numbers of ' || company::text);
    PERFORM screissue.revoke_relation(sequence::regclass);
END
$$;
COMMENT ON FUNCTION
    card_issuer.create_inquiry_sequence(screissue.company_id) IS
    'make the sequence of a company''s inquiry numbers';

-- How many inquiries a company has made: a rollback gives no number back.
CREATE FUNCTION card_issuer.inquiries_made(company screissue.company_id)
    RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('company', inquiries_made.company IS NOT NULL);
    RETURN coalesce(
        pg_sequence_last_value(to_regclass(format(
            'card_issuer.%I',
            'inquiry_sequence_' || lower(inquiries_made.company::text)))),
        0::bigint);
END
$$;
COMMENT ON FUNCTION card_issuer.inquiries_made(screissue.company_id) IS
    'number of inquiries that a company has made';
