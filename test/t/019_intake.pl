
# What comes in from an issuer, watched, and what is done when a notice is in
# quarantine (E19, E20, E23, E24, E37): the commands are those of the section in
# doc/operations.md, run in its order.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;

my $bank = start_issuer('bank', 'BANKJP');
my $metro = start_provider('metro', 'METRO');

# It sends what an issuer should not: no filter, and numbers twice.
$bank->safe_psql('postgres', q{
	ALTER TABLE screissue.notice DROP CONSTRAINT notice_pkey;
	CREATE PUBLICATION screissue_metro FOR TABLE screissue.notice WITH (publish = 'insert')});
$metro->safe_psql('postgres', q{
	CREATE ROLE desk LOGIN;
	SELECT service_provider.grant_operator('desk')});

sub metro { return $metro->safe_psql('postgres', "SET search_path = screissue, public; $_[0]"); }

sub send_to_metro
{
	send_notice($bank, issuer => 'BANKJP', provider => 'METRO', @_);
	return;
}

sub desk { return $metro->safe_psql('postgres', "SET search_path = screissue, public; $_[0]", extra_params => [ '-U', 'desk' ]); }

# The line of an issuer, for an operator.
sub intake
{
	my ($columns) = @_;
	return desk("SELECT $columns FROM service_provider.intake WHERE issuer = 'BANKJP'");
}

sub becomes
{
	my ($worker, $what) = @_;
	ok($metro->poll_query_until('postgres',
			"SELECT worker = '$worker' FROM service_provider.intake WHERE issuer OPERATOR(screissue.=) 'BANKJP'"), $what);
	return;
}

# The worker, as it is seen

subscribe($metro, $bank, 'BANKJP', 'METRO');
$metro->wait_for_subscription_sync($bank, 'bankjp');
send_to_metro(notice_no => $_) foreach 1, 2, 4;
$bank->wait_for_catchup('bankjp');
is(intake(q{name, in_force, subscription, worker, worker_errors, pulled_to, last_notice_no, last_noted_at = '2026-03-01 12:00:00.123456+00',
            age < '1 min', gaps, quarantined}),
	'Issuer BANKJP|t|bankjp|running|0|0|4|t|t|1|0', 'a worker that runs, and what it brought');
metro('ALTER SUBSCRIPTION bankjp DISABLE');
becomes('disabled', 'a subscription that is disabled');
metro('ALTER SUBSCRIPTION bankjp ENABLE');
becomes('running', 'one that runs again');
metro('ALTER TABLE service_provider.notice_arrival RENAME TO away');
send_to_metro(notice_no => 4);
ok($metro->poll_query_until('postgres', 'SELECT worker_errors > 0 FROM service_provider.intake'), 'a worker that fails is counted');
metro('ALTER TABLE service_provider.away RENAME TO notice_arrival');
send_to_metro(notice_no => 3);
$bank->wait_for_catchup('bankjp');
is(intake('last_notice_no, gaps, quarantined'), '4|0|0', 'nothing is lost by that');
is(desk('SELECT notice_no, carrier, arrivals FROM service_provider.arrival WHERE arrivals > 1'), '4|replication|2', 'E20: what came twice is in the ledger');
my $inbox = metro('SELECT md5(string_agg((n.ctid, n.xmin, n)::text, n.notice_no::text ORDER BY n.notice_no)) FROM service_provider.reissue_notice n');
$bank->safe_psql('postgres', 'INSERT INTO screissue.notice SELECT n.* FROM screissue.notice n, generate_series(1, 1000)');
$bank->wait_for_catchup('bankjp');
is(metro('SELECT notice_no, arrivals FROM service_provider.arrival ORDER BY 1'), "1|1001\n2|1001\n3|1001\n4|2002",
	'E19: a publisher that repeats itself is counted');
is(metro('SELECT count(*) FROM service_provider.notice_arrival'), '4', 'E19: in one row for each notice and carrier');
is(metro('SELECT md5(string_agg((n.ctid, n.xmin, n)::text, n.notice_no::text ORDER BY n.notice_no)) FROM service_provider.reissue_notice n'),
	$inbox, 'E19: and the inbox is what it was, to the place of each row');
