/* SPDX-License-Identifier: Apache-2.0 */
#include "core/diagnosis/stated_cause.h"

#include <string.h>

#define LOOKED_AT ((size_t)16 * 1024)

bool sp_text_has(struct sp_str text, const char *part)
{
    size_t len = strlen(part);
    for (size_t i = 0; i + len <= text.len; i++)
        if ((text.at[i] | 0x20) == (part[0] | 0x20) &&
            sp_str_equal_ignoring_case(sp_str_slice(text, i, i + len), sp_str(part, len)))
            return true;
    return false;
}

/* "… (pkce.verifier_mismatch)", or a page with <code>redirect_uri.case</code>. */
static enum sp_cause cause_in(struct sp_str text, char open, char close)
{
    for (size_t from = sp_str_index_of(text, open, 0); from < text.len; from = sp_str_index_of(text, open, from + 1)) {
        size_t end = sp_str_index_of(text, close, from + 1);
        struct sp_str id = sp_str_slice(text, from + 1, end);
        if (end < text.len && id.len < 64 && sp_str_index_of(id, '.', 0) < id.len) {
            enum sp_cause cause = sp_cause_find(id);
            if (cause != SP_CAUSE_NONE)
                return cause;
        }
    }
    return SP_CAUSE_NONE;
}

/* Where it stands, what it says, what it means. The first that holds counts. */
static const struct {
    enum sp_answer_place place;
    const char *error; /* that came with it; NULL: any */
    const char *says;  /* in the description or in the page; NULL: nothing is needed */
    enum sp_cause cause;
} texts[] = {
#define REFUSAL(place, error, says, cause) {SP_ANSWER_##place, error, says, SP_CAUSE_##cause},
#include "core/diagnosis/refusals.def"
#undef REFUSAL
};

static bool holds(const struct sp_stated_refusal *refusal, size_t row)
{
    if (texts[row].place != SP_ANSWER_ANY && texts[row].place != refusal->place)
        return false;
    if (texts[row].error != NULL && !sp_str_equal(refusal->error, sp_str_from_cstr(texts[row].error)))
        return false;
    return texts[row].says == NULL || sp_text_has(refusal->description, texts[row].says) ||
           sp_text_has(sp_str_slice(refusal->body, 0, LOOKED_AT), texts[row].says);
}

enum sp_cause sp_stated_cause(const struct sp_stated_refusal *refusal, bool *by_id)
{
    enum sp_cause cause = sp_cause_find(refusal->cause);
    if (cause == SP_CAUSE_NONE)
        cause = cause_in(refusal->description, '(', ')');
    if (cause == SP_CAUSE_NONE && refusal->is_html)
        cause = cause_in(refusal->body, '>', '<');
    *by_id = cause != SP_CAUSE_NONE;
    for (size_t i = 0; cause == SP_CAUSE_NONE && i < sizeof texts / sizeof texts[0]; i++)
        if (holds(refusal, i))
            cause = texts[i].cause;
    return cause;
}
