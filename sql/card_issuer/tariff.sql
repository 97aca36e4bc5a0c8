-- What providers pay (claim 13, R51)

-- Sets the price of a load or a reload; only a reload has a
-- reason, NULL stands for any.  Earlier loads keep their price.
-- Errors: SR003 unknown application; 22023.
CREATE FUNCTION card_issuer.set_tariff(
    app screissue.app_id,
    kind screissue.tariff_kind,
    amount numeric,
    currency text,
    reason screissue.reissue_reason DEFAULT NULL)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.get_application(set_tariff.app);
    PERFORM screissue.require_tariff(set_tariff.kind, set_tariff.amount,
                                     set_tariff.currency, set_tariff.reason);

    INSERT INTO card_issuer.tariff (app_id, kind, reason, amount, currency)
    VALUES (set_tariff.app, set_tariff.kind, set_tariff.reason,
            set_tariff.amount, set_tariff.currency)
        ON CONFLICT ON CONSTRAINT tariff_app_id_kind_reason_key DO UPDATE
       SET amount = excluded.amount,
           currency = excluded.currency;
END
$$;
COMMENT ON FUNCTION card_issuer.set_tariff(
    screissue.app_id, screissue.tariff_kind, numeric, text,
    screissue.reissue_reason) IS
    'set what a provider pays for a load or a reload';

-- The price of a load: the line for this reason, else the one for any; reason is
-- that line's.  NULL: loading is not charged (R48).
CREATE FUNCTION card_issuer.find_price(
    app screissue.app_id,
    kind screissue.tariff_kind,
    INOUT reason screissue.reissue_reason,
    OUT amount numeric,
    OUT currency text)
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT t.reason, t.amount, t.currency
      FROM card_issuer.tariff t
     WHERE t.app_id = find_price.app
       AND t.kind = find_price.kind
       AND (t.reason = find_price.reason OR t.reason IS NULL)
     ORDER BY t.reason NULLS LAST
     LIMIT 1
$$;
COMMENT ON FUNCTION card_issuer.find_price(
    screissue.app_id, screissue.tariff_kind, screissue.reissue_reason) IS
    'price of a load or reload';

-- The price of a load on a card, a reload if it inherits from old_card, and the
-- line of the tariff that gave it.
CREATE FUNCTION card_issuer.price_load(
    app screissue.app_id,
    card screissue.card_id,
    old_card screissue.card_id,
    OUT kind screissue.tariff_kind,
    OUT reason screissue.reissue_reason,
    OUT amount numeric,
    OUT currency text)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    price_load.kind := 'load';
    IF old_card IS NOT NULL THEN
        price_load.kind := 'reload';
        price_load.reason := card_issuer.reissue_reason(old_card, card)
                             ::reissue_reason;
    END IF;
    SELECT p.reason, p.amount, p.currency
      INTO price_load.reason, price_load.amount, price_load.currency
      FROM card_issuer.find_price(
               app, price_load.kind, price_load.reason) p;
END
$$;
COMMENT ON FUNCTION card_issuer.price_load(
    screissue.app_id, screissue.card_id, screissue.card_id) IS
    'price of a load on a card';

-- A reissue is withdrawn: what a reload on its card cost is given back (E52).
-- Loads that were no reloads are not: the reissue did not cause them.
CREATE FUNCTION card_issuer.refund(
    card screissue.card_id,
    message screissue.message_id)
    RETURNS void
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    UPDATE card_issuer.app_load l SET refunded_at = now()
     WHERE l.card_id = card
       AND l.message_id = message
       AND l.tariff_kind = 'reload'
       AND l.fee IS NOT NULL
       AND l.refunded_at IS NULL
$$;
COMMENT ON FUNCTION
    card_issuer.refund(screissue.card_id, screissue.message_id) IS
    'refund a reload on a card whose reissue is withdrawn';

-- The same for a reload that is confirmed only after the withdrawal.
CREATE FUNCTION card_issuer.refund_if_withdrawn(
    card screissue.card_id,
    message screissue.message_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM card_issuer.card c
                WHERE c.card_id = card
                  AND c.status = 'revoked') THEN
        PERFORM card_issuer.refund(card, message);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.refund_if_withdrawn(
    screissue.card_id, screissue.message_id) IS
    'refund a reload that was confirmed after its reissue was withdrawn';
