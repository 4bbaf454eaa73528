#!/bin/bash
# Replacing, undoing and dropping databases whose names are long or strange: what is kept is found again, and nobody else's database is taken for it.
. "$(dirname "$0")/lib.sh"

server
sql postgres -c "CREATE DATABASE new" -c "CREATE DATABASE old"
sql new -c "CREATE TABLE t AS SELECT 'new' AS a"
sql old -c "CREATE TABLE t AS SELECT 'old' AS a"
long=$(printf 'l%.0s' $(seq 40))
long63=$(printf 'm%.0s' $(seq 63))
accents=$(printf 'é%.0s' $(seq 31))x # cut in the middle of a character, if cut by bytes
round() { # NAME
	local name=$1 quoted escaped conn id kept
	quoted="\"${name//\"/\"\"}\""
	escaped=${name//\\/\\\\}
	conn="dbname='${escaped//\'/\\\'}'"
	sql postgres -c "CREATE DATABASE $quoted TEMPLATE new"
	expect 0 drtool snapshot "$conn"
	id=$OUT
	sql postgres -c "DROP DATABASE $quoted" -c "CREATE DATABASE $quoted TEMPLATE old"
	expect 3 drtool restore "$id" --replace "$conn"
	error_says confirm
	expect 0 drtool restore "$id" --replace "$conn" --confirm="$name" --json
	kept=$(jq -r .kept <<<"$OUT")
	[ "$(sql "$conn" -c "SELECT a FROM t")" = new ] || fail "$name is not replaced"
	[ ${#kept} -le 63 ] || fail "kept as $kept"
	expect 0 drtool drop-old "$conn" --json
	[ "$(jq -r '[.[].name] | join("|")' <<<"$OUT")" = "$kept" ] || fail "not found again: $kept in $OUT"
	[ "$(jq -r '.[0].replaced_by' <<<"$OUT")" = "$id" ] || fail "$OUT"
	expect 0 drtool undo "$conn" --confirm="$name"
	[ "$(sql "$conn" -c "SELECT a FROM t")" = old ] || fail "$name is not what it was"
	expect 0 drtool undo "$conn" --confirm="$name"
	expect 0 drtool drop-old "$conn" --json
	kept=$(jq -r '.[0].name' <<<"$OUT")
	expect 0 drtool drop-old --confirm="$name" -- "$conn" "$kept"
	[ "$(sql "$conn" -c "SELECT a FROM t")" = new ] || fail "$name: the wrong one was dropped"
	sql postgres -c "DROP DATABASE $quoted"
}
for name in '..' 'a/b' "it's \"quoted\"" '%s %1$s' 'back\slash' '-o' ' blank ' 'Ünï' '../../outside' 'with.dot' $'new\nline' "$long" "$long63" "$accents"; do
	step "$name"
	round "$name"
done

step "databases whose long names begin alike do not take each other's"
one=${long63:1}1 two=${long63:1}2
for name in "$one" "$two"; do
	sql postgres -c "CREATE DATABASE $name TEMPLATE new"
	expect 0 drtool snapshot "dbname=$name"
	expect 0 drtool restore "$OUT" --replace "dbname=$name" --confirm="$name"
done
for name in "$one" "$two"; do
	expect 0 drtool drop-old "dbname=$name" --json
	[ "$(jq length <<<"$OUT")" = 1 ] || fail "$OUT"
done
expect 0 drtool drop-old "dbname=$one" --json
expect 2 drtool drop-old "dbname=$two" "$(jq -r '.[0].name' <<<"$OUT")" --confirm "$two"

step "without our comment the name tells, and another database of such a name is not ours"
sql postgres -c "CREATE DATABASE shop TEMPLATE new"
expect 0 drtool snapshot dbname=shop
expect 0 drtool restore "$OUT" --replace dbname=shop --confirm shop --json
kept=$(jq -r .kept <<<"$OUT")
sql postgres -c "COMMENT ON DATABASE $kept IS 'somebody wrote this'" -c "CREATE DATABASE shop__before_lunch TEMPLATE old" -c "CREATE DATABASE shop2__before_20200101_000000 TEMPLATE old"
expect 0 drtool drop-old dbname=shop --json
[ "$(jq -r '[.[].name] | join("|")' <<<"$OUT")" = "$kept" ] || fail "$OUT"
expect 2 drtool drop-old dbname=shop shop__before_lunch --confirm shop
expect 0 drtool undo dbname=shop --confirm shop
[ "$(sql postgres -c "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'shop'")" = "somebody wrote this" ] || fail "the comment was changed"

step "the maintenance database itself can be replaced"
sql postgres -c "CREATE TABLE t AS SELECT 'new' AS a"
expect 0 drtool snapshot dbname=postgres
id=$OUT
sql postgres -c "UPDATE t SET a = 'old'"
expect 0 drtool restore "$id" --replace dbname=postgres --confirm postgres
[ "$(sql postgres -c "SELECT a FROM t")" = new ] || fail "not replaced"
expect 0 drtool undo dbname=postgres --confirm postgres
[ "$(sql postgres -c "SELECT a FROM t")" = old ] || fail "not undone"
nothing_left
