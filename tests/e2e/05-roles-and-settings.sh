#!/bin/bash
# Owners, privileges, settings kept per database, comment and limits come back, also on a server that has none of the roles.
. "$(dirname "$0")/lib.sh"

server
worst worst
step "settings that would stop a careless tool"
sql worst -c "ALTER DATABASE worst SET default_transaction_read_only = on" -c "ALTER DATABASE worst SET statement_timeout = '1ms'" -c "ALTER DATABASE worst SET lock_timeout = '1ms'" \
	-c "ALTER DATABASE worst SET standard_conforming_strings = off" -c "ALTER DATABASE worst SET client_encoding = 'LATIN1'" -c "ALTER DATABASE worst SET row_security = off" \
	-c "ALTER DATABASE worst SET quote_all_identifiers = on" -c "ALTER DATABASE worst SET idle_in_transaction_session_timeout = '1ms'" -c "ALTER DATABASE worst SET default_transaction_isolation = 'serializable'" \
	-c "ALTER DATABASE worst SET idle_session_timeout = '1ms'" \
	-c "ALTER DATABASE worst SET default_tablespace = worst_space" -c "ALTER DATABASE worst SET session_replication_role = replica"
unlocked='-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 -c idle_session_timeout=0 -c default_transaction_read_only=off -c standard_conforming_strings=on -c client_encoding=UTF8 -c quote_all_identifiers=off -c bytea_output=hex -c lc_monetary=C'

about() { # DB: everything about it that is not in it
	PGOPTIONS=$unlocked sql postgres -v db="$1" <<-'SQL'
		SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype, datconnlimit, datistemplate, datallowconn FROM pg_database WHERE datname = :'db';
		SELECT unnest(datacl)::text FROM pg_database WHERE datname = :'db' ORDER BY 1;
		SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = :'db';
		SELECT coalesce(rolname, '-'), unnest(setconfig) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase LEFT JOIN pg_roles r ON r.oid = setrole WHERE datname = :'db' ORDER BY 1, 2;
	SQL
}
full_dump() { PGTZ=UTC PGOPTIONS=$unlocked pg_dump -d "$1"; }

about worst >"$T/about"
full_dump worst >"$T/source.sql"
[ "$(wc -l <"$T/about")" -gt 20 ] || fail "too little to compare: $(cat "$T/about")"
snapshot worst
of_worst=$ID
verify_worst "$ID"

step "on the same server"
expect 0 drtool restore "$ID" --into "dbname=back"
about back | diff "$T/about" - || fail "the database's own properties differ"
full_dump back >"$T/back.sql"
same_dumps "$T/source.sql" "$T/back.sql"

step "what the role that connects sets for itself, which no snapshot holds: nothing shows, and nothing is in the way"
createdb styled
createdb there
sql styled -c "CREATE TABLE t (a int[] DEFAULT '{NULL,1}', b text DEFAULT E'back\\\\slash', c bytea DEFAULT '\x005c', d interval DEFAULT '-1 day +02:03')" -c "INSERT INTO t SELECT FROM generate_series(1, 9)"
full_dump styled >"$T/styled.sql"
for setting in "default_transaction_read_only = on" "array_nulls = off" "standard_conforming_strings = off" "quote_all_identifiers = on" "bytea_output = escape" "intervalstyle = iso_8601"; do
	PGOPTIONS=$unlocked sql postgres -c "ALTER ROLE postgres SET $setting"
done
expect 0 drtool snapshot "dbname=styled" --verify
styled=$OUT
for target in made there; do
	expect 0 drtool restore "$styled" --into "dbname=$target"
	full_dump "$target" >"$T/back.sql"
	same_dumps "$T/styled.sql" "$T/back.sql"
done
PGOPTIONS=$unlocked sql postgres -c "ALTER ROLE postgres RESET ALL" -c "DROP DATABASE made" -c "DROP DATABASE there" -c "DROP DATABASE styled"

step "no password hash in the repository unless asked for"
hashes() {
	repo_copy
	find "$COPY/chunks" -type f -exec zstd -dcq {} + | grep -ac 'SCRAM-SHA-256' || true
}
[ "$(hashes)" = 0 ] || fail "password hashes were kept"
expect 0 drtool snapshot "dbname=worst" --role-passwords
[ "$(hashes)" -gt 0 ] || fail "password hashes were not kept"

step "a security label of the database is set again, which takes its provider"
createdb labelled
sql labelled -c "SET allow_system_table_mods = on" -c "INSERT INTO pg_shseclabel SELECT oid, 'pg_database'::regclass, 'a \"provider\"', 'it''s %1\$s' FROM pg_database WHERE datname = 'labelled'"
snapshot labelled
expect 1 drtool restore "$ID" --into "dbname=labelled_back"
error_says 'settings of the database: security label provider "a "provider"" is not loaded'
dropdb labelled_back
dropdb labelled
ID=$of_worst

step "without owners and privileges in place of a database that has both: what is left out is no difference"
PGOPTIONS=$unlocked sql worst -c "ALTER SUBSCRIPTION worst_subscription DISABLE" -c "ALTER SUBSCRIPTION worst_subscription SET (slot_name = NONE)" -c "DROP SUBSCRIPTION worst_subscription"
expect 0 drtool restore "$ID" --replace "dbname=worst" --confirm worst --no-owner --no-safety-snapshot
! grep -q "^warning: .*came back" "$T/err" || fail "$(cat "$T/err")"
[ "$(sql postgres -c "SELECT pg_get_userbyid(datdba), datacl IS NULL, (SELECT count(*) FROM pg_db_role_setting WHERE setdatabase = d.oid AND setrole <> 0) FROM pg_database d WHERE datname = 'worst'")" = "postgres|t|0" ] || fail "$(about worst)"
PGTZ=UTC PGOPTIONS=$unlocked pg_dump -d back --no-owner --no-privileges >"$T/back.sql"
PGTZ=UTC PGOPTIONS=$unlocked pg_dump -d worst --no-owner --no-privileges >"$T/worst.sql"
same_dumps "$T/back.sql" "$T/worst.sql"

step "on a server without the roles"
server
expect 3 drtool restore "$ID" --into "dbname=back"
error_says role worst_owner
[ -z "$(sql postgres -c "SELECT datname FROM pg_database WHERE datname LIKE 'back%'")" ] || fail "a refused restore left a database"
expect 0 drtool restore "$ID" --into "dbname=back" --create-roles
[ "$(sql postgres -c "SELECT bool_or(rolcanlogin OR rolsuper) FROM pg_roles WHERE rolname LIKE '%orst%'")" = f ] || fail "roles were made that can log in"
full_dump back | sed "s/default_tablespace = [a-z_][a-z_]*/default_tablespace = ''/" >"$T/back.sql"
sed "s/default_tablespace = [a-z_][a-z_]*/default_tablespace = ''/" "$T/source.sql" >"$T/source-no-space.sql"
same_dumps "$T/source-no-space.sql" "$T/back.sql"

step "without owners and privileges"
expect 0 drtool restore "$ID" --into "dbname=plain" --no-owner
PGTZ=UTC PGOPTIONS=$unlocked pg_dump -d back --no-owner --no-privileges >"$T/back.sql"
PGTZ=UTC PGOPTIONS=$unlocked pg_dump -d plain --no-owner --no-privileges >"$T/plain.sql"
same_dumps "$T/back.sql" "$T/plain.sql"
no_leftovers
