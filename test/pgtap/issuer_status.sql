-- The life of cards, loads and requests for a reissue: what every call does in
-- every status, that the table screissue.status_move says the same, and that no
-- call makes a move which the owner of the extension has forbidden (R11, R16, E8,
-- E9, E54; design 6)
BEGIN;
\ir include/issuer.sql
SELECT plan(408);

SELECT card_issuer.register_key(1, 'ecies-x25519') \g /dev/null
CREATE FUNCTION t.policy(request jsonb)
    RETURNS verdict LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ROW(CASE request ->> 'reason' WHEN 'damaged' THEN false WHEN 'other' THEN NULL ELSE true END, NULL, NULL)::screissue.verdict
$$;
SELECT card_issuer.set_policy('reissue', 't.policy(jsonb)') \g /dev/null

-- Cards.  A card of a status, and of the status that it had before; it replaced
-- the card OLD, so that its reissue can be withdrawn.
CREATE FUNCTION t.make_card(status card_status, former card_status)
    RETURNS void
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM card_issuer.issue_card('OLD', 100), card_issuer.request_reissue('OLD', 'lost'),
            card_issuer.reissue_card('OLD', 'CARD', activate => former <> 'produced');
    IF status IN ('suspended', 'lost', 'stolen', 'damaged') THEN
        PERFORM card_issuer.block_card('CARD', status);
    ELSIF status = 'expired' THEN
        UPDATE card_issuer.card c SET valid_until = today() - 1 WHERE c.card_id = 'CARD';
        PERFORM card_issuer.expire_cards();
    ELSIF status = 'replaced' THEN
        PERFORM t.reissue('CARD', 'NEW');
    ELSIF status = 'revoked' THEN
        PERFORM card_issuer.withdraw_reissue('CARD');
    END IF;
END
$$;
-- The calls.  What some of them need is made before: a day that is past, and an
-- approved request where there may be one.
CREATE TABLE t.call (n integer GENERATED ALWAYS AS IDENTITY, name text, query text);
INSERT INTO t.call (name, query) VALUES
    ('activate', $$card_issuer.activate_card('CARD')$$),
    ('suspend', $$card_issuer.block_card('CARD', 'suspended')$$),
    ('lose', $$card_issuer.block_card('CARD', 'lost')$$),
    ('steal', $$card_issuer.block_card('CARD', 'stolen')$$),
    ('damage', $$card_issuer.block_card('CARD', 'damaged')$$),
    ('unblock', $$card_issuer.unblock_card('CARD')$$),
    ('renew', $$card_issuer.renew_card('CARD', today() + 100)$$),
    ('expire', $$card_issuer.expire_cards()$$),
    ('request', $$card_issuer.request_reissue('CARD', 'lost')$$),
    ('reissue', $$card_issuer.reissue_card('CARD', 'NEW')$$),
    ('reissue unasked', $$card_issuer.reissue_card('CARD', 'NEW')$$),
    ('withdraw', $$card_issuer.withdraw_reissue('CARD')$$),
    ('opt out', $$card_issuer.set_opt_out('CARD', NULL, true)$$),
    ('personalize', $$card_issuer.personalize_card('CARD', 1)$$);
CREATE FUNCTION t.prepare_call(call text, status card_status)
    RETURNS void
    LANGUAGE plpgsql
AS $$
BEGIN
    IF call = 'expire' AND status <> 'expired' THEN
        UPDATE card_issuer.card c SET valid_until = today() - 1 WHERE c.card_id = 'CARD';
    ELSIF call = 'reissue' AND status NOT IN ('replaced', 'revoked') THEN
        PERFORM card_issuer.request_reissue('CARD', 'lost');
    END IF;
END
$$;
-- Makes a situation, forbids a move, if one is named, makes a call, and takes
-- all back.  Returns what the query says about the situation then; or the
-- error, which is to have changed nothing.  One that is SR005, and names two
-- states, is "FROM cannot be TO".
CREATE FUNCTION t.try(situation text, call text, outcome text, forbidden text[] DEFAULT NULL)
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    before text;
    answer text;
    state text;
    message text;
