-- Reissue: request, examination, the pair, what is inherited (Fig. 4, 5, 8, 9)

-- Steps 401/501-504, 801/901-904: stores the request for a reissue and
-- examines it by the policy.  status: approved, refused, or pending until
-- decide_reissue.  requested_by: who asked, the user or an operator (R13).
-- Errors: SR004 unknown card; SR006 reissued already or a request is open;
-- SR005 the card's status forbids it; 22023.
CREATE FUNCTION card_issuer.request_reissue(
    card screissue.card_id,
    reason screissue.reissue_reason,
    requested_by text DEFAULT NULL,
    OUT request_id bigint,
    OUT status screissue.request_status,
    OUT refusal text)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    old_card record;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('reason', request_reissue.reason IS NOT NULL);
    old_card := card_issuer.lock_card(request_reissue.card);
    PERFORM card_issuer.require_reissuable(
        request_reissue.card, old_card.status);
    IF (card_issuer.open_request(request_reissue.card)).request_id IS NOT NULL THEN
        RAISE EXCEPTION 'a request for the reissue of card "%" is open already',
            mask(request_reissue.card)
            USING ERRCODE = 'SR006';
    END IF;
    SELECT s.request_id, s.status, s.refusal
      INTO request_reissue.request_id, request_reissue.status,
           request_reissue.refusal
      FROM card_issuer.store_request(
               request_reissue.card, request_reissue.reason,
               request_reissue.requested_by) s;
END
$$;
COMMENT ON FUNCTION card_issuer.request_reissue(
    screissue.card_id, screissue.reissue_reason, text) IS
    'request the reissue of a card';

-- Examines a request for the reissue of a card, which is locked for it, and puts
-- it on record (steps 501, 502).
CREATE FUNCTION card_issuer.store_request(
    card screissue.card_id,
    reason screissue.reissue_reason,
    requested_by text,
    OUT request_id bigint,
    OUT status screissue.request_status,
    OUT refusal text)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    verdict record;
BEGIN
    store_request.request_id := nextval('card_issuer.request_sequence');
    verdict := card_issuer.examine(card, 'reissue', jsonb_build_object(
        'request_id', store_request.request_id,
        'reason', store_request.reason,
        'requested_by', store_request.requested_by));
    store_request.status := CASE verdict.approved
        WHEN true THEN 'approved'
        WHEN false THEN 'refused'
        ELSE 'pending' END::request_status;
    IF store_request.status = 'refused' THEN
        store_request.refusal := coalesce(verdict.reason, 'examination');
    END IF;
    INSERT INTO card_issuer.reissue_request
           (old_card_id, request_id, reason, status, requested_by,
            requested_at, examination_id, refusal)
    VALUES (card, store_request.request_id, store_request.reason,
            store_request.status, store_request.requested_by, now(),
            verdict.examination_id, store_request.refusal);
END
$$;
COMMENT ON FUNCTION card_issuer.store_request(
    screissue.card_id, screissue.reissue_reason, text) IS
    'examine and record a request for a reissue';

-- Raises unless a card of this status can be reissued.
-- Errors: SR006 reissued already; SR005 its status forbids it.
CREATE FUNCTION card_issuer.require_reissuable(
    card screissue.card_id,
    status screissue.card_status)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF status = 'replaced' THEN
        RAISE EXCEPTION 'card "%" was reissued already', mask(card)
            USING ERRCODE = 'SR006';
    END IF;
    PERFORM card_issuer.require_card_move(card, status, 'replaced');
END
$$;
COMMENT ON FUNCTION card_issuer.require_reissuable(
    screissue.card_id, screissue.card_status) IS
    'check that a card can still be reissued';

-- The card's open request; NULLs if there is none.
CREATE FUNCTION card_issuer.open_request(
    card screissue.card_id,
    OUT request_id bigint,
    OUT status screissue.request_status,
    OUT reason screissue.reissue_reason)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    SELECT r.request_id, r.status, r.reason
      INTO open_request.request_id, open_request.status, open_request.reason
      FROM card_issuer.reissue_request r
     WHERE r.old_card_id = card
       AND r.status IN ('pending', 'approved');
