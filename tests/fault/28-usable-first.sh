#!/bin/bash
# --usable-first goes on after the swap, in a database in use: killed anywhere, waited for, in the way, undone, and what others do meanwhile. --finish makes the rest.
. "$(dirname "$0")/lib.sh"

server
shop shop 10
snapshot shop
good=$ID
dump shop >"$T/good.sql"
replace=(restore "$good" --replace dbname=shop --confirm shop --usable-first --no-safety-snapshot)
finish=(restore --finish dbname=shop)
left() { drtool status dbname=shop --json 2>/dev/null | jq -r '.[0].unfinished | if . then "\(.indexes) \(.foreign_keys)" else "none" end'; }
invalid() { sql shop -c "SELECT count(*) FROM pg_index WHERE NOT indisvalid"; }
complete() { # everything is as in the snapshot
	dump shop >"$T/now.sql"
	same_dumps "$T/good.sql" "$T/now.sql"
	[ "$(left)" = none ] || fail "$(left) are said to be left"
	[ "$(invalid)" = 0 ] || fail "an index is not valid"
}
with_hook() { # COMMAND: what happens right after the next swap
	printf 'hooks:\n  after_swap: %s\n' "$1" >drtool.yml
}
hold() { # SQL [ISOLATION]: a client that keeps a transaction open; $CLIENT is its pid, $HOLDER its server process, release ends it
	mkfifo "$T/held"
	psql -X -q -d shop <"$T/held" >"$T/held.out" 2>&1 &
	CLIENT=$!
	background+=("$CLIENT")
	exec 7>"$T/held"
	printf '%s\n' "BEGIN ISOLATION LEVEL ${2-REPEATABLE READ}; $1; SELECT pg_backend_pid() AS pid \\gset" '\echo held :pid' >&7
	wait_for 10 grep -q '^held' "$T/held.out" || fail "no client: $(cat "$T/held.out")"
	HOLDER=$(sed -n 's/^held //p' "$T/held.out")
}
release() {
	echo '\q' >&7 # what was started since has this open, too
	exec 7>&-
	wait "$CLIENT" || true
	rm "$T/held"
}
stop_after_swap() { # a run that is killed right after its swap: everything is left
	with_hook "kill -KILL \$PPID"
	run drtool "${replace[@]}"
	rm drtool.yml
	[ "$STATUS" = 137 ] || fail "not killed: $STATUS $(cat "$T/err")"
	[ "$(left)" = "3 2" ] || fail "left: $(left)"
}
says() { grep -q -- "$1" "$T/bg.err"; }
lose_watch() {
	local gone
	gone=$(sql postgres -c "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'drtool watch'")
	[ "$gone" = 1 ] || fail "$gone sessions watch"
	wait_for 20 says 'the connection that watches whether others wait is made anew' || fail "$(cat "$T/bg.err")"
}

step "killed right after the swap: the new one answers, status says what is left, --finish makes it"
stop_after_swap
[ "$(sql shop -c "SELECT count(*) FROM orders")" = 30000 ] || fail "the rows"
expect 0 drtool status dbname=shop
grep -q '^  not finished  *3 indexes, 2 foreign keys: drtool restore --finish dbname=shop' <<<"$OUT" || fail "$OUT"
run drtool status dbname=shop --nagios
[ "$STATUS" = 1 ] || fail "nagios: $STATUS $OUT"
expect 0 drtool snapshot dbname=shop
grep -q '^warning: the database is not finished: 3 indexes are not in this snapshot, and 2 foreign keys are NOT VALID' "$T/err" || fail "$(cat "$T/err")"
expect 0 drtool "${finish[@]}" --dry-run
grep -q '^to be made: 3 indexes (public.orders 2, public.order_lines 1), 2 foreign keys (public.orders 1, public.order_lines 1); nothing was changed' <<<"$OUT" || fail "$OUT"
[ "$(left)" = "3 2" ] || fail "a dry run changed something"
expect 0 drtool "${finish[@]}" --json
jq -e '.complete and .indexes == 3 and .foreign_keys == 2 and .left_indexes == 0' <<<"$OUT" >/dev/null || fail "$OUT"
complete
expect 0 drtool "${finish[@]}"
grep -q '^nothing is left' <<<"$OUT" || fail "$OUT"

step "a client holds a transaction open: named, waited for, and then it goes on"
stop_after_swap
hold "SELECT count(*) FROM users"
start_drtool "${finish[@]}"
wait_for 30 says "waits for server process $HOLDER of user \"postgres\" (psql, idle in transaction" || fail "$(cat "$T/bg.err")"
[ "$(sql shop -c "UPDATE orders SET note = note WHERE id = 1 RETURNING id")" = 1 ] || fail "a writer waits"
release
finish
[ "$STATUS" = 0 ] || fail "$STATUS: $(cat "$T/err")"
complete

