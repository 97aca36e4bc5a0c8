
# One landing for every carrier (R10, R22, R29, R30; E19-E21): the same 1,000
# notices by replication, pull, file and paper, each out of order and each twice,
# and by all four at once, leave the same bytes in five inboxes, which have the
# issuer's digest.

use strict;
use warnings;

use IPC::Run;
use List::Util 'shuffle';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;

my $seed = $ENV{SCREISSUE_SEED} // int(rand(2**31));
srand($seed);
note "SCREISSUE_SEED=$seed";

my $total = 1000;
my $keys = make_keys();
my %certificate = map { $_ => slurp_file("$keys/$_.crt") } qw(bank metro);
my $bank = start_issuer('bank', 'BANKJP', 'screissue.key_directory' => $keys);
my $metro = start_cluster('metro', 'screissue.key_directory' => $keys);

sub bank { return $bank->safe_psql('postgres', $_[0]); }
sub metro { return $metro->safe_psql(@_); }

# Notices of every kind, of cards whose old id may be told and may not.

bank(qq{
	CREATE ROLE metro LOGIN;
	SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro'),
	       card_issuer.register_application('D276AB0085CD01', 'METRO', 'season ticket'),
	       card_issuer.register_certificate('BANKJP', '$certificate{bank}', 'bank.pem'),
	       card_issuer.register_certificate('METRO', '$certificate{metro}')});
bank(qq{
	DO \$\$
	DECLARE
	    old_card screissue.card_id;
	    new_card screissue.card_id;
	    written bigint := 0;
	BEGIN
	    FOR n IN 1 .. $total LOOP
	        old_card := (4111110000000000 + n)::text;
	        new_card := CASE n % 4 WHEN 0 THEN 'NEW-' || n ELSE (5111110000000000 + n)::text END;
	        PERFORM card_issuer.issue_card(old_card, CASE n % 5 WHEN 0 THEN 200 ELSE 100 END),
	                card_issuer.confirm_load((card_issuer.permit_load('D276AB0085CD01', card => old_card)).message_id),
	                card_issuer.request_reissue(old_card, (CASE n % 2 WHEN 0 THEN 'lost' ELSE 'damaged' END)::screissue.reissue_reason),
	                card_issuer.reissue_card(old_card, new_card, 100);
	        IF n % 7 = 0 AND written < $total - 2 THEN
	            PERFORM card_issuer.withdraw_reissue(new_card);
	        ELSIF n % 11 = 0 AND written < $total - 2 THEN
	            PERFORM card_issuer.confirm_load((card_issuer.permit_load('D276AB0085CD01', card => new_card)).message_id),
	                    card_issuer.renew_card(new_card, '2031-12-31');
	        END IF;
	        SELECT c.last_notice_no INTO written FROM card_issuer.notice_counter c;
	        EXIT WHEN written = $total;
	    END LOOP;
	END \$\$});
is(bank(q{SELECT string_agg(DISTINCT n.kind || CASE WHEN n.old_card_id IS NULL THEN ' untold' ELSE '' END, ', ') FROM screissue.notice n}),
	'reissue, reissue untold, renewal untold, withdrawal, withdrawal untold', 'notices of every kind, with and without the old card');
is(bank('SELECT count(*), min(notice_no), max(notice_no) FROM screissue.notice'), "$total|1|$total", "$total of them");

# A database for each carrier, and one for all of them.

my @inboxes = qw(replication pull file paper all);
my ($host, $port) = ($bank->host, $bank->port);
for my $inbox (@inboxes)
{
	metro('postgres', "CREATE DATABASE by_$inbox");
	metro("by_$inbox", qq{
		CREATE EXTENSION screissue;
		CREATE EXTENSION dblink;
		CREATE SERVER bank FOREIGN DATA WRAPPER dblink_fdw OPTIONS (host '$host', port '$port', dbname 'postgres');
		CREATE USER MAPPING FOR CURRENT_USER SERVER bank OPTIONS (user 'metro')});
	metro("by_$inbox", qq{
		SELECT service_provider.setup('METRO', 'Metro Transit'),
		       service_provider.register_issuer('BANKJP', 'Bank of Japan Point', subscription => 'by_$inbox', server => 'bank'),
		       service_provider.register_certificate('METRO', '$certificate{metro}', 'metro.pem'),
		       service_provider.register_certificate('BANKJP', '$certificate{bank}')});
}

# Replication in another order than that of numbers: from a database that was fed so.

bank('CREATE DATABASE shuffled');
$bank->safe_psql('shuffled', q{
	CREATE EXTENSION screissue;
	SELECT card_issuer.setup('BANKJP', 'Bank of Japan Point');
	CREATE PUBLICATION screissue_metro FOR TABLE screissue.notice WITH (publish = 'insert')});
my @feed = shuffle(split /\n/, bank('COPY (SELECT * FROM screissue.notice ORDER BY notice_no) TO STDOUT'));

sub subscribe_to_shuffled
{
	my ($inbox) = @_;

	metro($inbox, sprintf q{CREATE SUBSCRIPTION %s CONNECTION '%s dbname=shuffled' PUBLICATION screissue_metro}, $inbox, $bank->connstr);
	return;
}

sub unsubscribe
{
	my ($inbox) = @_;

	metro($inbox, "DROP SUBSCRIPTION $inbox");
	return;
}

# Each in a transaction of its own: one that lands many in another order than a
# file or a pull does, at the same time, may end in a deadlock.
sub feed
{
	$bank->safe_psql('shuffled', join '', map { "COPY screissue.notice FROM STDIN;\n$_\n\\.\n" } @_);
	return;
}

