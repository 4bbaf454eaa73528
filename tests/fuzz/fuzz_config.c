/* tests/fuzz/fuzz_config.c - libFuzzer target: drtool.yml and env files from any bytes */
#include "src/config/config.h"
#include "src/config/env_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view text = { data, size };
	struct config *c = NULL;
	struct err e = ERR_INIT;

	if (config_parse(&c, text, "drtool.yml", &e)) {
		for (size_t i = 0; i < config_database_count(c); i++) {
			struct buf out = BUF_INIT_MAX(1 << 16);
			const struct config_database *d = config_database(c, i);

			if (d->url && !config_expand(&out, d->url, d->name, &e) && e.kind == ERR_NONE)
				abort();
			buf_release(&out);
		}
	} else if (e.kind == ERR_NONE || e.msg[0] == '\0') {
		abort();
	}
	config_free(c);
	env_file_parse(text, "x.env", NULL, NULL, &e);
	return 0;
}
