/* SPDX-License-Identifier: Apache-2.0 */
/* A DPoP proof from anywhere: never good for a token that is bound to another key; good at all only when it is the one
 * that was published (RFC 9449 7.1), or signed here by the one key that is known here. */
#include "core/oauth/dpop_proof.h"
#include "tests/fuzz/known.h"

#define PUBLISHED_JKT "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct sp_arena *arena, struct sp_str proof, const struct sp_dpop_expectation *expectation)
{
    struct sp_dpop_result result;
    if (sp_dpop_check(arena, proof, expectation, &result) != SP_OK)
        return;
    if (result.fault != SP_DPOP_OK) {
        ALWAYS(result.part.len > 0 && result.expected.len > 0 && result.received.len > 0);
        return;
    }
    /* The thumbprint of no key: nobody can find one that has it. */
    ALWAYS(expectation->jkt == NULL);
    ALWAYS(result.jti.len > 0);
    ALWAYS(memcmp(result.jkt, KNOWN_JKT, sizeof result.jkt) == 0 ||
           memcmp(result.jkt, PUBLISHED_JKT, sizeof result.jkt) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_arena *arena = sp_arena_create(4 << 20);
    struct sp_dpop_expectation expectation = {.method = SP_STR("GET"),
                                              .url = SP_STR("https://resource.example.org/protectedresource"),
                                              .access_token = SP_STR("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"),
                                              .now = 1562262618,
                                              .leeway_s = 30};
    struct sp_str proof = signed_if_wanted(arena, sp_str((const char *)data, size));
    check(arena, proof, &expectation);
    expectation.jkt = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    check(arena, proof, &expectation);
    sp_arena_destroy(&arena);
    return 0;
}
