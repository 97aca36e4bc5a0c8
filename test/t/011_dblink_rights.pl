
# Whose rights a connection to an issuer's server has: the extension's owner's.
# So an operator names only servers that he may use himself; and where he could
# lay hands on the connection, through dblink's functions, none is kept, and
# none is used that he opened (doc/design.md, Shape; E60).

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;

my $app = 'A000000001';
my $node = start_provider('node', 'METRO');

# Runs statements at the provider as a role; returns what they print, and the
# errors (with their SQLSTATE).
sub as_role
{
	my ($role, $sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql",
		extra_params => [ '-U', $role ], on_error_stop => 0);

	return wantarray ? ($out, $err) : $out;
}

sub metro
{
	return $node->safe_psql('postgres', $_[0]);
}

sub bank
{
	return $node->safe_psql('bank', $_[0]);
}

# Two issuers in databases of this cluster: BANKJP, and one that says it is.

foreach my $database ('bank', 'fake')
{
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, q{
		CREATE EXTENSION screissue;
		SELECT card_issuer.setup('BANKJP', 'Bank')});
}
bank(q{
	CREATE ROLE metro LOGIN;
	SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro', 'pull')});
send_notice_to('bank', 1);
$node->safe_psql('fake', q{
	CREATE ROLE clerk LOGIN;
	SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'clerk', 'pull')});
send_notice_to('fake', $_) for 1 .. 99;

sub send_notice_to
{
	my ($database, $number) = @_;

	$node->safe_psql($database, qq{
		INSERT INTO screissue.notice (issuer, provider, notice_no, kind, platform_type,
		            new_card_id, app_id, message_id, reason, noted_at)
		VALUES ('BANKJP', 'METRO', $number, 'reissue', 100, '${database}card$number', '$app',
		        'BANKJP/METRO/1', 'lost', '2026-03-01 12:00:00+00')});
	return;
}

metro(sprintf q{
	CREATE EXTENSION dblink;
	CREATE ROLE desk LOGIN;
	CREATE ROLE boss LOGIN SUPERUSER;
	SELECT service_provider.grant_operator('clerk');
	SELECT service_provider.grant_operator('desk');
	SELECT service_provider.register_application('A000000001', 'fare');
	CREATE SERVER bankjp FOREIGN DATA WRAPPER dblink_fdw
	    OPTIONS (host '%1$s', port '%2$s', dbname 'bank');
	CREATE USER MAPPING FOR CURRENT_USER SERVER bankjp OPTIONS (user 'metro');
	CREATE SERVER own_house FOREIGN DATA WRAPPER dblink_fdw
	    OPTIONS (host '%1$s', port '%2$s', dbname 'postgres');
	CREATE USER MAPPING FOR CURRENT_USER SERVER own_house}, $node->host, $node->port);

# Naming a server

sub register
{
	my ($server, $issuer) = @_;
	$issuer //= 'BANKJP';

	return "SELECT service_provider.register_issuer('$issuer', 'Bank', server => $server);";
}

my ($out, $err) = as_role('clerk', register("'nosuch'"));
like($err, qr/ERROR:  42704: server "nosuch" does not exist/, 'R4: a server that is not there');
($out, $err) = as_role('clerk', register("'bankjp'"));
like($err, qr/ERROR:  42501: permission denied for foreign server "bankjp"/,
	'E60: an operator names no server that he may not use');
($out, $err) = as_role('boss', 'SET ROLE clerk; ' . register("'own_house'"));
like($err, qr/ERROR:  42501: permission denied for foreign server "own_house"/,
	'E60: nor in the session of a superuser');
is(metro('SELECT count(*) FROM service_provider.issuer'), '0', 'E60: nothing is stored');
($out, $err) = as_role('clerk', register('NULL'));
is($err, '', 'R4: without a server he needs no right');
metro('GRANT USAGE ON FOREIGN SERVER bankjp TO clerk');
($out, $err) = as_role('clerk', register("'bankjp'"));
is($err, '', 'R4: he names one that he may use');
($out, $err) = as_role('clerk', register("'own_house'"));
like($err, qr/ERROR:  42501/, 'E60: and cannot change it to another');
is(metro('SELECT i.server FROM service_provider.issuer i'), 'bankjp', 'E60: which it is not');
($out, $err) = as_role('boss', register("'own_house'", 'OTHER'));
is($err, '', 'R4: a superuser names any');
metro(q{DELETE FROM service_provider.issuer WHERE issuer OPERATOR(screissue.=) 'OTHER'});

# dblink's functions are open to all: no connection outlives a call

my $open = q{SELECT 'open: ' || coalesce(array_to_string(public.dblink_get_connections(), ' '), 'none');};
my $pull = q{SELECT service_provider.pull_notices('BANKJP');};
my $ask = "SELECT r.outcome FROM service_provider.request_reload('$app', 'BANKJP', 100, '4000000000000000') r;";
my $confirm = q{SELECT service_provider.send_confirmations('BANKJP');};

is(as_role('clerk', $pull . $open), "1\nopen: none", 'E60: no connection is left after a pull');
is(as_role('clerk', $ask . $open), "not_reissued\nopen: none", 'E60: nor after an inquiry');
metro(qq{SELECT service_provider.record_load('BANKJP/METRO/77', '$app', '4000000000000000')});
($out, $err) = as_role('clerk', $confirm . $open);
is($out, "0\nopen: none", 'E60: nor after a confirmation that is refused');
like($err, qr/WARNING:  SR008/, 'R8: of which a warning tells');
is(as_role('boss', "SET ROLE clerk; $pull $open"), "0\nopen: none",
	'E60: nor in the session of a superuser who is the operator for now');
bank('REVOKE EXECUTE ON FUNCTION card_issuer.fetch_notices FROM metro');
($out, $err) = as_role('clerk', $pull . $open);
like($err, qr/ERROR:  42501: permission denied for function fetch_notices/, 'E60: an error of the issuer');
is($out, 'open: none', 'E60: leaves no connection either');
bank('GRANT EXECUTE ON FUNCTION card_issuer.fetch_notices TO metro');
is(as_role('clerk', "BEGIN; $pull ROLLBACK; $open"), "0\nopen: none",
	'E60: nor a transaction that is rolled back');
is(as_role('clerk', "$pull $pull $ask $open"), "0\n0\nnot_reissued\nopen: none",
	'R28: calls one after the other work all the same');

# What the caller opened is not taken for ours

metro('GRANT EXECUTE ON FUNCTION dblink_connect_u(text, text) TO clerk');
my $trap = sprintf q{
	SELECT dblink_connect_u('screissue_' || s.oid, 'host=%1$s port=%2$s dbname=fake user=clerk')
	  FROM pg_foreign_server s WHERE s.srvname = 'bankjp';
	SELECT dblink_connect_u('mine', 'host=%1$s port=%2$s dbname=fake user=clerk');},
  $node->host, $node->port;
send_notice_to('bank', 2);
is(as_role('clerk', $trap . $pull), "OK\nOK\n1", 'E60: a connection that the caller opened by our name is not used');
is( metro(q{SELECT string_agg(n.new_card_id::text, ' ' ORDER BY n.notice_no)
		      FROM service_provider.reissue_notice n}),
	'BANKCARD1 BANKCARD2', 'E60: what landed is the issuer\'s');
is(as_role('clerk', $trap . $pull . $open), "OK\nOK\n0\nopen: mine",
	'E60: nor kept; what else the caller has open is left alone');
is(as_role('clerk', "$trap SET ROLE clerk; $ask $open"), "OK\nOK\nnot_reissued\nopen: mine",
	'E60: the same for an inquiry');

# Out of the current role's reach, but not of the session's

metro(q{
	DO $$
	DECLARE f regprocedure;
	BEGIN
	    FOR f IN SELECT d.objid FROM pg_depend d
	              JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'dblink'
	             WHERE d.refclassid = 'pg_extension'::regclass AND d.classid = 'pg_proc'::regclass
	    LOOP
	        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC, clerk', f);
	        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO clerk', f);
	    END LOOP;
	END $$;
	GRANT desk TO clerk});
($out, $err) = as_role('desk', $open);
like($err, qr/ERROR:  42501/, 'now one operator has dblink and the other has not');
is(as_role('clerk', "SET ROLE desk; $pull RESET ROLE; $open"), "0\nopen: none",
	'E60: no connection is left for the session\'s role, when the current role has no dblink');
is(as_role('clerk', "$trap SET ROLE desk; $pull RESET ROLE; $open"), "OK\nOK\n0\nopen: mine",
	'E60: nor is one of the session\'s role used');

# Out of reach until the session takes on another role

metro(q{
	CREATE ROLE till LOGIN NOINHERIT IN ROLE clerk;
	SELECT service_provider.grant_operator('till')});
is(as_role('till', "$pull SET ROLE clerk; $open"), "0\nopen: none",
	'E60: no connection is left for a role that the session may take on');
metro('REVOKE clerk FROM till');

# Out of reach: the connection is kept

my $backends = q{SELECT 'backends: ' || count(*) FROM pg_stat_activity a WHERE a.datname = 'bank';};
is(as_role('desk', "$pull $ask $pull $backends"), "0\nnot_reissued\n0\nbackends: 1",
	'R28: a caller who has no dblink keeps one connection');
is(as_role('boss', "SET ROLE desk; $pull RESET ROLE; $open") =~ s/screissue_\d+/ours/r, "0\nopen: ours",
	'R28: in the session of a superuser, too');
metro('GRANT EXECUTE ON FUNCTION dblink_get_connections() TO desk');
is(as_role('desk', $pull . $open), "0\nopen: none", 'E60: any function of dblink is enough to keep none');
metro('REVOKE USAGE ON SCHEMA public FROM PUBLIC');
is(as_role('desk', "$pull $backends"), "0\nbackends: 1", 'R28: unless its schema is closed');

done_testing();