$bank->stop;
becomes('down', 'a publisher that is away');
$bank->start;
becomes('running', 'and one that is back');

# Into quarantine: 1 of an issuer without contract, 2 for somebody else, 3 a
# contradiction, 4 and 5 by a subscription that may not

send_to_metro(notice_no => $_) foreach 5 .. 7;
$bank->wait_for_catchup('bankjp');
desk(q{SELECT service_provider.receive_notice('CREDIT1', 'METRO', 1, 'reissue', 100, '4111111111111111', NULL,
           'A0000000031010', 'CREDIT1/METRO/1', 'lost', now(), 'file')});
send_to_metro(notice_no => 7, provider => 'BUS');
send_to_metro(notice_no => 7, kind => 'withdrawal');
$bank->wait_for_catchup('bankjp');
metro(q{SELECT service_provider.register_issuer('BANKJP', 'Issuer BANKJP', subscription => 'other')});
send_to_metro(notice_no => $_) foreach 8, 9;
$bank->wait_for_catchup('bankjp');
is(intake('worker, last_notice_no, quarantined'), 'none|7|4', 'E37: intake counts them');
metro(q{SELECT service_provider.register_issuer('BANKJP', 'Issuer BANKJP', subscription => 'bankjp')});

# The procedure

my ($section) = slurp_file("doc/operations.md") =~ /^## A notice is in quarantine\n(.*?)^## /ms;
my @blocks = $section =~ /^```sql\n(.*?)^```$/msg;
is(scalar @blocks, 4, 'the procedure has four steps');
is(desk(shift @blocks), join("\n",
		'1|unknown_issuer|CREDIT1|1|file||', '2|wrong_provider|BANKJP|7|replication|bankjp|', '3|contradiction|BANKJP|7|replication|bankjp|kind',
		'4|wrong_subscription|BANKJP|8|replication|bankjp|', '5|wrong_subscription|BANKJP|9|replication|bankjp|'),
	'E19, E23, E24: what is in quarantine, and why');
is(desk('SELECT quarantine_id, new_card_id FROM service_provider.quarantine WHERE quarantine_id < 4'),
	"1|4111********1111\n2|\n3|4111********1111", 'E60: with masked card ids');
is(desk(shift @blocks), "\nstored\n", 'E23, E24: one is judged again, one is dismissed');
is(desk(shift @blocks), "4|stored\n5|stored", 'E23: many at once');
is(desk(q{SELECT service_provider.retry_notice(3, 'is it still one?')}), 'quarantined', 'E19: a contradiction stays one');
is(metro(shift @blocks), 'stored', 'E19: until the owner has removed the other notice');
is(desk('SELECT count(*) FROM service_provider.quarantine'), '0', 'E37: nothing is left');
is(metro(q{SELECT issuer, notice_no, kind, carrier FROM service_provider.reissue_notice WHERE issuer = 'CREDIT1' OR notice_no > 6 ORDER BY 1, 2}),
	join("\n", 'BANKJP|7|withdrawal|replication', 'BANKJP|8|reissue|replication', 'BANKJP|9|reissue|replication', 'CREDIT1|1|reissue|file'),
	'E19, E23: what was right has landed');
is(metro('SELECT quarantine_id, resolution, decided_by, decision_reason FROM service_provider.quarantined_notice ORDER BY 1'),
	join("\n", '1|stored|desk|contract of 1 March put on record', '2|dismissed|desk|for BUS, the bank was told',
		'3|stored|' . metro('SELECT current_user') . '|the bank confirms the withdrawal', '4|stored|desk|binding corrected', '5|stored|desk|binding corrected'),
	'E37: and what was decided by whom, and why, is on record');
is(intake('worker, last_notice_no, gaps, quarantined'), 'running|9|0|0', 'all is well');

send_to_metro(notice_no => 10);
$bank->wait_for_catchup('bankjp');
is(inbox($metro, 'BANKJP'), '1 2 3 4 5 6 7 8 9 10', 'E37: and the stream goes on');

done_testing();
