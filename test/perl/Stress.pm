
=pod

=head1 NAME

Stress - many sessions at work, while their server is disturbed and killed

=head1 SYNOPSIS

  use Stress;

  my $stress = Stress->new(
      $node, \@workers, fine => [qw(40001 57014)],
      next_call => sub { my ($session) = @_; return { name => 'one', statement => 'SELECT 1', ... } });
  $stress->work(time + 10, 4000);
  $stress->kill_server;
  $stress->start_again;
  my @facts = $stress->take_facts;
  my @faults = $stress->take_faults;

=head1 DESCRIPTION

A worker is a session of Sessions.pm, with random: where its random numbers begin.
It makes the calls that next_call gives, each in a transaction of its own, or, while
two_calls is set, now and then two in one, which may be rolled back.

A call has a name and a statement, and what it did: B<unheard>, a list of facts, if
nobody heard the answer, or those that B<heard> returns for the first row of the
answer.  A fact is a hash; it gets acknowledged, t or f.

A call may fail in the ways that fine lists, by a cancel (57014), and, of two in a
transaction, by a deadlock.  Everything else is a fault.

=cut

package Stress;

use strict;
use warnings;

use Exporter 'import';
use List::Util qw(sum0);
use PostgreSQL::Test::Utils;
use Sessions;
use Time::HiRes qw(time usleep);

our @EXPORT = qw(call fact pick chance late save_facts);

sub pick { return $_[ int rand @_ ] }
sub chance { return rand() < $_[0] }

