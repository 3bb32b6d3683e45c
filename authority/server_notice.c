/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/server_notice.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void tell(const struct sp_server_notice *notice, enum sp_service_state state, const char *status)
{
    if (notice->manager != NULL && sp_service_manager_tell(notice->manager, state, status) != SP_OK &&
        state != SP_SERVICE_ALIVE)
        fprintf(stderr, "authority: the service manager ($NOTIFY_SOCKET) cannot be told how we are: %s\n",
                strerror(errno));
}

void sp_server_notice_ready(struct sp_server_notice *notice, const struct sp_authority_settings *settings,
                            const char *refusal, int64_t now)
{
    char status[SP_SERVICE_STATUS_BYTES], what[512];
    if (refusal == NULL || notice->in_force_since == 0)
        notice->in_force_since = now;
    snprintf(what, sizeof what, "issuer %.*s, clients %zu", SP_STR_ARG(settings->issuer), settings->client_count);
    sp_service_status_write(status, &(struct sp_service_standing){.in_force_since = notice->in_force_since,
                                                                  .what = what,
                                                                  .refused_at = refusal != NULL ? now : 0,
                                                                  .why = refusal});
    tell(notice, SP_SERVICE_READY, status);
}

void sp_server_notice_reload(struct sp_server_notice *notice)
{
    tell(notice, SP_SERVICE_RELOADING, "reading the configuration again");
}

void sp_server_notice_end(struct sp_server_notice *notice)
{
    tell(notice, SP_SERVICE_STOPPING, "ending once the calls in progress are answered");
}

int sp_server_notice_live(struct sp_server_notice *notice, int most_ms)
{
    struct timespec now;
    const int64_t every_ms = notice->manager != NULL ? (notice->manager->watchdog_ms + 1) / 2 : 0;
    if (every_ms == 0)
        return most_ms;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    if (notice->alive_ms == 0 || now_ms - notice->alive_ms >= every_ms) {
        tell(notice, SP_SERVICE_ALIVE, NULL);
        notice->alive_ms = now_ms;
    }
    const int64_t left_ms = notice->alive_ms + every_ms - now_ms;
    return left_ms < most_ms ? (int)left_ms : most_ms;
}
