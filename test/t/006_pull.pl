
# Pull (R28-R30): the provider fetches its notices over a foreign server, with
# a role that may call fetch_notices() and nothing else.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;

my $bank = start_issuer('bank', 'BANKJP');
my $metro = start_provider('metro', 'METRO');

$bank->safe_psql('postgres', q{
	CREATE ROLE metro LOGIN;
	CREATE ROLE bus LOGIN;
	SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro', 'pull');
	SELECT card_issuer.register_provider('BUS', 'Bus Lines', 'bus', 'pull')});
$metro->safe_psql('postgres', sprintf q{
	CREATE EXTENSION dblink;
	CREATE SERVER bankjp FOREIGN DATA WRAPPER dblink_fdw
	    OPTIONS (host '%s', port '%s', dbname 'postgres');
	CREATE USER MAPPING FOR CURRENT_USER SERVER bankjp OPTIONS (user 'metro');
	SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point', server => 'bankjp')},
	$bank->host, $bank->port);

sub send_to
{
	my ($provider, @numbers) = @_;

	send_notice($bank, issuer => 'BANKJP', provider => $provider, notice_no => $_)
	  foreach @numbers;
	return;
}

sub metro
{
	return $metro->safe_psql('postgres', $_[0]);
}

sub pull
{
	return metro(q{SELECT service_provider.pull_notices('BANKJP')});
}

# After how many was the last one fetched?
sub cursor_at
{
	return metro('SELECT last_notice_no FROM service_provider.issuer');
}

is(pull(), '0', 'nothing to pull');
send_to('METRO', 1 .. 3);
send_to('BUS', 1 .. 2);
is(pull(), '3', 'R28: what there is, and only our own');
is(inbox($metro, 'BANKJP'), '1 2 3', 'R28: lands');
is(pull(), '0', 'R28: once');
is(cursor_at(), '3', 'the cursor has moved');
is( metro(q{
		SET TimeZone = 'UTC';
		SELECT issuer, notice_no, kind, platform_type, new_card_id, old_card_id,
		       app_id, message_id, reason, noted_at, carrier
		  FROM service_provider.reissue_notice WHERE notice_no = 2}),
	'BANKJP|2|reissue|100|4111111111111111|5555555555554444|A0000000031010|'
	  . 'BANKJP/METRO/42|lost|2026-03-01 12:00:00.123456+00|pull',
	'R29: with every field, to the microsecond');

# Any content comes through as it was written

send_notice($bank, issuer => 'BANKJP', provider => 'METRO', notice_no => 4,
	kind => qq{"quoted" \\ \t \n \x01 \xe2\x82\xac}, reason => '{"a": null}',
	platform_type => undef, old_card_id => undef, noted_at => 'infinity');
send_notice($bank, issuer => 'BANKJP', provider => 'METRO', notice_no => 5,
	app_id => 'no hex', noted_at => '0044-03-15 12:00:00.5+00 BC');
is(pull(), '2', 'R28: notices of odd content are pulled');
is( metro('SELECT md5(ROW(kind, reason, platform_type, old_card_id, noted_at)::text)'
		  . ' FROM service_provider.reissue_notice WHERE notice_no = 4'),
	$bank->safe_psql('postgres',
		    'SELECT md5(ROW(kind, reason, platform_type, old_card_id, noted_at)::text)'
		  . ' FROM screissue.notice WHERE notice_no = 4'),
	'R29: and are the same here and there');
is( metro('SELECT notice_no, app_id, noted_at, cause, carrier, subscription'
		  . ' FROM service_provider.quarantined_notice'),
	'5|no hex|0044-03-15T12:00:00.5+00:00 BC|unparsable: app_id|pull|',
	'E37: a poison row does not stop a pull');

# Pull beside replication: the same row, counted

publish($bank, 'BANKJP', 'METRO');
subscribe($metro, $bank, 'BANKJP', 'METRO');
metro(q{SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point',
	                                            subscription => 'bankjp',
	                                            server => 'bankjp')});
$metro->wait_for_subscription_sync($bank, 'bankjp');
send_to('METRO', 6);
$bank->wait_for_catchup('bankjp');
is(pull(), '1', 'R30: a notice that was delivered is pulled, too');
is( metro('SELECT notice_no, carrier FROM service_provider.reissue_notice ORDER BY 1'),
	"1|pull\n2|pull\n3|pull\n4|pull\n6|replication",
	'E20: push and pull make one row each');
