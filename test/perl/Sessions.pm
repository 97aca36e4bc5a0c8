
=pod

=head1 NAME

Sessions - many sessions at once, and what each of them was answered

=head1 SYNOPSIS

  use Sessions;

  my $sessions = Sessions->new($node);
  my $session = $sessions->add(user => 'clerk', options => '-c default_transaction_isolation=serializable');
  $sessions->send($session, 'what', 'SELECT 1', 'SELECT 1/0');
  $sessions->wait(0.1, sub {
      my ($session, $what, @answers) = @_;
      # $what is 'what'; @answers: { rows => ['1'], state => '00000' }, { rows => [], state => '22012', text => ... }
      # an answer that never came is not among them, the session is gone then:
      # !defined $session->{pipe}
  });

=head1 DESCRIPTION

Each session is a psql of its own, all of them are served by one loop.  A session
has one transmission under way at a time, of one or more statements.

=cut

package Sessions;

use strict;
use warnings;

use Errno qw(EINTR EAGAIN);
use IO::Handle;
use IO::Select;
use POSIX ();
use PostgreSQL::Test::Utils;

sub new
{
	my ($class, $node) = @_;

	return bless {
		node => $node,
		log => "$PostgreSQL::Test::Utils::tmp_check/sessions.log",
		select => IO::Select->new,
		of => {} }, $class;
}

# A session that is started; one that ended can be started again.
sub add
{
	my ($self, %session) = @_;

	return $self->start(\%session);
}

sub start
{
	my ($self, $session) = @_;
	my $node = $self->{node};

	pipe my $to_read, my $to_us or die "pipe: $!";
	pipe my $from_us, my $to_write or die "pipe: $!";
	my $pid = fork // die "fork: $!";
	if ($pid == 0)
	{
		open STDIN, '<&', $from_us;
		open STDOUT, '>&', $to_us;
		open STDERR, '>>', $self->{log};
		$ENV{PGOPTIONS} = $session->{options} // '';
		$ENV{PGAPPNAME} = 'session';
		exec 'psql', '-XqAt', '-U', $session->{user}, '-d', $node->connstr('postgres')
		  or POSIX::_exit(127);
	}
	close $from_us;
	close $to_us;
	$to_read->blocking(0);
	$to_write->autoflush(1);
	@$session{qw(pid pipe answer script buffer what)} = ($pid, $to_write, $to_read, undef, '', undef);
	$self->{select}->add($to_read);
	$self->{of}{$to_read} = $session;
	return $session;
}

sub is_idle { return defined $_[1]{pipe} && !defined $_[1]{what} }
sub is_gone { return !defined $_[1]{pipe} }

# Sends statements, each answered on its own; what: given back with the answers.
sub send
{
	my ($self, $session, $what, @statements) = @_;
	local $SIG{PIPE} = 'IGNORE';

	$session->{what} = $what;
	$session->{buffer} = '';
	print { $session->{pipe} } (map { "$_;\n\\echo == :SQLSTATE :LAST_ERROR_MESSAGE\n" } @statements), "\\echo ====\n";
	return;
}

# The answers in what has come
sub answers
{
	my ($session) = @_;
	my (@answers, @rows);

	foreach my $line (split /\n/, $session->{buffer} =~ s/[^\n]*\z//r)
	{
		if ($line =~ /^== (\w{5})(?: (.*))?$/)
		{
			push @answers, { rows => [@rows], state => $1, text => $1 eq '00000' ? undef : $2 };
			@rows = ();
		}
		else
		{
			push @rows, $line;
		}
	}
	return @answers;
}

# For so many seconds at most, until something came; then calls back for each
# session that was answered in full, or is gone.
sub wait
{
	my ($self, $seconds, $call_back) = @_;

	foreach my $handle ($self->{select}->can_read($seconds))
	{
		my $session = $self->{of}{$handle};
		my $read = sysread $handle, $session->{buffer}, 65536, length $session->{buffer};

		next if !defined $read && ($! == EINTR || $! == EAGAIN);
		if (!$read)
		{
			$self->{select}->remove($handle);
			delete $self->{of}{$handle};
			close $handle;
			close $session->{pipe};
			waitpid $session->{pid}, 0;
			$session->{pipe} = undef;
		}
		elsif ($session->{buffer} !~ /^====\n\z/m)
		{
			next;
		}
		my $what = $session->{what};
		$session->{what} = undef;
		$call_back->($session, $what, answers($session)) if defined $what;
	}
	return;
}

# Those that are not gone
sub alive { return values %{ $_[0]{of} } }

# Ends them all.
sub finish
{
	my ($self) = @_;

	foreach my $session ($self->alive)
	{
		close $session->{pipe};
		waitpid $session->{pid}, 0;
		$session->{pipe} = undef;
	}
	$self->{select} = IO::Select->new;
	$self->{of} = {};
	return;
}

1;
