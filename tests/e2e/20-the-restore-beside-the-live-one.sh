#!/bin/bash
# restore --replace: shown first, confirmed, done beside the live database, swapped; undo swaps back, undo again swaps forth; drop-old tidies up.
. "$(dirname "$0")/lib.sh"

server
shop shop 3
sql shop -c "COMMENT ON DATABASE shop IS 'the shop''s own'" -c "ALTER DATABASE shop SET work_mem = '7MB'"
snapshot shop
good=$ID
dump shop >"$T/good.sql"
orders() { sql shop -c "SELECT count(*) FROM orders"; }
names() { sql postgres -c "SELECT datname FROM pg_database WHERE datname ~ '^shop' ORDER BY 1"; }

step "somebody breaks it"
sql shop -c "DELETE FROM order_lines" -c "DELETE FROM orders" -c "INSERT INTO users VALUES (0, 'since@the.snapshot', 'Since', NULL, NULL, NULL, now(), NULL)"
sql shop -c "ALTER DATABASE shop SET work_mem = '9MB'" -c "ALTER DATABASE shop CONNECTION LIMIT 77"
dump shop >"$T/bad.sql"
[ "$(orders)" = 0 ] || fail "nothing is broken"

step "without --confirm: what would happen, and the line to type"
expect 3 drtool restore "$good" --replace "dbname=shop"
error_says shop confirm
for word in "size " "sessions " "last written " " ago, " "drtool restore $good --replace dbname=shop --confirm shop"; do
	grep -qF -- "$word" "$T/err" || fail "\"$word\" is not shown: $(cat "$T/err")"
done
expect 2 drtool restore "$good" --replace "dbname=shop" --confirm Shop
error_says Shop shop
expect 0 drtool restore "$good" --replace "dbname=shop" --dry-run
expect 0 drtool restore "$good" --replace "dbname=shop" --dry-run --json
jq -e '.dry_run and .confirm == "shop"' <<<"$OUT" >/dev/null || fail "$OUT"
[ "$(names)" = shop ] && [ "$(orders)" = 0 ] || fail "something was changed"
[ "$(listed | wc -l)" = 1 ] || fail "a snapshot was taken"

step "confirmed"
expect 0 drtool restore "$good" --replace "dbname=shop" --confirm shop --json
kept=$(jq -r .kept <<<"$OUT")
safety=$(jq -r .safety_snapshot <<<"$OUT")
jq -e '.swap_seconds < 5 and .rows > 0' <<<"$OUT" >/dev/null || fail "$OUT"
[[ $kept =~ ^shop__before_[0-9]{8}_[0-9]{6}$ ]] || fail "kept as $kept"
[ "$(names)" = "shop"$'\n'"$kept" ] || fail "$(names)"
dump shop >"$T/now.sql"
same_dumps "$T/good.sql" "$T/now.sql"
dump "$kept" >"$T/now.sql"
same_dumps "$T/bad.sql" "$T/now.sql"

step "settings, limit and comment are the live database's, not the snapshot's"
about() { sql postgres -c "SELECT datconnlimit, shobj_description(d.oid, 'pg_database'), setconfig FROM pg_database d LEFT JOIN pg_db_role_setting ON setdatabase = d.oid AND setrole = 0 WHERE datname = '$1'"; }
[ "$(about shop)" = "77|the shop's own|{work_mem=9MB}" ] || fail "$(about shop)"

step "the safety snapshot holds what was there, and latest is not it"
expect 0 drtool restore "$safety" --into "dbname=was"
dump was >"$T/now.sql"
same_dumps "$T/bad.sql" "$T/now.sql"
dropdb was
expect 0 drtool restore latest --replace "dbname=shop" --dry-run
grep -q "latest other one is meant, $good" "$T/err" || fail "$(cat "$T/err")"

step "undo, and undo of the undo"
expect 3 drtool undo "dbname=shop"
error_says shop confirm
grep -qF "$kept" "$T/err" || fail "the kept database is not named: $(cat "$T/err")"
expect 0 drtool undo "dbname=shop" --dry-run
[ "$(orders)" != 0 ] || fail "a dry run changed something"
expect 0 drtool undo "dbname=shop" --confirm shop --json
second=$(jq -r .kept <<<"$OUT")
[ "$(jq -r .replacement <<<"$OUT")" = "$kept" ] || fail "$OUT"
[ "$(orders)" = 0 ] || fail "not undone"
[ "$(about shop)" = "77|the shop's own|{work_mem=9MB}" ] || fail "$(about shop)"
[ "$(names)" = "shop"$'\n'"$second" ] || fail "$(names)"
expect 0 drtool undo "dbname=shop" --confirm shop
[ "$(orders)" != 0 ] || fail "not done again"
dump shop >"$T/now.sql"
same_dumps "$T/good.sql" "$T/now.sql"

step "drop-old lists, drops what is named, and the newest only when confirmed"
expect 0 drtool restore "$good" --replace "dbname=shop" --confirm shop --no-safety-snapshot --json
jq -e '.safety_snapshot == null' <<<"$OUT" >/dev/null || fail "$OUT"
expect 0 drtool drop-old "dbname=shop" --json
[ "$(jq length <<<"$OUT")" = 2 ] || fail "$OUT"
newest=$(jq -r '.[0].name' <<<"$OUT")
older=$(jq -r '.[1].name' <<<"$OUT")
[[ $newest > $older ]] || fail "$OUT"
expect 0 drtool drop-old "dbname=shop"
[ "$(wc -l <<<"$OUT")" = 3 ] || fail "$OUT"
expect 2 drtool drop-old "dbname=shop" shop
error_says shop "not a kept"
expect 3 drtool drop-old "dbname=shop" "$newest"
error_says "$newest" newest
expect 0 drtool drop-old "dbname=shop" "$older" --dry-run
[ "$(names | wc -l)" = 3 ] || fail "a dry run dropped something"
expect 0 drtool drop-old "dbname=shop" "$older"
expect 0 drtool drop-old "dbname=shop" "$newest" --confirm shop
[ "$(names)" = shop ] || fail "$(names)"
expect 3 drtool undo "dbname=shop" --confirm shop
error_says "kept"

step "all of it is in the journal"
expect 0 drtool journal shop --json
[ "$(jq -r '[.[].event] | join(" ")' <<<"$OUT")" = "snapshot replace restore undo undo replace drop-old drop-old" ] || fail "$(jq -c '[.[].event]' <<<"$OUT")"
[ "$(jq -r '.[1].details.kept + " " + .[1].details.safety_snapshot' <<<"$OUT")" = "$kept $safety" ] || fail "$(jq -c '.[1]' <<<"$OUT")"
no_leftovers
