-- Cards and their holders (R3)

-- Registers a holder or replaces the profile that policies may ask.
CREATE FUNCTION card_issuer.register_holder(holder_id text, profile jsonb)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('holder_id', register_holder.holder_id IS NOT NULL);
    INSERT INTO card_issuer.holder (holder_id, profile)
    VALUES (register_holder.holder_id, register_holder.profile)
        ON CONFLICT ON CONSTRAINT holder_pkey DO UPDATE
       SET profile = excluded.profile;
END
$$;
COMMENT ON FUNCTION card_issuer.register_holder(text, jsonb) IS
    'register a holder and the profile';

-- The id under which an erased holder stays on record: enough to tell that a
-- call is repeated, by who knows the id, and no more.
CREATE FUNCTION card_issuer.erased_holder_id(holder_id text)
    RETURNS text
    LANGUAGE sql
    IMMUTABLE STRICT
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'erased ' || encode(sha256(convert_to(holder_id, 'UTF8')), 'hex')
$$;
COMMENT ON FUNCTION card_issuer.erased_holder_id(text) IS
    'id under which an erased holder stays on record';

-- Of the details of an examination those that are not about the holder; of an
-- earlier examination that the policy was told of all but the reason.  NULL if
-- there are none.
CREATE FUNCTION card_issuer.impersonal_details(details jsonb)
    RETURNS jsonb
    LANGUAGE sql
    IMMUTABLE STRICT
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_object_agg(
               d.key, CASE jsonb_typeof(d.value) WHEN 'object'
                      THEN d.value - 'reason' ELSE d.value END)
      FROM jsonb_each(impersonal_details.details) d
     WHERE d.key IN ('event', 'reason', 'application', 'provider', 'inherits',
                     'old_load', 'load', 'receipt', 'request_id', 'status',
                     'platform_type', 'valid_until', 'days_valid',
                     'issued_at', 'examination_mode', 'old_examination',
                     'previous_examination', 'policy_sha256')
$$;
COMMENT ON FUNCTION card_issuer.impersonal_details(jsonb) IS
    'details of an examination that are not about the holder';

