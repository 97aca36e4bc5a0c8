-- app_id: application identifiers of ISO/IEC 7816-5
SET search_path = screissue, public;

-- test/vectors/README.md names the sources of the public identifiers
CREATE TEMP TABLE sample (input text, note text);
INSERT INTO sample VALUES
    ('A0000000031010', 'Visa credit or debit'),
    ('a0000000041010', 'Mastercard, lower case'),
    ('A00000006510', 'JCB, short'),
    ('A0000000651010', 'JCB'),
    ('A000000151000000', 'GlobalPlatform issuer security domain'),
    ('A0000005591010FFFFFFFF8900000100', 'eUICC ISD-R, 16 bytes'),
    ('A000000003', 'a RID alone'),
    ('D27600012401', 'OpenPGP, national category'),
    ('D2760000850101', 'NDEF tag'),
    ('F049534F2D3743', 'proprietary category'),
    ('325041592E5359532E4444463031', '2PAY.SYS.DDF01, no category'),
    ('FFFFFFFFFF', 'all ones'),
    ('0000000000', 'all zeros');

SELECT input::app_id AS value, app_id_send(input::app_id) = decode(input, 'hex') AS image,
       rid(input::app_id), pix(input::app_id), note
FROM sample ORDER BY input::app_id;

-- the RID and the rest make the whole
SELECT input FROM sample
WHERE coalesce(rid(input::app_id), '') || pix(input::app_id) <> app_id_send(input::app_id)
   OR input::app_id::text <> upper(input);

SELECT typlen, typbyval, typalign, typstorage FROM pg_type WHERE oid = 'app_id'::regtype;

-- bytewise order, a prefix first: also the order of the texts
CREATE TEMP TABLE app (id app_id, note text);
INSERT INTO app SELECT left(md5(i::text), 10 + 2 * (i % 12))::app_id FROM generate_series(1, 3000) AS i;
INSERT INTO app SELECT input::app_id, note FROM sample;
INSERT INTO app SELECT ('A0000000' || repeat('00', i))::app_id FROM generate_series(1, 12) AS i;
SELECT count(*) AS wrong
FROM (SELECT rank() OVER (ORDER BY id) AS a, rank() OVER (ORDER BY app_id_send(id)) AS b,
             rank() OVER (ORDER BY id::text COLLATE "C") AS c FROM app) AS s
WHERE a <> b OR a <> c;
SELECT min(id), max(id) FROM app;

-- short header in tables: 1 byte
SELECT DISTINCT pg_column_size(id) - octet_length(app_id_send(id)) AS header FROM app;

-- values from tables (packed) and parameters (not packed) are the same
PREPARE find(app_id) AS SELECT id, note FROM app WHERE id = $1 AND note IS NOT NULL;
EXECUTE find('a0000000031010');
SELECT count(*) FROM app a JOIN sample s ON a.id = s.input::app_id WHERE a.note IS NOT NULL;

SELECT 'A0000000031010'::app_id = 'a0000000031010' AS t, 'A000000003'::app_id = 'A00000000300' AS f,
       'A000000003'::app_id < 'A00000000300' AS t;

-- explicit casts only
CREATE TEMP TABLE note (t text, a app_id);
INSERT INTO note (a) VALUES ('A000000003'::text);
INSERT INTO note (t) SELECT id FROM app;
INSERT INTO note VALUES ('A000000003'::app_id::text, 'a000000003'::text::app_id) RETURNING t, a;

SELECT rid(NULL) IS NULL AS t, pix(NULL) IS NULL AS t, app_id_cmp(NULL, NULL) IS NULL AS t;

-- frozen: the hash is that of the bytes
SELECT app_id_hash('4142434445') = hashtext('ABCDE') AS t,
       app_id_hash_extended('4142434445', 42) = hashtextextended('ABCDE', 42) AS t;
