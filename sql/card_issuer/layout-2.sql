-- Tables and views of a card issuer that version 1.1 added

-- By the hundred, as the alarm in the server log counts them (screissue.inquiry_alarm).
CREATE VIEW card_issuer.suspicious_inquiry AS
    SELECT h.provider, h.from_no, h.to_no, c.application, c.attribute, c.card,
           h.to_no - h.from_no + 1 - c.kept AS hidden,
           h.to_no - h.from_no + 1 - c.kept + c.application + c.attribute
               + c.card AS suspicious,
           c.last_asked_at
      FROM (SELECT m.provider, greatest(f.from_no, 1) AS from_no,
                   least(f.from_no + 99, m.inquiries) AS to_no
              FROM (SELECT p.provider,
                           card_issuer.inquiries_made(p.provider) AS inquiries
                      FROM card_issuer.provider p
                     UNION ALL
                    SELECT s.company_id, card_issuer.inquiries_made(s.company_id)
                      FROM card_issuer.self s) m
             CROSS JOIN LATERAL
                   generate_series(0, m.inquiries, 100) f (from_no)) h
     CROSS JOIN LATERAL
           (SELECT count(*) AS kept,
                   count(*) FILTER (WHERE s.suspicion = 'application')
                       AS application,
                   count(*) FILTER (WHERE s.suspicion = 'attribute')
                       AS attribute,
                   count(*) FILTER (WHERE s.suspicion = 'card') AS card,
                   max(i.asked_at) AS last_asked_at
              FROM card_issuer.inquiry i
             CROSS JOIN LATERAL card_issuer.suspicion(i.cause) s (suspicion)
             WHERE i.provider OPERATOR(screissue.=) h.provider
               AND i.inquiry_no BETWEEN h.from_no AND h.to_no) c
     WHERE h.to_no - h.from_no + 1 - c.kept + c.application + c.attribute
               + c.card > 0;
COMMENT ON VIEW card_issuer.suspicious_inquiry IS
    'inquiries that no terminal in order makes, by provider and hundred (E45)';
