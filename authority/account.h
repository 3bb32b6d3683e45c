/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts as operators make them: by CLI, import and admin API. */
#ifndef SP_AUTHORITY_ACCOUNT_H
#define SP_AUTHORITY_ACCOUNT_H

#include "authority/store.h"

struct sp_authority_settings;

struct sp_account_request {
    struct sp_str id;             /* `sub` brought along from another system; absent: a new one */
    struct sp_str name, password; /* password may be absent where a hash is given, or for who signs in otherwise */
    struct sp_str password_hash;  /* as password_foreign.h takes them */
    struct sp_str claims;         /* a JSON object, or absent; a change lays it over those that are there */
    const struct sp_str *emptied; /* names of claims that a change takes away */
    size_t emptied_count;
    /* Whose clients' ids no account may have: `sub` of a client's own tokens is its id (RFC 9068 5). NULL: not known.
     */
    const struct sp_authority_settings *settings;
    bool has_known_name;         /* an account has this name already, from before it was looked at as strictly */
    bool disabled, has_disabled; /* has: it says so; a change leaves it else */
};

enum sp_account_mode {
    SP_ACCOUNT_ADD,    /* the name must be free */
    SP_ACCOUNT_CHANGE, /* the name must be there; what the request leaves out stays */
};

/* Whoever set the password says that it is known: wrong ones from before `now` make nobody wait any more, here or in
 * guess.h's counts. */
void sp_account_forget_failures(struct sp_account *account, int64_t now);

/* Whether name, password or hash, and claims are what accounts may have. SP_MALFORMED with the reason in trouble. */
SP_MUST_CHECK enum sp_status sp_account_check(struct sp_arena *arena, const struct sp_account_request *request,
                                              char trouble[256]);

/* Writes what was checked, in the write that the caller began, with the password's hash made before: nobody who writes
 * waits for a hash. A verified e-mail address is the account's from now on.
 * SP_NOT_FOUND: the name, id or address is taken (ADD) or there is no such account (CHANGE), in trouble. */
SP_MUST_CHECK enum sp_status sp_account_write(struct sp_store *store, struct sp_arena *arena,
                                              const struct sp_account_request *request, enum sp_account_mode mode,
                                              int64_t now, struct sp_account *written, char trouble[256]);

/* Whether what was begun under the account as it was ends with the change: another password, or nobody may sign in.
 * Then sp_person_end_all (person.h) is due in the same write. */
bool sp_account_change_ends(const struct sp_account *before, const struct sp_account *after);

/* Check, hash, and write as a write of its own, durable. Adds it, or with `replaces` changes an existing one.
 * SP_MALFORMED, SP_NOT_FOUND, SP_IO: the reason in trouble. */
SP_MUST_CHECK enum sp_status sp_account_put(struct sp_store *store, struct sp_arena *arena,
                                            const struct sp_account_request *request, bool replaces, int64_t now,
                                            char trouble[256]);

/* The account whose id is a client's of the configuration, one that `before` (NULL: nothing) did not have.
 * SP_NOT_FOUND: there is none. */
SP_MUST_CHECK enum sp_status sp_account_of_client(struct sp_store *store, struct sp_arena *arena,
                                                  const struct sp_authority_settings *settings,
                                                  const struct sp_authority_settings *before,
                                                  struct sp_account *account);

/* Puts claims with another e-mail address or verification in place of the account's, and the address's record with
 * them. SP_NOT_FOUND: the verified address is another account's. */
SP_MUST_CHECK enum sp_status sp_account_set_claims(struct sp_store *store, struct sp_arena *arena,
                                                   struct sp_account *account, struct sp_str claims, int64_t now);

/* What a change says of an account's claims. */
struct sp_claims_change {
    const struct sp_json *patch; /* as JSON Merge Patch (RFC 7396): null takes one away */
    const struct sp_str *emptied;
    size_t emptied_count;
};

/* The claims (before: NULL for none) after the change, as JSON. An address that is new is not verified unless the
 * patch says so. Absent: no memory, or beyond SP_MAX_ADMIN_ANSWER_BYTES. */
struct sp_str sp_account_claims_changed(struct sp_arena *arena, const struct sp_json *before,
                                        const struct sp_claims_change *change);

/* The address in lower case (ASCII), as records of addresses are named; absent when it is none that mail could be sent
 * to: one @, no white space, control or special character. */
struct sp_str sp_email_normal(struct sp_arena *arena, struct sp_str address);
/* The verified address among claims, normal; *email absent when there is none. */
SP_MUST_CHECK enum sp_status sp_account_verified_email(struct sp_arena *arena, struct sp_str claims,
                                                       struct sp_str *email);

#endif
