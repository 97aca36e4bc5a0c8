
# pg_dump and restore (E38) of an issuer, of one with partitions and of a provider,
# all with rows in use and with what a DBA has added, into a fresh cluster: as text, in
# custom and directory form, in parallel, schema and data apart, and for another
# owner.  Every row and the catalogs are compared, and then the calls go on.

use strict;
use warnings;

use LiveData;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;

my $keys = make_keys();
my $bank = start_cluster('bank', 'screissue.key_directory' => $keys);
my $metro = start_provider('metro', 'METRO', 'screissue.key_directory' => $keys);

make_roles($_) for ($bank, $metro);
set_up_issuer($bank, 'BANKJP');
$bank->safe_psql('postgres', 'CREATE DATABASE parted');
$bank->safe_psql('parted', q{CREATE EXTENSION screissue; SELECT card_issuer.setup('BANKJP', 'Issuer BANKJP', partitions => 4)});
fill_issuer($bank, $_, $keys) for qw(postgres parted);
fill_provider($metro, 'postgres', $keys, loads($bank, 'postgres'));
$metro->safe_psql('postgres', sprintf q{CREATE SUBSCRIPTION bank CONNECTION '%s dbname=postgres' PUBLICATION screissue_metro}, $bank->connstr);
$metro->wait_for_subscription_sync($bank, 'bank', 'postgres');

my $fresh = PostgreSQL::Test::Cluster->new('fresh');
$fresh->init(allows_streaming => 'logical');
$fresh->append_conf('postgresql.conf', "screissue.key_directory = '$keys'");
$fresh->start;
my $dir = PostgreSQL::Test::Utils::tempdir;
# The superuser is there already; the other roles, which both have, come first.
$bank->command_ok([ 'pg_dumpall', '--roles-only', '-f', "$dir/roles" ], 'roles are dumped');
$fresh->psql('postgres', slurp_file("$dir/roles"), on_error_stop => 0);

# Each way to restore, from [node, database] into a database that is empty.
my %restore = (
	text => sub {
		my ($node, $from, $to) = @_;

		$node->command_ok([ 'pg_dump', '-f', "$dir/$to", $from ], "$to: dumped as text");
		$fresh->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-1', '-d', $to, '-f', "$dir/$to" ], "$to: restored");
	},
	custom => sub {
		my ($node, $from, $to) = @_;

		$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/$to", $from ], "$to: dumped in custom form");
		$fresh->command_ok([ 'pg_restore', '--exit-on-error', '-j', 2, '-d', $to, "$dir/$to" ], "$to: restored in parallel");
	},
	directory => sub {
		my ($node, $from, $to) = @_;

		$node->command_ok([ 'pg_dump', '-Fd', '-j', 2, '-f', "$dir/$to", $from ], "$to: dumped in parallel, in directory form");
		$fresh->command_ok([ 'pg_restore', '--exit-on-error', '-j', 2, '-d', $to, "$dir/$to" ], "$to: restored in parallel");
	},
	apart => sub {
		my ($node, $from, $to) = @_;

		$node->command_ok([ 'pg_dump', '-Fc', '--schema-only', '-f', "$dir/$to.schema", $from ], "$to: the schema is dumped");
		$node->command_ok([ 'pg_dump', '-Fc', '--data-only', '-f', "$dir/$to.data", $from ], "$to: the data are dumped");
		$fresh->command_ok([ 'pg_restore', '--exit-on-error', '-d', $to, "$dir/$to.schema" ], "$to: the schema is restored");
		$fresh->command_ok([ 'pg_restore', '--exit-on-error', '--disable-triggers', '-j', 2, '-d', $to, "$dir/$to.data" ], "$to: the data are restored");
	},
	curator => sub {
		my ($node, $from, $to) = @_;

		$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/$to", $from ], "$to: dumped in custom form");
		$fresh->command_ok([ 'pg_restore', '--exit-on-error', '--no-owner', '-U', 'curator', '-d', $to, "$dir/$to" ], "$to: restored by another owner");
	});

my %from = (bank => [ $bank, 'postgres' ], parted => [ $bank, 'parted' ], metro => [ $metro, 'postgres' ]);
my %before = map { $_ => facts(@{ $from{$_} }) } keys %from;
my $owner = $fresh->safe_psql('postgres', 'SELECT current_user');

