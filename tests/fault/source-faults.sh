#!/bin/bash
# A source whose rows break its own rules: everything else is restored, and each broken rule is reported as the source's fault.
. "$(dirname "$0")/../e2e/lib.sh"

server
createdb broken
sql broken <<-'SQL'
	CREATE TABLE parent (id int PRIMARY KEY);
	CREATE TABLE child (id int PRIMARY KEY, parent_id int CONSTRAINT to_parent REFERENCES parent);
	CREATE TABLE twins (a int CONSTRAINT only_once UNIQUE, b text);
	CREATE TABLE fine (id int PRIMARY KEY, t text);
	INSERT INTO fine SELECT g, md5(g::text) FROM generate_series(1, 1000) g;
	INSERT INTO parent VALUES (1), (2);
	SET session_replication_role = replica;
	INSERT INTO child VALUES (1, 1), (2, 77);
	RESET session_replication_role;
	INSERT INTO twins VALUES (1, 'x'), (2, 'y');
	UPDATE pg_index SET indisunique = false, indimmediate = false WHERE indexrelid = 'only_once'::regclass;
	CREATE INDEX ON fine (t);
SQL
# A unique index that holds two equal keys, as a broken collation or bug leaves it.
sql broken -c "INSERT INTO twins VALUES (1, 'twin')" -c "UPDATE pg_index SET indisunique = true, indimmediate = true WHERE indexrelid = 'only_once'::regclass"
[ "$(sql broken -c 'SELECT count(*) FROM twins')" = 3 ] || fail "the test did not break the index"

snapshot broken
step "verify"
expect 6 drtool verify "$ID" --json
echo "$OUT" >"$T/proof.json"
[ "$(jq -r .outcome "$T/proof.json")" = "source faults" ] || fail "outcome $(jq -c . "$T/proof.json")"
for object in to_parent only_once; do
	jq -e --arg o "$object" '[.differences[] | select((.object + .what) | contains($o)) | .source_fault] | length > 0 and all' "$T/proof.json" >/dev/null || fail "$object is not reported: $(jq -c .differences "$T/proof.json")"
done
step "restore"
expect 6 drtool restore "$ID" --into dbname=back
[ "$(sql back -c "SELECT (SELECT count(*) FROM twins), (SELECT count(*) FROM child), (SELECT count(*) FROM pg_indexes WHERE tablename = 'fine'), (SELECT count(*) FROM pg_constraint WHERE conname IN ('to_parent', 'only_once'))")" = "3|2|2|0" ] || fail "not everything else is there"
no_leftovers
