#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "restore/definition.h"
#include "restore/retrieve.h"
#include "src/base/utf8.h"

static const struct definition_names orders = {
	.table_schema = "public", .table = "orders", .new_table = "\"public\".\"o2\""
};

static struct definition_table table(
        struct arena *a, const char *text, const struct definition_names *n, bool unlogged, const char *const *parents)
{
	struct definition_table d;
	struct err e = ERR_INIT;

	if (!definition_of_table(&d, text, n, unlogged, parents, a, &e))
		fail_msg("%s: %s", text, e.msg);
	return d;
}

static void assert_table(const char *text, const char *wanted)
{
	struct arena a = ARENA_INIT;

	assert_string_equal(table(&a, text, &orders, false, NULL).sql, wanted);
	arena_release(&a);
}

static void only_the_head_is_replaced(void **state)
{
	(void)state;
	assert_table(
	        "CREATE TABLE public.orders (\n    note text DEFAULT 'CREATE TABLE public.orders (;)'::text,\n"
	        "    \"public.orders)\" int,\n    CONSTRAINT c CHECK ((note <> 'ALTER TABLE public.orders;'::text))\n);\n",
	        "CREATE TABLE \"public\".\"o2\" (\n    note text DEFAULT 'CREATE TABLE public.orders (;)'::text,\n"
	        "    \"public.orders)\" int,\n    CONSTRAINT c CHECK ((note <> 'ALTER TABLE public.orders;'::text))\n);\n");
	assert_table("CREATE UNLOGGED TABLE public.orders (\n);\n", "CREATE UNLOGGED TABLE \"public\".\"o2\" (\n);\n");
	assert_table("CREATE TABLE public.orders OF app.ty;\n", "CREATE TABLE \"public\".\"o2\" OF app.ty;\n");
	assert_table(
	        "CREATE TABLE public.orders (\n    a int\n)\nWITH (fillfactor='70', toast.autovacuum_enabled='off');\n",
	        "CREATE TABLE \"public\".\"o2\" (\n    a int\n)\nWITH (fillfactor='70', toast.autovacuum_enabled='off');\n");
}

static void statements_behind_it_are_about_columns_or_left_out(void **state)
{
	(void)state;
	assert_table(
	        "CREATE TABLE public.orders (\n    a text\n);\n\nALTER TABLE ONLY public.orders ALTER COLUMN a SET STORAGE EXTERNAL;\n"
	        "ALTER TABLE ONLY public.orders REPLICA IDENTITY FULL;\n\nALTER TABLE ONLY public.orders FORCE ROW LEVEL SECURITY;\n",
	        "CREATE TABLE \"public\".\"o2\" (\n    a text\n);\nALTER TABLE ONLY \"public\".\"o2\" ALTER COLUMN a SET STORAGE EXTERNAL;\n");
}

static void a_partitioned_table_becomes_a_plain_one(void **state)
{
	struct arena a = ARENA_INIT;
	struct definition_table d = table(&a,
	        "CREATE TABLE public.orders (\n    a text\n)\nPARTITION BY RANGE (((a || ')'::text)), lower(a));\n",
	        &orders, false, NULL);

	(void)state;
	assert_true(d.partitioned);
	assert_string_equal(d.sql, "CREATE TABLE \"public\".\"o2\" (\n    a text\n);\n");
	assert_string_equal(table(&a, "CREATE TABLE public.orders (\n    a text\n);\n", &orders, true, NULL).sql,
	        "CREATE UNLOGGED TABLE \"public\".\"o2\" (\n    a text\n);\n");
	arena_release(&a);
}

static void inherited_tables_are_named(void **state)
{
	static const char text[] =
	        "CREATE TABLE public.orders (\n)\nINHERITS (public.\"A, \"\"b\", x.y)\nWITH (fillfactor='70');\n";
	struct arena a = ARENA_INIT;
	struct definition_table d = table(&a, text, &orders, false, NULL);

	(void)state;
	assert_int_equal(d.parent_count, 2);
	assert_string_equal(d.parents[0].schema, "public");
	assert_string_equal(d.parents[0].name, "A, \"b");
	assert_string_equal(d.parents[1].name, "y");
	assert_string_equal(d.sql, "CREATE TABLE \"public\".\"o2\" (\n)\nWITH (fillfactor='70');\n");
	assert_string_equal(table(&a, text, &orders, false, (const char *const[]){ "p.q", "\"r\".s" }).sql,
	        "CREATE TABLE \"public\".\"o2\" (\n)\nINHERITS (p.q, \"r\".s)\nWITH (fillfactor='70');\n");
	arena_release(&a);
}

static void odd_names(void **state)
{
	const struct definition_names n = { .table_schema = "S 1", .table = "t\n\"x\"; (", .new_table = "n" };
	struct arena a = ARENA_INIT;

	(void)state;
	assert_string_equal(
	        table(&a, "CREATE TABLE \"S 1\".\"t\n\"\"x\"\"; (\" (\n    a int\n);\n", &n, false, NULL).sql,
	        "CREATE TABLE n (\n    a int\n);\n");
	arena_release(&a);
}

