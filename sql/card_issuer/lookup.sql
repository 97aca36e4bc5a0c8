-- Rows that nearly every call reads, and the errors when they are not there

-- Is the contract with this provider in force today (R4, R5)?
CREATE FUNCTION card_issuer.contract_in_force(provider screissue.company_id)
    RETURNS boolean
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RETURN EXISTS (SELECT
                     FROM card_issuer.provider p
                    WHERE p.provider = contract_in_force.provider
                      AND p.suspended_at IS NULL
                      AND coalesce(p.contract_from <= today(), true)
                      AND coalesce(p.contract_until >= today(), true));
END
$$;
COMMENT ON FUNCTION card_issuer.contract_in_force(screissue.company_id) IS
    'true while the contract with a provider is in force';

-- Raises SR002 unless the contract with the provider is in force.
CREATE FUNCTION card_issuer.require_contract(provider screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF NOT card_issuer.contract_in_force(require_contract.provider) THEN
        RAISE EXCEPTION 'contract with provider "%" is not in force',
            require_contract.provider
            USING ERRCODE = 'SR002';
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.require_contract(screissue.company_id) IS
    'check that the contract with a provider is in force';

-- Raises SR002 unless the provider is registered.
CREATE FUNCTION card_issuer.require_provider(provider screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('provider',
                              require_provider.provider IS NOT NULL);
    IF NOT EXISTS (SELECT FROM card_issuer.provider p
                    WHERE p.provider = require_provider.provider) THEN
        RAISE EXCEPTION 'unknown provider "%"', require_provider.provider
            USING ERRCODE = 'SR002',
                  HINT = 'Register it with card_issuer.register_provider.';
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.require_provider(screissue.company_id) IS
    'check that a provider is registered';

-- The registration of an application (R6).  Errors: SR003 unknown.
CREATE FUNCTION card_issuer.get_application(
    app screissue.app_id,
    OUT provider screissue.company_id,
    OUT load_file_sha256 bytea,
    OUT examination_mode text,
    OUT max_examination_age interval,
    OUT withdrawn boolean)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('app', get_application.app IS NOT NULL);
    SELECT a.provider, a.load_file_sha256, a.examination_mode,
           a.max_examination_age, a.withdrawn_at IS NOT NULL
      INTO get_application.provider, get_application.load_file_sha256,
           get_application.examination_mode,
           get_application.max_examination_age, get_application.withdrawn
      FROM card_issuer.application a
     WHERE a.app_id = get_application.app;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'unknown application "%"', get_application.app
            USING ERRCODE = 'SR003',
                  HINT = 'Register it with card_issuer.register_application.';
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.get_application(screissue.app_id) IS
    'registration of an application';

-- A card's row, locked against every other call that would change the card,
-- its loads or its requests.  By an update that changes nothing, not by SELECT
-- FOR UPDATE: a transaction whose snapshot is older than what another call did
-- to the card then gets 40001, at any isolation level, instead of going on
-- with what it sees.  Who locks several cards of one chain locks the older
-- card first.
-- Errors: SR004 unknown.
CREATE FUNCTION card_issuer.lock_card(
    card screissue.card_id,
    OUT status screissue.card_status,
    OUT former_status screissue.card_status,
    OUT platform_type integer,
    OUT holder_id text,
    OUT replaces screissue.card_id,
    OUT replaced_by screissue.card_id,
    OUT overlap_until timestamp with time zone)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    UPDATE card_issuer.card c SET status = c.status
     WHERE c.card_id = lock_card.card
    RETURNING c.status, c.former_status, c.platform_type, c.holder_id,
              c.replaces, c.replaced_by, c.overlap_until
         INTO lock_card.status, lock_card.former_status,
              lock_card.platform_type, lock_card.holder_id,
              lock_card.replaces, lock_card.replaced_by,
              lock_card.overlap_until;
    IF NOT FOUND THEN
        PERFORM card_issuer.raise_unknown_card(lock_card.card);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.lock_card(screissue.card_id) IS
    'row of a card, locked';

CREATE FUNCTION card_issuer.raise_unknown_card(card screissue.card_id)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('card', raise_unknown_card.card IS NOT NULL);
    RAISE EXCEPTION 'unknown card "%"', mask(raise_unknown_card.card)
        USING ERRCODE = 'SR004';
END
$$;
COMMENT ON FUNCTION card_issuer.raise_unknown_card(screissue.card_id) IS
    'error SR004';

CREATE FUNCTION card_issuer.raise_card_status(
    card screissue.card_id,
    status screissue.card_status,
    attempted text)
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'card "%" is %, it cannot be %',
        mask(raise_card_status.card), raise_card_status.status,
        raise_card_status.attempted
        USING ERRCODE = 'SR005';
END
$$;
COMMENT ON FUNCTION card_issuer.raise_card_status(
    screissue.card_id, screissue.card_status, text) IS
    'error SR005, naming both states';

-- Raises SR005 unless a card of the one status may get the other.
CREATE FUNCTION card_issuer.require_card_move(
    card screissue.card_id,
    from_status screissue.card_status,
    to_status screissue.card_status)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF NOT may_move('card', from_status::text, to_status::text) THEN
        PERFORM card_issuer.raise_card_status(card, from_status, to_status::text);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.require_card_move(
    screissue.card_id, screissue.card_status, screissue.card_status) IS
    'check that a card may get another status';

-- Does a card work today, as one that was handed over?  An old card does, too,
-- while it overlaps with the card that replaced it (E7).
CREATE FUNCTION card_issuer.card_works(
    status screissue.card_status,
    valid_until date,
    overlap_until timestamp with time zone)
    RETURNS boolean
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT (card_works.status = 'active'
            OR coalesce(card_works.overlap_until > now(), false))
       AND coalesce(card_works.valid_until >= today(), true)
$$;
COMMENT ON FUNCTION card_issuer.card_works(
    screissue.card_status, date, timestamp with time zone) IS
    'true while a card works';
