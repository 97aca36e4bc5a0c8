
# 32 sessions at one provider, while backends are cancelled and terminated, the
# subscription works, and at the end of each round the server is killed (E19-E21,
# E33-E35, R9, R27, R52).  Notices land by replication and by other carriers, the same
# ones again and in any order; terminals ask for reloads of what is in the hands of
# other terminals, too; replies come in twice; reloads are completed, fail and are
# removed; in READ COMMITTED and SERIALIZABLE.  After each round the tables hold what is
# said below; what was acknowledged is there, and nothing else but what was never
# answered.
#
# SCREISSUE_SEED and SCREISSUE_STRESS_SECONDS: see 030_stress.pl.

use strict;
use warnings;

use Invariants;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Sessions;
use Stress;
use Test::More;
use Time::HiRes qw(time);

my $seed = $ENV{SCREISSUE_SEED} // (CORE::time ^ ($$ << 8)) & 0x7fffffff;
my $seconds = $ENV{SCREISSUE_STRESS_SECONDS} // 10;
my $rounds = 5;
my $clients = 32;
diag "seed $seed, $seconds seconds";
srand $seed;

my $app = 'D276AB0085CD01';
my $bank = start_issuer('bank', 'BANKJP');
my $metro = start_provider('metro', 'METRO',
	max_connections => $clients + 10,
	fsync => 'on',
	full_page_writes => 'on',
	shared_buffers => '4MB',
	max_wal_size => '32MB',
	deadlock_timeout => '100ms',
	log_min_messages => 'warning');

sub sql { return $metro->safe_psql('postgres', $_[0]) }

sql(qq{
	ALTER DATABASE postgres SET search_path = public, screissue;
	CREATE EXTENSION amcheck;
	CREATE ROLE clerk LOGIN;
	SELECT service_provider.grant_operator('clerk');
	SELECT service_provider.register_application('$app', 'season ticket');
	SELECT service_provider.set_tariff('$app', 'load', 5, 'JPY'), service_provider.set_tariff('$app', 'reload', 2, 'JPY')});
publish($bank, 'BANKJP', 'METRO');
my $subscription = subscribe($metro, $bank, 'BANKJP', 'METRO');
$metro->wait_for_subscription_sync($bank, $subscription);

my @columns = qw(kind card_id message_id request_id notice_no carrier attribute amount acknowledged);
sql(q{
	CREATE SCHEMA ledger;
	CREATE TABLE ledger.fact (kind text NOT NULL, card_id card_id, message_id message_id, request_id bigint, notice_no bigint, carrier text,
	                          attribute card_attribute, amount numeric, acknowledged boolean NOT NULL);
	CREATE TABLE ledger.notice (notice_no bigint PRIMARY KEY, kind text, new_card_id card_id, old_card_id card_id, message_id message_id)});

# What the clients know: chains of cards that the issuer reissued, with the load on the
# first of them; requests, and message ids that the issuer has given for reloads.

my (@chains, $chains_so_far, $messages, @notices, @to_save, @to_publish, $stress);

sub new_message { return 'BANKJP/METRO/' . ++$messages }

sub new_chain
{
	my $name = 'K' . ++$chains_so_far;

	return { name => $name, at_most => 4 + pick(0 .. 6), cards => ["$name-0"], message => new_message(),
		notices => [], requests => [], open => [], permissions => [], loads => [] };
}

# The issuer says something more of a chain: that its newest card is reissued, or that
# this was taken back.
sub new_notice
{
	my ($chain) = @_;
	my ($old, $new) = ($chain->{cards}[-1], "$chain->{name}-" . @{ $chain->{cards} });
	my $kind = 'reissue';

	if (@{ $chain->{cards} } > 1 && chance(0.15))
	{
		($old, $new) = @{ $chain->{cards} }[ -2, -1 ];
		$kind = 'withdrawal';
	}
	else
	{
		push @{ $chain->{cards} }, $new;
	}
	my $notice = { issuer => 'BANKJP', provider => 'METRO', notice_no => @notices + 1, kind => $kind, new_card_id => $new,
		old_card_id => $old, app_id => $app, message_id => $chain->{message} };
	push @$_, $notice foreach \@notices, $chain->{notices}, \@to_save, \@to_publish;
	return $notice;
}

