/* SPDX-License-Identifier: Apache-2.0 */
/* The policy: what the configuration says, as a model that is built once, checked, and then only read. One model for
 * the merged sallyport.yaml, the snapshot that control writes (policy.json, the same grammar) and a guest's file.
 * Immutable and counted; a reload publishes another one. Everything below it lives in the policy's own arena and dies
 * with it; texts are copied.
 *
 *   policy ─ issuers[]            (terms; what is known of their keys lives elsewhere, see diagnosis/knowledge.h)
 *          ─ apis[] ─ methods[]   (requirements by method)     ─ upstream ─ servers[]
 *          │        ─ limits[] ─ cors ─ identity_headers[]
 *          ─ consumers[]          (found by API key or client id)
 *          ─ routing index        (host, then longest path prefix, then method)
 */
#ifndef SP_POLICY_POLICY_H
#define SP_POLICY_POLICY_H

#include "core/base/arena.h"
#include "core/base/json.h"
#include "core/diagnosis/facts.h"
#include "core/diagnosis/refusal.h"
#include "core/diagnosis/requirements.h"

/* ---- upstream ---- */
enum sp_upstream_scheme { SP_UPSTREAM_HTTP, SP_UPSTREAM_HTTPS, SP_UPSTREAM_GRPC, SP_UPSTREAM_GRPCS };

struct sp_server {
    struct sp_str url;       /* as written */
    struct sp_str host;      /* of the URL, without port: the name that TLS is verified against */
    struct sp_str authority; /* host[:port] as written: the default Host header */
    struct sp_str path;      /* of the URL without a trailing '/'; put in front of the request's path */
    unsigned port;
    struct sp_str_list addresses; /* "10.0.0.1:9000", "[::1]:443", "unix:/path"; of the snapshot, or the host itself
                                     when it is an address; empty: not resolved */
    unsigned weight;              /* ≥ 1 */
};

struct sp_upstream {
    enum sp_upstream_scheme scheme; /* the same for all servers */
    const struct sp_server *servers;
    size_t server_count;
    struct sp_str host;                     /* Host header; none: the server's authority */
    struct sp_str ca_file;                  /* none: the system's */
    int64_t timeout_ms, connect_timeout_ms; /* 0: the gateway's defaults */
    int retries;            /* further servers (or the same again) after the first; -1: as many as there are others */
    unsigned max_fails;     /* default 1; 0: never taken out */
    int64_t fail_timeout_s; /* default 10 */
};

/* ---- what else an API says ---- */
enum sp_limit_per {
    SP_LIMIT_PER_SUBJECT,
    SP_LIMIT_PER_CLIENT,
    SP_LIMIT_PER_IP,
    SP_LIMIT_PER_ROUTE,
    SP_LIMIT_PER_CONSUMER
};

struct sp_limit {
    enum sp_limit_per per;
    uint32_t requests; /* ≥ 1 */
    int64_t window_ms; /* ≥ 1 */
};

/* What a call beyond it is told: a window of an hour or more is a quota, a shorter one a rate. */
static inline enum sp_cause sp_limit_cause(const struct sp_limit *limit)
{
    return limit->window_ms >= 3600000 ? SP_CAUSE_QUOTA_EXCEEDED : SP_CAUSE_RATE_LIMITED;
}

enum sp_cors_mode { SP_CORS_OFF, SP_CORS_PASS, SP_CORS_ANSWER };

struct sp_cors {
    enum sp_cors_mode mode;
    struct sp_str_list origins; /* "*" alone: any */
    /* Joined by ", ", as the answer carries them; none (or "*" was written): what the request asks for. */
    struct sp_str methods, headers;
    bool credentials;
    int64_t max_age_s;
};

struct sp_identity_header {
    struct sp_str name, lower; /* as written, and in lower case */
    struct sp_str claim;
};

struct sp_method_requirements {
    struct sp_str method; /* "*": every other */
    struct sp_requirements requirements;
};

struct sp_api {
    struct sp_str name;
    size_t index; /* in the policy */
    struct sp_upstream upstream;
    const struct sp_method_requirements *methods; /* the last one is "*" */
    size_t method_count;
    bool anonymous;     /* calls without a credential are served; one that is presented is judged all the same */
    bool accepts_token; /* Bearer or DPoP: the API names issuers */
    bool accepts_api_key, accepts_query, accepts_dpop;
    bool forwards_token; /* token: forward (default) or drop */
    bool introspects;    /* opaque tokens may be asked for */
    enum sp_diagnostics diagnostics;
    struct sp_cors cors;
    const struct sp_limit *limits;
    size_t limit_count;
    const struct sp_identity_header *identity_headers;
    size_t identity_header_count;
    bool has_resource_metadata;
    struct sp_str resource_metadata; /* JSON members given by hand, "{}" when none */
    struct sp_str host, path;        /* of its first match rule; none: any */
};

/* ---- consumers ---- */
enum sp_consumer_state { SP_CONSUMER_ACTIVE, SP_CONSUMER_PENDING, SP_CONSUMER_SUSPENDED };

struct sp_consumer {
    struct sp_str name;
    enum sp_consumer_state state;
    const size_t *apis; /* indices; NULL: all; none of them when `apis: []` says so */
    size_t api_count;
};

/* ---- how it is served: for the control plane ---- */
struct sp_listener {
    struct sp_str address;                          /* as written: ":8080", "127.0.0.1:0", "unix:/path" */
    bool asks_for_certificates;                     /* of clients, with TLS */
    struct sp_str certificate, key, client_ca_file; /* files; none: no TLS */
    bool http2;
    const struct sp_json *source;
};

