/* SPDX-License-Identifier: Apache-2.0 */
#include "core/factor/authenticator_data.h"

#include "core/factor/cbor.h"
#include "core/factor/cose_key.h"
#include "core/factor/factor.h"

#define HASH_BYTES 32u
#define HEAD_BYTES 37u
#define AAGUID_BYTES 16u

static struct sp_str cut(struct sp_str *rest, size_t len)
{
    struct sp_str part = sp_str_slice(*rest, 0, len);
    *rest = sp_str_slice(*rest, len, rest->len);
    return part;
}

static uint32_t number_of(struct sp_str bytes)
{
    uint32_t number = 0;
    for (size_t i = 0; i < bytes.len; i++)
        number = number << 8 | (unsigned char)bytes.at[i];
    return number;
}

static enum sp_status read_credential(struct sp_arena *arena, struct sp_str *rest, struct sp_authenticator_data *data)
{
    if (rest->len < AAGUID_BYTES + 2)
        return SP_MALFORMED;
    data->aaguid = cut(rest, AAGUID_BYTES);
    size_t id_bytes = number_of(cut(rest, 2));
    if (id_bytes == 0 || id_bytes > SP_MAX_CREDENTIAL_ID_BYTES || id_bytes > rest->len)
        return SP_MALFORMED;
    data->credential_id = cut(rest, id_bytes);
    return sp_cose_key_to_jwk(arena, rest, &data->algorithm, &data->jwk);
}

static enum sp_status skip_extensions(struct sp_str *rest)
{
    struct sp_str at = *rest;
    struct sp_cbor_item map;
    enum sp_status status = sp_cbor_next(&at, &map);
    if (status == SP_OK && map.type != SP_CBOR_MAP)
        status = SP_MALFORMED;
    return status == SP_OK ? sp_cbor_skip(rest) : status;
}

enum sp_status sp_authenticator_data_read(struct sp_arena *arena, struct sp_str bytes,
                                          struct sp_authenticator_data *data)
{
    struct sp_authenticator_data read = {0};
    struct sp_str rest = bytes;
    enum sp_status status = SP_OK;
    if (rest.len < HEAD_BYTES)
        return SP_MALFORMED;
    read.rp_id_hash = cut(&rest, HASH_BYTES);
    read.flags = number_of(cut(&rest, 1));
    read.sign_count = number_of(cut(&rest, 4));
    if ((read.flags & (unsigned)SP_AUTHENTICATOR_CREDENTIAL) != 0)
        status = read_credential(arena, &rest, &read);
    if (status == SP_OK && (read.flags & (unsigned)SP_AUTHENTICATOR_EXTENSIONS) != 0)
        status = skip_extensions(&rest);
    if (status == SP_OK && rest.len > 0)
        status = SP_MALFORMED;
    if (status == SP_OK)
        *data = read;
    return status;
}
