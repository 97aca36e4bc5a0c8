-- What a card leaves to the card that replaces it (E1-E3, E56), as a reissue reads it, by scans of
-- indexes and by statements; and the two halves of a reissue, which may be repeated (design 10)
BEGIN;
\ir include/issuer.sql
SELECT plan(42);

-- Cards in all states of their loads, opt-outs and requests.
SELECT card_issuer.issue_card(c::card_id, 100, 'H-' || c) FROM unnest('{NONE,LOADS,CHAIN,CHOICE,WHOLE,PENDING,LATE,LOST}'::text[]) c \g /dev/null
SELECT t.load(c::card_id, a::app_id) FROM unnest('{LOADS,CHAIN,CHOICE,WHOLE,PENDING,LATE}'::text[]) c, unnest(ARRAY[:SHOP1, :METRO1, :RAIL1]) a \g /dev/null
SELECT card_issuer.confirm_unload(t.load('LOADS', :METRO2)), t.permit('LOADS', :METRO2) \g /dev/null
SELECT t.reissue('CHAIN', 'CHAIN-2'), t.load('CHAIN-2', :METRO1), t.load('CHAIN-2', :METRO2),
       t.reissue('CHAIN-2', 'CHAIN-3'), card_issuer.confirm_unload(t.load('CHAIN-3', :METRO2)) \g /dev/null
SELECT card_issuer.set_opt_out('CHOICE', :RAIL1, true), card_issuer.set_opt_out('CHOICE', :METRO1, true),
       card_issuer.set_opt_out('WHOLE', NULL, true) \g /dev/null
SELECT t.reissue('CHOICE', 'CHOICE-2'), card_issuer.withdraw_reissue('CHOICE-2') \g /dev/null
SELECT card_issuer.request_reissue(c::card_id, 'lost') FROM unnest('{LOADS,CHAIN-3,CHOICE,WHOLE,LATE,PENDING}'::text[]) c \g /dev/null
UPDATE card_issuer.reissue_request r SET status = 'pending' WHERE r.old_card_id = 'PENDING';
UPDATE card_issuer.examination x SET valid_until = now() WHERE x.card_id = 'LATE';
SELECT card_issuer.block_card('LOST', 'lost') \g /dev/null

-- The same from the view and the tables.
CREATE VIEW t.expected AS
    SELECT c.card_id, c.platform_type, c.holder_id, c.status,
           c.status IN ('active', 'lost') AS replaceable, c.replaced_by,
           r.request_id, r.status AS request_status, r.reason,
           c.status IN ('active', 'lost') AND (x.valid_until <= now()) IS NOT TRUE AS completable,
           ARRAY(SELECT i.app_id FROM card_issuer.inheritable_load i WHERE i.card_id = c.card_id ORDER BY i.app_id) AS app_ids,
           ARRAY(SELECT i.message_id FROM card_issuer.inheritable_load i WHERE i.card_id = c.card_id ORDER BY i.app_id) AS message_ids,
           ARRAY(SELECT i.hops FROM card_issuer.inheritable_load i WHERE i.card_id = c.card_id ORDER BY i.app_id) AS hops,
           c.opted_out_at,
           ARRAY(SELECT o.app_id FROM card_issuer.opt_out o WHERE o.card_id = c.card_id ORDER BY o.app_id) AS opt_outs
      FROM card_issuer.card c
      LEFT JOIN card_issuer.reissue_request r ON r.old_card_id = c.card_id AND r.status IN ('pending', 'approved')
      LEFT JOIN card_issuer.examination x ON x.card_id = c.card_id AND x.examination_id = r.examination_id;
CREATE VIEW t.found AS
    SELECT i.* FROM card_issuer.card c CROSS JOIN LATERAL card_issuer.lock_inheritance(c.card_id) i;
SELECT is((SELECT count(*) || ' ' || sum(cardinality(e.app_ids)) || ' ' || sum(cardinality(e.opt_outs)) || ' ' || count(e.request_id)
             FROM t.expected e), '11 23 4 6', 'cards, loads, opt-outs and requests of all kinds');
SELECT set_eq('SELECT f::text FROM t.found f', 'SELECT e::text FROM t.expected e', 'E1-E3: what lock_inheritance finds is what the view has');
UPDATE card_issuer.self SET distributed = true;
SELECT set_eq('SELECT f::text FROM t.found f', 'SELECT e::text FROM t.expected e', 'E1-E3: by statements, too');
UPDATE card_issuer.self SET distributed = false;
SELECT is(card_issuer.lock_inheritance('NOSUCH'), NULL, 'an unknown card leaves nothing');
UPDATE screissue.status_move m SET allowed = false WHERE (m.subject, m.from_status, m.to_status) = ('card', 'lost', 'replaced');
SELECT is((card_issuer.lock_inheritance('LOST')).replaceable, false, 'a move that was forbidden is no move');
UPDATE screissue.status_move m SET allowed = false WHERE (m.subject, m.from_status, m.to_status) = ('request', 'approved', 'completed');
SELECT is((card_issuer.lock_inheritance('LOADS')).completable, false, 'nor is one of a request');
SELECT t.refused($$SELECT card_issuer.reissue_card('LOADS', 'LOADS-2')$$, 'SR005', 'which ends the call');
UPDATE screissue.status_move m SET allowed = true;

