#!/bin/bash
# docs/runbook/the-table-somebody-emptied.md: rows come back beside the live tables, and from there into them; the rest of the database is not touched.
. "$(dirname "$0")/lib.sh"

server
shop shop 3
sql shop -c "CREATE ROLE clerk" -c "GRANT SELECT ON orders TO clerk" -c "COMMENT ON TABLE orders IS 'what was ordered'" -c "CREATE TABLE seen (what text, note json)" \
	-c "INSERT INTO seen SELECT 'thing ' || n, '{}' FROM generate_series(1, 10) n" \
	-c "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'" -c "CREATE TRIGGER stamp BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION stamp()"
snapshot shop
good=$ID
suffix=${good##*-}
dump shop >"$T/good.sql"
count() { sql shop -c "SELECT count(*) FROM $1"; }                                                                     # TABLE
orders=$(count orders) lines=$(count order_lines) events=$(count events)
thousands() { sed -E ':a; s/^([0-9]+)([0-9]{3})/\1,\2/; ta' <<<"$1"; }                                                      # NUMBER
others() { pg_dump -d shop --exclude-table '*__restored_*' | grep -vE '^\\(un)?restrict '; }                              # all that is not ours
restored() { sql shop -c "SELECT relname FROM pg_class WHERE relname ~ '__restored_' AND relkind = 'r' ORDER BY 1"; }
paste_block() { awk -v t="$1" -v n="$2" 'index($0, "-- " t) == 1 { if (++seen == n) on = 1; next } on && $0 == "" { exit } on' "$T/answer.sql" | sql shop >/dev/null; } # TITLE NTH

step "somebody empties a table, and what refers to it; life goes on"
sql shop -c "TRUNCATE orders CASCADE" -c "INSERT INTO orders VALUES (1000000, 1, 'open', 5, NULL, now())" -c "UPDATE events SET kind = 'lost' WHERE id <= 7" -c "DELETE FROM events WHERE id > $((events - 4))"
others >"$T/live.sql"

step "a dry run names the tables and changes nothing"
expect 0 drtool restore "$good" --into "dbname=shop" --table orders --table 'order_*' --dry-run
grep -qF "would restore \"public\".\"orders\" as \"public\".\"orders__restored_$suffix\": $(thousands "$orders") rows" <<<"$OUT" || fail "$OUT"
others | cmp - "$T/live.sql" || fail "a dry run changed something"
[ -z "$(restored)" ] || fail "a dry run made $(restored)"

step "beside the live tables; nothing else is touched, and the statements to go on with are SQL"
expect 0 drtool restore "$good" --into "dbname=shop" --table orders --table order_lines --table events
cp <(echo "$OUT") "$T/answer.sql"
[ "$(restored)" = "events__restored_$suffix"$'\n'"order_lines__restored_$suffix"$'\n'"orders__restored_$suffix" ] || fail "$(restored)"
others | cmp - "$T/live.sql" || fail "the live database was touched"
[ "$(count "orders__restored_$suffix")" = "$orders" ] || fail "rows of orders"
grep -qF "the live table has 1, where $(thousands "$orders") of these keys are missing and 0 rows are different" "$T/answer.sql" || fail "$(grep missing "$T/answer.sql")"
grep -qF "where 4 of these keys are missing and 7 rows are different" "$T/answer.sql" || fail "$(grep missing "$T/answer.sql")"
[ "$(grep -n 'as it was at' "$T/answer.sql" | grep -n '"orders"' | cut -d: -f1)" -lt "$(grep -n 'as it was at' "$T/answer.sql" | grep -n '"order_lines"' | cut -d: -f1)" ] || fail "orders do not come before their lines"
[ "$(sql shop -c "SELECT count(*) FROM pg_constraint WHERE conrelid = 'orders__restored_$suffix'::regclass AND contype = 'f'")" = 0 ] || fail "a foreign key"
[ "$(sql shop -c "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'orders__restored_$suffix'::regclass")" = 0 ] || fail "a trigger"
[ "$(sql shop -c "SELECT count(*) || ' ' || bool_or(indisprimary) FROM pg_index WHERE indrelid = 'orders__restored_$suffix'::regclass")" = "3 true" ] || fail "indexes"
[ "$(sql shop -c "SELECT reltuples FROM pg_class WHERE oid = 'orders__restored_$suffix'::regclass")" = "$orders" ] || fail "not analyzed"

step "pasted, the rows are back, and what came since has stayed"
for nth in 1 2 3; do
	paste_block "rows that are missing" $nth
done
paste_block "afterwards: sequences" 1
[ "$(count orders) $(count order_lines) $(count events)" = "$((orders + 1)) $lines $events" ] || fail "$(count orders) $(count order_lines) $(count events)"
[ "$(sql shop -c "SELECT count(*) FROM events WHERE kind = 'lost'")" = 7 ] || fail "changed rows were set back"
paste_block "or: also set back" "$(grep -E 'as it was at|^-- or: also' "$T/answer.sql" | awk '/also/ { n++ } /"events"/ { on = 1; next } on && /also/ { print n; exit } /as it was/ { if (on) exit }')"
sql shop -c "DELETE FROM orders WHERE id = 1000000"
sql shop -c "INSERT INTO events (at, kind, payload) VALUES (now(), 'new', '{}')" -c "DELETE FROM events WHERE kind = 'new'"
for nth in 1 2 3; do
	paste_block "when it is not needed" $nth
done
[ -z "$(restored)" ] || fail "not dropped: $(restored)"
dump shop | sed '/SELECT pg_catalog.setval/d' >"$T/now.sql"
sed -i '/SELECT pg_catalog.setval/d' "$T/good.sql"
same_dumps "$T/good.sql" "$T/now.sql"

step "a table that was dropped takes its name again, with all the snapshot recorded about it"
sql shop -c "DROP TABLE orders CASCADE"
expect 0 drtool restore "$good" --into "dbname=shop" --table orders --json
jq -e '.restored_tables[0] | .live == false and .live_rows == null and .insert_missing == null' <<<"$OUT" >/dev/null || fail "$OUT"
jq -e '.restored_tables[0].remarks | tostring | contains("public.order_lines order_lines_order_id_fkey")' <<<"$OUT" >/dev/null || fail "$(jq .restored_tables[0].remarks <<<"$OUT")"
jq -r '.restored_tables[0].in_place' <<<"$OUT" | sql shop >/dev/null
sql shop -c "ALTER TABLE order_lines ADD CONSTRAINT order_lines_order_id_fkey FOREIGN KEY (order_id) REFERENCES orders(id)" \
	-c "$(grep '^CREATE VIEW order_totals' "$ROOT/tests/data/shop.sql")"
dump shop | sed '/SELECT pg_catalog.setval/d' >"$T/now.sql"
same_dumps "$T/good.sql" "$T/now.sql"

step "renames in place of a live table: identity, sequence and foreign keys of others move along"
sql shop -c "CREATE TABLE receipts (event bigint REFERENCES events)" -c "INSERT INTO receipts VALUES (3)" -c "UPDATE events SET payload = '{}'"
expect 0 drtool restore "$good" --into "dbname=shop" --table events --schema "put aside" --json
[ "$(jq -r '.restored_tables[0].restored' <<<"$OUT")" = "\"put aside\".\"events__restored_$suffix\"" ] || fail "$OUT"
jq -r '.restored_tables[0].in_place' <<<"$OUT" | sql shop >/dev/null
[ "$(sql shop -c "SELECT count(*) FROM events WHERE payload <> '{}'")" = "$events" ] || fail "not in place"
[ "$(sql shop -c "INSERT INTO events (at, kind, payload) VALUES (now(), 'new', '{}') RETURNING id > $events")" = t ] || fail "the identity starts over"
[ "$(sql shop -c "SELECT confrelid::regclass FROM pg_constraint WHERE conrelid = 'receipts'::regclass")" = events ] || fail "the foreign key looks at the old table"
sql shop -c "DROP TABLE events__before_$suffix" -c "DROP SCHEMA \"put aside\""

step "without a key whole rows are compared, where they can be"
expect 0 drtool restore "$good" --into "dbname=shop" --table seen
grep -q "no primary key, and rows of these types cannot be compared: ALL rows are inserted" <<<"$OUT" || fail "$OUT"

step "into a database of its own: with what it needs, without foreign keys to what is not there"
expect 0 drtool restore "$good" --into "dbname=alone" --table orders --dry-run
! psql -X -l -A -t | grep -q '^alone|' || fail "a dry run made a database"
expect 0 drtool restore "$good" --into "dbname=alone" --table orders --json
[ "$(jq -r '"\(.tables) \(.rows)"' <<<"$OUT")" = "1 $orders" ] || fail "$OUT"
[ "$(sql alone -c "SELECT count(*) FROM orders")" = "$orders" ] || fail "rows"
[ "$(sql alone -c "SELECT string_agg(contype::text, '' ORDER BY contype) FROM pg_constraint WHERE conrelid = 'orders'::regclass AND contype IN ('p', 'f')")" = p ] || fail "constraints"
[ "$(sql alone -c "SELECT string_agg(relname, ' ') FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'S')")" = orders ] || fail "more than was wanted"
expect 0 drtool restore "$good" --into "dbname=both" --table 'order*' --table users --table products
[ "$(sql both -c "SELECT count(*) FROM pg_constraint WHERE contype = 'f'")" = 2 ] || fail "foreign keys among them"
[ "$(sql both -c "SELECT count(*) FROM order_totals")" = "$(sql both -c "SELECT count(DISTINCT order_id) FROM order_lines")" ] || fail "the view"

