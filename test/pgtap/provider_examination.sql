-- Whose examination may be used again, and until when; whose load it is
-- (E16, E49, E50, E55; R48, R50, claim 12)
BEGIN;
CREATE EXTENSION screissue;
SET search_path = screissue, public;
SELECT plan(34);

SELECT service_provider.setup('METRO', 'Metro Transit') \g /dev/null
SELECT service_provider.register_issuer('BANKJP', 'Bank'),
       service_provider.register_application('A000000001', 'fare'),
       service_provider.register_application('A000000002', 'locker') \g /dev/null

-- Load n is on card 1000n; notice n tells of card 2000n.
CREATE FUNCTION pg_temp.id(n bigint)
    RETURNS message_id
    LANGUAGE sql
AS $$ SELECT message_id('BANKJP', 'METRO', n) $$;
CREATE FUNCTION pg_temp.loaded(n bigint, user_ref text DEFAULT NULL, examination verdict DEFAULT NULL,
                               noted_at timestamptz DEFAULT now())
    RETURNS void
    LANGUAGE sql
AS $$
    SELECT service_provider.record_load(pg_temp.id(n), 'A000000001', (10000 + n)::text::card_id, user_ref, examination);
    SELECT service_provider.receive_notice('BANKJP', 'METRO', n, 'reissue', 100, (20000 + n)::text, (10000 + n)::text,
               'A000000001', pg_temp.id(n)::text, 'lost', noted_at, 'file');
$$;
CREATE FUNCTION pg_temp.request(n bigint, user_ref text DEFAULT NULL)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT concat_ws(' ', r.outcome, '(' || r.refusal || ')', CASE WHEN r.examination_substituted THEN 'substituted' END)
      FROM service_provider.request_reload('A000000001', 'BANKJP', 100, (20000 + n)::text::card_id, user_ref => user_ref) r
$$;
CREATE FUNCTION pg_temp.last_request()
    RETURNS bigint
    LANGUAGE sql
AS $$ SELECT max(r.request_id) FROM service_provider.reload_request r $$;

-- E16: the user

SELECT pg_temp.loaded(1, 'user 1'), pg_temp.loaded(2) \g /dev/null
SELECT is(pg_temp.request(t.n, t.user_ref), t.verdict, 'E16: ' || t.name)
  FROM (VALUES
    ('another user is refused', 1, 'user 2', 'refused (the old load is another user''s)'),
    ('so is the empty reference', 1, '', 'refused (the old load is another user''s)'),
    ('a reference is compared to the letter', 1, 'User 1', 'refused (the old load is another user''s)'),
    ('the same user', 1, 'user 1', 'approved'),
    ('who does not say who the user is asks for no check', 1, NULL, 'approved'),
    ('a load whose user is not known', 2, 'user 2', 'approved')
  ) AS t (name, n, user_ref, verdict);
SELECT is(pg_temp.request(1, 'user 1'), 'approved', 'E16: a change of name is no matter here: what counts is the reference');
SELECT service_provider.complete_reload(pg_temp.last_request(), pg_temp.id(101)) \g /dev/null
SELECT is((SELECT l.user_ref FROM service_provider.find_load(pg_temp.id(101)) l), 'user 1', 'E16: which the reload keeps');

-- E49, E55: the examination.  As it was made, how long ago it was, how long
-- before now it ends, what was found later, the limit of the application.

CREATE TEMP TABLE old_examination (
    n bigint GENERATED ALWAYS AS IDENTITY (START 11), name text, made verdict, age interval,
    ended interval, found verdict, max_age interval, verdict text);
