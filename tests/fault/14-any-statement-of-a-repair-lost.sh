#!/bin/bash
# A connection ends at any statement of what works on a live database: tables brought beside the live ones, the swap, undo, diff. Whatever it says, the old or
# the new database answers, whole, and the next run works.
. "$(dirname "$0")/lib.sh"

points=${DRTOOL_LONG:+100}
points=${points:-6}
server
createdb shop
sql shop <<-'SQL'
	CREATE TABLE parent (id int PRIMARY KEY, t text CHECK (t <> ''));
	CREATE TABLE child (id serial PRIMARY KEY, parent_id int REFERENCES parent, at timestamptz DEFAULT now());
	CREATE INDEX ON child (at);
	INSERT INTO parent SELECT g, 'row ' || g FROM generate_series(1, 500) g;
	INSERT INTO child (parent_id) SELECT g FROM generate_series(1, 500) g;
	COMMENT ON DATABASE shop IS 'ours';
	ALTER DATABASE shop SET work_mem = '7MB';
SQL
snapshot shop
good=$ID
sql shop -c "CREATE TABLE side (what text)" -c "DELETE FROM child WHERE id > 100"

step "tables beside the live ones"
dump shop >"$T/live.sql"
beside() { # all or nothing, and nothing else has changed
	local there
	there=$(sql shop -c "SELECT count(*) FROM pg_class WHERE relname ~ '^(parent|child)__restored_[a-z0-9]*$'")
	case $STATUS-$there in
	0-2) [ "$(sql shop -c "SELECT count(*) FROM child__restored_${good##*-}")" = 500 ] || fail "rows are missing" ;;
	1-0) ;;
	1-2) grep -q '^hint: the restored tables are there, with all rows; to start over: DROP TABLE' "$T/err" || fail "tables are left, and it does not say so: $(cat "$T/err")" ;;
	*) fail "status $STATUS, $there tables: $(cat "$T/err")" ;;
	esac
	sql shop -c "SET client_min_messages = warning" -c "DROP TABLE IF EXISTS child__restored_${good##*-}, parent__restored_${good##*-} CASCADE"
	dump shop >"$T/now.sql"
	same_dumps "$T/live.sql" "$T/now.sql"
}
AFTER=beside
at_any_statement "restore --table" "$DRTOOL" restore "$good" --into "CUT dbname=shop" --table parent --table child

step "diff"
compared() { [ "$STATUS" != 0 ] || [ "$(grep -c '^[a-z]*: the same' <<<"$OUT")" -ge 2 ] || fail "not compared, and it does not say so: $OUT"; }
AFTER=compared
expect 0 drtool restore "$good" --into dbname=same
at_any_statement diff "$DRTOOL" diff "$good" "CUT dbname=same"
dropdb same

which() { sql shop -c "SELECT CASE WHEN to_regclass('side') IS NULL THEN 'new' ELSE 'old' END"; }
whole() { # the database that answers, with what belongs to it
	local rows
	rows=$(sql shop -c "SELECT count(*) FROM child")
	[ "$(which) $rows" = "new 500" ] || [ "$(which) $rows" = "old 100" ] || fail "$rows rows in the $(which) database"
	[ "$(sql postgres -c "SELECT shobj_description(d.oid, 'pg_database'), setconfig FROM pg_database d JOIN pg_db_role_setting ON setdatabase = d.oid WHERE datname = 'shop'")" = "ours|{work_mem=7MB}" ] ||
		fail "comment or settings of the $(which) database"
}

step "restore --replace"
replaced() {
	whole
	[ "$STATUS" != 0 ] || [ "$(which)" = new ] || fail "it says it is done, and the old one answers"
	[ "$(which)" = old ] || expect 0 drtool undo dbname=shop --confirm shop
	[ "$(which)" = old ] || fail "undo does not lead back"
	drop_kept
}
AFTER=replaced
at_any_statement "restore --replace" "$DRTOOL" restore "$good" --replace "CUT dbname=shop" --confirm shop --no-safety-snapshot
expect 0 drtool restore "$good" --replace dbname=shop --confirm shop --no-safety-snapshot

step "undo"
before=$(which)
undone() {
	whole
	[ "$STATUS" != 0 ] || [ "$(which)" != "$before" ] || fail "it says it is done, and nothing has changed"
	before=$(which)
}
AFTER=undone
at_any_statement undo "$DRTOOL" undo "CUT dbname=shop" --confirm shop

step "undo: the very COMMIT is lost, or its answer, or with it the server"
before=$(which)
cutting before:COMMIT "$DRTOOL" undo "CUT dbname=shop" --confirm shop
[ "$STATUS" = 1 ] && [ "$(which)" = "$before" ] || fail "status $STATUS, the $(which) database answers: $(cat "$T/err")"
one_error shop
whole
cutting after:COMMIT "$DRTOOL" undo "CUT dbname=shop" --confirm shop
[ "$STATUS" = 0 ] && [ "$(which)" != "$before" ] || fail "status $STATUS, the $(which) database answers: $(cat "$T/err")"
whole
before=$(which)
cutting gone:COMMIT "$DRTOOL" undo "CUT dbname=shop" --confirm shop
[ "$STATUS" = 1 ] && [ "$(which)" != "$before" ] || fail "status $STATUS, the $(which) database answers: $(cat "$T/err")"
one_error "could not be learned"
whole
expect 0 drtool undo dbname=shop --confirm shop
nothing_left
