# A standby of the issuer takes over (E35): it has no slot.  Once nothing was lost, but
# reissues were made before the provider subscribed anew; once the standby had
# lagged, and the provider was ahead of it.  As doc/operations.md says; afterwards both
# digests agree.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;

my $base = 1 << 40;
my $bank = start_issuer('bank', 'BANKJP');
my $metro = start_provider('metro', 'METRO');
my $directory = PostgreSQL::Test::Utils::tempdir('files');

sub bank { return $bank->safe_psql('postgres', $_[0]); }
sub metro { return $metro->safe_psql('postgres', $_[0]); }

set_up_metro($bank);
metro(q{SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point', subscription => 'bank')});
metro(sprintf q{CREATE SUBSCRIPTION bank CONNECTION '%s dbname=postgres' PUBLICATION screissue_metro WITH (slot_name = 'screissue_metro')}, $bank->connstr);
$metro->wait_for_subscription_sync($bank, 'bank');

# A standby that streams from the issuer.
sub start_standby
{
	my ($name) = @_;
	my $standby = PostgreSQL::Test::Cluster->new($name);

	$bank->backup($name);
	$standby->init_from_backup($bank, $name, has_streaming => 1);
	$standby->start;
	$bank->wait_for_catchup($standby, 'replay');
	return $standby;
}

sub procedure
{
	my ($file, $heading) = @_;

	return follow("doc/$file.md", $heading, { standby => $bank, issuer => $bank, provider => $metro },
		'DATABASE issuer' => 'DATABASE postgres',
		'metro.notices' => "$directory/metro.notices",
		'host=issuer.example dbname=issuer' => $bank->connstr . ' dbname=postgres');
}

# Promotes a standby; the role of a provider, which asks there, is sent away.
sub promote
{
	($bank) = @_;
	my $asking = $bank->background_psql('postgres', extra_params => [ '-U', 'metro' ]);

	procedure('operations', 'A standby that is promoted');
	ok($bank->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'metro'}), 'who was in is sent away');
	my ($rc, undef, $err) = $bank->psql('postgres', 'SELECT 1', extra_params => [ '-U', 'metro' ]);
	like($err, qr/too many connections for database/, 'and nobody is let in');
	is(bank('SHOW default_transaction_read_only'), 'off', 'but superusers, who can write');
	return;
}

sub complete
{
	my ($name, $notices) = @_;

	$bank->wait_for_catchup('bank');
	is(metro('SELECT count(*) FROM service_provider.reissue_notice'), $notices, "$name: all notices are there");
	agree($bank, $metro, "E35: $name: the digests agree");
	is(metro('SELECT count(*) FROM service_provider.quarantined_notice'), '0', "$name: nothing contradicts");
	is(metro(q{SELECT service_provider.missing_notices('BANKJP')}), '', "$name: there is no gap");
	return;
}

# Nothing is lost, and the new primary is at work before anybody listens.

my $standby = start_standby('standby');
bank(q{SELECT reissue('A', 20)});
$bank->wait_for_catchup('bank');
$bank->stop('fast');
promote($standby);
procedure('operations', 'Let everybody in');
is(bank('SELECT count(*) FROM pg_replication_slots'), '0', 'E35: the standby has no logical slot');
bank(q{SELECT reissue('B', 5)});

# What not to do: a slot made by hand.
metro('ALTER SUBSCRIPTION bank DISABLE');
metro(sprintf q{ALTER SUBSCRIPTION bank CONNECTION '%s dbname=postgres'}, $bank->connstr);
bank(q{SELECT pg_create_logical_replication_slot('screissue_metro', 'pgoutput')});
metro('ALTER SUBSCRIPTION bank ENABLE');
$bank->wait_for_catchup('bank');
is(metro(q{SELECT max(notice_no) FROM service_provider.reissue_notice}) . metro(q{SELECT service_provider.missing_notices('BANKJP')}),
	'20', 'E35: what was written before a slot made by hand does not come, and nothing tells');

procedure('replication', 'Drop the old subscription');
bank(q{SELECT reissue('C', 5)});
procedure('replication', 'Subscribe anew');
bank(q{SELECT reissue('D', 5)});
complete('without loss', 35);
is(bank('SELECT max(notice_no) FROM screissue.notice'), '35', 'E35: numbers go on in their epoch');

# It lags: the provider has what it has not.

$standby = start_standby('late_standby');
$standby->stop;
bank(q{SELECT reissue('E', 7)});
my $given = bank('SELECT max(screissue.sequence(message_id)) FROM card_issuer.app_load');
$bank->wait_for_catchup('bank');
my $told = bank('SELECT n FROM screissue.notice n ORDER BY n.notice_no');
$bank->stop('immediate');
$standby->start;
promote($standby);
is(bank('SELECT max(notice_no) FROM screissue.notice'), '35', 'E35: the standby has lost notices');
is(metro('SELECT max(notice_no) FROM service_provider.reissue_notice'), '42', 'E35: which the provider has');
is(bank('SELECT max(screissue.sequence(message_id)) FROM card_issuer.app_load'), $given - 7, 'E35: it would give message ids again');
procedure('operations', 'An issuer that was restored');
bank(q{SELECT reissue('F', 3)});
is((procedure('operations', 'What providers give back'))[1], '42|7', 'E25: the issuer takes back what it lacks');
is(bank("SELECT n FROM screissue.notice n WHERE n.notice_no < $base ORDER BY n.notice_no"), $told, 'E25: to the letter');
procedure('operations', 'Let everybody in');
bank(q{SELECT reissue('G', 3)});
procedure('replication', 'Drop the old subscription');
bank(q{SELECT reissue('H', 3)});
procedure('replication', 'Subscribe anew');
bank(q{SELECT reissue('I', 3)});
complete('after a lag', 54);
is(bank("SELECT max(notice_no) - $base FROM screissue.notice"), '12', 'E25: numbers go on in a new epoch');

metro('DROP SUBSCRIPTION bank');
done_testing();
