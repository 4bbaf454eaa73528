#!/bin/bash
# Sequences are not part of any snapshot of the server: while they advance, what is kept of them is never behind the rows that used them.
. "$(dirname "$0")/lib.sh"

server
createdb numbers
sql numbers -c "CREATE TABLE fast (id bigserial PRIMARY KEY, v int)" -c "CREATE TABLE ident (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v int)" \
	-c "CREATE TABLE cached (id bigint PRIMARY KEY, v int)" -c "CREATE SEQUENCE cached_numbers INCREMENT 3 CACHE 50" -c "CREATE TABLE untouched (id serial, v int)"
cat >"$T/write.sql" <<'SQL'
INSERT INTO fast (v) SELECT 1 FROM generate_series(1, 5);
INSERT INTO ident (v) VALUES (1), (2);
INSERT INTO cached SELECT nextval('cached_numbers'), 1 FROM generate_series(1, 7);
SQL
for _ in 1 2 3; do
	forever numbers "$T/write.sql"
done
wait_for 20 eval '[ "$(rounds)" -gt 20 ]' || fail "nobody writes: $(tail -n 3 "$T/forever.log")"

not_behind() { # ID TABLE SEQUENCE
	local max last
	max=$(rows_in "$1" "$2" | awk -F'\t' '$1 > max { max = $1 } END { print max + 0 }')
	last=$(sequence_in "$1" "public.$3")
	[ "$max" -gt 0 ] || fail "no rows in $2"
	[ "${last:-0}" -ge "$max" ] || fail "$3 stands at ${last:-nothing}, $2 has $max"
	echo -n "   $2 $max, sequence $last;"
}
earlier=0
for _ in 1 2 3 4; do
	snapshot numbers
	not_behind "$ID" fast fast_id_seq
	not_behind "$ID" ident ident_id_seq
	not_behind "$ID" cached cached_numbers
	echo
	later=$(sequence_in "$ID" public.fast_id_seq)
	[ "$later" -gt "$earlier" ] || fail "the sequence stood still: nothing was tested"
	earlier=$later
done
touch "$T/stop"
verify_ok "$ID"
expect 0 drtool restore "$ID" --into dbname=back
[ "$(sql back -c "SELECT nextval('fast_id_seq') > max(id) FROM fast" -c "SELECT nextval('ident_id_seq') > max(id) FROM ident" -c "SELECT nextval('cached_numbers') > max(id) FROM cached" \
	-c "SELECT nextval('untouched_id_seq')" | tr '\n' ' ')" = "t t t 1 " ] || fail "the next number is taken"
no_leftovers
