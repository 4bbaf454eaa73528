/* tests/unit/test_s3_xml.c - listings, errors and single values as stores write them, and what is refused */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "storage/backend/s3_xml.h"

#define HEAD    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define SPACE   " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""
#define LIST(x) HEAD "<ListBucketResult" SPACE "><Name>b</Name>" x "</ListBucketResult>"
#define LAST    "<IsTruncated>false</IsTruncated>"
#define MORE    "<IsTruncated>true</IsTruncated>"
#define TIME    "<LastModified>2009-10-12T17:50:30.000Z</LastModified>"
#define OBJECT(key, size)                                                                                   \
	"<Contents><Key>" key "</Key>" TIME "<ETag>&quot;fba9&quot;</ETag><Size>" size                      \
	"</Size><StorageClass>STANDARD</StorageClass><Owner><ID>x</ID><DisplayName>y</DisplayName></Owner>" \
	"</Contents>"

/* --- listings --- */

struct seen {
	struct buf text; /* "key size\n" for each */
	unsigned stop_at;
	unsigned count;
};

static bool note(void *cookie, const struct s3_listed *object, struct err *e)
{
	struct seen *s = cookie;

	buf_addf(&s->text, "%s %llu\n", object->key, (unsigned long long)object->size);
	assert_true(object->modified_us == INT64_C(1255369830000000));
	return ++s->count != s->stop_at || err_set(e, ERR_CANCELLED, "enough");
}

static struct s3_list_page listed(const char *expected, const char *body)
{
	struct seen s = { .stop_at = 0 };
	struct s3_list_page page;
	struct err e = ERR_INIT;

	if (!s3_xml_list(&page, view_str(body), note, &s, &e))
		fail_msg("%s", e.msg);
	assert_string_equal(buf_str(&s.text), expected);
	assert_int_equal(page.count, s.count);
	buf_release(&s.text);
	return page;
}

static void no_listing(const char *complaint, struct view body)
{
	struct seen s = { .stop_at = 0 };
	struct s3_list_page page;
	struct err e = ERR_INIT;

	assert_false(s3_xml_list(&page, body, note, &s, &e));
	assert_int_equal(e.kind, ERR_FAILED);
	if (!strstr(e.msg, complaint))
		fail_msg("\"%s\" is not in \"%s\"", complaint, e.msg);
	assert_int_equal(s.count, 0); /* nothing of a document that is not whole */
	assert_null(page.token);
	assert_null(page.last_key);
}

static void refused(const char *complaint, const char *body)
{
	no_listing(complaint, view_str(body));
}

static void a_page_of_version_2(void **state)
{
	struct s3_list_page page;

	(void)state;
	page = listed("p/a 434234\np/b &c 0\n",
	        LIST("<Prefix>p/</Prefix><KeyCount>2</KeyCount><NextContinuationToken>1ueGcx+/=%2F</NextContinuationToken>" MORE
	             "<CommonPrefixes><Prefix>q/</Prefix></CommonPrefixes>" OBJECT("p/a", "434234")
	                        OBJECT("p/b &amp;c", "0")));
	assert_true(page.truncated);
	assert_string_equal(page.token, "1ueGcx+/=%2F");
	assert_string_equal(page.last_key, "p/b &c");
	s3_list_page_release(&page);
	assert_null(page.token);
}

static void a_page_of_version_1(void **state)
{
	struct s3_list_page page;

	(void)state;
	page = listed("a 1\n", LIST("<Marker></Marker>" MORE OBJECT("a", "1")));
	assert_true(page.truncated);
	assert_null(page.token);
	assert_string_equal(page.last_key, "a");
	s3_list_page_release(&page);
	page = listed("a 1\n",
	        LIST(MORE "<EncodingType>url</EncodingType><NextMarker>b%2fc+d</NextMarker>" OBJECT("a", "1")));
	assert_string_equal(page.token, "b/c d");
	s3_list_page_release(&page);
}

static void an_empty_page(void **state)
{
	struct s3_list_page page;

	(void)state;
	page = listed("", LIST("<Prefix/><KeyCount>0</KeyCount>" LAST));
	assert_false(page.truncated);
	assert_null(page.token);
	assert_null(page.last_key);
	s3_list_page_release(&page);
}

