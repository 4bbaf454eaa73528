#!/bin/bash
# ALTER, TRUNCATE, DROP, CREATE and RENAME all the time, between listing and locking and while workers start: every snapshot holds a state that
# was committed. In each of these states the six tables have exactly 1,000 rows with ids 1 to 1,000.
. "$(dirname "$0")/lib.sh"

many=${DRTOOL_LONG:+40}
many=${many:-10}
fill="SELECT g, 0, md5(g::text) FROM generate_series(1, 1000) g"
server
createdb storm
sql storm <<-SQL
	CREATE TABLE rewritten (id int, v int, w text); CREATE TABLE truncated (LIKE rewritten); CREATE TABLE recreated (LIKE rewritten); CREATE TABLE renamed (LIKE rewritten); CREATE TABLE shadow (LIKE rewritten);
	CREATE TABLE parts (LIKE rewritten) PARTITION BY RANGE (id); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (500); CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (500) TO (2000);
	INSERT INTO rewritten $fill; INSERT INTO truncated $fill; INSERT INTO recreated $fill; INSERT INTO renamed $fill; INSERT INTO shadow $fill; INSERT INTO parts $fill;
	CREATE VIEW viewed AS SELECT * FROM truncated;
	CREATE TABLE big AS SELECT g AS id, md5(g::text) AS v FROM generate_series(1, 100000) g;
SQL
cat >"$T/rewrite.sql" <<SQL
BEGIN; ALTER TABLE rewritten ALTER v TYPE bigint; SELECT pg_sleep(0.15); COMMIT;
BEGIN; ALTER TABLE rewritten ALTER v TYPE int; COMMIT;
SELECT pg_sleep(0.5);
VACUUM FULL rewritten;
SELECT pg_sleep(0.5);
BEGIN; TRUNCATE truncated; INSERT INTO truncated $fill; SELECT pg_sleep(0.15); COMMIT;
SELECT pg_sleep(0.5);
BEGIN; ALTER TABLE truncated ADD COLUMN extra int; ALTER TABLE rewritten ADD COLUMN extra int; COMMIT;
BEGIN; ALTER TABLE rewritten DROP COLUMN extra; ALTER TABLE truncated DROP COLUMN extra; COMMIT;
BEGIN; TRUNCATE parts; INSERT INTO parts $fill; SELECT pg_sleep(0.15); COMMIT;
SELECT pg_sleep(0.5);
SQL
cat >"$T/recreate.sql" <<SQL
BEGIN; DROP TABLE recreated; CREATE TABLE recreated (id int, v int, w text); INSERT INTO recreated $fill; SELECT pg_sleep(0.15); COMMIT;
SELECT pg_sleep(0.5);
BEGIN; ALTER TABLE renamed RENAME TO old; ALTER TABLE shadow RENAME TO renamed; ALTER TABLE old RENAME TO shadow; COMMIT;
SELECT pg_sleep(0.5);
BEGIN; DROP TABLE parts_2; CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (500) TO (2000); INSERT INTO parts_2 SELECT g, 0, md5(g::text) FROM generate_series(500, 1000) g; COMMIT;
BEGIN; CREATE TABLE short_lived AS $fill; COMMIT;
SELECT pg_sleep(0.01);
DROP TABLE short_lived;
SELECT pg_sleep(0.5);
SQL
forever storm "$T/rewrite.sql"
forever storm "$T/recreate.sql"

first_rows() { jq --arg t "$1" '.contents[] | select(.name == $t) | .rows' "$T/show.json"; }

step "$many snapshots, one after the other"
for round in $(seq "$many"); do
	before=$(rounds)
	snapshot storm --lock-wait 120s --yield-after 2s
	echo "   snapshot $round: $(($(rounds) - before)) storms meanwhile, $(grep -c 'trying again' "$T/err" || true) attempts given up"
	show_json "$ID" >"$T/show.json"
	for table in rewritten truncated recreated renamed shadow; do
		[ "$(first_rows $table)" = 1000 ] || fail "$table: $(jq -c --arg t $table '.contents[] | select(.name == $t)' "$T/show.json")"
	done
	[ "$(($(first_rows parts_1) + $(first_rows parts_2)))" = 1000 ] || fail "parts: $(jq -c .contents "$T/show.json")"
	short=$(first_rows short_lived)
	[ -z "$short" ] || [ "$short" = 1000 ] || fail "short_lived has $short rows"
	[ "$(rows_in "$ID" rewritten | awk '{ n += $1 } END { print n }')" = 500500 ] || fail "the ids of rewritten do not add up"
done
# shellcheck disable=SC2034 # used by the eval below
after=$(rounds)
wait_for 20 eval '[ "$(rounds)" -gt "$after" ]' || fail "the storm was over before the snapshots: $(tail -n 3 "$T/forever.log")"
touch "$T/stop"

step "none of the other sessions lost a statement to us"
no_deadlock
[ ! -s "$T/forever.log" ] || fail "$(head -n 5 "$T/forever.log")"

step "every one of them verifies"
verify_ok "$ID" # alone: it makes the scratch directory
listed | xargs -P 2 -I ID sh -c '"$0" verify ID >verify-ID.log 2>&1 || cat verify-ID.log >>"$1"' "$DRTOOL" "$T/bad"
[ ! -e "$T/bad" ] || fail "$(cat "$T/bad")"
[ "$(find . -name 'verify-*.log' | wc -l)" = "$many" ] || fail "not every one was verified"
[ "$(listed | wc -l)" = "$many" ] || fail "listed: $(listed)"
no_leftovers
