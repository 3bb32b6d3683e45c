/* SPDX-License-Identifier: Apache-2.0 */
/* The control plane's HTTP on its unix socket, behind nginx: libmicrohttpd on the loop. A request may be answered at
 * once or later; whatever waits is suspended and costs no thread. */
#ifndef SP_CONTROL_HTTP_H
#define SP_CONTROL_HTTP_H

#include "control/loop.h"
#include "core/base/str.h"

/* A token of the largest size in JSON, with room. */
#define SP_MAX_CONTROL_BODY_BYTES (256u * 1024)

struct sp_http;
struct sp_exchange;

/* How long the body of a request may be whose header is there. */
typedef size_t sp_exchange_limit(void *data, const struct sp_exchange *exchange);
/* Called once a request is there in whole; must lead to sp_exchange_respond, now or later. */
typedef void sp_exchange_handler(void *data, struct sp_exchange *exchange);
/* The exchange ends (answered or given up): forget it. */
typedef void sp_exchange_ended(void *data, struct sp_exchange *exchange);

struct sp_http_terms {
    const char *socket_path; /* replaced when it exists; mode 0660 */
    int group;               /* of the socket; -1: unchanged */
    sp_exchange_limit *limit;
    sp_exchange_handler *handle;
    sp_exchange_ended *ended;
    void *data;
};

/* NULL: errno says why. */
struct sp_http *sp_http_create(struct sp_loop *loop, const struct sp_http_terms *terms);
void sp_http_destroy(struct sp_http **http);

struct sp_str sp_exchange_method(const struct sp_exchange *exchange);
struct sp_str sp_exchange_path(const struct sp_exchange *exchange);   /* without query */
struct sp_str sp_exchange_target(const struct sp_exchange *exchange); /* as it was sent, with its query */
struct sp_str sp_exchange_header(const struct sp_exchange *exchange, const char *name); /* the first; or absent */
struct sp_str sp_exchange_body(const struct sp_exchange *exchange);
void *sp_exchange_data(const struct sp_exchange *exchange); /* as given to sp_http_create */
/* Copies body. Once per exchange. */
void sp_exchange_respond(struct sp_exchange *exchange, unsigned status, const char *content_type, struct sp_str body);

struct sp_exchange_header {
    const char *name;
    struct sp_str value;
};
/* With more headers; values are copied. */
void sp_exchange_respond_with(struct sp_exchange *exchange, unsigned status, const char *content_type,
                              struct sp_str body, const struct sp_exchange_header *headers, size_t count);

#endif
