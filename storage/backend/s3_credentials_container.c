/* Keys from the agent of a container (ECS, EKS Pod Identity). */
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "storage/backend/s3_credentials_internal.h"

#define ECS_ADDRESS "http://169.254.170.2"
#define BODY_MAX    ((size_t)64 << 10)
#define TIMEOUT_MS  2000
#define TRIES       3

/* Hosts that are trusted without TLS: this machine, and the agents of ECS and EKS. */
static bool trusted(const char *host)
{
	static const char *const hosts[] = { "localhost", "[::1]", "169.254.170.2", "169.254.170.23",
		"[fd00:ec2::23]" };
	unsigned parts[4];
	char more;

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		if (strcmp(host, hosts[i]) == 0)
			return true;
	}
	return sscanf(host, "%3u.%3u.%3u.%3u%c", &parts[0], &parts[1], &parts[2], &parts[3], &more) == 4 &&
	       parts[0] == 127;
}

/* As the library that makes the request understands the URL, so that none can look like another. */
static bool check_url(const char *url, struct err *e)
{
	CURLU *parts = curl_url();
	char *scheme = NULL, *host = NULL, *user = NULL;
	bool ok = false;

	if (!parts || curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK ||
	        curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	        curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK) {
		err_set(e, ERR_USAGE, "AWS_CONTAINER_CREDENTIALS_FULL_URI is not a URL");
	} else if (curl_url_get(parts, CURLUPART_USER, &user, 0) == CURLUE_OK) {
		err_set(e, ERR_USAGE, "AWS_CONTAINER_CREDENTIALS_FULL_URI holds a user");
	} else if (strcmp(scheme, "https") != 0 && !(strcmp(scheme, "http") == 0 && trusted(host))) {
		err_set(e, ERR_USAGE, "AWS_CONTAINER_CREDENTIALS_FULL_URI names host \"%.100s\" without https", host);
		err_hint(e, "only this machine's own addresses and those of container agents are asked without TLS");
	} else {
		ok = true;
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(user);
	curl_url_cleanup(parts);
	return ok;
}

/* "Authorization: <token>"; *header stays NULL when there is none. */
static bool authorization(char **header, struct err *e)
{
	const char *file = s3_env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *given = s3_env("AWS_CONTAINER_AUTHORIZATION_TOKEN");
	char *read = NULL;

	if (file && !s3_token_file(&read, file, e))
		return false;
	if (!file && given && strpbrk(given, "\r\n"))
		return err_set(e, ERR_USAGE, "AWS_CONTAINER_AUTHORIZATION_TOKEN holds a line break");
	if (read || given)
		*header = xasprintf("Authorization: %s", read ? read : given);
	s3_wipe(read);
	return true;
}

static bool fetch(struct s3_keys *out, const struct s3_lookup *l, const char *url, struct err *e)
{
	struct http_response answer = HTTP_RESPONSE_INIT_MAX(BODY_MAX);
	char *header = NULL;
	struct http_request request = { .method = HTTP_GET, .url = url, .total_ms = TIMEOUT_MS, .no_proxy = true };
	bool ok = false;

	(void)buf_reserve(&answer.body, BODY_MAX, e);
	if (!authorization(&header, e))
		goto done;
	request.headers = (const char *const[]){ header, NULL };
	if (!s3_ask(&answer, l->http, &request, TRIES, e))
		goto done;
	if (answer.status == 200)
		ok = s3_keys_from_answer(out, &answer, e);
	else
		err_set(e, answer.status >= 500 || answer.status == 429 ? ERR_TRANSIENT : ERR_FAILED, "it answers %d",
		        answer.status);
done:
	s3_wipe(header);
	s3_wipe_body(&answer);
	return ok;
}

enum s3_found s3_from_container(struct s3_provided *out, const struct s3_lookup *l, struct err *e)
{
	const char *relative = s3_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = s3_env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	char *url;
	bool ok;

	if (!relative && !full)
		return s3_absent(out, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and _FULL_URI are not set");
	if (relative && *relative != '/') {
		err_set(e, ERR_USAGE, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not start with /");
		return S3_BROKEN;
	}
	url = relative ? xasprintf("%s%s", ECS_ADDRESS, relative) : xstrdup(full);
	ok = (relative || check_url(url, e)) && fetch(&out->keys, l, url, e);
	free(url);
	if (!ok)
		return S3_BROKEN;
	out->source = xstrdup("container");
	return S3_FOUND;
}
