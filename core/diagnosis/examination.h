/* SPDX-License-Identifier: Apache-2.0 */
/* Inside an examination: what the groups of checks (form.c, token_kind.c, key_choice.c, signature.c, issuer.c,
 * audience.c, time.c, authorization.c, binding.c, introspection.c) share. Not for other rooms.
 *
 * A check sees and tells: it sets its row of `checks` and appends a finding. It never decides about the call; that is
 * sp_exam_conclude's (rank.c), and it accepts only what was authenticated and has no finding that rejects. On the way
 * of an accepted token a check compares and sets one outcome: no text is made, nothing is looked for. */
#ifndef SP_DIAGNOSIS_EXAMINATION_H
#define SP_DIAGNOSIS_EXAMINATION_H

#include "core/base/limits.h"
#include "core/diagnosis/exam.h"
#include "core/diagnosis/recorded.h"
#include "core/jose/algorithm.h"

struct sp_jwk;
struct sp_jwk_set;

/* Where the claims are that checks ask for; found in one pass. NULL: absent. */
struct sp_claims {
    const struct sp_json *iss, *sub, *aud, *exp, *nbf, *iat, *jti, *azp, *acr, *cnf, *scp, *typ, *ver, *tid;
    const struct sp_json *scope, *roles, *nonce, *active, *at_hash, *c_hash, *client_id, *auth_time, *token_use;
    const struct sp_json *email_verified, *hasgroups, *claim_names;
};

enum sp_exam_stage {
    SP_STAGE_FORM,           /* nothing looked at yet */
    SP_STAGE_KEYS,           /* a JWT whose header is read: choose issuer and key, verify */
    SP_STAGE_KEYS_AWAITED,   /* parked: SP_NEED_KEYS was said */
    SP_STAGE_INTROSPECTION,  /* ask, where the route or the token's kind needs it */
    SP_STAGE_ANSWER_AWAITED, /* parked: SP_NEED_INTROSPECTION was said */
    SP_STAGE_CLAIMS,         /* claims are known: verified or a rumour */
    SP_STAGE_BINDING,
    SP_STAGE_REPLAY_AWAITED, /* parked: SP_NEED_REPLAY_CHECK was said */
    SP_STAGE_DONE,
};

struct sp_hint {
    struct sp_str text;
    struct sp_hint *next;
};

struct sp_exam {
    struct sp_arena *arena;
    struct sp_exam_input input;
    const struct sp_world *world; /* as last given */
    enum sp_exam_stage stage;

    /* form */
    enum sp_token_kind kind;
    struct sp_str segments[3]; /* of a JWT, as sent */
    struct sp_str signed_text; /* header "." payload, as sent */
    struct sp_str signature;   /* decoded */
    const struct sp_json *header, *body;
    struct sp_claims claims;

    /* header */
    struct sp_str alg, kid;      /* as the header says; absent when it does not */
    enum sp_algorithm algorithm; /* SP_ALGORITHM_UNKNOWN: unknown, missing or "none" */
    bool algorithm_allowed;

    /* issuer and key */
    const struct sp_known_issuer *issuer; /* the one judged against; NULL: no issuer is configured */
    size_t issuer_index, issuer_place;    /* in the world, among those that the API accepts */
    bool issuer_is_named;                 /* the token's iss is that issuer's, byte for byte */
    bool keys_asked;                      /* SP_NEED_KEYS was answered */
    bool was_unknown_kid;                 /* before it was answered */
    bool authenticated;                   /* signature verified, or introspection said active */
    bool signature_verified;
    const struct sp_jwk *key; /* that verified */

    /* introspection */
    bool introspection_given;
    struct sp_introspection_given {
        struct sp_str body, detail;
        enum sp_cause failure, reason;
    } introspection;
    /* of an opaque token's issuers, the first that could not be asked; its place + 1, 0: none */
    struct sp_introspection_given undecided;
    size_t undecided_place;

    /* binding */
    bool replay_given, replay_seen;
    unsigned char proof_id[32];
    struct sp_str proof_jti; /* of a DPoP proof that holds; absent until it was checked */

    /* result */
    struct sp_finding *findings; /* SP_MAX_FINDINGS rows, made with the first */
    size_t finding_count;
    bool refused;          /* a finding that rejects exists */
    bool incomplete;       /* memory or room for findings ran out: never accepted */
    struct sp_str lacking; /* of a record: the first thing that it does not tell; absent: nothing */
    struct sp_hint *hints, *last_hint;
    size_t hint_count;
    bool concluded;
    struct sp_verdict verdict;
};

/* ---- telling (exam.c) ---- */
/* Appends a finding that we saw ourselves (verified), and sets its check's outcome by the cause's severity. Never NULL:
 * without room a row that nobody reads, and `incomplete` is set. */
struct sp_finding *sp_exam_saw(struct sp_exam *exam, enum sp_cause cause, enum sp_check check, struct sp_str expected,
                               struct sp_str received);
