-- Entitlements: what a reissued card inherits (claim 3)

-- Reason of the reissue that made one card stand for another, as text.
CREATE FUNCTION card_issuer.reissue_reason(
    old_card screissue.card_id,
    new_card screissue.card_id)
    RETURNS text
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT r.reason::text
      FROM card_issuer.reissue_request r
     WHERE r.old_card_id = old_card
       AND r.new_card_id = new_card
$$;
COMMENT ON FUNCTION
    card_issuer.reissue_reason(screissue.card_id, screissue.card_id) IS
    'reason of a reissue';

-- The card that stands for this one: its replacement, or, when this one was a
-- reissued card whose reissue was withdrawn, the old card again.
CREATE FUNCTION card_issuer.successor(card screissue.card_id)
    RETURNS screissue.card_id
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT CASE WHEN c.status = 'revoked' THEN c.replaces
                ELSE c.replaced_by END
      FROM card_issuer.card c
     WHERE c.card_id = card
$$;
COMMENT ON FUNCTION card_issuer.successor(screissue.card_id) IS
    'card that stands for a card';

-- Locks a card and the cards that stand for it, up to the newest of the chain,
-- and returns the latter.  Empty: the card stands for itself.
-- Errors: SR004 unknown card; 54000 chain too long.
CREATE FUNCTION card_issuer.lock_chain(card screissue.card_id)
    RETURNS screissue.card_id[]
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    heirs screissue.card_id[] := '{}'::screissue.card_id[];
    next_card screissue.card_id := card;
BEGIN
    LOOP
        PERFORM card_issuer.lock_card(next_card);
        next_card := card_issuer.successor(next_card);
        EXIT WHEN next_card IS NULL;
        heirs := heirs || next_card;
        PERFORM card_issuer.check_lineage_length(cardinality(heirs));
    END LOOP;
    RETURN heirs;
END
$$;
COMMENT ON FUNCTION card_issuer.lock_chain(screissue.card_id) IS
    'cards that stand for a card, locked with it';

-- A notice about what a card inherits, or (withdrawal) does not any more.  The
-- old card is named if it is the one that this card was issued for: a withdrawal
-- says that it has its load back, so not one of which nobody is to know that, and
-- NULL is given where it has not, the load having been removed.  A card that was
-- handed back what it loses now had that from a card that is withdrawn, which does
-- not get it again.
CREATE FUNCTION card_issuer.draft(
    kind text,
    new_card screissue.card_id,
    old_card screissue.card_id,
    app screissue.app_id,
    message screissue.message_id)
    RETURNS card_issuer.draft_notice
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT ROW(a.provider, kind, n.platform_type, n.card_id, o.card_id,
               o.platform_type, app, message,
               card_issuer.reissue_reason(o.card_id, n.card_id)
              )::card_issuer.draft_notice
      FROM card_issuer.application a
     CROSS JOIN card_issuer.card n
      LEFT JOIN card_issuer.card o
        ON o.card_id = old_card
       AND o.card_id = n.replaces
       AND (kind <> 'withdrawal' OR NOT card_issuer.is_opted_out(old_card, app))
     WHERE a.app_id = app
       AND n.card_id = new_card
$$;
COMMENT ON FUNCTION card_issuer.draft(
    text, screissue.card_id, screissue.card_id, screissue.app_id,
    screissue.message_id) IS
    'draft of a notice';

-- The notice that tells what a card inherits: a reissue, or, where it got its
-- place back from a card whose reissue was withdrawn, that withdrawal.
CREATE FUNCTION card_issuer.draft_inherited(
    card screissue.card_id,
    old_card screissue.card_id,
    app screissue.app_id,
    message screissue.message_id)
    RETURNS card_issuer.draft_notice
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT CASE WHEN card_issuer.predecessor(card) = old_card
           THEN card_issuer.draft('reissue', card, old_card, app, message)
           ELSE card_issuer.draft('withdrawal', old_card, card, app, message)
           END
$$;
COMMENT ON FUNCTION card_issuer.draft_inherited(
    screissue.card_id, screissue.card_id, screissue.app_id,
    screissue.message_id) IS
    'draft of the notice that tells what a card inherits';

