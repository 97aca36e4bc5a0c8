
# Landing of notices by replication (R20-R22; E14, E19, E23, E24, E28, E35, E37):
# poison rows go to quarantine and the stream goes on, an issuer cannot remove
# what it sent, faults of the server are retried until they are gone.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;

my $bank = start_issuer('bank', 'BANKJP');
my $metro = start_provider('metro', 'METRO');

# The tests send what an issuer should not: no filter, and numbers twice.
$bank->safe_psql('postgres', q{
	ALTER TABLE screissue.notice DROP CONSTRAINT notice_pkey;
	ALTER TABLE screissue.notice ALTER issuer DROP NOT NULL,
	    ALTER provider DROP NOT NULL, ALTER notice_no DROP NOT NULL;
	CREATE PUBLICATION screissue_metro FOR TABLE screissue.notice
	    WITH (publish = 'insert')});

# send(COLUMN => VALUE ...), received(): all that was sent is at the provider
sub send_to_metro
{
	send_notice($bank, issuer => 'BANKJP', provider => 'METRO', @_);
	return;
}

sub received
{
	$bank->wait_for_catchup('bankjp');
	return;
}

sub metro
{
	return $metro->safe_psql('postgres', $_[0]);
}

sub apply_errors
{
	return metro('SELECT apply_error_count + sync_error_count FROM pg_stat_subscription_stats');
}

# What is left by one group of tests is not in the way of the next.
sub forget
{
	metro('TRUNCATE service_provider.reissue_notice, service_provider.notice_arrival, service_provider.quarantined_notice');
	$bank->safe_psql('postgres', 'DELETE FROM screissue.notice');
	return;
}

# The initial copy, which fails until the inbox is there

send_to_metro(notice_no => 1);
send_to_metro(notice_no => 2, app_id => 'no hex');
send_to_metro(notice_no => 3);
send_to_metro(notice_no => 1);
metro('ALTER TABLE service_provider.reissue_notice RENAME TO away');
subscribe($metro, $bank, 'BANKJP', 'METRO');
$metro->wait_for_log(qr/ERROR:  relation "service_provider.reissue_notice" does not exist/);
metro('ALTER TABLE service_provider.away RENAME TO reissue_notice');
$metro->wait_for_subscription_sync($bank, 'bankjp');
is(inbox($metro, 'BANKJP'), '1 3', 'R22: the initial copy lands');
is(quarantine($metro), '2 unparsable: app_id', 'E37: but for its poison row');
is(metro('SELECT arrivals FROM service_provider.notice_arrival WHERE notice_no = 1'),
	'1', 'E19: and a duplicate in it is counted');
is( metro(q{SELECT subscription, carrier FROM service_provider.quarantined_notice}),
	'bankjp|replication',
	'the initial copy knows its subscription');

unlike(slurp_file($metro->logfile), qr/41111|55555/, 'and shows no card id in the log');
metro('SELECT pg_stat_reset_subscription_stats(NULL)');

# The stream

send_to_metro(notice_no => 4);
received();
is(inbox($metro, 'BANKJP'), '1 3 4', 'R22: the stream lands');
is( metro(q{
		SET TimeZone = 'UTC';
		SELECT issuer, notice_no, kind, platform_type, new_card_id, old_card_id,
		       app_id, message_id, reason, noted_at, carrier,
		       now() - received_at < '1 min'
		  FROM service_provider.reissue_notice WHERE notice_no = 4}),
	'BANKJP|4|reissue|100|4111111111111111|5555555555554444|A0000000031010|'
	  . 'BANKJP/METRO/42|lost|2026-03-01 12:00:00.123456+00|replication|t',
	'R20, R22: with every field');
is(metro('SELECT count(*) FROM screissue.notice'),
	'0', 'nothing gets into the wire table of a provider');
forget();

# Poison rows, each with a good row behind it

