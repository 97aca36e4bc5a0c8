-- The life of a load at the service provider: the moves of
-- screissue.status_move, which its owner may narrow (R12, E34)
BEGIN;
CREATE EXTENSION screissue;
SET search_path = screissue, public;
SELECT plan(18);

SELECT service_provider.setup('METRO', 'Metro Transit') \g /dev/null
SELECT service_provider.register_issuer('BANKJP', 'Bank'),
       service_provider.register_application('A000000001', 'fare') \g /dev/null

CREATE FUNCTION pg_temp.tried(query text)
    RETURNS text
    LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE query;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
CREATE FUNCTION pg_temp.record(no integer, status load_status DEFAULT 'loaded')
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT pg_temp.tried(format('SELECT service_provider.record_load(%L, %L, card => %L, platform_type => 100, status => %L)',
                                'BANKJP/METRO/' || no, 'A000000001', 10000 + no, status))
$$;
CREATE FUNCTION pg_temp.status(no integer)
    RETURNS load_status
    LANGUAGE sql
AS $$
    SELECT l.status FROM service_provider.find_load(message_id('BANKJP', 'METRO', no)) l
$$;
CREATE PROCEDURE pg_temp.allow(from_status text, to_status text, allowed boolean)
    LANGUAGE sql
AS $$
    UPDATE status_move m SET allowed = allow.allowed
     WHERE m.subject = 'load' AND m.from_status = allow.from_status AND m.to_status = allow.to_status
$$;

SELECT set_eq($$SELECT m.from_status, m.to_status FROM status_move m WHERE m.subject = 'load' AND m.allowed$$,
              $$VALUES ('permitted', 'loaded'), ('permitted', 'failed'), ('loaded', 'unloaded'), ('loaded', 'superseded')$$,
              'R12: the moves of a load');
SELECT throws_ok($$INSERT INTO status_move VALUES ('load', 'failed', 'loaded')$$, '23514', NULL, 'design 9: none can be added');

-- Each move, forbidden and allowed again: the call that makes it raises SR005
-- and leaves the load as it is.
SELECT pg_temp.record(1, 'permitted'), pg_temp.record(2, 'permitted'), pg_temp.record(3), pg_temp.record(4) \g /dev/null
CALL pg_temp.allow('permitted', 'loaded', false);
SELECT is(pg_temp.record(1), 'SR005 load "BANKJP/METRO/1" is permitted, it cannot be loaded', 'R12: permitted, not loaded');
SELECT is(pg_temp.record(5), 'SR005 load "BANKJP/METRO/5" is permitted, it cannot be loaded', 'R12: nor at once');
SELECT is(pg_temp.status(1), 'permitted', 'R12: it is permitted still');
CALL pg_temp.allow('permitted', 'loaded', true);
SELECT is(pg_temp.record(1), 'done', 'R12: allowed again');
SELECT is(pg_temp.status(1), 'loaded', 'R12: it is loaded');

CALL pg_temp.allow('permitted', 'failed', false);
SELECT is(pg_temp.record(2, 'failed'), 'SR005 load "BANKJP/METRO/2" is permitted, it cannot be failed', 'R12: permitted, not failed');
CALL pg_temp.allow('permitted', 'failed', true);
SELECT is(pg_temp.record(2, 'failed'), 'done', 'R12: allowed again');

CALL pg_temp.allow('loaded', 'unloaded', false);
SELECT is(pg_temp.tried($$SELECT service_provider.record_unload('BANKJP/METRO/3')$$),
          'SR005 load "BANKJP/METRO/3" is loaded, it cannot be unloaded', 'R12: loaded, not unloaded');
SELECT is(pg_temp.status(3), 'loaded', 'R12: it is loaded still');
CALL pg_temp.allow('loaded', 'unloaded', true);
SELECT is(pg_temp.tried($$SELECT service_provider.record_unload('BANKJP/METRO/3')$$), 'done', 'R12: allowed again');

-- A reload takes the old load's place, or does not.
SELECT service_provider.receive_notice('BANKJP', 'METRO', 1, 'reissue', 100, '20004', '10004', 'A000000001', 'BANKJP/METRO/4', 'lost', NULL, 'file') \g /dev/null
SELECT r.request_id AS request FROM service_provider.request_reload('A000000001', 'BANKJP', 100, '20004') r \gset
CALL pg_temp.allow('loaded', 'superseded', false);
SELECT is(pg_temp.tried(format('SELECT service_provider.complete_reload(%s, ''BANKJP/METRO/44'')', :request)),
          'SR005 load "BANKJP/METRO/4" is loaded, it cannot be superseded', 'E34: the old load is to stay');
SELECT is_empty($$SELECT FROM service_provider.app_load l WHERE l.message_id = 'BANKJP/METRO/44'$$, 'E34: so there is no new one');
SELECT is(pg_temp.status(4), 'loaded', 'E34: and the old one stays');
CALL pg_temp.allow('loaded', 'superseded', true);
SELECT is(pg_temp.tried(format('SELECT service_provider.complete_reload(%s, ''BANKJP/METRO/44'')', :request)), 'done', 'E34: allowed again');
SELECT is(ARRAY[pg_temp.status(4), pg_temp.status(44)]::text, '{superseded,loaded}', 'E34: the new one took its place');

SELECT service_provider.setup('METRO', 'Metro Transit') \g /dev/null
CALL pg_temp.allow('loaded', 'unloaded', false);
SELECT service_provider.setup('METRO', 'Metro Transit') \g /dev/null
SELECT is(ARRAY(SELECT m.to_status FROM status_move m WHERE NOT m.allowed), '{unloaded}', 'design 9: what is forbidden stays so when setup is called again');
SELECT * FROM finish();
ROLLBACK;
