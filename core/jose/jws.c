/* SPDX-License-Identifier: Apache-2.0 */
#include "core/jose/jws.h"

#include "core/jose/base64url.h"

enum sp_status sp_jws_sign(struct sp_arena *arena, const struct sp_key *key, enum sp_algorithm algorithm,
                           struct sp_str header, struct sp_str payload, struct sp_str *compact)
{
    size_t head = SP_BASE64URL_ENCODED(header.len), body = SP_BASE64URL_ENCODED(payload.len);
    size_t signed_len = head + 1 + body, most = SP_BASE64URL_ENCODED(sp_key_signature_bytes(key, algorithm));
    struct sp_str signature;
    /* One piece of memory that grows to the right: what is signed is the front of what is sent. */
    char *text = sp_arena_alloc(arena, signed_len + 1 + most + 1);
    if (text == NULL)
        return SP_NO_MEMORY;
    sp_base64url_encode_into(header, text);
    text[head] = '.';
    sp_base64url_encode_into(payload, text + head + 1);
    enum sp_status status = sp_key_sign(key, algorithm, sp_str(text, signed_len), arena, &signature);
    if (status != SP_OK)
        return status;
    if (SP_BASE64URL_ENCODED(signature.len) > most)
        return SP_CRYPTO;
    text[signed_len] = '.';
    sp_base64url_encode_into(signature, text + signed_len + 1);
    size_t len = signed_len + 1 + SP_BASE64URL_ENCODED(signature.len);
    text[len] = '\0';
    *compact = sp_str(text, len);
    return SP_OK;
}