# What is compared has what it should have.
for (
	[ bank => qr/^row card_issuer\.entitlement(_\d)? .*378282246310005/m, 'entitlements' ],
	[ bank => qr/^row screissue\.certificate .*bank\.pem/m, 'certificates' ],
	[ bank => qr/^row card_issuer\.inquiry .*metro.*\n.*metro/m, 'inquiries' ],
	[ bank => qr/^row card_issuer\.reissue_batch_item .*NOSUCH/m, 'batches' ],
	[ bank => qr/^row card_issuer\.encryption_key .*ecies-p256/m, 'keys' ],
	[ bank => qr/^publication screissue_metro t f f f f screissue notice .*METRO/m, 'publications' ],
	[ bank => qr/^policy .*own_holder.*teller/m, 'row security' ],
	[ bank => qr/^function .*reissue_card\S* .* clerk=EXECUTE/m, 'rights of the operator' ],
	[ bank => qr/^trigger card_issuer\.card D .*own_disabled/m, 'triggers of the DBA' ],
	[ parted => qr/^row card_issuer\.card_3 /m, 'partitions' ],
	[ metro => qr/^trigger screissue\.notice A /m, 'landing triggers' ],
	[ metro => qr/^row service_provider\.quarantined_notice .*not a card!/m, 'quarantine' ],
	[ metro => qr/^row service_provider\.notice_arrival .*paper/m, 'ledger' ],
	[ metro => qr/^row service_provider\.inquiry_reply /m, 'replies' ])
{
	like($before{ $_->[0] }, $_->[1], "E38: in the facts of $_->[0]: $_->[2]");
}
for my $name (qw(bank metro))
{
	my $schemas = $name eq 'bank' ? 'screissue|card_issuer' : 'service_provider';
	my @empty = grep { $before{$name} !~ /^row \Q$_\E /m } $before{$name} =~ /^relation ((?:$schemas)\.\S+) r /mg;

	is("@empty", $name eq 'bank' ? '' : 'service_provider.policy', "E38: each table of $name has rows");
}

for my $copy (qw(bank_text bank_custom bank_curator parted_directory parted_apart metro_text metro_directory metro_apart metro_curator))
{
	my ($source, $way) = split /_/, $copy;
	$fresh->safe_psql('postgres', "CREATE DATABASE $copy");
	$restore{$way}->(@{ $from{$source} }, $copy);

	# pg_restore enables all triggers that it had disabled, which setup() mends for
	# ours, and neither part fills a materialized view.
	my $but;
	if ($way eq 'apart')
	{
		$fresh->safe_psql($copy, $source eq 'metro'
			? q{SELECT service_provider.setup('METRO', 'Provider METRO')} : q{SELECT card_issuer.setup('BANKJP', 'Issuer BANKJP')});
		$fresh->safe_psql($copy, 'REFRESH MATERIALIZED VIEW own.summary');
		$but = qr/^trigger .* own_/;
	}
	my $after = facts($fresh, $copy);
	$after =~ s/\bcurator\b/$owner/g if $way eq 'curator';
	is_same($before{$source}, $after, "E38: $copy", $but);
	indexes_hold($fresh, $copy, "E38: $copy");
	if ($source eq 'metro')
	{
		# Of the DBA's triggers the one that was disabled fires now, too.
		$fresh->safe_psql($copy, 'ALTER TABLE service_provider.reload_request DISABLE TRIGGER own_disabled') if $way eq 'apart';
		provider_goes_on($fresh, $copy, "E38: $copy");
	}
	else
	{
		issuer_goes_on($fresh, $copy, "E38: $copy");
	}
}

# What an issuer has told METRO, and what a provider has from BANKJP
sub told
{
	my ($node, $database) = @_;

	return $node->safe_psql($database, q{SELECT string_agg(n.notice_no::text, ' ' ORDER BY n.notice_no) FROM screissue.notice n WHERE n.provider = 'METRO'});
}

sub received
{
	my ($node, $database) = @_;

	return $node->safe_psql($database, q{
		SELECT string_agg(n.notice_no::text, ' ' ORDER BY n.notice_no) FROM service_provider.reissue_notice n WHERE n.issuer::text = 'BANKJP'});
}

sub reissue
{
	my ($node, $database, $card) = @_;

	$node->safe_psql($database, "SELECT card_issuer.request_reissue('$card', 'lost'), card_issuer.reissue_card('$card', '${card}N')");
	return;
}

# A restored provider takes its subscription up where the old one stood.
is($fresh->safe_psql('metro_text', q{SELECT subenabled FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = current_database()}),
	'f', 'E38: a restored subscription is disabled');
$metro->safe_psql('postgres', 'ALTER SUBSCRIPTION bank DISABLE');
$bank->poll_query_until('postgres', q{SELECT NOT s.active FROM pg_replication_slots s WHERE s.slot_name = 'bank'});
reissue($bank, 'postgres', 'B31');
$fresh->safe_psql('metro_text', $_) for 'ALTER SUBSCRIPTION bank ENABLE', 'ALTER SUBSCRIPTION bank REFRESH PUBLICATION';
$fresh->wait_for_subscription_sync($bank, 'bank', 'metro_text');
reissue($bank, 'postgres', 'B32');
$bank->wait_for_catchup('bank');
is(received($fresh, 'metro_text'), told($bank, 'postgres'), 'E38: a restored provider has all notices, those from before, meanwhile and since');

# A provider subscribes to a restored issuer; what was received before is not doubled.
$metro->safe_psql('postgres', $_) for 'ALTER SUBSCRIPTION bank SET (slot_name = NONE)', 'DROP SUBSCRIPTION bank',
	sprintf q{CREATE SUBSCRIPTION bank CONNECTION '%s dbname=bank_text' PUBLICATION screissue_metro}, $fresh->connstr;
$metro->wait_for_subscription_sync($fresh, 'bank', 'postgres');
reissue($fresh, 'bank_text', 'B33');
$fresh->wait_for_catchup('bank');
is(received($metro, 'postgres'), told($fresh, 'bank_text'), 'E38: the publication of a restored issuer serves a subscription');

done_testing();
