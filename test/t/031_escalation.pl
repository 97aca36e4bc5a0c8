
# Attempts to get more rights than were given, where that takes several sessions,
# servers or databases: settings made before the library is there, a procedure that
# commits, an own server that leads back here, policies and paths, what one session
# does in several roles, publications and subscriptions of lesser roles, the owner of
# a database (E60; doc/design.md, Shape).  Each trap is seen to bite elsewhere.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;

my $app = 'D276AB0085CD01';
my $node = start_cluster('node', max_logical_replication_workers => 8);

# Runs statements as a role; returns what they print, and the errors (with their SQLSTATE).
sub as_role
{
	my ($role, $sql, %options) = @_;
	my ($status, $out, $err) = $node->psql($options{database} // 'postgres', "\\set VERBOSITY verbose\n$sql",
		extra_params => [ '-U', $role ], on_error_stop => 0);

	return wantarray ? ($out, $err) : $out;
}

sub super { return $node->safe_psql('postgres', $_[0]) }

# Both parties in one database, and the attacker's house (test/pgtap/include/attack.sql)

super(qq{
	ALTER DATABASE postgres SET search_path = screissue, public;
	SELECT card_issuer.setup('BANKJP', 'Bank'), service_provider.setup('METRO', 'Metro');
	CREATE ROLE metro LOGIN;
	CREATE ROLE shop LOGIN;
	CREATE ROLE clerk LOGIN;
	CREATE ROLE boss LOGIN SUPERUSER;
	CREATE ROLE mallory LOGIN;
	GRANT metro TO mallory;
	GRANT CREATE ON DATABASE postgres TO mallory;
	SELECT card_issuer.register_provider('METRO', 'Metro', 'metro'), card_issuer.register_provider('SHOP', 'Shop', 'shop'),
	       card_issuer.register_application('$app', 'METRO', 'fare'), card_issuer.register_application('D276AC0001EF01', 'SHOP', 'points'),
	       card_issuer.grant_operator('clerk'), service_provider.grant_operator('mallory'),
	       service_provider.register_application('$app', 'fare');
	CREATE FUNCTION reissue(name text) RETURNS void LANGUAGE sql AS \$\$
	    SELECT card_issuer.issue_card(screissue.card_id(name || '-A'), 100);
	    SELECT card_issuer.confirm_load((card_issuer.permit_load('$app', card => screissue.card_id(name || '-A'))).message_id);
	    SELECT card_issuer.request_reissue(screissue.card_id(name || '-A'), 'lost');
	    SELECT card_issuer.reissue_card(screissue.card_id(name || '-A'), screissue.card_id(name || '-B'));
	\$\$;
	SELECT reissue('ONE');
	CREATE SCHEMA t;
	BEGIN;
	\\i test/pgtap/include/attack.sql
	COMMIT});
sub sprung { return super('SELECT string_agg(DISTINCT r.as_role, \' \') FROM t.trap r; DELETE FROM t.trap') }

# Settings that are made before the library is loaded

my $ask = "SELECT FROM card_issuer.find_reissue('ONE-B', '$app');";
my $shown = q{SELECT string_agg(s.name || '=' || s.setting, ' ' ORDER BY s.name) FROM pg_settings s WHERE s.name ~ '^screissue' AND s.context = 'superuser';};
my $default = as_role('mallory', "LOAD 'screissue'; $ask $shown") || as_role('mallory', "$ask $shown");
like($default, qr/^screissue.audit_inquiries=on screissue.inquiry_alarm=\d+ screissue.log_inquiries=negative screissue.max_lineage=\d+$/, 'how it is set');
my @settings = ([ 'audit_inquiries', 'off' ], [ 'inquiry_alarm', '0' ], [ 'log_inquiries', 'none' ], [ 'max_lineage', '7' ]);
is(as_role('mallory', join('', map { "SET screissue.$_->[0] = $_->[1];" } @settings) . "$ask $shown"), $default,
	'E60: what a provider sets before the library is there does not hold');
{
	local $ENV{PGOPTIONS} = join ' ', map { "-c screissue.$_->[0]=$_->[1]" } @settings;
	is(as_role('mallory', "$ask $shown"), $default, 'E60: nor what it asks for when it connects');
	isnt(as_role('boss', "$ask $shown"), $default, 'while a superuser gets it');
}
foreach my $setting (@settings)
{
	my ($out, $err) = as_role('mallory', "ALTER ROLE mallory SET screissue.$setting->[0] = $setting->[1]");
	like($err, qr/42501/, "E60: nor may it have $setting->[0] set for good");
	($out, $err) = as_role('mallory', "CREATE FUNCTION house.f() RETURNS integer LANGUAGE sql SET screissue.$setting->[0] = $setting->[1] AS 'SELECT 1'; SELECT house.f(); $ask $shown");
	like($err, qr/42501|WARNING/, "E60: nor from a function");
	like($out, qr/\Q$default\E$/, 'E60: where it does not stay either');
	as_role('mallory', 'DROP FUNCTION IF EXISTS house.f()');
}

