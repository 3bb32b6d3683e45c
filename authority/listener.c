/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024

static enum sp_status fail(int fd, char trouble[256], const char *what)
{
    int error = errno;
    snprintf(trouble, 256, "%.180s: %s", what, strerror(error));
    if (fd >= 0)
        close(fd);
    return SP_IO;
}

enum sp_status sp_listen_tcp(struct sp_str address, int *out, char url[80], char trouble[256])
{
    char host[64] = "127.0.0.1", port[8], shown[96];
    size_t colon = address.len;
    while (colon > 0 && address.at[colon - 1] != ':')
        colon--;
    snprintf(shown, sizeof shown, "%.*s", SP_STR_ARG(sp_str_slice(address, 0, 90)));
    struct sp_str name = colon > 0 ? sp_str_slice(address, 0, colon - 1) : SP_STR(""),
                  number = sp_str_slice(address, colon, address.len);
    if (name.len > 2 && name.at[0] == '[')
        name = sp_str_slice(name, 1, name.len - 1);
    if (name.len >= sizeof host || number.len == 0 || number.len >= sizeof port) {
        snprintf(trouble, 256, "'%s' is no address; write HOST:PORT, such as 127.0.0.1:9400", shown);
        return SP_IO;
    }
    if (name.len > 0)
        snprintf(host, sizeof host, "%.*s", SP_STR_ARG(name));
    snprintf(port, sizeof port, "%.*s", SP_STR_ARG(number));
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV},
                    *found = NULL;
    int code = getaddrinfo(host, port, &hints, &found);
    if (code != 0) {
        snprintf(trouble, 256, "%s: %s", shown, gai_strerror(code));
        return SP_IO;
    }
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    bool bound = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                 bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0;
    freeaddrinfo(found);
    if (!bound)
        return fail(fd, trouble, shown);
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof at;
    if (getsockname(fd, (struct sockaddr *)&at, &len) != 0 ||
        getnameinfo((struct sockaddr *)&at, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return fail(fd, trouble, shown);
    snprintf(url, 80, strchr(host, ':') != NULL ? "http://[%s]:%s" : "http://%s:%s", host, port);
    *out = fd;
    return SP_OK;
}

static bool is_served(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool served = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;
    if (fd >= 0)
        close(fd);
    return served;
}

/* A worker of nginx says for whom it asks, and is believed: nobody else is to have the socket. */
enum sp_status sp_listen_unix(const char *path, int group, int *out, char trouble[256])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const mode_t mode = group == SP_LISTEN_TO_ALL ? 0666 : group == SP_LISTEN_TO_US ? 0600 : 0660;
    if (strlen(path) >= sizeof address.sun_path) {
        snprintf(trouble, 256, "%.180s is too long for a socket's path (%zu bytes at most)", path,
                 sizeof address.sun_path - 1);
        return SP_IO;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (is_served(&address)) {
        snprintf(trouble, 256, "%.180s: another authority serves there", path);
        return SP_IO;
    }
    (void)unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* Nobody is let in before listen, when the mode is what it is to be. */
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        (group >= 0 && chown(path, (uid_t)-1, (gid_t)group) != 0) || chmod(path, mode) != 0 || listen(fd, BACKLOG) != 0)
        return fail(fd, trouble, path);
    *out = fd;
    return SP_OK;
}