BEGIN
    BEGIN
        EXECUTE situation;
        IF forbidden IS NOT NULL THEN
            UPDATE screissue.status_move m SET allowed = false
             WHERE ARRAY[m.subject, m.from_status, m.to_status] = forbidden AND m.allowed;
            IF NOT FOUND THEN
                RAISE 'no such move: %', forbidden;
            END IF;
        END IF;
        before := t.on_record();
        BEGIN
            EXECUTE 'SELECT ' || call;
            EXECUTE outcome INTO answer;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
            answer := CASE WHEN state = 'SR005'
                           THEN coalesce((SELECT m[1] || ' cannot be ' || m[2] FROM regexp_match(message, '^\w+ ".*" is (\w+), it cannot be (.+)$') m), message)
                           WHEN state ~ '^SR' THEN state
                           ELSE state || ' ' || message END;
        END;
        IF state IS NOT NULL AND t.on_record() <> before THEN
            answer := answer || ', and something has changed';
        END IF;
        RAISE SQLSTATE 'TRY00' USING MESSAGE = answer;
    EXCEPTION WHEN SQLSTATE 'TRY00' THEN
        RETURN SQLERRM;
    END;
END
$$;
CREATE FUNCTION t.try_card(status card_status, former card_status, call text, forbidden text[] DEFAULT NULL)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT t.try(format('SELECT t.make_card(%L, %L), t.prepare_call(%L, %L)', status, former, call, status), c.query,
                 $q$SELECT t.card_status('CARD')$q$, forbidden)
      FROM t.call c WHERE c.name = call
$$;

-- The state machine, line by line: the outcome of each call above.  A call that is
-- repeated changes nothing.
CREATE TABLE t.life (status card_status, former card_status, outcomes text[]);
INSERT INTO t.life VALUES
    ('produced', 'produced', ARRAY[
        'active', 'suspended', 'lost', 'stolen', 'damaged', 'produced', 'produced', 'expired', 'produced', 'replaced', 'SR007', 'revoked', 'produced', 'produced']),
    ('active', 'active', ARRAY[
        'active', 'suspended', 'lost', 'stolen', 'damaged', 'active', 'active', 'expired', 'active', 'replaced', 'SR007', 'revoked', 'active', 'active']),
    ('suspended', 'active', ARRAY[
        'suspended cannot be activated', 'suspended', 'lost', 'stolen', 'damaged', 'active', 'suspended', 'suspended',
        'suspended', 'replaced', 'SR007', 'revoked', 'suspended', 'suspended cannot be personalized']),
    ('suspended', 'produced', ARRAY[
        'suspended cannot be activated', 'suspended', 'lost', 'stolen', 'damaged', 'produced', 'suspended', 'suspended',
        'suspended', 'replaced', 'SR007', 'revoked', 'suspended', 'suspended cannot be personalized']),
    ('expired', 'active', ARRAY[
        'expired cannot be activated', 'expired cannot be suspended', 'expired cannot be lost', 'expired cannot be stolen', 'expired cannot be damaged',
        'expired cannot be active', 'active', 'expired', 'expired', 'replaced', 'SR007', 'revoked', 'expired', 'expired cannot be personalized']),
    ('expired', 'produced', ARRAY[
        'expired cannot be activated', 'expired cannot be suspended', 'expired cannot be lost', 'expired cannot be stolen', 'expired cannot be damaged',
        'expired cannot be produced', 'produced', 'expired', 'expired', 'replaced', 'SR007', 'revoked', 'expired', 'expired cannot be personalized']),
    ('replaced', 'active', ARRAY[
        'replaced cannot be activated', 'replaced cannot be suspended', 'replaced cannot be lost', 'replaced cannot be stolen', 'replaced cannot be damaged',
        'replaced cannot be active', 'replaced cannot be renewed', 'replaced', 'SR006', 'SR006', 'SR006', 'replaced cannot be revoked',
        'replaced cannot be opted out', 'replaced cannot be personalized']),
    ('revoked', 'active', ARRAY[
        'revoked cannot be activated', 'revoked cannot be suspended', 'revoked cannot be lost', 'revoked cannot be stolen', 'revoked cannot be damaged',
        'revoked cannot be active', 'revoked cannot be renewed', 'revoked', 'revoked cannot be replaced', 'revoked cannot be replaced',
        'revoked cannot be replaced', 'revoked cannot be revoked', 'revoked cannot be opted out', 'revoked cannot be personalized']);
