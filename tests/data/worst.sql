-- Our own worst database: every kind of object and value that has bitten a dump tool. PostgreSQL 15 or newer.
--
--   createdb worst; psql -X -v ON_ERROR_STOP=1 -v dir=/empty/directory/of/the/server -d worst -f worst.sql
--
-- :dir is a directory the server's user may write to: a tablespace goes there. Roles and the tablespace are cluster-wide and made once.
\set QUIET on
SET client_min_messages = warning;
SET client_encoding = 'UTF8';
SET check_function_bodies = on;
SET bytea_output = hex;

-- roles, a tablespace ---------------------------------------------------------------------------------------------------------------
SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'worst_owner') AS fresh \gset
\if :fresh
CREATE ROLE worst_owner CREATEDB;
CREATE ROLE "Worst Reader" NOLOGIN;
CREATE ROLE "worst""quote\back" LOGIN PASSWORD 'never shown' CONNECTION LIMIT 3 VALID UNTIL '2031-01-01';
CREATE ROLE "worst_r€ader_with_a_name_of_sixty_three_bytes_no_more_no_less_x";
CREATE ROLE worst_group;
GRANT worst_group TO "Worst Reader", "worst""quote\back";
GRANT worst_group TO worst_owner WITH ADMIN OPTION;
ALTER ROLE "Worst Reader" SET work_mem = '7MB';
CREATE TABLESPACE worst_space OWNER worst_owner LOCATION :'dir';
GRANT CREATE ON TABLESPACE worst_space TO "Worst Reader";
\endif
-- the database itself ---------------------------------------------------------------------------------------------------------------
COMMENT ON DATABASE :"DBNAME" IS E'it''s "the" worst\nof -- all \\ databases';
ALTER DATABASE :"DBNAME" OWNER TO worst_owner;
ALTER DATABASE :"DBNAME" CONNECTION LIMIT 55;
REVOKE TEMPORARY ON DATABASE :"DBNAME" FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE :"DBNAME" TO "Worst Reader" WITH GRANT OPTION;
ALTER DATABASE :"DBNAME" SET search_path = "Quoted ""S.chema""", public, 'a b';
ALTER DATABASE :"DBNAME" SET datestyle = 'German, DMY';
ALTER DATABASE :"DBNAME" SET intervalstyle = 'sql_standard';
ALTER DATABASE :"DBNAME" SET timezone = 'Asia/Kolkata';
ALTER DATABASE :"DBNAME" SET bytea_output = 'escape';
ALTER DATABASE :"DBNAME" SET extra_float_digits = '-10';
ALTER DATABASE :"DBNAME" SET worst.option = E'it''s 100 % \\ odd\n$$ $1';
ALTER ROLE worst_owner IN DATABASE :"DBNAME" SET statement_timeout = '61s';
ALTER ROLE "worst""quote\back" IN DATABASE :"DBNAME" SET search_path = '', "$user";

-- extensions ------------------------------------------------------------------------------------------------------------------------
CREATE SCHEMA ext;
CREATE EXTENSION hstore SCHEMA ext;
CREATE EXTENSION btree_gist SCHEMA ext;
CREATE EXTENSION citext;
CREATE EXTENSION ltree SCHEMA ext;
CREATE EXTENSION "uuid-ossp" SCHEMA ext;
CREATE EXTENSION postgres_fdw;
CREATE EXTENSION file_fdw;
COMMENT ON EXTENSION hstore IS 'ours, not theirs';
REVOKE ALL ON FUNCTION ext.hstore_to_json(ext.hstore) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ext.hstore_to_json(ext.hstore) TO "Worst Reader";
GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_waldir() TO worst_owner;
GRANT SELECT ON pg_catalog.pg_authid TO worst_owner;
REVOKE SELECT ON pg_catalog.pg_description FROM PUBLIC;
GRANT SELECT ON pg_catalog.pg_description TO PUBLIC;

-- schemas and names -----------------------------------------------------------------------------------------------------------------
CREATE SCHEMA "Quoted ""S.chema""" AUTHORIZATION worst_owner;
CREATE SCHEMA U&"new\000Aline";
CREATE SCHEMA "back\slash";
CREATE SCHEMA "dot.ted";
CREATE SCHEMA "ÜBER schöne Größe";
CREATE SCHEMA "a_schema_whose_name_has_exactly_sixty_three_bytes_of_ascii_text";
CREATE SCHEMA empty;
CREATE SCHEMA "select" AUTHORIZATION "Worst Reader";
COMMENT ON SCHEMA "back\slash" IS E'C:\\path\\to\n\\connect postgres\n-- Name: fake; Type: TABLE; Schema: public; Owner: -';
COMMENT ON SCHEMA public IS NULL;
GRANT USAGE ON SCHEMA "Quoted ""S.chema""" TO "Worst Reader", worst_group;
GRANT ALL ON SCHEMA public TO worst_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO PUBLIC;

CREATE TABLE "Quoted ""S.chema"""."Ta""ble.1" ("Co""l.1" int PRIMARY KEY, "UPPER" text, "select" text, "tab	bed" text, U&"new\000Aline" text,
	"back\slash" text, "it's" text, "ünïcode ☃ 💾" text, "$1" text, "%s%n" text, """ """ text, "--" text, "a_column_name_of_exactly_sixty_three_bytes_exactly_sixty_three_x" text);
INSERT INTO "Quoted ""S.chema"""."Ta""ble.1" SELECT g, 'u', 's', E't\t', E'n\n', E'b\\', 'q''', '☃💾', '$1', '%s', '" "', '--', 'x' FROM generate_series(1, 20) g;
CREATE TABLE U&"new\000Aline".U&"ta\000Able" (a int, b text);
INSERT INTO U&"new\000Aline".U&"ta\000Able" VALUES (1, E'line\nline');
CREATE TABLE "back\slash"."\." (a int); INSERT INTO "back\slash"."\." VALUES (1), (2);
CREATE TABLE "back\slash"."\N" (a int); INSERT INTO "back\slash"."\N" VALUES (3);
CREATE TABLE "dot.ted"."a.b" (a int); INSERT INTO "dot.ted"."a.b" VALUES (4);
CREATE TABLE "dot.ted"."a" (b int); INSERT INTO "dot.ted"."a" VALUES (5);
CREATE TABLE "ÜBER schöne Größe"."größe" (ä text DEFAULT 'ö'); INSERT INTO "ÜBER schöne Größe"."größe" VALUES ('ß'), (DEFAULT);
CREATE TABLE "a_schema_whose_name_has_exactly_sixty_three_bytes_of_ascii_text"."a_table_whose_name_has_exactly_sixty_three_bytes_of_ascii_text_" (a int);
CREATE TABLE public."--" (a int);
CREATE TABLE public."x; DROP TABLE y; --" (a int);
CREATE TABLE public.".." (a int);
CREATE TABLE "select"."table" ("order" int, "group" text);
INSERT INTO "select"."table" VALUES (1, 'by');