static void names_are_decoded_as_the_page_says(void **state)
{
	struct s3_list_page page;

	(void)state;
	page = listed("a b%+\xc3\xa4\x01 1\n",
	        LIST(LAST "<EncodingType>url</EncodingType>" OBJECT("a+b%25%2B%C3%A4%01", "1")));
	s3_list_page_release(&page);
	/* told only behind the objects */
	page = listed("a b 1\n", LIST(LAST OBJECT("a%20b", "1") "<EncodingType>url</EncodingType>"));
	assert_string_equal(page.last_key, "a b");
	s3_list_page_release(&page);
	page = listed("a+b%20 1\n", LIST(LAST OBJECT("a+b%20", "1")));
	s3_list_page_release(&page);
	page = listed("ab\xc3\xa4<\xe2\x82\xac 18446744073709551615\n",
	        LIST(LAST OBJECT("a<![CDATA[b]]>\xc3\xa4&lt;&#x20ac;", "18446744073709551615")));
	s3_list_page_release(&page);
	refused("Key is \"a%\"", LIST(LAST "<EncodingType>url</EncodingType>" OBJECT("a%", "1")));
	refused("Key is \"%zz\"", LIST(LAST "<EncodingType>url</EncodingType>" OBJECT("%zz", "1")));
	refused("Key is \"a%00\"", LIST(LAST "<EncodingType>url</EncodingType>" OBJECT("a%00", "1")));
	refused("EncodingType is \"rot13\"", LIST(LAST "<EncodingType>rot13</EncodingType>"));
}

static void the_callee_can_stop(void **state)
{
	struct seen s = { .stop_at = 2 };
	struct s3_list_page page;
	struct err e = ERR_INIT;

	(void)state;
	assert_false(s3_xml_list(
	        &page, view_str(LIST(LAST OBJECT("a", "1") OBJECT("b", "2") OBJECT("c", "3"))), note, &s, &e));
	assert_int_equal(e.kind, ERR_CANCELLED);
	assert_string_equal(buf_str(&s.text), "a 1\nb 2\n");
	buf_release(&s.text);
}

static void what_is_no_listing(void **state)
{
	(void)state;
	refused("not well-formed XML (line 1", "");
	refused("not well-formed XML", "Bad gateway");
	refused("not well-formed XML (line 2", HEAD "<ListBucketResult><Contents><Key>a</Key>");
	refused("not well-formed XML", LIST(LAST OBJECT("a", "1")) "<more/>");
	refused("not well-formed XML", LIST(LAST "<Name>&nbsp;</Name>"));
	refused("not well-formed XML", LIST(LAST OBJECT("a\x01", "1")));
	refused("not well-formed XML", LIST(LAST OBJECT("a\xff", "1")));
	refused("the answer is <Error>, not a listing", "<Error><Code>SlowDown</Code></Error>");
	refused("the answer is <html>", "<html><body>hello</body></html>");
	refused("does not say whether it is truncated", LIST(OBJECT("a", "1")));
	refused("IsTruncated is \"maybe\"", LIST("<IsTruncated>maybe</IsTruncated>"));
	refused("without a name", LIST(LAST "<Contents><Size>1</Size>" TIME "</Contents>"));
	refused("with no name", LIST(LAST OBJECT("", "1")));
	refused("two keys", LIST(LAST "<Contents><Key>a</Key><Key>b</Key></Contents>"));
	refused("without a size", LIST(LAST "<Contents><Key>a</Key>" TIME "</Contents>"));
	refused("without a time", LIST(LAST "<Contents><Key>a</Key><Size>1</Size></Contents>"));
	refused("Size is \"-1\"", LIST(LAST OBJECT("a", "-1")));
	refused("Size is \"\"", LIST(LAST OBJECT("a", "")));
	refused("Size is \"18446744073709551616\"", LIST(LAST OBJECT("a", "18446744073709551616")));
	refused("LastModified is \"today\"", LIST(LAST "<Contents><LastModified>today</LastModified></Contents>"));
}

static void documents_that_would_grow(void **state)
{
	struct buf body = BUF_INIT;

	(void)state;
	refused("declares a type of its own",
	        "<!DOCTYPE x [<!ENTITY a \"aaaaaaaa\"><!ENTITY b \"&a;&a;\">]><ListBucketResult>&b;</ListBucketResult>");
	refused("declares a type of its own", "<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><ListBucketResult/>");
	for (unsigned i = 0; i < 17; i++)
		buf_add(&body, "<a>");
	refused("nested more than 16 deep", buf_str(&body));
	buf_clear(&body);
	buf_add(&body, "<ListBucketResult>" LAST "<Contents><Key>");
	for (unsigned i = 0; i < 17000; i++)
		buf_add(&body, "k");
	buf_add(&body, "</Key>");
	refused("Key has more than 16384 bytes", buf_str(&body));
	buf_clear(&body);
	buf_add(&body, "<ListBucketResult>" LAST);
	while (body.len <= (size_t)16 << 20)
		buf_addf(&body, "%1000s", "");
	buf_add(&body, "</ListBucketResult>");
	no_listing("more than 16777216 bytes", buf_view(&body));
	buf_release(&body);
}

/* --- errors --- */

