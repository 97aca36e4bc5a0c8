-- Tables of the service provider.

CREATE TABLE service_provider.self (
    one_row boolean NOT NULL DEFAULT true,
    company_id screissue.company_id NOT NULL,
    name text NOT NULL,
    layout integer NOT NULL,
    CONSTRAINT self_pkey PRIMARY KEY (one_row),
    CONSTRAINT self_one_row_check CHECK (one_row)
);
COMMENT ON TABLE service_provider.self IS 'this service provider: one row';

CREATE TABLE service_provider.issuer (
    issuer screissue.company_id NOT NULL,
    name text NOT NULL,
    lei text,
    subscription name,
    server name,
    contract_until date,
    last_notice_no bigint NOT NULL DEFAULT 0,
    CONSTRAINT issuer_pkey PRIMARY KEY (issuer),
    CONSTRAINT issuer_subscription_key UNIQUE (subscription)
);
COMMENT ON TABLE service_provider.issuer IS
    'card issuers with whom there is a contract (R4)';
COMMENT ON COLUMN service_provider.issuer.subscription IS
    'the one subscription that may deliver notices of this issuer';
COMMENT ON COLUMN service_provider.issuer.server IS
    'foreign server over which the issuer is asked';
COMMENT ON COLUMN service_provider.issuer.last_notice_no IS
    'cursor of pull_notices: the last number that was fetched';

CREATE TABLE service_provider.application (
    app_id screissue.app_id NOT NULL,
    name text NOT NULL,
    examination_mode text NOT NULL,
    max_examination_age interval,
    withdrawn_at timestamp with time zone,
    CONSTRAINT application_pkey PRIMARY KEY (app_id),
    CONSTRAINT application_examination_mode_check
        CHECK (examination_mode IN ('substitute', 'refer', 'new'))
);
COMMENT ON TABLE service_provider.application IS
    'applications of this provider';

CREATE TABLE service_provider.former_provider (
    app_id screissue.app_id NOT NULL,
    provider screissue.company_id NOT NULL,
    accepted_at timestamp with time zone NOT NULL,
    accepted_by text NOT NULL,
    CONSTRAINT former_provider_pkey PRIMARY KEY (app_id, provider),
    CONSTRAINT former_provider_app_id_fkey
        FOREIGN KEY (app_id) REFERENCES service_provider.application
);
COMMENT ON TABLE service_provider.former_provider IS
    'who had an application before this provider: their loading permissions for it are ours (E14)';

CREATE TABLE service_provider.tariff (
    app_id screissue.app_id NOT NULL,
    kind screissue.tariff_kind NOT NULL,
    reason screissue.reissue_reason,
    amount numeric NOT NULL,
    currency text NOT NULL,
    CONSTRAINT tariff_app_id_kind_reason_key
        UNIQUE NULLS NOT DISTINCT (app_id, kind, reason),
    CONSTRAINT tariff_app_id_fkey
        FOREIGN KEY (app_id) REFERENCES service_provider.application,
    CONSTRAINT tariff_amount_check
        CHECK (amount >= 0 AND amount < 'Infinity'),
    CONSTRAINT tariff_currency_check CHECK (currency ~ '^[A-Z]{3}$')
);
COMMENT ON TABLE service_provider.tariff IS
    'what users pay for a load and for a reload (claim 14)';
COMMENT ON COLUMN service_provider.tariff.reason IS 'NULL = any reason';

CREATE TABLE service_provider.policy (
    event text NOT NULL,
    function text NOT NULL,
    CONSTRAINT policy_pkey PRIMARY KEY (event),
    CONSTRAINT policy_event_check CHECK (event = 'reload')
);
COMMENT ON TABLE service_provider.policy IS
    'policy functions, by qualified signature; none = the default policy';

