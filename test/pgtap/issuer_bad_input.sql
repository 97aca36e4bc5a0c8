-- Bad input to every call of the card issuer: the SQLSTATE that
-- doc/reference.md gives, a message in its form and without a card id, nothing
-- changed (since 1.1)
BEGIN;
\ir include/issuer.sql
SELECT plan(342);

-- Cards that errors must mask: digits only.
SELECT card_issuer.issue_card('4111111111111111', 100), card_issuer.issue_card('378282246310005', 100),
       card_issuer.issue_card('6759649826438453', 100, activate => false), t.load('4111111111111111', :METRO1),
       card_issuer.issue_card('3566002020360505', 100), t.reissue('3566002020360505', '3566002020360513'),
       card_issuer.request_reissue('6759649826438453', 'lost') \g /dev/null
SELECT t.permit('378282246310005', :SHOP1) AS permitted \gset
-- A request that is open, and pending.
SELECT card_issuer.issue_card('4000000000000002', 100), card_issuer.request_reissue('4000000000000002', 'lost') \g /dev/null
UPDATE card_issuer.reissue_request r SET status = 'pending' WHERE r.old_card_id = '4000000000000002';
SELECT max(l.message_id) AS loaded FROM card_issuer.app_load l WHERE l.status = 'loaded' \gset

SELECT card_issuer.register_key(2, 'ecies-p256'), card_issuer.register_holder('H', '{}') \g /dev/null
SELECT p.attribute FROM card_issuer.personalize_card('378282246310005', 2) p \gset

-- Certificates, and an inquiry of METRO in a file.
CREATE FUNCTION t.certificate(name text)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT pg_read_file(current_setting('screissue.key_directory') || '/' || name || '.crt')
$$;
GRANT USAGE ON SCHEMA t TO clerk;
ALTER FUNCTION t.certificate(text) SECURITY DEFINER;
SELECT card_issuer.register_certificate('BANKJP', t.certificate('bank'), 'bank.pem') AS bank_certificate,
       card_issuer.register_certificate('METRO', t.certificate('metro')) AS metro_certificate \gset
SELECT screissue.seal_file('{"screissue": 1, "kind": "inquiries", "issuer": "BANKJP", "provider": "METRO", "made_at": "", "inquiries": []}',
                           m.der, 'metro.pem', b.der) AS file
  FROM screissue.read_certificate(t.certificate('metro')) m, screissue.read_certificate(t.certificate('bank')) b \gset

INSERT INTO card_issuer.reissue_batch (reason) VALUES ('compromised');
INSERT INTO screissue.notice (issuer, provider, notice_no) VALUES ('BANKJP', 'METRO', 1000);

