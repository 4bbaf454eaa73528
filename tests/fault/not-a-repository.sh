#!/bin/bash
# A directory that is no repository, one of a newer format, one that cannot be written: refused by name before anything is written.
. "$(dirname "$0")/../e2e/lib.sh"

server
shop shop 1
contents() { find "$1" -printf '%P %s\n' | LC_ALL=C sort; }
refused() { # STATUS WORD: every command on $DRTOOL_REPO
	local command
	contents "$DRTOOL_REPO" >"$T/before"
	for command in "snapshot dbname=shop" "list" "show latest" "verify latest" "restore latest --into dbname=never" "cat latest"; do
		# shellcheck disable=SC2086
		expect "$1" drtool $command
		error_says "$2"
		contents "$DRTOOL_REPO" | diff "$T/before" - || fail "something was written by: $command"
	done
}

step "a directory with other things in it"
mkdir "$T/photos" && echo x >"$T/photos/cat.jpg"
DRTOOL_REPO=$T/photos refused 2 "photos"

step "a missing directory is made by a snapshot only"
expect 2 env DRTOOL_REPO="$T/missing" "$DRTOOL" list
error_says missing
[ ! -e "$T/missing" ] || fail "list made a directory"

step "a newer format"
snapshot shop
cp -a "$REPO" "$T/newer"
sed -i 's/"format": *1/"format": 2/' "$T/newer/drtool.json"
grep -q '"format": *2' "$T/newer/drtool.json" || fail "the test does not know the file: $(cat "$T/newer/drtool.json")"
DRTOOL_REPO=$T/newer refused 2 "2"

step "a newer manifest beside older ones"
cp -a "$REPO" "$T/mixed"
manifest=$(find "$T/mixed/snapshots" -name '*.json')
tail -n +2 "$manifest" | sed 's/"format": *1/"format": 7/' >"$T/body"
{
	printf '{"sha256":"%s",\n' "$(sha256sum <"$T/body" | cut -d' ' -f1)"
	cat "$T/body"
} >"$manifest"
run env DRTOOL_REPO="$T/mixed" "$DRTOOL" verify latest
[ "$STATUS" != 0 ] || fail "a manifest of format 7 was read"
grep -q 7 "$T/err" || fail "the format is not named: $(cat "$T/err")"

step "a damaged drtool.json"
for how in empty cut garbage; do
	rm -rf "$T/damaged" && cp -a "$REPO" "$T/damaged"
	case $how in
	empty) : >"$T/damaged/drtool.json" ;;
	cut) truncate -s 20 "$T/damaged/drtool.json" ;;
	garbage) head -c 300 /dev/urandom >"$T/damaged/drtool.json" ;;
	esac
	run env DRTOOL_REPO="$T/damaged" "$DRTOOL" list
	[ "$STATUS" = 6 ] || [ "$STATUS" = 2 ] || fail "$how: status $STATUS: $(cat "$T/err")"
	run env DRTOOL_REPO="$T/damaged" "$DRTOOL" snapshot dbname=shop
	[ "$STATUS" = 6 ] || [ "$STATUS" = 2 ] || fail "$how: status $STATUS: $(cat "$T/err")"
done

step "a file, and a place that cannot be"
expect 2 env DRTOOL_REPO=/etc/hostname "$DRTOOL" snapshot dbname=shop || true
run env DRTOOL_REPO=/proc/nowhere/repo "$DRTOOL" snapshot dbname=shop
[ "$STATUS" != 0 ] || fail "a repository in /proc"
error_says proc
no_leftovers
