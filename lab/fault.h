/* SPDX-License-Identifier: Apache-2.0 */
/* The lab's table of faults (faults.def): which there are, who meets them, what must come of them, and the rows that
 * say how each is committed. A fault is named by its cause; SP_CAUSE_NONE is the healthy world. */
#ifndef SP_LAB_FAULT_H
#define SP_LAB_FAULT_H

#include "core/diagnosis/cause.h"

/* What commits it. */
enum sp_lab_part {
    SP_LAB_PART_DISCOVERY,
    SP_LAB_PART_KEYS,
    SP_LAB_PART_TOKEN,
    SP_LAB_PART_TOKEN_ENDPOINT,
    SP_LAB_PART_AUTHORIZATION,
    SP_LAB_PART_USERINFO,
    SP_LAB_PART_INTROSPECTION,
    SP_LAB_PART_DEVICE,
    SP_LAB_PART_LOGOUT,
    SP_LAB_PART_API,
    SP_LAB_PART_NETWORK,
    SP_LAB_PART_TLS,
    SP_LAB_PART_CLOCK,
    SP_LAB_PART_COUNT
};

enum sp_lab_who { SP_LAB_WHO_CLIENT, SP_LAB_WHO_VERIFIER, SP_LAB_WHO_API, SP_LAB_WHO_COUNT };
enum sp_lab_must { SP_LAB_MUST_REFUSE, SP_LAB_MUST_SURVIVE, SP_LAB_MUST_EITHER };

struct sp_lab_fault {
    enum sp_cause cause;
    enum sp_lab_part part;
    enum sp_lab_who who;
    enum sp_lab_must must;
    struct sp_str what; /* one sentence */
};

size_t sp_lab_fault_count(void);
const struct sp_lab_fault *sp_lab_fault_at(size_t index);          /* in the order of the table */
const struct sp_lab_fault *sp_lab_fault_find(enum sp_cause cause); /* NULL: the lab does not commit it */
/* "issuer.trailing_slash"; "healthy" of SP_CAUSE_NONE. */
struct sp_str sp_lab_fault_id(enum sp_cause cause);
/* The cause of an id, "healthy" or "none"; false when the lab has no such fault. */
bool sp_lab_fault_of_id(struct sp_str id, enum sp_cause *cause);
/* The fault whose id differs least from a mistyped one; absent when none is near. */
struct sp_str sp_lab_fault_nearest(struct sp_str id);
/* Why a cause of the catalogue is not among the faults (unprovoked.def); absent when it is, or nobody says. */
struct sp_str sp_lab_unprovoked_reason(enum sp_cause cause);

struct sp_str sp_lab_part_name(enum sp_lab_part part); /* "token endpoint" */
struct sp_str sp_lab_who_name(enum sp_lab_who who);    /* "client", "verifier", "api" */
struct sp_str sp_lab_must_name(enum sp_lab_must must); /* "refuse", "survive", "either" */

/* ---- how a fault is committed ---- */

enum sp_lab_document {
    SP_LAB_METADATA,      /* of the issuer */
    SP_LAB_RESOURCE,      /* metadata of the API (RFC 9728) */
    SP_LAB_HEADER,        /* of both tokens */
    SP_LAB_ACCESS_HEADER, /* of the access token alone */
    SP_LAB_CLAIM,         /* of both tokens */
    SP_LAB_ACCESS_CLAIM,
    SP_LAB_ID_CLAIM,
    SP_LAB_PAYLOAD,    /* the whole payload of both, as text */
    SP_LAB_TOKEN_TEXT, /* the access token as it is handed out */
    SP_LAB_TOKEN_ANSWER,
    SP_LAB_USERINFO,
    SP_LAB_CALLBACK,     /* parameters, not JSON */
    SP_LAB_REGISTRATION, /* what the issuer has of the client; plain text */
};

struct sp_lab_set {
    enum sp_cause cause;
    enum sp_lab_document document;
    const char *member, *template; /* NULL template: left out */
};

enum sp_lab_endpoint {
    SP_LAB_ANY, /* of the issuer */
    SP_LAB_DISCOVERY,
    SP_LAB_DISCOVERY_APPENDED,
    SP_LAB_JWKS,
    SP_LAB_AUTHORIZE,
    SP_LAB_TOKEN,
    SP_LAB_TOKEN_CODE,
    SP_LAB_TOKEN_REFRESH,
    SP_LAB_TOKEN_DEVICE,
    SP_LAB_USERINFO_ENDPOINT,
    SP_LAB_INTROSPECT,
    SP_LAB_REVOKE,
    SP_LAB_DEVICE,
    SP_LAB_PUSHED,
    SP_LAB_LOGOUT,
    SP_LAB_API, /* any call to it but those below */
    SP_LAB_PREFLIGHT,
    SP_LAB_RESOURCE_METADATA,
    SP_LAB_ELSEWHERE, /* a path that nothing is at */
};

struct sp_lab_answer_row {
    enum sp_cause cause;
    enum sp_lab_endpoint endpoint;
    unsigned status;
    const char *media_type, *header, *body; /* header may be NULL */
};

/* How the bytes of an answer travel. */
enum sp_lab_act {
    SP_LAB_ACT_NONE,
    SP_LAB_ACT_REFUSE, /* nobody listens */
    SP_LAB_ACT_HANG,   /* read and never answered */
    SP_LAB_ACT_CUT,    /* the connection ends in the middle of the body */
};

/* What the server shows of itself when a connection begins. */
enum sp_lab_variety {
    SP_LAB_GOOD, /* leaf and intermediate of the lab's root */
    SP_LAB_EXPIRED,
    SP_LAB_NOT_YET_VALID,
    SP_LAB_EXPIRING,
    SP_LAB_SELF_SIGNED,
    SP_LAB_UNKNOWN_CA,
    SP_LAB_MISSING_INTERMEDIATE,
    SP_LAB_OTHER_HOST,
    SP_LAB_INTERCEPTED,
    SP_LAB_OLD_PROTOCOL,
    SP_LAB_NO_CIPHER,
    SP_LAB_WANTS_CERTIFICATE,
    SP_LAB_PLAIN, /* no TLS at all */
    SP_LAB_VARIETY_COUNT
};

/* The row after *position (0 at first) about this document; NULL past the last. */
const struct sp_lab_set *sp_lab_set_next(enum sp_cause cause, enum sp_lab_document document, size_t *position);
/* The row that answers this endpoint, or NULL. SP_LAB_ANY answers every endpoint of the issuer, TOKEN its kinds,
 * DISCOVERY its forms. */
const struct sp_lab_answer_row *sp_lab_answer_find(enum sp_cause cause, enum sp_lab_endpoint endpoint);
enum sp_lab_act sp_lab_act_find(enum sp_cause cause, enum sp_lab_endpoint endpoint);
enum sp_lab_variety sp_lab_variety_of(enum sp_cause cause, bool at_api);
int sp_lab_clock_skew(enum sp_cause cause); /* seconds that the issuer's Date is ahead */
/* Can it be met only through TLS? */
bool sp_lab_needs_tls(enum sp_cause cause);

#endif
