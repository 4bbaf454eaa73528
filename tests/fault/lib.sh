# tests/fault/lib.sh - sourced by the scripts here: tests/e2e/lib.sh and what faults need beyond it
# shellcheck shell=bash disable=SC2034
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"

# fails STATUS WORD... -- command...: it ends with this status, nothing on stdout, and one error line with all the words and one hint.
fails() {
	local status=$1 words=()
	shift
	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	shift
	expect "$status" "$@"
	[ -z "$OUT" ] || fail "something on stdout: $(head -c 500 <<<"$OUT")"
	one_error ${words[@]+"${words[@]}"}
}

one_error() { # WORD...: what the last command left on stderr
	error_says "$@"
	[ "$(grep -c '^hint: ' "$T/err")" = 1 ] || fail "not one hint: $(cat "$T/err")"
}

absent() { # NAME: no database has this in its name
	local left
	left=$(sql postgres -c "SELECT datname FROM pg_database WHERE datname ~ '$1'")
	[ -z "$left" ] || fail "databases are there: $left"
}

exists() { [ -n "$(sql postgres -c "SELECT 1 FROM pg_database WHERE datname = '$1'")" ]; } # DB

# Programs this script's drtool started or is: told by the environment they inherit, the scratch's server by where it works.
program_pids() {
	local dir pid name
	for dir in /proc/[0-9]*; do
		pid=${dir#/proc/}
		[ "$pid" != $$ ] && read -r name 2>/dev/null <"$dir/comm" || continue
		case $name in
		drtool | pg_dump* | pg_restore | psql | initdb | pg_ctl | sh)
			{ tr '\0' '\n' <"$dir/environ" | grep -qxF "TMPDIR=$T"; } 2>/dev/null && echo "$pid" ;;
		postgres)
			case $(readlink "$dir/cwd" 2>/dev/null) in "$T"/*) echo "$pid" ;; esac ;;
		esac
	done
	return 0 # the last one looked at may be somebody else's
}

no_processes() {
	local left=""
	for _ in $(seq 75); do # a server that is told to end at once gives its processes 5 s
		left=$(program_pids)
		[ -n "$left" ] || return 0
		sleep 0.2
	done
	# shellcheck disable=SC2086
	fail "processes left over: $(ps -o pid,args -p ${left//$'\n'/,})"
}

no_advisory_locks() {
	local left
	left=$(sql postgres -c "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
	[ "$left" = 0 ] || fail "$left advisory locks left over"
}

nothing_left() {
	no_leftovers
	no_advisory_locks
	[ -z "$(find "$T" -mindepth 1 -maxdepth 1 \( -name '.s.PGSQL*' -o -name 'drtool*' \))" ] || fail "left over in \$TMPDIR: $(ls -A "$T")"
}

# What a dead drtool must not keep: processes and what they hold on the server. Files may wait for the next run.
nothing_alive() {
	no_processes
	no_sessions
	no_advisory_locks
}

# small_disk DIR SIZE: a disk of its own, unmounted when the script ends; DIR must be below $T and begin with mnt.
small_disk() {
	mkdir -p "$1"
	mount -t tmpfs -o "size=$2,mode=0755" tmpfs "$1" 2>/dev/null || skip "no tmpfs can be mounted here"
}
fill_disk() { dd if=/dev/zero of="$1/filler" bs=4k status=none 2>/dev/null || true; } # DIR
free_disk() { rm -f "$1/filler"; }

pg_stop() { as_postgres "$PG_CLUSTER_BIN/pg_ctl" -D "$SERVER/data" -m "$1" -w -t 30 stop >/dev/null; } # fast, immediate
pg_start() { "$ROOT/scripts/pg-cluster" restart "$SERVER"; }

# --- a connection that ends at any statement -------------------------------------------------------------------------------------------
# cutting WHICH command...: run it, with CUT in its arguments replaced by the way through the link; SEEN statements went over it.
cutting() {
	local which=$1 link words=()
	shift
	rm -f "$T/port" "$T/count"
	"$ROOT/tests/fault/cut-link" "$PGHOST/.s.PGSQL.$PGPORT" "$which" "$T/port" "$T/count" &
	link=$!
	background+=("$link")
	wait_for 10 test -s "$T/port" || fail "the link does not start"
	for word in "$@"; do
		words+=("${word/CUT/host=127.0.0.1 port=$(cat "$T/port") user=postgres}")
	done
	run "${words[@]}"
	kill -TERM "$link"
	wait "$link" || true
	SEEN=$(cat "$T/count")
	no_sanitizer "$T/err"
}

# at_any_statement NAME command...: first whole, then cut at $points points spread over its statements; done with $AFTER each time.
# shellcheck disable=SC2154 # the script sets them
at_any_statement() {
	local name=$1 total nth i failures=0
	shift
	cutting 0 "$@"
	[ "$STATUS" = 0 ] || fail "$name without a cut: $(cat "$T/err")"
	$AFTER
	total=$SEEN
	for i in $(seq "$points"); do
		nth=$(((i * total - total / 2 + points - 1) / points))
		cutting "$nth" "$@"
		case $STATUS in
		0) ;;
		1)
			one_error
			failures=$((failures + 1))
			;;
		*) fail "$name cut at statement $nth of $total: status $STATUS: $OUT $(cat "$T/err")" ;;
		esac
		$AFTER
	done
	echo "   $total statements, $failures of $points cuts made it fail"
	[ "$failures" -gt 0 ] || fail "no cut did anything"
}
