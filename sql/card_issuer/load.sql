-- Loading permissions, and proof of load and unload (R7, R8, R11, R12)
--
-- A card id that an attribute was decrypted to must not show.  So the statements
-- of the calls are planned without values, as debug_print_plan would give them
-- to any caller, and auto_explain passes them over: it prints parameters.

CREATE TYPE card_issuer.loadable_application AS (
    provider screissue.company_id,
    load_file_sha256 bytea,
    examination_mode text,
    max_examination_age interval);
COMMENT ON TYPE card_issuer.loadable_application IS
    'application that may be loaded just now';

-- An application for which its provider may act just now.
-- Errors, in this order: SR003 unknown; 42501 another provider's; SR003
-- withdrawn; SR002 contract not in force.
CREATE FUNCTION card_issuer.require_loadable(app screissue.app_id)
    RETURNS card_issuer.loadable_application
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    application CONSTANT record := card_issuer.get_application(app);
BEGIN
    PERFORM card_issuer.require_acts_for(application.provider);
    IF application.withdrawn THEN
        RAISE EXCEPTION 'application "%" is withdrawn', app
            USING ERRCODE = 'SR003';
    END IF;
    PERFORM card_issuer.require_contract(application.provider);
    RETURN ROW(application.provider, application.load_file_sha256,
               application.examination_mode, application.max_examination_age)
           ::card_issuer.loadable_application;
END
$$;
COMMENT ON FUNCTION card_issuer.require_loadable(screissue.app_id) IS
    'application that may be loaded just now';

-- Locks a card for loading, as lock_card does.  Returns what stands against it:
-- NULL nothing, else unknown_card, printed_number or card_status.  To a
-- provider, who may not name it, a card whose id only the issuer can read is
-- unknown, and is not locked: who guesses ids must not learn by waiting that
-- there is such a card.  opened: the attribute that named the card, judged again
-- by what is on record now, or NULL.
-- produced: the card is not handed over yet, a load now is one at issue (R11).
CREATE FUNCTION card_issuer.lock_card_for_load(
    card screissue.card_id,
    printed_number text,
    may_name_it boolean,
    opened card_issuer.opened_attribute,
    OUT obstacle text,
    OUT produced boolean)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    found_card record;
BEGIN
    UPDATE card_issuer.card c SET status = c.status
     WHERE c.card_id = card
       AND (may_name_it
            OR screissue.method_of(c.platform_type) IS DISTINCT FROM 2)
    RETURNING c.status, c.valid_until, c.overlap_until, c.printed_number,
              c.attribute_key_id, c.secret_sha256
         INTO found_card;
    lock_card_for_load.produced := found_card.status = 'produced';
    lock_card_for_load.obstacle := CASE
        WHEN found_card.status IS NULL THEN 'unknown_card'
        WHEN opened.card IS NOT NULL
             AND found_card.secret_sha256 IS DISTINCT FROM opened.secret_sha256
            THEN 'secret'
        WHEN found_card.attribute_key_id <> opened.key_id
             AND opened.secret_sha256 IS NOT NULL THEN 'other_key'
        WHEN EXISTS (SELECT FROM card_issuer.encryption_key k
                      WHERE k.key_id = opened.key_id
                        AND k.revoked_at IS NOT NULL) THEN 'revoked_key'
        WHEN (lock_card_for_load.printed_number = found_card.printed_number) IS FALSE
            THEN 'printed_number'
        WHEN NOT card_issuer.card_works(
                     CASE WHEN found_card.status = 'produced' THEN 'active'
                          ELSE found_card.status END,
                     found_card.valid_until, found_card.overlap_until)
            THEN 'card_status'
        END;
END
$$;
COMMENT ON FUNCTION
    card_issuer.lock_card_for_load(
        screissue.card_id, text, boolean, card_issuer.opened_attribute) IS
    'lock a card and tell what stands against a load';

-- A loading permission as permit_load answers it; refusal NULL = permitted.
CREATE TYPE card_issuer.permission AS (
    message_id screissue.message_id,
    refusal text,
    inherits screissue.message_id,
    fee numeric,
    currency text,
    examination_substituted boolean);
