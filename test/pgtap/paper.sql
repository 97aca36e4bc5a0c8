-- What goes on paper: printed by the issuer, typed at the provider, equal to
-- what other carriers bring, or refused and located
-- (R7, R10, R20-R22, R28, R36, R38, R39, R42; E14, E19, E20, E24, E29, E30, E60).
--
-- This database is issuer BANKJP and provider METRO.
BEGIN;
\ir include/issuer.sql
SET LOCAL TimeZone = 'UTC';
SELECT plan(233);

SELECT throws_ok($$SELECT service_provider.type_notice('')$$, 'SR001', NULL, 'type_notice before setup is SR001');
SELECT service_provider.setup('METRO', 'Metro Transit'), service_provider.register_issuer('BANKJP', 'Bank of Japan Point') \g /dev/null

-- Notices with card ids of every kind: of reissues, and such as the wire could carry

SELECT card_issuer.issue_card('4111111111111111', 100), t.load('4111111111111111', :METRO1),
       card_issuer.issue_card('OX0-I1_X.QZ', 100), t.load('OX0-I1_X.QZ', :METRO1), t.load('OX0-I1_X.QZ', :METRO2),
       card_issuer.issue_card('378282246310005', 200), t.load('378282246310005', :METRO1), t.load('378282246310005', :SHOP1) \g /dev/null
SELECT t.reissue('4111111111111111', '5555555555554444'), t.reissue('OX0-I1_X.QZ', '0x04A1B2C3D4E5F6', reason => 'damaged'),
       card_issuer.withdraw_reissue('0x04A1B2C3D4E5F6'), t.reissue('378282246310005', '00001111', 100, 'stolen') \g /dev/null
