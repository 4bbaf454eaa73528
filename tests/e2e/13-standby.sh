#!/bin/bash
# A snapshot read from a standby: the same rows, and unlogged tables named as what a standby cannot read.
. "$(dirname "$0")/lib.sh"

server -o hot_standby_feedback=on
shop shop 3
sql shop -c "CREATE UNLOGGED TABLE volatile AS SELECT 1 AS a" -c "CREATE SEQUENCE s; SELECT nextval('s')" >/dev/null
primary=$SERVER

step "a standby"
standby=$(mktemp -d /tmp/drtool-s-XXXXXX)
chmod 755 "$standby"
[ "$(id -u)" != 0 ] || chown postgres: "$standby"
clusters+=("$standby")
cp "$primary/bindir" "$standby/"
as_postgres "$PG_CLUSTER_BIN/pg_basebackup" -h "$PGHOST" -p "$PGPORT" -U postgres -D "$standby/data" -R -c fast
port=$((PGPORT + 1))
echo "port = $port" >>"$standby/data/postgresql.auto.conf"
echo "unix_socket_directories = '$standby'" >>"$standby/data/postgresql.auto.conf"
"$ROOT/scripts/pg-cluster" restart "$standby"
wait_for 20 sql shop -h "$standby" -p $port -c "SELECT 1 FROM s" >/dev/null || fail "the standby does not answer"

step "snapshot"
expect 0 drtool snapshot "host=$standby port=$port dbname=shop"
ID=$OUT
[ "$(show_json "$ID" | jq .standby)" = true ] || fail "not recorded as read from a standby"
[ "$(show_json "$ID" | jq -r '.contents[] | select(.name == "volatile") | .data')" = "unlogged, not on a standby" ] || fail "the unlogged table is not named"
verify_ok "$ID"
expect 0 drtool restore "$ID" --into "dbname=back"
sql shop -c "TRUNCATE volatile"
same_databases shop back
no_leftovers
