-- An issuer with one provider, one application and the three kinds of key.
-- The provider's calls are made by role metro.

SELECT card_issuer.setup('BANKJP', 'Bank of Japan Point');
SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'metro') AS is_new \gset
\if :is_new
    CREATE ROLE metro;
\endif
SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro');
SELECT card_issuer.register_application('D3920000A101', 'METRO', 'travel pass');
SELECT card_issuer.register_key(1, 'ecies-x25519');
SELECT card_issuer.register_key(2, 'ecies-p256');
SELECT card_issuer.register_key(3, 'rsa-oaep-sha256');
GRANT USAGE ON SCHEMA bench TO metro;
