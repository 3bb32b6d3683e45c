/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of exp, nbf and iat (RFC 7519 4.1.4 to 4.1.6). Numbers are taken as written: a 400-digit number is a
 * number that no clock reaches, not an overflow. All comparisons are made so that no sum can wrap. */
#include "core/diagnosis/examination.h"

#include "core/diagnosis/words.h"

/* Larger is no time in seconds (year 5138) but one in milliseconds. */
#define MAX_PLAUSIBLE_S 100000000000LL
#define MAX_PLAUSIBLE_MS (MAX_PLAUSIBLE_S * 1000)

enum reading { READ_ABSENT, READ_TIME, READ_REFUSED };

/* One NumericDate; tells what is wrong with it. */
static enum reading read_date(struct sp_exam *exam, const struct sp_json *claim, const char *name, enum sp_check check,
                              int64_t *out)
{
    if (claim == NULL)
        return READ_ABSENT;
    int64_t value = 0;
    enum sp_status status = sp_json_int64(claim, &value);
    if (status == SP_UNSUPPORTED) {
        struct sp_str received =
            claim->type == SP_JSON_STRING
                ? sp_arena_printf(exam->arena, "\"%.*s\"", (int)(claim->text.len < 64 ? claim->text.len : 64),
                                  claim->text.at)
            : claim->type == SP_JSON_NULL  ? SP_STR("null")
            : claim->type == SP_JSON_TRUE  ? SP_STR("true")
            : claim->type == SP_JSON_FALSE ? SP_STR("false")
            : claim->type == SP_JSON_ARRAY ? SP_STR("an array")
                                           : SP_STR("an object");
        struct sp_finding *finding =
            sp_exam_claimed(exam, SP_CAUSE_TIME_NOT_A_NUMBER, check, SP_STR("a number of seconds"), received);
        finding->detail = sp_arena_printf(exam->arena, "The claim %s is not a JSON number.", name);
        return READ_REFUSED;
    }
    if (status != SP_OK || value > MAX_PLAUSIBLE_MS || value < -MAX_PLAUSIBLE_S) {
        struct sp_finding *finding =
            sp_exam_claimed(exam, SP_CAUSE_TIME_NOT_A_NUMBER, check, SP_STR("a number of seconds since 1970"),
                            sp_str_slice(claim->text, 0, 40));
        finding->detail = sp_arena_printf(exam->arena, "The claim %s is a number that no clock reaches.", name);
        return READ_REFUSED;
    }
    if (value > MAX_PLAUSIBLE_S) {
        struct sp_finding *finding = sp_exam_claimed(exam, SP_CAUSE_TIME_MILLISECONDS, check,
                                                     sp_arena_printf(exam->arena, "%lld", (long long)(value / 1000)),
                                                     sp_arena_printf(exam->arena, "%lld", (long long)value));
        struct sp_str instant = sp_words_instant_from(exam->arena, value / 1000, exam->input.now);
        finding->detail = sp_arena_printf(exam->arena, "Read as milliseconds, %s is %.*s.", name, SP_STR_ARG(instant));
        return READ_REFUSED;
    }
    *out = value;
    return READ_TIME;
}

static int64_t leeway_of(const struct sp_exam *exam)
{
    const struct sp_issuer_terms *terms = sp_exam_terms(exam);
    return terms != NULL ? terms->leeway_s : 0;
}

/* Our clock in the issuer's time; false when the issuer's clock was never measured. */
static bool issuer_now(const struct sp_exam *exam, int64_t *now)
{
    if (exam->issuer == NULL || !exam->issuer->known.clock_skew_known)
        return false;
    return !__builtin_add_overflow(exam->input.now, exam->issuer->known.clock_skew_s, now);
}

static void tell_skew(struct sp_exam *exam, struct sp_finding *finding)
{
    int64_t skew = exam->issuer->known.clock_skew_s;
    struct sp_str duration = sp_words_duration(exam->arena, skew);
    finding->detail =
        sp_arena_printf(exam->arena, "%.*s The issuer's clock is %.*s %s this one.", SP_STR_ARG(finding->detail),
                        SP_STR_ARG(duration), skew < 0 ? "behind" : "ahead of");
}

static void tell_expired(struct sp_exam *exam, int64_t exp)
{
    int64_t now = exam->input.now, leeway = leeway_of(exam), theirs;
    bool by_skew = issuer_now(exam, &theirs) && theirs - leeway <= exp;
    struct sp_finding *finding = sp_exam_claimed(exam, by_skew ? SP_CAUSE_TIME_EXPIRED_BY_SKEW : SP_CAUSE_TIME_EXPIRED,
                                                 SP_CHECK_EXPIRY, sp_arena_printf(exam->arena, "%lld", (long long)now),
                                                 sp_arena_printf(exam->arena, "%lld", (long long)exp));
    struct sp_str ago = sp_words_duration(exam->arena, now - exp), instant = sp_words_instant(exam->arena, exp);
    finding->detail = sp_arena_printf(exam->arena, "The token expired %.*s ago (%lld s, at %.*s; leeway %lld s).",
                                      SP_STR_ARG(ago), (long long)(now - exp), SP_STR_ARG(instant), (long long)leeway);
    if (by_skew)
        tell_skew(exam, finding);
}

