
# A provider's log as a whole (E47, R35, R42): an application that sends what it has as
# parameters, to a server that logs every statement and is told not to log those
# (doc/security.md, What is logged).  Every call of the API is made so, and fails so;
# notices land over a subscription, end in quarantine, are pulled, typed and imported;
# the issuer is asked over dblink, answers, refuses, and is not there.  Nowhere in the
# log is a card id, an attribute, what is in it, or a key.

use strict;
use warnings;

use CardAttribute;
use Disclosure;
use PostgreSQL::Test::BackgroundPsql;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;

my $fare = 'A000000001';
my $keys = make_keys();
my $bank = start_issuer('bank', 'BANKJP', 'screissue.key_directory' => $keys);
my $metro = start_provider('metro', 'METRO', 'screissue.key_directory' => $keys,
	log_statement => 'all', log_min_duration_statement => 0, log_duration => 'on', log_error_verbosity => 'verbose',
	log_min_messages => 'debug2', log_lock_waits => 'on', deadlock_timeout => '10ms', log_replication_commands => 'on',
	log_parameter_max_length => 0, log_parameter_max_length_on_error => 0);

sub bank { return $bank->safe_psql('postgres', $_[0]) }
# At the provider itself no statement may have an id: what these return is not in the log.
sub metro { return $metro->safe_psql('postgres', $_[0]) }

