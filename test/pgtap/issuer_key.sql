-- Keys of card attributes, and the personalization of cards (R32, E39-E41,
-- E47, E48; design 8)
--
-- The key directory of the cluster has the files that test/keys makes.
BEGIN;
\ir include/issuer.sql
SELECT plan(60);

-- Registration.
SELECT lives_ok(format('SELECT card_issuer.register_key(%s, %L)', k, s), 'R32: key for ' || s)
  FROM (VALUES (1, 'ecies-x25519'), (2, 'ecies-p256'), (3, 'rsa-oaep-sha256')) v (k, s);
SELECT is(left(encode(k.public_key, 'hex'), length(v.start)), v.start, 'design 8: the public part is a SubjectPublicKeyInfo of ' || k.scheme)
  FROM card_issuer.encryption_key k
  JOIN (VALUES (1, '302a300506032b656e032100'), (2, '3059301306072a8648ce3d020106082a8648ce3d030107034200'),
               (3, '30820122300d06092a864886f70d0101010500')) v (key_id, start) ON v.key_id = k.key_id;
SELECT t.on_record() AS before \gset
SELECT lives_ok($$SELECT card_issuer.register_key(1, 'ecies-x25519')$$, 'registered again: fine');
SELECT is(t.on_record(), :'before', 'and nothing changes');
SELECT t.refused(format('SELECT card_issuer.register_key(%s, %L)', k, s), state, format('register_key(%s, %s): %s', k, s, why), 'clerk')
  FROM (VALUES (-1, 'ecies-x25519', '22023', 'no key id'), (256, 'ecies-x25519', '22023', 'no key id'),
               (4, 'ecies', '22023', 'no scheme'), (4, '', '22023', 'no scheme'), (4, 'ECIES-X25519', '22023', 'no scheme'),
               (4, 'ecies-p256', 'SR011', 'the key in the file is another one'),
               (4, 'rsa-oaep-sha256', 'SR011', 'the key in the file is another one'),
               (5, 'ecies-x25519', 'SR011', 'E48: there is no such file'),
               (0, 'ecies-x25519', 'SR011', 'E48: there is no such file'),
               (6, 'ecies-x25519', 'SR011', 'E48: there is no key in the file'),
               (7, 'ecies-x25519', 'SR011', 'E48: it is no file'),
               (1, 'ecies-p256', 'SR011', 'E41: one scheme for each key id')) v (k, s, state, why);
-- The owner of the database calls what operators may not.
SELECT t.refused(call, state, why)
  FROM (VALUES ($$SELECT card_issuer.read_public_key(-1, 'ecies-x25519')$$, 'SR011', 'no key id'),
               ($$SELECT card_issuer.read_public_key(256, 'ecies-x25519')$$, 'SR011', 'no key id'),
               ($$SELECT card_issuer.encrypt_attribute(1, 'ecies-x25519', card_issuer.read_public_key(1, 'ecies-x25519'), '')$$, '22023', 'nothing to encrypt'),
               ($$SELECT card_issuer.encrypt_attribute(1, 'ecies-x25519', card_issuer.read_public_key(1, 'ecies-x25519'), decode(repeat('00', 2000), 'hex'))$$,
                '22023', 'too much to encrypt')) v (call, state, why);
UPDATE card_issuer.encryption_key k SET public_key = '\x00' WHERE k.key_id = 2;
SELECT t.refused($$SELECT card_issuer.register_key(2, 'ecies-p256')$$, 'SR009', 'E40: a key id is never used again for another key');
SELECT t.refused($$SELECT card_issuer.personalize_card('CARD-A', 2)$$, 'SR004', 'unknown card');
SELECT card_issuer.issue_card('CARD-A', 200), card_issuer.issue_card('CARD-B', 200, activate => false) \g /dev/null
SELECT t.refused($$SELECT card_issuer.personalize_card('CARD-A', 2)$$, 'SR011', 'a public part that is none');
UPDATE card_issuer.encryption_key k SET public_key = card_issuer.read_public_key(2, 'ecies-p256') WHERE k.key_id = 2;

-- Personalization: the attribute says the card id and the secret.
CREATE TABLE t.made AS
SELECT c AS card, k AS key_id, p.attribute, p.secret
  FROM (VALUES ('CARD-A'::card_id, 1), ('CARD-B', 2), ('CARD-A', 3)) v (c, k)
 CROSS JOIN LATERAL card_issuer.personalize_card(v.c, v.k) p;
