#!/bin/bash
# verify --keep-standby: the proved database stays beside the live one, refuses everybody, and restore --replace of that snapshot is only the swap.
. "$(dirname "$0")/lib.sh"

server
shop shop 3
sql shop -c "COMMENT ON DATABASE shop IS 'ours'" -c "ALTER DATABASE shop SET work_mem = '7MB'"
export DATABASE_URL="host=$PGHOST port=$PGPORT user=postgres dbname=shop"
names() { sql postgres -c "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE datname ~ '^shop'"; }
oid() { sql postgres -c "SELECT oid FROM pg_database WHERE datname = '$1'"; }
rows() { sql shop -c "SELECT count(*) FROM order_lines"; }
snapshot shop
good=$ID
dump shop >"$T/good.sql"

step "doctor says that one is possible"
run drtool doctor
grep -q "standby copy: none; verify --keep-standby would make one" <<<"$OUT" || fail "$OUT"

step "a dry run makes nothing; without a connection to the database it is refused"
expect 0 drtool verify "$good" --keep-standby --dry-run
[ "$(names)" = shop ] || fail "$(names)"
DATABASE_URL="" expect 2 drtool verify "$good" --keep-standby
error_says shop
DATABASE_URL="${DATABASE_URL/dbname=shop/dbname=postgres}" expect 2 drtool verify "$good" --keep-standby
error_says shop postgres

step "it is there, proved, and refuses superusers too"
expect 0 drtool verify "$good" --keep-standby --json
[ "$(jq -r '.outcome + " " + .standby' <<<"$OUT")" = "good shop__standby" ] || fail "$OUT"
[ "$(names)" = "shop shop__standby" ] || fail "$(names)"
copy=$(oid shop__standby)
run sql shop__standby -c "SELECT 1"
[ "$STATUS" != 0 ] || fail "it lets somebody in"
expect 0 drtool show "$good" --json
[ "$(jq -r .proof.standby <<<"$OUT")" = shop__standby ] || fail "$(jq -c .proof <<<"$OUT")"

step "the live database is broken, and gets other settings, privileges and limits than at the time of the proof"
sql shop -c "DELETE FROM order_lines"
sql postgres -c "CREATE ROLE boss" -c "CREATE ROLE guest" -c "ALTER DATABASE shop OWNER TO boss" -c "REVOKE ALL ON DATABASE shop FROM PUBLIC" -c "GRANT CONNECT ON DATABASE shop TO guest" \
	-c "ALTER DATABASE shop SET work_mem = '9MB'" -c "ALTER ROLE guest IN DATABASE shop SET work_mem = '8MB'" -c "ALTER DATABASE shop CONNECTION LIMIT 77" -c "COMMENT ON DATABASE shop IS 'still ours'"
about() { sql postgres -c "SELECT datdba::regrole, datacl, datconnlimit, datallowconn, shobj_description(d.oid, 'pg_database'), array_agg(setrole::regrole || ' ' || setconfig::text ORDER BY setrole::regrole::text) FROM pg_database d LEFT JOIN pg_db_role_setting ON setdatabase = d.oid WHERE datname = '$1' GROUP BY d.oid, 1, 2, 3, 4, 5"; }
before=$(about shop)

step "shown first, with what it will take"
expect 3 drtool restore "$good" --replace dbname=shop
grep -q "^  standby copy  shop__standby is ready" "$T/err" || fail "$(cat "$T/err")"
expect 0 drtool restore "$good" --replace dbname=shop --dry-run --no-safety-snapshot --json
jq -e '.standby == "shop__standby" and .predicted_seconds == 1' <<<"$OUT" >/dev/null || fail "$OUT"

step "autovacuum worked in it, and people were refused: that changes nothing"
worked() { [ "$(sql postgres -c "SELECT xact_commit FROM pg_stat_database WHERE datname = 'shop__standby'")" -gt "$1" ]; }
wait_for 40 worked "$(sql postgres -c "SELECT xact_commit + 2 FROM pg_stat_database WHERE datname = 'shop__standby'")" || fail "no autovacuum"
run sql shop__standby -c "SELECT 1"

