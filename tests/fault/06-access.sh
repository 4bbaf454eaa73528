#!/bin/bash
# No privilege, a wrong password, no such database, no server: what, where, and what to do next.
. "$(dirname "$0")/lib.sh"

server
shop shop 1
sql postgres -c "CREATE ROLE reader LOGIN PASSWORD 'right'" -c "GRANT pg_read_all_data TO reader"

step "a role that may read everything"
expect 0 drtool snapshot "dbname=shop user=reader"
good=$OUT

step "a role that may read all tables but one"
sql postgres -c "REVOKE pg_read_all_data FROM reader"
sql shop -c "GRANT USAGE ON SCHEMA public TO reader" -c "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader" -c "GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO reader" -c "REVOKE ALL ON order_lines FROM reader"
fails 1 order_lines -- drtool snapshot "dbname=shop user=reader"
grep -q '^hint:.*GRANT' "$T/err" || fail "the hint does not say what to grant: $(cat "$T/err")"
[ "$(listed)" = "$good" ] || fail "a partial snapshot is listed"
nothing_left
sql shop -c "GRANT SELECT ON order_lines TO reader"
expect 0 drtool snapshot "dbname=shop user=reader"
verify_ok "$OUT"

step "row security hides rows from the role"
sql shop -c "ALTER TABLE orders ENABLE ROW LEVEL SECURITY" -c "CREATE POLICY few ON orders FOR SELECT TO reader USING (id < 10)"
fails 1 orders -- drtool snapshot "dbname=shop user=reader"
sql shop -c "DROP POLICY few ON orders" -c "ALTER TABLE orders DISABLE ROW LEVEL SECURITY"

step "a sequence, a schema that may not be read"
sql shop -c "REVOKE ALL ON SEQUENCE events_id_seq FROM reader"
fails 1 events_id_seq -- drtool snapshot "dbname=shop user=reader"
sql shop -c "GRANT SELECT ON SEQUENCE events_id_seq TO reader" -c "CREATE SCHEMA hidden CREATE TABLE t (a int)" -c "GRANT SELECT ON hidden.t TO reader"
fails 1 hidden -- drtool snapshot "dbname=shop user=reader"
sql shop -c "DROP SCHEMA hidden CASCADE"

step "a large object that may not be read"
sql shop -c "SELECT lo_from_bytea(4711, 'x')" >/dev/null
fails 1 "large object" -- drtool snapshot "dbname=shop user=reader"
sql shop -c "SELECT lo_unlink(4711)" >/dev/null

step "a wrong password"
sed -i '1i host all reader 127.0.0.1/32 scram-sha-256' "$SERVER/data/pg_hba.conf"
sql postgres -c "SELECT pg_reload_conf()" >/dev/null
refused() { ! PGPASSWORD=wrong psql -X -h 127.0.0.1 -U reader shop -c '' 2>/dev/null; }
wait_for 10 refused || fail "the server still trusts everybody"
fails 1 password reader -- env PGPASSWORD=wr0ng-secret "$DRTOOL" snapshot "host=127.0.0.1 dbname=shop user=reader"
fails 1 password -- drtool snapshot "host=127.0.0.1 dbname=shop user=reader" # none at all
fails 1 password -- drtool restore "$good" --into "postgres://reader:wr0ng-secret@127.0.0.1:$PGPORT/back"
fails 2 "is empty" -- env "$DRTOOL" snapshot shop --config <(printf 'version: 1\ndatabases:\n  shop:\n    url: postgres://reader@127.0.0.1:%s/shop\n    password_file: /dev/null\n' "$PGPORT")

step "no such database, no such role, no server"
fails 1 nobody -- drtool snapshot "dbname=nobody"
fails 1 nobody -- drtool snapshot "dbname=shop user=nobody"
fails 1 127.0.0.1:1 -- drtool snapshot "host=127.0.0.1 port=1 dbname=shop"
fails 1 /nonexistent -- drtool snapshot "host=/nonexistent dbname=shop"
fails 1 no-such-host.invalid -- drtool snapshot "host=no-such-host.invalid dbname=shop"
fails 2 shop -- drtool snapshot "shop"
fails 2 "connection string" -- drtool snapshot "dbname=shop hsot=x"
fails 1 /nonexistent -- drtool restore "$good" --into "host=/nonexistent dbname=back"

step "a role that may not create databases restores into an empty one only"
createdb -O reader mine
run drtool restore "$good" --into "user=reader dbname=new" --no-owner
[ "$STATUS" = 3 ] || [ "$STATUS" = 1 ] || fail "status $STATUS: $(cat "$T/err")"
one_error reader
absent new
expect 0 drtool restore "$good" --into "user=reader dbname=mine" --no-owner
[ "$(sql mine -c 'SELECT count(*) FROM orders')" = "$(sql shop -c 'SELECT count(*) FROM orders')" ] || fail "orders differ"
nothing_left

step "fewer connections than readers: fewer readers; none at all: said"
sql postgres -c "ALTER ROLE reader CONNECTION LIMIT 6"
no_sessions
expect 0 drtool snapshot "dbname=shop user=reader" --jobs 4
grep -q "^warning: connections are scarce: 1 reader instead of 4" "$T/err" || fail "$(cat "$T/err")"
run drtool doctor "dbname=shop user=reader" --jobs 4
grep -qE '^warn *connections: 8 needed, [0-6] free' <<<"$OUT" || fail "$OUT"
sql postgres -c "ALTER ROLE reader CONNECTION LIMIT 0"
fails 1 "connections" -- drtool snapshot "dbname=shop user=reader"
grep -q '^hint:.*CONNECTION LIMIT' "$T/err" || fail "$(cat "$T/err")"
sql postgres -c "ALTER ROLE reader CONNECTION LIMIT -1"

step "a server that lets us into these databases alone, not into postgres"
createdb -O reader alone
sed -i -e '1i local shop,alone reader trust' -e '1i local all reader reject' "$SERVER/data/pg_hba.conf"
sql postgres -c "SELECT pg_reload_conf()" >/dev/null
shut() { ! psql -X -U reader postgres -c '' 2>/dev/null; }
wait_for 10 shut || fail "the server still lets the role into postgres"
expect 0 drtool snapshot "dbname=shop user=reader"
! grep -q "roles are not kept" "$T/err" || fail "$(cat "$T/err")"
expect 0 drtool restore "$OUT" --into "user=reader dbname=alone" --no-owner
[ "$(sql alone -c 'SELECT count(*) FROM orders')" = "$(sql shop -c 'SELECT count(*) FROM orders')" ] || fail "orders differ"
fails 1 postgres -- drtool restore "$good" --into "user=reader dbname=nowhere" --no-owner
nothing_left
