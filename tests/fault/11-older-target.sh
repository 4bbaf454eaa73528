#!/bin/bash
# A target, or a scratch server, of an older major version than the snapshot's: refused before anything is made.
# DRTOOL_TEST_PG_BINS names places of more PostgreSQL versions.
. "$(dirname "$0")/lib.sh"

for newer in 18 17 16 ""; do
	[ -n "$newer" ] || skip "no server newer than the oldest one here is installed"
	"$ROOT/scripts/pg-cluster" bindir $newer >/dev/null 2>&1 && break
done
[ "$("$ROOT/scripts/pg-cluster" bindir)" != "$("$ROOT/scripts/pg-cluster" bindir "$newer")" ] || skip "PostgreSQL $newer is the only version here"
server
oldest="host=$PGHOST port=$PGPORT"
server --version "$newer"
export DRTOOL_PG_BIN=$PG_CLUSTER_BIN
shop shop 1
snapshot shop

step "from $newer to an older one"
fails 3 "PostgreSQL $newer" -- drtool restore "$ID" --into "$oldest dbname=back"
fails 3 "PostgreSQL $newer" -- drtool verify "$ID" --scratch-server "$oldest dbname=postgres"
[ -z "$(sql "$oldest dbname=postgres" -c "SELECT datname FROM pg_database WHERE datname ~ 'back|drtool'")" ] || fail "a database was made"
expect 0 drtool restore "$ID" --into "dbname=back"
same_databases shop back

step "programs too old for the server"
fails 1 "$newer" -- env DRTOOL_PG_BIN="$("$ROOT/scripts/pg-cluster" bindir)" PATH=/usr/bin:/bin "$DRTOOL" snapshot dbname=shop
nothing_left
