/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include "core/base/secret.h"

struct sp_secret {
    size_t len;
    char bytes[];
};

void sp_wipe(void *at, size_t len)
{
    if (len > 0) {
        explicit_bzero(at, len);
    }
}

struct sp_secret *sp_secret_create(struct sp_str value)
{
    struct sp_secret *secret =
        value.len < SIZE_MAX - sizeof *secret - 1 ? malloc(sizeof *secret + value.len + 1) : NULL;
    if (secret != NULL) {
        secret->len = value.len;
        if (value.len > 0) {
            memcpy(secret->bytes, value.at, value.len);
        }
        secret->bytes[value.len] = '\0';
    }
    return secret;
}

void sp_secret_destroy(struct sp_secret **secret)
{
    if (*secret != NULL) {
        sp_wipe((*secret)->bytes, (*secret)->len);
        free(*secret);
        *secret = NULL;
    }
}

struct sp_str sp_secret_bytes(const struct sp_secret *secret)
{
    return secret != NULL ? sp_str(secret->bytes, secret->len) : SP_STR_NONE;
}

/* May stand anywhere and be read as anything. */
typedef uint64_t vector __attribute__((vector_size(16), aligned(1), may_alias));

#define STEP (4 * sizeof(vector))

static vector difference_at(const char *a, const char *b)
{
    const vector *left = (const void *)a, *right = (const void *)b;
    return (left[0] ^ right[0]) | (left[1] ^ right[1]) | (left[2] ^ right[2]) | (left[3] ^ right[3]);
}

bool sp_secret_equal(struct sp_str a, struct sp_str b)
{
    uint64_t difference = a.len != b.len;
    const size_t common = a.len < b.len ? a.len : b.len;
    size_t i = 0;
    /* In vectors: tokens are compared on the way of every call. */
    vector apart = {0};
    for (; i + STEP <= common; i += STEP) {
        apart |= difference_at(a.at + i, b.at + i);
    }
    if (common > STEP) { /* what is left, and some bytes once more */
        apart |= difference_at(a.at + common - STEP, b.at + common - STEP);
        i = common;
    }
    difference |= apart[0] | apart[1];
    for (; i < common; i++) {
        difference |= (uint64_t)((unsigned char)a.at[i] ^ (unsigned char)b.at[i]);
    }
    /* What is known of the difference is hidden from the compiler, so it has no reason to look at it before the end. */
    __asm__ volatile("" : "+r"(difference));
    return difference == 0;
}
