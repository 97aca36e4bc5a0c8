-- What providers owe: prices, charges, refunds, statements (claim 13; R48, R51, E10,
-- E14, E51, E52, E53, E54, E60)
BEGIN;
\ir include/issuer.sql
SELECT plan(68);

SELECT card_issuer.set_tariff(:METRO1, 'load', 500, 'JPY'), card_issuer.set_tariff(:METRO1, 'reload', 100, 'JPY'),
       card_issuer.set_tariff(:METRO1, 'reload', 0, 'JPY', 'stolen'), card_issuer.set_tariff(:METRO1, 'reload', 250, 'JPY', 'damaged'),
       card_issuer.set_tariff(:METRO2, 'load', 3.5, 'EUR'), card_issuer.set_tariff(:METRO2, 'reload', 1.25, 'USD', 'lost'),
       card_issuer.set_tariff(:RAIL1, 'load', 0, 'JPY') \g /dev/null

-- The charges of a load: provider, kind, reason, amount and currency of each.
CREATE FUNCTION t.charges(message message_id)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT string_agg(concat_ws(' ', c.provider, c.kind, coalesce(c.reason::text, 'any'), CASE WHEN c.refund THEN 'refund' END, c.amount, c.currency), ', ' ORDER BY c.refund)
      FROM card_issuer.charge c WHERE c.message_id = message
$$;
-- The balance of a provider, by currency.
CREATE FUNCTION t.owes(provider company_id)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT string_agg(format('%s %s', s.amount, s.currency), ', ' ORDER BY s.currency)
      FROM (SELECT x.currency, sum(x.amount) AS amount FROM card_issuer.statement x WHERE x.provider = owes.provider GROUP BY x.currency) s
$$;
-- A load, a reissue for this reason, and the reload; returns their charges.
CREATE FUNCTION t.reload_for(name text, app app_id, reason reissue_reason, OUT first_load text, OUT reload text)
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM card_issuer.issue_card((name || '-A')::card_id, 100);
    first_load := t.charges(t.load((name || '-A')::card_id, app));
    PERFORM t.reissue((name || '-A')::card_id, (name || '-B')::card_id, reason => reason);
    reload := t.charges(t.load((name || '-B')::card_id, app));
END
$$;

-- R51, E53: application, kind and reason make the price, and the charge names the
-- line that gave it.
SELECT is(concat_ws(' + ', r.first_load, r.reload), v.expected, v.what)
  FROM (VALUES ('P1', :METRO1, 'lost', 'METRO load any 500 JPY + METRO reload any 100 JPY', 'R51: a reload costs less than a load'),
               ('P2', :METRO1, 'stolen', 'METRO load any 500 JPY + METRO reload stolen 0 JPY', 'E53: theft is free'),
               ('P3', :METRO1, 'damaged', 'METRO load any 500 JPY + METRO reload damaged 250 JPY', 'E53: damage is paid for'),
               ('P4', :METRO2, 'lost', 'METRO load any 3.5 EUR + METRO reload lost 1.25 USD', 'E51: two currencies'),
               ('P5', :METRO2, 'stolen', 'METRO load any 3.5 EUR', 'R48: no line for that reason: not charged'),
               ('P6', :RAIL1, 'lost', 'RAIL load any 0 JPY', 'E51: price 0 is a charge, no price is none'),
               ('P7', :SHOP1, 'lost', '', 'R48: an application without prices is not charged')) v (name, app, reason, expected, what),
       t.reload_for(v.name, v.app::app_id, v.reason::reissue_reason) r;
SELECT is(t.owes(p), v, 'R51: the balance of ' || p) FROM (VALUES ('METRO'::company_id, '7.0 EUR, 1850 JPY, 1.25 USD'), ('RAIL', '0 JPY'), ('SHOP', NULL)) w (p, v);
SELECT is((SELECT format('%s %s %s %s', l.fee, l.currency, l.tariff_kind, l.tariff_reason) FROM card_issuer.app_load l WHERE l.card_id = 'P3-B'), '250 JPY reload damaged',
          'E53: the load has the line that priced it');
