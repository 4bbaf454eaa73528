#!/bin/bash
# Databases that are not UTF-8: SQL_ASCII with bytes of any kind in values and names, LATIN1, EUC_JP.
. "$(dirname "$0")/lib.sh"

server
step "make them"
createdb -T template0 -E SQL_ASCII --locale=C bytes
createdb -T template0 -E LATIN1 --locale=C latin
createdb -T template0 -E EUC_JP --locale=C japanese
printf 'SET client_encoding = SQL_ASCII;\nCREATE TABLE "t\351\377\303" ("c\200" text);\nINSERT INTO "t\351\377\303" VALUES ($$\351$$), ($$\303\251$$), ($$\377\376$$), ($$\200\\n$$);\nCOMMENT ON TABLE "t\351\377\303" IS $$\360\237$$;\nCREATE TABLE utf8 (a text); INSERT INTO utf8 VALUES ($$\303\251$$);\n' | PGCLIENTENCODING=SQL_ASCII sql bytes
sql latin -c "SET client_encoding = 'UTF8'" -c "CREATE TABLE \"größe\" (\"ü\" text CHECK (\"ü\" <> 'é'))" -c "INSERT INTO \"größe\" VALUES ('ß'), ('ÿ'), (NULL)" -c "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT ''ä''::text'" -c "CREATE INDEX \"größer\" ON \"größe\" (lower(\"ü\"))" -c "CREATE STATISTICS \"größte\" ON \"ü\", (upper(\"ü\")) FROM \"größe\"" \
	-c "CREATE TABLE \"é\" (\"ä\" text PRIMARY KEY) PARTITION BY LIST (\"ä\")" -c "CREATE TABLE \"é1\" PARTITION OF \"é\" FOR VALUES IN ('ß')" -c "INSERT INTO \"é\" VALUES ('ß')" \
	-c "CREATE SEQUENCE \"zähler\"" -c "CREATE SEQUENCE \"Äpfel\" START 7" -c "CREATE SEQUENCE \"ä\"" -c "CREATE MATERIALIZED VIEW \"übersicht\" AS SELECT count(*) AS \"zähl\" FROM \"größe\""
sql japanese -c "SET client_encoding = 'UTF8'" -c "CREATE TABLE \"表\" (\"列\" text)" -c "INSERT INTO \"表\" VALUES ('日本語'), ('ソ')" -c "CREATE UNIQUE INDEX \"索引\" ON \"表\" ((\"列\" || '終'))"

for db in bytes latin japanese; do
	step "$db"
	snapshot "$db"
	verify_ok "$ID"
	expect 0 drtool show "$ID" --json
	jq -e . >/dev/null <<<"$OUT" || fail "show prints no JSON"
	expect 0 drtool show "$ID"
	expect 0 drtool restore "$ID" --into "dbname=${db}_back"
	same_databases "$db" "${db}_back"
	[ "$(sql postgres -c "SELECT count(DISTINCT encoding) FROM pg_database WHERE datname LIKE '$db%'")" = 1 ] || fail "another encoding"
	drtool cat "$ID" >"$T/cat.sql" 2>"$T/err" || fail "cat: $(cat "$T/err")"
	dump "$db" >"$T/source.sql"
	same_as_cat "$T/source.sql" "$T/cat.sql"
	! is_s3 || continue # recover.sh reads directories
	createdb -T "template0" -E "$(sql "$db" -c 'SHOW server_encoding')" --locale=C "${db}_recovered"
	expect 0 sh "$ROOT/scripts/recover.sh" "$REPO" "$db" "$ID" "dbname=${db}_recovered"
	same_databases "$db" "${db}_recovered"
done
no_leftovers
