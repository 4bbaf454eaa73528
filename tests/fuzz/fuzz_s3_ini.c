/* tests/fuzz/fuzz_s3_ini.c - libFuzzer target: credentials and config files, and commands in them, from any bytes */
#include <assert.h>
#include <string.h>

#include "storage/backend/s3_credentials_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void splits(const char *command)
{
	struct err e = ERR_INIT;
	char **words;

	if (s3_words_split(&words, command, &e)) {
		assert(words[0]);
		s3_words_free(words);
	} else {
		assert(e.kind == ERR_USAGE && e.msg[0]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "aws_access_key_id", "role_arn", "s3.addressing_style", "x" };
	struct s3_ini *ini = NULL;
	struct err e = ERR_INIT;

	if (!s3_ini_parse(&ini, (struct view){ data, size }, "x", &e)) {
		assert(e.kind == ERR_USAGE && e.msg[0] && !ini);
		return 0;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = s3_ini_get(ini, "default", names[i]);

		assert(!value || s3_ini_has(ini, "default"));
		assert(!value || (value[0] != ' ' && value[0] != '\t'));
		assert(!s3_ini_get(ini, "", names[i]));
	}
	if (s3_ini_get(ini, "profile p", "credential_process"))
		splits(s3_ini_get(ini, "profile p", "credential_process"));
	s3_ini_free(ini);
	return 0;
}