# The columns that send_notice gives all notices, too
sub receive
{
	my ($notice, $carrier) = @_;
	my %given = (platform_type => 100, reason => 'lost', noted_at => '2026-03-01 12:00:00.123456+00', carrier => $carrier, %$notice);

	return 'service_provider.receive_notice(' . join(', ', map { "$_ => '$given{$_}'" } sort keys %given) . ')';
}

my %calls = (
	record => sub {
		my ($session, $chain) = @_;
		my $status = pick(qw(permitted loaded loaded));
		return call("SELECT service_provider.record_load('$chain->{message}', '$app', '$chain->{cards}[0]', status => '$status')",
			[ fact($status eq 'loaded' ? 'loaded' : 'recorded', message_id => $chain->{message}) ]);
	},
	land => sub {
		my ($session, $chain) = @_;
		my $carrier = pick(qw(pull file paper));
		my $notice = @{ $chain->{notices} } && chance(0.7) ? late($chain->{notices}, 0.5)
		  : @{ $chain->{cards} } < $chain->{at_most} ? new_notice($chain) : return;
		return call('SELECT ' . receive($notice, $carrier), [ fact('landed', notice_no => $notice->{notice_no}, carrier => $carrier) ],
			sub {
				$stress->fault("notice $notice->{notice_no}: $_[0]") if $_[0] !~ /^(stored|duplicate)$/;
				return fact('landed', notice_no => $notice->{notice_no}, carrier => $carrier);
			});
	},
	request => sub {
		my ($session, $chain) = @_;
		my $card = late($chain->{cards}, 0.7);
		return call("SELECT r.request_id, r.outcome FROM service_provider.request_reload('$app', 'BANKJP', 100, '$card') r",
			[ fact('requested', card_id => $card) ],
			sub {
				my ($request, $outcome) = split /\|/, $_[0];
				push @{ $chain->{requests} }, $request if $outcome eq 'approved' || chance(0.05);
				return fact('requested', card_id => $card, request_id => $request);
			});
	},
	request_by_attribute => sub {
		my ($session, $chain) = @_;
		my $attribute = 'ecies-x25519:1:' . join '', map { sprintf '%02x', rand 256 } 1 .. 48;
		return call("SELECT r.request_id FROM service_provider.request_reload('$app', 'BANKJP', 200, attribute => '$attribute') r",
			[ fact('requested', attribute => $attribute) ],
			sub {
				push @{ $chain->{open} }, $_[0];
				return fact('requested', attribute => $attribute, request_id => $_[0]);
			});
	},
	reply => sub {
		my ($session, $chain) = @_;
		return unless @{ $chain->{open} };
		my $request = late($chain->{open}, 0.6);
		my $reissued = $request % 4 ? 'true' : 'false';
		my $message = $reissued eq 'true' ? "'$chain->{message}'" : 'NULL';
		my @replied = fact('replied', request_id => $request, $reissued eq 'true' ? (message_id => $chain->{message}) : ());
		return call("SELECT r.outcome FROM service_provider.record_reply($request, 200, $reissued, $message) r", \@replied,
			sub { push @{ $chain->{requests} }, $request if $_[0] eq 'approved'; return @replied });
	},
	permit => sub {
		my ($session, $chain) = @_;
		my $message = new_message();
		push @{ $chain->{permissions} }, $message;
		return call("SELECT service_provider.record_load('$message', '$app', status => 'permitted')", [ fact('recorded', message_id => $message) ]);
	},
	complete => sub {
		my ($session, $chain) = @_;
		return unless @{ $chain->{requests} };
		my $request = late($chain->{requests}, 0.7);
		my $succeeded = chance(0.9);
		push @{ $chain->{permissions} }, new_message() if !@{ $chain->{permissions} } || chance(0.4);
		my $message = late($chain->{permissions}, 0.7);
		my $done = fact($succeeded ? 'completed' : 'failed', request_id => $request, message_id => $message);
		return call("SELECT service_provider.complete_reload($request, '$message', " . ($succeeded ? 'true' : 'false') . ')', [$done],
			sub { push @{ $chain->{loads} }, $message if $succeeded; return $done });
	},
	unload => sub {
		my ($session, $chain) = @_;
		my $message = @{ $chain->{loads} } ? late($chain->{loads}, 0.5) : chance(0.1) ? $chain->{message} : return;
		return call("SELECT service_provider.record_unload('$message')", [ fact('unloaded', message_id => $message) ]);
	});
