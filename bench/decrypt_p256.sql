-- claim:  decrypt_attribute, ecies-p256, 400 stored attributes
-- peer:   bare P-256 derivation in the same backend
-- target: >= 0.60
-- unit:   us
-- data:   issuer attributes
SELECT *
  FROM bench.compare(
      ours => 'SELECT count(card_issuer.decrypt_attribute(a.attribute))
                 FROM bench.p256 a',
      peer => 'SELECT count(bench.derive_p256(a.peer)) FROM bench.p256 a',
      idle => 'SELECT count(bench.nothing(a.peer)) FROM bench.p256 a',
      rounds => 101);
