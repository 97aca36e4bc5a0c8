-- Policies of the card issuer (R15; design 9)

-- What holds while no policy function is set: approve what the state of card,
-- contract and application allows, for ever.
CREATE FUNCTION card_issuer.default_policy(request jsonb)
    RETURNS screissue.verdict
    LANGUAGE sql
    IMMUTABLE PARALLEL SAFE
AS $$
    SELECT ROW(true, NULL, NULL)::screissue.verdict
$$;
COMMENT ON FUNCTION card_issuer.default_policy(jsonb) IS
    'policy that approves what the state allows';

-- Sets the function that judges an event, reissue, load or confirm; NULL: the
-- default policy again.  For superusers.  It is stored by its qualified signature.
-- Errors: 42883 no such function; 42804 no policy; 42501 not a superuser's;
-- 22023 unknown event.
CREATE FUNCTION card_issuer.set_policy(event text, function regprocedure)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require_event(set_policy.event, '{reissue, load, confirm}');
    IF set_policy.function IS NULL THEN
        DELETE FROM card_issuer.policy p WHERE p.event = set_policy.event;
        RETURN;
    END IF;
    INSERT INTO card_issuer.policy (event, function)
    VALUES (set_policy.event, screissue.policy_signature(set_policy.function))
        ON CONFLICT ON CONSTRAINT policy_pkey DO UPDATE
       SET function = excluded.function;
END
$$;
COMMENT ON FUNCTION card_issuer.set_policy(text, regprocedure) IS
    'set the function that judges an event';

-- How many of the cards that led to this one, and were not taken back, were
-- replaced in the last twelve months; screissue.max_lineage at most.
CREATE FUNCTION card_issuer.recent_reissues(card screissue.card_id)
    RETURNS bigint
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
    SET timezone = 'UTC'
AS $$
DECLARE
    former screissue.card_id := card_issuer.predecessor(card);
    replaced_at timestamp with time zone;
    reissues bigint := 0;
BEGIN
    WHILE former IS NOT NULL
          AND reissues < current_setting('screissue.max_lineage')::bigint
    LOOP
        SELECT c.replaced_at INTO replaced_at
          FROM card_issuer.card c
         WHERE c.card_id = former;
        EXIT WHEN replaced_at < now() - interval '12 months';
        reissues := reissues + 1;
        former := card_issuer.predecessor(former);
    END LOOP;
    RETURN reissues;
END
$$;
COMMENT ON FUNCTION card_issuer.recent_reissues(screissue.card_id) IS
    'number of reissues of a card''s chain in the last twelve months';

-- What every policy is told of a card, beside what the event adds: the card,
-- its holder's profile, how long it is valid yet, how often the cards of its
-- chain were reissued in the last twelve months, and whom the holder does not
-- want to be told: nobody, or the providers of some applications (E13c, E56).
CREATE FUNCTION card_issuer.describe_card(card screissue.card_id)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT jsonb_build_object(
               'card', c.card_id::text,
               'status', c.status,
               'platform_type', c.platform_type,
               'valid_until', c.valid_until,
               'days_valid', c.valid_until - today(),
               'issued_at', c.issued_at,
               'holder', c.holder_id,
               'profile', h.profile,
               'reissues_in_12_months', card_issuer.recent_reissues(c.card_id),
               'opted_out', c.opted_out_at IS NOT NULL,
               'opt_outs', to_jsonb((card_issuer.get_opt_outs(card)).opt_outs
                                    ::text[]))
      FROM card_issuer.card c
      LEFT JOIN card_issuer.holder h ON h.holder_id = c.holder_id
     WHERE c.card_id = describe_card.card
$$;
COMMENT ON FUNCTION card_issuer.describe_card(screissue.card_id) IS
    'what a policy is told of a card';

-- What a policy is told of an earlier examination.
CREATE FUNCTION card_issuer.describe_examination(
    card screissue.card_id,
    examination_id bigint)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT jsonb_build_object(
               'approved', x.approved,
               'reason', x.reason,
               'examined_at', x.examined_at,
               'valid_until', x.valid_until,
               'examiner', x.examiner)
      FROM card_issuer.examination x
     WHERE x.card_id = card
       AND x.examination_id = describe_examination.examination_id
$$;
COMMENT ON FUNCTION
    card_issuer.describe_examination(screissue.card_id, bigint) IS
    'what a policy is told of an earlier examination';

-- The examination that counts for the load that a reload would inherit; NULL:
-- there is none (R48).
CREATE FUNCTION card_issuer.describe_old_examination(
    message screissue.message_id)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT card_issuer.describe_examination(m.card_id, m.examination_id)
      FROM card_issuer.made_examination(message) m
$$;
COMMENT ON FUNCTION
    card_issuer.describe_old_examination(screissue.message_id) IS
    'what a policy is told of an old load''s examination';

-- The newest examination for a reissue: of this card, else of the one that it
-- replaced; NULL: there is none.
CREATE FUNCTION card_issuer.describe_last_reissue(card screissue.card_id)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT card_issuer.describe_examination(x.card_id, x.examination_id)
      FROM card_issuer.examination x
     WHERE x.card_id IN (card, card_issuer.predecessor(card))
       AND x.event = 'reissue'
     ORDER BY x.card_id = card DESC, x.examination_id DESC
     LIMIT 1
$$;
COMMENT ON FUNCTION card_issuer.describe_last_reissue(screissue.card_id) IS
    'what a policy is told of the last examination for a reissue';

-- The function set for an event; NULL: the default policy.
CREATE FUNCTION card_issuer.policy_of(event text)
    RETURNS text
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT p.function
      FROM card_issuer.policy p
     WHERE p.event = policy_of.event
$$;
COMMENT ON FUNCTION card_issuer.policy_of(text) IS
    'function that judges an event';
