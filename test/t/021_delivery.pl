
# What an issuer sees of its subscribers, in card_issuer.delivery: a slot that
# streams, one that nobody streams from, one that is lost, by its name and by the
# provider's role (E36); when the last number is confirmed for certain; and that
# fetches are recorded without a wait, and nowhere else than on a primary (R30).  Then a
# publication that came empty out of a dump, and how it is mended (E38).

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;

my $bank = start_issuer('bank', 'BANKJP', max_slot_wal_keep_size => '32MB', min_wal_size => '32MB', max_wal_size => '48MB');
my $metro = start_provider('metro', 'METRO');

sub bank { return $bank->safe_psql('postgres', $_[0]); }
sub metro { return $metro->safe_psql('postgres', $_[0]); }

bank(q{
	CREATE ROLE metro LOGIN REPLICATION;
	CREATE ROLE metrolink LOGIN REPLICATION;
	CREATE ROLE shop LOGIN;
	CREATE ROLE clerk LOGIN;
	GRANT USAGE ON SCHEMA screissue TO metro, metrolink;
	SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro'),
	       card_issuer.register_provider('METROLINK', 'Link', 'metrolink'),
	       card_issuer.register_provider('SHOP', 'Shop', 'shop', 'pull'),
	       card_issuer.create_publication('METRO'), card_issuer.create_publication('METROLINK'),
	       card_issuer.grant_operator('clerk');
	GRANT SELECT ON screissue.notice TO metro});

# Notices to a provider, numbered on
sub write_notices
{
	my ($provider, $count) = @_;

	return bank(qq{
		WITH counter AS (
		    UPDATE card_issuer.notice_counter SET last_notice_no = last_notice_no + $count
		     WHERE provider::text = '$provider' RETURNING last_notice_no)
		INSERT INTO screissue.notice
		SELECT 'BANKJP', '$provider', c.last_notice_no - $count + no, 'reissue', 100, '4111111111111111',
		       NULL, 'A0000000031010', 'BANKJP/$provider/42', 'lost', now()
		  FROM counter c, generate_series(1, $count) no});
}

# Columns of the view for a provider, as an operator sees them
sub delivery
{
	my ($provider, @columns) = @_;

	return $bank->safe_psql('postgres', sprintf(
		q{SELECT %s FROM card_issuer.delivery d WHERE d.provider::text = '%s' ORDER BY d.slot_name},
		join(', ', @columns), $provider), extra_params => [ '-U', 'clerk' ]);
}

sub wait_for_delivery
{
	my ($provider, $condition) = @_;

	return $bank->poll_query_until('postgres', qq{
		SELECT bool_and(coalesce($condition, false)) FROM card_issuer.delivery d WHERE d.provider::text = '$provider'});
}

# No slot yet

write_notices('METRO', 3);
is(delivery('METRO', qw(last_notice_no confirmed_no slot_name active wal_status lag_bytes)), '3|||||',
	'E36: a provider that is pushed to and has no slot');

# A subscription by the name of the publication

metro(q{SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point', subscription => 'bank')});
metro(sprintf q{CREATE SUBSCRIPTION bank CONNECTION '%s dbname=postgres user=metro application_name=x'
	PUBLICATION screissue_metro WITH (slot_name = 'screissue_metro')}, $bank->connstr);
ok($metro->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_subscription_rel WHERE srsubstate = 'r'}), 'a subscription');
ok(wait_for_delivery('METRO', 'd.confirmed_no = 3'), 'E36: what was written is confirmed');
is(delivery('METRO', qw(slot_name role_name active wal_status), 'safe_wal_size > 0', 'lag_bytes < 1000'),
	'screissue_metro|metro|t|reserved|t|t', 'E36: a slot that streams');
is(inbox($metro, 'BANKJP'), '1 2 3', 'and rightly so');
is(delivery('METROLINK', qw(slot_name)), '', 'E36: no slot of a provider whose name begins alike');
is(delivery('SHOP', qw(slot_name)), '', 'E36: nor of one that pulls');

# A transaction that is not yet delivered: not confirmed, whoever writes.
my $worker = metro(q{SELECT s.pid FROM pg_stat_subscription s WHERE s.subname = 'bank'});
kill 'STOP', $worker;
write_notices('METRO', 2);
is(delivery('METRO', qw(last_notice_no confirmed_no active)), '5||t', 'E36: written and not confirmed');
cmp_ok(delivery('METRO', 'lag_bytes'), '>', 0, 'E36: by so many bytes');
kill 'CONT', $worker;
ok(wait_for_delivery('METRO', 'd.confirmed_no = 5'), 'E36: confirmed when the subscriber goes on');
is(inbox($metro, 'BANKJP'), '1 2 3 4 5', 'and rightly so');

