/* SPDX-License-Identifier: Apache-2.0 */
/* The cause that a server states itself when it refuses: by an id of the catalogue, as Sallyport's own does, or by a
 * text or code that is known (refusals.def). Whoever has the bytes of a refusal asks here: the doctor and `token get`
 * of an answer that just came, `inspect` and `record` of a recording. */
#ifndef SP_DIAGNOSIS_STATED_CAUSE_H
#define SP_DIAGNOSIS_STATED_CAUSE_H

#include "core/base/str.h"
#include "core/diagnosis/cause.h"

/* What is answered. */
enum sp_answer_place {
    SP_ANSWER_ANY, /* of a table's row: each; of a refusal: none of the others */
    SP_ANSWER_TOKEN,
    SP_ANSWER_AUTHORIZATION, /* a page, or a redirect that is not the callback */
    SP_ANSWER_CALLBACK,      /* what the browser brought to the client */
};

struct sp_stated_refusal {
    enum sp_answer_place place;
    struct sp_str cause, error, description; /* members of those names; absent: not there */
    struct sp_str body;                      /* of an answer with an error's status; else absent */
    bool is_html;
};

/* SP_CAUSE_NONE: it says nothing that is known. *by_id: the catalogue's own id was there. */
enum sp_cause sp_stated_cause(const struct sp_stated_refusal *refusal, bool *by_id);
/* Letter case does not count. */
bool sp_text_has(struct sp_str text, const char *part);

#endif
