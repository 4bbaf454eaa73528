-- A small shop; psql -v scale=1 gives 3,000 orders, scale=1000 about 1.7 GB. The same data at every run.
\set QUIET on
SET client_min_messages = warning;
CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL UNIQUE, full_name text NOT NULL, phone text, password_hash text, address jsonb, created_at timestamptz NOT NULL, last_ip inet);
CREATE TABLE products (id int PRIMARY KEY, sku text UNIQUE, name text NOT NULL, description text, price_cents int CHECK (price_cents >= 0), tags text[]);
CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint NOT NULL REFERENCES users, status text NOT NULL, total_cents int NOT NULL, note text, created_at timestamptz NOT NULL);
CREATE TABLE order_lines (order_id bigint NOT NULL REFERENCES orders, line int NOT NULL, product_id int NOT NULL, quantity int NOT NULL, price_cents int NOT NULL, PRIMARY KEY (order_id, line));
CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL, kind text NOT NULL, payload jsonb NOT NULL);

INSERT INTO users
SELECT n, 'customer.' || n || '@' || (ARRAY['example.com', 'example.net', 'mail.example.org', 'shop.example'])[1 + n % 4], 'Name ' || left(md5(n::text), 8) || ' ' || left(md5((n * 3)::text), 9),
	CASE WHEN n % 4 > 0 THEN '+49 30 ' || lpad((n * 7717 % 10000000)::text, 7, '0') END, '$argon2id$' || encode(sha256(n::text::bytea), 'base64'),
	jsonb_build_object('city', (ARRAY['Lagos', 'Lima', 'Oslo', 'Pune', 'Quito'])[1 + n % 5], 'street', left(md5((n * 5)::text), 12) || ' Road ' || n % 300, 'zip', lpad((n * 31 % 100000)::text, 5, '0')),
	timestamptz '2024-01-01 UTC' + n % 17520 * interval '1 hour', ('10.' || n % 256 || '.' || n / 256 % 256 || '.' || n / 65536 % 256)::inet
FROM generate_series(1::bigint, 500 * :scale) n;

INSERT INTO products
SELECT n, 'P-' || lpad(n::text, 7, '0'), 'Thing ' || left(md5(n::text), 10), repeat(md5((n * 11)::text) || ' ', 9), n * 41 % 99900, ARRAY[left(md5((n % 70)::text), 5), left(md5((n % 90)::text), 5)]
FROM generate_series(1, least(50 * :scale, 50000)) n;

INSERT INTO orders
SELECT n, 1 + n * 7919 % (500 * :scale), (ARRAY['open', 'paid', 'packed', 'sent', 'returned'])[1 + n % 5], n * 137 % 250000, CASE WHEN n % 6 = 0 THEN 'leave it at ' || md5(n::text) END, timestamptz '2025-01-01 UTC' + n % 525600 * interval '1 minute'
FROM generate_series(1::bigint, 3000 * :scale) n;

INSERT INTO order_lines
SELECT 1 + n / 3, 1 + n % 3, 1 + n * 53 % least(50 * :scale, 50000), 1 + n % 7, n * 19 % 99900
FROM generate_series(0::bigint, 8000 * :scale - 1) n;

INSERT INTO events (at, kind, payload)
SELECT timestamptz '2025-06-01 UTC' + n * interval '1 second', (ARRAY['view', 'search', 'basket', 'pay'])[1 + n % 4],
	jsonb_build_object('user', n * 17 % (500 * :scale), 'page', '/item/' || left(md5(n::text), 20), 'agent', 'Browser/' || n % 60, 'ms', n * 23 % 1500)
FROM generate_series(1::bigint, 2500 * :scale) n;

CREATE INDEX ON orders (user_id);
CREATE INDEX ON orders (created_at);
CREATE INDEX ON order_lines (product_id);
CREATE VIEW order_totals AS SELECT o.id, o.user_id, sum(l.quantity * l.price_cents) AS cents FROM orders o JOIN order_lines l ON l.order_id = o.id GROUP BY o.id;
VACUUM (FREEZE, ANALYZE);
