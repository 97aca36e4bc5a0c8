-- Examinations that are reused, and those that are not (claim 11; R48, R49, R50;
-- E16, E18, E49, E50, E54, E55)
BEGIN;
\ir include/issuer.sql
SELECT plan(74);

-- What permit_load said of a reload, and the examination that it came to, with
-- the one really made, by card and message id of the load.
CREATE FUNCTION t.permission(card card_id, app app_id DEFAULT 'D276AB0085CD01')
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT concat_ws(' ', CASE WHEN p.permitted THEN 'permitted' ELSE 'refused: ' || p.refusal END,
                     CASE WHEN p.examination_substituted THEN 'substituted' END)
      FROM card_issuer.permit_load(app, card) p
$$;
CREATE VIEW t.examined AS
    SELECT l.message_id, x.examination_id, x.examiner, x.approved, x.examined_at, x.valid_until, x.details, x.substitutes, x.substitutes_card_id
      FROM card_issuer.app_load l
      JOIN card_issuer.examination x ON x.card_id = l.card_id AND x.examination_id = l.examination_id;
CREATE FUNCTION t.made(card card_id)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT concat_ws(' ', x.examiner, x.substitutes_card_id, x.substitutes)
      FROM card_issuer.app_load l
      JOIN card_issuer.examination x ON x.card_id = l.card_id AND x.examination_id = l.examination_id
     WHERE l.card_id = card
     ORDER BY l.message_id DESC
     LIMIT 1
$$;

-- A load on NAME-A, a reissue to NAME-B, something that happens in between, and
-- the permission for the reload.
CREATE FUNCTION t.reloaded(name text, between_them text DEFAULT NULL, old_until date DEFAULT NULL, new_until date DEFAULT NULL)
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    load message_id;
BEGIN
    PERFORM card_issuer.issue_card((name || '-A')::card_id, 100, 'aiko', old_until);
    load := t.load((name || '-A')::card_id, 'D276AB0085CD01');
    PERFORM card_issuer.request_reissue((name || '-A')::card_id, 'lost');
    PERFORM card_issuer.reissue_card((name || '-A')::card_id, (name || '-B')::card_id, valid_until => new_until);
    IF between_them IS NOT NULL THEN
        EXECUTE replace(replace(between_them, '{load}', quote_literal(load)), '{name}', name);
    END IF;
    RETURN t.permission((name || '-B')::card_id);
END
$$;

-- R49: a row that names the one really made.
SELECT is(t.reloaded('PLAIN'), 'permitted substituted', 'R49: an examination is substituted');
SELECT x.examination_id AS first_exam, l.message_id AS first_load
  FROM card_issuer.app_load l JOIN t.examined x ON x.message_id = l.message_id WHERE l.card_id = 'PLAIN-A' \gset
SELECT is(t.made('PLAIN-B'), 'substitution PLAIN-A ' || :'first_exam', 'claim 11: by a row that names the one really made');
SELECT results_eq(
    $$SELECT x.approved, x.details, x.valid_until, x.event FROM card_issuer.examination x WHERE x.card_id = 'PLAIN-B'$$,
    format($$VALUES (true, jsonb_build_object('old_load', %L), NULL::timestamptz, 'load')$$, :'first_load'), 'R49: and the old load');
SELECT is((SELECT count(*) FROM card_issuer.examination x WHERE x.card_id = 'PLAIN-B'), 1::bigint, 'R49: no policy was asked');
SELECT is(t.permission('PLAIN-B'), 'permitted substituted', 'R49: asked again: the same answer');
SELECT is((SELECT count(*) FROM card_issuer.examination x WHERE x.card_id = 'PLAIN-B'), 1::bigint, 'R49: and no further row');

-- R49: through a chain of reloads it is the first, which was really made.
SELECT card_issuer.confirm_load(l.message_id) FROM card_issuer.app_load l WHERE l.card_id = 'PLAIN-B' \g /dev/null
SELECT t.reissue('PLAIN-B', 'PLAIN-C'), t.load('PLAIN-C', :METRO1), t.reissue('PLAIN-C', 'PLAIN-D'), t.reissue('PLAIN-D', 'PLAIN-E') \g /dev/null
SELECT is(t.made('PLAIN-C'), 'substitution PLAIN-A ' || :'first_exam', 'R49: the second reload names the first examination');
SELECT is(t.permission('PLAIN-E'), 'permitted substituted', 'R49: and the third, two reissues later');
SELECT is(t.made('PLAIN-E'), 'substitution PLAIN-A ' || :'first_exam', 'R49: names it, too');

