#!/bin/bash
# Hooks around a swap, checks before it, protected databases, snapshots of another database, and what was written in between.
. "$(dirname "$0")/lib.sh"

server
shop shop 1
cat >drtool.yml <<YAML
databases:
  shop:
    url: dbname=shop host=$PGHOST
    protected: true
hooks:
  before: echo "before \$DRTOOL_ACTION \$DRTOOL_DATABASE \${DRTOOL_KEPT-none}" >>$T/hooks; test ! -e $T/stop-before
  before_swap: echo "before_swap \$DRTOOL_REPLACEMENT" >>$T/hooks; test ! -e $T/stop-swap
  after_swap: echo "after_swap \$DRTOOL_OUTCOME \$DRTOOL_KEPT" >>$T/hooks; test ! -e $T/stop-after
  after: echo "after \$DRTOOL_OUTCOME" >>$T/hooks
YAML
expect 0 drtool snapshot
good=$OUT
confirm="localhost/shop"
names() { sql postgres -c "SELECT datname FROM pg_database WHERE datname ~ '^shop' ORDER BY 1"; }
hooks() { cat "$T/hooks" 2>/dev/null || true; }

step "a protected database is confirmed with its host"
expect 3 drtool restore "$good" --replace shop
grep -qF -- "--confirm $confirm" "$T/err" || fail "$(cat "$T/err")"
expect 2 drtool restore "$good" --replace shop --confirm shop
error_says "$confirm"
[ -z "$(hooks)" ] || fail "a hook ran before anything was confirmed: $(hooks)"

step "what was written since the snapshot"
sql shop -c "INSERT INTO products SELECT 100000 + n, 'W-' || n, 'written', NULL, 1, NULL FROM generate_series(1, 7) n" -c "UPDATE users SET phone = '0' WHERE id <= 3"
shows() { # TEXT command...: on stderr; statistics come a moment late
	run "${@:2}"
	grep -qF -- "$1" "$T/err"
}
wait_for 10 shows "since that snapshot: 10 in 2 tables: public.products 7, public.users 3" drtool restore "$good" --replace shop --dry-run || fail "$(cat "$T/err")"

step "a hook that fails before: refused, nothing changed, and hooks.after does not run"
touch "$T/stop-before"
expect 3 drtool restore "$good" --replace shop --confirm "$confirm"
error_says "hook before" drtool.yml
[ "$(hooks)" = "before restore shop none" ] || fail "$(hooks)"
[ "$(names)" = shop ] && [ "$(listed | wc -l)" = 1 ] || fail "something was changed"
rm "$T/stop-before" "$T/hooks"

step "a hook that fails before the swap: refused, nothing changed, and hooks.after runs"
touch "$T/stop-swap"
expect 3 drtool restore "$good" --replace shop --confirm "$confirm"
error_says "hook before_swap"
[ "$(hooks)" = "before restore shop none"$'\n'"before_swap shop__restoring_$good"$'\n'"after failed" ] || fail "$(hooks)"
[ "$(names)" = shop ] || fail "$(names)"
rm "$T/stop-swap" "$T/hooks"

step "checks that fail: exit 6, the live database is as it was, the restored one can be looked at"
for check in "--check-sql=SELECT count(*) = 0 FROM orders" "--check-sql=SELECT 1 WHERE false" "--check-sql=SELECT NULL" "--check-sql=SELECT 0" "--check=test \$(psql -XAtc 'SELECT count(*) FROM orders') = 0"; do
	expect 6 drtool restore "$good" --replace shop --confirm "$confirm" --no-safety-snapshot "$check"
	error_says --check
	[ "$(names)" = "shop"$'\n'"shop__restoring_$good" ] || fail "$(names)"
	[ "$(sql shop -c "SELECT count(*) FROM products WHERE name = 'written'")" = 7 ] || fail "the live database was changed"
done
expect 1 drtool restore "$good" --replace shop --confirm "$confirm" --no-safety-snapshot --check-sql "DELETE FROM orders"
error_says read-only
[ "$(grep -c after_swap "$T/hooks")" = 0 ] || fail "$(hooks)"
rm "$T/hooks"

step "a check where nothing is swapped is not passed over in silence"
for check in --check=true "--check-sql=SELECT 1" --swap-with=true; do
	expect 2 drtool restore "$good" --into dbname=elsewhere "$check"
	error_says "without --replace" "${check%%=*}"
done

step "a command that may hold a password is not shown"
expect 6 drtool restore "$good" --replace shop --confirm "$confirm" --no-safety-snapshot --check "false postgres://app:geheim@$PGHOST/shop"
! grep -q geheim "$T/err" || fail "$(cat "$T/err")"

