/*
 * src/codec/chunker.c - see chunker.h
 *
 * Both cutters end a chunk at a byte with probability 1 / (CHUNK_TYPICAL - CHUNK_MIN) once it has CHUNK_MIN bytes; a
 * row gathers the probability of its bytes. Every constant here is part of the format: another value would deduplicate
 * nothing against older snapshots.
 */
#include "src/codec/chunker.h"

#define SPREAD   (CHUNK_TYPICAL - CHUNK_MIN)
#define PER_BYTE (UINT64_MAX / SPREAD) /* a uniform 64-bit value is below this once in SPREAD */

#define GEAR_SEED   UINT64_C(0x64726b5f67656172)
#define GEAR_STEP   UINT64_C(0x9e3779b97f4a7c15)
#define GEAR_WINDOW ((size_t)64) /* bytes that influence a 64-bit gear hash */

/* The finaliser of splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

enum row_cut row_chunker_next(struct row_chunker *c, size_t row_len, struct hash128 row_hash)
{
	size_t len = c->len;

	if (row_len > CHUNK_MAX - len) {
		c->len = 0;
		return len > 0 ? ROW_CUT_FIRST : ROW_ALONE;
	}
	len += row_len;
	if (len >= CHUNK_MIN && (row_len >= SPREAD || mix(row_hash.low ^ c->seed) < row_len * PER_BYTE)) {
		c->len = 0;
		return ROW_APPEND_CUT;
	}
	c->len = len;
	return ROW_APPEND;
}

void row_chunker_reset(struct row_chunker *c)
{
	c->len = 0;
}

static void make_gear(uint64_t gear[256], uint64_t seed)
{
	uint64_t state = GEAR_SEED ^ seed;

	for (int i = 0; i < 256; i++)
		gear[i] = mix(state += GEAR_STEP);
}

/* The first length in (from, to] whose last GEAR_WINDOW bytes make a cut; 0 when there is none. */
static size_t find_cut(const uint8_t *data, size_t from, size_t to, uint64_t seed)
{
	uint64_t gear[256], hash = 0;
	size_t i = from - GEAR_WINDOW;

	make_gear(gear, seed);
	for (; i < from; i++)
		hash = (hash << 1) + gear[data[i]];
	for (; i < to; i++) {
		hash = (hash << 1) + gear[data[i]];
		if (hash < PER_BYTE)
			return i + 1;
	}
	return 0;
}

size_t byte_chunker_cut(struct view data, uint64_t seed, bool last)
{
	size_t to = data.len < CHUNK_MAX ? data.len : CHUNK_MAX, cut = 0;

	if (to > CHUNK_MIN)
		cut = find_cut(data.data, CHUNK_MIN, to, seed);
	if (cut > 0)
		return cut;
	return last || to == CHUNK_MAX ? to : 0;
}

bool pack_ends_after(const char *qualified_name, uint64_t seed)
{
	return mix(hash_row(view_str(qualified_name)).low ^ seed) >> 57 == 0;
}
