#!/bin/bash
# A table that is loaded by several connections at once, one of whose rows breaks a rule of its own: every row comes back all the same.
. "$(dirname "$0")/lib.sh"

server
createdb large
# 140 MiB of rows: from 128 MiB on a table is loaded in shares. No index needs it, so nothing else would notice that some are missing.
sql large -c "CREATE TABLE big (id int, t text)" -c "INSERT INTO big SELECT g, repeat('x', 1048570) FROM generate_series(1, 140) g" \
	-c "INSERT INTO big VALUES (-1, 'y')" -c "ALTER TABLE big ADD CONSTRAINT positive CHECK (id > 0) NOT VALID" -c "UPDATE pg_constraint SET convalidated = true WHERE conname = 'positive'"
snapshot large

step "restore"
expect 6 drtool restore "$ID" --into dbname=back --jobs 3
grep -q "^CHECK CONSTRAINT public.big positive: the source's own data breaks this" <<<"$OUT" || fail "$OUT"
[ "$(sql back -c "SELECT count(*), count(DISTINCT id), min(id), sum(length(t)) FROM big")" = "141|141|-1|$((140 * 1048570 + 1))" ] || fail "rows are missing: $(sql back -c "SELECT count(*) FROM big")"
[ "$(sql back -c "SELECT convalidated FROM pg_constraint WHERE conname = 'positive'")" = f ] || fail "the rule is not there"

step "in the place of the live one"
expect 6 drtool restore "$ID" --replace dbname=large --confirm large --no-safety-snapshot --jobs 3
[ "$(sql large -c "SELECT count(*) FROM big")" = 141 ] || fail "rows are missing: $(sql large -c "SELECT count(*) FROM big")"
nothing_left
