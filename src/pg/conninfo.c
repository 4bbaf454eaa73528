/* src/pg/conninfo.c - see conninfo.h */
#include "src/pg/conninfo.h"

#include <ctype.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "src/pg/startup.h"

#define NAME_MAX_LEN 40

/*
 * URL parameters of other clients, compared without regard to case. A name that libpq knows is libpq's, whatever stands
 * here.
 */
/* clang-format off */
static const char *const FOREIGN[] = {
	/* Prisma */
	"schema", "pgbouncer", "connection_limit", "pool_timeout", "sslaccept", "sslidentity", "statement_cache_size",
	"socket_timeout", "single_use_connections", "max_connection_lifetime", "max_idle_connection_lifetime", "workaround",
	/* node-postgres, TypeORM, postgres.js, Knex */
	"uselibpqcompat", "max", "min", "idle_timeout", "idletimeoutmillis", "connectiontimeoutmillis", "query_timeout",
	"prepare", "max_lifetime", "poolsize", "pool_size", "pool_max", "pool_min", "fallback",
	/* Rails, Sequel, Ecto */
	"adapter", "pool", "encoding", "checkout_timeout", "reaping_frequency", "prepared_statements", "statement_limit",
	"schema_search_path", "search_path", "min_messages", "variables", "max_connections", "max_threads", "queue_target",
	/* Django, SQLAlchemy, asyncpg, psycopg pools */
	"conn_max_age", "conn_health_checks", "ssl_require", "atomic_requests", "prepared_statement_cache_size",
	"async_fallback", "server_settings", "command_timeout", "max_size", "min_size", "max_overflow", "pool_recycle",
	"pool_pre_ping",
	/* Go: lib/pq, pgx, migrate */
	"binary_parameters", "disable_prepared_binary_result", "pool_max_conns", "pool_min_conns",
	"pool_max_conn_lifetime", "pool_max_conn_lifetime_jitter", "pool_max_conn_idle_time", "pool_health_check_period",
	"default_query_exec_mode", "statement_cache_capacity", "statement_cache_mode", "description_cache_capacity",
	"prefer_simple_protocol", "x-migrations-table", "x-statement-timeout", "x-multi-statement", "x-lock-strategy",
	/* JDBC */
	"currentschema", "preparethreshold", "binarytransfer", "stringtype", "applicationname", "loggerlevel",
	"rewritebatchedinserts", "sockettimeout", "logintimeout", "tcpkeepalive", "ssfactory",
	"defaultrowfetchsize", "targetservertype", "loadbalancehosts",
	/* newer libpq, without influence on who may read what */
	"load_balance_hosts", "sslnegotiation", "min_protocol_version", "max_protocol_version", "gssdelegation",
	"sslkeylogfile",
};
/* clang-format on */

static const char *const SQLALCHEMY_SCHEMES[] = { "postgres+", "postgresql+" };

bool conninfo_is_connection_string(const char *text)
{
	return strchr(text, '=') || strstr(text, "://");
}

/* --- the URI as others write it --- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decoded, cut at what fits: only names that may be in FOREIGN are of interest. */
static void decode_name(char out[NAME_MAX_LEN + 1], const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n < NAME_MAX_LEN; i++) {
		int high = i + 2 < len ? hex_digit(text[i + 1]) : -1, low = high >= 0 ? hex_digit(text[i + 2]) : -1;

		if (text[i] == '%' && high >= 0 && low >= 0) {
			out[n++] = (char)(high * 16 + low);
			i += 2;
		} else {
			out[n++] = text[i];
		}
	}
	out[n] = '\0';
}

static bool libpq_knows(const char *name)
{
	char text[NAME_MAX_LEN + 8];
	PQconninfoOption *options;

	if (strspn(name, "abcdefghijklmnopqrstuvwxyz_") != strlen(name))
		return false;
	snprintf(text, sizeof(text), "%s=x", name);
	options = PQconninfoParse(text, NULL);
	PQconninfoFree(options);
	return options != NULL;
}

static bool is_foreign(const char *name)
{
	for (size_t i = 0; i < sizeof(FOREIGN) / sizeof(*FOREIGN); i++)
		if (!strcasecmp(name, FOREIGN[i]))
			return !libpq_knows(name);
	return false;
}

static void note_dropped(struct buf *dropped, const char *name)
{
	buf_addf(dropped, "%s%s", dropped->len ? ", " : "", name);
}

