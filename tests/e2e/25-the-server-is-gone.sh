#!/bin/bash
# docs/runbook/the-server-is-gone.md, line by line.
. "$(dirname "$0")/lib.sh"
page the-server-is-gone

server
worst shop
expect 0 drtool snapshot dbname=shop
ID=$OUT
dump shop >"$T/was.sql"
"$ROOT/scripts/pg-cluster" stop "$SERVER"

step "a new server"
server
PATH=$(dirname "$DRTOOL"):$PATH
as_written 0 "drtool list --database shop"
grep -q "$ID" <<<"$OUT" || fail "$OUT"
expect 3 drtool restore "$ID" --into dbname=shop --dry-run
error_says role worst_owner
as_written 0 "drtool restore ID --into dbname=shop --dry-run --create-roles"
[ -z "$(sql postgres -c "SELECT 1 FROM pg_database WHERE datname = 'shop'")" ] || fail "a dry run made it"
as_written 0 "drtool restore ID --into dbname=shop --create-roles"
dump shop >"$T/now.sql"
sed -i "s/default_tablespace = [a-z_][a-z_]*/default_tablespace = ''/" "$T/was.sql" "$T/now.sql"
same_dumps "$T/was.sql" "$T/now.sql"
expect 3 drtool snapshot dbname=shop
as_written 0 "drtool snapshot dbname=shop --as shop-2"
no_leftovers
