/* SPDX-License-Identifier: Apache-2.0 */
/* A token from anywhere: without keys nothing is accepted, and with the known key nothing verifies but what it signed,
 * once or here. What is kept of an accepted token (facts) survives packing and is judged as the examination judged it.
 * Every verdict can be written as JSON. */
#include "core/diagnosis/facts.h"
#include "tests/fuzz/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_written(struct sp_arena *arena, const struct sp_verdict *verdict)
{
    struct sp_buffer out;
    struct sp_json_writer writer;
    struct sp_json_error error;
    const struct sp_json *json = NULL;
    sp_buffer_init(&out, arena, 2 << 20);
    sp_json_writer_init(&writer, &out, false);
    sp_verdict_write(&writer, verdict, KNOWN_NOW);
    if (sp_buffer_status(&out) == SP_OK)
        ALWAYS(sp_json_parse(arena, sp_buffer_str(&out), &sp_json_limits_document, &json, &error) != SP_MALFORMED);
}

static void judge(struct sp_str token, bool is_ours, const struct sp_jwk_set *keys, size_t arena_bytes)
{
    struct sp_arena *arena = sp_arena_create(arena_bytes);
    struct sp_issuer_terms terms;
    struct sp_known_issuer issuer = known_issuer(&terms, keys);
    const struct sp_verdict *verdict = arena != NULL ? examine(arena, token, &issuer, SP_STR_NONE) : NULL;
    if (verdict != NULL) {
        ALWAYS(verdict->accepted == (verdict->cause == NULL));
        ALWAYS(keys != NULL || (!verdict->accepted && !verdict->signature_verified));
        if (!is_ours && (verdict->accepted || verdict->signature_verified))
            ALWAYS(token.len > strlen(KNOWN_SIGNED) &&
                   memcmp(token.at, KNOWN_SIGNED ".", strlen(KNOWN_SIGNED) + 1) == 0);
        ALWAYS(!verdict->accepted || verdict->signature_verified);
        check_written(arena, verdict);
    }
    sp_arena_destroy(&arena);
}

/* The cache's way: facts of an accepted token, packed, unpacked and judged by the same requirements, accept it again.
 */
static void keep_and_judge(struct sp_str token)
{
    static const uint16_t first = 0;
    static const struct sp_str kept[] = {{"sub", 3}, {"realm_access.roles", 18}};
    static const struct sp_requirements requirements = {.api = {"api", 3}, .issuers = &first, .issuer_count = 1};
    struct sp_arena *arena = sp_arena_create(SP_MAX_EXAM_ARENA_BYTES);
    struct sp_issuer_terms terms;
    struct sp_known_issuer issuer = known_issuer(&terms, known_keys());
    const struct sp_world world = {.issuers = &issuer, .issuer_count = 1};
    const struct sp_exam_input input = {
        .token = token, .requirements = &requirements, .world = &world, .now = KNOWN_NOW};
    struct sp_facts facts, again;
    struct sp_exam *exam = sp_exam_start(arena, &input);
    if (exam != NULL && sp_exam_step(exam) == SP_EXAM_DONE && sp_exam_verdict(exam)->accepted &&
        sp_facts_from_exam(exam, &(struct sp_kept_claims){.names = {kept, 2}}, arena, &facts) == SP_OK) {
        size_t bytes = sp_facts_packed_size(&facts);
        void *block = sp_arena_alloc(arena, bytes);
        if (block != NULL) {
            sp_facts_pack(&facts, block);
            ALWAYS(sp_facts_unpack(block, bytes, &again) == SP_OK);
            enum sp_check check = sp_facts_judge(&again, &requirements, &world, KNOWN_NOW);
            ALWAYS(check == SP_CHECK_COUNT || check == SP_CHECK_BINDING);
            ALWAYS(check == SP_CHECK_COUNT || facts.bound_to_key || facts.bound_to_certificate);
        }
    }
    sp_arena_destroy(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_arena *arena = sp_arena_create(SP_MAX_EXAM_ARENA_BYTES);
    struct sp_str given = sp_str((const char *)data, size), token = signed_if_wanted(arena, given);
    bool is_ours = token.at != given.at;
    judge(token, is_ours, NULL, SP_MAX_EXAM_ARENA_BYTES);
    judge(token, is_ours, known_keys(), SP_MAX_EXAM_ARENA_BYTES);
    judge(token, is_ours, known_keys(), 4096 + size); /* hardly any memory: never accepted by accident */
    keep_and_judge(token);
    sp_arena_destroy(&arena);
    return 0;
}
