-- Reissue of many cards in one call: what reissue_card would write for each of
-- them, by a statement for each table and one turn for each provider
--
-- Old and new cards come as two arrays, in the order of the old ones' ids, in
-- which they are locked; unnest() puts the pairs together again.

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

-- Locks the old cards and returns their statuses, in their order.
-- Errors: SR004 unknown card; SR006 reissued already; SR005 its status forbids
-- it.
CREATE FUNCTION card_issuer.lock_reissuable(old_cards screissue.card_id[])
    RETURNS screissue.card_status[]
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    statuses screissue.card_status[];
    example record;
BEGIN
    SELECT array_agg(l.status ORDER BY l.ordinality) INTO statuses
      FROM (SELECT o.ordinality, c.status
              FROM unnest(old_cards) WITH ORDINALITY o (card_id)
              JOIN card_issuer.card c ON c.card_id = o.card_id
             ORDER BY o.ordinality
               FOR NO KEY UPDATE OF c) l;
    IF cardinality(statuses) IS DISTINCT FROM cardinality(old_cards) THEN
        PERFORM card_issuer.require_card(o.card_id)
           FROM unnest(old_cards) o (card_id);
    END IF;
    FOR example IN
        SELECT DISTINCT ON (o.status) o.card_id, o.status
          FROM unnest(old_cards, statuses) o (card_id, status)
         ORDER BY o.status
    LOOP
        PERFORM card_issuer.require_reissuable(example.card_id, example.status);
    END LOOP;
    RETURN statuses;
END
$$;
COMMENT ON FUNCTION card_issuer.lock_reissuable(screissue.card_id[]) IS
    'lock cards for their reissue';

-- Completes the approved requests of the old cards, and writes one, examined by
-- the policy, for each card that has none.
-- Errors: SR007 a request is pending, or the policy does not approve; what the
-- policy raises.
CREATE FUNCTION card_issuer.complete_requests(
    old_cards screissue.card_id[],
    new_cards screissue.card_id[],
    statuses screissue.card_status[],
    reason screissue.reissue_reason)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    by_default CONSTANT boolean := card_issuer.policy_of('reissue') IS NULL;
    completed bigint;
    undecided screissue.card_id;
BEGIN
    PERFORM screissue.require_move('request', 'approved', 'approved',
                                   'completed');
    IF NOT by_default THEN
        PERFORM card_issuer.store_request(o.card_id, complete_requests.reason,
                                          NULL)
           FROM unnest(old_cards) o (card_id)
          WHERE (card_issuer.open_request(o.card_id)).request_id IS NULL;
    END IF;
    PERFORM card_issuer.require_valid_approval(r.old_card_id, r.request_id)
       FROM unnest(old_cards) o (card_id)
       JOIN card_issuer.reissue_request r
         ON r.old_card_id = o.card_id AND r.status = 'approved';
    UPDATE card_issuer.reissue_request r
       SET status = 'completed',
           new_card_id = p.new_card,
           former_status = p.status,
           completed_at = now()
      FROM unnest(old_cards, new_cards, statuses)
           p (old_card, new_card, status)
     WHERE r.old_card_id = p.old_card
       AND r.status = 'approved';
    GET DIAGNOSTICS completed = ROW_COUNT;
    IF by_default AND completed < cardinality(old_cards) THEN
        completed := completed + card_issuer.write_requests(
            old_cards, new_cards, statuses, complete_requests.reason);
    END IF;
    IF completed < cardinality(old_cards) THEN
        SELECT p.old_card INTO STRICT undecided
          FROM unnest(old_cards, new_cards) p (old_card, new_card)
         WHERE NOT EXISTS (SELECT FROM card_issuer.reissue_request r
                            WHERE r.old_card_id = p.old_card
                              AND r.new_card_id = p.new_card
                              AND r.status = 'completed')
         LIMIT 1;
        PERFORM card_issuer.raise_not_approved(undecided);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.complete_requests(
    screissue.card_id[], screissue.card_id[], screissue.card_status[],
    screissue.reissue_reason) IS
    'complete the requests for a mass reissue';

