-- The pair, both ways (claims 1, 2; R18), and the whole chain

-- The card that this one replaced; NULL if none, or if the reissue was
-- withdrawn.  Errors: SR004 unknown card.
CREATE FUNCTION card_issuer.find_old_card(card screissue.card_id)
    RETURNS screissue.card_id
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.require_card(find_old_card.card);
    RETURN card_issuer.predecessor(find_old_card.card);
END
$$;
COMMENT ON FUNCTION card_issuer.find_old_card(screissue.card_id) IS
    'old card of a reissued card (Fig. 13)';

-- The card that replaced this one; NULL if none.
-- Errors: SR004 unknown card.
CREATE FUNCTION card_issuer.find_new_card(card screissue.card_id)
    RETURNS screissue.card_id
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.require_card(find_new_card.card);
    RETURN (SELECT c.replaced_by
              FROM card_issuer.card c
             WHERE c.card_id = find_new_card.card);
END
$$;
COMMENT ON FUNCTION card_issuer.find_new_card(screissue.card_id) IS
    'reissued card of an old card (Fig. 13)';

-- The old card of a pair that still stands.
CREATE FUNCTION card_issuer.predecessor(card screissue.card_id)
    RETURNS screissue.card_id
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT o.card_id
      FROM card_issuer.card c
      JOIN card_issuer.card o
        ON o.card_id = c.replaces
       AND o.replaced_by = c.card_id
     WHERE c.card_id = card
$$;
COMMENT ON FUNCTION card_issuer.predecessor(screissue.card_id) IS
    'old card of a pair that still stands';

CREATE FUNCTION card_issuer.require_card(card screissue.card_id)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM card_issuer.card c
                    WHERE c.card_id = require_card.card) THEN
        PERFORM card_issuer.raise_unknown_card(require_card.card);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.require_card(screissue.card_id) IS
    'check that a card was issued';

-- Raises 54000 when a walk along a chain has seen more cards than
-- screissue.max_lineage (E4).
CREATE FUNCTION card_issuer.check_lineage_length(cards integer)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF cards > current_setting('screissue.max_lineage')::integer THEN
        RAISE EXCEPTION 'chain of reissued cards is longer than %',
            current_setting('screissue.max_lineage')
            USING ERRCODE = '54000',
                  HINT = 'A superuser can raise screissue.max_lineage.';
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.check_lineage_length(integer) IS
    'check the length of a chain of cards';

-- Every card of the chain, from the first (hop 0) to the last, the given one
-- included.  Errors: SR004 unknown card; 54000 chain too long.
CREATE FUNCTION card_issuer.lineage(
    card screissue.card_id,
    OUT hop integer,
    OUT card_id screissue.card_id,
    OUT status screissue.card_status,
    OUT issued_at timestamp with time zone)
    RETURNS SETOF record
    LANGUAGE plpgsql
    STABLE
    ROWS 3
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    first screissue.card_id := lineage.card;
    older screissue.card_id;
    newer screissue.card_id;
    steps integer := 1;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.require_card(lineage.card);
    LOOP
        older := card_issuer.predecessor(first);
        EXIT WHEN older IS NULL;
        first := older;
        steps := steps + 1;
        PERFORM card_issuer.check_lineage_length(steps);
    END LOOP;

    lineage.hop := 0;
    lineage.card_id := first;
    WHILE lineage.card_id IS NOT NULL LOOP
        PERFORM card_issuer.check_lineage_length(lineage.hop + 1);
        SELECT c.status, c.issued_at, c.replaced_by
          INTO lineage.status, lineage.issued_at, newer
          FROM card_issuer.card c
         WHERE c.card_id = lineage.card_id;
        RETURN NEXT;
        lineage.hop := lineage.hop + 1;
        lineage.card_id := newer;
    END LOOP;
END
$$;
COMMENT ON FUNCTION card_issuer.lineage(screissue.card_id) IS
    'all cards of a chain of reissues';
