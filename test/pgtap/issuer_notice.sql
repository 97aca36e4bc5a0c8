-- Notices: to whom, what is in them, how they are numbered and fetched (R19-R21, R28-R30)
BEGIN;
\ir include/issuer.sql
SELECT plan(60);

-- R19: three providers, two with applications on the card: exactly those.
SELECT card_issuer.issue_card('CARD-A', 100), card_issuer.issue_card('CARD-0', 100) \g /dev/null
SELECT t.load('CARD-A', :METRO1) AS metro \gset
SELECT t.load('CARD-A', :SHOP1) AS shop \gset
SELECT is(t.reissue('CARD-A', 'CARD-B', NULL, 'stolen'), '2/2', 'R19: two providers had applications, two notices');
SELECT is(t.reissue('CARD-0', 'CARD-1'), '0/0', 'R19: no application, no notice');
SELECT is(t.notices('RAIL'), ARRAY[]::text[], 'R19: the third provider gets none');

-- R20, R29: the fields of a notice, the same rows for a subscription and for a pull.
SELECT is((SELECT array_agg(n.*::text) FROM card_issuer.fetch_notices('METRO', 0) n),
          ARRAY[ROW('BANKJP', 'METRO', 1, 'reissue', 100, 'CARD-B', 'CARD-A', 'D276AB0085CD01', :'metro', 'stolen', now())::text],
          'R20: issuer, provider, number, kind, platform, both cards, application, load, reason, time');
SELECT is((SELECT array_agg(n.*::text) FROM card_issuer.fetch_notices('SHOP', 0) n),
          (SELECT array_agg(n.*::text) FROM screissue.notice n WHERE n.provider = 'SHOP'), 'R29: pull gives what push publishes');
SELECT results_eq($$SELECT a.attname::text, a.atttypid::regtype::text FROM pg_attribute a
                     WHERE a.attrelid = 'screissue.notice'::regclass AND a.attnum > 0 ORDER BY a.attnum$$,
                  $$SELECT p.proargnames[i]::text, p.proallargtypes[i]::regtype::text
                      FROM pg_proc p, generate_subscripts(p.proargmodes, 1) i
                     WHERE p.oid = 'card_issuer.fetch_notices'::regproc AND p.proargmodes[i] = 't' ORDER BY i$$,
                  'R29: the same columns with the same names and types');
SELECT is_empty($$SELECT a.attname FROM pg_attribute a
                   WHERE a.attrelid = 'screissue.notice'::regclass AND a.attnum > 0
                     AND a.atttypid NOT IN ('text'::regtype, 'bigint'::regtype, 'integer'::regtype, 'timestamptz'::regtype)$$,
                'R20: built-in types only');
SELECT col_is_pk('screissue', 'notice', ARRAY['issuer', 'provider', 'notice_no'], 'R20: issuer, provider and number are the key');
SELECT ok(n.kind = 'reissue' AND n.new_card_id::card_id = 'CARD-B' AND n.message_id::message_id = :'metro',
          'R20: the texts parse as our types')
  FROM screissue.notice n WHERE n.provider = 'METRO';

-- Dense numbers, of each provider its own.
CREATE TABLE t.many AS
SELECT ('OLD-' || n)::card_id AS old, ('NEW-' || n)::card_id AS new, n FROM generate_series(1, 60) n;
SELECT card_issuer.issue_card(m.old, CASE WHEN m.n % 5 = 0 THEN 200 ELSE 100 END) FROM t.many m ORDER BY m.n \g /dev/null
SELECT t.load(m.old, :METRO1) FROM t.many m ORDER BY m.n \g /dev/null
SELECT t.load(m.old, :METRO2) FROM t.many m WHERE m.n % 2 = 0 ORDER BY m.n \g /dev/null
SELECT t.load(m.old, :SHOP1) FROM t.many m WHERE m.n % 3 = 0 ORDER BY m.n \g /dev/null
CREATE FUNCTION t.reissue_many()
    RETURNS void
    LANGUAGE plpgsql
AS $$
DECLARE
    m record;
BEGIN
    FOR m IN SELECT * FROM t.many ORDER BY n LOOP
        -- every seventh is tried in vain first: its numbers must come back
        IF m.n % 7 = 0 THEN
            BEGIN
                PERFORM t.reissue(m.old, m.new);
                RAISE division_by_zero;
            EXCEPTION WHEN division_by_zero THEN
            END;
        END IF;
        PERFORM t.reissue(m.old, m.new);
    END LOOP;
