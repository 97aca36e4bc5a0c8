
# From every released version to this one (E38): the upgrade has a path, changes no row
# and takes no right, and leaves the catalogs as a new installation makes them, in both
# directions; so does a dump of it that is restored.  Before it, the new library serves
# the old functions and tables.

use strict;
use warnings;

use LiveData;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;

my $keys = make_keys();
my $node = start_cluster('node', 'screissue.key_directory' => $keys);

sub run { return $node->safe_psql(@_) }

make_roles($node);
my $newest = run('postgres', q{SELECT default_version FROM pg_available_extensions WHERE name = 'screissue'});
my @released = split /\n/, run('postgres', qq{
	SELECT version FROM pg_available_extension_versions WHERE name = 'screissue' AND version <> '$newest' ORDER BY 1});
cmp_ok(scalar(@released), '>', 0, 'there are released versions');
is(run('postgres', qq{SELECT source, target FROM pg_extension_update_paths('screissue') WHERE path IS NULL AND target = '$newest'}),
	'', 'E38: from each version there is a path to this one');

my $scripts = run('postgres', q{SELECT setting || '/extension' FROM pg_config WHERE name = 'SHAREDIR'});
like(slurp_file($_), qr/\\quit\n\n(?:--.*\n)*SET LOCAL search_path = pg_catalog, pg_temp;\n/, "E60: $_ calls nothing that others create")
  for glob "$scripts/screissue--*--$newest.sql";

my $dir = PostgreSQL::Test::Utils::tempdir;
my %setup = (
	issuer => q{SELECT card_issuer.setup('BANKJP', 'Issuer BANKJP')},
	parted => q{SELECT card_issuer.setup('BANKJP', 'Issuer BANKJP', partitions => 4)},
	provider => q{SELECT service_provider.setup('METRO', 'Provider METRO')});

# A database of this kind and version, as it is made and, if filled, after a life
sub make
{
	my ($kind, $version, $database, $filled) = @_;

	run('postgres', "CREATE DATABASE $database");
	run($database, "CREATE EXTENSION screissue VERSION '$version'");
	run($database, $setup{$kind});
	return if !$filled;
	if ($kind eq 'provider')
	{
		fill_provider($node, $database, $keys, map { [ "BANKJP/METRO/$_", "B$_" ] } 1 .. 40);
		run($database, q{SELECT service_provider.receive_notice('BANKJP', 'METRO', 1, 'reissue', 100, 'B1N', 'B1', 'D276AB0085CD01',
			'BANKJP/METRO/1', 'lost', '2026-03-01 12:00:00+00', 'paper')});
	}
	else
	{
		fill_issuer($node, $database, $keys);
	}
	return;
}

# The upgrade as doc/operations.md prints it, for what is set up; then rights anew.
my ($section) = slurp_file('doc/operations.md') =~ /^## Upgrade of the extension$(.*?)^## /ms;
my ($printed) = $section =~ /^```sql\n(.*?)^```/ms;

sub upgrade
{
	my ($kind, $database) = @_;
	my ($role, $other) = $kind eq 'provider' ? qw(service_provider card_issuer) : qw(card_issuer service_provider);
	my $commands = $printed =~ s/^SELECT $other\..*\n//mr =~ s/^SELECT $role\.setup.*$/$setup{$kind};/mr;

	run($database, $commands);
	return;
}

sub renew_rights
{
	my ($kind, $database) = @_;
	my $role = $kind eq 'provider' ? 'service_provider' : 'card_issuer';

	run($database, "SELECT $role.grant_operator('clerk'), $role.grant_auditor('auditor')");
	return;
}

# What facts() tells of rows and sequences, and of all else
sub rows { return join "\n", grep { /^(row|sequence) / } split /\n/, $_[0] }
sub catalogs { return join "\n", grep { !/^(row|sequence) / } split /\n/, $_[0] }

sub goes_on
{
	my ($kind, $database, $name) = @_;

	return $kind eq 'provider' ? provider_goes_on($node, $database, $name) : issuer_goes_on($node, $database, $name);
}

foreach my $kind (sort keys %setup)
{
	make($kind, $newest, "${kind}_new", 1);
	my $new = facts($node, "${kind}_new");

	foreach my $version (@released)
	{
		my $name = "E38: $kind from $version";
		my $database = "${kind}_" . $version =~ tr/./_/r;

		make($kind, $version, $database, 1);
		my $before = facts($node, $database);

		# The new library and the old version, in a copy
		run('postgres', "CREATE DATABASE ${database}_copy TEMPLATE $database");
		run("${database}_copy", "ALTER EXTENSION screissue UPDATE TO '$version'");
		goes_on($kind, "${database}_copy", "$name, old functions");

		# A dump does not say which version it is of.
		$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/$database", $database ], "$name: dumped");
		run('postgres', "CREATE DATABASE ${database}_restored");
		$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', "${database}_restored", "$dir/$database" ], "$name: restored into this version");
		run("${database}_restored", $setup{$kind});
		renew_rights($kind, "${database}_restored");
		is_same(catalogs($new), catalogs(facts($node, "${database}_restored")), "$name, restored, catalogs");

		run($database, "BEGIN; ALTER EXTENSION screissue UPDATE; $setup{$kind}; ROLLBACK");
		is_same($before, facts($node, $database), "$name, rolled back");

		upgrade($kind, $database);
		my $after = facts($node, $database);
		my $extended = qr/^row (card_issuer|service_provider)\.self |^row card_issuer\.suspicious_inquiry /;
		is_same(rows($before), rows($after), "$name, rows", $extended);
		my @lost = grep { !/^(function|extension|view) / && index($after, $_) < 0 } split /\n/, catalogs($before);
		is("@lost", '', "$name: nothing is taken from what was there");

		renew_rights($kind, $database);
		is_same(catalogs($new), catalogs(facts($node, $database)), "$name, catalogs");
		indexes_hold($node, $database, $name);
		goes_on($kind, $database, $name);
	}
}

# What default privileges give to others on what an upgrade makes is taken back.
foreach my $version (@released)
{
	foreach my $kind (sort keys %setup)
	{
		my $database = "${kind}_open_" . $version =~ tr/./_/r;

		make($kind, $version, $database, 0);
		run($database, "ALTER DEFAULT PRIVILEGES GRANT ALL ON $_ TO teller") for qw(FUNCTIONS TABLES SEQUENCES);
		upgrade($kind, $database);
		is(join("\n", grep { /teller=/ } split /\n/, facts($node, $database)), '', "E60: $kind from $version: nothing new is for others");
	}
}

done_testing();
