# Method 1 from end to end: an issuer and two providers, one subscribed, one
# pulling, walk through load, reissue and reload while each of them is
# restarted in the middle; nothing is lost, nothing is told or charged twice
# (R7, R17-R22, R24-R30; E1-E3, E9, E12, E20, E22, E34, E35).

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;

my $pass = 'D3920000A101';     # METRO's
my $park = 'D3920000A102';     # METRO's, too
my $books = 'D3920000B101';    # LIBRARY's

my $bank = start_issuer('bank', 'BANKJP');
my $metro = start_provider('metro', 'METRO');
my $library = start_provider('library', 'LIBRARY');
my %provider = (
	METRO => { node => $metro, role => 'metro' },
	LIBRARY => { node => $library, role => 'library' });

# as(NODE, ROLE, SQL): every call is made by an ordinary role
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

sub teller { return as($bank, 'teller', $_[0]); }

# load(PROVIDER, APPLICATION, CARD): permission, load, record; not confirmed
sub load
{
	my ($provider, $app, $card) = @_;
	my $p = $provider{$provider};
	my $message = as($bank, $p->{role},
		"SELECT message_id FROM card_issuer.permit_load('$app', card => '$card') WHERE permitted");
	as($p->{node}, 'clerk', qq{
		SELECT service_provider.record_load('$message', '$app', card => '$card',
		           platform_type => 100, user_ref => 'the holder',
		           examination => ROW(true, 'verified', '1 year'))});
	return $message;
}

sub confirm
{
	my ($provider) = @_;
	return as($provider{$provider}{node}, 'clerk',
		"SELECT service_provider.send_confirmations('BANKJP')");
}

# reissue(OLD, NEW): entitlements|notices
sub reissue
{
	my ($old, $new) = @_;
	teller("SELECT card_issuer.request_reissue('$old', 'lost')");
	return teller("SELECT * FROM card_issuer.reissue_card('$old', '$new')");
}

# request(PROVIDER, APPLICATION, CARD): request_id|outcome|inherits|substituted
sub request
{
	my ($provider, $app, $card) = @_;
	return as($provider{$provider}{node}, 'clerk', qq{
		SELECT request_id, outcome, inherits, examination_substituted
		  FROM service_provider.request_reload('$app', 'BANKJP', 100, card => '$card',
		           user_ref => 'the holder')});
}

# verdict(PROVIDER, APPLICATION, CARD): outcome|inherits
sub verdict
{
	my ($request, $outcome, $inherits) = split(/\|/, request(@_), -1);
	return "$outcome|$inherits";
}

# permit_reload(APPLICATION, CARD, OLD LOAD): the message id of the permission
sub permit_reload
{
	my ($provider, $app, $card, $old_load) = @_;
	return as($bank, $provider{$provider}{role}, qq{
		SELECT message_id
		  FROM card_issuer.permit_load('$app', card => '$card', reload_of => '$old_load')
		 WHERE permitted AND inherits = '$old_load' AND examination_substituted});
}

# reload(PROVIDER, APPLICATION, CARD, OLD LOAD): all of it; the new message id
sub reload
{
	my ($provider, $app, $card, $old_load) = @_;
	my ($request, $outcome, $inherits) = split(/\|/, request($provider, $app, $card));
	is("$outcome|$inherits", "approved|$old_load",
		"R24-R27: $provider approves the reload of $old_load");
	my $message = permit_reload($provider, $app, $card, $old_load);
	as($provider{$provider}{node}, 'clerk', qq{
		SELECT service_provider.record_load('$message', '$app', card => '$card', status => 'permitted');
		SELECT service_provider.complete_reload($request, '$message');
		SELECT service_provider.complete_reload($request, '$message')});
	return $message;
}

# The two databases tell the same story.
sub same_loads
{
	my ($provider, $when) = @_;
	my $loads = q{
		SELECT message_id, app_id, card_id, status, inherits
		  FROM %s.app_load WHERE provider(message_id) = '%s' ORDER BY message_id};
	is( owner($provider{$provider}{node}, sprintf($loads, 'service_provider', $provider)),
		owner($bank, sprintf($loads, 'card_issuer', $provider)),
		"R7: the loads of $provider are those of the bank, $when");
	return;
}

