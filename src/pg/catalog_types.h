/*
 * src/pg/catalog_types.h - records of what a database holds, as plain text and numbers
 *
 * Names are as in the catalogue; "qualified" ones are quoted by the server (quote_ident) and stand as they are in SQL.
 * Whoever fills a record owns its memory, an arena as a rule.
 */
#ifndef DRTOOL_PG_CATALOG_TYPES_H
#define DRTOOL_PG_CATALOG_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One relation of the database as LOCK TABLE sees it. */
struct pg_relation {
	uint32_t oid;
	char relkind; /* r p v m f */
	const char *qualified;
};
struct pg_relation_list {
	struct pg_relation *items;
	size_t count;
};

enum pg_table_kind {
	PG_TABLE_PLAIN,  /* rows are loaded into an empty table */
	PG_TABLE_CONFIG, /* an extension's configuration table: only the rows of filter travel; never truncated */
	PG_TABLE_LARGE_OBJECTS, /* the pseudo table of large object pages: (oid, offset, 1 MiB of bytes) */
};

struct pg_table {
	enum pg_table_kind kind;
	uint32_t oid;
	const char *schema, *name, *qualified;
	const char *columns;    /* "(a, "B")", named and quoted, generated and dropped columns left out; "" for none */
	const char *filter;     /* WHERE condition text for a configuration table, with "WHERE "; NULL when all rows */
	const char *load_root;  /* qualified partition root that the rows must be loaded through; NULL when not */
	uint32_t load_root_oid; /* 0 when not */
	bool heap;              /* ctid ranges are possible */
	bool partition;         /* is a leaf partition */
	bool inherits;          /* has inheritance parents or children */
	bool unlogged;
	uint32_t relfilenode;
	uint64_t main_pages; /* blocks of the main fork */
	uint64_t size;       /* pg_table_size: heap, TOAST, maps */
};
struct pg_table_list {
	struct pg_table *items;
	size_t count;
};

struct pg_sequence {
	uint32_t oid;
	const char *schema, *name, *qualified;
	int64_t last_value;
	bool is_called;
};
struct pg_sequence_list {
	struct pg_sequence *items;
	size_t count;
};

struct pg_matview { /* in an order in which they can be refreshed */
	uint32_t oid;
	const char *schema, *name, *qualified;
	bool populated;
};
struct pg_matview_list {
	struct pg_matview *items;
	size_t count;
};

struct pg_large_object {
	uint32_t oid;
	const char *owner, *acl, *comment; /* acl as aclitem[] text; NULL when default or none */
	const char *labels;                /* statements SECURITY LABEL ..., or NULL */
};
struct pg_large_object_list {
	struct pg_large_object *items;
	size_t count;
};

struct pg_extension {
	const char *name, *version, *schema;
};
struct pg_extension_list {
	struct pg_extension *items;
	size_t count;
};

struct pg_text_list {
	const char **items;
	size_t count;
};

/* The database itself: what CREATE DATABASE and the statements after it need to make an equal one. */
struct pg_database {
	uint32_t oid;
	const char *name, *owner, *encoding, *collate, *ctype;
	const char *locale_provider;    /* "libc", "icu", "builtin" */
	const char *locale, *icu_rules; /* ICU or builtin locale; NULL when none */
	const char *tablespace;
	const char *acl;      /* aclitem[] text; NULL when default */
	const char *comment;  /* NULL when none */
	int connection_limit; /* -1 unlimited */
	bool is_template, allow_connections;
	struct pg_text_list settings;  /* statements "ALTER DATABASE %1$s SET ..." / "ALTER ROLE r IN DATABASE %1$s SET
	                                  ..." / "SECURITY LABEL ... ON DATABASE %1$s ..." with %1$s for the name */
	const char *system_identifier; /* decimal text; "" when it may not be read */
	int server_version;            /* 150020 */
	bool in_recovery;              /* a standby */
	uint64_t size;                 /* pg_database_size */
	const char *data_checksums;    /* "on" or "off" */
	const char *preload_libraries; /* shared_preload_libraries, "" when hidden */
};

#endif
