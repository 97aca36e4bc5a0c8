-- Overlap: an old card that goes on working for a while after its reissue (E7)

-- Raises unless the old card may go on working beside its replacement: it must
-- work now, and not be out of its holder's hands.
-- Errors: SR005 not active; 22023 lost, stolen or compromised, or no time to
-- come.
CREATE FUNCTION card_issuer.check_overlap(
    old_card screissue.card_id,
    status screissue.card_status,
    reason screissue.reissue_reason,
    overlap interval)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF overlap IS NULL THEN
        RETURN;
    ELSIF NOT isfinite(overlap) OR now() + overlap <= now() THEN
        RAISE EXCEPTION 'overlap of old and new card must be positive, not "%"',
            overlap
            USING ERRCODE = '22023',
                  HINT = 'Leave "overlap" null: the old card ends at once.';
    ELSIF reason IN ('lost', 'stolen', 'compromised') THEN
        RAISE EXCEPTION 'a card that is % cannot overlap with its replacement',
            reason
            USING ERRCODE = '22023',
                  HINT = 'Leave "overlap" null: the old card ends at once.';
    ELSIF status <> 'active' THEN
        PERFORM card_issuer.raise_card_status(
            old_card, status, 'used beside its replacement');
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.check_overlap(
    screissue.card_id, screissue.card_status, screissue.reissue_reason,
    interval) IS
    'check that an old card may overlap with its replacement (E7)';

-- The status that a reissue took from the old card, and its withdrawal would give
-- back.
CREATE FUNCTION card_issuer.status_before_reissue(
    old_card screissue.card_id,
    new_card screissue.card_id)
    RETURNS screissue.card_status
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT r.former_status
      FROM card_issuer.reissue_request r
     WHERE r.old_card_id = old_card
       AND r.new_card_id = new_card
       AND r.status = 'completed'
$$;
COMMENT ON FUNCTION card_issuer.status_before_reissue(
    screissue.card_id, screissue.card_id) IS
    'status of an old card when it was replaced';

-- The overlap ends: the old card was blocked.  Should the reissue be withdrawn,
-- the card gets that status.  There is no overlap any more, rather than one until
-- now(): a call that began before, and waited for us, would find that still to
-- come.
-- Errors: SR005 the card cannot be blocked so.
CREATE FUNCTION card_issuer.end_overlap(
    old_card screissue.card_id,
    new_card screissue.card_id,
    blocked_as screissue.card_status)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    prior CONSTANT screissue.card_status :=
        card_issuer.status_before_reissue(old_card, new_card);
BEGIN
    PERFORM card_issuer.require_card_move(old_card, prior, blocked_as);
    UPDATE card_issuer.card c
       SET overlap_until = NULL,
           former_status = prior
     WHERE c.card_id = old_card;
    UPDATE card_issuer.reissue_request r
       SET former_status = blocked_as
     WHERE r.old_card_id = old_card
       AND r.new_card_id = new_card
       AND r.status = 'completed';
END
$$;
COMMENT ON FUNCTION card_issuer.end_overlap(
    screissue.card_id, screissue.card_id, screissue.card_status) IS
    'end the overlap of an old card that was blocked';

-- The old cards of a card that still work beside it, the oldest first.
-- Errors: 54000 chain too long.
CREATE FUNCTION card_issuer.overlapping_cards(card screissue.card_id)
    RETURNS screissue.card_id[]
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    cards screissue.card_id[] := '{}'::screissue.card_id[];
    older screissue.card_id := card;
    steps integer := 1;
BEGIN
    LOOP
        older := card_issuer.predecessor(older);
        EXIT WHEN older IS NULL;
        steps := steps + 1;
        PERFORM card_issuer.check_lineage_length(steps);
        IF EXISTS (SELECT FROM card_issuer.card c
                    WHERE c.card_id = older
                      AND c.overlap_until > now()) THEN
            cards := older || cards;
        END IF;
    END LOOP;
    RETURN cards;
END
$$;
COMMENT ON FUNCTION card_issuer.overlapping_cards(screissue.card_id) IS
    'old cards that overlap with a card';
