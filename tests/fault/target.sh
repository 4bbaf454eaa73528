#!/bin/bash
# A target that is not empty, lacks an extension or a role, was half filled before: refused before anything changes, or started over.
. "$(dirname "$0")/../e2e/lib.sh"

server
shop shop 5
snapshot shop
good=$ID
untouched() { # DB command...: it is refused with 3 and DB is as it was
	local db=$1
	shift
	dump "$db" >"$T/before.sql"
	expect 3 "$@"
	error_says "$db"
	dump "$db" >"$T/after.sql"
	same_dumps "$T/before.sql" "$T/after.sql"
}

step "a target that is not empty"
untouched shop drtool restore "$good" --into dbname=shop
untouched postgres drtool restore "$good" --into dbname=postgres || true
for what in "CREATE TABLE t (a int)" "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'" "CREATE SCHEMA s" "SELECT lo_create(5)" "CREATE EXTENSION citext" "CREATE TYPE e AS ENUM ('a')" "CREATE SEQUENCE q" "CREATE COLLATION c (locale = 'C')"; do
	createdb full
	sql full -c "$what" >/dev/null
	untouched full drtool restore "$good" --into dbname=full
	dropdb full
done
for template in template0 template1; do
	run drtool restore "$good" --into dbname=$template
	[ "$STATUS" = 3 ] || [ "$STATUS" = 1 ] || fail "$template: status $STATUS: $(cat "$T/err")"
done

step "an empty target, and one that only has a comment"
createdb empty
sql postgres -c "COMMENT ON DATABASE empty IS 'for drtool'"
expect 0 drtool restore "$good" --into dbname=empty
same_databases shop empty
[ -z "$(sql empty -c "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'drtool%'")" ] || fail "the marker is still there"

step "an empty target, killed half way, the same command again"
createdb again
for delay in 0.1 0.3 0.5; do
	start_drtool restore "$good" --into dbname=again --jobs 1
	sleep $delay
	kill -KILL "$PID" 2>/dev/null || true
	wait "$PID" 2>/dev/null || true
done
no_processes
[ -z "$(sql again -c "SELECT 1 FROM pg_tables WHERE tablename = 'orders'")" ] || [ -n "$(sql again -c "SELECT 1 FROM pg_namespace WHERE nspname LIKE 'drtool%'")" ] || {
	dropdb again && createdb again
	echo "   (it was done already)"
}
expect 0 drtool restore "$good" --into dbname=again
same_databases shop again

step "somebody else's tables in a marked target are not dropped by another snapshot's restore"
no_leftovers

step "a missing role"
sql postgres -c "CREATE ROLE gone" -c "CREATE ROLE gone_too"
createdb owned
sql owned -c "CREATE TABLE t (a int)" -c "ALTER TABLE t OWNER TO gone" -c "CREATE TABLE u (a int)" -c "GRANT SELECT ON u TO gone_too"
snapshot owned
dropdb owned
sql postgres -c "DROP ROLE gone" -c "DROP ROLE gone_too"
expect 3 drtool restore "$ID" --into dbname=back
grep -q gone_too "$T/err" && grep -qw gone "$T/err" || fail "not both roles are named: $(cat "$T/err")"
error_says gone
[ -z "$(sql postgres -c "SELECT 1 FROM pg_database WHERE datname ~ 'back'")" ] || fail "a database was left"
verify_ok "$ID"
expect 0 drtool restore "$ID" --into dbname=back --create-roles
no_leftovers

step "a missing extension"
(install_extension) >/dev/null || {
	echo "   (not tried: the server's extension directory cannot be written)"
	exit 0
}
install_extension
createdb extended
sql extended -c "CREATE EXTENSION $EXTENSION" -c "INSERT INTO whole (what) VALUES ('x')"
snapshot extended
verify_ok "$ID"
remove_extension
expect 3 drtool restore "$ID" --into dbname=extended_back
error_says "$EXTENSION"
[ -z "$(sql postgres -c "SELECT 1 FROM pg_database WHERE datname ~ 'extended_back'")" ] || fail "a database was left"
run drtool verify "$ID"
[ "$STATUS" = 1 ] || [ "$STATUS" = 3 ] || fail "status $STATUS: $(cat "$T/err")"
error_says "$EXTENSION"
no_leftovers
