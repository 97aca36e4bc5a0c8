-- Policies: functions that judge requests (R15; design 9)
--
-- A policy is f(request jsonb) RETURNS screissue.verdict.  It runs with the
-- rights of the extension's owner, so only superusers set one, and only a
-- function that a superuser owns is called.

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

-- The function of a signature, if it is a policy that may be called.
-- Errors: 42883 there is none; 42804 it is no policy; 42501 its owner is not
-- superuser.
CREATE FUNCTION card_issuer.require_policy(signature text)
    RETURNS oid
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    found_function record;
BEGIN
    SELECT p.oid, r.rolsuper,
           p.prokind = 'f' AND NOT p.proretset AND p.pronargs = 1
           AND p.proargtypes[0] = 'jsonb'::regtype
           AND p.prorettype = 'screissue.verdict'::regtype AS is_policy
      INTO found_function
      FROM pg_proc p
      JOIN pg_roles r ON r.oid = p.proowner
     WHERE p.oid = to_regprocedure(signature);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'policy function "%" does not exist', signature
            USING ERRCODE = '42883';
    ELSIF NOT found_function.is_policy THEN
        RAISE EXCEPTION 'function "%" is no policy', signature
            USING ERRCODE = '42804',
                  HINT = 'A policy is a function of one jsonb that returns screissue.verdict.';
    ELSIF NOT found_function.rolsuper THEN
        RAISE EXCEPTION 'policy function "%" does not belong to a superuser',
            signature
            USING ERRCODE = '42501',
                  HINT = 'It would act with the rights of the owner of the extension.';
    END IF;
    RETURN found_function.oid;
END
$$;
COMMENT ON FUNCTION card_issuer.require_policy(text) IS
    'check of a policy function';

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
DECLARE
    signature text;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('event', set_policy.event IS NOT NULL);
    IF set_policy.event NOT IN ('reissue', 'load') THEN
        RAISE EXCEPTION 'there is no policy for event "%"', set_policy.event
            USING ERRCODE = '22023',
                  HINT = 'Events are reissue and load.';
    END IF;
    IF set_policy.function IS NULL THEN
        DELETE FROM card_issuer.policy p WHERE p.event = set_policy.event;
        RETURN;
    END IF;
    SELECT format('%I.%I(%s)', n.nspname, p.proname,
                  oidvectortypes(p.proargtypes))
      INTO signature
      FROM pg_proc p
      JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE p.oid = set_policy.function;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'policy function % does not exist',
            set_policy.function::oid
            USING ERRCODE = '42883';
    END IF;
    PERFORM card_issuer.require_policy(signature);
    INSERT INTO card_issuer.policy (event, function)
    VALUES (set_policy.event, signature)
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

-- The verdict of an event's policy, and which one it was: its signature, and
-- the SHA-256 of its definition, NULL for the default one.
-- Errors: what the policy raises; 22004 it returns NULL; those of
-- require_policy.
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
DECLARE
    verdict screissue.verdict;
    policy_oid oid;
    verdicts integer;
BEGIN
    SELECT p.function INTO ask_policy.policy
      FROM card_issuer.policy p
     WHERE p.event = ask_policy.event;
    IF NOT FOUND THEN
        verdict := card_issuer.default_policy(ask_policy.request);
        ask_policy.approved := verdict.approved;
        ask_policy.reason := verdict.reason;
        ask_policy.valid_for := verdict.valid_for;
        ask_policy.policy := 'card_issuer.default_policy(jsonb)';
        RETURN;
    END IF;

    policy_oid := card_issuer.require_policy(ask_policy.policy);
    ask_policy.policy_sha256 := encode(
        sha256(convert_to(pg_get_functiondef(policy_oid), 'UTF8')), 'hex');
    EXECUTE format('SELECT (p.v).approved, (p.v).reason, (p.v).valid_for'
                   '  FROM (SELECT %s($1) AS v OFFSET 0) p'
                   ' WHERE p.v IS DISTINCT FROM NULL',
                   left(ask_policy.policy, - length('(jsonb)')))
       INTO ask_policy.approved, ask_policy.reason, ask_policy.valid_for
      USING ask_policy.request;
    GET DIAGNOSTICS verdicts = ROW_COUNT;
    IF verdicts = 0 THEN
        RAISE EXCEPTION 'policy "%" came to no verdict', ask_policy.policy
            USING ERRCODE = '22004',
                  HINT = 'To leave a decision open a policy returns a verdict that has approved NULL.';
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.ask_policy(text, jsonb) IS
    'verdict of the policy of an event';