-- Every call with arguments that are in order, and which it requires.
CREATE TABLE t.call (call name PRIMARY KEY, arguments jsonb NOT NULL, required text[] NOT NULL);
INSERT INTO t.call VALUES
    ('setup', '{"company": "BANKJP", "name": "Bank", "partitions": "0"}', '{company,name,partitions}'),
    ('register_provider', '{"provider": "METRO", "name": "Metro Transit", "role_name": "metro", "delivery": "push"}', '{provider,name,role_name,delivery}'),
    ('suspend_provider', '{"provider": "METRO"}', '{provider}'),
    ('resume_provider', '{"provider": "METRO"}', '{provider}'),
    ('register_application', '{"app": "D276AB0085CD01", "provider": "METRO", "name": "x", "examination": "new"}', '{app,provider,name,examination}'),
    ('withdraw_application', '{"app": "D276AB0085CD01"}', '{app}'),
    ('set_tariff', '{"app": "D276AB0085CD01", "kind": "reload", "amount": "1", "currency": "JPY"}', '{app,kind,amount,currency}'),
    ('register_holder', '{"holder_id": "H", "profile": "{}"}', '{holder_id}'),
    ('erase_holder', '{"holder_id": "H"}', '{holder_id}'),
    ('renew_card', '{"card": "378282246310005", "valid_until": "2999-12-31"}', '{card,valid_until}'),
    ('issue_card', '{"card": "4222222222222", "platform_type": "100", "activate": "true"}', '{card,platform_type,activate}'),
    ('activate_card', '{"card": "6759649826438453"}', '{card}'),
    ('block_card', '{"card": "378282246310005", "status": "lost"}', '{card,status}'),
    ('unblock_card', '{"card": "378282246310005"}', '{card}'),
    ('register_key', '{"key_id": "1", "scheme": "ecies-x25519"}', '{key_id,scheme}'),
    ('retire_key', '{"key_id": "2"}', '{key_id}'),
    ('revoke_key', '{"key_id": "2"}', '{key_id}'),
    ('personalize_card', '{"card": "378282246310005", "key_id": "2"}', '{card,key_id}'),
    ('inquire', '{"attribute": "A", "app": "D276AB0085CD01"}', '{attribute,app}'),
    ('decrypt_attribute', '{"attribute": "A"}', '{attribute}'),
    ('set_inquiry_limit', '{"provider": "METRO", "per_hour": "100"}', '{provider}'),
    ('inquiries_made', '{"company": "METRO"}', '{company}'),
    ('suspicion', '{"cause": "secret"}', '{}'),
    ('permit_load', '{"app": "D276AB0085CD02", "card": "378282246310005"}', '{app,card}'),
    ('confirm_load', '{"message": "M", "succeeded": "true"}', '{message,succeeded}'),
    ('confirm_unload', '{"message": "M"}', '{message}'),
    ('find_load', '{"message": "M"}', '{message}'),
    ('record_examination', '{"message": "M", "examination": "(t,,)"}', '{message}'),
    ('request_reissue', '{"card": "378282246310005", "reason": "lost"}', '{card,reason}'),
    ('decide_reissue', '{"card": "6759649826438453", "approved": "true"}', '{card,approved}'),
    ('preview_reissue', '{"card": "378282246310005"}', '{card}'),
    ('reissue_card', '{"old_card": "6759649826438453", "new_card": "4222222222222", "activate": "true"}', '{old_card,new_card,activate}'),
    ('reissue_cards', '{"old_cards": "{378282246310005}", "new_cards": "{4222222222222}", "reason": "compromised"}', '{old_cards,new_cards,reason}'),
    ('begin_reissue_batch', '{"batch_id": "1", "chunk": "10", "max_per_second": "100"}', '{batch_id,chunk}'),
    ('run_reissue_chunk', '{"batch_id": "1", "from_card": "378282246310005", "chunk": "10"}', '{batch_id,chunk}'),
    ('cancel_reissue_batch', '{"batch_id": "1"}', '{batch_id}'),
    ('withdraw_reissue', '{"new_card": "3566002020360513"}', '{new_card}'),
    ('find_reissue', '{"card": "378282246310005", "app": "D276AB0085CD01"}', '{card,app}'),
    ('fetch_notices', '{"provider": "METRO", "after_no": "0", "max_rows": "10"}', '{provider,after_no,max_rows}'),
    ('print_notice', '{"provider": "METRO", "notice_no": "1000"}', '{provider,notice_no}'),
    ('print_reply', '{"app": "D276AB0085CD01", "card": "378282246310005"}', '{app,card}'),
    ('print_permission', '{"message": "M"}', '{message}'),
    ('register_certificate', '{"company": "METRO", "certificate": "C"}', '{company,certificate}'),
    ('revoke_certificate', '{"company": "METRO", "sha256": "S"}', '{company,sha256}'),
    ('export_notices', '{"provider": "METRO", "after_no": "0", "max_rows": "10"}', '{provider,after_no,max_rows}'),
    ('answer_inquiries', '{"file": "F"}', '{file}'),
    ('export_permissions', '{"provider": "METRO", "messages": "{}"}', '{provider,messages}'),
    ('digest', '{"provider": "METRO", "from_no": "1", "to_no": "10"}', '{provider,from_no,to_no}'),
    ('digests', '{"provider": "METRO", "from_no": "1", "to_no": "10", "step": "5"}', '{provider,from_no,to_no,step}'),
    ('begin_epoch', '{"after_epoch": "0"}', '{after_epoch}'),
    ('find_old_card', '{"card": "378282246310005"}', '{card}'),
    ('find_new_card', '{"card": "378282246310005"}', '{card}'),
    ('lineage', '{"card": "378282246310005"}', '{card}'),
    ('create_publication', '{"provider": "METRO"}', '{provider}'),
    ('drop_publication', '{"provider": "METRO"}', '{provider}'),
    ('publication_check', '{}', '{}'),
    ('provider_slots', '{}', '{}'),
    ('transfer_application', '{"app": "D276AB0085CD01", "provider": "SHOP"}', '{app,provider}'),
    ('set_opt_out', '{"card": "378282246310005", "app": "D276AB0085CD01", "opted_out": "true"}', '{card,opted_out}'),
    ('expire_cards', '{}', '{}'),
    ('explain_decision', '{"card": "6759649826438453", "request_id": "R"}', '{card,request_id}'),
    ('recipients', '{"card": "378282246310005"}', '{card}'),
    ('grant_operator', '{"role_name": "nobody"}', '{role_name}'),
    ('grant_auditor', '{"role_name": "nobody"}', '{role_name}');
