/* SPDX-License-Identifier: Apache-2.0 */
/* A DPoP proof from anywhere: never good for a token that is bound to another key, and never without a signature that
 * fits the key it shows. */
#include "core/oauth/dpop_proof.h"
#include "tests/fuzz/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* The thumbprint of no key: nobody can find one that has it. */
    static const char jkt[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    struct sp_arena *arena = sp_arena_create(4 << 20);
    const struct sp_str proof = sp_str((const char *)data, size);
    struct sp_dpop_expectation expectation = {.method = SP_STR("GET"),
                                              .url = SP_STR("https://api.example.com/photos"),
                                              .access_token = SP_STR("abc"),
                                              .jkt = jkt,
                                              .now = 1764000000,
                                              .leeway_s = 30};
    struct sp_dpop_result result;
    if (sp_dpop_check(arena, proof, &expectation, &result) == SP_OK) {
        ALWAYS(result.fault != SP_DPOP_OK);
        ALWAYS(result.part.len > 0);
    }
    expectation.jkt = NULL;
    if (sp_dpop_check(arena, proof, &expectation, &result) == SP_OK && result.fault == SP_DPOP_OK)
        ALWAYS(result.jti.len > 0);
    sp_arena_destroy(&arena);
    return 0;
}
