-- Keys that card attributes are encrypted for
--
-- The private part is a file in screissue.key_directory and nowhere else; the
-- public part is on record here and may be given to whoever makes cards.

-- Public part of the key in <key_id>.pem: SubjectPublicKeyInfo in DER.
-- Errors: SR011 no such file, not the owner's alone, or not a key for the
-- scheme; 22023 unknown scheme.
CREATE FUNCTION card_issuer.read_public_key(key_id integer, scheme text)
    RETURNS bytea
    LANGUAGE c
    VOLATILE STRICT
    AS 'MODULE_PATHNAME', 'screissue_read_public_key';
COMMENT ON FUNCTION card_issuer.read_public_key(integer, text) IS
    'public part of the key in a key file';

-- What a card makes of a plaintext.  Errors: SR011, 22023.
CREATE FUNCTION card_issuer.encrypt_attribute(
    key_id integer,
    scheme text,
    public_key bytea,
    plaintext bytea)
    RETURNS screissue.card_attribute
    LANGUAGE c
    VOLATILE STRICT
    AS 'MODULE_PATHNAME', 'screissue_encrypt_attribute';
COMMENT ON FUNCTION
    card_issuer.encrypt_attribute(integer, text, bytea, bytea) IS
    'encryption of a card attribute';

CREATE FUNCTION card_issuer.draw_secret()
    RETURNS text
    LANGUAGE c
    VOLATILE
    AS 'MODULE_PATHNAME', 'screissue_draw_secret';
COMMENT ON FUNCTION card_issuer.draw_secret() IS
    'new secret for a card: 22 random characters, 132 bits';

-- Registers the key in <key_id>.pem, for one scheme and for good: cards that
-- store an attribute name it for ten years and more (E40).  Repeatable.
-- Errors: 22023 key id not 0 to 255, unknown scheme; SR011 the file cannot be
-- used; SR009 the id is another key's, or its key is retired or revoked.
CREATE FUNCTION card_issuer.register_key(key_id integer, scheme text)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    public_part bytea;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('key_id', register_key.key_id IS NOT NULL);
    PERFORM screissue.require('scheme', register_key.scheme IS NOT NULL);
    IF register_key.key_id NOT BETWEEN 0 AND 255 THEN
        RAISE EXCEPTION 'key id % is not between 0 and 255',
            register_key.key_id
            USING ERRCODE = '22023';
    END IF;
    public_part := card_issuer.read_public_key(
        register_key.key_id, register_key.scheme);

    INSERT INTO card_issuer.encryption_key
           (key_id, scheme, public_key, registered_at)
    VALUES (register_key.key_id, register_key.scheme, public_part, now())
        ON CONFLICT ON CONSTRAINT encryption_key_pkey DO NOTHING;
    IF FOUND OR EXISTS
           (SELECT FROM card_issuer.encryption_key k
             WHERE k.key_id = register_key.key_id
               AND k.scheme = register_key.scheme
               AND k.public_key = public_part
               AND k.retired_at IS NULL
               AND k.revoked_at IS NULL) THEN
        RETURN;
    END IF;
    RAISE EXCEPTION 'key id % is on record already', register_key.key_id
        USING ERRCODE = 'SR009',
              DETAIL = 'It is another key''s, or its key is retired or revoked.',
              HINT = 'Give the key an id that was never used.';
END
$$;
COMMENT ON FUNCTION card_issuer.register_key(integer, text) IS
    'register a key that card attributes are encrypted for';

CREATE FUNCTION card_issuer.raise_unknown_key(key_id integer)
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('key_id', raise_unknown_key.key_id IS NOT NULL);
    RAISE EXCEPTION 'key % is not registered', raise_unknown_key.key_id
        USING ERRCODE = 'SR011',
              HINT = 'Register it with card_issuer.register_key.';
END
$$;
COMMENT ON FUNCTION card_issuer.raise_unknown_key(integer) IS
    'error SR011 for a key id';

-- No more cards are personalized for this key; what is encrypted for it can
-- still be read.  Repeatable.  Errors: SR011 unknown.
CREATE FUNCTION card_issuer.retire_key(key_id integer)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    UPDATE card_issuer.encryption_key k
       SET retired_at = coalesce(k.retired_at, now())
     WHERE k.key_id = retire_key.key_id;
    IF NOT FOUND THEN
        PERFORM card_issuer.raise_unknown_key(retire_key.key_id);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.retire_key(integer) IS
    'personalize no more cards for a key';

-- What is encrypted for this key is not believed any more: every inquiry with
-- it gets the negative reply.  For good.  Repeatable.  Errors: SR011 unknown.
CREATE FUNCTION card_issuer.revoke_key(key_id integer)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    UPDATE card_issuer.encryption_key k
       SET revoked_at = coalesce(k.revoked_at, now())
     WHERE k.key_id = revoke_key.key_id;
    IF NOT FOUND THEN
        PERFORM card_issuer.raise_unknown_key(revoke_key.key_id);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.revoke_key(integer) IS
    'believe nothing that was encrypted for a key';

-- R32: draws a secret for the card, and keeps its digest only.  attribute is
-- for cards that store one and give it as it is; secret is for cards that
-- encrypt CARD_ID/SECRET afresh each time, for this key.  Called again, the
-- card answers to the new secret and key only.  The settings keep the secret
-- out of debug_print_plan and auto_explain.
-- Errors: SR004 unknown card; SR005 neither produced nor active; SR011 the
-- key is unknown, retired or revoked.
CREATE FUNCTION card_issuer.personalize_card(
    card screissue.card_id,
    key_id integer,
    OUT attribute screissue.card_attribute,
    OUT secret text)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET auto_explain.log_nested_statements = off
AS $$
DECLARE
    key record;
    row_of_card record;
BEGIN
    PERFORM card_issuer.own_company();
    SELECT k.scheme, k.public_key, k.retired_at, k.revoked_at INTO key
      FROM card_issuer.encryption_key k
     WHERE k.key_id = personalize_card.key_id
       FOR SHARE;
    IF NOT FOUND THEN
        PERFORM card_issuer.raise_unknown_key(personalize_card.key_id);
    ELSIF num_nonnulls(key.retired_at, key.revoked_at) > 0 THEN
        RAISE EXCEPTION 'key % is retired or revoked', personalize_card.key_id
            USING ERRCODE = 'SR011',
                  HINT = 'Personalize the card with a key that is in use.';
    END IF;
    row_of_card := card_issuer.lock_card(personalize_card.card);
    IF row_of_card.status NOT IN ('produced', 'active') THEN
        PERFORM card_issuer.raise_card_status(
            personalize_card.card, row_of_card.status, 'personalized');
    END IF;

    personalize_card.secret := card_issuer.draw_secret();
    personalize_card.attribute := card_issuer.encrypt_attribute(
        personalize_card.key_id, key.scheme, key.public_key,
        convert_to(personalize_card.card::text || '/'
                   || personalize_card.secret, 'UTF8'));
    UPDATE card_issuer.card c
       SET attribute_key_id = personalize_card.key_id,
           secret_sha256 = sha256(convert_to(personalize_card.secret, 'UTF8'))
     WHERE c.card_id = personalize_card.card;
END
$$;
COMMENT ON FUNCTION
    card_issuer.personalize_card(screissue.card_id, integer) IS
    'secret and fixed attribute for a card (step 804)';
