-- Tables of the card issuer.  Rules (doc/design.md): card tables have the
-- card they are about first in every key; foreign keys only lead to reference
-- tables or stay on that column; no triggers, no sequence as first key.  Where
-- setup() is told to partition them, PARTITION BY is no comment.

CREATE TABLE card_issuer.self (
    one_row boolean NOT NULL DEFAULT true,
    company_id screissue.company_id NOT NULL,
    name text NOT NULL,
    epoch integer NOT NULL DEFAULT 0,
    partitions integer NOT NULL DEFAULT 0,
    layout integer NOT NULL,
    distributed boolean NOT NULL DEFAULT false,
    CONSTRAINT self_pkey PRIMARY KEY (one_row),
    CONSTRAINT self_one_row_check CHECK (one_row),
    CONSTRAINT self_epoch_check CHECK (epoch >= 0 AND epoch < 4194304)
);
COMMENT ON TABLE card_issuer.self IS 'this card issuer: one row';
COMMENT ON COLUMN card_issuer.self.epoch IS
    'high part of message ids and notice numbers; begin_epoch raises it after a restore';
COMMENT ON COLUMN card_issuer.self.layout IS
    'number of the last layout file that has run';

CREATE TABLE card_issuer.provider (
    provider screissue.company_id NOT NULL,
    name text NOT NULL,
    lei text,
    role_name name NOT NULL,
    delivery text NOT NULL,
    contract_from date,
    contract_until date,
    suspended_at timestamp with time zone,
    inquiry_limit integer,
    inquiry_limit_from bigint,
    CONSTRAINT provider_pkey PRIMARY KEY (provider),
    CONSTRAINT provider_role_name_key UNIQUE (role_name),
    CONSTRAINT provider_delivery_check
        CHECK (delivery IN ('push', 'pull', 'on_request')),
    CONSTRAINT provider_contract_check
        CHECK (contract_from <= contract_until),
    CONSTRAINT provider_inquiry_limit_check
        CHECK (inquiry_limit > 0 AND inquiry_limit_from >= 0)
);
COMMENT ON TABLE card_issuer.provider IS
    'contracts with service providers (R4, R5)';
COMMENT ON COLUMN card_issuer.provider.delivery IS
    'push and pull: notices are written; on_request: the provider asks (Fig. 19)';

COMMENT ON COLUMN card_issuer.provider.inquiry_limit IS
    'inquiries that the provider may make within an hour; NULL = any number';
COMMENT ON COLUMN card_issuer.provider.inquiry_limit_from IS
    'number of the last inquiry that does not count for the limit';

CREATE TABLE card_issuer.notice_counter (
    provider screissue.company_id NOT NULL,
    last_notice_no bigint NOT NULL,
    CONSTRAINT notice_counter_pkey PRIMARY KEY (provider)
) WITH (fillfactor = 10);
COMMENT ON TABLE card_issuer.notice_counter IS
    'last notice number of each provider; its row lock makes commit order number order';

CREATE TABLE card_issuer.notice_cursor (
    provider screissue.company_id NOT NULL,
    fetched_no bigint NOT NULL DEFAULT 0,
    confirmed_no bigint NOT NULL DEFAULT 0,
    fetched_at timestamp with time zone,
    CONSTRAINT notice_cursor_pkey PRIMARY KEY (provider)
) WITH (fillfactor = 10);
COMMENT ON TABLE card_issuer.notice_cursor IS
    'how far each provider is that pulls, by what its own role asked for';
COMMENT ON COLUMN card_issuer.notice_cursor.fetched_no IS
    'highest number of a notice that it was given';
COMMENT ON COLUMN card_issuer.notice_cursor.confirmed_no IS
    'number after which it asked the last time: what it has, by its own word';
COMMENT ON COLUMN card_issuer.notice_cursor.fetched_at IS
    'when either number changed';

