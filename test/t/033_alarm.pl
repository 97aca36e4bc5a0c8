
# The alarm of providers that try what they may (E44, E45): 53400 in the server log,
# which they do not see and no rollback takes back.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;

my ($fare, $books) = ('A000000001', 'A000000002');
my $bank = start_issuer('bank', 'BANKJP', 'screissue.key_directory' => make_keys());

sub bank { return $bank->safe_psql('postgres', $_[0]) }

bank(qq{
	CREATE ROLE metro LOGIN;
	ALTER ROLE metro SET log_statement = 'none';
	CREATE ROLE library LOGIN;
	SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro', 'pull');
	SELECT card_issuer.register_provider('LIBRARY', 'City Library', 'library', 'pull');
	SELECT card_issuer.register_application('$fare', 'METRO', 'fare');
	SELECT card_issuer.register_application('$books', 'LIBRARY', 'library card');
	SELECT card_issuer.register_key(1, 'ecies-x25519');
	SELECT card_issuer.issue_card('4539578763621486', 200)});
my $attribute = bank(q{SELECT p.attribute FROM card_issuer.personalize_card('4539578763621486', 1) p});
my $bad = 'ecies-x25519:9:' . '00' x 60;

# inquire(TIMES, APP, ATTRIBUTE, [AROUND]): the provider METRO asks so often; returns
# what it is told beside the replies.
sub inquire
{
	my ($times, $app, $asked, $around) = @_;
	my ($before, $after) = @{ $around // [ '', '' ] };
	my $call = "$before SELECT count(*) FROM generate_series(1, $times) n, LATERAL card_issuer.inquire('$asked', CASE WHEN n > 0 THEN '$app' END::app_id) i $after";
	my ($status, $out, $err) = $bank->psql('postgres', "SET client_min_messages = log;\nSET search_path = screissue;\n$call",
		extra_params => [ '-U', 'metro' ], on_error_stop => 1);

	is($status, 0, "$times inquiries are made");
	return $err;
}

# Alarms in the log since the last call of this
my $read = 0;
sub alarms
{
	my $log = slurp_file($bank->logfile, $read);

	$read = -s $bank->logfile;
	return join "\n", $log =~ /LOG:  (\d+ of the last \d+ inquiries of .*\n.*DETAIL:  .*)/g;
}

# Those of an honest terminal: every reply is negative, none is suspicious.
is(inquire(60, $fare, $attribute), '', 'E45: the provider sees no message');
is(alarms(), '', 'E45: no alarm for cards that were not reissued');

# 39 of the first hundred are about another's application: one too few.
inquire(39, $books, $attribute);
inquire(1, $fare, $attribute);
is(alarms(), '', 'E45: no alarm below the setting');

# 40 of the second are not: attributes that no key has made, and rolled back ones.
inquire(59, $fare, $attribute);
inquire(20, $fare, $bad);
inquire(10, $fare, $attribute, [ 'BEGIN;', '; ROLLBACK' ]);
inquire(10, $books, $attribute);
is(alarms(), '', 'E45: no alarm before the hundred is full');
is(inquire(1, $fare, $attribute), '', 'E45: the provider sees no message, whatever it set');
my $alarm = alarms();
like($alarm, qr/^40 of the last 100 inquiries of "METRO" are suspicious\n.*Of inquiries 100 to 199, 10 are about an application that is not its own, 20 have an attribute and 0 a card that is not in order, and 10 were rolled back or failed\.$/,
	'E45: the alarm says who, how many and why');
unlike($alarm, qr/4539578763621486|\Q$attribute\E/, 'E47: and names no card');
is(bank(q{SELECT s.suspicious FROM card_issuer.suspicious_inquiry s WHERE s.provider::text = 'METRO' AND s.from_no = 100}),
	40, 'E45: the view counts the same');

# Who rolls the hundredth inquiry back, and all others, has the alarm nevertheless; a
# snapshot from before sees the others' inquiries as they are.
inquire(99, $books, $attribute);
alarms();
inquire(1, $fare, $attribute, [ 'BEGIN;', '; ROLLBACK' ]);
like(alarms(), qr/^99 of the last 100 inquiries of "METRO"/, 'E45: no rollback takes the alarm back');
my $old = $bank->background_psql('postgres', extra_params => [ '-U', 'metro' ]);
$old->query_safe('SET search_path = screissue');
$old->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
$old->query_safe('SELECT 1');
inquire(99, $fare, $attribute);
$old->query_safe("SELECT i.reissued FROM card_issuer.inquire('$attribute', '$fare') i");
$old->query_safe('COMMIT');
$old->quit;
is(alarms(), '', 'E45: inquiries after the snapshot are not taken for rolled back ones');

# The setting, and loads by attribute, which are numbered with inquiries
$bank->append_conf('postgresql.conf', 'screissue.inquiry_alarm = 0');
$bank->reload;
inquire(99, $books, $attribute);
inquire(1, $fare, $attribute);
is(alarms(), '', 'E45: 0 = no alarm');
$bank->append_conf('postgresql.conf', 'screissue.inquiry_alarm = 1');
$bank->reload;
inquire(98, $fare, $attribute);
alarms();
$bank->safe_psql('postgres', "SELECT p.permitted FROM card_issuer.permit_load('$fare', attribute => '$bad') p;" x 2, extra_params => [ '-U', 'metro' ]);
like(alarms(), qr/^1 of the last 100 inquiries of "METRO" are suspicious\n.*, 1 have an attribute/, 'E45: loading permissions by attribute count');
my ($status, $out, $err) = $bank->psql('postgres', qq{SELECT '$fare'::screissue.app_id; SET screissue.inquiry_alarm = 0}, extra_params => [ '-U', 'metro' ]);
like($err, qr/permission denied to set parameter/, 'E45: a provider does not turn it off');

done_testing();
