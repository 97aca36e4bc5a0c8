-- What users pay (claim 14)

-- R52, E53: the price of a load, or of a reload for a reason; reason NULL =
-- any reason that has no price of its own.  Replaces the former price for
-- verdicts to come, past ones keep theirs.
-- Errors: SR003 unknown application; 22023 for an amount below zero or not
-- finite, a currency that is not three capitals, or a load with a reason.
CREATE FUNCTION service_provider.set_tariff(
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
    PERFORM service_provider.own_company();
    PERFORM screissue.require('app', set_tariff.app IS NOT NULL);
    PERFORM service_provider.require_application(set_tariff.app);
    PERFORM screissue.require_tariff(set_tariff.kind, set_tariff.amount,
                                     set_tariff.currency, set_tariff.reason);

    INSERT INTO service_provider.tariff AS t
        (app_id, kind, reason, amount, currency)
    VALUES (set_tariff.app, set_tariff.kind, set_tariff.reason,
            set_tariff.amount, set_tariff.currency)
    ON CONFLICT ON CONSTRAINT tariff_app_id_kind_reason_key DO UPDATE
       SET amount = EXCLUDED.amount,
           currency = EXCLUDED.currency;
END
$$;
COMMENT ON FUNCTION service_provider.set_tariff(
    screissue.app_id, screissue.tariff_kind, numeric, text,
    screissue.reissue_reason) IS
    'price of a load or reload of an application';

-- The price that holds now: that of the reason, else that of any reason;
-- NULL = not charged (R48).  The reason is the text of a notice: one that we
-- do not know is any reason.  tariff_reason is that of the line found.
CREATE FUNCTION service_provider.find_price(
    app screissue.app_id,
    kind screissue.tariff_kind,
    reason text,
    OUT fee numeric,
    OUT currency text,
    OUT tariff_reason screissue.reissue_reason)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    SELECT t.amount, t.currency, t.reason
      INTO find_price.fee, find_price.currency, find_price.tariff_reason
      FROM service_provider.tariff t
     WHERE t.app_id = find_price.app
       AND t.kind = find_price.kind
       AND (t.reason IS NULL OR t.reason::text = find_price.reason)
     ORDER BY t.reason NULLS LAST
     LIMIT 1;
END
$$;
COMMENT ON FUNCTION service_provider.find_price(
    screissue.app_id, screissue.tariff_kind, text) IS
    'price of a load or reload at this moment';