# By the role that streams, whatever the name; by name, whoever streams.
metro('ALTER SUBSCRIPTION bank DISABLE');
ok(wait_for_delivery('METRO', 'NOT d.active'), 'E36: a subscriber that is down');
is(delivery('METRO', qw(slot_name role_name active wal_status)), 'screissue_metro||f|reserved', 'E36: its slot is known all the same');
bank(q{SELECT pg_create_logical_replication_slot('other', 'pgoutput'),
              pg_create_logical_replication_slot('screissue_metro_test', 'pgoutput'),
              pg_create_logical_replication_slot('screissue_metrolink', 'pgoutput'),
              pg_create_logical_replication_slot('pg_16400_sync_16389_7000000000000000000', 'pgoutput')});
is(delivery('METRO', qw(slot_name)), "screissue_metro\nscreissue_metro_test", 'E36: two slots of one provider');
is(delivery('METROLINK', qw(slot_name)), 'screissue_metrolink', 'E36: and one of another');
metro(q{ALTER SUBSCRIPTION bank SET (slot_name = 'other')});
metro('ALTER SUBSCRIPTION bank ENABLE');
ok($bank->poll_query_until('postgres', q{SELECT count(*) = 1 FROM card_issuer.delivery d WHERE d.slot_name = 'other'}),
	'E36: a slot by any name, while the provider\'s role streams');
is(delivery('METRO', qw(slot_name role_name active)), "other|metro|t\nscreissue_metro||f\nscreissue_metro_test||f", 'E36: is the provider\'s, too');
is(bank(q{SELECT count(*) FROM card_issuer.delivery d WHERE d.confirmed_no IS NOT NULL}), '0',
	'E36: while a table is being copied, nothing is certain');
bank(q{SELECT pg_drop_replication_slot('pg_16400_sync_16389_7000000000000000000')});
ok($bank->poll_query_until('postgres', q{SELECT d.confirmed_no = 5 FROM card_issuer.delivery d WHERE d.slot_name = 'other'}),
	'E36: afterwards it is');
metro('ALTER SUBSCRIPTION bank DISABLE');
metro(q{ALTER SUBSCRIPTION bank SET (slot_name = 'screissue_metro')});
bank(q{SELECT pg_drop_replication_slot(s.slot_name) FROM (SELECT s.slot_name FROM pg_replication_slots s
        WHERE s.slot_name <> 'screissue_metro') s}) if wait_for_delivery('METRO', 'NOT d.active');

# A slot that is lost: safe_wal_size goes down, then there is none.

my $before = delivery('METRO', 'safe_wal_size');
bank(q{CREATE TABLE noise (x text); INSERT INTO noise SELECT repeat('x', 1000) FROM generate_series(1, 10000)});
my $after = delivery('METRO', 'safe_wal_size');
cmp_ok($after, '<', $before - 5_000_000, 'E36: writing uses up safe_wal_size');
cmp_ok(delivery('METRO', 'lag_bytes'), '>', 5_000_000, 'E36: and the lag grows');
for (1 .. 3)
{
	bank(q{INSERT INTO noise SELECT repeat('x', 1000) FROM generate_series(1, 10000)});
	bank('SELECT pg_switch_wal()');
	bank('CHECKPOINT');
}
write_notices('METRO', 1);
is(delivery('METRO', qw(slot_name active wal_status safe_wal_size confirmed_no)), 'screissue_metro|f|lost||', 'E36: a slot that is lost');

# The subscriber begins anew.
bank('DROP TABLE noise');
bank('ALTER SYSTEM SET max_slot_wal_keep_size = -1');
$bank->reload;
metro('ALTER SUBSCRIPTION bank SET (slot_name = NONE)');
metro('DROP SUBSCRIPTION bank');
bank(q{SELECT pg_drop_replication_slot('screissue_metro')});
metro(sprintf q{CREATE SUBSCRIPTION bank CONNECTION '%s dbname=postgres user=metro'
	PUBLICATION screissue_metro WITH (slot_name = 'screissue_metro')}, $bank->connstr);
ok(wait_for_delivery('METRO', 'd.confirmed_no = 6'), 'E36: a new subscription has all');
ok($metro->poll_query_until('postgres', q{SELECT count(*) = 6 FROM service_provider.reissue_notice}), 'and rightly so');

# Fetches: sessions do not wait for one another, nor for one that is open.

