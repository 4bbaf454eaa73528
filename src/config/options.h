/*
 * src/config/options.h - the options of this run, from argv, the environment and drtool.yml, in this order of
 * precedence
 */
#ifndef DRTOOL_CONFIG_OPTIONS_H
#define DRTOOL_CONFIG_OPTIONS_H

#include "src/base/arena.h"
#include "src/config/command.h"
#include "src/config/config.h"
#include "src/config/option.h"

struct option_value {
	const char *text;  /* of the last occurrence; NULL for a switch or when not set */
	const char **list; /* of a LIST, all occurrences, NULL-terminated; NULL when none */
	size_t count;      /* occurrences */
	int64_t number;    /* of NUMBER and SECONDS */
	char where[320];   /* "--jobs", "DRTOOL_JOBS", "drtool.yml:7", for messages */
};

struct options {
	enum command_id command; /* COMMAND_COUNT when none was given */
	const char *arguments[16];
	unsigned argument_count;
	struct option_value values[OPTION_COUNT];
	struct arena arena;
};

/*
 * Read argv (argv[0] is skipped). Texts are borrowed from argv. Errors are ERR_USAGE with the nearest known word as
 * hint; o is valid (and to be released) after a failure too, so that --json given before the mistake is known.
 */
bool options_parse(struct options *o, int argc, char *const *argv, struct err *e);
/* Fill what argv left open from the environment, then from the file. */
bool options_apply_environment(struct options *o, struct err *e);
bool options_apply_config(struct options *o, const struct config *c, struct err *e);
void options_release(struct options *o);

static inline bool options_set(const struct options *o, enum option_id id)
{
	return o->values[id].count > 0;
}
static inline const char *options_text(const struct options *o, enum option_id id)
{
	return o->values[id].text;
}
/* otherwise when not set */
static inline int64_t options_number(const struct options *o, enum option_id id, int64_t otherwise)
{
	return o->values[id].count > 0 ? o->values[id].number : otherwise;
}

#endif