-- Writes completed requests, approved by the default policy, for the cards that
-- have none; returns how many.
CREATE FUNCTION card_issuer.write_requests(
    old_cards screissue.card_id[],
    new_cards screissue.card_id[],
    statuses screissue.card_status[],
    reason screissue.reissue_reason)
    RETURNS bigint
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
    SET plan_cache_mode = force_generic_plan
AS $$
    WITH missing AS MATERIALIZED (
        SELECT p.old_card, p.new_card, p.status,
               nextval('card_issuer.request_sequence') AS request_id,
               nextval('card_issuer.examination_sequence') AS examination_id
          FROM unnest(old_cards, new_cards, statuses)
               p (old_card, new_card, status)
         WHERE NOT EXISTS
               (SELECT FROM card_issuer.reissue_request r
                 WHERE r.old_card_id = p.old_card
                   AND (r.status = 'pending'
                        OR r.new_card_id = p.new_card
                           AND r.status = 'completed'))),
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
         CROSS JOIN LATERAL card_issuer.default_policy(t.request) v),
    written AS (
        INSERT INTO card_issuer.reissue_request AS r
               (old_card_id, request_id, reason, status, requested_at,
                examination_id, new_card_id, former_status, completed_at)
        SELECT m.old_card, m.request_id, write_requests.reason, 'completed',
               now(), m.examination_id, m.new_card, m.status, now()
          FROM missing m
        RETURNING r.request_id)
    SELECT count(*) FROM written
$$;
COMMENT ON FUNCTION card_issuer.write_requests(
    screissue.card_id[], screissue.card_id[], screissue.card_status[],
    screissue.reissue_reason) IS
    'write the requests that a mass reissue needs';

-- Issues the new cards, on the platforms and to the holders of the old ones.
-- Errors: SR010 an id fails its platform's check; 23505 it was issued before.
CREATE FUNCTION card_issuer.issue_replacements(
    old_cards screissue.card_id[],
    new_cards screissue.card_id[])
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    issued bigint;
    taken screissue.card_id;
BEGIN
    PERFORM card_issuer.check_card_id(p.new_card, c.platform_type)
       FROM unnest(old_cards, new_cards) p (old_card, new_card)
       JOIN card_issuer.card c ON c.card_id = p.old_card
       JOIN screissue.platform f ON f.platform_type = c.platform_type
      WHERE (f.id_check = 'luhn' AND NOT luhn_valid(p.new_card))
         OR (f.id_check = 'mod97' AND NOT mod97_valid(p.new_card));
    INSERT INTO card_issuer.card
           (card_id, platform_type, holder_id, status, issued_at, opted_out_at,
            replaces)
    SELECT p.new_card, c.platform_type, c.holder_id, 'active', now(),
           c.opted_out_at, p.old_card
      FROM unnest(old_cards, new_cards) p (old_card, new_card)
      JOIN card_issuer.card c ON c.card_id = p.old_card
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
COMMENT ON FUNCTION
    card_issuer.issue_replacements(screissue.card_id[], screissue.card_id[]) IS
    'issue the new cards of a mass reissue';

-- Entitles the new cards to what the old ones leave; how many, and to which
-- applications.  OFFSET 0: each card's loads are looked up by its id.
CREATE FUNCTION card_issuer.entitle_replacements(
    old_cards screissue.card_id[],
    new_cards screissue.card_id[],
    OUT entitlements integer,
    OUT apps screissue.app_id[])
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
    SET plan_cache_mode = force_generic_plan
AS $$
    WITH granted AS (
        INSERT INTO card_issuer.entitlement AS e
               (card_id, app_id, message_id, old_card_id, hops, granted_at,
                opted_out_at)
        SELECT p.new_card, i.app_id, i.message_id, p.old_card, i.hops, now(),
               CASE WHEN c.opted_out_at IS NOT NULL OR o.app_id IS NOT NULL
                    THEN now() END
          FROM unnest(old_cards, new_cards) p (old_card, new_card)
          JOIN card_issuer.card c ON c.card_id = p.old_card
         CROSS JOIN LATERAL
               (SELECT l.app_id, l.message_id, l.hops
                  FROM card_issuer.inheritable_load l
                 WHERE l.card_id = p.old_card
                OFFSET 0) i
          LEFT JOIN card_issuer.opt_out o
            ON o.card_id = p.old_card AND o.app_id = i.app_id
        RETURNING e.app_id),
    by_application AS (
        SELECT g.app_id, count(*) AS cards FROM granted g GROUP BY g.app_id)
    SELECT coalesce(sum(b.cards), 0)::integer,
           coalesce(array_agg(b.app_id), '{}')
      FROM by_application b
