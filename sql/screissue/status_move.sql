-- The life of cards, loads and requests for a reissue: which status may follow
-- which.  The moves are listed here and nowhere else.  The table
-- screissue.status_move has a row for each; whoever owns the extension may
-- forbid one there (allowed = false), but cannot add one.

CREATE FUNCTION screissue.status_moves(
    OUT subject text,
    OUT from_status text,
    OUT to_status text)
    RETURNS SETOF record
    LANGUAGE sql
    IMMUTABLE
    ROWS 80
    SET search_path = pg_catalog, pg_temp
AS $$
    WITH handed_out AS (
        SELECT s.status
          FROM (VALUES ('produced'), ('active'), ('suspended'), ('lost'),
                       ('stolen'), ('damaged')) s (status)),
    blocked AS (
        SELECT h.status
          FROM handed_out h
         WHERE h.status NOT IN ('produced', 'active'))
    SELECT 'card', 'produced', 'active'                   -- activate_card
     UNION ALL
    SELECT 'card', h.status, b.status                     -- block_card
      FROM handed_out h, blocked b
     WHERE h.status <> b.status
     UNION ALL
    SELECT 'card', b.status, f.status                     -- unblock_card
      FROM blocked b, (VALUES ('produced'), ('active')) f (status)
     UNION ALL
    SELECT 'card', f.status, 'expired'                    -- expire_cards
      FROM (VALUES ('produced'), ('active')) f (status)
     UNION ALL
    SELECT 'card', 'expired', f.status                    -- renew_card
      FROM (VALUES ('produced'), ('active')) f (status)
     UNION ALL
    SELECT 'card', h.status, e.status     -- reissue_card, withdraw_reissue
      FROM (SELECT o.status FROM handed_out o UNION ALL SELECT 'expired')
           h (status),
           (VALUES ('replaced'), ('revoked')) e (status)
     UNION ALL
    SELECT 'card', 'replaced', h.status                   -- withdraw_reissue
      FROM (SELECT o.status FROM handed_out o UNION ALL SELECT 'expired')
           h (status)
     UNION ALL
    SELECT 'load', m.from_status, m.to_status
      FROM (VALUES ('permitted', 'loaded'),               -- confirm_load
                   ('permitted', 'failed'),
                   ('loaded', 'unloaded'),                -- confirm_unload
                   ('loaded', 'superseded'))              -- its reload
           m (from_status, to_status)
     UNION ALL
    SELECT 'request', m.from_status, m.to_status
      FROM (VALUES ('pending', 'approved'),               -- decide_reissue
                   ('pending', 'refused'),
                   ('approved', 'withdrawn'),
                   ('approved', 'completed'),             -- reissue_card
                   ('completed', 'withdrawn'),            -- withdraw_reissue
                   ('pending', 'withdrawn'))
           m (from_status, to_status)
$$;
COMMENT ON FUNCTION screissue.status_moves() IS
    'all moves from a status to another that there are';

CREATE FUNCTION screissue.is_status_move(
    subject text,
    from_status text,
    to_status text)
    RETURNS boolean
    LANGUAGE sql
    IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT
                     FROM screissue.status_moves() m
                    WHERE m.subject = is_status_move.subject
                      AND m.from_status = is_status_move.from_status
                      AND m.to_status = is_status_move.to_status)
$$;
COMMENT ON FUNCTION screissue.is_status_move(text, text, text) IS
    'true for a move that there is, forbidden or not';

-- May a card, load or request move so?  Never from a status to itself.
CREATE FUNCTION screissue.may_move(
    subject text,
    from_status text,
    to_status text)
    RETURNS boolean
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN EXISTS (SELECT
                     FROM screissue.status_move m
                    WHERE m.subject = may_move.subject
                      AND m.from_status = may_move.from_status
                      AND m.to_status = may_move.to_status
                      AND m.allowed);
END
$$;
COMMENT ON FUNCTION screissue.may_move(text, text, text) IS
    'true if a move is allowed';

-- Raises SR005, naming both states, unless the move is allowed.  which: who
-- would move, as a message may show it.
CREATE FUNCTION screissue.require_move(
    subject text,
    which text,
    from_status text,
    to_status text)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF screissue.may_move(subject, from_status, to_status) THEN
        RETURN;
    END IF;
    RAISE EXCEPTION '% "%" is %, it cannot be %',
        subject, which, from_status, to_status
        USING ERRCODE = 'SR005',
              HINT = 'Which status may follow which is in screissue.status_move.';
END
$$;
COMMENT ON FUNCTION screissue.require_move(text, text, text, text) IS
    'check that a move is allowed';
