-- Cards and holders (R3, R11, E6, E8)
BEGIN;
\ir include/issuer.sql
SELECT plan(66);

-- R3: every issued card has holder, status and platform type.
SELECT lives_ok($$SELECT card_issuer.register_holder('H1', '{"name": "Sato"}')$$, 'R3: a holder is registered');
SELECT lives_ok($$SELECT card_issuer.register_holder('H1', '{"name": "Suzuki"}')$$, 'R3: registered again, the profile changes');
SELECT is((SELECT h.profile ->> 'name' FROM card_issuer.holder h WHERE h.holder_id = 'H1'), 'Suzuki',
          'R3: the last profile counts');
SELECT lives_ok($$SELECT card_issuer.issue_card(card => 'CARD-A', holder_id => 'H2', valid_until => current_date + 900,
                                                printed_number => '12345')$$, 'R3: a card is issued');
SELECT results_eq($$SELECT c.platform_type, c.holder_id, c.status::text, c.valid_until - current_date, c.printed_number,
                           c.replaces IS NULL AND c.replaced_by IS NULL
                      FROM card_issuer.card c WHERE c.card_id = 'CARD-A'$$,
                  $$VALUES (999, 'H2'::text, 'active', 900, '12345'::text, true)$$,
                  'R3: the card reads back; without a platform type it is 999');
SELECT is((SELECT count(*) FROM card_issuer.holder h WHERE h.holder_id = 'H2' AND h.profile IS NULL), 1::bigint,
          'R3: a missing holder gets a row');
SELECT card_issuer.issue_card('CARD-A2', 100, 'H1') \g /dev/null
SELECT is((SELECT h.profile ->> 'name' FROM card_issuer.holder h WHERE h.holder_id = 'H1'), 'Suzuki',
          'R3: issuing a card leaves a known holder as it is');

-- R54: ids of every kind of card.
SELECT lives_ok(format('SELECT card_issuer.issue_card(%L, 100)', v.id), 'R54: a card is issued with ' || v.what)
  FROM (VALUES ('4111111111111111', 'a PAN'), ('8981100123456789017', 'an ICCID'),
               ('89034011560010000000000000000121', 'an EID'), ('0x0102030405060708', 'a FeliCa IDm'),
               ('JE000000000012345', 'a transit number'), ('0x08AABBCC', 'a short UID')) v (id, what);

-- E6: an id is issued once, however it is written.
SELECT t.refused(format('SELECT card_issuer.issue_card(%L, 200)', v.id), '23505', 'E6: issued before: ' || v.what)
  FROM (VALUES ('4111111111111111', 'the same id'), ('4111-1111-1111-1111', 'the same id with hyphens'),
               ('0X08aabbcc', 'the same bytes'), ('je000000000012345', 'the same symbol')) v (id, what);
SELECT lives_ok($$SELECT card_issuer.issue_card('04111111111111111', 100)$$, 'E6: a leading zero is another id');

-- SR010: the platform's check of ids; codes are rows (R43).
INSERT INTO screissue.platform (platform_type, card_os, method, id_check)
VALUES (300, 'banking card', 1, 'luhn'), (301, 'eUICC', 2, 'mod97');
CREATE TABLE t.checked (card card_id, platform integer, valid boolean, reissue card_id);
INSERT INTO t.checked VALUES
    ('6759649826438453', 300, true, '378282246310005'), ('6759649826438454', 300, false, '378282246310006'),
    ('89044011112233441122334411223321', 301, true, '89034011560010000000000000000121'),
    ('89044011112233441122334411223322', 301, false, '89034011560010000000000000000122'),
    ('CARD-LUHN', 300, false, 'CARD-MOD');
SELECT t.refused(format('SELECT card_issuer.issue_card(%L, %s)', c.card, c.platform), 'SR010',
                 'R43: refused at issue on platform ' || c.platform || ': ' || mask(c.card))
  FROM t.checked c WHERE NOT c.valid;
