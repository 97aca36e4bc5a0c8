
# What the server itself tells (R35, R36, E45): no provider learns from pg_locks,
# from statistics or from EXPLAIN (BUFFERS) what a negative answer does not say.
# And what a session remembers, or has waited for, is not believed when it is
# no longer so (E39, E40).

use strict;
use warnings;

use CardAttribute;
use PostgreSQL::Test::BackgroundPsql;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;
use Time::HiRes qw(usleep);

my $fare = 'A000000001';
my $keys = make_keys();
my $bank = start_issuer('bank', 'BANKJP', 'screissue.key_directory' => $keys, autovacuum => 'off');

sub bank { return $bank->safe_psql('postgres', $_[0]) }
sub as_metro { return $bank->safe_psql('postgres', $_[0], extra_params => [ '-U', 'metro' ]) }

bank('ALTER DATABASE postgres SET search_path = screissue, public');
bank(qq{
	CREATE ROLE metro LOGIN;
	SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro', 'pull');
	SELECT card_issuer.register_application('$fare', 'METRO', 'fare');
	SELECT card_issuer.register_key(1, 'ecies-x25519');
	CREATE FUNCTION reissue(name text) RETURNS void LANGUAGE plpgsql AS \$\$
	BEGIN
		PERFORM card_issuer.issue_card((name || '-A')::card_id, 200);
		PERFORM card_issuer.confirm_load((card_issuer.permit_load('$fare', (name || '-A')::card_id)).message_id);
		PERFORM card_issuer.request_reissue((name || '-A')::card_id, 'lost');
		PERFORM card_issuer.reissue_card((name || '-A')::card_id, (name || '-B')::card_id);
	END \$\$;
	SELECT reissue('KENJI'), reissue('MIKA'), card_issuer.issue_card('FIRST', 200)});
my ($kenji) = split /\|/, bank("SELECT attribute FROM card_issuer.personalize_card('KENJI-B', 1)");
my $public_key = pack 'H*', bank("SELECT encode(public_key, 'hex') FROM card_issuer.encryption_key");
sub sealed { return seal('ecies-x25519', 1, $public_key, $_[0]) }
sub inquire { return "SELECT i FROM card_issuer.inquire('$_[0]', '$fare') i" }

my %asked = (
	'undecryptable' => inquire('ecies-x25519:1:00'),
	'a card that is none of ours' => inquire(sealed('NOSUCH')),
	'a first issue' => inquire(sealed('FIRST')),
	'a forged attribute' => inquire(sealed('KENJI-B')),
	'a reissued card' => inquire(sealed('MIKA-B')));

# Locks that a serializable transaction leaves on rows or pages of card tables

my $row_locks = q{
	SELECT count(*) FROM pg_locks l
	 WHERE l.mode = 'SIReadLock' AND l.locktype IN ('tuple', 'page')
	   AND l.relation IN (SELECT i FROM unnest(ARRAY['card', 'entitlement', 'app_load']) n,
	                             LATERAL (SELECT c.oid FROM pg_class c
	                                       WHERE c.oid::regclass::text ~ format('^card_issuer\.%s(_\d)?$', n)) t,
	                             LATERAL (SELECT t.oid
	                                       UNION SELECT x.indexrelid FROM pg_index x
	                                        WHERE x.indrelid = t.oid) r (i))};
sub serializable { return "BEGIN ISOLATION LEVEL SERIALIZABLE; $_[0]; $row_locks; ROLLBACK" }
like(bank(serializable(q{SELECT status FROM card_issuer.card WHERE card_id = 'FIRST'})),
	qr/^[1-9]\d*$/m, 'a serializable transaction shows the rows that it has read');
my %calls = (%asked,
	'find_reissue of an id that somebody guessed' => "SELECT f FROM card_issuer.find_reissue('KENJI-B', '$fare') f",
	'permit_load of such an id' => "SELECT p FROM card_issuer.permit_load('$fare', card => 'KENJI-B') p",
	'permit_load by attribute' => "SELECT p FROM card_issuer.permit_load('$fare', attribute => '$kenji') p");
foreach my $what (sort keys %calls)
{
	my ($answer, $locks) = split /\n/, as_metro(serializable($calls{$what}));

	is($locks, 0, "R35: but not those of $what");
}

# Locks of the session on relations, statistics, and buffers

