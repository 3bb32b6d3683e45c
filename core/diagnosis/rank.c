/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an examination: accept only what was authenticated and has nothing against it; otherwise name the most
 * specific proven cause first. The order below is that of doubt: what was damaged explains all that follows, what the
 * keys say outranks what claims say, a rumour outranks nothing that was seen, and a warning nothing that rejects. */
#include "core/diagnosis/examination.h"

/* Checks in the order in which they explain; a check's place in the verdict is another matter. */
static const unsigned char check_order[SP_CHECK_COUNT] = {
    [SP_CHECK_FORM] = 1,       [SP_CHECK_ALGORITHM] = 2,   [SP_CHECK_KEY] = 3,        [SP_CHECK_SIGNATURE] = 4,
    [SP_CHECK_REVOCATION] = 5, [SP_CHECK_TYPE] = 6,        [SP_CHECK_ISSUER] = 7,     [SP_CHECK_AUDIENCE] = 8,
    [SP_CHECK_EXPIRY] = 9,     [SP_CHECK_NOT_BEFORE] = 10, [SP_CHECK_ISSUED_AT] = 11, [SP_CHECK_BINDING] = 12,
    [SP_CHECK_SCOPE] = 13,     [SP_CHECK_CLAIMS] = 14,
};

static bool rejects(const struct sp_finding *finding)
{
    return sp_finding_severity(finding) == SP_SEVERITY_REJECT;
}

/* "We lack something": true of us, not of the token. What the token itself proves outranks it. */
static bool is_undecided(const struct sp_finding *finding)
{
    return sp_cause_get(finding->cause)->http_status >= 500;
}

static unsigned rank_of(const struct sp_finding *finding)
{
    /* Of one check's findings the general one comes last: that the type is another says less than which kind it is. */
    unsigned rank = 2u * check_order[finding->check] + (finding->cause == SP_CAUSE_TOKEN_KIND_TYPE_HEADER ? 1u : 0u);
    if (!finding->verified)
        rank += 1000;
    if (!rejects(finding))
        rank += 2000;
    if (is_undecided(finding))
        rank += 200;
    return rank;
}

/* Few findings: insertion keeps equal ranks in the order in which they were told. */
static void sort_by_rank(struct sp_finding *findings, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct sp_finding moved = findings[i];
        unsigned rank = rank_of(&moved);
        size_t at = i;
        for (; at > 0 && rank_of(&findings[at - 1]) > rank; at--)
            findings[at] = findings[at - 1];
        findings[at] = moved;
    }
}

/* The evidence of the first-ranked finding of each check stands in its row. */
static void fill_checks(struct sp_exam *exam)
{
    bool filled[SP_CHECK_COUNT] = {false};
    for (size_t i = 0; i < exam->finding_count; i++) {
        const struct sp_finding *finding = &exam->findings[i];
        struct sp_check_result *row = &exam->verdict.checks[finding->check];
        if (filled[finding->check])
            continue;
        filled[finding->check] = true;
        row->expected = finding->expected;
        row->received = finding->received;
        row->detail = finding->detail;
    }
    if (exam->authenticated)
        return;
    for (size_t i = SP_CHECK_ISSUER; i < SP_CHECK_COUNT; i++)
        if (exam->verdict.checks[i].outcome == SP_OUTCOME_PASS)
            exam->verdict.checks[i].detail = SP_STR("Read from claims whose signature was not verified.");
}

static void collect_hints(struct sp_exam *exam)
{
    struct sp_str *list = exam->hint_count > 0 ? sp_arena_calloc(exam->arena, exam->hint_count, sizeof *list) : NULL;
    size_t count = 0;
    for (const struct sp_hint *hint = exam->hints; list != NULL && hint != NULL; hint = hint->next)
        list[count++] = hint->text;
    exam->verdict.hints = (struct sp_str_list){list, count};
}

/* Memory ran out before anything was found to reject: it is not known to be good, so it does not pass. */
static void refuse_incomplete(struct sp_exam *exam)
{
    exam->verdict.cause = sp_verdict_without_memory()->cause;
    exam->verdict.checks[SP_CHECK_FORM].outcome = SP_OUTCOME_FAIL;
    exam->verdict.also = exam->findings;
    exam->verdict.also_count = exam->finding_count;
}

void sp_exam_conclude(struct sp_exam *exam)
{
    struct sp_verdict *verdict = &exam->verdict;
    /* A header that could be read makes it a JWT, whatever is missing of the rest. */
    verdict->kind = exam->kind == SP_TOKEN_NONE && exam->header != NULL ? SP_TOKEN_JWT : exam->kind;
    verdict->header = exam->header;
    verdict->claims = exam->body;
    verdict->signature_verified = exam->signature_verified;
    const bool is_lacking = exam->lacking.at != NULL && !exam->refused;
    verdict->accepted = exam->authenticated && !exam->refused && !exam->incomplete && !is_lacking;
    if (verdict->accepted && exam->finding_count == 0)
        return;
    if (!verdict->accepted)
        sp_exam_refine(exam);
    sort_by_rank(exam->findings, exam->finding_count);
    fill_checks(exam);
    if (!verdict->accepted && exam->finding_count > 0)
        sp_exam_hint_at(exam, exam->findings[0].cause);
    collect_hints(exam);
    verdict->also = exam->findings;
    verdict->also_count = exam->finding_count;
    if (verdict->accepted || is_lacking)
        return;
    if (exam->finding_count == 0 || !rejects(&exam->findings[0])) {
        refuse_incomplete(exam);
        return;
    }
    verdict->cause = &exam->findings[0];
    verdict->also = exam->findings + 1;
    verdict->also_count = exam->finding_count - 1;
}
