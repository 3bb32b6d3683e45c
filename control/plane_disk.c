/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the disk takes what we write. nginx's workers, who write the call log, say how that goes; the room on its
 * file system and on the state directory's is looked at before it is gone. What is wrong stands as a warning. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include "control/log.h"
#include "control/nginx_conf.h"
#include "control/plane_state.h"
#include "core/base/json.h"
#include "core/base/limits.h"

#define LOOK_MS 5000
#define ASK_TIMEOUT_MS 2000
#define MAX_STATUS_BYTES 4096
#define ABOUT_LOG "the call log"
#define ABOUT_LOG_DISK "the disk of the call log"
#define ABOUT_STATE_DISK "the disk of the state directory"
#define MIB (UINT64_C(1) << 20)

static bool logs_calls(const struct sp_plane *plane, char path[4096])
{
    const struct sp_serving *serving = &plane->policy->serving;
    if (serving->logs_calls) {
        sp_nginx_call_log_path(plane->terms->state, serving->call_log_file, path);
    }
    return serving->logs_calls;
}

/* ---- room ---- */

/* Below the greater of 64 MiB and 1 %; a tenth is enough for one that is small. */
static uint64_t least_room(uint64_t size)
{
    const uint64_t least = size / 100 > 64 * MIB ? size / 100 : 64 * MIB;
    return least < size / 10 ? least : size / 10;
}

/* path: of a file or directory on it; NULL: none is looked at. */
static void look_at_room(struct sp_plane *plane, const char *about, const char *path)
{
    struct sp_arena *arena = sp_arena_create(64 * 1024);
    struct sp_document_findings findings = {.count = 0};
    struct statvfs found;
    if (arena != NULL && path != NULL && statvfs(path, &found) == 0) {
        const uint64_t size = (uint64_t)found.f_blocks * found.f_frsize,
                       room = (uint64_t)found.f_bavail * found.f_frsize, least = least_room(size);
        if (size > 0 && room < least) {
            findings.count = 1;
            findings.rows[0] =
                (struct sp_finding){.cause = SP_CAUSE_DISK_NEARLY_FULL,
                                    .check = SP_CHECK_COUNT,
                                    .verified = true,
                                    .tolerated = true,
                                    .expected = sp_arena_printf(arena, "%.1f MiB", (double)least / (double)MIB),
                                    .received = sp_arena_printf(arena, "%.1f MiB of %.1f MiB",
                                                                (double)room / (double)MIB, (double)size / (double)MIB),
                                    .detail = sp_arena_printf(arena, "%s", path)};
        }
    }
    sp_warnings_take(plane->warnings, about, SP_WARNING_OF_DISK, &findings, 0);
    sp_arena_destroy(&arena);
}

static void look_at_disks(struct sp_plane *plane)
{
    char path[4096];
    struct stat of_state, of_log;
    const char *state = plane->terms->state;
    bool is_elsewhere = logs_calls(plane, path) && stat(path, &of_log) == 0 && stat(state, &of_state) == 0 &&
                        of_log.st_dev != of_state.st_dev;
    look_at_room(plane, ABOUT_STATE_DISK, state);
    look_at_room(plane, ABOUT_LOG_DISK, is_elsewhere ? path : NULL);
}

/* ---- the call log ---- */

static void take_log(struct sp_plane *plane, const char *path, bool fails, int error)
{
    struct sp_plane_call_log *log = &plane->call_log;
    struct sp_arena *arena = sp_arena_create(64 * 1024);
    struct sp_document_findings findings = {.count = 0};
    if (arena != NULL && fails) {
        findings.count = 1;
        findings.rows[0] = (struct sp_finding){
            .cause = SP_CAUSE_DISK_LOG_UNWRITABLE,
            .check = SP_CHECK_COUNT,
            .verified = true,
            .tolerated = true,
            .expected = SP_STR("one line a call"),
            .received = sp_arena_printf(arena, "%s", path),
            .detail = sp_arena_printf(arena, "%s; lines lost so far: %" PRIu64, strerror(error), log->lost)};
    }
    sp_warnings_take(plane->warnings, ABOUT_LOG, SP_WARNING_OF_DISK, &findings, 0);
    if (log->fails && !fails) {
        sp_log(SP_LOG_INFO, "%s is written again; lines lost since nginx started: %" PRIu64, path, log->lost);
    }
    log->fails = fails;
    sp_arena_destroy(&arena);
}

