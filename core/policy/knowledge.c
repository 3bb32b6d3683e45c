/* SPDX-License-Identifier: Apache-2.0 */
#include "core/policy/knowledge.h"

#include <stdlib.h>

#include "core/base/limits.h"
#include "core/base/secret.h"
#include "core/jose/base64url.h"
#include "core/jose/jwk_set.h"

#define MAX_KEYS_FILE_ARENA (512u << 20)
#define MAX_PREVIOUS_KIDS 4096u

struct whole {
    struct sp_knowledge knowledge;
    struct sp_arena *arena;
    struct sp_policy *policy;
    struct sp_known_issuer *issuers;
};

static void release_set(void *set)
{
    struct sp_jwk_set *held = set;
    sp_jwk_set_unref(&held);
}

/* The arena gives the set back when it dies; on failure it is given back at once. */
static const struct sp_jwk_set *hold(struct sp_arena *arena, struct sp_jwk_set *set)
{
    if (set != NULL && sp_arena_defer(arena, release_set, set) != SP_OK) {
        sp_jwk_set_unref(&set);
    }
    return set;
}

static const struct sp_jwk_set *set_of(struct sp_arena *arena, const struct sp_json *json)
{
    struct sp_jwk_set *set = NULL;
    if (json == NULL || sp_jwk_set_from_json(json, &set) != SP_OK) {
        return NULL;
    }
    return hold(arena, set);
}

static int64_t number(const struct sp_json *object, struct sp_str name)
{
    int64_t value;
    return sp_json_int64(sp_json_member(object, name), &value) == SP_OK ? value : 0;
}

static uint32_t algorithms(const struct sp_json *names)
{
    uint32_t set = 0;
    for
        SP_JSON_EACH(name, names)
        {
            set |= sp_algorithm_bit(sp_algorithm_find(sp_json_string(name)));
        }
    return set;
}

static struct sp_str_list texts(struct sp_arena *arena, const struct sp_json *array)
{
    if (!sp_json_is(array, SP_JSON_ARRAY) || array->count == 0 || array->count > MAX_PREVIOUS_KIDS) {
        return (struct sp_str_list){0};
    }
    struct sp_str *list = sp_arena_calloc(arena, array->count, sizeof *list);
    size_t count = 0;
    for
        SP_JSON_EACH(text, array)
        {
            if (list != NULL && sp_arena_copy(arena, sp_json_string(text), &list[count]) == SP_OK) {
                count++;
            }
        }
    return (struct sp_str_list){list, count};
}

static struct sp_str copied(struct sp_arena *arena, struct sp_str text)
{
    struct sp_str copy = SP_STR_NONE;
    return text.at != NULL && sp_arena_copy(arena, text, &copy) == SP_OK ? copy : SP_STR_NONE;
}

static void read_issuer(struct sp_arena *arena, const struct sp_json *json, struct sp_issuer_knowledge *known)
{
    const struct sp_json *skew = sp_json_member(json, SP_STR("clock_skew_s"));
    known->keys = set_of(arena, sp_json_member(json, SP_STR("jwks")));
    if (known->keys == NULL) {
        known->keys = set_of(arena, sp_json_member(json, SP_STR("unusable_jwks")));
    }
    known->old_keys = set_of(arena, sp_json_member(json, SP_STR("old_jwks")));
    known->unadopted_keys = set_of(arena, sp_json_member(json, SP_STR("unadopted_jwks")));
    known->previous_kids = texts(arena, sp_json_member(json, SP_STR("previous_kids")));
    known->published_issuer = copied(arena, sp_json_string(sp_json_member(json, SP_STR("published_issuer"))));
    known->failure = sp_cause_find(sp_json_string(sp_json_member(json, SP_STR("failure"))));
    known->failure_reason = sp_cause_find(sp_json_string(sp_json_member(json, SP_STR("failure_reason"))));
    known->failure_detail = copied(arena, sp_json_string(sp_json_member(json, SP_STR("failure_detail"))));
    known->fetched_at = number(json, SP_STR("fetched_at"));
    known->stale_since = number(json, SP_STR("stale_since"));
    known->stale_until = number(json, SP_STR("stale_until"));
    known->clock_skew_known = sp_json_is(skew, SP_JSON_NUMBER);
    known->clock_skew_s = number(json, SP_STR("clock_skew_s"));
    known->advertised_algorithms = algorithms(sp_json_member(json, SP_STR("advertised_algorithms")));
}

/* digest = SHA-256(digest, SHA-256(text)): one number for all keys, in the policy's order. */
static void digest_text(unsigned char digest[32], struct sp_str text)
{
    unsigned char both[64];
    memcpy(both, digest, 32);
    sp_sha256(text, both + 32);
    sp_sha256(sp_str((const char *)both, sizeof both), digest);
}

/* ---- HS*: the secret stands in the policy ---- */
enum encoding { RAW, BASE64, BASE64URL, ENCODINGS };
static const struct sp_str encoding_names[ENCODINGS] = {{"raw", 3}, {"base64", 6}, {"base64url", 9}};

static bool decode(struct sp_arena *arena, struct sp_str secret, enum encoding encoding, struct sp_str *bytes)
{
    switch (encoding) {
    case BASE64:
        return sp_base64_decode(arena, secret, bytes) == SP_OK;
    case BASE64URL:
        return sp_base64url_decode(arena, secret, bytes) == SP_OK;
    default:
        *bytes = secret;
        return true;
    }
}

static struct sp_key *key_of_secret(struct sp_str secret)
{
    struct sp_key *key = NULL;
    const struct sp_key_parts parts = {.type = SP_KEY_TYPE_OCT, .k = secret};
    return sp_key_import(&parts, &key) == SP_OK ? key : NULL;
}

