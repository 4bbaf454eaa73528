#!/bin/bash
# What a target cannot or may not make: the database itself is refused with a hint before anything; a single object is named, and all the rest is there.
. "$(dirname "$0")/lib.sh"

server
sql postgres -c "CREATE TABLESPACE aside LOCATION '$SERVER/space'" -c "CREATE ROLE keeper" -c "CREATE ROLE plain LOGIN" -c "CREATE ROLE maker LOGIN CREATEDB"
about() { sql postgres -c "SELECT pg_encoding_to_char(encoding), datlocprovider, datcollate, datctype, daticulocale, spcname FROM pg_database d JOIN pg_tablespace t ON t.oid = dattablespace WHERE datname = '$1'"; }

step "an ICU locale and a tablespace of its own come back"
createdb -T template0 --locale-provider=icu --icu-locale=de-DE --tablespace=aside german
sql german -c "CREATE TABLE words AS SELECT w FROM unnest('{Zebra,Äpfel,apfel}'::text[]) w"
snapshot german
verify_ok "$ID"
expect 0 drtool restore "$ID" --into dbname=german_back
[ "$(about german)" = "$(about german_back)" ] || fail "$(about german) became $(about german_back)"
same_databases german german_back

step "a role that may not make databases"
fails 3 plain -- drtool restore "$ID" --into "dbname=german_new user=plain"
grep -q '^hint: .*CREATEDB' "$T/err" || fail "no way out: $(cat "$T/err")"
absent german_new

step "what a killed restore left holds a subscription"
createdb "german_back2__restoring_$ID"
sql "german_back2__restoring_$ID" -c "CREATE SUBSCRIPTION far CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false, slot_name = NONE)"
expect 0 drtool restore "$ID" --into dbname=german_back2
absent restoring

step "sequences, large objects and views, one by one"
createdb broken
sql broken <<-'SQL'
	CREATE SEQUENCE fine; SELECT FROM setval('fine', 77);
	CREATE SEQUENCE beyond; SELECT FROM setval('beyond', 5000);
	UPDATE pg_sequence SET seqmax = 100 WHERE seqrelid = 'beyond'::regclass;
	CREATE TABLE t (a int);
	CREATE MATERIALIZED VIEW sound AS SELECT count(*) FROM t;
	CREATE MATERIALIZED VIEW divides AS SELECT 1 / (1 - count(*)) AS q FROM t;
	INSERT INTO t VALUES (1);
	SELECT FROM (SELECT lo_from_bytea(4711, 'one'), lo_from_bytea(4712, 'two'), lo_from_bytea(4713, 'three')) l;
	ALTER LARGE OBJECT 4712 OWNER TO keeper;
	COMMENT ON LARGE OBJECT 4713 IS 'the third';
	GRANT SELECT ON LARGE OBJECT 4713 TO keeper WITH GRANT OPTION;
	SET ROLE keeper;
	GRANT SELECT ON LARGE OBJECT 4713 TO plain;
	RESET ROLE;
SQL
snapshot broken
fails 1 "SEQUENCE public.beyond" -- drtool restore "$ID" --into dbname=back
grep -q '^warning: MATERIALIZED VIEW DATA public.divides: division by zero' "$T/err" || fail "the view is not named: $(cat "$T/err")"
half=$(sql postgres -c "SELECT datname FROM pg_database WHERE datname ~ '^back__'")
[ "$(sql "$half" -c "SELECT last_value FROM fine" -c "SELECT count(*) FROM sound")" = "77"$'\n'1 ] || fail "not all the rest is there"
objects="SELECT pg_get_userbyid(lomowner), lomacl, obj_description(oid, 'pg_largeobject') FROM pg_largeobject_metadata ORDER BY oid"
[ "$(sql "$half" -c "$objects")" = "$(sql broken -c "$objects")" ] || fail "large objects differ"

step "a role that may not give away what it makes"
createdb -O maker given
fails 3 "member of role" -- drtool restore "$ID" --into "dbname=other user=maker"
grep -q '^hint: .*--no-owner' "$T/err" || fail "no way out: $(cat "$T/err")"
fails 1 "objects could not" -- drtool restore "$ID" --into "dbname=given user=maker"
for n in 4711 4712 4713; do
	grep -q "^warning: LARGE OBJECT $n: must be" "$T/err" || fail "$n is not named: $(cat "$T/err")"
done
no_processes
no_sessions