UPDATE t.call c SET arguments = c.arguments || jsonb_build_object('message', CASE WHEN c.call IN ('confirm_load', 'print_permission') THEN :'permitted' ELSE :'loaded' END)
 WHERE c.arguments ? 'message';
UPDATE t.call c SET arguments = c.arguments || jsonb_build_object('request_id', (SELECT r.request_id::text FROM card_issuer.reissue_request r WHERE r.old_card_id = '6759649826438453'))
 WHERE c.arguments ? 'request_id';
UPDATE t.call c SET arguments = c.arguments || jsonb_build_object('certificate', t.certificate('shop')) WHERE c.arguments ? 'certificate';
UPDATE t.call c SET arguments = c.arguments || jsonb_build_object('sha256', :'metro_certificate') WHERE c.arguments ? 'sha256';
UPDATE t.call c SET arguments = c.arguments || jsonb_build_object('file', :'file') WHERE c.arguments ? 'file';
UPDATE t.call c SET arguments = c.arguments || jsonb_build_object('attribute', :'attribute') WHERE c.arguments ? 'attribute';

CREATE FUNCTION t.write_call(call name, arguments jsonb)
    RETURNS text
    LANGUAGE sql
AS $$
    SELECT format('SELECT x FROM card_issuer.%I(%s) x', call, coalesce(string_agg(format('%I => %L', a.key, a.value), ', '), ''))
      FROM jsonb_each_text(arguments) a
$$;
-- Runs a query and takes it back; returns the SQLSTATE.
CREATE FUNCTION t.tried(query text)
    RETURNS text
    LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE query;
    RAISE EXCEPTION USING ERRCODE = '00TRY';
EXCEPTION WHEN OTHERS THEN
    RETURN CASE SQLSTATE WHEN '00TRY' THEN 'done' ELSE SQLSTATE || ' ' || SQLERRM END;
END
$$;

SELECT is_empty($$SELECT p.proname FROM pg_proc p
                   WHERE p.pronamespace = 'card_issuer'::regnamespace AND p.prokind = 'f' AND has_function_privilege('clerk', p.oid, 'EXECUTE')
                     AND p.proname NOT IN (SELECT c.call FROM t.call c)$$, 'every call of an operator is tried here');
SELECT is(t.tried(t.write_call(c.call, c.arguments)), 'done', 'in order: ' || c.call) FROM t.call c;
-- NULL in turn for each argument that is required.
SELECT t.refused(t.write_call(c.call, jsonb_set(c.arguments, ARRAY[r], 'null')), '22023', format('NULL: %s(%s)', c.call, r))
  FROM t.call c, unnest(c.required) r;

-- Unknown ids, for each argument that names something.
CREATE TABLE t.unknown (argument text PRIMARY KEY, value text, state text);
INSERT INTO t.unknown VALUES ('provider', 'NOSUCH', 'SR002'), ('app', 'D276FFFFFFFF', 'SR003'), ('card', '4222222222222', 'SR004'),
    ('old_card', '4333333333339', 'SR004'), ('message', 'BANKJP/METRO/4242', 'SR008'), ('role_name', 'no such role', '42704'),
    ('key_id', '99', 'SR011');
SELECT t.refused(t.write_call(c.call, jsonb_set(c.arguments, ARRAY[u.argument], to_jsonb(u.value))), u.state,
                 format('unknown: %s(%s)', c.call, u.argument))
  FROM t.call c JOIN t.unknown u ON u.argument = ANY (c.required)
 WHERE (c.call, u.argument) NOT IN (('register_provider', 'provider'), ('register_application', 'app'), ('issue_card', 'card'),
                                    ('find_reissue', 'card'), ('find_reissue', 'app'),
                                    ('inquire', 'app'), ('print_reply', 'card'), ('print_reply', 'app'));
SELECT t.refused($$SELECT card_issuer.confirm_load('OTHERBANK/METRO/1')$$, 'SR008', 'unknown: another issuer''s message');
SELECT t.refused($$SELECT card_issuer.withdraw_reissue('4222222222222')$$, 'SR004', 'unknown: withdraw_reissue(new_card)');

