/* SPDX-License-Identifier: Apache-2.0 */
/* A capture: the OAuth messages of one recording, tied into flows. A flow is one login, one grant by a machine, one
 * device, the calls to one API – whatever shares a state, a code, a request_uri or a token. Messages are added in the
 * order of the recording and stay; what is no OAuth message is counted and forgotten.
 *
 *   create ─► add … add ─► sp_flow_judge (judge.h) ─► report (report.h)
 *
 * What the recording tells about issuers (metadata, key sets) and clients (registrations, secrets that worked) is
 * collected on the way, because a message is judged by what the others prove. */
#ifndef SP_FLOW_FLOW_H
#define SP_FLOW_FLOW_H

#include "core/diagnosis/document.h"
#include "core/diagnosis/requirements.h"
#include "core/flow/cookie.h"
#include "core/flow/message.h"

enum sp_flow_subject {
    SP_SUBJECT_LOGIN,
    SP_SUBJECT_TOKEN, /* a grant without a browser */
    SP_SUBJECT_DEVICE,
    SP_SUBJECT_API,
    SP_SUBJECT_ISSUER, /* metadata, keys */
    SP_SUBJECT_LOGOUT,
    SP_SUBJECT_OTHER,
    SP_SUBJECT_LOG,
    SP_SUBJECT_NETWORK,
};

struct sp_flow {
    uint32_t number; /* from 1 */
    enum sp_flow_subject subject;
    struct sp_flow_message *first, *last;
    uint32_t count;
    struct sp_str client_id, place;          /* place: origin of the API or issuer */
    const struct sp_flow_message *start;     /* that sent the browser to the issuer */
    const struct sp_flow_message *request;   /* the authorization request */
    const struct sp_flow_message *pushed;    /* where its parameters are when it was pushed */
    const struct sp_flow_message *response;  /* the redirect back */
    const struct sp_flow_message *callback;  /* its arrival */
    const struct sp_flow_message *tokens;    /* the last answer with tokens */
    const struct sp_flow_message *broken_at; /* of the cause */
    const struct sp_flow_finding *cause;     /* why it failed; NULL: it did not, or nothing proves why */
    struct sp_flow *next;
};

/* What is known of an issuer by its metadata, its key sets, or --jwks. */
struct sp_flow_issuer {
    struct sp_str issuer; /* absent: only a key set was seen */
    struct sp_str authorization_endpoint, token_endpoint, jwks_uri;
    const struct sp_json *metadata;
    uint32_t advertised_algorithms; /* of ID tokens; 0: not known */
    struct sp_jwk_set *keys;        /* NULL: none seen */
    struct sp_jwk_set *old_keys;    /* of the set that was another one before; NULL: it was always this */
    struct sp_str keys_url, keys_text;
    bool given; /* by --jwks: for whatever no other set is for */
    struct sp_flow_issuer *next;
};

enum sp_flow_client_method {
    SP_CLIENT_METHOD_NONE,
    SP_CLIENT_METHOD_BASIC,
    SP_CLIENT_METHOD_POST,
    SP_CLIENT_METHOD_ASSERTION,
    SP_CLIENT_METHOD_SECRET_ASSERTION, /* its alg is a MAC's */
};

struct sp_flow_client {
    struct sp_str client_id;
    const struct sp_json *registered;           /* RFC 7591 answer; NULL: none seen */
    struct sp_jwk_set *keys;                    /* registered with it; NULL: none */
    struct sp_str secret;                       /* that worked, or of the registration; absent: none seen */
    const struct sp_flow_message *secret_taken; /* where it worked; NULL: it is of the registration */
    enum sp_flow_client_method secret_method;   /* by which it worked there */
    struct sp_str_list redirect_uris;           /* registered, given, or accepted by the issuer in this recording */
    bool uris_registered;                       /* from a registration or given: the list is all there is */
    struct sp_flow_client *next;
};

struct sp_flow_terms {
    bool show_secrets;
    struct sp_str jwks;               /* key set given, as text; absent: none */
    struct sp_str_list redirect_uris; /* registered ones given */
    struct sp_str client_id;          /* that they belong to; absent: to every client */
    int64_t leeway_s;
    int64_t now_s; /* where a recording does not say when */
};

struct sp_flow_index;

