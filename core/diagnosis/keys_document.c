/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/url.h"
#include "core/diagnosis/document_report.h"
#include "core/jose/base64url.h"

/* Characters in which an exponent below 65537 is written, zeros in front of it included. */
#define SHOWN_EXPONENT 16u

static const struct sp_document_causes keys_causes = {
    .unreachable = SP_CAUSE_KEYS_UNREACHABLE,
    .not_found = SP_CAUSE_KEYS_HTTP_STATUS,
    .http_status = SP_CAUSE_KEYS_HTTP_STATUS,
    .too_large = SP_CAUSE_KEYS_TOO_LARGE,
    .html = SP_CAUSE_KEYS_HTML,
    .not_json = SP_CAUSE_KEYS_NOT_JSON,
};

static struct sp_str member_name(struct sp_arena *arena, uint32_t index, struct sp_str kid)
{
    return kid.at != NULL
               ? sp_arena_printf(arena, "%u (kid \"%.*s\")", index, (int)(kid.len < 100 ? kid.len : 100), kid.at)
               : sp_arena_printf(arena, "%u (no kid)", index);
}

enum sp_cause sp_jwk_fault_cause(enum sp_jwk_fault fault)
{
    static const enum sp_cause causes[] = {
        [SP_JWK_OK] = SP_CAUSE_NONE,
        [SP_JWK_MALFORMED] = SP_CAUSE_KEYS_MALFORMED_MEMBER,
        [SP_JWK_UNSUPPORTED_TYPE] = SP_CAUSE_KEYS_UNSUPPORTED_TYPE,
        [SP_JWK_WEAK] = SP_CAUSE_KEYS_WEAK,
        [SP_JWK_PLACEHOLDER] = SP_CAUSE_KEYS_PLACEHOLDER,
    };
    return causes[fault];
}

static void tell_skipped(struct sp_arena *arena, const struct sp_jwk_set *set, struct sp_document_findings *findings)
{
    for (size_t i = 0; i < set->skipped_count; i++) {
        const struct sp_jwk_skipped *row = &set->skipped[i];
        struct sp_finding *finding = sp_document_saw(findings, sp_jwk_fault_cause(row->fault));
        bool evidence_first = row->fault == SP_JWK_WEAK || row->fault == SP_JWK_PLACEHOLDER;
        finding->received = evidence_first ? row->evidence : member_name(arena, row->index, row->kid);
        finding->detail =
            evidence_first ? sp_arena_printf(arena, "Key %.*s.", SP_STR_ARG(member_name(arena, row->index, row->kid)))
                           : row->evidence;
        finding->expected =
            row->fault == SP_JWK_WEAK ? SP_STR("RSA of 2048 to 8192 bit, secrets as long as the hash") : SP_STR_NONE;
    }
}

/* The hash that its alg names, or the shortest of all. */
static size_t needed_bits(const struct sp_jwk *jwk)
{
    const struct sp_algorithm_info *info = sp_algorithm_get(jwk->algorithm);
    return 8 * sp_hash_size(info->family == SP_FAMILY_HMAC ? info->hash : SP_HASH_SHA256);
}

static void tell_weak_secrets(struct sp_arena *arena, const struct sp_jwk_set *set,
                              struct sp_document_findings *findings)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct sp_jwk *jwk = &set->keys[i];
        if (sp_key_type(jwk->key) != SP_KEY_TYPE_OCT || sp_key_bits(jwk->key) >= needed_bits(jwk)) {
            continue;
        }
        struct sp_finding *finding = sp_document_saw(findings, SP_CAUSE_KEYS_WEAK);
        finding->expected = sp_arena_printf(arena, "a secret of %zu bit", needed_bits(jwk));
        finding->received = sp_arena_printf(arena, "a secret of %u bit", sp_key_bits(jwk->key));
        finding->detail = sp_arena_printf(arena, "Key %.*s.", SP_STR_ARG(member_name(arena, jwk->index, jwk->kid)));
    }
}

/* The set's own texts die with it; what a finding shows must outlive it. */
static enum sp_status keep_texts(struct sp_arena *arena, struct sp_document_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        struct sp_finding *row = &findings->rows[i];
        if (sp_arena_copy(arena, row->received, &row->received) != SP_OK ||
            sp_arena_copy(arena, row->detail, &row->detail) != SP_OK) {
            return SP_NO_MEMORY;
        }
    }
    return SP_OK;
}

