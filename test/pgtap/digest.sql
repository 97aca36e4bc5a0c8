-- Digests of notices: the same at both sides, if both have the same (E59); this
-- database is both.  test/t/017_completeness.pl has two.
BEGIN;
\ir include/issuer.sql
SELECT plan(86);

SELECT t.refused('SELECT ' || c, 'SR001', 'before setup: ' || c)
  FROM unnest(ARRAY[$$service_provider.digest('BANKJP', 1, 9)$$, $$service_provider.digests('BANKJP', 1, 9, 1)$$]) c;
SELECT service_provider.setup('METRO', 'Metro Transit'), service_provider.register_issuer('BANKJP', 'Bank'),
       service_provider.register_issuer('RAILBANK', 'Rail Bank') \g /dev/null

-- The form, which must not change: SHA-256 of the binary form of a row, computed
-- by another program.
SELECT is(encode(screissue.notice_sha256('BANKJP', 'METRO', 7, 'reissue', 100, 'CARD-B', NULL, 'D276AB0085CD01', 'BANKJP/METRO/1', 'lost €',
                                         '2026-03-01 12:00:00.123456+00'), 'hex'),
          'e9b97e875149284b4682b8a697146c705d69e8cd69f18add5d4693228031cd80', 'E59: the digest of a notice');
INSERT INTO screissue.notice VALUES ('BANKJP', 'METRO', 7, 'reissue', 100, 'CARD-B', NULL, 'D276AB0085CD01', 'BANKJP/METRO/1', 'lost €',
                                     '2026-03-01 12:00:00.123456+00');
SELECT is(d::text, '(1,"\\xf610b673809994c94579ff08e14ac33508cebdbe63ac8c9ee3753f3ddfcf9c64")', 'E59: and of a range with one')
  FROM card_issuer.digest('METRO', 1, 9) d;
DELETE FROM screissue.notice;

-- Notices of every kind, at both sides.
INSERT INTO screissue.platform (platform_type, method) VALUES (300, 1);
SELECT card_issuer.issue_card(('OLD-' || n)::card_id, 100), t.load(('OLD-' || n)::card_id, :METRO1), t.load(('OLD-' || n)::card_id, :SHOP1),
       t.reissue(('OLD-' || n)::card_id, ('NEW-' || n)::card_id, CASE WHEN n % 4 = 0 THEN 300 ELSE 100 END)
  FROM generate_series(1, 20) n \g /dev/null
SELECT card_issuer.withdraw_reissue('NEW-3') \g /dev/null
CREATE FUNCTION t.send(notice screissue.notice)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT service_provider.receive_notice(notice.issuer, notice.provider, notice.notice_no, notice.kind, notice.platform_type, notice.new_card_id,
               notice.old_card_id, notice.app_id, notice.message_id, notice.reason, notice.noted_at, 'file')
$$;
SELECT is((SELECT string_agg(DISTINCT t.send(n), ' ') FROM screissue.notice n WHERE n.provider = 'METRO'), 'stored', 'E59: the provider has all');
-- An answer to an inquiry is no notice.
SELECT service_provider.receive_notice('BANKJP', 'METRO', -1, 'reissue', 100, 'NEW-1', 'OLD-1', 'D276AB0085CD01', 'BANKJP/METRO/1', NULL, now(), 'inquiry') \g /dev/null

-- What both sides have, in a range.
CREATE FUNCTION t.compare(from_no bigint, to_no bigint)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT format('%s %s %s', i.notices, p.notices, CASE WHEN i.sha256 = p.sha256 THEN 'same' ELSE 'differ' END)
      FROM card_issuer.digest('METRO', from_no, to_no) i, service_provider.digest('BANKJP', from_no, to_no) p
