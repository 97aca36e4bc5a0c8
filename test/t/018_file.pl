
# Sealed files (R7, R10, R20-R22, R28, R36, R38, R39, E19, E20, E30): an issuer and a
# provider with nothing between them but files, which the command openssl opens and
# makes, too; and those that are refused.

use strict;
use warnings;

use CardAttribute;
use File::Copy;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;

my $fare = 'D276AB0085CD01';
my $certificates = make_keys();
my $scratch = PostgreSQL::Test::Utils::tempdir('files');

# A directory of keys with these files
sub key_directory
{
	my $directory = PostgreSQL::Test::Utils::tempdir('keys');

	for (@_)
	{
		copy("$certificates/$_", "$directory/$_") or die "$_: $!";
		chmod 0600, "$directory/$_";
	}
	return $directory;
}

my $bank_keys = key_directory('1.pem', 'bank.pem');
my $bank = start_issuer('bank', 'BANKJP', 'screissue.key_directory' => $bank_keys, log_statement => 'all');
my $metro = start_provider('metro', 'METRO', 'screissue.key_directory' => key_directory('metro.pem'), log_statement => 'all');
my $taxi = start_provider('taxi', 'TAXI', 'screissue.key_directory' => key_directory('metro.pem'));

sub owner
{
	my ($node, $sql) = @_;

	return $node->safe_psql('postgres', $sql);
}

# An operator's call
sub bank { return $bank->safe_psql('postgres', $_[0], extra_params => [ '-U', 'clerk' ]); }
sub metro { return $metro->safe_psql('postgres', $_[0], extra_params => [ '-U', 'clerk' ]); }

owner($_, 'ALTER DATABASE postgres SET search_path = screissue, public; CREATE ROLE clerk LOGIN') for ($bank, $metro, $taxi);

sub certificate { return slurp_file("$certificates/$_[0].crt"); }

sub register
{
	my ($node, $side, $company, $name, $key_file) = @_;

	return $node->safe_psql('postgres', sprintf q{SELECT %s.register_certificate('%s', '%s', %s)},
		$side, $company, certificate($name), defined $key_file ? "'$key_file'" : 'NULL');
}

owner($bank, qq{
	SELECT card_issuer.grant_operator('clerk');
	CREATE ROLE metro; CREATE ROLE taxi;
	SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro'), card_issuer.register_provider('TAXI', 'Taxi', 'taxi'),
	       card_issuer.register_application('$fare', 'METRO', 'season ticket'), card_issuer.register_key(1, 'ecies-x25519')});
owner($_->[0], qq{
	SELECT service_provider.grant_operator('clerk'), service_provider.register_issuer('BANKJP', 'Bank of Japan Point'),
	       service_provider.register_issuer('CREDIT', 'Credit'), service_provider.register_application('$fare', 'season ticket')})
  for ([$metro], [$taxi]);
register($bank, 'card_issuer', 'BANKJP', 'bank', 'bank.pem');
register($bank, 'card_issuer', 'METRO', 'metro');
register($metro, 'service_provider', 'METRO', 'metro', 'metro.pem');
register($metro, 'service_provider', 'BANKJP', 'bank');
register($metro, 'service_provider', 'CREDIT', 'shop');
register($taxi, 'service_provider', 'TAXI', 'metro', 'metro.pem');
register($taxi, 'service_provider', 'BANKJP', 'bank');

# Both sides' records of a load on a card of method 1 and of method 2, and the reissues

my $story = qq{
	SELECT card_issuer.issue_card('4111111111111111', 100), card_issuer.issue_card('6011000990139424', 200);
	CREATE TABLE loads AS
	SELECT c AS card, (card_issuer.permit_load('$fare', card => c)).message_id
	  FROM unnest('{4111111111111111,6011000990139424}'::card_id[]) c;
	SELECT card_issuer.confirm_load(message_id) FROM loads};
