#!/bin/bash
# A source whose rows break its own rules: everything else is restored, and each broken rule is reported as the source's fault.
. "$(dirname "$0")/lib.sh"

server
createdb broken
sql broken <<-'SQL'
	CREATE TABLE parent (id int PRIMARY KEY);
	CREATE TABLE child (id int PRIMARY KEY, parent_id int CONSTRAINT to_parent REFERENCES parent);
	CREATE TABLE twins (a int CONSTRAINT only_once UNIQUE, b text);
	CREATE TABLE fine (id int PRIMARY KEY, t text);
	CREATE INDEX ON fine (t);
	CREATE TABLE checked (id int PRIMARY KEY, a int CONSTRAINT positive CHECK (a > 0));
	CREATE TABLE filled (id int PRIMARY KEY, a int NOT NULL);
	CREATE TABLE parted (id int, a int, CONSTRAINT of_all CHECK (id < 9)) PARTITION BY LIST (id);
	CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
	CREATE TABLE kin (id int);
	CREATE TABLE kin_child (b int) INHERITS (kin);
	INSERT INTO fine SELECT g, md5(g::text) FROM generate_series(1, 1000) g;
	INSERT INTO parent VALUES (1), (2);
	-- A foreign key that was bypassed.
	SET session_replication_role = replica;
	INSERT INTO child VALUES (1, 1), (2, 77);
	RESET session_replication_role;
	INSERT INTO twins VALUES (1, 'x'), (2, 'y');
	UPDATE pg_index SET indisunique = false, indimmediate = false WHERE indexrelid = 'only_once'::regclass;
	-- A rule that came after the rows, and says it was checked.
	INSERT INTO checked VALUES (1, 1);
	ALTER TABLE checked DROP CONSTRAINT positive;
	INSERT INTO checked VALUES (2, -2);
	ALTER TABLE checked ADD CONSTRAINT positive CHECK (a > 0) NOT VALID;
	INSERT INTO parted VALUES (1, 1), (1, -1);
	ALTER TABLE parted_1 ADD CONSTRAINT of_partition CHECK (a > 0) NOT VALID;
	INSERT INTO kin_child VALUES (1, 1), (2, -2);
	ALTER TABLE kin_child ADD CONSTRAINT of_child CHECK (b > 0) NOT VALID;
	UPDATE pg_constraint SET convalidated = true WHERE conname IN ('positive', 'of_partition', 'of_child');
	ALTER TABLE filled ALTER a DROP NOT NULL;
	INSERT INTO filled VALUES (1, NULL), (2, 2);
	UPDATE pg_attribute SET attnotnull = true WHERE attrelid = 'filled'::regclass AND attname = 'a';
SQL
# A unique index that holds two equal keys, as a broken collation or bug leaves it.
sql broken -c "INSERT INTO twins VALUES (1, 'twin')" -c "UPDATE pg_index SET indisunique = true, indimmediate = true WHERE indexrelid = 'only_once'::regclass"
[ "$(sql broken -c 'SELECT count(*) FROM twins')" = 3 ] || fail "the test did not break the index"
counts="SELECT (SELECT count(*) FROM twins), (SELECT count(*) FROM child), (SELECT count(*) FROM checked), (SELECT count(*) FROM filled), (SELECT count(*) FROM parted), (SELECT count(*) FROM kin), (SELECT count(*) FROM fine), (SELECT count(*) FROM parent)"
rules="SELECT conname FROM pg_constraint WHERE conrelid::regclass::text IN ('twins', 'child', 'checked', 'filled', 'fine', 'parent', 'parted', 'parted_1', 'kin_child') AND conname !~ 'not_null' ORDER BY 1"
snapshot broken

said() { # FILE: all the broken rules are in it, and marked as the source's
	local object
	for object in to_parent only_once positive filled of_partition of_child; do
		grep -q "$object.*the source's own data" "$1" || fail "$object is not reported as the source's fault: $(cat "$1")"
	done
}

hinted() { [ "$(grep -c '^hint: .*'"$1" "$T/err")" = 1 ] || fail "no hint about \"$1\": $(cat "$T/err")"; }

step "verify"
expect 6 drtool verify "$ID" --json
hinted "mend these in the source"
echo "$OUT" >"$T/proof.json"
[ "$(jq -r .outcome "$T/proof.json")" = "source faults" ] || fail "outcome $(jq -c . "$T/proof.json")"
jq -e '[.differences[] | .source_fault] | length == 6 and all' "$T/proof.json" >/dev/null || fail "not exactly six faults: $(jq -c .differences "$T/proof.json")"
for object in to_parent only_once positive filled of_partition of_child; do
	jq -e --arg o "$object" '[.differences[] | select((.object + .what) | contains($o))] | length == 1' "$T/proof.json" >/dev/null || fail "$object is not reported: $(jq -c .differences "$T/proof.json")"
done
expect 6 drtool verify "$ID" --scratch-server dbname=postgres
cat "$T/err" >>"$T/said" && echo "$OUT" >>"$T/said"
said "$T/said"
expect 0 drtool list
grep -q "$ID.*source faults" <<<"$OUT" || fail "list does not say it: $OUT"

step "snapshot --verify prints its id and gives 6"
expect 6 drtool snapshot "dbname=broken" --verify
hinted "mend these in the source"
grep -qE '^[0-9]{8}-[0-9]{6}-[a-z0-9]{6}$' <<<"$OUT" || fail "not an id alone: $OUT"

step "restore"
expect 6 drtool restore "$ID" --into dbname=back
hinted "drtool cat broken/$ID"
{ cat "$T/err" && echo "$OUT"; } >"$T/said"
said "$T/said"
[ "$(sql back -c "$counts")" = "$(sql broken -c "$counts")" ] || fail "rows are missing: $(sql back -c "$counts")"
diff <(sql broken -c "$rules" | grep -v -e to_parent -e only_once -e positive -e of_partition -e of_child) <(sql back -c "$rules" | grep -vx -e positive -e of_partition -e of_child) || fail "other rules are missing, or a broken one is there"
[ "$(sql back -c "SELECT count(*) FROM pg_indexes WHERE tablename = 'fine'")" = 2 ] || fail "an index of a sound table is missing"
nothing_left

step "the rows mended: good"
sql broken -c "DELETE FROM child WHERE parent_id = 77" -c "DELETE FROM twins WHERE b = 'twin'" -c "DELETE FROM checked WHERE a < 0" -c "DELETE FROM filled WHERE a IS NULL" -c "DELETE FROM parted_1 WHERE a < 0" -c "DELETE FROM kin_child WHERE b < 0" -c "REINDEX TABLE twins"
snapshot broken
verify_ok "$ID"
expect 0 drtool restore "$ID" --into dbname=mended
same_databases broken mended
nothing_left
