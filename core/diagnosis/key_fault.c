/* SPDX-License-Identifier: Apache-2.0 */
/* There is no key for this token: what is missing, and whose fault is it? Never fetched, empty, withdrawn, replaced,
 * another issuer's, not for signatures, not importable: each is told with its proof from what is known of the issuer.
 */
#include "core/diagnosis/key_fault.h"

#include "core/diagnosis/document.h"

#include "core/base/url.h"
#include "core/diagnosis/words.h"

static struct sp_str kids_in_words(struct sp_exam *exam, const struct sp_jwk_set *keys)
{
    struct sp_str kids[9] = {SP_STR_NONE};
    size_t count = 0;
    for (size_t i = 0; keys != NULL && i < keys->count && count < 9; i++)
        kids[count++] = keys->keys[i].kid.at != NULL ? sp_str_slice(keys->keys[i].kid, 0, 100) : SP_STR("(no kid)");
    struct sp_str words = sp_words_list(exam->arena, kids, count), copy;
    return count == 1 && sp_arena_copy(exam->arena, words, &copy) == SP_OK ? copy : words;
}

void sp_key_tell_no_set(struct sp_exam *exam)
{
    const struct sp_issuer_knowledge *known = &exam->issuer->known;
    enum sp_cause cause = known->failure != SP_CAUSE_NONE ? known->failure : SP_CAUSE_KEYS_UNREACHABLE;
    /* What keeps keys away is never the token's fault: discovery.* and keys.* of a document name it, and the row's
     * status is 503. */
    struct sp_finding *finding =
        sp_exam_saw_fatal(exam, cause, SP_CHECK_KEY, exam->issuer->terms->issuer, SP_STR("no key set"));
    finding->reason = known->failure_reason;
    finding->is_told = known->failure_detail.at != NULL;
    finding->detail = finding->is_told ? known->failure_detail : SP_STR("It was never fetched.");
}

/* The fault that all members share, of a set in which the token's kid or theirs tells no two apart. */
static const struct sp_jwk_skipped *common_fault(const struct sp_exam *exam, const struct sp_jwk_set *keys)
{
    if (keys->count > 0 || keys->skipped_count == 0 || keys->skipped[0].fault == SP_JWK_UNSUPPORTED_TYPE)
        return NULL;
    for (size_t i = 0; i < keys->skipped_count; i++)
        if (keys->skipped[i].fault != keys->skipped[0].fault ||
            (exam->kid.at != NULL && keys->skipped[i].kid.at != NULL))
            return NULL;
    return &keys->skipped[0];
}

void sp_key_tell_no_usable_key(struct sp_exam *exam, const struct sp_jwk_set *keys)
{
    for (size_t i = 0; i < keys->skipped_count; i++)
        if (keys->skipped[i].fault == SP_JWK_PLACEHOLDER) {
            sp_exam_saw(exam, SP_CAUSE_KEYS_PLACEHOLDER, SP_CHECK_KEY, SP_STR("a key"), keys->skipped[i].evidence);
            return;
        }
    const struct sp_jwk_skipped *common = common_fault(exam, keys);
    if (common != NULL) {
        sp_key_tell_skipped(exam, common);
        return;
    }
    struct sp_finding *finding = sp_exam_saw(exam, SP_CAUSE_KEYS_EMPTY, SP_CHECK_KEY, SP_STR("a usable signing key"),
                                             sp_arena_printf(exam->arena, "%zu", keys->count + keys->skipped_count));
    if (keys->skipped_count > 0)
        finding->detail = sp_arena_printf(exam->arena, "Key %u: %.*s.", keys->skipped[0].index,
                                          SP_STR_ARG(keys->skipped[0].evidence));
    for (size_t i = 0; exam->input.explain && i < keys->skipped_count && i < SP_TOLD_MEMBERS; i++)
        sp_key_tell_other_skipped(exam, &keys->skipped[i]);
}

static struct sp_str skipped_expected(const struct sp_jwk_skipped *skipped)
{
    return skipped->fault == SP_JWK_WEAK
               ? SP_STR("RSA of 2048 to 8192 bit with an odd exponent from 3, or a point on its curve")
               : SP_STR("a usable key");
}

static struct sp_str skipped_received(struct sp_exam *exam, const struct sp_jwk_skipped *skipped)
{
    bool evidence_speaks = skipped->fault == SP_JWK_WEAK || skipped->fault == SP_JWK_PLACEHOLDER;
    return evidence_speaks ? skipped->evidence : sp_arena_printf(exam->arena, "%u", skipped->index);
}

void sp_key_tell_skipped(struct sp_exam *exam, const struct sp_jwk_skipped *skipped)
{
    sp_exam_saw_fatal(exam, sp_jwk_fault_cause(skipped->fault), SP_CHECK_KEY, skipped_expected(skipped),
                      skipped_received(exam, skipped))
        ->detail = skipped->evidence;
}

void sp_key_tell_other_skipped(struct sp_exam *exam, const struct sp_jwk_skipped *skipped)
{
    sp_exam_tolerate(exam, sp_jwk_fault_cause(skipped->fault), SP_CHECK_KEY, skipped_expected(skipped),
                     skipped_received(exam, skipped), skipped->evidence);
}

/* An Okta org server (no path) signs with keys that it keeps to itself. */
static bool is_okta_org(struct sp_str issuer)
{
    struct sp_url url;
    if (sp_url_split(issuer, &url) != SP_OK || url.path.len > 1)
        return false;
    return sp_str_has_suffix(url.host, SP_STR(".okta.com")) ||
           sp_str_has_suffix(url.host, SP_STR(".oktapreview.com")) ||
           sp_str_has_suffix(url.host, SP_STR(".okta-emea.com"));
}

