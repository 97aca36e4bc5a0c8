-- Inquiries by card attribute (R33-R38, E39-E46, E58; Fig. 10, 15, 16;
-- design 6, 8)
BEGIN;
\ir include/issuer.sql
SELECT plan(467);

SELECT card_issuer.register_key(1, 'ecies-x25519'), card_issuer.register_key(2, 'ecies-p256'),
       card_issuer.register_key(3, 'rsa-oaep-sha256'), card_issuer.register_key(4, 'ecies-x25519'),
       card_issuer.register_application('D276AB0085CD08', 'METRO', 'withdrawn later') \g /dev/null

-- An attribute as a card makes it, of any plaintext.
CREATE FUNCTION t.seal(key_id integer, plaintext text)
    RETURNS card_attribute
    LANGUAGE sql
AS $$
    SELECT card_issuer.encrypt_attribute(k.key_id, k.scheme, k.public_key, convert_to(plaintext, 'UTF8'))
      FROM card_issuer.encryption_key k WHERE k.key_id = seal.key_id
$$;
-- A pair of cards NAME-A, NAME-B with an application loaded on the old one.
CREATE FUNCTION t.pair(name text, old_type integer DEFAULT 200, new_type integer DEFAULT 200, app app_id DEFAULT 'D276AB0085CD01')
    RETURNS message_id
    LANGUAGE plpgsql
AS $$
DECLARE
    load message_id;
BEGIN
    PERFORM card_issuer.issue_card((name || '-A')::card_id, old_type);
    load := t.load((name || '-A')::card_id, app);
    PERFORM t.reissue((name || '-A')::card_id, (name || '-B')::card_id, new_type);
    RETURN load;
END
$$;
CREATE FUNCTION t.inquire(attribute card_attribute, app app_id, role_name name DEFAULT 'metro', printed_number text DEFAULT NULL)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT t.run(format('SELECT i FROM card_issuer.inquire(%L, %L, %L) i', attribute, app, printed_number), role_name)
$$;
CREATE FUNCTION t.last_inquiry()
    RETURNS card_issuer.inquiry
    LANGUAGE sql
AS $$
    SELECT i FROM card_issuer.inquiry i ORDER BY i.ctid DESC LIMIT 1
$$;

-- The positive reply, by each scheme, for cards that store an attribute and
-- for cards that encrypt afresh; the same id every time.
CREATE TABLE t.attribute (attribute card_attribute, key_id integer, card card_id, message message_id, how text);
CREATE FUNCTION t.personalize(key_id integer)
    RETURNS void
    LANGUAGE plpgsql
AS $$
DECLARE
    message CONSTANT message_id := t.pair('K' || key_id);
    card CONSTANT card_id := 'K' || key_id || '-B';
    made CONSTANT record := card_issuer.personalize_card(card, key_id);
BEGIN
    INSERT INTO t.attribute VALUES (made.attribute, key_id, card, message, 'stored'),
        (t.seal(key_id, card::text || '/' || made.secret), key_id, card, message, 'made afresh');
END
$$;
SELECT t.personalize(k) FROM generate_series(1, 4) k \g /dev/null
SELECT is(t.inquire(a.attribute, :METRO1, r), format('(200,t,%s)', a.message), format('R37: Fig. 15: positive reply to %s: %s, key %s', r, a.how, a.key_id))
  FROM t.attribute a, unnest('{metro,clerk}'::name[]) r;
-- From a column, so with a short header.
SELECT results_eq('SELECT (card_issuer.inquire(a.attribute, ''D276AB0085CD01'')).message_id FROM t.attribute a ORDER BY a.key_id',
                  'SELECT a.message FROM t.attribute a ORDER BY a.key_id', 'E42: from a stored value');
