/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t read_address(const char *text, unsigned port, union address *address)
{
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, text, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons((uint16_t)port);
        return sizeof address->v4;
    }
    if (inet_pton(AF_INET6, text, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons((uint16_t)port);
        return sizeof address->v6;
    }
    errno = EINVAL;
    return 0;
}

static int bind_port(const char *text, unsigned port)
{
    union address address;
    socklen_t len = read_address(text, port, &address);
    int on = 1, fd = len > 0 ? socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 && bind(fd, &address.any, len) == 0)
        return fd;
    int kept = errno;
    close(fd);
    errno = kept;
    return -1;
}

unsigned sp_lab_port_of(int fd)
{
    union address address = {.any = {.sa_family = AF_UNSPEC}};
    socklen_t len = sizeof address;
    if (getsockname(fd, &address.any, &len) != 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
}

/* A socket whose port was asked for by number keeps it when it stops listening; one that the kernel chose does not. So
 * the kernel's choice is asked for again by its number. */
int sp_lab_port_bind(const char *text, unsigned port)
{
    for (unsigned attempt = 0; attempt < 16 && port == 0; attempt++) {
        int fd = bind_port(text, 0);
        unsigned chosen = fd >= 0 ? sp_lab_port_of(fd) : 0;
        if (fd < 0)
            return -1;
        close(fd);
        int again = bind_port(text, chosen);
        if (again >= 0)
            return again;
    }
    return bind_port(text, port);
}

int sp_lab_port_that_refuses(const char *address, unsigned *port)
{
    int fd = bind_port(address, 0);
    if (fd >= 0)
        *port = sp_lab_port_of(fd);
    return fd;
}

int sp_lab_port_that_swallows(const char *text, unsigned *port, int clients[4])
{
    union address address;
    int fd = bind_port(text, 0);
    if (fd < 0)
        return -1;
    *port = sp_lab_port_of(fd);
    if (listen(fd, 0) != 0) {
        close(fd);
        return -1;
    }
    socklen_t len = read_address(text, *port, &address);
    for (size_t i = 0; i < 4; i++) {
        clients[i] = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (clients[i] >= 0)
            (void)connect(clients[i], &address.any, len);
    }
    return fd;
}
