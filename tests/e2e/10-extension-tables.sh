#!/bin/bash
# An extension's configuration tables: the user's rows travel, the extension's own do not come twice.
. "$(dirname "$0")/lib.sh"

server
install_extension
createdb source
sql source -c "CREATE SCHEMA ext" -c "CREATE EXTENSION $EXTENSION SCHEMA ext" -c "INSERT INTO ext.settings VALUES ('mine', E'it''s\nmine')" \
	-c "INSERT INTO ext.whole (what) SELECT 'row ' || g FROM generate_series(1, 20) g" -c "INSERT INTO ext.private VALUES (1)" -c "CREATE TABLE public.user_table AS SELECT ext.answer()"
snapshot source
verify_ok "$ID"
expect 0 drtool restore "$ID" --into "dbname=back"
same_databases source back
[ "$(sql back -c 'SELECT count(*) FROM ext.settings')" = 3 ] || fail "settings: $(sql back -c 'SELECT * FROM ext.settings')"
[ "$(sql back -c 'SELECT count(*), max(id) FROM ext.whole')" = "20|20" ] || fail "whole: $(sql back -c 'SELECT * FROM ext.whole')"
drtool cat "$ID" >"$T/cat.sql" 2>"$T/err" || fail "cat: $(cat "$T/err")"
dump source >"$T/source.sql"
same_as_cat "$T/source.sql" "$T/cat.sql"
createdb recovered
repo_copy
expect 0 sh "$ROOT/scripts/recover.sh" "$COPY" source latest "dbname=recovered"
same_databases source recovered

step "one of them alone: with its extension into a new database, refused beside the live one"
expect 0 drtool restore "$ID" --into "dbname=some" --table ext.settings
[ "$(sql some -c 'SELECT count(*) FROM ext.settings')" = 3 ] || fail "settings: $(sql some -c 'SELECT * FROM ext.settings')"
[ "$(sql some -c "SELECT count(*) FROM pg_class WHERE relname = 'user_table'")" = 0 ] || fail "more than was wanted"
expect 3 drtool restore "$ID" --into "dbname=source" --table ext.settings
error_says ext.settings "belongs to an extension"

step "another version of the extension brings a row that the snapshot has not: the proof differs, and says what to do"
echo "INSERT INTO settings VALUES ('newer', 'of another version');" >>"$EXTENSION_DIR/$EXTENSION--1.0.sql"
expect 6 drtool verify "$ID"
grep -q "^differs: source/$ID" <<<"$OUT" || fail "not seen: $OUT"
grep -q "settings" <<<"$OUT" || fail "the table is not named: $OUT"
grep -q "^hint: .*take another.*drtool show source/$ID" "$T/err" || fail "no hint: $(cat "$T/err")"
no_leftovers