my @poison = (
	[ 'unparsable: provider', provider => undef ],
	[ 'unparsable: provider', provider => 'ME TRO' ],
	[ 'wrong_provider', provider => 'BUS' ],
	[ 'unparsable: issuer', issuer => undef ],
	[ 'unparsable: issuer', issuer => '' ],
	[ 'unknown_issuer', issuer => 'NOBODY' ],
	[ 'unparsable: notice_no', notice_no => undef ],
	[ 'unparsable: notice_no', notice_no => -1 ],
	[ 'unparsable: notice_no', notice_no => 0 ],
	[ 'unparsable: kind', kind => undef ],
	[ 'unparsable: new_card_id', new_card_id => undef ],
	[ 'unparsable: new_card_id', new_card_id => 'x' x 1_000_000 ],
	[ 'unparsable: old_card_id', old_card_id => '4111:1111' ],
	[ 'unparsable: app_id', app_id => 'A0' ],
	[ 'unparsable: message_id', message_id => 'BANKJP/METRO/' ],
	[ 'wrong_message_id', message_id => 'BANKJP/BUS/42' ],
	[ 'wrong_message_id', message_id => 'CREDIT1/METRO/42' ]);
my $no = 100;
my @good;
foreach my $poison (@poison)
{
	my ($cause, %column) = @$poison;
	send_to_metro(notice_no => $no++, message_id => 'BANKJP/METRO/42', %column);
	send_to_metro(notice_no => $no);
	push @good, $no++;
}
received();
is(inbox($metro, 'BANKJP'), "@good", 'E37: every good row behind a poison row lands');
is( metro(q{SELECT cause FROM service_provider.quarantined_notice ORDER BY quarantine_id}),
	join("\n", map { $_->[0] } @poison),
	'E23, E28: every poison row is in quarantine with its cause');
is(apply_errors(), '0', 'E37: no worker failed');
is( metro(q{
		SELECT issuer, notice_no, num_nulls(provider, kind, platform_type,
		       new_card_id, old_card_id, app_id, message_id, reason, noted_at),
		       length(digest)
		  FROM service_provider.quarantined_notice WHERE cause = 'wrong_provider'}),
	'BANKJP|104|9|32',
	'E24: nothing but number and digest is kept of what is for somebody else');
like(slurp_file($metro->logfile),
	qr/LOG:  notice from subscription "bankjp" is in quarantine: wrong_provider/,
	'E19: the server log tells');
unlike(slurp_file($metro->logfile), qr/41111|55555/, 'and shows no card id');
forget();

# Loading permissions of a provider that had the application before: only by
# its record, and only where an id is not our own is the record looked for.

my @of_oldtown = (message_id => 'BANKJP/OLDTOWN/42');
send_to_metro(notice_no => 1, @of_oldtown);
received();
metro(q{
	SELECT service_provider.register_application('A0000000031010', 'Commuter pass');
	SELECT service_provider.accept_transfer('A0000000031010', 'OLDTOWN')});
send_to_metro(notice_no => 2, @of_oldtown);
send_to_metro(notice_no => 3, @of_oldtown, app_id => 'A0000000031011');
send_to_metro(notice_no => 4, message_id => 'BANKJP/BUS/42');
send_to_metro(notice_no => 5, message_id => 'CREDIT1/OLDTOWN/42');
send_to_metro(notice_no => 6, @of_oldtown, provider => 'OLDTOWN');
send_to_metro(notice_no => 7);
received();
is(inbox($metro, 'BANKJP'), '2 7', 'E14: a permission of the former provider is believed, once that is on record');
is( quarantine($metro),
	join("\n", map { "$_ wrong_message_id" } 1, 3, 4, 5) . "\n6 wrong_provider",
	'E14: before that it is not, nor for another application, nor another provider or issuer');
is(apply_errors(), '0', 'E37: no worker failed');
forget();

# Unknown kinds and platforms are kept, not judged

send_to_metro(notice_no => 1, kind => 'merger', platform_type => 300);
send_to_metro(notice_no => 2, platform_type => undef, old_card_id => undef,
	reason => undef, noted_at => undef);
