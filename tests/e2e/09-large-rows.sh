#!/bin/bash
# Rows of 1 to 60 MB (120 MB as COPY text): whole, and in bounded memory. Over S3 or with a sanitizer a third of that; with a sanitizer memory is not looked at.
. "$(dirname "$0")/lib.sh"

part=1
! is_instrumented && ! is_s3 || part=3
longest=$((120 / part << 20)) # of COPY text: 60 MiB of bytea
server
createdb large
sql large -v texts=$((24 / part)) -v bytes=$((20 / part)) -v long=$((60 / part)) <<-'SQL'
	CREATE TABLE texts (id int PRIMARY KEY, t text);
	INSERT INTO texts SELECT g, repeat(md5(g::text), g * 32768) FROM generate_series(1, :texts) g;
	CREATE TABLE bytes (id int PRIMARY KEY, b bytea);
	ALTER TABLE bytes ALTER b SET STORAGE EXTERNAL;
	INSERT INTO bytes SELECT g, decode(repeat(md5(g::text), g * 65536), 'hex') FROM generate_series(1, :bytes) g;
	INSERT INTO bytes SELECT 60, decode(repeat(md5('60'), :long * 65536), 'hex');
	INSERT INTO bytes SELECT 61, NULL;
SQL

peak() { # command...: expect 0, and its memory stays below 256 MiB and four times the longest row per worker
	local used limit=$((256 * 1024 + 2 * 4 * longest / 1024))
	expect 0 /usr/bin/time -f '%M' -o "$T/rss" "$@"
	used=$(tail -n 1 "$T/rss")
	echo "   $((used / 1024)) MiB at most"
	is_instrumented || [ "$used" -lt $limit ] || fail "$used KiB, more than $limit KiB: $*"
}

step "snapshot"
peak "$DRTOOL" snapshot "dbname=large" --jobs 2
ID=$OUT
step "verify"
peak "$DRTOOL" verify "$ID" --jobs 2
step "restore"
peak "$DRTOOL" restore "$ID" --into "dbname=back" --jobs 2
same='SELECT (SELECT count(*) FROM texts), (SELECT string_agg(md5(t), $$,$$ ORDER BY id) FROM texts), (SELECT string_agg(coalesce(md5(b), $$-$$), $$,$$ ORDER BY id) FROM bytes)'
[ "$(sql large -c "$same")" = "$(sql back -c "$same")" ] || fail "rows differ"
step "cat"
createdb cat
drtool cat "$ID" 2>"$T/err" | psql -X -q -d cat >/dev/null || fail "cat: $(cat "$T/err")"
[ "$(sql large -c "$same")" = "$(sql cat -c "$same")" ] || fail "rows differ after cat"
no_leftovers
