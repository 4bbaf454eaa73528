#!/bin/bash
# restore --table into a live database, of tables whose rows break rules: they come in all the same, or else the other tables do. A protected database wants to be named.
. "$(dirname "$0")/lib.sh"

server
createdb shop
sql shop <<-'SQL'
	CREATE DOMAIN price AS numeric(8,2) CONSTRAINT dear CHECK (VALUE > 0);
	CREATE DOMAIN reduced AS price;
	CREATE TYPE tag AS (p price, q text);
	CREATE TABLE plain (id int PRIMARY KEY, t text);
	CREATE TABLE priced (id int PRIMARY KEY, p reduced DEFAULT 1 CONSTRAINT cheap CHECK (p < 1000), old price NOT NULL);
	CREATE TABLE tagged (id int PRIMARY KEY, t tag);
	CREATE TABLE parted (id int, a int, CONSTRAINT positive CHECK (a > 0)) PARTITION BY LIST (id);
	CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
	CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2);
	ALTER DOMAIN price DROP CONSTRAINT dear;
	ALTER TABLE parted DROP CONSTRAINT positive;
	INSERT INTO plain VALUES (1, 'x'), (2, 'y');
	INSERT INTO priced VALUES (1, -1, 2), (2, 2, 3);
	INSERT INTO tagged VALUES (1, (-1, 'x'));
	INSERT INTO parted VALUES (1, 1), (1, -1), (2, -2), (2, 2);
	ALTER DOMAIN price ADD CONSTRAINT dear CHECK (VALUE > 0) NOT VALID;
	ALTER TABLE parted ADD CONSTRAINT positive CHECK (a > 0) NOT VALID;
SQL
snapshot shop
suffix=__restored_${ID##*-}
count() { sql shop -c "SELECT count(*) FROM $1$suffix"; }
types() { sql shop -c "SELECT string_agg(format_type(atttypid, atttypmod), ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '$1$suffix'::regclass AND attnum > 0"; }
take_away() { sql shop -c "SET client_min_messages = error" -c "DROP TABLE IF EXISTS plain$suffix, priced$suffix, parted$suffix, tagged$suffix"; }

step "a domain of the live database is not touched: the column does without it"
domains=$(sql shop -c "SELECT oid, conname, convalidated FROM pg_constraint WHERE contypid <> 0 ORDER BY 1")
expect 6 drtool restore "$ID" --into dbname=shop --table priced --table plain
grep -q "^-- COLUMN public.priced$suffix.p: the source's own data breaks this: .*dear.*; its type is numeric(8,2)$" <<<"$OUT" || fail "$OUT"
[ "$(count priced) $(count plain)" = "2 2" ] || fail "rows"
[ "$(types priced)" = "integer numeric(8,2) price" ] || fail "$(types priced)"
[ "$(sql shop -c "SELECT conname || convalidated FROM pg_constraint WHERE conrelid = 'priced$suffix'::regclass AND contype = 'c'")" = cheaptrue ] || fail "the CHECK is gone"
[ "$(sql shop -c "SELECT oid, conname, convalidated FROM pg_constraint WHERE contypid <> 0 ORDER BY 1")" = "$domains" ] || fail "the domain was changed"
take_away

step "the rows of several partitions, each against a rule"
expect 0 drtool restore "$ID" --into dbname=shop --table parted
[ "$(count parted)" = 4 ] || fail "rows"
take_away
sql shop -c "UPDATE pg_constraint SET convalidated = true WHERE conname = 'positive'"
snapshot shop
suffix=__restored_${ID##*-}
expect 6 drtool restore "$ID" --into dbname=shop --table parted --table plain
grep -q "^-- CHECK CONSTRAINT public.parted$suffix positive: the source's own data breaks this: .*; it was made NOT VALID$" <<<"$OUT" || fail "$OUT"
[ "$(count parted) $(count plain)" = "4 2" ] || fail "rows"
take_away

step "a table that cannot be had: the others are, and it leaves nothing"
expect 1 drtool restore "$ID" --into dbname=shop --table tagged --table plain --table priced
error_says "TABLE" "tagged$suffix" dear
grep -q "^-- TABLE .*tagged$suffix.*: not restored: " <<<"$OUT" || fail "$OUT"
! grep -q "^-- INDEX.*the source's own" <<<"$OUT" || fail "$OUT"
[ "$(count priced) $(count plain)" = "2 2" ] || fail "rows"
[ "$(sql shop -c "SELECT count(*) FROM pg_class WHERE relname LIKE 'tagged_%restored%'")" = 0 ] || fail "something of it is left"
[ "$(sql shop -c "SELECT count(*) FROM pg_class c WHERE obj_description(oid, 'pg_class') LIKE '%not complete'")" = 0 ] || fail "not complete"
expect 0 drtool journal shop --last 1 --json
jq -e '.[0] | .event == "restore-table" and .outcome == "differs" and (.details.lost | contains("tagged"))' <<<"$OUT" >/dev/null || fail "$OUT"
take_away
expect 1 drtool restore "$ID" --into dbname=shop --table plain --table tagged --json
jq -e '[.restored_tables[].table] == ["\"public\".\"plain\""] and ([.findings[] | select(.source_fault | not) | .object] | length > 0)' <<<"$OUT" >/dev/null || fail "$OUT"
take_away
expect 1 drtool restore "$ID" --into dbname=shop --table tagged
error_says "could not be" "tagged$suffix"
[ -z "$OUT" ] || fail "$OUT"

step "a protected database is named in full"
printf '%s\n' "databases:" "  shop:" "    url: dbname=shop" "    protected: true" >drtool.yml
word=localhost/shop
for db in shop dbname=shop; do
	fails 3 confirmed -- drtool restore "$ID" --into "$db" --table plain
	grep -q -- "^hint: .*--confirm $word$" "$T/err" || fail "$(cat "$T/err")"
done
fails 2 "$word" -- drtool restore "$ID" --into shop --table plain --confirm shop
[ "$(sql shop -c "SELECT count(*) FROM pg_class WHERE relname LIKE '%restored%'")" = 0 ] || fail "something was made"
expect 0 drtool restore "$ID" --into shop --table plain --dry-run
expect 0 drtool restore "$ID" --into shop --table plain --confirm "$word"
[ "$(count plain)" = 2 ] || fail "rows"
rm drtool.yml
nothing_left
