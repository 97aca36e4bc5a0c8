-- Sealed files: between companies that have no line, equal to what other carriers
-- bring, or refused whole
-- (R7, R10, R20-R22, R28, R30, R36, R38, R39, R42; E19, E20, E24, E28, E30).  018_file.pl has
-- them on two servers, and those that the command openssl makes and opens.
--
-- This database is issuer BANKJP and provider METRO.  test/keys has made the
-- certificates.
BEGIN;
\ir include/issuer.sql
SET LOCAL TimeZone = 'Asia/Tokyo';
SELECT plan(233);

SELECT throws_ok($$SELECT service_provider.import_notices('')$$, 'SR001', NULL, 'import_notices before setup is SR001');
SELECT service_provider.setup('METRO', 'Metro Transit'), service_provider.register_issuer('BANKJP', 'Bank of Japan Point'),
       service_provider.grant_operator('clerk') \g /dev/null

-- A file of the directory of keys
CREATE FUNCTION t.file(name text)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT pg_read_file(current_setting('screissue.key_directory') || '/' || name)
$$;

-- Certificates

SELECT t.refused(format('SELECT card_issuer.register_certificate(%L, %s, %L)', company, certificate, key_file), state, 'R10: ' || what)
  FROM (VALUES
    ('no such provider', 'TAXI', $$t.file('metro.crt')$$, NULL, 'SR002'),
    ('no provider is us', 'BANKJP', $$t.file('bank.crt')$$, NULL, 'SR002'),
    ('a key file is ours', 'METRO', $$t.file('metro.crt')$$, 'metro.pem', '22023'),
    ('a key is no certificate', 'METRO', $$t.file('metro.pem')$$, NULL, '22P02'),
    ('nothing is no certificate', 'METRO', $$''$$, NULL, '22P02'),
    ('half a certificate', 'METRO', $$left(t.file('metro.crt'), 300)$$, NULL, '22P02'),
    ('two certificates', 'METRO', $$t.file('metro.crt') || t.file('shop.crt')$$, NULL, '22P02'),
    ('another key', 'BANKJP', $$t.file('bank.crt')$$, 'metro.pem', 'SR011'),
    ('no key in the file', 'BANKJP', $$t.file('bank.crt')$$, 'none.pem', 'SR011'),
    ('no file', 'BANKJP', $$t.file('bank.crt')$$, 'nowhere.pem', 'SR011'),
    ('a key that only signs', 'METRO', $$t.file('unfit.crt')$$, NULL, '22023'),
    ('a key of card attributes', 'BANKJP', $$t.file('bank.crt')$$, '3.pem', '22023'),
    ('another directory', 'BANKJP', $$t.file('bank.crt')$$, '../bank.pem', '22023'),
    ('no certificate', 'BANKJP', 'NULL', 'bank.pem', '22023'),
    ('no company', NULL, $$t.file('bank.crt')$$, 'bank.pem', '22023')) w (what, company, certificate, key_file, state);
SELECT t.refused('SELECT service_provider.register_certificate(''SHOP'', t.file(''shop.crt''))', 'SR002', 'R10: no such issuer');
SELECT t.refused('SELECT service_provider.register_certificate(''BANKJP'', t.file(''bank.crt''), ''bank.pem'')', '22023', 'R10: nor is its key ours');
SELECT t.refused($$SELECT * FROM card_issuer.export_notices('METRO', 0)$$, 'SR011', 'R10: nothing is sealed without a certificate');
SELECT is(card_issuer.register_certificate('BANKJP', t.file('bank.crt'), 'bank.pem'),
          sha256(decode(regexp_replace(t.file('bank.crt'), '-----.*?-----', '', 'g'), 'base64')), 'R10: the fingerprint') AS registered;
SELECT t.refused($$SELECT * FROM card_issuer.export_notices('METRO', 0)$$, 'SR011', 'R10: nor without one of the partner');
SELECT card_issuer.register_certificate('METRO', t.file('metro.crt')) AS metro_certificate,
       service_provider.register_certificate('METRO', t.file('metro.crt'), 'metro.pem'),
       service_provider.register_certificate('BANKJP', t.file('bank.crt')) AS bank_certificate \gset
SELECT lives_ok($$SELECT card_issuer.register_certificate('METRO', t.file('metro.crt'))$$, 'R10: registered again');
SELECT t.refused($$SELECT card_issuer.register_certificate('SHOP', t.file('metro.crt'))$$, 'SR009', 'R10: another company''s');
SELECT t.refused($$SELECT card_issuer.revoke_certificate('SHOP', '\x00')$$, '22023', 'R10: an unknown one is not revoked');
SELECT results_eq('SELECT c.side, c.company_id::text, c.key_file, c.valid_until > now() + interval ''99 years'' FROM screissue.certificate c ORDER BY 1, 2',
                  $$VALUES ('card_issuer', 'BANKJP', 'bank.pem', true), ('card_issuer', 'METRO', NULL, true),
                           ('service_provider', 'BANKJP', NULL, true), ('service_provider', 'METRO', 'metro.pem', true)$$,
                  'R10: what is registered');