END
$$;
SELECT t.reissue_many() \g /dev/null
SELECT is(ARRAY(SELECT n.notice_no FROM card_issuer.fetch_notices(p.provider::company_id, 0) n),
          ARRAY(SELECT generate_series(1::bigint, p.expected)), 'R20: dense numbers from 1, in order, for ' || p.provider)
  FROM (VALUES ('METRO', 1 + 48 + 24), ('SHOP', 1 + 16), ('RAIL', 0)) p (provider, expected);
SELECT is_empty($$SELECT FROM (SELECT n.notice_no, row_number() OVER (PARTITION BY n.provider ORDER BY m.n, n.app_id) + 1 AS in_turn
                                 FROM screissue.notice n JOIN t.many m ON m.new::text = n.new_card_id) x
                   WHERE x.notice_no <> x.in_turn$$, 'R20: numbers follow the order of the reissues');
SELECT is((SELECT count(*) FROM screissue.notice n JOIN t.many m ON m.new::text = n.new_card_id WHERE m.n % 5 = 0), 0::bigint,
          'R31: no notice about a card that is not readable');

-- Paging.
CREATE FUNCTION t.pages(page integer)
    RETURNS bigint[]
    LANGUAGE plpgsql
AS $$
DECLARE
    numbers bigint[] := '{}';
    fetched bigint[];
BEGIN
    LOOP
        fetched := ARRAY(SELECT n.notice_no FROM card_issuer.fetch_notices('METRO', coalesce(numbers[cardinality(numbers)], 0), page) n);
        EXIT WHEN fetched = '{}';
        IF cardinality(fetched) > page THEN
            RAISE 'page of %', cardinality(fetched);
        END IF;
        numbers := numbers || fetched;
    END LOOP;
    RETURN numbers;
END
$$;
SELECT is(t.pages(p), ARRAY(SELECT generate_series(1::bigint, 73)), 'R28: fetched in pages of ' || p)
  FROM unnest(ARRAY[1, 7, 72, 73, 1000]) p;
SELECT is((SELECT count(*) FROM card_issuer.fetch_notices('METRO', 0, 0)), 0::bigint, 'R28: a page of nothing');
SELECT is((SELECT count(*) FROM card_issuer.fetch_notices('METRO', 73)), 0::bigint, 'R28: after the last there is none');
SELECT is((SELECT count(*) FROM card_issuer.fetch_notices('METRO', -5)), 73::bigint, 'R28: a number before the first starts at the first');
SELECT is((SELECT count(*) FROM card_issuer.fetch_notices('METRO', 9223372036854775807)), 0::bigint, 'E26: after the last number of all');
SELECT is((SELECT array_agg(n) FROM card_issuer.fetch_notices('METRO', 0) n)::text,
          (SELECT array_agg(n) FROM card_issuer.fetch_notices('METRO', 0) n)::text, 'E36: fetched again, the same');
SELECT t.refused(format('SELECT count(*) FROM card_issuer.fetch_notices(%s)', v.a), '22023', 'R28: fetch_notices(' || v.a || ')')
  FROM (VALUES ($$NULL, 0$$), ($$'METRO', NULL$$), ($$'METRO', 0, NULL$$), ($$'METRO', 0, -1$$)) v (a);

-- R29, E14: rights follow the contract: only the own ones.
SELECT is(t.run(format('SELECT count(*) FROM card_issuer.fetch_notices(%L, 0)', p.provider), p.role_name::name), p.n::text,
          format('R29: %s fetches notices of %s', p.role_name, p.provider))
  FROM (VALUES ('METRO', 'metro', 73), ('SHOP', 'shop', 17), ('METRO', 'clerk', 73)) p (provider, role_name, n);

-- The publication of a provider.
SELECT is(card_issuer.create_publication('METRO'), 'screissue_metro'::name, 'R19: the publication of a provider');
SELECT is(card_issuer.create_publication('METRO'), 'screissue_metro'::name, 'R19: made again, it is the same');
SELECT is((SELECT array_agg(format('%s %s %s %s %s', p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate, p.puballtables))
             FROM pg_publication p WHERE p.pubname = 'screissue_metro'), '{"t f f f f"}', 'R19: inserts only');
SELECT is((SELECT array_agg(t.schemaname || '.' || t.tablename) FROM pg_publication_tables t WHERE t.pubname = 'screissue_metro'),
          '{screissue.notice}', 'R19: of the wire table only');
SELECT is((SELECT t.rowfilter FROM pg_publication_tables t WHERE t.pubname = 'screissue_metro'),
          '((issuer = ''BANKJP''::text) AND (provider = ''METRO''::text))', 'R19: of this provider only');
