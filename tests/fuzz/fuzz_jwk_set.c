/* SPDX-License-Identifier: Apache-2.0 */
/* A key set from anywhere: bounded, each member usable or skipped; a key written and read again keeps its thumbprint;
 * and a signature verifies only under the key that made it. */
#include "tests/fuzz/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool contains(const uint8_t *data, size_t size, const char *text)
{
    return memmem(data, size, text, strlen(text)) != NULL;
}

static void check_rewritten(const struct sp_jwk *jwk)
{
    struct sp_arena *arena = sp_arena_create(1 << 20);
    struct sp_buffer text;
    struct sp_json_writer writer;
    struct sp_jwk_set *again = NULL;
    sp_buffer_init(&text, arena, 1 << 16);
    sp_json_writer_init(&writer, &text, false);
    ALWAYS(sp_jwk_write(&writer, jwk->key, jwk->kid, SP_STR_NONE, SP_STR_NONE,
                        sp_key_type(jwk->key) == SP_KEY_TYPE_OCT) == SP_OK);
    /* A kid may be longer than what a text of ours may hold. */
    if (sp_buffer_status(&text) == SP_OK && sp_jwk_set_parse(sp_buffer_str(&text), &again, NULL) == SP_OK) {
        ALWAYS(again->count == 1);
        ALWAYS(memcmp(again->keys[0].thumbprint, jwk->thumbprint, sizeof jwk->thumbprint) == 0);
    } else {
        ALWAYS(jwk->kid.len > 1000);
    }
    sp_jwk_set_unref(&again);
    sp_arena_destroy(&arena);
}

static void check_members(const struct sp_jwk_set *set)
{
    ALWAYS(set->count + set->skipped_count <= SP_MAX_JWKS_KEYS);
    for (size_t i = 0; i < set->count; i++) {
        unsigned char thumbprint[32];
        ALWAYS(set->keys[i].key != NULL);
        ALWAYS(sp_jwk_thumbprint(set->keys[i].key, thumbprint) == SP_OK);
        ALWAYS(memcmp(thumbprint, set->keys[i].thumbprint, sizeof thumbprint) == 0);
        check_rewritten(&set->keys[i]);
    }
    for (size_t i = 0; i < set->skipped_count; i++)
        ALWAYS(set->skipped[i].fault != SP_JWK_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_jwk_set *set = NULL;
    struct sp_json_error error;
    if (sp_jwk_set_parse(sp_str((const char *)data, size), &set, &error) != SP_OK) {
        ALWAYS(set == NULL);
        return 0;
    }
    check_members(set);
    struct sp_arena *arena = sp_arena_create(SP_MAX_EXAM_ARENA_BYTES);
    struct sp_issuer_terms terms;
    struct sp_known_issuer issuer = known_issuer(&terms, set);
    const struct sp_verdict *verdict = examine(arena, SP_STR(KNOWN_TOKEN), &issuer, SP_STR_NONE);
    /* The key may be written with escapes, or come in a certificate: then its x is not there in plain. */
    if (verdict != NULL && verdict->signature_verified)
        ALWAYS(contains(data, size, KNOWN_X) || contains(data, size, "\\") || contains(data, size, "x5c"));
    if (verdict != NULL && set->count == 0)
        ALWAYS(!verdict->accepted);
    sp_arena_destroy(&arena);
    sp_jwk_set_unref(&set);
    return 0;
}
