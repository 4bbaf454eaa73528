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
no_leftovers
