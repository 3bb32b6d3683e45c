/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/handle.h"

#include <stdlib.h>
#include "core/base/secret.h"
#include "core/jose/base64url.h"
#include "core/jose/crypto.h"

void sp_random_bytes(void *at, size_t len)
{
    if (sp_random(at, len) != SP_OK)
        abort();
}

struct sp_str sp_base64url_of(struct sp_arena *arena, const void *at, size_t len)
{
    struct sp_str text = SP_STR_NONE;
    return sp_base64url_encode(arena, sp_str(at, len), &text) == SP_OK ? text : SP_STR_NONE;
}

struct sp_str sp_handle_make(struct sp_arena *arena, const char *prefix, size_t bytes)
{
    unsigned char random[64];
    char text[SP_BASE64URL_ENCODED(sizeof random)];
    sp_random_bytes(random, bytes);
    sp_base64url_encode_into(sp_str((const char *)random, bytes), text);
    struct sp_str handle = sp_arena_printf(arena, "%s%.*s", prefix, (int)SP_BASE64URL_ENCODED(bytes), text);
    sp_wipe(random, sizeof random);
    sp_wipe(text, sizeof text);
    return handle;
}

void sp_mac(const unsigned char key[32], struct sp_str text, unsigned char mac[32])
{
    unsigned char whole[64];
    if (sp_hmac(SP_HASH_SHA256, sp_str((const char *)key, 32), text, whole) != 32)
        abort();
    memcpy(mac, whole, 32);
}
