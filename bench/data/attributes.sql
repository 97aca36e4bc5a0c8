-- Stored card attributes of each scheme, all different, with what the limit
-- functions take: the sender's public key, or the ciphertext.

CREATE FUNCTION bench.make_attributes(key_id integer, n integer)
    RETURNS TABLE (card_id screissue.card_id, attribute screissue.card_attribute)
    LANGUAGE sql
    VOLATILE
AS $$
    SELECT c.card_id::screissue.card_id,
           card_issuer.encrypt_attribute(k.key_id, k.scheme, k.public_key,
                                         convert_to(c.card_id, 'UTF8'))
      FROM card_issuer.encryption_key k,
           (SELECT (3566002000000000 + i)::text FROM generate_series(1, n) i)
               AS c (card_id)
     WHERE k.key_id = make_attributes.key_id
$$;
COMMENT ON FUNCTION bench.make_attributes(integer, integer) IS
    'card attributes with the card ids that are in them';

CREATE TABLE bench.x25519 AS
    SELECT a.*, substr(screissue.ciphertext(a.attribute), 1, 32) AS peer
      FROM bench.make_attributes(1, 600) a;
CREATE TABLE bench.p256 AS
    SELECT a.*, substr(screissue.ciphertext(a.attribute), 1, 33) AS peer
      FROM bench.make_attributes(2, 400) a;
CREATE TABLE bench.rsa AS
    SELECT a.*, screissue.ciphertext(a.attribute) AS ciphertext
      FROM bench.make_attributes(3, 100) a;

-- What is timed has to be right.
DO $$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT a.card_id, a.attribute FROM bench.x25519 a
                     UNION ALL
                     SELECT a.card_id, a.attribute FROM bench.p256 a
                     UNION ALL
                     SELECT a.card_id, a.attribute FROM bench.rsa a) a
         WHERE card_issuer.decrypt_attribute(a.attribute)
               OPERATOR(screissue.<>) a.card_id)
    THEN
        RAISE EXCEPTION 'an attribute was not decrypted to its card id';
    END IF;
END
$$;
VACUUM (FREEZE, ANALYZE) bench.x25519, bench.p256, bench.rsa;