END
$$;
COMMENT ON FUNCTION card_issuer.open_request(screissue.card_id) IS
    'open request for the reissue of a card';

-- A person decides: a pending request is approved or refused, an approved one
-- is withdrawn by approved = false.  Approving again changes nothing.
-- Errors: SR004 unknown card; SR007 no open request; SR005 a move that
-- screissue.status_move forbids; 22023.
CREATE FUNCTION card_issuer.decide_reissue(
    card screissue.card_id,
    approved boolean,
    reason text DEFAULT NULL,
    decided_by text DEFAULT NULL)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    request record;
    decided screissue.request_status;
    examination bigint;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('approved', decide_reissue.approved IS NOT NULL);
    PERFORM card_issuer.lock_card(decide_reissue.card);
    SELECT r.request_id, r.status INTO request
      FROM card_issuer.open_request(decide_reissue.card) r;
    IF request.request_id IS NULL THEN
        RAISE EXCEPTION 'card "%" has no open request for a reissue',
            mask(decide_reissue.card)
            USING ERRCODE = 'SR007';
    END IF;
    IF request.status = 'approved' AND decide_reissue.approved THEN
        RETURN;
    END IF;

    decided := CASE
        WHEN decide_reissue.approved THEN 'approved'
        WHEN request.status = 'pending' THEN 'refused'
        ELSE 'withdrawn' END::request_status;
    PERFORM screissue.require_move('request', request.request_id::text,
                                   request.status::text, decided::text);
    examination := card_issuer.store_examination(
        decide_reissue.card, 'reissue',
        ROW(decide_reissue.approved, decide_reissue.reason, NULL)::verdict,
        coalesce(decide_reissue.decided_by, calling_role()::text),
        jsonb_build_object('request_id', request.request_id));
    UPDATE card_issuer.reissue_request r
       SET status = decided,
           refusal = CASE WHEN NOT decide_reissue.approved
                          THEN decide_reissue.reason END,
           examination_id = examination,
           completed_at = CASE WHEN NOT decide_reissue.approved THEN now() END
     WHERE r.old_card_id = decide_reissue.card
       AND r.request_id = request.request_id;
END
$$;
COMMENT ON FUNCTION card_issuer.decide_reissue(
    screissue.card_id, boolean, text, text) IS
    'decide a request for a reissue';

-- Raises unless the examination by which a request was approved is still valid
-- (E55).
-- Errors: SR007 it is not.
CREATE FUNCTION card_issuer.require_valid_approval(
    card screissue.card_id,
    request_id bigint)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT
                 FROM card_issuer.reissue_request r
                 JOIN card_issuer.examination x
                   ON x.card_id = r.old_card_id
                  AND x.examination_id = r.examination_id
                WHERE r.old_card_id = card
                  AND r.request_id = require_valid_approval.request_id
                  AND x.valid_until <= now()) THEN
        RAISE EXCEPTION 'approval of the reissue of card "%" has expired',
            mask(card)
            USING ERRCODE = 'SR007',
                  HINT = 'Withdraw it with decide_reissue, and request the reissue again.';
    END IF;
END
$$;
COMMENT ON FUNCTION
    card_issuer.require_valid_approval(screissue.card_id, bigint) IS
    'check that the approval of a reissue has not expired';

CREATE TYPE card_issuer.inheritance AS (
    old_card_id screissue.card_id,
    platform_type integer,
    holder_id text,
    status screissue.card_status,
    replaceable boolean,
    replaced_by screissue.card_id,
    request_id bigint,
    request_status screissue.request_status,
    reason screissue.reissue_reason,
    completable boolean,
    app_ids screissue.app_id[],
    message_ids screissue.message_id[],
    hops integer[],
    opted_out_at timestamp with time zone,
    opt_outs screissue.app_id[]);
