
# Method 2 over real clusters: an issuer, a provider that asks it over a foreign
# server and one whose application server carries the inquiry (R32-R41, R45).
# The attributes come from personalize_card and from the openssl command.

use strict;
use warnings;

use CardAttribute;
use File::Copy;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;
use Time::HiRes qw(usleep);

my $fare = 'A000000001';      # METRO's
my $locker = 'A000000002';    # METRO's, too
my $books = 'A000000003';     # LIBRARY's

my $keys = make_keys();
my $bank = start_issuer('bank', 'BANKJP', 'screissue.key_directory' => $keys);
my $metro = start_provider('metro', 'METRO');
my $library = start_provider('library', 'LIBRARY');

sub as
{
	my ($node, $role, $sql) = @_;

	return $node->safe_psql('postgres', $sql, extra_params => [ '-U', $role ]);
}

sub owner
{
	my ($node, $sql) = @_;

	return $node->safe_psql('postgres', $sql);
}

sub bank { return owner($bank, $_[0]) }
sub metro { return as($metro, 'clerk', $_[0]) }
sub library { return as($library, 'clerk', $_[0]) }

# What a call prints beside its result: errors and messages.
sub noise_of
{
	my ($node, $role, $sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql",
		extra_params => [ '-U', $role ], on_error_stop => 0);

	return $err;
}

# Contracts and keys

my %scheme = (1 => 'ecies-x25519', 2 => 'ecies-p256', 3 => 'rsa-oaep-sha256', 4 => 'ecies-x25519');
my %public_key;

owner($_, 'ALTER DATABASE postgres SET search_path = screissue, public')
  for ($bank, $metro, $library);
bank(qq{
	CREATE ROLE metro LOGIN;
	CREATE ROLE library LOGIN;
	SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro', 'pull');
	SELECT card_issuer.register_provider('LIBRARY', 'City Library', 'library', 'pull');
	SELECT card_issuer.register_application('$fare', 'METRO', 'fare');
	SELECT card_issuer.register_application('$locker', 'METRO', 'locker');
	SELECT card_issuer.register_application('$books', 'LIBRARY', 'library card')});
foreach my $key (sort keys %scheme)
{
	bank("SELECT card_issuer.register_key($key, '$scheme{$key}')");
	$public_key{$key} = pack 'H*',
	  bank("SELECT encode(k.public_key, 'hex') FROM card_issuer.encryption_key k WHERE k.key_id = $key");
}
foreach my $node ($metro, $library)
{
	owner($node, q{
		CREATE ROLE clerk LOGIN;
		SELECT service_provider.grant_operator('clerk');
		SELECT service_provider.register_issuer('BANKJP', 'Bank');
		SELECT service_provider.register_application('A000000001', 'fare');
		SELECT service_provider.register_application('A000000002', 'locker');
		SELECT service_provider.register_application('A000000003', 'library card')});
}
link_issuer($metro, $bank, 'metro', 'bankjp');
owner($metro, "SELECT service_provider.register_issuer('BANKJP', 'Bank', server => 'bankjp')");

# Cards

my %card;

# personalize(CARD, KEY): the issuer writes secret and attribute on the card
sub personalize
{
	my ($id, $key) = @_;

	my ($attribute, $secret) = split /\|/,
	  bank("SELECT * FROM card_issuer.personalize_card('$id', $key)");
	$card{$id} = { key => $key, secret => $secret, fixed => $attribute };
	return;
}

