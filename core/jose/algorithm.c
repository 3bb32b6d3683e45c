/* SPDX-License-Identifier: Apache-2.0 */
#include "core/jose/algorithm.h"
#include "core/base/buffer.h"

/* clang-format off */
#define TEXT(literal) { (literal), sizeof(literal) - 1 }
#define KEY_TYPE_RSA_PKCS1 SP_KEY_TYPE_RSA
#define KEY_TYPE_RSA_PSS SP_KEY_TYPE_RSA
#define KEY_TYPE_ECDSA SP_KEY_TYPE_EC
#define KEY_TYPE_EDDSA SP_KEY_TYPE_OKP
#define KEY_TYPE_HMAC SP_KEY_TYPE_OCT
/* clang-format on */

static const struct sp_algorithm_info rows[SP_ALGORITHM_COUNT] = {
#define ALGORITHM(id, text, family_name, hash_name, curve_name, bytes)                                                 \
    [SP_ALGORITHM_##id] = {                                                                                            \
        .name = TEXT(text),                                                                                            \
        .family = SP_FAMILY_##family_name,                                                                             \
        .hash = SP_HASH_##hash_name,                                                                                   \
        .curve = SP_CURVE_##curve_name,                                                                                \
        .key_type = KEY_TYPE_##family_name,                                                                            \
        .signature_bytes = (bytes),                                                                                    \
    },
#include "core/jose/algorithms.def"
#undef ALGORITHM
};

_Static_assert(SP_ALGORITHM_COUNT <= 32, "a set of algorithms is a uint32_t");

enum sp_algorithm sp_algorithm_find(struct sp_str name)
{
    for (enum sp_algorithm algorithm = SP_ALGORITHM_UNKNOWN + 1; algorithm < SP_ALGORITHM_COUNT; algorithm++) {
        if (sp_str_equal(rows[algorithm].name, name)) {
            return algorithm;
        }
    }
    return SP_ALGORITHM_UNKNOWN;
}

const struct sp_algorithm_info *sp_algorithm_get(enum sp_algorithm algorithm)
{
    return &rows[algorithm < SP_ALGORITHM_COUNT ? algorithm : SP_ALGORITHM_UNKNOWN];
}

static uint32_t algorithms_of(bool symmetric)
{
    uint32_t set = 0;
    for (enum sp_algorithm algorithm = SP_ALGORITHM_UNKNOWN + 1; algorithm < SP_ALGORITHM_COUNT; algorithm++) {
        if ((rows[algorithm].family == SP_FAMILY_HMAC) == symmetric) {
            set |= sp_algorithm_bit(algorithm);
        }
    }
    return set;
}

uint32_t sp_algorithms_asymmetric(void)
{
    return algorithms_of(false);
}

uint32_t sp_algorithms_symmetric(void)
{
    return algorithms_of(true);
}

static struct sp_str joined(struct sp_arena *arena, uint32_t set, struct sp_str between)
{
    struct sp_buffer words;
    sp_buffer_init(&words, arena, 512);
    for (enum sp_algorithm algorithm = SP_ALGORITHM_UNKNOWN + 1; algorithm < SP_ALGORITHM_COUNT; algorithm++) {
        if (set & sp_algorithm_bit(algorithm)) {
            sp_buffer_append(&words, words.len > 0 ? between : SP_STR_NONE);
            sp_buffer_append(&words, rows[algorithm].name);
        }
    }
    if (words.len == 0) {
        sp_buffer_append(&words, SP_STR("none"));
    }
    return sp_buffer_status(&words) == SP_OK ? sp_buffer_str(&words) : SP_STR_NONE;
}

struct sp_str sp_algorithms_in_words(struct sp_arena *arena, uint32_t set)
{
    return joined(arena, set, SP_STR(", "));
}

struct sp_str sp_algorithms_spaced(struct sp_arena *arena, uint32_t set)
{
    return joined(arena, set, SP_STR(" "));
}

struct sp_str sp_key_type_name(enum sp_key_type type)
{
    static const struct sp_str names[] = {
        [SP_KEY_TYPE_NONE] = TEXT("none"), [SP_KEY_TYPE_RSA] = TEXT("RSA"), [SP_KEY_TYPE_EC] = TEXT("EC"),
        [SP_KEY_TYPE_OKP] = TEXT("OKP"),   [SP_KEY_TYPE_OCT] = TEXT("oct"),
    };
    return names[type];
}

static const struct sp_str curve_names[] = {
    [SP_CURVE_NONE] = TEXT("none"),   [SP_CURVE_P256] = TEXT("P-256"),          [SP_CURVE_P384] = TEXT("P-384"),
    [SP_CURVE_P521] = TEXT("P-521"),  [SP_CURVE_SECP256K1] = TEXT("secp256k1"), [SP_CURVE_ED25519] = TEXT("Ed25519"),
    [SP_CURVE_ED448] = TEXT("Ed448"),
};

struct sp_str sp_curve_name(enum sp_curve curve)
{
    return curve_names[curve];
}

enum sp_curve sp_curve_find(struct sp_str crv)
{
    for (enum sp_curve curve = SP_CURVE_NONE + 1; curve <= SP_CURVE_ED448; curve++) {
        if (sp_str_equal(curve_names[curve], crv)) {
            return curve;
        }
    }
    return SP_CURVE_NONE;
}
