
=pod

=head1 NAME

CardAttribute - card attributes made by the openssl command

=head1 SYNOPSIS

  use CardAttribute;

  my $attribute = seal('ecies-x25519', 27, $public_key, '4111111111111111/0123abcd');

=head1 DESCRIPTION

What a card does that knows the issuer's public key and nothing else, done
without any code of this project: ECIES Profile A and B of 3GPP TS 33.501 Annex
C.3.4, and RSA-OAEP with SHA-256 (R32).  A public key is the DER form that
card_issuer.encryption_key has.

=cut

package CardAttribute;

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256 sha256);
use Exporter 'import';
use File::Temp;
use IPC::Run ();

our @EXPORT = qw(seal attribute);

# The schemes: what makes an ephemeral key, how its public part is written, and
# how long that is.
my %ecies = (
	'ecies-x25519' => {
		genpkey => [ '-algorithm', 'X25519' ],
		form => [],
		length => 32
	},
	'ecies-p256' => {
		genpkey => [ '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256' ],
		form => [ '-ec_conv_form', 'compressed' ],
		length => 33
	});

# Runs an openssl command on bytes; returns the bytes that it prints.
sub openssl
{
	my ($input, @command) = @_;
	my ($output, $error) = ('', '');

	IPC::Run::run([ 'openssl', @command ], '<', \$input, '>', \$output, '2>', \$error)
	  or die "openssl @command: $error";
	return $output;
}

# A file with bytes, which lives as long as what is returned.
sub file_of
{
	my ($bytes) = @_;
	my $file = File::Temp->new;

	binmode $file;
	print $file $bytes;
	close $file;
	return $file;
}

# Annex C.3.4: ephemeral public key, AES-128-CTR of the plaintext, MAC of that.
# The key derivation is that of ANSI X9.63, its shared info the ephemeral key.
sub seal_ecies
{
	my ($scheme, $public_key, $plaintext) = @_;
	my $ephemeral = file_of(openssl('', 'genpkey', @{ $scheme->{genpkey} }));
	my $sent = substr(
		openssl('', 'pkey', '-in', "$ephemeral", '-pubout', '-outform', 'DER',
			@{ $scheme->{form} }),
		-$scheme->{length});
	my $shared = openssl('', 'pkeyutl', '-derive', '-inkey', "$ephemeral",
		'-peerform', 'DER', '-peerkey', file_of($public_key)->filename);
	my $derived = join '', map { sha256($shared . pack('N', $_) . $sent) } 1, 2;
	my ($key, $counter, $mac_key) = unpack 'a16 a16 a32', $derived;
	my $body = openssl($plaintext, 'enc', '-aes-128-ctr',
		'-K', unpack('H*', $key), '-iv', unpack('H*', $counter));

	return $sent . $body . substr(hmac_sha256($body, $mac_key), 0, 8);
}

sub seal_rsa
{
	my ($public_key, $plaintext) = @_;

	return openssl($plaintext, 'pkeyutl', '-encrypt', '-pubin', '-keyform', 'DER',
		'-inkey', file_of($public_key)->filename,
		map { ('-pkeyopt', $_) } 'rsa_padding_mode:oaep', 'rsa_oaep_md:sha256',
		'rsa_mgf1_md:sha256');
}

# An attribute in its text form.
sub attribute
{
	my ($scheme, $key_id, $ciphertext) = @_;

	return "$scheme:$key_id:" . unpack('H*', $ciphertext);
}

# The attribute that carries a plaintext to the holder of the private key.
sub seal
{
	my ($scheme, $key_id, $public_key, $plaintext) = @_;

	return attribute($scheme, $key_id,
		$ecies{$scheme}
		? seal_ecies($ecies{$scheme}, $public_key, $plaintext)
		: seal_rsa($public_key, $plaintext));
}

1;
