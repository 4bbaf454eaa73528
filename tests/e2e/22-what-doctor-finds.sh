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
mv "$EXTENSION_DIR/$EXTENSION.control" "$EXTENSION_DIR/$EXTENSION.away" # in its directory: at once, and readable for others
expect 1 drtool doctor dbname=extended --json
says fail "scratch extensions" "$EXTENSION 1.0"
mv "$EXTENSION_DIR/$EXTENSION.away" "$EXTENSION_DIR/$EXTENSION.control"

step "a standby whose primary does not wait for its queries"
standby
expect 0 drtool doctor "host=$STANDBY port=$STANDBY_PORT dbname=shop" --json
says warn standby "replay may cancel"
echo "hot_standby_feedback = on" >>"$STANDBY/data/postgresql.auto.conf"
sql postgres -h "$STANDBY" -p "$STANDBY_PORT" -c "SELECT pg_reload_conf()" >/dev/null
feedback() { [ "$(sql postgres -h "$STANDBY" -p "$STANDBY_PORT" -c "SHOW hot_standby_feedback")" = on ]; }
wait_for 10 feedback || fail "not reloaded"
expect 0 drtool doctor "host=$STANDBY port=$STANDBY_PORT dbname=shop" --json
says ok standby "feedback is on"
expect 0 drtool doctor dbname=shop --json
says ok standby "a primary"
no_leftovers