# A procedure that commits runs with the caller's rights and in his path.

my $evil_path = 'SET search_path = house, public, pg_catalog, screissue, pg_temp;';
super(q{
	SELECT reissue('TWO'), card_issuer.issue_card('THREE-A', 100);
	CREATE PROCEDURE public.careless(x bigint) LANGUAGE plpgsql AS $$ BEGIN COMMIT; PERFORM x + 1::bigint; END $$});
as_role('clerk', "$evil_path CALL public.careless(1)");
is(sprung(), 'clerk', 'a procedure that names operators without their schema runs the attacker\'s');
my ($out, $err) = as_role('clerk', q{
	INSERT INTO card_issuer.reissue_batch (reason, name) VALUES ('lost', 'b');
	INSERT INTO card_issuer.reissue_batch_item (batch_id, old_card_id, new_card_id) VALUES (1, 'TWO-B', 'TWO-C'), (1, 'THREE-A', 'THREE-B');} .
	"$evil_path CALL card_issuer.run_reissue_batch(1, max_per_second => 1000)");
like($err, qr/2 cards reissued, 0 failed/, 'R9: a batch runs in that path');
is(sprung(), '', 'E60: and nothing of the attacker\'s with it');

# Policies, in a session whose path the attacker set for good

super(q{
	ALTER ROLE mallory SET search_path = house, public, pg_catalog, screissue;
	CREATE FUNCTION public.policy(jsonb) RETURNS screissue.verdict LANGUAGE plpgsql
	AS $$ BEGIN RESET search_path; RETURN ROW(true, NULL, NULL)::screissue.verdict; END $$;
	CREATE FUNCTION public.trusting() RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$ BEGIN PERFORM public.policy('{}'); RETURN upper('x'); END $$;
	SELECT card_issuer.set_policy('load', 'public.policy(jsonb)')});
as_role('mallory', 'SELECT public.trusting()');
is(sprung(), $node->safe_psql('postgres', 'SELECT current_user'), 'a function that trusts such a policy runs the attacker\'s code');
my $permit = "SELECT p.permitted FROM card_issuer.permit_load('$app', card => 'THREE-B') p;";
($out, $err) = as_role('mallory', $permit);
like($err, qr/ERROR:  55000: policy "public.policy\(jsonb\)" changed the search_path/, 'E60: ours does not go on');
is(sprung(), '', 'E60: nor run any');
super(q{
	CREATE OR REPLACE FUNCTION public.policy(jsonb) RETURNS screissue.verdict LANGUAGE plpgsql SET search_path = pg_catalog
	AS $$ BEGIN SET LOCAL search_path = house, pg_catalog; RETURN ROW(true, NULL, NULL)::screissue.verdict; END $$});
is(as_role('mallory', $permit), 't', 'design 9: with a path of its own it may do what it likes to that');
is(sprung(), '', 'E60: and no harm comes of it');
super(q{ALTER ROLE mallory RESET search_path; SELECT card_issuer.set_policy('load', NULL)});

# What is put off to the end of the transaction runs with the rights of whoever is there then

as_role('mallory', q{
	CREATE TABLE house.late (x integer);
	CREATE FUNCTION house.late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM house.spring('late'); RETURN NULL; END $$;
	CREATE CONSTRAINT TRIGGER late AFTER INSERT ON house.late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION house.late()});
super(q{
	CREATE FUNCTION public.impatient() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'SET CONSTRAINTS ALL IMMEDIATE';
	GRANT INSERT ON house.late TO PUBLIC});
