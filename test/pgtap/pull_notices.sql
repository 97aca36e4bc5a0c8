-- What pull_notices refuses; test/t/006_pull.pl has it at work (R28-R30).
BEGIN;
CREATE EXTENSION screissue;
SET search_path = screissue, public;

SELECT plan(8);

SELECT throws_ok($$ SELECT service_provider.pull_notices('BANKJP') $$, 'SR001', NULL,
    'pull_notices before setup is SR001');
SELECT service_provider.setup('METRO', 'Metro Transit');
SELECT throws_ok($$ SELECT service_provider.pull_notices('BANKJP') $$, 'SR002', NULL,
    'an unknown issuer is SR002');
SELECT throws_ok('SELECT service_provider.pull_notices(NULL)', '22023', NULL,
    'no issuer is 22023');
SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point');
SELECT throws_ok($$ SELECT service_provider.pull_notices('BANKJP') $$, '55000',
    'issuer "BANKJP" has no server', 'R30: an issuer without server is 55000');
SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point', server => 'bankjp');
SELECT throws_ok($$ SELECT service_provider.pull_notices('BANKJP') $$, '0A000',
    'extension "dblink" is not installed', 'without dblink it is 0A000');
CREATE EXTENSION dblink;
SELECT throws_ok($$ SELECT service_provider.pull_notices('BANKJP') $$, '42704', NULL,
    'a foreign server that does not exist is 42704');

CREATE ROLE clerk;
CREATE ROLE stranger;
SELECT service_provider.grant_operator('clerk');
GRANT USAGE ON SCHEMA screissue TO clerk, stranger;
GRANT USAGE ON SCHEMA service_provider TO stranger;
SET LOCAL ROLE clerk;
SELECT throws_ok($$ SELECT service_provider.pull_notices('BANKJP') $$, '42704', NULL,
    'E60: an operator gets as far');
SET LOCAL ROLE stranger;
SELECT throws_ok($$ SELECT service_provider.pull_notices('BANKJP') $$, '42501', NULL,
    'E60: another role does not');

SELECT * FROM finish();
ROLLBACK;
