-- What the worst database gains on servers newer than 15. Load it after worst.sql; on PostgreSQL 15 it does nothing.
--
--   psql -X -v ON_ERROR_STOP=1 -d worst -f worst-17.sql
\set QUIET on
SET client_min_messages = warning;
SELECT current_setting('server_version_num')::int >= 160000 AS is16, current_setting('server_version_num')::int >= 170000 AS is17, current_setting('server_version_num')::int >= 180000 AS is18 \gset
\if :is16
CREATE SCHEMA n16;
CREATE TABLE n16.stored (a int, b text STORAGE EXTERNAL COMPRESSION default); INSERT INTO n16.stored VALUES (1, repeat('x', 9000));
CREATE COLLATION n16.ruled (provider = icu, locale = 'und', rules = '&a < g');
CREATE VIEW n16.standard AS SELECT any_value(a) AS a, '{"a": 1}' IS JSON AS j, JSON_ARRAYAGG(b) AS k FROM n16.stored;
CREATE ROLE worst_inherits; GRANT worst_group TO worst_inherits WITH INHERIT FALSE, SET FALSE;
CREATE TABLE n16.literals (a int DEFAULT 0x1F_FF, b int DEFAULT 1_000_000); INSERT INTO n16.literals DEFAULT VALUES;
\endif
\if :is17
CREATE SCHEMA n17;
CREATE COLLATION n17.built (provider = builtin, locale = 'C.UTF-8');
CREATE TABLE n17.identity (id bigint GENERATED ALWAYS AS IDENTITY (START 100), at date) PARTITION BY RANGE (at); CREATE TABLE n17.identity_1 PARTITION OF n17.identity FOR VALUES FROM ('2026-01-01') TO ('2027-01-01'); INSERT INTO n17.identity (at) SELECT date '2026-02-01' + g FROM generate_series(1, 30) g;
CREATE TABLE n17.excluded (a int, b int4range, EXCLUDE USING gist (a WITH =, b WITH &&)) PARTITION BY LIST (a); CREATE TABLE n17.excluded_1 PARTITION OF n17.excluded FOR VALUES IN (1); INSERT INTO n17.excluded VALUES (1, '[1,3)');
CREATE TABLE n17.times (i interval, j jsonb); INSERT INTO n17.times VALUES ('infinity', '[1, 2]'), ('-infinity', NULL);
CREATE VIEW n17.json AS SELECT t.* FROM n17.times, JSON_TABLE(j, '$[*]' COLUMNS (n int PATH '$')) t;
CREATE FUNCTION n17.merge() RETURNS SETOF int LANGUAGE sql BEGIN ATOMIC MERGE INTO n16.stored s USING (VALUES (1)) x (a) ON s.a = x.a WHEN MATCHED THEN UPDATE SET a = 2 WHEN NOT MATCHED BY SOURCE THEN DELETE RETURNING s.a; END;
GRANT MAINTAIN ON n17.times TO "Worst Reader";
CREATE FUNCTION n17.on_login() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'nobody logs in here'; END$$;
CREATE EVENT TRIGGER on_login ON login EXECUTE FUNCTION n17.on_login(); ALTER EVENT TRIGGER on_login DISABLE;
ALTER TABLE n17.times ALTER i SET STATISTICS DEFAULT;
\endif
\if :is18
CREATE SCHEMA n18;
CREATE TABLE n18.virtual (a int, v int GENERATED ALWAYS AS (a * 2) VIRTUAL, s int GENERATED ALWAYS AS (a * 3) STORED, d int GENERATED ALWAYS AS (a + 1)); INSERT INTO n18.virtual (a) SELECT g FROM generate_series(1, 20) g;
CREATE TABLE n18.not_null (a int CONSTRAINT "my not null" NOT NULL, b int CONSTRAINT here_only NOT NULL NO INHERIT, c int); INSERT INTO n18.not_null VALUES (1, 2, NULL); ALTER TABLE n18.not_null ADD CONSTRAINT later NOT NULL c NOT VALID; CREATE TABLE n18.not_null_child () INHERITS (n18.not_null); INSERT INTO n18.not_null_child VALUES (1, NULL, 3);
CREATE TABLE n18.reaches (a int, b int) PARTITION BY LIST (a); CREATE TABLE n18.reaches_1 PARTITION OF n18.reaches FOR VALUES IN (1); INSERT INTO n18.reaches VALUES (1, NULL); ALTER TABLE n18.reaches ADD CONSTRAINT later NOT NULL b NOT VALID; COMMENT ON CONSTRAINT later ON n18.reaches IS 'from now on';
CREATE TABLE n18.unenforced (a int, b int REFERENCES r.a NOT ENFORCED, CONSTRAINT never CHECK (a > 0) NOT ENFORCED); INSERT INTO n18.unenforced VALUES (-5, 99999999);
CREATE TABLE n18.temporal (id int, valid daterange, v text, PRIMARY KEY (id, valid WITHOUT OVERLAPS)); CREATE TABLE n18.temporal_ref (id int, valid daterange, FOREIGN KEY (id, PERIOD valid) REFERENCES n18.temporal (id, PERIOD valid)); INSERT INTO n18.temporal VALUES (1, '[2026-01-01,2026-02-01)', 'a'), (1, '[2026-02-01,2026-03-01)', 'b'); INSERT INTO n18.temporal_ref VALUES (1, '[2026-01-10,2026-02-10)');
CREATE TABLE n18.uuids (u uuid DEFAULT uuidv7()); INSERT INTO n18.uuids SELECT FROM generate_series(1, 5);
CREATE COLLATION n18.unicode (provider = builtin, locale = 'PG_UNICODE_FAST');
CREATE PUBLICATION generated FOR TABLE n18.virtual WITH (publish_generated_columns = stored);
\endif