static void assert_no_table(const char *text)
{
	struct definition_table d;
	struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;

	if (definition_of_table(&d, text, &orders, false, NULL, &a, &e))
		fail_msg("taken: %s", text);
	assert_int_equal(e.kind, ERR_FAILED);
	arena_release(&a);
}

static void what_is_not_as_expected_is_refused(void **state)
{
	static const char *const texts[] = { "", ";", "CREATE TABLE public.other (\n);", "CREATE TABLE orders (\n);",
		"CREATE TABLE public.orders (\n", "CREATE TABLE public.\"orders",
		"CREATE VIEW public.orders AS SELECT 1;", "CREATE TABLE public.orders (\n) SOMETHING NEW;",
		"CREATE TABLE public.orders (\n); DROP TABLE public.users;",
		"CREATE TABLE public.orders (\n); ALTER TABLE public.users ALTER COLUMN a SET STORAGE MAIN;",
		"CREATE TABLE public.orders (\n); CREATE TABLE public.orders (\n);",
		"CREATE TABLE public.orders (\n)\nINHERITS (a);",
		"CREATE TABLE public.orders (\n)\nPARTITION BY MAGIC (a);",
		"CREATE TABLE public.orders (\n); ALTER TABLE public.orders ALTER COLUMN a SET DEFAULT 'open;", NULL };

	(void)state;
	for (const char *const *text = texts; *text; text++)
		assert_no_table(*text);
}

static const struct definition_names pkey = { .table_schema = "public",
	.table = "orders",
	.new_table = "\"public\".\"o2\"",
	.index = "Orders key",
	.new_index = "\"k2\"",
	.new_index_qualified = "\"public\".\"k2\"" };

static void assert_index(const struct definition_names *n, const char *text, const char *wanted)
{
	struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	const char *sql;
	bool ok = definition_of_index(&sql, text, n, &a, &e);

	if (ok != (wanted != NULL))
		fail_msg("%s: %s", text, ok ? sql : e.msg);
	if (wanted)
		assert_string_equal(sql, wanted);
	arena_release(&a);
}

static void indexes_and_keys(void **state)
{
	(void)state;
	assert_index(&pkey,
	        "CREATE UNIQUE INDEX \"Orders key\" ON ONLY public.orders USING btree (a) WHERE (b <> 'ON public.orders;'::text);\n",
	        "CREATE UNIQUE INDEX \"k2\" ON \"public\".\"o2\" USING btree (a) WHERE (b <> 'ON public.orders;'::text);\n");
	assert_index(&pkey,
	        "CREATE INDEX \"Orders key\" ON public.orders USING gin (x);\n\nALTER TABLE public.orders CLUSTER ON \"Orders key\";\n"
	        "\n\nALTER INDEX public.\"Orders key\" ALTER COLUMN 1 SET STATISTICS 55;\n",
	        "CREATE INDEX \"k2\" ON \"public\".\"o2\" USING gin (x);\nALTER INDEX \"public\".\"k2\" ALTER COLUMN 1 SET STATISTICS 55;\n");
	assert_index(&pkey,
	        "ALTER TABLE ONLY public.orders\n    ADD CONSTRAINT \"Orders key\" PRIMARY KEY (id);\n\nALTER TABLE ONLY public.orders REPLICA IDENTITY USING INDEX \"Orders key\";\n",
	        "ALTER TABLE ONLY \"public\".\"o2\" ADD CONSTRAINT \"k2\" PRIMARY KEY (id);\n");
	assert_index(&orders, "ALTER TABLE public.orders\n    ADD CONSTRAINT nv CHECK ((id > 0)) NOT VALID;\n",
	        "ALTER TABLE ONLY \"public\".\"o2\" ADD CONSTRAINT  nv CHECK ((id > 0)) NOT VALID;\n");
	assert_index(&pkey, "CREATE INDEX other ON public.orders USING btree (a);", NULL);
	assert_index(&pkey, "CREATE INDEX \"Orders key\" ON public.users USING btree (a);", NULL);
	assert_index(&pkey, "ALTER TABLE public.users ADD CONSTRAINT \"Orders key\" UNIQUE (a);", NULL);
	assert_index(&pkey, "ALTER TABLE public.orders ADD CONSTRAINT x UNIQUE (a);", NULL);
	assert_index(&pkey, "DROP TABLE public.orders;", NULL);
	assert_index(&pkey, "ALTER TABLE public.orders CLUSTER ON \"Orders key\";", NULL);
}

