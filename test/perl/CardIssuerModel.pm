
=pod

=head1 NAME

CardIssuerModel - what a card issuer should answer, and have on record

=head1 SYNOPSIS

  use CardIssuerModel;

  my $model = CardIssuerModel->new(
      issuer => 'BANKJP',
      method => { 100 => 1, 200 => 2, 999 => undef },
      delivery => { METRO => 'push' },
      application => {
          A000000001 => { provider => 'METRO', examination => 'substitute', currency => 'JPY',
                          price => { load => 5, reload => 1, 'reload stolen' => 0 } } },
      judge => sub { 'approved' });

  $model->call('operator', 'issue_card', card => 'A', platform_type => 100);
  $model->call('METRO', 'permit_load', app => 'A000000001', card => 'A');
  # 'BANKJP/METRO/1|t|||5|JPY|f'
  $model->call('operator', 'issue_card', card => 'A', platform_type => 100);    # '23505'
  $model->rows('card');
  $model->contradictions;

=head1 DESCRIPTION

The rules of the card issuer, once more and in the simplest form that we know:
hashes and loops, one caller at a time, no error after the first change.  Methods
are named after the calls of schema card_issuer and take their arguments; with
call() they answer as psql prints it, rows of unaligned columns, or the SQLSTATE.
A further call is a further method.

Not in it, since the test keeps away from it: the dates of contracts, applications
that are withdrawn, attributes, printed numbers, load files, receipts, policies for
loads.

=cut

package CardIssuerModel;

use strict;
use warnings;

sub new
{
	my ($class, %contracts) = @_;

	return bless {
		%contracts,
		card => {},           # by card id
		load => {},           # by message id
		entitlement => {},    # by card id and application
		request => {},        # by card id, a list
		notice => { map { $_ => [] } keys %{ $contracts{delivery} } },    # a list
		now => 0,             # number of the call
		messages => 0,
		requests => 0 }, $class;
}

# What a call answers, as text.  caller: operator, or a provider.
sub call
{
	my ($self, $caller, $name, %arguments) = @_;

	$self->{caller} = $caller;
	$self->{now}++;
	my @rows = eval { $self->$name(%arguments) };
	return $@->{sqlstate} if ref $@;
	die $@ if $@;
	return join "\n", map { row(@$_) } @rows;
}

