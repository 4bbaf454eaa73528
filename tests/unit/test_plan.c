#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "src/codec/chunker.h"
#include "src/snapshot/plan.h"

#define MIB ((uint64_t)1 << 20)

struct fixture {
	struct arena arena;
	struct pg_table_list tables;
	bool skip[512];
	struct plan plan;
};

static void add_table(struct fixture *f, const char *name, uint64_t pages, uint64_t size)
{
	f->tables.items = arena_grow(
	        &f->arena, f->tables.items, f->tables.count, &(size_t){ f->tables.count }, sizeof *f->tables.items);
	f->tables.items[f->tables.count++] = (struct pg_table){ .kind = PG_TABLE_PLAIN,
		.qualified = name,
		.schema = "public",
		.name = name,
		.columns = "(a)",
		.heap = true,
		.main_pages = pages,
		.size = size };
}

static void release(struct fixture *f)
{
	plan_release(&f->plan);
	arena_release(&f->arena);
}

static void large_tables_are_split_and_tiled(void **state)
{
	struct fixture f = { 0 };
	uint64_t expected = 0;

	(void)state;
	add_table(&f, "big", 131072, 1024 * MIB);
	plan_build(&f.plan, &f.tables, f.skip, 2, 0, &f.arena);
	assert_int_equal(f.plan.range_pages[0], 8192); /* 64 MiB of pages that hold nothing outside the main fork */
	assert_int_equal(f.plan.range_count, 16);
	for (size_t i = 0; i < f.plan.range_count; i++) {
		assert_int_equal(f.plan.ranges[i].first_page, expected);
		expected = f.plan.ranges[i].end_page;
	}
	assert_true(expected == UINT64_MAX);
	release(&f);
}

static void boundaries_stay_when_the_table_grows(void **state)
{
	struct fixture f = { 0 }, g = { 0 };

	(void)state;
	add_table(&f, "big", 100000, 100000 * 8192);
	add_table(&g, "big", 120000, (uint64_t)120000 * 8192);
	plan_build(&f.plan, &f.tables, f.skip, 2, 0, &f.arena);
	plan_build(&g.plan, &g.tables, g.skip, 2, 0, &g.arena);
	assert_int_equal(f.plan.range_pages[0], g.plan.range_pages[0]);
	for (size_t i = 0; i < f.plan.range_count; i++)
		assert_int_equal(f.plan.ranges[i].first_page, g.plan.ranges[i].first_page);
	release(&f);
	release(&g);
}

/* Two readers, a share of 1,300 each: whole tables take at most three quarters of it. */
static void a_table_that_fits_into_a_share_is_whole(void **state)
{
	static const uint64_t sizes[] = { 300, 800, 200, 700, 150, 400, 50 };
	static const bool split[] = { true, false, false, false, false, true, false };
	struct fixture f = { 0 };

	(void)state;
	for (size_t i = 0; i < 7; i++)
		add_table(&f, arena_printf(&f.arena, "t%zu", i), sizes[i] * 128, sizes[i] * MIB);
	plan_build(&f.plan, &f.tables, f.skip, 2, 0, &f.arena);
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(f.plan.range_pages[i], split[i] ? 8192 : 0);
	assert_int_equal(f.plan.ranges[f.plan.tasks[0].first_range].table, 1);
	assert_int_equal(f.plan.ranges[f.plan.tasks[1].first_range].table, 3);
	release(&f);
}

static void what_is_skipped_keeps_nobody_busy(void **state)
{
	struct fixture f = { .skip = { true } };

	(void)state;
	add_table(&f, "skipped", 131072, 1024 * MIB);
	add_table(&f, "read", 65536, 512 * MIB);
	plan_build(&f.plan, &f.tables, f.skip, 2, 0, &f.arena);
	assert_int_equal(f.plan.range_pages[1], 8192);
	assert_int_equal(f.plan.range_count, 8);
	release(&f);
}

static void one_reader_splits_nothing(void **state)
{
	struct fixture f = { 0 };

	(void)state;
	add_table(&f, "big", 131072, 1024 * MIB);
	plan_build(&f.plan, &f.tables, f.skip, 1, 0, &f.arena);
	assert_int_equal(f.plan.range_count, 1);
	assert_true(f.plan.ranges[0].end_page == UINT64_MAX);
	release(&f);
}

static void toasted_tables_are_split_by_what_their_pages_carry(void **state)
{
	struct fixture f = { 0 };

	(void)state;
	add_table(&f, "documents", 1024, 2048 * MIB); /* 2 MiB behind each page */
	plan_build(&f.plan, &f.tables, f.skip, 2, 0, &f.arena);
	assert_int_equal(f.plan.range_pages[0], 32);
	assert_int_equal(f.plan.range_count, 32);
	release(&f);
}

static void what_has_no_ctid_ranges_stays_whole(void **state)
{
	struct fixture f = { 0 };

	(void)state;
	add_table(&f, "columnar", 131072, 1024 * MIB);
	f.tables.items[0].heap = false;
	plan_build(&f.plan, &f.tables, f.skip, 2, 0, &f.arena);
	assert_int_equal(f.plan.range_count, 1);
	release(&f);
}

static void small_tables_share_tasks_and_large_ones_come_first(void **state)
{
	struct fixture f = { 0 };
	size_t ranges = 0, packs = 0;

	(void)state;
	for (int i = 0; i < 500; i++)
		add_table(&f, arena_printf(&f.arena, "public.t%03d", i), 1, 8192);
	add_table(&f, "public.medium", 1000, 1000 * 8192);
	f.skip[7] = true;
	plan_build(&f.plan, &f.tables, f.skip, 2, 0, &f.arena);
	assert_int_equal(f.plan.ranges[f.plan.tasks[0].first_range].table, 500);
	for (size_t i = 0; i < f.plan.task_count; i++) {
		const struct plan_task *t = &f.plan.tasks[i];

		ranges += t->count;
		packs += t->pack;
		for (size_t k = 0; t->pack && k + 1 < t->count; k++)
			assert_false(
			        pack_ends_after(f.tables.items[f.plan.ranges[t->first_range + k].table].qualified, 0));
	}
	assert_int_equal(ranges, 500);
	assert_true(packs >= 1 && packs < 20);
	release(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_tables_are_split_and_tiled),
		cmocka_unit_test(boundaries_stay_when_the_table_grows),
		cmocka_unit_test(a_table_that_fits_into_a_share_is_whole),
		cmocka_unit_test(what_is_skipped_keeps_nobody_busy),
		cmocka_unit_test(one_reader_splits_nothing),
		cmocka_unit_test(toasted_tables_are_split_by_what_their_pages_carry),
		cmocka_unit_test(what_has_no_ctid_ranges_stays_whole),
		cmocka_unit_test(small_tables_share_tasks_and_large_ones_come_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