CREATE TABLE service_provider.examination (
    examination_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    event text NOT NULL,
    message_id screissue.message_id,
    approved boolean,
    reason text,
    examined_at timestamp with time zone NOT NULL,
    valid_until timestamp with time zone,
    examiner text,
    details jsonb,
    substitutes bigint,
    CONSTRAINT examination_pkey PRIMARY KEY (examination_id),
    CONSTRAINT examination_substitutes_fkey
        FOREIGN KEY (substitutes) REFERENCES service_provider.examination,
    CONSTRAINT examination_event_check CHECK (event IN ('load', 'reload'))
);
COMMENT ON TABLE service_provider.examination IS
    'judgements made, with their evidence (the patent''s credit investigations)';
COMMENT ON COLUMN service_provider.examination.message_id IS
    'load that was examined; for a reload, the old load that it is judged by';
COMMENT ON COLUMN service_provider.examination.substitutes IS
    'examination really made that was reused instead of a new one (claim 12)';
CREATE INDEX examination_message_id_idx
    ON service_provider.examination (message_id);

CREATE TABLE service_provider.app_load (
    message_id screissue.message_id NOT NULL,
    issuer screissue.company_id NOT NULL,
    app_id screissue.app_id NOT NULL,
    card_id screissue.card_id,
    platform_type integer,
    user_ref text,
    status screissue.load_status NOT NULL,
    examination_id bigint,
    account jsonb,
    fee numeric,
    currency text,
    tariff_reason screissue.reissue_reason,
    permitted_at timestamp with time zone NOT NULL,
    loaded_at timestamp with time zone,
    ended_at timestamp with time zone,
    confirmed_at timestamp with time zone,
    inherits screissue.message_id,
    CONSTRAINT app_load_pkey PRIMARY KEY (message_id),
    CONSTRAINT app_load_issuer_fkey
        FOREIGN KEY (issuer) REFERENCES service_provider.issuer,
    CONSTRAINT app_load_app_id_fkey
        FOREIGN KEY (app_id) REFERENCES service_provider.application,
    CONSTRAINT app_load_examination_id_fkey
        FOREIGN KEY (examination_id) REFERENCES service_provider.examination
);
COMMENT ON TABLE service_provider.app_load IS
    'loads, by message id (Fig. 17) and by card id where it is readable (Fig. 14)';
COMMENT ON COLUMN service_provider.app_load.examination_id IS
    'examination that counts now: the newest finding about this load';
COMMENT ON COLUMN service_provider.app_load.fee IS
    'price fixed at the verdict; permitted and failed loads cost nothing';
COMMENT ON COLUMN service_provider.app_load.tariff_reason IS
    'reason of the line of the tariff that set the price; NULL = any reason';
COMMENT ON COLUMN service_provider.app_load.confirmed_at IS
    'when the issuer was told of the present status';
COMMENT ON COLUMN service_provider.app_load.inherits IS
    'the old load whose place this reload took';
CREATE INDEX app_load_issuer_card_id_idx
    ON service_provider.app_load (issuer, card_id);
CREATE INDEX app_load_inherits_idx ON service_provider.app_load (inherits)
    WHERE inherits IS NOT NULL;
CREATE INDEX app_load_unconfirmed_idx ON service_provider.app_load (issuer)
    WHERE confirmed_at IS NULL;
CREATE INDEX app_load_user_ref_idx ON service_provider.app_load (user_ref)
    WHERE loaded_at IS NOT NULL;

-- The inbox.  Nothing that a parsed notice says may be refused here: no
-- foreign key, no CHECK, no NOT NULL but the key's.
CREATE TABLE service_provider.reissue_notice (
    issuer screissue.company_id NOT NULL,
    notice_no bigint NOT NULL,
    kind text,
    platform_type integer,
    new_card_id screissue.card_id,
    old_card_id screissue.card_id,
    app_id screissue.app_id,
    message_id screissue.message_id,
    reason text,
    noted_at timestamp with time zone,
    received_at timestamp with time zone,
    carrier text,
    CONSTRAINT reissue_notice_pkey PRIMARY KEY (issuer, notice_no)
);
COMMENT ON TABLE service_provider.reissue_notice IS
    'notices received, whatever carried them (Fig. 13 at the provider)';
