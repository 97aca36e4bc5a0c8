
# Two issuers and one provider (E20, E23): each subscription speaks for its
# own issuer only.  One of the issuers is a provider of the other, too, in the
# same database: what it writes stays, what it receives goes on to nobody.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;

my $bank = start_issuer('bank', 'BANKJP');
my $rail = start_issuer('rail', 'RAIL');
set_up_provider($rail, 'RAIL');
my $metro = start_provider('metro', 'METRO');

publish($bank, 'BANKJP', 'METRO');
publish($bank, 'BANKJP', 'RAIL');
publish($rail, 'RAIL', 'METRO');
subscribe($metro, $bank, 'BANKJP', 'METRO');
subscribe($metro, $rail, 'RAIL', 'METRO');
subscribe($rail, $bank, 'BANKJP', 'RAIL', 'bankjp_rail');

# Waits until all that was sent has been received.
sub received
{
	$_->wait_for_subscription_sync foreach $metro, $rail;
	$bank->wait_for_catchup($_) foreach 'bankjp', 'bankjp_rail';
	$rail->wait_for_catchup('rail');
	return;
}

# Side by side

send_notice($bank, issuer => 'BANKJP', provider => 'METRO', notice_no => $_) foreach 1 .. 3;
send_notice($rail, issuer => 'RAIL', provider => 'METRO', notice_no => $_) foreach 1 .. 2;
received();
is(inbox($metro, 'BANKJP'), '1 2 3', 'R19: the notices of the one');
is(inbox($metro, 'RAIL'), '1 2', 'R19: and of the other, under the same numbers');
is(quarantine($metro), '', 'none is in quarantine');

# A row in the name of the other issuer

$rail->safe_psql('postgres', 'ALTER PUBLICATION screissue_metro SET TABLE screissue.notice');
send_notice($rail, issuer => 'BANKJP', provider => 'METRO', notice_no => 4);
send_notice($rail, issuer => 'RAIL', provider => 'METRO', notice_no => 3,
	message_id => 'BANKJP/METRO/42');
send_notice($rail, issuer => 'RAIL', provider => 'METRO', notice_no => 5);
received();
is(inbox($metro, 'BANKJP'), '1 2 3', 'E23: an issuer cannot speak for another');
is( $metro->safe_psql('postgres', q{
		SELECT issuer, notice_no, subscription, cause
		  FROM service_provider.quarantined_notice ORDER BY quarantine_id}),
	"BANKJP|4|rail|wrong_subscription\nRAIL|3|rail|wrong_message_id",
	'E23: nor pass on its loading permissions');
is(inbox($metro, 'RAIL'), '1 2 5', 'and its stream goes on');
is( $metro->safe_psql('postgres', q{
		SELECT from_no, to_no FROM service_provider.missing_notices('RAIL')}),
	'3|4', 'E25: what was quarantined is missing');

# Bound to nobody, bound anew

$metro->safe_psql('postgres', q{
	SELECT service_provider.register_issuer('RAIL', 'Rail')});
send_notice($rail, issuer => 'RAIL', provider => 'METRO', notice_no => 6);
received();
is(inbox($metro, 'RAIL'), '1 2 5', 'E23: an issuer without subscription sends nothing');
$metro->safe_psql('postgres', q{
	SELECT service_provider.register_issuer('RAIL', 'Rail', subscription => 'rail')});
send_notice($rail, issuer => 'RAIL', provider => 'METRO', notice_no => 7);
received();
is(inbox($metro, 'RAIL'), '1 2 5 7', 'E23: until one is bound to it');

# Issuer and provider in one database, which publishes all it has by now

send_notice($bank, issuer => 'BANKJP', provider => 'RAIL', notice_no => $_) foreach 1 .. 2;
received();
is(inbox($rail, 'BANKJP'), '1 2', 'a database that is both receives');
is( $rail->safe_psql('postgres',
		q{SELECT count(*) FROM screissue.notice WHERE issuer = 'BANKJP' AND provider = 'RAIL'}),
	'0', 'what it receives does not get into what it sends');
is($rail->safe_psql('postgres', q{SELECT count(*) FROM screissue.notice WHERE provider = 'METRO'}),
	'7', 'what it sends stays there');
is( $metro->safe_psql('postgres', q{
		SELECT count(*) FROM service_provider.quarantined_notice
		 WHERE cause = 'wrong_provider'}),
	'0', 'and nothing is passed on');

# The same notice by another carrier, in another session at the same time

my $clerk = $metro->background_psql('postgres');
$clerk->query_safe(q{
	BEGIN;
	SELECT service_provider.receive_notice('BANKJP', 'METRO', 10, 'reissue', 100,
	    '4111111111111111', '5555555555554444', 'A0000000031010', 'BANKJP/METRO/42',
	    'lost', '2026-03-01 12:00:00.123456+00', 'file')});
send_notice($bank, issuer => 'BANKJP', provider => 'METRO', notice_no => 10);
$metro->poll_query_until('postgres', q{
	SELECT count(*) = 1 FROM pg_locks l JOIN pg_stat_subscription s ON s.pid = l.pid
	 WHERE s.subname = 'bankjp' AND NOT l.granted}) or die 'the worker does not wait';
$clerk->query_safe('COMMIT');
received();
is( $metro->safe_psql('postgres',
		q{SELECT string_agg(carrier || ' ' || arrivals, ', ' ORDER BY carrier) FROM service_provider.arrival WHERE notice_no = 10}),
	'file 1, replication 1', 'E20: a notice that two carriers bring at once is one row');
$clerk->query_safe(q{
	BEGIN;
	SELECT service_provider.receive_notice('BANKJP', 'METRO', 11, 'withdrawal', 100,
	    '4111111111111111', '5555555555554444', 'A0000000031010', 'BANKJP/METRO/42',
	    'lost', '2026-03-01 12:00:00.123456+00', 'file')});
send_notice($bank, issuer => 'BANKJP', provider => 'METRO', notice_no => 11);
$metro->poll_query_until('postgres', q{
	SELECT count(*) = 1 FROM pg_locks l JOIN pg_stat_subscription s ON s.pid = l.pid
	 WHERE s.subname = 'bankjp' AND NOT l.granted}) or die 'the worker does not wait';
$clerk->query_safe('ROLLBACK');
$clerk->quit;
received();
is( $metro->safe_psql('postgres',
		'SELECT carrier, kind FROM service_provider.reissue_notice WHERE notice_no = 11'),
	'replication|reissue', 'E20: if one gives up, the other lands');
is( $metro->safe_psql('postgres',
		'SELECT sum(apply_error_count + sync_error_count) FROM pg_stat_subscription_stats'),
	'0', 'no worker failed');

done_testing();
