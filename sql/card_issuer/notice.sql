-- Notices to providers (R19-R21, R28-R30; Fig. 12)

CREATE TYPE card_issuer.draft_notice AS (
    provider screissue.company_id,
    kind text,
    platform_type integer,
    new_card_id screissue.card_id,
    old_card_id screissue.card_id,
    old_platform_type integer,
    app_id screissue.app_id,
    message_id screissue.message_id,
    reason text);
COMMENT ON TYPE card_issuer.draft_notice IS
    'notice that is not yet numbered, and may not be for sending';

-- Do notices go to this provider at all?
CREATE FUNCTION card_issuer.takes_notices(provider screissue.company_id)
    RETURNS boolean
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RETURN card_issuer.contract_in_force(takes_notices.provider)
       AND EXISTS (SELECT
                     FROM card_issuer.provider p
                    WHERE p.provider = takes_notices.provider
                      AND p.delivery IN ('push', 'pull'));
END
$$;
COMMENT ON FUNCTION card_issuer.takes_notices(screissue.company_id) IS
    'true if notices go to a provider';

-- May a notice about a card of this platform go to this provider?
CREATE FUNCTION card_issuer.notice_is_due(
    provider screissue.company_id,
    platform_type integer)
    RETURNS boolean
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RETURN coalesce(screissue.method_of(notice_is_due.platform_type) = 1, false)
       AND card_issuer.takes_notices(notice_is_due.provider);
END
$$;
COMMENT ON FUNCTION
    card_issuer.notice_is_due(screissue.company_id, integer) IS
    'true if notices about cards of a platform go to a provider';

-- Who changes whether a provider gets notices takes turns with those who write
-- them.  By an update that changes nothing: a transaction whose snapshot is
-- older than another's turn gets 40001.
CREATE FUNCTION card_issuer.take_turn(provider screissue.company_id)
    RETURNS void
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    UPDATE card_issuer.notice_counter k
       SET last_notice_no = k.last_notice_no
     WHERE k.provider = take_turn.provider
$$;
COMMENT ON FUNCTION card_issuer.take_turn(screissue.company_id) IS
    'take the turn of writing to a provider';

CREATE FUNCTION card_issuer.raise_transferred()
    RETURNS void
    LANGUAGE c
    VOLATILE
    AS 'MODULE_PATHNAME', 'screissue_raise_transferred';
COMMENT ON FUNCTION card_issuer.raise_transferred() IS
    'error 40001 for an application';

-- Writes the notices that are due, numbers them densely, returns how many.
-- To be called last: the counter's row lock makes commit order number order.
-- Counters are locked in the order of providers, so that two calls cannot
-- deadlock, and updated even where nothing is due, as take_turn does.
-- Errors: 40001 an application was transferred, or a provider's turn taken, since
-- the snapshot was taken.
CREATE FUNCTION card_issuer.write_notices(drafts card_issuer.draft_notice[])
    RETURNS integer
    LANGUAGE c
    VOLATILE
    AS 'MODULE_PATHNAME', 'screissue_write_notices';
COMMENT ON FUNCTION card_issuer.write_notices(card_issuer.draft_notice[]) IS
    'number and write the notices that are due (steps 403, 505)';

-- What a provider was last told that each card inherits for each application:
-- by the card's own notice, or handed back to it by a withdrawal; message_id
-- is NULL if the last word was that it is withdrawn.  A renewal says nothing
-- about what is inherited.
CREATE FUNCTION card_issuer.last_told(
    of_provider screissue.company_id,
    OUT card_id text,
    OUT app_id text,
    OUT message_id text)
    RETURNS SETOF record
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    WITH sent AS (
        SELECT n.*
          FROM screissue.notice n
         WHERE n.issuer = card_issuer.own_company()::text
           AND n.provider = of_provider::text
           AND n.kind <> 'renewal'),
    word AS (
        SELECT s.new_card_id AS card_id, s.app_id, s.notice_no,
               CASE s.kind WHEN 'reissue' THEN s.message_id END AS message_id
          FROM sent s
         UNION ALL
        SELECT s.old_card_id, s.app_id, s.notice_no, s.message_id
          FROM sent s
         WHERE s.kind = 'withdrawal'
           AND s.old_card_id IS NOT NULL)
    SELECT DISTINCT ON (w.card_id, w.app_id)
           w.card_id, w.app_id, w.message_id
      FROM word w
     ORDER BY w.card_id, w.app_id, w.notice_no DESC
$$;
COMMENT ON FUNCTION card_issuer.last_told(screissue.company_id) IS
    'what a provider was last told about each card';

