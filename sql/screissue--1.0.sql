-- screissue: reissued smart cards, for card issuers and service providers
--
-- screissue          types, shared functions, the wire table of notices
-- card_issuer        the issuer's side     (its tables: card_issuer.setup)
-- service_provider   the provider's side   (its tables: service_provider.setup)

\echo Use "CREATE EXTENSION screissue" to load this file. \quit

-- The path of whoever runs this may lead to schemas in which others create what
-- they like: none of that is called here.
SET LOCAL search_path = pg_catalog, pg_temp;

CREATE SCHEMA screissue;
COMMENT ON SCHEMA screissue IS 'types and shared functions of screissue';

CREATE SCHEMA card_issuer;
COMMENT ON SCHEMA card_issuer IS 'screissue at the card issuer';

CREATE SCHEMA service_provider;
COMMENT ON SCHEMA service_provider IS 'screissue at the service provider';

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

-- card_attribute: encrypted card ids
--
-- scheme:key_id:hex, what a card gives away instead of its id.  Equality and
-- hash only: two attributes of one card need not be equal, and there is no
-- order among ciphertexts.

CREATE TYPE screissue.card_attribute;

-- I/O

CREATE FUNCTION screissue.card_attribute_in(cstring)
    RETURNS screissue.card_attribute
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.card_attribute_out(screissue.card_attribute)
    RETURNS cstring
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.card_attribute_recv(internal)
    RETURNS screissue.card_attribute
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.card_attribute_send(screissue.card_attribute)
    RETURNS bytea
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME';

-- Type

CREATE TYPE screissue.card_attribute (
    INPUT = screissue.card_attribute_in,
    OUTPUT = screissue.card_attribute_out,
    RECEIVE = screissue.card_attribute_recv,
    SEND = screissue.card_attribute_send,
    INTERNALLENGTH = VARIABLE,
    STORAGE = extended
);

-- Functions

CREATE FUNCTION screissue.card_attribute(scheme text, key_id integer, ciphertext bytea)
    RETURNS screissue.card_attribute
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'screissue_card_attribute';

CREATE FUNCTION screissue.scheme(attribute screissue.card_attribute)
    RETURNS text
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'screissue_scheme';

CREATE FUNCTION screissue.key_id(attribute screissue.card_attribute)
    RETURNS integer
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'screissue_key_id';

CREATE FUNCTION screissue.ciphertext(attribute screissue.card_attribute)
    RETURNS bytea
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'screissue_ciphertext';

-- Comparison: can never raise, hence leakproof

CREATE FUNCTION screissue.card_attribute_eq(screissue.card_attribute, screissue.card_attribute)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.card_attribute_ne(screissue.card_attribute, screissue.card_attribute)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.card_attribute_hash(screissue.card_attribute)
    RETURNS integer
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

CREATE FUNCTION screissue.card_attribute_hash_extended(screissue.card_attribute, bigint)
    RETURNS bigint
    LANGUAGE c
    IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
    AS 'MODULE_PATHNAME';

-- Operators

CREATE OPERATOR screissue.= (
    FUNCTION = screissue.card_attribute_eq,
    LEFTARG = screissue.card_attribute,
    RIGHTARG = screissue.card_attribute,
    COMMUTATOR = OPERATOR(screissue.=),
    NEGATOR = OPERATOR(screissue.<>),
    RESTRICT = pg_catalog.eqsel,
    JOIN = pg_catalog.eqjoinsel,
    HASHES
);

CREATE OPERATOR screissue.<> (
    FUNCTION = screissue.card_attribute_ne,
    LEFTARG = screissue.card_attribute,
    RIGHTARG = screissue.card_attribute,
    COMMUTATOR = OPERATOR(screissue.<>),
    NEGATOR = OPERATOR(screissue.=),
    RESTRICT = pg_catalog.neqsel,
    JOIN = pg_catalog.neqjoinsel
);

-- Casts: explicit only, so that no comparison becomes ambiguous

CREATE CAST (text AS screissue.card_attribute) WITH INOUT;
CREATE CAST (screissue.card_attribute AS text) WITH INOUT;

-- Operator classes

CREATE OPERATOR CLASS screissue.card_attribute_ops
    DEFAULT FOR TYPE screissue.card_attribute USING hash AS
    OPERATOR 1 screissue.=,
    FUNCTION 1 screissue.card_attribute_hash(screissue.card_attribute),
    FUNCTION 2 screissue.card_attribute_hash_extended(screissue.card_attribute, bigint);

-- Comments

COMMENT ON TYPE screissue.card_attribute IS
    'encrypted card id, scheme:key_id:hex, such as ecies-x25519:27:b2e92f83';
COMMENT ON FUNCTION screissue.card_attribute_in(cstring) IS
    'I/O';
COMMENT ON FUNCTION screissue.card_attribute_out(screissue.card_attribute) IS
    'I/O';
COMMENT ON FUNCTION screissue.card_attribute_recv(internal) IS
    'I/O';
COMMENT ON FUNCTION screissue.card_attribute_send(screissue.card_attribute) IS
    'I/O';
COMMENT ON FUNCTION screissue.card_attribute(text, integer, bytea) IS
    'card attribute made from its three parts';
COMMENT ON FUNCTION screissue.scheme(screissue.card_attribute) IS
    'name of the encryption scheme';
COMMENT ON FUNCTION screissue.key_id(screissue.card_attribute) IS
    'number of the key of the card issuer, 0 to 255';
COMMENT ON FUNCTION screissue.ciphertext(screissue.card_attribute) IS
    'encrypted card id';
COMMENT ON FUNCTION screissue.card_attribute_eq(screissue.card_attribute, screissue.card_attribute) IS
    'implementation of = operator';
COMMENT ON FUNCTION screissue.card_attribute_ne(screissue.card_attribute, screissue.card_attribute) IS
    'implementation of <> operator';
COMMENT ON FUNCTION screissue.card_attribute_hash(screissue.card_attribute) IS
    'hash support';
COMMENT ON FUNCTION screissue.card_attribute_hash_extended(screissue.card_attribute, bigint) IS
    'hash support with seed';
COMMENT ON OPERATOR screissue.= (screissue.card_attribute, screissue.card_attribute) IS
    'equal';
COMMENT ON OPERATOR screissue.<> (screissue.card_attribute, screissue.card_attribute) IS
    'not equal';
COMMENT ON CAST (text AS screissue.card_attribute) IS
    'text form read as card_attribute, explicit';
COMMENT ON CAST (screissue.card_attribute AS text) IS
    'canonical text form of card_attribute, explicit';
COMMENT ON OPERATOR FAMILY screissue.card_attribute_ops USING hash IS
    'hash operators of card_attribute';
COMMENT ON OPERATOR CLASS screissue.card_attribute_ops USING hash IS
    'hashing of card_attribute';

-- Check digits of card ids
--
-- False for a card id that is not of digits.

CREATE FUNCTION screissue.luhn_valid(card screissue.card_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'screissue_luhn_valid';
COMMENT ON FUNCTION screissue.luhn_valid(screissue.card_id) IS
    'validity by the Luhn formula (payment cards, ICCID)';

CREATE FUNCTION screissue.mod97_valid(card screissue.card_id)
    RETURNS boolean
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'screissue_mod97_valid';
COMMENT ON FUNCTION screissue.mod97_valid(screissue.card_id) IS
    'validity modulo 97 (EID)';

-- Forms on paper (R10, E29)
--
-- A form has check characters in every group, in every line and for the whole
-- sheet (src/core/paper.c).

-- A form with these values, one for each of its fields, NULL = none.
-- Errors: 22023 a value that is no printable ASCII, or is too long.
CREATE FUNCTION screissue.print_paper(form text, field_values text[])
    RETURNS text
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'screissue_print_paper';
COMMENT ON FUNCTION screissue.print_paper(text, text[]) IS
    'form on paper';

-- The values of a form that somebody typed.
-- Errors: 22P02 it is not what was printed; says in which line and group.
CREATE FUNCTION screissue.read_paper(form text, typed text)
    RETURNS text[]
    LANGUAGE c
    IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'screissue_read_paper';
COMMENT ON FUNCTION screissue.read_paper(text, text) IS
    'values of a form that was typed';

-- A time on paper: its digits, down to the microsecond, in UTC.
CREATE FUNCTION screissue.paper_time(moment timestamp with time zone)
    RETURNS text
    LANGUAGE sql
    STABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(to_char(moment AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSUS'),
                    moment::text)
$$;
COMMENT ON FUNCTION screissue.paper_time(timestamp with time zone) IS
    'time as it stands on paper';

-- Errors: class 22 if it is none.
CREATE FUNCTION screissue.read_paper_time(digits text)
    RETURNS timestamp with time zone
    LANGUAGE sql
    STABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT regexp_replace(
               digits, E'^(\\d{4,6})(\\d\\d)(\\d\\d)(\\d\\d)(\\d\\d)(\\d\\d)(\\d{6})$',
               E'\\1-\\2-\\3 \\4:\\5:\\6.\\7+00')::timestamp with time zone
$$;
COMMENT ON FUNCTION screissue.read_paper_time(text) IS
    'time that stands on paper';

-- What a reply answers, as it stands on paper: the first digits of the SHA-256
-- digest of the text of the card attribute, or of the card id, that was asked
-- about.
CREATE FUNCTION screissue.paper_digest(digest bytea)
    RETURNS text
    LANGUAGE sql
    IMMUTABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT upper(left(encode(digest, 'hex'), 16))
$$;
COMMENT ON FUNCTION screissue.paper_digest(bytea) IS
    'digest as it stands on paper';

-- Raises 22P02: the check characters are right, and yet the field is not what
-- the issuer prints there.
CREATE FUNCTION screissue.raise_unreadable(label text)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'form has no valid value in line %', label
        USING ERRCODE = '22P02',
              DETAIL = 'The check characters fit, so it is not mistyped.';
END
$$;
COMMENT ON FUNCTION screissue.raise_unreadable(text) IS
    'error 22P02 for a field of a form';

-- Enums and composites that the API takes and returns

CREATE TYPE screissue.card_status AS ENUM (
    'produced', 'active', 'suspended', 'lost', 'stolen', 'damaged',
    'expired', 'replaced', 'revoked');
COMMENT ON TYPE screissue.card_status IS 'status of a card in its life';

CREATE TYPE screissue.reissue_reason AS ENUM (
    'lost', 'stolen', 'damaged', 'expired', 'upgraded', 'compromised',
    'other');
COMMENT ON TYPE screissue.reissue_reason IS
    'reason why a card is reissued';

CREATE TYPE screissue.load_status AS ENUM (
    'permitted', 'loaded', 'failed', 'unloaded', 'superseded');
COMMENT ON TYPE screissue.load_status IS
    'status of the load of an application on a card';

CREATE TYPE screissue.request_status AS ENUM (
    'pending', 'approved', 'refused', 'completed', 'withdrawn');
COMMENT ON TYPE screissue.request_status IS
    'status of a request for a reissue';

CREATE TYPE screissue.reload_outcome AS ENUM (
    'approved', 'refused', 'awaiting_reply', 'not_reissued',
    'not_loaded_before', 'already_reloaded', 'card_replaced',
    'examination_required', 'application_withdrawn', 'contract_ended',
    'entitlement_withdrawn');
COMMENT ON TYPE screissue.reload_outcome IS
    'outcome of a request for a reload';

CREATE TYPE screissue.tariff_kind AS ENUM ('load', 'reload');
COMMENT ON TYPE screissue.tariff_kind IS
    'kind of load that a tariff prices (claims 13, 14)';

CREATE TYPE screissue.verdict AS (
    approved boolean,
    reason text,
    valid_for interval);
COMMENT ON TYPE screissue.verdict IS
    'result of an examination; approved NULL = pending';

-- Who is calling

CREATE FUNCTION screissue.calling_role()
    RETURNS name
    LANGUAGE c
    STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'screissue_calling_role';
COMMENT ON FUNCTION screissue.calling_role() IS
    'role on whose behalf a call is made: SET ROLE changes it, SECURITY DEFINER does not';

CREATE FUNCTION screissue.in_extension_script()
    RETURNS boolean
    LANGUAGE c
    STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'screissue_in_extension_script';
COMMENT ON FUNCTION screissue.in_extension_script() IS
    'true while CREATE or ALTER EXTENSION runs a script';

-- The role must exist (42704): asked before any GRANT is put together.
CREATE FUNCTION screissue.require_role(role_name name)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles r
                   WHERE r.rolname = require_role.role_name) THEN
        RAISE EXCEPTION 'role "%" does not exist', role_name
            USING ERRCODE = '42704',
                  HINT = 'Create it first; screissue makes no roles.';
    END IF;
END
$$;
COMMENT ON FUNCTION screissue.require_role(name) IS
    'check that a role exists';

-- GRANT USAGE on a schema, and EXECUTE on the named functions in it.
CREATE FUNCTION screissue.grant_calls(
    schema_name name,
    role_name name,
    calls text[])
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    call text;
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', schema_name, role_name);
    FOREACH call IN ARRAY calls LOOP
        EXECUTE format('GRANT EXECUTE ON ROUTINE %I.%I TO %I',
                       schema_name, call, role_name);
    END LOOP;
END
$$;
COMMENT ON FUNCTION screissue.grant_calls(name, name, text[]) IS
    'grant the named calls of a schema to a role';

-- Arguments: checks that calls of both roles make

-- Raises 22023 unless every argument is given.  For required arguments of
-- functions that cannot be STRICT: a NULL command must not pass in silence.
CREATE FUNCTION screissue.require(argument text, is_given boolean)
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    IF is_given THEN
        RETURN;
    END IF;
    RAISE EXCEPTION 'argument "%" must not be null', argument
        USING ERRCODE = '22023';
END
$$;
COMMENT ON FUNCTION screissue.require(text, boolean) IS
    'check that a required argument is given';

-- Raises 22023 unless an application's examinations can be reused so.
CREATE FUNCTION screissue.require_examination_mode(
    examination text,
    max_examination_age interval)
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('examination', examination IS NOT NULL);
    IF examination NOT IN ('substitute', 'refer', 'new') THEN
        RAISE EXCEPTION 'unknown examination mode "%"', examination
            USING ERRCODE = '22023',
                  HINT = 'Modes are substitute, refer and new.';
    END IF;
    IF max_examination_age < interval '0' THEN
        RAISE EXCEPTION 'maximum age of an examination cannot be negative'
            USING ERRCODE = '22023';
    END IF;
END
$$;
COMMENT ON FUNCTION screissue.require_examination_mode(text, interval) IS
    'check an examination mode and its limit';

-- Raises 22023 unless this can be a line of a tariff.
CREATE FUNCTION screissue.require_tariff(
    kind screissue.tariff_kind,
    amount numeric,
    currency text,
    reason screissue.reissue_reason)
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('kind', kind IS NOT NULL);
    PERFORM screissue.require('amount', amount IS NOT NULL);
    PERFORM screissue.require('currency', currency IS NOT NULL);
    IF NOT (amount >= 0 AND amount < 'Infinity') THEN
        RAISE EXCEPTION 'amount % is not a price', amount
            USING ERRCODE = '22023',
                  HINT = 'Give a finite number that is not negative.';
    END IF;
    IF amount >= 1e15 OR scale(trim_scale(amount)) > 4 THEN
        RAISE EXCEPTION 'amount has too many digits'
            USING ERRCODE = '22023',
                  HINT = 'A price is below 10^15 and has at most four decimals (ISO 4217).';
    END IF;
    IF currency !~ '^[A-Z]{3}$' THEN
        RAISE EXCEPTION 'currency "%" is not an ISO 4217 code', currency
            USING ERRCODE = '22023',
                  HINT = 'Give three capital letters.';
    END IF;
    IF kind = 'load' AND reason IS NOT NULL THEN
        RAISE EXCEPTION 'only a reload has a reason'
            USING ERRCODE = '22023',
                  HINT = 'Leave "reason" out, or set the price of a reload.';
    END IF;
END
$$;
COMMENT ON FUNCTION screissue.require_tariff(
    screissue.tariff_kind, numeric, text, screissue.reissue_reason) IS
    'check a line of a tariff';

-- Raises unless the verdict says yes or no, for a time to come.
CREATE FUNCTION screissue.require_verdict(examination screissue.verdict)
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('examination.approved',
                              (examination).approved IS NOT NULL);
    PERFORM screissue.check_valid_for((examination).valid_for);
END
$$;
COMMENT ON FUNCTION screissue.require_verdict(screissue.verdict) IS
    'check that an examination came to a verdict';

CREATE FUNCTION screissue.check_valid_for(valid_for interval)
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF valid_for <= interval '0' THEN
        RAISE EXCEPTION 'validity of an examination must be positive, not "%"',
            valid_for
            USING ERRCODE = '22023',
                  HINT = 'Leave it null for an examination without an end.';
    END IF;
END
$$;
COMMENT ON FUNCTION screissue.check_valid_for(interval) IS
    'check the time for which an examination is valid';

-- The day by which contracts and cards are valid: UTC, whatever time zone the
-- client sets (E54).
CREATE FUNCTION screissue.today()
    RETURNS date
    LANGUAGE sql
    STABLE PARALLEL SAFE
    RETURN (pg_catalog.now() AT TIME ZONE 'UTC')::pg_catalog.date;
COMMENT ON FUNCTION screissue.today() IS
    'day by which validity is judged, in UTC';

-- Digests of notices: both sides compute them of what they have (E59)

-- SHA-256 of one notice, in the columns of the wire: the binary form of a row
-- in PostgreSQL's protocol, texts as their bytes in UTF-8.  Each value has its
-- length before it, NULL a length of -1, a time is a count of microseconds: no
-- setting changes it and no two notices share it.  No SET, so that it is inlined.
CREATE FUNCTION screissue.notice_sha256(
    issuer text,
    provider text,
    notice_no bigint,
    kind text,
    platform_type integer,
    new_card_id text,
    old_card_id text,
    app_id text,
    message_id text,
    reason text,
    noted_at timestamp with time zone)
    RETURNS bytea
    LANGUAGE sql
    STABLE PARALLEL SAFE
    RETURN pg_catalog.sha256(pg_catalog.record_send(ROW(
        pg_catalog.convert_to(issuer, 'UTF8'),
        pg_catalog.convert_to(provider, 'UTF8'),
        notice_no,
        pg_catalog.convert_to(kind, 'UTF8'),
        platform_type,
        pg_catalog.convert_to(new_card_id, 'UTF8'),
        pg_catalog.convert_to(old_card_id, 'UTF8'),
        pg_catalog.convert_to(app_id, 'UTF8'),
        pg_catalog.convert_to(message_id, 'UTF8'),
        pg_catalog.convert_to(reason, 'UTF8'),
        noted_at)));
COMMENT ON FUNCTION screissue.notice_sha256(
    text, text, bigint, text, integer, text, text, text, text, text,
    timestamp with time zone) IS
    'SHA-256 of a notice, the same at both sides';

-- Digest of a range: SHA-256 of the digests of its notices in the order of
-- their numbers, one after the other.
CREATE FUNCTION screissue.digest_of(digests bytea)
    RETURNS bytea
    LANGUAGE sql
    IMMUTABLE PARALLEL SAFE
    RETURN pg_catalog.sha256(coalesce(digests, ''));
COMMENT ON FUNCTION screissue.digest_of(bytea) IS
    'SHA-256 of a range of notices';

-- Raises 22023 unless these are the ends of a range of notice numbers.
CREATE FUNCTION screissue.require_range(from_no bigint, to_no bigint)
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('from_no', from_no IS NOT NULL);
    PERFORM screissue.require('to_no', to_no IS NOT NULL);
    IF from_no < 1 OR from_no > to_no THEN
        RAISE EXCEPTION 'from % to % is no range of notice numbers',
            from_no, to_no
            USING ERRCODE = '22023',
                  HINT = 'Numbers begin with 1, and the lower one comes first.';
    END IF;
END
$$;
COMMENT ON FUNCTION screissue.require_range(bigint, bigint) IS
    'check a range of notice numbers';

-- Raises 22023 unless a range can be divided into parts of so many numbers.
CREATE FUNCTION screissue.require_step(step bigint)
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('step', step IS NOT NULL);
    IF step < 1 THEN
        RAISE EXCEPTION 'step must be positive, not %', step
            USING ERRCODE = '22023';
    END IF;
END
$$;
COMMENT ON FUNCTION screissue.require_step(bigint) IS
    'check how a range is to be divided';

-- Policies: functions that judge requests, at the card issuer and at providers
-- (R15, R50; design 9)
--
-- A policy is f(request jsonb) RETURNS screissue.verdict.  It runs with the
-- rights of the extension's owner, so only superusers set one, and only a
-- function that a superuser owns is called.

-- The function of a signature, if it is a policy that may be called.
-- Errors: 42883 there is none; 42804 it is no policy; 42501 its owner is not
-- superuser.
CREATE FUNCTION screissue.require_policy(signature text)
    RETURNS oid
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    found_function record;
BEGIN
    SELECT p.oid, r.rolsuper,
           p.prokind = 'f' AND NOT p.proretset AND p.pronargs = 1
           AND p.proargtypes[0] = 'jsonb'::regtype
           AND p.prorettype = 'screissue.verdict'::regtype AS is_policy
      INTO found_function
      FROM pg_proc p
      JOIN pg_roles r ON r.oid = p.proowner
     WHERE p.oid = to_regprocedure(signature);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'policy function "%" does not exist', signature
            USING ERRCODE = '42883';
    ELSIF NOT found_function.is_policy THEN
        RAISE EXCEPTION 'function "%" is no policy', signature
            USING ERRCODE = '42804',
                  HINT = 'A policy is a function of one jsonb that returns screissue.verdict.';
    ELSIF NOT found_function.rolsuper THEN
        RAISE EXCEPTION 'policy function "%" does not belong to a superuser',
            signature
            USING ERRCODE = '42501',
                  HINT = 'It would act with the rights of the owner of the extension.';
    END IF;
    RETURN found_function.oid;
END
$$;
COMMENT ON FUNCTION screissue.require_policy(text) IS
    'check of a policy function';

-- Raises 22023 unless there is a policy for the event.
CREATE FUNCTION screissue.require_event(event text, events text[])
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('event', require_event.event IS NOT NULL);
    IF require_event.event <> ALL (events) THEN
        RAISE EXCEPTION 'there is no policy for event "%"', require_event.event
            USING ERRCODE = '22023',
                  HINT = format('The events here: %s.',
                                array_to_string(events, ', '));
    END IF;
END
$$;
COMMENT ON FUNCTION screissue.require_event(text, text[]) IS
    'check of an event that a policy judges';

-- The qualified signature by which a policy is stored.  Errors: those of
-- require_policy.
CREATE FUNCTION screissue.policy_signature(function regprocedure)
    RETURNS text
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    signature text;
BEGIN
    SELECT format('%I.%I(%s)', n.nspname, p.proname,
                  oidvectortypes(p.proargtypes))
      INTO signature
      FROM pg_proc p
      JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE p.oid = policy_signature.function;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'policy function % does not exist',
            policy_signature.function::oid
            USING ERRCODE = '42883';
    END IF;
    PERFORM screissue.require_policy(signature);
    RETURN signature;
END
$$;
COMMENT ON FUNCTION screissue.policy_signature(regprocedure) IS
    'qualified signature of a policy function';

-- The SHA-256 of a function's definition, all types in it qualified: the same for
-- every path, and however a session quotes.
CREATE FUNCTION screissue.definition_sha256(function oid)
    RETURNS text
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, pg_temp
    SET quote_all_identifiers = off
AS $$
    SELECT encode(sha256(convert_to(pg_get_functiondef(function), 'UTF8')), 'hex')
$$;
COMMENT ON FUNCTION screissue.definition_sha256(oid) IS
    'SHA-256 of the definition of a function';

-- The verdict of a policy, and the SHA-256 of its definition.  A policy may not
-- lead us to what others have put elsewhere: its search_path is its own affair.
-- Errors: what the policy raises; 22004 it returns NULL; 22023 its verdict is
-- valid for no time; 55000 it leaves another search_path behind; those of
-- require_policy.
CREATE FUNCTION screissue.call_policy(
    signature text,
    request jsonb,
    OUT approved boolean,
    OUT reason text,
    OUT valid_for interval,
    OUT policy_sha256 text)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    policy_oid CONSTANT oid := screissue.require_policy(signature);
    path CONSTANT text := current_setting('search_path');
    verdicts integer;
BEGIN
    call_policy.policy_sha256 := screissue.definition_sha256(policy_oid);
    EXECUTE format('SELECT (p.v).approved, (p.v).reason, (p.v).valid_for'
                   '  FROM (SELECT %s($1) AS v OFFSET 0) p'
                   ' WHERE p.v IS DISTINCT FROM NULL',
                   left(signature, - length('(jsonb)')))
       INTO call_policy.approved, call_policy.reason, call_policy.valid_for
      USING call_policy.request;
    GET DIAGNOSTICS verdicts = ROW_COUNT;
    IF pg_catalog.current_setting('search_path') OPERATOR(pg_catalog.<>) path THEN
        RAISE EXCEPTION 'policy "%" changed the search_path', signature
            USING ERRCODE = '55000',
                  HINT = 'Give the function a SET search_path in place of it.';
    END IF;
    IF verdicts = 0 THEN
        RAISE EXCEPTION 'policy "%" came to no verdict', signature
            USING ERRCODE = '22004',
                  HINT = 'To leave a decision open a policy returns a verdict that has approved NULL.';
    END IF;
    PERFORM screissue.check_valid_for(call_policy.valid_for);
END
$$;
COMMENT ON FUNCTION screissue.call_policy(text, jsonb) IS
    'verdict of a policy function';

-- Platform types

-- Which method a platform type stands for; NULL for an unknown one.
CREATE FUNCTION screissue.method_of(platform_type integer)
    RETURNS integer
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RETURN (SELECT p.method
              FROM screissue.platform p
             WHERE p.platform_type = method_of.platform_type);
END
$$;
COMMENT ON FUNCTION screissue.method_of(integer) IS
    'method of a platform type (Fig. 18, step 1802)';

-- The life of cards, loads and requests for a reissue: which status may follow
-- which.  The moves are listed here and nowhere else.  The table
-- screissue.status_move has a row for each; whoever owns the extension may
-- forbid one there (allowed = false), but cannot add one.

CREATE FUNCTION screissue.status_moves(
    OUT subject text,
    OUT from_status text,
    OUT to_status text)
    RETURNS SETOF record
    LANGUAGE sql
    IMMUTABLE
    ROWS 80
    SET search_path = pg_catalog, pg_temp
AS $$
    WITH handed_out AS (
        SELECT s.status
          FROM (VALUES ('produced'), ('active'), ('suspended'), ('lost'),
                       ('stolen'), ('damaged')) s (status)),
    blocked AS (
        SELECT h.status
          FROM handed_out h
         WHERE h.status NOT IN ('produced', 'active'))
    SELECT 'card', 'produced', 'active'                   -- activate_card
     UNION ALL
    SELECT 'card', h.status, b.status                     -- block_card
      FROM handed_out h, blocked b
     WHERE h.status <> b.status
     UNION ALL
    SELECT 'card', b.status, f.status                     -- unblock_card
      FROM blocked b, (VALUES ('produced'), ('active')) f (status)
     UNION ALL
    SELECT 'card', f.status, 'expired'                    -- expire_cards
      FROM (VALUES ('produced'), ('active')) f (status)
     UNION ALL
    SELECT 'card', 'expired', f.status                    -- renew_card
      FROM (VALUES ('produced'), ('active')) f (status)
     UNION ALL
    SELECT 'card', h.status, e.status     -- reissue_card, withdraw_reissue
      FROM (SELECT o.status FROM handed_out o UNION ALL SELECT 'expired')
           h (status),
           (VALUES ('replaced'), ('revoked')) e (status)
     UNION ALL
    SELECT 'card', 'replaced', h.status                   -- withdraw_reissue
      FROM (SELECT o.status FROM handed_out o UNION ALL SELECT 'expired')
           h (status)
     UNION ALL
    SELECT 'load', m.from_status, m.to_status
      FROM (VALUES ('permitted', 'loaded'),               -- confirm_load
                   ('permitted', 'failed'),
                   ('loaded', 'unloaded'),                -- confirm_unload
                   ('loaded', 'superseded'))              -- its reload
           m (from_status, to_status)
     UNION ALL
    SELECT 'request', m.from_status, m.to_status
      FROM (VALUES ('pending', 'approved'),               -- decide_reissue
                   ('pending', 'refused'),
                   ('approved', 'withdrawn'),
                   ('approved', 'completed'),             -- reissue_card
                   ('completed', 'withdrawn'),            -- withdraw_reissue
                   ('pending', 'withdrawn'))
           m (from_status, to_status)
$$;
COMMENT ON FUNCTION screissue.status_moves() IS
    'all moves from a status to another that there are';

CREATE FUNCTION screissue.is_status_move(
    subject text,
    from_status text,
    to_status text)
    RETURNS boolean
    LANGUAGE sql
    IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT
                     FROM screissue.status_moves() m
                    WHERE m.subject = is_status_move.subject
                      AND m.from_status = is_status_move.from_status
                      AND m.to_status = is_status_move.to_status)
$$;
COMMENT ON FUNCTION screissue.is_status_move(text, text, text) IS
    'true for a move that there is, forbidden or not';

-- May a card, load or request move so?  Never from a status to itself.
CREATE FUNCTION screissue.may_move(
    subject text,
    from_status text,
    to_status text)
    RETURNS boolean
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN EXISTS (SELECT
                     FROM screissue.status_move m
                    WHERE m.subject = may_move.subject
                      AND m.from_status = may_move.from_status
                      AND m.to_status = may_move.to_status
                      AND m.allowed);
END
$$;
COMMENT ON FUNCTION screissue.may_move(text, text, text) IS
    'true if a move is allowed';

-- Raises SR005, naming both states, unless the move is allowed.  which: who
-- would move, as a message may show it.
CREATE FUNCTION screissue.require_move(
    subject text,
    which text,
    from_status text,
    to_status text)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF screissue.may_move(subject, from_status, to_status) THEN
        RETURN;
    END IF;
    RAISE EXCEPTION '% "%" is %, it cannot be %',
        subject, which, from_status, to_status
        USING ERRCODE = 'SR005',
              HINT = 'Which status may follow which is in screissue.status_move.';
END
$$;
COMMENT ON FUNCTION screissue.require_move(text, text, text, text) IS
    'check that a move is allowed';

-- screissue/tables.sql, run by setup()
CREATE FUNCTION screissue.layout_1()
    RETURNS text
    LANGUAGE sql
    IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $layout$
    SELECT $ddl$
-- Tables of schema screissue, made by either setup().

-- R43, R44: platform type codes and the method each stands for.  A builder
-- adds own codes as rows.
CREATE TABLE screissue.platform (
    platform_type integer NOT NULL,
    card_os text,
    method integer,
    id_check text NOT NULL DEFAULT 'none',
    CONSTRAINT platform_pkey PRIMARY KEY (platform_type),
    CONSTRAINT platform_method_check CHECK (method IN (1, 2)),
    CONSTRAINT platform_id_check_check
        CHECK (id_check IN ('none', 'luhn', 'mod97'))
);
COMMENT ON TABLE screissue.platform IS
    'platform types (card operating systems) and their method';
COMMENT ON COLUMN screissue.platform.method IS
    '1 = card id readable, notices; 2 = not readable, inquiry; NULL = unknown';
COMMENT ON COLUMN screissue.platform.id_check IS
    'check digit that the ids of such cards carry: none, luhn or mod97';

INSERT INTO screissue.platform (platform_type, card_os, method) VALUES
    (100, 'card id readable', 1),
    (200, 'card id readable by the issuer only', 2),
    (999, 'unknown', NULL);

-- The life of cards, loads and requests: which status may follow which.  A row
-- may be forbidden here, none can be added.
CREATE TABLE screissue.status_move (
    subject text NOT NULL,
    from_status text NOT NULL,
    to_status text NOT NULL,
    allowed boolean NOT NULL DEFAULT true,
    CONSTRAINT status_move_pkey PRIMARY KEY (subject, from_status, to_status),
    CONSTRAINT status_move_check
        CHECK (screissue.is_status_move(subject, from_status, to_status))
);
COMMENT ON TABLE screissue.status_move IS
    'moves from a status of a card, load or request to another';
COMMENT ON COLUMN screissue.status_move.allowed IS
    'false: whoever owns the extension has forbidden it';

INSERT INTO screissue.status_move (subject, from_status, to_status)
SELECT m.subject, m.from_status, m.to_status
  FROM screissue.status_moves() m;

-- R20, R29: the wire table.  Built-in types only: publication row filters
-- take no others, and a malformed value of an own type would stop the
-- subscriber before any trigger could save it.
CREATE TABLE screissue.notice (
    issuer text COLLATE "C" NOT NULL,
    provider text COLLATE "C" NOT NULL,
    notice_no bigint NOT NULL,
    kind text COLLATE "C",
    platform_type integer,
    new_card_id text COLLATE "C",
    old_card_id text COLLATE "C",
    app_id text COLLATE "C",
    message_id text COLLATE "C",
    reason text COLLATE "C",
    noted_at timestamp with time zone,
    CONSTRAINT notice_pkey PRIMARY KEY (issuer, provider, notice_no)
);
CREATE INDEX notice_new_card_id_idx ON screissue.notice USING hash (new_card_id);
COMMENT ON TABLE screissue.notice IS
    'notices of reissue on the wire: what publications send (Fig. 12)';
COMMENT ON COLUMN screissue.notice.notice_no IS
    'dense per issuer, provider and epoch: epoch * 2^40 + n';
COMMENT ON COLUMN screissue.notice.kind IS 'reissue, withdrawal or renewal';
COMMENT ON COLUMN screissue.notice.platform_type IS
    'platform type of the reissued card';
COMMENT ON COLUMN screissue.notice.old_card_id IS
    'NULL unless the id of the old card is readable, too';
COMMENT ON COLUMN screissue.notice.message_id IS
    'loading permission that the reissued card inherits';

-- R10: whose signature on a sealed file counts, and who can open one.  A role
-- that is set up here, card_issuer or service_provider, has its own.
CREATE TABLE screissue.certificate (
    side text NOT NULL,
    sha256 bytea NOT NULL,
    company_id screissue.company_id NOT NULL,
    der bytea NOT NULL,
    key_file text,
    valid_from timestamp with time zone NOT NULL,
    valid_until timestamp with time zone NOT NULL,
    registered_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    CONSTRAINT certificate_pkey PRIMARY KEY (side, sha256),
    CONSTRAINT certificate_side_check
        CHECK (side IN ('card_issuer', 'service_provider'))
);
COMMENT ON TABLE screissue.certificate IS
    'certificates for sealed files, our own and those of partners';
COMMENT ON COLUMN screissue.certificate.side IS
    'in which role we use it: card_issuer or service_provider';
COMMENT ON COLUMN screissue.certificate.sha256 IS
    'SHA-256 of the certificate, its fingerprint';
COMMENT ON COLUMN screissue.certificate.company_id IS 'whose it is';
COMMENT ON COLUMN screissue.certificate.key_file IS
    'file with the private key in screissue.key_directory; NULL = a partner''s';
    $ddl$
$layout$;
COMMENT ON FUNCTION screissue.layout_1() IS
    'tables of schema screissue, layout 1, for setup()';

-- What both setup() functions share

-- Raises unless tables may be made here and now: not inside an extension
-- script (they would become members), only in UTF8, and only if nobody else
-- has rights on what is there.  Makes the tables of schema screissue.
CREATE FUNCTION screissue.begin_setup()
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF screissue.in_extension_script() THEN
        RAISE EXCEPTION 'setup cannot run inside an extension script'
            USING ERRCODE = '55000',
                  HINT = 'Call it after CREATE EXTENSION has finished.';
    END IF;
    IF getdatabaseencoding() <> 'UTF8' THEN
        RAISE EXCEPTION 'database encoding "%" is not supported',
            getdatabaseencoding()
            USING ERRCODE = '22023',
                  HINT = 'Create the database with ENCODING UTF8.';
    END IF;

    -- Two sessions that set up at once take turns.
    PERFORM pg_advisory_xact_lock(hashtextextended('screissue.setup', 0));

    PERFORM screissue.check_owners();
    PERFORM screissue.check_privileges();
    IF to_regclass('screissue.platform') IS NULL THEN
        PERFORM screissue.run_layout(screissue.layout_1());
        PERFORM screissue.revoke_tables('screissue');
    END IF;
END
$$;
COMMENT ON FUNCTION screissue.begin_setup() IS
    'checks before setup, and the tables of schema screissue';

-- Runs the statements of a layout; /* PARTITION BY ... */ comes into force where
-- the tables are to be partitioned.
CREATE FUNCTION screissue.run_layout(
    ddl text,
    partitioned boolean DEFAULT false)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF partitioned THEN
        ddl := regexp_replace(ddl, '/[*] (PARTITION BY .*?) [*]/', E'\\1', 'g');
    END IF;
    EXECUTE ddl;
END
$$;
COMMENT ON FUNCTION screissue.run_layout(text, boolean) IS
    'make the tables of a layout, for setup()';

-- Raises 42501 if something of ours belongs to a lesser role: the triggers of a
-- relation, what is in a schema, the body of a function and the casts of a type
-- would run with our rights.
CREATE FUNCTION screissue.check_owners()
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    stray record;
BEGIN
    SELECT o.object, r.rolname
      INTO stray
      FROM pg_namespace n
     CROSS JOIN LATERAL
           (SELECT format('schema "%s"', n.nspname) AS object, n.nspowner AS owner
             UNION ALL
            SELECT format('relation "%s.%s"', n.nspname, c.relname), c.relowner
              FROM pg_class c
             WHERE c.relnamespace = n.oid
               AND c.relkind NOT IN ('c', 'i', 'I')
             UNION ALL
            SELECT format('function "%s.%s"', n.nspname, p.proname), p.proowner
              FROM pg_proc p
             WHERE p.pronamespace = n.oid
             UNION ALL
            SELECT format('type "%s.%s"', n.nspname, t.typname), t.typowner
              FROM pg_type t
              LEFT JOIN pg_class c ON c.oid = t.typrelid
             WHERE t.typnamespace = n.oid
               AND t.typelem = 0
               AND coalesce(c.relkind = 'c', true)) o
      JOIN pg_roles r ON r.oid = o.owner
     WHERE n.nspname IN ('screissue', 'card_issuer', 'service_provider')
       AND NOT r.rolsuper
     ORDER BY o.object
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% belongs to role "%", which is not superuser',
            stray.object, stray.rolname
            USING ERRCODE = '42501',
                  HINT = 'Give it back to the owner of the extension.';
    END IF;
END
$$;
COMMENT ON FUNCTION screissue.check_owners() IS
    'check that what is ours belongs to superusers';

-- Raises 42501 if anybody but the owner has more than SELECT on a relation of
-- ours, or CREATE on a schema.  Columns of batches are for operators to fill.
CREATE FUNCTION screissue.check_privileges()
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    stray record;
BEGIN
    SELECT g.object, g.privilege_type, g.grantee
      INTO stray
      FROM (SELECT format('relation "%s.%s"', n.nspname, c.relname) AS object,
                   x.privilege_type, x.grantee
              FROM pg_class c
              JOIN pg_namespace n ON n.oid = c.relnamespace
             CROSS JOIN LATERAL
                   (SELECT r.* FROM aclexplode(c.relacl) r
                     UNION ALL
                    SELECT r.*
                      FROM pg_attribute a
                     CROSS JOIN aclexplode(a.attacl) r
                     WHERE a.attrelid = c.oid
                       AND (n.nspname <> 'card_issuer'
                            OR c.relname NOT IN ('reissue_batch',
                                                 'reissue_batch_item')
                            OR r.privilege_type <> 'INSERT')) x
             WHERE n.nspname IN ('screissue', 'card_issuer', 'service_provider')
               AND x.grantee <> c.relowner
               AND x.privilege_type <> 'SELECT'
             UNION ALL
            SELECT format('schema "%s"', n.nspname), x.privilege_type, x.grantee
              FROM pg_namespace n
             CROSS JOIN aclexplode(n.nspacl) x
             WHERE n.nspname IN ('screissue', 'card_issuer', 'service_provider')
               AND x.grantee <> n.nspowner
               AND x.privilege_type <> 'USAGE') g
     ORDER BY g.object, g.privilege_type, g.grantee
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% has % on %', screissue.grantee_name(stray.grantee),
            stray.privilege_type, stray.object
            USING ERRCODE = '42501',
                  HINT = 'Revoke it: with it others could act with the rights of the extension.';
    END IF;
END
$$;
COMMENT ON FUNCTION screissue.check_privileges() IS
    'check that nobody else may write to our relations';

-- Lets our triggers fire whatever session_replication_role is: in the workers of
-- subscriptions, and while a restore is under way.  A restore that disabled and
-- enabled triggers has left them otherwise.
CREATE FUNCTION screissue.enable_triggers()
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    command text;
BEGIN
    FOR command IN
        SELECT format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I',
                      t.tgrelid::regclass, t.tgname)
          FROM pg_trigger t
          JOIN pg_proc p ON p.oid = t.tgfoid
          JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE n.nspname IN ('card_issuer', 'service_provider')
           AND t.tgenabled <> 'A'
         ORDER BY 1
    LOOP
        EXECUTE command;
    END LOOP;
END
$$;
COMMENT ON FUNCTION screissue.enable_triggers() IS
    'let our triggers fire always, for setup()';

-- Takes all rights on a relation from all but its owner: what ALTER DEFAULT
-- PRIVILEGES may have given when it was made.
CREATE FUNCTION screissue.revoke_relation(relation regclass)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    grantee oid;
BEGIN
    FOR grantee IN
        SELECT DISTINCT x.grantee
          FROM pg_class c
         CROSS JOIN aclexplode(c.relacl) x
         WHERE c.oid = relation
           AND x.grantee <> c.relowner
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM %s',
                       relation, screissue.grantee_name(grantee));
    END LOOP;
END
$$;
COMMENT ON FUNCTION screissue.revoke_relation(regclass) IS
    'take all rights on a relation from others';

-- The same for all relations of a schema.
CREATE FUNCTION screissue.revoke_tables(schema_name name)
    RETURNS void
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT screissue.revoke_relation(c.oid)
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = schema_name
       AND c.relacl IS NOT NULL
$$;
COMMENT ON FUNCTION screissue.revoke_tables(name) IS
    'take all rights on the relations of a schema from others';

-- A grantee as GRANT and REVOKE want it.
CREATE FUNCTION screissue.grantee_name(grantee oid)
    RETURNS text
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN grantee = 0 THEN 'PUBLIC'
                ELSE quote_ident(pg_get_userbyid(grantee)) END
$$;
COMMENT ON FUNCTION screissue.grantee_name(oid) IS
    'name of a grantee, quoted';

-- Asking another database
--
-- Through dblink, which is looked up at call time: it is needed only where a
-- foreign server is used, and it may live in any schema.  Connections are made
-- with the rights of the extension's owner and kept for the session.  Where
-- the caller could use them too, because dblink's functions are open to all
-- (doc/security.md tells to revoke them), none is kept, and none is believed
-- that was open before.

-- Schema of the extension dblink.  Not installed: 0A000.
CREATE FUNCTION screissue.dblink_schema()
    RETURNS name
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    schema_name name;
BEGIN
    SELECT n.nspname INTO schema_name
      FROM pg_catalog.pg_extension e
      JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
     WHERE e.extname = 'dblink';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'extension "dblink" is not installed'
            USING ERRCODE = '0A000',
                  HINT = 'Run CREATE EXTENSION dblink in this database.';
    END IF;
    RETURN schema_name;
END
$$;
COMMENT ON FUNCTION screissue.dblink_schema() IS
    'schema of the extension dblink';

-- Name of the kept connection to a foreign server.  By oid: a server name may
-- be as long as a connection name, and a server made anew is another one.  Who
-- owns a server says where it leads and as whom the extension's owner comes
-- there: that may be this server, where he may do anything.
-- Errors: 42704 no such server; 42501 its owner is not superuser.
CREATE FUNCTION screissue.connection_name(server name)
    RETURNS text
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_server record;
BEGIN
    SELECT s.oid, r.rolname, r.rolsuper INTO found_server
      FROM pg_catalog.pg_foreign_server s
      JOIN pg_catalog.pg_roles r ON r.oid = s.srvowner
     WHERE s.srvname = connection_name.server;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'foreign server "%" does not exist', server
            USING ERRCODE = '42704',
                  HINT = 'Create it, with a user mapping for the owner of the extension.';
    ELSIF NOT found_server.rolsuper THEN
        RAISE EXCEPTION 'foreign server "%" belongs to role "%", which is not superuser',
            server, found_server.rolname
            USING ERRCODE = '42501',
                  HINT = 'It is used with the rights of the owner of the extension.';
    END IF;
    RETURN 'screissue_' || found_server.oid;
END
$$;
COMMENT ON FUNCTION screissue.connection_name(name) IS
    'name of the dblink connection that is kept to a foreign server';

-- May the caller, in any role that the session can take on, use dblink, and so
-- a connection that we keep?  Superusers need no connection of ours.
CREATE FUNCTION screissue.caller_has_dblink()
    RETURNS boolean
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS
        (SELECT
           FROM pg_roles caller
           JOIN pg_roles r ON pg_has_role(caller.oid, r.oid, 'MEMBER')
          CROSS JOIN pg_extension e
           JOIN pg_depend d
             ON d.refclassid = 'pg_extension'::regclass
            AND d.refobjid = e.oid
            AND d.classid = 'pg_proc'::regclass
            AND d.deptype = 'e'
           JOIN pg_proc p ON p.oid = d.objid
          WHERE caller.rolname IN (screissue.calling_role(), session_user)
            AND NOT caller.rolsuper
            AND NOT r.rolsuper
            AND e.extname = 'dblink'
            AND has_schema_privilege(r.oid, p.pronamespace, 'USAGE')
            AND has_function_privilege(r.oid, p.oid, 'EXECUTE'))
$$;
COMMENT ON FUNCTION screissue.caller_has_dblink() IS
    'whether the caller could use a connection that is kept';

CREATE FUNCTION screissue.is_open(connection text)
    RETURNS boolean
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    is_open boolean;
BEGIN
    EXECUTE format('SELECT coalesce($1 = ANY (%I.dblink_get_connections()), false)',
                   screissue.dblink_schema())
       INTO is_open
      USING connection;
    RETURN is_open;
END
$$;
COMMENT ON FUNCTION screissue.is_open(text) IS
    'whether a dblink connection is open';

-- Name of an open connection to the server, through the user mapping of the
-- extension's owner.
CREATE FUNCTION screissue.open_connection(server name)
    RETURNS text
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    dblink_schema CONSTANT name := screissue.dblink_schema();
    connection CONSTANT text :=
        screissue.connection_name(open_connection.server);
BEGIN
    IF NOT screissue.is_open(connection) THEN
        EXECUTE format('SELECT %I.dblink_connect($1, $2)', dblink_schema)
          USING connection, open_connection.server::text;
    END IF;
    RETURN connection;
END
$$;
COMMENT ON FUNCTION screissue.open_connection(name) IS
    'open dblink connection to a foreign server';

CREATE FUNCTION screissue.close_connection(server name)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    connection CONSTANT text :=
        screissue.connection_name(close_connection.server);
BEGIN
    IF screissue.is_open(connection) THEN
        EXECUTE format('SELECT %I.dblink_disconnect($1)',
                       screissue.dblink_schema())
          USING connection;
    END IF;
END
$$;
COMMENT ON FUNCTION screissue.close_connection(name) IS
    'end of a dblink connection';

-- True for the errors after which a connection is of no use: lost, or the
-- other server shut down.  dblink reports a connection that was found dead
-- before it sent anything as XX000.
CREATE FUNCTION screissue.is_connection_failure(state text, message text)
    RETURNS boolean
    LANGUAGE sql
    IMMUTABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT state LIKE '08%'
        OR state IN ('57P01', '57P02', '57P03')
        OR (state = 'XX000' AND message LIKE 'could not send query%')
$$;
COMMENT ON FUNCTION screissue.is_connection_failure(text, text) IS
    'whether an error means that the connection is dead';

-- Rows of a query at the server, which returns one jsonb column.  A dead
-- connection (the other side was restarted) is opened anew, once: what is
-- asked must be repeatable.  Errors keep SQLSTATE and primary message and
-- nothing else, since detail and context may quote the query with a card id
-- in it.  A cancel at the other side is HV000 here, where 57014 would pass
-- for a cancel of our own.
CREATE FUNCTION screissue.remote_rows(server name, query text)
    RETURNS SETOF jsonb
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    is_exposed CONSTANT boolean := screissue.caller_has_dblink();
    connection text;
    state text;
    message text;
    context text;
BEGIN
    IF is_exposed THEN
        PERFORM screissue.close_connection(remote_rows.server);
    END IF;
    FOR attempt IN 1 .. 2 LOOP
        connection := screissue.open_connection(remote_rows.server);
        BEGIN
            RETURN QUERY EXECUTE
                format('SELECT d.answer FROM %I.dblink($1, $2) AS d (answer jsonb)',
                       screissue.dblink_schema())
                USING connection, remote_rows.query;
            IF is_exposed THEN
                PERFORM screissue.close_connection(remote_rows.server);
            END IF;
            RETURN;
        EXCEPTION WHEN query_canceled OR assert_failure OR OTHERS THEN
            GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE,
                                    message = MESSAGE_TEXT,
                                    context = PG_EXCEPTION_CONTEXT;
        END;
        EXIT WHEN NOT screissue.is_connection_failure(state, message);
        PERFORM screissue.close_connection(remote_rows.server);
    END LOOP;
    IF is_exposed THEN
        PERFORM screissue.close_connection(remote_rows.server);
    END IF;

    IF state = '57014' AND context LIKE '%on dblink connection%' THEN
        state := 'HV000';
    END IF;
    RAISE EXCEPTION USING ERRCODE = state, MESSAGE = message;
END
$$;
COMMENT ON FUNCTION screissue.remote_rows(name, text) IS
    'rows of a query at a foreign server, one jsonb each';

-- Sealed files (R10): the carrier between companies that have no line
--
-- seal        what is to be sent, signed by us, encrypted for a partner
-- unseal      a file that came: only from a partner, only for us, only whole
--
-- The form is CMS (src/core/cms.c); in it is a JSON document, which
-- doc/reference.md describes.  side: in which role we act, card_issuer or
-- service_provider.

-- The one certificate in a PEM text.
-- Errors: 22P02 there is none, or more than one; 22023 its key or usage is not
-- fit.
CREATE FUNCTION screissue.read_certificate(
    certificate text,
    OUT der bytea,
    OUT valid_from timestamp with time zone,
    OUT valid_until timestamp with time zone)
    LANGUAGE c
    VOLATILE STRICT
    AS 'MODULE_PATHNAME', 'screissue_read_certificate';
COMMENT ON FUNCTION screissue.read_certificate(text) IS
    'certificate in a PEM text';

-- Errors: SR011 the file is not there, not the owner's alone, or has not the
-- private key of the certificate.
CREATE FUNCTION screissue.check_certificate_key(
    certificate bytea,
    key_file text)
    RETURNS void
    LANGUAGE c
    VOLATILE STRICT
    AS 'MODULE_PATHNAME', 'screissue_check_certificate_key';
COMMENT ON FUNCTION screissue.check_certificate_key(bytea, text) IS
    'check that a key file has the private key of a certificate';

-- Errors: SR011; 54000 too long.
CREATE FUNCTION screissue.seal_file(
    payload text,
    own bytea,
    key_file text,
    recipient bytea)
    RETURNS text
    LANGUAGE c
    VOLATILE STRICT
    AS 'MODULE_PATHNAME', 'screissue_seal_file';
COMMENT ON FUNCTION screissue.seal_file(text, bytea, text, bytea) IS
    'sealed file for a certificate, in the name of another';

-- Which of these certificates a file is for, from 1.
-- Errors: 22P02 no sealed file, or not whole; 42501 for none of them.
CREATE FUNCTION screissue.file_recipient(file text, own bytea[])
    RETURNS integer
    LANGUAGE c
    VOLATILE STRICT
    AS 'MODULE_PATHNAME', 'screissue_file_recipient';
COMMENT ON FUNCTION screissue.file_recipient(text, bytea[]) IS
    'certificate that a sealed file is for';

-- What is in a file, and which of the senders signed it, from 1.
-- Errors: 22P02; 42501 signed by none of them; SR011.
CREATE FUNCTION screissue.unseal_file(
    file text,
    own bytea,
    key_file text,
    senders bytea[],
    OUT payload bytea,
    OUT sender integer)
    LANGUAGE c
    VOLATILE STRICT
    AS 'MODULE_PATHNAME', 'screissue_unseal_file';
COMMENT ON FUNCTION screissue.unseal_file(text, bytea, text, bytea[]) IS
    'content and signer of a sealed file';

-- Registers a certificate, our own if its private key is in key_file; returns
-- its SHA-256.  Repeatable.
-- Errors: 22P02, 22023, SR011; SR009 it is registered otherwise, or revoked.
CREATE FUNCTION screissue.store_certificate(
    side text,
    company screissue.company_id,
    certificate text,
    key_file text)
    RETURNS bytea
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    parsed record;
    fingerprint bytea;
BEGIN
    PERFORM screissue.require('certificate',
                              store_certificate.certificate IS NOT NULL);
    IF store_certificate.key_file !~ '^[A-Za-z][A-Za-z0-9_-]*[.]pem$' THEN
        RAISE EXCEPTION 'key file "%" has no name of a key for files',
            store_certificate.key_file
            USING ERRCODE = '22023',
                  HINT = 'Its name begins with a letter, goes on with letters, digits, "_" and "-", and ends with ".pem".';
    END IF;
    parsed := screissue.read_certificate(store_certificate.certificate);
    PERFORM screissue.check_certificate_key(parsed.der,
                                            store_certificate.key_file);
    fingerprint := sha256(parsed.der);
    INSERT INTO screissue.certificate
           (side, sha256, company_id, der, key_file, valid_from, valid_until,
            registered_at)
    VALUES (store_certificate.side, fingerprint, store_certificate.company,
            parsed.der, store_certificate.key_file, parsed.valid_from,
            parsed.valid_until, clock_timestamp())
        ON CONFLICT ON CONSTRAINT certificate_pkey DO NOTHING;
    IF NOT FOUND AND NOT EXISTS
           (SELECT FROM screissue.certificate c
             WHERE c.side = store_certificate.side
               AND c.sha256 = fingerprint
               AND c.company_id = store_certificate.company
               AND c.key_file IS NOT DISTINCT FROM store_certificate.key_file
               AND c.revoked_at IS NULL) THEN
        RAISE EXCEPTION 'certificate is on record already'
            USING ERRCODE = 'SR009',
                  DETAIL = 'It is revoked, another company''s, or has another key file.',
                  HINT = 'Use another certificate, with a key of its own.';
    END IF;
    RETURN fingerprint;
END
$$;
COMMENT ON FUNCTION screissue.store_certificate(
    text, screissue.company_id, text, text) IS
    'registration of a certificate';

-- Believes nothing more that a certificate signed, and opens nothing more that
-- was sealed for it.  For good.  Repeatable.  Errors: 22023 unknown.
CREATE FUNCTION screissue.end_certificate(
    side text,
    company screissue.company_id,
    fingerprint bytea)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('company', end_certificate.company IS NOT NULL);
    PERFORM screissue.require('sha256',
                              end_certificate.fingerprint IS NOT NULL);
    UPDATE screissue.certificate c
       SET revoked_at = coalesce(c.revoked_at, now())
     WHERE c.side = end_certificate.side
       AND c.sha256 = end_certificate.fingerprint
       AND c.company_id = end_certificate.company;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'company "%" has no such certificate',
            end_certificate.company
            USING ERRCODE = '22023',
                  HINT = 'Give the SHA-256 that its registration returned.';
    END IF;
END
$$;
COMMENT ON FUNCTION
    screissue.end_certificate(text, screissue.company_id, bytea) IS
    'revocation of a certificate';

-- May a certificate be used now?
CREATE FUNCTION screissue.is_in_use(
    valid_from timestamp with time zone,
    valid_until timestamp with time zone,
    revoked_at timestamp with time zone)
    RETURNS boolean
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT revoked_at IS NULL AND now() BETWEEN valid_from AND valid_until
$$;
COMMENT ON FUNCTION screissue.is_in_use(
    timestamp with time zone, timestamp with time zone,
    timestamp with time zone) IS
    'whether a certificate may be used now';

-- The newest certificate of a company that is in use, our own or a partner's.
-- Errors: SR011 there is none.
CREATE FUNCTION screissue.newest_certificate(
    side text,
    company screissue.company_id,
    is_own boolean,
    OUT der bytea,
    OUT key_file text)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    SELECT c.der, c.key_file
      INTO newest_certificate.der, newest_certificate.key_file
      FROM screissue.certificate c
     WHERE c.side = newest_certificate.side
       AND c.company_id = newest_certificate.company
       AND (c.key_file IS NOT NULL) = newest_certificate.is_own
       AND screissue.is_in_use(c.valid_from, c.valid_until, c.revoked_at)
     ORDER BY c.registered_at DESC, c.sha256
     LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no certificate of company "%" is in use',
            newest_certificate.company
            USING ERRCODE = 'SR011',
                  HINT = format('Register one with %s.register_certificate.',
                                newest_certificate.side);
    END IF;
END
$$;
COMMENT ON FUNCTION screissue.newest_certificate(
    text, screissue.company_id, boolean) IS
    'newest certificate of a company that is in use';

-- The parties of a file that a company sends to another in this role.
CREATE FUNCTION screissue.parties(
    side text,
    own screissue.company_id,
    partner screissue.company_id)
    RETURNS jsonb
    LANGUAGE sql
    IMMUTABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT jsonb_build_object(
        'issuer', CASE side WHEN 'card_issuer' THEN own ELSE partner END::text,
        'provider', CASE side WHEN 'card_issuer' THEN partner ELSE own END::text)
$$;
COMMENT ON FUNCTION screissue.parties(
    text, screissue.company_id, screissue.company_id) IS
    'issuer and provider, as a sealed file names them';

-- A file of this kind for a partner.
-- Errors: SR011 a certificate is missing, or our private key; 54000 too long.
CREATE FUNCTION screissue.seal(
    side text,
    own screissue.company_id,
    partner screissue.company_id,
    kind text,
    items jsonb)
    RETURNS text
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    sender CONSTANT record :=
        screissue.newest_certificate(seal.side, seal.own, true);
    recipient CONSTANT record :=
        screissue.newest_certificate(seal.side, seal.partner, false);
BEGIN
    RETURN screissue.seal_file(
        (jsonb_build_object('screissue', 1, 'kind', seal.kind, 'made_at', now(),
                            seal.kind, seal.items)
         || screissue.parties(seal.side, seal.own, seal.partner))::text,
        sender.der, sender.key_file, recipient.der);
END
$$;
COMMENT ON FUNCTION screissue.seal(
    text, screissue.company_id, screissue.company_id, text, jsonb) IS
    'sealed file for a partner';

-- What a sealed file may hold: the members of its items, and their types in JSON.
CREATE FUNCTION screissue.item_shape(kind text)
    RETURNS jsonb
    LANGUAGE sql
    IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE kind
        WHEN 'notices' THEN
            '{"issuer": "string", "provider": "string", "notice_no": "number",
              "kind": "string or null", "platform_type": "number or null",
              "new_card_id": "string or null", "old_card_id": "string or null",
              "app_id": "string or null", "message_id": "string or null",
              "reason": "string or null", "noted_at": "string or null"}'
        WHEN 'inquiries' THEN
            '{"request_id": "number", "app_id": "string",
              "attribute": "string or null", "card_id": "string or null",
              "printed_number": "string or null"}'
        WHEN 'replies' THEN
            '{"request_id": "number", "app_id": "string",
              "asked_sha256": "string", "platform_type": "number",
              "reissued": "boolean", "message_id": "string or null",
              "old_card_id": "string or null"}'
        WHEN 'permissions' THEN
            '{"message_id": "string", "app_id": "string",
              "platform_type": "number", "card_id": "string or null",
              "inherits": "string or null", "fee": "number or null",
              "currency": "string or null"}'
        END::jsonb
$$;
COMMENT ON FUNCTION screissue.item_shape(text) IS
    'members of the items in a sealed file; NULL = there is no such kind';

-- Has an object exactly these members, each once, of these types?
CREATE FUNCTION screissue.has_shape(item json, shape jsonb)
    RETURNS boolean
    LANGUAGE sql
    IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT json_typeof(item) = 'object'
       AND (SELECT count(*) = count(DISTINCT m.key)
                   AND count(*) = (SELECT count(*) FROM jsonb_object_keys(shape))
                   AND bool_and(coalesce(
                           json_typeof(m.value) = ANY (string_to_array(
                               shape ->> m.key, ' or ')), false))
              FROM json_each(CASE json_typeof(item)
                             WHEN 'object' THEN item END) m) IS TRUE
$$;
COMMENT ON FUNCTION screissue.has_shape(json, jsonb) IS
    'check of the members of a JSON object';

-- Raises 22P02: what is in a file is not what doc/reference.md says.
CREATE FUNCTION screissue.raise_bad_content(fault text)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'content of the file is not as agreed'
        USING ERRCODE = '22P02',
              DETAIL = fault,
              HINT = 'Nothing was stored; its sender may use another version.';
END
$$;
COMMENT ON FUNCTION screissue.raise_bad_content(text) IS
    'error 22P02 for the content of a sealed file';

-- The document in a file, and the company that signed it.
-- Errors: 22P02 no sealed file, not whole, or not JSON inside; 42501 not for us,
-- or not signed by a partner whose certificate is in use; SR011.
CREATE FUNCTION screissue.open_document(
    side text,
    file text,
    OUT partner screissue.company_id,
    OUT document json)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    own CONSTANT bytea[] := ARRAY(
        SELECT c.der FROM screissue.certificate c
         WHERE c.side = open_document.side
           AND c.key_file IS NOT NULL
           AND screissue.is_in_use(c.valid_from, c.valid_until, c.revoked_at));
    senders CONSTANT bytea[] := ARRAY(
        SELECT c.der FROM screissue.certificate c
         WHERE c.side = open_document.side
           AND c.key_file IS NULL);
    ours bytea;
    key_file text;
    sender record;
    opened record;
BEGIN
    PERFORM screissue.require('file', open_document.file IS NOT NULL);
    ours := own[screissue.file_recipient(open_document.file, own)];
    SELECT c.key_file INTO STRICT key_file
      FROM screissue.certificate c
     WHERE c.side = open_document.side
       AND c.sha256 = sha256(ours);
    opened := screissue.unseal_file(
        open_document.file, ours, key_file, senders);
    SELECT c.company_id, c.valid_from, c.valid_until, c.revoked_at
      INTO STRICT sender
      FROM screissue.certificate c
     WHERE c.side = open_document.side
       AND c.sha256 = sha256(senders[opened.sender]);
    IF NOT screissue.is_in_use(sender.valid_from, sender.valid_until,
                               sender.revoked_at) THEN
        RAISE EXCEPTION 'file is signed by a certificate of company "%" that is not in use',
            sender.company_id
            USING ERRCODE = '42501',
                  DETAIL = CASE WHEN sender.revoked_at IS NOT NULL
                                THEN 'It is revoked.'
                                ELSE 'It is expired, or not valid yet.' END;
    END IF;
    open_document.partner := sender.company_id;
    BEGIN
        open_document.document := convert_from(opened.payload, 'UTF8')::json;
        PERFORM open_document.document::jsonb;
    EXCEPTION WHEN data_exception THEN
        PERFORM screissue.raise_bad_content('It is not JSON in UTF-8.');
    END;
END
$$;
COMMENT ON FUNCTION screissue.open_document(text, text) IS
    'document in a sealed file, and who signed it';

-- The items in a file of this kind that a partner sent to us, and the partner.
-- Whoever sealed it names both in it: what was sealed for another, and sealed
-- again for us, is none.
-- Errors: as open_document; 22P02 not as agreed; 22023 another kind; 42501 of
-- other parties.
CREATE FUNCTION screissue.unseal(
    side text,
    own screissue.company_id,
    kind text,
    file text,
    OUT partner screissue.company_id,
    OUT items json)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    opened CONSTANT record :=
        screissue.open_document(unseal.side, unseal.file);
    document CONSTANT json := opened.document;
    found_kind text;
    bad bigint;
BEGIN
    IF json_typeof(document) <> 'object' THEN
        PERFORM screissue.raise_bad_content('It is not a JSON object.');
    ELSIF (document ->> 'screissue' = '1') IS NOT TRUE THEN
        PERFORM screissue.raise_bad_content(
            'It is not of version 1, the only one that is known here.');
    END IF;
    found_kind := document ->> 'kind';
    IF screissue.item_shape(found_kind) IS NULL THEN
        PERFORM screissue.raise_bad_content('It is of no kind that is known here.');
    ELSIF NOT screissue.has_shape(
              document,
              '{"screissue": "number", "kind": "string", "issuer": "string",
                "provider": "string", "made_at": "string"}'::jsonb
              || jsonb_build_object(found_kind, 'array')) THEN
        PERFORM screissue.raise_bad_content(format(
            'Its members must be screissue, kind, issuer, provider, made_at and %s.',
            found_kind));
    ELSIF document::jsonb @> screissue.parties(
              unseal.side, unseal.own, opened.partner) IS NOT TRUE THEN
        RAISE EXCEPTION 'file of company "%" names other parties than it and us',
            opened.partner
            USING ERRCODE = '42501',
                  HINT = 'It was made for another company, or in the name of another.';
    ELSIF found_kind <> unseal.kind THEN
        RAISE EXCEPTION 'file holds %, not %', found_kind, unseal.kind
            USING ERRCODE = '22023';
    END IF;

    SELECT i.item_no INTO bad
      FROM json_array_elements(document -> unseal.kind)
           WITH ORDINALITY i (item, item_no)
     WHERE NOT screissue.has_shape(i.item, screissue.item_shape(unseal.kind))
     ORDER BY i.item_no
     LIMIT 1;
    IF FOUND THEN
        PERFORM screissue.raise_bad_content(format(
            'Item %s of "%s" has not exactly the members that it should, or one of them has another type.',
            bad, unseal.kind));
    END IF;
    unseal.partner := opened.partner;
    unseal.items := document -> unseal.kind;
END
$$;
COMMENT ON FUNCTION screissue.unseal(
    text, screissue.company_id, text, text) IS
    'items of a sealed file from a partner for us';

-- Raises an error again, and says at which item of a file it arose; fault_in: the
-- member that was being read, whose value is not told.
CREATE FUNCTION screissue.raise_item(
    kind text,
    item_no bigint,
    fault_in text,
    state text,
    message text,
    detail text,
    hint text)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF fault_in IS NOT NULL AND state LIKE '22%' THEN
        PERFORM screissue.raise_bad_content(format(
            'Item %s of "%s" has no valid "%s".', item_no, kind, fault_in));
    END IF;
    RAISE EXCEPTION '%', message
        USING ERRCODE = state,
              DETAIL = rtrim(format('It is item %s of "%s" in the file. ',
                                    item_no, kind) || detail),
              HINT = hint;
END
$$;
COMMENT ON FUNCTION
    screissue.raise_item(text, bigint, text, text, text, text, text) IS
    'error for an item of a sealed file';

-- card_issuer/tables.sql, run by setup()
CREATE FUNCTION card_issuer.layout_1()
    RETURNS text
    LANGUAGE sql
    IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $layout$
    SELECT $ddl$
-- Tables of the card issuer.  Rules (doc/design.md): card tables have the
-- card they are about first in every key; foreign keys only lead to reference
-- tables or stay on that column; no triggers, no sequence as first key.  Where
-- setup() is told to partition them, PARTITION BY is no comment.

CREATE TABLE card_issuer.self (
    one_row boolean NOT NULL DEFAULT true,
    company_id screissue.company_id NOT NULL,
    name text NOT NULL,
    epoch integer NOT NULL DEFAULT 0,
    partitions integer NOT NULL DEFAULT 0,
    layout integer NOT NULL,
    distributed boolean NOT NULL DEFAULT false,
    CONSTRAINT self_pkey PRIMARY KEY (one_row),
    CONSTRAINT self_one_row_check CHECK (one_row),
    CONSTRAINT self_epoch_check CHECK (epoch >= 0 AND epoch < 4194304)
);
COMMENT ON TABLE card_issuer.self IS 'this card issuer: one row';
COMMENT ON COLUMN card_issuer.self.epoch IS
    'high part of message ids and notice numbers; begin_epoch raises it after a restore';
COMMENT ON COLUMN card_issuer.self.layout IS
    'number of the last layout file that has run';

CREATE TABLE card_issuer.provider (
    provider screissue.company_id NOT NULL,
    name text NOT NULL,
    lei text,
    role_name name NOT NULL,
    delivery text NOT NULL,
    contract_from date,
    contract_until date,
    suspended_at timestamp with time zone,
    inquiry_limit integer,
    inquiry_limit_from bigint,
    CONSTRAINT provider_pkey PRIMARY KEY (provider),
    CONSTRAINT provider_role_name_key UNIQUE (role_name),
    CONSTRAINT provider_delivery_check
        CHECK (delivery IN ('push', 'pull', 'on_request')),
    CONSTRAINT provider_contract_check
        CHECK (contract_from <= contract_until),
    CONSTRAINT provider_inquiry_limit_check
        CHECK (inquiry_limit > 0 AND inquiry_limit_from >= 0)
);
COMMENT ON TABLE card_issuer.provider IS
    'contracts with service providers (R4, R5)';
COMMENT ON COLUMN card_issuer.provider.delivery IS
    'push and pull: notices are written; on_request: the provider asks (Fig. 19)';

COMMENT ON COLUMN card_issuer.provider.inquiry_limit IS
    'inquiries that the provider may make within an hour; NULL = any number';
COMMENT ON COLUMN card_issuer.provider.inquiry_limit_from IS
    'number of the last inquiry that does not count for the limit';

CREATE TABLE card_issuer.notice_counter (
    provider screissue.company_id NOT NULL,
    last_notice_no bigint NOT NULL,
    CONSTRAINT notice_counter_pkey PRIMARY KEY (provider)
) WITH (fillfactor = 10);
COMMENT ON TABLE card_issuer.notice_counter IS
    'last notice number of each provider; its row lock makes commit order number order';

CREATE TABLE card_issuer.notice_cursor (
    provider screissue.company_id NOT NULL,
    fetched_no bigint NOT NULL DEFAULT 0,
    confirmed_no bigint NOT NULL DEFAULT 0,
    fetched_at timestamp with time zone,
    CONSTRAINT notice_cursor_pkey PRIMARY KEY (provider)
) WITH (fillfactor = 10);
COMMENT ON TABLE card_issuer.notice_cursor IS
    'how far each provider is that pulls, by what its own role asked for';
COMMENT ON COLUMN card_issuer.notice_cursor.fetched_no IS
    'highest number of a notice that it was given';
COMMENT ON COLUMN card_issuer.notice_cursor.confirmed_no IS
    'number after which it asked the last time: what it has, by its own word';
COMMENT ON COLUMN card_issuer.notice_cursor.fetched_at IS
    'when either number changed';

CREATE TABLE card_issuer.application (
    app_id screissue.app_id NOT NULL,
    provider screissue.company_id NOT NULL,
    name text NOT NULL,
    load_file_sha256 bytea,
    examination_mode text NOT NULL,
    max_examination_age interval,
    withdrawn_at timestamp with time zone,
    CONSTRAINT application_pkey PRIMARY KEY (app_id),
    CONSTRAINT application_provider_fkey
        FOREIGN KEY (provider) REFERENCES card_issuer.provider,
    CONSTRAINT application_load_file_sha256_check
        CHECK (octet_length(load_file_sha256) = 32),
    CONSTRAINT application_examination_mode_check
        CHECK (examination_mode IN ('substitute', 'refer', 'new'))
);
COMMENT ON TABLE card_issuer.application IS
    'applications that are known to be legitimate (R6)';
CREATE INDEX application_provider_idx ON card_issuer.application (provider);

CREATE TABLE card_issuer.tariff (
    app_id screissue.app_id NOT NULL,
    kind screissue.tariff_kind NOT NULL,
    reason screissue.reissue_reason,
    amount numeric NOT NULL,
    currency text NOT NULL,
    CONSTRAINT tariff_app_id_kind_reason_key
        UNIQUE NULLS NOT DISTINCT (app_id, kind, reason),
    CONSTRAINT tariff_app_id_fkey
        FOREIGN KEY (app_id) REFERENCES card_issuer.application,
    CONSTRAINT tariff_amount_check
        CHECK (amount >= 0 AND amount < 'Infinity'),
    CONSTRAINT tariff_currency_check CHECK (currency ~ '^[A-Z]{3}$')
);
COMMENT ON TABLE card_issuer.tariff IS
    'what providers pay for a load and for a reload (claim 13)';
COMMENT ON COLUMN card_issuer.tariff.reason IS 'NULL = any reason';

CREATE TABLE card_issuer.policy (
    event text NOT NULL,
    function text NOT NULL,
    CONSTRAINT policy_pkey PRIMARY KEY (event),
    CONSTRAINT policy_event_check
        CHECK (event IN ('reissue', 'load', 'confirm'))
);
COMMENT ON TABLE card_issuer.policy IS
    'policy functions, by qualified signature; none = the default policy';

CREATE TABLE card_issuer.encryption_key (
    key_id integer NOT NULL,
    scheme text NOT NULL,
    public_key bytea NOT NULL,
    registered_at timestamp with time zone NOT NULL,
    retired_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT encryption_key_pkey PRIMARY KEY (key_id),
    CONSTRAINT encryption_key_key_id_check CHECK (key_id BETWEEN 0 AND 255),
    CONSTRAINT encryption_key_scheme_check CHECK (scheme IN
        ('ecies-x25519', 'ecies-p256', 'rsa-oaep-sha256'))
);
COMMENT ON TABLE card_issuer.encryption_key IS
    'public parts of the keys that card attributes are encrypted for';

CREATE TABLE card_issuer.holder (
    holder_id text NOT NULL,
    profile jsonb,
    CONSTRAINT holder_pkey PRIMARY KEY (holder_id)
);
COMMENT ON TABLE card_issuer.holder IS 'holders of cards (R3)';

CREATE TABLE card_issuer.card (
    card_id screissue.card_id NOT NULL,
    platform_type integer NOT NULL,
    holder_id text,
    status screissue.card_status NOT NULL,
    former_status screissue.card_status,
    valid_until date,
    issued_at timestamp with time zone NOT NULL,
    printed_number text,
    attribute_key_id integer,
    secret_sha256 bytea,
    opted_out_at timestamp with time zone,
    replaces screissue.card_id,
    replaced_by screissue.card_id,
    replaced_at timestamp with time zone,
    overlap_until timestamp with time zone,
    CONSTRAINT card_pkey PRIMARY KEY (card_id),
    CONSTRAINT card_platform_type_fkey
        FOREIGN KEY (platform_type) REFERENCES screissue.platform,
    CONSTRAINT card_replaced_check
        CHECK ((status = 'replaced') = (replaced_by IS NOT NULL)),
    CONSTRAINT card_overlap_check
        CHECK (overlap_until IS NULL OR status = 'replaced'),
    CONSTRAINT card_not_itself_check
        CHECK (card_id OPERATOR(screissue.<>) replaces
               AND card_id OPERATOR(screissue.<>) replaced_by)
) /* PARTITION BY HASH (card_id) */;
COMMENT ON TABLE card_issuer.card IS
    'cards ever issued; an id is never used again (Fig. 5, Fig. 13)';
COMMENT ON COLUMN card_issuer.card.former_status IS
    'status before the card was blocked, or before it expired';
COMMENT ON COLUMN card_issuer.card.replaces IS
    'the old card that this reissued card stands for';
COMMENT ON COLUMN card_issuer.card.replaced_by IS
    'the reissued card that stands for this old card';
COMMENT ON COLUMN card_issuer.card.overlap_until IS
    'until when the old card goes on working beside its replacement (E7)';

CREATE TABLE card_issuer.app_load (
    card_id screissue.card_id NOT NULL,
    message_id screissue.message_id NOT NULL,
    app_id screissue.app_id NOT NULL,
    provider screissue.company_id NOT NULL,
    status screissue.load_status NOT NULL,
    inherits screissue.message_id,
    examination_id bigint,
    finding_id bigint,
    fee numeric,
    currency text,
    tariff_kind screissue.tariff_kind NOT NULL,
    tariff_reason screissue.reissue_reason,
    receipt bytea,
    at_issue boolean NOT NULL,
    permitted_at timestamp with time zone NOT NULL,
    loaded_at timestamp with time zone,
    ended_at timestamp with time zone,
    refunded_at timestamp with time zone,
    CONSTRAINT app_load_pkey PRIMARY KEY (card_id, message_id),
    CONSTRAINT app_load_card_id_fkey
        FOREIGN KEY (card_id) REFERENCES card_issuer.card,
    CONSTRAINT app_load_app_id_fkey
        FOREIGN KEY (app_id) REFERENCES card_issuer.application,
    CONSTRAINT app_load_provider_fkey
        FOREIGN KEY (provider) REFERENCES card_issuer.provider
) /* PARTITION BY HASH (card_id) */;
COMMENT ON TABLE card_issuer.app_load IS
    'loading permissions and what became of them (Fig. 14)';
COMMENT ON COLUMN card_issuer.app_load.inherits IS
    'the old load whose place this reload takes (R27)';
COMMENT ON COLUMN card_issuer.app_load.examination_id IS
    'examination by which the load was permitted';
COMMENT ON COLUMN card_issuer.app_load.finding_id IS
    'later examination, which counts in its place (E49)';
COMMENT ON COLUMN card_issuer.app_load.fee IS
    'price fixed at the verdict, due once loaded';
COMMENT ON COLUMN card_issuer.app_load.tariff_reason IS
    'reason of the line of the tariff that gave the price; NULL = any';
COMMENT ON COLUMN card_issuer.app_load.refunded_at IS
    'when the reissue that made this reload was withdrawn (E52)';
COMMENT ON COLUMN card_issuer.app_load.at_issue IS
    'permitted before the card was handed over (R11)';
CREATE UNIQUE INDEX app_load_live_key ON card_issuer.app_load (card_id, app_id)
    WHERE status IN ('permitted', 'loaded');
CREATE INDEX app_load_message_id_idx ON card_issuer.app_load (message_id);

CREATE TABLE card_issuer.entitlement (
    card_id screissue.card_id NOT NULL,
    app_id screissue.app_id NOT NULL,
    message_id screissue.message_id NOT NULL,
    old_card_id screissue.card_id NOT NULL,
    hops integer NOT NULL,
    granted_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    withdrawn_at timestamp with time zone,
    opted_out_at timestamp with time zone,
    CONSTRAINT entitlement_pkey PRIMARY KEY (card_id, app_id),
    CONSTRAINT entitlement_card_id_fkey
        FOREIGN KEY (card_id) REFERENCES card_issuer.card,
    CONSTRAINT entitlement_app_id_fkey
        FOREIGN KEY (app_id) REFERENCES card_issuer.application,
    CONSTRAINT entitlement_hops_check CHECK (hops > 0)
) /* PARTITION BY HASH (card_id) */;
COMMENT ON TABLE card_issuer.entitlement IS
    'what a reissued card inherits: application -> old loading permission (claim 3)';
COMMENT ON COLUMN card_issuer.entitlement.old_card_id IS
    'the card that this card replaced';
COMMENT ON COLUMN card_issuer.entitlement.hops IS
    'number of reissues between the card that carries the old load and this one';

COMMENT ON COLUMN card_issuer.entitlement.opted_out_at IS
    'the holder opted out: as long as this is set nobody is told (E56)';

CREATE TABLE card_issuer.reissue_request (
    old_card_id screissue.card_id NOT NULL,
    request_id bigint NOT NULL,
    reason screissue.reissue_reason NOT NULL,
    status screissue.request_status NOT NULL,
    requested_by text,
    requested_at timestamp with time zone NOT NULL,
    examination_id bigint,
    refusal text,
    new_card_id screissue.card_id,
    former_status screissue.card_status,
    completed_at timestamp with time zone,
    CONSTRAINT reissue_request_pkey PRIMARY KEY (old_card_id, request_id),
    CONSTRAINT reissue_request_old_card_id_fkey
        FOREIGN KEY (old_card_id) REFERENCES card_issuer.card
) /* PARTITION BY HASH (old_card_id) */;
COMMENT ON TABLE card_issuer.reissue_request IS
    'requests for a reissue and their outcome (Fig. 5, steps 501-504)';
COMMENT ON COLUMN card_issuer.reissue_request.former_status IS
    'status of the old card when it was replaced, which withdraw_reissue gives back';
CREATE UNIQUE INDEX reissue_request_open_key
    ON card_issuer.reissue_request (old_card_id)
    WHERE status IN ('pending', 'approved');

CREATE TABLE card_issuer.examination (
    card_id screissue.card_id NOT NULL,
    examination_id bigint NOT NULL,
    event text NOT NULL,
    approved boolean,
    reason text,
    examined_at timestamp with time zone NOT NULL,
    valid_until timestamp with time zone,
    examiner text,
    details jsonb,
    substitutes bigint,
    substitutes_card_id screissue.card_id,
    CONSTRAINT examination_pkey PRIMARY KEY (card_id, examination_id),
    CONSTRAINT examination_card_id_fkey
        FOREIGN KEY (card_id) REFERENCES card_issuer.card,
    CONSTRAINT examination_event_check
        CHECK (event IN ('reissue', 'load', 'confirm'))
) /* PARTITION BY HASH (card_id) */;
COMMENT ON TABLE card_issuer.examination IS
    'judgements made, with their evidence (the patent''s credit investigations)';
COMMENT ON COLUMN card_issuer.examination.substitutes IS
    'earlier examination that was reused instead of a new one (claim 11)';

CREATE TABLE card_issuer.opt_out (
    card_id screissue.card_id NOT NULL,
    app_id screissue.app_id NOT NULL,
    since timestamp with time zone NOT NULL,
    CONSTRAINT opt_out_pkey PRIMARY KEY (card_id, app_id),
    CONSTRAINT opt_out_card_id_fkey
        FOREIGN KEY (card_id) REFERENCES card_issuer.card
) /* PARTITION BY HASH (card_id) */;
COMMENT ON TABLE card_issuer.opt_out IS
    'applications whose provider must not be told of a reissue';

CREATE TABLE card_issuer.inquiry (
    provider screissue.company_id NOT NULL,
    inquiry_no bigint NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    role name NOT NULL,
    app_id screissue.app_id,
    attribute_sha256 bytea,
    card_id screissue.card_id,
    reissued boolean NOT NULL,
    message_id screissue.message_id,
    cause text,
    permission screissue.message_id,
    CONSTRAINT inquiry_pkey PRIMARY KEY (provider, inquiry_no)
);
COMMENT ON TABLE card_issuer.inquiry IS
    'inquiries and their replies, append-only (Fig. 16)';
COMMENT ON COLUMN card_issuer.inquiry.cause IS
    'why the reply is negative, which the provider is not told';
COMMENT ON COLUMN card_issuer.inquiry.permission IS
    'loading permission given, where one was asked for by attribute';

CREATE TABLE card_issuer.reissue_batch (
    batch_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    reason screissue.reissue_reason NOT NULL,
    name text,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    created_by text NOT NULL DEFAULT current_user,
    started_at timestamp with time zone,
    last_chunk_at timestamp with time zone,
    cancelled_at timestamp with time zone,
    done bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    rate double precision,
    CONSTRAINT reissue_batch_pkey PRIMARY KEY (batch_id)
);
COMMENT ON TABLE card_issuer.reissue_batch IS
    'batches of reissues; operators insert reason and name';
COMMENT ON COLUMN card_issuer.reissue_batch.rate IS
    'items a second, of all sessions together, of late';

-- A list of work and no card table: the batch comes first in its key.  With no
-- index on what an update changes, and half of each page free, that stays on the
-- page.
CREATE TABLE card_issuer.reissue_batch_item (
    batch_id bigint NOT NULL,
    old_card_id screissue.card_id NOT NULL,
    item_no bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    new_card_id screissue.card_id NOT NULL,
    finished_at timestamp with time zone,
    failure_state text,
    failure text,
    CONSTRAINT reissue_batch_item_pkey
        PRIMARY KEY (batch_id, old_card_id, item_no),
    CONSTRAINT reissue_batch_item_batch_id_fkey
        FOREIGN KEY (batch_id) REFERENCES card_issuer.reissue_batch
) WITH (fillfactor = 50);
COMMENT ON TABLE card_issuer.reissue_batch_item IS
    'pairs of cards of batches; operators COPY batch_id, old_card_id, new_card_id';
COMMENT ON COLUMN card_issuer.reissue_batch_item.failure_state IS
    'SQLSTATE, where the card could not be reissued';

CREATE VIEW card_issuer.batch_progress AS
    SELECT b.batch_id, b.name, b.reason, b.done + b.failed + w.waiting AS items,
           b.done, b.failed, w.waiting, b.started_at, b.last_chunk_at,
           b.cancelled_at, b.rate,
           CASE WHEN w.waiting > 0 AND b.cancelled_at IS NULL
                THEN b.last_chunk_at
                     + make_interval(secs => w.waiting / nullif(b.rate, 0))
           END AS estimated_end
      FROM card_issuer.reissue_batch b
     CROSS JOIN LATERAL
           (SELECT count(*) AS waiting
              FROM card_issuer.reissue_batch_item i
             WHERE i.batch_id = b.batch_id
               AND i.finished_at IS NULL) w;
COMMENT ON VIEW card_issuer.batch_progress IS
    'how far the batches of reissues are';

CREATE VIEW card_issuer.batch_failure AS
    SELECT i.batch_id, i.item_no, screissue.mask(i.old_card_id) AS old_card_id,
           screissue.mask(i.new_card_id) AS new_card_id, i.finished_at,
           i.failure_state, i.failure
      FROM card_issuer.reissue_batch_item i
     WHERE i.failure_state IS NOT NULL;
COMMENT ON VIEW card_issuer.batch_failure IS
    'items of batches that failed, and why, with masked card ids';

CREATE SEQUENCE card_issuer.message_sequence MAXVALUE 1099511627775;
COMMENT ON SEQUENCE card_issuer.message_sequence IS
    'numbers of message ids, one for all providers: epoch * 2^40 + n';
CREATE SEQUENCE card_issuer.request_sequence;
COMMENT ON SEQUENCE card_issuer.request_sequence IS 'reissue request ids';
CREATE SEQUENCE card_issuer.examination_sequence;
COMMENT ON SEQUENCE card_issuer.examination_sequence IS 'examination ids';

-- What each card would leave to its replacement: the loads that are live on it,
-- else what it inherits and has not used (E1-E3).
CREATE VIEW card_issuer.inheritable_load AS
    SELECT l.card_id, l.app_id, l.message_id, 1 AS hops
      FROM card_issuer.app_load l
     WHERE l.status = 'loaded'
     UNION ALL
    SELECT e.card_id, e.app_id, e.message_id, e.hops + 1 AS hops
      FROM card_issuer.entitlement e
     WHERE e.used_at IS NULL
       AND e.withdrawn_at IS NULL
       AND NOT EXISTS
           (SELECT FROM card_issuer.app_load l
             WHERE l.card_id OPERATOR(screissue.=) e.card_id
               AND l.app_id OPERATOR(screissue.=) e.app_id
               AND l.status = 'loaded');
COMMENT ON VIEW card_issuer.inheritable_load IS
    'what each card would leave to its replacement';

-- Fig. 13, both ways: the old card's row and the reissued card's row name
-- each other, so a search by either id is two probes of the primary key.
CREATE VIEW card_issuer.reissue_pair AS
    SELECT s.company_id AS issuer,
           o.card_id AS old_card_id,
           n.card_id AS new_card_id
      FROM card_issuer.self s
     CROSS JOIN card_issuer.card o
      JOIN card_issuer.card n
        ON n.card_id OPERATOR(screissue.=) o.replaced_by
       AND n.replaces OPERATOR(screissue.=) o.card_id;
COMMENT ON VIEW card_issuer.reissue_pair IS
    'pairs of old and reissued card, searchable by either (Fig. 13)';

CREATE VIEW card_issuer.masked_reissue_pair AS
    SELECT p.issuer,
           screissue.mask(p.old_card_id) AS old_card_id,
           screissue.mask(p.new_card_id) AS new_card_id
      FROM card_issuer.reissue_pair p;
COMMENT ON VIEW card_issuer.masked_reissue_pair IS
    'pairs of old and reissued card with masked ids, for auditors';

CREATE VIEW card_issuer.key_usage AS
    SELECT k.key_id, k.scheme, k.registered_at, k.retired_at, k.revoked_at,
           coalesce(u.personalized, 0) AS cards_personalized,
           coalesce(u.in_use, 0) AS cards_in_use,
           k.public_key
      FROM card_issuer.encryption_key k
      LEFT JOIN (SELECT c.attribute_key_id, count(*) AS personalized,
                        count(*) FILTER (WHERE c.status NOT IN
                            ('expired', 'replaced', 'revoked')
                            OR c.overlap_until > now()) AS in_use
                   FROM card_issuer.card c
                  GROUP BY c.attribute_key_id) u
        ON u.attribute_key_id = k.key_id;
COMMENT ON VIEW card_issuer.key_usage IS
    'keys of card attributes, and how many cards still need them (E40)';

CREATE VIEW card_issuer.masked_inquiry AS
    SELECT i.provider, i.inquiry_no, i.asked_at, i.role, i.app_id,
           screissue.mask(i.card_id) AS card_id, i.reissued, i.message_id,
           i.cause, i.permission
      FROM card_issuer.inquiry i;
COMMENT ON VIEW card_issuer.masked_inquiry IS
    'inquiries and their replies with masked card ids, for operators and auditors';

-- An inquiry that was rolled back has a number and no row; so has one whose
-- transaction is still open, and a crash of the server skips up to 32 numbers.
CREATE VIEW card_issuer.inquiry_report AS
    SELECT m.provider, m.inquiries,
           count(i.inquiry_no) FILTER (WHERE i.cause IS NULL) AS positive,
           count(i.cause) AS negative,
           m.inquiries - count(i.inquiry_no) AS hidden,
           max(i.asked_at) AS last_asked_at, m.inquiry_limit
      FROM (SELECT c.provider,
                   card_issuer.inquiries_made(c.provider) AS inquiries,
                   p.inquiry_limit
              FROM (SELECT p.provider FROM card_issuer.provider p
                     UNION
                    SELECT s.company_id FROM card_issuer.self s) c
              LEFT JOIN card_issuer.provider p
                ON p.provider OPERATOR(screissue.=) c.provider) m
      LEFT JOIN card_issuer.inquiry i
        ON i.provider OPERATOR(screissue.=) m.provider
     GROUP BY m.provider, m.inquiries, m.inquiry_limit;
COMMENT ON VIEW card_issuer.inquiry_report IS
    'inquiries of each provider, and how many of them were rolled back';

-- What is due: a load when it is confirmed (R51), a refund when the reissue is
-- withdrawn.  A refund is a line of its own, of the same message id (E52).
CREATE VIEW card_issuer.charge AS
    SELECT l.provider,
           date_trunc('month', c.due_at AT TIME ZONE 'UTC')::date AS month,
           c.due_at, l.message_id, l.app_id, l.tariff_kind AS kind,
           l.tariff_reason AS reason, c.refund,
           CASE WHEN c.refund THEN - l.fee ELSE l.fee END AS amount,
           l.currency
      FROM card_issuer.app_load l
     CROSS JOIN LATERAL (VALUES (l.loaded_at, false),
                                (l.refunded_at, true)) c (due_at, refund)
     WHERE l.fee IS NOT NULL
       AND l.loaded_at IS NOT NULL
       AND c.due_at IS NOT NULL;
COMMENT ON VIEW card_issuer.charge IS
    'what providers owe for loads and reloads, and what is refunded (claim 13)';

CREATE VIEW card_issuer.statement AS
    SELECT c.provider, c.month, c.currency,
           count(*) FILTER (WHERE c.kind = 'load') AS loads,
           count(*) FILTER (WHERE c.kind = 'reload' AND NOT c.refund) AS reloads,
           count(*) FILTER (WHERE c.refund) AS refunds,
           sum(c.amount) AS amount
      FROM card_issuer.charge c
     GROUP BY c.provider, c.month, c.currency;
COMMENT ON VIEW card_issuer.statement IS
    'what each provider owes for a month (UTC), by currency';

-- How far the notices are on their way to each provider: one row, or one for
-- each of its slots.  A provider that has confirmed, through a slot, all that is in
-- the WAL has the last notice that we see.
CREATE VIEW card_issuer.delivery AS
    SELECT p.provider, p.delivery,
           p.suspended_at IS NULL
           AND coalesce(p.contract_from <= d.today, true)
           AND coalesce(p.contract_until >= d.today, true) AS in_force,
           k.last_notice_no, c.fetched_no,
           CASE WHEN s.caught_up THEN k.last_notice_no
                WHEN c.fetched_at IS NOT NULL THEN c.confirmed_no
           END AS confirmed_no,
           c.fetched_at, s.slot_name, s.role_name, s.active, s.wal_status,
           s.safe_wal_size, s.lag_bytes, s.lag
      FROM card_issuer.provider p
     CROSS JOIN (SELECT (now() AT TIME ZONE 'UTC')::date AS today) d
      JOIN card_issuer.notice_counter k
        ON k.provider OPERATOR(screissue.=) p.provider
      LEFT JOIN card_issuer.notice_cursor c
        ON c.provider OPERATOR(screissue.=) p.provider
      LEFT JOIN card_issuer.provider_slots() s
        ON s.provider OPERATOR(screissue.=) p.provider;
COMMENT ON VIEW card_issuer.delivery IS
    'how far each provider is: last number written, fetched, confirmed, slots';
    $ddl$
$layout$;
COMMENT ON FUNCTION card_issuer.layout_1() IS
    'tables of schema card_issuer, layout 1, for setup()';

-- Setting up a card issuer

-- Makes the tables of a card issuer, or migrates them after an upgrade; once
-- that is done it changes nothing but the name.  The tables belong to the
-- owner of the extension.  partitions: of each card table, by the hash of the
-- card id; 0 = not partitioned, or as they are.
-- Errors: SR009 set up as another company, or with other partitions; 42501
-- something of ours belongs to a role that is not superuser, or others may write to it;
-- 22023 not UTF8, or partitions not within 0 and 1024; 55000 inside an extension
-- script.
CREATE FUNCTION card_issuer.setup(
    company screissue.company_id,
    name text,
    partitions integer DEFAULT 0)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    self record;
BEGIN
    PERFORM screissue.require('company', setup.company IS NOT NULL);
    PERFORM screissue.require('name', setup.name IS NOT NULL);
    PERFORM screissue.require('partitions', setup.partitions IS NOT NULL);
    IF setup.partitions NOT BETWEEN 0 AND 1024 THEN
        RAISE EXCEPTION 'partitions must be within 0 and 1024, not %',
            setup.partitions
            USING ERRCODE = '22023';
    END IF;
    PERFORM screissue.begin_setup();

    IF to_regclass('card_issuer.self') IS NULL THEN
        PERFORM screissue.run_layout(card_issuer.layout_1(),
                                     setup.partitions > 0);
        PERFORM card_issuer.create_partitions(setup.partitions);
        PERFORM screissue.revoke_tables('card_issuer');
        PERFORM card_issuer.create_registry_triggers();
        PERFORM screissue.enable_triggers();
        INSERT INTO card_issuer.self (company_id, name, partitions, layout)
        VALUES (setup.company, setup.name, setup.partitions, 1);
        PERFORM card_issuer.create_inquiry_sequence(setup.company);
        RETURN;
    END IF;

    SELECT s.company_id, s.name, s.partitions INTO STRICT self
      FROM card_issuer.self s;
    IF self.company_id <> setup.company THEN
        RAISE EXCEPTION 'card issuer is already set up as company "%"',
            self.company_id
            USING ERRCODE = 'SR009',
                  HINT = 'The company cannot change later.';
    ELSIF setup.partitions NOT IN (0, self.partitions) THEN
        RAISE EXCEPTION 'card issuer is already set up with % partitions',
            self.partitions
            USING ERRCODE = 'SR009',
                  HINT = 'Their number cannot change later.';
    END IF;
    PERFORM screissue.enable_triggers();
    UPDATE card_issuer.self s SET name = setup.name
     WHERE s.name <> setup.name;
END
$$;
COMMENT ON FUNCTION
    card_issuer.setup(screissue.company_id, text, integer) IS
    'make or migrate the tables of a card issuer';

-- Makes the partitions of the card tables, if they are to have any.  Rows of
-- cards are updated once or twice: a page keeps room for that.
CREATE FUNCTION card_issuer.create_partitions(partitions integer)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    card_table text;
    leaf regclass;
BEGIN
    FOREACH card_table IN ARRAY ARRAY['card', 'app_load', 'entitlement',
        'reissue_request', 'examination', 'opt_out']
    LOOP
        FOR remainder IN 0 .. create_partitions.partitions - 1 LOOP
            EXECUTE format('CREATE TABLE card_issuer.%I'
                           ' PARTITION OF card_issuer.%I'
                           ' FOR VALUES WITH (MODULUS %s, REMAINDER %s)',
                           card_table || '_' || remainder, card_table,
                           create_partitions.partitions, remainder);
        END LOOP;
    END LOOP;
    FOR leaf IN
        SELECT c.oid
          FROM pg_class c
         WHERE c.relnamespace = 'card_issuer'::regnamespace
           AND c.relkind = 'r'
           AND c.relname ~ '^card(_[0-9]+)?$'
    LOOP
        EXECUTE format('ALTER TABLE %s SET (fillfactor = 90)', leaf);
    END LOOP;
END
$$;
COMMENT ON FUNCTION card_issuer.create_partitions(integer) IS
    'make the partitions of the card tables, for setup()';

-- The company id of this issuer; raises SR001 before setup.
CREATE FUNCTION card_issuer.own_company()
    RETURNS screissue.company_id
    LANGUAGE c
    STABLE
    AS 'MODULE_PATHNAME', 'screissue_own_company';
COMMENT ON FUNCTION card_issuer.own_company() IS
    'company id of this card issuer';

-- Who may act for whom at the card issuer

-- Operators and superusers act for every provider.  An operator is who may
-- execute issue_card, which no provider ever may: no table of operators is
-- needed, and pg_dump keeps the grants.
CREATE FUNCTION card_issuer.is_operator(role_name name)
    RETURNS boolean
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT has_function_privilege(role_name,
        'card_issuer.issue_card(screissue.card_id, integer, text, date, text, boolean)',
        'EXECUTE')
$$;
COMMENT ON FUNCTION card_issuer.is_operator(name) IS
    'true for operators and superusers';

-- A role acts for a provider when it has the privileges of that provider's
-- role.
CREATE FUNCTION card_issuer.acts_for(
    role_name name,
    provider screissue.company_id)
    RETURNS boolean
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT card_issuer.is_operator(acts_for.role_name)
        OR EXISTS (SELECT
                     FROM card_issuer.provider p
                     JOIN pg_roles r ON r.rolname = p.role_name
                    WHERE p.provider = acts_for.provider
                      AND pg_has_role(acts_for.role_name, r.oid, 'USAGE'))
$$;
COMMENT ON FUNCTION card_issuer.acts_for(name, screissue.company_id) IS
    'true if the role may act for the provider';

-- Raises 42501 unless the caller may act for this provider.
CREATE FUNCTION card_issuer.require_acts_for(
    provider screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF NOT card_issuer.acts_for(calling_role(), require_acts_for.provider) THEN
        RAISE EXCEPTION 'permission denied for provider "%"',
            require_acts_for.provider
            USING ERRCODE = '42501';
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.require_acts_for(screissue.company_id) IS
    'check that the caller may act for the provider';

-- Raises 42501 unless the caller acts for some provider or for all.
CREATE FUNCTION card_issuer.require_party(caller name)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF card_issuer.is_operator(require_party.caller)
       OR EXISTS (SELECT
                    FROM card_issuer.provider p
                    JOIN pg_roles r ON r.rolname = p.role_name
                   WHERE pg_has_role(require_party.caller, r.oid, 'USAGE'))
    THEN
        RETURN;
    END IF;
    RAISE EXCEPTION 'role "%" is no provider''s role and no operator',
        require_party.caller
        USING ERRCODE = '42501';
END
$$;
COMMENT ON FUNCTION card_issuer.require_party(name) IS
    'check that the caller is an operator or some provider''s role';

-- Rights of an operator: every call but setup.  Errors: 42704 unknown role.
CREATE FUNCTION card_issuer.grant_operator(role_name name)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    api CONSTANT text[] := ARRAY[
        'register_provider', 'suspend_provider', 'resume_provider',
        'register_application', 'withdraw_application',
        'transfer_application', 'set_tariff', 'register_holder',
        'erase_holder', 'set_opt_out', 'issue_card', 'activate_card',
        'block_card', 'unblock_card', 'register_key', 'retire_key',
        'revoke_key', 'personalize_card', 'permit_load', 'confirm_load',
        'confirm_unload', 'find_load', 'record_examination', 'request_reissue',
        'decide_reissue', 'preview_reissue', 'renew_card', 'expire_cards',
        'reissue_card', 'reissue_cards', 'begin_reissue_batch',
        'run_reissue_chunk', 'run_reissue_batch', 'cancel_reissue_batch',
        'withdraw_reissue', 'explain_decision', 'recipients', 'inquire',
        'decrypt_attribute', 'inquiries_made', 'set_inquiry_limit',
        'find_reissue', 'fetch_notices', 'digest', 'digests', 'print_notice',
        'print_reply', 'print_permission', 'export_notices',
        'answer_inquiries', 'export_permissions', 'register_certificate',
        'revoke_certificate', 'find_old_card', 'find_new_card', 'lineage',
        'create_publication', 'drop_publication', 'publication_check',
        'provider_slots', 'grant_operator', 'grant_auditor'];
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('role_name', grant_operator.role_name IS NOT NULL);
    PERFORM screissue.require_role(grant_operator.role_name);
    PERFORM screissue.grant_calls('card_issuer', grant_operator.role_name, api);
    EXECUTE format('GRANT SELECT ON card_issuer.reissue_pair,'
                   ' card_issuer.masked_reissue_pair,'
                   ' card_issuer.key_usage, card_issuer.masked_inquiry,'
                   ' card_issuer.inquiry_report, card_issuer.charge,'
                   ' card_issuer.statement, card_issuer.batch_progress,'
                   ' card_issuer.batch_failure, card_issuer.delivery,'
                   ' screissue.status_move, screissue.certificate TO %I',
                   grant_operator.role_name);
    EXECUTE format('GRANT SELECT, INSERT (reason, name)'
                   ' ON card_issuer.reissue_batch TO %I',
                   grant_operator.role_name);
    EXECUTE format('GRANT SELECT, INSERT (batch_id, old_card_id, new_card_id)'
                   ' ON card_issuer.reissue_batch_item TO %I',
                   grant_operator.role_name);
END
$$;
COMMENT ON FUNCTION card_issuer.grant_operator(name) IS
    'give a role the rights of an operator of the card issuer';

-- Rights of an auditor: the views that show masked ids only (E60).
-- Errors: 42704 unknown role.
CREATE FUNCTION card_issuer.grant_auditor(role_name name)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('role_name', grant_auditor.role_name IS NOT NULL);
    PERFORM screissue.require_role(grant_auditor.role_name);
    PERFORM screissue.grant_calls('card_issuer', grant_auditor.role_name,
                                  ARRAY['inquiries_made', 'provider_slots']);
    EXECUTE format('GRANT SELECT ON card_issuer.masked_reissue_pair,'
                   ' card_issuer.key_usage, card_issuer.masked_inquiry,'
                   ' card_issuer.inquiry_report, card_issuer.charge,'
                   ' card_issuer.statement, card_issuer.batch_progress,'
                   ' card_issuer.batch_failure, card_issuer.delivery,'
                   ' screissue.status_move TO %I',
                   grant_auditor.role_name);
END
$$;
COMMENT ON FUNCTION card_issuer.grant_auditor(name) IS
    'give a role the rights of an auditor of the card issuer';

-- Rows that nearly every call reads, and the errors when they are not there

-- Is the contract with this provider in force today (R4, R5)?
CREATE FUNCTION card_issuer.contract_in_force(provider screissue.company_id)
    RETURNS boolean
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RETURN EXISTS (SELECT
                     FROM card_issuer.provider p
                    WHERE p.provider = contract_in_force.provider
                      AND p.suspended_at IS NULL
                      AND coalesce(p.contract_from <= today(), true)
                      AND coalesce(p.contract_until >= today(), true));
END
$$;
COMMENT ON FUNCTION card_issuer.contract_in_force(screissue.company_id) IS
    'true while the contract with a provider is in force';

-- Raises SR002 unless the contract with the provider is in force.
CREATE FUNCTION card_issuer.require_contract(provider screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF NOT card_issuer.contract_in_force(require_contract.provider) THEN
        RAISE EXCEPTION 'contract with provider "%" is not in force',
            require_contract.provider
            USING ERRCODE = 'SR002';
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.require_contract(screissue.company_id) IS
    'check that the contract with a provider is in force';

-- Raises SR002 unless the provider is registered.
CREATE FUNCTION card_issuer.require_provider(provider screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('provider',
                              require_provider.provider IS NOT NULL);
    IF NOT EXISTS (SELECT FROM card_issuer.provider p
                    WHERE p.provider = require_provider.provider) THEN
        RAISE EXCEPTION 'unknown provider "%"', require_provider.provider
            USING ERRCODE = 'SR002',
                  HINT = 'Register it with card_issuer.register_provider.';
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.require_provider(screissue.company_id) IS
    'check that a provider is registered';

-- The registration of an application (R6).  Errors: SR003 unknown.
CREATE FUNCTION card_issuer.get_application(
    app screissue.app_id,
    OUT provider screissue.company_id,
    OUT load_file_sha256 bytea,
    OUT examination_mode text,
    OUT max_examination_age interval,
    OUT withdrawn boolean)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('app', get_application.app IS NOT NULL);
    SELECT a.provider, a.load_file_sha256, a.examination_mode,
           a.max_examination_age, a.withdrawn_at IS NOT NULL
      INTO get_application.provider, get_application.load_file_sha256,
           get_application.examination_mode,
           get_application.max_examination_age, get_application.withdrawn
      FROM card_issuer.application a
     WHERE a.app_id = get_application.app;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'unknown application "%"', get_application.app
            USING ERRCODE = 'SR003',
                  HINT = 'Register it with card_issuer.register_application.';
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.get_application(screissue.app_id) IS
    'registration of an application';

-- A card's row, locked against every other call that would change the card,
-- its loads or its requests.  By an update that changes nothing, not by SELECT
-- FOR UPDATE: a transaction whose snapshot is older than what another call did
-- to the card then gets 40001, at any isolation level, instead of going on
-- with what it sees.  Who locks several cards of one chain locks the older
-- card first.
-- Errors: SR004 unknown.
CREATE FUNCTION card_issuer.lock_card(
    card screissue.card_id,
    OUT status screissue.card_status,
    OUT former_status screissue.card_status,
    OUT platform_type integer,
    OUT holder_id text,
    OUT replaces screissue.card_id,
    OUT replaced_by screissue.card_id,
    OUT overlap_until timestamp with time zone)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    UPDATE card_issuer.card c SET status = c.status
     WHERE c.card_id = lock_card.card
    RETURNING c.status, c.former_status, c.platform_type, c.holder_id,
              c.replaces, c.replaced_by, c.overlap_until
         INTO lock_card.status, lock_card.former_status,
              lock_card.platform_type, lock_card.holder_id,
              lock_card.replaces, lock_card.replaced_by,
              lock_card.overlap_until;
    IF NOT FOUND THEN
        PERFORM card_issuer.raise_unknown_card(lock_card.card);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.lock_card(screissue.card_id) IS
    'row of a card, locked';

CREATE FUNCTION card_issuer.raise_unknown_card(card screissue.card_id)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('card', raise_unknown_card.card IS NOT NULL);
    RAISE EXCEPTION 'unknown card "%"', mask(raise_unknown_card.card)
        USING ERRCODE = 'SR004';
END
$$;
COMMENT ON FUNCTION card_issuer.raise_unknown_card(screissue.card_id) IS
    'error SR004';

CREATE FUNCTION card_issuer.raise_card_status(
    card screissue.card_id,
    status screissue.card_status,
    attempted text)
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'card "%" is %, it cannot be %',
        mask(raise_card_status.card), raise_card_status.status,
        raise_card_status.attempted
        USING ERRCODE = 'SR005';
END
$$;
COMMENT ON FUNCTION card_issuer.raise_card_status(
    screissue.card_id, screissue.card_status, text) IS
    'error SR005, naming both states';

-- Raises SR005 unless a card of the one status may get the other.
CREATE FUNCTION card_issuer.require_card_move(
    card screissue.card_id,
    from_status screissue.card_status,
    to_status screissue.card_status)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF NOT may_move('card', from_status::text, to_status::text) THEN
        PERFORM card_issuer.raise_card_status(card, from_status, to_status::text);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.require_card_move(
    screissue.card_id, screissue.card_status, screissue.card_status) IS
    'check that a card may get another status';

-- Does a card work today, as one that was handed over?  An old card does, too,
-- while it overlaps with the card that replaced it (E7).
CREATE FUNCTION card_issuer.card_works(
    status screissue.card_status,
    valid_until date,
    overlap_until timestamp with time zone)
    RETURNS boolean
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT (card_works.status = 'active'
            OR coalesce(card_works.overlap_until > now(), false))
       AND coalesce(card_works.valid_until >= today(), true)
$$;
COMMENT ON FUNCTION card_issuer.card_works(
    screissue.card_status, date, timestamp with time zone) IS
    'true while a card works';

-- Notices to providers (R19-R21, R28-R30; Fig. 12)

CREATE TYPE card_issuer.draft_notice AS (
    provider screissue.company_id,
    kind text,
    platform_type integer,
    new_card_id screissue.card_id,
    old_card_id screissue.card_id,
    old_platform_type integer,
    app_id screissue.app_id,
    message_id screissue.message_id,
    reason text);
COMMENT ON TYPE card_issuer.draft_notice IS
    'notice that is not yet numbered, and may not be for sending';

-- Do notices go to this provider at all?
CREATE FUNCTION card_issuer.takes_notices(provider screissue.company_id)
    RETURNS boolean
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RETURN card_issuer.contract_in_force(takes_notices.provider)
       AND EXISTS (SELECT
                     FROM card_issuer.provider p
                    WHERE p.provider = takes_notices.provider
                      AND p.delivery IN ('push', 'pull'));
END
$$;
COMMENT ON FUNCTION card_issuer.takes_notices(screissue.company_id) IS
    'true if notices go to a provider';

-- May a notice about a card of this platform go to this provider?
CREATE FUNCTION card_issuer.notice_is_due(
    provider screissue.company_id,
    platform_type integer)
    RETURNS boolean
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RETURN coalesce(screissue.method_of(notice_is_due.platform_type) = 1, false)
       AND card_issuer.takes_notices(notice_is_due.provider);
END
$$;
COMMENT ON FUNCTION
    card_issuer.notice_is_due(screissue.company_id, integer) IS
    'true if notices about cards of a platform go to a provider';

-- Who changes whether a provider gets notices takes turns with those who write
-- them.  By an update that changes nothing: a transaction whose snapshot is
-- older than another's turn gets 40001.
CREATE FUNCTION card_issuer.take_turn(provider screissue.company_id)
    RETURNS void
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    UPDATE card_issuer.notice_counter k
       SET last_notice_no = k.last_notice_no
     WHERE k.provider = take_turn.provider
$$;
COMMENT ON FUNCTION card_issuer.take_turn(screissue.company_id) IS
    'take the turn of writing to a provider';

CREATE FUNCTION card_issuer.raise_transferred()
    RETURNS void
    LANGUAGE c
    VOLATILE
    AS 'MODULE_PATHNAME', 'screissue_raise_transferred';
COMMENT ON FUNCTION card_issuer.raise_transferred() IS
    'error 40001 for an application';

-- Writes the notices that are due, numbers them densely, returns how many.
-- To be called last: the counter's row lock makes commit order number order.
-- Counters are locked in the order of providers, so that two calls cannot
-- deadlock, and updated even where nothing is due, as take_turn does.
-- Errors: 40001 an application was transferred, or a provider's turn taken, since
-- the snapshot was taken.
CREATE FUNCTION card_issuer.write_notices(drafts card_issuer.draft_notice[])
    RETURNS integer
    LANGUAGE c
    VOLATILE
    AS 'MODULE_PATHNAME', 'screissue_write_notices';
COMMENT ON FUNCTION card_issuer.write_notices(card_issuer.draft_notice[]) IS
    'number and write the notices that are due (steps 403, 505)';

-- What a provider was last told that each card inherits for each application:
-- by the card's own notice, or handed back to it by a withdrawal; message_id
-- is NULL if the last word was that it is withdrawn.  A renewal says nothing
-- about what is inherited.
CREATE FUNCTION card_issuer.last_told(
    of_provider screissue.company_id,
    OUT card_id text,
    OUT app_id text,
    OUT message_id text)
    RETURNS SETOF record
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    WITH sent AS (
        SELECT n.*
          FROM screissue.notice n
         WHERE n.issuer = card_issuer.own_company()::text
           AND n.provider = of_provider::text
           AND n.kind <> 'renewal'),
    word AS (
        SELECT s.new_card_id AS card_id, s.app_id, s.notice_no,
               CASE s.kind WHEN 'reissue' THEN s.message_id END AS message_id
          FROM sent s
         UNION ALL
        SELECT s.old_card_id, s.app_id, s.notice_no, s.message_id
          FROM sent s
         WHERE s.kind = 'withdrawal'
           AND s.old_card_id IS NOT NULL)
    SELECT DISTINCT ON (w.card_id, w.app_id)
           w.card_id, w.app_id, w.message_id
      FROM word w
     ORDER BY w.card_id, w.app_id, w.notice_no DESC
$$;
COMMENT ON FUNCTION card_issuer.last_told(screissue.company_id) IS
    'what a provider was last told about each card';

-- What a provider was told about one card and application, the last word first:
-- the load, or NULL.  What handed something back to the card is about a card that
-- replaced it.
CREATE FUNCTION card_issuer.words(
    to_provider screissue.company_id,
    card screissue.card_id,
    app screissue.app_id,
    OUT notice_no bigint,
    OUT message_id text)
    RETURNS SETOF record
    LANGUAGE sql
    STABLE
    ROWS 2
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    WITH told AS (
        SELECT n.notice_no, n.kind, n.message_id, true AS as_new
          FROM screissue.notice n
         WHERE n.new_card_id = card::text
           AND n.kind <> 'renewal'
           AND n.issuer = card_issuer.own_company()::text
           AND n.provider = to_provider::text
           AND n.app_id = app::text
         UNION ALL
        SELECT n.notice_no, n.kind, n.message_id, false
          FROM card_issuer.reissue_request r
          JOIN screissue.notice n ON n.new_card_id = r.new_card_id::text
         WHERE r.old_card_id = card
           AND n.old_card_id = card::text
           AND n.kind = 'withdrawal'
           AND n.issuer = card_issuer.own_company()::text
           AND n.provider = to_provider::text
           AND n.app_id = app::text)
    SELECT t.notice_no,
           CASE WHEN t.kind = 'reissue' OR NOT t.as_new THEN t.message_id END
      FROM told t
     ORDER BY t.notice_no DESC
$$;
COMMENT ON FUNCTION card_issuer.words(
    screissue.company_id, screissue.card_id, screissue.app_id) IS
    'what a provider was told about a card and an application';

-- Writes the notices that a provider should have had, had its contract been
-- in force and its delivery push or pull all the time (R30): withdrawals of
-- what it was told, where the holder opted out of that very load only, then
-- entitlements not yet used of which it was not told, not even by a withdrawal
-- that handed them back.  A card that is known for a load of its own, which was
-- handed back to it, keeps that unless it is revoked.  What a withdrawal hands
-- back the old card has: so none of them calls for another, in whatever order
-- they are, and a second call writes nothing.
CREATE FUNCTION card_issuer.write_missed_notices(
    of_provider screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.write_notices(ARRAY(
        SELECT card_issuer.draft('withdrawal', e.card_id, o.card_id, e.app_id,
                                 m.message_id)
          FROM card_issuer.last_told(of_provider) t
          JOIN card_issuer.application a ON a.app_id = t.app_id::app_id
          JOIN card_issuer.entitlement e
            ON e.card_id = t.card_id::card_id AND e.app_id = a.app_id
          JOIN card_issuer.card c ON c.card_id = e.card_id
          LEFT JOIN card_issuer.app_load own
            ON own.card_id = e.card_id
           AND own.message_id = t.message_id::message_id
          LEFT JOIN card_issuer.app_load l
            ON l.card_id = e.card_id
           AND l.app_id = e.app_id
           AND l.status = 'loaded'
           AND c.status = 'revoked'
           AND e.opted_out_at IS NULL
         CROSS JOIN LATERAL (
               SELECT coalesce(l.message_id, own.message_id, e.message_id))
               m (message_id)
          LEFT JOIN card_issuer.card o
            ON o.card_id = c.replaces
           AND o.status <> 'revoked'
           AND e.withdrawn_at IS NOT NULL
           AND EXISTS (SELECT
                         FROM card_issuer.inheritable_load i
                        WHERE i.card_id = c.replaces
                          AND i.app_id = e.app_id
                          AND i.message_id = m.message_id)
         WHERE a.provider = of_provider
           AND CASE WHEN e.opted_out_at IS NOT NULL
                        THEN e.used_at IS NULL
                             AND t.message_id = e.message_id::text
                    WHEN e.withdrawn_at IS NOT NULL
                        THEN t.message_id IS NOT NULL
                             AND (own.message_id IS NULL
                                  OR c.status = 'revoked')
               END
         ORDER BY coalesce(e.withdrawn_at, e.opted_out_at), e.hops DESC,
                  e.card_id, e.app_id));
    PERFORM card_issuer.write_notices(ARRAY(
        SELECT card_issuer.draft_inherited(e.card_id, e.old_card_id, e.app_id,
                                           e.message_id)
          FROM card_issuer.application a
          JOIN card_issuer.entitlement e ON e.app_id = a.app_id
          JOIN card_issuer.card c ON c.card_id = e.card_id
          LEFT JOIN card_issuer.last_told(of_provider) t
            ON t.card_id = e.card_id::text AND t.app_id = e.app_id::text
         WHERE a.provider = of_provider
           AND e.used_at IS NULL
           AND e.withdrawn_at IS NULL
           AND e.opted_out_at IS NULL
           AND c.status NOT IN ('replaced', 'revoked')
           AND screissue.method_of(c.platform_type) = 1
           AND (t.message_id = e.message_id::text) IS NOT TRUE
         ORDER BY e.granted_at, e.card_id, e.app_id));
END
$$;
COMMENT ON FUNCTION
    card_issuer.write_missed_notices(screissue.company_id) IS
    'write the notices held back from a provider';

-- Raises unless the caller may have the provider's notices: 42501 not the
-- caller's provider; SR002 unknown, or its contract is not in force (operators
-- may read on).
CREATE FUNCTION card_issuer.require_reader(provider screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.require_acts_for(require_reader.provider);
    PERFORM card_issuer.require_provider(require_reader.provider);
    IF NOT card_issuer.is_operator(calling_role()) THEN
        PERFORM card_issuer.require_contract(require_reader.provider);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.require_reader(screissue.company_id) IS
    'check that the caller may have the notices of a provider';

-- Remembers how far a provider is: what it was given, and that it asked for what
-- follows after_no.  A number that was never written says nothing.  Nobody waits
-- for it: not while another session does the same, and only where it cannot fail.
CREATE FUNCTION card_issuer.record_fetch(
    by_provider screissue.company_id,
    after_no bigint,
    fetched_no bigint)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF current_setting('transaction_read_only')::boolean
       OR current_setting('transaction_isolation')
              NOT IN ('read committed', 'read uncommitted')
    THEN
        RETURN;
    END IF;
    UPDATE card_issuer.notice_cursor c
       SET fetched_no = greatest(c.fetched_no, record_fetch.fetched_no),
           confirmed_no = coalesce(n.asked_no, c.confirmed_no),
           fetched_at = now()
      FROM (SELECT s.provider,
                   CASE WHEN record_fetch.after_no BETWEEN 0 AND k.last_notice_no
                        THEN record_fetch.after_no END AS asked_no
              FROM card_issuer.notice_cursor s
              JOIN card_issuer.notice_counter k ON k.provider = s.provider
             WHERE s.provider = by_provider
               FOR NO KEY UPDATE OF s SKIP LOCKED) n
     WHERE c.provider = n.provider
       AND (n.asked_no <> c.confirmed_no
            OR record_fetch.fetched_no > c.fetched_no);
END
$$;
COMMENT ON FUNCTION card_issuer.record_fetch(
    screissue.company_id, bigint, bigint) IS
    'record of how far a provider is that pulls';

-- Rows for fetch_notices, which explains them.
CREATE FUNCTION card_issuer.read_notices(
    of_provider screissue.company_id,
    after_no bigint,
    max_rows integer)
    RETURNS SETOF record
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    own CONSTANT text := card_issuer.own_company()::text;
    given bigint;
    last_no bigint;
BEGIN
    PERFORM screissue.require('provider', of_provider IS NOT NULL);
    PERFORM screissue.require('after_no', after_no IS NOT NULL);
    PERFORM screissue.require('max_rows', max_rows IS NOT NULL);
    IF max_rows < 0 THEN
        RAISE EXCEPTION 'max_rows must not be negative'
            USING ERRCODE = '22023';
    END IF;
    PERFORM card_issuer.require_reader(of_provider);
    RETURN QUERY
        SELECT n.issuer, n.provider, n.notice_no, n.kind, n.platform_type,
               n.new_card_id, n.old_card_id, n.app_id, n.message_id,
               n.reason, n.noted_at
          FROM screissue.notice n
         WHERE n.issuer = own
           AND n.provider = of_provider::text
           AND n.notice_no > after_no
         ORDER BY n.notice_no
         LIMIT max_rows;
    GET DIAGNOSTICS given = ROW_COUNT;

    IF card_issuer.is_operator(calling_role()) THEN
        RETURN;
    END IF;
    -- What was committed meanwhile comes after what was given.
    SELECT n.notice_no INTO last_no
      FROM screissue.notice n
     WHERE n.issuer = own
       AND n.provider = of_provider::text
       AND n.notice_no > after_no
     ORDER BY n.notice_no
     LIMIT least(given, 1)
    OFFSET greatest(given - 1, 0);
    PERFORM card_issuer.record_fetch(of_provider, after_no, last_no);
END
$$;
COMMENT ON FUNCTION
    card_issuer.read_notices(screissue.company_id, bigint, integer) IS
    'rows of fetch_notices';

-- Pull (R28-R30): the provider's notices with numbers above after_no, in
-- order, at most max_rows, exactly as a subscription would deliver them.  How far
-- the provider is, card_issuer.delivery shows.
-- Errors: 42501 not the caller's provider; SR002 unknown, or its contract is
-- not in force (operators may read on); 22023.
CREATE FUNCTION card_issuer.fetch_notices(
    provider screissue.company_id,
    after_no bigint,
    max_rows integer DEFAULT 1000)
    RETURNS TABLE (
        issuer text,
        provider text,
        notice_no bigint,
        kind text,
        platform_type integer,
        new_card_id text,
        old_card_id text,
        app_id text,
        message_id text,
        reason text,
        noted_at timestamp with time zone)
    LANGUAGE sql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT n.*
      FROM card_issuer.read_notices($1, $2, $3) n (
               issuer text, provider text, notice_no bigint, kind text,
               platform_type integer, new_card_id text, old_card_id text,
               app_id text, message_id text, reason text,
               noted_at timestamp with time zone)
$$;
COMMENT ON FUNCTION
    card_issuer.fetch_notices(screissue.company_id, bigint, integer) IS
    'notices of a provider after a number';

-- What a provider was told, as a digest to compare with what it has (E59)

-- Digests of the notices written to a provider, each for itself.
CREATE FUNCTION card_issuer.notice_digests(
    of_provider screissue.company_id,
    from_no bigint,
    to_no bigint,
    OUT notice_no bigint,
    OUT sha256 bytea)
    RETURNS SETOF record
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT n.notice_no,
           screissue.notice_sha256(
               n.issuer, n.provider, n.notice_no, n.kind, n.platform_type,
               n.new_card_id, n.old_card_id, n.app_id, n.message_id,
               n.reason, n.noted_at)
      FROM screissue.notice n
     WHERE n.issuer = card_issuer.own_company()::text
       AND n.provider = of_provider::text
       AND n.notice_no BETWEEN from_no AND to_no
     ORDER BY n.notice_no
$$;
COMMENT ON FUNCTION card_issuer.notice_digests(
    screissue.company_id, bigint, bigint) IS
    'digests of the notices written to a provider';

-- How many notices with numbers from from_no to to_no were written to a
-- provider, and a digest of them: service_provider.digest there returns the same
-- if it has the same.
-- Errors: 42501 not the caller's provider; SR002 unknown, or its contract is
-- not in force (operators may read on); 22023.
CREATE FUNCTION card_issuer.digest(
    provider screissue.company_id,
    from_no bigint,
    to_no bigint,
    OUT notices bigint,
    OUT sha256 bytea)
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('provider', digest.provider IS NOT NULL);
    PERFORM screissue.require_range(digest.from_no, digest.to_no);
    PERFORM card_issuer.require_reader(digest.provider);
    SELECT count(*),
           screissue.digest_of(string_agg(n.sha256, '' ORDER BY n.notice_no))
      INTO digest.notices, digest.sha256
      FROM card_issuer.notice_digests(digest.provider, digest.from_no,
                                      digest.to_no) n;
END
$$;
COMMENT ON FUNCTION card_issuer.digest(
    screissue.company_id, bigint, bigint) IS
    'number and digest of a provider''s notices in a range';

-- The same for each part of the range of so many numbers that has notices: where
-- both sides differ, a row differs or is at one side only.
-- Errors: as digest.
CREATE FUNCTION card_issuer.digests(
    provider screissue.company_id,
    INOUT from_no bigint,
    INOUT to_no bigint,
    step bigint,
    OUT notices bigint,
    OUT sha256 bytea)
    RETURNS SETOF record
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('provider', digests.provider IS NOT NULL);
    PERFORM screissue.require_range(digests.from_no, digests.to_no);
    PERFORM screissue.require_step(digests.step);
    PERFORM card_issuer.require_reader(digests.provider);
    RETURN QUERY
        SELECT p.starts_at,
               p.starts_at + least(digests.step - 1, digests.to_no - p.starts_at),
               count(*),
               screissue.digest_of(
                   string_agg(n.sha256, '' ORDER BY n.notice_no))
          FROM card_issuer.notice_digests(digests.provider, digests.from_no,
                                          digests.to_no) n
         CROSS JOIN LATERAL
               (SELECT n.notice_no - (n.notice_no - digests.from_no) % digests.step
                           AS starts_at) p
         GROUP BY p.starts_at
         ORDER BY p.starts_at;
END
$$;
COMMENT ON FUNCTION card_issuer.digests(
    screissue.company_id, bigint, bigint, bigint) IS
    'number and digest of a provider''s notices in each part of a range';

-- Epochs: numbers after a restore (E25)

-- The number before the first one of an epoch.
CREATE FUNCTION card_issuer.epoch_base(epoch integer)
    RETURNS bigint
    LANGUAGE sql
    IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT epoch::bigint << 40
$$;
COMMENT ON FUNCTION card_issuer.epoch_base(integer) IS
    'number before the first one of an epoch';

-- Begins the epoch that follows the present one and, if it is given, after_epoch:
-- for an issuer that was restored from a backup and does not know which numbers
-- it has given out since.  Message ids, notice numbers and the ids of reissue
-- requests, examinations and batches go on at epoch * 2^40 + 1.  To be called
-- before anybody else, in a transaction of its own.
--
-- It waits for every transaction that has made a call, and calls wait for it:
-- they all read self.  Afterwards nobody gets a number of an older epoch, however
-- old his snapshot is: sequences have none; who wants to write to
-- a counter, or makes one, gets 40001 if he cannot see the present one.
--
-- Not for operators: epochs are never given back, and who restores a database
-- owns it.
-- Errors: SR001; 22023; 54000 no epochs are left; 55000 not READ COMMITTED: the
-- counter of a provider registered meanwhile could not be seen.
CREATE FUNCTION card_issuer.begin_epoch(after_epoch integer DEFAULT 0)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    last_epoch CONSTANT integer := 4194303;
    begun integer;
    sequence text;
BEGIN
    -- Before anything reads the table: two of these calls must not hold a lesser
    -- lock and want this one.
    IF to_regclass('card_issuer.self') IS NOT NULL THEN
        LOCK TABLE card_issuer.self IN ACCESS EXCLUSIVE MODE;
    END IF;
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('after_epoch', begin_epoch.after_epoch IS NOT NULL);
    IF begin_epoch.after_epoch NOT BETWEEN 0 AND last_epoch THEN
        RAISE EXCEPTION 'after_epoch must be within 0 and %, not %',
            last_epoch, begin_epoch.after_epoch
            USING ERRCODE = '22023';
    END IF;
    IF current_setting('transaction_isolation')
           NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'an epoch begins in a READ COMMITTED transaction only'
            USING ERRCODE = '55000';
    END IF;

    SELECT greatest(s.epoch, begin_epoch.after_epoch) + 1 INTO STRICT begun
      FROM card_issuer.self s;
    IF begun > last_epoch THEN
        RAISE EXCEPTION 'no epoch follows epoch %', last_epoch
            USING ERRCODE = '54000';
    END IF;
    UPDATE card_issuer.self s SET epoch = begun;
    FOREACH sequence IN ARRAY
        '{message_sequence, request_sequence, examination_sequence,
          reissue_batch_batch_id_seq}'::text[]
    LOOP
        EXECUTE format('ALTER SEQUENCE card_issuer.%1$I'
                       ' MINVALUE %2$s MAXVALUE %3$s START %2$s RESTART',
                       sequence, card_issuer.epoch_base(begun) + 1,
                       card_issuer.epoch_base(begun + 1) - 1);
    END LOOP;
    UPDATE card_issuer.notice_counter k
       SET last_notice_no = card_issuer.epoch_base(begun);
END
$$;
COMMENT ON FUNCTION card_issuer.begin_epoch(integer) IS
    'begin a new epoch of numbers, after a restore';

-- Notices that the issuer lost and a provider still has, after a restore (E25)

-- Raises 22023 unless the notice may have been written before this epoch, as
-- write_notices writes: by this issuer, in the canonical text of each type.
-- Errors: 22P02 a text that is none of its type.
CREATE FUNCTION card_issuer.require_former_notice(
    issuer text,
    provider text,
    notice_no bigint,
    kind text,
    new_card_id text,
    old_card_id text,
    app_id text,
    message_id text)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    own CONSTANT company_id := card_issuer.own_company();
    epoch CONSTANT integer := (SELECT s.epoch FROM card_issuer.self s);
    message CONSTANT screissue.message_id :=
        require_former_notice.message_id::screissue.message_id;
    contradiction text;
BEGIN
    contradiction := CASE
        WHEN require_former_notice.issuer <> own::text THEN 'issuer'
        WHEN require_former_notice.notice_no < 1 THEN 'notice_no'
        WHEN require_former_notice.kind NOT IN ('reissue', 'withdrawal', 'renewal')
            THEN 'kind'
        WHEN require_former_notice.provider
                 <> require_former_notice.provider::company_id::text
            THEN 'provider'
        WHEN require_former_notice.new_card_id
                 <> require_former_notice.new_card_id::card_id::text
            THEN 'new_card_id'
        WHEN require_former_notice.old_card_id
                 <> require_former_notice.old_card_id::card_id::text
            THEN 'old_card_id'
        WHEN require_former_notice.app_id
                 <> require_former_notice.app_id::screissue.app_id::text
            THEN 'app_id'
        WHEN require_former_notice.message_id <> message::text
          OR screissue.issuer(message) <> own
          OR screissue.sequence(message) >> 40
                 > require_former_notice.notice_no >> 40
            THEN 'message_id'
        END;
    IF contradiction IS NOT NULL THEN
        RAISE EXCEPTION 'notice % is none of this issuer''s: %',
            require_former_notice.notice_no, contradiction
            USING ERRCODE = '22023';
    ELSIF require_former_notice.notice_no >> 40 >= epoch THEN
        RAISE EXCEPTION 'notice is not of an epoch before epoch %', epoch
            USING ERRCODE = '22023',
                  HINT = 'Call card_issuer.begin_epoch() first.';
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.require_former_notice(
    text, text, bigint, text, text, text, text, text) IS
    'check that a notice is one of this issuer''s, of an earlier epoch';

-- Puts on record again what a provider was told before this epoch: a notice, in the
-- columns of the wire, as service_provider.received_notices there returns it.  True
-- if it was lost, false if it is on record.  Nothing that is on record changes, and
-- nothing but the record of what this provider was told: nothing is inherited by it,
-- so a provider that made one up has told nobody but itself.  The reissue is to be
-- made anew.  Subscriptions deliver the notice again, which its provider counts.
--
-- Not for operators: it is part of a restore.
-- Errors: SR001; SR002 unknown provider; SR009 another notice has the number;
-- 22023 none of this issuer's, or not of an earlier epoch; 22P02.
CREATE FUNCTION card_issuer.restore_notice(
    issuer text,
    provider text,
    notice_no bigint,
    kind text,
    platform_type integer,
    new_card_id text,
    old_card_id text,
    app_id text,
    message_id text,
    reason text,
    noted_at timestamp with time zone)
    RETURNS boolean
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    restored boolean;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require(a.argument, a.is_given)
       FROM (VALUES ('issuer', restore_notice.issuer IS NOT NULL),
                    ('provider', restore_notice.provider IS NOT NULL),
                    ('notice_no', restore_notice.notice_no IS NOT NULL),
                    ('kind', restore_notice.kind IS NOT NULL),
                    ('platform_type', restore_notice.platform_type IS NOT NULL),
                    ('new_card_id', restore_notice.new_card_id IS NOT NULL),
                    ('app_id', restore_notice.app_id IS NOT NULL),
                    ('message_id', restore_notice.message_id IS NOT NULL),
                    ('noted_at', restore_notice.noted_at IS NOT NULL))
            a (argument, is_given);
    PERFORM card_issuer.require_former_notice(
        restore_notice.issuer, restore_notice.provider,
        restore_notice.notice_no, restore_notice.kind,
        restore_notice.new_card_id, restore_notice.old_card_id,
        restore_notice.app_id, restore_notice.message_id);
    PERFORM card_issuer.require_provider(restore_notice.provider::company_id);

    INSERT INTO screissue.notice AS n
        (issuer, provider, notice_no, kind, platform_type, new_card_id,
         old_card_id, app_id, message_id, reason, noted_at)
    VALUES (restore_notice.issuer, restore_notice.provider,
            restore_notice.notice_no, restore_notice.kind,
            restore_notice.platform_type, restore_notice.new_card_id,
            restore_notice.old_card_id, restore_notice.app_id,
            restore_notice.message_id, restore_notice.reason,
            restore_notice.noted_at)
    ON CONFLICT ON CONSTRAINT notice_pkey DO NOTHING;
    restored := FOUND;
    IF NOT restored
       AND NOT EXISTS (
           SELECT
             FROM card_issuer.notice_digests(
                      restore_notice.provider::company_id,
                      restore_notice.notice_no, restore_notice.notice_no) n
            WHERE n.sha256 = screissue.notice_sha256(
                      restore_notice.issuer, restore_notice.provider,
                      restore_notice.notice_no, restore_notice.kind,
                      restore_notice.platform_type, restore_notice.new_card_id,
                      restore_notice.old_card_id, restore_notice.app_id,
                      restore_notice.message_id, restore_notice.reason,
                      restore_notice.noted_at))
    THEN
        RAISE EXCEPTION 'notice % to provider "%" is on record as another one',
            restore_notice.notice_no, restore_notice.provider
            USING ERRCODE = 'SR009',
                  HINT = 'Nothing on record is changed; find out who has the right one.';
    END IF;
    RETURN restored;
END
$$;
COMMENT ON FUNCTION card_issuer.restore_notice(
    text, text, bigint, text, integer, text, text, text, text, text,
    timestamp with time zone) IS
    'put a notice on record again that was lost by a restore';

-- Contracts with service providers (R4, R5)

-- Registers a provider or changes its contract, and gives its role the calls
-- that a provider may make, no more.  A change that puts the contract in
-- force again, or delivery from on_request to push or pull, writes the
-- notices held back (R30).
-- Errors: 42704 unknown role; 23505 the role is another provider's; 22023.
CREATE FUNCTION card_issuer.register_provider(
    provider screissue.company_id,
    name text,
    role_name name,
    delivery text DEFAULT 'push',
    contract_from date DEFAULT NULL,
    contract_until date DEFAULT NULL)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    former record;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('provider', register_provider.provider IS NOT NULL);
    PERFORM screissue.require('name', register_provider.name IS NOT NULL);
    PERFORM screissue.require('role_name', register_provider.role_name IS NOT NULL);
    IF (register_provider.delivery IN ('push', 'pull', 'on_request')) IS NOT TRUE THEN
        RAISE EXCEPTION 'unknown delivery "%"', register_provider.delivery
            USING ERRCODE = '22023',
                  HINT = 'Delivery is push, pull or on_request.';
    END IF;
    IF register_provider.contract_from > register_provider.contract_until THEN
        RAISE EXCEPTION 'contract ends before it begins'
            USING ERRCODE = '22023';
    END IF;
    PERFORM screissue.require_role(register_provider.role_name);
    IF EXISTS (SELECT FROM card_issuer.provider p
                WHERE p.role_name = register_provider.role_name
                  AND p.provider <> register_provider.provider) THEN
        RAISE EXCEPTION 'role "%" belongs to another provider',
            register_provider.role_name
            USING ERRCODE = '23505';
    END IF;

    -- The turn first, as suspend_provider and resume_provider take it.
    PERFORM card_issuer.take_turn(register_provider.provider);
    SELECT p.role_name INTO former
      FROM card_issuer.provider p
     WHERE p.provider = register_provider.provider
       FOR NO KEY UPDATE;
    INSERT INTO card_issuer.provider AS p
           (provider, name, role_name, delivery, contract_from, contract_until)
    VALUES (register_provider.provider, register_provider.name,
            register_provider.role_name, register_provider.delivery,
            register_provider.contract_from, register_provider.contract_until)
        ON CONFLICT ON CONSTRAINT provider_pkey DO UPDATE
       SET name = excluded.name,
           role_name = excluded.role_name,
           delivery = excluded.delivery,
           contract_from = excluded.contract_from,
           contract_until = excluded.contract_until;
    -- FOR SHARE: a snapshot that is older than the present epoch gets 40001.
    INSERT INTO card_issuer.notice_counter (provider, last_notice_no)
    SELECT register_provider.provider, card_issuer.epoch_base(s.epoch)
      FROM card_issuer.self s
       FOR SHARE
        ON CONFLICT ON CONSTRAINT notice_counter_pkey DO NOTHING;
    INSERT INTO card_issuer.notice_cursor (provider)
    VALUES (register_provider.provider)
        ON CONFLICT ON CONSTRAINT notice_cursor_pkey DO NOTHING;
    PERFORM card_issuer.create_inquiry_sequence(register_provider.provider);

    IF former.role_name <> register_provider.role_name THEN
        PERFORM card_issuer.revoke_provider_calls(former.role_name);
    END IF;
    PERFORM screissue.grant_calls('card_issuer', register_provider.role_name,
                                  card_issuer.provider_calls());
    IF former.role_name IS NOT NULL THEN
        PERFORM card_issuer.write_missed_notices(register_provider.provider);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.register_provider(
    screissue.company_id, text, name, text, date, date) IS
    'register a service provider or change its contract';

-- All that a provider's role may call.
CREATE FUNCTION card_issuer.provider_calls()
    RETURNS text[]
    LANGUAGE sql
    IMMUTABLE
AS $$
    SELECT ARRAY['permit_load', 'confirm_load', 'confirm_unload',
                 'inquire', 'find_reissue', 'fetch_notices', 'digest', 'digests',
                 'print_notice']
$$;
COMMENT ON FUNCTION card_issuer.provider_calls() IS
    'names of the calls of a provider';

-- Takes the calls of a provider from a role, unless the role is gone or is an
-- operator's, who needs them too.
CREATE FUNCTION card_issuer.revoke_provider_calls(role_name name)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    call text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles r
                    WHERE r.rolname = revoke_provider_calls.role_name)
       OR card_issuer.is_operator(revoke_provider_calls.role_name) THEN
        RETURN;
    END IF;
    FOREACH call IN ARRAY card_issuer.provider_calls() LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION card_issuer.%I FROM %I',
                       call, revoke_provider_calls.role_name);
    END LOOP;
    -- An auditor reads in the schema, too.
    IF NOT has_table_privilege(revoke_provider_calls.role_name,
               'card_issuer.masked_reissue_pair', 'SELECT') THEN
        EXECUTE format('REVOKE USAGE ON SCHEMA card_issuer FROM %I',
                       revoke_provider_calls.role_name);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.revoke_provider_calls(name) IS
    'take the calls of a provider from a role';

-- The contract rests: no permissions, no replies, no notices.
-- Errors: SR002 unknown.
CREATE FUNCTION card_issuer.suspend_provider(provider screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.require_provider(suspend_provider.provider);
    PERFORM card_issuer.take_turn(suspend_provider.provider);
    UPDATE card_issuer.provider p SET suspended_at = now()
     WHERE p.provider = suspend_provider.provider
       AND p.suspended_at IS NULL;
END
$$;
COMMENT ON FUNCTION card_issuer.suspend_provider(screissue.company_id) IS
    'suspend the contract with a service provider';

-- The contract goes on; the notices held back are written.
-- Errors: SR002 unknown.
CREATE FUNCTION card_issuer.resume_provider(provider screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.require_provider(resume_provider.provider);
    PERFORM card_issuer.take_turn(resume_provider.provider);
    UPDATE card_issuer.provider p SET suspended_at = NULL
     WHERE p.provider = resume_provider.provider
       AND p.suspended_at IS NOT NULL;
    IF FOUND THEN
        PERFORM card_issuer.write_missed_notices(resume_provider.provider);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.resume_provider(screissue.company_id) IS
    'resume the contract with a service provider';

-- Applications that are known to be legitimate (R6)

-- Registers an application of a provider or updates its row; a withdrawn one
-- is in force again.  load_file_sha256, when given, is what a permission for
-- another load file is refused by.
-- Errors: SR002 unknown provider; 23505 another provider's; 22023.
CREATE FUNCTION card_issuer.register_application(
    app screissue.app_id,
    provider screissue.company_id,
    name text,
    load_file_sha256 bytea DEFAULT NULL,
    examination text DEFAULT 'substitute',
    max_examination_age interval DEFAULT NULL)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('app', register_application.app IS NOT NULL);
    PERFORM screissue.require('name', register_application.name IS NOT NULL);
    PERFORM card_issuer.require_provider(register_application.provider);
    IF octet_length(register_application.load_file_sha256) <> 32 THEN
        RAISE EXCEPTION 'load_file_sha256 must have 32 bytes, not %',
            octet_length(register_application.load_file_sha256)
            USING ERRCODE = '22023';
    END IF;
    PERFORM screissue.require_examination_mode(
        register_application.examination,
        register_application.max_examination_age);

    INSERT INTO card_issuer.application AS a
           (app_id, provider, name, load_file_sha256, examination_mode,
            max_examination_age)
    VALUES (register_application.app, register_application.provider,
            register_application.name, register_application.load_file_sha256,
            register_application.examination,
            register_application.max_examination_age)
        ON CONFLICT ON CONSTRAINT application_pkey DO UPDATE
       SET name = excluded.name,
           load_file_sha256 = excluded.load_file_sha256,
           examination_mode = excluded.examination_mode,
           max_examination_age = excluded.max_examination_age,
           withdrawn_at = NULL
     WHERE a.provider = excluded.provider;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'application "%" belongs to another provider',
            register_application.app
            USING ERRCODE = '23505';
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.register_application(
    screissue.app_id, screissue.company_id, text, bytea, text, interval) IS
    'register an application of a service provider';

-- Moves an application to another provider (E14: a merger, a sale).  Rights and
-- notices follow it: from now on that provider is told of, may ask for and may
-- reload what was loaded under permissions of the former one, who may not any
-- more.  Entitlements not yet used are notified to the new provider, who must
-- have accepted the transfer on its side (service_provider.accept_transfer).
-- What was charged stays charged to whom the permission was given.  Repeatable.
-- Errors: SR002 unknown provider; SR003 unknown application; 22023.
CREATE FUNCTION card_issuer.transfer_application(
    app screissue.app_id,
    provider screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    former screissue.company_id;
BEGIN
    PERFORM card_issuer.own_company();
    -- First, so that the former provider is the one whose turn we take.
    PERFORM
       FROM card_issuer.application a
      WHERE a.app_id = transfer_application.app
        FOR NO KEY UPDATE;
    former := (card_issuer.get_application(transfer_application.app)).provider;
    PERFORM card_issuer.require_provider(transfer_application.provider);
    PERFORM card_issuer.take_turn(p.provider)
       FROM (SELECT unnest(ARRAY[former, transfer_application.provider])
              ORDER BY 1) p (provider);
    UPDATE card_issuer.application a
       SET provider = transfer_application.provider
     WHERE a.app_id = transfer_application.app
       AND a.provider <> transfer_application.provider;
    IF FOUND THEN
        PERFORM card_issuer.write_missed_notices(transfer_application.provider);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.transfer_application(
    screissue.app_id, screissue.company_id) IS
    'move an application to another provider (E14)';

-- Takes an application from registration: no permissions and no replies any
-- more (E13).  Repeatable.  Errors: SR003 unknown.
CREATE FUNCTION card_issuer.withdraw_application(app screissue.app_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.get_application(withdraw_application.app);
    UPDATE card_issuer.application a SET withdrawn_at = now()
     WHERE a.app_id = withdraw_application.app
       AND a.withdrawn_at IS NULL;
END
$$;
COMMENT ON FUNCTION card_issuer.withdraw_application(screissue.app_id) IS
    'withdraw an application from registration';

-- What providers pay (claim 13, R51)

-- Sets the price of a load or a reload; only a reload has a
-- reason, NULL stands for any.  Earlier loads keep their price.
-- Errors: SR003 unknown application; 22023.
CREATE FUNCTION card_issuer.set_tariff(
    app screissue.app_id,
    kind screissue.tariff_kind,
    amount numeric,
    currency text,
    reason screissue.reissue_reason DEFAULT NULL)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.get_application(set_tariff.app);
    PERFORM screissue.require_tariff(set_tariff.kind, set_tariff.amount,
                                     set_tariff.currency, set_tariff.reason);

    INSERT INTO card_issuer.tariff (app_id, kind, reason, amount, currency)
    VALUES (set_tariff.app, set_tariff.kind, set_tariff.reason,
            set_tariff.amount, set_tariff.currency)
        ON CONFLICT ON CONSTRAINT tariff_app_id_kind_reason_key DO UPDATE
       SET amount = excluded.amount,
           currency = excluded.currency;
END
$$;
COMMENT ON FUNCTION card_issuer.set_tariff(
    screissue.app_id, screissue.tariff_kind, numeric, text,
    screissue.reissue_reason) IS
    'set what a provider pays for a load or a reload';

-- The price of a load: the line for this reason, else the one for any; reason is
-- that line's.  NULL: loading is not charged (R48).
CREATE FUNCTION card_issuer.find_price(
    app screissue.app_id,
    kind screissue.tariff_kind,
    INOUT reason screissue.reissue_reason,
    OUT amount numeric,
    OUT currency text)
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT t.reason, t.amount, t.currency
      FROM card_issuer.tariff t
     WHERE t.app_id = find_price.app
       AND t.kind = find_price.kind
       AND (t.reason = find_price.reason OR t.reason IS NULL)
     ORDER BY t.reason NULLS LAST
     LIMIT 1
$$;
COMMENT ON FUNCTION card_issuer.find_price(
    screissue.app_id, screissue.tariff_kind, screissue.reissue_reason) IS
    'price of a load or reload';

-- The price of a load on a card, a reload if it inherits from old_card, and the
-- line of the tariff that gave it.
CREATE FUNCTION card_issuer.price_load(
    app screissue.app_id,
    card screissue.card_id,
    old_card screissue.card_id,
    OUT kind screissue.tariff_kind,
    OUT reason screissue.reissue_reason,
    OUT amount numeric,
    OUT currency text)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    price_load.kind := 'load';
    IF old_card IS NOT NULL THEN
        price_load.kind := 'reload';
        price_load.reason := card_issuer.reissue_reason(old_card, card)
                             ::reissue_reason;
    END IF;
    SELECT p.reason, p.amount, p.currency
      INTO price_load.reason, price_load.amount, price_load.currency
      FROM card_issuer.find_price(
               app, price_load.kind, price_load.reason) p;
END
$$;
COMMENT ON FUNCTION card_issuer.price_load(
    screissue.app_id, screissue.card_id, screissue.card_id) IS
    'price of a load on a card';

-- A reissue is withdrawn: what a reload on its card cost is given back (E52).
-- Loads that were no reloads are not: the reissue did not cause them.
CREATE FUNCTION card_issuer.refund(
    card screissue.card_id,
    message screissue.message_id)
    RETURNS void
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    UPDATE card_issuer.app_load l SET refunded_at = now()
     WHERE l.card_id = card
       AND l.message_id = message
       AND l.tariff_kind = 'reload'
       AND l.fee IS NOT NULL
       AND l.refunded_at IS NULL
$$;
COMMENT ON FUNCTION
    card_issuer.refund(screissue.card_id, screissue.message_id) IS
    'refund a reload on a card whose reissue is withdrawn';

-- The same for a reload that is confirmed only after the withdrawal.
CREATE FUNCTION card_issuer.refund_if_withdrawn(
    card screissue.card_id,
    message screissue.message_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM card_issuer.card c
                WHERE c.card_id = card
                  AND c.status = 'revoked') THEN
        PERFORM card_issuer.refund(card, message);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.refund_if_withdrawn(
    screissue.card_id, screissue.message_id) IS
    'refund a reload that was confirmed after its reissue was withdrawn';

-- Policies of the card issuer (R15; design 9)

-- What holds while no policy function is set: approve what the state of card,
-- contract and application allows, for ever.
CREATE FUNCTION card_issuer.default_policy(request jsonb)
    RETURNS screissue.verdict
    LANGUAGE sql
    IMMUTABLE PARALLEL SAFE
AS $$
    SELECT ROW(true, NULL, NULL)::screissue.verdict
$$;
COMMENT ON FUNCTION card_issuer.default_policy(jsonb) IS
    'policy that approves what the state allows';

-- Sets the function that judges an event, reissue, load or confirm; NULL: the
-- default policy again.  For superusers.  It is stored by its qualified signature.
-- Errors: 42883 no such function; 42804 no policy; 42501 not a superuser's;
-- 22023 unknown event.
CREATE FUNCTION card_issuer.set_policy(event text, function regprocedure)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require_event(set_policy.event, '{reissue, load, confirm}');
    IF set_policy.function IS NULL THEN
        DELETE FROM card_issuer.policy p WHERE p.event = set_policy.event;
        RETURN;
    END IF;
    INSERT INTO card_issuer.policy (event, function)
    VALUES (set_policy.event, screissue.policy_signature(set_policy.function))
        ON CONFLICT ON CONSTRAINT policy_pkey DO UPDATE
       SET function = excluded.function;
END
$$;
COMMENT ON FUNCTION card_issuer.set_policy(text, regprocedure) IS
    'set the function that judges an event';

-- How many of the cards that led to this one, and were not taken back, were
-- replaced in the last twelve months; screissue.max_lineage at most.
CREATE FUNCTION card_issuer.recent_reissues(card screissue.card_id)
    RETURNS bigint
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
    SET timezone = 'UTC'
AS $$
DECLARE
    former screissue.card_id := card_issuer.predecessor(card);
    replaced_at timestamp with time zone;
    reissues bigint := 0;
BEGIN
    WHILE former IS NOT NULL
          AND reissues < current_setting('screissue.max_lineage')::bigint
    LOOP
        SELECT c.replaced_at INTO replaced_at
          FROM card_issuer.card c
         WHERE c.card_id = former;
        EXIT WHEN replaced_at < now() - interval '12 months';
        reissues := reissues + 1;
        former := card_issuer.predecessor(former);
    END LOOP;
    RETURN reissues;
END
$$;
COMMENT ON FUNCTION card_issuer.recent_reissues(screissue.card_id) IS
    'number of reissues of a card''s chain in the last twelve months';

-- What every policy is told of a card, beside what the event adds: the card,
-- its holder's profile, how long it is valid yet, how often the cards of its
-- chain were reissued in the last twelve months, and whom the holder does not
-- want to be told: nobody, or the providers of some applications (E13c, E56).
CREATE FUNCTION card_issuer.describe_card(card screissue.card_id)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT jsonb_build_object(
               'card', c.card_id::text,
               'status', c.status,
               'platform_type', c.platform_type,
               'valid_until', c.valid_until,
               'days_valid', c.valid_until - today(),
               'issued_at', c.issued_at,
               'holder', c.holder_id,
               'profile', h.profile,
               'reissues_in_12_months', card_issuer.recent_reissues(c.card_id),
               'opted_out', c.opted_out_at IS NOT NULL,
               'opt_outs', to_jsonb((card_issuer.get_opt_outs(card)).opt_outs
                                    ::text[]))
      FROM card_issuer.card c
      LEFT JOIN card_issuer.holder h ON h.holder_id = c.holder_id
     WHERE c.card_id = describe_card.card
$$;
COMMENT ON FUNCTION card_issuer.describe_card(screissue.card_id) IS
    'what a policy is told of a card';

-- What a policy is told of an earlier examination.
CREATE FUNCTION card_issuer.describe_examination(
    card screissue.card_id,
    examination_id bigint)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT jsonb_build_object(
               'approved', x.approved,
               'reason', x.reason,
               'examined_at', x.examined_at,
               'valid_until', x.valid_until,
               'examiner', x.examiner)
      FROM card_issuer.examination x
     WHERE x.card_id = card
       AND x.examination_id = describe_examination.examination_id
$$;
COMMENT ON FUNCTION
    card_issuer.describe_examination(screissue.card_id, bigint) IS
    'what a policy is told of an earlier examination';

-- The examination that counts for the load that a reload would inherit; NULL:
-- there is none (R48).
CREATE FUNCTION card_issuer.describe_old_examination(
    message screissue.message_id)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT card_issuer.describe_examination(m.card_id, m.examination_id)
      FROM card_issuer.made_examination(message) m
$$;
COMMENT ON FUNCTION
    card_issuer.describe_old_examination(screissue.message_id) IS
    'what a policy is told of an old load''s examination';

-- The newest examination for a reissue: of this card, else of the one that it
-- replaced; NULL: there is none.
CREATE FUNCTION card_issuer.describe_last_reissue(card screissue.card_id)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT card_issuer.describe_examination(x.card_id, x.examination_id)
      FROM card_issuer.examination x
     WHERE x.card_id IN (card, card_issuer.predecessor(card))
       AND x.event = 'reissue'
     ORDER BY x.card_id = card DESC, x.examination_id DESC
     LIMIT 1
$$;
COMMENT ON FUNCTION card_issuer.describe_last_reissue(screissue.card_id) IS
    'what a policy is told of the last examination for a reissue';

-- The function set for an event; NULL: the default policy.
CREATE FUNCTION card_issuer.policy_of(event text)
    RETURNS text
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT p.function
      FROM card_issuer.policy p
     WHERE p.event = policy_of.event
$$;
COMMENT ON FUNCTION card_issuer.policy_of(text) IS
    'function that judges an event';

-- Examinations (the patent's credit investigations; R15, R49)

-- Puts an examination on record and returns its number.  Until when it is valid
-- does not depend on the client's time zone (E54).
CREATE FUNCTION card_issuer.store_examination(
    card screissue.card_id,
    event text,
    verdict screissue.verdict,
    examiner text,
    details jsonb)
    RETURNS bigint
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
    SET timezone = 'UTC'
AS $$
    INSERT INTO card_issuer.examination AS x
           (card_id, examination_id, event, approved, reason, examined_at,
            valid_until, examiner, details)
    VALUES (card, nextval('card_issuer.examination_sequence'), event,
            (verdict).approved, (verdict).reason, now(),
            now() + (verdict).valid_for, examiner, details)
    RETURNING x.examination_id
$$;
COMMENT ON FUNCTION card_issuer.store_examination(
    screissue.card_id, text, screissue.verdict, text, jsonb) IS
    'record an examination';

-- Asks the policy and puts its verdict on record, with all that it was told
-- and which policy it was (step 502).  The default policy, which looks at
-- nothing, is told no more than the request and the old examination.
CREATE FUNCTION card_issuer.examine(
    card screissue.card_id,
    event text,
    request jsonb,
    OUT examination_id bigint,
    OUT approved boolean,
    OUT reason text)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    policy CONSTANT text := card_issuer.policy_of(event);
    told jsonb := request || jsonb_build_object('event', event);
    judged record;
BEGIN
    IF policy IS NULL THEN
        IF told ->> 'inherits' IS NOT NULL THEN
            told := told || card_issuer.describe_past(card, told);
        END IF;
        judged := card_issuer.default_policy(told);
    ELSE
        told := card_issuer.describe_card(card) || told
             || card_issuer.describe_past(card, told);
        judged := screissue.call_policy(policy, told);
        told := told
             || jsonb_build_object('policy_sha256', judged.policy_sha256);
    END IF;
    examine.examination_id := card_issuer.store_examination(
        card, event,
        ROW(judged.approved, judged.reason, judged.valid_for)::verdict,
        coalesce(policy, 'card_issuer.default_policy(jsonb)'), told);
    examine.approved := judged.approved;
    examine.reason := judged.reason;
END
$$;
COMMENT ON FUNCTION card_issuer.examine(screissue.card_id, text, jsonb) IS
    'examine a request by the policy of the event';

-- What a policy is told of the past, by event: the examination of the old load
-- that a reload would inherit, but not where the application wants it judged
-- without (mode new); the last examination for a reissue.
CREATE FUNCTION card_issuer.describe_past(
    card screissue.card_id,
    request jsonb)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT CASE request ->> 'event'
           WHEN 'load' THEN jsonb_build_object('old_examination',
               CASE WHEN request ->> 'examination_mode' <> 'new'
                    THEN card_issuer.describe_old_examination(
                             (request ->> 'inherits')::message_id) END)
           WHEN 'reissue' THEN jsonb_build_object('previous_examination',
               card_issuer.describe_last_reissue(card))
           ELSE '{}' END
$$;
COMMENT ON FUNCTION card_issuer.describe_past(screissue.card_id, jsonb) IS
    'what a policy is told of earlier examinations';

-- Asks the policy, if one is set, whether the proof of a load will do.
-- Errors: SR007 it will not.
CREATE FUNCTION card_issuer.examine_proof(
    card screissue.card_id,
    app screissue.app_id,
    message screissue.message_id,
    receipt bytea)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    judged record;
BEGIN
    IF card_issuer.policy_of('confirm') IS NULL THEN
        RETURN;
    END IF;
    judged := card_issuer.examine(card, 'confirm', jsonb_build_object(
        'application', app::text,
        'load', message::text,
        'receipt', encode(receipt, 'hex')));
    IF judged.approved IS NOT TRUE THEN
        RAISE EXCEPTION 'proof of load "%" is refused', message
            USING ERRCODE = 'SR007',
                  DETAIL = CASE
                      WHEN card_issuer.is_operator(calling_role())
                           AND judged.reason IS NOT NULL
                          THEN format('The policy says: %s.', judged.reason)
                      ELSE 'The policy of the card issuer refuses it.' END,
                  HINT = 'The load is still permitted: confirm it with another receipt.';
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.examine_proof(
    screissue.card_id, screissue.app_id, screissue.message_id, bytea) IS
    'examine the proof of a load';

-- The examination that counts for a load: the newest that was really made of it,
-- or of a load that it replaced in a chain of reloads; so a later finding about
-- any of them counts for all that came of it (E49).  NULLs: none was made (R48).
-- Errors: 54000 after screissue.max_lineage reloads.
CREATE FUNCTION card_issuer.made_examination(
    message screissue.message_id,
    OUT card_id screissue.card_id,
    OUT examination_id bigint)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    judged_load screissue.message_id := message;
    judged record;
    reloads integer := 0;
BEGIN
    WHILE judged_load IS NOT NULL LOOP
        PERFORM card_issuer.check_lineage_length(reloads);
        SELECT coalesce(x.substitutes_card_id, x.card_id) AS card_id,
               coalesce(x.substitutes, x.examination_id) AS examination_id,
               l.inherits
          INTO judged
          FROM card_issuer.app_load l
          LEFT JOIN card_issuer.examination x
            ON x.card_id = l.card_id
           AND x.examination_id = coalesce(l.finding_id, l.examination_id)
         WHERE l.message_id = judged_load;
        IF judged.examination_id > made_examination.examination_id
           OR made_examination.examination_id IS NULL THEN
            made_examination.card_id := judged.card_id;
            made_examination.examination_id := judged.examination_id;
        END IF;
        judged_load := judged.inherits;
        reloads := reloads + 1;
    END LOOP;
END
$$;
COMMENT ON FUNCTION card_issuer.made_examination(screissue.message_id) IS
    'examination that counts for a load';

-- Reuses the examination of an old load for its reload on another card
-- (claim 11, R49): if it was positive, is still valid and not too old, its card
-- was the same holder's (E16), and was to be valid for at least as long as
-- this one is: an examination was made for the life of a card (E18).  The new
-- row names the examination that was really made.  NULL: there is none to reuse.
CREATE FUNCTION card_issuer.substitute_examination(
    card screissue.card_id,
    old_load screissue.message_id,
    max_age interval)
    RETURNS bigint
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
    SET timezone = 'UTC'
AS $$
    INSERT INTO card_issuer.examination AS n
           (card_id, examination_id, event, approved, reason, examined_at,
            valid_until, examiner, details, substitutes, substitutes_card_id)
    SELECT card, nextval('card_issuer.examination_sequence'), 'load', true,
           r.reason, now(), r.valid_until, 'substitution',
           jsonb_build_object('old_load', old_load::text),
           r.examination_id, r.card_id
      FROM card_issuer.made_examination(old_load) m
      JOIN card_issuer.examination r
        ON r.card_id = m.card_id AND r.examination_id = m.examination_id
     WHERE r.approved
       AND card_issuer.same_holder(card, r.card_id)
       AND card_issuer.is_as_long_valid(card, r.card_id)
       AND coalesce(r.valid_until > now(), true)
       AND coalesce(r.examined_at + max_age > now(), true)
    RETURNING n.examination_id
$$;
COMMENT ON FUNCTION card_issuer.substitute_examination(
    screissue.card_id, screissue.message_id, interval) IS
    'reuse the examination of an old load (claim 11)';

CREATE FUNCTION card_issuer.same_holder(
    card screissue.card_id,
    old_card screissue.card_id)
    RETURNS boolean
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT n.holder_id IS NOT DISTINCT FROM o.holder_id
      FROM card_issuer.card n, card_issuer.card o
     WHERE n.card_id = card
       AND o.card_id = old_card
$$;
COMMENT ON FUNCTION
    card_issuer.same_holder(screissue.card_id, screissue.card_id) IS
    'true if two cards are the same holder''s (E16)';

-- Does the validity of a card end no later than that of the other?
CREATE FUNCTION card_issuer.is_as_long_valid(
    card screissue.card_id,
    old_card screissue.card_id)
    RETURNS boolean
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT coalesce(n.valid_until, 'infinity')
           <= coalesce(o.valid_until, 'infinity')
      FROM card_issuer.card n, card_issuer.card o
     WHERE n.card_id = card
       AND o.card_id = old_card
$$;
COMMENT ON FUNCTION
    card_issuer.is_as_long_valid(screissue.card_id, screissue.card_id) IS
    'true if a card is valid for no longer than another (E18)';

-- E49: a later finding about a load, such as a fraud flag.  It counts in place
-- of the load's examination, for the reloads that took its place, too, so a
-- negative one is never reused; the examination by which the load was permitted
-- stays on record.  Each call is one more examination.
-- Errors: SR008 unknown load; 22023 a verdict that is neither yes nor no.
CREATE FUNCTION card_issuer.record_examination(
    message screissue.message_id,
    examination screissue.verdict)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    place record;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require_verdict(record_examination.examination);
    place := card_issuer.require_load(record_examination.message);
    PERFORM card_issuer.lock_card(place.card_id);
    UPDATE card_issuer.app_load l
       SET finding_id = card_issuer.store_examination(
               place.card_id, 'load', record_examination.examination,
               calling_role()::text,
               jsonb_build_object('load', record_examination.message::text))
     WHERE l.card_id = place.card_id
       AND l.message_id = record_examination.message;
END
$$;
COMMENT ON FUNCTION card_issuer.record_examination(
    screissue.message_id, screissue.verdict) IS
    'later finding about a load (E49)';

-- Cards and their holders (R3)

-- Registers a holder or replaces the profile that policies may ask.
CREATE FUNCTION card_issuer.register_holder(holder_id text, profile jsonb)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('holder_id', register_holder.holder_id IS NOT NULL);
    INSERT INTO card_issuer.holder (holder_id, profile)
    VALUES (register_holder.holder_id, register_holder.profile)
        ON CONFLICT ON CONSTRAINT holder_pkey DO UPDATE
       SET profile = excluded.profile;
END
$$;
COMMENT ON FUNCTION card_issuer.register_holder(text, jsonb) IS
    'register a holder and the profile';

-- The id under which an erased holder stays on record: enough to tell that a
-- call is repeated, by who knows the id, and no more.
CREATE FUNCTION card_issuer.erased_holder_id(holder_id text)
    RETURNS text
    LANGUAGE sql
    IMMUTABLE STRICT
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'erased ' || encode(sha256(convert_to(holder_id, 'UTF8')), 'hex')
$$;
COMMENT ON FUNCTION card_issuer.erased_holder_id(text) IS
    'id under which an erased holder stays on record';

-- Of the details of an examination those that are not about the holder; of an
-- earlier examination that the policy was told of all but the reason.  NULL if
-- there are none.
CREATE FUNCTION card_issuer.impersonal_details(details jsonb)
    RETURNS jsonb
    LANGUAGE sql
    IMMUTABLE STRICT
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_object_agg(
               d.key, CASE jsonb_typeof(d.value) WHEN 'object'
                      THEN d.value - 'reason' ELSE d.value END)
      FROM jsonb_each(impersonal_details.details) d
     WHERE d.key IN ('event', 'reason', 'application', 'provider', 'inherits',
                     'old_load', 'load', 'receipt', 'request_id', 'status',
                     'platform_type', 'valid_until', 'days_valid',
                     'issued_at', 'examination_mode', 'old_examination',
                     'previous_examination', 'policy_sha256')
$$;
COMMENT ON FUNCTION card_issuer.impersonal_details(jsonb) IS
    'details of an examination that are not about the holder';

-- Removes what a card's records say about its holder.  What was decided, when
-- and by which policy stays.
CREATE FUNCTION card_issuer.erase_card_holder(card screissue.card_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.lock_card(card);
    UPDATE card_issuer.card c
       SET holder_id = NULL,
           printed_number = NULL
     WHERE c.card_id = card;
    UPDATE card_issuer.reissue_request r
       SET requested_by = NULL,
           refusal = NULL
     WHERE r.old_card_id = card;
    UPDATE card_issuer.examination x
       SET reason = NULL,
           details = card_issuer.impersonal_details(x.details)
     WHERE x.card_id = card;
END
$$;
COMMENT ON FUNCTION card_issuer.erase_card_holder(screissue.card_id) IS
    'remove the holder from the records of a card';

-- Erases a holder's data (E57): the profile, and what the holder's cards, the
-- requests for their reissue and their examinations say about the holder.
-- Pairs, loads, entitlements and notices stay, so every chain still walks and
-- the cards can be reissued, for no holder.  Repeatable: cards issued to the
-- holder meanwhile are erased, too.
-- Errors: 22023 unknown holder.
CREATE FUNCTION card_issuer.erase_holder(holder_id text)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    remains CONSTANT text := card_issuer.erased_holder_id(erase_holder.holder_id);
    cards screissue.card_id[];
    card screissue.card_id;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('holder_id', erase_holder.holder_id IS NOT NULL);
    DELETE FROM card_issuer.holder h
     WHERE h.holder_id = erase_holder.holder_id;
    IF FOUND THEN
        INSERT INTO card_issuer.holder (holder_id)
        VALUES (remains)
            ON CONFLICT ON CONSTRAINT holder_pkey DO NOTHING;
    ELSIF NOT EXISTS (SELECT FROM card_issuer.holder h
                       WHERE h.holder_id = remains) THEN
        RAISE EXCEPTION 'unknown holder'
            USING ERRCODE = '22023',
                  HINT = 'Holders are known from register_holder and issue_card.';
    END IF;

    -- Again until there is none: while we waited for a card, it may have been
    -- reissued to the same holder.  Older cards first, see lock_card.
    LOOP
        cards := ARRAY(SELECT c.card_id
                         FROM card_issuer.card c
                        WHERE c.holder_id = erase_holder.holder_id
                        ORDER BY c.issued_at, c.card_id);
        EXIT WHEN cardinality(cards) = 0;
        FOREACH card IN ARRAY cards LOOP
            PERFORM card_issuer.erase_card_holder(card);
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON FUNCTION card_issuer.erase_holder(text) IS
    'erase the data of a holder (E57)';

-- Raises SR010 unless the id passes the check of its platform, 22023 if there
-- is no such platform.
CREATE FUNCTION card_issuer.check_card_id(
    card screissue.card_id,
    platform_type integer)
    RETURNS void
    LANGUAGE c
    STABLE STRICT
    AS 'MODULE_PATHNAME', 'screissue_check_card_id';
COMMENT ON FUNCTION card_issuer.check_card_id(screissue.card_id, integer) IS
    'check a card id by the rule of its platform';

-- Raises 22023 for an end of validity in the past.
CREATE FUNCTION card_issuer.check_valid_until(valid_until date)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF valid_until < today() THEN
        RAISE EXCEPTION 'card would be valid until %, which is past',
            valid_until
            USING ERRCODE = '22023';
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.check_valid_until(date) IS
    'check an end of validity';

-- Stores a new card.  Returns false, and stores nothing, if the id was ever
-- issued (E6).
CREATE FUNCTION card_issuer.store_card(
    card screissue.card_id,
    platform_type integer,
    holder_id text,
    valid_until date,
    printed_number text,
    activate boolean,
    replaces screissue.card_id)
    RETURNS boolean
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('activate', activate IS NOT NULL);
    PERFORM card_issuer.check_card_id(card, platform_type);
    IF valid_until IS NOT NULL THEN
        PERFORM card_issuer.check_valid_until(valid_until);
    END IF;
    INSERT INTO card_issuer.card
           (card_id, platform_type, holder_id, status, valid_until, issued_at,
            printed_number, replaces)
    VALUES (card, platform_type, holder_id,
            CASE WHEN activate THEN 'active'::card_status
                 ELSE 'produced'::card_status END,
            valid_until, now(), printed_number, store_card.replaces)
        ON CONFLICT ON CONSTRAINT card_pkey DO NOTHING;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION card_issuer.store_card(
    screissue.card_id, integer, text, date, text, boolean, screissue.card_id) IS
    'store a new card';

CREATE FUNCTION card_issuer.raise_card_exists(card screissue.card_id)
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'card "%" was issued before', mask(card)
        USING ERRCODE = '23505',
              HINT = 'A card id is never used again.';
END
$$;
COMMENT ON FUNCTION card_issuer.raise_card_exists(screissue.card_id) IS
    'error 23505 for a card id';

-- First issue of a card; not activated, it is produced and waits for
-- activate_card.  A holder not yet known gets a row.
-- Errors: 23505 id issued before; SR010 id fails the platform's check; 22023.
CREATE FUNCTION card_issuer.issue_card(
    card screissue.card_id,
    platform_type integer DEFAULT 999,
    holder_id text DEFAULT NULL,
    valid_until date DEFAULT NULL,
    printed_number text DEFAULT NULL,
    activate boolean DEFAULT true)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('card', issue_card.card IS NOT NULL);
    PERFORM screissue.require('platform_type',
                              issue_card.platform_type IS NOT NULL);
    IF issue_card.holder_id IS NOT NULL THEN
        INSERT INTO card_issuer.holder (holder_id)
        VALUES (issue_card.holder_id)
            ON CONFLICT ON CONSTRAINT holder_pkey DO NOTHING;
    END IF;
    IF NOT card_issuer.store_card(issue_card.card, issue_card.platform_type,
               issue_card.holder_id, issue_card.valid_until,
               issue_card.printed_number, issue_card.activate, NULL) THEN
        PERFORM card_issuer.raise_card_exists(issue_card.card);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.issue_card(
    screissue.card_id, integer, text, date, text, boolean) IS
    'issue a card (R3)';

-- The produced card is handed over.  Repeatable.
-- Errors: SR004 unknown card; SR005 its status forbids it.
CREATE FUNCTION card_issuer.activate_card(card screissue.card_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    row_of_card record;
BEGIN
    PERFORM card_issuer.own_company();
    row_of_card := card_issuer.lock_card(activate_card.card);
    IF row_of_card.status = 'active' THEN
        RETURN;
    ELSIF row_of_card.status <> 'produced' THEN
        PERFORM card_issuer.raise_card_status(
            activate_card.card, row_of_card.status, 'activated');
    END IF;
    PERFORM card_issuer.require_card_move(
        activate_card.card, row_of_card.status, 'active');
    UPDATE card_issuer.card c SET status = 'active'
     WHERE c.card_id = activate_card.card;
END
$$;
COMMENT ON FUNCTION card_issuer.activate_card(screissue.card_id) IS
    'activate a card that was produced';

-- Blocks a card: suspended, lost, stolen or damaged (E8).  A blocked card may
-- change from one of these to another.  An old card that overlaps with the one
-- that replaced it works no more from now on (E7); should the reissue be
-- withdrawn, it is blocked.  Repeatable.
-- Errors: SR004 unknown card; SR005 its status forbids it; 22023.
CREATE FUNCTION card_issuer.block_card(
    card screissue.card_id,
    status screissue.card_status)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    row_of_card record;
BEGIN
    PERFORM card_issuer.own_company();
    IF NOT card_issuer.is_blocked(block_card.status) THEN
        RAISE EXCEPTION 'card cannot be blocked as "%"', block_card.status
            USING ERRCODE = '22023',
                  HINT = 'The status is suspended, lost, stolen or damaged.';
    END IF;
    row_of_card := card_issuer.lock_card(block_card.card);
    IF row_of_card.overlap_until > now() THEN
        PERFORM card_issuer.end_overlap(
            block_card.card, row_of_card.replaced_by, block_card.status);
    ELSIF row_of_card.status = 'replaced' THEN
        IF (card_issuer.status_before_reissue(
                block_card.card, row_of_card.replaced_by)
            = block_card.status) IS NOT TRUE THEN
            PERFORM card_issuer.raise_card_status(
                block_card.card, row_of_card.status, block_card.status::text);
        END IF;
    ELSIF row_of_card.status <> block_card.status THEN
        PERFORM card_issuer.require_card_move(
            block_card.card, row_of_card.status, block_card.status);
        UPDATE card_issuer.card c
           SET status = block_card.status,
               former_status = CASE WHEN card_issuer.is_blocked(c.status)
                                    THEN c.former_status ELSE c.status END
         WHERE c.card_id = block_card.card;
    END IF;
END
$$;
COMMENT ON FUNCTION
    card_issuer.block_card(screissue.card_id, screissue.card_status) IS
    'block a card';

-- Is this one of the statuses of a blocked card, which unblock_card ends?
CREATE FUNCTION card_issuer.is_blocked(status screissue.card_status)
    RETURNS boolean
    LANGUAGE sql
    IMMUTABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT coalesce(
        is_blocked.status IN ('suspended', 'lost', 'stolen', 'damaged'), false)
$$;
COMMENT ON FUNCTION card_issuer.is_blocked(screissue.card_status) IS
    'true for the statuses of a blocked card';

-- Gives a blocked card the status it had before (E8).  Repeatable.  A card
-- that was replaced meanwhile does not come back.
-- Errors: SR004 unknown card; SR005 its status forbids it.
CREATE FUNCTION card_issuer.unblock_card(card screissue.card_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    row_of_card record;
BEGIN
    PERFORM card_issuer.own_company();
    row_of_card := card_issuer.lock_card(unblock_card.card);
    IF row_of_card.status IN ('produced', 'active') THEN
        RETURN;
    ELSIF NOT card_issuer.is_blocked(row_of_card.status) THEN
        PERFORM card_issuer.raise_card_status(
            unblock_card.card, row_of_card.status,
            coalesce(row_of_card.former_status, 'active')::text);
    END IF;
    PERFORM card_issuer.require_card_move(
        unblock_card.card, row_of_card.status, row_of_card.former_status);
    UPDATE card_issuer.card c
       SET status = c.former_status,
           former_status = NULL
     WHERE c.card_id = unblock_card.card;
END
$$;
COMMENT ON FUNCTION card_issuer.unblock_card(screissue.card_id) IS
    'unblock a card';

-- Entitlements: what a reissued card inherits (claim 3)

-- Reason of the reissue that made one card stand for another, as text.
CREATE FUNCTION card_issuer.reissue_reason(
    old_card screissue.card_id,
    new_card screissue.card_id)
    RETURNS text
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT r.reason::text
      FROM card_issuer.reissue_request r
     WHERE r.old_card_id = old_card
       AND r.new_card_id = new_card
$$;
COMMENT ON FUNCTION
    card_issuer.reissue_reason(screissue.card_id, screissue.card_id) IS
    'reason of a reissue';

-- The card that stands for this one: its replacement, or, when this one was a
-- reissued card whose reissue was withdrawn, the old card again.
CREATE FUNCTION card_issuer.successor(card screissue.card_id)
    RETURNS screissue.card_id
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT CASE WHEN c.status = 'revoked' THEN c.replaces
                ELSE c.replaced_by END
      FROM card_issuer.card c
     WHERE c.card_id = card
$$;
COMMENT ON FUNCTION card_issuer.successor(screissue.card_id) IS
    'card that stands for a card';

-- Locks a card and the cards that stand for it, up to the newest of the chain,
-- and returns the latter.  Empty: the card stands for itself.
-- Errors: SR004 unknown card; 54000 chain too long.
CREATE FUNCTION card_issuer.lock_chain(card screissue.card_id)
    RETURNS screissue.card_id[]
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    heirs screissue.card_id[] := '{}'::screissue.card_id[];
    next_card screissue.card_id := card;
BEGIN
    LOOP
        PERFORM card_issuer.lock_card(next_card);
        next_card := card_issuer.successor(next_card);
        EXIT WHEN next_card IS NULL;
        heirs := heirs || next_card;
        PERFORM card_issuer.check_lineage_length(cardinality(heirs));
    END LOOP;
    RETURN heirs;
END
$$;
COMMENT ON FUNCTION card_issuer.lock_chain(screissue.card_id) IS
    'cards that stand for a card, locked with it';

-- A notice about what a card inherits, or (withdrawal) does not any more.  The
-- old card is named if it is the one that this card was issued for: a withdrawal
-- says that it has its load back, so not one of which nobody is to know that, and
-- NULL is given where it has not, the load having been removed.  A card that was
-- handed back what it loses now had that from a card that is withdrawn, which does
-- not get it again.
CREATE FUNCTION card_issuer.draft(
    kind text,
    new_card screissue.card_id,
    old_card screissue.card_id,
    app screissue.app_id,
    message screissue.message_id)
    RETURNS card_issuer.draft_notice
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT ROW(a.provider, kind, n.platform_type, n.card_id, o.card_id,
               o.platform_type, app, message,
               card_issuer.reissue_reason(o.card_id, n.card_id)
              )::card_issuer.draft_notice
      FROM card_issuer.application a
     CROSS JOIN card_issuer.card n
      LEFT JOIN card_issuer.card o
        ON o.card_id = old_card
       AND o.card_id = n.replaces
       AND (kind <> 'withdrawal' OR NOT card_issuer.is_opted_out(old_card, app))
     WHERE a.app_id = app
       AND n.card_id = new_card
$$;
COMMENT ON FUNCTION card_issuer.draft(
    text, screissue.card_id, screissue.card_id, screissue.app_id,
    screissue.message_id) IS
    'draft of a notice';

-- The notice that tells what a card inherits: a reissue, or, where it got its
-- place back from a card whose reissue was withdrawn, that withdrawal.
CREATE FUNCTION card_issuer.draft_inherited(
    card screissue.card_id,
    old_card screissue.card_id,
    app screissue.app_id,
    message screissue.message_id)
    RETURNS card_issuer.draft_notice
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT CASE WHEN card_issuer.predecessor(card) = old_card
           THEN card_issuer.draft('reissue', card, old_card, app, message)
           ELSE card_issuer.draft('withdrawal', old_card, card, app, message)
           END
$$;
COMMENT ON FUNCTION card_issuer.draft_inherited(
    screissue.card_id, screissue.card_id, screissue.app_id,
    screissue.message_id) IS
    'draft of the notice that tells what a card inherits';

-- Notices that tell what a card may reload where that is not what its provider
-- was last told; nothing about told_apps, of which others are to be written.
CREATE FUNCTION card_issuer.draft_untold(
    card screissue.card_id,
    told_apps screissue.app_id[])
    RETURNS card_issuer.draft_notice[]
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT ARRAY(
        SELECT card_issuer.draft_inherited(card, e.old_card_id, e.app_id,
                                           e.message_id)
          FROM card_issuer.entitlement e
          JOIN card_issuer.application a ON a.app_id = e.app_id
         WHERE e.card_id = card
           AND e.used_at IS NULL
           AND e.withdrawn_at IS NULL
           AND e.opted_out_at IS NULL
           AND e.app_id <> ALL (told_apps)
           AND ((SELECT w.message_id
                   FROM card_issuer.words(a.provider, card, e.app_id) w
                  LIMIT 1) = e.message_id::text) IS NOT TRUE
         ORDER BY e.app_id)
$$;
COMMENT ON FUNCTION
    card_issuer.draft_untold(screissue.card_id, screissue.app_id[]) IS
    'drafts of the notices that tell what a card inherits and nobody knows';

-- Is there a card in this one's place that notices can be about?  A withdrawn
-- one's old card is in its place again.
CREATE FUNCTION card_issuer.has_readable_replacement(card screissue.card_id)
    RETURNS boolean
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT EXISTS (SELECT
                     FROM card_issuer.card c
                     LEFT JOIN card_issuer.card n ON n.card_id = c.replaced_by
                    WHERE c.card_id = card
                      AND (c.status = 'revoked'
                           OR screissue.method_of(n.platform_type) = 1))
$$;
COMMENT ON FUNCTION
    card_issuer.has_readable_replacement(screissue.card_id) IS
    'true if notices can be about the card in place of a card';

-- A load turned out to be on a card that others stand for by now (the
-- confirmation came after the reissue): they inherit it, in place of what they
-- inherited before, and the provider gets a notice about the newest: that it
-- inherits, or, after a withdrawal, that the load is handed back; and one about a
-- card whose replacement has an id that only we can read: should that reissue be
-- withdrawn, there is no other.  One that is revoked passes it on, and is entitled to
-- nothing.  Where the application has a history of its own on one of them it goes no
-- further: the late load is superseded (E2, E3).
-- heirs: as lock_chain returned them.
CREATE FUNCTION card_issuer.pass_on_late_load(
    card screissue.card_id,
    heirs screissue.card_id[],
    app screissue.app_id,
    message screissue.message_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    old_card screissue.card_id := card;
    heir screissue.card_id;
    hops integer := 0;
    drafts card_issuer.draft_notice[] := '{}'::card_issuer.draft_notice[];
BEGIN
    FOREACH heir IN ARRAY heirs LOOP
        hops := hops + 1;
        IF card_issuer.has_history(heir, old_card, app) THEN
            PERFORM card_issuer.supersede_load(message);
            RETURN;
        END IF;
        IF EXISTS (SELECT FROM card_issuer.card c
                    WHERE c.card_id = heir
                      AND c.status <> 'revoked') THEN
            PERFORM card_issuer.entitle(heir, app, message, old_card, hops);
            IF NOT card_issuer.has_readable_replacement(heir)
               AND NOT card_issuer.is_opted_out(heir, app) THEN
                drafts := drafts || card_issuer.draft_inherited(
                    heir, old_card, app, message);
            END IF;
        END IF;
        old_card := heir;
    END LOOP;
    PERFORM card_issuer.write_notices(drafts);
END
$$;
COMMENT ON FUNCTION card_issuer.pass_on_late_load(
    screissue.card_id, screissue.card_id[], screissue.app_id,
    screissue.message_id) IS
    'let the cards that replaced a card inherit a load confirmed late';

-- Has the application been on a card, so that nothing older may be inherited
-- there?  For a card that got its place back from the other (old_card is one
-- whose reissue was withdrawn) only counts what is there now.
CREATE FUNCTION card_issuer.has_history(
    card screissue.card_id,
    old_card screissue.card_id,
    app screissue.app_id)
    RETURNS boolean
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT EXISTS (SELECT
                     FROM card_issuer.app_load l
                    WHERE l.card_id = card
                      AND l.app_id = app
                      AND (l.status = 'loaded'
                           OR (l.loaded_at IS NOT NULL
                               AND card_issuer.predecessor(card) = old_card)))
$$;
COMMENT ON FUNCTION card_issuer.has_history(
    screissue.card_id, screissue.card_id, screissue.app_id) IS
    'true if nothing older may be inherited';

-- Entitles a card to a load, in place of what it could have reloaded before: a
-- load whose place that was is superseded.  Nobody is to know it where the holder
-- has opted out.
CREATE FUNCTION card_issuer.entitle(
    card screissue.card_id,
    app screissue.app_id,
    message screissue.message_id,
    old_card screissue.card_id,
    hops integer)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    opted_out CONSTANT boolean := card_issuer.is_opted_out(card, app);
    former CONSTANT screissue.message_id := (
        SELECT e.message_id
          FROM card_issuer.entitlement e
         WHERE e.card_id = card
           AND e.app_id = app
           AND e.used_at IS NULL
           AND e.withdrawn_at IS NULL);
BEGIN
    IF former <> message THEN
        PERFORM card_issuer.supersede_load(former);
    END IF;
    INSERT INTO card_issuer.entitlement
           (card_id, app_id, message_id, old_card_id, hops, granted_at,
            opted_out_at)
    VALUES (card, app, message, old_card, entitle.hops, now(),
            CASE WHEN opted_out THEN now() END)
        ON CONFLICT ON CONSTRAINT entitlement_pkey DO UPDATE
       SET message_id = excluded.message_id,
           old_card_id = excluded.old_card_id,
           hops = excluded.hops,
           granted_at = excluded.granted_at,
           used_at = NULL,
           withdrawn_at = NULL,
           opted_out_at = excluded.opted_out_at;
    PERFORM card_issuer.readdress_permission(
        card, app, CASE WHEN NOT opted_out THEN message END);
END
$$;
COMMENT ON FUNCTION card_issuer.entitle(
    screissue.card_id, screissue.app_id, screissue.message_id,
    screissue.card_id, integer) IS
    'entitle a card to a load';

-- Ends the unused entitlement of a card to a load and returns its message id;
-- NULL if there is none.
CREATE FUNCTION card_issuer.disentitle(
    card screissue.card_id,
    app screissue.app_id)
    RETURNS screissue.message_id
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    message screissue.message_id;
BEGIN
    UPDATE card_issuer.entitlement e SET withdrawn_at = now()
     WHERE e.card_id = card
       AND e.app_id = app
       AND e.used_at IS NULL
       AND e.withdrawn_at IS NULL
    RETURNING e.message_id INTO message;
    IF FOUND THEN
        PERFORM card_issuer.readdress_permission(card, app, NULL);
    END IF;
    RETURN message;
END
$$;
COMMENT ON FUNCTION
    card_issuer.disentitle(screissue.card_id, screissue.app_id) IS
    'end the unused entitlement of a card';

-- A permission still outstanding inherits what its card is entitled to now;
-- its id and its price stay.
CREATE FUNCTION card_issuer.readdress_permission(
    card screissue.card_id,
    app screissue.app_id,
    message screissue.message_id)
    RETURNS void
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    UPDATE card_issuer.app_load l SET inherits = message
     WHERE l.card_id = card
       AND l.app_id = app
       AND l.status = 'permitted'
$$;
COMMENT ON FUNCTION card_issuer.readdress_permission(
    screissue.card_id, screissue.app_id, screissue.message_id) IS
    'let an outstanding permission inherit what its card does';

-- A load on a replaced card was removed: no card may inherit it any more
-- (E3).  The provider gets a withdrawal for each card that it was told of, the
-- newest card first; none of them has the load back.  heirs: as lock_chain
-- returned them.
CREATE FUNCTION card_issuer.withdraw_inheritance(
    heirs screissue.card_id[],
    app screissue.app_id,
    message screissue.message_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    entitled CONSTANT screissue.card_id[] := ARRAY(
        SELECT e.card_id
          FROM unnest(heirs) WITH ORDINALITY h (card_id, hop)
          JOIN card_issuer.entitlement e ON e.card_id = h.card_id
         WHERE e.app_id = app
           AND e.message_id = message
           AND e.used_at IS NULL
           AND e.withdrawn_at IS NULL
         ORDER BY h.hop DESC);
    heir screissue.card_id;
    drafts card_issuer.draft_notice[] := '{}'::card_issuer.draft_notice[];
BEGIN
    FOREACH heir IN ARRAY entitled LOOP
        PERFORM card_issuer.disentitle(heir, app);
        CONTINUE WHEN card_issuer.is_opted_out(heir, app);
        drafts := drafts || card_issuer.draft('withdrawal', heir, NULL, app,
            message);
    END LOOP;
    PERFORM card_issuer.write_notices(drafts);
END
$$;
COMMENT ON FUNCTION card_issuer.withdraw_inheritance(
    screissue.card_id[], screissue.app_id, screissue.message_id) IS
    'withdraw the entitlements to a load that was removed';

-- Keys that card attributes are encrypted for
--
-- The private part is a file in screissue.key_directory and nowhere else; the
-- public part is on record here and may be given to whoever makes cards.

-- Public part of the key in <key_id>.pem: SubjectPublicKeyInfo in DER.
-- Errors: SR011 no such file, not the owner's alone, or not a key for the
-- scheme; 22023 unknown scheme.
CREATE FUNCTION card_issuer.read_public_key(key_id integer, scheme text)
    RETURNS bytea
    LANGUAGE c
    VOLATILE STRICT
    AS 'MODULE_PATHNAME', 'screissue_read_public_key';
COMMENT ON FUNCTION card_issuer.read_public_key(integer, text) IS
    'public part of the key in a key file';

-- What a card makes of a plaintext.  Errors: SR011, 22023.
CREATE FUNCTION card_issuer.encrypt_attribute(
    key_id integer,
    scheme text,
    public_key bytea,
    plaintext bytea)
    RETURNS screissue.card_attribute
    LANGUAGE c
    VOLATILE STRICT
    AS 'MODULE_PATHNAME', 'screissue_encrypt_attribute';
COMMENT ON FUNCTION
    card_issuer.encrypt_attribute(integer, text, bytea, bytea) IS
    'encryption of a card attribute';

CREATE FUNCTION card_issuer.draw_secret()
    RETURNS text
    LANGUAGE c
    VOLATILE
    AS 'MODULE_PATHNAME', 'screissue_draw_secret';
COMMENT ON FUNCTION card_issuer.draw_secret() IS
    'new secret for a card: 22 random characters, 132 bits';

-- Registers the key in <key_id>.pem, for one scheme and for good: cards that
-- store an attribute name it for ten years and more (E40).  Repeatable.
-- Errors: 22023 key id not 0 to 255, unknown scheme; SR011 the file cannot be
-- used; SR009 the id is another key's, or its key is retired or revoked.
CREATE FUNCTION card_issuer.register_key(key_id integer, scheme text)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    public_part bytea;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('key_id', register_key.key_id IS NOT NULL);
    PERFORM screissue.require('scheme', register_key.scheme IS NOT NULL);
    IF register_key.key_id NOT BETWEEN 0 AND 255 THEN
        RAISE EXCEPTION 'key id % is not between 0 and 255',
            register_key.key_id
            USING ERRCODE = '22023';
    END IF;
    public_part := card_issuer.read_public_key(
        register_key.key_id, register_key.scheme);

    INSERT INTO card_issuer.encryption_key
           (key_id, scheme, public_key, registered_at)
    VALUES (register_key.key_id, register_key.scheme, public_part, now())
        ON CONFLICT ON CONSTRAINT encryption_key_pkey DO NOTHING;
    IF FOUND OR EXISTS
           (SELECT FROM card_issuer.encryption_key k
             WHERE k.key_id = register_key.key_id
               AND k.scheme = register_key.scheme
               AND k.public_key = public_part
               AND k.retired_at IS NULL
               AND k.revoked_at IS NULL) THEN
        RETURN;
    END IF;
    RAISE EXCEPTION 'key id % is on record already', register_key.key_id
        USING ERRCODE = 'SR009',
              DETAIL = 'It is another key''s, or its key is retired or revoked.',
              HINT = 'Give the key an id that was never used.';
END
$$;
COMMENT ON FUNCTION card_issuer.register_key(integer, text) IS
    'register a key that card attributes are encrypted for';

CREATE FUNCTION card_issuer.raise_unknown_key(key_id integer)
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('key_id', raise_unknown_key.key_id IS NOT NULL);
    RAISE EXCEPTION 'key % is not registered', raise_unknown_key.key_id
        USING ERRCODE = 'SR011',
              HINT = 'Register it with card_issuer.register_key.';
END
$$;
COMMENT ON FUNCTION card_issuer.raise_unknown_key(integer) IS
    'error SR011 for a key id';

-- No more cards are personalized for this key; what is encrypted for it can
-- still be read.  Repeatable.  Errors: SR011 unknown.
CREATE FUNCTION card_issuer.retire_key(key_id integer)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    UPDATE card_issuer.encryption_key k
       SET retired_at = coalesce(k.retired_at, now())
     WHERE k.key_id = retire_key.key_id;
    IF NOT FOUND THEN
        PERFORM card_issuer.raise_unknown_key(retire_key.key_id);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.retire_key(integer) IS
    'personalize no more cards for a key';

-- What is encrypted for this key is not believed any more: every inquiry with
-- it gets the negative reply.  For good.  Repeatable.  Errors: SR011 unknown.
CREATE FUNCTION card_issuer.revoke_key(key_id integer)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    UPDATE card_issuer.encryption_key k
       SET revoked_at = coalesce(k.revoked_at, now())
     WHERE k.key_id = revoke_key.key_id;
    IF NOT FOUND THEN
        PERFORM card_issuer.raise_unknown_key(revoke_key.key_id);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.revoke_key(integer) IS
    'believe nothing that was encrypted for a key';

-- R32: draws a secret for the card, and keeps its digest only.  attribute is
-- for cards that store one and give it as it is; secret is for cards that
-- encrypt CARD_ID/SECRET afresh each time, for this key.  Called again, the
-- card answers to the new secret and key only.  The settings keep the secret
-- out of debug_print_plan and auto_explain.
-- Errors: SR004 unknown card; SR005 neither produced nor active; SR011 the
-- key is unknown, retired or revoked.
CREATE FUNCTION card_issuer.personalize_card(
    card screissue.card_id,
    key_id integer,
    OUT attribute screissue.card_attribute,
    OUT secret text)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET auto_explain.log_nested_statements = off
AS $$
DECLARE
    key record;
    row_of_card record;
BEGIN
    PERFORM card_issuer.own_company();
    SELECT k.scheme, k.public_key, k.retired_at, k.revoked_at INTO key
      FROM card_issuer.encryption_key k
     WHERE k.key_id = personalize_card.key_id
       FOR SHARE;
    IF NOT FOUND THEN
        PERFORM card_issuer.raise_unknown_key(personalize_card.key_id);
    ELSIF num_nonnulls(key.retired_at, key.revoked_at) > 0 THEN
        RAISE EXCEPTION 'key % is retired or revoked', personalize_card.key_id
            USING ERRCODE = 'SR011',
                  HINT = 'Personalize the card with a key that is in use.';
    END IF;
    row_of_card := card_issuer.lock_card(personalize_card.card);
    IF row_of_card.status NOT IN ('produced', 'active') THEN
        PERFORM card_issuer.raise_card_status(
            personalize_card.card, row_of_card.status, 'personalized');
    END IF;

    personalize_card.secret := card_issuer.draw_secret();
    personalize_card.attribute := card_issuer.encrypt_attribute(
        personalize_card.key_id, key.scheme, key.public_key,
        convert_to(personalize_card.card::text || '/'
                   || personalize_card.secret, 'UTF8'));
    UPDATE card_issuer.card c
       SET attribute_key_id = personalize_card.key_id,
           secret_sha256 = sha256(convert_to(personalize_card.secret, 'UTF8'))
     WHERE c.card_id = personalize_card.card;
END
$$;
COMMENT ON FUNCTION
    card_issuer.personalize_card(screissue.card_id, integer) IS
    'secret and fixed attribute for a card (step 804)';

-- Inquiries by card attribute (method 2: Fig. 10, Fig. 15, Fig. 16)

-- Fig. 10, steps 1001-1005: is the card that gave this attribute a reissued
-- one, and which loading permission did it inherit for this application?  The
-- same id every time.  printed_number: what stands on the card, if it was
-- looked at (R33).  Every negative answer is the same row: 200, false, NULL;
-- its cause is in card_issuer.inquiry and in the server log.  Decrypts once.
-- VOLATILE, so that no plan ever has a value of it.
-- Errors: SR001; 22023; 42501 if the caller is neither a provider's role nor
-- an operator; SR011 the file of a registered key cannot be used; 53400 too
-- many inquiries; 25006.
CREATE FUNCTION card_issuer.inquire(
    attribute screissue.card_attribute,
    app screissue.app_id,
    printed_number text DEFAULT NULL,
    OUT platform_type integer,
    OUT reissued boolean,
    OUT message_id screissue.message_id)
    LANGUAGE c
    VOLATILE
    COST 100
    AS 'MODULE_PATHNAME', 'screissue_inquire';
COMMENT ON FUNCTION
    card_issuer.inquire(screissue.card_attribute, screissue.app_id, text) IS
    'reply to an inquiry by card attribute (Fig. 10, Fig. 15)';

-- Inquiries remember rows of self, application, provider and encryption_key
-- from one to the next: a change of these tables makes every session forget
-- them.
CREATE FUNCTION card_issuer.registry_changed()
    RETURNS trigger
    LANGUAGE c
    VOLATILE
    AS 'MODULE_PATHNAME', 'screissue_registry_changed';
COMMENT ON FUNCTION card_issuer.registry_changed() IS
    'trigger that makes sessions forget what they remember of a table';

-- Puts the triggers on these tables; for setup().  FOR EACH ROW, since the
-- worker of a subscription fires no others.
CREATE FUNCTION card_issuer.create_registry_triggers()
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    registry_table text;
BEGIN
    FOREACH registry_table IN ARRAY
        '{self, provider, application, encryption_key}'::text[]
    LOOP
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER registry_changed'
            ' AFTER INSERT OR UPDATE OR DELETE ON card_issuer.%I'
            ' FOR EACH ROW EXECUTE FUNCTION card_issuer.registry_changed()',
            registry_table);
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER registry_truncated'
            ' AFTER TRUNCATE ON card_issuer.%I'
            ' FOR EACH STATEMENT'
            ' EXECUTE FUNCTION card_issuer.registry_changed()',
            registry_table);
    END LOOP;
END
$$;
COMMENT ON FUNCTION card_issuer.create_registry_triggers() IS
    'triggers on the tables that inquiries remember, for setup()';

-- In a serializable transaction pg_locks shows to everybody which rows were
-- read.  Called before a provider's call reads rows that it must not know of;
-- there, the card tables are locked as a whole for reading.
CREATE FUNCTION card_issuer.cover_reads()
    RETURNS void
    LANGUAGE c
    STABLE
    AS 'MODULE_PATHNAME', 'screissue_cover_reads';
COMMENT ON FUNCTION card_issuer.cover_reads() IS
    'keep pg_locks from showing which rows a provider''s call reads';

-- The card id in an attribute, for operators, who are told what is wrong.
-- Errors: SR011 unknown or revoked key, or its file cannot be used; SR012 not
-- decryptable.
CREATE FUNCTION card_issuer.decrypt_attribute(
    attribute screissue.card_attribute)
    RETURNS screissue.card_id
    LANGUAGE c
    VOLATILE
    COST 100
    AS 'MODULE_PATHNAME', 'screissue_decrypt_attribute';
COMMENT ON FUNCTION
    card_issuer.decrypt_attribute(screissue.card_attribute) IS
    'card id in a card attribute';

-- What a card attribute says, and why it is not to be believed: cause, in the
-- words of card_issuer.inquiry, NULL = it is.
CREATE TYPE card_issuer.opened_attribute AS (
    card screissue.card_id,
    cause text,
    key_id integer,
    secret_sha256 bytea);
COMMENT ON TYPE card_issuer.opened_attribute IS
    'card attribute that was decrypted';

CREATE FUNCTION card_issuer.open_attribute(
    attribute screissue.card_attribute)
    RETURNS card_issuer.opened_attribute
    LANGUAGE c
    VOLATILE STRICT
    COST 100
    AS 'MODULE_PATHNAME', 'screissue_open_attribute';
COMMENT ON FUNCTION
    card_issuer.open_attribute(screissue.card_attribute) IS
    'card that gave an attribute';

-- The number of an inquiry, which no rollback gives back; 0 = it is not to be
-- written (screissue.audit_inquiries, or a standby).  Errors: 25006.
CREATE FUNCTION card_issuer.begin_inquiry(provider screissue.company_id)
    RETURNS bigint
    LANGUAGE c
    VOLATILE STRICT
    AS 'MODULE_PATHNAME', 'screissue_begin_inquiry';
COMMENT ON FUNCTION card_issuer.begin_inquiry(screissue.company_id) IS
    'number of an inquiry that begins';

-- Keeps what was asked by attribute: in card_issuer.inquiry, if it has a
-- number, and in the server log, as screissue.log_inquiries has it.
CREATE FUNCTION card_issuer.record_inquiry(
    inquiry_no bigint,
    provider screissue.company_id,
    app screissue.app_id,
    attribute screissue.card_attribute,
    card screissue.card_id,
    message screissue.message_id,
    cause text,
    permission screissue.message_id)
    RETURNS void
    LANGUAGE c
    VOLATILE
    AS 'MODULE_PATHNAME', 'screissue_record_inquiry';
COMMENT ON FUNCTION card_issuer.record_inquiry(
    bigint, screissue.company_id, screissue.app_id, screissue.card_attribute,
    screissue.card_id, screissue.message_id, text, screissue.message_id) IS
    'record of an inquiry (Fig. 16)';

-- In whose name does somebody ask about an application of this provider, NULL =
-- an unknown application?  An operator asks for that provider, or for the
-- issuer if there is none; a provider for itself.
-- Errors: 42501 neither of them; 53400 the provider has reached its limit.
CREATE FUNCTION card_issuer.asking_party(provider screissue.company_id)
    RETURNS screissue.company_id
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    caller CONSTANT name := calling_role();
    party screissue.company_id;
BEGIN
    IF card_issuer.is_operator(caller) THEN
        RETURN coalesce(asking_party.provider, card_issuer.own_company());
    END IF;
    SELECT p.provider INTO party
      FROM card_issuer.provider p
      JOIN pg_roles r ON r.rolname = p.role_name
     WHERE pg_has_role(caller, r.oid, 'USAGE')
     ORDER BY (p.provider = asking_party.provider) IS NOT TRUE, p.provider
     LIMIT 1;
    IF NOT FOUND THEN
        PERFORM card_issuer.require_party(caller);
    END IF;
    PERFORM card_issuer.check_inquiry_limit(party);
    RETURN party;
END
$$;
COMMENT ON FUNCTION card_issuer.asking_party(screissue.company_id) IS
    'company for which an inquiry is made';

-- Raises 53400 if the provider has made as many inquiries within an hour as it
-- may.  Those count that it rolled back, too: the time of such an inquiry is
-- that of the next one on record, or, if there is none, now.
CREATE FUNCTION card_issuer.check_inquiry_limit(
    provider screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    made CONSTANT bigint :=
        card_issuer.inquiries_made(check_inquiry_limit.provider);
    allowed record;
    oldest timestamp with time zone;
BEGIN
    SELECT p.inquiry_limit, p.inquiry_limit_from INTO STRICT allowed
      FROM card_issuer.provider p
     WHERE p.provider = check_inquiry_limit.provider;
    IF (made - allowed.inquiry_limit_from >= allowed.inquiry_limit) IS NOT TRUE
    THEN
        RETURN;
    END IF;
    SELECT i.asked_at INTO oldest
      FROM card_issuer.inquiry i
     WHERE i.provider = check_inquiry_limit.provider
       AND i.inquiry_no > made - allowed.inquiry_limit
     ORDER BY i.inquiry_no
     LIMIT 1;
    IF (oldest <= now() - interval '1 hour') IS NOT TRUE THEN
        RAISE EXCEPTION 'provider "%" has made % inquiries within an hour',
            check_inquiry_limit.provider, allowed.inquiry_limit
            USING ERRCODE = '53400',
                  HINT = 'Wait, or ask the card issuer for a higher limit.';
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.check_inquiry_limit(screissue.company_id) IS
    'check that a provider may make an inquiry';

-- How many inquiries a provider may make within an hour, by its own role and
-- permit_load by attribute included (E44, E45); NULL = any number.  Inquiries
-- count from this call on.
-- Errors: SR002 unknown; 22023.
CREATE FUNCTION card_issuer.set_inquiry_limit(
    provider screissue.company_id,
    per_hour integer)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.require_provider(set_inquiry_limit.provider);
    IF set_inquiry_limit.per_hour < 1 THEN
        RAISE EXCEPTION 'inquiry limit % is not positive',
            set_inquiry_limit.per_hour
            USING ERRCODE = '22023',
                  HINT = 'To stop all inquiries use card_issuer.suspend_provider.';
    END IF;
    UPDATE card_issuer.provider p
       SET inquiry_limit = set_inquiry_limit.per_hour,
           inquiry_limit_from = card_issuer.inquiries_made(p.provider)
     WHERE p.provider = set_inquiry_limit.provider;
END
$$;
COMMENT ON FUNCTION
    card_issuer.set_inquiry_limit(screissue.company_id, integer) IS
    'limit the inquiries of a provider';

-- The sequence that numbers the inquiries of a company, unless it is there.
CREATE FUNCTION card_issuer.create_inquiry_sequence(
    company screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    sequence CONSTANT text := format(
        'card_issuer.%I', 'inquiry_sequence_' || lower(company::text));
BEGIN
    IF to_regclass(sequence) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE SEQUENCE %s', sequence);
    EXECUTE format('COMMENT ON SEQUENCE %s IS %L', sequence,
                   'inquiry numbers of ' || company::text);
    PERFORM screissue.revoke_relation(sequence::regclass);
END
$$;
COMMENT ON FUNCTION
    card_issuer.create_inquiry_sequence(screissue.company_id) IS
    'make the sequence of a company''s inquiry numbers';

-- How many inquiries a company has made: a rollback gives no number back.
CREATE FUNCTION card_issuer.inquiries_made(company screissue.company_id)
    RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('company', inquiries_made.company IS NOT NULL);
    RETURN coalesce(
        pg_sequence_last_value(to_regclass(format(
            'card_issuer.%I',
            'inquiry_sequence_' || lower(inquiries_made.company::text)))),
        0::bigint);
END
$$;
COMMENT ON FUNCTION card_issuer.inquiries_made(screissue.company_id) IS
    'number of inquiries that a company has made';

-- Loading permissions, and proof of load and unload (R7, R8, R11, R12)
--
-- A card id that an attribute was decrypted to must not show.  So the statements
-- of the calls are planned without values, as debug_print_plan would give them
-- to any caller, and auto_explain passes them over: it prints parameters.

CREATE TYPE card_issuer.loadable_application AS (
    provider screissue.company_id,
    load_file_sha256 bytea,
    examination_mode text,
    max_examination_age interval);
COMMENT ON TYPE card_issuer.loadable_application IS
    'application that may be loaded just now';

-- An application for which its provider may act just now.
-- Errors, in this order: SR003 unknown; 42501 another provider's; SR003
-- withdrawn; SR002 contract not in force.
CREATE FUNCTION card_issuer.require_loadable(app screissue.app_id)
    RETURNS card_issuer.loadable_application
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    application CONSTANT record := card_issuer.get_application(app);
BEGIN
    PERFORM card_issuer.require_acts_for(application.provider);
    IF application.withdrawn THEN
        RAISE EXCEPTION 'application "%" is withdrawn', app
            USING ERRCODE = 'SR003';
    END IF;
    PERFORM card_issuer.require_contract(application.provider);
    RETURN ROW(application.provider, application.load_file_sha256,
               application.examination_mode, application.max_examination_age)
           ::card_issuer.loadable_application;
END
$$;
COMMENT ON FUNCTION card_issuer.require_loadable(screissue.app_id) IS
    'application that may be loaded just now';

-- Locks a card for loading, as lock_card does.  Returns what stands against it:
-- NULL nothing, else unknown_card, printed_number or card_status.  To a
-- provider, who may not name it, a card whose id only the issuer can read is
-- unknown, and is not locked: who guesses ids must not learn by waiting that
-- there is such a card.  opened: the attribute that named the card, judged again
-- by what is on record now, or NULL.
-- produced: the card is not handed over yet, a load now is one at issue (R11).
CREATE FUNCTION card_issuer.lock_card_for_load(
    card screissue.card_id,
    printed_number text,
    may_name_it boolean,
    opened card_issuer.opened_attribute,
    OUT obstacle text,
    OUT produced boolean)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    found_card record;
BEGIN
    UPDATE card_issuer.card c SET status = c.status
     WHERE c.card_id = card
       AND (may_name_it
            OR screissue.method_of(c.platform_type) IS DISTINCT FROM 2)
    RETURNING c.status, c.valid_until, c.overlap_until, c.printed_number,
              c.attribute_key_id, c.secret_sha256
         INTO found_card;
    lock_card_for_load.produced := found_card.status = 'produced';
    lock_card_for_load.obstacle := CASE
        WHEN found_card.status IS NULL THEN 'unknown_card'
        WHEN opened.card IS NOT NULL
             AND found_card.secret_sha256 IS DISTINCT FROM opened.secret_sha256
            THEN 'secret'
        WHEN found_card.attribute_key_id <> opened.key_id
             AND opened.secret_sha256 IS NOT NULL THEN 'other_key'
        WHEN EXISTS (SELECT FROM card_issuer.encryption_key k
                      WHERE k.key_id = opened.key_id
                        AND k.revoked_at IS NOT NULL) THEN 'revoked_key'
        WHEN (lock_card_for_load.printed_number = found_card.printed_number) IS FALSE
            THEN 'printed_number'
        WHEN NOT card_issuer.card_works(
                     CASE WHEN found_card.status = 'produced' THEN 'active'
                          ELSE found_card.status END,
                     found_card.valid_until, found_card.overlap_until)
            THEN 'card_status'
        END;
END
$$;
COMMENT ON FUNCTION
    card_issuer.lock_card_for_load(
        screissue.card_id, text, boolean, card_issuer.opened_attribute) IS
    'lock a card and tell what stands against a load';

-- A loading permission as permit_load answers it; refusal NULL = permitted.
CREATE TYPE card_issuer.permission AS (
    message_id screissue.message_id,
    refusal text,
    inherits screissue.message_id,
    fee numeric,
    currency text,
    examination_substituted boolean);
COMMENT ON TYPE card_issuer.permission IS
    'loading permission, or why there is none';

-- The live load of an application on a card, as a permission: one still
-- outstanding is given again, one that is loaded is refused.  NULL: none.
CREATE FUNCTION card_issuer.live_permission(
    card screissue.card_id,
    app screissue.app_id,
    reload_of screissue.message_id)
    RETURNS card_issuer.permission
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT CASE
           WHEN l.status = 'loaded' THEN
               ROW(l.message_id, 'already_loaded', NULL, NULL, NULL, false)
                   ::card_issuer.permission
           WHEN (reload_of = l.inherits) IS NOT TRUE
                AND reload_of IS NOT NULL THEN
               ROW(NULL, 'not_inherited', NULL, NULL, NULL, false)
                   ::card_issuer.permission
           ELSE ROW(l.message_id, NULL, l.inherits, l.fee, l.currency,
                    x.substitutes IS NOT NULL)::card_issuer.permission
           END
      FROM card_issuer.app_load l
      LEFT JOIN card_issuer.examination x
        ON x.card_id = l.card_id AND x.examination_id = l.examination_id
     WHERE l.card_id = card
       AND l.app_id = app
       AND l.status IN ('permitted', 'loaded')
$$;
COMMENT ON FUNCTION card_issuer.live_permission(
    screissue.card_id, screissue.app_id, screissue.message_id) IS
    'live load of an application on a card';

-- A new loading permission.  An unused entitlement makes it a reload: the old
-- examination is substituted where the application's mode allows it, the
-- price is the reload's, and the message id of the old load is inherited
-- (claims 11, 13).
CREATE FUNCTION card_issuer.new_permission(
    card screissue.card_id,
    app screissue.app_id,
    application card_issuer.loadable_application,
    reload_of screissue.message_id,
    at_issue boolean)
    RETURNS card_issuer.permission
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    permission card_issuer.permission;
    entitled record;
    examination record;
    price record;
BEGIN
    SELECT e.message_id, e.old_card_id INTO entitled
      FROM card_issuer.entitlement e
     WHERE e.card_id = card
       AND e.app_id = app
       AND e.used_at IS NULL
       AND e.withdrawn_at IS NULL
       AND e.opted_out_at IS NULL;
    IF reload_of IS NOT NULL
       AND (reload_of = entitled.message_id) IS NOT TRUE THEN
        permission.refusal := 'not_inherited';
        permission.examination_substituted := false;
        RETURN permission;
    END IF;

    examination := card_issuer.examine_load(
        card, app, application, entitled.message_id);
    permission.examination_substituted := examination.substituted;
    permission.refusal := examination.refusal;
    IF permission.refusal IS NOT NULL THEN
        RETURN permission;
    END IF;

    permission.message_id := card_issuer.next_message_id(application.provider);
    permission.inherits := entitled.message_id;
    price := card_issuer.price_load(app, card, entitled.old_card_id);
    permission.fee := price.amount;
    permission.currency := price.currency;
    INSERT INTO card_issuer.app_load
           (card_id, message_id, app_id, provider, status, inherits,
            examination_id, fee, currency, tariff_kind, tariff_reason,
            at_issue, permitted_at)
    VALUES (card, permission.message_id, app, application.provider,
            'permitted', permission.inherits, examination.examination_id,
            price.amount, price.currency, price.kind, price.reason,
            at_issue, now());
    RETURN permission;
END
$$;
COMMENT ON FUNCTION card_issuer.new_permission(
    screissue.card_id, screissue.app_id, card_issuer.loadable_application,
    screissue.message_id, boolean) IS
    'examine, price and store a loading permission';

-- Examines a load: the examination of the old load again, if the application
-- lets it be substituted and it still can be, else the policy.  refusal: the
-- policy's reason, NULL = approved.
CREATE FUNCTION card_issuer.examine_load(
    card screissue.card_id,
    app screissue.app_id,
    application card_issuer.loadable_application,
    old_load screissue.message_id,
    OUT examination_id bigint,
    OUT substituted boolean,
    OUT refusal text)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    verdict record;
BEGIN
    IF application.examination_mode = 'substitute' AND old_load IS NOT NULL THEN
        examine_load.examination_id := card_issuer.substitute_examination(
            card, old_load, application.max_examination_age);
    END IF;
    examine_load.substituted := examine_load.examination_id IS NOT NULL;
    IF NOT examine_load.substituted THEN
        verdict := card_issuer.examine(card, 'load', jsonb_build_object(
            'application', app::text,
            'provider', application.provider::text,
            'inherits', old_load::text,
            'examination_mode', application.examination_mode));
        examine_load.examination_id := verdict.examination_id;
        IF verdict.approved IS NOT TRUE THEN
            examine_load.refusal := coalesce(verdict.reason, 'examination');
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.examine_load(
    screissue.card_id, screissue.app_id, card_issuer.loadable_application,
    screissue.message_id) IS
    'examine a load or substitute an earlier examination';

-- A message id never used before (R9).  The epoch is in the sequence, which
-- begin_epoch sets, not read from a row that a snapshot may see as it was.
CREATE FUNCTION card_issuer.next_message_id(provider screissue.company_id)
    RETURNS screissue.message_id
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT message_id(s.company_id, next_message_id.provider,
                      nextval('card_issuer.message_sequence'))
      FROM card_issuer.self s
$$;
COMMENT ON FUNCTION card_issuer.next_message_id(screissue.company_id) IS
    'next message id for a provider';

-- Judges a load on a card, which is locked for it.  A permission still
-- outstanding is given again.
CREATE FUNCTION card_issuer.judge_load(
    card screissue.card_id,
    app screissue.app_id,
    application card_issuer.loadable_application,
    load_file_sha256 bytea,
    reload_of screissue.message_id,
    printed_number text,
    may_name_it boolean,
    opened card_issuer.opened_attribute DEFAULT NULL)
    RETURNS card_issuer.permission
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    state CONSTANT record := card_issuer.lock_card_for_load(
        card, printed_number, may_name_it, opened);
    permission card_issuer.permission;
BEGIN
    permission.examination_substituted := false;
    permission.refusal := CASE
        WHEN state.obstacle IS NOT NULL THEN state.obstacle
        WHEN load_file_sha256 <> application.load_file_sha256
            THEN 'load_file'
        END;
    IF permission.refusal IS NOT NULL THEN
        RETURN permission;
    END IF;
    RETURN coalesce(
        card_issuer.live_permission(card, app, reload_of),
        card_issuer.new_permission(card, app, application, reload_of,
                                   state.produced));
END
$$;
COMMENT ON FUNCTION card_issuer.judge_load(
    screissue.card_id, screissue.app_id, card_issuer.loadable_application,
    bytea, screissue.message_id, text, boolean,
    card_issuer.opened_attribute) IS
    'judgement of a load on a card';

-- The same, for the card that gave an attribute.  Kept like an inquiry, since
-- it tells as much; the refusal is the same word, whatever the cause.
CREATE FUNCTION card_issuer.judge_load_by_attribute(
    attribute screissue.card_attribute,
    app screissue.app_id,
    application card_issuer.loadable_application,
    load_file_sha256 bytea,
    reload_of screissue.message_id,
    printed_number text)
    RETURNS card_issuer.permission
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    party CONSTANT screissue.company_id :=
        card_issuer.asking_party(application.provider);
    inquiry_no CONSTANT bigint := card_issuer.begin_inquiry(party);
    opened CONSTANT card_issuer.opened_attribute :=
        card_issuer.open_attribute(attribute);
    permission card_issuer.permission;
BEGIN
    IF opened.cause IS NULL THEN
        permission := card_issuer.judge_load(
            opened.card, app, application, load_file_sha256, reload_of,
            printed_number, true, opened);
    ELSE
        permission.refusal := opened.cause;
    END IF;
    PERFORM card_issuer.record_inquiry(
        inquiry_no, party, app, attribute, opened.card,
        permission.inherits, permission.refusal,
        CASE WHEN permission.refusal IS NULL THEN permission.message_id END);
    IF permission.refusal IS NOT NULL THEN
        RETURN ROW(NULL, 'refused', NULL, NULL, NULL, false)
               ::card_issuer.permission;
    END IF;
    RETURN permission;
END
$$;
COMMENT ON FUNCTION card_issuer.judge_load_by_attribute(
    screissue.card_attribute, screissue.app_id,
    card_issuer.loadable_application, bytea, screissue.message_id, text) IS
    'judgement of a load on the card that gave an attribute';

-- Asks for permission to load an application on a card (R7).  The card is
-- named by its id or by its attribute, exactly one of them.
--
-- An unused entitlement makes it a reload permission: inherits names the old
-- load.  reload_of: only a permission that inherits exactly this load.  A
-- permission still outstanding is returned again, with its price, and inherits
-- what its card is entitled to by now.
--
-- Refusals are data: permitted = false.  By card id, refusal says
-- already_loaded (message_id is that load's), or to a provider just "refused",
-- to an operator the cause: card_status, printed_number, load_file,
-- not_inherited or the policy's text.  By attribute it says "refused" to
-- everybody, and the cause is in card_issuer.inquiry.
--
-- Errors: 22023; SR002 contract not in force; SR003 unknown or withdrawn
-- application; 42501 another provider's; SR004 unknown card id (operators);
-- SR011 the file of the attribute's key cannot be used; 53400 too many
-- inquiries by attribute.
CREATE FUNCTION card_issuer.permit_load(
    app screissue.app_id,
    card screissue.card_id DEFAULT NULL,
    attribute screissue.card_attribute DEFAULT NULL,
    load_file_sha256 bytea DEFAULT NULL,
    reload_of screissue.message_id DEFAULT NULL,
    printed_number text DEFAULT NULL,
    OUT message_id screissue.message_id,
    OUT permitted boolean,
    OUT refusal text,
    OUT inherits screissue.message_id,
    OUT fee numeric,
    OUT currency text,
    OUT examination_substituted boolean)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET auto_explain.log_nested_statements = off
AS $$
DECLARE
    by_operator CONSTANT boolean := card_issuer.is_operator(calling_role());
    application card_issuer.loadable_application;
    permission card_issuer.permission;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('app', permit_load.app IS NOT NULL);
    application := card_issuer.require_loadable(permit_load.app);
    IF num_nonnulls(permit_load.card, permit_load.attribute) <> 1 THEN
        RAISE EXCEPTION 'either "card" or "attribute" must be given'
            USING ERRCODE = '22023';
    END IF;
    IF NOT by_operator THEN
        PERFORM card_issuer.cover_reads();
    END IF;

    IF permit_load.attribute IS NOT NULL THEN
        permission := card_issuer.judge_load_by_attribute(
            permit_load.attribute, permit_load.app, application,
            permit_load.load_file_sha256, permit_load.reload_of,
            permit_load.printed_number);
    ELSE
        permission := card_issuer.judge_load(
            permit_load.card, permit_load.app, application,
            permit_load.load_file_sha256, permit_load.reload_of,
            permit_load.printed_number, by_operator);
        IF by_operator AND permission.refusal = 'unknown_card' THEN
            PERFORM card_issuer.raise_unknown_card(permit_load.card);
        END IF;
    END IF;
    permit_load.message_id := permission.message_id;
    permit_load.permitted := permission.refusal IS NULL;
    permit_load.refusal := CASE
        WHEN by_operator OR permission.refusal = 'already_loaded'
            THEN permission.refusal
        WHEN permission.refusal IS NOT NULL THEN 'refused'
        END;
    permit_load.inherits := permission.inherits;
    permit_load.fee := permission.fee;
    permit_load.currency := permission.currency;
    permit_load.examination_substituted := permission.examination_substituted;
END
$$;
COMMENT ON FUNCTION card_issuer.permit_load(
    screissue.app_id, screissue.card_id, screissue.card_attribute, bytea,
    screissue.message_id, text) IS
    'permission to load an application on a card';

-- The load under a message id, and the rights to speak of it.
-- Errors: SR008 unknown; 42501 another provider's application.
CREATE FUNCTION card_issuer.require_load(
    message screissue.message_id,
    OUT card_id screissue.card_id,
    OUT app_id screissue.app_id)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    provider screissue.company_id;
BEGIN
    PERFORM screissue.require('message', message IS NOT NULL);
    SELECT l.card_id, l.app_id, a.provider
      INTO require_load.card_id, require_load.app_id, provider
      FROM card_issuer.app_load l
      JOIN card_issuer.application a ON a.app_id = l.app_id
     WHERE l.message_id = message;
    IF NOT FOUND THEN
        PERFORM card_issuer.require_acts_for(provider(message));
        RAISE EXCEPTION 'unknown message id "%"', message
            USING ERRCODE = 'SR008';
    END IF;
    PERFORM card_issuer.require_acts_for(provider);
END
$$;
COMMENT ON FUNCTION card_issuer.require_load(screissue.message_id) IS
    'load under a message id that the caller may speak of';

-- A load whose place another took: no longer live.
CREATE FUNCTION card_issuer.supersede_load(message screissue.message_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    UPDATE card_issuer.app_load l
       SET status = 'superseded',
           ended_at = now()
     WHERE l.message_id = message
       AND l.status = 'loaded';
    IF FOUND THEN
        PERFORM screissue.require_move('load', message::text,
                                       'loaded', 'superseded');
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.supersede_load(screissue.message_id) IS
    'end a load whose place another took';

-- Proof that the terminal loaded the application, or failed to (R8).  Loaded:
-- the fee is due, the card's entitlement is used and the load it inherited is
-- superseded; when the card was replaced meanwhile, the newest card of the
-- chain inherits this load.  Repeatable.  receipt: the card's proof, if any.
-- Errors: SR008 unknown; 42501 another provider's; SR009 contradicts; SR007 the
-- policy refuses the proof; SR005 a move that screissue.status_move forbids;
-- 54000 chain too long.
CREATE FUNCTION card_issuer.confirm_load(
    message screissue.message_id,
    succeeded boolean DEFAULT true,
    receipt bytea DEFAULT NULL)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET auto_explain.log_nested_statements = off
AS $$
DECLARE
    place record;
    heirs screissue.card_id[];
    load record;
    became screissue.load_status;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('succeeded', confirm_load.succeeded IS NOT NULL);
    place := card_issuer.require_load(confirm_load.message);
    heirs := card_issuer.lock_chain(place.card_id);
    SELECT l.status, l.loaded_at, l.inherits, l.receipt INTO load
      FROM card_issuer.app_load l
     WHERE l.card_id = place.card_id
       AND l.message_id = confirm_load.message;
    IF (load.status <> 'permitted'
        AND confirm_load.succeeded <> (load.loaded_at IS NOT NULL))
       OR confirm_load.receipt <> load.receipt THEN
        RAISE EXCEPTION 'load "%" is on record as % already',
            confirm_load.message, load.status
            USING ERRCODE = 'SR009',
                  DETAIL = 'The confirmation or its receipt contradicts the earlier one.';
    END IF;

    UPDATE card_issuer.app_load l
       SET receipt = confirm_load.receipt
     WHERE l.card_id = place.card_id
       AND l.message_id = confirm_load.message
       AND l.receipt IS NULL
       AND confirm_load.receipt IS NOT NULL;
    IF load.status = 'permitted' THEN
        became := CASE WHEN confirm_load.succeeded THEN 'loaded'
                       ELSE 'failed' END::screissue.load_status;
        PERFORM screissue.require_move('load', confirm_load.message::text,
                                       'permitted', became::text);
        IF confirm_load.succeeded THEN
            PERFORM card_issuer.examine_proof(
                place.card_id, place.app_id, confirm_load.message,
                confirm_load.receipt);
        END IF;
        UPDATE card_issuer.app_load l
           SET status = became,
               loaded_at = CASE WHEN confirm_load.succeeded THEN now() END,
               ended_at = CASE WHEN NOT confirm_load.succeeded THEN now() END
         WHERE l.card_id = place.card_id
           AND l.message_id = confirm_load.message;
        IF confirm_load.succeeded THEN
            PERFORM card_issuer.take_over(place.card_id, place.app_id,
                                          load.inherits);
            PERFORM card_issuer.pass_on_late_load(
                place.card_id, heirs, place.app_id, confirm_load.message);
            PERFORM card_issuer.refund_if_withdrawn(
                place.card_id, confirm_load.message);
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION
    card_issuer.confirm_load(screissue.message_id, boolean, bytea) IS
    'confirm that an application was loaded';

-- The application is on this card now: its entitlement is used, and the loads
-- that it and the permission name are superseded.
CREATE FUNCTION card_issuer.take_over(
    card screissue.card_id,
    app screissue.app_id,
    inherits screissue.message_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    entitled screissue.message_id;
BEGIN
    UPDATE card_issuer.entitlement e SET used_at = now()
     WHERE e.card_id = card
       AND e.app_id = app
       AND e.used_at IS NULL
       AND e.withdrawn_at IS NULL
    RETURNING e.message_id INTO entitled;
    PERFORM card_issuer.supersede_load(inherits);
    IF (entitled = inherits) IS NOT TRUE THEN
        PERFORM card_issuer.supersede_load(entitled);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.take_over(
    screissue.card_id, screissue.app_id, screissue.message_id) IS
    'use an entitlement and supersede what it names';

-- Proof that the application was removed from the card (R12).  No later card
-- inherits it (E3, E12).  Repeatable; a superseded load is left as it is.
-- Errors: SR008 unknown; 42501 another provider's; SR009 never loaded; SR005 a
-- move that screissue.status_move forbids; 54000 chain too long.
CREATE FUNCTION card_issuer.confirm_unload(message screissue.message_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET auto_explain.log_nested_statements = off
AS $$
DECLARE
    place record;
    heirs screissue.card_id[];
    status screissue.load_status;
BEGIN
    PERFORM card_issuer.own_company();
    place := card_issuer.require_load(confirm_unload.message);
    heirs := card_issuer.lock_chain(place.card_id);
    SELECT l.status INTO status
      FROM card_issuer.app_load l
     WHERE l.card_id = place.card_id
       AND l.message_id = confirm_unload.message;
    IF status IN ('permitted', 'failed') THEN
        RAISE EXCEPTION 'load "%" is %, there is nothing to unload',
            confirm_unload.message, status
            USING ERRCODE = 'SR009';
    END IF;
    IF status = 'loaded' THEN
        PERFORM screissue.require_move('load', confirm_unload.message::text,
                                       'loaded', 'unloaded');
        UPDATE card_issuer.app_load l
           SET status = 'unloaded',
               ended_at = now()
         WHERE l.card_id = place.card_id
           AND l.message_id = confirm_unload.message;
        PERFORM card_issuer.withdraw_inheritance(
            heirs, place.app_id, confirm_unload.message);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.confirm_unload(screissue.message_id) IS
    'confirm that an application was removed';

-- The record of a load by its message id (claim 4), for operators; the
-- examination is that which counts by now (E49).
-- Errors: SR008 unknown.
CREATE FUNCTION card_issuer.find_load(
    message screissue.message_id,
    OUT card_id screissue.card_id,
    OUT app_id screissue.app_id,
    OUT provider screissue.company_id,
    OUT status screissue.load_status,
    OUT inherits screissue.message_id,
    OUT examination_id bigint,
    OUT fee numeric,
    OUT currency text,
    OUT receipt bytea,
    OUT at_issue boolean,
    OUT permitted_at timestamp with time zone,
    OUT loaded_at timestamp with time zone,
    OUT ended_at timestamp with time zone)
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.require_load(find_load.message);
    SELECT l.card_id, l.app_id, l.provider, l.status, l.inherits,
           coalesce(l.finding_id, l.examination_id), l.fee, l.currency,
           l.receipt, l.at_issue,
           l.permitted_at, l.loaded_at, l.ended_at
      INTO find_load.card_id, find_load.app_id, find_load.provider,
           find_load.status, find_load.inherits, find_load.examination_id,
           find_load.fee, find_load.currency, find_load.receipt,
           find_load.at_issue, find_load.permitted_at, find_load.loaded_at,
           find_load.ended_at
      FROM card_issuer.app_load l
     WHERE l.message_id = find_load.message;
END
$$;
COMMENT ON FUNCTION card_issuer.find_load(screissue.message_id) IS
    'record of a load by message id';

-- Opt-out: the holder does not want providers to be told of a reissue (E56)
--
-- The choice is on record with the card, for all of it (card.opted_out_at) or
-- for single applications (opt_out); a reissued card takes it over.  What comes
-- of it is in entitlement.opted_out_at: such an entitlement gives no notice, no
-- positive reply and no reload permission.

-- Has the holder opted out for this application on this card?
CREATE FUNCTION card_issuer.is_opted_out(
    card screissue.card_id,
    app screissue.app_id)
    RETURNS boolean
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT EXISTS (SELECT
                     FROM card_issuer.card c
                    WHERE c.card_id = card
                      AND c.opted_out_at IS NOT NULL)
        OR EXISTS (SELECT
                     FROM card_issuer.opt_out o
                    WHERE o.card_id = card
                      AND o.app_id = app)
$$;
COMMENT ON FUNCTION
    card_issuer.is_opted_out(screissue.card_id, screissue.app_id) IS
    'true if the provider of an application must not be told';

-- The choice of a card's holder.
CREATE FUNCTION card_issuer.get_opt_outs(
    card screissue.card_id,
    OUT opted_out_at timestamp with time zone,
    OUT opt_outs screissue.app_id[])
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT c.opted_out_at,
           ARRAY(SELECT o.app_id
                   FROM card_issuer.opt_out o
                  WHERE o.card_id = card
                  ORDER BY o.app_id)
      FROM card_issuer.card c
     WHERE c.card_id = card
$$;
COMMENT ON FUNCTION card_issuer.get_opt_outs(screissue.card_id) IS
    'who must not be told of a reissue';

-- Puts a choice on record with a card, in place of the one that was there.
CREATE FUNCTION card_issuer.put_opt_outs(
    card screissue.card_id,
    opted_out_at timestamp with time zone,
    opt_outs screissue.app_id[])
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    UPDATE card_issuer.card c SET opted_out_at = put_opt_outs.opted_out_at
     WHERE c.card_id = card
       AND c.opted_out_at IS DISTINCT FROM put_opt_outs.opted_out_at;
    DELETE FROM card_issuer.opt_out o
     WHERE o.card_id = card
       AND o.app_id <> ALL (opt_outs);
    INSERT INTO card_issuer.opt_out (card_id, app_id, since)
    SELECT card, a.app_id, now()
      FROM unnest(opt_outs) a (app_id)
        ON CONFLICT ON CONSTRAINT opt_out_pkey DO NOTHING;
END
$$;
COMMENT ON FUNCTION card_issuer.put_opt_outs(
    screissue.card_id, timestamp with time zone, screissue.app_id[]) IS
    'record who must not be told of a reissue';

-- Brings the entitlements of a card into line with its holder's choice, and
-- returns the notices about those not yet used: withdrawals of what providers
-- were told, and of nothing else, which name no old card, since none has it back;
-- or what they have not been told: of a card that was replaced only if they were
-- told of it before, since notices are about the newest.
CREATE FUNCTION card_issuer.apply_opt_outs(
    card screissue.card_id,
    was_replaced boolean DEFAULT false)
    RETURNS card_issuer.draft_notice[]
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    drafts card_issuer.draft_notice[] := '{}'::card_issuer.draft_notice[];
    changed record;
    last_word record;
BEGIN
    FOR changed IN
        SELECT e.app_id, a.provider, e.message_id, e.old_card_id,
               e.opted_out_at IS NULL AS opts_out,
               e.used_at IS NULL AND e.withdrawn_at IS NULL AS unused
          FROM card_issuer.entitlement e
          JOIN card_issuer.application a ON a.app_id = e.app_id
         WHERE e.card_id = card
           AND (e.opted_out_at IS NULL)
               = card_issuer.is_opted_out(card, e.app_id)
         ORDER BY e.app_id
    LOOP
        UPDATE card_issuer.entitlement e
           SET opted_out_at = CASE WHEN changed.opts_out THEN now() END
         WHERE e.card_id = card
           AND e.app_id = changed.app_id;
        CONTINUE WHEN NOT changed.unused;
        PERFORM card_issuer.readdress_permission(card, changed.app_id,
            CASE WHEN NOT changed.opts_out THEN changed.message_id END);
        SELECT w.message_id INTO last_word
          FROM card_issuer.words(changed.provider, card, changed.app_id) w
         LIMIT 1;
        IF NOT changed.opts_out AND (FOUND OR NOT was_replaced) THEN
            drafts := drafts || card_issuer.draft_inherited(
                card, changed.old_card_id, changed.app_id, changed.message_id);
        ELSIF changed.opts_out
              AND last_word.message_id = changed.message_id::text THEN
            drafts := drafts || card_issuer.draft('withdrawal', card, NULL,
                changed.app_id, changed.message_id);
        END IF;
    END LOOP;
    RETURN drafts;
END
$$;
COMMENT ON FUNCTION card_issuer.apply_opt_outs(screissue.card_id, boolean) IS
    'let a card''s entitlements follow the choice of its holder';

-- Sets or lifts the opt-out of a card, for an application or, app NULL, for the
-- whole card.  While it is set no provider learns from us that this card, or one
-- that replaces it, stands for another: no notice, negative replies, no reload
-- permission.  What was told before is withdrawn, unless the application was
-- reloaded already; what was not told is when the opt-out is lifted.  It holds
-- for old cards that still overlap with this one, too.
-- Repeatable.
-- Errors: SR003 unknown application; SR004 unknown card; SR005 replaced or
-- revoked: the choice is the newest card's; 54000 chain too long; 22023.
CREATE FUNCTION card_issuer.set_opt_out(
    card screissue.card_id,
    app screissue.app_id,
    opted_out boolean)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    older screissue.card_id[];
    one_card screissue.card_id;
    row_of_card record;
    choice record;
    changes card_issuer.draft_notice[];
    drafts card_issuer.draft_notice[] := '{}'::card_issuer.draft_notice[];
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('opted_out', set_opt_out.opted_out IS NOT NULL);
    IF set_opt_out.app IS NOT NULL THEN
        PERFORM card_issuer.get_application(set_opt_out.app);
    END IF;
    older := card_issuer.overlapping_cards(set_opt_out.card);
    FOREACH one_card IN ARRAY older LOOP
        PERFORM card_issuer.lock_card(one_card);
    END LOOP;
    row_of_card := card_issuer.lock_card(set_opt_out.card);
    IF row_of_card.status IN ('replaced', 'revoked') THEN
        PERFORM card_issuer.raise_card_status(
            set_opt_out.card, row_of_card.status, 'opted out');
    END IF;

    choice := card_issuer.get_opt_outs(set_opt_out.card);
    IF set_opt_out.app IS NULL THEN
        choice.opted_out_at := CASE WHEN set_opt_out.opted_out
                                    THEN coalesce(choice.opted_out_at, now()) END;
    ELSIF set_opt_out.opted_out THEN
        choice.opt_outs := choice.opt_outs || set_opt_out.app;
    ELSE
        choice.opt_outs := array_remove(choice.opt_outs, set_opt_out.app);
    END IF;
    -- What providers were told is read in their turn: another may be writing what
    -- was held back.
    PERFORM card_issuer.take_turn(p.provider)
       FROM (SELECT DISTINCT a.provider
               FROM card_issuer.entitlement e
               JOIN card_issuer.application a ON a.app_id = e.app_id
              WHERE e.card_id = ANY (older || set_opt_out.card)
                AND e.used_at IS NULL
                AND e.withdrawn_at IS NULL
              ORDER BY a.provider) p;
    -- Withdrawals of the newest card first: what a notice says about a card as a
    -- reissued one is to outlast what another says about it as an old one.
    FOREACH one_card IN ARRAY older || set_opt_out.card LOOP
        PERFORM card_issuer.put_opt_outs(
            one_card, choice.opted_out_at, choice.opt_outs);
        changes := card_issuer.apply_opt_outs(
            one_card, was_replaced => one_card <> set_opt_out.card);
        drafts := CASE WHEN set_opt_out.opted_out THEN changes || drafts
                       ELSE drafts || changes END;
    END LOOP;
    PERFORM card_issuer.write_notices(drafts);
END
$$;
COMMENT ON FUNCTION card_issuer.set_opt_out(
    screissue.card_id, screissue.app_id, boolean) IS
    'opt out of being told to providers, or in again (E56)';

-- Overlap: an old card that goes on working for a while after its reissue (E7)

-- Raises unless the old card may go on working beside its replacement: it must
-- work now, and not be out of its holder's hands.
-- Errors: SR005 not active; 22023 lost, stolen or compromised, or no time to
-- come.
CREATE FUNCTION card_issuer.check_overlap(
    old_card screissue.card_id,
    status screissue.card_status,
    reason screissue.reissue_reason,
    overlap interval)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF overlap IS NULL THEN
        RETURN;
    ELSIF NOT isfinite(overlap) OR now() + overlap <= now() THEN
        RAISE EXCEPTION 'overlap of old and new card must be positive, not "%"',
            overlap
            USING ERRCODE = '22023',
                  HINT = 'Leave "overlap" null: the old card ends at once.';
    ELSIF reason IN ('lost', 'stolen', 'compromised') THEN
        RAISE EXCEPTION 'a card that is % cannot overlap with its replacement',
            reason
            USING ERRCODE = '22023',
                  HINT = 'Leave "overlap" null: the old card ends at once.';
    ELSIF status <> 'active' THEN
        PERFORM card_issuer.raise_card_status(
            old_card, status, 'used beside its replacement');
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.check_overlap(
    screissue.card_id, screissue.card_status, screissue.reissue_reason,
    interval) IS
    'check that an old card may overlap with its replacement (E7)';

-- The status that a reissue took from the old card, and its withdrawal would give
-- back.
CREATE FUNCTION card_issuer.status_before_reissue(
    old_card screissue.card_id,
    new_card screissue.card_id)
    RETURNS screissue.card_status
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT r.former_status
      FROM card_issuer.reissue_request r
     WHERE r.old_card_id = old_card
       AND r.new_card_id = new_card
       AND r.status = 'completed'
$$;
COMMENT ON FUNCTION card_issuer.status_before_reissue(
    screissue.card_id, screissue.card_id) IS
    'status of an old card when it was replaced';

-- The overlap ends: the old card was blocked.  Should the reissue be withdrawn,
-- the card gets that status.  There is no overlap any more, rather than one until
-- now(): a call that began before, and waited for us, would find that still to
-- come.
-- Errors: SR005 the card cannot be blocked so.
CREATE FUNCTION card_issuer.end_overlap(
    old_card screissue.card_id,
    new_card screissue.card_id,
    blocked_as screissue.card_status)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    prior CONSTANT screissue.card_status :=
        card_issuer.status_before_reissue(old_card, new_card);
BEGIN
    PERFORM card_issuer.require_card_move(old_card, prior, blocked_as);
    UPDATE card_issuer.card c
       SET overlap_until = NULL,
           former_status = prior
     WHERE c.card_id = old_card;
    UPDATE card_issuer.reissue_request r
       SET former_status = blocked_as
     WHERE r.old_card_id = old_card
       AND r.new_card_id = new_card
       AND r.status = 'completed';
END
$$;
COMMENT ON FUNCTION card_issuer.end_overlap(
    screissue.card_id, screissue.card_id, screissue.card_status) IS
    'end the overlap of an old card that was blocked';

-- The old cards of a card that still work beside it, the oldest first.
-- Errors: 54000 chain too long.
CREATE FUNCTION card_issuer.overlapping_cards(card screissue.card_id)
    RETURNS screissue.card_id[]
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    cards screissue.card_id[] := '{}'::screissue.card_id[];
    older screissue.card_id := card;
    steps integer := 1;
BEGIN
    LOOP
        older := card_issuer.predecessor(older);
        EXIT WHEN older IS NULL;
        steps := steps + 1;
        PERFORM card_issuer.check_lineage_length(steps);
        IF EXISTS (SELECT FROM card_issuer.card c
                    WHERE c.card_id = older
                      AND c.overlap_until > now()) THEN
            cards := older || cards;
        END IF;
    END LOOP;
    RETURN cards;
END
$$;
COMMENT ON FUNCTION card_issuer.overlapping_cards(screissue.card_id) IS
    'old cards that overlap with a card';

-- Reissue: request, examination, the pair, what is inherited (Fig. 4, 5, 8, 9)

-- Steps 401/501-504, 801/901-904: stores the request for a reissue and
-- examines it by the policy.  status: approved, refused, or pending until
-- decide_reissue.  requested_by: who asked, the user or an operator (R13).
-- Errors: SR004 unknown card; SR006 reissued already or a request is open;
-- SR005 the card's status forbids it; 22023.
CREATE FUNCTION card_issuer.request_reissue(
    card screissue.card_id,
    reason screissue.reissue_reason,
    requested_by text DEFAULT NULL,
    OUT request_id bigint,
    OUT status screissue.request_status,
    OUT refusal text)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    old_card record;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('reason', request_reissue.reason IS NOT NULL);
    old_card := card_issuer.lock_card(request_reissue.card);
    PERFORM card_issuer.require_reissuable(
        request_reissue.card, old_card.status);
    IF (card_issuer.open_request(request_reissue.card)).request_id IS NOT NULL THEN
        RAISE EXCEPTION 'a request for the reissue of card "%" is open already',
            mask(request_reissue.card)
            USING ERRCODE = 'SR006';
    END IF;
    SELECT s.request_id, s.status, s.refusal
      INTO request_reissue.request_id, request_reissue.status,
           request_reissue.refusal
      FROM card_issuer.store_request(
               request_reissue.card, request_reissue.reason,
               request_reissue.requested_by) s;
END
$$;
COMMENT ON FUNCTION card_issuer.request_reissue(
    screissue.card_id, screissue.reissue_reason, text) IS
    'request the reissue of a card';

-- Examines a request for the reissue of a card, which is locked for it, and puts
-- it on record (steps 501, 502).
CREATE FUNCTION card_issuer.store_request(
    card screissue.card_id,
    reason screissue.reissue_reason,
    requested_by text,
    OUT request_id bigint,
    OUT status screissue.request_status,
    OUT refusal text)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    verdict record;
BEGIN
    store_request.request_id := nextval('card_issuer.request_sequence');
    verdict := card_issuer.examine(card, 'reissue', jsonb_build_object(
        'request_id', store_request.request_id,
        'reason', store_request.reason,
        'requested_by', store_request.requested_by));
    store_request.status := CASE verdict.approved
        WHEN true THEN 'approved'
        WHEN false THEN 'refused'
        ELSE 'pending' END::request_status;
    IF store_request.status = 'refused' THEN
        store_request.refusal := coalesce(verdict.reason, 'examination');
    END IF;
    INSERT INTO card_issuer.reissue_request
           (old_card_id, request_id, reason, status, requested_by,
            requested_at, examination_id, refusal)
    VALUES (card, store_request.request_id, store_request.reason,
            store_request.status, store_request.requested_by, now(),
            verdict.examination_id, store_request.refusal);
END
$$;
COMMENT ON FUNCTION card_issuer.store_request(
    screissue.card_id, screissue.reissue_reason, text) IS
    'examine and record a request for a reissue';

-- Raises unless a card of this status can be reissued.
-- Errors: SR006 reissued already; SR005 its status forbids it.
CREATE FUNCTION card_issuer.require_reissuable(
    card screissue.card_id,
    status screissue.card_status)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF status = 'replaced' THEN
        RAISE EXCEPTION 'card "%" was reissued already', mask(card)
            USING ERRCODE = 'SR006';
    END IF;
    PERFORM card_issuer.require_card_move(card, status, 'replaced');
END
$$;
COMMENT ON FUNCTION card_issuer.require_reissuable(
    screissue.card_id, screissue.card_status) IS
    'check that a card can still be reissued';

-- The card's open request; NULLs if there is none.
CREATE FUNCTION card_issuer.open_request(
    card screissue.card_id,
    OUT request_id bigint,
    OUT status screissue.request_status,
    OUT reason screissue.reissue_reason)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    SELECT r.request_id, r.status, r.reason
      INTO open_request.request_id, open_request.status, open_request.reason
      FROM card_issuer.reissue_request r
     WHERE r.old_card_id = card
       AND r.status IN ('pending', 'approved');
END
$$;
COMMENT ON FUNCTION card_issuer.open_request(screissue.card_id) IS
    'open request for the reissue of a card';

-- A person decides: a pending request is approved or refused, an approved one
-- is withdrawn by approved = false.  Approving again changes nothing.
-- Errors: SR004 unknown card; SR007 no open request; SR005 a move that
-- screissue.status_move forbids; 22023.
CREATE FUNCTION card_issuer.decide_reissue(
    card screissue.card_id,
    approved boolean,
    reason text DEFAULT NULL,
    decided_by text DEFAULT NULL)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    request record;
    decided screissue.request_status;
    examination bigint;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('approved', decide_reissue.approved IS NOT NULL);
    PERFORM card_issuer.lock_card(decide_reissue.card);
    SELECT r.request_id, r.status INTO request
      FROM card_issuer.open_request(decide_reissue.card) r;
    IF request.request_id IS NULL THEN
        RAISE EXCEPTION 'card "%" has no open request for a reissue',
            mask(decide_reissue.card)
            USING ERRCODE = 'SR007';
    END IF;
    IF request.status = 'approved' AND decide_reissue.approved THEN
        RETURN;
    END IF;

    decided := CASE
        WHEN decide_reissue.approved THEN 'approved'
        WHEN request.status = 'pending' THEN 'refused'
        ELSE 'withdrawn' END::request_status;
    PERFORM screissue.require_move('request', request.request_id::text,
                                   request.status::text, decided::text);
    examination := card_issuer.store_examination(
        decide_reissue.card, 'reissue',
        ROW(decide_reissue.approved, decide_reissue.reason, NULL)::verdict,
        coalesce(decide_reissue.decided_by, calling_role()::text),
        jsonb_build_object('request_id', request.request_id));
    UPDATE card_issuer.reissue_request r
       SET status = decided,
           refusal = CASE WHEN NOT decide_reissue.approved
                          THEN decide_reissue.reason END,
           examination_id = examination,
           completed_at = CASE WHEN NOT decide_reissue.approved THEN now() END
     WHERE r.old_card_id = decide_reissue.card
       AND r.request_id = request.request_id;
END
$$;
COMMENT ON FUNCTION card_issuer.decide_reissue(
    screissue.card_id, boolean, text, text) IS
    'decide a request for a reissue';

-- Raises unless the examination by which a request was approved is still valid
-- (E55).
-- Errors: SR007 it is not.
CREATE FUNCTION card_issuer.require_valid_approval(
    card screissue.card_id,
    request_id bigint)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT
                 FROM card_issuer.reissue_request r
                 JOIN card_issuer.examination x
                   ON x.card_id = r.old_card_id
                  AND x.examination_id = r.examination_id
                WHERE r.old_card_id = card
                  AND r.request_id = require_valid_approval.request_id
                  AND x.valid_until <= now()) THEN
        RAISE EXCEPTION 'approval of the reissue of card "%" has expired',
            mask(card)
            USING ERRCODE = 'SR007',
                  HINT = 'Withdraw it with decide_reissue, and request the reissue again.';
    END IF;
END
$$;
COMMENT ON FUNCTION
    card_issuer.require_valid_approval(screissue.card_id, bigint) IS
    'check that the approval of a reissue has not expired';

CREATE TYPE card_issuer.inheritance AS (
    old_card_id screissue.card_id,
    platform_type integer,
    holder_id text,
    status screissue.card_status,
    replaceable boolean,
    replaced_by screissue.card_id,
    request_id bigint,
    request_status screissue.request_status,
    reason screissue.reissue_reason,
    completable boolean,
    app_ids screissue.app_id[],
    message_ids screissue.message_id[],
    hops integer[],
    opted_out_at timestamp with time zone,
    opt_outs screissue.app_id[]);
COMMENT ON TYPE card_issuer.inheritance IS
    'what a card leaves to the card that replaces it, and its open request';

-- Locks a card, and returns what it leaves and what a reissue has to know of it:
-- every load that is live, else the unused entitlement (E1-E3), as
-- inheritable_load has it; the holder's choice who is not to be told (E56); the
-- open request.  replaceable: the card's status allows it; completable: so does
-- the request's, and its approval has not expired.  NULL if there is no such card.
-- Errors: 40001 it was changed since the snapshot was taken.
CREATE FUNCTION card_issuer.lock_inheritance(card screissue.card_id)
    RETURNS card_issuer.inheritance
    LANGUAGE c
    VOLATILE STRICT
    AS 'MODULE_PATHNAME', 'screissue_lock_inheritance';
COMMENT ON FUNCTION card_issuer.lock_inheritance(screissue.card_id) IS
    'what a card leaves to the card that replaces it, which is locked';

-- First half of a reissue, all statements on the old card: retires it in
-- favour of new_card, at once or when the overlap is over, completes the
-- request, and returns what is inherited.  Repeatable with the same new card;
-- replaced_by tells that it was a repetition.
-- Errors: SR004-SR007; 22023 a wrong overlap.
CREATE FUNCTION card_issuer.retire_old(
    old_card screissue.card_id,
    new_card screissue.card_id,
    overlap interval DEFAULT NULL)
    RETURNS card_issuer.inheritance
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    inheritance card_issuer.inheritance;
    works_until timestamp with time zone;
BEGIN
    -- Not by lock_card: the update that is to come does what its update is for.
    inheritance := card_issuer.lock_inheritance(old_card);
    IF inheritance.old_card_id IS NULL THEN
        PERFORM card_issuer.raise_unknown_card(old_card);
    END IF;
    IF inheritance.replaced_by = new_card THEN
        inheritance.reason := card_issuer.reissue_reason(old_card, new_card)
                              ::reissue_reason;
        RETURN inheritance;
    END IF;

    IF NOT inheritance.replaceable THEN
        PERFORM card_issuer.require_reissuable(old_card, inheritance.status);
    END IF;
    IF (inheritance.request_status = 'approved') IS NOT TRUE THEN
        PERFORM card_issuer.raise_not_approved(old_card);
    END IF;
    IF NOT inheritance.completable OR overlap IS NOT NULL THEN
        PERFORM card_issuer.require_valid_approval(
            old_card, inheritance.request_id);
        PERFORM card_issuer.check_overlap(
            old_card, inheritance.status, inheritance.reason, overlap);
        PERFORM screissue.require_move('request', inheritance.request_id::text,
                                       'approved', 'completed');
        works_until := (now() AT TIME ZONE 'UTC' + overlap)
                       AT TIME ZONE 'UTC';
    END IF;
    UPDATE card_issuer.card c
       SET status = 'replaced',
           replaced_by = new_card,
           replaced_at = now(),
           overlap_until = works_until
     WHERE c.card_id = old_card;
    UPDATE card_issuer.reissue_request r
       SET status = 'completed',
           new_card_id = new_card,
           former_status = inheritance.status,
           completed_at = now()
     WHERE r.old_card_id = old_card
       AND r.request_id = inheritance.request_id;
    RETURN inheritance;
END
$$;
COMMENT ON FUNCTION card_issuer.retire_old(
    screissue.card_id, screissue.card_id, interval) IS
    'retire an old card in favour of a new one';

CREATE FUNCTION card_issuer.raise_not_approved(card screissue.card_id)
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'card "%" has no approved request for a reissue', mask(card)
        USING ERRCODE = 'SR007',
              HINT = 'See request_reissue and decide_reissue.';
END
$$;
COMMENT ON FUNCTION card_issuer.raise_not_approved(screissue.card_id) IS
    'error SR007 for a card';

-- What a card would leave to its replacement.
CREATE FUNCTION card_issuer.inheritable(
    card screissue.card_id,
    OUT app_id screissue.app_id,
    OUT message_id screissue.message_id,
    OUT hops integer)
    RETURNS SETOF record
    LANGUAGE plpgsql
    STABLE
    ROWS 4
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RETURN QUERY
        SELECT i.app_id, i.message_id, i.hops
          FROM card_issuer.inheritable_load i
         WHERE i.card_id = card;
END
$$;
COMMENT ON FUNCTION card_issuer.inheritable(screissue.card_id) IS
    'what a card would leave to its replacement';

-- What would happen if the card were reissued now, on the same platform: which
-- applications the new card would inherit, under which message id, and how the
-- provider would learn of it: carrier push or pull, a notice; inquiry, it has to
-- ask; NULL, not at all: its contract is not in force, the holder has opted out,
-- or it would be told no, since the application is withdrawn.  Changes nothing.
-- Errors: SR004 unknown card; SR006 reissued already; SR005 its status forbids
-- it.
CREATE FUNCTION card_issuer.preview_reissue(
    card screissue.card_id,
    OUT provider screissue.company_id,
    OUT app_id screissue.app_id,
    OUT message_id screissue.message_id,
    OUT carrier text)
    RETURNS SETOF record
    LANGUAGE plpgsql
    STABLE
    ROWS 4
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    found_card record;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.require_card(preview_reissue.card);
    SELECT c.status, c.platform_type INTO STRICT found_card
      FROM card_issuer.card c
     WHERE c.card_id = preview_reissue.card;
    PERFORM card_issuer.require_reissuable(
        preview_reissue.card, found_card.status);
    RETURN QUERY
        SELECT a.provider, i.app_id, i.message_id,
               CASE WHEN card_issuer.is_opted_out(
                             preview_reissue.card, i.app_id)
                        THEN NULL
                    WHEN card_issuer.notice_is_due(
                             a.provider, found_card.platform_type)
                        THEN p.delivery
                    WHEN card_issuer.contract_in_force(a.provider)
                         AND a.withdrawn_at IS NULL
                        THEN 'inquiry' END
          FROM card_issuer.inheritable(preview_reissue.card) i
          JOIN card_issuer.application a ON a.app_id = i.app_id
          JOIN card_issuer.provider p ON p.provider = a.provider
         ORDER BY a.provider, i.app_id;
END
$$;
COMMENT ON FUNCTION card_issuer.preview_reissue(screissue.card_id) IS
    'what a reissue would bring about, and who would learn of it';

-- Second half of a reissue, all statements on the new card: issues it, writes
-- its entitlements and the notices that are due.  Repeatable.
-- Errors: 23505 the id was issued before; SR010; 22023.
CREATE FUNCTION card_issuer.adopt_new(
    new_card screissue.card_id,
    inheritance card_issuer.inheritance,
    platform_type integer,
    valid_until date,
    printed_number text,
    activate boolean,
    OUT entitlements integer,
    OUT notices integer)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF NOT card_issuer.store_card(new_card, platform_type,
               inheritance.holder_id, valid_until, printed_number, activate,
               inheritance.old_card_id) THEN
        inheritance := card_issuer.not_yet_adopted(new_card, inheritance);
    END IF;
    IF inheritance.opted_out_at IS NOT NULL
       OR cardinality(inheritance.opt_outs) > 0 THEN
        PERFORM card_issuer.put_opt_outs(
            new_card, inheritance.opted_out_at, inheritance.opt_outs);
    END IF;
    entitlements := card_issuer.store_entitlements(new_card, inheritance);
    notices := card_issuer.write_notices(
        card_issuer.draft_reissue(new_card, platform_type, inheritance));
END
$$;
COMMENT ON FUNCTION card_issuer.adopt_new(
    screissue.card_id, card_issuer.inheritance, integer, date, text, boolean) IS
    'issue a new card in place of a retired one';

-- Writes the entitlements of a new card, returns how many: of those nobody is to be
-- told for which the holder has opted out.
CREATE FUNCTION card_issuer.store_entitlements(
    new_card screissue.card_id,
    inheritance card_issuer.inheritance)
    RETURNS integer
    LANGUAGE c
    VOLATILE STRICT
    AS 'MODULE_PATHNAME', 'screissue_store_entitlements';
COMMENT ON FUNCTION card_issuer.store_entitlements(
    screissue.card_id, card_issuer.inheritance) IS
    'entitle a new card to what it inherits';

-- Drafts of the notices about what a new card inherits, unless the holder has
-- opted out.
CREATE FUNCTION card_issuer.draft_reissue(
    new_card screissue.card_id,
    platform_type integer,
    inheritance card_issuer.inheritance)
    RETURNS card_issuer.draft_notice[]
    LANGUAGE c
    STABLE STRICT
    AS 'MODULE_PATHNAME', 'screissue_draft_reissue';
COMMENT ON FUNCTION card_issuer.draft_reissue(
    screissue.card_id, integer, card_issuer.inheritance) IS
    'drafts of the notices of a reissue';

-- The card is there already: what of the inheritance it has not got, where it was
-- issued in place of the old one, and is locked then.
-- Errors: 23505 it was not.
CREATE FUNCTION card_issuer.not_yet_adopted(
    new_card screissue.card_id,
    inheritance card_issuer.inheritance)
    RETURNS card_issuer.inheritance
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM card_issuer.card c
                    WHERE c.card_id = new_card
                      AND c.replaces = inheritance.old_card_id
                      AND c.status <> 'revoked') THEN
        PERFORM card_issuer.raise_card_exists(new_card);
    END IF;
    PERFORM card_issuer.lock_card(new_card);
    SELECT coalesce(array_agg(i.app_id), '{}'),
           coalesce(array_agg(i.message_id), '{}'),
           coalesce(array_agg(i.hops), '{}')
      INTO inheritance.app_ids, inheritance.message_ids, inheritance.hops
      FROM unnest(inheritance.app_ids, inheritance.message_ids,
                  inheritance.hops) i (app_id, message_id, hops)
     WHERE NOT EXISTS (SELECT FROM card_issuer.entitlement e
                        WHERE e.card_id = new_card
                          AND e.app_id = i.app_id);
    RETURN inheritance;
END
$$;
COMMENT ON FUNCTION card_issuer.not_yet_adopted(
    screissue.card_id, card_issuer.inheritance) IS
    'what a card that is there already does not yet inherit';

-- Steps 402/503/505, 903/905: the old card is retired, the new card issued to
-- the same holder and paired with it, the entitlements are written, and the
-- notices to the providers concerned and only those; all or nothing
-- (R17-R21, R31).  platform_type NULL: the old card's.  overlap: for so long the
-- old card goes on working (E7), unless it is blocked before.
-- Errors: SR004 unknown card; SR005 its status forbids it; SR006 reissued
-- already; SR007 no approved request, or the approval has expired; SR010 id fails
-- the platform's check; 23505 id issued before; 22023.
CREATE FUNCTION card_issuer.reissue_card(
    old_card screissue.card_id,
    new_card screissue.card_id,
    platform_type integer DEFAULT NULL,
    valid_until date DEFAULT NULL,
    printed_number text DEFAULT NULL,
    activate boolean DEFAULT true,
    overlap interval DEFAULT NULL,
    OUT entitlements integer,
    OUT notices integer)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    inheritance card_issuer.inheritance;
    adopted record;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('old_card', reissue_card.old_card IS NOT NULL);
    PERFORM screissue.require('new_card', reissue_card.new_card IS NOT NULL);
    IF reissue_card.old_card = reissue_card.new_card THEN
        RAISE EXCEPTION 'a card cannot replace itself'
            USING ERRCODE = '22023';
    END IF;

    inheritance := card_issuer.retire_old(
        reissue_card.old_card, reissue_card.new_card, reissue_card.overlap);
    -- The halves may be repeated, this call may not: the second of two
    -- operators is to learn that the card was reissued.
    IF inheritance.replaced_by IS NOT NULL THEN
        PERFORM card_issuer.require_reissuable(
            reissue_card.old_card, 'replaced');
    END IF;
    adopted := card_issuer.adopt_new(
        reissue_card.new_card, inheritance,
        coalesce(reissue_card.platform_type, inheritance.platform_type),
        reissue_card.valid_until, reissue_card.printed_number,
        reissue_card.activate);
    reissue_card.entitlements := adopted.entitlements;
    reissue_card.notices := adopted.notices;
END
$$;
COMMENT ON FUNCTION card_issuer.reissue_card(
    screissue.card_id, screissue.card_id, integer, date, text, boolean,
    interval) IS
    'reissue a card (Fig. 5, Fig. 9)';

-- Takes a reissue back (E9, E10): the new card is revoked, its entitlements
-- and its open request withdrawn; the old card gets back its former status;
-- loads live on the new card are handed back to the old one as unused
-- entitlements, and what a reload there cost is refunded (E52).  Withdrawal
-- notices carry the id that is handed back.
-- Errors: SR004 unknown card; SR005 it is no reissued card, was replaced
-- itself, or is revoked already.
CREATE FUNCTION card_issuer.withdraw_reissue(new_card screissue.card_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    old_card screissue.card_id;
    revoked record;
    request record;
    drafts card_issuer.draft_notice[];
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.require_card(withdraw_reissue.new_card);
    old_card := card_issuer.predecessor(withdraw_reissue.new_card);
    IF old_card IS NOT NULL THEN
        PERFORM card_issuer.lock_card(old_card);
        -- Withdrawn while we waited: the old card stands for it now, and who
        -- confirms a load on it locks it before that one.
        IF card_issuer.predecessor(withdraw_reissue.new_card) IS NULL THEN
            PERFORM card_issuer.require_card_move(
                withdraw_reissue.new_card, 'revoked', 'revoked');
        END IF;
    END IF;
    revoked := card_issuer.lock_card(withdraw_reissue.new_card);
    PERFORM card_issuer.require_card_move(
        withdraw_reissue.new_card, revoked.status, 'revoked');
    IF old_card IS NULL THEN
        RAISE EXCEPTION 'card "%" does not replace another',
            mask(withdraw_reissue.new_card)
            USING ERRCODE = 'SR005';
    END IF;

    SELECT r.request_id, r.former_status INTO STRICT request
      FROM card_issuer.reissue_request r
     WHERE r.old_card_id = old_card
       AND r.new_card_id = withdraw_reissue.new_card;
    PERFORM card_issuer.require_card_move(
        old_card, 'replaced', request.former_status);
    PERFORM screissue.require_move('request', request.request_id::text,
                                   'completed', 'withdrawn');

    drafts := card_issuer.hand_back(withdraw_reissue.new_card, old_card);
    UPDATE card_issuer.card c SET status = 'revoked'
     WHERE c.card_id = withdraw_reissue.new_card;
    UPDATE card_issuer.card c
       SET status = request.former_status,
           replaced_by = NULL,
           replaced_at = NULL,
           overlap_until = NULL
     WHERE c.card_id = old_card;
    UPDATE card_issuer.reissue_request r SET status = 'withdrawn'
     WHERE r.old_card_id = old_card
       AND r.request_id = request.request_id;
    PERFORM card_issuer.withdraw_open_request(withdraw_reissue.new_card);
    PERFORM card_issuer.write_notices(drafts);
END
$$;
COMMENT ON FUNCTION card_issuer.withdraw_reissue(screissue.card_id) IS
    'withdraw a reissue';

-- A card that is revoked is not reissued: its open request, if any, ends.
CREATE FUNCTION card_issuer.withdraw_open_request(card screissue.card_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    request record;
BEGIN
    SELECT r.request_id, r.status INTO request
      FROM card_issuer.open_request(card) r;
    IF request.request_id IS NULL THEN
        RETURN;
    END IF;
    PERFORM screissue.require_move('request', request.request_id::text,
                                   request.status::text, 'withdrawn');
    UPDATE card_issuer.reissue_request r
       SET status = 'withdrawn',
           completed_at = now()
     WHERE r.old_card_id = card
       AND r.request_id = request.request_id;
END
$$;
COMMENT ON FUNCTION card_issuer.withdraw_open_request(screissue.card_id) IS
    'end the open request for the reissue of a card';

-- Ends the entitlements of a card whose reissue is withdrawn, entitles the
-- old card to what did not come from it, and returns the withdrawal notices.
-- What the new card would leave to nobody, since it was removed there or from
-- a card that stood for it, the old card does not inherit either (E3), and no
-- notice says that it has that back.  The
-- holder's choice who is not to be told goes back with them, and where it says
-- so nobody is told (E56).  Where there are no notices about the new card, none of
-- them says what the old one still may reload: who does not know is told so.
CREATE FUNCTION card_issuer.hand_back(
    new_card screissue.card_id,
    old_card screissue.card_id)
    RETURNS card_issuer.draft_notice[]
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    choice CONSTANT record := card_issuer.get_opt_outs(new_card);
    left_apps CONSTANT screissue.app_id[] := ARRAY(
        SELECT i.app_id FROM card_issuer.inheritable(new_card) i);
    drafts card_issuer.draft_notice[];
    told_apps screissue.app_id[];
    removed card_issuer.draft_notice[] := '{}'::card_issuer.draft_notice[];
    application record;
    ended screissue.message_id;
BEGIN
    PERFORM card_issuer.put_opt_outs(
        old_card, choice.opted_out_at, choice.opt_outs);
    drafts := card_issuer.apply_opt_outs(old_card);
    told_apps := ARRAY(SELECT d.app_id FROM unnest(drafts) d);
    FOR application IN
        SELECT h.app_id, h.message_id, h.hops
          FROM card_issuer.held(new_card, old_card) h
    LOOP
        IF NOT card_issuer.is_opted_out(new_card, application.app_id) THEN
            drafts := drafts || card_issuer.draft('withdrawal', new_card,
                CASE WHEN application.app_id = ANY (left_apps)
                     THEN old_card END,
                application.app_id, application.message_id);
        END IF;
        IF application.hops IS NOT NULL THEN
            PERFORM card_issuer.entitle(old_card, application.app_id,
                application.message_id, new_card, application.hops);
            PERFORM card_issuer.refund(new_card, application.message_id);
        END IF;
    END LOOP;
    FOR application IN
        SELECT e.app_id
          FROM card_issuer.entitlement e
         WHERE e.card_id = old_card
           AND e.used_at IS NULL
           AND e.withdrawn_at IS NULL
           AND e.app_id <> ALL (left_apps)
         ORDER BY e.app_id
    LOOP
        ended := card_issuer.disentitle(old_card, application.app_id);
        CONTINUE WHEN card_issuer.is_opted_out(old_card, application.app_id);
        removed := removed || card_issuer.draft('withdrawal', old_card, NULL,
            application.app_id, ended);
    END LOOP;
    UPDATE card_issuer.entitlement e SET withdrawn_at = now()
     WHERE e.card_id = new_card
       AND e.withdrawn_at IS NULL;
    IF NOT card_issuer.has_readable_replacement(old_card) THEN
        drafts := drafts || card_issuer.draft_untold(old_card, told_apps);
    END IF;
    RETURN drafts || removed;
END
$$;
COMMENT ON FUNCTION
    card_issuer.hand_back(screissue.card_id, screissue.card_id) IS
    'hand what lives on a withdrawn card back to the old one';

-- The applications that a card carries, inherits or inherited, each with the
-- load to speak of: the live one, else the one inherited.  hops: to old_card,
-- for what did not come from there: it was loaded on this very card, or handed
-- back to it; else NULL.
CREATE FUNCTION card_issuer.held(
    card screissue.card_id,
    old_card screissue.card_id,
    OUT app_id screissue.app_id,
    OUT message_id screissue.message_id,
    OUT hops integer)
    RETURNS SETOF record
    LANGUAGE sql
    STABLE
    ROWS 4
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT coalesce(l.app_id, e.app_id),
           coalesce(l.message_id, e.message_id),
           CASE WHEN l.message_id IS NOT NULL THEN 1
                WHEN e.used_at IS NULL AND e.old_card_id <> held.old_card
                    THEN e.hops + 1 END
      FROM (SELECT x.app_id, x.message_id, x.old_card_id, x.hops, x.used_at
              FROM card_issuer.entitlement x
             WHERE x.card_id = card
               AND x.withdrawn_at IS NULL) e
      FULL JOIN (SELECT y.app_id, y.message_id
                   FROM card_issuer.app_load y
                  WHERE y.card_id = card
                    AND y.status = 'loaded') l
        ON l.app_id = e.app_id
     ORDER BY 1
$$;
COMMENT ON FUNCTION
    card_issuer.held(screissue.card_id, screissue.card_id) IS
    'applications that a card carries or inherits';

-- Fig. 19, steps 408/409: is this a reissued card, and which loading
-- permission did it inherit for this application?  The same id every time.
-- For a provider a card whose platform has not method 1 is unknown.  Every
-- negative answer is the same row: 200, false, NULL, NULL.
-- Errors: 42501 if the caller is neither a provider's role nor an operator.
CREATE FUNCTION card_issuer.find_reissue(
    card screissue.card_id,
    app screissue.app_id,
    OUT platform_type integer,
    OUT reissued boolean,
    OUT message_id screissue.message_id,
    OUT old_card_id screissue.card_id)
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    caller CONSTANT name := calling_role();
    by_operator CONSTANT boolean := card_issuer.is_operator(caller);
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('card', find_reissue.card IS NOT NULL);
    PERFORM screissue.require('app', find_reissue.app IS NOT NULL);
    PERFORM card_issuer.require_party(caller);
    IF NOT by_operator THEN
        PERFORM card_issuer.cover_reads();
    END IF;

    SELECT n.platform_type, true, e.message_id,
           CASE WHEN screissue.method_of(o.platform_type) = 1
                THEN o.card_id END
      INTO find_reissue.platform_type, find_reissue.reissued,
           find_reissue.message_id, find_reissue.old_card_id
      FROM card_issuer.application a
      JOIN card_issuer.entitlement e
        ON e.card_id = find_reissue.card AND e.app_id = a.app_id
      JOIN card_issuer.card n ON n.card_id = e.card_id
      JOIN card_issuer.card o ON o.card_id = e.old_card_id
     WHERE a.app_id = find_reissue.app
       AND a.withdrawn_at IS NULL
       AND card_issuer.acts_for(caller, a.provider)
       AND card_issuer.contract_in_force(a.provider)
       AND e.withdrawn_at IS NULL
       AND e.opted_out_at IS NULL
       AND card_issuer.card_works(n.status, n.valid_until, n.overlap_until)
       AND (by_operator OR screissue.method_of(n.platform_type) = 1);
    IF NOT FOUND THEN
        find_reissue.platform_type := 200;
        find_reissue.reissued := false;
    END IF;
END
$$;
COMMENT ON FUNCTION
    card_issuer.find_reissue(screissue.card_id, screissue.app_id) IS
    'pair and inherited load of a reissued card (Fig. 19)';

-- Reissue of many cards in one call: what reissue_card would write for each of
-- them, by a statement for each table and one turn for each provider
--
-- Old and new cards come as two arrays, in the order of the old ones' ids, in
-- which they are locked; unnest() puts the pairs together again.  Cards are looked
-- up by their ids, whatever the planner knows of a table that fills as it goes.

-- Raises 22023 unless the arrays pair different cards.
CREATE FUNCTION card_issuer.check_pairs(
    old_cards screissue.card_id[],
    new_cards screissue.card_id[])
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    twice screissue.card_id;
BEGIN
    PERFORM screissue.require('old_cards', old_cards IS NOT NULL);
    PERFORM screissue.require('new_cards', new_cards IS NOT NULL);
    IF coalesce(array_ndims(old_cards), 1) <> 1
       OR coalesce(array_ndims(new_cards), 1) <> 1
       OR cardinality(old_cards) <> cardinality(new_cards) THEN
        RAISE EXCEPTION 'there must be as many new cards as old ones, not % for %',
            cardinality(new_cards), cardinality(old_cards)
            USING ERRCODE = '22023';
    END IF;
    IF array_position(old_cards, NULL) IS NOT NULL
       OR array_position(new_cards, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'a card must not be null'
            USING ERRCODE = '22023';
    END IF;
    SELECT c.card_id INTO twice
      FROM (SELECT unnest(old_cards) UNION ALL SELECT unnest(new_cards))
           c (card_id)
     GROUP BY c.card_id
    HAVING count(*) > 1
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'card "%" is given twice', mask(twice)
            USING ERRCODE = '22023';
    END IF;
END
$$;
COMMENT ON FUNCTION
    card_issuer.check_pairs(screissue.card_id[], screissue.card_id[]) IS
    'check of the cards that a mass reissue pairs';

-- Locks the old cards; their columns, in their order.
-- Errors: SR004 unknown card; SR006 reissued already; SR005 its status forbids
-- it.
CREATE FUNCTION card_issuer.lock_reissuable(
    old_cards screissue.card_id[],
    OUT statuses screissue.card_status[],
    OUT platform_types integer[],
    OUT holder_ids text[],
    OUT opted_out_ats timestamp with time zone[])
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
AS $$
DECLARE
    example record;
BEGIN
    SELECT array_agg(l.status), array_agg(l.platform_type),
           array_agg(l.holder_id), array_agg(l.opted_out_at)
      INTO lock_reissuable.statuses, lock_reissuable.platform_types,
           lock_reissuable.holder_ids, lock_reissuable.opted_out_ats
      FROM (SELECT c.status, c.platform_type, c.holder_id, c.opted_out_at
              FROM unnest(old_cards) WITH ORDINALITY o (card_id)
              JOIN card_issuer.card c ON c.card_id = o.card_id
             ORDER BY o.ordinality
               FOR NO KEY UPDATE OF c) l;
    IF cardinality(lock_reissuable.statuses)
       IS DISTINCT FROM cardinality(old_cards) THEN
        PERFORM card_issuer.require_card(o.card_id)
           FROM unnest(old_cards) o (card_id);
    END IF;
    FOR example IN
        SELECT DISTINCT ON (o.status) o.card_id, o.status
          FROM unnest(old_cards, lock_reissuable.statuses) o (card_id, status)
         ORDER BY o.status
    LOOP
        PERFORM card_issuer.require_reissuable(example.card_id, example.status);
    END LOOP;
END
$$;
COMMENT ON FUNCTION card_issuer.lock_reissuable(screissue.card_id[]) IS
    'lock cards for their reissue';

-- The open requests of cards, in their order; NULL where there is none.
-- OFFSET 0: each is looked up by its card, however few are open.
CREATE FUNCTION card_issuer.open_requests(
    cards screissue.card_id[],
    OUT request_ids bigint[],
    OUT statuses screissue.request_status[],
    OUT reasons screissue.reissue_reason[])
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
AS $$
    SELECT array_agg(o.request_id), array_agg(o.status), array_agg(o.reason)
      FROM (SELECT r.request_id, r.status, r.reason
              FROM unnest(cards) WITH ORDINALITY c (card_id)
              LEFT JOIN LATERAL
                   (SELECT x.request_id, x.status, x.reason
                      FROM card_issuer.reissue_request x
                     WHERE x.old_card_id = c.card_id
                       AND x.status IN ('pending', 'approved')
                    OFFSET 0) r
                ON true
             ORDER BY c.ordinality) o
$$;
COMMENT ON FUNCTION card_issuer.open_requests(screissue.card_id[]) IS
    'open requests for the reissue of cards';

-- Completes the approved requests of the old cards, and writes one, examined by
-- the policy, for each card that has none; the reasons of all of them.
-- Errors: SR007 a request is pending, or the policy does not approve; what the
-- policy raises.
CREATE FUNCTION card_issuer.complete_requests(
    old_cards screissue.card_id[],
    new_cards screissue.card_id[],
    former_statuses screissue.card_status[],
    reason screissue.reissue_reason,
    OUT reasons screissue.reissue_reason[])
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    by_default CONSTANT boolean := card_issuer.policy_of('reissue') IS NULL;
    opened record;
    request record;
BEGIN
    PERFORM screissue.require_move('request', 'approved', 'approved',
                                   'completed');
    IF NOT by_default THEN
        PERFORM card_issuer.store_request(o.card_id, complete_requests.reason,
                                          NULL)
           FROM unnest(old_cards) o (card_id)
          WHERE (card_issuer.open_request(o.card_id)).request_id IS NULL;
    END IF;
    opened := card_issuer.open_requests(old_cards);
    FOR request IN
        SELECT p.old_card, p.new_card, p.former_status, p.request_id, p.status
          FROM unnest(old_cards, new_cards, former_statuses, opened.request_ids,
                      opened.statuses)
               p (old_card, new_card, former_status, request_id, status)
         WHERE p.request_id IS NOT NULL
            OR NOT by_default
    LOOP
        IF (request.status = 'approved') IS NOT TRUE THEN
            PERFORM card_issuer.raise_not_approved(request.old_card);
        END IF;
        PERFORM card_issuer.require_valid_approval(request.old_card,
                                                   request.request_id);
        UPDATE card_issuer.reissue_request r
           SET status = 'completed',
               new_card_id = request.new_card,
               former_status = request.former_status,
               completed_at = now()
         WHERE r.old_card_id = request.old_card
           AND r.request_id = request.request_id;
    END LOOP;
    PERFORM card_issuer.write_requests(
        old_cards, new_cards, former_statuses, opened.request_ids,
        complete_requests.reason);
    complete_requests.reasons := ARRAY(
        SELECT coalesce(o.reason, complete_requests.reason)
          FROM unnest(opened.reasons) WITH ORDINALITY o (reason)
         ORDER BY o.ordinality);
END
$$;
COMMENT ON FUNCTION card_issuer.complete_requests(
    screissue.card_id[], screissue.card_id[], screissue.card_status[],
    screissue.reissue_reason) IS
    'complete the requests for a mass reissue';

-- Writes completed requests, approved by the default policy, for the cards whose
-- request is NULL.
CREATE FUNCTION card_issuer.write_requests(
    old_cards screissue.card_id[],
    new_cards screissue.card_id[],
    statuses screissue.card_status[],
    request_ids bigint[],
    reason screissue.reissue_reason)
    RETURNS void
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
    SET plan_cache_mode = force_generic_plan
AS $$
    WITH missing AS MATERIALIZED (
        SELECT p.old_card, p.new_card, p.status,
               nextval('card_issuer.request_sequence') AS request_id,
               nextval('card_issuer.examination_sequence') AS examination_id
          FROM unnest(old_cards, new_cards, statuses, request_ids)
               p (old_card, new_card, status, request_id)
         WHERE p.request_id IS NULL),
    examined AS (
        INSERT INTO card_issuer.examination
               (card_id, examination_id, event, approved, reason, examined_at,
                valid_until, examiner, details)
        SELECT m.old_card, m.examination_id, 'reissue', v.approved, v.reason,
               now(), now() + v.valid_for,
               'card_issuer.default_policy(jsonb)', t.request
          FROM missing m
         CROSS JOIN LATERAL jsonb_build_object(
                   'event', 'reissue',
                   'request_id', m.request_id,
                   'reason', write_requests.reason,
                   'requested_by', NULL) t (request)
         CROSS JOIN LATERAL card_issuer.default_policy(t.request) v)
    INSERT INTO card_issuer.reissue_request
           (old_card_id, request_id, reason, status, requested_at,
            examination_id, new_card_id, former_status, completed_at)
    SELECT m.old_card, m.request_id, write_requests.reason, 'completed', now(),
           m.examination_id, m.new_card, m.status, now()
      FROM missing m
$$;
COMMENT ON FUNCTION card_issuer.write_requests(
    screissue.card_id[], screissue.card_id[], screissue.card_status[], bigint[],
    screissue.reissue_reason) IS
    'write the requests that a mass reissue needs';

-- Retires the old cards and issues the new ones in their place, on their platforms
-- and to their holders.
-- Errors: SR010 an id fails its platform's check; 23505 it was issued before.
CREATE FUNCTION card_issuer.replace_cards(
    old_cards screissue.card_id[],
    new_cards screissue.card_id[],
    platform_types integer[],
    holder_ids text[],
    opted_out_ats timestamp with time zone[])
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
AS $$
DECLARE
    issued bigint;
    taken screissue.card_id;
BEGIN
    UPDATE card_issuer.card c
       SET status = 'replaced',
           replaced_by = p.new_card,
           replaced_at = now()
      FROM unnest(old_cards, new_cards) p (old_card, new_card)
     WHERE c.card_id = p.old_card;
    PERFORM card_issuer.check_card_id(p.new_card, p.platform_type)
       FROM screissue.platform f
       JOIN unnest(new_cards, platform_types) p (new_card, platform_type)
         ON p.platform_type = f.platform_type
      WHERE (f.id_check = 'luhn' AND NOT luhn_valid(p.new_card))
         OR (f.id_check = 'mod97' AND NOT mod97_valid(p.new_card));
    INSERT INTO card_issuer.card
           (card_id, platform_type, holder_id, status, issued_at, opted_out_at,
            replaces)
    SELECT p.new_card, p.platform_type, p.holder_id, 'active', now(),
           p.opted_out_at, p.old_card
      FROM unnest(old_cards, new_cards, platform_types, holder_ids,
                  opted_out_ats)
           p (old_card, new_card, platform_type, holder_id, opted_out_at)
        ON CONFLICT ON CONSTRAINT card_pkey DO NOTHING;
    GET DIAGNOSTICS issued = ROW_COUNT;
    IF issued < cardinality(new_cards) THEN
        SELECT c.card_id INTO STRICT taken
          FROM unnest(old_cards, new_cards) p (old_card, new_card)
          JOIN card_issuer.card c ON c.card_id = p.new_card
         WHERE (c.replaces = p.old_card AND c.status <> 'revoked') IS NOT TRUE
         LIMIT 1;
        PERFORM card_issuer.raise_card_exists(taken);
    END IF;
    INSERT INTO card_issuer.opt_out (card_id, app_id, since)
    SELECT p.new_card, o.app_id, now()
      FROM unnest(old_cards, new_cards) p (old_card, new_card)
      JOIN card_issuer.opt_out o ON o.card_id = p.old_card;
END
$$;
COMMENT ON FUNCTION card_issuer.replace_cards(
    screissue.card_id[], screissue.card_id[], integer[], text[],
    timestamp with time zone[]) IS
    'replace the cards of a mass reissue';

-- Entitles the new cards to what the old ones leave; how many, and those that
-- the provider may be told of, each by the position of its card.
-- OFFSET 0: each card's loads are looked up by its id.
CREATE FUNCTION card_issuer.entitle_replacements(
    old_cards screissue.card_id[],
    new_cards screissue.card_id[],
    opted_out_ats timestamp with time zone[],
    OUT entitlements integer,
    OUT positions bigint[],
    OUT apps screissue.app_id[],
    OUT messages screissue.message_id[])
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
AS $$
    WITH inherited AS MATERIALIZED (
        SELECT p.ordinality, p.old_card, p.new_card, i.app_id, i.message_id,
               i.hops,
               p.opted_out_at IS NOT NULL OR o.app_id IS NOT NULL AS opted_out
          FROM unnest(old_cards, new_cards, opted_out_ats) WITH ORDINALITY
               p (old_card, new_card, opted_out_at)
         CROSS JOIN LATERAL
               (SELECT l.app_id, l.message_id, l.hops
                  FROM card_issuer.inheritable_load l
                 WHERE l.card_id = p.old_card
                OFFSET 0) i
          LEFT JOIN card_issuer.opt_out o
            ON o.card_id = p.old_card AND o.app_id = i.app_id),
    granted AS (
        INSERT INTO card_issuer.entitlement
               (card_id, app_id, message_id, old_card_id, hops, granted_at,
                opted_out_at)
        SELECT i.new_card, i.app_id, i.message_id, i.old_card, i.hops, now(),
               CASE WHEN i.opted_out THEN now() END
          FROM inherited i)
    SELECT count(*)::integer,
           array_agg(i.ordinality) FILTER (WHERE NOT i.opted_out),
           array_agg(i.app_id) FILTER (WHERE NOT i.opted_out),
           array_agg(i.message_id) FILTER (WHERE NOT i.opted_out)
      FROM inherited i
$$;
COMMENT ON FUNCTION card_issuer.entitle_replacements(
    screissue.card_id[], screissue.card_id[], timestamp with time zone[]) IS
    'write the entitlements of a mass reissue';

-- Writes the notices about the new cards, in the order of the old ones, and
-- returns how many: of the applications and loads in apps and messages, whose
-- cards are at positions.  To be called last, like write_notices.
CREATE FUNCTION card_issuer.notify_replacements(
    old_cards screissue.card_id[],
    new_cards screissue.card_id[],
    platform_types integer[],
    reasons screissue.reissue_reason[],
    positions bigint[],
    apps screissue.app_id[],
    messages screissue.message_id[])
    RETURNS integer
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
    SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    providers CONSTANT screissue.company_id[] := ARRAY(
        SELECT DISTINCT a.provider
          FROM unnest(apps) g (app_id)
          JOIN card_issuer.application a ON a.app_id = g.app_id
         ORDER BY a.provider);
    told screissue.company_id[];
    written bigint[];
BEGIN
    PERFORM
       FROM card_issuer.notice_counter k
      WHERE k.provider = ANY (providers)
      ORDER BY k.provider
        FOR NO KEY UPDATE;
    IF EXISTS (SELECT
                 FROM unnest(apps) g (app_id)
                 JOIN card_issuer.application a ON a.app_id = g.app_id
                WHERE a.provider <> ALL (providers)) THEN
        PERFORM card_issuer.raise_transferred();
    END IF;

    WITH due AS MATERIALIZED (
        SELECT a.app_id, a.provider, f.platform_type, k.last_notice_no
          FROM card_issuer.application a
          JOIN card_issuer.notice_counter k ON k.provider = a.provider
         CROSS JOIN screissue.platform f
         WHERE a.provider = ANY (providers)
           AND card_issuer.notice_is_due(a.provider, f.platform_type)),
    sent AS (
        INSERT INTO screissue.notice AS n
               (issuer, provider, notice_no, kind, platform_type, new_card_id,
                old_card_id, app_id, message_id, reason, noted_at)
        SELECT s.company_id::text, d.provider::text,
               d.last_notice_no
               + row_number() OVER (PARTITION BY d.provider
                                    ORDER BY g.position, g.app_id),
               'reissue', d.platform_type, new_cards[g.position]::text,
               old_cards[g.position]::text, g.app_id::text, g.message_id::text,
               reasons[g.position]::text, now()
          FROM unnest(positions, apps, messages)
               g (position, app_id, message_id)
          JOIN due d
            ON d.app_id = g.app_id
           AND d.platform_type = platform_types[g.position]
         CROSS JOIN card_issuer.self s
        RETURNING n.provider),
    by_provider AS (
        SELECT s.provider::company_id AS provider, count(*) AS notices
          FROM sent s
         GROUP BY s.provider)
    SELECT array_agg(b.provider), array_agg(b.notices) INTO told, written
      FROM by_provider b;
    UPDATE card_issuer.notice_counter k
       SET last_notice_no = k.last_notice_no + coalesce(
               written[array_position(told, k.provider)], 0)
     WHERE k.provider = ANY (providers);
    RETURN coalesce((SELECT sum(w.notices)
                       FROM unnest(written) w (notices)), 0);
END
$$;
COMMENT ON FUNCTION card_issuer.notify_replacements(
    screissue.card_id[], screissue.card_id[], integer[],
    screissue.reissue_reason[], bigint[], screissue.app_id[],
    screissue.message_id[]) IS
    'write the notices of a mass reissue';

-- Reissues many cards at once, all or nothing: writes what a call of reissue_card
-- would write for each of them, on the old card's platform, active, without end
-- of validity, and takes the turn of each provider once.  An approved request is
-- used; a card that has none gets one with the reason given, which the policy
-- examines.
-- Errors: SR004 unknown card; SR005 its status forbids it; SR006 reissued
-- already; SR007 a request is pending, or the policy does not approve; SR010 id
-- fails the platform's check; 23505 id issued before; 22023 not as many new cards
-- as old ones, or a card given twice; 40001.
CREATE FUNCTION card_issuer.reissue_cards(
    old_cards screissue.card_id[],
    new_cards screissue.card_id[],
    reason screissue.reissue_reason,
    OUT reissued integer,
    OUT entitlements integer,
    OUT notices integer)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
    SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    olds screissue.card_id[];
    news screissue.card_id[];
    former record;
    reasons screissue.reissue_reason[];
    granted record;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('reason', reissue_cards.reason IS NOT NULL);
    PERFORM card_issuer.check_pairs(reissue_cards.old_cards,
                                    reissue_cards.new_cards);
    SELECT coalesce(array_agg(p.old_card ORDER BY p.old_card), '{}'),
           coalesce(array_agg(p.new_card ORDER BY p.old_card), '{}')
      INTO olds, news
      FROM unnest(reissue_cards.old_cards, reissue_cards.new_cards)
           p (old_card, new_card);

    former := card_issuer.lock_reissuable(olds);
    reasons := card_issuer.complete_requests(olds, news, former.statuses,
                                             reissue_cards.reason);
    PERFORM card_issuer.replace_cards(
        olds, news, former.platform_types, former.holder_ids,
        former.opted_out_ats);
    granted := card_issuer.entitle_replacements(olds, news,
                                                former.opted_out_ats);
    reissue_cards.reissued := cardinality(olds);
    reissue_cards.entitlements := granted.entitlements;
    reissue_cards.notices := card_issuer.notify_replacements(
        olds, news, former.platform_types, reasons, granted.positions,
        granted.apps, granted.messages);
END
$$;
COMMENT ON FUNCTION card_issuer.reissue_cards(
    screissue.card_id[], screissue.card_id[], screissue.reissue_reason) IS
    'reissue many cards at once';

-- Batches of reissues: many more cards than one transaction should take
--
-- An operator inserts a row into reissue_batch, fills reissue_batch_item by COPY,
-- and calls run_reissue_batch, in several sessions if one is not enough.  Each
-- chunk is a transaction: after a crash or a cancel the same call goes on.

-- A batch, and that it may run.  Errors: 22023 unknown; 55000 cancelled.
CREATE FUNCTION card_issuer.require_batch(
    batch_id bigint,
    OUT reason screissue.reissue_reason)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    cancelled_at timestamp with time zone;
BEGIN
    SELECT b.reason, b.cancelled_at
      INTO require_batch.reason, cancelled_at
      FROM card_issuer.reissue_batch b
     WHERE b.batch_id = require_batch.batch_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'unknown batch %', require_batch.batch_id
            USING ERRCODE = '22023',
                  HINT = 'Give the batch_id of a row of card_issuer.reissue_batch.';
    ELSIF cancelled_at IS NOT NULL THEN
        RAISE EXCEPTION 'batch % is cancelled', require_batch.batch_id
            USING ERRCODE = '55000';
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.require_batch(bigint) IS
    'check that a batch may run';

-- First step of run_reissue_batch: checks its arguments, and refuses the items
-- whose old card another item of the batch issues: a chain is no mass reissue.
-- What was just filled has no statistics, and must not be compared item by item.
-- Errors: 22023; 55000 the batch is cancelled.
CREATE FUNCTION card_issuer.begin_reissue_batch(
    batch_id bigint,
    chunk integer,
    max_per_second integer)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
    SET enable_nestloop = off
AS $$
DECLARE
    refused bigint;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('batch_id',
                              begin_reissue_batch.batch_id IS NOT NULL);
    PERFORM screissue.require('chunk', begin_reissue_batch.chunk IS NOT NULL);
    IF begin_reissue_batch.chunk < 1 OR begin_reissue_batch.max_per_second < 1
    THEN
        RAISE EXCEPTION 'chunk and max_per_second must be positive'
            USING ERRCODE = '22023';
    END IF;
    PERFORM card_issuer.require_batch(begin_reissue_batch.batch_id);

    UPDATE card_issuer.reissue_batch_item i
       SET finished_at = now(),
           failure_state = '22023',
           failure = 'card is issued by the same batch'
     WHERE i.batch_id = begin_reissue_batch.batch_id
       AND i.finished_at IS NULL
       AND EXISTS (SELECT FROM card_issuer.reissue_batch_item j
                    WHERE j.batch_id = begin_reissue_batch.batch_id
                      AND j.new_card_id = i.old_card_id);
    GET DIAGNOSTICS refused = ROW_COUNT;
    UPDATE card_issuer.reissue_batch b
       SET started_at = coalesce(b.started_at, now()),
           last_chunk_at = clock_timestamp(),
           failed = b.failed + refused
     WHERE b.batch_id = begin_reissue_batch.batch_id;
END
$$;
COMMENT ON FUNCTION
    card_issuer.begin_reissue_batch(bigint, integer, integer) IS
    'first step of run_reissue_batch';

-- Is this an error that says nothing about the cards: of the server, or of
-- another transaction?
CREATE FUNCTION card_issuer.is_no_fault_of_cards(state text)
    RETURNS boolean
    LANGUAGE sql
    IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT left(state, 2) IN ('08', '25', '40', '53', '55', '57', '58', 'XX')
$$;
COMMENT ON FUNCTION card_issuer.is_no_fault_of_cards(text) IS
    'true for errors of the server';

-- Puts on record that items are done.
CREATE FUNCTION card_issuer.finish_items(
    batch_id bigint,
    item_nos bigint[],
    old_cards screissue.card_id[])
    RETURNS void
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
AS $$
    UPDATE card_issuer.reissue_batch_item i SET finished_at = now()
      FROM unnest(item_nos, old_cards) d (item_no, old_card)
     WHERE i.batch_id = finish_items.batch_id
       AND i.old_card_id = d.old_card
       AND i.item_no = d.item_no
$$;
COMMENT ON FUNCTION
    card_issuer.finish_items(bigint, bigint[], screissue.card_id[]) IS
    'put on record that items are done';

-- Reissues the cards of some items; where that fails, one half and then the
-- other, down to the items that are at fault, whose SQLSTATE and message are put
-- on record.  Returns how many failed.
CREATE FUNCTION card_issuer.try_items(
    batch_id bigint,
    reason screissue.reissue_reason,
    item_nos bigint[],
    old_cards screissue.card_id[],
    new_cards screissue.card_id[])
    RETURNS integer
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    items CONSTANT integer := cardinality(item_nos);
    half CONSTANT integer := items / 2;
    state text;
    reported text;
BEGIN
    BEGIN
        PERFORM card_issuer.reissue_cards(old_cards, new_cards,
                                          try_items.reason);
        PERFORM card_issuer.finish_items(try_items.batch_id, item_nos, old_cards);
        RETURN 0;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE,
                                reported = MESSAGE_TEXT;
        IF card_issuer.is_no_fault_of_cards(state) THEN
            RAISE;
        END IF;
    END;
    IF items > 1 THEN
        RETURN card_issuer.try_items(
                   try_items.batch_id, try_items.reason, item_nos[:half],
                   old_cards[:half], new_cards[:half])
             + card_issuer.try_items(
                   try_items.batch_id, try_items.reason, item_nos[half + 1:],
                   old_cards[half + 1:], new_cards[half + 1:]);
    END IF;
    UPDATE card_issuer.reissue_batch_item i
       SET finished_at = now(),
           failure_state = state,
           failure = reported
     WHERE i.batch_id = try_items.batch_id
       AND i.old_card_id = old_cards[1]
       AND i.item_no = item_nos[1];
    RETURN 1;
END
$$;
COMMENT ON FUNCTION card_issuer.try_items(
    bigint, screissue.reissue_reason, bigint[], screissue.card_id[],
    screissue.card_id[]) IS
    'reissue the cards of some items of a batch';

-- The first items of a batch that wait, in the order of their old cards, from a
-- card on or, NULL, from the first, without those that another session has in
-- hand; locks them.  By the index, not by sorting what waits for every chunk.
CREATE FUNCTION card_issuer.take_items(
    batch_id bigint,
    from_card screissue.card_id,
    items integer,
    OUT item_nos bigint[],
    OUT old_cards screissue.card_id[],
    OUT new_cards screissue.card_id[])
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
    SET enable_sort = off
AS $$
    SELECT array_agg(i.item_no), array_agg(i.old_card_id),
           array_agg(i.new_card_id)
      FROM (SELECT w.item_no, w.old_card_id, w.new_card_id
              FROM card_issuer.reissue_batch_item w
             WHERE w.batch_id = take_items.batch_id
               AND w.finished_at IS NULL
               AND w.old_card_id >= coalesce(
                       take_items.from_card,
                       (SELECT min(v.old_card_id)
                          FROM card_issuer.reissue_batch_item v
                         WHERE v.batch_id = take_items.batch_id))
             ORDER BY w.old_card_id, w.item_no
             LIMIT take_items.items
               FOR UPDATE SKIP LOCKED) i
$$;
COMMENT ON FUNCTION
    card_issuer.take_items(bigint, screissue.card_id, integer) IS
    'lock the items of a chunk';

-- One chunk of run_reissue_batch, to be committed: the items that wait, in the
-- order of their old cards, from a card on or, NULL, from the first.  last_card:
-- the last of them, NULL = there was none.
-- Errors: 22023; 55000 the batch is cancelled; 40001, 40P01 and errors of the
-- server, which say nothing about the cards.
CREATE FUNCTION card_issuer.run_reissue_chunk(
    batch_id bigint,
    from_card screissue.card_id,
    chunk integer,
    OUT last_card screissue.card_id,
    OUT done integer,
    OUT failed integer)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    reason screissue.reissue_reason;
    items record;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('chunk', run_reissue_chunk.chunk > 0);
    reason := card_issuer.require_batch(run_reissue_chunk.batch_id);
    items := card_issuer.take_items(
        run_reissue_chunk.batch_id, run_reissue_chunk.from_card,
        run_reissue_chunk.chunk);
    run_reissue_chunk.last_card :=
        items.old_cards[cardinality(items.old_cards)];
    run_reissue_chunk.failed := 0;
    IF run_reissue_chunk.last_card IS NOT NULL THEN
        run_reissue_chunk.failed := card_issuer.try_items(
            run_reissue_chunk.batch_id, reason, items.item_nos, items.old_cards,
            items.new_cards);
    END IF;
    run_reissue_chunk.done :=
        coalesce(cardinality(items.item_nos), 0) - run_reissue_chunk.failed;
    PERFORM card_issuer.count_chunk(
        run_reissue_chunk.batch_id, run_reissue_chunk.done,
        run_reissue_chunk.failed);
END
$$;
COMMENT ON FUNCTION
    card_issuer.run_reissue_chunk(bigint, screissue.card_id, integer) IS
    'one chunk of run_reissue_batch';

-- Counts what a chunk has done, and how fast all sessions are together: four
-- fifths of what it was before, a fifth of this chunk since the last one.
CREATE FUNCTION card_issuer.count_chunk(
    batch_id bigint,
    done integer,
    failed integer)
    RETURNS void
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE card_issuer.reissue_batch b
       SET done = b.done + count_chunk.done,
           failed = b.failed + count_chunk.failed,
           last_chunk_at = clock_timestamp(),
           rate = coalesce(0.8 * b.rate, n.rate * 0.8) + 0.2 * n.rate
      FROM (SELECT (count_chunk.done + count_chunk.failed)
                   / greatest(extract(epoch FROM clock_timestamp()
                                                 - w.last_chunk_at), 0.001)
                   AS rate
              FROM card_issuer.reissue_batch w
             WHERE w.batch_id = count_chunk.batch_id) n
     WHERE b.batch_id = count_chunk.batch_id
       AND count_chunk.done + count_chunk.failed > 0
$$;
COMMENT ON FUNCTION card_issuer.count_chunk(bigint, integer, integer) IS
    'count what a chunk of a batch has done';

-- Runs a batch: reissues the cards of its items, chunk by chunk, as reissue_cards
-- does, and commits after each.  An item that fails is put on record with its
-- SQLSTATE and message, and the others go on.  Called again, after a crash or a
-- cancel, it goes on with the items that are left; sessions that run the same
-- batch share them.  max_per_second: no more cards than that in a second, in
-- this session.
-- Errors: 22023 unknown batch, chunk or max_per_second not positive; 55000 the
-- batch is cancelled; 2D000 inside a transaction; 40001, 40P01 and errors of the
-- server: call it again.
CREATE PROCEDURE card_issuer.run_reissue_batch(
    batch_id bigint,
    chunk integer DEFAULT 5000,
    max_per_second integer DEFAULT NULL)
    LANGUAGE plpgsql
AS $$
DECLARE
    from_card screissue.card_id;
    result record;
    started timestamp with time zone;
    total_done bigint := 0;
    total_failed bigint := 0;
BEGIN
    PERFORM card_issuer.begin_reissue_batch(
        run_reissue_batch.batch_id, run_reissue_batch.chunk,
        run_reissue_batch.max_per_second);
    COMMIT;
    LOOP
        started := pg_catalog.clock_timestamp();
        SELECT r.last_card, r.done, r.failed INTO result
          FROM card_issuer.run_reissue_chunk(
                   run_reissue_batch.batch_id, from_card,
                   run_reissue_batch.chunk) r;
        COMMIT;
        -- From the start once more, for what another session has let go.
        EXIT WHEN result.last_card IS NULL AND from_card IS NULL;
        from_card := result.last_card;
        CONTINUE WHEN from_card IS NULL;

        total_done := total_done OPERATOR(pg_catalog.+) result.done;
        total_failed := total_failed OPERATOR(pg_catalog.+) result.failed;
        RAISE NOTICE 'batch %: % cards reissued, % failed',
            run_reissue_batch.batch_id, total_done, total_failed;
        PERFORM pg_catalog.pg_sleep_until(
            started OPERATOR(pg_catalog.+) pg_catalog.make_interval(
                secs => (result.done OPERATOR(pg_catalog.+) result.failed)
                        ::pg_catalog.float8
                        OPERATOR(pg_catalog./) run_reissue_batch.max_per_second))
          WHERE run_reissue_batch.max_per_second IS NOT NULL;
    END LOOP;
END
$$;
COMMENT ON PROCEDURE
    card_issuer.run_reissue_batch(bigint, integer, integer) IS
    'reissue the cards of a batch';

-- Stops a batch: sessions that run it end after their chunk, with 55000.  What is
-- done stays.  Repeatable.
-- Errors: 22023 unknown batch.
CREATE FUNCTION card_issuer.cancel_reissue_batch(batch_id bigint)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('batch_id',
                              cancel_reissue_batch.batch_id IS NOT NULL);
    UPDATE card_issuer.reissue_batch b
       SET cancelled_at = coalesce(b.cancelled_at, now())
     WHERE b.batch_id = cancel_reissue_batch.batch_id;
    IF NOT FOUND THEN
        PERFORM card_issuer.require_batch(cancel_reissue_batch.batch_id);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.cancel_reissue_batch(bigint) IS
    'stop a batch of reissues';

-- Expiry, and renewal: the card keeps its id and gets another end of validity
-- (E17)

-- Gives the status expired to cards whose last day is past.  That changes what
-- is on record, and nothing else: such a card has not worked since that day.
-- To be called now and then; blocked cards stay as they are.  Returns how many.
CREATE FUNCTION card_issuer.expire_cards()
    RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    expired bigint;
BEGIN
    PERFORM card_issuer.own_company();
    UPDATE card_issuer.card c
       SET status = 'expired',
           former_status = c.status
     WHERE c.valid_until < today()
       AND c.status IN ('produced', 'active')
       AND may_move('card', c.status::text, 'expired');
    GET DIAGNOSTICS expired = ROW_COUNT;
    RETURN expired;
END
$$;
COMMENT ON FUNCTION card_issuer.expire_cards() IS
    'record that cards have expired';

-- Sets the end of validity of a card that keeps its id: there is no pair, and
-- nothing is inherited.  The providers whose applications are loaded on it get
-- a notice of kind renewal each, if notices are due to them now; one that is
-- not is never written later, for it asks nothing of the provider.  A card that
-- expired works again.  Repeatable: the same date again changes nothing and
-- tells nobody.
-- Errors: SR004 unknown card; SR005 neither active, produced, suspended nor
-- expired; 22023.
CREATE FUNCTION card_issuer.renew_card(
    card screissue.card_id,
    valid_until date)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    row_of_card record;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.require('valid_until', renew_card.valid_until IS NOT NULL);
    PERFORM card_issuer.check_valid_until(renew_card.valid_until);
    row_of_card := card_issuer.lock_card(renew_card.card);
    IF row_of_card.status = 'expired' THEN
        PERFORM card_issuer.require_card_move(
            renew_card.card, row_of_card.status, row_of_card.former_status);
        UPDATE card_issuer.card c
           SET status = c.former_status,
               former_status = NULL
         WHERE c.card_id = renew_card.card;
    ELSIF row_of_card.status NOT IN ('active', 'produced', 'suspended') THEN
        PERFORM card_issuer.raise_card_status(
            renew_card.card, row_of_card.status, 'renewed');
    END IF;
    UPDATE card_issuer.card c SET valid_until = renew_card.valid_until
     WHERE c.card_id = renew_card.card
       AND c.valid_until IS DISTINCT FROM renew_card.valid_until;
    IF FOUND THEN
        PERFORM card_issuer.write_notices(
            card_issuer.draft_renewals(renew_card.card));
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.renew_card(screissue.card_id, date) IS
    'renew a card that keeps its id (E17)';

-- A notice about every live load on a renewed card, unless the holder opted out.
CREATE FUNCTION card_issuer.draft_renewals(card screissue.card_id)
    RETURNS card_issuer.draft_notice[]
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT ARRAY(
        SELECT ROW(a.provider, 'renewal', c.platform_type, c.card_id, NULL,
                   NULL, l.app_id, l.message_id, NULL
                  )::card_issuer.draft_notice
          FROM card_issuer.card c
          JOIN card_issuer.app_load l ON l.card_id = c.card_id
          JOIN card_issuer.application a ON a.app_id = l.app_id
         WHERE c.card_id = card
           AND l.status = 'loaded'
           AND NOT card_issuer.is_opted_out(card, l.app_id)
         ORDER BY l.app_id)
$$;
COMMENT ON FUNCTION card_issuer.draft_renewals(screissue.card_id) IS
    'drafts of the notices of a renewal';

-- The pair, both ways (claims 1, 2; R18), and the whole chain

-- The card that this one replaced; NULL if none, or if the reissue was
-- withdrawn.  Errors: SR004 unknown card.
CREATE FUNCTION card_issuer.find_old_card(card screissue.card_id)
    RETURNS screissue.card_id
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.require_card(find_old_card.card);
    RETURN card_issuer.predecessor(find_old_card.card);
END
$$;
COMMENT ON FUNCTION card_issuer.find_old_card(screissue.card_id) IS
    'old card of a reissued card (Fig. 13)';

-- The card that replaced this one; NULL if none.
-- Errors: SR004 unknown card.
CREATE FUNCTION card_issuer.find_new_card(card screissue.card_id)
    RETURNS screissue.card_id
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.require_card(find_new_card.card);
    RETURN (SELECT c.replaced_by
              FROM card_issuer.card c
             WHERE c.card_id = find_new_card.card);
END
$$;
COMMENT ON FUNCTION card_issuer.find_new_card(screissue.card_id) IS
    'reissued card of an old card (Fig. 13)';

-- The old card of a pair that still stands.
CREATE FUNCTION card_issuer.predecessor(card screissue.card_id)
    RETURNS screissue.card_id
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT o.card_id
      FROM card_issuer.card c
      JOIN card_issuer.card o
        ON o.card_id = c.replaces
       AND o.replaced_by = c.card_id
     WHERE c.card_id = card
$$;
COMMENT ON FUNCTION card_issuer.predecessor(screissue.card_id) IS
    'old card of a pair that still stands';

CREATE FUNCTION card_issuer.require_card(card screissue.card_id)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM card_issuer.card c
                    WHERE c.card_id = require_card.card) THEN
        PERFORM card_issuer.raise_unknown_card(require_card.card);
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.require_card(screissue.card_id) IS
    'check that a card was issued';

-- Raises 54000 when a walk along a chain has seen more cards than
-- screissue.max_lineage (E4).
CREATE FUNCTION card_issuer.check_lineage_length(cards integer)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF cards > current_setting('screissue.max_lineage')::integer THEN
        RAISE EXCEPTION 'chain of reissued cards is longer than %',
            current_setting('screissue.max_lineage')
            USING ERRCODE = '54000',
                  HINT = 'A superuser can raise screissue.max_lineage.';
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.check_lineage_length(integer) IS
    'check the length of a chain of cards';

-- Every card of the chain, from the first (hop 0) to the last, the given one
-- included.  Errors: SR004 unknown card; 54000 chain too long.
CREATE FUNCTION card_issuer.lineage(
    card screissue.card_id,
    OUT hop integer,
    OUT card_id screissue.card_id,
    OUT status screissue.card_status,
    OUT issued_at timestamp with time zone)
    RETURNS SETOF record
    LANGUAGE plpgsql
    STABLE
    ROWS 3
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    first screissue.card_id := lineage.card;
    older screissue.card_id;
    newer screissue.card_id;
    steps integer := 1;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.require_card(lineage.card);
    LOOP
        older := card_issuer.predecessor(first);
        EXIT WHEN older IS NULL;
        first := older;
        steps := steps + 1;
        PERFORM card_issuer.check_lineage_length(steps);
    END LOOP;

    lineage.hop := 0;
    lineage.card_id := first;
    WHILE lineage.card_id IS NOT NULL LOOP
        PERFORM card_issuer.check_lineage_length(lineage.hop + 1);
        SELECT c.status, c.issued_at, c.replaced_by
          INTO lineage.status, lineage.issued_at, newer
          FROM card_issuer.card c
         WHERE c.card_id = lineage.card_id;
        RETURN NEXT;
        lineage.hop := lineage.hop + 1;
        lineage.card_id := newer;
    END LOOP;
END
$$;
COMMENT ON FUNCTION card_issuer.lineage(screissue.card_id) IS
    'all cards of a chain of reissues';

-- Evidence: why a reissue was decided as it was, and who was told of it

-- What an examination came to, by what, and on which data.  NULL: there was none.
CREATE FUNCTION card_issuer.explain_verdict(
    card screissue.card_id,
    examination_id bigint)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT card_issuer.describe_examination(x.card_id, x.examination_id)
           || jsonb_build_object(
                  'examination_id', x.examination_id,
                  'policy_sha256', x.details -> 'policy_sha256',
                  'told', x.details - 'policy_sha256')
      FROM card_issuer.examination x
     WHERE x.card_id = card
       AND x.examination_id = explain_verdict.examination_id
$$;
COMMENT ON FUNCTION card_issuer.explain_verdict(screissue.card_id, bigint) IS
    'verdict of an examination as evidence';

-- An examination as evidence: what was judged, the verdict, and, if it was reused,
-- that of the examination that was really made.  NULL: there was none.
CREATE FUNCTION card_issuer.explain_examination(
    card screissue.card_id,
    examination_id bigint)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT card_issuer.explain_verdict(x.card_id, x.examination_id)
           || jsonb_build_object(
                  'event', x.event,
                  'substitutes',
                  card_issuer.explain_verdict(x.substitutes_card_id,
                                              x.substitutes)
                  || jsonb_build_object('card_id', x.substitutes_card_id::text))
      FROM card_issuer.examination x
     WHERE x.card_id = card
       AND x.examination_id = explain_examination.examination_id
$$;
COMMENT ON FUNCTION
    card_issuer.explain_examination(screissue.card_id, bigint) IS
    'an examination as evidence';

-- A load as evidence: the examination by which it was permitted, its price and
-- the line of the tariff that gave it, the examination of its receipt, and the
-- last finding about it.  NULL: there is none.
CREATE FUNCTION card_issuer.explain_load(
    card screissue.card_id,
    message screissue.message_id)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT jsonb_build_object(
               'message_id', l.message_id::text,
               'card_id', l.card_id::text,
               'status', l.status,
               'inherits', l.inherits::text,
               'permitted_at', l.permitted_at,
               'loaded_at', l.loaded_at,
               'ended_at', l.ended_at,
               'receipt', encode(l.receipt, 'hex'),
               'fee', l.fee,
               'currency', l.currency,
               'tariff', CASE WHEN l.fee IS NOT NULL
                              THEN jsonb_build_object(
                                       'kind', l.tariff_kind,
                                       'reason', l.tariff_reason) END,
               'refunded_at', l.refunded_at,
               'examination', card_issuer.explain_examination(
                                  l.card_id, l.examination_id),
               'proof',
               (SELECT card_issuer.explain_examination(
                           x.card_id, x.examination_id)
                  FROM card_issuer.examination x
                 WHERE x.card_id = l.card_id
                   AND x.event = 'confirm'
                   AND x.details ->> 'load' = l.message_id::text),
               'finding', card_issuer.explain_examination(
                              l.card_id, l.finding_id))
      FROM card_issuer.app_load l
     WHERE l.card_id = card
       AND l.message_id = message
$$;
COMMENT ON FUNCTION
    card_issuer.explain_load(screissue.card_id, screissue.message_id) IS
    'a load as evidence';

-- What a reissued card inherited when it replaced its old card.  Its entitlement
-- tells, unless that was overwritten when a card that replaced it was withdrawn:
-- then the first reload on it, or what it passed on to that card.
CREATE FUNCTION card_issuer.first_inherited(
    card screissue.card_id,
    app screissue.app_id)
    RETURNS screissue.message_id
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    entitled record;
BEGIN
    SELECT e.message_id, e.old_card_id, c.replaces INTO entitled
      FROM card_issuer.entitlement e
      JOIN card_issuer.card c ON c.card_id = e.card_id
     WHERE e.card_id = card
       AND e.app_id = app;
    IF NOT FOUND OR entitled.old_card_id = entitled.replaces THEN
        RETURN entitled.message_id;
    END IF;
    RETURN coalesce(
        (SELECT l.inherits
           FROM card_issuer.app_load l
          WHERE l.card_id = card
            AND l.app_id = app
            AND l.tariff_kind = 'reload'
            AND l.loaded_at IS NOT NULL
          ORDER BY l.message_id
          LIMIT 1),
        card_issuer.first_inherited(entitled.old_card_id, app));
END
$$;
COMMENT ON FUNCTION
    card_issuer.first_inherited(screissue.card_id, screissue.app_id) IS
    'what a card inherited at its reissue';

-- What a reissued card inherited: for each application the old load, the
-- notices and replies that told of it, and the reloads made on it.  handed_back:
-- a load that came back later, from a card whose reissue was withdrawn.
CREATE FUNCTION card_issuer.explain_inheritance(card screissue.card_id)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    WITH told AS MATERIALIZED (
        SELECT t.*
          FROM card_issuer.told(card) t
         WHERE t.kind <> 'renewal')
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'app_id', e.app_id::text,
               'inherits', e.inherits::text,
               'handed_back', CASE WHEN (e.message_id = e.inherits) IS NOT TRUE
                                   THEN e.message_id::text END,
               'hops', e.hops,
               'granted_at', e.granted_at,
               'used_at', e.used_at,
               'withdrawn_at', e.withdrawn_at,
               'opted_out_at', e.opted_out_at,
               'old_load',
               (SELECT card_issuer.explain_load(o.card_id, o.message_id)
                  FROM card_issuer.app_load o
                 WHERE o.message_id = e.inherits),
               'recipients',
               (SELECT coalesce(jsonb_agg(to_jsonb(t) - 'app_id'), '[]')
                  FROM told t
                 WHERE t.app_id = e.app_id),
               'reloads',
               (SELECT coalesce(
                           jsonb_agg(card_issuer.explain_load(
                                         card, l.message_id)
                                     ORDER BY l.message_id), '[]')
                  FROM card_issuer.app_load l
                 WHERE l.card_id = card
                   AND l.app_id = e.app_id
                   AND l.tariff_kind = 'reload'))
               ORDER BY e.app_id), '[]')
      FROM (SELECT x.*, card_issuer.first_inherited(card, x.app_id) AS inherits
              FROM card_issuer.entitlement x
             WHERE x.card_id = card) e
$$;
COMMENT ON FUNCTION card_issuer.explain_inheritance(screissue.card_id) IS
    'what a reissued card inherited, as evidence';

-- The whole proof of a verdict on a request for a reissue, years later: the
-- request, its examination with the policy and all that it was told, the ones
-- before it (what the policy left open and a person decided, what was approved and
-- then withdrawn), the pair, and for each application what was inherited, who was
-- told, and by which examination and price it was reloaded.  What there is not is
-- null; times are in UTC.
-- Errors: SR004 unknown card; 22023 unknown request.
CREATE FUNCTION card_issuer.explain_decision(
    card screissue.card_id,
    request_id bigint)
    RETURNS jsonb
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
    SET timezone = 'UTC'
AS $$
DECLARE
    evidence jsonb;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.require_card(explain_decision.card);
    SELECT jsonb_build_object(
               'request', jsonb_build_object(
                   'request_id', r.request_id,
                   'card_id', r.old_card_id::text,
                   'reason', r.reason,
                   'requested_by', r.requested_by,
                   'requested_at', r.requested_at,
                   'status', r.status,
                   'refusal', r.refusal,
                   'completed_at', r.completed_at),
               'examination', card_issuer.explain_examination(
                                  r.old_card_id, r.examination_id),
               'earlier_examinations',
               (SELECT coalesce(
                           jsonb_agg(card_issuer.explain_examination(
                                         x.card_id, x.examination_id)
                                     ORDER BY x.examination_id), '[]')
                  FROM card_issuer.examination x
                 WHERE x.card_id = r.old_card_id
                   AND x.event = 'reissue'
                   AND x.details ->> 'request_id' = r.request_id::text
                   AND x.examination_id <> r.examination_id),
               'pair', CASE WHEN r.new_card_id IS NOT NULL
                            THEN jsonb_build_object(
                                     'old_card_id', o.card_id::text,
                                     'old_platform_type', o.platform_type,
                                     'new_card_id', n.card_id::text,
                                     'new_platform_type', n.platform_type,
                                     'issued_at', n.issued_at) END,
               'applications', card_issuer.explain_inheritance(r.new_card_id))
      INTO evidence
      FROM card_issuer.reissue_request r
      JOIN card_issuer.card o ON o.card_id = r.old_card_id
      LEFT JOIN card_issuer.card n ON n.card_id = r.new_card_id
     WHERE r.old_card_id = explain_decision.card
       AND r.request_id = explain_decision.request_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'card "%" has no request %',
            mask(explain_decision.card), explain_decision.request_id
            USING ERRCODE = '22023',
                  HINT = 'Give the request_id that request_reissue returned.';
    END IF;
    RETURN evidence;
END
$$;
COMMENT ON FUNCTION card_issuer.explain_decision(screissue.card_id, bigint) IS
    'proof of a verdict on a request for a reissue';

-- Who was told what this card, a reissued one, inherits: by notice, or by the
-- positive reply to an inquiry.
CREATE FUNCTION card_issuer.told(
    card screissue.card_id,
    OUT provider screissue.company_id,
    OUT app_id screissue.app_id,
    OUT kind text,
    OUT notice_no bigint,
    OUT carrier text,
    OUT noted_at timestamp with time zone,
    OUT delivered_at timestamp with time zone)
    RETURNS SETOF record
    LANGUAGE sql
    STABLE
    ROWS 4
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT p.provider, n.app_id::screissue.app_id, n.kind, n.notice_no,
           CASE p.delivery WHEN 'push' THEN 'replication' ELSE 'pull' END,
           n.noted_at, NULL::timestamptz
      FROM screissue.notice n
      JOIN card_issuer.provider p ON p.provider = n.provider::company_id
     WHERE n.new_card_id = card::text
       AND n.issuer = card_issuer.own_company()::text
     UNION ALL
    SELECT i.provider, i.app_id, 'reissue', NULL, 'inquiry',
           i.asked_at, i.asked_at
      FROM card_issuer.inquiry i
     WHERE i.card_id = card
       AND i.reissued
     ORDER BY 6, 1, 2, 4
$$;
COMMENT ON FUNCTION card_issuer.told(screissue.card_id) IS
    'who was told what a card inherits';

-- Issuer reporting: who was told of the reissue of this card, as the old or as
-- the new one, or of its renewal, when and by which carrier, as the contract has
-- it now.  A notice by replication or pull is
-- noted here when it is written; delivered_at is known of replies only, see
-- pg_replication_slots and the provider for the others.  A reply by find_reissue
-- leaves no record.
-- Errors: SR004 unknown card.
CREATE FUNCTION card_issuer.recipients(
    card screissue.card_id,
    OUT provider screissue.company_id,
    OUT app_id screissue.app_id,
    OUT notice_no bigint,
    OUT carrier text,
    OUT noted_at timestamp with time zone,
    OUT delivered_at timestamp with time zone)
    RETURNS SETOF record
    LANGUAGE plpgsql
    STABLE
    ROWS 4
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.require_card(recipients.card);
    RETURN QUERY
        SELECT t.provider, t.app_id, t.notice_no, t.carrier, t.noted_at,
               t.delivered_at
          FROM (SELECT recipients.card AS card_id, true AS is_new
                 UNION ALL
                SELECT r.new_card_id, false
                  FROM card_issuer.reissue_request r
                 WHERE r.old_card_id = recipients.card
                   AND r.new_card_id IS NOT NULL) c
         CROSS JOIN LATERAL card_issuer.told(c.card_id) t
         WHERE c.is_new OR t.kind <> 'renewal'
         ORDER BY t.noted_at, t.provider, t.app_id, t.notice_no;
END
$$;
COMMENT ON FUNCTION card_issuer.recipients(screissue.card_id) IS
    'who was told of the reissue of a card';

-- Publications of notices, one for each partner that subscribes

-- Name of a provider's publication.
CREATE FUNCTION card_issuer.publication_name(provider screissue.company_id)
    RETURNS name
    LANGUAGE sql
    IMMUTABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT 'screissue_' || lower(publication_name.provider::text COLLATE "C")
$$;
COMMENT ON FUNCTION card_issuer.publication_name(screissue.company_id) IS
    'name of the publication of a provider';

-- Which of the issuer's notices go to a provider, as the server shows it.
CREATE FUNCTION card_issuer.row_filter(provider screissue.company_id)
    RETURNS text
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT format('((issuer = %L::text) AND (provider = %L::text))',
                  card_issuer.own_company(), row_filter.provider)
$$;
COMMENT ON FUNCTION card_issuer.row_filter(screissue.company_id) IS
    'row filter of the publication of a provider';

-- What is wrong with a publication, as that of the rows which row_filter, as the
-- server shows it, lets through; no rows, if nothing is.  Whoever owns one can
-- change what it publishes.
CREATE FUNCTION card_issuer.publication_problems(
    publication name,
    row_filter text)
    RETURNS SETOF text
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
    SET quote_all_identifiers = off
AS $$
    SELECT f.problem
      FROM pg_publication p
     CROSS JOIN LATERAL
           (SELECT array_agg(t.prrelid::regclass::text ORDER BY t.prrelid)
                       AS others
              FROM pg_publication_rel t
             WHERE t.prpubid = p.oid
               AND t.prrelid <> coalesce(to_regclass('screissue.notice'), 0)) r
      LEFT JOIN pg_publication_rel w
        ON w.prpubid = p.oid
       AND w.prrelid = to_regclass('screissue.notice')
     CROSS JOIN LATERAL (VALUES
           (1, p.puballtables, 'publishes all tables'),
           (2, EXISTS (SELECT FROM pg_publication_namespace n
                        WHERE n.pnpubid = p.oid),
            'publishes all tables of a schema'),
           (3, r.others IS NOT NULL,
            'publishes other tables: ' || array_to_string(r.others, ', ')),
           (4, w.oid IS NULL AND NOT p.puballtables,
            'does not publish screissue.notice'),
           (5, w.oid IS NOT NULL AND w.prqual IS NULL, 'has no row filter'),
           (6, pg_get_expr(w.prqual, w.prrelid) <> publication_problems.row_filter,
            'has another row filter'),
           (7, w.prattrs IS NOT NULL, 'publishes some columns only'),
           (8, NOT p.pubinsert, 'does not publish inserts'),
           (9, p.pubupdate OR p.pubdelete OR p.pubtruncate,
            'publishes more than inserts'),
           (10, NOT (SELECT o.rolsuper FROM pg_roles o WHERE o.oid = p.pubowner),
            format('belongs to role "%s", which is not superuser',
                   pg_get_userbyid(p.pubowner)))) f (line, found, problem)
     WHERE p.pubname = publication_problems.publication
       AND f.found
     ORDER BY f.line
$$;
COMMENT ON FUNCTION card_issuer.publication_problems(name, text) IS
    'what is wrong with the publication of a provider';

-- Is there the provider's publication: its notices, inserts only, and nothing
-- else?  Errors: 42710 there is another by its name.
CREATE FUNCTION card_issuer.has_publication(provider screissue.company_id)
    RETURNS boolean
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    publication CONSTANT name :=
        card_issuer.publication_name(has_publication.provider);
    problem text;
BEGIN
    SELECT string_agg(f.problem, ', ') INTO problem
      FROM card_issuer.publication_problems(
               publication,
               card_issuer.row_filter(has_publication.provider)) f (problem);
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION 'publication "%" exists and is not for the notices of provider "%"',
            publication, has_publication.provider
            USING ERRCODE = '42710',
                  DETAIL = format('It %s.', problem);
    END IF;
    RETURN EXISTS (SELECT
                     FROM pg_publication p
                    WHERE p.pubname = publication);
END
$$;
COMMENT ON FUNCTION card_issuer.has_publication(screissue.company_id) IS
    'true if the publication of a provider exists';

-- Makes the publication of a provider's notices, inserts only, and returns
-- its name.  Repeatable.  Errors: SR002 unknown provider; 42710 there is
-- something else by that name.
CREATE FUNCTION card_issuer.create_publication(
    provider screissue.company_id)
    RETURNS name
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    publication CONSTANT name :=
        card_issuer.publication_name(create_publication.provider);
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.require_provider(create_publication.provider);
    IF NOT card_issuer.has_publication(create_publication.provider) THEN
        EXECUTE format('CREATE PUBLICATION %I FOR TABLE screissue.notice'
                       ' WHERE %s WITH (publish = ''insert'')',
                       publication,
                       card_issuer.row_filter(create_publication.provider));
        EXECUTE format('COMMENT ON PUBLICATION %I IS %L', publication,
                       'notices to ' || create_publication.provider::text);
    END IF;
    RETURN publication;
END
$$;
COMMENT ON FUNCTION card_issuer.create_publication(screissue.company_id) IS
    'create the publication of a provider''s notices';

-- Drops the publication of a provider's notices, if there is one.
-- Errors: SR002 unknown provider; 42710 there is something else by that name.
CREATE FUNCTION card_issuer.drop_publication(provider screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.require_provider(drop_publication.provider);
    IF card_issuer.has_publication(drop_publication.provider) THEN
        EXECUTE format('DROP PUBLICATION %I',
                       card_issuer.publication_name(drop_publication.provider));
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.drop_publication(screissue.company_id) IS
    'drop the publication of a provider''s notices';

-- What is wrong with the publications: one row for each problem, none if all is as
-- create_publication makes it.  A provider whose delivery is push needs one until
-- its contract has ended; others may have one.  provider is NULL for a publication
-- that has a name like ours and is nobody's.
CREATE FUNCTION card_issuer.publication_check(
    OUT provider screissue.company_id,
    OUT publication name,
    OUT problem text)
    RETURNS SETOF record
    LANGUAGE plpgsql
    STABLE
    ROWS 10
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    RETURN QUERY
        WITH expected AS MATERIALIZED (
            SELECT p.provider, n.publication, b.oid IS NOT NULL AS is_there,
                   p.delivery = 'push'
                   AND coalesce(p.contract_until >= today(), true) AS is_needed
              FROM card_issuer.provider p
             CROSS JOIN LATERAL card_issuer.publication_name(p.provider)
                   n (publication)
              LEFT JOIN pg_publication b ON b.pubname = n.publication),
        found AS (
            SELECT e.provider, e.publication, 'is missing' AS problem
              FROM expected e
             WHERE e.is_needed AND NOT e.is_there
             UNION ALL
            SELECT e.provider, e.publication, f.problem
              FROM expected e
             CROSS JOIN LATERAL card_issuer.publication_problems(
                       e.publication, card_issuer.row_filter(e.provider))
                   f (problem)
             WHERE e.is_there
             UNION ALL
            SELECT NULL, b.pubname, 'is not of any provider'
              FROM pg_publication b
             WHERE starts_with(b.pubname::text, 'screissue_')
               AND b.pubname NOT IN (SELECT e.publication FROM expected e))
        SELECT f.provider, f.publication, f.problem
          FROM found f
         ORDER BY f.publication, f.problem;
END
$$;
COMMENT ON FUNCTION card_issuer.publication_check() IS
    'what is wrong with the publications of providers';

-- Which replication slots serve which provider, for the view delivery

-- Slots of this database by which a provider may stream, and how far they are.  A
-- slot is a provider's if it has the name of its publication, or that and more
-- after an underscore, which no company id contains; a slot by another name if the
-- provider's role streams from it now.  What copies tables for a new subscription is
-- none.  caught_up: the subscriber has confirmed all that any transaction which we
-- can see has written, and no initial copy is under way in this database.
--
-- On a standby it shows the slots of the standby.
CREATE FUNCTION card_issuer.provider_slots(
    OUT provider screissue.company_id,
    OUT slot_name name,
    OUT role_name name,
    OUT active boolean,
    OUT wal_status text,
    OUT safe_wal_size bigint,
    OUT lag_bytes numeric,
    OUT lag interval,
    OUT caught_up boolean)
    RETURNS SETOF record
    LANGUAGE plpgsql
    VOLATILE
    ROWS 10
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    -- Not before the snapshot of the query that calls: what is visible in it was
    -- written before here.
    written CONSTANT pg_lsn := CASE WHEN pg_is_in_recovery()
                                    THEN pg_last_wal_replay_lsn()
                                    ELSE pg_current_wal_insert_lsn() END;
BEGIN
    PERFORM card_issuer.own_company();
    RETURN QUERY
        WITH slot AS MATERIALIZED (
            SELECT t.slot_name, t.active, t.active_pid, t.wal_status,
                   t.safe_wal_size, t.confirmed_flush_lsn,
                   t.slot_name ~ '^pg_[0-9]+_sync_[0-9]+_' AS is_copy
              FROM pg_replication_slots t
             WHERE t.slot_type = 'logical'
               AND t.database = current_database()),
        sender AS MATERIALIZED (
            SELECT r.pid, r.usename, r.replay_lag
              FROM pg_stat_replication r),
        named AS MATERIALIZED (
            SELECT p.provider, p.role_name,
                   card_issuer.publication_name(p.provider)::text AS publication
              FROM card_issuer.provider p)
        SELECT n.provider, s.slot_name, r.usename, s.active, s.wal_status,
               s.safe_wal_size, written - s.confirmed_flush_lsn, r.replay_lag,
               s.confirmed_flush_lsn >= written
               AND s.wal_status <> 'lost'
               AND NOT EXISTS (SELECT FROM slot c WHERE c.is_copy)
          FROM slot s
          LEFT JOIN sender r ON r.pid = s.active_pid
          JOIN LATERAL
               (SELECT n.provider
                  FROM named n
                 WHERE n.publication = s.slot_name::text
                    OR starts_with(s.slot_name::text, n.publication || '_')
                    OR n.role_name = r.usename
                 ORDER BY n.role_name = r.usename
                 LIMIT 1) n ON true
         WHERE NOT s.is_copy
         ORDER BY n.provider, s.slot_name;
END
$$;
COMMENT ON FUNCTION card_issuer.provider_slots() IS
    'replication slots of providers';

-- What goes to a provider on paper (R10, E29)

-- A notice as a form to print, which type_notice of the provider reads.
-- Errors: 42501 not the caller's provider; SR002 unknown, or its contract is
-- not in force (operators may print on); 22023 there is no such notice.
CREATE FUNCTION card_issuer.print_notice(
    provider screissue.company_id,
    notice_no bigint)
    RETURNS text
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    own CONSTANT text := card_issuer.own_company()::text;
    form text;
BEGIN
    PERFORM screissue.require('provider', print_notice.provider IS NOT NULL);
    PERFORM screissue.require('notice_no', print_notice.notice_no IS NOT NULL);
    PERFORM card_issuer.require_reader(print_notice.provider);
    SELECT screissue.print_paper('notice', ARRAY[
               n.issuer, n.provider, n.notice_no::text, n.kind,
               n.platform_type::text, n.new_card_id, n.old_card_id, n.app_id,
               n.message_id, n.reason, screissue.paper_time(n.noted_at)])
      INTO form
      FROM screissue.notice n
     WHERE n.issuer = own
       AND n.provider = print_notice.provider::text
       AND n.notice_no = print_notice.notice_no;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'provider "%" has no notice %',
            print_notice.provider, print_notice.notice_no
            USING ERRCODE = '22023';
    END IF;
    RETURN form;
END
$$;
COMMENT ON FUNCTION
    card_issuer.print_notice(screissue.company_id, bigint) IS
    'notice on paper';

-- What a provider would be told: asks as inquire does, by attribute, or as
-- find_reissue does, by card id; a card whose id only the issuer may read is
-- unknown by it (R42).
-- Errors: as inquire, as find_reissue.
CREATE FUNCTION card_issuer.answer(
    app screissue.app_id,
    attribute screissue.card_attribute,
    card screissue.card_id,
    printed_number text,
    OUT platform_type integer,
    OUT reissued boolean,
    OUT message_id screissue.message_id,
    OUT old_card_id screissue.card_id)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF answer.attribute IS NOT NULL THEN
        SELECT i.platform_type, i.reissued, i.message_id
          INTO STRICT answer.platform_type, answer.reissued, answer.message_id
          FROM card_issuer.inquire(answer.attribute, answer.app,
                                   answer.printed_number) i;
        RETURN;
    END IF;
    SELECT f.platform_type, f.reissued, f.message_id, f.old_card_id
      INTO STRICT answer.platform_type, answer.reissued, answer.message_id,
                  answer.old_card_id
      FROM card_issuer.find_reissue(answer.card, answer.app) f;
    IF (screissue.method_of(answer.platform_type) = 1) IS NOT TRUE THEN
        answer.platform_type := 200;
        answer.reissued := false;
        answer.message_id := NULL;
        answer.old_card_id := NULL;
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.answer(
    screissue.app_id, screissue.card_attribute, screissue.card_id, text) IS
    'what a provider would be told about a card';

-- The reply to an inquiry by attribute or by card id as a form to print, which
-- type_reply of the provider reads.  For operators.
-- Errors: 22023 both or neither of attribute and card; as inquire, as
-- find_reissue.
CREATE FUNCTION card_issuer.print_reply(
    app screissue.app_id,
    attribute screissue.card_attribute DEFAULT NULL,
    card screissue.card_id DEFAULT NULL,
    printed_number text DEFAULT NULL)
    RETURNS text
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    own CONSTANT text := card_issuer.own_company()::text;
    asked text;
    reply record;
BEGIN
    PERFORM screissue.require('app', print_reply.app IS NOT NULL);
    IF num_nonnulls(print_reply.attribute, print_reply.card) <> 1 THEN
        RAISE EXCEPTION 'either "attribute" or "card" must be given'
            USING ERRCODE = '22023';
    END IF;
    asked := coalesce(print_reply.attribute::text, print_reply.card::text);
    reply := card_issuer.answer(print_reply.app, print_reply.attribute,
                                print_reply.card, print_reply.printed_number);
    RETURN screissue.print_paper('reply', ARRAY[
        own, print_reply.app::text,
        screissue.paper_digest(sha256(convert_to(asked, 'UTF8'))),
        reply.platform_type::text,
        CASE WHEN reply.reissued THEN 'YES' ELSE 'NO' END,
        reply.message_id::text, reply.old_card_id::text]);
END
$$;
COMMENT ON FUNCTION card_issuer.print_reply(
    screissue.app_id, screissue.card_attribute, screissue.card_id, text) IS
    'reply to an inquiry, on paper (Fig. 15)';

-- A loading permission that a provider may be sent.  The card's id is in it only
-- where anyone can read it (R42).
-- Errors: SR008 unknown message id; SR009 it is used up.
CREATE FUNCTION card_issuer.outstanding_permission(
    message screissue.message_id,
    OUT app_id screissue.app_id,
    OUT platform_type integer,
    OUT card_id screissue.card_id,
    OUT inherits screissue.message_id,
    OUT fee numeric,
    OUT currency text)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    load record;
BEGIN
    PERFORM card_issuer.require_load(outstanding_permission.message);
    SELECT l.app_id, l.status, l.inherits, l.fee, l.currency,
           c.platform_type,
           CASE WHEN screissue.method_of(c.platform_type) = 1
                THEN l.card_id END AS card_id
      INTO STRICT load
      FROM card_issuer.app_load l
      JOIN card_issuer.card c ON c.card_id = l.card_id
     WHERE l.message_id = outstanding_permission.message;
    IF load.status <> 'permitted' THEN
        RAISE EXCEPTION 'load "%" is %, it is no permission any more',
            outstanding_permission.message, load.status
            USING ERRCODE = 'SR009';
    END IF;
    outstanding_permission.app_id := load.app_id;
    outstanding_permission.platform_type := load.platform_type;
    outstanding_permission.card_id := load.card_id;
    outstanding_permission.inherits := load.inherits;
    outstanding_permission.fee := load.fee;
    outstanding_permission.currency := load.currency;
END
$$;
COMMENT ON FUNCTION
    card_issuer.outstanding_permission(screissue.message_id) IS
    'loading permission that was not used yet';

-- A loading permission as a form to print, which type_permission of the
-- provider reads.  For operators.
-- Errors: SR008 unknown message id; SR009 it is used up.
CREATE FUNCTION card_issuer.print_permission(message screissue.message_id)
    RETURNS text
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    permission record;
BEGIN
    PERFORM card_issuer.own_company();
    permission := card_issuer.outstanding_permission(print_permission.message);
    RETURN screissue.print_paper('permission', ARRAY[
        print_permission.message::text, permission.app_id::text,
        permission.platform_type::text, permission.card_id::text,
        permission.inherits::text, permission.fee::text, permission.currency]);
END
$$;
COMMENT ON FUNCTION card_issuer.print_permission(screissue.message_id) IS
    'loading permission on paper';

-- Sealed files to and from providers (R10, E30)

-- Registers a certificate for sealed files: a provider's, or, with the name of
-- its private key in screissue.key_directory, our own.  Several of one company
-- may be in use; what we send goes by the newest.  Returns its SHA-256.
-- Repeatable.
-- Errors: SR001; SR002 unknown provider; 22P02 no certificate; 22023 not fit, or
-- a key file for another company; SR011 the key file cannot be used; SR009 it is
-- registered otherwise, or revoked.
CREATE FUNCTION card_issuer.register_certificate(
    company screissue.company_id,
    certificate text,
    key_file text DEFAULT NULL)
    RETURNS bytea
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    own CONSTANT screissue.company_id := card_issuer.own_company();
BEGIN
    PERFORM screissue.require('company',
                              register_certificate.company IS NOT NULL);
    IF register_certificate.key_file IS NULL THEN
        PERFORM card_issuer.require_provider(register_certificate.company);
    ELSIF register_certificate.company <> own THEN
        RAISE EXCEPTION 'a key file is for certificates of company "%" only', own
            USING ERRCODE = '22023';
    END IF;
    RETURN screissue.store_certificate(
        'card_issuer', register_certificate.company,
        register_certificate.certificate, register_certificate.key_file);
END
$$;
COMMENT ON FUNCTION card_issuer.register_certificate(
    screissue.company_id, text, text) IS
    'register a certificate for sealed files, our own or a provider''s';

-- For good.  Repeatable.  Errors: SR001; 22023 the company has no such one.
CREATE FUNCTION card_issuer.revoke_certificate(
    company screissue.company_id,
    sha256 bytea)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM screissue.end_certificate(
        'card_issuer', revoke_certificate.company, revoke_certificate.sha256);
END
$$;
COMMENT ON FUNCTION
    card_issuer.revoke_certificate(screissue.company_id, bytea) IS
    'take a certificate for sealed files out of use';

-- The provider's notices with numbers above after_no, as fetch_notices has them,
-- in a file for import_notices; how many, and the number of the last: the next
-- file follows it.
-- Errors: as fetch_notices; SR011 a certificate or a key is missing; 54000 too
-- long a file.
CREATE FUNCTION card_issuer.export_notices(
    provider screissue.company_id,
    after_no bigint,
    max_rows integer DEFAULT 10000,
    OUT file text,
    OUT notices bigint,
    OUT last_no bigint)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    own CONSTANT screissue.company_id := card_issuer.own_company();
    items jsonb;
BEGIN
    SELECT count(*), coalesce(max(n.notice_no), export_notices.after_no),
           coalesce(jsonb_agg(to_jsonb(n) ORDER BY n.notice_no), '[]')
      INTO export_notices.notices, export_notices.last_no, items
      FROM card_issuer.fetch_notices(
               export_notices.provider, export_notices.after_no,
               export_notices.max_rows) n;
    export_notices.file := screissue.seal(
        'card_issuer', own, export_notices.provider, 'notices', items);
END
$$;
COMMENT ON FUNCTION card_issuer.export_notices(
    screissue.company_id, bigint, integer) IS
    'notices of a provider in a sealed file (R10)';

-- What a provider is told that asks in a file: as answer, and only about its own
-- applications.  An inquiry by attribute is on record, and counts, whatever the
-- answer.
-- Errors: 22023 both or neither of attribute and card; 53400; as inquire.
CREATE FUNCTION card_issuer.answer_provider(
    provider screissue.company_id,
    app screissue.app_id,
    attribute screissue.card_attribute,
    card screissue.card_id,
    printed_number text,
    OUT platform_type integer,
    OUT reissued boolean,
    OUT message_id screissue.message_id,
    OUT old_card_id screissue.card_id)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    owner screissue.company_id;
    answered record;
BEGIN
    IF num_nonnulls(answer_provider.attribute, answer_provider.card) <> 1 THEN
        RAISE EXCEPTION 'either "attribute" or "card_id" must be given'
            USING ERRCODE = '22023';
    END IF;
    IF answer_provider.attribute IS NOT NULL THEN
        PERFORM card_issuer.check_inquiry_limit(answer_provider.provider);
    END IF;
    SELECT a.provider INTO owner
      FROM card_issuer.application a
     WHERE a.app_id = answer_provider.app;
    IF owner = answer_provider.provider THEN
        answered := card_issuer.answer(
            answer_provider.app, answer_provider.attribute,
            answer_provider.card, answer_provider.printed_number);
        answer_provider.platform_type := answered.platform_type;
        answer_provider.reissued := answered.reissued;
        answer_provider.message_id := answered.message_id;
        answer_provider.old_card_id := answered.old_card_id;
        RETURN;
    END IF;
    IF answer_provider.attribute IS NOT NULL THEN
        PERFORM card_issuer.record_inquiry(
            card_issuer.begin_inquiry(answer_provider.provider),
            answer_provider.provider, answer_provider.app,
            answer_provider.attribute, NULL, NULL,
            CASE WHEN owner IS NULL THEN 'unknown_application'
                 ELSE 'foreign_app' END, NULL);
    END IF;
    answer_provider.platform_type := 200;
    answer_provider.reissued := false;
END
$$;
COMMENT ON FUNCTION card_issuer.answer_provider(
    screissue.company_id, screissue.app_id, screissue.card_attribute,
    screissue.card_id, text) IS
    'what a provider is told that asks in a file';

-- Answers the inquiries in a file of a provider, which export_inquiry made;
-- returns a file for import_replies.  A reply repeats the number of the request
-- that it answers, its application, and the SHA-256 of what it asked with.
-- Errors: SR001; 22P02 no sealed file, not whole, or not as agreed; 42501 not
-- from a provider for us; 22023 other content; SR002 the contract is not in
-- force; SR011; as inquire.
CREATE FUNCTION card_issuer.answer_inquiries(file text)
    RETURNS text
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    own CONSTANT screissue.company_id := card_issuer.own_company();
    kind CONSTANT text := 'inquiries';
    opened CONSTANT record := screissue.unseal(
        'card_issuer', own, kind, answer_inquiries.file);
    inquiry record;
    item_no bigint := 0;
    label text;
    request_id bigint;
    app screissue.app_id;
    attribute screissue.card_attribute;
    card screissue.card_id;
    reply record;
    replies jsonb[] := ARRAY[]::jsonb[];
    state text;
    message text;
    detail text;
    hint text;
BEGIN
    PERFORM card_issuer.require_contract(opened.partner);
    BEGIN
        FOR inquiry IN SELECT i.item FROM json_array_elements(opened.items) i (item)
        LOOP
            item_no := item_no + 1;
            label := 'request_id';
            request_id := (inquiry.item ->> 'request_id')::bigint;
            label := 'app_id';
            app := (inquiry.item ->> 'app_id')::screissue.app_id;
            label := 'attribute';
            attribute := (inquiry.item ->> 'attribute')::screissue.card_attribute;
            label := 'card_id';
            card := (inquiry.item ->> 'card_id')::screissue.card_id;
            label := NULL;
            reply := card_issuer.answer_provider(
                opened.partner, app, attribute, card,
                inquiry.item ->> 'printed_number');
            replies := replies || jsonb_build_object(
                'request_id', request_id,
                'app_id', app::text,
                'asked_sha256', encode(sha256(convert_to(
                    coalesce(attribute::text, card::text), 'UTF8')), 'hex'),
                'platform_type', reply.platform_type,
                'reissued', reply.reissued,
                'message_id', reply.message_id::text,
                'old_card_id', reply.old_card_id::text);
        END LOOP;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE,
            message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
            hint = PG_EXCEPTION_HINT;
        PERFORM screissue.raise_item(kind, item_no, label, state, message,
                                     detail, hint);
    END;
    RETURN screissue.seal('card_issuer', own, opened.partner, 'replies',
                          to_jsonb(replies));
END
$$;
COMMENT ON FUNCTION card_issuer.answer_inquiries(text) IS
    'answer to the inquiries in a sealed file, as a sealed file (Fig. 10, Fig. 15)';

-- Loading permissions in a file for import_permissions of the provider.
-- Errors: SR001; SR002 unknown provider; SR008 unknown message id; SR009 it is
-- used up; 22023 it is for another provider's application; SR011; 54000.
CREATE FUNCTION card_issuer.export_permissions(
    provider screissue.company_id,
    messages screissue.message_id[])
    RETURNS text
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    own CONSTANT screissue.company_id := card_issuer.own_company();
    message screissue.message_id;
    permission record;
    items jsonb[] := ARRAY[]::jsonb[];
BEGIN
    PERFORM card_issuer.require_provider(export_permissions.provider);
    PERFORM screissue.require('messages',
                              export_permissions.messages IS NOT NULL);
    FOREACH message IN ARRAY export_permissions.messages LOOP
        permission := card_issuer.outstanding_permission(message);
        IF NOT EXISTS (SELECT FROM card_issuer.application a
                        WHERE a.app_id = permission.app_id
                          AND a.provider = export_permissions.provider) THEN
            RAISE EXCEPTION 'permission "%" is not for an application of provider "%"',
                message, export_permissions.provider
                USING ERRCODE = '22023';
        END IF;
        items := items || jsonb_build_object(
            'message_id', message::text,
            'app_id', permission.app_id::text,
            'platform_type', permission.platform_type,
            'card_id', permission.card_id::text,
            'inherits', permission.inherits::text,
            'fee', permission.fee,
            'currency', permission.currency);
    END LOOP;
    RETURN screissue.seal('card_issuer', own, export_permissions.provider,
                          'permissions', to_jsonb(items));
END
$$;
COMMENT ON FUNCTION card_issuer.export_permissions(
    screissue.company_id, screissue.message_id[]) IS
    'loading permissions in a sealed file (R7, R10)';

-- service_provider/tables.sql, run by setup()
CREATE FUNCTION service_provider.layout_1()
    RETURNS text
    LANGUAGE sql
    IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $layout$
    SELECT $ddl$
-- Tables of the service provider.

CREATE TABLE service_provider.self (
    one_row boolean NOT NULL DEFAULT true,
    company_id screissue.company_id NOT NULL,
    name text NOT NULL,
    layout integer NOT NULL,
    CONSTRAINT self_pkey PRIMARY KEY (one_row),
    CONSTRAINT self_one_row_check CHECK (one_row)
);
COMMENT ON TABLE service_provider.self IS 'this service provider: one row';

CREATE TABLE service_provider.issuer (
    issuer screissue.company_id NOT NULL,
    name text NOT NULL,
    lei text,
    subscription name,
    server name,
    contract_until date,
    last_notice_no bigint NOT NULL DEFAULT 0,
    CONSTRAINT issuer_pkey PRIMARY KEY (issuer),
    CONSTRAINT issuer_subscription_key UNIQUE (subscription)
);
COMMENT ON TABLE service_provider.issuer IS
    'card issuers with whom there is a contract (R4)';
COMMENT ON COLUMN service_provider.issuer.subscription IS
    'the one subscription that may deliver notices of this issuer';
COMMENT ON COLUMN service_provider.issuer.server IS
    'foreign server over which the issuer is asked';
COMMENT ON COLUMN service_provider.issuer.last_notice_no IS
    'cursor of pull_notices: the last number that was fetched';

CREATE TABLE service_provider.application (
    app_id screissue.app_id NOT NULL,
    name text NOT NULL,
    examination_mode text NOT NULL,
    max_examination_age interval,
    withdrawn_at timestamp with time zone,
    CONSTRAINT application_pkey PRIMARY KEY (app_id),
    CONSTRAINT application_examination_mode_check
        CHECK (examination_mode IN ('substitute', 'refer', 'new'))
);
COMMENT ON TABLE service_provider.application IS
    'applications of this provider';

CREATE TABLE service_provider.former_provider (
    app_id screissue.app_id NOT NULL,
    provider screissue.company_id NOT NULL,
    accepted_at timestamp with time zone NOT NULL,
    accepted_by text NOT NULL,
    CONSTRAINT former_provider_pkey PRIMARY KEY (app_id, provider),
    CONSTRAINT former_provider_app_id_fkey
        FOREIGN KEY (app_id) REFERENCES service_provider.application
);
COMMENT ON TABLE service_provider.former_provider IS
    'who had an application before this provider: their loading permissions for it are ours (E14)';

CREATE TABLE service_provider.tariff (
    app_id screissue.app_id NOT NULL,
    kind screissue.tariff_kind NOT NULL,
    reason screissue.reissue_reason,
    amount numeric NOT NULL,
    currency text NOT NULL,
    CONSTRAINT tariff_app_id_kind_reason_key
        UNIQUE NULLS NOT DISTINCT (app_id, kind, reason),
    CONSTRAINT tariff_app_id_fkey
        FOREIGN KEY (app_id) REFERENCES service_provider.application,
    CONSTRAINT tariff_amount_check
        CHECK (amount >= 0 AND amount < 'Infinity'),
    CONSTRAINT tariff_currency_check CHECK (currency ~ '^[A-Z]{3}$')
);
COMMENT ON TABLE service_provider.tariff IS
    'what users pay for a load and for a reload (claim 14)';
COMMENT ON COLUMN service_provider.tariff.reason IS 'NULL = any reason';

CREATE TABLE service_provider.policy (
    event text NOT NULL,
    function text NOT NULL,
    CONSTRAINT policy_pkey PRIMARY KEY (event),
    CONSTRAINT policy_event_check CHECK (event = 'reload')
);
COMMENT ON TABLE service_provider.policy IS
    'policy functions, by qualified signature; none = the default policy';

CREATE TABLE service_provider.examination (
    examination_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    event text NOT NULL,
    message_id screissue.message_id,
    approved boolean,
    reason text,
    examined_at timestamp with time zone NOT NULL,
    valid_until timestamp with time zone,
    examiner text,
    details jsonb,
    substitutes bigint,
    CONSTRAINT examination_pkey PRIMARY KEY (examination_id),
    CONSTRAINT examination_substitutes_fkey
        FOREIGN KEY (substitutes) REFERENCES service_provider.examination,
    CONSTRAINT examination_event_check CHECK (event IN ('load', 'reload'))
);
COMMENT ON TABLE service_provider.examination IS
    'judgements made, with their evidence (the patent''s credit investigations)';
COMMENT ON COLUMN service_provider.examination.message_id IS
    'load that was examined; for a reload, the old load that it is judged by';
COMMENT ON COLUMN service_provider.examination.substitutes IS
    'examination really made that was reused instead of a new one (claim 12)';
CREATE INDEX examination_message_id_idx
    ON service_provider.examination (message_id);

CREATE TABLE service_provider.app_load (
    message_id screissue.message_id NOT NULL,
    issuer screissue.company_id NOT NULL,
    app_id screissue.app_id NOT NULL,
    card_id screissue.card_id,
    platform_type integer,
    user_ref text,
    status screissue.load_status NOT NULL,
    examination_id bigint,
    account jsonb,
    fee numeric,
    currency text,
    tariff_reason screissue.reissue_reason,
    permitted_at timestamp with time zone NOT NULL,
    loaded_at timestamp with time zone,
    ended_at timestamp with time zone,
    confirmed_at timestamp with time zone,
    inherits screissue.message_id,
    CONSTRAINT app_load_pkey PRIMARY KEY (message_id),
    CONSTRAINT app_load_issuer_fkey
        FOREIGN KEY (issuer) REFERENCES service_provider.issuer,
    CONSTRAINT app_load_app_id_fkey
        FOREIGN KEY (app_id) REFERENCES service_provider.application,
    CONSTRAINT app_load_examination_id_fkey
        FOREIGN KEY (examination_id) REFERENCES service_provider.examination
);
COMMENT ON TABLE service_provider.app_load IS
    'loads, by message id (Fig. 17) and by card id where it is readable (Fig. 14)';
COMMENT ON COLUMN service_provider.app_load.examination_id IS
    'examination that counts now: the newest finding about this load';
COMMENT ON COLUMN service_provider.app_load.fee IS
    'price fixed at the verdict; permitted and failed loads cost nothing';
COMMENT ON COLUMN service_provider.app_load.tariff_reason IS
    'reason of the line of the tariff that set the price; NULL = any reason';
COMMENT ON COLUMN service_provider.app_load.confirmed_at IS
    'when the issuer was told of the present status';
COMMENT ON COLUMN service_provider.app_load.inherits IS
    'the old load whose place this reload took';
CREATE INDEX app_load_issuer_card_id_idx
    ON service_provider.app_load (issuer, card_id);
CREATE INDEX app_load_inherits_idx ON service_provider.app_load (inherits)
    WHERE inherits IS NOT NULL;
CREATE INDEX app_load_unconfirmed_idx ON service_provider.app_load (issuer)
    WHERE confirmed_at IS NULL;
CREATE INDEX app_load_user_ref_idx ON service_provider.app_load (user_ref)
    WHERE loaded_at IS NOT NULL;

-- The inbox.  Nothing that a parsed notice says may be refused here: no
-- foreign key, no CHECK, no NOT NULL but the key's.
CREATE TABLE service_provider.reissue_notice (
    issuer screissue.company_id NOT NULL,
    notice_no bigint NOT NULL,
    kind text,
    platform_type integer,
    new_card_id screissue.card_id,
    old_card_id screissue.card_id,
    app_id screissue.app_id,
    message_id screissue.message_id,
    reason text,
    noted_at timestamp with time zone,
    received_at timestamp with time zone,
    carrier text,
    CONSTRAINT reissue_notice_pkey PRIMARY KEY (issuer, notice_no)
);
COMMENT ON TABLE service_provider.reissue_notice IS
    'notices received, whatever carried them (Fig. 13 at the provider)';
COMMENT ON COLUMN service_provider.reissue_notice.carrier IS
    'replication, pull, file, paper or inquiry: what brought it first';
CREATE INDEX reissue_notice_new_card_id_idx
    ON service_provider.reissue_notice (issuer, new_card_id, app_id);
CREATE INDEX reissue_notice_old_card_id_idx
    ON service_provider.reissue_notice (issuer, old_card_id);

-- The arrivals that changed nothing.  The first one of a notice is in its row of
-- the inbox, which costs no more for it and never changes.
CREATE TABLE service_provider.notice_arrival (
    issuer screissue.company_id NOT NULL,
    notice_no bigint NOT NULL,
    carrier text NOT NULL,
    arrivals bigint NOT NULL,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    CONSTRAINT notice_arrival_pkey PRIMARY KEY (issuer, notice_no, carrier)
);
COMMENT ON TABLE service_provider.notice_arrival IS
    'the same notice again, by carrier: how often, and when (E19, E20)';

CREATE TABLE service_provider.quarantined_notice (
    quarantine_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    issuer text,
    provider text,
    notice_no text,
    kind text,
    platform_type text,
    new_card_id text,
    old_card_id text,
    app_id text,
    message_id text,
    reason text,
    noted_at text,
    digest bytea,
    subscription text,
    carrier text,
    cause text,
    received_at timestamp with time zone,
    resolved_at timestamp with time zone,
    resolution text,
    decided_at timestamp with time zone,
    decided_by text,
    decision_reason text,
    CONSTRAINT quarantined_notice_pkey PRIMARY KEY (quarantine_id)
);
COMMENT ON TABLE service_provider.quarantined_notice IS
    'notices that were not believed, as they came, with the cause';
COMMENT ON COLUMN service_provider.quarantined_notice.digest IS
    'SHA-256 of the content, which is not kept when the notice was for somebody else';
COMMENT ON COLUMN service_provider.quarantined_notice.cause IS
    'why it is not believed, by the last judgement';
COMMENT ON COLUMN service_provider.quarantined_notice.resolution IS
    'stored, duplicate or dismissed; NULL = open';
COMMENT ON COLUMN service_provider.quarantined_notice.decided_at IS
    'when somebody retried or dismissed it last';
COMMENT ON COLUMN service_provider.quarantined_notice.decided_by IS
    'who did';
COMMENT ON COLUMN service_provider.quarantined_notice.decision_reason IS
    'and why';
CREATE INDEX quarantined_notice_open_idx
    ON service_provider.quarantined_notice (quarantine_id)
    WHERE resolved_at IS NULL;

CREATE TABLE service_provider.reload_request (
    request_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    issuer screissue.company_id NOT NULL,
    app_id screissue.app_id NOT NULL,
    platform_type integer NOT NULL,
    card_id screissue.card_id,
    attribute screissue.card_attribute,
    attribute_sha256 bytea,
    user_ref text,
    requested_by text,
    printed_number text,
    requested_at timestamp with time zone NOT NULL,
    method integer,
    outcome screissue.reload_outcome,
    refusal text,
    decided_at timestamp with time zone,
    notice_no bigint,
    inherits screissue.message_id,
    examination_id bigint,
    policy_examination_id bigint,
    fee numeric,
    currency text,
    tariff_reason screissue.reissue_reason,
    message_id screissue.message_id,
    completed_at timestamp with time zone,
    CONSTRAINT reload_request_pkey PRIMARY KEY (request_id),
    CONSTRAINT reload_request_issuer_fkey
        FOREIGN KEY (issuer) REFERENCES service_provider.issuer,
    CONSTRAINT reload_request_app_id_fkey
        FOREIGN KEY (app_id) REFERENCES service_provider.application,
    CONSTRAINT reload_request_examination_id_fkey
        FOREIGN KEY (examination_id) REFERENCES service_provider.examination,
    CONSTRAINT reload_request_policy_examination_id_fkey
        FOREIGN KEY (policy_examination_id)
        REFERENCES service_provider.examination
);
COMMENT ON TABLE service_provider.reload_request IS
    'requests for a reload, the outcome and its evidence (Fig. 7, Fig. 11)';
COMMENT ON COLUMN service_provider.reload_request.attribute IS
    'kept while a reply is awaited; its digest stays';
COMMENT ON COLUMN service_provider.reload_request.printed_number IS
    'kept while a reply is awaited';
COMMENT ON COLUMN service_provider.reload_request.notice_no IS
    'the notice that was judged';
COMMENT ON COLUMN service_provider.reload_request.inherits IS
    'the old load that was judged';
COMMENT ON COLUMN service_provider.reload_request.examination_id IS
    'the examination that counted';
COMMENT ON COLUMN service_provider.reload_request.policy_examination_id IS
    'verdict of the policy, if it was asked, whether or not it counted';
COMMENT ON COLUMN service_provider.reload_request.tariff_reason IS
    'reason of the line of the tariff that set the price; NULL = any reason';
COMMENT ON COLUMN service_provider.reload_request.message_id IS
    'loading permission under which the reload was done';
CREATE INDEX reload_request_inherits_idx
    ON service_provider.reload_request (inherits);

CREATE TABLE service_provider.inquiry_reply (
    request_id bigint NOT NULL,
    platform_type integer,
    reissued boolean NOT NULL,
    message_id screissue.message_id,
    old_card_id screissue.card_id,
    replied_at timestamp with time zone NOT NULL,
    carrier text NOT NULL,
    CONSTRAINT inquiry_reply_pkey PRIMARY KEY (request_id),
    CONSTRAINT inquiry_reply_request_id_fkey
        FOREIGN KEY (request_id) REFERENCES service_provider.reload_request
);
COMMENT ON TABLE service_provider.inquiry_reply IS
    'replies of issuers to inquiries (Fig. 16)';
COMMENT ON COLUMN service_provider.inquiry_reply.carrier IS
    'server, file, paper, or application for one that record_reply was given';
CREATE INDEX inquiry_reply_message_id_idx
    ON service_provider.inquiry_reply (message_id);

-- Fig. 13 at the provider: a pair stands as long as the newest word on one
-- application of the reissued card is no withdrawal.
CREATE VIEW service_provider.reissue_pair AS
    SELECT DISTINCT n.issuer, n.old_card_id, n.new_card_id
      FROM service_provider.reissue_notice n
     WHERE n.kind = 'reissue'
       AND n.old_card_id IS NOT NULL
       AND NOT EXISTS
           (SELECT FROM service_provider.reissue_notice w
             WHERE w.issuer OPERATOR(screissue.=) n.issuer
               AND w.new_card_id OPERATOR(screissue.=) n.new_card_id
               AND w.app_id OPERATOR(screissue.=) n.app_id
               AND w.kind = 'withdrawal'
               AND w.notice_no > n.notice_no);
COMMENT ON VIEW service_provider.reissue_pair IS
    'pairs of old and reissued card, searchable by either with the issuer (Fig. 13)';

CREATE VIEW service_provider.masked_reissue_pair AS
    SELECT p.issuer,
           screissue.mask(p.old_card_id) AS old_card_id,
           screissue.mask(p.new_card_id) AS new_card_id
      FROM service_provider.reissue_pair p;
COMMENT ON VIEW service_provider.masked_reissue_pair IS
    'pairs of old and reissued card with masked ids, for auditors';

CREATE VIEW service_provider.unconfirmed_load AS
    SELECT l.issuer, l.message_id, l.app_id, l.status, l.loaded_at, l.ended_at
      FROM service_provider.app_load l
     WHERE l.confirmed_at IS NULL
       AND l.status <> 'permitted';
COMMENT ON VIEW service_provider.unconfirmed_load IS
    'loads and unloads that the issuer has not been told of';

-- R52: what users owe, a line for each load that succeeded and has a price.  A
-- reload whose reissue its issuer took back is refunded by one more line, by
-- the first withdrawal that handed back that very load (E9, E52): the notice
-- names the card that lost it, so there is none for a card whose id only the
-- issuer may read.
CREATE VIEW service_provider.charge AS
    SELECT c.issuer, c.user_ref,
           date_trunc('month', c.due_at AT TIME ZONE 'UTC')::date AS month,
           c.message_id, c.app_id, c.kind, c.reason, c.amount, c.currency,
           c.due_at, c.refund_notice_no
      FROM (SELECT l.issuer, l.user_ref, l.message_id, l.app_id,
                   CASE WHEN l.inherits IS NULL THEN 'load' ELSE 'reload'
                   END::screissue.tariff_kind AS kind,
                   l.tariff_reason AS reason, l.fee AS amount, l.currency,
                   l.loaded_at AS due_at, NULL::bigint AS refund_notice_no
              FROM service_provider.app_load l
             WHERE l.loaded_at IS NOT NULL
               AND l.fee IS NOT NULL
             UNION ALL
            SELECT l.issuer, l.user_ref, l.message_id, l.app_id,
                   'reload'::screissue.tariff_kind AS kind,
                   l.tariff_reason AS reason, - l.fee AS amount, l.currency,
                   w.received_at AS due_at, w.notice_no AS refund_notice_no
              FROM service_provider.app_load l
             CROSS JOIN LATERAL
                   (SELECT n.received_at, n.notice_no
                      FROM service_provider.reissue_notice n
                     WHERE n.issuer OPERATOR(screissue.=) l.issuer
                       AND n.new_card_id OPERATOR(screissue.=) l.card_id
                       AND n.app_id OPERATOR(screissue.=) l.app_id
                       AND n.message_id OPERATOR(screissue.=) l.message_id
                       AND n.kind = 'withdrawal'
                     ORDER BY n.received_at, n.notice_no
                     LIMIT 1) w
             WHERE l.loaded_at IS NOT NULL
               AND l.fee IS NOT NULL
               AND l.inherits IS NOT NULL) c;
COMMENT ON VIEW service_provider.charge IS
    'what is due for loads and reloads, and what is refunded';
COMMENT ON COLUMN service_provider.charge.month IS
    'first day of the month, in UTC, in which it fell due';
COMMENT ON COLUMN service_provider.charge.reason IS
    'reason of the line of the tariff that set the price; NULL = any reason';
COMMENT ON COLUMN service_provider.charge.refund_notice_no IS
    'for a refund, the withdrawal that it answers; NULL = a charge';

CREATE VIEW service_provider.statement AS
    SELECT c.issuer, c.user_ref, c.month, c.currency,
           count(*) FILTER (WHERE c.kind = 'load') AS loads,
           count(*) FILTER (WHERE c.kind = 'reload'
                              AND c.refund_notice_no IS NULL) AS reloads,
           count(c.refund_notice_no) AS refunds,
           sum(c.amount) AS amount
      FROM service_provider.charge c
     GROUP BY c.issuer, c.user_ref, c.month, c.currency;
COMMENT ON VIEW service_provider.statement IS
    'charges and refunds of a user in a month, in one currency';

-- Which carriers brought a notice, and when (E20).
CREATE VIEW service_provider.arrival AS
    SELECT a.issuer, a.notice_no, a.carrier,
           sum(a.arrivals)::bigint AS arrivals,
           min(a.first_at) AS first_at, max(a.last_at) AS last_at
      FROM (SELECT n.issuer, n.notice_no, n.carrier, 1::bigint AS arrivals,
                   n.received_at AS first_at, n.received_at AS last_at
              FROM service_provider.reissue_notice n
             UNION ALL
            SELECT r.issuer, r.notice_no, r.carrier, r.arrivals,
                   r.first_at, r.last_at
              FROM service_provider.notice_arrival r) a
     GROUP BY a.issuer, a.notice_no, a.carrier;
COMMENT ON VIEW service_provider.arrival IS
    'arrivals of notices by carrier, the first one included';

-- Issuers number densely from 1 within each epoch (number = epoch * 2^40 + n),
-- so what is missing was lost, or is in quarantine.  What follows the highest
-- number of an epoch cannot be known to be missing.
CREATE VIEW service_provider.notice_gap AS
    SELECT gap.issuer, gap.from_no, gap.to_no
      FROM (SELECT n.issuer,
                   greatest(
                       lag(n.notice_no, 1, 0::bigint) OVER in_order + 1,
                       (n.notice_no >> 40 << 40) + 1) AS from_no,
                   n.notice_no - 1 AS to_no
              FROM service_provider.reissue_notice n
             WHERE n.notice_no > 0
            WINDOW in_order AS (PARTITION BY n.issuer ORDER BY n.notice_no)) gap
     WHERE gap.from_no <= gap.to_no;
COMMENT ON VIEW service_provider.notice_gap IS
    'gaps in the numbers of the notices received, by issuer';

-- What is open, for people who may not see whole card ids.  A value is shown if
-- it is what it should be, else it is null; the patterns are the grammars of
-- the types, so no cast can raise, whatever a publisher sent.  An app id could
-- be a card id in the wrong place, so only our own are shown.
CREATE VIEW service_provider.quarantine AS
    SELECT q.quarantine_id,
           CASE WHEN q.issuer ~ '^[0-9A-Za-z]{1,12}$'
                THEN upper(q.issuer COLLATE "C") COLLATE "default"
           END AS issuer,
           CASE WHEN q.notice_no !~ '^-?[0-9]{1,19}$' THEN NULL
                WHEN q.notice_no::numeric BETWEEN -9223372036854775808
                                              AND 9223372036854775807
                THEN q.notice_no::bigint
           END AS notice_no,
           q.cause, q.carrier, q.subscription, q.received_at,
           CASE WHEN q.kind IN ('reissue', 'withdrawal', 'renewal')
                THEN q.kind END AS kind,
           CASE WHEN q.old_card_id ~ '^[0-9]([ -]?[0-9]){3,39}$'
                  OR q.old_card_id ~ '^0[xX]([0-9A-Fa-f]{2}){4,20}$'
                  OR q.old_card_id ~ '^(?!0[xX])(?=.*[A-Za-z])[0-9A-Za-z._-]{1,32}$'
                THEN screissue.mask(q.old_card_id::screissue.card_id)
           END AS old_card_id,
           CASE WHEN q.new_card_id ~ '^[0-9]([ -]?[0-9]){3,39}$'
                  OR q.new_card_id ~ '^0[xX]([0-9A-Fa-f]{2}){4,20}$'
                  OR q.new_card_id ~ '^(?!0[xX])(?=.*[A-Za-z])[0-9A-Za-z._-]{1,32}$'
                THEN screissue.mask(q.new_card_id::screissue.card_id)
           END AS new_card_id,
           (SELECT a.app_id
              FROM service_provider.application a
             WHERE a.app_id::text = upper(q.app_id COLLATE "C")) AS app_id,
           CASE WHEN q.message_id ~ '^[0-9A-Za-z]{1,12}/[0-9A-Za-z]{1,12}/[0-9]{1,19}$'
                THEN upper(q.message_id COLLATE "C") COLLATE "default"
           END AS message_id,
           CASE WHEN q.cause = 'contradiction'
                THEN (SELECT concat_ws(', ',
                         CASE WHEN n.kind IS DISTINCT FROM q.kind
                              THEN 'kind' END,
                         CASE WHEN n.platform_type IS DISTINCT FROM
                                   q.platform_type::integer
                              THEN 'platform_type' END,
                         CASE WHEN n.new_card_id::text IS DISTINCT FROM
                                   q.new_card_id::screissue.card_id::text
                              THEN 'new_card_id' END,
                         CASE WHEN n.old_card_id::text IS DISTINCT FROM
                                   q.old_card_id::screissue.card_id::text
                              THEN 'old_card_id' END,
                         CASE WHEN n.app_id::text IS DISTINCT FROM
                                   q.app_id::screissue.app_id::text
                              THEN 'app_id' END,
                         CASE WHEN n.message_id::text IS DISTINCT FROM
                                   q.message_id::screissue.message_id::text
                              THEN 'message_id' END,
                         CASE WHEN n.reason IS DISTINCT FROM q.reason
                              THEN 'reason' END,
                         CASE WHEN n.noted_at IS DISTINCT FROM
                                   q.noted_at::timestamptz
                              THEN 'noted_at' END)
                        FROM service_provider.reissue_notice n
                       WHERE n.issuer OPERATOR(screissue.=)
                             q.issuer::screissue.company_id
                         AND n.notice_no = q.notice_no::bigint)
           END AS differs_in,
           q.digest IS NULL OR q.provider IS NOT NULL AS content_kept,
           q.decided_at, q.decided_by, q.decision_reason
      FROM service_provider.quarantined_notice q
     WHERE q.resolved_at IS NULL;
COMMENT ON VIEW service_provider.quarantine IS
    'notices in quarantine that nobody has decided on, with masked card ids';
COMMENT ON COLUMN service_provider.quarantine.differs_in IS
    'for a contradiction, what the notice in the inbox has otherwise; NULL = none is there';
COMMENT ON COLUMN service_provider.quarantine.content_kept IS
    'false: only a digest is kept, so that it cannot be judged again';
COMMENT ON COLUMN service_provider.quarantine.decided_at IS
    'when somebody retried it last';

-- What comes in from each issuer, for monitoring.  The gaps are counted only
-- when they are asked for: that reads the inbox's index.
CREATE VIEW service_provider.intake AS
    SELECT i.issuer, i.name,
           coalesce(i.contract_until >= (now() AT TIME ZONE 'UTC')::date,
                    true) AS in_force,
           i.subscription,
           CASE WHEN s.oid IS NULL THEN 'none'
                WHEN NOT s.subenabled THEN 'disabled'
                WHEN w.subid IS NULL THEN 'down'
                ELSE 'running' END AS worker,
           f.apply_error_count + f.sync_error_count AS worker_errors,
           i.server,
           i.last_notice_no AS pulled_to,
           n.notice_no AS last_notice_no,
           n.noted_at AS last_noted_at,
           now() - n.received_at AS age,
           (SELECT count(*)
              FROM service_provider.notice_gap g
             WHERE g.issuer OPERATOR(screissue.=) i.issuer) AS gaps,
           coalesce(q.notices, 0) AS quarantined
      FROM service_provider.issuer i
      LEFT JOIN pg_subscription s
        ON s.subname = i.subscription
       AND s.subdbid = (SELECT d.oid FROM pg_database d
                         WHERE d.datname = current_database())
      LEFT JOIN (SELECT DISTINCT a.subid
                   FROM pg_stat_subscription a
                  WHERE a.pid IS NOT NULL
                    AND a.relid IS NULL) w ON w.subid = s.oid
      LEFT JOIN pg_stat_subscription_stats f ON f.subid = s.oid
      LEFT JOIN LATERAL
           (SELECT r.notice_no, r.noted_at, r.received_at
              FROM service_provider.reissue_notice r
             WHERE r.issuer OPERATOR(screissue.=) i.issuer
               AND r.notice_no > 0
             ORDER BY r.notice_no DESC
             LIMIT 1) n ON true
      LEFT JOIN (SELECT o.issuer, count(*) AS notices
                   FROM service_provider.quarantine o
                  GROUP BY o.issuer) q ON q.issuer = i.issuer::text;
COMMENT ON VIEW service_provider.intake IS
    'what comes in from each issuer: worker, newest notice, gaps, quarantine';
COMMENT ON COLUMN service_provider.intake.worker IS
    'of the subscription: none, disabled, down or running';
COMMENT ON COLUMN service_provider.intake.pulled_to IS
    'cursor of pull_notices';
COMMENT ON COLUMN service_provider.intake.age IS
    'how long the notice with the highest number has been here';
COMMENT ON COLUMN service_provider.intake.quarantined IS
    'open notices that claim to be from the issuer';
    $ddl$
$layout$;
COMMENT ON FUNCTION service_provider.layout_1() IS
    'tables of schema service_provider, layout 1, for setup()';

-- Setting up a service provider

-- Makes the tables of a service provider, or migrates them after an upgrade;
-- once that is done it changes nothing but the name.  The tables belong to the
-- owner of the extension.
-- Errors: SR009 set up as another company; 42501 something of ours belongs to a role
-- that is not superuser, or others may write to it; 22023 not UTF8; 55000
-- inside an extension script.
CREATE FUNCTION service_provider.setup(
    company screissue.company_id,
    name text)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    self record;
BEGIN
    PERFORM screissue.require('company', setup.company IS NOT NULL);
    PERFORM screissue.require('name', setup.name IS NOT NULL);
    PERFORM screissue.begin_setup();

    IF to_regclass('service_provider.self') IS NULL THEN
        PERFORM screissue.run_layout(service_provider.layout_1());
        PERFORM screissue.revoke_tables('service_provider');
        PERFORM service_provider.create_landing_triggers();
        PERFORM screissue.enable_triggers();
        INSERT INTO service_provider.self (company_id, name, layout)
        VALUES (setup.company, setup.name, 1);
        RETURN;
    END IF;

    SELECT s.company_id, s.name INTO STRICT self
      FROM service_provider.self s;
    IF self.company_id <> setup.company THEN
        RAISE EXCEPTION 'service provider is already set up as company "%"',
            self.company_id
            USING ERRCODE = 'SR009',
                  HINT = 'The company cannot change later.';
    END IF;
    PERFORM screissue.enable_triggers();
    UPDATE service_provider.self s SET name = setup.name
     WHERE s.name <> setup.name;
END
$$;
COMMENT ON FUNCTION
    service_provider.setup(screissue.company_id, text) IS
    'make or migrate the tables of a service provider';

-- The company id of this provider; raises SR001 before setup.
CREATE FUNCTION service_provider.own_company()
    RETURNS screissue.company_id
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF to_regclass('service_provider.self') IS NULL THEN
        RAISE EXCEPTION 'no service provider is set up in this database'
            USING ERRCODE = 'SR001',
                  HINT = 'Call service_provider.setup(company, name) first.';
    END IF;
    RETURN (SELECT s.company_id FROM service_provider.self s);
END
$$;
COMMENT ON FUNCTION service_provider.own_company() IS
    'company id of this service provider';

-- Card issuers, and who may act at this provider

-- R4: the contract with a card issuer.  Binds the one subscription that may
-- speak for this issuer and the foreign server over which it is asked; both
-- may be created later, but the server is used with the rights of the
-- extension's owner, so who is no superuser must have the right to use it.
-- Called again it replaces all that it takes.
-- Errors: 23505 the subscription is bound to another issuer; 42704 no such
-- server; 42501 no right to use it.
CREATE FUNCTION service_provider.register_issuer(
    issuer screissue.company_id,
    name text,
    subscription name DEFAULT NULL,
    server name DEFAULT NULL,
    contract_until date DEFAULT NULL)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    bound_to screissue.company_id;
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('issuer', register_issuer.issuer IS NOT NULL);
    PERFORM screissue.require('name', register_issuer.name IS NOT NULL);

    SELECT i.issuer INTO bound_to
      FROM service_provider.issuer i
     WHERE i.subscription = register_issuer.subscription
       AND i.issuer <> register_issuer.issuer;
    IF FOUND THEN
        RAISE EXCEPTION 'subscription "%" is bound to issuer "%"',
            subscription, bound_to
            USING ERRCODE = '23505',
                  HINT = 'Each issuer needs a subscription of its own.';
    END IF;

    PERFORM service_provider.require_server_right(register_issuer.server);

    INSERT INTO service_provider.issuer AS i
        (issuer, name, subscription, server, contract_until)
    VALUES (register_issuer.issuer, register_issuer.name,
            register_issuer.subscription, register_issuer.server,
            register_issuer.contract_until)
    ON CONFLICT ON CONSTRAINT issuer_pkey DO UPDATE
       SET name = EXCLUDED.name,
           subscription = EXCLUDED.subscription,
           server = EXCLUDED.server,
           contract_until = EXCLUDED.contract_until;
END
$$;
COMMENT ON FUNCTION service_provider.register_issuer(
    screissue.company_id, text, name, name, date) IS
    'contract with a card issuer, its subscription and its server';

-- Raises 42501, or 42704 if there is no such server, unless the caller is a
-- superuser or may use the server; 42501, too, if a lesser role owns it.
CREATE FUNCTION service_provider.require_server_right(server name)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF server IS NOT NULL
       AND NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = calling_role())
       AND NOT has_server_privilege(calling_role(), server, 'USAGE') THEN
        RAISE EXCEPTION 'permission denied for foreign server "%"', server
            USING ERRCODE = '42501';
    END IF;
    IF EXISTS (SELECT FROM pg_foreign_server s
                WHERE s.srvname = require_server_right.server) THEN
        PERFORM screissue.connection_name(server);
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.require_server_right(name) IS
    'check that the caller may use a foreign server';

-- Raises SR002 unless there is, or was, a contract with the issuer.
CREATE FUNCTION service_provider.require_issuer(issuer screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM service_provider.issuer i
                   WHERE i.issuer = require_issuer.issuer) THEN
        RAISE EXCEPTION 'unknown issuer "%"', issuer
            USING ERRCODE = 'SR002',
                  HINT = 'Call service_provider.register_issuer() first.';
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.require_issuer(screissue.company_id) IS
    'check that an issuer is registered';

-- Lets a role call everything but setup, and read the views.
-- Errors: 42704 if there is no such role.
CREATE FUNCTION service_provider.grant_operator(role_name name)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    api CONSTANT text[] := ARRAY[
        'accept_transfer', 'backfill', 'complete_reload', 'digest', 'digests',
        'dismiss_notice', 'examine_reload', 'explain_decision',
        'export_inquiry', 'find_load', 'grant_auditor', 'grant_operator',
        'import_notices', 'import_permissions', 'import_replies',
        'missing_notices', 'pull_notices', 'receive_notice',
        'received_notices', 'record_examination', 'record_load',
        'record_reply', 'record_unload', 'register_application',
        'register_certificate', 'register_issuer', 'request_reload',
        'retry_notice', 'revoke_certificate', 'send_confirmations',
        'set_tariff', 'type_notice', 'type_permission', 'type_reply',
        'withdraw_application'];
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('role_name', grant_operator.role_name IS NOT NULL);
    PERFORM screissue.require_role(grant_operator.role_name);

    PERFORM screissue.grant_calls('service_provider',
                                  grant_operator.role_name, api);
    EXECUTE format('GRANT SELECT ON service_provider.reissue_pair,'
                   ' service_provider.masked_reissue_pair,'
                   ' service_provider.unconfirmed_load,'
                   ' service_provider.arrival, service_provider.notice_gap,'
                   ' service_provider.quarantine, service_provider.intake,'
                   ' service_provider.charge,'
                   ' service_provider.statement,'
                   ' screissue.certificate TO %I',
                   grant_operator.role_name);
END
$$;
COMMENT ON FUNCTION service_provider.grant_operator(name) IS
    'rights of an operator: every function but setup, and the views';

-- E60: lets a role see which cards were reissued and what is in quarantine, with
-- masked ids, and what is charged and what comes in, which show none.
-- Errors: 42704 if there is no such role.
CREATE FUNCTION service_provider.grant_auditor(role_name name)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('role_name', grant_auditor.role_name IS NOT NULL);
    PERFORM screissue.require_role(grant_auditor.role_name);

    EXECUTE format('GRANT USAGE ON SCHEMA service_provider TO %I',
                   grant_auditor.role_name);
    EXECUTE format('GRANT SELECT ON service_provider.masked_reissue_pair,'
                   ' service_provider.arrival, service_provider.notice_gap,'
                   ' service_provider.quarantine, service_provider.intake,'
                   ' service_provider.charge,'
                   ' service_provider.statement TO %I',
                   grant_auditor.role_name);
END
$$;
COMMENT ON FUNCTION service_provider.grant_auditor(name) IS
    'rights of an auditor: the views that show no whole card id';

-- Applications of this provider

-- An application and how its examinations may be reused at a reload (claim
-- 12): substitute (reuse the old one), refer (look at it, judge anew) or new.
-- max_examination_age bounds substitution (E49).  Called again it replaces
-- all that it takes and ends a withdrawal.
-- Errors: 22023 for another mode or an age below zero.
CREATE FUNCTION service_provider.register_application(
    app screissue.app_id,
    name text,
    examination text DEFAULT 'substitute',
    max_examination_age interval DEFAULT NULL)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('app', register_application.app IS NOT NULL);
    PERFORM screissue.require('name', register_application.name IS NOT NULL);
    PERFORM screissue.require_examination_mode(
        register_application.examination,
        register_application.max_examination_age);

    INSERT INTO service_provider.application AS a
        (app_id, name, examination_mode, max_examination_age)
    VALUES (register_application.app, register_application.name,
            register_application.examination,
            register_application.max_examination_age)
    ON CONFLICT ON CONSTRAINT application_pkey DO UPDATE
       SET name = EXCLUDED.name,
           examination_mode = EXCLUDED.examination_mode,
           max_examination_age = EXCLUDED.max_examination_age,
           withdrawn_at = NULL;
END
$$;
COMMENT ON FUNCTION service_provider.register_application(
    screissue.app_id, text, text, interval) IS
    'application of this provider and its examination mode';

-- E13: the application is reloaded no more.  Repeated: nothing happens.
-- Errors: SR003 if there is no such application.
CREATE FUNCTION service_provider.withdraw_application(app screissue.app_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('app', withdraw_application.app IS NOT NULL);
    PERFORM service_provider.require_application(withdraw_application.app);

    UPDATE service_provider.application a
       SET withdrawn_at = now()
     WHERE a.app_id = withdraw_application.app
       AND a.withdrawn_at IS NULL;
END
$$;
COMMENT ON FUNCTION
    service_provider.withdraw_application(screissue.app_id) IS
    'end of an application';

-- E14: the application was another provider's, and the issuer has transferred
-- it to us, or is about to: loading permissions for it that carry that
-- provider's company id are ours now.  Without this record none is believed.
-- Repeated: nothing happens.
-- Errors: SR003 if there is no such application; 22023 if the provider is
-- ourselves.
CREATE FUNCTION service_provider.accept_transfer(
    app screissue.app_id,
    provider screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    self CONSTANT screissue.company_id := service_provider.own_company();
BEGIN
    PERFORM screissue.require('app', accept_transfer.app IS NOT NULL);
    PERFORM screissue.require('provider', accept_transfer.provider IS NOT NULL);
    PERFORM service_provider.require_application(accept_transfer.app);
    IF accept_transfer.provider = self THEN
        RAISE EXCEPTION 'provider "%" is this one', self
            USING ERRCODE = '22023',
                  HINT = 'Give the provider that had the application before.';
    END IF;

    INSERT INTO service_provider.former_provider
        (app_id, provider, accepted_at, accepted_by)
    VALUES (accept_transfer.app, accept_transfer.provider, now(),
            calling_role())
    ON CONFLICT ON CONSTRAINT former_provider_pkey DO NOTHING;
END
$$;
COMMENT ON FUNCTION service_provider.accept_transfer(
    screissue.app_id, screissue.company_id) IS
    'application that was another provider''s before';

-- Raises SR003 unless the application is registered, withdrawn or not.
CREATE FUNCTION service_provider.require_application(app screissue.app_id)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM service_provider.application a
                   WHERE a.app_id = require_application.app) THEN
        RAISE EXCEPTION 'unknown application "%"', app
            USING ERRCODE = 'SR003',
                  HINT = 'Call service_provider.register_application() first.';
    END IF;
END
$$;
COMMENT ON FUNCTION
    service_provider.require_application(screissue.app_id) IS
    'check that an application is registered';

-- What users pay (claim 14)

-- R52, E53: the price of a load, or of a reload for a reason; reason NULL =
-- any reason that has no price of its own.  Replaces the former price for
-- verdicts to come, past ones keep theirs.
-- Errors: SR003 unknown application; 22023 for an amount below zero or not
-- finite, a currency that is not three capitals, or a load with a reason.
CREATE FUNCTION service_provider.set_tariff(
    app screissue.app_id,
    kind screissue.tariff_kind,
    amount numeric,
    currency text,
    reason screissue.reissue_reason DEFAULT NULL)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('app', set_tariff.app IS NOT NULL);
    PERFORM service_provider.require_application(set_tariff.app);
    PERFORM screissue.require_tariff(set_tariff.kind, set_tariff.amount,
                                     set_tariff.currency, set_tariff.reason);

    INSERT INTO service_provider.tariff AS t
        (app_id, kind, reason, amount, currency)
    VALUES (set_tariff.app, set_tariff.kind, set_tariff.reason,
            set_tariff.amount, set_tariff.currency)
    ON CONFLICT ON CONSTRAINT tariff_app_id_kind_reason_key DO UPDATE
       SET amount = EXCLUDED.amount,
           currency = EXCLUDED.currency;
END
$$;
COMMENT ON FUNCTION service_provider.set_tariff(
    screissue.app_id, screissue.tariff_kind, numeric, text,
    screissue.reissue_reason) IS
    'price of a load or reload of an application';

-- The price that holds now: that of the reason, else that of any reason;
-- NULL = not charged (R48).  The reason is the text of a notice: one that we
-- do not know is any reason.  tariff_reason is that of the line found.
CREATE FUNCTION service_provider.find_price(
    app screissue.app_id,
    kind screissue.tariff_kind,
    reason text,
    OUT fee numeric,
    OUT currency text,
    OUT tariff_reason screissue.reissue_reason)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    SELECT t.amount, t.currency, t.reason
      INTO find_price.fee, find_price.currency, find_price.tariff_reason
      FROM service_provider.tariff t
     WHERE t.app_id = find_price.app
       AND t.kind = find_price.kind
       AND (t.reason IS NULL OR t.reason::text = find_price.reason)
     ORDER BY t.reason NULLS LAST
     LIMIT 1;
END
$$;
COMMENT ON FUNCTION service_provider.find_price(
    screissue.app_id, screissue.tariff_kind, text) IS
    'price of a load or reload at this moment';

-- Policy of the service provider (R50; design 9)

-- Sets the function that judges an event: reload, the request for a reload that
-- the record of the old load allows.  NULL: what the record allows is approved.
-- For superusers.  It is stored by its qualified signature.
-- Errors: 42883 no such function; 42804 no policy; 42501 not a superuser's;
-- 22023 unknown event.
CREATE FUNCTION service_provider.set_policy(event text, function regprocedure)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require_event(set_policy.event, '{reload}');
    IF set_policy.function IS NULL THEN
        DELETE FROM service_provider.policy p WHERE p.event = set_policy.event;
        RETURN;
    END IF;
    INSERT INTO service_provider.policy (event, function)
    VALUES (set_policy.event, screissue.policy_signature(set_policy.function))
        ON CONFLICT ON CONSTRAINT policy_pkey DO UPDATE
       SET function = excluded.function;
END
$$;
COMMENT ON FUNCTION service_provider.set_policy(text, regprocedure) IS
    'set the function that judges an event';

-- What the policy is told: the request, the old load that it would inherit, its
-- examination, and how often the user reloaded in the last twelve months.
CREATE FUNCTION service_provider.describe_request(
    request_id bigint,
    inherits screissue.message_id)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT jsonb_build_object(
               'event', 'reload',
               'request_id', r.request_id,
               'application', r.app_id::text,
               'issuer', r.issuer::text,
               'platform_type', r.platform_type,
               'method', r.method,
               'requested_by', r.requested_by,
               'reason', n.reason,
               'inherits', l.message_id::text,
               'user_ref', l.user_ref,
               'account', l.account,
               'loaded_at', l.loaded_at,
               'reloads_in_12_months',
               (SELECT count(*)
                  FROM service_provider.app_load o
                 WHERE o.user_ref = l.user_ref
                   AND o.inherits IS NOT NULL
                   AND o.loaded_at > now() - interval '12 months'),
               'old_examination',
               (SELECT jsonb_build_object(
                           'approved', x.approved,
                           'reason', x.reason,
                           'examined_at', x.examined_at,
                           'valid_until', x.valid_until,
                           'examiner', x.examiner)
                  FROM service_provider.examination x
                 WHERE x.examination_id = l.examination_id))
      FROM service_provider.reload_request r
      JOIN service_provider.app_load l
        ON l.message_id = describe_request.inherits
      LEFT JOIN service_provider.reissue_notice n
        ON n.issuer = r.issuer AND n.notice_no = r.notice_no
     WHERE r.request_id = describe_request.request_id
$$;
COMMENT ON FUNCTION
    service_provider.describe_request(bigint, screissue.message_id) IS
    'what the policy is told of a request for a reload';

-- Asks the policy about a request that is on record.  What it says is on
-- record, too, as the examination.
CREATE FUNCTION service_provider.ask_policy(
    request_id bigint,
    inherits screissue.message_id,
    OUT examination_id bigint,
    OUT approved boolean,
    OUT reason text)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    signature text;
    told jsonb;
    judged record;
BEGIN
    SELECT p.function INTO STRICT signature
      FROM service_provider.policy p
     WHERE p.event = 'reload';
    told := service_provider.describe_request(
        ask_policy.request_id, ask_policy.inherits);
    judged := screissue.call_policy(signature, told);
    INSERT INTO service_provider.examination AS x
        (event, message_id, approved, reason, examined_at, valid_until,
         examiner, details)
    VALUES ('reload', ask_policy.inherits, judged.approved, judged.reason,
            now(),
            (now() AT TIME ZONE 'UTC' + judged.valid_for) AT TIME ZONE 'UTC',
            signature,
            told || jsonb_build_object('policy_sha256', judged.policy_sha256))
    RETURNING x.examination_id, x.approved, x.reason
         INTO ask_policy.examination_id, ask_policy.approved,
              ask_policy.reason;
END
$$;
COMMENT ON FUNCTION
    service_provider.ask_policy(bigint, screissue.message_id) IS
    'verdict of the policy on a request for a reload';

-- Examinations at the provider (claim 12; R48, R50)
--
-- examination.message_id is the load that was examined: for event load that
-- very load, for event reload the old load that the reload is judged by.
-- app_load.examination_id is the examination that counts for a load.  How long one
-- is valid, and how old it may get, does not depend on the client's time zone (E54).

-- Puts an examination on record.  message: the load that was examined.
CREATE FUNCTION service_provider.store_examination(
    event text,
    message screissue.message_id,
    examination screissue.verdict,
    details jsonb DEFAULT NULL)
    RETURNS bigint
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
    SET timezone = 'UTC'
AS $$
    INSERT INTO service_provider.examination AS x
        (event, message_id, approved, reason, examined_at, valid_until,
         examiner, details)
    VALUES (event, message, (examination).approved, (examination).reason,
            now(), now() + (examination).valid_for,
            screissue.calling_role(), details)
    RETURNING x.examination_id
$$;
COMMENT ON FUNCTION service_provider.store_examination(
    text, screissue.message_id, screissue.verdict, jsonb) IS
    'record an examination';

-- True if the row says what the verdict says.
CREATE FUNCTION service_provider.same_verdict(
    examination_id bigint,
    examination screissue.verdict)
    RETURNS boolean
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
    SET timezone = 'UTC'
AS $$
    SELECT EXISTS
        (SELECT FROM service_provider.examination x
          WHERE x.examination_id = same_verdict.examination_id
            AND x.approved IS NOT DISTINCT FROM (examination).approved
            AND x.reason IS NOT DISTINCT FROM (examination).reason
            AND x.valid_until IS NOT DISTINCT FROM
                x.examined_at + (examination).valid_for)
$$;
COMMENT ON FUNCTION
    service_provider.same_verdict(bigint, screissue.verdict) IS
    'whether an examination on record equals a verdict';

-- E49: a later finding about a load, such as a fraud flag.  It takes the
-- place of the load's examination, so a negative one is never reused; about a
-- load that a reload superseded it is a finding about that reload, too.  Each
-- call is one more examination.
-- Errors: SR008 unknown load; 22023 for a verdict that is neither yes nor no.
CREATE FUNCTION service_provider.record_examination(
    message screissue.message_id,
    examination screissue.verdict)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    finding bigint;
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('message', record_examination.message IS NOT NULL);
    PERFORM screissue.require_verdict(record_examination.examination);
    PERFORM service_provider.lock_load(record_examination.message);

    finding := service_provider.store_examination(
        'load', record_examination.message, record_examination.examination);
    UPDATE service_provider.app_load l
       SET examination_id = finding
     WHERE l.message_id IN
           (record_examination.message,
            service_provider.live_load(record_examination.message));
END
$$;
COMMENT ON FUNCTION service_provider.record_examination(
    screissue.message_id, screissue.verdict) IS
    'later finding about a load';

-- Records of loads, by message id (Fig. 17) and by card id (Fig. 14)

-- R42: the id of a card that only the issuer may read is never stored here.
CREATE FUNCTION service_provider.refuse_secret_card_id(
    platform_type integer,
    card screissue.card_id)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF card IS NOT NULL AND screissue.method_of(platform_type) = 2 THEN
        RAISE EXCEPTION 'card id given for platform type %, whose ids only the issuer may read',
            platform_type
            USING ERRCODE = '22023',
                  HINT = 'Leave "card" out; the issuer is asked with the card attribute.';
    END IF;
END
$$;
COMMENT ON FUNCTION
    service_provider.refuse_secret_card_id(integer, screissue.card_id) IS
    'check that a card id may be stored at the provider';

-- Did this issuer give the permission to us, or to a provider that had the
-- application before us (E14)?
CREATE FUNCTION service_provider.is_ours(
    message screissue.message_id,
    app screissue.app_id,
    issuer screissue.company_id)
    RETURNS boolean
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT screissue.issuer(message) = is_ours.issuer
       AND (provider(message) = service_provider.own_company()
         OR EXISTS (SELECT FROM service_provider.former_provider f
                     WHERE f.app_id = app
                       AND f.provider = screissue.provider(message)))
$$;
COMMENT ON FUNCTION service_provider.is_ours(
    screissue.message_id, screissue.app_id, screissue.company_id) IS
    'whether a loading permission is of an issuer, for us';

-- Raises 22023 unless the permission was given to us, and by this issuer.
CREATE FUNCTION service_provider.require_message(
    message screissue.message_id,
    app screissue.app_id,
    issuer screissue.company_id)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF NOT service_provider.is_ours(message, app, require_message.issuer) THEN
        RAISE EXCEPTION 'message id "%" is none of issuer "%" for this provider',
            message, require_message.issuer
            USING ERRCODE = '22023',
                  HINT = 'Give the id that the issuer''s permit_load returned.';
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.require_message(
    screissue.message_id, screissue.app_id, screissue.company_id) IS
    'check that a loading permission is of an issuer, for us';

CREATE FUNCTION service_provider.raise_unknown_load(
    message screissue.message_id)
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'no load is recorded under message id "%"', message
        USING ERRCODE = 'SR008',
              HINT = 'Call service_provider.record_load() first.';
END
$$;
COMMENT ON FUNCTION
    service_provider.raise_unknown_load(screissue.message_id) IS
    'error SR008';

-- Locks the record of a load and returns its status.
-- Errors: SR008 unknown.
CREATE FUNCTION service_provider.lock_load(message screissue.message_id)
    RETURNS screissue.load_status
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    status screissue.load_status;
BEGIN
    SELECT l.status INTO status
      FROM service_provider.app_load l
     WHERE l.message_id = message
       FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM service_provider.raise_unknown_load(lock_load.message);
    END IF;
    RETURN status;
END
$$;
COMMENT ON FUNCTION service_provider.lock_load(screissue.message_id) IS
    'lock the record of a load';

-- Does a load of the first status bear a report of the second?  The same
-- again and what was so before it are no news; permitted may become anything.
CREATE FUNCTION service_provider.may_become(
    recorded screissue.load_status,
    reported screissue.load_status)
    RETURNS boolean
    LANGUAGE sql
    IMMUTABLE STRICT
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT recorded = 'permitted' OR reported = 'permitted'
        OR (recorded = 'failed') = (reported = 'failed')
$$;
COMMENT ON FUNCTION service_provider.may_become(
    screissue.load_status, screissue.load_status) IS
    'whether a report agrees with the recorded status of a load';

-- R7, R8, R46, R47: the record of a load under a loading permission.
-- permitted stores it before the card is touched; loaded and failed tell what
-- came of it.  The price is that of a load now and stays (R52); failed loads
-- cost nothing.  Repeatable: what was not given before is filled in, a null
-- neither contradicts nor erases.
-- Errors: SR002 unknown issuer; SR003 unknown application; SR009 contradicts
-- the record; 22023 another provider's message id, another status, or a card
-- id of a platform whose ids only the issuer may read.
CREATE FUNCTION service_provider.record_load(
    message screissue.message_id,
    app screissue.app_id,
    card screissue.card_id DEFAULT NULL,
    user_ref text DEFAULT NULL,
    examination screissue.verdict DEFAULT NULL,
    account jsonb DEFAULT NULL,
    platform_type integer DEFAULT NULL,
    status screissue.load_status DEFAULT 'loaded')
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('message', record_load.message IS NOT NULL);
    PERFORM screissue.require('app', record_load.app IS NOT NULL);
    PERFORM screissue.require('status', record_load.status IS NOT NULL);
    IF record_load.status NOT IN ('permitted', 'loaded', 'failed') THEN
        RAISE EXCEPTION 'a load cannot be recorded as %', record_load.status
            USING ERRCODE = '22023',
                  HINT = 'Record it as permitted, loaded or failed.';
    END IF;
    PERFORM service_provider.require_issuer(issuer(record_load.message));
    PERFORM service_provider.require_message(
        record_load.message, record_load.app, issuer(record_load.message));
    PERFORM service_provider.require_application(record_load.app);
    PERFORM screissue.check_valid_for(record_load.examination.valid_for);

    PERFORM service_provider.create_load(record_load.message, record_load.app);
    PERFORM service_provider.check_agreement(
        record_load.message, record_load.app, record_load.card,
        record_load.user_ref, record_load.account, record_load.platform_type,
        record_load.status);
    PERFORM service_provider.fill_load(
        record_load.message, record_load.card, record_load.user_ref,
        record_load.account, record_load.platform_type, record_load.status);
    PERFORM service_provider.refuse_secret_card_id(l.platform_type, l.card_id)
       FROM service_provider.app_load l
      WHERE l.message_id = record_load.message;
    IF record_load.examination IS DISTINCT FROM NULL THEN
        PERFORM service_provider.attach_examination(
            record_load.message, record_load.examination);
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.record_load(
    screissue.message_id, screissue.app_id, screissue.card_id, text,
    screissue.verdict, jsonb, integer, screissue.load_status) IS
    'record of a load under a loading permission (Fig. 14, Fig. 17)';

-- Makes the record, permitted and priced, unless there is one; locks it.  What
-- a load under a former provider's permission cost is no matter of ours (E14).
CREATE FUNCTION service_provider.create_load(
    message screissue.message_id,
    app screissue.app_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    INSERT INTO service_provider.app_load AS l
        (message_id, issuer, app_id, status, fee, currency, tariff_reason,
         permitted_at)
    SELECT create_load.message, issuer(create_load.message), create_load.app,
           'permitted', p.fee, p.currency, p.tariff_reason, now()
      FROM (SELECT) one_row
      LEFT JOIN service_provider.find_price(create_load.app, 'load', NULL) p
        ON provider(create_load.message) = service_provider.own_company()
    ON CONFLICT ON CONSTRAINT app_load_pkey DO NOTHING;
    PERFORM service_provider.lock_load(create_load.message);
END
$$;
COMMENT ON FUNCTION
    service_provider.create_load(screissue.message_id, screissue.app_id) IS
    'make and lock the record of a load';

-- Raises SR009 if something given contradicts the record of a load.
CREATE FUNCTION service_provider.check_agreement(
    message screissue.message_id,
    app screissue.app_id,
    card screissue.card_id,
    user_ref text,
    account jsonb,
    platform_type integer,
    status screissue.load_status)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    contradiction text;
BEGIN
    SELECT CASE
           WHEN l.app_id <> check_agreement.app THEN 'application'
           WHEN l.card_id <> check_agreement.card THEN 'card'
           WHEN l.user_ref <> check_agreement.user_ref THEN 'user_ref'
           WHEN l.account <> check_agreement.account THEN 'account'
           WHEN l.platform_type <> check_agreement.platform_type
               THEN 'platform_type'
           WHEN NOT service_provider.may_become(l.status,
                                                check_agreement.status)
               THEN 'status'
           END
      INTO STRICT contradiction
      FROM service_provider.app_load l
     WHERE l.message_id = check_agreement.message;
    IF contradiction IS NOT NULL THEN
        RAISE EXCEPTION 'load "%" is recorded with another %',
            message, contradiction
            USING ERRCODE = 'SR009',
                  HINT = 'See service_provider.find_load() for what is recorded.';
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.check_agreement(
    screissue.message_id, screissue.app_id, screissue.card_id, text, jsonb,
    integer, screissue.load_status) IS
    'check that nothing given contradicts the record of a load';

-- Fills in what the record did not know.  Errors: SR005 a move that
-- screissue.status_move forbids.
CREATE FUNCTION service_provider.fill_load(
    message screissue.message_id,
    card screissue.card_id,
    user_ref text,
    account jsonb,
    platform_type integer,
    status screissue.load_status)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.require_load_move(
        fill_load.message, 'permitted', fill_load.status)
       FROM service_provider.app_load l
      WHERE l.message_id = fill_load.message
        AND l.status = 'permitted'
        AND fill_load.status <> 'permitted';
    UPDATE service_provider.app_load l
       SET card_id = coalesce(l.card_id, fill_load.card),
           user_ref = coalesce(l.user_ref, fill_load.user_ref),
           account = coalesce(l.account, fill_load.account),
           platform_type = coalesce(l.platform_type, fill_load.platform_type),
           status = CASE WHEN l.status = 'permitted' THEN fill_load.status
                         ELSE l.status END,
           loaded_at = CASE WHEN l.status = 'permitted'
                             AND fill_load.status = 'loaded' THEN now()
                            ELSE l.loaded_at END
     WHERE l.message_id = fill_load.message;
END
$$;
COMMENT ON FUNCTION service_provider.fill_load(
    screissue.message_id, screissue.card_id, text, jsonb, integer,
    screissue.load_status) IS
    'complete the record of a load';

-- R48: the examination made for a load.  Repeated: nothing happens; another
-- one contradicts, later findings go through record_examination.
CREATE FUNCTION service_provider.attach_examination(
    message screissue.message_id,
    examination screissue.verdict)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    first_id bigint;
BEGIN
    SELECT coalesce(min(x.examination_id), l.examination_id) INTO first_id
      FROM service_provider.app_load l
      LEFT JOIN service_provider.examination x
        ON x.message_id = l.message_id
       AND x.event = 'load'
     WHERE l.message_id = attach_examination.message
     GROUP BY l.message_id;
    IF first_id IS NULL THEN
        first_id := service_provider.store_examination(
            'load', attach_examination.message, attach_examination.examination);
        UPDATE service_provider.app_load l
           SET examination_id = first_id
         WHERE l.message_id = attach_examination.message;
    ELSIF NOT service_provider.same_verdict(
              first_id, attach_examination.examination) THEN
        RAISE EXCEPTION 'load "%" is recorded with another examination', message
            USING ERRCODE = 'SR009',
                  HINT = 'Later findings go through service_provider.record_examination().';
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.attach_examination(
    screissue.message_id, screissue.verdict) IS
    'examination made for a load';

-- Raises SR005 unless a load of the one status may get the other.
CREATE FUNCTION service_provider.require_load_move(
    message screissue.message_id,
    from_status screissue.load_status,
    to_status screissue.load_status)
    RETURNS void
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT screissue.require_move('load', message::text, from_status::text,
                                  to_status::text)
$$;
COMMENT ON FUNCTION service_provider.require_load_move(
    screissue.message_id, screissue.load_status, screissue.load_status) IS
    'check that a load may get another status';

-- R12: the user had the application removed.  A load that a reload superseded
-- stays as it is.  Repeated: nothing happens.
-- Errors: SR008 unknown; SR009 never loaded; SR005 a move that
-- screissue.status_move forbids.
CREATE FUNCTION service_provider.record_unload(message screissue.message_id)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    status screissue.load_status;
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('message', record_unload.message IS NOT NULL);
    status := service_provider.lock_load(record_unload.message);

    IF status IN ('permitted', 'failed') THEN
        RAISE EXCEPTION 'load "%" is %, it cannot be unloaded',
            message, status
            USING ERRCODE = 'SR009';
    END IF;
    IF status = 'loaded' THEN
        PERFORM service_provider.require_load_move(
            record_unload.message, status, 'unloaded');
        UPDATE service_provider.app_load l
           SET status = 'unloaded',
               ended_at = now(),
               confirmed_at = NULL
         WHERE l.message_id = record_unload.message;
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.record_unload(screissue.message_id) IS
    'record that an application was removed from its card';

-- R40, R47, claim 4: the record of a load by message id, with the examination
-- that counts now.  Errors: SR008 unknown.
CREATE FUNCTION service_provider.find_load(
    message screissue.message_id,
    OUT issuer screissue.company_id,
    OUT app_id screissue.app_id,
    OUT card_id screissue.card_id,
    OUT platform_type integer,
    OUT user_ref text,
    OUT status screissue.load_status,
    OUT examination_id bigint,
    OUT examination_approved boolean,
    OUT examination_valid_until timestamp with time zone,
    OUT account jsonb,
    OUT fee numeric,
    OUT currency text,
    OUT permitted_at timestamp with time zone,
    OUT loaded_at timestamp with time zone,
    OUT ended_at timestamp with time zone,
    OUT confirmed_at timestamp with time zone,
    OUT inherits screissue.message_id)
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('message', find_load.message IS NOT NULL);
    SELECT l.issuer, l.app_id, l.card_id, l.platform_type, l.user_ref,
           l.status, l.examination_id, x.approved, x.valid_until, l.account,
           l.fee, l.currency, l.permitted_at, l.loaded_at, l.ended_at,
           l.confirmed_at, l.inherits
      INTO find_load.issuer, find_load.app_id, find_load.card_id,
           find_load.platform_type, find_load.user_ref, find_load.status,
           find_load.examination_id, find_load.examination_approved,
           find_load.examination_valid_until, find_load.account,
           find_load.fee, find_load.currency, find_load.permitted_at,
           find_load.loaded_at, find_load.ended_at, find_load.confirmed_at,
           find_load.inherits
      FROM service_provider.app_load l
      LEFT JOIN service_provider.examination x
        ON x.examination_id = l.examination_id
     WHERE l.message_id = find_load.message;
    IF NOT FOUND THEN
        PERFORM service_provider.raise_unknown_load(find_load.message);
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.find_load(screissue.message_id) IS
    'record of a load by message id (Fig. 17)';

-- The load that stands now where this one stood: itself, or the newest reload
-- that inherits from it; NULL if the user had it removed or it never
-- succeeded.  Errors: 54000 after screissue.max_lineage reloads (E4).
CREATE FUNCTION service_provider.live_load(message screissue.message_id)
    RETURNS screissue.message_id
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    current_id screissue.message_id := message;
    status screissue.load_status;
BEGIN
    FOR hop IN 0 .. current_setting('screissue.max_lineage')::integer LOOP
        SELECT l.status INTO status
          FROM service_provider.app_load l
         WHERE l.message_id = current_id;
        IF status = 'loaded' THEN
            RETURN current_id;
        ELSIF status IS DISTINCT FROM 'superseded' THEN
            RETURN NULL;
        END IF;
        SELECT l.message_id INTO current_id
          FROM service_provider.app_load l
         WHERE l.inherits = current_id
           AND l.status IN ('loaded', 'superseded', 'unloaded')
         ORDER BY l.loaded_at DESC, l.message_id DESC
         LIMIT 1;
    END LOOP;
    RAISE EXCEPTION 'chain of reloads from "%" is too long', message
        USING ERRCODE = '54000',
              HINT = 'Raise screissue.max_lineage.';
END
$$;
COMMENT ON FUNCTION service_provider.live_load(screissue.message_id) IS
    'load that stands where an earlier one stood';

-- Notices at the service provider (R20-R22, R28-R30; Fig. 6 steps 601, 602)

-- Landing by replication.  In the worker of a subscription a row that is
-- inserted into screissue.notice lands in service_provider.reissue_notice or
-- service_provider.quarantined_notice and goes no further; in other sessions
-- the triggers do nothing.  No search_path is set: the C code names everything
-- in full, and setting it took about a tenth of an apply worker's time.

CREATE FUNCTION service_provider.land_notice()
    RETURNS trigger
    LANGUAGE c
    VOLATILE
    AS 'MODULE_PATHNAME', 'screissue_land_notice';
COMMENT ON FUNCTION service_provider.land_notice() IS
    'trigger that takes in the notices that a subscription delivers';

CREATE FUNCTION service_provider.guard_notice()
    RETURNS trigger
    LANGUAGE c
    VOLATILE
    AS 'MODULE_PATHNAME', 'screissue_guard_notice';
COMMENT ON FUNCTION service_provider.guard_notice() IS
    'trigger that keeps subscriptions from changing or removing notices';

-- Puts the triggers on screissue.notice; for setup(), which enables them for
-- workers of subscriptions, too.
CREATE FUNCTION service_provider.create_landing_triggers()
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    CREATE OR REPLACE TRIGGER land_notice
        BEFORE INSERT ON screissue.notice
        FOR EACH ROW EXECUTE FUNCTION service_provider.land_notice();
    CREATE OR REPLACE TRIGGER guard_notice
        BEFORE UPDATE OR DELETE ON screissue.notice
        FOR EACH ROW EXECUTE FUNCTION service_provider.guard_notice();
    CREATE OR REPLACE TRIGGER guard_notices
        BEFORE TRUNCATE ON screissue.notice
        FOR EACH STATEMENT EXECUTE FUNCTION service_provider.guard_notice();
END
$$;
COMMENT ON FUNCTION service_provider.create_landing_triggers() IS
    'triggers on the wire table, for setup()';

-- Takes in one notice, in the columns of the wire, that another carrier than
-- replication brought: pull, file, paper, or inquiry for the answer of Fig. 19,
-- which has no number of the issuer's and comes with a negative one.  Returns
-- stored; duplicate if the same notice was there, which is counted (E19); or
-- quarantined, with the cause in service_provider.quarantined_notice: nothing
-- in the content raises.  Causes: "unparsable: COLUMN" (missing, or not of its
-- type), wrong_provider (for somebody else: only issuer, number and SHA-256
-- digest are kept, E24), unknown_issuer, wrong_subscription (replication only,
-- E23), wrong_message_id (a permission of other parties, and not of a former
-- provider of the application that accept_transfer named, E14), contradiction
-- (the number is that of another notice, E19).
-- Errors: SR001; 22023 unknown carrier; 25006.
CREATE FUNCTION service_provider.receive_notice(
    issuer text,
    provider text,
    notice_no bigint,
    kind text,
    platform_type integer,
    new_card_id text,
    old_card_id text,
    app_id text,
    message_id text,
    reason text,
    noted_at timestamp with time zone,
    carrier text)
    RETURNS text
    LANGUAGE c
    VOLATILE
    COST 100
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
    AS 'MODULE_PATHNAME', 'screissue_receive_notice';
COMMENT ON FUNCTION
    service_provider.receive_notice(text, text, bigint, text, integer, text,
                                    text, text, text, text,
                                    timestamp with time zone, text) IS
    'landing of a notice that was pulled, or came by file or on paper (Fig. 6 steps 601, 602)';

-- Gaps in the numbers of the notices received from an issuer, as the view
-- notice_gap has them.
-- Errors: SR001; SR002 unknown issuer; 22023.
CREATE FUNCTION service_provider.missing_notices(
    issuer screissue.company_id,
    OUT from_no bigint,
    OUT to_no bigint)
    RETURNS SETOF record
    LANGUAGE plpgsql
    STABLE
    ROWS 10
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('issuer', missing_notices.issuer IS NOT NULL);
    PERFORM service_provider.require_issuer(missing_notices.issuer);
    RETURN QUERY
        SELECT g.from_no, g.to_no
          FROM service_provider.notice_gap g
         WHERE g.issuer = missing_notices.issuer;
END
$$;
COMMENT ON FUNCTION service_provider.missing_notices(screissue.company_id) IS
    'gaps in the numbers of an issuer''s notices';

-- The values of the wire that are no texts, read from texts; unparsable is the
-- first one that is not of its type, and then those behind it are null.
CREATE FUNCTION service_provider.read_values(
    notice_no text,
    platform_type text,
    noted_at text,
    OUT number bigint,
    OUT platform integer,
    OUT noted timestamp with time zone,
    OUT unparsable text)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    unparsable := 'notice_no';
    number := read_values.notice_no::bigint;
    unparsable := 'platform_type';
    platform := read_values.platform_type::integer;
    unparsable := 'noted_at';
    noted := read_values.noted_at::timestamptz;
    unparsable := NULL;
EXCEPTION WHEN data_exception THEN
    NULL;
END
$$;
COMMENT ON FUNCTION service_provider.read_values(text, text, text) IS
    'values of a notice that are no texts';

-- Lands a notice as the issuer's server gave it, and returns its number.  What
-- is not of its type goes to quarantine: the cause names it, and the rest is
-- kept unless the notice is for somebody else (E24, E37).
CREATE FUNCTION service_provider.land_pulled(notice jsonb)
    RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    value CONSTANT record := service_provider.read_values(
        notice ->> 'notice_no', notice ->> 'platform_type',
        notice ->> 'noted_at');
    is_ours boolean;
BEGIN
    IF value.unparsable IS NOT NULL THEN
        is_ours := upper(notice ->> 'provider')
                   IS NOT DISTINCT FROM service_provider.own_company()::text;
        INSERT INTO service_provider.quarantined_notice
               (issuer, notice_no, digest, carrier, cause, received_at,
                provider, kind, platform_type, new_card_id, old_card_id,
                app_id, message_id, reason, noted_at)
        SELECT notice ->> 'issuer', notice ->> 'notice_no',
               sha256(convert_to(notice::text, 'UTF8')), 'pull',
               'unparsable: ' || value.unparsable, now(),
               n.provider, n.kind, n.platform_type, n.new_card_id,
               n.old_card_id, n.app_id, n.message_id, n.reason, n.noted_at
          FROM jsonb_to_record(CASE WHEN is_ours THEN notice ELSE '{}' END)
               n (provider text, kind text, platform_type text,
                  new_card_id text, old_card_id text, app_id text,
                  message_id text, reason text, noted_at text);
        RETURN value.number;
    END IF;
    PERFORM service_provider.receive_notice(
        issuer => notice ->> 'issuer',
        provider => notice ->> 'provider',
        notice_no => value.number,
        kind => notice ->> 'kind',
        platform_type => value.platform,
        new_card_id => notice ->> 'new_card_id',
        old_card_id => notice ->> 'old_card_id',
        app_id => notice ->> 'app_id',
        message_id => notice ->> 'message_id',
        reason => notice ->> 'reason',
        noted_at => value.noted,
        carrier => 'pull');
    RETURN value.number;
END
$$;
COMMENT ON FUNCTION service_provider.land_pulled(jsonb) IS
    'landing of a notice that was pulled';

-- Lands the notices of an issuer that follow a number, up to another if that is
-- given, at most max_rows, as its foreign server gives them; how many came, and
-- the highest number.
CREATE FUNCTION service_provider.pull_batch(
    server name,
    after_no bigint,
    up_to bigint,
    max_rows bigint,
    OUT fetched bigint,
    OUT last_no bigint)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    query CONSTANT text := format(
        'SELECT pg_catalog.to_jsonb(n) FROM card_issuer.fetch_notices('
        'provider => %L, after_no => %s, max_rows => %s) n',
        service_provider.own_company(), after_no, max_rows)
        || coalesce(' WHERE n.notice_no OPERATOR(pg_catalog.<=) ' || up_to, '');
    notice jsonb;
BEGIN
    fetched := 0;
    last_no := after_no;
    FOR notice IN
        SELECT r.* FROM screissue.remote_rows(server, query) r
    LOOP
        fetched := fetched + 1;
        last_no := greatest(last_no, service_provider.land_pulled(notice));
    END LOOP;
END
$$;
COMMENT ON FUNCTION
    service_provider.pull_batch(name, bigint, bigint, bigint) IS
    'landing of some notices from an issuer''s foreign server';

-- The same for all of them.
-- Errors: 08P01 the server repeats itself.
CREATE FUNCTION service_provider.pull_range(
    server name,
    after_no bigint,
    up_to bigint,
    OUT fetched bigint,
    OUT last_no bigint)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    max_rows CONSTANT bigint := 1000;
    wanted bigint;
    batch record;
BEGIN
    fetched := 0;
    last_no := after_no;
    LOOP
        wanted := least(max_rows, up_to - last_no);
        EXIT WHEN wanted < 1;
        batch := service_provider.pull_batch(server, last_no, up_to, wanted);
        fetched := fetched + batch.fetched;
        EXIT WHEN batch.fetched = 0;
        IF batch.last_no = last_no THEN
            RAISE EXCEPTION 'server "%" does not go on after notice %',
                server, last_no
                USING ERRCODE = '08P01';
        END IF;
        last_no := batch.last_no;
        EXIT WHEN batch.fetched < wanted;
    END LOOP;
END
$$;
COMMENT ON FUNCTION service_provider.pull_range(name, bigint, bigint) IS
    'landing of a range of notices from an issuer''s foreign server';

-- Takes the turn of pulling from an issuer: its foreign server, and the cursor.
-- Errors: SR001; SR002 unknown issuer; 55000 issuer without a server; 22023.
CREATE FUNCTION service_provider.begin_pull(
    issuer screissue.company_id,
    OUT server name,
    OUT last_notice_no bigint)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('issuer', begin_pull.issuer IS NOT NULL);
    PERFORM service_provider.require_issuer(begin_pull.issuer);
    SELECT i.server, i.last_notice_no
      INTO STRICT begin_pull.server, begin_pull.last_notice_no
      FROM service_provider.issuer i
     WHERE i.issuer = begin_pull.issuer
       FOR NO KEY UPDATE;
    IF begin_pull.server IS NULL THEN
        RAISE EXCEPTION 'issuer "%" has no server', begin_pull.issuer
            USING ERRCODE = '55000',
                  HINT = 'Name its foreign server with service_provider.register_issuer.';
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.begin_pull(screissue.company_id) IS
    'turn of pulling notices from an issuer';

-- Moves the cursor of an issuer on to a number.
CREATE FUNCTION service_provider.end_pull(
    issuer screissue.company_id,
    last_no bigint)
    RETURNS void
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    UPDATE service_provider.issuer i
       SET last_notice_no = last_no
     WHERE i.issuer = end_pull.issuer
       AND i.last_notice_no < last_no
$$;
COMMENT ON FUNCTION
    service_provider.end_pull(screissue.company_id, bigint) IS
    'cursor after a pull';

-- Pull (R28-R30): asks the issuer's foreign server for the notices that follow
-- the last one fetched and lands them; returns how many came.  Two pulls from
-- one issuer take turns.
-- Errors: SR001; SR002 unknown issuer; 55000 issuer without a server; 08P01
-- the server repeats itself; 0A000 no dblink; what the connection raises.
CREATE FUNCTION service_provider.pull_notices(issuer screissue.company_id)
    RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    contract CONSTANT record :=
        service_provider.begin_pull(pull_notices.issuer);
    pulled record;
BEGIN
    pulled := service_provider.pull_range(
        contract.server, contract.last_notice_no, NULL);
    PERFORM service_provider.end_pull(pull_notices.issuer, pulled.last_no);
    RETURN pulled.fetched;
END
$$;
COMMENT ON FUNCTION service_provider.pull_notices(screissue.company_id) IS
    'fetching and landing of the notices that an issuer has for us';

-- The numbers of an issuer's notices that we do not have: between those that we
-- have, and after the last (up_to NULL).  What was pulled into quarantine and is
-- not resolved, we have: it would come out the same.
CREATE FUNCTION service_provider.unknown_notices(
    of_issuer screissue.company_id,
    OUT after_no bigint,
    OUT up_to bigint)
    RETURNS SETOF record
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    WITH known AS (
        SELECT n.notice_no
          FROM service_provider.reissue_notice n
         WHERE n.issuer = of_issuer
           AND n.notice_no > 0
         UNION
        SELECT CASE WHEN q.notice_no ~ '^[1-9][0-9]{0,17}$'
                    THEN q.notice_no::bigint END
          FROM service_provider.quarantined_notice q
         WHERE q.issuer = of_issuer::text
           AND q.carrier = 'pull'
           AND q.resolved_at IS NULL
           AND q.notice_no ~ '^[1-9][0-9]{0,17}$')
    SELECT gap.after_no, gap.up_to
      FROM (SELECT lag(k.notice_no, 1, 0::bigint) OVER in_order AS after_no,
                   k.notice_no - 1 AS up_to
              FROM known k
            WINDOW in_order AS (ORDER BY k.notice_no)) gap
     WHERE gap.after_no < gap.up_to
     UNION ALL
    SELECT coalesce(max(k.notice_no), 0::bigint), NULL
      FROM known k
     ORDER BY after_no
$$;
COMMENT ON FUNCTION service_provider.unknown_notices(screissue.company_id) IS
    'ranges of numbers of which we have no notice';

-- Fetches what was lost (E59): asks the issuer's foreign server for the notices
-- that we do not have, wherever the cursor stands, and lands them; returns how
-- many came.  That is what missing_notices reports, what follows the last notice
-- of each epoch, and what was sent since.  Repeatable; takes turns with pulls.
-- Errors: as pull_notices.
CREATE FUNCTION service_provider.backfill(issuer screissue.company_id)
    RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    contract CONSTANT record := service_provider.begin_pull(backfill.issuer);
    total bigint := 0::bigint;
    gap record;
    pulled record;
BEGIN
    FOR gap IN
        SELECT u.after_no, u.up_to
          FROM service_provider.unknown_notices(backfill.issuer) u
         ORDER BY u.after_no
    LOOP
        pulled := service_provider.pull_range(
            contract.server, gap.after_no, gap.up_to);
        total := total + pulled.fetched;
    END LOOP;
    -- The last range has no end: up to there nothing is missing any more.
    PERFORM service_provider.end_pull(backfill.issuer, pulled.last_no);
    RETURN total;
END
$$;
COMMENT ON FUNCTION service_provider.backfill(screissue.company_id) IS
    'fetching and landing of the notices of an issuer that we do not have';

-- Notices in quarantine: judged again, or dismissed (E19, E23, E24, E37)

-- Judges a notice by what is on record now, as the landing would that put it
-- into quarantine: one that came by replication is taken for one of the
-- subscription that delivered it.  stored; duplicate, which is counted; or the
-- cause why it is neither, and then nothing is done.
CREATE FUNCTION service_provider.land_again(
    issuer text,
    provider text,
    notice_no bigint,
    kind text,
    platform_type integer,
    new_card_id text,
    old_card_id text,
    app_id text,
    message_id text,
    reason text,
    noted_at timestamp with time zone,
    carrier text,
    subscription text)
    RETURNS text
    LANGUAGE c
    VOLATILE
    COST 100
    AS 'MODULE_PATHNAME', 'screissue_land_again';
COMMENT ON FUNCTION
    service_provider.land_again(text, text, bigint, text, integer, text, text,
                                text, text, text, timestamp with time zone,
                                text, text) IS
    'landing of a notice that was in quarantine';

-- Locks a notice in quarantine that nobody has decided on.
-- Errors: SR001; 22023 no reason, unknown id; SR009 resolved.
CREATE FUNCTION service_provider.lock_quarantined(
    quarantine_id bigint,
    reason text)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    held record;
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('quarantine_id',
                              lock_quarantined.quarantine_id IS NOT NULL);
    PERFORM screissue.require('reason', lock_quarantined.reason IS NOT NULL);
    IF btrim(lock_quarantined.reason) = '' THEN
        RAISE EXCEPTION 'reason must not be empty'
            USING ERRCODE = '22023',
                  HINT = 'Say why: it is kept with the notice.';
    END IF;
    SELECT q.resolution, q.resolved_at, q.decided_by INTO held
      FROM service_provider.quarantined_notice q
     WHERE q.quarantine_id = lock_quarantined.quarantine_id
       FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no notice % is in quarantine', quarantine_id
            USING ERRCODE = '22023',
                  HINT = 'See service_provider.quarantine for what is.';
    END IF;
    IF held.resolved_at IS NOT NULL THEN
        RAISE EXCEPTION 'notice % in quarantine is resolved already',
            quarantine_id
            USING ERRCODE = 'SR009',
                  DETAIL = format('It was %s, by %s.',
                                  coalesce(held.resolution, 'resolved'),
                                  coalesce(held.decided_by, 'somebody'));
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.lock_quarantined(bigint, text) IS
    'lock a notice in quarantine, for a decision';

-- Puts on record what was decided.  Without a resolution the notice stays.
CREATE FUNCTION service_provider.record_decision(
    quarantine_id bigint,
    resolution text,
    cause text,
    reason text,
    decided_by text)
    RETURNS void
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    UPDATE service_provider.quarantined_notice q
       SET resolved_at = CASE WHEN record_decision.resolution IS NOT NULL
                              THEN now() END,
           resolution = record_decision.resolution,
           cause = coalesce(record_decision.cause, q.cause),
           decided_at = now(),
           decided_by = coalesce(record_decision.decided_by,
                                 screissue.calling_role()::text),
           decision_reason = record_decision.reason
     WHERE q.quarantine_id = record_decision.quarantine_id
$$;
COMMENT ON FUNCTION service_provider.record_decision(
    bigint, text, text, text, text) IS
    'record of a decision on a notice in quarantine';

-- Judges a notice in quarantine again, by what is on record now, and returns
-- what receive_notice does: stored, with the carrier that brought it and the
-- present time; duplicate; or quarantined, and then it stays where it is, with
-- the cause of now.  Who decided that, when and why are kept (E23, E37).
-- Errors: SR001; 22023 unknown id, no reason; SR009 resolved already, or only
-- a digest was kept (E24); 25006.
CREATE FUNCTION service_provider.retry_notice(
    quarantine_id bigint,
    reason text,
    decided_by text DEFAULT NULL)
    RETURNS text
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    held record;
    result text;
    landed boolean;
BEGIN
    PERFORM service_provider.lock_quarantined(
        retry_notice.quarantine_id, retry_notice.reason);
    SELECT q.*, v.number, v.platform, v.noted, v.unparsable
      INTO STRICT held
      FROM service_provider.quarantined_notice q
     CROSS JOIN LATERAL service_provider.read_values(
               q.notice_no, q.platform_type, q.noted_at) v
     WHERE q.quarantine_id = retry_notice.quarantine_id;
    IF held.digest IS NOT NULL AND held.provider IS NULL THEN
        RAISE EXCEPTION 'of notice % in quarantine only a digest was kept',
            quarantine_id
            USING ERRCODE = 'SR009',
                  HINT = 'Dismiss it with service_provider.dismiss_notice(), and let the issuer send it again if it was for you.';
    END IF;

    result := CASE WHEN held.unparsable IS NULL
        THEN service_provider.land_again(
                 held.issuer, held.provider, held.number, held.kind,
                 held.platform, held.new_card_id, held.old_card_id,
                 held.app_id, held.message_id, held.reason, held.noted,
                 held.carrier, held.subscription)
        ELSE 'unparsable: ' || held.unparsable END;
    landed := result IN ('stored', 'duplicate');
    PERFORM service_provider.record_decision(
        retry_notice.quarantine_id,
        resolution => CASE WHEN landed THEN result END,
        cause => CASE WHEN NOT landed THEN result END,
        reason => retry_notice.reason,
        decided_by => retry_notice.decided_by);
    RETURN CASE WHEN landed THEN result ELSE 'quarantined' END;
END
$$;
COMMENT ON FUNCTION service_provider.retry_notice(bigint, text, text) IS
    'another judgement of a notice in quarantine';

-- Closes the case of a notice in quarantine that is not to be believed.  It is
-- kept, with who dismissed it, when and why.  If it was pulled, a backfill asks
-- for its number again.
-- Errors: SR001; 22023 unknown id, no reason; SR009 resolved already; 25006.
CREATE FUNCTION service_provider.dismiss_notice(
    quarantine_id bigint,
    reason text,
    decided_by text DEFAULT NULL)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.lock_quarantined(
        dismiss_notice.quarantine_id, dismiss_notice.reason);
    PERFORM service_provider.record_decision(
        dismiss_notice.quarantine_id, resolution => 'dismissed', cause => NULL,
        reason => dismiss_notice.reason,
        decided_by => dismiss_notice.decided_by);
END
$$;
COMMENT ON FUNCTION service_provider.dismiss_notice(bigint, text, text) IS
    'a notice in quarantine that is not to be believed';

-- What an issuer told us, as a digest to compare with what it has (E59)

-- Digests of the notices received from an issuer, each for itself, in the
-- columns of the wire as the issuer writes them.
CREATE FUNCTION service_provider.notice_digests(
    of_issuer screissue.company_id,
    from_no bigint,
    to_no bigint,
    OUT notice_no bigint,
    OUT sha256 bytea)
    RETURNS SETOF record
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT n.notice_no,
           screissue.notice_sha256(
               n.issuer::text,
               (SELECT service_provider.own_company()::text),
               n.notice_no, n.kind, n.platform_type, n.new_card_id::text,
               n.old_card_id::text, n.app_id::text, n.message_id::text,
               n.reason, n.noted_at)
      FROM service_provider.reissue_notice n
     WHERE n.issuer = of_issuer
       AND n.notice_no BETWEEN from_no AND to_no
     ORDER BY n.notice_no
$$;
COMMENT ON FUNCTION service_provider.notice_digests(
    screissue.company_id, bigint, bigint) IS
    'digests of the notices received from an issuer';

-- How many notices of an issuer with numbers from from_no to to_no there are,
-- and a digest of them: card_issuer.digest there returns the same if it has the
-- same.
-- Errors: SR001; SR002 unknown issuer; 22023.
CREATE FUNCTION service_provider.digest(
    issuer screissue.company_id,
    from_no bigint,
    to_no bigint,
    OUT notices bigint,
    OUT sha256 bytea)
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('issuer', digest.issuer IS NOT NULL);
    PERFORM screissue.require_range(digest.from_no, digest.to_no);
    PERFORM service_provider.require_issuer(digest.issuer);
    SELECT count(*),
           screissue.digest_of(string_agg(n.sha256, '' ORDER BY n.notice_no))
      INTO digest.notices, digest.sha256
      FROM service_provider.notice_digests(digest.issuer, digest.from_no,
                                           digest.to_no) n;
END
$$;
COMMENT ON FUNCTION service_provider.digest(
    screissue.company_id, bigint, bigint) IS
    'number and digest of an issuer''s notices in a range';

-- The same for each part of the range of so many numbers that has notices.
-- Errors: as digest.
CREATE FUNCTION service_provider.digests(
    issuer screissue.company_id,
    INOUT from_no bigint,
    INOUT to_no bigint,
    step bigint,
    OUT notices bigint,
    OUT sha256 bytea)
    RETURNS SETOF record
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('issuer', digests.issuer IS NOT NULL);
    PERFORM screissue.require_range(digests.from_no, digests.to_no);
    PERFORM screissue.require_step(digests.step);
    PERFORM service_provider.require_issuer(digests.issuer);
    RETURN QUERY
        SELECT p.starts_at,
               p.starts_at + least(digests.step - 1, digests.to_no - p.starts_at),
               count(*),
               screissue.digest_of(
                   string_agg(n.sha256, '' ORDER BY n.notice_no))
          FROM service_provider.notice_digests(digests.issuer, digests.from_no,
                                               digests.to_no) n
         CROSS JOIN LATERAL
               (SELECT n.notice_no - (n.notice_no - digests.from_no) % digests.step
                           AS starts_at) p
         GROUP BY p.starts_at
         ORDER BY p.starts_at;
END
$$;
COMMENT ON FUNCTION service_provider.digests(
    screissue.company_id, bigint, bigint, bigint) IS
    'number and digest of an issuer''s notices in each part of a range';

-- Rows for received_notices, which explains them.
CREATE FUNCTION service_provider.read_received(
    of_issuer screissue.company_id,
    from_no bigint,
    to_no bigint)
    RETURNS SETOF record
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    own CONSTANT text := service_provider.own_company()::text;
BEGIN
    PERFORM screissue.require('issuer', of_issuer IS NOT NULL);
    PERFORM screissue.require_range(from_no, to_no);
    PERFORM service_provider.require_issuer(of_issuer);
    RETURN QUERY
        SELECT n.issuer::text, own, n.notice_no, n.kind, n.platform_type,
               n.new_card_id::text, n.old_card_id::text, n.app_id::text,
               n.message_id::text, n.reason, n.noted_at
          FROM service_provider.reissue_notice n
         WHERE n.issuer = of_issuer
           AND n.notice_no BETWEEN from_no AND to_no
         ORDER BY n.notice_no;
END
$$;
COMMENT ON FUNCTION
    service_provider.read_received(screissue.company_id, bigint, bigint) IS
    'rows of received_notices';

-- The notices of an issuer with numbers from from_no to to_no, in order, in the
-- columns of the wire and as the issuer wrote them: for an issuer that has lost
-- them (E25), whose card_issuer.restore_notice takes them back.
-- Errors: SR001; SR002 unknown issuer; 22023.
CREATE FUNCTION service_provider.received_notices(
    issuer screissue.company_id,
    from_no bigint,
    to_no bigint)
    RETURNS TABLE (
        issuer text,
        provider text,
        notice_no bigint,
        kind text,
        platform_type integer,
        new_card_id text,
        old_card_id text,
        app_id text,
        message_id text,
        reason text,
        noted_at timestamp with time zone)
    LANGUAGE sql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT n.*
      FROM service_provider.read_received($1, $2, $3) n (
               issuer text, provider text, notice_no bigint, kind text,
               platform_type integer, new_card_id text, old_card_id text,
               app_id text, message_id text, reason text,
               noted_at timestamp with time zone)
$$;
COMMENT ON FUNCTION
    service_provider.received_notices(screissue.company_id, bigint, bigint) IS
    'notices received from an issuer, as it wrote them';

-- Requests for a reload (Fig. 7, Fig. 11, Fig. 18)
--
-- judge_gates       the contract with the issuer, the application
-- judge_request     the platform type picks the method
-- find_relation     method 1: what makes this card a reissued one (704, 705)
-- inquire           method 2: the issuer is asked with the attribute (806, 807)
-- judge_load        the old load, its examination, the price (706-708, 1106-1108)
-- keep_request      writes the request down, with all that the verdict rests on
--
-- The judgement is made on a judged_request, which each step takes and gives on
-- with what it found.  Its row is written once, at the end; before that only
-- where a reply, an answer or a policy is about to refer to it by its number.

-- A request for a reload: what was asked, what was found, what was decided.
-- request_id NULL: not on record.  server: of the issuer; named and reason: the
-- message id that the issuer named, and why it reissued the card.
CREATE TYPE service_provider.judged_request AS (
    request_id bigint,
    issuer screissue.company_id,
    app_id screissue.app_id,
    platform_type integer,
    method integer,
    card_id screissue.card_id,
    attribute screissue.card_attribute,
    printed_number text,
    user_ref text,
    requested_by text,
    server name,
    notice_no bigint,
    named screissue.message_id,
    reason text,
    inherits screissue.message_id,
    examination_id bigint,
    examination_substituted boolean,
    policy_examination_id bigint,
    fee numeric,
    currency text,
    tariff_reason screissue.reissue_reason,
    outcome screissue.reload_outcome,
    refusal text
);
COMMENT ON TYPE service_provider.judged_request IS
    'request for a reload, with what was found and decided';

-- Fig. 18, 404 and 701-703: a card was presented on which the application is
-- to be loaded; is it a reissued card that inherits it, and on which terms?
-- The platform type picks the method: 1 needs the card id and goes by notice,
-- or asks the issuer's server (Fig. 19); 2 needs the attribute and asks the
-- issuer's server, or, where there is none, waits for record_reply; an unknown
-- type tries one, then the other.  requested_by: who asks, the calling role if
-- nobody is named.  Verdicts are data: see outcome.
-- Errors: SR002 unknown issuer; SR003 unknown application; 22023 no card id
-- for method 1, no attribute for method 2, or a card id that is not ours to
-- know; 08P01 the issuer's answer makes no sense; what its server raises, SR011
-- among it.
CREATE FUNCTION service_provider.request_reload(
    app screissue.app_id,
    issuer screissue.company_id,
    platform_type integer DEFAULT 999,
    card screissue.card_id DEFAULT NULL,
    attribute screissue.card_attribute DEFAULT NULL,
    user_ref text DEFAULT NULL,
    requested_by text DEFAULT NULL,
    printed_number text DEFAULT NULL,
    OUT request_id bigint,
    OUT outcome screissue.reload_outcome,
    OUT refusal text,
    OUT inherits screissue.message_id,
    OUT fee numeric,
    OUT currency text,
    OUT examination_substituted boolean)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    request service_provider.judged_request;
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('app', request_reload.app IS NOT NULL);
    PERFORM screissue.require('issuer', request_reload.issuer IS NOT NULL);
    request.issuer := request_reload.issuer;
    request.app_id := request_reload.app;
    request := service_provider.judge_gates(request);
    request.method := screissue.method_of(request_reload.platform_type);
    IF request.method = 1 THEN
        PERFORM screissue.require('card', request_reload.card IS NOT NULL);
    ELSIF request.method = 2 THEN
        PERFORM service_provider.refuse_secret_card_id(
            request_reload.platform_type, request_reload.card);
        PERFORM screissue.require('attribute',
                                  request_reload.attribute IS NOT NULL);
    END IF;

    request.platform_type := coalesce(request_reload.platform_type, 999);
    request.card_id := request_reload.card;
    request.attribute := request_reload.attribute;
    request.printed_number := request_reload.printed_number;
    request.user_ref := request_reload.user_ref;
    request.requested_by := coalesce(request_reload.requested_by,
                                     calling_role());
    IF request.outcome IS NULL THEN
        request := service_provider.judge_request(request);
    END IF;
    request := service_provider.keep_request(request);

    request_reload.request_id := request.request_id;
    request_reload.outcome := request.outcome;
    request_reload.refusal := request.refusal;
    request_reload.inherits := request.inherits;
    request_reload.fee := request.fee;
    request_reload.currency := request.currency;
    request_reload.examination_substituted := request.examination_substituted;
END
$$;
COMMENT ON FUNCTION service_provider.request_reload(
    screissue.app_id, screissue.company_id, integer, screissue.card_id,
    screissue.card_attribute, text, text, text) IS
    'request to reload an application on a reissued card (Fig. 18)';

CREATE FUNCTION service_provider.raise_unknown_request(request_id bigint)
    RETURNS void
    LANGUAGE plpgsql
    IMMUTABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'unknown request %', raise_unknown_request.request_id
        USING ERRCODE = '22023',
              HINT = 'Give the request_id that request_reload returned.';
END
$$;
COMMENT ON FUNCTION service_provider.raise_unknown_request(bigint) IS
    'error 22023';

-- Locks a request.  Errors: 22023 unknown.
CREATE FUNCTION service_provider.lock_request(request_id bigint)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('request_id',
                              lock_request.request_id IS NOT NULL);
    PERFORM r.request_id
       FROM service_provider.reload_request r
      WHERE r.request_id = lock_request.request_id
        FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM service_provider.raise_unknown_request(
            lock_request.request_id);
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.lock_request(bigint) IS
    'lock a request for a reload';

-- A request as it is on record, to be judged on.
CREATE FUNCTION service_provider.recorded_request(request_id bigint)
    RETURNS service_provider.judged_request
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    request service_provider.judged_request;
BEGIN
    SELECT r.request_id, r.issuer, r.app_id, r.platform_type, r.method,
           r.card_id, r.attribute, r.printed_number, r.user_ref,
           r.requested_by, i.server, r.notice_no,
           service_provider.answered_id(r.request_id), n.reason, r.inherits,
           r.examination_id,
           r.outcome = 'approved' AND x.substitutes IS NOT NULL,
           r.policy_examination_id, r.fee, r.currency, r.tariff_reason,
           r.outcome, r.refusal
      INTO STRICT request
      FROM service_provider.reload_request r
      JOIN service_provider.issuer i ON i.issuer = r.issuer
      LEFT JOIN service_provider.reissue_notice n
        ON n.issuer = r.issuer
       AND n.notice_no = r.notice_no
      LEFT JOIN service_provider.examination x
        ON x.examination_id = r.examination_id
     WHERE r.request_id = recorded_request.request_id;
    RETURN request;
END
$$;
COMMENT ON FUNCTION service_provider.recorded_request(bigint) IS
    'request for a reload that is on record';

-- Writes a request down, with its number if it had none.  The attribute and the
-- printed number, which may be the card's, are kept only while a reply is
-- awaited, for the application server's inquiry; the attribute's digest stays.
CREATE FUNCTION service_provider.keep_request(
    INOUT request service_provider.judged_request)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    waits CONSTANT boolean := request.outcome = 'awaiting_reply';
BEGIN
    IF request.request_id IS NULL THEN
        INSERT INTO service_provider.reload_request AS r
            (issuer, app_id, platform_type, method, card_id, attribute,
             attribute_sha256, user_ref, requested_by, printed_number,
             requested_at, outcome, refusal, decided_at, notice_no, inherits,
             examination_id, policy_examination_id, fee, currency,
             tariff_reason)
        VALUES (request.issuer, request.app_id, request.platform_type,
                request.method, request.card_id,
                CASE WHEN waits THEN request.attribute END,
                sha256(convert_to(request.attribute::text, 'UTF8')),
                request.user_ref, request.requested_by,
                CASE WHEN waits THEN request.printed_number END, now(),
                request.outcome, request.refusal, now(), request.notice_no,
                request.inherits, request.examination_id,
                request.policy_examination_id, request.fee, request.currency,
                request.tariff_reason)
        RETURNING r.request_id INTO request.request_id;
        RETURN;
    END IF;
    UPDATE service_provider.reload_request r
       SET method = request.method,
           card_id = request.card_id,
           attribute = CASE WHEN waits THEN request.attribute END,
           printed_number = CASE WHEN waits THEN request.printed_number END,
           outcome = request.outcome,
           refusal = request.refusal,
           decided_at = now(),
           notice_no = request.notice_no,
           inherits = request.inherits,
           examination_id = request.examination_id,
           policy_examination_id = request.policy_examination_id,
           fee = request.fee,
           currency = request.currency,
           tariff_reason = request.tariff_reason
     WHERE r.request_id = request.request_id;
END
$$;
COMMENT ON FUNCTION
    service_provider.keep_request(service_provider.judged_request) IS
    'record of a request for a reload';

-- The gates: the contract with the issuer (E14), the application (E13).  With
-- them a judgement begins: outcome NULL if both are open.
-- Errors: SR002 unknown issuer; SR003 unknown application.
CREATE FUNCTION service_provider.judge_gates(
    INOUT request service_provider.judged_request)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    gate record;
BEGIN
    SELECT i.server, i.contract_until, a.withdrawn_at INTO gate
      FROM service_provider.issuer i
     CROSS JOIN service_provider.application a
     WHERE i.issuer = request.issuer
       AND a.app_id = request.app_id;
    IF NOT FOUND THEN
        PERFORM service_provider.require_issuer(request.issuer);
        PERFORM service_provider.require_application(request.app_id);
    END IF;

    request.server := gate.server;
    request.examination_substituted := false;
    request.outcome := NULL;
    request.refusal := NULL;
    IF gate.contract_until < today() THEN
        request.outcome := 'contract_ended';
        request.refusal := format('the contract with the issuer ended on %s',
                                  gate.contract_until);
    ELSIF gate.withdrawn_at IS NOT NULL THEN
        request.outcome := 'application_withdrawn';
        request.refusal := 'the application is withdrawn';
    END IF;
END
$$;
COMMENT ON FUNCTION
    service_provider.judge_gates(service_provider.judged_request) IS
    'check of contract and application before a request is judged';

-- Fig. 18, steps 1801-1804.  A card id that is there is tried first; an
-- unknown platform type whose card is not known goes on to the inquiry.
CREATE FUNCTION service_provider.judge_request(
    INOUT request service_provider.judged_request)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    -- Step 1803, method 1.
    IF request.card_id IS NOT NULL THEN
        request := service_provider.find_relation(request);
        IF request.method = 1
           OR (request.outcome = 'not_reissued') IS NOT TRUE THEN
            request.method := 1;
            IF request.outcome IS NULL THEN
                request := service_provider.judge_load(request);
            END IF;
            RETURN;
        END IF;
        request.outcome := NULL;
        request.refusal := NULL;
    END IF;

    -- Step 1804, method 2; without a server the application server inquires.
    IF request.attribute IS NOT NULL THEN
        request.method := 2;
    END IF;
    IF request.server IS NULL OR request.attribute IS NULL THEN
        request.outcome := 'awaiting_reply';
    ELSE
        request := service_provider.inquire(request);
        request := service_provider.judge_reply(request);
    END IF;
END
$$;
COMMENT ON FUNCTION
    service_provider.judge_request(service_provider.judged_request) IS
    'dispatch of a request by platform type (Fig. 18)';

-- Steps 704 and 705: the notice that makes the request's card a reissued one.
-- Notices decide first; where the issuer sends none, its server is asked
-- (Fig. 19), each time anew, since no withdrawal would reach us either; an
-- answer on record counts only while there is no server.  A card that is known
-- as a reissued one through another application is told apart from one that is
-- not (R25).  outcome NULL: found.
CREATE FUNCTION service_provider.find_relation(
    INOUT request service_provider.judged_request)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    deciding record;
BEGIN
    deciding := service_provider.deciding_notice(
        request.issuer, request.card_id, request.app_id);
    IF request.server IS NOT NULL
       AND (deciding.notice_no > 0) IS NOT TRUE THEN
        request := service_provider.ask_issuer(request);
        IF request.notice_no IS NULL THEN
            request.outcome := 'not_reissued';
            request.refusal := 'the issuer names no old card for it';
        END IF;
    ELSE
        request.notice_no := deciding.notice_no;
        request.named := deciding.message_id;
        request.reason := deciding.reason;
        IF deciding.notice_no IS NULL THEN
            request.outcome := 'not_reissued';
            request.refusal := 'no notice about this card and application';
        ELSIF deciding.is_withdrawn THEN
            request.outcome := 'entitlement_withdrawn';
            request.refusal := 'the issuer withdrew the reissue';
        ELSIF service_provider.is_replaced(
                  request.issuer, request.card_id, deciding.notice_no) THEN
            request.outcome := 'card_replaced';
            request.refusal := 'the card itself was replaced since';
        END IF;
    END IF;
    IF request.outcome = 'not_reissued' THEN
        IF service_provider.is_reissued(request.issuer, request.card_id) THEN
            request.outcome := 'not_loaded_before';
            request.refusal := 'the application was not on the old card';
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION
    service_provider.find_relation(service_provider.judged_request) IS
    'notice that makes a card a reissued one (Fig. 7 steps 704, 705)';

-- E21: of all that notices say about this card and application the highest
-- number decides.  A withdrawal speaks of two cards: the reissued one, which
-- loses the application, and the old one, which has it handed back (E9).
-- Answers to inquiries have negative numbers, the newest the lowest, and give
-- way to every notice.
CREATE FUNCTION service_provider.deciding_notice(
    issuer screissue.company_id,
    card screissue.card_id,
    app screissue.app_id,
    OUT notice_no bigint,
    OUT message_id screissue.message_id,
    OUT reason text,
    OUT is_withdrawn boolean)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    SELECT n.notice_no, n.message_id, n.reason,
           n.kind = 'withdrawal' AND n.new_card_id = deciding_notice.card
      INTO deciding_notice.notice_no, deciding_notice.message_id,
           deciding_notice.reason, deciding_notice.is_withdrawn
      FROM service_provider.reissue_notice n
     WHERE n.issuer = deciding_notice.issuer
       AND n.app_id = deciding_notice.app
       AND (n.new_card_id = deciding_notice.card
            AND n.kind IN ('reissue', 'withdrawal')
         OR n.old_card_id = deciding_notice.card
            AND n.kind = 'withdrawal')
     ORDER BY greatest(n.notice_no, 0) DESC, n.notice_no
     LIMIT 1;
END
$$;
COMMENT ON FUNCTION service_provider.deciding_notice(
    screissue.company_id, screissue.card_id, screissue.app_id) IS
    'newest word of the issuer on a card and an application';

-- Does a notice about any application say that this card is a reissued one?
-- Not an answer to an inquiry: no withdrawal follows that.
CREATE FUNCTION service_provider.is_reissued(
    issuer screissue.company_id,
    card screissue.card_id)
    RETURNS boolean
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RETURN EXISTS
        (SELECT FROM service_provider.reissue_notice n
          WHERE n.issuer = is_reissued.issuer
            AND n.new_card_id = is_reissued.card
            AND n.notice_no > 0
            AND n.kind = 'reissue'
            AND NOT EXISTS
                (SELECT FROM service_provider.reissue_notice w
                  WHERE w.issuer = n.issuer
                    AND w.new_card_id = n.new_card_id
                    AND w.app_id = n.app_id
                    AND w.kind = 'withdrawal'
                    AND w.notice_no > n.notice_no));
END
$$;
COMMENT ON FUNCTION service_provider.is_reissued(
    screissue.company_id, screissue.card_id) IS
    'whether a card is known as a reissued one';

-- Did the issuer replace this card after the notice, and not take it back?
-- A notice about any application tells.
CREATE FUNCTION service_provider.is_replaced(
    issuer screissue.company_id,
    card screissue.card_id,
    after_no bigint)
    RETURNS boolean
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RETURN EXISTS
        (SELECT FROM service_provider.reissue_notice n
          WHERE n.issuer = is_replaced.issuer
            AND n.old_card_id = is_replaced.card
            AND n.kind = 'reissue'
            AND n.notice_no > is_replaced.after_no
            AND NOT EXISTS
                (SELECT FROM service_provider.reissue_notice w
                  WHERE w.issuer = n.issuer
                    AND w.new_card_id = n.new_card_id
                    AND w.app_id = n.app_id
                    AND w.kind = 'withdrawal'
                    AND w.notice_no > n.notice_no));
END
$$;
COMMENT ON FUNCTION service_provider.is_replaced(
    screissue.company_id, screissue.card_id, bigint) IS
    'whether a card was replaced after a notice';

-- Fig. 19, steps 408 and 409: asks the issuer's server for the pair and lands
-- the answer as a notice under the request's number.  notice_no NULL after a
-- negative answer.
CREATE FUNCTION service_provider.ask_issuer(
    INOUT request service_provider.judged_request)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    answer record;
BEGIN
    request := service_provider.keep_request(request);
    answer := service_provider.ask_server(request, format(
        'SELECT pg_catalog.to_jsonb(r) FROM '
        'card_issuer.find_reissue(card => %L, app => %L) r',
        request.card_id, request.app_id));
    IF answer.reissued THEN
        request.named := answer.message_id;
        request.notice_no := service_provider.land_answer(
            request, answer.platform_type, answer.old_card_id);
    END IF;
END
$$;
COMMENT ON FUNCTION
    service_provider.ask_issuer(service_provider.judged_request) IS
    'inquiry about a readable card (Fig. 19)';

-- Steps 806 and 807, R34, R39: asks the issuer's server with the attribute and
-- stores the reply under the request's number (Fig. 16).
CREATE FUNCTION service_provider.inquire(
    INOUT request service_provider.judged_request)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    answer record;
BEGIN
    request := service_provider.keep_request(request);
    answer := service_provider.ask_server(request, format(
        'SELECT pg_catalog.to_jsonb(r) FROM card_issuer.inquire('
        'attribute => %L, app => %L, printed_number => %L) r',
        request.attribute, request.app_id, request.printed_number));
    PERFORM service_provider.store_reply(
        request.request_id, answer.platform_type, answer.reissued,
        answer.message_id, NULL, 'server');
END
$$;
COMMENT ON FUNCTION
    service_provider.inquire(service_provider.judged_request) IS
    'inquiry about a card that only the issuer can read (Fig. 11 step 1104)';

-- Asks the server of a request's issuer; the answer, checked.
-- Errors: 08P01; what the server raises.
CREATE FUNCTION service_provider.ask_server(
    request service_provider.judged_request,
    query text,
    OUT platform_type integer,
    OUT reissued boolean,
    OUT message_id screissue.message_id,
    OUT old_card_id screissue.card_id)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    rows_sent jsonb[];
BEGIN
    SELECT array_agg(a.sent) INTO rows_sent
      FROM screissue.remote_rows(request.server, query) a (sent);
    SELECT a.platform_type, a.reissued, a.message_id, a.old_card_id
      INTO STRICT ask_server.platform_type, ask_server.reissued,
           ask_server.message_id, ask_server.old_card_id
      FROM service_provider.read_answer(request.request_id, rows_sent) a;
END
$$;
COMMENT ON FUNCTION
    service_provider.ask_server(service_provider.judged_request, text) IS
    'question about a request to the issuer''s server';

-- The answer to an inquiry as the issuer's server sent it.  The issuer is
-- another party: what it says is believed only if it makes sense.
-- Errors: 08P01, which tells none of the values.
CREATE FUNCTION service_provider.read_answer(
    request_id bigint,
    rows_sent jsonb[],
    OUT platform_type integer,
    OUT reissued boolean,
    OUT message_id screissue.message_id,
    OUT old_card_id screissue.card_id)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    request record;
    fault text;
BEGIN
    SELECT r.issuer, r.app_id, r.card_id INTO STRICT request
      FROM service_provider.reload_request r
     WHERE r.request_id = read_answer.request_id;
    BEGIN
        SELECT a.platform_type, a.reissued, a.message_id, a.old_card_id
          INTO STRICT read_answer.platform_type, read_answer.reissued,
               read_answer.message_id, read_answer.old_card_id
          FROM jsonb_to_record(read_answer.rows_sent[1])
               a (platform_type integer, reissued boolean,
                  message_id screissue.message_id,
                  old_card_id screissue.card_id);
    EXCEPTION WHEN data_exception THEN
        fault := 'A value is not of its type.';
    END;

    fault := CASE
        WHEN cardinality(read_answer.rows_sent) IS DISTINCT FROM 1
            THEN 'It is not one row.'
        WHEN fault IS NOT NULL THEN fault
        WHEN num_nulls(read_answer.platform_type, read_answer.reissued) > 0
            THEN 'A value is missing.'
        WHEN read_answer.reissued <> (read_answer.message_id IS NOT NULL)
            THEN 'A message id is there if and only if the card is reissued.'
        WHEN NOT service_provider.is_ours(
                     read_answer.message_id, request.app_id, request.issuer)
            THEN 'The message id is one of other parties.'
        WHEN read_answer.old_card_id = request.card_id
            THEN 'A card cannot replace itself.'
        END;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'answer of issuer "%" makes no sense', request.issuer
            USING ERRCODE = '08P01',
                  DETAIL = fault;
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.read_answer(bigint, jsonb[]) IS
    'check of an answer that an issuer''s server sent';

-- Lands an answer about the request's card in the place of the notice that
-- the issuer did not send (R29).  The issuer gives it no number, so it gets
-- the negative of the request's.  Its number; NULL if it was quarantined.
CREATE FUNCTION service_provider.land_answer(
    request service_provider.judged_request,
    platform_type integer,
    old_card screissue.card_id)
    RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    landed CONSTANT text := service_provider.receive_notice(
        issuer => request.issuer::text,
        provider => service_provider.own_company()::text,
        notice_no => - request.request_id,
        kind => 'reissue',
        platform_type => land_answer.platform_type,
        new_card_id => request.card_id::text,
        old_card_id => land_answer.old_card::text,
        app_id => request.app_id::text,
        message_id => request.named::text,
        reason => NULL,
        noted_at => now(),
        carrier => 'inquiry');
BEGIN
    RETURN CASE WHEN landed <> 'quarantined' THEN - request.request_id END;
END
$$;
COMMENT ON FUNCTION service_provider.land_answer(
    service_provider.judged_request, integer, screissue.card_id) IS
    'landing of the answer to an inquiry about a readable card';

-- Steps 706-708 and 1106-1108, the same for both methods (R41): the old load
-- that the issuer named; its examination, and if that allows it the policy, or
-- the examination given; the price for the reason that the notice gives (R52).
CREATE FUNCTION service_provider.judge_load(
    INOUT request service_provider.judged_request,
    examination screissue.verdict DEFAULT NULL)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    price record;
BEGIN
    request := service_provider.find_old_load(request);
    IF request.outcome IS NOT NULL THEN
        RETURN;
    END IF;

    IF judge_load.examination IS DISTINCT FROM NULL THEN
        request := service_provider.examine_anew(
            request, judge_load.examination);
    ELSIF EXISTS (SELECT FROM service_provider.policy p
                  WHERE p.event = 'reload') THEN
        request := service_provider.keep_request(request);
        request := service_provider.examine_by_record(request);
        IF request.outcome = 'approved' THEN
            request := service_provider.examine_by_policy(request);
        END IF;
    ELSE
        request := service_provider.examine_by_record(request);
    END IF;

    IF request.outcome = 'approved' THEN
        price := service_provider.find_price(
            request.app_id, 'reload', request.reason);
        request.fee := price.fee;
        request.currency := price.currency;
        request.tariff_reason := price.tariff_reason;
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.judge_load(
    service_provider.judged_request, screissue.verdict) IS
    'judgement by the old load (Fig. 7 steps 706-708, Fig. 11 steps 1106-1108)';

-- Steps 706 and 1106, R25: our record of the load that the notice or reply
-- names, or of the reload that has taken its place since (E2).  outcome NULL:
-- inherits is the load to inherit.
CREATE FUNCTION service_provider.find_old_load(
    INOUT request service_provider.judged_request)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    named record;
    live record;
BEGIN
    SELECT l.message_id, l.app_id, l.card_id, l.user_ref, l.status INTO named
      FROM service_provider.app_load l
     WHERE l.message_id = request.named;
    live := named;
    IF named.status = 'superseded' THEN
        SELECT l.message_id, l.card_id, l.user_ref, l.status INTO live
          FROM service_provider.app_load l
         WHERE l.message_id = service_provider.live_load(named.message_id);
    END IF;

    request.inherits := NULL;
    request.refusal := CASE
        WHEN named.status IS NULL
            THEN 'there is no record of the old load'
        WHEN named.app_id <> request.app_id
            THEN 'the old load is one of another application'
        WHEN named.status IN ('permitted', 'failed')
            THEN 'the old load did not succeed'
        WHEN live.status IS DISTINCT FROM 'loaded'
            THEN 'the application was unloaded'
        END;
    IF request.refusal IS NOT NULL THEN
        request.outcome := 'not_loaded_before';
        RETURN;
    END IF;
    request.inherits := live.message_id;
    IF live.card_id = request.card_id
       OR request.card_id IS NULL
          AND service_provider.is_answered_twice(request.request_id) THEN
        request.outcome := 'already_reloaded';
        request.refusal := 'the application is on this card';
    ELSIF live.user_ref <> request.user_ref THEN
        request.outcome := 'refused';
        request.refusal := 'the old load is another user''s';
    END IF;
END
$$;
COMMENT ON FUNCTION
    service_provider.find_old_load(service_provider.judged_request) IS
    'load that a reload would inherit (Fig. 7 step 706, Fig. 11 step 1106)';

-- The message id that the issuer named: in its reply, else in its notice.
CREATE FUNCTION service_provider.answered_id(request_id bigint)
    RETURNS screissue.message_id
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RETURN (SELECT coalesce(p.message_id, n.message_id)
              FROM service_provider.reload_request r
              LEFT JOIN service_provider.inquiry_reply p
                ON p.request_id = r.request_id
              LEFT JOIN service_provider.reissue_notice n
                ON n.issuer = r.issuer
               AND n.notice_no = r.notice_no
             WHERE r.request_id = answered_id.request_id);
END
$$;
COMMENT ON FUNCTION service_provider.answered_id(bigint) IS
    'message id that the issuer named for a request';

-- A card whose id we cannot read always gets the same answer.  If a request
-- that got it was completed, the application is on that card already.
CREATE FUNCTION service_provider.is_answered_twice(request_id bigint)
    RETURNS boolean
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    RETURN EXISTS
        (SELECT FROM service_provider.inquiry_reply p
           JOIN service_provider.inquiry_reply q
             ON q.message_id = p.message_id
            AND q.request_id <> p.request_id
           JOIN service_provider.reload_request earlier
             ON earlier.request_id = q.request_id
          WHERE p.request_id = is_answered_twice.request_id
            AND earlier.card_id IS NULL
            AND earlier.completed_at IS NOT NULL);
END
$$;
COMMENT ON FUNCTION service_provider.is_answered_twice(bigint) IS
    'whether a completed request got the same answer';

-- The examination for a reload, as the application's mode has it (R50): reuse
-- the old load's (claim 12), or leave it to a person to look at it or to judge
-- anew.  No examination was ever made: none is needed (R48).  Reused ones always
-- name the one that was really made, and that one's age and validity count
-- (E49), whatever the client's time zone is (E54).
CREATE FUNCTION service_provider.examine_by_record(
    INOUT request service_provider.judged_request)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    made record;
BEGIN
    SELECT a.examination_mode AS mode, l.examination_id AS old_id,
           m.examination_id, m.approved, m.reason, m.valid_until,
           (m.examined_at AT TIME ZONE 'UTC' + a.max_examination_age)
           AT TIME ZONE 'UTC' AS too_old_at
      INTO STRICT made
      FROM service_provider.application a
     CROSS JOIN service_provider.app_load l
      LEFT JOIN service_provider.examination x
        ON x.examination_id = l.examination_id
      LEFT JOIN service_provider.examination m
        ON m.examination_id = coalesce(x.substitutes, x.examination_id)
     WHERE a.app_id = request.app_id
       AND l.message_id = request.inherits;

    request.refusal := CASE
        WHEN made.mode = 'new' THEN 'a new examination is called for'
        WHEN made.mode = 'refer' THEN 'the old examination is to be looked at'
        WHEN made.examination_id IS NULL THEN NULL
        WHEN made.approved IS NULL THEN 'the old examination is pending'
        WHEN NOT made.approved THEN 'the old examination is negative'
        WHEN made.valid_until <= now() THEN 'the old examination has expired'
        WHEN made.too_old_at <= now() THEN 'the old examination is too old'
        END;
    IF request.refusal IS NOT NULL THEN
        request.outcome := 'examination_required';
        request.examination_id := CASE WHEN made.mode <> 'new'
                                       THEN made.old_id END;
        RETURN;
    END IF;
    request.outcome := 'approved';
    IF made.examination_id IS NOT NULL THEN
        INSERT INTO service_provider.examination AS x
            (event, message_id, approved, reason, examined_at, valid_until,
             examiner, substitutes)
        VALUES ('reload', request.inherits, made.approved, made.reason, now(),
                made.valid_until, 'substitution', made.examination_id)
        RETURNING x.examination_id INTO request.examination_id;
        request.examination_substituted := true;
    END IF;
END
$$;
COMMENT ON FUNCTION
    service_provider.examine_by_record(service_provider.judged_request) IS
    'examination of a reload by what is on record (claim 12)';

-- The examination for a reload that a person or a system made just now.
CREATE FUNCTION service_provider.examine_anew(
    INOUT request service_provider.judged_request,
    examination screissue.verdict)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    request.examination_id := service_provider.store_examination(
        'reload', request.inherits, examine_anew.examination,
        jsonb_build_object('request_id', request.request_id,
                           'referred_to', request.examination_id));
    IF (examine_anew.examination).approved THEN
        request.outcome := 'approved';
    ELSE
        request.outcome := 'refused';
        request.refusal := coalesce((examine_anew.examination).reason,
                                    'the examination is negative');
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.examine_anew(
    service_provider.judged_request, screissue.verdict) IS
    'new examination of a reload';

-- Asks the policy about a request that is on record, and that the record of the
-- old load allows.  What it says is on record, too; it counts unless it
-- approves: then the examination of the old load does.
CREATE FUNCTION service_provider.examine_by_policy(
    INOUT request service_provider.judged_request)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    judged record;
BEGIN
    judged := service_provider.ask_policy(request.request_id, request.inherits);
    request.policy_examination_id := judged.examination_id;
    IF judged.approved IS NOT TRUE THEN
        request.examination_id := judged.examination_id;
        request.examination_substituted := false;
        request.outcome := CASE
            WHEN judged.approved IS NULL THEN 'examination_required'
            ELSE 'refused' END::screissue.reload_outcome;
        request.refusal := coalesce(judged.reason, 'the policy');
    END IF;
END
$$;
COMMENT ON FUNCTION
    service_provider.examine_by_policy(service_provider.judged_request) IS
    'judgement of a request for a reload by the policy';

-- R50: the examination that a request was found to require; the request is
-- judged on with it, by the state of things now.  Repeatable.
-- Errors: 22023 unknown request, or a verdict that is neither yes nor no;
-- SR007 no examination is required; SR009 another one is on record.
CREATE FUNCTION service_provider.examine_reload(
    request_id bigint,
    examination screissue.verdict,
    OUT outcome screissue.reload_outcome,
    OUT refusal text,
    OUT inherits screissue.message_id,
    OUT fee numeric,
    OUT currency text,
    OUT examination_substituted boolean)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    request service_provider.judged_request;
BEGIN
    PERFORM service_provider.own_company();
    PERFORM service_provider.lock_request(examine_reload.request_id);
    PERFORM screissue.require_verdict(examine_reload.examination);
    request := service_provider.recorded_request(examine_reload.request_id);
    IF NOT service_provider.is_examined(
               request, examine_reload.examination) THEN
        request := service_provider.judge_gates(request);
        IF request.outcome IS NULL THEN
            request := service_provider.judge_load(
                request, examine_reload.examination);
        END IF;
        request := service_provider.keep_request(request);
    END IF;

    examine_reload.outcome := request.outcome;
    examine_reload.refusal := request.refusal;
    examine_reload.inherits := request.inherits;
    examine_reload.fee := request.fee;
    examine_reload.currency := request.currency;
    examine_reload.examination_substituted := request.examination_substituted;
END
$$;
COMMENT ON FUNCTION
    service_provider.examine_reload(bigint, screissue.verdict) IS
    'examination that a request for a reload required';

-- False if the request requires an examination, true if it has had this one;
-- a policy's verdict is none that was required.
-- Errors: SR007, SR009.
CREATE FUNCTION service_provider.is_examined(
    request service_provider.judged_request,
    examination screissue.verdict)
    RETURNS boolean
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF request.outcome = 'examination_required' THEN
        RETURN false;
    ELSIF request.examination_id = request.policy_examination_id
          OR NOT EXISTS
             (SELECT FROM service_provider.examination x
               WHERE x.examination_id = request.examination_id
                 AND x.details @> jsonb_build_object('request_id',
                                                     request.request_id)) THEN
        RAISE EXCEPTION 'request % requires no examination', request.request_id
            USING ERRCODE = 'SR007',
                  DETAIL = format('Its outcome is %s.', request.outcome);
    ELSIF NOT service_provider.same_verdict(
                  request.examination_id, is_examined.examination) THEN
        RAISE EXCEPTION 'request % is recorded with another examination',
            request.request_id
            USING ERRCODE = 'SR009',
                  HINT = 'Make a new request for a new examination.';
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION service_provider.is_examined(
    service_provider.judged_request, screissue.verdict) IS
    'whether a request has had the examination it required';

-- Replies to inquiries (Fig. 11, Fig. 16)

-- Step 807, R38, R39: the issuer's reply to an inquiry that the application
-- server carried; then the request is judged on.  old_card: only where cards
-- can be read, the pair is stored like a notice then (Fig. 13).  Repeatable.
-- Errors: 22023 unknown request, a message id without reissued or the other
-- way round or of another issuer or provider, or a pair of one card; SR007
-- the request waits for no reply; SR009 another reply is on record.
CREATE FUNCTION service_provider.record_reply(
    request_id bigint,
    platform_type integer,
    reissued boolean,
    message screissue.message_id,
    old_card screissue.card_id DEFAULT NULL,
    OUT outcome screissue.reload_outcome,
    OUT refusal text,
    OUT inherits screissue.message_id,
    OUT fee numeric,
    OUT currency text,
    OUT examination_substituted boolean)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    request service_provider.judged_request;
BEGIN
    PERFORM service_provider.own_company();
    request := service_provider.take_reply(
        record_reply.request_id, record_reply.platform_type,
        record_reply.reissued, record_reply.message, record_reply.old_card,
        'application');
    record_reply.outcome := request.outcome;
    record_reply.refusal := request.refusal;
    record_reply.inherits := request.inherits;
    record_reply.fee := request.fee;
    record_reply.currency := request.currency;
    record_reply.examination_substituted := request.examination_substituted;
END
$$;
COMMENT ON FUNCTION service_provider.record_reply(
    bigint, integer, boolean, screissue.message_id, screissue.card_id) IS
    'reply of the issuer to an inquiry (Fig. 11 step 1105, Fig. 16)';

-- Stores a reply unless it is on record, and judges the request by it.
-- Errors: as record_reply.
CREATE FUNCTION service_provider.take_reply(
    request_id bigint,
    platform_type integer,
    reissued boolean,
    message screissue.message_id,
    old_card screissue.card_id,
    carrier text,
    OUT request service_provider.judged_request)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.lock_request(take_reply.request_id);
    request := service_provider.recorded_request(take_reply.request_id);
    PERFORM service_provider.check_reply(
        request, take_reply.reissued, take_reply.message, take_reply.old_card);
    IF NOT service_provider.is_replied(
               request, take_reply.platform_type, take_reply.reissued,
               take_reply.message, take_reply.old_card) THEN
        PERFORM service_provider.store_reply(
            request.request_id, take_reply.platform_type, take_reply.reissued,
            take_reply.message, take_reply.old_card, take_reply.carrier);
        request := service_provider.judge_reply(request);
        request := service_provider.keep_request(request);
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.take_reply(
    bigint, integer, boolean, screissue.message_id, screissue.card_id, text) IS
    'storing of a reply and judgement by it';

-- Raises 22023 unless the reply is whole and meant for this request.
CREATE FUNCTION service_provider.check_reply(
    request service_provider.judged_request,
    reissued boolean,
    message screissue.message_id,
    old_card screissue.card_id)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM screissue.require('reissued', check_reply.reissued IS NOT NULL);
    IF check_reply.reissued <> (check_reply.message IS NOT NULL) THEN
        RAISE EXCEPTION 'a reply has a message id if and only if the card is reissued'
            USING ERRCODE = '22023';
    END IF;
    IF check_reply.reissued THEN
        PERFORM service_provider.require_message(
            check_reply.message, request.app_id, request.issuer);
    END IF;
    IF check_reply.old_card = request.card_id THEN
        RAISE EXCEPTION 'card "%" cannot replace itself', mask(request.card_id)
            USING ERRCODE = '22023';
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.check_reply(
    service_provider.judged_request, boolean, screissue.message_id,
    screissue.card_id) IS
    'check of a reply against its request';

-- What a reply may tell of the old card: its id, only where cards can be read
-- (R42).
CREATE FUNCTION service_provider.readable_card(
    platform_type integer,
    card screissue.card_id)
    RETURNS screissue.card_id
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT card WHERE screissue.method_of(platform_type) = 1
$$;
COMMENT ON FUNCTION
    service_provider.readable_card(integer, screissue.card_id) IS
    'card id if it may be stored at the provider';

-- False if the request waits for a reply, true if it has had this one.
-- Errors: SR007, SR009.
CREATE FUNCTION service_provider.is_replied(
    request service_provider.judged_request,
    platform_type integer,
    reissued boolean,
    message screissue.message_id,
    old_card screissue.card_id)
    RETURNS boolean
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    recorded record;
BEGIN
    SELECT p.platform_type, p.reissued, p.message_id, p.old_card_id
      INTO recorded
      FROM service_provider.inquiry_reply p
     WHERE p.request_id = request.request_id;
    IF FOUND THEN
        IF recorded.platform_type IS DISTINCT FROM is_replied.platform_type
           OR recorded.reissued <> is_replied.reissued
           OR recorded.message_id IS DISTINCT FROM is_replied.message
           OR recorded.old_card_id IS DISTINCT FROM
              service_provider.readable_card(is_replied.platform_type,
                                             is_replied.old_card) THEN
            RAISE EXCEPTION 'request % is recorded with another reply',
                request.request_id
                USING ERRCODE = 'SR009',
                      HINT = 'Make a new request for a new inquiry.';
        END IF;
        RETURN true;
    END IF;

    IF request.outcome NOT IN ('awaiting_reply', 'not_reissued') THEN
        RAISE EXCEPTION 'request % is %, it waits for no reply',
            request.request_id, request.outcome
            USING ERRCODE = 'SR007';
    END IF;
    RETURN false;
END
$$;
COMMENT ON FUNCTION service_provider.is_replied(
    service_provider.judged_request, integer, boolean, screissue.message_id,
    screissue.card_id) IS
    'whether a request has had its reply';

-- Stores the reply.  carrier: server, application, file or paper.
CREATE FUNCTION service_provider.store_reply(
    request_id bigint,
    platform_type integer,
    reissued boolean,
    message screissue.message_id,
    old_card screissue.card_id,
    carrier text)
    RETURNS void
    LANGUAGE sql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    INSERT INTO service_provider.inquiry_reply
        (request_id, platform_type, reissued, message_id, old_card_id,
         replied_at, carrier)
    VALUES (store_reply.request_id, store_reply.platform_type,
            store_reply.reissued, store_reply.message,
            service_provider.readable_card(store_reply.platform_type,
                                           store_reply.old_card),
            now(), store_reply.carrier)
$$;
COMMENT ON FUNCTION service_provider.store_reply(
    bigint, integer, boolean, screissue.message_id, screissue.card_id, text) IS
    'storing of a reply (Fig. 16)';

-- Judges a request by the reply that was stored for it.
CREATE FUNCTION service_provider.judge_reply(
    INOUT request service_provider.judged_request)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    reply record;
BEGIN
    SELECT p.platform_type, p.reissued, p.message_id, p.old_card_id,
           screissue.method_of(p.platform_type) AS method
      INTO STRICT reply
      FROM service_provider.inquiry_reply p
     WHERE p.request_id = request.request_id;
    IF NOT reply.reissued THEN
        request.outcome := 'not_reissued';
        request.refusal := 'the issuer''s reply is negative';
        RETURN;
    END IF;

    request.named := reply.message_id;
    request.method := coalesce(request.method, reply.method);
    -- R42: now we know that the card's id is not ours to keep.
    IF reply.method = 2 THEN
        request.card_id := NULL;
    END IF;
    IF request.card_id IS NOT NULL AND reply.old_card_id IS NOT NULL THEN
        request.notice_no := service_provider.land_answer(
            request, reply.platform_type, reply.old_card_id);
    END IF;
    request := service_provider.judge_gates(request);
    IF request.outcome IS NULL THEN
        request := service_provider.judge_load(request);
    END IF;
END
$$;
COMMENT ON FUNCTION
    service_provider.judge_reply(service_provider.judged_request) IS
    'judgement of a request by its reply (Fig. 11 steps 1105-1108)';

-- What came of a reload, and telling the issuer

-- Steps 708 and 1108, R27: what came of the reload at the terminal, under the
-- loading permission that the issuer gave for it.  Succeeded: the new load
-- takes the place of the old one, with its user_ref and account, at the price
-- of the verdict.  Failed: the request stays approved, for another permission.
-- With a server the issuer is told at once, if it can be; else the load stays
-- in unconfirmed_load.  Repeatable; never charged twice (E34, E52).
-- Errors: 22023 unknown request, or a message id of another issuer or
-- provider, or the old load's; SR007 the request is not approved; SR009
-- contradicts what is recorded, or another reload took the old load's place.
CREATE FUNCTION service_provider.complete_reload(
    request_id bigint,
    message screissue.message_id,
    succeeded boolean DEFAULT true)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    request record;
BEGIN
    PERFORM service_provider.own_company();
    PERFORM service_provider.lock_request(complete_reload.request_id);
    PERFORM screissue.require('message', complete_reload.message IS NOT NULL);
    PERFORM screissue.require('succeeded',
                              complete_reload.succeeded IS NOT NULL);
    SELECT r.issuer, r.app_id, r.outcome, r.message_id, r.completed_at,
           i.server
      INTO STRICT request
      FROM service_provider.reload_request r
      JOIN service_provider.issuer i ON i.issuer = r.issuer
     WHERE r.request_id = complete_reload.request_id;
    PERFORM service_provider.require_message(
        complete_reload.message, request.app_id, request.issuer);
    IF request.outcome <> 'approved' THEN
        RAISE EXCEPTION 'request % is not approved',
            complete_reload.request_id
            USING ERRCODE = 'SR007',
                  DETAIL = format('Its outcome is %s.', request.outcome);
    END IF;

    IF request.completed_at IS NULL THEN
        PERFORM service_provider.record_reload(
            complete_reload.request_id, complete_reload.message,
            complete_reload.succeeded);
    ELSE
        PERFORM service_provider.check_completion(
            complete_reload.request_id, complete_reload.message,
            complete_reload.succeeded);
    END IF;
    IF request.server IS NOT NULL THEN
        PERFORM service_provider.confirm(l.message_id)
           FROM service_provider.unconfirmed_load l
          WHERE l.message_id = complete_reload.message;
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.complete_reload(
    bigint, screissue.message_id, boolean) IS
    'result of a reload at the terminal (Fig. 7 step 708, Fig. 11 step 1108)';

-- Raises SR009 unless what is reported of a completed request is on record.
CREATE FUNCTION service_provider.check_completion(
    request_id bigint,
    message screissue.message_id,
    succeeded boolean)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    completed_with screissue.message_id;
BEGIN
    SELECT r.message_id INTO STRICT completed_with
      FROM service_provider.reload_request r
     WHERE r.request_id = check_completion.request_id;
    IF check_completion.succeeded
       AND check_completion.message = completed_with
       OR NOT check_completion.succeeded
       AND EXISTS (SELECT FROM service_provider.app_load l
                   WHERE l.message_id = check_completion.message
                     AND l.status = 'failed') THEN
        RETURN;
    END IF;
    RAISE EXCEPTION 'request % is completed under message id "%"',
        check_completion.request_id, completed_with
        USING ERRCODE = 'SR009';
END
$$;
COMMENT ON FUNCTION service_provider.check_completion(
    bigint, screissue.message_id, boolean) IS
    'check of a repeated report on a reload';

-- Records the reload under its permission: one load, however often and for
-- however many requests it is reported (E34).
CREATE FUNCTION service_provider.record_reload(
    request_id bigint,
    message screissue.message_id,
    succeeded boolean)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    status CONSTANT screissue.load_status := CASE
        WHEN record_reload.succeeded THEN 'loaded'
        ELSE 'failed' END::screissue.load_status;
    request record;
    load record;
BEGIN
    SELECT r.app_id, r.card_id, r.inherits,
           coalesce(o.user_ref, r.user_ref) AS user_ref
      INTO STRICT request
      FROM service_provider.reload_request r
      JOIN service_provider.app_load o ON o.message_id = r.inherits
     WHERE r.request_id = record_reload.request_id;
    IF record_reload.message = request.inherits THEN
        RAISE EXCEPTION 'message id "%" is the old load''s', message
            USING ERRCODE = '22023',
                  HINT = 'Ask the issuer for a permission with reload_of.';
    END IF;
    PERFORM service_provider.create_load(record_reload.message, request.app_id);
    PERFORM service_provider.check_agreement(
        record_reload.message, request.app_id, request.card_id,
        request.user_ref, NULL, NULL, status);

    SELECT l.status, l.inherits INTO STRICT load
      FROM service_provider.app_load l
     WHERE l.message_id = record_reload.message;
    IF load.inherits IS NULL AND load.status IN ('permitted', 'loaded') THEN
        PERFORM service_provider.take_over(
            record_reload.request_id, record_reload.message, status);
    ELSIF (load.inherits = request.inherits) IS NOT TRUE THEN
        RAISE EXCEPTION 'load "%" did not take the place of "%"',
            message, request.inherits
            USING ERRCODE = 'SR009';
    END IF;
    IF record_reload.succeeded THEN
        UPDATE service_provider.reload_request r
           SET message_id = record_reload.message,
               completed_at = now()
         WHERE r.request_id = record_reload.request_id;
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.record_reload(
    bigint, screissue.message_id, boolean) IS
    'record of a reload under its permission';

-- Makes a load the reload that the request was approved for; loaded, it takes
-- the place of the old one.  Of the examinations made for the request, for
-- the permission and, meanwhile, about the old load the newest counts (E49).
CREATE FUNCTION service_provider.take_over(
    request_id bigint,
    message screissue.message_id,
    status screissue.load_status)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    old_id screissue.message_id;
    old_status screissue.load_status;
BEGIN
    SELECT r.inherits INTO STRICT old_id
      FROM service_provider.reload_request r
     WHERE r.request_id = take_over.request_id;
    old_status := service_provider.lock_load(old_id);
    IF take_over.status = 'loaded' AND old_status <> 'loaded' THEN
        RAISE EXCEPTION 'load "%" is % already', old_id, old_status
            USING ERRCODE = 'SR009',
                  HINT = 'Make a new request: the state of things has changed.';
    END IF;
    IF take_over.status = 'loaded' THEN
        PERFORM service_provider.require_load_move(
            old_id, old_status, 'superseded');
    END IF;
    PERFORM service_provider.require_load_move(
        take_over.message, l.status, take_over.status)
       FROM service_provider.app_load l
      WHERE l.message_id = take_over.message
        AND l.status <> take_over.status;

    UPDATE service_provider.app_load l
       SET status = take_over.status,
           loaded_at = CASE WHEN take_over.status = 'loaded'
                            THEN coalesce(l.loaded_at, now()) END,
           card_id = coalesce(l.card_id, r.card_id),
           platform_type = coalesce(l.platform_type, p.platform_type,
                                    n.platform_type, r.platform_type),
           user_ref = coalesce(l.user_ref, o.user_ref, r.user_ref),
           account = coalesce(l.account, o.account),
           examination_id = greatest(l.examination_id, r.examination_id,
                                     o.examination_id),
           fee = r.fee,
           currency = r.currency,
           tariff_reason = r.tariff_reason,
           inherits = o.message_id
      FROM service_provider.reload_request r
      JOIN service_provider.app_load o ON o.message_id = r.inherits
      LEFT JOIN service_provider.inquiry_reply p
        ON p.request_id = r.request_id
      LEFT JOIN service_provider.reissue_notice n
        ON n.issuer = r.issuer
       AND n.notice_no = r.notice_no
     WHERE l.message_id = take_over.message
       AND r.request_id = take_over.request_id;
    UPDATE service_provider.app_load o
       SET status = 'superseded',
           ended_at = now()
     WHERE o.message_id = old_id
       AND take_over.status = 'loaded';
END
$$;
COMMENT ON FUNCTION service_provider.take_over(
    bigint, screissue.message_id, screissue.load_status) IS
    'put a reload in the place of the old load';

-- R8, R12: tells the issuer, over its server, of all that it has not been told
-- of, in the order of the loads.  Returns how many loads it took; what it
-- refuses is a WARNING and stays in unconfirmed_load, and so does the rest
-- when the connection fails.
-- Errors: SR002 unknown issuer; 55000 the issuer has no server.
CREATE FUNCTION service_provider.send_confirmations(
    issuer screissue.company_id)
    RETURNS bigint
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    unconfirmed screissue.message_id;
    answer text;
    confirmed bigint := 0;
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('issuer', send_confirmations.issuer IS NOT NULL);
    PERFORM service_provider.require_issuer(send_confirmations.issuer);
    IF EXISTS (SELECT FROM service_provider.issuer i
               WHERE i.issuer = send_confirmations.issuer
                 AND i.server IS NULL) THEN
        RAISE EXCEPTION 'issuer "%" has no server', issuer
            USING ERRCODE = '55000',
                  HINT = 'Name its foreign server with service_provider.register_issuer().';
    END IF;

    FOR unconfirmed IN
        SELECT l.message_id
          FROM service_provider.unconfirmed_load l
         WHERE l.issuer = send_confirmations.issuer
         ORDER BY l.loaded_at NULLS LAST, l.message_id
    LOOP
        answer := service_provider.confirm(unconfirmed);
        IF answer = 'confirmed' THEN
            confirmed := confirmed + 1;
        END IF;
        EXIT WHEN answer = 'unreachable';
    END LOOP;
    RETURN confirmed;
END
$$;
COMMENT ON FUNCTION
    service_provider.send_confirmations(screissue.company_id) IS
    'proof of loads and unloads that the issuer has not had';

-- Tells the issuer, over its server, what became of a load.  Returns
-- confirmed, or with a WARNING what went wrong: refused or unreachable.
CREATE FUNCTION service_provider.confirm(message screissue.message_id)
    RETURNS text
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    load_status CONSTANT screissue.load_status :=
        service_provider.lock_load(confirm.message);
    server name;
    state text;
    reason text;
BEGIN
    SELECT i.server INTO STRICT server
      FROM service_provider.app_load l
      JOIN service_provider.issuer i ON i.issuer = l.issuer
     WHERE l.message_id = confirm.message;
    BEGIN
        PERFORM screissue.remote_rows(server, format(
            'SELECT pg_catalog.to_jsonb(true) FROM '
            'card_issuer.confirm_load(message => %L, succeeded => %L)',
            confirm.message, load_status <> 'failed'));
        IF load_status = 'unloaded' THEN
            PERFORM screissue.remote_rows(server, format(
                'SELECT pg_catalog.to_jsonb(true) FROM '
                'card_issuer.confirm_unload(message => %L)',
                confirm.message));
        END IF;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE,
                                reason = MESSAGE_TEXT;
        RAISE WARNING 'load "%" is not confirmed to its issuer: %',
            message, reason
            USING ERRCODE = state;
        RETURN CASE WHEN screissue.is_connection_failure(state, reason)
                    THEN 'unreachable' ELSE 'refused' END;
    END;
    UPDATE service_provider.app_load l
       SET confirmed_at = now()
     WHERE l.message_id = confirm.message;
    RETURN 'confirmed';
END
$$;
COMMENT ON FUNCTION service_provider.confirm(screissue.message_id) IS
    'proof of a load or unload, sent to the issuer';

-- Evidence: what the verdict on a request for a reload rests on (R26)
--
-- A function for each part, as jsonb with every key, null where there is
-- nothing.  Rows of the request, its notice or reply and its examinations stay
-- as the verdict found them, whatever is recorded later; of a load the status
-- is that of today, and its times tell what it was when the verdict was given.

-- What was asked, by whom, and what it came to.
CREATE FUNCTION service_provider.evidence_of_request(request_id bigint)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT jsonb_build_object(
               'request_id', r.request_id,
               'issuer', r.issuer::text,
               'app_id', r.app_id::text,
               'platform_type', r.platform_type,
               'method', r.method,
               'card_id', r.card_id::text,
               'attribute_sha256', encode(r.attribute_sha256, 'hex'),
               'user_ref', r.user_ref,
               'requested_by', r.requested_by,
               'requested_at', r.requested_at,
               'outcome', r.outcome,
               'refusal', r.refusal,
               'decided_at', r.decided_at)
      FROM service_provider.reload_request r
     WHERE r.request_id = evidence_of_request.request_id
$$;
COMMENT ON FUNCTION service_provider.evidence_of_request(bigint) IS
    'evidence of a verdict: the request';

-- The pair that made the card a reissued one, as far as its ids can be read
-- (R42): by the notice, else by the reply.
CREATE FUNCTION service_provider.evidence_of_pair(request_id bigint)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT jsonb_build_object(
               'old_card_id', coalesce(n.old_card_id, p.old_card_id)::text,
               'new_card_id', coalesce(n.new_card_id, r.card_id)::text)
      FROM service_provider.reload_request r
      LEFT JOIN service_provider.reissue_notice n
        ON n.issuer = r.issuer
       AND n.notice_no = r.notice_no
      LEFT JOIN service_provider.inquiry_reply p
        ON p.request_id = r.request_id
     WHERE r.request_id = evidence_of_pair.request_id
       AND coalesce(n.new_card_id, p.old_card_id) IS NOT NULL
       AND screissue.method_of(coalesce(n.platform_type, p.platform_type))
           IS DISTINCT FROM 2
$$;
COMMENT ON FUNCTION service_provider.evidence_of_pair(bigint) IS
    'evidence of a verdict: old and reissued card';

-- The notice that was judged (Fig. 12).
CREATE FUNCTION service_provider.evidence_of_notice(request_id bigint)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT jsonb_build_object(
               'notice_no', n.notice_no,
               'kind', n.kind,
               'platform_type', n.platform_type,
               'message_id', n.message_id::text,
               'reason', n.reason,
               'carrier', n.carrier,
               'noted_at', n.noted_at,
               'received_at', n.received_at)
      FROM service_provider.reload_request r
      JOIN service_provider.reissue_notice n
        ON n.issuer = r.issuer
       AND n.notice_no = r.notice_no
     WHERE r.request_id = evidence_of_notice.request_id
$$;
COMMENT ON FUNCTION service_provider.evidence_of_notice(bigint) IS
    'evidence of a verdict: the notice';

-- The reply to the inquiry (Fig. 16).
CREATE FUNCTION service_provider.evidence_of_reply(request_id bigint)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT jsonb_build_object(
               'platform_type', p.platform_type,
               'reissued', p.reissued,
               'message_id', p.message_id::text,
               'carrier', p.carrier,
               'replied_at', p.replied_at)
      FROM service_provider.inquiry_reply p
     WHERE p.request_id = evidence_of_reply.request_id
$$;
COMMENT ON FUNCTION service_provider.evidence_of_reply(bigint) IS
    'evidence of a verdict: the reply';

-- A load as it is now.
CREATE FUNCTION service_provider.evidence_of_load(
    message screissue.message_id)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT jsonb_build_object(
               'message_id', l.message_id::text,
               'app_id', l.app_id::text,
               'status', l.status,
               'user_ref', l.user_ref,
               'inherits', l.inherits::text,
               'permitted_at', l.permitted_at,
               'loaded_at', l.loaded_at,
               'ended_at', l.ended_at,
               'confirmed_at', l.confirmed_at)
      FROM service_provider.app_load l
     WHERE l.message_id = message
$$;
COMMENT ON FUNCTION
    service_provider.evidence_of_load(screissue.message_id) IS
    'evidence of a verdict: a load';

-- The load that the verdict is about: the one to inherit, else the one that
-- the issuer named.
CREATE FUNCTION service_provider.evidence_of_old_load(request_id bigint)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT service_provider.evidence_of_load(
               coalesce(r.inherits,
                        service_provider.answered_id(r.request_id)))
      FROM service_provider.reload_request r
     WHERE r.request_id = evidence_of_old_load.request_id
$$;
COMMENT ON FUNCTION service_provider.evidence_of_old_load(bigint) IS
    'evidence of a verdict: the old load';

-- One examination.  By a policy: examiner is its signature, policy_sha256 the
-- digest of its definition, told what it was told.
CREATE FUNCTION service_provider.evidence_of_examination(
    examination_id bigint)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT jsonb_build_object(
               'examination_id', x.examination_id,
               'event', x.event,
               'message_id', x.message_id::text,
               'approved', x.approved,
               'reason', x.reason,
               'examined_at', x.examined_at,
               'valid_until', x.valid_until,
               'examiner', x.examiner,
               'policy_sha256', x.details -> 'policy_sha256',
               'told', CASE WHEN x.details ? 'policy_sha256'
                            THEN x.details - 'policy_sha256' END)
      FROM service_provider.examination x
     WHERE x.examination_id = evidence_of_examination.examination_id
$$;
COMMENT ON FUNCTION service_provider.evidence_of_examination(bigint) IS
    'evidence of a verdict: an examination';

-- The examination that counted; the one really made, if that one was reused
-- (claim 12); the one that a person looked at who judged anew.
CREATE FUNCTION service_provider.evidence_of_judgement(request_id bigint)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT service_provider.evidence_of_examination(x.examination_id)
           || jsonb_build_object(
                  'substitutes',
                  service_provider.evidence_of_examination(x.substitutes),
                  'referred_to',
                  service_provider.evidence_of_examination(
                      coalesce(o.substitutes, o.examination_id)))
      FROM service_provider.reload_request r
      JOIN service_provider.examination x
        ON x.examination_id = r.examination_id
      LEFT JOIN service_provider.examination o
        ON o.examination_id = (x.details ->> 'referred_to')::bigint
     WHERE r.request_id = evidence_of_judgement.request_id
$$;
COMMENT ON FUNCTION service_provider.evidence_of_judgement(bigint) IS
    'evidence of a verdict: the examination that counted';

-- The line of the tariff that set the price, as it was then (R52).
CREATE FUNCTION service_provider.evidence_of_tariff(request_id bigint)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT jsonb_build_object(
               'kind', 'reload',
               'reason', r.tariff_reason,
               'amount', r.fee,
               'currency', r.currency)
      FROM service_provider.reload_request r
     WHERE r.request_id = evidence_of_tariff.request_id
       AND r.fee IS NOT NULL
$$;
COMMENT ON FUNCTION service_provider.evidence_of_tariff(bigint) IS
    'evidence of a verdict: the price';

-- What came of an approved request: permission and new load (R27).
CREATE FUNCTION service_provider.evidence_of_completion(request_id bigint)
    RETURNS jsonb
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
    SELECT jsonb_build_object(
               'message_id', r.message_id::text,
               'completed_at', r.completed_at,
               'load', service_provider.evidence_of_load(r.message_id))
      FROM service_provider.reload_request r
     WHERE r.request_id = evidence_of_completion.request_id
       AND r.completed_at IS NOT NULL
$$;
COMMENT ON FUNCTION service_provider.evidence_of_completion(bigint) IS
    'evidence of a verdict: what came of it';

-- R26, R50: all that the verdict on a request rests on, and what came of it;
-- readable years later.  A part that there is none of is null.  Times are in
-- UTC.
-- Errors: 22023 unknown request.
CREATE FUNCTION service_provider.explain_decision(request_id bigint)
    RETURNS jsonb
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
    SET timezone = 'UTC'
AS $$
DECLARE
    id CONSTANT bigint := explain_decision.request_id;
    policy_examination_id bigint;
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('request_id', id IS NOT NULL);
    SELECT r.policy_examination_id INTO policy_examination_id
      FROM service_provider.reload_request r
     WHERE r.request_id = id;
    IF NOT FOUND THEN
        PERFORM service_provider.raise_unknown_request(id);
    END IF;

    RETURN jsonb_build_object(
        'request', service_provider.evidence_of_request(id),
        'pair', service_provider.evidence_of_pair(id),
        'notice', service_provider.evidence_of_notice(id),
        'reply', service_provider.evidence_of_reply(id),
        'old_load', service_provider.evidence_of_old_load(id),
        'examination', service_provider.evidence_of_judgement(id),
        'policy', service_provider.evidence_of_examination(
                      policy_examination_id),
        'tariff', service_provider.evidence_of_tariff(id),
        'completion', service_provider.evidence_of_completion(id));
END
$$;
COMMENT ON FUNCTION service_provider.explain_decision(bigint) IS
    'evidence of the verdict on a request for a reload';

-- What an issuer sent on paper (R10, E29)

-- Takes in a notice as somebody typed it from the form that the issuer
-- printed, and says what receive_notice says of it.
-- Errors: SR001; 22P02 mistyped, and where; 22023; 25006.
CREATE FUNCTION service_provider.type_notice(form text)
    RETURNS text
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    field text[];
    label text := 'NUMBER';
    number bigint;
    platform integer;
    noted timestamp with time zone;
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('form', type_notice.form IS NOT NULL);
    field := screissue.read_paper('notice', type_notice.form);
    BEGIN
        number := field[3]::bigint;
        label := 'PLATFORM';
        platform := field[5]::integer;
        label := 'NOTED';
        noted := screissue.read_paper_time(field[11]);
    EXCEPTION WHEN data_exception THEN
        PERFORM screissue.raise_unreadable(label);
    END;
    RETURN service_provider.receive_notice(
        issuer => field[1],
        provider => field[2],
        notice_no => number,
        kind => field[4],
        platform_type => platform,
        new_card_id => field[6],
        old_card_id => field[7],
        app_id => field[8],
        message_id => field[9],
        reason => field[10],
        noted_at => noted,
        carrier => 'paper');
END
$$;
COMMENT ON FUNCTION service_provider.type_notice(text) IS
    'landing of a notice that was typed from paper (Fig. 6 steps 601, 602)';

-- Raises 22023 unless the reply on a form or in a file is of this request's
-- issuer, about its application, and about the card attribute or the card id that
-- it asked with: asked is the digest of that, as it stands on paper, or whole.
CREATE FUNCTION service_provider.check_answered(
    request_id bigint,
    issuer text,
    app text,
    asked text)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    wrong text;
BEGIN
    SELECT CASE
           WHEN r.issuer::text IS DISTINCT FROM check_answered.issuer
               THEN 'ISSUER'
           WHEN r.app_id::text IS DISTINCT FROM check_answered.app THEN 'APP'
           WHEN NOT EXISTS
                (SELECT
                   FROM unnest(ARRAY[r.attribute_sha256,
                                     sha256(convert_to(r.card_id::text,
                                                       'UTF8'))]) a (digest)
                  WHERE check_answered.asked IN
                        (screissue.paper_digest(a.digest),
                         upper(encode(a.digest, 'hex'))))
               THEN 'ASKED'
           END
      INTO wrong
      FROM service_provider.reload_request r
     WHERE r.request_id = check_answered.request_id;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'reply is one to another request than %',
            check_answered.request_id
            USING ERRCODE = '22023',
                  DETAIL = format('%s is not what the request asked about.',
                                  wrong);
    END IF;
END
$$;
COMMENT ON FUNCTION
    service_provider.check_answered(bigint, text, text, text) IS
    'check that a reply on paper or in a file answers a request';

-- The issuer's reply to an inquiry as somebody typed it from the form that the
-- issuer printed; then as record_reply.
-- Errors: 22P02 mistyped, and where; 22023 the reply to another request; as
-- record_reply.
CREATE FUNCTION service_provider.type_reply(
    request_id bigint,
    form text,
    OUT outcome screissue.reload_outcome,
    OUT refusal text,
    OUT inherits screissue.message_id,
    OUT fee numeric,
    OUT currency text,
    OUT examination_substituted boolean)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    field text[];
    label text := 'PLATFORM';
    platform integer;
    message screissue.message_id;
    old_card screissue.card_id;
    request service_provider.judged_request;
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('form', type_reply.form IS NOT NULL);
    field := screissue.read_paper('reply', type_reply.form);
    BEGIN
        platform := field[4]::integer;
        label := 'MESSAGE';
        message := field[6]::screissue.message_id;
        label := 'OLDCARD';
        old_card := field[7]::screissue.card_id;
    EXCEPTION WHEN data_exception THEN
        PERFORM screissue.raise_unreadable(label);
    END;
    IF (field[5] IN ('YES', 'NO')) IS NOT TRUE THEN
        PERFORM screissue.raise_unreadable('REISSUED');
    END IF;

    PERFORM service_provider.lock_request(type_reply.request_id);
    PERFORM service_provider.check_answered(
        type_reply.request_id, field[1], field[2], field[3]);
    request := service_provider.take_reply(
        type_reply.request_id, platform, field[5] = 'YES', message, old_card,
        'paper');
    type_reply.outcome := request.outcome;
    type_reply.refusal := request.refusal;
    type_reply.inherits := request.inherits;
    type_reply.fee := request.fee;
    type_reply.currency := request.currency;
    type_reply.examination_substituted := request.examination_substituted;
END
$$;
COMMENT ON FUNCTION service_provider.type_reply(bigint, text) IS
    'reply of the issuer that was typed from paper (Fig. 11 step 1105)';

-- A loading permission as somebody typed it from the form that the issuer
-- printed: kept as record_load keeps one with status permitted, and given back
-- as permit_load gives it.  Repeatable.
-- Errors: 22P02 mistyped, and where; as record_load.
CREATE FUNCTION service_provider.type_permission(
    form text,
    OUT message_id screissue.message_id,
    OUT app_id screissue.app_id,
    OUT platform_type integer,
    OUT card_id screissue.card_id,
    OUT inherits screissue.message_id,
    OUT fee numeric,
    OUT currency text)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    field text[];
    label text := 'MESSAGE';
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('form', type_permission.form IS NOT NULL);
    field := screissue.read_paper('permission', type_permission.form);
    BEGIN
        type_permission.message_id := field[1]::screissue.message_id;
        label := 'APP';
        type_permission.app_id := field[2]::screissue.app_id;
        label := 'PLATFORM';
        type_permission.platform_type := field[3]::integer;
        label := 'CARD';
        type_permission.card_id := field[4]::screissue.card_id;
        label := 'INHERITS';
        type_permission.inherits := field[5]::screissue.message_id;
        label := 'FEE';
        type_permission.fee := field[6]::numeric;
        type_permission.currency := field[7];
    EXCEPTION WHEN data_exception THEN
        PERFORM screissue.raise_unreadable(label);
    END;
    PERFORM service_provider.record_load(
        message => type_permission.message_id,
        app => type_permission.app_id,
        card => type_permission.card_id,
        platform_type => type_permission.platform_type,
        status => 'permitted');
END
$$;
COMMENT ON FUNCTION service_provider.type_permission(text) IS
    'loading permission that was typed from paper';

-- Sealed files to and from card issuers (R10, E30)

-- Registers a certificate for sealed files: an issuer's, or, with the name of
-- its private key in screissue.key_directory, our own.  Several of one company
-- may be in use; what we send goes by the newest.  Returns its SHA-256.
-- Repeatable.
-- Errors: SR001; SR002 unknown issuer; 22P02 no certificate; 22023 not fit, or a
-- key file for another company; SR011 the key file cannot be used; SR009 it is
-- registered otherwise, or revoked.
CREATE FUNCTION service_provider.register_certificate(
    company screissue.company_id,
    certificate text,
    key_file text DEFAULT NULL)
    RETURNS bytea
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    own CONSTANT screissue.company_id := service_provider.own_company();
BEGIN
    PERFORM screissue.require('company',
                              register_certificate.company IS NOT NULL);
    IF register_certificate.key_file IS NULL THEN
        PERFORM service_provider.require_issuer(register_certificate.company);
    ELSIF register_certificate.company <> own THEN
        RAISE EXCEPTION 'a key file is for certificates of company "%" only', own
            USING ERRCODE = '22023';
    END IF;
    RETURN screissue.store_certificate(
        'service_provider', register_certificate.company,
        register_certificate.certificate, register_certificate.key_file);
END
$$;
COMMENT ON FUNCTION service_provider.register_certificate(
    screissue.company_id, text, text) IS
    'register a certificate for sealed files, our own or an issuer''s';

-- For good.  Repeatable.  Errors: SR001; 22023 the company has no such one.
CREATE FUNCTION service_provider.revoke_certificate(
    company screissue.company_id,
    sha256 bytea)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.end_certificate(
        'service_provider', revoke_certificate.company,
        revoke_certificate.sha256);
END
$$;
COMMENT ON FUNCTION
    service_provider.revoke_certificate(screissue.company_id, bytea) IS
    'take a certificate for sealed files out of use';

-- Lands the notices in a file of an issuer, which export_notices made, as
-- receive_notice does: how many were stored, were there already, or went to
-- quarantine for their content.
-- Errors: SR001; 22P02 no sealed file, not whole, or not as agreed; 42501 not
-- from an issuer for us; 22023 other content; SR011; 25006.
CREATE FUNCTION service_provider.import_notices(
    file text,
    OUT issuer screissue.company_id,
    OUT stored bigint,
    OUT duplicates bigint,
    OUT quarantined bigint)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    own CONSTANT screissue.company_id := service_provider.own_company();
    kind CONSTANT text := 'notices';
    opened CONSTANT record := screissue.unseal(
        'service_provider', own, kind, import_notices.file);
    notice record;
    item_no bigint := 0;
    label text;
    number bigint;
    platform integer;
    noted timestamp with time zone;
    landed text;
    state text;
    message text;
    detail text;
    hint text;
BEGIN
    import_notices.issuer := opened.partner;
    import_notices.stored := 0;
    import_notices.duplicates := 0;
    import_notices.quarantined := 0;
    FOR notice IN SELECT i.item FROM json_array_elements(opened.items) i (item)
    LOOP
        item_no := item_no + 1;
        IF notice.item ->> 'issuer' <> opened.partner::text
           OR notice.item ->> 'provider' <> own::text THEN
            RAISE EXCEPTION 'file has a notice of other parties than those of the file'
                USING ERRCODE = '42501';
        END IF;
        label := 'notice_no';
        number := (notice.item ->> 'notice_no')::bigint;
        label := 'platform_type';
        platform := (notice.item ->> 'platform_type')::integer;
        label := 'noted_at';
        noted := (notice.item ->> 'noted_at')::timestamptz;
        label := NULL;
        landed := service_provider.receive_notice(
            issuer => notice.item ->> 'issuer',
            provider => notice.item ->> 'provider',
            notice_no => number,
            kind => notice.item ->> 'kind',
            platform_type => platform,
            new_card_id => notice.item ->> 'new_card_id',
            old_card_id => notice.item ->> 'old_card_id',
            app_id => notice.item ->> 'app_id',
            message_id => notice.item ->> 'message_id',
            reason => notice.item ->> 'reason',
            noted_at => noted,
            carrier => 'file');
        CASE landed
            WHEN 'stored' THEN
                import_notices.stored := import_notices.stored + 1;
            WHEN 'duplicate' THEN
                import_notices.duplicates := import_notices.duplicates + 1;
            ELSE
                import_notices.quarantined := import_notices.quarantined + 1;
        END CASE;
    END LOOP;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE,
        message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
        hint = PG_EXCEPTION_HINT;
    PERFORM screissue.raise_item(kind, item_no, label, state, message,
                                 detail, hint);
END
$$;
COMMENT ON FUNCTION service_provider.import_notices(text) IS
    'landing of the notices in a sealed file (Fig. 6 steps 601, 602)';

-- Requests for a reload that wait for the issuer's reply, in a file for
-- answer_inquiries: this one, which may have been negative by what was known
-- here, or all that have something to ask with.
-- Errors: SR001; SR002 unknown issuer; 22023 unknown request, or of another
-- issuer; SR007 it waits for no reply, or has nothing to ask with; SR009 it has
-- its reply; SR011; 54000.
CREATE FUNCTION service_provider.export_inquiry(
    issuer screissue.company_id,
    request_id bigint DEFAULT NULL,
    OUT file text,
    OUT inquiries bigint)
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    own CONSTANT screissue.company_id := service_provider.own_company();
    items jsonb;
BEGIN
    PERFORM screissue.require('issuer', export_inquiry.issuer IS NOT NULL);
    PERFORM service_provider.require_issuer(export_inquiry.issuer);
    IF export_inquiry.request_id IS NOT NULL THEN
        PERFORM service_provider.check_askable(
            export_inquiry.issuer, export_inquiry.request_id);
    END IF;
    SELECT count(*), coalesce(jsonb_agg(jsonb_build_object(
               'request_id', r.request_id,
               'app_id', r.app_id::text,
               'attribute', r.attribute::text,
               'card_id', CASE WHEN r.attribute IS NULL
                               THEN r.card_id::text END,
               'printed_number', r.printed_number) ORDER BY r.request_id), '[]')
      INTO export_inquiry.inquiries, items
      FROM service_provider.reload_request r
     WHERE r.issuer = export_inquiry.issuer
       AND CASE WHEN export_inquiry.request_id IS NULL
                THEN r.outcome = 'awaiting_reply'
                     AND num_nonnulls(r.attribute, r.card_id) > 0
                ELSE r.request_id = export_inquiry.request_id END;
    export_inquiry.file := screissue.seal(
        'service_provider', own, export_inquiry.issuer, 'inquiries', items);
END
$$;
COMMENT ON FUNCTION
    service_provider.export_inquiry(screissue.company_id, bigint) IS
    'inquiries that wait for their reply in a sealed file (Fig. 11 step 1104)';

-- Raises unless the issuer can be asked about a request: see export_inquiry.
CREATE FUNCTION service_provider.check_askable(
    issuer screissue.company_id,
    request_id bigint)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    request record;
BEGIN
    SELECT r.issuer, r.outcome, num_nonnulls(r.attribute, r.card_id) AS given
      INTO request
      FROM service_provider.reload_request r
     WHERE r.request_id = check_askable.request_id;
    IF NOT FOUND THEN
        PERFORM service_provider.raise_unknown_request(check_askable.request_id);
    ELSIF request.issuer <> check_askable.issuer THEN
        RAISE EXCEPTION 'request % is one for issuer "%"',
            check_askable.request_id, request.issuer
            USING ERRCODE = '22023';
    END IF;
    PERFORM service_provider.refuse_second_reply(check_askable.request_id);
    IF request.outcome NOT IN ('awaiting_reply', 'not_reissued') THEN
        RAISE EXCEPTION 'request % is %, it waits for no reply',
            check_askable.request_id, request.outcome
            USING ERRCODE = 'SR007';
    ELSIF request.given = 0 THEN
        RAISE EXCEPTION 'request % has neither attribute nor card id to ask with',
            check_askable.request_id
            USING ERRCODE = 'SR007',
                  HINT = 'Make a new request with one of them.';
    END IF;
END
$$;
COMMENT ON FUNCTION
    service_provider.check_askable(screissue.company_id, bigint) IS
    'check that an issuer can be asked about a request';

-- Raises SR009 if a request has its reply: one in a file is used once.
CREATE FUNCTION service_provider.refuse_second_reply(request_id bigint)
    RETURNS void
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM service_provider.inquiry_reply p
                WHERE p.request_id = refuse_second_reply.request_id) THEN
        RAISE EXCEPTION 'request % has its reply already',
            refuse_second_reply.request_id
            USING ERRCODE = 'SR009',
                  HINT = 'Make a new request for a new inquiry.';
    END IF;
END
$$;
COMMENT ON FUNCTION service_provider.refuse_second_reply(bigint) IS
    'check that a request has no reply yet';

-- Takes the replies in a file of an issuer, which answer_inquiries made, each as
-- record_reply does, and once.
-- Errors: SR001; 22P02 no sealed file, not whole, or not as agreed; 42501 not
-- from an issuer for us; 22023 other content, or the reply to another request;
-- SR009 the request has its reply; SR011; as record_reply.
CREATE FUNCTION service_provider.import_replies(
    file text,
    OUT request_id bigint,
    OUT outcome screissue.reload_outcome,
    OUT refusal text,
    OUT inherits screissue.message_id,
    OUT fee numeric,
    OUT currency text,
    OUT examination_substituted boolean)
    RETURNS SETOF record
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    kind CONSTANT text := 'replies';
    opened CONSTANT record := screissue.unseal(
        'service_provider', service_provider.own_company(), kind,
        import_replies.file);
    reply record;
    item_no bigint := 0;
    label text;
    number bigint;
    platform integer;
    named screissue.message_id;
    old_card screissue.card_id;
    request service_provider.judged_request;
    state text;
    message text;
    detail text;
    hint text;
BEGIN
    FOR reply IN SELECT i.item FROM json_array_elements(opened.items) i (item)
    LOOP
        item_no := item_no + 1;
        label := 'request_id';
        number := (reply.item ->> 'request_id')::bigint;
        label := 'platform_type';
        platform := (reply.item ->> 'platform_type')::integer;
        label := 'message_id';
        named := (reply.item ->> 'message_id')::screissue.message_id;
        label := 'old_card_id';
        old_card := (reply.item ->> 'old_card_id')::screissue.card_id;
        label := NULL;

        PERFORM service_provider.lock_request(number);
        PERFORM service_provider.check_answered(
            number, opened.partner::text, reply.item ->> 'app_id',
            upper(reply.item ->> 'asked_sha256'));
        PERFORM service_provider.refuse_second_reply(number);
        request := service_provider.take_reply(
            number, platform, (reply.item ->> 'reissued')::boolean, named,
            old_card, 'file');
        import_replies.request_id := request.request_id;
        import_replies.outcome := request.outcome;
        import_replies.refusal := request.refusal;
        import_replies.inherits := request.inherits;
        import_replies.fee := request.fee;
        import_replies.currency := request.currency;
        import_replies.examination_substituted :=
            request.examination_substituted;
        RETURN NEXT;
    END LOOP;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE,
        message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
        hint = PG_EXCEPTION_HINT;
    PERFORM screissue.raise_item(kind, item_no, label, state, message,
                                 detail, hint);
END
$$;
COMMENT ON FUNCTION service_provider.import_replies(text) IS
    'replies of an issuer in a sealed file (Fig. 11 step 1105)';

-- Keeps the loading permissions in a file of an issuer, which export_permissions
-- made, as record_load keeps one with status permitted, and gives them back as
-- permit_load does.  Repeatable.
-- Errors: SR001; 22P02 no sealed file, not whole, or not as agreed; 42501 not
-- from an issuer for us; 22023 other content; SR011; as record_load.
CREATE FUNCTION service_provider.import_permissions(
    file text,
    OUT message_id screissue.message_id,
    OUT app_id screissue.app_id,
    OUT platform_type integer,
    OUT card_id screissue.card_id,
    OUT inherits screissue.message_id,
    OUT fee numeric,
    OUT currency text)
    RETURNS SETOF record
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    kind CONSTANT text := 'permissions';
    opened CONSTANT record := screissue.unseal(
        'service_provider', service_provider.own_company(), kind,
        import_permissions.file);
    permission record;
    item_no bigint := 0;
    label text;
    state text;
    message text;
    detail text;
    hint text;
BEGIN
    FOR permission IN
        SELECT i.item FROM json_array_elements(opened.items) i (item)
    LOOP
        item_no := item_no + 1;
        label := 'message_id';
        import_permissions.message_id :=
            (permission.item ->> 'message_id')::screissue.message_id;
        label := 'app_id';
        import_permissions.app_id :=
            (permission.item ->> 'app_id')::screissue.app_id;
        label := 'platform_type';
        import_permissions.platform_type :=
            (permission.item ->> 'platform_type')::integer;
        label := 'card_id';
        import_permissions.card_id :=
            (permission.item ->> 'card_id')::screissue.card_id;
        label := 'inherits';
        import_permissions.inherits :=
            (permission.item ->> 'inherits')::screissue.message_id;
        label := 'fee';
        import_permissions.fee := (permission.item ->> 'fee')::numeric;
        label := NULL;
        import_permissions.currency := permission.item ->> 'currency';

        PERFORM service_provider.require_message(
            import_permissions.message_id, import_permissions.app_id,
            opened.partner);
        PERFORM service_provider.record_load(
            message => import_permissions.message_id,
            app => import_permissions.app_id,
            card => import_permissions.card_id,
            platform_type => import_permissions.platform_type,
            status => 'permitted');
        RETURN NEXT;
    END LOOP;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE,
        message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
        hint = PG_EXCEPTION_HINT;
    PERFORM screissue.raise_item(kind, item_no, label, state, message,
                                 detail, hint);
END
$$;
COMMENT ON FUNCTION service_provider.import_permissions(text) IS
    'loading permissions in a sealed file (R7, R10)';

-- Who may do what.  All else is given by grant_operator, grant_auditor and
-- register_provider, which name what they give.

-- What ALTER DEFAULT PRIVILEGES may have given to others is taken back.
DO $$
DECLARE
    stray record;
BEGIN
    FOR stray IN
        SELECT format('SCHEMA %I', n.nspname) AS object, x.grantee
          FROM pg_catalog.pg_namespace n
         CROSS JOIN pg_catalog.aclexplode(n.nspacl) x
         WHERE n.nspname IN ('screissue', 'card_issuer', 'service_provider')
           AND x.grantee <> n.nspowner
         UNION
        SELECT format('ROUTINE %s', p.oid::pg_catalog.regprocedure), x.grantee
          FROM pg_catalog.pg_proc p
          JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
         CROSS JOIN pg_catalog.aclexplode(p.proacl) x
         WHERE n.nspname IN ('screissue', 'card_issuer', 'service_provider')
           AND x.grantee NOT IN (0, p.proowner)
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM %s', stray.object,
                       screissue.grantee_name(stray.grantee));
    END LOOP;
END
$$;

-- The types are for everybody.
GRANT USAGE ON SCHEMA screissue TO PUBLIC;

-- The calls of the two roles are for nobody yet.
REVOKE ALL ON ALL ROUTINES IN SCHEMA card_issuer, service_provider FROM PUBLIC;

-- Of schema screissue, what is no part of a type is internal.
REVOKE ALL ON FUNCTION
    screissue.print_paper(text, text[]),
    screissue.read_paper(text, text),
    screissue.paper_time(timestamp with time zone),
    screissue.read_paper_time(text),
    screissue.paper_digest(bytea),
    screissue.raise_unreadable(text),
    screissue.calling_role(),
    screissue.in_extension_script(),
    screissue.require(text, boolean),
    screissue.require_role(name),
    screissue.grant_calls(name, name, text[]),
    screissue.require_examination_mode(text, interval),
    screissue.require_tariff(screissue.tariff_kind, numeric, text,
                             screissue.reissue_reason),
    screissue.require_policy(text),
    screissue.require_event(text, text[]),
    screissue.policy_signature(regprocedure),
    screissue.definition_sha256(oid),
    screissue.call_policy(text, jsonb),
    screissue.require_verdict(screissue.verdict),
    screissue.check_valid_for(interval),
    screissue.today(),
    screissue.require_range(bigint, bigint),
    screissue.require_step(bigint),
    screissue.notice_sha256(text, text, bigint, text, integer, text, text,
                            text, text, text, timestamptz),
    screissue.digest_of(bytea),
    screissue.method_of(integer),
    screissue.status_moves(),
    screissue.is_status_move(text, text, text),
    screissue.may_move(text, text, text),
    screissue.require_move(text, text, text, text),
    screissue.grantee_name(oid),
    screissue.begin_setup(),
    screissue.check_owners(),
    screissue.check_privileges(),
    screissue.enable_triggers(),
    screissue.revoke_relation(regclass),
    screissue.revoke_tables(name),
    screissue.layout_1(),
    screissue.run_layout(text, boolean),
    screissue.dblink_schema(),
    screissue.connection_name(name),
    screissue.caller_has_dblink(),
    screissue.is_open(text),
    screissue.open_connection(name),
    screissue.close_connection(name),
    screissue.is_connection_failure(text, text),
    screissue.remote_rows(name, text),
    screissue.read_certificate(text),
    screissue.check_certificate_key(bytea, text),
    screissue.seal_file(text, bytea, text, bytea),
    screissue.file_recipient(text, bytea[]),
    screissue.unseal_file(text, bytea, text, bytea[]),
    screissue.store_certificate(text, screissue.company_id, text, text),
    screissue.end_certificate(text, screissue.company_id, bytea),
    screissue.is_in_use(timestamptz, timestamptz, timestamptz),
    screissue.newest_certificate(text, screissue.company_id, boolean),
    screissue.parties(text, screissue.company_id, screissue.company_id),
    screissue.seal(text, screissue.company_id, screissue.company_id, text,
                   jsonb),
    screissue.item_shape(text),
    screissue.has_shape(json, jsonb),
    screissue.raise_bad_content(text),
    screissue.open_document(text, text),
    screissue.unseal(text, screissue.company_id, text, text),
    screissue.raise_item(text, bigint, text, text, text, text, text)
    FROM PUBLIC;

