#!/bin/bash
# Manifest, contents and chunks cut, flipped, missing or swapped: found by name, nothing wrong restored, and the next snapshot heals what
# the live rows still hold.
. "$(dirname "$0")/../e2e/lib.sh"

server
shop shop 20
snapshot shop
good=$ID
cp -a "$REPO" "$T/pristine"
fresh() { rm -rf "$REPO" && cp -a "$T/pristine" "$REPO"; }
manifest() { echo "$REPO/snapshots/shop/$good.json"; }
chunk_of() { # KEY of the manifest: the file of its first piece
	local name
	name=$(jq -r ".$1 | .. | strings | select(test(\"^[0-9a-f]{64}\"))" "$(manifest)" | head -n 1)
	echo "$REPO/chunks/${name:0:2}/${name:0:64}"
}
damage() { # HOW FILE
	case $1 in
	cut) truncate -s $(($(stat -c %s "$2") / 2)) "$2" ;;
	empty) : >"$2" ;;
	flipped) python3 -c 'import sys; p = sys.argv[1]; d = bytearray(open(p, "rb").read()); d[len(d) * 2 // 3] ^= 4; open(p, "wb").write(d)' "$2" ;;
	missing) rm "$2" ;;
	swapped) cp "$(find "$REPO/chunks" -type f ! -path "$2" -size -"$(($(stat -c %s "$2") / 1024 + 2))"k | LC_ALL=C sort | head -n 1)" "$2" ;;
	esac
}

step "the manifest"
for how in cut empty flipped; do
	fresh
	damage $how "$(manifest)"
	expect 6 drtool list
	[ "$(listed)" = "" ] || fail "$how: it is still listed"
	run drtool verify "$good"
	[ "$STATUS" != 0 ] || fail "$how: it verifies"
	expect 0 drtool snapshot "dbname=shop"
	verify_ok "$OUT"
done
fresh
cp "$(manifest)" "$REPO/snapshots/shop/20200101-000000-aaaaaa.json"
expect 6 drtool list
[ "$(drtool list --json 2>/dev/null | jq -r '.[].id')" = "$good" ] || fail "a copied manifest is listed"

for part in contents schema; do
	for how in cut flipped missing swapped; do
		step "$part: $how"
		fresh
		file=$(chunk_of $part)
		[ -f "$file" ] || fail "the test does not find the chunk of $part: $file"
		damage $how "$file"
		expect 6 drtool verify "$good"
		error_says
		expect 6 drtool restore "$good" --into "dbname=never"
		[ -z "$(sql postgres -c "SELECT 1 FROM pg_database WHERE datname ~ 'never'")" ] || fail "a database was left"
	done
done

for how in cut empty flipped missing swapped; do
	step "a chunk of rows: $how"
	fresh
	file=$(find "$REPO/chunks" -type f -printf '%s %p\n' | sort -n | tail -n 1 | cut -d' ' -f2)
	damage $how "$file"
	expect 6 drtool verify "$good"
	expect 6 drtool restore "$good" --into "dbname=never"
	error_says
	[ -z "$(sql postgres -c "SELECT 1 FROM pg_database WHERE datname ~ 'never'")" ] || fail "a database was left"
	run drtool cat "$good"
	[ "$STATUS" = 6 ] || fail "cat: status $STATUS"
	[ -n "$(find "$REPO/damaged" -type f)" ] || fail "the damaged chunk is not recorded"
	expect 0 drtool snapshot "dbname=shop"
	[ -z "$(find "$REPO/damaged" -type f)" ] || fail "the record was not cleared"
	verify_ok "$OUT"
	verify_ok "$good"
	expect 0 drtool restore "$good" --into "dbname=back_$how"
	same_databases shop "back_$how"
	no_leftovers
done

step "an exchange of two chunks of rows"
fresh
read -r one two < <(find "$REPO/chunks" -type f -printf '%s %p\n' | sort -n | tail -n 2 | cut -d' ' -f2 | paste -sd' ')
mv "$one" "$T/x" && mv "$two" "$one" && mv "$T/x" "$two"
expect 6 drtool verify "$good"
expect 0 drtool snapshot "dbname=shop"
verify_ok "$good"

step "rows that are gone cannot be healed, and that is said"
fresh
damage missing "$(find "$REPO/chunks" -type f -printf '%s %p\n' | sort -n | tail -n 1 | cut -d' ' -f2)"
sql shop -c "TRUNCATE events, order_lines"
expect 0 drtool snapshot "dbname=shop"
verify_ok "$OUT"
expect 6 drtool verify "$good"
no_leftovers
