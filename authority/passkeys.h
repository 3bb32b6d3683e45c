/* SPDX-License-Identifier: Apache-2.0 */
/* The passkeys of people, as records: what is kept of a credential, who it belongs to, and the random handle by which
 * an authenticator knows a person (Web Authentication 14.6.1: nothing about the person can be read from it). */
#ifndef SP_AUTHORITY_PASSKEYS_H
#define SP_AUTHORITY_PASSKEYS_H

#include "authority/authority.h"
#include "core/factor/passkey.h"

/* Nobody has more; and the page that lists them stays a page. */
#define SP_MAX_PASSKEYS 20u
#define SP_MAX_PASSKEY_NAME_BYTES 64u

struct sp_passkey {
    struct sp_str id; /* of the credential, base64url */
    struct sp_str owner, jwk;
    struct sp_str name; /* by which the person knows it again */
    uint32_t sign_count;
    bool is_synced;
    int64_t created_at, used_at; /* used_at 0: never */
};

/* Relying party: the issuer's host, which must be a name (no address); absent: no passkeys here. */
struct sp_str sp_passkeys_relying_party(const struct sp_authority_settings *settings);
/* What a ceremony of this call must be of. */
struct sp_passkey_expectation sp_passkeys_expectation(struct sp_call *call, struct sp_str challenge, bool verified);

/* fresh: it must not be there yet; otherwise *fresh becomes false. NULL: replaces. The caller has begun a write. */
SP_MUST_CHECK enum sp_status sp_passkeys_put(struct sp_call *call, const struct sp_passkey *passkey, bool *fresh);
SP_MUST_CHECK enum sp_status sp_passkeys_find(struct sp_call *call, struct sp_str id, struct sp_passkey *passkey);
SP_MUST_CHECK enum sp_status sp_passkeys_list(struct sp_store *store, struct sp_arena *arena, struct sp_str account,
                                              struct sp_passkey **passkeys, size_t *count);
/* The person's handle, base64url; made when there is none: the caller has begun a write. */
SP_MUST_CHECK enum sp_status sp_passkeys_handle(struct sp_call *call, struct sp_str account, struct sp_str *handle);
/* Whose handle it is; SP_NOT_FOUND. */
SP_MUST_CHECK enum sp_status sp_passkeys_owner(struct sp_call *call, struct sp_str handle, struct sp_str *account);

/* The refusal as a finding of the call, which goes on: a page is shown. */
void sp_passkeys_refuse(struct sp_call *call, const struct sp_passkey_result *result);

#endif
