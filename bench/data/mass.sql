-- :cards cards with three applications of two providers each, and a batch that
-- replaces all of them, in random order: a database of its own, since a
-- copy of it is the peer's.  Written straight into the tables, as no call of the
-- API could in this time.  The batch was filled just now: it has no statistics.

CREATE EXTENSION screissue;
SELECT card_issuer.setup('BANKJP', 'Bank of Japan Point');
CREATE ROLE mass_metro;
CREATE ROLE mass_shop;
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'mass_metro');
SELECT card_issuer.register_provider('SHOP', 'Shop Points', 'mass_shop', 'pull');
SELECT card_issuer.register_application('D3920000A101', 'METRO', 'travel pass');
SELECT card_issuer.register_application('D3920000A102', 'METRO', 'park and ride');
SELECT card_issuer.register_application('D3920000B101', 'SHOP', 'points');

SET session_replication_role = replica;         -- foreign keys hold as it is
SELECT setseed(0.3);
CREATE TEMP TABLE pair AS
    SELECT (3566002000000000 + i)::text::screissue.card_id AS old_card_id,
           (3566003000000000 + i)::text::screissue.card_id AS new_card_id, i
      FROM generate_series(1, :cards) i
     ORDER BY random();
INSERT INTO card_issuer.card (card_id, platform_type, status, issued_at)
SELECT p.old_card_id, 100, 'active', now() FROM pair p;
INSERT INTO card_issuer.app_load
    (card_id, message_id, app_id, provider, status, tariff_kind, at_issue,
     permitted_at, loaded_at)
SELECT p.old_card_id, screissue.message_id('BANKJP', a.provider, 3 * p.i + a.n),
       a.app_id, a.provider, 'loaded', 'load', false, now(), now()
  FROM pair p,
       (VALUES (0, 'D3920000A101'::screissue.app_id, 'METRO'::screissue.company_id),
               (1, 'D3920000A102', 'METRO'),
               (2, 'D3920000B101', 'SHOP')) a (n, app_id, provider);
SET session_replication_role = origin;
VACUUM (FREEZE, ANALYZE);
INSERT INTO card_issuer.reissue_batch (reason) VALUES ('compromised');
INSERT INTO card_issuer.reissue_batch_item (batch_id, old_card_id, new_card_id)
SELECT 1, p.old_card_id, p.new_card_id FROM pair p ORDER BY random();
