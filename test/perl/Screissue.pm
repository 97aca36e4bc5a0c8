
=pod

=head1 NAME

Screissue - issuers and service providers for TAP tests

=head1 SYNOPSIS

  use Screissue;

  my $bank  = start_issuer('bank', 'BANKJP');
  my $metro = start_provider('metro', 'METRO');
  publish($bank, 'BANKJP', 'METRO');
  my $subscription = subscribe($metro, $bank, 'BANKJP', 'METRO');
  $metro->wait_for_subscription_sync($bank, $subscription);

  send_notice($bank, issuer => 'BANKJP', provider => 'METRO', notice_no => 1);
  $bank->wait_for_catchup($subscription);
  is(inbox($metro, 'BANKJP'), '1', 'it landed');

=head1 DESCRIPTION

Each party is a cluster of its own, a PostgreSQL::Test::Cluster, with all of it
in database postgres.  A publication is called as card_issuer.create_publication()
would call it, a subscription like its issuer in lower case, unless another name
is given: two providers of one issuer cannot both have that one.

=cut

package Screissue;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

our @EXPORT = qw(
  start_cluster start_issuer start_provider set_up_issuer set_up_provider set_up_metro
  make_keys link_issuer publish subscribe send_notice inbox quarantine
  sql_literal crash blocks follow agree
);

# A running cluster that can publish and subscribe.  Workers that failed are
# started again at once, or tests would wait five seconds for each of them.
sub start_cluster
{
	my ($name, %settings) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	%settings = (wal_retrieve_retry_interval => '100ms', %settings);
	$node->init(allows_streaming => 'logical');
	$node->append_conf('postgresql.conf', "$_ = '$settings{$_}'")
	  for sort keys %settings;
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION screissue');
	return $node;
}

sub set_up_issuer
{
	my ($node, $company) = @_;

	$node->safe_psql('postgres',
		"SELECT card_issuer.setup('$company', 'Issuer $company')");
	return;
}

sub set_up_provider
{
	my ($node, $company) = @_;

	$node->safe_psql('postgres',
		"SELECT service_provider.setup('$company', 'Provider $company')");
	return;
}

sub start_issuer
{
	my ($name, $company, %settings) = @_;
	my $node = start_cluster($name, %settings);

	set_up_issuer($node, $company);
	return $node;
}

sub start_provider
{
	my ($name, $company, %settings) = @_;
	my $node = start_cluster($name, %settings);

	set_up_provider($node, $company);
	return $node;
}

# Provider METRO at an issuer, with one application and a publication; and the SQL
# function reissue(name, cards), which issues cards NAME-OLD-1 and so on, loads the
# application and reissues each as NAME-NEW-1 and so on.
sub set_up_metro
{
	my ($node) = @_;

	$node->safe_psql('postgres', q{
		CREATE ROLE metro LOGIN;
		SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro');
		SELECT card_issuer.register_application('D276AB0085CD01', 'METRO', 'season ticket');
		SELECT card_issuer.create_publication('METRO');
		CREATE FUNCTION reissue(name text, cards integer) RETURNS void LANGUAGE plpgsql AS $$
		BEGIN
		    FOR n IN 1 .. cards LOOP
		        PERFORM card_issuer.issue_card(screissue.card_id(name || '-OLD-' || n), 100),
		                card_issuer.confirm_load((card_issuer.permit_load('D276AB0085CD01', card => screissue.card_id(name || '-OLD-' || n))).message_id),
		                card_issuer.request_reissue(screissue.card_id(name || '-OLD-' || n), 'lost'),
		                card_issuer.reissue_card(screissue.card_id(name || '-OLD-' || n), screissue.card_id(name || '-NEW-' || n));
		    END LOOP;
		END $$});
	return;
}

# A new directory with private keys, as test/keys makes them; it is what an
# issuer has as screissue.key_directory, and lives as long as the test.
sub make_keys
{
	my $directory = PostgreSQL::Test::Utils::tempdir('keys');

	system_or_bail('test/keys', $directory);
	return $directory;
}

# Lets a provider ask an issuer over a foreign server, as a role there.
sub link_issuer
{
	my ($node, $issuer, $role, $server, $database) = @_;
	my ($host, $port) = ($issuer->host, $issuer->port);

	$database //= 'postgres';
	$node->safe_psql('postgres', qq{
		CREATE EXTENSION IF NOT EXISTS dblink;
		CREATE SERVER $server FOREIGN DATA WRAPPER dblink_fdw
		    OPTIONS (host '$host', port '$port', dbname '$database');
		CREATE USER MAPPING FOR CURRENT_USER SERVER $server OPTIONS (user '$role')});
	return;
}

# The publication of an issuer for a provider; returns its name.
sub publish
{
	my ($node, $issuer, $provider) = @_;
	my $publication = 'screissue_' . lc $provider;

	$node->safe_psql('postgres', qq{
		CREATE PUBLICATION $publication FOR TABLE screissue.notice
		    WHERE (issuer = '$issuer' AND provider = '$provider')
		    WITH (publish = 'insert')});
	return $publication;
}

