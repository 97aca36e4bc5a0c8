-- malformed text is refused with 22P02, and no error shows a card id or a ciphertext
SET search_path = screissue, public;
\pset format unaligned
\pset tuples_only on

-- code, message and detail of what an input function says
CREATE FUNCTION pg_temp.refusal(type text, input text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
    message text;
    detail text;
BEGIN
    EXECUTE format('SELECT %L::%s::text', input, type) INTO result;
    RETURN 'accepted: ' || result;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(E'\n  ', SQLSTATE || ' ' || message, detail);
END
$$;

CREATE TEMP TABLE bad (n int GENERATED ALWAYS AS IDENTITY, type text, input text);
INSERT INTO bad (type, input)
SELECT 'company_id', unnest(ARRAY[
    '', ' ', 'BANK JP', ' BANK', 'BANK ', 'BANK-JP', 'BANK/', 'B"ANK', E'BANK\n', '_', '1234567890ABC',
    'ＢＡＮＫ', '１２', 'ÄRZTE', 'бан', repeat('A', 63) || 'é' || repeat('A', 10), repeat('é', 40), repeat('A', 1000000)]);
INSERT INTO bad (type, input)
SELECT 'app_id', unnest(ARRAY[
    '', 'A00000000', 'A0000000', 'A000000003101', 'A0000000031010 ', ' A0000000031010', 'A0 00 00 00 03 10 10',
    '0xA0000000031010', 'A000000003101G', repeat('A', 34), repeat('A', 33), 'Ａ000000003', repeat('A0', 500000)]);
INSERT INTO bad (type, input)
SELECT 'message_id', unnest(ARRAY[
    '', '/', '//', 'BANKJP', 'BANKJP/METRO', 'BANKJP/METRO/', 'BANKJP//42', '/METRO/42', 'BANKJP/METRO/42/',
    'BANKJP/METRO/42/1', 'BANKJP/METRO/0', 'BANKJP/METRO/042', 'BANKJP/METRO/-1', 'BANKJP/METRO/+1',
    'BANKJP/METRO/9223372036854775808', 'BANKJP/METRO/99999999999999999999999999999', 'BANKJP/METRO/4 2',
    'BANKJP/METRO/４２', 'BANK JP/METRO/42', 'BANKJP/ME-TRO/42', 'BANKJP /METRO/42', 'BANKJP/METRO/0x2A',
    'BANKJPBANKJPX/METRO/42', 'BANKJP/METROMETROMETRO/42', 'ＢＡＮＫ/METRO/42', 'A/B/1' || repeat('0', 1000000)]);
INSERT INTO bad (type, input)
SELECT 'card_id', unnest(ARRAY[
    '', ' ', '-', '123', '1-2-3', '12a ', ' 4111111111111111', '4111111111111111 ', '-4111111111111111',
    '4111111111111111-', '4111  1111 1111 1111', '4111--1111-1111-1111', '4111- 1111-1111-1111',
    '4111.1111.1111.1111', '4111_1111', E'4111111111111111\n', E'4111\t1111\t1111\t1111', '4111,1111',
    '４１１１１１１１１１１１１１１１', '4111111111111111１', '４111111111111111', '٤١١١١١١١', repeat('4', 41),
    trim(repeat('4 ', 41)), '0x', '0X', '0x12', '0x123456', '0x123456789', '0x1234567G', '0x12345678 ',
    '0x' || repeat('AB', 21), '0xZZZZZZZZ', '0x-12345678', '_', '.', '1.2', '...', 'AB CD', 'AB/CD', 'AB:CD', 'ÄB', 'éé',
    'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456', '"; DROP TABLE card', '1234;' || repeat('z', 40), 'JE4111111111111111!',
    repeat('4', 1000000), repeat('4111 ', 200000), repeat('é', 1000), repeat('-', 1000), repeat('4é', 1000), 'card 4111111111111111 is lost']);
INSERT INTO bad (type, input)
SELECT 'card_attribute', unnest(ARRAY[
    '', ':', '::', 'ecies-x25519', 'ecies-x25519:27', 'ecies-x25519:27:', ':27:b2e9', 'ecies-x25519::b2e9',
    'ecies-x25519:27:b2e', 'ecies-x25519:27:b2eg', 'ecies-x25519:27:b2e9 ', ' ecies-x25519:27:b2e9',
    'ecies-x25519:27:b2e9:', 'ecies-x25519:256:b2e9', 'ecies-x25519:027:b2e9', 'ecies-x25519:-1:b2e9',
    'ecies-x25519:2 7:b2e9', 'ecies-x25519:２７:b2e9', 'ecies-x25519:1000:b2e9', 'ECIES-X25519:27:b2e9',
    'ecies:27:b2e9', 'ecies-x255190:27:b2e9', 'rsa-oaep-sha1:1:b2e9', '1:27:b2e9', '0xb2e9', 'b2e9b2e9b2e9b2e9',
    'ecies-x25519:27:0xb2e9', 'ecies-p256:1:' || repeat('ab', 1537), 'ecies-p256:1:' || repeat('ab', 500000)]);

SELECT CASE WHEN length(input) > 100 THEN left(input, 10) || '... (' || length(input) || ')' ELSE input END
       || E'\n  ' || pg_temp.refusal(type, input)
FROM bad ORDER BY n;

-- every one has its code and a sentence, and stays short
SELECT type, count(*), bool_and(r ~ ('^22P02 invalid input syntax for type ' || type || ': ".*"\n  [A-Z].*\.$')) AS refused,
       max(octet_length(r)) < 300 AS is_short
FROM (SELECT type, pg_temp.refusal(type, input) AS r FROM bad) AS s GROUP BY type ORDER BY type;

-- what is shown of a card id: at most 10 characters, at most half of it, ASCII only
SELECT count(*) AS cards,
       max(length(translate(shown, '*?', ''))) AS most_shown,
       bool_and(2 * length(translate(shown, '*?', '')) <= length(shown)) AS half_hidden,
       bool_and(shown ~ '^[ -~]*$') AS ascii,
       max(length(shown)) AS longest
FROM (SELECT replace(substr(m, strpos(m, ': "') + 3, length(m) - strpos(m, ': "') - 3), '...', '') AS shown
      FROM (SELECT regexp_replace(split_part(pg_temp.refusal(type, input), E'\n  ', 1), '0[xX]', '') AS m FROM bad WHERE type = 'card_id') AS r) AS s;

-- one fault at every place of a good id
SELECT count(*) AS ids, bool_and(r LIKE '22P02%') AS refused,
       bool_and(strpos(r, '5105105105105100') = 0 AND strpos(r, '10510510') = 0) AS masked
FROM (SELECT pg_temp.refusal('card_id', overlay('5105105105105100' PLACING c FROM p FOR f)) AS r
      FROM generate_series(1, 17) AS p, unnest(ARRAY['/', 'é', E'\x01', '５', '  ']) AS c, generate_series(0, 1) AS f) AS s;

-- a short id with something around it does not show either
SELECT bool_and(strpos(pg_temp.refusal('card_id', before || '1234' || after), '1234') = 0) AS masked
FROM unnest(ARRAY['', ' ', '/', '////////////////', repeat('z', 40) || '/']) AS before,
     unnest(ARRAY['', ' ', '/', '////////////////', '/' || repeat('z', 40), repeat(' ', 100000)]) AS after
WHERE before <> '' OR after <> '';
-- no part of a ciphertext is shown
SELECT bool_and(strpos(pg_temp.refusal('card_attribute', input), 'b2e') = 0) AS hidden FROM bad WHERE type = 'card_attribute';

-- constructors: 22023
\set VERBOSITY sqlstate
SELECT message_id('A', 'B', 0);
SELECT card_attribute('none', 1, '\x01');
SELECT card_attribute('ecies-p256', 256, '\x01');
\set VERBOSITY default

-- soft errors, where the server has them: nothing raises, the code is the same
SELECT current_setting('server_version_num')::int >= 160000 AS is_soft \gset
\if :is_soft
SELECT count(*) AS accepted FROM bad WHERE pg_input_is_valid(input, type) \gset
SELECT count(*) AS other_code FROM bad, pg_input_error_info(input, type) AS e WHERE e.sql_error_code <> '22P02' \gset
SELECT count(*) AS other_text FROM bad, pg_input_error_info(input, type) AS e
WHERE concat_ws(E'\n  ', '22P02 ' || e.message, e.detail) <> pg_temp.refusal(type, input) \gset
\else
\set accepted 0
\set other_code 0
\set other_text 0
\endif
SELECT :accepted AS accepted, :other_code AS other_code, :other_text AS other_text;
