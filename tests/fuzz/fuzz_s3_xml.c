/* tests/fuzz/fuzz_s3_xml.c - libFuzzer target: answers of stores and STS from any bytes */
#include <assert.h>
#include <string.h>

#include "storage/backend/s3_time.h"
#include "storage/backend/s3_xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool look(void *cookie, const struct s3_listed *object, struct err *e)
{
	size_t *count = cookie;

	(void)e;
	assert(object->key[0] && object->modified_us >= 0);
	(*count)++;
	return true;
}

static void lists(struct view body)
{
	struct s3_list_page page;
	struct err e = ERR_INIT;
	size_t count = 0;

	if (s3_xml_list(&page, body, look, &count, &e)) {
		assert(page.count == count && e.kind == ERR_NONE);
		assert((page.last_key != NULL) == (count > 0));
		assert(!page.token || page.token[0]);
	} else {
		assert(e.kind == ERR_FAILED && e.msg[0] && !page.token && !page.last_key);
	}
	s3_list_page_release(&page);
}

static void explains(struct view body)
{
	struct s3_error_document d;

	s3_xml_error(&d, body);
	assert(!strpbrk(d.message, "\r\n\t") && !strpbrk(d.code, "\r\n\t"));
	assert(memchr(d.endpoint, '\0', sizeof(d.endpoint)) && memchr(d.region, '\0', sizeof(d.region)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct view body = { data, size };
	struct err e = ERR_INIT;
	char value[64];
	int64_t us;

	lists(body);
	explains(body);
	if (!s3_xml_text(value, sizeof(value), body, "Status", &e))
		assert(e.kind == ERR_FAILED && value[0] == '\0');
	else if (s3_time_parse(&us, value))
		assert(us >= 0);
	return 0;
}