-- Notices

SELECT card_issuer.issue_card('4111111111111111', 100), t.load('4111111111111111', :METRO1),
       card_issuer.issue_card('OX0-I1_X.QZ', 100), t.load('OX0-I1_X.QZ', :METRO1),
       card_issuer.issue_card('378282246310005', 200), t.load('378282246310005', :METRO1), t.load('378282246310005', :SHOP1) \g /dev/null
SELECT t.reissue('4111111111111111', '5555555555554444'), t.reissue('OX0-I1_X.QZ', '0x04A1B2C3D4E5F6', reason => 'damaged'),
       card_issuer.withdraw_reissue('0x04A1B2C3D4E5F6'), t.reissue('378282246310005', '00001111', 100, 'stolen') \g /dev/null
INSERT INTO screissue.notice VALUES
    ('BANKJP', 'METRO', 9223372036854775807, 'x-Ray 9 Lives "\', -2147483648, 'A', '0123456789012345678901234567890123456789',
     'A0000005591010FFFFFFFF8900000100', 'BANKJP/METRO/9223372036854775807', '', '9999-12-31 23:59:59.999999Z'),
    ('BANKJP', 'METRO', 9223372036854775806, 'reissue', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    ('BANKJP', 'METRO', 9223372036854775805, 'x', 300, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ._-012', 'X', '0123456789',
     'BANKJP/METRO/1', U&'\3042\0001\+01F4B3', 'infinity');
SELECT e.notices AS notices, e.file AS file, e.last_no AS last_no FROM card_issuer.export_notices('METRO', 0) e \gset
SELECT is(concat(:'notices', ' ', :'last_no'), '7 9223372036854775807', 'R10: notices in a file');
SELECT matches(:'file'::text, '^-----BEGIN CMS-----\n([A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]{1,64}={0,2}\n-----END CMS-----\n$', 'R10: in PEM');
SELECT results_eq(format('SELECT i.issuer::text, i.stored, i.duplicates, i.quarantined FROM service_provider.import_notices(%L) i', :'file'),
                  $$VALUES ('BANKJP', 6::bigint, 0::bigint, 1::bigint)$$, 'R22: and landed');
SELECT set_eq($$SELECT n.issuer::text, n.notice_no, n.kind, n.platform_type, n.new_card_id::text, n.old_card_id::text,
                       n.app_id::text, n.message_id::text, n.reason, n.noted_at, n.carrier FROM service_provider.reissue_notice n$$,
              $$SELECT n.issuer, n.notice_no, n.kind, n.platform_type, n.new_card_id, n.old_card_id,
                       n.app_id, n.message_id, n.reason, n.noted_at, 'file'
                  FROM card_issuer.fetch_notices('METRO', 0) n WHERE n.new_card_id IS NOT NULL$$,
              'R10, R20, R21, E28: what came is what was sent, every field');
SELECT results_eq('SELECT q.notice_no, q.carrier, q.cause FROM service_provider.quarantined_notice q',
                  $$VALUES ('9223372036854775806', 'file', 'unparsable: new_card_id')$$, 'E28: what cannot be landed is in quarantine');
SELECT results_eq(format('SELECT i.stored, i.duplicates FROM service_provider.import_notices(%L) i', :'file'),
                  'VALUES (0::bigint, 6::bigint)', 'E19: the file once more');
SELECT is(service_provider.receive_notice(n.issuer, n.provider, n.notice_no, n.kind, n.platform_type, n.new_card_id, n.old_card_id, n.app_id,
                                          n.message_id, n.reason, n.noted_at, 'pull'),
          'duplicate', 'E20: the same by file and by pull') FROM card_issuer.fetch_notices('METRO', 0, 1) n;
SELECT is(array_agg(e.notices || ' ' || e.last_no ORDER BY n), '{"1 4","0 9223372036854775807"}'::text[], 'R30: file by file')
  FROM (VALUES (1, 3, 1), (2, 9223372036854775807, 10)) w (n, after_no, rows), card_issuer.export_notices('METRO', w.after_no, w.rows) e;
SELECT results_eq($$SELECT i.stored, i.duplicates, i.quarantined FROM card_issuer.export_notices('METRO', 9223372036854775807) e, service_provider.import_notices(e.file) i$$,
                  'VALUES (0::bigint, 0::bigint, 0::bigint)', 'E28: a file without notices');
SELECT t.refused(format('SELECT * FROM card_issuer.export_notices(%L, %s, %s)', provider, after_no, max_rows), state, 'R10: no export of ' || what)
  FROM (VALUES ('nobody''s', 'TAXI', '0', '1', 'SR002'), ('a provider that has no certificate', 'SHOP', '0', '1', 'SR011'),
               ('nothing', NULL, '0', '1', '22023'), ('no beginning', 'METRO', 'NULL', '1', '22023'), ('no end', 'METRO', '0', 'NULL', '22023'))
       w (what, provider, after_no, max_rows, state);

DELETE FROM screissue.notice n WHERE n.notice_no > 100;

-- Replies

SELECT service_provider.register_application(:METRO1, 'season ticket'), service_provider.register_application(:SHOP1, 'not ours there'),
       card_issuer.register_key(1, 'ecies-x25519'), card_issuer.set_tariff(:METRO2, 'load', 1234567.5, 'JPY') \g /dev/null
CREATE FUNCTION t.seal(plaintext text)
    RETURNS card_attribute
    LANGUAGE sql
AS $$
    SELECT card_issuer.encrypt_attribute(k.key_id, k.scheme, k.public_key, convert_to(plaintext, 'UTF8')) FROM card_issuer.encryption_key k
$$;
SELECT card_issuer.issue_card('SECRET-A', 200), card_issuer.issue_card('PLAIN-A', 100), card_issuer.issue_card('FIRST', 200),
       card_issuer.issue_card('SHOPPER-A', 100), t.load('SHOPPER-A', :SHOP1) \g /dev/null
SELECT t.load('SECRET-A', :METRO1) AS secret_load, t.load_and_record('PLAIN-A') AS plain_load \gset
SELECT service_provider.record_load(:'secret_load', :METRO1, platform_type => 200),
       t.reissue('SECRET-A', 'SECRET-B'), t.reissue('PLAIN-A', 'PLAIN-B'), t.reissue('SHOPPER-A', 'SHOPPER-B') \g /dev/null
SELECT is((SELECT e.inquiries FROM service_provider.export_inquiry('BANKJP') e), 0::bigint, 'R36: nothing to ask');
CREATE TABLE t.request AS
SELECT w.*, (SELECT r.request_id FROM service_provider.request_reload(w.app, 'BANKJP', w.type, w.card, w.attribute) r)
  FROM (VALUES ('reissued', :METRO1::app_id, 200, NULL::card_id, t.seal('SECRET-B')), ('first card', :METRO1, 200, NULL, t.seal('FIRST')),
               ('by card id', :METRO1, 100, 'PLAIN-B', NULL), ('secret card', :METRO1, 999, 'SECRET-B', NULL),
               ('foreign', :SHOP1, 200, NULL, t.seal('SHOPPER-B')), ('foreign by card id', :SHOP1, 999, 'SHOPPER-B', NULL),
               ('nothing to ask with', :METRO1, 999, NULL, NULL)) w (what, app, type, card, attribute);
CREATE FUNCTION t.request(of_what text)
    RETURNS bigint
    LANGUAGE sql
AS $$
    SELECT r.request_id FROM t.request r WHERE r.what = of_what
$$;
SELECT is((SELECT e.inquiries FROM service_provider.export_inquiry('BANKJP') e), 5::bigint, 'R36: all that wait and have something to ask with');
SELECT e.file AS inquiries FROM service_provider.export_inquiry('BANKJP') e \gset
SELECT e.file AS plain_inquiry FROM service_provider.export_inquiry('BANKJP', t.request('by card id')) e \gset
SELECT t.refused(format('SELECT service_provider.export_inquiry(%L, %s)', issuer, request), state, 'R36: no export of ' || what)
  FROM (VALUES ('an unknown issuer''s', 'TAXI', 'NULL', 'SR002'), ('an unknown request', 'BANKJP', '0', '22023'),
               ('one with nothing to ask with', 'BANKJP', 't.request(''nothing to ask with'')', 'SR007'), ('nobody', NULL, 'NULL', '22023'))
       w (what, issuer, request, state);
SELECT card_issuer.answer_inquiries(:'inquiries') AS replies, card_issuer.answer_inquiries(:'plain_inquiry') AS plain_reply \gset
SELECT results_eq($$SELECT i.provider::text COLLATE "default", i.app_id::text COLLATE "default", i.reissued, i.cause FROM card_issuer.inquiry i ORDER BY i.inquiry_no$$,
                  format($$VALUES ('METRO', %1$L, true, NULL), ('METRO', %1$L, false, 'not_reissued'), ('METRO', %2$L, false, 'foreign_app')$$, :METRO1, :SHOP1),
                  'R36, R39: inquiries by attribute are on record in the name of who asked');
CREATE TABLE t.verdict AS SELECT r.what, v.* FROM service_provider.import_replies(:'replies') v JOIN t.request r ON r.request_id = v.request_id;
SELECT set_eq('SELECT v.what COLLATE "default", v.outcome::text COLLATE "default", v.inherits::text COLLATE "default" FROM t.verdict v',
              format($$VALUES ('reissued', 'approved', %L), ('first card', 'not_reissued', NULL), ('secret card', 'not_reissued', NULL),
                              ('foreign', 'not_reissued', NULL), ('foreign by card id', 'not_reissued', NULL)$$, :'secret_load'),
              'R38, R39, R42: replies');
SELECT set_eq($$SELECT r.what COLLATE "default", p.platform_type, p.reissued, p.message_id::text COLLATE "default", p.old_card_id::text COLLATE "default", p.carrier
                  FROM service_provider.inquiry_reply p JOIN t.request r ON r.request_id = p.request_id$$,
              format($$VALUES ('reissued', 200, true, %L, NULL, 'file'), ('first card', 200, false, NULL, NULL, 'file'), ('secret card', 200, false, NULL, NULL, 'file'),
                              ('foreign', 200, false, NULL, NULL, 'file'), ('foreign by card id', 200, false, NULL, NULL, 'file')$$, :'secret_load'),
              'R36, R38: negative replies look alike');
SELECT t.refused(format('SELECT service_provider.import_replies(%L)', :'replies'), 'SR009', 'E19, E30: a reply is used once');
SELECT t.refused(format('SELECT service_provider.export_inquiry(''BANKJP'', %s)', t.request('reissued')), 'SR009', 'E30: what has its reply is not asked again');
SELECT results_eq(format('SELECT v.outcome::text, v.inherits::text FROM service_provider.import_replies(%L) v', :'plain_reply'),
                  format('VALUES (''approved'', %L)', :'plain_load'), 'R28: by card id, where cards can be read');

-- Permissions

SELECT t.permit('PLAIN-B', :METRO1) AS permitted, t.permit('SECRET-B', :METRO2) AS secretly, t.permit('PLAIN-B', :SHOP1) AS shops \gset
SELECT card_issuer.export_permissions('METRO', ARRAY[:'permitted', :'secretly']::message_id[]) AS permissions \gset
SELECT t.refused(format('SELECT service_provider.import_permissions(%L)', :'permissions'), 'SR003', 'R7: none is kept if one is for an application that is not ours');
SELECT is((SELECT count(*) FROM service_provider.app_load l WHERE l.status = 'permitted'), 0::bigint, 'E30: all or nothing');
SELECT service_provider.register_application(:METRO2, 'parking') \g /dev/null
SELECT results_eq(format('SELECT * FROM service_provider.import_permissions(%L)', :'permissions'),
                  format('VALUES (%L::message_id, %L::app_id, 100, %L::card_id, %L::message_id, NULL::numeric, NULL::text),
                                 (%L, %L, 200, NULL, NULL, 1234567.5, %L)', :'permitted', :METRO1, 'PLAIN-B', :'plain_load', :'secretly', :METRO2, 'JPY'),
                  'R7, R10, R42: permissions');
SELECT lives_ok(format('SELECT service_provider.import_permissions(%L)', :'permissions'), 'E19: once more');
SELECT card_issuer.confirm_load(:'permitted') \g /dev/null
SELECT t.refused(format('SELECT card_issuer.export_permissions(%L, %L)', provider, messages), state, 'R10: no export of ' || what)
  FROM (VALUES ('one that is used up', 'METRO', array[:'permitted'], 'SR009'), ('an unknown one', 'METRO', '{BANKJP/METRO/424242}', 'SR008'),
               ('another provider''s', 'METRO', array[:'shops'], '22023'), ('nobody''s', 'TAXI', '{}', 'SR002'), ('nothing', 'METRO', NULL, '22023'),
               ('NULL', 'METRO', '{NULL}', '22023')) w (what, provider, messages, state);

-- Refused, and nothing comes of it

CREATE FUNCTION t.everything()
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT concat(t.on_record(),
                  (SELECT string_agg(n::text, '' ORDER BY n.notice_no) FROM service_provider.reissue_notice n),
                  (SELECT count(*) FROM service_provider.quarantined_notice),
                  (SELECT string_agg(l::text, '' ORDER BY l.message_id) FROM service_provider.app_load l),
                  (SELECT string_agg(r::text, '' ORDER BY r.request_id) FROM service_provider.reload_request r),
                  (SELECT string_agg(p::text, '' ORDER BY p.request_id) FROM service_provider.inquiry_reply p))
$$;
SELECT t.everything() AS before \gset
CREATE FUNCTION t.refusal(file text, call text DEFAULT 'service_provider.import_notices')
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    detail text;
BEGIN
    EXECUTE format('SELECT %s(%L)', call, file);
    RETURN 'taken';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN rtrim(SQLSTATE || ' ' || detail);
END
$$;
SELECT is_empty(format($$SELECT n, t.refusal(left(file, n)) FROM (VALUES (%L)) f (file), generate_series(0, length(file) - 1) n
                         WHERE n %% 7 = 0 AND t.refusal(left(file, n)) !~ '^22P02 .*(cut|does not begin)'$$, :'file'),
                'E30: cut anywhere');
SELECT is(t.refusal(left(:'file', length(:'file') - 1)), '22P02 It is cut short: there is no last line "-----END CMS-----" with a line end.', 'E30: without the last line end');
SELECT matches(t.refusal(bad), '^22P02 ' || fault, 'E30: ' || what)
  FROM (VALUES
    ('doubled', :'file' || :'file', 'There is more than one file'),
    ('CRLF', replace(:'file', E'\n', E'\r\n'), 'It has carriage returns'),
    ('one CR at the end', :'file' || E'\r', 'It has carriage returns'),
    ('BOM', U&'\FEFF' || :'file', 'A byte order mark'),
    ('an empty line before', E'\n' || :'file', 'It does not begin'),
    ('an empty line after', :'file' || E'\n', 'Something follows'),
    ('an empty line between', regexp_replace(:'file', E'\n', E'\n\n'), 'The lines are not base64'),
    ('an attribute', replace(:'file', E'BEGIN CMS-----\n', E'BEGIN CMS-----\nX: 1\n\n'), 'The lines are not base64'),
    ('other armour', replace(:'file', ' CMS', ' PKCS7'), 'It does not begin'),
    ('a blank at the end of a line', regexp_replace(:'file', E'([^-])\n', E'\\1 \n'), 'The lines are not base64'),
    ('long lines', regexp_replace(:'file', E'([A-Za-z0-9+/])\n([A-Za-z0-9+/])', '\1\2', 'g'), 'The lines are not base64'),
    ('lines of 76', E'-----BEGIN CMS-----\n' || encode(decode(regexp_replace(:'file', '-----.*?-----', '', 'g'), 'base64'), 'base64') || E'\n-----END CMS-----\n', 'The lines are not base64'),
    ('a line left out', regexp_replace(:'file', E'\n[A-Za-z0-9+/]+\n', E'\n'), 'What the lines encode|It is not Env'),
    ('nothing', '', 'It does not begin|It is cut short'),
    ('no lines', E'-----BEGIN CMS-----\n-----END CMS-----\n', 'What the lines encode'),
    ('another text', 'issuer,provider,notice_no', 'It does not begin'),
    ('a certificate', replace(t.file('bank.crt'), 'CERTIFICATE', 'CMS'), 'What the lines encode')) w (what, bad, fault);
SELECT is_empty(format($$SELECT n, t.refusal(overlay(file PLACING CASE substr(file, n, 1) WHEN 'A' THEN 'B' ELSE 'A' END FROM n FOR 1))
                           FROM (VALUES (%L)) f (file), generate_series(1, length(file)) n
                          WHERE n %% 11 = 0 AND t.refusal(overlay(file PLACING CASE substr(file, n, 1) WHEN 'A' THEN 'B' ELSE 'A' END FROM n FOR 1)) !~ '^(22P02|42501) .'$$, :'file'),
                'E30: one character changed, anywhere');
SELECT is(t.refusal(NULL), '22023', 'E30: no file');
SELECT is(t.refusal(:'replies'), '22023', 'E28: a file of another kind');
SELECT matches(t.refusal(:'file', 'service_provider.import_replies'), '^22023', 'E28: nor is it taken where that is');
SELECT matches(t.refusal(:'inquiries'), '^42501', 'E24: a file for the other side');
SELECT is(t.everything(), :'before', 'E30: nothing came of any');

-- A file that the bank sealed, with such content

CREATE FUNCTION t.seal_document(document text)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT screissue.seal_file(document, b.der, b.key_file, m.der)
      FROM screissue.certificate b, screissue.certificate m
     WHERE b.side = 'card_issuer' AND b.company_id = 'BANKJP' AND m.side = 'card_issuer' AND m.company_id = 'METRO'
$$;
CREATE FUNCTION t.seal_changed(changes jsonb, omitted text DEFAULT '')
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT t.seal_document(((jsonb_build_object(
        'screissue', 1, 'kind', 'notices', 'issuer', 'BANKJP', 'provider', 'METRO', 'made_at', '2026-01-01T00:00:00Z',
        'notices', '[]'::jsonb) || changes) - omitted)::text)
$$;
SELECT is(t.refusal(t.seal_changed('{}')), 'taken', 'E28: a document');
SELECT matches(t.refusal(t.seal_changed(changes::jsonb, omitted)), '^' || fault, 'E28: ' || what)
  FROM (VALUES
    ('version 2', '{"screissue": 2}', '', '22P02 It is not of version 1'),
    ('version 1.0', '{"screissue": 1.0}', '', '22P02 It is not of version 1'),
    ('version "1"', '{"screissue": "1"}', '', '22P02 Its members'),
    ('no version', '{}', 'screissue', '22P02 It is not of version 1'),
    ('an unknown kind', '{"kind": "letters"}', '', '22P02 It is of no kind'),
    ('no kind', '{}', 'kind', '22P02 It is of no kind'),
    ('an unknown member', '{"x": null}', '', '22P02 Its members'),
    ('no time', '{}', 'made_at', '22P02 Its members'),
    ('no list', '{}', 'notices', '22P02 Its members'),
    ('a list of another type', '{"notices": {}}', '', '22P02 Its members'),
    ('another kind''s list', '{"kind": "replies"}', '', '22P02 Its members'),
    ('another issuer', '{"issuer": "OTHER"}', '', '42501'),
    ('another provider', '{"provider": "SHOP"}', '', '42501'),
    ('no notice', '{"notices": [1]}', '', '22P02 Item 1 of'),
    ('null', '{"notices": [null]}', '', '22P02 Item 1 of')) w (what, changes, omitted, fault);
SELECT matches(t.refusal(t.seal_document(document)), '^22P02 ' || fault, 'E28: ' || what)
  FROM (VALUES ('no JSON', '{', 'It is not JSON'), ('nothing', '', 'It is not JSON'), ('two', '{} {}', 'It is not JSON'), ('U+0000', '"\u0000"', 'It is not JSON'),
               ('half a character', '"\ud800"', 'It is not JSON'), ('no object', '[]', 'It is not a JSON object'),
               ('a member twice', '{"screissue":1,"kind":"notices","issuer":"BANKJP","provider":"METRO","made_at":"","notices":[],"notices":[]}', 'Its members'),
               ('one twice, one missing', '{"screissue":1,"kind":"notices","issuer":"BANKJP","provider":"METRO","notices":[],"notices":[]}', 'Its members')) w (what, document, fault);
SELECT is(t.refusal(t.seal_document(repeat('[', 100000))), '54001', 'E28: too deep');
SELECT t.refused($$SELECT t.seal_document(repeat('x', 50000000))$$, '54000', 'E28: too long to be sealed');
SELECT is(t.refusal(repeat('x', 64 * 1024 * 1024 + 1)), '22P02 It is longer than 64 MB.', 'E28: or to be opened');

-- Items

SELECT to_jsonb(n) AS notice FROM card_issuer.fetch_notices('METRO', 0, 1) n \gset
CREATE FUNCTION t.seal_item(kind text, good jsonb, changes jsonb, omitted text DEFAULT '')
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT t.seal_changed(jsonb_build_object('kind', kind, kind, jsonb_build_array(good, (good || changes) - omitted)), CASE kind WHEN 'notices' THEN '' ELSE 'notices' END)
$$;
SELECT is(t.refusal(t.seal_item('notices', :'notice', '{}')), 'taken', 'E28: a notice twice');
SELECT t.everything() AS before \gset
SELECT matches(t.refusal(t.seal_item('notices', :'notice', changes::jsonb, omitted)), '^' || fault, 'E28: a notice with ' || what)
  FROM (VALUES
    ('an unknown member', '{"x": 1}', '', '22P02 Item 2 of "notices" has not exactly'),
    ('no platform', '{}', 'platform_type', '22P02 Item 2 of "notices" has not exactly'),
    ('a number as text', '{"notice_no": "1"}', '', '22P02 Item 2 of "notices" has not exactly'),
    ('a boolean', '{"kind": true}', '', '22P02 Item 2 of "notices" has not exactly'),
    ('half a number', '{"notice_no": 1.5}', '', '22P02 Item 2 of "notices" has no valid "notice_no"'),
    ('too large a number', '{"notice_no": 1e30}', '', '22P02 Item 2 of "notices" has no valid "notice_no"'),
    ('too large a platform', '{"platform_type": 3000000000}', '', '22P02 Item 2 of "notices" has no valid "platform_type"'),
    ('no time', '{"noted_at": "soon"}', '', '22P02 Item 2 of "notices" has no valid "noted_at"'),
    ('another issuer', '{"issuer": "OTHER"}', '', '42501 It is item 2 of "notices"'),
    ('another provider', '{"provider": "SHOP"}', '', '42501 It is item 2 of "notices"')) w (what, changes, omitted, fault);
SELECT is(t.everything(), :'before', 'E30: nothing came of any, not even of their good items');
SELECT is((SELECT concat_ws(' ', i.stored, i.duplicates, i.quarantined)
             FROM service_provider.import_notices(t.seal_item('notices', :'notice', '{"notice_no": 77, "app_id": "no hex"}')) i), '0 1 1',
          'E28: what is wrong with the content of a notice goes to quarantine');
SELECT is((SELECT i.quarantined FROM service_provider.import_notices(t.seal_item('notices', :'notice', '{"platform_type": 999}')) i), 1::bigint,
          'E19: and so does another notice with a number that is known');
SELECT is((SELECT i.stored FROM service_provider.import_notices(t.seal_item('notices', :'notice', '{"notice_no": 78, "platform_type": 300}')) i), 1::bigint,
          'E28: platform 300');

SELECT r.request_id AS open_request, r.outcome FROM service_provider.request_reload(:METRO1, 'BANKJP', 200, attribute => t.seal('SECRET-B')) r \gset
SELECT jsonb_build_object('request_id', r.request_id, 'app_id', r.app_id::text, 'asked_sha256', encode(r.attribute_sha256, 'hex'), 'platform_type', 200,
                          'reissued', false, 'message_id', NULL, 'old_card_id', NULL) AS reply
  FROM service_provider.reload_request r WHERE r.request_id = :open_request \gset
SELECT t.everything() AS before \gset
SELECT matches(t.refusal(t.seal_item('replies', :'reply', changes::jsonb), 'service_provider.import_replies'), '^' || fault, 'E30: a reply with ' || what)
  FROM (VALUES
    ('nothing else', '{}', 'SR009 It is item 2 of "replies" in the file.$'),
    ('an unknown request', '{"request_id": 0}', '22023 It is item 2'),
    ('another request', '{"request_id": 1}', '22023 It is item 2 of "replies" in the file. (APP|ASKED) is not what'),
    ('another application', '{"app_id": "D276AB0085CD02"}', '22023 It is item 2 of "replies" in the file. APP is not what'),
    ('another attribute', '{"asked_sha256": "00"}', '22023 It is item 2 of "replies" in the file. ASKED is not what'),
    ('half a number', '{"request_id": 1.5}', '22P02 Item 2 of "replies" has no valid "request_id"'),
    ('no message id', '{"message_id": "BANKJP"}', '22P02 Item 2 of "replies" has no valid "message_id"'),
    ('no card', '{"old_card_id": "!"}', '22P02 Item 2 of "replies" has no valid "old_card_id"'),
    ('a platform null', '{"platform_type": null}', '22P02 Item 2 of "replies" has not exactly'),
    ('reissued as text', '{"reissued": "false"}', '22P02 Item 2 of "replies" has not exactly')) w (what, changes, fault);
SELECT jsonb_set(:'reply', '{request_id}', '1') AS other_reply \gset
SELECT matches(t.refusal(t.seal_changed(jsonb_build_object('kind', 'replies', 'replies', jsonb_build_array(:'reply'::jsonb || changes::jsonb)), 'notices'), 'service_provider.import_replies'),
               '^22023', 'R38: no reply: ' || changes)
  FROM (VALUES ('{"reissued": true}'), ('{"message_id": "BANKJP/METRO/1"}'), ('{"reissued": true, "message_id": "OTHER/METRO/1"}')) w (changes);
SELECT jsonb_build_object('message_id', 'BANKJP/METRO/4711', 'app_id', :METRO1, 'platform_type', 100, 'card_id', 'PLAIN-B', 'inherits', NULL, 'fee', 1.5, 'currency', 'JPY') AS permission \gset
SELECT matches(t.refusal(t.seal_item('permissions', :'permission', changes::jsonb), 'service_provider.import_permissions'), '^' || fault, 'E30: a permission with ' || what)
  FROM (VALUES
    ('no message id', '{"message_id": "X"}', '22P02 Item 2 of "permissions" has no valid "message_id"'),
    ('no application', '{"app_id": "X"}', '22P02 Item 2 of "permissions" has no valid "app_id"'),
    ('half a platform', '{"platform_type": 0.5}', '22P02 Item 2 of "permissions" has no valid "platform_type"'),
    ('no card', '{"card_id": "!"}', '22P02 Item 2 of "permissions" has no valid "card_id"'),
    ('no load to inherit', '{"inherits": "!"}', '22P02 Item 2 of "permissions" has no valid "inherits"'),
    ('a fee as text', '{"fee": "1"}', '22P02 Item 2 of "permissions" has not exactly'),
    ('another issuer''s message id', '{"message_id": "OTHER/METRO/1"}', '22023 It is item 2'),
    ('another provider''s message id', '{"message_id": "BANKJP/SHOP/1"}', '22023 It is item 2'),
    ('a secret card', '{"message_id": "BANKJP/METRO/4712", "platform_type": 200}', '22023 It is item 2'),
    ('another application', '{"app_id": "D276AB0085CD02"}', 'SR009 It is item 2')) w (what, changes, fault);
SELECT is(t.everything(), :'before', 'E30: nothing came of any');

-- Inquiries that a provider sealed

CREATE FUNCTION t.inquire(changes jsonb)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT t.refusal(screissue.seal('service_provider', 'METRO', 'BANKJP', 'inquiries', jsonb_build_array('{
        "request_id": 1, "app_id": "D276AB0085CD01", "attribute": null, "card_id": "PLAIN-B", "printed_number": null}'::jsonb || changes)), 'card_issuer.answer_inquiries')
$$;
SELECT matches(t.inquire(changes::jsonb), '^' || fault, 'E28: an inquiry with ' || what)
  FROM (VALUES
    ('all', '{}', 'taken'),
    ('no number', '{"request_id": 1e30}', '22P02 Item 1 of "inquiries" has no valid "request_id"'),
    ('no application', '{"app_id": "X"}', '22P02 Item 1 of "inquiries" has no valid "app_id"'),
    ('no attribute', '{"attribute": "X"}', '22P02 Item 1 of "inquiries" has no valid "attribute"'),
    ('no card', '{"card_id": "!"}', '22P02 Item 1 of "inquiries" has no valid "card_id"'),
    ('neither', '{"card_id": null}', '22023 It is item 1'),
    ('both', format('{"attribute": "%s"}', t.seal('FIRST')), '22023 It is item 1')) w (what, changes, fault);
SELECT card_issuer.set_inquiry_limit('METRO', 1) \g /dev/null
SELECT is(t.inquire(format('{"attribute": "%s", "card_id": null}', t.seal('FIRST'))::jsonb), 'taken', 'E44: an inquiry by attribute counts');
SELECT matches(t.inquire(format('{"attribute": "%s", "card_id": null}', t.seal('FIRST'))::jsonb), '^53400 It is item 1', 'E44: no more than so many');
SELECT card_issuer.set_inquiry_limit('METRO', NULL), card_issuer.suspend_provider('METRO') \g /dev/null
SELECT is(t.inquire('{}'), 'SR002', 'E14: nor without a contract');
SELECT card_issuer.resume_provider('METRO') \g /dev/null

-- Rotation and revocation

SELECT file AS old_file FROM card_issuer.export_notices('METRO', 0, 1) \gset
SELECT service_provider.register_certificate('METRO', t.file('shop.crt'), 'shop.pem'), card_issuer.register_certificate('METRO', t.file('shop.crt')) AS new_certificate \gset
SELECT is(t.refusal(:'old_file'), 'taken', 'R10: a file for the old certificate is opened');
SELECT file AS new_file FROM card_issuer.export_notices('METRO', 0, 1) \gset
SELECT is(t.refusal(:'new_file'), 'taken', 'R10: and one for the new');
SELECT service_provider.revoke_certificate('METRO', :'metro_certificate') \g /dev/null
SELECT is(t.refusal(:'old_file'), '42501 It is not for a certificate of ours that is in use, or for others, too.', 'R10: a file for one that is revoked is not');
SELECT is(t.refusal(:'new_file'), 'taken', 'R10: which shows for which it was');
SELECT t.refused($$SELECT service_provider.register_certificate('METRO', t.file('metro.crt'), 'metro.pem')$$, 'SR009', 'R10: for good');
SELECT t.inquire('{}') AS signed_by_new \gset
SELECT is(:'signed_by_new'::text, 'taken', 'R10: the new one signs');
SELECT card_issuer.revoke_certificate('METRO', :'new_certificate') \g /dev/null
SELECT is(t.inquire('{}'), '42501 It is revoked.', 'R10: what a revoked certificate signed is not believed');
SELECT service_provider.revoke_certificate('BANKJP', :'bank_certificate') \g /dev/null
SELECT is(t.refusal(:'new_file'), '42501 It is revoked.', 'R10: nor is the issuer''s');
UPDATE screissue.certificate SET revoked_at = NULL;
UPDATE screissue.certificate SET valid_until = now() - interval '1 second' WHERE side = 'service_provider' AND company_id = 'BANKJP';
SELECT is(t.refusal(:'new_file'), '42501 It is expired, or not valid yet.', 'R10: nor what an expired certificate signed');
UPDATE screissue.certificate SET valid_until = 'infinity', valid_from = now() + interval '1 second' WHERE side = 'service_provider' AND company_id = 'BANKJP';
SELECT is(t.refusal(:'new_file'), '42501 It is expired, or not valid yet.', 'R10: or one that is not valid yet');
DELETE FROM screissue.certificate WHERE side = 'service_provider' AND company_id = 'BANKJP';
SELECT is(t.refusal(:'new_file'), '42501 The certificate of its signer is not registered.', 'R10: or a foreign one');
SELECT lives_ok($$SELECT card_issuer.register_certificate('METRO', t.file('old.crt'))$$, 'R10: an expired certificate may be on record');
SELECT card_issuer.revoke_certificate('METRO', c.sha256) FROM screissue.certificate c WHERE c.side = 'card_issuer' AND c.company_id = 'METRO' AND c.valid_until > now() \g /dev/null
SELECT t.refused($$SELECT * FROM card_issuer.export_notices('METRO', 0)$$, 'SR011', 'R10: but nothing is sealed for it');

-- Rights

SELECT t.refused(format('SELECT %s', call), '42501', format('R34: not for %s: %s', role_name, call), role_name)
  FROM unnest('{metro,shop,auditor,nobody}'::name[]) role_name,
       unnest(ARRAY[$$card_issuer.export_notices('METRO', 0)$$, $$card_issuer.answer_inquiries('')$$, $$card_issuer.export_permissions('METRO', '{}')$$,
                    $$card_issuer.register_certificate('METRO', '')$$, $$card_issuer.revoke_certificate('METRO', '')$$,
                    $$service_provider.import_notices('')$$, $$service_provider.import_replies('')$$, $$service_provider.import_permissions('')$$,
                    $$service_provider.export_inquiry('BANKJP')$$, $$service_provider.register_certificate('BANKJP', '')$$,
                    $$service_provider.revoke_certificate('BANKJP', '')$$, $$screissue.unseal_file('', '', '', '{}')$$,
                    $$screissue.seal_file('', '', '', '')$$, $$(SELECT count(*) FROM screissue.certificate)$$]) call;
SELECT t.refused('SELECT card_issuer.answer_inquiries('''')', '22P02', 'R34: an operator may', 'clerk');
SELECT is(t.run('SELECT count(*) FROM screissue.certificate c WHERE c.revoked_at IS NULL', 'clerk'), '4', 'R34: and see the certificates');
SELECT * FROM finish();
ROLLBACK;
