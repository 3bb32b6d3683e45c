/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/handed_configuration.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/base/limits.h"

#define NAME "sallyport configuration"
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3; a machine may insist on it (vm.memfd_noexec = 2) */
#endif

union descriptor_message {
    struct cmsghdr header; /* for its alignment */
    char bytes[CMSG_SPACE(sizeof(int))];
};

enum sp_status sp_handed_configuration_pair(int *giver, int *taker)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        return SP_IO;
    }
    *giver = ends[0];
    *taker = ends[1];
    return SP_OK;
}

/* ---- giving ---- */

static bool write_all(int fd, struct sp_str text)
{
    while (text.len > 0) {
        ssize_t written = write(fd, text.at, text.len);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        text = sp_str_slice(text, written > 0 ? (size_t)written : 0, text.len);
    }
    return true;
}

/* -1 with errno. */
static int keep_in_memory(struct sp_str text)
{
    int fd = memfd_create(NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL) {
        fd = memfd_create(NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    }
    if (fd >= 0 && (!write_all(fd, text) ||
                    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)) {
        int failure = errno;
        close(fd);
        errno = failure;
        return -1;
    }
    return fd;
}

enum sp_status sp_handed_configuration_give(int giver, struct sp_str text)
{
    union descriptor_message control = {.bytes = {0}};
    char mark = 'c'; /* a message has one byte at least */
    struct iovec part = {&mark, 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    int fd = keep_in_memory(text);
    if (fd < 0) {
        return SP_IO;
    }
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    ssize_t sent = sendmsg(giver, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    int failure = errno;
    close(fd);
    errno = failure;
    return sent == 1 ? SP_OK : SP_IO;
}

/* ---- taking ---- */

/* -1: nothing more has come. */
static int next_descriptor(int taker)
{
    union descriptor_message control = {.bytes = {0}};
    char mark;
    struct iovec part = {&mark, 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t got;
    do {
        got = recvmsg(taker, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    const struct cmsghdr *header = got == 1 ? CMSG_FIRSTHDR(&message) : NULL;
    int fd = -1;
    if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len == CMSG_LEN(sizeof fd)) {
        memcpy(&fd, CMSG_DATA(header), sizeof fd);
    }
    return fd;
}

static enum sp_status read_all(int fd, struct sp_arena *arena, struct sp_str *text)
{
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return SP_IO;
    }
    if (info.st_size > (off_t)SP_MAX_POLICY_BYTES) {
        return SP_TOO_LARGE;
    }
    size_t size = (size_t)info.st_size, done = 0;
    char *bytes = sp_arena_alloc(arena, size + 1);
    while (bytes != NULL && done < size) {
        ssize_t got = pread(fd, bytes + done, size - done, (off_t)done);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return SP_IO;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    if (bytes == NULL) {
        return SP_NO_MEMORY;
    }
    *text = sp_str(bytes, size);
    return SP_OK;
}

enum sp_status sp_handed_configuration_take(int taker, int *held, struct sp_arena *arena, struct sp_str *text)
{
    for (int fd = next_descriptor(taker); fd >= 0; fd = next_descriptor(taker)) {
        if (*held >= 0) {
            close(*held);
        }
        *held = fd;
    }
    return *held >= 0 ? read_all(*held, arena, text) : SP_NOT_FOUND;
}