INSERT INTO t.life
SELECT s, f, ARRAY[s || ' cannot be activated', 'suspended', 'lost', 'stolen', 'damaged', f::text, s || ' cannot be renewed', s::text,
                   s::text, 'replaced', 'SR007', 'revoked', s::text, s || ' cannot be personalized']
  FROM unnest('{lost,stolen,damaged}'::card_status[]) s, unnest('{produced,active}'::card_status[]) f;

SELECT is((SELECT array_agg(DISTINCT l.status ORDER BY l.status) FROM t.life l), enum_range(NULL::card_status), 'every status of a card has a line');
CREATE TABLE t.seen AS
SELECT l.status, l.former, c.name AS call, l.outcomes[c.n] AS expected, t.try_card(l.status, l.former, c.name) AS outcome
  FROM t.life l, t.call c;
SELECT is(s.outcome, s.expected, format('E8, E9: %s card, %s before: %s', s.status, s.former, s.call)) FROM t.seen s ORDER BY s.status, s.former, s.call;

-- withdraw_reissue on the old card: whatever it was, it is again.
CREATE TABLE t.old AS
SELECT l.status, l.former,
       t.try(format('SELECT t.make_card(%L, %L), t.reissue(%L, %L)', l.status, l.former, 'CARD', 'NEW'), $$card_issuer.withdraw_reissue('NEW')$$,
             $$SELECT format('%s, %s before', c.status, coalesce(c.former_status, c.status)) FROM card_issuer.card c WHERE c.card_id = 'CARD'$$) AS outcome
  FROM t.life l WHERE l.status NOT IN ('replaced', 'revoked');
SELECT is(o.outcome, format('%s, %s before', o.status, o.former), format('E9: its reissue withdrawn, a card is %s again, %s before', o.status, o.former))
  FROM t.old o;

-- The table says the same as the calls do.
SELECT set_eq($$SELECT m.from_status, m.to_status FROM screissue.status_move m WHERE m.subject = 'card'$$,
              $$SELECT s.status::text, s.outcome FROM t.seen s WHERE s.outcome NOT LIKE '% cannot be %' AND s.outcome NOT LIKE 'SR%' AND s.outcome <> s.status::text
                 UNION SELECT 'replaced', o.status::text FROM t.old o$$,
              'the moves of a card in screissue.status_move are those that calls make');

-- Each move forbidden in turn: no call makes it, and the error names both.
SELECT is(t.try_card(s.status, s.former, s.call, ARRAY['card', s.status::text, s.expected]),
          CASE s.call WHEN 'expire' THEN s.status::text ELSE format('%s cannot be %s', s.status, s.expected) END,
          format('forbidden: %s card, %s before: %s', s.status, s.former, s.call))
  FROM t.seen s
 WHERE s.expected NOT LIKE '% cannot be %' AND s.expected NOT LIKE 'SR%' AND s.expected <> s.status::text
 ORDER BY s.status, s.former, s.call;
SELECT is(t.try_card(l.status, l.former, 'request', ARRAY['card', l.status::text, 'replaced']), l.status || ' cannot be replaced',
          format('forbidden to reissue: no request for a %s card, %s before', l.status, l.former))
  FROM t.life l WHERE l.status NOT IN ('replaced', 'revoked');
