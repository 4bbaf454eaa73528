# tests/e2e/lib.sh - sourced by the scripts in tests/e2e, tests/live and tests/fault
#
# Gives: $DRTOOL the program, $T a private directory (readable by the server's user), $REPO a repository path in it, server, database and comparison helpers.
# With DRTOOL_TEST_STORE=s3 $REPO is a prefix of its own in a bucket of the gateway at $DRTOOL_TEST_S3_DIR, or of one started for this script.
# Everything started here is stopped and everything below $T is removed when the script ends, however it ends.
# shellcheck shell=bash disable=SC2034
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
DRTOOL=$(readlink -m "${DRTOOL:-$ROOT/build/drtool}")
[ -x "$DRTOOL" ] || {
	echo "no drtool at $DRTOOL: build it, or set DRTOOL"
	exit 1
}
# Databases made and dropped are files made and removed by the thousand: in memory where there is plenty that runs programs, else on disk.
work_dir() {
	local memory options
	memory=$(awk '/^MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)
	options=$(findmnt -n -o OPTIONS /dev/shm 2>/dev/null) || options=noexec
	[[ ,$options, != *,noexec,* ]] && [ "${memory:-0}" -ge 8 ] && [ "$(df --output=avail -BG /dev/shm | tr -dc 0-9)" -ge 6 ] && echo /dev/shm || echo /tmp
}
WORK_DIR=${DRTOOL_TEST_DIR:-$(work_dir)}
T=$(mktemp -d "$WORK_DIR/drtool-t-XXXXXX")
chmod 755 "$T"
REPO=$T/repo
export TMPDIR=$T DRTOOL_REPO=$REPO DRTOOL_SCRATCH_DIR=$T/scratch
unset DATABASE_URL PGSERVICE PGOPTIONS PGTZ PGPASSWORD "${!DRTOOL_CONFIG@}" "${!AWS_@}"
export HOME=$T # no .pgpass, .aws or drtool.yml of the person who runs this
export AWS_EC2_METADATA_DISABLED=true
cd "$T"
clusters=()
gateways=()
shared_prefix="" # of the store that other scripts use, too
background=()

# Numbers of processes come round within minutes: is it still one that this script has started?
started_here() { # PID
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	[ "$(cut -d' ' -f2 <<<"${stat##*) }")" = $$ ] || grep -qszxF "TMPDIR=$T" "/proc/$1/environ"
}

cleanup() {
	local status=$? pid dir
	set +e
	for pid in ${background[@]+"${background[@]}"}; do
		! started_here "$pid" || kill -KILL "$pid" 2>/dev/null
	done
	[ $status = 0 ] || [ $status = 77 ] || show_server_log
	for dir in ${clusters[@]+"${clusters[@]}"}; do
		"$ROOT/scripts/pg-cluster" stop "$dir"
	done
	[ -z "$shared_prefix" ] || s3_client empty "$shared_prefix"
	for dir in ${gateways[@]+"${gateways[@]}"}; do
		"$ROOT/scripts/s3-server" stop "$dir" --purge
	done
	remove_extension
	for dir in "$T"/mnt*; do
		mountpoint -q "$dir" && umount -l "$dir"
	done
	rm -rf "$T"
	exit $status
}
trap cleanup EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

show_server_log() {
	local dir
	for dir in ${clusters[@]+"${clusters[@]}"}; do
		[ -e "$dir/server.log" ] || continue
		echo "--- the end of $dir/server.log"
		grep -vE 'checkpoint|LOG:  (listening|database system)' "$dir/server.log" | tail -n 15
	done
}

step() { echo "== $* ($SECONDS s)"; }

fail() {
	echo "FAIL ${BASH_SOURCE[1]##*/}:${BASH_LINENO[0]}: $*"
	exit 1
}

skip() {
	echo "SKIP $*"
	exit 77
}

# --- servers -------------------------------------------------------------------------------------------------------------------------
server() { # [pg-cluster options]: start one, make it the current one
	local dir template=()
	# A second one of a script is made anew: it must not pass for the first.
	[ -z "${DRTOOL_TEST_TEMPLATE-}" ] || [ ${#clusters[@]} -gt 0 ] || template=(--template "$DRTOOL_TEST_TEMPLATE")
	dir=$(mktemp -d "$WORK_DIR/drtool-s-XXXXXX")
	clusters+=("$dir")
	"$ROOT/scripts/pg-cluster" start "$dir" --owner $$ ${template[@]+"${template[@]}"} "$@" >"$T/server.env" || fail "no server"
	# shellcheck disable=SC1091
	. "$T/server.env"
	SERVER=$dir
	PATH=$PG_CLUSTER_BIN:$PATH
	mkdir "$dir/space"
	[ "$(id -u)" != 0 ] || chown postgres: "$dir/space"
}

standby() { # a standby of the current server, at "host=$STANDBY port=$STANDBY_PORT"
	STANDBY=$(mktemp -d "$WORK_DIR/drtool-s-XXXXXX")
	STANDBY_PORT=$((PGPORT + 1))
	chmod 755 "$STANDBY"
	[ "$(id -u)" != 0 ] || chown postgres: "$STANDBY"
	clusters+=("$STANDBY")
	cp "$SERVER/bindir" "$STANDBY/"
	as_postgres "$PG_CLUSTER_BIN/pg_basebackup" -h "$PGHOST" -p "$PGPORT" -U postgres -D "$STANDBY/data" -R -c fast
	printf "%s\n" "port = $STANDBY_PORT" "unix_socket_directories = '$STANDBY'" >>"$STANDBY/data/postgresql.auto.conf"
	"$ROOT/scripts/pg-cluster" restart "$STANDBY"
	wait_for 20 sql postgres -h "$STANDBY" -p "$STANDBY_PORT" -c "SELECT 1" >/dev/null || fail "the standby does not answer"
}

as_postgres() { # run a program of the server's as its user
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid=postgres --regid=postgres --init-groups env -C / "$@"
	else
		"$@"
	fi
}

sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$1" "${@:2}"; } # DB [psql options]

worst() { # DB: the worst database of this server's version
	createdb "$1"
	sql "$1" -v dir="$SERVER/space" -f "$ROOT/tests/data/worst.sql" -f "$ROOT/tests/data/worst-17.sql" >/dev/null
}

shop() { # DB [scale]: a small shop
	createdb "$1"
	sql "$1" -v scale="${2:-1}" -f "$ROOT/tests/data/shop.sql"
}

drop_kept() { # what swaps have put aside of the database "shop"
	local name
	expect 0 drtool drop-old dbname=shop --json
	for name in $(jq -r '.[] | select(.kind == "kept") | .name' <<<"$OUT"); do
		expect 0 drtool drop-old dbname=shop "$name" --confirm shop
	done
}

# --- the repository, wherever it is: paths are relative to it, "locks/x" ------------------------------------------------------------------
is_s3() { [ "${DRTOOL_TEST_STORE-local}" = s3 ]; }
s3_client() { "$ROOT/tests/s3/client" "$@"; }

# shellcheck disable=SC2120 # options are given in tests/s3
gateway() { # [s3-server options]: a store of this script's own; AWS_... and S3_BUCKET say where
	local dir status=0
	dir=$(mktemp -d "$WORK_DIR/drtool-g-XXXXXX")
	gateways+=("$dir")
	"$ROOT/scripts/s3-server" start "$dir" --owner $$ "$@" >"$T/gateway.env" 2>"$T/gateway.err" || status=$?
	if [ $status = 77 ]; then
		gateways=()
		rm -rf "$dir"
		skip "$(cat "$T/gateway.err"): no S3 store to test with"
	fi
	[ $status = 0 ] || fail "no gateway: $(cat "$T/gateway.err")"
	# shellcheck disable=SC1091
	. "$T/gateway.env"
}

use_s3() {
	if [ -n "${DRTOOL_TEST_S3_DIR-}" ]; then
		[ -e "$DRTOOL_TEST_S3_DIR/env" ] || skip "there is no S3 store at $DRTOOL_TEST_S3_DIR: Ceph is not installed, or it did not start"
		# shellcheck disable=SC1091
		. "$DRTOOL_TEST_S3_DIR/env"
		shared_prefix=$S3_BUCKET/${T##*/}/
	else
		gateway
	fi
	REPO=s3://$S3_BUCKET/${T##*/}
	export DRTOOL_REPO=$REPO
}

local_only() { ! is_s3 || skip "$*"; } # WHY

repo_list() { # [DIR]: "SIZE PATH" of every object below it
	local dir=${1-}
	if [[ $REPO = s3://* ]]; then
		s3_client list "${REPO#s3://}/${dir:+$dir/}" | awk -v cut=$((${#REPO} - ${#S3_BUCKET} - 6)) '{ size = $1; sub(/^[0-9]* /, ""); print size, substr($0, cut + 2) }'
	elif [ -d "$REPO/$dir" ]; then
		find "$REPO/$dir" -type f -printf "%s ${dir:+$dir/}%P\n" | LC_ALL=C sort -k 2
	fi
}
repo_files() { repo_list "${1-}" | cut -d' ' -f2-; } # [DIR]
repo_count() { repo_files "$1" | wc -l; }            # DIR

repo_cat() { # PATH
	if [[ $REPO = s3://* ]]; then s3_client get "${REPO#s3://}/$1"; else cat "$REPO/$1"; fi
}
repo_put() { # PATH: from standard input
	if [[ $REPO = s3://* ]]; then s3_client put "${REPO#s3://}/$1"; else cat >"$REPO/$1"; fi
}
repo_remove() { # PATH
	if [[ $REPO = s3://* ]]; then s3_client remove "${REPO#s3://}/$1"; else rm "$REPO/$1"; fi
}

# Make $COPY a directory with the repository as it is now: the repository itself, or everything that is in the bucket.
repo_copy() {
	COPY=$REPO
	[[ $REPO = s3://* ]] || return 0
	COPY=$T/copy
	rm -rf "$COPY"
	s3_client copy "${REPO#s3://}/" "$COPY"
}

# --- drtool --------------------------------------------------------------------------------------------------------------------------
# Run a command: its stdout in $OUT, stderr in $T/err, exit status in $STATUS; never ends the script.
run() {
	STATUS=0
	OUT=$("$@" 2>"$T/err") || STATUS=$?
}

drtool() { "$DRTOOL" "$@"; }

# expect STATUS command...: run it and insist on its exit status.
expect() {
	local wanted=$1
	shift
	run "$@"
	no_sanitizer "$T/err"
	[ "$STATUS" = "$wanted" ] || {
		echo "--- stdout:" && head -c 3000 <<<"$OUT"
		echo "--- stderr:" && tail -c 3000 "$T/err"
		fail "exit status $STATUS instead of $wanted: $*"
	}
}

# error_says WORD...: the last command left one error line that contains all the words, and a hint.
error_says() {
	local line word
	line=$(grep -a '^drtool: ' "$T/err" || true)
	[ -n "$line" ] || fail "no error line: $(cat "$T/err")"
	[ "$(wc -l <<<"$line")" = 1 ] || fail "not one error line: $(cat "$T/err")"
	for word in "$@"; do
		grep -qiF -- "$word" <<<"$line" || fail "\"$word\" is not in the error: $(cat "$T/err")"
	done
	grep -q '^hint: .' "$T/err" || fail "no hint: $(cat "$T/err")"
	no_sanitizer "$T/err"
}

no_sanitizer() { ! grep -qE 'Sanitizer|runtime error:' "$1" || fail "a sanitizer complains: $(cat "$1")"; } # FILE

is_instrumented() { [[ $(ldd "$DRTOOL") =~ lib(asan|tsan|ubsan) ]]; }

snapshot() { # DB [options]: prints the id
	expect 0 drtool snapshot "dbname=$1" "${@:2}"
	grep -qE '^[0-9]{8}-[0-9]{6}-[a-z0-9]{6}$' <<<"$OUT" || fail "not an id: $OUT"
	ID=$OUT
}

verify_ok() { expect 0 drtool verify "$1"; } # ID

# The worst database has one fault of its own, an invalid index; that and nothing else must be reported.
verify_worst() { # ID
	expect 6 drtool verify "$1" --json
	[ "$(jq -r '.outcome + ": " + ([.differences[].object] | join(", "))' <<<"$OUT")" = "source faults: INDEX r.invalid_index" ] || fail "the proof: $(jq -c '[.outcome, .differences]' <<<"$OUT")"
}

show_json() { drtool show "$1" --json 2>"$T/err"; } # ID

new_bytes() { show_json "$1" | jq .stored_new_bytes; } # ID: bytes this snapshot added to the repository

listed() { drtool list --json 2>/dev/null | jq -r '.[].id'; } # ids, one a line

# --- comparisons ---------------------------------------------------------------------------------------------------------------------
dump() { # DB: what pg_dump says, under the settings drtool promises to use
	PGTZ=UTC PGOPTIONS='-c bytea_output=hex -c lc_monetary=C' pg_dump -d "$1"
}

same_dumps() { # FILE FILE
	"$ROOT/tests/data/normalise" "$1" "$2" >"$T/differences" || {
		head -c 6000 "$T/differences"
		fail "$1 and $2 differ"
	}
}

# cat prints what pg_dump prints, in its order; the two settings in front say under which the rows were written.
same_as_cat() { # FILE CAT-FILE
	sed -i "/^SET TimeZone = 'UTC';$/d; /^SET lc_monetary = 'C';$/d" "$2"
	"$ROOT/tests/data/normalise" --ordered "$1" "$2" >"$T/differences" || {
		head -c 6000 "$T/differences"
		fail "$1 and $2 differ"
	}
}

same_databases() { # DB DB
	dump "$1" >"$T/dump-1.sql"
	dump "$2" >"$T/dump-2.sql"
	same_dumps "$T/dump-1.sql" "$T/dump-2.sql"
}

# --- an extension of our own, with a configuration table; made only where the server's directory can be written -------------------------
install_extension() {
	local dir
	dir=$("$PG_CLUSTER_BIN/pg_config" --sharedir 2>/dev/null || true)
	[ -d "$dir/extension" ] || dir=${PG_CLUSTER_BIN%/lib/postgresql/*}/share/postgresql/$(basename "${PG_CLUSTER_BIN%/bin}")
	EXTENSION_DIR=$dir/extension
	[ -w "$EXTENSION_DIR" ] || skip "$EXTENSION_DIR cannot be written: no extension of our own"
	EXTENSION=drtool_t$$
	echo "default_version = '1.0'" >"$EXTENSION_DIR/$EXTENSION.control"
	cat >"$EXTENSION_DIR/$EXTENSION--1.0.sql" <<-'SQL'
		CREATE TABLE settings (name text PRIMARY KEY, value text, builtin bool DEFAULT false);
		INSERT INTO settings VALUES ('shipped', 'with the extension', true), ('also', 'shipped', true);
		SELECT pg_catalog.pg_extension_config_dump('settings', 'WHERE NOT builtin');
		CREATE TABLE whole (id serial, what text);
		SELECT pg_catalog.pg_extension_config_dump('whole', '');
		SELECT pg_catalog.pg_extension_config_dump('whole_id_seq', '');
		GRANT SELECT ON whole TO PUBLIC;
		GRANT UPDATE ON SEQUENCE whole_id_seq TO PUBLIC;
		CREATE TABLE private (a int);
		CREATE TYPE mood AS ENUM ('glad', 'sad');
		CREATE TYPE pair AS (a int, b mood);
		CREATE TYPE spans AS RANGE (subtype = int);
		CREATE VIEW seen AS SELECT * FROM settings;
		CREATE FUNCTION answer() RETURNS int LANGUAGE sql AS 'SELECT 42';
		CREATE TABLE z_kinds (kind text PRIMARY KEY, says text);
		CREATE TABLE m_parts (kind text PRIMARY KEY REFERENCES z_kinds);
		CREATE TABLE a_things (kind text REFERENCES z_kinds, part text REFERENCES m_parts);
		SELECT pg_catalog.pg_extension_config_dump('a_things', '');
		SELECT pg_catalog.pg_extension_config_dump('m_parts', '');
		SELECT pg_catalog.pg_extension_config_dump('z_kinds', '');
		CREATE FUNCTION says(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
			RETURN COALESCE((SELECT says FROM @extschema@.z_kinds WHERE kind = $1), 'nothing'); END $$;
		CREATE FUNCTION guard() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
			IF EXISTS (SELECT FROM @extschema@.whole WHERE what = 'guarded') THEN RAISE EXCEPTION 'guarded: %', tg_tag; END IF; END $$;
		CREATE EVENT TRIGGER drtool_t_guard ON ddl_command_end WHEN TAG IN ('ALTER TABLE', 'CREATE INDEX', 'CREATE TRIGGER') EXECUTE FUNCTION guard();
	SQL
}

# Another one, $EXTENSION_tied, whose library is preloaded from now on: it can be made only in database "tied", which its setting names, and asks
# for no worker, but could. The few declarations are PostgreSQL's own, of 15 to 17; its headers need not be installed.
tied_extension() {
	local name=${EXTENSION}_tied version
	LIBRARY_DIR=$("$PG_CLUSTER_BIN/pg_config" --pkglibdir 2>/dev/null) || return 1
	version=$(sql postgres -c "SHOW server_version_num")
	[ -w "$LIBRARY_DIR" ] && [ "$version" -lt 180000 ] || return 1
	cat >"$T/tied.c" <<-C
		struct magic { int len, version, funcmaxargs, indexmaxkeys, namedatalen, float8byval; char abi_extra[32]; };
		static const struct magic magic = { sizeof(magic), $((version / 100)), 100, 32, 64, sizeof(void *) == 8, "PostgreSQL" };
		const struct magic *Pg_magic_func(void) { return &magic; }
		extern void DefineCustomStringVariable(const char *, const char *, const char *, char **, const char *, int, int, void *, void *, void *);
		extern void RegisterBackgroundWorker(void *);
		static char *database;
		void (*volatile of_workers)(void *) = RegisterBackgroundWorker;
		void _PG_init(void) { DefineCustomStringVariable("$name.database_name", "", "", &database, "postgres", 1, 0, 0, 0, 0); }
	C
	gcc -shared -fPIC -o "$LIBRARY_DIR/$name.so" "$T/tied.c" || fail "no library"
	echo "default_version = '1.0'" >"$EXTENSION_DIR/$name.control"
	echo "DO \$\$ BEGIN IF current_database() <> current_setting('$name.database_name') THEN RAISE EXCEPTION 'only in %', current_setting('$name.database_name'); END IF; END \$\$;" >"$EXTENSION_DIR/$name--1.0.sql"
	printf "%s\n" "shared_preload_libraries = '$name'" "$name.database_name = 'tied'" >>"$SERVER/data/postgresql.conf"
	"$ROOT/scripts/pg-cluster" restart "$SERVER"
}

remove_extension() {
	[ -z "${EXTENSION-}" ] || rm -f "$EXTENSION_DIR/$EXTENSION"{,_tied}{.control,.away,--1.0.sql} ${LIBRARY_DIR:+"$LIBRARY_DIR/${EXTENSION}_tied.so"}
}

# What must be left over by nobody: processes of ours, sessions, half-made databases, scratch clusters, live locks.
ours() { # what drtool or its children still do on behalf of this script: the environment tells
	local dir name
	for dir in /proc/[0-9]*; do
		read -r name 2>/dev/null <"$dir/comm" || continue
		case $name in
		drtool* | pg_dump* | pg_restore* | setpriv | postgres | initdb)
			! grep -qaF "$T" "$dir/environ" "$dir/cmdline" 2>/dev/null || echo "${dir#/proc/} $name $(tr '\0' ' ' <"$dir/cmdline" 2>/dev/null || true)"
			;;
		esac
	done
}

no_processes() {
	local tries left=""
	for tries in $(seq 75); do # a server that is told to end at once gives its processes 5 s
		left=$(ours)
		[ -n "$left" ] || return 0
		sleep 0.2
	done
	fail "processes left over: $left"
}

no_sessions() {
	local tries left=""
	for tries in $(seq 50); do
		left=$(sql postgres -c "SELECT pid, application_name, state, left(query, 60) FROM pg_stat_activity WHERE application_name LIKE 'drtool%' OR application_name LIKE 'pg_dump%' OR application_name LIKE 'pg_restore%'")
		[ -n "$left" ] || return 0
		sleep 0.2
	done
	fail "sessions left over: $left"
}

no_leftovers() {
	local left
	no_processes
	no_sessions
	left=$(sql postgres -c "SELECT datname FROM pg_database WHERE datname ~ 'restoring|drtool'")
	[ -z "$left" ] || fail "databases left over: $left"
	left=$(find "$T/scratch" -mindepth 1 -maxdepth 1 2>/dev/null || true)
	[ -z "$left" ] || fail "left over in the scratch directory: $left"
	left=$(repo_files | grep -E '^locks/' || true)
	[ -z "$left" ] || fail "locks left over: $left"
	left=$(repo_files | grep -vE '^(chunks/../[0-9a-f]{64}|damaged/.*|.*\.json)$' || true)
	[ -z "$left" ] || fail "files left over: $left"
}

# wait_for SECONDS command...: until it succeeds
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

rows_of() { # ID TABLE: as show counts them
	show_json "$1" | jq --arg t "$2" '.contents[] | select(.schema + "." + .name == $t) | .rows'
}

in_background() { # command...: $! is its pid; ended with the script
	"$@" &
	background+=("$!")
}

# A slow way to the server: $SLOW is a connection string part that reads at RATE bytes a second for each connection.
slow_link() { # RATE
	rm -f "$T/slow-port"
	in_background "$ROOT/tests/e2e/slow-link" "$PGHOST/.s.PGSQL.$PGPORT" "$1" "$T/slow-port"
	wait_for 10 test -s "$T/slow-port" || fail "the slow link does not start"
	SLOW="host=127.0.0.1 port=$(cat "$T/slow-port")"
}

# Start drtool in the background: its pid in $PID, its output in $T/bg.out and $T/bg.err; finish waits for it and sets STATUS.
start_drtool() {
	: >"$T/bg.err" # what the one before said must not be taken for this one's words
	"$DRTOOL" "$@" >"$T/bg.out" 2>"$T/bg.err" &
	PID=$!
	background+=("$PID")
}

# Soon after what is in the background has said it: it may be over in the blink of an eye.
wait_said() { # SECONDS WORDS: a line begins so
	local end=$((SECONDS + $1)) said line
	while [ $SECONDS -lt "$end" ]; do
		mapfile -t said <"$T/bg.err"
		for line in ${said[@]+"${said[@]}"}; do
			[[ $line != "$2"* ]] || return 0
		done
		sleep 0.005
	done
	return 1
}

finish() {
	STATUS=0
	wait "$PID" || STATUS=$?
	OUT=$(cat "$T/bg.out")
	cp "$T/bg.err" "$T/err"
	no_sanitizer "$T/err"
}

sessions_of_drtool() { sql postgres -c "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'drtool%'"; }
copying() { [ "$(sql postgres -c "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'drtool%' AND query ILIKE 'copy%' AND state = 'active'")" -gt 0 ]; }

! is_s3 || use_s3

# --- pages of docs/runbook: what they tell people to type is what the tests do ------------------------------------------------------------
page() { PAGE=$ROOT/docs/runbook/$1.md; } # NAME

# as_written STATUS LINE: a line of the page's, run as it stands there; ID, KEPT and the like in it are the shell's variables of that name.
as_written() {
	local words word
	grep -qxF -- "$2" "$PAGE" || fail "not in ${PAGE##*/}: $2"
	read -ra words <<<"${2%%#*}"
	for word in "${!words[@]}"; do
		case ${words[word]} in
		ID) words[word]=$ID ;;
		KEPT) words[word]=$KEPT ;;
		SAFETY) words[word]=$SAFETY ;;
		esac
	done
	expect "$1" "${words[@]}"
}
