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

\i test/pgtap/include/bad_text.sql

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
