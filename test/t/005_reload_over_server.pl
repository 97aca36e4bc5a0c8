
# Reload over the issuer's server (Fig. 19; R28, R29; E34, E52, E60): the pair
# is asked for when no notice was sent, confirmations reach the issuer at once
# or later, a restart of the issuer in between is healed, and no error carries
# a card id away.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;

my $bank = start_issuer('bank', 'BANKJP');
my $metro = start_provider('metro', 'METRO');

my $app = 'A000000001';
my @old = map { sprintf '411111000000%04d', $_ } 0 .. 9;
my @new = map { sprintf '522222000000%04d', $_ } 0 .. 9;

sub bank
{
	return $bank->safe_psql('postgres', "SET search_path = screissue, public; $_[0]");
}

sub metro
{
	return $metro->safe_psql('postgres', "SET search_path = screissue, public; $_[0]");
}

# All that a call at the provider prints besides its result.
sub noise_of
{
	my ($call) = @_;
	my ($status, $out, $err) =
	  $metro->psql('postgres', "\\set VERBOSITY verbose\n$call");

	return $err;
}

sub request
{
	my ($card, $platform_type) = @_;
	$platform_type //= 100;

	return "SELECT concat_ws(' ', r.outcome, r.inherits) FROM
		service_provider.request_reload('$app', 'BANKJP', $platform_type, '$card') r";
}

# The issuer's permission for the reload on a new card.
sub permit_reload
{
	my ($card, $old_message) = @_;

	return bank("SET ROLE metro; SELECT p.message_id FROM card_issuer.permit_load(
		'$app', '$card', reload_of => '$old_message') p");
}

sub complete
{
	my ($message, $succeeded) = @_;
	$succeeded //= 'true';

	return "SELECT service_provider.complete_reload(
		(SELECT max(r.request_id) FROM service_provider.reload_request r
		  WHERE r.outcome = 'approved'), '$message', $succeeded)";
}

sub at_bank
{
	my ($message) = @_;

	return bank("SELECT l.status FROM card_issuer.find_load('$message') l");
}

sub unconfirmed
{
	return metro("SELECT coalesce(string_agg(u.message_id::text, ' '
		ORDER BY u.message_id), 'none') FROM service_provider.unconfirmed_load u");
}

# Ten cards, loaded, then reissued; METRO gets no notices.

bank(q{
	CREATE ROLE metro LOGIN;
	SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro', 'on_request');
	SELECT card_issuer.register_application('A000000001', 'METRO', 'fare');
});
metro(q{
	CREATE ROLE clerk LOGIN;
	SELECT service_provider.grant_operator('clerk');
	SELECT service_provider.register_issuer('BANKJP', 'Bank', server => 'bankjp');
	SELECT service_provider.register_application('A000000001', 'fare');
	SELECT service_provider.set_tariff('A000000001', 'reload', 100, 'JPY');
});
my @first;
for my $i (0 .. 9)
{
	$first[$i] = bank(qq{
		SELECT card_issuer.issue_card('$old[$i]', 100);
		SELECT p.message_id FROM card_issuer.permit_load('$app', '$old[$i]') p});
	$first[$i] =~ s/^\s+//;
	bank(qq{
		SELECT card_issuer.confirm_load('$first[$i]');
		SELECT card_issuer.request_reissue('$old[$i]', 'lost');
		SELECT card_issuer.reissue_card('$old[$i]', '$new[$i]')});
	metro(qq{
		SELECT service_provider.record_load('$first[$i]', '$app', '$old[$i]', 'user $i');
		UPDATE service_provider.app_load SET confirmed_at = now()});
}

# What is missing is said

my $err = noise_of(request($new[0]));
like($err, qr/ERROR:  0A000: extension "dblink" is not installed/, 'no dblink');
like($err, qr/HINT:  Run CREATE EXTENSION dblink/, 'and what to do');
metro('CREATE SCHEMA links; CREATE EXTENSION dblink SCHEMA links');
$err = noise_of(request($new[0]));
like($err, qr/ERROR:  42704: foreign server "bankjp" does not exist/, 'no server');
metro(sprintf q{
	CREATE SERVER bankjp FOREIGN DATA WRAPPER dblink_fdw
	    OPTIONS (host '%s', port '%s', dbname 'postgres')}, $bank->host, $bank->port);
