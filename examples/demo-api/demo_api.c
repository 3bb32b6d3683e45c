/* SPDX-License-Identifier: Apache-2.0 */
/* The API of the quickstart: a handful of photos, and what the gateway told about the caller. It checks nothing itself:
 * that is what stands in front of it.
 *
 * Usage: demo-api [PORT]     prints "demo API on http://127.0.0.1:PORT" and serves until SIGTERM or SIGINT */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *id, *title, *place;
} photos[] = {
    {"1", "The gate at dawn", "Carcassonne"},
    {"2", "Two doors, one guard", "Dover Castle"},
    {"3", "A way out for the few", "Krak des Chevaliers"},
};

/* For a header's value inside a JSON string; what would need an escape is replaced, this is a demonstration. */
static const char *plain(struct MHD_Connection *connection, const char *name, char *out, size_t size)
{
    const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    size_t used = 0;
    for (; value != NULL && *value != '\0' && used + 1 < size; value++)
        out[used++] = (unsigned char)*value < 0x20 || *value == '"' || *value == '\\' ? '?' : *value;
    out[used] = '\0';
    return out;
}

static size_t append(char *text, size_t used, size_t size, const char *more)
{
    int added = snprintf(text + used, size - used, "%s", more);
    return added > 0 && (size_t)added < size - used ? used + (size_t)added : used;
}

static unsigned describe(struct MHD_Connection *connection, const char *path, char *text, size_t size)
{
    char caller[128], client[128], line[512];
    size_t used = append(text, 0, size, "{\n");
    snprintf(line, sizeof line, "  \"you\": { \"subject\": \"%s\", \"client\": \"%s\" },\n  \"photos\": [\n",
             plain(connection, "X-Subject", caller, sizeof caller),
             plain(connection, "X-Client", client, sizeof client));
    used = append(text, used, size, line);
    const char *wanted = strncmp(path, "/photos/", 8) == 0 && path[8] != '\0' ? path + 8 : NULL;
    unsigned shown = 0;
    for (size_t i = 0; i < sizeof photos / sizeof photos[0]; i++) {
        if (wanted != NULL && strcmp(wanted, photos[i].id) != 0)
            continue;
        snprintf(line, sizeof line, "%s    { \"id\": \"%s\", \"title\": \"%s\", \"place\": \"%s\" }",
                 shown++ > 0 ? ",\n" : "", photos[i].id, photos[i].title, photos[i].place);
        used = append(text, used, size, line);
    }
    append(text, used, size, "\n  ]\n}\n");
    return shown > 0 ? MHD_HTTP_OK : MHD_HTTP_NOT_FOUND;
}

static enum MHD_Result serve(void *context, struct MHD_Connection *connection, const char *path, const char *method,
                             const char *version, const char *body, size_t *body_bytes, void **state)
{
    (void)context, (void)method, (void)version, (void)body;
    static int seen;
    if (*state == NULL) { /* the headers; the body, if any, follows */
        *state = &seen;
        return MHD_YES;
    }
    if (*body_bytes > 0) {
        *body_bytes = 0;
        return MHD_YES;
    }
    char text[4096];
    unsigned status = describe(connection, path, text, sizeof text);
    struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "application/json");
    enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

int main(int argc, char **argv)
{
    unsigned long port = argc > 1 ? strtoul(argv[1], NULL, 10) : 8082;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL); /* before the server's thread starts: it inherits the mask */
    struct MHD_Daemon *daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, serve, NULL,
                                                 MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address, MHD_OPTION_END);
    if (daemon == NULL) {
        fprintf(stderr, "demo-api: cannot listen on 127.0.0.1:%lu\n", port);
        return 1;
    }
    const union MHD_DaemonInfo *bound = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
    printf("demo API on http://127.0.0.1:%u\n", bound != NULL ? (unsigned)bound->port : (unsigned)port);
    fflush(stdout);
    int signal_number = 0;
    sigwait(&ends, &signal_number);
    MHD_stop_daemon(daemon);
    return 0;
}
