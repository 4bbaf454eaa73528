#!/bin/bash
# Thousands of small tables are tens of objects in the repository, and one changed table disturbs only its neighbours.
. "$(dirname "$0")/lib.sh"

tables=2000
! is_s3 || tables=800
server -o max_locks_per_transaction=512
createdb small
sql small <<-SQL
	DO \$\$BEGIN FOR i IN 1..$tables LOOP
		EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, v text)', i);
		EXECUTE format('INSERT INTO t%s SELECT g, md5((g * %s)::text) FROM generate_series(1, %s) g', i, i, i % 40);
	END LOOP; END\$\$;
SQL

step "snapshot"
snapshot small
objects=$(repo_count chunks)
echo "$objects objects"
[ "$objects" -lt 100 ] || fail "$tables small tables became $objects objects"
[ "$(show_json "$ID" | jq .tables)" = $tables ] || fail "not all tables"

step "one table changed"
sql small -c "INSERT INTO t777 VALUES (1000, 'new')"
snapshot small
more=$(($(repo_count chunks) - objects))
[ $more -le 6 ] || fail "$more new objects for one changed table"
[ "$(rows_of "$ID" public.t777)" = $((777 % 40 + 1)) ] || fail "t777 has another count"

step "verify, restore"
verify_ok "$ID"
expect 0 drtool restore "$ID" --into "dbname=back"
same_databases small back

step "recover.sh decodes each chunk once, however many tables share it"
createdb recovered
mkdir "$T/counting"
zstd=$(command -v zstd)
printf '#!/bin/sh\necho >>"%s/decoded"\nexec %s "$@"\n' "$T" "$zstd" >"$T/counting/zstd"
chmod 755 "$T/counting/zstd"
repo_copy
expect 0 env "PATH=$T/counting:$PATH" sh "$ROOT/scripts/recover.sh" "$COPY" small "$ID" "dbname=recovered"
same_databases small recovered
decoded=$(wc -l <"$T/decoded")
[ "$decoded" -le $((objects + more)) ] || fail "$decoded times zstd for $((objects + more)) chunks"
no_leftovers
