-- 100,000 cards that were replaced, and those in their place, each with three loads,
-- of two providers, and all that belongs to that, written straight into the tables;
-- 5,200 pairs of a card that is there, drawn at random, whose reissue is approved,
-- and a new one, in slices of fifty; and two ways to reissue a slice, with a commit
-- after each card.

CREATE ROLE shop;
SELECT card_issuer.register_provider('SHOP', 'Shop Points', 'shop');
SELECT card_issuer.register_application('D3920000A102', 'METRO', 'park and ride');
SELECT card_issuer.register_application('D3920000B101', 'SHOP', 'points');

-- Of each pair the reissued card is the one that is reissued now.
CREATE TABLE bench.holding AS
    SELECT i, 'holder ' || i AS holder_id,
           (3566011000000000 + i)::text::screissue.card_id AS first_card,
           (3566012000000000 + i)::text::screissue.card_id AS card_id
      FROM generate_series(1, 100000) i;
CREATE TABLE bench.owner (
    n integer, app_id screissue.app_id, provider screissue.company_id);
INSERT INTO bench.owner VALUES
    (0, 'D3920000A101', 'METRO'),
    (1, 'D3920000A102', 'METRO'),
    (2, 'D3920000B101', 'SHOP');

SET session_replication_role = replica;         -- foreign keys hold as it is
INSERT INTO card_issuer.holder (holder_id)
SELECT h.holder_id FROM bench.holding h;
INSERT INTO card_issuer.card
    (card_id, platform_type, holder_id, status, issued_at, replaced_by,
     replaced_at)
SELECT h.first_card, 100, h.holder_id, 'replaced', now(), h.card_id, now()
  FROM bench.holding h;
INSERT INTO card_issuer.card
    (card_id, platform_type, holder_id, status, issued_at, replaces)
SELECT h.card_id, 100, h.holder_id, 'active', now(), h.first_card
  FROM bench.holding h;
INSERT INTO card_issuer.reissue_request
    (old_card_id, request_id, reason, status, requested_at, new_card_id,
     former_status, completed_at)
SELECT h.first_card, nextval('card_issuer.request_sequence'), 'damaged',
       'completed', now(), h.card_id, 'active', now()
  FROM bench.holding h;
INSERT INTO card_issuer.app_load
    (card_id, message_id, app_id, provider, status, inherits, tariff_kind,
     at_issue, permitted_at, loaded_at)
SELECT h.card_id, screissue.message_id('BANKJP', o.provider, 2000000 + 3 * h.i + o.n),
       o.app_id, o.provider, 'loaded',
       screissue.message_id('BANKJP', o.provider, 1000000 + 3 * h.i + o.n),
       'reload', false, now(), now()
  FROM bench.holding h, bench.owner o;
INSERT INTO card_issuer.entitlement
    (card_id, app_id, message_id, old_card_id, hops, granted_at, used_at)
SELECT h.card_id, o.app_id,
       screissue.message_id('BANKJP', o.provider, 1000000 + 3 * h.i + o.n),
       h.first_card, 1, now(), now()
  FROM bench.holding h, bench.owner o;
INSERT INTO screissue.notice
    (issuer, provider, notice_no, kind, platform_type, new_card_id, old_card_id,
     app_id, message_id, reason, noted_at)
SELECT 'BANKJP', o.provider::text,
       row_number() OVER (PARTITION BY o.provider ORDER BY h.i, o.n), 'reissue',
       100, h.card_id::text, h.first_card::text, o.app_id::text,
       screissue.message_id('BANKJP', o.provider, 1000000 + 3 * h.i + o.n)::text,
       'damaged', now()
  FROM bench.holding h, bench.owner o;
UPDATE card_issuer.notice_counter k
   SET last_notice_no = (SELECT max(n.notice_no) FROM screissue.notice n
                          WHERE n.provider = k.provider::text);
SET session_replication_role = origin;

-- The pairs, with all that the peer is told.
SELECT setseed(0.3);
CREATE TABLE bench.pair AS
    SELECT (row_number() OVER () % 104)::integer AS slice,
           p.card_id AS old_card, p.holder_id,
           (3566013000000000 + p.i)::text::screissue.card_id AS new_card,
           screissue.message_id('BANKJP', 'METRO', 2000000 + 3 * p.i) AS pass,
           screissue.message_id('BANKJP', 'METRO', 2000001 + 3 * p.i) AS parking,
           screissue.message_id('BANKJP', 'SHOP', 2000002 + 3 * p.i) AS points,
           NULL::bigint AS request_id
      FROM (SELECT h.* FROM bench.holding h ORDER BY random() LIMIT 5200) p;
UPDATE bench.pair p
   SET request_id = (card_issuer.request_reissue(p.old_card, 'lost')).request_id;
CREATE INDEX pair_slice_idx ON bench.pair (slice);
VACUUM (FREEZE, ANALYZE);

-- Reissues a slice; microseconds of CPU for a card, the commit included.
CREATE PROCEDURE bench.reissue(slice integer, INOUT took double precision)
    LANGUAGE plpgsql
AS $$
DECLARE
    pairs CONSTANT bench.pair[] := ARRAY(
        SELECT p FROM bench.pair p WHERE p.slice = reissue.slice);
    pair bench.pair;
    started double precision;
    written record;
BEGIN
    started := bench.cpu();
    FOREACH pair IN ARRAY pairs LOOP
        SELECT r.entitlements, r.notices INTO written
          FROM card_issuer.reissue_card(pair.old_card, pair.new_card) r;
        COMMIT;
    END LOOP;
    took := (bench.cpu() - started) * 1e6 / cardinality(pairs);
