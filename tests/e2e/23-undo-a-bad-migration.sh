#!/bin/bash
# docs/runbook/undo-a-bad-migration.md, line by line.
. "$(dirname "$0")/lib.sh"
page undo-a-bad-migration

server
shop shop 2
echo "databases: { shop: dbname=shop }" >drtool.yml
PATH=$(dirname "$DRTOOL"):$PATH
expect 0 drtool snapshot shop --tag before-deploy --verify
ID=$OUT
dump shop >"$T/good.sql"

step "the deploy"
sql shop -c "ALTER TABLE orders ADD COLUMN total numeric" -c "UPDATE orders SET total = total_cents / 10.0" -c "ALTER TABLE orders DROP COLUMN total_cents" -c "INSERT INTO users VALUES (0, 'new@shop.example', 'New', NULL, NULL, NULL, now(), NULL)"

step "the page"
as_written 0 "drtool list --database shop"
grep -q "$ID .*good" <<<"$OUT" || fail "$OUT"
as_written 3 "drtool restore ID --replace shop"
as_written 0 "drtool restore ID --replace shop --confirm shop"
grep -q "rows written since the snapshot, and not in it: .*public.orders" <<<"$OUT" || fail "$OUT"
dump shop >"$T/now.sql"
same_dumps "$T/good.sql" "$T/now.sql"
as_written 0 "drtool drop-old shop"
KEPT=$(tail -n 1 <<<"$OUT" | cut -d' ' -f1)
[ "$(sql "$KEPT" -c "SELECT email FROM users WHERE id = 0")" = new@shop.example ] || fail "what was written since is not in $KEPT"
as_written 0 "drtool drop-old shop KEPT --confirm shop"
[ "$(sql postgres -c "SELECT string_agg(datname, ' ') FROM pg_database WHERE datname ~ '^shop'")" = shop ] || fail "not dropped"

step "every minute counts"
sql shop -c "DELETE FROM order_lines"
as_written 0 "drtool restore ID --replace shop --usable-first --confirm shop"
as_written 0 "drtool restore --finish shop"
dump shop >"$T/now.sql"
same_dumps "$T/good.sql" "$T/now.sql"

step "the night after"
expect 0 drtool snapshot shop
as_written 0 "drtool verify --keep-standby"
expect 0 drtool restore latest --replace shop --dry-run
grep -q "shop__standby is ready" "$T/err" || fail "$(cat "$T/err")"
expect 0 drtool drop-old shop shop__standby
no_leftovers