sub same_notices
{
	my ($provider, $when) = @_;
	my $columns = 'notice_no, kind, platform_type, new_card_id, old_card_id, app_id, message_id, reason';
	is( owner($provider{$provider}{node},
			"SELECT $columns FROM service_provider.reissue_notice WHERE notice_no > 0 ORDER BY 1"),
		owner($bank,
			"SELECT $columns FROM screissue.notice WHERE provider = '$provider' ORDER BY 1"),
		"R21: the notices of $provider are those of the bank, $when");
	is( as($provider{$provider}{node}, 'clerk',
			"SELECT * FROM service_provider.missing_notices('BANKJP')"),
		'', "E25: none is missing at $provider");
	return;
}

sub pull
{
	return as($library, 'clerk', "SELECT service_provider.pull_notices('BANKJP')");
}

# METRO has received all that the bank has sent.
sub caught_up
{
	$bank->wait_for_catchup('bankjp');
	return;
}

# Contracts

owner($_, 'ALTER DATABASE postgres SET search_path = screissue, public')
  for ($bank, $metro, $library);
owner($bank, q{
	CREATE ROLE teller LOGIN;
	CREATE ROLE metro LOGIN;
	CREATE ROLE library LOGIN;
	SELECT card_issuer.grant_operator('teller')});
teller(qq{
	SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro');
	SELECT card_issuer.register_provider('LIBRARY', 'City Library', 'library', delivery => 'pull');
	SELECT card_issuer.register_application('$pass', 'METRO', 'travel pass');
	SELECT card_issuer.register_application('$books', 'LIBRARY', 'library card');
	SELECT card_issuer.set_tariff('$pass', 'load', 120, 'JPY');
	SELECT card_issuer.set_tariff('$pass', 'reload', 30, 'JPY')});
is(teller("SELECT card_issuer.create_publication('METRO')"),
	'screissue_metro', 'the bank publishes the notices of METRO');
foreach my $company ('METRO', 'LIBRARY')
{
	my ($host, $port) = ($bank->host, $bank->port);
	owner($provider{$company}{node}, qq{
		CREATE ROLE clerk LOGIN;
		SELECT service_provider.grant_operator('clerk');
		CREATE EXTENSION dblink;
		CREATE SERVER bankjp FOREIGN DATA WRAPPER dblink_fdw
		    OPTIONS (host '$host', port '$port', dbname 'postgres');
		CREATE USER MAPPING FOR CURRENT_USER SERVER bankjp
		    OPTIONS (user '$provider{$company}{role}');
		GRANT USAGE ON FOREIGN SERVER bankjp TO clerk});
}
subscribe($metro, $bank, 'BANKJP', 'METRO');
as($metro, 'clerk', qq{
	SELECT service_provider.register_issuer('BANKJP', 'Bank', subscription => 'bankjp', server => 'bankjp');
	SELECT service_provider.register_application('$pass', 'travel pass');
	SELECT service_provider.set_tariff('$pass', 'load', 500, 'JPY');
	SELECT service_provider.set_tariff('$pass', 'reload', 100, 'JPY')});
as($library, 'clerk', qq{
	SELECT service_provider.register_issuer('BANKJP', 'Bank', server => 'bankjp');
	SELECT service_provider.register_application('$books', 'library card')});
$metro->wait_for_subscription_sync($bank, 'bankjp');

# First loads: both databases hold the same message id

teller("SELECT card_issuer.issue_card(id::card_id, 100, 'holder') FROM unnest('{1000,2000,3000,4000}'::text[]) id");
my $pass_1 = load('METRO', $pass, '1000');
my $books_1 = load('LIBRARY', $books, '1000');
is(confirm('METRO'), '1', 'R8: METRO confirms its load');
is(confirm('METRO'), '0', 'once');
is(confirm('LIBRARY'), '1', 'R8: LIBRARY confirms its load');
same_loads($_, 'after the first loads') for ('METRO', 'LIBRARY');

# Reissue while METRO is down

$metro->stop('immediate');
is(reissue('1000', '1001'), '2|2',
	'R17, R19: two entitlements, a notice to each provider, though METRO is down');
$metro->start;
caught_up();
is(inbox($metro, 'BANKJP'), '1', 'R22, E35: METRO has the notice when it is up again');
is(pull(), '1', 'R28: LIBRARY pulls one');
is(pull(), '0', 'E20: and no more');
is(owner($metro, 'SELECT old_card_id, new_card_id FROM service_provider.reissue_pair'),
	owner($bank, 'SELECT old_card_id, new_card_id FROM card_issuer.reissue_pair'),
	'R18, R21: the pair is in both databases');

# Reload while the bank is down between permission and confirmation