INSERT INTO screissue.notice VALUES
    ('BANKJP', 'METRO', 9223372036854775807, 'x-Ray 9 Lives', -2147483648, 'A', '0123456789012345678901234567890123456789',
     'A0000005591010FFFFFFFF8900000100', 'BANKJP/METRO/9223372036854775807', '', '9999-12-31 23:59:59.999999Z'),
    ('BANKJP', 'METRO', 9223372036854775806, 'reissue', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    ('BANKJP', 'METRO', 9223372036854775805, 'x', 999, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ._-012', 'X', '0123456789',
     'BANKJP/METRO/1', 'X', 'infinity'),
    ('BANKJP', 'METRO', 9223372036854775804, repeat(' ~', 32), 999, 'XX', 'X58', '0123456789', 'BANKJP/METRO/1', 'xx58', '21000-01-02 03:04:05Z');

CREATE TABLE t.sheet AS
SELECT n.notice_no, n.noted_at, card_issuer.print_notice('METRO', n.notice_no) AS form
  FROM card_issuer.fetch_notices('METRO', 0) n;
SELECT is(count(*), 10::bigint, 'R10: notices are printed') FROM t.sheet;
SELECT matches(s.form, '^SCREISSUE NOTICE 1\n([A-Z]+ +([0-9A-Z]{4}[0-9A-Z*] )*[0-9A-Z]{2}\n){12}$', 'R10: as lines of groups, notice ' || s.notice_no)
  FROM t.sheet s;
SELECT is(service_provider.type_notice(s.form), CASE WHEN s.notice_no = 9223372036854775806 THEN 'quarantined' ELSE 'stored' END,
          'R22: typed as printed, notice ' || s.notice_no)
  FROM t.sheet s;
SELECT set_eq($$SELECT n.issuer::text, n.notice_no, n.kind, n.platform_type, n.new_card_id::text, n.old_card_id::text,
                       n.app_id::text, n.message_id::text, n.reason, n.noted_at, n.carrier FROM service_provider.reissue_notice n$$,
              $$SELECT n.issuer, n.notice_no, n.kind, n.platform_type, n.new_card_id, n.old_card_id,
                       n.app_id, n.message_id, n.reason, n.noted_at, 'paper'
                  FROM card_issuer.fetch_notices('METRO', 0) n WHERE n.new_card_id IS NOT NULL$$,
              'R10, R20, R21: what was typed is what was printed, every field');
SELECT results_eq('SELECT q.notice_no, q.kind, num_nulls(q.platform_type, q.new_card_id, q.old_card_id, q.app_id, q.message_id, q.reason, q.noted_at), q.carrier, q.cause
                     FROM service_provider.quarantined_notice q',
                  $$VALUES ('9223372036854775806', 'reissue', 7, 'paper', 'unparsable: new_card_id')$$, 'R10: so is what is not given');
DELETE FROM service_provider.quarantined_notice;
SELECT is(service_provider.type_notice(s.form), 'duplicate', 'E19: typed again, notice ' || s.notice_no)
  FROM t.sheet s WHERE s.notice_no < 100;
SELECT is(service_provider.receive_notice(n.issuer, n.provider, n.notice_no, n.kind, n.platform_type, n.new_card_id, n.old_card_id, n.app_id,
                                          n.message_id, n.reason, n.noted_at, 'file'),
          'duplicate', 'E20: the same on paper and in a file, notice ' || n.notice_no)
  FROM card_issuer.fetch_notices('METRO', 0) n WHERE n.new_card_id IS NOT NULL;

-- What a typist may do

SELECT form FROM t.sheet WHERE notice_no = 1 \gset
SELECT is(service_provider.type_notice(typed), 'duplicate', 'E29: taken: ' || what)
  FROM (VALUES
    ('in lower case', lower(:'form')),
    ('hyphens between the groups', regexp_replace(:'form', '([^ ]) ([^ ])', '\1-\2', 'g')),
    ('more spaces', '   ' || replace(:'form', ' ', '   ')),
    ('tabs', regexp_replace(:'form', ' +', E'\t', 'g')),
    ('CRLF', replace(:'form', E'\n', E'\r\n')),
    ('CR', replace(:'form', E'\n', E'\r')),
    ('empty lines', E'\n \n' || replace(:'form', E'\n', E'\n\n---\n')),
    ('no end of the last line', rtrim(:'form', E'\n'))) t (what, typed);
SELECT is((SELECT n.new_card_id::text || ' ' || sum(a.arrivals) FROM service_provider.reissue_notice n JOIN service_provider.arrival a ON a.notice_no = n.notice_no
            WHERE n.notice_no = 1 GROUP BY n.new_card_id),
          '5555555555554444 11', 'E29: and is the very notice');

-- Replies

SELECT service_provider.register_application(:METRO1, 'season ticket'), card_issuer.register_key(1, 'ecies-x25519'),
       card_issuer.set_tariff(:METRO2, 'load', 1234567.5, 'JPY') \g /dev/null
CREATE FUNCTION t.seal(plaintext text)
    RETURNS card_attribute
    LANGUAGE sql
AS $$
    SELECT card_issuer.encrypt_attribute(k.key_id, k.scheme, k.public_key, convert_to(plaintext, 'UTF8')) FROM card_issuer.encryption_key k
$$;
SELECT card_issuer.issue_card('SECRET-A', 200), card_issuer.issue_card('PLAIN-A', 100), card_issuer.issue_card('FIRST', 200) \g /dev/null
SELECT t.load('SECRET-A', :METRO1) AS secret_load, t.load_and_record('PLAIN-A') AS plain_load \gset
SELECT service_provider.record_load(:'secret_load', :METRO1, platform_type => 200),
       t.reissue('SECRET-A', 'SECRET-B'), t.reissue('PLAIN-A', 'PLAIN-B') \g /dev/null
CREATE TABLE t.request AS
SELECT w.*, (SELECT r.request_id FROM service_provider.request_reload(:METRO1, 'BANKJP', w.type, w.card, w.attribute) r)
  FROM (VALUES ('reissued', 200, NULL::card_id, t.seal('SECRET-B')), ('first card', 200, NULL, t.seal('FIRST')),
               ('by card id', 100, 'PLAIN-B', NULL), ('unknown', 999, 'SECRET-B', NULL)) w (what, type, card, attribute);
CREATE TABLE t.reply AS
SELECT r.what, r.request_id, card_issuer.print_reply(app => :METRO1, attribute => r.attribute, card => r.card) AS form FROM t.request r;
SELECT matches(r.form, '^SCREISSUE REPLY 1\n([A-Z]+ +([0-9A-Z]{4}[0-9A-Z*] )*[0-9A-Z]{2}\n){8}$', 'R10: reply: ' || r.what) FROM t.reply r;
SELECT is(regexp_replace(a.form, '\nASKED.*?\n|\nSHEET.*?\n', E'\n', 'g'), regexp_replace(b.form, '\nASKED.*?\n|\nSHEET.*?\n', E'\n', 'g'),
          'R36, R42: negative replies look alike, by attribute, and by the id of a card that the provider cannot read')
  FROM t.reply a, t.reply b WHERE a.what = 'first card' AND b.what = 'unknown';
SELECT t.refused(format('SELECT service_provider.type_reply(%s, %L)', r.request_id, s.form), '22023', format('R38: the reply to %s is none to %s', s.what, r.what))
  FROM t.request r, t.reply s WHERE r.what <> s.what;
SELECT t.refused(format('SELECT service_provider.type_reply(%s, %L)', r.request_id, screissue.print_paper('reply', ARRAY[issuer, app, '0', '200', 'NO', NULL, NULL])),
                 '22023', format('R38: nor one of %s about %s', issuer, app))
  FROM t.request r, (VALUES ('BANKJP', 'D276AB0085CD02'), ('OTHER', 'D276AB0085CD01')) x (issuer, app) WHERE r.what = 'first card';
CREATE FUNCTION t.type_reply(request bigint, form text)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT concat_ws(' ', v.outcome, v.inherits) FROM service_provider.type_reply(request, form) v
$$;
SELECT is(t.type_reply(r.request_id, r.form), answer, 'R39: typed as printed: ' || r.what)
  FROM t.reply r, (VALUES ('reissued', 'approved ' || :'secret_load'), ('first card', 'not_reissued'), ('by card id', 'approved ' || :'plain_load'),
                          ('unknown', 'not_reissued')) w (what, answer) WHERE w.what = r.what;
SELECT results_eq($$SELECT t.what COLLATE "default", p.platform_type, p.reissued, p.message_id::text COLLATE "default", p.old_card_id::text COLLATE "default", p.carrier
                      FROM service_provider.inquiry_reply p JOIN t.request t ON t.request_id = p.request_id ORDER BY 1$$,
                  format($$VALUES ('by card id', 100, true, %L, 'PLAIN-A', 'paper'), ('first card', 200, false, NULL, NULL, 'paper'),
                                  ('reissued', 200, true, %L, NULL, 'paper'), ('unknown', 200, false, NULL, NULL, 'paper')$$, :'plain_load', :'secret_load'),
                  'R38, R39: what was typed is what was printed');
SELECT is(t.type_reply(r.request_id, r.form), 'approved ' || :'secret_load', 'E19: typed again') FROM t.reply r WHERE r.what = 'reissued';
SELECT is((SELECT v.outcome::text FROM service_provider.record_reply(r.request_id, 200, true, :'secret_load') v), 'approved',
          'E20: the same as by the application server') FROM t.reply r WHERE r.what = 'reissued';
SELECT is((SELECT count(*) FROM card_issuer.inquiry i WHERE i.provider = 'METRO'), 2::bigint, 'R39: the inquiries are on record at the issuer');
SELECT is((SELECT array_agg(n.old_card_id::text || ' ' || n.carrier) FROM service_provider.reissue_notice n WHERE n.new_card_id = 'PLAIN-B'),
          '{PLAIN-A inquiry}'::text[], 'R28: the pair is kept as Fig. 19 has it');
SELECT throws_ok(format('SELECT service_provider.type_reply(%s, %L)', r.request_id, screissue.print_paper('reply', ARRAY[
                            'BANKJP', 'D276AB0085CD01', '0', platform, reissued, message, card])),
                 '22P02', 'form has no valid value in line ' || label, 'E29: no ' || label)
  FROM t.reply r, (VALUES ('PLATFORM', 'X', 'YES', NULL, NULL), ('REISSUED', '200', 'MAYBE', NULL, NULL), ('REISSUED', '200', NULL, NULL, NULL),
                          ('MESSAGE', '200', 'YES', 'BANKJP', NULL), ('OLDCARD', '200', 'YES', NULL, '!')) w (label, platform, reissued, message, card)
 WHERE r.what = 'first card';

-- Groups with the right check characters, but none of them says a value as it is printed

SELECT throws_ok(format('SELECT service_provider.type_reply(%s, %L)', r.request_id, E'SCREISSUE REPLY 1\nISSUER ' || groups),
                 '22P02', 'form is mistyped in line 2 (ISSUER)', 'E29: ' || w.what)
  FROM (VALUES ('a letter that needs no escape', 'X41X0 5O'), ('more filling than a group', 'XXXXA XXXXA JH'),
               ('a value of 68 characters', repeat('AAAAY ', 17) || '2I')) w (what, groups), t.request r WHERE r.what = 'first card';
SELECT throws_ok(call, state, message, 'no form: ' || call)
  FROM (VALUES ($$SELECT screissue.read_paper('other', '')$$, 'XX000', 'unknown form "other"'),
               ($$SELECT screissue.print_paper('other', '{}')$$, 'XX000', 'unknown form "other"'),
               ($$SELECT screissue.print_paper('reply', '{1,2}')$$, 'XX000', 'a form was given 2 values'),
               ($$SELECT screissue.print_paper('reply', array_fill(repeat('X', 65), '{7}'))$$, '22023', 'value of line 2 (ISSUER) does not go on paper')) w (call, state, message);

-- Permissions

SELECT p.message_id AS permitted FROM card_issuer.permit_load(app => :METRO1, card => 'PLAIN-B') p \gset
SELECT p.message_id AS secretly FROM card_issuer.permit_load(app => :METRO2, card => 'SECRET-B') p \gset
SELECT card_issuer.print_permission(:'permitted') AS permission, card_issuer.print_permission(:'secretly') AS secret_permission \gset
SELECT matches(:'permission'::text, '^SCREISSUE PERMISSION 1\n([A-Z]+ +([0-9A-Z]{4}[0-9A-Z*] )*[0-9A-Z]{2}\n){8}$', 'R10: a permission');
SELECT results_eq(format('SELECT * FROM service_provider.type_permission(%L)', :'permission'),
                  format('SELECT %L::message_id, %L::app_id, 100, %L::card_id, %L::message_id, NULL::numeric, NULL::text', :'permitted', :METRO1, 'PLAIN-B', :'plain_load'),
                  'R7, R10: typed as printed');
SELECT t.refused(format('SELECT service_provider.type_permission(%L)', :'secret_permission'), 'SR003', 'R7: but not for an application that is not ours');
SELECT service_provider.register_application(:METRO2, 'parking') \g /dev/null
SELECT results_eq(format('SELECT * FROM service_provider.type_permission(%L)', :'secret_permission'),
                  format('SELECT %L::message_id, %L::app_id, 200, NULL::card_id, NULL::message_id, 1234567.5, %L::text', :'secretly', :METRO2, 'JPY'),
                  'R42: a permission for a card whose id is not ours to know');
SELECT results_eq(format('SELECT l.app_id::text, l.card_id::text, l.status::text FROM service_provider.find_load(%L) l', :'permitted'),
                  $$VALUES ('D276AB0085CD01', 'PLAIN-B', 'permitted')$$, 'R7: it is on record');
SELECT lives_ok(format('SELECT service_provider.type_permission(%L)', :'permission'), 'E19: typed again');
SELECT service_provider.complete_reload(r.request_id, :'permitted'), card_issuer.confirm_load(:'permitted') FROM t.request r WHERE r.what = 'by card id' \g /dev/null
SELECT is((SELECT l.status || ' ' || l.inherits FROM service_provider.find_load(:'permitted') l), 'loaded ' || :'plain_load', 'R27: the reload by paper alone');
SELECT t.refused(format('SELECT card_issuer.print_permission(%L)', :'permitted'), 'SR009', 'R10: a permission that is used up is not printed');
SELECT t.refused('SELECT card_issuer.print_permission(''BANKJP/METRO/424242'')', 'SR008', 'R10: nor one that was never given');
SELECT t.permit('FIRST', :SHOP1) AS foreign_permit \gset
SELECT t.refused(format('SELECT service_provider.type_permission(%L)', card_issuer.print_permission(:'foreign_permit')), '22023',
                 'E24: nor is another provider''s taken');
SELECT throws_ok(format('SELECT service_provider.type_permission(%L)', screissue.print_paper('permission', ARRAY[message, app, platform, card, inherits, fee, NULL])),
                 '22P02', 'form has no valid value in line ' || label, 'E29: no ' || label)
  FROM (VALUES ('MESSAGE', 'B', 'A0000000031010', '100', 'CARD', 'B/M/1', '1'), ('APP', 'B/M/1', 'X', '100', 'CARD', 'B/M/1', '1'),
               ('PLATFORM', 'B/M/1', 'A0000000031010', 'X', 'CARD', 'B/M/1', '1'), ('CARD', 'B/M/1', 'A0000000031010', '100', '!', 'B/M/1', '1'),
               ('INHERITS', 'B/M/1', 'A0000000031010', '100', 'CARD', 'B/M', '1'), ('FEE', 'B/M/1', 'A0000000031010', '100', 'CARD', 'B/M/1', 'X'))
       t (label, message, app, platform, card, inherits, fee);

-- Refused, and where

CREATE FUNCTION t.everything()
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT concat((SELECT string_agg(n::text, '' ORDER BY n.notice_no) FROM service_provider.reissue_notice n),
                  (SELECT count(*) FROM service_provider.quarantined_notice),
                  (SELECT string_agg(l::text, '' ORDER BY l.message_id) FROM service_provider.app_load l),
                  (SELECT string_agg(r::text, '' ORDER BY r.request_id) FROM service_provider.reload_request r),
                  (SELECT string_agg(p::text, '' ORDER BY p.request_id) FROM service_provider.inquiry_reply p))
$$;
SELECT t.everything() AS before \gset

-- Where a form is refused: "LINE" or "LINE.GROUP"; what else came of it.
CREATE FUNCTION t.refusal(typed text, call text DEFAULT 'type_notice(%L)')
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE format('SELECT service_provider.' || call, typed) INTO answer;
    RETURN answer;
EXCEPTION WHEN OTHERS THEN
    IF SQLSTATE <> '22P02' THEN
        RETURN SQLSTATE;
    END IF;
    RETURN regexp_replace(SQLERRM, '^form is mistyped in line (\d+)( \([A-Z]+\))?(, group )?', '\1.');
END
$$;

-- Line and group in which a character of a form stands; a space belongs to the
-- group before it.  A title and a label are no group.
CREATE FUNCTION t.place(form text, at integer, OUT line integer, OUT "group" integer)
    LANGUAGE sql
AS $$
    SELECT cardinality(lines),
           CASE WHEN cardinality(lines) = 1 THEN 0
                ELSE (SELECT count(*)::integer FROM regexp_matches(lines[cardinality(lines)], '[^ \n]+', 'g')) - 1 END
      FROM regexp_split_to_array(regexp_replace(left(form, at), '\n$', ''), '\n') lines
$$;

-- One character after the other is replaced by each of some others, and is
-- exchanged with the next.
CREATE TABLE t.paper AS
SELECT s.form, 'type_notice(%L)' AS call FROM t.sheet s WHERE s.notice_no IN (2, 9223372036854775807)
 UNION ALL SELECT r.form, format('type_reply(%s, %%L)', r.request_id) FROM t.reply r WHERE r.what = 'by card id'
 UNION ALL VALUES (:'permission', 'type_permission(%L)');
CREATE TABLE t.mistake AS
SELECT s.call, what, typed, p.line, p."group", substr(s.form, at, 1) || substr(s.form, at + 1, 1) AS ink,
       n.line AS next_line, n."group" AS next_group
  FROM t.paper s,
       LATERAL generate_series(1, length(s.form) - 2) at,
       LATERAL t.place(s.form, at) p,
       LATERAL t.place(s.form, at + 1) n,
       LATERAL (SELECT 'replaced', overlay(s.form PLACING c FROM at FOR 1)
                  FROM regexp_split_to_table(E'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ* /\u00E9', '') c
                 WHERE c <> substr(s.form, at, 1)
                 UNION ALL
                SELECT 'exchanged', overlay(s.form PLACING reverse(substr(s.form, at, 2)) FROM at FOR 2)
                 WHERE substr(s.form, at, 1) <> substr(s.form, at + 1, 1)) change (what, typed);
CREATE TABLE t.found AS
SELECT m.*, t.refusal(m.typed, m.call) AS refusal FROM t.mistake m;
SELECT cmp_ok(count(*), '>', 50000::bigint, 'E29: forms with a mistake') FROM t.found;
SELECT is_empty($$SELECT f.what, f.refusal, f.typed FROM t.found f WHERE f.refusal !~ '^\d+\.\d*$'$$,
                'E29: each is refused');
SELECT is_empty($$SELECT f.* FROM t.found f
                   WHERE split_part(f.refusal, '.', 1)::integer
                         NOT BETWEEN f.line AND CASE f.what WHEN 'exchanged' THEN f.next_line ELSE f.line END$$,
                'E29: each in the line where it is');
SELECT is_empty($$SELECT f.* FROM t.found f
                   WHERE f.ink !~ '\n' AND f."group" > 0
                     AND ('0' || split_part(f.refusal, '.', 2))::integer
                         NOT BETWEEN f."group" AND CASE WHEN f.what = 'exchanged' OR f.ink ~ '^ ' THEN f.next_group ELSE f."group" END$$,
                'E29: each in the group where it is');
SELECT is(t.everything(), :'before', 'E29: and nothing is stored');

-- Letters for digits throughout

SELECT matches(t.refusal((SELECT string_agg(CASE WHEN n = 1 THEN l ELSE left(l, 10) || translate(substr(l, 11), wanted, typed) END, E'\n' ORDER BY n)
                            FROM regexp_split_to_table(:'form', '\n') WITH ORDINALITY x (l, n))),
               '^\d+\.\d+$', format('E29: each %s typed as %s', wanted, typed))
  FROM (VALUES ('0', 'O'), ('1', 'I'), ('O', '0'), ('01', 'OI'), ('B', '8'), ('5', 'S')) t (wanted, typed);

-- Lines

CREATE FUNCTION t.lines(form text)
    RETURNS text[]
    LANGUAGE sql
AS $$
    SELECT regexp_split_to_array(rtrim(form, E'\n'), '\n')
$$;
SELECT is(t.refusal(array_to_string(l[:n - 1] || l[n + 1:], E'\n')), n || '.', format('E30: line %s is left out', n))
  FROM t.lines(:'form') l, generate_series(1, 13) n;
SELECT is(t.refusal(array_to_string(l[:n] || l[n:], E'\n')), n + 1 || '.', format('E30: line %s is doubled', n))
  FROM t.lines(:'form') l, generate_series(1, 13) n;
SELECT is(t.refusal(array_to_string(l[:n - 1] || l[n + 1] || l[n] || l[n + 2:], E'\n')), n || '.', format('E30: lines %s and the next are exchanged', n))
  FROM t.lines(:'form') l, generate_series(1, 12) n;
SELECT is(t.refusal(array_to_string(l[:n], E'\n')), n + 1 || '.', format('E30: cut short after line %s', n))
  FROM t.lines(:'form') l, generate_series(0, 12) n;
SELECT is(t.refusal(:'form' || :'form'), '14.', 'E30: doubled');
SELECT is(t.refusal(array_to_string(l[:n - 1] || o[n] || l[n + 1:], E'\n')), '13.', format('E30: line %s of another sheet', n))
  FROM t.lines(:'form') l, t.lines((SELECT s.form FROM t.sheet s WHERE s.notice_no = 2)) o, unnest('{4,7,8,10,11,13}'::integer[]) n;
SELECT is(t.refusal(typed), place, 'E30: ' || what)
  FROM (VALUES
    ('nothing', '', '1.'),
    ('another form', :'permission', '1.'),
    ('another version', replace(:'form', 'NOTICE 1', 'NOTICE 2'), '1.'),
    ('a byte order mark', U&'\FEFF' || :'form', '1.'),
    ('full-width digits', regexp_replace(:'form', '(NEWCARD +)5', U&'\005C1\FF15'), '7.1'),
    ('a value under another label', regexp_replace(regexp_replace(:'form', 'NEWCARD .*?\n', ''), 'OLDCARD ', 'NEWCARD '), '7.5'),
    ('a group left out', regexp_replace(:'form', '(NEWCARD +)\w+[\w*] ', '\1'), '7.4'),
    ('a group doubled', regexp_replace(:'form', '(NEWCARD +)([\w*]+ )', '\1\2\2'), '7.6'),
    ('groups exchanged', regexp_replace(:'form', '(NEWCARD +\S+ \S+ )(\S+ )(\S+ )', '\1\3\2'), '7.5'),
    ('a character left out', regexp_replace(:'form', '(NEWCARD +\S+ \S)\S', '\1'), '7.2'),
    ('a character doubled', regexp_replace(:'form', '(NEWCARD +\S+ \S)(\S)', '\1\2\2'), '7.2'),
    ('no groups', regexp_replace(:'form', '(NEWCARD) .*?\n', E'\\1\n'), '7.1'),
    ('a long line', regexp_replace(:'form', '(NEWCARD +)([\w*]+ )', '\1' || repeat('\2', 10000)), '7.49')) t (what, typed, place);
SELECT is(t.everything(), :'before', 'E30: and nothing is stored');
SELECT t.refused(format('SELECT service_provider.type_notice(%L)', typed), '22P02', 'E29: the error shows no card id')
  FROM (VALUES (replace(:'form', '5555', '5556')), (replace(:'form', 'NEWCARD', '5555555555554444')), ('4111111111111111'),
               (regexp_replace(:'form', 'NEWCARD +', 'NEWCARD 5555555555554444 '))) t (typed);

-- Check characters that fit, of something that the issuer did not print

SELECT throws_ok(format('SELECT service_provider.type_notice(%L)',
                        screissue.print_paper('notice', ARRAY['BANKJP', 'METRO', number, 'reissue', platform, '4111111111111111', NULL,
                                                              'A0000000031010', 'BANKJP/METRO/1', 'lost', noted])),
                 '22P02', 'form has no valid value in line ' || label, 'E29: no ' || label)
  FROM (VALUES ('NUMBER', 'ABC', '100', '20260301120000000000'), ('NUMBER', '9223372036854775808', '100', '20260301120000000000'),
               ('PLATFORM', '77', '1E', '20260301120000000000'), ('NOTED', '77', '100', '20261301120000000000'),
               ('NOTED', '77', '100', '2026')) t (label, number, platform, noted);
SELECT is(service_provider.type_notice(screissue.print_paper('notice', ARRAY['BANKJP', 'METRO', '77', 'reissue', '100', 'no such card!', NULL,
                                                                             'A0000000031010', 'BANKJP/METRO/1', 'lost', NULL])),
          'quarantined', 'R22: the rest is judged as on every road');

-- What does not go on paper

INSERT INTO screissue.notice VALUES ('BANKJP', 'METRO', 500, repeat('k', 65)), ('BANKJP', 'METRO', 501, U&'\00E9'), ('BANKJP', 'METRO', 502, E'a\nb');
SELECT t.refused(format('SELECT card_issuer.print_notice(''METRO'', %s)', n), '22023', 'R10: no printable ASCII, or too long')
  FROM generate_series(500, 502) n;

-- Who may

SELECT t.refused(format('SELECT card_issuer.print_notice(%s)', a), '22023', 'R10: print_notice: ' || a)
  FROM unnest('{"''METRO'', 0", "''METRO'', 999", "''METRO'', -1", "NULL, 1", "''METRO'', NULL", "''RAIL'', 1"}'::text[]) a;
SELECT t.refused('SELECT service_provider.type_notice(NULL)', '22023', 'R10: type_notice without a form');
SELECT t.refused($$SELECT card_issuer.print_notice('NOSUCH', 1)$$, 'SR002', 'R10: an unknown provider');
SELECT is(t.run($$SELECT card_issuer.print_notice('METRO', 1)$$, r), :'form', 'E60: printed by ' || r) FROM unnest('{metro,clerk}'::name[]) r;
SELECT t.refused($$SELECT card_issuer.print_notice('METRO', 1)$$, '42501', 'E60: not by ' || r, r) FROM unnest('{shop,auditor,nobody}'::name[]) r;
SELECT card_issuer.suspend_provider('METRO') \g /dev/null
SELECT t.refused($$SELECT card_issuer.print_notice('METRO', 1)$$, 'SR002', 'E14: nor without a contract', 'metro');
SELECT is(t.run($$SELECT card_issuer.print_notice('METRO', 1)$$, 'clerk'), :'form', 'E60: but for an operator');
SELECT card_issuer.resume_provider('METRO') \g /dev/null

SELECT t.refused('SELECT card_issuer.' || c, '42501', format('E60: not by %s: %s', r, c), r)
  FROM unnest('{metro,auditor,nobody}'::name[]) r, unnest(ARRAY[$$print_reply('D276AB0085CD01', card => 'PLAIN-B')$$, $$print_permission('BANKJP/METRO/1')$$]) c;
SELECT is(t.run(format('SELECT card_issuer.print_reply(%L, card => ''PLAIN-B'')', :METRO1), 'clerk'), r.form, 'E60: a reply, printed by clerk')
  FROM t.reply r WHERE r.what = 'by card id';
SELECT is(t.run(format('SELECT card_issuer.print_permission(%L)', :'secretly'), 'clerk'), :'secret_permission', 'E60: a permission, printed by clerk');
SELECT t.refused('SELECT card_issuer.print_reply(' || a || ')', '22023', format('R38: print_reply(%s)', a))
  FROM unnest(ARRAY[$$'D276AB0085CD01'$$, $$NULL, card => 'PLAIN-B'$$, format('%L, %L, %L', :METRO1, t.seal('FIRST'), 'FIRST')]) a;

CREATE ROLE typist;
SELECT service_provider.grant_operator('typist') \g /dev/null
SELECT is(t.run(format('SELECT service_provider.type_notice(%L)', :'form'), 'typist'), 'duplicate', 'E60: typed by an operator of the provider');
SELECT t.refused(format('SELECT service_provider.type_notice(%L)', :'form'), '42501', 'E60: not by ' || r, r) FROM unnest('{metro,clerk,auditor,nobody}'::name[]) r;
SELECT is(service_provider.type_notice(card_issuer.print_notice('SHOP', 1)), 'quarantined', 'E24: a sheet for somebody else');
SELECT results_eq($$SELECT q.cause, q.carrier, num_nonnulls(q.provider, q.new_card_id, q.message_id) FROM service_provider.quarantined_notice q
                     WHERE q.cause = 'wrong_provider'$$,
                  $$VALUES ('wrong_provider', 'paper', 0)$$, 'E24: of which nothing is kept');

SELECT * FROM finish();
ROLLBACK;
