/* SPDX-License-Identifier: Apache-2.0 */
/* Which issuer is the token judged against, with which algorithm, under which key? The issuer is chosen by what the
 * token says, which is safe: whatever is chosen, its own keys must verify the signature and its own terms must hold.
 * The algorithm comes from those terms (RFC 8725 3.1), the key from that issuer's set by kid, type, curve, use and alg;
 * never from the token (jku, x5u, jwk are not read). */
#include "core/diagnosis/key_fault.h"

#include "core/diagnosis/issuer_form.h"
#include "core/diagnosis/words.h"
#include "core/jose/jwk_set.h"

/* Keys tried for one token: beyond that a set is a way to slow a gateway. */
#define MAX_TRIED 16

/* ---- issuer ---- */

static const struct sp_known_issuer *issuer_at(const struct sp_exam *exam, size_t i)
{
    size_t index = exam->input.requirements->issuers[i];
    return index < exam->world->issuer_count ? &exam->world->issuers[index] : NULL;
}

static bool has_key_for(const struct sp_exam *exam, const struct sp_known_issuer *issuer)
{
    if (sp_recorded_is_of(exam, issuer))
        return true;
    return exam->kid.at != NULL && issuer->known.keys != NULL &&
           sp_jwk_set_find(issuer->known.keys, exam->kid, 0) != NULL;
}

void sp_issuer_choose_at(struct sp_exam *exam, size_t i)
{
    exam->issuer_place = i;
    exam->issuer_index = exam->input.requirements->issuers[i];
    exam->issuer = issuer_at(exam, i);
    struct sp_str iss = sp_json_string(exam->claims.iss);
    exam->issuer_is_named = iss.len > 0 && sp_str_equal(exam->issuer->terms->issuer, iss);
}

/* 0: not at all, 1: the same host, 2: nearly. */
static unsigned nearness(struct sp_str issuer, struct sp_str iss)
{
    enum sp_cause difference = iss.len > 0 ? sp_issuer_difference(issuer, iss) : SP_CAUSE_ISSUER_MISMATCH;
    return difference == SP_CAUSE_ISSUER_MISMATCH ? 0 : difference == SP_CAUSE_ISSUER_PATH ? 1 : 2;
}

/* How well an issuer fits what the token says: by name and key, name, key, nearly by name, not at all. Several have the
 * same key where tenants share one server's: then the nearest name decides. */
static unsigned fitness(const struct sp_exam *exam, const struct sp_known_issuer *issuer)
{
    struct sp_str iss = sp_json_string(exam->claims.iss);
    bool key = has_key_for(exam, issuer);
    if (exam->kind == SP_TOKEN_OPAQUE)
        return issuer->terms->introspects ? 1 + (sp_recorded_is_of(exam, issuer) ? 1 : 0) : 0;
    if (iss.len > 0 && sp_str_equal(issuer->terms->issuer, iss))
        return key ? 7 : 6;
    return (key ? 3 : 0) + nearness(issuer->terms->issuer, iss);
}

void sp_issuer_choose(struct sp_exam *exam)
{
    const struct sp_requirements *required = exam->input.requirements;
    unsigned best = 0;
    exam->alg = sp_json_string(sp_json_member(exam->header, SP_STR("alg")));
    exam->kid = sp_json_string(sp_json_member(exam->header, SP_STR("kid")));
    exam->algorithm = sp_algorithm_find(exam->alg);
    for (size_t i = 0; i < required->issuer_count; i++) {
        if (issuer_at(exam, i) == NULL)
            continue;
        /* The only one needs no comparison. */
        unsigned fits = required->issuer_count == 1 ? 1 : fitness(exam, issuer_at(exam, i));
        if (exam->issuer != NULL && fits <= best)
            continue;
        best = fits;
        sp_issuer_choose_at(exam, i);
    }
}

size_t sp_issuer_next_asked(const struct sp_exam *exam)
{
    size_t i = exam->issuer_place + 1, count = exam->input.requirements->issuer_count;
    while (i < count && (issuer_at(exam, i) == NULL || !issuer_at(exam, i)->terms->introspects))
        i++;
    return i < count ? i : count;
}

/* ---- algorithm ---- */

static bool has_keys_of(const struct sp_jwk_set *keys, bool secret)
{
    for (size_t i = 0; keys != NULL && i < keys->count; i++)
        if ((sp_key_type(keys->keys[i].key) == SP_KEY_TYPE_OCT) == secret)
            return true;
    return false;
}