step "partitions come as one table beside the live one, as they were into a database of their own; what is inherited stands on its own"
createdb parts
sql parts <<-'SQL'
	CREATE TABLE visits (at date, id int, who text DEFAULT 'nobody', PRIMARY KEY (at, id)) PARTITION BY RANGE (at);
	CREATE TABLE visits_2025 PARTITION OF visits FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY LIST (id);
	CREATE TABLE visits_2025_1 PARTITION OF visits_2025 FOR VALUES IN (1);
	CREATE TABLE visits_2025_2 PARTITION OF visits_2025 (who DEFAULT 'two') FOR VALUES IN (2);
	CREATE TABLE visits_2026 (who text, id int NOT NULL, at date NOT NULL);
	ALTER TABLE visits ATTACH PARTITION visits_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
	INSERT INTO visits SELECT date '2025-01-01' + n, 1 + n % 2, 'v' || n FROM generate_series(1, 364) n;
	INSERT INTO visits SELECT date '2026-01-01' + n, n, 'w' || n FROM generate_series(1, 300) n;
	CREATE TABLE base (id int PRIMARY KEY, note text NOT NULL);
	CREATE TABLE heir (more int) INHERITS (base);
	INSERT INTO base VALUES (1, 'base');
	INSERT INTO heir VALUES (2, 'heir', 3);
