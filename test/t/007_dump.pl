
# pg_dump and restore (E38): of an issuer and of a provider, into a fresh
# cluster, in text and in custom form: every row, view and publication, the
# rights on functions and views, triggers and their firing, and sequences that go on.

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
	CREATE ROLE shop LOGIN;
	CREATE ROLE clerk LOGIN;
	CREATE ROLE auditor LOGIN;
	SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro'),
	       card_issuer.register_provider('SHOP', 'Shop Points', 'shop', 'pull'),
	       card_issuer.grant_operator('clerk'), card_issuer.grant_auditor('auditor'),
	       card_issuer.register_application('D276AB0085CD01', 'METRO', 'season ticket', sha256('file'), 'substitute', '1 year'),
	       card_issuer.register_application('D276AC0001EF01', 'SHOP', 'points'),
	       card_issuer.set_tariff('D276AB0085CD01', 'reload', 5, 'JPY', 'lost'),
	       card_issuer.create_publication('METRO'), card_issuer.create_publication('SHOP');
	UPDATE screissue.status_move SET allowed = false WHERE subject = 'card' AND from_status = 'stolen' AND to_status = 'active';
	INSERT INTO screissue.platform (platform_type, card_os, method, id_check) VALUES (300, 'our own', 1, 'luhn');
	UPDATE screissue.platform SET card_os = 'FeliCa' WHERE platform_type = 100;
	SELECT card_issuer.issue_card('4111111111111111', 100, 'H1', current_date + 900, '0001'),
	       card_issuer.issue_card('0x0102030405060708', 200), card_issuer.issue_card('JE000000000012345', 999);
	SELECT card_issuer.confirm_load((card_issuer.permit_load('D276AB0085CD01', '4111111111111111')).message_id, true, '\xAABB');
	SELECT card_issuer.permit_load('D276AC0001EF01', '4111111111111111');
	SELECT card_issuer.set_opt_out('JE000000000012345', 'D276AC0001EF01', true), card_issuer.set_opt_out('0x0102030405060708', NULL, true);
	SELECT card_issuer.request_reissue('4111111111111111', 'damaged', 'counter 7');
	SELECT card_issuer.reissue_card('4111111111111111', '378282246310005', 300, overlap => '1 day')});
$metro->safe_psql('postgres', q{
	CREATE ROLE desk LOGIN;
	SELECT service_provider.register_issuer('BANKJP', 'Bank of Japan Point', 'bankjp'),
	       service_provider.grant_operator('desk'),
	       service_provider.register_application('D276AB0085CD01', 'season ticket'),
	       service_provider.accept_transfer('D276AB0085CD01', 'OLDTOWN'),
	       service_provider.set_tariff('D276AB0085CD01', 'load', 500, 'JPY'),
	       service_provider.record_load('BANKJP/METRO/1', 'D276AB0085CD01', '4111111111111111', 'user 1', ROW(true, 'known', '1 year'), '{"a": 1}', 100);
	SELECT service_provider.receive_notice('BANKJP', 'METRO', 1, 'reissue', 100, '378282246310005', '4111111111111111',
	                                       'D276AB0085CD01', 'BANKJP/METRO/1', 'lost', now(), 'file');
	SELECT service_provider.receive_notice('BANKJP', 'OTHER', 1, 'reissue', 100, 'X1', 'X2', 'D276AB0085CD01', 'BANKJP/METRO/1', 'lost', now(), 'file');
	SELECT service_provider.receive_notice('BANKJP', 'METRO', 1, 'reissue', 100, '378282246310005', '4111111111111111',
	                                       'D276AB0085CD01', 'BANKJP/METRO/1', 'lost', noted_at, 'paper')
	  FROM service_provider.reissue_notice});