SELECT is((SELECT format('%s %s %s', l.fee, l.tariff_kind, l.tariff_reason) FROM card_issuer.app_load l WHERE l.card_id = 'P5-B'), ' reload ', 'R48: or that there was none');
-- R51: the price of a reload only with a pair that is proven.
SELECT card_issuer.issue_card('NEW-1', 100), t.reissue('P7-B', 'P7-C') \g /dev/null
SELECT is(t.charges(t.load('NEW-1', :METRO1)), 'METRO load any 500 JPY', 'R51: a card that replaces none pays for a load');
SELECT is(t.charges(t.load('P7-C', :METRO1)), 'METRO load any 500 JPY', 'R51: so does a reissued card whose old card had not the application');
SELECT card_issuer.issue_card('OUT-A', 100), t.load('OUT-A', :METRO1), card_issuer.set_opt_out('OUT-A', :METRO1, true), t.reissue('OUT-A', 'OUT-B') \g /dev/null
SELECT is(t.charges(t.load('OUT-B', :METRO1)), 'METRO load any 500 JPY', 'R51, E56: and one whose holder keeps the pair from the provider');

-- E51: the price is fixed with the permission.
SELECT card_issuer.issue_card('FIX-A', 100) \g /dev/null
SELECT p.message_id AS fixed, p.fee AS first_fee FROM card_issuer.permit_load(:METRO1, 'FIX-A') p \gset
SELECT is(:'first_fee'::text, '500', 'E51: permitted at 500');
SELECT card_issuer.set_tariff(:METRO1, 'load', 650, 'EUR') \g /dev/null
SELECT is((SELECT format('%s %s %s', p.message_id, p.fee, p.currency) FROM card_issuer.permit_load(:METRO1, 'FIX-A') p), :'fixed' || ' 500 JPY', 'E51: permitted again: the same price');
SELECT is(t.charges(:'fixed'), NULL, 'R51: what is permitted only costs nothing');
SELECT card_issuer.confirm_load(:'fixed') \g /dev/null
SELECT is(t.charges(:'fixed'), 'METRO load any 500 JPY', 'E51: confirmed after the list changed: the price of the verdict');
SELECT is(t.charges(t.load('NEW-2', :METRO1)), 'METRO load any 650 EUR', 'E51: the next load costs what the list says') FROM card_issuer.issue_card('NEW-2', 100);
SELECT card_issuer.set_tariff(:METRO1, 'load', 500, 'JPY') \g /dev/null

-- E52: a retry is charged once.
SELECT card_issuer.issue_card('RETRY-A', 100), t.load('RETRY-A', :METRO1), t.reissue('RETRY-A', 'RETRY-B') \g /dev/null
SELECT t.permit('RETRY-B', :METRO1) AS failed \gset
SELECT card_issuer.confirm_load(:'failed', false), card_issuer.confirm_load(:'failed', false) \g /dev/null
SELECT is(t.charges(:'failed'), NULL, 'R51: a failed load costs nothing');
SELECT t.permit('RETRY-B', :METRO1) AS retried \gset
SELECT isnt(:'retried'::text, :'failed', 'E52: a retry has a permission of its own');
SELECT card_issuer.confirm_load(:'retried'), card_issuer.confirm_load(:'retried'), card_issuer.confirm_load(:'retried', receipt => '\x01') \g /dev/null
SELECT is(t.charges(:'retried'), 'METRO reload any 100 JPY', 'E52: confirmed three times: charged once, as a reload');
SELECT is((SELECT p.refusal FROM card_issuer.permit_load(:METRO1, 'RETRY-B') p), 'already_loaded', 'E52: and not permitted again');
SELECT card_issuer.confirm_unload(:'retried') \g /dev/null
SELECT is(t.charges(:'retried'), 'METRO reload any 100 JPY', 'R51: what was loaded and removed stays due');

