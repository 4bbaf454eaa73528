/* What all requests to one bucket share. */
#include <stdlib.h>

#include "storage/backend/s3_request.h"

#define DEFAULT_IN_FLIGHT 16
#define IN_FLIGHT_MAX     256

/* A number of seconds from the environment, in milliseconds; 0 when it is not set. */
static bool seconds_setting(unsigned *out_ms, const char *name, struct err *e)
{
	const char *text = getenv(name);
	char *end;
	long value;

	*out_ms = 0;
	if (!text || !*text)
		return true;
	value = strtol(text, &end, 10);
	if (*end || value < 1 || value > 86400)
		return err_set(e, ERR_USAGE, "%s is a number of seconds from 1 to 86400, not \"%s\"", name, text);
	*out_ms = (unsigned)value * 1000;
	return true;
}

static bool start_http(struct s3_client *c, const struct s3_options *o, struct err *e)
{
	struct http_options http = { .cancel = o->cancel };
	char *ca_file;
	bool ok;

	if (!seconds_setting(&http.stall_ms, "DRTOOL_S3_STALL_SECONDS", e) ||
	        !seconds_setting(&c->policy.total_ms, "DRTOOL_S3_RETRY_SECONDS", e))
		return false;
	ca_file = s3_setting(o->ca_file, "AWS_CA_BUNDLE", NULL, o->profile, "ca_bundle");
	http.ca_file = ca_file;
	ok = http_client_new(&c->http, &http, e);
	free(ca_file);
	return ok;
}

bool s3_client_new(struct s3_client **out, const char *url, const struct s3_options *o, struct err *e)
{
	struct s3_client *c = xcalloc(1, sizeof(*c));

	c->cancel = o->cancel;
	c->observer = o->observer;
	c->in_flight = o->in_flight ? o->in_flight : DEFAULT_IN_FLIGHT;
	if (c->in_flight > IN_FLIGHT_MAX)
		c->in_flight = IN_FLIGHT_MAX;
	pthread_mutex_init(&c->mutex, NULL);
	if (!s3_place_resolve(&c->place, url, o, e) || !start_http(c, o, e)) {
		s3_client_free(c);
		return false;
	}
	c->credentials = s3_credentials_new(c->http, o->profile, c->place.region);
	*out = c;
	return true;
}

void s3_client_free(struct s3_client *c)
{
	if (!c)
		return;
	s3_credentials_free(c->credentials);
	http_client_free(c->http);
	s3_place_release(&c->place);
	pthread_mutex_destroy(&c->mutex);
	free(c);
}
