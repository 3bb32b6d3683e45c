/* SPDX-License-Identifier: Apache-2.0 */
/* The one signature that fuzzed inputs can hold without knowing a private key: RFC 7515 A.3, ES256. */
#ifndef SP_FUZZ_KNOWN_H
#define SP_FUZZ_KNOWN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/limits.h"
#include "core/diagnosis/exam.h"
#include "core/jose/algorithm.h"
#include "core/jose/jwk_set.h"
#include "core/jose/jws.h"

#define KNOWN_SIGNED                                                                                                   \
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnV" \
    "lfQ"
#define KNOWN_TOKEN                                                                                                    \
    KNOWN_SIGNED ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
#define KNOWN_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define KNOWN_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define KNOWN_D "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"
#define KNOWN_JKT "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"
#define KNOWN_KEY_SET "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" KNOWN_X "\",\"y\":\"" KNOWN_Y "\"}]}"
#define KNOWN_NOW INT64_C(1300819000) /* before its exp */

/* An invariant that does not hold is a finding, in every build. */
#define ALWAYS(holds)                                                                                                  \
    do {                                                                                                               \
        if (!(holds)) {                                                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #holds);                                 \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static inline struct sp_jwk_set *known_keys(void)
{
    static struct sp_jwk_set *set;
    struct sp_json_error error;
    if (set == NULL && sp_jwk_set_parse(SP_STR(KNOWN_KEY_SET), &set, &error) != SP_OK)
        abort();
    return set;
}

/* Most of what can go wrong is behind base64 and a signature, where no mutation gets: an input that begins with '{' is
 * a header and, on the next lines, claims, and is signed by the known key. Others are themselves. */
static inline struct sp_str signed_if_wanted(struct sp_arena *arena, struct sp_str input)
{
    static struct sp_jwk_set *owned;
    struct sp_str compact;
    size_t line = sp_str_index_of(input, '\n', 0);
    if (input.len == 0 || input.at[0] != '{' || line >= input.len)
        return input;
    if (owned == NULL && sp_jwk_set_parse(SP_STR("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" KNOWN_X
                                                 "\",\"y\":\"" KNOWN_Y "\",\"d\":\"" KNOWN_D "\"}"),
                                          &owned, NULL) != SP_OK)
        abort();
    enum sp_status status = sp_jws_sign(arena, owned->keys[0].key, SP_ALGORITHM_ES256, sp_str_slice(input, 0, line),
                                        sp_str_slice(input, line + 1, input.len), &compact);
    ALWAYS(status == SP_OK || status == SP_NO_MEMORY);
    return status == SP_OK ? compact : input;
}

/* The issuer of the known token, trusting `keys`, with nothing required but a signature and times. */
static inline struct sp_known_issuer known_issuer(struct sp_issuer_terms *terms, const struct sp_jwk_set *keys)
{
    *terms = (struct sp_issuer_terms){
        .name = SP_STR("joe"), .issuer = SP_STR("joe"), .algorithms = UINT32_MAX, .introspects = true};
    return (struct sp_known_issuer){.terms = terms, .known = {.keys = keys, .refetched = true}};
}

/* Steps to the end; whatever it asks for, it gets `introspection` (none: nobody answers). */
static inline const struct sp_verdict *examine(struct sp_arena *arena, struct sp_str token,
                                               const struct sp_known_issuer *issuer, struct sp_str introspection)
{
    static const uint16_t first = 0;
    static const struct sp_requirements requirements = {.api = {"api", 3}, .issuers = &first, .issuer_count = 1};
    const struct sp_world world = {.issuers = issuer, .issuer_count = 1};
    const struct sp_exam_input input = {
        .token = token, .requirements = &requirements, .world = &world, .now = KNOWN_NOW};
    struct sp_exam *exam = sp_exam_start(arena, &input);
    if (exam == NULL)
        return NULL;
    enum sp_need need;
    for (unsigned steps = 0; (need = sp_exam_step(exam)) != SP_EXAM_DONE; steps++) {
        ALWAYS(steps < 8); /* it asks for each thing at most once */
        if (need == SP_NEED_KEYS)
            sp_exam_give_world(exam, &world);
        else if (need == SP_NEED_INTROSPECTION)
            sp_exam_give_introspection(exam, introspection,
                                       introspection.at == NULL ? SP_CAUSE_INTROSPECTION_UNREACHABLE : SP_CAUSE_NONE,
                                       SP_CAUSE_NONE, SP_STR_NONE);
        else
            sp_exam_give_replay(exam, false);
    }
    return sp_exam_verdict(exam);
}

#endif
