#!/bin/bash
# A snapshot, its proof, a restore and cat of a small database under valgrind: no error, nothing lost. Not in trees with a sanitizer.
. "$(dirname "$0")/lib.sh"

! is_instrumented || skip "valgrind and sanitizers do not go together"
command -v valgrind >/dev/null || skip "valgrind is not installed"
checked() { # arguments of drtool
	expect 0 valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect,possible --errors-for-leak-kinds=definite,indirect --fair-sched=yes --log-file="$T/valgrind" "$DRTOOL" "$@"
	# "--pid--" lines are about system calls this valgrind does not know; "==pid==" lines are about drtool.
	! grep -q '^==' "$T/valgrind" || fail "valgrind: $(grep '^==' "$T/valgrind" | head -c 4000)"
}

server
shop shop 1
step snapshot
checked snapshot dbname=shop -j 2
ID=$OUT
step "list, show"
checked list
checked show "$ID"
step verify
checked verify "$ID" -j 2
step restore
checked restore "$ID" --into dbname=back -j 2
same_databases shop back
step cat
checked cat "$ID"
no_leftovers