/* Lines that were lost since the last look are told too when the log is written again by now. */
static void take_status(struct sp_plane *plane, const struct sp_json *status)
{
    struct sp_plane_call_log *log = &plane->call_log;
    char path[4096];
    int64_t error = 0, lost = 0;
    if (!logs_calls(plane, path) || sp_json_int64(sp_json_member(status, SP_STR("error")), &error) != SP_OK ||
        sp_json_int64(sp_json_member(status, SP_STR("lines_lost")), &lost) != SP_OK) {
        return;
    }
    bool fails = sp_json_is(sp_json_member(status, SP_STR("fails")), SP_JSON_TRUE);
    bool loses = (uint64_t)lost > log->lost;
    log->lost = (uint64_t)lost;
    take_log(plane, path, fails || loses, (int)error);
}

static void look_again_later(struct sp_plane *plane);

static void status_came(void *data, const struct sp_fetch_report *report)
{
    struct sp_plane *plane = data;
    struct sp_arena *arena = sp_arena_create(64 * 1024);
    const struct sp_json *status = NULL;
    struct sp_json_error error;
    if (arena != NULL && report->http_status == 200 && !report->too_large &&
        sp_json_parse(arena, report->body, &sp_json_limits_document, &status, &error) == SP_OK) {
        take_status(plane, status);
    }
    sp_arena_destroy(&arena);
    look_again_later(plane);
}

static void look(void *data)
{
    struct sp_plane *plane = data;
    char socket[4096], path[4096];
    struct sp_http_call *call = NULL;
    look_at_disks(plane);
    if (!logs_calls(plane, path)) {
        sp_warnings_forget(plane->warnings, ABOUT_LOG);
        look_again_later(plane);
        return;
    }
    snprintf(socket, sizeof socket, "%s/gateway.sock", plane->terms->state);
    const struct sp_http_request request = {
        .url = SP_STR("http://localhost/_sallyport/status?format=call_log"),
        .unix_socket = sp_str_from_cstr(socket),
        .connect_timeout_ms = ASK_TIMEOUT_MS,
        .timeout_ms = ASK_TIMEOUT_MS,
        .max_bytes = MAX_STATUS_BYTES,
    };
    if (sp_http_call_create(&request, &call) != SP_OK ||
        sp_fetcher_start(plane->fetcher, call, status_came, plane) != SP_OK) {
        look_again_later(plane);
    }
}

static void look_again_later(struct sp_plane *plane)
{
    sp_timer_set(plane->loop, &plane->disk_timer, LOOK_MS, look, plane);
}

void sp_plane_watch_disk(struct sp_plane *plane)
{
    sp_fetcher_cancel(plane->fetcher, plane);
    sp_timer_set(plane->loop, &plane->disk_timer, 0, look, plane);
}

void sp_plane_write_call_log(const struct sp_plane *plane, struct sp_json_writer *json)
{
    char path[4096];
    if (plane->policy == NULL || !logs_calls(plane, path) || (!plane->call_log.fails && plane->call_log.lost == 0)) {
        return;
    }
    sp_json_name(json, SP_STR("call_log"));
    sp_json_begin_object(json);
    sp_json_string_member(json, "file", sp_str_from_cstr(path));
    sp_json_bool_member(json, "fails", plane->call_log.fails);
    sp_json_int_member(json, "lines_lost", (int64_t)plane->call_log.lost);
    sp_json_end_object(json);
}