INSERT INTO old_examination (name, made, age, ended, found, max_age, verdict) VALUES
    ('E49: none was ever made', NULL, NULL, NULL, NULL, NULL, 'approved'),
    ('E49: which no limit changes', NULL, NULL, NULL, NULL, '1 day', 'approved'),
    ('E49: one that failed is not the same', (false, 'debts', NULL), NULL, NULL, NULL, NULL,
     'examination_required (the old examination is negative)'),
    ('E49: nor is one that is pending', (NULL, 'to come', NULL), NULL, NULL, NULL, NULL,
     'examination_required (the old examination is pending)'),
    ('E49: one that holds', (true, 'good', NULL), '10 years', NULL, NULL, NULL, 'approved substituted'),
    ('E49: one that is a moment from too old', (true, 'good', NULL), '1000 hours -1 microsecond', NULL, NULL, '1000 hours', 'approved substituted'),
    ('E55: one that is too old just now', (true, 'good', NULL), '1000 hours', NULL, NULL, '1000 hours',
     'examination_required (the old examination is too old)'),
    ('E49: one that is too old', (true, 'good', NULL), '2 years', NULL, NULL, '1 year',
     'examination_required (the old examination is too old)'),
    ('E49: where no age is young enough', (true, 'good', NULL), '0', NULL, NULL, '0',
     'examination_required (the old examination is too old)'),
    ('E55: one that is valid for one more moment', (true, 'good', '1 year'), NULL, '-1 microsecond', NULL, NULL, 'approved substituted'),
    ('E55: one asked for exactly at its end', (true, 'good', '1 year'), NULL, '0', NULL, NULL,
     'examination_required (the old examination has expired)'),
    ('E49: one that has expired', (true, 'good', '1 year'), NULL, '1 microsecond', NULL, NULL,
     'examination_required (the old examination has expired)'),
    ('E49: one that was revoked later', (true, 'good', NULL), NULL, NULL, (false, 'fraud', NULL), NULL,
     'examination_required (the old examination is negative)'),
    ('E49: one that failed and was made good later', (false, 'debts', NULL), NULL, NULL, (true, 'paid', NULL), NULL, 'approved substituted'),
    ('E49: a later finding is as young as it is', (true, 'good', NULL), '2 years', NULL, (true, 'still good', NULL), '1 year', 'approved substituted');
SELECT pg_temp.loaded(o.n, 'user ' || o.n, o.made) FROM old_examination o \g /dev/null
UPDATE service_provider.examination x
   SET examined_at = coalesce(now() - o.age, x.examined_at),
       valid_until = coalesce(now() - o.ended, x.valid_until)
  FROM old_examination o
 WHERE x.message_id = pg_temp.id(o.n);
SELECT service_provider.record_examination(pg_temp.id(o.n), o.found)
  FROM old_examination o WHERE o.found IS DISTINCT FROM NULL \g /dev/null
CREATE FUNCTION pg_temp.request_within(n bigint, max_age interval)
    RETURNS text
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM service_provider.register_application('A000000001', 'fare', max_examination_age => max_age);
    RETURN pg_temp.request(n);
END
$$;
SELECT is(pg_temp.request_within(o.n, o.max_age), o.verdict, o.name) FROM old_examination o ORDER BY o.n;
SELECT service_provider.register_application('A000000001', 'fare') \g /dev/null

-- E49: of another application, of another user's load of the same application

SELECT pg_temp.loaded(40, 'user 40', ROW(false, 'debts', NULL)::verdict), pg_temp.loaded(41, 'user 40') \g /dev/null
SELECT service_provider.record_load(pg_temp.id(140), 'A000000002', '10040', 'user 40', ROW(true, 'good for the locker', NULL)::verdict),
       service_provider.record_load(pg_temp.id(141), 'A000000001', '10040', 'user 40', ROW(true, 'good for another load', NULL)::verdict) \g /dev/null
SELECT is(pg_temp.request(40), 'examination_required (the old examination is negative)',
          'E49: that of another application on the card, or of another load of the user, does not help');
SELECT is(pg_temp.request(41), 'approved', 'E49: nor is it made this one''s: none was made, none is reused');

-- E55: a notice from the future

SELECT pg_temp.loaded(50, noted_at => now() + interval '1 year'), pg_temp.loaded(51, noted_at => 'infinity') \g /dev/null
SELECT is(pg_temp.request(n), 'approved', 'E54, E55: notices go by number, whatever the date in them: ' || n) FROM unnest('{50, 51}'::bigint[]) n;

-- E50: card issuer and service provider, each by its own rules.  Both are in
-- this database; what the issuer writes comes to the provider as a file.