# All there is in a database, one line for each fact.
sub facts
{
	my ($node, $database) = @_;

	return $node->safe_psql($database, q{
		CREATE FUNCTION pg_temp.facts() RETURNS SETOF text LANGUAGE plpgsql SET search_path = pg_catalog AS $$
		DECLARE
			relation record;
		BEGIN
			FOR relation IN
				SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name, c.relkind, c.relacl, c.reloptions, c.relreplident,
				       pg_get_userbyid(c.relowner) AS owner
				  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
				 WHERE n.nspname IN ('screissue', 'card_issuer', 'service_provider')
				 ORDER BY 2
			LOOP
				RETURN NEXT format('relation %s %s %s %s %s %s', relation.name, relation.relkind, relation.relacl,
					relation.reloptions, relation.relreplident, relation.owner);
				IF relation.relkind = 'r' THEN
					RETURN QUERY EXECUTE format('SELECT %L || x::text FROM %s x ORDER BY x::text', 'row ' || relation.name || ' ', relation.name);
				ELSIF relation.name = 'service_provider.intake' THEN -- it shows an age
					RETURN NEXT 'view ' || relation.name || ' ' || pg_get_viewdef(relation.oid);
				ELSIF relation.relkind = 'v' THEN
					RETURN NEXT 'view ' || relation.name || ' ' || pg_get_viewdef(relation.oid);
					RETURN QUERY EXECUTE format('SELECT %L || x::text FROM %s x ORDER BY x::text', 'row ' || relation.name || ' ', relation.name);
				ELSIF relation.relkind = 'S' THEN
					RETURN QUERY EXECUTE format('SELECT concat(%L, last_value, is_called) FROM %s', 'sequence ' || relation.name || ' ', relation.name);
				ELSIF relation.relkind = 'i' THEN
					RETURN NEXT 'index ' || pg_get_indexdef(relation.oid);
				END IF;
				RETURN QUERY SELECT format('column %s %s %s %s %s %s', relation.name, a.attname, format_type(a.atttypid, a.atttypmod),
					a.attnotnull, a.attidentity, pg_get_expr(d.adbin, d.adrelid))
				  FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
				 WHERE a.attrelid = relation.oid AND a.attnum > 0 AND relation.relkind IN ('r', 'v') ORDER BY a.attnum;
				RETURN QUERY SELECT format('constraint %s %s %s', relation.name, k.conname, pg_get_constraintdef(k.oid))
				  FROM pg_constraint k WHERE k.conrelid = relation.oid ORDER BY k.conname;
				RETURN QUERY SELECT format('trigger %s %s %s', relation.name, t.tgenabled, pg_get_triggerdef(t.oid))
				  FROM pg_trigger t WHERE t.tgrelid = relation.oid AND NOT t.tgisinternal ORDER BY t.tgname;
				RETURN QUERY SELECT format('comment %s %s %s', relation.name, d.objsubid, d.description)
				  FROM pg_description d WHERE d.objoid = relation.oid ORDER BY d.objsubid;
			END LOOP;
			RETURN QUERY SELECT format('function %s %s %s %s', p.oid::regprocedure, p.proconfig, p.prosecdef, a.acl)
			  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace,
			       LATERAL (SELECT string_agg(x::text, ' ' ORDER BY x::text) AS acl FROM unnest(p.proacl) x) a
			 WHERE n.nspname IN ('screissue', 'card_issuer', 'service_provider') ORDER BY 1;
			RETURN QUERY SELECT format('schema %s %s', n.nspname, a.acl)
			  FROM pg_namespace n, LATERAL (SELECT string_agg(x::text, ' ' ORDER BY x::text) AS acl FROM unnest(n.nspacl) x) a
			 WHERE n.nspname IN ('screissue', 'card_issuer', 'service_provider') ORDER BY 1;
			RETURN QUERY SELECT format('publication %s %s %s %s %s %s %s %s %s', p.pubname, p.pubinsert, p.pubupdate, p.pubdelete,
			       p.pubtruncate, t.schemaname, t.tablename, t.rowfilter, obj_description(p.oid, 'pg_publication'))
			  FROM pg_publication p LEFT JOIN pg_publication_tables t USING (pubname) ORDER BY 1;
			RETURN QUERY SELECT format('member %s', count(*)) FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
			 WHERE e.extname = 'screissue' AND d.deptype = 'e';
		END $$;
		SELECT * FROM pg_temp.facts()});
}

my $fresh = PostgreSQL::Test::Cluster->new('fresh');
$fresh->init(allows_streaming => 'logical');
$fresh->start;
my $dir = PostgreSQL::Test::Utils::tempdir;
# The superuser is there already; whatever the roles are, they come first.
foreach my $node ($bank, $metro)
{
	my $roles = "$dir/roles_" . $node->name . '.sql';
	$node->command_ok([ 'pg_dumpall', '--roles-only', '-f', $roles ], 'roles of ' . $node->name . ' are dumped');
	$fresh->psql('postgres', slurp_file($roles), on_error_stop => 0);
}

sub restore_text
{
	my ($node, $database) = @_;
	my $file = "$dir/$database.sql";

	$node->command_ok([ 'pg_dump', '-f', $file, 'postgres' ], "$database: dumped as text");
	$fresh->safe_psql('postgres', "CREATE DATABASE $database");
	$fresh->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-1', '-d', $database, '-f', $file ],
		"$database: restored without an error");
	return;
}

sub restore_custom
{
	my ($node, $database) = @_;
	my $file = "$dir/$database.dump";

	$node->command_ok([ 'pg_dump', '-Fc', '-f', $file, 'postgres' ], "$database: dumped in custom form");
	$fresh->safe_psql('postgres', "CREATE DATABASE $database");
	$fresh->command_ok([ 'pg_restore', '--exit-on-error', '-j', 2, '-d', $database, $file ],
		"$database: restored in parallel without an error");
	return;
}

