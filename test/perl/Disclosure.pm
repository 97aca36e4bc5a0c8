
=pod

=head1 NAME

Disclosure - what must not be found in logs, tables and files

=head1 SYNOPSIS

  use Disclosure;

  my $secret = pattern(map { images($_) } '4539578763621486', '0x04A22B6C3D5E80');
  absent(slurp_file($node->logfile), $secret, 'R35: the log has no card id');
  my $private = pattern(private_parts("$keys/1.pem"));

=cut

package Disclosure;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(images pattern absent private_parts);

# All forms in which an id may lie about: as text, grouped, and as the bytes
# that the type stores.
sub images
{
	my ($id) = @_;
	my ($hex) = $id =~ /^0x(.*)/;
	my @texts = $id =~ /^\d+$/
	  ? ($id, join('-', $id =~ /(\d{4})/g), join(' ', $id =~ /(\d{4})/g))
	  : defined $hex ? (uc $hex, lc $hex)
	  : (uc $id, lc $id);

	return (@texts, $id =~ /^\d+$/ ? pack('H*', $id) : defined $hex ? pack('H*', $hex) : (),
		map { unpack 'H*', $_ } @texts);
}

sub pattern
{
	my $pattern = join '|', map { quotemeta } @_;

	return qr/$pattern/;
}

# Tests that a pattern is not found; of a long text only the place is shown.
sub absent
{
	my ($text, $pattern, $name) = @_;

	ok($text !~ $pattern, $name) or diag '... ' . substr($text, $-[0] < 600 ? 0 : $-[0] - 600, 900);
	return;
}

# The private parts of a key: lines of its file, and the number itself.
sub private_parts
{
	my ($file) = @_;
	my @lines = grep { !/^-/ } split /\n/, slurp_file($file);
	my ($der) = run_command([ 'openssl', 'pkey', '-in', $file, '-text', '-noout' ]);
	my ($number) = $der =~ /^priv(?:ateExponent)?:\n((?:\s+[0-9a-f:]+\n)+)/m;
	$number =~ s/[\s:]//g;

	return (@lines, $number, pack 'H*', $number);
}

1;
