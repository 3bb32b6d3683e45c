/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/store_backup.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 5000

static int copy(sqlite3 *db, const char *to)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, "VACUUM INTO ?1", -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_bind_text(statement, 1, to, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    sqlite3_finalize(statement);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

enum sp_status sp_store_backup(const char *from, const char *to, char trouble[256])
{
    sqlite3 *db = NULL;
    /* SQLite takes an empty file for the copy, and would make one by the umask. */
    int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        snprintf(trouble, 256, "%.180s: %s", to, strerror(errno));
        return SP_IO;
    }
    close(fd);
    int code = sqlite3_open_v2(from, &db, SQLITE_OPEN_READWRITE, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
    if (code == SQLITE_OK)
        code = copy(db, to);
    if (code != SQLITE_OK) {
        snprintf(trouble, 256, "%.150s: %.90s", from, db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(code));
        (void)unlink(to);
    }
    sqlite3_close(db);
    return code == SQLITE_OK ? SP_OK : SP_IO;
}
