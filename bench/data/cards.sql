-- A million cards, or twice :pairs: half of them replaced, and the reissued ones that
-- stand for them, each with a secret and with an entitlement to the one
-- application; and the attributes of 20,000 reissued cards, or :samples, drawn at
-- random, in 40 slices in random order.  Written straight into the tables, as no
-- call of the API could in this time.

\if :{?pairs}
\else
    \set pairs 500000
\endif
\if :{?samples}
\else
    \set samples 20000
\endif
SET session_replication_role = replica;         -- foreign keys hold as it is

CREATE FUNCTION bench.old_card(i integer) RETURNS screissue.card_id
    LANGUAGE sql IMMUTABLE
    RETURN (3566002000000000 + i)::text::screissue.card_id;
COMMENT ON FUNCTION bench.old_card(integer) IS 'id of the i-th old card';

CREATE FUNCTION bench.new_card(i integer) RETURNS screissue.card_id
    LANGUAGE sql IMMUTABLE
    RETURN (3566003000000000 + i)::text::screissue.card_id;
COMMENT ON FUNCTION bench.new_card(integer) IS
    'id of the card that replaces the i-th old card';

CREATE FUNCTION bench.secret(i integer) RETURNS text
    LANGUAGE sql IMMUTABLE
    RETURN substr(md5(i::text), 1, 16);
COMMENT ON FUNCTION bench.secret(integer) IS 'secret of the i-th new card';

INSERT INTO card_issuer.card
    (card_id, platform_type, status, issued_at, replaced_by, replaced_at)
SELECT bench.old_card(i), 200, 'replaced', now(), bench.new_card(i), now()
  FROM generate_series(1, :pairs) i;
INSERT INTO card_issuer.card
    (card_id, platform_type, status, issued_at, attribute_key_id,
     secret_sha256, replaces)
SELECT bench.new_card(i), 200, 'active', now(), 1,
       sha256(convert_to(bench.secret(i), 'UTF8')), bench.old_card(i)
  FROM generate_series(1, :pairs) i;
INSERT INTO card_issuer.entitlement
    (card_id, app_id, message_id, old_card_id, hops, granted_at)
SELECT bench.new_card(i), 'D3920000A101',
       screissue.message_id('BANKJP', 'METRO', i), bench.old_card(i), 1, now()
  FROM generate_series(1, :pairs) i;
VACUUM (FREEZE, ANALYZE) card_issuer.card, card_issuer.entitlement;

SELECT setseed(0.3);
CREATE TABLE bench.sample AS
    SELECT (row_number() OVER () % 40)::integer AS slice, s.i,
           bench.new_card(s.i) AS card_id,
           card_issuer.encrypt_attribute(k.key_id, k.scheme, k.public_key,
               convert_to(bench.new_card(s.i)::text || '/' || bench.secret(s.i),
                          'UTF8')) AS attribute
      FROM card_issuer.encryption_key k,
           (SELECT i FROM generate_series(1, :pairs) i
             ORDER BY random() LIMIT :samples) s
     WHERE k.key_id = 1;
ALTER TABLE bench.sample ADD peer bytea;
UPDATE bench.sample s SET peer = substr(screissue.ciphertext(s.attribute), 1, 32);
CREATE INDEX sample_slice_idx ON bench.sample (slice);
CLUSTER bench.sample USING sample_slice_idx;
VACUUM (FREEZE, ANALYZE) bench.sample;
GRANT SELECT ON bench.sample TO metro;

-- The three loops are the same but for the call: for each attribute of a slice
-- one execution of a prepared statement, as PL/pgSQL keeps them.  A negative
-- answer is not counted and so makes the call cost more, never less.
CREATE FUNCTION bench.inquire(slice integer) RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
AS $$
DECLARE
    sample record;
    reply record;
    calls bigint := 0;
BEGIN
    FOR sample IN
        SELECT s.attribute FROM bench.sample s WHERE s.slice = inquire.slice % 40
    LOOP
        SELECT i.platform_type, i.reissued, i.message_id INTO reply
          FROM card_issuer.inquire(sample.attribute, 'D3920000A101') i;
        IF reply.reissued THEN
            calls := calls + 1;
        END IF;
    END LOOP;
    RETURN calls;
END
$$;
COMMENT ON FUNCTION bench.inquire(integer) IS
    'one inquiry for each attribute of a slice; how many were answered OK';

CREATE FUNCTION bench.derive(slice integer) RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
AS $$
DECLARE
    sample record;
    reply record;
    calls bigint := 0;
BEGIN
    FOR sample IN
        SELECT s.peer FROM bench.sample s WHERE s.slice = derive.slice % 40
    LOOP
        SELECT bench.derive_x25519(sample.peer) AS secret INTO reply;
        IF reply.secret IS NOT NULL THEN
            calls := calls + 1;
        END IF;
    END LOOP;
    RETURN calls;
END
$$;
COMMENT ON FUNCTION bench.derive(integer) IS
    'one derivation for each attribute of a slice; how many there were';

CREATE FUNCTION bench.idle(slice integer) RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
AS $$
DECLARE
    sample record;
    reply record;
    calls bigint := 0;
BEGIN
    FOR sample IN
        SELECT s.peer FROM bench.sample s WHERE s.slice = idle.slice % 40
    LOOP
        SELECT bench.nothing(sample.peer) AS result INTO reply;
        IF reply.result IS NOT NULL THEN
            calls := calls + 1;
        END IF;
    END LOOP;
    RETURN calls;
END
$$;
COMMENT ON FUNCTION bench.idle(integer) IS 'the loop alone';
