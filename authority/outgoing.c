/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/outgoing.h"

#include "authority/authority.h"
#include "authority/credible_time.h"
#include "authority/handle.h"
#include "core/base/limits.h"

#define FIRST_WAIT_S 2
#define LONGEST_WAIT_S 3600
#define ID_BYTES 16u
/* What a command writes, which knows no time but its clock's: whenever that is, a server delivers it now. */
#define AT_ONCE 1

static const struct sp_outgoing_row rows[SP_OUTGOING_COUNT] = {
#define OUTGOING(NAME, name, lifetime_s, max_attempts, prepare, judge, lost)                                           \
    [SP_OUTGOING_##NAME] = {name, lifetime_s, max_attempts, prepare, judge, lost},
#include "authority/outgoing.def"
#undef OUTGOING
};

const struct sp_outgoing_row *sp_outgoing_row(enum sp_outgoing_kind kind)
{
    return &rows[kind];
}

static void write_head(struct sp_json_writer *json, const struct sp_outgoing *message)
{
    sp_json_string_member(json, "kind", sp_str_from_cstr(rows[message->kind].name));
    if (message->to.at != NULL)
        sp_json_string_member(json, "to", message->to);
    sp_json_int_member(json, "attempts", message->attempts);
    sp_json_int_member(json, "expires_at", message->expires_at);
    sp_json_name(json, SP_STR("content"));
}

int64_t sp_outgoing_time(const struct sp_authority *authority, int64_t now)
{
    int64_t since_s = now - authority->credible_seen;
    if (authority->credible_at == 0)
        return now;
    /* It is looked at each second; what is more than that was the clock being set. */
    return since_s >= 0 && since_s <= SP_CLOCK_SLACK_S ? authority->credible_at + since_s : authority->credible_at;
}

enum sp_status sp_outgoing_put(struct sp_call *call, enum sp_outgoing_kind kind, struct sp_str to, struct sp_str owner,
                               struct sp_str content)
{
    struct sp_store *store = call->authority->store;
    const int64_t now = sp_outgoing_time(call->authority, call->now);
    const struct sp_outgoing message = {.kind = kind, .to = to, .expires_at = now + rows[kind].lifetime_s};
    struct sp_buffer data;
    struct sp_json_writer json;
    sp_answer_buffer(call, &data);
    sp_json_writer_init(&json, &data, false);
    sp_json_begin_object(&json);
    write_head(&json, &message);
    sp_json_put_raw(&json, content);
    sp_json_end_object(&json);
    const struct sp_record record = {.kind = SP_RECORD_OUTGOING,
                                     .id = sp_handle_make(call->arena, "", ID_BYTES),
                                     .owner = owner,
                                     .data = sp_buffer_str(&data),
                                     .created_at = now,
                                     .due_at = call->authority->credible_at != 0 ? now : AT_ONCE};
    if (sp_buffer_status(&data) != SP_OK || record.id.at == NULL)
        return SP_NO_MEMORY;
    call->authority->has_outgoing = true;
    return store->methods->put_record(store, &record, NULL);
}

static bool find_kind(struct sp_str name, enum sp_outgoing_kind *kind)
{
    for (size_t i = 0; i < SP_OUTGOING_COUNT; i++)
        if (sp_str_equal(sp_str_from_cstr(rows[i].name), name)) {
            *kind = (enum sp_outgoing_kind)i;
            return true;
        }
    return false;
}

enum sp_status sp_outgoing_read(struct sp_arena *arena, const struct sp_record *record, struct sp_outgoing *message)
{
    const struct sp_json *json = NULL;
    struct sp_json_error error;
    int64_t attempts = 0;
    struct sp_outgoing read = {.owner = record->owner};
    enum sp_status status = sp_json_parse(arena, record->data, &sp_json_limits_document, &json, &error);
    if (status != SP_OK)
        return status;
    read.to = sp_json_string(sp_json_member(json, SP_STR("to")));
    read.content = sp_json_member(json, SP_STR("content"));
    if (!find_kind(sp_json_string(sp_json_member(json, SP_STR("kind"))), &read.kind) ||
        sp_json_int64(sp_json_member(json, SP_STR("attempts")), &attempts) != SP_OK || attempts < 0 ||
        attempts > INT32_MAX || sp_json_int64(sp_json_member(json, SP_STR("expires_at")), &read.expires_at) != SP_OK ||
        !sp_json_is(read.content, SP_JSON_OBJECT))
        return SP_MALFORMED;
    read.attempts = (unsigned)attempts;
    *message = read;
    return SP_OK;
}

enum sp_status sp_outgoing_write(struct sp_arena *arena, const struct sp_outgoing *message, struct sp_record *record,
                                 int64_t due_at)
{
    struct sp_buffer data;
    struct sp_json_writer json;
    sp_buffer_init(&data, arena, SP_MAX_OUTGOING_BYTES);
    sp_json_writer_init(&json, &data, false);
    sp_json_begin_object(&json);
    write_head(&json, message);
    sp_json_put_value(&json, message->content);
    sp_json_end_object(&json);
    if (sp_buffer_status(&data) != SP_OK)
        return sp_buffer_status(&data);
    record->data = sp_buffer_str(&data);
    record->due_at = due_at;
    return SP_OK;
}

/* So far ahead nothing was put off: a command wrote it that took a wrong clock at its word. */
bool sp_outgoing_is_due(int64_t due_at, int64_t time)
{
    return due_at <= time || due_at - time > LONGEST_WAIT_S + SP_CLOCK_SLACK_S;
}

int64_t sp_outgoing_wait(unsigned attempts, uint32_t jitter)
{
    int64_t wait = FIRST_WAIT_S;
    for (unsigned i = 1; i < attempts && wait < LONGEST_WAIT_S; i++)
        wait *= 2;
    wait = wait > LONGEST_WAIT_S ? LONGEST_WAIT_S : wait;
    return wait - (int64_t)(jitter % (uint32_t)(wait / 4 + 1));
}
