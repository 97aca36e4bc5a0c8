-- Enums and composites that the API takes and returns

CREATE TYPE screissue.card_status AS ENUM (
    'produced', 'active', 'suspended', 'lost', 'stolen', 'damaged',
    'expired', 'replaced', 'revoked');
COMMENT ON TYPE screissue.card_status IS 'status of a card in its life';

CREATE TYPE screissue.reissue_reason AS ENUM (
    'lost', 'stolen', 'damaged', 'expired', 'upgraded', 'compromised',
    'other');
COMMENT ON TYPE screissue.reissue_reason IS
    'reason why a card is reissued';

CREATE TYPE screissue.load_status AS ENUM (
    'permitted', 'loaded', 'failed', 'unloaded', 'superseded');
COMMENT ON TYPE screissue.load_status IS
    'status of the load of an application on a card';

CREATE TYPE screissue.request_status AS ENUM (
    'pending', 'approved', 'refused', 'completed', 'withdrawn');
COMMENT ON TYPE screissue.request_status IS
    'status of a request for a reissue';

CREATE TYPE screissue.reload_outcome AS ENUM (
    'approved', 'refused', 'awaiting_reply', 'not_reissued',
    'not_loaded_before', 'already_reloaded', 'card_replaced',
    'examination_required', 'application_withdrawn', 'contract_ended',
    'entitlement_withdrawn');
COMMENT ON TYPE screissue.reload_outcome IS
    'outcome of a request for a reload';

CREATE TYPE screissue.tariff_kind AS ENUM ('load', 'reload');
COMMENT ON TYPE screissue.tariff_kind IS
    'kind of load that a tariff prices (claims 13, 14)';

CREATE TYPE screissue.verdict AS (
    approved boolean,
    reason text,
    valid_for interval);
COMMENT ON TYPE screissue.verdict IS
    'result of an examination; approved NULL = pending';
