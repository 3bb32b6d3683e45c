/* SPDX-License-Identifier: Apache-2.0 */
/* The benchmark's load: N keep-alive connections on one core, one request in flight on each, as many requests as asked. A file gives a
 * token per line and each request takes the next one, so that "every token new" is what it says. Prints one JSON object: rate, latency,
 * statuses. It costs the same for every peer, and the peers' CPU time is read by the caller.
 *
 * bench-load --port N [--path /p] [--connections 64] [--requests 10000] [--tokens FILE [--skip N]] [--header 'Name: value'] */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 1024
#define REQUEST_BYTES 32768
#define RESPONSE_BYTES 65536
/* Latency in steps of 1 µs up to 100 ms; the last one holds everything above. */
#define LATENCY_STEPS 100000

struct connection {
    int fd;
    int64_t sent_ns;
    size_t got;
    char response[RESPONSE_BYTES];
};

struct load {
    unsigned port, connection_count;
    uint64_t wanted, sent, received;
    const char *path, *header;
    char *tokens, *next_token, *tokens_end;
    struct connection *connections;
    uint64_t statuses[600], latencies[LATENCY_STEPS + 1];
    int epoll_fd;
};

static void die(const char *what)
{
    fprintf(stderr, "bench-load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void read_tokens(struct load *load, const char *path, uint64_t skip)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        die(path);
    }
    long size = ftell(file);
    rewind(file);
    load->tokens = malloc((size_t)size + 1);
    if (load->tokens == NULL || fread(load->tokens, 1, (size_t)size, file) != (size_t)size) {
        die(path);
    }
    fclose(file);
    load->tokens_end = load->tokens + size;
    load->next_token = load->tokens;
    while (skip-- > 0) {
        char *end = memchr(load->next_token, '\n', (size_t)(load->tokens_end - load->next_token));
        load->next_token = end != NULL && end + 1 < load->tokens_end ? end + 1 : load->tokens;
    }
}

static void send_request(struct load *load, struct connection *connection)
{
    char request[REQUEST_BYTES];
    int len = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: api.example.com\r\n%s%s", load->path, load->header != NULL ? load->header : "",
                       load->header != NULL ? "\r\n" : "");
    if (load->tokens != NULL) {
        char *end = memchr(load->next_token, '\n', (size_t)(load->tokens_end - load->next_token));
        size_t token_len = (size_t)((end != NULL ? end : load->tokens_end) - load->next_token);
        len += snprintf(request + len, sizeof request - (size_t)len, "Authorization: Bearer %.*s\r\n", (int)token_len, load->next_token);
        load->next_token = end != NULL && end + 1 < load->tokens_end ? end + 1 : load->tokens;
    }
    len += snprintf(request + len, sizeof request - (size_t)len, "\r\n");
    if ((size_t)len >= sizeof request) {
        errno = EMSGSIZE;
        die("request");
    }
    connection->got = 0;
    connection->sent_ns = now_ns();
    load->sent++;
    if (write(connection->fd, request, (size_t)len) != len) {
        die("write");
    }
}

static void open_connection(struct load *load, struct connection *connection)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)load->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    connection->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connection->fd < 0 || connect(connection->fd, (struct sockaddr *)&address, sizeof address) != 0) {
        die("connect");
    }
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, connection->fd, &event) != 0) {
        die("epoll_ctl");
    }
}

/* Bytes of the whole response once its header is there, 0 before. *closes: the peer ends the connection behind it. */
static size_t response_bytes(const struct connection *connection, unsigned *status, bool *closes)
{
    char *end = memmem(connection->response, connection->got, "\r\n\r\n", 4);
    if (end == NULL) {
        return 0;
    }
    *end = '\0';
    const char *length = strcasestr(connection->response, "\r\ncontent-length:");
    *closes = strcasestr(connection->response, "\r\nconnection: close") != NULL;
    *status = (unsigned)strtoul(connection->response + 9, NULL, 10);
    if (length == NULL) {
        fprintf(stderr, "bench-load: a response without Content-Length: %s\n", connection->response);
        exit(1);
    }
    size_t whole = (size_t)(end + 4 - connection->response) + strtoul(length + 17, NULL, 10);
    *end = '\r';
    return whole;
}

