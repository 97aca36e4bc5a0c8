-- Examinations (the patent's credit investigations; R15, R49)

-- Puts an examination on record and returns its number.
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
-- and which policy it was (step 502).
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
    told CONSTANT jsonb := card_issuer.describe_card(card) || request;
    judged CONSTANT record := card_issuer.ask_policy(event, told);
BEGIN
    examine.examination_id := card_issuer.store_examination(
        card, event,
        ROW(judged.approved, judged.reason, judged.valid_for)::verdict,
        judged.policy,
        told || jsonb_build_object('policy_sha256', judged.policy_sha256));
    examine.approved := judged.approved;
    examine.reason := judged.reason;
END
$$;
COMMENT ON FUNCTION card_issuer.examine(screissue.card_id, text, jsonb) IS
    'examine a request by the policy of the event';

-- Reuses the examination of an old load for its reload on another card
-- (claim 11, R49): if the application's mode allows it and the examination
-- was positive, is still valid and not too old.  The new row names the
-- examination that was really made.  NULL: there is none to reuse.
CREATE FUNCTION card_issuer.substitute_examination(
    card screissue.card_id,
    old_load screissue.message_id,
    max_age interval)
    RETURNS bigint
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    INSERT INTO card_issuer.examination AS n
           (card_id, examination_id, event, approved, reason, examined_at,
            valid_until, examiner, details, substitutes, substitutes_card_id)
    SELECT card, nextval('card_issuer.examination_sequence'), 'load', true,
           r.reason, now(), r.valid_until, 'substitution',
           jsonb_build_object('old_load', old_load::text),
           r.examination_id, r.card_id
      FROM card_issuer.app_load l
      JOIN card_issuer.examination x
        ON x.card_id = l.card_id AND x.examination_id = l.examination_id
      JOIN card_issuer.examination r
        ON r.card_id = coalesce(x.substitutes_card_id, x.card_id)
       AND r.examination_id = coalesce(x.substitutes, x.examination_id)
     WHERE l.message_id = old_load
       AND r.approved
       AND coalesce(r.valid_until > now(), true)
       AND coalesce(r.examined_at + max_age > now(), true)
    RETURNING n.examination_id
$$;
COMMENT ON FUNCTION card_issuer.substitute_examination(
    screissue.card_id, screissue.message_id, interval) IS
    'reuse the examination of an old load (claim 11)';

-- E49: a later finding about a load, such as a fraud flag: it takes the place
-- of the load's examination, so a negative one is never reused.  Each call is
-- one more examination.
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
       SET examination_id = card_issuer.store_examination(
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
