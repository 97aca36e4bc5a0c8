-- Notices in quarantine: judged again, or dismissed (E19, E23, E24, E37)

-- Judges a notice by what is on record now, as the landing would that put it
-- into quarantine: one that came by replication is taken for one of the
-- subscription that delivered it.  stored; duplicate, which is counted; or the
-- cause why it is neither, and then nothing is done.
CREATE FUNCTION service_provider.land_again(
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
    carrier text,
    subscription text)
    RETURNS text
    LANGUAGE c
    VOLATILE
    COST 100
    AS 'MODULE_PATHNAME', 'screissue_land_again';
COMMENT ON FUNCTION
    service_provider.land_again(text, text, bigint, text, integer, text, text,
                                text, text, text, timestamp with time zone,
                                text, text) IS
    'landing of a notice that was in quarantine';

-- Locks a notice in quarantine that nobody has decided on.
-- Errors: SR001; 22023 no reason, unknown id; SR009 resolved.
CREATE FUNCTION service_provider.lock_quarantined(
    quarantine_id bigint,
    reason text)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    held record;
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('quarantine_id',
                              lock_quarantined.quarantine_id IS NOT NULL);
    PERFORM screissue.require('reason', lock_quarantined.reason IS NOT NULL);
    IF btrim(lock_quarantined.reason) = '' THEN
        RAISE EXCEPTION 'reason must not be empty'
            USING ERRCODE = '22023',
                  HINT = 'Say why: it is kept with the notice.';
    END IF;
    SELECT q.resolution, q.resolved_at, q.decided_by INTO held
      FROM service_provider.quarantined_notice q
     WHERE q.quarantine_id = lock_quarantined.quarantine_id
       FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no notice % is in quarantine', quarantine_id
            USING ERRCODE = '22023',
                  HINT = 'See service_provider.quarantine for what is.';
    END IF;
    IF held.resolved_at IS NOT NULL THEN
        RAISE EXCEPTION 'notice % in quarantine is resolved already',
            quarantine_id
            USING ERRCODE = 'SR009',
                  DETAIL = format('It was %s, by %s.',
                                  coalesce(held.resolution, 'resolved'),
                                  coalesce(held.decided_by, 'somebody'));
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.lock_quarantined(bigint, text) IS
    'lock a notice in quarantine, for a decision';

-- Puts on record what was decided.  Without a resolution the notice stays.
CREATE FUNCTION service_provider.record_decision(
    quarantine_id bigint,
    resolution text,
    cause text,
    reason text,
    decided_by text)
    RETURNS void
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    UPDATE service_provider.quarantined_notice q
       SET resolved_at = CASE WHEN record_decision.resolution IS NOT NULL
                              THEN now() END,
           resolution = record_decision.resolution,
           cause = coalesce(record_decision.cause, q.cause),
           decided_at = now(),
           decided_by = coalesce(record_decision.decided_by,
                                 screissue.calling_role()::text),
           decision_reason = record_decision.reason
     WHERE q.quarantine_id = record_decision.quarantine_id
$$;
COMMENT ON FUNCTION service_provider.record_decision(
    bigint, text, text, text, text) IS
    'record of a decision on a notice in quarantine';

-- Judges a notice in quarantine again, by what is on record now, and returns
-- what receive_notice does: stored, with the carrier that brought it and the
-- present time; duplicate; or quarantined, and then it stays where it is, with
-- the cause of now.  Who decided that, when and why are kept (E23, E37).
-- Errors: SR001; 22023 unknown id, no reason; SR009 resolved already, or only
-- a digest was kept (E24); 25006.
CREATE FUNCTION service_provider.retry_notice(
    quarantine_id bigint,
    reason text,
    decided_by text DEFAULT NULL)
    RETURNS text
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    held record;
    result text;
    landed boolean;
BEGIN
    PERFORM service_provider.lock_quarantined(
        retry_notice.quarantine_id, retry_notice.reason);
    SELECT q.*, v.number, v.platform, v.noted, v.unparsable
      INTO STRICT held
      FROM service_provider.quarantined_notice q
     CROSS JOIN LATERAL service_provider.read_values(
               q.notice_no, q.platform_type, q.noted_at) v
     WHERE q.quarantine_id = retry_notice.quarantine_id;
    IF held.digest IS NOT NULL AND held.provider IS NULL THEN
        RAISE EXCEPTION 'of notice % in quarantine only a digest was kept',
            quarantine_id
            USING ERRCODE = 'SR009',
                  HINT = 'Dismiss it with service_provider.dismiss_notice(), and let the issuer send it again if it was for you.';
    END IF;

    result := CASE WHEN held.unparsable IS NULL
        THEN service_provider.land_again(
                 held.issuer, held.provider, held.number, held.kind,
                 held.platform, held.new_card_id, held.old_card_id,
                 held.app_id, held.message_id, held.reason, held.noted,
                 held.carrier, held.subscription)
        ELSE 'unparsable: ' || held.unparsable END;
    landed := result IN ('stored', 'duplicate');
    PERFORM service_provider.record_decision(
        retry_notice.quarantine_id,
        resolution => CASE WHEN landed THEN result END,
        cause => CASE WHEN NOT landed THEN result END,
        reason => retry_notice.reason,
        decided_by => retry_notice.decided_by);
    RETURN CASE WHEN landed THEN result ELSE 'quarantined' END;
END
$$;
COMMENT ON FUNCTION service_provider.retry_notice(bigint, text, text) IS
    'another judgement of a notice in quarantine';

-- Closes the case of a notice in quarantine that is not to be believed.  It is
-- kept, with who dismissed it, when and why.  If it was pulled, a backfill asks
-- for its number again.
-- Errors: SR001; 22023 unknown id, no reason; SR009 resolved already; 25006.
CREATE FUNCTION service_provider.dismiss_notice(
    quarantine_id bigint,
    reason text,
    decided_by text DEFAULT NULL)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.lock_quarantined(
        dismiss_notice.quarantine_id, dismiss_notice.reason);
    PERFORM service_provider.record_decision(
        dismiss_notice.quarantine_id, resolution => 'dismissed', cause => NULL,
        reason => dismiss_notice.reason,
        decided_by => dismiss_notice.decided_by);
END
$$;
COMMENT ON FUNCTION service_provider.dismiss_notice(bigint, text, text) IS
    'a notice in quarantine that is not to be believed';