step "the swap alone"
expect 0 drtool restore "$good" --replace dbname=shop --confirm shop --no-safety-snapshot --json
jq -e '.standby == "shop__standby" and .rows > 0 and (.phases | all(.name != "data"))' <<<"$OUT" >/dev/null || fail "$OUT"
kept=$(jq -r .kept <<<"$OUT")
! grep -qE "^(schema|data|indexes|checking)" "$T/err" || fail "restored: $(cat "$T/err")"
[ "$(oid shop)" = "$copy" ] || fail "another database than the standby copy answers"
[ "$(names)" = "shop $kept" ] || fail "$(names)"
[ "$(about shop)" = "$before" ] || fail "was $before, is $(about shop)"
dump shop >"$T/now.sql"
same_dumps "$T/good.sql" "$T/now.sql"
expect 0 drtool journal shop --json
[ "$(jq -r '.[-1] | .event + " " + .details.standby' <<<"$OUT")" = "replace shop__standby" ] || fail "$(jq -c '.[-1]' <<<"$OUT")"
[ "$(jq -r '.[-2] | .event + " " + .details.standby' <<<"$OUT")" = "verify shop__standby" ] || fail "$(jq -c '.[-2]' <<<"$OUT")"

step "undo works as ever, and knows what was written since"
sql shop -c "DELETE FROM events WHERE id <= 5"
expect 0 drtool undo dbname=shop --confirm shop --json
[ "$(jq -c .written_since <<<"$OUT")" = '[{"table":"public.events","rows":5}]' ] || fail "$OUT"
[ "$(rows)" = 0 ] || fail "not undone"
drop_kept
sql shop -c "DROP TABLE events" # the next snapshot is another one
snapshot shop
other=$ID

step "another snapshot is restored, and the copy stays for its own"
expect 0 drtool verify "$good" --keep-standby
copy=$(oid shop__standby)
expect 0 drtool restore "$other" --replace dbname=shop --confirm shop --json
jq -e '.standby == null' <<<"$OUT" >/dev/null || fail "$OUT"
grep -q "shop__standby is not used: it holds snapshot $good" "$T/err" || fail "$(cat "$T/err")"
[ "$(oid shop__standby)" = "$copy" ] || fail "the copy is another one"
drop_kept

step "--no-standby and --no-owner restore anew"
expect 0 drtool restore "$good" --replace dbname=shop --dry-run --no-owner --json
jq -e '.standby == null' <<<"$OUT" >/dev/null || fail "$OUT"
expect 0 drtool restore "$good" --replace dbname=shop --confirm shop --no-standby --json
jq -e '.standby == null' <<<"$OUT" >/dev/null || fail "$OUT"
[ "$(oid shop__standby)" = "$copy" ] || fail "the copy is another one"
drop_kept

step "checks and hooks may connect to it; one that fails leaves it, and then it is compared before it is used"
expect 6 drtool restore "$good" --replace dbname=shop --confirm shop --check-sql "SELECT count(*) > 1000000 FROM order_lines"
[ "$(sql shop__standby -c "SELECT count(*) > 10 FROM order_lines")" = t ] || fail "it cannot be looked at"
[ "$(oid shop__standby)" = "$copy" ] || fail "the copy is another one"
expect 0 drtool restore "$good" --replace dbname=shop --confirm shop --dry-run
grep -q "shop__standby is compared with the snapshot before it is used: connections to it are allowed" "$T/err" || fail "$(cat "$T/err")"
expect 0 drtool restore "$good" --replace dbname=shop --confirm shop --check-sql "SELECT count(*) > 10 FROM order_lines" --check "psql -X -A -t -c \"SELECT current_database()\" >$T/in" --json
jq -e '.standby == "shop__standby" and .rows > 0' <<<"$OUT" >/dev/null || fail "$OUT"
[ "$(cat "$T/in")" = shop__standby ] || fail "the check was in $(cat "$T/in")"
[ "$(oid shop)" = "$copy" ] || fail "another database answers"
drop_kept