received();
is( metro('SELECT notice_no, kind, platform_type FROM service_provider.reissue_notice ORDER BY 1'),
	"1|merger|300\n2|reissue|", 'E28: unknown kind, unknown or missing platform are stored');
forget();

# The same number again

send_to_metro(notice_no => 1) foreach 1 .. 3;
send_to_metro(notice_no => 1, new_card_id => '4000000000000002');
send_to_metro(notice_no => 1, kind => 'withdrawal');
$bank->safe_psql('postgres', q{
	INSERT INTO screissue.notice SELECT * FROM screissue.notice
	 WHERE notice_no = 1 AND kind = 'reissue' AND new_card_id = '4111111111111111'});
received();
is( metro('SELECT notice_no, kind, new_card_id, arrivals FROM service_provider.reissue_notice JOIN service_provider.notice_arrival USING (notice_no)'),
	'1|reissue|4111111111111111|5', 'E19: duplicates are counted, in one transaction, too');
is(quarantine($metro), "1 contradiction\n1 contradiction", 'E19: contradictions are kept apart');
is(apply_errors(), '0', 'E19: no worker failed');
forget();

# What an issuer must not do: its publication sends everything now, and the
# provider has rows of its own, as a database has that is an issuer, too.

$bank->safe_psql('postgres', q{
	TRUNCATE screissue.notice;
	ALTER TABLE screissue.notice ADD CONSTRAINT notice_pkey
	    PRIMARY KEY (issuer, provider, notice_no);
	ALTER PUBLICATION screissue_metro
	    SET (publish = 'insert, update, delete, truncate')});
metro(q{
	INSERT INTO screissue.notice (issuer, provider, notice_no, kind)
	VALUES ('BANKJP', 'METRO', 1, 'own')});
send_to_metro(notice_no => 1);
$bank->safe_psql('postgres', q{
	UPDATE screissue.notice SET kind = 'changed';
	DELETE FROM screissue.notice});
send_to_metro(notice_no => 2);
received();
is(metro('SELECT kind FROM screissue.notice'),
	'own', 'an UPDATE and a DELETE of the issuer change nothing at the provider');
is(inbox($metro, 'BANKJP'), '1 2', 'and what follows lands');
is(apply_errors(), '0', 'no worker failed');

my $log = -s $metro->logfile;
$bank->safe_psql('postgres', 'TRUNCATE screissue.notice');
send_to_metro(notice_no => 3);
$metro->wait_for_log(qr/may not truncate the notices/, $log);
is(metro('SELECT kind FROM screissue.notice'),
	'own', 'E37: a TRUNCATE of the issuer is refused');
is(inbox($metro, 'BANKJP'), '1 2', 'and nothing is lost');
$metro->wait_for_log(qr/finished at [0-9A-F]+\/[0-9A-F]+/, $log);
my ($lsn) = slurp_file($metro->logfile, $log) =~ m{finished at ([0-9A-F]+/[0-9A-F]+)};
metro("ALTER SUBSCRIPTION bankjp SKIP (lsn = '$lsn')");
received();
is(inbox($metro, 'BANKJP'), '1 2 3', 'after SKIP the stream goes on');
$bank->safe_psql('postgres', q{ALTER PUBLICATION screissue_metro SET (publish = 'insert')});
metro('DELETE FROM screissue.notice');
forget();

# Without that record a permission of ours lands; the other waits for it.

$log = -s $metro->logfile;
metro('ALTER TABLE service_provider.former_provider RENAME TO away');
send_to_metro(notice_no => 1);
received();
is(inbox($metro, 'BANKJP'), '1', 'E14: for a permission of ours the record is not looked for');
send_to_metro(notice_no => 2, @of_oldtown);
$metro->wait_for_log(qr/ERROR:  relation "service_provider.former_provider" does not exist/, $log);
metro('ALTER TABLE service_provider.away RENAME TO former_provider');
received();
is(inbox($metro, 'BANKJP'), '1 2', 'E14: for another it is, and its loss is a fault, not a cause');
forget();

