#!/bin/bash
# Servers of newer majors than 15, where they are installed (DRTOOL_TEST_PG_BINS names more places): the same, and from 15 to there.
. "$(dirname "$0")/lib.sh"

newer=()
for major in 16 17 18 19; do
	"$ROOT/scripts/pg-cluster" bindir $major >/dev/null 2>&1 && newer+=("$major")
done
[ ${#newer[@]} -gt 0 ] || skip "no server newer than PostgreSQL 15 is installed"

# A server that comes without pg_dump and the rest is tried with those of the next version that has them.
programs() { # MAJOR
	local dir
	dir=$("$ROOT/scripts/pg-cluster" bindir "$1") && [ -x "$dir/pg_dump" ] && echo "$dir" && return
	[ "$1" -lt 19 ] || skip "there is no pg_dump new enough for $major"
	programs $(($1 + 1))
}

oldest=$("$ROOT/scripts/pg-cluster" bindir)
server --bindir "$oldest"
worst worst
snapshot worst
from_old=$ID

for major in "${newer[@]}"; do
	server --version "$major"
	DRTOOL_PG_BIN=$(programs "$major")
	export DRTOOL_PG_BIN PATH=$DRTOOL_PG_BIN:$PATH
	step "PostgreSQL $major: snapshot, verify, restore"
	worst "worst"
	expect 0 drtool snapshot "dbname=worst" --as "worst$major"
	ID=$OUT
	verify_worst "$ID"
	expect 0 drtool restore "$ID" --into "dbname=back"
	same_databases worst back
	drtool cat "$ID" >"$T/cat.sql" 2>"$T/err" || fail "cat: $(cat "$T/err")"
	dump worst >"$T/worst.sql"
	same_as_cat "$T/worst.sql" "$T/cat.sql"
	createdb recovered
	expect 0 sh "$ROOT/scripts/recover.sh" "$REPO" "worst$major" "$ID" "dbname=recovered"
	same_databases worst recovered

	if [ "$(sql postgres -c "SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'")" = f ]; then
		step "PostgreSQL $major: built without lz4, which the older server's snapshot needs"
		continue
	fi
	step "PostgreSQL $major: a snapshot of the older server"
	expect 0 drtool restore "$from_old" --into "dbname=from_old"
	# The text of the two majors differs; rows and what can be counted do not.
	counts="SELECT relkind, count(*) FROM pg_class WHERE relname <> 'invalid_index' AND relnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_|^information_schema|^n1') GROUP BY 1 ORDER BY 1"
	left=$(sql worst -c "$counts")
	right=$(sql from_old -c "$counts")
	[ -n "$left" ] || fail "nothing counted"
	[ "$(sql from_old -c 'SELECT count(*) FROM v.texts')" = "$(sql worst -c 'SELECT count(*) FROM v.texts')" ] || fail "v.texts differs"
	[ "$left" = "$right" ] || fail "relations differ: $left against $right"
	expect 0 drtool restore "$from_old" --into "dbname=first" --usable-first
	same_databases from_old first
	no_leftovers
done

step "a newer snapshot is not restored to an older server"
# shellcheck disable=SC1091
PGHOST=${clusters[0]} PGPORT=$(awk '/^port/ { print $3 }' "${clusters[0]}/data/postgresql.auto.conf")
export PGHOST PGPORT
expect 3 drtool restore "$ID" --into "dbname=never"
error_says "$major"
