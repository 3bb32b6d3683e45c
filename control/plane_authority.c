/* SPDX-License-Identifier: Apache-2.0 */
/* The authority as a process of the control plane's: started, told of a new configuration, started again when it ends,
 * ended with us. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "control/admin.h"
#include "control/log.h"
#include "control/nginx_conf.h"
#include "control/plane_state.h"
#include "core/base/limits.h"
#include "probe/handed_configuration.h"

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

static void close_giver(struct sp_plane *plane)
{
    if (plane->authority_giver >= 0) {
        close(plane->authority_giver);
    }
    plane->authority_giver = -1;
}

/* Until nginx has taken the one that is being put in force, the one before is. */
static struct sp_policy *policy_in_force(const struct sp_plane *plane)
{
    return plane->policy_before != NULL ? plane->policy_before : plane->policy;
}

/* Nothing of it is in a file: it has the secrets that the files only name. */
static void hand_configuration(struct sp_plane *plane)
{
    const struct sp_policy *policy = policy_in_force(plane);
    struct sp_buffer text;
    struct sp_json_writer json;
    sp_buffer_init(&text, NULL, SP_MAX_POLICY_BYTES);
    sp_json_writer_init(&json, &text, false);
    sp_json_put_value(&json, policy->source);
    enum sp_status status = sp_buffer_status(&text);
    if (status == SP_OK) {
        status = sp_handed_configuration_give(plane->authority_giver, sp_buffer_str(&text));
    }
    if (status != SP_OK) {
        sp_log(SP_LOG_ERROR, "the configuration cannot be handed to the authority, which stays with the one it has: %s",
               status == SP_IO ? strerror(errno) : sp_status_text(status));
    }
    sp_buffer_fini(&text);
}

static enum sp_status start_process(struct sp_plane *plane, int taker)
{
    char socket_path[4096], admin_path[4096], number[16];
    static char word[] = "authority", handed[] = "--handed", state[] = "--state", socket_option[] = "--socket",
                admin[] = "--admin-socket";
    snprintf(socket_path, sizeof socket_path, "%s/authority.sock", plane->terms->state);
    snprintf(admin_path, sizeof admin_path, "%s/%s", plane->terms->state, SP_ADMIN_SOCKET);
    snprintf(number, sizeof number, "%d", taker);
    /* exec's argv is not const for historical reasons; nothing writes to it. */
    char *const argv[] = {(char *)(uintptr_t)plane->terms->program,
                          word,
                          handed,
                          number,
                          state,
                          (char *)(uintptr_t)plane->terms->state,
                          socket_option,
                          socket_path,
                          admin,
                          admin_path,
                          NULL};
    const struct sp_child_terms terms = {
        .argv = argv, .dies_with_us = true, .descriptor = taker, .ended = authority_ended, .data = plane};
    return sp_child_start(&plane->authority, plane->loop, &terms);
}

/* With the configuration that is in force: its files may have been changed since, or refused. */
static void start_authority(void *data)
{
    struct sp_plane *plane = data;
    int taker = -1;
    close_giver(plane);
    plane->authority_started_ms = sp_loop_now_ms();
    enum sp_status status = sp_handed_configuration_pair(&plane->authority_giver, &taker);
    if (status == SP_OK) {
        sp_policy_unref(&plane->authority_policy);
        plane->authority_policy = sp_policy_ref(policy_in_force(plane));
        hand_configuration(plane);
        status = start_process(plane, taker);
    }
    if (status != SP_OK) {
        sp_log(SP_LOG_ERROR, "the authority cannot be started: %s", strerror(errno));
        start_authority_later(plane);
    }
    if (taker >= 0) {
        close(taker);
    }
}

size_t sp_plane_waiting_settings(const struct sp_plane *plane, enum sp_setting waiting[SP_SETTING_COUNT])
{
    return plane->authority_policy != NULL && plane->policy != NULL
               ? sp_start_settings_changed(plane->authority_policy->source, plane->policy->source, waiting)
               : 0;
}

static void tell_waiting_settings(const struct sp_plane *plane)
{
    enum sp_setting waiting[SP_SETTING_COUNT];
    const size_t count = sp_plane_waiting_settings(plane, waiting);
    for (size_t i = 0; i < count; i++) {
        const struct sp_setting_info *info = sp_setting_get(waiting[i]);
        sp_log(SP_LOG_WARN,
               "%.*s.%.*s differs from what the authority was started with, and only a start takes it: until then the "
               "old value holds. Restart sallyport serve (systemctl restart sallyport), or write the old value back",
               SP_STR_ARG(sp_section_get(info->section)->place), SP_STR_ARG(info->name));
    }
}

void sp_plane_apply_authority(struct sp_plane *plane)
{
    bool is_wanted = sp_authority_path(plane->policy).at != NULL, is_running = sp_child_is_running(&plane->authority);
    if (is_wanted && is_running) {
        hand_configuration(plane);
        sp_child_signal(&plane->authority, SIGHUP);
        tell_waiting_settings(plane);
    } else if (is_wanted) {
        sp_timer_clear(&plane->authority_timer);
        plane->authority_restart_ms = 0;
        start_authority(plane);
    } else if (!is_wanted) {
        sp_timer_clear(&plane->authority_timer);
        sp_child_signal(&plane->authority, SIGTERM);
        sp_child_release(&plane->authority);
        sp_policy_unref(&plane->authority_policy);
        close_giver(plane);
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
    sp_policy_unref(&plane->authority_policy);
    close_giver(plane);
}