-- R48, E16, E18, E49, E55: what is reused and what is not.
CREATE TABLE t.found (name text, what text, between_them text, old_until date, new_until date, expected boolean);
INSERT INTO t.found VALUES
    ('EXPIRED', 'E55: an examination that has expired', $$UPDATE card_issuer.examination SET valid_until = now() - interval '1 second' WHERE card_id = '{name}-A'$$, NULL, NULL, false),
    ('END', 'E55: asked exactly at the end of validity', $$UPDATE card_issuer.examination SET valid_until = now() WHERE card_id = '{name}-A'$$, NULL, NULL, false),
    ('VALID', 'E55: still valid for a moment', $$UPDATE card_issuer.examination SET valid_until = now() + interval '1 microsecond' WHERE card_id = '{name}-A'$$, NULL, NULL, true),
    ('FRAUD', 'E49: a later negative finding', $$SELECT card_issuer.record_examination({load}, ROW(false, 'fraud', NULL)::verdict)$$, NULL, NULL, false),
    ('CLEAR', 'E49: cleared again after a negative finding', $$SELECT card_issuer.record_examination({load}, ROW(false, 'fraud', NULL)::verdict), card_issuer.record_examination({load}, ROW(true, 'a mistake', NULL)::verdict)$$, NULL, NULL, true),
    ('BRIEF', 'E49: a positive finding that is valid', $$SELECT card_issuer.record_examination({load}, ROW(true, 'seen', '1 day')::verdict)$$, NULL, NULL, true),
    ('PENDING', 'R48: an examination that came to no verdict', $$UPDATE card_issuer.examination SET approved = NULL WHERE card_id = '{name}-A'$$, NULL, NULL, false),
    ('FAILED', 'E49: one that failed', $$UPDATE card_issuer.examination SET approved = false WHERE card_id = '{name}-A'$$, NULL, NULL, false),
    ('MISSING', 'R48: none on record', $$UPDATE card_issuer.app_load SET examination_id = NULL WHERE card_id = '{name}-A'$$, NULL, NULL, false),
    ('OTHER', 'E16: the new card is another holder''s', $$UPDATE card_issuer.card SET holder_id = 'ben' WHERE card_id = '{name}-B'$$, NULL, NULL, false),
    ('NOBODY', 'E16: or nobody''s', $$UPDATE card_issuer.card SET holder_id = NULL WHERE card_id = '{name}-B'$$, NULL, NULL, false),
    ('BOTH', 'E16: both cards are nobody''s', $$UPDATE card_issuer.card SET holder_id = NULL WHERE card_id IN ('{name}-A', '{name}-B')$$, NULL, NULL, true),
    ('NAME', 'E16: the holder''s profile changed', $$SELECT card_issuer.register_holder('aiko', '{"name": "Aiko Sato"}')$$, NULL, NULL, true),
    ('LATER', 'E18: the new card is valid for longer', NULL, today() + 10, today() + 11, false),
    ('EQUAL', 'E18: as long', NULL, today() + 10, today() + 10, true),
    ('EARLIER', 'E18: not so long', NULL, today() + 10, today() + 9, true),
    ('ENDLESS', 'E18: without an end, the old card had one', NULL, today() + 10, NULL, false),
    ('ENDING', 'E18: with an end, the old card had none', NULL, NULL, today() + 10, true);
SELECT is(t.reloaded(f.name, f.between_them, f.old_until, f.new_until), CASE WHEN f.expected THEN 'permitted substituted' ELSE 'permitted' END,
          f.what || CASE WHEN f.expected THEN ' is reused' ELSE ' is not reused' END)
  FROM t.found f;
SELECT is((SELECT x.valid_until FROM t.examined x JOIN card_issuer.app_load l USING (message_id) WHERE l.card_id = 'BRIEF-B'), now() + interval '1 day',
          'E55: one that is reused ends when the one really made does');
SELECT is((SELECT x.reason FROM card_issuer.examination x JOIN t.examined y ON y.substitutes = x.examination_id JOIN card_issuer.app_load l USING (message_id)
            WHERE l.card_id = 'CLEAR-B'), 'a mistake', 'E49: the last finding is the one reused');