COMMENT ON COLUMN service_provider.reissue_notice.carrier IS
    'replication, pull, file, paper or inquiry: what brought it first';
CREATE INDEX reissue_notice_new_card_id_idx
    ON service_provider.reissue_notice (issuer, new_card_id, app_id);
CREATE INDEX reissue_notice_old_card_id_idx
    ON service_provider.reissue_notice (issuer, old_card_id);

-- The arrivals that changed nothing.  The first one of a notice is in its row of
-- the inbox, which costs no more for it and never changes.
CREATE TABLE service_provider.notice_arrival (
    issuer screissue.company_id NOT NULL,
    notice_no bigint NOT NULL,
    carrier text NOT NULL,
    arrivals bigint NOT NULL,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    CONSTRAINT notice_arrival_pkey PRIMARY KEY (issuer, notice_no, carrier)
);
COMMENT ON TABLE service_provider.notice_arrival IS
    'the same notice again, by carrier: how often, and when (E19, E20)';

CREATE TABLE service_provider.quarantined_notice (
    quarantine_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    issuer text,
    provider text,
    notice_no text,
    kind text,
    platform_type text,
    new_card_id text,
    old_card_id text,
    app_id text,
    message_id text,
    reason text,
    noted_at text,
    digest bytea,
    subscription text,
    carrier text,
    cause text,
    received_at timestamp with time zone,
    resolved_at timestamp with time zone,
    resolution text,
    decided_at timestamp with time zone,
    decided_by text,
    decision_reason text,
    CONSTRAINT quarantined_notice_pkey PRIMARY KEY (quarantine_id)
);
COMMENT ON TABLE service_provider.quarantined_notice IS
    'notices that were not believed, as they came, with the cause';
COMMENT ON COLUMN service_provider.quarantined_notice.digest IS
    'SHA-256 of the content, which is not kept when the notice was for somebody else';
COMMENT ON COLUMN service_provider.quarantined_notice.cause IS
    'why it is not believed, by the last judgement';
COMMENT ON COLUMN service_provider.quarantined_notice.resolution IS
    'stored, duplicate or dismissed; NULL = open';
COMMENT ON COLUMN service_provider.quarantined_notice.decided_at IS
    'when somebody retried or dismissed it last';
COMMENT ON COLUMN service_provider.quarantined_notice.decided_by IS
    'who did';
COMMENT ON COLUMN service_provider.quarantined_notice.decision_reason IS
    'and why';
CREATE INDEX quarantined_notice_open_idx
    ON service_provider.quarantined_notice (quarantine_id)
    WHERE resolved_at IS NULL;

CREATE TABLE service_provider.reload_request (
    request_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    issuer screissue.company_id NOT NULL,
    app_id screissue.app_id NOT NULL,
    platform_type integer NOT NULL,
    card_id screissue.card_id,
    attribute screissue.card_attribute,
    attribute_sha256 bytea,
    user_ref text,
    requested_by text,
    printed_number text,
    requested_at timestamp with time zone NOT NULL,
    method integer,
    outcome screissue.reload_outcome,
    refusal text,
    decided_at timestamp with time zone,
    notice_no bigint,
    inherits screissue.message_id,
    examination_id bigint,
    policy_examination_id bigint,
    fee numeric,
    currency text,
    tariff_reason screissue.reissue_reason,
    message_id screissue.message_id,
    completed_at timestamp with time zone,
    CONSTRAINT reload_request_pkey PRIMARY KEY (request_id),
    CONSTRAINT reload_request_issuer_fkey
        FOREIGN KEY (issuer) REFERENCES service_provider.issuer,
    CONSTRAINT reload_request_app_id_fkey
        FOREIGN KEY (app_id) REFERENCES service_provider.application,
    CONSTRAINT reload_request_examination_id_fkey
        FOREIGN KEY (examination_id) REFERENCES service_provider.examination,
    CONSTRAINT reload_request_policy_examination_id_fkey
        FOREIGN KEY (policy_examination_id)
        REFERENCES service_provider.examination
);
COMMENT ON TABLE service_provider.reload_request IS
    'requests for a reload, the outcome and its evidence (Fig. 7, Fig. 11)';