my ($request, undef, $inherits, $substituted) = split(/\|/, request('METRO', $pass, '1001'));
is("$inherits $substituted", "$pass_1 t", 'R26: the old load is found, its examination reused');
my $pass_2 = permit_reload('METRO', $pass, '1001', $pass_1);
is(permit_reload('METRO', $pass, '1001', $pass_1),
	$pass_2, 'R7: a permission still outstanding is given again');
$bank->stop('fast');
is(verdict('METRO', $pass, '1001'), "approved|$pass_1", 'method 1 does not need the bank to judge');
as($metro, 'clerk', "SELECT service_provider.complete_reload($request, '$pass_2')");
is(owner($metro, 'SELECT message_id, status FROM service_provider.unconfirmed_load'),
	"$pass_2|loaded", 'R27: the reload is done, its confirmation waits');
$bank->start;
is(confirm('METRO'), '1', 'and is sent when the bank is up again');
same_loads('METRO', 'after the reload');
is( owner($bank, "SELECT status, fee FROM card_issuer.app_load WHERE app_id = '$pass' ORDER BY message_id"),
	"superseded|120\nloaded|30",
	'R51: the bank charges a reload, once');
is( owner($metro, 'SELECT status, fee, user_ref FROM service_provider.app_load ORDER BY message_id'),
	"superseded|500|the holder\nloaded|100|the holder",
	'R52: and so does METRO');
is(verdict('METRO', $pass, '1001'), "already_reloaded|$pass_2", 'E34: a second reload is not due');

# One session of LIBRARY outlives the bank

my $session = $library->background_psql('postgres', extra_params => [ '-U', 'clerk' ]);
is($session->query_safe("SELECT service_provider.pull_notices('BANKJP')"),
	'0', 'a session pulls');
$bank->restart;
is($session->query_safe("SELECT service_provider.pull_notices('BANKJP')"),
	'0', 'E35: and again after the bank was restarted');
$session->quit;

# A chain: reloaded on the second card by METRO only

is(reissue('1001', '1002'), '2|2', 'E1, E2: the third card inherits both applications');
caught_up();
pull();
is( teller("SELECT string_agg(card_id || ' ' || status, ', ' ORDER BY hop) FROM card_issuer.lineage('1001')"),
	'1000 replaced, 1001 replaced, 1002 active', 'R18: the chain');
my $pass_3 = reload('METRO', $pass, '1002', $pass_2);
my $books_3 = reload('LIBRARY', $books, '1002', $books_1);
is( owner($bank, "SELECT message_id, hops FROM card_issuer.entitlement WHERE card_id = '1002' ORDER BY hops"),
	"$pass_2|1\n$books_1|2", 'E1, E2: by the load on the second card, by the load on the first');
is(verdict('METRO', $pass, '1001'), "card_replaced|", 'E7: the second card is replaced itself');
same_loads($_, 'after the chain') for ('METRO', 'LIBRARY');

# A load that is confirmed when its card was replaced already

my $pass_late = load('METRO', $pass, '2000');
is(reissue('2000', '2001'), '0|0', 'E12: a load not yet confirmed gives no entitlement');
is(confirm('METRO'), '1', 'E22: the confirmation comes after the reissue');
caught_up();
reload('METRO', $pass, '2001', $pass_late);
same_loads('METRO', 'after a late confirmation');

# One of two applications is removed after the reissues: the pairs stand

teller("SELECT card_issuer.register_application('$park', 'METRO', 'park and ride')");
as($metro, 'clerk', "SELECT service_provider.register_application('$park', 'park and ride')");
my $pass_f = load('METRO', $pass, '4000');
my $park_f = load('METRO', $park, '4000');
is(confirm('METRO'), '2', 'R12: two applications of one provider on a card');
is(reissue('4000', '4001'), '2|2', 'E11: both are inherited');
is(reissue('4001', '4002'), '2|2', 'and inherited again');
as($metro, 'clerk', "SELECT service_provider.record_unload('$park_f')");
is(confirm('METRO'), '1', 'E3: the bank is told that one was removed');
caught_up();
is(verdict('METRO', $park, '4002'), 'entitlement_withdrawn|', 'E3: it cannot be reloaded');
is(verdict('METRO', $pass, '4001'), 'card_replaced|', 'E3, E7: the second card is replaced all the same');
is( owner($metro, q{
		SELECT old_card_id, new_card_id FROM service_provider.reissue_pair
		 WHERE old_card_id IN ('4000', '4001') ORDER BY 1}),
	"4000|4001\n4001|4002", 'E3, R21: and the pairs stand');
