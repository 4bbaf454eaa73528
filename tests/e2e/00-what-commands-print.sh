#!/bin/bash
# The less common ways through each command: what is on stdout, what is on stderr, and how it ends.
. "$(dirname "$0")/lib.sh"
local_only "about files and settings of this machine"

says() { grep -qF -- "$1" "$T/err" || fail "\"$1\" is not on stderr: $(cat "$T/err")"; }
prints() { grep -qE -- "$1" <<<"$OUT" || fail "\"$1\" is not on stdout: $OUT"; }

step "help and version"
expect 0 drtool version --json
[ "$(jq .repository_format <<<"$OUT")" = 1 ] || fail "$OUT"
expect 2 drtool help snapsht
says 'did you mean: drtool help snapshot'
expect 2 drtool help zzzzzzzz
expect 0 drtool help --man
prints '^\.TH DRTOOL 1'
if command -v man >/dev/null; then
	drtool help --man >"$T/drtool.1"
	[ -z "$(LC_ALL=C.UTF-8 man -l --warnings "$T/drtool.1" 2>&1 >/dev/null)" ] || fail "man complains about the manual page"
fi

step "init: what is there stays, what is missing is made"
mkdir "$T/work" && cd "$T/work"
expect 0 env -u DRTOOL_REPO XDG_DATA_HOME="$T/data" DATABASE_URL='postgres://u:pw-not-shown@h/my_shop' "$DRTOOL" init --dry-run --json
[ "$(jq -r .config_created <<<"$OUT")" = true ] && [ ! -e drtool.yml ] || fail "$OUT"
printf 'repository: %s\n' "$T/named" >drtool.yml
expect 0 env -u DRTOOL_REPO "$DRTOOL" init
[ -e "$T/named/drtool.json" ] || fail "the repository of drtool.yml was not made"
[ "$(cat drtool.yml)" = "repository: $T/named" ] || fail "drtool.yml was changed"
expect 0 drtool init --repo "$T/another" --config "$T/work/another.yml"
says 'repository'
rm -r "$T/named" drtool.yml
expect 0 env DATABASE_URL='postgres://u:pw-not-shown@h/my_shop' "$DRTOOL" init
grep -qx '  my_shop: ${DATABASE_URL}' drtool.yml || fail "$(cat drtool.yml)"
! grep -q pw-not-shown drtool.yml || fail "a password was written"
expect 1 drtool init --config "$T/no/such/directory.yml" --repo "$T/third"
error_says "directory.yml"
printf 'x' >"$REPO/drtool.json"
expect 6 drtool init --config "$T/work/fresh.yml"
[ ! -e fresh.yml ] || fail "drtool.yml beside a damaged repository"
rm -r "$REPO" drtool.yml

server
shop shop 1
shop audit 1
sql audit -c 'CREATE TABLE parent (id int PRIMARY KEY)' -c 'CREATE TABLE child (id int REFERENCES parent)' \
	-c 'INSERT INTO parent VALUES (1)' -c 'INSERT INTO child VALUES (1)' -c 'SET session_replication_role = replica' -c 'DELETE FROM parent'
at="host=$PGHOST port=$PGPORT user=$PGUSER"
echo 'not needed, but read' >password
cat >drtool.yml <<END
repository: $REPO
databases:
  shop:
    url: $at dbname=shop
    password_file: password
    exclude_table_data: "public.order*"
  audit: {url: "$at dbname=audit", as: books}
END
unset DRTOOL_REPO

step "several databases: which one must be said"
expect 2 drtool snapshot
error_says 'which database'
says 'shop, audit'
expect 2 drtool snapshot shp
says 'did you mean "shop"'
expect 2 drtool snapshot zzzzzz
says 'known: shop, audit'
expect 2 env DATABASE_URL="$at dbname=postgres" "$DRTOOL" snapshot
error_says 'none of them'
expect 0 env DATABASE_URL="$at dbname=audit" "$DRTOOL" snapshot
says 'books (database audit)'
expect 2 env DATABASE_URL='host=db1 nonsense' "$DRTOOL" snapshot
error_says DATABASE_URL
expect 0 drtool snapshot shop --dry-run
expect 0 drtool snapshot shop --exclude-table-data 'public.users'
expect 0 drtool show shop/latest
prints 'public.orders.* excluded$'
prints '^proof +none'
: >password
expect 2 drtool snapshot shop
error_says 'drtool.yml:5' password_file empty
rm password
expect 2 drtool snapshot shop
error_says 'drtool.yml:5' password
echo x >password

step "a pooler's URL without a direct one"
expect 3 drtool snapshot 'postgres://u:pw-not-shown@pooler:6543/shop?pgbouncer=true'
error_says pooler
says DIRECT_URL
! grep -q pw-not-shown "$T/err" || fail "a password is shown"

