-- app_id: application identifiers of ISO/IEC 7816-5
--
-- 5 to 16 bytes, written in hexadecimal.

CREATE TYPE screissue.app_id;

-- I/O

CREATE FUNCTION screissue.app_id_in(cstring)
    RETURNS screissue.app_id
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.app_id_out(screissue.app_id)
    RETURNS cstring
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.app_id_recv(internal)
    RETURNS screissue.app_id
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.app_id_send(screissue.app_id)
    RETURNS bytea
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME';

-- Type

CREATE TYPE screissue.app_id (
    INPUT = screissue.app_id_in,
    OUTPUT = screissue.app_id_out,
    RECEIVE = screissue.app_id_recv,
    SEND = screissue.app_id_send,
    INTERNALLENGTH = VARIABLE,
    STORAGE = main
);

-- Functions

-- NULL for an id of no registered provider: only the categories A and D have
-- a RID.
CREATE FUNCTION screissue.rid(app screissue.app_id)
    RETURNS bytea
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'screissue_rid';

-- What follows the RID, may be empty; the whole id where there is no RID.
CREATE FUNCTION screissue.pix(app screissue.app_id)
    RETURNS bytea
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'screissue_pix';

-- Comparison: can never raise, hence leakproof

CREATE FUNCTION screissue.app_id_eq(screissue.app_id, screissue.app_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.app_id_ne(screissue.app_id, screissue.app_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.app_id_lt(screissue.app_id, screissue.app_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.app_id_le(screissue.app_id, screissue.app_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.app_id_gt(screissue.app_id, screissue.app_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.app_id_ge(screissue.app_id, screissue.app_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.app_id_cmp(screissue.app_id, screissue.app_id)
    RETURNS integer
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.app_id_smaller(screissue.app_id, screissue.app_id)
    RETURNS screissue.app_id
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.app_id_larger(screissue.app_id, screissue.app_id)
    RETURNS screissue.app_id
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.app_id_sortsupport(internal)
    RETURNS void
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.app_id_hash(screissue.app_id)
    RETURNS integer
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.app_id_hash_extended(screissue.app_id, bigint)
    RETURNS bigint
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

-- Operators

CREATE OPERATOR screissue.= (
    FUNCTION = screissue.app_id_eq,
    LEFTARG = screissue.app_id,
    RIGHTARG = screissue.app_id,
    COMMUTATOR = OPERATOR(screissue.=),
    NEGATOR = OPERATOR(screissue.<>),
    RESTRICT = pg_catalog.eqsel,
    JOIN = pg_catalog.eqjoinsel,
    HASHES,
    MERGES
);

CREATE OPERATOR screissue.<> (
    FUNCTION = screissue.app_id_ne,
    LEFTARG = screissue.app_id,
    RIGHTARG = screissue.app_id,
    COMMUTATOR = OPERATOR(screissue.<>),
    NEGATOR = OPERATOR(screissue.=),
    RESTRICT = pg_catalog.neqsel,
    JOIN = pg_catalog.neqjoinsel
);

CREATE OPERATOR screissue.< (
    FUNCTION = screissue.app_id_lt,
    LEFTARG = screissue.app_id,
    RIGHTARG = screissue.app_id,
    COMMUTATOR = OPERATOR(screissue.>),
    NEGATOR = OPERATOR(screissue.>=),
    RESTRICT = pg_catalog.scalarltsel,
    JOIN = pg_catalog.scalarltjoinsel
);

CREATE OPERATOR screissue.<= (
    FUNCTION = screissue.app_id_le,
    LEFTARG = screissue.app_id,
    RIGHTARG = screissue.app_id,
    COMMUTATOR = OPERATOR(screissue.>=),
    NEGATOR = OPERATOR(screissue.>),
    RESTRICT = pg_catalog.scalarlesel,
    JOIN = pg_catalog.scalarlejoinsel
);

CREATE OPERATOR screissue.> (
    FUNCTION = screissue.app_id_gt,
    LEFTARG = screissue.app_id,
    RIGHTARG = screissue.app_id,
    COMMUTATOR = OPERATOR(screissue.<),
    NEGATOR = OPERATOR(screissue.<=),
    RESTRICT = pg_catalog.scalargtsel,
    JOIN = pg_catalog.scalargtjoinsel
);

CREATE OPERATOR screissue.>= (
    FUNCTION = screissue.app_id_ge,
    LEFTARG = screissue.app_id,
    RIGHTARG = screissue.app_id,
    COMMUTATOR = OPERATOR(screissue.<=),
    NEGATOR = OPERATOR(screissue.<),
    RESTRICT = pg_catalog.scalargesel,
    JOIN = pg_catalog.scalargejoinsel
);

-- Casts: explicit only, so that no comparison becomes ambiguous

CREATE CAST (text AS screissue.app_id) WITH INOUT;
CREATE CAST (screissue.app_id AS text) WITH INOUT;

-- Operator classes

CREATE OPERATOR CLASS screissue.app_id_ops
    DEFAULT FOR TYPE screissue.app_id USING btree AS
    OPERATOR 1 screissue.<,
    OPERATOR 2 screissue.<=,
    OPERATOR 3 screissue.=,
    OPERATOR 4 screissue.>=,
    OPERATOR 5 screissue.>,
    FUNCTION 1 screissue.app_id_cmp(screissue.app_id, screissue.app_id),
    FUNCTION 2 screissue.app_id_sortsupport(internal),
    FUNCTION 4 pg_catalog.btequalimage(oid);

CREATE OPERATOR CLASS screissue.app_id_ops
    DEFAULT FOR TYPE screissue.app_id USING hash AS
    OPERATOR 1 screissue.=,
    FUNCTION 1 screissue.app_id_hash(screissue.app_id),
    FUNCTION 2 screissue.app_id_hash_extended(screissue.app_id, bigint);

-- Aggregates

CREATE AGGREGATE screissue.min(screissue.app_id) (
    SFUNC = screissue.app_id_smaller,
    STYPE = screissue.app_id,
    COMBINEFUNC = screissue.app_id_smaller,
    SORTOP = OPERATOR(screissue.<),
    PARALLEL = SAFE
);

CREATE AGGREGATE screissue.max(screissue.app_id) (
    SFUNC = screissue.app_id_larger,
    STYPE = screissue.app_id,
    COMBINEFUNC = screissue.app_id_larger,
    SORTOP = OPERATOR(screissue.>),
    PARALLEL = SAFE
);

-- Comments

COMMENT ON TYPE screissue.app_id IS
    'application identifier (AID) of ISO/IEC 7816-5, 10 to 32 hexadecimal digits, such as A0000000031010';
COMMENT ON FUNCTION screissue.app_id_in(cstring) IS
    'I/O';
COMMENT ON FUNCTION screissue.app_id_out(screissue.app_id) IS
    'I/O';
COMMENT ON FUNCTION screissue.app_id_recv(internal) IS
    'I/O';
COMMENT ON FUNCTION screissue.app_id_send(screissue.app_id) IS
    'I/O';
COMMENT ON FUNCTION screissue.rid(screissue.app_id) IS
    'registered application provider identifier, the first 5 bytes, NULL unless registered';
COMMENT ON FUNCTION screissue.pix(screissue.app_id) IS
    'proprietary application identifier extension, the bytes behind the RID';
COMMENT ON FUNCTION screissue.app_id_eq(screissue.app_id, screissue.app_id) IS
    'implementation of = operator';
COMMENT ON FUNCTION screissue.app_id_ne(screissue.app_id, screissue.app_id) IS
    'implementation of <> operator';
COMMENT ON FUNCTION screissue.app_id_lt(screissue.app_id, screissue.app_id) IS
    'implementation of < operator';
COMMENT ON FUNCTION screissue.app_id_le(screissue.app_id, screissue.app_id) IS
    'implementation of <= operator';
COMMENT ON FUNCTION screissue.app_id_gt(screissue.app_id, screissue.app_id) IS
    'implementation of > operator';
COMMENT ON FUNCTION screissue.app_id_ge(screissue.app_id, screissue.app_id) IS
    'implementation of >= operator';
COMMENT ON FUNCTION screissue.app_id_cmp(screissue.app_id, screissue.app_id) IS
    'btree support: less-equal-greater';
COMMENT ON FUNCTION screissue.app_id_sortsupport(internal) IS
    'btree support: sort support';
COMMENT ON FUNCTION screissue.app_id_smaller(screissue.app_id, screissue.app_id) IS
    'implementation of min aggregate';
COMMENT ON FUNCTION screissue.app_id_larger(screissue.app_id, screissue.app_id) IS
    'implementation of max aggregate';
COMMENT ON FUNCTION screissue.app_id_hash(screissue.app_id) IS
    'hash support';
COMMENT ON FUNCTION screissue.app_id_hash_extended(screissue.app_id, bigint) IS
    'hash support with seed';
COMMENT ON OPERATOR screissue.= (screissue.app_id, screissue.app_id) IS
    'equal';
COMMENT ON OPERATOR screissue.<> (screissue.app_id, screissue.app_id) IS
    'not equal';
COMMENT ON OPERATOR screissue.< (screissue.app_id, screissue.app_id) IS
    'less than';
COMMENT ON OPERATOR screissue.<= (screissue.app_id, screissue.app_id) IS
    'less than or equal';
COMMENT ON OPERATOR screissue.> (screissue.app_id, screissue.app_id) IS
    'greater than';
COMMENT ON OPERATOR screissue.>= (screissue.app_id, screissue.app_id) IS
    'greater than or equal';
COMMENT ON CAST (text AS screissue.app_id) IS
    'text form read as app_id, explicit';
COMMENT ON CAST (screissue.app_id AS text) IS
    'canonical text form of app_id, explicit';
COMMENT ON OPERATOR FAMILY screissue.app_id_ops USING btree IS
    'btree operators of app_id';
COMMENT ON OPERATOR CLASS screissue.app_id_ops USING btree IS
    'bytewise order';
COMMENT ON OPERATOR FAMILY screissue.app_id_ops USING hash IS
    'hash operators of app_id';
COMMENT ON OPERATOR CLASS screissue.app_id_ops USING hash IS
    'hashing of app_id';
COMMENT ON AGGREGATE screissue.min(screissue.app_id) IS
    'smallest app_id of all input values';
COMMENT ON AGGREGATE screissue.max(screissue.app_id) IS
    'greatest app_id of all input values';
