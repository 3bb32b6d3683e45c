/* SPDX-License-Identifier: Apache-2.0 */
/* What an authorization server's answers say of a client, asked from outside: by which method it may authenticate, and
 * whether a redirect URI is registered. Asked so that nothing comes of it: a code that does not exist, a prompt that
 * may not be shown. */
#ifndef SP_DIAGNOSIS_CLIENT_PROBE_H
#define SP_DIAGNOSIS_CLIENT_PROBE_H

#include "core/diagnosis/document.h"

/* ---- client authentication ---- */
enum sp_client_answer {
    SP_CLIENT_NOT_TRIED,
    SP_CLIENT_ACCEPTED, /* only the grant was refused: the client is who it says */
    SP_CLIENT_REFUSED,  /* invalid_client */
    SP_CLIENT_UNCLEAR,  /* an error that may come before authentication, or no OAuth answer at all */
};

struct sp_client_attempt {
    struct sp_str method; /* "client_secret_basic" */
    struct sp_str how;    /* beside the method: "with the secret trimmed"; absent: plainly */
    bool is_trimmed;      /* the secret without the white space around it */
    const struct sp_fetch_report *report;
    /* To the same with a secret that is wrong, where the answer alone was unclear: a server that refuses that one and
     * says something else to ours has let ours pass. NULL: not asked. */
    const struct sp_fetch_report *control;
    enum sp_client_answer answer; /* filled by reading */
    struct sp_str error, description;
};

/* After reading: does the answer mean something only beside that to a wrong secret? */
bool sp_client_attempt_needs_control(const struct sp_client_attempt *attempt);

/* Fills answer, error and description of each. SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_client_attempts_read(struct sp_arena *arena, struct sp_client_attempt *attempts,
                                                     size_t count);
/* The same, and what follows from all of them. */
SP_MUST_CHECK enum sp_status sp_client_attempts_judge(struct sp_arena *arena, struct sp_client_attempt *attempts,
                                                      size_t count, struct sp_str client_id,
                                                      struct sp_document_findings *findings);
/* The first that was accepted, or NULL. */
const struct sp_client_attempt *sp_client_attempts_accepted(const struct sp_client_attempt *attempts, size_t count);

/* ---- redirect URI ---- */
enum sp_redirect_answer {
    SP_REDIRECT_UNCLEAR,
    SP_REDIRECT_ACCEPTED,       /* it answered there, or began an interaction that would end there */
    SP_REDIRECT_REFUSED,        /* an error that names the redirect URI */
    SP_REDIRECT_CLIENT_UNKNOWN, /* an error that names the client */
};

/* Of the answer to an authorization request with this redirect_uri. words: what it was, for evidence. */
enum sp_redirect_answer sp_redirect_answer_of(struct sp_arena *arena, const struct sp_fetch_report *report,
                                              struct sp_str redirect_uri, struct sp_str *words);

/* Other writings of a redirect URI that a registration may have: up to room of them; their number. */
size_t sp_redirect_uri_variants(struct sp_arena *arena, struct sp_str redirect_uri, struct sp_str *variants,
                                size_t room);

/* answer: to `sent`; accepted: the variant that the server took instead, or absent. */
void sp_redirect_probe_judge(struct sp_arena *arena, enum sp_redirect_answer answer, struct sp_str sent,
                             struct sp_str accepted, struct sp_str client_id, struct sp_str words,
                             struct sp_document_findings *findings);

#endif
