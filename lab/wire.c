/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "lab/port.h"

#define BACKLOG 64
#define MOST_CONNECTIONS 256u
#define HANDSHAKE_S 10
#define IDLE_MS 120000
#define HEAD_BYTES ((size_t)64 * 1024)
#define BLOCK_BYTES ((size_t)16 * 1024)

struct sp_lab_wire {
    struct sp_lab_wire_terms terms;
    int fd;
    unsigned port;
    pthread_t acceptor;
    bool has_acceptor;
    atomic_bool stops, listens;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int sockets[MOST_CONNECTIONS]; /* of connections, to end them; -1: free */
    unsigned count;
};

struct connection {
    struct sp_lab_wire *wire;
    int fd, server; /* towards the client, towards HTTP */
    unsigned slot;
    SSL *ssl; /* NULL: plain */
    char head[HEAD_BYTES];
    size_t head_len;
    bool head_done;
    enum sp_lab_act act;
    size_t body_left; /* of an answer that is cut */
};

/* ---- bytes to and from the client ---- */

static ssize_t client_read(const struct connection *connection, void *block, size_t bytes)
{
    if (connection->ssl == NULL)
        return recv(connection->fd, block, bytes, 0);
    int got = SSL_read(connection->ssl, block, (int)bytes);
    return got > 0 ? got : 0;
}

