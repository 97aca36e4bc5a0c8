-- company_id: codes of card issuers and service providers
SET search_path = screissue, public;

-- accepted, and what comes out
SELECT input, input::company_id AS value,
       input::company_id::text = upper(input) AS canonical
FROM (VALUES ('0'), ('Z'), ('bankjp'), ('METRO'), ('DEUTDEFF500'), ('A000000003'),
             ('123456789'), ('ZZZZZZZZZZZZ'), ('000000000000'), ('a1b2c3d4e5f6')) AS v(input);

-- the image is frozen: base 37, left aligned, 0 behind the end
SELECT input, company_id_send(input::company_id) AS image,
       (SELECT sum(CASE WHEN i > length(input) THEN 0
                        ELSE strpos('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ', substr(input, i, 1)) END
                   * 37::numeric ^ (12 - i))::bigint
        FROM generate_series(1, 12) AS i)
       = ('x' || encode(company_id_send(input::company_id), 'hex'))::bit(64)::bigint AS documented
FROM (VALUES ('0'), ('A'), ('BANKJP'), ('METRO'), ('ZZZZZZZZZZZZ')) AS v(input);

-- stored like bigint
SELECT typlen, typbyval = (SELECT typbyval FROM pg_type WHERE oid = 'int8'::regtype) AS byval,
       typalign, typstorage, typcategory
FROM pg_type WHERE oid = 'company_id'::regtype;

-- the order is that of the texts in COLLATE "C"
CREATE TEMP TABLE company (id company_id);
INSERT INTO company
SELECT left(upper(md5(i::text)), 1 + i % 12)::company_id FROM generate_series(1, 3000) AS i
UNION SELECT unnest('{0,00,000000000000,A,A0,AZ,B,Z,ZZZZZZZZZZZZ,9,9Z,90}'::company_id[]);
SELECT count(*) AS wrong
FROM (SELECT row_number() OVER (ORDER BY id) AS a,
             row_number() OVER (ORDER BY id::text COLLATE "C") AS b FROM company) AS s
WHERE a <> b;
SELECT min(id) = min(id::text COLLATE "C")::company_id AS min,
       max(id) = max(id::text COLLATE "C")::company_id AS max FROM company;
SELECT min(id), max(id) FROM company WHERE id < '0';

-- equal means equal text
SELECT 'bank'::company_id = 'BANK' AS t, 'BANK'::company_id = 'BANK0' AS f,
       'BANK'::company_id < 'BANK0' AS t, 'BANK'::company_id <> 'BANKS' AS t;

-- no cast but an explicit one to text and from it
CREATE TEMP TABLE note (t text, c company_id);
INSERT INTO note (c) VALUES ('METRO'::text);
INSERT INTO note (t) SELECT id FROM company;
SELECT 'METRO'::company_id = 'METRO'::text;
INSERT INTO note VALUES ('METRO'::company_id::text, 'metro'::text::company_id) RETURNING t, c;
SELECT 1::company_id;
SELECT 'A'::company_id::bigint;

-- NULL stays NULL
SELECT NULL::company_id IS NULL AS t, company_id_cmp(NULL, 'A') IS NULL AS t, min(c) IS NULL AS t
FROM (VALUES (NULL::company_id)) AS v(c);
