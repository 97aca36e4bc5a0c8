
# A gateway (doc/replication.md): a cluster that holds one partner's notices, fed by
# the issuer, to which the partner subscribes.  The commands are those of the
# document, run as they stand there but for names, addresses and passwords.  The
# partner's role reads the whole gateway and finds its own notices and nothing else
# (E24, E46, E47); feeding survives repetition, haste and crashes (E35), a gateway
# that was lost and an issuer that was restored (E25, E36), and at the end all three
# have the same (E59).

use strict;
use warnings;

use File::Find;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;

my $fare = 'D3920000A101';     # METRO's
my $books = 'D3920000B101';    # LIBRARY's
my $planted = 'planted1Feed2Password3';
my $partners_password = q{the partner's \word};
my $user = getpwuid($<);

my $bank = start_issuer('bank', 'BANKJP');
my $metro = start_provider('metro', 'METRO');
my $directory = PostgreSQL::Test::Utils::tempdir_short();
my $gateway_dir = "$directory/metro";
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $to = "host=$gateway_dir port=$port dbname=gateway";

sub bank { return $bank->safe_psql('postgres', $_[0]); }
sub metro { return $metro->safe_psql('postgres', $_[0]); }

# A database by its conninfo, which safe_psql has no way to name.
sub at
{
	my ($conninfo, $sql) = @_;
	my ($out, $err) = run_command([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $conninfo, '-c', $sql ]);

	die "$sql: $err" if $err =~ /ERROR|FATAL|error:/;
	return $out;
}
sub gateway { return at($to, $_[0]); }

# The blocks of the document, in order, with what is ours in place of the examples.
my ($section) = slurp_file('doc/replication.md') =~ /^## Gateway\n(.*?)^## /ms;
my @blocks = $section =~ /^```[a-z]*\n(.*?)^```$/gms;
my %ours = (
	'/srv/metro' => $gateway_dir,
	'5440' => $port,
	'203.0.113.7' => '127.0.0.1',
	'198.51.100.0/24' => '0.0.0.0/0',
	'203.0.113.1/32' => '127.0.0.0/8',
	'feed.password' => "$directory/feed.password",
	'sslrootcert=gateway.crt' => "sslrootcert=$gateway_dir.crt",
	'host=gateway.example' => 'host=gateway.example hostaddr=127.0.0.1',
	'metro.password' => "$directory/metro.password",
	'/etc/metro/gateway.crt' => "$gateway_dir.crt",
	'dbname=issuer' => 'dbname=postgres',
	q{PASSWORD '...'} => "PASSWORD '$planted'",
	'password=...' => q{password=''the partner\\''s \\\\word''},
	'<= 1000' => '<= 10');
my $examples = join '|', map { quotemeta } sort { length $b <=> length $a } keys %ours;

# The only block that has this in it
sub block
{
	my ($part) = @_;
	my @found = grep { index($_, $part) >= 0 } @blocks;

	die "blocks with $part: " . @found if @found != 1;
	$found[0] =~ s/($examples)/$ours{$1}/g;
	return $found[0];
}

sub run_sql
{
	my ($node, $part) = @_;
	my ($first) = block($part) =~ /^-- (\w+)/ or die "whose is the block with $part?";
	my ($status, $out, $err) = $node->psql('postgres', block($part), on_error_stop => 1);

	is($status, 0, "the document, at the $first: $part") or BAIL_OUT($err);
	return;
}

# What a block of shell commands, or one of its commands, prints: status, output,
# errors.  The issuer is where libpq looks first.
sub commands { return map { s/\\\n//gr } split /^\$ /m, block($_[0]) =~ s/\A\$ //r; }

sub shell
{
	my (@command) = @_;
	local $ENV{PGHOST} = $bank->host;
	local $ENV{PGPORT} = $bank->port;
	local $ENV{PGPASSFILE} = "$directory/pgpass";
	my ($out, $err) = ('', '');

	delete local $ENV{PGPASSWORD};
	IPC::Run::run([ 'sh', '-ec', "@command" ], '<', \undef, '>', \$out, '2>', \$err);
	return ($? >> 8, $out, $err);
}

sub shell_ok
{
	my ($what, @command) = @_;
	my ($status, $out, $err) = shell(@command);

	is($status, 0, $what) or diag $err;
	return $out;
}

my ($feed, $check);
sub feed { return shell_ok($_[0], $feed); }
sub check { return shell_ok($_[0], $check); }

# Feeds in the background
sub start_feed
{
	local $ENV{PGHOST} = $bank->host;
	local $ENV{PGPORT} = $bank->port;
	local $ENV{PGPASSFILE} = "$directory/pgpass";
	my ($out, $err) = ('', '');
	my $run = IPC::Run::start([ 'sh', '-ec', "exec $feed @_" ], '<', \undef, '>', \$out, '2>', \$err);

	return { run => $run, out => \$out, err => \$err };
}

sub write_file
{
	my ($file, $content) = @_;

	open(my $handle, '>', $file) or die "$file: $!";
	print $handle $content;
	close $handle;
	chmod 0600, $file;
	return;
}

# Notices to METRO with these numbers, as a reissue would write them, only faster
sub write_notices
{
	my ($node, $from, $to_no) = @_;

	$node->safe_psql('postgres', qq{
		INSERT INTO screissue.notice
		SELECT 'BANKJP', 'METRO', no, 'reissue', 100, 'METROCARD' || no, NULL, '$fare',
		       'BANKJP/METRO/' || no, E'lost\\t\\\\\\n', now()
		  FROM generate_series($from, $to_no) no;
		UPDATE card_issuer.notice_counter SET last_notice_no = $to_no WHERE provider::text = 'METRO'});
	return;
}

# Digests of METRO's notices at issuer and provider
sub same_digests
{
	my ($node, $range, $what) = @_;
	my $digest = $node->safe_psql('postgres', "SELECT * FROM card_issuer.digest('METRO', $range)");

	unlike($digest, qr/^0\|/, "$what: there are notices");
	is(metro("SELECT * FROM service_provider.digest('BANKJP', $range)"), $digest, "$what: the provider has the same");
	return;
}

# Waits until METRO has so many.
sub wait_for_inbox
{
	my ($count) = @_;

	return $metro->poll_query_until('postgres', "SELECT count(*) = $count FROM service_provider.reissue_notice");
}

# Issuer: two providers, and cards of both that are reissued

$bank->append_conf('postgresql.conf', "log_statement = 'none'");
bank(qq{
	CREATE ROLE library;
	SELECT card_issuer.register_provider('LIBRARY', 'City Library', 'library')});
run_sql($bank, 'CREATE ROLE metro_feed');
bank(qq{
	SELECT card_issuer.register_application('$fare', 'METRO', 'fare'),
	       card_issuer.register_application('$books', 'LIBRARY', 'library card')});
# From here on nobody comes in but the owner and the feed.
write_file($bank->data_dir . '/pg_hba.conf', <<"HBA");
local all $user trust
local postgres metro_feed scram-sha-256
HBA
$bank->reload;
write_file("$directory/pgpass", "*:*:*:metro_feed:$planted\n*:$port:gateway:screissue_feed:feeds the gateway\n");
write_file("$directory/feed.password", "feeds the gateway\n");
write_file("$directory/metro.password", "$partners_password\n");

# Cards with the applications of one provider, reissued
sub reissue_cards
{
	my ($name, $app, $from, $to_no) = @_;

	bank(qq{
		SET search_path = screissue, pg_catalog;
		SELECT card_issuer.issue_card((v || 'O' || n)::card_id, 100),
		       card_issuer.confirm_load((card_issuer.permit_load('$app', (v || 'O' || n)::card_id)).message_id)
		  FROM (VALUES ('$name')) x (v), generate_series($from, $to_no) n;
		SELECT card_issuer.reissue_cards(array_agg(('${name}O' || n)::card_id), array_agg(('${name}N' || n)::card_id), 'lost')
		  FROM generate_series($from, $to_no) n});
	return;
}
reissue_cards('METROCARD', $fare, 1, 30);
reissue_cards('LIBRARYCARD', $books, 1, 40);
is(bank('SELECT provider, problem FROM card_issuer.publication_check()'),
	'LIBRARY|is missing', 'R19: publication_check: LIBRARY, which is pushed to, has no publication, METRO needs none');

# The gateway

shell_ok('a certificate is made', qq{openssl req -new -x509 -days 2 -nodes -newkey rsa:2048 -subj /CN=gateway.example \\
	-addext subjectAltName=DNS:gateway.example -out $gateway_dir.crt -keyout $gateway_dir.key 2>/dev/null
	chmod 600 $gateway_dir.key});
my $create = block('screissue_gateway create');
like(shell_ok('the document: a gateway is created', commands('screissue_gateway create')), qr/gateway of BANKJP for METRO is running/,
	'and says so');
unlike(slurp_file("$gateway_dir/pg_hba.conf"), qr/^\s*[^#].*(trust|password|md5|replication)/m, 'E47: nobody is trusted');
like(slurp_file("$gateway_dir/pg_hba.conf"), qr/^hostssl\s+gateway\s+metro\s+\S+\s+scram-sha-256$/m, 'the partner comes with TLS');
like(slurp_file("$gateway_dir/pg_hba.conf"), qr/^hostssl\s+gateway\s+screissue_feed\s+127\S+\s+scram-sha-256$/m, 'what feeds, too');
shell_ok('the document: TLS', commands('ssl_key_file'));
($feed, $check) = commands('screissue_gateway feed');
chomp($feed, $check);
like($feed, qr/user=screissue_feed\s+sslmode=verify-full/, 'the issuer feeds over TLS');

my $columns = q{SELECT string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attcollation::regcollation, a.attnotnull), ', ' ORDER BY a.attnum)
	FROM pg_attribute a WHERE a.attrelid = 'screissue.notice'::regclass AND a.attnum > 0};
is(gateway($columns), bank($columns), 'the table of the gateway is the wire table');
like(check('a check before anything was fed'), qr/no notices to compare/, 'says so');
like(feed('the document: feed'), qr/^30 notices$/, 'R28: what there is');
is(feed('E20: fed again'), '', 'E20: nothing is new');
like(check('the document: check'), qr/^Notices 1 to 30 are the same: 30, SHA-256 [0-9a-f]{64}$/, 'E59: both have the same');
is(bank(q{SELECT last_notice_no, fetched_no, confirmed_no, slot_name FROM card_issuer.delivery WHERE provider::text = 'METRO'}),
	'30|30|30|', 'E36: the issuer sees how far the gateway is');

# The provider

run_sql($metro, 'CREATE SUBSCRIPTION bank');
ok(wait_for_inbox(30), 'R22: the notices are at the provider');
reissue_cards('METROCARD', $fare, 31, 50);
reissue_cards('LIBRARYCARD', $books, 41, 60);
like(feed('fed'), qr/^20 notices$/, 'R28: what is new');
ok(wait_for_inbox(50), 'R22: and so it streams');
same_digests($bank, '1, 50', 'E59');
is(metro('SELECT count(*) FROM service_provider.quarantined_notice'), '0', 'E37: nothing is in quarantine');
is(metro(q{SELECT n.new_card_id, n.old_card_id, n.carrier FROM service_provider.reissue_notice n WHERE n.notice_no = 31}),
	'METROCARDN31|METROCARDO31|replication', 'R20: with their content');
is(at($to, block('SELECT slot_name') =~ s/-- gateway\n//r) =~ s/\|\d+$/|n/r, 'bank|t|reserved|n', 'the document: the slot is watched');

# All that the partner can see

my $as_partner = "host=gateway.example hostaddr=127.0.0.1 port=$port dbname=gateway user=metro";
$ENV{PGPASSWORD} = $partners_password;
is(at("$as_partner sslmode=verify-full sslrootcert=$gateway_dir.crt", 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'), 't', 'E47: the partner comes with TLS');
like((run_command([ 'psql', '-XqAt', '-d', "$as_partner sslmode=disable", '-c', 'SELECT 1' ]))[1], qr/FATAL/, 'E47: and not without');
is(at($as_partner, 'SELECT string_agg(n.provider, NULL) FROM (SELECT DISTINCT n.provider FROM screissue.notice n) n'),
	'METRO', 'E24: in the table, its own notices');
is(at($as_partner, 'SELECT string_agg(p.pubname, NULL) FROM pg_publication p'), 'screissue_metro', 'E24: one publication');
foreach my $sql ('SELECT * FROM screissue.feed', 'SELECT screissue.end_feed()', q{INSERT INTO screissue.notice VALUES ('BANKJP', 'METRO', 99)},
	'DELETE FROM screissue.notice', 'CREATE TABLE public.t (x int)', 'CREATE TEMP TABLE t (x int)', 'SELECT * FROM pg_authid')
{
	my (undef, $err) = run_command([ 'psql', '-XqAt', '-d', $as_partner, '-c', $sql ]);
	like($err, qr/permission denied/, "E24: no right to $sql");
}
SKIP:
{
	skip 'this server decodes with any library', 1
	  if gateway(q{SELECT count(*) FROM pg_settings WHERE name = 'output_plugin_libraries'}) eq '0';
	my (undef, $err) = run_command(
		[ 'psql', '-XqAt', '-d', $as_partner, '-c', q{SELECT pg_create_logical_replication_slot('spy', 'test_decoding')} ]);
	like($err, qr/ERROR/, 'E24: no other decoding than that of publications');
}
at($as_partner, q{SELECT pg_create_logical_replication_slot('spy', 'pgoutput')});
reissue_cards('METROCARD', $fare, 51, 60);
reissue_cards('LIBRARYCARD', $books, 61, 70);
feed('fed while the partner listens');
my $stream = pack 'H*', at($as_partner, q{SELECT string_agg(encode(c.data, 'hex'), '')
	FROM pg_logical_slot_get_binary_changes('spy', NULL, NULL, 'proto_version', '1', 'publication_names', 'screissue_metro') c});
like($stream, qr/METROCARDN60/, 'E24: the stream has its notices');
unlike($stream, qr/LIBRARY/, 'E24: and no other');
at($as_partner, q{SELECT pg_drop_replication_slot('spy')});

# Who feeds may feed.
foreach my $sql ('DELETE FROM screissue.notice', 'UPDATE screissue.notice SET reason = NULL', q{UPDATE screissue.feed SET provider = 'X'},
	'TRUNCATE screissue.notice', q{SELECT pg_create_logical_replication_slot('spy', 'pgoutput')}, 'CREATE TABLE public.t (x int)')
{
	my (undef, $err) = run_command([ 'psql', '-XqAt', '-d', $as_partner =~ s/user=metro/user=screissue_feed password='feeds the gateway'/r, '-c', $sql ]);
	like($err, qr/ERROR: .*(permission denied|must be superuser or replication role)/, "E24: screissue_feed has no right to $sql");
}

# With more than create gave it: a base backup by the usual program
my $hba = slurp_file("$gateway_dir/pg_hba.conf");
write_file("$gateway_dir/pg_hba.conf", $hba . "hostssl replication metro 127.0.0.1/32 scram-sha-256\n");
gateway('SELECT pg_reload_conf()');
command_ok([ 'pg_basebackup', '-D', "$directory/copy", '-d', $as_partner =~ s/ dbname=gateway//r, '-X', 'stream', '-c', 'fast', '-N' ],
	'E24: the partner takes a base backup');
write_file("$gateway_dir/pg_hba.conf", $hba);
gateway('SELECT pg_reload_conf()');

# Files of the copy, or of the gateway itself, in which something is found
sub files_with
{
	my ($what) = @_;
	my @found;

	find({ no_chdir => 1, wanted => sub { push @found, $_ if -f && slurp_file($_) =~ /$what/; } },
		"$directory/copy", $gateway_dir);
	return @found;
}
my $verifier = bank(q{SELECT split_part(a.rolpassword, '$', 3) FROM pg_authid a WHERE a.rolname = 'metro_feed'});
like(join(' ', sort(files_with('METROCARDN60'))), qr{/copy/base/.*/metro/base/.*/metro/pg_wal/}, 'E24: its own notices are there');
is(join(' ', files_with('LIBRARY')), '', 'E24: nothing of the other provider');
like($verifier, qr/^\S{20,}:\S{20,}$/, 'the feed has a verifier at the issuer');
is(join(' ', files_with(quotemeta $verifier)), '', 'E47: which the gateway does not know');
is(join(' ', files_with($planted)), '', 'E47: no password of the issuer');
is(join(' ', files_with('metro_feed')), '', 'E47: not even a role of it');
is(join(' ', files_with(quotemeta $bank->host)), '', 'E47: nor its address');
is(join(' ', files_with('PRIVATE KEY')), '', 'E47: nor the private key of its TLS');
is(join(' ', files_with('feeds the gateway')), '', 'E47: nor the password by which it is fed');

# At the issuer the partner's role is nobody.
foreach my $how ('', ' replication=database', ' replication=true')
{
	foreach my $role ('metro', 'metro_feed')
	{
		my ($out, $err) = run_command([ 'psql', '-XqAt', '-d', $bank->connstr('postgres') . " user=$role$how", '-c', 'SELECT 1' ]);
		like($err, qr/FATAL/, "E24: the partner does not get to the issuer as $role$how");
	}
}
delete $ENV{PGPASSWORD};

# Many notices, several feeds at once

write_notices($bank, 61, 40_060);
my @feeds = map { start_feed() } 1 .. 4;
foreach my $one (@feeds)
{
	$one->{run}->finish;
	is($one->{run}->full_result(0) >> 8, 0, 'E20: one of four feeds at once') or diag ${ $one->{err} };
}
my $fed = 0;
$fed += $_ for map { ${ $_->{out} } =~ /^(\d+) notices$/gm } @feeds;
is($fed, 40_000, 'E20: each notice was fed by one of them');
like(check('checked'), qr/^Notices 1 to 40060 are the same: 40060,/, 'E59: both have the same');

# The gateway dies in mid-feed: in a page, and anywhere.

sub kill_gateway
{
	my ($pid) = slurp_file("$gateway_dir/postmaster.pid") =~ /^(\d+)/;

	kill('KILL', $pid) or die "no postmaster $pid";
	return;
}

sub start_gateway
{
	# The children of the dead postmaster go before the next can start.
	for (1 .. 100)
	{
		return if system("pg_ctl -s -w -D $gateway_dir -l $gateway_dir.log start >$directory/start.log 2>&1") == 0;
		select(undef, undef, undef, 0.1);
	}
	die 'the gateway does not start: ' . slurp_file("$gateway_dir.log");
}

write_notices($bank, 40_061, 60_060);
my $session = $bank->background_psql('postgres');
$session->query_safe('BEGIN; LOCK TABLE card_issuer.notice_cursor');
my $dying = start_feed();
$bank->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity
	WHERE wait_event_type = 'Lock' AND query LIKE '%fetch_notices%'}) or die 'no feed waits';
kill_gateway();
$session->query_safe('COMMIT');
$session->quit;
$dying->{run}->finish;
is($dying->{run}->full_result(0) >> 8, 1, 'E35: the gateway was killed in the middle of a page: feeding ends with an error');
like(${ $dying->{err} }, qr/^screissue_gateway: feeding stopped; feed again to go on$/m, 'E35: and says so');
is((shell($feed))[0], 1, 'E35: no gateway, no feed');
start_gateway();
is(gateway('SELECT last_notice_no FROM screissue.feed'), '40060', 'E35: nothing of that page is there');
for my $round (1 .. 3)
{
	$dying = start_feed();
	select(undef, undef, undef, 0.05 * $round);
	kill_gateway();
	$dying->{run}->finish;
	start_gateway();
	is(gateway('SELECT max(n.notice_no) = f.last_notice_no AND count(*) = f.last_notice_no
	              FROM screissue.notice n, screissue.feed f GROUP BY f.last_notice_no'),
		't', "E35: killed at any time ($round): what is there is dense and known");
}
feed('E35: fed again');
like(check('checked'), qr/^Notices 1 to 60060 are the same: 60060,/, 'E35: nothing is lost and nothing doubled');
ok(wait_for_inbox(60_060), 'E35: and the provider has it');
same_digests($bank, '1, 60060', 'E35');

# Feeding for ever

my $ever = start_feed('--every 1');
write_notices($bank, 60_061, 60_062);
ok(wait_for_inbox(60_062), 'R28: feed --every goes on by itself');
$ever->{run}->kill_kill;

# What is wrong is said.

bank('DELETE FROM screissue.notice WHERE notice_no = 60062');
is((shell($check))[0], 3, 'E59: a row that only the gateway has: the check ends with 3');
like((shell($check))[2], qr/differ: 60062 in the gateway, 60061 at the issuer/, 'E59: and says it');
write_notices($bank, 60_062, 60_062);
bank(q{UPDATE screissue.notice n SET (reason, noted_at) = (SELECT g.reason, g.noted_at FROM screissue.notice g WHERE g.notice_no = 60061)
        WHERE n.notice_no = 60062});
is((shell($check))[0], 0, 'E59: the row again');
gateway(q{UPDATE screissue.notice SET reason = 'x' WHERE notice_no = 7});
is((shell($check))[0], 3, 'E59: a row that was changed in the gateway');
gateway(q{UPDATE screissue.notice n SET reason = 'lost' WHERE n.notice_no = 7});
is((shell($check))[0], 0, 'E59: and changed back');
write_notices($bank, 60_064, 60_064);
my ($status, undef, $error) = shell($feed);
is($status, 1, 'E25: a gap in the numbers ends feeding');
like($error, qr/ERROR:  gap: notice 60064 does not follow notice 60062/, 'E25: and is named');
is(gateway('SELECT max(notice_no) FROM screissue.notice'), '60062', 'E25: nothing behind it was fed');
write_notices($bank, 60_063, 60_063);
bank(q{UPDATE card_issuer.notice_counter SET last_notice_no = 60064 WHERE provider::text = 'METRO'});
like(feed('E25: the gap was filled'), qr/^2 notices$/, 'E25: both are fed');
bank(q{SELECT card_issuer.suspend_provider('METRO')});
like((shell($feed))[2], qr/ERROR:  contract with provider "METRO" is not in force/, 'R34: nothing for a provider whose contract is suspended');
bank(q{SELECT card_issuer.resume_provider('METRO')});
foreach my $foreign (q{('BANKJP', 'LIBRARY', 70000)}, q{('OTHER', 'METRO', 70000)})
{
	my (undef, $err) = run_command([ 'psql', '-XqAt', '-d', $to, '-c', "INSERT INTO screissue.notice VALUES $foreign" ]);
	like($err, qr/violates check constraint/, "E24: not even its owner puts $foreign into the gateway");
}
my @wrong = (
	[ 'screissue_gateway', 2, qr/create, feed or check\?/ ],
	[ 'screissue_gateway drop', 2, qr/unknown command "drop"/ ],
	[ 'screissue_gateway feed --from x', 2, qr/feed needs --to/ ],
	[ 'screissue_gateway check --to x', 2, qr/check needs --from/ ],
	[ 'screissue_gateway feed --after 1', 2, qr/feed has no option "--after"/ ],
	[ 'screissue_gateway check --after', 2, qr/--after needs a value/ ],
	[ "$check --after x", 2, qr/--after is not a number: "x"/ ],
	[ 'screissue_gateway create -D x', 2, qr/create needs -D, --issuer, --provider and --role/ ],
	[ "screissue_gateway create -D $directory/x --issuer A --provider B --role c --feed-allow ::1/128", 2, qr/--feed-allow needs/ ],
	[ "screissue_gateway create -D $directory/x --issuer 'A B' --provider B --role c", 2, qr/--issuer is not a company id: "A B"/ ],
	[ "screissue_gateway create -D $directory/x --issuer A --provider B --role 'c;d'", 2, qr/--role takes/ ],
	[ "screissue_gateway create -D $directory/x --issuer A --provider B --role c --keep-wal \"1'\"", 2, qr/has a blank or a quote/ ],
	[ "screissue_gateway create -D $directory/x --issuer A --provider B --role c --password-file /nowhere", 1, qr/cannot read/ ],
	[ "screissue_gateway create -D $directory/x --issuer A --provider B --role c --port $port --listen 127.0.0.1", 1, qr/does not start.*nothing was created/s ],
	[ commands('screissue_gateway create'), 1, qr/exists/ ]);
foreach (@wrong)
{
	my ($command, $expected, $message) = @$_;
	my ($rc, undef, $err) = shell($command);
	is($rc, $expected, "status $expected: " . $command =~ s/\Q$directory\E/.../gr =~ s/\s+/ /gr =~ s/\d{4,}/N/gr);
	like($err, $message, 'with the reason');
}
ok(!-e "$directory/x", 'and nothing is left of it');
foreach my $help ('--help', 'create --help')
{
	like(shell_ok("screissue_gateway $help", "screissue_gateway $help"), qr/screissue_gateway create -D DIRECTORY/, 'tells how');
}

# Old notices

gateway(block('DELETE FROM screissue.notice') =~ s/-- gateway\n//r);
like(check('the document: old notices are deleted'), qr/^Notices 11 to 60064 are the same: 60054,/, 'E59: the rest is the same');
is(feed('feeding goes on'), '', 'E20: after the last number');
is((shell(qq{screissue_gateway feed --from 'dbname=postgres user=metro_feed' --to '$to'}))[0], 0, 'the gateway\'s owner feeds by the socket');

# A gateway that was lost

system_or_bail("pg_ctl -s -D $gateway_dir -m immediate stop");
system_or_bail("rm -r $gateway_dir");
shell_ok('the document: the gateway is made anew', $create =~ s/^\$ //r);
shell_ok('the document: TLS', commands('ssl_key_file'));
like(feed('fed from the first notice on'), qr/^(10000 notices\n){6}64 notices$/, 'E36: all of them');
my $dropping = block('SET (slot_name = NONE)');
run_sql($metro, 'SET (slot_name = NONE)');
run_sql($metro, 'CREATE SUBSCRIPTION bank');
ok($metro->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_subscription_rel WHERE srsubstate = 'r'}),
	'E36: the provider subscribes anew');
is(metro('SELECT (SELECT count(*) FROM service_provider.reissue_notice), count(*) FROM service_provider.notice_arrival'), '60064|60064',
	'E36: what it had is counted and dropped');
is(metro('SELECT count(*) FROM service_provider.quarantined_notice'), '0', 'E36: nothing contradicts');
like(check('checked'), qr/^Notices 1 to 60064 are the same: 60064,/, 'E36: gateway and issuer have the same');
same_digests($bank, '1, 60064', 'E36');

# An issuer that was restored from a backup

$bank->stop;
my $old = $bank->backup_fs_cold('old');
$bank->start;
write_notices($bank, 60_065, 60_070);
feed('six notices that the issuer will have lost');
ok(wait_for_inbox(60_070), 'E25: the provider has them');
$bank->stop('immediate');
my $restored = PostgreSQL::Test::Cluster->new('restored');
$restored->init_from_backup($bank, 'old');
$restored->start;
$bank = $restored;
write_notices($bank, 60_065, 60_071);
($status, undef, $error) = shell($feed);
is($status, 1, 'E25: an issuer that gives its numbers a second time is not fed from');
like($error, qr/ERROR:  notice 60070 is another one at the issuer\n.*begun no new epoch/, 'E25: and why');
is(gateway('SELECT max(notice_no) FROM screissue.notice'), '60070', 'E25: nothing of it is in the gateway');
bank('DELETE FROM screissue.notice WHERE notice_no > 60064');
bank('SELECT card_issuer.begin_epoch()');
my $epoch = 2**40;
write_notices($bank, $epoch + 1, $epoch + 30);
like(feed('E25: fed from the restored issuer'), qr/^30 notices$/, 'E25: the new epoch');
ok(wait_for_inbox(60_100), 'E25: the provider has it');
is((shell($check))[0], 3, 'E25: what was lost is a difference');
my ($check_epoch) = commands('--after 1099511627776');
like(shell_ok('the document: check of the epoch', $check_epoch), qr/^Notices 1099511627777 to 1099511627806 are the same: 30,/,
	'E25: the new epoch is the same');
same_digests($bank, sprintf('%d, %d', $epoch + 1, $epoch + 30), 'E25');
same_digests($bank, '1, 60064', 'E25: what the backup had');
is(metro('SELECT count(*) FROM service_provider.quarantined_notice'), '0', 'E25: nothing contradicts');

metro($dropping =~ s/-- provider\n//r);
system_or_bail("pg_ctl -s -D $gateway_dir -m fast stop");
done_testing();

# Not in vain when the test dies.
END
{
	my $status = $?;
	system("pg_ctl -s -D $gateway_dir -m immediate stop 2>/dev/null") if defined $gateway_dir && -e "$gateway_dir/postmaster.pid";
	$? = $status;
}
