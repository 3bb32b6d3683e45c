/* SPDX-License-Identifier: Apache-2.0 */
/* What the doctor saw of an issuer before: one small file an issuer, named by the hash of its URL. Losing it loses only
 * the comparison with before; what is in it is public. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/jose/crypto.h"
#include "probe/doctor_checkup.h"
#include "probe/file.h"

#define MAX_MEMORY_BYTES ((size_t)256 * 1024)

static bool path_of(const struct sp_checkup *checkup, char *path, size_t room)
{
    unsigned char digest[32];
    char name[33];
    if (checkup->question->memory_folder == NULL) {
        return false;
    }
    sp_sha256(checkup->report->target, digest);
    for (size_t i = 0; i < 16; i++) {
        snprintf(name + 2 * i, 3, "%02x", digest[i]);
    }
    int len = snprintf(path, room, "%s/%s.json", checkup->question->memory_folder, name);
    return len > 0 && (size_t)len < room;
}

void sp_checkup_recall(struct sp_checkup *checkup)
{
    char path[4096];
    struct sp_str text;
    const struct sp_json *json;
    struct sp_json_error error;
    if (path_of(checkup, path, sizeof path) && sp_file_read(checkup->arena, path, MAX_MEMORY_BYTES, &text) == SP_OK &&
        sp_json_parse(checkup->arena, text, &sp_json_limits_token, &json, &error) == SP_OK &&
        sp_str_equal(sp_json_string(sp_json_member(json, SP_STR("issuer"))), checkup->report->target)) {
        sp_key_history_read(sp_json_member(json, SP_STR("key_history")), &checkup->history);
    }
}

static bool write_whole(const char *path, struct sp_str text)
{
    char temporary[4200];
    snprintf(temporary, sizeof temporary, "%s.%ld", path, (long)getpid());
    FILE *file = fopen(temporary, "we");
    if (file == NULL) {
        return false;
    }
    bool written = fwrite(text.at, 1, text.len, file) == text.len;
    written = fclose(file) == 0 && written;
    if (!written || rename(temporary, path) != 0) {
        unlink(temporary);
        return false;
    }
    return true;
}

void sp_checkup_remember(struct sp_checkup *checkup)
{
    char path[4096];
    struct sp_buffer text;
    struct sp_json_writer writer;
    if (checkup->history.count == 0 || !path_of(checkup, path, sizeof path)) {
        return;
    }
    if (mkdir(checkup->question->memory_folder, 0700) != 0 && errno != EEXIST) {
        return;
    }
    sp_buffer_init(&text, checkup->arena, MAX_MEMORY_BYTES);
    sp_json_writer_init(&writer, &text, true);
    sp_json_begin_object(&writer);
    sp_json_string_member(&writer, "issuer", checkup->report->target);
    sp_json_name(&writer, SP_STR("key_history"));
    sp_key_history_write(&writer, &checkup->history);
    sp_json_end_object(&writer);
    if (sp_buffer_status(&text) == SP_OK && !write_whole(path, sp_buffer_str(&text))) {
        sp_doctor_report_hint(
            checkup->report,
            sp_arena_printf(checkup->arena, "What was seen could not be kept in %s: %s.", path, strerror(errno)));
    }
}