END
$$;
COMMENT ON PROCEDURE bench.reissue(integer, double precision) IS
    'reissue the cards of a slice by the extension''s call';

-- The same by one prepared statement for each row, as PL/pgSQL keeps them, without
-- a question: what has to be written is given.
CREATE PROCEDURE bench.write_reissue(slice integer, INOUT took double precision)
    LANGUAGE plpgsql
AS $$
DECLARE
    pairs CONSTANT bench.pair[] := ARRAY(
        SELECT p FROM bench.pair p WHERE p.slice = write_reissue.slice);
    pair bench.pair;
    started double precision;
    last_no bigint;
BEGIN
    started := bench.cpu();
    FOREACH pair IN ARRAY pairs LOOP
        UPDATE card_issuer.card c
           SET status = 'replaced', replaced_by = pair.new_card, replaced_at = now()
         WHERE c.card_id OPERATOR(screissue.=) pair.old_card;
        UPDATE card_issuer.reissue_request r
           SET status = 'completed', new_card_id = pair.new_card,
               former_status = 'active', completed_at = now()
         WHERE r.old_card_id OPERATOR(screissue.=) pair.old_card
           AND r.request_id = pair.request_id;
        INSERT INTO card_issuer.card
               (card_id, platform_type, holder_id, status, issued_at, replaces)
        VALUES (pair.new_card, 100, pair.holder_id, 'active', now(),
                pair.old_card);
        INSERT INTO card_issuer.entitlement
               (card_id, app_id, message_id, old_card_id, hops, granted_at)
        VALUES (pair.new_card, 'D3920000A101', pair.pass, pair.old_card, 1, now());
        INSERT INTO card_issuer.entitlement
               (card_id, app_id, message_id, old_card_id, hops, granted_at)
        VALUES (pair.new_card, 'D3920000A102', pair.parking, pair.old_card, 1,
                now());
        INSERT INTO card_issuer.entitlement
               (card_id, app_id, message_id, old_card_id, hops, granted_at)
        VALUES (pair.new_card, 'D3920000B101', pair.points, pair.old_card, 1,
                now());
        UPDATE card_issuer.notice_counter k
           SET last_notice_no = k.last_notice_no + 2
         WHERE k.provider OPERATOR(screissue.=) 'METRO'
        RETURNING k.last_notice_no INTO last_no;
        INSERT INTO screissue.notice
               (issuer, provider, notice_no, kind, platform_type, new_card_id,
                old_card_id, app_id, message_id, reason, noted_at)
        VALUES ('BANKJP', 'METRO', last_no - 1, 'reissue', 100,
                pair.new_card::text, pair.old_card::text, 'D3920000A101',
                pair.pass::text, 'lost', now());
        INSERT INTO screissue.notice
               (issuer, provider, notice_no, kind, platform_type, new_card_id,
                old_card_id, app_id, message_id, reason, noted_at)
        VALUES ('BANKJP', 'METRO', last_no, 'reissue', 100,
                pair.new_card::text, pair.old_card::text, 'D3920000A102',
                pair.parking::text, 'lost', now());
        UPDATE card_issuer.notice_counter k
           SET last_notice_no = k.last_notice_no + 1
         WHERE k.provider OPERATOR(screissue.=) 'SHOP'
        RETURNING k.last_notice_no INTO last_no;
        INSERT INTO screissue.notice
               (issuer, provider, notice_no, kind, platform_type, new_card_id,
                old_card_id, app_id, message_id, reason, noted_at)
        VALUES ('BANKJP', 'SHOP', last_no, 'reissue', 100,
                pair.new_card::text, pair.old_card::text, 'D3920000B101',
                pair.points::text, 'lost', now());
        COMMIT;
    END LOOP;
    took := (bench.cpu() - started) * 1e6 / cardinality(pairs);
END
$$;
COMMENT ON PROCEDURE bench.write_reissue(integer, double precision) IS
    'write what the reissue of the cards of a slice would write';

-- How many of the pairs have every row that belongs to them, as it has to be.
CREATE FUNCTION bench.reissued() RETURNS bigint
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT count(*)
      FROM bench.pair p
      JOIN card_issuer.card o ON o.card_id = p.old_card
      JOIN card_issuer.card n ON n.card_id = p.new_card
      JOIN card_issuer.reissue_request r
        ON r.old_card_id = p.old_card AND r.request_id = p.request_id
     WHERE (o.status, n.status, r.status, r.former_status)
           = ('replaced', 'active', 'completed', 'active')
       AND (o.replaced_by, n.replaces, r.new_card_id)
           = (p.new_card, p.old_card, p.new_card)
       AND n.holder_id = p.holder_id
       AND o.replaced_at = n.issued_at
       AND 3 = (SELECT count(*)
                  FROM card_issuer.entitlement e
                  JOIN card_issuer.app_load l
                    ON l.message_id = e.message_id AND l.app_id = e.app_id
                  JOIN screissue.notice w
                    ON w.provider = l.provider::text
                   AND w.new_card_id = e.card_id::text
                   AND w.app_id = e.app_id::text
                   AND w.message_id = e.message_id::text
                 WHERE e.card_id = p.new_card
                   AND e.old_card_id = p.old_card
                   AND l.card_id = p.old_card
                   AND w.old_card_id = p.old_card::text
                   AND (w.issuer, w.kind, w.platform_type, w.reason)
                       = ('BANKJP', 'reissue', 100, 'lost'))
$$;
COMMENT ON FUNCTION bench.reissued() IS 'number of pairs that were reissued';
