#!/bin/bash
# Doctor on servers that are not as they should be: an extension this machine lacks, a standby.
. "$(dirname "$0")/lib.sh"
local_only "about servers"

says() { # STATUS CHECK WORDS: a line of the last report
	jq -e --arg s "$1" --arg c "$2" --arg w "$3" '[.checks[] | select(.check == $c and .status == $s and (.text | contains($w)) and (.status == "ok" or (.hint | length > 0)))] | length == 1' <<<"$OUT" >/dev/null ||
		fail "not $1 $2 \"$3\": $(jq -c --arg c "$2" '.checks[] | select(.check == $c)' <<<"$OUT")"
}

server -o hot_standby_feedback=off
drtool init --repo "$REPO" >/dev/null 2>&1
shop shop 1

step "an extension whose files are missing here"
install_extension
createdb extended
sql extended -c "CREATE EXTENSION $EXTENSION"
expect 0 drtool doctor dbname=extended --json
says ok "scratch extensions" "installed on this machine"
mv "$EXTENSION_DIR/$EXTENSION.control" "$T/"
expect 1 drtool doctor dbname=extended --json
says fail "scratch extensions" "$EXTENSION 1.0"
mv "$T/$EXTENSION.control" "$EXTENSION_DIR/"

step "a standby whose primary does not wait for its queries"
standby=$(mktemp -d /tmp/drtool-s-XXXXXX)
chmod 755 "$standby"
[ "$(id -u)" != 0 ] || chown postgres: "$standby"
clusters+=("$standby")
cp "$SERVER/bindir" "$standby/"
as_postgres "$PG_CLUSTER_BIN/pg_basebackup" -h "$PGHOST" -p "$PGPORT" -U postgres -D "$standby/data" -R -c fast
port=$((PGPORT + 1))
printf "%s\n" "port = $port" "unix_socket_directories = '$standby'" >>"$standby/data/postgresql.auto.conf"
"$ROOT/scripts/pg-cluster" restart "$standby"
wait_for 20 sql shop -h "$standby" -p $port -c "SELECT 1 FROM orders LIMIT 1" >/dev/null || fail "the standby does not answer"
expect 0 drtool doctor "host=$standby port=$port dbname=shop" --json
says warn standby "replay may cancel"
echo "hot_standby_feedback = on" >>"$standby/data/postgresql.auto.conf"
sql postgres -h "$standby" -p $port -c "SELECT pg_reload_conf()" >/dev/null
feedback() { [ "$(sql postgres -h "$standby" -p $port -c "SHOW hot_standby_feedback")" = on ]; }
wait_for 10 feedback || fail "not reloaded"
expect 0 drtool doctor "host=$standby port=$port dbname=shop" --json
says ok standby "feedback is on"
expect 0 drtool doctor dbname=shop --json
says ok standby "a primary"
no_leftovers
