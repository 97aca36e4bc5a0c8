-- binary I/O: what send makes recv takes, all else is refused with 22P03
SET search_path = screissue, public;
\getenv abs_builddir PG_ABS_BUILDDIR
\set copied :abs_builddir '/results/binary_io.copied'
\set forged :abs_builddir '/results/binary_io.forged'

-- there and back
CREATE TEMP TABLE original (n int, company company_id, app app_id, card card_id, message message_id, attribute card_attribute, cards card_id[]);
INSERT INTO original
SELECT i, left(upper(md5(i::text)), 1 + i % 12)::company_id,
       left(md5(i::text), 10 + 2 * (i % 12))::app_id,
       CASE i % 3 WHEN 0 THEN left(translate(md5(i::text), 'abcdef', '012345'), 4 + i % 29)
                  WHEN 1 THEN '0x' || left(md5(i::text), 8 + 2 * (i % 13))
                  ELSE 'K.' || left(md5(i::text), i % 31) END::card_id,
       message_id('BANKJP', left(upper(md5(i::text)), 1 + i % 12)::company_id, i * 1099511627777::bigint),
       card_attribute('ecies-p256', i % 256, decode(repeat(md5(i::text), 1 + i % 96), 'hex')),
       ARRAY[i + 1000, NULL, 10 * i + 1000]::text[]::card_id[]
FROM generate_series(1, 2000) AS i;
INSERT INTO original (n) VALUES (0);
COPY original TO :'copied' (FORMAT binary);
CREATE TEMP TABLE copy (LIKE original);
COPY copy FROM :'copied' (FORMAT binary);
SELECT count(*) AS rows, count(company) AS companies, count(app) AS apps, count(card) AS cards,
       count(message) AS messages, count(attribute) AS attributes
FROM original o JOIN copy c USING (n, company, app, card, message, attribute, cards);
SELECT count(*) AS rows FROM copy;

-- One value of a type, as the binary COPY of a client would bring it: code,
-- message and detail of what recv says, or the text of what it took.
CREATE FUNCTION pg_temp.received(file text, type text, image bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    object oid;
    result text;
    detail text;
BEGIN
    object := lo_from_bytea(0, '\x5047434f50590aff0d0a00'::bytea || '\x0000000000000000' || '\x0001'
                               || int4send(octet_length(image)) || image || '\xffff');
    PERFORM lo_export(object, file);
    PERFORM lo_unlink(object);
    EXECUTE format('CREATE TEMP TABLE arrival (v %s)', type);
    EXECUTE format('COPY arrival FROM %L (FORMAT binary)', file);
    EXECUTE 'SELECT v::text FROM arrival' INTO result;
    DROP TABLE arrival;
    RETURN 'accepted: ' || result;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' / ', SQLSTATE || ' ' || SQLERRM, detail);
END
$$;

