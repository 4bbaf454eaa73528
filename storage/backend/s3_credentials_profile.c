/* Keys of a profile: static ones, those a program prints, or those of a role that other keys may take on. */
#include <stdlib.h>
#include <string.h>

#include "storage/backend/s3_credentials_internal.h"

#define DEPTH_MAX   8 /* roles that lead to roles */
#define SECONDS_MAX 43200
#define EXPORT_HINT "credential_process = aws configure export-credentials --profile NAME --format process"

struct walk {
	const struct s3_lookup *lookup;
	struct s3_profiles files;
	unsigned depth;
};

static enum s3_found find_keys(struct s3_provided *out, struct walk *w, const char *profile, struct err *e);

static const char *setting(const struct walk *w, const char *profile, const char *name)
{
	return s3_profiles_get(&w->files, profile, name);
}

typedef const char *lookup_fn(const struct s3_profiles *p, const char *profile, const char *name);

/* Both keys out of one of the two files. */
static enum s3_found find_static(struct s3_provided *out, const struct walk *w, const char *profile, lookup_fn *look,
        const struct s3_profile_file *file, struct err *e)
{
	const char *access_key = look(&w->files, profile, "aws_access_key_id");
	const char *secret_key = look(&w->files, profile, "aws_secret_access_key");
	const char *token = look(&w->files, profile, "aws_session_token");

	if (!access_key && !secret_key)
		return S3_ABSENT;
	if (!access_key || !secret_key) {
		err_set(e, ERR_USAGE, "%s has %s without %s", file->path,
		        access_key ? "aws_access_key_id" : "aws_secret_access_key",
		        access_key ? "aws_secret_access_key" : "aws_access_key_id");
		return S3_BROKEN;
	}
	if (!s3_keys_set(&out->keys, access_key, secret_key, token, NULL, e)) {
		e->kind = ERR_USAGE;
		err_wrap(e, "%s", file->path);
		return S3_BROKEN;
	}
	out->source = xasprintf("profile \"%s\" of %s", profile, file->path);
	return S3_FOUND;
}

static enum s3_found find_process(struct s3_provided *out, const struct walk *w, const char *profile, struct err *e)
{
	const char *command = setting(w, profile, "credential_process");

	if (!command)
		return S3_ABSENT;
	if (!s3_keys_from_process(&out->keys, command, e)) {
		err_wrap(e, "credential_process");
		return S3_BROKEN;
	}
	out->source = xasprintf("credential_process of profile \"%s\"", profile);
	return S3_FOUND;
}

/* --- roles --- */

static bool read_role(struct s3_role *out, const struct walk *w, const char *profile, struct err *e)
{
	const char *seconds = setting(w, profile, "duration_seconds");
	unsigned long value = 0;
	char *end;

	if (setting(w, profile, "mfa_serial")) {
		err_set(e, ERR_USAGE, "the role \"%s\" needs a code of an MFA device", setting(w, profile, "role_arn"));
		return err_hint(e, "let a program ask for it: " EXPORT_HINT);
	}
	if (seconds) {
		value = strtoul(seconds, &end, 10);
		if (*end || *seconds < '0' || *seconds > '9' || value == 0 || value > SECONDS_MAX)
			return err_set(e, ERR_USAGE, "duration_seconds is not 1 to %d", SECONDS_MAX);
	}
	*out = (struct s3_role){ .arn = setting(w, profile, "role_arn"),
		.session = setting(w, profile, "role_session_name"),
		.external_id = setting(w, profile, "external_id"),
		.seconds = (unsigned)value };
	return true;
}

/* The keys a role is taken on with: those of another profile, or of one of the other sources. */
static enum s3_found find_base(struct s3_provided *out, struct walk *w, const char *profile, struct err *e)
{
	static const struct {
		const char *name;
		s3_source_fn *from;
	} named[] = {
		{ "Environment", s3_from_environment },
		{ "EcsContainer", s3_from_container },
		{ "Ec2InstanceMetadata", s3_from_imds },
	};
	const char *other = setting(w, profile, "source_profile"), *source = setting(w, profile, "credential_source");

