-- Examinations (the patent's credit investigations; R15, R49)

-- Puts an examination on record and returns its number.  Until when it is valid
-- does not depend on the client's time zone (E54).
CREATE FUNCTION card_issuer.store_examination(
    card screissue.card_id,
    event text,
    verdict screissue.verdict,
    examiner text,
    details jsonb)
    RETURNS bigint
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
    SET timezone = 'UTC'
AS $$
    INSERT INTO card_issuer.examination AS x
           (card_id, examination_id, event, approved, reason, examined_at,
            valid_until, examiner, details)
    VALUES (card, nextval('card_issuer.examination_sequence'), event,
            (verdict).approved, (verdict).reason, now(),
            now() + (verdict).valid_for, examiner, details)
    RETURNING x.examination_id
$$;
COMMENT ON FUNCTION card_issuer.store_examination(
    screissue.card_id, text, screissue.verdict, text, jsonb) IS
    'record an examination';

-- Asks the policy and puts its verdict on record, with all that it was told
-- and which policy it was (step 502).  The default policy, which looks at
-- nothing, is told no more than the request and the old examination.
CREATE FUNCTION card_issuer.examine(
    card screissue.card_id,
    event text,
    request jsonb,
    OUT examination_id bigint,
    OUT approved boolean,
    OUT reason text)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    policy CONSTANT text := card_issuer.policy_of(event);
    told jsonb := request || jsonb_build_object('event', event);
    judged record;
BEGIN
    IF policy IS NULL THEN
        IF told ->> 'inherits' IS NOT NULL THEN
            told := told || card_issuer.describe_past(card, told);
        END IF;
        judged := card_issuer.default_policy(told);
    ELSE
        told := card_issuer.describe_card(card) || told
             || card_issuer.describe_past(card, told);
        judged := screissue.call_policy(policy, told);
        told := told
             || jsonb_build_object('policy_sha256', judged.policy_sha256);
    END IF;
    examine.examination_id := card_issuer.store_examination(
        card, event,
        ROW(judged.approved, judged.reason, judged.valid_for)::verdict,
        coalesce(policy, 'card_issuer.default_policy(jsonb)'), told);
    examine.approved := judged.approved;
    examine.reason := judged.reason;
END
$$;
COMMENT ON FUNCTION card_issuer.examine(screissue.card_id, text, jsonb) IS
    'examine a request by the policy of the event';

-- What a policy is told of the past, by event: the examination of the old load
-- that a reload would inherit, but not where the application wants it judged
-- without (mode new); the last examination for a reissue.
CREATE FUNCTION card_issuer.describe_past(
    card screissue.card_id,
    request jsonb)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT CASE request ->> 'event'
           WHEN 'load' THEN jsonb_build_object('old_examination',
               CASE WHEN request ->> 'examination_mode' <> 'new'
                    THEN card_issuer.describe_old_examination(
                             (request ->> 'inherits')::message_id) END)
           WHEN 'reissue' THEN jsonb_build_object('previous_examination',
               card_issuer.describe_last_reissue(card))
           ELSE '{}' END
$$;
COMMENT ON FUNCTION card_issuer.describe_past(screissue.card_id, jsonb) IS
    'what a policy is told of earlier examinations';

-- Asks the policy, if one is set, whether the proof of a load will do.
-- Errors: SR007 it will not.
CREATE FUNCTION card_issuer.examine_proof(
    card screissue.card_id,
    app screissue.app_id,
    message screissue.message_id,
    receipt bytea)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    judged record;
BEGIN
    IF card_issuer.policy_of('confirm') IS NULL THEN
        RETURN;
    END IF;
    judged := card_issuer.examine(card, 'confirm', jsonb_build_object(
        'application', app::text,
        'load', message::text,
        'receipt', encode(receipt, 'hex')));
    IF judged.approved IS NOT TRUE THEN
        RAISE EXCEPTION 'proof of load "%" is refused', message
            USING ERRCODE = 'SR007',
                  DETAIL = CASE
                      WHEN card_issuer.is_operator(calling_role())
                           AND judged.reason IS NOT NULL
                          THEN format('The policy says: %s.', judged.reason)
                      ELSE 'The policy of the card issuer refuses it.' END,
                  HINT = 'The load is still permitted: confirm it with another receipt.';
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.examine_proof(
    screissue.card_id, screissue.app_id, screissue.message_id, bytea) IS
    'examine the proof of a load';

-- The examination that counts for a load: the newest that was really made of it,
-- or of a load that it replaced in a chain of reloads; so a later finding about
-- any of them counts for all that came of it (E49).  NULLs: none was made (R48).
-- Errors: 54000 after screissue.max_lineage reloads.
CREATE FUNCTION card_issuer.made_examination(
    message screissue.message_id,
    OUT card_id screissue.card_id,
    OUT examination_id bigint)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    judged_load screissue.message_id := message;
    judged record;
    reloads integer := 0;
BEGIN
    WHILE judged_load IS NOT NULL LOOP
        PERFORM card_issuer.check_lineage_length(reloads);
        SELECT coalesce(x.substitutes_card_id, x.card_id) AS card_id,
               coalesce(x.substitutes, x.examination_id) AS examination_id,
               l.inherits
          INTO judged
          FROM card_issuer.app_load l
          LEFT JOIN card_issuer.examination x
            ON x.card_id = l.card_id
           AND x.examination_id = coalesce(l.finding_id, l.examination_id)
         WHERE l.message_id = judged_load;
        IF judged.examination_id > made_examination.examination_id
           OR made_examination.examination_id IS NULL THEN
            made_examination.card_id := judged.card_id;
            made_examination.examination_id := judged.examination_id;
        END IF;
        judged_load := judged.inherits;
        reloads := reloads + 1;
    END LOOP;
END
$$;
COMMENT ON FUNCTION card_issuer.made_examination(screissue.message_id) IS
    'examination that counts for a load';

-- Reuses the examination of an old load for its reload on another card
-- (claim 11, R49): if it was positive, is still valid and not too old, its card
-- was the same holder's (E16), and was to be valid for at least as long as
-- this one is: an examination was made for the life of a card (E18).  The new
-- row names the examination that was really made.  NULL: there is none to reuse.
CREATE FUNCTION card_issuer.substitute_examination(
    card screissue.card_id,
    old_load screissue.message_id,
    max_age interval)
    RETURNS bigint
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
    SET timezone = 'UTC'
AS $$
    INSERT INTO card_issuer.examination AS n
           (card_id, examination_id, event, approved, reason, examined_at,
            valid_until, examiner, details, substitutes, substitutes_card_id)
    SELECT card, nextval('card_issuer.examination_sequence'), 'load', true,
           r.reason, now(), r.valid_until, 'substitution',
           jsonb_build_object('old_load', old_load::text),
           r.examination_id, r.card_id
      FROM card_issuer.made_examination(old_load) m
      JOIN card_issuer.examination r
        ON r.card_id = m.card_id AND r.examination_id = m.examination_id
     WHERE r.approved
       AND card_issuer.same_holder(card, r.card_id)
       AND card_issuer.is_as_long_valid(card, r.card_id)
       AND coalesce(r.valid_until > now(), true)
       AND coalesce(r.examined_at + max_age > now(), true)
    RETURNING n.examination_id
$$;
COMMENT ON FUNCTION card_issuer.substitute_examination(
    screissue.card_id, screissue.message_id, interval) IS
    'reuse the examination of an old load (claim 11)';

CREATE FUNCTION card_issuer.same_holder(
    card screissue.card_id,
    old_card screissue.card_id)
    RETURNS boolean
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT n.holder_id IS NOT DISTINCT FROM o.holder_id
      FROM card_issuer.card n, card_issuer.card o
     WHERE n.card_id = card
       AND o.card_id = old_card
$$;
COMMENT ON FUNCTION
    card_issuer.same_holder(screissue.card_id, screissue.card_id) IS
    'true if two cards are the same holder''s (E16)';

-- Does the validity of a card end no later than that of the other?
CREATE FUNCTION card_issuer.is_as_long_valid(
    card screissue.card_id,
    old_card screissue.card_id)
    RETURNS boolean
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT coalesce(n.valid_until, 'infinity')
           <= coalesce(o.valid_until, 'infinity')
      FROM card_issuer.card n, card_issuer.card o
     WHERE n.card_id = card
       AND o.card_id = old_card
$$;
COMMENT ON FUNCTION
    card_issuer.is_as_long_valid(screissue.card_id, screissue.card_id) IS
    'true if a card is valid for no longer than another (E18)';

-- E49: a later finding about a load, such as a fraud flag.  It counts in place
-- of the load's examination, for the reloads that took its place, too, so a
-- negative one is never reused; the examination by which the load was permitted
-- stays on record.  Each call is one more examination.
-- Errors: SR008 unknown load; 22023 a verdict that is neither yes nor no.
CREATE FUNCTION card_issuer.record_examination(
    message screissue.message_id,
    examination screissue.verdict)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    place record;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require_verdict(record_examination.examination);
    place := card_issuer.require_load(record_examination.message);
    PERFORM card_issuer.lock_card(place.card_id);
    UPDATE card_issuer.app_load l
       SET finding_id = card_issuer.store_examination(
               place.card_id, 'load', record_examination.examination,
               calling_role()::text,
               jsonb_build_object('load', record_examination.message::text))
     WHERE l.card_id = place.card_id
       AND l.message_id = record_examination.message;
END
$$;
COMMENT ON FUNCTION card_issuer.record_examination(
    screissue.message_id, screissue.verdict) IS
    'later finding about a load (E49)';