-- Values out of their range, and wrong states.
CREATE TABLE t.wrong (state text, call text);
INSERT INTO t.wrong VALUES
    ('SR009', $$setup('OTHER', 'Other Bank')$$), ('SR009', $$setup('BANKJP', 'Bank', 1000)$$),
    ('22023', $$setup('BANKJP', 'Bank', 1025)$$), ('22023', $$setup('BANKJP', 'Bank', -1)$$),
    ('22023', $$register_provider('METRO', 'Metro', 'metro', 'fax')$$),
    ('22023', $$register_provider('METRO', 'Metro', 'metro', 'push', '2030-01-02', '2030-01-01')$$),
    ('23505', $$register_provider('METRO', 'Metro', 'shop')$$),
    ('23505', $$register_provider('NEWCO', 'New', 'metro')$$),
    ('22023', $$register_application('D276AB0085CD01', 'METRO', 'x', '\x00')$$),
    ('22023', $$register_application('D276AB0085CD01', 'METRO', 'x', NULL, 'sometimes')$$),
    ('23505', $$register_application('D276AB0085CD01', 'SHOP', 'x')$$),
    ('22023', $$set_tariff('D276AB0085CD01', 'load', -1, 'JPY')$$),
    ('22023', $$set_tariff('D276AB0085CD01', 'load', 'NaN', 'JPY')$$),
    ('22023', $$set_tariff('D276AB0085CD01', 'load', 'Infinity', 'JPY')$$),
    ('22023', $$set_tariff('D276AB0085CD01', 'load', 1, 'yen')$$),
    ('22023', $$set_tariff('D276AB0085CD01', 'load', 1, '')$$),
    ('22023', $$set_tariff('D276AB0085CD01', 'load', 1.00001, 'JPY')$$),
    ('22023', $$set_tariff('D276AB0085CD01', 'load', 1e15, 'JPY')$$),
    ('22023', $$issue_card('4222222222222', 12345)$$),
    ('22023', $$issue_card('4222222222222', 100, NULL, '2001-01-01')$$),
    ('23505', $$issue_card('4111111111111111', 100)$$),
    ('SR005', $$activate_card('3566002020360505')$$),
    ('SR005', $$block_card('3566002020360505', 'lost')$$),
    ('SR005', $$unblock_card('3566002020360505')$$),
    ('22023', $$block_card('4111111111111111', 'active')$$),
    ('22023', $$permit_load(app => 'D276AB0085CD01')$$),
    ('22023', $$permit_load(app => 'D276AB0085CD01', card => '4111111111111111', attribute => 'ecies-x25519:1:00')$$),
    ('SR006', $$request_reissue('3566002020360505', 'lost')$$),
    ('SR006', $$request_reissue('6759649826438453', 'lost')$$),
    ('SR007', $$decide_reissue('4111111111111111', true)$$),
    ('SR007', $$decide_reissue('3566002020360505', false)$$),
    ('SR005', $$renew_card('3566002020360505', '2999-12-31')$$),
    ('22023', $$renew_card('4111111111111111', '2001-01-01')$$),
    ('22023', $$erase_holder('no such holder')$$),
    ('SR006', $$preview_reissue('3566002020360505')$$),
    ('SR007', $$reissue_card('4111111111111111', '4222222222222')$$),
    ('SR006', $$reissue_card('3566002020360505', '4222222222222')$$),
    ('22023', $$reissue_card('6759649826438453', '6759649826438453')$$),
    ('22023', $$reissue_card('6759649826438453', '4222222222222', 12345)$$),
    ('22023', $$reissue_card('6759649826438453', '4222222222222', valid_until => '2001-01-01')$$),
    ('23505', $$reissue_card('6759649826438453', '4111111111111111')$$),
    ('23505', $$reissue_card('6759649826438453', '3566002020360505')$$),
    ('22023', $$begin_reissue_batch(2, 10, NULL)$$), ('22023', $$begin_reissue_batch(1, 0, NULL)$$), ('22023', $$begin_reissue_batch(1, 10, 0)$$),
    ('22023', $$run_reissue_chunk(2, NULL, 10)$$), ('22023', $$run_reissue_chunk(1, NULL, 0)$$), ('22023', $$cancel_reissue_batch(2)$$),
    ('22023', $$reissue_cards('{4111111111111111}', '{}', 'lost')$$),
    ('22023', $$reissue_cards('{4111111111111111,4111111111111111}', '{4222222222222,5105105105105100}', 'lost')$$),
    ('22023', $$reissue_cards('{4111111111111111,378282246310005}', '{4222222222222,4222222222222}', 'lost')$$),
    ('22023', $$reissue_cards('{4111111111111111,4222222222222}', '{4222222222222,5105105105105100}', 'lost')$$),
    ('22023', $$reissue_cards('{4111111111111111}', '{4111111111111111}', 'lost')$$),
    ('22023', $$reissue_cards('{4111111111111111,NULL}', '{4222222222222,5105105105105100}', 'lost')$$),
    ('22023', $$reissue_cards('{4111111111111111,378282246310005}', '{4222222222222,NULL}', 'lost')$$),
    ('22023', $$reissue_cards('{{4111111111111111}}', '{{4222222222222}}', 'lost')$$),
    ('SR004', $$reissue_cards('{4111111111111111,4333333333339}', '{4222222222222,5105105105105100}', 'lost')$$),
    ('SR006', $$reissue_cards('{4111111111111111,3566002020360505}', '{4222222222222,5105105105105100}', 'lost')$$),
    ('SR007', $$reissue_cards('{4111111111111111,4000000000000002}', '{4222222222222,5105105105105100}', 'lost')$$),
    ('23505', $$reissue_cards('{4111111111111111,378282246310005}', '{4222222222222,3566002020360505}', 'lost')$$),
    ('23505', $$reissue_cards('{4111111111111111,378282246310005}', '{4222222222222,3566002020360513}', 'lost')$$),
    ('SR005', $$withdraw_reissue('4111111111111111')$$),
    ('SR005', $$set_opt_out('3566002020360505', NULL, true)$$),
    ('SR003', $$set_opt_out('4111111111111111', 'D276FFFFFFFF', true)$$),
    ('22023', $$explain_decision('4111111111111111', 1)$$),
    ('22023', $$reissue_card('6759649826438453', '4222222222222', overlap => '1 day')$$),
    ('SR005', $$withdraw_reissue('3566002020360505')$$),
    ('22023', $$set_policy('birthday', NULL)$$), ('22023', $$set_policy(NULL, NULL)$$),
    ('42804', $$set_policy('load', 'card_issuer.own_company()')$$), ('42883', $$set_policy('load', 0)$$),
    ('22023', $$set_inquiry_limit('METRO', 0)$$), ('22023', $$set_inquiry_limit('METRO', -1)$$),
    ('22023', $$fetch_notices('METRO', 0, -1)$$),
    ('22023', $$digest('METRO', 0, 1)$$), ('22023', $$digest('METRO', -1, 1)$$), ('22023', $$digest('METRO', 2, 1)$$),
    ('22023', $$digests('METRO', 0, 1, 1)$$), ('22023', $$digests('METRO', 2, 1, 1)$$),
    ('22023', $$digests('METRO', 1, 10, 0)$$), ('22023', $$digests('METRO', 1, 10, -1)$$),
    ('22023', $$begin_epoch(-1)$$), ('22023', $$begin_epoch(4194304)$$), ('54000', $$begin_epoch(4194303)$$),
    ('22023', $$print_notice('METRO', 424242)$$),
    ('SR002', $$register_certificate('NOSUCH', t.certificate('metro'))$$), ('22P02', $$register_certificate('METRO', '')$$),
    ('SR009', $$register_certificate('SHOP', t.certificate('metro'))$$), ('22023', $$revoke_certificate('SHOP', '\x00')$$),
    ('SR011', $$export_notices('SHOP', 0)$$), ('22P02', $$answer_inquiries('')$$), ('22023', $$export_permissions('METRO', '{NULL}')$$);
INSERT INTO t.wrong VALUES
    ('22023', format('record_examination(%L, ROW(NULL, NULL, NULL)::screissue.verdict)', :'loaded')),
    ('22023', format('record_examination(%L, ROW(true, NULL, ''0'')::screissue.verdict)', :'loaded')),
    ('SR009', format('confirm_load(%L, false)', :'loaded')),
    ('SR009', format('confirm_unload(%L)', :'permitted'));
SELECT t.on_record() AS before \gset
SELECT t.refused('SELECT card_issuer.' || w.call, w.state, w.call) FROM t.wrong w;
-- Nobody is more equal: the same as an operator.
SELECT t.refused('SELECT card_issuer.' || w.call, w.state, 'as an operator: ' || w.call, 'clerk')
  FROM t.wrong w WHERE w.state IN ('SR005', 'SR006', 'SR007', 'SR009', '23505') AND w.call !~ '^setup';
SELECT is(t.on_record(), :'before', 'none of it changed anything');

SELECT * FROM finish();
ROLLBACK;
