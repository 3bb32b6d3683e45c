/* SPDX-License-Identifier: Apache-2.0 */
#include "core/factor/cose_key.h"

#include "core/base/buffer.h"
#include "core/factor/cbor.h"
#include "core/factor/factor.h"
#include "core/jose/base64url.h"

/* IANA COSE Algorithms, Key Types and Elliptic Curves. */
const struct sp_cose_algorithm sp_cose_algorithms[] = {
    {-7, SP_ALGORITHM_ES256, 2, 1},
    {-8, SP_ALGORITHM_ED25519, 1, 6},
    {-257, SP_ALGORITHM_RS256, 3, 0},
};
const size_t sp_cose_algorithm_count = sizeof sp_cose_algorithms / sizeof sp_cose_algorithms[0];

enum { KEY_TYPE = 1, ALGORITHM = 3, FIRST_PARAMETER = -1, LAST_PARAMETER = -3, MAX_LABELS = 16 };

struct cose_key {
    int64_t key_type, algorithm;
    struct sp_cbor_item parameters[3]; /* of the labels -1, -2, -3 */
    bool has_parameter[3];
};

static enum sp_status keep(struct cose_key *key, int64_t label, const struct sp_cbor_item *value)
{
    if (label == KEY_TYPE || label == ALGORITHM) {
        *(label == KEY_TYPE ? &key->key_type : &key->algorithm) = value->number;
        return value->type == SP_CBOR_INTEGER ? SP_OK : SP_MALFORMED;
    }
    if (label <= FIRST_PARAMETER && label >= LAST_PARAMETER) {
        key->parameters[-label - 1] = *value;
        key->has_parameter[-label - 1] = true;
    }
    return SP_OK;
}

static enum sp_status read_pairs(struct sp_str *rest, size_t count, struct cose_key *key)
{
    int64_t seen[MAX_LABELS];
    if (count > MAX_LABELS)
        return SP_MALFORMED;
    for (size_t i = 0; i < count; i++) {
        struct sp_cbor_item label, value;
        if (sp_cbor_next(rest, &label) != SP_OK || label.type != SP_CBOR_INTEGER)
            return SP_MALFORMED;
        for (size_t j = 0; j < i; j++)
            if (seen[j] == label.number)
                return SP_MALFORMED;
        seen[i] = label.number;
        struct sp_str whole = *rest;
        if (sp_cbor_skip(rest) != SP_OK || sp_cbor_next(&whole, &value) != SP_OK ||
            keep(key, label.number, &value) != SP_OK)
            return SP_MALFORMED;
    }
    return SP_OK;
}

/* Parameter -1-index as base64url of its bytes; absent when it is none. */
static struct sp_str bytes_of(struct sp_arena *arena, const struct cose_key *key, size_t index)
{
    struct sp_str text = SP_STR_NONE;
    const struct sp_cbor_item *item = &key->parameters[index];
    if (!key->has_parameter[index] || item->type != SP_CBOR_BYTES || item->bytes.len == 0)
        return SP_STR_NONE;
    return sp_base64url_encode(arena, item->bytes, &text) == SP_OK ? text : SP_STR_NONE;
}

static bool is_curve(const struct cose_key *key, int64_t curve)
{
    return key->has_parameter[0] && key->parameters[0].type == SP_CBOR_INTEGER && key->parameters[0].number == curve;
}

static enum sp_status write_jwk(struct sp_arena *arena, const struct cose_key *key, const struct sp_cose_algorithm *row,
                                struct sp_str *jwk)
{
    struct sp_str first, second, text;
    if (row->curve == 0) {
        first = bytes_of(arena, key, 0);
        second = bytes_of(arena, key, 1);
        text = sp_arena_printf(arena, "{\"kty\":\"RSA\",\"n\":\"%.*s\",\"e\":\"%.*s\"}", SP_STR_ARG(first),
                               SP_STR_ARG(second));
    } else {
        const struct sp_algorithm_info *info = sp_algorithm_get(row->algorithm);
        bool is_point = info->key_type == SP_KEY_TYPE_EC;
        first = bytes_of(arena, key, 1);
        second = is_point ? bytes_of(arena, key, 2) : first;
        text = sp_arena_printf(arena, "{\"kty\":\"%.*s\",\"crv\":\"%.*s\",\"x\":\"%.*s\"%s%.*s%s}",
                               SP_STR_ARG(sp_key_type_name(info->key_type)), SP_STR_ARG(sp_curve_name(info->curve)),
                               SP_STR_ARG(first), is_point ? ",\"y\":\"" : "",
                               SP_STR_ARG(is_point ? second : SP_STR("")), is_point ? "\"" : "");
    }
    if (first.at == NULL || second.at == NULL)
        return SP_MALFORMED;
    if (text.at == NULL)
        return SP_NO_MEMORY;
    *jwk = text;
    return SP_OK;
}

enum sp_status sp_cose_key_to_jwk(struct sp_arena *arena, struct sp_str *rest, enum sp_algorithm *algorithm,
                                  struct sp_str *jwk)
{
    struct cose_key key = {0};
    struct sp_cbor_item map;
    struct sp_str at = *rest;
    enum sp_status status = sp_cbor_next(&at, &map);
    if (status == SP_OK)
        status = map.type == SP_CBOR_MAP ? read_pairs(&at, map.count, &key) : SP_MALFORMED;
    if (status != SP_OK)
        return status;
    for (size_t i = 0; i < sp_cose_algorithm_count; i++) {
        const struct sp_cose_algorithm *row = &sp_cose_algorithms[i];
        if (row->number != key.algorithm)
            continue;
        if (row->key_type != key.key_type || (row->curve != 0 && !is_curve(&key, row->curve)))
            return SP_UNSUPPORTED;
        status = write_jwk(arena, &key, row, jwk);
        if (status == SP_OK) {
            *algorithm = row->algorithm;
            *rest = at;
        }
        return status;
    }
    return SP_UNSUPPORTED;
}
