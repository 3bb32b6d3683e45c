/* SPDX-License-Identifier: Apache-2.0 */
/* What the authority remembers, as an interface. Protocol steps know this header only; SQL lives in store_*.c.
 *
 * Nearly all of it is one noun, the ticket: anything that is handed out and recognised when it comes back – codes,
 * refresh tokens, opaque access tokens, device codes, sessions, pushed requests, seen `jti`s. A ticket is found by the
 * SHA-256 of the value (256 random bits, so no salt is needed), most of all by 208 bits of it behind their time
 * (token_handle.h); the value itself is never stored. What dies together shares a family.
 *
 * The other noun is the record: what is known for longer by a name – a passkey, a registered client, a message that
 * waits to be delivered. It has an owner to list it by and may have a time when it is due.
 *
 * Writing goes begin → … → keep (or undo): all or nothing for one call. Kept is not yet durable: the server calls flush
 * once for all calls of one turn of its loop and only then lets their answers go (group commit). A failed flush undoes
 * them all and each answers 503: nothing is half-issued. One store object belongs to one thread.
 *
 * Several processes may write to one store. What a call found between begin and keep (a ticket, a key, an account, a
 * consent, a record) cannot be changed by another process before its turn is flushed: read, decide and write is safe.
 * Whoever has to wait for that longer than a moment is told SP_IO.
 *
 * Every function answers SP_IO when the store is locked, full or gone (trouble says it in words) and SP_NO_MEMORY. */
#ifndef SP_AUTHORITY_STORE_H
#define SP_AUTHORITY_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include "core/base/arena.h"
#include "core/base/json.h"
#include "core/base/status.h"
#include "core/base/str.h"

/* Stored as written: append, never renumber. */
enum sp_ticket_kind {
    SP_TICKET_ACCESS = 1,            /* an opaque access token that is not sealed (token_seal.h) */
    SP_TICKET_REVOKED = 2,           /* the jti of a token that is revoked before its end */
    SP_TICKET_CODE = 3,              /* authorization code */
    SP_TICKET_REFRESH = 4,           /* refresh token */
    SP_TICKET_DEVICE = 5,            /* device code */
    SP_TICKET_USER_CODE = 6,         /* what the person types; data names the device code */
    SP_TICKET_PUSHED = 7,            /* request_uri of a pushed request */
    SP_TICKET_SESSION = 8,           /* a browser's session */
    SP_TICKET_REPLAY = 9,            /* seen jti of an assertion or a DPoP proof */
    SP_TICKET_VISIT = 10,            /* an authorization request that waits for a person */
    SP_TICKET_INITIAL_ACCESS = 11,   /* lets a client register itself (RFC 7591 1.2) */
    SP_TICKET_UPSTREAM = 12,         /* a sign-in under way at another provider; the value is its state */
    SP_TICKET_MAIL = 13,             /* a link that was sent by e-mail */
    SP_TICKET_CHALLENGE = 15,        /* of a passkey that is being added */
    SP_TICKET_UPSTREAM_SESSION = 16, /* what an upstream calls a session, by its issuer and sid; subject: whose */
    SP_TICKET_SIGN_OUT = 17,         /* a browser that is being signed out at an upstream, and where it goes on to */
    SP_TICKET_GRANT = 18,            /* names the family of access tokens that no refresh token stands for */
    SP_TICKET_APP_SETUP = 19,        /* an authenticator app that waits for its first code */
    SP_TICKET_GUESSES = 20,          /* how often a name's password was guessed wrongly (guess.h) */
    SP_TICKET_FAILURE = 21,          /* one failure from an address; its family names the address (throttle.h) */
    SP_TICKET_SHOWN_CODES = 22,      /* recovery codes that a form was answered with a moment ago (shown_codes.h) */
};

struct sp_ticket {
    enum sp_ticket_kind kind;
    unsigned char hash[32];
    struct sp_str family; /* may be absent */
    struct sp_str client_id, subject;
    int64_t issued_at, expires_at;
    int64_t used_at;    /* 0: not used */
    struct sp_str data; /* a JSON object; what it holds is its kind's affair */
};

