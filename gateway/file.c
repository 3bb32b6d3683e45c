/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool sp_file_differs(const char *path, const struct sp_file *seen, struct sp_file *now)
{
    struct stat status;
    *now = (struct sp_file){0};
    if (stat(path, &status) == 0) {
        *now = (struct sp_file){status.st_dev, status.st_ino, status.st_size, status.st_mtim, true};
    }
    return now->exists != seen->exists || now->device != seen->device || now->inode != seen->inode ||
           now->bytes != seen->bytes || now->changed.tv_sec != seen->changed.tv_sec ||
           now->changed.tv_nsec != seen->changed.tv_nsec;
}

static enum sp_status read_all(int file, char *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        const ssize_t n = read(file, bytes + done, len - done);
        if (n == 0) {
            errno = EIO; /* it shrank while we read: writers rename, so this is not one of ours */
            return SP_IO;
        }
        if (n < 0 && errno != EINTR) {
            return SP_IO;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return SP_OK;
}

enum sp_status sp_file_read(const char *path, size_t max_bytes, struct sp_str *content)
{
    char *bytes = NULL;
    struct stat status;
    enum sp_status result;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return errno == ENOENT ? SP_NOT_FOUND : SP_IO;
    }
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
        result = SP_IO;
        goto done;
    }
    if ((uint64_t)status.st_size > max_bytes) {
        result = SP_TOO_LARGE;
        goto done;
    }
    bytes = malloc((size_t)status.st_size + 1);
    result = bytes != NULL ? read_all(file, bytes, (size_t)status.st_size) : SP_NO_MEMORY;
    if (result == SP_OK) {
        *content = sp_str(bytes, (size_t)status.st_size);
        bytes = NULL;
    }
done:
    free(bytes);
    close(file);
    return result;
}