sub issue
{
	my ($id, $key, $platform_type) = @_;

	bank(sprintf q{SELECT card_issuer.issue_card('%s', %s)}, $id, $platform_type // 200);
	personalize($id, $key);
	return;
}

sub reissue
{
	my ($old, $new, $key, %options) = @_;

	bank(sprintf q{SELECT card_issuer.request_reissue('%s', 'lost');
		SELECT card_issuer.reissue_card('%1$s', '%s', platform_type => %s, printed_number => %s)},
		$old, $new, $options{platform_type} // 'NULL', sql_literal($options{printed_number}));
	personalize($new, $key);
	return;
}

# What a card makes anew each time that it is asked (R32).
sub fresh
{
	my ($id) = @_;
	my $key = $card{$id}{key};

	return seal($scheme{$key}, $key, $public_key{$key}, "$id/$card{$id}{secret}");
}

sub request
{
	my ($attribute, %options) = @_;
	my $app = $options{app} // $fare;
	my $platform_type = $options{platform_type} // 200;

	return sprintf q{SELECT concat_ws(' ', r.outcome, r.inherits)
		FROM service_provider.request_reload('%s', 'BANKJP', %s, attribute => '%s',
			card => %s, printed_number => %s) r},
		$app, $platform_type, $attribute, sql_literal($options{card}),
		sql_literal($options{printed_number});
}

sub inquire
{
	my ($attribute, %options) = @_;

	return sprintf q{SELECT concat_ws(' ', i.platform_type, i.reissued, i.message_id)
		FROM card_issuer.inquire('%s', '%s', %s) i},
		$attribute, $options{app} // $fare, sql_literal($options{printed_number});
}

sub permit
{
	my ($role, $attribute, $reload_of, $app) = @_;

	return as($bank, $role, sprintf q{SELECT p.message_id FROM card_issuer.permit_load(
		'%s', attribute => '%s', reload_of => %s) p
		WHERE p.permitted AND p.inherits IS NOT DISTINCT FROM %3$s},
		$app // $fare, $attribute, sql_literal($reload_of));
}

# load(CARD, APPLICATION): a first load by METRO; its message id
sub load
{
	my ($id, $app) = @_;
	$app //= $fare;
	my $message = permit('metro', $card{$id}{fixed}, undef, $app);

	metro("SELECT service_provider.record_load('$message', '$app', user_ref => 'the holder',
	           platform_type => 200);
	       SELECT service_provider.send_confirmations('BANKJP')");
	return $message;
}

sub complete
{
	my ($message) = @_;

	return "SELECT service_provider.complete_reload(
		(SELECT max(r.request_id) FROM service_provider.reload_request r
		  WHERE r.outcome = 'approved'), '$message')";
}

# The causes of the last inquiries, oldest first.
sub causes
{
	my ($provider, $count) = @_;

	return split /\n/, bank(qq{
		SELECT coalesce(i.cause, 'none')
		  FROM (SELECT * FROM card_issuer.inquiry i WHERE i.provider = '$provider'
		         ORDER BY i.inquiry_no DESC LIMIT $count) i ORDER BY i.inquiry_no});
}

# The whole story with each scheme (Fig. 8)

my ($first, $second, $new);
foreach my $key (1 .. 3)
{
	my $old = "411111110000000$key";
	$new = "522222220000000$key";
	issue($old, $key);
	$first = load($old);
	is(metro(request(fresh($old))), 'not_reissued',
		"$scheme{$key}, R36: a card of first issue");
	reissue($old, $new, $key);
	is(metro(request(fresh($new))), "approved $first",
		'R41: openssl\'s attribute, asked over the server');
	$second = permit('metro', fresh($new), $first);
	isnt($second, '', 'claim 13: a permission for the reload, by attribute');
	owner($metro, "SELECT service_provider.record_load('$second', '$fare', status => 'permitted');"
		. complete($second));
	is(bank("SELECT l.status FROM card_issuer.find_load('$second') l"), 'loaded',
		'R27: reloaded and confirmed');
	is(metro(request($card{$new}{fixed})), "already_reloaded $second",
		'R32: the attribute that was stored at issue tells the same card');
	is(as($bank, 'metro', inquire(fresh($new))), "200 t $first",
		'R37: the inquiry gives the same id after the reload');
}
is(metro(request(fresh($new), platform_type => 999)), "already_reloaded $second",
	'R45: unknown platform type, an attribute alone');
is( metro(request(fresh($new), platform_type => 999, card => '60000000')),
	"already_reloaded $second", 'R45: unknown platform type, a card that is not known');
is( owner($metro, q{
		SELECT concat_ws(' ', r.method, r.card_id, r.attribute, r.printed_number, p.carrier,
		                 p.platform_type, p.reissued, p.message_id)
		  FROM service_provider.reload_request r
		  JOIN service_provider.inquiry_reply p ON p.request_id = r.request_id
		 ORDER BY r.request_id DESC LIMIT 1}),
	"2 server 200 t $first", 'R39: the reply is stored, neither card nor attribute');
is( bank(q{
		SELECT concat_ws(' ', i.role, i.app_id, i.reissued, i.message_id, i.cause)
		  FROM card_issuer.inquiry i WHERE i.provider = 'METRO'
		 ORDER BY i.inquiry_no DESC LIMIT 1}),
	"metro $fare t $first", 'R39: at the issuer, too');
is( bank(q{SELECT encode(i.attribute_sha256, 'hex') FROM card_issuer.inquiry i
		WHERE i.provider = 'METRO' ORDER BY i.inquiry_no DESC LIMIT 1}),
	owner($metro, q{SELECT encode(r.attribute_sha256, 'hex')
		FROM service_provider.reload_request r ORDER BY r.request_id DESC LIMIT 1}),
	'R39: both know the attribute by the same digest');

# A chain, and an application that was not reloaded on the way (E1, E2)

my @chain = map { "433333330000000$_" } 1 .. 3;
issue($chain[0], 1);
my $fare_1 = load($chain[0]);
my $locker_1 = load($chain[0], $locker);
reissue($chain[0], $chain[1], 2);
metro(request(fresh($chain[1])));
my $fare_2 = permit('metro', fresh($chain[1]), $fare_1);
owner($metro, complete($fare_2));
reissue($chain[1], $chain[2], 3);
is(metro(request(fresh($chain[2]))), "approved $fare_2", 'E2: the third card inherits from the second');
is(metro(request(fresh($chain[2]), app => $locker)), "approved $locker_1",
	'E1: and what was not reloaded there from the first');
is(metro(request($card{$chain[1]}{fixed})), 'not_reissued', 'E7: the second card is replaced itself');

# A provider without a server: its application server carries the inquiry

my ($book_old, $book_new) = ('B00K-OLD', 'B00K-NEW');
issue($book_old, 1);
my $book_1 = permit('library', $card{$book_old}{fixed}, undef, $books);
library("SELECT service_provider.record_load('$book_1', '$books', platform_type => 200)");
as($bank, 'library', "SELECT card_issuer.confirm_load('$book_1')");
reissue($book_old, $book_new, 2);
my $attribute = fresh($book_new);
is(library(request($attribute, app => $books)), 'awaiting_reply', 'Fig. 11: no server');
is(owner($library, 'SELECT r.attribute FROM service_provider.reload_request r'), $attribute,
	'R34: the attribute waits for the application server');
is(as($bank, 'library', inquire($attribute, app => $books)), "200 t $book_1",
	'R37: it asks the issuer');
is( library(qq{SELECT concat_ws(' ', v.outcome, v.inherits) FROM service_provider.record_reply(
		1, 200, true, '$book_1') v}),
	"approved $book_1", 'R41: and records the reply');
my $book_2 = permit('library', fresh($book_new), $book_1, $books);
library("SELECT service_provider.complete_reload(1, '$book_2')");
as($bank, 'library', "SELECT card_issuer.confirm_load('$book_2')");
library(request(fresh($book_new), app => $books));
is( library(qq{SELECT concat_ws(' ', v.outcome, v.inherits) FROM service_provider.record_reply(
		2, 200, true, '$book_1') v}),
	"already_reloaded $book_2", 'R27: the same answer again');

# Change of platform at reissue (E58)

my ($readable, $secret) = ('6011000000000001', '6011000000000002');
issue($readable, 1, 100);
my $up_1 = as($bank, 'metro', "SELECT p.message_id FROM card_issuer.permit_load('$fare', '$readable') p");
metro("SELECT service_provider.record_load('$up_1', '$fare', '$readable', platform_type => 100);
	SELECT service_provider.send_confirmations('BANKJP')");
reissue($readable, $secret, 2, platform_type => 200);
is(metro("SELECT service_provider.pull_notices('BANKJP')"), '0', 'R31: no notice about a secret card');
is(metro(request(fresh($secret))), "approved $up_1", 'E58: 100 to 200, by inquiry');
my $up_2 = permit('metro', fresh($secret), $up_1);
owner($metro, complete($up_2));
is( owner($metro, qq{SELECT concat_ws(' ', l.message_id, l.card_id, l.platform_type, l.status)
		FROM service_provider.app_load l WHERE l.message_id IN ('$up_1', '$up_2') ORDER BY 1}),
	"$up_1 $readable 100 superseded\n$up_2 200 loaded",
	'E58: METRO knows the id of the old card and not that of the new');
my $back = '6011000000000003';
reissue($secret, $back, 1, platform_type => 100);
is(metro("SELECT service_provider.pull_notices('BANKJP')"), '1', 'E58: 200 to 100, by notice');
is( owner($metro, q{SELECT concat_ws(' ', n.new_card_id, n.old_card_id, n.message_id)
		FROM service_provider.reissue_notice n}),
	"$back $up_2", 'E58: which names the load, not the old card');
is( metro("SELECT concat_ws(' ', r.outcome, r.inherits) FROM
		service_provider.request_reload('$fare', 'BANKJP', 100, '$back') r"),
	"approved $up_2", 'E58: approved');
my $up_3 = as($bank, 'metro', "SELECT p.message_id FROM card_issuer.permit_load(
	'$fare', '$back', reload_of => '$up_2') p");
owner($metro, complete($up_3));
is(bank("SELECT l.status FROM card_issuer.find_load('$up_3') l"), 'loaded', 'E58: and reloaded');

# Every negative answer is the same row; the issuer knows the cause

issue('7000000000000001', 1);
load('7000000000000001');
reissue('7000000000000001', '7000000000000002', 1, printed_number => '0042');
issue('7000000000000003', 1);
load('7000000000000003', $locker);
reissue('7000000000000003', '7000000000000004', 1);
issue('7000000000000005', 1);
my $unload = load('7000000000000005');
reissue('7000000000000005', '7000000000000006', 1);
metro("SELECT service_provider.record_unload('$unload');
	SELECT service_provider.send_confirmations('BANKJP')");
issue('7000000000000009', 1);
issue('7000000000000007', 4);
load('7000000000000007');
reissue('7000000000000007', '7000000000000008', 4);
bank('SELECT card_issuer.retire_key(4)');
like(as($bank, 'metro', inquire(fresh('7000000000000008'))), qr/^200 t /,
	'E40: a retired key still decrypts');
bank(q{SELECT card_issuer.revoke_key(4);
	SELECT card_issuer.register_application('A000000004', 'METRO', 'gone');
	SELECT card_issuer.withdraw_application('A000000004')});

my $good = '7000000000000002';
sub sealed { return seal('ecies-x25519', 1, $public_key{1}, $_[0]) }
my @negative = (
	[ 'unknown_application', fresh($good), app => 'A0000000FF' ],
	[ 'application_withdrawn', fresh($good), app => 'A000000004' ],
	[ 'foreign_app', fresh($good), app => $books ],
	[ 'unknown_key', attribute('ecies-x25519', 99, 'x' x 60) ],
	[ 'revoked_key', fresh('7000000000000008') ],
	[ 'wrong_scheme', attribute('ecies-p256', 1, 'x' x 60) ],
	[ 'undecryptable', attribute('ecies-x25519', 1, 'x') ],
	[ 'undecryptable', attribute('ecies-x25519', 1, "\0" x 60) ],
	[ 'undecryptable', attribute('ecies-p256', 2, "\2" . "\377" x 59) ],
	[ 'undecryptable', attribute('rsa-oaep-sha256', 3, 'x' x 256) ],
	[ 'undecryptable', fresh($good) =~ s/(.)$/sprintf '%x', hex($1) ^ 1/er ],
	[ 'no_card_id', sealed('nothing that is a card') ],
	[ 'no_card_id', sealed("$good/short") ],
	[ 'unknown_card', sealed('4000000000000000') ],
	[ 'secret', sealed($good) ],
	[ 'secret', sealed("$good/0123456789abcdef") ],
	[ 'printed_number', fresh($good), printed_number => '0043' ],
	[ 'card_status', fresh('7000000000000001') ],
	[ 'not_reissued', fresh('7000000000000009') ],
	[ 'app_not_on_old_card', fresh('7000000000000004') ],
	[ 'withdrawn', fresh('7000000000000006') ]);
like(as($bank, 'metro', inquire(fresh($good), printed_number => '0042')), qr/^200 t /,
	'R33: the right printed number');
my @answers = split /\n/, as($bank, 'metro', join ';', map { inquire(@$_[ 1 .. $#$_ ]) } @negative);
my @causes = causes('METRO', scalar @negative);
foreach my $i (0 .. $#negative)
{
	is("$answers[$i] ($causes[$i])", "200 f ($negative[$i][0])",
		"R36, E39: the negative row for $negative[$i][0]");
}
is(metro(request(sealed($good))), 'not_reissued',
	'a forged attribute, made without the secret, asked over the server');
is(metro(request(fresh($good), printed_number => '0043')), 'not_reissued',
	'R33: a wrong printed number, asked over the server');
like(noise_of($metro, 'clerk', sprintf q{
		SELECT service_provider.record_reply(%s, 200, true, 'BANKJP/METRO/1')},
		owner($metro, 'SELECT max(r.request_id) FROM service_provider.reload_request r')),
	qr/ERROR:  SR009: request \d+ is recorded with another reply/, 'R36: that is the reply');
is(metro(request(fresh($good), printed_number => q{'), '\\0042})), 'not_reissued',
	'R33: one that would be SQL');
like(metro(request(fresh($good), printed_number => '0042')), qr/^approved /,
	'R33, R36: a later request asks anew');
is_deeply([ causes('METRO', 4) ], [ 'secret', 'printed_number', 'printed_number', 'none' ],
	'R33: their causes');

link_issuer($library, $bank, 'library', 'bankjp');
owner($library, "SELECT service_provider.register_issuer('BANKJP', 'Bank', server => 'bankjp')");
is(library(request(fresh($good))), 'not_reissued', 'E45: another provider asks for the application');
is_deeply([ causes('LIBRARY', 1) ], ['foreign_app'], 'E45: its cause');
bank("SELECT card_issuer.suspend_provider('LIBRARY')");
is(library(request(fresh($book_new), app => $books)), 'not_reissued', 'E14: a suspended provider asks');
is_deeply([ causes('LIBRARY', 1) ], ['contract_ended'], 'E14: its cause');
bank("SELECT card_issuer.resume_provider('LIBRARY')");

# Keys that cannot be had are the operator's fault

sub requests_of { return owner($_[0], 'SELECT count(*) FROM service_provider.reload_request') }
sub inquiries { return bank('SELECT count(*) FROM card_issuer.inquiry') }

my @before = (requests_of($metro), inquiries());
my $refusal = qr/ERROR:  SR011: key 3 is not available/;
my $hidden = "$keys/3.hidden";
$attribute = fresh($chain[2]);
move("$keys/3.pem", $hidden);
like(noise_of($bank, 'metro', inquire($attribute)), $refusal, 'E41: no key file');
like(noise_of($metro, 'clerk', request($attribute)), $refusal, 'E41: asked over the server');
is_deeply([ requests_of($metro), inquiries() ], \@before, 'E41: nothing is half done');
move($hidden, "$keys/3.pem");
foreach my $mode (0644, 0660)
{
	chmod $mode, "$keys/3.pem";
	my $noise = noise_of($bank, 'metro', 'SET client_min_messages = log; ' . inquire($attribute));
	like($noise, $refusal, sprintf 'a key file with mode %04o', $mode);
	unlike($noise, qr/\Q$keys/, 'E60: a provider is not told where it is');
}
chmod 0600, "$keys/3.pem";
like(as($bank, 'metro', inquire($attribute)), qr/^200 t /, 'E41: mended');
copy("$keys/3.pem", $hidden);
append_to_file("$keys/3.pem", "\0" x 2**20);
like(noise_of($bank, 'metro', inquire($attribute)), $refusal, 'a key file of a megabyte');
move($hidden, "$keys/3.pem");
chmod 0600, "$keys/3.pem";
like(as($bank, 'metro', inquire($attribute)), qr/^200 t /, 'E41: mended again');

# A session keeps a key until the configuration is loaded again (E40)

my $session = $bank->background_psql('postgres', on_error_stop => 0,
	extra_params => [ '-U', 'metro' ]);
$attribute = fresh($good);

like($session->query(inquire($attribute)), qr/^200 t /, 'a session loads a key');
copy("$keys/1.pem", $hidden);
copy("$keys/4.pem", "$keys/1.pem");
like($session->query(inquire($attribute)), qr/^200 t /, 'and keeps it, though another takes its place');
my $bank_log = -s $bank->logfile;
$bank->reload;
$bank->wait_for_log(qr/reloading configuration files/, $bank_log);
my $patience = 500;
usleep(10_000) while $session->query(inquire($attribute)) ne '' && --$patience;
is($session->query(inquire($attribute)), '', 'E40: after a reload of the configuration the file is read again');
like(slurp_file($bank->logfile, $bank_log), qr/DETAIL:  The key in its file is not the one that is registered/,
	'E40: and found to be another key');
copy($hidden, "$keys/1.pem");
like($session->query(inquire($attribute)), qr/^200 t /, 'E41: when it is back, the session goes on');

sub set_key_directory
{
	my ($directory) = @_;

	$bank->append_conf('postgresql.conf', "screissue.key_directory = '$directory'");
	$bank->reload;
	$bank->poll_query_until('postgres', "SELECT current_setting('screissue.key_directory') = '$directory'")
	  or die 'the configuration was not loaded';
	return;
}

my $elsewhere = make_keys();
move("$keys/$_.pem", "$elsewhere/$_.pem") for 1 .. 4;
chmod 0600, "$elsewhere/1.pem";
set_key_directory('');
like(noise_of($bank, 'metro', inquire($attribute)), qr/ERROR:  SR011: key 1 is not available/, 'E41: no key directory');
like(slurp_file($bank->logfile, $bank_log), qr/DETAIL:  screissue.key_directory is not set/, 'E41: and the log says so');
set_key_directory($elsewhere);
like($session->query(inquire($attribute)), qr/^200 t /, 'the keys may move to another directory');
is($session->query("SHOW screissue.key_directory"), '', 'E60: which a provider is not told');
$session->quit;

# One session of METRO outlives the issuer

sub link_pid { return bank(q{SELECT a.pid FROM pg_stat_activity a WHERE a.usename = 'metro'}) }

$session = $metro->background_psql('postgres');
like($session->query_safe(request(fresh($good))), qr/^approved /, 'a session asks');
my $pid = link_pid();
like($pid, qr/^\d+$/, 'over one connection');
like($session->query_safe(request(fresh($good))), qr/^approved /, 'again');
is(link_pid(), $pid, 'over the same one');
$bank->restart;
like($session->query_safe(request(fresh($good))), qr/^approved /,
	'E35: the issuer was restarted: connected anew, once');
like(link_pid(), qr/^\d+$/, 'E35: there is one connection again');
$session->quit;

# The issuer does not answer in time

bank(q{ALTER ROLE metro SET statement_timeout = '200ms'});
my $blocker = $bank->background_psql('postgres');
$blocker->query_safe('BEGIN; LOCK TABLE card_issuer.card');
$attribute = fresh($good);
@before = (requests_of($metro), inquiries());
my $noise = noise_of($metro, 'clerk', request($attribute));
like($noise, qr/ERROR:  HV000: canceling statement due to statement timeout/,
	'a cancel at the issuer is not one of ours');
unlike($noise, qr/ecies|\Q$attribute\E/, 'R42: the error does not quote the inquiry');
is_deeply([ requests_of($metro), inquiries() ], \@before, 'and nothing is half done');
$blocker->query_safe('COMMIT');
$blocker->quit;
bank('ALTER ROLE metro RESET statement_timeout');
like(metro(request($attribute)), qr/^approved /, 'the next request is answered');

# An issuer that answers nonsense

$bank->safe_psql('postgres', 'CREATE DATABASE fake');
$bank->safe_psql('fake', q{
	CREATE SCHEMA card_issuer;
	GRANT USAGE ON SCHEMA card_issuer TO metro;
	CREATE TABLE card_issuer.answer (answer jsonb);
	CREATE FUNCTION card_issuer.inquire(attribute text, app text, printed_number text)
	    RETURNS SETOF jsonb LANGUAGE sql SECURITY DEFINER
	    BEGIN ATOMIC SELECT a.answer FROM card_issuer.answer a; END;
	CREATE FUNCTION card_issuer.find_reissue(card text, app text)
	    RETURNS SETOF jsonb LANGUAGE sql SECURITY DEFINER
	    BEGIN ATOMIC SELECT a.answer FROM card_issuer.answer a; END});
link_issuer($metro, $bank, 'metro', 'fake', 'fake');
owner($metro, "SELECT service_provider.register_issuer('FAKE', 'Fake', server => 'fake')");
my $requests = requests_of($metro);
foreach my $nonsense (
	'4000000000000000', '{"platform_type": "4000000000000000", "reissued": true}',
	'{"platform_type": 200, "reissued": true}',
	'{"platform_type": 200, "reissued": true, "message_id": "FAKE/LIBRARY/1"}',
	'{"platform_type": 200, "reissued": true, "message_id": "BANKJP/METRO/1"}')
{
	$bank->safe_psql('fake',
		"DELETE FROM card_issuer.answer; INSERT INTO card_issuer.answer VALUES ('$nonsense')");
	foreach my $asked ("200, attribute => 'ecies-x25519:1:4000000000000000'", "100, '4000000000000000'")
	{
		$noise = noise_of($metro, 'clerk',
			"SELECT service_provider.request_reload('$fare', 'FAKE', $asked)");
		like($noise, qr/ERROR:  08P01: answer of issuer "FAKE" makes no sense\nDETAIL:/,
			"R38: $nonsense makes no sense");
		unlike($noise, qr/4000000000000000/, 'R42: the error tells none of it');
	}
}
is(requests_of($metro), $requests, 'R38: and no request is stored');

# An inquiry that is rolled back leaves its number

my $report = q{SELECT r.hidden FROM card_issuer.inquiry_report r WHERE r.provider = 'METRO'};
my $hidden_before = bank($report);
my $probe = inquire(sealed('4000000000000000'));
as($bank, 'metro', "BEGIN; $probe; $probe; ROLLBACK");
is(bank($report), $hidden_before + 2, 'E45: inquiries that were rolled back are reported as hidden');

# What a plan shows, and how often a call decrypts

my $loud = join '', map { "SET $_;" } 'client_min_messages = log', 'auto_explain.log_min_duration = 0',
  'auto_explain.log_analyze = on', 'auto_explain.log_verbose = on',
  'auto_explain.log_nested_statements = on';
sub plans_of
{
	my ($call) = @_;
	my ($status, $out, $err) =
	  $bank->psql('postgres', "LOAD 'auto_explain'; $loud $call; EXPLAIN (ANALYZE, VERBOSE) $call");

	return "$out\n$err";
}
my ($plain, $plain_secret) = ($good, $card{$good}{secret});
my $permit = "SELECT p.permitted FROM card_issuer.permit_load('$fare', attribute => '%s') p";
foreach my $call (inquire(fresh($good)), sprintf($permit, fresh($good)))
{
	my ($function) = $call =~ /card_issuer\.(\w+)/;
	my $plans = plans_of($call);
	like($plans, qr/Query Text:.*Function Scan on card_issuer\.$function/s,
		"auto_explain shows plans of $function");
	unlike($plans, qr/$plain|$plain_secret/, 'R35: but no card id and no secret');
}

# Any caller can have the plans of nested statements sent to it: no constant in
# them may be the card's id, which is looked for as bytes in decimal.
my $bytes = join ' ', map { $_ > 127 ? $_ - 256 : $_ }
  map { hex } bank("SELECT encode(card_id_send('$good'), 'hex')") =~ /../g;
my $printed = 'SET client_min_messages = log; SET debug_print_plan = on; SET debug_print_rewritten = on;';
sub print_of
{
	my ($role, $call) = @_;
	my ($status, $out, $err) = $bank->psql('postgres', "SET ROLE $role; $printed $call; $call");

	return $err;
}
like(print_of('postgres', "SELECT FROM card_issuer.card c WHERE c.card_id = '$good'"),
	qr/constvalue.*\Q$bytes\E/s, 'a plan that names a card has its bytes');
bank('UPDATE card_issuer.self SET distributed = true');
foreach my $call (inquire(fresh($good)), sprintf($permit, fresh($good)))
{
	my $plans = print_of('metro', $call);
	like($plans, qr/PLANNEDSTMT/, 'the plans of a call reach the provider');
	unlike($plans, qr/\Q$bytes\E/, 'R42: and none has the card id in it');
}
bank('UPDATE card_issuer.self SET distributed = false');

# decryptions(CALL): how many there are in CALL, prepared and executed 7 times
sub decryptions
{
	my ($call) = @_;
	my ($status, $out, $err) = $bank->psql('postgres',
		"SET client_min_messages = debug2; PREPARE call AS $call; " . 'EXECUTE call; ' x 7);

	return scalar(() = $err =~ /decrypted a card attribute/g);
}
is(decryptions(inquire(fresh($good))), 7, 'one decryption in an inquiry');
is(decryptions(sprintf $permit, fresh($good)), 7, 'one in a permission');
is(decryptions(inquire(sealed('4000000000000000'))), 7, 'one in a negative inquiry');

# Where nothing can be written

my $read_only = 'BEGIN READ ONLY; ' . inquire(fresh($good)) . '; COMMIT';
like(noise_of($bank, 'metro', $read_only), qr/ERROR:  25006/, 'an inquiry must be recorded');
my $no_audit = 'SET screissue.audit_inquiries = off;';
like(noise_of($bank, 'metro', "$probe; $no_audit"), qr/ERROR:  42501/,
	'which a provider cannot turn off');
like(noise_of($bank, 'metro', $no_audit . $read_only), qr/ERROR:  25006/,
	'not even before the library is loaded');
bank('ALTER DATABASE postgres SET screissue.audit_inquiries = off');
like(as($bank, 'metro', $read_only), qr/^200 t /m, 'unless the issuer does not want it');
bank('ALTER DATABASE postgres RESET screissue.audit_inquiries');

$bank->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($bank, 'copy', has_streaming => 1);
$standby->start;
$bank->wait_for_catchup($standby);
my $count = inquiries();
like(as($standby, 'metro', inquire(fresh($good))), qr/^200 t /, 'a standby answers inquiries');
is(as($standby, 'metro', inquire(sealed($good))), '200 f', 'negative ones, too');
is(inquiries(), $count, 'which nobody records');
my $log = slurp_file($standby->logfile);
like($log, qr/LOG: .*inquiry.*secret/, 'but the log of the standby has the negative one and its cause');
unlike($log, qr/$good/, 'E60: with the card masked');

done_testing();