COMMENT ON COLUMN service_provider.reload_request.attribute IS
    'kept while a reply is awaited; its digest stays';
COMMENT ON COLUMN service_provider.reload_request.printed_number IS
    'kept while a reply is awaited';
COMMENT ON COLUMN service_provider.reload_request.notice_no IS
    'the notice that was judged';
COMMENT ON COLUMN service_provider.reload_request.inherits IS
    'the old load that was judged';
COMMENT ON COLUMN service_provider.reload_request.examination_id IS
    'the examination that counted';
COMMENT ON COLUMN service_provider.reload_request.policy_examination_id IS
    'verdict of the policy, if it was asked, whether or not it counted';
COMMENT ON COLUMN service_provider.reload_request.tariff_reason IS
    'reason of the line of the tariff that set the price; NULL = any reason';
COMMENT ON COLUMN service_provider.reload_request.message_id IS
    'loading permission under which the reload was done';
CREATE INDEX reload_request_inherits_idx
    ON service_provider.reload_request (inherits);

CREATE TABLE service_provider.inquiry_reply (
    request_id bigint NOT NULL,
    platform_type integer,
    reissued boolean NOT NULL,
    message_id screissue.message_id,
    old_card_id screissue.card_id,
    replied_at timestamp with time zone NOT NULL,
    carrier text NOT NULL,
    CONSTRAINT inquiry_reply_pkey PRIMARY KEY (request_id),
    CONSTRAINT inquiry_reply_request_id_fkey
        FOREIGN KEY (request_id) REFERENCES service_provider.reload_request
);
COMMENT ON TABLE service_provider.inquiry_reply IS
    'replies of issuers to inquiries (Fig. 16)';
COMMENT ON COLUMN service_provider.inquiry_reply.carrier IS
    'server, file, paper, or application for one that record_reply was given';
CREATE INDEX inquiry_reply_message_id_idx
    ON service_provider.inquiry_reply (message_id);

-- Fig. 13 at the provider: a pair stands as long as the newest word on one
-- application of the reissued card is no withdrawal.
CREATE VIEW service_provider.reissue_pair AS
    SELECT DISTINCT n.issuer, n.old_card_id, n.new_card_id
      FROM service_provider.reissue_notice n
     WHERE n.kind = 'reissue'
       AND n.old_card_id IS NOT NULL
       AND NOT EXISTS
           (SELECT FROM service_provider.reissue_notice w
             WHERE w.issuer OPERATOR(screissue.=) n.issuer
               AND w.new_card_id OPERATOR(screissue.=) n.new_card_id
               AND w.app_id OPERATOR(screissue.=) n.app_id
               AND w.kind = 'withdrawal'
               AND w.notice_no > n.notice_no);
COMMENT ON VIEW service_provider.reissue_pair IS
    'pairs of old and reissued card, searchable by either with the issuer (Fig. 13)';

CREATE VIEW service_provider.masked_reissue_pair AS
    SELECT p.issuer,
           screissue.mask(p.old_card_id) AS old_card_id,
           screissue.mask(p.new_card_id) AS new_card_id
      FROM service_provider.reissue_pair p;
COMMENT ON VIEW service_provider.masked_reissue_pair IS
    'pairs of old and reissued card with masked ids, for auditors';

CREATE VIEW service_provider.unconfirmed_load AS
    SELECT l.issuer, l.message_id, l.app_id, l.status, l.loaded_at, l.ended_at
      FROM service_provider.app_load l
     WHERE l.confirmed_at IS NULL
       AND l.status <> 'permitted';
COMMENT ON VIEW service_provider.unconfirmed_load IS
    'loads and unloads that the issuer has not been told of';

