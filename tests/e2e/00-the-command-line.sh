#!/bin/bash
# What is typed: which database, which snapshot, which configuration; where output goes; how mistakes read and end.
. "$(dirname "$0")/lib.sh"
local_only "about files and settings of this machine"

empty_stdout() { [ -z "$OUT" ] || fail "stdout holds: $OUT"; }
first_line() { head -n 1 "$T/err"; }
says() { grep -qF -- "$1" "$T/err" || fail "\"$1\" is not on stderr: $(cat "$T/err")"; }

step "help goes to stdout, fits 80 columns, and names every command"
expect 0 drtool help
[ ! -s "$T/err" ] || fail "help on stderr"
[ "$(wc -L <<<"$OUT")" -le 80 ] || fail "help is wider than 80 columns"
overview=$OUT
for command in init doctor snapshot list show verify restore cat help version; do
	grep -qE "^  $command" <<<"$overview" || fail "help does not list $command"
	expect 0 drtool "$command" --help
	[ "$OUT" = "$("$DRTOOL" help "$command")" ] || fail "help $command and $command --help differ"
	[ "$(wc -L <<<"$OUT")" -le 80 ] || fail "help $command is wider than 80 columns"
	grep -q -- '--repo' <<<"$OUT" || fail "help $command lacks --repo"
done
expect 0 drtool --version
grep -qE '^drtool [0-9]+\.[0-9]+' <<<"$OUT" || fail "$OUT"

step "mistakes are one line and a hint, and end with 2"
while read -r word line; do
	# shellcheck disable=SC2086
	expect 2 drtool $line
	empty_stdout
	error_says "$word"
	[ "$(wc -l <"$T/err")" = 2 ] || fail "more than a line and a hint: $(cat "$T/err")"
done <<-'END'
	--jbos snapshot --jbos 4
	snapsht snapsht
	--into list --into x
	more list more
	ID show
	database? restore latest
	--jobs verify --jobs
	--jobs verify --jobs many
	shop snapshot shop
	shop_back restore latest --into shop_back
END
says 'dbname=shop_back'
expect 2 drtool list --json --what
[ "$(jq -r .error.exit <<<"$OUT")" = 2 ] || fail "no error document: $OUT"

step "without a repository: 2, and how to make one"
expect 2 env -u DRTOOL_REPO "$DRTOOL" list
error_says repository
says 'drtool init'

step "init writes drtool.yml and the repository once"
mkdir "$T/work" && cd "$T/work"
expect 0 drtool init --dry-run
[ ! -e drtool.yml ] && [ ! -e "$REPO" ] || fail "a dry run made something"
expect 0 drtool init
[ -e drtool.yml ] && [ -e "$REPO/drtool.json" ] || fail "init made nothing"
cp drtool.yml before.yml
expect 3 drtool init
error_says "exist already"
cmp drtool.yml before.yml || fail "init changed drtool.yml"
unset DRTOOL_REPO
expect 0 drtool list # the file init wrote is read back

server
shop shop 1
shop other 1

step "a snapshot by connection string: only its id on stdout, what is meant first on stderr"
expect 0 drtool snapshot "dbname=shop" --tag first
grep -qxE '[0-9]{8}-[0-9]{6}-[a-z0-9]{6}' <<<"$OUT" || fail "not an id: $OUT"
ID=$OUT
first_line | grep -qE "^shop at .*:$PGPORT, PostgreSQL [0-9]+\.[0-9]+$" || fail "first line: $(first_line)"
expect 0 drtool snapshot "dbname=shop" --quiet
[ ! -s "$T/err" ] || fail "--quiet says: $(cat "$T/err")"
expect 0 drtool snapshot "dbname=shop" --dry-run
empty_stdout
[ "$(listed | wc -l)" = 2 ] || fail "a dry run took a snapshot"
expect 0 drtool snapshot "dbname=shop" --json
jq -e '.id and .rows > 0 and .seconds >= 0' <<<"$OUT" >/dev/null || fail "$OUT"

step "names of drtool.yml, and DATABASE_URL"
printf 'repository: %s\ndatabases:\n  store: host=%s port=%s user=%s dbname=shop\n' "$REPO" "$PGHOST" "$PGPORT" "$PGUSER" >drtool.yml
expect 0 drtool snapshot
first_line | grep -q '^store (database shop) at ' || fail "first line: $(first_line)"
expect 0 drtool snapshot store
export DATABASE_URL="postgres://$PGUSER:pw-not-shown@/other?host=$PGHOST&port=$PGPORT"
expect 2 drtool snapshot
error_says store shop other DATABASE_URL
! grep -q pw-not-shown "$T/err" || fail "a password is shown"
expect 0 drtool snapshot store
export DATABASE_URL="postgres://$PGUSER@/shop?host=$PGHOST&port=$PGPORT&schema=public&connection_limit=5"
expect 0 drtool snapshot
first_line | grep -q '^store (database shop) at ' || fail "the same database has another name: $(first_line)"
rm drtool.yml
expect 0 drtool snapshot --repo "$REPO" --as by-url
first_line | grep -q '^shop at ' || fail "first line: $(first_line)"
says 'schema, connection_limit'
export DATABASE_URL="postgres://$PGUSER@/shop?host=$PGHOST&port=$PGPORT&pgbouncer=true"
export DIRECT_URL="postgres://$PGUSER:pw-not-shown@/shop?host=$PGHOST&port=$PGPORT"
expect 3 drtool snapshot --repo "$REPO"
error_says pooler
says DIRECT_URL
! grep -q pw-not-shown "$T/err" || fail "a password is shown"
unset DATABASE_URL DIRECT_URL
expect 0 env PGDATABASE=shop "$DRTOOL" snapshot --repo "$REPO" --as by-variables

