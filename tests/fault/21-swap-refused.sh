#!/bin/bash
# What cannot be swapped, or not by this role, is refused before anything changes, with what to do; what fails half way leaves the live database as it was.
. "$(dirname "$0")/lib.sh"

server -o max_prepared_transactions=5 -o wal_level=logical -o max_replication_slots=5
shop shop 1
snapshot shop
good=$ID
dump shop >"$T/good.sql"
sql shop -c "DELETE FROM order_lines"
dump shop >"$T/bad.sql"
as_it_was() {
	dump shop >"$T/now.sql"
	same_dumps "$T/bad.sql" "$T/now.sql"
	[ "$(sql postgres -c "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE datname ~ '^shop'")" = "shop${1:+ $1}" ] || fail "$(psql -l)"
}
replace() { drtool restore "$good" --replace "dbname=shop ${1-}" --confirm shop "${@:2}"; }

step "a prepared transaction"
sql shop -c "BEGIN" -c "INSERT INTO users VALUES (0, 'p', 'p', NULL, NULL, NULL, now(), NULL)" -c "PREPARE TRANSACTION 'it''s prepared'"
fails 3 prepared "it's prepared" -- replace
grep -q "^hint:.*ROLLBACK PREPARED" "$T/err" || fail "$(cat "$T/err")"
fails 3 prepared -- replace "" --dry-run
sql shop -c "ROLLBACK PREPARED 'it''s prepared'"
as_it_was

step "a logical replication slot"
sql shop -c "SELECT pg_create_logical_replication_slot('follower', 'test_decoding')" >/dev/null
fails 3 slot follower -- replace
grep -q "^hint:.*pg_drop_replication_slot('follower')" "$T/err" || fail "$(cat "$T/err")"
sql shop -c "SELECT pg_drop_replication_slot('follower')" >/dev/null
as_it_was

step "a subscription on the live database"
sql shop -c "CREATE SUBSCRIPTION following CONNECTION 'dbname=none' PUBLICATION p WITH (connect = false)" 2>/dev/null
fails 3 subscription following -- replace
sql shop -c "ALTER SUBSCRIPTION following SET (slot_name = NONE)" -c "DROP SUBSCRIPTION following"
as_it_was

