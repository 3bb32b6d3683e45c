/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/key_set.h"

#include "core/base/buffer.h"
#include "lab/weak_key.h"

#define MOST_BYTES ((size_t)64 * 1024)

static const struct {
    const char *kid;
    enum sp_key_type type;
    enum sp_curve curve;
    unsigned bits;
    const char *algorithm;
} kinds[SP_LAB_KEY_COUNT] = {
    [SP_LAB_KEY_MAIN] = {"lab-main", SP_KEY_TYPE_RSA, SP_CURVE_NONE, 2048, "RS256"},
    [SP_LAB_KEY_SPARE] = {"lab-spare", SP_KEY_TYPE_RSA, SP_CURVE_NONE, 2048, "RS256"},
    [SP_LAB_KEY_EC] = {"lab-ec", SP_KEY_TYPE_EC, SP_CURVE_P256, 0, "ES256"},
    [SP_LAB_KEY_NEXT] = {"lab-next", SP_KEY_TYPE_RSA, SP_CURVE_NONE, 2048, "RS256"},
    [SP_LAB_KEY_OTHER] = {"other-main", SP_KEY_TYPE_RSA, SP_CURVE_NONE, 2048, "RS256"},
    [SP_LAB_KEY_GONE] = {"lab-gone", SP_KEY_TYPE_RSA, SP_CURVE_NONE, 2048, "RS256"},
    [SP_LAB_KEY_WEAK] = {"lab-weak", SP_KEY_TYPE_RSA, SP_CURVE_NONE, 1024, "RS256"},
};

const struct sp_key *sp_lab_key_get(struct sp_lab_keys *keys, enum sp_lab_key which)
{
    struct sp_key **key = &keys->at[which];
    if (*key != NULL)
        return *key;
    enum sp_status status = which == SP_LAB_KEY_WEAK
                                ? sp_lab_weak_key(key)
                                : sp_key_generate(kinds[which].type, kinds[which].curve, kinds[which].bits, key);
    return status == SP_OK ? *key : NULL;
}

enum sp_status sp_lab_keys_init(struct sp_lab_keys *keys)
{
    *keys = (struct sp_lab_keys){{NULL}};
    for (enum sp_lab_key which = SP_LAB_KEY_MAIN; which <= SP_LAB_KEY_EC; which++)
        if (sp_lab_key_get(keys, which) == NULL) {
            sp_lab_keys_fini(keys);
            return SP_CRYPTO;
        }
    return SP_OK;
}

void sp_lab_keys_fini(struct sp_lab_keys *keys)
{
    for (size_t i = 0; i < SP_LAB_KEY_COUNT; i++)
        sp_key_destroy(&keys->at[i]);
}

/* ---- what is published ---- */

#define BIT(key) (1u << SP_LAB_KEY_##key)
#define USUAL (BIT(MAIN) | BIT(SPARE) | BIT(EC))

/* Which keys are in the set; without a row the usual ones. */
static const struct {
    enum sp_cause fault;
    unsigned keys;
} sets[] = {
    {SP_CAUSE_KEYS_ROTATED, USUAL | BIT(NEXT)}, {SP_CAUSE_KEYS_RETIRED_EARLY, BIT(SPARE) | BIT(EC)},
    {SP_CAUSE_KEYS_REPLACED, BIT(NEXT)},        {SP_CAUSE_KEYS_WEAK, BIT(WEAK) | BIT(SPARE) | BIT(EC)},
    {SP_CAUSE_KEYS_USE_MISMATCH, USUAL},        {SP_CAUSE_KEYS_DUPLICATE_KID, USUAL},
    {SP_CAUSE_KEYS_PRIVATE_MATERIAL, USUAL},    {SP_CAUSE_KEYS_MALFORMED_MEMBER, USUAL},
    {SP_CAUSE_KEYS_UNSUPPORTED_TYPE, USUAL},
};

static unsigned published(enum sp_cause fault, bool *committed)
{
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
        if (sets[i].fault == fault) {
            *committed = true;
            return sets[i].keys;
        }
    return USUAL;
}

static void write_key(struct sp_json_writer *writer, struct sp_lab_keys *keys, enum sp_lab_key which,
                      enum sp_cause fault)
{
    bool is_main = which == SP_LAB_KEY_MAIN;
    bool takes_its_kid = fault == SP_CAUSE_KEYS_DUPLICATE_KID && which == SP_LAB_KEY_SPARE;
    const struct sp_key *key = sp_lab_key_get(keys, which);
    struct sp_str use = is_main && fault == SP_CAUSE_KEYS_USE_MISMATCH ? SP_STR("enc") : SP_STR("sig");
    struct sp_str kid = sp_str_from_cstr(takes_its_kid ? kinds[SP_LAB_KEY_MAIN].kid : kinds[which].kid);
    bool with_private = is_main && fault == SP_CAUSE_KEYS_PRIVATE_MATERIAL;
    enum sp_status status =
        key == NULL ? SP_CRYPTO
                    : sp_jwk_write(writer, key, kid, use, sp_str_from_cstr(kinds[which].algorithm), with_private);
    if (status != SP_OK)
        writer->out->status = status;
}

static struct sp_str write_set(struct sp_lab_keys *keys, struct sp_arena *arena, unsigned which, enum sp_cause fault)
{
    /* The one that shares its kid stands before the right one: who takes the first is wrong. */
    static const enum sp_lab_key order[] = {SP_LAB_KEY_NEXT, SP_LAB_KEY_SPARE, SP_LAB_KEY_MAIN,
                                            SP_LAB_KEY_EC,   SP_LAB_KEY_OTHER, SP_LAB_KEY_WEAK};
    struct sp_buffer buffer;
    struct sp_json_writer writer;
    sp_buffer_init(&buffer, arena, MOST_BYTES);
    sp_json_writer_init(&writer, &buffer, false);
    sp_json_begin_object(&writer);
    sp_json_name(&writer, SP_STR("keys"));
    sp_json_begin_array(&writer);
    if (fault == SP_CAUSE_KEYS_MALFORMED_MEMBER)
        sp_json_put_raw(&writer,
                        SP_STR("{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"lab-damaged\",\"x\":\"?\",\"y\":\"?\"}"));
    if (fault == SP_CAUSE_KEYS_UNSUPPORTED_TYPE)
        sp_json_put_raw(&writer,
                        SP_STR("{\"kty\":\"LATTICE\",\"kid\":\"lab-of-tomorrow\",\"use\":\"sig\",\"v\":\"AQAB\"}"));
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        if ((which & (1u << order[i])) != 0)
            write_key(&writer, keys, order[i], fault);
    sp_json_end_array(&writer);
    sp_json_end_object(&writer);
    return sp_buffer_status(&buffer) == SP_OK ? sp_buffer_str(&buffer) : SP_STR_NONE;
}

struct sp_str sp_lab_key_set_text(struct sp_lab_keys *keys, struct sp_arena *arena, enum sp_cause fault,
                                  bool *committed)
{
    unsigned which = published(fault, committed);
    return write_set(keys, arena, which, fault);
}

struct sp_str sp_lab_other_key_set_text(struct sp_lab_keys *keys, struct sp_arena *arena)
{
    return write_set(keys, arena, BIT(OTHER), SP_CAUSE_NONE);
}
