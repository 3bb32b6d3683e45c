/* SPDX-License-Identifier: Apache-2.0 */
/* Access tokens: JWT by RFC 9068, or opaque ones, whose meaning is sealed in them (token_seal.h) or a ticket in the
 * store. */
#ifndef SP_AUTHORITY_ACCESS_TOKEN_H
#define SP_AUTHORITY_ACCESS_TOKEN_H

#include "authority/authority.h"

/* What a token will say. */
struct sp_token_order {
    const struct sp_client *client;
    struct sp_str account; /* whose it is; the client is told the name that it knows (subject.h) */
    struct sp_str subject; /* or, of nobody who has an account, `sub` as it is */
    struct sp_str scope;   /* space-separated */
    struct sp_str_list audiences;
    struct sp_str family; /* of the authorization it comes from; may be absent */
    struct sp_str jkt;    /* DPoP key's thumbprint; may be absent */
    struct sp_str acr;
    struct sp_str userinfo_claims; /* what userinfo tells beyond the scopes; may be absent */
    int64_t auth_time;             /* 0: nobody logged in */
    struct sp_str actor;           /* RFC 8693 4.1: a JSON object; may be absent */
    struct sp_str origins;         /* words, the jti of each token that it was exchanged from; may be absent */
    int64_t not_after;             /* 0: the client's lifetime decides */
};

struct sp_issued_token {
    struct sp_str value;  /* opaque; absent: a JWT */
    struct sp_str claims; /* of the JWT that is yet to be signed */
    int64_t expires_in_s;
};

/* An opaque token of it is sealed: of nobody who could lose it but the client itself, which got it by its own word, and
 * short enough that the value has 1,500 characters at most, where the settings say so. Others, what an exchange gave
 * among them, are tickets. */
bool sp_access_token_is_sealed(const struct sp_authority_settings *settings, const struct sp_token_order *order);

/* Tickets and pairwise names are written to the store: the caller has begun where it writes. SP_DENIED: our failure,
 * answered. */
SP_MUST_CHECK enum sp_step sp_access_token_issue(struct sp_call *call, const struct sp_token_order *order,
                                                 struct sp_issued_token *token);
/* The algorithm that a JWT is signed by now. */
enum sp_algorithm sp_access_token_algorithm(const struct sp_call *call);
/* claims: of an issued token, by a call of the same turn. */
SP_MUST_CHECK enum sp_status sp_access_token_sign(struct sp_call *call, struct sp_str claims, struct sp_str *value);

/* A presented access token that is ours, alive and not revoked. */
struct sp_live_token {
    const struct sp_json *claims; /* iss, sub, aud, client_id, scope, exp, iat, jti, … whichever format it has */
    struct sp_str claims_text;    /* the same as it was written: an object without space around it */
    struct sp_str gone_client;    /* of one that is refused because nobody is called so here any more; else absent */
    struct sp_str jti;            /* a mark of it kills what was exchanged from it too */
    bool has_ticket;
    unsigned char hash[32]; /* of its ticket */
    int64_t expires_at;
};

/* SP_NOT_FOUND: not a live token of ours; *cause says why (SP_CAUSE_TOKEN_REVOKED, SP_CAUSE_TIME_EXPIRED, …; a JWT that
 * no key of ours verifies is SP_CAUSE_SIGNATURE_INVALID, refused_token.h looks closer), *token has what is known of it.
 */
SP_MUST_CHECK enum sp_status sp_access_token_find(struct sp_call *call, struct sp_str value,
                                                  struct sp_live_token *token, enum sp_cause *cause);

#endif
