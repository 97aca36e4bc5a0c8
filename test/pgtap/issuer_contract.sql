-- Contracts: providers, their delivery, applications, tariffs (R4-R6, R30)
BEGIN;
\ir include/issuer.sql
SELECT plan(44);

SELECT card_issuer.issue_card('CARD-A', 100) \g /dev/null

-- R4: nobody acts without a contract in force.  The contract's days are days
-- of the issuer, whatever time zone a client names.
CREATE TABLE t.contract (about text, contract_from date, contract_until date, in_force boolean);
INSERT INTO t.contract VALUES
    ('no dates', NULL, NULL, true),
    ('began long ago', current_date - 900, NULL, true),
    ('begins in a month', current_date + 30, NULL, false),
    ('ends in a month', NULL, current_date + 30, true),
    ('ended a month ago', current_date - 900, current_date - 30, false),
    ('ended three days ago', NULL, current_date - 3, false),
    ('begins in three days', current_date + 3, NULL, false);
CREATE FUNCTION t.can_permit(contract_from date, contract_until date, zone text)
    RETURNS boolean
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM card_issuer.register_provider('METRO', 'Metro Transit', 'metro', 'push',
                                          contract_from, contract_until);
    PERFORM set_config('TimeZone', zone, true);
    PERFORM t.run('SELECT card_issuer.permit_load(app => ''D276AB0085CD01'', card => ''CARD-A'')', 'metro');
    RETURN true;
EXCEPTION WHEN SQLSTATE 'SR002' THEN
    RETURN false;
END
$$;
SELECT is(t.can_permit(c.contract_from, c.contract_until, 'UTC'), c.in_force,
          'R4: permission under a contract: ' || c.about)
  FROM t.contract c;
SELECT is(t.can_permit(c.contract_from, c.contract_until, z.zone), c.in_force,
          format('R4: a client in time zone %s does not move the contract: %s', z.zone, c.about))
  FROM t.contract c, (VALUES ('<X>+160'), ('<X>-160')) z (zone)
 WHERE c.about LIKE '%three days%' OR c.about = 'no dates';
SET LOCAL TimeZone = 'UTC';
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro') \g /dev/null

-- R5: suspended and resumed.
SELECT lives_ok($$SELECT card_issuer.suspend_provider('METRO')$$, 'R5: a provider is suspended');
SELECT t.on_record() AS before \gset
SELECT lives_ok($$SELECT card_issuer.suspend_provider('METRO')$$, 'R5: suspended again');
SELECT is(t.on_record(), :'before', 'R5: suspending again changes nothing');
SELECT t.refused($$SELECT card_issuer.permit_load(app => 'D276AB0085CD01', card => 'CARD-A')$$,
                 'SR002', 'R5: no permission while suspended', 'metro');
SELECT card_issuer.resume_provider('METRO') \g /dev/null
SELECT lives_ok($$SELECT card_issuer.permit_load(app => 'D276AB0085CD01', card => 'CARD-A')$$,
                'R5: permission again after resume');
SELECT t.on_record() AS before \gset
SELECT card_issuer.resume_provider('METRO') \g /dev/null
SELECT is(t.on_record(), :'before', 'R5: resuming again changes nothing');

-- R30: what is held back while the contract rests comes when it goes on:
-- reissues, only about cards that the provider may be told of, and
-- withdrawals of what it was told before.
SELECT card_issuer.issue_card(('HOLD-' || n)::card_id, CASE WHEN n % 2 = 0 THEN 200 ELSE 100 END)
  FROM generate_series(1, 6) n \g /dev/null