CREATE ROLE metro;
SELECT card_issuer.setup('CITY', 'City Card'), service_provider.register_issuer('CITY', 'City Card') \g /dev/null
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro') \g /dev/null
CREATE TABLE pg_temp.side (n integer, issuer text, provider text, app app_id, permission message_id);
INSERT INTO pg_temp.side (n, issuer, provider, app)
SELECT v.n, v.issuer, v.provider, format('A0000001%s', 10 + v.n)::app_id
  FROM (VALUES (1, 'substitute', 'new'), (2, 'new', 'substitute'), (3, 'substitute', 'substitute'), (4, 'new', 'new'),
               (5, 'substitute', 'substitute'), (6, 'substitute', 'substitute')) v (n, issuer, provider);
SELECT card_issuer.register_application(s.app, 'METRO', 'application ' || s.n, examination => s.issuer),
       service_provider.register_application(s.app, 'application ' || s.n, examination => s.provider)
  FROM pg_temp.side s \g /dev/null
SELECT card_issuer.issue_card(card => '60001', platform_type => 100, holder_id => 'alice') \g /dev/null
UPDATE pg_temp.side s SET permission = p.message_id
  FROM pg_temp.side t CROSS JOIN LATERAL card_issuer.permit_load(t.app, '60001') p
 WHERE s.n = t.n;
SELECT card_issuer.confirm_load(s.permission),
       service_provider.record_load(s.permission, s.app, '60001', 'alice', ROW(true, 'good', NULL)::verdict)
  FROM pg_temp.side s \g /dev/null
SELECT service_provider.record_examination(s.permission, ROW(false, 'fraud', NULL)::verdict)
  FROM pg_temp.side s WHERE s.n = 5 \g /dev/null
SELECT card_issuer.record_examination(s.permission, ROW(false, 'fraud', NULL)::verdict)
  FROM pg_temp.side s WHERE s.n = 6 \g /dev/null
SELECT card_issuer.request_reissue('60001', 'lost'), card_issuer.reissue_card('60001', '60002') \g /dev/null
SELECT service_provider.receive_notice(n.issuer, n.provider, n.notice_no, n.kind, n.platform_type, n.new_card_id,
           n.old_card_id, n.app_id, n.message_id, n.reason, n.noted_at, 'file')
  FROM screissue.notice n \g /dev/null
CREATE FUNCTION pg_temp.both_sides(app app_id)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT concat_ws(', ',
               (SELECT 'issuer ' || CASE WHEN p.examination_substituted THEN 'substitutes' ELSE 'examines' END
                  FROM card_issuer.permit_load(app, '60002') p),
               (SELECT 'provider: ' || r.outcome || CASE WHEN r.examination_substituted THEN ' substituted' ELSE '' END
                  FROM service_provider.request_reload(app, 'CITY', 100, '60002') r))
$$;
SELECT is(pg_temp.both_sides(s.app), v.what, format('E50: %s: issuer %s, provider %s', v.name, s.issuer, s.provider))
  FROM pg_temp.side s
  JOIN (VALUES (1, 'modes', 'issuer substitutes, provider: examination_required'),
               (2, 'modes', 'issuer examines, provider: approved substituted'),
               (3, 'modes', 'issuer substitutes, provider: approved substituted'),
               (4, 'modes', 'issuer examines, provider: examination_required'),
               (5, 'a finding of the provider', 'issuer substitutes, provider: examination_required'),
               (6, 'a finding of the issuer', 'issuer examines, provider: approved substituted')) v (n, name, what) ON v.n = s.n
 ORDER BY s.n;
SELECT is((SELECT format('%s %s', r.outcome, r.refusal)
             FROM service_provider.examine_reload((SELECT r.request_id FROM service_provider.reload_request r
                                                     JOIN pg_temp.side s ON s.app = r.app_id WHERE s.n = 1),
                                                  ROW(false, 'debts', NULL)::verdict) r),
          'refused debts', 'E50: the provider refuses what the issuer permitted');

SELECT * FROM finish();
ROLLBACK;