DELETE FROM card_issuer.card c WHERE c.card_id = '89034011560010000000000000000121';
SELECT lives_ok(format('SELECT card_issuer.issue_card(%L, %s)', c.card, c.platform),
                'R43: issued on platform ' || c.platform || ': ' || mask(c.card))
  FROM t.checked c WHERE c.valid;
SELECT card_issuer.issue_card('CHECK-1', 100), card_issuer.issue_card('CHECK-2', 100),
       card_issuer.request_reissue('CHECK-1', 'lost'), card_issuer.request_reissue('CHECK-2', 'lost') \g /dev/null
SELECT t.refused(format('SELECT card_issuer.reissue_card(%L, %L, %s)', 'CHECK-1', c.reissue, c.platform), 'SR010',
                 'R43: refused at reissue on platform ' || c.platform || ': ' || mask(c.reissue))
  FROM t.checked c WHERE NOT c.valid;
SELECT is(t.card_status('CHECK-1'), 'active', 'R17: a refused reissue leaves the old card as it was');
SELECT lives_ok($$SELECT card_issuer.reissue_card('CHECK-1', '378282246310005', 300)$$,
                'R43: a valid id is accepted at reissue');
SELECT t.refused($$SELECT card_issuer.issue_card('CARD-X', 12345)$$, '22023', 'R43: unknown platform type at issue');
SELECT t.refused($$SELECT card_issuer.reissue_card('CHECK-2', 'CARD-X', 12345)$$, '22023',
                 'R43: unknown platform type at reissue');
SELECT t.refused($$SELECT card_issuer.issue_card('CARD-X', 100, valid_until => current_date - 2)$$, '22023',
                 'R3: no card is issued that has expired');
SELECT t.refused($$SELECT card_issuer.reissue_card('CHECK-2', 'CARD-X', valid_until => current_date - 2)$$, '22023',
                 'R17: no card is reissued that has expired');

-- R11: a card that is produced and not handed over.
SELECT card_issuer.issue_card('CARD-P', 100, activate => false) \g /dev/null
SELECT is(t.card_status('CARD-P'), 'produced', 'R11: issued without activation, a card is produced');
SELECT t.load('CARD-P', :METRO1) AS at_issue \gset
SELECT lives_ok($$SELECT card_issuer.activate_card('CARD-P')$$, 'R11: the card is handed over');
SELECT t.load('CARD-P', :METRO2) AS later \gset
SELECT results_eq(format('SELECT f.at_issue, f.status::text, f.loaded_at IS NOT NULL FROM card_issuer.find_load(%L) f', v.id),
                  format('VALUES (%L::boolean, ''loaded'', true)', v.at_issue),
                  'R11: the same record, told apart by its flag: at issue ' || v.at_issue)
  FROM (VALUES (:'at_issue', true), (:'later', false)) v (id, at_issue);
SELECT t.on_record() AS before \gset
SELECT card_issuer.activate_card('CARD-P') \g /dev/null
SELECT is(t.on_record(), :'before', 'R11: activating again changes nothing');

-- E8: blocked, and back to the state before.
SELECT card_issuer.issue_card('BLOCK-A', 100), card_issuer.issue_card('BLOCK-P', 100, activate => false),
       t.load('BLOCK-A', :METRO1) \g /dev/null
SELECT lives_ok(format('SELECT card_issuer.block_card(%L, %L)', 'BLOCK-A', v.s), 'E8: blocked as ' || v.s)
  FROM unnest(ARRAY['suspended', 'lost', 'stolen', 'damaged', 'lost']) v (s);
