/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/basic_credentials.h"

#include "core/oauth/form.h"
#include "core/jose/base64url.h"

bool sp_is_basic(struct sp_str authorization)
{
    return authorization.len >= 5 && sp_str_equal_ignoring_case(sp_str_slice(authorization, 0, 5), SP_STR("Basic")) &&
           (authorization.len == 5 || authorization.at[5] == ' ');
}

enum sp_status sp_basic_credentials_parse(struct sp_arena *arena, struct sp_str authorization,
                                          struct sp_basic_credentials *credentials, const char **fault)
{
    struct sp_str bytes = SP_STR_NONE;
    enum sp_status status =
        sp_base64_decode(arena, sp_str_trim(sp_str_slice(authorization, 5, authorization.len)), &bytes);
    if (status == SP_MALFORMED)
        *fault = "what follows 'Basic ' is not base64 (RFC 4648 4, padded)";
    if (status != SP_OK)
        return status;
    size_t colon = sp_str_index_of(bytes, ':', 0);
    if (colon == bytes.len) {
        *fault = "there is no colon between the client id and the secret";
        return SP_MALFORMED;
    }
    if (!sp_str_is_utf8(bytes) || sp_str_index_of(bytes, '\0', 0) < bytes.len) {
        *fault = "the decoded value is not UTF-8 text";
        return SP_MALFORMED;
    }
    struct sp_basic_credentials read = {.raw_id = sp_str_slice(bytes, 0, colon),
                                        .raw_secret = sp_str_slice(bytes, colon + 1, bytes.len)};
    struct sp_str *const decoded[] = {&read.id, &read.secret};
    const struct sp_str raw[] = {read.raw_id, read.raw_secret};
    for (size_t i = 0; i < 2; i++) {
        status = sp_form_decode(arena, raw[i], decoded[i]);
        if (status != SP_OK && status != SP_MALFORMED)
            return status;
    }
    *credentials = read;
    return SP_OK;
}