step "what is left is listed, with what it holds, and dropped by its name"
expect 0 drtool drop-old shop
grep -q "^shop__restoring_$good .*(a restore of $good, complete)$" <<<"$OUT" || fail "$OUT"
expect 0 drtool drop-old shop --json
jq -e --arg id "$good" 'length == 1 and .[0].kind == "leftover" and .[0].snapshot == $id and .[0].complete and .[0].size > 1000000' <<<"$OUT" >/dev/null || fail "$OUT"
psql -X -q -d "shop__restoring_$good" -c "SELECT pg_sleep(100)" >/dev/null 2>&1 &
background+=("$!")
looking() { [ "$(sql postgres -c "SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop__restoring_$good'")" = "$1" ]; }
wait_for 10 looking 1 || fail "the session does not start"
expect 3 drtool drop-old shop "shop__restoring_$good"
error_says "1 session"
sql postgres -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'shop__restoring_$good'" >/dev/null
wait_for 10 looking 0 || fail "the session does not end"
expect 0 drtool drop-old shop "shop__restoring_$good"
[ "$(names)" = shop ] || fail "$(names)"

step "a restored one that was half dropped is not taken up"
expect 6 drtool restore "$good" --replace shop --confirm "$confirm" --no-safety-snapshot --check false
sql postgres -c "UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'shop__restoring_$good'"
expect 6 drtool restore "$good" --replace shop --confirm "$confirm" --no-safety-snapshot --check false
rm "$T/hooks"

step "checks that hold, on the restored database and not on the live one"
expect 0 drtool restore "$good" --replace shop --confirm "$confirm" --json --check-sql "SELECT count(*) = 0 FROM products WHERE name = 'written'" --check-sql "SELECT count(*) FROM orders" \
	--check "test \"\$(psql -XAtc 'SELECT current_database()')\" = shop__restoring_$good"
kept=$(jq -r .kept <<<"$OUT")
[ "$(jq -c .written_since <<<"$OUT")" = '[{"table":"public.products","rows":7},{"table":"public.users","rows":3}]' ] || fail "$(jq -c .written_since <<<"$OUT")"
[ "$(hooks)" = "before restore shop none"$'\n'"before_swap shop__restoring_$good"$'\n'"after_swap done $kept"$'\n'"after done" ] || fail "$(hooks)"
[ "$(names)" = "shop"$'\n'"$kept" ] || fail "$(names)"

step "undo says what was written since the swap, and runs the hooks"
sql shop -c "DELETE FROM order_lines WHERE order_id <= 2"
rows=$(($(sql "$kept" -c "SELECT count(*) FROM order_lines") - $(sql shop -c "SELECT count(*) FROM order_lines")))
rm "$T/hooks"
wait_for 10 shows "which only shop has: $rows in 1 table: public.order_lines" drtool undo shop || fail "$(cat "$T/err")"
touch "$T/stop-after"
expect 1 drtool undo shop --confirm "$confirm"
grep -q "warning: .*hook after_swap" "$T/err" || fail "$(cat "$T/err")"
[ "$(hooks | sed 's/_[0-9]*_[0-9]*$//')" = "before undo shop none"$'\n'"before_swap shop__before"$'\n'"after_swap done shop__before"$'\n'"after done" ] || fail "$(hooks)"
[ "$(sql shop -c "SELECT count(*) FROM products WHERE name = 'written'")" = 7 ] || fail "not undone"
rm "$T/stop-after"

step "a snapshot of another database needs its name as well"
createdb other
sql other -c "CREATE TABLE t (a int)"
expect 3 drtool restore "$good" --replace "dbname=other" --confirm other
error_says shop "another database"
grep -qF -- "--confirm-source shop" "$T/err" || fail "$(cat "$T/err")"
expect 2 drtool restore "$good" --replace "dbname=other" --confirm other --confirm-source Shop
expect 0 drtool restore "$good" --replace "dbname=other" --confirm other --confirm-source shop
[ "$(sql other -c "SELECT count(*) FROM orders")" = "$(sql shop -c "SELECT count(*) FROM orders")" ] || fail "not restored"
[ "$(sql postgres -c "SELECT count(*) FROM pg_database WHERE datname ~ '^other__before'")" = 1 ] || fail "not kept"

step "what was written is not counted between two databases of the same name"
createdb stock
sql stock -c "CREATE TABLE t (a int)" -c "INSERT INTO t SELECT generate_series(1, 10)"
counted() { [ "$(sql stock -c "SELECT n_tup_ins FROM pg_stat_user_tables")" = "$1" ]; }
wait_for 10 counted 10 || fail "no statistics"
snapshot stock
first=$ID
sql stock -c "INSERT INTO t SELECT generate_series(1, 5)"
wait_for 10 counted 15 || fail "no statistics"
snapshot stock
expect 0 drtool restore "$first" --replace "dbname=stock" --confirm stock
sql stock -c "INSERT INTO t SELECT generate_series(1, 20)"
wait_for 10 shows "since that snapshot: 20 in 1 table: public.t 20" drtool restore "$first" --replace "dbname=stock" --dry-run || fail "$(cat "$T/err")"
expect 0 drtool restore "$first" --into "dbname=stock" --table t # what drtool brings is nobody's writing
wait_for 10 counted 10$'\n'30 || [ "$(sql stock -c "SELECT count(*) FROM pg_stat_user_tables")" = 2 ] || fail "no statistics"
expect 0 drtool restore "$first" --replace "dbname=stock" --dry-run
grep -q "since that snapshot: 20 in 1 table: public.t 20" "$T/err" || fail "$(cat "$T/err")"
expect 0 drtool restore "$ID" --replace "dbname=stock" --dry-run # taken of the one that is kept now
grep -q "since that snapshot: unknown" "$T/err" || fail "$(cat "$T/err")"

step "what is said to be typed is typed with the variable, where that has it"
export DATABASE_URL="postgres://postgres@/stock?host=$PGHOST&port=$PGPORT"
expect 0 drtool restore "$first" --replace "$DATABASE_URL" --confirm stock --no-safety-snapshot
line=$(sed -n 's/^to go back: drtool //p' <<<"$OUT")
[ "$line" = 'undo "$DATABASE_URL"' ] || fail "$line"
unset DATABASE_URL

step "a database that is not there"
expect 2 drtool restore "$good" --replace "dbname=nowhere" --confirm nowhere
error_says nowhere
no_leftovers
