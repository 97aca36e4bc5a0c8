-- message_id: ids of loading permissions
--
-- ISSUER/PROVIDER/SEQUENCE, 24 bytes without a header.

CREATE TYPE screissue.message_id;

-- I/O

CREATE FUNCTION screissue.message_id_in(cstring)
    RETURNS screissue.message_id
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.message_id_out(screissue.message_id)
    RETURNS cstring
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.message_id_recv(internal)
    RETURNS screissue.message_id
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.message_id_send(screissue.message_id)
    RETURNS bytea
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME';

-- Type

CREATE TYPE screissue.message_id (
    INPUT = screissue.message_id_in,
    OUTPUT = screissue.message_id_out,
    RECEIVE = screissue.message_id_recv,
    SEND = screissue.message_id_send,
    INTERNALLENGTH = 24,
    ALIGNMENT = char,
    STORAGE = plain
);

-- Functions

CREATE FUNCTION screissue.message_id(issuer screissue.company_id, provider screissue.company_id, sequence bigint)
    RETURNS screissue.message_id
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'screissue_message_id';

CREATE FUNCTION screissue.issuer(message screissue.message_id)
    RETURNS screissue.company_id
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'screissue_issuer';

CREATE FUNCTION screissue.provider(message screissue.message_id)
    RETURNS screissue.company_id
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'screissue_provider';

CREATE FUNCTION screissue.sequence(message screissue.message_id)
    RETURNS bigint
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'screissue_sequence';

-- Comparison: can never raise, hence leakproof