step "killed while an index is being built: what is half made is built anew"
stop_after_swap
hold "SELECT count(*) FROM users"
start_drtool "${finish[@]}"
wait_for 30 says "waits for server process $HOLDER" || fail "$(cat "$T/bg.err")"
kill -KILL "$PID"
finish
nothing_of_ours() { [ "$(sql postgres -c "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'drtool%'")" = 0 ]; }
wait_for 10 nothing_of_ours || fail "the server builds on for nobody: $(sql postgres -c "SELECT application_name, query FROM pg_stat_activity WHERE application_name LIKE 'drtool%'")"
[ "$(invalid)" = 1 ] || fail "nothing is half made"
release
expect 0 drtool "${finish[@]}"
complete

step "interrupted: says how to go on"
stop_after_swap
hold "SELECT count(*) FROM users"
start_drtool "${finish[@]}"
wait_for 30 says "waits for server process $HOLDER" || fail "$(cat "$T/bg.err")"
kill -INT "$PID"
finish
[ "$STATUS" = 130 ] || fail "$STATUS: $(cat "$T/err")"
grep -q '^hint: what was made stays' "$T/err" || fail "$(cat "$T/err")"
wait_for 10 nothing_of_ours
release
expect 0 drtool "${finish[@]}"
complete

step "killed while a foreign key is being checked"
stop_after_swap
hold "LOCK TABLE users IN EXCLUSIVE MODE" "READ COMMITTED" # no snapshot an index would have to wait for
start_drtool "${finish[@]}"
checking() { [ "$(sql postgres -c "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%VALIDATE%' AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()")" = 1 ]; }
wait_for 30 checking || fail "$(cat "$T/bg.err")"
kill -KILL "$PID"
finish
wait_for 10 nothing_of_ours || fail "the server checks on for nobody"
release
expect 0 drtool "${finish[@]}" --json
jq -e '.indexes == 0 and .foreign_keys >= 1' <<<"$OUT" >/dev/null || fail "$OUT"
complete

step "somebody wants a table for himself: we give way, nobody waits for long, and it is done in the end"
stop_after_swap
hold "SELECT count(*) FROM users"
start_drtool "${finish[@]}" --yield-after 1s
wait_for 30 says "waits for server process $HOLDER" || fail "$(cat "$T/bg.err")"
lose_watch # that is made anew
before=$SECONDS
sql shop -c "ALTER TABLE orders ADD later int; ALTER TABLE orders DROP later"
[ $((SECONDS - before)) -le 8 ] || fail "it waited $((SECONDS - before)) s"
wait_for 10 says "gives way to server process" || fail "$(cat "$T/bg.err")"
release
finish
[ "$STATUS" = 0 ] || fail "$STATUS: $(cat "$T/err")"
[ "$(left)" = none ] && [ "$(invalid)" = 0 ] || fail "not finished: $(left)"

step "two at once: one of them says so"
stop_after_swap
hold "SELECT count(*) FROM users"
start_drtool "${finish[@]}"
wait_for 30 says "waits for server process $HOLDER" || fail "$(cat "$T/bg.err")"
fails 1 shop "another drtool" -- drtool "${finish[@]}"
psql -X -q -d postgres -c "SELECT pg_advisory_lock(1685222502, (SELECT oid FROM pg_database WHERE datname = 'shop')::int)" -c "SELECT pg_sleep(60)" >"$T/other.out" 2>&1 &
other=$!
background+=("$other")
waiting_for_it() { [ "$(sql postgres -c "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")" = 1 ]; }
wait_for 10 waiting_for_it || fail "nobody wants the lock: $(cat "$T/other.out")"
lose_watch # and somebody else has its lock now: nothing goes on unwatched
finish
[ "$STATUS" = 1 ] || fail "$STATUS: $(cat "$T/err")"
grep -q '^drtool: .*watch whether others wait for this: database "shop" is being finished by another' "$T/err" || fail "$(cat "$T/err")"
kill "$other"
wait "$other" || true
sql postgres -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)%' AND pid <> pg_backend_pid()" >/dev/null
release
expect 0 drtool "${finish[@]}"
complete

step "undone while it goes on: it stops, and says why; undo of the undo, and --finish"
hold_in_hook() { # a replace that is finishing, and waits for a client
	cat >"$T/hook" <<-HOOK
		psql -X -q -d shop -c "BEGIN ISOLATION LEVEL REPEATABLE READ" -c "SELECT count(*) FROM users" -c "SELECT pg_sleep(300)" >"$T/hook.out" 2>&1 &
		sleep 1
	HOOK
	with_hook "sh $T/hook"
}
hold_in_hook
start_drtool "${replace[@]}" --json
wait_for 60 says "waits for server process" || fail "$(cat "$T/bg.err")"
rm drtool.yml
expect 0 drtool undo dbname=shop --confirm shop
finish
[ "$STATUS" = 1 ] || fail "$STATUS: $(cat "$T/err")"
grep -q 'another one now' "$T/err" || fail "$(cat "$T/err")"
jq -e '.finish.complete == false and (.finish.error | test("another one now"))' <<<"$OUT" >/dev/null || fail "$OUT"
[ "$(left)" = none ] || fail "that is said of the wrong one"
complete
expect 0 drtool undo dbname=shop --confirm shop
[ "$(left)" = "3 2" ] || fail "left: $(left)"
expect 0 drtool "${finish[@]}"
complete

step "what others did meanwhile: a name is taken, a table is gone, something was added"
with_hook "psql -X -q -d shop -c 'CREATE TABLE orders_created_at_idx (a int)' -c 'DROP TABLE order_lines CASCADE' -c 'ALTER TABLE users ADD nickname text'"
expect 6 drtool "${replace[@]}" --json
rm drtool.yml
jq -e '[.finish.findings[].object] | sort == ["FK CONSTRAINT public.order_lines order_lines_order_id_fkey", "INDEX public.order_lines_product_id_idx", "INDEX public.orders_created_at_idx"]' <<<"$OUT" >/dev/null || fail "$(jq -c .finish <<<"$OUT")"
jq -e '[.finish.changed[].object] | index("TABLE public.users") != null' <<<"$OUT" >/dev/null || fail "$(jq -c .finish.changed <<<"$OUT")"
grep -q '^warning: INDEX public.orders_created_at_idx: its name is taken' "$T/err" || fail "$(cat "$T/err")"
[ "$(sql shop -c "SELECT count(*) FROM pg_constraint WHERE NOT convalidated")" = 0 ] || fail "it did not go on"
[ "$(left)" = "1 0" ] || fail "left: $(left)"
sql shop -c "DROP TABLE orders_created_at_idx"
expect 6 drtool "${finish[@]}"
[ "$(left)" = none ] || fail "left: $(left)"
sql shop -c "SELECT 'orders_created_at_idx'::regclass" >/dev/null

step "rows of the source break a foreign key: it stays NOT VALID, and guards all the same"
createdb -T "$(sql postgres -c "SELECT datname FROM pg_database WHERE datname LIKE 'shop!_!_before%' ESCAPE '!' ORDER BY 1 LIMIT 1")" broken
sql broken -c "ALTER TABLE orders DISABLE TRIGGER ALL" -c "UPDATE orders SET user_id = 999999 WHERE id = 7" -c "ALTER TABLE orders ENABLE TRIGGER ALL"
expect 0 drtool snapshot dbname=broken
broken=$OUT
expect 6 drtool restore "$broken" --into dbname=back --usable-first
grep -q "^warning: FK CONSTRAINT public.orders orders_user_id_fkey: the snapshot's own rows break it, so it stays NOT VALID" "$T/err" || fail "$(cat "$T/err")"
[ "$(sql back -c "SELECT conname FROM pg_constraint WHERE NOT convalidated")" = orders_user_id_fkey ] || fail "$(sql back -c "SELECT conname, convalidated FROM pg_constraint")"
run sql back -c "INSERT INTO orders VALUES (0, 999998, 'x', 1, NULL, now())"
[ "$STATUS" != 0 ] || fail "it does not guard"
sql back -c "DELETE FROM order_lines WHERE order_id = 7; DELETE FROM orders WHERE id = 7"
expect 0 drtool restore --finish dbname=back
[ -z "$(sql back -c "SELECT conname FROM pg_constraint WHERE NOT convalidated")" ] || fail "not checked"

step "the journal cannot be written before the swap: then there is none"
sql shop -c "CREATE TABLE side (what text)"
fails 1 "record what is to be made later" -- drtool "${replace[@]}" --check "mv $REPO/journal $REPO/journal.away && touch $REPO/journal"
rm "$REPO/journal"
mv "$REPO/journal.away" "$REPO/journal"
[ -n "$(sql shop -c "SELECT to_regclass('side')")" ] || fail "swapped all the same"

step "as an owner who is no superuser: all connections are taken for a while, a superuser wants a table, and another database may not be made"
sql postgres -c "CREATE ROLE olga LOGIN CREATEDB"
mine=(dbname=mine user=olga)
expect 0 drtool restore "$good" --into "${mine[*]}" --no-owner
cat >"$T/hook" <<-HOOK
	psql -X -q -d mine -c "ALTER DATABASE mine CONNECTION LIMIT 0" -c "ALTER ROLE olga NOCREATEDB" -c "ALTER TABLE users ADD nickname text" >"$T/hook.out" 2>&1
	psql -X -q -d mine -c "BEGIN ISOLATION LEVEL REPEATABLE READ" -c "SELECT count(*) FROM users" -c "SELECT pg_sleep(300)" >>"$T/hook.out" 2>&1 &
	(sleep 3; psql -X -q -d mine -c "ALTER DATABASE mine CONNECTION LIMIT -1") >>"$T/hook.out" 2>&1 &
	sleep 1
HOOK
with_hook "sh $T/hook"
start_drtool restore "$good" --replace "${mine[*]}" --confirm mine --confirm-source shop --usable-first --no-owner --no-safety-snapshot --yield-after 1s --json
wait_for 60 says "too many connections.*it is tried again" || fail "$(cat "$T/bg.err")"
wait_for 60 says 'waits for server process [0-9]* of user "postgres" (psql)' || fail "$(cat "$T/bg.err")"
rm drtool.yml
before=$SECONDS
sql mine -c "ALTER TABLE orders ADD later int; ALTER TABLE orders DROP later"
[ $((SECONDS - before)) -le 8 ] || fail "it waited $((SECONDS - before)) s"
says "gives way to server process" || fail "$(cat "$T/bg.err")"
sql postgres -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(300)%' AND pid <> pg_backend_pid()" >/dev/null
finish
[ "$STATUS" = 0 ] || fail "$STATUS: $(cat "$T/err")"
[ "$(sql mine -c "SELECT count(*) FROM pg_index WHERE NOT indisvalid")" = 0 ] || fail "an index is not valid"
# What was changed meanwhile is said without a reference, which this role may not make; that is no failure.
jq -e '.finish.complete and .finish.findings == [] and [.finish.changed[].object] == ["TABLE public.users"]' <<<"$OUT" >/dev/null || fail "$(jq -c .finish <<<"$OUT")"
grep -q '^warning: what PostgreSQL spells anew cannot be told from what was changed: .*permission denied' "$T/err" || fail "$(cat "$T/err")"

step "a partition that reports never leave alone: nobody waits for the lock that attaches its index"
createdb parted
sql parted <<-'SQL'
	CREATE TABLE events (id int, at date, note text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
	CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
	CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
	INSERT INTO events SELECT i, '2026-01-01'::date + i % 59, repeat('x', 60) FROM generate_series(1, 40000) i;
	CREATE INDEX events_note_idx ON events (note);
SQL
expect 0 drtool snapshot dbname=parted
parted=$OUT
with_hook "kill -KILL \$PPID"
run drtool restore "$parted" --replace dbname=parted --confirm parted --usable-first --no-safety-snapshot
rm drtool.yml
[ "$STATUS" = 137 ] || fail "not killed: $STATUS $(cat "$T/err")"
sql parted -c "CREATE INDEX events_1_note_idx ON events_1 (note)" # as if it had been killed before attaching it
touch "$T/reports"
report() { while [ -e "$T/reports" ]; do sql parted -c "BEGIN" -c "SELECT count(*) FROM events_1 WHERE id = 1" -c '\! sleep 6' -c "COMMIT" >>"$T/reports.out" 2>&1; done; }
for after in 0 3; do
	(sleep $after && report) &
	background+=($!)
done
sleep 4
start_drtool restore --finish dbname=parted
wait_for 30 says 'INDEX public.events_1_note_idx waits for server process .*it only tries again' || fail "$(cat "$T/bg.err")"
slowest=$(sql parted -c "DO \$\$
	DECLARE slowest float := 0; began timestamptz; until timestamptz := clock_timestamp() + interval '4 s';
	BEGIN
		WHILE clock_timestamp() < until LOOP
			began := clock_timestamp();
			EXECUTE 'SELECT note FROM events_1 WHERE id = 1';
			slowest := greatest(slowest, extract(epoch FROM clock_timestamp() - began));
			COMMIT;
			PERFORM pg_sleep(0.01);
		END LOOP;
		PERFORM set_config('test.slowest', (slowest * 1000)::int::text, false);
	END \$\$" -c "SELECT current_setting('test.slowest')")
[ "$slowest" -lt 1000 ] || fail "a query waited $slowest ms"
rm "$T/reports"
sql postgres -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'parted' AND state = 'idle in transaction'" >/dev/null
finish
[ "$STATUS" = 0 ] || fail "$STATUS: $(cat "$T/err")"
[ "$(sql parted -c "SELECT count(*) FROM pg_index WHERE indisvalid AND indexrelid = 'events_note_idx'::regclass")" = 1 ] || fail "the index of the whole is not valid"
echo "the slowest query beside it: $slowest ms"

step "the repository is gone after the swap: said, and nothing is lost"
stop_after_swap
mv "$REPO" "$REPO.away"
fails 2 "does not exist" -- drtool "${finish[@]}"
mv "$REPO.away" "$REPO"
expect 0 drtool "${finish[@]}"
complete
nothing_left
