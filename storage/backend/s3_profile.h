/*
 * storage/backend/s3_profile.h - profiles: a credentials and a config file, read together
 *
 * AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/credentials, with sections [name]; AWS_CONFIG_FILE, else ~/.aws/config, with
 * sections [profile name], and [default].
 */
#ifndef DRTOOL_STORAGE_BACKEND_S3_PROFILE_H
#define DRTOOL_STORAGE_BACKEND_S3_PROFILE_H

#include "storage/backend/s3_ini.h"

struct s3_profile_file {
	char *path;         /* as messages show it, "~/.aws/config" */
	struct s3_ini *ini; /* NULL: there is no such file */
};

struct s3_profiles {
	struct s3_profile_file credentials, config;
};

/* A file that is not there is fine; one that cannot be read or parsed is ERR_USAGE, naming it. */
bool s3_profiles_load(struct s3_profiles *out, struct err *e);
void s3_profiles_release(struct s3_profiles *p);
bool s3_profiles_has(const struct s3_profiles *p, const char *profile);
/* A setting in one of the two files; NULL when it is not there or empty; borrowed. */
const char *s3_profiles_credential(const struct s3_profiles *p, const char *profile, const char *name);
const char *s3_profiles_config(const struct s3_profiles *p, const char *profile, const char *name);
/* In either; the credentials file comes first. */
const char *s3_profiles_get(const struct s3_profiles *p, const char *profile, const char *name);

/* The value of an environment variable; NULL when it is unset or empty. */
const char *s3_env(const char *name);

#endif
