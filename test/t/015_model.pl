# The card issuer against a model of it, test/perl/CardIssuerModel.pm: random calls
# over cards, loads, reissues of one card and of many, unloads, withdrawals, opt-outs
# and contracts, many of which the rules forbid; time goes by.  Each answer and each
# SQLSTATE is as the model says, and so is every row of the tables after each
# thousand calls; nothing is left in the wrong place, no provider is mistaken, and
# none is told what its holders do not want it to be (E1-E3, E5-E12, E14, E17, E18,
# E21, E52, E56, R30).
#
# The seed is printed; SCREISSUE_SEED makes the same calls again, as many as
# SCREISSUE_OPERATIONS says.

use strict;
use warnings;

use CardIssuerModel;
use List::Util qw(first max min);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;

my $seed = $ENV{SCREISSUE_SEED} // (time ^ ($$ << 8)) & 0x7fffffff;
my $operations = $ENV{SCREISSUE_OPERATIONS} // 20_000;
my $between_checks = 1000;
diag "seed $seed, $operations operations";
srand $seed;

sub pick { return $_[ rand @_ ] }
sub chance { return rand() < $_[0] }

# Contracts: three providers, two applications of each.  Policy: by the reason.

my %method = (100 => 1, 200 => 2, 999 => undef);
my %delivery = (METRO => 'push', SHOP => 'pull', RAIL => 'on_request');
my %price = (load => 5, reload => 1);
my %application = (
	D276AB0085CD01 => { provider => 'METRO', price => { %price, 'reload stolen' => 0 } },
	D276AB0085CD02 => { provider => 'METRO', price => \%price, examination => 'refer' },
	D276AC0001EF01 => { provider => 'SHOP', price => \%price },
	D276AC0001EF02 => { provider => 'SHOP', price => \%price, currency => 'EUR' },
	D276AD0001EF01 => { provider => 'RAIL', price => \%price },
	D276AD0001EF02 => { provider => 'RAIL' });
my @apps = sort keys %application;
$_ = { examination => 'substitute', currency => 'JPY', %$_ } foreach values %application;

my $model = CardIssuerModel->new(
	issuer => 'BANKJP',
	method => \%method,
	delivery => {%delivery},
	application => \%application,
	judge => sub {
		my ($reason) = @_;

		return
		    $reason eq 'other' ? 'pending'
		  : $reason eq 'compromised' ? ('refused', 'come in person')
		  : 'approved';
	});

my $bank = start_issuer('bank', 'BANKJP', synchronous_commit => 'off');
sub bank { return $bank->safe_psql('postgres', $_[0]) }

bank('ALTER DATABASE postgres SET search_path = public, screissue');
bank(q{
	CREATE FUNCTION judge(request jsonb) RETURNS verdict LANGUAGE sql
	RETURN ROW(CASE request ->> 'reason' WHEN 'other' THEN NULL WHEN 'compromised' THEN false ELSE true END,
	           CASE request ->> 'reason' WHEN 'compromised' THEN 'come in person' END, NULL)::verdict;
	SELECT card_issuer.set_policy('reissue', 'judge(jsonb)')});
bank(qq{
	CREATE ROLE \L$_\E;
	SELECT card_issuer.register_provider('$_', '$_', lower('$_'), '$delivery{$_}')})
  foreach sort keys %delivery;
