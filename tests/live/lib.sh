# tests/live/lib.sh - sourced by the scripts in tests/live: what they need beside tests/e2e/lib.sh
# shellcheck shell=bash disable=SC2034,SC2154
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"

now_ms() { date +%s%3N; }

in_background() { # as in the other one, and the shell says nothing when it ends
	"$@" &
	background+=("$!")
	disown
}

# Sessions of other people. Each ends with the script; forever ends its own once $T/stop is there.
forever() { # DB FILE [psql options]: one session that runs the statements of FILE again and again; what goes wrong is in $T/forever.log
	(
		while [ ! -e "$T/stop" ]; do
			cat "$2"
			printf '%s\n' '\echo round'
		done | psql -X -q -At -d "$1" "${@:3}" >>"$T/forever.out" 2>>"$T/forever.log"
	) &
	background+=("$!")
	disown
}
rounds() { grep -c '^round$' "$T/forever.out" || true; }
no_deadlock() { ! grep -q 'deadlock detected' "$T/forever.log" "$SERVER/server.log" || fail "a deadlock: $(grep -h -A3 'deadlock detected' "$T/forever.log" "$SERVER/server.log" | head)"; }

hold() { # DB TABLE MODE SECONDS: a session called the-holder that has a lock; back once it has it
	PGAPPNAME=the-holder psql -X -q -d "$1" -c "BEGIN" -c "LOCK TABLE $2 IN $3 MODE" -c "SELECT 'holding', pg_sleep($4)" -c "COMMIT" >/dev/null 2>&1 &
	background+=("$!")
	wait_for 10 holding || fail "the lock is not held"
}
holding() { [ "$(sql postgres -c "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'the-holder' AND wait_event = 'PgSleep'")" = 1 ]; }
no_holder() { [ "$(sql postgres -c "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'the-holder'")" = 0 ]; }
waiting_for_lock() { [ "$(sql postgres -c "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = '${1:-AccessExclusiveLock}'")" -gt 0 ]; }

# Readers of one table, one statement after the other: longest_read is the longest any of them waited, in ms.
read_all_the_time() { # DB QUERY READERS
	printf '%s\n' '\timing on' "$2;" 'SELECT pg_sleep(0.02);' >"$T/read.sql"
	for _ in $(seq "$3"); do
		forever "$1" "$T/read.sql"
	done
}
longest_read() { sed -n 's/^Time: \([0-9]*\)[.,].*/\1/p' "$T/forever.out" | sort -n | tail -n1; }
reads() { grep -c '^Time:' "$T/forever.out" || true; }

# A pg_dump for --pg-bin that is preceded by one line of $T/before-dump at each call: $BIN. What the line does happens after the snapshot was
# taken and before pg_dump looks at anything.
meddling_pg_dump() { # the lines come on stdin
	BIN=$T/bin
	mkdir -p "$BIN"
	cat >"$T/before-dump"
	: >"$T/dumps"
	for program in "$PG_CLUSTER_BIN"/{pg_dump,pg_dumpall,pg_restore,psql}; do
		ln -sf "$program" "$BIN/"
	done
	rm "$BIN/pg_dump"
	cat >"$BIN/pg_dump" <<-SCRIPT
		#!/bin/bash
		case "\$*" in *--schema-only*)
			echo >>"$T/dumps"
			line=\$(sed -n "\$(wc -l <"$T/dumps")p" "$T/before-dump")
			[ -z "\$line" ] || env -u PGAPPNAME -u PGOPTIONS bash -c "\$line" >>"$T/before-dump.log" 2>&1 </dev/null
		esac
		exec "$PG_CLUSTER_BIN/pg_dump" "\$@"
	SCRIPT
	chmod +x "$BIN/pg_dump"
}

# Rows of a table in a snapshot as COPY prints them, columns separated by tabs.
rows_in() { # ID TABLE
	drtool cat "$1" --table "$2" 2>/dev/null | awk '/^COPY .* FROM stdin;$/ { on = 1; next } /^\\\.$/ { on = 0 } on'
}
sequence_in() { # ID SEQUENCE: the last value it has handed out
	drtool cat "$1" 2>/dev/null | sed -n "s/^SELECT pg_catalog.setval('$2', \([0-9]*\), true);$/\1/p"
}
