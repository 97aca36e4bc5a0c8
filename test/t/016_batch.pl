
# Batches of reissues (requirements 6: a breach): chunk by chunk, items at fault
# put on record, several sessions on one batch, a crash and a cancel in the
# middle, and a limit to the pace.  What a batch writes is what reissue_cards
# writes, which test/pgtap/issuer_mass_reissue.sql compares with single calls.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Screissue;
use Test::More;

my $bank = start_issuer('bank', 'BANKJP', restart_after_crash => 'on');

# The operator, unlike us, has no operators of the types in its path.
sub sql { return $bank->safe_psql('postgres', "SET search_path = screissue, public; $_[0]") }
sub clerk { return $bank->safe_psql('postgres', $_[0], extra_params => [ '-U', 'clerk' ]) }

sql(q{
	CREATE ROLE metro;
	CREATE ROLE clerk LOGIN;
	SELECT card_issuer.grant_operator('clerk');
	SELECT card_issuer.register_provider('METRO', 'Metro Transit', 'metro', 'pull'),
	       card_issuer.register_application('D276AB0085CD01', 'METRO', 'season ticket');
	CREATE FUNCTION make_cards(name text, cards integer) RETURNS void LANGUAGE sql AS $$
		SELECT card_issuer.issue_card((name || n)::screissue.card_id, 100) FROM generate_series(1, cards) n;
		SELECT card_issuer.confirm_load(p.message_id)
		  FROM generate_series(1, cards) n,
		       card_issuer.permit_load('D276AB0085CD01', (name || n)::screissue.card_id) p;
	$$});

# A batch that replaces NAME1, NAME2 ... by NAME1N, NAME2N ...; its number.
sub make_batch
{
	my ($name, $cards) = @_;

	sql("SELECT make_cards('$name', $cards)");
	my $batch = clerk("INSERT INTO card_issuer.reissue_batch (reason, name) VALUES ('compromised', '$name') RETURNING batch_id");
	$bank->safe_psql('postgres', "COPY card_issuer.reissue_batch_item (batch_id, old_card_id, new_card_id) FROM STDIN;\n"
		  . join('', map { "$batch\t$name$_\t$name${_}N\n" } 1 .. $cards) . "\\.\n",
		extra_params => [ '-U', 'clerk' ]);
	return $batch;
}

sub progress
{
	return sql("SELECT items, done, failed, waiting FROM card_issuer.batch_progress WHERE batch_id = $_[0]");
}

sub replaced
{
	return sql("SELECT count(*) FROM card_issuer.card c WHERE c.card_id::text ~ '^$_[0]\\d+\$' AND c.status = 'replaced'");
}

# SQLSTATE of a command of the clerk's that fails.
sub state_of
{
	my ($status, $out, $err) = $bank->psql('postgres', "\\set VERBOSITY sqlstate\n$_[0]", extra_params => [ '-U', 'clerk' ]);

	return $err =~ /ERROR:  (\w{5})/ ? $1 : "none: $err";
}

# The whole way.
my $batch = make_batch('PLAIN', 250);
is(progress($batch), '250|0|0|250', 'a batch before it runs');
my ($status, $out, $err) = $bank->psql('postgres', "CALL card_issuer.run_reissue_batch($batch, chunk => 100)",
	extra_params => [ '-U', 'clerk' ]);
is($status, 0, 'an operator runs it');
is_deeply([ $err =~ /batch \d+: (\d+ cards reissued, \d+ failed)/g ],
	[ '100 cards reissued, 0 failed', '200 cards reissued, 0 failed', '250 cards reissued, 0 failed' ], 'it says how far it is');
is(progress($batch), '250|250|0|0', 'all is done');
is(replaced('PLAIN'), 250, 'R17: the cards are replaced');
is(sql("SELECT count(*), max(notice_no) FROM screissue.notice"), '250|250', 'R19: the provider is told');
is(sql("SELECT rate > 0, estimated_end IS NULL FROM card_issuer.batch_progress WHERE batch_id = $batch"), 't|t', 'at what pace');
clerk("CALL card_issuer.run_reissue_batch($batch)");
is(progress($batch), '250|250|0|0', 'run again it does nothing');