static bool is_true(const char *value, size_t len)
{
	static const char *const words[] = { "true", "1", "yes", "on" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (len == strlen(words[i]) && !strncasecmp(value, words[i], len))
			return true;
	return false;
}

/*
 * Where the parameters start: the first '?' behind user, password and a bracketed address, found as libpq finds it (a
 * password may hold a bare '?', but no '/').
 */
static const char *find_query(const char *authority)
{
	const char *p = authority + strcspn(authority, "@/");

	p = *p == '@' ? p + 1 : authority;
	if (*p == '[')
		p += strcspn(p, "]");
	return p + strcspn(p, "?");
}

static void filter_parameter(
        struct buf *uri, const char *text, size_t len, struct buf *dropped, bool *pooler, char *mark)
{
	const char *equals = memchr(text, '=', len);
	size_t name_len = equals ? (size_t)(equals - text) : len;
	char name[NAME_MAX_LEN + 1];

	decode_name(name, text, name_len);
	if (equals && !strcasecmp(name, "pgbouncer") && is_true(equals + 1, len - name_len - 1))
		*pooler = true;
	if (is_foreign(name)) {
		note_dropped(dropped, name);
		return;
	}
	buf_addn(uri, mark, 1);
	*mark = '&';
	/* node-postgres: encrypt, do not check the certificate */
	if (len == strlen("sslmode=no-verify") && !strncmp(text, "sslmode=no-verify", len)) {
		note_dropped(dropped, "sslmode=no-verify (require is used)");
		buf_add(uri, "sslmode=require");
		return;
	}
	buf_addn(uri, text, len);
}

/* text, a URI whose scheme ends before authority, as libpq accepts it. */
static void clean_uri(struct buf *uri, const char *authority, struct buf *dropped, bool *pooler)
{
	const char *query = find_query(authority);
	char mark = '?';

	buf_add(uri, "postgresql://");
	buf_addn(uri, authority, (size_t)(query - authority));
	while (*query) {
		const char *parameter = query + 1;
		size_t len = strcspn(parameter, "&");

		if (len)
			filter_parameter(uri, parameter, len, dropped, pooler, &mark);
		query = parameter + len;
	}
}

/* Length of a URI scheme at the start of text, 0 when it is none. */
static size_t scheme_length(const char *text)
{
	size_t n = 0;

	while (isalnum((unsigned char)text[n]) || (n && text[n] && strchr("+.-", text[n])))
		n++;
	return strncmp(text + n, "://", 3) ? 0 : n;
}

static bool is_alias(const char *scheme)
{
	if (!strcasecmp(scheme, "postgis"))
		return true;
	for (size_t i = 0; i < sizeof(SQLALCHEMY_SCHEMES) / sizeof(*SQLALCHEMY_SCHEMES); i++)
		if (!strncasecmp(scheme, SQLALCHEMY_SCHEMES[i], strlen(SQLALCHEMY_SCHEMES[i])))
			return true;
	return false;
}

static bool check_scheme(const char *text, size_t len, struct buf *dropped, struct err *e)
{
	char scheme[NAME_MAX_LEN + 1];

	snprintf(scheme, sizeof(scheme), "%.*s", (int)len, text);
	if (!strcasecmp(scheme, "postgresql") || !strcasecmp(scheme, "postgres"))
		return true;
	if (len < NAME_MAX_LEN && is_alias(scheme)) {
		buf_addf(dropped, "%s%s:// (postgresql:// is used)", dropped->len ? ", " : "", scheme);
		return true;
	}
	err_set(e, ERR_USAGE, "\"%s://...\" is not the address of a PostgreSQL server", scheme);
	return err_hint(e, "use postgresql://user@host:5432/dbname (for Prisma's own schemes: its DIRECT_URL)");
}

/* --- parsing --- */

/*
 * libpq's messages quote the text, so they are not passed on. One is worth its name: a parameter it does not know, when
 * the name is surely none of a password's letters (nothing that looks like a password can stand before or behind it).
 */
static bool refuse(const char *text, const char *message, bool uri, struct err *e)
{
	static const char prefix[] = "invalid URI query parameter: \"";
	const char *query = uri ? find_query(text) : NULL, *name = message + strlen(prefix);
	size_t n;

	if (query && message && !strncmp(message, prefix, strlen(prefix)) && !strchr(query, '@')) {
		n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-0123456789");
		if (n && n <= NAME_MAX_LEN && name[n] == '"') {
			err_set(e, ERR_USAGE, "unknown parameter \"%.*s\" in the connection URL", (int)n, name);
			return err_hint(e, "take it out of the URL, or check its spelling");
		}
	}
	if (uri) {
		err_set(e, ERR_USAGE, "the connection URL cannot be understood");
		return err_hint(e,
		        "postgresql://user:password@host:5432/dbname; in a password write %% as %%25, @ as %%40, "
		        ": as %%3A, / as %%2F");
	}
	err_set(e, ERR_USAGE, "the connection string cannot be understood");
	return err_hint(e,
	        "host=... port=... user=... dbname=...; a value with blanks stands in '...', and \\ and ' in it "
	        "get a \\ before");
}

static void take_options(struct conninfo *c, const PQconninfoOption *options)
{
	for (const PQconninfoOption *o = options; o->keyword; o++)
		if (o->val && *o->val)
			conninfo_set(c, o->keyword, o->val);
}

bool conninfo_parse(struct conninfo **out, const char *text, struct buf *dropped, bool *pooler, struct err *e)
{
	struct buf uri = BUF_INIT;
	size_t scheme = scheme_length(text);
	PQconninfoOption *options = NULL;
	char *message = NULL;
	bool ok = false;

	buf_clear(dropped);
	*pooler = false;
	if (scheme) {
		if (!check_scheme(text, scheme, dropped, e))
			goto done;
		clean_uri(&uri, text + scheme + 3, dropped, pooler);
	}
	options = PQconninfoParse(scheme ? buf_str(&uri) : text, &message);
	if (!options) {
		refuse(scheme ? buf_str(&uri) + strlen("postgresql://") : text, message, scheme > 0, e);
		goto done;
	}
	*out = conninfo_new();
	take_options(*out, options);
	ok = true;
done:
	PQconninfoFree(options);
	PQfreemem(message);
	buf_release(&uri);
	return ok;
}

/* --- keywords and values --- */

struct conninfo *conninfo_new(void)
{
	struct conninfo *c = xcalloc(1, sizeof(*c));

	c->keywords = arena_alloc(&c->arena, sizeof(*c->keywords));
	c->values = arena_alloc(&c->arena, sizeof(*c->values));
	return c;
}

static size_t count(const struct conninfo *c)
{
	size_t n = 0;

	while (c->keywords[n])
		n++;
	return n;
}

struct conninfo *conninfo_copy(const struct conninfo *c)
{
	struct conninfo *copy = conninfo_new();

	for (size_t i = 0; c->keywords[i]; i++)
		conninfo_set(copy, c->keywords[i], c->values[i]);
	return copy;
}

static void append(struct conninfo *c, const char *keyword, const char *value)
{
	size_t n = count(c);
	char **keywords = arena_alloc(&c->arena, (n + 2) * sizeof(*keywords));
	char **values = arena_alloc(&c->arena, (n + 2) * sizeof(*values));

	memcpy(keywords, c->keywords, n * sizeof(*keywords));
	memcpy(values, c->values, n * sizeof(*values));
	keywords[n] = arena_strdup(&c->arena, keyword);
	values[n] = arena_strdup(&c->arena, value);
	c->keywords = keywords;
	c->values = values;
}

void conninfo_set(struct conninfo *c, const char *keyword, const char *value)
{
	size_t n = count(c), at = 0;

	while (at < n && strcmp(c->keywords[at], keyword))
		at++;
	if (value && *value && at < n) {
		c->values[at] = arena_strdup(&c->arena, value);
	} else if (value && *value) {
		append(c, keyword, value);
	} else if (at < n) {
		memmove(c->keywords + at, c->keywords + at + 1, (n - at) * sizeof(*c->keywords));
		memmove(c->values + at, c->values + at + 1, (n - at) * sizeof(*c->values));
	}
}

const char *conninfo_get(const struct conninfo *c, const char *keyword)
{
	for (size_t i = 0; c->keywords[i]; i++)
		if (!strcmp(c->keywords[i], keyword))
			return c->values[i];
	return NULL;
}

void conninfo_free(struct conninfo *c)
{
	if (!c)
		return;
	arena_release(&c->arena);
	free(c);
}

/* --- comparing --- */

static const char *effective(const struct conninfo *c, const char *keyword, const PQconninfoOption *defaults)
{
	const char *value = conninfo_get(c, keyword);

	for (const PQconninfoOption *o = defaults; !value && o && o->keyword; o++)
		if (!strcmp(o->keyword, keyword))
			value = o->val;
	return value ? value : "";
}

static const char *address(const struct conninfo *c, const PQconninfoOption *defaults)
{
	const char *hostaddr = effective(c, "hostaddr", defaults);
	const char *host = *hostaddr ? hostaddr : effective(c, "host", defaults);

	if (!strcmp(host, "127.0.0.1") || !strcmp(host, "::1"))
		return "localhost";
	return host;
}

static const char *database(const struct conninfo *c, const PQconninfoOption *defaults)
{
	const char *dbname = effective(c, "dbname", defaults);

	return *dbname ? dbname : effective(c, "user", defaults);
}

/* A service file is not opened: two strings that name different services, or one that names none, are different. */
bool conninfo_same_database(const struct conninfo *a, const struct conninfo *b)
{
	PQconninfoOption *defaults =
	        PQconndefaults(); /* NULL on a broken service file: then what is given must agree */
	bool same = !strcmp(address(a, defaults), address(b, defaults)) &&
	            !strcmp(database(a, defaults), database(b, defaults)) &&
	            !strcmp(effective(a, "port", defaults), effective(b, "port", defaults)) &&
	            !strcmp(effective(a, "user", defaults), effective(b, "user", defaults)) &&
	            !strcmp(effective(a, "service", defaults), effective(b, "service", defaults));

	PQconninfoFree(defaults);
	return same;
}

/* --- for PostgreSQL's own programs --- */

/*
 * sslpassword is left out: libpq takes it from a connection string only, and a command line is public. A client key
 * with a passphrase therefore works for drtool's own sessions but not for its children.
 */
static bool is_for_dbname(const char *keyword)
{
	static const char *const no[] = { "password", "sslpassword", "application_name", "fallback_application_name",
		"client_encoding", "options" };

	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		if (!strcmp(keyword, no[i]))
			return false;
	return true;
}

static void add_quoted(struct buf *text, const char *keyword, const char *value)
{
	buf_addf(text, "%s%s='", text->len ? " " : "", keyword);
	for (const char *p = value; *p; p++)
		buf_addf(text, "%s%c", *p == '\'' || *p == '\\' ? "\\" : "", *p);
	buf_add(text, "'");
}

static char *dbname_text(const struct conninfo *c, const char *options, struct arena *arena)
{
	struct buf text = BUF_INIT;
	char *out;

	for (size_t i = 0; c->keywords[i]; i++)
		if (is_for_dbname(c->keywords[i]))
			add_quoted(&text, c->keywords[i], c->values[i]);
	if (startup_has_service(c))
		add_quoted(&text, "options", options);
	out = arena_strdup(arena, buf_str(&text));
	buf_release(&text);
	return out;
}

/*
 * What a database, a role or the server sets by default and pg_dump and psql leave as it is: it would show in how
 * definitions are printed, or change how they are read, or keep them from being made.
 */
#define CHILD_SETTINGS                                                                              \
	" -c default_transaction_read_only=off -c standard_conforming_strings=on -c array_nulls=on" \
	" -c quote_all_identifiers=off -c bytea_output=hex -c lc_monetary=C"

/*
 * PGTZ=UTC because definitions hold timestamps too (partition bounds, defaults), PGCLIENTENCODING removed because
 * pg_dump would write its archive in it, LC_ALL=C because messages of the children end up in ours.
 */
void conninfo_for_child(struct conninfo_child *out, const struct conninfo *c, int server_version, struct arena *arena)
{
	const char *password = conninfo_get(c, "password");
	const char *options = arena_printf(arena, "%s" CHILD_SETTINGS, startup_options(c, server_version, arena));
	const char **env = arena_alloc(arena, 9 * sizeof(*env));
	size_t n = 0;

	env[n++] = "LC_ALL=C";
	env[n++] = "PGAPPNAME=drtool child";
	env[n++] = "PGTZ=UTC";
	env[n++] = "PGCLIENTENCODING";
	env[n++] = "PG_COLOR=never";
	env[n++] = arena_printf(arena, "PGOPTIONS=%s", options);
	if (!conninfo_get(c, "connect_timeout") && !getenv("PGCONNECT_TIMEOUT"))
		env[n++] = "PGCONNECT_TIMEOUT=15";
	if (password)
		env[n++] = arena_printf(arena, "PGPASSWORD=%s", password);
	env[n] = NULL;
	*out = (struct conninfo_child){ .dbname = dbname_text(c, options, arena), .env = env };
}
