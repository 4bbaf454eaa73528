#!/bin/bash
# Behind PgBouncer, in every pool mode: refused before anything is read, with the way past it.
. "$(dirname "$0")/lib.sh"

bouncer=$(PATH=$PATH:/usr/sbin command -v pgbouncer) || skip "pgbouncer is not installed"
server
shop shop 1
snapshot shop
good=$ID
before=$(listed)
bounce() { # MODE [LINE]: a pgbouncer in this mode on $POOL
	rm -rf "$T/bouncer" && mkdir -m 777 "$T/bouncer"
	POOL=$((12000 + RANDOM % 8000))
	printf '%s\n' "[databases]" "* = host=$PGHOST port=$PGPORT user=postgres" "[pgbouncer]" "listen_addr = 127.0.0.1" "listen_port = $POOL" "unix_socket_dir =" \
		"auth_type = any" "pool_mode = $1" "pidfile = $T/bouncer/pid" "logfile = $T/bouncer/log" "${2-}" >"$T/bouncer/ini"
	as_postgres "$bouncer" -d -q "$T/bouncer/ini"
	wait_for 10 test -s "$T/bouncer/pid" || fail "pgbouncer does not start: $(cat "$T/bouncer/log")"
	BOUNCER=$(cat "$T/bouncer/pid")
	background+=("$BOUNCER")
	answers() { psql -X -h 127.0.0.1 -p "$POOL" shop -c 'SELECT 1' >/dev/null 2>&1; }
	wait_for 10 answers || fail "pgbouncer does not start: $(cat "$T/bouncer/log")"
}

for mode in session transaction statement; do
	for ignore in "" "ignore_startup_parameters = extra_float_digits,options"; do
		step "pool_mode = $mode ${ignore:+(which ignores start-up parameters)}"
		bounce $mode "$ignore"
		fails 3 pooler -- drtool snapshot "host=127.0.0.1 port=$POOL dbname=shop"
		fails 3 pooler -- drtool restore "$good" --into "host=127.0.0.1 port=$POOL dbname=back"
		[ "$(listed)" = "$before" ] || fail "a snapshot through a pooler is listed"
		absent back
		kill "$BOUNCER"
	done
done

step "a URL that says so itself, and one that leads past it"
fails 3 pooler -- drtool snapshot "postgres://127.0.0.1:$PGPORT/shop?pgbouncer=true"
fails 3 pooler -- env DATABASE_URL="postgres://127.0.0.1:$PGPORT/shop?pgbouncer=true" DIRECT_URL="postgres://127.0.0.1:$PGPORT/shop" "$DRTOOL" snapshot
grep -q '^hint:.*DIRECT_URL' "$T/err" || fail "the direct URL is not named: $(cat "$T/err")"
nothing_left
