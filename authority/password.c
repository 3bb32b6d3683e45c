/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/password.h"

#include <argon2.h>
#include <stdatomic.h>
#include "authority/handle.h"
#include "authority/password_foreign.h"

/* OWASP's password storage cheat sheet, second configuration: 19 MiB, two passes. */
#define PASSES 2u
#define MEMORY_KIB 19456u
#define LANES 1u
#define SALT_BYTES 16u
#define HASH_BYTES 32u

#define LONGEST_WAIT_S 900

struct sp_password_work sp_password_work;

enum sp_status sp_password_hash_into(struct sp_str password, char encoded[SP_PASSWORD_ENCODED_BYTES])
{
    unsigned char salt[SALT_BYTES];
    sp_random_bytes(salt, sizeof salt);
    atomic_fetch_add(&sp_password_work.argon2, 1);
    return argon2id_hash_encoded(PASSES, MEMORY_KIB, LANES, password.at, password.len, salt, sizeof salt, HASH_BYTES,
                                 encoded, SP_PASSWORD_ENCODED_BYTES) == ARGON2_OK
               ? SP_OK
               : SP_NO_MEMORY;
}

enum sp_status sp_password_hash(struct sp_arena *arena, struct sp_str password, struct sp_str *encoded)
{
    char text[SP_PASSWORD_ENCODED_BYTES];
    enum sp_status status = sp_password_hash_into(password, text);
    return status == SP_OK ? sp_arena_copy(arena, sp_str_from_cstr(text), encoded) : status;
}

bool sp_password_matches(struct sp_str encoded, struct sp_str password)
{
    char text[SP_PASSWORD_ENCODED_BYTES];
    if (sp_password_hash_is_foreign(encoded)) {
        atomic_fetch_add(&sp_password_work.foreign, 1);
        return sp_password_foreign_matches(encoded, password);
    }
    if (encoded.len >= sizeof text || password.len > SP_MAX_PASSWORD_BYTES)
        return false;
    memcpy(text, encoded.at, encoded.len);
    text[encoded.len] = '\0';
    atomic_fetch_add(&sp_password_work.argon2, 1);
    return argon2id_verify(text, password.at, password.len) == ARGON2_OK;
}

/* The parameters above and a hash of zeros, which no password has. */
struct sp_str sp_password_of_nobody(void)
{
    return SP_STR("$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgb3duIHNhbA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
}

int64_t sp_password_wait(int64_t failures, int64_t failed_at, int64_t now)
{
    if (failures < SP_FREE_FAILURES)
        return 0;
    int64_t over = failures - SP_FREE_FAILURES, wait = over >= 10 ? LONGEST_WAIT_S : (int64_t)1 << over;
    if (wait > LONGEST_WAIT_S)
        wait = LONGEST_WAIT_S;
    int64_t left = failed_at + wait - now;
    /* That far ahead it never was: the clock was wrong then, and nobody knows how long ago it is. A little ahead is
     * another node's clock. */
    return left > 0 && left <= 2 * wait ? left : 0;
}
