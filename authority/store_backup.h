/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of a SQLite store as of one moment, while others go on writing to it. */
#ifndef SP_AUTHORITY_STORE_BACKUP_H
#define SP_AUTHORITY_STORE_BACKUP_H

#include "core/base/status.h"

/* `to` must not exist; it is made with mode 0600. SP_IO with the reason in trouble. */
SP_MUST_CHECK enum sp_status sp_store_backup(const char *from, const char *to, char trouble[256]);

#endif