SELECT is(t.try(format('SELECT t.make_card(%L, %L), t.reissue(%L, %L)', o.status, o.former, 'CARD', 'NEW'), $$card_issuer.withdraw_reissue('NEW')$$,
                'SELECT 0', ARRAY['card', 'replaced', o.status::text]), 'replaced cannot be ' || o.status,
          format('forbidden: an old card that was %s, %s before, comes back', o.status, o.former))
  FROM t.old o;
SELECT is(t.try($$SELECT card_issuer.issue_card('A', 100), card_issuer.request_reissue('A', 'upgraded'), card_issuer.reissue_card('A', 'B', overlap => '1 day')$$,
                format($$card_issuer.block_card('A', %L)$$, s), 'SELECT 0', ARRAY['card', 'active', s]), 'active cannot be ' || s,
          format('forbidden: an old card that still works gets blocked as %s', s))
  FROM unnest('{suspended,lost,stolen,damaged}'::text[]) s;
SELECT is(t.try($$SELECT card_issuer.issue_card('A', 100)$$, $$(SELECT card_issuer.preview_reissue('A'))$$, 'SELECT 0', '{card,active,replaced}'),
          'active cannot be replaced', 'forbidden to reissue: the preview says so');

-- R11: a card that was made and not handed over.
SELECT card_issuer.issue_card('HAND-A', 100, activate => false) \g /dev/null
SELECT t.load('HAND-A', :METRO1) AS at_issue \gset
SELECT is((t.run($$SELECT f.reissued FROM card_issuer.find_reissue('HAND-A', 'D276AB0085CD01') f$$, 'metro')), 'false', 'R11: loaded, and stands for no other');
SELECT is(t.reissue('HAND-A', 'HAND-B'), '1/1', 'R11: lost in the post, it is reissued, and what was loaded on it inherited');
SELECT is(t.inherited('HAND-B', :METRO1)::text, :'at_issue', 'R11: the new card inherits the load at issue');
SELECT card_issuer.request_reissue('HAND-B', 'lost'), card_issuer.reissue_card('HAND-B', 'HAND-C', activate => false) \g /dev/null
SELECT is(t.inherited('HAND-C', :METRO1), NULL, 'R11: a reissued card that is not handed over gets no answer yet');
SELECT is((SELECT p.inherits::text FROM card_issuer.permit_load(app => :METRO1, card => 'HAND-C') p), :'at_issue', 'R11: but is loaded before');
SELECT lives_ok($$SELECT t.run($q$SELECT card_issuer.activate_card('HAND-C')$q$, 'clerk')$$, 'R11: handed over');
SELECT is(t.inherited('HAND-C', :METRO1)::text, :'at_issue', 'R11: now it gets the answer');
SELECT t.refused($$SELECT card_issuer.activate_card('HAND-C')$$, '42501', 'R11: no provider hands a card over', 'metro');

-- Expiry.  A card works to the end of its last day, in UTC (E54).
CREATE FUNCTION t.issue_until(card card_id, until date, status card_status DEFAULT 'active')
    RETURNS void
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM card_issuer.issue_card(card, 100, activate => status <> 'produced'), t.load(card, 'D276AB0085CD01');
    IF status NOT IN ('produced', 'active') THEN
        PERFORM card_issuer.block_card(card, status);
    END IF;
    UPDATE card_issuer.card c SET valid_until = until WHERE c.card_id = card;
END
$$;
SELECT t.issue_until('UNTIL-YESTERDAY', today() - 1), t.issue_until('UNTIL-TODAY', today()), t.issue_until('UNTIL-TOMORROW', today() + 1),
       t.issue_until('UNTIL-NEVER', NULL), t.issue_until('UNTIL-MADE', today() - 1, 'produced') \g /dev/null
