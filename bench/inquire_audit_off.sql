-- claim:  inquire by the provider's role, 1,000,000 cards, screissue.audit_inquiries off
-- peer:   bare X25519 derivation in the same backend and loop
-- target: >= 0.75
-- unit:   us
-- data:   issuer cards
SET screissue.audit_inquiries = off;
SELECT count(*) AS before FROM card_issuer.inquiry \gset
SET ROLE metro;
SELECT *
  FROM bench.compare(
      ours => 'SELECT bench.inquire($1)',
      peer => 'SELECT bench.derive($1)',
      idle => 'SELECT bench.idle($1)',
      rounds => 151);
RESET ROLE;
SELECT bench.require(count(*) = :before, 'rows of card_issuer.inquiry')
  FROM card_issuer.inquiry \g /dev/null
