/* storage/backend/s3_profile.c - see s3_profile.h */
#include "storage/backend/s3_profile.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/file.h"
#include "src/base/path.h"
#include "storage/backend/s3_credentials.h"

const char *s3_env(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static char *home_directory(void)
{
	const char *home = s3_env("HOME");
	char space[4096];
	struct passwd entry, *found = NULL;

	if (home)
		return xstrdup(home);
	if (getpwuid_r(getuid(), &entry, space, sizeof(space), &found) == 0 && found)
		return xstrdup(found->pw_dir);
	return NULL;
}

/* "~/x" is in the home directory; everything else stays. NULL when there is no home. */
static char *expand(const char *path)
{
	char *home, *expanded;

	if (strncmp(path, "~/", 2) != 0)
		return xstrdup(path);
	home = home_directory();
	expanded = home ? path_join(home, path + 2) : NULL;
	free(home);
	return expanded;
}

static bool load(struct s3_profile_file *out, const char *variable, const char *usual, struct err *e)
{
	const char *named = s3_env(variable);
	struct buf text = BUF_INIT_MAX(S3_INI_MAX);
	struct err why = ERR_INIT;
	char *path;
	bool ok = true;

	out->path = xstrdup(named ? named : usual);
	path = expand(out->path);
	if (!path)
		return true;
	if (!file_read(&text, path, &why)) {
		if (why.kind != ERR_NOT_FOUND && why.sys != ENOTDIR) {
			err_set(e, ERR_USAGE, "%s", why.msg);
			ok = err_hint(e, "make it readable, or name another file in %s", variable);
		}
	} else {
		ok = s3_ini_parse(&out->ini, buf_view(&text), out->path, e);
	}
	if (text.data)
		OPENSSL_cleanse(text.data, text.cap);
	buf_release(&text);
	free(path);
	return ok;
}

bool s3_profiles_load(struct s3_profiles *out, struct err *e)
{
	*out = (struct s3_profiles){ 0 };
	if (load(&out->credentials, "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", e) &&
	        load(&out->config, "AWS_CONFIG_FILE", "~/.aws/config", e))
		return true;
	s3_profiles_release(out);
	return false;
}

void s3_profiles_release(struct s3_profiles *p)
{
	s3_ini_free(p->credentials.ini);
	s3_ini_free(p->config.ini);
	free(p->credentials.path);
	free(p->config.path);
	*p = (struct s3_profiles){ 0 };
}

/* "profile x"; "default" stands for itself, too. */
static const char *in_config(const struct s3_profiles *p, const char *profile, const char *name, bool *exists)
{
	char *section = xasprintf("profile %s", profile);
	const char *value = s3_ini_get(p->config.ini, section, name);

	*exists = s3_ini_has(p->config.ini, section);
	free(section);
	if (!*exists && strcmp(profile, "default") == 0) {
		*exists = s3_ini_has(p->config.ini, profile);
		value = s3_ini_get(p->config.ini, profile, name);
	}
	return value && *value ? value : NULL;
}

bool s3_profiles_has(const struct s3_profiles *p, const char *profile)
{
	bool exists;

	in_config(p, profile, "", &exists);
	return exists || s3_ini_has(p->credentials.ini, profile);
}

const char *s3_profiles_credential(const struct s3_profiles *p, const char *profile, const char *name)
{
	const char *value = s3_ini_get(p->credentials.ini, profile, name);

	return value && *value ? value : NULL;
}

const char *s3_profiles_config(const struct s3_profiles *p, const char *profile, const char *name)
{
	bool exists;

	return in_config(p, profile, name, &exists);
}

const char *s3_profiles_get(const struct s3_profiles *p, const char *profile, const char *name)
{
	const char *value = s3_profiles_credential(p, profile, name);

	return value ? value : s3_profiles_config(p, profile, name);
}

char *s3_profile_setting(const char *profile, const char *name)
{
	struct s3_profiles p;
	struct err e = ERR_INIT;
	const char *value;
	char *copy;

	if (!profile)
		profile = s3_env("AWS_PROFILE") ? s3_env("AWS_PROFILE") : "default";
	if (!s3_profiles_load(&p, &e))
		return NULL; /* whoever asks for the keys is told */
	value = s3_profiles_get(&p, profile, name);
	copy = value ? xstrdup(value) : NULL;
	s3_profiles_release(&p);
	return copy;
}
