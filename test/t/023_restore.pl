# An issuer that was restored from an old base backup (E25): it has lost notices
# that its providers have, one by a subscription, one by pulls.  As
# doc/operations.md says, it begins an epoch, takes back what they know and reissues
# what is lost.  No number is used twice, nothing contradicts, and both digests agree
# over all epochs.  Then the same backup is restored once more.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;

my $base = 1 << 40;
my $bank = start_issuer('bank', 'BANKJP');
my $metro = start_provider('metro', 'METRO');
my $library = start_provider('library', 'LIBRARY');
my $directory = PostgreSQL::Test::Utils::tempdir('files');

sub bank { return $bank->safe_psql('postgres', "SET search_path = public, screissue; $_[0]"); }
sub metro { return $metro->safe_psql('postgres', "SET search_path = public, screissue; $_[0]"); }
sub library { return $library->safe_psql('postgres', $_[0]); }

bank(q{
	CREATE ROLE metro LOGIN;
	CREATE ROLE library LOGIN;
	SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro'),
	       card_issuer.register_provider('LIBRARY', 'City Library', 'library', delivery => 'pull'),
	       card_issuer.register_application('D276AB0085CD01', 'METRO', 'season ticket'),
	       card_issuer.register_application('D276AC0001EF01', 'LIBRARY', 'reader'),
	       card_issuer.create_publication('METRO');
	CREATE FUNCTION load(name text, platform_type integer DEFAULT 100) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
	    PERFORM card_issuer.issue_card(card_id(name), platform_type),
	            card_issuer.confirm_load((card_issuer.permit_load('D276AB0085CD01', card => card_id(name))).message_id),
	            card_issuer.confirm_load((card_issuer.permit_load('D276AC0001EF01', card => card_id(name))).message_id);
	END $$;
	CREATE FUNCTION reissue(old text, new text) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
	    PERFORM card_issuer.request_reissue(card_id(old), 'stolen'),
	            card_issuer.reissue_card(card_id(old), card_id(new), 100);
	END $$});
link_issuer($metro, $bank, 'metro', 'bank');
link_issuer($library, $bank, 'library', 'bank');
metro(q{SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point', subscription => 'bank', server => 'bank'),
	       service_provider.register_application('D276AB0085CD01', 'season ticket')});
