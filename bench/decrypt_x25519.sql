-- claim:  decrypt_attribute, ecies-x25519, 600 stored attributes
-- peer:   bare X25519 derivation in the same backend
-- target: >= 0.93
-- unit:   us
-- data:   issuer attributes
SELECT *
  FROM bench.compare(
      ours => 'SELECT count(card_issuer.decrypt_attribute(a.attribute))
                 FROM bench.x25519 a',
      peer => 'SELECT count(bench.derive_x25519(a.peer)) FROM bench.x25519 a',
      idle => 'SELECT count(bench.nothing(a.peer)) FROM bench.x25519 a',
      rounds => 151);
