/* tests/unit/test_graph.c - stages of archive entries, tasks with what they wait for, and the order they are handed out
 * in */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "restore/scheduler.h"
#include "tests/unit/archive_fixture.h"

#define NO_TASK SIZE_MAX

/* deps end with 0; the new entry's dump id. */
static int add_entry(struct world *w, enum toc_section section, const char *desc, const char *tag, ...)
{
	va_list deps;
	int id;

	va_start(deps, tag);
	id = world_add(w, (int)w->toc.count * 3 + 10, section, desc, tag, "CREATE ...;\n", deps);
	va_end(deps);
	return id;
}

static size_t add_rows(struct world *w, int dump_id, uint64_t rows, uint64_t bytes, size_t pieces)
{
	size_t at = w->contents.table_count++;
	struct content_table *t = &w->tables[at];

	t->table.qualified = "public.t";
	t->table.columns = "(a)";
	t->fingerprint.rows = rows;
	for (size_t i = 0; i < w->toc.count; i++)
		if (w->entries[i].dump_id == dump_id)
			t->table.oid = w->entries[i].oid;
	for (size_t i = 0; i < pieces; i++)
		piece_list_add(&t->pieces,
		        (struct piece){ .chunk.bytes = { (uint8_t)at, (uint8_t)i }, .length = bytes / pieces });
	return at;
}

static void build(struct world *w, unsigned jobs, int server_version)
{
	struct err e = ERR_INIT;

	stages_assign(&w->stages, &w->toc, false);
	assert_true(graph_build(&w->graph,
	        &(struct graph_input){ .stages = &w->stages,
	                .contents = &w->contents,
	                .jobs = jobs,
	                .server_version = server_version },
	        &e));
}

static size_t task_of_entry(const struct world *w, int dump_id)
{
	for (size_t i = 0; i < w->graph.count; i++)
		if (w->graph.tasks[i].kind == GRAPH_BUILD && w->graph.tasks[i].entry->dump_id == dump_id)
			return i;
	return NO_TASK;
}

static size_t load_of_table(const struct world *w, size_t table)
{
	for (size_t i = 0; i < w->graph.count; i++)
		for (size_t k = 0; w->graph.tasks[i].kind == GRAPH_LOAD && k < w->graph.tasks[i].table_count; k++)
			if (w->graph.tasks[i].tables[k] == table)
				return i;
	return NO_TASK;
}

static size_t analyze_of(const struct world *w, const char *name)
{
	for (size_t i = 0; i < w->graph.count; i++)
		for (size_t k = 0; w->graph.tasks[i].kind == GRAPH_ANALYZE && k < w->graph.tasks[i].name_count; k++)
			if (strcmp(w->graph.tasks[i].names[k], name) == 0)
				return i;
	return NO_TASK;
}

/* Does task `after` wait, directly or not, for task `before`? */
static bool waits(const struct world *w, size_t after, size_t before)
{
	const struct graph_task *t = &w->graph.tasks[before];

	assert_true(after != NO_TASK && before != NO_TASK);
	for (size_t i = 0; i < t->next_count; i++)
		if (t->next[i] == after || waits(w, after, t->next[i]))
			return true;
	return false;
}

static enum stage stage_of(const struct world *w, int dump_id)
{
	return w->stages.of[stages_find(&w->stages, dump_id)];
}

/* --- stages --- */

