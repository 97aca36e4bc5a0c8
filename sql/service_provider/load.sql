-- Records of loads, by message id (Fig. 17) and by card id (Fig. 14)

-- R42: the id of a card that only the issuer may read is never stored here.
CREATE FUNCTION service_provider.refuse_secret_card_id(
    platform_type integer,
    card screissue.card_id)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF card IS NOT NULL AND screissue.method_of(platform_type) = 2 THEN
        RAISE EXCEPTION 'card id given for platform type %, whose ids only the issuer may read',
            platform_type
            USING ERRCODE = '22023',
                  HINT = 'Leave "card" out; the issuer is asked with the card attribute.';
    END IF;
END
$$;
COMMENT ON FUNCTION
    service_provider.refuse_secret_card_id(integer, screissue.card_id) IS
    'check that a card id may be stored at the provider';

-- Did this issuer give the permission to us, or to a provider that had the
-- application before us (E14)?
CREATE FUNCTION service_provider.is_ours(
    message screissue.message_id,
    app screissue.app_id,
    issuer screissue.company_id)
    RETURNS boolean
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT screissue.issuer(message) = is_ours.issuer
       AND (provider(message) = service_provider.own_company()
         OR EXISTS (SELECT FROM service_provider.former_provider f
                     WHERE f.app_id = app
                       AND f.provider = screissue.provider(message)))
$$;
COMMENT ON FUNCTION service_provider.is_ours(
    screissue.message_id, screissue.app_id, screissue.company_id) IS
    'whether a loading permission is of an issuer, for us';