/* What a line of the call log tells of a token that was accepted. */
enum sp_logged_token {
    SP_LOGGED_FACTS, /* what a policy can ask of it: the facts; and the claims that call_log.claims names */
    SP_LOGGED_NOTHING,
    SP_LOGGED_WHOLE, /* header and claims, of a JWT */
};

struct sp_serving {
    const struct sp_listener *listeners; /* at least one */
    size_t listener_count;
    bool has_admin;
    struct sp_str admin_address, admin_token; /* admin_token: of the admin API; absent: it is off */
    struct sp_str_list admin_hosts;           /* names under which it is asked, beside its own */
    unsigned workers;                         /* 0: one per processor */
    bool logs_calls;
    struct sp_str call_log_file; /* as written: relative to the state directory */
    enum sp_logged_token logged_token;
    struct sp_str_list logged_claims; /* beside those that the policy itself asks for */
    struct sp_str_list blocked_networks;
    int64_t key_refresh_ms; /* 0: by Cache-Control */
};

/* ---- the whole ---- */
struct sp_policy {
    const struct sp_issuer_terms *issuers;
    const struct sp_json *const
        *issuer_sources; /* each issuer's object in the configuration (jwks_file, introspection …) */
    size_t issuer_count;
    const struct sp_api *apis;
    size_t api_count;
    const struct sp_api_audience *api_audiences;
    size_t api_audience_count;
    const struct sp_consumer *consumers;
    size_t consumer_count;
    struct sp_kept_claims kept_claims; /* that call_log, rules and identity headers name: for sp_facts_from_exam */
    struct sp_str_list owned_headers;  /* every identity header of every API, lower case */
    struct sp_str public_url;          /* none: from the request */
    struct sp_str_list trusted_proxies;
    struct sp_serving serving;
    const struct sp_json *source; /* the configuration itself, merged, expanded, validated */
};

struct sp_policy_report; /* core/policy/report.h: findings config.* with file, line and column */

/* text: YAML or JSON (a snapshot), without expansion; paths in it are taken as they are. On SP_MALFORMED the report
 * says what is wrong, each with its config.* cause; warnings are in it on success too. *policy untouched on failure. */
SP_MUST_CHECK enum sp_status sp_policy_parse(struct sp_str text, struct sp_str file_name, struct sp_policy **policy,
                                             struct sp_policy_report *report);

/* ---- several files, merged in order; variables and secret files from a callback ---- */
struct sp_policy_text {
    struct sp_str name, text;
    struct sp_str directory; /* put before relative paths in it; none: they stay as they are */
};

enum sp_expanded {
    SP_EXPANDED,
    SP_EXPANSION_MISSING,    /* the variable is not set, the file does not exist */
    SP_EXPANSION_UNREADABLE, /* the file is there and not readable */
    SP_EXPANSION_TOO_LARGE,
    SP_EXPANSION_MALFORMED, /* said by the core itself */
};

/* core reads neither files nor the environment. *value: in arena, or living until the parse returns. */
struct sp_expansion {
    void *context;
    enum sp_expanded (*variable)(void *context, struct sp_arena *arena, struct sp_str name, struct sp_str *value);
    enum sp_expanded (*file)(void *context, struct sp_arena *arena, struct sp_str path, struct sp_str *value);
    /* Who may read such a file that should not, in words; absent: nobody. NULL: it is not looked at. */
    struct sp_str (*exposure)(void *context, struct sp_arena *arena, struct sp_str path);
};

struct sp_policy_input {
    const struct sp_policy_text *texts;
    size_t text_count;
    const struct sp_expansion *expansion; /* NULL: ${…} stays as it is written */
    size_t max_arena_bytes;               /* 0: SP_MAX_POLICY_ARENA_BYTES */
    /* Told of each file that the configuration names, a secret's before it is read, however often and whether or not it
     * is there; path lives until the return. NULL: nobody wants to know. */
    void (*names_file)(void *data, struct sp_str path);
    void *names_data;
};
SP_MUST_CHECK enum sp_status sp_policy_parse_input(const struct sp_policy_input *input, struct sp_policy **policy,
                                                   struct sp_policy_report *report);
struct sp_policy *sp_policy_ref(struct sp_policy *policy);
void sp_policy_unref(struct sp_policy **policy);

/* ---- asked on every call; none allocates ---- */
enum sp_match_outcome { SP_MATCH_FOUND, SP_MATCH_NO_ROUTE, SP_MATCH_NO_METHOD };

struct sp_route_match {
    const struct sp_api *api;
    const struct sp_requirements *requirements; /* of this method */
    struct sp_str allowed; /* of NO_METHOD: what is served there, "GET, HEAD, POST", for Allow (RFC 9110 15.5.6) */
};

/* host: lower case, without port; path: decoded and normalised, begins with '/'. NO_METHOD: *match names the API still.
 */
enum sp_match_outcome sp_policy_match(const struct sp_policy *policy, struct sp_str host, struct sp_str path,
                                      struct sp_str method, struct sp_route_match *match);

/* Of all APIs. */
size_t sp_policy_server_count(const struct sp_policy *policy);
/* The API of that name; NULL: there is none. */
const struct sp_api *sp_policy_api(const struct sp_policy *policy, struct sp_str name);
/* By the SHA-256 of the key presented; NULL: unknown. */
const struct sp_consumer *sp_policy_consumer_of_key(const struct sp_policy *policy, const unsigned char sha256[32]);
const struct sp_consumer *sp_policy_consumer_of_client(const struct sp_policy *policy, struct sp_str client_id);
bool sp_consumer_may_use(const struct sp_consumer *consumer, const struct sp_api *api);
/* Why this consumer (NULL: a caller that is none) may not call this API: consumer.*, or SP_CAUSE_NONE. */
enum sp_cause sp_consumer_fault(const struct sp_consumer *consumer, const struct sp_api *api);

#endif
