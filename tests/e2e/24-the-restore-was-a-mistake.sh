#!/bin/bash
# docs/runbook/the-restore-was-a-mistake.md, line by line.
. "$(dirname "$0")/lib.sh"
page the-restore-was-a-mistake

server
shop shop 2
echo "databases: { shop: dbname=shop }" >drtool.yml
PATH=$(dirname "$DRTOOL"):$PATH
expect 0 drtool snapshot shop
sql shop -c "INSERT INTO users VALUES (0, 'a.days@work.example', 'Work', NULL, NULL, NULL, now(), NULL)"
dump shop >"$T/right.sql"

step "the mistake"
expect 0 drtool restore latest --replace shop --confirm shop --json
KEPT=$(jq -r .kept <<<"$OUT")
SAFETY=$(jq -r .safety_snapshot <<<"$OUT")
sql shop -c "INSERT INTO users VALUES (-1, 'after@the.mistake', 'After', NULL, NULL, NULL, now(), NULL)"
dump shop >"$T/mistake.sql"
right() {
	dump shop >"$T/now.sql"
	same_dumps "$T/right.sql" "$T/now.sql"
}

step "the page"
as_written 3 "drtool undo shop"
grep -qF "$KEPT" "$T/err" || fail "$(cat "$T/err")"
as_written 0 "drtool undo shop --confirm shop"
right
as_written 0 "drtool undo shop --confirm shop"
dump shop >"$T/now.sql"
same_dumps "$T/mistake.sql" "$T/now.sql"
as_written 0 "drtool drop-old shop"
[ "$(wc -l <<<"$OUT")" = 2 ] || fail "$OUT"
as_written 0 "drtool journal shop"
[ "$(grep -c ' undo ' <<<"$OUT")" = 2 ] || fail "$OUT"
expect 0 drtool undo shop --confirm shop

step "the old database was dropped already"
expect 0 drtool undo shop --confirm shop
expect 0 drtool drop-old shop --json
expect 0 drtool drop-old shop "$(jq -r '.[0].name' <<<"$OUT")" --confirm shop
as_written 0 "drtool list --database shop"
grep -q "$SAFETY .*safety-" <<<"$OUT" || fail "$OUT"
as_written 0 "drtool restore SAFETY --replace shop --confirm shop"
right

step "by whatever clock: what was put aside last is what undo takes"
expect 0 drtool drop-old shop --json
KEPT=$(jq -r '.[0].name' <<<"$OUT")
sql postgres -c "COMMENT ON DATABASE $KEPT IS 'drtool: kept shop, replaced 2099-01-01T00:00:00.000Z by undo; drtool undo swaps back'"
expect 0 drtool undo shop --confirm shop
expect 0 drtool restore latest --replace shop --confirm shop --no-safety-snapshot --json
last=$(jq -r .kept <<<"$OUT")
sql postgres -c "COMMENT ON DATABASE $last IS 'drtool: kept shop, replaced 2099-01-01T00:00:00.000Z by undo; drtool undo swaps back'"
expect 0 drtool restore latest --replace shop --confirm shop --no-safety-snapshot --json
last=$(jq -r .kept <<<"$OUT")
expect 3 drtool undo shop
grep -q "^by $last:" "$T/err" || fail "$last: $(cat "$T/err")"

step "an old database that dropping has made unusable does not get the name, and can be dropped once more"
sql postgres -c "UPDATE pg_database SET datconnlimit = -2 WHERE datname = '$last'" # as DROP DATABASE does when it is interrupted
expect 3 drtool undo shop
grep -q "^warning: \"$last\" cannot come back" "$T/err" && ! grep -q "^by $last:" "$T/err" || fail "$(cat "$T/err")"
expect 0 drtool status shop
grep -q "$last.*half dropped" <<<"$OUT" || fail "$OUT"
expect 0 drtool drop-old shop --json
jq -e '.[0].half_dropped and (.[1:] | all(.half_dropped == false))' <<<"$OUT" >/dev/null || fail "$OUT"
expect 3 drtool drop-old shop "$(jq -r '.[1].name' <<<"$OUT")"
expect 0 drtool drop-old shop "$last"
expect 0 drtool undo shop --confirm shop

step "an old database that somebody still looks at is not dropped; without any, that is said"
expect 0 drtool drop-old shop --json
KEPT=$(jq -r '.[0].name' <<<"$OUT")
psql -X -q -d "$KEPT" -c "SELECT pg_sleep(100)" >/dev/null 2>&1 &
looker=$!
background+=("$looker")
looking() { [ "$(sql postgres -c "SELECT count(*) FROM pg_stat_activity WHERE datname = '$KEPT'")" = "$1" ]; }
wait_for 10 looking 1 || fail "the session does not start"
expect 3 drtool drop-old shop "$KEPT" --confirm shop
error_says "1 session" "$KEPT"
sql postgres -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '$KEPT'" >/dev/null
wait_for 10 looking 0 || fail "the session does not end"
for KEPT in $(jq -r '.[].name' <<<"$(drtool drop-old shop --json 2>/dev/null)"); do
	expect 0 drtool drop-old shop "$KEPT" --confirm shop
done
expect 0 drtool drop-old shop
[ -z "$OUT" ] && grep -q "no database is kept" "$T/err" || fail "$OUT $(cat "$T/err")"
no_leftovers
