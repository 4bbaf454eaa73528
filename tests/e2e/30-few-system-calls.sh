#!/bin/bash
# Rows move in large pieces: how often the kernel is asked for each MiB of a snapshot, a comparison and a restore. What made each of them several times
# slower before, a small receive buffer or a call for every row, shows here on any machine, however busy.
. "$(dirname "$0")/lib.sh"

[ -e "${DRTOOL_TEST_COUNTER-}" ] || skip "no library that counts calls: DRTOOL_TEST_COUNTER says where it is"
server
createdb rows
sql rows -c "CREATE TABLE narrow AS SELECT g AS id, md5(g::text) AS a, md5((g + 1)::text) AS b FROM generate_series(1, 600000) g" # 41.7 MiB of COPY
mib=41

receives=0 received=0 received_roomy=0 sends=0 sent=0 polls=0 sleeps=0 reads=0 writes=0

# counted command...: expect 0, and the counts of the process in these
counted() {
	rm -f "$T/calls"
	expect 0 env LD_PRELOAD="$DRTOOL_TEST_COUNTER" DRTOOL_TEST_CALLS="$T/calls" DRTOOL_TEST_CALLS_OF="${DRTOOL##*/}" "$DRTOOL" "$@"
	[ "$(wc -l <"$T/calls")" = 1 ] || fail "counted: $(cat "$T/calls")"
	echo "   $(cat "$T/calls")"
	# shellcheck disable=SC1091
	. "$T/calls"
}
at_most() { # CALLS PER-MIB WHAT
	[ "$1" -le $(($2 * mib)) ] || fail "$1 $3 for $mib MiB: more than $2 for each"
}

moved_in() { # rows came from the server
	[ "$received" -ge $((mib << 20)) ] || fail "only $received bytes came in: nothing was tested"
	[ "$received_roomy" -ge $((received * 9 / 10)) ] || fail "$received_roomy of $received bytes were received into 64 KiB or more at a time"
	# The server sends 8 KiB at a time. At worst each of them is waited for on its own: asked for in vain, slept, polled and received.
	at_most "$receives" 280 receives
	at_most "$polls" 150 polls
	at_most "$sleeps" 150 sleeps
	# Either much comes at a time, because we are the slower one, or we let it gather.
	[ "$receives" -le $((64 * mib)) ] || [ "$sleeps" -ge $((receives / 8)) ] || fail "$receives receives, and only $sleeps pauses to let rows gather"
}

for jobs in 1 2; do
	step "snapshot, $jobs at a time"
	sql rows -c "UPDATE narrow SET b = md5(b) WHERE id % 5 = 0"
	counted snapshot dbname=rows --jobs $jobs
	ID=$OUT
	moved_in
	at_most "$writes" 8 writes
done

step "verify"
counted verify "$ID" --jobs 1
moved_in
at_most "$sends" 80 sends
at_most "$reads" 8 reads

step "restore"
counted restore "$ID" --into dbname=back --jobs 1
[ "$sent" -ge $((mib << 20)) ] || fail "only $sent bytes went out: nothing was tested"
at_most "$sends" 80 sends
at_most "$reads" 8 reads
no_leftovers