static void entries_find_their_stage(void **state)
{
	struct world *w = world_new();
	int table = add_entry(w, TOC_PRE_DATA, "TABLE", "t", 0);
	int comment = add_entry(w, TOC_NONE, "COMMENT", "TABLE t", table, 0);
	int acl = add_entry(w, TOC_NONE, "ACL", "TABLE t", table, 0);
	int column_acl = add_entry(w, TOC_NONE, "ACL", "COLUMN t.a", table, acl, 0);
	int index = add_entry(w, TOC_POST_DATA, "INDEX", "i", table, 0);
	int index_comment = add_entry(w, TOC_NONE, "COMMENT", "INDEX i", index, 0);
	int view = add_entry(w, TOC_POST_DATA, "MATERIALIZED VIEW", "late", index, 0);
	int view_index = add_entry(w, TOC_POST_DATA, "INDEX", "vi", view, 0);
	int trigger = add_entry(w, TOC_POST_DATA, "EVENT TRIGGER", "e", 0);
	int trigger_comment = add_entry(w, TOC_NONE, "COMMENT", "EVENT TRIGGER e", trigger, 0);
	int database = add_entry(w, TOC_PRE_DATA, "DATABASE", "d", 0);
	int database_comment = add_entry(w, TOC_NONE, "COMMENT", "DATABASE d", database, 0);
	int subscription = add_entry(w, TOC_POST_DATA, "SUBSCRIPTION", "s", 0);
	int subscription_comment = add_entry(w, TOC_NONE, "COMMENT", "SUBSCRIPTION s", subscription, 0);

	(void)state;
	stages_assign(&w->stages, &w->toc, false);
	assert_int_equal(stage_of(w, table), STAGE_PRE);
	assert_int_equal(stage_of(w, comment), STAGE_PRE);
	assert_int_equal(stage_of(w, acl), STAGE_LIGHT);
	assert_int_equal(stage_of(w, column_acl), STAGE_LIGHT);
	assert_int_equal(stage_of(w, index), STAGE_HEAVY);
	assert_int_equal(stage_of(w, index_comment), STAGE_LIGHT);
	assert_int_equal(stage_of(w, view), STAGE_LIGHT);
	assert_int_equal(stage_of(w, view_index), STAGE_LIGHT);
	assert_int_equal(stage_of(w, trigger), STAGE_LAST);
	assert_int_equal(stage_of(w, trigger_comment), STAGE_LAST);
	assert_int_equal(stage_of(w, database), STAGE_SKIP);
	assert_int_equal(stage_of(w, database_comment), STAGE_SKIP);
	assert_int_equal(stage_of(w, subscription), STAGE_LIGHT);
	assert_int_equal(stage_of(w, subscription_comment), STAGE_LIGHT);
	stages_release(&w->stages);
	stages_assign(&w->stages, &w->toc, true);
	assert_int_equal(stage_of(w, subscription), STAGE_SKIP);
	assert_int_equal(stage_of(w, subscription_comment), STAGE_SKIP);
	world_free(w);
}

static void what_needs_the_lost_is_lost(void **state)
{
	struct world *w = world_new();
	int table = add_entry(w, TOC_PRE_DATA, "TABLE", "t", 0);
	int key = add_entry(w, TOC_POST_DATA, "CONSTRAINT", "t t_pkey", table, 0);
	int view = add_entry(w, TOC_POST_DATA, "VIEW", "grouped", table, key, 0);
	int comment = add_entry(w, TOC_NONE, "COMMENT", "VIEW grouped", view, 0);
	int trigger = add_entry(w, TOC_POST_DATA, "TRIGGER", "t x", table, 0);
	bool lost[ENTRIES_MAX] = { false };

	(void)state;
	stages_assign(&w->stages, &w->toc, false);
	lost[stages_find(&w->stages, key)] = true;
	stages_spread_lost(lost, &w->stages);
	assert_false(lost[stages_find(&w->stages, table)]);
	assert_true(lost[stages_find(&w->stages, view)]);
	assert_true(lost[stages_find(&w->stages, comment)]);
	assert_false(lost[stages_find(&w->stages, trigger)]);
	world_free(w);
}

/* --- the graph --- */