step "drtool.yml: mistakes with file and line; secrets are refused"
refused() { # LINE-WITH-PROBLEM WORD... with the file on stdin
	local line=$1
	shift
	cat >drtool.yml
	expect 2 drtool list
	error_says "drtool.yml:$line" "$@"
}
refused 2 'repositry' <<<$'version: 1\nrepositry: x'
says 'repository'
refused 3 'urll' <<<$'databases:\n  shop:\n    urll: x'
refused 2 'password' <<<$'databases:\n  shop: postgres://app:pw-not-shown@db1/shop'
! grep -q pw-not-shown "$T/err" || fail "a password is shown"
refused 3 'password' <<<$'databases:\n  shop:\n    url: host=db1 password=pw-not-shown dbname=shop'
refused 1 'not YAML' <<<$'a: b: c'
refused 1 'newer' <<<$'version: 99'
printf 'repository: repo-beside\ndatabases:\n  shop: ${SHOP_URL}\n' >drtool.yml
expect 2 drtool snapshot
error_says SHOP_URL 'not set'
printf 'SHOP_URL="host=%s port=%s user=%s dbname=shop"\n' "$PGHOST" "$PGPORT" "$PGUSER" >secrets.env
(cd / && expect 0 drtool --config "$T/work/drtool.yml" --env-file "$T/work/secrets.env" snapshot)
[ -e "$T/work/repo-beside/drtool.json" ] || fail "a relative repository does not start from drtool.yml"
rm drtool.yml
export DRTOOL_REPO=$REPO

step "list and show"
expect 0 drtool list
grep -q "$ID *shop *first" <<<"$OUT" || fail "$OUT"
expect 0 drtool list --database store --json
[ "$(jq -r '[.[].database] | unique | join(",")' <<<"$OUT")" = store ] || fail "$OUT"
expect 0 drtool show first
grep -q 'public.orders' <<<"$OUT" || fail "$OUT"
expect 0 drtool show shop/first --json
[ "$(jq -r .id <<<"$OUT")" = "$ID" ] || fail "$OUT"
expect 0 drtool show "$ID" --json
[ "$(jq '[.contents[].rows] | add' <<<"$OUT")" = "$(jq .rows <<<"$OUT")" ] || fail "rows of the tables do not sum up"
expect 2 drtool show latest # several databases
expect 2 drtool show 20 # several snapshots
expect 2 drtool show nothing-like-it

step "list names what is damaged, shows the rest, and ends with 6"
cp "$REPO/snapshots/shop/$ID.json" "$T/kept.json"
printf 'x' | dd of="$REPO/snapshots/shop/$ID.json" bs=1 seek=200 conv=notrunc status=none
expect 6 drtool list --json
[ "$(jq -r --arg id "$ID" '[.[] | select(.id == $id)] | length' <<<"$OUT")" = 0 ] || fail "a damaged manifest is listed"
[ "$(jq length <<<"$OUT")" -gt 0 ] || fail "the others are not listed"
says "$ID"
cp "$T/kept.json" "$REPO/snapshots/shop/$ID.json"

step "restore: a plan first; nothing changes"
expect 0 drtool restore first --into "dbname=shop_back" --dry-run
grep -q 'would restore shop/' <<<"$OUT" || fail "$OUT"
[ "$(sql postgres -c "SELECT count(*) FROM pg_database WHERE datname ~ 'shop_back'")" = 0 ] || fail "a dry run made a database"
expect 0 drtool restore first --into "dbname=shop_back"
grep -q 'restored shop/' <<<"$OUT" || fail "$OUT"
first_line | grep -q '^shop_back at ' || fail "first line: $(first_line)"
expect 3 drtool restore first --into "dbname=shop_back"

step "snapshot --verify: the id, and 6 when the source breaks its own rules"
expect 0 drtool snapshot "dbname=other" --verify
ID=$OUT
expect 0 drtool show other/verified --json
[ "$(jq -r .id <<<"$OUT")" = "$ID" ] || fail "the proof is not recorded"
sql other -c 'CREATE TABLE parent (id int PRIMARY KEY)' -c 'CREATE TABLE child (id int REFERENCES parent)' \
	-c 'INSERT INTO parent VALUES (1)' -c 'INSERT INTO child VALUES (1)' -c 'SET session_replication_role = replica' -c 'DELETE FROM parent'