struct sp_flow_capture {
    struct sp_arena *arena, *scratch;
    struct sp_flow_terms terms;
    struct sp_flow_message *first, *last;
    struct sp_flow *flows, *last_flow;
    struct sp_flow_issuer *issuers;
    struct sp_flow_client *clients;
    struct sp_flow_index *index;
    uint64_t seen;        /* exchanges */
    uint64_t messages;    /* kept */
    uint64_t not_kept;    /* OAuth messages past a ceiling */
    uint64_t hosts_shown; /* exchanges that carried a cookie: what is absent elsewhere is absent */
    uint32_t flow_count;
    bool full;
    bool shows_cookies;
    struct sp_document_findings *scratch_findings;
};

/* NULL without memory, or when terms->jwks is no key set. terms' texts are borrowed. */
struct sp_flow_capture *sp_flow_capture_create(const struct sp_flow_terms *terms);
void sp_flow_capture_destroy(struct sp_flow_capture **capture);
/* Copies what it keeps. */
void sp_flow_capture_add(struct sp_flow_capture *capture, const struct sp_flow_exchange *exchange);
/* The same, and the message that it became; NULL when it is none or there is no room. For who judges as it records. */
struct sp_flow_message *sp_flow_capture_take(struct sp_flow_capture *capture, const struct sp_flow_exchange *exchange);

/* A message that is no exchange (a log's line, a handshake), in the flow of its subject and place; place is borrowed
 * for good. NULL without room. */
struct sp_flow_message *sp_flow_capture_note(struct sp_flow_capture *capture, enum sp_flow_subject subject,
                                             struct sp_str place, enum sp_flow_kind kind, uint32_t number);

/* ---- what is known (known.c) ---- */
void sp_flow_learn(struct sp_flow_capture *capture, const struct sp_flow_message *message);
/* A key set given beside the recording; false when it is none. */
bool sp_flow_learn_key_set(struct sp_flow_capture *capture, struct sp_str text);
enum sp_flow_kind sp_flow_known_endpoint(const struct sp_flow_capture *capture, struct sp_str url);
/* By its identifier, byte for byte; NULL. */
const struct sp_flow_issuer *sp_flow_issuer_named(const struct sp_flow_capture *capture, struct sp_str issuer);
/* Whose endpoint the message went to: by its metadata, else the only one of that origin; NULL. */
const struct sp_flow_issuer *sp_flow_issuer_of(const struct sp_flow_capture *capture,
                                               const struct sp_flow_message *message);
/* NULL: nothing is known of it. */
const struct sp_flow_client *sp_flow_client_find(const struct sp_flow_capture *capture, struct sp_str client_id);
/* Scheme, host and port of a URL. */
struct sp_str sp_flow_origin(struct sp_str url);

/* ---- who asks (client_credentials.c) ---- */
struct sp_flow_credentials {
    struct sp_str client_id, secret; /* as the server understands them: decoded */
    struct sp_str raw_secret;        /* Basic before form-decoding */
    struct sp_str assertion;
    unsigned methods; /* how many */
    bool basic_malformed;
    enum sp_flow_client_method method; /* the first of them */
};

/* In the arena; absent texts where it has none. */
void sp_flow_credentials_read(struct sp_arena *arena, const struct sp_flow_message *message,
                              struct sp_flow_credentials *credentials);
const char *sp_flow_client_method_name(enum sp_flow_client_method method);
/* The claims and header of a JWT, unverified; NULL when it is none. */
const struct sp_json *sp_flow_jwt_part(struct sp_arena *arena, struct sp_str token, unsigned part);

/* ---- parameters of the flow's authorization request, pushed, signed or plain; absent when it has none ---- */
struct sp_str sp_flow_asked(const struct sp_flow *flow, const char *name);

/* ---- words for people ---- */
/* A secret as it may be shown: its first characters and its length. */
struct sp_str sp_flow_masked(const struct sp_flow_capture *capture, struct sp_str secret);
/* A value of this parameter or member name: masked unless it is one of those that hold no secret. */
struct sp_str sp_flow_shown(const struct sp_flow_capture *capture, struct sp_str name, struct sp_str value);
/* Text from outside with everything that looks like a token masked. */
struct sp_str sp_flow_scrubbed(const struct sp_flow_capture *capture, struct sp_str text);

#endif
