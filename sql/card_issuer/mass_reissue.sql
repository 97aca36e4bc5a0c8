-- Reissue of many cards in one call: what reissue_card would write for each of
-- them, by a statement for each table and one turn for each provider
--
-- Old and new cards come as two arrays, in the order of the old ones' ids, in
-- which they are locked; unnest() puts the pairs together again.  Cards are looked
-- up by their ids, whatever the planner knows of a table that fills as it goes.

-- Raises 22023 unless the arrays pair different cards.
CREATE FUNCTION card_issuer.check_pairs(
    old_cards screissue.card_id[],
    new_cards screissue.card_id[])
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    twice screissue.card_id;
BEGIN
    PERFORM screissue.require('old_cards', old_cards IS NOT NULL);
    PERFORM screissue.require('new_cards', new_cards IS NOT NULL);
    IF coalesce(array_ndims(old_cards), 1) <> 1
       OR coalesce(array_ndims(new_cards), 1) <> 1
       OR cardinality(old_cards) <> cardinality(new_cards) THEN
        RAISE EXCEPTION 'there must be as many new cards as old ones, not % for %',
            cardinality(new_cards), cardinality(old_cards)
            USING ERRCODE = '22023';
    END IF;
    IF array_position(old_cards, NULL) IS NOT NULL
       OR array_position(new_cards, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'a card must not be null'
            USING ERRCODE = '22023';
    END IF;
    SELECT c.card_id INTO twice
      FROM (SELECT unnest(old_cards) UNION ALL SELECT unnest(new_cards))
           c (card_id)
     GROUP BY c.card_id
    HAVING count(*) > 1
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'card "%" is given twice', mask(twice)
            USING ERRCODE = '22023';
    END IF;
END
$$;
COMMENT ON FUNCTION
    card_issuer.check_pairs(screissue.card_id[], screissue.card_id[]) IS
    'check of the cards that a mass reissue pairs';

-- Locks the old cards; their columns, in their order.
-- Errors: SR004 unknown card; SR006 reissued already; SR005 its status forbids
-- it.
CREATE FUNCTION card_issuer.lock_reissuable(
    old_cards screissue.card_id[],
    OUT statuses screissue.card_status[],
    OUT platform_types integer[],
    OUT holder_ids text[],
    OUT opted_out_ats timestamp with time zone[])
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
AS $$
DECLARE
    example record;
BEGIN
    SELECT array_agg(l.status), array_agg(l.platform_type),
           array_agg(l.holder_id), array_agg(l.opted_out_at)
      INTO lock_reissuable.statuses, lock_reissuable.platform_types,
           lock_reissuable.holder_ids, lock_reissuable.opted_out_ats
      FROM (SELECT c.status, c.platform_type, c.holder_id, c.opted_out_at
              FROM unnest(old_cards) WITH ORDINALITY o (card_id)
              JOIN card_issuer.card c ON c.card_id = o.card_id
             ORDER BY o.ordinality
               FOR NO KEY UPDATE OF c) l;
    IF cardinality(lock_reissuable.statuses)
       IS DISTINCT FROM cardinality(old_cards) THEN
        PERFORM card_issuer.require_card(o.card_id)
           FROM unnest(old_cards) o (card_id);
    END IF;
    FOR example IN
        SELECT DISTINCT ON (o.status) o.card_id, o.status
          FROM unnest(old_cards, lock_reissuable.statuses) o (card_id, status)
         ORDER BY o.status
    LOOP
        PERFORM card_issuer.require_reissuable(example.card_id, example.status);
    END LOOP;
END
$$;
COMMENT ON FUNCTION card_issuer.lock_reissuable(screissue.card_id[]) IS
    'lock cards for their reissue';

-- The open requests of cards, in their order; NULL where there is none.
-- OFFSET 0: each is looked up by its card, however few are open.
CREATE FUNCTION card_issuer.open_requests(
    cards screissue.card_id[],
    OUT request_ids bigint[],
    OUT statuses screissue.request_status[],
    OUT reasons screissue.reissue_reason[])
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
AS $$
    SELECT array_agg(o.request_id), array_agg(o.status), array_agg(o.reason)
      FROM (SELECT r.request_id, r.status, r.reason
              FROM unnest(cards) WITH ORDINALITY c (card_id)
              LEFT JOIN LATERAL
                   (SELECT x.request_id, x.status, x.reason
                      FROM card_issuer.reissue_request x
                     WHERE x.old_card_id = c.card_id
                       AND x.status IN ('pending', 'approved')
                    OFFSET 0) r
                ON true
             ORDER BY c.ordinality) o
$$;
COMMENT ON FUNCTION card_issuer.open_requests(screissue.card_id[]) IS
    'open requests for the reissue of cards';

-- Completes the approved requests of the old cards, and writes one, examined by
-- the policy, for each card that has none; the reasons of all of them.
-- Errors: SR007 a request is pending, or the policy does not approve; what the
-- policy raises.
CREATE FUNCTION card_issuer.complete_requests(
    old_cards screissue.card_id[],
    new_cards screissue.card_id[],
    former_statuses screissue.card_status[],
    reason screissue.reissue_reason,
    OUT reasons screissue.reissue_reason[])
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    by_default CONSTANT boolean := card_issuer.policy_of('reissue') IS NULL;
    opened record;
    request record;
BEGIN
    PERFORM screissue.require_move('request', 'approved', 'approved',
                                   'completed');
    IF NOT by_default THEN
        PERFORM card_issuer.store_request(o.card_id, complete_requests.reason,
                                          NULL)
           FROM unnest(old_cards) o (card_id)
          WHERE (card_issuer.open_request(o.card_id)).request_id IS NULL;
    END IF;
    opened := card_issuer.open_requests(old_cards);
    FOR request IN
        SELECT p.old_card, p.new_card, p.former_status, p.request_id, p.status
          FROM unnest(old_cards, new_cards, former_statuses, opened.request_ids,
                      opened.statuses)
               p (old_card, new_card, former_status, request_id, status)
         WHERE p.request_id IS NOT NULL
            OR NOT by_default
    LOOP
        IF (request.status = 'approved') IS NOT TRUE THEN
            PERFORM card_issuer.raise_not_approved(request.old_card);
        END IF;
        PERFORM card_issuer.require_valid_approval(request.old_card,
                                                   request.request_id);
        UPDATE card_issuer.reissue_request r
           SET status = 'completed',
               new_card_id = request.new_card,
               former_status = request.former_status,
               completed_at = now()
         WHERE r.old_card_id = request.old_card
           AND r.request_id = request.request_id;
    END LOOP;
    PERFORM card_issuer.write_requests(
        old_cards, new_cards, former_statuses, opened.request_ids,
        complete_requests.reason);
    complete_requests.reasons := ARRAY(
        SELECT coalesce(o.reason, complete_requests.reason)
          FROM unnest(opened.reasons) WITH ORDINALITY o (reason)
         ORDER BY o.ordinality);
END
$$;
COMMENT ON FUNCTION card_issuer.complete_requests(
    screissue.card_id[], screissue.card_id[], screissue.card_status[],
    screissue.reissue_reason) IS
    'complete the requests for a mass reissue';

-- Writes completed requests, approved by the default policy, for the cards whose
-- request is NULL.
CREATE FUNCTION card_issuer.write_requests(
    old_cards screissue.card_id[],
    new_cards screissue.card_id[],
    statuses screissue.card_status[],
    request_ids bigint[],
    reason screissue.reissue_reason)
    RETURNS void
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
    SET plan_cache_mode = force_generic_plan
AS $$
    WITH missing AS MATERIALIZED (
        SELECT p.old_card, p.new_card, p.status,
               nextval('card_issuer.request_sequence') AS request_id,
               nextval('card_issuer.examination_sequence') AS examination_id
          FROM unnest(old_cards, new_cards, statuses, request_ids)
               p (old_card, new_card, status, request_id)
         WHERE p.request_id IS NULL),
    examined AS (
        INSERT INTO card_issuer.examination
               (card_id, examination_id, event, approved, reason, examined_at,
                valid_until, examiner, details)
        SELECT m.old_card, m.examination_id, 'reissue', v.approved, v.reason,
               now(), now() + v.valid_for,
               'card_issuer.default_policy(jsonb)', t.request
          FROM missing m
         CROSS JOIN LATERAL jsonb_build_object(
                   'event', 'reissue',
                   'request_id', m.request_id,
                   'reason', write_requests.reason,
                   'requested_by', NULL) t (request)
         CROSS JOIN LATERAL card_issuer.default_policy(t.request) v)
    INSERT INTO card_issuer.reissue_request
           (old_card_id, request_id, reason, status, requested_at,
            examination_id, new_card_id, former_status, completed_at)
    SELECT m.old_card, m.request_id, write_requests.reason, 'completed', now(),
           m.examination_id, m.new_card, m.status, now()
      FROM missing m
$$;
COMMENT ON FUNCTION card_issuer.write_requests(
    screissue.card_id[], screissue.card_id[], screissue.card_status[], bigint[],
    screissue.reissue_reason) IS
    'write the requests that a mass reissue needs';

-- Retires the old cards and issues the new ones in their place, on their platforms
-- and to their holders.
-- Errors: SR010 an id fails its platform's check; 23505 it was issued before.
CREATE FUNCTION card_issuer.replace_cards(
    old_cards screissue.card_id[],
    new_cards screissue.card_id[],
    platform_types integer[],
    holder_ids text[],
    opted_out_ats timestamp with time zone[])
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
AS $$
DECLARE
    issued bigint;
    taken screissue.card_id;
BEGIN
    UPDATE card_issuer.card c
       SET status = 'replaced',
           replaced_by = p.new_card,
           replaced_at = now()
      FROM unnest(old_cards, new_cards) p (old_card, new_card)
     WHERE c.card_id = p.old_card;
    PERFORM card_issuer.check_card_id(p.new_card, p.platform_type)
       FROM screissue.platform f
       JOIN unnest(new_cards, platform_types) p (new_card, platform_type)
         ON p.platform_type = f.platform_type
      WHERE (f.id_check = 'luhn' AND NOT luhn_valid(p.new_card))
         OR (f.id_check = 'mod97' AND NOT mod97_valid(p.new_card));
    INSERT INTO card_issuer.card
           (card_id, platform_type, holder_id, status, issued_at, opted_out_at,
            replaces)
    SELECT p.new_card, p.platform_type, p.holder_id, 'active', now(),
           p.opted_out_at, p.old_card
      FROM unnest(old_cards, new_cards, platform_types, holder_ids,
                  opted_out_ats)
           p (old_card, new_card, platform_type, holder_id, opted_out_at)
        ON CONFLICT ON CONSTRAINT card_pkey DO NOTHING;
    GET DIAGNOSTICS issued = ROW_COUNT;
    IF issued < cardinality(new_cards) THEN
        SELECT c.card_id INTO STRICT taken
          FROM unnest(old_cards, new_cards) p (old_card, new_card)
          JOIN card_issuer.card c ON c.card_id = p.new_card
         WHERE (c.replaces = p.old_card AND c.status <> 'revoked') IS NOT TRUE
         LIMIT 1;
        PERFORM card_issuer.raise_card_exists(taken);
    END IF;
    INSERT INTO card_issuer.opt_out (card_id, app_id, since)
    SELECT p.new_card, o.app_id, now()
      FROM unnest(old_cards, new_cards) p (old_card, new_card)
      JOIN card_issuer.opt_out o ON o.card_id = p.old_card;
END
$$;
COMMENT ON FUNCTION card_issuer.replace_cards(
    screissue.card_id[], screissue.card_id[], integer[], text[],
    timestamp with time zone[]) IS
    'replace the cards of a mass reissue';

-- Entitles the new cards to what the old ones leave; how many, and those that
-- the provider may be told of, each by the position of its card.
-- OFFSET 0: each card's loads are looked up by its id.
CREATE FUNCTION card_issuer.entitle_replacements(
    old_cards screissue.card_id[],
    new_cards screissue.card_id[],
    opted_out_ats timestamp with time zone[],
    OUT entitlements integer,
    OUT positions bigint[],
    OUT apps screissue.app_id[],
    OUT messages screissue.message_id[])
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
AS $$
    WITH inherited AS MATERIALIZED (
        SELECT p.ordinality, p.old_card, p.new_card, i.app_id, i.message_id,
               i.hops,
               p.opted_out_at IS NOT NULL OR o.app_id IS NOT NULL AS opted_out
          FROM unnest(old_cards, new_cards, opted_out_ats) WITH ORDINALITY
               p (old_card, new_card, opted_out_at)
         CROSS JOIN LATERAL
               (SELECT l.app_id, l.message_id, l.hops
                  FROM card_issuer.inheritable_load l
                 WHERE l.card_id = p.old_card
                OFFSET 0) i
          LEFT JOIN card_issuer.opt_out o
            ON o.card_id = p.old_card AND o.app_id = i.app_id),
    granted AS (
        INSERT INTO card_issuer.entitlement
               (card_id, app_id, message_id, old_card_id, hops, granted_at,
                opted_out_at)
        SELECT i.new_card, i.app_id, i.message_id, i.old_card, i.hops, now(),
               CASE WHEN i.opted_out THEN now() END
          FROM inherited i)
    SELECT count(*)::integer,
           array_agg(i.ordinality) FILTER (WHERE NOT i.opted_out),
           array_agg(i.app_id) FILTER (WHERE NOT i.opted_out),
           array_agg(i.message_id) FILTER (WHERE NOT i.opted_out)
      FROM inherited i
$$;
COMMENT ON FUNCTION card_issuer.entitle_replacements(
    screissue.card_id[], screissue.card_id[], timestamp with time zone[]) IS
    'write the entitlements of a mass reissue';

-- Writes the notices about the new cards, in the order of the old ones, and
-- returns how many: of the applications and loads in apps and messages, whose
-- cards are at positions.  To be called last, like write_notices.
CREATE FUNCTION card_issuer.notify_replacements(
    old_cards screissue.card_id[],
    new_cards screissue.card_id[],
    platform_types integer[],
    reasons screissue.reissue_reason[],
    positions bigint[],
    apps screissue.app_id[],
    messages screissue.message_id[])
    RETURNS integer
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
    SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    providers CONSTANT screissue.company_id[] := ARRAY(
        SELECT DISTINCT a.provider
          FROM unnest(apps) g (app_id)
          JOIN card_issuer.application a ON a.app_id = g.app_id
         ORDER BY a.provider);
    told screissue.company_id[];
    written bigint[];
BEGIN
    PERFORM
       FROM card_issuer.notice_counter k
      WHERE k.provider = ANY (providers)
      ORDER BY k.provider
        FOR NO KEY UPDATE;
    IF EXISTS (SELECT
                 FROM unnest(apps) g (app_id)
                 JOIN card_issuer.application a ON a.app_id = g.app_id
                WHERE a.provider <> ALL (providers)) THEN
        PERFORM card_issuer.raise_transferred();
    END IF;

    WITH due AS MATERIALIZED (
        SELECT a.app_id, a.provider, f.platform_type, k.last_notice_no
          FROM card_issuer.application a
          JOIN card_issuer.notice_counter k ON k.provider = a.provider
         CROSS JOIN screissue.platform f
         WHERE a.provider = ANY (providers)
           AND card_issuer.notice_is_due(a.provider, f.platform_type)),
    sent AS (
        INSERT INTO screissue.notice AS n
               (issuer, provider, notice_no, kind, platform_type, new_card_id,
                old_card_id, app_id, message_id, reason, noted_at)
        SELECT s.company_id::text, d.provider::text,
               d.last_notice_no
               + row_number() OVER (PARTITION BY d.provider
                                    ORDER BY g.position, g.app_id),
               'reissue', d.platform_type, new_cards[g.position]::text,
               old_cards[g.position]::text, g.app_id::text, g.message_id::text,
               reasons[g.position]::text, now()
          FROM unnest(positions, apps, messages)
               g (position, app_id, message_id)
          JOIN due d
            ON d.app_id = g.app_id
           AND d.platform_type = platform_types[g.position]
         CROSS JOIN card_issuer.self s
        RETURNING n.provider),
    by_provider AS (
        SELECT s.provider::company_id AS provider, count(*) AS notices
          FROM sent s
         GROUP BY s.provider)
    SELECT array_agg(b.provider), array_agg(b.notices) INTO told, written
      FROM by_provider b;
    UPDATE card_issuer.notice_counter k
       SET last_notice_no = k.last_notice_no + coalesce(
               written[array_position(told, k.provider)], 0)
     WHERE k.provider = ANY (providers);
    RETURN coalesce((SELECT sum(w.notices)
                       FROM unnest(written) w (notices)), 0);
END
$$;
COMMENT ON FUNCTION card_issuer.notify_replacements(
    screissue.card_id[], screissue.card_id[], integer[],
    screissue.reissue_reason[], bigint[], screissue.app_id[],
    screissue.message_id[]) IS
    'write the notices of a mass reissue';

-- Reissues many cards at once, all or nothing: writes what a call of reissue_card
-- would write for each of them, on the old card's platform, active, without end
-- of validity, and takes the turn of each provider once.  An approved request is
-- used; a card that has none gets one with the reason given, which the policy
-- examines.
-- Errors: SR004 unknown card; SR005 its status forbids it; SR006 reissued
-- already; SR007 a request is pending, or the policy does not approve; SR010 id
-- fails the platform's check; 23505 id issued before; 22023 not as many new cards
-- as old ones, or a card given twice; 40001.
CREATE FUNCTION card_issuer.reissue_cards(
    old_cards screissue.card_id[],
    new_cards screissue.card_id[],
    reason screissue.reissue_reason,
    OUT reissued integer,
    OUT entitlements integer,
    OUT notices integer)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
    SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    olds screissue.card_id[];
    news screissue.card_id[];
    former record;
    reasons screissue.reissue_reason[];
    granted record;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('reason', reissue_cards.reason IS NOT NULL);
    PERFORM card_issuer.check_pairs(reissue_cards.old_cards,
                                    reissue_cards.new_cards);
    SELECT coalesce(array_agg(p.old_card ORDER BY p.old_card), '{}'),
           coalesce(array_agg(p.new_card ORDER BY p.old_card), '{}')
      INTO olds, news
      FROM unnest(reissue_cards.old_cards, reissue_cards.new_cards)
           p (old_card, new_card);

    former := card_issuer.lock_reissuable(olds);
    reasons := card_issuer.complete_requests(olds, news, former.statuses,
                                             reissue_cards.reason);
    PERFORM card_issuer.replace_cards(
        olds, news, former.platform_types, former.holder_ids,
        former.opted_out_ats);
    granted := card_issuer.entitle_replacements(olds, news,
                                                former.opted_out_ats);
    reissue_cards.reissued := cardinality(olds);
    reissue_cards.entitlements := granted.entitlements;
    reissue_cards.notices := card_issuer.notify_replacements(
        olds, news, former.platform_types, reasons, granted.positions,
        granted.apps, granted.messages);
END
$$;
COMMENT ON FUNCTION card_issuer.reissue_cards(
    screissue.card_id[], screissue.card_id[], screissue.reissue_reason) IS
    'reissue many cards at once';