SELECT t.load(('HOLD-' || n)::card_id, :METRO1) FROM generate_series(1, 6) n \g /dev/null
SELECT t.reissue('HOLD-5', 'HOLD-5B'), t.reissue('HOLD-6', 'HOLD-6B') \g /dev/null
SELECT cardinality(t.notices('METRO')) AS told \gset
SELECT is(:told, 1, 'R31: of two reissues, the one of the readable card gives a notice');
SELECT card_issuer.suspend_provider('METRO') \g /dev/null
SELECT is(t.reissue('HOLD-1', 'HOLD-1B'), '1/0', 'E14: a suspended contract gives an entitlement and no notice');
SELECT t.reissue('HOLD-2', 'HOLD-2B'), t.reissue('HOLD-3', 'HOLD-3B'), t.reissue('HOLD-4', 'HOLD-4B') \g /dev/null
SELECT card_issuer.withdraw_reissue('HOLD-3B'), card_issuer.withdraw_reissue('HOLD-5B') \g /dev/null
SELECT is(cardinality(t.notices('METRO')), :told, 'E14: nothing goes out while the contract is suspended');
SELECT card_issuer.resume_provider('METRO') \g /dev/null
SELECT is(ARRAY(SELECT split_part(n, ' ', 2) || ' ' || split_part(n, ' ', 3)
                  FROM unnest(t.notices('METRO', :told)) n ORDER BY 1),
          ARRAY['reissue HOLD-1B<-HOLD-1', 'withdrawal HOLD-5B<-HOLD-5'],
          'R30: resume writes the reissue and the withdrawal that were held back, and no others');
SELECT is((SELECT count(*) FROM screissue.notice n WHERE n.new_card_id ~ '^HOLD-[246]B'), 0::bigint,
          'R42: resume tells nobody about cards that only the issuer can read');
SELECT is(ARRAY(SELECT n.notice_no FROM card_issuer.fetch_notices('METRO', 0) n ORDER BY 1),
          ARRAY(SELECT generate_series(1, (SELECT count(*) FROM card_issuer.fetch_notices('METRO', 0)))),
          'R20: numbers are dense after a resume');
SELECT lives_ok($$SELECT t.reissue('HOLD-5', 'HOLD-5C')$$, 'R20: the next reissue takes the next number');
SELECT is(ARRAY(SELECT n.notice_no FROM card_issuer.fetch_notices('METRO', 0) n ORDER BY 1),
          ARRAY(SELECT generate_series(1, (SELECT count(*) FROM card_issuer.fetch_notices('METRO', 0)))),
          'R20: numbers are dense after the next reissue');

-- A load handed back to the old card is no reissue: nothing is held back.
SELECT card_issuer.issue_card('BACK-1', 100), t.load('BACK-1', :METRO1) \g /dev/null
SELECT t.reissue('BACK-1', 'BACK-2'), t.load('BACK-2', :METRO1),
       card_issuer.withdraw_reissue('BACK-2') \g /dev/null
SELECT max(n.notice_no) AS told FROM card_issuer.fetch_notices('METRO', 0) n \gset
SELECT card_issuer.suspend_provider('METRO'), card_issuer.resume_provider('METRO') \g /dev/null
SELECT is(t.notices('METRO', :told), ARRAY[]::text[],
          'E9: resume makes no notice of what was handed back to an old card');

-- R30: delivery is changed without loss.
SELECT card_issuer.issue_card('RIDE-1', 100), card_issuer.issue_card('RIDE-2', 100),
       card_issuer.issue_card('RIDE-3', 100), card_issuer.issue_card('RIDE-4', 200) \g /dev/null
SELECT t.load(('RIDE-' || n)::card_id, :RAIL1) FROM generate_series(1, 4) n \g /dev/null
SELECT is(t.reissue('RIDE-1', 'RIDE-1B'), '1/0', 'R28: on_request gives an entitlement and no notice');
SELECT t.reissue('RIDE-2', 'RIDE-2B'), t.load('RIDE-2B', :RAIL1), t.reissue('RIDE-4', 'RIDE-4B') \g /dev/null
SELECT card_issuer.register_provider('RAIL', 'Rail', 'rail', delivery => 'push') \g /dev/null
SELECT is(ARRAY(SELECT split_part(n, ' ', 3) FROM unnest(t.notices('RAIL')) n), ARRAY['RIDE-1B<-RIDE-1'],
          'R30: a change to push writes notices for entitlements not yet used, of readable cards');
SELECT is(t.reissue('RIDE-3', 'RIDE-3B'), '1/1', 'R30: from then on each reissue gives a notice');
SELECT t.notices('RAIL') AS before \gset
SELECT card_issuer.register_provider('RAIL', 'Rail', 'rail', delivery => 'pull') \g /dev/null
SELECT is(t.notices('RAIL')::text, :'before', 'R30: a change from push to pull writes nothing anew');
SELECT card_issuer.register_provider('RAIL', 'Rail', 'rail', delivery => 'on_request'),
       card_issuer.register_provider('RAIL', 'Rail', 'rail', delivery => 'pull') \g /dev/null