-- E52: refund of what lives on the card of a reissue that is withdrawn.
SELECT card_issuer.issue_card('BACK-A', 100) \g /dev/null
SELECT t.load('BACK-A', :METRO1) AS old_load \gset
SELECT t.reissue('BACK-A', 'BACK-B') \g /dev/null
SELECT t.load('BACK-B', :METRO1) AS reload, t.load('BACK-B', :METRO2) AS first_load \gset
SELECT t.owes('METRO') AS before \gset
SELECT card_issuer.withdraw_reissue('BACK-B') \g /dev/null
SELECT is(t.charges(:'reload'), 'METRO reload any 100 JPY, METRO reload any refund -100 JPY', 'E52: a reload is refunded by a line of its own, of the same message id');
SELECT is(t.charges(:'first_load'), 'METRO load any 3.5 EUR', 'E52: a first load on that card is not');
SELECT is(t.charges(:'old_load'), 'METRO load any 500 JPY', 'E52: nor what was loaded on the old card');
SELECT t.refused($$SELECT card_issuer.withdraw_reissue('BACK-B')$$, 'SR005', 'E52: it is withdrawn once');
SELECT is(t.charges(:'reload'), 'METRO reload any 100 JPY, METRO reload any refund -100 JPY', 'E52: and refunded once');
SELECT card_issuer.confirm_load(:'reload') \g /dev/null
SELECT is(t.charges(:'reload'), 'METRO reload any 100 JPY, METRO reload any refund -100 JPY', 'E52: a late repetition of the confirmation changes nothing');
-- E10: handed back, reloaded on the old card, then on the permanent one.
SELECT t.load('BACK-A', :METRO1) AS again, t.load('BACK-A', :METRO2) AS again2 \gset
SELECT is(t.charges(:'again'), 'METRO reload any 100 JPY', 'E10: reloaded on the old card: a reload, for no reason of a reissue');
SELECT t.reissue('BACK-A', 'BACK-C', reason => 'damaged') \g /dev/null
SELECT is(t.charges(t.load('BACK-C', :METRO1)), 'METRO reload damaged 250 JPY', 'E10: and on the permanent card, for the reason of its reissue');
SELECT is((SELECT string_agg(format('%s %s', x.amount, x.currency), ', ' ORDER BY x.currency)
             FROM (SELECT sum(c.amount) AS amount, c.currency FROM card_issuer.charge c JOIN card_issuer.app_load l ON l.message_id = c.message_id
                    WHERE l.card_id::text LIKE 'BACK-%' GROUP BY c.currency) x), '3.5 EUR, 850 JPY', 'E10: in all: a load, a reload that came to nothing, two that stand');

-- What is refunded and what is not.
CREATE FUNCTION t.withdrawn_after(name text, between_them text, reason reissue_reason DEFAULT 'lost')
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    reload message_id;
BEGIN
    PERFORM card_issuer.issue_card((name || '-A')::card_id, 100), t.load((name || '-A')::card_id, 'D276AB0085CD01'),
            t.reissue((name || '-A')::card_id, (name || '-B')::card_id, reason => reason);
    reload := t.permit((name || '-B')::card_id, 'D276AB0085CD01');
    EXECUTE replace(replace(between_them, '{reload}', quote_literal(reload)), '{name}', name);
    RETURN t.charges(reload);
END
$$;
SELECT is(t.withdrawn_after('R1', $$SELECT card_issuer.withdraw_reissue('{name}-B'), card_issuer.confirm_load({reload})$$),
          'METRO reload any 100 JPY, METRO reload any refund -100 JPY', 'E52: confirmed only after the withdrawal: charged and refunded');
SELECT is(t.withdrawn_after('R2', $$SELECT card_issuer.withdraw_reissue('{name}-B'), card_issuer.confirm_load({reload}, false)$$), NULL,
          'E52: reported as failed after the withdrawal: neither');
SELECT is(t.withdrawn_after('R3', $$SELECT card_issuer.confirm_load({reload}), card_issuer.confirm_unload({reload}), card_issuer.withdraw_reissue('{name}-B')$$),
          'METRO reload any 100 JPY', 'E52: removed before the withdrawal: not refunded');
SELECT is(t.withdrawn_after('R4', $$SELECT card_issuer.confirm_load({reload}), card_issuer.withdraw_reissue('{name}-B')$$, 'stolen'),
          'METRO reload stolen 0 JPY, METRO reload stolen refund 0 JPY', 'E52: a reload for nothing: refunded by nothing');
SELECT is(t.withdrawn_after('R5', $$SELECT card_issuer.confirm_load({reload}), t.reissue('{name}-B', '{name}-C'), t.load('{name}-C', 'D276AB0085CD01'), card_issuer.withdraw_reissue('{name}-C')$$),
          'METRO reload any 100 JPY', 'E52: a later reissue is withdrawn: the reload before it stands');
SELECT is((SELECT t.charges(l.message_id) FROM card_issuer.app_load l WHERE l.card_id = 'R5-C'), 'METRO reload any 100 JPY, METRO reload any refund -100 JPY', 'E52: and the one after it is refunded');
SELECT card_issuer.withdraw_reissue('R5-B') \g /dev/null
SELECT is((SELECT count(*) FROM card_issuer.charge c JOIN card_issuer.app_load l ON l.message_id = c.message_id WHERE l.card_id = 'R5-C' AND c.refund), 1::bigint,
          'E52: withdrawn on through the chain: refunded once');
SELECT is(t.withdrawn_after('R6', $$SELECT t.reissue('{name}-B', '{name}-C'), card_issuer.confirm_load({reload}), card_issuer.withdraw_reissue('{name}-C')$$),
          'METRO reload any 100 JPY', 'E52: confirmed late on a card that was replaced: due');

