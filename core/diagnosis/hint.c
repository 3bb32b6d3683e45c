/* SPDX-License-Identifier: Apache-2.0 */
/* What is likely but not proven: a sentence for the operator, never a cause. Made once the call is refused. */
#include "core/diagnosis/examination.h"

#include "core/base/url.h"
#include "core/diagnosis/words.h"

#define NEARLY_S 300

static struct sp_str shown_issuer(const struct sp_exam *exam)
{
    return sp_str_slice(sp_json_string(exam->claims.iss), 0, 200);
}

/* The key is unknown or another's, and the token itself names another issuer: it may simply not be for here. */
static struct sp_str may_be_of_other_issuer(struct sp_exam *exam)
{
    const struct sp_issuer_terms *terms = sp_exam_terms(exam);
    struct sp_str iss = shown_issuer(exam);
    if (terms == NULL || terms->issuer.at == NULL || iss.len == 0 || sp_str_equal(iss, terms->issuer))
        return SP_STR_NONE;
    return sp_arena_printf(
        exam->arena, "The token says that it is of %.*s, this API trusts %.*s: it is probably of another environment.",
        SP_STR_ARG(iss), SP_STR_ARG(terms->issuer));
}

static struct sp_str may_be_same_server(struct sp_exam *exam)
{
    const struct sp_issuer_terms *terms = sp_exam_terms(exam);
    struct sp_url here, there;
    if (terms == NULL || sp_url_split(terms->issuer, &here) != SP_OK ||
        sp_url_split(shown_issuer(exam), &there) != SP_OK || !sp_str_equal(here.path, there.path) || here.path.len < 2)
        return SP_STR_NONE;
    return SP_STR("Both issuers have the same path: they may be one server under two names.");
}

static struct sp_str may_be_clocks(struct sp_exam *exam)
{
    int64_t exp = 0;
    bool known = exam->issuer != NULL && exam->issuer->known.clock_skew_known;
    if (known || sp_json_int64(exam->claims.exp, &exp) != SP_OK || exam->input.now - exp > NEARLY_S)
        return SP_STR_NONE;
    return SP_STR(
        "It expired only minutes ago: if tokens fail when they are fresh, compare this clock with the issuer's.");
}

static struct sp_str may_be_cut_by_hand(struct sp_exam *exam)
{
    (void)exam;
    return SP_STR("If the same token verifies elsewhere, compare the two texts character by character: one was altered "
                  "on the way.");
}

static struct sp_str may_want_audience(struct sp_exam *exam)
{
    (void)exam;
    return SP_STR("Many servers issue opaque tokens unless the token request names an audience or resource.");
}

static const struct {
    enum sp_cause cause;
    struct sp_str (*hint)(struct sp_exam *exam); /* absent: nothing to say */
} hints[] = {
    {SP_CAUSE_KEYS_UNKNOWN_KID, may_be_of_other_issuer},
    {SP_CAUSE_SIGNATURE_INVALID, may_be_of_other_issuer},
    {SP_CAUSE_SIGNATURE_INVALID, may_be_cut_by_hand},
    {SP_CAUSE_ISSUER_MISMATCH, may_be_same_server},
    {SP_CAUSE_TIME_EXPIRED, may_be_clocks},
    {SP_CAUSE_TOKEN_OPAQUE, may_want_audience},
};

void sp_exam_hint_at(struct sp_exam *exam, enum sp_cause cause)
{
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++)
        if (hints[i].cause == cause)
            sp_exam_hint(exam, hints[i].hint(exam));
}
