/* SPDX-License-Identifier: Apache-2.0 */
/* An authority in memory whose endpoints are called as functions, at a time that the test sets. */
#ifndef SP_TESTS_AUTHORITY_FIXTURE_H
#define SP_TESTS_AUTHORITY_FIXTURE_H

#include "authority/authority.h"
#include "authority/errand.h"

struct fixture {
    struct sp_arena *arena; /* settings and answers */
    struct sp_authority_settings settings;
    struct sp_authority authority;
    int64_t now;
    /* Writes the answer of an errand and sets done; false: it is run as it is. */
    bool (*answer_errand)(struct fixture *fixture, struct sp_errand *errand);
    unsigned errand_count;       /* that calls waited for */
    struct sp_arena *last_arena; /* of what calls do when their turn ends; NULL: theirs */
    bool had_last_step;          /* the last call had something to do then */
    void *context;               /* the test's */
};

#define FIXTURE_NOW 1800000000

/* section: JSON of `authority:`, with single quotes for double ones. Fails the test when it is wrong. */
struct fixture *fixture_create(const char *section);
void fixture_destroy(struct fixture **fixture);
/* The end of a test whose state is a fixture. */
int fixture_stop(void **state);
/* A call of nothing yet, in the fixture's arena. */
struct sp_call *fixture_new_call(struct fixture *fixture);

struct fixture_request {
    const char *method, *path; /* POST /token when NULL */
    const char *query, *body;
    const char *authorization, *content_type, *cookie, *dpop, *origin, *fetch_site;
    unsigned authorization_count;
    const char *client_address;
    const char *certificate;  /* the header of the TLS proxy */
    const char *proxy_secret; /* FIXTURE_PROXY_SECRET when NULL and there is a certificate */
};

#define FIXTURE_PROXY_SECRET "nginx-and-nobody-else"

/* What the server does when a turn ends: flushes; when that fails the call is answered anew. */
void fixture_end_turn(struct sp_call *call);
/* The call with its answer; the store is flushed. Lives in the fixture's arena. */
struct sp_call *fixture_call(struct fixture *fixture, const struct fixture_request *request);
#define CALL(fixture, ...) fixture_call((fixture), &(const struct fixture_request){__VA_ARGS__})

/* A member of the answer's JSON as text; NULL when absent. */
const char *fixture_member(const struct sp_call *call, const char *name);
/* "Basic …" of id:secret, as they are. */
const char *fixture_basic(struct fixture *fixture, const char *id, const char *secret);
const char *fixture_cause(const struct sp_call *call); /* "" when none */

#endif