COMMENT ON TYPE card_issuer.inheritance IS
    'what a card leaves to the card that replaces it, and its open request';

-- Locks a card, and returns what it leaves and what a reissue has to know of it:
-- every load that is live, else the unused entitlement (E1-E3), as
-- inheritable_load has it; the holder's choice who is not to be told (E56); the
-- open request.  replaceable: the card's status allows it; completable: so does
-- the request's, and its approval has not expired.  NULL if there is no such card.
-- Errors: 40001 it was changed since the snapshot was taken.
CREATE FUNCTION card_issuer.lock_inheritance(card screissue.card_id)
    RETURNS card_issuer.inheritance
    LANGUAGE c
    VOLATILE STRICT
    AS 'MODULE_PATHNAME', 'screissue_lock_inheritance';
COMMENT ON FUNCTION card_issuer.lock_inheritance(screissue.card_id) IS
    'what a card leaves to the card that replaces it, which is locked';

-- First half of a reissue, all statements on the old card: retires it in
-- favour of new_card, at once or when the overlap is over, completes the
-- request, and returns what is inherited.  Repeatable with the same new card;
-- replaced_by tells that it was a repetition.
-- Errors: SR004-SR007; 22023 a wrong overlap.
CREATE FUNCTION card_issuer.retire_old(
    old_card screissue.card_id,
    new_card screissue.card_id,
    overlap interval DEFAULT NULL)
    RETURNS card_issuer.inheritance
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    inheritance card_issuer.inheritance;
    works_until timestamp with time zone;
BEGIN
    -- Not by lock_card: the update that is to come does what its update is for.
    inheritance := card_issuer.lock_inheritance(old_card);
    IF inheritance.old_card_id IS NULL THEN
        PERFORM card_issuer.raise_unknown_card(old_card);
    END IF;
    IF inheritance.replaced_by = new_card THEN
        inheritance.reason := card_issuer.reissue_reason(old_card, new_card)
                              ::reissue_reason;
        RETURN inheritance;
    END IF;

    IF NOT inheritance.replaceable THEN
        PERFORM card_issuer.require_reissuable(old_card, inheritance.status);
    END IF;
    IF (inheritance.request_status = 'approved') IS NOT TRUE THEN
        PERFORM card_issuer.raise_not_approved(old_card);
    END IF;
    IF NOT inheritance.completable OR overlap IS NOT NULL THEN
        PERFORM card_issuer.require_valid_approval(
            old_card, inheritance.request_id);
        PERFORM card_issuer.check_overlap(
            old_card, inheritance.status, inheritance.reason, overlap);
        PERFORM screissue.require_move('request', inheritance.request_id::text,
                                       'approved', 'completed');
        works_until := (now() AT TIME ZONE 'UTC' + overlap)
                       AT TIME ZONE 'UTC';
    END IF;
    UPDATE card_issuer.card c
       SET status = 'replaced',
           replaced_by = new_card,
           replaced_at = now(),
           overlap_until = works_until
     WHERE c.card_id = old_card;
    UPDATE card_issuer.reissue_request r
       SET status = 'completed',
           new_card_id = new_card,
           former_status = inheritance.status,
           completed_at = now()
     WHERE r.old_card_id = old_card
       AND r.request_id = inheritance.request_id;
    RETURN inheritance;
END
$$;
COMMENT ON FUNCTION card_issuer.retire_old(
    screissue.card_id, screissue.card_id, interval) IS
    'retire an old card in favour of a new one';

CREATE FUNCTION card_issuer.raise_not_approved(card screissue.card_id)
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'card "%" has no approved request for a reissue', mask(card)
        USING ERRCODE = 'SR007',
              HINT = 'See request_reissue and decide_reissue.';
END
$$;
COMMENT ON FUNCTION card_issuer.raise_not_approved(screissue.card_id) IS
    'error SR007 for a card';

