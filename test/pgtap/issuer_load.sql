-- Loading permissions, proof of load and unload (R7-R9, R12, R51, E12, E32)
BEGIN;
\ir include/issuer.sql
SELECT plan(98);

SELECT card_issuer.issue_card('CARD-A', 100, printed_number => '0001-A'),
       card_issuer.set_tariff(:METRO1, 'load', 500, 'JPY'),
       card_issuer.set_tariff(:METRO1, 'reload', 50, 'JPY'),
       card_issuer.set_tariff(:METRO1, 'reload', 0, 'JPY', 'stolen') \g /dev/null

-- R7, R9: a permission.
SELECT * FROM card_issuer.permit_load(app => :METRO1, card => 'CARD-A') \gset p_
SELECT is(:'p_permitted'::boolean, true, 'R7: a load is permitted');
SELECT results_eq(format('SELECT issuer(%1$L)::text, provider(%1$L)::text, sequence(%1$L) > 0', :'p_message_id'),
                  $$VALUES ('BANKJP', 'METRO', true)$$, 'R9: issuer, provider and sequence make the message id');
SELECT is(:'p_fee' || ' ' || :'p_currency', '500 JPY', 'R51: the price of a load is fixed at the verdict');
SELECT ok(NOT :'p_examination_substituted' AND :{?p_inherits} IS FALSE AND :{?p_refusal} IS FALSE,
          'R7: nothing inherited, nothing substituted, no refusal');
