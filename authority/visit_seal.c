/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/visit_seal.h"

#include "authority/handle.h"
#include "core/base/secret.h"
#include "core/jose/base64url.h"
#include "core/jose/crypto_seal.h"

#define SALT_BYTES 16u
/* Nonce and tag of crypto_seal.h. */
#define SEAL_BYTES 28u
#define MAX_HANDLE_CHARACTERS SP_BASE64URL_ENCODED(SALT_BYTES + SEAL_BYTES + SP_MAX_SEALED_VISIT_BYTES)

/* A key for each: strangers decide how many there are, and GCM's random nonces bear 2^32 under one key. */
static enum sp_status derive_key(struct sp_call *call, struct sp_str salt, unsigned char key[32])
{
    struct sp_str name = sp_base64url_of(call->arena, salt.at, salt.len),
                  text = sp_arena_printf(call->arena, "visit %.*s", SP_STR_ARG(name));
    if (name.at == NULL || text.at == NULL)
        return SP_NO_MEMORY;
    sp_mac(call->authority->process_secret, text, key);
    return SP_OK;
}

enum sp_status sp_visit_seal(struct sp_call *call, struct sp_str data, struct sp_str *handle)
{
    unsigned char salt[SALT_BYTES], key[32];
    struct sp_str sealed = SP_STR_NONE;
    if (data.len > SP_MAX_SEALED_VISIT_BYTES)
        return SP_TOO_LARGE;
    sp_random_bytes(salt, sizeof salt);
    enum sp_status status = derive_key(call, sp_str((const char *)salt, sizeof salt), key);
    if (status == SP_OK)
        status = sp_seal(key, SP_STR("visit"), data, call->arena, &sealed);
    sp_wipe(key, sizeof key);
    char *whole = status == SP_OK ? sp_arena_alloc(call->arena, sizeof salt + sealed.len) : NULL;
    if (whole == NULL)
        return status == SP_OK ? SP_NO_MEMORY : status;
    memcpy(whole, salt, sizeof salt);
    memcpy(whole + sizeof salt, sealed.at, sealed.len);
    struct sp_str text = sp_base64url_of(call->arena, whole, sizeof salt + sealed.len);
    if (text.at == NULL)
        return SP_NO_MEMORY;
    *handle = text;
    return SP_OK;
}

enum sp_status sp_visit_unseal(struct sp_call *call, struct sp_str handle, struct sp_str *data)
{
    unsigned char key[32];
    struct sp_str whole = SP_STR_NONE;
    if (handle.len > MAX_HANDLE_CHARACTERS)
        return SP_NOT_FOUND;
    enum sp_status status = sp_base64url_decode(call->arena, handle, &whole);
    if (status == SP_MALFORMED || (status == SP_OK && whole.len <= SALT_BYTES + SEAL_BYTES))
        return SP_NOT_FOUND;
    if (status == SP_OK)
        status = derive_key(call, sp_str_slice(whole, 0, SALT_BYTES), key);
    if (status != SP_OK)
        return status;
    status = sp_unseal(key, SP_STR("visit"), sp_str_slice(whole, SALT_BYTES, whole.len), call->arena, data);
    sp_wipe(key, sizeof key);
    return status;
}
