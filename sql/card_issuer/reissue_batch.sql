-- Batches of reissues: many more cards than one transaction should take
--
-- An operator inserts a row into reissue_batch, fills reissue_batch_item by COPY,
-- and calls run_reissue_batch, in several sessions if one is not enough.  Each
-- chunk is a transaction: after a crash or a cancel the same call goes on.

-- A batch, and that it may run.  Errors: 22023 unknown; 55000 cancelled.
CREATE FUNCTION card_issuer.require_batch(
    batch_id bigint,
    OUT reason screissue.reissue_reason)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    cancelled_at timestamp with time zone;
BEGIN
    SELECT b.reason, b.cancelled_at
      INTO require_batch.reason, cancelled_at
      FROM card_issuer.reissue_batch b
     WHERE b.batch_id = require_batch.batch_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'unknown batch %', require_batch.batch_id
            USING ERRCODE = '22023',
                  HINT = 'Give the batch_id of a row of card_issuer.reissue_batch.';
    ELSIF cancelled_at IS NOT NULL THEN
        RAISE EXCEPTION 'batch % is cancelled', require_batch.batch_id
            USING ERRCODE = '55000';
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.require_batch(bigint) IS
    'check that a batch may run';

-- First step of run_reissue_batch: checks its arguments, and refuses the items
-- whose old card another item of the batch issues: a chain is no mass reissue.
-- What was just filled has no statistics, and must not be compared item by item.
-- Errors: 22023; 55000 the batch is cancelled.
CREATE FUNCTION card_issuer.begin_reissue_batch(
    batch_id bigint,
    chunk integer,
    max_per_second integer)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
    SET enable_nestloop = off
AS $$
DECLARE
    refused bigint;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('batch_id',
                              begin_reissue_batch.batch_id IS NOT NULL);
    PERFORM screissue.require('chunk', begin_reissue_batch.chunk IS NOT NULL);
    IF begin_reissue_batch.chunk < 1 OR begin_reissue_batch.max_per_second < 1
    THEN
        RAISE EXCEPTION 'chunk and max_per_second must be positive'
            USING ERRCODE = '22023';
    END IF;
    PERFORM card_issuer.require_batch(begin_reissue_batch.batch_id);

    UPDATE card_issuer.reissue_batch_item i
       SET finished_at = now(),
           failure_state = '22023',
           failure = 'card is issued by the same batch'
     WHERE i.batch_id = begin_reissue_batch.batch_id
       AND i.finished_at IS NULL
       AND EXISTS (SELECT FROM card_issuer.reissue_batch_item j
                    WHERE j.batch_id = begin_reissue_batch.batch_id
                      AND j.new_card_id = i.old_card_id);
    GET DIAGNOSTICS refused = ROW_COUNT;
    UPDATE card_issuer.reissue_batch b
       SET started_at = coalesce(b.started_at, now()),
           last_chunk_at = clock_timestamp(),
           failed = b.failed + refused
     WHERE b.batch_id = begin_reissue_batch.batch_id;
END
$$;
COMMENT ON FUNCTION
    card_issuer.begin_reissue_batch(bigint, integer, integer) IS
    'first step of run_reissue_batch';

-- Is this an error that says nothing about the cards: of the server, or of
-- another transaction?
CREATE FUNCTION card_issuer.is_no_fault_of_cards(state text)
    RETURNS boolean
    LANGUAGE sql
    IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT left(state, 2) IN ('08', '25', '40', '53', '55', '57', '58', 'XX')
$$;
COMMENT ON FUNCTION card_issuer.is_no_fault_of_cards(text) IS
    'true for errors of the server';

-- Puts on record that items are done.
CREATE FUNCTION card_issuer.finish_items(
    batch_id bigint,
    item_nos bigint[],
    old_cards screissue.card_id[])
    RETURNS void
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
AS $$
    UPDATE card_issuer.reissue_batch_item i SET finished_at = now()
      FROM unnest(item_nos, old_cards) d (item_no, old_card)
     WHERE i.batch_id = finish_items.batch_id
       AND i.old_card_id = d.old_card
       AND i.item_no = d.item_no
$$;
COMMENT ON FUNCTION
    card_issuer.finish_items(bigint, bigint[], screissue.card_id[]) IS
    'put on record that items are done';