# Calls by a role with parameters, in the extended protocol, as applications do; returns
# what is wrong, if anything is.
my $script = PostgreSQL::Test::Utils::tempdir('script') . '/call.sql';
my %called;
sub bound
{
	my ($role, $call, %values) = @_;
	my ($name) = $call =~ /^(\w+)\(/;

	unlink $script;
	append_to_file($script, "SELECT * FROM service_provider.$call\n");
	$called{$name} = 1;
	my ($out, $err) = run_command([ 'pgbench', '-n', '-t', '1', '-M', 'extended', '-h', $metro->host, '-p', $metro->port, '-U', $role,
		(map { ('-D', "$_=$values{$_}") } sort keys %values), '-f', $script, 'postgres' ]);
	return $err =~ /ERROR:  (.*)/ ? $1 : $out =~ m{actually processed: 1/1$}m ? '' : $err;
}
# The same for a call that is to work, and for one that is not.
sub works { my $error = bound('clerk', @_); return is($error, '', "R35: works: $_[0]") }
sub fails { my $error = bound('clerk', @_); return isnt($error, '', "R35: fails: $_[0]: $error") }

# What must not be found: cards of each kind, one that only the issuer can read

my @old = ('4539578763621486', '0x04A22B6C3D5E80', 'JE.80-7342_A', '4485275742308327');
my @new = ('4916338506082832', '0x04A2917F60E314', 'JE.80-7342_B', '4532981076452398');
my ($dark_old, $dark) = ('4716893054172639', '4024007185226941');
my ($printed, $wrong, $poison) = ('4929104638275560', '5284613907254186', '5378209461538297');

$_->safe_psql('postgres', 'ALTER DATABASE postgres SET search_path = screissue, public') for ($bank, $metro);
bank(qq{
	CREATE ROLE metro LOGIN;
	SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro'), card_issuer.register_application('$fare', 'METRO', 'fare'),
	       card_issuer.create_publication('METRO'), card_issuer.register_key(1, 'ecies-x25519'),
	       card_issuer.register_certificate('BANKJP', pg_read_file('$keys/bank.crt'), 'bank.pem'),
	       card_issuer.register_certificate('METRO', pg_read_file('$keys/metro.crt'))});
my @load;
sub issue
{
	my ($old, $platform) = @_;

	bank("SELECT card_issuer.issue_card('$old', $platform)");
	push @load, bank("SELECT p.message_id FROM card_issuer.permit_load('$fare', card => '$old') p");
	return $load[-1];
}
sub reissue
{
	my ($old, $new) = @_;

	return bank("SELECT card_issuer.request_reissue('$old', 'lost'); SELECT card_issuer.reissue_card('$old', '$new')");
}
issue($_, 100) for @old;
my $dark_load = issue($dark_old, 200);
metro(q{CREATE ROLE clerk LOGIN; CREATE ROLE stranger LOGIN; GRANT USAGE ON SCHEMA service_provider TO stranger});
my $start = -s $metro->logfile;
metro(q{SELECT service_provider.grant_operator('clerk')});

# The contract

link_issuer($metro, $bank, 'metro', 'bankjp');
metro(q{GRANT USAGE ON FOREIGN SERVER bankjp TO clerk});
works('register_issuer(:issuer, :name, subscription => :subscription, server => :server)', issuer => 'BANKJP', name => 'Bank', subscription => 'bankjp', server => 'bankjp');
works('register_application(:app, :name)', app => $_, name => 'fare') for ($fare, 'A000000009');
works('set_tariff(:app, :kind, :amount, :currency)', app => $fare, kind => 'load', amount => 100, currency => 'JPY');
works('accept_transfer(:app, :provider)', app => $fare, provider => 'OLDTOWN');
works('withdraw_application(:app)', app => 'A000000009');
works('grant_operator(:role)', role => 'clerk');
works('grant_auditor(:role)', role => 'stranger');
my %certificate = map { $_ => slurp_file("$keys/$_.crt") } ('bank', 'metro', 'shop');
works('register_certificate(:company, :certificate, :file)', company => 'METRO', certificate => $certificate{metro}, file => 'metro.pem');
works('register_certificate(:company, :certificate)', company => 'BANKJP', certificate => $certificate{bank});
works('register_certificate(:company, :certificate)', company => 'BANKJP', certificate => $certificate{shop});
works('revoke_certificate(:company, :sha256)', company => 'BANKJP', sha256 => metro(q{SELECT min(c.sha256::text) FROM screissue.certificate c WHERE c.registered_at = (SELECT max(d.registered_at) FROM screissue.certificate d)}));
fails('register_certificate(:company, :certificate, :file)', company => 'METRO', certificate => $certificate{metro}, file => 'bank.pem');
fails('register_certificate(:company, :certificate, :file)', company => 'METRO', certificate => slurp_file("$keys/metro.pem"), file => 'metro.pem');

# Loads

works('record_load(:message, :app, :card, :user, platform_type => :type)', message => $load[$_], app => $fare, card => $old[$_], user => "user $_", type => 100) for 0 .. 3;
works('record_load(:message, :app, platform_type => :type)', message => $dark_load, app => $fare, type => 200);
works('record_load(:message, :app, :card, status => :status)', message => 'BANKJP/METRO/900', app => $fare, card => $wrong, status => 'loaded');
works('record_unload(:message)', message => 'BANKJP/METRO/900');
works('find_load(:message)', message => $load[0]);
works('record_examination(:message, ROW(true, :reason, NULL)::screissue.verdict)', message => $load[0], reason => 'seen');
works('send_confirmations(:issuer)', issuer => 'BANKJP');
fails('record_load(:message, :app, :card)', message => $load[0], app => $fare, card => $wrong);
fails('record_load(:message, :app, :card)', message => 'BANKJP/METRO/901', app => $fare, card => "${wrong}?");
fails('record_load(:message, :app, :card)', message => 'BANKJP/SHOP/901', app => $fare, card => $old[0]);
fails('record_load(:message, :app, :card)', message => 'BANKJP/METRO/901', app => 'A000000099', card => $old[0]);
fails('find_load(:message)', message => 'BANKJP/METRO/999');
isnt(bound('stranger', 'record_load(:message, :app, :card)', message => $load[0], app => $fare, card => $wrong), '', 'E60: refused to a stranger');

# Notices over a subscription: what is there at first, what comes later, what is not believed

reissue($old[0], $new[0]);
my $connection = $bank->connstr . ' dbname=postgres';
metro("CREATE SUBSCRIPTION bankjp CONNECTION '$connection' PUBLICATION screissue_metro");
$metro->wait_for_subscription_sync($bank, 'bankjp');
reissue($old[1], $new[1]);
my %wire = (issuer => 'BANKJP', provider => 'METRO', message_id => $load[0], app_id => $fare);
send_notice($bank, %wire, notice_no => 101, new_card_id => $poison, old_card_id => "$wrong x");
send_notice($bank, %wire, notice_no => 102, new_card_id => "$poison/", old_card_id => $wrong);
send_notice($bank, %wire, notice_no => 103, new_card_id => $poison, old_card_id => $wrong, message_id => 'BANKJP/SHOP/1');
send_notice($bank, %wire, notice_no => 104, new_card_id => $poison, old_card_id => $wrong, app_id => "$wrong.");
$bank->wait_for_catchup('bankjp');
like(quarantine($metro), qr/^101 unparsable: old_card_id\n102 unparsable: new_card_id\n103 wrong_message_id\n104 unparsable: app_id/, 'E37: four notices are in quarantine');
works('retry_notice(:id, :reason)', id => 1, reason => 'perhaps');
works('dismiss_notice(:id, :reason)', id => 2, reason => 'no');
fails('retry_notice(:id, :reason)', id => 2, reason => $wrong);

# The same by all other carriers

my $form = bank(q{SELECT card_issuer.print_notice('METRO', 1)});
my $file = bank(q{SELECT file FROM card_issuer.export_notices('METRO', 0)});
my $receive = 'receive_notice(:issuer, :provider, :no, :kind, :type, :new, :old, :app, :message, :reason, now(), :carrier)';
my %notice = (issuer => 'BANKJP', provider => 'METRO', no => 200, kind => 'reissue', type => 100, new => $poison, old => $wrong,
	app => $fare, message => $load[0], reason => 'lost', carrier => 'file');
works('pull_notices(:issuer)', issuer => 'BANKJP');
works('backfill(:issuer)', issuer => 'BANKJP');
works('missing_notices(:issuer)', issuer => 'BANKJP');
works('received_notices(:issuer, :from, :to)', issuer => 'BANKJP', from => 1, to => 999);
works('digest(:issuer, :from, :to)', issuer => 'BANKJP', from => 1, to => 9);
works('digests(:issuer, :from, :to, :step)', issuer => 'BANKJP', from => 1, to => 9, step => 5);
works('type_notice(:form)', form => $form);
works('import_notices(:file)', file => $file);
works($receive, %notice);
works($receive, %notice, new => "$poison!");
works($receive, %notice, old => $printed);
works($receive, %notice, provider => 'SHOP');
fails($receive, %notice, carrier => 'pigeon');
fails('type_notice(:form)', form => $form =~ s/(\d)(\D*)$/(($1 + 1) % 10) . $2/er);
fails('type_notice(:form)', form => $poison);
fails('import_notices(:file)', file => substr($file, 0, 900));
fails('import_notices(:file)', file => "$poison $file");

# Reloads, method 1: from the inbox, by a question to the issuer, and when that fails

my $request = 'request_reload(:app, :issuer, :type, card => :card)';
my %asked = (app => $fare, issuer => 'BANKJP', type => 100);
sub last_request { return metro('SELECT max(r.request_id) FROM service_provider.reload_request r') }
sub outcome { return metro('SELECT r.outcome FROM service_provider.reload_request r ORDER BY r.request_id DESC LIMIT 1') }
works($request, %asked, card => $new[0]);
is(outcome(), 'approved', 'R28: from the inbox');
my $approved = last_request();
works('explain_decision(:id)', id => $approved);
my $permitted = bank("SELECT p.message_id FROM card_issuer.permit_load('$fare', card => '$new[0]', reload_of => '$load[0]') p");
works('complete_reload(:id, :message)', id => $approved, message => $permitted);
fails('complete_reload(:id, :message)', id => $approved, message => 'BANKJP/METRO/999');
metro(q{ALTER SUBSCRIPTION bankjp DISABLE});
reissue($old[2], $new[2]);
works($request, %asked, card => $new[2]);
is(outcome(), 'approved', 'R28: by a question over dblink');
works($request, %asked, card => $wrong);
is(outcome(), 'not_reissued', 'R28: a card that is none');
fails($request, %asked, card => "$wrong-");
fails($request, %asked, app => 'A000000099', card => $new[2]);
fails($request, %asked, issuer => 'NOBANK', card => $new[2]);
works('register_application(:app, :name, :examination)', app => $fare, name => 'fare', examination => 'refer');
reissue($old[3], $new[3]);
works($request, %asked, card => $new[3]);
is(outcome(), 'examination_required', 'R50: one that is to be examined');
works('examine_reload(:id, ROW(true, :reason, NULL)::screissue.verdict)', id => last_request(), reason => 'seen');
works('register_application(:app, :name, :examination)', app => $fare, name => 'fare', examination => 'substitute');

# Method 2: an attribute, and replies by server, paper and file

reissue($dark_old, $dark);
my ($attribute, $secret) = split /\|/, bank("SELECT * FROM card_issuer.personalize_card('$dark', 1)");
my $public_key = pack 'H*', bank(q{SELECT encode(k.public_key, 'hex') FROM card_issuer.encryption_key k});
my @sealed = ($attribute, map { seal('ecies-x25519', 1, $public_key, $_) } ("$dark/$secret", $dark, "$wrong/$secret"));
$request = 'request_reload(:app, :issuer, :type, attribute => :attribute, printed_number => :printed)';
%asked = (app => $fare, issuer => 'BANKJP', type => 200, printed => $printed);
works($request, %asked, attribute => $sealed[0]);
is(outcome(), 'approved', 'R35: method 2');
works($request, %asked, attribute => $_) for @sealed[1 .. 3];
fails($request, %asked, attribute => "$sealed[1]?");
fails($request, %asked, attribute => $dark);
metro(q{UPDATE service_provider.issuer SET server = NULL});
works($request, %asked, attribute => $sealed[1]);
is(outcome(), 'awaiting_reply', 'R36: with no server a reply is awaited');
my $awaiting = last_request();
works('export_inquiry(:issuer)', issuer => 'BANKJP');
my $replies = bank(sprintf q{SELECT card_issuer.answer_inquiries($$%s$$)}, metro(q{SELECT file FROM service_provider.export_inquiry('BANKJP')}));
works('import_replies(:file)', file => "$replies");
fails('import_replies(:file)', file => "$replies");
fails('import_replies(:file)', file => $sealed[1]);
works($request, %asked, attribute => $sealed[1]);
works('record_reply(:id, :type, :reissued, :message)', id => last_request(), type => 200, reissued => 'true', message => $dark_load);
fails('record_reply(:id, :type, :reissued, :message, :old)', id => last_request(), type => 100, reissued => 'true', message => $dark_load, old => $wrong);
works($request, %asked, attribute => $sealed[1]);
fails('type_reply(:id, :form)', id => last_request(), form => $form);
fails('type_reply(:id, :form)', id => last_request(), form => $dark);
works('type_reply(:id, :form)', id => last_request(), form => bank("SELECT card_issuer.print_reply('$fare', attribute => '$sealed[1]')"));
my $second = bank("SELECT p.message_id FROM card_issuer.permit_load('$fare', attribute => '$sealed[1]') p");
fails('type_permission(:form)', form => $sealed[1]);
works('type_permission(:form)', form => bank("SELECT card_issuer.print_permission('$second')"));
works('import_permissions(:file)', file => bank("SELECT card_issuer.export_permissions('METRO', '{$second}')"));
fails('import_permissions(:file)', file => $file);

# The issuer refuses, is slow, and is gone

metro(q{UPDATE service_provider.issuer SET server = 'bankjp'});
bank('REVOKE EXECUTE ON FUNCTION card_issuer.inquire, card_issuer.find_reissue FROM metro');
bound('clerk', $request, %asked, attribute => $sealed[1]);
bound('clerk', 'request_reload(:app, :issuer, :type, card => :card)', app => $fare, issuer => 'BANKJP', type => 100, card => $poison);
bank('GRANT EXECUTE ON FUNCTION card_issuer.inquire, card_issuer.find_reissue TO metro; ALTER ROLE metro SET statement_timeout = 1');
bound('clerk', 'request_reload(:app, :issuer, :type, card => :card)', app => $fare, issuer => 'BANKJP', type => 100, card => $poison) for 1 .. 3;
bank('ALTER ROLE metro RESET statement_timeout; UPDATE card_issuer.self SET name = name || \'!\'');
metro('SELECT pg_reload_conf()');

# Whoever has to wait, and gives up

my $holder = $metro->background_psql('postgres');
$holder->query_safe('BEGIN; LOCK TABLE service_provider.reload_request, service_provider.app_load, service_provider.reissue_notice');
{
	local $ENV{PGOPTIONS} = '-c lock_timeout=100ms';
	fails('request_reload(:app, :issuer, :type, card => :card)', app => $fare, issuer => 'BANKJP', type => 100, card => $new[0]);
	fails('record_load(:message, :app, :card)', message => 'BANKJP/METRO/902', app => $fare, card => $wrong);
	fails($receive, %notice, no => 201);
}
$holder->quit;
{
	local $ENV{PGOPTIONS} = '-c default_transaction_read_only=on';
	fails($receive, %notice, no => 201);
	fails('record_load(:message, :app, :card)', message => 'BANKJP/METRO/902', app => $fare, card => $wrong);
}
$bank->stop;
bound('clerk', 'request_reload(:app, :issuer, :type, card => :card)', app => $fare, issuer => 'BANKJP', type => 100, card => $poison);
bound('clerk', $request, %asked, attribute => $sealed[1]);

# All that the server wrote

is( metro(sprintf q{SELECT string_agg(p.proname, ' ' ORDER BY p.proname) FROM pg_proc p WHERE p.pronamespace = 'service_provider'::regnamespace
		AND has_function_privilege('clerk', p.oid, 'EXECUTE') AND p.proname NOT IN ('%s')}, join "','", sort keys %called),
	'', 'every call of the API was made');
my $found = pattern((map { images($_) } @old, @new, $dark_old, $dark, $printed, $wrong, $poison),
	(map { my ($bytes) = /:([^:]+)$/; ($bytes, lc $bytes, uc $bytes) } @sealed), "$dark/", $secret, unpack('H*', $secret),
	(map { private_parts("$keys/$_.pem") } 1 .. 4, 'bank', 'metro', 'shop'));
my $log = substr slurp_file($metro->logfile), $start;
absent($log, $found, 'E47: no card id, attribute, plaintext or key in the whole log of a provider whose application sends parameters');
ok($log =~ /execute <unnamed>: SELECT \* FROM service_provider\.$_\(\$1/, "though it has the statement: $_") for ('record_load', 'request_reload', 'import_notices', 'type_notice');
ok($log =~ /notice from subscription "bankjp" is in quarantine: unparsable: old_card_id/, 'and what was put in quarantine');
ok($log =~ /\Q$_\E/, "and errors: $_") for ('lock timeout', 'read-only transaction', 'ERROR:  22P02');

# The settings are what keeps it so, and the search finds it elsewhere.
metro(q{ALTER SYSTEM SET log_parameter_max_length = -1; SELECT pg_reload_conf()});
bound('clerk', 'record_load(:message, :app, :card)', message => 'BANKJP/METRO/903', app => $fare, card => $poison);
like(substr(slurp_file($metro->logfile), length($log) + $start), qr/arameters: .*$poison/, 'without log_parameter_max_length = 0 they would be there');
like("$sealed[0] $dark/$secret", $found, 'and be found');
like(slurp_file("$keys/$_.pem"), $found, "as would key $_") for (1, 'metro');

done_testing();
