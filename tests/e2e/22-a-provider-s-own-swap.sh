#!/bin/bash
# Where neither CREATE DATABASE nor a rename is allowed: into a database the provider made, checked, and swapped by the provider's own command.
. "$(dirname "$0")/lib.sh"

server
shop shop 1
snapshot shop
good=$ID
sql shop -c "DELETE FROM order_lines"
# The provider: an address is a line in the service file, and its command changes that line.
cat >"$T/provider" <<'SH'
#!/bin/sh
echo "$1 $DRTOOL_ACTION ${DRTOOL_REPLACEMENT-none}" >>provider.log
[ "$1" != broken ] || exit 7
printf '[live]\ndbname=%s\n' "$1" >services
SH
chmod +x "$T/provider"
export PGSERVICEFILE=$T/services
"$T/provider" shop
createdb made --template template0 --locale C # not what the snapshot's database has
sql postgres -c "ALTER DATABASE made SET work_mem = '5MB'"
rows() { psql -XAtq "service=live" -c "SELECT count(*) FROM order_lines"; }

step "what belongs together"
expect 2 drtool restore "$good" --replace "service=live dbname=shop" --into dbname=made --confirm shop
error_says --into --replace
expect 2 drtool restore "$good" --replace "service=live" --swap-with "$T/provider made" --confirm shop
error_says "there already"

step "a command that fails, and one that does nothing"
expect 1 drtool restore "$good" --replace "service=live" --into dbname=made --confirm shop --no-safety-snapshot --swap-with "$T/provider broken" --swap-back "$T/provider shop"
error_says "status 7"
[ "$(tail -n 1 provider.log)" = "shop restore made" ] || fail "not swapped back: $(cat provider.log)"
[ "$(rows)" = 0 ] || fail "the address has changed"
dropdb made
createdb made --template template0 --locale C
expect 1 drtool restore "$good" --replace "service=live" --into dbname=made --confirm shop --no-safety-snapshot --swap-with true
error_says "leads to another database than the restored one"
[ "$(rows)" = 0 ] || fail "the address has changed"
expect 3 drtool restore "$good" --replace "service=live" --into dbname=made --confirm shop --swap-with "$T/provider made"
error_says made "not empty"
dropdb made
createdb made --template template0 --locale C
sql postgres -c "ALTER DATABASE made SET work_mem = '5MB'"

step "done, with a safety snapshot, checks and hooks"
printf '%s\n' "hooks:" "  before_swap: echo before_swap >>provider.log" "swap:" "  back: $T/provider shop" >drtool.yml
expect 0 drtool restore "$good" --replace "service=live" --into dbname=made --confirm shop --swap-with "$T/provider made" --check-sql "SELECT count(*) FROM order_lines" --json
jq -e '.kept == null and (.safety_snapshot | length) > 10 and .written_since[0].table == "public.order_lines"' <<<"$OUT" >/dev/null || fail "$OUT"
[ "$(rows)" -gt 0 ] || fail "not swapped"
[ "$(tail -n 2 provider.log)" = "before_swap"$'\n'"made restore made" ] || fail "$(cat provider.log)"

step "undo runs the command that swaps back"
expect 3 drtool undo "service=live"
error_says confirm
expect 2 drtool undo "service=live" --confirm shop
error_says made
expect 0 drtool undo "service=live" --confirm made
[ "$(rows)" = 0 ] || fail "not swapped back"
expect 0 drtool journal shop --json
jq -e '[.[] | select(.event == "replace" or .event == "undo") | .outcome] == ["failed", "failed", "done"]' <<<"$OUT" >/dev/null || fail "$OUT"

step "usable first: the rest is made at the address, which leads to the restored one by then"
createdb again
expect 0 drtool restore "$good" --replace "service=live" --into dbname=again --confirm shop --no-safety-snapshot --swap-with "$T/provider again" --usable-first --json
jq -e '.finish.complete and .finish.indexes == 3 and .finish.foreign_keys == 2' <<<"$OUT" >/dev/null || fail "$OUT"
sql again -c "SELECT 'orders_user_id_idx'::regclass" >/dev/null
expect 0 drtool restore --finish "service=live"
grep -q '^nothing is left' <<<"$OUT" || fail "$OUT"

step "undo takes no older database that was kept for the one before a command's swap"
rm drtool.yml
expect 0 drtool restore "$good" --replace dbname=shop --confirm shop --no-safety-snapshot
createdb more
rename() { echo "psql -Xqd postgres -c 'ALTER DATABASE $1 RENAME TO $2' -c 'ALTER DATABASE $3 RENAME TO $1'"; }
expect 0 drtool restore "$good" --replace dbname=shop --into dbname=more --confirm shop --no-safety-snapshot --swap-with "$(rename shop before more)" --swap-back "$(rename shop more before)"
grep -q "^to go back: drtool undo dbname=shop --swap-back 'psql " <<<"$OUT" || fail "$OUT"
expect 3 drtool undo dbname=shop --confirm shop
error_says "by a command"
grep -q "^hint: .*--swap-back" "$T/err" || fail "$(cat "$T/err")"
expect 0 drtool undo dbname=shop --confirm shop --swap-back "$(rename shop more before)"
sql more -c "SELECT 1" >/dev/null || fail "not swapped back"
expect 0 drtool undo dbname=shop --confirm shop # now it is the one before
no_leftovers