owner($bank, $story);
my %load = map { split /\|/ } split /\n/, owner($bank, 'SELECT card, message_id FROM loads');
owner($metro, qq{
	SELECT service_provider.record_load('$load{4111111111111111}', '$fare', '4111111111111111', platform_type => 100),
	       service_provider.record_load('$load{6011000990139424}', '$fare', platform_type => 200)});
bank(q{
	SELECT card_issuer.request_reissue('4111111111111111', 'lost'), card_issuer.request_reissue('6011000990139424', 'lost');
	SELECT card_issuer.reissue_card('4111111111111111', '5555555555554444'), card_issuer.reissue_card('6011000990139424', '3530111333300000')});
my $attribute = bank(q{SELECT attribute FROM card_issuer.personalize_card('3530111333300000', 1)});

# From here on neither server's log may show a card id that came in a file.
my %log_from = map { $_->name => -s $_->logfile } ($bank, $metro);

# Method 1 by file

my $notices = bank(q{SELECT file FROM card_issuer.export_notices('METRO', 0)}) . "\n";
like($notices, qr/\A-----BEGIN CMS-----\n(?:[A-Za-z0-9+\/]{64}\n)+[A-Za-z0-9+\/]{1,64}={0,2}\n-----END CMS-----\n\n\z/, 'R10: notices in a file');
$notices =~ s/\n\n\z/\n/;

