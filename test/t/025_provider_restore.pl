# A provider that was restored from an old base backup (E59): the slot at the issuer
# has moved on.  As doc/operations.md says, it fetches what it has lost, or subscribes
# anew, and puts its loads on record again.  Both digests agree afterwards, the loads are
# the same at both sides, and nothing is charged twice.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;

my $pass = 'D276AB0085CD01';
my $bank = start_issuer('bank', 'BANKJP');
my $metro = start_provider('metro', 'METRO');

sub bank { return $bank->safe_psql('postgres', "SET search_path = public, screissue; $_[0]"); }
sub metro { return $metro->safe_psql('postgres', "SET search_path = public, screissue; $_[0]"); }

bank(qq{
	CREATE ROLE metro LOGIN;
	SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro'),
	       card_issuer.register_application('$pass', 'METRO', 'season ticket'),
	       card_issuer.set_tariff('$pass', 'load', 300, 'JPY'), card_issuer.set_tariff('$pass', 'reload', 30, 'JPY'),
	       card_issuer.create_publication('METRO')});
link_issuer($metro, $bank, 'metro', 'bank');
metro(qq{
	SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point', subscription => 'bank', server => 'bank'),
	       service_provider.register_application('$pass', 'season ticket'),
	       service_provider.set_tariff('$pass', 'load', 500, 'JPY'), service_provider.set_tariff('$pass', 'reload', 50, 'JPY')});
metro(sprintf q{CREATE SUBSCRIPTION bank CONNECTION '%s dbname=postgres' PUBLICATION screissue_metro WITH (slot_name = 'screissue_metro')}, $bank->connstr);
$metro->wait_for_subscription_sync($bank, 'bank');

sub issue { return bank(join '', map { "SELECT card_issuer.issue_card('$_', 100);" } @_); }

sub load
{
	for my $card (@_)
	{
		my $message = bank("SELECT message_id FROM card_issuer.permit_load('$pass', card => '$card') WHERE permitted");
		metro("SELECT service_provider.record_load('$message', '$pass', card => '$card', platform_type => 100)");
	}
	return metro(q{SELECT service_provider.send_confirmations('BANKJP')});
}

sub reissue
{
	my ($old, $new) = @_;

	bank("SELECT card_issuer.request_reissue('$old', 'lost')");
	bank("SELECT card_issuer.reissue_card('$old', '$new')");
	$bank->wait_for_catchup('bank');
	return;
}

# Returns the id of the request.
sub reload
{
	my ($card) = @_;
	my ($request, $old) = split /\|/, metro("SELECT request_id, inherits FROM service_provider.request_reload('$pass', 'BANKJP', 100, card => '$card') WHERE outcome = 'approved'");
	my $message = bank("SELECT message_id FROM card_issuer.permit_load('$pass', card => '$card', reload_of => '$old') WHERE permitted");

	metro("SELECT service_provider.complete_reload($request, '$message')");
	return $request;
}

sub loads
{
	my ($node, $schema) = @_;
	return $node->safe_psql('postgres', "SELECT message_id, app_id, card_id, status, inherits FROM $schema.app_load ORDER BY screissue.sequence(message_id)");
}

sub charges { return bank('SELECT message_id, kind, amount FROM card_issuer.charge ORDER BY 1, 2'); }

issue('A', 'B', 'C', 'D', 'E', 'F');
load('A', 'B', 'C', 'D');
reissue('A', 'A2');
reload('A2');
reissue('B', 'B2');
$metro->backup('old');
my $since = bank('SELECT now()');