library(q{SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point', server => 'bank')});
metro(sprintf q{CREATE SUBSCRIPTION bank CONNECTION '%s dbname=postgres' PUBLICATION screissue_metro WITH (slot_name = 'screissue_metro')}, $bank->connstr);
$metro->wait_for_subscription_sync($bank, 'bank');

sub deliver
{
	$bank->wait_for_catchup('bank');
	return library(q{SELECT service_provider.pull_notices('BANKJP')});
}

bank(q{SELECT load('P-' || n), reissue('P-' || n, 'PN-' || n) FROM generate_series(1, 20) n;
       SELECT load('L-' || n, CASE n WHEN 5 THEN 200 ELSE 100 END) FROM generate_series(1, 9) n});
metro(q{SELECT service_provider.record_load(message => m.message_id::message_id, app => 'D276AB0085CD01', card => m.card::card_id, platform_type => 100)
          FROM dblink('dbname=postgres host=} . $bank->host . q{ port=} . $bank->port . q{',
                      $$SELECT message_id::text, card_id::text FROM card_issuer.app_load WHERE provider::text = 'METRO' AND card_id::text LIKE 'L-%' AND card_id::text <> 'L-5'$$)
               m (message_id text, card text)});
deliver();
$bank->backup('old');

# The time that will be lost: a reissue, one by one, in a chain, back, renewed, of a
# card that only the issuer can read, and of a card that was issued then.
bank($_) for split /\n/, q{SELECT reissue('L-1', 'LN-1'), reissue('L-2', 'LN-2'), reissue('L-3', 'LN-3')
SELECT reissue('LN-1', 'LM-1')
SELECT card_issuer.withdraw_reissue('LN-2')
SELECT card_issuer.renew_card('L-9', '2099-12-31')
SELECT reissue('L-5', 'LN-5')
SELECT load('K'), reissue('K', 'KN')};
deliver();
bank(q{SELECT reissue('L-6', 'LN-6')});
$bank->wait_for_catchup('bank');
my $told = bank(q{SELECT n FROM screissue.notice n WHERE n.provider = 'METRO' ORDER BY n.notice_no});

# Restores the backup, at the same address; what was there never comes back.
my $backed_up = $bank;

sub restore
{
	my ($name) = @_;
	my $restored = PostgreSQL::Test::Cluster->new($name, port => $bank->port);

	$restored->init_from_backup($backed_up, 'old');
	$bank->stop('immediate');
	$bank = $restored;
	$bank->start;
	is(bank('SELECT count(*) FROM pg_replication_slots'), '0', "$name: there is no slot");
	return;
}

# The procedure for an issuer whose providers know this epoch.
sub recover
{
	my ($epoch) = @_;
	my @replace = (
		'DATABASE issuer' => 'DATABASE postgres',
		'after_epoch => 0' => "after_epoch => $epoch",
		'host=issuer.example dbname=issuer' => $bank->connstr . ' dbname=postgres');
	my $procedure = sub {
		my ($file, $heading, $provider, @more) = @_;
		return follow("doc/$file.md", $heading, { issuer => $bank, provider => $provider }, @replace, @more);
	};

	my (undef, $known) = $procedure->('operations', 'An issuer that was restored', $metro);
	is($known, $epoch, 'E25: the last epoch that the provider knows');
	my ($rc, undef, $err) = $library->psql('postgres', q{SELECT service_provider.pull_notices('BANKJP')});
	like($err, qr/too many connections for database/, 'nobody else is let in');
	my (undef, $of_metro) = $procedure->('operations', 'What providers give back', $metro,
		'metro.notices' => "$directory/metro-$epoch.notices");
	my (undef, $of_library) = $procedure->('operations', 'What providers give back', $library,
		'metro.notices' => "$directory/library-$epoch.notices");
	$procedure->('operations', 'Let everybody in', $metro);
	$procedure->('replication', 'Drop the old subscription', $metro);
	$procedure->('replication', 'Subscribe anew', $metro);
	library(q{SELECT service_provider.pull_notices('BANKJP')});
	return ($of_metro, $of_library);
}

sub complete
{
	my ($name) = @_;

	$bank->wait_for_catchup('bank');
	library(q{SELECT service_provider.pull_notices('BANKJP')});
	agree($bank, $metro, "E25: $name: METRO and the issuer agree over all epochs");
	agree($bank, $library, "E25: $name: so do LIBRARY and the issuer", METRO => 'LIBRARY');
	for my $provider ($metro, $library)
	{
		is($provider->safe_psql('postgres', q{SELECT count(*) FROM service_provider.quarantined_notice}), '0', "E25: $name: nothing contradicts");
		is($provider->safe_psql('postgres', q{SELECT service_provider.missing_notices('BANKJP')}), '', "E25: $name: there is no gap");
	}
	return;
}

my $metro_has = metro('SELECT count(*) FROM service_provider.reissue_notice');
my $library_has = library('SELECT count(*) FROM service_provider.reissue_notice');
is("$metro_has $library_has", '29 28', 'both have all that was told, but one has not pulled the last');

restore('restored');
is(bank('SELECT provider, count(*) FROM screissue.notice GROUP BY 1 ORDER BY 1'), "LIBRARY|20\nMETRO|20", 'the issuer has lost what followed');
is(join(' ', recover(0)), '29|9 28|8', 'E25: the issuer takes back what it has lost');
is(bank(q{SELECT n FROM screissue.notice n WHERE n.provider = 'METRO' ORDER BY n.notice_no}), $told, 'E25: to the letter');
complete('restored');
is(metro('SELECT count(*), min(arrivals), max(arrivals) FROM service_provider.arrival WHERE arrivals > 1'), '29|2|2', 'E25: what came again was counted');

# The cards.

my ($lost_cards, $reissue) = blocks('doc/operations.md', 'Cards that the issuer has lost');

# What is listed, once for each pair of cards: old, new, platform type, loaded on.
sub lost_pairs
{
	my (%seen, @pairs);

	for my $line (split /\n/, $bank->safe_psql('postgres', $lost_cards))
	{
		my (undef, $old, $new, $platform_type, undef, undef, undef, $loaded_on) = split /\|/, $line, -1;
		push @pairs, [ $old || $loaded_on, $new, $loaded_on ] unless $seen{$new}++;
	}
	return @pairs;
}

sub reissue_anew
{
	for my $pair (lost_pairs())
	{
		my ($old, $new, $loaded_on) = @$pair;

		bank("SELECT card_issuer.issue_card('$old', 100)") unless $loaded_on;
		$bank->safe_psql('postgres', $reissue =~ s/OLD-CARD/$old/gr =~ s/NEW-CARD/$new/gr);
	}
	return;
}

is(join(' ', map { join '>', @$_ } lost_pairs()),
	'L-1>LN-1>L-1 L-2>LN-2>L-2 L-3>LN-3>L-3 LN-1>LM-1>L-1 L-5>LN-5>L-5 K>KN> L-6>LN-6>L-6',
	'E25: the cards that were reissued in the lost time, in order');
reissue_anew();
bank(q{SELECT card_issuer.withdraw_reissue('LN-2'), card_issuer.renew_card('L-9', '2099-12-31')});
is(join(' ', map { $_->[1] } lost_pairs()), 'KN', 'E25: all are on record again but one whose loads are lost');
is(bank(q{SELECT string_agg(c.card_id || ' ' || c.status, ', ' ORDER BY c.card_id::text) FROM card_issuer.card c WHERE c.card_id::text ~ '^(K|L[MN]?-[1256])'}),
	'K replaced, KN active, L-1 replaced, L-2 active, L-5 replaced, L-6 replaced, LM-1 active, LN-1 replaced, LN-2 revoked, LN-5 active, LN-6 active',
	'E25: with the status that they have');
complete('reissued anew');
is(metro(qq{SELECT string_agg(n.notice_no - $base || ' ' || n.new_card_id::text, ', ' ORDER BY n.notice_no) FROM service_provider.reissue_notice n WHERE n.notice_no > $base}),
	'1 LN-1, 2 LN-2, 3 LN-3, 4 LM-1, 5 LN-5, 6 LN-6, 7 LN-2, 8 L-9', 'E25: its notices have the numbers of a new epoch');
is(metro(q{SELECT count(DISTINCT (n.new_card_id::text, n.message_id::text)), count(DISTINCT n.new_card_id::text) FROM service_provider.reissue_notice n WHERE n.kind = 'reissue' AND n.new_card_id::text LIKE 'L%'}),
	'6|6', 'E25: and name the same loads as those that were lost');
is(metro(q{SELECT outcome, inherits = (SELECT message_id FROM service_provider.app_load WHERE card_id = 'L-1')
	         FROM service_provider.request_reload(app => 'D276AB0085CD01', issuer => 'BANKJP', platform_type => 100, card => 'LM-1')}),
	'approved|t', 'E25: the provider judges as before');
my $lost_load = metro(q{SELECT message_id FROM service_provider.reissue_notice WHERE new_card_id = 'KN'});
metro(qq{SELECT service_provider.record_load(message => '$lost_load', app => 'D276AB0085CD01', card => 'KN', platform_type => 100)});
is(metro(q{SELECT service_provider.send_confirmations('BANKJP')}), '8', 'E25: loads from before the backup can be confirmed');
is(metro('SELECT message_id, status FROM service_provider.unconfirmed_load'), "$lost_load|loaded", 'E25: one whose permission is lost stays unconfirmed');
bank(q{SELECT load('Z')});
cmp_ok(bank('SELECT min(sequence(message_id)) FROM card_issuer.app_load WHERE card_id = $$Z$$'), '>', $base, 'E25: message ids are of the new epoch');

# The same backup once more: what was told in both epochs is taken back.

$told = bank(q{SELECT n FROM screissue.notice n WHERE n.provider = 'METRO' ORDER BY n.notice_no});
restore('restored_again');
is(join(' ', recover(1)), '37|17 36|16', 'E25: a second restore takes back what was told in both epochs');
is(bank(q{SELECT n FROM screissue.notice n WHERE n.provider = 'METRO' ORDER BY n.notice_no}), $told, 'E25: to the letter');
bank(q{SELECT load('Z'), reissue('Z', 'ZN')});
complete('restored again');
cmp_ok(bank('SELECT min(sequence(message_id)) FROM card_issuer.app_load WHERE card_id = $$Z$$'), '>', 2 * $base, 'E25: message ids are of an epoch after that');

metro('DROP SUBSCRIPTION bank');
done_testing();