SQL
snapshot parts
suffix=${ID##*-}
sql parts -c "DELETE FROM visits WHERE id = 2" -c "DELETE FROM ONLY base"
expect 0 drtool restore "$ID" --into "dbname=parts" --table 'visits*' --table base --table heir --json
[ "$(jq -r '[.restored_tables[] | "\(.restored) \(.rows) \(.live_rows) \(.missing)"] | sort | join("; ")' <<<"$OUT" | tr -d '"')" = "public.base__restored_$suffix 1 0 1; public.heir__restored_$suffix 1 1 null; public.visits__restored_$suffix 664 481 183" ] ||
	fail "$(jq -c '.restored_tables[] | [.restored, .rows, .live_rows, .missing]' <<<"$OUT")"
[ "$(sql parts -c "TABLE heir__restored_$suffix") $(sql parts -c "SELECT count(*) FROM pg_inherits WHERE inhrelid = 'heir__restored_$suffix'::regclass")" = "2|heir|3 0" ] || fail "heir"
[ "$(sql parts -c "SELECT count(*) FROM base")" = 1 ] || fail "a live table got rows"
jq -r '.restored_tables[] | .insert_missing' <<<"$OUT" | sql parts >/dev/null
[ "$(sql parts -c "SELECT count(*) FROM visits") $(sql parts -c "SELECT count(*) FROM ONLY base") $(sql parts -c "SELECT count(*) FROM heir")" = "664 1 1" ] || fail "not put back"
expect 0 drtool restore "$ID" --into "dbname=parts" --table visits_2026 --schema one
[ "$(sql parts -c "SELECT count(*), min(who) FROM one.visits_2026__restored_$suffix")" = "300|w1" ] || fail "a partition alone"
expect 0 drtool restore "$ID" --into "dbname=apart" --table visits --table heir
[ "$(sql apart -c "SELECT count(*) FROM visits") $(sql apart -c "SELECT count(*) FROM visits_2025_2") $(sql apart -c "SELECT count(*) FROM ONLY base") $(sql apart -c "TABLE heir")" = "664 182 0 2|heir|3" ] ||
	fail "$(sql apart -c "SELECT count(*) FROM visits") $(sql apart -c "SELECT count(*) FROM visits_2025_2") $(sql apart -c "SELECT count(*) FROM ONLY base") $(sql apart -c "TABLE heir")"

step "the journal knows"
expect 0 drtool journal shop --json
[ "$(jq -r '[.[] | select(.event == "restore-table") | .outcome] | join(" ")' <<<"$OUT")" = "done done done done done done" ] || fail "$(jq -c '[.[] | [.event, .outcome]]' <<<"$OUT")"
jq -e --arg s "${good##*-}" '.[1].details | tostring | contains("orders__restored_" + $s)' <<<"$OUT" >/dev/null || fail "$(jq -c '.[1]' <<<"$OUT")"
no_leftovers
