#!/bin/bash
# A connection ends at any statement of snapshot, restore and test restore: an error that says so or a success that is one, and the next run works.
. "$(dirname "$0")/lib.sh"

points=${DRTOOL_LONG:+200}
points=${points:-12}
server
sql postgres -c "CREATE ROLE keeper" -c "CREATE ROLE reader"
createdb shop
sql shop <<-'SQL'
	CREATE TABLE parent (id int PRIMARY KEY, t text CHECK (t <> ''));
	CREATE TABLE child (id serial PRIMARY KEY, parent_id int REFERENCES parent, at timestamptz DEFAULT now());
	CREATE TABLE parted (id int, a int) PARTITION BY RANGE (id);
	CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
	CREATE INDEX ON child (at);
	CREATE STATISTICS s ON id, t FROM parent;
	CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM parent;
	CREATE VIEW v AS SELECT * FROM child;
	CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
	CREATE TRIGGER t BEFORE INSERT ON child FOR EACH ROW EXECUTE FUNCTION f();
	INSERT INTO parent SELECT g, 'row ' || g FROM generate_series(1, 500) g;
	INSERT INTO child (parent_id) SELECT g FROM generate_series(1, 500) g;
	INSERT INTO parted SELECT g, g FROM generate_series(0, 9) g;
	REFRESH MATERIALIZED VIEW m;
	SELECT FROM (SELECT lo_from_bytea(4711, 'one'), lo_from_bytea(4712, decode(repeat('00ff', 700000), 'hex'))) l;
	ALTER LARGE OBJECT 4712 OWNER TO keeper;
	GRANT SELECT ON LARGE OBJECT 4712 TO reader;
	GRANT SELECT ON parent TO reader;
	GRANT CONNECT ON DATABASE shop TO reader;
	ALTER DATABASE shop SET work_mem = '7MB';
	ALTER ROLE reader IN DATABASE shop SET work_mem = '8MB';
	COMMENT ON DATABASE shop IS 'the shop';
SQL

step "snapshot"
count=0
whole() { # what it says is what is there
	[ "$STATUS" != 0 ] || count=$((count + 1))
	[ "$(listed | wc -l)" = $count ] || fail "$count succeeded, listed are: $(listed)"
}
AFTER=whole
at_any_statement snapshot "$DRTOOL" snapshot "CUT dbname=shop"
snapshot shop
verify_ok "$ID"

step "restore"
restored() {
	if exists back; then
		[ "$STATUS" = 0 ] || fail "a failed restore has the name asked for: $(cat "$T/err")"
		same_databases shop back
		[ "$(sql back -c "SHOW work_mem")" = 7MB ] || fail "the settings are missing"
		dropdb back
	elif [ "$STATUS" = 0 ]; then
		fail "it says it is done, and there is nothing"
	fi
}
AFTER=restored
at_any_statement restore "$DRTOOL" restore "$ID" --into "CUT dbname=back"
expect 0 drtool restore "$ID" --into dbname=back
same_databases shop back
dropdb back

step "a test restore on a server"
AFTER=true
at_any_statement verify "$DRTOOL" verify "$ID" --scratch-server "CUT dbname=postgres"
expect 0 drtool verify "$ID" --scratch-server dbname=postgres
nothing_left
