-- What the tests of the card issuer's side start from.  To be included at the
-- top of a test, inside its transaction:
--
-- issuer BANKJP; providers METRO (push), SHOP (pull) and RAIL (on request),
-- each with a role of that name in lower case; applications METRO1, METRO2,
-- SHOP1 and RAIL1 (psql variables); an operator, clerk; an auditor; nobody.
-- more_setup, set before, gives setup() more arguments.

\set METRO1 '\'D276AB0085CD01\''
\set METRO2 '\'D276AB0085CD02\''
\set SHOP1 '\'D276AC0001EF01\''
\set RAIL1 '\'D276AD0001EF01\''

SET LOCAL client_min_messages = warning;
CREATE EXTENSION screissue;
SET LOCAL search_path = screissue, public;
\if :{?more_setup}
\else
\set more_setup ''
\endif
SELECT card_issuer.setup('BANKJP', 'Bank of Japan Point' :more_setup) \g /dev/null

CREATE ROLE metro;
CREATE ROLE shop;
CREATE ROLE rail;
CREATE ROLE clerk;
CREATE ROLE auditor;
CREATE ROLE nobody;

SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro'),
       card_issuer.register_provider('SHOP', 'Shop Points', 'shop', delivery => 'pull'),
       card_issuer.register_provider('RAIL', 'Rail', 'rail', delivery => 'on_request'),
       card_issuer.grant_operator('clerk'),
       card_issuer.grant_auditor('auditor') \g /dev/null
SELECT card_issuer.register_application(:METRO1, 'METRO', 'season ticket'),
       card_issuer.register_application(:METRO2, 'METRO', 'parking'),
       card_issuer.register_application(:SHOP1, 'SHOP', 'points'),
       card_issuer.register_application(:RAIL1, 'RAIL', 'rail pass') \g /dev/null

CREATE SCHEMA t;

-- Runs a query as a role and returns its first column, as text.
CREATE FUNCTION t.run(query text, role_name name DEFAULT NULL)
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    answer text;
BEGIN
    PERFORM set_config('role', coalesce(role_name, 'none'), true);
    EXECUTE query INTO answer;
    PERFORM set_config('role', 'none', true);
    RETURN answer;
END
$$;

-- Asserts that a query raises this SQLSTATE, in the form of error texts that
-- doc/design.md promises: primary message lower case and no full stop, detail
-- and hint sentences, no card id (12 digits or more in a row) anywhere.
CREATE FUNCTION t.refused(
    query text,
    state text,
    description text,
    role_name name DEFAULT NULL)
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    got_state text := 'no error';
    message text;
    detail text;
    hint text;
    context text;
    problem text;
BEGIN
    BEGIN
        PERFORM t.run(query, role_name);
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS got_state = RETURNED_SQLSTATE,
            message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
            hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
    END;
    problem := CASE
        WHEN got_state <> state THEN 'caught: ' || got_state
        WHEN message !~ '^[a-z"]' OR message ~ '\.$' THEN 'form of the message'
        WHEN detail <> '' AND detail !~ '^[A-Z].*\.$' THEN 'form of the detail: ' || detail
        WHEN hint <> '' AND hint !~ '^[A-Z].*\.$' THEN 'form of the hint: ' || hint
        WHEN message || detail || hint || replace(context, query, '') ~ '[0-9]{12}'
            THEN 'a card id in the error'
        END;
    RETURN ok(problem IS NULL, description || ' [' || state || ']')
        || CASE WHEN problem IS NULL THEN ''
                ELSE E'\n' || diag(problem || ': ' || coalesce(message, '')) END;
END
$$;

-- Everything that is on record at the issuer, for "nothing changed".
CREATE FUNCTION t.on_record()
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT string_agg(md5(query_to_xml('SELECT * FROM ' || c.oid::regclass || ' x ORDER BY x::text',
                                       true, true, '')::text), ' '
                      ORDER BY c.oid::regclass::text)
      FROM pg_class c
     WHERE c.relnamespace IN ('card_issuer'::regnamespace, 'screissue'::regnamespace)
       AND c.relkind IN ('r', 'p')
$$;

-- Loads an application on a card; returns the message id.
CREATE FUNCTION t.load(card card_id, app app_id)
    RETURNS message_id
    LANGUAGE plpgsql
AS $$
DECLARE
    answer record;
BEGIN
    SELECT * INTO answer FROM card_issuer.permit_load(app => app, card => card);
    IF NOT answer.permitted THEN
        RAISE EXCEPTION 'load refused: %', answer.refusal;
    END IF;
    PERFORM card_issuer.confirm_load(answer.message_id);
    RETURN answer.message_id;
END
$$;

-- Loads METRO1 on a card, on record on both sides, where this database is METRO's,
-- too; returns the message id.
CREATE FUNCTION t.load_and_record(card card_id)
    RETURNS message_id
    LANGUAGE plpgsql
AS $$
DECLARE
    message CONSTANT message_id := t.load(card, 'D276AB0085CD01');
BEGIN
    PERFORM service_provider.record_load(message, 'D276AB0085CD01', card, platform_type => 100);
    RETURN message;
END
$$;

-- Permits a load and returns the message id.
CREATE FUNCTION t.permit(card card_id, app app_id)
    RETURNS message_id
    LANGUAGE sql
AS $$
    SELECT p.message_id FROM card_issuer.permit_load(app => app, card => card) p
$$;

-- Requests and carries out a reissue; returns "entitlements/notices".
CREATE FUNCTION t.reissue(
    old_card card_id,
    new_card card_id,
    platform_type integer DEFAULT NULL,
    reason reissue_reason DEFAULT 'lost')
    RETURNS text
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM card_issuer.request_reissue(old_card, reason);
    RETURN (SELECT r.entitlements || '/' || r.notices
              FROM card_issuer.reissue_card(old_card, new_card, platform_type) r);
END
$$;

-- The loading permission that a card inherits, as Fig. 19 tells an operator.
CREATE FUNCTION t.inherited(card card_id, app app_id)
    RETURNS message_id
    LANGUAGE sql
AS $$
    SELECT f.message_id FROM card_issuer.find_reissue(card, app) f
$$;

CREATE FUNCTION t.card_status(card card_id)
    RETURNS card_status
    LANGUAGE sql
AS $$
    SELECT l.status FROM card_issuer.lineage(card) l WHERE l.card_id = card
$$;

CREATE FUNCTION t.load_status(message message_id)
    RETURNS load_status
    LANGUAGE sql
AS $$
    SELECT f.status FROM card_issuer.find_load(message) f
$$;

-- Notices of a provider, one line each: number, kind, new card <- old card,
-- message id.
CREATE FUNCTION t.notices(provider company_id, after_no bigint DEFAULT 0)
    RETURNS text[]
    LANGUAGE sql
AS $$
    SELECT ARRAY(SELECT format('%s %s %s<-%s %s', n.notice_no, n.kind, n.new_card_id,
                               coalesce(n.old_card_id, '?'), n.message_id)
                   FROM card_issuer.fetch_notices(provider, after_no) n
                  ORDER BY n.notice_no)
$$;