/* A signing key at rest. */
struct sp_stored_key {
    struct sp_str kid, algorithm;
    int64_t created_at, active_from, active_until, forget_at; /* 0: not decided */
    struct sp_str sealed;                                     /* private JWK under the master key */
};

struct sp_account {
    struct sp_str id;            /* `sub`; never reused */
    struct sp_str name;          /* what the person types; unique ignoring ASCII case */
    struct sp_str password_hash; /* argon2id, encoded */
    struct sp_str claims;        /* a JSON object */
    int64_t created_at;
    int64_t failed_at; /* of the last wrong password on /account; with no failures: those of before count no more */
    int64_t failures;  /* since the last right one; of sign-ins: guess.h */
    bool disabled;
};

/* Stored as written: append, never renumber. */
enum sp_record_kind {
    SP_RECORD_PASSKEY = 1,        /* id: the credential's, base64url; owner: the account */
    SP_RECORD_TOTP = 2,           /* id: the account */
    SP_RECORD_RECOVERY_CODE = 3,  /* id: hash of the code; owner: the account */
    SP_RECORD_FEDERATED = 4,      /* id: provider, a space, its subject; owner: the account */
    SP_RECORD_EMAIL = 5,          /* id: the address in lower case; owner: the account */
    SP_RECORD_CLIENT = 6,         /* id: client_id of a client that registered itself */
    SP_RECORD_OUTGOING = 7,       /* a message that waits to be delivered, due at due_at */
    SP_RECORD_UPSTREAM = 9,       /* id: its issuer; what is known of it when it speaks first */
    SP_RECORD_USER_HANDLE = 8,    /* id: WebAuthn's user handle, base64url; owner: the account */
    SP_RECORD_PAIRWISE = 10,      /* id: what clients of one sector call the account (subject.h); owner: the account */
    SP_RECORD_LIFETIME = 11,      /* the longest that an access token was ever given (token_lifetime.h) */
    SP_RECORD_MASTER_KEY = 12,    /* marks of the one in use and of earlier ones (master_mark.h) */
    SP_RECORD_TIME = 13,          /* the newest that was credible (credible_time.h) */
    SP_RECORD_TOKEN_SALT = 14,    /* what the key of sealed access tokens is made with (token_seal.h) */
    SP_RECORD_PASSWORD_KIND = 15, /* id: a kind of hash that accounts have (password_kinds.h) */
};

struct sp_record {
    enum sp_record_kind kind;
    struct sp_str id;
    struct sp_str owner; /* may be absent */
    struct sp_str data;  /* a JSON object; what it holds is its kind's affair */
    int64_t created_at;
    int64_t due_at; /* 0: never */
};

struct sp_consent {
    struct sp_str client_id, scopes; /* scopes: as claims.h's sp_claims_consent writes it */
    int64_t granted_at;
};

struct sp_store;

struct sp_store_methods {
    void (*destroy)(struct sp_store **store);

    /* From here to flush, what is read outside begin … keep may be of one moment instead of the newest: several calls
     * share what a look at the database costs. For the server's turns, which last some milliseconds; own writes are
     * seen at once all the same. NULL: this store gains nothing by it. */
    void (*share_reads)(struct sp_store *store);
    enum sp_status (*begin)(struct sp_store *store);
    enum sp_status (*keep)(struct sp_store *store);
    void (*undo)(struct sp_store *store);
    enum sp_status (*flush)(struct sp_store *store);
    /* Instead of flush: undoes all that the turn kept. */
    void (*give_up)(struct sp_store *store);

