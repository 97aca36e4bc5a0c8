
# 32 sessions on a few cards, while backends are cancelled and terminated, and at
# the end of each round the server is killed (E31-E35, R9, R20, R51): issue, load,
# reissue one by one and many at once, withdraw, unload, inquire, in READ COMMITTED
# and SERIALIZABLE, as operators and as providers.  After each round the tables hold
# what test/perl/Invariants.pm says; what was acknowledged is there, and nothing else
# but what was never answered.
#
# The seed is printed; SCREISSUE_SEED draws the same numbers again for each session,
# though not the same order between them.  SCREISSUE_STRESS_SECONDS: how long the
# rounds are in all.

use strict;
use warnings;

use Invariants;
use List::Util qw(max min);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Stress;
use Test::More;
use Time::HiRes qw(time);

my $seed = $ENV{SCREISSUE_SEED} // (CORE::time ^ ($$ << 8)) & 0x7fffffff;
my $seconds = $ENV{SCREISSUE_STRESS_SECONDS} // 12;
my $rounds = 5;
my $clients = 32;
diag "seed $seed, $seconds seconds";
srand $seed;

my @apps = qw(D276AB0085CD01 D276AB0085CD02 D276AC0001EF01 D276AC0001EF02);
my %provider = map { $_ => /^D276AB/ ? 'METRO' : 'SHOP' } @apps;

# Little WAL and few buffers: checkpoints come often, and the server is killed at
# any distance from one.
my $bank = start_issuer('bank', 'BANKJP',
	'screissue.key_directory' => make_keys(),
	max_connections => $clients + 10,
	fsync => 'on',
	full_page_writes => 'on',
	shared_buffers => '4MB',
	max_wal_size => '32MB',
	deadlock_timeout => '100ms',
	log_min_messages => 'warning');

sub sql { return $bank->safe_psql('postgres', $_[0]) }

sql(q{
	ALTER DATABASE postgres SET search_path = public, screissue;
	CREATE EXTENSION amcheck;
	CREATE ROLE clerk LOGIN;
	CREATE ROLE metro LOGIN;
	CREATE ROLE shop LOGIN;
	SELECT card_issuer.grant_operator('clerk');
	SELECT card_issuer.register_key(1, 'ecies-x25519');
	SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro', 'push'),
	       card_issuer.register_provider('SHOP', 'Shop Points', 'shop', 'pull')});
sql(qq{
	SELECT card_issuer.register_application('$_', '$provider{$_}', '$_');
	SELECT card_issuer.set_tariff('$_', 'load', 5, 'JPY'), card_issuer.set_tariff('$_', 'reload', 2, 'JPY'),
	       card_issuer.set_tariff('$_', 'reload', 1, 'JPY', 'stolen')}) foreach @apps;
create_ledger($bank);

# What the clients know: chains of cards, the loads of each and attributes of its
# cards, the newest last.

my (@chains, $chains_so_far, $stress);

sub new_chain
{
	return { name => 'K' . ++$chains_so_far, platform_type => pick(100, 100, 200),
		at_most => 8 + pick(0 .. 8), cards => [], loads => [], attributes => [] };
}

sub any_card { return late($_[0]{cards}, 0.7) }

sub any_app
{
	my ($session) = @_;

	return pick(grep { $session->{user} eq 'clerk' || lc $provider{$_} eq $session->{user} } @apps);
}

sub any_load
{
	my ($session, $chain) = @_;
	my @own = grep { $session->{user} eq 'clerk' || lc $provider{ $_->{app} } eq $session->{user} } @{ $chain->{loads} };

	return late(\@own, 0.4);
}

sub new_id
{
	my ($session, $chain) = @_;

	return $chain->{name} . '-' . @{ $chain->{cards} } . (chance(0.1) ? '' : "-$session->{number}");
}

# Calls, see Stress.pm.  A thing done is a row of ledger.fact.