CREATE TABLE card_issuer.application (
    app_id screissue.app_id NOT NULL,
    provider screissue.company_id NOT NULL,
    name text NOT NULL,
    load_file_sha256 bytea,
    examination_mode text NOT NULL,
    max_examination_age interval,
    withdrawn_at timestamp with time zone,
    CONSTRAINT application_pkey PRIMARY KEY (app_id),
    CONSTRAINT application_provider_fkey
        FOREIGN KEY (provider) REFERENCES card_issuer.provider,
    CONSTRAINT application_load_file_sha256_check
        CHECK (octet_length(load_file_sha256) = 32),
    CONSTRAINT application_examination_mode_check
        CHECK (examination_mode IN ('substitute', 'refer', 'new'))
);
COMMENT ON TABLE card_issuer.application IS
    'applications that are known to be legitimate (R6)';
CREATE INDEX application_provider_idx ON card_issuer.application (provider);

CREATE TABLE card_issuer.tariff (
    app_id screissue.app_id NOT NULL,
    kind screissue.tariff_kind NOT NULL,
    reason screissue.reissue_reason,
    amount numeric NOT NULL,
    currency text NOT NULL,
    CONSTRAINT tariff_app_id_kind_reason_key
        UNIQUE NULLS NOT DISTINCT (app_id, kind, reason),
    CONSTRAINT tariff_app_id_fkey
        FOREIGN KEY (app_id) REFERENCES card_issuer.application,
    CONSTRAINT tariff_amount_check
        CHECK (amount >= 0 AND amount < 'Infinity'),
    CONSTRAINT tariff_currency_check CHECK (currency ~ '^[A-Z]{3}$')
);
COMMENT ON TABLE card_issuer.tariff IS
    'what providers pay for a load and for a reload (claim 13)';
COMMENT ON COLUMN card_issuer.tariff.reason IS 'NULL = any reason';

CREATE TABLE card_issuer.policy (
    event text NOT NULL,
    function text NOT NULL,
    CONSTRAINT policy_pkey PRIMARY KEY (event),
    CONSTRAINT policy_event_check
        CHECK (event IN ('reissue', 'load', 'confirm'))
);
COMMENT ON TABLE card_issuer.policy IS
    'policy functions, by qualified signature; none = the default policy';

CREATE TABLE card_issuer.encryption_key (
    key_id integer NOT NULL,
    scheme text NOT NULL,
    public_key bytea NOT NULL,
    registered_at timestamp with time zone NOT NULL,
    retired_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT encryption_key_pkey PRIMARY KEY (key_id),
    CONSTRAINT encryption_key_key_id_check CHECK (key_id BETWEEN 0 AND 255),
    CONSTRAINT encryption_key_scheme_check CHECK (scheme IN
        ('ecies-x25519', 'ecies-p256', 'rsa-oaep-sha256'))
);
COMMENT ON TABLE card_issuer.encryption_key IS
    'public parts of the keys that card attributes are encrypted for';

CREATE TABLE card_issuer.holder (
    holder_id text NOT NULL,
    profile jsonb,
    CONSTRAINT holder_pkey PRIMARY KEY (holder_id)
);
COMMENT ON TABLE card_issuer.holder IS 'holders of cards (R3)';

CREATE TABLE card_issuer.card (
    card_id screissue.card_id NOT NULL,
    platform_type integer NOT NULL,
    holder_id text,
    status screissue.card_status NOT NULL,
    former_status screissue.card_status,
    valid_until date,
    issued_at timestamp with time zone NOT NULL,
    printed_number text,
    attribute_key_id integer,
    secret_sha256 bytea,
    opted_out_at timestamp with time zone,
    replaces screissue.card_id,
    replaced_by screissue.card_id,
    replaced_at timestamp with time zone,
    overlap_until timestamp with time zone,
    CONSTRAINT card_pkey PRIMARY KEY (card_id),
    CONSTRAINT card_platform_type_fkey
        FOREIGN KEY (platform_type) REFERENCES screissue.platform,
    CONSTRAINT card_replaced_check
        CHECK ((status = 'replaced') = (replaced_by IS NOT NULL)),
    CONSTRAINT card_overlap_check
        CHECK (overlap_until IS NULL OR status = 'replaced'),
    CONSTRAINT card_not_itself_check
        CHECK (card_id OPERATOR(screissue.<>) replaces
               AND card_id OPERATOR(screissue.<>) replaced_by)
) /* PARTITION BY HASH (card_id) */;
COMMENT ON TABLE card_issuer.card IS
    'cards ever issued; an id is never used again (Fig. 5, Fig. 13)';
