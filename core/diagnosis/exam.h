/* SPDX-License-Identifier: Apache-2.0 */
/* The examination of one presented token: a pure machine. It runs every check that can run, then ranks. What it lacks
 * it names (SP_NEED_…) and waits for; the shell gives it and steps again. `now` is an argument.
 *
 *   start ─► FORM ─► KEYS ◄──────┐ give_knowledge        (JWT)
 *              │       └─► NEED_KEYS (unknown kid or no keys at all; at most once)
 *              └─► INTROSPECTION ─► NEED_INTROSPECTION    (opaque, or JWT where the route says so)
 *            ─► CLAIMS ─► BINDING ─► NEED_REPLAY_CHECK (DPoP jti) ─► DONE
 */
#ifndef SP_DIAGNOSIS_EXAM_H
#define SP_DIAGNOSIS_EXAM_H

#include "core/base/arena.h"
#include "core/diagnosis/requirements.h"
#include "core/diagnosis/verdict.h"

enum sp_need {
    SP_EXAM_DONE,
    SP_NEED_KEYS,          /* look again at sp_exam_issuer()'s key set for sp_exam_kid() */
    SP_NEED_INTROSPECTION, /* ask sp_exam_issuer() whether the token is active */
    SP_NEED_REPLAY_CHECK,  /* has sp_exam_proof_id() (32 bytes) been seen? */
};

struct sp_exam;
struct sp_recorded_token; /* core/diagnosis/recorded.h */

struct sp_exam_input {
    struct sp_str token; /* the credential, as cut from its place by core/diagnosis/credential.h */
    const struct sp_requirements *requirements;
    const struct sp_world *world;
    const struct sp_possession *possession; /* NULL: plain bearer */
    int64_t now;                            /* epoch seconds */
    bool signature_only;                    /* any JWS: no claims are judged, the payload may be anything */
    struct sp_str without_keys; /* no key is to be had (CLI), in a sentence: key and signature are not judged;
                                   what speaks against the token refuses it, nothing accepts it */
    bool possession_unknown;    /* the token alone is at hand (CLI): bindings are told, not judged */
    bool scheme_is_bearer;      /* … but for the scheme that it was sent with */
    bool wants_id_token;        /* it is the ID token of a login: that kind is not held against it */
    const struct sp_recorded_token *recorded; /* in place of a token that is not at hand: one that was judged before */
    bool explain;                             /* fill every check's expected/received even when it passes (CLI) */
};

/* Everything lives in arena; input's pointers are borrowed until the verdict is used. NULL past the arena's ceiling. */
struct sp_exam *sp_exam_start(struct sp_arena *arena, const struct sp_exam_input *input);
enum sp_need sp_exam_step(struct sp_exam *exam);

size_t sp_exam_issuer(const struct sp_exam *exam); /* index into the world's issuers */
struct sp_str sp_exam_kid(const struct sp_exam *exam);
const unsigned char *sp_exam_proof_id(const struct sp_exam *exam);

/* The world as it is after the keeper looked again (or could not: known.failure). Borrowed. */
void sp_exam_give_world(struct sp_exam *exam, const struct sp_world *world);
/* body: RFC 7662 answer, examined here; failure: introspection.* when there is none (body then empty), reason:
 * network.* or none. */
void sp_exam_give_introspection(struct sp_exam *exam, struct sp_str body, enum sp_cause failure, enum sp_cause reason,
                                struct sp_str detail);
void sp_exam_give_replay(struct sp_exam *exam, bool seen);

/* Of a recorded token or without keys, after SP_EXAM_DONE: what is lacking ("claim department"). Then the token is
 * either refused for what it does tell, or neither accepted nor refused: the verdict has no cause. Absent: nothing is
 * lacking. */
struct sp_str sp_exam_lacking(const struct sp_exam *exam);

/* After SP_EXAM_DONE; never NULL: past the arena's ceiling a static verdict that refuses. */
const struct sp_verdict *sp_exam_verdict(const struct sp_exam *exam);

/* A verdict without a token: token.missing, route.none, rate.limited …: one cause with evidence. */
const struct sp_verdict *sp_verdict_of(struct sp_arena *arena, const struct sp_finding *finding);

#endif
