-- message_id: ids of loading permissions
SET search_path = screissue, public;

SELECT input::message_id AS value, issuer(input::message_id), provider(input::message_id),
       sequence(input::message_id), message_id_send(input::message_id) AS image
FROM (VALUES ('BANKJP/METRO/42'), ('bankjp/metro/42'), ('0/0/1'), ('A/B/9223372036854775807'),
             ('ZZZZZZZZZZZZ/ZZZZZZZZZZZZ/9223372036854775807'), ('A/A/1099511627776')) AS v(input);

SELECT typlen, typbyval, typalign, typstorage FROM pg_type WHERE oid = 'message_id'::regtype;

-- made from its parts, taken apart into them
SELECT message_id('bankjp', 'METRO', 42);
SELECT message_id(issuer => 'BANKJP', provider => 'METRO', sequence => 42) = 'BANKJP/METRO/42' AS t;
SELECT message_id('BANKJP', 'METRO', 0);
SELECT message_id('BANKJP', 'METRO', -9223372036854775808);
SELECT message_id('BANKJP', 'METRO', 9223372036854775807);
SELECT message_id('BANKJP', NULL, 1) IS NULL AS t, issuer(NULL::message_id) IS NULL AS t,
       provider(NULL::message_id) IS NULL AS t, sequence(NULL::message_id) IS NULL AS t;

CREATE TEMP TABLE message (id message_id);
INSERT INTO message
SELECT message_id(left(upper(md5((i % 7)::text)), 1 + i % 12)::company_id,
                  left(upper(md5((i % 5)::text)), 1 + i % 11)::company_id,
                  CASE i % 3 WHEN 0 THEN i WHEN 1 THEN i * 1099511627776::bigint ELSE i % 10 + 1 END)
FROM generate_series(1, 5000) AS i;
SELECT count(*) AS wrong FROM message
WHERE message_id(issuer(id), provider(id), sequence(id)) <> id OR id::text::message_id <> id
   OR id::text <> issuer(id)::text || '/' || provider(id)::text || '/' || sequence(id)::text;

-- order: issuer, provider, sequence; and that of the bytes
SELECT count(*) AS values, count(*) FILTER (WHERE by_type <> by_parts) AS against_parts,
       count(*) FILTER (WHERE by_type <> by_bytes) AS against_bytes
FROM (SELECT rank() OVER (ORDER BY id) AS by_type,
             rank() OVER (ORDER BY issuer(id), provider(id), sequence(id)) AS by_parts,
             rank() OVER (ORDER BY message_id_send(id)) AS by_bytes FROM message) AS s;
SELECT min(id), max(id) FROM message WHERE issuer(id) = (SELECT max(issuer(id)) FROM message);
SELECT 'A/B/9'::message_id < 'A/B/10' AS t, 'A/B/10'::message_id < 'A/B0/9' AS t,
       'A/Z/1'::message_id < 'A0/A/1' AS t, 'a/b/1'::message_id = 'A/B/1' AS t;

-- explicit casts only
CREATE TEMP TABLE note (t text, m message_id);
INSERT INTO note (m) VALUES ('A/B/1'::text);
INSERT INTO note (t) SELECT id FROM message;
INSERT INTO note VALUES ('a/b/1'::message_id::text, 'a/b/1'::text::message_id) RETURNING t, m;