/* Names of the algorithms that the issuer's keys can sign with, of those allowed. */
static uint32_t usable_algorithms(const struct sp_jwk_set *keys, uint32_t allowed)
{
    uint32_t usable = 0;
    for (enum sp_algorithm a = SP_ALGORITHM_UNKNOWN + 1; a < SP_ALGORITHM_COUNT; a++)
        for (size_t i = 0; keys != NULL && i < keys->count; i++)
            if (sp_jwk_fits(&keys->keys[i], a))
                usable |= sp_algorithm_bit(a);
    return (usable & allowed) != 0 ? usable & allowed : allowed;
}

static void tell_symmetric(struct sp_exam *exam, uint32_t allowed)
{
    const struct sp_jwk_set *keys = exam->issuer->known.keys;
    uint32_t asymmetric = allowed & sp_algorithms_asymmetric();
    if (asymmetric == 0)
        asymmetric = sp_algorithms_asymmetric();
    struct sp_str how, expected = sp_algorithms_in_words(exam->arena, usable_algorithms(keys, asymmetric));
    if (sp_signature_is_key_confusion(exam, keys, &how))
        sp_exam_saw(exam, SP_CAUSE_ALGORITHM_KEY_CONFUSION, SP_CHECK_ALGORITHM, expected, exam->alg)->detail = how;
    else
        sp_exam_saw(exam, SP_CAUSE_ALGORITHM_SYMMETRIC, SP_CHECK_ALGORITHM, expected, exam->alg);
}

void sp_algorithm_examine(struct sp_exam *exam)
{
    const struct sp_issuer_terms *terms = sp_exam_terms(exam);
    uint32_t allowed = terms != NULL ? terms->algorithms : sp_algorithms_asymmetric();
    bool is_symmetric = sp_algorithm_get(exam->algorithm)->family == SP_FAMILY_HMAC;
    const struct sp_jwk_set *keys = exam->issuer != NULL ? exam->issuer->known.keys : NULL;
    bool misses_public = is_symmetric && has_keys_of(keys, false);
    /* Allowed or not, a MAC has no key among public ones. */
    exam->algorithm_allowed =
        (allowed & sp_algorithm_bit(exam->algorithm)) != 0 && !(misses_public && !has_keys_of(keys, true));
    if (exam->algorithm_allowed) {
        struct sp_str expected = exam->input.explain ? sp_algorithms_in_words(exam->arena, allowed) : SP_STR_NONE;
        uint32_t advertised = exam->issuer != NULL ? exam->issuer->known.advertised_algorithms : 0;
        sp_exam_pass_with(exam, SP_CHECK_ALGORITHM, expected, exam->alg);
        if (advertised != 0 && (advertised & sp_algorithm_bit(exam->algorithm)) == 0)
            sp_exam_saw(exam, SP_CAUSE_DISCOVERY_ALGORITHM_UNADVERTISED, SP_CHECK_ALGORITHM,
                        sp_algorithms_in_words(exam->arena, advertised), exam->alg);
        return;
    }
    struct sp_str expected = sp_algorithms_in_words(exam->arena, allowed), received = sp_str_slice(exam->alg, 0, 64);
    if (sp_str_equal_ignoring_case(exam->alg, SP_STR("none")))
        sp_exam_saw(exam, SP_CAUSE_ALGORITHM_NONE, SP_CHECK_ALGORITHM, expected, received);
    else if (misses_public)
        tell_symmetric(exam, allowed);
    else
        sp_exam_saw(exam, SP_CAUSE_ALGORITHM_NOT_ALLOWED, SP_CHECK_ALGORITHM, expected,
                    exam->alg.at != NULL ? received : SP_STR("missing"));
}

/* ---- the choice ---- */

struct choice {
    const struct sp_jwk *fit[MAX_TRIED];
    size_t fit_count;
    const struct sp_jwk *unfit; /* the first that has the kid, or no kid is asked for, and does not fit */
    size_t named_count;         /* with the token's kid */
};

static void consider(struct choice *choice, const struct sp_jwk *jwk, enum sp_algorithm algorithm)
{
    if (!sp_jwk_fits(jwk, algorithm)) {
        if (choice->unfit == NULL)
            choice->unfit = jwk;
    } else if (choice->fit_count < MAX_TRIED) {
        choice->fit[choice->fit_count++] = jwk;
    }
}

