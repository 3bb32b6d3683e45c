/* SPDX-License-Identifier: Apache-2.0 */
/* The check of `aud` (RFC 7519 4.1.3, RFC 9068 4): one of its values must be one of those that this API goes by. */
#include "core/diagnosis/examination.h"

#include "core/diagnosis/audience.h"
#include "core/diagnosis/words.h"

struct sp_str_list sp_audience_expected(const struct sp_exam *exam)
{
    const struct sp_issuer_terms *terms = sp_exam_terms(exam);
    struct sp_str_list own = exam->input.requirements->audiences;
    return own.count > 0 || terms == NULL ? own : terms->audiences;
}

bool sp_audience_next(const struct sp_json *aud, const struct sp_json **at, struct sp_str *value)
{
    if (sp_json_is(aud, SP_JSON_STRING)) {
        if (*at != NULL)
            return false;
        *at = aud;
        *value = aud->text;
        return true;
    }
    if (!sp_json_is(aud, SP_JSON_ARRAY))
        return false;
    for (const struct sp_json *next = *at == NULL ? aud->first : (*at)->next; next != NULL; next = next->next)
        if (next->type == SP_JSON_STRING) {
            *at = next;
            *value = next->text;
            return true;
        }
    return false;
}

bool sp_str_list_has(struct sp_str_list list, struct sp_str value)
{
    for (size_t i = 0; i < list.count; i++)
        if (sp_str_equal(list.at[i], value))
            return true;
    return false;
}

/* "a, b" for evidence. */
static struct sp_str audience_in_words(struct sp_exam *exam)
{
    struct sp_str values[SP_MAX_AUDIENCES], value;
    size_t count = 0;
    for (const struct sp_json *at = NULL; count < SP_MAX_AUDIENCES && sp_audience_next(exam->claims.aud, &at, &value);)
        values[count++] = value;
    if (count == 0)
        return exam->claims.aud != NULL ? exam->claims.aud->text : SP_STR_NONE;
    struct sp_str words = sp_words_list(exam->arena, values, count);
    struct sp_str copy = SP_STR_NONE;
    /* A single value is borrowed; a list was written to the arena. */
    if (count > 1 || sp_arena_copy(exam->arena, words, &copy) != SP_OK)
        return words;
    return copy;
}

void sp_audience_examine(struct sp_exam *exam)
{
    struct sp_str_list expected = sp_audience_expected(exam);
    struct sp_str value;
    unsigned seen = 0;
    if (expected.count == 0)
        return;
    for (const struct sp_json *at = NULL; seen < SP_MAX_AUDIENCES && sp_audience_next(exam->claims.aud, &at, &value);
         seen++)
        if (sp_str_list_has(expected, value)) {
            sp_exam_pass_with(exam, SP_CHECK_AUDIENCE, value, value);
            return;
        }
    struct sp_str wanted = sp_words_list(exam->arena, expected.at, expected.count);
    const struct sp_json *aud = exam->claims.aud;
    if (aud == NULL || aud->type == SP_JSON_NULL || (aud->type == SP_JSON_ARRAY && aud->count == 0)) {
        sp_exam_claimed(exam, SP_CAUSE_AUDIENCE_MISSING, SP_CHECK_AUDIENCE, wanted, SP_STR_NONE);
        return;
    }
    struct sp_finding *finding =
        sp_exam_claimed(exam, SP_CAUSE_AUDIENCE_MISMATCH, SP_CHECK_AUDIENCE, wanted, audience_in_words(exam));
    if (seen == 0)
        finding->detail = SP_STR("The token's aud is neither a string nor an array of strings.");
    else if (seen == SP_MAX_AUDIENCES)
        finding->detail = SP_STR("Only the first 64 audiences were looked at.");
}