-- types -----------------------------------------------------------------------------------------------------------------------------
CREATE SCHEMA t;
CREATE TYPE t.mood AS ENUM ('sad', 'ok', 'it''s "fine"');
ALTER TYPE t.mood ADD VALUE 'so so' BEFORE 'ok';
CREATE TYPE t.empty_enum AS ENUM ();
CREATE TYPE t.pair AS (x int, dropped text, "Y y" text COLLATE "C");
ALTER TYPE t.pair DROP ATTRIBUTE dropped;
CREATE TYPE t.nothing AS ();
CREATE TYPE t.nested AS (p t.pair, ps t.pair[], m t.mood);
CREATE FUNCTION t.time_diff(time, time) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT AS 'SELECT extract(epoch FROM ($1 - $2))::float8';
CREATE TYPE t.timerange AS RANGE (subtype = time, subtype_diff = t.time_diff, multirange_type_name = t."time Spans");
CREATE DOMAIN t.positive AS int DEFAULT 1 NOT NULL CHECK (VALUE > 0) CONSTRAINT "less than a million" CHECK (VALUE < 1000000);
CREATE DOMAIN t.even AS t.positive CONSTRAINT even CHECK (VALUE % 2 = 0);
CREATE DOMAIN t.code AS text COLLATE "C" CHECK (VALUE ~ '^[A-Z\\]{3}$');
CREATE DOMAIN t.pairs AS t.pair[] CHECK (array_length(VALUE, 1) < 5);
CREATE DOMAIN t.loose AS int;
CREATE TABLE t.loose_rows (v t.loose); INSERT INTO t.loose_rows VALUES (-1);
ALTER DOMAIN t.loose ADD CONSTRAINT later CHECK (VALUE > 0) NOT VALID;
COMMENT ON DOMAIN t.code IS 'three letters';
COMMENT ON CONSTRAINT even ON DOMAIN t.even IS 'no odd ones';
COMMENT ON COLUMN t.pair."Y y" IS 'why';
CREATE TYPE t.shell;
CREATE TYPE t.base;
CREATE FUNCTION t.base_in(cstring) RETURNS t.base LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION t.base_out(t.base) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE t.base (INPUT = t.base_in, OUTPUT = t.base_out, INTERNALLENGTH = VARIABLE, STORAGE = extended, DEFAULT = 'it''s', DELIMITER = ';', CATEGORY = 'S');
CREATE CAST (t.base AS text) WITHOUT FUNCTION AS IMPLICIT;
CREATE FUNCTION t.mood_int(t.mood) RETURNS int LANGUAGE sql IMMUTABLE AS $$SELECT CASE $1 WHEN 'sad' THEN 0 WHEN 'ok' THEN 1 ELSE 2 END$$;
CREATE CAST (t.mood AS int) WITH FUNCTION t.mood_int(t.mood) AS ASSIGNMENT;
CREATE CAST (t.pair AS text) WITH INOUT;
COMMENT ON CAST (t.mood AS int) IS 'a cast';
CREATE TRANSFORM FOR int LANGUAGE sql (FROM SQL WITH FUNCTION pg_catalog.prsd_lextype(internal), TO SQL WITH FUNCTION pg_catalog.int4recv(internal));
CREATE CONVERSION t.latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE COLLATION t.c (provider = libc, locale = 'C');
CREATE COLLATION t.nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE COLLATION t.german (provider = icu, locale = 'de-u-co-phonebk');
GRANT USAGE ON TYPE t.mood TO "Worst Reader";
REVOKE USAGE ON TYPE t.code FROM PUBLIC;
ALTER TYPE t.nested OWNER TO worst_owner;

-- functions, operators, aggregates --------------------------------------------------------------------------------------------------
CREATE SCHEMA f;
CREATE FUNCTION f.plain(a int, b text DEFAULT E'it''s\\\n', VARIADIC c int[] DEFAULT '{1,2}') RETURNS TABLE (x int, "Y y" text)
	LANGUAGE sql STABLE SECURITY DEFINER LEAKPROOF PARALLEL SAFE COST 7 ROWS 3 SET search_path = pg_catalog, "Quoted ""S.chema""" SET work_mem = '5MB' AS $$SELECT $1, $2$$;
