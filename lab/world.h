/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share: the lab's state, and one call while it is answered. */
#ifndef SP_LAB_WORLD_H
#define SP_LAB_WORLD_H

#include <pthread.h>
#include <stdatomic.h>
#include "core/oauth/form.h"
#include "lab/document.h"
#include "lab/grant.h"
#include "lab/key_set.h"
#include "lab/lab.h"
#include "lab/wire.h"

enum sp_lab_place { SP_LAB_AT_ISSUER, SP_LAB_AT_API, SP_LAB_AT_CONTROL, SP_LAB_PLACE_COUNT };

struct sp_lab {
    struct sp_lab_terms terms;
    struct sp_arena *arena;
    _Atomic unsigned fault; /* enum sp_cause; read by the threads of the connections */
    atomic_ullong requests, commits;
    pthread_mutex_t lock; /* of what stands below: keys, grants */
    struct sp_lab_keys keys;
    struct sp_lab_grants grants;
    struct sp_lab_certificates *certificates;
    struct sp_lab_server *server;
    struct sp_lab_wire *wires[SP_LAB_PLACE_COUNT];
    int refused_fd, full_fd, full_clients[4]; /* ports where nobody listens, and where nobody accepts */
    struct sp_str origin, api_url, folder;
    struct sp_lab_facts facts;
    struct sp_lab_word word_rows[24];
    struct sp_lab_words words; /* what every template may name */
};

#define SP_LAB_ANSWER_HEADERS 16u

struct sp_lab_call {
    struct sp_lab *lab;
    struct sp_arena *arena;
    enum sp_cause fault;
    enum sp_lab_place place;
    int64_t now;
    struct sp_lab_words words; /* those of the lab, and now */

    /* as it came */
    struct sp_str method, path, query_text, body;
    struct sp_form query, form; /* form: of the body, where it is one */
    struct sp_str authorization, origin, host, preflight_method;
    struct sp_str dpop; /* the proof; absent: none */
    struct sp_str jkt;  /* of the key that it proved at the token endpoint; absent: none */

    /* as it is answered */
    unsigned status;
    struct sp_str media_type, answer;
    struct {
        struct sp_str name, value;
    } headers[SP_LAB_ANSWER_HEADERS];
    size_t header_count;
    enum sp_lab_act act;
};

/* The fault did something to this call. */
void sp_lab_committed(struct sp_lab *lab);

void sp_lab_answer(struct sp_lab_call *call, unsigned status, const char *media_type, struct sp_str body);
void sp_lab_answer_object(struct sp_lab_call *call, unsigned status, const struct sp_lab_object *object);
/* OAuth's error response (RFC 6749 5.2); description may be NULL. */
void sp_lab_answer_error(struct sp_lab_call *call, unsigned status, const char *error, const char *description);
void sp_lab_answer_header(struct sp_lab_call *call, const char *name, struct sp_str value);
/* The member of the form, or of the query where there is no form. */
struct sp_str sp_lab_parameter(const struct sp_lab_call *call, const char *name);
/* Behind "Bearer " or "DPoP "; absent otherwise. */
struct sp_str sp_lab_bearer(const struct sp_lab_call *call);

/* Is it the lab's client, by Basic or in the form? False: answered. `may_be_public`: its id alone is enough, because
 * something else proves it. */
bool sp_lab_authenticate(struct sp_lab_call *call, bool may_be_public);

/* Answers the call: by the fault's row, else as a healthy server does. */
void sp_lab_serve(struct sp_lab_call *call);

/* Honest answers; what a fault changes in a document is theirs to ask. */
void sp_lab_serve_discovery(struct sp_lab_call *call);
void sp_lab_serve_keys(struct sp_lab_call *call);
void sp_lab_serve_other(struct sp_lab_call *call); /* the other issuer: discovery and keys */
void sp_lab_serve_authorization(struct sp_lab_call *call);
void sp_lab_serve_pushed_request(struct sp_lab_call *call);
/* The parameters behind request_uri become the call's form; without one nothing happens. False: answered. */
bool sp_lab_take_pushed(struct sp_lab_call *call);
void sp_lab_serve_token(struct sp_lab_call *call);
void sp_lab_serve_device_authorization(struct sp_lab_call *call);
void sp_lab_serve_userinfo(struct sp_lab_call *call);
void sp_lab_serve_introspection(struct sp_lab_call *call);
void sp_lab_serve_revocation(struct sp_lab_call *call);
void sp_lab_serve_logout(struct sp_lab_call *call);
void sp_lab_serve_api(struct sp_lab_call *call);
void sp_lab_serve_resource_metadata(struct sp_lab_call *call);
void sp_lab_serve_control(struct sp_lab_call *call);

#endif