my %weight = (record => 4, land => 12, request => 10, request_by_attribute => 4, reply => 7, permit => 2, complete => 14, unload => 1);
my @by_weight = map { ($_) x $weight{$_} } sort keys %weight;

sub any_call
{
	my ($session) = @_;

	@chains = map { @{ $_->{cards} } < $_->{at_most} || chance(0.98) ? $_ : new_chain() } @chains;
	foreach (1 .. 100)
	{
		my $chain = pick(@chains);
		my $name = pick(@by_weight);
		my $call = $calls{$name}->($session, $chain) // next;
		return { %$call, name => $name };
	}
	return { %{ call('SELECT') }, name => 'nothing' };
}

# What the issuer publishes, in an order of its own: one notice after the other.
my $publishers = Sessions->new($bank);
my $publisher = $publishers->add(user => scalar getpwuid $<);

sub publish_some
{
	while (@to_publish)
	{
		my ($notice) = splice @to_publish, rand @to_publish, 1;
		my %given = (platform_type => 100, reason => 'lost', noted_at => '2026-03-01 12:00:00.123456+00', %$notice);
		my @given = sort keys %given;
		$publishers->send($publisher, 'publish',
			'INSERT INTO screissue.notice (' . join(', ', @given) . ') VALUES (' . join(', ', map { sql_literal($given{$_}) } @given) . ')');
		$publishers->wait(1, sub { $stress->fault("the issuer: $_[2]{text}") if $_[2]{state} ne '00000' })
		  until $publishers->is_idle($publisher);
	}
	return;
}

# SR...: the rules; 22023: a permission that others had used.  Calls alone never are in a
# deadlock.
$stress = Stress->new($metro, [ map { {
	number => $_,
	random => int rand 2**31,
	user => 'clerk',
	options => '-c default_transaction_isolation=' . ($_ <= $clients / 2 ? 'read\\ committed' : 'serializable')
} } 1 .. $clients ],
	fine => [qw(SR007 SR008 SR009 22023 40001)],
	next_call => \&any_call,
	beside => \&publish_some);

# What must hold: a query that finds no row, and a change after which it does

