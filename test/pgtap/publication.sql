-- publication_check: every way in which the publication of a provider is not as
-- create_publication makes it (doc/design.md, Notices; R19, E24, E38)
BEGIN;
\ir include/issuer.sql
SELECT plan(36);

-- METRO has delivery push and needs one; SHOP pulls, RAIL asks.
CREATE FUNCTION t.problems() RETURNS text[] LANGUAGE sql
AS $$
    SELECT ARRAY(SELECT format('%s %s %s', coalesce(c.provider::text, '-'), c.publication, c.problem)
                   FROM card_issuer.publication_check() c)
$$;
SELECT is(t.problems(), '{METRO screissue_metro is missing}', 'R19: a provider with delivery push needs a publication');
SELECT is(t.run('SELECT c.problem FROM card_issuer.publication_check() c', 'clerk'), 'is missing', 'R19: operators may look');
SELECT t.refused('SELECT card_issuer.publication_check()', '42501', 'R19: others may not: ' || r, r)
  FROM unnest('{auditor,metro,nobody}'::name[]) r;
SELECT card_issuer.create_publication('METRO') \g /dev/null
SELECT is(t.problems(), '{}', 'R19: what create_publication makes is in order');
SELECT card_issuer.create_publication('SHOP') \g /dev/null
SELECT is(t.problems(), '{}', 'R19: a provider that pulls may have one, too');

-- When a contract is over, none is needed.
SELECT card_issuer.drop_publication('METRO'), card_issuer.drop_publication('SHOP') \g /dev/null
SELECT is(t.problems(), '{METRO screissue_metro is missing}', 'R19: it is missing again');
SELECT card_issuer.suspend_provider('METRO') \g /dev/null
SELECT is(t.problems(), '{METRO screissue_metro is missing}', 'R19: while the contract is suspended, too');
SELECT card_issuer.resume_provider('METRO') \g /dev/null
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro', contract_until => '2020-01-01') \g /dev/null
SELECT is(t.problems(), '{}', 'R19: but not when it has ended');
CREATE PUBLICATION screissue_metro WITH (publish = 'insert');
SELECT is(t.problems(), '{METRO screissue_metro does not publish screissue.notice}', 'R19: what there is must be right all the same');
DROP PUBLICATION screissue_metro;
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro') \g /dev/null

-- One by that name with this definition: the problems.
CREATE TABLE t.other (x integer PRIMARY KEY);
CREATE FUNCTION t.problems_of(definition text, command text DEFAULT 'SELECT') RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
    answer text;
    created text := 'not taken for ours';
BEGIN
    EXECUTE 'CREATE PUBLICATION screissue_metro ' || definition;
    EXECUTE command;
    answer := array_to_string(ARRAY(SELECT c.problem FROM card_issuer.publication_check() c
                                     WHERE c.provider = 'METRO' AND c.publication = 'screissue_metro'), '; ');
    BEGIN
        PERFORM card_issuer.create_publication('METRO');
        created := 'taken for ours';
    EXCEPTION WHEN duplicate_object THEN
    END;
    DROP PUBLICATION screissue_metro;
    RETURN answer || ': ' || created;
