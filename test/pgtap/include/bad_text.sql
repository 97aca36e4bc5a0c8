-- Malformed text of every type: the temporary table bad.
CREATE TEMP TABLE bad (n int GENERATED ALWAYS AS IDENTITY, type text, input text);
INSERT INTO bad (type, input)
SELECT 'company_id', unnest(ARRAY[
    '', ' ', 'BANK JP', ' BANK', 'BANK ', 'BANK-JP', 'BANK/', 'B"ANK', E'BANK\n', '_', '1234567890ABC',
    'ＢＡＮＫ', '１２', 'ÄRZTE', 'бан', repeat('A', 63) || 'é' || repeat('A', 10), repeat('é', 40), repeat('A', 1000000)]);
INSERT INTO bad (type, input)
SELECT 'app_id', unnest(ARRAY[
    '', 'A00000000', 'A0000000', 'A000000003101', 'A0000000031010 ', ' A0000000031010', 'A0 00 00 00 03 10 10',
    '0xA0000000031010', 'A000000003101G', repeat('A', 34), repeat('A', 33), 'Ａ000000003', repeat('A0', 500000)]);
INSERT INTO bad (type, input)
SELECT 'message_id', unnest(ARRAY[
    '', '/', '//', 'BANKJP', 'BANKJP/METRO', 'BANKJP/METRO/', 'BANKJP//42', '/METRO/42', 'BANKJP/METRO/42/',
    'BANKJP/METRO/42/1', 'BANKJP/METRO/0', 'BANKJP/METRO/042', 'BANKJP/METRO/-1', 'BANKJP/METRO/+1',
    'BANKJP/METRO/9223372036854775808', 'BANKJP/METRO/99999999999999999999999999999', 'BANKJP/METRO/4 2',
    'BANKJP/METRO/４２', 'BANK JP/METRO/42', 'BANKJP/ME-TRO/42', 'BANKJP /METRO/42', 'BANKJP/METRO/0x2A',
    'BANKJPBANKJPX/METRO/42', 'BANKJP/METROMETROMETRO/42', 'ＢＡＮＫ/METRO/42', 'A/B/1' || repeat('0', 1000000)]);
INSERT INTO bad (type, input)
SELECT 'card_id', unnest(ARRAY[
    '', ' ', '-', '123', '1-2-3', '12a ', ' 4111111111111111', '4111111111111111 ', '-4111111111111111',
    '4111111111111111-', '4111  1111 1111 1111', '4111--1111-1111-1111', '4111- 1111-1111-1111',
    '4111.1111.1111.1111', '4111_1111', E'4111111111111111\n', E'4111\t1111\t1111\t1111', '4111,1111',
    '４１１１１１１１１１１１１１１１', '4111111111111111１', '４111111111111111', '٤١١١١١١١', repeat('4', 41),
    trim(repeat('4 ', 41)), '0x', '0X', '0x12', '0x123456', '0x123456789', '0x1234567G', '0x12345678 ',
    '0x' || repeat('AB', 21), '0xZZZZZZZZ', '0x-12345678', '_', '.', '1.2', '...', 'AB CD', 'AB/CD', 'AB:CD', 'ÄB', 'éé',
    'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456', '"; DROP TABLE card', '1234;' || repeat('z', 40), 'JE4111111111111111!',
    repeat('4', 1000000), repeat('4111 ', 200000), repeat('é', 1000), repeat('-', 1000), repeat('4é', 1000), 'card 4111111111111111 is lost']);
INSERT INTO bad (type, input)
SELECT 'card_attribute', unnest(ARRAY[
    '', ':', '::', 'ecies-x25519', 'ecies-x25519:27', 'ecies-x25519:27:', ':27:b2e9', 'ecies-x25519::b2e9',
    'ecies-x25519:27:b2e', 'ecies-x25519:27:b2eg', 'ecies-x25519:27:b2e9 ', ' ecies-x25519:27:b2e9',
    'ecies-x25519:27:b2e9:', 'ecies-x25519:256:b2e9', 'ecies-x25519:027:b2e9', 'ecies-x25519:-1:b2e9',
    'ecies-x25519:2 7:b2e9', 'ecies-x25519:２７:b2e9', 'ecies-x25519:1000:b2e9', 'ECIES-X25519:27:b2e9',
    'ecies:27:b2e9', 'ecies-x255190:27:b2e9', 'rsa-oaep-sha1:1:b2e9', '1:27:b2e9', '0xb2e9', 'b2e9b2e9b2e9b2e9',
    'ecies-x25519:27:0xb2e9', 'ecies-p256:1:' || repeat('ab', 1537), 'ecies-p256:1:' || repeat('ab', 500000)]);
