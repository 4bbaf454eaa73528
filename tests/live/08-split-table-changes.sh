#!/bin/bash
# A table that is read in ctid ranges while it grows, is updated everywhere, is vacuumed and shrinks: no row twice, none missing.
# In every committed state: ids 1 to 110,000 once each, and the same v in all of them.
. "$(dirname "$0")/lib.sh"

server -o autovacuum=off -o max_parallel_workers_per_gather=0
createdb split
sql split -c "CREATE TABLE wide (id int PRIMARY KEY, v int NOT NULL, pad text)" -c "ALTER TABLE wide ALTER pad SET STORAGE PLAIN" \
	-c "INSERT INTO wide SELECT g, 0, repeat(md5(g::text), 31) FROM generate_series(1, 110000) g"
slow_link 40000000

disturb() {
	case $1 in
	grows) sql split -c "BEGIN" -c "INSERT INTO wide SELECT g, (SELECT max(v) FROM wide), repeat('z', 990) FROM generate_series(110001, 125000) g" -c "DELETE FROM wide WHERE id <= 15000" -c "UPDATE wide SET id = id - 110000 WHERE id > 110000" -c "COMMIT" ;;
	updated) sql split -c "UPDATE wide SET v = v + 1" ;;
	vacuumed) sql split -c "VACUUM wide" -c "UPDATE wide SET v = v + 1" ;;
	shrinks) sql split -c "BEGIN" -c "DELETE FROM wide WHERE id > 60000" -c "INSERT INTO wide SELECT g, (SELECT min(v) FROM wide), repeat('y', 900) FROM generate_series(60001, 110000) g" -c "COMMIT" -c "VACUUM wide" ;;
	esac
}
split_now() { [ "$(sql postgres -c "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'drtool%' AND state = 'active' AND query LIKE 'COPY%ctid%'")" -gt 0 ]; }

for how in grows updated vacuumed shrinks; do
	step "$how"
	start_drtool snapshot "$SLOW dbname=split" --jobs 2 --yield-after 60s
	wait_for 20 split_now || fail "it is not read in ranges: $(cat "$T/bg.err")"
	before=$(sql split -c "SELECT min(v) FROM wide")
	disturb $how
	kill -0 "$PID" 2>/dev/null || echo "   (the snapshot was done before that was)"
	finish
	[ "$STATUS" = 0 ] || fail "status $STATUS: $(cat "$T/err")"
	ID=$OUT
	state=$(rows_in "$ID" wide | cut -f1,2 | awk '{ n++; sum += $1; v[$2] = 1; if ($1 in seen) twice++; seen[$1] = 1 } END { k = 0; for (i in v) { k++; value = i } printf "%d %.0f %d %d %d", n, sum, twice, k, value }')
	[ "$state" = "110000 6050055000 0 1 $before" ] || fail "rows, sum of ids, twice, different v, v: $state; wanted v $before"
done
step "fingerprints"
for id in $(listed | head -n 1); do
	verify_ok "$id"
done
expect 0 drtool restore "$ID" --into dbname=back
[ "$(sql back -c "SELECT count(*), count(DISTINCT id), sum(id), count(DISTINCT v) FROM wide")" = "110000|110000|6050055000|1" ] || fail "not one state"
no_leftovers