expect 0 drtool verify "$good" --keep-standby
copy=$(oid shop__standby)
printf '%s\n' "databases: {shop: {url: \"$DATABASE_URL\"}}" "hooks: {before_swap: 'psql -X -d \"$DATABASE_URL dbname=\$DRTOOL_REPLACEMENT\" -c \"SELECT 1\" >/dev/null && false'}" >"$T/drtool.yml"
expect 3 drtool restore "$good" --replace shop --confirm shop --config "$T/drtool.yml"
! grep -q "not currently accepting" "$T/err" || fail "the hook was refused: $(cat "$T/err")"
run sql shop__standby -c "SELECT 1"
[ "$STATUS" != 0 ] || fail "it lets somebody in"
[ "$(oid shop__standby)" = "$copy" ] || fail "the copy is another one"

step "privileges, a role's settings and the template mark that the live database has no more, the copy has no more either"
rm "$T/drtool.yml"
sql postgres -c "CREATE ROLE other" -c "GRANT TEMPORARY ON DATABASE shop TO other" -c "ALTER ROLE other IN DATABASE shop SET work_mem = '5MB'" -c "ALTER DATABASE shop IS_TEMPLATE true"
expect 0 drtool verify "$good" --keep-standby
copy=$(oid shop__standby)
sql postgres -c "ALTER ROLE other IN DATABASE shop RESET ALL" -c "ALTER DATABASE shop IS_TEMPLATE false" -c "UPDATE pg_database SET datacl = NULL WHERE datname = 'shop'"
run drtool doctor
grep -q "standby copy: \"shop__standby\" holds snapshot $good since .* ago" <<<"$OUT" || fail "$OUT"
expect 0 drtool restore "$good" --replace dbname=shop --confirm shop --json
[ "$(jq -r .standby <<<"$OUT")" = shop__standby ] && [ "$(oid shop)" = "$copy" ] || fail "another database answers: $OUT"
[ "$(sql postgres -c "SELECT datistemplate OR has_database_privilege('other', d.oid, 'CREATE') OR NOT has_database_privilege('other', d.oid, 'CONNECT') OR EXISTS (SELECT FROM pg_db_role_setting WHERE setdatabase = d.oid AND setrole = 'other'::regrole)
	OR (SELECT array_agg(x::text ORDER BY x::text) FROM aclexplode(datacl) x) <> (SELECT array_agg(x::text ORDER BY x::text) FROM aclexplode(acldefault('d', datdba)) x) FROM pg_database d WHERE datname = 'shop'")" = f ] ||
	fail "$(psql -l)"
drop_kept
sql postgres -c "REVOKE ALL ON DATABASE shop FROM PUBLIC"
expect 0 drtool verify "$good" --keep-standby

step "a new one takes the old one's place, and drop-old knows it"
expect 0 drtool verify "$good" --keep-standby
copy=$(oid shop__standby)
expect 0 drtool verify "$other" --keep-standby
[ "$(oid shop__standby)" != "$copy" ] && [ "$(names)" = "shop shop__standby" ] || fail "$(names)"
expect 0 drtool drop-old dbname=shop --json
[ "$(jq -r '.[] | .kind + " " + .name + " " + .snapshot' <<<"$OUT")" = "standby shop__standby $other" ] || fail "$OUT"
expect 0 drtool drop-old dbname=shop
grep -q "standby copy of $other" <<<"$OUT" || fail "$OUT"
expect 0 drtool drop-old dbname=shop shop__standby
[ "$(names)" = shop ] || fail "$(names)"
no_leftovers
