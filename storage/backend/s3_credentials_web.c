/* Keys for the role of a workload that proves itself with a token in a file (Kubernetes, CI). */
#include "storage/backend/s3_credentials_internal.h"

enum s3_found s3_from_web_identity(struct s3_provided *out, const struct s3_lookup *l, struct err *e)
{
	const char *file = s3_env("AWS_WEB_IDENTITY_TOKEN_FILE");
	const struct s3_role role = { .arn = s3_env("AWS_ROLE_ARN"), .session = s3_env("AWS_ROLE_SESSION_NAME") };

	if (!file)
		return s3_absent(out, "AWS_WEB_IDENTITY_TOKEN_FILE is not set");
	if (!role.arn) {
		err_set(e, ERR_USAGE, "AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not");
		err_hint(e, "set AWS_ROLE_ARN to the role to take on");
		return S3_BROKEN;
	}
	if (!s3_assume_role_with_web_identity(&out->keys, l, file, &role, e))
		return S3_BROKEN;
	out->source = xstrdup("web identity");
	return S3_FOUND;
}
