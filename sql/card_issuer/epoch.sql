-- Epochs: numbers after a restore (E25)

-- The number before the first one of an epoch.
CREATE FUNCTION card_issuer.epoch_base(epoch integer)
    RETURNS bigint
    LANGUAGE sql
    IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT epoch::bigint << 40
$$;
COMMENT ON FUNCTION card_issuer.epoch_base(integer) IS
    'number before the first one of an epoch';

-- Begins the epoch that follows the present one and, if it is given, after_epoch:
-- for an issuer that was restored from a backup and does not know which numbers
-- it has given out since.  Message ids, notice numbers and the ids of reissue
-- requests, examinations and batches go on at epoch * 2^40 + 1.  To be called
-- before anybody else, in a transaction of its own.
--
-- It waits for every transaction that has made a call, and calls wait for it:
-- they all read self.  Afterwards nobody gets a number of an older epoch, however
-- old his snapshot is: sequences have none; who wants to write to
-- a counter, or makes one, gets 40001 if he cannot see the present one.
--
-- Not for operators: epochs are never given back, and who restores a database
-- owns it.
-- Errors: SR001; 22023; 54000 no epochs are left; 55000 not READ COMMITTED: the
-- counter of a provider registered meanwhile could not be seen.
CREATE FUNCTION card_issuer.begin_epoch(after_epoch integer DEFAULT 0)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    last_epoch CONSTANT integer := 4194303;
    begun integer;
    sequence text;
BEGIN
    -- Before anything reads the table: two of these calls must not hold a lesser
    -- lock and want this one.
    IF to_regclass('card_issuer.self') IS NOT NULL THEN
        LOCK TABLE card_issuer.self IN ACCESS EXCLUSIVE MODE;
    END IF;
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('after_epoch', begin_epoch.after_epoch IS NOT NULL);
    IF begin_epoch.after_epoch NOT BETWEEN 0 AND last_epoch THEN
        RAISE EXCEPTION 'after_epoch must be within 0 and %, not %',
            last_epoch, begin_epoch.after_epoch
            USING ERRCODE = '22023';
    END IF;
    IF current_setting('transaction_isolation')
           NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'an epoch begins in a READ COMMITTED transaction only'
            USING ERRCODE = '55000';
    END IF;

    SELECT greatest(s.epoch, begin_epoch.after_epoch) + 1 INTO STRICT begun
      FROM card_issuer.self s;
    IF begun > last_epoch THEN
        RAISE EXCEPTION 'no epoch follows epoch %', last_epoch
            USING ERRCODE = '54000';
    END IF;
    UPDATE card_issuer.self s SET epoch = begun;
    FOREACH sequence IN ARRAY
        '{message_sequence, request_sequence, examination_sequence,
          reissue_batch_batch_id_seq}'::text[]
    LOOP
        EXECUTE format('ALTER SEQUENCE card_issuer.%1$I'
                       ' MINVALUE %2$s MAXVALUE %3$s START %2$s RESTART',
                       sequence, card_issuer.epoch_base(begun) + 1,
                       card_issuer.epoch_base(begun + 1) - 1);
    END LOOP;
    UPDATE card_issuer.notice_counter k
       SET last_notice_no = card_issuer.epoch_base(begun);
END
$$;
COMMENT ON FUNCTION card_issuer.begin_epoch(integer) IS
    'begin a new epoch of numbers, after a restore';
