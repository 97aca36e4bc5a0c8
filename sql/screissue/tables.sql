-- Tables of schema screissue, made by either setup().

-- R43, R44: platform type codes and the method each stands for.  A builder
-- adds own codes as rows.
CREATE TABLE screissue.platform (
    platform_type integer NOT NULL,
    card_os text,
    method integer,
    id_check text NOT NULL DEFAULT 'none',
    CONSTRAINT platform_pkey PRIMARY KEY (platform_type),
    CONSTRAINT platform_method_check CHECK (method IN (1, 2)),
    CONSTRAINT platform_id_check_check
        CHECK (id_check IN ('none', 'luhn', 'mod97'))
);
COMMENT ON TABLE screissue.platform IS
    'platform types (card operating systems) and their method';
COMMENT ON COLUMN screissue.platform.method IS
    '1 = card id readable, notices; 2 = not readable, inquiry; NULL = unknown';
COMMENT ON COLUMN screissue.platform.id_check IS
    'check digit that the ids of such cards carry: none, luhn or mod97';

INSERT INTO screissue.platform (platform_type, card_os, method) VALUES
    (100, 'card id readable', 1),
    (200, 'card id readable by the issuer only', 2),
    (999, 'unknown', NULL);

-- The life of cards, loads and requests: which status may follow which.  A row
-- may be forbidden here, none can be added.
CREATE TABLE screissue.status_move (
    subject text NOT NULL,
    from_status text NOT NULL,
    to_status text NOT NULL,
    allowed boolean NOT NULL DEFAULT true,
    CONSTRAINT status_move_pkey PRIMARY KEY (subject, from_status, to_status),
    CONSTRAINT status_move_check
        CHECK (screissue.is_status_move(subject, from_status, to_status))
);
COMMENT ON TABLE screissue.status_move IS
    'moves from a status of a card, load or request to another';
COMMENT ON COLUMN screissue.status_move.allowed IS
    'false: whoever owns the extension has forbidden it';

INSERT INTO screissue.status_move (subject, from_status, to_status)
SELECT m.subject, m.from_status, m.to_status
  FROM screissue.status_moves() m;

-- R20, R29: the wire table.  Built-in types only: publication row filters
-- take no others, and a malformed value of an own type would stop the
-- subscriber before any trigger could save it.
CREATE TABLE screissue.notice (
    issuer text COLLATE "C" NOT NULL,
    provider text COLLATE "C" NOT NULL,
    notice_no bigint NOT NULL,
    kind text COLLATE "C",
    platform_type integer,
    new_card_id text COLLATE "C",
    old_card_id text COLLATE "C",
    app_id text COLLATE "C",
    message_id text COLLATE "C",
    reason text COLLATE "C",
    noted_at timestamp with time zone,
    CONSTRAINT notice_pkey PRIMARY KEY (issuer, provider, notice_no)
);
CREATE INDEX notice_new_card_id_idx ON screissue.notice USING hash (new_card_id);
COMMENT ON TABLE screissue.notice IS
    'notices of reissue on the wire: what publications send (Fig. 12)';
COMMENT ON COLUMN screissue.notice.notice_no IS
    'dense per issuer, provider and epoch: epoch * 2^40 + n';
COMMENT ON COLUMN screissue.notice.kind IS 'reissue, withdrawal or renewal';
COMMENT ON COLUMN screissue.notice.platform_type IS
    'platform type of the reissued card';
COMMENT ON COLUMN screissue.notice.old_card_id IS
    'NULL unless the id of the old card is readable, too';
COMMENT ON COLUMN screissue.notice.message_id IS
    'loading permission that the reissued card inherits';

-- R10: whose signature on a sealed file counts, and who can open one.  A role
-- that is set up here, card_issuer or service_provider, has its own.
CREATE TABLE screissue.certificate (
    side text NOT NULL,
    sha256 bytea NOT NULL,
    company_id screissue.company_id NOT NULL,
    der bytea NOT NULL,
    key_file text,
    valid_from timestamp with time zone NOT NULL,
    valid_until timestamp with time zone NOT NULL,
    registered_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    CONSTRAINT certificate_pkey PRIMARY KEY (side, sha256),
    CONSTRAINT certificate_side_check
        CHECK (side IN ('card_issuer', 'service_provider'))
);
COMMENT ON TABLE screissue.certificate IS
    'certificates for sealed files, our own and those of partners';
COMMENT ON COLUMN screissue.certificate.side IS
    'in which role we use it: card_issuer or service_provider';
COMMENT ON COLUMN screissue.certificate.sha256 IS
    'SHA-256 of the certificate, its fingerprint';
COMMENT ON COLUMN screissue.certificate.company_id IS 'whose it is';
COMMENT ON COLUMN screissue.certificate.key_file IS
    'file with the private key in screissue.key_directory; NULL = a partner''s';
