
# pg_upgrade (E38) of an issuer, of one with partitions and of a provider, with rows in
# use, what their DBAs have added and a subscription between them: from the server
# OLD_SERVER, which needs OLD_LIBRARIES, to the one in PATH, with the files in the way
# that UPGRADE_MODE names.  It is done as doc/operations.md says, the provider first.
# Every row and the catalogs are compared, indexes are checked as they are, and then the
# calls go on, and notices come.

use strict;
use warnings;

use LiveData;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;

# pg_upgrade starts both servers, in one environment.
$ENV{LD_LIBRARY_PATH} = $ENV{OLD_LIBRARIES};
my ($new_bindir) = grep { -x "$_/pg_upgrade" } split /:/, $ENV{PATH};
my $mode = $ENV{UPGRADE_MODE};
my $keys = make_keys();

sub major
{
	my ($bindir) = @_;
	my ($major) = qx{"$bindir/postgres" --version} =~ /(\d+)/;

	return $major;
}

# From 17 on slots and subscriptions are taken over.
my $takes_slots = major("$ENV{OLD_SERVER}/bin") >= 17;

# A cluster of either server
sub cluster
{
	my ($name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name, %options);

	# From 18 on initdb makes checksums, which pg_upgrade wants to be as they were.
	$node->init(extra => major($options{install_path} ? "$options{install_path}/bin" : $new_bindir) >= 18 ? ['--no-data-checksums'] : []);
	$node->append_conf('postgresql.conf', $_)
	  for 'wal_level = logical', 'max_wal_senders = 10', 'max_replication_slots = 10', "wal_retrieve_retry_interval = '100ms'",
	  "screissue.key_directory = '$keys'";
	return $node;
}

sub old_cluster
{
	my ($name) = @_;
	my $node = cluster($name, install_path => $ENV{OLD_SERVER});

	$node->start;
	make_roles($node);
	return $node;
}

my $bank = old_cluster('bank');
my $metro = old_cluster('metro');
note $bank->safe_psql('postgres', 'SELECT version()');
$bank->safe_psql('postgres', 'CREATE DATABASE parted');
$bank->safe_psql($_->[0], "CREATE EXTENSION screissue; SELECT card_issuer.setup('BANKJP', 'Issuer BANKJP', partitions => $_->[1])")
  for ([ postgres => 0 ], [ parted => 4 ]);
$metro->safe_psql('postgres', q{CREATE EXTENSION screissue; SELECT service_provider.setup('METRO', 'Provider METRO')});
fill_issuer($bank, $_, $keys) for qw(postgres parted);
fill_provider($metro, 'postgres', $keys, loads($bank, 'postgres'));
$metro->safe_psql('postgres', sprintf q{
	CREATE SUBSCRIPTION bank CONNECTION '%s dbname=postgres' PUBLICATION screissue_metro WITH (slot_name = 'screissue_metro')}, $bank->connstr);
$metro->wait_for_subscription_sync($bank, 'bank', 'postgres');

sub reissue
{
	my ($card) = @_;

	$bank->safe_psql('postgres', "SELECT card_issuer.request_reissue('$card', 'lost'), card_issuer.reissue_card('$card', '${card}N')");
	return;
}

