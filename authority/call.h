/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP exchange with the authority as a value: the request that came in, the answer that goes out, and what the log
 * will say of it. Every endpoint is a function of a call; the server (server.c) only moves bytes between calls and
 * sockets, so that tests drive the endpoints without one. All texts are borrowed from the call's arena or live longer.
 */
#ifndef SP_AUTHORITY_CALL_H
#define SP_AUTHORITY_CALL_H

#include <stdbool.h>
#include <stdint.h>
#include "core/oauth/form.h"
#include "core/base/arena.h"
#include "core/base/json.h"
#include "core/diagnosis/finding.h"

struct sp_authority;
struct sp_client;
struct sp_denial;
struct sp_certificate;
struct sp_errand;
struct sp_replay;
/* What a step hands up: SP_GOES_ON; SP_DENIED with the refusal written into the call's answer – a failure of ours
 * (store, memory) is answered likewise: 503, with its cause in the log –; or SP_WAITS: the call needs the result of an
 * errand (errand.h) first. Whoever gets anything but SP_GOES_ON stops at once, undoes what it began and hands it up; it
 * does not matter which of the two is handed up, call->waits_for tells. Compare with SP_GOES_ON only. */
enum sp_step { SP_GOES_ON, SP_DENIED, SP_WAITS };

struct sp_asked {
    struct sp_str method, path, query, body;
    struct sp_str content_type;
    struct sp_str host;
    unsigned host_count;
    struct sp_str authorization; /* of the only Authorization header */
    unsigned authorization_count;
    struct sp_str dpop; /* of the only DPoP header */
    unsigned dpop_count;
    struct sp_str cookie;
    struct sp_str origin, fetch_site, accept, accept_language, user_agent;
    struct sp_str forwarded_proto;                  /* X-Forwarded-Proto, evidence only */
    struct sp_str client_certificate, proxy_secret; /* of the TLS proxy, see client_certificate.h */
    unsigned client_certificate_count, proxy_secret_count;
    struct sp_str client_address;
    struct sp_str request_id;
};

#define SP_MAX_ANSWER_HEADERS 12u

struct sp_answer_header {
    const char *name;
    struct sp_str value;
};

struct sp_answer {
    int status;
    const char *content_type;
    struct sp_str body;
    struct sp_answer_header headers[SP_MAX_ANSWER_HEADERS];
    size_t header_count;
};

struct sp_call {
    struct sp_authority *authority;
    struct sp_arena *arena;
    int64_t now;
    struct sp_asked asked;
    struct sp_form parameters; /* of the body for POST, of the query for GET; filled by the router */

    struct sp_answer answer;
    /* How a refusal is written where it is not JSON: a page, or a redirect to the client. NULL: JSON. */
    enum sp_step (*deny)(struct sp_call *call, const struct sp_denial *denial);
    const void *deny_context;
    bool refuses_by_401; /* the endpoint's row has SP_REFUSES_BY_401 */

    /* What an accepted call still owes when its turn ends: its signatures, made one after the other with those of the
     * turn's other calls, while the curve's tables lie in the caches. answer has no body before. NULL: nothing. */
    enum sp_step (*finish)(struct sp_call *call, const void *context);
    const void *finish_context;

    struct sp_str browser; /* own_form.h: the browser's secret, where this call made one */

    /* for the log */
    const char *endpoint;
    struct sp_finding finding; /* cause SP_CAUSE_NONE: fine */
    struct sp_str client_id, subject, grant;

    struct sp_errand *errands;   /* asked so far, newest first; kept when the call is answered again */
    struct sp_errand *waits_for; /* the one that has no result yet; NULL: none */
    bool keeps_refusal;          /* what was written stays although the request is refused: a code that is spent */
    struct sp_replay *spent;     /* one-time values that this call itself used up (replay.h); kept likewise */

    const struct sp_certificate *certificate; /* of the connection, once somebody asked for it */
    struct sp_str x5t;                        /* its x5t#S256 where tokens are bound to it; absent: they are not */
    struct sp_str jkt; /* thumbprint of the key that the request proved to hold by DPoP; absent: none */
};

/* The value of a parameter of the request, absent when it is not there. */
static inline struct sp_str sp_call_parameter(const struct sp_call *call, const char *name)
{
    return sp_form_value(&call->parameters, sp_str_from_cstr(name));
}

/* Runs `answer` as one write of the store: kept when it goes on, or refuses and has set call->keeps_refusal. Undone
 * when it hands up anything else, or when what it answers is a failure of ours: a full store, too large an answer. */
enum sp_step sp_call_in_write(struct sp_call *call, enum sp_step (*answer)(struct sp_call *call, void *context),
                              void *context);

/* Does what the call owes, if anything, before its turn is flushed. SP_DENIED: our failure, answered; what the call
 * wrote must not be kept. */
SP_MUST_CHECK enum sp_step sp_call_finish(struct sp_call *call);

/* Everything that an earlier run of the call has written is forgotten, but for what it asked and its errands. */
void sp_call_restart(struct sp_call *call);

/* value lives as long as the call. Beyond SP_MAX_ANSWER_HEADERS: a bug. */
void sp_answer_header(struct sp_call *call, const char *name, struct sp_str value);
/* 200 or another status with a JSON body that was written into buffer; never cached. 500 when the buffer failed. */
void sp_answer_json(struct sp_call *call, int status, const struct sp_buffer *buffer);
/* For an answer's JSON or HTML: a buffer in the call's arena. */
void sp_answer_buffer(struct sp_call *call, struct sp_buffer *buffer);

#endif