COMMENT ON TYPE card_issuer.permission IS
    'loading permission, or why there is none';

-- The live load of an application on a card, as a permission: one still
-- outstanding is given again, one that is loaded is refused.  NULL: none.
CREATE FUNCTION card_issuer.live_permission(
    card screissue.card_id,
    app screissue.app_id,
    reload_of screissue.message_id)
    RETURNS card_issuer.permission
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT CASE
           WHEN l.status = 'loaded' THEN
               ROW(l.message_id, 'already_loaded', NULL, NULL, NULL, false)
                   ::card_issuer.permission
           WHEN (reload_of = l.inherits) IS NOT TRUE
                AND reload_of IS NOT NULL THEN
               ROW(NULL, 'not_inherited', NULL, NULL, NULL, false)
                   ::card_issuer.permission
           ELSE ROW(l.message_id, NULL, l.inherits, l.fee, l.currency,
                    x.substitutes IS NOT NULL)::card_issuer.permission
           END
      FROM card_issuer.app_load l
      LEFT JOIN card_issuer.examination x
        ON x.card_id = l.card_id AND x.examination_id = l.examination_id
     WHERE l.card_id = card
       AND l.app_id = app
       AND l.status IN ('permitted', 'loaded')
$$;
COMMENT ON FUNCTION card_issuer.live_permission(
    screissue.card_id, screissue.app_id, screissue.message_id) IS
    'live load of an application on a card';

-- A new loading permission.  An unused entitlement makes it a reload: the old
-- examination is substituted where the application's mode allows it, the
-- price is the reload's, and the message id of the old load is inherited
-- (claims 11, 13).
CREATE FUNCTION card_issuer.new_permission(
    card screissue.card_id,
    app screissue.app_id,
    application card_issuer.loadable_application,
    reload_of screissue.message_id,
    at_issue boolean)
    RETURNS card_issuer.permission
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    permission card_issuer.permission;
    entitled record;
    examination record;
    price record;
BEGIN
    SELECT e.message_id, e.old_card_id INTO entitled
      FROM card_issuer.entitlement e
     WHERE e.card_id = card
       AND e.app_id = app
       AND e.used_at IS NULL
       AND e.withdrawn_at IS NULL
       AND e.opted_out_at IS NULL;
    IF reload_of IS NOT NULL
       AND (reload_of = entitled.message_id) IS NOT TRUE THEN
        permission.refusal := 'not_inherited';
        permission.examination_substituted := false;
        RETURN permission;
    END IF;

    examination := card_issuer.examine_load(
        card, app, application, entitled.message_id);
    permission.examination_substituted := examination.substituted;
    permission.refusal := examination.refusal;
    IF permission.refusal IS NOT NULL THEN
        RETURN permission;
    END IF;

    permission.message_id := card_issuer.next_message_id(application.provider);
    permission.inherits := entitled.message_id;
    price := card_issuer.price_load(app, card, entitled.old_card_id);
    permission.fee := price.amount;
    permission.currency := price.currency;
    INSERT INTO card_issuer.app_load
           (card_id, message_id, app_id, provider, status, inherits,
            examination_id, fee, currency, tariff_kind, tariff_reason,
            at_issue, permitted_at)
    VALUES (card, permission.message_id, app, application.provider,
            'permitted', permission.inherits, examination.examination_id,
            price.amount, price.currency, price.kind, price.reason,
            at_issue, now());
    RETURN permission;
END
$$;
COMMENT ON FUNCTION card_issuer.new_permission(
    screissue.card_id, screissue.app_id, card_issuer.loadable_application,
    screissue.message_id, boolean) IS
    'examine, price and store a loading permission';

-- Examines a load: the examination of the old load again, if the application
-- lets it be substituted and it still can be, else the policy.  refusal: the
-- policy's reason, NULL = approved.
CREATE FUNCTION card_issuer.examine_load(
    card screissue.card_id,
    app screissue.app_id,
    application card_issuer.loadable_application,
    old_load screissue.message_id,
    OUT examination_id bigint,
    OUT substituted boolean,
    OUT refusal text)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    verdict record;
