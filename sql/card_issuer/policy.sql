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

-- Sets the function that judges an event, reissue or load; NULL: the default
-- policy again.  For superusers.  It is stored by its qualified signature.
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
    PERFORM screissue.require_event(set_policy.event, '{reissue, load}');
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
-- chain were reissued in the last twelve months, and whether the holder wants
-- providers to be told (E13, E56).
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
               'opted_out', c.opted_out_at IS NOT NULL)
      FROM card_issuer.card c
      LEFT JOIN card_issuer.holder h ON h.holder_id = c.holder_id
     WHERE c.card_id = describe_card.card
$$;
COMMENT ON FUNCTION card_issuer.describe_card(screissue.card_id) IS
    'what a policy is told of a card';

-- What a policy is told of the examination of the load that a reload would
-- inherit; NULL: there is none (R48).
CREATE FUNCTION card_issuer.describe_examination(
    message screissue.message_id)
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
      FROM card_issuer.app_load l
      JOIN card_issuer.examination x
        ON x.card_id = l.card_id AND x.examination_id = l.examination_id
     WHERE l.message_id = message
$$;
COMMENT ON FUNCTION card_issuer.describe_examination(screissue.message_id) IS
    'what a policy is told of an old load''s examination';

-- The verdict of an event's policy, and which one it was, as call_policy has
-- it; the default one has no SHA-256.
CREATE FUNCTION card_issuer.ask_policy(
    event text,
    request jsonb,
    OUT approved boolean,
    OUT reason text,
    OUT valid_for interval,
    OUT policy text,
    OUT policy_sha256 text)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    SELECT p.function INTO ask_policy.policy
      FROM card_issuer.policy p
     WHERE p.event = ask_policy.event;
    IF FOUND THEN
        SELECT c.approved, c.reason, c.valid_for, c.policy_sha256
          INTO STRICT ask_policy.approved, ask_policy.reason,
               ask_policy.valid_for, ask_policy.policy_sha256
          FROM screissue.call_policy(ask_policy.policy, ask_policy.request) c;
    ELSE
        ask_policy.policy := 'card_issuer.default_policy(jsonb)';
        SELECT d.approved, d.reason, d.valid_for
          INTO STRICT ask_policy.approved, ask_policy.reason,
               ask_policy.valid_for
          FROM card_issuer.default_policy(ask_policy.request) d;
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.ask_policy(text, jsonb) IS
    'verdict of the policy of an event';
