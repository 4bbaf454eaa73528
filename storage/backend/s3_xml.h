/*
 * storage/backend/s3_xml.h - the XML answers of S3 and STS, through expat
 *
 * Ceilings: 16 MiB of document, depth 16, 16 KiB for a value that is kept. No DTD, no entities but the five predefined
 * ones and character references: a document that declares others is refused. ERR_FAILED for what is not well-formed or
 * not the document expected.
 */
#ifndef DRTOOL_STORAGE_BACKEND_S3_XML_H
#define DRTOOL_STORAGE_BACKEND_S3_XML_H

#include <stdint.h>

#include "src/base/buf.h"

struct s3_error_document {
	char code[128]; /* "NoSuchKey"; "" when the body is no error document */
	char message[512];
	char region[64];    /* of AuthorizationHeaderMalformed and redirects */
	char endpoint[256]; /* of PermanentRedirect */
	char request_id[128];
	int64_t server_time_us; /* of RequestTimeTooSkewed; 0 when not told */
};
/*
 * Any body: an empty one, HTML and garbage give an empty code. Never fails. A 200 may carry one, too. Control
 * characters become blanks, what is too long is cut; the parts that hold what was signed are not kept.
 */
void s3_xml_error(struct s3_error_document *out, struct view body);

struct s3_listed {
	const char *key; /* decoded; valid during the call */
	uint64_t size;
	int64_t modified_us;
};
typedef bool s3_listed_fn(void *cookie, const struct s3_listed *object, struct err *e);

struct s3_list_page {
	bool truncated;
	char *token;    /* NextContinuationToken (v2) or NextMarker (v1); NULL when there is none; free with the page */
	char *last_key; /* decoded: the marker for v1 without NextMarker; NULL when the page is empty */
	size_t count;
};
/*
 * ListBucketResult of ListObjectsV2 or of version 1, with or without encoding-type=url (as its EncodingType says). each
 * is called for every object in order, once the whole document has been read; false stops with its error. IsTruncated,
 * and Key, Size and LastModified of every object must be there.
 */
bool s3_xml_list(struct s3_list_page *out, struct view body, s3_listed_fn *each, void *cookie, struct err *e);
void s3_list_page_release(struct s3_list_page *p);

/*
 * The text of the first element of this name anywhere ("Status" of VersioningConfiguration); "" when there is none. One
 * that does not fit is an error. It may be a secret: no copy of it stays behind here.
 */
bool s3_xml_text(char *value, size_t size, struct view body, const char *element, struct err *e);

#endif
