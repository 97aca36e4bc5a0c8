# Crashes (E35): the postmasters of an issuer and of a provider are killed with
# SIGKILL while notices are written and travel, again and again, apart and
# together.  Every reissue whose COMMIT was acknowledged arrives, nothing comes
# twice, no number is missing, and there is nothing to be done.

use strict;
use warnings;

use IPC::Run;
use List::Util qw(sum0);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;
use Time::HiRes qw(usleep);

my %crash_safe = (fsync => 'on', full_page_writes => 'on');
my $bank = start_issuer('bank', 'BANKJP', %crash_safe);
my $metro = start_provider('metro', 'METRO', %crash_safe);

sub bank { return $bank->safe_psql('postgres', $_[0]); }
sub metro { return $metro->safe_psql('postgres', $_[0]); }

bank(q{
	CREATE ROLE metro LOGIN;
	SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro');
	SELECT card_issuer.register_application('D276AB0085CD01', 'METRO', 'season ticket');
	SELECT card_issuer.create_publication('METRO');
	CREATE FUNCTION reissue(name text) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
	    PERFORM card_issuer.issue_card(screissue.card_id(name || '-OLD'), 100),
	            card_issuer.confirm_load((card_issuer.permit_load('D276AB0085CD01', card => screissue.card_id(name || '-OLD'))).message_id),
	            card_issuer.request_reissue(screissue.card_id(name || '-OLD'), 'lost'),
	            card_issuer.reissue_card(screissue.card_id(name || '-OLD'), screissue.card_id(name || '-NEW'));
	END $$});
my $slot = subscribe($metro, $bank, 'BANKJP', 'METRO', 'bank');
$metro->wait_for_subscription_sync($bank, $slot);

# A session that makes reissues, each a transaction, and notes those whose COMMIT
# was acknowledged.  It ends with the last one, or with its server.
my $writers = 0;

sub write_reissues
{
	my ($reissues) = @_;
	my $name = 'W' . ++$writers;
	my $file = "$PostgreSQL::Test::Utils::tmp_check/$name";

	append_to_file("$file.sql", join '', map { "SELECT reissue('$name-$_');\n\\echo $name-$_-NEW\n" } 1 .. $reissues);
	my $psql = IPC::Run::start(
		[ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $bank->connstr('postgres'), '-f', "$file.sql" ],
		'<' => \undef, '>' => "$file.out", '2>' => "$file.err");
	return { psql => $psql, file => "$file.out", reissues => $reissues };
}

my @acknowledged;

# What a writer has done, once it has ended.
sub finish
{
	my ($writer) = @_;

	$writer->{psql}->finish;
	my @done = grep { /\S/ } split /\n/, slurp_file($writer->{file});
	push @acknowledged, @done;
	return scalar @done;
}

sub notices { return bank('SELECT count(*) FROM screissue.notice'); }
sub landed { return metro('SELECT count(*) FROM service_provider.reissue_notice'); }

sub settled
{
	my ($when) = @_;

	ok($metro->poll_query_until('postgres', 'SELECT count(*) = ' . notices() . ' FROM service_provider.reissue_notice'),
		"as many notices landed as were written, $when");
	return;
}

for my $round (1 .. 6)
{
	my @victims = ([$bank], [$metro], [ $bank, $metro ])[ $round % 3 ]->@*;
	my $kills_bank = grep { $_ == $bank } @victims;
	my $names = join ' and ', map { $_->name } @victims;
	my ($written, $arrived) = (notices(), landed());
	my @writers = map { write_reissues($kills_bank ? 5000 : 150) } 1 .. 2;

	$bank->poll_query_until('postgres', "SELECT count(*) > $written + 20 FROM screissue.notice");
	$metro->poll_query_until('postgres', "SELECT count(*) > $arrived FROM service_provider.reissue_notice");
	usleep(int rand 200_000);
	crash(@victims);
	my $done = sum0(map { finish($_) } @writers);
	my $wanted = sum0(map { $_->{reissues} } @writers);

	if ($kills_bank)
	{
		cmp_ok($done, '<', $wanted, "round $round: $names killed in mid-stream, after $done reissues");
	}
	else
	{
		is($done, $wanted, "round $round: $names killed in mid-stream, the other went on");
	}
	settled("round $round");
}

# One transaction of many notices: the provider is killed while it is applied, then
# the issuer while it is sent.

for my $victim ($metro, $bank)
{
	my $arrived = landed();
	my $heap = metro(q{SELECT pg_relation_size('service_provider.reissue_notice')});

	bank(q{
		BEGIN;
		INSERT INTO screissue.notice (issuer, provider, notice_no, kind, platform_type, new_card_id, old_card_id, app_id, message_id, reason, noted_at)
		SELECT 'BANKJP', 'METRO', k.last_notice_no + n, 'reissue', 100, 'MASS-NEW-' || k.last_notice_no + n, 'MASS-OLD-' || k.last_notice_no + n,
		       'D276AB0085CD01', 'BANKJP/METRO/' || k.last_notice_no + n, 'expired', now()
		  FROM card_issuer.notice_counter k, generate_series(1, 50000) n;
		UPDATE card_issuer.notice_counter SET last_notice_no = last_notice_no + 50000;
		COMMIT});
	$metro->poll_query_until('postgres', "SELECT pg_relation_size('service_provider.reissue_notice') > $heap + 65536");
	is(landed(), $arrived, 'a part of a large transaction is there, and not to be seen');
	crash($victim);
	settled('a large transaction, ' . $victim->name . ' killed');
}

# A subscriber that is down, and comes back.

$metro->stop;
my $writer = write_reissues(100);
is(finish($writer), 100, 'the issuer goes on while a provider is down');
$metro->start;
settled('the provider was down');

my $lost = join ',', @acknowledged;
is(bank("SELECT count(*) FROM unnest('{$lost}'::text[]) c WHERE NOT EXISTS (SELECT FROM screissue.notice n WHERE n.new_card_id = c)"),
	'0', 'E35: what was acknowledged is on record: ' . @acknowledged . ' reissues');
is(metro("SELECT count(*) FROM unnest('{$lost}'::text[]) c WHERE NOT EXISTS (SELECT FROM service_provider.reissue_notice n WHERE n.new_card_id::text = c)"),
	'0', 'E35: and has arrived');
is(metro('SELECT count(*) FROM service_provider.notice_arrival'), '0', 'E35: nothing came twice');
is(metro('SELECT count(*) FROM service_provider.quarantined_notice'), '0', 'E35: nothing contradicts');
is(metro(q{SELECT * FROM service_provider.missing_notices('BANKJP')}), '', 'E25: no number is missing');
is(bank('SELECT count(*) = max(notice_no) AND max(notice_no) = min(k.last_notice_no) FROM screissue.notice, card_issuer.notice_counter k'),
	't', 'E25: numbers are dense at the issuer');
agree($bank, $metro, 'E35: the digests of both sides agree');

metro("DROP SUBSCRIPTION $slot");
done_testing();
