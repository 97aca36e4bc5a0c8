-- card_id: ids of cards
--
-- Digits, bytes or a symbol; see src/core/card_id.c for the forms, the image
-- and the order.  A 16-digit number takes 10 bytes in a table.

CREATE TYPE screissue.card_id;

-- I/O

CREATE FUNCTION screissue.card_id_in(cstring)
    RETURNS screissue.card_id
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.card_id_out(screissue.card_id)
    RETURNS cstring
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.card_id_recv(internal)
    RETURNS screissue.card_id
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.card_id_send(screissue.card_id)
    RETURNS bytea
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME';

-- Type

CREATE TYPE screissue.card_id (
    INPUT = screissue.card_id_in,
    OUTPUT = screissue.card_id_out,
    RECEIVE = screissue.card_id_recv,
    SEND = screissue.card_id_send,
    INTERNALLENGTH = VARIABLE,
    STORAGE = main
);

-- Functions

CREATE FUNCTION screissue.mask(card screissue.card_id)
    RETURNS text
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'screissue_mask';

-- Comparison: can never raise, hence leakproof

CREATE FUNCTION screissue.card_id_eq(screissue.card_id, screissue.card_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.card_id_ne(screissue.card_id, screissue.card_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.card_id_lt(screissue.card_id, screissue.card_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.card_id_le(screissue.card_id, screissue.card_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.card_id_gt(screissue.card_id, screissue.card_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.card_id_ge(screissue.card_id, screissue.card_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.card_id_cmp(screissue.card_id, screissue.card_id)
    RETURNS integer
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.card_id_smaller(screissue.card_id, screissue.card_id)
    RETURNS screissue.card_id
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.card_id_larger(screissue.card_id, screissue.card_id)
    RETURNS screissue.card_id
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.card_id_sortsupport(internal)
    RETURNS void
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.card_id_hash(screissue.card_id)
    RETURNS integer
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.card_id_hash_extended(screissue.card_id, bigint)
    RETURNS bigint
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

-- Operators

CREATE OPERATOR screissue.= (
    FUNCTION = screissue.card_id_eq,
    LEFTARG = screissue.card_id,
    RIGHTARG = screissue.card_id,
    COMMUTATOR = OPERATOR(screissue.=),
    NEGATOR = OPERATOR(screissue.<>),
    RESTRICT = pg_catalog.eqsel,
    JOIN = pg_catalog.eqjoinsel,
    HASHES,
    MERGES
);

CREATE OPERATOR screissue.<> (
    FUNCTION = screissue.card_id_ne,
    LEFTARG = screissue.card_id,
    RIGHTARG = screissue.card_id,
    COMMUTATOR = OPERATOR(screissue.<>),
    NEGATOR = OPERATOR(screissue.=),
    RESTRICT = pg_catalog.neqsel,
    JOIN = pg_catalog.neqjoinsel
);

CREATE OPERATOR screissue.< (
    FUNCTION = screissue.card_id_lt,
    LEFTARG = screissue.card_id,
    RIGHTARG = screissue.card_id,
    COMMUTATOR = OPERATOR(screissue.>),
    NEGATOR = OPERATOR(screissue.>=),
    RESTRICT = pg_catalog.scalarltsel,
    JOIN = pg_catalog.scalarltjoinsel
);

CREATE OPERATOR screissue.<= (
    FUNCTION = screissue.card_id_le,
    LEFTARG = screissue.card_id,
    RIGHTARG = screissue.card_id,
    COMMUTATOR = OPERATOR(screissue.>=),
    NEGATOR = OPERATOR(screissue.>),
    RESTRICT = pg_catalog.scalarlesel,
    JOIN = pg_catalog.scalarlejoinsel
);

CREATE OPERATOR screissue.> (
    FUNCTION = screissue.card_id_gt,
    LEFTARG = screissue.card_id,
    RIGHTARG = screissue.card_id,
    COMMUTATOR = OPERATOR(screissue.<),
    NEGATOR = OPERATOR(screissue.<=),
    RESTRICT = pg_catalog.scalargtsel,
    JOIN = pg_catalog.scalargtjoinsel
);

CREATE OPERATOR screissue.>= (
    FUNCTION = screissue.card_id_ge,
    LEFTARG = screissue.card_id,
    RIGHTARG = screissue.card_id,
    COMMUTATOR = OPERATOR(screissue.<=),
    NEGATOR = OPERATOR(screissue.<),
    RESTRICT = pg_catalog.scalargesel,
    JOIN = pg_catalog.scalargejoinsel
);

-- Casts: explicit only, so that no comparison becomes ambiguous

CREATE CAST (text AS screissue.card_id) WITH INOUT;
CREATE CAST (screissue.card_id AS text) WITH INOUT;

-- Operator classes

CREATE OPERATOR CLASS screissue.card_id_ops
    DEFAULT FOR TYPE screissue.card_id USING btree AS
    OPERATOR 1 screissue.<,
    OPERATOR 2 screissue.<=,
    OPERATOR 3 screissue.=,
    OPERATOR 4 screissue.>=,
    OPERATOR 5 screissue.>,
    FUNCTION 1 screissue.card_id_cmp(screissue.card_id, screissue.card_id),
    FUNCTION 2 screissue.card_id_sortsupport(internal),
    FUNCTION 4 pg_catalog.btequalimage(oid);

CREATE OPERATOR CLASS screissue.card_id_ops
    DEFAULT FOR TYPE screissue.card_id USING hash AS
    OPERATOR 1 screissue.=,
    FUNCTION 1 screissue.card_id_hash(screissue.card_id),
    FUNCTION 2 screissue.card_id_hash_extended(screissue.card_id, bigint);

-- Aggregates

CREATE AGGREGATE screissue.min(screissue.card_id) (
    SFUNC = screissue.card_id_smaller,
    STYPE = screissue.card_id,
    COMBINEFUNC = screissue.card_id_smaller,
    SORTOP = OPERATOR(screissue.<),
    PARALLEL = SAFE
);

CREATE AGGREGATE screissue.max(screissue.card_id) (
    SFUNC = screissue.card_id_larger,
    STYPE = screissue.card_id,
    COMBINEFUNC = screissue.card_id_larger,
    SORTOP = OPERATOR(screissue.>),
    PARALLEL = SAFE
);

-- Comments

COMMENT ON TYPE screissue.card_id IS
    'id of a card: 4 to 40 digits, 0x and 4 to 20 bytes in hexadecimal, or 1 to 32 of 0-9A-Z._- with a letter';
COMMENT ON FUNCTION screissue.card_id_in(cstring) IS
    'I/O';
COMMENT ON FUNCTION screissue.card_id_out(screissue.card_id) IS
    'I/O';
COMMENT ON FUNCTION screissue.card_id_recv(internal) IS
    'I/O';
COMMENT ON FUNCTION screissue.card_id_send(screissue.card_id) IS
    'I/O';
COMMENT ON FUNCTION screissue.mask(screissue.card_id) IS
    'text form with most characters hidden, for people and logs';
COMMENT ON FUNCTION screissue.card_id_eq(screissue.card_id, screissue.card_id) IS
    'implementation of = operator';
COMMENT ON FUNCTION screissue.card_id_ne(screissue.card_id, screissue.card_id) IS
    'implementation of <> operator';
COMMENT ON FUNCTION screissue.card_id_lt(screissue.card_id, screissue.card_id) IS
    'implementation of < operator';
COMMENT ON FUNCTION screissue.card_id_le(screissue.card_id, screissue.card_id) IS
    'implementation of <= operator';
COMMENT ON FUNCTION screissue.card_id_gt(screissue.card_id, screissue.card_id) IS
    'implementation of > operator';
COMMENT ON FUNCTION screissue.card_id_ge(screissue.card_id, screissue.card_id) IS
    'implementation of >= operator';
COMMENT ON FUNCTION screissue.card_id_cmp(screissue.card_id, screissue.card_id) IS
    'btree support: less-equal-greater';
COMMENT ON FUNCTION screissue.card_id_sortsupport(internal) IS
    'btree support: sort support';
COMMENT ON FUNCTION screissue.card_id_smaller(screissue.card_id, screissue.card_id) IS
    'implementation of min aggregate';
COMMENT ON FUNCTION screissue.card_id_larger(screissue.card_id, screissue.card_id) IS
    'implementation of max aggregate';
COMMENT ON FUNCTION screissue.card_id_hash(screissue.card_id) IS
    'hash support';
COMMENT ON FUNCTION screissue.card_id_hash_extended(screissue.card_id, bigint) IS
    'hash support with seed';
COMMENT ON OPERATOR screissue.= (screissue.card_id, screissue.card_id) IS
    'equal';
COMMENT ON OPERATOR screissue.<> (screissue.card_id, screissue.card_id) IS
    'not equal';
COMMENT ON OPERATOR screissue.< (screissue.card_id, screissue.card_id) IS
    'less than';
COMMENT ON OPERATOR screissue.<= (screissue.card_id, screissue.card_id) IS
    'less than or equal';
COMMENT ON OPERATOR screissue.> (screissue.card_id, screissue.card_id) IS
    'greater than';
COMMENT ON OPERATOR screissue.>= (screissue.card_id, screissue.card_id) IS
    'greater than or equal';
COMMENT ON CAST (text AS screissue.card_id) IS
    'text form read as card_id, explicit';
COMMENT ON CAST (screissue.card_id AS text) IS
    'canonical text form of card_id, explicit';
COMMENT ON OPERATOR FAMILY screissue.card_id_ops USING btree IS
    'btree operators of card_id';
COMMENT ON OPERATOR CLASS screissue.card_id_ops USING btree IS
    'order by kind, payload bytes and number of digits';
COMMENT ON OPERATOR FAMILY screissue.card_id_ops USING hash IS
    'hash operators of card_id';
COMMENT ON OPERATOR CLASS screissue.card_id_ops USING hash IS
    'hashing of card_id';
COMMENT ON AGGREGATE screissue.min(screissue.card_id) IS
    'smallest card_id of all input values';
COMMENT ON AGGREGATE screissue.max(screissue.card_id) IS
    'greatest card_id of all input values';
