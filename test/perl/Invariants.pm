
=pod

=head1 NAME

Invariants - what holds of a card issuer's tables, whatever was called

=head1 SYNOPSIS

  use Invariants;

  my @invariants = (invariants(), ledger_invariants());
  my @violations = violations($node, @invariants);
  is($violations[$_], '', $invariants[$_]{name}) foreach 0 .. $#invariants;
  isnt(broken($node, $_), '', "and it would be noticed: not $_->{name}") foreach @invariants;

=head1 DESCRIPTION

An invariant is a query that finds no row, and a change by a superuser after which
it finds some: what no constraint holds by itself is to be seen in the tables.  The
queries go by the rows and not by the indexes, which a crash might have left behind.
They hold for issuers where nobody opted out and no application was transferred,
which may be reasons to tell the same again.

Those about a ledger compare the tables with what clients know of their own calls,
B<ledger.fact>: one row for each thing that a call did, acknowledged is false where
the answer never came.  create_ledger() makes the table.

=cut

package Invariants;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT = qw(invariants ledger_invariants create_ledger violations broken);

# What no index may answer; the search path for the operators of our types.
my $settings = q{
	SET search_path = public, screissue;
	SET enable_indexscan = off;
	SET enable_indexonlyscan = off;
	SET enable_bitmapscan = off;
	SET jit = off;
};

# What a provider was told last about each card and application; the load that the
# card may reload, or NULL: none any more.  A withdrawal is also about the old card.
my $last_word = q{
	last_word AS (
		SELECT DISTINCT ON (w.card_id, w.app_id) w.*
		  FROM (SELECT n.provider, n.new_card_id AS card_id, n.app_id, n.notice_no,
		               CASE n.kind WHEN 'reissue' THEN n.message_id END AS message_id
		          FROM screissue.notice n
		         WHERE n.kind IN ('reissue', 'withdrawal')
		         UNION ALL
		        SELECT n.provider, n.old_card_id, n.app_id, n.notice_no, n.message_id
		          FROM screissue.notice n
		         WHERE n.kind = 'withdrawal' AND n.old_card_id IS NOT NULL) w
		 ORDER BY w.card_id, w.app_id, w.notice_no DESC)};

# The first card of the chain that each card belongs to
my $chain = q{
	RECURSIVE chain (card_id, first_card_id) AS (
		SELECT c.card_id, c.card_id FROM card_issuer.card c WHERE c.replaces IS NULL
		 UNION ALL
		SELECT c.card_id, h.first_card_id
		  FROM chain h JOIN card_issuer.card c ON c.replaces = h.card_id)};

