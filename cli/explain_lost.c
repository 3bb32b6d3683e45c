/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/explain_lost.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "cli/log_files.h"
#include "core/base/json.h"
#include "core/base/limits.h"
#include "probe/http_call.h"

#define ASK_TIMEOUT_MS 1000
#define MAX_ANSWER_BYTES ((size_t)4 << 20)
#define FULL_BYTES (UINT64_C(1) << 20)

static void tell_room(const char *path)
{
    struct statvfs found;
    uint64_t room = FULL_BYTES;
    if (statvfs(path, &found) == 0)
        room = (uint64_t)found.f_bavail * found.f_frsize;
    if (room < FULL_BYTES)
        fprintf(stderr, "The file system of %s is full (%" PRIu64 " kB left): the call's line may have been lost.\n",
                path, room / 1024);
}

static bool is_same_file(struct sp_cli *cli, struct sp_str name, const char *path)
{
    struct sp_str copy;
    struct stat named, searched;
    return name.len > 0 && sp_arena_copy(cli->arena, name, &copy) == SP_OK && stat(copy.at, &named) == 0 &&
           stat(path, &searched) == 0 && named.st_dev == searched.st_dev && named.st_ino == searched.st_ino;
}

/* Of the gateway that runs here, if one does, lets us ask and writes this log. */
static int64_t ask_lost(struct sp_cli *cli, const char *path)
{
    const char *socket = sp_state_path(cli, "control.sock");
    struct sp_http_call *call = NULL;
    const struct sp_json *answer = NULL;
    struct sp_json_error error;
    int64_t lost = 0;
    if (socket == NULL)
        return 0;
    const struct sp_http_request request = {.url = SP_STR("http://localhost/readyz"),
                                            .unix_socket = sp_str_from_cstr(socket),
                                            .connect_timeout_ms = ASK_TIMEOUT_MS,
                                            .timeout_ms = ASK_TIMEOUT_MS,
                                            .max_bytes = MAX_ANSWER_BYTES};
    if (sp_http_call_create(&request, &call) != SP_OK)
        return 0;
    sp_http_call_perform(call);
    const struct sp_fetch_report *report = sp_http_call_report(call);
    if (report->too_large ||
        sp_json_parse(cli->arena, report->body, &sp_json_limits_document, &answer, &error) != SP_OK)
        answer = NULL;
    const struct sp_json *log = sp_json_member(answer, SP_STR("call_log"));
    if (!is_same_file(cli, sp_json_string(sp_json_member(log, SP_STR("file"))), path) ||
        sp_json_int64(sp_json_member(log, SP_STR("lines_lost")), &lost) != SP_OK)
        lost = 0;
    sp_http_call_destroy(&call);
    return lost;
}

void sp_explain_tell_lost(struct sp_cli *cli, const char *path)
{
    const int64_t lost = ask_lost(cli, path);
    if (lost > 0)
        fprintf(
            stderr,
            "This call's line may be lost: the gateway could not write all of them to this log (disk.log_unwritable). "
            "Lines lost since nginx started: %" PRId64 ".\n",
            lost);
    tell_room(path);
}