# What becomes of a file: the result, or SQLSTATE and detail
sub fate
{
	my ($node, $call, $file, $operator) = @_;
	my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT * FROM $call(\$file\$$file\$file\$)",
		extra_params => [ '-U', $operator // 'clerk' ], on_error_stop => 0);

	return $out if $err eq '';
	my ($state) = $err =~ /ERROR:  (\w{5}): /;
	my ($detail) = $err =~ /DETAIL:  (.*)/;
	return join ' ', $state // $err, $detail // ();
}

sub import_notices { return fate($metro, 'service_provider.import_notices', $_[0]); }

is(import_notices($notices), 'BANKJP|1|0|0', 'R22: landed by file');
is(import_notices($notices), 'BANKJP|0|1|0', 'E19: and once more');
my $wire = 'issuer, notice_no, kind, platform_type, new_card_id, old_card_id, app_id, message_id, reason, noted_at';
is(owner($metro, "SELECT $wire FROM service_provider.reissue_notice"), owner($bank, "SELECT $wire FROM screissue.notice"), 'R20, R21: both have the same');
is(metro(qq{SELECT outcome, inherits FROM service_provider.request_reload('$fare', 'BANKJP', 100, '5555555555554444')}),
	"approved|$load{4111111111111111}", 'R10: the reload is judged by it');

# Method 2 by files

my ($request, $outcome) = split /\|/, metro(qq{SELECT request_id, outcome FROM service_provider.request_reload('$fare', 'BANKJP', 200, attribute => '$attribute')});
is($outcome, 'awaiting_reply', 'R36: the reply is awaited');
my $inquiries = metro(q{SELECT file FROM service_provider.export_inquiry('BANKJP')});
my $replies = bank("SELECT card_issuer.answer_inquiries(\$\$$inquiries\$\$)");
is(fate($metro, 'service_provider.import_replies', "$replies"), "$request|approved||$load{6011000990139424}|||f", 'R38, R39: the reply by file');
is(fate($metro, 'service_provider.import_replies', "$replies"), "SR009 It is item 1 of \"replies\" in the file.", 'E30: which is used once');

# The permission by file, and the reload

my $permitted = bank(qq{SELECT message_id FROM card_issuer.permit_load('$fare', card => '3530111333300000')});
my $permissions = bank("SELECT card_issuer.export_permissions('METRO', '{$permitted}')");
is(fate($metro, 'service_provider.import_permissions', "$permissions"), "$permitted|$fare|200||$load{6011000990139424}||", 'R7, R42: the permission by file');
metro("SELECT service_provider.complete_reload($request, '$permitted')");
is(metro("SELECT status, inherits FROM service_provider.find_load('$permitted')"), "loaded|$load{6011000990139424}", 'R7: the application is on the reissued card');

# As doc/replication.md writes and reads one

my $pem = "$scratch/notices.pem";
system(sprintf q{psql -XAt -d '%s' -c "SELECT file FROM card_issuer.export_notices('METRO', after_no => 0)" | head -c -1 >%s},
	$bank->connstr('postgres') . ' user=clerk', $pem);
like(slurp_file($pem), qr/\A-----BEGIN CMS-----\n.*\n-----END CMS-----\n\z/s, 'R10: a file as psql writes it');
is(metro("\\set file `cat $pem`\nSELECT * FROM service_provider.import_notices(file => :'file' || E'\\n')"), 'BANKJP|0|1|0', 'R10: and reads it');

# The command openssl opens them

sub openssl
{
	system_or_bail('openssl', 'cms', @_);
	return;
}

sub store
{
	my ($name, $content) = @_;

	unlink "$scratch/$name";
	append_to_file("$scratch/$name", $content);
	return "$scratch/$name";
}

sub opened_by_openssl
{
	my ($file, $recipient, $sender) = @_;
	my ($sealed, $signed, $document) = (store('sealed', $file), store('signed', ''), store('document', ''));

	openssl('-decrypt', '-binary', '-inform', 'PEM', '-in', $sealed, '-recip', "$certificates/$recipient.crt",
		'-inkey', "$certificates/$recipient.pem", '-out', $signed);
	openssl('-verify', '-binary', '-inform', 'DER', '-in', $signed, '-certfile', "$certificates/$sender.crt", '-nointern', '-noverify',
		'-out', $document);
	return decode_json(slurp_file($document));
}

my $document = opened_by_openssl($notices, 'metro', 'bank');
is_deeply([ @$document{qw(screissue kind issuer provider)} ], [ 1, 'notices', 'BANKJP', 'METRO' ], 'R10: the command openssl opens what RSA signed for P-256');
is_deeply($document->{notices}, decode_json(owner($bank, q{SELECT json_agg(n) FROM card_issuer.fetch_notices('METRO', 0) n})),
	'R10: in it are the columns of the wire, under their names');
my $asked = opened_by_openssl($inquiries, 'bank', 'metro');
is_deeply($asked->{inquiries}, [ { request_id => $request + 0, app_id => $fare, attribute => $attribute, card_id => undef, printed_number => undef } ],
	'R10: and what P-256 signed for RSA');
is(opened_by_openssl($replies, 'metro', 'bank')->{replies}[0]{message_id}, $load{6011000990139424}, 'R10: and a reply');
is(opened_by_openssl($permissions, 'metro', 'bank')->{permissions}[0]{message_id}, $permitted, 'R10: and a permission');

# And makes them

my @for_rsa = ('-keyopt', 'rsa_padding_mode:oaep', '-keyopt', 'rsa_oaep_md:sha256');
my @for_p256 = ('-keyopt', 'ecdh_kdf_md:sha256');

our @digest = ('-md', 'sha256');

sub made_by_openssl
{
	my ($document, $sender, $recipient, @options) = @_;
	my ($in, $signed, $sealed) = (store('document', encode_json($document)), store('signed', ''), store('sealed', ''));

	@options = $recipient eq 'bank' ? @for_rsa : @for_p256 unless @options;
	openssl('-sign', '-binary', '-nodetach', @digest, '-in', $in, '-signer', "$certificates/$sender.crt",
		'-inkey', "$certificates/$sender.pem", '-outform', 'DER', '-out', $signed);
	openssl('-encrypt', '-binary', '-aes-256-cbc', '-in', $signed, '-recip', "$certificates/$recipient.crt", @options,
		'-outform', 'PEM', '-out', $sealed);
	return slurp_file($sealed);
}

my %notice = (%{ $document->{notices}[0] }, notice_no => 2, new_card_id => '30569309025904');
my %made = (%$document, notices => [ $document->{notices}[0], \%notice ]);
is(import_notices(made_by_openssl(\%made, 'bank', 'metro')), 'BANKJP|1|1|0', 'R10: a file that the command openssl made');
my $answer = bank("SELECT card_issuer.answer_inquiries(\$\$" . made_by_openssl($asked, 'metro', 'bank') . "\$\$)");
is_deeply(opened_by_openssl($answer, 'metro', 'bank')->{replies}, opened_by_openssl($replies, 'metro', 'bank')->{replies}, 'R10: inquiries that it made');

# Refused, and nothing comes of it

my $everything = q{
	SELECT (SELECT string_agg(n::text, '' ORDER BY n.notice_no) FROM service_provider.reissue_notice n),
	       (SELECT count(*) FROM service_provider.quarantined_notice), (SELECT count(*) FROM service_provider.app_load),
	       (SELECT string_agg(r::text, '' ORDER BY r.request_id) FROM service_provider.reload_request r), (SELECT count(*) FROM service_provider.inquiry_reply)};
my $before = owner($metro, $everything);

sub refused
{
	my ($file, $fate, $name) = @_;

	like(import_notices($file), $fate, $name);
	return;
}

my $good = made_by_openssl({ %$document, notices => [ { %notice, notice_no => 3 } ] }, 'bank', 'metro');
refused(substr($good, 0, $_), qr/^22P02 It (is cut short|does not begin)/, "E30: cut after $_ bytes")
  for (0, 1, 19, 20, 21, 84, 85, int(length($good) / 2), length($good) - 19, length($good) - 2, length($good) - 1);
refused($good . $good, qr/^22P02 There is more than one file/, 'E30: doubled');
refused($good =~ s/\n/\r\n/gr, qr/^22P02 It has carriage returns/, 'E30: CRLF');
refused("\xEF\xBB\xBF$good", qr/^22P02 A byte order mark/, 'E30: BOM');
refused("Subject: notices\n\n$good", qr/^22P02 It does not begin/, 'E30: something before');
refused("$good-- \nBank\n", qr/^22P02 Something follows/, 'E30: something after');
refused($good =~ s/(?<=[A-Za-z0-9+\/])\n(?=[A-Za-z0-9+\/])//gr, qr/^22P02 The lines are not base64/, 'E30: encoded anew');
refused($good =~ s/\n[A-Za-z0-9+\/]{64}(?=\n)//r, qr/^22P02 What the lines encode/, 'E30: a line left out');
refused($good =~ s/\n([A-Za-z0-9+\/]{64})(?=\n)/\n$1\n$1/r, qr/^22P02 What the lines encode/, 'E30: a line doubled');
refused(tr/A-Y/B-Z/r, qr/^22P02 /, 'E30: tampered') for ($good =~ /\A(?:.*\n)(.*)\n/s);
{
	my @lines = split /\n/, $good;

	for my $i (1 .. $#lines - 1)
	{
		my @changed = @lines;

		substr($changed[$i], 7, 1) = substr($changed[$i], 7, 1) eq 'A' ? 'B' : 'A';
		refused(join("\n", @changed) . "\n", qr/^(22P02|42501) /, "E30: a character of line $i changed");
	}
}
refused(made_by_openssl($document, 'bank', 'metro', '-stream', @for_p256), qr/^22P02 What the lines encode is not CMS in DER/, 'E30: BER');
refused(made_by_openssl($document, 'bank', 'metro', '-keyopt', 'ecdh_kdf_md:sha1'), qr/^22P02 Its key must/, 'E30: SHA-1');
{
	local @digest = ('-md', 'sha1');
	refused(made_by_openssl($document, 'bank', 'metro'), qr/^42501 It must be signed with SHA-256/, 'E30: signed by SHA-1');
	@digest = ('-md', 'sha256', '-signer', "$certificates/shop.crt", '-inkey', "$certificates/shop.pem");
	refused(made_by_openssl($document, 'bank', 'metro'), qr/^42501 It must have exactly one signature/, 'E30: signed by two');
}
refused(made_by_openssl($document, 'bank', 'bank'), qr/^42501 It is not for a certificate of ours/, 'E24: for another recipient');
refused(made_by_openssl($document, 'metro', 'metro'), qr/^42501 The certificate of its signer is not registered/, 'E30: signed by a foreign certificate');
refused(made_by_openssl($document, 'shop', 'metro'), qr/^42501$/, 'E30: signed by another issuer, in the name of this one');
refused(made_by_openssl({ %$document, issuer => 'CREDIT' }, 'bank', 'metro'), qr/^42501$/, 'E30: in the name of another issuer');
is(import_notices(made_by_openssl({ %$document, issuer => 'CREDIT', notices => [] }, 'shop', 'metro')), 'CREDIT|0|0|0', 'which has files of its own');
refused(made_by_openssl({ %$document, issuer => 'CREDIT' }, 'shop', 'metro'), qr/^42501 It is item 1 of "notices"/, 'E30: but with another issuer\'s notices');
like(fate($taxi, 'service_provider.import_notices', $good), qr/^42501$/, 'E24: a file for another provider that has the same key');
register($metro, 'service_provider', 'BANKJP', 'old');
refused(made_by_openssl($document, 'old', 'metro'), qr/^42501 It is expired/, 'E30: signed by an expired certificate');
owner($metro, q{SELECT service_provider.revoke_certificate('BANKJP', sha256) FROM screissue.certificate WHERE key_file IS NULL AND company_id = 'BANKJP'});
refused($good, qr/^42501 It is revoked/, 'E30: signed by a revoked certificate');
is(owner($metro, $everything), $before, 'E30: nothing came of any');
owner($metro, 'UPDATE screissue.certificate SET revoked_at = NULL');
is(import_notices($good), 'BANKJP|1|0|0', 'the file itself was good');

# Key files

chmod 0644, "$bank_keys/bank.pem";
is(fate($bank, 'card_issuer.answer_inquiries', "$inquiries"), 'SR011', 'R10: a key that others may read is not used');
like(slurp_file($bank->logfile, $log_from{bank}), qr/bank.pem" must have permissions/, 'and the log says why');
chmod 0600, "$bank_keys/bank.pem";

# Everything is lost at the provider: all notices by file

my $inbox = "SELECT $wire FROM service_provider.reissue_notice WHERE notice_no = 1";
my $had = owner($metro, $inbox);
owner($metro, 'DELETE FROM service_provider.reissue_notice');
is(import_notices($notices), 'BANKJP|1|0|0', 'E59: what was lost comes by file');
is(owner($metro, $inbox), $had, 'E59: as it was');

# 10,000 notices

owner($bank, qq{
	INSERT INTO screissue.notice
	SELECT 'BANKJP', 'METRO', n, 'reissue', 100, 'N-' || n, 'O-' || n, '$fare', 'BANKJP/METRO/' || n, 'lost', now() FROM generate_series(1001, 12000) n});
my ($many, $last) = (owner($bank, q{SELECT file FROM card_issuer.export_notices('METRO', 1000)}),
	owner($bank, q{SELECT notices, last_no FROM card_issuer.export_notices('METRO', 1000)}));
is($last, '10000|11000', 'R20: a list of 10,000');
is(import_notices($many), 'BANKJP|10000|0|0', 'R20: is landed');
is(import_notices(owner($bank, q{SELECT file FROM card_issuer.export_notices('METRO', 11000)})), 'BANKJP|1000|0|0', 'R20: and the rest');
is(owner($metro, q{SELECT sha256 FROM service_provider.digest('BANKJP', 1001, 12000)}), owner($bank, q{SELECT sha256 FROM card_issuer.digest('METRO', 1001, 12000)}),
	'E59: both have the same');

# What the logs say

for my $node ($bank, $metro)
{
	my $log = slurp_file($node->logfile, $log_from{ $node->name });

	like($log, qr/BEGIN CMS/, 'the log of ' . $node->name . ' has the statements');
	unlike($log, qr/4111111111111111|30569309025904|N-1001/, 'R42: and no card id that came in a file');
}

done_testing();
