/* SPDX-License-Identifier: Apache-2.0 */
/* One checkup, from step to step. Inside probe/doctor*.c; not for other rooms. */
#ifndef SP_PROBE_DOCTOR_CHECKUP_H
#define SP_PROBE_DOCTOR_CHECKUP_H

#include "core/base/url.h"
#include "core/diagnosis/clock.h"
#include "core/diagnosis/key_history.h"
#include "core/diagnosis/tls.h"
#include "probe/certificate_chain.h"
#include "probe/doctor.h"
#include "probe/forward_proxy.h"
#include "probe/http_call.h"

#define SP_DOCTOR_MAX_CALLS 96u
#define SP_DOCTOR_MAX_SAMPLES 32u
#define SP_DOCTOR_MAX_ENDPOINTS 16u

struct sp_checkup {
    struct sp_arena *arena;
    const struct sp_doctor_question *question;
    struct sp_trust *trust;
    struct sp_doctor_report *report;
    enum sp_status status; /* the first failure of our own; nothing is looked at any more */
    int64_t now;
    int64_t started_ms; /* of the present step, monotonic */

    /* reach */
    struct sp_url url;
    bool is_upstream, is_tls;
    struct sp_forward_proxy proxy;
    struct sp_name_evidence name;
    struct sp_connection_evidence connections[32];
    size_t open; /* index of the address that is talked to */
    int socket;  /* a connection to the server (through the proxy), or -1 */
    struct sp_tls_evidence *tls;

    /* documents */
    struct sp_http_call *calls[SP_DOCTOR_MAX_CALLS]; /* all of the checkup: reports borrow from them */
    size_t call_count;
    const struct sp_fetch_report *places[SP_METADATA_PLACES];
    enum sp_metadata_place place;
    struct sp_metadata metadata;
    bool has_metadata;
    struct sp_str jwks_uri;
    struct sp_jwk_set *keys;
    struct sp_key_history history;
    struct sp_clock_sample samples[SP_DOCTOR_MAX_SAMPLES];
    size_t sample_count;

    /* client */
    struct sp_str method; /* by which the client authenticated; absent: none worked */
    bool secret_is_raw;   /* Basic without form-encoding */
    struct sp_str token;  /* a secret; in the arena */
};

/* ---- doctor.c ---- */
void sp_checkup_begin(struct sp_checkup *checkup, enum sp_step step);
void sp_checkup_end(struct sp_checkup *checkup, enum sp_step step, const struct sp_document_findings *findings,
                    struct sp_str detail);
void sp_checkup_skip(struct sp_checkup *checkup, enum sp_step step, const char *why);
/* A call with the question's trust, limits and time; kept until the checkup ends. NULL: the URL may not be asked, or no
 * memory (status says). */
struct sp_http_call *sp_checkup_call(struct sp_checkup *checkup, struct sp_http_request request);
/* The Date of an answer, as a witness. */
void sp_checkup_take_sample(struct sp_checkup *checkup, const struct sp_fetch_report *report);

/* ---- doctor_reach.c: dns, proxy, tcp, tls. True when what follows can be asked. ---- */
bool sp_checkup_reach(struct sp_checkup *checkup);
/* A plain http URL brought no HTTP answer: is TLS spoken there? Tells the step TLS when so. */
bool sp_checkup_finds_tls(struct sp_checkup *checkup);

/* ---- doctor_documents.c: http, discovery, endpoints, host_header, keys, clock ---- */
void sp_checkup_documents(struct sp_checkup *checkup);
void sp_checkup_clock(struct sp_checkup *checkup);

/* ---- doctor_client.c: client, redirect_uri; and the token, when the client is known ---- */
void sp_checkup_client(struct sp_checkup *checkup);

/* ---- doctor_token.c: token, api ---- */
void sp_checkup_token(struct sp_checkup *checkup);
void sp_checkup_api(struct sp_checkup *checkup);

/* ---- doctor_introspection.c ---- */
void sp_checkup_introspection(struct sp_checkup *checkup);

/* ---- doctor_client_request.c ---- */
/* The form's first parameters and the Authorization header (or none) by which the client authenticates. form is on the
 * heap, to be wiped and freed. SP_UNSUPPORTED: this method cannot be done here. */
SP_MUST_CHECK enum sp_status sp_checkup_authenticate(struct sp_checkup *checkup, struct sp_str method,
                                                     struct sp_str secret, bool raw, struct sp_buffer *form,
                                                     struct sp_str *authorization);
/* A POST of the form, which is taken: wiped and freed. */
struct sp_http_call *sp_checkup_post(struct sp_checkup *checkup, struct sp_str url, struct sp_buffer *form,
                                     struct sp_str authorization);

/* ---- doctor_memory.c ---- */
void sp_checkup_recall(struct sp_checkup *checkup);
void sp_checkup_remember(struct sp_checkup *checkup);

#endif