static void names(void **state)
{
	static const char id[] = "20260501-120000-k3f9xq";
	char out[64], longest[64];

	(void)state;
	retrieve_name(out, "orders", id, 1);
	assert_string_equal(out, "orders__restored_k3f9xq");
	retrieve_name(out, "orders", id, 12);
	assert_string_equal(out, "orders__restored_k3f9xq_12");
	memset(longest, 'x', 63);
	longest[63] = '\0';
	retrieve_name(out, longest, id, 1);
	assert_int_equal(strlen(out), 63);
	assert_string_equal(out + 63 - strlen("x__restored_k3f9xq"), "x__restored_k3f9xq");
	/* 45 bytes and half a character */
	memcpy(longest + 45, "\xc3\xa4", 2);
	retrieve_name(out, longest, id, 1);
	assert_int_equal(strlen(out), 62);
	assert_true(utf8_is_valid(out, strlen(out)));
	retrieve_name(out, longest, id, 4294967295U);
	assert_true(strlen(out) <= 63);
	assert_true(utf8_is_valid(out, strlen(out)));
}

/* --- later --- */

static void assert_concurrently(const char *text, const char *create, const char *rest)
{
	struct definition_index d;
	struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;

	if (!definition_concurrently(&d, text, &a, &e))
		fail_msg("%s: %s", text, e.msg);
	assert_string_equal(d.create, create);
	assert_string_equal(d.rest, rest);
	assert_string_equal(d.schema, "s");
	assert_string_equal(d.table, "t\"; ON ONLY x");
	arena_release(&a);
}

static void an_index_is_built_concurrently(void **state)
{
	static const char *const refused[] = { "CREATE UNIQUE INDEX i ON s.t USING btree (a);\n",
		"CREATE INDEX i ON ONLY s.t USING btree (a);\n", "CREATE INDEX ON s.t (a);\n",
		"CREATE INDEX i ON t (a);\n", "CREATE INDEX \"i ON s.t (a);\n",
		"ALTER TABLE ONLY s.t ADD CONSTRAINT i UNIQUE (a);\n", "" };
	struct definition_index d;
	struct arena a = ARENA_INIT;

	(void)state;
	assert_concurrently("CREATE INDEX i ON s.\"t\"\"; ON ONLY x\" USING btree (a) WHERE (b <> 'x; y'::text);\n",
	        "CREATE INDEX CONCURRENTLY i ON s.\"t\"\"; ON ONLY x\" USING btree (a) WHERE (b <> 'x; y'::text)", "");
	assert_concurrently(
	        "CREATE INDEX \"INDEX ON\" ON s.\"t\"\"; ON ONLY x\" USING btree (a);\n\nALTER TABLE s.x CLUSTER ON y;\n",
	        "CREATE INDEX CONCURRENTLY \"INDEX ON\" ON s.\"t\"\"; ON ONLY x\" USING btree (a)",
	        "ALTER TABLE s.x CLUSTER ON y;\n");
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct err e = ERR_INIT;

		assert_false(definition_concurrently(&d, refused[i], &a, &e));
		assert_int_equal(e.kind, ERR_FAILED);
	}
	arena_release(&a);
}

static void a_foreign_key_comes_unchecked(void **state)
{
	static const char *const refused[] = {
		"ALTER TABLE ONLY s.t\n    ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES s.u(id) NOT VALID;\n",
		"ALTER TABLE ONLY s.t\n    ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES s.u(id) NOT ENFORCED;\n",
		"ALTER TABLE ONLY s.t\n    ADD CONSTRAINT f UNIQUE (a);\n",
		"ALTER TABLE ONLY s.t\n    ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES s.u(id);\nDROP TABLE s.u;\n",
		"ALTER TABLE ONLY s.t\n    ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES s.u(id)",
	};
	struct definition_key k;
	struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_string_equal(
	        definition_unchecked("ALTER TABLE ONLY s.t\n    ADD CONSTRAINT \"f NOT VALID\" FOREIGN KEY (\";\")"
	                             " REFERENCES s.u(id) ON DELETE SET NULL;\n",
	                &a),
	        "ALTER TABLE ONLY s.t\n    ADD CONSTRAINT \"f NOT VALID\" FOREIGN KEY (\";\")"
	        " REFERENCES s.u(id) ON DELETE SET NULL NOT VALID;\n");
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_null(definition_unchecked(refused[i], &a));
	assert_true(definition_foreign_key(&k,
	        "ALTER TABLE \"S\".\"T t\"\n    ADD CONSTRAINT \"F f\" FOREIGN KEY (a) REFERENCES s.u(id);\n", &a, &e));
	assert_string_equal(k.schema, "S");
	assert_string_equal(k.table, "T t");
	assert_string_equal(k.name, "F f");
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_head_is_replaced),
		cmocka_unit_test(statements_behind_it_are_about_columns_or_left_out),
		cmocka_unit_test(a_partitioned_table_becomes_a_plain_one),
		cmocka_unit_test(inherited_tables_are_named),
		cmocka_unit_test(odd_names),
		cmocka_unit_test(what_is_not_as_expected_is_refused),
		cmocka_unit_test(indexes_and_keys),
		cmocka_unit_test(names),
		cmocka_unit_test(an_index_is_built_concurrently),
		cmocka_unit_test(a_foreign_key_comes_unchecked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