# Faults of the server: each makes the worker fail, until it is gone.

my $number = 10;

sub heals
{
	my ($what, $break, $error, $mend) = @_;
	my $offset = -s $metro->logfile;

	$break->();
	send_to_metro(notice_no => ++$number);
	send_to_metro(notice_no => ++$number, app_id => 'no hex');
	$metro->wait_for_log($error, $offset);
	pass("$what: the worker fails");
	$mend->();
	received();
	is(inbox($metro, 'BANKJP'), $number - 1, "$what: once mended, the notice lands");
	is(quarantine($metro), "$number unparsable: app_id",
		"$what: and the other is in quarantine, once");
	forget();
	return;
}

sub restart_worker
{
	metro(q{SELECT pg_terminate_backend(pid) FROM pg_stat_subscription WHERE pid IS NOT NULL});
	return;
}

heals(
	'inbox missing',
	sub { metro('ALTER TABLE service_provider.reissue_notice RENAME TO away') },
	qr/ERROR:  relation "service_provider.reissue_notice" does not exist/,
	sub { metro('ALTER TABLE service_provider.away RENAME TO reissue_notice') });

heals(
	'quarantine missing',
	sub { metro('ALTER TABLE service_provider.quarantined_notice RENAME TO away') },
	qr/ERROR:  relation "service_provider.quarantined_notice" does not exist/,
	sub { metro('ALTER TABLE service_provider.away RENAME TO quarantined_notice') });

heals(
	'inbox of another shape',
	sub { metro('ALTER TABLE service_provider.reissue_notice RENAME kind TO sort') },
	qr/ERROR:  table "reissue_notice" does not have the columns/,
	sub { metro('ALTER TABLE service_provider.reissue_notice RENAME sort TO kind') });

my $locker = $metro->background_psql('postgres');
heals(
	'lock timeout',
	sub {
		metro(q{ALTER DATABASE postgres SET lock_timeout = '200ms'});
		restart_worker();
		$locker->query_safe(
			'BEGIN; LOCK TABLE service_provider.reissue_notice IN SHARE MODE');
	},
	qr/ERROR:  canceling statement due to lock timeout/,
	sub {
		$locker->query_safe('COMMIT');
		metro('ALTER DATABASE postgres RESET lock_timeout');
	});

heals(
	'worker terminated while it waits',
	sub {
		$locker->query_safe(
			'BEGIN; LOCK TABLE service_provider.reissue_notice IN SHARE MODE');
		send_to_metro(notice_no => $number + 1);
		$metro->poll_query_until('postgres', q{
			SELECT count(*) = 1 FROM pg_locks l
			 WHERE l.relation = 'service_provider.reissue_notice'::regclass
			   AND NOT l.granted}) or die 'nobody waits';
		restart_worker();
		$bank->safe_psql('postgres', 'DELETE FROM screissue.notice');
	},
	qr/FATAL:  terminating logical replication worker/,
	sub { $locker->query_safe('COMMIT') });
$locker->quit;

heals(
	'read-only',
	sub {
		metro('ALTER DATABASE postgres SET default_transaction_read_only = on');
		restart_worker();
	},
	qr/ERROR:  cannot execute INSERT in a read-only transaction/,
	sub {
		metro('SET default_transaction_read_only = off;'
			  . ' ALTER DATABASE postgres RESET default_transaction_read_only');
	});

# Restart of each side, and a crash of both

send_to_metro(notice_no => 1);
$metro->stop('fast');
send_to_metro(notice_no => 2);
$metro->start;
$bank->restart;
send_to_metro(notice_no => 3);
received();
is(inbox($metro, 'BANKJP'), '1 2 3', 'E35: both sides restarted, nothing is lost');
$metro->stop('immediate');
send_to_metro(notice_no => 4);
$bank->stop('immediate');
$bank->start;
$metro->start;
send_to_metro(notice_no => 5);
received();
is(inbox($metro, 'BANKJP'), '1 2 3 4 5', 'E35: both sides crashed, nothing is lost');
is(quarantine($metro), '', 'E35: and nothing is quarantined');
forget();

