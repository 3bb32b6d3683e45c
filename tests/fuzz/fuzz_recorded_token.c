/* SPDX-License-Identifier: Apache-2.0 */
/* An accepted token in the line of its call, whole and as what is kept of it: the line is one JSON object without a
 * line end, has the members that were written and no others, says of each claim what the token says, is hardly longer
 * than the token, and reads back as the call that it was. With hardly any memory it says less, never something else. */
#include "core/backtest/recorded_call.h"
#include "core/backtest/recorded_token.h"
#include "core/diagnosis/authorization.h"
#include "core/diagnosis/examination.h"
#include "tests/fuzz/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct sp_str names[] = {{"sub", 3}, {"realm_access.roles", 18}, {"a", 1}, {"b", 1}};
static const struct sp_kept_claims kept = {.names = {names, 4}, .told = {names + 2, 2}};
static const char before[] = "{\"time\":\"2026-11-26T10:00:00.000Z\",\"request_id\":\"r1\",\"method\":\"GET\","
                             "\"path\":\"/\",\"accepted\":true,\"cache\":\"miss\",\"token\":";

static struct sp_str text_of(struct sp_arena *arena, const struct sp_json *value)
{
    struct sp_buffer text;
    struct sp_json_writer writer;
    sp_buffer_init(&text, arena, 1 << 20);
    sp_json_writer_init(&writer, &text, false);
    sp_json_put_value(&writer, value);
    ALWAYS(sp_buffer_status(&text) == SP_OK);
    return sp_buffer_str(&text);
}

static bool is_same(struct sp_arena *arena, const struct sp_json *left, const struct sp_json *right)
{
    return sp_str_equal(text_of(arena, left), text_of(arena, right));
}

static const struct sp_json *member(const struct sp_json *json, const char *name)
{
    return sp_json_member(json, sp_str_from_cstr(name));
}

static void check_members(const struct sp_json *token)
{
    static const char *const known[] = {"header", "claims", "kept",         "whole", "bytes",
                                        "bound",  "proven", "introspected", "kind",  "issuer"};
    for
        SP_JSON_EACH(child, token)
        {
            size_t i = 0;
            while (i < sizeof known / sizeof known[0] && !sp_str_equal(child->name, sp_str_from_cstr(known[i])))
                i++;
            ALWAYS(i < sizeof known / sizeof known[0]);
        }
}

static void check_kept(struct sp_arena *arena, const struct sp_json *token, const struct sp_exam *exam)
{
    const struct sp_json *told = member(token, "kept"), *claims = member(token, "claims");
    for (size_t i = 0; i < kept.names.count; i++) {
        const struct sp_json *right = sp_claim_at(exam->body, kept.names.at[i]),
                             *said = sp_json_member(told, kept.names.at[i]);
        ALWAYS(right == NULL ? said == NULL || said->type == SP_JSON_NULL : is_same(arena, said, right));
    }
    ALWAYS(sp_str_equal(sp_json_string(member(claims, "iss")), SP_STR("joe")));
}

/* room: for the decoded segments. */
static void tell(struct sp_arena *arena, const struct sp_exam *exam, struct sp_token_told *told, size_t room)
{
    struct sp_arena *scratch = sp_arena_create(room);
    struct sp_buffer text;
    struct sp_json_writer writer;
    struct sp_json_error error;
    const struct sp_json *line = NULL;
    struct sp_recorded_call call;
    sp_buffer_init(&text, arena, 1 << 20);
    sp_buffer_append(&text, SP_STR(before));
    sp_json_writer_init(&writer, &text, false);
    sp_recorded_token_write(&writer, scratch, told);
    sp_buffer_append_char(&text, '}');
    ALWAYS(sp_buffer_status(&text) == SP_OK);
    for (size_t i = 0; i < text.len; i++)
        ALWAYS((unsigned char)text.at[i] >= 0x20);
    ALWAYS(sp_json_parse(arena, sp_buffer_str(&text), &sp_json_limits_document, &line, &error) == SP_OK);
    const struct sp_json *token = member(line, "token");
    bool is_whole = sp_json_is(member(token, "whole"), SP_JSON_TRUE);
    ALWAYS(line->count == 7 && told->whole >= is_whole);
    check_members(token);
    ALWAYS(text.len <= sizeof before + 512 + (is_whole ? 1 : 8) * told->token.len);
    if (is_whole)
        ALWAYS(is_same(arena, member(token, "claims"), exam->body) &&
               is_same(arena, member(token, "header"), exam->header));
    else
        check_kept(arena, token, exam);
    ALWAYS(sp_recorded_call_read(arena, line, &call) == SP_OK);
    ALWAYS(call.accepted && call.has_token && call.token.signature_verified && call.token.whole == is_whole);
    ALWAYS(sp_str_equal(call.token.issuer, SP_STR("joe")) && call.token.bytes == told->token.len);
    sp_arena_destroy(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t first = 0;
    static const struct sp_requirements requirements = {.api = {"api", 3}, .issuers = &first, .issuer_count = 1};
    struct sp_arena *arena = sp_arena_create(64u << 20);
    struct sp_issuer_terms terms;
    struct sp_known_issuer issuer = known_issuer(&terms, known_keys());
    const struct sp_world world = {.issuers = &issuer, .issuer_count = 1};
    const struct sp_exam_input input = {.token =
                                            signed_if_wanted(arena, sp_str(size > 0 ? (const char *)data : "", size)),
                                        .requirements = &requirements,
                                        .world = &world,
                                        .now = KNOWN_NOW};
    struct sp_facts facts;
    struct sp_exam *exam = sp_exam_start(arena, &input);
    if (exam != NULL && sp_exam_step(exam) == SP_EXAM_DONE && sp_exam_verdict(exam)->accepted &&
        sp_facts_from_exam(exam, &kept, arena, &facts) == SP_OK) {
        struct sp_token_told told = {.facts = &facts, .token = input.token, .issuer = SP_STR("joe"), .whole = true};
        tell(arena, exam, &told, 1 << 20);
        tell(arena, exam, &told, 64 + size);
        told.whole = false;
        tell(arena, exam, &told, 64);
    }
    sp_arena_destroy(&arena);
    return 0;
}