-- Notices that tell what a card may reload where that is not what its provider
-- was last told; nothing about told_apps, of which others are to be written.
CREATE FUNCTION card_issuer.draft_untold(
    card screissue.card_id,
    told_apps screissue.app_id[])
    RETURNS card_issuer.draft_notice[]
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT ARRAY(
        SELECT card_issuer.draft_inherited(card, e.old_card_id, e.app_id,
                                           e.message_id)
          FROM card_issuer.entitlement e
          JOIN card_issuer.application a ON a.app_id = e.app_id
         WHERE e.card_id = card
           AND e.used_at IS NULL
           AND e.withdrawn_at IS NULL
           AND e.opted_out_at IS NULL
           AND e.app_id <> ALL (told_apps)
           AND ((SELECT w.message_id
                   FROM card_issuer.words(a.provider, card, e.app_id) w
                  LIMIT 1) = e.message_id::text) IS NOT TRUE
         ORDER BY e.app_id)
$$;
COMMENT ON FUNCTION
    card_issuer.draft_untold(screissue.card_id, screissue.app_id[]) IS
    'drafts of the notices that tell what a card inherits and nobody knows';

-- Is there a card in this one's place that notices can be about?  A withdrawn
-- one's old card is in its place again.
CREATE FUNCTION card_issuer.has_readable_replacement(card screissue.card_id)
    RETURNS boolean
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT EXISTS (SELECT
                     FROM card_issuer.card c
                     LEFT JOIN card_issuer.card n ON n.card_id = c.replaced_by
                    WHERE c.card_id = card
                      AND (c.status = 'revoked'
                           OR screissue.method_of(n.platform_type) = 1))
$$;
COMMENT ON FUNCTION
    card_issuer.has_readable_replacement(screissue.card_id) IS
    'true if notices can be about the card in place of a card';