SELECT t.inquire(a.attribute, :METRO1) FROM t.attribute a WHERE a.key_id = 4 AND a.how = 'stored' \g /dev/null
SELECT results_eq('SELECT i.provider, i.role, i.app_id, i.attribute_sha256, i.card_id, i.reissued, i.message_id, i.cause
                     FROM t.last_inquiry() i',
                  format('SELECT ''METRO''::company_id, ''metro''::name, %L::app_id, sha256(convert_to(a.attribute::text, ''UTF8'')), a.card,
                                 true, a.message, NULL::text FROM t.attribute a WHERE a.key_id = 4 AND a.how = ''stored''', :METRO1),
                  'R39: Fig. 16: what is on record of it');
SELECT is((SELECT array_agg(i.inquiry_no ORDER BY i.inquiry_no) FROM card_issuer.inquiry i WHERE i.provider = 'METRO'),
          ARRAY(SELECT generate_series(1, 25))::bigint[], 'design 8: numbered without a gap');

SELECT t.pair('KENJI') AS kenji \gset
SELECT p.attribute AS fixed, p.secret AS secret FROM card_issuer.personalize_card('KENJI-B', 1) p \gset
SELECT is(t.inquire(:'fixed', :METRO1), format('(200,t,%s)', :'kenji'), 'E33: asked ' || n || ' times, the same id')
  FROM generate_series(1, 2) n;
SELECT p.message_id AS reload FROM card_issuer.permit_load(:METRO1, attribute => :'fixed', reload_of => :'kenji') p \gset
SELECT card_issuer.confirm_load(:'reload') \g /dev/null
SELECT is(t.inquire(:'fixed', :METRO1), format('(200,t,%s)', :'kenji'), 'E33: asked after the reload, the same id');

-- E58: the platform may change at reissue; E46: two providers with one card.
SELECT t.pair('UP', 100, 200) AS up, t.pair('DOWN', 200, 100) AS down, t.pair('OWN', 999, 999) AS own \gset
SELECT is(t.inquire(t.seal(1, card), :METRO1), format('(%s,t,%s)', type, message), 'E58: platform type in the reply for ' || card)
  FROM (VALUES ('UP-B', 200, :'up'), ('DOWN-B', 100, :'down'), ('OWN-B', 999, :'own')) v (card, type, message);
SELECT is(t.inquire(t.seal(1, 'UP-B'), :SHOP1, 'shop'), '(200,f,)', 'E46: the shop''s application was not on it');

-- Every negative reply is the same row, by both roads to the tables, to a
-- provider and to an operator; the cause is on record.
SELECT t.pair('SECRET'), card_issuer.personalize_card('SECRET-B', 1), card_issuer.issue_card('FIRST', 200),
       t.pair('LOST'), card_issuer.block_card('LOST-B', 'lost'), t.pair('REV'), card_issuer.withdraw_reissue('REV-B'),
       t.pair('EXP'), t.pair('OFF'), t.pair('APP', app => 'D276AB0085CD08'), card_issuer.withdraw_application('D276AB0085CD08'),
       card_issuer.issue_card('PRINT-A', 200), t.load('PRINT-A', :METRO1), card_issuer.request_reissue('PRINT-A', 'lost'),
       card_issuer.issue_card('PROD-A', 200), t.load('PROD-A', :METRO1), card_issuer.request_reissue('PROD-A', 'lost') \g /dev/null
SELECT card_issuer.reissue_card('PRINT-A', 'PRINT-B', printed_number => '4711'), card_issuer.reissue_card('PROD-A', 'PROD-B', activate => false) \g /dev/null
UPDATE card_issuer.card c SET valid_until = current_date - 9 WHERE c.card_id = 'EXP-B';
SELECT card_issuer.confirm_unload(e.message_id) FROM card_issuer.entitlement e WHERE e.card_id = 'OFF-B' \g /dev/null

CREATE TABLE t.negative (cause text, what text, attribute card_attribute, app app_id DEFAULT 'D276AB0085CD01', printed_number text);
INSERT INTO t.negative (cause, what, attribute) VALUES
    ('unknown_key', 'E39: a key that is not registered', card_attribute('ecies-x25519', 9, '\x00')),
    ('wrong_scheme', 'E41: scheme of another key', card_attribute('ecies-p256', 1, ciphertext(:'fixed'))),
    ('undecryptable', 'E42: one byte', card_attribute('ecies-x25519', 1, '\x00')),
    ('undecryptable', 'E42: all-zero point', card_attribute('ecies-x25519', 1, decode(repeat('00', 80), 'hex'))),
    ('undecryptable', 'E42: point off the curve', card_attribute('ecies-p256', 2, decode('02' || repeat('ff', 80), 'hex'))),
    ('undecryptable', 'E42: point at infinity', card_attribute('ecies-p256', 2, decode(repeat('00', 80), 'hex'))),
    ('undecryptable', 'E42: padding', card_attribute('rsa-oaep-sha256', 3, decode(repeat('01', 256), 'hex'))),
    ('undecryptable', 'E42: encrypted for another key', card_attribute('ecies-x25519', 4, ciphertext(:'fixed'))),
    ('unknown_card', 'E43: an id that was never issued', t.seal(1, 'NOSUCH')),
    ('unknown_card', 'E43: another issuer''s, or a wrong check digit', t.seal(2, '4111111111111112')),
    ('secret', 'design 8: forged with the public key', t.seal(1, 'SECRET-B')),
    ('secret', 'design 8: a wrong secret', t.seal(1, 'SECRET-B/00000000')),
    ('secret', 'design 8: a secret where none is on record', t.seal(1, 'UP-B/00000000')),
    ('other_key', 'design 8: the right secret under another key', t.seal(4, 'KENJI-B/' || :'secret')),
    ('card_status', 'R36: blocked card', t.seal(1, 'LOST-B')), ('card_status', 'R36: old card', t.seal(1, 'UP-A')),
    ('card_status', 'R36: expired card', t.seal(1, 'EXP-B')), ('card_status', 'R36: card not handed over', t.seal(1, 'PROD-B')),
    ('not_reissued', 'R36: first issue', t.seal(1, 'FIRST')), ('withdrawn', 'E12: removed from the old card after the reissue', t.seal(1, 'OFF-B')),
    ('card_status', 'E9: reissue taken back', t.seal(1, 'REV-B'));
-- R33: the number on the card counts if both sides have one.
INSERT INTO t.negative VALUES
    ('printed_number', 'R33: another number on the card', t.seal(1, 'PRINT-B'), :METRO1, '4712'),
    ('app_not_on_old_card', 'R36: application not on the old card', t.seal(1, 'UP-B'), :METRO2, NULL),
    ('unknown_application', 'R36: unknown application', t.seal(1, 'UP-B'), 'D276FFFFFFFF', NULL),
    ('application_withdrawn', 'E13: withdrawn application', t.seal(1, 'APP-B'), 'D276AB0085CD08', NULL);
-- A plaintext that is not a card id in its canonical form.
INSERT INTO t.negative (cause, what, attribute)
SELECT 'no_card_id', format('E43: plaintext "%s"', replace(p, chr(10), '\n')), t.seal(1 + (row_number() OVER ())::integer % 3, p)
  FROM unnest(ARRAY['UP-B/', '/', '/00000000', ' UP-B', 'up-b', 'UP-B/0000000', 'UP-B/00000000/', 'UP-B/0000000é', 'UP-B' || chr(10), '4111-1111-1111-1111',
                    '0x04a22b6c3d5e80', '123', 'UP-B/' || repeat('x', 33), repeat('9', 41), repeat('x', 75)]) p;

SELECT is(t.inquire(t.seal(1, 'PRINT-B'), :METRO1, 'metro', n) ~ '^.200,t,', true, 'R33: printed number ' || coalesce(n, 'not given'))
  FROM unnest(ARRAY['4711', NULL]) n;
SELECT is(t.inquire(t.seal(1, 'UP-B'), :METRO1, 'metro', '4711') ~ '^.200,t,', true, 'R33: no printed number on record');
CREATE FUNCTION t.try_all(role_name name)
    RETURNS SETOF text
    LANGUAGE plpgsql
AS $$
DECLARE
    n record;
BEGIN
    FOR n IN SELECT * FROM t.negative LOOP
        RETURN NEXT is(t.inquire(n.attribute, n.app, role_name, n.printed_number), '(200,f,)', format('R36: to %s: %s', role_name, n.what));
        RETURN NEXT is((t.last_inquiry()).cause, n.cause, n.what || ': cause on record');
    END LOOP;
END
$$;
SELECT t.try_all(r) FROM unnest('{metro,clerk}'::name[]) r;
SELECT count(*) AS last_direct FROM card_issuer.inquiry \gset
UPDATE card_issuer.self SET distributed = true;
SELECT t.try_all(r) FROM unnest('{metro,clerk}'::name[]) r;
SELECT is(t.inquire(a.attribute, :METRO1), format('(200,t,%s)', a.message), format('design 8: by statements instead of index scans: %s, key %s', a.how, a.key_id))
  FROM t.attribute a;
SELECT is(t.inquire(t.seal(1, 'PRINT-B'), :METRO1, 'metro', '4711') ~ '^.200,t,', true, 'R33: by statements, too');
UPDATE card_issuer.self SET distributed = false;

-- Who asks.
SELECT is(t.inquire(:'fixed', :SHOP1), '(200,f,)', 'E45: another provider''s application');
SELECT is(format('%s %s %s', i.provider, i.cause, i.card_id), 'METRO foreign_app ', 'E45: recorded for who asked; the attribute was not looked at')
  FROM t.last_inquiry() i;
SELECT t.inquire(:'fixed', 'D276FFFFFFFF', 'clerk') \g /dev/null
SELECT is(format('%s %s %s', i.provider, i.role, i.cause), 'BANKJP clerk unknown_application', 'an operator asks about no application: recorded for the issuer')
  FROM t.last_inquiry() i;
SELECT card_issuer.suspend_provider('METRO') \g /dev/null
SELECT is(t.inquire(:'fixed', :METRO1, r), '(200,f,)', 'E14: contract not in force, to ' || r) FROM unnest('{metro,clerk}'::name[]) r;
SELECT is((t.last_inquiry()).cause, 'contract_ended', 'E14: cause on record');
SELECT card_issuer.resume_provider('METRO') \g /dev/null
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro', contract_until => current_date - 2) \g /dev/null
SELECT is(t.inquire(:'fixed', :METRO1), '(200,f,)', 'E14: contract ended');
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro', contract_from => current_date + 2) \g /dev/null
SELECT is(t.inquire(:'fixed', :METRO1), '(200,f,)', 'E14: contract not begun');
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro', contract_from => screissue.today(), contract_until => screissue.today()) \g /dev/null
SELECT is(t.inquire(:'fixed', :METRO1), format('(200,t,%s)', :'kenji'), 'E14: contract of one day, today');
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro') \g /dev/null
SELECT t.refused(format('SELECT card_issuer.inquire(%L, %L)', :'fixed', :METRO1), '42501', 'R34: nobody', 'nobody');
GRANT USAGE ON SCHEMA card_issuer TO nobody;
GRANT EXECUTE ON FUNCTION card_issuer.inquire TO nobody;
SELECT t.refused(format('SELECT card_issuer.inquire(%L, %L)', :'fixed', a), '42501', 'R34: not even with EXECUTE, who is no party', 'nobody')
  FROM unnest(ARRAY[:METRO1, 'D276FFFFFFFF']) a;
GRANT metro TO nobody;
SELECT is(t.inquire(:'fixed', :METRO1, 'nobody'), format('(200,t,%s)', :'kenji'), 'R34: with the privileges of the provider''s role');
SELECT t.refused(format('SELECT card_issuer.inquire(%s)', a), '22023', 'inquire(' || a || ')', 'metro')
  FROM unnest(ARRAY[$$NULL, 'D276AB0085CD01'$$, format('%L, NULL', :'fixed')]) a;

-- Keys that are retired go on; revoked ones do not.
SELECT card_issuer.retire_key(1) \g /dev/null
SELECT is(t.inquire(:'fixed', :METRO1), format('(200,t,%s)', :'kenji'), 'E40: retired key');
SELECT card_issuer.revoke_key(1) \g /dev/null
SELECT is(t.inquire(:'fixed', :METRO1), '(200,f,)', 'E39: revoked key');
SELECT is((t.last_inquiry()).cause, 'revoked_key', 'E39: cause on record');
INSERT INTO card_issuer.encryption_key (key_id, scheme, public_key, registered_at) VALUES (5, 'ecies-x25519', '\x00', now());
SELECT t.refused(format('SELECT card_issuer.inquire(%L, %L)', card_attribute('ecies-x25519', 5, '\x00'), :METRO1), 'SR011',
                 'E48: the file of a registered key is missing', 'metro');
UPDATE card_issuer.encryption_key k SET revoked_at = NULL WHERE k.key_id = 1;

-- permit_load by attribute: the same judgement as by card id, kept like an
-- inquiry; refused in one word.
SELECT t.pair('TERM') AS term \gset
SELECT p.attribute AS term_fixed FROM card_issuer.personalize_card('TERM-B', 2) p \gset
CREATE FUNCTION t.permit_by(attribute card_attribute, app app_id, more text DEFAULT '', role_name name DEFAULT 'metro')
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT t.run(format('SELECT p FROM card_issuer.permit_load(app => %L, attribute => %L%s) p', app, attribute, more), role_name)
$$;
SELECT is(t.permit_by(:'term_fixed', :METRO1, format(', reload_of => %L', :'kenji')), '(,f,refused,,,,f)', 'R27: reload of what it does not inherit');
SELECT is((t.last_inquiry()).cause, 'not_inherited', 'R27: cause on record');
SELECT is(regexp_replace(t.permit_by(:'term_fixed', :METRO1, format(', reload_of => %L', :'term')), '/[0-9]+,', '/N,'), format('(BANKJP/METRO/N,t,,%s,,,t)', :'term'),
          'R27: permission to reload, by attribute');
SELECT is(t.permit_by(:'term_fixed', :METRO1), t.permit_by(:'term_fixed', :METRO1), 'E34: one still outstanding is given again');
SELECT results_eq('SELECT i.provider, i.card_id, i.reissued, i.message_id, i.cause, i.permission FROM t.last_inquiry() i',
                  format($$SELECT 'METRO'::company_id, 'TERM-B'::card_id, true, %L::message_id, NULL::text, l.message_id
                             FROM card_issuer.app_load l WHERE l.card_id = 'TERM-B'$$, :'term'), 'R39: what is on record of it');
SELECT card_issuer.confirm_load(l.message_id) FROM card_issuer.app_load l WHERE l.card_id = 'TERM-B' \g /dev/null
SELECT is(t.permit_by(:'term_fixed', :METRO1, role_name => r), '(,f,refused,,,,f)', 'R36: already loaded, to ' || r) FROM unnest('{metro,clerk}'::name[]) r;
SELECT is((t.last_inquiry()).cause, 'already_loaded', 'R36: cause on record');
SELECT is(t.permit_by(t.seal(2, 'FIRST'), :METRO2) ~ ',t,,,,,f', true, 'R7: a first load by attribute');
SELECT is(format('%s %s %s', i.reissued, i.cause, i.permission IS NOT NULL), 'f  t', 'R39: a permission that inherits nothing') FROM t.last_inquiry() i;
SELECT is(t.permit_by(n.attribute, :METRO2, format(', printed_number => %L', n.printed_number), r), '(,f,refused,,,,f)', format('R36: permit_load to %s: %s', r, n.what))
  FROM t.negative n, unnest('{metro,clerk}'::name[]) r
 WHERE n.cause IN ('unknown_key', 'wrong_scheme', 'undecryptable', 'no_card_id', 'unknown_card', 'secret', 'other_key', 'card_status', 'printed_number')
   AND key_id(n.attribute) <> 1;
SELECT t.refused(format('SELECT card_issuer.permit_load(app => %L, attribute => %L)', :SHOP1, :'term_fixed'), '42501', 'E45: permit_load for another provider''s application', 'metro');

-- Settings.
SELECT count(*) AS before FROM card_issuer.inquiry \gset
SET LOCAL screissue.audit_inquiries = off;
SELECT is(t.inquire(:'term_fixed', :METRO1), format('(200,t,%s)', :'term'), 'design 8: without audit');
SELECT is(count(*), :before::bigint, 'design 8: nothing is written then') FROM card_issuer.inquiry i;
RESET screissue.audit_inquiries;
SELECT t.refused(format('SET LOCAL screissue.%s', s), '42501', 'design 8: no setting of a provider''s: ' || s, 'metro')
  FROM unnest('{audit_inquiries = off,log_inquiries = none}'::text[]) s;
SELECT throws_ok('SET LOCAL screissue.key_directory = ''/''', '55P02', NULL, 'design 8: key_directory is not set in a session');
SELECT t.refused('SHOW screissue.key_directory', '42501', 'design 8: nor shown to a provider', 'metro');

-- Never part of a plan.
CREATE FUNCTION t.plan_of(query text)
    RETURNS SETOF text
    LANGUAGE plpgsql
AS $$
BEGIN
    RETURN QUERY EXECUTE 'EXPLAIN (VERBOSE) ' || query;
END
$$;
SELECT is((SELECT bool_or(x ~ 'KENJI|BANKJP') FROM t.plan_of(format(q, :'fixed', :METRO1)) x), false, 'design 8: no value of it in a plan: ' || q)
  FROM unnest('{SELECT * FROM card_issuer.inquire(%L\, %L),SELECT card_issuer.inquire(%L\, %L),SELECT card_issuer.decrypt_attribute(%1$L)}'::text[]) q;
SELECT is(concat(p.provolatile, p.proparallel), 'vu', 'design 8: volatile and not parallel: ' || p.proname)
  FROM pg_proc p WHERE p.pronamespace = 'card_issuer'::regnamespace AND p.proname IN ('inquire', 'decrypt_attribute', 'permit_load');

-- The report: who asked how often, and what was rolled back; one failed above.
SAVEPOINT hidden;
SELECT t.inquire(:'term_fixed', :METRO1), t.inquire(:'term_fixed', :METRO1) \g /dev/null
ROLLBACK TO hidden;
SELECT is(format('%s %s', r.inquiries - r.positive - r.negative, r.hidden), '3 3', 'design 8: three inquiries are hidden') FROM card_issuer.inquiry_report r WHERE r.provider = 'METRO';
SELECT is(t.run($$SELECT r.hidden FROM card_issuer.inquiry_report r WHERE r.provider = 'METRO'$$, r), '3', 'design 8: as ' || r || ' sees it')
  FROM unnest('{clerk,auditor}'::name[]) r;
SELECT is(t.run($$SELECT m.card_id FROM card_issuer.masked_inquiry m WHERE m.cause = 'unknown_card' AND m.card_id ~ '[*]{8}' LIMIT 1$$, 'auditor'),
          mask('4111111111111112'), 'E60: an auditor reads masked ids');
SELECT t.refused('SELECT count(*) FROM card_issuer.inquiry', '42501', 'E60: and no others', r) FROM unnest('{clerk,auditor,metro}'::name[]) r;

-- E44, E45: so many inquiries within an hour, counting those rolled back.
SELECT card_issuer.set_inquiry_limit('METRO', 3) \g /dev/null
SELECT is(t.inquire(:'term_fixed', :METRO1), format('(200,t,%s)', :'term'), 'E44: within the limit') FROM generate_series(1, 2);
SAVEPOINT hidden;
SELECT t.inquire(:'term_fixed', :METRO1) \g /dev/null
ROLLBACK TO hidden;
SELECT t.refused(q, '53400', 'E44: one more: ' || left(q, 40), 'metro')
  FROM unnest(ARRAY[format('SELECT card_issuer.inquire(%L, %L)', :'term_fixed', :METRO1),
                    format('SELECT card_issuer.inquire(%L, %L)', :'term_fixed', :SHOP1),
                    format('SELECT card_issuer.inquire(%L, %L)', :'term_fixed', 'D276FFFFFFFF'),
                    format('SELECT card_issuer.permit_load(app => %L, attribute => %L)', :METRO1, :'term_fixed')]) q;
SELECT is(t.inquire(:'term_fixed', :METRO1, 'clerk'), format('(200,t,%s)', :'term'), 'E44: an operator goes on');
SELECT is(t.inquire(:'term_fixed', :SHOP1, 'shop'), '(200,f,)', 'E44: so does another provider');
SELECT is(t.run(format('SELECT p.permitted FROM card_issuer.permit_load(app => %L, card => ''CARD-L'') p', :METRO1), 'metro'), 'true', 'E44: and who names the card')
  FROM card_issuer.issue_card('CARD-L', 100);
UPDATE card_issuer.inquiry i SET asked_at = i.asked_at - interval '61 minutes';
SELECT is(t.inquire(:'term_fixed', :METRO1), format('(200,t,%s)', :'term'), 'E44: an hour later');
SELECT card_issuer.set_inquiry_limit('METRO', 3) \g /dev/null
SAVEPOINT hidden;
SELECT t.inquire(:'term_fixed', :METRO1) FROM generate_series(1, 3) \g /dev/null
ROLLBACK TO hidden;
SELECT t.refused(format('SELECT card_issuer.inquire(%L, %L)', :'term_fixed', :METRO1), '53400', 'E44: all of the last ones were rolled back', 'metro');
SELECT is((SELECT r.inquiry_limit FROM card_issuer.inquiry_report r WHERE r.provider = 'METRO'), 3, 'E44: the limit in the report');
SELECT card_issuer.set_inquiry_limit('METRO', 1) \g /dev/null
SELECT is(t.inquire(:'term_fixed', :METRO1), format('(200,t,%s)', :'term'), 'E44: a limit counts from when it is set');
SELECT t.refused(format('SELECT card_issuer.inquire(%L, %L)', :'term_fixed', :METRO1), '53400', 'E44: one an hour', 'metro');
SELECT card_issuer.set_inquiry_limit('METRO', NULL) \g /dev/null
SELECT is(t.inquire(:'term_fixed', :METRO1), format('(200,t,%s)', :'term'), 'E44: no limit') FROM generate_series(1, 2);

-- What is in memory is what is registered; tables that are not as setup made
-- them are refused.
SAVEPOINT altered;
UPDATE card_issuer.encryption_key k SET public_key = (SELECT x.public_key FROM card_issuer.encryption_key x WHERE x.key_id = 4) WHERE k.key_id = 1;
SELECT t.refused(format('SELECT card_issuer.inquire(%L, %L)', :'fixed', :METRO1), 'SR011', 'E41: another key on record than in the file and in memory', 'metro');
ROLLBACK TO altered;
SELECT is(t.inquire(:'fixed', :METRO1), format('(200,t,%s)', :'kenji'), 'E41: the right one again');
ALTER TABLE card_issuer.encryption_key DROP CONSTRAINT encryption_key_pkey, ADD PRIMARY KEY (public_key);
SELECT t.refused(format('SELECT card_issuer.inquire(%L, %L)', :'fixed', :METRO1), '55000', 'another primary key', 'metro');
ROLLBACK TO altered;
ALTER TABLE card_issuer.entitlement DROP CONSTRAINT entitlement_pkey, ADD PRIMARY KEY (app_id, card_id);
SELECT t.refused(format('SELECT card_issuer.inquire(%L, %L)', :'fixed', :METRO1), '55000', 'a primary key in another order', 'metro');
ROLLBACK TO altered;
ALTER TABLE card_issuer.card DROP COLUMN secret_sha256;
SELECT t.refused(format('SELECT card_issuer.inquire(%L, %L)', :'fixed', :METRO1), '55000', 'a column that is gone', 'metro');
ROLLBACK TO altered;
SELECT is(t.inquire(:'fixed', :METRO1), format('(200,t,%s)', :'kenji'), 'as setup made it');

-- Memory follows the tables, whoever writes them: FOR EACH ROW, ALWAYS; setup()
-- mends what a restore with disabled triggers left.
CREATE FUNCTION t.registry_triggers()
    RETURNS SETOF text
    LANGUAGE sql
AS $$
    SELECT format('%s %s %s %s', t.tgrelid::regclass, t.tgname, t.tgenabled, CASE WHEN t.tgtype & 1 = 1 THEN 'row' ELSE 'statement' END)
      FROM pg_trigger t WHERE t.tgfoid = 'card_issuer.registry_changed'::regproc
$$;
SELECT bag_eq('SELECT t.registry_triggers()',
              $$SELECT format('card_issuer.%s %s', r, x)
                  FROM unnest('{self,provider,application,encryption_key}'::text[]) r,
                       unnest('{registry_changed A row,registry_truncated A statement}'::text[]) x$$, 'the triggers of the registry');
SELECT array_agg(x ORDER BY x) AS triggers FROM t.registry_triggers() x \gset
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE card_issuer.encryption_key DISABLE TRIGGER ALL;
ALTER TABLE card_issuer.encryption_key ENABLE TRIGGER ALL;
SELECT isnt((SELECT array_agg(x ORDER BY x) FROM t.registry_triggers() x)::text, :'triggers', 'a restore may leave them in another state');
SELECT card_issuer.setup('BANKJP', 'Bank of Japan Point') \g /dev/null
SELECT is((SELECT array_agg(x ORDER BY x) FROM t.registry_triggers() x)::text, :'triggers', 'which setup() mends');

SELECT t.refused('SELECT card_issuer.registry_changed()', '39P01', 'what makes sessions forget the registry is for triggers');

SELECT * FROM finish();
ROLLBACK;
