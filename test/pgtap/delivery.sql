-- The view delivery and what it reads: how far each provider is that pulls, by what
-- its own role asked for (doc/design.md, Notices; R28-R30, E36).  Slots have no
-- part in it here: test/t/021_delivery.pl.
BEGIN;
\ir include/issuer.sql
SELECT plan(38);

CREATE FUNCTION t.at(provider company_id) RETURNS text LANGUAGE sql
AS $$
    SELECT format('%s %s, last %s, fetched %s, confirmed %s', v.delivery, CASE WHEN v.in_force THEN 'in force' ELSE 'not in force' END,
                  v.last_notice_no, v.fetched_no, coalesce(v.confirmed_no::text, '?'))
      FROM card_issuer.delivery v WHERE v.provider = at.provider
$$;
-- How many notices a role is given.
CREATE FUNCTION t.fetch(role_name name, provider company_id, after_no bigint, max_rows integer DEFAULT 1000) RETURNS text LANGUAGE sql
AS $$
    SELECT t.run(format('SELECT count(*) FROM card_issuer.fetch_notices(%L, %s, %s)', provider, after_no, max_rows), role_name)
$$;

SELECT results_eq('SELECT v.provider::text, v.delivery, v.in_force, v.last_notice_no, v.fetched_no, v.confirmed_no, v.fetched_at IS NULL,
                          v.slot_name, v.role_name, v.active, v.wal_status, v.safe_wal_size, v.lag_bytes, v.lag
                     FROM card_issuer.delivery v ORDER BY v.provider',
                  $$SELECT p, d, true, 0::bigint, 0::bigint, NULL::bigint, true, NULL::name, NULL::name, NULL::boolean, NULL, NULL::bigint, NULL::numeric, NULL::interval
                      FROM (VALUES ('METRO', 'push'), ('RAIL', 'on_request'), ('SHOP', 'pull')) v (p, d)$$,
                  'R4: one row for each provider');

-- Ten notices for SHOP, one for METRO.
SELECT card_issuer.issue_card(('OLD' || n)::card_id, 100), t.load(('OLD' || n)::card_id, :SHOP1), t.reissue(('OLD' || n)::card_id, ('NEW' || n)::card_id)
  FROM (SELECT to_char(g, 'FM00') FROM generate_series(1, 10) g) s (n) \g /dev/null
SELECT card_issuer.issue_card('CARD-M', 100), t.load('CARD-M', :METRO1), t.reissue('CARD-M', 'CARD-N') \g /dev/null
SELECT is(t.at('SHOP'), 'pull in force, last 10, fetched 0, confirmed ?', 'R28: written and not fetched');
SELECT is(t.at('METRO'), 'push in force, last 1, fetched 0, confirmed ?', 'R28: each has its own numbers');

SELECT is(t.fetch('clerk', 'SHOP', 0), '10', 'R28: an operator reads them');
SELECT is(t.fetch(NULL, 'SHOP', 4), '6', 'R28: and the owner');
SELECT is(t.at('SHOP'), 'pull in force, last 10, fetched 0, confirmed ?', 'R28: which says nothing about the provider');
SELECT is(t.fetch('shop', 'SHOP', 0, 4), '4', 'R28: the provider reads four');
SELECT is(t.at('SHOP'), 'pull in force, last 10, fetched 4, confirmed 0', 'R28: so many it was given, and has none for sure');
SELECT is(t.fetch('shop', 'SHOP', 4, 4), '4', 'R28: and the next four');
SELECT is(t.at('SHOP'), 'pull in force, last 10, fetched 8, confirmed 4', 'R28: who asks for what follows 4 has 4');
SELECT is(t.fetch('shop', 'SHOP', 8, 0), '0', 'R28: a question without an answer');
SELECT is(t.at('SHOP'), 'pull in force, last 10, fetched 8, confirmed 8', 'R28: confirms as well');
SELECT is(t.fetch('shop', 'SHOP', 8), '2', 'R28: the rest');
SELECT is(t.fetch('shop', 'SHOP', 10), '0', 'R28: nothing is left');
SELECT is(t.at('SHOP'), 'pull in force, last 10, fetched 10, confirmed 10', 'R28: it has all');
SELECT is(t.at('METRO'), 'push in force, last 1, fetched 0, confirmed ?', 'R28: nothing of this is about another provider');

