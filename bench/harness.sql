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

-- Runs statements in turn, the order reversed every round; each takes the round's
-- number as its parameter and returns the time of a call.  The times of each
-- round.  Round 0, which fills caches, does not count.
CREATE FUNCTION bench.take_turns(statements text[], rounds integer)
    RETURNS SETOF double precision[]
    LANGUAGE plpgsql
    VOLATILE
AS $$
DECLARE
    last CONSTANT integer := cardinality(statements);
    times double precision[] := array_fill(NULL::double precision, ARRAY[last]);
    turn integer;
    took double precision;
BEGIN
    FOR round IN 0 .. rounds LOOP
        FOR i IN 1 .. last LOOP
            turn := CASE round % 2 WHEN 0 THEN i ELSE last + 1 - i END;
            EXECUTE statements[turn] INTO STRICT took USING round;
            times[turn] := took;
        END LOOP;
        CONTINUE WHEN round = 0;
        RETURN NEXT times;
    END LOOP;
END
$$;
COMMENT ON FUNCTION bench.take_turns(text[], integer) IS
    'times of calls of several statements, in interleaved rounds';

-- Compares two statements that count their calls round by round: ratio = time of
-- the peer / our time, and the quartiles of these ratios.  idle is the same loop
-- around bench.nothing: loop_time is in both times.
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
    LANGUAGE sql
    VOLATILE
AS $$
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY t.times[1]),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY t.times[2]),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY t.times[3]),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY t.times[2] / t.times[1]),
           percentile_cont(0.25) WITHIN GROUP (ORDER BY t.times[2] / t.times[1]),
           percentile_cont(0.75) WITHIN GROUP (ORDER BY t.times[2] / t.times[1]),
           count(*)
      FROM bench.take_turns(
               ARRAY(SELECT format('SELECT bench.time_calls(%L, $1)', s)
                       FROM unnest(ARRAY[ours, peer, idle]) s),
               rounds) t (times)
$$;
COMMENT ON FUNCTION bench.compare(text, text, text, integer) IS
    'two statements against one another, in interleaved rounds';

-- For a claim with rounds of its own: the times of a call in each of them.
CREATE TABLE bench.round (ours double precision, peer double precision);
COMMENT ON TABLE bench.round IS 'times of the rounds of one claim';

-- The figures of these rounds, the other way round: ratio = our time / time of
-- the peer.
CREATE FUNCTION bench.compare_rounds(
    OUT our_time numeric,
    OUT peer_time numeric,
    OUT loop_time text,
    OUT ratio numeric,
    OUT quartile_1 numeric,
    OUT quartile_3 numeric,
    OUT n integer)
    LANGUAGE sql
    STABLE
AS $$
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY r.ours),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY r.peer),
           '-',
           percentile_cont(0.5) WITHIN GROUP (ORDER BY r.ours / r.peer),
           percentile_cont(0.25) WITHIN GROUP (ORDER BY r.ours / r.peer),
           percentile_cont(0.75) WITHIN GROUP (ORDER BY r.ours / r.peer),
           count(*)
      FROM bench.round r
$$;
COMMENT ON FUNCTION bench.compare_rounds() IS 'figures of the rounds of a claim';

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
