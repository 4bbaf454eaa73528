/*
 * src/pg/catalog_internal.h - what the catalog files share
 */
#ifndef DRTOOL_PG_CATALOG_INTERNAL_H
#define DRTOOL_PG_CATALOG_INTERNAL_H

#include "src/pg/catalog.h"

/* User schemas: pg_dump leaves out every pg_* one and information_schema. n is pg_namespace. */
#define CATALOG_USER_SCHEMA "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"

/* c (pg_class) does not belong to an extension. */
#define CATALOG_NOT_OF_EXTENSION                                                                                      \
	"NOT EXISTS (SELECT FROM pg_catalog.pg_depend x WHERE x.classid = 'pg_catalog.pg_class'::pg_catalog.regclass" \
	" AND x.objid = c.oid AND x.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND x.deptype = 'e')"

/*
 * Configuration relations of the extensions a dump carries, with their conditions. Extensions that initdb made
 * (plpgsql) are not dumped: their OIDs lie below FirstNormalObjectId.
 */
#define CATALOG_CONFIG_RELATIONS                                       \
	"(SELECT u.relid, u.condition FROM pg_catalog.pg_extension e," \
	" LATERAL unnest(e.extconfig, e.extcondition) AS u(relid, condition) WHERE e.oid >= 16384)"

/* Cells of a result, copied into the arena; SQL NULL gives NULL. */
const char *catalog_text(struct arena *a, const PGresult *res, int row, int col);
uint32_t catalog_oid(const PGresult *res, int row, int col);
uint64_t catalog_u64(const PGresult *res, int row, int col); /* negative or NULL gives 0 */
bool catalog_bool(const PGresult *res, int row, int col);

/* One column of text as a list. */
bool catalog_text_list(struct pg_text_list *out, struct pg_session *s, const char *sql, struct arena *a, struct err *e);

#endif
