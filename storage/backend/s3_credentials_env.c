/* Keys in the environment. */
#include "storage/backend/s3_credentials_internal.h"

enum s3_found s3_from_environment(struct s3_provided *out, const struct s3_lookup *l, struct err *e)
{
	const char *access_key = s3_env("AWS_ACCESS_KEY_ID"), *secret_key = s3_env("AWS_SECRET_ACCESS_KEY");

	(void)l;
	if (!access_key && !secret_key)
		return s3_absent(out, "AWS_ACCESS_KEY_ID is not set");
	if (!access_key || !secret_key) {
		err_set(e, ERR_USAGE, "%s is set and %s is not",
		        access_key ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
		        access_key ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
		err_hint(e, "set both, or neither");
		return S3_BROKEN;
	}
	if (!s3_keys_set(&out->keys, access_key, secret_key, s3_env("AWS_SESSION_TOKEN"), NULL, e)) {
		e->kind = ERR_USAGE;
		return S3_BROKEN;
	}
	out->source = xstrdup("environment");
	out->fixed = true;
	return S3_FOUND;
}
