-- company_id: codes of card issuers and service providers
--
-- 1 to 12 characters of 0-9 and A-Z, kept in the eight bytes of an int8 so
-- that integer order is text order.

CREATE TYPE screissue.company_id;

-- I/O

CREATE FUNCTION screissue.company_id_in(cstring)
    RETURNS screissue.company_id
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.company_id_out(screissue.company_id)
    RETURNS cstring
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.company_id_recv(internal)
    RETURNS screissue.company_id
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.company_id_send(screissue.company_id)
    RETURNS bytea
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME';

-- Type

CREATE TYPE screissue.company_id (
    INPUT = screissue.company_id_in,
    OUTPUT = screissue.company_id_out,
    RECEIVE = screissue.company_id_recv,
    SEND = screissue.company_id_send,
    LIKE = pg_catalog.int8
);

-- Comparison: can never raise, hence leakproof

CREATE FUNCTION screissue.company_id_eq(screissue.company_id, screissue.company_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.company_id_ne(screissue.company_id, screissue.company_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.company_id_lt(screissue.company_id, screissue.company_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.company_id_le(screissue.company_id, screissue.company_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.company_id_gt(screissue.company_id, screissue.company_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.company_id_ge(screissue.company_id, screissue.company_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.company_id_cmp(screissue.company_id, screissue.company_id)
    RETURNS integer
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.company_id_smaller(screissue.company_id, screissue.company_id)
    RETURNS screissue.company_id
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.company_id_larger(screissue.company_id, screissue.company_id)
    RETURNS screissue.company_id
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.company_id_sortsupport(internal)
    RETURNS void
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.company_id_hash(screissue.company_id)
    RETURNS integer
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.company_id_hash_extended(screissue.company_id, bigint)
    RETURNS bigint
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

-- Operators

CREATE OPERATOR screissue.= (
    FUNCTION = screissue.company_id_eq,
    LEFTARG = screissue.company_id,
    RIGHTARG = screissue.company_id,
    COMMUTATOR = OPERATOR(screissue.=),
    NEGATOR = OPERATOR(screissue.<>),
    RESTRICT = pg_catalog.eqsel,
    JOIN = pg_catalog.eqjoinsel,
    HASHES,
    MERGES
);

CREATE OPERATOR screissue.<> (
    FUNCTION = screissue.company_id_ne,
    LEFTARG = screissue.company_id,
    RIGHTARG = screissue.company_id,
    COMMUTATOR = OPERATOR(screissue.<>),
    NEGATOR = OPERATOR(screissue.=),
    RESTRICT = pg_catalog.neqsel,
    JOIN = pg_catalog.neqjoinsel
);

CREATE OPERATOR screissue.< (
    FUNCTION = screissue.company_id_lt,
    LEFTARG = screissue.company_id,
    RIGHTARG = screissue.company_id,
    COMMUTATOR = OPERATOR(screissue.>),
    NEGATOR = OPERATOR(screissue.>=),
    RESTRICT = pg_catalog.scalarltsel,
    JOIN = pg_catalog.scalarltjoinsel
);

CREATE OPERATOR screissue.<= (
    FUNCTION = screissue.company_id_le,
    LEFTARG = screissue.company_id,
    RIGHTARG = screissue.company_id,
    COMMUTATOR = OPERATOR(screissue.>=),
    NEGATOR = OPERATOR(screissue.>),
    RESTRICT = pg_catalog.scalarlesel,
    JOIN = pg_catalog.scalarlejoinsel
);

CREATE OPERATOR screissue.> (
    FUNCTION = screissue.company_id_gt,
    LEFTARG = screissue.company_id,
    RIGHTARG = screissue.company_id,
    COMMUTATOR = OPERATOR(screissue.<),
    NEGATOR = OPERATOR(screissue.<=),
    RESTRICT = pg_catalog.scalargtsel,
    JOIN = pg_catalog.scalargtjoinsel
);

CREATE OPERATOR screissue.>= (
    FUNCTION = screissue.company_id_ge,
    LEFTARG = screissue.company_id,
    RIGHTARG = screissue.company_id,
    COMMUTATOR = OPERATOR(screissue.<=),
    NEGATOR = OPERATOR(screissue.<),
    RESTRICT = pg_catalog.scalargesel,
    JOIN = pg_catalog.scalargejoinsel
);

-- Casts: explicit only, so that no comparison becomes ambiguous

CREATE CAST (text AS screissue.company_id) WITH INOUT;
CREATE CAST (screissue.company_id AS text) WITH INOUT;

-- Operator classes

CREATE OPERATOR CLASS screissue.company_id_ops
    DEFAULT FOR TYPE screissue.company_id USING btree AS
    OPERATOR 1 screissue.<,
    OPERATOR 2 screissue.<=,
    OPERATOR 3 screissue.=,
    OPERATOR 4 screissue.>=,
    OPERATOR 5 screissue.>,
    FUNCTION 1 screissue.company_id_cmp(screissue.company_id, screissue.company_id),
    FUNCTION 2 screissue.company_id_sortsupport(internal),
    FUNCTION 4 pg_catalog.btequalimage(oid);

CREATE OPERATOR CLASS screissue.company_id_ops
    DEFAULT FOR TYPE screissue.company_id USING hash AS
    OPERATOR 1 screissue.=,
    FUNCTION 1 screissue.company_id_hash(screissue.company_id),
    FUNCTION 2 screissue.company_id_hash_extended(screissue.company_id, bigint);

-- Aggregates

CREATE AGGREGATE screissue.min(screissue.company_id) (
    SFUNC = screissue.company_id_smaller,
    STYPE = screissue.company_id,
    COMBINEFUNC = screissue.company_id_smaller,
    SORTOP = OPERATOR(screissue.<),
    PARALLEL = SAFE
);

CREATE AGGREGATE screissue.max(screissue.company_id) (
    SFUNC = screissue.company_id_larger,
    STYPE = screissue.company_id,
    COMBINEFUNC = screissue.company_id_larger,
    SORTOP = OPERATOR(screissue.>),
    PARALLEL = SAFE
);

-- Comments

COMMENT ON TYPE screissue.company_id IS
    'code of a card issuer or service provider, 1 to 12 characters of 0-9A-Z, such as BANKJP';
COMMENT ON FUNCTION screissue.company_id_in(cstring) IS
    'I/O';
COMMENT ON FUNCTION screissue.company_id_out(screissue.company_id) IS
    'I/O';
COMMENT ON FUNCTION screissue.company_id_recv(internal) IS
    'I/O';
COMMENT ON FUNCTION screissue.company_id_send(screissue.company_id) IS
    'I/O';
COMMENT ON FUNCTION screissue.company_id_eq(screissue.company_id, screissue.company_id) IS
    'implementation of = operator';
COMMENT ON FUNCTION screissue.company_id_ne(screissue.company_id, screissue.company_id) IS
    'implementation of <> operator';
COMMENT ON FUNCTION screissue.company_id_lt(screissue.company_id, screissue.company_id) IS
    'implementation of < operator';
COMMENT ON FUNCTION screissue.company_id_le(screissue.company_id, screissue.company_id) IS
    'implementation of <= operator';
COMMENT ON FUNCTION screissue.company_id_gt(screissue.company_id, screissue.company_id) IS
    'implementation of > operator';
COMMENT ON FUNCTION screissue.company_id_ge(screissue.company_id, screissue.company_id) IS
    'implementation of >= operator';
COMMENT ON FUNCTION screissue.company_id_cmp(screissue.company_id, screissue.company_id) IS
    'btree support: less-equal-greater';
COMMENT ON FUNCTION screissue.company_id_sortsupport(internal) IS
    'btree support: sort support';
COMMENT ON FUNCTION screissue.company_id_smaller(screissue.company_id, screissue.company_id) IS
    'implementation of min aggregate';
COMMENT ON FUNCTION screissue.company_id_larger(screissue.company_id, screissue.company_id) IS
    'implementation of max aggregate';
COMMENT ON FUNCTION screissue.company_id_hash(screissue.company_id) IS
    'hash support';
COMMENT ON FUNCTION screissue.company_id_hash_extended(screissue.company_id, bigint) IS
    'hash support with seed';
COMMENT ON OPERATOR screissue.= (screissue.company_id, screissue.company_id) IS
    'equal';
COMMENT ON OPERATOR screissue.<> (screissue.company_id, screissue.company_id) IS
    'not equal';
COMMENT ON OPERATOR screissue.< (screissue.company_id, screissue.company_id) IS
    'less than';
COMMENT ON OPERATOR screissue.<= (screissue.company_id, screissue.company_id) IS
    'less than or equal';
COMMENT ON OPERATOR screissue.> (screissue.company_id, screissue.company_id) IS
    'greater than';
COMMENT ON OPERATOR screissue.>= (screissue.company_id, screissue.company_id) IS
    'greater than or equal';
COMMENT ON CAST (text AS screissue.company_id) IS
    'text form read as company_id, explicit';
COMMENT ON CAST (screissue.company_id AS text) IS
    'canonical text form of company_id, explicit';
COMMENT ON OPERATOR FAMILY screissue.company_id_ops USING btree IS
    'btree operators of company_id';
COMMENT ON OPERATOR CLASS screissue.company_id_ops USING btree IS
    'order of the codes in COLLATE "C"';
COMMENT ON OPERATOR FAMILY screissue.company_id_ops USING hash IS
    'hash operators of company_id';
COMMENT ON OPERATOR CLASS screissue.company_id_ops USING hash IS
    'hashing of company_id';
COMMENT ON AGGREGATE screissue.min(screissue.company_id) IS
    'smallest company_id of all input values';
COMMENT ON AGGREGATE screissue.max(screissue.company_id) IS
    'greatest company_id of all input values';