CREATE FUNCTION f.plain(a text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper($1)';
CREATE FUNCTION f.atomic(n int) RETURNS int LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT n + 1; SELECT CASE WHEN n > 0 THEN n * 2 ELSE 0 END; END;
CREATE FUNCTION f.returned(n int) RETURNS int LANGUAGE sql IMMUTABLE RETURN f.atomic(n) + 1;
CREATE PROCEDURE f.proc(INOUT a int, b text DEFAULT NULL) LANGUAGE plpgsql AS $p$ BEGIN a := a + 1; COMMIT; END $p$;
CREATE FUNCTION f.forger() RETURNS text LANGUAGE plpgsql AS $_$
BEGIN
	/* what follows looks like a dump and is not one
--
-- Name: users; Type: TABLE; Schema: public; Owner: postgres
--

-- Data for Name: users; Type: TABLE DATA; Schema: public; Owner: postgres
--
-- TOC entry 4242 (class 1259 OID 4242)
SET transaction_timeout = 0;
ALTER TABLE ONLY public.users ALTER COLUMN id SET (pg_attver=7);
COPY public.users (id) FROM stdin;
1
\.
\connect postgres
\restrict abcdef
-- PostgreSQL database dump complete
	*/
	RETURN $$two dollars$$ || $q$and $more$ of it$q$ || '''' || E'\\' || "current_user"();
END
$_$;
CREATE FUNCTION f.quotes() RETURNS text LANGUAGE sql AS 'SELECT ''it''''s'' || E''\\\\'' || ''$$'' || ''$_$'' || ''$_1$''';
CREATE FUNCTION f.crlf() RETURNS text LANGUAGE sql AS E'SELECT 1::text\r\n;\r\n';
CREATE FUNCTION f.poly(anyelement, anyarray, OUT anyelement, OUT n int) LANGUAGE sql AS 'SELECT $1, cardinality($2)';
CREATE FUNCTION f.audit() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF tg_op = 'DELETE' THEN RETURN old; END IF; new.note := coalesce(new.note, '') || ' touched'; RETURN new; END$$;
CREATE FUNCTION f.nothing() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$;
CREATE FUNCTION f.path_bound(text) RETURNS text LANGUAGE sql IMMUTABLE SET search_path = f AS 'SELECT plain($1)';
CREATE FUNCTION f.add_state(bigint, int) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT $1 + coalesce($2, 0)';
CREATE FUNCTION f.sub_state(bigint, int) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT $1 - coalesce($2, 0)';
CREATE AGGREGATE f.total(int) (sfunc = f.add_state, stype = bigint, initcond = '0', msfunc = f.add_state, minvfunc = f.sub_state, mstype = bigint, minitcond = '0', parallel = safe);
CREATE AGGREGATE f.median(float8 ORDER BY anyelement) (sfunc = ordered_set_transition, stype = internal, finalfunc = percentile_disc_final, finalfunc_extra);
CREATE FUNCTION f.pair_eq(t.pair, t.pair) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1.x = $2.x';
CREATE FUNCTION f.pair_ne(t.pair, t.pair) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1.x <> $2.x';
CREATE FUNCTION f.pair_hash(t.pair) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1.x';
CREATE OPERATOR f.=== (FUNCTION = f.pair_eq, LEFTARG = t.pair, RIGHTARG = t.pair, COMMUTATOR = OPERATOR(f.===), NEGATOR = OPERATOR(f.<!>), RESTRICT = eqsel, JOIN = eqjoinsel, HASHES);
CREATE OPERATOR f.<!> (FUNCTION = f.pair_ne, LEFTARG = t.pair, RIGHTARG = t.pair, COMMUTATOR = OPERATOR(f.<!>), NEGATOR = OPERATOR(f.===));
CREATE OPERATOR f.@#@ (FUNCTION = int8abs, RIGHTARG = bigint);
CREATE OPERATOR FAMILY f.pair_family USING hash;
CREATE OPERATOR CLASS f.pair_ops DEFAULT FOR TYPE t.pair USING hash FAMILY f.pair_family AS OPERATOR 1 f.===, FUNCTION 1 f.pair_hash(t.pair);
CREATE OPERATOR FAMILY f.lonely USING btree;
CREATE ACCESS METHOD heap_too TYPE TABLE HANDLER heap_tableam_handler;
CREATE ACCESS METHOD gist_too TYPE INDEX HANDLER gisthandler;
CREATE FUNCTION f.pl_handler() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE FUNCTION f.pl_inline(internal) RETURNS void LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_inline_handler';
CREATE FUNCTION f.pl_validator(oid) RETURNS void LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_validator';
CREATE TRUSTED LANGUAGE plpgsql_too HANDLER f.pl_handler INLINE f.pl_inline VALIDATOR f.pl_validator;
CREATE FUNCTION f.other_language() RETURNS int LANGUAGE plpgsql_too AS $$BEGIN RETURN 7; END$$;
COMMENT ON FUNCTION f.forger() IS E'a comment with a $_$ and a newline\n--\n-- Name: fake; Type: FUNCTION; Schema: f; Owner: -\n--';
COMMENT ON OPERATOR f.=== (t.pair, t.pair) IS 'equal enough';
COMMENT ON AGGREGATE f.total(int) IS 'sums';
REVOKE ALL ON FUNCTION f.forger() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION f.forger() TO "worst""quote\back" WITH GRANT OPTION;
GRANT EXECUTE ON PROCEDURE f.proc(int, text) TO worst_group;
ALTER FUNCTION f.plain(text) DEPENDS ON EXTENSION hstore;
ALTER FUNCTION f.atomic(int) OWNER TO worst_owner;
CREATE TEXT SEARCH TEMPLATE f.simple_too (INIT = dsimple_init, LEXIZE = dsimple_lexize);
CREATE TEXT SEARCH DICTIONARY f."Di ct" (TEMPLATE = f.simple_too, STOPWORDS = english, ACCEPT = false);
CREATE TEXT SEARCH PARSER f.parser (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype, HEADLINE = prsd_headline);
CREATE TEXT SEARCH CONFIGURATION f.config (PARSER = f.parser);
ALTER TEXT SEARCH CONFIGURATION f.config ADD MAPPING FOR asciiword, word WITH f."Di ct", english_stem;
COMMENT ON TEXT SEARCH CONFIGURATION f.config IS 'words';

-- values ----------------------------------------------------------------------------------------------------------------------------
CREATE SCHEMA v;
CREATE TABLE v.texts (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, v text);
INSERT INTO v.texts (v) VALUES (NULL), (''), (' '), ('\N'), ('\.'), (E'\n\\.\n'), (E'\\.\n'), (E'\n'), (E'\t'), (E'\r'), (E'\r\n'), (E'\b\f\v\x01\x1f\x7f'), ('\'), ('\\'), ('\n'), ('\x41'), ('\101'), (''''), ('"'),
	('NULL'), ('null'), ('☃'), ('💾'), (U&'\FFFD\FEFF\200B'), ('COPY v.texts FROM stdin;'), ('--'), ('/* */'), ('$$'), ('%s%n%d'), (repeat('x', 100000)), (repeat(E'\\\n\t', 5000)), (repeat('é', 70000));
INSERT INTO v.texts (v) SELECT chr(g) FROM generate_series(1, 800) g;
CREATE TABLE v.one_column (v text);
INSERT INTO v.one_column VALUES (NULL), (''), ('\.'), ('\N'), (E'\\.\n\\.'), (''), (NULL);
CREATE TABLE v.numbers (n numeric, f8 float8, f4 float4, i2 int2, i8 int8, m money, o oid, x xid, l pg_lsn);
INSERT INTO v.numbers VALUES ('NaN', 'NaN', 'NaN', -32768, -9223372036854775808, '-92233720368547758.08', 4294967295, '4294967295', 'FFFFFFFF/FFFFFFFF'),
	('Infinity', 'Infinity', 'Infinity', 32767, 9223372036854775807, 12.34, 0, '0', '0/0'), ('-Infinity', '-Infinity', '-Infinity', 0, 0, 0, NULL, NULL, NULL),
	('0.00', '-0', '-0', NULL, NULL, NULL, NULL, NULL, NULL), (1e-16383, 4.9e-324, 1e-45, NULL, NULL, NULL, NULL, NULL, NULL), (10::numeric ^ 1000, 1.7976931348623157e308, 3.4028235e38, NULL, NULL, NULL, NULL, NULL, NULL),
	(1.10, 0.1::float8 + 0.2::float8, 0.1, NULL, NULL, NULL, NULL, NULL, NULL), (repeat('9', 20000)::numeric, 1e15, 16777217, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE v.times (ts timestamp, tz timestamptz, d date, t time, tt timetz, i interval, ts3 timestamptz(3), iy interval year to month);
INSERT INTO v.times VALUES ('infinity', 'infinity', 'infinity', '24:00:00', '24:00:00-15:59', '178000000 years', 'infinity', '1 year'), ('-infinity', '-infinity', '-infinity', '00:00', '00:00+15:59', '-178000000 years -11 mons', '-infinity', '-1 mon'),
	('4713-01-01 00:00:00 BC', '4713-01-02 00:00:00 BC', '4713-01-01 BC', '23:59:59.999999', '12:00-03:30', '-1 mon +2 days -03:04:05.000006', '1969-12-31 23:59:59.9999', NULL),
	('294276-12-31 23:59:59.999999', '294276-12-30 23:59:59.999999', '5874897-12-31', '00:00:00.000001', NULL, '0', '2000-02-29', NULL), ('0001-01-01 BC', '2007-03-11 02:30:00 America/New_York', '0001-12-31 BC', NULL, NULL, '1 day -1 second', NULL, NULL),
	('2026-10-25 02:30', '2026-10-25 01:30:00+00', '2026-02-28', NULL, NULL, '9999999 hours', NULL, NULL);
CREATE TABLE v.bytes (id int, b bytea, bt bit(5), bv varbit);
INSERT INTO v.bytes VALUES (1, '', B'10101', ''), (2, '\x00', NULL, B'1'), (3, decode('00ff5c0a0d09275c2e', 'hex'), NULL, repeat('10', 5000)::varbit), (4, NULL, NULL, NULL);
INSERT INTO v.bytes SELECT 5, decode(string_agg(lpad(to_hex((g * 7919::bigint) % 256), 2, '0'), ''), 'hex'), NULL, NULL FROM generate_series(1, 300000) g;
INSERT INTO v.bytes SELECT 6, decode(repeat('00', 1500000), 'hex'), NULL, NULL;
CREATE TABLE v.shapes (p point, l line, s lseg, b box, pa path, po polygon, c circle, n inet, ci cidr, m macaddr, m8 macaddr8, u uuid, j json, jb jsonb, x xml, tv tsvector, tq tsquery, ch "char", bp char(10), vc varchar(5), na name);
INSERT INTO v.shapes VALUES ('(1e-300,NaN)', '{1,-1,0}', '[(0,0),(1,1)]', '(2,2),(0,0)', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(2,0))', '<(0,0),5>', '::ffff:10.1.2.3/120', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
	E'{"b": 1,  "a": "\\\\n\\\\u00e9", "b": 2}', E'{"b": 1e400, "a": "\\"\\\\\\\\ \\u00e9"}', E'<a b="c">&amp;\n<!-- - --></a>', E'''it''''s'':1A ''\\\\b'':2', E'''a b'' & !''c'':*AB <-> ''\\\\''', '\377', 'pad  ', 'vchar', 'name');
INSERT INTO v.shapes (ch) VALUES (''), ('\200'), (E'\n'), (E'\\'), ('x');
CREATE TABLE v.arrays (a int[], b text[], c t.pair[], d t.nested, r int4range, mr int8multirange, tr t.timerange, ts t."time Spans", dr t.code, e t.mood, es t.mood[], bs t.base, hs ext.hstore, ci citext, lt ext.ltree, dp t.pairs, ev t.even);
INSERT INTO v.arrays VALUES ('[2:3][-1:0]={{1,2},{3,NULL}}', E'{"",NULL,"NULL","a\\\\\\"b","{}","\\\\\\\\",",","\n"}', ARRAY[ROW(1, E'"\\,()')::t.pair, NULL, ROW(NULL, '')::t.pair], ROW(ROW(1, 'a b'), ARRAY[ROW(2, E'q"''\\')::t.pair], 'so so')::t.nested,
	'empty', '{[1,3),[7,)}', '[08:00,12:30)', '{[08:00,12:30),[13:00,)}', 'A\B', 'it''s "fine"', '{sad,"it''s \"fine\"",NULL}', 'a;b', E'"k\\"ey"=>"v\\\\al", b=>NULL', 'CiText', 'a.b_c.D', ARRAY[ROW(1, 'x')::t.pair]::t.pairs, 2),
	('{}', '{}', '{}', NULL, '(,)', '{}', '(,)', '{}', NULL, NULL, NULL, NULL, '', '', '', NULL, 4);
CREATE TABLE v.names_of_things (c regclass, p regprocedure, ty regtype, r regrole, n regnamespace, cf regconfig, co regcollation);
INSERT INTO v.names_of_things VALUES ('"Quoted ""S.chema"""."Ta""ble.1"', 'f.atomic(int)', 't.mood[]', '"Worst Reader"', '"back\slash"', 'f.config', 't.c'), ('pg_class', 'lower(text)', 'int', 'postgres', 'pg_catalog', 'english', '"C"');
CREATE TABLE v.zero_columns (); INSERT INTO v.zero_columns DEFAULT VALUES; INSERT INTO v.zero_columns DEFAULT VALUES; INSERT INTO v.zero_columns DEFAULT VALUES;
CREATE TABLE v.zero_columns_empty ();
CREATE TABLE v.all_dropped (a int, b text); INSERT INTO v.all_dropped VALUES (1, 'x'), (2, 'y'); ALTER TABLE v.all_dropped DROP a, DROP b;
CREATE TABLE v.some_dropped (a int, gone text, b text DEFAULT 'd', gone2 t.mood, c int); INSERT INTO v.some_dropped VALUES (1, 'g', 'b', 'ok', 3); ALTER TABLE v.some_dropped DROP gone, DROP gone2; ALTER TABLE v.some_dropped ADD added int DEFAULT 42; INSERT INTO v.some_dropped VALUES (2);
CREATE TABLE v.generated (a int, g int GENERATED ALWAYS AS (a * 2) STORED, b text, "G g" text GENERATED ALWAYS AS (upper(b) || E'\\') STORED); INSERT INTO v.generated (a, b) SELECT g, 'b' || g FROM generate_series(1, 50) g;
CREATE TABLE v.only_generated (g int GENERATED ALWAYS AS (7) STORED); INSERT INTO v.only_generated DEFAULT VALUES; INSERT INTO v.only_generated DEFAULT VALUES;
CREATE TABLE v.no_rows (a int PRIMARY KEY, b text);
CREATE TABLE v.toasted (id int, external text, plain text, main text, lz text, big text);
-- Where the server was built with it.
SELECT CASE WHEN 'lz4' = ANY (enumvals) THEN 'lz4' ELSE 'pglz' END AS lz4 FROM pg_settings WHERE name = 'default_toast_compression' \gset
ALTER TABLE v.toasted ALTER external SET STORAGE EXTERNAL, ALTER plain SET STORAGE PLAIN, ALTER main SET STORAGE MAIN, ALTER lz SET COMPRESSION :lz4, ALTER big SET COMPRESSION pglz;
INSERT INTO v.toasted SELECT g, repeat('e' || g, 9000), 'p', repeat('m', 3000), repeat('l', 90000), repeat(md5(g::text), 4000) FROM generate_series(1, 6) g;
DO $$BEGIN
	EXECUTE 'CREATE TABLE v.wide (' || (SELECT string_agg(format('c%s %s', g, CASE g % 3 WHEN 0 THEN 'bool' WHEN 1 THEN 'int' ELSE 'smallint' END), ', ') FROM generate_series(1, 1600) g) || ')';
	EXECUTE 'INSERT INTO v.wide VALUES (' || (SELECT string_agg(CASE g % 3 WHEN 0 THEN 'true' ELSE g::text END, ', ') FROM generate_series(1, 1600) g) || ')';
	INSERT INTO v.wide DEFAULT VALUES;
END$$;

-- tables ----------------------------------------------------------------------------------------------------------------------------
CREATE SCHEMA r;
CREATE TABLE r.identity (a int GENERATED ALWAYS AS IDENTITY (START 10 INCREMENT 5 MAXVALUE 1000 CYCLE CACHE 3), b bigint GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME r."Id Seq" MINVALUE -5 START -5), c text); INSERT INTO r.identity (c) SELECT 'x' FROM generate_series(1, 12);
CREATE TABLE r.serials (a serial, b bigserial, c smallserial); INSERT INTO r.serials SELECT FROM generate_series(1, 7);
CREATE SEQUENCE r.never_called START 5;
CREATE SEQUENCE r.down INCREMENT -3 MINVALUE -100 MAXVALUE 100 START 50 CYCLE; SELECT nextval('r.down') \gset ignore_
CREATE SEQUENCE r.at_the_end AS smallint MAXVALUE 2; SELECT nextval('r.at_the_end'), nextval('r.at_the_end') \gset ignore_
CREATE SEQUENCE r.big START 9223372036854775807; SELECT nextval('r.big') \gset ignore_
CREATE SEQUENCE r.small_negative MINVALUE -9223372036854775808 START -9223372036854775808;
CREATE UNLOGGED SEQUENCE r.unlogged_seq; SELECT setval('r.unlogged_seq', 77, false) \gset ignore_
CREATE SEQUENCE r."Se.q ""x""" OWNED BY r.serials.a; SELECT setval('r."Se.q ""x"""', 99) \gset ignore_
COMMENT ON SEQUENCE r.down IS 'downwards';
GRANT USAGE, UPDATE ON SEQUENCE r.down TO "Worst Reader";
CREATE UNLOGGED TABLE r.unlogged (a int PRIMARY KEY, b text); INSERT INTO r.unlogged SELECT g, 'u' FROM generate_series(1, 100) g;
CREATE TABLE r.typed OF t.pair (PRIMARY KEY (x), "Y y" WITH OPTIONS DEFAULT 'typed'); INSERT INTO r.typed (x) VALUES (1); INSERT INTO r.typed VALUES (2, 'b');
CREATE TABLE r.spaced (a int PRIMARY KEY USING INDEX TABLESPACE worst_space, b text) TABLESPACE worst_space; INSERT INTO r.spaced VALUES (1, 'in a tablespace');
CREATE INDEX ON r.spaced (b) TABLESPACE worst_space;
CREATE TABLE r.spaced_index_only (a int UNIQUE USING INDEX TABLESPACE worst_space);
CREATE TABLE r.other_am (a int) USING heap_too; INSERT INTO r.other_am VALUES (1), (2);
CREATE TABLE r.options (a int, b text) WITH (fillfactor = 70, autovacuum_enabled = false, toast.autovacuum_enabled = false, autovacuum_vacuum_scale_factor = 0.3, parallel_workers = 2);
ALTER TABLE r.options ALTER a SET STATISTICS 500, ALTER b SET STATISTICS 0, ALTER a SET (n_distinct = -0.5, n_distinct_inherited = 10);
CREATE TABLE r.row_types (t v.some_dropped, ts r.serials[]); INSERT INTO r.row_types VALUES (ROW(1, 'x', 2, 3), ARRAY[ROW(1, 2, 3)::r.serials]);

CREATE TABLE r.a (id int PRIMARY KEY, b_id int, note text);
CREATE TABLE r.b (id int PRIMARY KEY, a_id int REFERENCES r.a DEFERRABLE INITIALLY DEFERRED, self int REFERENCES r.b ON DELETE SET NULL, note text);
ALTER TABLE r.a ADD CONSTRAINT "a to b" FOREIGN KEY (b_id) REFERENCES r.b ON UPDATE CASCADE ON DELETE RESTRICT DEFERRABLE;
BEGIN; SET CONSTRAINTS ALL DEFERRED; INSERT INTO r.a SELECT g, g, 'a' FROM generate_series(1, 300) g; INSERT INTO r.b SELECT g, 301 - g, nullif(g - 1, 0), 'b' FROM generate_series(1, 300) g; COMMIT;
CREATE TABLE r.broken_fk (id int, a_id int); INSERT INTO r.broken_fk VALUES (1, 1), (2, 999999);
ALTER TABLE r.broken_fk ADD CONSTRAINT broken FOREIGN KEY (a_id) REFERENCES r.a NOT VALID;
CREATE TABLE r.broken_check (n int); INSERT INTO r.broken_check VALUES (-1); ALTER TABLE r.broken_check ADD CONSTRAINT positive CHECK (n > 0) NOT VALID;
CREATE TABLE r.checks (a int CONSTRAINT "a > 0" CHECK (a > 0), b text CHECK (b <> E'\\'), c int CHECK (f.atomic(c) > 0) NO INHERIT, CHECK (a < c)); INSERT INTO r.checks VALUES (1, 'b', 2);
CREATE TABLE r.multi_fk (a int, b int, c int, UNIQUE (a, b), UNIQUE NULLS NOT DISTINCT (c), FOREIGN KEY (b, c) REFERENCES r.multi_fk (a, b) MATCH FULL, FOREIGN KEY (a) REFERENCES r.a ON DELETE SET DEFAULT); INSERT INTO r.multi_fk VALUES (1, 1, 1), (2, NULL, NULL);
CREATE TABLE r.fk_set_columns (x int, y int, FOREIGN KEY (x, y) REFERENCES r.multi_fk (a, b) ON DELETE SET NULL (y));
CREATE TABLE r.excluded (room int, during tsrange, EXCLUDE USING gist (room WITH =, during WITH &&) WHERE (room > 0), CONSTRAINT later EXCLUDE USING btree (room WITH =) DEFERRABLE INITIALLY DEFERRED);
INSERT INTO r.excluded VALUES (1, '[2026-01-01,2026-01-02)'), (2, '[2026-01-01,2026-01-02)');
CREATE TABLE r.identity_full (a int); ALTER TABLE r.identity_full REPLICA IDENTITY FULL;
CREATE TABLE r.identity_nothing (a int); ALTER TABLE r.identity_nothing REPLICA IDENTITY NOTHING;
CREATE TABLE r.identity_index (a int NOT NULL, b int); CREATE UNIQUE INDEX identity_index_a ON r.identity_index (a); ALTER TABLE r.identity_index REPLICA IDENTITY USING INDEX identity_index_a;
CREATE TABLE r.clustered (a int PRIMARY KEY, b text); INSERT INTO r.clustered SELECT g, 'c' FROM generate_series(30, 1, -1) g; ALTER TABLE r.clustered CLUSTER ON clustered_pkey;
CREATE TABLE r.constraint_using_index (a int NOT NULL); CREATE UNIQUE INDEX "my Pk" ON r.constraint_using_index (a); ALTER TABLE r.constraint_using_index ADD CONSTRAINT "my Pk" PRIMARY KEY USING INDEX "my Pk";
CREATE TABLE r.indexed (id int, t text, n numeric, j jsonb, ts tsvector, p point, a int[], c text COLLATE t.nocase, ci citext, r int4range);
INSERT INTO r.indexed SELECT g, md5(g::text), g / 7.0, jsonb_build_object('k', g), to_tsvector('english', 'word' || g), point(g, -g), ARRAY[g, g + 1], 'C' || g, 'Ci' || g, int4range(g, g + 3) FROM generate_series(1, 500) g;
CREATE INDEX ON r.indexed (t DESC NULLS LAST, n NULLS FIRST) INCLUDE (id) WITH (fillfactor = 50);
CREATE UNIQUE INDEX "expr Index" ON r.indexed ((lower(t) || E'\\''x'), (id + 1)) WHERE id > 0 AND t <> 'a''b';
ALTER INDEX r."expr Index" ALTER COLUMN 1 SET STATISTICS 700;
CREATE INDEX ON r.indexed USING gin (j jsonb_path_ops); CREATE INDEX ON r.indexed USING gin (a) WITH (fastupdate = off); CREATE INDEX ON r.indexed USING gist (ts tsvector_ops (siglen = 100)); CREATE INDEX ON r.indexed USING spgist (p); CREATE INDEX ON r.indexed USING brin (id) WITH (pages_per_range = 4, autosummarize = on);
CREATE INDEX ON r.indexed USING hash (n); CREATE INDEX ON r.indexed (c COLLATE "C" text_pattern_ops); CREATE INDEX path_bound ON r.indexed (f.path_bound(t)); CREATE INDEX ON r.indexed (f.returned(id));
COMMENT ON INDEX r.path_bound IS 'on a function with its own search path';
CREATE STATISTICS r.stat_plain (ndistinct, dependencies, mcv) ON id, t, n FROM r.indexed;
CREATE STATISTICS r."Stat Expr" ON (lower(t)), (id % 10), c FROM r.indexed; ALTER STATISTICS r."Stat Expr" SET STATISTICS 321; ALTER STATISTICS r.stat_plain OWNER TO worst_owner; COMMENT ON STATISTICS r.stat_plain IS 'three together';

-- inheritance and partitions --------------------------------------------------------------------------------------------------------
CREATE SCHEMA p;
CREATE TABLE p.parent (a int, b text DEFAULT 'parent', CONSTRAINT inherited CHECK (a > -1000)); CREATE TABLE p.parent2 (z int, a int, c int);
CREATE TABLE p.child (d int, b text DEFAULT 'child') INHERITS (p.parent, p.parent2); ALTER TABLE p.parent ADD late int DEFAULT 5; CREATE TABLE p.grandchild (a int NOT NULL) INHERITS (p.child);
CREATE TABLE p.adopted (late int, b text, extra int, a int, CONSTRAINT inherited CHECK (a > -1000)); ALTER TABLE p.adopted INHERIT p.parent;
INSERT INTO p.parent VALUES (1); INSERT INTO p.parent2 VALUES (2, 2, 2); INSERT INTO p.child (a, z, c, d) VALUES (3, 3, 3, 3); INSERT INTO p.grandchild (a) VALUES (4); INSERT INTO p.adopted VALUES (5, 'b', 6, 7);
CREATE TABLE p.by_range (id bigint GENERATED BY DEFAULT AS IDENTITY, at timestamptz NOT NULL, gone int, v text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at); ALTER TABLE p.by_range DROP gone;
CREATE TABLE p.by_range_2025 PARTITION OF p.by_range FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY RANGE (at);
CREATE TABLE p.by_range_2025_a PARTITION OF p.by_range_2025 (v DEFAULT 'a') FOR VALUES FROM ('2025-01-01') TO ('2025-07-01'); CREATE TABLE p.by_range_2025_rest PARTITION OF p.by_range_2025 DEFAULT;
CREATE TABLE p.by_range_2026 (v text, dropped int, at timestamptz NOT NULL, id bigint NOT NULL); ALTER TABLE p.by_range_2026 DROP dropped; ALTER TABLE p.by_range ATTACH PARTITION p.by_range_2026 FOR VALUES FROM ('2026-01-01') TO (MAXVALUE);
CREATE TABLE p.by_range_old PARTITION OF p.by_range FOR VALUES FROM (MINVALUE) TO ('2025-01-01') WITH (fillfactor = 80) TABLESPACE worst_space;
CREATE TABLE p.by_list (k int, v text) PARTITION BY LIST (v); CREATE TABLE p.by_list_a PARTITION OF p.by_list FOR VALUES IN ('a', NULL, E'it''s\\') PARTITION BY RANGE (k); CREATE TABLE p.by_list_a_1 PARTITION OF p.by_list_a FOR VALUES FROM (MINVALUE) TO (10); CREATE TABLE p.by_list_a_2 PARTITION OF p.by_list_a DEFAULT; CREATE TABLE p.by_list_rest PARTITION OF p.by_list DEFAULT;
INSERT INTO p.by_list SELECT g, (ARRAY['a', NULL, 'b', E'it''s\\'])[1 + g % 4] FROM generate_series(1, 60) g;
INSERT INTO p.by_range (at, v) SELECT timestamptz '2024-11-01 UTC' + g * interval '1 day', (ARRAY['a', NULL, 'b', E'it''s\\'])[1 + g % 4] FROM generate_series(1, 600) g;
CREATE INDEX by_range_v ON p.by_range (v); CREATE INDEX by_range_only ON ONLY p.by_range (at); CREATE INDEX lonely_2026 ON p.by_range_2026 (at); CREATE INDEX own_index ON p.by_range_old (lower(v));
CREATE TABLE p.points_at_partitioned (id bigint, at timestamptz, FOREIGN KEY (id, at) REFERENCES p.by_range); INSERT INTO p.points_at_partitioned SELECT id, at FROM p.by_range WHERE id % 50 = 0;
CREATE TABLE p.by_hash (k t.mood, n int) PARTITION BY HASH (k); CREATE TABLE p.by_hash_0 PARTITION OF p.by_hash FOR VALUES WITH (MODULUS 3, REMAINDER 0); CREATE TABLE p.by_hash_1 PARTITION OF p.by_hash FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE p.by_hash_2 PARTITION OF p.by_hash FOR VALUES WITH (MODULUS 3, REMAINDER 2) PARTITION BY HASH (n); CREATE TABLE p.by_hash_2_0 PARTITION OF p.by_hash_2 FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE p.by_hash_2_1 PARTITION OF p.by_hash_2 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO p.by_hash SELECT (enum_range(NULL::t.mood))[1 + g % 4], g FROM generate_series(1, 400) g;
CREATE TABLE p.by_expression (a text, b int) PARTITION BY RANGE (lower(a) COLLATE "C" text_pattern_ops, (b + 1)); CREATE TABLE p.by_expression_1 PARTITION OF p.by_expression FOR VALUES FROM ('a', MINVALUE) TO ('m', MAXVALUE); INSERT INTO p.by_expression VALUES ('Bee', 1), ('c', 2);
CREATE TABLE p.no_partitions (a int) PARTITION BY LIST (a);
CREATE TABLE p.detached (a int, at timestamptz) PARTITION BY RANGE (a); CREATE TABLE p.detached_1 PARTITION OF p.detached FOR VALUES FROM (1) TO (10); INSERT INTO p.detached VALUES (5, '2026-01-01'); ALTER TABLE p.detached DETACH PARTITION p.detached_1;

-- views, rules, triggers, policies --------------------------------------------------------------------------------------------------
CREATE SCHEMA w;
CREATE VIEW w.plain AS SELECT id, v AS "V v", E'it''s\\' AS q FROM v.texts WHERE v <> '\.';
CREATE VIEW w.grouped AS SELECT a.*, count(b.id) AS bs FROM r.a LEFT JOIN r.b ON b.a_id = a.id GROUP BY a.id;
CREATE VIEW w.on_grouped AS SELECT id, bs FROM w.grouped WHERE bs > 0;
CREATE FUNCTION w.uses_view(w.grouped) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT ($1).bs';
CREATE FUNCTION w.atomic_grouped() RETURNS bigint LANGUAGE sql STABLE BEGIN ATOMIC SELECT count(*) FROM (SELECT a.id, a.note FROM r.a GROUP BY a.id) s; END;
CREATE VIEW w.barrier WITH (security_barrier, security_invoker = true) AS SELECT * FROM r.a WHERE id < 100 WITH LOCAL CHECK OPTION;
CREATE RECURSIVE VIEW w.counting (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM counting WHERE n < 5;
CREATE VIEW w.with_default AS SELECT id, note FROM r.a; ALTER VIEW w.with_default ALTER note SET DEFAULT 'from the view';
CREATE VIEW w.loop_1 AS SELECT 1 AS a; CREATE VIEW w.loop_2 AS SELECT a FROM w.loop_1; CREATE OR REPLACE VIEW w.loop_1 AS SELECT a FROM w.loop_2;
CREATE VIEW w.no_columns AS SELECT FROM r.a;
CREATE VIEW w.whole_row AS SELECT x, x.* FROM v.some_dropped x;
CREATE MATERIALIZED VIEW w.first AS SELECT id % 10 AS d, count(*) AS n FROM v.texts GROUP BY 1; CREATE MATERIALIZED VIEW w.a_second AS SELECT sum(n) AS s, 'x'::text AS k FROM w.first; CREATE MATERIALIZED VIEW w."0 third" AS SELECT s + 1 AS s1 FROM w.a_second;
CREATE MATERIALIZED VIEW w.unpopulated AS SELECT * FROM r.b WITH NO DATA; CREATE MATERIALIZED VIEW w.on_grouped_m TABLESPACE worst_space AS SELECT a.id, a.note, 'm' AS m FROM r.a GROUP BY a.id;
CREATE MATERIALIZED VIEW w.on_unpopulated AS SELECT 1 AS one FROM w.unpopulated WITH NO DATA;
CREATE FUNCTION w.hidden_dependency() RETURNS bigint LANGUAGE plpgsql STABLE AS $$BEGIN RETURN (SELECT max(s1) FROM w."0 third"); END$$; CREATE MATERIALIZED VIEW w."00 through a function" AS SELECT w.hidden_dependency() AS h;
CREATE UNIQUE INDEX first_d ON w.first (d); CREATE INDEX ON w.unpopulated (id); CLUSTER w.first USING first_d; ALTER MATERIALIZED VIEW w.first ALTER n SET STATISTICS 50; COMMENT ON MATERIALIZED VIEW w.first IS 'counted'; COMMENT ON COLUMN w.first.n IS 'how many';
CREATE INDEX ON w.on_grouped_m (id); GRANT SELECT ON w.first TO "Worst Reader";
CREATE TABLE w.ruled (a int, b text); INSERT INTO w.ruled VALUES (1, 'x');
CREATE RULE "Ru le" AS ON INSERT TO w.ruled WHERE new.a < 0 DO INSTEAD NOTHING; CREATE RULE also AS ON UPDATE TO w.ruled DO ALSO (INSERT INTO r.broken_check VALUES (new.a); NOTIFY ruled); CREATE RULE off AS ON DELETE TO w.ruled DO INSTEAD NOTHING; ALTER TABLE w.ruled DISABLE RULE off; COMMENT ON RULE off ON w.ruled IS 'not now';
CREATE RULE into_view AS ON INSERT TO w.plain DO INSTEAD INSERT INTO v.texts (v) VALUES (new."V v") RETURNING id, v, v;
CREATE TABLE w.triggered (a int, note text, "C c" int); INSERT INTO w.triggered VALUES (1, 'n', 2);
CREATE TRIGGER "Tri gger" BEFORE INSERT OR UPDATE OF note, "C c" ON w.triggered FOR EACH ROW WHEN (new.a IS DISTINCT FROM 7) EXECUTE FUNCTION f.audit('arg', E'it''s\\ \n', '$1');
CREATE TRIGGER off AFTER DELETE ON w.triggered FOR EACH STATEMENT EXECUTE FUNCTION f.nothing(); CREATE TRIGGER always AFTER TRUNCATE ON w.triggered EXECUTE FUNCTION f.nothing(); CREATE TRIGGER replica AFTER INSERT ON w.triggered REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION f.nothing();
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON w.triggered FROM r.a DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f.nothing();
ALTER TABLE w.triggered DISABLE TRIGGER off, ENABLE ALWAYS TRIGGER always, ENABLE REPLICA TRIGGER replica; COMMENT ON TRIGGER off ON w.triggered IS 'asleep';
CREATE TRIGGER instead INSTEAD OF INSERT ON w.with_default FOR EACH ROW EXECUTE FUNCTION f.audit();
CREATE TRIGGER on_partitions AFTER INSERT ON p.by_range FOR EACH ROW EXECUTE FUNCTION f.nothing(); ALTER TABLE p.by_range_2026 DISABLE TRIGGER on_partitions;
CREATE TABLE w.secured (id int, who name DEFAULT current_user, note text); INSERT INTO w.secured SELECT g, 'somebody', 's' FROM generate_series(1, 40) g; ALTER TABLE w.secured OWNER TO worst_owner; ALTER TABLE w.secured ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY mine ON w.secured USING (who = current_user); CREATE POLICY "Re strict" ON w.secured AS RESTRICTIVE FOR UPDATE TO "Worst Reader", worst_group USING (id > 0) WITH CHECK (note <> E'\\'); CREATE POLICY see ON w.secured FOR SELECT TO PUBLIC USING (EXISTS (SELECT FROM r.a WHERE a.id = secured.id)); COMMENT ON POLICY mine ON w.secured IS 'own rows';
CREATE TABLE w.secured_off (a int); ALTER TABLE w.secured_off ENABLE ROW LEVEL SECURITY; INSERT INTO w.secured_off VALUES (1); CREATE POLICY none ON w.secured_off USING (false);

-- comments, privileges --------------------------------------------------------------------------------------------------------------
COMMENT ON TABLE v.texts IS E'back\\slash ''quote'' "double" $$ newline\n\ttab'; COMMENT ON COLUMN v.texts.v IS ''';--'; COMMENT ON COLUMN "Quoted ""S.chema"""."Ta""ble.1"."Co""l.1" IS '1'; COMMENT ON CONSTRAINT "a to b" ON r.a IS 'circle'; COMMENT ON VIEW w.plain IS 'v'; COMMENT ON TYPE t.mood IS 'feelings';
ALTER TABLE v.numbers OWNER TO "worst""quote\back"; ALTER TABLE v.times OWNER TO "worst_r€ader_with_a_name_of_sixty_three_bytes_no_more_no_less_x";
GRANT SELECT, INSERT ON v.texts TO "Worst Reader" WITH GRANT OPTION; SET SESSION AUTHORIZATION "Worst Reader"; RESET SESSION AUTHORIZATION;
GRANT SELECT (a, b), UPDATE (b) ON r.options TO worst_group; GRANT ALL ON TABLE r.a TO PUBLIC; REVOKE ALL ON r.b FROM postgres; GRANT TRIGGER, REFERENCES, TRUNCATE ON r.b TO "worst""quote\back"; GRANT USAGE ON LANGUAGE plpgsql_too TO worst_group;
GRANT USAGE ON SCHEMA v TO "Worst Reader"; SET ROLE "Worst Reader"; GRANT SELECT ON v.texts TO worst_group; RESET ROLE;
ALTER DEFAULT PRIVILEGES IN SCHEMA r GRANT SELECT ON TABLES TO "Worst Reader"; ALTER DEFAULT PRIVILEGES FOR ROLE worst_owner GRANT ALL ON SEQUENCES TO worst_group WITH GRANT OPTION; ALTER DEFAULT PRIVILEGES FOR ROLE worst_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC; ALTER DEFAULT PRIVILEGES FOR ROLE worst_owner IN SCHEMA "Quoted ""S.chema""" GRANT USAGE ON TYPES TO "Worst Reader"; ALTER DEFAULT PRIVILEGES GRANT CREATE ON SCHEMAS TO worst_group;

-- foreign data, replication, large objects ------------------------------------------------------------------------------------------
CREATE FOREIGN DATA WRAPPER "no handler" OPTIONS (debug 'it''s', "Ma x" '3'); CREATE SERVER "far away" TYPE 'ty''pe' VERSION '1.0' FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '1', dbname 'no''where');
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw; CREATE SERVER nowhere FOREIGN DATA WRAPPER "no handler"; CREATE USER MAPPING FOR "Worst Reader" SERVER "far away" OPTIONS (user 'me', password E'pass\\''word'); CREATE USER MAPPING FOR PUBLIC SERVER "far away" OPTIONS (user 'other');
CREATE FOREIGN TABLE w.far (id int OPTIONS (column_name 'I d') NOT NULL, t text DEFAULT 'd', CHECK (id > 0)) SERVER "far away" OPTIONS (schema_name 's', table_name 't'); CREATE FOREIGN TABLE w.file (line text) SERVER files OPTIONS (filename '/nonexistent/file.csv', format 'csv');
CREATE TABLE p.mixed (a int, b text) PARTITION BY LIST (a); CREATE TABLE p.mixed_1 PARTITION OF p.mixed FOR VALUES IN (1); CREATE FOREIGN TABLE p.mixed_2 PARTITION OF p.mixed FOR VALUES IN (2) SERVER "far away"; INSERT INTO p.mixed VALUES (1, 'here');
CREATE TABLE p.near (line text); INSERT INTO p.near VALUES ('own row'); CREATE FOREIGN TABLE p.far_child () INHERITS (p.near) SERVER files OPTIONS (filename '/nonexistent/file.csv', format 'csv'); -- cannot be analyzed
CREATE VIEW w.on_far AS SELECT id FROM w.far; GRANT USAGE ON FOREIGN SERVER "far away" TO "Worst Reader"; GRANT USAGE ON FOREIGN DATA WRAPPER "no handler" TO "Worst Reader"; COMMENT ON SERVER "far away" IS 'not here'; COMMENT ON FOREIGN TABLE w.far IS 'over there'; ALTER SERVER nowhere OWNER TO postgres;
CREATE PUBLICATION everything FOR ALL TABLES WITH (publish = 'insert, truncate', publish_via_partition_root = true); CREATE PUBLICATION "so me" FOR TABLE r.a (id, note) WHERE (id > 5 AND note <> 'it''s'), ONLY p.parent, TABLE p.by_range_2026; CREATE PUBLICATION in_schema FOR TABLES IN SCHEMA v; CREATE PUBLICATION nothing; COMMENT ON PUBLICATION "so me" IS 'published';
SET client_min_messages = error; -- a warning that nothing is subscribed to yet
CREATE SUBSCRIPTION worst_subscription CONNECTION 'host=127.0.0.1 port=1 dbname=nowhere password=hidden' PUBLICATION "so me", b WITH (connect = false, slot_name = NONE, enabled = false, binary = true, streaming = true); COMMENT ON SUBSCRIPTION worst_subscription IS 'asleep'; SET client_min_messages = warning;
SELECT lo_from_bytea(4200000001, decode('00ff0a5c', 'hex')), lo_create(4200000002), lo_from_bytea(4200000003, decode(repeat('00ff0a5c2e0d', 500000), 'hex')), lo_from_bytea(77777, 'owned'), lo_create(77778) \gset ignore_
SELECT lo_put(77778, 3000000, 'after a hole') \gset ignore_
COMMENT ON LARGE OBJECT 4200000001 IS E'lo''s\\comment'; ALTER LARGE OBJECT 77777 OWNER TO worst_owner; GRANT SELECT ON LARGE OBJECT 4200000003 TO "Worst Reader" WITH GRANT OPTION; GRANT UPDATE, SELECT ON LARGE OBJECT 4200000003 TO PUBLIC; REVOKE ALL ON LARGE OBJECT 4200000002 FROM postgres;

-- an index that failed: no dump carries it, and it must not be in the way -----------------------------------------------------------
CREATE TABLE r.duplicates (a int); INSERT INTO r.duplicates VALUES (1), (1);
CREATE INDEX invalid_index ON r.duplicates (a);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'r.invalid_index'::regclass; -- as CREATE UNIQUE INDEX CONCURRENTLY leaves it

-- event triggers last: they would see the rest --------------------------------------------------------------------------------------
CREATE TABLE w.ddl_log (at timestamptz DEFAULT now(), tag text, what text);
CREATE FUNCTION w.log_ddl() RETURNS event_trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$BEGIN INSERT INTO w.ddl_log (tag, what) SELECT tg_tag, object_identity FROM pg_event_trigger_ddl_commands(); END$$;
CREATE FUNCTION w.no_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no % here', tg_tag; END$$;
CREATE EVENT TRIGGER "log ddl" ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'CREATE INDEX', 'CREATE VIEW', 'CREATE FUNCTION', 'ALTER TABLE', 'COMMENT') EXECUTE FUNCTION w.log_ddl();
CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('CREATE TABLE', 'DROP TABLE', 'CREATE INDEX') EXECUTE FUNCTION w.no_ddl(); ALTER EVENT TRIGGER refuse DISABLE;
CREATE EVENT TRIGGER replica_only ON sql_drop EXECUTE FUNCTION w.log_ddl(); ALTER EVENT TRIGGER replica_only ENABLE REPLICA;
COMMENT ON EVENT TRIGGER "log ddl" IS 'watches';