# Who delivers: the name on record, whatever its oid and owner

metro('ALTER SUBSCRIPTION bankjp RENAME TO other');
send_to_metro(notice_no => 1);
$metro->poll_query_until('postgres',
	'SELECT count(*) = 1 FROM service_provider.quarantined_notice') or die;
is(quarantine($metro), '1 wrong_subscription', 'E23: a subscription that is not bound');
metro('ALTER SUBSCRIPTION other RENAME TO bankjp');
send_to_metro(notice_no => 2);
$metro->poll_query_until('postgres',
	'SELECT count(*) = 1 FROM service_provider.reissue_notice') or die;
is(inbox($metro, 'BANKJP'), '2', 'and one that is');
forget();

# A worker remembers, for the notices of a transaction, what it has read of the
# contract, unless somebody changes that meanwhile.  It is made to wait in the
# middle by one who brings notice 2 and takes it back.

sub send_in_one_transaction
{
	$bank->safe_psql('postgres', join('; ', 'BEGIN', @_, 'COMMIT'));
	return;
}

sub notice
{
	my ($no) = @_;
	return q{INSERT INTO screissue.notice VALUES ('BANKJP', 'METRO', } . $no
	  . q{, 'reissue', 100, '4111111111111111', NULL, 'A0000000031010', 'BANKJP/METRO/42', 'lost', now())};
}

sub change_meanwhile
{
	my ($change) = @_;
	my $other = $metro->background_psql('postgres');

	$other->query_safe(q{
		BEGIN;
		SELECT service_provider.receive_notice('BANKJP', 'METRO', 2, 'reissue', 100,
		    '4111111111111111', NULL, 'A0000000031010', 'BANKJP/METRO/42', 'lost', now(), 'file')});
	send_in_one_transaction(map { notice($_) } 1 .. 4);
	$metro->poll_query_until('postgres', q{
		SELECT count(*) = 1 FROM pg_locks l
		 WHERE l.locktype = 'transactionid' AND NOT l.granted}) or die 'nobody waits';
	metro($change);
	$other->query_safe('ROLLBACK');
	$other->quit;
	$metro->poll_query_until('postgres', q{
		SELECT count(*) = 4
		  FROM (SELECT FROM service_provider.reissue_notice
		         UNION ALL
		        SELECT FROM service_provider.quarantined_notice) n}) or die;
	return;
}

change_meanwhile(q{UPDATE service_provider.issuer SET subscription = 'other'});
is(inbox($metro, 'BANKJP'), '1 2', 'E23: what was judged before its binding changed lands');
is(quarantine($metro), "3 wrong_subscription\n4 wrong_subscription",
	'E23: what follows does not, in the same transaction');
metro(q{UPDATE service_provider.issuer SET subscription = 'bankjp'});
forget();

change_meanwhile('ALTER SUBSCRIPTION bankjp RENAME TO other');
is(quarantine($metro), "3 wrong_subscription\n4 wrong_subscription", 'E23: nor once it has another name');
metro('ALTER SUBSCRIPTION other RENAME TO bankjp');
forget();

change_meanwhile('UPDATE service_provider.self SET name = name');
is(inbox($metro, 'BANKJP'), '1 2 3 4', 'E23: a change of something else is none');
forget();

# The same when the worker's own transaction changes it, and notices that come
# by triggers of the provider's: inside a subtransaction, which is taken back or
# not, and while another notice is landing.

