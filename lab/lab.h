/* SPDX-License-Identifier: Apache-2.0 */
/* The lab: an issuer, an API, a network and a clock that are healthy but for one chosen fault, named by its cause in
 * the catalogue. Clients, gateways and `sallyport` itself are tested against it.
 *
 * How it is built. A fault is a row of faults.def; most faults are data there – a claim, a member, a whole answer – and
 * the code below asks the table wherever it is about to say something. So there is one honest OpenID Provider here and
 * no list of broken ones:
 *
 *      cli/lab_*.c ──► lab.c (starts and stops it, knows the fault of the moment)
 *                        ├─ server.c       HTTP by libmicrohttpd, one thread, one call at a time
 *                        │    ├─ issuer*.c   discovery, key set, authorization, token, userinfo … ──► token.c,
 * signing.c, key_set.c │    └─ api.c       the resource server ├─ wire.c         sockets and TLS: what a connection
 * meets before HTTP, and how answers travel │    └─ certificates.c └─ trial.c        somebody's command, run in a
 * healthy and in the faulty world
 *
 * Rules: it listens on loopback addresses unless told otherwise; keys, secrets and its CA are made when it starts and
 * forgotten when it stops; nothing it serves is for anything but tests, and everything it says looks like it
 * ("lab-client"). May include core and libmicrohttpd; OpenSSL in wire.c, certificates.c and weak_key.c. */
#ifndef SP_LAB_LAB_H
#define SP_LAB_LAB_H

#include "core/base/json.h"
#include "core/diagnosis/requirements.h"
#include "lab/fault.h"

#define SP_LAB_AUDIENCE "https://api.lab.example"
#define SP_LAB_OTHER_AUDIENCE "https://other-api.lab.example"
#define SP_LAB_SCOPE "openid profile email offline_access read write"

struct sp_lab;

struct sp_lab_terms {
    const char *address; /* IPv4 or IPv6 */
    unsigned port;       /* of the issuer; the API's is the next one. 0: any two */
    bool tls;
    struct sp_str_list redirect_uris; /* beyond those on loopback addresses, which are always taken */
    enum sp_cause fault;              /* at first */
    /* Called for every request and every change of the fault; may be NULL. Not to call the lab. */
    void (*told)(void *context, const char *line);
    void *context;
};

/* All texts live as long as the lab. */
struct sp_lab_facts {
    struct sp_str issuer, api, metadata_url, token_endpoint, authorization_endpoint, ca_file, control;
    struct sp_str client_id, client_secret, audience, scope;
    struct sp_str other_issuer, other_jwks_uri;
};

/* Terms' texts are borrowed. SP_IO (trouble says what), SP_CRYPTO, SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_lab_start(const struct sp_lab_terms *terms, struct sp_lab **lab, char trouble[256]);
void sp_lab_stop(struct sp_lab **lab);

/* From the next connection on. Counting begins anew. */
void sp_lab_set_fault(struct sp_lab *lab, enum sp_cause fault);
enum sp_cause sp_lab_fault(const struct sp_lab *lab);
/* How often the fault was committed since it was set: 0 means that nobody met it. */
uint64_t sp_lab_commits(const struct sp_lab *lab);
uint64_t sp_lab_requests(const struct sp_lab *lab);

/* As they are under the fault of the moment. */
struct sp_lab_facts sp_lab_facts(const struct sp_lab *lab);
/* An access token and an ID token of the moment, in the arena; as the token endpoint would give them. */
SP_MUST_CHECK enum sp_status sp_lab_example_tokens(struct sp_lab *lab, struct sp_arena *arena,
                                                   struct sp_str *access_token, struct sp_str *id_token);
/* One JSON object: the fault, the facts, example tokens and how often the fault was committed; what `lab serve --json`
 * prints and the control URL answers.
 */
SP_MUST_CHECK enum sp_status sp_lab_write(struct sp_lab *lab, struct sp_json_writer *writer);

#endif
