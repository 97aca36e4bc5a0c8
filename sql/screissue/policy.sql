-- Policies: functions that judge requests, at the card issuer and at providers
-- (R15, R50; design 9)
--
-- A policy is f(request jsonb) RETURNS screissue.verdict.  It runs with the
-- rights of the extension's owner, so only superusers set one, and only a
-- function that a superuser owns is called.

-- The function of a signature, if it is a policy that may be called.
-- Errors: 42883 there is none; 42804 it is no policy; 42501 its owner is not
-- superuser.
CREATE FUNCTION screissue.require_policy(signature text)
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
COMMENT ON FUNCTION screissue.require_policy(text) IS
    'check of a policy function';

-- Raises 22023 unless there is a policy for the event.
CREATE FUNCTION screissue.require_event(event text, events text[])
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('event', require_event.event IS NOT NULL);
    IF require_event.event <> ALL (events) THEN
        RAISE EXCEPTION 'there is no policy for event "%"', require_event.event
            USING ERRCODE = '22023',
                  HINT = format('The events here: %s.',
                                array_to_string(events, ', '));
    END IF;
END
$$;
COMMENT ON FUNCTION screissue.require_event(text, text[]) IS
    'check of an event that a policy judges';

-- The qualified signature by which a policy is stored.  Errors: those of
-- require_policy.
CREATE FUNCTION screissue.policy_signature(function regprocedure)
    RETURNS text
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    signature text;
BEGIN
    SELECT format('%I.%I(%s)', n.nspname, p.proname,
                  oidvectortypes(p.proargtypes))
      INTO signature
      FROM pg_proc p
      JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE p.oid = policy_signature.function;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'policy function % does not exist',
            policy_signature.function::oid
            USING ERRCODE = '42883';
    END IF;
    PERFORM screissue.require_policy(signature);
    RETURN signature;
END
$$;
COMMENT ON FUNCTION screissue.policy_signature(regprocedure) IS
    'qualified signature of a policy function';

-- The SHA-256 of a function's definition, all types in it qualified: the same for
-- every path, and however a session quotes.
CREATE FUNCTION screissue.definition_sha256(function oid)
    RETURNS text
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, pg_temp
    SET quote_all_identifiers = off
AS $$
    SELECT encode(sha256(convert_to(pg_get_functiondef(function), 'UTF8')), 'hex')
$$;
COMMENT ON FUNCTION screissue.definition_sha256(oid) IS
    'SHA-256 of the definition of a function';

-- The verdict of a policy, and the SHA-256 of its definition.  A policy may not
-- lead us to what others have put elsewhere: its search_path is its own affair.
-- Errors: what the policy raises; 22004 it returns NULL; 22023 its verdict is
-- valid for no time; 55000 it leaves another search_path behind; those of
-- require_policy.
CREATE FUNCTION screissue.call_policy(
    signature text,
    request jsonb,
    OUT approved boolean,
    OUT reason text,
    OUT valid_for interval,
    OUT policy_sha256 text)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    policy_oid CONSTANT oid := screissue.require_policy(signature);
    path CONSTANT text := current_setting('search_path');
    verdicts integer;
BEGIN
    call_policy.policy_sha256 := screissue.definition_sha256(policy_oid);
    EXECUTE format('SELECT (p.v).approved, (p.v).reason, (p.v).valid_for'
                   '  FROM (SELECT %s($1) AS v OFFSET 0) p'
                   ' WHERE p.v IS DISTINCT FROM NULL',
                   left(signature, - length('(jsonb)')))
       INTO call_policy.approved, call_policy.reason, call_policy.valid_for
      USING call_policy.request;
    GET DIAGNOSTICS verdicts = ROW_COUNT;
    IF pg_catalog.current_setting('search_path') OPERATOR(pg_catalog.<>) path THEN
        RAISE EXCEPTION 'policy "%" changed the search_path', signature
            USING ERRCODE = '55000',
                  HINT = 'Give the function a SET search_path in place of it.';
    END IF;
    IF verdicts = 0 THEN
        RAISE EXCEPTION 'policy "%" came to no verdict', signature
            USING ERRCODE = '22004',
                  HINT = 'To leave a decision open a policy returns a verdict that has approved NULL.';
    END IF;
    PERFORM screissue.check_valid_for(call_policy.valid_for);
END
$$;
COMMENT ON FUNCTION screissue.call_policy(text, jsonb) IS
    'verdict of a policy function';
