#!/bin/bash
# --dry-run makes every check, tells the plan, and changes nothing.
. "$(dirname "$0")/lib.sh"

server
shop shop 1
state() { repo_list && { find "$T/scratch" -type f -printf '%p %s\n' 2>/dev/null || true; } | LC_ALL=C sort && sql postgres -c "SELECT datname FROM pg_database ORDER BY 1"; }

step "snapshot into a repository that is not there"
state >"$T/before"
expect 0 drtool snapshot "dbname=shop" --dry-run
[ -z "$OUT" ] || fail "a dry run printed: $OUT"
state | diff "$T/before" - || fail "a dry run changed something"

snapshot shop
state >"$T/before"
for command in "snapshot dbname=shop" "verify $ID" "restore $ID --into dbname=never"; do
	step "$command"
	# shellcheck disable=SC2086
	expect 0 drtool $command --dry-run
	grep -q . "$T/err" || fail "nothing was told"
	# shellcheck disable=SC2086
	expect 0 drtool $command --dry-run --json
	jq -e .dry_run <<<"$OUT" >/dev/null || fail "not marked as a dry run: $OUT"
	state | diff "$T/before" - || fail "a dry run changed something"
done
step "a plan that is refused"
expect 3 drtool restore "$ID" --into dbname=shop --dry-run
state | diff "$T/before" - || fail "a dry run changed something"
no_leftovers