my @invariants = (
	{
		name => 'each load has one heir at most, and is superseded by that alone',
		query => q{
			SELECT l.inherits, 'heirs', count(*)
			  FROM service_provider.app_load l
			 WHERE l.inherits IS NOT NULL AND l.loaded_at IS NOT NULL
			 GROUP BY l.inherits
			HAVING count(*) > 1
			 UNION ALL
			SELECT o.message_id, o.status::text, count(l.message_id)
			  FROM service_provider.app_load o
			  LEFT JOIN service_provider.app_load l ON l.inherits = o.message_id AND l.loaded_at IS NOT NULL
			 GROUP BY o.message_id
			HAVING (o.status = 'superseded') <> (count(l.message_id) > 0)},
		break => q{
			UPDATE service_provider.app_load l SET status = 'loaded', ended_at = NULL WHERE l.status = 'superseded'}
	},
	{
		name => 'a completed request has its reload, which cites what was judged, at that price',
		query => q{
			SELECT r.request_id::text, r.message_id
			  FROM service_provider.reload_request r
			  LEFT JOIN service_provider.app_load l
			    ON l.message_id = r.message_id AND l.inherits = r.inherits AND l.app_id = r.app_id AND l.fee = r.fee
			 WHERE r.completed_at IS NOT NULL AND (r.outcome = 'approved' AND l.loaded_at IS NOT NULL) IS NOT TRUE
			 UNION ALL
			SELECT 'no request', l.message_id
			  FROM service_provider.app_load l
			 WHERE l.inherits IS NOT NULL AND l.loaded_at IS NOT NULL
			   AND NOT EXISTS (SELECT FROM service_provider.reload_request r
			                    WHERE r.message_id = l.message_id AND r.completed_at IS NOT NULL)},
		break => q{UPDATE service_provider.app_load l SET inherits = 'BANKJP/METRO/1' WHERE l.inherits IS NOT NULL}
	},
	{
		name => 'each load is charged once, and none that did not come about',
		query => q{
			SELECT l.message_id, count(c.message_id)
			  FROM service_provider.app_load l
			  JOIN service_provider.tariff t
			    ON t.app_id = l.app_id AND t.kind = CASE WHEN l.inherits IS NULL THEN 'load' ELSE 'reload' END::tariff_kind
			  LEFT JOIN service_provider.charge c
			    ON c.message_id = l.message_id AND c.refund_notice_no IS NULL AND c.amount = t.amount AND c.currency = t.currency
			 GROUP BY l.message_id
			HAVING count(c.message_id) <> CASE WHEN l.loaded_at IS NULL THEN 0 ELSE 1 END},
		break => q{UPDATE service_provider.app_load l SET fee = l.fee + 1}
	},
	{
		name => 'a request by attribute is judged by its one reply',
		query => q{
			SELECT r.request_id, r.outcome, p.reissued
			  FROM service_provider.reload_request r
			  LEFT JOIN service_provider.inquiry_reply p ON p.request_id = r.request_id
			 WHERE r.attribute_sha256 IS NOT NULL
			   AND ((r.outcome = 'awaiting_reply') <> (p.request_id IS NULL)
			        OR p.reissued = (r.outcome = 'not_reissued')
			        OR p.reissued <> (p.message_id IS NOT NULL))},
		break => q{DELETE FROM service_provider.inquiry_reply}
	},
	{
		name => 'notices are in the inbox once, as they were sent, and none is in quarantine',
		query => q{
			SELECT n.notice_no, n.kind
			  FROM service_provider.reissue_notice n
			  LEFT JOIN ledger.notice s
			    ON s.notice_no = n.notice_no AND s.kind = n.kind AND s.new_card_id = n.new_card_id
			   AND s.old_card_id = n.old_card_id AND s.message_id = n.message_id
			 WHERE s.notice_no IS NULL
			 UNION ALL
			SELECT n.notice_no, 'twice' FROM service_provider.reissue_notice n GROUP BY 1 HAVING count(*) > 1
			 UNION ALL
			SELECT q.quarantine_id, q.cause FROM service_provider.quarantined_notice q},
		break => q{UPDATE service_provider.reissue_notice n SET kind = 'renewal' WHERE n.kind = 'withdrawal'}
	},
	{
		name => 'every notice that was published has landed from there, once',
		query => q{
			SELECT s.notice_no, a.arrivals
			  FROM ledger.notice s
			  LEFT JOIN service_provider.arrival a ON a.notice_no = s.notice_no AND a.carrier = 'replication'
			 WHERE (a.arrivals = 1) IS NOT TRUE},
		break => q{DELETE FROM service_provider.reissue_notice n WHERE n.carrier = 'replication'}
	},
	{
		name => 'every acknowledged call is there',
		query => q{
			SELECT f.kind, f.message_id::text, f.request_id, f.notice_no
			  FROM ledger.fact f
			 WHERE f.acknowledged
			   AND NOT CASE f.kind
			       WHEN 'recorded' THEN EXISTS (SELECT FROM service_provider.app_load l WHERE l.message_id = f.message_id)
			       WHEN 'loaded' THEN EXISTS (
			           SELECT FROM service_provider.app_load l WHERE l.message_id = f.message_id AND l.loaded_at IS NOT NULL)
			       WHEN 'requested' THEN EXISTS (
			           SELECT FROM service_provider.reload_request r
			            WHERE r.request_id = f.request_id
			              AND (r.card_id = f.card_id
			                   OR r.attribute_sha256 = sha256(convert_to(f.attribute::text, 'UTF8'))))
			       WHEN 'replied' THEN EXISTS (
			           SELECT FROM service_provider.inquiry_reply p
			            WHERE p.request_id = f.request_id AND p.message_id IS NOT DISTINCT FROM f.message_id)
			       WHEN 'completed' THEN EXISTS (
			           SELECT FROM service_provider.reload_request r
			            WHERE r.request_id = f.request_id AND r.message_id = f.message_id AND r.completed_at IS NOT NULL)
			       WHEN 'failed' THEN EXISTS (
			           SELECT FROM service_provider.app_load l WHERE l.message_id = f.message_id AND l.status = 'failed')
			       WHEN 'unloaded' THEN EXISTS (
			           SELECT FROM service_provider.app_load l
			            WHERE l.message_id = f.message_id AND l.status IN ('unloaded', 'superseded'))
			       WHEN 'landed' THEN EXISTS (
			           SELECT FROM service_provider.arrival a
			            WHERE a.notice_no = f.notice_no AND a.carrier = f.carrier
			              AND a.arrivals >= (SELECT count(*) FROM ledger.fact o
			                                  WHERE o.acknowledged AND o.kind = 'landed'
			                                    AND o.notice_no = f.notice_no AND o.carrier = f.carrier))
			       END},
		break => q{
			DELETE FROM service_provider.notice_arrival a
			 WHERE a.notice_no IN (SELECT f.notice_no FROM ledger.fact f WHERE f.kind = 'landed' AND f.acknowledged)},
		other_breaks => [
			q{UPDATE service_provider.app_load l SET status = 'permitted', loaded_at = NULL},
			q{UPDATE service_provider.reload_request r SET completed_at = NULL, message_id = NULL},
			q{DELETE FROM service_provider.inquiry_reply},
			q{DELETE FROM service_provider.reissue_notice n WHERE n.carrier <> 'replication'} ]
	},
	{
		name => 'and nothing else is there',
		query => q{
			SELECT 'load', l.message_id::text
			  FROM service_provider.app_load l
			 WHERE NOT EXISTS (SELECT FROM ledger.fact f
			                    WHERE f.kind IN ('recorded', 'loaded', 'completed', 'failed') AND f.message_id = l.message_id)
			 UNION ALL
			SELECT l.status::text, l.message_id::text
			  FROM service_provider.app_load l
			 WHERE (l.loaded_at IS NOT NULL OR l.status IN ('failed', 'unloaded'))
			   AND NOT EXISTS (SELECT FROM ledger.fact f
			                    WHERE f.message_id = l.message_id
			                      AND f.kind = ANY (CASE WHEN l.status IN ('failed', 'unloaded') THEN ARRAY[l.status::text]
			                                             ELSE ARRAY['loaded', 'completed'] END))
			 UNION ALL
			-- one of which nobody heard has no number
			SELECT 'request', min(r.request_id)::text
			  FROM service_provider.reload_request r
			  LEFT JOIN ledger.fact f ON f.kind = 'requested' AND f.request_id = r.request_id
			 WHERE f.kind IS NULL
			 GROUP BY r.card_id, r.attribute_sha256
			HAVING count(*) > (SELECT count(*) FROM ledger.fact u
			                    WHERE u.kind = 'requested' AND NOT u.acknowledged
			                      AND (u.card_id = r.card_id
			                           OR sha256(convert_to(u.attribute::text, 'UTF8')) = r.attribute_sha256))
			 UNION ALL
			SELECT 'reply', p.request_id::text
			  FROM service_provider.inquiry_reply p
			 WHERE NOT EXISTS (SELECT FROM ledger.fact f WHERE f.kind = 'replied' AND f.request_id = p.request_id)
			 UNION ALL
			SELECT 'completed', r.request_id::text
			  FROM service_provider.reload_request r
			 WHERE r.completed_at IS NOT NULL
			   AND NOT EXISTS (SELECT FROM ledger.fact f
			                    WHERE f.kind = 'completed' AND f.request_id = r.request_id AND f.message_id = r.message_id)
			 UNION ALL
			SELECT a.carrier, a.notice_no::text
			  FROM service_provider.arrival a
			 WHERE a.carrier <> 'replication'
			   AND a.arrivals > (SELECT count(*) FROM ledger.fact f
			                      WHERE f.kind = 'landed' AND f.notice_no = a.notice_no AND f.carrier = a.carrier)},
		break => q{DELETE FROM ledger.fact f WHERE f.kind = 'completed' AND f.acknowledged},
		other_breaks => [
			q{DELETE FROM ledger.fact f WHERE f.kind = 'landed'},
			q{DELETE FROM ledger.fact f WHERE f.kind = 'replied'},
			q{DELETE FROM ledger.fact f WHERE f.kind = 'requested' AND f.acknowledged},
			q{DELETE FROM ledger.fact f WHERE f.kind = 'unloaded'},
			q{DELETE FROM ledger.fact f WHERE f.kind = 'loaded'} ]
	});