$$;
SELECT is(t.compare(1, 9223372036854775807), '21 21 same', 'E59: both sides agree');
SELECT is((SELECT d.notices FROM service_provider.digest('RAILBANK', 1, 100) d), 0::bigint, 'E59: about each issuer');
SELECT is((SELECT d.notices FROM card_issuer.digest('SHOP', 1, 100) d), 21::bigint, 'E59: to each provider');
SELECT is(t.compare(v.a, v.b), v.same, format('E59: from %s to %s', v.a, v.b))
  FROM (VALUES (1, 1, '1 1 same'), (1, 21, '21 21 same'), (21, 21, '1 1 same'), (2, 20, '19 19 same'), (22, 1000, '0 0 same'), (7, 9, '3 3 same')) v (a, b, same);
SELECT is((SELECT d.sha256 FROM card_issuer.digest('METRO', 500, 600) d), sha256(''), 'E59: of nothing');

-- No setting changes it.
CREATE FUNCTION t.both()
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT concat_ws(' ', i.notices, encode(i.sha256, 'hex'), p.notices, encode(p.sha256, 'hex'))
      FROM card_issuer.digest('METRO', 1, 100) i, service_provider.digest('BANKJP', 1, 100) p
$$;
CREATE FUNCTION t.both_with(setting text, value text)
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    former CONSTANT text := current_setting(setting);
    answer text;
BEGIN
    PERFORM set_config(setting, value, true);
    answer := t.both();
    PERFORM set_config(setting, former, true);
    RETURN answer;
END
$$;
SELECT is(t.both_with(v.setting, v.value), t.both(), format('E54, E59: whatever %s is: %s', v.setting, v.value))
  FROM (VALUES ('TimeZone', 'Asia/Tokyo'), ('TimeZone', 'America/St_Johns'), ('DateStyle', 'SQL, DMY'), ('DateStyle', 'German'),
               ('IntervalStyle', 'sql_standard'), ('bytea_output', 'escape'), ('client_encoding', 'LATIN1'), ('client_encoding', 'SJIS'),
               ('search_path', 'pg_temp'), ('enable_sort', 'off'), ('enable_indexscan', 'off'), ('enable_seqscan', 'off')) v (setting, value);

-- Every column counts, at either side.
CREATE TABLE t.change (what text, assignment text);
INSERT INTO t.change VALUES ('kind', 'kind = ''renewal'''), ('kind NULL', 'kind = NULL'), ('platform type', 'platform_type = 101'),
    ('platform type NULL', 'platform_type = NULL'), ('new card', 'new_card_id = ''NEW-55'''), ('another form of card id', 'new_card_id = ''0xAABBCCDD'''),
    ('old card', 'old_card_id = ''OLD-55'''), ('old card NULL', 'old_card_id = NULL'), ('application', 'app_id = ''D276AB0085CD02'''),
    ('message id', 'message_id = ''BANKJP/METRO/4242'''), ('reason', 'reason = ''stolen'''), ('reason NULL', 'reason = NULL'),
    ('reason empty', 'reason = '''''), ('a blank more', 'reason = reason || '' '''),
    ('a microsecond', 'noted_at = noted_at + interval ''1 microsecond'''), ('time NULL', 'noted_at = NULL'),
    ('time without end', 'noted_at = ''infinity'''), ('number', 'notice_no = 5555');
CREATE FUNCTION t.compare_after(statement text)
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE statement;
    answer := t.compare(1, 10000);
    RAISE EXCEPTION USING ERRCODE = '00TRY';
EXCEPTION WHEN SQLSTATE '00TRY' THEN
    RETURN answer;
END
$$;
SELECT is(t.compare_after(format('UPDATE service_provider.reissue_notice SET %s WHERE notice_no = 5', c.assignment)), '21 21 differ',
          'E59: at the provider: ' || c.what) FROM t.change c;
SELECT is(t.compare_after(format('UPDATE screissue.notice SET %s WHERE notice_no = 5 AND provider = ''METRO''', c.assignment)), '21 21 differ',
          'E59: at the issuer: ' || c.what) FROM t.change c;
