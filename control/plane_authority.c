/* SPDX-License-Identifier: Apache-2.0 */
/* The authority as a process of the control plane's: started, told of a new configuration, started again when it ends,
 * ended with us. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "control/admin.h"
#include "control/log.h"
#include "control/nginx_conf.h"
#include "control/plane_state.h"

#define RESTART_FIRST_MS 500
#define RESTART_MOST_MS 30000
#define SOUND_MS 10000 /* one that lived so long did start */
#define STOP_MS 3000

static void start_authority(void *data);

/* Each time after twice the wait: what it lacks is seldom there in half a second. */
static void start_authority_later(struct sp_plane *plane)
{
    int64_t wait_ms = plane->authority_restart_ms * 2;
    plane->authority_restart_ms = wait_ms == 0                ? RESTART_FIRST_MS
                                  : wait_ms < RESTART_MOST_MS ? wait_ms
                                                              : RESTART_MOST_MS;
    sp_timer_set(plane->loop, &plane->authority_timer, plane->authority_restart_ms, start_authority, plane);
}

static void authority_ended(void *data)
{
    struct sp_plane *plane = data;
    if (plane->stopping) {
        return;
    }
    if (sp_loop_now_ms() - plane->authority_started_ms >= SOUND_MS) {
        plane->authority_restart_ms = 0;
    }
    plane->authority_restarts++;
    start_authority_later(plane);
    sp_log(SP_LOG_ERROR,
           "the authority ended; it is started again in %lld ms. What it said last is above, its log is "
           "%s/authority.jsonl",
           (long long)plane->authority_restart_ms, plane->terms->state);
}

static void start_authority(void *data)
{
    struct sp_plane *plane = data;
    char *argv[16 + 2 * SP_MAX_WATCHED_FILES], socket_path[4096], admin_path[4096];
    static char word[] = "authority", c[] = "-c", state_option[] = "--state", socket_option[] = "--socket",
                admin_option[] = "--admin-socket";
    size_t count = 0;
    snprintf(socket_path, sizeof socket_path, "%s/authority.sock", plane->terms->state);
    snprintf(admin_path, sizeof admin_path, "%s/%s", plane->terms->state, SP_ADMIN_SOCKET);
    /* exec's argv is not const for historical reasons; nothing writes to it. */
    argv[count++] = (char *)(uintptr_t)plane->terms->program;
    argv[count++] = word;
    for (size_t i = 0; i < plane->terms->configuration_count && i < SP_MAX_WATCHED_FILES; i++) {
        argv[count++] = c;
        argv[count++] = (char *)(uintptr_t)plane->terms->configurations[i].at;
    }
    argv[count++] = state_option;
    argv[count++] = (char *)(uintptr_t)plane->terms->state;
    argv[count++] = socket_option;
    argv[count++] = socket_path;
    argv[count++] = admin_option;
    argv[count++] = admin_path;
    argv[count] = NULL;
    plane->authority_started_ms = sp_loop_now_ms();
    if (sp_child_start(&plane->authority, plane->loop, argv, true, NULL, authority_ended, plane) != SP_OK) {
        sp_log(SP_LOG_ERROR, "the authority cannot be started: %s", strerror(errno));
        start_authority_later(plane);
    }
}

void sp_plane_apply_authority(struct sp_plane *plane)
{
    bool is_wanted = sp_authority_path(plane->policy).at != NULL, is_running = sp_child_is_running(&plane->authority);
    if (is_wanted && is_running) {
        sp_child_signal(&plane->authority, SIGHUP);
    } else if (is_wanted) {
        sp_timer_clear(&plane->authority_timer);
        plane->authority_restart_ms = 0;
        start_authority(plane);
    } else if (!is_wanted) {
        sp_timer_clear(&plane->authority_timer);
        sp_child_signal(&plane->authority, SIGTERM);
        sp_child_release(&plane->authority);
    }
}

bool sp_plane_authority_answers(const struct sp_plane *plane)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/authority.sock", plane->terms->state);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool connected = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return connected;
}

void sp_plane_end_authority(struct sp_plane *plane)
{
    sp_timer_clear(&plane->authority_timer);
    sp_child_signal(&plane->authority, SIGTERM);
    sp_child_wait(&plane->authority, STOP_MS);
}
