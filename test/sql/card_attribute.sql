-- card_attribute: encrypted card ids
SET search_path = screissue, public;

SELECT input::card_attribute AS value, scheme(input::card_attribute), key_id(input::card_attribute),
       ciphertext(input::card_attribute), card_attribute_send(input::card_attribute) AS image
FROM (VALUES ('ecies-x25519:27:b2e92f836055a255837debf850b528997ce0201cb82adfe4be1f587d07d8457dcb02352410cddd9e730ef3fa87'),
             ('ecies-p256:0:B2E9'), ('ecies-p256:9:00'), ('rsa-oaep-sha256:10:00ff'),
             ('rsa-oaep-sha256:255:fF')) AS v(input);

SELECT typlen, typbyval, typalign, typstorage FROM pg_type WHERE oid = 'card_attribute'::regtype;

-- made from its parts, taken apart into them
SELECT card_attribute('ecies-x25519', 27, '\xb2e9');
SELECT card_attribute(scheme => 'ecies-p256', key_id => 0, ciphertext => '\x01') = 'ecies-p256:0:01' AS t;
SELECT card_attribute('ecies-x25519', 256, '\xb2e9');
SELECT card_attribute('ecies-x25519', -1, '\xb2e9');
SELECT card_attribute('ECIES-X25519', 1, '\xb2e9');
SELECT card_attribute('', 1, '\xb2e9');
SELECT card_attribute('ecies-x25519', 1, '');
SELECT card_attribute('ecies-x25519', 1, decode(repeat('ab', 1537), 'hex'));
SELECT card_attribute(NULL, 1, '\xb2e9') IS NULL AS t, scheme(NULL) IS NULL AS t, key_id(NULL) IS NULL AS t,
       ciphertext(NULL) IS NULL AS t;

-- every scheme, key id and length comes back
CREATE TEMP TABLE attribute (id int, scheme text, key_id int, ciphertext bytea, a card_attribute);
INSERT INTO attribute
SELECT i, s, i % 256, c, card_attribute(s, i % 256, c)
FROM generate_series(1, 1536) AS i,
     LATERAL (SELECT (ARRAY['ecies-x25519', 'ecies-p256', 'rsa-oaep-sha256'])[1 + i % 3],
                     decode(left(repeat(md5(i::text), 96), 2 * i), 'hex')) AS v(s, c);
SELECT count(*), sum(octet_length(card_attribute_send(a)) - octet_length(ciphertext)) / count(*) AS header FROM attribute;
SELECT count(*) AS wrong FROM attribute t
WHERE scheme(a) <> t.scheme OR key_id(a) <> t.key_id OR ciphertext(a) <> t.ciphertext
   OR a::text::card_attribute <> a OR a::text <> t.scheme || ':' || t.key_id || ':' || encode(t.ciphertext, 'hex');

-- equality: of the whole image, also of compressed and toasted values
CREATE TEMP TABLE toasted AS SELECT * FROM attribute;
ALTER TABLE toasted ALTER a SET STORAGE external, ADD filler text;
ALTER TABLE toasted ALTER filler SET STORAGE plain;
UPDATE toasted SET filler = repeat('x', 1900), a = (a::text)::card_attribute;
SELECT count(*) FROM attribute JOIN toasted USING (a) WHERE attribute.id = toasted.id;
SET enable_hashjoin = off;
SELECT count(*) FROM attribute x JOIN toasted y ON x.a = y.a AND x.id > 1500;
RESET enable_hashjoin;
SELECT count(DISTINCT a::text), count(*) FROM (SELECT a FROM attribute GROUP BY a) AS s;
SELECT count(*) FROM attribute x, attribute y WHERE x.a <> y.a AND x.id <= 20 AND y.id <= 20;
SELECT 'ecies-x25519:1:ab'::card_attribute = 'ecies-x25519:1:AB' AS t,
       'ecies-x25519:1:ab'::card_attribute = 'ecies-x25519:2:ab' AS f,
       'ecies-x25519:1:ab'::card_attribute = 'ecies-p256:1:ab' AS f,
       'ecies-x25519:1:ab'::card_attribute = 'ecies-x25519:1:ab00' AS f,
       'ecies-x25519:1:ab'::card_attribute <> 'ecies-x25519:1:ac' AS t;

-- no order
SELECT a FROM attribute ORDER BY a;
SELECT count(*) FROM attribute WHERE a < a;

-- a hash index finds it
CREATE INDEX ON attribute USING hash (a);
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM attribute WHERE a = 'ecies-p256:1:c4ca';
SELECT id FROM attribute x WHERE a = (SELECT a FROM toasted y WHERE y.id = 1000);
RESET enable_seqscan;

-- explicit casts only
CREATE TEMP TABLE note (t text, a card_attribute);
INSERT INTO note (a) VALUES ('ecies-p256:1:c4'::text);
INSERT INTO note (t) SELECT a FROM attribute;
INSERT INTO note VALUES ('ecies-p256:1:C4'::card_attribute::text, 'ecies-p256:1:C4'::text::card_attribute)
RETURNING t, a;

-- frozen: the hash is that of the image
SELECT card_attribute_hash('ecies-x25519:65:42') = hashtext(E'\x01\x01\x41\x42') AS t,
       card_attribute_hash_extended('rsa-oaep-sha256:65:42', 3) = hashtextextended(E'\x01\x03\x41\x42', 3) AS t;
