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
