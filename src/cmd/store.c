/* src/cmd/store.c - see store.h */
#include "src/cmd/store.h"

#include "src/cmd/say.h"

const char *store_where(const struct cmd *c, struct err *e)
{
	const char *where = options_text(c->options, OPTION_REPO);

	if (!where) {
		err_set(e, ERR_USAGE, "no repository is configured");
		err_hint(e,
		        "name one with --repo DIR, --repo s3://bucket/prefix or DRTOOL_REPO, or write drtool.yml with: drtool init");
	}
	return where;
}

const struct s3_options *store_s3(struct s3_options *out, const struct cmd *c)
{
	static struct observer notes = { .note = say_note }; /* what a store has to say is no one command's */

	*out = (struct s3_options){
		.endpoint = options_text(c->options, OPTION_S3_ENDPOINT),
		.region = options_text(c->options, OPTION_S3_REGION),
		.addressing = options_text(c->options, OPTION_S3_ADDRESSING),
		.ca_file = options_text(c->options, OPTION_S3_CA_FILE),
		.profile = options_text(c->options, OPTION_S3_PROFILE),
		.in_flight = (unsigned)options_number(c->options, OPTION_S3_IN_FLIGHT, 0),
		.cancel = c->cancel,
		.observer = &notes,
	};
	return out;
}

bool store_open(struct repository **out, const struct cmd *c, struct err *e)
{
	const char *where = store_where(c, e);

	struct s3_options s3;

	return where && repository_open(out, where, store_s3(&s3, c), e);
}

bool store_open_or_create(struct repository **out, const struct cmd *c, struct err *e)
{
	const char *where = store_where(c, e);
	enum repository_place place;
	struct s3_options s3;
	bool created = false;

	if (!where)
		return false;
	store_s3(&s3, c);
	if (cmd_dry_run(c)) {
		if (!repository_look(&place, where, &s3, e))
			return false;
		if (place != REPOSITORY_NONE)
			return repository_open(out, where, &s3, e);
		say_info("the repository %s does not exist yet and would be created", where);
		return repository_open_storage(out, storage_new_memory(), true, e);
	}
	if (!repository_open_or_create(out, where, &s3, &created, e))
		return false;
	if (created)
		say_info("repository %s created", where);
	return true;
}

const char *store_database_name(const struct cmd *c, const char *word)
{
	const struct config_database *d = config_database_find(c->config, word);

	return d && d->as ? d->as : word;
}

const char *store_database_entry(const struct cmd *c, const char *database)
{
	for (size_t i = 0; i < config_database_count(c->config); i++) {
		const struct config_database *d = config_database(c->config, i);

		if (strcmp(d->as ? d->as : d->name, database) == 0)
			return d->name;
	}
	return NULL;
}

/* The name in the repository of drtool.yml's only database; NULL when there is not exactly one. */
static const char *only_database(const struct config *config)
{
	const struct config_database *d = config_database_count(config) == 1 ? config_database(config, 0) : NULL;

	if (!d)
		return NULL;
	return d->as ? d->as : d->name;
}

static bool is_keyword(const char *text)
{
	return strcmp(text, "latest") == 0 || strcmp(text, "verified") == 0;
}

static bool resolve(struct manifest **out, struct repository *r, const struct cmd *c, const char *text, struct err *e)
{
	const char *given = options_text(c->options, OPTION_DATABASE);
	const char *database = strchr(text, '/') ? NULL : only_database(c->config);
	struct err narrow = ERR_INIT;

	if (given || !database)
		return manifest_resolve(out, r, given, text, e);
	if (manifest_resolve(out, r, database, text, &narrow))
		return true;
	if (!is_keyword(text) && narrow.kind == ERR_USAGE)
		return manifest_resolve(out, r, NULL, text, e);
	*e = narrow;
	return false;
}

bool store_find(struct manifest **out, struct repository *r, const struct cmd *c, const char *text, struct err *e)
{
	if (!resolve(out, r, c, text, e))
		return false;
	say_info("snapshot %s/%s%s%s in %s", (*out)->database, (*out)->id, *(*out)->tag ? ", tag " : "", (*out)->tag,
	        r->storage->where);
	return true;
}