SELECT is(format('%s %s', scheme(m.attribute), key_id(m.attribute)), format('%s %s', k.scheme, k.key_id), 'R32: scheme and key of the attribute')
  FROM t.made m JOIN card_issuer.encryption_key k ON k.key_id = m.key_id;
SELECT matches(m.secret, '^[0-9A-Za-z_-]{22}$', 'design 8: a secret of 22 characters') FROM t.made m;
SELECT is((SELECT count(DISTINCT m.secret) FROM t.made m), 3::bigint, 'design 8: another one each time');
SELECT is(octet_length(ciphertext(m.attribute)), CASE m.key_id WHEN 3 THEN 256 ELSE 31 + m.key_id + 8 + length('CARD-A/') + 22 END,
          'TS 33.501 C.3.4: size of the ciphertext') FROM t.made m;
SELECT is(card_issuer.decrypt_attribute(m.attribute), m.card, 'R32: it decrypts to the card id') FROM t.made m;
SELECT is((SELECT c.secret_sha256 FROM card_issuer.card c WHERE c.card_id = 'CARD-A'),
          (SELECT sha256(convert_to(m.secret, 'UTF8')) FROM t.made m WHERE m.key_id = 3), 'E47: only the digest of the newest secret is kept');
SELECT results_eq($$SELECT u.key_id, u.cards_personalized, u.cards_in_use FROM card_issuer.key_usage u ORDER BY u.key_id$$,
                  $$VALUES (1, 0::bigint, 0::bigint), (2, 1, 1), (3, 1, 1)$$, 'E40: cards that need each key');
SELECT card_issuer.request_reissue('CARD-A', 'lost'), card_issuer.reissue_card('CARD-A', 'CARD-C') \g /dev/null
SELECT is((SELECT format('%s %s', u.cards_personalized, u.cards_in_use) FROM card_issuer.key_usage u WHERE u.key_id = 3), '1 0',
          'E40: a replaced card needs its key no more');
SELECT t.refused($$SELECT card_issuer.personalize_card('CARD-A', 3)$$, 'SR005', 'a replaced card is not personalized');

-- Retired: still decrypts, personalizes nothing new.  Revoked: nothing.
SELECT lives_ok('SELECT card_issuer.retire_key(2), card_issuer.retire_key(2), card_issuer.revoke_key(3), card_issuer.revoke_key(3)',
                'E40: retired and revoked, twice');
SELECT t.refused(format('SELECT card_issuer.personalize_card(%L, %s)', 'CARD-B', k), 'SR011', 'E40: personalize for key ' || k)
  FROM generate_series(2, 4) k;
SELECT is(card_issuer.decrypt_attribute(m.attribute), m.card, 'E40: what was encrypted for a retired key can be read')
  FROM t.made m WHERE m.key_id = 2;
SELECT t.refused(format('SELECT card_issuer.decrypt_attribute(%L)', m.attribute), 'SR011', 'E39: for a revoked key')
  FROM t.made m WHERE m.key_id = 3;
SELECT t.refused(format('SELECT card_issuer.register_key(%s, %L)', k.key_id, k.scheme), 'SR009', 'E40: not in use again: key ' || k.key_id)
  FROM card_issuer.encryption_key k WHERE k.key_id > 1;
SELECT t.refused(format('SELECT card_issuer.%s(99)', c), 'SR011', c || ': unknown key') FROM unnest('{retire_key,revoke_key}'::text[]) c;

-- What cannot be decrypted: one SQLSTATE and one message.
SELECT t.refused(format('SELECT card_issuer.decrypt_attribute(%L)', a), state, 'E42: ' || why, 'clerk')
  FROM (SELECT card_attribute('ecies-x25519', 1, '\x00'), 'SR012', 'one byte'
         UNION ALL SELECT card_attribute('ecies-x25519', 1, decode(repeat('00', 62), 'hex')), 'SR012', 'all zero'
         UNION ALL SELECT card_attribute('ecies-x25519', 1, decode(repeat('ff', 1536), 'hex')), 'SR012', 'as long as can be'
         UNION ALL SELECT card_attribute('ecies-p256', 1, ciphertext(m.attribute)), 'SR012', 'E41: scheme of another key' FROM t.made m WHERE m.key_id = 1
         UNION ALL SELECT card_attribute('ecies-x25519', 99, '\x00'), 'SR011', 'E39: a key that is not registered'
         UNION ALL SELECT card_issuer.encrypt_attribute(1, k.scheme, k.public_key, 'no card'), 'SR012', 'not a card id'
                     FROM card_issuer.encryption_key k WHERE k.key_id = 1) v (a, state, why);

SELECT * FROM finish();
ROLLBACK;
