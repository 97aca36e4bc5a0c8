# A subscriber that is away until its slot is lost (E36): how that is seen at both
# sides, and how it subscribes anew, as doc/replication.md says, while the issuer
# goes on.  Afterwards both digests agree.

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;
use Time::HiRes qw(time);

my $bank = start_issuer('bank', 'BANKJP', max_slot_wal_keep_size => '1MB');
my $metro = start_provider('metro', 'METRO');
my %parties = (issuer => $bank, provider => $metro);
my @replace = (q{host=issuer.example dbname=issuer} => $bank->connstr . ' dbname=postgres');

sub bank { return $bank->safe_psql('postgres', $_[0]); }
sub metro { return $metro->safe_psql('postgres', $_[0]); }
sub procedure { return follow('doc/replication.md', $_[0], \%parties, @replace); }

set_up_metro($bank);
bank(q{
	CREATE FUNCTION write_notices(how_many integer) RETURNS void LANGUAGE sql AS $$
	    INSERT INTO screissue.notice (issuer, provider, notice_no, kind, platform_type, new_card_id, old_card_id, app_id, message_id, reason, noted_at)
	    SELECT 'BANKJP', 'METRO', k.last_notice_no + n, 'reissue', 100, 'MASS-NEW-' || k.last_notice_no + n, 'MASS-OLD-' || k.last_notice_no + n,
	           'D276AB0085CD01', 'BANKJP/METRO/' || k.last_notice_no + n, 'expired', now()
	      FROM card_issuer.notice_counter k, generate_series(1, how_many) n;
	    UPDATE card_issuer.notice_counter SET last_notice_no = last_notice_no + how_many
	$$});
link_issuer($metro, $bank, 'metro', 'bank');
metro(q{
	SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point', subscription => 'bank', server => 'bank')});
metro(sprintf q{CREATE SUBSCRIPTION bank CONNECTION '%s dbname=postgres' PUBLICATION screissue_metro WITH (slot_name = 'screissue_metro')}, $bank->connstr);
$metro->wait_for_subscription_sync($bank, 'bank');
bank(q{SELECT reissue('A', 20)});
$bank->wait_for_catchup('bank');

my ($slots, $subscriptions) = blocks('doc/replication.md', 'A lost slot');

# Writes what WAL is kept for, and more, while the provider is away.
sub lose_slot
{
	my ($name) = @_;

	$metro->stop;
	for (1 .. 3)
	{
		bank(qq{SELECT reissue('$name$_', 10)});
		bank('SELECT pg_switch_wal()');
	}
	like(bank($slots), qr/^screissue_metro\|(unreserved|lost)\|/, "$name: it can be seen that the slot is about to be lost");
	bank('CHECKPOINT');
	is(bank(q{SELECT wal_status FROM pg_replication_slots WHERE slot_name = 'screissue_metro'}), 'lost', "$name: the slot is lost");
	$metro->start;
	return;
}

sub complete
{
	my ($name) = @_;

	ok($metro->poll_query_until('postgres', 'SELECT count(*) = ' . bank('SELECT count(*) FROM screissue.notice') . ' FROM service_provider.reissue_notice'),
		"$name: all notices are there");
	agree($bank, $metro, "E36: $name: the digests agree");
	is(metro('SELECT count(*) FROM service_provider.quarantined_notice'), '0', "$name: nothing contradicts");
	return;
}

# The issuer at work: reissues, each a transaction.
sub start_work
{
	my ($name) = @_;
	my $file = "$PostgreSQL::Test::Utils::tmp_check/$name.sql";

	append_to_file($file, join '', map { "SELECT reissue('$name$_', 1);\n" } 1 .. 400);
	return IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $bank->connstr('postgres'), '-f', $file ], '<' => \undef, '>' => \my $out);
}

is(bank($slots), '', 'no slot is lost');
is(metro($subscriptions), '', 'no subscription is without a worker');
bank('SELECT write_notices(100000)');
lose_slot('B');
# In the words of 15, of 16 and 17, of 18
$metro->wait_for_log(qr/(?:cannot read from logical|can no longer get changes from|can no longer access) replication slot "screissue_metro"/);
is(bank($slots) =~ s/\|[tf]$//r, 'screissue_metro|lost|', 'E36: the issuer sees that a slot is lost');
ok($metro->poll_query_until('postgres', $subscriptions, 'bank'), 'E36: the provider sees that a subscription has no worker');
is(metro('SELECT apply_error_count, sync_error_count FROM pg_stat_subscription_stats'), '0|0', 'which pg_stat_subscription_stats does not count');
is(metro(q{SELECT * FROM service_provider.missing_notices('BANKJP')}), '', 'nor is there a gap');
isnt(metro(q{SELECT notices FROM service_provider.digest('BANKJP', 1, 9223372036854775807)}),
	bank(q{SELECT notices FROM card_issuer.digest('METRO', 1, 9223372036854775807)}), 'E36: the digests differ');

my $work = start_work('C');
procedure('Drop the old subscription');
my $begun = time;
procedure('Subscribe anew');
note sprintf 'copy of %d notices: %.1f s', bank('SELECT count(*) FROM screissue.notice'), time - $begun;
is(metro('SELECT count(*) FROM service_provider.notice_arrival WHERE notice_no <= 20'), '20', 'E36: what was there was counted');
ok($work->finish, 'the issuer went on meanwhile');
complete('subscribed anew');
unlike(bank($slots), qr/lost/, 'no slot is lost any more');
is(metro($subscriptions), '', 'no subscription is without a worker any more');

# The same where the provider asks for what is missing.

lose_slot('D');
$work = start_work('E');
procedure('Drop the old subscription');
procedure('Subscribe anew without a copy');
cmp_ok(metro(q{SELECT count(*) FROM service_provider.reissue_notice WHERE carrier = 'pull'}), '>=', 30, 'E36: only what was missing was fetched');
ok($work->finish, 'the issuer went on meanwhile');
complete('subscribed anew without a copy');
is(metro('SELECT max(arrivals) FROM service_provider.notice_arrival WHERE notice_no <= 100000'), '1', 'E36: and nothing else');

# The slot is gone, or somebody still holds on to it.

$metro->stop;
bank(q{SELECT pg_drop_replication_slot('screissue_metro')});
bank(q{SELECT reissue('F', 10)});
$metro->start;
$metro->wait_for_log(qr/replication slot "screissue_metro" does not exist/);
procedure('Drop the old subscription');
procedure('Subscribe anew');
complete('the slot was gone');

metro('ALTER SUBSCRIPTION bank DISABLE');
$bank->poll_query_until('postgres', q{SELECT NOT active FROM pg_replication_slots WHERE slot_name = 'screissue_metro'});
my $holder = IPC::Run::start(
	[ 'pg_recvlogical', '-d', $bank->connstr('postgres'), '--slot', 'screissue_metro', '--start', '-f', '-', '--no-loop',
		'-o', 'proto_version=3', '-o', 'publication_names=screissue_metro' ],
	'<' => \undef, '>' => \my $out, '2>' => \my $err);
ok($bank->poll_query_until('postgres', q{SELECT active FROM pg_replication_slots WHERE slot_name = 'screissue_metro'}), 'somebody has the slot');
procedure('Drop the old subscription');
$holder->finish;
bank(q{SELECT reissue('G', 10)});

# Under another name, registered before.

subscribe($metro, $bank, 'BANKJP', 'METRO', 'other');
$metro->wait_for_subscription_sync($bank, 'other');
complete('under another name');

metro('DROP SUBSCRIPTION other');
done_testing();
