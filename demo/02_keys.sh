chapter "Keys for cards that only the bank can read"

step "E47" "private keys are files of the bank's server, made by the openssl command, and are in no table"
run <<SH
umask 077
mkdir bank/keys
openssl genpkey -quiet -algorithm X25519 -out bank/keys/1.pem
openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out bank/keys/2.pem
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out bank/keys/3.pem
SH
tell bank postgres <<SQL
LOAD 'screissue';
ALTER SYSTEM SET screissue.key_directory = '$data/bank/keys';
SELECT pg_reload_conf();
SQL
tell bank teller <<SQL
SELECT card_issuer.register_key(1, 'ecies-x25519');
SELECT card_issuer.register_key(2, 'ecies-p256');
SELECT card_issuer.register_key(3, 'rsa-oaep-sha256');
SQL
expect "the public parts on record are those that openssl finds in the files" bank \
	"SELECT translate(encode(public_key, 'base64'), E'\n', '')
	   FROM card_issuer.encryption_key ORDER BY key_id" \
	"$(for key in 1 2 3; do
		openssl pkey -in "$data/bank/keys/$key.pem" -pubout -outform DER | openssl base64 -A
		echo
	done)"

step "R32" "the public parts go to whoever makes cards"
run <<SH
mkdir cards
SH
tell bank postgres <<SQL
\pset format unaligned
\pset tuples_only on
SELECT encode(public_key, 'base64') FROM card_issuer.encryption_key WHERE key_id = 1
\g | openssl base64 -d | openssl pkey -pubin -inform DER -out cards/issuer_1.pem
SELECT encode(public_key, 'base64') FROM card_issuer.encryption_key WHERE key_id = 2
\g | openssl base64 -d | openssl pkey -pubin -inform DER -out cards/issuer_2.pem
SELECT encode(public_key, 'base64') FROM card_issuer.encryption_key WHERE key_id = 3
\g | openssl base64 -d | openssl pkey -pubin -inform DER -out cards/issuer_3.pem
SQL

step "E47" "a key file that others may read is refused; the server log has the reason"
run <<SH
cp bank/keys/1.pem bank/keys/4.pem
chmod 644 bank/keys/4.pem
SH
refused SR011 bank teller <<SQL
SELECT card_issuer.register_key(4, 'ecies-x25519');
SQL
run <<SH
rm bank/keys/4.pem
SH
