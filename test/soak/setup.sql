-- An issuer and a provider in one database, and what the calls of test/soak/calls
-- are about.

SET client_min_messages = warning;
ALTER DATABASE postgres SET search_path = public, screissue;
SET search_path = public, screissue;
ALTER DATABASE postgres SET screissue.log_inquiries = 'none';

CREATE ROLE metro;
SELECT card_issuer.setup('BANKJP', 'Bank of Japan Point');
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro'),
       card_issuer.register_application('D276AB0085CD01', 'METRO', 'season ticket'),
       card_issuer.set_tariff('D276AB0085CD01', 'load', 5, 'JPY'),
       card_issuer.set_tariff('D276AB0085CD01', 'reload', 1, 'JPY'),
       card_issuer.register_key(1, 'ecies-x25519'),
       card_issuer.register_key(2, 'ecies-p256'),
       card_issuer.register_key(3, 'rsa-oaep-sha256');
SELECT service_provider.setup('METRO', 'Metro Transit'),
       service_provider.register_issuer('BANKJP', 'Bank of Japan Point'),
       service_provider.register_application('D276AB0085CD01', 'season ticket');

CREATE FUNCTION issuer_card(kind text, i bigint) RETURNS card_id LANGUAGE sql IMMUTABLE
    RETURN (kind || '-' || i)::card_id;

-- A hundred pairs of cards, and for each scheme attributes of the new ones.
DO $$
BEGIN
    FOR i IN 1 .. 100 LOOP
        PERFORM card_issuer.issue_card(issuer_card('OLD', i), 100);
        PERFORM card_issuer.confirm_load((card_issuer.permit_load('D276AB0085CD01', issuer_card('OLD', i))).message_id);
        PERFORM card_issuer.request_reissue(issuer_card('OLD', i), 'lost');
        PERFORM card_issuer.reissue_card(issuer_card('OLD', i), issuer_card('NEW', i));
    END LOOP;
END $$;
CREATE TABLE attribute AS
    SELECT k.key_id, i, card_issuer.encrypt_attribute(k.key_id, k.scheme, k.public_key,
                            convert_to(issuer_card('NEW', i)::text, 'UTF8')) AS good
      FROM card_issuer.encryption_key k, generate_series(1, 100) i;
ALTER TABLE attribute ADD damaged card_attribute, ADD PRIMARY KEY (key_id, i);
-- The last byte is part of the MAC, or of the RSA ciphertext.
UPDATE attribute a SET damaged = regexp_replace(a.good::text, '.$',
    CASE WHEN right(a.good::text, 1) = '0' THEN '1' ELSE '0' END)::card_attribute;

-- At the provider: what was loaded on the hundred old cards, and the notices.
SELECT service_provider.record_load(n.message_id::message_id, 'D276AB0085CD01', card => n.old_card_id::card_id)
  FROM screissue.notice n;
SELECT service_provider.receive_notice(n.issuer, n.provider, n.notice_no, n.kind, n.platform_type, n.new_card_id,
           n.old_card_id, n.app_id, n.message_id, n.reason, n.noted_at, 'file')
  FROM screissue.notice n;

-- Cards for loads and chains for reissues, as many as a call may need
CREATE FUNCTION load(i bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM card_issuer.issue_card(issuer_card('LOAD', i), 100);
    PERFORM card_issuer.confirm_load((card_issuer.permit_load('D276AB0085CD01', issuer_card('LOAD', i))).message_id);
END $$;
CREATE FUNCTION reissue(i bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    chain CONSTANT text := 'CHAIN' || i / 16;
BEGIN
    IF i % 16 = 0 THEN
        PERFORM card_issuer.issue_card(issuer_card(chain, i), 100);
        PERFORM card_issuer.confirm_load((card_issuer.permit_load('D276AB0085CD01', issuer_card(chain, i))).message_id);
    ELSE
        PERFORM card_issuer.request_reissue(issuer_card(chain, i - 1), 'lost');
        PERFORM card_issuer.reissue_card(issuer_card(chain, i - 1), issuer_card(chain, i));
    END IF;
END $$;
CREATE FUNCTION fail(card text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM card::card_id;
    RETURN true;
EXCEPTION WHEN invalid_text_representation THEN
    RETURN false;
END $$;

-- What must be found: each call prepares a statement, which stays.
CREATE FUNCTION leak(i bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('PREPARE leak_%s AS SELECT 1', i);
END $$;

-- The memory of this process, in kB: in contexts of palloc, and all that is its own,
-- OpenSSL's included.
CREATE FUNCTION memory(OUT contexts numeric, OUT own numeric) LANGUAGE sql AS $$
    SELECT (SELECT sum(m.total_bytes) / 1024.0 FROM pg_backend_memory_contexts m),
           substring(pg_read_file('/proc/self/status') FROM 'RssAnon:\s+(\d+)')::numeric
$$;

CREATE UNLOGGED TABLE sample (
    call text, n integer, calls bigint, seconds numeric, contexts numeric, own numeric,
    ended timestamptz DEFAULT clock_timestamp());

-- Makes a call until there were enough for the n-th of twenty samples, or its time is
-- over.  call: a statement that calls for each number from $1 to $2.  A call of this
-- for each sample, since what a loop with commits has of its own grows with it.
CREATE PROCEDURE soak(name text, n integer, call text, at_once integer, enough bigint, seconds numeric) LANGUAGE plpgsql AS $$
DECLARE
    began CONSTANT timestamptz := clock_timestamp();
    calls bigint := coalesce((SELECT max(s.calls) FROM sample s WHERE s.call = name), 0);
BEGIN
    WHILE calls < enough * n / 20 AND clock_timestamp() < began + make_interval(secs => seconds / 20) LOOP
        EXECUTE call USING calls, calls + at_once - 1;
        calls := calls + at_once;
        COMMIT;
    END LOOP;
    INSERT INTO sample (call, n, calls, seconds)
    VALUES (name, n, calls, extract(epoch FROM clock_timestamp() - began));
END $$;

-- Flat: the mean of the last quarter is no more than 256 kB above that of the
-- second one; the first is to warm up.
CREATE VIEW verdict AS
    SELECT v.*, greatest(v.contexts_last - v.contexts_second, v.own_last - v.own_second) <= 256 AS flat
      FROM (SELECT s.call, max(s.calls) AS calls,
                   round(sum(s.seconds) * 1000000 / max(s.calls), 1) AS us,
                   round(avg(s.contexts) FILTER (WHERE s.n BETWEEN 6 AND 10)) AS contexts_second,
                   round(avg(s.contexts) FILTER (WHERE s.n BETWEEN 16 AND 20)) AS contexts_last,
                   round(avg(s.own) FILTER (WHERE s.n BETWEEN 6 AND 10)) AS own_second,
                   round(avg(s.own) FILTER (WHERE s.n BETWEEN 16 AND 20)) AS own_last
              FROM sample s
             GROUP BY s.call) v;

VACUUM ANALYZE;