static void examine_expiry(struct sp_exam *exam, int64_t *exp, enum reading *read)
{
    const struct sp_issuer_terms *terms = sp_exam_terms(exam);
    *read = read_date(exam, exam->claims.exp, "exp", SP_CHECK_EXPIRY, exp);
    if (*read == READ_REFUSED)
        return;
    if (*read == READ_ABSENT) {
        bool optional = (terms != NULL && terms->allow_missing_exp) || exam->kind == SP_TOKEN_OPAQUE;
        if (!optional)
            sp_exam_claimed(exam, SP_CAUSE_TIME_EXP_MISSING, SP_CHECK_EXPIRY, SP_STR("an exp claim"), SP_STR_NONE);
        return;
    }
    if (exam->input.now - leeway_of(exam) > *exp) {
        tell_expired(exam, *exp);
        return;
    }
    if (exam->input.explain)
        sp_exam_pass_with(exam, SP_CHECK_EXPIRY, SP_STR_NONE,
                          sp_words_instant_from(exam->arena, *exp, exam->input.now));
    else
        sp_exam_pass(exam, SP_CHECK_EXPIRY);
}

static void examine_not_before(struct sp_exam *exam)
{
    int64_t nbf = 0, theirs, now = exam->input.now, leeway = leeway_of(exam);
    if (read_date(exam, exam->claims.nbf, "nbf", SP_CHECK_NOT_BEFORE, &nbf) != READ_TIME)
        return;
    if (nbf <= now + leeway) {
        if (exam->input.explain)
            sp_exam_pass_with(exam, SP_CHECK_NOT_BEFORE, SP_STR_NONE, sp_words_instant_from(exam->arena, nbf, now));
        else
            sp_exam_pass(exam, SP_CHECK_NOT_BEFORE);
        return;
    }
    bool by_skew = issuer_now(exam, &theirs) && nbf <= theirs + leeway;
    struct sp_finding *finding = sp_exam_claimed(
        exam, by_skew ? SP_CAUSE_TIME_NOT_YET_VALID_BY_SKEW : SP_CAUSE_TIME_NOT_YET_VALID, SP_CHECK_NOT_BEFORE,
        sp_arena_printf(exam->arena, "%lld", (long long)now), sp_arena_printf(exam->arena, "%lld", (long long)nbf));
    struct sp_str wait = sp_words_duration(exam->arena, nbf - now), instant = sp_words_instant(exam->arena, nbf);
    finding->detail = sp_arena_printf(exam->arena, "The token becomes valid in %.*s (%lld s, at %.*s; leeway %lld s).",
                                      SP_STR_ARG(wait), (long long)(nbf - now), SP_STR_ARG(instant), (long long)leeway);
    if (by_skew)
        tell_skew(exam, finding);
}

static void examine_lifetime(struct sp_exam *exam, int64_t exp, int64_t from)
{
    const struct sp_issuer_terms *terms = sp_exam_terms(exam);
    if (terms == NULL || terms->max_lifetime_s <= 0 || exp - from <= terms->max_lifetime_s)
        return;
    struct sp_str longest = sp_words_duration(exam->arena, terms->max_lifetime_s);
    struct sp_finding *finding = sp_exam_claimed(exam, SP_CAUSE_TIME_LIFETIME_TOO_LONG, SP_CHECK_EXPIRY,
                                                 sp_arena_printf(exam->arena, "at most %.*s", SP_STR_ARG(longest)),
                                                 sp_words_duration(exam->arena, exp - from));
    finding->detail = sp_arena_printf(exam->arena, "From %s to exp it is %lld s.",
                                      exam->claims.iat != NULL ? "iat" : "now", (long long)(exp - from));
}

static void examine_issued_at(struct sp_exam *exam, int64_t exp, enum reading exp_read)
{
    int64_t iat = 0, now = exam->input.now, leeway = leeway_of(exam);
    enum reading read = read_date(exam, exam->claims.iat, "iat", SP_CHECK_ISSUED_AT, &iat);
    if (read != READ_REFUSED && exp_read == READ_TIME)
        examine_lifetime(exam, exp, read == READ_TIME ? iat : now);
    if (read != READ_TIME)
        return;
    if (iat <= now + leeway) {
        if (exam->input.explain)
            sp_exam_pass_with(exam, SP_CHECK_ISSUED_AT, SP_STR_NONE, sp_words_instant_from(exam->arena, iat, now));
        else
            sp_exam_pass(exam, SP_CHECK_ISSUED_AT);
        return;
    }
    struct sp_finding *finding = sp_exam_claimed(exam, SP_CAUSE_TIME_ISSUED_IN_FUTURE, SP_CHECK_ISSUED_AT,
                                                 sp_arena_printf(exam->arena, "%lld", (long long)now),
                                                 sp_arena_printf(exam->arena, "%lld", (long long)iat));
    struct sp_str ahead = sp_words_duration(exam->arena, iat - now);
    finding->detail = sp_arena_printf(exam->arena, "The token was issued %.*s in the future (%lld s; leeway %lld s).",
                                      SP_STR_ARG(ahead), (long long)(iat - now), (long long)leeway);
    if (exam->issuer != NULL && exam->issuer->known.clock_skew_known && exam->issuer->known.clock_skew_s != 0)
        tell_skew(exam, finding);
}

void sp_time_examine(struct sp_exam *exam)
{
    int64_t exp = 0;
    enum reading exp_read;
    examine_expiry(exam, &exp, &exp_read);
    examine_not_before(exam);
    examine_issued_at(exam, exp, exp_read);
}