BEGIN
    IF application.examination_mode = 'substitute' AND old_load IS NOT NULL THEN
        examine_load.examination_id := card_issuer.substitute_examination(
            card, old_load, application.max_examination_age);
    END IF;
    examine_load.substituted := examine_load.examination_id IS NOT NULL;
    IF NOT examine_load.substituted THEN
        verdict := card_issuer.examine(card, 'load', jsonb_build_object(
            'application', app::text,
            'provider', application.provider::text,
            'inherits', old_load::text,
            'examination_mode', application.examination_mode));
        examine_load.examination_id := verdict.examination_id;
        IF verdict.approved IS NOT TRUE THEN
            examine_load.refusal := coalesce(verdict.reason, 'examination');
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.examine_load(
    screissue.card_id, screissue.app_id, card_issuer.loadable_application,
    screissue.message_id) IS
    'examine a load or substitute an earlier examination';

-- A message id never used before (R9).  The epoch is in the sequence, which
-- begin_epoch sets, not read from a row that a snapshot may see as it was.
CREATE FUNCTION card_issuer.next_message_id(provider screissue.company_id)
    RETURNS screissue.message_id
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT message_id(s.company_id, next_message_id.provider,
                      nextval('card_issuer.message_sequence'))
      FROM card_issuer.self s
$$;
COMMENT ON FUNCTION card_issuer.next_message_id(screissue.company_id) IS
    'next message id for a provider';

-- Judges a load on a card, which is locked for it.  A permission still
-- outstanding is given again.
CREATE FUNCTION card_issuer.judge_load(
    card screissue.card_id,
    app screissue.app_id,
    application card_issuer.loadable_application,
    load_file_sha256 bytea,
    reload_of screissue.message_id,
    printed_number text,
    may_name_it boolean,
    opened card_issuer.opened_attribute DEFAULT NULL)
    RETURNS card_issuer.permission
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    state CONSTANT record := card_issuer.lock_card_for_load(
        card, printed_number, may_name_it, opened);
    permission card_issuer.permission;
BEGIN
    permission.examination_substituted := false;
    permission.refusal := CASE
        WHEN state.obstacle IS NOT NULL THEN state.obstacle
        WHEN load_file_sha256 <> application.load_file_sha256
            THEN 'load_file'
        END;
    IF permission.refusal IS NOT NULL THEN
        RETURN permission;
    END IF;
    RETURN coalesce(
        card_issuer.live_permission(card, app, reload_of),
        card_issuer.new_permission(card, app, application, reload_of,
                                   state.produced));
END
$$;
COMMENT ON FUNCTION card_issuer.judge_load(
    screissue.card_id, screissue.app_id, card_issuer.loadable_application,
    bytea, screissue.message_id, text, boolean,
    card_issuer.opened_attribute) IS
    'judgement of a load on a card';

-- The same, for the card that gave an attribute.  Kept like an inquiry, since
-- it tells as much; the refusal is the same word, whatever the cause.
CREATE FUNCTION card_issuer.judge_load_by_attribute(
    attribute screissue.card_attribute,
    app screissue.app_id,
    application card_issuer.loadable_application,
    load_file_sha256 bytea,
    reload_of screissue.message_id,
    printed_number text)
    RETURNS card_issuer.permission
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    party CONSTANT screissue.company_id :=
        card_issuer.asking_party(application.provider);
    inquiry_no CONSTANT bigint := card_issuer.begin_inquiry(party);
    opened CONSTANT card_issuer.opened_attribute :=
        card_issuer.open_attribute(attribute);
    permission card_issuer.permission;
BEGIN
    IF opened.cause IS NULL THEN
        permission := card_issuer.judge_load(
            opened.card, app, application, load_file_sha256, reload_of,
            printed_number, true, opened);
    ELSE
        permission.refusal := opened.cause;
    END IF;
    PERFORM card_issuer.record_inquiry(
        inquiry_no, party, app, attribute, opened.card,
        permission.inherits, permission.refusal,
        CASE WHEN permission.refusal IS NULL THEN permission.message_id END);
    IF permission.refusal IS NOT NULL THEN
        RETURN ROW(NULL, 'refused', NULL, NULL, NULL, false)
               ::card_issuer.permission;
    END IF;
    RETURN permission;