# The command of doc/operations.md that begins like this; what makes, starts and stops a
# cluster is done by the cluster's own methods.
sub command
{
	my ($pattern, %replace) = @_;
	my ($section) = slurp_file('doc/operations.md') =~ /^## Upgrade of the server$(.*?)^##/ms;
	my @commands = grep { /^\S*$pattern/ } map { s/^\$ //r =~ s/\\\n\s*//gr } $section =~ /^(\$ .*(?:\n {6}.*)*)/mg;

	is(scalar(@commands), 1, "$pattern: what to do is written once");
	my ($command) = @commands;
	# In one pass: the old server may be a 17.
	my $known = join '|', map { quotemeta } sort { length $b <=> length $a } keys %replace;
	$command =~ s/($known)/$replace{$1}/g;
	# Their sockets are where we are.
	return [ 'sh', '-c', "cd '$ENV{STAGE}' && $command" ];
}

sub run
{
	my ($node, $pattern, %replace) = @_;
	my $command = command($pattern, %replace);

	ok($node->run_log($command), $command->[-1])
	  or do
	{
		diag($_, "\n", slurp_file($_) =~ /((?:.*\n){0,20})\z/) for glob $node->data_dir . '/pg_upgrade_output.d/*/log/*';
		BAIL_OUT("$pattern failed");
	};
	return;
}

# What stands for these clusters in the commands
sub parties
{
	my ($old, $new) = @_;

	return (
		'pg_upgrade ' => "pg_upgrade --$mode ",
		'/usr/lib/postgresql/15/bin' => "$ENV{OLD_SERVER}/bin",
		'/usr/lib/postgresql/17/bin' => $new_bindir,
		'/srv/15' => $old->data_dir,
		'/srv/17' => $new->data_dir);
}

# Stops an old cluster and returns the new one, at the same address
sub upgrade
{
	my ($old) = @_;
	my $new = cluster('new_' . $old->name, port => $old->port);
	my %parties = parties($old, $new);

	run($new, 'pg_upgrade --check', %parties);
	$old->stop('fast');
	run($new, 'pg_upgrade -b', %parties);
	ok(!$old->start(fail_ok => 1), 'the old cluster does not start again') if $mode eq 'link';
	$new->start;
	run($new, 'vacuumdb', %parties);
	return $new;
}

sub told
{
	return $bank->safe_psql('postgres', q{SELECT string_agg(n.notice_no::text, ' ' ORDER BY n.notice_no) FROM screissue.notice n WHERE n.provider = 'METRO'});
}

sub procedure
{
	my ($file, $heading) = @_;

	return follow("doc/$file.md", $heading, { issuer => $bank, provider => $metro },
		'host=issuer.example dbname=issuer' => $bank->connstr . ' dbname=postgres');
}

# The provider

my $before = facts($metro, 'postgres', 1);
$metro = do {
	my $old = $metro;
	my $upgraded = upgrade($old);
	is_same($before, facts($upgraded, 'postgres', 1), 'the provider');
	indexes_hold($upgraded, 'postgres', 'the provider');
	$upgraded;
};
note $metro->safe_psql('postgres', 'SELECT version()');
reissue('B31');
is($metro->safe_psql('postgres', 'SELECT subenabled FROM pg_subscription'), $takes_slots ? 't' : 'f',
	$takes_slots ? 'the subscription goes on' : 'the subscription waits');
procedure('operations', 'A provider that was upgraded') unless $takes_slots;
reissue('B32');
$bank->wait_for_catchup('bank');
is(inbox($metro, 'BANKJP'), told(), 'what came meanwhile and since is there, and nothing is missing');
agree($bank, $metro, 'the digests agree, between two versions');
provider_goes_on($metro, 'postgres', 'the provider');

# The issuer

if ($takes_slots)
{
	my $new = cluster('too_early');
	my @problems;

	$metro->stop;
	reissue('B34');
	$bank->stop('fast');
	$bank->command_checks_all(command('pg_upgrade -b', parties($bank, $new)), 1,
		[qr/logical replication slots that cannot be upgraded/], [qr/\A\z/], 'a slot with something for its provider stops the upgrade');
	@problems = map { slurp_file($_) } glob $new->data_dir . '/pg_upgrade_output.d/*/invalid_logical_slots.txt';
	like("@problems", qr/"screissue_metro"/, 'and is named');
	$bank->start;
	$metro->start;
	$bank->wait_for_catchup('bank');
}
my %before = map { $_ => facts($bank, $_, 1) } qw(postgres parted);
$bank = upgrade($bank);
for my $database (qw(postgres parted))
{
	is_same($before{$database}, facts($bank, $database, 1), "the issuer, $database");
	indexes_hold($bank, $database, "the issuer, $database");
	issuer_goes_on($bank, $database, "the issuer, $database");
}
unless ($takes_slots)
{
	procedure('replication', $_) for 'Drop the old subscription', 'Subscribe anew';
}
reissue('B33');
$bank->wait_for_catchup('bank');
is(inbox($metro, 'BANKJP'), told(), 'the provider has what came since');
agree($bank, $metro, 'the digests agree, both upgraded');

done_testing();