-- Removes what a card's records say about its holder.  What was decided, when
-- and by which policy stays.
CREATE FUNCTION card_issuer.erase_card_holder(card screissue.card_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.lock_card(card);
    UPDATE card_issuer.card c
       SET holder_id = NULL,
           printed_number = NULL
     WHERE c.card_id = card;
    UPDATE card_issuer.reissue_request r
       SET requested_by = NULL,
           refusal = NULL
     WHERE r.old_card_id = card;
    UPDATE card_issuer.examination x
       SET reason = NULL,
           details = card_issuer.impersonal_details(x.details)
     WHERE x.card_id = card;
END
$$;
COMMENT ON FUNCTION card_issuer.erase_card_holder(screissue.card_id) IS
    'remove the holder from the records of a card';

-- Erases a holder's data (E57): the profile, and what the holder's cards, the
-- requests for their reissue and their examinations say about the holder.
-- Pairs, loads, entitlements and notices stay, so every chain still walks and
-- the cards can be reissued, for no holder.  Repeatable: cards issued to the
-- holder meanwhile are erased, too.
-- Errors: 22023 unknown holder.
CREATE FUNCTION card_issuer.erase_holder(holder_id text)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    remains CONSTANT text := card_issuer.erased_holder_id(erase_holder.holder_id);
    cards screissue.card_id[];
    card screissue.card_id;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('holder_id', erase_holder.holder_id IS NOT NULL);
    DELETE FROM card_issuer.holder h
     WHERE h.holder_id = erase_holder.holder_id;
    IF FOUND THEN
        INSERT INTO card_issuer.holder (holder_id)
        VALUES (remains)
            ON CONFLICT ON CONSTRAINT holder_pkey DO NOTHING;
    ELSIF NOT EXISTS (SELECT FROM card_issuer.holder h
                       WHERE h.holder_id = remains) THEN
        RAISE EXCEPTION 'unknown holder'
            USING ERRCODE = '22023',
                  HINT = 'Holders are known from register_holder and issue_card.';
    END IF;

    -- Again until there is none: while we waited for a card, it may have been
    -- reissued to the same holder.  Older cards first, see lock_card.
    LOOP
        cards := ARRAY(SELECT c.card_id
                         FROM card_issuer.card c
                        WHERE c.holder_id = erase_holder.holder_id
                        ORDER BY c.issued_at, c.card_id);
        EXIT WHEN cardinality(cards) = 0;
        FOREACH card IN ARRAY cards LOOP
            PERFORM card_issuer.erase_card_holder(card);
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON FUNCTION card_issuer.erase_holder(text) IS
    'erase the data of a holder (E57)';

-- Raises SR010 unless the id passes the check of its platform, 22023 if there
-- is no such platform.
CREATE FUNCTION card_issuer.check_card_id(
    card screissue.card_id,
    platform_type integer)
    RETURNS void
    LANGUAGE c
    STABLE STRICT
    AS 'MODULE_PATHNAME', 'screissue_check_card_id';
COMMENT ON FUNCTION card_issuer.check_card_id(screissue.card_id, integer) IS
    'check a card id by the rule of its platform';

-- Raises 22023 for an end of validity in the past.
CREATE FUNCTION card_issuer.check_valid_until(valid_until date)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF valid_until < today() THEN
        RAISE EXCEPTION 'card would be valid until %, which is past',
            valid_until
            USING ERRCODE = '22023';
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.check_valid_until(date) IS
    'check an end of validity';

-- Stores a new card.  Returns false, and stores nothing, if the id was ever
-- issued (E6).
CREATE FUNCTION card_issuer.store_card(
    card screissue.card_id,
    platform_type integer,
    holder_id text,
    valid_until date,
    printed_number text,
    activate boolean,
    replaces screissue.card_id)
    RETURNS boolean
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('activate', activate IS NOT NULL);
    PERFORM card_issuer.check_card_id(card, platform_type);
    IF valid_until IS NOT NULL THEN
        PERFORM card_issuer.check_valid_until(valid_until);
    END IF;
    INSERT INTO card_issuer.card
           (card_id, platform_type, holder_id, status, valid_until, issued_at,
            printed_number, replaces)
    VALUES (card, platform_type, holder_id,
            CASE WHEN activate THEN 'active'::card_status
                 ELSE 'produced'::card_status END,
            valid_until, now(), printed_number, store_card.replaces)
        ON CONFLICT ON CONSTRAINT card_pkey DO NOTHING;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION card_issuer.store_card(
    screissue.card_id, integer, text, date, text, boolean, screissue.card_id) IS
    'store a new card';

CREATE FUNCTION card_issuer.raise_card_exists(card screissue.card_id)
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'card "%" was issued before', mask(card)
        USING ERRCODE = '23505',
              HINT = 'A card id is never used again.';
END
$$;
COMMENT ON FUNCTION card_issuer.raise_card_exists(screissue.card_id) IS
    'error 23505 for a card id';

-- First issue of a card; not activated, it is produced and waits for
-- activate_card.  A holder not yet known gets a row.
-- Errors: 23505 id issued before; SR010 id fails the platform's check; 22023.
CREATE FUNCTION card_issuer.issue_card(
    card screissue.card_id,
    platform_type integer DEFAULT 999,
    holder_id text DEFAULT NULL,
    valid_until date DEFAULT NULL,
    printed_number text DEFAULT NULL,
    activate boolean DEFAULT true)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('card', issue_card.card IS NOT NULL);
    PERFORM screissue.require('platform_type',
                              issue_card.platform_type IS NOT NULL);
    IF issue_card.holder_id IS NOT NULL THEN
        INSERT INTO card_issuer.holder (holder_id)
        VALUES (issue_card.holder_id)
            ON CONFLICT ON CONSTRAINT holder_pkey DO NOTHING;
    END IF;
    IF NOT card_issuer.store_card(issue_card.card, issue_card.platform_type,
               issue_card.holder_id, issue_card.valid_until,
               issue_card.printed_number, issue_card.activate, NULL) THEN
        PERFORM card_issuer.raise_card_exists(issue_card.card);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.issue_card(
    screissue.card_id, integer, text, date, text, boolean) IS
    'issue a card (R3)';

-- The produced card is handed over.  Repeatable.
-- Errors: SR004 unknown card; SR005 its status forbids it.
CREATE FUNCTION card_issuer.activate_card(card screissue.card_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    row_of_card record;
BEGIN
    PERFORM card_issuer.own_company();
    row_of_card := card_issuer.lock_card(activate_card.card);
    IF row_of_card.status = 'active' THEN
        RETURN;
    ELSIF row_of_card.status <> 'produced' THEN
        PERFORM card_issuer.raise_card_status(
            activate_card.card, row_of_card.status, 'activated');
    END IF;
    PERFORM card_issuer.require_card_move(
        activate_card.card, row_of_card.status, 'active');
    UPDATE card_issuer.card c SET status = 'active'
     WHERE c.card_id = activate_card.card;
END
$$;
COMMENT ON FUNCTION card_issuer.activate_card(screissue.card_id) IS
    'activate a card that was produced';

-- Blocks a card: suspended, lost, stolen or damaged (E8).  A blocked card may
-- change from one of these to another.  An old card that overlaps with the one
-- that replaced it works no more from now on (E7); should the reissue be
-- withdrawn, it is blocked.  Repeatable.
-- Errors: SR004 unknown card; SR005 its status forbids it; 22023.
CREATE FUNCTION card_issuer.block_card(
    card screissue.card_id,
    status screissue.card_status)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    row_of_card record;
BEGIN
    PERFORM card_issuer.own_company();
    IF NOT card_issuer.is_blocked(block_card.status) THEN
        RAISE EXCEPTION 'card cannot be blocked as "%"', block_card.status
            USING ERRCODE = '22023',
                  HINT = 'The status is suspended, lost, stolen or damaged.';
    END IF;
    row_of_card := card_issuer.lock_card(block_card.card);
    IF row_of_card.overlap_until > now() THEN
        PERFORM card_issuer.end_overlap(
            block_card.card, row_of_card.replaced_by, block_card.status);
    ELSIF row_of_card.status = 'replaced' THEN
        IF (card_issuer.status_before_reissue(
                block_card.card, row_of_card.replaced_by)
            = block_card.status) IS NOT TRUE THEN
            PERFORM card_issuer.raise_card_status(
                block_card.card, row_of_card.status, block_card.status::text);
        END IF;
    ELSIF row_of_card.status <> block_card.status THEN
        PERFORM card_issuer.require_card_move(
            block_card.card, row_of_card.status, block_card.status);
        UPDATE card_issuer.card c
           SET status = block_card.status,
               former_status = CASE WHEN card_issuer.is_blocked(c.status)
                                    THEN c.former_status ELSE c.status END
         WHERE c.card_id = block_card.card;
    END IF;
END
$$;
COMMENT ON FUNCTION
    card_issuer.block_card(screissue.card_id, screissue.card_status) IS
    'block a card';

-- Is this one of the statuses of a blocked card, which unblock_card ends?
CREATE FUNCTION card_issuer.is_blocked(status screissue.card_status)
    RETURNS boolean
    LANGUAGE sql
    IMMUTABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT coalesce(
        is_blocked.status IN ('suspended', 'lost', 'stolen', 'damaged'), false)
$$;
COMMENT ON FUNCTION card_issuer.is_blocked(screissue.card_status) IS
    'true for the statuses of a blocked card';

-- Gives a blocked card the status it had before (E8).  Repeatable.  A card
-- that was replaced meanwhile does not come back.
-- Errors: SR004 unknown card; SR005 its status forbids it.
CREATE FUNCTION card_issuer.unblock_card(card screissue.card_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    row_of_card record;
BEGIN
    PERFORM card_issuer.own_company();
    row_of_card := card_issuer.lock_card(unblock_card.card);
    IF row_of_card.status IN ('produced', 'active') THEN
        RETURN;
    ELSIF NOT card_issuer.is_blocked(row_of_card.status) THEN
        PERFORM card_issuer.raise_card_status(
            unblock_card.card, row_of_card.status,
            coalesce(row_of_card.former_status, 'active')::text);
    END IF;
    PERFORM card_issuer.require_card_move(
        unblock_card.card, row_of_card.status, row_of_card.former_status);
    UPDATE card_issuer.card c
       SET status = c.former_status,
           former_status = NULL
     WHERE c.card_id = unblock_card.card;
END
$$;
COMMENT ON FUNCTION card_issuer.unblock_card(screissue.card_id) IS
    'unblock a card';