my %before = (bank => facts($bank, 'postgres'), metro => facts($metro, 'postgres'));
like($before{bank}, qr/^row card_issuer\.entitlement(_\d)? .*378282246310005/m, 'E38: the facts of the issuer have its rows');
like($before{bank}, qr/^publication screissue_metro t f f f screissue notice .*METRO/m, 'E38: and its publications');
like($before{bank}, qr/^function .*reissue_card\S* .* clerk=X/m, 'E38: and the rights of its operator');
like($before{metro}, qr/^trigger screissue\.notice A /m, 'E38: the facts of the provider have the landing triggers');
like($before{metro}, qr/^row service_provider\.quarantined_notice/m, 'E38: and its rows');
like($before{metro}, qr/^row service_provider\.notice_arrival .*paper/m, 'E38: and its ledger');

restore_text($bank, 'bank_text');
restore_custom($bank, 'bank_custom');
restore_text($metro, 'metro_text');
restore_custom($metro, 'metro_custom');
foreach my $copy (qw(bank_text bank_custom metro_text metro_custom))
{
	my ($source) = $copy =~ /^([a-z]+)_/;
	my $after = facts($fresh, $copy);
	my %was = map { $_ => 1 } split /\n/, $before{$source};
	my %is = map { $_ => 1 } split /\n/, $after;
	is(join("\n", grep { !$is{$_} } sort keys %was), '', "E38: $copy: nothing is missing");
	is(join("\n", grep { !$was{$_} } sort keys %is), '', "E38: $copy: nothing is new");
}

# The restored databases work on.
foreach my $copy (qw(bank_text bank_custom))
{
	my $used = $bank->safe_psql('postgres', 'SELECT max(screissue.sequence(l.message_id)) FROM card_issuer.app_load l');
	is($fresh->safe_psql($copy, q{
			SELECT card_issuer.issue_card('CARD-X', 100);
			SET ROLE metro;
			SELECT p.permitted AND screissue.sequence(p.message_id) > } . $used . q{
			  FROM card_issuer.permit_load('D276AB0085CD01', 'CARD-X') p}),
		"\nt", "E38: $copy: the provider's role gets a message id that was not used before");
	is($fresh->safe_psql($copy, q{
			SET ROLE clerk;
			SELECT request_id > 1 FROM card_issuer.request_reissue('378282246310005', 'lost');
			SELECT notices FROM card_issuer.reissue_card('378282246310005', 'CARD-Y', 100)}),
		"t\n1", "E38: $copy: the operator's role reissues");
	is($fresh->safe_psql($copy, q{SELECT string_agg(n.notice_no::text, ' ') FROM card_issuer.fetch_notices('METRO', 0) n}),
		'1 2', "E38: $copy: the numbers of notices go on");
	my ($status, undef, $error) = $fresh->psql($copy, 'SET ROLE auditor; SELECT count(*) FROM card_issuer.card');
	like($error, qr/permission denied/, "E38: $copy: the auditor reads no table");
	is($fresh->safe_psql($copy, q{SELECT card_issuer.setup('BANKJP', 'Issuer BANKJP'); SELECT name FROM card_issuer.self}),
		"\nIssuer BANKJP", "E38: $copy: setup finds all in place");
	($status, undef, $error) = $fresh->psql($copy, 'DROP EXTENSION screissue');
	like($error, qr/other objects depend on it/, "E38: $copy: the extension is not dropped while there are tables");
}
foreach my $copy (qw(metro_text metro_custom))
{
	my $noted_at = $fresh->safe_psql($copy, 'SELECT n.noted_at FROM service_provider.reissue_notice n');
	is($fresh->safe_psql($copy, qq{
			SET ROLE desk;
			SELECT service_provider.receive_notice('BANKJP', 'METRO', 1, 'reissue', 100, '378282246310005', '4111111111111111',
			    'D276AB0085CD01', 'BANKJP/METRO/1', 'lost', '$noted_at', 'paper')}),
		'duplicate', "E38: $copy: the provider's operator works on, a notice received before is known");
	is($fresh->safe_psql($copy, q{SELECT service_provider.setup('METRO', 'Provider METRO'); SELECT company_id FROM service_provider.self}),
		"\nMETRO", "E38: $copy: setup finds all in place");
}

# A subscription to the restored issuer takes up where the old one stood.
$metro->safe_psql('postgres', sprintf(q{CREATE SUBSCRIPTION bankjp CONNECTION '%s dbname=bank_text' PUBLICATION screissue_metro},
		$fresh->connstr));
$metro->wait_for_subscription_sync($fresh, 'bankjp', 'postgres');
is($metro->safe_psql('postgres', q{SELECT string_agg(n.notice_no::text, ' ' ORDER BY n.notice_no) FROM service_provider.reissue_notice n}),
	'1 2', 'E38: the restored publication serves a subscription; what was received before is not doubled');

done_testing();
