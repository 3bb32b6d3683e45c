/* SPDX-License-Identifier: Apache-2.0 */
/* The answer of an OAuth endpoint by its bytes alone: is it a JSON object, and has a token response what it must have
 * (RFC 6749 5.1)? Asked of answers that just came (token_answer.h: the doctor, `token get`, the authority's own logins)
 * and of recordings (core/flow: `inspect`, `record`), so that the same bytes have the same cause everywhere. */
#ifndef SP_DIAGNOSIS_JSON_ANSWER_H
#define SP_DIAGNOSIS_JSON_ANSWER_H

#include "core/base/json.h"
#include "core/diagnosis/document.h"

struct sp_json_answer {
    int status;
    struct sp_str content_type, content_encoding, cache_control, location; /* absent: not sent */
    int64_t announced_bytes;                                               /* Content-Length; 0: not said */
    struct sp_str body;
    bool is_cut;       /* we kept less of it than came */
    bool may_be_empty; /* success needs no body */
    bool is_explained; /* its cause is known already: that it is no JSON is no news */
    const struct sp_json *json;
    enum sp_json_fault fault; /* why json is NULL; SP_JSON_OK: it is no object */
};

/* By its media type, or by how it begins. */
bool sp_body_is_html(struct sp_str content_type, struct sp_str body);

/* A token goes into a header, or to a terminal: white space, control characters and what is no ASCII do not. */
bool sp_token_has_strange_bytes(struct sp_str token);
/* Which those are; a constant. */
struct sp_str sp_token_strange_words(struct sp_str token);

/* response.html, .truncated, .charset, .not_json, network.http.*. Texts live in the arena or the answer; no secret is
 * in them. */
void sp_json_answer_judge(struct sp_arena *arena, const struct sp_json_answer *answer,
                          struct sp_document_findings *findings);
/* Of a token response that is JSON: response.access_token_missing, .token_characters, .token_type_missing,
 * .expires_in_type, .cacheable;
 * response.error where it refuses without saying an error. */
void sp_token_members_judge(struct sp_arena *arena, const struct sp_json_answer *answer,
                            struct sp_document_findings *findings);

#endif