write_notices('SHOP', 10);
sub fetch { return sprintf q{SELECT count(*) FROM card_issuer.fetch_notices('SHOP', %d)}, @_; }
my @as_shop = (extra_params => [ '-U', 'shop' ]);
my $open = $bank->background_psql('postgres', extra_params => [ '-U', 'shop' ]);
is($open->query_safe('BEGIN; ' . fetch(4)), '6', 'a fetch in a transaction that stays open');
is($bank->safe_psql('postgres', 'SET lock_timeout = 1; ' . fetch(7), @as_shop), '3', 'R28: another one does not wait for it');
is(delivery('SHOP', qw(fetched_no confirmed_no)), '0|', 'R28: nor is recorded');
$open->query_safe('COMMIT');
is(delivery('SHOP', qw(fetched_no confirmed_no)), '10|4', 'R28: what was committed is');
$open->query_safe('BEGIN; ' . fetch(9));
$open->query_safe('ROLLBACK');
is(delivery('SHOP', qw(fetched_no confirmed_no)), '10|4', 'R28: what was rolled back is not');
foreach my $how ('READ ONLY', 'ISOLATION LEVEL REPEATABLE READ', 'ISOLATION LEVEL SERIALIZABLE')
{
	is($bank->safe_psql('postgres', "BEGIN $how; " . fetch(9) . '; COMMIT', @as_shop), '1', "R28: a fetch, $how");
}
is(delivery('SHOP', qw(fetched_no confirmed_no)), '10|4', 'R28: is not recorded');
is($open->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; ' . fetch(9)), '1', 'R28: an old snapshot');
$bank->safe_psql('postgres', fetch(8), @as_shop);
is($open->query_safe(fetch(9) . '; COMMIT'), '1', 'R28: fetches without an error while others do');
$open->quit;
is(delivery('SHOP', qw(fetched_no confirmed_no)), '10|8', 'R28: which are recorded');

# A standby

$bank->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($bank, 'copy', has_streaming => 1);
$standby->start;
$bank->wait_for_catchup($standby);
is($standby->safe_psql('postgres', fetch(9), @as_shop), '1', 'R28: a standby gives notices');
is($standby->safe_psql('postgres', q{SELECT d.provider, d.last_notice_no, d.fetched_no, d.confirmed_no FROM card_issuer.delivery d
	WHERE d.provider::text = 'SHOP'}), 'SHOP|10|10|8', 'E36: and shows how far a provider was at the primary');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM card_issuer.publication_check()'), '0', 'R19: and publications');
$standby->stop;

# A dump without the wire table leaves publications that publish nothing.

my $dump = PostgreSQL::Test::Utils::tempdir . '/dump.sql';
foreach my $restore ([ whole => '' ], [ lacking => '--exclude-table=screissue.notice' ])
{
	my ($name, $option) = @$restore;
	$bank->safe_psql('postgres', "CREATE DATABASE $name");
	$bank->command_ok([ 'sh', '-c', "pg_dump $option postgres | psql -Xq -d $name >/dev/null 2>$dump" ], "$name: dumped and restored");
}
is($bank->safe_psql('whole', 'SELECT count(*) FROM card_issuer.publication_check()'), '0', 'E38: a dump of all brings them back');
is($bank->safe_psql('lacking', 'SELECT p.pubname FROM pg_publication p ORDER BY 1'), "screissue_metro\nscreissue_metrolink",
	'E38: they are there after a dump without the wire table');
is($bank->safe_psql('lacking', 'SELECT c.provider, c.publication, c.problem FROM card_issuer.publication_check() c'),
	"METRO|screissue_metro|does not publish screissue.notice\nMETROLINK|screissue_metrolink|does not publish screissue.notice",
	'E38: and publish nothing, which is noticed');

# The same to a subscriber: it waits in silence, until the publication is mended.

bank('ALTER PUBLICATION screissue_metro DROP TABLE screissue.notice');
write_notices('METRO', 1);
is(bank('SELECT c.problem FROM card_issuer.publication_check() c'), 'does not publish screissue.notice', 'R19: a publication that lost its table');
my ($section) = slurp_file('doc/replication.md') =~ /^## Publications and slots\n(.*?)^## /ms;
my @blocks = $section =~ /^```sql\n(.*?)^```$/gms;
is(scalar @blocks, 4, 'the document has four commands');
is(bank($blocks[0]), 'METRO|screissue_metro|does not publish screissue.notice', 'the document: publication_check');
bank($blocks[1]);
is(bank($blocks[0]), '', 'the document: mended');
metro('ALTER SUBSCRIPTION bank REFRESH PUBLICATION');
write_notices('METRO', 1);
ok($metro->poll_query_until('postgres', q{SELECT count(*) = 1 FROM service_provider.reissue_notice n WHERE n.notice_no = 8}),
	'R19: the subscription goes on');
is(metro(q{SELECT from_no, to_no FROM service_provider.missing_notices('BANKJP')}), '7|7', 'E59: what was lost is missing');
link_issuer($metro, $bank, 'metro', 'bank_server');
metro(q{SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point', subscription => 'bank', server => 'bank_server')});
is(metro(q{SELECT service_provider.backfill('BANKJP')}) > 0, 1, 'E59: backfill fetches it');
is(metro(q{SELECT * FROM service_provider.digest('BANKJP', 1, 8)}), bank(q{SELECT * FROM card_issuer.digest('METRO', 1, 8)}),
	'E59: both have the same');
like(bank($blocks[2]), qr/^METRO\|8\|8?\|screissue_metro\|t\|/m, 'the document: delivery');

# From push to pull

metro('DROP SUBSCRIPTION bank');
bank($blocks[3]);
write_notices('METRO', 1);
is(metro(q{SELECT service_provider.backfill('BANKJP')}) > 0, 1, 'the document: the provider pulls');
is(delivery('METRO', qw(delivery last_notice_no fetched_no slot_name)), 'pull|9|9|', 'R30: from now on');
is(bank('SELECT c.problem FROM card_issuer.publication_check() c'), '', 'R19: and needs no publication');

done_testing();