CREATE FUNCTION screissue.message_id_eq(screissue.message_id, screissue.message_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.message_id_ne(screissue.message_id, screissue.message_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.message_id_lt(screissue.message_id, screissue.message_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.message_id_le(screissue.message_id, screissue.message_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.message_id_gt(screissue.message_id, screissue.message_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.message_id_ge(screissue.message_id, screissue.message_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.message_id_cmp(screissue.message_id, screissue.message_id)
    RETURNS integer
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.message_id_smaller(screissue.message_id, screissue.message_id)
    RETURNS screissue.message_id
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.message_id_larger(screissue.message_id, screissue.message_id)
    RETURNS screissue.message_id
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.message_id_sortsupport(internal)
    RETURNS void
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.message_id_hash(screissue.message_id)
    RETURNS integer
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.message_id_hash_extended(screissue.message_id, bigint)
    RETURNS bigint
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

-- Operators

CREATE OPERATOR screissue.= (
    FUNCTION = screissue.message_id_eq,
    LEFTARG = screissue.message_id,
    RIGHTARG = screissue.message_id,
    COMMUTATOR = OPERATOR(screissue.=),
    NEGATOR = OPERATOR(screissue.<>),
    RESTRICT = pg_catalog.eqsel,
    JOIN = pg_catalog.eqjoinsel,
    HASHES,
    MERGES
);

CREATE OPERATOR screissue.<> (
    FUNCTION = screissue.message_id_ne,
    LEFTARG = screissue.message_id,
    RIGHTARG = screissue.message_id,
    COMMUTATOR = OPERATOR(screissue.<>),
    NEGATOR = OPERATOR(screissue.=),
    RESTRICT = pg_catalog.neqsel,
    JOIN = pg_catalog.neqjoinsel
);

CREATE OPERATOR screissue.< (
    FUNCTION = screissue.message_id_lt,
    LEFTARG = screissue.message_id,
    RIGHTARG = screissue.message_id,
    COMMUTATOR = OPERATOR(screissue.>),
    NEGATOR = OPERATOR(screissue.>=),
    RESTRICT = pg_catalog.scalarltsel,
    JOIN = pg_catalog.scalarltjoinsel
);

CREATE OPERATOR screissue.<= (
    FUNCTION = screissue.message_id_le,
    LEFTARG = screissue.message_id,
    RIGHTARG = screissue.message_id,
    COMMUTATOR = OPERATOR(screissue.>=),
    NEGATOR = OPERATOR(screissue.>),
    RESTRICT = pg_catalog.scalarlesel,
    JOIN = pg_catalog.scalarlejoinsel
);

CREATE OPERATOR screissue.> (
    FUNCTION = screissue.message_id_gt,
    LEFTARG = screissue.message_id,
    RIGHTARG = screissue.message_id,
    COMMUTATOR = OPERATOR(screissue.<),
    NEGATOR = OPERATOR(screissue.<=),
    RESTRICT = pg_catalog.scalargtsel,
    JOIN = pg_catalog.scalargtjoinsel
);

CREATE OPERATOR screissue.>= (
    FUNCTION = screissue.message_id_ge,
    LEFTARG = screissue.message_id,
    RIGHTARG = screissue.message_id,
    COMMUTATOR = OPERATOR(screissue.<=),
    NEGATOR = OPERATOR(screissue.<),
    RESTRICT = pg_catalog.scalargesel,
    JOIN = pg_catalog.scalargejoinsel
);

-- Casts: explicit only, so that no comparison becomes ambiguous

CREATE CAST (text AS screissue.message_id) WITH INOUT;
CREATE CAST (screissue.message_id AS text) WITH INOUT;

-- Operator classes

CREATE OPERATOR CLASS screissue.message_id_ops
    DEFAULT FOR TYPE screissue.message_id USING btree AS
    OPERATOR 1 screissue.<,
    OPERATOR 2 screissue.<=,
    OPERATOR 3 screissue.=,
    OPERATOR 4 screissue.>=,
    OPERATOR 5 screissue.>,
    FUNCTION 1 screissue.message_id_cmp(screissue.message_id, screissue.message_id),
    FUNCTION 2 screissue.message_id_sortsupport(internal),
    FUNCTION 4 pg_catalog.btequalimage(oid);

CREATE OPERATOR CLASS screissue.message_id_ops
    DEFAULT FOR TYPE screissue.message_id USING hash AS
    OPERATOR 1 screissue.=,
    FUNCTION 1 screissue.message_id_hash(screissue.message_id),
    FUNCTION 2 screissue.message_id_hash_extended(screissue.message_id, bigint);

-- Aggregates

CREATE AGGREGATE screissue.min(screissue.message_id) (
    SFUNC = screissue.message_id_smaller,
    STYPE = screissue.message_id,
    COMBINEFUNC = screissue.message_id_smaller,
    SORTOP = OPERATOR(screissue.<),
    PARALLEL = SAFE
);

CREATE AGGREGATE screissue.max(screissue.message_id) (
    SFUNC = screissue.message_id_larger,
    STYPE = screissue.message_id,
    COMBINEFUNC = screissue.message_id_larger,
    SORTOP = OPERATOR(screissue.>),
    PARALLEL = SAFE
);

-- Comments

COMMENT ON TYPE screissue.message_id IS
    'id of a loading permission, ISSUER/PROVIDER/SEQUENCE, such as BANKJP/METRO/42';
COMMENT ON FUNCTION screissue.message_id_in(cstring) IS
    'I/O';
COMMENT ON FUNCTION screissue.message_id_out(screissue.message_id) IS
    'I/O';
COMMENT ON FUNCTION screissue.message_id_recv(internal) IS
    'I/O';
COMMENT ON FUNCTION screissue.message_id_send(screissue.message_id) IS
    'I/O';
COMMENT ON FUNCTION screissue.message_id(screissue.company_id, screissue.company_id, bigint) IS
    'message id made from its three parts';
COMMENT ON FUNCTION screissue.issuer(screissue.message_id) IS
    'card issuer that gave the permission';
COMMENT ON FUNCTION screissue.provider(screissue.message_id) IS
    'service provider that the permission was given to';
COMMENT ON FUNCTION screissue.sequence(screissue.message_id) IS
    'number of the permission at its issuer';
COMMENT ON FUNCTION screissue.message_id_eq(screissue.message_id, screissue.message_id) IS
    'implementation of = operator';
COMMENT ON FUNCTION screissue.message_id_ne(screissue.message_id, screissue.message_id) IS
    'implementation of <> operator';
COMMENT ON FUNCTION screissue.message_id_lt(screissue.message_id, screissue.message_id) IS
    'implementation of < operator';
COMMENT ON FUNCTION screissue.message_id_le(screissue.message_id, screissue.message_id) IS
    'implementation of <= operator';
COMMENT ON FUNCTION screissue.message_id_gt(screissue.message_id, screissue.message_id) IS
    'implementation of > operator';
COMMENT ON FUNCTION screissue.message_id_ge(screissue.message_id, screissue.message_id) IS
    'implementation of >= operator';
COMMENT ON FUNCTION screissue.message_id_cmp(screissue.message_id, screissue.message_id) IS
    'btree support: less-equal-greater';
COMMENT ON FUNCTION screissue.message_id_sortsupport(internal) IS
    'btree support: sort support';
COMMENT ON FUNCTION screissue.message_id_smaller(screissue.message_id, screissue.message_id) IS
    'implementation of min aggregate';
COMMENT ON FUNCTION screissue.message_id_larger(screissue.message_id, screissue.message_id) IS
    'implementation of max aggregate';
COMMENT ON FUNCTION screissue.message_id_hash(screissue.message_id) IS
    'hash support';
COMMENT ON FUNCTION screissue.message_id_hash_extended(screissue.message_id, bigint) IS
    'hash support with seed';
COMMENT ON OPERATOR screissue.= (screissue.message_id, screissue.message_id) IS
    'equal';
COMMENT ON OPERATOR screissue.<> (screissue.message_id, screissue.message_id) IS
    'not equal';
COMMENT ON OPERATOR screissue.< (screissue.message_id, screissue.message_id) IS
    'less than';
COMMENT ON OPERATOR screissue.<= (screissue.message_id, screissue.message_id) IS
    'less than or equal';
COMMENT ON OPERATOR screissue.> (screissue.message_id, screissue.message_id) IS
    'greater than';
COMMENT ON OPERATOR screissue.>= (screissue.message_id, screissue.message_id) IS
    'greater than or equal';
COMMENT ON CAST (text AS screissue.message_id) IS
    'text form read as message_id, explicit';
COMMENT ON CAST (screissue.message_id AS text) IS
    'canonical text form of message_id, explicit';
COMMENT ON OPERATOR FAMILY screissue.message_id_ops USING btree IS
    'btree operators of message_id';
COMMENT ON OPERATOR CLASS screissue.message_id_ops USING btree IS
    'order by issuer, provider and sequence';
COMMENT ON OPERATOR FAMILY screissue.message_id_ops USING hash IS
    'hash operators of message_id';
COMMENT ON OPERATOR CLASS screissue.message_id_ops USING hash IS
    'hashing of message_id';
COMMENT ON AGGREGATE screissue.min(screissue.message_id) IS
    'smallest message_id of all input values';
COMMENT ON AGGREGATE screissue.max(screissue.message_id) IS
    'greatest message_id of all input values';