# Registers an issuer at a provider and subscribes to what it publishes for
# it; returns the subscription's name.  The initial copy may still go on.
sub subscribe
{
	my ($node, $publisher, $issuer, $provider, $subscription) = @_;
	my $publication = 'screissue_' . lc $provider;
	my $connection = $publisher->connstr . ' dbname=postgres';

	$subscription //= lc $issuer;
	$node->safe_psql('postgres', qq{
		SELECT service_provider.register_issuer('$issuer', 'Issuer $issuer',
		                                        subscription => '$subscription')});
	$node->safe_psql('postgres', qq{
		CREATE SUBSCRIPTION $subscription CONNECTION '$connection'
		    PUBLICATION $publication});
	return $subscription;
}

sub sql_literal
{
	my ($value) = @_;

	return 'NULL' unless defined $value;
	$value =~ s/'/''/g;
	return "'$value'";
}

# Inserts a notice into the wire table, as the issuer's functions would.
# Columns that are not given make it a notice that is right.
sub send_notice
{
	my ($node, %notice) = @_;
	%notice = (
		kind => 'reissue',
		platform_type => 100,
		new_card_id => '4111111111111111',
		old_card_id => '5555555555554444',
		app_id => 'A0000000031010',
		message_id => "$notice{issuer}/$notice{provider}/42",
		reason => 'lost',
		noted_at => '2026-03-01 12:00:00.123456+00',
		%notice);
	my @columns = sort keys %notice;

	$node->safe_psql('postgres',
		    'INSERT INTO screissue.notice ('
		  . join(', ', @columns)
		  . ') VALUES ('
		  . join(', ', map { sql_literal($notice{$_}) } @columns)
		  . ')');
	return;
}

# Numbers of the notices in the inbox, in order, with blanks between them.
sub inbox
{
	my ($node, $issuer) = @_;

	return $node->safe_psql('postgres', qq{
		SELECT string_agg(n.notice_no::text, ' ' ORDER BY n.notice_no)
		  FROM service_provider.reissue_notice n
		 WHERE n.issuer OPERATOR(screissue.=) '$issuer'});
}

# What is in quarantine, in the order in which it came: number and cause.
sub quarantine
{
	my ($node) = @_;

	return $node->safe_psql('postgres', q{
		SELECT q.notice_no || ' ' || q.cause
		  FROM service_provider.quarantined_notice q
		 ORDER BY q.quarantine_id});
}

# Kills the postmasters of nodes, all at once, and starts them again.  That may take
# a few attempts: until its backends have seen it, they keep the shared memory.
sub crash
{
	my @nodes = @_;
	my @killed = map { $_->{_pid} } @nodes;
	my $attempts = 10 * $PostgreSQL::Test::Utils::timeout_default;

	$_->kill9 for @nodes;
	usleep(100_000) while $attempts-- > 0 && kill(0, @killed);
	for my $node (@nodes)
	{
		until ($node->start(fail_ok => 1))
		{
			BAIL_OUT('node "' . $node->name . '" does not start') if $attempts-- <= 0;
			usleep(100_000);
		}
	}
	return;
}

# The code blocks under a heading of a file, up to the next heading.  Each names in
# its first line the party at which it is run.
sub blocks
{
	my ($file, $heading) = @_;

	open(my $handle, '<', $file) or die "$file: $!";
	my $text = do { local $/; <$handle> };
	close($handle);
	my ($section) = $text =~ /^#+ \Q$heading\E$(.*)/ms
	  or die "$file has no heading \"$heading\"";
	$section =~ s/^#+ .*//ms;
	my @blocks = $section =~ /^```sql\n(-- \w.*?)^```$/msg;
	die "nothing to run under \"$heading\"" unless @blocks;
	return @blocks;
}

# Follows a procedure of the documentation, block by block.  A party is a node;
# what the reader would write in another way is replaced by what the test has.
# A block that is to be repeated until it returns t says so in its first line.
# Returns what the blocks returned.
sub follow
{
	my ($file, $heading, $parties, %replace) = @_;
	my @results;

	for my $block (blocks($file, $heading))
	{
		my ($party, $until) = $block =~ /\A-- (\w+)(?:, (until it returns t))?\n/
		  or die "a block under \"$heading\" does not say where";
		my $node = $parties->{$party} or die "there is no \"$party\"";
		my ($first) = $block =~ /\n(.*)/;
		my $name = "$heading, at the $party: $first";

		for my $printed (sort { length $b <=> length $a } keys %replace)
		{
			$block =~ s/\Q$printed\E/$replace{$printed}/g;
		}
		if ($until)
		{
			ok($node->poll_query_until('postgres', $block), $name);
			push @results, 't';
			next;
		}
		my ($rc, $out, $err) = $node->psql('postgres', $block, on_error_stop => 1);
		is($rc, 0, $name) or diag $err;
		push @results, $out;
	}
	return @results;
}

# Both sides have the same notices, as the documentation compares them.
sub agree
{
	my ($issuer, $provider, $name, %replace) = @_;
	my ($theirs, $ours) = follow('doc/replication.md', 'Do both sides have the same?',
		{ issuer => $issuer, provider => $provider }, %replace);

	is($ours, $theirs, $name);
	return;
}

1;
