-- card_id: ids of cards, as digits, bytes or a symbol
SET search_path = screissue, public;

CREATE TEMP TABLE sample (input text, canonical text, note text);
INSERT INTO sample VALUES
    ('4111111111111111', '4111111111111111', 'PAN'),
    ('4111 1111 1111 1111', '4111111111111111', 'PAN in groups'),
    ('4111-1111-1111-1111', '4111111111111111', 'PAN with hyphens'),
    ('3782-822463 10005', '378282246310005', '15 digits, mixed groups'),
    ('0000000000000000', '0000000000000000', 'zeros'),
    ('0004111', '0004111', 'leading zeros'),
    ('1234', '1234', 'shortest digits'),
    ('12345', '12345', 'odd number of digits'),
    ('1234-5678', '1234-5678', 'digits, not a symbol'),
    ('89034011560010000000000000000121', '89034011560010000000000000000121', 'EID'),
    (repeat('9', 40), repeat('9', 40), 'longest digits'),
    (trim(repeat('1 ', 40)), repeat('1', 40), 'longest digits, all apart'),
    (repeat('1', 39), repeat('1', 39), 'longest odd number of digits'),
    ('0xA00192030405060708C9', '0xA00192030405060708C9', 'bytes'),
    ('0Xa00192030405060708c9', '0xA00192030405060708C9', 'bytes, cases swapped'),
    ('0x00000000', '0x00000000', 'shortest bytes'),
    ('0x12345678', '0x12345678', 'bytes, not digits'),
    ('0x' || repeat('fF', 20), '0x' || repeat('FF', 20), 'longest bytes'),
    ('JE123456789012345', 'JE123456789012345', 'symbol'),
    ('je123456789012345', 'JE123456789012345', 'symbol in lower case'),
    ('12-AB', '12-AB', 'symbol, not digits'),
    ('A', 'A', 'shortest symbol'),
    ('x0', 'X0', 'symbol, not bytes'),
    ('._-z', '._-Z', 'symbol of all classes'),
    (repeat('Z', 32), repeat('Z', 32), 'longest symbol');
UPDATE sample SET canonical = '12345678' WHERE input = '1234-5678';

SELECT input, note FROM sample WHERE input::card_id::text <> canonical
   OR canonical::card_id <> input::card_id OR card_id_send(canonical::card_id) <> card_id_send(input::card_id);
SELECT input::card_id AS value, card_id_send(input::card_id) AS image, mask(input::card_id), note
FROM sample ORDER BY input::card_id, input COLLATE "C";

SELECT typlen, typbyval, typalign, typstorage FROM pg_type WHERE oid = 'card_id'::regtype;

-- a 16-digit number takes 10 bytes in a table
CREATE TEMP TABLE card (id card_id, note text);
INSERT INTO card SELECT input::card_id, note FROM sample;
SELECT pg_column_size(id) AS bytes FROM card WHERE note = 'PAN';
SELECT DISTINCT pg_column_size(id) - octet_length(card_id_send(id)) AS header FROM card;

-- order: kind, payload, number of digits; within a kind that of the texts
INSERT INTO card
SELECT left(translate(md5(i::text), 'abcdef', '012345'), 4 + i % 29)::card_id FROM generate_series(1, 4000) AS i
UNION ALL SELECT ('0x' || left(md5(i::text), 8 + 2 * (i % 13)))::card_id FROM generate_series(1, 2000) AS i
UNION ALL SELECT ('K' || left(md5(i::text), 1 + i % 31))::card_id FROM generate_series(1, 2000) AS i
UNION ALL SELECT (rpad('12', i, '0'))::card_id FROM generate_series(4, 40) AS i
UNION ALL SELECT (rpad('0', i, '0'))::card_id FROM generate_series(4, 40) AS i
UNION ALL SELECT (rpad('411111111111111', i, '1'))::card_id FROM generate_series(15, 40) AS i
UNION ALL SELECT ('0x' || repeat('00', i))::card_id FROM generate_series(4, 20) AS i;
SELECT count(*) AS values, count(*) FILTER (WHERE by_type <> by_rule) AS against_rule,
       count(*) FILTER (WHERE by_type <> by_text) AS against_text
FROM (SELECT rank() OVER (ORDER BY id) AS by_type,
             rank() OVER (ORDER BY get_byte(card_id_send(id), 0) >> 4, substr(card_id_send(id), 2),
                                   length(id::text)) AS by_rule,
             rank() OVER (ORDER BY get_byte(card_id_send(id), 0) >> 4, id::text COLLATE "C") AS by_text
      FROM card) AS s;
SELECT min(id), max(id) FROM card;
SELECT '1234'::card_id < '12340' AS t, '12340'::card_id < '123400' AS t, '9999'::card_id < '0x00000000' AS t,
       '0xFFFFFFFF'::card_id < '.A' AS t, '12340'::card_id = '123400' AS f, '0123'::card_id = '00123' AS f,
       '12345678'::card_id = '0x12345678' AS f;

-- equal values have one image
SELECT count(*) AS different FROM card a JOIN card b ON a.id = b.id
WHERE card_id_send(a.id) <> card_id_send(b.id);

-- the mask: first six, last four at most, never more than half of it
SELECT bool_and(length(m) = length(t)) AS same_length,
       bool_and(2 * length(replace(m, '*', '')) <= length(t)) AS half_hidden,
       bool_and(m ~ '^[^*]{0,6}[*]+[^*]{0,4}$') AS ends_only,
       bool_and(starts_with(t, split_part(m, '*', 1))) AS true_start
FROM (SELECT regexp_replace(id::text, '^0x', '') AS t, regexp_replace(mask(id), '^0x', '') AS m FROM card) AS s;
SELECT mask(id::card_id) FROM unnest('{1234,12345678,411111111111,JE-1234-5678,A,AB.CDEFGH,0x01020304}'::text[]) AS id;

-- values from tables (packed) and parameters (not packed) are the same
PREPARE find(card_id) AS SELECT id, note FROM card WHERE id = $1 AND note IS NOT NULL ORDER BY note;
EXECUTE find('4111 1111 1111 1111');
SELECT count(*) FROM card c JOIN sample s ON c.id = s.input::card_id AND c.note = s.note;

-- a compressed value is read too
CREATE TEMP TABLE wide (id card_id, filler text);
ALTER TABLE wide ALTER filler SET STORAGE plain;
INSERT INTO wide SELECT repeat('Z', 32)::card_id, repeat('x', 5000) FROM generate_series(1, 20);
SELECT count(*), min(id) = max(id) AS same FROM wide WHERE id = repeat('z', 32)::card_id;

-- explicit casts only
CREATE TEMP TABLE note (t text, c card_id);
INSERT INTO note (c) VALUES ('1234'::text);
INSERT INTO note (t) SELECT id FROM card;
SELECT id FROM card WHERE id = '1234'::text;
SELECT 1234::card_id;
INSERT INTO note VALUES ('1234'::card_id::text, '12-34'::text::card_id) RETURNING t, c;

SELECT mask(NULL) IS NULL AS t, card_id_cmp('1234', NULL) IS NULL AS t;

-- frozen: the hash is that of the image
SELECT card_id_hash('abc') = hashtext('0ABC') AS t,
       card_id_hash('12345678') = hashtext(E'\x10\x12\x34\x56\x78') AS t,
       card_id_hash_extended('12345', 7) = hashtextextended(E'\x11\x12\x34\x50', 7) AS t,
       card_id_hash('0x41424344') = hashtext(' ABCD') AS t;