/* With a kid: the keys of that kid, else those that have none. Without: all. */
static void find_keys(const struct sp_exam *exam, const struct sp_jwk_set *keys, struct choice *choice)
{
    for (size_t i = 0; i < keys->count; i++) {
        bool named = exam->kid.at != NULL && keys->keys[i].kid.at != NULL && sp_str_equal(keys->keys[i].kid, exam->kid);
        choice->named_count += named;
        if (named || exam->kid.at == NULL)
            consider(choice, &keys->keys[i], exam->algorithm);
    }
    if (exam->kid.at == NULL || choice->named_count > 0 || sp_jwk_set_find_skipped(keys, exam->kid) != NULL)
        return;
    for (size_t i = 0; i < keys->count; i++)
        if (keys->keys[i].kid.at == NULL)
            consider(choice, &keys->keys[i], exam->algorithm);
}

static bool is_weak_secret(const struct sp_exam *exam, const struct sp_jwk *jwk)
{
    const struct sp_algorithm_info *info = sp_algorithm_get(exam->algorithm);
    return info->family == SP_FAMILY_HMAC && sp_key_bits(jwk->key) < 8 * sp_hash_size(info->hash);
}

static void tell_weak_secret(struct sp_exam *exam, const struct sp_jwk *jwk)
{
    const struct sp_algorithm_info *info = sp_algorithm_get(exam->algorithm);
    sp_exam_saw(exam, SP_CAUSE_KEYS_WEAK, SP_CHECK_KEY,
                sp_arena_printf(exam->arena, "%zu bit for %.*s", 8 * sp_hash_size(info->hash), SP_STR_ARG(info->name)),
                sp_arena_printf(exam->arena, "a secret of %u bit", sp_key_bits(jwk->key)));
}

static void warn_of_duplicate(struct sp_exam *exam, const struct choice *choice)
{
    if (choice->named_count > 1)
        sp_exam_saw(exam, SP_CAUSE_KEYS_DUPLICATE_KID, SP_CHECK_KEY, SP_STR("one key"), exam->kid);
}

/* What is worth knowing of the set although the token verified. */
static void warn_of_set(struct sp_exam *exam, const struct sp_jwk_set *keys, const struct choice *choice)
{
    const struct sp_issuer_knowledge *known = &exam->issuer->known;
    warn_of_duplicate(exam, choice);
    if (known->stale_since != 0) {
        struct sp_finding *finding = sp_exam_saw(
            exam, SP_CAUSE_KEYS_STALE_IN_USE, SP_CHECK_KEY, sp_words_instant(exam->arena, known->stale_since),
            known->stale_until != 0 ? sp_words_instant(exam->arena, known->stale_until) : SP_STR("a set is fetched"));
        finding->detail = known->failure_detail;
        finding->reason = known->failure;
    }
    if (!exam->input.explain)
        return;
    if (keys->has_private && sp_algorithm_get(exam->algorithm)->family != SP_FAMILY_HMAC)
        for (size_t i = 0; i < keys->count; i++)
            if (keys->keys[i].has_private || sp_key_type(keys->keys[i].key) == SP_KEY_TYPE_OCT) {
                sp_exam_saw(exam, SP_CAUSE_KEYS_PRIVATE_MATERIAL, SP_CHECK_KEY, SP_STR("public members only"),
                            sp_arena_printf(exam->arena, "%u", keys->keys[i].index))
                    ->detail =
                    sp_key_type(keys->keys[i].key) == SP_KEY_TYPE_OCT ? SP_STR("k") : SP_STR("d and its like");
                break;
            }
    for (size_t i = 0; i < keys->skipped_count && i < SP_TOLD_MEMBERS; i++)
        sp_key_tell_other_skipped(exam, &keys->skipped[i]);
}

/* The first of the keys that fit under which the signature holds, or NULL. */
static const struct sp_jwk *find_verifying(const struct sp_exam *exam, const struct choice *choice)
{
    for (size_t i = 0; i < choice->fit_count; i++)
        if (sp_key_verify(choice->fit[i]->key, exam->algorithm, exam->signed_text, exam->signature) ==
            SP_VERIFICATION_HOLDS)
            return choice->fit[i];
    return NULL;
}

