
# setup() inside the script of another extension is refused (doc/design.md, Shape):
# its tables would become members of that extension.  After the script it works.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;

my $node = start_cluster('node');
my ($share, undef) = run_command([ 'pg_config', '--sharedir' ]);
my $directory = "$share/extension";
plan skip_all => "$directory cannot be written" unless -w $directory;

my %script = (
	regress_screissue_issuer => q{SELECT card_issuer.setup('BANKJP', 'Bank');},
	regress_screissue_provider => q{DO $$ BEGIN PERFORM service_provider.setup('METRO', 'Metro'); END $$;},
	regress_screissue_hidden => q{
		CREATE FUNCTION public.make_tables() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
		AS $$ BEGIN PERFORM card_issuer.setup('BANKJP', 'Bank'); END $$;
		CREATE TABLE public.trigger_here (x integer DEFAULT 1);
		SELECT public.make_tables();});

foreach my $name (sort keys %script)
{
	append_to_file("$directory/$name.control", "default_version = '1'\nrelocatable = false\n");
	append_to_file("$directory/$name--1.sql", "$script{$name}\n");
	append_to_file("$directory/$name--1--2.sql", "$script{$name}\n");
	append_to_file("$directory/$name--0.sql", "SELECT 1;\n");
	append_to_file("$directory/$name--0--1.sql", "$script{$name}\n");
}

foreach my $name (sort keys %script)
{
	my ($status, undef, $error) = $node->psql('postgres', "\\set VERBOSITY verbose\nCREATE EXTENSION $name");
	like($error, qr/ERROR:  55000: setup cannot run inside an extension script/, "setup is refused in CREATE EXTENSION $name");
	like($error, qr/HINT:  \S.*\.$/m, "and a hint says what to do");

	$node->safe_psql('postgres', "CREATE EXTENSION $name VERSION '0'");
	($status, undef, $error) = $node->psql('postgres', "\\set VERBOSITY verbose\nALTER EXTENSION $name UPDATE TO '1'");
	like($error, qr/ERROR:  55000: /, "and in ALTER EXTENSION $name UPDATE");
	$node->safe_psql('postgres', "DROP EXTENSION $name");
}
is($node->safe_psql('postgres', q{
		SELECT count(*) FROM pg_class c
		 WHERE c.relnamespace IN ('screissue'::regnamespace, 'card_issuer'::regnamespace, 'service_provider'::regnamespace)
		   AND c.relkind <> 'c'}),
	0, 'none of them left a table');

is($node->safe_psql('postgres', q{
		SELECT card_issuer.setup('BANKJP', 'Bank');
		SELECT count(*) FROM pg_depend d
		 WHERE d.deptype = 'e' AND d.classid = 'pg_class'::regclass AND d.objid = 'card_issuer.card'::regclass}),
	"\n0", 'after the script it works, and its tables are no members');

foreach my $name (sort keys %script)
{
	unlink "$directory/$name.control", glob("$directory/$name--*.sql");
}
done_testing();