	if (other && strcmp(other, profile) == 0) /* its own keys, then */
		return find_static(out, w, profile, s3_profiles_get, &w->files.credentials, e);
	if (other && !s3_profiles_has(&w->files, other)) {
		err_set(e, ERR_USAGE, "its source_profile \"%s\" is in neither %s nor %s", other,
		        w->files.credentials.path, w->files.config.path);
		return S3_BROKEN;
	}
	if (other)
		return find_keys(out, w, other, e);
	for (size_t i = 0; source && i < sizeof(named) / sizeof(named[0]); i++) {
		if (strcmp(source, named[i].name) == 0)
			return named[i].from(out, w->lookup, e);
	}
	err_set(e, ERR_USAGE,
	        source ? "its credential_source is not Environment, EcsContainer or Ec2InstanceMetadata"
	               : "it has role_arn without source_profile, credential_source or "
	                 "web_identity_token_file");
	return S3_BROKEN;
}

static enum s3_found find_role(struct s3_provided *out, struct walk *w, const char *profile, struct err *e)
{
	const char *token_file = setting(w, profile, "web_identity_token_file");
	struct s3_provided base = { .source = NULL };
	struct s3_role role;
	enum s3_found found = S3_BROKEN;

	if (!setting(w, profile, "role_arn"))
		return S3_ABSENT;
	if (!read_role(&role, w, profile, e))
		return S3_BROKEN;
	if (token_file) {
		if (s3_assume_role_with_web_identity(&out->keys, w->lookup, token_file, &role, e))
			found = S3_FOUND;
	} else {
		found = find_base(&base, w, profile, e);
		if (found == S3_ABSENT)
			err_set(e, ERR_USAGE, "there are no keys to take on the role \"%s\" with%s%s", role.arn,
			        base.why[0] ? ": " : "", base.why);
		if (found != S3_FOUND || !s3_assume_role(&out->keys, w->lookup, &base.keys, &role, e))
			found = S3_BROKEN;
	}
	s3_provided_release(&base);
	if (found == S3_FOUND)
		out->source = xasprintf("role \"%s\" of profile \"%s\"", role.arn, profile);
	return found;
}

/* --- profiles --- */

static bool signs_in(const struct walk *w, const char *profile)
{
	return setting(w, profile, "sso_session") || setting(w, profile, "sso_start_url") ||
	       setting(w, profile, "login_session");
}

static enum s3_found find_keys(struct s3_provided *out, struct walk *w, const char *profile, struct err *e)
{
	enum s3_found found = S3_ABSENT;

	if (++w->depth > DEPTH_MAX) {
		err_set(e, ERR_USAGE, "more than %d profiles lead to each other through source_profile", DEPTH_MAX);
		return S3_BROKEN;
	}
	found = find_role(out, w, profile, e);
	if (found == S3_ABSENT)
		found = find_static(out, w, profile, s3_profiles_credential, &w->files.credentials, e);
	if (found == S3_ABSENT)
		found = find_process(out, w, profile, e);
	if (found == S3_ABSENT)
		found = find_static(out, w, profile, s3_profiles_config, &w->files.config, e);
	if (found == S3_ABSENT && signs_in(w, profile)) {
		err_set(e, ERR_USAGE, "its keys come from signing in (SSO), which is not known here");
		err_hint(e, "give the profile " EXPORT_HINT);
		found = S3_BROKEN;
	}
	if (found == S3_BROKEN)
		err_wrap(e, "profile \"%s\"", profile);
	return found;
}

static enum s3_found missing(
        struct s3_provided *out, const struct walk *w, const char *profile, bool named, struct err *e)
{
	const char *credentials = w->files.credentials.path, *config = w->files.config.path;

	if (!named)
		return s3_absent(out, "\"%s\" is in neither %.60s nor %.60s", profile, credentials, config);
	err_set(e, ERR_USAGE, "profile \"%s\" is in neither %s nor %s", profile, credentials, config);
	err_hint(e, "name another, or unset AWS_PROFILE; profiles of the config file are sections [profile NAME]");
	return S3_BROKEN;
}

enum s3_found s3_from_profile(struct s3_provided *out, const struct s3_lookup *l, struct err *e)
{
	const char *profile = l->profile ? l->profile : s3_env("AWS_PROFILE");
	struct walk w = { .lookup = l };
	bool named = profile != NULL;
	enum s3_found found;

	if (!s3_profiles_load(&w.files, e))
		return S3_BROKEN;
	if (!named)
		profile = "default";
	if (!s3_profiles_has(&w.files, profile))
		found = missing(out, &w, profile, named, e);
	else
		found = find_keys(out, &w, profile, e);
	if (found == S3_ABSENT && !out->why[0])
		s3_absent(out, "\"%.60s\" has no keys", profile);
	s3_profiles_release(&w.files);
	return found;
}
