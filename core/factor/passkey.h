/* SPDX-License-Identifier: Apache-2.0 */
/* The two ceremonies of Web Authentication, in the order of 7.1 (a credential is made) and 7.2 (one is used). What
 * fails first is named with both sides.
 *
 * Attestation is not asked for: format `none` is what comes. A statement that comes nevertheless is verified where it
 * is the credential's own signature (`packed` without a certificate); of any other format it is ignored – nothing here
 * rests on who made the authenticator.
 *
 * A signature counter that does not grow means that two authenticators hold one credential: it is refused. Synced
 * passkeys count nothing (0 stays 0). */
#ifndef SP_FACTOR_PASSKEY_H
#define SP_FACTOR_PASSKEY_H

#include "core/base/arena.h"
#include "core/base/status.h"
#include "core/jose/algorithm.h"

enum sp_passkey_fault {
    SP_PASSKEY_OK,
    SP_PASSKEY_FORM,          /* CBOR, JSON or a length is not what it must be; or it is of the other ceremony */
    SP_PASSKEY_CHALLENGE,     /* not the one that was given out */
    SP_PASSKEY_ORIGIN,        /* made on another site, or inside a frame of one */
    SP_PASSKEY_RELYING_PARTY, /* rpIdHash is another name's */
    SP_PASSKEY_NOT_PRESENT,   /* UP missing, or UV where it is needed */
    SP_PASSKEY_KEY,           /* an algorithm or a key that we do not take */
    SP_PASSKEY_SIGNATURE,
    SP_PASSKEY_COUNTER,
};

struct sp_passkey_expectation {
    struct sp_str origin;    /* scheme://host[:port] */
    struct sp_str rp_id;     /* its host */
    struct sp_str challenge; /* base64url; as it was given out */
    bool needs_verification; /* of the person: UV */
};

struct sp_passkey_result {
    enum sp_passkey_fault fault;
    struct sp_str part;               /* "challenge", "origin" …: literal */
    struct sp_str expected, received; /* evidence; in the arena or borrowed */
};

struct sp_new_passkey {
    struct sp_str credential_id;
    struct sp_str jwk; /* public */
    struct sp_str aaguid;
    uint32_t sign_count;
    bool is_verified, is_backup_eligible, is_backed_up;
};

/* SP_NO_MEMORY; else everything is in *result, and *made is filled when its fault is SP_PASSKEY_OK. */
SP_MUST_CHECK enum sp_status sp_passkey_register(struct sp_arena *arena, struct sp_str client_data,
                                                 struct sp_str attestation_object,
                                                 const struct sp_passkey_expectation *expectation,
                                                 struct sp_new_passkey *made, struct sp_passkey_result *result);

struct sp_passkey_assertion {
    struct sp_str client_data, authenticator_data, signature; /* from the browser */
    struct sp_str jwk;                                        /* what is stored of the credential … */
    uint32_t sign_count;
};

struct sp_passkey_use {
    uint32_t sign_count; /* to be stored */
    bool is_verified, is_backed_up;
};

/* Likewise, with *use. */
SP_MUST_CHECK enum sp_status sp_passkey_use(struct sp_arena *arena, const struct sp_passkey_assertion *assertion,
                                            const struct sp_passkey_expectation *expectation,
                                            struct sp_passkey_use *use, struct sp_passkey_result *result);

#endif
