-- claim:  decrypt_attribute, ecies-x25519, 600 stored attributes
-- peer:   pgcrypto's pgp_pub_decrypt_bytea with RSA-2048, 20 stored messages
-- target: >= 45
-- unit:   us
-- data:   issuer attributes pgp
SELECT *
  FROM bench.compare(
      ours => 'SELECT count(card_issuer.decrypt_attribute(a.attribute))
                 FROM bench.x25519 a',
      peer => 'SELECT count(bench.pgp_pub_decrypt_bytea(p.message,
                                                        bench.pgp_secret_key()))
                 FROM bench.pgp p',
      idle => 'SELECT count(bench.nothing(a.peer)) FROM bench.x25519 a',
      rounds => 51);