static const struct sp_known_issuer *find_other_issuer(const struct sp_exam *exam)
{
    for (size_t i = 0; i < exam->world->issuer_count; i++) {
        const struct sp_known_issuer *other = &exam->world->issuers[i];
        if (other != exam->issuer && other->known.keys != NULL &&
            sp_jwk_set_find(other->known.keys, exam->kid, 0) != NULL)
            return other;
    }
    return NULL;
}

static bool share_a_kid(const struct sp_jwk_set *a, const struct sp_jwk_set *b)
{
    for (size_t i = 0; i < a->count; i++)
        if (a->keys[i].kid.at != NULL && sp_jwk_set_find(b, a->keys[i].kid, 0) != NULL)
            return true;
    return false;
}

static bool was_published(const struct sp_exam *exam)
{
    const struct sp_issuer_knowledge *known = &exam->issuer->known;
    for (size_t i = 0; i < known->previous_kids.count; i++)
        if (sp_str_equal(known->previous_kids.at[i], exam->kid))
            return true;
    return known->old_keys != NULL && sp_jwk_set_find(known->old_keys, exam->kid, 0) != NULL;
}

static bool tell_gone_key(struct sp_exam *exam)
{
    const struct sp_issuer_knowledge *known = &exam->issuer->known;
    int64_t exp = 0;
    if (!was_published(exam))
        return false;
    if (known->old_keys != NULL && known->old_keys->count > 0 &&
        sp_jwk_set_find(known->old_keys, exam->kid, 0) != NULL && !share_a_kid(known->old_keys, known->keys)) {
        sp_exam_saw(exam, SP_CAUSE_KEYS_REPLACED, SP_CHECK_KEY, kids_in_words(exam, known->old_keys),
                    kids_in_words(exam, known->keys));
        return true;
    }
    if (sp_json_int64(exam->claims.exp, &exp) != SP_OK || exp <= exam->input.now)
        return false;
    struct sp_str left = sp_words_duration(exam->arena, exp - exam->input.now);
    sp_exam_saw(exam, SP_CAUSE_KEYS_RETIRED_EARLY, SP_CHECK_KEY, kids_in_words(exam, known->keys), exam->kid)->detail =
        left;
    return true;
}

void sp_key_tell_unknown_kid(struct sp_exam *exam)
{
    const struct sp_issuer_knowledge *known = &exam->issuer->known;
    struct sp_str kid = sp_str_slice(exam->kid, 0, 200), published = kids_in_words(exam, known->keys);
    const struct sp_known_issuer *other;
    if (known->unadopted_keys != NULL && sp_jwk_set_find(known->unadopted_keys, exam->kid, 0) != NULL) {
        sp_exam_saw_fatal(exam, SP_CAUSE_KEYS_ROTATED, SP_CHECK_KEY, published, kid)->detail =
            SP_STR("Healing is switched off for this issuer (heal: false).");
    } else if (exam->issuer_is_named && tell_gone_key(exam)) {
        return; /* whoever else has a key of this name: it was this issuer's, which the token is of */
    } else if ((other = find_other_issuer(exam)) != NULL) {
        sp_exam_saw(exam, SP_CAUSE_KEYS_OTHER_ISSUER, SP_CHECK_KEY, exam->issuer->terms->issuer, kid)->detail =
            other->terms->issuer;
    } else if (tell_gone_key(exam)) {
        return;
    } else if (is_okta_org(exam->issuer->terms->issuer)) {
        sp_exam_saw(exam, SP_CAUSE_KEYS_UNPUBLISHED, SP_CHECK_KEY, SP_STR("a published key"),
                    exam->issuer->terms->issuer);
    } else if (known->failure != SP_CAUSE_NONE) {
        /* The set that would prove it could not be fetched: nothing is known against the token (503, not 401). */
        sp_key_tell_no_set(exam);
    } else {
        sp_exam_saw(exam, SP_CAUSE_KEYS_UNKNOWN_KID, SP_CHECK_KEY, published, kid);
    }
}

/* Keys are there, none may be used for this token. */
void sp_key_tell_unfit(struct sp_exam *exam, const struct sp_jwk *jwk)
{
    struct sp_str kid = jwk->kid.at != NULL ? jwk->kid : SP_STR("(no kid)");
    if (!jwk->may_verify) {
        sp_exam_saw(exam, SP_CAUSE_KEYS_USE_MISMATCH, SP_CHECK_KEY, SP_STR("use sig"), kid)->detail =
            SP_STR("a use other than sig, or key_ops without verify");
        return;
    }
    struct sp_str type = sp_key_type_name(sp_key_type(jwk->key)), curve = sp_curve_name(sp_key_curve(jwk->key));
    bool other_type = !sp_key_fits(jwk->key, exam->algorithm), has_curve = sp_key_curve(jwk->key) != SP_CURVE_NONE;
    struct sp_str is =
        other_type ? sp_arena_printf(exam->arena, has_curve ? "%.*s %.*s" : "%.*s", SP_STR_ARG(type), SP_STR_ARG(curve))
                   : sp_arena_printf(exam->arena, "a key for %.*s only", SP_STR_ARG(jwk->algorithm_text));
    sp_exam_saw(exam, SP_CAUSE_ALGORITHM_KEY_TYPE_MISMATCH, SP_CHECK_ALGORITHM, is, exam->alg);
}
