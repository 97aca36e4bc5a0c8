-- Which replication slots serve which provider, for the view delivery

-- Slots of this database by which a provider may stream, and how far they are.  A
-- slot is a provider's if it has the name of its publication, or that and more
-- after an underscore, which no company id contains; a slot by another name if the
-- provider's role streams from it now.  What copies tables for a new subscription is
-- none.  caught_up: the subscriber has confirmed all that any transaction which we
-- can see has written, and no initial copy is under way in this database.
--
-- On a standby it shows the slots of the standby.
CREATE FUNCTION card_issuer.provider_slots(
    OUT provider screissue.company_id,
    OUT slot_name name,
    OUT role_name name,
    OUT active boolean,
    OUT wal_status text,
    OUT safe_wal_size bigint,
    OUT lag_bytes numeric,
    OUT lag interval,
    OUT caught_up boolean)
    RETURNS SETOF record
    LANGUAGE plpgsql
    VOLATILE
    ROWS 10
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    -- Not before the snapshot of the query that calls: what is visible in it was
    -- written before here.
    written CONSTANT pg_lsn := CASE WHEN pg_is_in_recovery()
                                    THEN pg_last_wal_replay_lsn()
                                    ELSE pg_current_wal_insert_lsn() END;
BEGIN
    PERFORM card_issuer.own_company();
    RETURN QUERY
        WITH slot AS MATERIALIZED (
            SELECT t.slot_name, t.active, t.active_pid, t.wal_status,
                   t.safe_wal_size, t.confirmed_flush_lsn,
                   t.slot_name ~ '^pg_[0-9]+_sync_[0-9]+_' AS is_copy
              FROM pg_replication_slots t
             WHERE t.slot_type = 'logical'
               AND t.database = current_database()),
        sender AS MATERIALIZED (
            SELECT r.pid, r.usename, r.replay_lag
              FROM pg_stat_replication r),
        named AS MATERIALIZED (
            SELECT p.provider, p.role_name,
                   card_issuer.publication_name(p.provider)::text AS publication
              FROM card_issuer.provider p)
        SELECT n.provider, s.slot_name, r.usename, s.active, s.wal_status,
               s.safe_wal_size, written - s.confirmed_flush_lsn, r.replay_lag,
               s.confirmed_flush_lsn >= written
               AND s.wal_status <> 'lost'
               AND NOT EXISTS (SELECT FROM slot c WHERE c.is_copy)
          FROM slot s
          LEFT JOIN sender r ON r.pid = s.active_pid
          JOIN LATERAL
               (SELECT n.provider
                  FROM named n
                 WHERE n.publication = s.slot_name::text
                    OR starts_with(s.slot_name::text, n.publication || '_')
                    OR n.role_name = r.usename
                 ORDER BY n.role_name = r.usename
                 LIMIT 1) n ON true
         WHERE NOT s.is_copy
         ORDER BY n.provider, s.slot_name;
END
$$;
COMMENT ON FUNCTION card_issuer.provider_slots() IS
    'replication slots of providers';
