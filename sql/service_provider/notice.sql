-- Notices at the service provider (R20-R22, R28-R30; Fig. 6 steps 601, 602)

-- Landing by replication.  In the worker of a subscription a row that is
-- inserted into screissue.notice lands in service_provider.reissue_notice or
-- service_provider.quarantined_notice and goes no further; in other sessions
-- the triggers do nothing.  No search_path is set: the C code names everything
-- in full, and setting it took about a tenth of an apply worker's time.

CREATE FUNCTION service_provider.land_notice()
    RETURNS trigger
    LANGUAGE c
    VOLATILE
    AS 'MODULE_PATHNAME', 'screissue_land_notice';
COMMENT ON FUNCTION service_provider.land_notice() IS
    'trigger that takes in the notices that a subscription delivers';

CREATE FUNCTION service_provider.guard_notice()
    RETURNS trigger
    LANGUAGE c
    VOLATILE
    AS 'MODULE_PATHNAME', 'screissue_guard_notice';
COMMENT ON FUNCTION service_provider.guard_notice() IS
    'trigger that keeps subscriptions from changing or removing notices';

-- Puts the triggers on screissue.notice; for setup(), which enables them for
-- workers of subscriptions, too.
CREATE FUNCTION service_provider.create_landing_triggers()
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    CREATE OR REPLACE TRIGGER land_notice
        BEFORE INSERT ON screissue.notice
        FOR EACH ROW EXECUTE FUNCTION service_provider.land_notice();
    CREATE OR REPLACE TRIGGER guard_notice
        BEFORE UPDATE OR DELETE ON screissue.notice
        FOR EACH ROW EXECUTE FUNCTION service_provider.guard_notice();
    CREATE OR REPLACE TRIGGER guard_notices
        BEFORE TRUNCATE ON screissue.notice
        FOR EACH STATEMENT EXECUTE FUNCTION service_provider.guard_notice();
END
$$;
COMMENT ON FUNCTION service_provider.create_landing_triggers() IS
    'triggers on the wire table, for setup()';

-- Takes in one notice, in the columns of the wire, that another carrier than
-- replication brought: pull, file, paper, or inquiry for the answer of Fig. 19,
-- which has no number of the issuer's and comes with a negative one.  Returns
-- stored; duplicate if the same notice was there, which is counted (E19); or
-- quarantined, with the cause in service_provider.quarantined_notice: nothing
-- in the content raises.  Causes: "unparsable: COLUMN" (missing, or not of its
-- type), wrong_provider (for somebody else: only issuer, number and SHA-256
-- digest are kept, E24), unknown_issuer, wrong_subscription (replication only,
-- E23), wrong_message_id (a permission of other parties, and not of a former
-- provider of the application that accept_transfer named, E14), contradiction
-- (the number is that of another notice, E19).
-- Errors: SR001; 22023 unknown carrier; 25006.
CREATE FUNCTION service_provider.receive_notice(
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
    noted_at timestamp with time zone,
    carrier text)
    RETURNS text
    LANGUAGE c
    VOLATILE
    COST 100
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
    AS 'MODULE_PATHNAME', 'screissue_receive_notice';
COMMENT ON FUNCTION
    service_provider.receive_notice(text, text, bigint, text, integer, text,
                                    text, text, text, text,
                                    timestamp with time zone, text) IS
    'landing of a notice that was pulled, or came by file or on paper (Fig. 6 steps 601, 602)';

-- Gaps in the numbers of the notices received from an issuer, as the view
-- notice_gap has them.
-- Errors: SR001; SR002 unknown issuer; 22023.
CREATE FUNCTION service_provider.missing_notices(
    issuer screissue.company_id,
    OUT from_no bigint,
    OUT to_no bigint)
    RETURNS SETOF record
    LANGUAGE plpgsql
    STABLE
    ROWS 10
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('issuer', missing_notices.issuer IS NOT NULL);
    PERFORM service_provider.require_issuer(missing_notices.issuer);
    RETURN QUERY
        SELECT g.from_no, g.to_no
          FROM service_provider.notice_gap g
         WHERE g.issuer = missing_notices.issuer;
END
$$;
COMMENT ON FUNCTION service_provider.missing_notices(screissue.company_id) IS
    'gaps in the numbers of an issuer''s notices';

-- The values of the wire that are no texts, read from texts; unparsable is the
-- first one that is not of its type, and then those behind it are null.
CREATE FUNCTION service_provider.read_values(
    notice_no text,
    platform_type text,
    noted_at text,
    OUT number bigint,
    OUT platform integer,
    OUT noted timestamp with time zone,
    OUT unparsable text)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    unparsable := 'notice_no';
    number := read_values.notice_no::bigint;
    unparsable := 'platform_type';
    platform := read_values.platform_type::integer;
    unparsable := 'noted_at';
    noted := read_values.noted_at::timestamptz;
    unparsable := NULL;
EXCEPTION WHEN data_exception THEN
    NULL;
