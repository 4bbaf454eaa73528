#!/bin/bash
# A directory that is no repository, a file, one that cannot be read or written, one of a newer format, a newer manifest: refused by name
# before anything is written.
. "$(dirname "$0")/lib.sh"

server
shop shop 1
contents() { find "$1" -printf '%P %s %T@\n' | LC_ALL=C sort; }
everywhere=("list" "show latest" "verify latest" "restore latest --into dbname=never" "cat latest" "snapshot dbname=shop")
readers=("${everywhere[@]:0:5}")
untouched() { # REPOSITORY STATUS WORD COMMAND...: each fails, names what is wrong and writes nothing
	local repo=$1 status=$2 word=$3 command
	shift 3
	contents "$repo" >"$T/before"
	for command in "$@"; do
		# shellcheck disable=SC2086
		fails "$status" "$word" -- drtool $command --repo "$repo"
		contents "$repo" | diff "$T/before" - || fail "something was written by: $command"
	done
	absent never
}
signed() { # FILE SED: edit what its checksum covers, and make the checksum right again
	tail -n +2 "$1" | sed "$2" >"$T/body"
	{
		printf '{"sha256":"%s",\n' "$(sha256sum <"$T/body" | cut -d' ' -f1)"
		cat "$T/body"
	} >"$T/signed"
	! cmp -s "$1" "$T/signed" || fail "the test changed nothing in $1"
	cat "$T/signed" >"$1"
}

step "a directory with other things in it"
mkdir "$T/photos" && echo x >"$T/photos/cat.jpg"
untouched "$T/photos" 2 photos "${readers[@]}"
untouched "$T/photos" 3 photos "snapshot dbname=shop" "init --config $T/photos.yml"

step "a missing directory is made by init and snapshot only"
for command in "${readers[@]}"; do
	# shellcheck disable=SC2086
	fails 2 "$T/missing" -- drtool $command --repo "$T/missing"
	[ ! -e "$T/missing" ] || fail "$command made a directory"
done

step "a file, and a place that cannot be"
echo x >"$T/file"
untouched "$T/file" 2 "$T/file" "${everywhere[@]}"
fails 1 /proc/nowhere -- drtool snapshot dbname=shop --repo /proc/nowhere/repo

step "a newer format"
snapshot shop
cp -a "$REPO" "$T/newer"
signed "$T/newer/drtool.json" 's/"format": *1/"format":2/'
untouched "$T/newer" 2 "format 2" "${everywhere[@]}"

step "a manifest of a newer format beside an older one"
cp -a "$REPO" "$T/mixed"
old=$ID
expect 0 drtool snapshot dbname=shop --repo "$T/mixed"
newer=$OUT
signed "$T/mixed/snapshots/shop/$newer.json" 's/"format": *1/"format":7/'
for command in "show $newer" "verify $newer" "restore $newer --into dbname=never" "cat $newer"; do
	untouched "$T/mixed" 2 "format 7" "$command"
done
run drtool list --repo "$T/mixed"
[ "$STATUS" = 6 ] || fail "list: status $STATUS"
grep -q "$old" <<<"$OUT" || fail "the older one is not listed: $OUT"
! grep -q "$newer" <<<"$OUT" || fail "a manifest nobody can read is listed"
grep -q "$newer.*format 7" "$T/err" || fail "the newer one is not named: $(cat "$T/err")"
expect 0 drtool cat "$old" --repo "$T/mixed"

step "a damaged drtool.json"
for how in empty cut garbage; do
	rm -rf "$T/damaged" && cp -a "$REPO" "$T/damaged"
	case $how in
	empty) : >"$T/damaged/drtool.json" ;;
	cut) truncate -s 20 "$T/damaged/drtool.json" ;;
	garbage) head -c 300 /dev/urandom >"$T/damaged/drtool.json" ;;
	esac
	untouched "$T/damaged" 6 drtool.json "${everywhere[@]}"
	grep -q "^hint:.*of any other repository" "$T/err" || fail "$(cat "$T/err")"
done

step "drtool.json is gone: the snapshots are not, and that of any other repository brings them back"
cp -a "$REPO" "$T/lost"
rm "$T/lost/drtool.json"
untouched "$T/lost" 6 "drtool.json is missing" "${everywhere[@]}" "init --config $T/lost.yml"
grep -q "^hint:.*of any other repository" "$T/err" || fail "$(cat "$T/err")"
expect 0 drtool init --repo "$T/other" --config "$T/other.yml"
cp "$T/other/drtool.json" "$T/lost/"
expect 0 drtool verify latest --repo "$T/lost"
expect 0 drtool snapshot dbname=shop --repo "$T/lost"

step "doctor tells a newest snapshot that cannot be read from none"
cp -a "$REPO" "$T/unread"
truncate -s 100 "$T/unread/snapshots/shop/$ID.json"
expect 1 drtool doctor dbname=shop --repo "$T/unread"
grep -q "^fail *newest snapshot: load snapshot \"shop/$ID\"" <<<"$OUT" || fail "$OUT"

step "a directory this user may not read, or not write"
if [ "$(id -u)" = 0 ]; then
	as_user() { setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"; }
else
	as_user() { "$@"; }
fi
cp -a "$REPO" "$T/locked"
[ "$(id -u)" != 0 ] || chown -R nobody "$T/locked"
install -D -m 755 "$DRTOOL" "$T/bin/drtool" # where everybody may run it
chmod 0 "$T/locked"
for command in "${everywhere[@]}"; do
	# shellcheck disable=SC2086
	fails 1 "Permission denied" -- as_user "$T/bin/drtool" $command --repo "$T/locked"
done
chmod -R a-w,a+rX "$T/locked"
fails 1 "Permission denied" -- as_user "$T/bin/drtool" snapshot dbname=shop --repo "$T/locked"
expect 0 as_user "$T/bin/drtool" list --repo "$T/locked"
grep -q "$old" <<<"$OUT" || fail "what may be read is not listed: $OUT"

step "whose repository it is decides, not who runs drtool: the owner is named, and what root writes is the owner's"
if [ "$(id -u)" = 0 ]; then
	as_other() { setpriv --reuid=games --regid=games --clear-groups "$@"; }
	chmod -R u+w "$T/locked"
	chmod -R go= "$T/locked"
	for command in list "snapshot dbname=shop"; do
		# shellcheck disable=SC2086
		fails 1 "Permission denied" -- as_other "$T/bin/drtool" $command --repo "$T/locked"
		grep -q '^hint:.*sudo -u nobody' "$T/err" || fail "the owner is not named: $(cat "$T/err")"
	done
	sql shop -c "UPDATE users SET full_name = full_name || '!'"
	expect 0 drtool snapshot dbname=shop --repo "$T/locked" --verify
	newest=$OUT
	[ -z "$(find "$T/locked" ! -user nobody)" ] || fail "not the owner's: $(find "$T/locked" ! -user nobody | head -3)"
	expect 0 as_user "$T/bin/drtool" cat "$newest" --repo "$T/locked"
	expect 0 as_user "$T/bin/drtool" snapshot "dbname=shop" --repo "$T/locked"
fi
nothing_left