metro(q{SELECT service_provider.receive_notice(issuer::text, 'METRO', notice_no, kind, platform_type, new_card_id::text,
	        old_card_id::text, app_id::text, message_id::text, reason, noted_at, 'file')
	  FROM service_provider.reissue_notice WHERE notice_no = 6});
is( metro(q{SELECT string_agg(notice_no || ' ' || carrier || ' ' || arrivals, ', ' ORDER BY notice_no, carrier)
	          FROM service_provider.arrival WHERE notice_no IN (1, 6)}),
	'1 pull 1, 1 replication 1, 6 file 1, 6 pull 1, 6 replication 1',
	'E20: push, pull and file: one row, three arrivals in the ledger');
is( metro(q{
		SELECT from_no, to_no FROM service_provider.missing_notices('BANKJP')}),
	'5|5', 'E59: what is in quarantine is missing');
metro('DROP SUBSCRIPTION bankjp');

# Many, and what a backup forgot

$bank->safe_psql('postgres', q{
	INSERT INTO screissue.notice
	SELECT 'BANKJP', 'METRO', no, 'reissue', 100, 4111111111110000 + no, NULL,
	       'A0000000031010', 'BANKJP/METRO/' || no, 'lost', now()
	  FROM generate_series(7, 5006) no});
is(pull(), '5000', 'R28: 5,000 notices in full batches');
is(cursor_at(), '5006', 'the cursor is at the last');
is(metro('SELECT count(*) FROM service_provider.reissue_notice'), '5005', 'all of them landed');
metro(q{
	DELETE FROM service_provider.reissue_notice WHERE notice_no BETWEEN 100 AND 199;
	UPDATE service_provider.issuer SET last_notice_no = 99});
is( metro(q{SELECT from_no, to_no FROM service_provider.missing_notices('BANKJP')
             WHERE from_no > 5}),
	'100|199', 'E59: what an old backup lost is missing');
is(pull(), '4907', 'E59: pulling from there again');
is( metro(q{SELECT (SELECT count(*) FROM service_provider.reissue_notice WHERE notice_no > 6),
	               (SELECT count(*) FROM service_provider.notice_arrival WHERE notice_no > 6)}),
	'5000|4807', 'E59: brings it back, and the rest is a duplicate');

# Two pulls at once take turns

send_to('METRO', 5007);
my $one = $metro->background_psql('postgres');
my $other = $metro->background_psql('postgres');
is( $one->query_safe(q{BEGIN; SELECT service_provider.pull_notices('BANKJP')}),
	'1', 'one pull');
$other->query_until(qr/started/,
	"\\echo started\nSELECT service_provider.pull_notices('BANKJP');\n");
$metro->poll_query_until('postgres', q{
	SELECT count(*) = 1 FROM pg_stat_activity
	 WHERE wait_event_type = 'Lock' AND query LIKE '%pull_notices%'}) or die 'nobody waits';
$one->query_safe('COMMIT');
like($other->query('SELECT 7'), qr/^0\n7$/, 'E20: another one waits for it and finds nothing');
is( metro('SELECT arrivals FROM service_provider.arrival WHERE notice_no = 5007'),
	'1', 'E20: no notice is fetched twice');
$one->quit;

# The issuer was away: the session's connection is made anew.

is($other->query_safe(q{SELECT service_provider.pull_notices('BANKJP')}), '0', 'a session that has pulled');
$bank->restart;
send_to('METRO', 5008);
is($other->query_safe(q{SELECT service_provider.pull_notices('BANKJP')}),
	'1', 'E35: pulls again after a restart of the issuer');