$_->safe_psql('postgres', 'CREATE TABLE public.deed (statement text, kept boolean)') foreach $bank, $metro;
$bank->safe_psql('postgres', 'ALTER PUBLICATION screissue_metro ADD TABLE public.deed');
metro(q{
	CREATE FUNCTION public.do_deed() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
	    EXECUTE NEW.statement;
	    IF NOT NEW.kept THEN
	        RAISE EXCEPTION 'not kept';
	    END IF;
	    RETURN NULL;
	EXCEPTION WHEN raise_exception THEN
	    RETURN NULL;
	END
	$$;
	CREATE TRIGGER do_deed BEFORE INSERT ON public.deed
	    FOR EACH ROW EXECUTE FUNCTION public.do_deed();
	ALTER TABLE public.deed ENABLE ALWAYS TRIGGER do_deed;
	ALTER SUBSCRIPTION bankjp REFRESH PUBLICATION WITH (copy_data = false)});

sub deed
{
	my ($statement, $kept) = @_;
	return 'INSERT INTO public.deed VALUES (' . sql_literal($statement) . ", $kept)";
}

send_in_one_transaction(
	notice(1),
	deed(q{UPDATE service_provider.issuer SET subscription = 'other'; } . notice(2), 'false'),
	notice(2),
	deed(q{UPDATE service_provider.issuer SET subscription = 'other'}, 'true'),
	notice(3));
received();
is(inbox($metro, 'BANKJP'), '1 2', 'E23: a change by the transaction itself that is taken back is none');
is(quarantine($metro), '3 wrong_subscription', 'E23: and one that is not is seen');
metro(q{UPDATE service_provider.issuer SET subscription = 'bankjp'});
forget();

send_in_one_transaction(notice(1), deed(notice(2), 'false'), notice(3), deed(notice(4), 'true'), notice(2), notice(5));
received();
is(inbox($metro, 'BANKJP'), '1 2 3 4 5', 'notices land inside subtransactions, too');
is(metro('SELECT count(*) FROM service_provider.notice_arrival'),
	'0', 'and one that was taken back comes anew');
forget();

metro(q{
	CREATE FUNCTION public.interfere() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
	    INSERT INTO screissue.notice
	    VALUES ('BANKJP', 'METRO', 7, 'reissue', 100, '4111111111111111', NULL,
	            'A0000000031010', 'BANKJP/METRO/42', 'lost', now());
	    RETURN NEW;
	END
	$$;
	CREATE TRIGGER interfere BEFORE INSERT ON service_provider.notice_arrival
	    FOR EACH ROW EXECUTE FUNCTION public.interfere();
	ALTER TABLE service_provider.notice_arrival ENABLE ALWAYS TRIGGER interfere});
$bank->safe_psql('postgres', 'ALTER TABLE screissue.notice DROP CONSTRAINT notice_pkey');
send_in_one_transaction(notice(1), notice(1), notice(2));
received();
is( metro(q{SELECT string_agg(notice_no || ' ' || arrivals, ', ' ORDER BY notice_no) FROM service_provider.arrival}),
	'1 2, 2 1, 7 1', 'a notice lands while another is counted');
is(quarantine($metro), '', 'and nothing is quarantined');
is(apply_errors(), '0', 'no worker failed') or diag(metro('SELECT * FROM pg_stat_subscription_stats'));
metro('DROP TRIGGER interfere ON service_provider.notice_arrival');
forget();

SKIP:
{
	# From 16 on workers act as the table's owner, unless told otherwise.
	skip 'workers run as the owner of the table', 2 if $metro->pg_version >= 16;

	metro(q{
		CREATE ROLE receiver LOGIN SUPERUSER;
		ALTER SUBSCRIPTION bankjp OWNER TO receiver;
		ALTER ROLE receiver NOSUPERUSER;
		GRANT USAGE ON SCHEMA screissue TO receiver;
		GRANT INSERT ON screissue.notice TO receiver});
	send_to_metro(notice_no => 3);
	send_to_metro(notice_no => 3, provider => 'BUS');
	send_to_metro(notice_no => 4, reason => 'x' x 100_000);
	$metro->poll_query_until('postgres',
		'SELECT count(*) = 2 FROM service_provider.reissue_notice') or die;
	is(inbox($metro, 'BANKJP'), '3 4', 'an owner that may only insert on the wire lands notices');
	is(quarantine($metro), '3 wrong_provider', 'and quarantines them');
}

done_testing();
