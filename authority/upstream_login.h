/* SPDX-License-Identifier: Apache-2.0 */
/* One sign-in that is under way at an upstream: what was sent there and has to come back, found by its state. */
#ifndef SP_AUTHORITY_UPSTREAM_LOGIN_H
#define SP_AUTHORITY_UPSTREAM_LOGIN_H

#include "authority/upstream.h"
#include "authority/visit.h"

#define SP_UPSTREAM_LOGIN_LIFETIME_S 600

struct sp_upstream_login {
    struct sp_str upstream;                 /* its id */
    struct sp_str visit;                    /* handle of the visit that waits for it */
    struct sp_str nonce, verifier, browser; /* browser: hash of its cookie */
    /* Of the metadata that the sign-in began with: it ends with the same server. */
    struct sp_str token_endpoint, jwks_uri, userinfo_endpoint, end_session_endpoint;
    bool expects_iss, posts_secret;
    int64_t begun_at, expires_at;
    unsigned char hash[32]; /* of the state */
};

/* Keeps it under a new state. The caller has begun a write. */
SP_MUST_CHECK enum sp_status sp_upstream_login_put(struct sp_call *call, const struct sp_upstream_login *login,
                                                   struct sp_str *state);
/* SP_NOT_FOUND; one that has expired is found. */
SP_MUST_CHECK enum sp_status sp_upstream_login_find(struct sp_call *call, struct sp_str state,
                                                    struct sp_upstream_login *login);

/* What the waiting request asks of the login there. */
struct sp_upstream_demand {
    bool again;                  /* the person is to be asked, whatever session there is */
    int64_t max_age_s;           /* since the person was asked last; -1: any */
    struct sp_str max_age, hint; /* as they were sent; absent: they were not */
};
SP_MUST_CHECK enum sp_status sp_upstream_demand_of(struct sp_call *call, const struct sp_visit *visit,
                                                   struct sp_upstream_demand *demand);

/* base/callback/ID: registered there. */
struct sp_str sp_upstream_redirect_uri(const struct sp_call *call, const struct sp_upstream_provider *upstream);

#endif