-- What a card would leave to its replacement.
CREATE FUNCTION card_issuer.inheritable(
    card screissue.card_id,
    OUT app_id screissue.app_id,
    OUT message_id screissue.message_id,
    OUT hops integer)
    RETURNS SETOF record
    LANGUAGE plpgsql
    STABLE
    ROWS 4
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RETURN QUERY
        SELECT i.app_id, i.message_id, i.hops
          FROM card_issuer.inheritable_load i
         WHERE i.card_id = card;
END
$$;
COMMENT ON FUNCTION card_issuer.inheritable(screissue.card_id) IS
    'what a card would leave to its replacement';

-- What would happen if the card were reissued now, on the same platform: which
-- applications the new card would inherit, under which message id, and how the
-- provider would learn of it: carrier push or pull, a notice; inquiry, it has to
-- ask; NULL, not at all: its contract is not in force, the holder has opted out,
-- or it would be told no, since the application is withdrawn.  Changes nothing.
-- Errors: SR004 unknown card; SR006 reissued already; SR005 its status forbids
-- it.
CREATE FUNCTION card_issuer.preview_reissue(
    card screissue.card_id,
    OUT provider screissue.company_id,
    OUT app_id screissue.app_id,
    OUT message_id screissue.message_id,
    OUT carrier text)
    RETURNS SETOF record
    LANGUAGE plpgsql
    STABLE
    ROWS 4
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    found_card record;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.require_card(preview_reissue.card);
    SELECT c.status, c.platform_type INTO STRICT found_card
      FROM card_issuer.card c
     WHERE c.card_id = preview_reissue.card;
    PERFORM card_issuer.require_reissuable(
        preview_reissue.card, found_card.status);
    RETURN QUERY
        SELECT a.provider, i.app_id, i.message_id,
               CASE WHEN card_issuer.is_opted_out(
                             preview_reissue.card, i.app_id)
                        THEN NULL
                    WHEN card_issuer.notice_is_due(
                             a.provider, found_card.platform_type)
                        THEN p.delivery
                    WHEN card_issuer.contract_in_force(a.provider)
                         AND a.withdrawn_at IS NULL
                        THEN 'inquiry' END
          FROM card_issuer.inheritable(preview_reissue.card) i
          JOIN card_issuer.application a ON a.app_id = i.app_id
          JOIN card_issuer.provider p ON p.provider = a.provider
         ORDER BY a.provider, i.app_id;
END
$$;
COMMENT ON FUNCTION card_issuer.preview_reissue(screissue.card_id) IS
    'what a reissue would bring about, and who would learn of it';

-- Second half of a reissue, all statements on the new card: issues it, writes
-- its entitlements and the notices that are due.  Repeatable.
-- Errors: 23505 the id was issued before; SR010; 22023.
CREATE FUNCTION card_issuer.adopt_new(
    new_card screissue.card_id,
    inheritance card_issuer.inheritance,
    platform_type integer,
    valid_until date,
    printed_number text,
    activate boolean,
    OUT entitlements integer,
    OUT notices integer)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF NOT card_issuer.store_card(new_card, platform_type,
               inheritance.holder_id, valid_until, printed_number, activate,
               inheritance.old_card_id) THEN
        inheritance := card_issuer.not_yet_adopted(new_card, inheritance);
    END IF;
    IF inheritance.opted_out_at IS NOT NULL
       OR cardinality(inheritance.opt_outs) > 0 THEN
        PERFORM card_issuer.put_opt_outs(
            new_card, inheritance.opted_out_at, inheritance.opt_outs);
    END IF;
    entitlements := card_issuer.store_entitlements(new_card, inheritance);
    notices := card_issuer.write_notices(
        card_issuer.draft_reissue(new_card, platform_type, inheritance));
