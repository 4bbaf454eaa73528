/* tests/unit/test_later.c - what a usable-first restore leaves for later, and what it must not */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/archive_fixture.h"

#define MB ((uint64_t)1 << 20)

/* deps end with 0; the new entry's dump id. */
static int add(struct world *w, const char *desc, const char *tag, const char *defn, ...)
{
	bool pre = strcmp(desc, "TABLE") == 0 || strcmp(desc, "TABLE ATTACH") == 0 || strcmp(desc, "FUNCTION") == 0;
	enum toc_section section = strcmp(desc, "COMMENT") == 0 ? TOC_NONE : pre ? TOC_PRE_DATA : TOC_POST_DATA;
	va_list deps;
	int id;

	va_start(deps, defn);
	id = world_add(w, (int)w->toc.count + 1, section, desc, tag, defn, deps);
	va_end(deps);
	return id;
}

static int add_table(struct world *w, const char *name, uint64_t bytes)
{
	int id = add(w, "TABLE", name, "CREATE TABLE ...;\n", 0);
	struct content_table *t = &w->tables[w->contents.table_count++];

	t->table.oid = w->entries[id - 1].oid;
	t->table.qualified = name;
	t->fingerprint.rows = bytes / 100;
	if (bytes)
		piece_list_add(&t->pieces, (struct piece){ .length = bytes });
	return id;
}

static void choose(struct world *w, int server_version)
{
	stages_assign(&w->stages, &w->toc, false);
	later_choose(&w->later, &w->stages, &w->contents, server_version);
}

static enum later_kind kind_of(const struct world *w, int dump_id)
{
	return w->later.of[dump_id - 1];
}

static enum stage stage_of(const struct world *w, int dump_id)
{
	return w->stages.of[dump_id - 1];
}

static void plain_indexes_wait_and_unique_ones_do_not(void **state)
{
	struct world *w = world_new();
	int t = add_table(w, "t", 100 * MB);
	int key = add(w, "CONSTRAINT", "t t_pkey",
	        "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT t_pkey PRIMARY KEY (a);\n", t, 0);
	int excluded = add(w, "CONSTRAINT", "t x",
	        "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT x EXCLUDE USING gist (a WITH =);\n", t, 0);
	int plain = add(w, "INDEX", "i", "CREATE INDEX i ON public.t USING btree (b);\n", t, 0);
	int comment = add(w, "COMMENT", "INDEX i", "COMMENT ON INDEX public.i IS 'x';\n", plain, 0);
	int unique = add(w, "INDEX", "u", "CREATE UNIQUE INDEX u ON public.t USING btree (c);\n", t, 0);
	int trigger = add(w, "TRIGGER", "t g", "CREATE TRIGGER ...;\n", t, 0);
	int policy = add(w, "POLICY", "t p", "CREATE POLICY ...;\n", t, 0);
	int statistics = add(w, "STATISTICS", "s", "CREATE STATISTICS ...;\n", t, 0);

	(void)state;
	choose(w, 150020);
	assert_int_equal(w->later.count, 1);
	assert_int_equal(kind_of(w, plain), LATER_INDEX);
	assert_int_equal(stage_of(w, plain), STAGE_LATER);
	assert_int_equal(kind_of(w, comment), LATER_FOLLOWS);
	assert_int_equal(stage_of(w, comment), STAGE_LATER);
	assert_int_equal(w->later.items[0].follower_count, 1);
	assert_string_equal(w->later.items[0].table, "t");
	assert_int_equal(stage_of(w, key), STAGE_HEAVY);
	assert_int_equal(stage_of(w, excluded), STAGE_HEAVY);
	assert_int_equal(stage_of(w, unique), STAGE_HEAVY);
	assert_int_equal(stage_of(w, statistics), STAGE_HEAVY);
	assert_int_equal(stage_of(w, trigger), STAGE_LIGHT);
	assert_int_equal(stage_of(w, policy), STAGE_LIGHT);
	world_free(w);
}