COMMENT ON COLUMN card_issuer.card.former_status IS
    'status before the card was blocked, or before it expired';
COMMENT ON COLUMN card_issuer.card.replaces IS
    'the old card that this reissued card stands for';
COMMENT ON COLUMN card_issuer.card.replaced_by IS
    'the reissued card that stands for this old card';
COMMENT ON COLUMN card_issuer.card.overlap_until IS
    'until when the old card goes on working beside its replacement (E7)';

CREATE TABLE card_issuer.app_load (
    card_id screissue.card_id NOT NULL,
    message_id screissue.message_id NOT NULL,
    app_id screissue.app_id NOT NULL,
    provider screissue.company_id NOT NULL,
    status screissue.load_status NOT NULL,
    inherits screissue.message_id,
    examination_id bigint,
    finding_id bigint,
    fee numeric,
    currency text,
    tariff_kind screissue.tariff_kind NOT NULL,
    tariff_reason screissue.reissue_reason,
    receipt bytea,
    at_issue boolean NOT NULL,
    permitted_at timestamp with time zone NOT NULL,
    loaded_at timestamp with time zone,
    ended_at timestamp with time zone,
    refunded_at timestamp with time zone,
    CONSTRAINT app_load_pkey PRIMARY KEY (card_id, message_id),
    CONSTRAINT app_load_card_id_fkey
        FOREIGN KEY (card_id) REFERENCES card_issuer.card,
    CONSTRAINT app_load_app_id_fkey
        FOREIGN KEY (app_id) REFERENCES card_issuer.application,
    CONSTRAINT app_load_provider_fkey
        FOREIGN KEY (provider) REFERENCES card_issuer.provider
) /* PARTITION BY HASH (card_id) */;
COMMENT ON TABLE card_issuer.app_load IS
    'loading permissions and what became of them (Fig. 14)';
COMMENT ON COLUMN card_issuer.app_load.inherits IS
    'the old load whose place this reload takes (R27)';
COMMENT ON COLUMN card_issuer.app_load.examination_id IS
    'examination by which the load was permitted';
COMMENT ON COLUMN card_issuer.app_load.finding_id IS
    'later examination, which counts in its place (E49)';
COMMENT ON COLUMN card_issuer.app_load.fee IS
    'price fixed at the verdict, due once loaded';
COMMENT ON COLUMN card_issuer.app_load.tariff_reason IS
    'reason of the line of the tariff that gave the price; NULL = any';
COMMENT ON COLUMN card_issuer.app_load.refunded_at IS
    'when the reissue that made this reload was withdrawn (E52)';
COMMENT ON COLUMN card_issuer.app_load.at_issue IS
    'permitted before the card was handed over (R11)';
CREATE UNIQUE INDEX app_load_live_key ON card_issuer.app_load (card_id, app_id)
    WHERE status IN ('permitted', 'loaded');
CREATE INDEX app_load_message_id_idx ON card_issuer.app_load (message_id);

