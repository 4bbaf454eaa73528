#!/bin/bash
# Manifest, contents, schema and rows truncated, flipped, missing or swapped: status 6 by name from every command that reads them, nothing
# wrong restored, and the next snapshot heals what the live rows still hold.
. "$(dirname "$0")/lib.sh"

server
shop shop 5
sql shop -c "SELECT lo_from_bytea(4711, decode(repeat('deadbeef', 1000), 'hex'))" >/dev/null
for n in 1 2 3 4; do
	sql shop -c "CREATE TABLE small_$n AS SELECT g, md5((g * $n)::text) AS t FROM generate_series(1, 300) g"
done
snapshot shop
good=$ID
createdb -T shop at_snapshot
sql shop -c "CREATE TABLE later AS SELECT 1 AS one"
snapshot shop
second=$ID
sql shop -c "DROP TABLE later" # what is live is what the first one holds
cp -a "$REPO" "$T/pristine"
fresh() { rm -rf "$REPO" && cp -a "$T/pristine" "$REPO"; }
manifest() { echo "$REPO/snapshots/shop/${1:-$good}.json"; } # [ID]
file_of() { echo "$REPO/chunks/${1:0:2}/$1"; }               # CHUNK
document() { file_of "$(jq -r ".$1[${2:--1}][0]" "$T/pristine/snapshots/shop/$good.json")"; } # contents, schema, globals [PIECE]
rows() {                                                      # TABLE: the first chunk of its rows
	file_of "$(zstd -dcq "$(document contents)" | jq -r "if .kind == \"table\" then .schema + \".\" + .name elif .kind == \"pieces\" then .pieces[0][0] else empty end" | grep -A 1 -x "$1" | tail -n 1)"
}
damage() { # HOW FILE
	case $1 in
	cut) truncate -s $(($(stat -c %s "$2") / 2)) "$2" ;;
	empty) : >"$2" ;;
	flipped) /usr/bin/python3 -c 'import sys; p = sys.argv[1]; d = bytearray(open(p, "rb").read()); d[len(d) * 2 // 3] ^= 4; open(p, "wb").write(d)' "$2" ;;
	missing) rm "$2" ;;
	swapped) cp "$OTHER" "$2" ;;
	esac
}
heals() {                                                                   # all is well again after the next snapshot
	expect 0 drtool snapshot "dbname=shop"
	local new=$OUT
	[ -z "$(find "$REPO/damaged" -type f 2>/dev/null)" ] || fail "the record of damage was not cleared"
	expect 0 drtool cat "$new"
	expect 0 drtool cat "$good"
	[ "${1-}" != verify ] || {
		expect 0 drtool verify "$new" --scratch-server dbname=postgres
		expect 0 drtool verify "$good" --scratch-server dbname=postgres
	}
	nothing_left
}
not_restored() { # WORD: restore fails by name and leaves nothing
	fails 6 "$1" -- drtool restore "$good" --into "dbname=never"
	absent never
}

for how in cut empty flipped swapped; do
	step "the manifest: $how"
	fresh
	OTHER=$(manifest "$second")
	damage $how "$(manifest)"
	for command in "show $good" "cat $good" "verify $good"; do
		# shellcheck disable=SC2086
		fails 6 "$good" -- drtool $command
	done
	not_restored "$good"
	expect 6 drtool list
	one_error "$good"
	[ "$(listed)" = "$second" ] || fail "listed: $(listed)"
	expect 0 drtool cat "$second"
	expect 0 drtool snapshot "dbname=shop"
	expect 0 drtool cat "$OUT"
done

