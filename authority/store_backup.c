/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/store_backup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
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

/* The name that was asked for is a whole copy's from the first moment: an interrupted one would open as a valid
 * database without a table. link() does not replace what came there meanwhile. */
static int publish(const char *part, const char *to)
{
    int fd = open(part, O_RDONLY | O_CLOEXEC);
    int failed = fd < 0 || fsync(fd) != 0 || link(part, to) != 0;
    if (fd >= 0)
        close(fd);
    return failed;
}

/* Of a run that was interrupted, or of one that is under way (which then fails when it publishes). */
static int make_part(const char *part)
{
    (void)unlink(part);
    /* SQLite takes an empty file for the copy, and would make one by the umask. */
    int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    return fd < 0;
}

enum sp_status sp_store_backup(const char *from, const char *to, char trouble[256])
{
    sqlite3 *db = NULL;
    char part[PATH_MAX];
    struct stat there;
    if ((size_t)snprintf(part, sizeof part, "%s.part", to) >= sizeof part)
        errno = ENAMETOOLONG;
    else if (lstat(to, &there) == 0)
        errno = EEXIST;
    else if (errno == ENOENT && make_part(part) == 0)
        errno = 0;
    if (errno != 0) {
        snprintf(trouble, 256, "%.180s: %s", to, strerror(errno));
        return SP_IO;
    }
    int code = sqlite3_open_v2(from, &db, SQLITE_OPEN_READWRITE, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
    if (code == SQLITE_OK)
        code = copy(db, part);
    enum sp_status status = code == SQLITE_OK ? SP_OK : SP_IO;
    if (code != SQLITE_OK) {
        snprintf(trouble, 256, "%.150s: %.90s", from, db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(code));
    } else if (publish(part, to) != 0) {
        snprintf(trouble, 256, "%.180s: %s", to, strerror(errno));
        status = SP_IO;
    }
    (void)unlink(part);
    sqlite3_close(db);
    return status;
}