END
$$;
COMMENT ON FUNCTION service_provider.read_values(text, text, text) IS
    'values of a notice that are no texts';

-- Lands a notice as the issuer's server gave it, and returns its number.  What
-- is not of its type goes to quarantine: the cause names it, and the rest is
-- kept unless the notice is for somebody else (E24, E37).
CREATE FUNCTION service_provider.land_pulled(notice jsonb)
    RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    value CONSTANT record := service_provider.read_values(
        notice ->> 'notice_no', notice ->> 'platform_type',
        notice ->> 'noted_at');
    is_ours boolean;
BEGIN
    IF value.unparsable IS NOT NULL THEN
        is_ours := upper(notice ->> 'provider')
                   IS NOT DISTINCT FROM service_provider.own_company()::text;
        INSERT INTO service_provider.quarantined_notice
               (issuer, notice_no, digest, carrier, cause, received_at,
                provider, kind, platform_type, new_card_id, old_card_id,
                app_id, message_id, reason, noted_at)
        SELECT notice ->> 'issuer', notice ->> 'notice_no',
               sha256(convert_to(notice::text, 'UTF8')), 'pull',
               'unparsable: ' || value.unparsable, now(),
               n.provider, n.kind, n.platform_type, n.new_card_id,
               n.old_card_id, n.app_id, n.message_id, n.reason, n.noted_at
          FROM jsonb_to_record(CASE WHEN is_ours THEN notice ELSE '{}' END)
               n (provider text, kind text, platform_type text,
                  new_card_id text, old_card_id text, app_id text,
                  message_id text, reason text, noted_at text);
        RETURN value.number;
    END IF;
    PERFORM service_provider.receive_notice(
        issuer => notice ->> 'issuer',
        provider => notice ->> 'provider',
        notice_no => value.number,
        kind => notice ->> 'kind',
        platform_type => value.platform,
        new_card_id => notice ->> 'new_card_id',
        old_card_id => notice ->> 'old_card_id',
        app_id => notice ->> 'app_id',
        message_id => notice ->> 'message_id',
        reason => notice ->> 'reason',
        noted_at => value.noted,
        carrier => 'pull');
    RETURN value.number;
END
$$;
COMMENT ON FUNCTION service_provider.land_pulled(jsonb) IS
    'landing of a notice that was pulled';

-- Lands the notices of an issuer that follow a number, up to another if that is
-- given, at most max_rows, as its foreign server gives them; how many came, and
-- the highest number.
CREATE FUNCTION service_provider.pull_batch(
    server name,
    after_no bigint,
    up_to bigint,
    max_rows bigint,
    OUT fetched bigint,
    OUT last_no bigint)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    query CONSTANT text := format(
        'SELECT pg_catalog.to_jsonb(n) FROM card_issuer.fetch_notices('
        'provider => %L, after_no => %s, max_rows => %s) n',
        service_provider.own_company(), after_no, max_rows)
        || coalesce(' WHERE n.notice_no OPERATOR(pg_catalog.<=) ' || up_to, '');
    notice jsonb;
BEGIN
    fetched := 0;
    last_no := after_no;
    FOR notice IN
        SELECT r.* FROM screissue.remote_rows(server, query) r
    LOOP
        fetched := fetched + 1;
        last_no := greatest(last_no, service_provider.land_pulled(notice));
    END LOOP;
END
$$;
COMMENT ON FUNCTION
    service_provider.pull_batch(name, bigint, bigint, bigint) IS
    'landing of some notices from an issuer''s foreign server';

-- The same for all of them.
-- Errors: 08P01 the server repeats itself.
CREATE FUNCTION service_provider.pull_range(
    server name,
    after_no bigint,
    up_to bigint,
    OUT fetched bigint,
    OUT last_no bigint)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    max_rows CONSTANT bigint := 1000;
    wanted bigint;
    batch record;
BEGIN
    fetched := 0;
    last_no := after_no;
    LOOP
        wanted := least(max_rows, up_to - last_no);
        EXIT WHEN wanted < 1;
        batch := service_provider.pull_batch(server, last_no, up_to, wanted);
        fetched := fetched + batch.fetched;
        EXIT WHEN batch.fetched = 0;
        IF batch.last_no = last_no THEN
            RAISE EXCEPTION 'server "%" does not go on after notice %',
                server, last_no
                USING ERRCODE = '08P01';
        END IF;
        last_no := batch.last_no;
        EXIT WHEN batch.fetched < wanted;
    END LOOP;
END
$$;
COMMENT ON FUNCTION service_provider.pull_range(name, bigint, bigint) IS
    'landing of a range of notices from an issuer''s foreign server';