sub locks_of
{
	my ($call) = @_;

	return as_metro(qq{BEGIN; $call; SELECT DISTINCT l.relation::regclass, l.mode
		  FROM pg_locks l WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' ORDER BY 1, 2; ROLLBACK}) =~ s/^.*\n//r;
}

sub counts_of
{
	my ($call) = @_;

	return as_metro(qq{BEGIN; $call; SELECT x.relname, x.seq_scan, x.idx_scan, x.idx_tup_fetch
		  FROM pg_stat_xact_all_tables x WHERE x.schemaname = 'card_issuer' ORDER BY 1; ROLLBACK})
	  =~ s/^.*\n//r;
}
bank('ALTER DATABASE postgres SET screissue.audit_inquiries = off');
my $expected = locks_of($asked{'a first issue'});
like($expected, qr/^card_issuer\.card\|AccessShareLock$/m, 'a session shows its locks');
is(locks_of($asked{$_}), $expected, "R36: which are the same for $_") for ('a card that is none of ours', 'a forged attribute');
$expected = counts_of($asked{undecryptable});
like($expected, qr/^card\|0\|0\|0$/m, 'a session has statistics of its transaction');
is(counts_of($asked{$_}), $expected, "R36: which are the same for $_") for sort keys %asked;

sub buffers_of
{
	my ($call) = @_;
	my $plan = as_metro("$call; $call; EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) $call");

	return join ' ', $plan =~ /Buffers: .*/g;
}
$expected = buffers_of($asked{undecryptable});
is(buffers_of($asked{$_}), $expected, "R36: so are the buffers in a plan: $_") for sort keys %asked;
bank('ALTER DATABASE postgres RESET screissue.audit_inquiries');

# An attribute that ended while permit_load waited for the card

my $holder = $bank->background_psql('postgres');
my $waiter = $bank->background_psql('postgres', extra_params => [ '-U', 'metro' ]);
sub meanwhile
{
	my ($change) = @_;
	my $log_end = -s $bank->logfile;

	$holder->query_safe("BEGIN; $change");
	$waiter->query_until(qr/asked/, "\\echo asked\n$calls{'permit_load by attribute'};\n");
	$bank->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock'})
	  or die 'permit_load does not wait';
	$holder->query_safe('COMMIT');
	return $waiter->query_safe('SELECT 1');
}
like(meanwhile(q{SELECT card_issuer.block_card('KENJI-B', 'suspended')}), qr/refused/, 'E8: blocked meanwhile');
bank(q{SELECT card_issuer.unblock_card('KENJI-B')});
like(meanwhile(q{SELECT card_issuer.personalize_card('KENJI-B', 1)}), qr/refused/, 'R32: personalized anew meanwhile');
is(bank(q{SELECT i.cause FROM card_issuer.inquiry i ORDER BY i.inquiry_no DESC LIMIT 1}), 'secret', 'R36: cause on record');
($kenji) = split /\|/, bank("SELECT attribute FROM card_issuer.personalize_card('KENJI-B', 1)");
$calls{'permit_load by attribute'} =~ s/ecies[^']*/$kenji/;
like(meanwhile(q{SELECT card_issuer.revoke_key(1), card_issuer.block_card('KENJI-B', 'suspended'), card_issuer.unblock_card('KENJI-B')}),
	qr/refused/, 'E39: key revoked meanwhile');
is(bank(q{SELECT i.cause FROM card_issuer.inquiry i ORDER BY i.inquiry_no DESC LIMIT 1}), 'revoked_key', 'R36: cause on record');
$_->quit for ($holder, $waiter);

# A copy by logical replication, whose worker fires triggers for each row only

my $copy = start_cluster('copy', 'screissue.key_directory' => $keys);
$copy->safe_psql('postgres', q{SELECT card_issuer.setup('BANKJP', 'Bank of Japan Point');
	CREATE ROLE metro LOGIN; TRUNCATE card_issuer.self CASCADE});
bank('UPDATE card_issuer.encryption_key SET revoked_at = NULL');
bank('CREATE PUBLICATION everything FOR TABLES IN SCHEMA card_issuer');
$copy->safe_psql('postgres', sprintf
	q{CREATE SUBSCRIPTION copy CONNECTION '%s' PUBLICATION everything WITH (origin = any)} =~ s/ WITH .*//r,
	$bank->connstr . ' dbname=postgres');
$copy->wait_for_subscription_sync($bank, 'copy');
$copy->safe_psql('postgres', q{SELECT card_issuer.create_inquiry_sequence('METRO')});
$copy->safe_psql('postgres', 'ALTER DATABASE postgres SET search_path = screissue, public');
$copy->safe_psql('postgres', 'ALTER DATABASE postgres SET screissue.audit_inquiries = off');
my $session = $copy->background_psql('postgres');
my $question = inquire(sealed('MIKA-B'));
like($session->query_safe($question), qr/^\(200,t,/, 'a copy answers');
bank('SELECT card_issuer.revoke_key(1)');
$bank->wait_for_catchup('copy');
like($session->query_safe($question), qr/^\(200,f,\)/, 'E39: and knows at once of a key that was revoked at the original');
$session->quit;

$copy->stop;
$bank->stop;
done_testing();