static bool client_write(const struct connection *connection, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = connection->ssl != NULL ? SSL_write(connection->ssl, bytes, (int)len)
                                               : send(connection->fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

static bool server_write(const struct connection *connection, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(connection->server, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

/* ---- the answer's head: our own server wrote it, so it is well-formed ---- */

/* Takes the header with the act out of the head. */
static enum sp_lab_act take_act(struct connection *connection)
{
    static const char name[] = "\r\n" SP_LAB_ACT_HEADER ": ";
    char *at = memmem(connection->head, connection->head_len, name, sizeof name - 1);
    if (at == NULL)
        return SP_LAB_ACT_NONE;
    enum sp_lab_act act = (enum sp_lab_act)strtol(at + sizeof name - 1, NULL, 10);
    char *end = memmem(at + 2, connection->head_len - (size_t)(at + 2 - connection->head), "\r\n", 2);
    size_t behind = connection->head_len - (size_t)(end - connection->head);
    memmove(at, end, behind);
    connection->head_len -= (size_t)(end - at);
    return act;
}

static size_t length_of(const struct connection *connection)
{
    static const char name[] = "Content-Length: ";
    const char *at = memmem(connection->head, connection->head_len, name, sizeof name - 1);
    return at != NULL ? strtoul(at + sizeof name - 1, NULL, 10) : 0;
}

/* Until the client has had enough of it. */
static void hold_back(const struct connection *connection)
{
    char block[1024];
    while (client_read(connection, block, sizeof block) > 0) {
    }
}

/* False: the connection is over. */
static bool pass_body(struct connection *connection, const char *bytes, size_t len)
{
    if (connection->act != SP_LAB_ACT_CUT)
        return client_write(connection, bytes, len);
    size_t most = len < connection->body_left ? len : connection->body_left;
    connection->body_left -= most;
    return client_write(connection, bytes, most) && connection->body_left > 0;
}

static bool pass_head(struct connection *connection)
{
    char *end = memmem(connection->head, connection->head_len, "\r\n\r\n", 4);
    if (end == NULL)
        return connection->head_len < HEAD_BYTES;
    /* 100 Continue is not the answer yet. */
    if (strncmp(connection->head, "HTTP/1.1 1", 10) == 0) {
        size_t len = (size_t)(end - connection->head) + 4;
        bool sent = client_write(connection, connection->head, len);
        memmove(connection->head, connection->head + len, connection->head_len - len);
        connection->head_len -= len;
        return sent && (connection->head_len == 0 || pass_head(connection));
    }
    connection->act = take_act(connection);
    connection->head_done = true;
    if (connection->act == SP_LAB_ACT_HANG) {
        hold_back(connection);
        return false;
    }
    end = memmem(connection->head, connection->head_len, "\r\n\r\n", 4);
    size_t len = (size_t)(end - connection->head) + 4;
    connection->body_left = length_of(connection) / 2;
    return client_write(connection, connection->head, len) &&
           (connection->head_len == len || pass_body(connection, connection->head + len, connection->head_len - len));
}

/* ---- both directions ---- */

static bool pump_request(struct connection *connection)
{
    char block[BLOCK_BYTES];
    do {
        ssize_t got = client_read(connection, block, sizeof block);
        if (got <= 0)
            return false;
        if (!server_write(connection, block, (size_t)got))
            return true; /* it has heard enough; its answer is still to come */
    } while (connection->ssl != NULL && SSL_pending(connection->ssl) > 0);
    return true;
}

static bool pump_answer(struct connection *connection)
{
    char block[BLOCK_BYTES];
    if (connection->head_done) {
        ssize_t got = recv(connection->server, block, sizeof block, 0);
        return got > 0 && pass_body(connection, block, (size_t)got);
    }
    ssize_t got =
        recv(connection->server, connection->head + connection->head_len, HEAD_BYTES - connection->head_len, 0);
    if (got <= 0)
        return false;
    connection->head_len += (size_t)got;
    return pass_head(connection);
}

static void pump(struct connection *connection)
{
    struct pollfd ends[] = {{connection->fd, POLLIN, 0}, {connection->server, POLLIN, 0}};
    bool goes_on = true;
    while (goes_on && poll(ends, 2, IDLE_MS) > 0) {
        if ((ends[1].revents & (POLLIN | POLLHUP)) != 0)
            goes_on = pump_answer(connection);
        else if ((ends[0].revents & (POLLIN | POLLHUP)) != 0 && !pump_request(connection)) {
            /* A client may end its half and still wait for the answer. */
            shutdown(connection->server, SHUT_WR);
            ends[0].fd = -1;
        }
        if (((ends[0].revents | ends[1].revents) & (POLLERR | POLLNVAL)) != 0)
            goes_on = false;
    }
}

/* Closing with bytes unread resets the connection, and the alert that was sent would be lost with it. */
static void linger(const struct connection *connection)
{
    struct timeval limit = {2, 0};
    char block[1024];
    shutdown(connection->fd, SHUT_WR);
    setsockopt(connection->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    while (recv(connection->fd, block, sizeof block, 0) > 0) {
    }
}

static bool begin_tls(struct connection *connection, enum sp_lab_variety variety)
{
    const struct sp_lab_wire_terms *terms = &connection->wire->terms;
    struct timeval limit = {HANDSHAKE_S, 0}, none = {IDLE_MS / 1000, 0};
    SSL_CTX *context = variety != SP_LAB_PLAIN ? terms->tls(terms->context, variety) : NULL;
    if (context == NULL)
        return variety == SP_LAB_PLAIN;
    setsockopt(connection->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(connection->fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);
    connection->ssl = SSL_new(context);
    bool done =
        connection->ssl != NULL && SSL_set_fd(connection->ssl, connection->fd) == 1 && SSL_accept(connection->ssl) == 1;
    if (!done)
        linger(connection);
    setsockopt(connection->fd, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);
    ERR_clear_error();
    return done;
}

static void converse(struct connection *connection)
{
    const struct sp_lab_wire_terms *terms = &connection->wire->terms;
    int pair[2];
    if (!begin_tls(connection, terms->variety(terms->context)) ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return;
    connection->server = pair[0];
    if (terms->lead(terms->context, pair[1]) == SP_OK)
        pump(connection);
    close(connection->server);
    if (connection->ssl != NULL && connection->act != SP_LAB_ACT_CUT)
        SSL_shutdown(connection->ssl);
}

/* ---- threads ---- */

static bool take_slot(struct sp_lab_wire *wire, int fd, unsigned *slot)
{
    pthread_mutex_lock(&wire->lock);
    unsigned i = 0;
    while (i < MOST_CONNECTIONS && wire->sockets[i] != -1)
        i++;
    bool free = i < MOST_CONNECTIONS && !atomic_load(&wire->stops);
    if (free) {
        wire->sockets[i] = fd;
        wire->count++;
        *slot = i;
    }
    pthread_mutex_unlock(&wire->lock);
    return free;
}

static void give_slot(struct sp_lab_wire *wire, unsigned slot)
{
    pthread_mutex_lock(&wire->lock);
    close(wire->sockets[slot]);
    wire->sockets[slot] = -1;
    wire->count--;
    pthread_cond_broadcast(&wire->changed);
    pthread_mutex_unlock(&wire->lock);
}

static void *run_connection(void *argument)
{
    struct connection *connection = argument;
    struct sp_lab_wire *wire = connection->wire;
    unsigned slot = connection->slot;
    converse(connection);
    SSL_free(connection->ssl);
    free(connection);
    /* What OpenSSL keeps of a thread, while the lab is still there. */
    OPENSSL_thread_stop();
    give_slot(wire, slot);
    return NULL;
}

static void begin_connection(struct sp_lab_wire *wire, int fd)
{
    struct connection *connection = calloc(1, sizeof *connection);
    pthread_attr_t attributes;
    pthread_t thread;
    int on = 1;
    if (connection == NULL || !take_slot(wire, fd, &connection->slot)) {
        free(connection);
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection->wire = wire;
    connection->fd = fd;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attributes, run_connection, connection) != 0) {
        give_slot(wire, connection->slot);
        free(connection);
    }
    pthread_attr_destroy(&attributes);
}

/* While the port refuses, accept fails at once: wait for the word. */
static void await_listening(struct sp_lab_wire *wire)
{
    pthread_mutex_lock(&wire->lock);
    while (!atomic_load(&wire->listens) && !atomic_load(&wire->stops))
        pthread_cond_wait(&wire->changed, &wire->lock);
    pthread_mutex_unlock(&wire->lock);
}

static void *run_acceptor(void *argument)
{
    struct sp_lab_wire *wire = argument;
    while (!atomic_load(&wire->stops)) {
        int fd = accept4(wire->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            begin_connection(wire, fd);
        else if (errno == EMFILE || errno == ENFILE)
            poll(NULL, 0, 50);
        else
            await_listening(wire);
    }
    return NULL;
}

void sp_lab_wire_listen(struct sp_lab_wire *wire, bool listens)
{
    if (atomic_load(&wire->listens) == listens)
        return;
    pthread_mutex_lock(&wire->lock);
    atomic_store(&wire->listens, listens);
    if (listens)
        (void)listen(wire->fd, BACKLOG);
    else
        shutdown(wire->fd, SHUT_RDWR);
    pthread_cond_broadcast(&wire->changed);
    pthread_mutex_unlock(&wire->lock);
}

/* ---- start and stop ---- */

enum sp_status sp_lab_wire_start(const struct sp_lab_wire_terms *terms, struct sp_lab_wire **out, char trouble[256])
{
    struct sp_lab_wire *wire = calloc(1, sizeof *wire);
    if (wire == NULL)
        return SP_NO_MEMORY;
    wire->terms = *terms;
    for (size_t i = 0; i < MOST_CONNECTIONS; i++)
        wire->sockets[i] = -1;
    pthread_mutex_init(&wire->lock, NULL);
    pthread_cond_init(&wire->changed, NULL);
    wire->fd = sp_lab_port_bind(terms->address, terms->port);
    if (wire->fd < 0 || listen(wire->fd, BACKLOG) != 0) {
        snprintf(trouble, 256, "%.80s:%u: %s", terms->address, terms->port, strerror(errno));
        sp_lab_wire_stop(&wire);
        return SP_IO;
    }
    wire->port = sp_lab_port_of(wire->fd);
    atomic_store(&wire->listens, true);
    if (pthread_create(&wire->acceptor, NULL, run_acceptor, wire) != 0) {
        sp_lab_wire_stop(&wire);
        return SP_NO_MEMORY;
    }
    wire->has_acceptor = true;
    *out = wire;
    return SP_OK;
}

unsigned sp_lab_wire_port(const struct sp_lab_wire *wire)
{
    return wire->port;
}

void sp_lab_wire_stop(struct sp_lab_wire **stopped)
{
    struct sp_lab_wire *wire = *stopped;
    if (wire == NULL)
        return;
    pthread_mutex_lock(&wire->lock);
    atomic_store(&wire->stops, true);
    if (wire->fd >= 0)
        shutdown(wire->fd, SHUT_RDWR);
    for (size_t i = 0; i < MOST_CONNECTIONS; i++)
        if (wire->sockets[i] != -1)
            shutdown(wire->sockets[i], SHUT_RDWR);
    pthread_cond_broadcast(&wire->changed);
    pthread_mutex_unlock(&wire->lock);
    if (wire->has_acceptor)
        pthread_join(wire->acceptor, NULL);
    pthread_mutex_lock(&wire->lock);
    while (wire->count > 0)
        pthread_cond_wait(&wire->changed, &wire->lock);
    pthread_mutex_unlock(&wire->lock);
    if (wire->fd >= 0)
        close(wire->fd);
    pthread_cond_destroy(&wire->changed);
    pthread_mutex_destroy(&wire->lock);
    free(wire);
    *stopped = NULL;
}