SELECT is(t.card_status('BLOCK-A'), 'lost', 'E8: the last block counts');
SELECT t.on_record() AS before \gset
SELECT card_issuer.block_card('BLOCK-A', 'lost') \g /dev/null
SELECT is(t.on_record(), :'before', 'E8: blocking again changes nothing');
SELECT is(t.run($$SELECT p FROM card_issuer.permit_load(app => 'D276AB0085CD02', card => 'BLOCK-A') p$$, 'metro'),
          '(,f,refused,,,,f)', 'E8: a blocked card takes no application');
SELECT t.refused($$SELECT card_issuer.activate_card('BLOCK-A')$$, 'SR005', 'E8: a blocked card is not activated');
SELECT card_issuer.unblock_card('BLOCK-A') \g /dev/null
SELECT is(t.card_status('BLOCK-A'), 'active', 'E8: back to active, whatever the blocks in between');
SELECT t.on_record() AS before \gset
SELECT card_issuer.unblock_card('BLOCK-A') \g /dev/null
SELECT is(t.on_record(), :'before', 'E8: unblocking again changes nothing');
SELECT card_issuer.block_card('BLOCK-P', 'stolen'), card_issuer.unblock_card('BLOCK-P') \g /dev/null
SELECT is(t.card_status('BLOCK-P'), 'produced', 'E8: a produced card comes back as produced');
SELECT card_issuer.block_card('BLOCK-A', 'lost') \g /dev/null
SELECT is(t.reissue('BLOCK-A', 'BLOCK-B'), '1/1', 'E8: a lost card is reissued');
SELECT t.refused($$SELECT card_issuer.unblock_card('BLOCK-A')$$, 'SR005', 'E8: found after the reissue it does not come back');
SELECT t.refused($$SELECT card_issuer.block_card('BLOCK-A', 'stolen')$$, 'SR005', 'E8: nor is it blocked again');
SELECT t.refused($$SELECT card_issuer.activate_card('BLOCK-A')$$, 'SR005', 'E8: nor activated');
SELECT card_issuer.withdraw_reissue('BLOCK-B') \g /dev/null
SELECT is(t.card_status('BLOCK-A'), 'lost', 'E8: a withdrawn reissue gives the old card its former status');
SELECT card_issuer.unblock_card('BLOCK-A') \g /dev/null
SELECT is(t.card_status('BLOCK-A'), 'active', 'E8: and from there it comes back');
SELECT t.refused(format('SELECT %s', v.call), 'SR005', 'E9: a revoked card: ' || v.call)
  FROM (VALUES ($$card_issuer.unblock_card('BLOCK-B')$$), ($$card_issuer.block_card('BLOCK-B', 'lost')$$),
               ($$card_issuer.activate_card('BLOCK-B')$$), ($$card_issuer.request_reissue('BLOCK-B', 'lost')$$)) v (call);
SELECT t.refused(format('SELECT card_issuer.block_card(%L, %L)', 'BLOCK-A', s), '22023', 'E8: no card is blocked as ' || s)
  FROM unnest(enum_range(NULL::card_status)) s
 WHERE s NOT IN ('suspended', 'lost', 'stolen', 'damaged');

-- A card whose validity has ended is no active card, on any client's calendar.
SELECT card_issuer.issue_card('CARD-E', 100), t.load('CARD-E', :METRO1), t.reissue('CARD-E', 'CARD-F') \g /dev/null
UPDATE card_issuer.card c SET valid_until = current_date - 3 WHERE c.card_id = 'CARD-F';
SET LOCAL TimeZone = '<X>+160';
SELECT is(t.run($$SELECT p FROM card_issuer.permit_load(app => 'D276AB0085CD01', card => 'CARD-F') p$$, 'metro'),
          '(,f,refused,,,,f)', 'E54: an expired card takes no application');
SELECT is(t.run($$SELECT f FROM card_issuer.find_reissue('CARD-F', 'D276AB0085CD01') f$$, 'metro'),
          '(200,f,,)', 'E54: an expired card is not found as reissued');
SET LOCAL TimeZone = 'UTC';

SELECT * FROM finish();
ROLLBACK;
