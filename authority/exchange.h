/* SPDX-License-Identifier: Apache-2.0 */
/* One request to libmicrohttpd from its first byte to the last of its answer: read into a call (call.h), run, waited
 * for where it has an errand (errand.h), held until the store is flushed where it wrote, told in the log, answered.
 *
 * The exchanges of a server are of one thread. libmicrohttpd calls sp_exchange_begin, _go_on and _end; the server's
 * turn lets go of those that are held (sp_exchanges_release). */
#ifndef SP_AUTHORITY_EXCHANGE_H
#define SP_AUTHORITY_EXCHANGE_H

#include <microhttpd.h>
#include "authority/authority.h"
#include "authority/call_log.h"
#include "authority/errand_pool.h"

struct sp_exchange;

/* What all exchanges of a server share. */
struct sp_exchanges {
    struct sp_authority *authority;
    struct sp_errand_pool *errands;
    struct sp_call_log log;
    int64_t now;                 /* of the turn */
    bool behind_proxy;           /* our nginx, on the private socket: it says who asks */
    struct sp_exchange *waiting; /* judged, but held until the turn's end */
    size_t waiting_count;        /* how many these are */
    struct sp_exchange *free;
    size_t free_count;
};

/* What a connection came in by: the context of libmicrohttpd's three calls. */
struct sp_door {
    struct sp_exchanges *all;
    struct MHD_Daemon *daemon; /* NULL: it is not there */
    bool is_admin;
};

/* MHD_OPTION_URI_LOG_CALLBACK: the exchange, NULL when memory is out. */
void *sp_exchange_begin(void *door, const char *uri, struct MHD_Connection *connection);
/* MHD_AccessHandlerCallback. */
enum MHD_Result sp_exchange_go_on(void *door, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *data_size, void **exchange);
/* MHD_OPTION_NOTIFY_COMPLETED. */
void sp_exchange_end(void *door, struct MHD_Connection *connection, void **exchange,
                     enum MHD_RequestTerminationCode code);

/* What the answers that are held still owe (call.h) is done. Any other status than SP_OK: of one that wrote it could
 * not be, and what the turn wrote must be given up. */
SP_MUST_CHECK enum sp_status sp_exchanges_finish(struct sp_exchanges *all);

/* The answers that are held may leave: what they stand for is on disk, or (flushed is no SP_OK) is not, and those that
 * wrote are told so. */
void sp_exchanges_release(struct sp_exchanges *all, enum sp_status flushed);

/* Of those that are kept for reuse. No connection may be left. */
void sp_exchanges_fini(struct sp_exchanges *all);

#endif
