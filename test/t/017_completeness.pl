
# Completeness (E25, E59): an issuer and a provider, notices by replication.  What
# the provider loses is found by comparing digests of ranges, by halves, and is
# fetched again.  Then the issuer is restored from an old backup and begins an epoch:
# no number is used twice, nothing contradicts.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;

my $last = '9223372036854775807';
my $base = 1 << 40;
my $bank = start_issuer('bank', 'BANKJP');
my $metro = start_provider('metro', 'METRO');

sub bank { return $bank->safe_psql('postgres', $_[0]); }
sub metro { return $metro->safe_psql('postgres', $_[0]); }
# The calls of ordinary roles: the provider's at the issuer, an operator's here.
sub at_bank { return $bank->safe_psql('postgres', $_[0], extra_params => [ '-U', 'metro' ]); }
sub desk { return $metro->safe_psql('postgres', $_[0], extra_params => [ '-U', 'desk' ]); }

set_up_metro($bank);
link_issuer($metro, $bank, 'metro', 'bankjp');
metro(q{
	CREATE ROLE desk LOGIN;
	SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point', subscription => 'bankjp', server => 'bankjp'),
	       service_provider.grant_operator('desk');
	SET ROLE desk;
	SET TimeZone = 'Asia/Tokyo'});

sub replicate
{
	my ($subscription) = @_;

	metro(qq{SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point', subscription => '$subscription', server => 'bankjp')});
	metro(sprintf q{CREATE SUBSCRIPTION %s CONNECTION '%s dbname=postgres' PUBLICATION screissue_metro},
		$subscription, $bank->connstr);
	$metro->wait_for_subscription_sync($bank, $subscription);
	return;
}

# Both sides' digest of a range, in sessions with other settings.
sub digests_of
{
	my ($from, $to) = @_;

	return (at_bank("SET TimeZone = 'America/St_Johns'; SET DateStyle = German; SELECT * FROM card_issuer.digest('METRO', $from, $to)"),
		desk("SET TimeZone = 'Asia/Tokyo'; SELECT * FROM service_provider.digest('BANKJP', $from, $to)"));
}

my $compared = 0;

# The numbers in a range whose rows differ, by halves.
sub differences
{
	my ($from, $to) = @_;
	my ($issuer, $provider) = digests_of($from, $to);
	my $middle = $from + int(($to - $from) / 2);

	$compared++;
	return () if $issuer eq $provider;
	return ($from) if $from == $to;
	return (differences($from, $middle), differences($middle + 1, $to));
}

sub agree_in
{
	my ($from, $to, $name) = @_;
	my ($issuer, $provider) = digests_of($from, $to);

	is($provider, $issuer, $name);
	return;
}

sub backfill { return desk(q{SELECT service_provider.backfill('BANKJP')}); }
sub missing { return desk(q{SELECT string_agg(from_no || '-' || to_no, ' ') FROM service_provider.missing_notices('BANKJP')}); }
sub quarantined { return metro('SELECT count(*) FROM service_provider.quarantined_notice'); }

replicate('bankjp');
bank(q{SELECT reissue('A', 500)});
$bank->wait_for_catchup('bankjp');
is(metro('SELECT count(*), min(carrier), max(carrier) FROM service_provider.reissue_notice'), '500|replication|replication', 'notices come by replication');
agree_in(1, $last, 'E59: what came by replication has the digest that the issuer has');
is(backfill(), '0', 'E59: nothing to fetch');

# Some are lost, one is changed, one was never sent.

metro(q{
	DELETE FROM service_provider.reissue_notice WHERE notice_no IN (7, 8, 9, 250) OR notice_no > 497;
	UPDATE service_provider.reissue_notice SET noted_at = noted_at + interval '1 microsecond' WHERE notice_no = 333});
my ($issuer, $provider) = digests_of(1, $last);
isnt($provider, $issuer, 'E59: the digests differ');
is(join(' ', differences(1, 512)), '7 8 9 250 333 498 499 500', 'E59: the rows that differ are found by halves');
cmp_ok($compared, '<', 130, "E59: by $compared comparisons for 8 of 500 rows");
is( join(' ', map { (split /\|/)[0] } grep { !/^$/ } split /\n/, metro(sprintf q{
			SELECT i.from_no FROM dblink('bankjp', $$SELECT * FROM card_issuer.digests('METRO', 1, 512, 64)$$)
			           i (from_no bigint, to_no bigint, notices bigint, sha256 bytea)
			  FULL JOIN service_provider.digests('BANKJP', 1, 512, 64) p ON p.from_no = i.from_no
			 WHERE (i.notices, i.sha256) IS DISTINCT FROM (p.notices, p.sha256) ORDER BY 1})),
	'1 193 321 449', 'E59: or by parts, in one statement over the server');
is(missing(), '7-9 250-250', 'E59: missing_notices knows of gaps, not of the last ones');

is(backfill(), '7', 'E59: backfill fetches what is not there');
is(metro(q{SELECT string_agg(notice_no::text, ' ' ORDER BY notice_no) FROM service_provider.reissue_notice WHERE carrier = 'pull'}),
	'7 8 9 250 498 499 500', 'E59: and lands it');
is(missing(), '', 'E59: there is no gap');
is(metro('SELECT count(*) FROM service_provider.notice_arrival'), '0', 'E59: it fetched nothing else');
is(join(' ', differences(1, 512)), '333', 'E59: a row that was changed is there, and differs');
metro('DELETE FROM service_provider.reissue_notice WHERE notice_no = 333');
is(backfill(), '1', 'E59: once it is gone it is fetched, too');
agree_in(1, $last, 'E59: both sides agree');
is(backfill(), '0', 'E59: a second time there is nothing to fetch');
is(desk(q{SELECT service_provider.pull_notices('BANKJP')}), '0', 'E59: nor for a pull: backfill moved the cursor');
is(quarantined(), '0', 'E59: nothing was contradicted');

# Gaps longer than a page, all of it lost, and one that cannot be parsed.

metro('DELETE FROM service_provider.reissue_notice');
bank(q{SELECT reissue('B', 700)});
$bank->wait_for_catchup('bankjp');
metro('DELETE FROM service_provider.reissue_notice WHERE notice_no <> 1199');
is(backfill(), '1199', 'E59: all of it, in pages');
agree_in(1, $last, 'E59: and both agree again');
send_notice($bank, issuer => 'BANKJP', provider => 'METRO', notice_no => 1201, app_id => 'no hex');
bank('UPDATE card_issuer.notice_counter SET last_notice_no = 1201');
$bank->wait_for_catchup('bankjp');
is(quarantined(), '1', 'E37: a poison row is in quarantine');
is(backfill(), '1', 'E37: backfill fetches it');
is(backfill(), '0', 'E37: once');
is(quarantined(), '2', 'E37: it stays there');

# Both at once: replication brings what backfill asks for.

my $session = $metro->background_psql('postgres');
$session->query_safe(q{BEGIN; SELECT service_provider.backfill('BANKJP')});
bank(q{SELECT reissue('C', 3)});
$bank->wait_for_catchup('bankjp');
is($session->query_safe(q{SELECT service_provider.backfill('BANKJP')}), '0', 'E20: what replication brought is not asked for');
$session->query_safe('COMMIT');
$session->quit;

# The issuer is restored from an old backup: it forgets 10 cards, their permissions
# and notices, which the provider has.

my $backup = $bank->backup_dir . '/bank.dump';
mkdir $bank->backup_dir;
$bank->command_ok([ 'pg_dump', '-Fc', '-f', $backup, 'postgres' ], 'a backup');
bank(q{SELECT reissue('D', 10)});
$bank->wait_for_catchup('bankjp');
my $lost = at_bank('SELECT string_agg(n.message_id, chr(10)) FROM card_issuer.fetch_notices($$METRO$$, 1204) n');
is(scalar(split /\n/, $lost), 10, 'notices after the backup');
metro('ALTER SUBSCRIPTION bankjp DISABLE');
metro('ALTER SUBSCRIPTION bankjp SET (slot_name = NONE)');
metro('DROP SUBSCRIPTION bankjp');
$bank->stop('immediate');

my $old_bank = $bank;
$bank = start_cluster('restored_bank');
$bank->safe_psql('postgres', 'DROP EXTENSION screissue; CREATE ROLE metro LOGIN');
$bank->command_ok([ 'pg_restore', '-d', 'postgres', $backup ], 'E25: the issuer is restored from it');
is(bank(q{SELECT screissue.sequence(p.message_id) FROM card_issuer.issue_card('X', 100), card_issuer.permit_load('D276AB0085CD01', card => 'X') p}),
	join(' ', $lost =~ m{^BANKJP/METRO/(\d+)}), 'E25: it would use the numbers again');
$bank->safe_psql('postgres', 'SELECT card_issuer.begin_epoch()');
metro(sprintf q{ALTER SERVER bankjp OPTIONS (SET host '%s', SET port '%s')}, $bank->host, $bank->port);

bank(q{SELECT reissue('D2', 5)});
is(bank(q{SELECT count(*) FROM card_issuer.app_load WHERE loaded_at IS NOT NULL AND screissue.sequence(message_id) > 1099511627776}),
	'5', 'E25: message ids are of the new epoch');
is(bank(sprintf q{SELECT count(*) FROM card_issuer.app_load l WHERE l.loaded_at IS NOT NULL AND l.message_id::text = ANY ('{%s}')}, join(',', split /\n/, $lost)),
	'0', 'E25: none that the provider has been given');
is(backfill(), '5', 'E25: the provider fetches the notices of the new epoch');
is(inbox($metro, 'BANKJP') =~ s/^.* 1214 //r, join(' ', map { $base + $_ } 1 .. 5), 'E25: beside those of the old one');
is(missing(), '1201-1201', 'E25: the jump is no gap');
is(quarantined(), '2', 'E25: nothing contradicts');
agree_in($base + 1, $last, 'E59: the digests of the new epoch agree');
is(join(' ', differences(1201, 1216)), join(' ', 1201, 1205 .. 1214), 'E59: those of the old one show what the issuer has lost');
is(backfill(), '0', 'E59: which nobody can send again');

# A new subscription brings all that the restored issuer has: duplicates, no contradiction.

replicate('bankjp2');
bank(q{SELECT reissue('E', 2)});
$bank->wait_for_catchup('bankjp2');
is(inbox($metro, 'BANKJP') =~ s/^.* 1214 //r, join(' ', map { $base + $_ } 1 .. 7), 'E25: replication goes on');
is(metro(q{SELECT string_agg(DISTINCT cause, ' ') FROM service_provider.quarantined_notice}), 'unparsable: app_id', 'E25: no notice contradicts another');
agree_in($base + 1, $last, 'E59: and the digests agree');

# The same backup is restored once more: the provider knows which epochs there were.

my $known = metro('SELECT max(notice_no) >> 40 FROM service_provider.reissue_notice');
is($known, '1', 'E25: the last epoch that the provider knows');
$bank->safe_psql('postgres', 'CREATE DATABASE again');
$bank->command_ok([ 'pg_restore', '-d', 'again', $backup ], 'E25: the same backup once more');
is($bank->safe_psql('again', qq{
		SELECT card_issuer.begin_epoch(after_epoch => $known);
		SELECT card_issuer.issue_card('Y', 100);
		SELECT screissue.sequence(p.message_id) - (2::bigint << 40) FROM card_issuer.permit_load('D276AB0085CD01', card => 'Y') p}) =~ s/\A\s+//r,
	'1', 'E25: an epoch after that');

metro('DROP SUBSCRIPTION bankjp2');
done_testing();