-- The halves, each repeated.
CREATE FUNCTION t.retire(old_card card_id, new_card card_id)
    RETURNS boolean
    LANGUAGE sql
AS $$
    SELECT (card_issuer.retire_old(old_card, new_card)).replaced_by IS NOT NULL
$$;
CREATE FUNCTION t.adopt(old_card card_id, new_card card_id)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT a.entitlements || '/' || a.notices
      FROM card_issuer.adopt_new(new_card, card_issuer.retire_old(old_card, new_card), 100, NULL, NULL, true) a
$$;
SELECT is(t.retire('LOADS', 'LOADS-2'), false, 'design 10: the old card is retired');
SELECT t.on_record() AS before \gset
SELECT is(t.retire('LOADS', 'LOADS-2'), true, 'and is already when it is retired again');
SELECT is(t.on_record(), :'before', 'which changes nothing');
SELECT t.refused($$SELECT card_issuer.retire_old('LOADS', 'OTHER')$$, 'SR006', 'design 10: not in favour of another card');
SELECT is(t.adopt('LOADS', 'LOADS-2'), '3/2', 'design 10: the new card takes its place');
SELECT t.on_record() AS before \gset
SELECT is(t.adopt('LOADS', 'LOADS-2'), '0/0', 'and has already when it does again');
SELECT is((SELECT array_agg(n.reason) FROM screissue.notice n WHERE n.new_card_id = 'LOADS-2'), '{lost,lost}', 'with the reason of the request');
DELETE FROM card_issuer.entitlement e WHERE e.card_id = 'LOADS-2' AND e.app_id = :SHOP1;
SELECT is(t.adopt('LOADS', 'LOADS-2'), '1/1', 'design 10: what is missing is made up for');
SELECT is((SELECT array_agg(n.notice_no ORDER BY n.notice_no) FROM screissue.notice n WHERE n.new_card_id = 'LOADS-2' AND n.app_id = :SHOP1),
          (SELECT ARRAY[k.last_notice_no - 1, k.last_notice_no] FROM card_issuer.notice_counter k WHERE k.provider = 'SHOP'), 'and told');
SELECT t.refused($$SELECT card_issuer.adopt_new('NONE', card_issuer.lock_inheritance('LOADS'), 100, NULL, NULL, true)$$, '23505',
                 'design 10: another card does not take it');
SELECT card_issuer.withdraw_reissue('LOADS-2') \g /dev/null
SELECT t.refused($$SELECT card_issuer.adopt_new('LOADS-2', card_issuer.lock_inheritance('LOADS'), 100, NULL, NULL, true)$$, '23505',
                 'nor does it when the reissue was withdrawn');

-- Reissues that read by statements write the same.
SELECT card_issuer.request_reissue('LOADS', 'damaged') \g /dev/null
UPDATE card_issuer.self SET distributed = true;
SELECT is((SELECT r.entitlements || '/' || r.notices FROM card_issuer.reissue_card('LOADS', 'LOADS-3') r), '3/2',
          'design 10: a reissue by statements');
SELECT is((SELECT r.entitlements || '/' || r.notices FROM card_issuer.reissue_card('CHAIN-3', 'CHAIN-4') r), '3/2', 'and one in a chain');
SELECT is((SELECT r.entitlements || '/' || r.notices FROM card_issuer.reissue_card('CHOICE', 'CHOICE-3') r), '3/1', 'E56: and one of which some are not told');
SELECT is((SELECT r.entitlements || '/' || r.notices FROM card_issuer.reissue_card('WHOLE', 'WHOLE-2') r), '3/0', 'E56: or nobody is');
SELECT t.refused($$SELECT card_issuer.reissue_card('LATE', 'LATE-2')$$, 'SR007', 'E55: the approval has expired');
SELECT t.refused($$SELECT card_issuer.reissue_card('PENDING', 'PENDING-2')$$, 'SR007', 'nobody has decided');

-- What somebody gave the tables besides is heeded: defaults, generated columns, and
-- triggers of statements and of columns.
UPDATE card_issuer.self SET distributed = false;
SELECT t.load(c::card_id, a::app_id) FROM unnest('{MORE,TIMES,TOLD,APART}'::text[]) c CROSS JOIN LATERAL (SELECT card_issuer.issue_card(c::card_id, 100)) i
 CROSS JOIN unnest(ARRAY[:SHOP1, :METRO1, :RAIL1]) a \g /dev/null