-- Values do not run into one another, NULL is no empty text.
SELECT is((SELECT count(DISTINCT screissue.notice_sha256(v.a, v.b, 1, v.c, NULL, v.d, NULL, NULL, NULL, NULL, NULL))
             FROM (VALUES ('AB', 'C', 'x', 'y'), ('A', 'BC', 'x', 'y'), ('AB', 'C', 'xy', ''), ('AB', 'C', 'xy', NULL), ('AB', 'C', NULL, 'xy'),
                          ('AB', 'C', '', 'xy')) v (a, b, c, d)), 6::bigint, 'E59: no two notices have one digest');
SELECT is(t.compare_after($$UPDATE service_provider.reissue_notice SET carrier = 'paper', received_at = 'infinity'$$), '21 21 same',
          'E59: how and when a notice came does not matter');
SELECT is(t.compare_after($$DELETE FROM service_provider.reissue_notice WHERE notice_no = 21$$), '21 20 differ', 'E59: the last one lost');

-- In parts
SELECT results_eq($$SELECT * FROM card_issuer.digests('METRO', 1, 21, 5)$$, $$SELECT * FROM service_provider.digests('BANKJP', 1, 21, 5)$$,
                  'E59: the parts of a range agree');
SELECT is((SELECT string_agg(format('%s-%s:%s', d.from_no, d.to_no, d.notices), ' ') FROM card_issuer.digests('METRO', v.a, v.b, v.step) d), v.parts,
          format('E59: from %s to %s by %s', v.a, v.b, v.step))
  FROM (VALUES (1, 21, 5, '1-5:5 6-10:5 11-15:5 16-20:5 21-21:1'), (3, 9, 4, '3-6:4 7-9:3'), (1, 3, 1, '1-1:1 2-2:1 3-3:1'),
               (1, 9223372036854775807, 9223372036854775807, '1-9223372036854775807:21'),
               (20, 9223372036854775807, 9223372036854775807, '20-9223372036854775807:2'),
               (15, 40, 10, '15-24:7'), (100, 200, 10, NULL)) v (a, b, step, parts);
SELECT is((SELECT (d.notices, d.sha256)::text FROM card_issuer.digests('METRO', 6, 10, 5) d), (SELECT d::text FROM card_issuer.digest('METRO', 6, 10) d),
          'E59: a part has the digest of its range');
INSERT INTO screissue.notice (issuer, provider, notice_no) VALUES ('BANKJP', 'METRO', 9223372036854775807);
SELECT is((SELECT string_agg(format('%s-%s:%s', d.from_no, d.to_no, d.notices), ' ')
             FROM card_issuer.digests('METRO', 9223372036854775800, 9223372036854775807, 5) d),
          '9223372036854775805-9223372036854775807:1', 'E26: the last number of all');
DELETE FROM screissue.notice WHERE notice_no = 9223372036854775807;

-- Rights: as fetch_notices
SELECT is(t.run($$SELECT d.notices FROM card_issuer.digest('METRO', 1, 100) d$$, r), '21', 'E60: ' || r || ' compares')
  FROM unnest('{metro,clerk}'::name[]) r;
SELECT is(t.run($$SELECT count(*) FROM card_issuer.digests('METRO', 1, 100, 10)$$, r), '3', 'E60: ' || r || ' compares parts')
  FROM unnest('{metro,clerk}'::name[]) r;
SELECT t.refused('SELECT card_issuer.' || v.call, '42501', format('E24: %s: %s', v.who, v.call), v.who)
  FROM (VALUES ('shop', $$digest('METRO', 1, 100)$$), ('shop', $$digests('METRO', 1, 100, 10)$$), ('auditor', $$digest('METRO', 1, 100)$$)) v (who, call);
SELECT card_issuer.suspend_provider('METRO') \g /dev/null
SELECT t.refused('SELECT card_issuer.' || c, 'SR002', 'E14: a contract that is suspended: ' || c, 'metro')
  FROM unnest(ARRAY[$$digest('METRO', 1, 100)$$, $$digests('METRO', 1, 100, 10)$$]) c;
SELECT is(t.run($$SELECT d.notices FROM card_issuer.digest('METRO', 1, 100) d$$, 'clerk'), '21', 'E14: an operator reads on');

SELECT * FROM finish();
ROLLBACK;