SELECT t.issue_until(('UNTIL-' || s)::card_id, today() - 1, s) FROM unnest('{suspended,lost,stolen,damaged}'::card_status[]) s \g /dev/null
CREATE FUNCTION t.answer(card card_id)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT t.run(format($q$SELECT coalesce(p.refusal, 'permitted') FROM card_issuer.permit_load(app => 'D276AB0085CD02', card => %L) p$q$, card), 'metro')
$$;
SET LOCAL TimeZone = '<X>+160';
SELECT is(t.answer('UNTIL-TODAY') || ', ' || t.answer('UNTIL-YESTERDAY'), 'permitted, refused', 'E54: a card works to the end of its day, before anybody calls');
SELECT is(card_issuer.expire_cards(), 2::bigint, 'the two cards that are past, and not blocked, expire');
SET LOCAL TimeZone = 'UTC';
SELECT is(t.answer('UNTIL-TODAY') || ', ' || t.answer('UNTIL-YESTERDAY'), 'permitted, refused', 'which changes no answer');
SELECT is((SELECT string_agg(format('%s %s', substr(c.card_id::text, 7), c.status), ', ' ORDER BY c.card_id) FROM card_issuer.card c WHERE c.card_id::text LIKE 'UNTIL-%'),
          'DAMAGED damaged, LOST lost, MADE expired, NEVER active, STOLEN stolen, SUSPENDED suspended, TODAY active, TOMORROW active, YESTERDAY expired',
          'E8: blocked cards stay as they are');
SELECT t.on_record() AS before \gset
SELECT is(t.run('SELECT card_issuer.expire_cards()', 'clerk'), '0', 'called again: none');
SELECT is(t.on_record(), :'before', 'and nothing changes');
SELECT t.refused('SELECT card_issuer.expire_cards()', '42501', 'not a call of a provider', 'metro');
SELECT card_issuer.unblock_card('UNTIL-SUSPENDED') \g /dev/null
SELECT is(t.answer('UNTIL-SUSPENDED') || ', ' || t.card_status('UNTIL-SUSPENDED'), 'refused, active', 'E8: unblocked after its last day, a card is active and does not work');
SELECT is(card_issuer.expire_cards(), 1::bigint, 'E8: and is the next to expire');
SELECT card_issuer.renew_card(c, today() + 400) FROM unnest('{UNTIL-YESTERDAY,UNTIL-MADE,UNTIL-SUSPENDED}'::card_id[]) c \g /dev/null
SELECT is((SELECT string_agg(c.status::text, ' ' ORDER BY c.card_id) FROM card_issuer.card c WHERE c.card_id = ANY ('{UNTIL-YESTERDAY,UNTIL-MADE,UNTIL-SUSPENDED}')
             AND c.former_status IS NULL), 'produced active active', 'E17: renewed, expired cards are what they were');
SELECT is(t.answer('UNTIL-YESTERDAY'), 'permitted', 'E17: and work');
SELECT is((SELECT count(*) FROM unnest(t.notices('METRO')) n WHERE n LIKE '% renewal UNTIL-YESTERDAY<-%'), 1::bigint, 'E17: of which METRO is told');
SELECT is(card_issuer.expire_cards(), 0::bigint, 'E17: renewed cards do not expire');
UPDATE card_issuer.card c SET valid_until = today() - 1 WHERE c.card_id = 'UNTIL-NEVER';
SELECT card_issuer.expire_cards() \g /dev/null
SELECT is(t.reissue('UNTIL-NEVER', 'UNTIL-B', reason => 'expired'), '1/1', 'R17: an expired card is reissued');
UPDATE card_issuer.card c SET valid_until = today() - 1 WHERE c.card_id = 'UNTIL-B';
SELECT is(card_issuer.expire_cards(), 1::bigint, 'a reissued card expires, the old one, replaced, does not');

-- Loads.  One of a status on card A, which is reissued as B.
CREATE FUNCTION t.make_load(status load_status)
    RETURNS void
    LANGUAGE plpgsql
AS $$
DECLARE
    message message_id;