END
$$;
COMMENT ON FUNCTION card_issuer.judge_load_by_attribute(
    screissue.card_attribute, screissue.app_id,
    card_issuer.loadable_application, bytea, screissue.message_id, text) IS
    'judgement of a load on the card that gave an attribute';

-- Asks for permission to load an application on a card (R7).  The card is
-- named by its id or by its attribute, exactly one of them.
--
-- An unused entitlement makes it a reload permission: inherits names the old
-- load.  reload_of: only a permission that inherits exactly this load.  A
-- permission still outstanding is returned again, with its price, and inherits
-- what its card is entitled to by now.
--
-- Refusals are data: permitted = false.  By card id, refusal says
-- already_loaded (message_id is that load's), or to a provider just "refused",
-- to an operator the cause: card_status, printed_number, load_file,
-- not_inherited or the policy's text.  By attribute it says "refused" to
-- everybody, and the cause is in card_issuer.inquiry.
--
-- Errors: 22023; SR002 contract not in force; SR003 unknown or withdrawn
-- application; 42501 another provider's; SR004 unknown card id (operators);
-- SR011 the file of the attribute's key cannot be used; 53400 too many
-- inquiries by attribute.
CREATE FUNCTION card_issuer.permit_load(
    app screissue.app_id,
    card screissue.card_id DEFAULT NULL,
    attribute screissue.card_attribute DEFAULT NULL,
    load_file_sha256 bytea DEFAULT NULL,
    reload_of screissue.message_id DEFAULT NULL,
    printed_number text DEFAULT NULL,
    OUT message_id screissue.message_id,
    OUT permitted boolean,
    OUT refusal text,
    OUT inherits screissue.message_id,
    OUT fee numeric,
    OUT currency text,
    OUT examination_substituted boolean)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET auto_explain.log_nested_statements = off
AS $$
DECLARE
    by_operator CONSTANT boolean := card_issuer.is_operator(calling_role());
    application card_issuer.loadable_application;
    permission card_issuer.permission;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('app', permit_load.app IS NOT NULL);
    application := card_issuer.require_loadable(permit_load.app);
    IF num_nonnulls(permit_load.card, permit_load.attribute) <> 1 THEN
        RAISE EXCEPTION 'either "card" or "attribute" must be given'
            USING ERRCODE = '22023';
    END IF;
    IF NOT by_operator THEN
        PERFORM card_issuer.cover_reads();
    END IF;

    IF permit_load.attribute IS NOT NULL THEN
        permission := card_issuer.judge_load_by_attribute(
            permit_load.attribute, permit_load.app, application,
            permit_load.load_file_sha256, permit_load.reload_of,
            permit_load.printed_number);
    ELSE
        permission := card_issuer.judge_load(
            permit_load.card, permit_load.app, application,
            permit_load.load_file_sha256, permit_load.reload_of,
            permit_load.printed_number, by_operator);
        IF by_operator AND permission.refusal = 'unknown_card' THEN
            PERFORM card_issuer.raise_unknown_card(permit_load.card);
        END IF;
    END IF;
    permit_load.message_id := permission.message_id;
    permit_load.permitted := permission.refusal IS NULL;
    permit_load.refusal := CASE
        WHEN by_operator OR permission.refusal = 'already_loaded'
            THEN permission.refusal
        WHEN permission.refusal IS NOT NULL THEN 'refused'
        END;
    permit_load.inherits := permission.inherits;
    permit_load.fee := permission.fee;
    permit_load.currency := permission.currency;
    permit_load.examination_substituted := permission.examination_substituted;
END
$$;
COMMENT ON FUNCTION card_issuer.permit_load(
    screissue.app_id, screissue.card_id, screissue.card_attribute, bytea,
    screissue.message_id, text) IS
    'permission to load an application on a card';

-- The load under a message id, and the rights to speak of it.
-- Errors: SR008 unknown; 42501 another provider's application.
CREATE FUNCTION card_issuer.require_load(
    message screissue.message_id,
    OUT card_id screissue.card_id,
    OUT app_id screissue.app_id)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    provider screissue.company_id;
BEGIN
    PERFORM screissue.require('message', message IS NOT NULL);
    SELECT l.card_id, l.app_id, a.provider
      INTO require_load.card_id, require_load.app_id, provider
      FROM card_issuer.app_load l
      JOIN card_issuer.application a ON a.app_id = l.app_id
     WHERE l.message_id = message;
    IF NOT FOUND THEN
        PERFORM card_issuer.require_acts_for(provider(message));
        RAISE EXCEPTION 'unknown message id "%"', message
            USING ERRCODE = 'SR008';
    END IF;
    PERFORM card_issuer.require_acts_for(provider);
END
$$;
COMMENT ON FUNCTION card_issuer.require_load(screissue.message_id) IS
    'load under a message id that the caller may speak of';

-- A load whose place another took: no longer live.
CREATE FUNCTION card_issuer.supersede_load(message screissue.message_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    UPDATE card_issuer.app_load l
       SET status = 'superseded',
           ended_at = now()
     WHERE l.message_id = message
       AND l.status = 'loaded';
    IF FOUND THEN
        PERFORM screissue.require_move('load', message::text,
                                       'loaded', 'superseded');
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.supersede_load(screissue.message_id) IS
    'end a load whose place another took';

-- Proof that the terminal loaded the application, or failed to (R8).  Loaded:
-- the fee is due, the card's entitlement is used and the load it inherited is
-- superseded; when the card was replaced meanwhile, the newest card of the
-- chain inherits this load.  Repeatable.  receipt: the card's proof, if any.
-- Errors: SR008 unknown; 42501 another provider's; SR009 contradicts; SR007 the
-- policy refuses the proof; SR005 a move that screissue.status_move forbids;
-- 54000 chain too long.
CREATE FUNCTION card_issuer.confirm_load(
    message screissue.message_id,
    succeeded boolean DEFAULT true,
    receipt bytea DEFAULT NULL)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET auto_explain.log_nested_statements = off
AS $$
DECLARE
    place record;
    heirs screissue.card_id[];
    load record;
    became screissue.load_status;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('succeeded', confirm_load.succeeded IS NOT NULL);
    place := card_issuer.require_load(confirm_load.message);
    heirs := card_issuer.lock_chain(place.card_id);
    SELECT l.status, l.loaded_at, l.inherits, l.receipt INTO load
      FROM card_issuer.app_load l
     WHERE l.card_id = place.card_id
       AND l.message_id = confirm_load.message;
    IF (load.status <> 'permitted'
        AND confirm_load.succeeded <> (load.loaded_at IS NOT NULL))
       OR confirm_load.receipt <> load.receipt THEN
        RAISE EXCEPTION 'load "%" is on record as % already',
            confirm_load.message, load.status
            USING ERRCODE = 'SR009',
                  DETAIL = 'The confirmation or its receipt contradicts the earlier one.';
    END IF;

    UPDATE card_issuer.app_load l
       SET receipt = confirm_load.receipt
     WHERE l.card_id = place.card_id
       AND l.message_id = confirm_load.message
       AND l.receipt IS NULL
       AND confirm_load.receipt IS NOT NULL;
    IF load.status = 'permitted' THEN
        became := CASE WHEN confirm_load.succeeded THEN 'loaded'
                       ELSE 'failed' END::screissue.load_status;
        PERFORM screissue.require_move('load', confirm_load.message::text,
                                       'permitted', became::text);
        IF confirm_load.succeeded THEN
            PERFORM card_issuer.examine_proof(
                place.card_id, place.app_id, confirm_load.message,
                confirm_load.receipt);
        END IF;
        UPDATE card_issuer.app_load l
           SET status = became,
               loaded_at = CASE WHEN confirm_load.succeeded THEN now() END,
               ended_at = CASE WHEN NOT confirm_load.succeeded THEN now() END
         WHERE l.card_id = place.card_id
           AND l.message_id = confirm_load.message;
        IF confirm_load.succeeded THEN
            PERFORM card_issuer.take_over(place.card_id, place.app_id,
                                          load.inherits);
            PERFORM card_issuer.pass_on_late_load(
                place.card_id, heirs, place.app_id, confirm_load.message);
            PERFORM card_issuer.refund_if_withdrawn(
                place.card_id, confirm_load.message);
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION
    card_issuer.confirm_load(screissue.message_id, boolean, bytea) IS
    'confirm that an application was loaded';

-- The application is on this card now: its entitlement is used, and the loads
-- that it and the permission name are superseded.
CREATE FUNCTION card_issuer.take_over(
    card screissue.card_id,
    app screissue.app_id,
    inherits screissue.message_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    entitled screissue.message_id;
BEGIN
    UPDATE card_issuer.entitlement e SET used_at = now()
     WHERE e.card_id = card
       AND e.app_id = app
       AND e.used_at IS NULL
       AND e.withdrawn_at IS NULL
    RETURNING e.message_id INTO entitled;
    PERFORM card_issuer.supersede_load(inherits);
    IF (entitled = inherits) IS NOT TRUE THEN
        PERFORM card_issuer.supersede_load(entitled);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.take_over(
    screissue.card_id, screissue.app_id, screissue.message_id) IS
    'use an entitlement and supersede what it names';

-- Proof that the application was removed from the card (R12).  No later card
-- inherits it (E3, E12).  Repeatable; a superseded load is left as it is.
-- Errors: SR008 unknown; 42501 another provider's; SR009 never loaded; SR005 a
-- move that screissue.status_move forbids; 54000 chain too long.
CREATE FUNCTION card_issuer.confirm_unload(message screissue.message_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET auto_explain.log_nested_statements = off
AS $$
DECLARE
    place record;
    heirs screissue.card_id[];
    status screissue.load_status;
BEGIN
    PERFORM card_issuer.own_company();
    place := card_issuer.require_load(confirm_unload.message);
    heirs := card_issuer.lock_chain(place.card_id);
    SELECT l.status INTO status
      FROM card_issuer.app_load l
     WHERE l.card_id = place.card_id
       AND l.message_id = confirm_unload.message;
    IF status IN ('permitted', 'failed') THEN
        RAISE EXCEPTION 'load "%" is %, there is nothing to unload',
            confirm_unload.message, status
            USING ERRCODE = 'SR009';
    END IF;
    IF status = 'loaded' THEN
        PERFORM screissue.require_move('load', confirm_unload.message::text,
                                       'loaded', 'unloaded');
        UPDATE card_issuer.app_load l
           SET status = 'unloaded',
               ended_at = now()
         WHERE l.card_id = place.card_id
           AND l.message_id = confirm_unload.message;
        PERFORM card_issuer.withdraw_inheritance(
            heirs, place.app_id, confirm_unload.message);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.confirm_unload(screissue.message_id) IS
    'confirm that an application was removed';

-- The record of a load by its message id (claim 4), for operators; the
-- examination is that which counts by now (E49).
-- Errors: SR008 unknown.
CREATE FUNCTION card_issuer.find_load(
    message screissue.message_id,
    OUT card_id screissue.card_id,
    OUT app_id screissue.app_id,
    OUT provider screissue.company_id,
    OUT status screissue.load_status,
    OUT inherits screissue.message_id,
    OUT examination_id bigint,
    OUT fee numeric,
    OUT currency text,
    OUT receipt bytea,
    OUT at_issue boolean,
    OUT permitted_at timestamp with time zone,
    OUT loaded_at timestamp with time zone,
    OUT ended_at timestamp with time zone)
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.require_load(find_load.message);
    SELECT l.card_id, l.app_id, l.provider, l.status, l.inherits,
           coalesce(l.finding_id, l.examination_id), l.fee, l.currency,
           l.receipt, l.at_issue,
           l.permitted_at, l.loaded_at, l.ended_at
      INTO find_load.card_id, find_load.app_id, find_load.provider,
           find_load.status, find_load.inherits, find_load.examination_id,
           find_load.fee, find_load.currency, find_load.receipt,
           find_load.at_issue, find_load.permitted_at, find_load.loaded_at,
           find_load.ended_at
      FROM card_issuer.app_load l
     WHERE l.message_id = find_load.message;
END
$$;
COMMENT ON FUNCTION card_issuer.find_load(screissue.message_id) IS
    'record of a load by message id';
