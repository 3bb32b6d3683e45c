/* SPDX-License-Identifier: Apache-2.0 */
/* What the service manager is told (probe/service_manager.h): that nginx serves, what is in force, why something is
 * not, and that the loop turns. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "control/log.h"
#include "control/plane_state.h"

static void tell(struct sp_plane *plane, enum sp_service_state state, const char *status)
{
    if (sp_service_manager_tell(&plane->manager, state, status) != SP_OK && state != SP_SERVICE_ALIVE) {
        sp_log(SP_LOG_WARN, "the service manager ($NOTIFY_SOCKET) cannot be told how we are: %s", strerror(errno));
    }
}

/* Sent by the loop itself: one that hangs sends nothing. */
static void give_sign_of_life(void *data)
{
    struct sp_plane *plane = data;
    tell(plane, SP_SERVICE_ALIVE, NULL);
    sp_plane_begin_signs_of_life(plane);
}

void sp_plane_begin_signs_of_life(struct sp_plane *plane)
{
    if (plane->manager.watchdog_ms > 0) {
        /* Twice in its time, as sd_watchdog_enabled(3) asks for. */
        sp_timer_set(plane->loop, &plane->alive_timer, plane->manager.watchdog_ms / 2, give_sign_of_life, plane);
    }
}

void sp_plane_notice_reload(struct sp_plane *plane)
{
    if (!plane->stopping) {
        tell(plane, SP_SERVICE_RELOADING, "reading the configuration again");
    }
}

void sp_plane_notice_ready(struct sp_plane *plane)
{
    char status[SP_SERVICE_STATUS_BYTES], what[128];
    if (!plane->has_served || !plane->has_settled || plane->stopping) {
        return;
    }
    const struct sp_plane_refusal *refusal = &plane->refusal;
    const struct sp_policy *policy = plane->policy;
    if (refusal->at == 0 || plane->in_force_since == 0) {
        plane->in_force_since = (int64_t)time(NULL);
    }
    snprintf(what, sizeof what, "APIs %zu, issuers %zu, listeners %zu", policy->api_count, policy->issuer_count,
             policy->serving.listener_count);
    sp_service_status_write(status, &(struct sp_service_standing){.in_force_since = plane->in_force_since,
                                                                  .what = what,
                                                                  .refused_at = refusal->at,
                                                                  .why = refusal->why});
    tell(plane, SP_SERVICE_READY, status);
}

void sp_plane_notice_end(struct sp_plane *plane, const char *status)
{
    tell(plane, SP_SERVICE_STOPPING, status);
}

void sp_plane_notice_failure(struct sp_plane *plane, const char *why)
{
    char status[SP_SERVICE_STATUS_BYTES];
    snprintf(status, sizeof status, "Not started: %s", why[0] != '\0' ? why : "see the log");
    tell(plane, SP_SERVICE_STATUS, status);
}