END
$$;
COMMENT ON FUNCTION card_issuer.adopt_new(
    screissue.card_id, card_issuer.inheritance, integer, date, text, boolean) IS
    'issue a new card in place of a retired one';

-- Writes the entitlements of a new card, returns how many: of those nobody is to be
-- told for which the holder has opted out.
CREATE FUNCTION card_issuer.store_entitlements(
    new_card screissue.card_id,
    inheritance card_issuer.inheritance)
    RETURNS integer
    LANGUAGE c
    VOLATILE STRICT
    AS 'MODULE_PATHNAME', 'screissue_store_entitlements';
COMMENT ON FUNCTION card_issuer.store_entitlements(
    screissue.card_id, card_issuer.inheritance) IS
    'entitle a new card to what it inherits';

-- Drafts of the notices about what a new card inherits, unless the holder has
-- opted out.
CREATE FUNCTION card_issuer.draft_reissue(
    new_card screissue.card_id,
    platform_type integer,
    inheritance card_issuer.inheritance)
    RETURNS card_issuer.draft_notice[]
    LANGUAGE c
    STABLE STRICT
    AS 'MODULE_PATHNAME', 'screissue_draft_reissue';
COMMENT ON FUNCTION card_issuer.draft_reissue(
    screissue.card_id, integer, card_issuer.inheritance) IS
    'drafts of the notices of a reissue';

-- The card is there already: what of the inheritance it has not got, where it was
-- issued in place of the old one, and is locked then.
-- Errors: 23505 it was not.
CREATE FUNCTION card_issuer.not_yet_adopted(
    new_card screissue.card_id,
    inheritance card_issuer.inheritance)
    RETURNS card_issuer.inheritance
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM card_issuer.card c
                    WHERE c.card_id = new_card
                      AND c.replaces = inheritance.old_card_id
                      AND c.status <> 'revoked') THEN
        PERFORM card_issuer.raise_card_exists(new_card);
    END IF;
    PERFORM card_issuer.lock_card(new_card);
    SELECT coalesce(array_agg(i.app_id), '{}'),
           coalesce(array_agg(i.message_id), '{}'),
           coalesce(array_agg(i.hops), '{}')
      INTO inheritance.app_ids, inheritance.message_ids, inheritance.hops
      FROM unnest(inheritance.app_ids, inheritance.message_ids,
                  inheritance.hops) i (app_id, message_id, hops)
     WHERE NOT EXISTS (SELECT FROM card_issuer.entitlement e
                        WHERE e.card_id = new_card
                          AND e.app_id = i.app_id);
    RETURN inheritance;
END
$$;
COMMENT ON FUNCTION card_issuer.not_yet_adopted(
    screissue.card_id, card_issuer.inheritance) IS
    'what a card that is there already does not yet inherit';

-- Steps 402/503/505, 903/905: the old card is retired, the new card issued to
-- the same holder and paired with it, the entitlements are written, and the
-- notices to the providers concerned and only those; all or nothing
-- (R17-R21, R31).  platform_type NULL: the old card's.  overlap: for so long the
-- old card goes on working (E7), unless it is blocked before.
-- Errors: SR004 unknown card; SR005 its status forbids it; SR006 reissued
-- already; SR007 no approved request, or the approval has expired; SR010 id fails
-- the platform's check; 23505 id issued before; 22023.
CREATE FUNCTION card_issuer.reissue_card(
    old_card screissue.card_id,
    new_card screissue.card_id,
    platform_type integer DEFAULT NULL,
    valid_until date DEFAULT NULL,
    printed_number text DEFAULT NULL,
    activate boolean DEFAULT true,
    overlap interval DEFAULT NULL,
    OUT entitlements integer,
    OUT notices integer)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    inheritance card_issuer.inheritance;
    adopted record;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('old_card', reissue_card.old_card IS NOT NULL);
    PERFORM screissue.require('new_card', reissue_card.new_card IS NOT NULL);
    IF reissue_card.old_card = reissue_card.new_card THEN
        RAISE EXCEPTION 'a card cannot replace itself'
            USING ERRCODE = '22023';
    END IF;

    inheritance := card_issuer.retire_old(
        reissue_card.old_card, reissue_card.new_card, reissue_card.overlap);
    -- The halves may be repeated, this call may not: the second of two
    -- operators is to learn that the card was reissued.
    IF inheritance.replaced_by IS NOT NULL THEN
        PERFORM card_issuer.require_reissuable(
            reissue_card.old_card, 'replaced');
    END IF;
    adopted := card_issuer.adopt_new(
        reissue_card.new_card, inheritance,
        coalesce(reissue_card.platform_type, inheritance.platform_type),
        reissue_card.valid_until, reissue_card.printed_number,
        reissue_card.activate);
    reissue_card.entitlements := adopted.entitlements;
    reissue_card.notices := adopted.notices;
