-- claim:  inquire by the provider's role, 1,000,000 cards, screissue.audit_inquiries on
-- peer:   bare X25519 derivation in the same backend and loop
-- target: >= 0.60
-- unit:   us
-- data:   issuer cards
SET screissue.audit_inquiries = on;
SELECT count(*) AS before FROM card_issuer.inquiry \gset
SET ROLE metro;
SELECT *
  FROM bench.compare(
      ours => 'SELECT bench.inquire($1)',
      peer => 'SELECT bench.derive($1)',
      idle => 'SELECT bench.idle($1)',
      rounds => 151);
RESET ROLE;
SELECT bench.require(count(*) = :before + 152 * 500, 'rows of card_issuer.inquiry')
  FROM card_issuer.inquiry \g /dev/null