as_role('mallory', 'BEGIN; INSERT INTO house.late VALUES (1); SELECT public.impatient(); COMMIT');
is(sprung(), $node->pg_version < 18 ? $node->safe_psql('postgres', 'SELECT current_user') : '',
	'before 18 a definer function that has constraints looked at lends its rights to the triggers of its caller');
my $calls = join '', map { "SELECT $_;" }
  ("card_issuer.permit_load('$app', card => 'ONE-B')", "card_issuer.confirm_load('BANKJP/METRO/1')", "card_issuer.fetch_notices('METRO', 0)",
	"service_provider.register_issuer('BANKJP', 'Bank')",
	"service_provider.record_load('BANKJP/METRO/1', '$app', 'ONE-A')",
	"service_provider.receive_notice('BANKJP', 'METRO', 1, 'reissue', 100, 'ONE-B', 'ONE-A', '$app', 'BANKJP/METRO/1', 'lost', now(), 'file')",
	"service_provider.request_reload('$app', 'BANKJP', 100, 'ONE-B')");
($out, $err) = as_role('mallory', "BEGIN; INSERT INTO house.late VALUES (1); $calls COMMIT");
is($err, '', 'calls of both sides, with such a trigger waiting');
is(sprung(), '', 'E60: none of them fires it');

# One session, several roles: what is prepared, declared or kept belongs to who asks

my $of_metro = "SELECT count(*) FROM card_issuer.fetch_notices('METRO', 0)";
like(as_role('boss', "SET ROLE metro; PREPARE q AS $of_metro; EXECUTE q;"), qr/^\d+$/, 'a provider prepares a call');
($out, $err) = as_role('boss', "SET ROLE metro; PREPARE q AS $of_metro; EXECUTE q; EXECUTE q; SET ROLE shop; EXECUTE q; SET ROLE metro; EXECUTE q;");
like($err, qr/ERROR:  42501: permission denied for provider "METRO"/, 'E46: another role that executes it is another provider');
is(scalar(() = $out =~ /^\d+$/mg), 3, 'E46: and the first one is still itself');
($out, $err) = as_role('boss', "BEGIN; SET LOCAL ROLE metro; DECLARE c CURSOR FOR SELECT n.notice_no FROM card_issuer.fetch_notices('METRO', 0) n; SET LOCAL ROLE shop; FETCH c;");
like($err, qr/42501/, 'E46: nor does a cursor lend what its maker may read');
($out, $err) = as_role('boss', q{SET SESSION AUTHORIZATION shop; SET ROLE metro;});
like($err, qr/42501/, 'E46: a role that it is not is not taken on');
# The same for the plans that the library keeps: those of a table that is distributed.
super('UPDATE card_issuer.self SET distributed = true');
my $find = "SELECT r.reissued FROM card_issuer.find_reissue('ONE-B', '$app') r;";
is(as_role('boss', "SET ROLE metro; $find SET ROLE shop; $find RESET ROLE; $find SET ROLE shop; $find SET ROLE metro; $find"), "t\nf\nt\nf\nt",
	'E46: a plan that is kept answers each role for itself');
($out, $err) = as_role('boss', "SET ROLE shop; BEGIN; SAVEPOINT s; SELECT card_issuer.fetch_notices('METRO', 0); ROLLBACK TO s; SELECT current_user; $find COMMIT; SELECT current_user;");
is($out, "shop\nf\nshop", 'E60: after an error the role is the one that was');
super('UPDATE card_issuer.self SET distributed = false');
my ($status, $stdout, $stderr) = $node->psql('postgres', "SET row_security = off; $find", extra_params => [ '-U', 'shop' ]);
is($stdout, 'f', 'E60: no setting of row security makes a difference');

# A definer function of a provider's, which another role is made to call

as_role('mallory', q{
	CREATE FUNCTION house.lend() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$ SELECT count(*) FROM card_issuer.fetch_notices('METRO', 0) $$});
($out, $err) = as_role('shop', 'SELECT house.lend()');
like($err, qr/42501: permission denied for provider "METRO"/, 'E46: whoever calls a definer function of a provider is not that provider');
like(as_role('mallory', 'SELECT house.lend()'), qr/^\d+$/, 'but the provider is');

# A server of the attacker's that leads back here, as a superuser