END
$$;
COMMENT ON FUNCTION card_issuer.reissue_card(
    screissue.card_id, screissue.card_id, integer, date, text, boolean,
    interval) IS
    'reissue a card (Fig. 5, Fig. 9)';

-- Takes a reissue back (E9, E10): the new card is revoked, its entitlements
-- and its open request withdrawn; the old card gets back its former status;
-- loads live on the new card are handed back to the old one as unused
-- entitlements, and what a reload there cost is refunded (E52).  Withdrawal
-- notices carry the id that is handed back.
-- Errors: SR004 unknown card; SR005 it is no reissued card, was replaced
-- itself, or is revoked already.
CREATE FUNCTION card_issuer.withdraw_reissue(new_card screissue.card_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    old_card screissue.card_id;
    revoked record;
    request record;
    drafts card_issuer.draft_notice[];
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.require_card(withdraw_reissue.new_card);
    old_card := card_issuer.predecessor(withdraw_reissue.new_card);
    IF old_card IS NOT NULL THEN
        PERFORM card_issuer.lock_card(old_card);
        -- Withdrawn while we waited: the old card stands for it now, and who
        -- confirms a load on it locks it before that one.
        IF card_issuer.predecessor(withdraw_reissue.new_card) IS NULL THEN
            PERFORM card_issuer.require_card_move(
                withdraw_reissue.new_card, 'revoked', 'revoked');
        END IF;
    END IF;
    revoked := card_issuer.lock_card(withdraw_reissue.new_card);
    PERFORM card_issuer.require_card_move(
        withdraw_reissue.new_card, revoked.status, 'revoked');
    IF old_card IS NULL THEN
        RAISE EXCEPTION 'card "%" does not replace another',
            mask(withdraw_reissue.new_card)
            USING ERRCODE = 'SR005';
    END IF;

    SELECT r.request_id, r.former_status INTO STRICT request
      FROM card_issuer.reissue_request r
     WHERE r.old_card_id = old_card
       AND r.new_card_id = withdraw_reissue.new_card;
    PERFORM card_issuer.require_card_move(
        old_card, 'replaced', request.former_status);
    PERFORM screissue.require_move('request', request.request_id::text,
                                   'completed', 'withdrawn');

    drafts := card_issuer.hand_back(withdraw_reissue.new_card, old_card);
    UPDATE card_issuer.card c SET status = 'revoked'
     WHERE c.card_id = withdraw_reissue.new_card;
    UPDATE card_issuer.card c
       SET status = request.former_status,
           replaced_by = NULL,
           replaced_at = NULL,
           overlap_until = NULL
     WHERE c.card_id = old_card;
    UPDATE card_issuer.reissue_request r SET status = 'withdrawn'
     WHERE r.old_card_id = old_card
       AND r.request_id = request.request_id;
    PERFORM card_issuer.withdraw_open_request(withdraw_reissue.new_card);
    PERFORM card_issuer.write_notices(drafts);
END
$$;
COMMENT ON FUNCTION card_issuer.withdraw_reissue(screissue.card_id) IS
    'withdraw a reissue';

-- A card that is revoked is not reissued: its open request, if any, ends.
CREATE FUNCTION card_issuer.withdraw_open_request(card screissue.card_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    request record;
BEGIN
    SELECT r.request_id, r.status INTO request
      FROM card_issuer.open_request(card) r;
    IF request.request_id IS NULL THEN
        RETURN;
    END IF;
    PERFORM screissue.require_move('request', request.request_id::text,
                                   request.status::text, 'withdrawn');
    UPDATE card_issuer.reissue_request r
       SET status = 'withdrawn',
           completed_at = now()
     WHERE r.old_card_id = card
       AND r.request_id = request.request_id;
END
$$;
COMMENT ON FUNCTION card_issuer.withdraw_open_request(screissue.card_id) IS
    'end the open request for the reissue of a card';

-- Ends the entitlements of a card whose reissue is withdrawn, entitles the
-- old card to what did not come from it, and returns the withdrawal notices.
-- What the new card would leave to nobody, since it was removed there or from
-- a card that stood for it, the old card does not inherit either (E3), and no
-- notice says that it has that back.  The
-- holder's choice who is not to be told goes back with them, and where it says
-- so nobody is told (E56).  Where there are no notices about the new card, none of
-- them says what the old one still may reload: who does not know is told so.
CREATE FUNCTION card_issuer.hand_back(
    new_card screissue.card_id,
    old_card screissue.card_id)
    RETURNS card_issuer.draft_notice[]
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    choice CONSTANT record := card_issuer.get_opt_outs(new_card);
    left_apps CONSTANT screissue.app_id[] := ARRAY(
        SELECT i.app_id FROM card_issuer.inheritable(new_card) i);
    drafts card_issuer.draft_notice[];
    told_apps screissue.app_id[];
    removed card_issuer.draft_notice[] := '{}'::card_issuer.draft_notice[];
    application record;
    ended screissue.message_id;
BEGIN
    PERFORM card_issuer.put_opt_outs(
        old_card, choice.opted_out_at, choice.opt_outs);
    drafts := card_issuer.apply_opt_outs(old_card);
    told_apps := ARRAY(SELECT d.app_id FROM unnest(drafts) d);
    FOR application IN
        SELECT h.app_id, h.message_id, h.hops
          FROM card_issuer.held(new_card, old_card) h
    LOOP
        IF NOT card_issuer.is_opted_out(new_card, application.app_id) THEN
            drafts := drafts || card_issuer.draft('withdrawal', new_card,
                CASE WHEN application.app_id = ANY (left_apps)
                     THEN old_card END,
                application.app_id, application.message_id);
        END IF;
        IF application.hops IS NOT NULL THEN
            PERFORM card_issuer.entitle(old_card, application.app_id,
                application.message_id, new_card, application.hops);
            PERFORM card_issuer.refund(new_card, application.message_id);
        END IF;
    END LOOP;
    FOR application IN
        SELECT e.app_id
          FROM card_issuer.entitlement e
         WHERE e.card_id = old_card
           AND e.used_at IS NULL
           AND e.withdrawn_at IS NULL
           AND e.app_id <> ALL (left_apps)
         ORDER BY e.app_id
    LOOP
        ended := card_issuer.disentitle(old_card, application.app_id);
        CONTINUE WHEN card_issuer.is_opted_out(old_card, application.app_id);
        removed := removed || card_issuer.draft('withdrawal', old_card, NULL,
            application.app_id, ended);
    END LOOP;
    UPDATE card_issuer.entitlement e SET withdrawn_at = now()
     WHERE e.card_id = new_card
       AND e.withdrawn_at IS NULL;
    IF NOT card_issuer.has_readable_replacement(old_card) THEN
        drafts := drafts || card_issuer.draft_untold(old_card, told_apps);
    END IF;
    RETURN drafts || removed;
END
$$;
COMMENT ON FUNCTION
    card_issuer.hand_back(screissue.card_id, screissue.card_id) IS
    'hand what lives on a withdrawn card back to the old one';

-- The applications that a card carries, inherits or inherited, each with the
-- load to speak of: the live one, else the one inherited.  hops: to old_card,
-- for what did not come from there: it was loaded on this very card, or handed
-- back to it; else NULL.
CREATE FUNCTION card_issuer.held(
    card screissue.card_id,
    old_card screissue.card_id,
    OUT app_id screissue.app_id,
    OUT message_id screissue.message_id,
    OUT hops integer)
    RETURNS SETOF record
    LANGUAGE sql
    STABLE
    ROWS 4
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT coalesce(l.app_id, e.app_id),
           coalesce(l.message_id, e.message_id),
           CASE WHEN l.message_id IS NOT NULL THEN 1
                WHEN e.used_at IS NULL AND e.old_card_id <> held.old_card
                    THEN e.hops + 1 END
      FROM (SELECT x.app_id, x.message_id, x.old_card_id, x.hops, x.used_at
              FROM card_issuer.entitlement x
             WHERE x.card_id = card
               AND x.withdrawn_at IS NULL) e
      FULL JOIN (SELECT y.app_id, y.message_id
                   FROM card_issuer.app_load y
                  WHERE y.card_id = card
                    AND y.status = 'loaded') l
        ON l.app_id = e.app_id
     ORDER BY 1
$$;
COMMENT ON FUNCTION
    card_issuer.held(screissue.card_id, screissue.card_id) IS
    'applications that a card carries or inherits';

-- Fig. 19, steps 408/409: is this a reissued card, and which loading
-- permission did it inherit for this application?  The same id every time.
-- For a provider a card whose platform has not method 1 is unknown.  Every
-- negative answer is the same row: 200, false, NULL, NULL.
-- Errors: 42501 if the caller is neither a provider's role nor an operator.
CREATE FUNCTION card_issuer.find_reissue(
    card screissue.card_id,
    app screissue.app_id,
    OUT platform_type integer,
    OUT reissued boolean,
    OUT message_id screissue.message_id,
    OUT old_card_id screissue.card_id)
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    caller CONSTANT name := calling_role();
    by_operator CONSTANT boolean := card_issuer.is_operator(caller);
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('card', find_reissue.card IS NOT NULL);
    PERFORM screissue.require('app', find_reissue.app IS NOT NULL);
    PERFORM card_issuer.require_party(caller);
    IF NOT by_operator THEN
        PERFORM card_issuer.cover_reads();
    END IF;

    SELECT n.platform_type, true, e.message_id,
           CASE WHEN screissue.method_of(o.platform_type) = 1
                THEN o.card_id END
      INTO find_reissue.platform_type, find_reissue.reissued,
           find_reissue.message_id, find_reissue.old_card_id
      FROM card_issuer.application a
      JOIN card_issuer.entitlement e
        ON e.card_id = find_reissue.card AND e.app_id = a.app_id
      JOIN card_issuer.card n ON n.card_id = e.card_id
      JOIN card_issuer.card o ON o.card_id = e.old_card_id
     WHERE a.app_id = find_reissue.app
       AND a.withdrawn_at IS NULL
       AND card_issuer.acts_for(caller, a.provider)
       AND card_issuer.contract_in_force(a.provider)
       AND e.withdrawn_at IS NULL
       AND e.opted_out_at IS NULL
       AND card_issuer.card_works(n.status, n.valid_until, n.overlap_until)
       AND (by_operator OR screissue.method_of(n.platform_type) = 1);
    IF NOT FOUND THEN
        find_reissue.platform_type := 200;
        find_reissue.reissued := false;
    END IF;
END
$$;
COMMENT ON FUNCTION
    card_issuer.find_reissue(screissue.card_id, screissue.app_id) IS
    'pair and inherited load of a reissued card (Fig. 19)';
