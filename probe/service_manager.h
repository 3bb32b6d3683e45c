/* SPDX-License-Identifier: Apache-2.0 */
/* What systemd, or whoever speaks as it does, is told of us: the protocol of sd_notify(3), which is promised to stay.
 * Each message is one datagram of NAME=VALUE lines to the unix socket that $NOTIFY_SOCKET names, in the file system or,
 * behind an '@', in the abstract name space. Written by hand: it is a page, and libsystemd would be one library more
 * in a process that holds secrets. Nobody asked: nothing is sent. */
#ifndef SP_PROBE_SERVICE_MANAGER_H
#define SP_PROBE_SERVICE_MANAGER_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "core/base/status.h"

/* More of it no terminal shows in the one line that it has for it. */
#define SP_SERVICE_STATUS_BYTES 1024

struct sp_service_manager {
    struct sockaddr_un address;
    socklen_t address_len; /* 0: nobody asked */
    int64_t watchdog_ms;   /* it wants a sign of life at least so often; 0: it does not */
};

enum sp_service_state {
    SP_SERVICE_STATUS, /* only what is said beside */
    SP_SERVICE_READY,  /* after the start, and after each reload, whatever came of it */
    SP_SERVICE_RELOADING,
    SP_SERVICE_STOPPING,
    SP_SERVICE_ALIVE,
};

/* Takes the variables out of the environment as well: processes that we start are not to speak for us. Before any
 * thread looks into it. */
void sp_service_manager_find(struct sp_service_manager *manager);

/* What the one line of `systemctl status` is made of. Times are epochs. */
struct sp_service_standing {
    int64_t in_force_since;
    const char *what;   /* is in force: "APIs 14, issuers 3" */
    int64_t refused_at; /* 0: what was asked for last is in force */
    const char *why;    /* it is not; empty or NULL: the log says it */
};

/* "Refused at …: … | In force since …: …" */
void sp_service_status_write(char status[SP_SERVICE_STATUS_BYTES], const struct sp_service_standing *standing);

/* status: what a person reads in `systemctl status`, made one line and cut where it is too long; NULL: as it was.
 * SP_IO with errno: it could not be told, within a second at most. */
SP_MUST_CHECK enum sp_status sp_service_manager_tell(const struct sp_service_manager *manager,
                                                     enum sp_service_state state, const char *status);

#endif