my ($host, $port) = ($node->host, $node->port);
my $owner = super('SELECT current_user');
$node->safe_psql('postgres', 'CREATE DATABASE lair OWNER mallory');
as_role('mallory', q{
	CREATE SCHEMA card_issuer;
	CREATE FUNCTION card_issuer.fetch_notices(provider text, after_no bigint, max_rows integer) RETURNS TABLE (notice_no bigint)
	    LANGUAGE plpgsql AS $$ BEGIN ALTER ROLE mallory SUPERUSER; END $$}, database => 'lair');
super(q{CREATE SCHEMA links; CREATE EXTENSION dblink SCHEMA links; GRANT USAGE ON FOREIGN DATA WRAPPER dblink_fdw TO mallory});
as_role('mallory', qq{
	CREATE SERVER loop FOREIGN DATA WRAPPER dblink_fdw OPTIONS (host '$host', port '$port', dbname 'lair');
	CREATE USER MAPPING FOR "$owner" SERVER loop OPTIONS (user '$owner')});
my $register = q{SELECT service_provider.register_issuer('LOOP', 'Loop', server => 'loop');};
my $pull = q{SELECT service_provider.pull_notices('LOOP');};
my $is_super = q{SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = 'mallory'};
($out, $err) = as_role('mallory', "$register $pull");
like($err, qr/ERROR:  42501: foreign server "loop" belongs to role "mallory", which is not superuser/, 'E60: an operator has no issuer asked over a server of his own');
is(super($is_super), 'f', 'E60: and becomes no superuser by it');
super("ALTER SERVER loop OWNER TO \"$owner\"; $register ALTER SERVER loop OWNER TO mallory");
($out, $err) = as_role('mallory', $pull);
like($err, qr/42501/, 'E60: nor over one that was given to him when it was in use');
is(super($is_super), 'f', 'E60: nor by that');
super("ALTER SERVER loop OWNER TO \"$owner\"; $pull");
is(super($is_super), 't', 'while a superuser who makes such a server himself would make him one');
super('ALTER ROLE mallory NOSUPERUSER; DROP SERVER loop CASCADE; UPDATE service_provider.issuer SET server = NULL');

# The owner of a database, in which a superuser creates the extension

$node->safe_psql('lair', 'CREATE SCHEMA t; GRANT ALL ON SCHEMA t TO mallory; DROP SCHEMA card_issuer CASCADE; CREATE EXTENSION screissue; SELECT card_issuer.setup(\'BANKJP\', \'Bank\')');
foreach my $attempt ("SELECT card_issuer.issue_card('X', 100)", 'SELECT * FROM card_issuer.card', 'CREATE TABLE card_issuer.x (y integer)',
	'DROP EXTENSION screissue CASCADE', 'DROP SCHEMA card_issuer CASCADE', 'ALTER SCHEMA card_issuer OWNER TO mallory',
	'GRANT ALL ON ALL TABLES IN SCHEMA card_issuer TO mallory', 'CREATE PUBLICATION p FOR TABLE screissue.notice', 'CREATE PUBLICATION p FOR ALL TABLES',
	'ALTER DATABASE lair SET screissue.audit_inquiries = off', 'ALTER DATABASE lair SET session_replication_role = replica',
	"SELECT card_issuer.setup('BANKJP', 'Bank')", 'REASSIGN OWNED BY boss TO mallory', 'CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION card_issuer.registry_changed()')
{
	($out, $err) = as_role('mallory', $attempt, database => 'lair');
	like($err, qr/ERROR:  42501/, "E60: denied to the owner of the database: $attempt");
}
$node->safe_psql('lair', "BEGIN;\n\\i test/pgtap/include/attack.sql\nCOMMIT");
as_role('mallory', 'ALTER DATABASE lair SET search_path = house, public, pg_catalog, screissue', database => 'lair');
($status, $stdout, $stderr) = $node->psql('lair', q{
	SELECT card_issuer.setup('BANKJP', 'Bank'), card_issuer.issue_card('ONE', 100), card_issuer.request_reissue('ONE', 'lost'),
	       card_issuer.reissue_card('ONE', 'TWO'), service_provider.setup('METRO', 'Metro');
	SELECT card_issuer.find_new_card('ONE')});
is($stderr, '', 'a superuser works in the path that the owner of the database gave it');
is($node->safe_psql('lair', 'SELECT pg_catalog.count(*) FROM t.trap'), 0, 'E60: and nothing of his runs');
$node->psql('lair', 'SELECT upper(\'x\')');
isnt($node->safe_psql('lair', 'SELECT pg_catalog.count(*) FROM t.trap'), 0, 'as it would where nothing pins the path');