static void tell_verified(struct sp_exam *exam, const struct sp_jwk_set *keys, const struct choice *choice,
                          const struct sp_jwk *jwk)
{
    exam->key = jwk;
    exam->signature_verified = true;
    if (is_weak_secret(exam, jwk)) {
        tell_weak_secret(exam, jwk);
        return;
    }
    exam->authenticated = true;
    sp_exam_pass_with(exam, SP_CHECK_KEY, SP_STR_NONE, jwk->kid);
    sp_exam_pass(exam, SP_CHECK_SIGNATURE);
    if (exam->was_unknown_kid && exam->kid.at != NULL)
        sp_exam_tolerate(exam, SP_CAUSE_KEYS_ROTATED, SP_CHECK_KEY, SP_STR("fetched earlier"), exam->kid,
                         SP_STR("The set was fetched again and has the key now."));
    if (choice->named_count > 1 || exam->issuer->known.stale_since != 0 || exam->input.explain)
        warn_of_set(exam, keys, choice);
}

/* A look for keys costs a fetch: only for a token that nothing speaks against yet and that names this issuer. */
static bool may_ask(const struct sp_exam *exam)
{
    return !exam->keys_asked && !exam->issuer->known.refetched && !exam->refused &&
           (exam->issuer_is_named || exam->input.requirements->issuer_count == 1);
}

static bool has_usable_key(const struct sp_jwk_set *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        if (keys->keys[i].may_verify)
            return true;
    return false;
}

static void tell_keys(struct sp_exam *exam, const struct sp_jwk_set *keys, const struct choice *choice,
                      const struct sp_jwk *verifying)
{
    if (keys == NULL)
        sp_key_tell_no_set(exam);
    else if (verifying != NULL)
        tell_verified(exam, keys, choice, verifying);
    else if (choice->fit_count > 0) {
        sp_exam_pass_with(exam, SP_CHECK_KEY, SP_STR_NONE, choice->fit[0]->kid);
        sp_signature_explain(exam, choice->fit, choice->fit_count);
        warn_of_duplicate(exam, choice);
    } else if (choice->unfit == NULL && exam->kid.at != NULL && sp_jwk_set_find_skipped(keys, exam->kid) != NULL)
        sp_key_tell_skipped(exam, sp_jwk_set_find_skipped(keys, exam->kid));
    else if (!has_usable_key(keys) && (choice->unfit == NULL || choice->unfit->may_verify || exam->kid.at == NULL))
        sp_key_tell_no_usable_key(exam, keys);
    else if (choice->unfit != NULL && exam->algorithm_allowed)
        sp_key_tell_unfit(exam, choice->unfit);
    else if (choice->unfit != NULL)
        return; /* told already: the algorithm is not allowed */
    else
        sp_key_tell_unknown_kid(exam);
}

static enum sp_need leave_unjudged(struct sp_exam *exam)
{
    exam->verdict.checks[SP_CHECK_KEY].detail = exam->verdict.checks[SP_CHECK_SIGNATURE].detail =
        SP_STR("Not judged: no key was named.");
    sp_exam_lack(exam, SP_STR("a key"));
    sp_exam_hint(exam, exam->input.without_keys);
    return SP_EXAM_DONE;
}

enum sp_need sp_key_examine(struct sp_exam *exam)
{
    if (exam->input.without_keys.len > 0)
        return leave_unjudged(exam);
    if (exam->algorithm == SP_ALGORITHM_UNKNOWN)
        return SP_EXAM_DONE;
    if (exam->issuer == NULL) {
        sp_exam_saw(exam, SP_CAUSE_KEYS_UNREACHABLE, SP_CHECK_KEY, SP_STR("an issuer"), SP_STR_NONE)->detail =
            SP_STR("No issuer is configured for this API.");
        return SP_EXAM_DONE;
    }
    if (exam->input.recorded != NULL) {
        sp_recorded_examine_key(exam);
        return SP_EXAM_DONE;
    }
    const struct sp_jwk_set *keys = exam->issuer->known.keys;
    struct choice choice = {.fit_count = 0};
    if (keys != NULL)
        find_keys(exam, keys, &choice);
    const struct sp_jwk *verifying = find_verifying(exam, &choice);
    bool nothing_named = choice.fit_count == 0 && choice.unfit == NULL;
    /* Without a kid a rotation shows as a signature that no key verifies. */
    bool may_be_newer = nothing_named || (exam->kid.at == NULL && choice.fit_count > 0 && verifying == NULL);
    /* A document that named another issuer may have been mended since. */
    bool may_be_mended = verifying != NULL && exam->issuer->known.published_issuer.at != NULL;
    if ((may_be_newer || may_be_mended) && may_ask(exam)) {
        exam->was_unknown_kid = may_be_newer && keys != NULL && keys->count > 0;
        return SP_NEED_KEYS;
    }
    tell_keys(exam, keys, &choice, verifying);
    return SP_EXAM_DONE;
}
