/* SPDX-License-Identifier: Apache-2.0 */
#include "core/jose/jws.h"

#include "core/jose/base64url.h"

enum sp_status sp_jws_sign(struct sp_arena *arena, const struct sp_key *key, enum sp_algorithm algorithm,
                           struct sp_str header, struct sp_str payload, struct sp_str *compact)
{
    struct sp_str head, body, signature, end;
    enum sp_status status = sp_base64url_encode(arena, header, &head);
    if (status == SP_OK)
        status = sp_base64url_encode(arena, payload, &body);
    if (status != SP_OK)
        return status;
    struct sp_str text = sp_arena_printf(arena, "%.*s.%.*s", SP_STR_ARG(head), SP_STR_ARG(body));
    if (text.at == NULL)
        return SP_NO_MEMORY;
    status = sp_key_sign(key, algorithm, text, arena, &signature);
    if (status == SP_OK)
        status = sp_base64url_encode(arena, signature, &end);
    if (status != SP_OK)
        return status;
    struct sp_str whole = sp_arena_printf(arena, "%.*s.%.*s", SP_STR_ARG(text), SP_STR_ARG(end));
    if (whole.at == NULL)
        return SP_NO_MEMORY;
    *compact = whole;
    return SP_OK;
}