/* The secret under one decoding, as a key; decoded in an arena of its own, wiped. NULL when it is no such text. */
static struct sp_key *key_of_encoding(struct sp_str secret, enum encoding encoding)
{
    struct sp_arena *scratch = sp_arena_create(4 * secret.len + 1024);
    struct sp_str bytes = SP_STR_NONE;
    struct sp_key *key = NULL;
    if (scratch != NULL && decode(scratch, secret, encoding, &bytes)) {
        key = key_of_secret(bytes);
        if (encoding != RAW) {
            sp_wipe((void *)(uintptr_t)bytes.at, bytes.len);
        }
    }
    sp_arena_destroy(&scratch);
    return key;
}

/* The configured encoding becomes the issuer's key; the others a set that can only explain, each under its name. */
static void read_secret(struct sp_arena *arena, const struct sp_json *source, struct sp_issuer_knowledge *known)
{
    const struct sp_str secret = sp_json_string(sp_json_member(source, SP_STR("secret")));
    const struct sp_str configured = sp_json_string(sp_json_member(source, SP_STR("secret_encoding")));
    struct sp_key *others[ENCODINGS];
    struct sp_str names[ENCODINGS];
    size_t other_count = 0;
    struct sp_jwk_set *set = NULL;
    if (sp_str_is_empty(secret) || known->keys != NULL) {
        return;
    }
    for (enum encoding encoding = RAW; encoding < ENCODINGS; encoding++) {
        struct sp_key *key = key_of_encoding(secret, encoding);
        if (key == NULL) {
            continue;
        }
        if (!sp_str_equal(encoding_names[encoding], configured.len > 0 ? configured : encoding_names[RAW])) {
            names[other_count] = encoding_names[encoding];
            others[other_count++] = key;
        } else if (sp_jwk_set_of_key(&key, SP_STR_NONE, &set) == SP_OK) {
            known->keys = hold(arena, set);
        }
    }
    if (other_count > 0 && sp_jwk_set_of_keys(others, names, other_count, &set) == SP_OK) {
        known->secret_encodings = hold(arena, set);
    }
}

static enum sp_status build(struct whole *whole, const struct sp_json *json)
{
    struct sp_policy *policy = whole->policy;
    const struct sp_json *by_name = sp_json_member(json, SP_STR("issuers"));
    whole->issuers = sp_arena_calloc(whole->arena, policy->issuer_count + 1, sizeof *whole->issuers);
    if (whole->issuers == NULL) {
        return SP_NO_MEMORY;
    }
    for (size_t i = 0; i < policy->issuer_count; i++) {
        struct sp_known_issuer *issuer = &whole->issuers[i];
        issuer->terms = &policy->issuers[i];
        const struct sp_json *known = sp_json_member(by_name, policy->issuers[i].name);
        if (known != NULL) {
            read_issuer(whole->arena, known, &issuer->known);
        }
        const struct sp_json *jwks = sp_json_member(known, SP_STR("jwks"));
        digest_text(whole->knowledge.keys_sha256, jwks != NULL ? jwks->text : SP_STR_NONE);
        digest_text(whole->knowledge.keys_sha256, issuer->known.published_issuer);
        read_secret(whole->arena, policy->issuer_sources[i], &issuer->known);
    }
    whole->knowledge.generation = number(json, SP_STR("generation"));
    whole->knowledge.world = (struct sp_world){
        .issuers = whole->issuers,
        .issuer_count = policy->issuer_count,
        .api_audiences = policy->api_audiences,
        .api_audience_count = policy->api_audience_count,
    };
    return SP_OK;
}

enum sp_status sp_knowledge_parse(struct sp_str text, struct sp_policy *policy, struct sp_knowledge **out,
                                  struct sp_json_error *error)
{
    const struct sp_json *json = NULL;
    struct whole *whole = calloc(1, sizeof *whole);
    struct sp_arena *scratch = sp_arena_create(MAX_KEYS_FILE_ARENA);
    enum sp_status status = SP_NO_MEMORY;
    if (whole == NULL || scratch == NULL || (whole->arena = sp_arena_create(MAX_KEYS_FILE_ARENA)) == NULL) {
        goto done;
    }
    whole->policy = sp_policy_ref(policy);
    if (!sp_str_is_empty(text)) {
        status = sp_json_parse(scratch, text, &sp_json_limits_document, &json, error);
        if (status == SP_OK && !sp_json_is(json, SP_JSON_OBJECT)) {
            *error = (struct sp_json_error){.message = "not a JSON object"};
            status = SP_MALFORMED;
        }
        if (status != SP_OK) {
            goto done;
        }
    }
    status = build(whole, json);
done:
    sp_arena_destroy(&scratch);
    if (status != SP_OK && whole != NULL) {
        sp_arena_destroy(&whole->arena);
        sp_policy_unref(&whole->policy);
        free(whole);
    } else if (whole != NULL) {
        *out = &whole->knowledge;
    }
    return status;
}

void sp_knowledge_offer_keys(struct sp_knowledge *knowledge, size_t issuer, const struct sp_jwk_set *keys)
{
    struct whole *whole = (struct whole *)knowledge;
    struct sp_issuer_knowledge *known = &whole->issuers[issuer].known;
    if (known->keys == NULL) {
        known->keys = hold(whole->arena, sp_jwk_set_ref(keys));
    }
}

void sp_knowledge_destroy(struct sp_knowledge **knowledge)
{
    struct whole *whole = (struct whole *)*knowledge;
    *knowledge = NULL;
    if (whole == NULL) {
        return;
    }
    sp_arena_destroy(&whole->arena);
    sp_policy_unref(&whole->policy);
    free(whole);
}
