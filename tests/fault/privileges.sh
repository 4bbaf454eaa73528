#!/bin/bash
# No privilege on one table, a wrong password, no such database, no server: what, where, and what to do next.
. "$(dirname "$0")/../e2e/lib.sh"

server
shop shop 1
sql postgres -c "CREATE ROLE reader LOGIN PASSWORD 'right'" -c "GRANT pg_read_all_data TO reader"

step "a role that may read everything"
expect 0 drtool snapshot "dbname=shop user=reader"
good=$OUT
verify_ok "$good"

step "a role that may read all tables but one"
sql postgres -c "REVOKE pg_read_all_data FROM reader"
sql shop -c "GRANT USAGE ON SCHEMA public TO reader" -c "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader" -c "GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO reader" -c "REVOKE ALL ON order_lines FROM reader"
expect 1 drtool snapshot "dbname=shop user=reader"
error_says order_lines
grep -q 'GRANT' "$T/err" || fail "the hint does not say what to grant: $(cat "$T/err")"
[ "$(listed)" = "$good" ] || fail "a partial snapshot is listed"
sql shop -c "GRANT SELECT ON order_lines TO reader"
expect 0 drtool snapshot "dbname=shop user=reader"
verify_ok "$OUT"

step "row security hides rows from the role"
sql shop -c "ALTER TABLE orders ENABLE ROW LEVEL SECURITY" -c "CREATE POLICY few ON orders FOR SELECT TO reader USING (id < 10)"
run drtool snapshot "dbname=shop user=reader"
[ "$STATUS" = 1 ] || fail "status $STATUS: a snapshot of the rows one may see is no snapshot: $(cat "$T/err")"
error_says orders
sql shop -c "ALTER TABLE orders DISABLE ROW LEVEL SECURITY"

step "a sequence that may not be read"
sql shop -c "REVOKE ALL ON SEQUENCE events_id_seq FROM reader"
expect 1 drtool snapshot "dbname=shop user=reader"
error_says events_id_seq
sql shop -c "GRANT SELECT ON SEQUENCE events_id_seq TO reader"

step "a wrong password"
sed -i '1i host shop reader 127.0.0.1/32 scram-sha-256' "$SERVER/data/pg_hba.conf"
sql postgres -c "SELECT pg_reload_conf()" >/dev/null
sleep 0.5
expect 1 env PGPASSWORD='wr0ng-secret' "$DRTOOL" snapshot "host=127.0.0.1 dbname=shop user=reader"
error_says password
! grep -q 'wr0ng-secret' "$T/err" || fail "the password is in the error"
expect 1 drtool snapshot "host=127.0.0.1 dbname=shop user=reader password=wr0ng-secret"
! grep -q 'wr0ng-secret' "$T/err" || fail "the password is in the error"
expect 1 drtool snapshot "postgres://reader:wr0ng-secret@127.0.0.1:$PGPORT/shop"
! grep -q 'wr0ng-secret' "$T/err" || fail "the password is in the error"

step "the right password is on no command line and in no file of the repository"
slow_link 1000000
start_drtool snapshot "postgres://reader:right@127.0.0.1:$PGPORT/shop"
seen=0
while kill -0 "$PID" 2>/dev/null; do
	# drtool's own argv is what the user typed; its children must not have it.
	for child in $(pgrep -P "$PID" || true); do
		! tr '\0' ' ' <"/proc/$child/cmdline" 2>/dev/null | grep -q ':right@\|password=right' || fail "a child has the password on its command line"
		seen=1
	done
	sleep 0.01
done
finish
[ "$STATUS" = 0 ] || fail "status $STATUS: $(cat "$T/err")"
[ $seen = 1 ] || echo "   (no child was seen)"
! grep -rqa ':right@\|password=right' "$REPO" || fail "the password is in the repository"

step "no such database, no such role, no server"
expect 1 drtool snapshot "dbname=nobody"
error_says nobody
expect 1 drtool snapshot "dbname=shop user=nobody"
error_says nobody
expect 1 drtool snapshot "host=127.0.0.1 port=1 dbname=shop"
error_says 127.0.0.1
expect 1 drtool snapshot "host=/nonexistent dbname=shop"
error_says nonexistent
expect 2 drtool snapshot "shop"
error_says shop
expect 2 drtool snapshot "dbname=shop hsot=x"
error_says hsot
no_leftovers

step "a role that may not create databases restores into an empty one only"
createdb -O reader mine
run drtool restore "$good" --into "user=reader dbname=new" --no-owner
[ "$STATUS" = 3 ] || [ "$STATUS" = 1 ] || fail "status $STATUS: $(cat "$T/err")"
error_says
expect 0 drtool restore "$good" --into "user=reader dbname=mine" --no-owner
[ "$(sql mine -c 'SELECT count(*) FROM orders')" = "$(sql shop -c 'SELECT count(*) FROM orders')" ] || fail "orders differ"
no_leftovers
