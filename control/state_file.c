/* SPDX-License-Identifier: Apache-2.0 */
#include "control/state_file.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int fd, struct sp_str content)
{
    while (content.len > 0) {
        ssize_t written = write(fd, content.at, content.len);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        if (written > 0) {
            content = sp_str_slice(content, (size_t)written, content.len);
        }
    }
    return true;
}

enum sp_status sp_state_file_replace(const char *path, struct sp_str content, unsigned mode, int group)
{
    char sibling[PATH_MAX];
    int len = snprintf(sibling, sizeof sibling, "%s.new", path);
    if (len < 0 || (size_t)len >= sizeof sibling) {
        errno = ENAMETOOLONG;
        return SP_IO;
    }
    int fd = open(sibling, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0) {
        return SP_IO;
    }
    bool written = (group < 0 || fchown(fd, (uid_t)-1, (gid_t)group) == 0) && fchmod(fd, mode) == 0 &&
                   write_all(fd, content) && fsync(fd) == 0;
    int failure = errno;
    close(fd);
    if (!written || rename(sibling, path) != 0) {
        failure = written ? errno : failure;
        unlink(sibling);
        errno = failure;
        return SP_IO;
    }
    return SP_OK;
}
