#!/bin/bash
# A password in the connection string, the environment, a password file: in no output at any verbosity, no process list, no file that stays.
. "$(dirname "$0")/lib.sh"

server
shop shop 3
secret='Zq7-s3cr3t'
sql postgres -c "CREATE ROLE keeper LOGIN SUPERUSER PASSWORD '$secret'" -c "CREATE ROLE other LOGIN PASSWORD 'Zq7-s3cr3t-too'"
sql shop -c "GRANT SELECT ON orders TO other"
sed -i '1i host all keeper 127.0.0.1/32 scram-sha-256' "$SERVER/data/pg_hba.conf"
sql postgres -c "SELECT pg_reload_conf()" >/dev/null
refused() { ! PGPASSWORD=wrong psql -X -h 127.0.0.1 -U keeper shop -c '' 2>/dev/null; }
wait_for 10 refused || fail "the server still trusts everybody"

nowhere_in() { # WHAT FILE...
	local what=$1
	shift
	! grep -alF -- "$secret" "$@" >"$T/hits" || fail "the password is in $what: $(cat "$T/hits")"
}

echo "$secret" >"$T/pattern"
secret_holders() { grep -laF -f "$T/pattern" /proc/[0-9]*/cmdline 2>/dev/null || true; }
(exec -a "$secret" sleep 20) &
background+=("$!")
caught() { [ "$(secret_holders)" = "/proc/$!/cmdline" ]; }
wait_for 5 caught || fail "the test would not see a password on a command line"
kill "$!"
wait "$!" 2>/dev/null || true

# Run drtool with everything watched: its output, and every command line on this machine but, where the user typed it there, drtool's own.
seen=0
watched() { # STATUSES arguments...
	local wanted=$1 hit typed=""
	shift
	[[ "$*" != *"$secret"* ]] || typed=1
	start_drtool "$@"
	while kill -0 "$PID" 2>/dev/null; do
		for hit in $(secret_holders); do
			# A child between its making and its exec still shows its parent's.
			[ -n "$typed" ] && [ "$(tr '\0' '\n' <"$hit" 2>/dev/null | head -n 1)" = "$DRTOOL" ] && continue
			grep -qaF "$secret" "$hit" 2>/dev/null || continue
			fail "the password is on a command line: $(tr '\0' ' ' <"$hit")"
		done
		[ -z "$(pgrep -P "$PID" || true)" ] || seen=$((seen + 1))
	done
	finish
	[[ $wanted == *$STATUS* ]] || fail "status $STATUS instead of $wanted: $(cat "$T/err")"
	nowhere_in "the output of: drtool $1" "$T/bg.out" "$T/bg.err"
}

uri="postgres://keeper:$secret@127.0.0.1:$PGPORT"
plain="host=127.0.0.1 user=keeper"
step "in the connection string"
watched 0 snapshot "$uri/shop" --verbose
id=$(cat "$T/bg.out")
watched 0 verify "$id" --verbose --scratch-server "$uri/postgres"
watched 0 restore "$id" --into "$uri/back_1" --verbose
watched 0 snapshot "$plain dbname=shop password=$secret" --json --verify
watched 0 doctor "$uri/shop" --json

step "in the environment"
export PGPASSWORD=$secret
watched 0 snapshot "$plain dbname=shop" --verbose
unset PGPASSWORD
export DATABASE_URL="$uri/shop?schema=public&connection_limit=3"
watched 0 snapshot --verbose
unset DATABASE_URL

step "in a password file"
echo "127.0.0.1:*:*:keeper:$secret" >"$T/.pgpass" && chmod 600 "$T/.pgpass"
watched 0 restore "$id" --into "$plain dbname=back_2" --json
rm "$T/.pgpass"

step "in drtool.yml's password_file and variables"
echo "$secret" >"$T/password" && chmod 600 "$T/password"
printf 'version: 1\ndatabases:\n  shop:\n    url: postgres://keeper@127.0.0.1:%s/shop\n    password_file: %s\n' "$PGPORT" "$T/password" >"$T/one.yml"
watched 0 snapshot --config "$T/one.yml" --verbose
printf 'version: 1\ndatabases:\n  shop: ${SHOP_URL}\n' >"$T/two.yml"
export SHOP_URL="$uri/shop"
watched 0 snapshot shop --config "$T/two.yml" --verbose
watched 0 show latest --config "$T/two.yml"
printf 'version: 1\ndatabases:\n  shop: %s/shop\n' "$uri" >"$T/three.yml"
watched 2 snapshot --config "$T/three.yml" # refused: a password in the file
one_error
rm "$T/three.yml"

step "in errors"
wrong="Zq7-s3cr3t-wrong" # begins with the other one
for conn in "postgres://keeper:$wrong@127.0.0.1:$PGPORT/shop" "$plain dbname=shop password=$wrong" "postgres://keeper:$secret@127.0.0.1:1/shop" "$plain dbname=nobody password=$secret"; do
	watched 1 snapshot "$conn" --verbose
	one_error
	watched 1 snapshot "$conn" --json
	[[ $conn == *nobody* ]] || watched 1 restore "$id" --into "$conn" --verbose # it would make that one
done
for conn in "postgres://keeper:$secret@127.0.0.1:port/shop" "postgres://keeper:$secret@127.0.0.1/shop?what=$secret" "postgres://keeper:$secret@[127.0.0.1/shop" "$plain dbname=shop password=x $secret" "$plain dbname=shop password='$secret" "pasword=$secret"; do
	watched "1 2" snapshot "$conn" --verbose
	one_error
	watched "1 2" restore "$id" --into "$conn" --json
done
watched 2 list --repo "s3://key:$secret@bucket/prefix"
watched 2 snapshot "postgres://keeper:$secret@127.0.0.1/shop" --no-such-option
watched 3 snapshot "postgres://keeper:$secret@127.0.0.1:$PGPORT/shop?pgbouncer=true"

step "in the repository, and in what a stopped run leaves"
slow_link 300000
start_drtool snapshot "$SLOW user=keeper dbname=shop password=$secret"
wait_for 20 copying || fail "it never began to read: $(cat "$T/bg.err")"
kill -KILL "$PID"
finish 2>/dev/null
rm "$T/password" "$T/bg.out" "$T/bg.err"
find "$REPO" "$T/scratch" -type f 2>/dev/null >"$T/files"
find "$REPO/chunks" -type f -exec zstd -dcq {} + >"$T/plain"
[ "$(wc -l <"$T/files")" -gt 10 ] || fail "the test looked at nothing: $(cat "$T/files")"
xargs -d '\n' grep -alF -- "$secret" <"$T/files" && fail "the password is in the repository"
nowhere_in "a chunk" "$T/plain"
! grep -qa 'SCRAM-SHA-256\$' "$T/plain" || fail "password hashes of roles are kept, and nobody asked for them"
[ "$seen" -gt 0 ] || fail "no child of drtool was seen: the test saw nothing"

step "files are nobody else's"
[ -z "$(find "$REPO" -type f -perm /077 -o -type d -perm /077)" ] || fail "others may read: $(find "$REPO" -perm /077 -ls | head -n 3)"