foreach my $app (@apps)
{
	my ($provider, $examination, $currency, $price) = @{ $application{$app} }{qw(provider examination currency price)};

	bank("SELECT card_issuer.register_application('$app', '$provider', '$app', examination => '$examination')");
	foreach my $line (sort keys %{ $price // {} })
	{
		my ($kind, $reason) = split / /, $line;

		bank(sprintf "SELECT card_issuer.set_tariff('%s', '%s', %s, '%s', %s)",
			$app, $kind, $price->{$line}, $currency, sql_literal($reason));
	}
}

# Chains of cards: calls are about a few of them at a time, until each has had
# its number of cards, fewer than screissue.max_lineage.

my @chains;
my $chains_so_far = 0;

sub new_chain
{
	my $name = 'K' . ++$chains_so_far;

	return {
		name => $name,
		cards => [],
		at_most => pick(5, 10, 20, 40),
		apps => [ map { pick(@apps) } 1 .. 2 ] };
}

sub next_id { return "$_[0]{name}-" . (@{ $_[0]{cards} } + 1) }

# The card that stands for the first one of the chain
sub newest
{
	my ($chain) = @_;

	return ($chain->{cards}[0], $model->heirs($chain->{cards}[0]))[-1];
}

# Arguments

sub any_card
{
	my ($chain) = @_;

	return chance(0.02) ? 'NOSUCH' : chance(0.75) ? newest($chain) : pick(@{ $chain->{cards} });
}

# A card to be reissued, most of them such as can be
sub any_old_card
{
	my ($chain) = @_;
	my @approved = grep { ($model->open_request($_) // { status => 'none' })->{status} eq 'approved' }
	  @{ $chain->{cards} };

	return @approved && chance(0.7) ? pick(@approved) : any_card($chain);
}

# An id that is to be a new card's; some are not new.
sub any_new_card
{
	my ($chain) = @_;

	return chance(0.9) ? next_id($chain) : pick(map { @{ $_->{cards} } } @chains);
}

sub any_app
{
	my ($chain) = @_;

	return chance(0.01) ? 'D276AE0001' : chance(0.85) ? pick(@{ $chain->{apps} }) : pick(@apps);
}

sub any_message
{
	my ($chain) = @_;
	my @messages = map { $_->{message} }
	  map { my $card = $_; map { $model->loads_on($card, $_) } @apps } @{ $chain->{cards} };

	return chance(0.02) || !@messages
	  ? pick('BANKJP/METRO/900000000', 'BANKJP/SHOP/900000000')
	  : pick(@messages, (@messages[ max(0, @messages - 4) .. $#messages ]) x 4);
}

sub any_provider { return chance(0.05) ? 'NOBODY' : pick(sort keys %delivery) }
sub any_platform_type { return pick((100) x 6, (200) x 2, 999, chance(0.1) ? 310 : 100) }
sub any_valid_until { return pick((undef) x 4, '2090-12-31', '2095-06-30', chance(0.3) ? '2001-01-01' : undef) }
sub any_reason { return pick(qw(lost stolen damaged upgraded other compromised)) }

# What a permission on the card would inherit, or something else
sub any_reload_of
{
	my ($chain, $card, $app) = @_;
	my $inherits = $model->permitted($card, $app) // $model->claim($card, $app) // return any_message($chain);

	return chance(0.3) ? any_message($chain) : $inherits->{inherits} // $inherits->{message};
}

# The calls: how often, and with which arguments

my %calls = (
	issue_card => [ 1, sub {
		my ($chain) = @_;
		return (
			card => any_new_card($chain),
			platform_type => any_platform_type(),
			valid_until => any_valid_until());
	} ],
	activate_card => [ 4, sub { return (card => any_card($_[0])) } ],
	block_card => [ 4, sub {
		my ($chain) = @_;
		my @overlapping = grep { $model->{card}{$_}{overlap} } @{ $chain->{cards} };
		return (
			card => @overlapping && chance(0.2) ? pick(@overlapping) : any_card($chain),
			status => pick(qw(suspended lost stolen damaged), chance(0.1) ? 'active' : 'lost'));
	} ],
	unblock_card => [ 6, sub { return (card => any_card($_[0])) } ],
	renew_card => [ 5, sub {
		return (card => chance(0.7) ? newest($_[0]) : any_card($_[0]), valid_until => any_valid_until() // '2090-12-31');
	} ],
	expire_cards => [ 1, sub { return () } ],
	let_expire => [ 1.5, sub { return (card => newest($_[0]), valid_until => '2001-01-01') } ],
	let_overlap_end => [ 1, sub { return (card => pick(@{ $_[0]{cards} })) } ],
	permit_load => [ 22, sub {
		my ($chain) = @_;
		my ($card, $app) = (any_card($chain), any_app($chain));
		return (card => $card, app => $app, chance(0.4) ? (reload_of => any_reload_of($chain, $card, $app)) : ());
	} ],
	confirm_load => [ 18, sub { return (message => any_message($_[0]), chance(0.2) ? (succeeded => pick(0, 1)) : ()) } ],
	confirm_unload => [ 5, sub { return (message => any_message($_[0])) } ],
	record_examination => [ 1, sub {
		return (message => any_message($_[0]), examination => pick('(true,,)', '(false,fraud,)'));
	} ],
	request_reissue => [ 14, sub { return (card => any_card($_[0]), reason => any_reason()) } ],
	decide_reissue => [ 3, sub { return (card => any_card($_[0]), approved => pick(0, 1, 1), reason => pick(undef, 'so')) } ],
	preview_reissue => [ 3, sub { return (card => any_card($_[0])) } ],
	reissue_card => [ 12, sub {
		my ($chain) = @_;
		return (
			old_card => any_old_card($chain),
			new_card => any_new_card($chain),
			chance(0.3) ? (platform_type => any_platform_type()) : (),
			valid_until => any_valid_until(),
			activate => pick(0, 1, 1, 1),
			chance(0.3) ? (overlap => pick(('30 days') x 9, '-1 day')) : ());
	} ],
	reissue_cards => [ 2, sub {
		my @some = @chains[ grep { chance(0.5) } 0 .. $#chains ];
		my @olds = map { any_old_card($_) } grep { @{ $_->{cards} } } @some;
		my @news = map { any_new_card($_) } grep { @{ $_->{cards} } } @some;
		push @news, 'MORE-1' if chance(0.03);
		return (old_cards => \@olds, new_cards => \@news, reason => any_reason());
	} ],
	withdraw_reissue => [ 3, sub { return (new_card => any_card($_[0])) } ],
	set_opt_out => [ 5, sub {
		my ($chain) = @_;
		return (
			card => any_card($chain),
			app => chance(0.3) ? undef : any_app($chain),
			opted_out => chance(0.4) ? 1 : 0);
	} ],
	suspend_provider => [ 0.5, sub { return (provider => any_provider()) } ],
	resume_provider => [ 1.5, sub { return (provider => any_provider()) } ],
	register_provider => [ 0.5, sub {
		my $provider = pick(sort keys %delivery);
		return (
			provider => $provider,
			name => $provider,
			role_name => lc $provider,
			delivery => chance(0.3) ? 'on_request' : $delivery{$provider});
	} ],
	transfer_application => [ 0.5, sub { return (app => any_app($_[0]), provider => any_provider()) } ],
	find_reissue => [ 6, sub { return (card => any_card($_[0]), app => any_app($_[0])) } ]);
my @by_weight = map { ($_) x (2 * $calls{$_}[0]) } sort keys %calls;
my %time_goes_by = (
	let_expire => q{UPDATE card_issuer.card SET valid_until = '2001-01-01' WHERE card_id = '%s'},
	let_overlap_end => q{UPDATE card_issuer.card SET overlap_until = '2001-01-01' WHERE card_id = '%s' AND overlap_until > now()});
my %is_providers = map { $_ => 1 } qw(permit_load confirm_load confirm_unload find_reissue);

sub any_caller
{
	my ($name, %arguments) = @_;
	my $load = $model->{load}{ $arguments{message} // '' };
	my $app = $load ? $load->{app} : $arguments{app};

	return 'operator' if !$is_providers{$name} || chance(0.6);
	return chance(0.1) || !$application{ $app // '' } ? pick(sort keys %delivery) : $application{$app}{provider};
}

# One call, which the model answers at once
sub any_operation
{
	my $chain = pick(@chains);
	my $name = pick(@by_weight);
	my %arguments;

	if (!@{ $chain->{cards} })
	{
		($name, %arguments) = ('issue_card', card => next_id($chain), platform_type => pick(100, 100, 200, 999),
			holder_id => pick(undef, 'Sato', 'Suzuki'), activate => pick(0, 1, 1));
	}
	else
	{
		%arguments = $calls{$name}[1]->($chain);
	}
	my $operation = {
		chain => $chain->{name},
		caller => any_caller($name, %arguments),
		name => $name,
		arguments => \%arguments };
	$operation->{expected} = $model->call($operation->{caller}, $name, %arguments);

	foreach (@chains)
	{
		push @{ $_->{cards} }, next_id($_) if $model->{card}{ next_id($_) };
	}
	@chains = map { @{ $_->{cards} } < $_->{at_most} ? $_ : new_chain() } @chains;
	return $operation;
}

sub call_of
{
	my ($operation) = @_;
	my %arguments = %{ $operation->{arguments} };

	return sprintf $time_goes_by{ $operation->{name} }, $arguments{card} if $time_goes_by{ $operation->{name} };
	return "SELECT * FROM card_issuer.$operation->{name}("
	  . join(', ', map { "$_ => " . sql_value($arguments{$_}) } sort keys %arguments) . ')';
}

sub sql_value
{
	my ($value) = @_;

	return sql_literal(ref $value ? '{' . join(',', @$value) . '}' : $value);
}

# Makes the calls, each in a transaction of its own, and keeps what was answered.
sub run_operations
{
	my (@operations) = @_;
	my $script = '';

	foreach my $operation (@operations)
	{
		my $role = $operation->{caller} eq 'operator' ? 'none' : lc $operation->{caller};

		$script .= "SET ROLE $role;\n" . call_of($operation) . ";\n\\echo -- :SQLSTATE :LAST_ERROR_MESSAGE\n";
	}
	$bank->psql('postgres', $script, stdout => \my $output, stderr => \my $errors, on_error_stop => 0);
	foreach my $operation (@operations)
	{
		$output =~ s/\A(.*?)^-- (\w{5})(?: ([^\n]*))?(?:\n|\z)//ms or die "no answer to $operation->{name}: $errors";
		my ($rows, $state, $text) = ($1, $2, $3);

		$operation->{found} = $state eq '00000' ? $rows =~ s/\n\z//r : $state;
		$operation->{error} = $text if $state ne '00000';
	}
	return;
}

sub describe
{
	my ($operation) = @_;

	return sprintf '%d %s: %s -> %s', @$operation{qw(number caller)}, call_of($operation),
	  $operation->{expected} =~ s/\n/; /gr;
}

# The tables, in the columns of the model

my %state = (
	card => q{
		SELECT card_id, platform_type, holder_id, status, former_status, valid_until, replaces, replaced_by,
		       overlap_until > now(), opted_out_at IS NOT NULL,
		       (SELECT string_agg(o.app_id::text, ',' ORDER BY o.app_id) FROM card_issuer.opt_out o WHERE o.card_id = c.card_id)
		  FROM card_issuer.card c},
	app_load => q{
		SELECT l.message_id, l.card_id, l.app_id, l.provider, l.status, l.inherits, l.tariff_kind, l.tariff_reason,
		       l.fee, l.currency, coalesce(x.substitutes_card_id, x.card_id), f.approved, l.at_issue,
		       l.loaded_at IS NOT NULL, x.substitutes IS NOT NULL, l.refunded_at IS NOT NULL
		  FROM card_issuer.app_load l
		  JOIN card_issuer.examination x ON x.card_id = l.card_id AND x.examination_id = l.examination_id
		  LEFT JOIN card_issuer.examination f ON f.card_id = l.card_id AND f.examination_id = l.finding_id},
	entitlement => q{
		SELECT card_id, app_id, message_id, old_card_id, hops, used_at IS NOT NULL, withdrawn_at IS NOT NULL,
		       opted_out_at IS NOT NULL
		  FROM card_issuer.entitlement},
	reissue_request => q{
		SELECT old_card_id, request_id, reason, status, refusal, new_card_id, former_status
		  FROM card_issuer.reissue_request},
	notice => q{
		SELECT provider, notice_no, kind, platform_type, new_card_id, old_card_id, app_id, message_id, reason
		  FROM screissue.notice},
	charge => q{SELECT provider, currency, sum(amount) FROM card_issuer.charge GROUP BY 1, 2});

# What is not in both: the answer of a query, and rows of the model
sub differences
{
	my ($what, $query, @expected) = @_;
	my %found = map { $_ => 1 } split /\n/, bank($query);

	return (
		(map { "$what lacks $_" } grep { !delete $found{$_} } @expected),
		map { "$what has $_" } sort keys %found);
}

# The run: as many calls as there are between two checks, then a look at the tables

my (@done, %came_up, $wrong, @faults);

# A call that was made, an SQLSTATE or the cause of a refusal
sub outcome
{
	my ($operation) = @_;
	my ($message, $permitted, $refusal) = split /\|/, $operation->{expected};

	return $operation->{expected} if $operation->{expected} =~ /^[0-9A-Z]{5}$/;
	return $refusal if $operation->{name} eq 'permit_load' && $permitted eq 'f';
	return $operation->{name};
}

sub report
{
	my $last = $wrong ? $wrong->{number} : @done;

	diag "seed $seed, operation $last";
	diag "expected: $wrong->{expected}\nfound: $wrong->{found} ", $wrong->{error} // '' if $wrong;
	diag join "\n", @faults[ 0 .. min(20, $#faults) ];
	diag 'the last 20 operations:';
	diag describe($_) foreach @done[ max(0, $last - 20) .. $last - 1 ];
	return unless $wrong;
	diag "those about chain $wrong->{chain}:";
	diag describe($_) foreach grep { $_->{chain} eq $wrong->{chain} } @done[ 0 .. $last - 1 ];
	return;
}

@chains = map { new_chain() } 1 .. 4;
while (!$wrong && !@faults && @done < $operations)
{
	my @operations = map { any_operation() } 1 .. min($between_checks, $operations - @done);

	run_operations(@operations);
	push @done, @operations;
	$done[$_]{number} = $_ + 1 foreach @done - @operations .. $#done;
	$came_up{ outcome($_) }++ foreach @operations;
	$wrong = first { $_->{found} ne $_->{expected} } @operations;
	@faults = (
		(map { differences($_, $state{$_}, $model->rows($_)) } sort keys %state),
		$model->contradictions) unless $wrong;
	ok(!$wrong && !@faults, 'E1-E3, E8-E12: as the model says, up to operation ' . @done) or report();
}

# Was everything tried?

$came_up{"notice: $_->{kind}"}++ foreach map { @$_ } values %{ $model->{notice} };
note "$_: $came_up{$_}" foreach sort keys %came_up;
SKIP:
{
	skip 'too few operations', 1 if @done < 20_000;
	my @wanted = (
		keys %calls, qw(22023 23505 42501 SR002 SR003 SR004 SR005 SR006 SR007 SR008 SR009),
		qw(refused already_loaded card_status not_inherited),
		map { "notice: $_" } qw(reissue withdrawal renewal));

	is(join(' ', sort grep { !$came_up{$_} } @wanted), '', 'E5, E6, E17: every call was made and every outcome came up');
}

# METRO takes its notices in, in any order, and knows the last word about each card.

sub last_words_of_metro
{
	my $words = $model->last_words('METRO');

	return map {
		my $card = $_;
		map { join '|', $card, $_, $words->{$card}{$_} // '' } sort keys %{ $words->{$card} }
	} sort keys %$words;
}

SKIP:
{
	skip 'the notices are wrong', 2 if $wrong || @faults;
	bank(q{SELECT service_provider.setup('METRO', 'METRO'), service_provider.register_issuer('BANKJP', 'BANKJP')});
	bank(qq{SELECT service_provider.register_application('$_', '$_'),
	               service_provider.accept_transfer('$_', 'SHOP'), service_provider.accept_transfer('$_', 'RAIL')})
	  foreach @apps;
	is( bank(qq{
			SELECT count(*) FILTER (WHERE r.answer = 'stored'), count(*) FILTER (WHERE r.answer <> 'stored')
			  FROM (SELECT service_provider.receive_notice(n.issuer, n.provider, n.notice_no, n.kind, n.platform_type,
			                   n.new_card_id, n.old_card_id, n.app_id, n.message_id, n.reason, n.noted_at, 'file')
			          FROM (SELECT * FROM screissue.notice WHERE provider = 'METRO'
			                 ORDER BY md5(notice_no || ' $seed') OFFSET 0) n) r (answer)}),
		@{ $model->{notice}{METRO} } . '|0', 'E21: METRO takes in its notices, shuffled');
	is( join("\n", differences('METRO', q{
			SELECT k.card_id, k.app_id, CASE WHEN NOT d.is_withdrawn THEN n.message_id END
			  FROM (SELECT new_card_id, app_id FROM service_provider.reissue_notice
			         UNION SELECT old_card_id, app_id FROM service_provider.reissue_notice) k (card_id, app_id),
			       service_provider.deciding_notice('BANKJP', k.card_id, k.app_id) d
			  JOIN service_provider.reissue_notice n ON n.notice_no = d.notice_no}, last_words_of_metro())),
		'', 'E21: and knows the last word about each card');
}

$bank->stop;
done_testing();