SELECT lives_ok($$SELECT card_issuer.drop_publication('METRO')$$, 'R19: it is dropped');
SELECT lives_ok($$SELECT card_issuer.drop_publication('METRO')$$, 'R19: dropped again');
SELECT is((SELECT count(*) FROM pg_publication), 0::bigint, 'R19: nothing is left of it');
CREATE TABLE t.other (x integer PRIMARY KEY);
CREATE PUBLICATION screissue_metro FOR TABLE t.other;
SELECT t.refused($$SELECT card_issuer.create_publication('METRO')$$, '42710', 'R19: another publication by that name is not taken for ours');
DROP PUBLICATION screissue_metro;

-- Publications that have our name and send something else.
CREATE TABLE t.publication (what text, definition text);
INSERT INTO t.publication VALUES
    ('everything but its notices', $$FOR TABLE screissue.notice WHERE (issuer = 'BANKJP' AND provider <> 'METRO')$$),
    ('any provider but it', $$FOR TABLE screissue.notice WHERE (provider <> 'METRO')$$),
    ('no row filter', $$FOR TABLE screissue.notice$$),
    ('any issuer', $$FOR TABLE screissue.notice WHERE (provider = 'METRO')$$),
    ('another issuer', $$FOR TABLE screissue.notice WHERE (issuer = 'OTHER' AND provider = 'METRO')$$),
    ('another provider too', $$FOR TABLE screissue.notice WHERE (issuer = 'BANKJP' AND provider = 'METRO' OR provider = 'SHOP')$$),
    ('another provider', $$FOR TABLE screissue.notice WHERE (issuer = 'BANKJP' AND provider = 'SHOP')$$),
    ('another table too', $$FOR TABLE screissue.notice WHERE (issuer = 'BANKJP' AND provider = 'METRO'), t.other$$),
    ('the whole schema', $$FOR TABLES IN SCHEMA screissue$$),
    ('another schema too', $$FOR TABLE screissue.notice WHERE (issuer = 'BANKJP' AND provider = 'METRO'), TABLES IN SCHEMA t$$),
    ('all tables', $$FOR ALL TABLES$$),
    ('nothing', '');
INSERT INTO t.publication
SELECT 'more than inserts: ' || v, format($$FOR TABLE screissue.notice WHERE (issuer = 'BANKJP' AND provider = 'METRO') WITH (publish = %L)$$, v)
  FROM unnest('{insert\, update,insert\, delete,insert\, truncate}'::text[]) v;
UPDATE t.publication SET definition = definition || ' WITH (publish = ''insert'')' WHERE definition !~ 'publish';
-- The SQLSTATE of create_publication and of drop_publication when there is
-- this one, and whether it is there still.
CREATE FUNCTION t.beside(definition text)
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    call text;
    answer text := '';
BEGIN
    EXECUTE 'CREATE PUBLICATION screissue_metro ' || definition;
    FOREACH call IN ARRAY '{create,drop}'::text[] LOOP
        BEGIN
            EXECUTE format('SELECT card_issuer.%s_publication(''METRO'')', call);
            answer := answer || 'done ';
        EXCEPTION WHEN OTHERS THEN
            answer := answer || SQLSTATE || ' ';
        END;
    END LOOP;
    IF NOT EXISTS (SELECT FROM pg_publication p WHERE p.pubname = 'screissue_metro') THEN
        RETURN answer || 'gone';
    END IF;
    DROP PUBLICATION screissue_metro;
    RETURN answer || 'kept';
END
$$;
SELECT is(t.beside(p.definition), '42710 42710 kept', 'R19: not taken for ours, and not dropped: a publication of ' || p.what)
  FROM t.publication p;
SELECT is(t.beside($$FOR TABLE screissue.notice WHERE (issuer = 'BANKJP' AND provider = 'METRO') WITH (publish = 'insert')$$),
          'done done gone', 'R19: one like ours is ours');

-- An unknown provider.
SELECT t.refused($$SELECT count(*) FROM card_issuer.fetch_notices('NOSUCH', 0)$$, v.state, 'R28: notices of an unknown provider, asked for by ' || v.who, v.who)
  FROM (VALUES ('SR002', 'clerk'::name), ('42501', 'metro')) v (state, who);
SELECT t.refused(format('SELECT card_issuer.%s_publication(%L)', f, 'NOSUCH'), 'SR002', f || '_publication: unknown provider')
  FROM unnest('{create,drop}'::text[]) f;

SELECT * FROM finish();
ROLLBACK;