$$;
COMMENT ON FUNCTION
    card_issuer.entitle_replacements(screissue.card_id[], screissue.card_id[]) IS
    'write the entitlements of a mass reissue';

-- Writes the notices about the new cards, in the order of the old ones, and
-- returns how many.  To be called last, like write_notices.
CREATE FUNCTION card_issuer.notify_replacements(
    old_cards screissue.card_id[],
    new_cards screissue.card_id[],
    apps screissue.app_id[])
    RETURNS integer
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
    SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    providers CONSTANT screissue.company_id[] := ARRAY(
        SELECT DISTINCT a.provider
          FROM card_issuer.application a
         WHERE a.app_id = ANY (apps)
         ORDER BY a.provider);
    told screissue.company_id[];
    written bigint[];
BEGIN
    PERFORM
       FROM card_issuer.notice_counter k
      WHERE k.provider = ANY (providers)
      ORDER BY k.provider
        FOR NO KEY UPDATE;
    IF EXISTS (SELECT FROM card_issuer.application a
                WHERE a.app_id = ANY (apps)
                  AND a.provider <> ALL (providers)) THEN
        PERFORM card_issuer.raise_transferred();
    END IF;

    WITH due AS MATERIALIZED (
        SELECT a.app_id, a.provider, f.platform_type
          FROM card_issuer.application a
         CROSS JOIN screissue.platform f
         WHERE a.app_id = ANY (apps)
           AND card_issuer.notice_is_due(a.provider, f.platform_type)),
    sent AS (
        INSERT INTO screissue.notice AS n
               (issuer, provider, notice_no, kind, platform_type, new_card_id,
                old_card_id, app_id, message_id, reason, noted_at)
        SELECT s.company_id::text, d.provider::text,
               k.last_notice_no
               + row_number() OVER (PARTITION BY d.provider
                                    ORDER BY p.ordinality, e.app_id),
               'reissue', c.platform_type, p.new_card::text, p.old_card::text,
               e.app_id::text, e.message_id::text, r.reason::text, now()
          FROM unnest(old_cards, new_cards) WITH ORDINALITY
               p (old_card, new_card)
          JOIN card_issuer.card c ON c.card_id = p.new_card
          JOIN card_issuer.reissue_request r
            ON r.old_card_id = p.old_card AND r.new_card_id = p.new_card
          JOIN card_issuer.entitlement e ON e.card_id = p.new_card
          JOIN due d
            ON d.app_id = e.app_id AND d.platform_type = c.platform_type
          JOIN card_issuer.notice_counter k ON k.provider = d.provider
         CROSS JOIN card_issuer.self s
         WHERE e.opted_out_at IS NULL
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
    screissue.card_id[], screissue.card_id[], screissue.app_id[]) IS
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
    statuses screissue.card_status[];
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

    statuses := card_issuer.lock_reissuable(olds);
    PERFORM card_issuer.complete_requests(olds, news, statuses,
                                          reissue_cards.reason);
    UPDATE card_issuer.card c
       SET status = 'replaced',
           replaced_by = p.new_card,
           replaced_at = now()
      FROM unnest(olds, news) p (old_card, new_card)
     WHERE c.card_id = p.old_card;
    PERFORM card_issuer.issue_replacements(olds, news);
    granted := card_issuer.entitle_replacements(olds, news);
    reissue_cards.reissued := cardinality(olds);
    reissue_cards.entitlements := granted.entitlements;
    reissue_cards.notices := card_issuer.notify_replacements(
        olds, news, granted.apps);
END
$$;
COMMENT ON FUNCTION card_issuer.reissue_cards(
    screissue.card_id[], screissue.card_id[], screissue.reissue_reason) IS
    'reissue many cards at once';
