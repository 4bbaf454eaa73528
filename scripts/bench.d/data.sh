# shellcheck shell=bash disable=SC2154 # read by scripts/bench, which sets the variables
# The databases, each made once. $scale: per cent of the full size.

make_shop() { query -d "$1" -v scale=$((scale * 10)) -f tests/data/shop.sql; }
make_single() {
	query -d "$1" -c "CREATE TABLE measurements (id bigint PRIMARY KEY, at timestamptz NOT NULL, device int NOT NULL, place text NOT NULL, reading double precision, note text, payload jsonb)" -c "INSERT INTO measurements
		SELECT n, timestamptz '2025-01-01 UTC' + n * interval '3 seconds', n * 7 % 5000, 'hall ' || n % 40 || ' row ' || n % 900, sin(n) * 1000, CASE WHEN n % 3 = 0 THEN md5(n::text) || md5((n * 5)::text) END,
			jsonb_build_object('ok', n % 97 > 0, 'volts', n % 240, 'trace', md5((n * 3)::text))
		FROM generate_series(1::bigint, 100000::bigint * $scale) n" -c "VACUUM (FREEZE, ANALYZE)"
}
make_small() {
	query -d "$1" -c "DO \$\$BEGIN FOR i IN 1..50 * $scale LOOP
		EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, name text, at timestamptz)', i);
		EXECUTE format('INSERT INTO t%s SELECT g, md5((g * %s)::text), timestamptz ''2026-01-01 UTC'' + g * interval ''1 hour'' FROM generate_series(1, 20 + %s %% 180) g', i, i, i);
		IF i % 500 = 0 THEN COMMIT; END IF;
	END LOOP; END\$\$" -c "VACUUM (FREEZE, ANALYZE)"
}
make_large() {
	# What hardly compresses, as pictures and documents: each row 1 to 50 MB of COPY text.
	query -d "$1" -c "CREATE TABLE documents (id int PRIMARY KEY, name text, body bytea)" -c "ALTER TABLE documents ALTER body SET STORAGE EXTERNAL" -c "CREATE FUNCTION noise(bytes int, seed int) RETURNS bytea LANGUAGE sql AS
		'SELECT string_agg(sha256((seed::text || ''-'' || g)::bytea), '''' ORDER BY g) FROM generate_series(1, bytes / 32) g'" \
		-c "INSERT INTO documents SELECT g, 'document ' || g, noise((1 + g * 7 % 50) * 500000, g) FROM generate_series(1, greatest(2, 40 * $scale / 100)) g" -c "VACUUM (FREEZE, ANALYZE)"
}
