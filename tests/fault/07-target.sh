#!/bin/bash
# A target that is not empty, lacks an extension or a role, or was half filled before: refused before anything changes, or started over.
# Names that are too long or strange.
. "$(dirname "$0")/lib.sh"

server
shop shop 3
snapshot shop
good=$ID

step "a target that is not empty"
createdb filled
for what in "CREATE TABLE t (a int)" "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'" "CREATE SCHEMA s" "SELECT lo_create(5)" "CREATE EXTENSION citext" "CREATE TYPE e AS ENUM ('a')" "CREATE SEQUENCE q" "CREATE COLLATION c (locale = 'C')"; do
	sql filled -c "$what" >/dev/null
	fails 3 filled -- drtool restore "$good" --into dbname=filled
	[ "$(sql filled -c "SELECT count(*) FROM pg_tables WHERE tablename = 'orders'")" = 0 ] || fail "something was restored"
	case $what in
	*lo_create*) sql filled -c "SELECT lo_unlink(5)" >/dev/null ;;
	*FUNCTION*) sql filled -c "DROP FUNCTION f()" ;;
	*) sql filled -c "DROP $(cut -d' ' -f2,3 <<<"$what" | sed 's/(.*//')" ;;
	esac
done
dump shop >"$T/before.sql"
fails 3 shop -- drtool restore "$good" --into dbname=shop
dump shop >"$T/after.sql"
same_dumps "$T/before.sql" "$T/after.sql"
run drtool restore "$good" --into dbname=template0
[ "$STATUS" = 3 ] || [ "$STATUS" = 1 ] || fail "template0: status $STATUS: $(cat "$T/err")"
one_error template0

step "an empty target, and one that only has a comment"
sql postgres -c "COMMENT ON DATABASE filled IS 'for drtool'"
expect 0 drtool restore "$good" --into dbname=filled
same_databases shop filled
[ -z "$(sql filled -c "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'drtool%'")" ] || fail "the marker is still there"

step "an empty target, killed half way: the next restore into it starts over"
createdb again
started() { [ -n "$(sql again -c "SELECT 1 FROM pg_tables WHERE tablename = 'orders'")" ]; }
slow_link 200000
start_drtool restore "$good" --into "$SLOW dbname=again" --jobs 1
wait_for 20 started || fail "it never began: $(cat "$T/bg.err")"
kill -KILL "$PID"
finish 2>/dev/null
[ "$STATUS" = 137 ] || fail "status $STATUS"
nothing_alive
[ -n "$(sql again -c "SELECT 1 FROM pg_namespace WHERE nspname = 'drtool_restoring'")" ] || fail "the half filled database has no mark"
expect 0 drtool restore "$good" --into dbname=again
same_databases filled again
fails 3 again -- drtool restore "$good" --into dbname=again # now it is somebody's

step "two restores of one snapshot under one name at once"
start_drtool restore "$good" --into "$SLOW dbname=back" --jobs 1
restoring() { exists "back__restoring_$good"; }
wait_for 20 restoring || fail "it never began: $(cat "$T/bg.err")"
fails 1 back -- drtool restore "$good" --into dbname=back
finish
[ "$STATUS" = 0 ] || fail "the first one: status $STATUS: $(cat "$T/err")"
same_databases filled back

step "missing roles are all named"
sql postgres -c "CREATE ROLE gone" -c "CREATE ROLE gone_too"
createdb owned
sql owned -c "CREATE TABLE t (a int)" -c "ALTER TABLE t OWNER TO gone" -c "CREATE TABLE u (a int)" -c "GRANT SELECT ON u TO gone_too"
snapshot owned
dropdb owned
sql postgres -c "DROP ROLE gone" -c "DROP ROLE gone_too"
fails 3 gone gone_too -- drtool restore "$ID" --into dbname=owned
absent owned
verify_ok "$ID"
expect 0 drtool restore "$ID" --into dbname=owned --create-roles
nothing_left

step "missing extensions are all named"
createdb extended
# Extensions that exist on the source only, without a file anywhere: installed ones under names nobody has.
sql extended -c "CREATE EXTENSION citext" -c "CREATE EXTENSION hstore" -c "CREATE TABLE t (c citext)" \
	-c "UPDATE pg_extension SET extname = 'drtool_nowhere' WHERE extname = 'citext'" -c "UPDATE pg_extension SET extname = 'drtool_nowhere_2' WHERE extname = 'hstore'"
snapshot extended
fails 3 drtool_nowhere drtool_nowhere_2 -- drtool restore "$ID" --into dbname=extended_back
absent extended_back
fails 3 drtool_nowhere drtool_nowhere_2 -- drtool verify "$ID"
nothing_left

step "a name that is too long"
long=$(printf 'n%.0s' $(seq 64))
fails 2 "63 bytes" -- drtool restore "$good" --into "dbname=$long"
long=${long:1}
expect 0 drtool restore "$good" --into "dbname=$long" # 63 bytes: no room for __restoring_
same_databases filled "$long"
nothing_left

step "strange names"
sql postgres -c "CREATE DATABASE tiny"
sql tiny -c "CREATE TABLE t AS SELECT 1 AS a"
for name in '..' '.' 'a/b' "it's \"quoted\"" '%' 'back\slash' '-o' ' blank ' 'Ünï' '../../outside'; do
	quoted="\"${name//\"/\"\"}\""
	escaped=${name//\\/\\\\}
	conn="dbname='${escaped//\'/\\\'}'"
	sql postgres -c "CREATE DATABASE $quoted TEMPLATE tiny"
	expect 0 drtool snapshot "$conn"
	id=$OUT
	sql postgres -c "DROP DATABASE $quoted"
	expect 0 drtool restore "$id" --into "$conn"
	[ "$(sql "$conn" -c "SELECT a FROM t")" = 1 ] || fail "$name: the row is not there"
	expect 0 drtool list "--database=$name"
	grep -q "$id" <<<"$OUT" || fail "$name is not listed: $OUT"
	sql postgres -c "DROP DATABASE $quoted"
done
[ -z "$(find "$T" -path "$REPO" -prune -o -newer "$T/dump-1.sql" -name '*.json' -print)" ] || fail "written outside the repository"
nothing_left