SELECT results_eq(format('SELECT f.card_id, f.app_id, f.provider, f.status::text, f.fee, f.at_issue, f.loaded_at
                            FROM card_issuer.find_load(%L) f', :'p_message_id'),
                  $$VALUES ('CARD-A'::card_id, 'D276AB0085CD01'::app_id, 'METRO'::company_id, 'permitted', 500::numeric, false,
                            NULL::timestamptz)$$, 'R40: the load record by message id');
SELECT t.on_record() AS before \gset
SELECT card_issuer.set_tariff(:METRO1, 'load', 700, 'JPY') \g /dev/null
SELECT is((SELECT p FROM card_issuer.permit_load(app => :METRO1, card => 'CARD-A') p)::text,
          format('(%s,t,,,500,JPY,f)', :'p_message_id'), 'R7: an outstanding permission is returned again, same id, same fee');
SELECT is((SELECT count(*) FROM card_issuer.app_load), 1::bigint, 'R7: and no second one is stored');
SELECT results_eq($$SELECT x.event, x.approved FROM card_issuer.app_load l
                      JOIN card_issuer.examination x USING (card_id, examination_id)$$,
                  $$VALUES ('load'::text, true)$$, 'R49: the load names its examination');

-- R8: proof of load; repeat, contradict.
SELECT lives_ok(format('SELECT card_issuer.confirm_load(%L)', :'p_message_id'), 'R8: a load is confirmed');
SELECT is(t.load_status(:'p_message_id'), 'loaded', 'R8: it is loaded');
SELECT t.on_record() AS before \gset
SELECT card_issuer.confirm_load(:'p_message_id') \g /dev/null
SELECT is(t.on_record(), :'before', 'R8: confirming again changes nothing');
SELECT t.refused(format('SELECT card_issuer.confirm_load(%L, false)', :'p_message_id'), 'SR009', 'R8: a contradiction');
SELECT card_issuer.confirm_load(:'p_message_id', true, '\xAABB') \g /dev/null
SELECT is((SELECT f.receipt FROM card_issuer.find_load(:'p_message_id') f), '\xAABB'::bytea, 'R8: a receipt may come later');
SELECT t.refused(format('SELECT card_issuer.confirm_load(%L, true, %L)', :'p_message_id', '\xAACC'), 'SR009',
                 'R8: another receipt contradicts');
SELECT t.on_record() AS before \gset
SELECT card_issuer.confirm_load(:'p_message_id', true, '\xAABB') \g /dev/null
SELECT is(t.on_record(), :'before', 'R8: the same receipt again changes nothing');
SELECT is((SELECT p FROM card_issuer.permit_load(app => :METRO1, card => 'CARD-A') p)::text,
          format('(%s,f,already_loaded,,,,f)', :'p_message_id'), 'R7: already loaded, with the id of that load');
SELECT is((SELECT f.fee FROM card_issuer.find_load(:'p_message_id') f), 500::numeric,
          'R52: a later change of the tariff does not touch the price');

-- A load that failed costs nothing and is asked for anew.
SELECT t.permit('CARD-A', :METRO2) AS f1 \gset
SELECT card_issuer.confirm_load(:'f1', false) \g /dev/null
SELECT is(t.load_status(:'f1'), 'failed', 'R8: a load failed');
SELECT t.on_record() AS before \gset
SELECT card_issuer.confirm_load(:'f1', false) \g /dev/null
SELECT is(t.on_record(), :'before', 'R8: telling the failure again changes nothing');
SELECT t.refused(format('SELECT card_issuer.confirm_load(%L, true)', :'f1'), 'SR009', 'R8: a failed load did not succeed');
SELECT t.refused(format('SELECT card_issuer.confirm_unload(%L)', :'f1'), 'SR009', 'R12: a failed load cannot be unloaded');
SELECT t.permit('CARD-A', :METRO2) AS f2 \gset
SELECT isnt(:'f2'::text, :'f1'::text, 'R9: after a failure the next permission has an id of its own');
SELECT t.refused(format('SELECT card_issuer.confirm_unload(%L)', :'f2'), 'SR009', 'R12: a permission cannot be unloaded');

-- R12, E12: three applications, the second unloaded before the reissue.
SELECT card_issuer.confirm_load(:'f2'), t.load('CARD-A', :SHOP1) \g /dev/null
SELECT card_issuer.confirm_unload(:'f2') \g /dev/null
SELECT is(t.load_status(:'f2'), 'unloaded', 'R12: unloaded');
SELECT t.on_record() AS before \gset
SELECT card_issuer.confirm_unload(:'f2') \g /dev/null
SELECT is(t.on_record(), :'before', 'R12: unloading again changes nothing');
SELECT card_issuer.request_reissue('CARD-A', 'stolen') \g /dev/null
SELECT card_issuer.register_application('D276AC0001EF02', 'SHOP', 'lounge'),
       t.load('CARD-A', 'D276AC0001EF02') \g /dev/null
SELECT results_eq($$SELECT r.entitlements, r.notices FROM card_issuer.reissue_card('CARD-A', 'CARD-B') r$$,
                  'VALUES (3, 3)', 'E12, R12: the unloaded one is no candidate, one loaded after the request is');
SELECT is(t.inherited('CARD-B', :METRO2), NULL, 'R12: the unloaded application is not inherited');

-- Claims 11 and 13: the reload permission.
SELECT * FROM card_issuer.permit_load(app => :METRO1, card => 'CARD-B') \gset r_
SELECT is(:'r_inherits'::message_id, :'p_message_id'::message_id, 'R27: the reload permission names the old load');
SELECT is(:'r_fee'::numeric, 0::numeric, 'E53: the reason decides the price of a reload');
SELECT is(:'r_examination_substituted'::boolean, true, 'R49: the old examination is substituted');
SELECT results_eq(format($$SELECT o.card_id, n.substitutes = o.examination_id, n.approved
                             FROM card_issuer.app_load l
                             JOIN card_issuer.examination n ON n.examination_id = l.examination_id
                             JOIN card_issuer.examination o
                               ON o.card_id = n.substitutes_card_id AND o.examination_id = n.substitutes
                            WHERE l.message_id = %L$$, :'r_message_id'),
                  $$VALUES ('CARD-A'::card_id, true, true)$$, 'R49: the new examination names the one on the old card');
SELECT is((SELECT p FROM card_issuer.permit_load(app => :METRO1, card => 'CARD-B') p)::text,
          format('(%s,t,,%s,0,JPY,t)', :'r_message_id', :'p_message_id'), 'R7: the reload permission is returned again');
SELECT card_issuer.confirm_load(:'r_message_id') \g /dev/null
SELECT is(t.load_status(:'r_message_id'), 'loaded', 'R27: reloaded');
SELECT is(t.load_status(:'p_message_id'), 'superseded', 'R27: the old load is superseded');
SELECT is(t.inherited('CARD-B', :METRO1), :'p_message_id'::message_id, 'R40: used or not, the card answers with the same id');
SELECT t.on_record() AS before \gset
SELECT card_issuer.confirm_unload(:'p_message_id') \g /dev/null
SELECT is(t.on_record(), :'before', 'R12: a superseded load is left as it is');

-- reload_of: only a permission that inherits exactly it.
SELECT s.message_id AS shop_old FROM card_issuer.find_reissue('CARD-B', :SHOP1) s \gset
SELECT t.on_record() AS before \gset
SELECT is((SELECT p FROM card_issuer.permit_load(app => :SHOP1, card => 'CARD-B', reload_of => :'p_message_id') p)::text,
          '(,f,not_inherited,,,,f)', 'R27: reload_of another load is not permitted');
SELECT is(t.run(format('SELECT p FROM card_issuer.permit_load(app => %L, card => %L, reload_of => %L) p',
                       :SHOP1, 'CARD-B', :'p_message_id'), 'shop'),
          '(,f,refused,,,,f)', 'R27: the provider is told refused');
SELECT is(t.on_record(), :'before', 'R27: and nothing is stored');
SELECT * FROM card_issuer.permit_load(app => :SHOP1, card => 'CARD-B', reload_of => :'shop_old') \gset s_
SELECT is(:'s_inherits'::message_id, :'shop_old'::message_id, 'R27: reload_of what is inherited is permitted');
SELECT is((SELECT p.message_id FROM card_issuer.permit_load(app => :SHOP1, card => 'CARD-B', reload_of => :'shop_old') p),
          :'s_message_id'::message_id, 'R27: and returned again');
SELECT is((SELECT p FROM card_issuer.permit_load(app => :SHOP1, card => 'CARD-B', reload_of => :'p_message_id') p)::text,
          '(,f,not_inherited,,,,f)', 'R27: an outstanding permission is not given for another reload_of');
SELECT card_issuer.issue_card('CARD-N', 100) \g /dev/null
SELECT is((SELECT p FROM card_issuer.permit_load(app => :SHOP1, card => 'CARD-N', reload_of => :'shop_old') p)::text,
          '(,f,not_inherited,,,,f)', 'R27: no reload on a card that inherits nothing');
SELECT t.permit('CARD-N', :SHOP1) AS fresh \gset
SELECT is((SELECT p FROM card_issuer.permit_load(app => :SHOP1, card => 'CARD-N', reload_of => :'shop_old') p)::text,
          '(,f,not_inherited,,,,f)', 'R27: an outstanding first load is not given for a reload');

-- R49: the modes of an application, and examinations that are too old.
CREATE TABLE t.mode (mode text, max_age interval, aged interval, substituted boolean);
INSERT INTO t.mode VALUES ('substitute', NULL, '9 years', true), ('substitute', '1 year', '1 day', true),
    ('substitute', '1 year', '2 years', false), ('refer', NULL, '1 day', false), ('new', NULL, '1 day', false);
CREATE FUNCTION t.substitutes(mode text, max_age interval, aged interval)
    RETURNS boolean
    LANGUAGE plpgsql
AS $$
DECLARE
    n text := 'MODE-' || nextval('card_issuer.request_sequence');
BEGIN
    PERFORM card_issuer.register_application('D276AB0085CD03', 'METRO', 'gym', NULL, mode, max_age);
    PERFORM card_issuer.issue_card(n::card_id, 100);
    PERFORM t.load(n::card_id, 'D276AB0085CD03');
    UPDATE card_issuer.examination x SET examined_at = now() - aged WHERE x.card_id = n::card_id;
    PERFORM t.reissue(n::card_id, (n || 'B')::card_id);
    RETURN (SELECT p.examination_substituted
              FROM card_issuer.permit_load(app => 'D276AB0085CD03', card => (n || 'B')::card_id) p WHERE p.permitted);
END
$$;
SELECT is(t.substitutes(m.mode, m.max_age, m.aged), m.substituted,
          format('R49, E49: mode %s, at most %s old, %s old', m.mode, coalesce(m.max_age::text, 'any'), m.aged))
  FROM t.mode m;

-- Refusals that a provider cannot tell from one another.
SELECT card_issuer.issue_card('CARD-S', 100), card_issuer.block_card('CARD-S', 'suspended'),
       card_issuer.issue_card('CARD-200', 200), card_issuer.issue_card('CARD-999', 999),
       card_issuer.register_application(:METRO2, 'METRO', 'parking', sha256('file')) \g /dev/null
CREATE TABLE t.refusal (cause text, arguments text, operator_sees text);
INSERT INTO t.refusal VALUES
    ('unknown card', $$card => 'NOSUCH-CARD'$$, 'SR004'),
    ('blocked card', $$card => 'CARD-S'$$, 'card_status'),
    ('replaced card', $$card => 'CARD-A'$$, 'card_status'),
    ('card that only the issuer can read', $$card => 'CARD-200'$$, NULL),
    ('printed number of another card', $$card => 'CARD-B', printed_number => '0001-A'$$, NULL),
    ('another load file', $$card => 'CARD-B', load_file_sha256 => sha256('other')$$, 'load_file'),
    ('reload of nothing', $$card => 'CARD-B', reload_of => 'BANKJP/METRO/999'$$, 'not_inherited');
UPDATE card_issuer.card c SET printed_number = '0002-B' WHERE c.card_id = 'CARD-B';
UPDATE t.refusal SET operator_sees = 'printed_number' WHERE cause LIKE 'printed%';
SELECT t.on_record() AS before \gset
SELECT is(t.run(format('SELECT p FROM card_issuer.permit_load(app => ''D276AB0085CD02'', %s) p', r.arguments), 'metro'),
          '(,f,refused,,,,f)', 'R36: the provider sees nothing but refused: ' || r.cause)
  FROM t.refusal r;
SELECT is(t.on_record(), :'before', 'R36: a refused permission leaves nothing on record');
SELECT is(t.run(format('SELECT p FROM card_issuer.permit_load(app => ''D276AB0085CD02'', %s) p', r.arguments), 'clerk'),
          format('(,f,%s,,,,f)', r.operator_sees), 'R36: the operator sees the cause: ' || r.cause)
  FROM t.refusal r WHERE r.operator_sees <> 'SR004';
SELECT t.refused(format('SELECT card_issuer.permit_load(app => ''D276AB0085CD02'', %s)', r.arguments), 'SR004',
                 'R36: the operator sees the cause: ' || r.cause, 'clerk')
  FROM t.refusal r WHERE r.operator_sees = 'SR004';
SELECT ok((SELECT p.permitted FROM card_issuer.permit_load(app => :METRO2, card => c.card, printed_number => c.printed,
                                                           load_file_sha256 => c.file) p), 'R33: permitted: ' || c.what)
  FROM (VALUES ('CARD-B'::card_id, '0002-B', sha256('file'), 'right printed number, right load file'),
               ('CARD-200', NULL, NULL, 'an operator, by card id')) c (card, printed, file, what);
SELECT is(t.run($$SELECT p.permitted FROM card_issuer.permit_load(app => 'D276AB0085CD02', card => 'CARD-999') p$$, 'metro'),
          'true', 'R45: a card of unknown platform is loaded by its id');

-- A policy that refuses: its text for operators, nothing outstanding.
CREATE OR REPLACE FUNCTION card_issuer.default_policy(request jsonb)
    RETURNS verdict LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT ROW(false, 'income too low', NULL)::screissue.verdict $$;
SELECT card_issuer.issue_card('CARD-POL', 100) \g /dev/null
SELECT is((SELECT p FROM card_issuer.permit_load(app => :METRO1, card => 'CARD-POL') p)::text,
          '(,f,"income too low",,,,f)', 'R49: an operator sees the text of the policy');
SELECT is(t.run($$SELECT p FROM card_issuer.permit_load(app => 'D276AB0085CD01', card => 'CARD-POL') p$$, 'metro'),
          '(,f,refused,,,,f)', 'R49: a provider sees refused');
SELECT is((SELECT count(*) FROM card_issuer.app_load l WHERE l.card_id = 'CARD-POL'), 0::bigint,
          'R49: a refused load is not outstanding');
SELECT is((SELECT count(*) FROM card_issuer.examination x WHERE x.card_id = 'CARD-POL' AND NOT x.approved), 2::bigint,
          'R48: a failed examination is on record');
CREATE OR REPLACE FUNCTION card_issuer.default_policy(request jsonb)
    RETURNS verdict LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT ROW(true, NULL, NULL)::screissue.verdict $$;

-- E32: the confirmation comes after the card was replaced, once and twice.
SELECT card_issuer.issue_card('LATE-1', 100) \g /dev/null
SELECT t.permit('LATE-1', :METRO1) AS late \gset
SELECT is(t.reissue('LATE-1', 'LATE-2'), '0/0', 'E32: a permission not yet confirmed gives no entitlement');
SELECT coalesce(max(n.notice_no), 0) AS told FROM card_issuer.fetch_notices('METRO', 0) n \gset
SELECT lives_ok(format('SELECT card_issuer.confirm_load(%L)', :'late'), 'E32: confirmed after the reissue');
SELECT is(t.inherited('LATE-2', :METRO1), :'late'::message_id, 'E32: the reissued card inherits it now');
SELECT is(t.notices('METRO', :told), ARRAY[format('%s reissue LATE-2<-LATE-1 %s', :told + 1, :'late')],
          'E32: and its provider is told now');
SELECT t.on_record() AS before \gset
SELECT card_issuer.confirm_load(:'late') \g /dev/null
SELECT is(t.on_record(), :'before', 'E32: confirming it again tells nobody twice');

SELECT card_issuer.issue_card('TWICE-1', 100) \g /dev/null
SELECT t.permit('TWICE-1', :METRO1) AS late \gset
SELECT t.reissue('TWICE-1', 'TWICE-2'), t.reissue('TWICE-2', 'TWICE-3') \g /dev/null
SELECT max(n.notice_no) AS told FROM card_issuer.fetch_notices('METRO', 0) n \gset
SELECT card_issuer.confirm_load(:'late') \g /dev/null
SELECT is(t.inherited('TWICE-3', :METRO1), :'late'::message_id, 'E32: replaced twice, the newest card inherits');
SELECT is(t.notices('METRO', :told), ARRAY[format('%s reissue TWICE-3<-TWICE-2 %s', :told + 1, :'late')],
          'E32: one notice, for the newest card and the card it replaced');
SELECT is((SELECT e.hops FROM card_issuer.entitlement e WHERE e.card_id = 'TWICE-3'), 2, 'E1: two reissues lie between');
SELECT card_issuer.withdraw_reissue('TWICE-3') \g /dev/null
SELECT is(t.inherited('TWICE-2', :METRO1), :'late'::message_id,
          'E9: when the last reissue is withdrawn the card before it inherits the late load');

-- It replaces what was inherited from further back ...
SELECT card_issuer.issue_card('OVER-1', 100) \g /dev/null
SELECT t.load('OVER-1', :METRO1) AS first \gset
SELECT t.reissue('OVER-1', 'OVER-2') \g /dev/null
SELECT t.permit('OVER-2', :METRO1) AS late \gset
SELECT t.reissue('OVER-2', 'OVER-3') \g /dev/null
SELECT is(t.inherited('OVER-3', :METRO1), :'first'::message_id, 'E1: until the confirmation the first load is inherited');
SELECT card_issuer.confirm_load(:'late') \g /dev/null
SELECT is(t.inherited('OVER-3', :METRO1), :'late'::message_id, 'E2: a late reload replaces the inherited row');
SELECT is(t.load_status(:'first'), 'superseded', 'E2: and supersedes the first load');

-- ... but not a load on a nearer card, on the newest card, or removed there.
SELECT card_issuer.issue_card('NEAR-1', 100) \g /dev/null
SELECT t.permit('NEAR-1', :METRO1) AS late \gset
SELECT t.reissue('NEAR-1', 'NEAR-2') \g /dev/null
SELECT t.load('NEAR-2', :METRO1) AS near \gset
SELECT t.reissue('NEAR-2', 'NEAR-3') \g /dev/null
SELECT card_issuer.confirm_load(:'late') \g /dev/null
SELECT is(t.inherited('NEAR-3', :METRO1), :'near'::message_id, 'E2: the load on the nearer card stays the evidence');
SELECT card_issuer.issue_card('HERE-1', 100) \g /dev/null
SELECT t.permit('HERE-1', :METRO1) AS late \gset
SELECT t.reissue('HERE-1', 'HERE-2') \g /dev/null
SELECT t.load('HERE-2', :METRO1) AS here \gset
SELECT card_issuer.confirm_load(:'late') \g /dev/null
SELECT is(t.inherited('HERE-2', :METRO1), NULL, 'E2: loaded anew on the newest card, it inherits nothing');
SELECT is(t.load_status(:'here') || ' ' || t.load_status(:'late'), 'loaded superseded', 'E2: the late load is superseded');
SELECT card_issuer.issue_card('GONE-1', 100) \g /dev/null
SELECT t.permit('GONE-1', :METRO1) AS late \gset
SELECT t.reissue('GONE-1', 'GONE-2') \g /dev/null
SELECT t.load('GONE-2', :METRO1) AS gone \gset
SELECT card_issuer.confirm_unload(:'gone'), card_issuer.confirm_load(:'late') \g /dev/null
SELECT is(t.inherited('GONE-2', :METRO1), NULL, 'E3: removed from the newest card, it is not inherited again');

-- A failure told late changes nothing for the newer card.
SELECT card_issuer.issue_card('FAIL-1', 100) \g /dev/null
SELECT t.permit('FAIL-1', :METRO1) AS late \gset
SELECT t.reissue('FAIL-1', 'FAIL-2') \g /dev/null
SELECT card_issuer.confirm_load(:'late', false) \g /dev/null
SELECT is(t.inherited('FAIL-2', :METRO1), NULL, 'E32: a failure told late entitles nobody');

-- Unload told after the reissue: withdrawn along the chain.
SELECT card_issuer.issue_card('OFF-1', 100) \g /dev/null
SELECT t.load('OFF-1', :METRO1) AS off \gset
SELECT t.reissue('OFF-1', 'OFF-2'), t.reissue('OFF-2', 'OFF-3', 200), t.reissue('OFF-3', 'OFF-4', 100) \g /dev/null
SELECT max(n.notice_no) AS told FROM card_issuer.fetch_notices('METRO', 0) n \gset
SELECT card_issuer.confirm_unload(:'off') \g /dev/null
SELECT is(t.inherited('OFF-4', :METRO1), NULL, 'E3: unloaded after the reissue, it is inherited no more');
SELECT is(ARRAY(SELECT split_part(n, ' ', 2) || ' ' || split_part(n, ' ', 3) FROM unnest(t.notices('METRO', :told)) n ORDER BY 1),
          ARRAY['withdrawal OFF-2<-?', 'withdrawal OFF-4<-?'],
          'E3: the provider gets a withdrawal for each readable card that it was told of');
SELECT is((SELECT p.inherits FROM card_issuer.permit_load(app => :METRO1, card => 'OFF-4') p), NULL,
          'E3: a permission then is for a first load');
SELECT is(t.reissue('OFF-4', 'OFF-5'), '0/0', 'E3: nor does a later card inherit it');

-- E11: two applications of one provider, two providers.
SELECT card_issuer.issue_card('MANY-1', 100), t.load('MANY-1', :METRO1), t.load('MANY-1', :METRO2),
       t.load('MANY-1', :SHOP1), t.load('MANY-1', :RAIL1) \g /dev/null
SELECT is(t.reissue('MANY-1', 'MANY-2'), '4/3', 'E11: entitlements for all four, notices for push and pull');
SELECT is((SELECT count(*) FROM screissue.notice n WHERE n.new_card_id = 'MANY-2' AND n.provider = p.provider), p.n,
          'E11: notices to ' || p.provider)
  FROM (VALUES ('METRO', 2::bigint), ('SHOP', 1), ('RAIL', 0)) p (provider, n);

-- R9: a million ids would all differ; a thousand do, and sort by sequence.
SELECT card_issuer.issue_card(('SEQ-' || n)::card_id, 100) FROM generate_series(1, 1000) n \g /dev/null
CREATE TABLE t.ids AS
SELECT n, t.permit(('SEQ-' || n)::card_id, :METRO1) AS id FROM generate_series(1, 1000) n ORDER BY n;
SELECT is((SELECT count(DISTINCT id) FROM t.ids), 1000::bigint, 'R9: a thousand ids, no duplicate');
SELECT is_empty($$SELECT FROM (SELECT n, row_number() OVER (ORDER BY id) AS by_id FROM t.ids) x WHERE n <> by_id$$,
                'R9: sort order is sequence order');
SELECT is_empty($$SELECT FROM t.ids WHERE id::text::message_id <> id$$, 'R9: ids parse and print round trip');

SELECT * FROM finish();
ROLLBACK;
