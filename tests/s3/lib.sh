# tests/s3/lib.sh - sourced by the scripts here: tests/fault/lib.sh, with the repository in a bucket of a store that can be told to misbehave
# shellcheck shell=bash disable=SC2034
. "$(dirname "${BASH_SOURCE[0]}")/../fault/lib.sh"

# What lasts minutes where it matters lasts seconds here.
export DRTOOL_S3_RETRY_SECONDS=8 DRTOOL_S3_STALL_SECONDS=2

good="" # a snapshot's id

fake() { # [fake-store options]: start one, make it the current one; $FAKE is its directory
	FAKE=$(mktemp -d "$T/fake-XXXXXX")
	in_background "$ROOT/tests/s3/fake-store" "$FAKE" "$@"
	FAKE_PID=$!
	wait_for 10 test -e "$FAKE/env" || fail "the store does not start"
	# shellcheck disable=SC1091
	. "$FAKE/env"
	bucket "$S3_BUCKET"
}

bucket() { # NAME: the repository is there from now on
	REPO=s3://$1/${T##*/}
	export DRTOOL_REPO=$REPO
}

control() { # LINE...: how the store behaves from now on; without any, well
	printf '%s\n' "$@" >"$FAKE/control.new"
	mv "$FAKE/control.new" "$FAKE/control"
}

fresh_log() { : >"$FAKE/log"; }
requests() { awk -v op="$1" -v status="${2-}" '$2 == op && (status == "" || $5 == status) { n++ } END { print n + 0 }' "$FAKE/log"; } # OPERATION [STATUS]

# refused STATUS WORD... : list, snapshot, verify and restore each end with this status, say the words, and change nothing.
refused() {
	local status=$1 before
	shift
	before=$(sql postgres -c "SELECT datname FROM pg_database ORDER BY 1")
	fails "$status" "$@" -- drtool list
	fails "$status" "$@" -- drtool snapshot "dbname=shop"
	fails "$status" "$@" -- drtool verify "$good"
	fails "$status" "$@" -- drtool restore "$good" --into "dbname=back"
	[ "$(sql postgres -c "SELECT datname FROM pg_database ORDER BY 1")" = "$before" ] || fail "a database was made or lost"
	no_processes
}

# The good case, also after a bad one: what is there can be used.
usable() {
	expect 0 drtool list
	expect 0 drtool snapshot "dbname=shop" --json
	expect 0 drtool cat "$good"
	[ "$(grep -c '^COPY' <<<"$OUT")" = 5 ] || fail "cat printed something else"
}

certificates() { # DIR: an authority (ca.pem) and certificates of it: good (127.0.0.1, localhost), wrong (elsewhere.example)
	local name of
	mkdir -p "$1"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=authority" -keyout "$1/ca.key" -out "$1/ca.pem" 2>/dev/null
	for name in good wrong; do
		of="DNS:elsewhere.example"
		[ $name = wrong ] || of="DNS:localhost,IP:127.0.0.1"
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" -keyout "$1/$name.key" -out "$1/$name.csr" 2>/dev/null
		openssl x509 -req -in "$1/$name.csr" -CA "$1/ca.pem" -CAkey "$1/ca.key" -CAcreateserial -days 2 -extfile <(echo "subjectAltName=$of") -out "$1/$name.pem" 2>/dev/null
	done
}