subscribe_to_shuffled('by_replication');
$metro->wait_for_subscription_sync($bank, 'by_replication', 'by_replication');
feed(@feed);
$bank->wait_for_catchup('by_replication');
unsubscribe('by_replication');
subscribe_to_shuffled('by_replication');
$metro->wait_for_subscription_sync($bank, 'by_replication', 'by_replication');

# Pull: the end first, then the beginning, then from the beginning again.

metro('by_pull', 'UPDATE service_provider.issuer SET last_notice_no = 617');
is(metro('by_pull', q{SELECT service_provider.pull_notices('BANKJP')}), $total - 617, 'R28: the end is pulled');
is(metro('by_pull', q{SELECT service_provider.backfill('BANKJP')}), 617, 'E59: then what was missing');
metro('by_pull', 'UPDATE service_provider.issuer SET last_notice_no = 0');
is(metro('by_pull', q{SELECT service_provider.pull_notices('BANKJP')}), $total, 'E19: and all of it again');

# Files of 1 to 200 notices, which overlap, and each of them twice.

my @files;
for (my $after = 0; $after < $total;)
{
	my $rows = 1 + int(rand(200));
	push @files, scalar bank("SELECT file FROM card_issuer.export_notices('METRO', $after, $rows)");
	$after += $rows - int(rand($rows / 10));
}
sub import_files
{
	my ($inbox, @sealed) = @_;

	metro($inbox, "SELECT stored, duplicates, quarantined FROM service_provider.import_notices('$_')") for @sealed;
	return;
}
cmp_ok(scalar @files, '>', 5, 'R10: ' . @files . ' files');
import_files('by_file', shuffle(@files, @files));

# Sheets of paper, typed one by one.

my @sheets = split /;\n?/, bank(q{SELECT card_issuer.print_notice('METRO', n) || ';' FROM generate_series(1, 1000) n});
is(scalar @sheets, $total, "R10: $total sheets of paper");
sub type_sheets
{
	my ($inbox, @typed) = @_;

	metro($inbox, join '', map { "SELECT service_provider.type_notice('$_');\n" } @typed);
	return;
}
type_sheets('by_paper', shuffle(@sheets, @sheets));

# All of them at once: a subscription brings what sessions pull, import and type.

$bank->safe_psql('shuffled', 'DELETE FROM screissue.notice');
subscribe_to_shuffled('by_all');
$metro->wait_for_subscription_sync($bank, 'by_all', 'by_all');
my $half = int(@feed / 2);
my %script = (
	pull => [ q{UPDATE service_provider.issuer SET last_notice_no = 500;}, q{SELECT service_provider.pull_notices('BANKJP');},
		(q{SELECT service_provider.backfill('BANKJP');}) x 20 ],
	file => [ map { "SELECT stored FROM service_provider.import_notices('$_');" } shuffle(@files) ],
	paper => [ map { "SELECT service_provider.type_notice('$_');" } shuffle(@sheets) ]);
my @sessions;
feed(@feed[ 0 .. $half - 1 ]);
for my $carrier (sort keys %script)
{
	my $file = "$PostgreSQL::Test::Utils::tmp_check/$carrier.sql";

	append_to_file($file, join "\n", @{ $script{$carrier} }, '');
	push @sessions, IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $metro->connstr('by_all'), '-f', $file ],
		'<' => \undef, '>' => \my $out);
}
feed(@feed[ $half .. $#feed ]);
ok($_->finish, 'E20: a session with files, sheets or pulls ends well') for @sessions;
$bank->wait_for_catchup('by_all');

# The bytes of an inbox: all that notices say, in the order of their numbers.

sub bytes
{
	my ($inbox) = @_;
	my $file = "${PostgreSQL::Test::Utils::tmp_check}/$inbox.bytes";

	metro($inbox, qq{COPY (SELECT n.issuer, n.notice_no, n.kind, n.platform_type, n.new_card_id, n.old_card_id, n.app_id,
	                              n.message_id, n.reason, n.noted_at
	                         FROM service_provider.reissue_notice n ORDER BY n.issuer, n.notice_no) TO '$file' (FORMAT binary)});
	return slurp_file($file);
}

my $digest = bank(qq{SELECT * FROM card_issuer.digest('METRO', 1, $total)});
my $first = bytes('by_replication');
cmp_ok(length $first, '>', 100 * $total, 'an inbox has ' . length($first) . ' bytes');
for my $inbox (map { "by_$_" } @inboxes)
{
	my $carriers = $inbox eq 'by_all' ? 'file paper pull replication' : $inbox =~ s/^by_//r;

	is(metro($inbox, 'SELECT count(*) FROM service_provider.reissue_notice'), $total, "E20: $inbox has each notice once");
	ok(bytes($inbox) eq $first, "R22: $inbox has the same bytes");
	is(metro($inbox, qq{SELECT * FROM service_provider.digest('BANKJP', 1, $total)}), $digest, "E59: $inbox has the issuer's digest");
	is(metro($inbox, q{SELECT count(*) FROM service_provider.missing_notices('BANKJP')}), '0', "E25: $inbox has no gap");
	is(metro($inbox, 'SELECT count(*) FROM service_provider.quarantined_notice'), '0', "E19: $inbox has no contradiction");
	is(metro($inbox, q{SELECT string_agg(DISTINCT a.carrier, ' ' ORDER BY a.carrier) FROM service_provider.arrival a}), $carriers, "E20: $inbox knows the carriers");
	is(metro($inbox, 'SELECT count(*) FROM (SELECT FROM service_provider.arrival a GROUP BY a.issuer, a.notice_no HAVING sum(a.arrivals) >= 2) n'),
		$total, "E20: $inbox knows that each came twice") unless $inbox eq 'by_all';
}

done_testing();