step "verify and restore as documents; a source that breaks its own rules"
expect 0 drtool verify shop/latest --json
[ "$(jq -r .outcome <<<"$OUT")" = good ] || fail "$OUT"
expect 0 drtool verify shop/latest --dry-run
expect 0 drtool verify shop/latest --dry-run --json
[ "$(jq -r .possible <<<"$OUT")" = true ] || fail "$OUT"
createdb slow # however fast the machine is
sql slow -c "CREATE MATERIALIZED VIEW v AS SELECT pg_sleep(1.1)::text"
expect 0 drtool snapshot "$at dbname=slow" --repo "$T/slow"
expect 0 drtool verify slow/latest --repo "$T/slow" --rto 1s
says 'longer than the objective'
expect 0 drtool show shop/latest
prints '^good: '
expect 6 drtool verify books/latest --json
[ "$(jq -r '.differences[0].source_fault' <<<"$OUT")" = true ] || fail "$OUT"
expect 0 drtool restore shop/latest --into "$at dbname=one" --json
[ "$(jq -r .into <<<"$OUT")" = one ] || fail "$OUT"
expect 0 drtool restore shop/latest --into "$at dbname=two" --dry-run
prints '^predicted time: .* by a restore of .* on '
expect 6 drtool restore books/latest --into "$at dbname=two"
prints 'child_id_fkey.*own data'
prints 'could not be made as recorded'
expect 6 drtool restore books/latest --into "$at dbname=three" --json
[ "$(jq '.findings | length' <<<"$OUT")" = 1 ] || fail "$OUT"
expect 1 drtool restore shop/latest --into "$at dbname=x host=$T/nowhere"

step "a scratch server instead of a private one"
expect 0 drtool verify shop/latest --scratch-server "$at dbname=postgres"
expect 0 drtool doctor shop --scratch-server audit
prints '^ok +scratch: .*scratch server'
sql postgres -c 'CREATE ROLE weak LOGIN'
expect 1 drtool doctor shop --scratch-server "$at user=weak dbname=postgres"
prints '^fail +scratch: .*create databases'
expect 1 drtool doctor shop --scratch-server nothing-like-it
prints '^fail +scratch: '

step "doctor: what is old, what is missing, what does not answer"
expect 0 drtool doctor shop --rpo 1d
prints '^ok +newest snapshot'
sleep 1.1
expect 0 drtool doctor shop --rpo 1s
prints '^warn +newest snapshot: .*objective'
expect 1 drtool doctor "$at dbname=shop host=$T/nowhere"
prints '^fail +server: '
prints '^unknown +privileges, locks, standby: '
expect 1 drtool doctor 'postgres://u@pooler:6543/shop?pgbouncer=true'
prints '^fail +pooler: '
expect 2 drtool doctor nothing-like-it --json
[ "$(jq -r .error.kind <<<"$OUT")" = usage ] || fail "$OUT"
sql shop -c 'ALTER TABLE orders ENABLE ROW LEVEL SECURITY' -c 'GRANT pg_read_all_data TO weak'
expect 1 drtool doctor "$at user=weak dbname=shop"
prints 'row security'
sql shop -c 'ALTER TABLE orders DISABLE ROW LEVEL SECURITY'
sql postgres -c 'REVOKE CONNECT ON DATABASE postgres FROM PUBLIC'
expect 0 drtool doctor "$at user=weak dbname=shop"
prints '^warn +maintenance'

step "a damaged proof is said, and the rest is shown"
expect 0 drtool show shop/latest --json
id=$(jq -r .id <<<"$OUT")
proof=$(find "$REPO/proofs/shop/$id" -name '*.json' | sort | tail -n 1)
printf 'x' | dd of="$proof" bs=1 seek=150 conv=notrunc status=none
expect 6 drtool show "$id"
says warning
expect 6 drtool list
prints "$id"
rm "$proof"

step "on a terminal one line moves; NO_COLOR and --no-color take the colors away"
if command -v script >/dev/null; then
	TERM=xterm script -qec "'$DRTOOL' verify shop/latest" "$T/typescript" >/dev/null || fail "$(cat "$T/typescript")"
	grep -q $'\r\033\[K' "$T/typescript" || fail "no progress line on a terminal"
	grep -q 'comparing' "$T/typescript" || fail "no phase on a terminal"
	TERM=dumb script -qec "'$DRTOOL' verify shop/latest" "$T/typescript" >/dev/null || fail "$(cat "$T/typescript")"
	! grep -q $'\033' "$T/typescript" || fail "control sequences on a dumb terminal"
	TERM=xterm script -qec "'$DRTOOL' doctor shop" "$T/typescript" >/dev/null || fail "$(cat "$T/typescript")"
	grep -q $'\033\[32mok' "$T/typescript" || fail "no colors on a terminal"
	for plain in "NO_COLOR=1 '$DRTOOL' doctor shop" "'$DRTOOL' doctor shop --no-color"; do
		TERM=xterm script -qec "$plain" "$T/typescript" >/dev/null || fail "$(cat "$T/typescript")"
		! grep -q $'\033\[3' "$T/typescript" || fail "colors although none are wanted"
	done
else
	echo "SKIP no script(1): nothing is known about terminals"
fi

step "interrupted: said in one line, 128 + the signal"
sql shop -c 'SELECT 1' >/dev/null
psql -X -q -d shop -c 'BEGIN' -c 'LOCK TABLE orders' -c 'SELECT pg_sleep(60)' >/dev/null 2>&1 &
background+=($!)
wait_for 10 eval '[ "$(sql shop -c "SELECT count(*) FROM pg_locks WHERE mode = '"'AccessExclusiveLock'"' AND granted")" -ge 1 ]'
"$DRTOOL" snapshot shop >"$T/out" 2>"$T/err" &
pid=$!
sleep 2
kill -TERM "$pid"
STATUS=0
wait "$pid" || STATUS=$?
[ "$STATUS" = 143 ] || fail "exit status $STATUS: $(cat "$T/err")"
[ ! -s "$T/out" ] || fail "an id although interrupted"
error_says SIGTERM
