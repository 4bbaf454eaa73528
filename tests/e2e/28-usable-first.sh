#!/bin/bash
# --usable-first: the database gets its name once rows, keys and unique constraints are there; the rest is made while it is in use, and in the end nothing is missing.
. "$(dirname "$0")/lib.sh"

major=${1-} # of the server; without one first the oldest that is installed, then newer ones
server ${major:+--version "$major"}
[ -z "$major" ] || export DRTOOL_PG_BIN=$PG_CLUSTER_BIN
shop shop 20
sql shop -f - <<-SQL
	CREATE EXTENSION btree_gin;
	CREATE INDEX "Odd ""name" ON orders (lower(note), (total_cents % 10)) WHERE status <> 'a;b'; COMMENT ON INDEX "Odd ""name" IS 'odd';
	ALTER INDEX "Odd ""name" ALTER COLUMN 2 SET STATISTICS 77; ALTER INDEX "Odd ""name" DEPENDS ON EXTENSION btree_gin;
	ALTER TABLE orders CLUSTER ON orders_created_at_idx;
	CREATE UNIQUE INDEX users_lower ON users (lower(email));
	CREATE TABLE parts (id int NOT NULL, at date NOT NULL, v text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
	CREATE TABLE parts_old PARTITION OF parts FOR VALUES FROM (MINVALUE) TO ('2025-01-01') PARTITION BY RANGE (id);
	CREATE TABLE parts_old_1 PARTITION OF parts_old DEFAULT;
	CREATE TABLE parts_new PARTITION OF parts FOR VALUES FROM ('2025-01-01') TO (MAXVALUE);
	INSERT INTO parts SELECT n, date '2024-06-01' + n % 400, md5(n::text) FROM generate_series(1, 30000) n;
	CREATE INDEX parts_v ON parts (v); COMMENT ON INDEX parts_new_v_idx IS 'of a partition';
	ALTER TABLE parts ADD CONSTRAINT parts_fk FOREIGN KEY (id) REFERENCES orders;
	CREATE TABLE pairs (a int, b int, CONSTRAINT no_twins EXCLUDE USING btree (a WITH =)); INSERT INTO pairs SELECT n, n FROM generate_series(1, 30000) n;
	CREATE INDEX spaced ON pairs (b) TABLESPACE pg_default;
	CREATE MATERIALIZED VIEW by_status AS SELECT status, count(*) FROM orders GROUP BY 1; CREATE INDEX ON by_status (status);
	ALTER TABLE users ENABLE ROW LEVEL SECURITY; CREATE POLICY nobody ON users USING (false);
	CREATE ROLE reader; GRANT SELECT ON users, by_status TO reader; GRANT UPDATE (note) ON orders TO reader; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader;
	CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.note := ''stamped''; RETURN NEW; END'; REVOKE EXECUTE ON FUNCTION stamp() FROM PUBLIC;
	CREATE TRIGGER stamp BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION stamp(); CREATE TRIGGER off BEFORE DELETE ON orders EXECUTE FUNCTION stamp(); ALTER TABLE orders DISABLE TRIGGER off;
	CREATE RULE nothing AS ON DELETE TO pairs DO INSTEAD NOTHING; REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO reader;
SQL
cat >"$T/guards.sql" <<-SQL
	SELECT 'policy', p::text FROM pg_policies p
	UNION ALL SELECT 'rows', oid::regclass || ' ' || relrowsecurity || relforcerowsecurity FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
	UNION ALL SELECT 'trigger', pg_get_triggerdef(oid) || ' ' || tgenabled::text FROM pg_trigger WHERE NOT tgisinternal
	UNION ALL SELECT 'rule', translate(pg_get_ruledef(oid), chr(10), ' ') FROM pg_rewrite WHERE rulename <> '_RETURN' AND ev_class::regclass::text = 'pairs'
	UNION ALL SELECT 'privileges', oid::regclass || ' ' || relacl::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relacl IS NOT NULL
	UNION ALL SELECT 'privileges', attrelid::regclass || '.' || attname || ' ' || attacl::text FROM pg_attribute WHERE attacl IS NOT NULL AND attrelid = 'orders'::regclass
	UNION ALL SELECT 'privileges', oid::regproc || ' ' || proacl::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proacl IS NOT NULL
	UNION ALL SELECT 'privileges', nspname || ' ' || nspacl::text FROM pg_namespace WHERE nspname = 'public'
	UNION ALL SELECT 'defaults', defaclobjtype::text || ' ' || defaclacl::text FROM pg_default_acl
	ORDER BY 1, 2
SQL
sql shop -f "$T/guards.sql" >"$T/guards"
[ "$(cut -d'|' -f1 "$T/guards" | sort -u | xargs)" = "defaults policy privileges rows rule trigger" ] || fail "not all kinds: $(cat "$T/guards")"
snapshot shop
good=$ID
dump shop >"$T/good.sql"

step "a dry run says what would be made later, and how long both will take"
expect 0 drtool restore "$good" --into dbname=copy --usable-first --dry-run
grep -qE '^while it is in use already: 7 indexes \(.*public.orders 3.*\), [0-9] foreign keys? \(' <<<"$OUT" || fail "$OUT"
grep -q '^predicted time until it is usable: unknown' <<<"$OUT" || fail "$OUT"
grep -q '^and from then until it is finished: unknown' <<<"$OUT" || fail "$OUT"

step "into a database of its own"
expect 0 drtool restore "$good" --into dbname=copy --usable-first
grep -q '^"copy" is usable now' "$T/err" || fail "$(cat "$T/err")"
grep -q '^if this is stopped: drtool restore --finish dbname=copy' "$T/err" || fail "$(cat "$T/err")"
grep -q '^complete: 7 indexes built while it was in use' <<<"$OUT" || fail "$OUT"
dump copy >"$T/now.sql"
same_dumps "$T/good.sql" "$T/now.sql"
[ "$(sql copy -c "SELECT count(*) FROM pg_index WHERE NOT indisvalid")" = 0 ] || fail "an index is not valid"
[ "$(sql copy -c "SELECT count(*) FROM pg_stats WHERE tablename = 'Odd \"name'")" -gt 0 ] || fail "nothing is known of the expressions"
expect 0 drtool restore --finish dbname=copy
grep -q '^nothing is left' <<<"$OUT" || fail "$OUT"
sql copy -c "DROP INDEX orders_user_id_idx" # a person's decision is not undone
expect 0 drtool restore --finish dbname=copy
[ -z "$(sql copy -c "SELECT to_regclass('orders_user_id_idx')")" ] || fail "made again"
expect 0 drtool restore --finish dbname=shop
grep -q '^nothing to finish' <<<"$OUT" || fail "$OUT"

step "into an empty database that is there"
createdb given
expect 0 drtool restore "$good" --into dbname=given --usable-first --json
jq -e '(.later | length) >= 9 and .finish.complete and .finish.left_indexes == 0 and .finish.indexes == 7' <<<"$OUT" >/dev/null || fail "$OUT"
dump given >"$T/now.sql"
same_dumps "$T/good.sql" "$T/now.sql"

step "in place of the live one; between the swap and the end"
looks() { # NAME: the application's first look, from a hook
	cat >"$T/$1" <<-LOOK
		psql -X -At -d shop -c "SELECT count(*) FROM pg_class WHERE relname IN ('orders_user_id_idx', 'Odd \"name')" -c "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND NOT convalidated" >"$T/$1.catalog"
		psql -X -At -d shop -c "SELECT sum(count) FROM by_status" -c "SET ROLE reader" -c "SELECT count(*) FROM users" >"$T/$1.rest"
		psql -X -At -d shop -f "$T/guards.sql" >"$T/$1.guards"
		psql -X -d shop -c "INSERT INTO orders VALUES (0, 0, 'x', 1, NULL, now())" 2>"$T/$1.foreign"
		psql -X -d shop -c "INSERT INTO users SELECT 0, upper(email), 'x', NULL, NULL, NULL, now(), NULL FROM users LIMIT 1" 2>"$T/$1.unique"
		psql -X -d shop -c "INSERT INTO pairs VALUES (1, 1)" 2>"$T/$1.exclude"
		"$DRTOOL" status dbname=shop >"$T/$1.status" 2>/dev/null
		true
	LOOK
}
looks swapped
looks let_in
looks finished
cat >drtool.yml <<-YML
	repository: $REPO
	hooks:
	  after_swap: sh $T/swapped
	  after: sh $T/let_in
YML
sql shop -c "DELETE FROM order_lines"
expect 3 drtool restore "$good" --replace dbname=shop --usable-first
grep -q '^made when it is in use already: 7 indexes' "$T/err" || fail "$(cat "$T/err")"
expect 0 drtool restore "$good" --replace dbname=shop --usable-first --confirm shop --no-safety-snapshot --json
jq -e '.usable_seconds > 0 and .usable_seconds < .seconds and .finish.complete and (.finish.findings == [])' <<<"$OUT" >/dev/null || fail "$OUT"
sh "$T/finished"
rm drtool.yml
grep -q '^rows that break a foreign key are refused from now on' "$T/err" || fail "$(cat "$T/err")"
for when in swapped let_in; do # "after" may be what lets the clients back in: it does not wait for the rest
	[ "$(head -n 1 "$T/$when.catalog")" = 0 ] || fail "the indexes were not put off: $(cat "$T/$when.catalog")"
	[ "$(tail -n 1 "$T/$when.catalog")" -ge 2 ] || fail "the foreign keys were checked: $(cat "$T/$when.catalog")"
done
[ "$(cat "$T/finished.catalog")" = "2"$'\n'"0" ] || fail "not finished: $(cat "$T/finished.catalog")"
for when in swapped let_in finished; do
	[ "$(cat "$T/$when.rest")" = "60000"$'\n'"SET"$'\n'"0" ] || fail "row security or the view: $(cat "$T/$when.rest")"
	diff "$T/guards" "$T/$when.guards" || fail "policies, triggers or privileges differ"
	grep -q 'violates foreign key' "$T/$when.foreign" || fail "not guarded: $(cat "$T/$when.foreign")"
	grep -q 'users_lower' "$T/$when.unique" || fail "not unique: $(cat "$T/$when.unique")"
	grep -q 'no_twins' "$T/$when.exclude" || fail "not excluded: $(cat "$T/$when.exclude")"
done
grep -qE '^  not finished +7 indexes, [0-9]+ foreign keys?: drtool restore --finish dbname=shop' "$T/swapped.status" || fail "$(cat "$T/swapped.status")"
! grep -q 'not finished' "$T/finished.status" || fail "$(cat "$T/finished.status")"
dump shop >"$T/now.sql"
same_dumps "$T/good.sql" "$T/now.sql"

step "the journal, and what is predicted by it"
expect 0 drtool journal shop --json
[ "$(jq -r '[.[] | select(.event != "snapshot") | .event] | join(" ")' <<<"$OUT")" = "usable restore finish usable restore finish usable replace finish" ] || fail "$(jq -c '[.[].event]' <<<"$OUT")"
jq -e '[.[] | select(.event == "finish") | .details.left_indexes] == ["0", "0", "0"]' <<<"$OUT" >/dev/null || fail "$OUT"
expect 0 drtool restore "$good" --into dbname=never --dry-run
grep -q '^predicted time: unknown' <<<"$OUT" || fail "a usable-first restore is taken for a whole one: $OUT"
expect 0 drtool restore "$good" --into dbname=never --dry-run --usable-first
grep -q '^predicted time until it is usable: .* by a usable-first restore' <<<"$OUT" || fail "$OUT"
grep -q '^and from then until it is finished: .* by finishing one' <<<"$OUT" || fail "$OUT"

step "names in another encoding, by an owner who is no superuser"
sql postgres -c "CREATE ROLE plain LOGIN CREATEDB"
createdb -O plain -T template0 -E LATIN1 --locale C latin
sql latin -f - <<-'SQL'
	SET client_encoding = 'UTF8'; SET ROLE plain;
	CREATE TABLE "größe" (id int PRIMARY KEY, "ß" text, p int REFERENCES "größe"); INSERT INTO "größe" SELECT n, 'ä' || n, n FROM generate_series(1, 30000) n;
	CREATE INDEX "Ümlaut; x" ON "größe" (lower("ß"), (CASE WHEN "ß" = E'ö\\''' THEN 1 END)); COMMENT ON INDEX "Ümlaut; x" IS 'Größe';
	ALTER TABLE "größe" ADD CONSTRAINT "fö" FOREIGN KEY (id) REFERENCES "größe" NOT VALID;
SQL
PGUSER=plain expect 0 drtool snapshot dbname=latin
PGUSER=plain expect 0 drtool restore "$OUT" --into dbname=latin2 --usable-first
grep -q '^complete: 1 index built while it was in use, 1 foreign key checked' <<<"$OUT" || fail "$OUT"
same_databases latin latin2

step "the worst database, whose event triggers are there when the rest is made"
worst worst
expect 0 drtool snapshot dbname=worst
expect 0 drtool restore "$OUT" --into dbname=back --usable-first
same_databases worst back
[ "$(sql back -c "SELECT count(*) FROM w.ddl_log")" = "$(sql worst -c "SELECT count(*) FROM w.ddl_log")" ] || fail "an event trigger took part"

step "what does not go together"
expect 2 drtool restore "$good" --into dbname=never --usable-first --table orders
expect 2 drtool restore "$good" --finish dbname=shop
error_says finish
expect 2 drtool restore --finish dbname=shop --into dbname=never
expect 2 drtool restore --finish dbname=nothing_of_this_name
expect 2 drtool restore
no_leftovers
[ -z "$major" ] || exit 0

step "a snapshot of what is not finished says so, also the safety snapshot, and when it is restored"
printf 'hooks:\n  after_swap: kill -KILL $PPID\n' >drtool.yml
run drtool restore "$good" --replace dbname=shop --usable-first --confirm shop --no-safety-snapshot
[ "$STATUS" = 137 ] || fail "not killed: $STATUS $(cat "$T/err")"
rm drtool.yml
expect 0 drtool restore "$good" --replace dbname=shop --confirm shop --json
safety=$(jq -r .safety_snapshot <<<"$OUT")
grep -q '^warning: the database is not finished: 7 indexes are not in this snapshot, and [0-9] foreign keys are NOT VALID' "$T/err" || fail "$(cat "$T/err")"
! grep -q '^warning: snapshot' "$T/err" || fail "$(cat "$T/err")"
expect 0 drtool restore "$safety" --into dbname=partly
unfinished="^warning: snapshot $safety is of a database that was not finished: up to 7 indexes are not in it, and up to [0-9] foreign keys NOT VALID; all are in shop/$good"
grep -q "$unfinished" "$T/err" || fail "$(cat "$T/err")"
expect 0 drtool restore "$safety" --replace dbname=shop --dry-run
grep -q "$unfinished" "$T/err" || fail "$(cat "$T/err")"

step "also of one that was restored under another name"
expect 0 drtool restore "$good" --into dbname=elsewhere --usable-first
repo_remove "$(repo_files journal/shop | grep -e '-finish.json$' | tail -n 1)" # as if it had been killed by then
expect 0 drtool snapshot dbname=elsewhere
grep -q '^warning: the database is not finished: 7 indexes' "$T/err" || fail "$(cat "$T/err")"
no_leftovers
for major in 17 18; do
	! dir=$("$ROOT/scripts/pg-cluster" bindir "$major" 2>/dev/null) || [ ! -x "$dir/pg_dump" ] || (unset DRTOOL_REPO && step "PostgreSQL $major" && "$ROOT/tests/e2e/${0##*/}" "$major")
done
