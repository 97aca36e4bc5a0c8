-- Suspicious inquiries (E43-E45): which causes are, and how they are counted (since 1.1)
BEGIN;
\ir include/issuer.sql
SELECT plan(25);

SELECT is(card_issuer.suspicion(c.cause), c.suspicion, 'E45: ' || c.cause)
  FROM (VALUES ('unknown_application', 'application'), ('foreign_app', 'application'), ('application_withdrawn', NULL), ('contract_ended', NULL),
               ('unknown_key', 'attribute'), ('revoked_key', NULL), ('wrong_scheme', 'attribute'), ('undecryptable', 'attribute'),
               ('no_card_id', 'attribute'), ('unknown_card', 'card'), ('secret', 'card'), ('other_key', 'card'), ('printed_number', 'card'),
               ('card_status', NULL), ('not_reissued', NULL), ('secret of mine', NULL), ('', NULL)) c (cause, suspicion);
SELECT is(card_issuer.suspicion(NULL), NULL, 'E45: a positive reply is not suspicious');

-- By hundreds of numbers: two inquiries, and one that is rolled back, before the
-- second hundred begins with one about another's application.
CREATE FUNCTION t.inquire(app app_id) RETURNS boolean LANGUAGE sql
AS $$ SELECT i.reissued FROM card_issuer.inquire(card_attribute('ecies-x25519:9:' || repeat('00', 60)), app) i $$;
CREATE VIEW t.report AS
SELECT format('%s-%s application %s attribute %s card %s hidden %s: %s', s.from_no, s.to_no, s.application, s.attribute, s.card, s.hidden, s.suspicious)
  FROM card_issuer.suspicious_inquiry s WHERE s.provider = 'METRO';
GRANT USAGE ON SCHEMA t TO metro;
SELECT is_empty('SELECT * FROM card_issuer.suspicious_inquiry', 'E45: nothing is suspicious yet');
SET LOCAL ROLE metro;
SELECT t.inquire(:METRO1), t.inquire('D276FFFFFFFF') \g /dev/null
SAVEPOINT hidden;
SELECT t.inquire(:METRO1) \g /dev/null
ROLLBACK TO hidden;
RESET ROLE;
SELECT results_eq('TABLE t.report', ARRAY['1-3 application 1 attribute 1 card 0 hidden 1: 3'], 'E45: counted by what is wrong');
SELECT setval('card_issuer.inquiry_sequence_metro', 99) \g /dev/null
SET LOCAL ROLE metro;
SELECT t.inquire(:SHOP1) \g /dev/null
RESET ROLE;
SELECT results_eq('TABLE t.report', ARRAY['1-99 application 1 attribute 1 card 0 hidden 97: 99', '100-100 application 1 attribute 0 card 0 hidden 0: 1'],
                  'E45: and by the hundred');
SELECT is(t.run('SELECT sum(s.suspicious) FROM card_issuer.suspicious_inquiry s', r), '100', 'E45: as ' || r || ' sees it') FROM unnest('{clerk,auditor}'::name[]) r;
SELECT t.refused('SELECT count(*) FROM card_issuer.suspicious_inquiry', '42501', 'E45: no view of a provider''s', 'metro');
SELECT t.refused('SELECT card_issuer.suspicion(''secret'')', '42501', 'E45: no function of a provider''s', 'metro');

SELECT * FROM finish();
ROLLBACK;
