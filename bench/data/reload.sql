-- A service provider with :pairs pairs of cards, 100,000 unless that is given: of
-- each pair the load on the old card, its examination, the notice of the reissue, and
-- a request that came before it, written straight into the tables; 2,500 of the
-- reissued cards, drawn at random, in a hundred slices; and a loop that requests the
-- reload on the cards of a slice, with a commit after each.

\if :{?pairs}
\else
    \set pairs 100000
\endif
SELECT service_provider.setup('METRO', 'Metro Transit');
SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point');
SELECT service_provider.register_application(
    'D3920000A101', 'travel pass', 'substitute', '10 years');
SELECT service_provider.set_tariff('D3920000A101', 'reload', 5, 'EUR');

CREATE FUNCTION bench.new_card_of(i bigint) RETURNS screissue.card_id
    LANGUAGE sql IMMUTABLE
    RETURN (3566005000000000 + i)::text::screissue.card_id;
COMMENT ON FUNCTION bench.new_card_of(bigint) IS 'reissued card of the i-th pair';

SET session_replication_role = replica;         -- foreign keys hold as it is
INSERT INTO service_provider.examination
    (event, message_id, approved, examined_at, examiner)
SELECT 'load', screissue.message_id('BANKJP', 'METRO', i), true, now(), 'bank'
  FROM generate_series(1, :pairs) i;
INSERT INTO service_provider.app_load
    (message_id, issuer, app_id, card_id, platform_type, user_ref, status,
     examination_id, permitted_at, loaded_at, confirmed_at)
SELECT x.message_id, 'BANKJP', 'D3920000A101',
       (3566004000000000 + x.examination_id)::text::screissue.card_id, 100,
       'user ' || x.examination_id, 'loaded', x.examination_id, now(), now(),
       now()
  FROM service_provider.examination x;
INSERT INTO service_provider.reissue_notice
    (issuer, notice_no, kind, platform_type, new_card_id, old_card_id, app_id,
     message_id, reason, noted_at, received_at, carrier)
SELECT l.issuer, l.examination_id, 'reissue', 100,
       bench.new_card_of(l.examination_id), l.card_id, l.app_id, l.message_id,
       'lost', now(), now(), 'replication'
  FROM service_provider.app_load l;
INSERT INTO service_provider.reload_request
    (issuer, app_id, platform_type, card_id, user_ref, requested_by,
     requested_at, method, outcome, refusal, decided_at)
SELECT n.issuer, n.app_id, 100, n.new_card_id, 'user ' || n.notice_no, 'metro',
       now(), 1, 'not_reissued', 'no notice about this card and application',
       now()
  FROM service_provider.reissue_notice n;
SET session_replication_role = origin;

SELECT setseed(0.3);
CREATE TABLE bench.presented AS
    SELECT (row_number() OVER () % 100)::integer AS slice,
           bench.new_card_of(p.i) AS card, 'user ' || p.i AS user_ref
      FROM (SELECT i FROM generate_series(1, :pairs) i
             ORDER BY random() LIMIT 2500) p;
CREATE INDEX presented_slice_idx ON bench.presented (slice);
VACUUM (FREEZE, ANALYZE);

-- Microseconds of CPU for a request, its commit included.
CREATE PROCEDURE bench.request_reloads(slice integer, INOUT took double precision)
    LANGUAGE plpgsql
AS $$
DECLARE
    cards CONSTANT bench.presented[] := ARRAY(
        SELECT p FROM bench.presented p WHERE p.slice = request_reloads.slice % 100);
    presented bench.presented;
    started double precision;
    verdict record;
BEGIN
    started := bench.cpu();
    FOREACH presented IN ARRAY cards LOOP
        SELECT r.request_id, r.outcome, r.inherits, r.fee INTO verdict
          FROM service_provider.request_reload(
                   app => 'D3920000A101', issuer => 'BANKJP',
                   platform_type => 100, card => presented.card,
                   user_ref => presented.user_ref) r;
        COMMIT;
    END LOOP;
    took := (bench.cpu() - started) * 1e6 / cardinality(cards);
END
$$;
COMMENT ON PROCEDURE bench.request_reloads(integer, double precision) IS
    'request a reload on each card of a slice';

-- The requests that were approved with all that belongs to that.
CREATE FUNCTION bench.approved_requests() RETURNS bigint
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT count(*)
      FROM service_provider.reload_request r
      JOIN service_provider.reissue_notice n
        ON n.issuer = r.issuer AND n.notice_no = r.notice_no
      JOIN service_provider.app_load l ON l.message_id = r.inherits
      JOIN service_provider.examination x
        ON x.examination_id = r.examination_id
     WHERE (r.method, r.outcome, r.fee, r.currency) = (1, 'approved', 5, 'EUR')
       AND r.decided_at IS NOT NULL
       AND r.refusal IS NULL
       AND r.tariff_reason IS NULL
       AND r.card_id = n.new_card_id
       AND r.inherits = n.message_id
       AND r.user_ref = l.user_ref
       AND (x.event, x.approved, x.examiner) = ('reload', true, 'substitution')
       AND x.message_id = r.inherits
       AND x.substitutes = l.examination_id
$$;
COMMENT ON FUNCTION bench.approved_requests() IS
    'number of requests that were approved, by the rows that were written';