sub save_ledger
{
	save_facts($metro, 'ledger.fact', \@columns, $stress->take_facts);
	save_facts($metro, 'ledger.notice', [qw(notice_no kind new_card_id old_card_id message_id)], splice @to_save);
	return;
}

foreach my $round (1 .. $rounds)
{
	push @chains, new_chain() while @chains < 8;
	$stress->{two_calls} = $round % 2 == 0;
	$stress->work(time + $seconds / $rounds, $round == $rounds ? 3000 : 0);
	$stress->kill_server($round % 2 == 0);
	$stress->start_again;
	save_ledger();
	publish_some();
	$bank->wait_for_catchup($subscription);
	my @violations = violations($metro, @invariants);
	is($violations[$_], '', "E33-E35: round $round: $invariants[$_]{name}") foreach 0 .. $#invariants;
	is(sql(q{SELECT count(bt_index_check(i.indexrelid, true)) > 10
	           FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
	          WHERE c.relkind = 'i' AND c.relam = (SELECT oid FROM pg_am WHERE amname = 'btree')
	            AND c.relnamespace IN ('service_provider'::regnamespace, 'screissue'::regnamespace)}),
		't', "E35: round $round: the indexes have what the tables have");
	is(join("\n", $stress->take_faults), '', "E33-E35: round $round: no call failed in a way it must not");
}

my $came_up = $stress->{came_up};
note "$_: $stress->{outcomes}{$_}" foreach sort keys %{ $stress->{outcomes} };
note "$_: $came_up->{$_}" foreach sort keys %$came_up;
diag $stress->summary;
SKIP:
{
	skip 'too few calls', 1 if $stress->{acknowledged} < 3000;
	is(join(' ', grep { !$came_up->{$_} } sort(keys %calls), qw(SR007 SR009 40001 57014)), '',
		'every call was made, and sessions got in the way of each other');
}
SKIP:
{
	skip 'too few calls', 1 if $stress->{acknowledged} < 3000;
	foreach my $invariant (@invariants)
	{
		isnt(broken($metro, $invariant), '', "it would be noticed: not $invariant->{name}");
		isnt(broken($metro, $invariant, $_), '', 'nor after ' . s/\s+/ /gr) foreach @{ $invariant->{other_breaks} // [] };
	}
	is(join('', violations($metro, @invariants)), '', 'all of that was taken back');
}

$publishers->finish;
$metro->stop;
unlike(slurp_file($metro->logfile), qr/PANIC|TRAP:|server process .* was terminated by signal (?!9)/, 'no server process crashed');

done_testing();