$bank->stop;
my ($status, $out, $err) = $metro->psql('postgres',
	q{SELECT service_provider.pull_notices('BANKJP')}, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
isnt($status, 0, 'E35: an issuer that is away is an error');
like($err, qr/ERROR:  08001/, 'of class 08');
is(cursor_at(), '5008', 'and the cursor stays');
$bank->start;
$other->quit;

# An issuer that repeats itself does not keep us for ever.

$bank->safe_psql('postgres', q{
	ALTER FUNCTION card_issuer.fetch_notices RENAME TO old_fetch_notices;
	CREATE FUNCTION card_issuer.fetch_notices(
	    provider screissue.company_id, after_no bigint, max_rows integer)
	    RETURNS SETOF screissue.notice LANGUAGE sql SECURITY DEFINER
	    AS 'SELECT * FROM screissue.notice WHERE notice_no <= 1000 LIMIT max_rows'});
($status, $out, $err) = $metro->psql('postgres',
	q{SELECT service_provider.pull_notices('BANKJP')}, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
like($err, qr/ERROR:  08P01: server "bankjp" does not go on after notice 5008/,
	'an issuer that repeats itself is an error');
is(metro('SELECT count(*) FROM service_provider.notice_arrival WHERE arrivals > 1'),
	'0', 'and nothing of it is kept');

# An issuer that sends what is not of its type does not stop a pull, nor lose
# what is beside it.

$bank->safe_psql('postgres', q{
	DROP FUNCTION card_issuer.fetch_notices;
	CREATE TABLE card_issuer.hostile (issuer text, provider text, notice_no text, kind text,
	    platform_type text, new_card_id text, old_card_id text, app_id text, message_id text,
	    reason text, noted_at text);
	INSERT INTO card_issuer.hostile
	SELECT 'BANKJP', p.provider, p.notice_no, 'reissue', p.platform_type, '4111111111111111', NULL,
	       'A0000000031010', 'BANKJP/METRO/42', 'lost', p.noted_at
	  FROM (VALUES ('METRO', '5009', '100', '2026-03-01 12:00:00+00'),
	               ('METRO', '5010', '99999999999', '2026-03-01 12:00:00+00'),
	               ('METRO', '5011', '100', 'no time: 4111111111111111'),
	               ('METRO', '5012', '100', '2026-03-01 12:00:00+00'),
	               ('METRO', '5013', '1.5', '2026-03-01 12:00:00+00'),
	               ('METRO', '5014', '100', '2026-02-30 12:00:00+00'),
	               ('METRO', '5015', '100', '999999-01-01 12:00:00+00'),
	               ('BUS', '5016', 'x', '2026-03-01 12:00:00+00'),
	               ('METRO', 'many', '100', '2026-03-01 12:00:00+00'),
	               ('METRO', '99999999999999999999', '100', '2026-03-01 12:00:00+00'),
	               ('METRO', '5017', '100', '2026-03-01 12:00:00+00')) p (provider, notice_no, platform_type, noted_at);
	CREATE FUNCTION card_issuer.fetch_notices(
	    provider screissue.company_id, after_no bigint, max_rows integer)
	    RETURNS SETOF card_issuer.hostile LANGUAGE sql SECURITY DEFINER
	    AS 'SELECT * FROM card_issuer.hostile h WHERE (regexp_match(h.notice_no, ''^50..$''))[1]::bigint > after_no
	        OR h.notice_no !~ ''^50..$'' AND after_no < 5017'});
metro('DELETE FROM service_provider.quarantined_notice');
is(pull(), '11', 'E37: notices with values that are not of their type are pulled');
is( metro(q{
		SELECT string_agg(n.notice_no::text, ' ' ORDER BY n.notice_no)
		  FROM service_provider.reissue_notice n WHERE n.notice_no > 5008}),
	'5009 5012 5017', 'E37: those around them land');
is( metro(q{
		SELECT q.notice_no, q.cause, q.platform_type, q.noted_at, q.new_card_id, q.carrier
		  FROM service_provider.quarantined_notice q ORDER BY q.quarantine_id}),
	join("\n",
		'5010|unparsable: platform_type|99999999999|2026-03-01 12:00:00+00|4111111111111111|pull',
		'5011|unparsable: noted_at|100|no time: 4111111111111111|4111111111111111|pull',
		'5013|unparsable: platform_type|1.5|2026-03-01 12:00:00+00|4111111111111111|pull',
		'5014|unparsable: noted_at|100|2026-02-30 12:00:00+00|4111111111111111|pull',
		'5015|unparsable: noted_at|100|999999-01-01 12:00:00+00|4111111111111111|pull',
		'5016|unparsable: platform_type||||pull',
		'many|unparsable: notice_no|100|2026-03-01 12:00:00+00|4111111111111111|pull',
		'99999999999999999999|unparsable: notice_no|100|2026-03-01 12:00:00+00|4111111111111111|pull'),
	'E37: they are kept aside as they came, with the cause, but for one for somebody else (E24)');
is(cursor_at(), '5017', 'E37: the cursor has moved past them');
is(pull(), '0', 'E37: and they do not come again');

done_testing();
