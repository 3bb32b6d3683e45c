/* SPDX-License-Identifier: Apache-2.0 */
/* One row a cause: a token that is really signed, what is configured and known, and what the examination must name. A
 * file a part of the examination. */
#ifndef SP_TESTS_EXAM_ROWS_H
#define SP_TESTS_EXAM_ROWS_H

#include "tests/support/exam_bench.h"

#define WITH_ISSUER(iss) "{\"iss\":\"" iss "\",\"aud\":\"" API "\",\"exp\":1700000600,\"iat\":1699999940}"
#define WITH_AUDIENCE(aud, rest) "{\"iss\":\"" ISSUER "\",\"aud\":" aud ",\"exp\":1700000600,\"scope\":\"x\"" rest "}"
#define WITH_TIMES(times) "{\"iss\":\"" ISSUER "\",\"aud\":\"" API "\"" times "}"

struct exam_row {
    const char *what;
    enum sp_cause cause; /* SP_CAUSE_NONE: accepted */
    int key;
    const char *header, *claims;
    void (*prepare)(struct exam_bench *bench); /* after signing */
    enum sp_cause warning;                     /* accepted, with this under also */
};

#define EXAM_ROWS(part)                                                                                                \
    extern const struct exam_row exam_##part##_rows[];                                                                 \
    extern const size_t exam_##part##_row_count;
EXAM_ROWS(token)         /* what is presented, and how it is signed */
EXAM_ROWS(key)           /* what it is verified with, and what is known of that */
EXAM_ROWS(claim)         /* issuer, audience, times, scope and the rest */
EXAM_ROWS(introspection) /* what the issuer answers when it is asked */
EXAM_ROWS(binding)       /* whom it is bound to */
#undef EXAM_ROWS

/* The index-th of all of them, NULL past the last. */
const struct exam_row *exam_row_at(size_t index);
void exam_row_prepare(const struct exam_row *row, struct exam_bench *bench, struct sp_arena *arena);

#endif
