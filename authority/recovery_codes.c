/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/recovery_codes.h"

#include "authority/handle.h"
#include "core/base/secret.h"
#include "core/factor/base32.h"
#include "core/jose/crypto.h"

#define CODE_BYTES 10u
#define CODE_LETTERS SP_BASE32_ENCODED(CODE_BYTES)

/* The record's id: a code is only good for its own account. */
static struct sp_str id_of(struct sp_call *call, struct sp_str account, struct sp_str letters)
{
    unsigned char hash[32];
    sp_sha256(sp_arena_printf(call->arena, "%.*s %.*s", SP_STR_ARG(account), SP_STR_ARG(letters)), hash);
    return sp_base64url_of(call->arena, hash, sizeof hash);
}

static enum sp_status make_one(struct sp_call *call, struct sp_str account, struct sp_str *code)
{
    unsigned char random[CODE_BYTES];
    char letters[CODE_LETTERS];
    struct sp_store *store = call->authority->store;
    sp_random_bytes(random, sizeof random);
    sp_base32_encode(sp_str((const char *)random, sizeof random), letters);
    for (size_t i = 0; i < sizeof letters; i++)
        if (letters[i] >= 'A')
            letters[i] = (char)(letters[i] | 0x20);
    struct sp_record record = {.kind = SP_RECORD_RECOVERY_CODE,
                               .id = id_of(call, account, sp_str(letters, sizeof letters)),
                               .owner = account,
                               .data = SP_STR("{}"),
                               .created_at = call->now};
    *code = sp_arena_printf(call->arena, "%.4s-%.4s-%.4s-%.4s", letters, letters + 4, letters + 8, letters + 12);
    sp_wipe(random, sizeof random);
    sp_wipe(letters, sizeof letters);
    if (record.id.at == NULL || code->at == NULL)
        return SP_NO_MEMORY;
    return store->methods->put_record(store, &record, NULL);
}

enum sp_status sp_recovery_codes_make(struct sp_call *call, struct sp_str account,
                                      struct sp_str codes[SP_RECOVERY_CODES])
{
    enum sp_status status = sp_recovery_codes_drop(call->authority->store, call->arena, account);
    for (size_t i = 0; status == SP_OK && i < SP_RECOVERY_CODES; i++)
        status = make_one(call, account, &codes[i]);
    return status;
}

/* false: not as many letters and digits as a code has. */
static bool read_letters(struct sp_str code, char letters[CODE_LETTERS])
{
    size_t count = 0;
    for (size_t i = 0; i < code.len; i++) {
        char c = code.at[i];
        if (c == ' ' || c == '-')
            continue;
        if (c >= 'A' && c <= 'Z')
            c = (char)(c | 0x20);
        if (!((c >= 'a' && c <= 'z') || (c >= '2' && c <= '7')) || count == CODE_LETTERS)
            return false;
        letters[count++] = c;
    }
    return count == CODE_LETTERS;
}

enum sp_status sp_recovery_codes_use(struct sp_call *call, struct sp_str account, struct sp_str code, bool *used)
{
    struct sp_store *store = call->authority->store;
    char letters[CODE_LETTERS];
    *used = false;
    if (!read_letters(code, letters))
        return SP_OK;
    struct sp_str id = id_of(call, account, sp_str(letters, sizeof letters));
    sp_wipe(letters, sizeof letters);
    if (id.at == NULL)
        return SP_NO_MEMORY;
    enum sp_status status = store->methods->drop_record(store, SP_RECORD_RECOVERY_CODE, id);
    *used = status == SP_OK;
    return status == SP_NOT_FOUND ? SP_OK : status;
}

enum sp_status sp_recovery_codes_hold(struct sp_call *call, struct sp_str account,
                                      const struct sp_str codes[SP_RECOVERY_CODES], bool *hold)
{
    struct sp_store *store = call->authority->store;
    struct sp_record record;
    char letters[CODE_LETTERS];
    enum sp_status status = SP_OK;
    for (size_t i = 0; status == SP_OK && i < SP_RECOVERY_CODES; i++) {
        bool is_code = read_letters(codes[i], letters);
        struct sp_str id = is_code ? id_of(call, account, sp_str(letters, sizeof letters)) : SP_STR("");
        status = id.at != NULL ? store->methods->find_record(store, SP_RECORD_RECOVERY_CODE, id, call->arena, &record)
                               : SP_NO_MEMORY;
    }
    sp_wipe(letters, sizeof letters);
    if (status == SP_OK || status == SP_NOT_FOUND)
        *hold = status == SP_OK;
    return status == SP_NOT_FOUND ? SP_OK : status;
}

enum sp_status sp_recovery_codes_count(struct sp_store *store, struct sp_arena *arena, struct sp_str account,
                                       size_t *count)
{
    struct sp_record *records = NULL;
    return store->methods->list_records(store, SP_RECORD_RECOVERY_CODE, account, SP_STR(""), 2 * SP_RECOVERY_CODES,
                                        arena, &records, count);
}

enum sp_status sp_recovery_codes_drop(struct sp_store *store, struct sp_arena *arena, struct sp_str account)
{
    struct sp_record *records = NULL;
    size_t count = 0;
    enum sp_status status = store->methods->list_records(store, SP_RECORD_RECOVERY_CODE, account, SP_STR(""),
                                                         2 * SP_RECOVERY_CODES, arena, &records, &count);
    for (size_t i = 0; status == SP_OK && i < count; i++)
        status = store->methods->drop_record(store, SP_RECORD_RECOVERY_CODE, records[i].id);
    return status;
}
