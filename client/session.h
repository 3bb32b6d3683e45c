/* SPDX-License-Identifier: Apache-2.0 */
/* client: Sallyport as an OAuth client. A session is one run of a grant at one issuer: discovery, requests with the
 * client's authentication and DPoP proofs, the tokens. Every exchange is also kept as a recording (core/flow), so that
 * what goes wrong is judged by the same judges as a browser's HAR, and named by its id of the catalogue. Blocking, for
 * a command line; what decides is core's. */
#ifndef SP_CLIENT_SESSION_H
#define SP_CLIENT_SESSION_H

#include "core/base/buffer.h"
#include "core/diagnosis/document.h"
#include "core/flow/judge.h"
#include "core/jose/jwk_set.h"
#include "probe/http_request.h"

struct sp_client_parameter {
    const char *name;
    struct sp_str value; /* absent or empty: not sent */
};

struct sp_client_settings {
    struct sp_str issuer, client_id;
    struct sp_str method; /* of authentication; absent: the best that what is given and the issuer's metadata allow */
    struct sp_str secret; /* a secret; absent: none */
    const struct sp_key *key; /* of assertions; NULL: none */
    struct sp_str kid;
    uint32_t key_algorithms;                           /* that may be used with it; 0: any */
    struct sp_str ca_file, certificate_file, key_file; /* PEM; absent: the system's trust store, no certificate */
    const struct sp_key *dpop;                         /* tokens are bound to it; NULL: bearer tokens */
    struct sp_str scope;
    struct sp_str_list resources, audiences,
        parameters;     /* parameters: "NAME=VALUE", to authorization and token requests */
    int64_t timeout_ms; /* of each request */
    /* One line of progress for people. */
    void (*told)(void *context, const char *line);
    void *context;
};

/* What a grant brought; texts in the session's arena, secrets. */
struct sp_client_tokens {
    struct sp_str access_token, token_type, refresh_token, id_token, scope;
    struct sp_str response;          /* the JSON as it came */
    int64_t expires_at;              /* 0: it does not say */
    const struct sp_json *id_claims; /* verified; NULL: there was no ID token */
};

struct sp_client_session {
    struct sp_arena *arena;
    const struct sp_client_settings *settings;
    struct sp_flow_capture *capture;
    struct sp_metadata metadata;
    struct sp_jwk_set *keys; /* fetched when there is an ID token */
    struct sp_str method, nonce;
    uint32_t exchanges;
    struct sp_flow_message *last;         /* recorded; NULL: it was no OAuth message */
    struct sp_document_findings findings; /* why it failed: rows[0]; what was odd: the others */
    enum sp_status status;                /* of our own: memory, random numbers */
    bool unable;                          /* the settings do not do for this issuer; trouble says it, a sentence */
    struct sp_str trouble;
};

/* Every function below returns true when the way goes on; else findings, status or trouble say why. */

/* Discovery and the choice of the method. settings is borrowed. The session is in the arena. */
bool sp_client_begin(struct sp_arena *arena, const struct sp_client_settings *settings,
                     struct sp_client_session *session);
void sp_client_end(struct sp_client_session *session);

/* Fails with the finding that the issuer has no such endpoint. */
bool sp_client_needs(struct sp_client_session *session, const char *member, struct sp_str *endpoint);

/* One request with a form and its answer: authenticated, with a DPoP proof, and once more when the issuer wants its
 * nonce in it. A status of 200 or 201 with a JSON object is *json; an OAuth error is told as a finding, but for
 * `tolerated` (words between spaces), which is *error then. */
struct sp_client_ask {
    struct sp_str url;
    const struct sp_client_parameter *parameters;
    size_t count;
    bool with_targets; /* resource and audience of the settings */
    bool proves;       /* a DPoP proof goes along */
    struct sp_str tolerated;
};
bool sp_client_request(struct sp_client_session *session, const struct sp_client_ask *ask, const struct sp_json **json,
                       struct sp_str *error);
/* The token endpoint's answer as tokens. nonce: that was sent to the authorization endpoint; absent: none was. code:
 * that was redeemed. */
bool sp_client_take_tokens(struct sp_client_session *session, const struct sp_json *json, struct sp_str nonce,
                           struct sp_str code, struct sp_client_tokens *tokens);

/* An exchange that the browser had with the issuer or with us goes into the recording and is judged. */
void sp_client_record(struct sp_client_session *session, const struct sp_flow_exchange *exchange);
/* True when the recording proves a cause, which is told then. */
bool sp_client_is_broken(struct sp_client_session *session);
void sp_client_tell(struct sp_client_session *session, const struct sp_finding *finding);
/* The id of what stands in the way; absent: nothing does, or nothing that has one. */
struct sp_str sp_client_cause(const struct sp_client_session *session);
/* What was found stands in the way no more: there is another way. */
void sp_client_forgive(struct sp_client_session *session);

/* 32 random bytes as base64url; absent (and status) when there are none. */
struct sp_str sp_client_random(struct sp_client_session *session);
/* Adds settings' resources, audiences and parameters. */
void sp_client_add_targets(const struct sp_client_session *session, struct sp_buffer *form);
void sp_client_say(const struct sp_client_session *session, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
