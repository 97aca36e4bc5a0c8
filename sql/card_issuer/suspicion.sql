-- Inquiries that no terminal in order makes (E43-E45)

-- What is wrong with an inquiry of this cause: its application, attribute or
-- card; NULL for a cause that honest holders meet.
CREATE FUNCTION card_issuer.suspicion(cause text)
    RETURNS text
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'screissue_suspicion';
COMMENT ON FUNCTION card_issuer.suspicion(text) IS
    'what is suspicious about an inquiry, by the cause of its reply';
