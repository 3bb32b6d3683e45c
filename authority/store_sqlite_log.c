/* SPDX-License-Identifier: Apache-2.0 */
/* A VFS over SQLite's own that touches nothing but the log: every other file is opened, and used, by the one below. */
#include "authority/store_sqlite_log.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define VFS_NAME "sallyport-log"
/* Thirty pages with their headers: small enough to stay in a processor's cache. */
#define MOST_BYTES (128 * 1024)
/* Of a frame's header (sqlite.org/fileformat2.html, 4.1); its second number is not 0 in a commit's last frame. */
#define FRAME_HEADER_BYTES 24

struct log_file {
    sqlite3_file file;  /* first: SQLite's pointer is to one of these */
    sqlite3_file *real; /* the file of the VFS below, in the same piece of memory */
    unsigned char *gathered;
    sqlite3_int64 from; /* where the gathered bytes belong */
    int count;
    bool ends_commit; /* the page that comes next is a commit's last */
    const char *name; /* SQLite's, as long as the file is open */
    dev_t device;     /* of what it named when it was opened */
    ino_t inode;
};

static struct log_file *self_of(sqlite3_file *file)
{
    return (struct log_file *)file;
}

/* What could not be written is nobody's any more: its commit fails. */
static int write_gathered(struct log_file *log)
{
    int count = log->count;
    log->count = 0;
    return count > 0 ? log->real->pMethods->xWrite(log->real, log->gathered, count, log->from) : SQLITE_OK;
}

static bool is_last_header(const unsigned char *data, int bytes)
{
    return bytes == FRAME_HEADER_BYTES && (data[4] | data[5] | data[6] | data[7]) != 0;
}

static int log_write(sqlite3_file *file, const void *data, int bytes, sqlite3_int64 at)
{
    struct log_file *log = self_of(file);
    bool ends_commit = log->ends_commit, goes_on = at == log->from + log->count && bytes <= MOST_BYTES - log->count;
    log->ends_commit = is_last_header(data, bytes);
    if (!goes_on) {
        int code = write_gathered(log);
        if (code != SQLITE_OK)
            return code;
    }
    if (log->gathered == NULL || bytes > MOST_BYTES)
        return log->real->pMethods->xWrite(log->real, data, bytes, at);
    if (log->count == 0)
        log->from = at;
    memcpy(log->gathered + log->count, data, (size_t)bytes);
    log->count += bytes;
    return ends_commit ? write_gathered(log) : SQLITE_OK;
}

static int log_read(sqlite3_file *file, void *data, int bytes, sqlite3_int64 at)
{
    struct log_file *log = self_of(file);
    int code = write_gathered(log);
    return code == SQLITE_OK ? log->real->pMethods->xRead(log->real, data, bytes, at) : code;
}

static int log_sync(sqlite3_file *file, int flags)
{
    struct log_file *log = self_of(file);
    int code = write_gathered(log);
    return code == SQLITE_OK ? log->real->pMethods->xSync(log->real, flags) : code;
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct log_file *log = self_of(file);
    int code = write_gathered(log);
    return code == SQLITE_OK ? log->real->pMethods->xTruncate(log->real, size) : code;
}

static int log_file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    struct log_file *log = self_of(file);
    int code = write_gathered(log);
    return code == SQLITE_OK ? log->real->pMethods->xFileSize(log->real, size) : code;
}

static int log_close(sqlite3_file *file)
{
    struct log_file *log = self_of(file);
    int written = write_gathered(log), code = log->real->pMethods->xClose(log->real);
    free(log->gathered);
    log->gathered = NULL;
    return code == SQLITE_OK ? written : code;
}

static int log_lock(sqlite3_file *file, int level)
{
    return self_of(file)->real->pMethods->xLock(self_of(file)->real, level);
}

static int log_unlock(sqlite3_file *file, int level)
{
    return self_of(file)->real->pMethods->xUnlock(self_of(file)->real, level);
}

static int log_check_lock(sqlite3_file *file, int *is_locked)
{
    return self_of(file)->real->pMethods->xCheckReservedLock(self_of(file)->real, is_locked);
}

/* SQLite's own answer is about the database file alone. */
static bool has_moved(const struct log_file *log)
{
    struct stat now;
    return log->inode != 0 && (stat(log->name, &now) != 0 || now.st_ino != log->inode || now.st_dev != log->device);
}

static int log_control(sqlite3_file *file, int what, void *argument)
{
    if (what == SQLITE_FCNTL_HAS_MOVED) {
        *(int *)argument = has_moved(self_of(file));
        return SQLITE_OK;
    }
    return self_of(file)->real->pMethods->xFileControl(self_of(file)->real, what, argument);
}

static int log_sector_bytes(sqlite3_file *file)
{
    return self_of(file)->real->pMethods->xSectorSize(self_of(file)->real);
}

static int log_device(sqlite3_file *file)
{
    return self_of(file)->real->pMethods->xDeviceCharacteristics(self_of(file)->real);
}

static const sqlite3_io_methods log_methods = {
    .iVersion = 1, /* no shared memory, no mapping: both are the database file's */
    .xClose = log_close,
    .xRead = log_read,
    .xWrite = log_write,
    .xTruncate = log_truncate,
    .xSync = log_sync,
    .xFileSize = log_file_size,
    .xLock = log_lock,
    .xUnlock = log_unlock,
    .xCheckReservedLock = log_check_lock,
    .xFileControl = log_control,
    .xSectorSize = log_sector_bytes,
    .xDeviceCharacteristics = log_device,
};

static sqlite3_vfs *below; /* SQLite's own, of the process */

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *flags_out)
{
    (void)vfs;
    if ((flags & SQLITE_OPEN_WAL) == 0)
        return below->xOpen(below, name, file, flags, flags_out);
    struct log_file *log = self_of(file);
    *log = (struct log_file){.real = (sqlite3_file *)(log + 1)};
    int code = below->xOpen(below, name, log->real, flags, flags_out);
    if (code != SQLITE_OK)
        return code;
    struct stat opened;
    if (name != NULL && stat(name, &opened) == 0) {
        log->name = name;
        log->device = opened.st_dev;
        log->inode = opened.st_ino;
    }
    log->gathered = malloc(MOST_BYTES); /* without: each write by itself */
    log->file.pMethods = &log_methods;
    return SQLITE_OK;
}

const char *sp_store_sqlite_log_vfs(void)
{
    static sqlite3_vfs ours;
    if (below != NULL)
        return VFS_NAME;
    sqlite3_vfs *own = sqlite3_vfs_find(NULL);
    if (own == NULL)
        return NULL;
    ours = *own;
    ours.zName = VFS_NAME;
    ours.szOsFile = own->szOsFile + (int)sizeof(struct log_file);
    ours.xOpen = open_file;
    ours.pNext = NULL;
    below = own;
    if (sqlite3_vfs_register(&ours, 0) != SQLITE_OK)
        below = NULL;
    return below != NULL ? VFS_NAME : NULL;
}