static void what_something_else_needs_cannot_wait(void **state)
{
	struct world *w = world_new();
	int t = add_table(w, "t", 100 * MB);
	int needed = add(w, "INDEX", "i", "CREATE INDEX i ON public.t USING btree (b);\n", t, 0);
	int comment = add(w, "COMMENT", "INDEX i", "COMMENT ON INDEX public.i IS 'x';\n", needed, 0);
	int other = add(w, "INDEX", "j", "CREATE INDEX j ON public.t USING btree (c);\n", t, 0);

	(void)state;
	add(w, "VIEW", "odd", "CREATE VIEW ...;\n", needed, 0);
	choose(w, 150020);
	assert_int_equal(stage_of(w, needed), STAGE_HEAVY);
	assert_int_equal(kind_of(w, comment), LATER_NOT);
	assert_int_equal(stage_of(w, comment), STAGE_LIGHT);
	assert_int_equal(kind_of(w, other), LATER_INDEX);
	assert_int_equal(w->later.indexes, 1);
	world_free(w);
}

static void what_is_small_is_made_at_once(void **state)
{
	struct world *w = world_new();
	int large = add_table(w, "large", 2000 * MB), middle = add_table(w, "middle", 2 * MB),
	    small = add_table(w, "small", MB - 1), empty = add_table(w, "empty", 0);
	int on_large = add(w, "INDEX", "l", "CREATE INDEX l ON public.large USING btree (b);\n", large, 0);
	int on_middle = add(w, "INDEX", "m", "CREATE INDEX m ON public.middle USING btree (b);\n", middle, 0);
	int on_small = add(w, "INDEX", "s", "CREATE INDEX s ON public.small USING btree (b);\n", small, 0);
	int on_empty = add(w, "INDEX", "e", "CREATE INDEX e ON public.empty USING btree (b);\n", empty, 0);
	int small_key = add(w, "FK CONSTRAINT", "small f",
	        "ALTER TABLE ONLY public.small\n    ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES public.empty(a);\n",
	        small, empty, 0);
	int to_large = add(w, "FK CONSTRAINT", "small g",
	        "ALTER TABLE ONLY public.small\n    ADD CONSTRAINT g FOREIGN KEY (a) REFERENCES public.large(a);\n",
	        small, large, 0);

	(void)state;
	choose(w, 150020);
	assert_int_equal(kind_of(w, on_large), LATER_INDEX);
	assert_int_equal(kind_of(w, on_middle), LATER_INDEX);
	assert_int_equal(kind_of(w, on_small), LATER_NOT);
	assert_int_equal(kind_of(w, on_empty), LATER_NOT);
	assert_int_equal(kind_of(w, small_key), LATER_NOT);
	assert_int_equal(kind_of(w, to_large), LATER_UNCHECKED); /* the whole of it may be read to check */
	/* The largest table suffers most without. */
	assert_ptr_equal(w->later.items[0].entry, &w->entries[on_large - 1]);
	assert_string_equal(w->later.items[2].table, "small");
	assert_true(w->later.items[2].kind == LATER_UNCHECKED);
	world_free(w);
	/* In a small database nothing is large, and the largest is not small. */
	w = world_new();
	small = add_table(w, "small", MB / 2);
	on_small = add(w, "INDEX", "s", "CREATE INDEX s ON public.small USING btree (b);\n", small, 0);
	choose(w, 150020);
	assert_int_equal(kind_of(w, on_small), LATER_INDEX);
	world_free(w);
}