static void keys_wait_for_rows_and_each_other(void **state)
{
	struct world *w = world_new();
	int users = add_entry(w, TOC_PRE_DATA, "TABLE", "users", 0);
	int orders = add_entry(w, TOC_PRE_DATA, "TABLE", "orders", 0);
	int users_key = add_entry(w, TOC_POST_DATA, "CONSTRAINT", "users users_pkey", users, users, 0);
	int index = add_entry(w, TOC_POST_DATA, "INDEX", "orders_i", orders, 0);
	int foreign = add_entry(w, TOC_POST_DATA, "FK CONSTRAINT", "orders fk", orders, users, users_key, 0);
	size_t users_rows, orders_rows, fk, key;

	(void)state;
	users_rows = add_rows(w, users, 1000000, 40 << 20, 10);
	orders_rows = add_rows(w, orders, 3000000, 80 << 20, 20);
	w->tables[users_rows].table.qualified = "public.users";
	build(w, 2, 150020);
	fk = task_of_entry(w, foreign);
	key = task_of_entry(w, users_key);
	assert_int_equal(w->graph.loads, 2);
	assert_true(waits(w, key, load_of_table(w, users_rows)));
	assert_false(waits(w, key, load_of_table(w, orders_rows)));
	assert_true(waits(w, fk, key));
	assert_true(waits(w, fk, load_of_table(w, orders_rows)));
	assert_false(waits(w, fk, task_of_entry(w, index)));
	assert_int_equal(w->graph.analyzes, 2);
	assert_true(waits(w, analyze_of(w, "public.users"), key));
	assert_false(waits(w, analyze_of(w, "public.users"), task_of_entry(w, index)));
	assert_true(waits(w, analyze_of(w, "public.users"), fk)); /* the foreign key wants the table alone */
	/* The key of the referenced table is urgent: the foreign key hangs on it. */
	assert_true(w->graph.tasks[key].priority_us >= w->graph.tasks[fk].priority_us + w->graph.tasks[key].cost_us);
	assert_true(w->graph.tasks[load_of_table(w, orders_rows)].priority_us > w->graph.tasks[fk].priority_us);
	/* Building an index shares its table, a key wants it alone. */
	assert_int_equal(w->graph.tasks[task_of_entry(w, index)].lock_count, 1);
	assert_false(w->graph.tasks[task_of_entry(w, index)].locks[0].exclusive);
	assert_true(w->graph.tasks[key].locks[0].exclusive);
	assert_int_equal(w->graph.tasks[fk].lock_count, 2);
	world_free(w);
}

static void set_definition(struct world *w, int dump_id, const char *definition)
{
	for (size_t i = 0; i < w->toc.count; i++)
		if (w->entries[i].dump_id == dump_id)
			w->entries[i].defn = definition;
}

static void a_not_null_that_reaches_heirs_comes_after_all_rows(void **state)
{
	struct world *w = world_new();
	int table = add_entry(w, TOC_PRE_DATA, "TABLE", "t", 0);
	int not_null = add_entry(w, TOC_POST_DATA, "CONSTRAINT", "t n", table, 0);
	int key = add_entry(w, TOC_POST_DATA, "CONSTRAINT", "t t_pkey", table, 0);

	(void)state;
	set_definition(w, not_null, "ALTER TABLE public.t\n    ADD CONSTRAINT n NOT NULL b NOT VALID;\n");
	set_definition(w, key, "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT t_pkey PRIMARY KEY (a);\n");
	stages_assign(&w->stages, &w->toc, false);
	assert_int_equal(stage_of(w, not_null), STAGE_LIGHT);
	assert_int_equal(stage_of(w, key), STAGE_HEAVY);
	world_free(w);
}

static void a_foreign_key_waits_for_the_index_that_helps_it(void **state)
{
	struct world *w = world_new();
	int users = add_entry(w, TOC_PRE_DATA, "TABLE", "users", 0);
	int orders = add_entry(w, TOC_PRE_DATA, "TABLE", "orders", 0);
	int key = add_entry(w, TOC_POST_DATA, "CONSTRAINT", "users users_pkey", users, 0);
	int foreign = add_entry(w, TOC_POST_DATA, "FK CONSTRAINT", "orders fk", orders, users, key, 0);
	int helps = add_entry(w, TOC_POST_DATA, "INDEX", "helps", orders, 0);
	int partial = add_entry(w, TOC_POST_DATA, "INDEX", "partial", orders, 0);
	int other = add_entry(w, TOC_POST_DATA, "INDEX", "other", orders, 0);
	size_t fk;

	(void)state;
	set_definition(w, key, "ALTER TABLE ONLY users\n    ADD CONSTRAINT users_pkey PRIMARY KEY (id);\n");
	set_definition(w, foreign,
	        "ALTER TABLE ONLY orders\n    ADD CONSTRAINT fk FOREIGN KEY (\"user, id\") REFERENCES users(id);\n");
	set_definition(w, helps, "CREATE INDEX helps ON orders USING btree (\"user, id\", at DESC);\n");
	set_definition(w, partial, "CREATE INDEX partial ON orders USING btree (\"user, id\") WHERE open;\n");
	set_definition(w, other, "CREATE INDEX other ON orders USING btree (lower(\"user, id\"));\n");
	add_rows(w, users, 1000000, 40 << 20, 10);
	add_rows(w, orders, 3000000, 80 << 20, 20);
	build(w, 2, 150020);
	fk = task_of_entry(w, foreign);
	assert_true(w->graph.tasks[fk].visible);
	assert_true(waits(w, fk, task_of_entry(w, helps)));
	assert_false(waits(w, fk, task_of_entry(w, partial)));
	assert_false(waits(w, fk, task_of_entry(w, other)));
	world_free(w);
}

