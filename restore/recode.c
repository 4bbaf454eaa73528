/* restore/recode.c - see recode.h */
#include "restore/recode.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/buf.h"
#include "src/base/utf8.h"

struct recode {
	iconv_t cd;
};

/* PostgreSQL's server encodings and what iconv calls them. */
static const struct {
	const char *postgres, *iconv;
} encodings[] = { { "EUC_CN", "EUC-CN" }, { "EUC_JIS_2004", "EUC-JISX0213" }, { "EUC_JP", "EUC-JP" },
	{ "EUC_KR", "EUC-KR" }, { "EUC_TW", "EUC-TW" }, { "ISO_8859_5", "ISO-8859-5" }, { "ISO_8859_6", "ISO-8859-6" },
	{ "ISO_8859_7", "ISO-8859-7" }, { "ISO_8859_8", "ISO-8859-8" }, { "KOI8R", "KOI8-R" }, { "KOI8U", "KOI8-U" },
	{ "LATIN1", "ISO-8859-1" }, { "LATIN10", "ISO-8859-16" }, { "LATIN2", "ISO-8859-2" },
	{ "LATIN3", "ISO-8859-3" }, { "LATIN4", "ISO-8859-4" }, { "LATIN5", "ISO-8859-9" }, { "LATIN6", "ISO-8859-10" },
	{ "LATIN7", "ISO-8859-13" }, { "LATIN8", "ISO-8859-14" }, { "LATIN9", "ISO-8859-15" }, { "WIN1250", "CP1250" },
	{ "WIN1251", "CP1251" }, { "WIN1252", "CP1252" }, { "WIN1253", "CP1253" }, { "WIN1254", "CP1254" },
	{ "WIN1255", "CP1255" }, { "WIN1256", "CP1256" }, { "WIN1257", "CP1257" }, { "WIN1258", "CP1258" },
	{ "WIN866", "CP866" }, { "WIN874", "CP874" } };

static const char *iconv_name(const char *encoding)
{
	for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
		if (strcmp(encodings[i].postgres, encoding) == 0)
			return encodings[i].iconv;
	}
	return encoding;
}

bool recode_open(struct recode **out, const char *encoding, bool to_utf8, struct err *e)
{
	const char *name = iconv_name(encoding);
	iconv_t cd;

	*out = NULL;
	if (strcmp(encoding, "UTF8") == 0 || strcmp(encoding, "SQL_ASCII") == 0)
		return true;
	cd = to_utf8 ? iconv_open("UTF-8", name) : iconv_open(name, "UTF-8");
	if (cd == (iconv_t)-1)
		return err_sys(e, errno, "convert names to encoding \"%s\"", encoding);
	*out = xmalloc(sizeof(**out));
	(*out)->cd = cd;
	return true;
}

bool recode_text(const char **text, struct recode *r, struct arena *a, struct err *e)
{
	size_t left = *text ? strlen(*text) : 0, room = left * 4;
	char *in = (char *)(uintptr_t)*text, *start, *out;

	if (!r || left == 0)
		return true;
	start = out = arena_alloc(a, room + 1);
	iconv(r->cd, NULL, NULL, NULL, NULL);
	if (iconv(r->cd, &in, &left, &out, &room) != 0)
		return err_set(e, ERR_FAILED, "name \"%s\" cannot be expressed in the database's encoding", *text);
	*out = '\0';
	*text = start;
	return true;
}

void recode_close(struct recode *r)
{
	if (r)
		iconv_close(r->cd);
	free(r);
}

const char *recode_readable(const char *text, const char *encoding, struct arena *a)
{
	struct recode *r = NULL;
	struct err ignored = ERR_INIT;
	char *copy = arena_strdup(a, text);

	if (utf8_repair(copy))
		return text;
	if (recode_open(&r, encoding, true, &ignored) && r && recode_text(&text, r, a, &ignored)) {
		recode_close(r);
		return text;
	}
	recode_close(r);
	return copy;
}