static void foreign_keys_are_there_unchecked(void **state)
{
	static const char plain[] =
	        "ALTER TABLE ONLY public.a\n    ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES public.b(id) DEFERRABLE;\n";
	struct world *w = world_new();
	struct graph g;
	struct err e = ERR_INIT;
	int a = add_table(w, "a", 100 * MB), b = add_table(w, "b", 100 * MB);
	int key = add(w, "FK CONSTRAINT", "a f", plain, a, b, 0);
	int comment = add(w, "COMMENT", "CONSTRAINT f ON a", "COMMENT ON CONSTRAINT f ON public.a IS 'x';\n", key, 0);
	int not_valid = add(w, "FK CONSTRAINT", "a n",
	        "ALTER TABLE ONLY public.a\n    ADD CONSTRAINT n FOREIGN KEY (b) REFERENCES public.b(id) NOT VALID;\n",
	        a, b, 0);
	int not_enforced = add(w, "FK CONSTRAINT", "a e",
	        "ALTER TABLE ONLY public.a\n    ADD CONSTRAINT e FOREIGN KEY (b) REFERENCES public.b(id) NOT ENFORCED;\n",
	        a, b, 0);
	int partitioned = add(w, "FK CONSTRAINT", "a p",
	        "ALTER TABLE public.a\n    ADD CONSTRAINT p FOREIGN KEY (b) REFERENCES public.b(id);\n", a, b, 0);
	size_t unchecked = 0;

	(void)state;
	choose(w, 170000);
	assert_int_equal(kind_of(w, key), LATER_UNCHECKED);
	assert_int_equal(stage_of(w, key), STAGE_HEAVY); /* made at once all the same */
	assert_int_equal(stage_of(w, comment), STAGE_LIGHT);
	assert_int_equal(kind_of(w, not_valid), LATER_NOT);
	assert_int_equal(kind_of(w, not_enforced), LATER_NOT);
	assert_int_equal(kind_of(w, partitioned), LATER_NOT);
	assert_true(graph_build(&g,
	        &(struct graph_input){ .stages = &w->stages,
	                .later = &w->later,
	                .contents = &w->contents,
	                .jobs = 2,
	                .server_version = 170000 },
	        &e));
	for (size_t i = 0; i < g.count; i++) {
		if (!g.tasks[i].unchecked)
			continue;
		unchecked++;
		assert_ptr_equal(g.tasks[i].entry, &w->entries[key - 1]);
		assert_int_equal(g.tasks[i].inputs,
		        2); /* the rows: an index that would help the check is none of its business */
	}
	assert_int_equal(unchecked, 1);
	graph_release(&g);
	later_release(&w->later);
	stages_release(&w->stages);
	choose(w, 180000);
	assert_int_equal(kind_of(w, partitioned), LATER_UNCHECKED);
	world_free(w);
}

static void partitions_are_attached_after_their_index(void **state)
{
	struct world *w = world_new();
	int root = add_table(w, "root", 0), leaf = add_table(w, "leaf", 50 * MB);
	int attach_table = add(w, "TABLE ATTACH", "leaf", "ALTER TABLE ...;\n", leaf, root, 0);
	int root_index = add(w, "INDEX", "ri", "CREATE INDEX ri ON ONLY public.root USING btree (b);\n", root, 0);
	int leaf_index = add(w, "INDEX", "li", "CREATE INDEX li ON public.leaf USING btree (b);\n", leaf, 0);
	int attach = add(w, "INDEX ATTACH", "li", "ALTER INDEX public.ri ATTACH PARTITION public.li;\n", root_index,
	        leaf_index, 0);

	(void)state;
	(void)attach_table;
	choose(w, 150020);
	assert_int_equal(stage_of(w, root_index), STAGE_HEAVY);
	assert_int_equal(kind_of(w, leaf_index), LATER_INDEX);
	assert_int_equal(kind_of(w, attach), LATER_FOLLOWS);
	assert_int_equal(w->later.count, 1);
	assert_ptr_equal(w->later.items[0].followers[0], &w->entries[attach - 1]);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_indexes_wait_and_unique_ones_do_not),
		cmocka_unit_test(what_something_else_needs_cannot_wait),
		cmocka_unit_test(what_is_small_is_made_at_once),
		cmocka_unit_test(foreign_keys_are_there_unchecked),
		cmocka_unit_test(partitions_are_attached_after_their_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