-- R52: what users owe, a line for each load that succeeded and has a price.  A
-- reload whose reissue its issuer took back is refunded by one more line, by
-- the first withdrawal that handed back that very load (E9, E52): the notice
-- names the card that lost it, so there is none for a card whose id only the
-- issuer may read.
CREATE VIEW service_provider.charge AS
    SELECT c.issuer, c.user_ref,
           date_trunc('month', c.due_at AT TIME ZONE 'UTC')::date AS month,
           c.message_id, c.app_id, c.kind, c.reason, c.amount, c.currency,
           c.due_at, c.refund_notice_no
      FROM (SELECT l.issuer, l.user_ref, l.message_id, l.app_id,
                   CASE WHEN l.inherits IS NULL THEN 'load' ELSE 'reload'
                   END::screissue.tariff_kind AS kind,
                   l.tariff_reason AS reason, l.fee AS amount, l.currency,
                   l.loaded_at AS due_at, NULL::bigint AS refund_notice_no
              FROM service_provider.app_load l
             WHERE l.loaded_at IS NOT NULL
               AND l.fee IS NOT NULL
             UNION ALL
            SELECT l.issuer, l.user_ref, l.message_id, l.app_id,
                   'reload'::screissue.tariff_kind AS kind,
                   l.tariff_reason AS reason, - l.fee AS amount, l.currency,
                   w.received_at AS due_at, w.notice_no AS refund_notice_no
              FROM service_provider.app_load l
             CROSS JOIN LATERAL
                   (SELECT n.received_at, n.notice_no
                      FROM service_provider.reissue_notice n
                     WHERE n.issuer OPERATOR(screissue.=) l.issuer
                       AND n.new_card_id OPERATOR(screissue.=) l.card_id
                       AND n.app_id OPERATOR(screissue.=) l.app_id
                       AND n.message_id OPERATOR(screissue.=) l.message_id
                       AND n.kind = 'withdrawal'
                     ORDER BY n.received_at, n.notice_no
                     LIMIT 1) w
             WHERE l.loaded_at IS NOT NULL
               AND l.fee IS NOT NULL
               AND l.inherits IS NOT NULL) c;
COMMENT ON VIEW service_provider.charge IS
    'what is due for loads and reloads, and what is refunded';
COMMENT ON COLUMN service_provider.charge.month IS
    'first day of the month, in UTC, in which it fell due';
COMMENT ON COLUMN service_provider.charge.reason IS
    'reason of the line of the tariff that set the price; NULL = any reason';
COMMENT ON COLUMN service_provider.charge.refund_notice_no IS
    'for a refund, the withdrawal that it answers; NULL = a charge';

CREATE VIEW service_provider.statement AS
    SELECT c.issuer, c.user_ref, c.month, c.currency,
           count(*) FILTER (WHERE c.kind = 'load') AS loads,
           count(*) FILTER (WHERE c.kind = 'reload'
                              AND c.refund_notice_no IS NULL) AS reloads,
           count(c.refund_notice_no) AS refunds,
           sum(c.amount) AS amount
      FROM service_provider.charge c
     GROUP BY c.issuer, c.user_ref, c.month, c.currency;
COMMENT ON VIEW service_provider.statement IS
    'charges and refunds of a user in a month, in one currency';

-- Which carriers brought a notice, and when (E20).
CREATE VIEW service_provider.arrival AS
    SELECT a.issuer, a.notice_no, a.carrier,
           sum(a.arrivals)::bigint AS arrivals,
           min(a.first_at) AS first_at, max(a.last_at) AS last_at
      FROM (SELECT n.issuer, n.notice_no, n.carrier, 1::bigint AS arrivals,
                   n.received_at AS first_at, n.received_at AS last_at
              FROM service_provider.reissue_notice n
             UNION ALL
            SELECT r.issuer, r.notice_no, r.carrier, r.arrivals,
                   r.first_at, r.last_at
              FROM service_provider.notice_arrival r) a
     GROUP BY a.issuer, a.notice_no, a.carrier;
COMMENT ON VIEW service_provider.arrival IS
    'arrivals of notices by carrier, the first one included';