    /* fresh may be NULL when a second one cannot be; otherwise false tells that it was there already. */
    enum sp_status (*put_ticket)(struct sp_store *store, const struct sp_ticket *ticket, bool *fresh);
    /* SP_NOT_FOUND. Expired and used ones are found too: the caller says why they are refused. Texts in arena. */
    enum sp_status (*find_ticket)(struct sp_store *store, enum sp_ticket_kind kind, const unsigned char hash[32],
                                  struct sp_arena *arena, struct sp_ticket *ticket);
    /* Marks as used; *first is false when it was used before. SP_NOT_FOUND. */
    enum sp_status (*use_ticket)(struct sp_store *store, enum sp_ticket_kind kind, const unsigned char hash[32],
                                 int64_t now, bool *first);
    enum sp_status (*change_ticket)(struct sp_store *store, enum sp_ticket_kind kind, const unsigned char hash[32],
                                    int64_t expires_at, struct sp_str subject, struct sp_str data);
    enum sp_status (*drop_ticket)(struct sp_store *store, enum sp_ticket_kind kind, const unsigned char hash[32]);
    /* Every ticket of the family is forgotten. */
    enum sp_status (*drop_family)(struct sp_store *store, struct sp_str family);
    /* The same, but for codes and refresh tokens: they count as used from now on, and whoever brings one can be told
     * what became of it. */
    enum sp_status (*end_family)(struct sp_store *store, struct sp_str family, int64_t now);
    /* When the last of the family's tickets of this kind expires; 0: there is none. */
    enum sp_status (*find_family_end)(struct sp_store *store, struct sp_str family, enum sp_ticket_kind kind,
                                      int64_t *expires_at);
    /* Inserts or replaces; for tickets that no other process writes. Nobody waits for anybody. */
    enum sp_status (*replace_ticket)(struct sp_store *store, const struct sp_ticket *ticket);
    /* How many of the family's tickets of this kind expire behind `after` and not behind `until`, and when the first of
     * them does (0: there is none). Waits for nobody who is writing them. */
    enum sp_status (*count_family)(struct sp_store *store, struct sp_str family, enum sp_ticket_kind kind,
                                   int64_t after, int64_t until, int64_t *count, int64_t *first_end);
    /* Sessions, refresh tokens, grants, codes, device codes or links by mail of a person that have neither expired nor
     * been used, newest first; at most `most`. Texts in arena. */
    enum sp_status (*list_tickets)(struct sp_store *store, enum sp_ticket_kind kind, struct sp_str subject, int64_t now,
                                   size_t most, struct sp_arena *arena, struct sp_ticket **tickets, size_t *count);
    /* Expired before `before`, a time that is credible (credible_time.h); at most `most` of them. */
    enum sp_status (*purge_tickets)(struct sp_store *store, int64_t before, int64_t most);

    enum sp_status (*put_key)(struct sp_store *store, const struct sp_stored_key *key); /* inserts or replaces by kid */
    enum sp_status (*drop_key)(struct sp_store *store, struct sp_str kid);
    /* All, oldest first, in arena. */
    enum sp_status (*list_keys)(struct sp_store *store, struct sp_arena *arena, struct sp_stored_key **keys,
                                size_t *count);

    enum sp_status (*put_account)(struct sp_store *store, const struct sp_account *account); /* by id */
    enum sp_status (*find_account)(struct sp_store *store, struct sp_str name, struct sp_arena *arena,
                                   struct sp_account *account);
    enum sp_status (*get_account)(struct sp_store *store, struct sp_str id, struct sp_arena *arena,
                                  struct sp_account *account); /* SP_NOT_FOUND */
    /* The same, of whoever asks nothing but this. SP_NOT_FOUND. */
    enum sp_status (*get_account_disabled)(struct sp_store *store, struct sp_str id, bool *disabled);
    /* By name, those behind `after` ("" for the first page); at most `most`. Texts in arena. */
    enum sp_status (*list_accounts)(struct sp_store *store, struct sp_str after, size_t most, struct sp_arena *arena,
                                    struct sp_account **accounts, size_t *count);
    enum sp_status (*drop_account)(struct sp_store *store, struct sp_str id); /* the account alone; SP_NOT_FOUND */

    /* Scopes that a person once granted to a client, space-separated. */
    enum sp_status (*put_consent)(struct sp_store *store, struct sp_str subject, struct sp_str client_id,
                                  struct sp_str scopes, int64_t now);
    enum sp_status (*find_consent)(struct sp_store *store, struct sp_str subject, struct sp_str client_id,
                                   struct sp_arena *arena, struct sp_str *scopes);
    /* Of a person, newest first; at most `most`. Texts in arena. */
    enum sp_status (*list_consents)(struct sp_store *store, struct sp_str subject, size_t most, struct sp_arena *arena,
                                    struct sp_consent **consents, size_t *count);
    enum sp_status (*drop_consent)(struct sp_store *store, struct sp_str subject, struct sp_str client_id);

