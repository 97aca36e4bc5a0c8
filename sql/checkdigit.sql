-- Check digits of card ids
--
-- False for a card id that is not of digits.

CREATE FUNCTION screissue.luhn_valid(card screissue.card_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'screissue_luhn_valid';
COMMENT ON FUNCTION screissue.luhn_valid(screissue.card_id) IS
    'validity by the Luhn formula (payment cards, ICCID)';

CREATE FUNCTION screissue.mod97_valid(card screissue.card_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'screissue_mod97_valid';
COMMENT ON FUNCTION screissue.mod97_valid(screissue.card_id) IS
    'validity modulo 97 (EID)';
