-- check digits of card ids
SET search_path = screissue, public;

-- test/vectors/README.md names the sources
SELECT id, note, luhn_valid(id::card_id), mod97_valid(id::card_id)
FROM (VALUES
    (1, '4111111111111111', 'PAN'),
    (2, '4111-1111 1111-1111', 'PAN in groups'),
    (3, '378282246310005', 'PAN, 15 digits'),
    (4, '3566002020360505', 'PAN'),
    (5, '6759649826438453', 'PAN'),
    (6, '6304000000000000000', 'PAN, 19 digits'),
    (7, '79927398713', 'the usual example'),
    (8, '8981100123456789017', 'ICCID'),
    (9, '89034011560010000000000000000121', 'EID'),
    (10, '89044011112233441122334411223321', 'EID'),
    (11, '0000', 'zeros are valid by Luhn'),
    (12, '0001', 'modulo 97 of the number itself'),
    (13, '0098', 'modulo 97 of the number itself'),
    (14, '4111111111111112', 'wrong check digit'),
    (15, '0x4111111111111111', 'bytes'),
    (16, 'A4111111111111111', 'symbol')) AS v(n, id, note)
ORDER BY n;

-- both agree with arithmetic
SELECT count(*) AS numbers,
       count(*) FILTER (WHERE mod97_valid(d::card_id) <> (d::numeric % 97 = 1)) AS mod97_wrong,
       count(*) FILTER (WHERE luhn_valid(d::card_id) <> (luhn % 10 = 0)) AS luhn_wrong,
       count(*) FILTER (WHERE luhn_valid(d::card_id)) BETWEEN 250 AND 350 AS one_in_ten
FROM (SELECT left(translate(md5(i::text) || md5((-i)::text), 'abcdef', '987654'), 4 + i % 37)
      FROM generate_series(1, 3000) AS i) AS s(d),
     LATERAL (SELECT sum(CASE WHEN (length(d) - p) % 2 = 0 THEN x WHEN x < 5 THEN 2 * x ELSE 2 * x - 9 END)
              FROM generate_series(1, length(d)) AS p, LATERAL (SELECT substr(d, p, 1)::int) AS c(x)) AS l(luhn);

-- every single wrong digit is found
SELECT count(*) AS missed
FROM generate_series(1, 16) AS p, generate_series(0, 9) AS x,
     LATERAL (SELECT overlay('5555555555554444' PLACING x::text FROM p)) AS v(d)
WHERE d <> '5555555555554444' AND luhn_valid(d::card_id);

-- values from a table
CREATE TEMP TABLE card (id card_id);
INSERT INTO card VALUES ('4111111111111111'), ('89034011560010000000000000000121'), ('AB'), (NULL);
SELECT mask(id), luhn_valid(id), mod97_valid(id) FROM card;
