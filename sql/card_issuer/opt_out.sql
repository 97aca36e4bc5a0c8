-- Opt-out: the holder does not want providers to be told of a reissue (E56)
--
-- The choice is on record with the card, for all of it (card.opted_out_at) or
-- for single applications (opt_out); a reissued card takes it over.  What comes
-- of it is in entitlement.opted_out_at: such an entitlement gives no notice, no
-- positive reply and no reload permission.

-- Has the holder opted out for this application on this card?
CREATE FUNCTION card_issuer.is_opted_out(
    card screissue.card_id,
    app screissue.app_id)
    RETURNS boolean
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT EXISTS (SELECT
                     FROM card_issuer.card c
                    WHERE c.card_id = card
                      AND c.opted_out_at IS NOT NULL)
        OR EXISTS (SELECT
                     FROM card_issuer.opt_out o
                    WHERE o.card_id = card
                      AND o.app_id = app)
$$;
COMMENT ON FUNCTION
    card_issuer.is_opted_out(screissue.card_id, screissue.app_id) IS
    'true if the provider of an application must not be told';

-- The choice of a card's holder.
CREATE FUNCTION card_issuer.get_opt_outs(
    card screissue.card_id,
    OUT opted_out_at timestamp with time zone,
    OUT opt_outs screissue.app_id[])
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT c.opted_out_at,
           ARRAY(SELECT o.app_id
                   FROM card_issuer.opt_out o
                  WHERE o.card_id = card
                  ORDER BY o.app_id)
      FROM card_issuer.card c
     WHERE c.card_id = card
$$;
COMMENT ON FUNCTION card_issuer.get_opt_outs(screissue.card_id) IS
    'who must not be told of a reissue';

-- Puts a choice on record with a card, in place of the one that was there.
CREATE FUNCTION card_issuer.put_opt_outs(
    card screissue.card_id,
    opted_out_at timestamp with time zone,
    opt_outs screissue.app_id[])
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    UPDATE card_issuer.card c SET opted_out_at = put_opt_outs.opted_out_at
     WHERE c.card_id = card
       AND c.opted_out_at IS DISTINCT FROM put_opt_outs.opted_out_at;
    DELETE FROM card_issuer.opt_out o
     WHERE o.card_id = card
       AND o.app_id <> ALL (opt_outs);
    INSERT INTO card_issuer.opt_out (card_id, app_id, since)
    SELECT card, a.app_id, now()
      FROM unnest(opt_outs) a (app_id)
        ON CONFLICT ON CONSTRAINT opt_out_pkey DO NOTHING;
END
$$;
COMMENT ON FUNCTION card_issuer.put_opt_outs(
    screissue.card_id, timestamp with time zone, screissue.app_id[]) IS
    'record who must not be told of a reissue';

-- Brings the entitlements of a card into line with its holder's choice, and
-- returns the notices about those not yet used: withdrawals of what providers
-- were told, and of nothing else, which name no old card, since none has it back;
-- or what they have not been told: of a card that was replaced only if they were
-- told of it before, since notices are about the newest.
CREATE FUNCTION card_issuer.apply_opt_outs(
    card screissue.card_id,
    was_replaced boolean DEFAULT false)
    RETURNS card_issuer.draft_notice[]
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    drafts card_issuer.draft_notice[] := '{}'::card_issuer.draft_notice[];
    changed record;
    last_word record;
BEGIN
    FOR changed IN
        SELECT e.app_id, a.provider, e.message_id, e.old_card_id,
               e.opted_out_at IS NULL AS opts_out,
               e.used_at IS NULL AND e.withdrawn_at IS NULL AS unused
          FROM card_issuer.entitlement e
          JOIN card_issuer.application a ON a.app_id = e.app_id
         WHERE e.card_id = card
           AND (e.opted_out_at IS NULL)
               = card_issuer.is_opted_out(card, e.app_id)
         ORDER BY e.app_id
    LOOP
        UPDATE card_issuer.entitlement e
           SET opted_out_at = CASE WHEN changed.opts_out THEN now() END
         WHERE e.card_id = card
           AND e.app_id = changed.app_id;
        CONTINUE WHEN NOT changed.unused;
        PERFORM card_issuer.readdress_permission(card, changed.app_id,
            CASE WHEN NOT changed.opts_out THEN changed.message_id END);
        SELECT w.message_id INTO last_word
          FROM card_issuer.words(changed.provider, card, changed.app_id) w
         LIMIT 1;
        IF NOT changed.opts_out AND (FOUND OR NOT was_replaced) THEN
            drafts := drafts || card_issuer.draft_inherited(
                card, changed.old_card_id, changed.app_id, changed.message_id);
        ELSIF changed.opts_out
              AND last_word.message_id = changed.message_id::text THEN
            drafts := drafts || card_issuer.draft('withdrawal', card, NULL,
                changed.app_id, changed.message_id);
        END IF;
    END LOOP;
    RETURN drafts;
