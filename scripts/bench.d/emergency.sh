# shellcheck shell=bash disable=SC2154 # read by scripts/bench, which sets the variables
# Beside a live database: how long it takes until the application works again, and whether that was said beforehand.

answer() { jq -r ".$1" "$work/out"; } # FIELD of the last measured command's JSON
replace() { # NAME option...: the shop by its snapshot; what was live is dropped afterwards
	local name=$1 kept
	shift
	measure "$name" "" "$DRTOOL" restore latest --repo "$work/repo-first" --replace dbname=shop --confirm shop --no-safety-snapshot --no-standby --json -j "$jobs" "$@"
	kept=$(answer kept)
	query -d postgres -c "DROP DATABASE \"$kept\""
}

# What was recorded of a database of half the size, against what happens when it has grown.
prediction() {
	local repo
	repo=$(new repo-grown)
	dropdb --if-exists grown && createdb -T half grown
	"$DRTOOL" snapshot dbname=grown --repo "$repo" >/dev/null 2>&1
	"$DRTOOL" restore latest --repo "$repo" --into dbname=back -j "$jobs" >/dev/null 2>&1
	dropdb back && dropdb grown && createdb -T shop grown
	"$DRTOOL" snapshot dbname=grown --repo "$repo" >/dev/null 2>&1
	"$DRTOOL" restore latest --repo "$repo" --replace dbname=grown --dry-run --json >"$work/out" 2>/dev/null
	note "shop replace, predicted by a restore of half of it" "$(answer predicted_seconds)"
	measure "shop replace, as it was" "" "$DRTOOL" restore latest --repo "$repo" --replace dbname=grown --confirm grown --no-safety-snapshot --json -j "$jobs"
	query -d postgres -c "DROP DATABASE \"$(answer kept)\""
	dropdb grown
}

# Fifty clients that connect, ask and leave again and again: for how long is none of them answered?
swap_with_clients() {
	local kept
	rm -f "$work/clients.ready"
	tests/fault/reconnect dbname=shop 50 "$work/clients.ready" "SELECT 1" >"$work/clients" &
	clients=$!
	for _ in $(seq 300); do
		[ -e "$work/clients.ready" ] || sleep 0.1
	done
	[ -e "$work/clients.ready" ] || { echo "the clients are not answered" >&2 && return 1; }
	measure "shop undo with 50 clients" "" "$DRTOOL" undo dbname=shop --repo "$work/repo-first" --confirm shop --json
	kept=$(answer kept)
	note "shop swap with 50 clients: nobody can log in" "$(answer swap_seconds)"
	sleep 2 # for every client to meet what comes after the swap
	kill "$clients"
	wait "$clients"
	clients=""
	note "shop swap with 50 clients: nobody is answered" "$(jq .nobody_ms/1000 "$work/clients")"
	note "shop swap with 50 clients: the worst of them is not answered" "$(jq .one_client_ms/1000 "$work/clients")"
	note "shop errors 50 clients saw together" 0 "$(jq .error_count "$work/clients")"
	query -d postgres -c "DROP DATABASE \"$kept\""
}

emergency_round() {
	local kept
	replace "shop replace"
	replace "shop replace --usable-first, all of it" --usable-first
	note "shop replace --usable-first, until usable" "$(answer usable_seconds)"
	measure "shop verify --keep-standby" "" env DATABASE_URL=postgresql:///shop "$DRTOOL" verify latest --repo "$work/repo-first" --keep-standby -j "$jobs"
	measure "shop replace by the standby copy" "" "$DRTOOL" restore latest --repo "$work/repo-first" --replace dbname=shop --confirm shop --no-safety-snapshot --json -j "$jobs"
	swap_with_clients
	prediction
	pg_restore_18 shop
}

bench_emergency() {
	local run
	if ! exists half; then
		createdb half
		scale=$((scale / 2)) make_shop half
	fi
	"$DRTOOL" snapshot dbname=shop --repo "$(new repo-first)" >/dev/null 2>&1
	! has18 || "$PG18/pg_dump" -Fd -j2 -Z none -f "$(new dump-plain)" shop
	for run in $(seq 0 "$runs"); do
		[ "$run" = 0 ] && echo "emergency: a run that does not count" >&2 || echo "emergency: run $run of $runs" >&2
		emergency_round >"$work/round"
		[ "$run" = 0 ] || cat "$work/round" >>"$results"
	done
}