static void rows_in_shares_are_not_frozen(void **state)
{
	struct world *w = world_new();
	int users = add_entry(w, TOC_PRE_DATA, "TABLE", "users", 0);
	int key = add_entry(w, TOC_POST_DATA, "CONSTRAINT", "users users_pkey", users, 0);
	int foreign = add_entry(w, TOC_POST_DATA, "FK CONSTRAINT", "users fk", users, key, 0);

	(void)state;
	set_definition(w, key, "ALTER TABLE ONLY users\n    ADD CONSTRAINT users_pkey PRIMARY KEY (id);\n");
	set_definition(
	        w, foreign, "ALTER TABLE ONLY users\n    ADD CONSTRAINT fk FOREIGN KEY (id) REFERENCES users(id);\n");
	add_rows(w, users, 10000000, (uint64_t)1 << 30, 100);
	build(w, 2, 150020);
	assert_int_equal(w->graph.loads, 2);
	assert_false(w->graph.tasks[task_of_entry(w, foreign)].visible);
	world_free(w);
}

static void partitions_are_below_their_root(void **state)
{
	struct world *w = world_new();
	int root = add_entry(w, TOC_PRE_DATA, "TABLE", "root", 0);
	int leaf1 = add_entry(w, TOC_PRE_DATA, "TABLE", "leaf1", root, 0);
	int leaf2 = add_entry(w, TOC_PRE_DATA, "TABLE", "leaf2", root, 0);
	int other = add_entry(w, TOC_PRE_DATA, "TABLE", "other", 0);
	int root_key, leaf_key, attach, foreign;
	size_t rows1, rows2;

	(void)state;
	add_entry(w, TOC_PRE_DATA, "TABLE ATTACH", "leaf1", leaf1, root, 0);
	add_entry(w, TOC_PRE_DATA, "TABLE ATTACH", "leaf2", leaf2, root, 0);
	root_key = add_entry(w, TOC_POST_DATA, "CONSTRAINT", "root root_pkey", root, 0);
	leaf_key = add_entry(w, TOC_POST_DATA, "CONSTRAINT", "leaf1 leaf1_pkey", leaf1, root_key, 0);
	attach = add_entry(w, TOC_POST_DATA, "INDEX ATTACH", "leaf1_pkey", leaf_key, root_key, leaf1, root, 0);
	foreign = add_entry(w, TOC_POST_DATA, "FK CONSTRAINT", "other fk", other, root, root_key, attach, 0);
	rows1 = add_rows(w, leaf1, 2000000, 60 << 20, 10);
	rows2 = add_rows(w, leaf2, 2000000, 60 << 20, 10);
	build(w, 2, 150020);
	assert_true(waits(w, task_of_entry(w, leaf_key), load_of_table(w, rows1)));
	assert_false(waits(w, task_of_entry(w, root_key), load_of_table(w, rows1)));
	assert_true(waits(w, task_of_entry(w, foreign), load_of_table(w, rows2)));
	assert_true(waits(w, task_of_entry(w, foreign), task_of_entry(w, attach)));
	assert_int_equal(w->graph.tasks[task_of_entry(w, foreign)].lock_count, 4);
	/* Before 18 ANALYZE of the root visits the partitions: none gets its own. */
	assert_true(analyze_of(w, "\"public\".\"root\"") != NO_TASK);
	assert_true(waits(w, analyze_of(w, "\"public\".\"root\""), load_of_table(w, rows2)));
	assert_int_equal(w->graph.analyzes, 2);
	graph_release(&w->graph);
	stages_release(&w->stages);
	build(w, 2, 180006);
	assert_true(w->graph.tasks[analyze_of(w, "\"public\".\"root\"")].only);
	assert_int_equal(w->graph.analyzes, 4);
	world_free(w);
}