END
$$;
COMMENT ON FUNCTION card_issuer.apply_opt_outs(screissue.card_id, boolean) IS
    'let a card''s entitlements follow the choice of its holder';

-- Sets or lifts the opt-out of a card, for an application or, app NULL, for the
-- whole card.  While it is set no provider learns from us that this card, or one
-- that replaces it, stands for another: no notice, negative replies, no reload
-- permission.  What was told before is withdrawn, unless the application was
-- reloaded already; what was not told is when the opt-out is lifted.  It holds
-- for old cards that still overlap with this one, too.
-- Repeatable.
-- Errors: SR003 unknown application; SR004 unknown card; SR005 replaced or
-- revoked: the choice is the newest card's; 54000 chain too long; 22023.
CREATE FUNCTION card_issuer.set_opt_out(
    card screissue.card_id,
    app screissue.app_id,
    opted_out boolean)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    older screissue.card_id[];
    one_card screissue.card_id;
    row_of_card record;
    choice record;
    changes card_issuer.draft_notice[];
    drafts card_issuer.draft_notice[] := '{}'::card_issuer.draft_notice[];
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('opted_out', set_opt_out.opted_out IS NOT NULL);
    IF set_opt_out.app IS NOT NULL THEN
        PERFORM card_issuer.get_application(set_opt_out.app);
    END IF;
    older := card_issuer.overlapping_cards(set_opt_out.card);
    FOREACH one_card IN ARRAY older LOOP
        PERFORM card_issuer.lock_card(one_card);
    END LOOP;
    row_of_card := card_issuer.lock_card(set_opt_out.card);
    IF row_of_card.status IN ('replaced', 'revoked') THEN
        PERFORM card_issuer.raise_card_status(
            set_opt_out.card, row_of_card.status, 'opted out');
    END IF;

    choice := card_issuer.get_opt_outs(set_opt_out.card);
    IF set_opt_out.app IS NULL THEN
        choice.opted_out_at := CASE WHEN set_opt_out.opted_out
                                    THEN coalesce(choice.opted_out_at, now()) END;
    ELSIF set_opt_out.opted_out THEN
        choice.opt_outs := choice.opt_outs || set_opt_out.app;
    ELSE
        choice.opt_outs := array_remove(choice.opt_outs, set_opt_out.app);
    END IF;
    -- What providers were told is read in their turn: another may be writing what
    -- was held back.
    PERFORM card_issuer.take_turn(p.provider)
       FROM (SELECT DISTINCT a.provider
               FROM card_issuer.entitlement e
               JOIN card_issuer.application a ON a.app_id = e.app_id
              WHERE e.card_id = ANY (older || set_opt_out.card)
                AND e.used_at IS NULL
                AND e.withdrawn_at IS NULL
              ORDER BY a.provider) p;
    -- Withdrawals of the newest card first: what a notice says about a card as a
    -- reissued one is to outlast what another says about it as an old one.
    FOREACH one_card IN ARRAY older || set_opt_out.card LOOP
        PERFORM card_issuer.put_opt_outs(
            one_card, choice.opted_out_at, choice.opt_outs);
        changes := card_issuer.apply_opt_outs(
            one_card, was_replaced => one_card <> set_opt_out.card);
        drafts := CASE WHEN set_opt_out.opted_out THEN changes || drafts
                       ELSE drafts || changes END;
    END LOOP;
    PERFORM card_issuer.write_notices(drafts);
END
$$;
COMMENT ON FUNCTION card_issuer.set_opt_out(
    screissue.card_id, screissue.app_id, boolean) IS
    'opt out of being told to providers, or in again (E56)';