-- Issuers number densely from 1 within each epoch (number = epoch * 2^40 + n),
-- so what is missing was lost, or is in quarantine.  What follows the highest
-- number of an epoch cannot be known to be missing.
CREATE VIEW service_provider.notice_gap AS
    SELECT gap.issuer, gap.from_no, gap.to_no
      FROM (SELECT n.issuer,
                   greatest(
                       lag(n.notice_no, 1, 0::bigint) OVER in_order + 1,
                       (n.notice_no >> 40 << 40) + 1) AS from_no,
                   n.notice_no - 1 AS to_no
              FROM service_provider.reissue_notice n
             WHERE n.notice_no > 0
            WINDOW in_order AS (PARTITION BY n.issuer ORDER BY n.notice_no)) gap
     WHERE gap.from_no <= gap.to_no;
COMMENT ON VIEW service_provider.notice_gap IS
    'gaps in the numbers of the notices received, by issuer';

-- What is open, for people who may not see whole card ids.  A value is shown if
-- it is what it should be, else it is null; the patterns are the grammars of
-- the types, so no cast can raise, whatever a publisher sent.  An app id could
-- be a card id in the wrong place, so only our own are shown.
CREATE VIEW service_provider.quarantine AS
    SELECT q.quarantine_id,
           CASE WHEN q.issuer ~ '^[0-9A-Za-z]{1,12}$'
                THEN upper(q.issuer COLLATE "C") COLLATE "default"
           END AS issuer,
           CASE WHEN q.notice_no !~ '^-?[0-9]{1,19}$' THEN NULL
                WHEN q.notice_no::numeric BETWEEN -9223372036854775808
                                              AND 9223372036854775807
                THEN q.notice_no::bigint
           END AS notice_no,
           q.cause, q.carrier, q.subscription, q.received_at,
           CASE WHEN q.kind IN ('reissue', 'withdrawal', 'renewal')
                THEN q.kind END AS kind,
           CASE WHEN q.old_card_id ~ '^[0-9]([ -]?[0-9]){3,39}$'
                  OR q.old_card_id ~ '^0[xX]([0-9A-Fa-f]{2}){4,20}$'
                  OR q.old_card_id ~ '^(?!0[xX])(?=.*[A-Za-z])[0-9A-Za-z._-]{1,32}$'
                THEN screissue.mask(q.old_card_id::screissue.card_id)
           END AS old_card_id,
           CASE WHEN q.new_card_id ~ '^[0-9]([ -]?[0-9]){3,39}$'
                  OR q.new_card_id ~ '^0[xX]([0-9A-Fa-f]{2}){4,20}$'
                  OR q.new_card_id ~ '^(?!0[xX])(?=.*[A-Za-z])[0-9A-Za-z._-]{1,32}$'
                THEN screissue.mask(q.new_card_id::screissue.card_id)
           END AS new_card_id,
           (SELECT a.app_id
              FROM service_provider.application a
             WHERE a.app_id::text = upper(q.app_id COLLATE "C")) AS app_id,
           CASE WHEN q.message_id ~ '^[0-9A-Za-z]{1,12}/[0-9A-Za-z]{1,12}/[0-9]{1,19}$'
                THEN upper(q.message_id COLLATE "C") COLLATE "default"
           END AS message_id,
           CASE WHEN q.cause = 'contradiction'
                THEN (SELECT concat_ws(', ',
                         CASE WHEN n.kind IS DISTINCT FROM q.kind
                              THEN 'kind' END,
                         CASE WHEN n.platform_type IS DISTINCT FROM
                                   q.platform_type::integer
                              THEN 'platform_type' END,
                         CASE WHEN n.new_card_id::text IS DISTINCT FROM
                                   q.new_card_id::screissue.card_id::text
                              THEN 'new_card_id' END,
                         CASE WHEN n.old_card_id::text IS DISTINCT FROM
                                   q.old_card_id::screissue.card_id::text
                              THEN 'old_card_id' END,
                         CASE WHEN n.app_id::text IS DISTINCT FROM
                                   q.app_id::screissue.app_id::text
                              THEN 'app_id' END,
                         CASE WHEN n.message_id::text IS DISTINCT FROM
                                   q.message_id::screissue.message_id::text
                              THEN 'message_id' END,
                         CASE WHEN n.reason IS DISTINCT FROM q.reason
                              THEN 'reason' END,
                         CASE WHEN n.noted_at IS DISTINCT FROM
                                   q.noted_at::timestamptz
                              THEN 'noted_at' END)
                        FROM service_provider.reissue_notice n
                       WHERE n.issuer OPERATOR(screissue.=)
                             q.issuer::screissue.company_id
                         AND n.notice_no = q.notice_no::bigint)
           END AS differs_in,
           q.digest IS NULL OR q.provider IS NOT NULL AS content_kept,
           q.decided_at, q.decided_by, q.decision_reason
      FROM service_provider.quarantined_notice q
     WHERE q.resolved_at IS NULL;