static void take_response(struct load *load, struct connection *connection)
{
    ssize_t len = read(connection->fd, connection->response + connection->got, sizeof connection->response - 1 - connection->got);
    unsigned status = 0;
    bool closes = false;
    if (len == 0 && connection->got == 0) {
        /* A keep-alive connection that the peer ended between two requests: asked again on another one. */
        close(connection->fd);
        open_connection(load, connection);
        load->sent--;
        send_request(load, connection);
        return;
    }
    if (len <= 0) {
        die("read");
    }
    connection->got += (size_t)len;
    connection->response[connection->got] = '\0';
    size_t whole = response_bytes(connection, &status, &closes);
    if (whole == 0 || connection->got < whole) {
        return;
    }
    int64_t latency_us = (now_ns() - connection->sent_ns) / 1000;
    load->latencies[latency_us < LATENCY_STEPS ? latency_us : LATENCY_STEPS]++;
    load->statuses[status < 600 ? status : 0]++;
    load->received++;
    if (closes) {
        close(connection->fd);
        open_connection(load, connection);
    }
    if (load->sent < load->wanted) {
        send_request(load, connection);
    }
}

static unsigned percentile_us(const struct load *load, double share)
{
    uint64_t seen = 0, wanted = (uint64_t)((double)load->received * share);
    for (unsigned step = 0; step <= LATENCY_STEPS; step++) {
        seen += load->latencies[step];
        if (seen > wanted) {
            return step;
        }
    }
    return LATENCY_STEPS;
}

static void run(struct load *load)
{
    struct epoll_event events[MAX_CONNECTIONS];
    load->epoll_fd = epoll_create1(0);
    load->connections = calloc(load->connection_count, sizeof *load->connections);
    if (load->epoll_fd < 0 || load->connections == NULL) {
        die("epoll");
    }
    for (unsigned i = 0; i < load->connection_count; i++) {
        open_connection(load, &load->connections[i]);
    }
    int64_t started = now_ns();
    for (unsigned i = 0; i < load->connection_count && load->sent < load->wanted; i++) {
        send_request(load, &load->connections[i]);
    }
    while (load->received < load->wanted) {
        int count = epoll_wait(load->epoll_fd, events, MAX_CONNECTIONS, 10000);
        if (count <= 0) {
            die("no answer in 10 s");
        }
        for (int i = 0; i < count; i++) {
            take_response(load, events[i].data.ptr);
        }
    }
    double seconds = (double)(now_ns() - started) / 1e9;
    printf("{\"requests\":%llu,\"seconds\":%.6f,\"rate\":%.1f,\"p50_us\":%u,\"p99_us\":%u,\"statuses\":{", (unsigned long long)load->received, seconds,
           (double)load->received / seconds, percentile_us(load, 0.50), percentile_us(load, 0.99));
    const char *comma = "";
    for (unsigned status = 0; status < 600; status++) {
        if (load->statuses[status] > 0) {
            printf("%s\"%u\":%llu", comma, status, (unsigned long long)load->statuses[status]);
            comma = ",";
        }
    }
    printf("}}\n");
}

int main(int argc, char **argv)
{
    static struct load load = {.connection_count = 64, .wanted = 10000, .path = "/"};
    const char *tokens = NULL;
    uint64_t skip = 0;
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1];
        if (strcmp(name, "--port") == 0) {
            load.port = (unsigned)strtoul(value, NULL, 10);
        } else if (strcmp(name, "--path") == 0) {
            load.path = value;
        } else if (strcmp(name, "--connections") == 0) {
            load.connection_count = (unsigned)strtoul(value, NULL, 10);
        } else if (strcmp(name, "--requests") == 0) {
            load.wanted = strtoull(value, NULL, 10);
        } else if (strcmp(name, "--tokens") == 0) {
            tokens = value;
        } else if (strcmp(name, "--skip") == 0) {
            skip = strtoull(value, NULL, 10);
        } else if (strcmp(name, "--header") == 0) {
            load.header = value;
        } else {
            fprintf(stderr, "bench-load: there is no option %s\n", name);
            return 2;
        }
    }
    if (load.port == 0 || load.connection_count == 0 || load.connection_count > MAX_CONNECTIONS) {
        fprintf(stderr, "bench-load: --port N is needed, --connections is 1 to %d\n", MAX_CONNECTIONS);
        return 2;
    }
    if (tokens != NULL) {
        read_tokens(&load, tokens, skip);
    }
    run(&load);
    free(load.connections);
    free(load.tokens);
    return 0;
}
