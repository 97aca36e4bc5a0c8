# The tour in README.md works as printed: its SQL blocks are run in order, in
# the database that each block names in its first line.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

open(my $readme, '<', 'README.md') or die "README.md: $!";
my $text = do { local $/; <$readme> };
close($readme);
my @blocks =
  $text =~ /^```sql\n-- (issuer|provider)\n(.*?)^```$/msg;

my $node = PostgreSQL::Test::Cluster->new('tour');
$node->init;
$node->start;
for my $database ('issuer', 'provider')
{
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, 'CREATE EXTENSION screissue');
}

# The foreign server of the tour reaches the issuer by libpq's defaults.
my ($host, $port) = ($node->host, $node->port);

cmp_ok(scalar @blocks, '>=', 14, 'the README has a tour');
while (my ($database, $sql) = splice(@blocks, 0, 2))
{
	$sql =~ s/dbname 'issuer'/host '$host', port '$port', dbname 'issuer'/;
	my ($rc, $out, $err) = $node->psql($database,
		"SET search_path = public, screissue;\n$sql",
		on_error_stop => 1);
	my ($first) = $sql =~ /^(.*)$/m;
	is($rc, 0, "at the $database: $first") or diag $err;
}

is( $node->safe_psql(
		'issuer',
		'SELECT message_id::text, status, fee FROM card_issuer.app_load ORDER BY 1'),
	"BANKJP/METRO/1|superseded|300\nBANKJP/METRO/2|loaded|0",
	'R27, R51: the issuer has the reload in place of the old load, at its own price');
is( $node->safe_psql(
		'provider',
		'SELECT message_id::text, status, inherits::text, confirmed_at IS NOT NULL'
		  . ' FROM service_provider.app_load ORDER BY 1'),
	"BANKJP/METRO/1|superseded||f\nBANKJP/METRO/2|loaded|BANKJP/METRO/1|t",
	'R27: the provider has it, too, and has confirmed it');
is( $node->safe_psql(
		'provider',
		'SELECT outcome, inherits::text, card_id::text'
		  . ' FROM service_provider.reload_request ORDER BY request_id DESC LIMIT 1'),
	'approved|BANKJP/METRO/2|',
	'R41, E58: a card that only the issuer can read inherits it');

$node->stop;
done_testing();
