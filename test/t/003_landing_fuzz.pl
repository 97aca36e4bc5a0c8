
# 100,000 notices of any content, half of them in the initial copy, half in the
# stream (E14, E28, E37): no worker fails, every notice is in the inbox or in
# quarantine, as it came, and for the right cause.
#
# First come the rows of test/fuzz/corpus/landing, in the text form of COPY, which
# then are changed like all others.  With SCREISSUE_FUZZ_SECONDS (`make fuzz
# FUZZ=landing`) as many more are streamed as fit into that time.
#
# The seed is printed; SCREISSUE_FUZZ_SEED runs the same notices again.

use strict;
use warnings;

use List::Util qw(min sum0);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;

my $seed = $ENV{SCREISSUE_FUZZ_SEED} // (time ^ ($$ << 8)) & 0x7fffffff;
my $seconds = $ENV{SCREISSUE_FUZZ_SECONDS} // 0;
my $notices = 100_000;
my $huge = 40;    # values of up to 1 MB
my $numbers = $notices;    # they are given, most of them more than once
diag "seed $seed";
srand $seed;

# Values, as octets; undef is NULL

sub pick { return $_[ rand @_ ]; }

# Any code point but NUL and the surrogates, which UTF-8 does not have; half
# of them plain ASCII, and every length of encoding.
sub any_character
{
	my $code = 1 + int rand pick(0x7f, 0x7f, 0x7f, 0x7ff, 0xffff, 0x10ffff);

	$code = 0xfffd if $code >= 0xd800 && $code <= 0xdfff;
	return chr $code;
}

sub any_text
{
	my $text = join '', map { any_character() } 1 .. pick(1, 3, 10, 40);

	utf8::encode($text);
	return $text;
}

# Up to 1 MB, cut between characters
sub huge_text
{
	my $text = any_text();

	return $text x int(rand(1024 * 1024) / length $text);
}

# A value that is almost right: a character removed, doubled or replaced
sub damaged
{
	my ($text) = @_;

	return any_text() if $text eq '';
	utf8::decode($text);
	my $at = int rand length $text;
	substr($text, $at, 1) =
	  pick('', substr($text, $at, 1) x 2, pick(0 .. 9, 'A' .. 'Z', ' ', '-', '/', ':', 'x'));
	utf8::encode($text);
	return $text;
}

sub any_bigint
{
	return pick(
		0, -1, '9223372036854775807', '-9223372036854775808', 2**31, 2**40,
		int rand 1000, -int rand 1000);
}

sub any_time
{
	return pick(
		undef, 'infinity', '-infinity', '4714-11-24 00:00:00+00 BC',
		'294276-12-31 23:59:59.999999+00',
		sprintf('%04d-%02d-%02d %02d:%02d:%02d.%06d+%02d',
			1 + rand 9999, 1 + rand 12, 1 + rand 28,
			rand 24, rand 60, rand 60, rand 1_000_000, rand 15));
}

my @columns = qw(issuer provider notice_no kind platform_type new_card_id
  old_card_id app_id message_id reason noted_at);
my %is_text = map { $_ => 1 } qw(issuer provider kind new_card_id old_card_id
  app_id message_id reason);

sub right_notice
{
	my $issuer = pick('BANKJP', 'bankjp', 'BANKJP', 'BANKJP', 'BANK');

	return {
		issuer => $issuer,
		provider => pick(('METRO') x 20, 'metro', 'BUS'),
		notice_no => 1 + int rand $numbers,
		kind => pick('reissue', 'withdrawal', 'renewal', any_text()),
		platform_type => pick(100, 200, 999, undef, int(rand 2**32) - 2**31),
		new_card_id => pick(
			'4111111111111111', '4111 1111 1111 1111', '0x04a1b2c3d4e5f6',
			'JE80.1-x', join('', map { int rand 10 } 1 .. 4 + rand 37)),
		old_card_id => pick(undef, join('', map { int rand 10 } 1 .. 16)),
		app_id => pick('A0000000031010', 'a000000003', 'D2760000850101'),
		message_id => uc($issuer) . pick(('/METRO/') x 5, '/OLDTOWN/') . (1 + int rand 2**40),
		reason => pick(undef, 'lost', 'stolen', any_text()),
		noted_at => any_time()
	};
}

