-- Expiry, and renewal: the card keeps its id and gets another end of validity
-- (E17)

-- Gives the status expired to cards whose last day is past.  That changes what
-- is on record, and nothing else: such a card has not worked since that day.
-- To be called now and then; blocked cards stay as they are.  Returns how many.
CREATE FUNCTION card_issuer.expire_cards()
    RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    expired bigint;
BEGIN
    PERFORM card_issuer.own_company();
    UPDATE card_issuer.card c
       SET status = 'expired',
           former_status = c.status
     WHERE c.valid_until < today()
       AND c.status IN ('produced', 'active')
       AND may_move('card', c.status::text, 'expired');
    GET DIAGNOSTICS expired = ROW_COUNT;
    RETURN expired;
END
$$;
COMMENT ON FUNCTION card_issuer.expire_cards() IS
    'record that cards have expired';

-- Sets the end of validity of a card that keeps its id: there is no pair, and
-- nothing is inherited.  The providers whose applications are loaded on it get
-- a notice of kind renewal each, if notices are due to them now; one that is
-- not is never written later, for it asks nothing of the provider.  A card that
-- expired works again.  Repeatable: the same date again changes nothing and
-- tells nobody.
-- Errors: SR004 unknown card; SR005 neither active, produced, suspended nor
-- expired; 22023.
CREATE FUNCTION card_issuer.renew_card(
    card screissue.card_id,
    valid_until date)
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
    PERFORM screissue.require('valid_until', renew_card.valid_until IS NOT NULL);
    PERFORM card_issuer.check_valid_until(renew_card.valid_until);
    row_of_card := card_issuer.lock_card(renew_card.card);
    IF row_of_card.status = 'expired' THEN
        PERFORM card_issuer.require_card_move(
            renew_card.card, row_of_card.status, row_of_card.former_status);
        UPDATE card_issuer.card c
           SET status = c.former_status,
               former_status = NULL
         WHERE c.card_id = renew_card.card;
    ELSIF row_of_card.status NOT IN ('active', 'produced', 'suspended') THEN
        PERFORM card_issuer.raise_card_status(
            renew_card.card, row_of_card.status, 'renewed');
    END IF;
    UPDATE card_issuer.card c SET valid_until = renew_card.valid_until
     WHERE c.card_id = renew_card.card
       AND c.valid_until IS DISTINCT FROM renew_card.valid_until;
    IF FOUND THEN
        PERFORM card_issuer.write_notices(
            card_issuer.draft_renewals(renew_card.card));
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.renew_card(screissue.card_id, date) IS
    'renew a card that keeps its id (E17)';

-- A notice about every live load on a renewed card, unless the holder opted out.
CREATE FUNCTION card_issuer.draft_renewals(card screissue.card_id)
    RETURNS card_issuer.draft_notice[]
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT ARRAY(
        SELECT ROW(a.provider, 'renewal', c.platform_type, c.card_id, NULL,
                   NULL, l.app_id, l.message_id, NULL
                  )::card_issuer.draft_notice
          FROM card_issuer.card c
          JOIN card_issuer.app_load l ON l.card_id = c.card_id
          JOIN card_issuer.application a ON a.app_id = l.app_id
         WHERE c.card_id = card
           AND l.status = 'loaded'
           AND NOT card_issuer.is_opted_out(card, l.app_id)
         ORDER BY l.app_id)
$$;
COMMENT ON FUNCTION card_issuer.draft_renewals(screissue.card_id) IS
    'drafts of the notices of a renewal';