reload('METRO', $pass, '4002', $pass_f);
same_loads('METRO', 'after one of two was removed');

# Delivery is switched, a contract suspended: nothing is lost

my $books_d = load('LIBRARY', $books, '3000');
my $pass_d = load('METRO', $pass, '3000');
confirm($_) for ('METRO', 'LIBRARY');
teller(q{
	SELECT card_issuer.register_provider('LIBRARY', 'City Library', 'library', delivery => 'on_request');
	SELECT card_issuer.suspend_provider('METRO')});
is(reissue('3000', '3001'), '2|0', 'R30: entitlements are written, notices are not');
is(pull(), '0', 'R28: LIBRARY is told nothing');
is(verdict('LIBRARY', $books, '3001'), "approved|$books_d", 'R28, R29: but may ask (Fig. 19)');
is(verdict('METRO', $pass, '3001'), 'not_reissued|', 'E14: a suspended provider may not');
teller(q{
	SELECT card_issuer.register_provider('LIBRARY', 'City Library', 'library', delivery => 'pull');
	SELECT card_issuer.resume_provider('METRO')});
is(pull(), '1', 'R30: LIBRARY is told when it wants to be');
caught_up();
reload('LIBRARY', $books, '3001', $books_d);
reload('METRO', $pass, '3001', $pass_d);

# A reissue is withdrawn after the reload

is(reissue('3001', '3002'), '2|2', 'another reissue');
teller("SELECT card_issuer.withdraw_reissue('3002')");
caught_up();
is(pull(), '2', 'E9: LIBRARY gets notice and withdrawal');
is(verdict('METRO', $pass, '3002'), 'entitlement_withdrawn|', 'E9: nothing to reload on the card withdrawn');
is(verdict('LIBRARY', $books, '3002'), 'entitlement_withdrawn|', 'E9: at LIBRARY neither');

# Many reissues, while each of the three crashes

owner($bank, q{
	DO $$
	DECLARE
	    permission record;
	BEGIN
	    FOR i IN 1 .. 60 LOOP
	        PERFORM card_issuer.issue_card((50000 + i)::text::card_id, 100, 'holder');
	        FOR permission IN
	            SELECT p.message_id
	              FROM unnest('{D3920000A101,D3920000B101}'::text[]) app,
	                   card_issuer.permit_load(app::app_id, card => (50000 + i)::text::card_id) p
	        LOOP
	            PERFORM card_issuer.confirm_load(permission.message_id);
	        END LOOP;
	    END LOOP;
	END $$});
foreach my $provider ('METRO', 'LIBRARY')
{
	my $rows = owner($bank, qq{
		SELECT format('(%L, %L, %L)', message_id, app_id, card_id)
		  FROM card_issuer.app_load
		 WHERE provider = '$provider' AND length(card_id::text) = 5});
	owner($provider{$provider}{node},
		'SELECT service_provider.record_load(v.m::message_id, v.a::app_id, v.c::card_id) FROM (VALUES '
		  . join(', ', split(/\n/, $rows))
		  . ') v (m, a, c)');
	is(confirm($provider), '60', "$provider has loads on 60 more cards");
}
foreach my $ten (0 .. 5)
{
	teller(join('', map {
				my $old = 50001 + 10 * $ten + $_;
				my $new = $old + 10000;
				qq{SELECT card_issuer.request_reissue('$old', 'compromised');
				   SELECT card_issuer.reissue_card('$old', '$new');}
			} 0 .. 9));
	($metro, $bank, $library)[ $ten % 3 ]->stop('immediate');
	($metro, $bank, $library)[ $ten % 3 ]->start;
	is(pull(), '10', 'LIBRARY pulls ten');
}
caught_up();
same_notices($_, 'after six crashes') for ('METRO', 'LIBRARY');
foreach my $provider ('METRO', 'LIBRARY')
{
	my $app = $provider eq 'METRO' ? $pass : $books;
	is( as($provider{$provider}{node}, 'clerk', qq{
			SELECT r.outcome, count(*)
			  FROM generate_series(60001, 60060) card,
			       service_provider.request_reload('$app', 'BANKJP', 100, card => card::text::card_id) r
			 GROUP BY 1}),
		'approved|60', "R24-R27: all sixty can be reloaded by $provider");
}
is(owner($metro, 'SELECT count(*) FROM service_provider.quarantined_notice'),
	'0', 'nothing is in quarantine');
same_loads($_, 'at the end') for ('METRO', 'LIBRARY');

$_->stop for ($library, $metro, $bank);
done_testing();