-- Takes the turn of pulling from an issuer: its foreign server, and the cursor.
-- Errors: SR001; SR002 unknown issuer; 55000 issuer without a server; 22023.
CREATE FUNCTION service_provider.begin_pull(
    issuer screissue.company_id,
    OUT server name,
    OUT last_notice_no bigint)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('issuer', begin_pull.issuer IS NOT NULL);
    PERFORM service_provider.require_issuer(begin_pull.issuer);
    SELECT i.server, i.last_notice_no
      INTO STRICT begin_pull.server, begin_pull.last_notice_no
      FROM service_provider.issuer i
     WHERE i.issuer = begin_pull.issuer
       FOR NO KEY UPDATE;
    IF begin_pull.server IS NULL THEN
        RAISE EXCEPTION 'issuer "%" has no server', begin_pull.issuer
            USING ERRCODE = '55000',
                  HINT = 'Name its foreign server with service_provider.register_issuer.';
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.begin_pull(screissue.company_id) IS
    'turn of pulling notices from an issuer';

-- Moves the cursor of an issuer on to a number.
CREATE FUNCTION service_provider.end_pull(
    issuer screissue.company_id,
    last_no bigint)
    RETURNS void
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    UPDATE service_provider.issuer i
       SET last_notice_no = last_no
     WHERE i.issuer = end_pull.issuer
       AND i.last_notice_no < last_no
$$;
COMMENT ON FUNCTION
    service_provider.end_pull(screissue.company_id, bigint) IS
    'cursor after a pull';

-- Pull (R28-R30): asks the issuer's foreign server for the notices that follow
-- the last one fetched and lands them; returns how many came.  Two pulls from
-- one issuer take turns.
-- Errors: SR001; SR002 unknown issuer; 55000 issuer without a server; 08P01
-- the server repeats itself; 0A000 no dblink; what the connection raises.
CREATE FUNCTION service_provider.pull_notices(issuer screissue.company_id)
    RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    contract CONSTANT record :=
        service_provider.begin_pull(pull_notices.issuer);
    pulled record;
BEGIN
    pulled := service_provider.pull_range(
        contract.server, contract.last_notice_no, NULL);
    PERFORM service_provider.end_pull(pull_notices.issuer, pulled.last_no);
    RETURN pulled.fetched;
END
$$;
COMMENT ON FUNCTION service_provider.pull_notices(screissue.company_id) IS
    'fetching and landing of the notices that an issuer has for us';

-- The numbers of an issuer's notices that we do not have: between those that we
-- have, and after the last (up_to NULL).  What was pulled into quarantine and is
-- not resolved, we have: it would come out the same.
CREATE FUNCTION service_provider.unknown_notices(
    of_issuer screissue.company_id,
    OUT after_no bigint,
    OUT up_to bigint)
    RETURNS SETOF record
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    WITH known AS (
        SELECT n.notice_no
          FROM service_provider.reissue_notice n
         WHERE n.issuer = of_issuer
           AND n.notice_no > 0
         UNION
        SELECT CASE WHEN q.notice_no ~ '^[1-9][0-9]{0,17}$'
                    THEN q.notice_no::bigint END
          FROM service_provider.quarantined_notice q
         WHERE q.issuer = of_issuer::text
           AND q.carrier = 'pull'
           AND q.resolved_at IS NULL
           AND q.notice_no ~ '^[1-9][0-9]{0,17}$')
    SELECT gap.after_no, gap.up_to
      FROM (SELECT lag(k.notice_no, 1, 0::bigint) OVER in_order AS after_no,
                   k.notice_no - 1 AS up_to
              FROM known k
            WINDOW in_order AS (ORDER BY k.notice_no)) gap
     WHERE gap.after_no < gap.up_to
     UNION ALL
    SELECT coalesce(max(k.notice_no), 0::bigint), NULL
      FROM known k
     ORDER BY after_no
$$;
COMMENT ON FUNCTION service_provider.unknown_notices(screissue.company_id) IS
    'ranges of numbers of which we have no notice';

-- Fetches what was lost (E59): asks the issuer's foreign server for the notices
-- that we do not have, wherever the cursor stands, and lands them; returns how
-- many came.  That is what missing_notices reports, what follows the last notice
-- of each epoch, and what was sent since.  Repeatable; takes turns with pulls.
-- Errors: as pull_notices.
CREATE FUNCTION service_provider.backfill(issuer screissue.company_id)
    RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    contract CONSTANT record := service_provider.begin_pull(backfill.issuer);
    total bigint := 0::bigint;
    gap record;
    pulled record;
BEGIN
    FOR gap IN
        SELECT u.after_no, u.up_to
          FROM service_provider.unknown_notices(backfill.issuer) u
         ORDER BY u.after_no
    LOOP
        pulled := service_provider.pull_range(
            contract.server, gap.after_no, gap.up_to);
        total := total + pulled.fetched;
    END LOOP;
    -- The last range has no end: up to there nothing is missing any more.
    PERFORM service_provider.end_pull(backfill.issuer, pulled.last_no);
    RETURN total;
END
$$;
COMMENT ON FUNCTION service_provider.backfill(screissue.company_id) IS
    'fetching and landing of the notices of an issuer that we do not have';