static void tell_duplicates(struct sp_arena *arena, const struct sp_jwk_set *set, struct sp_document_findings *findings)
{
    for (size_t i = 0; set->has_duplicate_kid && i < set->count; i++) {
        struct sp_str kid = set->keys[i].kid;
        if (kid.at != NULL && sp_jwk_set_find(set, kid, 0) == &set->keys[i] &&
            sp_jwk_set_find(set, kid, i + 1) != NULL) {
            sp_document_saw(findings, SP_CAUSE_KEYS_DUPLICATE_KID)->received =
                sp_arena_printf(arena, "\"%.*s\"", SP_STR_ARG(kid));
        }
    }
}

static void tell_private(struct sp_arena *arena, const struct sp_jwk_set *set, const struct sp_json *json,
                         struct sp_document_findings *findings)
{
    uint32_t index = 0;
    const struct sp_json *list = sp_json_member(json, SP_STR("keys"));
    if (!set->has_private) {
        return;
    }
    for
        SP_JSON_EACH(member, list)
        {
            static const char *const names[] = {"d", "p", "q", "dp", "dq", "qi"};
            struct sp_str found = SP_STR_NONE;
            for (size_t i = 0; i < sizeof names / sizeof names[0] && found.at == NULL; i++) {
                const struct sp_json *part = sp_json_member(member, sp_str_from_cstr(names[i]));
                found = part != NULL ? part->name : SP_STR_NONE;
            }
            if (found.at != NULL) {
                struct sp_finding *finding = sp_document_saw(findings, SP_CAUSE_KEYS_PRIVATE_MATERIAL);
                finding->received = member_name(arena, index, sp_json_string(sp_json_member(member, SP_STR("kid"))));
                finding->detail = sp_arena_printf(arena, "member \"%.*s\"", SP_STR_ARG(found));
            }
            index++;
        }
}

/* The RSA exponent of a member that is imported, if it is below 65537; 0: it is not, or there is none. */
static unsigned small_exponent(const struct sp_json *member)
{
    unsigned char bytes[SP_BASE64URL_DECODED_MAX(SHOWN_EXPONENT)];
    struct sp_str text = sp_json_string(sp_json_member(member, SP_STR("e")));
    struct sp_str type = sp_json_string(sp_json_member(member, SP_STR("kty")));
    size_t len = 0;
    unsigned value = 0;
    if (!sp_str_equal(type, SP_STR("RSA")) || text.len == 0 || text.len > SHOWN_EXPONENT ||
        sp_base64url_decode_into(text, bytes, &len) != SP_OK) {
        return 0;
    }
    for (size_t i = 0; i < len; i++) {
        if (value > 0xffff) {
            return 0;
        }
        value = value << 8 | bytes[i];
    }
    return value < 65537 && value >= 3 && value % 2 == 1 ? value : 0;
}

static bool is_skipped(const struct sp_jwk_set *set, uint32_t index)
{
    for (size_t i = 0; i < set->skipped_count; i++) {
        if (set->skipped[i].index == index) {
            return true;
        }
    }
    return false;
}

/* RFC 8017 3.1 allows an exponent from 3 and a signature verifies as safely; FIPS 186-5 5.1 allows none below 65537,
 * because implementations went wrong with the small ones. So the key is used, and told. */
static void tell_small_exponent(struct sp_arena *arena, const struct sp_json *member, uint32_t index,
                                struct sp_document_findings *findings)
{
    const unsigned exponent = small_exponent(member);
    if (exponent == 0) {
        return;
    }
    struct sp_str name = member_name(arena, index, sp_json_string(sp_json_member(member, SP_STR("kid"))));
    struct sp_finding *finding = sp_document_saw(findings, SP_CAUSE_KEYS_WEAK);
    finding->tolerated = true;
    finding->expected = SP_STR("an RSA exponent of 65537 (FIPS 186-5 5.1: none below it)");
    finding->received = sp_arena_printf(arena, "RSA with the exponent %u", exponent);
    finding->detail = sp_arena_printf(arena, "Key %.*s. It is used all the same.", SP_STR_ARG(name));
}