-- A load turned out to be on a card that others stand for by now (the
-- confirmation came after the reissue): they inherit it, in place of what they
-- inherited before, and the provider gets a notice about the newest: that it
-- inherits, or, after a withdrawal, that the load is handed back; and one about a
-- card whose replacement has an id that only we can read: should that reissue be
-- withdrawn, there is no other.  One that is revoked passes it on, and is entitled to
-- nothing.  Where the application has a history of its own on one of them it goes no
-- further: the late load is superseded (E2, E3).
-- heirs: as lock_chain returned them.
CREATE FUNCTION card_issuer.pass_on_late_load(
    card screissue.card_id,
    heirs screissue.card_id[],
    app screissue.app_id,
    message screissue.message_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    old_card screissue.card_id := card;
    heir screissue.card_id;
    hops integer := 0;
    drafts card_issuer.draft_notice[] := '{}'::card_issuer.draft_notice[];
BEGIN
    FOREACH heir IN ARRAY heirs LOOP
        hops := hops + 1;
        IF card_issuer.has_history(heir, old_card, app) THEN
            PERFORM card_issuer.supersede_load(message);
            RETURN;
        END IF;
        IF EXISTS (SELECT FROM card_issuer.card c
                    WHERE c.card_id = heir
                      AND c.status <> 'revoked') THEN
            PERFORM card_issuer.entitle(heir, app, message, old_card, hops);
            IF NOT card_issuer.has_readable_replacement(heir)
               AND NOT card_issuer.is_opted_out(heir, app) THEN
                drafts := drafts || card_issuer.draft_inherited(
                    heir, old_card, app, message);
            END IF;
        END IF;
        old_card := heir;
    END LOOP;
    PERFORM card_issuer.write_notices(drafts);
END
$$;
COMMENT ON FUNCTION card_issuer.pass_on_late_load(
    screissue.card_id, screissue.card_id[], screissue.app_id,
    screissue.message_id) IS
    'let the cards that replaced a card inherit a load confirmed late';

-- Has the application been on a card, so that nothing older may be inherited
-- there?  For a card that got its place back from the other (old_card is one
-- whose reissue was withdrawn) only counts what is there now.
CREATE FUNCTION card_issuer.has_history(
    card screissue.card_id,
    old_card screissue.card_id,
    app screissue.app_id)
    RETURNS boolean
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT EXISTS (SELECT
                     FROM card_issuer.app_load l
                    WHERE l.card_id = card
                      AND l.app_id = app
                      AND (l.status = 'loaded'
                           OR (l.loaded_at IS NOT NULL
                               AND card_issuer.predecessor(card) = old_card)))
$$;
COMMENT ON FUNCTION card_issuer.has_history(
    screissue.card_id, screissue.card_id, screissue.app_id) IS
    'true if nothing older may be inherited';

-- Entitles a card to a load, in place of what it could have reloaded before: a
-- load whose place that was is superseded.  Nobody is to know it where the holder
-- has opted out.
CREATE FUNCTION card_issuer.entitle(
    card screissue.card_id,
    app screissue.app_id,
    message screissue.message_id,
    old_card screissue.card_id,
    hops integer)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    opted_out CONSTANT boolean := card_issuer.is_opted_out(card, app);
    former CONSTANT screissue.message_id := (
        SELECT e.message_id
          FROM card_issuer.entitlement e
         WHERE e.card_id = card
           AND e.app_id = app
           AND e.used_at IS NULL
           AND e.withdrawn_at IS NULL);
BEGIN
    IF former <> message THEN
        PERFORM card_issuer.supersede_load(former);
    END IF;
    INSERT INTO card_issuer.entitlement
           (card_id, app_id, message_id, old_card_id, hops, granted_at,
            opted_out_at)
    VALUES (card, app, message, old_card, entitle.hops, now(),
            CASE WHEN opted_out THEN now() END)
        ON CONFLICT ON CONSTRAINT entitlement_pkey DO UPDATE
       SET message_id = excluded.message_id,
           old_card_id = excluded.old_card_id,
           hops = excluded.hops,
           granted_at = excluded.granted_at,
           used_at = NULL,
           withdrawn_at = NULL,
           opted_out_at = excluded.opted_out_at;
    PERFORM card_issuer.readdress_permission(
        card, app, CASE WHEN NOT opted_out THEN message END);
END
$$;
COMMENT ON FUNCTION card_issuer.entitle(
    screissue.card_id, screissue.app_id, screissue.message_id,
    screissue.card_id, integer) IS
    'entitle a card to a load';

-- Ends the unused entitlement of a card to a load and returns its message id;
-- NULL if there is none.
CREATE FUNCTION card_issuer.disentitle(
    card screissue.card_id,
    app screissue.app_id)
    RETURNS screissue.message_id
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    message screissue.message_id;
BEGIN
    UPDATE card_issuer.entitlement e SET withdrawn_at = now()
     WHERE e.card_id = card
       AND e.app_id = app
       AND e.used_at IS NULL
       AND e.withdrawn_at IS NULL
    RETURNING e.message_id INTO message;
    IF FOUND THEN
        PERFORM card_issuer.readdress_permission(card, app, NULL);
    END IF;
    RETURN message;
END
$$;
COMMENT ON FUNCTION
    card_issuer.disentitle(screissue.card_id, screissue.app_id) IS
    'end the unused entitlement of a card';

-- A permission still outstanding inherits what its card is entitled to now;
-- its id and its price stay.
CREATE FUNCTION card_issuer.readdress_permission(
    card screissue.card_id,
    app screissue.app_id,
    message screissue.message_id)
    RETURNS void
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    UPDATE card_issuer.app_load l SET inherits = message
     WHERE l.card_id = card
       AND l.app_id = app
       AND l.status = 'permitted'
$$;
COMMENT ON FUNCTION card_issuer.readdress_permission(
    screissue.card_id, screissue.app_id, screissue.message_id) IS
    'let an outstanding permission inherit what its card does';

-- A load on a replaced card was removed: no card may inherit it any more
-- (E3).  The provider gets a withdrawal for each card that it was told of, the
-- newest card first; none of them has the load back.  heirs: as lock_chain
-- returned them.
CREATE FUNCTION card_issuer.withdraw_inheritance(
    heirs screissue.card_id[],
    app screissue.app_id,
    message screissue.message_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    entitled CONSTANT screissue.card_id[] := ARRAY(
        SELECT e.card_id
          FROM unnest(heirs) WITH ORDINALITY h (card_id, hop)
          JOIN card_issuer.entitlement e ON e.card_id = h.card_id
         WHERE e.app_id = app
           AND e.message_id = message
           AND e.used_at IS NULL
           AND e.withdrawn_at IS NULL
         ORDER BY h.hop DESC);
    heir screissue.card_id;
    drafts card_issuer.draft_notice[] := '{}'::card_issuer.draft_notice[];
BEGIN
    FOREACH heir IN ARRAY entitled LOOP
        PERFORM card_issuer.disentitle(heir, app);
        CONTINUE WHEN card_issuer.is_opted_out(heir, app);
        drafts := drafts || card_issuer.draft('withdrawal', heir, NULL, app,
            message);
    END LOOP;
    PERFORM card_issuer.write_notices(drafts);
END
$$;
COMMENT ON FUNCTION card_issuer.withdraw_inheritance(
    screissue.card_id[], screissue.app_id, screissue.message_id) IS
    'withdraw the entitlements to a load that was removed';
