# shellcheck shell=bash disable=SC2154 # read by scripts/bench, which sets the variables
# A repository in a local directory, beside pg_dump and pg_restore.

dump_peers() { # DB: one round of everything that takes a copy
	local db=$1 to
	to=$(new repo-first)
	measure "$db snapshot" "$to" "$DRTOOL" snapshot "dbname=$db" --repo "$to" -j "$jobs"
	measure "$db snapshot again" "" "$DRTOOL" snapshot "dbname=$db" --repo "$to" -j "$jobs"
	note "$db bytes new in the second" 0 "$("$DRTOOL" show "$(cat "$work/out")" --repo "$to" --json 2>/dev/null | jq .stored_new_bytes)"
	if has18; then
		to=$(new dump)
		measure "$db pg_dump 18 -Fd -j2 -Z zstd:1" "$to" "$PG18/pg_dump" -Fd -j2 -Z zstd:1 -f "$to" "$db"
		to=$(new dump)
		measure "$db pg_dump 18 -Fc -Z zstd:1" "$to" "$PG18/pg_dump" -Fc -Z zstd:1 -f "$to" "$db"
	fi
	to=$(new dump)
	measure "$db pg_dump 15 -Fd -j2" "$to" "$PG15/pg_dump" -Fd -j2 -f "$to" "$db"
	[ "$db" = shop ] || return 0
	to=$(new dump)
	measure "$db pg_dump 15 -Fc" "$to" "$PG15/pg_dump" -Fc -f "$to" "$db"
	to=$(new dump)
	measure "$db pg_dump 15 | zstd -1 -T2" "$to" bash -o pipefail -c "'$PG15/pg_dump' '$db' | zstd -q -1 -T2 -o '$to'"
	measure "$db pg_dump 15 | zstd -3 -T0" "" bash -o pipefail -c "'$PG15/pg_dump' '$db' | zstd -q -3 -T0 -f -o '$to'"
}

pg_restore_18() { # DB: from dump-plain, with as many jobs as may be best
	local j
	has18 || return 0
	for j in 2 4; do
		dropdb --if-exists back && createdb back
		measure "$1 pg_restore 18 -j$j and vacuumdb" "" bash -c "'$PG18/pg_restore' -d back -j$j '$work/dump-plain' 2>/dev/null; '$PG18/vacuumdb' -q --analyze-only -j2 back"
	done
	dropdb --if-exists back
}

restore_peers() { # DB: one round of everything that brings one back; repo-first and dump-plain are there
	local db=$1
	dropdb --if-exists back
	measure "$db restore" "" "$DRTOOL" restore latest --repo "$work/repo-first" --into dbname=back -j "$jobs"
	dropdb --if-exists back
	measure "$db verify" "" "$DRTOOL" verify latest --repo "$work/repo-first" -j "$jobs"
	pg_restore_18 "$db"
	dropdb --if-exists back && createdb back
	measure "$db pg_restore 15 -j2 and vacuumdb" "" bash -c "'$PG15/pg_restore' -d back -j2 '$work/dump-plain15' && '$PG15/vacuumdb' -q --analyze-only -j2 back"
	dropdb --if-exists back
}

bench_local() {
	local db run
	for db in shop single small large; do
		wanted "$db" || continue
		echo "$db: a run that does not count" >&2
		"$DRTOOL" snapshot "dbname=$db" --repo "$(new repo-first)" >/dev/null 2>&1
		for run in $(seq "$runs"); do
			echo "$db: run $run of $runs" >&2
			dump_peers "$db" >>"$results"
		done
		[ "$db" = shop ] || [ "$db" = single ] || continue
		! has18 || "$PG18/pg_dump" -Fd -j2 -Z none -f "$(new dump-plain)" "$db"
		"$PG15/pg_dump" -Fd -j2 -Z 0 -f "$(new dump-plain15)" "$db"
		for run in $(seq "$runs"); do
			echo "$db: restore run $run of $runs" >&2
			restore_peers "$db" >>"$results"
		done
	done
}