CREATE TABLE card_issuer.entitlement (
    card_id screissue.card_id NOT NULL,
    app_id screissue.app_id NOT NULL,
    message_id screissue.message_id NOT NULL,
    old_card_id screissue.card_id NOT NULL,
    hops integer NOT NULL,
    granted_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    withdrawn_at timestamp with time zone,
    opted_out_at timestamp with time zone,
    CONSTRAINT entitlement_pkey PRIMARY KEY (card_id, app_id),
    CONSTRAINT entitlement_card_id_fkey
        FOREIGN KEY (card_id) REFERENCES card_issuer.card,
    CONSTRAINT entitlement_app_id_fkey
        FOREIGN KEY (app_id) REFERENCES card_issuer.application,
    CONSTRAINT entitlement_hops_check CHECK (hops > 0)
) /* PARTITION BY HASH (card_id) */;
COMMENT ON TABLE card_issuer.entitlement IS
    'what a reissued card inherits: application -> old loading permission (claim 3)';
COMMENT ON COLUMN card_issuer.entitlement.old_card_id IS
    'the card that this card replaced';
COMMENT ON COLUMN card_issuer.entitlement.hops IS
    'number of reissues between the card that carries the old load and this one';

COMMENT ON COLUMN card_issuer.entitlement.opted_out_at IS
    'the holder opted out: as long as this is set nobody is told (E56)';

CREATE TABLE card_issuer.reissue_request (
    old_card_id screissue.card_id NOT NULL,
    request_id bigint NOT NULL,
    reason screissue.reissue_reason NOT NULL,
    status screissue.request_status NOT NULL,
    requested_by text,
    requested_at timestamp with time zone NOT NULL,
    examination_id bigint,
    refusal text,
    new_card_id screissue.card_id,
    former_status screissue.card_status,
    completed_at timestamp with time zone,
    CONSTRAINT reissue_request_pkey PRIMARY KEY (old_card_id, request_id),
    CONSTRAINT reissue_request_old_card_id_fkey
        FOREIGN KEY (old_card_id) REFERENCES card_issuer.card
) /* PARTITION BY HASH (old_card_id) */;
COMMENT ON TABLE card_issuer.reissue_request IS
    'requests for a reissue and their outcome (Fig. 5, steps 501-504)';
COMMENT ON COLUMN card_issuer.reissue_request.former_status IS
    'status of the old card when it was replaced, which withdraw_reissue gives back';
CREATE UNIQUE INDEX reissue_request_open_key
    ON card_issuer.reissue_request (old_card_id)
    WHERE status IN ('pending', 'approved');

CREATE TABLE card_issuer.examination (
    card_id screissue.card_id NOT NULL,
    examination_id bigint NOT NULL,
    event text NOT NULL,
    approved boolean,
    reason text,
    examined_at timestamp with time zone NOT NULL,
    valid_until timestamp with time zone,
    examiner text,
    details jsonb,
    substitutes bigint,
    substitutes_card_id screissue.card_id,
    CONSTRAINT examination_pkey PRIMARY KEY (card_id, examination_id),
    CONSTRAINT examination_card_id_fkey
        FOREIGN KEY (card_id) REFERENCES card_issuer.card,
    CONSTRAINT examination_event_check
        CHECK (event IN ('reissue', 'load', 'confirm'))
) /* PARTITION BY HASH (card_id) */;
COMMENT ON TABLE card_issuer.examination IS
    'judgements made, with their evidence (the patent''s credit investigations)';
COMMENT ON COLUMN card_issuer.examination.substitutes IS
    'earlier examination that was reused instead of a new one (claim 11)';

CREATE TABLE card_issuer.opt_out (
    card_id screissue.card_id NOT NULL,
    app_id screissue.app_id NOT NULL,
    since timestamp with time zone NOT NULL,
    CONSTRAINT opt_out_pkey PRIMARY KEY (card_id, app_id),
    CONSTRAINT opt_out_card_id_fkey
        FOREIGN KEY (card_id) REFERENCES card_issuer.card
) /* PARTITION BY HASH (card_id) */;
COMMENT ON TABLE card_issuer.opt_out IS
    'applications whose provider must not be told of a reissue';

