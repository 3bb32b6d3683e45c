/* SPDX-License-Identifier: Apache-2.0 */
/* The authority's process: one thread, one loop on libmicrohttpd's epoll. A turn of the loop reads what is there,
 * answers it, flushes the store once for all calls that wrote, writes the log, and only then lets those answers go.
 * That is what makes opaque tokens and codes cost a share of an fsync and not one each, and what makes a code
 * single-use without locks. A call that needs an errand (errand.h) leaves the turn, suspended, and comes back in that
 * in which a thread has finished it.
 *
 * The admin API has a listener and a router of its own in the same loop; on its socket a peer of another user is hung
 * up on before it has said a word. */
#ifndef SP_AUTHORITY_SERVER_H
#define SP_AUTHORITY_SERVER_H

#include "authority/authority.h"
#include "probe/service_manager.h"

/* Where `sallyport serve` puts what its nginx sends as X-Sallyport-Proxy-Secret (client_certificate.h). */
#define SP_PROXY_SECRET_VARIABLE "SALLYPORT_PROXY_SECRET"
/* And the group of its nginx's workers, -1: they run as our own user. Absent: another proxy stands in front. */
#define SP_PROXY_GROUP_VARIABLE "SALLYPORT_PROXY_GROUP"

struct sp_server_terms {
    int listen_fd; /* bound and listening: TCP or unix; the server closes it */
    struct sp_authority *authority;
    int admin_fd;         /* of the admin API (admin.h): a unix socket, bound and listening, likewise; -1: none */
    int log_fd;           /* -1: no call log */
    const char *log_path; /* opened anew at SIGUSR1; NULL: it is not */
    bool tells_refusals;
    /* SIGHUP: reads the configuration anew and publishes its settings (settings_generation.h); complains itself and
     * leaves them when it cannot, and returns the first line of why; NULL: they are in force. */
    const char *(*reload)(void *context, struct sp_authority *authority);
    void *reload_context;
    const struct sp_service_manager *manager; /* hears how we are (server_notice.h); NULL: nobody */
};

/* From here on SIGHUP and SIGUSR1 wait for the server: a start may take its time, and neither is to end it. */
void sp_server_hold_reload(void);
/* From here on SIGTERM and SIGINT wait for the server, too: whoever was told that it is ready may send one. SP_IO. */
SP_MUST_CHECK enum sp_status sp_server_hold_signals(void);
/* Returns when SIGTERM or SIGINT came and the calls under way are answered. SP_IO: libmicrohttpd could not start. */
SP_MUST_CHECK enum sp_status sp_server_run(const struct sp_server_terms *terms);

#endif
