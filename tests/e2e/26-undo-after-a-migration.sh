#!/bin/bash
# Undo swaps databases back; what a migration did since is no swap, and the way back from it is a restore.
. "$(dirname "$0")/lib.sh"

server
shop shop 1
snapshot shop
good=$ID
sql shop -c "DELETE FROM order_lines"

# event NAME JQ: the newest event of the journal once more, as of now and changed by the expression. $EVENT is its path.
event() {
	local now rest
	now=$(date -u +%s%6N)
	EVENT=journal/shop/$(date -u -d "@${now%??????}" +%Y%m%d-%H%M%S)-${now: -6}-$1.json
	rest=$(repo_cat "$(repo_files journal/shop | tail -n 1)" | jq -c --arg event "$1" --argjson now "$now" "del(.sha256) | .event = \$event | .started_us = \$now - 5000000 | .finished_us = \$now | $2")
	rest=${rest#\{}
	{ printf '{"sha256":"%s",\n' "$(sha256sum <<<"$rest" | cut -d' ' -f1)" && cat <<<"$rest"; } | repo_put "$EVENT"
}
lines() { sql shop -c "SELECT count(*) FROM order_lines"; }

step "a migration, and no swap before it"
event migrate ".snapshot_id = \"$good\" | .outcome = \"done\""
expect 0 drtool journal shop --json
[ "$(jq -r '[.[].event] | join(" ")' <<<"$OUT")" = "snapshot migrate" ] || fail "$OUT"
expect 3 drtool undo "dbname=shop"
error_says migration "ago"
grep -qxF "hint: go back to the snapshot taken before it: drtool restore $good --replace dbname=shop --confirm shop" "$T/err" || fail "$(cat "$T/err")"
expect 3 drtool undo "dbname=shop" --confirm shop --dry-run
expect 3 drtool undo "dbname=shop" --confirm shop --json
[ "$(jq -r .error.exit <<<"$OUT")" = 3 ] || fail "$OUT"

step "the line that is printed works, and after it there is a swap to undo"
line=$(sed -n 's/^hint: .*: drtool //p' "$T/err")
eval "expect 0 drtool $line"
[ "$(lines)" -gt 0 ] || fail "not restored"
expect 0 drtool undo "dbname=shop" --confirm shop
[ "$(lines)" = 0 ] || fail "not undone"

step "a migration after the swap, a failed one too; not one that was refused, nor what changes nothing"
event migrate ".snapshot_id = \"$good\" | .outcome = \"refused\""
event drop-old "."
event migrate '.snapshot_id = null | .dbname = "another" | .outcome = "done"'
expect 0 drtool undo "dbname=shop" --confirm shop
event migrate ".snapshot_id = \"$good\" | .outcome = \"failed\""
snapshot shop
event undo '.outcome = "failed"'
expect 3 drtool undo "dbname=shop" --confirm shop
error_says "migration that failed"
[ "$(lines)" -gt 0 ] || fail "swapped"

step "the line says where the repository is, when it was said here"
(
	unset DRTOOL_REPO
	expect 3 drtool undo "dbname=shop" --repo "$REPO"
	grep -qF -- "drtool restore $good --replace dbname=shop --repo $REPO --confirm shop" "$T/err" || fail "$(cat "$T/err")"
)

step "the snapshot before it is gone, or there was none"
event migrate '.snapshot_id = "20200101-000000-abcdef" | .outcome = "done"'
expect 3 drtool undo "dbname=shop"
grep -q '^hint: the snapshot taken before it, 20200101-000000-abcdef, cannot be read' "$T/err" || fail "$(cat "$T/err")"
event migrate '.snapshot_id = null | .outcome = "done"'
expect 3 drtool undo "dbname=shop"
grep -q '^hint: no snapshot' "$T/err" || fail "$(cat "$T/err")"

step "made anew under its name since then: not by what went into another server's"
event restore '.dbname = "shop" | .server = "staging:5432" | .outcome = "done"'
expect 3 drtool undo "dbname=shop"
error_says migration
event restore '.dbname = "shop" | .server = "'"$PGHOST:$PGPORT"'" | .outcome = "done"'
expect 3 drtool undo "dbname=shop"
error_says "only when that is confirmed"
repo_remove "$EVENT"

step "a swap since then that was killed before it was written down"
event migrate ".snapshot_id = \"$good\" | .outcome = \"done\""
echo "hooks: { after_swap: 'kill -KILL \$PPID' }" >drtool.yml
run drtool restore "$good" --replace dbname=shop --confirm shop --no-safety-snapshot
rm drtool.yml
[ "$STATUS" = 137 ] || fail "$STATUS: $(cat "$T/err")"
expect 0 drtool journal shop --json
[ "$(jq -r '.[-1].event' <<<"$OUT")" = migrate ] || fail "$OUT"
expect 3 drtool undo "dbname=shop"
error_says "only when that is confirmed"
event migrate ".snapshot_id = \"$good\" | .outcome = \"done\""

step "a provider's own swap is not run either"
expect 3 drtool undo "dbname=shop" --confirm shop --swap-back "touch $T/ran"
[ ! -e "$T/ran" ] || fail "it was run"

step "a journal that cannot be read: undo needs none, and says so"
event migrate .
echo damaged | repo_put "$EVENT"
expect 3 drtool undo "dbname=shop"
grep -q '^warning: whether a migration came .* is not known' "$T/err" || fail "$(cat "$T/err")"
error_says "only when that is confirmed"
expect 0 drtool undo "dbname=shop" --confirm shop --repo "$T/nowhere"
grep -q '^warning: the journal can be neither asked nor written' "$T/err" || fail "$(cat "$T/err")"
(
	unset DRTOOL_REPO
	expect 0 drtool undo "dbname=shop" --confirm shop
	grep -q '^warning: no repository is configured' "$T/err" || fail "$(cat "$T/err")"
)
repo_remove "$EVENT"
no_leftovers
