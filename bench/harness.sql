-- What the claims are measured with: schema bench of the bench database.
-- :limit is the library of limit/.

CREATE EXTENSION screissue;
CREATE SCHEMA bench;

CREATE FUNCTION bench.cpu() RETURNS double precision
    LANGUAGE c VOLATILE AS :'limit', 'bench_cpu';
COMMENT ON FUNCTION bench.cpu() IS 'seconds of CPU that this backend has used';

CREATE FUNCTION bench.nap(microseconds integer) RETURNS void
    LANGUAGE c VOLATILE STRICT AS :'limit', 'bench_nap';
COMMENT ON FUNCTION bench.nap(integer) IS 'wait, also for less than 1 ms';

CREATE FUNCTION bench.openssl() RETURNS text
    LANGUAGE c VOLATILE AS :'limit', 'bench_openssl';
COMMENT ON FUNCTION bench.openssl() IS 'version of OpenSSL in this backend';

CREATE FUNCTION bench.nothing(argument bytea) RETURNS bytea
    LANGUAGE c VOLATILE STRICT COST 100 AS :'limit', 'bench_nothing';
COMMENT ON FUNCTION bench.nothing(bytea) IS 'no work: what the loop costs';

CREATE FUNCTION bench.derive_x25519(peer bytea) RETURNS bytea
    LANGUAGE c VOLATILE STRICT COST 100 AS :'limit', 'bench_derive_x25519';
COMMENT ON FUNCTION bench.derive_x25519(bytea) IS
    'limit of ecies-x25519: the derivation alone';

CREATE FUNCTION bench.derive_p256(peer bytea) RETURNS bytea
    LANGUAGE c VOLATILE STRICT COST 100 AS :'limit', 'bench_derive_p256';
COMMENT ON FUNCTION bench.derive_p256(bytea) IS
    'limit of ecies-p256: the derivation alone';

CREATE FUNCTION bench.private_rsa(ciphertext bytea) RETURNS bytea
    LANGUAGE c VOLATILE STRICT COST 100 AS :'limit', 'bench_private_rsa';
COMMENT ON FUNCTION bench.private_rsa(bytea) IS
    'limit of rsa-oaep-sha256: the private operation alone';

-- Runs a statement, which returns how many calls it made, and takes the
-- round's number as its parameter.  Microseconds of CPU per call.
CREATE FUNCTION bench.time_calls(statement text, round integer)
    RETURNS double precision
    LANGUAGE plpgsql
    VOLATILE
AS $$
DECLARE
    started double precision := bench.cpu();
    calls bigint;
BEGIN
    EXECUTE statement INTO STRICT calls USING round;
    IF calls > 0 THEN
        RETURN (bench.cpu() - started) * 1e6 / calls;
    END IF;
    RAISE EXCEPTION 'no call was made by: %', statement;
END
$$;
COMMENT ON FUNCTION bench.time_calls(text, integer) IS
    'microseconds of CPU per call of a statement that counts its calls';

-- Runs both statements in turn, the order swapped every round, and compares
-- them round by round: ratio = time of the peer / our time, and the quartiles
-- of these ratios.  Round 0, which fills caches, does not count.  idle is the
-- same loop around bench.nothing: loop_time is in both times.
CREATE FUNCTION bench.compare(
    ours text,
    peer text,
    idle text,
    rounds integer,
    OUT our_time numeric,
    OUT peer_time numeric,
    OUT loop_time numeric,
    OUT ratio numeric,
    OUT quartile_1 numeric,
    OUT quartile_3 numeric,
    OUT n integer)
    LANGUAGE plpgsql
    VOLATILE
AS $$
DECLARE
    our_times double precision[] := '{}';
    peer_times double precision[] := '{}';
    loop_times double precision[] := '{}';
    our_round double precision;
    peer_round double precision;
BEGIN
    FOR round IN 0 .. rounds LOOP
        IF round % 2 = 0 THEN
            our_round := bench.time_calls(ours, round);
        END IF;
        peer_round := bench.time_calls(peer, round);
        IF round % 2 = 1 THEN
            our_round := bench.time_calls(ours, round);
        END IF;
        CONTINUE WHEN round = 0;
        our_times := our_times || our_round;
        peer_times := peer_times || peer_round;
        loop_times := loop_times || bench.time_calls(idle, round);
    END LOOP;

    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY t.ours),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY t.peer),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY t.loop),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY t.peer / t.ours),
           percentile_cont(0.25) WITHIN GROUP (ORDER BY t.peer / t.ours),
           percentile_cont(0.75) WITHIN GROUP (ORDER BY t.peer / t.ours),
           count(*)
      INTO our_time, peer_time, loop_time, ratio, quartile_1, quartile_3, n
      FROM unnest(our_times, peer_times, loop_times) AS t (ours, peer, loop);
END
$$;
COMMENT ON FUNCTION bench.compare(text, text, text, integer) IS
    'two statements against one another, in interleaved rounds';

-- What a claim needs to have held for its figures to mean something.
CREATE FUNCTION bench.require(held boolean, what text) RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
AS $$
BEGIN
    IF held IS NOT TRUE THEN
        RAISE EXCEPTION 'not as it has to be: %', what;
    END IF;
END
$$;
COMMENT ON FUNCTION bench.require(boolean, text) IS
    'raise if something did not hold';