expect 6 drtool snapshot "dbname=other" --verify
grep -qxE '[0-9]{8}-[0-9]{6}-[a-z0-9]{6}' <<<"$OUT" || fail "not an id: $OUT"
says "the source's own data"
expect 6 drtool verify "$OUT"
grep -q "child_id_fkey.*the source's own data" <<<"$OUT" || fail "$OUT"
expect 6 drtool snapshot "dbname=other" --verify --json
[ "$(jq -r .proof.outcome <<<"$OUT")" = 'source faults' ] || fail "$OUT"
before=$(listed | wc -l)
expect 2 drtool snapshot "dbname=other" --verify --scratch-server nothing-like-it
[ "$(listed | wc -l)" = "$before" ] || fail "a snapshot was taken although it cannot be verified"

step "doctor: one line per check"
expect 0 drtool doctor "dbname=shop"
for check in server version pooler standby privileges locks 'server disk' replace pg_dump repository scratch; do
	grep -qE "^(ok|warn|unknown) +$check: " <<<"$OUT" || fail "no line for $check: $OUT"
done
expect 0 drtool doctor "dbname=shop" --json
[ "$(jq -r '.checks[] | select(.check == "server disk" or .check == "replace") | .status' <<<"$OUT")" = $'ok\nok' ] || fail "$OUT"
run drtool doctor "dbname=shop host=127.0.0.1" --json # the disk of another machine, for all that can be known
[ "$(jq -r '.checks[] | select(.check == "server disk") | .status' <<<"$OUT")" = unknown ] || fail "$OUT"
[ -z "$(find "$REPO/locks" -type f)" ] || fail "doctor left its probe behind"
expect 1 drtool doctor "dbname=nothing-like-it"
grep -q '^fail' <<<"$OUT" || fail "$OUT"
expect 1 drtool doctor "dbname=shop" --repo "$T/no-such-repository"
grep -q '^fail *repository' <<<"$OUT" || fail "$OUT"
sql shop -c 'CREATE ROLE reader LOGIN' -c 'CREATE TABLE hidden (a int)' -c 'CREATE SEQUENCE hidden_too'
expect 1 drtool doctor "dbname=shop user=reader"
grep -q '^fail *privileges: .*cannot be read' <<<"$OUT" || fail "$OUT"
sql shop -c 'GRANT pg_read_all_data TO reader'
expect 0 drtool doctor "dbname=shop user=reader"
sql shop -c 'SELECT lo_create(4711)' >/dev/null
expect 1 drtool doctor "dbname=shop user=reader"
grep -q 'large objects' <<<"$OUT" || fail "$OUT"

step "doctor counts locks and connections before they run out"
server -o max_connections=12 -o max_locks_per_transaction=10
shop small 1
for n in $(seq 150); do echo "CREATE TABLE public.many_$n ();"; done | psql -X -q -v ON_ERROR_STOP=1 -d small
expect 1 drtool doctor "dbname=small" --jobs 64
grep -qE '^fail *locks: ' <<<"$OUT" || fail "$OUT"
grep -q 'max_locks_per_transaction = ' <<<"$OUT" || fail "no hint: $OUT"
grep -qE '^warn *connections' <<<"$OUT" || fail "$OUT"

step "completion offers commands, and the options of the command typed"
# shellcheck disable=SC1090
. <("$DRTOOL" help --completion)
COMP_WORDS=(drtool sn) COMP_CWORD=1
_drtool
[ "${COMPREPLY[*]}" = snapshot ] || fail "${COMPREPLY[*]}"
COMP_WORDS=(drtool --quiet snapshot --yi) COMP_CWORD=3
_drtool
[ "${COMPREPLY[*]}" = --yield-after ] || fail "${COMPREPLY[*]}"

step "doctor --as-cron finds what only the shell knows"
expect 2 env DATABASE_URL="dbname=shop host=$PGHOST port=$PGPORT user=$PGUSER" "$DRTOOL" doctor --as-cron
says 'as cron'
error_says 'which database'

step "a reader that has read enough is no error; a full stdout is one"
expect 141 bash -c '{ "$0" cat first; echo $? >"$1"; } | head -n 1; exit "$(cat "$1")"' "$DRTOOL" "$T/status"
! grep -q '^drtool:' "$T/err" || fail "$(cat "$T/err")"
expect 1 bash -c '"$0" list >/dev/full' "$DRTOOL"
error_says "standard output"

step "drtool.yml with one database: its snapshots first, others by what only they are called"
export DRTOOL_REPO=$T/one DRTOOL_CONFIG=$T/one.yml
printf 'databases:\n  mine: {url: "dbname=mine", as: my-own}\n' >"$DRTOOL_CONFIG"
shop apart 1
shop mine 1
expect 0 drtool snapshot "dbname=apart" --tag only-there
apart=$OUT
expect 0 drtool snapshot "dbname=mine" --as my-own
mine=$OUT
for word in latest "$mine"; do
	expect 0 drtool show "$word" --json
	[ "$(jq -r .id <<<"$OUT")" = "$mine" ] || fail "$word is $OUT"
done
expect 0 drtool show only-there --json
[ "$(jq -r .id <<<"$OUT")" = "$apart" ] || fail "only-there is $OUT"
expect 2 drtool show verified
error_says "verified"
expect 2 drtool show never-taken
error_says "never-taken"