COMMENT ON VIEW service_provider.quarantine IS
    'notices in quarantine that nobody has decided on, with masked card ids';
COMMENT ON COLUMN service_provider.quarantine.differs_in IS
    'for a contradiction, what the notice in the inbox has otherwise; NULL = none is there';
COMMENT ON COLUMN service_provider.quarantine.content_kept IS
    'false: only a digest is kept, so that it cannot be judged again';
COMMENT ON COLUMN service_provider.quarantine.decided_at IS
    'when somebody retried it last';

-- What comes in from each issuer, for monitoring.  The gaps are counted only
-- when they are asked for: that reads the inbox's index.
CREATE VIEW service_provider.intake AS
    SELECT i.issuer, i.name,
           coalesce(i.contract_until >= (now() AT TIME ZONE 'UTC')::date,
                    true) AS in_force,
           i.subscription,
           CASE WHEN s.oid IS NULL THEN 'none'
                WHEN NOT s.subenabled THEN 'disabled'
                WHEN w.subid IS NULL THEN 'down'
                ELSE 'running' END AS worker,
           f.apply_error_count + f.sync_error_count AS worker_errors,
           i.server,
           i.last_notice_no AS pulled_to,
           n.notice_no AS last_notice_no,
           n.noted_at AS last_noted_at,
           now() - n.received_at AS age,
           (SELECT count(*)
              FROM service_provider.notice_gap g
             WHERE g.issuer OPERATOR(screissue.=) i.issuer) AS gaps,
           coalesce(q.notices, 0) AS quarantined
      FROM service_provider.issuer i
      LEFT JOIN pg_subscription s
        ON s.subname = i.subscription
       AND s.subdbid = (SELECT d.oid FROM pg_database d
                         WHERE d.datname = current_database())
      LEFT JOIN (SELECT DISTINCT a.subid
                   FROM pg_stat_subscription a
                  WHERE a.pid IS NOT NULL
                    AND a.relid IS NULL) w ON w.subid = s.oid
      LEFT JOIN pg_stat_subscription_stats f ON f.subid = s.oid
      LEFT JOIN LATERAL
           (SELECT r.notice_no, r.noted_at, r.received_at
              FROM service_provider.reissue_notice r
             WHERE r.issuer OPERATOR(screissue.=) i.issuer
               AND r.notice_no > 0
             ORDER BY r.notice_no DESC
             LIMIT 1) n ON true
      LEFT JOIN (SELECT o.issuer, count(*) AS notices
                   FROM service_provider.quarantine o
                  GROUP BY o.issuer) q ON q.issuer = i.issuer::text;
COMMENT ON VIEW service_provider.intake IS
    'what comes in from each issuer: worker, newest notice, gaps, quarantine';
COMMENT ON COLUMN service_provider.intake.worker IS
    'of the subscription: none, disabled, down or running';
COMMENT ON COLUMN service_provider.intake.pulled_to IS
    'cursor of pull_notices';
COMMENT ON COLUMN service_provider.intake.age IS
    'how long the notice with the highest number has been here';
COMMENT ON COLUMN service_provider.intake.quarantined IS
    'open notices that claim to be from the issuer';