-- What a provider was told about one card and application, the last word first:
-- the load, or NULL.  What handed something back to the card is about a card that
-- replaced it.
CREATE FUNCTION card_issuer.words(
    to_provider screissue.company_id,
    card screissue.card_id,
    app screissue.app_id,
    OUT notice_no bigint,
    OUT message_id text)
    RETURNS SETOF record
    LANGUAGE sql
    STABLE
    ROWS 2
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    WITH told AS (
        SELECT n.notice_no, n.kind, n.message_id, true AS as_new
          FROM screissue.notice n
         WHERE n.new_card_id = card::text
           AND n.kind <> 'renewal'
           AND n.issuer = card_issuer.own_company()::text
           AND n.provider = to_provider::text
           AND n.app_id = app::text
         UNION ALL
        SELECT n.notice_no, n.kind, n.message_id, false
          FROM card_issuer.reissue_request r
          JOIN screissue.notice n ON n.new_card_id = r.new_card_id::text
         WHERE r.old_card_id = card
           AND n.old_card_id = card::text
           AND n.kind = 'withdrawal'
           AND n.issuer = card_issuer.own_company()::text
           AND n.provider = to_provider::text
           AND n.app_id = app::text)
    SELECT t.notice_no,
           CASE WHEN t.kind = 'reissue' OR NOT t.as_new THEN t.message_id END
      FROM told t
     ORDER BY t.notice_no DESC
$$;
COMMENT ON FUNCTION card_issuer.words(
    screissue.company_id, screissue.card_id, screissue.app_id) IS
    'what a provider was told about a card and an application';