-- What cannot be believed, and what is taken back.
SELECT is(t.fetch('shop', 'SHOP', n), c, 'R28: after ' || n) FROM (VALUES (11, '0'), (9223372036854775807, '0'), (-1, '10')) v (n, c);
SELECT is(t.at('SHOP'), 'pull in force, last 10, fetched 10, confirmed 10', 'R28: numbers that were never written confirm nothing');
SELECT is(t.fetch('shop', 'SHOP', 3, 2), '2', 'E59: a provider that was restored asks again');
SELECT is(t.at('SHOP'), 'pull in force, last 10, fetched 10, confirmed 3', 'E59: and has what it says, no longer what it said');

-- A member of the provider's role is the provider; who is an operator too is not.
CREATE ROLE shop_feed IN ROLE shop;
CREATE ROLE both_of_them IN ROLE shop, clerk;
SELECT is(t.fetch('both_of_them', 'SHOP', 6), '4', 'R28: an operator that is in the provider''s role');
SELECT is(t.at('SHOP'), 'pull in force, last 10, fetched 10, confirmed 3', 'R28: reads as an operator');
SELECT is(t.fetch('shop_feed', 'SHOP', 6), '4', 'R28: a member of the provider''s role');
SELECT is(t.at('SHOP'), 'pull in force, last 10, fetched 10, confirmed 6', 'R28: reads as the provider');

-- Only when a number changes; and by HOT updates.
SELECT c.ctid AS before FROM card_issuer.notice_cursor c WHERE c.provider = 'SHOP' \gset
SELECT is(t.fetch('shop', 'SHOP', 6), '4', 'R28: the same question again');
SELECT is((SELECT c.ctid FROM card_issuer.notice_cursor c WHERE c.provider = 'SHOP'), :'before'::tid, 'R28: writes nothing');
SELECT ok(pg_stat_get_xact_tuples_hot_updated('card_issuer.notice_cursor'::regclass) > 5
          AND pg_stat_get_xact_tuples_hot_updated('card_issuer.notice_cursor'::regclass)
              = pg_stat_get_xact_tuples_updated('card_issuer.notice_cursor'::regclass), 'R28: all updates were HOT');

-- A contract that is not in force, and epochs.
SELECT card_issuer.suspend_provider('SHOP') \g /dev/null
SELECT is(t.at('SHOP'), 'pull not in force, last 10, fetched 10, confirmed 6', 'R4: a contract that is suspended');
SELECT card_issuer.resume_provider('SHOP') \g /dev/null
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro', contract_until => '2020-01-01') \g /dev/null
SELECT is(t.at('METRO'), 'push not in force, last 1, fetched 0, confirmed ?', 'R4: one that has ended');
SELECT card_issuer.begin_epoch() \g /dev/null
SELECT is(t.at('SHOP'), 'pull in force, last 1099511627776, fetched 10, confirmed 6', 'E25: a new epoch');
SELECT is(t.fetch('shop', 'SHOP', 10), '0', 'E25: nothing in it yet');
SELECT is(t.at('SHOP'), 'pull in force, last 1099511627776, fetched 10, confirmed 10', 'E25: what it has of the old one');

-- Who may look.
SELECT is(t.run('SELECT count(*) FROM card_issuer.delivery', r), '3', 'E60: ' || r || ' sees it')
  FROM unnest('{clerk,auditor}'::name[]) r;
SELECT t.refused('SELECT count(*) FROM card_issuer.delivery', '42501', 'E60: a provider does not', 'shop');
SELECT t.refused('SELECT count(*) FROM card_issuer.provider_slots()', '42501', 'E60: nor its slots', 'shop');
SELECT * FROM finish();
ROLLBACK;
