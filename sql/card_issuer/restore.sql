-- Notices that the issuer lost and a provider still has, after a restore (E25)

-- Raises 22023 unless the notice may have been written before this epoch, as
-- write_notices writes: by this issuer, in the canonical text of each type.
-- Errors: 22P02 a text that is none of its type.
CREATE FUNCTION card_issuer.require_former_notice(
    issuer text,
    provider text,
    notice_no bigint,
    kind text,
    new_card_id text,
    old_card_id text,
    app_id text,
    message_id text)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    own CONSTANT company_id := card_issuer.own_company();
    epoch CONSTANT integer := (SELECT s.epoch FROM card_issuer.self s);
    message CONSTANT screissue.message_id :=
        require_former_notice.message_id::screissue.message_id;
    contradiction text;
BEGIN
    contradiction := CASE
        WHEN require_former_notice.issuer <> own::text THEN 'issuer'
        WHEN require_former_notice.notice_no < 1 THEN 'notice_no'
        WHEN require_former_notice.kind NOT IN ('reissue', 'withdrawal', 'renewal')
            THEN 'kind'
        WHEN require_former_notice.provider
                 <> require_former_notice.provider::company_id::text
            THEN 'provider'
        WHEN require_former_notice.new_card_id
                 <> require_former_notice.new_card_id::card_id::text
            THEN 'new_card_id'
        WHEN require_former_notice.old_card_id
                 <> require_former_notice.old_card_id::card_id::text
            THEN 'old_card_id'
        WHEN require_former_notice.app_id
                 <> require_former_notice.app_id::screissue.app_id::text
            THEN 'app_id'
        WHEN require_former_notice.message_id <> message::text
          OR screissue.issuer(message) <> own
          OR screissue.sequence(message) >> 40
                 > require_former_notice.notice_no >> 40
            THEN 'message_id'
        END;
    IF contradiction IS NOT NULL THEN
        RAISE EXCEPTION 'notice % is none of this issuer''s: %',
            require_former_notice.notice_no, contradiction
            USING ERRCODE = '22023';
    ELSIF require_former_notice.notice_no >> 40 >= epoch THEN
        RAISE EXCEPTION 'notice is not of an epoch before epoch %', epoch
            USING ERRCODE = '22023',
                  HINT = 'Call card_issuer.begin_epoch() first.';
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.require_former_notice(
    text, text, bigint, text, text, text, text, text) IS
    'check that a notice is one of this issuer''s, of an earlier epoch';

-- Puts on record again what a provider was told before this epoch: a notice, in the
-- columns of the wire, as service_provider.received_notices there returns it.  True
-- if it was lost, false if it is on record.  Nothing that is on record changes, and
-- nothing but the record of what this provider was told: nothing is inherited by it,
-- so a provider that made one up has told nobody but itself.  The reissue is to be
-- made anew.  Subscriptions deliver the notice again, which its provider counts.
--
-- Not for operators: it is part of a restore.
-- Errors: SR001; SR002 unknown provider; SR009 another notice has the number;
-- 22023 none of this issuer's, or not of an earlier epoch; 22P02.
CREATE FUNCTION card_issuer.restore_notice(
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
    RETURNS boolean
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    restored boolean;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require(a.argument, a.is_given)
       FROM (VALUES ('issuer', restore_notice.issuer IS NOT NULL),
                    ('provider', restore_notice.provider IS NOT NULL),
                    ('notice_no', restore_notice.notice_no IS NOT NULL),
                    ('kind', restore_notice.kind IS NOT NULL),
                    ('platform_type', restore_notice.platform_type IS NOT NULL),
                    ('new_card_id', restore_notice.new_card_id IS NOT NULL),
                    ('app_id', restore_notice.app_id IS NOT NULL),
                    ('message_id', restore_notice.message_id IS NOT NULL),
                    ('noted_at', restore_notice.noted_at IS NOT NULL))
            a (argument, is_given);
    PERFORM card_issuer.require_former_notice(
        restore_notice.issuer, restore_notice.provider,
        restore_notice.notice_no, restore_notice.kind,
        restore_notice.new_card_id, restore_notice.old_card_id,
        restore_notice.app_id, restore_notice.message_id);
    PERFORM card_issuer.require_provider(restore_notice.provider::company_id);

    INSERT INTO screissue.notice AS n
        (issuer, provider, notice_no, kind, platform_type, new_card_id,
         old_card_id, app_id, message_id, reason, noted_at)
    VALUES (restore_notice.issuer, restore_notice.provider,
            restore_notice.notice_no, restore_notice.kind,
            restore_notice.platform_type, restore_notice.new_card_id,
            restore_notice.old_card_id, restore_notice.app_id,
            restore_notice.message_id, restore_notice.reason,
            restore_notice.noted_at)
    ON CONFLICT ON CONSTRAINT notice_pkey DO NOTHING;
    restored := FOUND;
    IF NOT restored
       AND NOT EXISTS (
           SELECT
             FROM card_issuer.notice_digests(
                      restore_notice.provider::company_id,
                      restore_notice.notice_no, restore_notice.notice_no) n
            WHERE n.sha256 = screissue.notice_sha256(
                      restore_notice.issuer, restore_notice.provider,
                      restore_notice.notice_no, restore_notice.kind,
                      restore_notice.platform_type, restore_notice.new_card_id,
                      restore_notice.old_card_id, restore_notice.app_id,
                      restore_notice.message_id, restore_notice.reason,
                      restore_notice.noted_at))
    THEN
        RAISE EXCEPTION 'notice % to provider "%" is on record as another one',
            restore_notice.notice_no, restore_notice.provider
            USING ERRCODE = 'SR009',
                  HINT = 'Nothing on record is changed; find out who has the right one.';
    END IF;
    RETURN restored;
END
$$;
COMMENT ON FUNCTION card_issuer.restore_notice(
    text, text, bigint, text, integer, text, text, text, text, text,
    timestamp with time zone) IS
    'put a notice on record again that was lost by a restore';
