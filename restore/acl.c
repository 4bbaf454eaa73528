#include "restore/acl.h"

/* aclexplode() refuses an empty list. */
#define EXPLODE_SQL                                                                                                         \
	"SELECT pg_catalog.pg_get_userbyid(x.grantor),"                                                                     \
	" CASE x.grantee WHEN 0 THEN NULL ELSE pg_catalog.pg_get_userbyid(x.grantee) END, x.privilege_type, x.is_grantable" \
	" FROM pg_catalog.aclexplode(NULLIF($1::text, '{}')::pg_catalog.aclitem[])"                                         \
	" WITH ORDINALITY x(grantor, grantee, privilege_type, is_grantable, n) ORDER BY x.n"

static void add_grant(
        struct buf *out, const PGresult *r, int row, const char *object, const char *owner, struct arena *a)
{
	const char *grantor = PQgetvalue(r, row, 0);
	bool other = strcmp(grantor, owner) != 0;

	if (other)
		buf_addf(out, "SET SESSION AUTHORIZATION %s;", pg_quote_ident(a, grantor));
	buf_addf(out, "GRANT %s ON %s TO %s%s;", PQgetvalue(r, row, 2), object,
	        PQgetisnull(r, row, 1) ? "PUBLIC" : pg_quote_ident(a, PQgetvalue(r, row, 1)),
	        strcmp(PQgetvalue(r, row, 3), "t") == 0 ? " WITH GRANT OPTION" : "");
	if (other)
		buf_add(out, "RESET SESSION AUTHORIZATION;");
}

bool acl_statements(
        struct buf *out, struct pg_session *s, const char *object, const char *owner, const char *acl, struct err *e)
{
	struct arena a = ARENA_INIT;
	PGresult *r = NULL;

	if (!acl)
		return true;
	if (!pg_query(&r, s, EXPLODE_SQL, 1, &acl, e))
		return err_wrap(e, "read the privileges on %s", object);
	buf_addf(out, "REVOKE ALL ON %s FROM PUBLIC;", object);
	buf_addf(out, "REVOKE ALL ON %s FROM %s;", object, pg_quote_ident(&a, owner));
	for (int i = 0; i < PQntuples(r); i++)
		add_grant(out, r, i, object, owner, &a);
	PQclear(r);
	arena_release(&a);
	return true;
}
