#!/bin/sh
# Bring a snapshot back without drtool. Needs sh, coreutils, awk, zstd, jq, and PostgreSQL's psql and pg_restore, of the server's major version.
#
#     recover.sh REPO_DIR DATABASE ID|latest TARGET_CONNINFO
#     recover.sh REPO_DIR DATABASE ID|latest -        print the statements that make the roles, and end
#
# DATABASE is the name in the repository, TARGET_CONNINFO an existing, empty database. The format is described in
# storage/repository/FORMAT.md. Every byte is checked against its SHA-256 before it is used; the script ends at the first thing that is
# wrong, and the target is then to be dropped.
set -eu
LC_ALL=C
export LC_ALL
umask 077

say() {
	printf 'recover: %s\n' "$*" >&2
}

die() {
	say "$*"
	exit 1
}

[ $# -eq 4 ] || {
	sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
	exit 2
}
repo=$1 database=$2 id=$3 target=$4
for program in zstd jq psql pg_restore sha256sum awk od; do
	command -v "$program" >/dev/null || die "$program is needed and not found"
done
tmp=$(mktemp -d "${TMPDIR:-/tmp}/recover.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# A name as one path component: letters, digits, _ - and . stay (but a leading dot), other bytes become %XX.
encode() {
	[ -n "$1" ] || printf '%%'
	printf '%s' "$1" | od -An -v -tu1 | awk '
		{
			for (i = 1; i <= NF; i++) {
				c = sprintf("%c", $i + 0)
				if (c ~ /[A-Za-z0-9_-]/ || (c == "." && n > 0))
					printf "%s", c
				else
					printf "%%%02X", $i
				n++
			}
		}'
}

# A document's first line is the SHA-256 of all that follows it.
check_document() {
	want=$(sed -n '1s/^{"sha256":"\([0-9a-f]\{64\}\)",$/\1/p' "$1")
	have=$(tail -n +2 "$1" | sha256sum | cut -d ' ' -f 1)
	[ -n "$want" ] && [ "$want" = "$have" ] || die "$1: does not match the checksum in its first line"
	[ "$(jq .format "$1")" = 1 ] || die "$1: format $(jq .format "$1"), this script reads format 1"
}

# Make the plain bytes of a chunk $tmp/chunk, unless they are that already. What goes wrong is written to $tmp/failed, because
# the exit status of the left side of a pipe is lost.
fetch() {
	[ "$1" != "$fetched" ] || return 0
	fetched=
	path=$repo/chunks/$(printf '%.2s' "$1")/$1
	if [ ! -f "$path" ]; then
		echo "chunk $1: is missing" >"$tmp/failed"
	elif ! zstd -dcq <"$path" >"$tmp/chunk" 2>"$tmp/why"; then
		echo "chunk $1: cannot be read: $(tr '\n' ' ' <"$tmp/why")" >"$tmp/failed"
	elif [ "$(sha256sum <"$tmp/chunk" | cut -d ' ' -f 1)" != "$1" ]; then
		echo "chunk $1: its bytes are not those its name stands for" >"$tmp/failed"
	else
		size=$(wc -c <"$tmp/chunk")
		fetched=$1
	fi
	[ -n "$fetched" ]
}
fetched=

# piece NAME OFFSET LENGTH: these bytes of a chunk.
piece() {
	fetch "$1" || return 1
	if [ "$size" -lt $(($2 + $3)) ]; then
		echo "chunk $1: shorter than the piece that is asked of it" >"$tmp/failed"
		return 1
	fi
	dd if="$tmp/chunk" bs=65536 iflag=skip_bytes,count_bytes skip="$2" count="$3" status=none
}

check_failed() {
	[ ! -s "$tmp/failed" ] || die "$(cat "$tmp/failed")"
}

# The stream that a member of the manifest names.
stream() {
	jq -r ".$1[] | @tsv" "$manifest" >"$tmp/pieces"
	while read -r name _ offset length; do
		piece "$name" "$offset" "$length" || break
	done <"$tmp/pieces"
}

# Text that is not UTF-8 stands as {"hex":"..."}; jq can only pass it on between \002 and \003, and here it becomes bytes.
unhex() {
	awk '
		BEGIN { for (i = 0; i < 256; i++) byte[sprintf("%02x", i)] = sprintf("%c", i) }
		{
			line = $0
			while (match(line, /\002[0-9a-f]*\003/)) {
				printf "%s", substr(line, 1, RSTART - 1)
				for (i = RSTART + 1; i < RSTART + RLENGTH - 1; i += 2)
					printf "%s", byte[substr(line, i, 2)]
				line = substr(line, RSTART + RLENGTH)
			}
			print line
		}'
}

# Shared by the jq programs: text as it is, as an SQL literal, as an SQL identifier; the statements of an ACL.
sql='
	def text: if type == "object" then "\u0002" + .hex + "\u0003" else . end;
	def double(pair; char):
		if type == "object" then {hex: ([.hex | scan("..") | if . == pair then pair + pair else . end] | add // "")}
		else split(char) | join(char + char) end;
	def literal: "E" + "\u0027" + (double("27"; "\u0027") | double("5c"; "\\") | text) + "\u0027";
	def ident: "\"" + (double("22"; "\"") | text) + "\"";
	def acl(object; owner):
		"REVOKE ALL ON " + object + " FROM PUBLIC" + owner + ";\n" +
		"SELECT pg_catalog.format(\u0027GRANT %s ON \u0027 || " + (object | literal) + " || \u0027 TO %s%s\u0027, privilege_type," +
		" CASE WHEN grantee = 0 THEN \u0027PUBLIC\u0027 ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(grantee)) END," +
		" CASE WHEN is_grantable THEN \u0027 WITH GRANT OPTION\u0027 ELSE \u0027\u0027 END)" +
		" FROM pg_catalog.aclexplode(NULLIF(" + literal + ", \u0027{}\u0027)::pg_catalog.aclitem[]) \\gexec\n";
'

# The manifest.

dir=$repo/snapshots/$(encode "$database")
[ -f "$repo/drtool.json" ] || die "$repo is not a repository: it has no drtool.json"
check_document "$repo/drtool.json"
if [ "$id" = latest ]; then
	manifest=
	for file in "$dir"/*.json; do
		[ ! -f "$file" ] || manifest=$file
	done
	[ -n "$manifest" ] || die "the repository holds no snapshot of $database"
else
	manifest=$dir/$id.json
fi
[ -f "$manifest" ] || die "there is no $manifest"
check_document "$manifest"
id=$(jq -r .id "$manifest")
[ "$dir/$id.json" = "$manifest" ] || die "$manifest is the manifest of another snapshot, $id"

if [ "$target" = - ]; then
	# What the server said stays SQL: nothing in it can command psql.
	key=
	if psql --help=commands | grep -q ' \\restrict '; then
		key=$(od -An -N 16 -tx1 /dev/urandom | tr -d ' \n')
	fi
	[ -z "$key" ] || printf '\\restrict %s\n' "$key"
	stream globals
	[ -z "$key" ] || printf '\\unrestrict %s\n' "$key"
	check_failed
	exit 0
fi

# Everything is told the way it was read: see pg_dump's own settings.
PGCLIENTENCODING=UTF8
[ "$(jq -r .server_encoding "$manifest")" != SQL_ASCII ] || PGCLIENTENCODING=SQL_ASCII # names are bytes there
PGOPTIONS="${PGOPTIONS:-} -c client_min_messages=warning -c row_security=off -c DateStyle=ISO -c IntervalStyle=postgres"
PGOPTIONS="$PGOPTIONS -c TimeZone=$(jq -r .timezone "$manifest") -c lc_monetary=$(jq -r .lc_monetary "$manifest")"
PGOPTIONS="$PGOPTIONS -c xmloption=content -c check_function_bodies=off -c statement_timeout=0 -c lock_timeout=0"
PGOPTIONS="$PGOPTIONS -c idle_in_transaction_session_timeout=0"
PGOPTIONS="$PGOPTIONS -c synchronous_commit=off"
export PGCLIENTENCODING PGOPTIONS

run_sql() {
	psql -X -q -v ON_ERROR_STOP=1 -d "$target" "$@" >"$tmp/out" || die "psql failed: $*"
}

value() {
	psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$target" -c "$1" || die "psql failed: $1"
}

# The target must be empty, and the roles must be there.

say "snapshot $id of $database into $(value 'SELECT pg_catalog.current_database()')"
objects=$(value "SELECT pg_catalog.count(*) FROM (
	SELECT oid FROM pg_catalog.pg_class UNION ALL SELECT oid FROM pg_catalog.pg_proc UNION ALL SELECT oid FROM pg_catalog.pg_type
	UNION ALL SELECT oid FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_'
	UNION ALL SELECT oid FROM pg_catalog.pg_largeobject_metadata) o WHERE oid >= 16384")
[ "$objects" = 0 ] || die "the target is not empty: it has $objects objects of its own"

stream contents >"$tmp/contents"
check_failed
jq -r "$sql"'select(.kind == "role") | .text | literal | "SELECT " + . + " WHERE pg_catalog.to_regrole(pg_catalog.quote_ident(" + . + ")) IS NULL;"' \
	"$tmp/contents" | unhex >"$tmp/sql"
missing=$(psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$target" -f "$tmp/sql") || die "could not look for the roles"
[ -z "$missing" ] || die "these roles are missing on the target: $(printf '%s' "$missing" | tr '\n' ' '); with - as the target, this script prints the statements that make them"

# Definitions.

stream schema >"$tmp/schema"
check_failed

# pg_restore 17 and newer set a parameter that older servers do not have, in the first lines of what they print.
section() {
	say "$1"
	pg_restore --section="$1" -f - "$tmp/schema" >"$tmp/section" || die "pg_restore failed"
	if [ "$(value "SELECT pg_catalog.current_setting('server_version_num')::int < 170000")" = t ]; then
		sed '1,30s/^SET transaction_timeout = 0;$//' "$tmp/section" >"$tmp/sql"
	else
		mv "$tmp/section" "$tmp/sql"
	fi
	run_sql -f "$tmp/sql"
}
section pre-data

# Large objects are made first, their bytes come as a table.

encoding=$(jq -r .server_encoding "$manifest")
jq -r "$sql"'
	select(.kind == "large_object") | "LARGE OBJECT \(.oid)" as $object |
	"SELECT pg_catalog.lo_create(\(.oid));",
	"ALTER " + $object + " OWNER TO " + (.owner | ident) + ";",
	(", " + (.owner | ident)) as $owner | (.acl | values | acl($object; $owner)),
	(.comment | values | "COMMENT ON " + $object + " IS " + literal + ";"),
	(.labels | values | text)
' "$tmp/contents" | unhex >"$tmp/sql"
[ ! -s "$tmp/sql" ] || run_sql -f "$tmp/sql"

# All tables go through one psql, in the order of their chunks: small ones share them, and each is decoded once. Configuration tables of extensions
# go first, in the order they are listed in: they have foreign keys, and the extensions' code may need their rows. The plan is a line per
# table, "T kind rows statement", the statement in escapes of printf's %b, then "P name stored offset length" for each of its pieces. A table
# of another tablespace, a partition and so on needs nothing here; rows that a hash partition by enum must receive through the root say so.
say data
jq -r --arg encoding "$encoding" '
	def digit: if . > 96 then . - 87 else . - 48 end;
	def octal: explode | map(digit) | .[0] * 16 + .[1] | "\\0\(. / 64 | floor)\(. / 8 | floor % 8)\(. % 8)";
	def escaped(char; name): split(char) | join("\\" + name);
	def escaped:
		if type == "object" then [.hex | scan("..") | octal] | add // ""
		else escaped("\\"; "\\") | escaped("\n"; "n") | escaped("\t"; "t") | escaped("\r"; "r") end;
	if .kind == "table" then
		(if .table_kind == "large_objects" then "pg_temp.drtool_pages"
		else (.load_root // .qualified | escaped) + " " + (.columns | escaped) end) as $into |
		["T", if .data == "data" then .table_kind else "excluded" end, "\(.rows)",
			"COPY \($into) FROM STDIN WITH (ENCODING \u0027\($encoding)\u0027)"]
	elif .kind == "pieces" then
		.pieces[] | ["P"] + map(tostring)
	else empty end | join("\t")
' "$tmp/contents" | awk -F '\t' -v OFS='\t' '
	$1 == "T" && $2 == "excluded" { print "-", ++n, 0, $0 }
	$1 == "T" { table = $0; next }
	$1 == "P" && table != "" { first = table ~ /^T\tconfig\t/ ? "+" : $2; print first, ++n, 0, table; table = "" }
	{ print first, n, ++i, $0 }
' | sort -t "$(printf '\t')" -s -k 1,1 -k 2,2n -k 3,3n >"$tmp/plan"

pages='CREATE TEMPORARY TABLE drtool_pages (oid oid, page_offset bigint, bytes bytea);'
put='SELECT pg_catalog.count(pg_catalog.lo_put(oid, page_offset, bytes)::text) FROM pg_temp.drtool_pages;'
script() {
	after=
	while read -r _ _ _ type kind rows statement; do
		case $type/$kind in
		T/excluded)
			say "no rows in the snapshot: $(printf '%b' "$statement")"
			;;
		T/*)
			printf '%b' "$after"
			after='\\.\n'
			if [ "$kind" = large_objects ]; then
				printf '%s\n' "$pages"
				after="$after$put\n"
			fi
			printf '%b;\n' "$statement"
			printf '%s\t%s\n' "$rows" "$statement" >&3
			;;
		P/*)
			# name stored offset length
			piece "$kind" "${statement%%	*}" "${statement#*	}" || return 1
			;;
		esac
	done <"$tmp/plan" 3>"$tmp/expected"
	printf '%b' "$after"
}
script | psql -X -A -t -v ON_ERROR_STOP=1 -d "$target" >"$tmp/out" || die "loading the rows failed"
check_failed
sed -n 's/^COPY \([0-9][0-9]*\)$/\1/p' "$tmp/out" | paste - "$tmp/expected" | awk -F '\t' '
	$1 != $2 { print $3 ": " $2 " rows are in the snapshot, the server says " $1 + 0; exit }
' >"$tmp/failed"
check_failed

say sequences
jq -r "$sql"'
	select(.kind == "sequence") |
	"SELECT pg_catalog.setval(" + (.qualified | literal) + "::pg_catalog.regclass, " + .last_value + ", \(.is_called));"
' "$tmp/contents" | unhex >"$tmp/sql"
run_sql -f "$tmp/sql"

section post-data

say "materialized views, settings"
# One may read another through a function, which no catalogue tells: all again, as long as a round leaves fewer errors behind.
jq -r "$sql"'
	select(.kind == "matview" and .populated) | "REFRESH MATERIALIZED VIEW " + (.qualified | text) + ";"
' "$tmp/contents" | unhex >"$tmp/sql"
before=-1
while :; do
	PGOPTIONS="${PGOPTIONS-} -c search_path=" psql -X -q -d "$target" -f "$tmp/sql" >/dev/null 2>"$tmp/error" || die "$(cat "$tmp/error")"
	errors=$(grep -c 'ERROR:' "$tmp/error") || true
	[ "$errors" != 0 ] || break
	[ "$before" = -1 ] || [ "$errors" -lt "$before" ] || die "materialized views are not refreshed: $(cat "$tmp/error")"
	before=$errors
done

name=$(value 'SELECT pg_catalog.quote_ident(pg_catalog.current_database())')
jq -r --arg name "$name" "$sql"'
	if .kind == "database" then
		(.comment | values | "COMMENT ON DATABASE " + $name + " IS " + literal + ";"),
		(.acl | values | acl("DATABASE " + $name; ""))
	elif .kind == "setting" then
		(.text | text | split("%1$s") | .[0] + $name + (.[1:] | join("%1$s")) + ";")
	else empty end
' "$tmp/contents" | unhex >"$tmp/sql"
run_sql -f "$tmp/sql"
say "done; ANALYZE it before use"