$err = noise_of(request($new[0]));
like($err, qr/ERROR:  42704: user mapping not found/, 'no user mapping');
is(metro('SELECT count(*) FROM service_provider.reload_request'), '0',
	'nothing is stored by a request that failed');
metro(q{CREATE USER MAPPING FOR CURRENT_USER SERVER bankjp OPTIONS (user 'metro')});

# Fig. 19

is(metro(request($new[0])), "approved $first[0]",
	'R28: no notice, the issuer is asked and knows the pair');
is( metro(q{
		SELECT concat_ws(' ', sign(n.notice_no), n.kind, n.platform_type, n.new_card_id,
		                 n.old_card_id, n.app_id, n.message_id, n.carrier)
		  FROM service_provider.reissue_notice n}),
	"-1 reissue 100 $new[0] $old[0] $app $first[0] inquiry",
	'R29: the answer is stored like a notice');
is(metro(request('4000000000000000')), 'not_reissued', 'R24: unknown to the issuer');
is(metro(request($old[0])), 'not_reissued', 'R24: the old card');
is(metro(request('4000000000000000', 999)), 'awaiting_reply',
	'R45: unknown platform, unknown card');
is(metro(request($new[1], 999)), "approved $first[1]",
	'R45: unknown platform, a card that the issuer knows');

# complete_reload confirms at once

my $message = permit_reload($new[1], $first[1]);
is(noise_of(complete($message)), '', 'R27: the reload is recorded');
is(at_bank($message), 'loaded', 'R8: and confirmed to the issuer at once');
is(at_bank($first[1]), 'superseded', 'R27: where the old load is superseded');
is(unconfirmed(), 'none', 'R8: nothing is left to confirm');
is(metro(request($new[1])), "already_reloaded $message", 'R27: asked again');
is(noise_of(complete($message)), '', 'E52: reported again');

metro(request($new[2]));
$message = permit_reload($new[2], $first[2]);
is(noise_of(complete($message, 'false')), '', 'R27: a reload that fails');
is(at_bank($message), 'failed', 'R8: the failure is confirmed, too');
my $second = permit_reload($new[2], $first[2]);
isnt($second, $message, 'R27: the issuer gives another permission');
is(noise_of(complete($second)), '', 'R27: with which it succeeds');
is(at_bank($second), 'loaded', 'R8: and is confirmed');

# An operator has no right to the server, the owner of the extension has

is( metro('SET ROLE clerk; ' . request($new[3])), "approved $first[3]",
	'E60: an operator asks through the mapping of the owner');
$err = noise_of(q{SET ROLE clerk; SELECT screissue.remote_rows('bankjp', 'SELECT 1')});
like($err, qr/ERROR:  42501/, 'E60: and not otherwise');

# The issuer is restarted under an open session

my $session = $metro->background_psql('postgres', on_error_stop => 0);
is($session->query_safe(request($new[3])), "approved $first[3]", 'R28: in a session');
is($session->query_safe('SELECT array_length(links.dblink_get_connections(), 1)'), '1',
	'R28: which keeps its connection');
$bank->restart;
is($session->query_safe(request($new[3])), "approved $first[3]",
	'E35: the issuer was restarted: connected anew');
$bank->stop('immediate');
$bank->start;
is($session->query_safe(request($new[3])), "approved $first[3]",
	'E35: the issuer crashed: connected anew');
bank(q{SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a
	WHERE a.usename = 'metro'});
$message = permit_reload($new[3], $first[3]);
$session->query_safe(complete($message));
is(at_bank($message), 'loaded', 'E35: the connection was ended: confirmed all the same');
is($session->query_safe('SELECT array_length(links.dblink_get_connections(), 1)'), '1',
	'R28: and it is still one connection');

# The issuer is down

metro(request($new[$_])) for 4;
my @late = ($message = permit_reload($new[4], $first[4]));
metro(request($new[5]));
push @late, permit_reload($new[5], $first[5]);
$bank->stop;
$err = noise_of(request($new[6]));
like($err, qr/ERROR:  08001: could not establish connection/, 'E35: nobody to ask');
$err = noise_of(complete($late[1]));
like($err, qr/WARNING:  08001: load "$late[1]" is not confirmed to its issuer/,
	'E35: nobody to tell: a warning');
