
# What a provider must never learn, and what must never leave the issuer (R42,
# E47, E60): the ids of cards that only the issuer can read, the issuer's
# private keys, the secrets of cards.  The whole story is told with statement
# logging, auto_explain and pg_stat_statements on; then everything that a
# provider has is searched, down to the bytes of its files, and everything that
# the issuer sends and logs.  The same search has to find what is there.

use strict;
use warnings;

use CardAttribute;
use Disclosure;
use File::Find;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;

my $app = 'A000000001';
my $books = 'A000000002';

# Cards that only the issuer can read, with ids of each kind, and two others.
my ($first, $second, $third) = ('4539578763621486', '4916338506082832', '4485275742308327');
my ($bytes_old, $bytes_new) = ('0x04A22B6C3D5E80', '0x04A2917F60E314');
my ($symbol_old, $symbol_new) = ('JE.80-7342_A', 'JE.80-7342_B');
my $between = '4716893054172639';
my $dark = '4024007185226941';
my @secret = ($first, $second, $third, $bytes_old, $bytes_new, $symbol_old, $symbol_new, $between, $dark);
my ($printed_old, $printed_new) = ('4532981076452398', '4929104638275560');
my ($readable_old, $readable_new) = ('5284613907254186', '5378209461538297');

# Three parties that log as much as they can

my $keys = make_keys();
my %loud = (
	log_statement => 'all',
	log_min_messages => 'debug2',
	log_min_duration_statement => 0,
	log_error_verbosity => 'verbose',
	log_parameter_max_length_on_error => -1);

sub set_loud
{
	my ($node) = @_;
	my $directory = $node->safe_psql('postgres', 'SELECT setting FROM pg_config WHERE name = \'PKGLIBDIR\'');
	my @libraries = grep { -e "$directory/$_.so" } ('auto_explain', 'pg_stat_statements');

	$node->append_conf('postgresql.conf', join "\n", map { "$_ = '$loud{$_}'" } sort keys %loud);
	$node->append_conf('postgresql.conf', sprintf q{
		shared_preload_libraries = '%s'
		auto_explain.log_min_duration = 0
		auto_explain.log_analyze = on
		auto_explain.log_verbose = on
		auto_explain.log_nested_statements = on
		pg_stat_statements.track = all}, join ',', @libraries);
	$node->restart;
	return;
}

my $bank = start_issuer('bank', 'BANKJP', 'screissue.key_directory' => $keys);
my $metro = start_provider('metro', 'METRO');
my $library = start_provider('library', 'LIBRARY');
set_loud($_) for ($bank, $metro, $library);

# What the providers were shown, and what the bank logged meanwhile.
my $shown = '';
my $logged = '';

# Runs a call by or for a provider; returns what it prints.
sub as
{
	my ($node, $role, $sql) = @_;
	my $start = -s $bank->logfile;
	my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql",
		extra_params => [ '-U', $role ], on_error_stop => 0);

	$shown .= "$out\n$err\n";
	$logged .= slurp_file($bank->logfile, $start);
	return $out;
}

sub bank { return $bank->safe_psql('postgres', $_[0]) }

# Contracts, keys

$_->safe_psql('postgres', 'ALTER DATABASE postgres SET search_path = screissue, public')
  for ($bank, $metro, $library);
bank(qq{
	CREATE ROLE metro LOGIN;
	CREATE ROLE library LOGIN;
	SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro');
	SELECT card_issuer.register_provider('LIBRARY', 'City Library', 'library', 'pull');
	SELECT card_issuer.register_application('$app', 'METRO', 'fare');
	SELECT card_issuer.register_application('$books', 'LIBRARY', 'library card');
	SELECT card_issuer.create_publication('METRO');
	SELECT card_issuer.create_publication('LIBRARY');
	SELECT card_issuer.register_key(1, 'ecies-x25519');
	SELECT card_issuer.register_key(2, 'ecies-p256');
	SELECT card_issuer.register_key(3, 'rsa-oaep-sha256');
	SELECT pg_create_logical_replication_slot('observer', 'pgoutput')});