step "the manifest: missing, or under another name"
fresh
damage missing "$(manifest)"
expect 0 drtool list
[ "$(listed)" = "$second" ] || fail "listed: $(listed)"
fails 2 "$good" -- drtool cat "$good"
fresh
cp "$(manifest)" "$REPO/snapshots/shop/20200101-000000-aaaaaa.json"
fails 6 20200101-000000-aaaaaa -- drtool cat 20200101-000000-aaaaaa
mkdir "$REPO/snapshots/other"
mv "$REPO/snapshots/shop/20200101-000000-aaaaaa.json" "$REPO/snapshots/other/$good.json"
fails 6 "$good" -- drtool cat "other/$good"
[ "$(listed | sort -u | wc -l)" = 2 ] || fail "a manifest under another name is listed: $(listed)"

for part in contents schema globals; do
	for how in cut flipped missing swapped; do
		case $part-$how in contents-swapped | contents-flipped | schema-missing | globals-cut | globals-swapped) continue ;; esac
		step "$part: $how"
		fresh
		OTHER=$(rows public.small_1)
		damage $how "$(document $part)"
		if [ $part = contents ]; then
			fails 6 "$part" -- drtool show "$good"
		else
			expect 0 drtool show "$good"
		fi
		expect 6 drtool verify "$good" --scratch-server dbname=postgres
		grep -q "the $part " <<<"$OUT" || fail "$part is not named: $OUT $(cat "$T/err")"
		if [ $part != globals ]; then # a restore does not read them
			not_restored "$part"
			run drtool cat "$good"
			[ "$STATUS" = 6 ] || fail "cat: status $STATUS: $(cat "$T/err")"
			one_error "$part"
		fi
		if [ $part = contents ]; then
			# Sizes that the server changes on its own: other bytes next time. The new snapshot has its own.
			expect 0 drtool snapshot "dbname=shop"
			expect 0 drtool cat "$OUT"
		else
			heals
		fi
	done
done

for part in public.events public.small_3 4711; do
	for how in cut empty flipped missing swapped; do
		[ $part = public.events ] || [ $how = flipped ] || [ $how = missing ] || [ $part$how = public.small_3swapped ] || continue
		step "rows of $part: $how"
		fresh
		OTHER=$(document schema)
		if [ $part = 4711 ]; then
			name="large object"
			file=$(file_of "$(zstd -dcq "$(document contents)" | jq -r 'if .kind == "table" then .table_kind elif .kind == "pieces" then .pieces[0][0] else empty end' | grep -A 1 -x large_objects | tail -n 1)")
		else
			name=$part
			# The tables that share this one's chunk are damaged with it, and any of them may be met first.
			[ $part != public.small_3 ] || name=public.
			file=$(rows $part)
		fi
		[ -f "$file" ] || fail "the test does not find the chunk: $file"
		damage $how "$file"
		expect 0 drtool list
		expect 0 drtool show "$good"
		case $how in flipped | missing)
			expect 6 drtool verify "$good" --scratch-server dbname=postgres
			grep -q "${part/4711/large object}" <<<"${OUT,,}" || fail "$part is not named: $OUT $(cat "$T/err")"
			;;
		esac
		not_restored "$name"
		run drtool cat "$good"
		[ "$STATUS" = 6 ] || fail "cat: status $STATUS: $(cat "$T/err")"
		one_error "$name"
		[ -e "$REPO/damaged/$(basename "$file")" ] || fail "the damaged chunk is not recorded"
		case $how in missing) heals verify ;; *) heals ;; esac
	done
done
expect 0 drtool restore "$good" --into "dbname=back"
same_databases at_snapshot back

step "an exchange of two chunks of rows"
fresh
one=$(rows public.events)
two=$(rows public.order_lines)
[ "$one" != "$two" ] || fail "the test does not find two chunks"
mv "$one" "$T/x" && mv "$two" "$one" && mv "$T/x" "$two"
expect 6 drtool verify "$good" --scratch-server dbname=postgres
not_restored public.
heals verify

step "rows that are gone cannot be healed, and that is said"
fresh
damage missing "$(rows public.events)"
sql shop -c "TRUNCATE events"
expect 0 drtool snapshot "dbname=shop"
expect 0 drtool cat "$OUT"
expect 6 drtool verify "$good" --scratch-server dbname=postgres
nothing_left