static void errors_of_s3(void **state)
{
	struct s3_error_document d;

	(void)state;
	s3_xml_error(&d,
	        view_str(HEAD "<Error><Code>RequestTimeTooSkewed</Code><Message>The difference\n is &lt;too&gt; "
	                      "large.</Message><ServerTime>2009-10-12T17:50:30Z</ServerTime><RequestId>4442587FB7D0A2F9"
	                      "</RequestId></Error>"));
	assert_string_equal(d.code, "RequestTimeTooSkewed");
	assert_string_equal(d.message, "The difference is <too> large.");
	assert_string_equal(d.request_id, "4442587FB7D0A2F9");
	assert_true(d.server_time_us == INT64_C(1255369830000000));
	assert_string_equal(d.region, "");
	s3_xml_error(
	        &d, view_str("<Error><Code>PermanentRedirect</Code><Endpoint>b.s3-eu-west-1.amazonaws.com</Endpoint>"
	                     "<Region>eu-west-1</Region></Error>"));
	assert_string_equal(d.region, "eu-west-1");
	assert_string_equal(d.endpoint, "b.s3-eu-west-1.amazonaws.com");
	assert_true(d.server_time_us == 0);
}

static void errors_of_sts(void **state)
{
	struct s3_error_document d;

	(void)state;
	s3_xml_error(&d,
	        view_str("<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>"
	                 "<Code>ExpiredTokenException</Code><Message>gone</Message></Error><RequestId>r</RequestId>"
	                 "</ErrorResponse>"));
	assert_string_equal(d.code, "ExpiredTokenException");
	assert_string_equal(d.message, "gone");
	assert_string_equal(d.request_id, "r");
}

static void no_error(const char *body)
{
	struct s3_error_document d;

	s3_xml_error(&d, view_str(body));
	assert_string_equal(d.code, "");
	assert_string_equal(d.message, "");
}

static void bodies_that_are_no_error(void **state)
{
	struct s3_error_document d;

	(void)state;
	no_error("");
	no_error("garbage");
	no_error("<html><head><title>503</title></head><body><Error><Code>x</Code></Error></body></html>");
	no_error("<!DOCTYPE html><Error><Code>x</Code></Error>");
	no_error("<Error><Code>NoSuchKey</Code>");
	no_error("<DeleteResult><Error><Key>k</Key><Code>AccessDenied</Code></Error></DeleteResult>");
	s3_xml_error(&d, (struct view){ NULL, 0 });
	assert_string_equal(d.code, "");
}

static void long_values_of_an_error_are_cut(void **state)
{
	struct s3_error_document d;
	struct buf body = BUF_INIT;

	(void)state;
	buf_add(&body, "<Error><Code>X</Code><Message>");
	for (unsigned i = 0; i < 600; i++)
		buf_add(&body, "\xe2\x82\xac");
	buf_add(&body, "</Message><StringToSign>AWS4-HMAC-SHA256 secret</StringToSign></Error>");
	s3_xml_error(&d, buf_view(&body));
	assert_string_equal(d.code, "X");
	assert_int_equal(strlen(d.message), 510); /* 170 whole characters */
	assert_true((unsigned char)d.message[509] == 0xac);
	buf_release(&body);
}

/* --- single values --- */

static void single_values(void **state)
{
	const struct view body = view_str(
	        "<A><x:Status xmlns:x=\"u\">Enabled</x:Status><Status>Other</Status><Deep><Er>1</Er></Deep></A>");
	char value[8], tiny[7];
	struct err e = ERR_INIT;

	(void)state;
	assert_true(s3_xml_text(value, sizeof(value), body, "Status", &e));
	assert_string_equal(value, "Enabled");
	assert_true(s3_xml_text(value, sizeof(value), body, "Er", &e));
	assert_string_equal(value, "1");
	assert_true(s3_xml_text(value, sizeof(value), body, "Absent", &e));
	assert_string_equal(value, "");
	assert_true(s3_xml_text(value, sizeof(value), view_str("<Status/>"), "Status", &e));
	assert_string_equal(value, "");
	assert_false(s3_xml_text(tiny, sizeof(tiny), body, "Status", &e));
	assert_string_equal(e.msg, "Status is longer than 6 bytes");
	assert_string_equal(tiny, "");
	assert_false(s3_xml_text(value, sizeof(value), view_str("<A><Status>Enabled</Status>"), "Status", &e));
	assert_string_equal(value, ""); /* not half a document's */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_of_version_2),
		cmocka_unit_test(a_page_of_version_1),
		cmocka_unit_test(an_empty_page),
		cmocka_unit_test(names_are_decoded_as_the_page_says),
		cmocka_unit_test(the_callee_can_stop),
		cmocka_unit_test(what_is_no_listing),
		cmocka_unit_test(documents_that_would_grow),
		cmocka_unit_test(errors_of_s3),
		cmocka_unit_test(errors_of_sts),
		cmocka_unit_test(bodies_that_are_no_error),
		cmocka_unit_test(long_values_of_an_error_are_cut),
		cmocka_unit_test(single_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