sub row { return join '|', map { $_ // '' } @_ }
sub truth { return $_[0] ? 't' : 'f' }
sub refuse { die { sqlstate => $_[0] } }
sub void { return [''] }

# Who may do what

sub by_operator { return $_[0]{caller} eq 'operator' }

sub acts_for
{
	my ($self, $provider) = @_;

	return $self->by_operator || $self->{caller} eq $provider;
}

sub apps { return sort keys %{ $_[0]{application} } }
sub provider_of { return $_[0]{application}{ $_[1] }{provider} }

# Cards and what is on them

sub known_card
{
	my ($self, $id) = @_;

	return $self->{card}{$id} // refuse('SR004');
}

# The id can be read by anybody: notices are about such cards, and name them.
sub is_readable
{
	my ($self, $id) = @_;

	return ($self->{method}{ $self->{card}{$id}{platform_type} } // 0) == 1;
}

my $loadable = qr/^(produced|active)$/;
my $blocked = qr/^(suspended|lost|stolen|damaged)$/;
my $over = qr/^(replaced|revoked)$/;

# The test's dates are of long ago or far ahead.
sub is_past { return defined $_[0] && $_[0] lt '2020-01-01' }

# Handed over, and not over: by an overlap a card that was replaced works on (E7).
sub works
{
	my ($self, $id, $active) = @_;
	my $card = $self->{card}{$id};

	return ($card->{status} =~ $active || $card->{overlap}) && !is_past($card->{valid_until});
}

sub loads_on
{
	my ($self, $id, $app) = @_;
	my $card = $self->{card}{$id};

	return $card ? @{ $card->{loads}{$app} // [] } : ();
}

# The load of an application on a card that is permitted or loaded, if any.
sub load_with_status
{
	my ($self, $id, $app, $status) = @_;

	return (grep { $_->{status} eq $status } $self->loads_on($id, $app))[0];
}

sub loaded { return $_[0]->load_with_status(@_[ 1, 2 ], 'loaded') }
sub permitted { return $_[0]->load_with_status(@_[ 1, 2 ], 'permitted') }

sub was_ever_loaded
{
	my ($self, $id, $app) = @_;

	return grep { $_->{was_loaded} } $self->loads_on($id, $app);
}

# The entitlement that a reload on the card would use.
sub claim
{
	my ($self, $id, $app) = @_;
	my $entitlement = $self->{entitlement}{$id}{$app};

	return $entitlement && !$entitlement->{used} && !$entitlement->{withdrawn}
	  ? $entitlement
	  : undef;
}

# The same, where its provider may know of it
sub open_claim
{
	my ($self, $id, $app) = @_;
	my $claim = $self->claim($id, $app);

	return $claim && !$claim->{opted_out} ? $claim : undef;
}

# Its holder does not want the provider to be told (E56).
sub is_opted_out
{
	my ($self, $id, $app) = @_;
	my $card = $self->{card}{$id} // return;

	return $card->{opted_out} || $card->{opt_outs}{$app};
}

# What a card leaves to one that stands for it: its load, else what it could
# have reloaded itself (design 2).
sub legacy
{
	my ($self, $id, $app) = @_;
	my $load = $self->loaded($id, $app);
	my $claim = $self->claim($id, $app);

	return { message => $load->{message}, hops => 1 } if $load;
	return { message => $claim->{message}, hops => $claim->{hops} + 1 } if $claim;
	return;
}

# The card that it stands for, unless that was taken back.
sub predecessor
{
	my ($self, $id) = @_;
	my $old = $self->{card}{$id}{replaces} // return;

	return ($self->{card}{$old}{replaced_by} // '') eq $id ? $old : undef;
}

# The cards that stand for this one now, in order: a replaced card has the new
# one, a revoked one has the old one again.
sub heirs
{
	my ($self, $id) = @_;
	my @heirs;

	for (;;)
	{
		my $card = $self->{card}{$id};

		$id = $card->{status} eq 'revoked' ? $card->{replaces} : $card->{replaced_by};
		return @heirs unless defined $id;
		push @heirs, $id;
	}
}

# Changes that more than one call makes

# What the card may reload from now on, and what a permission outstanding is for.
# A load that it might have reloaded before has lost its place.
sub entitle
{
	my ($self, $id, $app, $old, $legacy) = @_;
	my $permission = $self->permitted($id, $app);
	my $former = $self->claim($id, $app);

	$self->supersede($former->{message}) if $former && $former->{message} ne $legacy->{message};
	$self->{entitlement}{$id}{$app} = {
		%$legacy,
		old_card => $old,
		granted => $self->{now},
		opted_out => $self->is_opted_out($id, $app) ? $self->{now} : undef };
	$permission->{inherits} = ($self->open_claim($id, $app) // {})->{message} if $permission;
	return;
}

# Ends what the card may reload; returns it.
sub disentitle
{
	my ($self, $id, $app) = @_;
	my $claim = $self->claim($id, $app) // return;
	my $permission = $self->permitted($id, $app);

	$claim->{withdrawn} = $self->{now};
	$permission->{inherits} = undef if $permission;
	return $claim;
}

sub supersede
{
	my ($self, $message) = @_;
	my $load = defined $message ? $self->{load}{$message} : undef;

	$load->{status} = 'superseded' if $load && $load->{status} eq 'loaded';
	return;
}

# A notice, where one is due (design 7); how many were sent.  The old card is one
# that the new one was issued for, if any: not one that handed the load back.  A
# withdrawal says that it has its load again, unless nobody is to know.
sub tell
{
	my ($self, $kind, $new, $old, $app, $message) = @_;
	my $provider = $self->provider_of($app);
	my $sent = $self->{notice}{$provider};

	$old = undef
	  if ($self->{card}{$new}{replaces} // '') ne ($old // '')
	  || $kind eq 'withdrawal' && defined $old && $self->is_opted_out($old, $app);
	return 0 if !$self->gets_notices($provider) || !$self->is_readable($new);
	push @{ $self->{leaks} }, "$provider was told of $new and $app, though opted out"
	  if $self->is_opted_out($new, $app)
	  && !($kind eq 'withdrawal'
		&& (($self->word($provider, $new, $app) // '') eq $message || defined $old && $self->open_claim($old, $app)));
	push @$sent, {
		provider => $provider,
		no => @$sent + 1,
		kind => $kind,
		platform_type => $self->{card}{$new}{platform_type},
		new_card => $new,
		old_card => defined $old && $self->is_readable($old) ? $old : undef,
		app => $app,
		message => $message,
		reason => $self->reason($old, $new) };
	return 1 if $kind eq 'renewal';
	$self->{words}{$provider}{$new}{$app} = $kind eq 'reissue' ? $message : undef;
	$self->{words}{$provider}{$old}{$app} = $message if $kind eq 'withdrawal' && defined $sent->[-1]{old_card};
	return 1;
}

# The contract is in force and delivery is push or pull.
sub gets_notices
{
	my ($self, $provider) = @_;

	return !$self->{suspended}{$provider} && $self->{delivery}{$provider} ne 'on_request';
}

# What tells what a card inherits: a reissue, or, where it got its place back from
# a card that is withdrawn, that withdrawal.
sub what_inherited
{
	my ($self, $id, $app, $entitlement) = @_;
	my ($old, $message) = @$entitlement{qw(old_card message)};

	return ($self->predecessor($id) // '') eq $old
	  ? ('reissue', $id, $old, $app, $message)
	  : ('withdrawal', $old, $id, $app, $message);
}

# What a provider was last told that a card may reload; undef: nothing, or nothing
# any more (E21).
sub word
{
	my ($self, $provider, $id, $app) = @_;

	return (($self->{words}{$provider}{$id} // {}))->{$app};
}

sub was_told
{
	my ($self, $provider, $id, $app) = @_;

	return exists +(($self->{words}{$provider}{$id} // {}))->{$app};
}

# Why a card was replaced by another one
sub reason
{
	my ($self, $old, $new) = @_;
	my $request = defined $old ? $self->pair($old, $new) : undef;

	return $request ? $request->{reason} : undef;
}

# The request that made one card stand for another
sub pair
{
	my ($self, $old, $new) = @_;

	return (grep { ($_->{new_card} // '') eq $new } @{ $self->{request}{$old} // [] })[0];
}

sub make_card
{
	my ($self, %card) = @_;

	refuse('22023') unless exists $self->{method}{ $card{platform_type} };
	refuse('22023') if is_past($card{valid_until});
	refuse('23505') if $self->{card}{ $card{id} };
	$card{status} = delete $card{activate} // 1 ? 'active' : 'produced';
	$self->{card}{ $card{id} } = \%card;
	return;
}

# The life of a card

sub issue_card
{
	my ($self, %arguments) = @_;

	$self->make_card(%arguments, id => delete $arguments{card});
	return void;
}

sub activate_card
{
	my ($self, %arguments) = @_;
	my $card = $self->known_card($arguments{card});

	refuse('SR005') unless $card->{status} =~ $loadable;
	$card->{status} = 'active';
	return void;
}

sub block_card
{
	my ($self, %arguments) = @_;

	refuse('22023') unless $arguments{status} =~ $blocked;
	my $card = $self->known_card($arguments{card});
	if ($card->{status} eq 'replaced')
	{
		my $pair = $self->pair($arguments{card}, $card->{replaced_by});

		return void if !$card->{overlap} && $pair->{former_status} eq $arguments{status};
		refuse('SR005') if !$card->{overlap};
		@$card{qw(overlap former_status)} = (undef, $pair->{former_status});
		$pair->{former_status} = $arguments{status};
		return void;
	}
	refuse('SR005') if $card->{status} =~ $over || $card->{status} eq 'expired';
	$card->{former_status} = $card->{status} unless $card->{status} =~ $blocked;
	$card->{status} = $arguments{status};
	return void;
}

sub unblock_card
{
	my ($self, %arguments) = @_;
	my $card = $self->known_card($arguments{card});

	refuse('SR005') if $card->{status} =~ $over || $card->{status} eq 'expired';
	($card->{status}, $card->{former_status}) = ($card->{former_status}, undef)
	  if $card->{status} =~ $blocked;
	return void;
}

sub renew_card
{
	my ($self, %arguments) = @_;

	refuse('22023') if is_past($arguments{valid_until});
	my $card = $self->known_card($arguments{card});
	refuse('SR005') unless $card->{status} =~ /^(active|produced|suspended|expired)$/;
	($card->{status}, $card->{former_status}) = ($card->{former_status}, undef)
	  if $card->{status} eq 'expired';
	return void if ($card->{valid_until} // '') eq $arguments{valid_until};
	$card->{valid_until} = $arguments{valid_until};
	foreach my $app ($self->apps)
	{
		my $load = $self->loaded($arguments{card}, $app) // next;
		$self->tell('renewal', $arguments{card}, undef, $app, $load->{message})
		  unless $self->is_opted_out($arguments{card}, $app);
	}
	return void;
}

# Of cards that still are what they were when they were handed out
sub expire_cards
{
	my ($self) = @_;
	my @expired = grep { $_->{status} =~ $loadable && is_past($_->{valid_until}) } values %{ $self->{card} };

	@$_{qw(status former_status)} = ('expired', $_->{status}) foreach @expired;
	return [ scalar @expired ];
}

# No call: time goes by.
sub let_expire
{
	my ($self, %arguments) = @_;

	$self->{card}{ $arguments{card} }{valid_until} = $arguments{valid_until};
	return;
}

# The same for an overlap
sub let_overlap_end
{
	my ($self, %arguments) = @_;
	my $card = $self->{card}{ $arguments{card} };

	$card->{overlap} = 0 if $card->{overlap};
	return;
}

# Loads

# What stands against a load on a card, for who is not to be told all of it.
sub obstacle_to_load
{
	my ($self, $id) = @_;
	my $card = $self->{card}{$id};

	return 'unknown_card'
	  unless $card && ($self->by_operator || ($self->{method}{ $card->{platform_type} } // 0) != 2);
	return 'card_status' unless $self->works($id, $loadable);
	return;
}

sub permission
{
	my ($load) = @_;

	return [ $load->{message}, 't', undef, @$load{qw(inherits fee currency)}, truth($load->{substituted}) ];
}

# The examination that counts for a load: the newest that was made of it, or of a
# load whose place it took (E49).
sub examination
{
	my ($self, $load) = @_;
	my $newest;

	for (; $load; $load = defined $load->{inherits} ? $self->{load}{ $load->{inherits} } : undef)
	{
		my $examination = $load->{finding} // $load->{examination};
		$newest = $examination if !$newest || $examination->{number} > $newest->{number};
	}
	return $newest;
}

# The examination of the old card's load, if it can be substituted: it is positive,
# and the card for which it was made was to be valid for at least as long (E18).
sub substitute
{
	my ($self, $id, $app, $claim) = @_;

	return unless $claim && $self->{application}{$app}{examination} eq 'substitute';
	my $examination = $self->examination($self->{load}{ $claim->{message} });
	return unless $examination->{approved};
	return unless $self->end_of_validity($id) le $self->end_of_validity($examination->{card});
	return $examination;
}

sub examine
{
	my ($self, $id, $approved) = @_;

	return { number => ++$self->{examinations}, card => $id, approved => $approved };
}

# As text that sorts
sub end_of_validity { return $_[0]{card}{ $_[1] }{valid_until} // 'never' }

# The line of the tariff: kind and reason, price
sub price
{
	my ($self, $id, $app, $claim) = @_;
	my $price = $self->{application}{$app}{price} // {};
	my $reason = $claim ? $self->reason($claim->{old_card}, $id) : undef;

	return ('load', undef, $price->{load}) if !$claim;
	return ('reload', $reason, $price->{"reload $reason"}) if defined $reason && defined $price->{"reload $reason"};
	return ('reload', undef, $price->{reload});
}

# What a reload cost is given back when the reissue that it followed is withdrawn
# (E52).
sub refund
{
	my ($load) = @_;

	$load->{refunded} = 1 if $load->{tariff_kind} eq 'reload' && defined $load->{fee};
	return;
}

sub new_load
{
	my ($self, $id, $app) = @_;
	my $claim = $self->open_claim($id, $app);
	my $substitute = $self->substitute($id, $app, $claim);
	my ($kind, $reason, $fee) = $self->price($id, $app, $claim);
	my $provider = $self->provider_of($app);
	my $load = {
		message => join('/', $self->{issuer}, $provider, ++$self->{messages}),
		card => $id,
		app => $app,
		provider => $provider,
		status => 'permitted',
		inherits => $claim ? $claim->{message} : undef,
		tariff_kind => $kind,
		tariff_reason => $reason,
		fee => $fee,
		currency => defined $fee ? $self->{application}{$app}{currency} : undef,
		at_issue => $self->{card}{$id}{status} eq 'produced',
		substituted => defined $substitute,
		examination => $substitute // $self->examine($id, 1) };

	push @{ $self->{card}{$id}{loads}{$app} }, $load;
	$self->{load}{ $load->{message} } = $load;
	return $load;
}

sub permit_load
{
	my ($self, %arguments) = @_;
	my ($id, $app, $reload_of) = @arguments{qw(card app reload_of)};
	my $refused = sub {
		return [ undef, 'f', $self->by_operator ? $_[0] : 'refused', undef, undef, undef, 'f' ];
	};

	refuse('SR003') unless $self->{application}{$app};
	refuse('42501') unless $self->acts_for($self->provider_of($app));
	refuse('SR002') if $self->{suspended}{ $self->provider_of($app) };
	my $obstacle = $self->obstacle_to_load($id);
	refuse('SR004') if ($obstacle // '') eq 'unknown_card' && $self->by_operator;
	return $refused->($obstacle) if $obstacle;

	if (my $load = $self->loaded($id, $app))
	{
		return [ $load->{message}, 'f', 'already_loaded', undef, undef, undef, 'f' ];
	}
	my $permission = $self->permitted($id, $app);
	my $inherits = $permission ? $permission->{inherits} : ($self->open_claim($id, $app) // {})->{message};
	return $refused->('not_inherited')
	  if defined $reload_of && $reload_of ne ($inherits // '');
	$permission //= $self->new_load($id, $app);
	push @{ $self->{leaks} }, "$permission->{message} inherits, though opted out"
	  if defined $permission->{inherits} && $self->is_opted_out($id, $app);
	return permission($permission);
}

sub known_load
{
	my ($self, $message) = @_;
	my $load = $self->{load}{$message};
	my ($issuer, $provider) = split /\//, $message;

	refuse('42501') unless $self->acts_for($load ? $self->provider_of($load->{app}) : $provider);
	return $load // refuse('SR008');
}

sub confirm_load
{
	my ($self, %arguments) = @_;
	my $load = $self->known_load($arguments{message});
	my $succeeded = $arguments{succeeded} // 1;

	if ($load->{status} ne 'permitted')
	{
		refuse('SR009') if $succeeded != ($load->{was_loaded} // 0);
		return void;
	}
	if (!$succeeded)
	{
		$load->{status} = 'failed';
		return void;
	}

	$load->{status} = 'loaded';
	$load->{was_loaded} = 1;
	if (my $claim = $self->claim($load->{card}, $load->{app}))
	{
		$claim->{used} = 1;
		$self->supersede($claim->{message});
	}
	$self->supersede($load->{inherits});
	$self->pass_on($load);
	refund($load) if $self->{card}{ $load->{card} }{status} eq 'revoked';
	return void;
}

# A load confirmed late: the cards that stand for its card by now get it, up to
# one where the application has a history of its own.  To a card that got its
# place back that is only what is there now; one that is revoked gets nothing for
# itself.  The provider is told of the newest,
# and of one that was replaced by a card about which there are no notices.
sub pass_on
{
	my ($self, $load) = @_;
	my $app = $load->{app};
	my @heirs = $self->heirs($load->{card});
	my $old = $load->{card};
	my $hops = 0;
	my @told;

	foreach my $heir (@heirs)
	{
		my $is_newer = ($self->predecessor($heir) // '') eq $old;

		if ($is_newer ? $self->was_ever_loaded($heir, $app) : $self->loaded($heir, $app))
		{
			$self->supersede($load->{message});
			return;
		}
		$hops++;
		$self->entitle($heir, $app, $old, { message => $load->{message}, hops => $hops })
		  if $self->{card}{$heir}{status} ne 'revoked';
		push @told, [ $is_newer ? ('reissue', $heir, $old) : ('withdrawal', $old, $heir), $app, $load->{message} ]
		  if !$self->is_opted_out($heir, $app)
		  && ($hops == @heirs || $self->{card}{$heir}{status} eq 'replaced' && !$self->is_readable($heirs[$hops]));
		$old = $heir;
	}
	$self->tell(@$_) foreach @told;
	return;
}

# No card inherits what was removed.
sub confirm_unload
{
	my ($self, %arguments) = @_;
	my $load = $self->known_load($arguments{message});
	my $app = $load->{app};

	refuse('SR009') if $load->{status} =~ /^(permitted|failed)$/;
	return void if $load->{status} ne 'loaded';
	$load->{status} = 'unloaded';
	foreach my $heir (reverse $self->heirs($load->{card}))
	{
		my $claim = $self->claim($heir, $app) // next;

		next if $claim->{message} ne $load->{message};
		$self->disentitle($heir, $app);
		$self->tell('withdrawal', $heir, undef, $app, $load->{message})
		  unless $self->is_opted_out($heir, $app);
	}
	return void;
}

sub record_examination
{
	my ($self, %arguments) = @_;
	my $load = $self->known_load($arguments{message});

	$load->{finding} = $self->examine($load->{card}, $arguments{examination} =~ /true/ ? 1 : 0);
	return void;
}

# Reissue

sub open_request
{
	my ($self, $id) = @_;

	return (grep { $_->{status} =~ /^(pending|approved)$/ } @{ $self->{request}{$id} // [] })[0];
}

sub reissuable_card
{
	my ($self, $id) = @_;
	my $card = $self->known_card($id);

	refuse('SR006') if $card->{status} eq 'replaced';
	refuse('SR005') if $card->{status} eq 'revoked';
	return $card;
}

sub request_reissue
{
	my ($self, %arguments) = @_;
	my $id = $arguments{card};

	$self->reissuable_card($id);
	refuse('SR006') if $self->open_request($id);
	my $request = $self->judged_request($arguments{reason});
	push @{ $self->{request}{$id} }, $request;
	return [ @$request{qw(id status refusal)} ];
}

# A number once taken is not taken again, even if the call comes to nothing.
sub judged_request
{
	my ($self, $reason) = @_;
	my ($status, $refusal) = $self->{judge}->($reason);

	return { id => ++$self->{requests}, reason => $reason, status => $status, refusal => $refusal };
}

sub decide_reissue
{
	my ($self, %arguments) = @_;

	$self->known_card($arguments{card});
	my $request = $self->open_request($arguments{card}) // refuse('SR007');
	if ($arguments{approved})
	{
		$request->{status} = 'approved';
	}
	else
	{
		$request->{status} = $request->{status} eq 'pending' ? 'refused' : 'withdrawn';
		$request->{refusal} = $arguments{reason};
	}
	return void;
}

sub preview_reissue
{
	my ($self, %arguments) = @_;
	my $id = $arguments{card};
	my @rows;

	$self->reissuable_card($id);
	foreach my $app ($self->apps)
	{
		my $legacy = $self->legacy($id, $app) // next;
		my $delivery = $self->{delivery}{ $self->provider_of($app) };

		push @rows, [
			$self->provider_of($app), $app, $legacy->{message},
			$self->is_opted_out($id, $app) || $self->{suspended}{ $self->provider_of($app) } ? undef
			: $delivery ne 'on_request' && $self->is_readable($id) ? $delivery
			: 'inquiry' ];
	}
	return sort { "@$a[ 0, 1 ]" cmp "@$b[ 0, 1 ]" } @rows;
}

sub reissue_card
{
	my ($self, %arguments) = @_;
	my ($old, $new) = @arguments{qw(old_card new_card)};
	my ($entitlements, $notices) = (0, 0);

	refuse('22023') if $old eq $new;
	my $card = $self->reissuable_card($old);
	my $request = $self->open_request($old);
	refuse('SR007') unless $request && $request->{status} eq 'approved';
	if (defined $arguments{overlap})
	{
		refuse('22023') if $arguments{overlap} =~ /^-/ || $request->{reason} =~ /^(lost|stolen|compromised)$/;
		refuse('SR005') if $card->{status} ne 'active';
	}
	$self->make_card(
		id => $new,
		platform_type => $arguments{platform_type} // $card->{platform_type},
		holder_id => $card->{holder_id},
		valid_until => $arguments{valid_until},
		activate => $arguments{activate},
		opted_out => $card->{opted_out},
		opt_outs => { %{ $card->{opt_outs} // {} } },
		replaces => $old);

	@$request{qw(status new_card former_status)} = ('completed', $new, $card->{status});
	@$card{qw(status replaced_by overlap)} = ('replaced', $new, defined $arguments{overlap} ? 1 : undef);
	foreach my $app ($self->apps)
	{
		my $legacy = $self->legacy($old, $app) // next;

		$self->entitle($new, $app, $old, $legacy);
		$entitlements++;
		$notices += $self->tell('reissue', $new, $old, $app, $legacy->{message})
		  unless $self->is_opted_out($new, $app);
	}
	return [ $entitlements, $notices ];
}

# What single calls would write, in the order of the old cards; all or nothing
sub reissue_cards
{
	my ($self, %arguments) = @_;
	my ($olds, $news) = @arguments{qw(old_cards new_cards)};
	my (%new_of, %times, %request, @sums);

	@new_of{@$olds} = @$news;
	$times{$_}++ foreach @$olds, @$news;
	refuse('22023') if @$olds != @$news || grep { $_ > 1 } values %times;
	my @olds = sort keys %new_of;
	my @cards = map { $self->known_card($_) } @olds;
	refuse('SR006') if grep { $_->{status} eq 'replaced' } @cards;
	refuse('SR005') if grep { $_->{status} eq 'revoked' } @cards;
	$request{$_} = $self->open_request($_) // $self->judged_request($arguments{reason}) foreach @olds;
	refuse('SR007') if grep { $_->{status} ne 'approved' } values %request;
	refuse('23505') if grep { $self->{card}{$_} } @$news;
	foreach my $old (@olds)
	{
		my $open = $self->open_request($old);

		push @{ $self->{request}{$old} }, $request{$old} unless $open;
		my ($row) = $self->reissue_card(old_card => $old, new_card => $new_of{$old});
		$sums[$_] += $row->[$_] foreach 0, 1;
	}
	return [ scalar @olds, map { $_ // 0 } @sums[ 0, 1 ] ];
}

# E9, E10: the old card is back, as it was, with what the new one would have
# left to a card that replaces it, and with nothing else.
sub withdraw_reissue
{
	my ($self, %arguments) = @_;
	my $new = $arguments{new_card};
	my $card = $self->known_card($new);
	my $old = $self->predecessor($new);

	refuse('SR005') if $card->{status} =~ $over || !defined $old;
	$self->hand_back($new, $old);
	my $pair = $self->pair($old, $new);
	@{ $self->{card}{$old} }{qw(status replaced_by overlap)} = ($pair->{former_status}, undef, undef);
	$card->{status} = 'revoked';
	$_->{status} = 'withdrawn' foreach $pair, $self->open_request($new) // ();
	return void;
}

# What came from the old card it still has.  What was loaded on the new card, or
# handed back to that, is handed back to the old one.  What the new card would
# not leave to anybody, the application having been removed there or beyond, the
# old one may not reload either (E3).  So is the holder's choice who is not to be
# told.  The providers hear of the new card first; where there are no notices about
# that, of what the old card still has and they do not know.
sub hand_back
{
	my ($self, $new, $old) = @_;
	my @ended;

	$self->tell(@$_) foreach $self->choose($old, $self->{card}{$new});
	foreach my $app ($self->apps)
	{
		my $entitlement = $self->{entitlement}{$new}{$app} // { withdrawn => 1 };
		my $legacy = $self->legacy($new, $app);
		my $told = $legacy // ($entitlement->{withdrawn} ? undef : $entitlement);

		$self->tell('withdrawal', $new, $legacy ? $old : undef, $app, $told->{message})
		  if $told && !$self->is_opted_out($new, $app);
		if (!$legacy)
		{
			my $ended = $self->disentitle($old, $app);
			push @ended, [ $old, undef, $app, $ended->{message} ]
			  if $ended && !$self->is_opted_out($old, $app);
		}
		elsif (my $load = $self->loaded($new, $app))
		{
			$self->entitle($old, $app, $new, $legacy);
			refund($load);
		}
		elsif ($entitlement->{old_card} ne $old)
		{
			$self->entitle($old, $app, $new, $legacy);
		}
		$entitlement->{withdrawn} //= $self->{now};
	}
	foreach my $app ($self->is_readable($new) ? () : $self->apps)
	{
		my $claim = $self->open_claim($old, $app) // next;

		$self->tell($self->what_inherited($old, $app, $claim))
		  if ($self->word($self->provider_of($app), $old, $app) // '') ne $claim->{message};
	}
	$self->tell('withdrawal', @$_) foreach @ended;
	return;
}

# Contracts

sub known_provider
{
	my ($self, $provider) = @_;

	refuse('SR002') unless $self->{delivery}{$provider};
	return;
}

sub suspend_provider
{
	my ($self, %arguments) = @_;

	$self->known_provider($arguments{provider});
	$self->{suspended}{ $arguments{provider} } = 1;
	return void;
}

sub resume_provider
{
	my ($self, %arguments) = @_;

	$self->known_provider($arguments{provider});
	$self->tell_what_was_missed($arguments{provider})
	  if delete $self->{suspended}{ $arguments{provider} };
	return void;
}

# The test only changes how notices are delivered.
sub register_provider
{
	my ($self, %arguments) = @_;

	$self->{delivery}{ $arguments{provider} } = $arguments{delivery};
	$self->tell_what_was_missed($arguments{provider});
	return void;
}

# E14: rights and notices follow the application.
sub transfer_application
{
	my ($self, %arguments) = @_;
	my ($app, $provider) = @arguments{qw(app provider)};

	refuse('SR003') unless $self->{application}{$app};
	$self->known_provider($provider);
	return void if $self->provider_of($app) eq $provider;
	$self->{application}{$app}{provider} = $provider;
	$self->tell_what_was_missed($provider);
	return void;
}

# R30: what a provider believes and should not any more, and then what it does not
# know of the cards in use.  After that it is not mistaken, and there is no more to
# tell.
sub tell_what_was_missed
{
	my ($self, $provider) = @_;
	my $before = @{ $self->{notice}{$provider} };
	my %times;

	$self->tell('withdrawal', @$_) foreach $self->withdrawals_missed($provider);
	$self->tell(@$_) foreach $self->claims_missed($provider);
	my $notices = $self->{notice}{$provider};
	$times{"@$_{qw(kind new_card app message)}"}++ foreach @$notices[ $before .. $#$notices ];
	push @{ $self->{leaks} }, map { "$provider was told twice: $_" } grep { $times{$_} > 1 } keys %times;
	push @{ $self->{leaks} }, $self->mistakes($provider, $self->cards_in_use),
	  map { "$provider will be told again: @$_[ 0 .. 2 ]" } $self->gets_notices($provider)
	  ? ($self->withdrawals_missed($provider), $self->claims_missed($provider))
	  : ();
	return;
}

# A card that is in use again keeps what was loaded on it, and is known for; one that
# is revoked has lost what is live there, or what it is known for.  The old card is
# named where it has that.
sub withdrawals_missed
{
	my ($self, $provider) = @_;
	my @over = sort {
		($a->{withdrawn} // $a->{opted_out}) <=> ($b->{withdrawn} // $b->{opted_out})
		  || $b->{hops} <=> $a->{hops}
		  || "$a->{card} $a->{app}" cmp "$b->{card} $b->{app}"
	} grep { $self->is_over($provider, $_) } $self->entitlements_of($provider);

	return map {
		my ($card, $app) = @$_{qw(card app)};
		my $old = $self->{card}{$card}{replaces};
		my $load = $self->own_load($provider, $card, $app);
		$load = $self->loaded($card, $app) // $load
		  if $self->{card}{$card}{status} eq 'revoked' && !$_->{opted_out};
		my $message = ($load // $_)->{message};
		my $has_it = $_->{withdrawn} && defined $old
		  && $self->{card}{$old}{status} ne 'revoked'
		  && (($self->legacy($old, $app) // {})->{message} // '') eq $message;
		[ $card, $has_it ? $old : undef, $app, $message ]
	} @over;
}

# The provider believes in it, and should not any more.
sub is_over
{
	my ($self, $provider, $entitlement) = @_;
	my $told = $self->word($provider, @$entitlement{qw(card app)}) // return;

	return !$entitlement->{used} && $told eq $entitlement->{message} if $entitlement->{opted_out};
	return $entitlement->{withdrawn}
	  && ($self->{card}{ $entitlement->{card} }{status} eq 'revoked'
		|| !$self->own_load($provider, @$entitlement{qw(card app)}));
}

# The load of its own for which a provider knows a card
sub own_load
{
	my ($self, $provider, $card, $app) = @_;
	my $load = $self->{load}{ $self->word($provider, $card, $app) // '' };

	return $load && $load->{card} eq $card ? $load : undef;
}

sub claims_missed
{
	my ($self, $provider) = @_;
	my @missed = sort {
		$a->{granted} <=> $b->{granted} || "$a->{card} $a->{app}" cmp "$b->{card} $b->{app}"
	  }
	  grep { ($self->word($provider, @$_{qw(card app)}) // '') ne $_->{message} }
	  grep { $self->open_claim(@$_{qw(card app)}) }
	  grep { $self->is_readable($_->{card}) && $self->{card}{ $_->{card} }{status} !~ $over }
	  $self->entitlements_of($provider);

	return grep { $self->is_readable($_->[1]) } map { [ $self->what_inherited(@$_{qw(card app)}, $_) ] } @missed;
}

# With their cards and applications
sub entitlements_of
{
	my ($self, $provider) = @_;
	my $all = $self->{entitlement};
	my @apps = grep { $self->provider_of($_) eq $provider } $self->apps;

	return map {
		my $card = $_;
		map { { %{ $all->{$card}{$_} }, card => $card, app => $_ } } grep { $all->{$card}{$_} } @apps
	} keys %$all;
}

# Opt-out

# Takes over the choice of a card, and returns what to tell: of claims that are
# known and not to be any more, and of those that may be known again; of a card
# that was replaced only those that once were.
sub choose
{
	my ($self, $id, $choice, $was_replaced) = @_;
	my @to_tell;

	@{ $self->{card}{$id} }{qw(opted_out opt_outs)} = ($choice->{opted_out}, { %{ $choice->{opt_outs} // {} } });
	foreach my $app ($self->apps)
	{
		my $entitlement = $self->{entitlement}{$id}{$app} // next;
		my $is_out = $self->is_opted_out($id, $app) ? 1 : 0;
		my $message = $entitlement->{message};

		next if $is_out == ($entitlement->{opted_out} ? 1 : 0);
		$entitlement->{opted_out} = $is_out ? $self->{now} : undef;
		next if !$self->claim($id, $app);
		my $permission = $self->permitted($id, $app);
		$permission->{inherits} = $is_out ? undef : $message if $permission;
		my $provider = $self->provider_of($app);
		next if $is_out && ($self->word($provider, $id, $app) // '') ne $message;
		next if !$is_out && $was_replaced && !$self->was_told($provider, $id, $app);
		push @to_tell,
		    $is_out
		  ? [ 'withdrawal', $id, undef, $app, $message ]
		  : [ $self->what_inherited($id, $app, $entitlement) ];
	}
	return @to_tell;
}

# It holds for old cards in their overlap, too.  Of the newest card providers hear
# first what they may not know, and last what they may.
sub set_opt_out
{
	my ($self, %arguments) = @_;
	my ($id, $app, $opted_out) = @arguments{qw(card app opted_out)};
	my @to_tell;

	refuse('SR003') if defined $app && !$self->{application}{$app};
	my $card = $self->known_card($id);
	refuse('SR005') if $card->{status} =~ $over;
	if (defined $app)
	{
		$card->{opt_outs}{$app} = 1;
		delete $card->{opt_outs}{$app} if !$opted_out;
	}
	else
	{
		$card->{opted_out} = $opted_out;
	}
	for (my $older = $id; defined $older; $older = $self->predecessor($older))
	{
		next unless $older eq $id || $self->{card}{$older}{overlap};
		my @of_card = $self->choose($older, $card, $older ne $id);

		@to_tell = $opted_out ? (@to_tell, @of_card) : (@of_card, @to_tell);
	}
	$self->tell(@$_) foreach @to_tell;
	return void;
}

# Fig. 19
sub find_reissue
{
	my ($self, %arguments) = @_;
	my ($id, $app) = @arguments{qw(card app)};
	my $card = $self->{card}{$id};
	my $entitlement = $self->{entitlement}{$id}{$app};

	return [ 200, 'f', undef, undef ]
	  unless $entitlement
	  && !$entitlement->{withdrawn}
	  && !$entitlement->{opted_out}
	  && $self->works($id, qr/^active$/)
	  && $self->acts_for($self->provider_of($app))
	  && !$self->{suspended}{ $self->provider_of($app) }
	  && ($self->by_operator || $self->is_readable($id));
	my $old = $entitlement->{old_card};
	push @{ $self->{leaks} }, "$id is a reissued card, though opted out" if $self->is_opted_out($id, $app);
	return [
		$card->{platform_type}, 't', $entitlement->{message},
		$self->is_readable($old) ? $old : undef ];
}

# The state, as rows of text: of card, app_load, entitlement, reissue_request,
# notice or charge

sub rows
{
	my ($self, $table) = @_;
	my $rows = "${table}_rows";

	return sort map { row(@$_) } $self->$rows;
}

sub card_rows
{
	my ($self) = @_;

	return map {
		[ @$_{qw(id platform_type holder_id status former_status valid_until replaces replaced_by)},
			defined $_->{overlap} ? truth($_->{overlap}) : undef,
			truth($_->{opted_out}), join(',', sort keys %{ $_->{opt_outs} // {} }) ]
	} values %{ $self->{card} };
}

sub app_load_rows
{
	my ($self) = @_;

	return map {
		my $load = $_;
		[ @$load{qw(message card app provider status inherits tariff_kind tariff_reason fee currency)},
			$load->{examination}{card}, $load->{finding} && truth($load->{finding}{approved}),
			map { truth($load->{$_}) } qw(at_issue was_loaded substituted refunded) ]
	} values %{ $self->{load} };
}

# What providers owe, in each currency
sub charge_rows
{
	my ($self) = @_;
	my %due;

	foreach my $load (grep { $_->{was_loaded} && defined $_->{fee} } values %{ $self->{load} })
	{
		$due{"$load->{provider}|$load->{currency}"} += $load->{refunded} ? 0 : $load->{fee};
	}
	return map { [ split(/\|/, $_), $due{$_} ] } keys %due;
}

sub entitlement_rows
{
	my ($self) = @_;
	my @rows;

	while (my ($id, $entitlements) = each %{ $self->{entitlement} })
	{
		while (my ($app, $entitlement) = each %$entitlements)
		{
			push @rows, [ $id, $app, @$entitlement{qw(message old_card hops)},
				map { truth($entitlement->{$_}) } qw(used withdrawn opted_out) ];
		}
	}
	return @rows;
}

sub reissue_request_rows
{
	my ($self) = @_;

	return map {
		my $id = $_;
		map { [ $id, @$_{qw(id reason status refusal new_card former_status)} ] } @{ $self->{request}{$id} }
	} keys %{ $self->{request} };
}

sub notice_rows
{
	my ($self) = @_;

	return map { [ @$_{qw(provider no kind platform_type new_card old_card app message reason)} ] }
	  map { @$_ } values %{ $self->{notice} };
}

# Those words, by card and application
sub last_words { return $_[0]{words}{ $_[1] } // {} }

# What must hold whatever was called; what does not, in words.

sub contradictions
{
	my ($self) = @_;
	my @in_use = $self->cards_in_use;

	return (
		$self->misplaced_loads(@in_use),
		@{ $self->{leaks} // [] },
		map { $self->mistakes($_, @in_use) } sort keys %{ $self->{notice} });
}

sub cards_in_use
{
	my ($self) = @_;

	return grep { $self->{card}{$_}{status} !~ $over } sort keys %{ $self->{card} };
}

# A load that is live is on a card in use, or just one card in use may reload it,
# and nothing else may be reloaded.
sub misplaced_loads
{
	my ($self, @in_use) = @_;
	my (%left_by, @misplaced);

	foreach my $id (@in_use)
	{
		foreach my $legacy (map { $self->legacy($id, $_) } $self->apps)
		{
			push @{ $left_by{ $legacy->{message} } }, $id;
		}
	}
	foreach my $message (sort keys %{ $self->{load} })
	{
		my @left_by = @{ $left_by{$message} // [] };
		my $status = $self->{load}{$message}{status};

		push @misplaced, "$message is $status, and left by " . (join(', ', @left_by) || 'nobody')
		  if @left_by != ($status eq 'loaded' ? 1 : 0);
	}
	return @misplaced;
}

# A provider that gets notices knows what each of them may reload, and is not
# left in the belief that it might reload something else.  But it does not know
# what a card was handed back by another one whose id is not for it to read.
sub mistakes
{
	my ($self, $provider, @in_use) = @_;
	my $words = $self->last_words($provider);
	my @mistakes;

	return unless $self->gets_notices($provider);

	foreach my $app (grep { $self->provider_of($_) eq $provider } $self->apps)
	{
		foreach my $id (grep { $self->is_readable($_) } @in_use)
		{
			my $told = $words->{$id}{$app};
			my $legacy = $self->legacy($id, $app) // { message => 'nothing' };
			my $claim = $self->claim($id, $app);
			my $is_told = $claim
			  && !$claim->{opted_out}
			  && ($claim->{old_card} eq ($self->predecessor($id) // '') || $self->is_readable($claim->{old_card}));

			push @mistakes, "$provider believes that $id may reload $told"
			  if defined $told && $self->{load}{$told}{status} eq 'loaded' && $told ne $legacy->{message};
			push @mistakes, "$provider believes that $id may reload $told, though opted out"
			  if defined $told && $claim && $claim->{opted_out} && $claim->{message} eq $told;
			push @mistakes, "$provider does not know that $id may reload $claim->{message}"
			  if $is_told
			  && ($told // '') ne $claim->{message};
		}
	}
	return @mistakes;
}

1;
