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
	-- The same of rules that a partition, a child, a column of that domain has from elsewhere.
	CREATE TABLE split (id int, a int, b int NOT NULL, CONSTRAINT of_split CHECK (a > 0), CONSTRAINT of_split_too CHECK (id < 9)) PARTITION BY LIST (id);
	CREATE TABLE split_1 PARTITION OF split FOR VALUES IN (1);
	CREATE TABLE split_2 PARTITION OF split FOR VALUES IN (2) PARTITION BY LIST (a);
	CREATE TABLE split_2_all PARTITION OF split_2 DEFAULT;
	COMMENT ON CONSTRAINT of_split ON split IS 'said';
	CREATE TABLE elder (id int, CONSTRAINT of_elder CHECK (id > 0));
	CREATE TABLE heir (b int) INHERITS (elder);
	CREATE DOMAIN price AS int CONSTRAINT dear CHECK (VALUE > 0) CONSTRAINT known CHECK (VALUE < 1000);
	CREATE DOMAIN weight AS int CONSTRAINT light CHECK (VALUE < 100);
	CREATE TYPE tag AS (w weight, q text);
	CREATE TABLE priced (id int PRIMARY KEY, p price);
	CREATE TABLE tagged (id int PRIMARY KEY, t tag);
	INSERT INTO split SELECT 1 + g % 2, g, g FROM generate_series(1, 50) g;
	ALTER TABLE split DROP CONSTRAINT of_split;
	ALTER TABLE elder DROP CONSTRAINT of_elder;
	ALTER DOMAIN price DROP CONSTRAINT dear;
	ALTER DOMAIN weight DROP CONSTRAINT light;
	INSERT INTO split VALUES (1, -1, 1), (2, -2, 2);
	INSERT INTO elder VALUES (1);
	INSERT INTO heir VALUES (-1, 1);
	INSERT INTO priced VALUES (1, 1), (2, -2);
	INSERT INTO tagged VALUES (1, (3, 'x')), (2, (400, 'y'));
	ALTER TABLE split ADD CONSTRAINT of_split CHECK (a > 0) NOT VALID;
	ALTER TABLE elder ADD CONSTRAINT of_elder CHECK (id > 0) NOT VALID;
	ALTER DOMAIN price ADD CONSTRAINT dear CHECK (VALUE > 0) NOT VALID;
	ALTER DOMAIN weight ADD CONSTRAINT light CHECK (VALUE < 100) NOT VALID;
	COMMENT ON CONSTRAINT of_split ON split IS 'said';
	UPDATE pg_constraint SET convalidated = true WHERE conname IN ('of_split', 'of_elder', 'dear', 'light');
	UPDATE pg_attribute SET attnotnull = false WHERE attrelid = 'split_2_all'::regclass AND attname = 'b';
	INSERT INTO split_2_all VALUES (2, 7, NULL);
	UPDATE pg_attribute SET attnotnull = true WHERE attrelid = 'split_2_all'::regclass AND attname = 'b';
	ALTER TABLE filled ALTER a DROP NOT NULL;
	INSERT INTO filled VALUES (1, NULL), (2, 2);
	UPDATE pg_attribute SET attnotnull = true WHERE attrelid = 'filled'::regclass AND attname = 'a';
SQL
# A unique index that holds two equal keys, as a broken collation or bug leaves it.
sql broken -c "INSERT INTO twins VALUES (1, 'twin')" -c "UPDATE pg_index SET indisunique = true, indimmediate = true WHERE indexrelid = 'only_once'::regclass"
[ "$(sql broken -c 'SELECT count(*) FROM twins')" = 3 ] || fail "the test did not break the index"
counts="SELECT (SELECT count(*) FROM twins), (SELECT count(*) FROM child), (SELECT count(*) FROM checked), (SELECT count(*) FROM filled), (SELECT count(*) FROM parted), (SELECT count(*) FROM kin), (SELECT count(*) FROM fine), (SELECT count(*) FROM parent), (SELECT count(*) FROM split), (SELECT count(*) FROM ONLY heir), (SELECT count(*) FROM priced), (SELECT count(*) FROM tagged)"
rules="SELECT conname FROM pg_constraint WHERE conrelid::regclass::text IN ('twins', 'child', 'checked', 'filled', 'fine', 'parent', 'parted', 'parted_1', 'kin_child') AND conname !~ 'not_null' ORDER BY 1"
snapshot broken

objects="to_parent only_once positive filled of_partition of_child of_split of_elder dear light split_2_all"

said() { # FILE: all the broken rules are in it, and marked as the source's
	local object
	for object in $objects; do
		grep -q "$object.*the source's own data" "$1" || fail "$object is not reported as the source's fault: $(cat "$1")"
	done
}

hinted() { [ "$(grep -c '^hint: .*'"$1" "$T/err")" = 1 ] || fail "no hint about \"$1\": $(cat "$T/err")"; }

step "verify"
expect 6 drtool verify "$ID" --json
hinted "mend these in the source"
echo "$OUT" >"$T/proof.json"
[ "$(jq -r .outcome "$T/proof.json")" = "source faults" ] || fail "outcome $(jq -c . "$T/proof.json")"
# One for each, and NOT NULL of the two tables above the one that breaks it.
jq -e '[.differences[] | .source_fault] | length == 13 and all' "$T/proof.json" >/dev/null || fail "not exactly 13 faults: $(jq -c .differences "$T/proof.json")"
for object in $objects; do
	jq -e --arg o "$object" '[.differences[] | select(.object | test("[ .]" + $o + "( |$)"))] | length == 1' "$T/proof.json" >/dev/null || fail "$object is not reported: $(jq -c .differences "$T/proof.json")"
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

[ "$(sql back -c "SELECT string_agg(DISTINCT conname, ' ' ORDER BY conname) FROM pg_constraint WHERE NOT convalidated")" = "dear light of_child of_elder of_partition of_split positive" ] || fail "not NOT VALID: $(sql back -c "SELECT conname FROM pg_constraint WHERE NOT convalidated")"
[ "$(sql back -c "SELECT string_agg(attrelid::regclass::text, ' ' ORDER BY 1) FROM pg_attribute WHERE attname = 'b' AND attnotnull AND attrelid IN ('split'::regclass, 'split_1'::regclass, 'split_2'::regclass, 'split_2_all'::regclass)")" = split_1 ] || fail "NOT NULL"
[ "$(sql back -c "SELECT count(*) FROM pg_description WHERE description = 'said'")" = 1 ] || fail "the comment is gone"

step "the rows mended: good"
sql broken -c "DELETE FROM child WHERE parent_id = 77" -c "DELETE FROM twins WHERE b = 'twin'" -c "DELETE FROM checked WHERE a < 0" -c "DELETE FROM filled WHERE a IS NULL" -c "DELETE FROM parted_1 WHERE a < 0" -c "DELETE FROM kin_child WHERE b < 0" -c "REINDEX TABLE twins" \
	-c "SET constraint_exclusion = off" -c "DELETE FROM split WHERE a < 0 OR b IS NULL" -c "DELETE FROM heir WHERE id < 0" -c "DELETE FROM priced WHERE p < 0" -c "DELETE FROM tagged WHERE (t).w > 100"
snapshot broken
verify_ok "$ID"
expect 0 drtool restore "$ID" --into dbname=mended
same_databases broken mended
nothing_left
