chapter "Contracts, applications, prices"

step "R1, R2" "one extension in three databases; setup makes the tables of a role"
for who in bank metro library; do
	tell $who postgres <<SQL
CREATE EXTENSION screissue;
ALTER DATABASE $who SET search_path = screissue, public;
SQL
done
tell bank postgres <<SQL
SELECT card_issuer.setup('BANKJP', 'Bank of Japan Point');
CREATE ROLE teller LOGIN;
SELECT card_issuer.grant_operator('teller');
SQL
tell metro postgres <<SQL
SELECT service_provider.setup('METRO', 'Metro Transit');
CREATE ROLE clerk LOGIN;
SELECT service_provider.grant_operator('clerk');
SQL
tell library postgres <<SQL
SELECT service_provider.setup('LIBRARY', 'City Library');
CREATE ROLE librarian LOGIN;
SELECT service_provider.grant_operator('librarian');
SQL

step "R4, R5" "the bank has contracts with two providers; a role acts for each"
tell bank postgres <<SQL
CREATE ROLE metro LOGIN;
CREATE ROLE library LOGIN;
SQL
tell bank teller <<SQL
SELECT card_issuer.register_provider('METRO', 'Metro Transit',
    role_name => 'metro', delivery => 'push');
SELECT card_issuer.register_provider('LIBRARY', 'City Library',
    role_name => 'library', delivery => 'pull');
SQL

step "R6" "it knows their applications"
tell bank teller <<SQL
SELECT card_issuer.register_application('$pass', 'METRO', 'travel pass');
SELECT card_issuer.register_application('$park', 'METRO', 'park and ride');
SELECT card_issuer.register_application('$books', 'LIBRARY', 'library card');
SQL

step "claim 13" "what providers pay to the bank: a reload is cheaper than a load"
tell bank teller <<SQL
SELECT card_issuer.set_tariff('$pass', 'load', 120, 'JPY');
SELECT card_issuer.set_tariff('$pass', 'reload', 30, 'JPY');
SELECT card_issuer.set_tariff('$books', 'load', 80, 'JPY');
SELECT card_issuer.set_tariff('$books', 'reload', 0, 'JPY');
SQL
ask bank postgres <<SQL
SELECT p.provider, p.delivery, a.app_id, a.name, t.kind, t.amount, t.currency
  FROM card_issuer.provider p
  JOIN card_issuer.application a ON a.provider = p.provider
  LEFT JOIN card_issuer.tariff t ON t.app_id = a.app_id
 ORDER BY p.provider DESC, a.name DESC, t.kind;
SQL

step "R30" "the bank publishes METRO's notices; who replicates can read the whole cluster"
tell bank postgres <<SQL
CREATE ROLE metro_link LOGIN REPLICATION;
GRANT SELECT ON screissue.notice TO metro_link;
SELECT card_issuer.create_publication('METRO');
SQL

step "R4" "METRO's side: a subscription that may speak for BANKJP, a server to ask"
tell metro postgres <<SQL
CREATE SUBSCRIPTION bankjp
    CONNECTION 'host=$data/bank port=5432 dbname=bank user=metro_link'
    PUBLICATION screissue_metro;
CREATE SCHEMA links;
CREATE EXTENSION dblink SCHEMA links;
CREATE SERVER bankjp FOREIGN DATA WRAPPER dblink_fdw
    OPTIONS (host '$data/bank', port '5432', dbname 'bank');
CREATE USER MAPPING FOR postgres SERVER bankjp OPTIONS (user 'metro');
GRANT USAGE ON FOREIGN SERVER bankjp TO clerk;
SQL
tell metro clerk <<SQL
SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point',
    subscription => 'bankjp', server => 'bankjp');
SELECT service_provider.register_application('$pass', 'travel pass');
SELECT service_provider.register_application('$park', 'park and ride');
SELECT service_provider.set_tariff('$pass', 'load', 500, 'JPY');
SELECT service_provider.set_tariff('$pass', 'reload', 100, 'JPY');
SELECT service_provider.set_tariff('$pass', 'reload', 0, 'JPY', 'stolen');
SQL

step "R4" "LIBRARY's side: a server to ask, nothing else"
tell library postgres <<SQL
CREATE SCHEMA links;
CREATE EXTENSION dblink SCHEMA links;
CREATE SERVER bankjp FOREIGN DATA WRAPPER dblink_fdw
    OPTIONS (host '$data/bank', port '5432', dbname 'bank');
CREATE USER MAPPING FOR postgres SERVER bankjp OPTIONS (user 'library');
GRANT USAGE ON FOREIGN SERVER bankjp TO librarian;
SQL
tell library librarian <<SQL
SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point',
    server => 'bankjp');
SELECT service_provider.register_application('$books', 'library card');
SELECT service_provider.set_tariff('$books', 'load', 300, 'JPY');
SELECT service_provider.set_tariff('$books', 'reload', 50, 'JPY');
SQL

expect "two contracts are in force" bank \
	"SELECT provider, delivery FROM card_issuer.provider ORDER BY provider" \
	$'LIBRARY pull\nMETRO push'
expect "LIBRARY's role may not replicate" bank \
	"SELECT rolreplication FROM pg_roles WHERE rolname = 'library'" f
await "METRO's subscription is up" metro \
	"SELECT DISTINCT srsubstate FROM pg_subscription_rel" r
