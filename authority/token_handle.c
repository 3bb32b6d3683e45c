/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/token_handle.h"

#include <assert.h>
#include <time.h>
#include "authority/handle.h"
#include "core/base/secret.h"
#include "core/jose/base64url.h"
#include "core/jose/crypto.h"

#define PREFIX_CHARACTERS 5u
#define DATE_BYTES 6u
#define DATE_CHARACTERS SP_BASE64URL_ENCODED(DATE_BYTES)
#define VALUE_CHARACTERS (PREFIX_CHARACTERS + SP_BASE64URL_ENCODED(SP_HANDLE_BYTES))
_Static_assert(DATE_BYTES % 3 == 0, "the date's characters say nothing of what follows");

static void write_date(uint64_t ms, unsigned char date[DATE_BYTES])
{
    for (unsigned i = 0; i < DATE_BYTES; i++)
        date[i] = (unsigned char)(ms >> (8 * (DATE_BYTES - 1 - i)));
}

/* A clock that is set back scatters what is made meanwhile; nothing else is asked of the date. */
static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* False: the value has not the form. */
static bool read_date(struct sp_str value, unsigned char date[DATE_BYTES])
{
    unsigned char decoded[SP_BASE64URL_DECODED_MAX(DATE_CHARACTERS)];
    size_t len = 0;
    struct sp_str text = sp_str_slice(value, PREFIX_CHARACTERS, PREFIX_CHARACTERS + DATE_CHARACTERS);
    if (value.len != VALUE_CHARACTERS || sp_base64url_decode_into(text, decoded, &len) != SP_OK || len != DATE_BYTES)
        return false;
    memcpy(date, decoded, DATE_BYTES);
    return true;
}

/* Wipes the bytes. */
static struct sp_str put_together(struct sp_arena *arena, const char *prefix, unsigned char bytes[SP_HANDLE_BYTES],
                                  unsigned char hash[32])
{
    char *text = sp_arena_alloc(arena, VALUE_CHARACTERS + 1);
    struct sp_str value = SP_STR_NONE;
    assert(strlen(prefix) == PREFIX_CHARACTERS);
    if (text != NULL) {
        memcpy(text, prefix, PREFIX_CHARACTERS);
        sp_base64url_encode_into(sp_str((const char *)bytes, SP_HANDLE_BYTES), text + PREFIX_CHARACTERS);
        text[VALUE_CHARACTERS] = '\0';
        value = sp_str(text, VALUE_CHARACTERS);
        sp_sha256(value, hash);
        memcpy(hash, bytes, DATE_BYTES);
    }
    sp_wipe(bytes, SP_HANDLE_BYTES);
    return value;
}

struct sp_str sp_token_handle_make(struct sp_arena *arena, const char *prefix, unsigned char hash[32])
{
    unsigned char bytes[SP_HANDLE_BYTES];
    write_date(now_ms(), bytes);
    sp_random_bytes(bytes + DATE_BYTES, sizeof bytes - DATE_BYTES);
    return put_together(arena, prefix, bytes, hash);
}

enum sp_status sp_token_handle_follow_key(const unsigned char secret[32], struct sp_key **key)
{
    unsigned char bytes[32];
    sp_mac(secret, SP_STR("what follows a token"), bytes);
    enum sp_status status = sp_key_import(
        &(struct sp_key_parts){.type = SP_KEY_TYPE_OCT, .k = sp_str((const char *)bytes, sizeof bytes)}, key);
    sp_wipe(bytes, sizeof bytes);
    return status;
}

struct sp_str sp_token_handle_follow(struct sp_arena *arena, const char *prefix, const struct sp_key *key,
                                     struct sp_str before, int64_t at, unsigned char hash[32])
{
    unsigned char bytes[SP_HANDLE_BYTES];
    struct sp_str mac;
    if (sp_key_sign(key, SP_ALGORITHM_HS256, before, arena, &mac) != SP_OK)
        return SP_STR_NONE;
    write_date((uint64_t)at * 1000, bytes);
    memcpy(bytes + DATE_BYTES, mac.at, sizeof bytes - DATE_BYTES);
    return put_together(arena, prefix, bytes, hash);
}

enum sp_status sp_token_handle_find(struct sp_store *store, enum sp_ticket_kind kind, struct sp_str value,
                                    struct sp_arena *arena, struct sp_ticket *ticket)
{
    unsigned char whole[32], hash[32];
    sp_sha256(value, whole);
    memcpy(hash, whole, sizeof hash);
    enum sp_status status = SP_NOT_FOUND;
    if (read_date(value, hash))
        status = store->methods->find_ticket(store, kind, hash, arena, ticket);
    return status == SP_NOT_FOUND ? store->methods->find_ticket(store, kind, whole, arena, ticket) : status;
}