CREATE TEMP TABLE forged (n int GENERATED ALWAYS AS IDENTITY, type text, image bytea, note text);
INSERT INTO forged (type, image, note) VALUES
    ('company_id', company_id_send('METRO'), 'good'),
    ('company_id', int8send(1), 'pad digits first'),
    ('company_id', int8send(0), 'empty'),
    ('company_id', int8send(-1), 'negative'),
    ('company_id', int8send((37::numeric ^ 12)::bigint), '37^12'),
    ('company_id', int8send((37::numeric ^ 12 - 1)::bigint), '37^12 - 1, the last code'),
    ('company_id', int8send((37::numeric ^ 11)::bigint), '37^11, the first code'),
    ('company_id', int8send((37::numeric ^ 11 - 1)::bigint), '37^11 - 1'),
    ('company_id', int8send((37::numeric ^ 11)::bigint + 1), 'pad digits inside'),
    ('company_id', '\x', 'nothing'),
    ('company_id', '\x00000000000000', 'seven bytes'),
    ('company_id', company_id_send('METRO') || '\x00', 'nine bytes'),
    ('app_id', '\xa0000000031010', 'good'),
    ('app_id', '\x', 'nothing'),
    ('app_id', '\xa0000000', 'four bytes'),
    ('app_id', '\xa000000003', 'five bytes'),
    ('app_id', decode(repeat('a0', 16), 'hex'), 'sixteen bytes'),
    ('app_id', decode(repeat('a0', 17), 'hex'), 'seventeen bytes'),
    ('app_id', decode(repeat('a0', 1000000), 'hex'), 'a million bytes'),
    ('card_id', '\x104111111111111111', 'good'),
    ('card_id', '\x', 'nothing'),
    ('card_id', '\x10', 'digits, none'),
    ('card_id', '\x1012', 'two digits'),
    ('card_id', '\x111230', 'three digits'),
    ('card_id', '\x11123450', 'five digits'),
    ('card_id', '\x11123451', 'unused half not zero'),
    ('card_id', '\x1112345f', 'unused half filled as on cards'),
    ('card_id', '\x10123a', 'half byte above 9'),
    ('card_id', '\x10a234', 'half byte above 9'),
    ('card_id', '\x121234', 'two unused halves'),
    ('card_id', decode('10' || repeat('12', 20), 'hex'), 'forty digits'),
    ('card_id', decode('11' || repeat('12', 19) || '10', 'hex'), 'thirty-nine digits'),
    ('card_id', decode('10' || repeat('12', 21), 'hex'), 'forty-two digits'),
    ('card_id', decode('11' || repeat('12', 20) || '10', 'hex'), 'forty-one digits'),
    ('card_id', '\x2001020304', 'good'),
    ('card_id', '\x20010203', 'three bytes'),
    ('card_id', '\x2101020304', 'bytes with an unused half'),
    ('card_id', decode('20' || repeat('ab', 20), 'hex'), 'twenty bytes'),
    ('card_id', decode('20' || repeat('ab', 21), 'hex'), 'twenty-one bytes'),
    ('card_id', '\x30'::bytea || 'JE1'::bytea, 'good'),
    ('card_id', '\x30', 'symbol, empty'),
    ('card_id', '\x30'::bytea || 'je1'::bytea, 'lower case'),
    ('card_id', '\x30'::bytea || '123'::bytea, 'no letter'),
    ('card_id', '\x30'::bytea || '1-2'::bytea, 'no letter'),
    ('card_id', '\x30'::bytea || 'A B'::bytea, 'space'),
    ('card_id', '\x304100', 'zero byte'),
    ('card_id', '\x30'::bytea || '0X12345678'::bytea, 'text would be bytes'),
    ('card_id', '\x30'::bytea || '0X'::bytea, 'text would be bytes'),
    ('card_id', '\x30efbca1', 'full-width letter'),
    ('card_id', '\x30ff41', 'not ASCII'),
    ('card_id', '\x31'::bytea || 'JE1'::bytea, 'symbol with an unused half'),
    ('card_id', '\x30'::bytea || repeat('A', 32)::bytea, 'thirty-two characters'),
    ('card_id', '\x30'::bytea || repeat('A', 33)::bytea, 'thirty-three characters'),
    ('card_id', '\x001234', 'kind 0'),
    ('card_id', '\x401234', 'kind 4'),
    ('card_id', '\xf01234', 'kind 15'),
    ('card_id', decode('10' || repeat('41', 1000000), 'hex'), 'a million bytes'),
    ('message_id', message_id_send('BANKJP/METRO/42'), 'good'),
    ('message_id', '\x', 'nothing'),
    ('message_id', substr(message_id_send('BANKJP/METRO/42'), 1, 23), 'twenty-three bytes'),
    ('message_id', message_id_send('BANKJP/METRO/42') || '\x00', 'twenty-five bytes'),
    ('message_id', int8send(0) || company_id_send('METRO') || int8send(42), 'no issuer'),
    ('message_id', company_id_send('BANKJP') || int8send(-1) || int8send(42), 'no provider'),
    ('message_id', company_id_send('BANKJP') || company_id_send('METRO') || int8send(0), 'sequence 0'),
    ('message_id', company_id_send('BANKJP') || company_id_send('METRO') || int8send(-1), 'sequence -1'),
    ('message_id', company_id_send('BANKJP') || company_id_send('METRO') || int8send(9223372036854775807), 'last sequence'),
    ('card_attribute', '\x01011bb2e9', 'good'),
    ('card_attribute', '\x', 'nothing'),
    ('card_attribute', '\x01', 'version alone'),
    ('card_attribute', '\x01011b', 'no ciphertext'),
    ('card_attribute', '\x0101ff00', 'one byte of ciphertext'),
    ('card_attribute', '\x00011bb2e9', 'version 0'),
    ('card_attribute', '\x02011bb2e9', 'version 2'),
    ('card_attribute', '\x01001bb2e9', 'scheme 0'),
    ('card_attribute', '\x01041bb2e9', 'scheme 4'),
    ('card_attribute', '\x01ff1bb2e9', 'scheme 255'),
    ('card_attribute', decode('010201' || repeat('b2', 1537), 'hex'), '1537 bytes of ciphertext'),
    ('card_attribute', decode('010201' || repeat('b2', 1000000), 'hex'), 'a million bytes');

CREATE TEMP TABLE answer AS
SELECT n, type, note, pg_temp.received(:'forged', type, image) AS said FROM forged;
SELECT type, note, left(said, 160) AS said FROM answer ORDER BY n;

-- what is accepted has that image, and no message shows an image
SELECT count(*) AS other_image
FROM forged f JOIN answer a USING (n)
WHERE said LIKE 'accepted: %'
  AND image <> CASE f.type
      WHEN 'company_id' THEN company_id_send(substr(said, 11)::company_id)
      WHEN 'app_id' THEN app_id_send(substr(said, 11)::app_id)
      WHEN 'card_id' THEN card_id_send(substr(said, 11)::card_id)
      WHEN 'message_id' THEN message_id_send(substr(said, 11)::message_id)
      ELSE card_attribute_send(substr(said, 11)::card_attribute) END;
SELECT said LIKE '22P03 %' AS refused, count(*), bool_and(said !~ '4111|b2b2|b2e9') AS hidden
FROM answer WHERE note NOT LIKE 'good' GROUP BY 1 ORDER BY 1;

-- every first byte of a card id, over a payload that is good for its kind
SELECT string_agg(to_hex(b), ' ' ORDER BY b) AS accepted_first_bytes
FROM generate_series(0, 255) AS b
WHERE pg_temp.received(:'forged', 'card_id', set_byte('\x0041424340', 0, b)) LIKE 'accepted: %';