-- Reissues the cards of some items; where that fails, one half and then the
-- other, down to the items that are at fault, whose SQLSTATE and message are put
-- on record.  Returns how many failed.
CREATE FUNCTION card_issuer.try_items(
    batch_id bigint,
    reason screissue.reissue_reason,
    item_nos bigint[],
    old_cards screissue.card_id[],
    new_cards screissue.card_id[])
    RETURNS integer
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    items CONSTANT integer := cardinality(item_nos);
    half CONSTANT integer := items / 2;
    state text;
    reported text;
BEGIN
    BEGIN
        PERFORM card_issuer.reissue_cards(old_cards, new_cards,
                                          try_items.reason);
        PERFORM card_issuer.finish_items(try_items.batch_id, item_nos, old_cards);
        RETURN 0;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE,
                                reported = MESSAGE_TEXT;
        IF card_issuer.is_no_fault_of_cards(state) THEN
            RAISE;
        END IF;
    END;
    IF items > 1 THEN
        RETURN card_issuer.try_items(
                   try_items.batch_id, try_items.reason, item_nos[:half],
                   old_cards[:half], new_cards[:half])
             + card_issuer.try_items(
                   try_items.batch_id, try_items.reason, item_nos[half + 1:],
                   old_cards[half + 1:], new_cards[half + 1:]);
    END IF;
    UPDATE card_issuer.reissue_batch_item i
       SET finished_at = now(),
           failure_state = state,
           failure = reported
     WHERE i.batch_id = try_items.batch_id
       AND i.old_card_id = old_cards[1]
       AND i.item_no = item_nos[1];
    RETURN 1;
END
$$;
COMMENT ON FUNCTION card_issuer.try_items(
    bigint, screissue.reissue_reason, bigint[], screissue.card_id[],
    screissue.card_id[]) IS
    'reissue the cards of some items of a batch';

-- The first items of a batch that wait, in the order of their old cards, from a
-- card on or, NULL, from the first, without those that another session has in
-- hand; locks them.  By the index, not by sorting what waits for every chunk.
CREATE FUNCTION card_issuer.take_items(
    batch_id bigint,
    from_card screissue.card_id,
    items integer,
    OUT item_nos bigint[],
    OUT old_cards screissue.card_id[],
    OUT new_cards screissue.card_id[])
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
    SET enable_sort = off
AS $$
    SELECT array_agg(i.item_no), array_agg(i.old_card_id),
           array_agg(i.new_card_id)
      FROM (SELECT w.item_no, w.old_card_id, w.new_card_id
              FROM card_issuer.reissue_batch_item w
             WHERE w.batch_id = take_items.batch_id
               AND w.finished_at IS NULL
               AND w.old_card_id >= coalesce(
                       take_items.from_card,
                       (SELECT min(v.old_card_id)
                          FROM card_issuer.reissue_batch_item v
                         WHERE v.batch_id = take_items.batch_id))
             ORDER BY w.old_card_id, w.item_no
             LIMIT take_items.items
               FOR UPDATE SKIP LOCKED) i
$$;
COMMENT ON FUNCTION
    card_issuer.take_items(bigint, screissue.card_id, integer) IS
    'lock the items of a chunk';

-- One chunk of run_reissue_batch, to be committed: the items that wait, in the
-- order of their old cards, from a card on or, NULL, from the first.  last_card:
-- the last of them, NULL = there was none.
-- Errors: 22023; 55000 the batch is cancelled; 40001, 40P01 and errors of the
-- server, which say nothing about the cards.
CREATE FUNCTION card_issuer.run_reissue_chunk(
    batch_id bigint,
    from_card screissue.card_id,
    chunk integer,
    OUT last_card screissue.card_id,
    OUT done integer,
    OUT failed integer)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    reason screissue.reissue_reason;
    items record;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('chunk', run_reissue_chunk.chunk > 0);
    reason := card_issuer.require_batch(run_reissue_chunk.batch_id);
    items := card_issuer.take_items(
        run_reissue_chunk.batch_id, run_reissue_chunk.from_card,
        run_reissue_chunk.chunk);
    run_reissue_chunk.last_card :=
        items.old_cards[cardinality(items.old_cards)];
    run_reissue_chunk.failed := 0;
    IF run_reissue_chunk.last_card IS NOT NULL THEN
        run_reissue_chunk.failed := card_issuer.try_items(
            run_reissue_chunk.batch_id, reason, items.item_nos, items.old_cards,
            items.new_cards);
    END IF;
    run_reissue_chunk.done :=
        coalesce(cardinality(items.item_nos), 0) - run_reissue_chunk.failed;
    PERFORM card_issuer.count_chunk(
        run_reissue_chunk.batch_id, run_reissue_chunk.done,
        run_reissue_chunk.failed);