END
$$;
\set rows 'FOR TABLE screissue.notice WHERE (issuer = \'BANKJP\' AND provider = \'METRO\')'
\set inserts 'WITH (publish = \'insert\')'
SELECT is(t.problems_of(concat_ws(' ', d.definition, coalesce(d.publish, :'inserts')), coalesce(d.command, 'SELECT')),
          coalesce(d.problems, '') || ': ' || CASE WHEN d.problems IS NULL THEN 'taken for ours' ELSE 'not taken for ours' END,
          'R19: ' || coalesce(d.problems, 'in order'))
  FROM (VALUES (:'rows', NULL, NULL, NULL),
    ('', NULL, NULL, 'does not publish screissue.notice'),
    ('FOR TABLE screissue.notice', NULL, NULL, 'has no row filter'),
    ($$FOR TABLE screissue.notice WHERE (provider = 'METRO')$$, NULL, NULL, 'has another row filter'),
    ($$FOR TABLE screissue.notice WHERE (issuer = 'BANKJP' AND provider = 'SHOP')$$, NULL, NULL, 'has another row filter'),
    ($$FOR TABLE screissue.notice WHERE (issuer = 'BANKJP' AND provider <> 'METRO')$$, NULL, NULL, 'has another row filter'),
    ($$FOR TABLE screissue.notice WHERE (new_card_id = '4111111111111111')$$, NULL, NULL, 'has another row filter'),
    (:'rows', $$WITH (publish = 'insert, update')$$, NULL, 'publishes more than inserts'),
    (:'rows', $$WITH (publish = 'insert, delete')$$, NULL, 'publishes more than inserts'),
    (:'rows', $$WITH (publish = 'insert, truncate')$$, NULL, 'publishes more than inserts'),
    (:'rows', '', NULL, 'publishes more than inserts'),
    (:'rows', $$WITH (publish = '')$$, NULL, 'does not publish inserts'),
    (:'rows' || ', t.other', NULL, NULL, 'publishes other tables: t.other'),
    ('FOR TABLE t.other', NULL, NULL, 'does not publish screissue.notice; publishes other tables: t.other'),
    (:'rows' || ', TABLES IN SCHEMA t', NULL, NULL, 'publishes all tables of a schema'),
    ('FOR TABLES IN SCHEMA screissue', NULL, NULL, 'does not publish screissue.notice; publishes all tables of a schema'),
    ('FOR ALL TABLES', NULL, NULL, 'publishes all tables'),
    ($$FOR TABLE screissue.notice (issuer, provider, notice_no) WHERE (issuer = 'BANKJP' AND provider = 'METRO')$$, NULL, NULL, 'publishes some columns only'),
    (:'rows', NULL, 'ALTER PUBLICATION screissue_metro SET (publish = ''truncate'')', 'does not publish inserts; publishes more than inserts'),
    (:'rows', NULL, 'ALTER PUBLICATION screissue_metro DROP TABLE screissue.notice', 'does not publish screissue.notice'),
    (:'rows', NULL, 'CREATE ROLE lesser; GRANT CREATE ON DATABASE ' || quote_ident(current_database()) || ' TO lesser; ALTER PUBLICATION screissue_metro OWNER TO lesser',
     'belongs to role "lesser", which is not superuser'),
    (:'rows', NULL, 'CREATE ROLE chief SUPERUSER; ALTER PUBLICATION screissue_metro OWNER TO chief', NULL)) d (definition, publish, command, problems);

-- Names like ours.
SELECT card_issuer.create_publication('METRO') \g /dev/null
CREATE PUBLICATION screissue_nosuch FOR TABLE screissue.notice;
CREATE PUBLICATION screissuer;
CREATE PUBLICATION audit FOR TABLE t.other;
SELECT is(t.problems(), '{- screissue_nosuch is not of any provider}', 'R19: a publication like ours that is nobody''s, and no other');
DROP PUBLICATION screissue_nosuch;

-- Where the wire table is gone, as after a restore without it.
CREATE FUNCTION t.without_table() RETURNS text[] LANGUAGE plpgsql
AS $$
DECLARE
    answer text[];
BEGIN
    DROP TABLE screissue.notice CASCADE;
    answer := t.problems();
    RAISE EXCEPTION USING ERRCODE = '00TRY', MESSAGE = answer;
EXCEPTION WHEN SQLSTATE '00TRY' THEN
    RETURN SQLERRM;
END
$$;
SELECT is(t.without_table(), '{METRO screissue_metro does not publish screissue.notice}', 'E38: a wire table that is gone does not keep it from saying so');
SELECT is(t.problems(), '{}', 'and all is in order again');
SELECT * FROM finish();
ROLLBACK;