BEGIN
    PERFORM card_issuer.issue_card('A', 100);
    message := t.permit('A', 'D276AB0085CD01');
    IF status IN ('loaded', 'unloaded', 'superseded') THEN
        PERFORM card_issuer.confirm_load(message);
    END IF;
    IF status = 'failed' THEN
        PERFORM card_issuer.confirm_load(message, false);
    ELSIF status = 'unloaded' THEN
        PERFORM card_issuer.confirm_unload(message);
    END IF;
    PERFORM t.reissue('A', 'B');
    IF status = 'superseded' THEN
        PERFORM t.load('B', 'D276AB0085CD01');
    END IF;
    PERFORM set_config('t.load', message::text, true);
    IF status <> 'superseded' THEN
        PERFORM set_config('t.reload', t.permit('B', 'D276AB0085CD01')::text, true);
    END IF;
END
$$;
CREATE FUNCTION t.try_load(status load_status, call text, forbidden text[] DEFAULT NULL, also text DEFAULT '0')
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT t.try(format('SELECT t.make_load(%L), %s', status, also), call, $q$SELECT t.load_status(current_setting('t.load')::message_id)$q$, forbidden)
$$;
CREATE TABLE t.load_call (name text, query text);
INSERT INTO t.load_call VALUES
    ('loaded', $$card_issuer.confirm_load(current_setting('t.load')::message_id)$$),
    ('failed', $$card_issuer.confirm_load(current_setting('t.load')::message_id, false)$$),
    ('unloaded', $$card_issuer.confirm_unload(current_setting('t.load')::message_id)$$),
    ('reloaded', $$card_issuer.confirm_load(current_setting('t.reload')::message_id)$$);
CREATE TABLE t.load_life (status load_status, call text, outcome text);
INSERT INTO t.load_life VALUES
    ('permitted', 'loaded', 'loaded'), ('permitted', 'failed', 'failed'), ('permitted', 'unloaded', 'SR009'), ('permitted', 'reloaded', 'permitted'),
    ('loaded', 'loaded', 'loaded'), ('loaded', 'failed', 'SR009'), ('loaded', 'unloaded', 'unloaded'), ('loaded', 'reloaded', 'superseded'),
    ('failed', 'loaded', 'SR009'), ('failed', 'failed', 'failed'), ('failed', 'unloaded', 'SR009'), ('failed', 'reloaded', 'failed'),
    ('unloaded', 'loaded', 'unloaded'), ('unloaded', 'failed', 'SR009'), ('unloaded', 'unloaded', 'unloaded'), ('unloaded', 'reloaded', 'unloaded'),
    ('superseded', 'loaded', 'superseded'), ('superseded', 'failed', 'SR009'), ('superseded', 'unloaded', 'superseded');
SELECT is(t.try_load(l.status, c.query), l.outcome, format('R12, R27: a load that is %s: %s', l.status, l.call))
  FROM t.load_life l JOIN t.load_call c ON c.name = l.call ORDER BY l.status, l.call;
SELECT set_eq($$SELECT m.from_status, m.to_status FROM screissue.status_move m WHERE m.subject = 'load'$$,
              $$SELECT l.status::text, l.outcome FROM t.load_life l WHERE l.outcome <> l.status::text AND l.outcome <> 'SR009'$$,
              'the moves of a load in screissue.status_move are those');
SELECT is(t.try_load(l.status, c.query, ARRAY['load', l.status::text, l.outcome]), format('%s cannot be %s', l.status, l.outcome),
          format('forbidden: a load that is %s: %s', l.status, l.call))
  FROM t.load_life l JOIN t.load_call c ON c.name = l.call WHERE l.outcome <> l.status::text AND l.outcome <> 'SR009' ORDER BY l.status, l.call;
-- Loads end by other ways, too.
SELECT is(t.try_load('permitted', c.query, NULL, $$card_issuer.confirm_load(current_setting('t.reload')::message_id)$$), 'superseded',
          'E2: confirmed when the new card has the application, a load is superseded')
  FROM t.load_call c WHERE c.name = 'loaded';
