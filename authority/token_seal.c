/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/token_seal.h"

#include <assert.h>
#include "authority/handle.h"
#include "authority/key_ring.h"
#include "core/base/secret.h"
#include "core/jose/base64url.h"

#define VERSION 1
#define PREFIX_CHARACTERS (sizeof SP_OPAQUE_TOKEN_PREFIX - 1)
#define SALT_ID SP_STR("access_token")
#define SALT_BYTES 32u
/* What sp_access_token_is_sealed lets through, were each of its characters escaped. */
#define MAX_CLAIMS_BYTES (8u * 1024)
#define MAX_CHARACTERS (PREFIX_CHARACTERS + SP_BASE64URL_ENCODED(1 + SP_XAES_BYTES + MAX_CLAIMS_BYTES))

/* ---- the key ---- */
static enum sp_status make(const unsigned char master_key[32], struct sp_arena *arena, struct sp_str salt,
                           struct sp_xaes **seal)
{
    unsigned char key[32];
    struct sp_str text = sp_arena_printf(arena, "sealed access tokens %.*s", SP_STR_ARG(salt));
    if (text.at == NULL)
        return SP_NO_MEMORY;
    sp_mac(master_key, text, key);
    struct sp_xaes *made = sp_xaes_create(key);
    sp_wipe(key, sizeof key);
    if (made == NULL)
        return SP_NO_MEMORY;
    *seal = made;
    return SP_OK;
}

enum sp_status sp_token_seal_find(struct sp_store *store, const unsigned char master_key[32], struct sp_arena *arena,
                                  struct sp_xaes **seal)
{
    const struct sp_json *data = NULL;
    enum sp_status status = sp_store_read_record(store, SP_RECORD_TOKEN_SALT, SALT_ID, arena, &data);
    if (status == SP_NOT_FOUND) {
        *seal = NULL;
        return SP_OK;
    }
    struct sp_str salt = status == SP_OK ? sp_json_string(sp_json_member(data, SP_STR("salt"))) : SP_STR_NONE;
    if (status == SP_OK && salt.len != SP_BASE64URL_ENCODED(SALT_BYTES))
        status = SP_MALFORMED;
    return status == SP_OK ? make(master_key, arena, salt, seal) : status;
}

enum sp_status sp_token_seal_renew(struct sp_store *store, const unsigned char master_key[32], struct sp_arena *arena,
                                   int64_t now, struct sp_xaes **seal)
{
    unsigned char bytes[SALT_BYTES];
    struct sp_xaes *made = NULL;
    sp_random_bytes(bytes, sizeof bytes);
    struct sp_str salt = sp_base64url_of(arena, bytes, sizeof bytes);
    const struct sp_record record = {.kind = SP_RECORD_TOKEN_SALT,
                                     .id = SALT_ID,
                                     .data = sp_arena_printf(arena, "{\"salt\":\"%.*s\"}", SP_STR_ARG(salt)),
                                     .created_at = now};
    enum sp_status status = salt.at != NULL && record.data.at != NULL ? SP_OK : SP_NO_MEMORY;
    if (status == SP_OK)
        status = make(master_key, arena, salt, &made);
    if (status == SP_OK)
        status = store->methods->put_record(store, &record, NULL);
    if (status == SP_OK)
        *seal = made;
    else
        sp_xaes_destroy(&made);
    return status;
}

/* ---- a token ---- */
/* version ‖ `{"iss":…,`, with room for `more` bytes behind it; absent without memory. */
static struct sp_str write_head(struct sp_call *call, size_t more)
{
    struct sp_buffer buffer;
    struct sp_json_writer json;
    sp_answer_buffer(call, &buffer);
    sp_buffer_append_char(&buffer, VERSION);
    sp_json_writer_init(&json, &buffer, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "iss", call->authority->settings->issuer);
    sp_buffer_append_char(&buffer, ',');
    char *room = sp_buffer_status(&buffer) == SP_OK ? sp_arena_alloc(call->arena, buffer.len + more) : NULL;
    if (room == NULL)
        return SP_STR_NONE;
    memcpy(room, buffer.at, buffer.len);
    return sp_str(room, buffer.len);
}

enum sp_status sp_token_seal(struct sp_call *call, struct sp_str claims, struct sp_str *value)
{
    struct sp_xaes *seal = sp_key_ring_token_seal(call->authority->keys);
    struct sp_str head = write_head(call, 0), iss = sp_str_slice(head, 1, head.len),
                  rest = sp_str_slice(claims, iss.len, claims.len);
    unsigned char nonce[SP_XAES_NONCE_BYTES];
    if (head.at == NULL)
        return SP_NO_MEMORY;
    if (rest.len > MAX_CLAIMS_BYTES)
        return SP_TOO_LARGE;
    if (seal == NULL)
        return SP_CRYPTO;
    assert(sp_str_has_prefix(claims, iss));
    size_t len = 1 + SP_XAES_BYTES + rest.len, characters = PREFIX_CHARACTERS + SP_BASE64URL_ENCODED(len);
    unsigned char *bytes = sp_arena_alloc(call->arena, len);
    char *text = sp_arena_alloc(call->arena, characters + 1);
    if (bytes == NULL || text == NULL)
        return SP_NO_MEMORY;
    bytes[0] = VERSION;
    sp_random_bytes(nonce, sizeof nonce);
    enum sp_status status = sp_xaes_seal(seal, nonce, head, rest, bytes + 1);
    if (status != SP_OK)
        return status;
    memcpy(text, SP_OPAQUE_TOKEN_PREFIX, PREFIX_CHARACTERS);
    sp_base64url_encode_into(sp_str((const char *)bytes, len), text + PREFIX_CHARACTERS);
    text[characters] = '\0';
    *value = sp_str(text, characters);
    return SP_OK;
}

enum sp_status sp_token_unseal(struct sp_call *call, struct sp_str value, struct sp_str *claims)
{
    struct sp_xaes *seal = sp_key_ring_token_seal(call->authority->keys);
    struct sp_str bytes = SP_STR_NONE;
    if (seal == NULL || value.len > MAX_CHARACTERS || !sp_str_has_prefix(value, SP_STR(SP_OPAQUE_TOKEN_PREFIX)))
        return SP_NOT_FOUND;
    enum sp_status status = sp_base64url_decode(call->arena, sp_str_slice(value, PREFIX_CHARACTERS, value.len), &bytes);
    if (status == SP_MALFORMED || (status == SP_OK && (bytes.len <= 1 + SP_XAES_BYTES || bytes.at[0] != VERSION)))
        return SP_NOT_FOUND;
    if (status != SP_OK)
        return status;
    size_t rest = bytes.len - 1 - SP_XAES_BYTES;
    struct sp_str head = write_head(call, rest);
    if (head.at == NULL)
        return SP_NO_MEMORY;
    status =
        sp_xaes_open(seal, head, sp_str_slice(bytes, 1, bytes.len), (unsigned char *)(uintptr_t)head.at + head.len);
    if (status == SP_OK)
        *claims = sp_str(head.at + 1, head.len - 1 + rest);
    return status;
}
