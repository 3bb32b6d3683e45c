/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/client_keys.h"

#include "authority/remote_keys.h"

enum sp_step sp_client_keys_for(struct sp_call *call, const struct sp_client *client, struct sp_str kid,
                                const struct sp_jwk_set **keys)
{
    if (client->jwks_uri.len > 0)
        return sp_remote_keys_get(call, client->jwks_uri, kid, keys);
    *keys = client->keys;
    return SP_GOES_ON;
}