# Partners' roles and replication

foreach my $attempt (q{SELECT pg_create_logical_replication_slot('s', 'pgoutput')}, q{SELECT pg_logical_slot_get_changes('bankjp', NULL, NULL)},
	q{CREATE SUBSCRIPTION s CONNECTION 'dbname=lair' PUBLICATION p WITH (connect = false)}, 'SELECT * FROM pg_subscription',
	'SELECT pg_drop_replication_slot(\'bankjp\')', 'ALTER SUBSCRIPTION bankjp DISABLE', 'DROP SUBSCRIPTION bankjp')
{
	my ($sqlstate) = (as_role('metro', $attempt))[1] =~ /ERROR:  (\w+)/;
	like($sqlstate, qr/^(42501|42704)$/, "E60: a partner may not: $attempt");
}
my $pipe = run_log([ 'psql', '-X', '-d', $node->connstr('postgres') . ' user=metro replication=database', '-c', 'IDENTIFY_SYSTEM' ]);
ok(!$pipe, 'E60: a partner has no connection for replication');

# A subscription of a lesser role, by the name that the contract has, to a publisher
# that says it is the issuer

my $rogue = start_issuer('rogue', 'BANKJP');
publish($rogue, 'BANKJP', 'METRO');
send_notice($rogue, issuer => 'BANKJP', provider => 'METRO', notice_no => $_, message_id => 'BANKJP/METRO/1') for 101 .. 103;
my $provider = start_provider('provider', 'METRO');
$provider->safe_psql('postgres', q{
	CREATE ROLE boss LOGIN SUPERUSER;
	GRANT CREATE ON DATABASE postgres TO boss;
	SELECT service_provider.register_issuer('BANKJP', 'Bank', subscription => 'bankjp')});
my $connection = $rogue->connstr . ' dbname=postgres user=boss password=x';
$rogue->safe_psql('postgres', q{CREATE ROLE boss LOGIN REPLICATION; GRANT SELECT ON screissue.notice TO boss});
my $landed = q{SELECT (SELECT count(*) FROM service_provider.reissue_notice) + (SELECT count(*) FROM service_provider.quarantined_notice) + (SELECT count(*) FROM screissue.notice)};

# Waits until a worker of the subscription gave up; what is there then.
sub landed_by_lesser
{
	my ($create) = @_;
	my $start = -s $provider->logfile;
	my ($status, undef, $error) = $provider->psql('postgres', $create, extra_params => [ '-U', 'boss' ]);

	return "not created: $error" if $status;
	$provider->safe_psql('postgres', 'ALTER ROLE boss NOSUPERUSER; ALTER SUBSCRIPTION bankjp ENABLE');
	$provider->wait_for_log(qr/ERROR:  42501|ERROR:  permission denied|ERROR:  role "boss" cannot SET ROLE|ERROR:  must be/, $start);
	return $provider->safe_psql('postgres', $landed);
}

# It is not for want of a password that it fails.
my $options = 'enabled = false' . ($provider->pg_version >= 16 ? ', password_required = false' : '');
is(landed_by_lesser("CREATE SUBSCRIPTION bankjp CONNECTION '$connection' PUBLICATION screissue_metro WITH ($options)"), 0, 'E60: a subscription whose owner is no superuser lands nothing, in neither table');
if ($provider->pg_version >= 16)
{
	$provider->safe_psql('postgres', q{ALTER SUBSCRIPTION bankjp DISABLE; ALTER SUBSCRIPTION bankjp SET (run_as_owner = true)});
	my $start = -s $provider->logfile;
	$provider->safe_psql('postgres', 'ALTER SUBSCRIPTION bankjp ENABLE');
	$provider->wait_for_log(qr/ERROR:  permission denied for table notice/, $start);
	is($provider->safe_psql('postgres', $landed), 0, 'E60: nor one that runs with its owner\'s rights');
}
$provider->safe_psql('postgres', 'ALTER ROLE boss SUPERUSER');
$provider->wait_for_subscription_sync($rogue, 'bankjp');
is(inbox($provider, 'BANKJP'), '101 102 103', 'as the same one does when its owner is a superuser');

done_testing();