/* The same, read from claims: verified only once the token is authenticated. */
struct sp_finding *sp_exam_claimed(struct sp_exam *exam, enum sp_cause cause, enum sp_check check,
                                   struct sp_str expected, struct sp_str received);
/* Seen, and it is why the call is refused, whatever its row's severity. */
struct sp_finding *sp_exam_saw_fatal(struct sp_exam *exam, enum sp_cause cause, enum sp_check check,
                                     struct sp_str expected, struct sp_str received);
/* Seen, and it did not stand in the way, whatever its row's severity. */
void sp_exam_tolerate(struct sp_exam *exam, enum sp_cause cause, enum sp_check check, struct sp_str expected,
                      struct sp_str received, struct sp_str detail);
/* The record does not tell this, and without it nothing can be said. */
void sp_exam_lack(struct sp_exam *exam, struct sp_str what);
/* Likely, not proven: a whole sentence that lives as long as the arena; absent (no memory) is ignored. */
void sp_exam_hint(struct sp_exam *exam, struct sp_str sentence);
/* The check passed. expected and received are made only when exam->input.explain. */
void sp_exam_pass(struct sp_exam *exam, enum sp_check check);
void sp_exam_pass_with(struct sp_exam *exam, enum sp_check check, struct sp_str expected, struct sp_str received);
bool sp_exam_has_finding(const struct sp_exam *exam, enum sp_cause cause);

const struct sp_issuer_terms *sp_exam_terms(const struct sp_exam *exam); /* of the issuer judged against, or NULL */

/* ---- checks ---- */
void sp_form_examine(struct sp_exam *exam); /* kind, segments, header, body, claims; token.* */
void sp_claims_find(const struct sp_json *body, struct sp_claims *claims);
void sp_token_kind_examine_header(struct sp_exam *exam); /* typ, crit */
bool sp_token_kind_is_access_type(struct sp_str typ);    /* a header's typ that says at+jwt (RFC 9068 2.1) */
void sp_token_kind_examine_opaque(struct sp_exam *exam); /* what nobody can be asked about */
void sp_token_kind_examine_claims(struct sp_exam *exam); /* ID and refresh tokens */
void sp_algorithm_examine(struct sp_exam *exam);
void sp_issuer_choose(struct sp_exam *exam); /* the issuer to judge against, among those that the API accepts */
void sp_issuer_choose_at(struct sp_exam *exam, size_t place);
/* The next place behind the chosen one whose issuer can be asked for opaque tokens; issuer_count: none. */
size_t sp_issuer_next_asked(const struct sp_exam *exam);
enum sp_need sp_key_examine(struct sp_exam *exam); /* chooses the key, verifies; SP_NEED_KEYS at most once */
/* The signature verified under none of the tried keys: why? */
void sp_signature_explain(struct sp_exam *exam, const struct sp_jwk *const *tried, size_t tried_count);
/* HS* while the keys are public ones: tells algorithm.key_confusion when the MAC was made with their bytes. */
bool sp_signature_is_key_confusion(struct sp_exam *exam, const struct sp_jwk_set *keys, struct sp_str *how);
void sp_issuer_examine(struct sp_exam *exam);
void sp_audience_examine(struct sp_exam *exam);
void sp_time_examine(struct sp_exam *exam);
void sp_authorization_examine(struct sp_exam *exam);
enum sp_need sp_binding_examine(struct sp_exam *exam);
bool sp_introspection_is_due(const struct sp_exam *exam);
/* Nobody wrote on an opaque token whose it is: true when the answer settles nothing and another issuer is now asked. */
bool sp_introspection_goes_on(struct sp_exam *exam);
void sp_introspection_examine(struct sp_exam *exam);
/* The route wants its JWTs asked for and the issuer cannot be: not decided, never accepted. */
void sp_introspection_examine_absence(struct sp_exam *exam);

/* ---- of a recorded token, in place of its form, key, introspection, binding (recorded.c) ---- */
void sp_recorded_examine_form(struct sp_exam *exam);
void sp_recorded_examine_key(struct sp_exam *exam);
void sp_recorded_examine_introspection(struct sp_exam *exam);
void sp_recorded_examine_binding(struct sp_exam *exam);
/* The token was taken for this issuer's then. */
bool sp_recorded_is_of(const struct sp_exam *exam, const struct sp_known_issuer *issuer);
/* Whether the absence of a claim proves that the token had none; true of a token that is at hand. */
bool sp_recorded_tells(const struct sp_exam *exam, struct sp_str claim);

/* ---- the end: root causes, then ranks (refine.c, rank.c) ---- */
void sp_exam_refine(struct sp_exam *exam);
void sp_exam_conclude(struct sp_exam *exam);
void sp_exam_hint_at(struct sp_exam *exam, enum sp_cause cause); /* what is likely behind the primary cause (hint.c) */

#endif
