-- Evidence: the proof of a verdict, who was told, and that a preview comes true
-- (R13-R17, R25-R27, R49, R51; E9, E17, E49, E54, E56, E57)
BEGIN;
\ir include/issuer.sql
SELECT plan(112);

CREATE FUNCTION t.explain(card card_id)
    RETURNS jsonb
    LANGUAGE sql
AS $$
    SELECT card_issuer.explain_decision(r.old_card_id, r.request_id) FROM card_issuer.reissue_request r
     WHERE r.old_card_id = card ORDER BY r.request_id DESC LIMIT 1
$$;
-- Of a proof what was judged: all but what becomes of cards and loads.
CREATE FUNCTION t.judged(proof jsonb)
    RETURNS jsonb
    LANGUAGE sql
AS $$
    SELECT proof - '{applications,status}'::text[] || jsonb_build_object('applications',
               (SELECT jsonb_agg(jsonb_build_array(a -> 'app_id', a -> 'inherits', a -> 'recipients',
                           (SELECT jsonb_agg(jsonb_build_array(r -> 'message_id', r -> 'inherits', r -> 'fee', r -> 'currency', r -> 'tariff', r -> 'examination', r -> 'proof'))
                              FROM jsonb_array_elements(a -> 'reloads') r),
                           jsonb_build_array(a #> '{old_load,message_id}', a #> '{old_load,fee}', a #> '{old_load,tariff}', a #> '{old_load,examination}')))
                  FROM jsonb_array_elements(proof -> 'applications') a))
$$;
CREATE SCHEMA bank;
CREATE TABLE bank.says (v screissue.verdict);
INSERT INTO bank.says VALUES (ROW(true, 'solvent', '90 days'));
CREATE FUNCTION bank.policy(request jsonb) RETURNS screissue.verdict LANGUAGE sql STABLE AS 'SELECT s.v FROM bank.says s';
SELECT card_issuer.set_policy(e, 'bank.policy(jsonb)') FROM unnest('{reissue,load,confirm}'::text[]) e \g /dev/null
SELECT card_issuer.register_holder('aiko', '{"born": "1980-02-02", "income": 2000}'),
       card_issuer.set_tariff(:METRO1, 'load', 500, 'JPY'), card_issuer.set_tariff(:METRO1, 'reload', 100, 'JPY'), card_issuer.set_tariff(:METRO1, 'reload', 30, 'JPY', 'damaged') \g /dev/null

-- Requests that went no further.
SELECT card_issuer.issue_card((c || '-A')::card_id, 100, 'aiko') FROM unnest('{NO,OPEN,YES,LATER,DONE,BACK}'::text[]) c \g /dev/null
UPDATE bank.says SET v = ROW(false, 'no income', NULL);
SELECT card_issuer.request_reissue('NO-A', 'lost', 'teller 7') \g /dev/null
SELECT is(jsonb_build_array(p #> '{request,status}', p #> '{request,refusal}', p #> '{request,reason}', p #> '{request,requested_by}', p -> 'pair', p -> 'applications', p #> '{request,completed_at}'),
          '["refused", "no income", "lost", "teller 7", null, [], null]', 'R16: refused: why, and no pair') FROM t.explain('NO-A') p;
SELECT is(jsonb_build_array(p #> '{examination,approved}', p #> '{examination,reason}', p #> '{examination,examiner}', p #> '{examination,event}', p -> 'earlier_examinations'),
          '[false, "no income", "bank.policy(jsonb)", "reissue", []]', 'R15: refused: by which policy') FROM t.explain('NO-A') p;
SELECT is(p #> '{examination,told,profile}', '{"born": "1980-02-02", "income": 2000}', 'R15: on which data') FROM t.explain('NO-A') p;
SELECT is(p #> '{examination,told}', x.details - 'policy_sha256', 'R15: on all that the policy was told') FROM t.explain('NO-A') p, card_issuer.examination x WHERE x.card_id = 'NO-A';
SELECT is(p #>> '{examination,policy_sha256}', x.details ->> 'policy_sha256', 'R15: and as the policy was then') FROM t.explain('NO-A') p, card_issuer.examination x WHERE x.card_id = 'NO-A';
SELECT matches(p #>> '{examination,policy_sha256}', '^[0-9a-f]{64}$', 'R15: by its SHA-256') FROM t.explain('NO-A') p;
UPDATE bank.says SET v = ROW(NULL, 'papers are missing', NULL);
SELECT card_issuer.request_reissue('OPEN-A', 'stolen', 'aiko'), card_issuer.request_reissue('LATER-A', 'lost') \g /dev/null
SELECT is(jsonb_build_array(p #> '{request,status}', p #> '{request,refusal}', p #> '{examination,approved}', p #> '{examination,reason}', p #> '{request,requested_by}', p -> 'earlier_examinations'),
          '["pending", null, null, "papers are missing", "aiko", []]', 'R14, R13: pending') FROM t.explain('OPEN-A') p;
UPDATE bank.says SET v = ROW(true, 'solvent', '90 days');
SELECT card_issuer.request_reissue('YES-A', 'lost') \g /dev/null
SELECT is(jsonb_build_array(p #> '{request,status}', p #> '{request,refusal}', p #> '{examination,approved}', p -> 'pair', p -> 'applications'), '["approved", null, true, null, []]', 'R15: approved') FROM t.explain('YES-A') p;
SELECT is((p #>> '{examination,valid_until}')::timestamptz, now() + interval '90 days', 'E55: until when it holds') FROM t.explain('YES-A') p;
SELECT card_issuer.decide_reissue('LATER-A', true, 'papers seen', 'clerk 4') \g /dev/null
SELECT is(jsonb_build_array(p #> '{request,status}', p #> '{examination,examiner}', p #> '{examination,reason}'), '["approved", "clerk 4", "papers seen"]', 'R15: decided by a person') FROM t.explain('LATER-A') p;
SELECT is(jsonb_build_array(p #> '{earlier_examinations,0,examiner}', p #> '{earlier_examinations,0,reason}', p #> '{earlier_examinations,0,told,profile,income}', jsonb_array_length(p -> 'earlier_examinations')),
          '["bank.policy(jsonb)", "papers are missing", 2000, 1]', 'R15: after the policy left it open, which is part of the proof') FROM t.explain('LATER-A') p;
SELECT card_issuer.decide_reissue('LATER-A', false, 'found again', 'clerk 5') \g /dev/null
SELECT is(jsonb_build_array(p #> '{request,status}', p #> '{request,refusal}', p #> '{examination,examiner}', p #> '{earlier_examinations,1,examiner}', jsonb_array_length(p -> 'earlier_examinations')),
          '["withdrawn", "found again", "clerk 5", "clerk 4", 2]', 'R16: withdrawn before it was carried out') FROM t.explain('LATER-A') p;

-- A reissue that was carried out, with a reload whose examination is substituted.
SELECT card_issuer.permit_load(:METRO1, 'DONE-A') \g /dev/null
SELECT l.message_id AS old_load, l.examination_id AS old_exam FROM card_issuer.app_load l WHERE l.card_id = 'DONE-A' \gset
SELECT card_issuer.confirm_load(:'old_load', receipt => '\xA0'), t.load('DONE-A', :SHOP1), t.load('DONE-A', :RAIL1) \g /dev/null
SELECT t.reissue('DONE-A', 'DONE-B', reason => 'damaged') \g /dev/null
SELECT p.message_id AS reload FROM card_issuer.permit_load(:METRO1, 'DONE-B') p \gset
SELECT card_issuer.confirm_load(:'reload', receipt => '\xBEEF') \g /dev/null
SELECT is(jsonb_build_array(p #> '{request,status}', p #> '{pair,old_card_id}', p #> '{pair,new_card_id}', p #> '{pair,old_platform_type}', p #> '{pair,new_platform_type}', jsonb_array_length(p -> 'applications')),
          '["completed", "DONE-A", "DONE-B", 100, 100, 3]', 'R17: completed: the pair and what was inherited') FROM t.explain('DONE-A') p;
CREATE VIEW t.done AS SELECT p.proof, p.proof #> '{applications,0}' AS app, p.proof #> '{applications,0,reloads,0}' AS reload FROM (SELECT t.explain('DONE-A') AS proof) p;
SELECT is(jsonb_build_array(d.app -> 'app_id', d.app -> 'inherits', d.app -> 'hops', d.app -> 'withdrawn_at', d.app -> 'handed_back'), jsonb_build_array(:METRO1, :'old_load', 1, NULL, NULL),
          'R25: by application, the old load') FROM t.done d;
SELECT is(jsonb_build_array(d.app #> '{old_load,card_id}', d.app #> '{old_load,fee}', d.app #> '{old_load,status}', d.app #> '{old_load,receipt}', d.app #> '{old_load,examination,examination_id}'),
          jsonb_build_array('DONE-A', 500, 'superseded', 'a0', :old_exam), 'R26: with its examination, price and receipt') FROM t.done d;
SELECT is(jsonb_build_array(d.reload -> 'message_id', d.reload -> 'inherits', d.reload -> 'status', d.reload -> 'fee', d.reload -> 'currency', d.reload -> 'tariff', d.reload -> 'receipt', d.reload -> 'refunded_at'),
          jsonb_build_array(:'reload', :'old_load', 'loaded', 30, 'JPY', '{"kind": "reload", "reason": "damaged"}'::jsonb, 'beef', NULL),
          'R27, R51: the reload, its price and the line of the tariff that gave it') FROM t.done d;
SELECT is(jsonb_build_array(d.reload #> '{examination,examiner}', d.reload #> '{examination,substitutes,examination_id}', d.reload #> '{examination,substitutes,card_id}',
                            d.reload #> '{examination,substitutes,examiner}', d.reload #> '{examination,substitutes,reason}'),
          jsonb_build_array('substitution', :old_exam, 'DONE-A', 'bank.policy(jsonb)', 'solvent'), 'R49: a substitution shows the examination that was really made') FROM t.done d;
SELECT matches(d.reload #>> '{examination,substitutes,policy_sha256}', '^[0-9a-f]{64}$', 'R49: with the SHA-256 of its policy') FROM t.done d;
SELECT is(d.reload #> '{examination,substitutes,told}', x.details - 'policy_sha256', 'R49: and what that was told') FROM t.done d, card_issuer.examination x WHERE x.card_id = 'DONE-A' AND x.examination_id = :old_exam;
SELECT is(jsonb_build_array(d.reload #> '{proof,examiner}', d.reload #> '{proof,told,receipt}', d.reload #> '{proof,told,load}', d.reload -> 'finding'),
          jsonb_build_array('bank.policy(jsonb)', 'beef', :'reload', NULL), 'R8: and the examination of its receipt') FROM t.done d;
SELECT is((SELECT jsonb_agg(jsonb_build_array(a -> 'app_id', a #> '{recipients,0,provider}', a #> '{recipients,0,kind}', a #> '{recipients,0,carrier}', a #> '{recipients,0,notice_no}')) FROM jsonb_array_elements(d.proof -> 'applications') a),
          jsonb_build_array(jsonb_build_array(:METRO1, 'METRO', 'reissue', 'replication', 1), jsonb_build_array(:SHOP1, 'SHOP', 'reissue', 'pull', 1), jsonb_build_array(:RAIL1, NULL, NULL, NULL, NULL)),
          'R19: who was told of each, and by what') FROM t.done d;
-- Method 2: the reply is what told.
SELECT card_issuer.register_key(1, 'ecies-x25519'), card_issuer.issue_card('SECRET-A', 200, 'aiko'), t.load('SECRET-A', :METRO1), t.load('SECRET-A', :SHOP1), t.reissue('SECRET-A', 'SECRET-B') \g /dev/null
SELECT (card_issuer.personalize_card('SECRET-B', 1)).attribute AS attribute \gset
SELECT is((SELECT jsonb_agg(a -> 'recipients') FROM jsonb_array_elements(t.explain('SECRET-A') -> 'applications') a), '[[], []]', 'R31: a card that only the issuer can read: nobody was told');
SELECT is(t.run(format('SELECT i.reissued FROM card_issuer.inquire(%L, %L) i', :'attribute', :METRO1), 'metro'), 'true', 'R37: METRO inquires');
SELECT is(t.run(format('SELECT i.reissued FROM card_issuer.inquire(%L, %L) i', :'attribute', :METRO2), 'metro'), 'false', 'R36: and again for what was not on the card');
SELECT is((SELECT jsonb_agg(jsonb_build_array(a -> 'app_id', a #> '{recipients,0,provider}', a #> '{recipients,0,carrier}', a #> '{recipients,0,notice_no}', (a #>> '{recipients,0,delivered_at}') IS NOT NULL, jsonb_array_length(a -> 'recipients')))
             FROM jsonb_array_elements(t.explain('SECRET-A') -> 'applications') a),
          jsonb_build_array(jsonb_build_array(:METRO1, 'METRO', 'inquiry', NULL, true, 1), jsonb_build_array(:SHOP1, NULL, NULL, NULL, false, 0)), 'R37: its positive reply is on record as what told it');

-- What later happens does not change what was judged.
CREATE TABLE t.proof AS SELECT t.judged(d.proof) AS judged FROM t.done d;
CREATE FUNCTION t.unchanged(what text)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT is(t.judged(d.proof), p.judged, what || ' does not change the proof') FROM t.done d, t.proof p
$$;
SELECT isnt(p.judged #>> '{applications,0,3,0,5,substitutes,policy_sha256}', NULL, 'the comparison looks at the proofs') FROM t.proof p;
SELECT card_issuer.set_tariff(:METRO1, 'load', 1, 'EUR'), card_issuer.set_tariff(:METRO1, 'reload', 2, 'EUR'), card_issuer.set_tariff(:METRO1, 'reload', 3, 'EUR', 'damaged') \g /dev/null
SELECT t.unchanged('E51: another price list');
CREATE OR REPLACE FUNCTION bank.policy(request jsonb) RETURNS screissue.verdict LANGUAGE sql AS $$ SELECT ROW(true, 'another', NULL)::screissue.verdict $$;
SELECT card_issuer.set_policy('load', NULL) \g /dev/null
SELECT t.unchanged('design 9: another policy');
SELECT card_issuer.register_holder('aiko', '{"born": "1980-02-02", "income": 0}'), card_issuer.register_application(:METRO1, 'METRO', 'season ticket', examination => 'new') \g /dev/null
SELECT t.unchanged('R15: another profile, another mode');
SELECT card_issuer.record_examination(:'old_load', ROW(false, 'fraud', NULL)::verdict), card_issuer.record_examination(:'reload', ROW(false, 'forged receipt', NULL)::verdict) \g /dev/null
SELECT t.unchanged('E49: a later finding');
SELECT is(jsonb_build_array(d.reload #> '{finding,reason}', d.app #> '{old_load,finding,reason}', d.reload #> '{examination,approved}'), '["forged receipt", "fraud", true]', 'E49: though it is shown beside') FROM t.done d;
SELECT card_issuer.renew_card('DONE-B', today() + 100) \g /dev/null
SELECT t.unchanged('E17: a renewal of the new card');
SELECT t.reissue('DONE-B', 'DONE-C'), t.load('DONE-C', :METRO1), t.load('DONE-C', :SHOP1) \g /dev/null
SELECT t.unchanged('E1: another reissue, of the new card,');
SELECT card_issuer.withdraw_reissue('DONE-C') \g /dev/null
SELECT t.unchanged('E9: and that it is withdrawn');
SELECT is((SELECT jsonb_agg(a -> 'handed_back' <> 'null') FROM jsonb_array_elements(d.proof -> 'applications') a), '[true, true, false]', 'E9: though what was handed back is shown') FROM t.done d;
SELECT card_issuer.transfer_application(:SHOP1, 'RAIL') \g /dev/null
SELECT t.unchanged('E14: a transfer');
SELECT card_issuer.transfer_application(:SHOP1, 'SHOP'), card_issuer.request_reissue('DONE-B', 'lost'), card_issuer.decide_reissue('DONE-B', false) \g /dev/null
SELECT t.unchanged('R16: a request for the new card');
SELECT t.explain('DONE-A') AS in_utc \gset
SET LOCAL timezone = 'Asia/Tokyo';
SELECT is(t.explain('DONE-A')::text, :'in_utc'::text, 'E54: the same text, whatever time zone the client has');
SET LOCAL timezone = 'UTC';

-- A reissue that was withdrawn.
SELECT t.load('BACK-A', :RAIL1), t.reissue('BACK-A', 'BACK-B') \g /dev/null
SELECT t.load('BACK-B', :RAIL1) \g /dev/null
SELECT card_issuer.withdraw_reissue('BACK-B') \g /dev/null
SELECT is(jsonb_build_array(p #> '{request,status}', p #> '{pair,new_card_id}', p #> '{applications,0,withdrawn_at}' <> 'null', p #> '{applications,0,reloads,0,status}', p #> '{examination,approved}'),
          '["withdrawn", "BACK-B", true, "loaded", true]', 'E9: withdrawn: the pair that was, and what became of it') FROM t.explain('BACK-A') p;

-- E57: erasure takes what is about the holder, and leaves the rest.
SELECT card_issuer.set_opt_out('DONE-B', :SHOP1, true) \g /dev/null
SELECT t.explain('DONE-A') AS before \gset
SELECT card_issuer.erase_holder('aiko') \g /dev/null
SELECT t.explain('DONE-A') AS after \gset
SELECT ok(strpos(:'before', w) > 0 AND strpos(:'after', w) = 0, 'E57: gone: ' || w) FROM unnest('{aiko,1980-02-02,income,solvent}'::text[]) w;
SELECT is(a #> k, b #> k, 'E57: stays: ' || array_to_string(k, ' '))
  FROM (SELECT :'before'::jsonb, :'after'::jsonb) x (b, a),
       (VALUES ('{request_id}'::text[]), ('{reason}'), ('{pair}'), ('{examination,examination_id}'), ('{examination,approved}'), ('{examination,examiner}'), ('{examination,policy_sha256}'),
               ('{examination,examined_at}'), ('{examination,valid_until}'), ('{examination,told,reason}'), ('{examination,told,request_id}'), ('{examination,told,status}'),
               ('{applications,0,inherits}'), ('{applications,0,told}'), ('{applications,0,reloads,0,tariff}'), ('{applications,0,reloads,0,receipt}'),
               ('{applications,0,reloads,0,proof,told,receipt}'), ('{applications,0,reloads,0,proof,policy_sha256}'), ('{applications,0,reloads,0,examination,told,old_load}'),
               ('{applications,0,reloads,0,examination,substitutes,policy_sha256}'), ('{applications,0,reloads,0,examination,substitutes,told,examination_mode}')) y (k);
SELECT is_empty(format($$SELECT c.relname FROM pg_class c
                          WHERE c.relnamespace = 'card_issuer'::regnamespace AND c.relkind IN ('r', 'p')
                            AND strpos(query_to_xml('SELECT * FROM ' || c.oid::regclass, true, true, '')::text, %L) > 0$$, w), 'E57: no table knows any more: ' || w)
  FROM unnest('{aiko,1980-02-02,income,solvent,papers,found again}'::text[]) w;
SELECT is(count(*), 0::bigint, 'E57: details that an erasure leaves are not about the holder')
  FROM card_issuer.examination x, jsonb_each(x.details) d WHERE d.key IN ('holder', 'profile', 'requested_by', 'opted_out', 'opt_outs', 'reissues_in_12_months', 'card');
SELECT is_empty($$SELECT FROM card_issuer.examination x, jsonb_each(x.details) d WHERE jsonb_typeof(d.value) = 'object' AND d.value ? 'reason'$$, 'E57: nor are the words of earlier examinations there');
SELECT isnt_empty($$SELECT FROM card_issuer.examination x WHERE x.details #> '{previous_examination,approved}' IS NOT NULL$$, 'E57: their verdicts are');
SELECT is((SELECT count(*) FROM card_issuer.opt_out o WHERE o.card_id = 'DONE-B'), 1::bigint, 'E56, E57: an opt-out stays');
SELECT is((SELECT p.examination_substituted FROM card_issuer.permit_load(:RAIL1, 'BACK-A') p), true, 'E57: an examination of one holder''s is reused after that holder was erased');

-- Errors and rights.
SELECT r.request_id AS done_request FROM card_issuer.reissue_request r WHERE r.old_card_id = 'DONE-A' \gset
SELECT t.refused($$SELECT card_issuer.explain_decision('4222222222222', 1)$$, 'SR004', 'R14: unknown card');
SELECT t.refused(format($$SELECT card_issuer.explain_decision(%s)$$, a), '22023', 'R14: no such request: ' || a)
  FROM unnest(ARRAY[$$'DONE-A', 424242$$, format($$'NO-A', %s$$, :'done_request'), $$'DONE-A', NULL$$, $$NULL, 1$$]) a;
SELECT isnt(t.run(format($$SELECT card_issuer.explain_decision('DONE-A', %s)$$, :'done_request'), 'clerk'), NULL, 'an operator reads proofs');
SELECT t.refused(format($$SELECT card_issuer.explain_decision('DONE-A', %s)$$, :'done_request'), '42501', 'E60: not ' || r, r) FROM unnest('{auditor,metro,nobody}'::name[]) r;

-- Who was told.
CREATE FUNCTION t.recipients(card card_id)
    RETURNS text[]
    LANGUAGE sql
AS $$
    SELECT coalesce(array_agg(concat_ws(' ', r.provider, right(r.app_id::text, 4), r.carrier, CASE WHEN r.delivered_at IS NOT NULL THEN 'delivered' END)), '{}')
      FROM card_issuer.recipients(card) r
$$;
SELECT card_issuer.set_policy(e, NULL) FROM unnest('{reissue,confirm}'::text[]) e \g /dev/null
SELECT card_issuer.issue_card('TELL-A', 100), t.load('TELL-A', :METRO1), t.load('TELL-A', :METRO2), t.load('TELL-A', :SHOP1), t.load('TELL-A', :RAIL1), card_issuer.issue_card('TELL-0', 100) \g /dev/null
SELECT is(t.recipients('TELL-A'), '{}', 'R19: nobody yet');
SELECT t.reissue('TELL-A', 'TELL-B') \g /dev/null
SELECT is(t.recipients(c), '{METRO CD01 replication,METRO CD02 replication,SHOP EF01 pull}', 'R19: told of the reissue, on request not: ' || c) FROM unnest('{TELL-A,TELL-B}'::card_id[]) c;
SELECT t.load('TELL-B', :METRO1), t.reissue('TELL-B', 'TELL-C') \g /dev/null
SELECT is(cardinality(t.recipients(c::card_id)), n, format('E1: in a chain, %s has %s', c, n)) FROM (VALUES ('TELL-A', 3), ('TELL-B', 6), ('TELL-C', 3)) v (c, n);
SELECT card_issuer.withdraw_reissue('TELL-C') \g /dev/null
SELECT is(cardinality(t.recipients(c::card_id)), n, format('E9: the withdrawal is told, too, %s has %s', c, n)) FROM (VALUES ('TELL-A', 3), ('TELL-B', 9), ('TELL-C', 6)) v (c, n);
SELECT t.load('TELL-0', :METRO1), card_issuer.renew_card('TELL-0', today() + 9), card_issuer.renew_card('TELL-B', today() + 9) \g /dev/null
SELECT is(t.recipients('TELL-0'), '{METRO CD01 replication}', 'E17: a renewal of the card itself is told');
SELECT is(cardinality(t.recipients('TELL-A')), 3, 'E17: which says nothing of the card that it replaced');
SELECT is(t.recipients(c), '{METRO CD01 inquiry delivered}', 'R37: a reply: ' || c) FROM unnest('{SECRET-A,SECRET-B}'::card_id[]) c;
SELECT t.refused($$SELECT card_issuer.recipients('4222222222222')$$, 'SR004', 'R19: unknown card');
SELECT t.refused($$SELECT card_issuer.recipients(NULL)$$, '22023', 'R19: no card');
SELECT t.refused($$SELECT card_issuer.recipients('TELL-A')$$, '42501', 'E60: not ' || r, r) FROM unnest('{auditor,metro,nobody}'::name[]) r;

-- A preview comes true.  What it says of each application, and then what there is:
-- a notice, an answer to who asks, or neither.
CREATE FUNCTION t.comes_true(old_card card_id, new_card card_id, what text)
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    previewed text[];
    happened text[];
BEGIN
    previewed := ARRAY(SELECT format('%s %s %s', p.app_id, p.message_id, p.carrier) FROM card_issuer.preview_reissue(old_card) p ORDER BY p.app_id);
    PERFORM t.reissue(old_card, new_card);
    happened := ARRAY(SELECT format('%s %s %s', e.app_id, e.message_id,
                             coalesce((SELECT p.delivery FROM screissue.notice n JOIN card_issuer.provider p ON p.provider::text = n.provider
                                        WHERE n.new_card_id = new_card::text AND n.app_id = e.app_id::text AND n.message_id = e.message_id::text AND n.kind = 'reissue'),
                                      CASE WHEN t.inherited(new_card, e.app_id) = e.message_id THEN 'inquiry' END))
                        FROM card_issuer.entitlement e WHERE e.card_id = new_card ORDER BY e.app_id);
    RETURN is(happened, previewed, 'R19: previewed and done, ' || what || ': ' || array_length(previewed, 1));
END
$$;
CREATE FUNCTION t.full_card(card card_id, platform_type integer DEFAULT 100)
    RETURNS card_id
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM card_issuer.issue_card(card, platform_type);
    PERFORM t.load(card, a.app_id) FROM card_issuer.application a;
    RETURN card;
END
$$;
SELECT t.comes_true(t.full_card('PRE1-A'), 'PRE1-B', 'all applications');
SELECT t.comes_true('PRE1-B', 'PRE1-C', 'nothing reloaded');
SELECT t.comes_true(t.full_card('PRE2-A', 200), 'PRE2-B', 'a card that only the issuer can read');
SELECT card_issuer.set_opt_out(t.full_card('PRE3-A'), :SHOP1, true), card_issuer.set_opt_out(t.full_card('PRE4-A'), NULL, true), card_issuer.set_opt_out(t.full_card('PRE5-A', 200), :METRO1, true) \g /dev/null
SELECT t.comes_true('PRE3-A', 'PRE3-B', 'opted out of one');
SELECT t.comes_true('PRE3-B', 'PRE3-C', 'the same a reissue later');
SELECT t.comes_true('PRE4-A', 'PRE4-B', 'opted out of all');
SELECT t.comes_true('PRE4-B', 'PRE4-C', 'the same a reissue later');
SELECT t.comes_true('PRE5-A', 'PRE5-B', 'opted out of one, by method 2');
SELECT t.full_card('PRE6-A'), t.full_card('PRE7-A', 200), card_issuer.suspend_provider('METRO'), card_issuer.withdraw_application(:RAIL1) \g /dev/null
SELECT t.comes_true('PRE6-A', 'PRE6-B', 'one contract suspended, one application withdrawn');
SELECT t.comes_true('PRE7-A', 'PRE7-B', 'the same by method 2');

SELECT * FROM finish();
ROLLBACK;
