#!/bin/bash
# Clients that reconnect in a loop, hold a connection, an open transaction or a lock, or come through a pooler: a swap costs each of them one error, and no row of
# theirs ends up on both sides.
. "$(dirname "$0")/lib.sh"

server
shop shop 1
snapshot shop
good=$ID
sql shop -c "CREATE TABLE side (what text)" -c "INSERT INTO side VALUES ('old')"
sql postgres -c "CREATE DATABASE tiny"
query="SELECT CASE WHEN to_regclass('side') IS NULL THEN 'new' ELSE 'old' END"
start_clients() { # CONNINFO: in the background until wait_clients
	rm -f "$T/clients.ready"
	"$ROOT/tests/fault/reconnect" "$1" 20 "$T/clients.ready" "$query" >"$T/clients.json" 2>"$T/clients.err" &
	CLIENTS=$!
	background+=("$CLIENTS")
	wait_for 20 test -e "$T/clients.ready" || fail "the clients are not answered: $(cat "$T/clients.err")"
}
wait_clients() { # [errors for each client, milliseconds]
	local each=${1:-2} gap=${2:-2000}
	sleep 2 # for every client to meet what comes after the swap
	kill -TERM "$CLIENTS"
	wait "$CLIENTS" || fail "$(cat "$T/clients.err")"
	echo "   $(jq -c '[.answered, .error_count, .nobody_ms, .one_client_ms]' "$T/clients.json") answers, errors, nobody answered ms, one client ms"
	[ "$(jq '.answered > 100' "$T/clients.json")" = true ] || fail "the clients hardly asked: $(cat "$T/clients.json" "$T/clients.err")"
	# two: one for the session that was ended, one for the login that waited
	jq -e --argjson each "$each" '.error_count <= 20 * $each' "$T/clients.json" >/dev/null || fail "more than $each errors for each client: $(cat "$T/clients.json")"
	jq -e --argjson gap "$gap" '.nobody_ms < $gap' "$T/clients.json" >/dev/null || fail "nobody was answered for too long: $(cat "$T/clients.json")"
}
only() { # VALUE: what everybody sees now
	[ "$(sql shop -c "$query")" = "$1" ] || fail "the wrong database answers"
}

step "twenty clients, a session that idles, one in a transaction, one that works for long"
psql -X -q -d shop -c "SELECT pg_sleep(100)" >/dev/null 2>&1 &
background+=("$!")
psql -X -q -d shop -c "BEGIN" -c "INSERT INTO side VALUES ('never committed')" -c "SELECT pg_sleep(100)" -c COMMIT >/dev/null 2>&1 &
background+=("$!")
psql -X -q -d shop -c "BEGIN" -c "LOCK TABLE orders" -c "SELECT pg_sleep(100)" >/dev/null 2>&1 &
background+=("$!")
busy() { [ "$(sql postgres -c "SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop' AND query LIKE '%pg_sleep(100)%'")" = 3 ]; }
wait_for 10 busy || fail "the sessions do not start"
start_clients "dbname=shop"
expect 0 drtool restore "$good" --replace dbname=shop --confirm shop --no-safety-snapshot --json
kept=$(jq -r .kept <<<"$OUT")
[ "$(jq '.swap_seconds < 2' <<<"$OUT")" = true ] || fail "$OUT"
wait_clients
only new
[ "$(jq -r '.values | keys | join(" ")' "$T/clients.json")" = "new old" ] || fail "$(cat "$T/clients.json")"
[ "$(sql "$kept" -c "SELECT string_agg(what, ',') FROM side")" = old ] || fail "a transaction that was ended has left rows"
[ "$(sql postgres -c "SELECT count(*) FROM pg_stat_activity WHERE datname = '$kept'")" = 0 ] || fail "somebody is still in the old database"

step "undo, the same way"
start_clients "dbname=shop"
expect 0 drtool undo dbname=shop --confirm shop --json
[ "$(jq '.swap_seconds < 2' <<<"$OUT")" = true ] || fail "$OUT"
wait_clients
only old

step "clients that come through a pooler"
if bouncer=$(PATH=$PATH:/usr/sbin command -v pgbouncer); then
	mkdir -m 777 "$T/bouncer"
	POOL=$((12000 + RANDOM % 8000))
	printf '%s\n' "[databases]" "* = host=$PGHOST port=$PGPORT user=postgres" "[pgbouncer]" "listen_addr = 127.0.0.1" "listen_port = $POOL" "unix_socket_dir =" \
		"auth_type = any" "pool_mode = transaction" "pidfile = $T/bouncer/pid" "logfile = $T/bouncer/log" "server_login_retry = 1" "admin_users = postgres" >"$T/bouncer/ini"
	as_postgres "$bouncer" -d -q "$T/bouncer/ini"
	wait_for 10 test -s "$T/bouncer/pid" || fail "pgbouncer does not start"
	background+=("$(cat "$T/bouncer/pid")")
	answers() { psql -X -h 127.0.0.1 -p "$POOL" shop -c 'SELECT 1' >/dev/null 2>&1; }
	wait_for 10 answers || fail "pgbouncer does not start: $(cat "$T/bouncer/log")"
	fails 3 pooler -- drtool undo "host=127.0.0.1 port=$POOL dbname=shop" --confirm shop
	only old
	start_clients "host=127.0.0.1 port=$POOL dbname=shop"
	only old
	expect 0 drtool undo dbname=shop --confirm shop
	wait_clients 40 3000 # a login that fails makes it wait for server_login_retry, and tell all its clients
	only new
	[ "$(psql -XAt -h 127.0.0.1 -p "$POOL" shop -c "$query")" = new ] || fail "the pool still leads to the old database"

	step "a pooler that is told: no client sees anything but a pause"
	console() { echo "psql -X -q -h 127.0.0.1 -p $POOL -U postgres pgbouncer -c '$1 shop'"; }
	printf '%s\n' "hooks:" "  before_swap: $(console PAUSE)" "  after_swap: $(console RESUME)" >drtool.yml
	start_clients "host=127.0.0.1 port=$POOL dbname=shop"
	expect 0 drtool undo dbname=shop --confirm shop
	wait_clients 0 2000
	only old
	rm drtool.yml
else
	echo "   SKIP pgbouncer is not installed"
fi

step "somebody holds a lock on the database itself: given up after a while, and the old one answers"
psql -X -q -d postgres -c "BEGIN" -c "COMMENT ON DATABASE shop IS 'in a transaction'" -c "SELECT pg_sleep(60)" >/dev/null 2>&1 &
holder=$!
background+=("$holder")
sleep 1
fails 1 shop -- drtool undo dbname=shop --confirm shop
only old
kill "$holder"
sql postgres -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()" >/dev/null

step "a name that somebody else took in the meantime: another one is used"
for n in 0 1 2 3; do
	sql postgres -c "CREATE DATABASE \"shop__before_$(date -u -d "+$n seconds" +%Y%m%d_%H%M%S)\" TEMPLATE tiny"
done
expect 0 drtool undo dbname=shop --confirm shop
only new
nothing_left