-- E54: months are months in UTC, whatever the client's time zone is.
SELECT card_issuer.issue_card('MONTH-A', 100), t.load('MONTH-A', :METRO1), t.reissue('MONTH-A', 'MONTH-B'), t.load('MONTH-B', :METRO1), card_issuer.withdraw_reissue('MONTH-B') \g /dev/null
UPDATE card_issuer.app_load l SET loaded_at = '2026-02-01 00:00+00' WHERE l.card_id = 'MONTH-A';
UPDATE card_issuer.app_load l SET loaded_at = '2026-02-28 23:59:59.999999+00', refunded_at = '2026-03-01 00:00+00' WHERE l.card_id = 'MONTH-B';
CREATE FUNCTION t.months(zone text)
    RETURNS text[]
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM set_config('timezone', zone, true);
    RETURN ARRAY(SELECT format('%s %s %s %s %s', to_char(s.month, 'YYYY-MM-DD'), s.loads, s.reloads, s.refunds, s.amount) FROM card_issuer.statement s
                  WHERE s.provider = 'METRO' AND s.currency = 'JPY' AND s.month BETWEEN '2026-01-01' AND '2026-04-01' ORDER BY s.month);
END
$$;
SELECT is(t.months(z), '{2026-02-01 1 1 0 600,2026-03-01 0 0 1 -100}', 'E54: the months as seen from ' || z) FROM unnest('{UTC,Asia/Tokyo,America/Los_Angeles}'::text[]) z;
SET LOCAL timezone = 'UTC';

-- E14: who is charged when an application changes hands.
SELECT card_issuer.set_tariff(:SHOP1, 'load', 40, 'JPY'), card_issuer.set_tariff(:SHOP1, 'reload', 10, 'JPY'), card_issuer.issue_card('HAND-A', 100) \g /dev/null
SELECT t.load('HAND-A', :SHOP1) AS handed \gset
SELECT card_issuer.transfer_application(:SHOP1, 'RAIL') \g /dev/null
SELECT is(t.charges(:'handed'), 'SHOP load any 40 JPY', 'E14: what was charged stays with the former provider');
SELECT t.reissue('HAND-A', 'HAND-B') \g /dev/null
SELECT is(t.charges(t.load('HAND-B', :SHOP1)), 'RAIL reload any 10 JPY', 'E14: the reload is charged to the new one');
SELECT is(t.charges(t.load('NEW-3', :SHOP1)), 'RAIL load any 40 JPY', 'E14: so is every load from then on') FROM card_issuer.issue_card('NEW-3', 100);
SELECT card_issuer.withdraw_reissue('HAND-B') \g /dev/null
SELECT is((SELECT t.charges(l.message_id) FROM card_issuer.app_load l WHERE l.card_id = 'HAND-B'), 'RAIL reload any 10 JPY, RAIL reload any refund -10 JPY', 'E14: who paid is refunded');
SELECT is(t.owes('SHOP') || ', ' || t.owes('RAIL'), '40 JPY, 40 JPY', 'E14: the balances of both');

-- The statement adds up to the charges, and these to what is on record.
SELECT setseed(0.42) \g /dev/null
CREATE FUNCTION t.at_random(n integer)
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    apps CONSTANT app_id[] := ARRAY['D276AB0085CD01', 'D276AB0085CD02', 'D276AC0001EF01', 'D276AD0001EF01']::app_id[];
    reasons CONSTANT reissue_reason[] := enum_range(NULL::reissue_reason);
    card card_id := ('RND-' || n || '-0')::card_id;
    next_card card_id;
    message message_id;
    app app_id;
BEGIN
    PERFORM card_issuer.issue_card(card, 100);
    FOR hop IN 1 .. 4 LOOP
        FOREACH app IN ARRAY apps LOOP
            CONTINUE WHEN random() < 0.3 OR (SELECT p.refusal FROM card_issuer.permit_load(app, card) p) IS NOT NULL;
            message := t.permit(card, app);
            CONTINUE WHEN random() < 0.2;
            PERFORM card_issuer.confirm_load(message, random() < 0.8);
        END LOOP;
        next_card := format('RND-%s-%s', n, hop)::card_id;
        PERFORM t.reissue(card, next_card, reason => reasons[1 + floor(random() * cardinality(reasons))::integer]);
        IF random() < 0.4 THEN
            FOREACH app IN ARRAY apps LOOP
                CONTINUE WHEN random() < 0.5 OR (SELECT p.refusal FROM card_issuer.permit_load(app, next_card) p) IS NOT NULL;
                PERFORM card_issuer.confirm_load(t.permit(next_card, app));
            END LOOP;
            PERFORM card_issuer.withdraw_reissue(next_card);
        ELSE
            card := next_card;
        END IF;
    END LOOP;
    UPDATE card_issuer.app_load l
       SET loaded_at = l.loaded_at - random() * interval '1 year', refunded_at = l.refunded_at - random() * interval '100 days'
     WHERE l.card_id::text LIKE 'RND-' || n || '-%';
    RETURN card::text;
