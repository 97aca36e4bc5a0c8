-- preview_reissue tells what a reissue then does (R17-R21, E1, E3, E14)
BEGIN;
\ir include/issuer.sql
SELECT plan(16);

SELECT card_issuer.issue_card('CARD-A', 100), card_issuer.issue_card('CARD-S', 200), card_issuer.issue_card('EMPTY', 100) \g /dev/null
SELECT t.load('CARD-A', :METRO1) AS metro1, t.load('CARD-A', :METRO2) AS metro2, t.load('CARD-A', :SHOP1) AS shop1,
       t.load('CARD-A', :RAIL1) AS rail1, t.load('CARD-S', :METRO1) AS secret \gset
SELECT card_issuer.confirm_unload(:'metro2') \g /dev/null
CREATE FUNCTION t.preview(card card_id)
    RETURNS text[]
    LANGUAGE sql
AS $$
    SELECT coalesce(array_agg(format('%s %s %s', p.app_id, p.message_id, p.carrier)), '{}') FROM card_issuer.preview_reissue(card) p
$$;
SELECT t.on_record() AS before \gset
SELECT is(t.preview('CARD-A'), ARRAY[:METRO1 || ' ' || :'metro1' || ' push', :RAIL1 || ' ' || :'rail1' || ' inquiry', :SHOP1 || ' ' || :'shop1' || ' pull'],
          'R17, E3: what lives on the card, and how each provider would learn of it');
SELECT is(t.preview('CARD-S'), ARRAY[:METRO1 || ' ' || :'secret' || ' inquiry'], 'R31: a card that only the issuer can read');
SELECT card_issuer.withdraw_application(:METRO1), card_issuer.withdraw_application(:RAIL1) \g /dev/null
SELECT is(t.preview('CARD-S'), ARRAY[:METRO1 || ' ' || :'secret' || ' '], 'E13: a withdrawn application: who asks is told no');
SELECT is(t.preview('CARD-A'), ARRAY[:METRO1 || ' ' || :'metro1' || ' push', :RAIL1 || ' ' || :'rail1' || ' ', :SHOP1 || ' ' || :'shop1' || ' pull'],
          'E13: but notices are written');
SELECT card_issuer.register_application(:METRO1, 'METRO', 'season ticket'), card_issuer.register_application(:RAIL1, 'RAIL', 'rail pass') \g /dev/null
SELECT is(t.preview('CARD-S'), ARRAY[:METRO1 || ' ' || :'secret' || ' inquiry'], 'E13: registered again');
SELECT is(t.preview('EMPTY'), '{}', 'R19: nobody is concerned');
SELECT card_issuer.suspend_provider('SHOP') \g /dev/null
SELECT is((t.preview('CARD-A'))[3], :SHOP1 || ' ' || :'shop1' || ' ', 'E14: a contract that is not in force');
SELECT card_issuer.resume_provider('SHOP') \g /dev/null
SELECT is(t.on_record(), :'before', 'a dry run changes nothing');

-- What it says is what happens, again and again along a chain.
CREATE FUNCTION t.reissue_as_previewed(old_card card_id, new_card card_id)
    RETURNS SETOF text
    LANGUAGE plpgsql
AS $$
DECLARE
    previewed CONSTANT text[] := t.preview(old_card);
    last_no bigint := (SELECT coalesce(max(k.last_notice_no), 0) FROM card_issuer.notice_counter k);
BEGIN
    PERFORM t.reissue(old_card, new_card);
    RETURN NEXT is(ARRAY(SELECT format('%s %s', e.app_id, e.message_id) FROM card_issuer.entitlement e
                           JOIN card_issuer.application a ON a.app_id = e.app_id
                          WHERE e.card_id = new_card ORDER BY a.provider, e.app_id),
                   ARRAY(SELECT regexp_replace(x, ' [a-z]*$', '') FROM unnest(previewed) x), format('E1: %s inherits as previewed', new_card));
    RETURN NEXT is(ARRAY(SELECT format('%s %s', n.app_id, n.message_id) FROM screissue.notice n WHERE n.new_card_id = new_card::text ORDER BY n.provider, n.app_id),
                   ARRAY(SELECT regexp_replace(x, ' pu[a-z]*$', '') FROM unnest(previewed) x WHERE x ~ 'pu(sh|ll)$'), format('R20: those told of %s are those previewed', new_card));
END
$$;
SELECT t.reissue_as_previewed('CARD-A', 'CARD-B');
SELECT t.load('CARD-B', :SHOP1) \g /dev/null
SELECT t.reissue_as_previewed('CARD-B', 'CARD-C');
SELECT is(t.run($$SELECT count(*) FROM card_issuer.preview_reissue('CARD-C')$$, 'clerk'), '3', 'an operator previews');
SELECT t.refused($$SELECT card_issuer.preview_reissue('CARD-C')$$, '42501', 'R34: a provider does not', 'metro');
SELECT t.refused($$SELECT card_issuer.preview_reissue('CARD-A')$$, 'SR006', 'replaced');
SELECT t.refused($$SELECT card_issuer.preview_reissue('NOSUCH')$$, 'SR004', 'unknown');

SELECT * FROM finish();
ROLLBACK;
