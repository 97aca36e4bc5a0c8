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

-- The price of a load: the line for this reason, else the one for any.
-- NULL: loading is not charged (R48).
CREATE FUNCTION card_issuer.find_price(
    app screissue.app_id,
    kind screissue.tariff_kind,
    reason screissue.reissue_reason,
    OUT amount numeric,
    OUT currency text)
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT t.amount, t.currency
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
