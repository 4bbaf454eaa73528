/*
 * src/snapshot/expect.h - what the previous snapshot says about chunks that this one may rely on
 */
#ifndef DRTOOL_SNAPSHOT_EXPECT_H
#define DRTOOL_SNAPSHOT_EXPECT_H

#include "storage/repository/chunk_store.h"

/*
 * Tell the store the sizes recorded by the newest snapshot of this database, so that an object cut since is stored
 * again. Nothing readable there is fine: what cannot be compared is found by verify and scrub.
 */
void expect_previous(struct chunk_store *store, struct repository *r, const char *database);

#endif