# Items at fault are put on record, the others go on.
$batch = make_batch('FAULT', 40);
sql("SELECT card_issuer.issue_card('TAKEN', 100);
     SELECT card_issuer.block_card('FAULT7', 'lost'), card_issuer.request_reissue('FAULT8', 'lost');
     UPDATE card_issuer.reissue_request SET status = 'pending' WHERE old_card_id = 'FAULT8';
     UPDATE card_issuer.reissue_batch_item SET new_card_id = 'TAKEN' WHERE old_card_id = 'FAULT9'");
clerk("INSERT INTO card_issuer.reissue_batch_item (batch_id, old_card_id, new_card_id) VALUES
       ($batch, 'NOSUCH', 'NOSUCHN'), ($batch, 'FAULT3', 'FAULT3M'), ($batch, 'FAULT4N', 'FAULT4NN')");
clerk("CALL card_issuer.run_reissue_batch($batch, chunk => 16)");
is(progress($batch), '43|38|5|0', 'all but the items at fault are done');
is(sql("SELECT string_agg(format('%s %s', i.old_card_id, i.failure_state), ', ' ORDER BY i.item_no)
          FROM card_issuer.reissue_batch_item i WHERE i.batch_id = $batch AND i.failure_state IS NOT NULL"),
	'FAULT8 SR007, FAULT9 23505, NOSUCH SR004, FAULT3 SR006, FAULT4N 22023', 'which items, and why');
is(sql("SELECT count(*) FROM card_issuer.batch_failure f WHERE f.batch_id = $batch AND f.failure ~ 'FAULT' OR f.old_card_id ~ 'NOSUCH'"), 0,
	'E60: no card id in what an auditor reads');
is(sql("SELECT status FROM card_issuer.card WHERE card_id IN ('FAULT4', 'FAULT4N') ORDER BY card_id"), "replaced\nactive",
	'of a chain within a batch the first card is reissued');
is(replaced('FAULT'), 38, 'no more and no less than that');

# Bad input.
is(state_of('CALL card_issuer.run_reissue_batch(4242)'), '22023', 'unknown batch');
is(state_of('CALL card_issuer.run_reissue_batch(NULL)'), '22023', 'no batch');
is(state_of("CALL card_issuer.run_reissue_batch($batch, 0)"), '22023', 'empty chunks');
is(state_of("CALL card_issuer.run_reissue_batch($batch, 10, 0)"), '22023', 'no pace at all');
is(state_of("BEGIN; CALL card_issuer.run_reissue_batch($batch)"), '2D000', 'inside a transaction');
is(state_of("INSERT INTO card_issuer.reissue_batch (reason, done) VALUES ('lost', 5)"), '42501', 'an operator cannot write what is counted');
is(state_of("UPDATE card_issuer.reissue_batch_item SET finished_at = now()"), '42501', 'nor what is finished');
is(state_of("INSERT INTO card_issuer.reissue_batch_item (batch_id, old_card_id, new_card_id) VALUES (4242, 'A', 'B')"), '23503', 'items of no batch');
is(state_of("INSERT INTO card_issuer.reissue_batch_item (batch_id, old_card_id, new_card_id) VALUES ($batch, 'A', '4!1')"), '22P02', 'no card id');
my $empty = clerk("INSERT INTO card_issuer.reissue_batch (reason) VALUES ('lost') RETURNING batch_id");
clerk("CALL card_issuer.run_reissue_batch($empty)");
is(progress($empty), '0|0|0|0', 'an empty batch');

# By steps of one's own: in the order of the old cards, a card that is there
# twice, and what came in front meanwhile, too.
$batch = make_batch('STEP', 4);
clerk("INSERT INTO card_issuer.reissue_batch_item (batch_id, old_card_id, new_card_id) VALUES ($batch, 'STEP2', 'STEP2M')");
sub chunk_from { return clerk("SELECT * FROM card_issuer.run_reissue_chunk($batch, $_[0], 2)") }
is(chunk_from('NULL'), 'STEP2|2|0', 'a chunk from the first card on');
is(chunk_from("'STEP2'"), 'STEP3|1|1', 'from a card on, which is included');
clerk("INSERT INTO card_issuer.reissue_batch_item (batch_id, old_card_id, new_card_id) VALUES ($batch, 'STEP1', 'STEP1M')");
is(chunk_from("'STEP3'"), 'STEP4|1|0', 'the last of them');
is(chunk_from("'STEP4'"), '|0|0', 'no more of them');
is(chunk_from('NULL'), 'STEP1|0|1', 'from the first on once more');
is(progress($batch), '6|4|2|0', 'all is done');

# A batch that was just filled has no statistics, and neither have tables that it
# fills: still every card is looked up by its id, and nothing is compared with all
# the rest.
$batch = make_batch('PLAN', 20);
sub plans_of
{
	my ($status, $out, $err) = $bank->psql('postgres', "
		LOAD 'auto_explain';
		SET auto_explain.log_min_duration = 0;
		SET auto_explain.log_nested_statements = on;
		SET client_min_messages = log;
		$_[0]");

	return $err;
}
my $begin = plans_of("SELECT card_issuer.begin_reissue_batch($batch, 10, NULL)");
my $chunk = plans_of("SELECT card_issuer.run_reissue_chunk($batch, NULL, 10)");
like($begin, qr/(Hash|Merge) Semi Join/, 'the search for chains joins the items once');
unlike($begin, qr/Nested Loop Semi Join/, 'and not each with each');
like($chunk, qr/Index Scan using reissue_batch_item_pkey on reissue_batch_item w/, 'items are taken from the index');
unlike($chunk, qr/Seq Scan on (card|reissue_request|app_load|entitlement|opt_out|reissue_batch_item)\b/,
	'cards are looked up by their ids');
unlike($chunk, qr/Sort Key: w\./, 'no chunk sorts what waits');

# Several sessions share a batch.
$batch = make_batch('SHARED', 600);
my @sessions = map {
	my %session = (out => '', err => '');
	$session{run} = IPC::Run::start(
		[ 'psql', '-XqAt', '-U', 'clerk', '-d', $bank->connstr('postgres'), '-c', "CALL card_issuer.run_reissue_batch($batch, chunk => 5)" ],
		'<', \undef, '>', \$session{out}, '2>', \$session{err});
	\%session
} 1 .. 3;
ok($_->{run}->finish, 'a session runs it beside others') for @sessions;
is(progress($batch), '600|600|0|0', 'together they have done all of it');
is(replaced('SHARED'), 600, 'each card once');
my $shares = grep { $_->{err} =~ /cards reissued/ } @sessions;
cmp_ok($shares, '>', 1, "$shares of three sessions had a share");

# A cancel: what was committed stays, the rest is left, and the next run ends it.
$batch = make_batch('CANCEL', 200);
is(state_of("SET statement_timeout = '1s'; CALL card_issuer.run_reissue_batch($batch, chunk => 20, max_per_second => 40)"), '57014',
	'a run is cancelled');
my ($items, $done, $failed, $waiting) = split /\|/, progress($batch);
cmp_ok($done, '>=', 20, "some is done: $done");
cmp_ok($done, '<=', 80, 'no more than the pace allows');
is("$done", replaced('CANCEL'), 'as many cards are replaced');
is($done % 20, 0, 'whole chunks');
clerk("CALL card_issuer.run_reissue_batch($batch)");
is(progress($batch), '200|200|0|0', 'the next run ends it');

# A crash in the middle.
$batch = make_batch('CRASH', 3000);
my ($stdout, $stderr) = ('', '');
my $run = IPC::Run::start(
	[ 'psql', '-XqAt', '-d', $bank->connstr('postgres'), '-c', "CALL card_issuer.run_reissue_batch($batch, chunk => 50)" ],
	'<', \undef, '>', \$stdout, '2>', \$stderr, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
$run->pump until $stderr =~ /batch \d+: [1-9]\d+ cards/;
my $backend = sql("SELECT pid FROM pg_stat_activity WHERE query LIKE 'CALL card_issuer.run%'");
my $log_offset = -s $bank->logfile;
kill 'KILL', $backend;
$run->finish;
# Until it has noticed, the server still takes connections, and then drops them.
$bank->wait_for_log(qr/all server processes terminated; reinitializing/, $log_offset);
$bank->poll_query_until('postgres', 'SELECT true') or die 'the server does not come back';
($items, $done, $failed, $waiting) = split /\|/, progress($batch);
cmp_ok($waiting, '>', 0, "E35: the crash came in the middle: $done of $items are done");
is($done, replaced('CRASH'), 'E35: nothing is half done: as many cards are replaced');
is(sql("SELECT count(*) FROM card_issuer.card WHERE card_id::text ~ '^CRASH\\d+N\$'"), $done, 'E35: and issued');
is(sql("SELECT max(notice_no) = count(*) FROM screissue.notice"), 't', 'E35: the numbers of notices are dense');
clerk("CALL card_issuer.run_reissue_batch($batch)");
is(progress($batch), '3000|3000|0|0', 'E35: the next run ends it');
is(replaced('CRASH'), 3000, 'E35: each card once');

# A batch that is cancelled for good.
$batch = make_batch('STOP', 10);
clerk("SELECT card_issuer.cancel_reissue_batch($batch)");
is(state_of("CALL card_issuer.run_reissue_batch($batch)"), '55000', 'a batch that was cancelled does not run');
is(progress($batch), '10|0|0|10', 'nor has it done anything');

done_testing();
