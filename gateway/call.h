/* SPDX-License-Identifier: Apache-2.0 */
/* One call on its way through the gateway. It lives in the request's pool; its cleanup gives back the snapshot and the
 * arena.
 *
 *   BEGIN ─► ROUTED ─► PRESENTED ─► EXAMINING ◄─► ASKING (parked, a subrequest is out)
 *                 │         │            │
 *                 │         └────────────┴─► JUDGED ─► WHOLE ─► PASSED ─► (nginx proxies)
 *                 └─► anonymous ─────────────► JUDGED
 *   any ─► REFUSED (a response was sent or is on its way)
 */
#ifndef SP_GATEWAY_CALL_H
#define SP_GATEWAY_CALL_H

#include "gateway/gateway.h"
#include "gateway/verdict_cache.h"

enum sp_stage {
    SP_STAGE_BEGIN,     /* nothing known */
    SP_STAGE_ROUTED,    /* route found */
    SP_STAGE_PRESENTED, /* credential found */
    SP_STAGE_EXAMINING, /* an examination is under way and not waiting */
    SP_STAGE_ASKING,    /* waits for the control plane's answer */
    SP_STAGE_JUDGED,    /* credential accepted (or none needed) */
    SP_STAGE_WHOLE,     /* and no other one came along; limits not yet taken */
    SP_STAGE_PASSED,    /* goes upstream */
    SP_STAGE_REFUSED,   /* answered by us */
};

/* What a trusted proxy may say of the way a call came; see forwarded.c. */
enum sp_forwarded {
    SP_FORWARDED_FOR,
    SP_FORWARDED_PROTO,
    SP_FORWARDED_HOST,
    SP_FORWARDED_PORT,
    SP_FORWARDED_PREFIX,
    SP_FORWARDED_KEPT,
};

/* What one pass over the request's headers found; see presented.c. */
struct sp_presented_headers {
    struct sp_str authorization[2], api_key[2]; /* more than two are as bad as two */
    size_t authorization_count, api_key_count, dpop_count;
    struct sp_str dpop, request_id, traceparent, origin, preflight_method;
    bool owns_hop; /* the hop to the API is ours to speak for: X-Forwarded-*, Upgrade */
    ngx_table_elt_t *authorization_at, *api_key_at, *dpop_at, *request_id_at;
    bool is_trusted;                                  /* the peer is one of trusted_proxies */
    ngx_table_elt_t *forwarded_at[SP_FORWARDED_KEPT]; /* X-Forwarded-* of a trusted peer; NULL: ours to say */
    ngx_table_elt_t *upgrade_at;                      /* the one that may go on; NULL: none */
    size_t upgrade_count;
    struct sp_str without_colon; /* a line of HTTP/1 that nginx took for a header with an empty value */
    struct sp_str of_http1;      /* the name of a field that HTTP/2 does not have */
};

/* The control plane's answer to one question. */
struct sp_answer {
    ngx_uint_t status; /* 0: none came */
    struct sp_str body;
};

/* Of the last server that failed; all zero: none was tried. Borrowed from the call's snapshot. */
struct sp_upstream_failure {
    const struct sp_server *server;
    const ngx_str_t *address; /* of it, that was tried */
    bool is_connected;        /* TLS included */
    bool has_begun;           /* its answer was on its way to the client */
    ngx_msec_t limit_ms;      /* of the wait that it was in */
    size_t header_bytes;      /* that an answer's header may have */
    long verify_result;       /* X509_V_OK: no certificate was refused */
};

struct sp_call {
    ngx_http_request_t *request;
    struct sp_main_conf *conf;
    struct sp_snapshot *snapshot; /* counted */
    enum sp_stage stage;

    struct sp_str request_id; /* in the pool */
    struct sp_route_match match;
    struct sp_presented_headers headers;
    struct sp_credential credential;

    struct sp_facts facts; /* of an accepted token; texts in the pool */
    bool has_facts;
    bool was_cached; /* the token, when it was looked for */
    void *expected;  /* where the token may be known; its memory was asked for when the call began */
    const struct sp_consumer *consumer;

    struct sp_arena *arena; /* only when an examination or a refusal needed one */
    struct sp_exam *exam;
    struct sp_possession possession;
    unsigned char certificate_sha256[32];
    struct sp_snapshot *renewed; /* counted; keys that came while the call was parked, or NULL */
    enum sp_question asked;
    int64_t answer_until;             /* epoch seconds; how long an introspection holds */
    const struct sp_verdict *verdict; /* NULL: none was needed, or it had nothing to tell beside the facts */
    enum sp_cause cause;              /* of the refusal or upstream failure; SP_CAUSE_NONE */
    int64_t retry_after_s;
    struct sp_answer answer;
    bool answered;
    bool is_for_anybody; /* the answer may be read by every page, whatever the API's cors says */

    ngx_uint_t upstream_tries;
    enum sp_cause upstream_cause; /* of the last failed peer */
    struct sp_upstream_failure upstream_failure;
    uint32_t judged_us, asked_ms; /* timings for the record */
    ngx_msec_t asked_at;
    bool headers_read;
    bool has_form; /* all of it was read: form_credential.c */
};

/* The request's call, also after an internal redirect; NULL when it has none. */
struct sp_call *sp_call_find(ngx_http_request_t *request);
/* The same, made if need be; NULL without memory. */
struct sp_call *sp_call_get(ngx_http_request_t *request);
/* The last server that was tried for it; NULL: none. */
const ngx_http_upstream_state_t *sp_last_attempt(const ngx_http_request_t *request);
/* The call's arena, made at the first use; NULL without memory. */
struct sp_arena *sp_call_arena(struct sp_call *call);

#endif
