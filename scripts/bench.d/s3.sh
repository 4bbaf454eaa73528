# shellcheck shell=bash disable=SC2154 # read by scripts/bench, which sets the variables
# A repository in a bucket, and the same with 50 ms added to every request.

s3_repo() { echo "s3://$S3_BUCKET/$1"; } # PREFIX
s3_new() { tests/s3/client empty "$S3_BUCKET/$1/" && s3_repo "$1"; }
s3_bytes() { tests/s3/client list "$S3_BUCKET/$1/" | awk '{ n += $1 } END { print n }'; }

s3_peers() { # one round: a copy taken in each way, then brought back in each
	local to
	to=$(new repo-first)
	measure "shop snapshot" "$to" "$DRTOOL" snapshot dbname=shop --repo "$to" -j "$jobs"
	to=$(s3_new first)
	measure "shop snapshot to S3" "" "$DRTOOL" snapshot dbname=shop --repo "$to" -j "$jobs"
	to=$(s3_new slow)
	measure "shop snapshot to S3, 50 ms a request" "" "${slowly[@]}" "$DRTOOL" snapshot dbname=shop --repo "$to" -j "$jobs"
	measure "shop snapshot to S3 again" "" "$DRTOOL" snapshot dbname=shop --repo "$(s3_repo first)" -j "$jobs"
	tests/s3/client empty "$S3_BUCKET/slow/" && tests/s3/client empty "$S3_BUCKET/dump"
	measure "shop pg_dump 15 | zstd -3 -T0 | aws s3 cp" "" bash -o pipefail -c "'$PG15/pg_dump' shop | zstd -q -3 -T0 | /usr/bin/aws --endpoint-url '$AWS_ENDPOINT_URL' s3 cp - 's3://$S3_BUCKET/dump'"
	note "shop bytes in the bucket" 0 "$(s3_bytes first)"
	measure "shop restore" "" "$DRTOOL" restore latest --repo "$work/repo-first" --into dbname=back -j "$jobs"
	dropdb back
	measure "shop restore from S3" "" "$DRTOOL" restore latest --repo "$(s3_repo first)" --into dbname=back -j "$jobs"
	dropdb back
	measure "shop restore from S3, 50 ms a request" "" "${slowly[@]}" "$DRTOOL" restore latest --repo "$(s3_repo first)" --into dbname=back -j "$jobs"
	dropdb back
}

bench_s3() {
	local run slowly
	scripts/s3-server stop "$work/s3" --purge
	scripts/s3-server start "$work/s3" --size 8589934592 --owner $$ >"$work/s3.env"
	# shellcheck disable=SC1091
	. "$work/s3.env"
	rm -f "$work/delay-port"
	tests/s3/delay-proxy "${AWS_ENDPOINT_URL#http://}" 50 "$work/delay-port" &
	for _ in $(seq 50); do
		[ -s "$work/delay-port" ] || sleep 0.1
	done
	slowly=(env "AWS_ENDPOINT_URL=http://127.0.0.1:$(cat "$work/delay-port")")
	dropdb --if-exists back
	for run in $(seq 0 "$runs"); do
		[ "$run" = 0 ] && echo "shop: a run that does not count" >&2 || echo "shop: run $run of $runs" >&2
		s3_peers >"$work/round"
		[ "$run" = 0 ] || cat "$work/round" >>"$results"
	done
}