my %scheme = (1 => 'ecies-x25519', 2 => 'ecies-p256', 3 => 'rsa-oaep-sha256');
my %public_key = map {
	$_ => pack 'H*', bank("SELECT encode(k.public_key, 'hex')
		FROM card_issuer.encryption_key k WHERE k.key_id = $_")
} keys %scheme;

subscribe($metro, $bank, 'BANKJP', 'METRO');
foreach my $node ($metro, $library)
{
	$node->safe_psql('postgres', qq{
		CREATE ROLE clerk LOGIN;
		SELECT service_provider.grant_operator('clerk');
		SELECT service_provider.register_application('$app', 'fare');
		SELECT service_provider.register_application('$books', 'library card')});
}
link_issuer($metro, $bank, 'metro', 'bankjp');
$metro->safe_psql('postgres', q{SELECT service_provider.register_issuer('BANKJP', 'Bank',
	subscription => 'bankjp', server => 'bankjp')});
$library->safe_psql('postgres', q{SELECT service_provider.register_issuer('BANKJP', 'Bank')});
$metro->wait_for_subscription_sync($bank, 'bankjp');

# Cards

my %card;

sub personalize
{
	my ($id, $key) = @_;
	my ($attribute, $secret) = split /\|/,
	  bank("SELECT * FROM card_issuer.personalize_card('$id', $key)");

	$card{$id} = { key => $key, secret => $secret, fixed => $attribute };
	return;
}

sub reissue
{
	my ($old, $new, $platform_type) = @_;
	$platform_type //= 200;

	bank("SELECT card_issuer.request_reissue('$old', 'lost');
		SELECT card_issuer.reissue_card('$old', '$new', platform_type => $platform_type)");
	personalize($new, 1);
	return;
}

sub fresh
{
	my ($id) = @_;
	my $key = $card{$id}{key};

	return seal($scheme{$key}, $key, $public_key{$key}, "$id/$card{$id}{secret}");
}

my $key = 0;
foreach my $id ($first, $bytes_old, $symbol_old, $readable_old)
{
	bank(sprintf q{SELECT card_issuer.issue_card('%s', %s)}, $id, $id eq $readable_old ? 100 : 200);
	personalize($id, $key++ % 3 + 1);
}

sub permit
{
	my ($role, $application, $attribute, $reload_of) = @_;

	return as($bank, $role, sprintf q{SELECT p.message_id FROM card_issuer.permit_load(
		'%s', attribute => '%s', reload_of => %s) p WHERE p.permitted},
		$application, $attribute, sql_literal($reload_of));
}

# Confirms at the issuer what a message id is about.
sub confirm
{
	my ($node) = @_;

	$node->safe_psql('postgres', q{SELECT service_provider.send_confirmations('BANKJP')});
	return;
}

sub request
{
	my ($attribute, %options) = @_;

	return as($metro, 'clerk', sprintf q{SELECT concat_ws(' ', r.outcome, r.inherits)
		FROM service_provider.request_reload('%s', 'BANKJP', %s, card => %s, attribute => %s,
		                                     printed_number => %s) r},
		$options{app} // $app, $options{platform_type} // 200, sql_literal($options{card}),
		sql_literal($attribute), sql_literal($options{printed_number}));
}

# reload(ATTRIBUTE, OLD LOAD): at METRO; its message id
sub reload
{
	my ($attribute, $old_load) = @_;
	my $message = permit('metro', $app, $attribute, $old_load);

	$metro->safe_psql('postgres', qq{
		SELECT service_provider.complete_reload(
		    (SELECT max(r.request_id) FROM service_provider.reload_request r
		      WHERE r.outcome = 'approved'), '$message')});
	return $message;
}

# The story with cards that only the issuer can read

my %load;
foreach my $id ($first, $bytes_old, $symbol_old)
{
	$load{$id} = permit('metro', $app, $card{$id}{fixed});
	as($metro, 'clerk', "SELECT service_provider.record_load('$load{$id}', '$app',
		user_ref => 'the holder', platform_type => 200)");
}
confirm($metro);
reissue($first, $second);
reissue($bytes_old, $bytes_new);
reissue($symbol_old, $symbol_new);
is(request(fresh($second)), "approved $load{$first}", 'method 2: approved');
$load{$second} = reload(fresh($second), $load{$first});
is(request($card{$second}{fixed}), "already_reloaded $load{$second}", 'method 2: asked again');
is(request(fresh($bytes_new), platform_type => 999), "approved $load{$bytes_old}",
	'method 2: unknown platform type');
is(request(fresh($symbol_new), printed_number => 'wrong'), "approved $load{$symbol_old}",
	'method 2: with a printed number that the issuer has not on record');
reissue($second, $third);
is(request(fresh($third)), "approved $load{$second}", 'method 2: the next card');
is(request(fresh($first)), 'not_reissued', 'method 2: a replaced card');
is(request(seal('ecies-x25519', 1, $public_key{1}, $third)), 'not_reissued', 'method 2: a forged attribute');
is(request(fresh($third), app => $books), 'not_reissued', 'method 2: another provider\'s application');
is(request(attribute('ecies-x25519', 1, 'x' x 60)), 'not_reissued', 'method 2: noise');
like(as($bank, 'metro', "SELECT i.* FROM card_issuer.inquire('" . fresh($third) . "', '$app') i"),
	qr/^200\|t\|/, 'method 2: asked directly');
as($bank, 'metro', "BEGIN; SELECT card_issuer.inquire('" . fresh($third) . "', '$app'); SELECT 1 / 0; ROLLBACK");
as($bank, 'metro', "EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM card_issuer.inquire('" . fresh($third) . "', '$app')");
as($bank, 'metro', "SELECT card_issuer.decrypt_attribute('" . fresh($third) . "')");

# LIBRARY's application server carries the inquiry
my $book_1 = permit('library', $books, fresh($third));
as($library, 'clerk', "SELECT service_provider.record_load('$book_1', '$books', platform_type => 200)");
bank("SELECT card_issuer.confirm_load('$book_1')");
reissue($third, $between);
as($library, 'clerk', sprintf q{SELECT service_provider.request_reload('%s', 'BANKJP', 200,
	attribute => '%s')}, $books, fresh($between));
like(as($bank, 'library', "SELECT i.* FROM card_issuer.inquire('" . fresh($between) . "', '$books') i"),
	qr{^200\|t\|$book_1}, 'method 2: the application server asks');
is(as($library, 'clerk', "SELECT v.outcome FROM service_provider.record_reply(1, 200, true, '$book_1') v"),
	'approved', 'method 2: the reply is recorded');
my $book_2 = permit('library', $books, fresh($between), $book_1);
as($library, 'clerk', "SELECT service_provider.complete_reload(1, '$book_2')");

# From a card that can be read to one that cannot, and back (E58)

my $up = as($bank, 'metro',
	"SELECT p.message_id FROM card_issuer.permit_load('$app', '$readable_old') p");
as($metro, 'clerk', "SELECT service_provider.record_load('$up', '$app', '$readable_old', platform_type => 100)");
confirm($metro);
reissue($readable_old, $dark);
is(request(fresh($dark)), "approved $up", 'E58: 100 to 200');
my $down = reload(fresh($dark), $up);
reissue($dark, $readable_new, 100);
$bank->wait_for_catchup('bankjp');
is(request(undef, platform_type => 100, card => $readable_new), "approved $down", 'E58: 200 to 100');

# A card that shows its id.  Whoever asks with the printed number has it in a
# statement, and so in the log, but not in a table.

bank("SELECT card_issuer.issue_card('$printed_old', 200)");
personalize($printed_old, 1);
$load{$printed_old} = permit('metro', $app, $card{$printed_old}{fixed});
as($metro, 'clerk', "SELECT service_provider.record_load('$load{$printed_old}', '$app', platform_type => 200)");
confirm($metro);
bank("SELECT card_issuer.request_reissue('$printed_old', 'lost');
	SELECT card_issuer.reissue_card('$printed_old', '$printed_new', printed_number => '$printed_new')");
personalize($printed_new, 1);
is( $metro->safe_psql('postgres', sprintf q{SELECT r.outcome FROM service_provider.request_reload(
		'%s', 'BANKJP', 200, attribute => '%s', printed_number => '%s') r},
		$app, fresh($printed_new), $printed_new),
	'approved', 'R33: a printed number that is the card id');

# The search

# Files below a directory in which a pattern is found, with blanks between.
sub files_with
{
	my ($pattern, $directory) = @_;
	my @found;

	find({
		no_chdir => 1,
		wanted => sub {
			push @found, substr($_, length($directory) + 1)
			  if -f && slurp_file($_) =~ $pattern;
		} }, $directory);
	return join ' ', sort @found;
}

sub dump_of
{
	my ($node) = @_;
	my ($out, $err) = run_command([ 'pg_dumpall', '--no-sync', '-d', $node->connstr('postgres') ]);

	return $out;
}

sub statements_of
{
	my ($node) = @_;
	return '' if $node->safe_psql('postgres', 'SHOW shared_preload_libraries') !~ /pg_stat_statements/;

	return $node->safe_psql('postgres', q{
		CREATE EXTENSION pg_stat_statements;
		SELECT s.query FROM pg_stat_statements s});
}

my $secret_id = pattern(map { images($_) } @secret);
my $printed_id = pattern(map { images($_) } $printed_old, $printed_new);
my $readable_id = pattern(map { images($_) } $readable_old, $readable_new);

absent($shown, $secret_id, 'R42: no call of a provider shows the id of a secret card');
like($shown, qr/approved|BANKJP/, 'though they show something');
absent($logged, $secret_id, 'R35: nor does the bank log one that was inquired about');
like($logged, qr/Query Text: .*card_issuer\.inquire/s, 'though it logs plans of inquiries');
like($logged, qr/inquiry of "METRO" about application "$app": secret/, 'and causes of negative ones');

foreach my $node ($metro, $library)
{
	my $name = $node->name;
	my $dump = dump_of($node);
	my $statements = statements_of($node);

	absent($dump, $secret_id, "R42: no secret card in the tables of $name");
	absent($statements, $secret_id, "R42: nor in its statements");
	$node->stop;
	absent(slurp_file($node->logfile), $secret_id, "R42: nor in its log");
	is(files_with($secret_id, $node->data_dir), '', "R42: nor in its files, WAL and all");
	is(files_with($printed_id, $node->data_dir), '', "R42: where no printed number is, either");
	next if $node == $library;

	like($dump, $readable_id, 'the id of a readable card is in the tables');
	like(slurp_file($node->logfile), $readable_id, 'and in the log');
	like(files_with($readable_id, $node->data_dir), qr{base/\d+/\d+.* pg_wal/[0-9A-F]{24}},
		'and in files, one of them WAL');
}

my $wire = bank('COPY screissue.notice TO STDOUT');
absent($wire, $secret_id, 'R42: the wire table has no secret card');
like($wire, $readable_id, 'but a readable one');
my $stream = pack 'H*', bank(q{
	SELECT string_agg(encode(c.data, 'hex'), '')
	  FROM pg_logical_slot_peek_binary_changes('observer', NULL, NULL, 'proto_version', '1',
	           'publication_names', 'screissue_metro,screissue_library') c});
absent($stream, $secret_id, 'R42: the logical stream has no secret card');
like($stream, $readable_id, 'but a readable one');

# Private keys and secrets of cards, at the issuer itself (E47)

my $private = pattern(map { private_parts("$keys/$_.pem") } 1 .. 3);
my $card_secret = pattern(map { ($_->{secret}, unpack('H*', $_->{secret})) } values %card);
like(slurp_file("$keys/$_.pem"), $private, "key $_ is recognised") for 1 .. 3;
like("$first/$card{$first}{secret}", $card_secret, 'a secret is recognised');
my $dump = dump_of($bank);
my $statements = statements_of($bank);
$bank->stop;
my $log = slurp_file($bank->logfile);
foreach my $kept ([ $private, 'private keys' ], [ $card_secret, 'secrets of cards' ])
{
	absent($dump, $kept->[0], "E47: no $kept->[1] in the tables");
	absent($statements, $kept->[0], "E47: nor in the statements");
	absent($log, $kept->[0], "E47: nor in the log");
	is(files_with($kept->[0], $bank->data_dir), '', "E47: nor in the files, WAL and all");
}
like(files_with($secret_id, $bank->data_dir), qr{base/\d+/\d+.* pg_wal/[0-9A-F]{24}},
	'where the ids of cards are');

done_testing();