sub invariants
{
	return (
		{
			name => 'each old card is replaced once',
			query => q{
				SELECT c.replaces
				  FROM card_issuer.card c
				 WHERE c.replaces IS NOT NULL AND c.status <> 'revoked'
				 GROUP BY c.replaces
				HAVING count(*) > 1
				 UNION ALL
				SELECT r.old_card_id
				  FROM card_issuer.reissue_request r
				 WHERE r.status = 'completed'
				 GROUP BY r.old_card_id
				HAVING count(*) > 1},
			break => q{
				INSERT INTO card_issuer.card (card_id, platform_type, status, issued_at, replaces)
				SELECT 'STRAY', c.platform_type, 'active', now(), c.replaces
				  FROM card_issuer.card c WHERE c.replaces IS NOT NULL AND c.status <> 'revoked' LIMIT 1}
		},
		{
			name => 'the two cards of a pair name each other',
			query => q{
				SELECT c.card_id, 'its new card'
				  FROM card_issuer.card c
				  LEFT JOIN card_issuer.card n ON n.card_id = c.replaced_by
				 WHERE (c.status = 'replaced' OR c.replaced_by IS NOT NULL)
				   AND (c.status = 'replaced' AND n.replaces = c.card_id AND n.status <> 'revoked') IS NOT TRUE
				 UNION ALL
				SELECT c.card_id, 'its old card'
				  FROM card_issuer.card c
				  LEFT JOIN card_issuer.card o ON o.card_id = c.replaces
				 WHERE (c.replaces IS NOT NULL AND c.status <> 'revoked' AND (o.replaced_by = c.card_id) IS NOT TRUE)
				    OR (c.status = 'revoked' AND (o.replaced_by <> c.card_id OR o.replaced_by IS NULL AND o.card_id IS NOT NULL) IS NOT TRUE)},
			break => q{
				UPDATE card_issuer.card c SET replaces = NULL
				 WHERE c.card_id = (SELECT o.replaced_by FROM card_issuer.card o WHERE o.replaced_by IS NOT NULL LIMIT 1)}
		},
		{
			name => 'one live load of an application on a card',
			query => q{
				SELECT l.card_id, l.app_id
				  FROM card_issuer.app_load l
				 WHERE l.status IN ('permitted', 'loaded')
				 GROUP BY l.card_id, l.app_id
				HAVING count(*) > 1},
			break => q{
				DROP INDEX card_issuer.app_load_live_key;
				INSERT INTO card_issuer.app_load
				       (card_id, message_id, app_id, provider, status, tariff_kind, at_issue, permitted_at)
				SELECT l.card_id, 'BANKJP/METRO/999999999', l.app_id, l.provider, 'permitted', 'load', false, now()
				  FROM card_issuer.app_load l WHERE l.status = 'loaded' LIMIT 1}
		},
		{
			name => 'one load of an application in a chain of cards',
			query => qq{
				WITH $chain
				SELECT h.first_card_id, l.app_id
				  FROM chain h
				  JOIN card_issuer.app_load l ON l.card_id = h.card_id
				 WHERE l.status = 'loaded'
				 GROUP BY h.first_card_id, l.app_id
				HAVING count(*) > 1},
			break => q{
				UPDATE card_issuer.app_load l SET status = 'loaded', ended_at = NULL
				 WHERE l.status IN ('superseded', 'unloaded')
				   AND l.message_id IN (SELECT DISTINCT ON (o.card_id, o.app_id) o.message_id
				                          FROM card_issuer.app_load o
				                         WHERE o.status <> 'failed'
				                         ORDER BY o.card_id, o.app_id, o.status IN ('permitted', 'loaded') DESC)}
		},
		{
			name => 'each live load is on one card in use, or one may reload it, and nothing else',
			query => q{
				SELECT l.message_id, l.status::text, count(i.card_id)
				  FROM card_issuer.app_load l
				  LEFT JOIN (card_issuer.inheritable_load i
				             JOIN card_issuer.card c ON c.card_id = i.card_id AND c.status NOT IN ('replaced', 'revoked'))
				    ON i.message_id = l.message_id AND i.app_id = l.app_id
				 GROUP BY l.message_id, l.status
				HAVING count(i.card_id) <> (l.status = 'loaded')::integer
				 UNION ALL
				SELECT e.message_id, 'of none, or of a revoked card', 1
				  FROM card_issuer.entitlement e
				  LEFT JOIN card_issuer.app_load l ON l.message_id = e.message_id AND l.app_id = e.app_id
				  LEFT JOIN card_issuer.card c ON c.card_id = e.card_id
				 WHERE l.message_id IS NULL
				    OR c.status = 'revoked' AND e.withdrawn_at IS NULL},
			break => q{UPDATE card_issuer.entitlement e SET withdrawn_at = now() WHERE e.used_at IS NULL},
			other_breaks => [
				q{UPDATE card_issuer.entitlement e SET withdrawn_at = NULL WHERE e.withdrawn_at IS NOT NULL},
				q{UPDATE card_issuer.app_load l SET status = 'unloaded' WHERE l.status = 'loaded'} ]
		},
		{
			name => 'each entitlement that is used is cited by exactly one load',
			query => q{
				SELECT e.card_id, e.app_id, count(l.message_id)
				  FROM card_issuer.entitlement e
				  LEFT JOIN card_issuer.app_load l
				    ON l.card_id = e.card_id AND l.app_id = e.app_id
				   AND l.inherits = e.message_id AND l.loaded_at IS NOT NULL
				 WHERE e.used_at IS NOT NULL
				 GROUP BY e.card_id, e.app_id
				HAVING count(l.message_id) <> 1},
			break => q{
				UPDATE card_issuer.entitlement e SET used_at = now(), withdrawn_at = NULL
				 WHERE e.used_at IS NULL}
		},
		{
			name => 'no load is inherited by two live ones, or live beside its heir',
			query => q{
				SELECT l.inherits, 'by two'
				  FROM card_issuer.app_load l
				 WHERE l.status = 'loaded'
				 GROUP BY l.inherits
				HAVING count(*) > 1 AND l.inherits IS NOT NULL
				 UNION ALL
				SELECT l.inherits, 'not superseded'
				  FROM card_issuer.app_load l
				  JOIN card_issuer.card c ON c.card_id = l.card_id AND c.status <> 'revoked'
				  LEFT JOIN card_issuer.app_load o ON o.message_id = l.inherits AND o.app_id = l.app_id
				 WHERE l.inherits IS NOT NULL AND l.loaded_at IS NOT NULL
				   AND (o.status = 'superseded') IS NOT TRUE},
			break => q{
				UPDATE card_issuer.app_load l SET inherits = NULL, status = 'unloaded'
				 WHERE l.message_id IN (SELECT h.inherits FROM card_issuer.app_load h WHERE h.loaded_at IS NOT NULL)}
		},
		{
			name => 'message ids are unique, and of the right companies',
			query => q{
				SELECT l.message_id, 'twice'
				  FROM card_issuer.app_load l
				 GROUP BY l.message_id
				HAVING count(*) > 1
				 UNION ALL
				SELECT l.message_id, 'not the issuer''s, the provider''s or the sequence''s'
				  FROM card_issuer.app_load l
				  JOIN card_issuer.application a ON a.app_id = l.app_id
				 CROSS JOIN card_issuer.self s
				 CROSS JOIN card_issuer.message_sequence q
				 WHERE issuer(l.message_id) <> s.company_id
				    OR provider(l.message_id) <> l.provider
				    OR l.provider <> a.provider
				    OR sequence(l.message_id) > q.last_value},
			break => q{
				INSERT INTO card_issuer.app_load
				       (card_id, message_id, app_id, provider, status, tariff_kind, at_issue, permitted_at)
				SELECT c.card_id, l.message_id, l.app_id, l.provider, 'failed', 'load', false, now()
				  FROM card_issuer.app_load l, card_issuer.card c WHERE c.card_id <> l.card_id LIMIT 1}
		},
		{
			name => 'the numbers of notices are dense',
			query => q{
				SELECT k.provider, k.last_notice_no, count(n.notice_no)
				  FROM card_issuer.notice_counter k
				  LEFT JOIN screissue.notice n ON n.provider = k.provider::text
				 GROUP BY k.provider, k.last_notice_no
				HAVING count(DISTINCT n.notice_no) <> k.last_notice_no
				    OR count(*) FILTER (WHERE n.notice_no NOT BETWEEN 1 AND k.last_notice_no) > 0
				    OR count(n.notice_no) <> count(DISTINCT n.notice_no)},
			break => q{DELETE FROM screissue.notice n WHERE n.notice_no = 2}
		},
		{
			name => 'what a card may reload was told, and of live loads nothing else',
			query => qq{
				WITH $last_word
				SELECT e.card_id, e.app_id, e.message_id::text, 'was not told'
				  FROM card_issuer.entitlement e
				  JOIN card_issuer.application a ON a.app_id = e.app_id
				  JOIN card_issuer.card c ON c.card_id = e.card_id
				  JOIN screissue.platform f ON f.platform_type = c.platform_type AND f.method = 1
				  LEFT JOIN last_word w ON w.card_id = e.card_id::text AND w.app_id = e.app_id::text
				 WHERE e.used_at IS NULL AND e.withdrawn_at IS NULL
				   AND c.status NOT IN ('replaced', 'revoked')
				   AND (w.message_id = e.message_id::text AND w.provider = a.provider::text) IS NOT TRUE
				 UNION ALL
				SELECT c.card_id, e.app_id, w.message_id, 'is told'
				  FROM last_word w
				  JOIN card_issuer.card c ON c.card_id::text = w.card_id
				  LEFT JOIN card_issuer.entitlement e
				    ON e.card_id::text = w.card_id AND e.app_id::text = w.app_id
				   AND e.message_id::text = w.message_id AND e.withdrawn_at IS NULL
				 WHERE w.message_id IS NOT NULL
				   AND c.status NOT IN ('replaced', 'revoked')
				   AND e.card_id IS NULL
				   AND EXISTS (SELECT FROM card_issuer.app_load l
				                WHERE l.message_id::text = w.message_id AND l.status = 'loaded' AND l.card_id <> c.card_id)},
			break => q{
				DELETE FROM screissue.notice n
				 USING card_issuer.entitlement e, card_issuer.card c
				 WHERE n.new_card_id = e.card_id::text AND e.used_at IS NULL AND e.withdrawn_at IS NULL
				   AND c.card_id = e.card_id AND c.status NOT IN ('replaced', 'revoked')},
			other_breaks => [
				q{UPDATE card_issuer.entitlement e SET withdrawn_at = now() WHERE e.used_at IS NULL} ]
		},
		{
			name => 'nothing is told twice, and no notice is without its card and its load',
			query => q{
				SELECT n.kind, n.new_card_id, n.app_id, n.message_id, count(*)
				  FROM screissue.notice n
				 GROUP BY 1, 2, 3, 4
				HAVING count(*) > 1
				 UNION ALL
				SELECT n.kind, n.new_card_id, n.app_id, n.message_id, 0
				  FROM screissue.notice n
				  LEFT JOIN card_issuer.card c ON c.card_id::text = n.new_card_id
				  LEFT JOIN card_issuer.app_load l ON l.message_id::text = n.message_id
				 WHERE (l.app_id::text = n.app_id AND l.provider::text = n.provider
				        AND (n.old_card_id IS NULL OR c.replaces::text = n.old_card_id)) IS NOT TRUE},
			break => q{
				INSERT INTO screissue.notice (issuer, provider, notice_no, kind, platform_type, new_card_id,
				                              old_card_id, app_id, message_id, reason, noted_at)
				SELECT n.issuer, n.provider, 999999, n.kind, n.platform_type, n.new_card_id,
				       n.old_card_id, n.app_id, n.message_id, n.reason, n.noted_at
				  FROM screissue.notice n WHERE n.kind = 'reissue' LIMIT 1},
			other_breaks => [
				q{UPDATE screissue.notice n SET message_id = 'BANKJP/METRO/999999999' WHERE n.kind = 'withdrawal'} ]
		},
		{
			name => 'each confirmed load is charged once, by its line of the tariff',
			query => q{
				SELECT l.message_id, count(h.message_id)
				  FROM card_issuer.app_load l
				  JOIN card_issuer.tariff t
				    ON t.app_id = l.app_id AND t.kind = l.tariff_kind
				   AND t.reason IS NOT DISTINCT FROM l.tariff_reason
				  LEFT JOIN card_issuer.charge h
				    ON h.message_id = l.message_id AND h.app_id = l.app_id AND h.provider = l.provider
				   AND NOT h.refund AND h.amount = t.amount AND h.currency = t.currency
				 GROUP BY l.message_id, l.loaded_at
				HAVING count(h.message_id) <> CASE WHEN l.loaded_at IS NULL THEN 0 ELSE 1 END
				 UNION ALL
				SELECT h.message_id, -1
				  FROM card_issuer.charge h
				  JOIN card_issuer.app_load l ON l.message_id = h.message_id
				  JOIN card_issuer.card c ON c.card_id = l.card_id
				 WHERE h.refund AND (c.status <> 'revoked' OR h.kind <> 'reload')},
			break => q{
				UPDATE card_issuer.app_load l SET fee = l.fee + 1
				 WHERE l.message_id = (SELECT x.message_id FROM card_issuer.app_load x WHERE x.status = 'loaded' LIMIT 1)}
		},
		{
			name => 'a card is replaced by its completed request, and has one open at most',
			query => q{
				SELECT r.old_card_id, 'open'
				  FROM card_issuer.reissue_request r
				  LEFT JOIN card_issuer.card c ON c.card_id = r.old_card_id
				 WHERE r.status IN ('pending', 'approved')
				 GROUP BY r.old_card_id, c.status
				HAVING count(*) > 1 OR c.status IN ('replaced', 'revoked')
				 UNION ALL
				SELECT r.old_card_id, 'completed'
				  FROM card_issuer.reissue_request r
				  LEFT JOIN card_issuer.card c ON c.card_id = r.old_card_id
				 WHERE r.status = 'completed'
				   AND (r.new_card_id = c.replaced_by AND r.completed_at IS NOT NULL) IS NOT TRUE
				 UNION ALL
				SELECT c.card_id, 'replaced without'
				  FROM card_issuer.card c
				  LEFT JOIN card_issuer.reissue_request r
				    ON r.old_card_id = c.card_id AND r.new_card_id = c.replaced_by AND r.status = 'completed'
				 WHERE c.status = 'replaced' AND r.old_card_id IS NULL
				 UNION ALL
				SELECT c.card_id, 'revoked without'
				  FROM card_issuer.card c
				  LEFT JOIN card_issuer.reissue_request r
				    ON r.old_card_id = c.replaces AND r.new_card_id = c.card_id AND r.status = 'withdrawn'
				 WHERE c.status = 'revoked' AND r.old_card_id IS NULL},
			break => q{
				DELETE FROM card_issuer.reissue_request r
				 WHERE r.request_id = (SELECT max(x.request_id) FROM card_issuer.reissue_request x
				                        WHERE x.status = 'completed')}
		},
		{
			name => 'each load and each request has its examination, and no examination is without',
			query => q{
				SELECT l.card_id, l.message_id::text
				  FROM card_issuer.app_load l
				  LEFT JOIN card_issuer.examination x
				    ON x.card_id = l.card_id AND x.examination_id = l.examination_id
				   AND x.event = 'load' AND x.approved
				 WHERE x.card_id IS NULL
				 UNION ALL
				SELECT r.old_card_id, r.request_id::text
				  FROM card_issuer.reissue_request r
				  LEFT JOIN card_issuer.examination x
				    ON x.card_id = r.old_card_id AND x.examination_id = r.examination_id AND x.event = 'reissue'
				 WHERE x.card_id IS NULL
				 UNION ALL
				SELECT x.card_id, x.examination_id::text
				  FROM card_issuer.examination x
				  LEFT JOIN card_issuer.app_load l
				    ON x.event = 'load' AND l.card_id = x.card_id AND l.examination_id = x.examination_id
				  LEFT JOIN card_issuer.reissue_request r
				    ON x.event = 'reissue' AND r.old_card_id = x.card_id
				   AND r.request_id = (x.details ->> 'request_id')::bigint
				 GROUP BY x.card_id, x.examination_id
				HAVING count(l.message_id) + count(r.request_id) <> 1
				 UNION ALL
				SELECT x.card_id, x.examination_id::text
				  FROM card_issuer.examination x
				  LEFT JOIN card_issuer.examination o
				    ON o.card_id = x.substitutes_card_id AND o.examination_id = x.substitutes
				 WHERE x.substitutes IS NOT NULL AND o.card_id IS NULL},
			break => q{
				INSERT INTO card_issuer.examination (card_id, examination_id, event, approved, examined_at)
				SELECT c.card_id, 999999999, 'load', true, now() FROM card_issuer.card c LIMIT 1}
		},
		{
			name => 'the numbers of inquiries are the sequence\'s, and replies name loads',
			query => q{
				SELECT i.provider, i.inquiry_no
				  FROM card_issuer.inquiry i
				 GROUP BY i.provider, i.inquiry_no
				HAVING count(*) > 1 OR i.inquiry_no NOT BETWEEN 1 AND card_issuer.inquiries_made(i.provider)
				 UNION ALL
				SELECT i.provider, i.inquiry_no
				  FROM card_issuer.inquiry i
				  LEFT JOIN card_issuer.app_load l ON l.message_id = i.message_id AND l.app_id = i.app_id
				 WHERE i.reissued <> (i.message_id IS NOT NULL)
				    OR (i.message_id IS NOT NULL AND (l.card_id IS NULL OR i.card_id IS NULL))},
			break => q{
				UPDATE card_issuer.inquiry i SET message_id = 'BANKJP/METRO/999999999', reissued = true
				 WHERE i.inquiry_no = (SELECT min(x.inquiry_no) FROM card_issuer.inquiry x)}
		},
		{
			name => 'every row about a card has its card',
			query => q{
				SELECT r.what, r.card_id
				  FROM (SELECT 'load', l.card_id FROM card_issuer.app_load l
				         UNION ALL SELECT 'entitlement', e.card_id FROM card_issuer.entitlement e
				         UNION ALL SELECT 'its old card', e.old_card_id FROM card_issuer.entitlement e
				         UNION ALL SELECT 'request', q.old_card_id FROM card_issuer.reissue_request q
				         UNION ALL SELECT 'examination', x.card_id FROM card_issuer.examination x
				         UNION ALL SELECT 'inquiry', i.card_id FROM card_issuer.inquiry i
				                    WHERE i.card_id IS NOT NULL AND i.reissued) r (what, card_id)
				  LEFT JOIN card_issuer.card c ON c.card_id = r.card_id
				 WHERE c.card_id IS NULL},
			break => q{
				ALTER TABLE card_issuer.entitlement DROP CONSTRAINT entitlement_card_id_fkey;
				UPDATE card_issuer.entitlement e SET old_card_id = 'NOSUCH' WHERE e.hops = 1}
		});
}

