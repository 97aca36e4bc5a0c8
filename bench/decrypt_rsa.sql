-- claim:  decrypt_attribute, rsa-oaep-sha256 (2048), 100 stored attributes
-- peer:   raw RSA private operation in the same backend
-- target: >= 0.97
-- unit:   us
-- data:   issuer attributes
SELECT *
  FROM bench.compare(
      ours => 'SELECT count(card_issuer.decrypt_attribute(a.attribute))
                 FROM bench.rsa a',
      peer => 'SELECT count(bench.private_rsa(a.ciphertext)) FROM bench.rsa a',
      idle => 'SELECT count(bench.nothing(a.ciphertext)) FROM bench.rsa a',
      rounds => 101);
