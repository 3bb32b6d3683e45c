/* SPDX-License-Identifier: Apache-2.0 */
/* A token from anywhere: without keys nothing is accepted, and with a key whose private half nobody has, nothing
 * verifies but what its owner signed. Every verdict can be written as JSON. */
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

static void judge(struct sp_str token, const struct sp_jwk_set *keys, size_t arena_bytes)
{
    struct sp_arena *arena = sp_arena_create(arena_bytes);
    struct sp_issuer_terms terms;
    struct sp_known_issuer issuer = known_issuer(&terms, keys);
    const struct sp_verdict *verdict = arena != NULL ? examine(arena, token, &issuer, SP_STR_NONE) : NULL;
    if (verdict != NULL) {
        ALWAYS(verdict->accepted == (verdict->cause == NULL));
        ALWAYS(keys != NULL || (!verdict->accepted && !verdict->signature_verified));
        if (verdict->accepted || verdict->signature_verified)
            ALWAYS(token.len > strlen(KNOWN_SIGNED) &&
                   memcmp(token.at, KNOWN_SIGNED ".", strlen(KNOWN_SIGNED) + 1) == 0);
        ALWAYS(!verdict->accepted || verdict->signature_verified);
        check_written(arena, verdict);
    }
    sp_arena_destroy(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_str token = sp_str((const char *)data, size);
    judge(token, NULL, SP_MAX_EXAM_ARENA_BYTES);
    judge(token, known_keys(), SP_MAX_EXAM_ARENA_BYTES);
    judge(token, known_keys(), 4096 + size); /* hardly any memory: never accepted by accident */
    return 0;
}