CREATE TABLE card_issuer.inquiry (
    provider screissue.company_id NOT NULL,
    inquiry_no bigint NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    role name NOT NULL,
    app_id screissue.app_id,
    attribute_sha256 bytea,
    card_id screissue.card_id,
    reissued boolean NOT NULL,
    message_id screissue.message_id,
    cause text,
    permission screissue.message_id,
    CONSTRAINT inquiry_pkey PRIMARY KEY (provider, inquiry_no)
);
COMMENT ON TABLE card_issuer.inquiry IS
    'inquiries and their replies, append-only (Fig. 16)';
COMMENT ON COLUMN card_issuer.inquiry.cause IS
    'why the reply is negative, which the provider is not told';
COMMENT ON COLUMN card_issuer.inquiry.permission IS
    'loading permission given, where one was asked for by attribute';

CREATE TABLE card_issuer.reissue_batch (
    batch_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    reason screissue.reissue_reason NOT NULL,
    name text,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    created_by text NOT NULL DEFAULT current_user,
    started_at timestamp with time zone,
    last_chunk_at timestamp with time zone,
    cancelled_at timestamp with time zone,
    done bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    rate double precision,
    CONSTRAINT reissue_batch_pkey PRIMARY KEY (batch_id)
);
COMMENT ON TABLE card_issuer.reissue_batch IS
    'batches of reissues; operators insert reason and name';
COMMENT ON COLUMN card_issuer.reissue_batch.rate IS
    'items a second, of all sessions together, of late';

-- A list of work and no card table: the batch comes first in its key.  With no
-- index on what an update changes, and half of each page free, that stays on the
-- page.
CREATE TABLE card_issuer.reissue_batch_item (
    batch_id bigint NOT NULL,
    old_card_id screissue.card_id NOT NULL,
    item_no bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    new_card_id screissue.card_id NOT NULL,
    finished_at timestamp with time zone,
    failure_state text,
    failure text,
    CONSTRAINT reissue_batch_item_pkey
        PRIMARY KEY (batch_id, old_card_id, item_no),
    CONSTRAINT reissue_batch_item_batch_id_fkey
        FOREIGN KEY (batch_id) REFERENCES card_issuer.reissue_batch
) WITH (fillfactor = 50);
COMMENT ON TABLE card_issuer.reissue_batch_item IS
    'pairs of cards of batches; operators COPY batch_id, old_card_id, new_card_id';
COMMENT ON COLUMN card_issuer.reissue_batch_item.failure_state IS
    'SQLSTATE, where the card could not be reissued';

CREATE VIEW card_issuer.batch_progress AS
    SELECT b.batch_id, b.name, b.reason, b.done + b.failed + w.waiting AS items,
           b.done, b.failed, w.waiting, b.started_at, b.last_chunk_at,
           b.cancelled_at, b.rate,
           CASE WHEN w.waiting > 0 AND b.cancelled_at IS NULL
                THEN b.last_chunk_at
                     + make_interval(secs => w.waiting / nullif(b.rate, 0))
           END AS estimated_end
      FROM card_issuer.reissue_batch b
     CROSS JOIN LATERAL
           (SELECT count(*) AS waiting
              FROM card_issuer.reissue_batch_item i
             WHERE i.batch_id = b.batch_id
               AND i.finished_at IS NULL) w;
COMMENT ON VIEW card_issuer.batch_progress IS
    'how far the batches of reissues are';

CREATE VIEW card_issuer.batch_failure AS
    SELECT i.batch_id, i.item_no, screissue.mask(i.old_card_id) AS old_card_id,
           screissue.mask(i.new_card_id) AS new_card_id, i.finished_at,
           i.failure_state, i.failure
      FROM card_issuer.reissue_batch_item i
     WHERE i.failure_state IS NOT NULL;
COMMENT ON VIEW card_issuer.batch_failure IS
    'items of batches that failed, and why, with masked card ids';

CREATE SEQUENCE card_issuer.message_sequence MAXVALUE 1099511627775;
COMMENT ON SEQUENCE card_issuer.message_sequence IS
    'numbers of message ids, one for all providers: epoch * 2^40 + n';
