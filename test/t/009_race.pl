
# A race of 32 sessions (E31, E33, E34, R9, R20): all reissue the same 200
# cards, each to new ids of its own.  Of every card exactly one reissue wins,
# the other 31 are told SR006, and the numbers of the notices are dense in the
# order of commit.  Then the same under SERIALIZABLE, and loads by 32 sessions.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;

my $clients = 32;
my $bank = start_issuer('bank', 'BANKJP', track_commit_timestamp => 'on', max_connections => $clients + 10);

sub sql { return $bank->safe_psql('postgres', $_[0]) }

sql(q{
	CREATE ROLE metro;
	CREATE ROLE shop;
	SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro'),
	       card_issuer.register_provider('SHOP', 'Shop Points', 'shop', 'pull'),
	       card_issuer.register_application('D276AB0085CD01', 'METRO', 'season ticket'),
	       card_issuer.register_application('D276AC0001EF01', 'SHOP', 'points');
	CREATE TABLE outcome (card integer, client integer, state text);

	CREATE FUNCTION make_card(n integer) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		card screissue.card_id := 'OLD-' || n;
	BEGIN
		PERFORM card_issuer.issue_card(card, 100);
		PERFORM card_issuer.confirm_load((card_issuer.permit_load('D276AB0085CD01', card)).message_id);
		-- The second application first, on every other card: the locks of
		-- the two counters must be taken in one order all the same.
		IF n % 2 = 0 THEN
			PERFORM card_issuer.confirm_load((card_issuer.permit_load('D276AC0001EF01', card)).message_id);
		END IF;
		PERFORM card_issuer.request_reissue(card, 'lost');
	END $$;

	-- Tries a reissue and writes down what became of it.
	CREATE FUNCTION attempt(n integer, client integer) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM card_issuer.reissue_card(('OLD-' || n)::screissue.card_id,
			('NEW-' || n || '-' || client)::screissue.card_id);
		INSERT INTO outcome VALUES (n, client, 'won');
	EXCEPTION WHEN OTHERS THEN
		IF SQLSTATE = '40001' THEN
			RAISE;
		END IF;
		INSERT INTO outcome VALUES (n, client, SQLSTATE);
	END $$});

# Runs a script in all sessions, $times times each; n counts up in each, after
# the script, so that what is tried again is tried with the same n.
sub race
{
	my ($name, $script, $first, $times, @options) = @_;
	my $file = "$PostgreSQL::Test::Utils::tmp_check/race.sql";

	unlink $file;
	append_to_file($file, "$script\n\\set n :n + 1\n");
	$bank->command_ok(
		[ 'pgbench', '-n', '-c', $clients, '-j', 2, '-t', $times,
		  '-D', "n=$first", '-f', $file, @options, 'postgres' ],
		"$name: no session failed");
	return;
}

# What holds after a race over the cards from $first to $last.
sub check_race
{
	my ($name, $first, $last) = @_;
	my $cards = $last - $first + 1;

	is(sql(qq{SELECT count(*) FROM outcome WHERE state = 'won' AND card BETWEEN $first AND $last}),
		$cards, "E31: $name: every card was reissued");
	is(sql(qq{SELECT count(*) FROM (SELECT card FROM outcome WHERE state = 'won' AND card BETWEEN $first AND $last
	                                 GROUP BY card HAVING count(*) > 1) x}),
		0, "E31: $name: none of them twice");
	is(sql(qq{SELECT string_agg(DISTINCT state, ' ') FROM outcome WHERE state <> 'won' AND card BETWEEN $first AND $last}),
		'SR006', "E31: $name: every loser is told SR006");
	is(sql(qq{SELECT count(*) FROM outcome WHERE card BETWEEN $first AND $last}),
		$cards * $clients, "E31: $name: all $clients sessions tried all cards");
	is(sql(qq{SELECT count(*) FROM outcome o
	            JOIN card_issuer.reissue_pair p
	              ON p.old_card_id::text = 'OLD-' || o.card AND p.new_card_id::text = 'NEW-' || o.card || '-' || o.client
	           WHERE o.state = 'won' AND o.card BETWEEN $first AND $last}),
		$cards, "E31: $name: the pair is the winner's");
	return;
}

