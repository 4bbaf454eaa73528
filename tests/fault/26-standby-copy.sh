#!/bin/bash
# The standby copy: what somebody has been in, what a crash may have hurt, what is another database by now is proved again; killed at any step there is the old copy,
# the new one, or something the next run removes, and the live database answers.
. "$(dirname "$0")/lib.sh"

rounds=6
[ -z "${DRTOOL_LONG-}" ] || rounds=60
ids=() copies=() urls=() names=()
RANDOM=${DRTOOL_SEED:-$$}
echo "seed ${DRTOOL_SEED:-$$}"
small_disk "$T/mnt-target" 90m
chown postgres: "$T/mnt-target"
server
sql postgres -c "CREATE TABLESPACE small LOCATION '$T/mnt-target'"
shop shop 10
sql postgres -c "ALTER DATABASE shop SET TABLESPACE small"
export DATABASE_URL="host=$PGHOST port=$PGPORT user=postgres dbname=shop"
snapshot shop
good=$ID
dump shop >"$T/good.sql"
sql shop -c "CREATE TABLE side (what text)" -c "DELETE FROM order_lines WHERE order_id > 10"
dump shop >"$T/old.sql"
snapshot shop
other=$ID
replace=("$DRTOOL" restore "$good" --replace dbname=shop --confirm shop --no-safety-snapshot)
verify=("$DRTOOL" verify "$good" --keep-standby)
which() { sql shop -c "SELECT CASE WHEN to_regclass('side') IS NULL THEN 'good' ELSE 'old' END"; }
oid() { sql postgres -c "SELECT oid FROM pg_database WHERE datname = '$1'"; }
refuses() { ! sql "$1" -c "SELECT 1" >/dev/null 2>&1; }
answers() { # the whole of the old or the good one, whoever was killed
	local now
	wait_for 8 psql -X -q -d shop -c 'SELECT 1' >/dev/null 2>&1 || fail "nobody answers under the name: $(psql -l)"
	now=$(which)
	[ "$now" = "${1-$now}" ] || fail "the $now database answers"
	dump shop >"$T/now.sql"
	same_dumps "$T/$now.sql" "$T/now.sql"
}
back_to_old() {
	[ "$(which)" = old ] || expect 0 drtool undo dbname=shop --confirm shop
	drop_kept
	answers old
}
used() { # [WORDS]: the copy is taken, after a comparison for that reason when there is one
	local copy
	copy=$(oid shop__standby)
	if [ $# -gt 0 ]; then
		expect 0 drtool status
		grep -q "^  standby copy .* not ready: .*$1" <<<"$OUT" || fail "\"$1\" is not in $OUT"
	fi
	expect 0 "${replace[@]}"
	[ "$(oid shop)" = "$copy" ] || fail "the copy was not used: $(cat "$T/err")"
	if [ $# -gt 0 ]; then
		grep -q "^the standby copy \"shop__standby\" is compared with the snapshot, for .*$1" "$T/err" || fail "$(cat "$T/err")"
	else
		! grep -q "compared" "$T/err" || fail "$(cat "$T/err")"
	fi
	answers good
	back_to_old
}
unused() { # WORDS: restored anew, and said why; the copy stays
	local copy
	copy=$(oid shop__standby)
	expect 0 "${replace[@]}"
	[ "$(oid shop)" != "$copy" ] || fail "the copy was used"
	grep -q "$1" "$T/err" || fail "$(cat "$T/err")"
	[ "$(oid shop__standby)" = "$copy" ] || fail "the copy is gone"
	refuses shop__standby || fail "it lets somebody in"
	answers good
	back_to_old
}
keep() { expect 0 "${verify[@]}"; }
stopped_while_comparing() { # ID: its test restore is in the middle of that; comparing so little may be over before the signal comes
	local _
	for _ in 1 2 3 4 5; do
		start_drtool verify "$1" --keep-standby
		wait_said 60 comparing || fail "$(cat "$T/bg.err")"
		kill -STOP "$PID" 2>/dev/null || true
		[ -z "$(sql postgres -c "SELECT 1 FROM pg_database WHERE datname = 'shop__standby__restoring_$1'")" ] || return 0
		kill -CONT "$PID" 2>/dev/null || true
		finish
	done
	fail "it never was comparing for long enough"
}

step "undisturbed"
start=$(date +%s%3N)
keep
verify_ms=$(($(date +%s%3N) - start))
start=$(date +%s%3N)
expect 0 "${replace[@]}"
replace_ms=$(($(date +%s%3N) - start))
answers good
back_to_old
keep
used
echo "   verify $verify_ms ms, restore $replace_ms ms"

step "somebody allowed connections and wrote: compared, and restored anew"
for change in "UPDATE orders SET note = 'x' WHERE id = 1" "DROP INDEX orders_user_id_idx" "SELECT nextval(pg_get_serial_sequence('events', 'id'))"; do
	keep
	sql postgres -c "ALTER DATABASE shop__standby ALLOW_CONNECTIONS true"
	sql shop__standby -c "$change" >/dev/null
	sql postgres -c "ALTER DATABASE shop__standby ALLOW_CONNECTIONS false"
	unused "^it is not what the snapshot says any more"
done

step "somebody only looked, by a session that is counted as none: compared, and used"
keep
sql postgres -c "ALTER DATABASE shop__standby ALLOW_CONNECTIONS true"
sql "dbname=shop__standby replication=database" -c "SELECT 1" >/dev/null
sql postgres -c "ALTER DATABASE shop__standby ALLOW_CONNECTIONS false"
used "it was altered"

step "connections are still allowed, and somebody is in it with something not committed: restored anew"
keep
sql postgres -c "ALTER DATABASE shop__standby ALLOW_CONNECTIONS true"
used "connections to it are allowed"
keep
sql postgres -c "ALTER DATABASE shop__standby ALLOW_CONNECTIONS true"
in_background psql -X -q -d shop__standby -c "BEGIN; DELETE FROM order_lines; SELECT pg_sleep(60)" >/dev/null 2>&1
guest=$!
there() { [ "$(sql postgres -c "SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop__standby'")" = "$1" ]; }
wait_for 10 there 1
expect 0 "${replace[@]}"
grep -q "is not used: somebody is connected to it" "$T/err" || fail "$(cat "$T/err")"
answers good
back_to_old
fails 3 "1 session is in the old standby copy" -- "${verify[@]}"
fails 3 "1 session is in" -- drtool drop-old dbname=shop shop__standby
kill "$guest"
sql postgres -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'shop__standby'" >/dev/null
wait_for 10 there 0

step "dropping it was interrupted: not ready, not used, replaced by the next one"
for again in drop verify; do
	keep
	sql postgres -c "UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'shop__standby'"
	expect 0 drtool status
	grep -q "^  standby copy .* not ready: dropping it was begun" <<<"$OUT" || fail "$OUT"
	run drtool doctor
	grep -q "^warn *standby copy: dropping \"shop__standby\" was begun" <<<"$OUT" || fail "$OUT"
	unused "is not used: dropping it was begun"
	[ $again = verify ] || expect 0 drtool drop-old dbname=shop shop__standby
done
keep
used

step "it is the live one that somebody began to drop"
keep
sql postgres -c "UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'shop'"
expect 0 "${replace[@]}"
answers good
! exists shop__standby || fail "the copy was not used"
expect 3 drtool undo dbname=shop
grep -q "cannot come back: dropping it was begun" "$T/err" || fail "$(cat "$T/err")"
sql postgres -c "UPDATE pg_database SET datconnlimit = -1 WHERE datname ~ '^shop__before'"
back_to_old

step "the server crashed, its statistics are lost: compared, and used"
keep
pg_stop immediate
pg_start
used "statistics about it are gone"
keep
pg_stop fast
pg_start
used # an orderly stop loses nothing

step "another database has its name and its comment"
keep
comment=$(sql postgres -c "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'shop__standby'")
sql postgres -c "DROP DATABASE shop__standby" -c "CREATE DATABASE shop__standby" -c "COMMENT ON DATABASE shop__standby IS '$comment'" -c "ALTER DATABASE shop__standby ALLOW_CONNECTIONS false"
unused "no proof of it is recorded"
sql postgres -c "ALTER DATABASE shop__standby IS_TEMPLATE true" -c "COMMENT ON DATABASE shop__standby IS 'somebody else''s'"
keep
[ -n "$(oid shop__standby2)" ] && [ "$(sql postgres -c "SELECT datistemplate FROM pg_database WHERE datname = 'shop__standby'")" = t ] || fail "somebody else's database was taken: $(psql -l)"
sql postgres -c "ALTER DATABASE shop__standby IS_TEMPLATE false" -c "DROP DATABASE shop__standby"
expect 0 "${replace[@]}" --json
[ "$(jq -r .standby <<<"$OUT")" = shop__standby2 ] || fail "$OUT"
answers good
back_to_old

step "the proof could not be written: compared, and used"
mkdir "$T/hidden"
mv "$REPO/proofs" "$T/hidden/" && touch "$REPO/proofs"
run "${verify[@]}"
[ "$STATUS" = 1 ] || fail "status $STATUS: $(cat "$T/err")"
rm "$REPO/proofs" && mv "$T/hidden/proofs" "$REPO/"
refuses shop__standby || fail "it lets somebody in"
used "no proof of it is recorded"

step "the disk has room for one copy only: the old one goes first, and with less room nothing does"
keep
room=$(df --output=avail -B1 "$T/mnt-target" | tail -n 1)
size=$(sql postgres -c "SELECT pg_database_size('shop__standby')")
mount -o "remount,size=$((92274688 - room + size / 2))" "$T/mnt-target"
keep
grep -q "the old standby copy goes before the new one is made" "$T/err" || fail "$(cat "$T/err")"
absent 'restoring'
copy=$(oid shop__standby)
expect 0 drtool drop-old dbname=shop shop__standby
fill_disk "$T/mnt-target"
run drtool doctor
grep -q "server disk: .* free, and the database has" <<<"$OUT" || fail "$OUT"
grep -q "standby copy: none, and .* free are too little for one of" <<<"$OUT" || fail "$OUT"
fails 3 "free on the server's disk for a standby copy" -- "${verify[@]}"
[ -z "$(oid shop__standby)" ] || fail "a copy was made"
free_disk "$T/mnt-target"
mount -o remount,size=90m "$T/mnt-target"

step "what a killed run has left goes before the new one is made, and takes no room from the old one"
keep
left=shop__standby__restoring_$other
sql postgres -c "CREATE DATABASE \"$left\" TABLESPACE small" -c "COMMENT ON DATABASE \"$left\" IS 'drtool: restore of snapshot $other into shop__standby, not complete'"
sql "$left" -c "CREATE TABLE filler AS SELECT repeat('x', 1000) FROM generate_series(1, 25000)" -c CHECKPOINT
room=$(df --output=avail -B1 "$T/mnt-target" | tail -n 1)
mount -o "remount,size=$((94371840 - room + size / 2))" "$T/mnt-target"
keep
! grep -q "the old standby copy goes" "$T/err" || fail "$(cat "$T/err")"
absent restoring
mount -o remount,size=90m "$T/mnt-target"

step "verify is killed in every phase that says its name: the old copy is there, and what was half made goes with the next run"
expect 0 drtool verify "$other" --keep-standby
copy=$(oid shop__standby)
for phase in schema data comparing; do
	if [ $phase = comparing ]; then
		stopped_while_comparing "$good"
	else
		start_drtool "${verify[@]:1}"
		wait_said 60 $phase || fail "\"$phase\" is not said: $(cat "$T/bg.err")"
	fi
	kill -KILL "$PID" 2>/dev/null || fail "it was done already"
	wait "$PID" 2>/dev/null || true
	no_sanitizer "$T/bg.err"
	answers old
	[ "$(oid shop__standby)" = "$copy" ] || fail "another copy, or none: $(psql -l)"
	nothing_alive
done
expect 0 drtool status
grep -q "^  standby copy .*$other.* ready$" <<<"$OUT" || fail "$OUT"

step "killed at random: there is always a copy, and it can be told what it is"
for _ in $(seq "$rounds"); do
	"${verify[@]}" >"$T/out" 2>"$T/bg.err" &
	PID=$!
	ms=$((RANDOM % verify_ms))
	sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
	kill -KILL $PID 2>/dev/null || echo "   (it was done already)"
	wait $PID 2>/dev/null || true
	answers old
	nothing_alive
	expect 0 drtool drop-old dbname=shop --json
	[ "$(jq -r '[.[] | select(.kind != "leftover") | .kind + " " + .name] | join(", ")' <<<"$OUT")" = "standby shop__standby" ] || fail "$OUT"
	refuses shop__standby || fail "it lets somebody in"
done

step "killed after the new one took the place and before the old one was dropped: the next run drops that"
sql postgres -c "CREATE DATABASE \"shop__standby__restoring_$other\"" -c "COMMENT ON DATABASE \"shop__standby__restoring_$other\" IS 'drtool: restore of snapshot $other into shop__standby, not complete'" \
	-c "ALTER DATABASE \"shop__standby__restoring_$other\" ALLOW_CONNECTIONS false"
keep
absent restoring
used

step "the restore that uses it is killed: at random, and while a check looks at it"
for _ in $(seq "$rounds"); do
	[ -n "$(oid shop__standby)" ] || keep
	"${replace[@]}" >"$T/out" 2>"$T/bg.err" &
	PID=$!
	sleep "$(printf '%d.%03d' 0 $((RANDOM % (replace_ms < 900 ? replace_ms + 50 : 950))))"
	kill -KILL $PID 2>/dev/null || true
	wait $PID 2>/dev/null || true
	answers
	nothing_alive
	echo "   the $(which) one answers"
	back_to_old
done
[ -n "$(oid shop__standby)" ] || keep
"${replace[@]}" --check "touch $T/complete; sleep 60" >"$T/out" 2>"$T/bg.err" &
PID=$!
wait_for 60 test -e "$T/complete" || fail "it never got that far: $(cat "$T/bg.err")"
kill -KILL $PID
wait $PID 2>/dev/null || true
answers old
nothing_alive
used "connections to it are allowed"

step "while a test restore makes a new one: the emergency does not wait, and two of them do not meet"
keep
stopped_while_comparing "$other"
expect 0 "${replace[@]}"
grep -q "standby copy is not used: another drtool works on it" "$T/err" || fail "$(cat "$T/err")"
answers good
fails 1 "is running" -- "${verify[@]}"
kill -CONT "$PID"
finish
[ "$STATUS" = 0 ] || fail "$(cat "$T/err")"
back_to_old
expect 0 drtool status --json
[ "$(jq -r '.[0].standby | .snapshot + " " + (.ready | tostring)' <<<"$OUT")" = "$other true" ] || fail "$OUT"

step "a monitor that looks into every database found it while it was proved: ended, and the copy is compared again when it is used"
stopped_while_comparing "$good"
in_background psql -X -q -d "shop__standby__restoring_$good" -c "SELECT pg_sleep(60)" >/dev/null 2>&1
inside() { [ "$(sql postgres -c "SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop__standby__restoring_$good' AND query ~ 'pg_sleep'")" = 1 ]; }
wait_for 10 inside
kill -CONT "$PID"
finish
[ "$STATUS" = 0 ] || fail "$(cat "$T/err")"
grep -q "^warning: somebody was connected to it while it was proved" "$T/err" || fail "$(cat "$T/err")"
refuses shop__standby || fail "it lets somebody in"
used "somebody has been connected to it"

step "interrupted: nothing half made stays"
stopped_while_comparing "$good"
kill -TERM "$PID"
kill -CONT "$PID"
finish
[ "$STATUS" = 143 ] || fail "status $STATUS: $(cat "$T/err")"
absent restoring

step "interrupted while it is given its name, which a session that does not end holds up"
stopped_while_comparing "$good"
in_background psql -X -q -d "shop__standby__restoring_$good" -c "SELECT pg_sleep(60)" >/dev/null 2>&1
wait_for 10 inside
backend=$(sql postgres -c "SELECT pid FROM pg_stat_activity WHERE datname = 'shop__standby__restoring_$good' AND query ~ 'pg_sleep'")
kill -STOP "$backend"
kill -CONT "$PID"
renaming() { [ "$(sql postgres -c "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'ALTER DATABASE%RENAME%' AND state = 'active' AND pid <> pg_backend_pid()")" = 1 ]; }
wait_for 30 renaming || fail "$(cat "$T/bg.err")"
kill -TERM "$PID"
start=$SECONDS
finish
[ "$STATUS" = 143 ] && [ $((SECONDS - start)) -le 20 ] || fail "status $STATUS after $((SECONDS - start)) s: $(cat "$T/err")"
kill -CONT "$backend"
answers old
nothing_alive
keep
absent restoring

step "a subscription in the snapshot: never enabled, and no obstacle to dropping the copy"
sql shop -c "CREATE SUBSCRIPTION sub CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false)" 2>/dev/null
snapshot shop
sql shop -c "ALTER SUBSCRIPTION sub SET (slot_name = NONE)" -c "DROP SUBSCRIPTION sub"
for _ in 1 2; do
	expect 0 drtool verify "$ID" --keep-standby
	[ "$(sql postgres -c "SELECT count(*) || ' ' || bool_or(subenabled) FROM pg_subscription")" = "1 false" ] || fail "subscriptions: $(sql postgres -c "SELECT * FROM pg_subscription")"
done
expect 0 drtool drop-old dbname=shop shop__standby
[ -z "$(oid shop__standby)" ] || fail "not dropped"

step "the source breaks its own rules: the copy is used, and says so again"
sql shop -c "SET session_replication_role = replica" -c "DELETE FROM users WHERE id = 1"
snapshot shop
expect 6 drtool verify "$ID" --keep-standby
copy=$(oid shop__standby)
for _ in 1 2; do
	expect 6 drtool restore "$ID" --replace dbname=shop --confirm shop --no-safety-snapshot
	[ "$(oid shop)" = "$copy" ] || fail "the copy was not used: $(cat "$T/err")"
	[ "$(grep -c "^warning: FK CONSTRAINT public.orders.*the source's own data breaks this" "$T/err")" = 1 ] || fail "$(cat "$T/err")"
	drop_kept
	expect 6 drtool verify "$ID" --keep-standby
	copy=$(oid shop__standby)
	sql postgres -c "ALTER DATABASE shop__standby CONNECTION LIMIT 5"
done

step "a snapshot of another server's database is not put beside this one"
sql postgres -c "CREATE DATABASE another"
DATABASE_URL="host=$PGHOST port=$PGPORT user=postgres dbname=another" fails 2 another -- drtool verify "$good" --keep-standby
expect 0 drtool snapshot dbname=another --as mine
id=$OUT
printf '%s\n' "databases: {mine: {url: \"host=$PGHOST port=$PGPORT user=postgres dbname=postgres\"}}" >"$T/other.yml"
fails 3 "of another database" -- drtool verify "mine/$id" --keep-standby --config "$T/other.yml"

step "an owner who is no superuser"
sql postgres -c "CREATE ROLE olga LOGIN CREATEDB" -c "CREATE DATABASE mini OWNER olga" -c "ALTER DATABASE mini SET work_mem = '5MB'"
psql -X -q -U olga -d mini -c "CREATE TABLE t AS SELECT 1 AS a"
mini="user=olga dbname=mini"
DATABASE_URL=$mini expect 0 drtool snapshot
id=$OUT
DATABASE_URL=$mini expect 0 drtool verify "$id" --keep-standby
copy=$(oid mini__standby)
psql -X -q -U olga -d mini -c "ALTER DATABASE mini SET work_mem = '6MB'" -c "UPDATE t SET a = 2"
expect 0 drtool restore "$id" --replace "$mini" --confirm mini --no-safety-snapshot
[ "$(oid mini)" = "$copy" ] && [ "$(psql -X -q -A -t -U olga -d mini -c "SELECT a || current_setting('work_mem') FROM t")" = 16MB ] || fail "$(cat "$T/err")"

step "privileges, an owner or settings that he may not give: refused before the swap, and nobody gets in who may not"
DATABASE_URL=$mini expect 0 drtool verify "$id" --keep-standby
copy=$(oid mini__standby)
live=$(oid mini)
not_taken() { # WORDS
	fails 3 "$1 of the standby copy could not be made those of the live database" -- drtool restore "$id" --replace "$mini" --confirm mini --no-safety-snapshot
	grep -q '^hint: .*--no-standby' "$T/err" || fail "no way out: $(cat "$T/err")"
	[ "$(oid mini)" = "$live" ] && [ "$(oid mini__standby)" = "$copy" ] || fail "swapped: $(psql -l)"
	refuses mini__standby || fail "it lets somebody in"
}
sql postgres -c "CREATE ROLE otto" -c "CREATE ROLE stranger LOGIN" -c "REVOKE CONNECT ON DATABASE mini FROM PUBLIC" -c "GRANT CONNECT ON DATABASE mini TO otto WITH GRANT OPTION" \
	-c "SET ROLE otto" -c "GRANT CONNECT ON DATABASE mini TO olga"
not_taken "the privileges"
sql postgres -c "REVOKE CONNECT ON DATABASE mini FROM otto CASCADE" -c "ALTER DATABASE mini SET log_statement = 'ddl'"
not_taken "the settings"
expect 0 drtool restore "$id" --replace "user=postgres dbname=mini" --confirm mini --no-safety-snapshot
[ "$(oid mini)" = "$copy" ] || fail "the copy was not used: $(cat "$T/err")"
! psql -X -q -U stranger -d mini -c "SELECT 1" 2>"$T/err" || fail "anybody gets in: $(psql -l)"
[ "$(sql postgres -c "SELECT setconfig FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase WHERE datname = 'mini'")" = "{work_mem=6MB,log_statement=ddl}" ] || fail "settings"

step "names that are strange, long, or begin alike"
long63=$(printf 'm%.0s' $(seq 63))
for name in '..' "it's \"quoted\"" 'Ünï' "$(printf 'é%.0s' $(seq 31))x" "${long63:1}1" "${long63:1}2"; do
	quoted="\"${name//\"/\"\"}\""
	export DATABASE_URL="host=$PGHOST port=$PGPORT user=postgres dbname='${name//\'/\\\'}'"
	sql postgres -c "CREATE DATABASE $quoted"
	sql "$DATABASE_URL" -c "CREATE TABLE t AS SELECT 'new' AS a"
	expect 0 drtool snapshot "$DATABASE_URL"
	id=$OUT
	sql "$DATABASE_URL" -c "UPDATE t SET a = 'old'"
	expect 0 drtool verify "$name/$id" --keep-standby --json
	ids+=("$id") copies+=("$(jq -r .standby <<<"$OUT")") urls+=("$DATABASE_URL") names+=("$name")
done
[ "$(printf '%s\n' "${copies[@]}" | sort -u | wc -l)" = ${#copies[@]} ] || fail "copies: ${copies[*]}"
for i in "${!ids[@]}"; do
	expect 0 drtool restore "${ids[i]}" --replace "${urls[i]}" --confirm="${names[i]}" --json
	[ "$(jq -r .standby <<<"$OUT")" = "${copies[i]}" ] && [ "$(sql "${urls[i]}" -c "SELECT a FROM t")" = new ] || fail "${names[i]}: $OUT"
done
export DATABASE_URL="host=$PGHOST port=$PGPORT user=postgres dbname=shop"

step "a snapshot that does not come back is not kept"
keep
snapshot shop
copy=$(oid shop__standby)
find "$REPO/chunks" -type f -size +200k | while read -r file; do printf 'x' | dd of="$file" bs=1 seek=5000 conv=notrunc status=none; done
expect 6 drtool verify "$ID" --keep-standby
grep -q "^warning: it is not kept as the standby copy" "$T/err" || fail "$(cat "$T/err")"
[ "$(oid shop__standby)" = "$copy" ] || fail "another copy"
absent restoring
expect 0 drtool drop-old dbname=shop shop__standby
nothing_left
