/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/file.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/base/buffer.h"

enum sp_status sp_file_read(struct sp_arena *arena, const char *path, size_t max_bytes, struct sp_str *content)
{
    char block[16384];
    ssize_t got;
    struct sp_buffer text;
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT || errno == ENOTDIR ? SP_NOT_FOUND : SP_IO;
    }
    enum sp_status status = SP_IO;
    sp_buffer_init(&text, arena, max_bytes);
    if (fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) {
        errno = EISDIR;
        goto done;
    }
    while ((got = read(fd, block, sizeof block)) != 0) {
        if (got < 0 && errno != EINTR) {
            goto done;
        }
        sp_buffer_append(&text, sp_str(block, got > 0 ? (size_t)got : 0));
        if (sp_buffer_status(&text) != SP_OK) {
            break; /* a device without an end is not read to it */
        }
    }
    status = sp_buffer_status(&text);
    if (status == SP_OK) {
        *content = text.at != NULL ? sp_buffer_str(&text) : SP_STR("");
    }
done:
    close(fd);
    return status;
}