CREATE SEQUENCE card_issuer.request_sequence;
COMMENT ON SEQUENCE card_issuer.request_sequence IS 'reissue request ids';
CREATE SEQUENCE card_issuer.examination_sequence;
COMMENT ON SEQUENCE card_issuer.examination_sequence IS 'examination ids';

-- What each card would leave to its replacement: the loads that are live on it,
-- else what it inherits and has not used (E1-E3).
CREATE VIEW card_issuer.inheritable_load AS
    SELECT l.card_id, l.app_id, l.message_id, 1 AS hops
      FROM card_issuer.app_load l
     WHERE l.status = 'loaded'
     UNION ALL
    SELECT e.card_id, e.app_id, e.message_id, e.hops + 1 AS hops
      FROM card_issuer.entitlement e
     WHERE e.used_at IS NULL
       AND e.withdrawn_at IS NULL
       AND NOT EXISTS
           (SELECT FROM card_issuer.app_load l
             WHERE l.card_id OPERATOR(screissue.=) e.card_id
               AND l.app_id OPERATOR(screissue.=) e.app_id
               AND l.status = 'loaded');
COMMENT ON VIEW card_issuer.inheritable_load IS
    'what each card would leave to its replacement';

-- Fig. 13, both ways: the old card's row and the reissued card's row name
-- each other, so a search by either id is two probes of the primary key.
CREATE VIEW card_issuer.reissue_pair AS
    SELECT s.company_id AS issuer,
           o.card_id AS old_card_id,
           n.card_id AS new_card_id
      FROM card_issuer.self s
     CROSS JOIN card_issuer.card o
      JOIN card_issuer.card n
        ON n.card_id OPERATOR(screissue.=) o.replaced_by
       AND n.replaces OPERATOR(screissue.=) o.card_id;
COMMENT ON VIEW card_issuer.reissue_pair IS
    'pairs of old and reissued card, searchable by either (Fig. 13)';

CREATE VIEW card_issuer.masked_reissue_pair AS
    SELECT p.issuer,
           screissue.mask(p.old_card_id) AS old_card_id,
           screissue.mask(p.new_card_id) AS new_card_id
      FROM card_issuer.reissue_pair p;
COMMENT ON VIEW card_issuer.masked_reissue_pair IS
    'pairs of old and reissued card with masked ids, for auditors';

CREATE VIEW card_issuer.key_usage AS
    SELECT k.key_id, k.scheme, k.registered_at, k.retired_at, k.revoked_at,
           coalesce(u.personalized, 0) AS cards_personalized,
           coalesce(u.in_use, 0) AS cards_in_use,
           k.public_key
      FROM card_issuer.encryption_key k
      LEFT JOIN (SELECT c.attribute_key_id, count(*) AS personalized,
                        count(*) FILTER (WHERE c.status NOT IN
                            ('expired', 'replaced', 'revoked')
                            OR c.overlap_until > now()) AS in_use
                   FROM card_issuer.card c
                  GROUP BY c.attribute_key_id) u
        ON u.attribute_key_id = k.key_id;
COMMENT ON VIEW card_issuer.key_usage IS
    'keys of card attributes, and how many cards still need them (E40)';

CREATE VIEW card_issuer.masked_inquiry AS
    SELECT i.provider, i.inquiry_no, i.asked_at, i.role, i.app_id,
           screissue.mask(i.card_id) AS card_id, i.reissued, i.message_id,
           i.cause, i.permission
      FROM card_issuer.inquiry i;
COMMENT ON VIEW card_issuer.masked_inquiry IS
    'inquiries and their replies with masked card ids, for operators and auditors';

