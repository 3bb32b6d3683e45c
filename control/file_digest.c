/* SPDX-License-Identifier: Apache-2.0 */
#include "control/file_digest.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/base/secret.h"
#include "core/jose/crypto.h"

#define BLOCK_BYTES 16384u

static int open_file(const char *path)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))) {
        close(fd);
        errno = EINVAL;
        return -1;
    }
    return fd;
}

/* Each block is digested with the digest before it. */
enum sp_status sp_file_digest(const char *path, size_t max_bytes, unsigned char digest[SP_FILE_DIGEST_BYTES])
{
    unsigned char link[SP_FILE_DIGEST_BYTES + BLOCK_BYTES] = {0}, next[SP_FILE_DIGEST_BYTES];
    const int fd = open_file(path);
    ssize_t got = fd >= 0 ? 1 : -1;
    for (size_t left = max_bytes; got > 0 && left > 0;) {
        got = read(fd, link + SP_FILE_DIGEST_BYTES, left < BLOCK_BYTES ? left : BLOCK_BYTES);
        if (got < 0 && errno == EINTR) {
            got = 1;
            continue;
        }
        if (got > 0) {
            sp_sha256(sp_str((const char *)link, SP_FILE_DIGEST_BYTES + (size_t)got), next);
            memcpy(link, next, sizeof next);
            left -= (size_t)got;
        }
    }
    const int failure = errno;
    if (fd >= 0) {
        close(fd);
    }
    memcpy(digest, link, SP_FILE_DIGEST_BYTES);
    sp_wipe(link, sizeof link); /* it may have been a private key */
    errno = failure;
    return got < 0 ? SP_IO : SP_OK;
}