SELECT is(t.try_load('permitted', c.query, '{load,loaded,superseded}', $$card_issuer.confirm_load(current_setting('t.reload')::message_id)$$), 'loaded cannot be superseded',
          'forbidden: that')
  FROM t.load_call c WHERE c.name = 'loaded';
SELECT is(t.try_load('loaded', c.query, f, $$card_issuer.set_opt_out('B', NULL, true)$$), coalesce(f[2] || ' cannot be ' || f[3], 'superseded'),
          coalesce('forbidden: ' || f[3], 'E56: superseded') || ' by a reload whose provider does not know what it inherits')
  FROM t.load_call c, (VALUES (NULL::text[]), ('{load,loaded,superseded}')) v (f) WHERE c.name = 'reloaded';

-- Requests: one of a status for card A, which replaced OLD; completed by card B.
CREATE FUNCTION t.make_request(status request_status)
    RETURNS void
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM card_issuer.issue_card('OLD', 100), t.reissue('OLD', 'A'),
            card_issuer.request_reissue('A', CASE status WHEN 'pending' THEN 'other' WHEN 'refused' THEN 'damaged' ELSE 'lost' END::reissue_reason);
    IF status = 'withdrawn' THEN
        PERFORM card_issuer.decide_reissue('A', false);
    ELSIF status = 'completed' THEN
        PERFORM card_issuer.reissue_card('A', 'B');
    END IF;
END
$$;
CREATE FUNCTION t.try_request(status request_status, call text, forbidden text[] DEFAULT NULL)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT t.try(format('SELECT t.make_request(%L)', status), call,
                 $q$SELECT r.status FROM card_issuer.reissue_request r WHERE r.old_card_id = 'A' ORDER BY r.request_id DESC LIMIT 1$q$, forbidden)
$$;
CREATE TABLE t.request_call (name text, query text);
INSERT INTO t.request_call VALUES
    ('approve', $$card_issuer.decide_reissue('A', true)$$), ('refuse', $$card_issuer.decide_reissue('A', false)$$),
    ('reissue', $$card_issuer.reissue_card('A', 'C')$$), ('withdraw this card', $$card_issuer.withdraw_reissue('A')$$),
    ('withdraw the new card', $$card_issuer.withdraw_reissue('B')$$);
CREATE TABLE t.request_life (status request_status, call text, outcome text);
INSERT INTO t.request_life VALUES
    ('pending', 'approve', 'approved'), ('pending', 'refuse', 'refused'), ('pending', 'reissue', 'SR007'), ('pending', 'withdraw this card', 'withdrawn'),
    ('approved', 'approve', 'approved'), ('approved', 'refuse', 'withdrawn'), ('approved', 'reissue', 'completed'), ('approved', 'withdraw this card', 'withdrawn'),
    ('refused', 'approve', 'SR007'), ('refused', 'refuse', 'SR007'), ('refused', 'reissue', 'SR007'), ('refused', 'withdraw this card', 'refused'),
    ('completed', 'approve', 'SR007'), ('completed', 'refuse', 'SR007'), ('completed', 'reissue', 'SR006'),
    ('completed', 'withdraw this card', 'replaced cannot be revoked'), ('completed', 'withdraw the new card', 'withdrawn'),
    ('withdrawn', 'approve', 'SR007'), ('withdrawn', 'refuse', 'SR007'), ('withdrawn', 'reissue', 'SR007'), ('withdrawn', 'withdraw this card', 'withdrawn');
SELECT is(t.try_request(l.status, c.query), l.outcome, format('R14-R16: a request that is %s: %s', l.status, l.call))
  FROM t.request_life l JOIN t.request_call c ON c.name = l.call ORDER BY l.status, l.call;
SELECT set_eq($$SELECT m.from_status, m.to_status FROM screissue.status_move m WHERE m.subject = 'request'$$,
              $$SELECT l.status::text, l.outcome FROM t.request_life l WHERE l.outcome = ANY (enum_range(NULL::request_status)::text[]) AND l.outcome <> l.status::text$$,
              'the moves of a request in screissue.status_move are those');