    /* Inserts or, with fresh NULL, replaces by kind and id; with fresh it never replaces and *fresh is false when one
     * was there already. */
    enum sp_status (*put_record)(struct sp_store *store, const struct sp_record *record, bool *fresh);
    enum sp_status (*find_record)(struct sp_store *store, enum sp_record_kind kind, struct sp_str id,
                                  struct sp_arena *arena, struct sp_record *record); /* SP_NOT_FOUND */
    enum sp_status (*drop_record)(struct sp_store *store, enum sp_record_kind kind,
                                  struct sp_str id); /* SP_NOT_FOUND */
    /* Of one owner, or of all (owner absent), by id, those behind `after`; at most `most`. Texts in arena. */
    enum sp_status (*list_records)(struct sp_store *store, enum sp_record_kind kind, struct sp_str owner,
                                   struct sp_str after, size_t most, struct sp_arena *arena, struct sp_record **records,
                                   size_t *count);
    enum sp_status (*count_records)(struct sp_store *store, enum sp_record_kind kind, int64_t *count);
    /* Those due at `now` or before, the longest due first; at most `most`. Texts in arena. */
    enum sp_status (*list_due)(struct sp_store *store, enum sp_record_kind kind, int64_t now, size_t most,
                               struct sp_arena *arena, struct sp_record **records, size_t *count);

    /* Changes when another process changed the signing keys or the registered clients, and may change more often. Where
     * the store has a clock of its own, notes what it says. */
    enum sp_status (*version)(struct sp_store *store, int64_t *version);
};

struct sp_store {
    const struct sp_store_methods *methods;
    uint64_t kept;     /* calls whose writes were kept: whoever sees it grow waits for the flush */
    char trouble[256]; /* of the last SP_IO, for the log */
    const char *needs; /* what would end that trouble, a phrase; NULL: nothing failed yet */
    int64_t clock;     /* the store's own, at the last look at its version; 0: it has none but ours */
};

/* Ends what begin began: keeps it where status, that of the writes in it, is SP_OK, else undoes it and returns status.
 */
enum sp_status sp_store_settle(struct sp_store *store, enum sp_status status);
/* The same for a write outside of the server's turns: flushes, too. The first failure is returned. */
SP_MUST_CHECK enum sp_status sp_store_commit(struct sp_store *store, enum sp_status status);
/* The JSON of the record with this id, in arena. SP_NOT_FOUND: there is none; SP_MALFORMED. */
SP_MUST_CHECK enum sp_status sp_store_read_record(struct sp_store *store, enum sp_record_kind kind, struct sp_str id,
                                                  struct sp_arena *arena, const struct sp_json **data);

/* Opens or creates the file (mode 0600) and brings its schema up to date. path ":memory:" for tests.
 * SP_IO with the reason in trouble[256]; SP_UNSUPPORTED: written by a newer version. */
SP_MUST_CHECK enum sp_status sp_store_open_sqlite(const char *path, struct sp_store **store, char trouble[256]);

struct sp_postgres_terms {
    struct sp_str url;      /* a connection URI or string of libpq, with a NUL behind it; absent: SQLite */
    struct sp_str password; /* absent: as the URL, ~/.pgpass or the server's configuration say; with a NUL */
    struct sp_str schema;   /* absent: "sallyport" */
};

/* Connects and brings the schema up to date; several processes may share it. SP_IO, SP_MALFORMED (the terms) with the
 * reason in trouble; SP_UNSUPPORTED: a newer version wrote it, or the server is too old. */
SP_MUST_CHECK enum sp_status sp_store_open_postgres(const struct sp_postgres_terms *terms, struct sp_store **store,
                                                    char trouble[256]);
/* The terms say to go over a network without verifying who answers. */
bool sp_postgres_is_exposed(const struct sp_postgres_terms *terms);

#endif