-- Raises 22023 unless the permission was given to us, and by this issuer.
CREATE FUNCTION service_provider.require_message(
    message screissue.message_id,
    app screissue.app_id,
    issuer screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF NOT service_provider.is_ours(message, app, require_message.issuer) THEN
        RAISE EXCEPTION 'message id "%" is none of issuer "%" for this provider',
            message, require_message.issuer
            USING ERRCODE = '22023',
                  HINT = 'Give the id that the issuer''s permit_load returned.';
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.require_message(
    screissue.message_id, screissue.app_id, screissue.company_id) IS
    'check that a loading permission is of an issuer, for us';

CREATE FUNCTION service_provider.raise_unknown_load(
    message screissue.message_id)
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'no load is recorded under message id "%"', message
        USING ERRCODE = 'SR008',
              HINT = 'Call service_provider.record_load() first.';
END
$$;
COMMENT ON FUNCTION
    service_provider.raise_unknown_load(screissue.message_id) IS
    'error SR008';

-- Locks the record of a load and returns its status.
-- Errors: SR008 unknown.
CREATE FUNCTION service_provider.lock_load(message screissue.message_id)
    RETURNS screissue.load_status
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    status screissue.load_status;
BEGIN
    SELECT l.status INTO status
      FROM service_provider.app_load l
     WHERE l.message_id = message
       FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM service_provider.raise_unknown_load(lock_load.message);
    END IF;
    RETURN status;
END
$$;
COMMENT ON FUNCTION service_provider.lock_load(screissue.message_id) IS
    'lock the record of a load';

-- Does a load of the first status bear a report of the second?  The same
-- again and what was so before it are no news; permitted may become anything.
CREATE FUNCTION service_provider.may_become(
    recorded screissue.load_status,
    reported screissue.load_status)
    RETURNS boolean
    LANGUAGE sql
    IMMUTABLE STRICT
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT recorded = 'permitted' OR reported = 'permitted'
        OR (recorded = 'failed') = (reported = 'failed')
$$;
COMMENT ON FUNCTION service_provider.may_become(
    screissue.load_status, screissue.load_status) IS
    'whether a report agrees with the recorded status of a load';

-- R7, R8, R46, R47: the record of a load under a loading permission.
-- permitted stores it before the card is touched; loaded and failed tell what
-- came of it.  The price is that of a load now and stays (R52); failed loads
-- cost nothing.  Repeatable: what was not given before is filled in, a null
-- neither contradicts nor erases.
-- Errors: SR002 unknown issuer; SR003 unknown application; SR009 contradicts
-- the record; 22023 another provider's message id, another status, or a card
-- id of a platform whose ids only the issuer may read.
CREATE FUNCTION service_provider.record_load(
    message screissue.message_id,
    app screissue.app_id,
    card screissue.card_id DEFAULT NULL,
    user_ref text DEFAULT NULL,
    examination screissue.verdict DEFAULT NULL,
    account jsonb DEFAULT NULL,
    platform_type integer DEFAULT NULL,
    status screissue.load_status DEFAULT 'loaded')
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('message', record_load.message IS NOT NULL);
    PERFORM screissue.require('app', record_load.app IS NOT NULL);
    PERFORM screissue.require('status', record_load.status IS NOT NULL);
    IF record_load.status NOT IN ('permitted', 'loaded', 'failed') THEN
        RAISE EXCEPTION 'a load cannot be recorded as %', record_load.status
            USING ERRCODE = '22023',
                  HINT = 'Record it as permitted, loaded or failed.';
    END IF;
    PERFORM service_provider.require_issuer(issuer(record_load.message));
    PERFORM service_provider.require_message(
        record_load.message, record_load.app, issuer(record_load.message));
    PERFORM service_provider.require_application(record_load.app);
    PERFORM screissue.check_valid_for(record_load.examination.valid_for);

    PERFORM service_provider.create_load(record_load.message, record_load.app);
    PERFORM service_provider.check_agreement(
        record_load.message, record_load.app, record_load.card,
        record_load.user_ref, record_load.account, record_load.platform_type,
        record_load.status);
    PERFORM service_provider.fill_load(
        record_load.message, record_load.card, record_load.user_ref,
        record_load.account, record_load.platform_type, record_load.status);
    PERFORM service_provider.refuse_secret_card_id(l.platform_type, l.card_id)
       FROM service_provider.app_load l
      WHERE l.message_id = record_load.message;
    IF record_load.examination IS DISTINCT FROM NULL THEN
        PERFORM service_provider.attach_examination(
            record_load.message, record_load.examination);
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.record_load(
    screissue.message_id, screissue.app_id, screissue.card_id, text,
    screissue.verdict, jsonb, integer, screissue.load_status) IS
    'record of a load under a loading permission (Fig. 14, Fig. 17)';

-- Makes the record, permitted and priced, unless there is one; locks it.  What
-- a load under a former provider's permission cost is no matter of ours (E14).
CREATE FUNCTION service_provider.create_load(
    message screissue.message_id,
    app screissue.app_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    INSERT INTO service_provider.app_load AS l
        (message_id, issuer, app_id, status, fee, currency, tariff_reason,
         permitted_at)
    SELECT create_load.message, issuer(create_load.message), create_load.app,
           'permitted', p.fee, p.currency, p.tariff_reason, now()
      FROM (SELECT) one_row
      LEFT JOIN service_provider.find_price(create_load.app, 'load', NULL) p
        ON provider(create_load.message) = service_provider.own_company()
    ON CONFLICT ON CONSTRAINT app_load_pkey DO NOTHING;
    PERFORM service_provider.lock_load(create_load.message);
END
$$;
COMMENT ON FUNCTION
    service_provider.create_load(screissue.message_id, screissue.app_id) IS
    'make and lock the record of a load';

-- Raises SR009 if something given contradicts the record of a load.
CREATE FUNCTION service_provider.check_agreement(
    message screissue.message_id,
    app screissue.app_id,
    card screissue.card_id,
    user_ref text,
    account jsonb,
    platform_type integer,
    status screissue.load_status)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    contradiction text;
BEGIN
    SELECT CASE
           WHEN l.app_id <> check_agreement.app THEN 'application'
           WHEN l.card_id <> check_agreement.card THEN 'card'
           WHEN l.user_ref <> check_agreement.user_ref THEN 'user_ref'
           WHEN l.account <> check_agreement.account THEN 'account'
           WHEN l.platform_type <> check_agreement.platform_type
               THEN 'platform_type'
           WHEN NOT service_provider.may_become(l.status,
                                                check_agreement.status)
               THEN 'status'
           END
      INTO STRICT contradiction
      FROM service_provider.app_load l
     WHERE l.message_id = check_agreement.message;
    IF contradiction IS NOT NULL THEN
        RAISE EXCEPTION 'load "%" is recorded with another %',
            message, contradiction
            USING ERRCODE = 'SR009',
                  HINT = 'See service_provider.find_load() for what is recorded.';
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.check_agreement(
    screissue.message_id, screissue.app_id, screissue.card_id, text, jsonb,
    integer, screissue.load_status) IS
    'check that nothing given contradicts the record of a load';

-- Fills in what the record did not know.  Errors: SR005 a move that
-- screissue.status_move forbids.
CREATE FUNCTION service_provider.fill_load(
    message screissue.message_id,
    card screissue.card_id,
    user_ref text,
    account jsonb,
    platform_type integer,
    status screissue.load_status)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.require_load_move(
        fill_load.message, 'permitted', fill_load.status)
       FROM service_provider.app_load l
      WHERE l.message_id = fill_load.message
        AND l.status = 'permitted'
        AND fill_load.status <> 'permitted';
    UPDATE service_provider.app_load l
       SET card_id = coalesce(l.card_id, fill_load.card),
           user_ref = coalesce(l.user_ref, fill_load.user_ref),
           account = coalesce(l.account, fill_load.account),
           platform_type = coalesce(l.platform_type, fill_load.platform_type),
           status = CASE WHEN l.status = 'permitted' THEN fill_load.status
                         ELSE l.status END,
           loaded_at = CASE WHEN l.status = 'permitted'
                             AND fill_load.status = 'loaded' THEN now()
                            ELSE l.loaded_at END
     WHERE l.message_id = fill_load.message;
END
$$;
COMMENT ON FUNCTION service_provider.fill_load(
    screissue.message_id, screissue.card_id, text, jsonb, integer,
    screissue.load_status) IS
    'complete the record of a load';

-- R48: the examination made for a load.  Repeated: nothing happens; another
-- one contradicts, later findings go through record_examination.
CREATE FUNCTION service_provider.attach_examination(
    message screissue.message_id,
    examination screissue.verdict)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    first_id bigint;
BEGIN
    SELECT coalesce(min(x.examination_id), l.examination_id) INTO first_id
      FROM service_provider.app_load l
      LEFT JOIN service_provider.examination x
        ON x.message_id = l.message_id
       AND x.event = 'load'
     WHERE l.message_id = attach_examination.message
     GROUP BY l.message_id;
    IF first_id IS NULL THEN
        first_id := service_provider.store_examination(
            'load', attach_examination.message, attach_examination.examination);
        UPDATE service_provider.app_load l
           SET examination_id = first_id
         WHERE l.message_id = attach_examination.message;
    ELSIF NOT service_provider.same_verdict(
              first_id, attach_examination.examination) THEN
        RAISE EXCEPTION 'load "%" is recorded with another examination', message
            USING ERRCODE = 'SR009',
                  HINT = 'Later findings go through service_provider.record_examination().';
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.attach_examination(
    screissue.message_id, screissue.verdict) IS
    'examination made for a load';

-- Raises SR005 unless a load of the one status may get the other.
CREATE FUNCTION service_provider.require_load_move(
    message screissue.message_id,
    from_status screissue.load_status,
    to_status screissue.load_status)
    RETURNS void
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT screissue.require_move('load', message::text, from_status::text,
                                  to_status::text)
$$;
COMMENT ON FUNCTION service_provider.require_load_move(
    screissue.message_id, screissue.load_status, screissue.load_status) IS
    'check that a load may get another status';

-- R12: the user had the application removed.  A load that a reload superseded
-- stays as it is.  Repeated: nothing happens.
-- Errors: SR008 unknown; SR009 never loaded; SR005 a move that
-- screissue.status_move forbids.
CREATE FUNCTION service_provider.record_unload(message screissue.message_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    status screissue.load_status;
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('message', record_unload.message IS NOT NULL);
    status := service_provider.lock_load(record_unload.message);

    IF status IN ('permitted', 'failed') THEN
        RAISE EXCEPTION 'load "%" is %, it cannot be unloaded',
            message, status
            USING ERRCODE = 'SR009';
    END IF;
    IF status = 'loaded' THEN
        PERFORM service_provider.require_load_move(
            record_unload.message, status, 'unloaded');
        UPDATE service_provider.app_load l
           SET status = 'unloaded',
               ended_at = now(),
               confirmed_at = NULL
         WHERE l.message_id = record_unload.message;
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.record_unload(screissue.message_id) IS
    'record that an application was removed from its card';

-- R40, R47, claim 4: the record of a load by message id, with the examination
-- that counts now.  Errors: SR008 unknown.
CREATE FUNCTION service_provider.find_load(
    message screissue.message_id,
    OUT issuer screissue.company_id,
    OUT app_id screissue.app_id,
    OUT card_id screissue.card_id,
    OUT platform_type integer,
    OUT user_ref text,
    OUT status screissue.load_status,
    OUT examination_id bigint,
    OUT examination_approved boolean,
    OUT examination_valid_until timestamp with time zone,
    OUT account jsonb,
    OUT fee numeric,
    OUT currency text,
    OUT permitted_at timestamp with time zone,
    OUT loaded_at timestamp with time zone,
    OUT ended_at timestamp with time zone,
    OUT confirmed_at timestamp with time zone,
    OUT inherits screissue.message_id)
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('message', find_load.message IS NOT NULL);
    SELECT l.issuer, l.app_id, l.card_id, l.platform_type, l.user_ref,
           l.status, l.examination_id, x.approved, x.valid_until, l.account,
           l.fee, l.currency, l.permitted_at, l.loaded_at, l.ended_at,
           l.confirmed_at, l.inherits
      INTO find_load.issuer, find_load.app_id, find_load.card_id,
           find_load.platform_type, find_load.user_ref, find_load.status,
           find_load.examination_id, find_load.examination_approved,
           find_load.examination_valid_until, find_load.account,
           find_load.fee, find_load.currency, find_load.permitted_at,
           find_load.loaded_at, find_load.ended_at, find_load.confirmed_at,
           find_load.inherits
      FROM service_provider.app_load l
      LEFT JOIN service_provider.examination x
        ON x.examination_id = l.examination_id
     WHERE l.message_id = find_load.message;
    IF NOT FOUND THEN
        PERFORM service_provider.raise_unknown_load(find_load.message);
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.find_load(screissue.message_id) IS
    'record of a load by message id (Fig. 17)';

-- The load that stands now where this one stood: itself, or the newest reload
-- that inherits from it; NULL if the user had it removed or it never
-- succeeded.  Errors: 54000 after screissue.max_lineage reloads (E4).
CREATE FUNCTION service_provider.live_load(message screissue.message_id)
    RETURNS screissue.message_id
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    current_id screissue.message_id := message;
    status screissue.load_status;
BEGIN
    FOR hop IN 0 .. current_setting('screissue.max_lineage')::integer LOOP
        SELECT l.status INTO status
          FROM service_provider.app_load l
         WHERE l.message_id = current_id;
        IF status = 'loaded' THEN
            RETURN current_id;
        ELSIF status IS DISTINCT FROM 'superseded' THEN
            RETURN NULL;
        END IF;
        SELECT l.message_id INTO current_id
          FROM service_provider.app_load l
         WHERE l.inherits = current_id
           AND l.status IN ('loaded', 'superseded', 'unloaded')
         ORDER BY l.loaded_at DESC, l.message_id DESC
         LIMIT 1;
    END LOOP;
    RAISE EXCEPTION 'chain of reloads from "%" is too long', message
        USING ERRCODE = '54000',
              HINT = 'Raise screissue.max_lineage.';
END
$$;
COMMENT ON FUNCTION service_provider.live_load(screissue.message_id) IS
    'load that stands where an earlier one stood';