SELECT is(t.try_request(l.status, c.query, ARRAY['request', l.status::text, l.outcome]), format('%s cannot be %s', l.status, l.outcome),
          format('forbidden: a request that is %s: %s', l.status, l.call))
  FROM t.request_life l JOIN t.request_call c ON c.name = l.call
 WHERE l.outcome = ANY (enum_range(NULL::request_status)::text[]) AND l.outcome <> l.status::text ORDER BY l.status, l.call;
SELECT is(t.try_request(r.status, $$card_issuer.request_reissue('A', 'lost')$$), r.outcome, format('R14: a second request beside one that is %s', r.status))
  FROM (VALUES ('pending'::request_status, 'SR006'), ('approved', 'SR006'), ('refused', 'approved'), ('completed', 'SR006'), ('withdrawn', 'approved')) r (status, outcome);

-- The table itself: forbidding is for the owner of the extension, adding for nobody.
SELECT is(t.run('SELECT count(*) FROM screissue.status_move', r), (SELECT count(*)::text FROM screissue.status_moves()), 'the table is read by ' || r)
  FROM unnest('{clerk,auditor}'::name[]) r;
SELECT t.refused('SELECT count(*) FROM screissue.status_move', '42501', 'and not by ' || r, r) FROM unnest('{metro,nobody}'::name[]) r;
SELECT throws_ok(format('SELECT t.run(%L, %L)', q, 'clerk'), '42501', NULL, 'nor written by an operator: ' || q)
  FROM unnest(ARRAY['WITH x AS (UPDATE screissue.status_move SET allowed = false RETURNING 1) SELECT 1', 'WITH x AS (DELETE FROM screissue.status_move RETURNING 1) SELECT 1']) q;
SELECT throws_ok(q, '23514', NULL, 'no move is added: ' || q)
  FROM unnest(ARRAY[$$INSERT INTO screissue.status_move VALUES ('card', 'revoked', 'active')$$, $$INSERT INTO screissue.status_move VALUES ('card', 'active', 'active', false)$$,
                    $$INSERT INTO screissue.status_move VALUES ('reissue', 'active', 'lost')$$,
                    $$UPDATE screissue.status_move SET to_status = 'produced' WHERE subject = 'card' AND from_status = 'active' AND to_status = 'lost'$$]) q;
SELECT throws_ok($$INSERT INTO screissue.status_move VALUES ('card', 'active', 'lost')$$, '23505', NULL, 'nor listed twice');
UPDATE screissue.status_move SET allowed = false WHERE subject = 'card' AND from_status = 'stolen' AND to_status = 'active';
DELETE FROM screissue.status_move WHERE subject = 'card' AND from_status = 'lost' AND to_status = 'damaged';
SELECT card_issuer.issue_card('LIFE-A', 100), card_issuer.block_card('LIFE-A', 'stolen') \g /dev/null
SELECT t.refused($$SELECT card_issuer.unblock_card('LIFE-A')$$, 'SR005', 'E8: a stolen card does not come back where the bank does not want it');
SELECT card_issuer.setup('BANKJP', 'Bank'), service_provider.setup('METRO', 'Metro Transit') \g /dev/null
SELECT t.refused($$SELECT card_issuer.unblock_card('LIFE-A')$$, 'SR005', 'nor after another setup()');
SELECT card_issuer.block_card('LIFE-A', 'lost') \g /dev/null
SELECT t.refused($$SELECT card_issuer.block_card('LIFE-A', 'damaged')$$, 'SR005', 'a move that is not listed any more is none');
SELECT card_issuer.unblock_card('LIFE-A'), card_issuer.block_card('LIFE-A', 'stolen') \g /dev/null
UPDATE screissue.status_move SET allowed = true WHERE subject = 'card';
SELECT lives_ok($$SELECT card_issuer.unblock_card('LIFE-A')$$, 'E8: allowed again, the stolen card comes back');

SELECT * FROM finish();
ROLLBACK;