/* Of a set, or of one key by itself, as a file may hold it. */
static void tell_small_exponents(struct sp_arena *arena, const struct sp_jwk_set *set, const struct sp_json *json,
                                 struct sp_document_findings *findings)
{
    uint32_t index = 0;
    const struct sp_json *list = sp_json_member(json, SP_STR("keys"));
    if (list == NULL && set->skipped_count == 0) {
        tell_small_exponent(arena, json, 0, findings);
    }
    for
        SP_JSON_EACH(member, list)
        {
            if (!is_skipped(set, index)) {
                tell_small_exponent(arena, member, index, findings);
            }
            index++;
        }
}

/* What was not read is not used: a token of a key beyond the ceiling would be of an unknown kid. */
static void tell_cut(struct sp_arena *arena, const struct sp_jwk_set *set, const struct sp_json *json,
                     struct sp_document_findings *findings)
{
    const struct sp_json *list = sp_json_member(json, SP_STR("keys"));
    if (!set->was_cut || list == NULL) {
        return;
    }
    struct sp_finding *finding = sp_document_saw(findings, SP_CAUSE_KEYS_TOO_LARGE);
    finding->tolerated = true;
    finding->expected = sp_arena_printf(arena, "%u keys", SP_MAX_JWKS_KEYS);
    finding->received = sp_arena_printf(arena, "%u keys", list->count);
    finding->detail = sp_arena_printf(arena, "The first %u are used.", SP_MAX_JWKS_KEYS);
}

static bool has_signing_key(const struct sp_jwk_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->keys[i].may_verify) {
            return true;
        }
    }
    return false;
}

/* Why the first of the keys cannot be used: the others' findings stand beside, and are told only of sets that are used.
 */
static struct sp_str first_fault(struct sp_arena *arena, const struct sp_jwk_set *set)
{
    if (set->skipped_count > 0) {
        return sp_arena_printf(arena, "Key %u: %.*s.", set->skipped[0].index, SP_STR_ARG(set->skipped[0].evidence));
    }
    return set->count > 0 ? SP_STR("Key 0: its use is not sig, or its key_ops lack verify.") : SP_STR_NONE;
}

enum sp_status sp_keys_document_examine(struct sp_arena *arena, const struct sp_fetch_report *report,
                                        struct sp_jwk_set **set, struct sp_document_findings *findings)
{
    const struct sp_json *json;
    struct sp_jwk_set *made = NULL;
    *set = NULL;
    *findings = (struct sp_document_findings){.count = 0};
    struct sp_url url;
    if (sp_url_split(report->url, &url) == SP_OK && !sp_url_is_secure(&url)) {
        struct sp_finding *finding = sp_document_refuse(findings, SP_CAUSE_KEYS_INSECURE_URL);
        finding->expected = SP_STR("https");
        finding->received = report->url;
        return SP_OK;
    }
    enum sp_status status = sp_document_read(arena, report, &keys_causes, findings, &json);
    if (status != SP_OK || json == NULL) {
        return status;
    }
    status = sp_jwk_set_from_json(json, &made);
    if (status == SP_MALFORMED) {
        struct sp_finding *finding = sp_document_refuse(findings, SP_CAUSE_KEYS_NOT_JSON);
        finding->expected = report->url;
        finding->received = sp_document_first_bytes(arena, report->body);
        finding->detail = SP_STR("It is JSON, but has no array \"keys\".");
        return SP_OK;
    }
    if (status != SP_OK) {
        return status;
    }
    tell_skipped(arena, made, findings);
    tell_weak_secrets(arena, made, findings);
    tell_duplicates(arena, made, findings);
    tell_private(arena, made, json, findings);
    tell_cut(arena, made, json, findings);
    tell_small_exponents(arena, made, json, findings);
    if (!has_signing_key(made)) {
        enum sp_cause first = findings->count > 0 ? findings->rows[0].cause : SP_CAUSE_NONE;
        struct sp_finding *finding =
            sp_document_refuse(findings, first == SP_CAUSE_KEYS_PLACEHOLDER ? first : SP_CAUSE_KEYS_EMPTY);
        finding->expected = SP_STR("a usable signing key");
        finding->received = first == SP_CAUSE_KEYS_PLACEHOLDER
                                ? findings->rows[1].received
                                : sp_arena_printf(arena, "%zu", made->count + made->skipped_count);
        finding->detail = finding->cause == SP_CAUSE_KEYS_EMPTY ? first_fault(arena, made) : SP_STR_NONE;
    }
    status = keep_texts(arena, findings);
    if (status != SP_OK || findings->refused) {
        sp_jwk_set_unref(&made);
    }
    *set = made;
    return status;
}