# Up to three columns of a notice, replaced
sub spoil
{
	my ($notice) = @_;

	foreach my $column (map { pick(@columns) } 1 .. 1 + rand 3)
	{
		$notice->{$column} =
		    $column eq 'notice_no' ? pick(undef, any_bigint())
		  : $column eq 'noted_at' ? any_time()
		  : $column eq 'platform_type' ? pick(undef, 2**31 - 1, -2**31)
		  : pick(undef, '', any_text(), damaged($notice->{$column} // ''));
	}
	return;
}

my %escape = ("\\" => "\\\\", "\t" => "\\t", "\n" => "\\n", "\r" => "\\r");
my %unescape = reverse %escape;

sub copy_line
{
	my ($notice) = @_;

	return join("\t", map {
		my $value = $notice->{$_} // "\\N";
		$value =~ s/([\\\t\n\r])/$escape{$1}/g if defined $notice->{$_};
		$value;
	} @columns) . "\n";
}

sub read_line
{
	my ($line) = @_;
	my %notice;

	chomp $line;
	@notice{@columns} = map { $_ eq "\\N" ? undef : s/(\\.)/$unescape{$1}/gr } split /\t/, $line, -1;
	return \%notice;
}

my @corpus = map { read_line($_) }
  map { split /^/, slurp_file($_) } sort glob 'test/fuzz/corpus/landing/*';

my @earlier;

sub any_notice
{
	return pick(@earlier) if @earlier && rand() < 0.1;

	my $notice = rand() < 0.1 ? { %{ pick(@corpus) } } : right_notice();
	spoil($notice) if rand() < 0.4;
	$earlier[ @earlier < 1000 ? @earlier : rand @earlier ] = $notice;
	return $notice;
}

# Writes a file of notices for COPY: those given, then any, some of them huge in one
# column.
sub write_notices
{
	my ($file, $count, $huge, @given) = @_;
	my %is_huge = map { int(rand $count) => 1 } 1 .. $huge;

	open my $out, '>:raw', $file or die "$file: $!";
	foreach my $i (1 .. $count)
	{
		my $notice = $i <= @given ? $given[ $i - 1 ] : any_notice();

		$notice = { %$notice, pick(sort keys %is_text) => huge_text() }
		  if $is_huge{$i};
		print $out copy_line($notice);
	}
	close $out or die "$file: $!";
	return;
}

# Nothing at the issuer holds them back.  One application was OLDTOWN's before.

my $bank = start_issuer('bank', 'BANKJP');
my $metro = start_provider('metro', 'METRO');
$metro->safe_psql('postgres', q{
	SELECT service_provider.register_application('A000000003', 'Commuter pass');
	SELECT service_provider.accept_transfer('A000000003', 'OLDTOWN')});
$bank->safe_psql('postgres', q{
	ALTER TABLE screissue.notice DROP CONSTRAINT notice_pkey;
	ALTER TABLE screissue.notice ALTER issuer DROP NOT NULL,
	    ALTER provider DROP NOT NULL, ALTER notice_no DROP NOT NULL;
	CREATE PUBLICATION screissue_metro FOR TABLE screissue.notice
	    WITH (publish = 'insert')});

my $file = PostgreSQL::Test::Utils::tempdir() . '/notices';

sub send_notices
{
	my ($count, $huge, @given) = @_;

	write_notices($file, $count, $huge, @given);
	$bank->safe_psql('postgres', "COPY screissue.notice FROM '$file' ENCODING 'UTF8'");
	return;
}

cmp_ok(scalar @corpus, '>', 100, 'there is a corpus');
send_notices($notices / 2, $huge / 2, @corpus);
subscribe($metro, $bank, 'BANKJP', 'METRO');
$metro->wait_for_subscription_sync($bank, 'bankjp');
send_notices($notices / 10, $huge / 10, $_ == 1 ? @corpus : ()) foreach 1 .. 5;
$bank->wait_for_catchup('bankjp');
for (my $end = time + $seconds; time < $end; $notices += 10_000)
{
	send_notices(10_000, 4);
	$bank->wait_for_catchup('bankjp');
}
note "$notices notices";

is($bank->safe_psql('postgres', 'SELECT count(*) FROM screissue.notice'),
	$notices, "$notices notices were sent");
is( $metro->safe_psql('postgres',
		'SELECT apply_error_count + sync_error_count FROM pg_stat_subscription_stats'),
	'0', 'E37: no worker failed');
is( $metro->safe_psql('postgres', q{
		SELECT (SELECT sum(a.arrivals) FROM service_provider.arrival a)
		     + (SELECT count(*) FROM service_provider.quarantined_notice)}),
	$notices, 'E37: every notice is in the inbox or in quarantine');

# What should have become of each, by the input functions of the types

$bank->safe_psql('postgres', q{
	CREATE FUNCTION parses(value text, type regtype) RETURNS boolean
	LANGUAGE plpgsql AS $$
	BEGIN
	    IF value IS NULL THEN
	        RETURN false;
	    END IF;
	    EXECUTE format('SELECT %L::%s', value, type);
	    RETURN true;
	EXCEPTION WHEN invalid_text_representation THEN
	    RETURN false;
	END $$;

	CREATE FUNCTION fate(n screissue.notice) RETURNS text
	LANGUAGE plpgsql AS $$
	BEGIN
	    RETURN CASE
	        WHEN NOT parses(n.provider, 'screissue.company_id') THEN 'unparsable: provider'
	        WHEN upper(n.provider) <> 'METRO' THEN 'wrong_provider'
	        WHEN NOT parses(n.issuer, 'screissue.company_id') THEN 'unparsable: issuer'
	        WHEN upper(n.issuer) <> 'BANKJP' THEN 'unknown_issuer'
	        WHEN n.notice_no IS NULL THEN 'unparsable: notice_no'
	        WHEN n.kind IS NULL THEN 'unparsable: kind'
	        WHEN NOT parses(n.new_card_id, 'screissue.card_id') THEN 'unparsable: new_card_id'
	        WHEN n.old_card_id IS NOT NULL
	             AND NOT parses(n.old_card_id, 'screissue.card_id') THEN 'unparsable: old_card_id'
	        WHEN NOT parses(n.app_id, 'screissue.app_id') THEN 'unparsable: app_id'
	        WHEN NOT parses(n.message_id, 'screissue.message_id') THEN 'unparsable: message_id'
	        WHEN n.notice_no < 1 THEN 'unparsable: notice_no'
	        WHEN upper(n.message_id) NOT LIKE 'BANKJP/METRO/%'
	             AND NOT (upper(n.message_id) LIKE 'BANKJP/OLDTOWN/%'
	                      AND upper(n.app_id) = 'A000000003') THEN 'wrong_message_id'
	        ELSE 'good' END;
	END $$;

	CREATE TABLE fate AS SELECT fate(n), n.notice_no FROM screissue.notice n});

is( $metro->safe_psql('postgres', q{
		SELECT cause, count(*) FROM service_provider.quarantined_notice
		 WHERE cause <> 'contradiction' GROUP BY cause ORDER BY cause COLLATE "C"}),
	$bank->safe_psql('postgres', q{
		SELECT fate, count(*) FROM fate
		 WHERE fate <> 'good' GROUP BY fate ORDER BY fate COLLATE "C"}),
	'E28: each cause of quarantine as often as the types say');
is( $metro->safe_psql('postgres', 'SELECT count(*) FROM service_provider.reissue_notice'),
	$bank->safe_psql('postgres', q{SELECT count(DISTINCT notice_no) FROM fate WHERE fate = 'good'}),
	'E19: one row for each number');
cmp_ok(
	$metro->safe_psql('postgres', 'SELECT count(*) FROM service_provider.reissue_notice'),
	'>', $numbers / 5, 'a good part of the notices is good');
cmp_ok(
	$metro->safe_psql('postgres', q{
		SELECT count(*) FROM service_provider.reissue_notice
		 WHERE message_id::text LIKE 'BANKJP/OLDTOWN/%'}),
	'>', 100, 'E14: permissions of a former provider among them');
cmp_ok(
	$metro->safe_psql('postgres',
		q{SELECT count(*) FROM service_provider.quarantined_notice WHERE cause = 'contradiction'}),
	'>', 100, 'E19: and there are contradictions');
cmp_ok(
	$metro->safe_psql('postgres', 'SELECT sum(arrivals) FROM service_provider.notice_arrival'),
	'>', 100, 'E19: and duplicates');

# Nothing is kept that was not sent: digests of what is kept, taken from what
# was sent, leave none over.

sub digests
{
	my ($node, $table, $condition, @expressions) = @_;
	my %count;

	$count{$_}++ foreach split /\n/, $node->safe_psql('postgres',
		    q{SET TimeZone = 'UTC'; SELECT md5(ROW(}
		  . join(', ', @expressions)
		  . ")::text) FROM $table WHERE $condition");
	return \%count;
}

sub not_sent
{
	my ($sent, $kept) = @_;

	return sum0 map { $kept->{$_} - min($kept->{$_}, $sent->{$_} // 0) } keys %$kept;
}

my @raw = map { $is_text{$_} ? $_ : "$_\::text" } @columns[ 0 .. 9 ];
is( not_sent(
		digests($bank, 'screissue.notice', 'true', @raw, q{to_json(noted_at) #>> '{}'}),
		digests($metro, 'service_provider.quarantined_notice', q{cause <> 'wrong_provider'},
			@columns)),
	0, 'what is in quarantine is what was sent');
my @untyped = qw(notice_no kind platform_type reason noted_at);
is( not_sent(
		digests($bank, 'screissue.notice', 'true', @untyped),
		digests($metro, 'service_provider.reissue_notice', 'true', @untyped)),
	0, 'what is in the inbox is what was sent');
cmp_ok(
	$metro->safe_psql('postgres', q{
		SELECT count(*) FROM service_provider.quarantined_notice
		 WHERE greatest(length(issuer), length(kind), length(new_card_id), length(old_card_id),
		                length(app_id), length(message_id), length(reason)) > 100000}),
	'>', 0, 'huge values among it');

# Whatever was sent, the view for operators and auditors can be read; what is
# a card id there is masked, and what is none is not shown.

is( $metro->safe_psql('postgres', q{
		CREATE FUNCTION masked(value text) RETURNS text LANGUAGE plpgsql AS $$
		BEGIN
		    RETURN screissue.mask(value::screissue.card_id);
		EXCEPTION WHEN invalid_text_representation THEN
		    RETURN NULL;
		END $$;
		SELECT count(*) || ' ' || count(*) FILTER (
		           WHERE v.new_card_id IS DISTINCT FROM masked(q.new_card_id)
		              OR v.old_card_id IS DISTINCT FROM masked(q.old_card_id)
		              OR coalesce(v.differs_in, '') <> '' AND v.cause <> 'contradiction'
		              OR v.differs_in = ''
		              OR length(v::text) > 1000)
		  FROM service_provider.quarantine v
		  JOIN service_provider.quarantined_notice q USING (quarantine_id)}),
	$metro->safe_psql('postgres', 'SELECT count(*) FROM service_provider.quarantined_notice') . ' 0',
	'E60: what is in quarantine can be looked at, and no card id in clear');

# And the stream goes on.

send_notice($bank, issuer => 'BANKJP', provider => 'METRO', notice_no => 10 * $numbers);
$bank->wait_for_catchup('bankjp');
is( $metro->safe_psql('postgres',
		'SELECT carrier FROM service_provider.reissue_notice WHERE notice_no = ' . 10 * $numbers),
	'replication', 'E37: the next notice lands');

done_testing();
