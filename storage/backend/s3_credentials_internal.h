/*
 * storage/backend/s3_credentials_internal.h - the sources behind s3_credentials.h, one file each
 *
 * A source is asked in the order of s3_sources.c. It is absent (nothing configures it), has keys, or is configured and
 * does not work, which ends the search: going on would use keys of somebody else than the user meant.
 */
#ifndef DRTOOL_STORAGE_BACKEND_S3_CREDENTIALS_INTERNAL_H
#define DRTOOL_STORAGE_BACKEND_S3_CREDENTIALS_INTERNAL_H

#include "storage/backend/s3_credentials.h"
#include "storage/backend/s3_profile.h"

#define S3_TOKEN_MAX ((size_t)16 << 10)
#define S3_WHY_SIZE  200

enum s3_found { S3_ABSENT, S3_FOUND, S3_BROKEN };

struct s3_lookup {
	struct http_client *http; /* borrowed, as all here */
	const char *profile;      /* named by the user; NULL: AWS_PROFILE or "default" */
	const char *region;       /* NULL: not known */
};

/* What a source says; keys and source are the caller's to release. */
struct s3_provided {
	struct s3_keys keys;   /* S3_FOUND; without generation */
	char *source;          /* S3_FOUND: its name; malloc'ed */
	bool fixed;            /* S3_FOUND: asking again gives the same */
	char why[S3_WHY_SIZE]; /* S3_ABSENT: "AWS_X is not set" */
};

typedef enum s3_found s3_source_fn(struct s3_provided *out, const struct s3_lookup *l, struct err *e);
s3_source_fn s3_from_environment, s3_from_profile, s3_from_web_identity, s3_from_container, s3_from_imds;
/* The whole order. True: out holds keys. False: the message lists what was tried. */
bool s3_sources_ask(struct s3_provided *out, const struct s3_lookup *l, struct err *e);
void s3_provided_release(struct s3_provided *p);

/* S3_ABSENT with its reason. */
enum s3_found s3_absent(struct s3_provided *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/*
 * Copies; token may be NULL or "", expires NULL, "" or an RFC 3339 time. False (ERR_FAILED, naming the part and never
 * its value) when a part is missing, too long, or holds what cannot be in a header.
 */
bool s3_keys_set(struct s3_keys *out, const char *access_key, const char *secret_key, const char *token,
        const char *expires, struct err *e);
/* A copy without spaces and line breaks at its ends; ERR_USAGE naming the file. Wipe it with s3_wipe(). */
bool s3_token_file(char **out, const char *path, struct err *e);
void s3_wipe(char *secret);                 /* also frees; NULL is fine */
void s3_wipe_buf(struct buf *b);            /* also releases */
void s3_wipe_body(struct http_response *r); /* also releases */

/*
 * The JSON object of container and instance metadata and of credential_process, whose third part is called token_name;
 * version: what its "Version" must be, 0 for no such thing. Its text is never in a message.
 */
bool s3_keys_from_json(struct s3_keys *out, struct view text, const char *token_name, int version, struct err *e);
/* s3_keys_from_json() of an answer of container or instance metadata. */
bool s3_keys_from_answer(struct s3_keys *out, const struct http_response *answer, struct err *e);
/* s3_keys_from_json() of what a program prints. command is split into words as a shell does, but no shell runs it. */
bool s3_keys_from_process(struct s3_keys *out, const char *command, struct err *e);
/* The time at which they expire becomes one of our clock. */
void s3_keys_by_our_clock(struct s3_keys *k, const struct http_response *answer);
/*
 * How far our clock is ahead of the one of whoever has answered; 0 when the answer does not tell, or by so little that
 * it may have been under way.
 */
int64_t s3_answer_ahead_us(const struct http_response *answer);
/* The words of a command, NULL-terminated; free with s3_words_free(). ERR_USAGE when a quote does not close. */
bool s3_words_split(char ***out, const char *command, struct err *e);
void s3_words_free(char **words);

/* A role at STS; session and external_id may be NULL, seconds 0. */
struct s3_role {
	const char *arn, *session, *external_id;
	unsigned seconds;
};
bool s3_assume_role(struct s3_keys *out, const struct s3_lookup *l, const struct s3_keys *with,
        const struct s3_role *role, struct err *e);
bool s3_assume_role_with_web_identity(struct s3_keys *out, const struct s3_lookup *l, const char *token_file,
        const struct s3_role *role, struct err *e);

/*
 * http_perform() up to tries times while it fails for now or answers 429 or 5xx, with short waits. True: an answer,
 * whatever its status.
 */
bool s3_ask(struct http_response *out, struct http_client *http, const struct http_request *r, unsigned tries,
        struct err *e);

#endif