-- An inquiry that was rolled back has a number and no row; so has one whose
-- transaction is still open, and a crash of the server skips up to 32 numbers.
CREATE VIEW card_issuer.inquiry_report AS
    SELECT m.provider, m.inquiries,
           count(i.inquiry_no) FILTER (WHERE i.cause IS NULL) AS positive,
           count(i.cause) AS negative,
           m.inquiries - count(i.inquiry_no) AS hidden,
           max(i.asked_at) AS last_asked_at, m.inquiry_limit
      FROM (SELECT c.provider,
                   card_issuer.inquiries_made(c.provider) AS inquiries,
                   p.inquiry_limit
              FROM (SELECT p.provider FROM card_issuer.provider p
                     UNION
                    SELECT s.company_id FROM card_issuer.self s) c
              LEFT JOIN card_issuer.provider p
                ON p.provider OPERATOR(screissue.=) c.provider) m
      LEFT JOIN card_issuer.inquiry i
        ON i.provider OPERATOR(screissue.=) m.provider
     GROUP BY m.provider, m.inquiries, m.inquiry_limit;
COMMENT ON VIEW card_issuer.inquiry_report IS
    'inquiries of each provider, and how many of them were rolled back';

-- What is due: a load when it is confirmed (R51), a refund when the reissue is
-- withdrawn.  A refund is a line of its own, of the same message id (E52).
CREATE VIEW card_issuer.charge AS
    SELECT l.provider,
           date_trunc('month', c.due_at AT TIME ZONE 'UTC')::date AS month,
           c.due_at, l.message_id, l.app_id, l.tariff_kind AS kind,
           l.tariff_reason AS reason, c.refund,
           CASE WHEN c.refund THEN - l.fee ELSE l.fee END AS amount,
           l.currency
      FROM card_issuer.app_load l
     CROSS JOIN LATERAL (VALUES (l.loaded_at, false),
                                (l.refunded_at, true)) c (due_at, refund)
     WHERE l.fee IS NOT NULL
       AND l.loaded_at IS NOT NULL
       AND c.due_at IS NOT NULL;
COMMENT ON VIEW card_issuer.charge IS
    'what providers owe for loads and reloads, and what is refunded (claim 13)';

CREATE VIEW card_issuer.statement AS
    SELECT c.provider, c.month, c.currency,
           count(*) FILTER (WHERE c.kind = 'load') AS loads,
           count(*) FILTER (WHERE c.kind = 'reload' AND NOT c.refund) AS reloads,
           count(*) FILTER (WHERE c.refund) AS refunds,
           sum(c.amount) AS amount
      FROM card_issuer.charge c
     GROUP BY c.provider, c.month, c.currency;
COMMENT ON VIEW card_issuer.statement IS
    'what each provider owes for a month (UTC), by currency';

-- How far the notices are on their way to each provider: one row, or one for
-- each of its slots.  A provider that has confirmed, through a slot, all that is in
-- the WAL has the last notice that we see.
CREATE VIEW card_issuer.delivery AS
    SELECT p.provider, p.delivery,
           p.suspended_at IS NULL
           AND coalesce(p.contract_from <= d.today, true)
           AND coalesce(p.contract_until >= d.today, true) AS in_force,
           k.last_notice_no, c.fetched_no,
           CASE WHEN s.caught_up THEN k.last_notice_no
                WHEN c.fetched_at IS NOT NULL THEN c.confirmed_no
           END AS confirmed_no,
           c.fetched_at, s.slot_name, s.role_name, s.active, s.wal_status,
           s.safe_wal_size, s.lag_bytes, s.lag
      FROM card_issuer.provider p
     CROSS JOIN (SELECT (now() AT TIME ZONE 'UTC')::date AS today) d
      JOIN card_issuer.notice_counter k
        ON k.provider OPERATOR(screissue.=) p.provider
      LEFT JOIN card_issuer.notice_cursor c
        ON c.provider OPERATOR(screissue.=) p.provider
      LEFT JOIN card_issuer.provider_slots() s
        ON s.provider OPERATOR(screissue.=) p.provider;
COMMENT ON VIEW card_issuer.delivery IS
    'how far each provider is: last number written, fetched, confirmed, slots';