SELECT is(t.notices('RAIL')::text, :'before', 'R30: to and fro writes nothing twice');

-- A contract that lapsed and is renewed loses nothing either.
SELECT card_issuer.issue_card('LAPSE-1', 100), t.load('LAPSE-1', :SHOP1) \g /dev/null
SELECT card_issuer.register_provider('SHOP', 'Shop Points', 'shop', 'pull', NULL, current_date - 7) \g /dev/null
SELECT is(t.reissue('LAPSE-1', 'LAPSE-2'), '1/0', 'E14: a lapsed contract gives an entitlement and no notice');
SELECT card_issuer.register_provider('SHOP', 'Shop Points', 'shop', 'pull') \g /dev/null
SELECT is(ARRAY(SELECT split_part(n, ' ', 3) FROM unnest(t.notices('SHOP')) n), ARRAY['LAPSE-2<-LAPSE-1'],
          'R30: renewing a lapsed contract writes the notices held back');

-- R5: registration again updates the row.
SELECT card_issuer.register_provider('SHOP', 'Shop and Save', 'shop', 'push', current_date - 1, current_date + 1)
\g /dev/null
SELECT results_eq($$SELECT name, role_name, delivery, contract_until - contract_from
                      FROM card_issuer.provider WHERE provider = 'SHOP'$$,
                  $$VALUES ('Shop and Save'::text, 'shop'::name, 'push'::text, 2)$$,
                  'R5: registering a provider again updates its row');
SELECT is((SELECT count(*) FROM card_issuer.provider), 3::bigint, 'R5: and makes no second one');

-- R6: applications belong to one provider.
SELECT t.refused($$SELECT card_issuer.register_application('D276AB0085CD01', 'SHOP', 'mine now')$$,
                 '23505', 'R6: an application id belongs to one provider');
SELECT t.refused($$SELECT card_issuer.permit_load(app => 'D276AB0085CDFF', card => 'CARD-A')$$,
                 'SR003', 'R6: unknown application', 'metro');
SELECT card_issuer.withdraw_application(:METRO2) \g /dev/null
SELECT t.refused($$SELECT card_issuer.permit_load(app => 'D276AB0085CD02', card => 'CARD-A')$$,
                 'SR003', 'E13: withdrawn application', 'metro');
SELECT t.on_record() AS before \gset
SELECT card_issuer.withdraw_application(:METRO2) \g /dev/null
SELECT is(t.on_record(), :'before', 'E13: withdrawing again changes nothing');
SELECT card_issuer.register_application(:METRO2, 'METRO', 'parking', sha256('load file'), 'new', '1 year')
\g /dev/null
SELECT results_eq($$SELECT examination_mode, max_examination_age, withdrawn_at IS NULL, octet_length(load_file_sha256)
                      FROM card_issuer.application WHERE app_id = 'D276AB0085CD02'$$,
                  $$VALUES ('new'::text, interval '1 year', true, 32)$$,
                  'R6: registering again updates the row and ends the withdrawal');

-- R51: tariffs.
SELECT card_issuer.set_tariff(:METRO1, 'load', 5, 'JPY'),
       card_issuer.set_tariff(:METRO1, 'load', 6, 'JPY'),
       card_issuer.set_tariff(:METRO1, 'reload', 1, 'JPY'),
       card_issuer.set_tariff(:METRO1, 'reload', 0, 'JPY', 'stolen') \g /dev/null
SELECT results_eq($$SELECT kind::text, reason::text, amount FROM card_issuer.tariff
                     WHERE app_id = 'D276AB0085CD01' ORDER BY kind, reason$$,
                  $$VALUES ('load', NULL, 6::numeric), ('reload', 'stolen', 0), ('reload', NULL, 1)$$,
                  'R51: one price for each kind and reason, the last one counts');
SELECT t.refused($$SELECT card_issuer.set_tariff('D276AB0085CD01', 'load', 5, 'JPY', 'lost')$$,
                 '22023', 'R51: only a reload has a reason');

SELECT * FROM finish();
ROLLBACK;