static void rows_through_the_root_reach_every_leaf(void **state)
{
	struct world *w = world_new();
	int root = add_entry(w, TOC_PRE_DATA, "TABLE", "root", 0);
	int leaf1 = add_entry(w, TOC_PRE_DATA, "TABLE", "leaf1", root, 0);
	int leaf2 = add_entry(w, TOC_PRE_DATA, "TABLE", "leaf2", root, 0);
	int key;
	size_t rows1;

	(void)state;
	add_entry(w, TOC_PRE_DATA, "TABLE ATTACH", "leaf1", leaf1, root, 0);
	add_entry(w, TOC_PRE_DATA, "TABLE ATTACH", "leaf2", leaf2, root, 0);
	key = add_entry(w, TOC_POST_DATA, "CONSTRAINT", "leaf2 leaf2_pkey", leaf2, 0);
	rows1 = add_rows(w, leaf1, 10, 100, 1);
	w->tables[rows1].table.load_root = "public.root";
	w->tables[rows1].table.load_root_oid = w->entries[0].oid;
	build(w, 2, 150020);
	assert_true(waits(w, task_of_entry(w, key), load_of_table(w, rows1)));
	world_free(w);
}

static void code_of_the_user_waits_for_all_rows(void **state)
{
	struct world *w = world_new();
	int function = add_entry(w, TOC_PRE_DATA, "FUNCTION", "f()", 0);
	int a = add_entry(w, TOC_PRE_DATA, "TABLE", "a", 0);
	int b = add_entry(w, TOC_PRE_DATA, "TABLE", "b", 0);
	int plain = add_entry(w, TOC_POST_DATA, "INDEX", "plain", a, 0);
	int expression = add_entry(w, TOC_POST_DATA, "INDEX", "expression", a, function, 0);
	size_t rows_b;

	(void)state;
	add_rows(w, a, 1000000, 40 << 20, 5);
	rows_b = add_rows(w, b, 1000000, 40 << 20, 5);
	build(w, 2, 150020);
	assert_false(waits(w, task_of_entry(w, plain), load_of_table(w, rows_b)));
	assert_true(waits(w, task_of_entry(w, expression), load_of_table(w, rows_b)));
	world_free(w);
}

static void small_tables_go_together_and_a_giant_is_shared(void **state)
{
	struct world *w = world_new();
	size_t giant, pieces = 0;

	(void)state;
	for (size_t i = 0; i < 250; i++)
		add_rows(w, 0, 10, 1000, 1);
	giant = add_rows(w, 0, 1000000, (uint64_t)1 << 30, 256);
	build(w, 2, 150020);
	assert_int_equal(w->graph.loads, 3 + 2);
	for (size_t i = 0; i < w->graph.count; i++) {
		const struct graph_task *t = &w->graph.tasks[i];

		if (t->kind != GRAPH_LOAD || t->tables[0] != giant)
			continue;
		assert_false(t->whole);
		assert_int_equal(t->first_piece, pieces);
		pieces += t->piece_count;
	}
	assert_int_equal(pieces, 256);
	world_free(w);
}

static void a_circle_is_damage(void **state)
{
	struct world *w = world_new();
	int table = add_entry(w, TOC_PRE_DATA, "TABLE", "t", 0);
	struct err e = ERR_INIT;

	(void)state;
	add_entry(w, TOC_POST_DATA, "INDEX", "a", table, 16, 0);
	assert_int_equal(add_entry(w, TOC_POST_DATA, "INDEX", "b", table, 13, 0), 16);
	stages_assign(&w->stages, &w->toc, false);
	assert_false(graph_build(&w->graph,
	        &(struct graph_input){
	                .stages = &w->stages, .contents = &w->contents, .jobs = 1, .server_version = 150000 },
	        &e));
	assert_int_equal(e.kind, ERR_DAMAGED);
	world_free(w);
}

/* --- the scheduler --- */

static const struct graph_task *take(struct scheduler *s)
{
	bool last_try = false;
	unsigned idle = 0;

	return scheduler_next(s, &last_try, &idle);
}

static void the_urgent_goes_first_and_locks_are_kept(void **state)
{
	struct world *w = world_new();
	int t = add_entry(w, TOC_PRE_DATA, "TABLE", "t", 0);
	int u = add_entry(w, TOC_PRE_DATA, "TABLE", "u", 0);
	int key = add_entry(w, TOC_POST_DATA, "CONSTRAINT", "t t_pkey", t, 0);
	int index = add_entry(w, TOC_POST_DATA, "INDEX", "t_i", t, 0);
	int small = add_entry(w, TOC_POST_DATA, "INDEX", "u_i", u, 0);
	const struct graph_task *first, *second;
	struct scheduler *s;
	size_t rows_t;

	(void)state;
	rows_t = add_rows(w, t, 5000000, 100 << 20, 10);
	add_rows(w, u, 100, 10000, 1);
	build(w, 2, 150020);
	s = scheduler_new(&w->graph);
	first = take(s);
	assert_ptr_equal(first, &w->graph.tasks[load_of_table(w, rows_t)]);
	second = take(s);
	assert_int_equal(second->kind, GRAPH_LOAD);
	scheduler_done(s, first);
	first = take(s);
	assert_true(first->entry->dump_id == key || first->entry->dump_id == index);
	scheduler_done(s, second);
	second = take(s);
	/* The other one of t is more urgent, but t is taken. */
	assert_int_equal(second->entry->dump_id, small);
	scheduler_done(s, second);
	scheduler_done(s, first);
	assert_int_equal(scheduler_left(s).builds_left, 1);
	scheduler_free(s);
	world_free(w);
}