# One of the last of a list, most often the very last
sub late
{
	my ($list, $last) = @_;

	return $list->[-1] if chance($last);
	return $list->[ pick((@$list > 4 ? @$list - 4 : 0) .. $#$list) ];
}

sub call
{
	my ($statement, $unheard, $heard) = @_;

	return { statement => $statement, unheard => $unheard // [], heard => $heard // sub { return @{ $unheard // [] } } };
}

sub fact { my ($kind, %columns) = @_; return { kind => $kind, %columns } }

sub new
{
	my ($class, $node, $workers, %how) = @_;

	return bless {
		node => $node,
		workers => $workers,
		next_call => $how{next_call},
		beside => $how{beside} // sub { },
		fine => { map { $_ => 1 } '57014', @{ $how{fine} } },
		sessions => Sessions->new($node),
		disturber => { user => scalar getpwuid $< },
		two_calls => 0,
		came_up => {},
		outcomes => {},
		facts => [],
		faults => [],
		acknowledged => 0 }, $class;
}

sub fault { my ($self, $text) = @_; push @{ $self->{faults} }, $text if @{ $self->{faults} } < 20; return }
sub take_faults { return splice @{ $_[0]{faults} } }
sub take_facts { return splice @{ $_[0]{facts} } }

sub begin_transaction
{
	my ($self, $session) = @_;
	my $saved = rand 2**31;
	my $end;

	# numbers of its own for each session, whatever the others do
	srand $session->{random};
	my @calls = ($self->{next_call}->($session));
	if ($self->{two_calls} && chance(0.1))
	{
		push @calls, $self->{next_call}->($session);
		$end = chance(0.8) ? 'COMMIT' : 'ROLLBACK';
	}
	$session->{random} = int rand 2**31;
	srand $saved;
	$self->{sessions}->send($session, { calls => \@calls, end => $end },
		$end ? 'BEGIN' : (), (map { $_->{statement} } @calls), $end // ());
	return;
}

# acknowledged, failed or unheard of; keeps what was done.
sub end_transaction
{
	my ($self, $session, $what, @answers) = @_;
	my ($outcome, @done);

	return if !$what->{calls};
	my @calls = @{ $what->{calls} };
	my $expected = @calls + ($what->{end} ? 2 : 0);
	my ($error) = grep { $_->{state} ne '00000' } @answers;
	if ($error)
	{
		$outcome = 'failed';
		$self->{came_up}{ $error->{state} }++;
		$self->check_error($error, $what);
	}
	elsif (@answers < $expected)
	{
		$outcome = ($what->{end} // '') eq 'ROLLBACK' ? 'failed' : 'unheard of';
		@done = map { @{ $_->{unheard} } } @calls if $outcome eq 'unheard of';
	}
	elsif (($what->{end} // '') eq 'ROLLBACK')
	{
		$outcome = 'rolled back';
	}
	else
	{
		$outcome = 'acknowledged';
		$self->{acknowledged}++;
		shift @answers if $what->{end};
		@done = map { $_->{heard}->((shift @answers)->{rows}[0]) } @calls;
		$self->{came_up}{ $_->{name} }++ foreach @calls;
	}
	$self->{outcomes}{$outcome}++;
	push @{ $self->{facts} }, map { { %$_, acknowledged => $outcome eq 'acknowledged' ? 't' : 'f' } } @done;
	return;
}

sub check_error
{
	my ($self, $error, $what) = @_;

	return if $self->{fine}{ $error->{state} } || $error->{state} eq '40P01' && $self->{two_calls};
	$self->fault("$error->{state} $error->{text}: " . join '; ', map { $_->{statement} } @{ $what->{calls} });
	return;
}

# Facts become rows of a table.
sub save_facts
{
	my ($node, $table, $columns, @facts) = @_;

	$node->safe_psql('postgres', "COPY $table (" . join(', ', @$columns) . ") FROM STDIN;\n"
		  . join('', map { my $fact = $_; join("\t", map { $fact->{$_} // '\N' } @$columns) . "\n" } @facts) . "\\.\n");
	return;
}

# The disturber: every now and then a backend at work is cancelled or terminated.

my @disturbances = (
	('SELECT pg_cancel_backend(a.pid) FROM pg_stat_activity a %s') x 3,
	('SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a %s') x 2,
	'CHECKPOINT');
my $victim = q{WHERE a.application_name = 'session' AND a.pid <> pg_backend_pid() ORDER BY a.state = 'idle', random() LIMIT 1};

# Until then; where so many calls are wanted in all, up to a minute longer.
sub work
{
	my ($self, $until, $at_least) = @_;
	my ($sessions, $disturber) = @$self{qw(sessions disturber)};
	my $next_disturbance = 0;

	$sessions->start($_) foreach $disturber, @{ $self->{workers} };
	while (time < $until || $self->{acknowledged} < ($at_least // 0) && time < $until + 60)
	{
		foreach my $session (@{ $self->{workers} })
		{
			$sessions->start($session) if $sessions->is_gone($session);
			$self->begin_transaction($session) if $sessions->is_idle($session);
		}
		if (time > $next_disturbance && $sessions->is_idle($disturber))
		{
			$sessions->send($disturber, {}, sprintf pick(@disturbances), $victim);
			$next_disturbance = time + rand 0.2;
		}
		$self->{beside}->();
		$self->listen(0.05);
	}
	return;
}

sub listen
{
	my ($self, $seconds) = @_;

	$self->{sessions}->wait($seconds, sub { $self->end_transaction(@_) });
	return;
}

# Kills the postmaster, or all of its processes, while everybody is at work; then
# the last answers, and what never is answered.
sub kill_server
{
	my ($self, $all) = @_;
	my ($node, $sessions) = @$self{qw(node sessions)};
	my @processes = split /\n/,
	  $node->safe_psql('postgres', 'SELECT a.pid FROM pg_stat_activity a WHERE a.pid <> pg_backend_pid()');
	my $patience = time + $PostgreSQL::Test::Utils::timeout_default;

	foreach my $session (@{ $self->{workers} })
	{
		$self->begin_transaction($session) if $sessions->is_idle($session);
	}
	usleep(rand 20_000);
	$node->kill9;
	kill 'KILL', @processes if $all;
	while ($sessions->alive)
	{
		foreach my $session (grep { $sessions->is_idle($_) } $sessions->alive)
		{
			$sessions->send($session, {}, 'SELECT 1');
		}
		$self->listen(0.05);
		die 'a backend outlives the postmaster' if time > $patience;
	}
	foreach my $process (@processes)
	{
		usleep(10_000) while kill(0, $process) && time < $patience;
	}
	usleep(200_000);
	return;
}

# A process that the postmaster had just started may need a moment to see that it died.
sub start_again
{
	my ($self) = @_;

	foreach (1 .. 5)
	{
		return if $self->{node}->start(fail_ok => 1);
		usleep(500_000);
	}
	$self->{node}->start;
	return;
}

# In words
sub summary
{
	my ($self) = @_;

	return sprintf '%d transactions, %d acknowledged, %d never heard of', sum0(values %{ $self->{outcomes} }),
	  $self->{acknowledged}, $self->{outcomes}{'unheard of'} // 0;
}

1;