# The time that the provider loses: a reload of a card whose notice it had, one of
# a card whose notice comes later, in a chain; a first load, one that is unloaded,
# and one that is only permitted.
my $lost_request = reload('B2');
reissue('C', 'C2');
reload('C2');
reissue('C2', 'C3');
reload('C3');
load('E');
metro(q{SELECT service_provider.record_unload(message_id) FROM service_provider.app_load WHERE card_id = 'D'});
metro(q{SELECT service_provider.send_confirmations('BANKJP')});
my $permitted = bank("SELECT message_id FROM card_issuer.permit_load('$pass', card => 'F')");
$bank->wait_for_catchup('bank');
my $loads = loads($metro, 'service_provider');
my $charges = charges();
my $statement = metro('SELECT message_id, kind, amount FROM service_provider.charge ORDER BY 1, 2');
is($loads, loads($bank, 'card_issuer') =~ s/\n[^\n]*\|permitted\|$//r, 'both sides have the same loads, before');

# Restores the backup at the same address.
my $backed_up = $metro;

sub restore
{
	my ($name) = @_;
	my $restored = PostgreSQL::Test::Cluster->new($name, port => $metro->port);

	$restored->init_from_backup($backed_up, 'old');
	$metro->stop('immediate');
	$metro = $restored;
	$metro->start;
	# Its subscription goes on, after what it had had before.
	issue("G-$name");
	load("G-$name");
	reissue("G-$name", "GN-$name");
	return;
}

sub procedure
{
	my ($file, $heading) = @_;

	return follow("doc/$file.md", $heading, { issuer => $bank, provider => $metro },
		'host=issuer.example dbname=issuer' => $bank->connstr . ' dbname=postgres');
}

sub complete
{
	my ($name) = @_;

	$bank->wait_for_catchup('bank');
	agree($bank, $metro, "E59: $name: the digests agree");
	is(metro('SELECT count(*) FROM service_provider.quarantined_notice'), '0', "E59: $name: nothing contradicts");
	is(metro(q{SELECT service_provider.missing_notices('BANKJP')}), '', "E59: $name: there is no gap");
	return;
}

restore('restored');
is(metro(q{SELECT service_provider.missing_notices('BANKJP')}), '(3,4)', 'E59: what came since the backup is missing');
my ($fetched) = procedure('operations', 'A provider that was restored');
is($fetched, '2', 'E59: it is fetched');
complete('with a server');

# The loads, in the issuer's order.

my ($listed, $record, $complete, $unload, $confirm) = blocks('doc/operations.md', 'Loads that the provider has lost');
my @outcomes;

sub run_block
{
	my ($block, $message, $card) = @_;

	return $metro->safe_psql('postgres', $block =~ s{BANKJP/METRO/1}{$message}gr =~ s/'CARD'/'$card'/gr);
}

for my $line (split /\n/, $bank->safe_psql('postgres', $listed =~ s/2026-01-01 00:00/$since/r))
{
	my ($message, undef, undef, $card, $status, $inherits) = split /\|/, $line, -1;
	my $known = metro("SELECT status FROM service_provider.app_load WHERE message_id = '$message'");
	my $done = $known ? "was $known" : 'nothing';

	if (!$known && $status ne 'permitted')
	{
		$done = 'recorded';
		$done = run_block($complete, $message, $card) =~ s/\|.*//r if $inherits;
		run_block($record, $message, $card) if $done =~ /^(recorded|card_replaced)$/;
	}
	run_block($unload, $message, $card) if $status eq 'unloaded';
	push @outcomes, "$card $status: $done";
}
my ($confirmed) = run_block($confirm, '', '');
is(join(', ', @outcomes),
	'B superseded: was loaded, C superseded: was loaded, D unloaded: was loaded, B2 loaded: approved, C2 superseded: card_replaced,'
	  . ' C3 loaded: approved, E loaded: recorded, F permitted: nothing, G-RESTORED loaded: was loaded',
	'E59: what the issuer knows, and what becomes of it');
is($confirmed, '3', 'E59: what was recorded and unloaded is confirmed anew; a reload was when it was completed');
is(metro('SELECT count(*) FROM service_provider.unconfirmed_load'), '0', 'E59: and nothing is left');

# What the two tables say of the loads of that time, where it is not the same.
sub differences
{
	my ($before, $after) = @_;
	my %now = map { $_ => 1 } split /\n/, $after;
	return join ', ', grep { !$now{$_} } split /\n/, $before;
}

is(differences($loads, loads($metro, 'service_provider')), "BANKJP/METRO/3|$pass|C|superseded|, BANKJP/METRO/7|$pass|C2|superseded|BANKJP/METRO/3",
	'E59: the loads are on record as they were, but for a reload on a card that was replaced since');
is(differences($charges, charges()), '', 'E59: the issuer charges what it charged');
is(bank(q{SELECT count(*) - count(DISTINCT message_id::text) FROM card_issuer.charge}), '0', 'E59: and nothing twice');
is(differences($statement, metro('SELECT message_id, kind, amount FROM service_provider.charge')), 'BANKJP/METRO/7|reload|50', 'E59: that reload has the price of a load');
is(metro("SELECT count(*) FILTER (WHERE request_id = $lost_request), min(request_id) FILTER (WHERE request_id > $lost_request) - max(request_id) FILTER (WHERE request_id < $lost_request) FROM service_provider.reload_request"),
	'0|1000001', 'E59: no id of a request is given a second time');

# The same backup, and no server to ask: it subscribes anew.

restore('again');
is(metro(q{SELECT service_provider.missing_notices('BANKJP')}), '(3,5)', 'E59: the same backup once more');
procedure('replication', 'Drop the old subscription');
procedure('replication', 'Subscribe anew');
complete('without a server');

metro('DROP SUBSCRIPTION bank');
done_testing();
