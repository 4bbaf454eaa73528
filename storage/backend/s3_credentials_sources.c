/* The order in which sources of keys are asked, and what is said when none has any. */
#include <string.h>

#include "storage/backend/s3_credentials_internal.h"

static const struct source {
	const char *name;
	s3_source_fn *from;
} sources[] = {
	{ "environment", s3_from_environment },
	{ "profile", s3_from_profile },
	{ "web identity", s3_from_web_identity },
	{ "container", s3_from_container },
	{ "instance metadata", s3_from_imds },
};

#define SOURCES (sizeof(sources) / sizeof(sources[0]))

static bool ask(enum s3_found *found, struct s3_provided *out, const struct source *source, const struct s3_lookup *l,
        struct buf *tried, struct err *e)
{
	out->why[0] = '\0';
	*found = source->from(out, l, e);
	if (*found == S3_ABSENT)
		buf_addf(tried, "%s%s: %s", tried->len ? "; " : "", source->name, out->why);
	return *found == S3_ABSENT;
}

/* A profile the user has named comes before the environment, which may be there for something else. */
static enum s3_found ask_all(struct s3_provided *out, const struct s3_lookup *l, struct buf *tried, struct err *e)
{
	enum s3_found found;

	if (l->profile && !ask(&found, out, &sources[1], l, tried, e))
		return found;
	for (size_t i = l->profile ? 2 : 0; i < SOURCES; i++) {
		if (!ask(&found, out, &sources[i], l, tried, e)) {
			if (found == S3_BROKEN && sources[i].from != s3_from_profile)
				err_wrap(e, "%s", sources[i].name);
			return found;
		}
	}
	return S3_ABSENT;
}

bool s3_sources_ask(struct s3_provided *out, const struct s3_lookup *l, struct err *e)
{
	struct buf tried = BUF_INIT;
	enum s3_found found;

	*out = (struct s3_provided){ .source = NULL };
	found = ask_all(out, l, &tried, e);
	if (found == S3_ABSENT) {
		err_set(e, ERR_USAGE, "no credentials for the store (%s)", buf_str(&tried));
		err_hint(e, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE");
	} else if (found == S3_BROKEN && e->kind != ERR_CANCELLED) {
		struct err why = *e;

		err_set(e, why.kind, "credentials: %s%s%s%s", why.msg, tried.len ? " (before that: " : "",
		        buf_str(&tried), tried.len ? ")" : "");
		err_hint(e, "%s", why.hint);
	}
	buf_release(&tried);
	return found == S3_FOUND;
}