SELECT card_issuer.request_reissue(c::card_id, 'lost') FROM unnest('{MORE,TIMES,TOLD,APART}'::text[]) c \g /dev/null
ALTER TABLE card_issuer.notice_counter ADD COLUMN remark text;
UPDATE card_issuer.notice_counter k SET remark = 'of ' || k.provider::text;
ALTER TABLE screissue.notice ADD COLUMN checked integer NOT NULL DEFAULT 7, ADD COLUMN about text GENERATED ALWAYS AS (upper(new_card_id)) STORED;
ALTER TABLE card_issuer.entitlement ADD COLUMN checked integer NOT NULL DEFAULT 7;
SELECT is((SELECT r.entitlements || '/' || r.notices FROM card_issuer.reissue_card('MORE', 'MORE-2') r), '3/2', 'a reissue into tables with further columns');
SELECT is((SELECT array_agg(n.checked || n.about) FROM screissue.notice n WHERE n.new_card_id = 'MORE-2'), '{7MORE-2,7MORE-2}', 'notices with their defaults');
SELECT is((SELECT array_agg(e.checked) FROM card_issuer.entitlement e WHERE e.card_id = 'MORE-2'), '{7,7,7}', 'and entitlements');
SELECT set_eq($$SELECT k.provider::text, k.remark FROM card_issuer.notice_counter k WHERE k.provider::text IN ('METRO', 'SHOP')$$,
              $$VALUES ('METRO', 'of METRO'), ('SHOP', 'of SHOP')$$, 'and counters keep what is in them');
ALTER TABLE card_issuer.notice_counter DROP COLUMN remark;
ALTER TABLE screissue.notice DROP COLUMN checked, DROP COLUMN about, ADD COLUMN checked integer DEFAULT 8;
ALTER TABLE card_issuer.entitlement DROP COLUMN checked;
SELECT is((SELECT r.entitlements || '/' || r.notices FROM card_issuer.reissue_card('TIMES', 'TIMES-2') r), '3/2', 'columns come and go');
SELECT is((SELECT array_agg(n.checked) FROM screissue.notice n WHERE n.new_card_id = 'TIMES-2'), '{8,8}', 'in the same session');
CREATE TABLE t.fired (what text);
CREATE FUNCTION t.note()
    RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO t.fired VALUES (concat_ws(' ', tg_argv[0], tg_level, tg_op));
    RETURN NULL;
END
$$;
CREATE FUNCTION t.note_rows()
    RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO t.fired SELECT 'told ' || a.app_id FROM added a;
    RETURN NULL;
END
$$;
CREATE TRIGGER note AFTER INSERT ON card_issuer.entitlement FOR EACH ROW EXECUTE FUNCTION t.note('entitlement');
CREATE TRIGGER note_all AFTER INSERT ON card_issuer.entitlement FOR EACH STATEMENT EXECUTE FUNCTION t.note('entitlement');
CREATE TRIGGER note AFTER INSERT ON screissue.notice REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION t.note_rows();
CREATE TRIGGER note AFTER UPDATE OF last_notice_no ON card_issuer.notice_counter FOR EACH ROW EXECUTE FUNCTION t.note('counter');
SELECT is((SELECT r.entitlements || '/' || r.notices FROM card_issuer.reissue_card('TOLD', 'TOLD-2') r), '3/2', 'a reissue into tables with triggers');
SELECT set_eq($$SELECT f.what, count(*) FROM t.fired f GROUP BY f.what$$,
              $$VALUES ('entitlement ROW INSERT', 3), ('entitlement STATEMENT INSERT', 3), ('told ' || $$ || quote_literal(:METRO1) || $$, 1),
                       ('told ' || $$ || quote_literal(:SHOP1) || $$, 1), ('counter ROW UPDATE', 3)$$, 'all of which fire');

-- Nobody but a superuser can call the parts, and they say so when they are given what no part gives.
CREATE FUNCTION t.leaves(heir jsonb)
    RETURNS card_issuer.inheritance
    LANGUAGE sql
AS $$
    SELECT jsonb_populate_record(card_issuer.lock_inheritance('APART'), heir)
$$;
SELECT t.refused(format($$SELECT card_issuer.store_entitlements('NONE', t.leaves('{"%s": null}'))$$, c), '22004', 'an inheritance without ' || c)
  FROM unnest('{old_card_id,app_ids,message_ids,opt_outs}'::text[]) c;
SELECT t.refused($$SELECT card_issuer.draft_reissue('NONE', 100, t.leaves('{"hops": [1]}'))$$, '2202E', 'an inheritance of unequal parts');
SELECT t.refused(format($$SELECT card_issuer.write_notices(ARRAY[jsonb_populate_record((card_issuer.draft_reissue('NONE', 100, t.leaves('{}')))[1], '{"%s": null}')])$$, c),
                 '22004', 'a draft without ' || c)
  FROM unnest('{provider,kind,new_card_id,app_id}'::text[]) c;

-- Comes last: the transaction cannot be made writable again.
SELECT card_issuer.draft_reissue('NONE', 100, t.leaves('{"reason": null}')) AS drafts \gset
SET TRANSACTION READ ONLY;
SELECT throws_ok(format('SELECT card_issuer.write_notices(%L)', :'drafts'), '25006', NULL, 'a read-only transaction tells nobody');

SELECT * FROM finish();
ROLLBACK;