END
$$;
COMMENT ON FUNCTION
    card_issuer.run_reissue_chunk(bigint, screissue.card_id, integer) IS
    'one chunk of run_reissue_batch';

-- Counts what a chunk has done, and how fast all sessions are together: four
-- fifths of what it was before, a fifth of this chunk since the last one.
CREATE FUNCTION card_issuer.count_chunk(
    batch_id bigint,
    done integer,
    failed integer)
    RETURNS void
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE card_issuer.reissue_batch b
       SET done = b.done + count_chunk.done,
           failed = b.failed + count_chunk.failed,
           last_chunk_at = clock_timestamp(),
           rate = coalesce(0.8 * b.rate, n.rate * 0.8) + 0.2 * n.rate
      FROM (SELECT (count_chunk.done + count_chunk.failed)
                   / greatest(extract(epoch FROM clock_timestamp()
                                                 - w.last_chunk_at), 0.001)
                   AS rate
              FROM card_issuer.reissue_batch w
             WHERE w.batch_id = count_chunk.batch_id) n
     WHERE b.batch_id = count_chunk.batch_id
       AND count_chunk.done + count_chunk.failed > 0
$$;
COMMENT ON FUNCTION card_issuer.count_chunk(bigint, integer, integer) IS
    'count what a chunk of a batch has done';

-- Runs a batch: reissues the cards of its items, chunk by chunk, as reissue_cards
-- does, and commits after each.  An item that fails is put on record with its
-- SQLSTATE and message, and the others go on.  Called again, after a crash or a
-- cancel, it goes on with the items that are left; sessions that run the same
-- batch share them.  max_per_second: no more cards than that in a second, in
-- this session.
-- Errors: 22023 unknown batch, chunk or max_per_second not positive; 55000 the
-- batch is cancelled; 2D000 inside a transaction; 40001, 40P01 and errors of the
-- server: call it again.
CREATE PROCEDURE card_issuer.run_reissue_batch(
    batch_id bigint,
    chunk integer DEFAULT 5000,
    max_per_second integer DEFAULT NULL)
    LANGUAGE plpgsql
AS $$
DECLARE
    from_card screissue.card_id;
    result record;
    started timestamp with time zone;
    total_done bigint := 0;
    total_failed bigint := 0;
BEGIN
    PERFORM card_issuer.begin_reissue_batch(
        run_reissue_batch.batch_id, run_reissue_batch.chunk,
        run_reissue_batch.max_per_second);
    COMMIT;
    LOOP
        started := pg_catalog.clock_timestamp();
        SELECT r.last_card, r.done, r.failed INTO result
          FROM card_issuer.run_reissue_chunk(
                   run_reissue_batch.batch_id, from_card,
                   run_reissue_batch.chunk) r;
        COMMIT;
        -- From the start once more, for what another session has let go.
        EXIT WHEN result.last_card IS NULL AND from_card IS NULL;
        from_card := result.last_card;
        CONTINUE WHEN from_card IS NULL;

        total_done := total_done OPERATOR(pg_catalog.+) result.done;
        total_failed := total_failed OPERATOR(pg_catalog.+) result.failed;
        RAISE NOTICE 'batch %: % cards reissued, % failed',
            run_reissue_batch.batch_id, total_done, total_failed;
        PERFORM pg_catalog.pg_sleep_until(
            started OPERATOR(pg_catalog.+) pg_catalog.make_interval(
                secs => (result.done OPERATOR(pg_catalog.+) result.failed)
                        ::pg_catalog.float8
                        OPERATOR(pg_catalog./) run_reissue_batch.max_per_second))
          WHERE run_reissue_batch.max_per_second IS NOT NULL;
    END LOOP;
END
$$;
COMMENT ON PROCEDURE
    card_issuer.run_reissue_batch(bigint, integer, integer) IS
    'reissue the cards of a batch';

-- Stops a batch: sessions that run it end after their chunk, with 55000.  What is
-- done stays.  Repeatable.
-- Errors: 22023 unknown batch.
CREATE FUNCTION card_issuer.cancel_reissue_batch(batch_id bigint)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('batch_id',
                              cancel_reissue_batch.batch_id IS NOT NULL);
    UPDATE card_issuer.reissue_batch b
       SET cancelled_at = coalesce(b.cancelled_at, now())
     WHERE b.batch_id = cancel_reissue_batch.batch_id;
    IF NOT FOUND THEN
        PERFORM card_issuer.require_batch(cancel_reissue_batch.batch_id);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.cancel_reissue_batch(bigint) IS
    'stop a batch of reissues';