sub check_notices
{
	my ($name) = @_;

	foreach my $provider (qw(METRO SHOP))
	{
		my $range = sql(qq{SELECT min(notice_no) || ' ' || max(notice_no) || ' ' || count(DISTINCT notice_no)
		                     FROM screissue.notice WHERE provider = '$provider'});
		my $entitled = sql(qq{SELECT count(*) FROM card_issuer.entitlement e JOIN card_issuer.application a
		                          ON a.app_id::text = e.app_id::text WHERE a.provider::text = '$provider'});
		is($range, "1 $entitled $entitled", "R20: $name: numbers to $provider are dense, one for each entitlement");
		is(sql(qq{SELECT count(*) FROM (
		              SELECT pg_xact_commit_timestamp(xmin) AS at,
		                     lag(pg_xact_commit_timestamp(xmin)) OVER (ORDER BY notice_no) AS before
		                FROM screissue.notice WHERE provider = '$provider') x
		           WHERE at < before}),
			0, "R20: $name: number order to $provider is commit order");
	}
	return;
}

sql('SELECT make_card(n) FROM generate_series(1, 240) n');
race('read committed', "SELECT attempt(:n, :client_id);", 1, 200);
check_race('read committed', 1, 200);
check_notices('read committed');

{
	local $ENV{PGOPTIONS} = '-c default_transaction_isolation=serializable';
	race('serializable', "SELECT attempt(:n, :client_id);", 201, 40, '--max-tries=1000');
}
check_race('serializable', 201, 240);
check_notices('serializable');

is(sql(q{SELECT count(*) FROM card_issuer.card c WHERE c.replaces IS NOT NULL}),
	240, 'E31: no new card without its old card');
is(sql(q{SELECT count(*) FROM card_issuer.reissue_request r WHERE r.status <> 'completed'}),
	0, 'E31: every request is completed');

# R9, E34: 32 sessions ask for permission on 100 cards of their own, and all on
# one and the same card, and confirm.
sql(q{
	SELECT card_issuer.issue_card(('OWN-' || n || '-' || c)::screissue.card_id, 100)
	  FROM generate_series(1, 100) n, generate_series(0, 31) c;
	SELECT card_issuer.issue_card(('SAME-' || n)::screissue.card_id, 100)
	  FROM generate_series(1, 100) n;
	CREATE TABLE answer (kind text, n integer, message_id text);
	CREATE FUNCTION ask(kind text, n integer, card text) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		message screissue.message_id :=
			(card_issuer.permit_load('D276AB0085CD01', card::screissue.card_id)).message_id;
	BEGIN
		INSERT INTO answer VALUES (kind, n, message::text);
		PERFORM card_issuer.confirm_load(message);
	END $$});
race('loads', "SELECT ask('own', :n, 'OWN-' || :n || '-' || :client_id);\nSELECT ask('same', :n, 'SAME-' || :n);", 1, 100);
is(sql(q{SELECT count(DISTINCT message_id) FROM answer WHERE kind = 'own'}),
	100 * $clients, 'R9: message ids of 32 sessions are all different');
is(sql(q{SELECT count(*) FROM (SELECT n FROM answer WHERE kind = 'same' GROUP BY n HAVING count(DISTINCT message_id) <> 1) x}),
	0, 'E34: all sessions that ask for one card get one id');
is(sql(q{SELECT count(*) || ' ' || min(x.loads) || ' ' || max(x.loads)
           FROM (SELECT count(*) AS loads FROM card_issuer.app_load l WHERE l.card_id::text LIKE 'SAME-%'
                  GROUP BY l.card_id::text) x}),
	'100 1 1', 'E34: and one load is on record');

$bank->stop;
unlike(slurp_file($bank->logfile), qr/deadlock detected|PANIC|server process .* was terminated/,
	'E31: no deadlock and no crash on the way');

done_testing();