# What came of a permission, as permit_load says
sub permitted
{
	my ($chain, $card, $app, $row) = @_;
	my ($message, $permitted, $fee) = split /\|/, $row;

	return $message ? fact('read', message_id => $message, app_id => $app) : () if $permitted ne 't';
	push @{ $chain->{loads} }, { message => $message, app => $app };
	return fact('permitted', card_id => $card, app_id => $app, message_id => $message, amount => $fee);
}

my $permission = 'SELECT p.message_id, p.permitted, p.fee FROM card_issuer.permit_load';

my %calls = (
	issue => sub {
		my ($session, $chain) = @_;
		my $card = new_id($session, $chain);
		return call("SELECT card_issuer.issue_card('$card', $chain->{platform_type})",
			[ fact('issued', card_id => $card) ],
			sub { push @{ $chain->{cards} }, $card; return fact('issued', card_id => $card) });
	},
	permit => sub {
		my ($session, $chain) = @_;
		my ($card, $app) = (any_card($chain), any_app($session));
		my @of = chance(0.3) && @{ $chain->{loads} } ? ("reload_of => '" . late($chain->{loads}, 0.5)->{message} . "'") : ();
		return call("$permission(" . join(', ', "app => '$app'", "card => '$card'", @of) . ') p',
			[ fact('permitted', card_id => $card, app_id => $app) ],
			sub { return permitted($chain, $card, $app, $_[0]) });
	},
	permit_by_attribute => sub {
		my ($session, $chain) = @_;
		my $attribute = late($chain->{attributes}, 0.7) // return;
		my ($card, $app) = ($attribute->{card}, any_app($session));
		my $asked = fact('asked', attribute => $attribute->{text}, app_id => $app);
		return call("$permission(app => '$app', attribute => '$attribute->{text}') p",
			[ $asked, fact('permitted', card_id => $card, app_id => $app) ],
			sub { return ($asked, permitted($chain, $card, $app, $_[0])) });
	},
	load => sub {
		my ($session, $chain) = @_;
		my ($card, $app) = (any_card($chain), any_app($session));
		my @unheard = map { fact($_, card_id => $card, app_id => $app) } qw(permitted loaded);
		return call("SELECT p.message_id, p.permitted, p.fee, card_issuer.confirm_load(p.message_id)"
			  . " FROM card_issuer.permit_load(app => '$app', card => '$card') p WHERE p.permitted",
			\@unheard,
			sub {
				my ($row) = @_;
				return unless defined $row;
				my $permitted = permitted($chain, $card, $app, $row);
				return ($permitted, fact('loaded', message_id => $permitted->{message_id}));
			});
	},
	confirm => sub {
		my $load = any_load(@_) // return;
		my $succeeded = chance(0.9);
		return call("SELECT card_issuer.confirm_load('$load->{message}', " . ($succeeded ? 'true' : 'false') . ')',
			[ fact($succeeded ? 'loaded' : 'failed', message_id => $load->{message}) ]);
	},
	unload => sub {
		my $load = any_load(@_) // return;
		return call("SELECT card_issuer.confirm_unload('$load->{message}')",
			[ fact('unloaded', message_id => $load->{message}) ]);
	},
	request => sub {
		my $card = any_card($_[1]);
		my $reason = pick(qw(lost stolen damaged));
		return call("SELECT r.request_id FROM card_issuer.request_reissue('$card', '$reason') r",
			[ fact('requested', card_id => $card) ],
			sub { return fact('requested', card_id => $card, request_id => $_[0]) });
	},
	disapprove => sub {
		my $card = any_card($_[1]);
		return call("SELECT card_issuer.decide_reissue('$card', false)", [ fact('disapproved', card_id => $card) ]);
	},
	reissue => sub {
		my ($session, $chain) = @_;
		my ($old, $new) = (any_card($chain), new_id($session, $chain));
		my $replaced = fact('replaced', card_id => $old, new_card_id => $new);
		return call("SELECT card_issuer.reissue_card('$old', '$new')", [$replaced],
			sub { push @{ $chain->{cards} }, $new; return $replaced });
	},
	reissue_many => sub {
		my ($session) = @_;
		my @some = grep { @{ $_->{cards} } && chance(0.4) } @chains;
		my @olds = map { any_card($_) } @some;
		my @news = map { new_id($session, $_) } @some;
		my @facts = map { (
			fact('requested', card_id => $olds[$_]),
			fact('replaced', card_id => $olds[$_], new_card_id => $news[$_])) } 0 .. $#some;
		return unless @some;
		return call(sprintf(q{SELECT card_issuer.reissue_cards('{%s}', '{%s}', 'compromised')},
				join(',', @olds), join(',', @news)), \@facts,
			sub { push @{ $some[$_]{cards} }, $news[$_] foreach 0 .. $#some; return @facts });
	},
	withdraw => sub {
		my $card = any_card($_[1]);
		return call("SELECT card_issuer.withdraw_reissue('$card')", [ fact('revoked', card_id => $card) ]);
	},
	block => sub {
		my $card = any_card($_[1]);
		return call("SELECT card_issuer.block_card('$card', '" . pick(qw(suspended lost)) . "')", [ fact('blocked', card_id => $card) ]);
	},
	unblock => sub {
		my $card = any_card($_[1]);
		return call("SELECT card_issuer.unblock_card('$card')", [ fact('unblocked', card_id => $card) ]);
	},
	suspend => sub { return call(q{SELECT card_issuer.suspend_provider('SHOP')}) },
	resume => sub { return call(q{SELECT card_issuer.resume_provider('SHOP')}) },
	personalize => sub {
		my ($session, $chain) = @_;
		my $card = any_card($chain);
		return if $chain->{platform_type} != 200;
		my $personalized = fact('personalized', card_id => $card);
		return call("SELECT p.attribute FROM card_issuer.personalize_card('$card', 1) p", [$personalized],
			sub { push @{ $chain->{attributes} }, { card => $card, text => $_[0] }; return $personalized });
	},
	find => sub {
		my ($session, $chain) = @_;
		my ($card, $app) = (any_card($chain), any_app($session));
		return call("SELECT f.message_id FROM card_issuer.find_reissue('$card', '$app') f", [],
			sub { return $_[0] ? fact('read', message_id => $_[0], app_id => $app) : () });
	},
	inquire => sub {
		my ($session, $chain) = @_;
		my $attribute = late($chain->{attributes}, 0.7) // return;
		my $app = any_app($session);
		my $asked = fact('asked', attribute => $attribute->{text}, app_id => $app);
		return call("SELECT i.message_id FROM card_issuer.inquire('$attribute->{text}', '$app') i", [$asked],
			sub { return ($asked, $_[0] ? fact('read', message_id => $_[0], app_id => $app) : ()) });
	},
	fetch => sub {
		my ($session) = @_;
		my $provider = uc $session->{user};
		my $after = max(0, ($session->{last_notice} // 0) - 20);
		return call("SELECT count(*), max(n.notice_no) FROM card_issuer.fetch_notices('$provider', $after) n", [],
			sub {
				my ($count, $last) = split /\|/, $_[0];
				$stress->fault("R20: $provider saw a gap: $count notices from $after to $last")
				  if $count && $last - $after != min($count, 1000) && $count < 1000;
				$session->{last_notice} = $last if $count && $count < 1000;
				return;
			});
	});

my %weights = (
	clerk => {
		request => 16, reissue => 16, reissue_many => 4, withdraw => 3, disapprove => 2, permit => 3, load => 6,
		confirm => 4, unload => 3, block => 1, unblock => 2, suspend => 0.3, resume => 2, personalize => 5, find => 2 },
	provider => {
		permit => 10, permit_by_attribute => 4, load => 6, confirm => 14, unload => 3, find => 5, inquire => 6, fetch => 2 });
my %by_weight;
foreach my $who (sort keys %weights)
{
	my $weight = $weights{$who};

	$by_weight{$who} = [ map { ($_) x (10 * $weight->{$_}) } sort keys %$weight ];
}

# A call that there is something for
sub any_call
{
	my ($session) = @_;
	my $kind = $session->{user} eq 'clerk' ? 'clerk' : 'provider';

	@chains = map { @{ $_->{cards} } < $_->{at_most} ? $_ : new_chain() } @chains;
	foreach (1 .. 100)
	{
		my $chain = pick(@chains);
		my $name = pick(@{ $by_weight{$kind} });
		my $call;

		if (!@{ $chain->{cards} })
		{
			next if $kind ne 'clerk';
			$name = 'issue';
		}
		$call = $calls{$name}->($session, $chain) // next;
		return { %$call, name => $name };
	}
	return { %{ call('SELECT') }, name => 'nothing' };
}

# SR...: the rules; 22023 and 23505: cards and loads that others had.  Calls alone never
# are in a deadlock; in every other round there are transactions of two.
$stress = Stress->new($bank, [ map { {
	number => $_,
	random => int rand 2**31,
	user => ('clerk', 'metro', 'clerk', 'shop')[ $_ % 4 ],
	options => '-c default_transaction_isolation=' . ($_ <= $clients / 2 ? 'read\\ committed' : 'serializable')
} } 1 .. $clients ],
	fine => [qw(SR002 SR004 SR005 SR006 SR007 SR008 SR009 22023 23505 40001)],
	next_call => \&any_call);

sub save_ledger
{
	save_facts($bank, 'ledger.fact', [qw(kind card_id new_card_id app_id message_id request_id amount attribute acknowledged)],
		$stress->take_facts);
	return;
}

# All about a chain of cards, to see what went wrong
sub chain_of
{
	my ($name) = @_;
	my $cards = "LIKE '$name-%'";

	return join "\n", "chain $name:", map { sql($_) }
	  "SELECT 'card', c.card_id, c.status, c.replaces, c.replaced_by, c.issued_at, c.replaced_at
	     FROM card_issuer.card c WHERE c.card_id::text $cards ORDER BY c.issued_at",
	  "SELECT 'request', r.old_card_id, r.request_id, r.status, r.new_card_id, r.requested_at, r.completed_at
	     FROM card_issuer.reissue_request r WHERE r.old_card_id::text $cards ORDER BY r.request_id",
	  "SELECT 'load', l.card_id, l.message_id, l.app_id, l.status, l.inherits, l.permitted_at, l.loaded_at, l.ended_at
	     FROM card_issuer.app_load l WHERE l.card_id::text $cards ORDER BY l.permitted_at",
	  "SELECT 'entitlement', e.* FROM card_issuer.entitlement e WHERE e.card_id::text $cards ORDER BY e.granted_at",
	  "SELECT 'notice', n.* FROM screissue.notice n WHERE n.new_card_id $cards ORDER BY n.provider, n.notice_no";
}

# The rounds

my @all_invariants = (invariants(), ledger_invariants());

foreach my $round (1 .. $rounds)
{
	push @chains, new_chain() while @chains < 6;
	$stress->{two_calls} = $round % 2 == 0;
	$stress->work(time + $seconds / $rounds, $round == $rounds ? 4000 : 0);
	$stress->kill_server($round % 2 == 0);
	$stress->start_again;
	save_ledger();
	sql(q{SELECT card_issuer.resume_provider('SHOP')});
	my @violations = violations($bank, @all_invariants);
	foreach (0 .. $#all_invariants)
	{
		is($violations[$_], '', "E31-E35: round $round: $all_invariants[$_]{name}")
		  or diag map { chain_of($_) } $violations[$_] =~ /\b(K\d+)-/ ? $1 : ();
	}
	is(sql(q{SELECT count(bt_index_check(i.indexrelid, true)) > 10
	           FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
	          WHERE c.relkind = 'i' AND c.relam = (SELECT oid FROM pg_am WHERE amname = 'btree')
	            AND c.relnamespace IN ('card_issuer'::regnamespace, 'screissue'::regnamespace)}),
		't', "E35: round $round: the indexes have what the tables have");
	is(join("\n", $stress->take_faults), '', "E31-E35: round $round: no call failed in a way it must not");
}

# Was everything tried?

my $came_up = $stress->{came_up};
note "$_: $stress->{outcomes}{$_}" foreach sort keys %{ $stress->{outcomes} };
note "$_: $came_up->{$_}" foreach sort keys %$came_up;
diag $stress->summary;
SKIP:
{
	skip 'too few calls', 2 if $stress->{acknowledged} < 4000;
	is(join(' ', grep { !$came_up->{$_} } sort keys %calls), '', 'every call was made');
	is(join(' ', grep { !$came_up->{$_} } qw(SR005 SR006 SR007 SR009 40001 57014)), '', 'sessions got in the way of each other');
}

# Each invariant is able to fail.

SKIP:
{
	skip 'too few calls', 1 if $stress->{acknowledged} < 4000;
	foreach my $invariant (@all_invariants)
	{
		isnt(broken($bank, $invariant), '', "it would be noticed: not $invariant->{name}");
		isnt(broken($bank, $invariant, $_), '', 'nor after ' . s/\s+/ /gr) foreach @{ $invariant->{other_breaks} // [] };
	}
	is(join('', violations($bank, @all_invariants)), '', 'all of that was taken back');
}

# E33: all of them ask about one card at once, some in each isolation level: the same id
# for all, and as many inquiries on record, each with a number of its own.

sql(q{
	SELECT card_issuer.issue_card('ASKED-OLD', 200);
	SELECT card_issuer.confirm_load((card_issuer.permit_load('D276AB0085CD01', 'ASKED-OLD')).message_id);
	SELECT card_issuer.request_reissue('ASKED-OLD', 'lost');
	SELECT card_issuer.reissue_card('ASKED-OLD', 'ASKED-NEW')});
my $attribute = sql(q{SELECT p.attribute FROM card_issuer.personalize_card('ASKED-NEW', 1) p});
my $sessions = $stress->{sessions};
my (%answers, $answered);

foreach my $session (@{ $stress->{workers} })
{
	$sessions->start({ %$session, user => 'metro' });
}
$sessions->send($_, 'ask', "SELECT i.reissued, i.message_id FROM card_issuer.inquire('$attribute', 'D276AB0085CD01') i")
  foreach $sessions->alive;
while ($sessions->alive && ($answered // 0) < $clients)
{
	$sessions->wait(1, sub {
		my ($session, $what, @answers) = @_;
		$answers{ $answers[0]{rows}[0] // 'none' }++;
		$answered++;
	});
}
$sessions->finish;
is_deeply(\%answers, { 't|' . sql(q{SELECT l.message_id FROM card_issuer.app_load l WHERE l.card_id = 'ASKED-OLD'}) => $clients },
	'E33: all who ask about one card are told the same id');
is(sql(q{SELECT count(*) || ' ' || count(DISTINCT i.inquiry_no) FROM card_issuer.inquiry i WHERE i.card_id = 'ASKED-NEW'}),
	"$clients $clients", 'E33: and each inquiry is on record');

# And so would be a server that loses what it acknowledged: this one is allowed to.

$bank->append_conf('postgresql.conf', "synchronous_commit = off\nwal_writer_delay = '10s'\nwal_buffers = '16MB'");
$bank->restart;
$stress->work(time + 1.5);
$stress->kill_server(1);
$stress->start_again;
save_ledger();
my ($lost) = grep { $_->{name} eq 'every acknowledged call is there' } @all_invariants;
isnt(violations($bank, $lost), '', 'E35: it would be noticed: calls lost in a crash');

$bank->stop;
my $log = slurp_file($bank->logfile);
unlike($log, qr/PANIC|TRAP:|server process .* was terminated by signal (?!9)/, 'no server process crashed');

done_testing();