END
$$;
SELECT count(t.at_random(n)) FROM generate_series(1, 25) n \g /dev/null
SELECT cmp_ok((SELECT count(*) FROM card_issuer.charge c WHERE c.refund), '>', 5::bigint, 'E52: there are refunds in the random data');
SELECT cmp_ok((SELECT count(*) FROM card_issuer.statement), '>', 20::bigint, 'R51: and many statements');
SELECT bag_eq($$SELECT s.provider, s.month, s.currency, s.loads, s.reloads, s.refunds, s.amount FROM card_issuer.statement s$$,
              $$SELECT x.provider, x.month, x.currency, sum(x.loads)::bigint AS loads, sum(x.reloads)::bigint AS reloads, sum(x.refunds)::bigint AS refunds,
                       sum(x.amount) AS amount
                  FROM (SELECT l.provider, (to_char(l.loaded_at AT TIME ZONE 'UTC', 'YYYY-MM') || '-01')::date AS month, l.currency, l.fee AS amount,
                               (l.tariff_kind = 'load')::integer AS loads, (l.tariff_kind = 'reload')::integer AS reloads, 0 AS refunds
                          FROM card_issuer.app_load l WHERE l.fee >= 0 AND l.status IN ('loaded', 'unloaded', 'superseded')
                         UNION ALL
                        SELECT l.provider, (to_char(l.refunded_at AT TIME ZONE 'UTC', 'YYYY-MM') || '-01')::date, l.currency, - l.fee, 0, 0, 1
                          FROM card_issuer.app_load l WHERE l.fee >= 0 AND l.refunded_at IS NOT NULL) x
                 GROUP BY x.provider, x.month, x.currency$$, 'R51: statements add up to what is on record');
SELECT results_eq($$SELECT c.currency, sum(c.amount) FROM card_issuer.charge c GROUP BY c.currency ORDER BY 1$$,
                  $$SELECT s.currency, sum(s.amount) FROM card_issuer.statement s GROUP BY s.currency ORDER BY 1$$, 'R51: and to the charges');
SELECT is_empty($$SELECT c.message_id FROM card_issuer.charge c GROUP BY c.message_id HAVING count(*) FILTER (WHERE NOT c.refund) <> 1 OR count(*) > 2$$,
                'E52: no load is charged twice, nor refunded twice');
SELECT is_empty($$SELECT FROM card_issuer.charge c WHERE c.refund AND (c.kind <> 'reload' OR c.amount > 0)$$, 'E52: only reloads are refunded');
SELECT is_empty($$SELECT FROM card_issuer.app_load l JOIN card_issuer.card c ON c.card_id = l.card_id
                   WHERE l.refunded_at IS NOT NULL AND (c.status <> 'revoked' OR l.loaded_at IS NULL)$$, 'E52: on cards whose reissue was withdrawn');
SELECT is_empty($$SELECT FROM card_issuer.app_load l JOIN card_issuer.card c ON c.card_id = l.card_id
                   WHERE c.status = 'revoked' AND l.status = 'loaded' AND l.tariff_kind = 'reload' AND l.fee IS NOT NULL AND l.refunded_at IS NULL$$, 'E52: and all that live there');

-- E60: who sees it, and what.
SELECT isnt(t.run('SELECT count(*) FROM card_issuer.' || v, r), '0', format('E60: %s reads %s', r, v)) FROM unnest('{charge,statement}'::text[]) v, unnest('{clerk,auditor}'::name[]) r;
SELECT t.refused('SELECT count(*) FROM card_issuer.' || v, '42501', format('E60: %s does not read %s', r, v), r) FROM unnest('{charge,statement}'::text[]) v, unnest('{metro,nobody}'::name[]) r;
SELECT is_empty(format($$SELECT FROM card_issuer.card c WHERE strpos(query_to_xml('SELECT * FROM card_issuer.%s', true, true, '')::text, c.card_id::text) > 0$$, v),
                'E60: no card id in ' || v) FROM unnest('{charge,statement}'::text[]) v;

SELECT * FROM finish();
ROLLBACK;