unlike($err, qr/ERROR/, 'E35: no error');
is(unconfirmed(), $late[1], 'R8: the load stays to be confirmed');
is($session->query("SELECT service_provider.send_confirmations('BANKJP')"), '0',
	'R8: none could be sent');
$session->{stderr} = '';
$bank->start;

# Told later: loads, reloads, unloads, failures, and what the issuer refuses

is(at_bank($late[1]), 'permitted', 'R8: the issuer does not know yet');
metro(request($new[4]));
$metro->safe_psql('postgres', "SELECT service_provider.record_load('BANKJP/METRO/999999', '$app');
	SELECT service_provider.record_load('$late[0]', '$app', status => 'failed');
	SELECT service_provider.record_unload('$late[1]')");
is(unconfirmed(), "$late[0] $late[1] BANKJP/METRO/999999", 'R8: three to confirm');
my ($status, $out);
($status, $out, $err) = $metro->psql('postgres',
	"\\set VERBOSITY verbose\nSET ROLE clerk; SELECT service_provider.send_confirmations('BANKJP')");
is($out, '2', 'R8: two are confirmed');
like($err, qr{WARNING:  SR008: load "BANKJP/METRO/999999" is not confirmed to its issuer: unknown message id},
	'R8: one is refused, which does not stop the others');
is(at_bank($late[0]), 'failed', 'R8: the failure has arrived');
is(at_bank($late[1]), 'unloaded', 'R12: so has the removal');
is(unconfirmed(), 'BANKJP/METRO/999999', 'R8: the refused one stays');
is(metro("SELECT service_provider.send_confirmations('BANKJP')"), '0', 'R8: as often as it is tried');
bank("SELECT card_issuer.issue_card('6000000000000000', 100)");
$message = bank("SELECT p.message_id FROM card_issuer.permit_load('$app', '6000000000000000') p");
metro("SELECT service_provider.record_load('$message', '$app')");
is(metro("SELECT service_provider.send_confirmations('BANKJP')"), '1',
	'R8: a first load after the refused one');
is(at_bank($message), 'loaded', 'R8: is confirmed');

# The issuer withdraws; no notice would tell

is(metro(request($new[7])), "approved $first[7]", 'E9: before');
bank("SELECT card_issuer.withdraw_reissue('$new[7]')");
is(metro(request($new[7])), 'not_reissued', 'E9: the issuer is asked each time');

# Errors of the other side keep their SQLSTATE and carry no card id

bank('REVOKE EXECUTE ON FUNCTION card_issuer.find_reissue FROM metro');
$err = noise_of(request($new[8]));
like($err, qr/ERROR:  42501: permission denied for function find_reissue/,
	'E60: the SQLSTATE and message of the issuer');
like($err, qr/PL\/pgSQL function screissue.remote_rows/, 'E60: the context is our own');
unlike($err, qr/$new[8]|card => '/, 'E60: without the query and its card id');
bank('GRANT EXECUTE ON FUNCTION card_issuer.find_reissue TO metro');

bank(q{ALTER ROLE metro SET statement_timeout = '300ms'});
metro(request($new[9]));
$message = permit_reload($new[9], $first[9]);
my $blocker = $bank->background_psql('postgres');
$blocker->query_safe('BEGIN; LOCK TABLE card_issuer.app_load, card_issuer.entitlement');
$err = noise_of(request($new[8]));
like($err, qr/ERROR:  HV000: canceling statement due to statement timeout/,
	'a cancel at the other side is not one of ours');
$err = noise_of(complete($message));
like($err, qr/WARNING:  HV000: load "$message" is not confirmed to its issuer: canceling/,
	'R8: an issuer that does not answer in time leaves the load to be confirmed');
like(unconfirmed(), qr/$message/, 'R8: later');
$blocker->query_safe('COMMIT');
$blocker->quit;
is(metro("SELECT service_provider.send_confirmations('BANKJP')"), '1', 'R8: when it does');
is(at_bank($message), 'loaded', 'R8: all is well');
$session->quit;

# All that the provider logged but the statements themselves.
my $log = slurp_file($metro->logfile);
$log =~ s/^[^\t\n]*(?:STATEMENT|LOG):  .*\n(?:\t.*\n)*//mg;
like($log, qr/CONTEXT:.*\n\t.*remote_rows/, 'the log has errors with their context');
unlike($log, qr/(?:411111|522222)000000\d{4}/, 'E60: and no card id in any of them');

done_testing();