-- Writes the notices that a provider should have had, had its contract been
-- in force and its delivery push or pull all the time (R30): withdrawals of
-- what it was told, where the holder opted out of that very load only, then
-- entitlements not yet used of which it was not told, not even by a withdrawal
-- that handed them back.  A card that is known for a load of its own, which was
-- handed back to it, keeps that unless it is revoked.  What a withdrawal hands
-- back the old card has: so none of them calls for another, in whatever order
-- they are, and a second call writes nothing.
CREATE FUNCTION card_issuer.write_missed_notices(
    of_provider screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.write_notices(ARRAY(
        SELECT card_issuer.draft('withdrawal', e.card_id, o.card_id, e.app_id,
                                 m.message_id)
          FROM card_issuer.last_told(of_provider) t
          JOIN card_issuer.application a ON a.app_id = t.app_id::app_id
          JOIN card_issuer.entitlement e
            ON e.card_id = t.card_id::card_id AND e.app_id = a.app_id
          JOIN card_issuer.card c ON c.card_id = e.card_id
          LEFT JOIN card_issuer.app_load own
            ON own.card_id = e.card_id
           AND own.message_id = t.message_id::message_id
          LEFT JOIN card_issuer.app_load l
            ON l.card_id = e.card_id
           AND l.app_id = e.app_id
           AND l.status = 'loaded'
           AND c.status = 'revoked'
           AND e.opted_out_at IS NULL
         CROSS JOIN LATERAL (
               SELECT coalesce(l.message_id, own.message_id, e.message_id))
               m (message_id)
          LEFT JOIN card_issuer.card o
            ON o.card_id = c.replaces
           AND o.status <> 'revoked'
           AND e.withdrawn_at IS NOT NULL
           AND EXISTS (SELECT
                         FROM card_issuer.inheritable_load i
                        WHERE i.card_id = c.replaces
                          AND i.app_id = e.app_id
                          AND i.message_id = m.message_id)
         WHERE a.provider = of_provider
           AND CASE WHEN e.opted_out_at IS NOT NULL
                        THEN e.used_at IS NULL
                             AND t.message_id = e.message_id::text
                    WHEN e.withdrawn_at IS NOT NULL
                        THEN t.message_id IS NOT NULL
                             AND (own.message_id IS NULL
                                  OR c.status = 'revoked')
               END
         ORDER BY coalesce(e.withdrawn_at, e.opted_out_at), e.hops DESC,
                  e.card_id, e.app_id));
    PERFORM card_issuer.write_notices(ARRAY(
        SELECT card_issuer.draft_inherited(e.card_id, e.old_card_id, e.app_id,
                                           e.message_id)
          FROM card_issuer.application a
          JOIN card_issuer.entitlement e ON e.app_id = a.app_id
          JOIN card_issuer.card c ON c.card_id = e.card_id
          LEFT JOIN card_issuer.last_told(of_provider) t
            ON t.card_id = e.card_id::text AND t.app_id = e.app_id::text
         WHERE a.provider = of_provider
           AND e.used_at IS NULL
           AND e.withdrawn_at IS NULL
           AND e.opted_out_at IS NULL
           AND c.status NOT IN ('replaced', 'revoked')
           AND screissue.method_of(c.platform_type) = 1
           AND (t.message_id = e.message_id::text) IS NOT TRUE
         ORDER BY e.granted_at, e.card_id, e.app_id));
END
$$;
COMMENT ON FUNCTION
    card_issuer.write_missed_notices(screissue.company_id) IS
    'write the notices held back from a provider';

-- Raises unless the caller may have the provider's notices: 42501 not the
-- caller's provider; SR002 unknown, or its contract is not in force (operators
-- may read on).
CREATE FUNCTION card_issuer.require_reader(provider screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.require_acts_for(require_reader.provider);
    PERFORM card_issuer.require_provider(require_reader.provider);
    IF NOT card_issuer.is_operator(calling_role()) THEN
        PERFORM card_issuer.require_contract(require_reader.provider);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.require_reader(screissue.company_id) IS
    'check that the caller may have the notices of a provider';

-- Remembers how far a provider is: what it was given, and that it asked for what
-- follows after_no.  A number that was never written says nothing.  Nobody waits
-- for it: not while another session does the same, and only where it cannot fail.
CREATE FUNCTION card_issuer.record_fetch(
    by_provider screissue.company_id,
    after_no bigint,
    fetched_no bigint)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF current_setting('transaction_read_only')::boolean
       OR current_setting('transaction_isolation')
              NOT IN ('read committed', 'read uncommitted')
    THEN
        RETURN;
    END IF;
    UPDATE card_issuer.notice_cursor c
       SET fetched_no = greatest(c.fetched_no, record_fetch.fetched_no),
           confirmed_no = coalesce(n.asked_no, c.confirmed_no),
           fetched_at = now()
      FROM (SELECT s.provider,
                   CASE WHEN record_fetch.after_no BETWEEN 0 AND k.last_notice_no
                        THEN record_fetch.after_no END AS asked_no
              FROM card_issuer.notice_cursor s
              JOIN card_issuer.notice_counter k ON k.provider = s.provider
             WHERE s.provider = by_provider
               FOR NO KEY UPDATE OF s SKIP LOCKED) n
     WHERE c.provider = n.provider
       AND (n.asked_no <> c.confirmed_no
            OR record_fetch.fetched_no > c.fetched_no);
END
$$;
COMMENT ON FUNCTION card_issuer.record_fetch(
    screissue.company_id, bigint, bigint) IS
    'record of how far a provider is that pulls';

-- Rows for fetch_notices, which explains them.
CREATE FUNCTION card_issuer.read_notices(
    of_provider screissue.company_id,
    after_no bigint,
    max_rows integer)
    RETURNS SETOF record
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    own CONSTANT text := card_issuer.own_company()::text;
    given bigint;
    last_no bigint;
BEGIN
    PERFORM screissue.require('provider', of_provider IS NOT NULL);
    PERFORM screissue.require('after_no', after_no IS NOT NULL);
    PERFORM screissue.require('max_rows', max_rows IS NOT NULL);
    IF max_rows < 0 THEN
        RAISE EXCEPTION 'max_rows must not be negative'
            USING ERRCODE = '22023';
    END IF;
    PERFORM card_issuer.require_reader(of_provider);
    RETURN QUERY
        SELECT n.issuer, n.provider, n.notice_no, n.kind, n.platform_type,
               n.new_card_id, n.old_card_id, n.app_id, n.message_id,
               n.reason, n.noted_at
          FROM screissue.notice n
         WHERE n.issuer = own
           AND n.provider = of_provider::text
           AND n.notice_no > after_no
         ORDER BY n.notice_no
         LIMIT max_rows;
    GET DIAGNOSTICS given = ROW_COUNT;

    IF card_issuer.is_operator(calling_role()) THEN
        RETURN;
    END IF;
    -- What was committed meanwhile comes after what was given.
    SELECT n.notice_no INTO last_no
      FROM screissue.notice n
     WHERE n.issuer = own
       AND n.provider = of_provider::text
       AND n.notice_no > after_no
     ORDER BY n.notice_no
     LIMIT least(given, 1)
    OFFSET greatest(given - 1, 0);
    PERFORM card_issuer.record_fetch(of_provider, after_no, last_no);
END
$$;
COMMENT ON FUNCTION
    card_issuer.read_notices(screissue.company_id, bigint, integer) IS
    'rows of fetch_notices';

-- Pull (R28-R30): the provider's notices with numbers above after_no, in
-- order, at most max_rows, exactly as a subscription would deliver them.  How far
-- the provider is, card_issuer.delivery shows.
-- Errors: 42501 not the caller's provider; SR002 unknown, or its contract is
-- not in force (operators may read on); 22023.
CREATE FUNCTION card_issuer.fetch_notices(
    provider screissue.company_id,
    after_no bigint,
    max_rows integer DEFAULT 1000)
    RETURNS TABLE (
        issuer text,
        provider text,
        notice_no bigint,
        kind text,
        platform_type integer,
        new_card_id text,
        old_card_id text,
        app_id text,
        message_id text,
        reason text,
        noted_at timestamp with time zone)
    LANGUAGE sql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT n.*
      FROM card_issuer.read_notices($1, $2, $3) n (
               issuer text, provider text, notice_no bigint, kind text,
               platform_type integer, new_card_id text, old_card_id text,
               app_id text, message_id text, reason text,
               noted_at timestamp with time zone)
$$;
COMMENT ON FUNCTION
    card_issuer.fetch_notices(screissue.company_id, bigint, integer) IS
    'notices of a provider after a number';