static void what_stands_on_a_failure_fails_too(void **state)
{
	struct world *w = world_new();
	int t = add_entry(w, TOC_PRE_DATA, "TABLE", "t", 0);
	int key = add_entry(w, TOC_POST_DATA, "CONSTRAINT", "t t_pkey", t, 0);
	int foreign = add_entry(w, TOC_POST_DATA, "FK CONSTRAINT", "t fk", t, key, 0);
	const struct graph_task *task;
	struct scheduler *s;

	(void)state;
	build(w, 1, 150020);
	s = scheduler_new(&w->graph);
	task = take(s);
	assert_int_equal(task->entry->dump_id, key);
	scheduler_failed(s, task);
	task = take(s);
	assert_int_equal(task->kind, GRAPH_ANALYZE);
	scheduler_done(s, task);
	assert_null(take(s));
	assert_ptr_equal(
	        scheduler_cause(s, &w->graph.tasks[task_of_entry(w, foreign)]), &w->graph.tasks[task_of_entry(w, key)]);
	assert_null(scheduler_cause(s, &w->graph.tasks[task_of_entry(w, key)]));
	scheduler_free(s);
	world_free(w);
}

static void a_retry_comes_when_others_are_done(void **state)
{
	struct world *w = world_new();
	int a = add_entry(w, TOC_PRE_DATA, "TABLE", "a", 0);
	int b = add_entry(w, TOC_PRE_DATA, "TABLE", "b", 0);
	const struct graph_task *first, *again;
	struct scheduler *s;
	bool last_try = true;
	unsigned idle = 0;

	(void)state;
	add_rows(w, a, 3000000, 20 << 20, 1);
	add_rows(w, b, 1000000, 10 << 20, 1);
	build(w, 1, 150020);
	s = scheduler_new(&w->graph);
	first = take(s);
	scheduler_retry(s, first);
	again = take(s);
	assert_ptr_not_equal(again, first);
	scheduler_done(s, again); /* load of b */
	again = take(s);          /* ANALYZE of b */
	assert_int_equal(again->kind, GRAPH_ANALYZE);
	scheduler_done(s, again);
	assert_ptr_equal(scheduler_next(s, &last_try, &idle), first);
	assert_false(last_try);
	scheduler_retry(s, first);
	assert_ptr_equal(scheduler_next(s, &last_try, &idle), first);
	assert_true(last_try); /* nothing has changed since: there is no point in more */
	scheduler_failed(s, first);
	again = take(s);
	assert_int_equal(again->kind, GRAPH_ANALYZE);
	scheduler_stop(s);
	assert_null(take(s));
	scheduler_free(s);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_find_their_stage),
		cmocka_unit_test(what_needs_the_lost_is_lost),
		cmocka_unit_test(keys_wait_for_rows_and_each_other),
		cmocka_unit_test(a_not_null_that_reaches_heirs_comes_after_all_rows),
		cmocka_unit_test(a_foreign_key_waits_for_the_index_that_helps_it),
		cmocka_unit_test(rows_in_shares_are_not_frozen),
		cmocka_unit_test(partitions_are_below_their_root),
		cmocka_unit_test(rows_through_the_root_reach_every_leaf),
		cmocka_unit_test(code_of_the_user_waits_for_all_rows),
		cmocka_unit_test(small_tables_go_together_and_a_giant_is_shared),
		cmocka_unit_test(a_circle_is_damage),
		cmocka_unit_test(the_urgent_goes_first_and_locks_are_kept),
		cmocka_unit_test(what_stands_on_a_failure_fails_too),
		cmocka_unit_test(a_retry_comes_when_others_are_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
