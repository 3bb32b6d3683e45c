/* SPDX-License-Identifier: Apache-2.0 */
/* What the service manager is told of an authority that runs alone (probe/service_manager.h): that it answers, what is
 * in force, why a reload was refused, and that the loop turns. Under `sallyport serve` nobody asks. */
#ifndef SP_AUTHORITY_SERVER_NOTICE_H
#define SP_AUTHORITY_SERVER_NOTICE_H

#include "authority/authority.h"
#include "probe/service_manager.h"

struct sp_server_notice {
    const struct sp_service_manager *manager; /* NULL: there is none */
    int64_t in_force_since;                   /* epoch; 0: nothing yet */
    int64_t alive_ms;                         /* when it last heard that we live; monotonic */
};

/* A start or a reload is over. refusal: why what was asked for is not in force; NULL: it is. */
void sp_server_notice_ready(struct sp_server_notice *notice, const struct sp_authority_settings *settings,
                            const char *refusal, int64_t now);
void sp_server_notice_reload(struct sp_server_notice *notice);
void sp_server_notice_end(struct sp_server_notice *notice);
/* Gives a sign of life twice in the time in which one is wanted. The milliseconds until the next is due, most_ms at
 * most.
 */
int sp_server_notice_live(struct sp_server_notice *notice, int most_ms);

#endif