-- R48: none made is told apart from one that failed.
SELECT is((SELECT x.details -> 'old_examination' FROM card_issuer.examination x WHERE x.card_id = 'MISSING-B'), 'null'::jsonb, 'R48: the policy is told that none was made');
SELECT is((SELECT x.details #>> '{old_examination,approved}' FROM card_issuer.examination x WHERE x.card_id = 'FAILED-B'), 'false', 'R48: that one failed');
SELECT is((SELECT x.details #> '{old_examination,approved}' FROM card_issuer.examination x WHERE x.card_id = 'PENDING-B'), 'null'::jsonb, 'R48: and that one came to no verdict');
SELECT is((SELECT x.details #>> '{old_examination,reason}' FROM card_issuer.examination x WHERE x.card_id = 'FRAUD-B'), 'fraud', 'E49: it is told of a finding');

-- max_examination_age: by the one really made, however often it was reused.
SELECT card_issuer.register_application(:METRO1, 'METRO', 'season ticket', max_examination_age => '1 year') \g /dev/null
SELECT is(t.reloaded(v.name, format($$UPDATE card_issuer.examination SET examined_at = now() - interval %L WHERE card_id = '%s-A'$$, v.age, v.name)), v.expected,
          'E49: max_examination_age 1 year, age ' || v.age)
  FROM (VALUES ('AGE1', '1 day', 'permitted substituted'), ('AGE2', '1 year', 'permitted'), ('AGE3', '2 years', 'permitted')) v (name, age, expected);
SELECT card_issuer.confirm_load(l.message_id) FROM card_issuer.app_load l WHERE l.card_id = 'AGE1-B' \g /dev/null
UPDATE card_issuer.examination SET examined_at = now() - interval '2 years' WHERE card_id = 'AGE1-A';
SELECT t.reissue('AGE1-B', 'AGE1-C') \g /dev/null
SELECT is(t.permission('AGE1-C'), 'permitted', 'E49: a fresh substitution does not make an old examination younger');
SELECT is((SELECT (x.details #>> '{old_examination,examined_at}')::timestamptz FROM card_issuer.examination x WHERE x.card_id = 'AGE1-C'), now() - interval '2 years',
          'E49: and the policy is told of the one really made');
SELECT card_issuer.confirm_load(l.message_id) FROM card_issuer.app_load l WHERE l.card_id = 'AGE1-C' \g /dev/null
SELECT t.reissue('AGE1-C', 'AGE1-D') \g /dev/null
SELECT is(t.permission('AGE1-D'), 'permitted substituted', 'R49: what was made anew is reused from then on');
SELECT is(split_part(t.made('AGE1-D'), ' ', 2), 'AGE1-C', 'R49: and named');
SELECT card_issuer.register_application(:METRO1, 'METRO', 'season ticket', max_examination_age => '0') \g /dev/null
SELECT is(t.reloaded('AGE0'), 'permitted', 'E49: max_examination_age 0: always anew');
SELECT card_issuer.register_application(:METRO1, 'METRO', 'season ticket') \g /dev/null

-- E49: a finding counts for every reload that took the place of the load.
SELECT t.reloaded('CHAIN') \g /dev/null
SELECT l.message_id AS chained FROM card_issuer.app_load l WHERE l.card_id = 'CHAIN-A' \gset
SELECT card_issuer.confirm_load(l.message_id) FROM card_issuer.app_load l WHERE l.card_id = 'CHAIN-B' \g /dev/null
SELECT t.reissue('CHAIN-B', 'CHAIN-C'), t.load('CHAIN-C', :METRO1) \g /dev/null
SELECT is(t.made('CHAIN-C') ~ '^substitution CHAIN-A', true, 'R49: before: reloaded twice by one examination');
SELECT card_issuer.record_examination(:'chained', ROW(false, 'forged papers', NULL)::verdict) \g /dev/null
SELECT t.reissue('CHAIN-C', 'CHAIN-D') \g /dev/null
SELECT is(t.permission('CHAIN-D'), 'permitted', 'E49: a finding about the first load: the third reload does not reuse its examination');
SELECT is((SELECT x.details #>> '{old_examination,reason}' FROM card_issuer.examination x WHERE x.card_id = 'CHAIN-D'), 'forged papers', 'E49: and its policy is told why');
SELECT is((SELECT f.examination_id FROM card_issuer.find_load(:'chained') f), (SELECT l.finding_id FROM card_issuer.app_load l WHERE l.message_id = :'chained'),
          'E49: find_load names the finding');
SELECT is((SELECT x.approved FROM t.examined x WHERE x.message_id = :'chained'), true, 'E49: the examination by which it was permitted stays');
-- A permission that was given before the finding is given again as it was.
SELECT is(t.reloaded('GIVEN'), 'permitted substituted', 'R49: a permission is given');
SELECT card_issuer.record_examination(l.message_id, ROW(false, 'fraud', NULL)::verdict) FROM card_issuer.app_load l WHERE l.card_id::text LIKE 'GIVEN-_' \g /dev/null
SELECT is(t.permission('GIVEN-B'), 'permitted substituted', 'E49: after a finding it is given again as it was');

-- E16: the holder who was examined counts, not who had the card in between.
SELECT t.reloaded('HOLDER') \g /dev/null
SELECT card_issuer.confirm_load(l.message_id) FROM card_issuer.app_load l WHERE l.card_id = 'HOLDER-B' \g /dev/null
UPDATE card_issuer.card SET holder_id = 'ben' WHERE card_id = 'HOLDER-B';
SELECT t.reissue('HOLDER-B', 'HOLDER-C') \g /dev/null
SELECT is(t.permission('HOLDER-C'), 'permitted', 'E16: reassigned after a reload: the examination of the holder before is not reused');
-- E18: so does the card for which it was made.
SELECT is(t.reloaded('LIFE', NULL, today() + 100, today() + 50), 'permitted substituted', 'E18: a shorter life');
SELECT card_issuer.confirm_load(l.message_id) FROM card_issuer.app_load l WHERE l.card_id = 'LIFE-B' \g /dev/null
SELECT card_issuer.request_reissue('LIFE-B', 'lost'), card_issuer.reissue_card('LIFE-B', 'LIFE-C', valid_until => today() + 100) \g /dev/null
SELECT is(t.permission('LIFE-C'), 'permitted substituted', 'E18: longer than the last card, as long as the one that was examined');

-- E49: never the examination of another application.
SELECT card_issuer.issue_card('APP-A', 100), t.load('APP-A', :METRO1), t.reissue('APP-A', 'APP-B') \g /dev/null
SELECT is(t.permission('APP-B', :METRO2), 'permitted', 'E49: an application that was not on the old card: nothing to reuse');
SELECT is((SELECT x.details -> 'inherits' FROM card_issuer.examination x WHERE x.card_id = 'APP-B'), 'null'::jsonb, 'E49: and nothing is inherited');
SELECT is_empty($$SELECT FROM card_issuer.app_load l JOIN card_issuer.app_load o ON o.message_id = l.inherits WHERE o.app_id <> l.app_id$$,
                'E49: no load inherits from another application''s');

-- The modes of an application.
CREATE FUNCTION t.asked(request jsonb) RETURNS screissue.verdict LANGUAGE sql AS $$ SELECT ROW(true, 'asked', '30 days')::screissue.verdict $$;
SELECT card_issuer.set_policy('load', 't.asked(jsonb)') \g /dev/null
CREATE FUNCTION t.in_mode(mode text, OUT answer text, OUT told jsonb, OUT examiner text)
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM card_issuer.register_application('D276AB0085CD01', 'METRO', 'season ticket', examination => mode);
    answer := t.reloaded('MODE-' || mode);
    SELECT x.details, x.examiner INTO told, examiner FROM card_issuer.examination x WHERE x.card_id = ('MODE-' || mode || '-B')::card_id;
END
$$;
SELECT unnest(ARRAY[
       is(m.answer, 'permitted', 'R49: mode refer: judged anew'), is(m.examiner, 't.asked(jsonb)', 'R49: mode refer: by the policy'),
       is(m.told #>> '{old_examination,reason}', 'asked', 'R49: mode refer: which is told of the old examination'),
       is(m.told ->> 'examination_mode', 'refer', 'R49: mode refer: and the mode')])
  FROM t.in_mode('refer') m;
SELECT unnest(ARRAY[
       is(m.answer, 'permitted', 'R49: mode new: judged anew'), is(m.examiner, 't.asked(jsonb)', 'R49: mode new: by the policy'),
       is(m.told -> 'old_examination', 'null'::jsonb, 'R49: mode new: which is not told of the old one'),
       isnt(m.told ->> 'inherits', NULL, 'R49: mode new: but that it is a reload')])
  FROM t.in_mode('new') m;
SELECT unnest(ARRAY[
       is(m.answer, 'permitted substituted', 'R49: mode substitute: no policy is asked'), is(m.examiner, 'substitution', 'R49: mode substitute: and no examination made')])
  FROM t.in_mode('substitute') m;

-- E54: the time zone of the client decides nothing: an hour more or less where
-- summer time begins in between.
SELECT card_issuer.set_policy('load', NULL) \g /dev/null
CREATE FUNCTION t.valid_until(zone text)
    RETURNS interval
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM set_config('timezone', zone, true);
    PERFORM card_issuer.issue_card(('ZONE-' || left(zone, 3))::card_id, 100);
    PERFORM card_issuer.record_examination(t.load(('ZONE-' || left(zone, 3))::card_id, 'D276AB0085CD01'), ROW(true, NULL, '180 days')::verdict);
    RETURN (SELECT justify_hours(x.valid_until - x.examined_at) FROM card_issuer.examination x
             WHERE x.card_id = ('ZONE-' || left(zone, 3))::card_id AND x.valid_until IS NOT NULL);
END
$$;
SELECT is(t.valid_until(z), '180 days', 'E54: 180 days are as long in ' || z) FROM unnest('{UTC,Europe/Berlin,Australia/Sydney}'::text[]) z;
SET LOCAL timezone = 'UTC';

-- E50: issuer and provider, here in one database, each decide for themselves.
SELECT service_provider.setup('METRO', 'Metro Transit'), service_provider.register_issuer('BANKJP', 'Bank') \g /dev/null
CREATE FUNCTION t.both(name text, issuer_mode text, provider_mode text)
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    load message_id;
    asked record;
BEGIN
    PERFORM card_issuer.register_application('D276AB0085CD01', 'METRO', 'season ticket', examination => issuer_mode),
            service_provider.register_application('D276AB0085CD01', 'season ticket', examination => provider_mode);
    PERFORM card_issuer.issue_card((name || '-A')::card_id, 100);
    load := t.load((name || '-A')::card_id, 'D276AB0085CD01');
    PERFORM service_provider.record_load(load, 'D276AB0085CD01', (name || '-A')::card_id, examination => ROW(true, 'salary', NULL)::verdict, platform_type => 100);
    PERFORM t.reissue((name || '-A')::card_id, (name || '-B')::card_id);
    PERFORM service_provider.receive_notice(n.issuer, n.provider, n.notice_no, n.kind, n.platform_type, n.new_card_id, n.old_card_id, n.app_id,
                                            n.message_id, n.reason, n.noted_at, 'file')
       FROM screissue.notice n WHERE n.new_card_id = name || '-B';
    SELECT * INTO asked FROM service_provider.request_reload('D276AB0085CD01', 'BANKJP', 100, (name || '-B')::card_id);
    RETURN format('issuer %s, provider %s', (SELECT p.examination_substituted FROM card_issuer.permit_load('D276AB0085CD01', (name || '-B')::card_id, reload_of => load) p),
                  concat_ws(' ', asked.outcome, asked.examination_substituted));
END
$$;
-- E54: nor does the time zone at the provider: a repetition contradicts nothing.
SELECT service_provider.register_application(:METRO1, 'season ticket'), card_issuer.issue_card('ZONE-X', 100) \g /dev/null
SELECT t.load('ZONE-X', :METRO1) AS zoned \gset
CREATE FUNCTION t.recorded(message message_id, zone text)
    RETURNS void
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM set_config('timezone', zone, true);
    PERFORM service_provider.record_load(message, 'D276AB0085CD01', 'ZONE-X', examination => ROW(true, 'salary', '180 days')::verdict, platform_type => 100);
END
$$;
SELECT lives_ok(format('SELECT t.recorded(%L, %L)', :'zoned', z), 'E54: a load is recorded, again, from ' || z) FROM unnest('{UTC,Europe/Berlin,Australia/Sydney}'::text[]) z;
SET LOCAL timezone = 'UTC';
SELECT is(t.both('E50-1', 'substitute', 'new'), 'issuer t, provider examination_required f', 'E50: the issuer substitutes, the provider judges anew');
SELECT is(t.both('E50-2', 'new', 'substitute'), 'issuer f, provider approved t', 'E50: and the reverse');
SELECT is(t.both('E50-3', 'substitute', 'substitute'), 'issuer t, provider approved t', 'R50: both substitute');
SELECT is(t.both('E50-4', 'refer', 'refer'), 'issuer f, provider examination_required f', 'R50: neither does');

SELECT * FROM finish();
ROLLBACK;
