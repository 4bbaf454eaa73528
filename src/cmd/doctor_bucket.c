/* src/cmd/doctor_bucket.c - doctor: the bucket that the repository is in */
#include "src/cmd/doctor.h"
#include "storage/backend/s3.h"

#define SKEW_WARN_US ((int64_t)60 * 1000000) /* stores refuse requests that are 15 minutes off */

static void check_verb(struct doctor *d, const char *name, const struct err *e)
{
	if (e->kind == ERR_NONE)
		doctor_add(d, DOCTOR_OK, name, NULL, "works");
	else
		doctor_add_err(d, DOCTOR_FAIL, name, e);
}

static void check_clock(struct doctor *d, const struct s3_findings *f)
{
	int64_t off = f->clock_ahead_us < 0 ? -f->clock_ahead_us : f->clock_ahead_us;
	const char *way = f->clock_ahead_us < 0 ? "behind" : "ahead of";

	if (!f->clock_known)
		doctor_add(d, DOCTOR_UNKNOWN, "bucket clock", NULL, "the store does not tell its time");
	else if (off > SKEW_WARN_US)
		doctor_add(d, DOCTOR_WARN, "bucket clock",
		        "set this machine's clock (chrony, systemd-timesyncd); drtool signs with the store's time meanwhile",
		        "this machine is %lld s %s the store", (long long)(off / 1000000), way);
	else
		doctor_add(d, DOCTOR_OK, "bucket clock", NULL, "%.1f s %s the store", (double)off / 1e6, way);
}

static void check_versions(struct doctor *d, const struct s3_findings *f)
{
	if (f->versioning == S3_YES)
		doctor_add(d, DOCTOR_WARN, "bucket versioning",
		        "add a lifecycle rule that ends noncurrent versions, or what is deleted goes on costing space",
		        "on: deleted objects are kept as old versions");
	else if (f->versioning == S3_NO)
		doctor_add(d, DOCTOR_OK, "bucket versioning", NULL, "off");
	else
		doctor_add(d, DOCTOR_UNKNOWN, "bucket versioning", NULL, "the store does not say");
}

static void check_remove(struct doctor *d, const struct s3_findings *f)
{
	if (f->remove_refused == S3_YES)
		doctor_add(d, DOCTOR_WARN, "bucket delete",
		        "snapshots and restores work; locks expire instead of being removed, and nothing is ever pruned; allow s3:DeleteObject to change that",
		        "refused, by object lock or by policy: %s", f->remove.msg);
	else
		check_verb(d, "bucket delete", &f->remove);
}

void doctor_bucket(struct doctor *d, struct storage *s)
{
	struct s3_findings f = { 0 };
	struct err e = ERR_INIT;

	if (!s3_examine(&f, s, &e)) {
		doctor_add_err(d, DOCTOR_FAIL, "bucket", &e);
		return;
	}
	doctor_add(d, DOCTOR_OK, "bucket", NULL, "%s at %s%s%s%s, region %s, %s addressing, keys from %s", s->where,
	        f.endpoint, *f.server ? " (" : "", f.server, *f.server ? ")" : "", f.region, f.addressing,
	        f.credentials);
	check_verb(d, "bucket put", &f.put);
	check_verb(d, "bucket get", &f.get);
	check_verb(d, "bucket list", &f.list);
	check_remove(d, &f);
	check_clock(d, &f);
	check_versions(d, &f);
}
