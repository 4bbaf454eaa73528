#!/bin/bash
# Inserts, updates and deletes all the time: every snapshot is one instant, and its proof matches.
# The books: entries come in pairs that sum to 0, accounts sum to 0, every account's balance is the sum of its entries, and no entry lacks its account.
. "$(dirname "$0")/lib.sh"

server -o autovacuum_naptime=1s -o autovacuum_vacuum_scale_factor=0.01
createdb books
sql books <<-'SQL'
	CREATE TABLE accounts (id int PRIMARY KEY, balance bigint NOT NULL);
	CREATE TABLE entries (id bigserial PRIMARY KEY, account int NOT NULL REFERENCES accounts, amount bigint, note text);
	INSERT INTO accounts SELECT g, 0 FROM generate_series(1, 500) g;
	INSERT INTO entries (account, amount, note) SELECT 1 + g / 2, CASE g % 2 WHEN 0 THEN 7 ELSE -7 END, repeat(md5(g::text), 4) FROM generate_series(0, 999) g;
	INSERT INTO entries (account, amount, note) SELECT 1 + g % 500, 0, repeat(md5(g::text), 4) FROM generate_series(1, 60000) g;
SQL
cat >"$T/write.sql" <<'SQL'
SELECT 1 + (random() * 499)::int AS a, 1 + (random() * 499)::int AS b, 1000 + (random() * 1000000)::int AS n \gset
BEGIN; INSERT INTO entries (account, amount, note) VALUES (:a, 5, repeat('x', 200)), (:b, -5, 'y'); UPDATE accounts SET balance = balance + CASE id WHEN :a THEN 5 ELSE 0 END - CASE id WHEN :b THEN 5 ELSE 0 END WHERE id IN (:a, :b); COMMIT;
DELETE FROM entries WHERE amount = 0 AND id = (SELECT min(id) FROM entries WHERE amount = 0);
BEGIN; INSERT INTO accounts VALUES (:n, 0) ON CONFLICT DO NOTHING; INSERT INTO entries (account, amount, note) VALUES (:n, 3, 'new'), (:n, -3, 'new'); COMMIT;
BEGIN; DELETE FROM entries WHERE account = :n; DELETE FROM accounts WHERE id = :n; COMMIT;
SQL
for _ in 1 2 3; do
	forever books "$T/write.sql"
done
wait_for 20 eval '[ "$(rounds)" -gt 20 ]' || fail "nobody writes: $(tail -n 3 "$T/forever.log")"

last=0
for round in 1 2 3; do
	before=$(rounds)
	snapshot books
	during=$(($(rounds) - before))
	rows_in "$ID" accounts >"$T/accounts"
	rows_in "$ID" entries >"$T/entries"
	read -r sum wrong orphans max < <(awk -F'\t' 'NR == FNR { balance[$1] = $2; sum += $2; next } { own[$2] += $3; total += $3; if (!($2 in balance)) orphans++; if ($1 > max) max = $1 }
		END { for (a in balance) if (balance[a] != own[a]) wrong++; print sum + 0 "/" total + 0, wrong + 0, orphans + 0, max }' "$T/accounts" "$T/entries")
	echo "   snapshot $round: $(wc -l <"$T/entries") entries up to $max, $during rounds of writes meanwhile"
	[ "$sum $wrong $orphans" = "0/0 0 0" ] || fail "not one instant: sums $sum, $wrong balances wrong, $orphans entries without account"
	[ "$max" -gt "$last" ] || fail "nobody wrote meanwhile"
	last=$max
done
verify_ok "$ID"
touch "$T/stop"

step "restored, the keys hold and the books balance"
expect 0 drtool restore "$ID" --into dbname=back
checks=$(sql back -c "SELECT (SELECT sum(balance) FROM accounts), (SELECT sum(amount) FROM entries), (SELECT count(*) FROM accounts a WHERE balance <> (SELECT COALESCE(sum(amount), 0) FROM entries WHERE account = a.id))")
[ "$checks" = "0|0|0" ] || fail "not one instant: $checks"
[ "$(sql back -c "SELECT max(id) FROM entries")" = "$last" ] || fail "not the snapshot's rows"
[ ! -s "$T/forever.log" ] || fail "$(head -n 5 "$T/forever.log")"
no_leftovers