# The ledger

sub create_ledger
{
	my ($node) = @_;

	$node->safe_psql('postgres', q{
		CREATE SCHEMA ledger;
		CREATE TABLE ledger.fact (
			kind text NOT NULL,
			card_id screissue.card_id,
			new_card_id screissue.card_id,
			app_id screissue.app_id,
			message_id screissue.message_id,
			request_id bigint,
			amount numeric,
			attribute screissue.card_attribute,
			acknowledged boolean NOT NULL)});
	return;
}

# How often each attribute was asked about, as clients know and on record
my $asked = q{
	asked AS (
		SELECT sha256(convert_to(f.attribute::text, 'UTF8')) AS attribute_sha256, f.app_id,
		       count(*) FILTER (WHERE f.acknowledged) AS at_least, count(*) AS at_most
		  FROM ledger.fact f
		 WHERE f.kind = 'asked'
		 GROUP BY 1, 2),
	recorded AS (
		SELECT i.attribute_sha256, i.app_id, count(*) AS inquiries
		  FROM card_issuer.inquiry i
		 GROUP BY 1, 2)};

sub ledger_invariants
{
	return (
		{
			name => 'every acknowledged call is there',
			query => qq{
				WITH $asked
				SELECT f.kind, f.card_id::text, f.new_card_id::text, f.message_id::text
				  FROM ledger.fact f
				 WHERE f.acknowledged
				   AND NOT CASE f.kind
				       WHEN 'issued' THEN EXISTS (
				           SELECT FROM card_issuer.card c WHERE c.card_id = f.card_id AND c.replaces IS NULL)
				       WHEN 'replaced' THEN EXISTS (
				           SELECT FROM card_issuer.card c WHERE c.card_id = f.new_card_id AND c.replaces = f.card_id)
				       WHEN 'revoked' THEN EXISTS (
				           SELECT FROM card_issuer.card c WHERE c.card_id = f.card_id AND c.status = 'revoked')
				       WHEN 'requested' THEN f.request_id IS NULL OR EXISTS (
				           SELECT FROM card_issuer.reissue_request r
				            WHERE r.old_card_id = f.card_id AND r.request_id = f.request_id)
				       WHEN 'permitted' THEN EXISTS (
				           SELECT FROM card_issuer.app_load l
				            WHERE l.message_id = f.message_id AND l.card_id = f.card_id AND l.app_id = f.app_id
				              AND l.fee = f.amount)
				       WHEN 'loaded' THEN EXISTS (
				           SELECT FROM card_issuer.app_load l
				            WHERE l.message_id = f.message_id AND l.loaded_at IS NOT NULL)
				       WHEN 'failed' THEN EXISTS (
				           SELECT FROM card_issuer.app_load l WHERE l.message_id = f.message_id AND l.status = 'failed')
				       WHEN 'unloaded' THEN EXISTS (
				           SELECT FROM card_issuer.app_load l
				            WHERE l.message_id = f.message_id AND l.status IN ('unloaded', 'superseded'))
				       WHEN 'read' THEN EXISTS (
				           SELECT FROM card_issuer.app_load l WHERE l.message_id = f.message_id AND l.app_id = f.app_id)
				       WHEN 'asked' THEN true
				       WHEN 'personalized' THEN EXISTS (
				           SELECT FROM card_issuer.card c WHERE c.card_id = f.card_id AND c.attribute_key_id IS NOT NULL)
				       WHEN 'blocked' THEN EXISTS (
				           SELECT FROM card_issuer.card c
				            WHERE c.card_id = f.card_id AND c.status IN ('suspended', 'lost', 'replaced', 'revoked'))
				           OR EXISTS (SELECT FROM ledger.fact u WHERE u.kind = 'unblocked' AND u.card_id = f.card_id)
				       WHEN 'unblocked' THEN EXISTS (
				           SELECT FROM card_issuer.card c WHERE c.card_id = f.card_id AND c.status NOT IN ('suspended', 'lost'))
				           OR EXISTS (SELECT FROM ledger.fact b WHERE b.kind = 'blocked' AND b.card_id = f.card_id)
				       WHEN 'disapproved' THEN (
				           SELECT count(*) FROM card_issuer.reissue_request r
				            WHERE r.old_card_id = f.card_id AND r.status = 'withdrawn' AND r.new_card_id IS NULL)
				           >= (SELECT count(*) FROM ledger.fact d
				                WHERE d.kind = 'disapproved' AND d.acknowledged AND d.card_id = f.card_id)
				       END
				 UNION ALL
				SELECT 'asked', encode(q.attribute_sha256, 'hex'), q.app_id::text, NULL
				  FROM asked q
				  LEFT JOIN recorded r ON r.attribute_sha256 = q.attribute_sha256 AND r.app_id = q.app_id
				 WHERE q.at_least > coalesce(r.inquiries, 0)},
			break => q{
				DELETE FROM card_issuer.inquiry i
				 WHERE i.attribute_sha256 = (SELECT sha256(convert_to(f.attribute::text, 'UTF8')) FROM ledger.fact f
				                              WHERE f.kind = 'asked' AND f.acknowledged LIMIT 1)},
			other_breaks => [
				q{UPDATE card_issuer.app_load l SET status = 'permitted', loaded_at = NULL WHERE l.status = 'loaded'},
				q{UPDATE card_issuer.card c SET replaces = NULL WHERE c.status = 'revoked'},
				q{DELETE FROM card_issuer.reissue_request r WHERE r.status = 'completed'},
				q{UPDATE card_issuer.app_load l SET fee = 8},
				q{UPDATE card_issuer.card c SET attribute_key_id = NULL},
				q{INSERT INTO ledger.fact (kind, card_id, acknowledged)
				  SELECT 'blocked', c.card_id, true FROM card_issuer.card c
				   WHERE c.status = 'active'
				     AND NOT EXISTS (SELECT FROM ledger.fact f WHERE f.kind = 'unblocked' AND f.card_id = c.card_id)},
				q{INSERT INTO ledger.fact (kind, card_id, acknowledged)
				  SELECT 'unblocked', c.card_id, true FROM card_issuer.card c
				   WHERE c.status = 'active'
				     AND NOT EXISTS (SELECT FROM ledger.fact f WHERE f.kind = 'blocked' AND f.card_id = c.card_id);
				  UPDATE card_issuer.card c SET status = 'lost' WHERE c.status = 'active'} ]
		},
		{
			name => 'and nothing else is there',
			query => qq{
				WITH $asked,
				said AS (
					SELECT f.kind, f.card_id, f.new_card_id, f.message_id, f.request_id
					  FROM ledger.fact f GROUP BY 1, 2, 3, 4, 5),
				-- what may be there without its id in the ledger, since no answer gave it
				spare AS (
					SELECT f.kind, f.card_id, f.app_id, count(*) AS at_most
					  FROM ledger.fact f
					 WHERE f.message_id IS NULL AND f.request_id IS NULL
					 GROUP BY 1, 2, 3)
				SELECT 'card', c.card_id::text
				  FROM card_issuer.card c
				 WHERE NOT EXISTS (SELECT FROM said s
				                    WHERE CASE WHEN c.replaces IS NULL THEN s.kind = 'issued' AND s.card_id = c.card_id
				                          ELSE s.kind = 'replaced' AND s.card_id = c.replaces
				                               AND s.new_card_id = c.card_id END)
				 UNION ALL
				SELECT 'revoked card', c.card_id::text
				  FROM card_issuer.card c
				  LEFT JOIN said s ON s.kind = 'revoked' AND s.card_id = c.card_id
				 WHERE c.status = 'revoked' AND s.kind IS NULL
				 UNION ALL
				SELECT 'blocked card', c.card_id::text
				  FROM card_issuer.card c
				  LEFT JOIN said s ON s.kind = 'blocked' AND s.card_id = c.card_id
				 WHERE c.status IN ('suspended', 'lost', 'stolen', 'damaged', 'expired', 'produced') AND s.kind IS NULL
				 UNION ALL
				SELECT 'personalized card', c.card_id::text
				  FROM card_issuer.card c
				  LEFT JOIN said s ON s.kind = 'personalized' AND s.card_id = c.card_id
				 WHERE c.attribute_key_id IS NOT NULL AND s.kind IS NULL
				 UNION ALL
				SELECT 'permission', l.card_id::text
				  FROM card_issuer.app_load l
				  LEFT JOIN spare p ON p.kind = 'permitted' AND p.card_id = l.card_id AND p.app_id = l.app_id
				 WHERE NOT EXISTS (SELECT FROM said s WHERE s.kind = 'permitted' AND s.message_id = l.message_id)
				 GROUP BY l.card_id, l.app_id, p.at_most
				HAVING count(*) > coalesce(p.at_most, 0)
				 UNION ALL
				-- one that was permitted and loaded by a call that never answered has no name
				SELECT 'load', l.message_id::text
				  FROM card_issuer.app_load l
				  LEFT JOIN spare p ON p.kind = 'loaded' AND p.card_id = l.card_id AND p.app_id = l.app_id
				 WHERE l.loaded_at IS NOT NULL
				   AND NOT EXISTS (SELECT FROM said s WHERE s.kind = 'loaded' AND s.message_id = l.message_id)
				 GROUP BY l.message_id, l.card_id, l.app_id, p.at_most
				HAVING count(*) > coalesce(p.at_most, 0)
				 UNION ALL
				SELECT l.status::text, l.message_id::text
				  FROM card_issuer.app_load l
				  LEFT JOIN said s ON s.kind = l.status::text AND s.message_id = l.message_id
				 WHERE l.status IN ('failed', 'unloaded') AND s.kind IS NULL
				 UNION ALL
				SELECT 'request', r.old_card_id::text
				  FROM card_issuer.reissue_request r
				  LEFT JOIN spare p ON p.kind = 'requested' AND p.card_id = r.old_card_id
				 WHERE NOT EXISTS (SELECT FROM said s WHERE s.kind = 'requested' AND s.request_id = r.request_id)
				 GROUP BY r.old_card_id, p.at_most
				HAVING count(*) > coalesce(p.at_most, 0)
				 UNION ALL
				SELECT 'withdrawn request', r.old_card_id::text
				  FROM card_issuer.reissue_request r
				  JOIN card_issuer.card c ON c.card_id = r.old_card_id
				  LEFT JOIN spare p ON p.kind = 'disapproved' AND p.card_id = r.old_card_id
				 WHERE r.status = 'withdrawn' AND r.new_card_id IS NULL
				 GROUP BY r.old_card_id, c.status, p.at_most
				HAVING count(*) > coalesce(p.at_most, 0) + CASE c.status WHEN 'revoked' THEN 1 ELSE 0 END
				 UNION ALL
				SELECT 'inquiry', encode(r.attribute_sha256, 'hex')
				  FROM recorded r
				  LEFT JOIN asked q ON q.attribute_sha256 = r.attribute_sha256 AND q.app_id = r.app_id
				 WHERE r.inquiries > coalesce(q.at_most, 0)},
			break => q{
				INSERT INTO card_issuer.card (card_id, platform_type, status, issued_at) VALUES ('STRAY', 100, 'active', now())},
			other_breaks => [
				q{UPDATE card_issuer.app_load l SET loaded_at = now(), status = 'superseded' WHERE l.loaded_at IS NULL},
				q{UPDATE card_issuer.app_load l SET status = 'unloaded' WHERE l.status = 'loaded'},
				q{UPDATE card_issuer.card c SET status = 'revoked' WHERE c.replaced_by IS NULL},
				q{UPDATE card_issuer.card c SET status = 'stolen' WHERE c.replaced_by IS NULL},
				q{UPDATE card_issuer.card c SET attribute_key_id = 1},
				q{INSERT INTO card_issuer.reissue_request (old_card_id, request_id, reason, status, requested_at)
				  SELECT c.card_id, 100000 + n, 'lost', 'refused', now() FROM card_issuer.card c, generate_series(1, 500) n},
				q{INSERT INTO card_issuer.inquiry (provider, inquiry_no, asked_at, role, app_id, attribute_sha256, reissued)
				  SELECT i.provider, 100000 + n, now(), 'metro', i.app_id, i.attribute_sha256, false
				    FROM (SELECT * FROM card_issuer.inquiry LIMIT 1) i, generate_series(1, 500) n} ]
		},
		{
			name => 'charges add up to the prices of the loads that clients know as confirmed',
			query => q{
				WITH told AS (
					SELECT f.message_id, max(f.amount) AS amount
					  FROM ledger.fact f
					 WHERE f.kind = 'permitted' AND f.message_id IS NOT NULL
					 GROUP BY f.message_id),
				confirmed AS (
					SELECT DISTINCT f.message_id
					  FROM ledger.fact f
					 WHERE f.kind = 'loaded' AND f.message_id IS NOT NULL
					   AND (f.acknowledged
					        OR EXISTS (SELECT FROM card_issuer.app_load l
					                    WHERE l.message_id = f.message_id AND l.loaded_at IS NOT NULL)))
				SELECT p.provider, p.due, p.charged
				  FROM (SELECT a.provider,
				               (SELECT sum(t.amount)
				                  FROM confirmed c JOIN told t ON t.message_id = c.message_id
				                 WHERE provider(c.message_id) = a.provider) AS due,
				               (SELECT sum(h.amount)
				                  FROM card_issuer.charge h
				                 WHERE h.provider = a.provider AND NOT h.refund
				                   AND h.message_id IN (SELECT t.message_id FROM told t)
				                   AND h.message_id IN (SELECT c.message_id FROM confirmed c)) AS charged,
				               (SELECT count(*)
				                  FROM card_issuer.charge h
				                 WHERE h.provider = a.provider AND NOT h.refund
				                   AND h.message_id NOT IN (SELECT c.message_id FROM confirmed c)) AS unknown,
				               (SELECT count(*)
				                  FROM ledger.fact f
				                 WHERE f.kind = 'loaded' AND NOT f.acknowledged AND f.message_id IS NULL) AS unnamed
				          FROM card_issuer.provider a) p
				 WHERE p.due IS DISTINCT FROM p.charged OR p.unknown > p.unnamed},
			break => q{
				UPDATE card_issuer.app_load l SET loaded_at = NULL
				 WHERE l.message_id = (SELECT f.message_id FROM ledger.fact f
				                         JOIN card_issuer.app_load x ON x.message_id = f.message_id AND x.fee > 0
				                        WHERE f.kind = 'loaded' AND f.acknowledged LIMIT 1)}
		});
}

# The first rows that each invariant forbids, a line for each row; empty where it holds.
sub violations
{
	my ($node, @invariants) = @_;
	my $answers = $node->safe_psql('postgres', $settings
		  . join('', map { "SELECT * FROM ($_->{query}) x LIMIT 10;\n\\echo ==\n" } @invariants));
	my @violations = split /^==(?:\n|\z)/m, $answers, -1;

	die 'not an answer for each' if @violations != @invariants + 1;
	return map { s/\n\z//r } @violations[ 0 .. $#invariants ];
}

# The same after a change that breaks it, which is taken back.  Which one: its break
# if no other is given.
sub broken
{
	my ($node, $invariant, $break) = @_;
	$break //= $invariant->{break};

	return $node->safe_psql('postgres', qq{
		$settings
		BEGIN;
		$break;
		SELECT * FROM ($invariant->{query}) x LIMIT 10;
		ROLLBACK});
}

1;