step "a role that is not the owner, may not create databases, may not end the sessions of others"
sql postgres -c "CREATE ROLE keeper LOGIN" -c "CREATE ROLE owner LOGIN" -c "CREATE ROLE app LOGIN" -c "ALTER DATABASE shop OWNER TO owner"
sql shop -c "GRANT pg_read_all_data TO owner, keeper"
fails 3 keeper own -- replace user=keeper
fails 3 owner create -- replace user=owner
export DATABASE_URL="dbname=shop user=owner host=$PGHOST port=$PGPORT"
fails 3 owner create -- drtool verify "$good" --keep-standby
grep -qx 'hint: .*ALTER ROLE "owner" CREATEDB' "$T/err" || fail "$(cat "$T/err")"
unset DATABASE_URL
sql postgres -c "ALTER ROLE owner CREATEDB"
psql -X -q -U app -d shop -c "SELECT pg_sleep(100)" >/dev/null 2>&1 &
background+=("$!")
there() { [ "$(sql postgres -c "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'")" = 1 ]; }
wait_for 10 there || fail "no session"
fails 3 app ended -- replace user=owner
fails 3 app ended -- replace user=owner --dry-run
grep -q "^hint: .*GRANT pg_signal_backend" "$T/err" || fail "$(cat "$T/err")"
sql postgres -c "ALTER ROLE app SUPERUSER"
fails 3 app ended -- replace user=owner --dry-run
grep -q "^hint: it is a superuser's" "$T/err" || fail "$(cat "$T/err")"
sql postgres -c "ALTER ROLE app NOSUPERUSER"
as_it_was
sql shop -c "ALTER TABLE users OWNER TO owner" -c "ALTER TABLE products OWNER TO owner" -c "ALTER TABLE orders OWNER TO owner" -c "ALTER TABLE order_lines OWNER TO owner" \
	-c "ALTER TABLE events OWNER TO owner" -c "ALTER VIEW order_totals OWNER TO owner" -c "GRANT USAGE ON SCHEMA public TO PUBLIC"
expect 0 drtool snapshot "dbname=shop user=owner"
mine=$OUT
sql postgres -c "GRANT pg_signal_backend TO owner"
expect 0 drtool restore "$mine" --replace "dbname=shop user=owner" --confirm shop
there && fail "the session is still there"
expect 0 drtool undo "dbname=shop user=owner" --confirm shop
expect 0 drtool drop-old "dbname=shop user=owner" --json
expect 0 drtool drop-old "dbname=shop user=owner" "$(jq -r '.[0].name' <<<"$OUT")" --confirm shop
sql postgres -c "ALTER DATABASE shop OWNER TO postgres"
sql shop -c "REASSIGN OWNED BY owner TO postgres"
dump shop >"$T/bad.sql"

step "what comes in the way after the restore: waited for a moment, then refused, and the restored database is not thrown away"
cat >drtool.yml <<YAML
hooks: { before_swap: "psql -Xqd shop -c BEGIN -c 'CREATE TABLE t ()' -c \"PREPARE TRANSACTION 'late'\"; sh $T/later" }
YAML
echo : >"$T/later"
fails 3 prepared late -- replace "" --no-safety-snapshot
rm drtool.yml
sql shop -c "ROLLBACK PREPARED 'late'"
as_it_was "shop__restoring_$good"
echo "(sleep 1; psql -Xqd shop -c \"ROLLBACK PREPARED 'late'\") >/dev/null 2>&1 &" >"$T/later"
cat >drtool.yml <<YAML
hooks: { before_swap: "psql -Xqd shop -c BEGIN -c 'CREATE TABLE t ()' -c \"PREPARE TRANSACTION 'late'\"; sh $T/later" }
YAML
expect 0 replace "" --no-safety-snapshot
grep -q "an earlier run has left .* complete" "$T/err" || fail "$(cat "$T/err")"
rm drtool.yml
expect 0 drtool undo dbname=shop --confirm shop
as_it_was "$(sql postgres -c "SELECT datname FROM pg_database WHERE datname ~ '^shop__before'")"
sql postgres -c "DROP DATABASE \"$(sql postgres -c "SELECT datname FROM pg_database WHERE datname ~ '^shop__before'")\""

step "two at once"
slow_link 300000
start_drtool restore "$good" --replace "$SLOW dbname=shop" --confirm shop --no-safety-snapshot --jobs 1
restoring() { exists "shop__restoring_$good"; }
wait_for 20 restoring || fail "it never began: $(cat "$T/bg.err")"
fails 1 "another restore" -- replace
kill -INT "$PID"
finish
[ "$STATUS" = 130 ] || fail "status $STATUS: $(cat "$T/err")"
as_it_was

step "a chunk that is damaged: the live database is as it was"
rm -rf "$T/copy" && cp -a "$REPO" "$T/copy"
show_json "$good" >/dev/null
for chunk in $(find "$REPO/chunks" -type f -size +100k | head -n 40); do printf x | dd of="$chunk" bs=1 seek=2000 conv=notrunc status=none; done
expect 6 replace "" --no-safety-snapshot
as_it_was
rm -rf "$REPO" && mv "$T/copy" "$REPO"

step "a live database that does not answer is replaced without a safety snapshot, and says so"
sql postgres -c "ALTER DATABASE shop ALLOW_CONNECTIONS false"
expect 0 replace
grep -q "warning: .*does not answer" "$T/err" || fail "$(cat "$T/err")"
dump shop >"$T/now.sql"
same_dumps "$T/good.sql" "$T/now.sql"
expect 3 drtool undo dbname=shop
grep -q "connections *refused" "$T/err" || fail "$(cat "$T/err")"
expect 0 drtool undo dbname=shop --confirm shop # whoever has closed it wants it back: it is opened
as_it_was "$(sql postgres -c "SELECT datname FROM pg_database WHERE datname ~ '^shop__before'")"
sql postgres -c "DROP DATABASE \"$(sql postgres -c "SELECT datname FROM pg_database WHERE datname ~ '^shop__before'")\""

step "a live database that cannot be read any more: said, and done without a safety snapshot when told so"
sql shop -c "CREATE TABLE broken AS SELECT n FROM generate_series(1, 1000) n" -c "CHECKPOINT"
file=$(sql shop -c "SELECT pg_relation_filepath('broken')")
cp -a "$SERVER/data/$file" "$T/broken"
printf xxxxxxxxxxxxxxxxxxxx | dd of="$SERVER/data/$file" bs=1 seek=10 conv=notrunc status=none
pg_stop immediate
pg_start
expect 1 replace
error_says "safety snapshot"
grep -q "^hint:.*--no-safety-snapshot" "$T/err" || fail "$(cat "$T/err")"
[ "$(sql postgres -c "SELECT string_agg(datname, ' ') FROM pg_database WHERE datname ~ '^shop'")" = shop ] || fail "$(psql -l)"
expect 0 replace "" --no-safety-snapshot
dump shop >"$T/now.sql"
same_dumps "$T/good.sql" "$T/now.sql"

step "a subscription in the snapshot is there, and never enabled"
createdb follower
sql follower -c "CREATE TABLE t (a int)" -c "CREATE SUBSCRIPTION s CONNECTION 'dbname=none' PUBLICATION p WITH (connect = false)" 2>/dev/null
snapshot follower
sql follower -c "ALTER SUBSCRIPTION s SET (slot_name = NONE)" -c "DROP SUBSCRIPTION s"
expect 0 drtool restore "$ID" --replace dbname=follower --confirm follower
[ "$(sql follower -c "SELECT subname, subenabled FROM pg_subscription s JOIN pg_database d ON d.oid = subdbid WHERE datname = 'follower'")" = "s|f" ] || fail "the subscription"

step "not enough disk: found before anything is done"
if mkdir -p "$T/mnt-data" && mount -t tmpfs -o size=60m,mode=0777 tmpfs "$T/mnt-data" 2>/dev/null; then
	chown postgres "$T/mnt-data" 2>/dev/null || true
	sql postgres -c "CREATE TABLESPACE small LOCATION '$T/mnt-data'"
	sql postgres -c "CREATE DATABASE big TABLESPACE small"
	sql big -c "CREATE TABLE t AS SELECT n, repeat(md5(n::text), 10) AS x FROM generate_series(1, 70000) n"
	snapshot big
	before=$(sql big -c "SELECT count(*), sum(n) FROM t")
	small() { # MB: as much is free
		rm -f "$T/mnt-data/filler"
		dd if=/dev/zero of="$T/mnt-data/filler" bs=1M count=$(($(df --output=avail -m "$T/mnt-data" | tail -n 1) - $1)) status=none
	}
	small 26
	fails 1 "No space left" -- drtool restore "$ID" --replace dbname=big --confirm big
	grep -q "warning: .*may not fit" "$T/err" || fail "$(cat "$T/err")"
	[ "$(sql big -c "SELECT count(*), sum(n) FROM t")" = "$before" ] || fail "the live database has changed"
	small 10
	fails 3 free disk -- drtool restore "$ID" --replace dbname=big --confirm big
	[ "$(sql postgres -c "SELECT string_agg(datname, ' ') FROM pg_database WHERE datname ~ '^big'")" = big ] || fail "$(psql -l)"
	sql postgres -c "DROP DATABASE big" -c "DROP TABLESPACE small"
	umount "$T/mnt-data"
else
	echo "   SKIP no tmpfs can be mounted here"
fi
nothing_left
